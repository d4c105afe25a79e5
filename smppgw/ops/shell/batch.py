"""Lines carried out one by one, with nobody to ask: what scripts have of the shell.

Owns: their session, their output as fast as the client reads, and aborting.
Refuses to know: where the lines come from and how it is told what became of them (`local`,
`ssh_channel`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from smppgw.core.command import CommandError, Operator
from smppgw.ops.shell.masking import masked
from smppgw.ops.shell.outlet import Outlet, Wire
from smppgw.ops.shell.pager import Pager
from smppgw.ops.shell.runner import Outcome, Running
from smppgw.ops.shell.sessions import LOST, Shell

WIDTH = 200
"""Characters of a line where there is no terminal."""
NOT_UNDERSTOOD = frozenset({"usage", "unknown"})
"""Codes of lines that were not understood."""


class Batch:
    """A `Sink`: `done` is told how each line ended, when all its output has been taken.

    `ended` is told why somebody ends the session, before the wire is closed. Raises CommandError
    when there are too many sessions.
    """

    def __init__(
        self,
        shell: Shell,
        operator: Operator,
        door: str,
        wire: Wire,
        width: int,
        done: Callable[[Outcome], None],
        ended: Callable[[str], None],
    ) -> None:
        self.width = width
        self.session = shell.sessions.open(operator, door, self._end)
        self._shell = shell
        self._outlet = Outlet(wire, shell.clock, self._resumed)
        self._pager = Pager(self._outlet, self._shown, end="\n", most=math.inf)
        self._done = done
        self._ended = ended
        self._running: Running | None = None
        self._outcome: Outcome | None = None
        self._over = False

    @property
    def busy(self) -> bool:
        """A line is at work, or its output has not been taken."""
        return self._running is not None

    def run(self, line: str) -> None:
        """Carry out a line; raises CommandError while another one is at work."""
        if self.busy:
            raise CommandError("another line is at work", "busy")
        session = self.session
        session.active = self._shell.clock.seconds()
        session.command = masked(line, self._shell.registry)
        self._pager.begin()
        self._running = self._shell.runner.run(line, session.operator, session, self)
        self._running.result.addCallback(self._ran)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._pager.drop()
        if self._running is not None:
            self._running.abort()
        self._shown()

    def lost(self) -> Outcome:
        """What is lost when it ends now: its code is "" for nothing."""
        if self._over or not self._shell.dirty(self.session):
            return Outcome()
        return Outcome("uncommitted", f"{LOST}: end with commit, or with discard")

    def close(self, reason: str = "") -> None:
        """It is over; the wire is closed when it has taken everything."""
        if not self._over:
            self._leave(reason)
            self._outlet.close()

    # ------------------------------------------------------------ Sink

    def emit(self, said: Sequence[str], *, live: bool = False, redraw: bool = False) -> None:
        """Lines of output (see `runner.Sink`)."""
        if not self._over:
            (self._pager.live if live else self._pager.show)(said)

    @property
    def reads(self) -> bool:
        """The client takes what it is given."""
        return not self._outlet.full

    def ask(self, question: str) -> Deferred[bool] | None:
        """Nobody is there to be asked."""
        return None

    # ------------------------------------------------------------ what the wire calls

    def pause(self, full: bool) -> None:
        """The client does not read, or does again."""
        self._outlet.pause(full)

    def closed(self) -> None:
        """The connection has gone."""
        self._outlet.closed()
        self._leave("")

    # ------------------------------------------------------------ its way

    def _end(self, reason: str) -> None:
        """Somebody ends the session."""
        if not self._over:
            self._ended(reason)
            self.close(reason)

    def _leave(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._pager.drop()
        if self._running is not None:
            self._running.abort()
        self._shell.sessions.ended(self.session, reason)

    def _resumed(self) -> None:
        self._pager.go_on()

    def _ran(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._shown()

    def _shown(self) -> None:
        outcome = self._outcome
        if self._over or outcome is None or self._pager.holding or self._outlet.full:
            return
        self._running = self._outcome = None
        self.session.command = ""
        self._done(outcome)
