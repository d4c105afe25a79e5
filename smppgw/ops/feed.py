"""Lines for one operator who looks on: at most so many a second, the rest counted and told.

Owns: the bound, and the line that says how much was left out.
Refuses to know: what the lines say and who reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from smppgw.core.command import Emit

Done = Callable[[str], None]
"""Told once that nothing more comes: "" when it ended by itself, else why it had to."""
PER_SECOND = 100
"""Lines a second: more than anybody reads, little enough for any terminal."""

log = Logger()


class Feed:
    """Gives lines to `emit`; `what` names what a line is about, in the plural.

    Who makes lines asks `room` first: what is not shown needs no words, and there is no room while
    nobody `reads`. `emit` may fail: nothing more is given to it then, and the failure goes to
    whoever gave the line.
    """

    def __init__(
        self,
        emit: Emit,
        clock: IReactorTime,
        what: str,
        per_second: int = PER_SECOND,
        reads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._emit = emit
        self._clock = clock
        self._what = what
        self._per_second = per_second
        self._reads = reads
        self._left = per_second
        self._skipped = 0
        self._began = clock.seconds()
        self._timer: IDelayedCall | None = None
        self._stopped = False

    @property
    def room(self) -> int:
        """How many lines may be given now."""
        if not self._reads():
            return 0
        now = self._clock.seconds()
        if not 0.0 <= now - self._began < 1.0:
            self._turn()
        return self._left

    def give(self, lines: Sequence[str], skipped: int = 0) -> None:
        """Show lines, of which there are no more than `room`; `skipped` things were left out."""
        if self._stopped:
            return
        self._left -= len(lines)
        if lines:
            self._emit(lines)
        if skipped:
            self._skipped += skipped
            if self._timer is None and self._reads():
                wait = self._began + 1.0 - self._clock.seconds()
                self._timer = self._clock.callLater(max(0.0, wait), self._due)

    def say(self, *lines: str) -> None:
        """Show lines about the feed itself, which are never left out."""
        if not self._stopped:
            self._turn()
            self._emit(lines)

    def stop(self) -> None:
        """Say what was left out and nothing more; may be called twice."""
        if not self._stopped:
            self._turn()
            self._stopped = True

    def _turn(self) -> None:
        """A new second begins, for who reads."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        if not self._reads():
            return
        self._began = self._clock.seconds()
        self._left = self._per_second
        skipped, self._skipped = self._skipped, 0
        if skipped and not self._stopped:
            self._emit([f"... {skipped:,} {self._what} not shown"])

    def _due(self) -> None:
        self._timer = None
        try:
            self._turn()
        except Exception:
            log.failure("showing {what}", what=self._what)
            self._stopped = True
