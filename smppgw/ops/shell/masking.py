"""Lines without their secrets, for logs, histories and the audit.

Owns: what of a line is kept when it is taken down, whatever was typed: in a line within a line,
behind a slip of the finger, in the place of a command.
Refuses to know: how a line is read (`grammar`), and where it is taken down.
"""

from __future__ import annotations

from smppgw.core.command import CommandError, Kind
from smppgw.core.nearest import nearest
from smppgw.ops.shell.grammar import Reading, inner, split
from smppgw.ops.shell.registry import Registry

HIDDEN = "***"


def masked(source: str, registry: Registry) -> str:
    """A line without its secrets.

    Of what cannot be read as a command, the first two words are kept if they are words of commands,
    or nearly: a secret may be anywhere.
    """
    skipped = inner(source, registry)
    if not skipped:
        return _masked(source, registry)
    within = source[skipped:]
    if inner(within, registry):  # no command takes such a line
        return source[:skipped] + _recognized(within, registry)
    return source[:skipped] + _masked(within, registry)


def _masked(source: str, registry: Registry) -> str:
    try:
        line = split(source)
        command, used = registry.resolve(line.names)
    except CommandError:
        return _recognized(source, registry)
    rest = next((one for one in command.arguments if one.kind is Kind.REST), None)
    secret = any(one.secret for one in command.arguments)
    if not secret and rest is None:
        return source
    reading = Reading(command, line, used)
    try:
        while reading.left:
            reading.step()
    except CommandError:
        return f"{command.name} ..." if secret else source
    said = source
    if secret and line.pipes:  # a secret may have had a | in it
        said = f"{source[: line.words[-1].end]} | {HIDDEN}"
    for argument, word in reversed(reading.spans):
        if argument.secret:
            said = said[: word.begin] + HIDDEN + said[word.end :]
        elif argument is rest and (hidden := _hidden_within(word.text, registry)):
            said = said[: word.begin] + hidden + said[word.end :]
    return said


def _hidden_within(text: str, registry: Registry) -> str:
    """A text that is itself a command with secrets, without them; "" for any other."""
    try:
        command, _ = registry.resolve(split(text).names)
    except CommandError:
        return ""
    if not any(one.secret for one in command.arguments):
        return ""
    return _masked(text, registry)


def _recognized(source: str, registry: Registry) -> str:
    """What may be kept of a line that is no command."""
    words = source[:200].split()
    known = {word for command in registry.commands() for word in command.words}
    kept = []
    for word in words[:2]:
        if not (any(one.startswith(word) for one in known) or nearest(word, known)):
            break
        kept.append(word)
    left_out = ["..."] if len(kept) < len(source.split()) else []
    return " ".join(kept + left_out)
