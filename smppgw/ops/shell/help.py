"""What `?` and `help` say: about a command, about what can come next, about all there is.

Owns: how this is laid out. Refuses to know: terminals, and what can come next (`grammar`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smppgw.core.command import Argument, Column, Command, CommandError, Role
from smppgw.ops.shell import grammar
from smppgw.ops.shell.registry import Registry
from smppgw.ops.shell.render import fold, table_lines

INDENT = "  "
OVERVIEW = (Column("COMMAND", "command"), Column("DOES", "does"))
NARROW = 20
"""Characters that an explanation gets beside its word, at least."""


def asked(source: str, registry: Registry, role: Role, width: int) -> list[str]:
    """What can come at the end of an unfinished line, in lines of text."""
    source = source[grammar.inner(source, registry) :]
    command = _named(source, registry)
    said = about(command, width) if command is not None and command.role <= role else []
    argument = grammar.awaited(source, registry, role)
    if argument is not None:
        said += fold(f"{_typed(argument)}: {argument.help}", width)
    _, found = grammar.options(source, registry, role)
    return said + _listed([(one.text, one.help) for one in found], width)


def about(command: Command, width: int) -> list[str]:
    """What a command does and how it is written."""
    said = [
        *fold(command.help, width),
        *fold(f"usage    {grammar.usage(command)}", width, " " * 9),
    ]
    return [*said, f"example  {command.example}"] if command.example else said


def manual(command: Command, width: int) -> list[str]:
    """All about a command: `about`, and each of its arguments."""
    return [
        *about(command, width),
        *_listed([(_typed(one), one.help) for one in command.arguments], width),
    ]


def overview(commands: Iterable[Command], width: int) -> list[str]:
    """Commands, a line about each."""
    rows = [{"command": one.name, "does": one.summary} for one in commands]
    return table_lines(OVERVIEW, rows, width)


def _named(source: str, registry: Registry) -> Command | None:
    """The command that a line names, in words that are whole."""
    try:
        names = grammar.split(source).names
        command, used = registry.resolve(names)
    except CommandError:
        return None
    cut = len(names) == used and not source[-1:].isspace() and names[-1] != command.words[-1]
    return None if cut else command


def _typed(argument: Argument) -> str:
    """An argument as `usage` writes it."""
    return argument.name.upper() if argument.positional else argument.name


def _listed(pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Words and their explanations, side by side."""
    room = max((len(word) for word, _ in pairs), default=0)
    behind = len(INDENT) + room + len(INDENT)
    if behind + NARROW > width:
        behind = 2 * len(INDENT)
    said: list[str] = []
    for word, help in pairs:
        begin = f"{INDENT}{word}".ljust(behind - len(INDENT)) + INDENT
        said += fold(begin + help, width, " " * behind) if help else [begin.rstrip()]
    return said
