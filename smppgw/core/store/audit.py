"""The ledger proved: its counters against the messages counted, in one snapshot of the file.

Owns: counting what is pending, per account and carrier, and what waits in which queue.
Refuses to know: the running gateway. It reads the file through a connection of its own, which can
write nothing, so it may run in a thread beside the reactor.

Rows may be older than the journal (see `engine`), so the newest journal images are laid over them;
counters, rows and journal come from one read transaction. Against memory the snapshot lags by the
batch that is being filled (milliseconds); within itself it is exact.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgpack
from attrs import frozen

from smppgw.core.message import State
from smppgw.core.store.rows import LEDGER, MESSAGE_FIXED, MESSAGE_MOVING

SECONDS = 5.0
"""How long a count may take: a reader that stays holds up the checkpoint of the log."""
STEPS = 50_000
"""Instructions of SQLite between two looks at the time."""

NEWEST = """
CREATE TEMP TABLE newest (
    id INTEGER PRIMARY KEY,
    account TEXT,
    priority INTEGER,
    carrier TEXT,
    state INTEGER,
    position INTEGER
)
"""
COMPLETE = """
UPDATE newest SET (account, priority) =
    (SELECT account, priority FROM message WHERE message.id = newest.id)
WHERE account IS NULL
"""
ROWS = """
SELECT account, carrier, priority, state, count(*), min(position) FROM message
WHERE {condition} AND id NOT IN (SELECT id FROM newest)
GROUP BY account, carrier, priority, state
"""
CONDITIONS = ("state = 20", "state = 21", "state = 22", "state IN (6, 7, 23) AND state = 23")
"""One per partial index: what is final costs nothing, however much of it there is."""
IMAGES = """
SELECT account, carrier, priority, state, count(*), min(position) FROM newest
WHERE state >= 20 AND account IS NOT NULL
GROUP BY account, carrier, priority, state
"""

_FIXED = {name: place for place, name in enumerate(MESSAGE_FIXED)}
_MOVING = {name: place for place, name in enumerate(MESSAGE_MOVING)}

Key = tuple[str, str]
"""Scope (`account` or `carrier`) and name, as in the ledger."""


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
    """One snapshot."""

    ledger: dict[Key, dict[str, int]]
    """Counters by name."""
    counted: dict[Key, int]
    """Pending messages that are really there."""
    lanes: tuple[Lane, ...]

    def pending(self, key: Key) -> int:
        """Pending messages that the counters of a line imply."""
        counters = self.ledger.get(key, {})
        return counters.get("accepted", 0) - sum(
            count for name, count in counters.items() if name != "accepted"
        )

    @property
    def balanced(self) -> bool:
        """Every line implies what is there."""
        keys = self.ledger.keys() | self.counted.keys()
        return all(self.pending(key) == self.counted.get(key, 0) for key in keys)


def audit(
    path: Path, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
) -> Audit:
    """Count what a database holds; `seconds` of `clock` at most, else AuditTimeout is raised.

    Raises sqlite3.Error when the file cannot be read.
    """
    deadline = clock() + seconds
    with closing(_open(path)) as connection:
        connection.set_progress_handler(lambda: clock() > deadline, STEPS)
        try:
            with _snapshot(connection):
                return _count(connection)
        except sqlite3.OperationalError as error:
            if clock() > deadline:
                raise AuditTimeout(f"the count took longer than {seconds:g} s") from error
            raise


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    yield
    connection.execute("ROLLBACK")


def _count(connection: sqlite3.Connection) -> Audit:
    ledger = {
        (scope, name): dict(zip(LEDGER, counters, strict=True))
        for scope, name, *counters in connection.execute(
            f"SELECT scope, name, {', '.join(LEDGER)} FROM ledger"  # noqa: S608
        )
    }
    connection.execute(NEWEST)
    _lay_over(connection)
    connection.execute(COMPLETE)
    counted: dict[Key, int] = {}
    lanes: dict[tuple[str, int], Lane] = {}
    for sql in (*(ROWS.format(condition=one) for one in CONDITIONS), IMAGES):
        for account, carrier, priority, state, count, oldest in connection.execute(sql):
            for key in (("account", account), ("carrier", carrier)):
                if key[1]:
                    counted[key] = counted.get(key, 0) + count
            if state == State.WAITING:
                lane = lanes.get((carrier, priority), Lane(carrier, priority, 0, oldest))
                lanes[carrier, priority] = Lane(
                    carrier, priority, lane.depth + count, min(lane.oldest, oldest)
                )
    return Audit(ledger, counted, tuple(lanes[key] for key in sorted(lanes)))


def _lay_over(connection: sqlite3.Connection) -> None:
    """Put the newest image of every message in the journal into `newest`."""
    account, priority = _FIXED["account"], _FIXED["priority"]
    carrier, state, position = (_MOVING[name] for name in ("carrier", "state", "position"))
    fixed = len(MESSAGE_FIXED)
    known: dict[int, tuple[str, int]] = {}
    newest: dict[int, tuple[str, int, int]] = {}
    for (images,) in connection.execute("SELECT images FROM journal ORDER BY number"):
        new, moved, _, _ = msgpack.unpackb(images)
        for row in new:
            known[row[0]] = (row[account], row[priority])
            newest[row[0]] = (row[fixed + carrier], row[fixed + state], row[fixed + position])
        for row in moved:
            newest[row[-1]] = (row[carrier], row[state], row[position])
    connection.executemany(
        "INSERT INTO newest (id, account, priority, carrier, state, position)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        ((id, *known.get(id, (None, None)), *image) for id, image in newest.items()),
    )
