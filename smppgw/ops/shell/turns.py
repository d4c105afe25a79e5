"""The share of the process that the shell takes: messages come first.

Owns: how long commands rest after what they cost, all sessions together.
Refuses to know: commands, and who waits for them.

One operator notices nothing: a command takes some milliseconds. Fifty who paste a thousand lines
each would have the reactor for themselves else.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

REST = 4.0
"""Seconds without commands for each second of them: they take a fifth of the time at most."""
MOST = 0.25
"""Seconds that one command is charged at most."""
MOST_ELSEWHERE = 0.02
"""Seconds that are charged at most for what a command waits for: a thread at work, or a peer."""


class Turns:
    """Lets commands begin, one after the other when they are many."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._free = 0.0

    async def free(self) -> None:
        """Wait until a command may begin; at once unless others did a moment ago."""
        while (wait := self._free - self._clock.seconds()) > 0:
            await deferLater(self._clock, wait)

    def spent(self, began: float, elsewhere: float = 0.0) -> None:
        """A command took the reactor since `began`, and waited for others `elsewhere` seconds."""
        now = self._clock.seconds()
        cost = min(max(now - began, 0.0), MOST) + min(max(elsewhere, 0.0), MOST_ELSEWHERE)
        if cost:
            self._free = max(self._free, now) + REST * cost
