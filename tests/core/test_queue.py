"""The queue of a carrier: order, shares, spilling to rows and coming back from them."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from errno import ENOSPC
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.task import Clock

from smppgw.core import queue as queue_module
from smppgw.core.account_settings import Priority
from smppgw.core.message import Message, State
from smppgw.core.queue import SHARES, CarrierQueue
from smppgw.core.store import engine as engine_module
from smppgw.core.store import journal as journal_module
from smppgw.core.store.engine import FILE_NAME, Engine
from smppgw.core.store.group_commit import IDLE_SECONDS, RETRY_SECONDS, Store
from smppgw.core.store.journal import FILES, Journal

CODES, TRANSACTIONAL, BULK, EXPEDITED = Priority
CARRIER = "fr-a"


class PromptDisk:
    """A synchronizer that is done at once."""

    def sync(self, numbers: tuple[int, ...], done: Callable[[str], None]) -> None:
        done("")

    def stop(self) -> None:
        """Nothing to let go."""


class FullJournal:
    """A journal on a disk that is full while `full`."""

    def __init__(self, real: Journal) -> None:
        self.real = real
        self.full = False

    def append(self, payload: bytes) -> None:
        if self.full:
            raise OSError(ENOSPC, "disk is full")
        self.real.append(payload)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class RowsRefused:
    """A connection on which commits fail while `full`."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self.real = real
        self.full = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self.full and sql == "COMMIT":
            raise sqlite3.OperationalError("disk is full")
        return self.real.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Rig:
    """A carrier's queue with a real store under it, and the moves that the relay makes."""

    def __init__(self, directory: Path) -> None:
        self.ids = count(1)
        self.open(directory)

    def open(self, directory: Path) -> None:
        self.clock = Clock()
        self.engine = Engine(directory)
        self.store = Store(self.engine, self.clock, PromptDisk())
        self.journal = FullJournal(self.engine.journal)
        self.engine.journal = self.journal  # type: ignore[assignment]
        self.rows = RowsRefused(self.engine._connection)
        self.engine._connection = self.rows  # type: ignore[assignment]
        self.store.refused = self.forget
        stored = self.engine.select(
            "SELECT priority, count(*) FROM message WHERE state = 20 AND carrier = ?"
            " GROUP BY priority",
            (CARRIER,),
        )
        self.queue = CarrierQueue(self.store, CARRIER, dict(stored))

    def forget(self, messages: list[Message]) -> None:
        for one in messages:
            one.state = State.REJECTED

    def make(self, priority: int = TRANSACTIONAL, carrier: str = CARRIER) -> Message:
        """A message that was just accepted and routed."""
        number = next(self.ids)
        body = b"text %d" % number
        one = Message(number, "agg1", "38100", f"336{number:08}", 0, priority, 10**15, body)
        one.position = number
        one.carrier = carrier
        self.store.accept(one)
        return one

    def push(self, *priorities: int) -> list[int]:
        made = [self.make(priority) for priority in priorities]
        for one in made:
            self.queue.push(one)
        return [one.id for one in made]

    def move_in(self, one: Message) -> None:
        """A message of another carrier is routed here."""
        one.carrier = CARRIER
        one.position = next(self.ids)
        self.store.touch(one)
        self.queue.push(one)

    def commit(self, seconds: float = IDLE_SECONDS) -> None:
        self.store.when_durable(lambda: None)
        self.clock.advance(RETRY_SECONDS if self.store.trouble else seconds)

    def launch(self, one: Message) -> None:
        one.state = State.IN_FLIGHT
        self.store.touch(one)

    def back(self, one: Message) -> None:
        """The carrier was throttled: its queue gets the message again."""
        one.state = State.WAITING
        self.store.touch(one)
        self.queue.give_back(one)

    def pop(self) -> int | None:
        """Pop and launch."""
        one = self.queue.pop()
        if one is None:
            return None
        self.launch(one)
        return one.id

    def drain(self) -> list[int]:
        """Everything, as a carrier that takes all of it gets it."""
        found: list[int] = []
        for _ in range(3):
            while (number := self.pop()) is not None:
                found.append(number)
            self.commit()
        return found

    def crash(self, directory: Path) -> None:
        """The next process, on the files as they are; what was in flight comes first again."""
        directory.mkdir()
        for name in (FILE_NAME, f"{FILE_NAME}-wal", *FILES):
            shutil.copyfile(self.engine.directory / name, directory / name)
        self.engine.close()
        self.open(directory)
        for one in self.engine.messages("state = 22 ORDER BY position", (), 1_000_000):
            self.store.live[one.id] = one
            one.state = State.WAITING
            self.store.touch(one)
            self.queue.give_back(one)


@pytest.fixture(autouse=True)
def _small_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "PREPARED", 16 * 1024)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr("os.fdatasync", lambda descriptor: None)
    monkeypatch.setattr(queue_module, "HEAD", 8)
    monkeypatch.setattr(queue_module, "LOAD", 3)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "data")
    yield made
    made.engine.close()


def bulk(number: int) -> Iterable[int]:
    return [BULK] * number


# ---------------------------------------------------------------- order


def test_a_new_queue_is_empty(rig: Rig) -> None:
    assert not rig.queue
    assert len(rig.queue) == 0
    assert rig.queue.pop() is None
    assert rig.queue.depth() == {"codes": 0, "transactional": 0, "bulk": 0, "expedited": 0}


def test_messages_leave_in_their_order(rig: Rig) -> None:
    pushed = rig.push(*bulk(6))
    assert len(rig.queue) == 6
    assert [rig.pop() for _ in range(7)] == [*pushed, None]
    assert not rig.queue


@pytest.mark.parametrize("committed", [True, False])
def test_order_holds_through_the_rows(rig: Rig, committed: bool) -> None:
    pushed = rig.push(*bulk(50))
    if committed:
        rig.commit()
    assert rig.queue.depth()["bulk"] == 50
    assert rig.drain() == pushed
    assert not rig.queue


def test_order_holds_while_messages_come_and_go(rig: Rig) -> None:
    pushed: list[int] = []
    popped: list[int | None] = []
    for turn in range(40):
        pushed += rig.push(*bulk(1 + turn % 5))
        rig.commit()
        popped += [rig.pop() for _ in range(turn % 4)]
    popped += rig.drain()
    assert [one for one in popped if one is not None] == pushed


def test_what_is_not_committed_yet_is_not_lost(rig: Rig) -> None:
    """Rows of the batch being filled cannot be read; the queue must come back for them."""
    pushed = rig.push(*bulk(12))
    assert [rig.pop() for _ in range(8)] == pushed[:8]
    assert rig.pop() is None
    assert rig.queue, "more is coming"
    assert rig.push(BULK) == [13]
    rig.commit()
    assert rig.drain() == [*pushed[8:], 13]


def test_after_its_rows_are_used_up_a_lane_is_in_memory_again(rig: Rig) -> None:
    rig.push(*bulk(20))
    rig.drain()
    one = rig.make(BULK)
    rig.queue.push(one)
    assert rig.store.batch.spilled == []
    assert rig.pop() == one.id


def test_memory_holds_a_bounded_part(rig: Rig) -> None:
    for _ in range(30):
        rig.push(*bulk(10), *[CODES] * 10)
        rig.commit()
    rig.engine.flush()
    assert len(rig.queue) == 600
    assert len(rig.engine.live) <= 3 * queue_module.HEAD


def test_messages_moved_here_do_not_stay_in_memory(rig: Rig) -> None:
    """A carrier fails and its million messages move to another."""
    others = [rig.make(BULK, "fr-b") for _ in range(100)]
    rig.commit()
    for one in others:
        rig.move_in(one)
    rig.commit()
    rig.engine.flush()
    assert len(rig.engine.live) <= queue_module.HEAD
    assert rig.drain() == [one.id for one in others]


# ---------------------------------------------------------------- shares


def lanes(rig: Rig, popped: Iterable[int | None]) -> list[Priority]:
    found = [rig.engine.message(number) for number in popped if number is not None]
    return [Priority(one.priority) for one in found if one is not None]


def test_what_is_expedited_passes_all_classes(rig: Rig) -> None:
    queue_module.HEAD, queue_module.LOAD = 4, 2
    for _ in range(20):
        rig.push(BULK, TRANSACTIONAL, CODES)
    for _ in range(20):
        rig.push(EXPEDITED)
    rig.commit()
    assert lanes(rig, [rig.pop() for _ in range(20)]) == [EXPEDITED] * 20
    assert EXPEDITED not in lanes(rig, [rig.pop() for _ in range(60)])
    rig.push(BULK, EXPEDITED)
    assert lanes(rig, [rig.pop(), rig.pop()]) == [EXPEDITED, BULK]


def test_nothing_passes_what_is_expedited_and_has_no_row_yet(rig: Rig) -> None:
    queue_module.HEAD, queue_module.LOAD = 4, 2
    rig.push(CODES)
    for _ in range(6):
        rig.push(EXPEDITED)
    assert lanes(rig, [rig.pop() for _ in range(4)]) == [EXPEDITED] * 4
    assert rig.pop() is None
    rig.commit()
    assert lanes(rig, [rig.pop() for _ in range(3)]) == [EXPEDITED, EXPEDITED, CODES]


def test_classes_share_by_weight(rig: Rig) -> None:
    queue_module.HEAD = 1_000
    for _ in range(200):
        rig.push(BULK, TRANSACTIONAL, CODES)
    turn = sum(SHARES.values())
    served = lanes(rig, [rig.pop() for _ in range(3 * turn)])
    for at in (0, turn, 2 * turn):
        part = served[at : at + turn]
        assert {lane: part.count(lane) for lane in SHARES} == SHARES


def test_a_flood_of_codes_does_not_starve_bulk(rig: Rig) -> None:
    (one,) = rig.push(BULK)
    rig.push(*[CODES] * 8)
    codes = 0
    while rig.pop() != one:
        rig.push(CODES)
        codes += 1
    assert codes <= SHARES[CODES]


def test_a_code_passes_a_full_bulk_lane(rig: Rig) -> None:
    rig.push(*bulk(100))
    rig.commit()
    assert lanes(rig, [rig.pop(), rig.pop()]) == [BULK, BULK]
    (code,) = rig.push(CODES)
    waited = 0
    while rig.pop() != code:
        waited += 1
    assert waited <= SHARES[BULK]


def test_an_empty_class_gives_its_share_away(rig: Rig) -> None:
    pushed = rig.push(*bulk(7))
    assert rig.drain() == pushed
    pushed = rig.push(CODES, *bulk(2), CODES)
    assert sorted(rig.drain()) == pushed


# ---------------------------------------------------------------- giving back


def test_what_is_given_back_comes_first_in_its_order(rig: Rig) -> None:
    pushed = rig.push(*bulk(6))
    taken = [rig.queue.pop() for _ in range(4)]
    for one in (taken[2], taken[0], taken[3], taken[1]):
        assert one is not None
        rig.queue.give_back(one)
    assert len(rig.queue) == 6
    assert rig.drain() == pushed


def test_a_code_given_back_is_before_bulk_given_back(rig: Rig) -> None:
    rig.push(BULK, CODES)
    taken = [rig.queue.pop(), rig.queue.pop()]
    for one in taken:
        assert one is not None
        rig.queue.give_back(one)
    assert lanes(rig, rig.drain()) == [CODES, BULK]


def test_given_back_counts_as_waiting(rig: Rig) -> None:
    rig.push(BULK)
    one = rig.queue.pop()
    assert one is not None
    assert not rig.queue
    rig.queue.give_back(one)
    assert rig.queue
    assert len(rig.queue) == 1


# ---------------------------------------------------------------- messages that changed meanwhile


def test_a_message_that_ended_in_the_queue_is_passed_over(rig: Rig) -> None:
    pushed = rig.push(*bulk(30))
    rig.commit()
    for number in (pushed[2], pushed[20]):
        one = rig.engine.message(number)
        assert one is not None
        one.state = State.DELETED
        rig.store.touch(one)
    given = rig.queue.pop()
    assert given is not None
    rig.queue.give_back(given)
    given.state = State.EXPIRED
    rig.store.touch(given)
    left = [number for number in pushed if number not in {pushed[0], pushed[2], pushed[20]}]
    assert rig.drain() == left


def test_a_row_changed_by_its_sender_comes_as_changed(rig: Rig) -> None:
    pushed = rig.push(*bulk(30))
    rig.commit()
    one = rig.engine.message(pushed[25])
    assert one is not None
    one.body = b"a better text"
    one.rewrite()
    rig.store.touch(one)
    while (found := rig.queue.pop()) is not None:
        if found.id == one.id:
            break
    assert found is not None
    assert found.body == b"a better text"


def test_a_message_that_was_held_until_later_comes_once(rig: Rig) -> None:
    pushed = rig.push(*bulk(20))
    rig.commit()
    one = rig.engine.message(pushed[15])
    assert one is not None
    one.state = State.DEFERRED
    rig.store.touch(one)
    rig.store.spill(one)
    rig.commit(1.0)
    again = rig.engine.message(pushed[15])
    assert again is not None
    again.state = State.WAITING
    rig.move_in(again)
    rig.commit()
    assert rig.drain() == [*pushed[:15], *pushed[16:], pushed[15]]


@pytest.mark.parametrize("to", [CARRIER, "fr-b"])
def test_a_row_that_is_behind_its_message_does_not_hide_what_follows(rig: Rig, to: str) -> None:
    """It has a new place, here or elsewhere, and the row still says the old one."""
    pushed = rig.push(*bulk(30))
    rig.commit()
    for number in pushed[10:20:3]:  # the last of a load is among them
        one = rig.engine.message(number)
        assert one is not None
        one.carrier = to
        one.position = next(rig.ids)
        rig.store.touch(one)
    left = [rig.queue.pop() for _ in range(30)]
    assert {one.id for one in left if one is not None} >= {*pushed} - {*pushed[10:20:3]}


def test_a_message_back_in_the_queue_is_the_one_that_others_find(rig: Rig) -> None:
    """It left memory and came back before its row was up to date; a cancel_sm must reach it."""
    one = rig.make(BULK)
    rig.commit()
    one.state = State.DEFERRED
    rig.store.touch(one)
    rig.store.spill(one)
    rig.commit()
    one.state = State.WAITING
    rig.move_in(one)
    for _ in range(100):
        rig.commit(0.1)
    found = rig.engine.message(one.id)
    assert found is not None
    found.state = State.DELETED
    rig.store.touch(found)
    assert rig.drain() == []


# ---------------------------------------------------------------- a disk that refuses


def refuse(rig: Rig) -> None:
    rig.journal.full = True
    rig.store.execute("DELETE FROM learned")
    rig.commit()
    rig.journal.full = False
    assert rig.store.trouble


def test_refused_messages_never_leave_the_queue(rig: Rig) -> None:
    kept = rig.push(*bulk(4))
    rig.commit()
    rig.push(*bulk(20))
    refuse(rig)
    assert rig.pop() == kept[0]
    rig.clock.advance(RETRY_SECONDS)
    later = rig.push(*bulk(3))
    rig.commit()
    assert rig.drain() == [*kept[1:], *later]
    assert not rig.queue


def test_rows_that_a_refused_commit_did_not_write_are_not_forgotten(rig: Rig) -> None:
    others = [rig.make(BULK, "fr-b") for _ in range(12)]
    rig.commit()
    for one in others:
        rig.move_in(one)
    refuse(rig)
    first = [rig.pop() for _ in range(8)]
    assert rig.pop() is None
    assert rig.queue, "four more are on their way to their rows"
    rig.clock.advance(RETRY_SECONDS)
    assert [*first, *rig.drain()] == [one.id for one in others]


# ---------------------------------------------------------------- restarts


def test_a_restart_in_the_middle_keeps_order(rig: Rig, tmp_path: Path) -> None:
    pushed = rig.push(*bulk(40))
    rig.commit()
    flying = [rig.pop() for _ in range(5)]
    rig.commit()
    rig.crash(tmp_path / "next")
    assert flying == pushed[:5]
    assert len(rig.queue) == 40
    assert rig.drain() == pushed


def test_rows_that_cannot_be_written_are_waited_for(rig: Rig) -> None:
    """They are durable in the journal, but a queue reads rows."""
    rig.rows.full = True
    pushed = rig.push(*bulk(30))
    rig.commit()
    assert rig.store.trouble
    first = [rig.pop() for _ in range(8)]
    assert rig.pop() is None
    assert rig.queue
    rig.rows.full = False
    rig.commit()
    assert [*first, *rig.drain()] == pushed


def test_a_message_waiting_for_another_try_after_a_restart_comes_once(
    rig: Rig, tmp_path: Path
) -> None:
    """The carrier parks it in memory while its row says that it waits in the queue."""
    pushed = rig.push(*bulk(20))
    rig.commit()
    flying = rig.pop()
    rig.commit()
    rig.crash(tmp_path / "next")
    parked = rig.queue.pop()
    assert parked is not None
    assert parked.id == flying == pushed[0]
    rig.store.touch(parked)
    rig.commit(1.0)
    rig.commit(1.0)
    assert rig.drain() == pushed[1:]


# ---------------------------------------------------------------- random lives


class QueueMachine(RuleBasedStateMachine):
    """Nothing is lost, doubled or passed by what is behind it, whatever happens."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = queue_module.HEAD, queue_module.LOAD
        self.slices = engine_module.SLICE, engine_module.IDLE_SLICE
        queue_module.HEAD, queue_module.LOAD = 6, 2
        engine_module.SLICE, engine_module.IDLE_SLICE = 1, 2
        self.base = Path(tempfile.mkdtemp())
        self.rig = Rig(self.base / "data")
        self.crashes = 0
        self.waiting: set[int] = set()
        """What the queue must still give."""
        self.out: dict[int, Message] = {}
        """What it gave: in flight, or parked by the carrier."""
        self.elsewhere: list[Message] = []
        """Messages of another carrier, committed."""
        self.returned: set[int] = set()
        self.last = dict.fromkeys(Priority, 0)
        """Place of the newest message that each lane gave."""
        self.new: set[int] = set()
        self.durable: dict[int, State] = {}

    def teardown(self) -> None:
        queue_module.HEAD, queue_module.LOAD = self.sizes
        engine_module.SLICE, engine_module.IDLE_SLICE = self.slices
        self.rig.engine.close()
        shutil.rmtree(self.base)

    @rule(number=st.integers(1, 12), lane=st.sampled_from(Priority))
    def push(self, number: int, lane: Priority) -> None:
        pushed = self.rig.push(*[lane] * number)
        self.waiting.update(pushed)
        self.new.update(pushed)

    @rule(number=st.integers(1, 8), lane=st.sampled_from(Priority))
    def route_elsewhere(self, number: int, lane: Priority) -> None:
        self.elsewhere += [self.rig.make(lane, "fr-b") for _ in range(number)]
        self.commit(0.0)

    @precondition(lambda self: self.elsewhere)
    @rule(number=st.integers(1, 8))
    def move_in(self, number: int) -> None:
        for one in self.elsewhere[:number]:
            self.rig.move_in(one)
            self.waiting.add(one.id)
        del self.elsewhere[:number]

    @rule(number=st.integers(1, 10), launch=st.booleans())
    def pop(self, number: int, launch: bool) -> None:
        for _ in range(number):
            one = self.rig.queue.pop()
            if one is None:
                return
            self.given(one)
            if launch:
                self.rig.launch(one)

    def given(self, one: Message) -> None:
        assert one.state == State.WAITING
        assert one.id not in self.out, "given twice"
        assert one.id in self.waiting, "given though it ended"
        self.waiting.remove(one.id)
        self.out[one.id] = one
        if one.id in self.returned:
            self.returned.remove(one.id)
        else:
            lane = Priority(one.priority)
            assert one.position > self.last[lane], "passed by one behind it"
            self.last[lane] = one.position

    @precondition(lambda self: self.out)
    @rule(number=st.integers(0, 10**6))
    def give_back(self, number: int) -> None:
        ids = sorted(self.out)
        one = self.out.pop(ids[number % len(ids)])
        self.rig.back(one)
        self.waiting.add(one.id)
        self.returned.add(one.id)

    @precondition(lambda self: self.out)
    @rule(number=st.integers(0, 10**6), state=st.sampled_from([State.SENT, State.REJECTED]))
    def answered(self, number: int, state: State) -> None:
        ids = sorted(self.out)
        one = self.out.pop(ids[number % len(ids)])
        one.state = state
        self.rig.store.touch(one)

    @precondition(lambda self: self.waiting)
    @rule(number=st.integers(0, 10**6), cancel=st.booleans())
    def change(self, number: int, cancel: bool) -> None:
        """Cancelled or replaced by its sender while it waits."""
        ids = sorted(self.waiting)
        one = self.rig.engine.message(ids[number % len(ids)])
        assert one is not None
        if cancel:
            one.state = State.DELETED
            self.waiting.remove(one.id)
            self.returned.discard(one.id)
        else:
            one.body += b"."
            one.rewrite()
        self.rig.store.touch(one)

    @rule(seconds=st.sampled_from([IDLE_SECONDS, 0.1, 0.6]))
    def commit(self, seconds: float) -> None:
        self.rig.commit(max(seconds, IDLE_SECONDS))
        self.new.clear()

    @rule()
    def refuse(self) -> None:
        refuse(self.rig)
        self.waiting -= self.new
        self.returned -= self.new
        for number in self.new & set(self.out):
            del self.out[number]
        self.elsewhere = [one for one in self.elsewhere if one.id not in self.new]
        self.new.clear()

    @rule(full=st.booleans())
    def rows(self, full: bool) -> None:
        """Rows cannot be written any more, or again; the journal takes everything."""
        self.rig.rows.full = full

    @rule()
    def crash(self) -> None:
        """The next process has to send what waits, and first what was in flight."""
        self.commit(0.0)
        self.crashes += 1
        flying = {one.id for one in self.out.values() if one.state == State.IN_FLIGHT}
        self.rig.crash(self.base / f"crash{self.crashes}")
        self.waiting |= set(self.out)
        self.returned = flying
        self.out.clear()
        self.elsewhere.clear()
        self.new.clear()
        self.last = dict.fromkeys(Priority, 0)

    @rule()
    def drain(self) -> None:
        """Once all is committed, everything that waits comes out."""
        self.rig.rows.full = False
        self.commit(0.0)
        while (one := self.rig.queue.pop()) is not None:
            self.given(one)
        assert self.waiting == set()

    @invariant()
    def the_queue_knows_that_something_waits(self) -> None:
        assert self.rig.queue or not self.waiting
        assert len(self.rig.queue) >= len(self.waiting)

    @invariant()
    def memory_is_bounded(self) -> None:
        engine = self.rig.engine
        journalled = {*engine._young, *(one.id for one in engine._old[engine._old_at :])}
        journalled |= set(self.rig.store.batch.touched)
        journalled |= {one.id for one in [*self.elsewhere, *self.rig.store.batch.spilled]}
        journalled |= {one.id for one in engine._spilled}
        waiting = [
            one
            for one in engine.live.values()
            if one.id in self.waiting - self.returned and one.id not in journalled
        ]
        assert len(waiting) <= len(Priority) * (queue_module.HEAD + queue_module.LOAD)


class TestQueue(QueueMachine.TestCase):
    settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
