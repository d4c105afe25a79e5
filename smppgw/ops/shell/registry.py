"""All commands there are, by their words.

Owns: that no two commands have the same words, the promise of each verb, and finding a command from
what was typed: whole words, or the beginning of one that fits only one.
Refuses to know: lines, arguments, and what commands do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smppgw.core.command import Command, CommandError, Role
from smppgw.core.nearest import nearest


class Registry:
    """The commands of one gateway. Raises ValueError when two have the same words."""

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self._commands: dict[tuple[str, ...], Command] = {}
        self._following: dict[tuple[tuple[str, ...], Role], list[str]] = {}
        """What `next_words` found: every line is looked up several times."""
        self.add(commands)

    def add(self, commands: Iterable[Command]) -> None:
        """More commands; raises ValueError for words that are taken."""
        for command in commands:
            if command.words in self._commands:
                raise ValueError(f"two commands are called {command.name!r}")
            self._commands[command.words] = command
        self._commands = dict(sorted(self._commands.items()))
        self._following = {}

    def commands(self, role: Role = Role.ADMIN) -> list[Command]:
        """Those that a role may use, in the order of their words."""
        return [one for one in self._commands.values() if one.role <= role]

    def next_words(self, path: Sequence[str], role: Role = Role.ADMIN) -> list[str]:
        """The words that can follow `path`, which is whole words, for a role."""
        before = tuple(path)
        known = self._following.get((before, role))
        if known is not None:
            return known
        depth = len(before)
        found = sorted(
            {
                one.words[depth]
                for one in self.commands(role)
                if len(one.words) > depth and one.words[:depth] == before
            }
        )
        if found:  # of words that are none there is no end
            self._following[before, role] = found
        return found

    def exactly(self, path: Sequence[str]) -> Command | None:
        """The command with these words and no more."""
        return self._commands.get(tuple(path))

    def resolve(self, typed: Sequence[str]) -> tuple[Command, int]:
        """The command that a line begins with, and how many of its words name it.

        A word may be shortened while only one fits. Where a word and its plural fit, the plural is
        meant when nothing follows. Raises CommandError with the nearest, or the possible ones.
        """
        path: list[str] = []
        for place, word in enumerate(typed):
            possible = self.next_words(path)
            fitting = _fitting(word, possible, followed=place + 1 < len(typed))
            if len(fitting) != 1:
                if path and self.exactly(path):
                    break  # what follows are its arguments
                raise _unresolved(path, word, fitting, possible)
            path.append(fitting[0])
        command = self.exactly(path)
        if command is None:
            following = ", ".join(self.next_words(path))
            raise CommandError(
                f"{' '.join(path)}: one of these has to follow: {following}", "usage"
            )
        return command, len(path)


def _fitting(word: str, possible: Sequence[str], *, followed: bool) -> list[str]:
    if word in possible:
        return [word]
    fitting = [one for one in possible if one.startswith(word)] if word else []
    if len(fitting) == 2 and fitting[1] == f"{fitting[0]}s":
        return [fitting[0] if followed else fitting[1]]
    return fitting


def _unresolved(
    path: Sequence[str], word: str, fitting: Sequence[str], possible: Sequence[str]
) -> CommandError:
    typed = " ".join((*path, word))
    if fitting:
        return CommandError(f"{typed!r} could be {_listed(fitting)}", "unknown")
    near = nearest(word, possible)
    if near:
        meant = " ".join((*path, near))
        return CommandError(f"there is no {typed!r}; did you mean {meant!r}?", "unknown")
    if path:
        return CommandError(
            f"there is no {typed!r}; after {' '.join(path)!r} come {_listed(possible)}", "unknown"
        )
    return CommandError(f"there is no {typed!r}; ? lists what there is", "unknown")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words)
