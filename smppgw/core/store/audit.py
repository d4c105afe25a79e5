"""The ledger proved: its counters against the messages counted.

Owns: counting what is pending, per account and carrier, and what waits in which queue, beside the
running gateway.
Refuses to know: how counters and rows come about.

Rows are older than memory while changes are on their way to them, so a count has two parts, both
of the moment at which it began: a read transaction of a connection of its own, which can write
nothing, and the state of every message in memory whose row is out of date. The first is counted
without the rows of the second. So it lags behind by the time the counting takes, and by nothing
else; counters and count are always of the same moment.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import NamedTuple

from attrs import frozen

from smppgw.core.ledger import Key, Ledger
from smppgw.core.message import State
from smppgw.core.store.engine import Engine
from smppgw.core.store.snapshot import open_snapshot

WAITING = int(State.WAITING)
SECONDS = 5.0
"""How long a count may take: a reader that stays holds up the checkpoint of the log."""
STEPS = 500_000
"""Instructions of SQLite between two looks at the time: for each it waits for the reactor."""

NEWER = "CREATE TEMP TABLE newer (id INTEGER PRIMARY KEY)"
FILL = "INSERT INTO newer SELECT value FROM json_each(?)"
"""All at once: between two statements the thread has to wait for the reactor."""
COUNT = """
SELECT CASE WHEN part_of > 0 THEN '' ELSE account END AS owner, carrier, priority, state, count(*),
min(position) FROM message WHERE {condition} AND id NOT IN (SELECT id FROM newer)
GROUP BY owner, carrier, priority, state
"""
COUNTS = tuple(
    COUNT.format(condition=one)
    for one in (
        "state = 20",
        "state = 21",
        "state = 22",
        "state IN (6, 7, 23) AND state = 23",
        "state >= 24",
    )
)
"""One per partial index: what is final costs little, however much of it there is."""
Group = tuple[str, str, int, int, int, int]
"""Account ("" for that of parts), carrier, class, state, how many, first place in the queue."""
_pending = attrgetter("account", "carrier", "priority", "state", "position", "part_of")


class AuditTimeout(Exception):
    """The count took too long and was given up."""


class Lane(NamedTuple):
    """What waits for one carrier in one priority class."""

    carrier: str
    priority: int
    depth: int
    oldest: int
    """Place in the queue of the first one: an id, whose time says since when."""


@frozen
class Audit:
    """Counters and count of one moment."""

    ledger: dict[Key, dict[str, int]]
    """Counters by name, with the `pending` that they imply."""
    counted: dict[Key, int]
    """Pending messages that are really there."""
    lanes: tuple[Lane, ...]

    @property
    def balanced(self) -> bool:
        """Every line implies what is there."""
        keys = self.ledger.keys() | self.counted.keys()
        return all(self.pending(key) == self.counted.get(key, 0) for key in keys)

    def pending(self, key: Key) -> int:
        """Pending messages that the counters of a line imply."""
        return self.ledger.get(key, {}).get("pending", 0)


class Count:
    """A count that has begun: made in the reactor's thread, finished in any.

    Raises sqlite3.Error when the file cannot be read.
    """

    def __init__(
        self, engine: Engine, ledger: Ledger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._began = clock()
        self._connection = open_snapshot(engine.path)
        newer = [one for one in engine.live.values() if one.dirty]
        self._newer = [one.id for one in newer]
        self._pending = [_pending(one) for one in newer if one.state >= WAITING]
        self._ledger: dict[Key, dict[str, int]] = {
            (scope, name): line
            for scope in ("account", "carrier")
            for name, line in ledger.lines(scope).items()
        }

    def finish(self, seconds: float = SECONDS) -> Audit:
        """Count; raises AuditTimeout when it takes longer than that since the beginning."""
        connection = self._connection
        try:
            with timed(connection, self._clock, self._began, seconds):
                return self._count()
        finally:
            connection.close()

    def _count(self) -> Audit:
        counted: dict[Key, int] = {}
        lanes: dict[tuple[str, int], Lane] = {}
        for account, carrier, priority, state, count, oldest in self._groups():
            for key in (("account", account), ("carrier", carrier)):
                if key[1]:
                    counted[key] = counted.get(key, 0) + count
            if state == WAITING:
                lane = lanes.get((carrier, priority), Lane(carrier, priority, 0, oldest))
                lanes[carrier, priority] = Lane(
                    carrier, priority, lane.depth + count, min(lane.oldest, oldest)
                )
        return Audit(self._ledger, counted, tuple(lanes[key] for key in sorted(lanes)))

    def _groups(self) -> Iterator[Group]:
        """What is pending, in rows and in memory."""
        run = self._connection.execute
        run(NEWER)
        run(FILL, (json.dumps(self._newer),))
        for sql in COUNTS:
            yield from run(sql)
        for account, carrier, priority, state, position, part_of in self._pending:
            yield "" if part_of else account, carrier, priority, state, 1, position


@contextmanager
def timed(
    connection: sqlite3.Connection, clock: Callable[[], float], began: float, seconds: float
) -> Iterator[None]:
    """What is asked of a connection ends so many seconds after `began`; raises AuditTimeout."""
    deadline = began + seconds
    connection.set_progress_handler(lambda: clock() > deadline, STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if clock() > deadline:
            raise AuditTimeout(f"the count took longer than {seconds:g} s") from error
        raise
