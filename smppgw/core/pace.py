"""Pace: senders get their answers no faster than a fast carrier takes the messages.

Owns: answers that are due but wait for the carriers to catch up.
Refuses to know: what the answers say; they are durable before they come here.

While carriers take thousands of messages a second and more wait for them than they can have in
flight, accepting still more only makes the queue longer: both want the same processor, and rows of
queued messages cost more than messages that pass. So the answers wait, a few milliseconds, and the
senders' windows do the rest. A slow carrier is no reason to wait: its queue is there for that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

FAST = 2_000.0
"""Messages a second, all carriers together, from which senders are paced."""
MEASURED = 0.01
"""Seconds over which that rate is taken."""
FALL = 0.3
"""Seconds in which it falls by two thirds: a pause that a busy machine makes is no slow carrier.

Else all senders would run ahead at each, and what is queued then stays so while they are as fast.
"""
HELD = 0.25
"""Seconds that an answer waits at most."""


class Answered(Protocol):
    """Whoever the answers are for: a bind."""

    def give(self, data: bytes, answers: int) -> None:
        """Take answers that may go."""

    def flush(self) -> None:
        """Let them go."""


class Pace:
    """Holds answers back; `behind` says whether more waits than can be in flight."""

    def __init__(self, clock: IReactorTime, behind: Callable[[], bool]) -> None:
        self._clock = clock
        self._behind = behind
        self._waiting: deque[tuple[float, Answered, bytes, int]] = deque()
        self._credit = 0
        self._rate = 0.0
        self._count = 0
        self._since = clock.seconds()
        self._timer: IDelayedCall | None = None

    @property
    def holding(self) -> int:
        """Answers that wait, in the portions in which they go."""
        return len(self._waiting)

    def release(self, bind: Answered, data: bytes, answers: int) -> None:
        """Give answers to a bind, now or when the carriers have caught up; order is kept.

        What it gets now the caller flushes.
        """
        if not self._waiting and (self._rate < FAST or not self._behind()):
            bind.give(data, answers)
            return
        self._waiting.append((self._clock.seconds() + HELD, bind, data, answers))
        if self._timer is None:
            self._timer = self._clock.callLater(HELD, self._overdue)

    def sent(self, count: int) -> None:
        """Carriers took `count` messages: as many answers may go."""
        self._count += count
        now = self._clock.seconds()
        elapsed = now - self._since
        if elapsed >= MEASURED:
            rate = self._count / elapsed
            self._rate = max(rate, self._rate + (rate - self._rate) * min(1.0, elapsed / FALL))
            self._count = 0
            self._since = now
        if self._waiting:
            self._credit += count
            self._give(self._rate < FAST or not self._behind())

    def _give(self, everything: bool) -> None:
        waiting = self._waiting
        while waiting and (everything or self._credit > 0):
            _, bind, data, answers = waiting.popleft()
            self._credit -= answers
            bind.give(data, answers)
            bind.flush()
        if not waiting:
            self._credit = 0

    def _overdue(self) -> None:
        """Answers that nobody caught up with go all the same."""
        self._timer = None
        waiting = self._waiting
        now = self._clock.seconds()
        while waiting and waiting[0][0] <= now:
            _, bind, data, answers = waiting.popleft()
            bind.give(data, answers)
            bind.flush()
        if waiting:
            self._timer = self._clock.callLater(max(0.0, waiting[0][0] - now), self._overdue)

    def stop(self) -> None:
        """Let everything go and forget the timer."""
        self._give(everything=True)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
