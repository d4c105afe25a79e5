"""What is to be done later, in order, with one delayed call for all of it.

Owns: a heap of actions and the timer of the earliest. Refuses to know what the actions do.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Agenda:
    """Actions by time; those of the same time keep the order in which they were given.

    `afterwards` is called once behind all actions that were due together.
    """

    def __init__(self, clock: IReactorTime, afterwards: Callable[[], None]) -> None:
        self._clock = clock
        self._afterwards = afterwards
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._given = 0
        self._call: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def after(self, delay: float, action: Callable[..., None], *arguments: object) -> None:
        """Do `action` in `delay` seconds, never before this returns."""
        self._given += 1
        due = self._clock.seconds() + max(0.0, delay)
        heappush(self._heap, (due, self._given, action, arguments))
        if self._heap[0][1] == self._given:
            self._arm()

    def clear(self) -> None:
        """Do nothing of it."""
        self._heap.clear()
        self._arm()

    def _arm(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        if self._heap:
            delay = max(0.0, self._heap[0][0] - self._clock.seconds())
            self._call = self._clock.callLater(delay, self._work)

    def _work(self) -> None:
        now = self._clock.seconds()
        try:
            while self._heap and self._heap[0][0] <= now:
                _, _, action, arguments = heappop(self._heap)
                action(*arguments)
        finally:
            # An action that fails must not take the rest with it.
            self._afterwards()
            self._arm()
