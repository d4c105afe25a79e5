"""What the store's tests share: messages, a disk that refuses, peers that record, crashes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from errno import ENOSPC
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from smppgw.core.message import Delivery, Message, State
from smppgw.core.store import rows
from smppgw.core.store.batch import Batch
from smppgw.core.store.engine import FILE_NAME, LOG, Engine
from smppgw.core.store.group_commit import Store
from smppgw.core.store.journal import FILES, Journal
from smppgw.core.store.synchronizer import Done

FULL = "disk is full"


def message(number: int, **values: Any) -> Message:
    """A new message; `position` is its id, as at its acceptance."""
    values = {"position": number, "carrier": "fr-a", **values}
    body = values.pop("body", b"body of %d" % number)
    priority = values.pop("priority", 1)
    made = Message(number, "agg1", "38100", "33612345678", 1, priority, 10_000, body, "agg1#1 7")
    for name, value in values.items():
        setattr(made, name, value)
    return made


def delivery(number: int, account: str = "agg1", body: bytes = b"deliver") -> Delivery:
    return Delivery(number, account, "mo", 0, 20_000, body)


def accepted(engine: Engine, *messages: Message) -> Batch:
    """A batch as `Store.accept` fills it."""
    batch = Batch()
    for one in messages:
        batch.accepted.append(one)
        batch.touched[one.id] = engine.live[one.id] = one
    return batch


def touched(*messages: Message) -> Batch:
    return Batch(touched={one.id: one for one in messages})


def message_rows(engine: Engine) -> dict[int, tuple[Any, ...]]:
    """All rows of `message`, as they are stored."""
    return {row[0]: row for row in engine.select(rows.SELECT_MESSAGE)}


def delivery_rows(engine: Engine) -> dict[int, tuple[Any, ...]]:
    return {row[0]: row for row in engine.select(rows.SELECT_DELIVERY)}


def journalled(directory: Path) -> list[bytes]:
    """The records that a start in this directory would replay."""
    journal = Journal(directory)
    try:
        return list(journal.read())
    finally:
        journal.close()


def crash(engine: Engine, directory: Path, log_octets: int | None = None) -> Path:
    """The files as a crash at this instant leaves them, with at most `log_octets` of the log."""
    directory.mkdir(parents=True)
    for name in (FILE_NAME, *FILES):
        shutil.copyfile(engine.directory / name, directory / name)
    log = Path(f"{engine.path}-wal").read_bytes()
    (directory / f"{FILE_NAME}-wal").write_bytes(log[:log_octets])
    return directory


class FullJournal:
    """A journal on a disk that is full while `full`."""

    def __init__(self, real: Journal) -> None:
        self.real = real
        self.full = False

    def append(self, payload: bytes) -> None:
        if self.full:
            raise OSError(ENOSPC, FULL)
        self.real.append(payload)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def fill_up(engine: Engine) -> FullJournal:
    """Put a FullJournal between an engine and its journal; not full yet."""
    journal = FullJournal(engine.journal)
    engine.journal = journal  # type: ignore[assignment]
    return journal


class Connection:
    """A connection whose statements can be made to fail, as on a full disk."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self.real = real
        self.fail_at: str | None = None
        """Statements that begin with this raise; None = none do."""
        self.after = 0
        """How many of them still succeed."""

    def _check(self, sql: str) -> None:
        if self.fail_at is not None and sql.startswith(self.fail_at):
            if self.after == 0:
                raise sqlite3.OperationalError(FULL)
            self.after -= 1

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._check(sql)
        return self.real.execute(sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._check(sql)
        return self.real.executemany(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def wrap(engine: Engine) -> Connection:
    """Put a Connection between an engine and SQLite."""
    connection = Connection(engine._connection)
    engine._connection = connection  # type: ignore[assignment]
    return connection


class Disk:
    """A synchronizer whose syncs end when the test says so."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.at_once = at_once
        self.asked = 0
        self.numbers: tuple[int, ...] = ()
        """What the last request was for."""
        self.stopped = False
        self._done: Done | None = None

    def sync(self, numbers: tuple[int, ...], done: Done) -> None:
        assert self._done is None, "one request at a time"
        assert numbers
        assert set(numbers) <= {0, 1, LOG}
        self.asked += 1
        self.numbers = numbers
        self._done = done
        if self.at_once:
            self.finish()

    @property
    def busy(self) -> bool:
        return self._done is not None

    def finish(self, trouble: str = "") -> None:
        """The log is on disk, or will never be."""
        done, self._done = self._done, None
        assert done is not None, "nobody asked"
        done(trouble)

    def stop(self) -> None:
        self.stopped = True


class Bind:
    """An outlet and a link that writes down what it is told, what leaves when it leaves."""

    def __init__(self, seen: list[Any], name: str = "bind") -> None:
        self.seen = seen
        self.name = name
        self.leaving: list[Any] = []

    def release(self, data: bytes, answers: int) -> None:
        self.leaving.append((self.name, data, answers))

    def refuse(self, command_id: int, sequence_number: int) -> None:
        self.seen.append((self.name, "refused", command_id, sequence_number))

    def transmit(self, records: Sequence[Message | Delivery]) -> None:
        self.leaving.append((self.name, "transmit", *(record.id for record in records)))

    def flush(self) -> None:
        self.seen += self.leaving
        self.leaving.clear()


class Broken(Bind):
    """One whose every method raises, after writing down that it was called."""

    def release(self, data: bytes, answers: int) -> None:
        super().release(data, answers)
        raise RuntimeError("release")

    def refuse(self, command_id: int, sequence_number: int) -> None:
        super().refuse(command_id, sequence_number)
        raise RuntimeError("refuse")

    def transmit(self, records: Sequence[Message | Delivery]) -> None:
        super().transmit(records)
        raise RuntimeError("transmit")

    def flush(self) -> None:
        super().flush()
        raise RuntimeError("flush")


def store_at(directory: Path, *, at_once: bool = False) -> tuple[Store, Clock, Disk]:
    clock = Clock()
    disk = Disk(at_once=at_once)
    return Store(Engine(directory), clock, disk), clock, disk


def final(one: Message, state: State = State.DELIVERED) -> Message:
    one.state = state
    one.final_at = 5_000
    return one
