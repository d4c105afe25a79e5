"""A terminal in memory: what an operator types, and the screen that he sees (by pyte)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyte
from shell_kit import Notes
from twisted.internet.task import Clock

from smppgw.core.command import Command, Operator, Role
from smppgw.ops.shell.commands.sessions import session_commands
from smppgw.ops.shell.sessions import Shell
from smppgw.ops.shell.terminal import Terminal


def settle(clock: Clock) -> None:
    """Let everything happen that waits for no time."""
    while any(call.getTime() <= clock.seconds() for call in clock.getDelayedCalls()):
        clock.advance(0)


class Screen:
    """What a terminal of a size shows after the octets it was sent."""

    def __init__(self, width: int = 80, height: int = 24) -> None:
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self.screen)

    def feed(self, octets: bytes) -> None:
        self._stream.feed(octets)

    @property
    def rows(self) -> list[str]:
        """The rows, without blanks at the end; those below the cursor only when not empty."""
        found = [row.rstrip() for row in self.screen.display]
        while len(found) > self.screen.cursor.y + 1 and not found[-1]:
            found.pop()
        return found

    @property
    def row(self) -> str:
        """The row of the cursor, blanks at its end left out."""
        return str(self.screen.display[self.screen.cursor.y].rstrip())

    @property
    def column(self) -> int:
        return int(self.screen.cursor.x)


class Wire:
    """A connection that keeps what is written to it."""

    def __init__(self, screen: Screen | None = None) -> None:
        self.sent = b""
        self.total = 0
        self.reading = True
        self.closing = False
        self.aborted = False
        self.screen = screen

    def write(self, octets: bytes) -> None:
        assert not self.closing
        assert not self.aborted
        self.sent += octets
        self.total += len(octets)
        if self.screen is not None:
            self.screen.feed(octets)

    def read(self, wanted: bool) -> None:
        self.reading = wanted

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.aborted = True

    def take(self) -> str:
        """What was sent since the last time."""
        sent, self.sent = self.sent, b""
        return sent.decode()


class House:
    """A shell in memory, and terminals in it."""

    def __init__(
        self,
        directory: Path,
        commands: Iterable[Command] = (),
        dirty: Callable[[object], bool] = lambda session: False,
        banner: Iterable[str] = (),
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.notes = Notes()
        self.shell = Shell(commands, self.clock, self.notes, directory, dirty=dirty, banner=banner)
        self.shell.registry.add(session_commands(self.shell))

    def open(
        self,
        role: Role = Role.ADMIN,
        name: str = "ops",
        *,
        dumb: bool = False,
        width: int = 80,
        height: int = 24,
        **more: Any,
    ) -> Seat:
        return Seat(self, Operator(name, role, "10.0.0.1"), dumb, width, height, more)


class Seat:
    """An operator at a terminal."""

    def __init__(
        self,
        house: House,
        operator: Operator,
        dumb: bool,
        width: int,
        height: int,
        more: dict[str, Any],
    ) -> None:
        self.clock = house.clock
        self.screen = Screen(width, height)
        self.wire = Wire(None if dumb else self.screen)
        self.terminal = Terminal(
            house.shell,
            operator,
            self.wire,
            "telnet",
            dumb=dumb,
            width=width,
            height=height,
            **more,
        )
        self.terminal.start()

    def type(self, said: str | bytes) -> list[str]:
        """Type, and look at the screen."""
        self.terminal.received(said.encode() if isinstance(said, str) else said)
        settle(self.clock)
        return self.screen.rows

    def send(self, said: str | bytes) -> str:
        """The same at a dumb terminal: what comes back."""
        self.wire.take()
        self.terminal.received(said.encode() if isinstance(said, str) else said)
        settle(self.clock)
        return self.wire.take()
