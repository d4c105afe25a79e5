"""The embedded store: one SQLite file, written behind a journal of row images.

Owns: the database file, its lock, recovery, and which rows are still only in the journal.
Refuses to know: when to commit and whom to tell (see `group_commit`).

Theory of operation. A message changes four or five times in a few milliseconds. Writing its row
each time would cost more than everything else together, so a commit appends one `journal` row with
the images of all that changed, and rows are brought up to date later, many changes at once:

    changed -> `young` --rotate--> `old` --a slice with every commit--> rows
                                      when `old` is used up, the journal up to `mark` is deleted

Rows and journal share one write-ahead log, so one fdatasync makes both durable, and recovery is:
apply the images in order, delete them. What leaves memory (`spilled`) goes to its row at once; if
it has older images in the journal, it also gets a new one, so that recovery ends with the newest.

`live` holds every message that is in memory. Whatever is in `young` or `old` is in `live`; a row
whose id is in `live` may be out of date, so readers of rows ask `live` first.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgpack

from smppgw.core.message import Delivery, Message, State
from smppgw.core.store import rows, schema
from smppgw.core.store.batch import Batch

FILE_NAME = "smppgw.db"
ROTATE_SECONDS = 0.5
"""Age at which changes start moving from the journal to their rows."""
ROTATE_MESSAGES = 20_000
"""Number of changed messages that starts it earlier: bounds memory and recovery time."""
SLICE = 64
"""Least number of rows brought up to date with a commit while any wait."""


class StoreLocked(Exception):
    """Another process has this data directory."""


class Engine:
    """The tables and the journal of one data directory; every call is short and synchronous.

    Raises StoreLocked when another process uses the directory and schema.SchemaError when the
    database cannot be used; sqlite3.Error from `write` means nothing of the batch was written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.live: dict[int, Message] = {}
        self._young: dict[int, Message | Delivery] = {}
        self._old: list[Message | Delivery] = []
        self._old_at = 0
        self._mark = 0
        self._rotated = 0.0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = self._acquire_lock()
        try:
            self.path = directory / FILE_NAME
            self._connection = self._open()
            self._number = self._recover()
        except BaseException:
            os.close(self._lock)
            raise

    def _acquire_lock(self) -> int:
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise StoreLocked(
                f"{self.directory} is in use by another smppgw (process {holder});"
                " stop it or choose another data_dir"
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return lock

    def _open(self) -> sqlite3.Connection:
        if self.path.exists():
            # Read-only: closing a connection that can write would fold the log into the file.
            looking = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
            try:
                version = schema.check(looking, str(self.path), self.path.stat().st_size)
            finally:
                looking.close()
        else:
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
            version = 0
        connection = sqlite3.connect(self.path, isolation_level=None, cached_statements=64)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        schema.migrate(connection, version)
        # From here on the log is synced by `group_commit`, off the reactor, before any answer.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    # ------------------------------------------------------------------ recovery

    def _recover(self) -> int:
        """Bring all journalled images to their rows; return the last journal number used."""
        connection = self._connection
        number = 0
        while True:
            entries = connection.execute(
                "SELECT number, images FROM journal ORDER BY number LIMIT 100"
            ).fetchall()
            if not entries:
                return number
            connection.execute("BEGIN IMMEDIATE")
            for number, images in entries:  # noqa: B007
                self._apply(images)
            connection.execute("DELETE FROM journal WHERE number <= ?", (number,))
            connection.execute("COMMIT")

    def _apply(self, images: bytes) -> None:
        new, moved, deliveries, done = msgpack.unpackb(images)
        run = self._connection.executemany
        run(rows.INSERT_MESSAGE, new)
        run(rows.UPDATE_MESSAGE, moved)
        run(rows.INSERT_DELIVERY, deliveries)
        run(rows.DELETE_DELIVERY, ((number,) for number in done))

    # ------------------------------------------------------------------ writing

    @property
    def behind(self) -> int:
        """Records whose rows are older than the journal."""
        return len(self._young) + len(self._old) - self._old_at

    def write(self, batch: Batch, now: float) -> None:
        """Write a batch in one transaction; it is durable once the log is synced."""
        images = self._images(batch)
        self._rotate(now)
        share = self._share(len(batch.touched) + len(batch.deliveries))
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            if images is not None:
                run(rows.INSERT_JOURNAL, (self._number + 1, images))
            self._write_rows(batch.spilled, batch.spooled)
            for sql, values in batch.statements:
                run(sql, values)
            if batch.ledger:
                self._connection.executemany(
                    rows.INSERT_LEDGER,
                    [(*key, *counters) for key, counters in batch.ledger.items()],
                )
            self._write_rows(
                [record for record in share if isinstance(record, Message)],
                [record for record in share if isinstance(record, Delivery)],
            )
            finished = bool(self._old) and self._old_at + len(share) >= len(self._old)
            if finished:
                run("DELETE FROM journal WHERE number <= ?", (self._mark,))
            run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise
        if images is not None:
            self._number += 1
        self._written(batch, share)

    def _images(self, batch: Batch) -> bytes | None:
        new: list[Any] = []
        moved: list[Any] = []
        for message in batch.touched.values():
            if message.whole:
                new.append(rows.message_image(message))
            else:
                moved.append(rows.change_image(message))
        deliveries: list[Any] = []
        done: list[int] = []
        for delivery in batch.deliveries.values():
            if not delivery.done:
                deliveries.append(rows.delivery_image(delivery))
            elif not delivery.fresh:
                done.append(delivery.id)
        if not (new or moved or deliveries or done):
            return None
        images: bytes = msgpack.packb((new, moved, deliveries, done))
        return images

    def _write_rows(self, messages: Iterable[Message], deliveries: Iterable[Delivery]) -> None:
        inserts: list[Any] = []
        updates: list[Any] = []
        for message in messages:
            if not message.stored:
                inserts.append(rows.message_image(message))
            else:
                updates.append(rows.change_image(message))
        run = self._connection.executemany
        if inserts:
            run(rows.INSERT_MESSAGE, inserts)
        if updates:
            run(rows.UPDATE_MESSAGE, updates)
        pending = [rows.delivery_image(one) for one in deliveries if not one.done]
        gone = [(one.id,) for one in deliveries if one.done and one.stored]
        if pending:
            run(rows.INSERT_DELIVERY, pending)
        if gone:
            run(rows.DELETE_DELIVERY, gone)

    def _rotate(self, now: float) -> None:
        if self._old or not self._young:
            return
        if now - self._rotated >= ROTATE_SECONDS or len(self._young) >= ROTATE_MESSAGES:
            self._old = list(self._young.values())
            self._old_at = 0
            self._young = {}
            self._mark = self._number
            self._rotated = now

    def _share(self, arriving: int) -> list[Message | Delivery]:
        """What of `old` goes to its rows with this commit: always faster than it arrives."""
        if not self._old:
            return []
        count = max(SLICE, 2 * arriving)
        return self._old[self._old_at : self._old_at + count]

    def _written(self, batch: Batch, share: list[Message | Delivery]) -> None:
        live = self.live
        young = self._young
        for record in share:
            record.stored = True
            if isinstance(record, Message) and record.id not in young:
                record.dirty = False
                if record.state < State.WAITING:
                    live.pop(record.id, None)
        self._old_at += len(share)
        if self._old and self._old_at >= len(self._old):
            self._old = []
            self._old_at = 0
        for message in batch.spilled:
            message.stored = True
            if message.fresh:  # its row is the only trace of it
                message.fresh = message.whole = message.dirty = False
                live.pop(message.id, None)
        for message in batch.touched.values():
            message.fresh = message.whole = False
            message.dirty = True
            young[message.id] = live[message.id] = message
        for delivery in batch.deliveries.values():
            if not (delivery.fresh and delivery.done):
                delivery.fresh = False
                young[delivery.id] = delivery

    def flush(self) -> None:
        """Bring every row up to date and empty the journal (at an orderly stop)."""
        while self._young or self._old:
            if not self._old:
                self._rotated = float("-inf")
            self.write(Batch(), 0.0)

    # ------------------------------------------------------------------ reading

    def message(self, number: int) -> Message | None:
        """The message with this id, from memory or from its row."""
        found = self.live.get(number)
        if found is None:
            row = self._connection.execute(
                rows.SELECT_MESSAGE + " WHERE id = ?", (number,)
            ).fetchone()
            found = None if row is None else rows.message_of(row)
        return found

    def messages(self, where: str, values: tuple[Any, ...], limit: int) -> list[Message]:
        """Messages found by their rows, at most `limit`; those in memory come as they are there.

        `where` is a constant of the program (condition and order), never of a peer. A row may be
        out of date: callers look at the state of what they get.
        """
        live = self.live
        found = self._connection.execute(
            f"{rows.SELECT_MESSAGE} WHERE {where} LIMIT ?", (*values, limit)
        )
        return [live.get(row[0]) or rows.message_of(row) for row in found]

    def deliveries(self, account: str, after: int, limit: int) -> list[Delivery]:
        """Deliveries of an account that wait in their rows, in order, after an id."""
        found = self._connection.execute(
            rows.SELECT_DELIVERY + " WHERE account = ? AND id > ? ORDER BY id LIMIT ?",
            (account, after, limit),
        )
        return [rows.delivery_of(row) for row in found]

    def select(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Any rows; `sql` is a constant of the program."""
        return self._connection.execute(sql, values).fetchall()

    def highest_id(self) -> int:
        """The largest id (or place in a queue) in use."""
        highest = 0
        for table in ("message", "delivery", "orphan", "unrouted", "trail"):
            highest = max(highest, self.select(f"SELECT max(id) FROM {table}")[0][0] or 0)  # noqa: S608
        ((position,),) = self.select("SELECT max(position) FROM message WHERE state = 20")
        return max(highest, position or 0)

    # ------------------------------------------------------------------ files

    def log_descriptor(self) -> int:
        """A new descriptor of the write-ahead log, to be synced; the caller closes it."""
        return os.open(f"{self.path}-wal", os.O_RDWR | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the database and let the directory go."""
        self._connection.close()
        os.close(self._lock)
