"""The embedded store: one SQLite file, written behind a journal of row images.

Owns: the data directory with its lock, recovery, and which rows are older than the journal.
Refuses to know: when to commit and whom to tell (see `group_commit`).

Theory of operation. A message changes four or five times in a few milliseconds. Writing its row
each time would cost more than everything else together, so a commit appends the images of all that
changed to the journal, and rows are brought up to date later, many changes at once:

    changed -> `young` --turn--> `old` --slices--> rows --log synced--> the journal file is free

A journal file is given up only when every row it speaks of is in SQLite and SQLite's own log is on
disk. Recovery is: apply the images of both files in order. Images are whole values, so applying
one twice does no harm.

`live` holds every message that is in memory. Whatever is in `young` or `old` is in `live`; a row
whose id is in `live` may be out of date, so readers of rows ask `live` first. What leaves memory
(`spilled`) goes to its row with the commit, so that it can be read back at once.

The flags of a Message say where it is: `fresh` no record of it yet; `whole` its next record has to
carry every column (new, or replaced by its sender); `stored` SQLite has a row; `dirty` that row is
older than the records; `resting` nothing in memory waits for it, so once it is clean it is
forgotten here. A final message is forgotten when it is clean, too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from smppgw.core.held import Held
from smppgw.core.message import Delivery, Message, State
from smppgw.core.store import record, rows, schema
from smppgw.core.store.batch import Batch
from smppgw.core.store.changes import Changes, ChangesLost
from smppgw.core.store.journal import Journal
from smppgw.core.store.lock import lock

_WAITING = int(State.WAITING)
FILE_NAME = "smppgw.db"
TURN_SECONDS = 1.0
"""Age at which changes start moving from the journal to their rows."""
TURN_RECORDS = 30_000
"""Number of changed records that starts it earlier: bounds memory and recovery time."""
SLICE = 200
"""Rows brought up to date at a time, at least: small transactions cost more than they write."""
IDLE_SLICE = 500
"""The same when there is nothing else to write."""
LOG = 2
"""Number of SQLite's log among `descriptors`."""


class Engine:
    """The tables and the journal of one data directory; every call is short and synchronous.

    Raises StoreLocked when another process uses the directory, schema.SchemaError when the
    database cannot be used and JournalDamaged. OSError from `write` means that nothing of the
    batch was written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.live: dict[int, Message] = {}
        self.trouble = ""
        """Why rows cannot be written; what is in the journal is safe all the same."""
        self._young: dict[int, Message | Delivery] = {}
        self._old: list[Message | Delivery] = []
        self._old_at = 0
        self._debt = 0
        self._turned = 0.0
        self._retiring = False
        """`old` and the file it was turned from are on their way out."""
        self._log_wanted = False
        self._spilled: list[Message] = []
        self._spooled: list[Delivery] = []
        self._forwarded: list[tuple[str, int, int]] = []
        self._statements: list[tuple[str, tuple[Any, ...]]] = []
        self._ledger: dict[tuple[str, str], list[int]] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = lock(directory)
        try:
            self.path = directory / FILE_NAME
            version = self._look()
            # Made before the database: a database without it is one that has lost it.
            self.journal = Journal(directory, expected=version > 0)
            self._connection = self._open(version)
            self.changes = Changes(self._connection)
            self._recover()
            self._log = os.open(f"{self.path}-wal", os.O_RDWR | os.O_CLOEXEC)
            self.descriptors = (*self.journal.descriptors, self._log)
            """What `write` wants synced: the two journal files and SQLite's log."""
        except BaseException:
            os.close(self._lock)
            raise

    def _look(self) -> int:
        """The schema version of the database, 0 for none; raises SchemaError."""
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
            return 0
        # Read-only: closing a connection that can write would fold the log into the file.
        looking = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return schema.check(looking, str(self.path), self.path.stat().st_size)
        finally:
            looking.close()

    def _open(self, version: int) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, cached_statements=256, timeout=0
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        schema.migrate(connection, version)
        # From here on the log is synced by `group_commit`, off the reactor, before any answer.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def migrate(self, feature: str, scripts: Sequence[str]) -> None:
        """Bring the tables of a feature up to date, durably; raises schema.SchemaError."""
        self._connection.execute("PRAGMA synchronous = FULL")
        schema.migrate_feature(self._connection, feature, scripts)
        self._connection.execute("PRAGMA synchronous = NORMAL")

    # ------------------------------------------------------------------ recovery

    def _recover(self) -> None:
        """Bring all journalled images to their rows, durably, and begin a new journal."""
        connection = self._connection
        applied = False
        for payload in self.journal.read():
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
            record.apply(connection, payload)
            applied = True
        if applied:
            connection.execute("COMMIT")
        self._give_up_journal()

    # ------------------------------------------------------------------ writing

    @property
    def behind(self) -> int:
        """Records whose rows are older than the journal."""
        return len(self._young) + len(self._old) - self._old_at

    def held(self) -> list[Held]:
        """What it holds in memory: everything in `live`, and what is on its way to rows."""
        return [
            Held("messages", len(self.live), None),
            Held("records without a row yet", self.behind, 2 * TURN_RECORDS),
        ]

    def write(self, batch: Batch) -> tuple[int, ...]:
        """Write a batch; it is durable once the descriptors whose numbers are returned are synced.

        The numbers count `descriptors`. Raises OSError when the journal cannot be written; when
        only rows cannot, `trouble` says so and they are tried again with the next batch.
        """
        payload = record.payload_of(batch, self.changes.made)
        if payload is None and self.restless and not (self._retiring or self.journal.complete):
            payload = b""  # only to say that the other file is free
        if payload is not None:
            self.journal.append(payload)
        self._adopt(batch)
        wanted = () if payload is None else (self.journal.current,)
        return (*wanted, LOG) if self._log_wanted else wanted

    def synced(self, numbers: tuple[int, ...], now: float) -> None:
        """What the last `write` returned is on disk: rows may follow.

        Not earlier, for rows that reach the disk before their record would outlive a commit that
        did not. `now` is in seconds.
        """
        self._keep_changes()
        if LOG in numbers:
            self._retired()
        rested = self._retiring and self._old_at >= len(self._old) and not self._log_wanted
        if not numbers:
            self._settle(IDLE_SLICE)
        elif self.unwritten or self._statements or self.trouble or self._debt >= SLICE or rested:
            self._settle(max(SLICE, self._debt))
            self._debt = 0
        self._turn(now)

    def _keep_changes(self) -> None:
        """The record is on disk: what it says of `changes` may follow."""
        try:
            self.changes.keep()
        except ChangesLost as lost:
            self.trouble = str(lost)
            self._statements += lost.changes

    @property
    def restless(self) -> bool:
        """There are rows to bring up to date, or a journal file to free."""
        return self._retiring or self.journal.octets > 0 or self.unwritten

    @property
    def unwritten(self) -> bool:
        """Something left memory and has no row yet (the disk refuses)."""
        return bool(self._spilled or self._spooled)

    def _retired(self) -> None:
        self._retiring = self._log_wanted = False
        self.journal.release()
        self._old = []
        self._old_at = 0

    def _turn(self, now: float) -> None:
        """After a commit: leave its file for the other, when that is free and it is time."""
        if self._retiring or not self.journal.complete:
            return
        if now - self._turned >= TURN_SECONDS or len(self._young) >= TURN_RECORDS:
            self._old = list(self._young.values())
            self._young = {}
            self._turned = now
            self._retiring = True
            self.journal.turn()

    def _adopt(self, batch: Batch) -> None:
        """The journal has the batch: from here on its rows are ours to write."""
        live, young = self.live, self._young
        for message in batch.touched.values():
            message.fresh = message.whole = False
            message.dirty = True
            young[message.id] = live[message.id] = message
        for delivery in batch.deliveries.values():
            if delivery.done and not delivery.stored:
                young.pop(delivery.id, None)  # it came and went between two turns: no row
            else:
                young[delivery.id] = delivery
            delivery.fresh = False
        self._spilled += batch.spilled
        self._spooled += batch.spooled
        # What is in memory takes it along when its row is written.
        self._forwarded += [one for one in batch.forwarded if one[2] not in live]
        self._statements += batch.statements
        self._ledger.update(batch.ledger)
        self._debt += 2 * (len(batch.touched) + len(batch.deliveries) + len(batch.forwarded))

    def _settle(self, count: int) -> None:
        """Write rows: what left memory, rare rows, and a slice of `old`."""
        share = self._old[self._old_at : self._old_at + count]
        if not (share or self.unwritten or self._forwarded or self._statements or self._ledger):
            self._settled(share)
            return
        run = self._connection.execute
        try:
            run("BEGIN IMMEDIATE")
            self._write_rows(self._spilled, self._spooled)
            if self._forwarded:
                self._connection.executemany(rows.UPDATE_FORWARDED, self._forwarded)
            for sql, values in self._statements:
                run(sql, values)
            self._connection.executemany(
                rows.INSERT_LEDGER, ((*key, *line) for key, line in self._ledger.items())
            )
            self._write_rows(
                [one for one in share if type(one) is Message],
                [one for one in share if type(one) is Delivery],
            )
            run("COMMIT")
        except (sqlite3.Error, OverflowError) as error:
            if self._connection.in_transaction:
                run("ROLLBACK")
            self.trouble = str(error)
            return
        self.trouble = ""
        self._settled(share)

    def _settled(self, share: list[Message | Delivery]) -> None:
        live, young = self.live, self._young
        for message in self._spilled:
            message.stored = True
            if message.fresh:  # its row is the only trace of it in memory
                message.fresh = message.whole = message.dirty = False
                live.pop(message.id, None)
        self._spilled, self._spooled, self._forwarded = [], [], []
        self._statements, self._ledger = [], {}
        for one in share:
            one.stored = True
            if type(one) is Message and one.id not in young:
                one.dirty = False
                if one.state < _WAITING or one.resting:
                    live.pop(one.id, None)
        self._old_at += len(share)
        if self._retiring and self._old_at >= len(self._old):
            self._log_wanted = True

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
            rows.insert_messages(self._connection, inserts)
        if updates:
            run(rows.UPDATE_MESSAGE, updates)
        pending = [rows.delivery_image(one) for one in deliveries if not one.done]
        gone = [(one.id,) for one in deliveries if one.done and one.stored]
        if pending:
            run(rows.INSERT_DELIVERY, pending)
        if gone:
            run(rows.DELETE_DELIVERY, gone)

    def flush(self) -> None:
        """Bring every row up to date and empty the journal; raises sqlite3.Error."""
        self._keep_changes()
        self._old = self._old[self._old_at :] + list(self._young.values())
        self._old_at = 0
        self._young = {}
        self._settle(len(self._old))
        if self.trouble:
            raise sqlite3.OperationalError(self.trouble)
        self._give_up_journal()
        self._retired()

    def _give_up_journal(self) -> None:
        """Empty the journal once SQLite has everything on disk."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # The checkpoint does nothing while somebody reads; the log must be on disk all the same.
        log = os.open(f"{self.path}-wal", os.O_RDWR | os.O_CLOEXEC)
        os.fdatasync(log)
        os.close(log)
        self.journal.empty()

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

    def pending(self, account: str | None, destination: str, limit: int) -> list[Message]:
        """Messages that may wait for a destination, by their rows or in memory, at most `limit`.

        Those of one account, or of all (None). A row may be out of date: callers look at the state
        of what they get. The first call makes an index, about half a second for a million waiting
        messages.
        """
        self._connection.execute(schema.INDEX_PENDING)
        found = {
            message.id: message
            for message in self.messages(
                "destination = ? AND account = ifnull(?, account) AND state IN (20, 21)",
                (destination, account),
                limit,
            )
        }
        for message in self.live.values():  # what has no row yet
            if message.destination == destination and account in (None, message.account):
                found[message.id] = message
        return list(found.values())

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
        for table in (
            "message",
            "delivery",
            "orphan",
            "unrouted",
            "trail",
            "mo_part",
            "reference",
            "mo",
        ):
            highest = max(highest, self.select(f"SELECT max(id) FROM {table}")[0][0] or 0)  # noqa: S608
        ((position,),) = self.select("SELECT max(position) FROM message WHERE state = 20")
        return max(highest, position or 0)

    # ------------------------------------------------------------------ files

    def close(self) -> None:
        """Close the files and let the directory go."""
        self._connection.close()
        self.journal.close()
        os.close(self._log)
        os.close(self._lock)
