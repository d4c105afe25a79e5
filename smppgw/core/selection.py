"""Which of the messages that wait for a carrier an operator means, and how many they are.

Owns: the conditions, on a message and in SQL, and counting what meets them beside the running
gateway.
Refuses to know: how conditions are written, and what is done with the messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import frozen

from smppgw.core.account_settings import Priority
from smppgw.core.message import Message, State
from smppgw.core.store.audit import SECONDS, timed
from smppgw.core.store.engine import Engine
from smppgw.core.store.snapshot import open_snapshot


@frozen
class Selection:
    """All of these hold: the destination begins with `to` (digits), and so on; "" = any.

    `priorities` are classes, `before` an id that theirs is below (older), 0 = any. `limit` is how
    many are meant at most, the first in the order of the queue; 0 = no limit.
    """

    to: str = ""
    source: str = ""
    account: str = ""
    priorities: tuple[int, ...] = tuple(int(one) for one in Priority)
    before: int = 0
    limit: int = 0

    def matches(self, message: Message) -> bool:
        """Whether a message is meant, the limit left aside."""
        return (
            message.priority in self.priorities
            and message.destination.startswith(self.to)
            and (not self.source or message.source == self.source)
            and (not self.account or message.account == self.account)
            and (not self.before or message.id < self.before)
        )

    def sql(self) -> tuple[str, tuple[str | int, ...]]:
        """The same as a condition on rows, and its values."""
        marks = ", ".join("?" * len(self.priorities))
        parts: list[str] = [f"priority IN ({marks})"]
        values: list[str | int] = [*self.priorities]
        for condition, value in (
            ("substr(destination, 1, length(?)) = ?", self.to),
            ("source = ?", self.source),
            ("account = ?", self.account),
            ("id < ?", self.before),
        ):
            if value:
                parts.append(condition)
                values += [value] * condition.count("?")
        return " AND ".join(parts), tuple(values)


def waits_for(message: Message, carrier: str) -> bool:
    """A message waits in the queue of this carrier."""
    return message.state == State.WAITING and message.carrier == carrier


class Counting:
    """A count that has begun: made in the reactor's thread, finished in any.

    Counts rows and what memory knows better, both as of the beginning. Raises sqlite3.Error when
    the file cannot be read.
    """

    def __init__(
        self,
        engine: Engine,
        carrier: str,
        selection: Selection,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._carrier = carrier
        self._selection = selection
        self._clock = clock
        self._began = clock()
        self._connection = open_snapshot(engine.path)
        newer = [one for one in engine.live.values() if one.dirty]
        self._newer = [(one.id,) for one in newer]
        self._held = sum(waits_for(one, carrier) and selection.matches(one) for one in newer)

    def finish(self, seconds: float = SECONDS) -> int:
        """Count; raises AuditTimeout when it takes longer than that since the beginning."""
        connection = self._connection
        try:
            with timed(connection, self._clock, self._began, seconds):
                return self._count()
        finally:
            connection.close()

    def _count(self) -> int:
        condition, values = self._selection.sql()
        run = self._connection.execute
        run("CREATE TEMP TABLE newer (id INTEGER PRIMARY KEY)")
        self._connection.executemany("INSERT INTO newer VALUES (?)", self._newer)
        ((rows,),) = run(
            f"SELECT count(*) FROM message WHERE state = 20 AND carrier = ? AND {condition}"  # noqa: S608
            " AND id NOT IN (SELECT id FROM newer)",
            (self._carrier, *values),
        )
        found = int(rows) + self._held
        return min(found, self._selection.limit or found)
