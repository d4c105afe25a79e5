"""What operators have read from the store: one thing at a time; the ledger counted once for all.

Owns: the queue of readings of all operators together, and how long a count counts as new.
Refuses to know: what is read (`core.store`), and what is said of it.

A thread that reads takes turns with the reactor. With one of them the reactor hardly waits; with
ten it waits ten times as long whenever it calls the system, and traffic stands still. What is said
of a reading is made in the reactor's thread: after each, readings rest, the longer the more it was.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from smppgw.core.relay import Relay
from smppgw.core.store.audit import Audit, AuditTimeout, Count

REST = 9.0
"""Readings rest for so many times what they took of the reactor: they have a tenth of it."""
AT_ONCE = 0.5
"""Seconds of rest that may be owed: one operator who asks now and then does not wait."""
NEW = 10.0
"""A count is shown again for so many times what it took: counting never takes more than a tenth."""
GLANCE = 100.0
"""The same for who only glances at it."""


class Begun(Protocol):
    """A reading made in the reactor's thread, finished in any (`core.store.search`, say)."""

    @property
    def finish(self) -> Callable[..., Any]:
        """Read; what it returns is the result."""


@frozen
class _Reading:
    """One that has not begun; `asked` is called by then when nobody wants it any more."""

    begin: Callable[[], Begun]
    arguments: tuple[Any, ...]
    asked: Deferred[Any]


@frozen
class Counted:
    """A count, when it began and what it took (seconds)."""

    audit: Audit
    at: float
    took: float

    def new(self, now: float, times: float) -> bool:
        """Whether it is no older than so many times what it took."""
        return self.at <= now < self.at + times * self.took


class Readings:
    """Readings in a thread, one after the other.

    Each operator has one at most, so as many wait as there are sessions.
    """

    def __init__(self, in_thread: Callable[..., Deferred[Any]], clock: IReactorTime) -> None:
        self._in_thread = in_thread
        self._clock = clock
        self._took = 0.0
        self._rest = 0.0
        self._timer: IDelayedCall | None = None
        self._waiting: deque[_Reading] = deque()
        self._busy = False

    def run(self, begin: Callable[[], Begun], *arguments: Any) -> Deferred[Any]:
        """Fire with `begin().finish(*arguments)`, or fail as either does.

        `begin` is called in the reactor's thread when it is its turn. When the Deferred is
        cancelled, what has begun goes on and keeps its place until it has ended.
        """
        asked: Deferred[Any] = Deferred()
        self._waiting.append(_Reading(begin, arguments, asked))
        self._next()
        return asked

    def _next(self) -> None:
        while self._waiting and not self._busy and self._timer is None:
            began = self._clock.seconds()
            wait = self._rest - AT_ONCE - began
            if wait > 0.0:
                self._timer = self._clock.callLater(min(wait, REST), self._rested)
                return
            one = self._waiting.popleft()
            if one.asked.called:
                continue
            try:
                finish = one.begin().finish
            except Exception:
                one.asked.errback()
                continue
            self._busy = True
            self._took = self._clock.seconds() - began
            self._in_thread(finish, *one.arguments).addBoth(self._ended, one.asked)

    def _rested(self) -> None:
        self._timer = None
        # Not longer than that, even when the clock was set back.
        self._rest = min(self._rest, self._clock.seconds() + AT_ONCE)
        self._next()

    def _ended(self, result: Any, asked: Deferred[Any]) -> None:
        began = self._clock.seconds()
        if not asked.called:
            (asked.errback if isinstance(result, Failure) else asked.callback)(result)
        now = self._clock.seconds()
        took = min(max(0.0, self._took + now - began), 1.0)
        self._rest = max(self._rest, now) + REST * took
        self._busy = False
        self._next()


class Counts:
    """The ledger counted in the store; who asks while a count is new gets that one."""

    def __init__(self, relay: Relay, readings: Readings) -> None:
        self._relay = relay
        self._clock: IReactorTime = relay.clock
        self._readings = readings
        self._asking: list[Deferred[Audit]] | None = None
        self._began = 0.0
        self._last: Counted | None = None

    def count(self) -> Deferred[Audit]:
        """Fire with counters and count of one moment; fails as `Count` does."""
        last = self._last
        if last is not None and last.new(self._clock.seconds(), NEW):
            return succeed(last.audit)
        asked: Deferred[Audit] = Deferred()
        if self._asking is not None:
            self._asking.append(asked)
            return asked
        self._asking = [asked]
        self._readings.run(self._begin).addBoth(self._ended)
        return asked

    def glance(self, patience: float) -> Deferred[Counted | str]:
        """Fire with a count, or with words why there is none, within so many seconds.

        It may be an older one: while a new one takes longer than that, and for a while after it.
        """
        last = self._last
        if last is not None and last.new(self._clock.seconds(), GLANCE):
            return succeed(last)
        counting: Deferred[Any] = self.count()
        counting.addTimeout(patience, self._clock)
        return counting.addCallbacks(lambda _: self._last or "", self._glanced)

    def _glanced(self, failure: Failure) -> Counted | str:
        if isinstance(failure.value, TimeoutError):
            return self._last or "it is being counted"
        failure.trap(AuditTimeout, sqlite3.Error)  # type: ignore[no-untyped-call]
        return failure.getErrorMessage()

    def _begin(self) -> Count:
        self._began = self._clock.seconds()
        return Count(self._relay.store.engine, self._relay.ledger)

    def _ended(self, result: Audit | Failure) -> None:
        asking, self._asking = self._asking or [], None
        if isinstance(result, Audit):
            took = self._clock.seconds() - self._began
            self._last = Counted(result, self._began, took)
        for one in asking:
            if one.called:
                continue
            if isinstance(result, Audit):
                one.callback(result)
            else:
                one.errback(result)
