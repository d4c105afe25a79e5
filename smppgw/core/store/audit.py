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

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from attrs import frozen

from smppgw.core.ledger import Key, Ledger
from smppgw.core.message import State
from smppgw.core.store.engine import Engine
from smppgw.core.store.snapshot import open_snapshot

SECONDS = 5.0
"""How long a count may take: a reader that stays holds up the checkpoint of the log."""
STEPS = 50_000
"""Instructions of SQLite between two looks at the time."""

NEWER = """
CREATE TEMP TABLE newer (
    id INTEGER PRIMARY KEY,
    account TEXT,
    carrier TEXT,
    priority INTEGER,
    state INTEGER,
    position INTEGER,
    part_of INTEGER
)
"""
COUNT = """
SELECT CASE WHEN part_of > 0 THEN '' ELSE account END AS owner, carrier, priority, state, count(*),
min(position) FROM {table} WHERE {condition} GROUP BY owner, carrier, priority, state
"""
OLDER = " AND id NOT IN (SELECT id FROM newer)"
CONDITIONS = (
    "state = 20",
    "state = 21",
    "state = 22",
    "state IN (6, 7, 23) AND state = 23",
    "state >= 24",
)
"""One per partial index: what is final costs little, however much of it there is."""
COUNTS = (
    *(COUNT.format(table="message", condition=one + OLDER) for one in CONDITIONS),
    COUNT.format(table="newer", condition="state >= 20"),
)


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
        self._newer = [
            (
                one.id,
                one.account,
                one.carrier,
                one.priority,
                int(one.state),
                one.position,
                one.part_of,
            )
            for one in engine.live.values()
            if one.dirty
        ]
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
        connection = self._connection
        connection.execute(NEWER)
        connection.executemany("INSERT INTO newer VALUES (?, ?, ?, ?, ?, ?, ?)", self._newer)
        counted: dict[Key, int] = {}
        lanes: dict[tuple[str, int], Lane] = {}
        for sql in COUNTS:
            for account, carrier, priority, state, count, oldest in connection.execute(sql):
                for key in (("account", account), ("carrier", carrier)):
                    if key[1]:
                        counted[key] = counted.get(key, 0) + count
                if state == State.WAITING:
                    lane = lanes.get((carrier, priority), Lane(carrier, priority, 0, oldest))
                    lanes[carrier, priority] = Lane(
                        carrier, priority, lane.depth + count, min(lane.oldest, oldest)
                    )
        return Audit(self._ledger, counted, tuple(lanes[key] for key in sorted(lanes)))


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
