"""Random lives of a store against a model: what was committed is there, nothing else is."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)
from store_kit import (
    crash,
    delivery,
    delivery_rows,
    fill_up,
    final,
    journalled,
    message,
    message_rows,
    store_at,
    wrap,
)

from smppgw.core.message import Delivery, Message, State
from smppgw.core.store import engine as engine_module
from smppgw.core.store import rows
from smppgw.core.store.engine import Engine
from smppgw.core.store.group_commit import IDLE_SECONDS, RETRY_SECONDS

Images = dict[int, tuple[Any, ...]]
PICK = st.integers(0, 10**6)


class StoreMachine(RuleBasedStateMachine):
    """`known` is what the program believes, `durable` what the last commit made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp())
        self.sizes = engine_module.SLICE, engine_module.IDLE_SLICE
        engine_module.SLICE, engine_module.IDLE_SLICE = 1, 2
        self.crashes = 0
        self.number = 0
        self.open(self.base / "data")
        self.known: Images = {}
        self.durable: Images = {}
        self.waiting: Images = {}
        self.waiting_durable: Images = {}
        self.ledger = [0] * 8
        self.ledger_durable = 0
        self.new: set[int] = set()

    def open(self, directory: Path) -> None:
        self.store, self.clock, self.disk = store_at(directory, at_once=True)
        self.engine = self.store.engine
        self.journal = fill_up(self.engine)
        self.rows = wrap(self.engine)
        self.held: dict[int, Delivery] = {}
        """Deliveries in memory."""
        self.cursors = dict.fromkeys(("agg1", "away"), 0)

    def teardown(self) -> None:
        engine_module.SLICE, engine_module.IDLE_SLICE = self.sizes
        self.engine.close()
        shutil.rmtree(self.base)

    def next(self) -> int:
        self.number += 1
        return self.number

    def changed(self, one: Message) -> None:
        self.known[one.id] = rows.message_image(one)

    def pick(self, number: int) -> Message:
        """Any known message, as whoever looks it up gets it."""
        ids = sorted(self.known)
        found = self.engine.message(ids[number % len(ids)])
        assert found is not None
        return found

    # ------------------------------------------------------------ messages

    @rule(count=st.integers(1, 5))
    def accept(self, count: int) -> None:
        for _ in range(count):
            one = message(self.next())
            self.store.accept(one)
            self.new.add(one.id)
            self.changed(one)

    @rule()
    def accept_and_spill(self) -> None:
        one = message(self.next(), state=State.DEFERRED)
        self.store.accept(one)
        self.store.spill(one)
        self.new.add(one.id)
        self.changed(one)

    @precondition(lambda self: self.known)
    @rule(number=PICK, state=st.sampled_from([State.WAITING, State.IN_FLIGHT, State.SENT]))
    def move(self, number: int, state: State) -> None:
        one = self.pick(number)
        one.state = state
        one.attempts += 1
        one.remote_id = f"{one.attempts:x}"
        self.store.touch(one)
        self.changed(one)

    @precondition(lambda self: self.known)
    @rule(number=PICK)
    def end(self, number: int) -> None:
        one = self.pick(number)
        final(one)
        self.store.touch(one)
        self.changed(one)

    @precondition(lambda self: self.known)
    @rule(number=PICK, body=st.binary(max_size=20))
    def replace(self, number: int, body: bytes) -> None:
        one = self.pick(number)
        one.body = body
        one.expires += 1
        one.rewrite()
        self.store.touch(one)
        self.changed(one)

    @precondition(lambda self: self.known)
    @rule(number=PICK)
    def spill(self, number: int) -> None:
        one = self.pick(number)
        one.position = self.next()
        one.state = State.WAITING
        self.store.touch(one)
        self.store.spill(one)
        self.changed(one)

    # ------------------------------------------------------------ deliveries

    @rule()
    def deliver(self) -> None:
        one = delivery(self.next())
        self.store.deliver(one)
        self.cursors["agg1"] = one.id
        self.held[one.id] = one
        self.waiting[one.id] = rows.delivery_image(one)

    @rule()
    def spool(self) -> None:
        one = delivery(self.next(), "away")
        self.store.spool(one)
        self.waiting[one.id] = rows.delivery_image(one)

    @rule(account=st.sampled_from(["agg1", "away"]), limit=st.integers(1, 3))
    def load(self, account: str, limit: int) -> None:
        """What follows the last one in memory, as an account does it."""
        for one in self.engine.deliveries(account, self.cursors[account], limit):
            self.held[one.id] = one
            self.cursors[account] = one.id

    @precondition(lambda self: self.held)
    @rule(number=PICK)
    def delivered(self, number: int) -> None:
        ids = sorted(self.held)
        one = self.held.pop(ids[number % len(ids)])
        one.done = True
        self.store.deliver(one)
        del self.waiting[one.id]

    # ------------------------------------------------------------ the rest of a batch

    @rule()
    def count(self) -> None:
        self.ledger[0] += 1
        self.store.batch.ledger[("account", "agg1")] = self.ledger

    @rule(seconds=st.sampled_from([IDLE_SECONDS, IDLE_SECONDS, 0.1, 0.6]))
    def commit(self, seconds: float) -> None:
        self.write(seconds)
        self.committed()

    def write(self, seconds: float = IDLE_SECONDS) -> None:
        # In trouble the next try comes later than a commit does.
        self.store.when_durable(lambda: None)
        self.clock.advance(RETRY_SECONDS if self.store.trouble else seconds)

    def committed(self) -> None:
        assert self.store.batch.empty
        self.durable = dict(self.known)
        self.waiting_durable = dict(self.waiting)
        self.ledger_durable = self.ledger[0]
        self.new.clear()

    @rule()
    def refuse(self) -> None:
        """The journal is full once; new messages are forgotten, the rest is written later."""
        refused: list[int] = []
        self.store.refused = lambda messages: refused.extend(one.id for one in messages)
        self.journal.full = True
        self.write()
        self.journal.full = False
        assert self.store.trouble or not self.new
        if self.store.trouble and not self.store.batch.empty:
            assert set(refused) == self.new
            for number in self.new:
                assert number not in self.engine.live
                del self.known[number]
            self.new.clear()
            self.after_a_crash("refused")
            self.clock.advance(RETRY_SECONDS)
        self.committed()

    @rule(
        statement=st.sampled_from(["BEGIN", "INSERT OR REPLACE INTO message", "UPDATE", "COMMIT"])
    )
    def no_rows(self, statement: str) -> None:
        """Rows cannot be written from now on; what is committed is committed all the same."""
        self.rows.fail_at = statement

    @rule()
    def rows_again(self) -> None:
        self.rows.fail_at = None
        self.write()
        self.committed()
        assert not self.store.trouble

    # ------------------------------------------------------------ the end of a life

    @rule(go_on=st.booleans())
    def kill(self, go_on: bool) -> None:
        """The process ends here; what was committed is what the next one finds."""
        self.after_a_crash("crash", go_on=go_on)

    @rule()
    def stop(self) -> None:
        self.rows.fail_at = None
        directory = self.engine.directory
        self.store.stop()
        assert journalled(directory) == []
        self.open(directory)
        self.committed()
        self.durable_images_are_there(self.engine)

    @rule()
    def checkpoint(self) -> None:
        """The log is folded into the database by somebody else."""
        other = sqlite3.connect(self.engine.path)
        other.execute("PRAGMA wal_checkpoint(PASSIVE)")
        other.close()

    def after_a_crash(self, name: str, *, go_on: bool = False) -> None:
        self.crashes += 1
        directory = crash(self.engine, self.base / f"{name}{self.crashes}")
        if not go_on:
            found = Engine(directory)
            self.durable_images_are_there(found)
            found.close()
            shutil.rmtree(directory)
            return
        self.engine.close()
        self.open(directory)
        self.durable_images_are_there(self.engine)
        self.known = dict(self.durable)
        self.waiting = dict(self.waiting_durable)
        self.ledger[0] = self.ledger_durable
        self.new.clear()

    def durable_images_are_there(self, engine: Engine) -> None:
        assert message_rows(engine) == self.durable
        assert delivery_rows(engine) == self.waiting_durable
        counted = engine.select("SELECT accepted FROM ledger")
        assert counted == ([(self.ledger_durable,)] if self.ledger_durable else [])

    # ------------------------------------------------------------ what always holds

    @invariant()
    def everybody_sees_the_newest(self) -> None:
        for number, image in self.known.items():
            found = self.engine.message(number)
            assert found is not None
            assert rows.message_image(found) == image
        for found in self.engine.messages("id > 0 ORDER BY id", (), 1_000_000):
            if found.id in self.known:
                assert rows.message_image(found) == self.known[found.id]

    @invariant()
    def what_is_journalled_is_live(self) -> None:
        engine = self.engine
        for record in [*engine._young.values(), *engine._old[engine._old_at :]]:
            if isinstance(record, Message):
                assert engine.live.get(record.id) is record

    @invariant()
    def memory_is_bounded_by_what_moves(self) -> None:
        """A final message leaves memory with its last image."""
        engine = self.engine
        recorded = {*engine._young, *(one.id for one in engine._old[engine._old_at :])}
        for number, one in engine.live.items():
            if one.final and number not in self.store.batch.touched:
                assert number in recorded


class TestStore(StoreMachine.TestCase):
    settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
