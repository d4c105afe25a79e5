"""What is sent to a terminal: passed on while it reads, held within a limit while it does not.

Owns: that output never grows without a limit, and that a terminal that is stuck is given up.
Refuses to know: what is written, and to what kind of connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

MOST_UNSENT = 256 * 1024
"""Octets held for a terminal that does not read, besides what its connection holds."""
STUCK = 300.0
"""Seconds without reading after which a terminal is given up."""
GOODBYE = 10.0
"""Seconds in which a terminal has to take the last words."""


class Wire(Protocol):
    """A connection to a terminal.

    The door calls `Terminal.pause(True)` when it holds too much of what was written (64 KiB, say),
    and `pause(False)` when that has been sent.
    """

    def write(self, octets: bytes) -> None:
        """Send."""
        ...

    def read(self, wanted: bool) -> None:
        """Whether more octets are wanted now; what comes before they are waits with the peer."""
        ...

    def close(self) -> None:
        """Close when all that was written has been sent."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...


class Outlet:
    """The way to one terminal; `resumed` is called when it reads again."""

    def __init__(self, wire: Wire, clock: IReactorTime, resumed: Callable[[], None]) -> None:
        self.full = False
        """The terminal does not read."""
        self._wire = wire
        self._clock = clock
        self._resumed = resumed
        self._held: list[bytes] = []
        self._size = 0
        self._over = False
        self._timer: IDelayedCall | None = None

    def write(self, text: str) -> None:
        """Send a text; a terminal that has too much unread is cut off."""
        if self._over or not text:
            return
        octets = text.encode("utf-8", "replace")
        if not self.full:
            self._wire.write(octets)
            return
        self._held.append(octets)
        self._size += len(octets)
        if self._size > MOST_UNSENT:
            self._give_up()

    def pause(self, full: bool) -> None:
        """The connection holds too much, or no longer."""
        if self._over or full is self.full:
            return
        self.full = full
        if full:
            self._wait(STUCK)
            return
        self._stop_waiting()
        held, self._held, self._size = self._held, [], 0
        if held:
            self._wire.write(b"".join(held))
        if not self.full:
            self._resumed()

    def close(self) -> None:
        """Say what was written, then close; at once when the terminal does not read."""
        if self._over:
            return
        if self.full:
            self._give_up()
            return
        self._over = True
        self._wait(GOODBYE)
        self._wire.close()

    def closed(self) -> None:
        """The connection has gone."""
        self._over = True
        self._held = []
        self._stop_waiting()

    def _give_up(self) -> None:
        self.closed()
        self._wire.abort()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self._clock.callLater(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
