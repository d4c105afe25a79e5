"""What happens by the clock: deferred messages, expiry, retention, parts that do not come.

Owns: the sweeps and their steps; each step is short, so traffic never waits for one.
Refuses to know: what ends or releases a message (see `relay`).

Rows follow what happens a second or so later, so a sweep that found a full step goes on behind it,
and begins anew when it has come to the end.
"""

from __future__ import annotations

from collections.abc import Iterator
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
LOOK_BACK_MS = 60_000
"""Milliseconds, or a tenth of the retention if that is more, between two looks at old messages
that were pending when they got old."""
PRUNED = ("message", "orphan", "unrouted", "trail", "reference", "mo")

log = Logger()


class Scheduler:
    """Runs the sweeps once a second, and faster while they find work."""

    def __init__(self, relay: Relay, clock: IReactorTime) -> None:
        self._relay = relay
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._next_due = 0
        self._deferred_in: object = None
        self._pruned = dict.fromkeys(PRUNED, 0)
        self._left_behind = False
        self._looked_back = 0
        self._swept: dict[str, tuple[int, int]] = {}

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
        self._deferred_in = self._relay.store.batch
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
        sweeps = (
            self._release_due,
            self._expire,
            self._end_unreceipted,
            self._pass_on_parts,
            self._prune,
        )
        for sweep in sweeps:
            with log.failuresHandled("scheduler: {sweep}", sweep=sweep.__name__):
                again = sweep(now) or again
        with log.failuresHandled("scheduler: housekeeping"):
            again = self._relay.tick() or again
        self._call = self._clock.callLater(PAUSE if again else PERIOD, self._tick)

    def _found(self, states: str, column: str, until: int) -> tuple[list[Message], bool]:
        """The next messages of a sweep, oldest first, and whether there may be more of them."""
        engine = self._relay.store.engine
        where = f"{states} AND {column} <= ? AND ({column}, id) > (?, ?) ORDER BY {column}, id"
        values = (until, *self._swept.get(column, (0, 0)))
        found = engine.messages(where, values, STEP)
        last = []
        if len(found) == STEP:  # what counts is where the rows say they are
            last = engine.select(
                f"SELECT {column}, id FROM message WHERE {where} LIMIT 1 OFFSET {STEP - 1}",  # noqa: S608
                values,
            )
        self._swept[column] = last[0] if last else (0, 0)
        return found, bool(last)

    def _as_they_are(self, found: list[Message]) -> Iterator[Message]:
        """Each message as it is when its turn comes: ending one may have moved the others."""
        live = self._relay.store.live
        return (live.get(message.id, message) for message in found)

    def _release_due(self, now: int) -> bool:
        if self._next_due > now:
            return False
        found, more = self._found("state = 21", "due", now)
        for message in self._as_they_are(found):
            if message.state != State.DEFERRED or message.due > now:
                continue
            if message.expires <= now:  # both passed while the gateway was down, or late
                self._relay.end_waiting(message, State.EXPIRED, "validity_period ended")
            else:
                self._relay.release(message)
        store = self._relay.store
        # A row of the batch being filled is not there to be found yet.
        if not more and self._deferred_in is not store.batch and not store.engine.unwritten:
            ((due,),) = store.engine.select(
                "SELECT min(due) FROM message WHERE state = 21 AND due > ?", (now,)
            )
            self._next_due = due or now + 3_600_000
        return more

    def _expire(self, now: int) -> bool:
        found, more = self._found("state IN (20, 21)", "expires", now)
        for message in self._as_they_are(found):
            if message.state in (State.WAITING, State.DEFERRED) and message.expires <= now:
                self._relay.end_waiting(message, State.EXPIRED, "validity_period ended")
        for account in self._relay.accounts.values():
            account.expire(now, STEP)
        self._relay.expire_unclaimed(now, STEP)
        return more

    def _end_unreceipted(self, now: int) -> bool:
        """Messages whose receipt never came end as UNKNOWN, oldest answer first."""
        until = now - self._relay.receipt_wait_ms
        found, more = self._found("state = 23", "answered_at", until)
        for message in self._as_they_are(found):
            if message.state == State.SENT and message.answered_at <= until:
                self._relay.end_unreceipted(message)
        return more

    def _pass_on_parts(self, now: int) -> bool:
        """MOs of which parts never came go to their owners as they are."""
        return self._relay.inbox.expire(now, STEP)

    def _prune(self, now: int) -> bool:
        """Delete what is older than the retention: final messages and what hangs on them.

        Each row is looked at when it gets that old. Messages that are pending then are looked at
        again, but seldom: there may be very many of them.
        """
        relay = self._relay
        until = (now - relay.retention_ms - EPOCH_MS) << 21
        if until <= 0:
            return False
        more = False
        for table in PRUNED:
            state = "state" if table == "message" else int(State.DELIVERED)
            rows = relay.store.engine.select(
                f"SELECT id, {state} FROM {table} WHERE id > ? AND id < ? ORDER BY id LIMIT ?",  # noqa: S608
                (self._pruned[table], until, STEP),
            )
            for number, found in rows:
                if found < State.WAITING:
                    relay.store.execute(f"DELETE FROM {table} WHERE id = ?", number)  # noqa: S608
                else:
                    self._left_behind = True
            if rows:
                self._pruned[table] = rows[-1][0]
            more = more or len(rows) == STEP
        pause = max(LOOK_BACK_MS, relay.retention_ms // 10)
        if self._left_behind and not more and not 0 <= now - self._looked_back < pause:
            self._left_behind = False
            self._looked_back = now
            self._pruned["message"] = 0
        return more
