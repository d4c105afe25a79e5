"""The share of the process that the shell takes: messages come first.

Owns: how long commands rest after what they cost, all sessions together.
Refuses to know: what commands do, and who waits for them.

One operator notices nothing: a command takes some milliseconds. Fifty who paste a thousand lines
each would have the reactor for themselves else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from smppgw.core.command import Answer, Call, Command

REST = 4.0
"""Seconds without commands for each second of them: they take a fifth of the time at most."""
AT_ONCE = 0.25
"""Seconds of rest that may be owed: one operator who types a line now and then does not wait."""
MOST = 0.25
"""Seconds that one step of a command is charged at most."""
MOST_ELSEWHERE = 0.02
"""Seconds that are charged at most for what a command waits for: a thread at work, or a peer."""

T = TypeVar("T")


class Turns:
    """Lets commands begin, one after the other when they are many."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._free = 0.0
        self._waiting: deque[Deferred[None]] = deque()
        self._timer: IDelayedCall | None = None

    def free(self) -> Deferred[None]:
        """Fire when a command may begin: in order, at once unless others took much a moment ago."""
        if not self._waiting and self._rest <= 0:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._gone)
        self._waiting.append(waiting)
        if self._timer is None:
            self._next()
        return waiting

    @property
    def _rest(self) -> float:
        return self._free - AT_ONCE - self._clock.seconds()

    def _next(self) -> None:
        """Let them begin one by one: each takes of the time of the next."""
        self._timer = None
        while self._waiting and self._timer is None:
            rest = self._rest
            if rest > 0:
                self._timer = self._clock.callLater(rest, self._next)
            else:
                self._waiting.popleft().callback(None)

    def _gone(self, waiting: Deferred[None]) -> None:
        self._waiting.remove(waiting)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def spent(self, seconds: float) -> None:
        """A command took the reactor for so long."""
        self._charge(min(seconds, MOST))

    async def answer(self, command: Command, call: Call) -> Answer:
        """What a command answers; time in which others are at work for it is charged as well."""
        answering = command.function(call)
        if isinstance(answering, Awaitable):
            began = self._clock.seconds()
            answer = await answering
            self._charge(min(self._clock.seconds() - began, MOST_ELSEWHERE))
            return answer
        return answering

    def _charge(self, seconds: float) -> None:
        if seconds > 0:
            began = self._clock.seconds() - seconds
            self._free = max(self._free, began) + (1 + REST) * seconds


@coroutine
def stepwise(
    work: Coroutine[Any, Any, T], clock: IReactorTime, spent: Callable[[float], None]
) -> Generator[Any, Any, T]:
    """Await `work`; `spent` is told how many seconds each step of it took of the reactor."""
    step: Callable[[Any], Any] = work.send
    given: Any = None
    while True:
        began = clock.seconds()
        try:
            awaited = step(given)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            spent(clock.seconds() - began)
        try:
            step, given = work.send, (yield awaited)
        except BaseException as error:  # how who awaits is told of a failure, or to give up
            step, given = work.throw, error
