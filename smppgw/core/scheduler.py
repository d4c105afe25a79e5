"""What happens by the clock: deferred messages, expiry, retention.

Owns: the sweeps and their steps; each step is short, so traffic never waits for one.
Refuses to know: what ends or releases a message (see `relay`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from smppgw.core.ids import EPOCH_MS
from smppgw.core.message import Message, State

if TYPE_CHECKING:
    from smppgw.core.relay import Relay

STEP = 200
"""Rows handled in one step of a sweep."""
PAUSE = 0.02
"""Seconds between steps while there is more to do."""
PERIOD = 1.0
PRUNED = ("message", "orphan", "unrouted", "trail")

log = Logger()


class Scheduler:
    """Runs the sweeps once a second, and faster while they find work."""

    def __init__(self, relay: Relay, clock: IReactorTime) -> None:
        self._relay = relay
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._next_due = 0
        self._pruned = dict.fromkeys(PRUNED, 0)
        self._waited = 0

    def start(self) -> None:
        """Begin; deferred messages of before are found by their rows."""
        self._call = self._clock.callLater(PERIOD, self._tick)

    def stop(self) -> None:
        """End all sweeps."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def defer(self, message: Message) -> None:
        """Keep a message in its row until it is due."""
        if not self._next_due or message.due < self._next_due:
            self._next_due = message.due
        self._relay.store.spill(message)

    def postpone(self, message: Message, due: int) -> None:
        """A waiting message gets a new time."""
        waited = message.state == State.WAITING
        message.state = State.DEFERRED
        message.due = due
        if waited:  # only now: what leaves the queue lets others pass, and must not be among them
            self._relay.withdraw(message)
        self.defer(message)

    def _tick(self) -> None:
        now = self._relay.now_ms()
        again = False
        for sweep in (self._release_due, self._expire, self._end_unreceipted, self._prune):
            with log.failuresHandled("scheduler: {sweep}", sweep=sweep.__name__):
                again = sweep(now) or again
        with log.failuresHandled("scheduler: housekeeping"):
            self._relay.tick()
        self._call = self._clock.callLater(PAUSE if again else PERIOD, self._tick)

    def _release_due(self, now: int) -> bool:
        if self._next_due > now:
            return False
        found = self._relay.store.engine.messages(
            "state = 21 AND due <= ? ORDER BY due, id", (now,), STEP
        )
        for message in found:
            if message.state == State.DEFERRED and message.due <= now:
                self._relay.release(message)
        if len(found) < STEP:
            ((due,),) = self._relay.store.engine.select(
                "SELECT min(due) FROM message WHERE state = 21 AND due > ?", (now,)
            )
            self._next_due = due or now + 3_600_000
            return False
        return True

    def _expire(self, now: int) -> bool:
        engine = self._relay.store.engine
        found = engine.messages("state IN (20, 21) AND expires <= ? ORDER BY expires", (now,), STEP)
        ended = 0
        for message in found:
            if message.state in (State.WAITING, State.DEFERRED):
                self._relay.end_waiting(message, State.EXPIRED, "validity_period ended")
                ended += 1
        for account in self._relay.accounts.values():
            account.expire(now, STEP)
        self._relay.expire_unclaimed(now, STEP)
        return ended == STEP

    def _end_unreceipted(self, now: int) -> bool:
        """Messages whose receipt never came end as UNKNOWN, oldest first."""
        relay = self._relay
        oldest = ((now - relay.receipt_wait_ms - EPOCH_MS) << 21, self._waited)
        found = relay.store.engine.messages(
            "id > ? AND id < ? ORDER BY id", (oldest[1], max(0, oldest[0])), STEP
        )
        for message in found:
            if message.state == State.SENT:
                relay.end_unreceipted(message)
        if found:
            self._waited = found[-1].id
        return len(found) == STEP

    def _prune(self, now: int) -> bool:
        """Delete what is older than the retention: final messages and what hangs on them."""
        store = self._relay.store
        until = (now - self._relay.retention_ms - EPOCH_MS) << 21
        if until <= 0:
            return False
        more = False
        for table in PRUNED:
            final = "AND state < 20" if table == "message" else ""
            rows = store.engine.select(
                f"SELECT id FROM {table} WHERE id > ? AND id < ? {final} ORDER BY id LIMIT ?",  # noqa: S608
                (self._pruned[table], until, STEP),
            )
            for (number,) in rows:
                store.execute(f"DELETE FROM {table} WHERE id = ?", number)  # noqa: S608
            if rows:
                self._pruned[table] = rows[-1][0]
            more = more or len(rows) == STEP
        if not more:
            # Messages that were pending when the sweep passed them are met next time.
            self._pruned = dict.fromkeys(PRUNED, 0)
        return more
