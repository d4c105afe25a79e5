"""Transactions: seen at once, durable with their commit, whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import FULL, Bind, crash, fill_up, message, store_at, wrap

from smppgw.core.store import group_commit
from smppgw.core.store.engine import Engine
from smppgw.core.store.group_commit import Refused

TABLE = "CREATE TABLE IF NOT EXISTS thing (key TEXT PRIMARY KEY, value INTEGER NOT NULL)"
PUT = "INSERT OR REPLACE INTO thing (key, value) VALUES (?, ?)"
ALL = "SELECT key, value FROM thing ORDER BY key"


class World:
    """A store with a table, and a disk whose syncs end when the test says so."""

    def __init__(self, directory: Path) -> None:
        self.store, self.clock, self.disk = store_at(directory)
        self.engine = self.store.engine
        self.engine.select(TABLE)
        self.seen: list[Any] = []

    def put(self, key: str, value: int, *, then: Exception | None = None) -> Callable[[], int]:
        def work() -> int:
            self.engine.changes.write(PUT, (key, value))
            if then is not None:
                raise then
            return value

        return work

    def transact(self, work: Callable[[], Any]) -> list[Any]:
        """What came of a piece of work, once it did."""
        came: list[Any] = []
        done = self.store.transact(work)
        done.addCallbacks(came.append, lambda failure: came.append(failure.value))
        return came

    def turn(self) -> None:
        self.clock.advance(0)

    @property
    def things(self) -> dict[str, int]:
        return dict(self.engine.select(ALL))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "data")
    yield made
    if made.disk.busy:
        made.disk.finish()
    made.store.stop()


def stored(directory: Path) -> dict[str, int]:
    """What a start in a directory finds."""
    engine = Engine(directory)
    try:
        return dict(engine.select(ALL))
    finally:
        engine.close()


def test_work_is_done_when_a_commit_begins_and_told_when_it_is_durable(world: World) -> None:
    came = world.transact(world.put("a", 1))
    assert world.things == {}
    world.turn()
    assert world.things == {"a": 1}
    assert came == []
    world.disk.finish()
    assert came == [1]


def test_rows_stay_behind_their_record(world: World, tmp_path: Path) -> None:
    world.transact(world.put("a", 1))
    world.turn()
    other = f"{world.engine.path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(other, uri=True)) as reading:
        assert reading.execute(ALL).fetchall() == []
        world.disk.finish()
        assert reading.execute(ALL).fetchall() == [("a", 1)]


def test_a_record_is_enough_after_a_crash(world: World, tmp_path: Path) -> None:
    world.transact(world.put("a", 1))
    world.turn()  # the record is written, the rows are not
    assert stored(crash(world.engine, tmp_path / "crashed")) == {"a": 1}


def test_work_that_raises_leaves_nothing(world: World) -> None:
    fault = ValueError("no")
    before = world.transact(world.put("a", 1))
    failed = world.transact(world.put("b", 2, then=fault))
    after = world.transact(world.put("c", 3))
    world.turn()
    assert failed == [fault]
    world.disk.finish()
    assert (before, after) == ([1], [3])
    assert world.things == {"a": 1, "c": 3}


def test_work_that_fails_among_others_takes_none_of_them_along(world: World) -> None:
    fault = ValueError("no")
    keys = "abcdefgh"
    came = [
        world.transact(world.put(key, 1, then=fault if number % 3 == 1 else None))
        for number, key in enumerate(keys)
    ]
    world.turn()
    stay = {key: 1 for number, key in enumerate(keys) if number % 3 != 1}
    assert world.things == stay
    assert world.engine.changes.undone == len(keys) - len(stay)
    world.disk.finish()
    assert came == [[fault] if number % 3 == 1 else [1] for number in range(len(keys))]
    assert world.things == stay


def test_work_that_fails_before_it_wrote_costs_the_others_nothing(world: World) -> None:
    run: list[str] = []
    connection = world.engine._connection
    world.transact(world.put("a", 1))

    def fail() -> None:
        raise ValueError("no")

    failed = world.transact(fail)
    connection.set_trace_callback(run.append)
    world.turn()
    connection.set_trace_callback(None)
    assert isinstance(failed[0], ValueError)
    assert [one for one in run if one.startswith("INSERT")] == [run[1]]
    assert world.things == {"a": 1}


def test_a_disk_that_fills_up_while_others_are_written_again_loses_nothing(world: World) -> None:
    """The repetition of what was finished fails: it is in the record, and its rows follow later."""
    connection = wrap(world.engine)
    world.engine.changes._connection = connection  # type: ignore[assignment]
    first = world.transact(world.put("a", 1))

    def fail() -> None:
        world.put("b", 2)()
        connection.fail_at = "BEGIN"
        raise ValueError("no")

    failed, third = world.transact(fail), world.transact(world.put("c", 3))
    world.turn()
    assert isinstance(failed[0], ValueError)
    assert isinstance(third[0], Refused)
    world.disk.finish()
    assert first == [1]
    connection.fail_at = None
    world.clock.advance(group_commit.RETRY_SECONDS)
    while world.disk.busy:
        world.disk.finish()
        world.turn()
    assert world.things == {"a": 1}
    assert world.store.trouble == ""


def test_work_reads_what_was_written_before_it(world: World) -> None:
    world.transact(world.put("a", 1))
    came = world.transact(lambda: world.things)
    world.turn()
    world.disk.finish()
    assert came == [{"a": 1}]


def test_work_waits_for_the_commit_under_way(world: World, tmp_path: Path) -> None:
    world.transact(world.put("a", 1))
    world.turn()
    came = world.transact(world.put("b", 2))
    world.turn()
    assert world.things == {"a": 1}
    world.disk.finish()  # the rows of this commit, and nothing of the next
    assert stored(crash(world.engine, tmp_path / "crashed")) == {"a": 1}
    world.turn()
    world.disk.finish()
    assert came == [2]


def test_messages_of_a_piece_of_work_are_in_its_commit(world: World) -> None:
    bind = Bind(world.seen)

    def work() -> str:
        world.engine.changes.write(PUT, ("a", 1))
        world.store.accept(message(7))
        world.store.answer(bind, b"answer", (4, 1))
        return "done"

    came = world.transact(work)
    world.turn()
    assert world.seen == []
    world.disk.finish()
    assert world.seen == [("bind", b"answer", 1)]
    assert came == ["done"]
    assert world.disk.asked == 1
    assert world.engine.message(7) is not None


def test_a_commit_takes_so_much_work_and_the_next_one_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_WORKS", 2)
    came = [world.transact(world.put(key, 1)) for key in "abcde"]
    sizes = []
    while not all(came):
        world.turn()
        sizes.append(len(world.things))
        world.disk.finish()
    assert sizes == [2, 4, 5]


def test_long_work_leaves_the_rest_to_the_next_commit(world: World) -> None:
    def slow() -> None:
        world.put("slow", 1)()
        world.clock.rightNow += group_commit.WORK_SECONDS

    first, second = world.transact(slow), world.transact(world.put("a", 1))
    world.turn()
    assert world.things == {"slow": 1}
    world.disk.finish()
    assert (first, second) == ([None], [])
    world.turn()
    world.disk.finish()
    assert second == [1]


def test_work_counts_as_what_waits_for_the_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "CONGESTED", 10)
    told: list[bool] = []
    world.store.congestion = told.append
    world.transact(world.put("a", 0))
    world.turn()
    for number in range(12):
        world.transact(world.put("a", number))
    assert told == [True]
    world.disk.finish()
    world.turn()
    world.disk.finish()
    assert told == [True, False]


# ---------------------------------------------------------------- a disk that refuses


def test_a_record_that_cannot_be_written_takes_its_work_back(world: World) -> None:
    journal = fill_up(world.engine)
    journal.full = True
    came = world.transact(world.put("a", 1))
    world.turn()
    assert isinstance(came[0], Refused)
    assert world.things == {}
    later = world.transact(world.put("b", 2))
    journal.full = False
    world.clock.advance(group_commit.RETRY_SECONDS)
    while world.disk.busy:
        world.disk.finish()
        world.turn()
    assert later == [] or isinstance(later[0], Refused) or later == [2]
    assert "a" not in world.things


def test_rows_that_cannot_be_written_are_written_later(world: World) -> None:
    connection = wrap(world.engine)
    world.engine.changes._connection = connection  # type: ignore[assignment]
    connection.fail_at = "COMMIT"
    came = world.transact(world.put("a", 1))
    world.turn()
    world.disk.finish()
    assert came == [1]  # the record is on disk
    assert world.store.trouble == FULL
    refused = world.transact(world.put("b", 2))
    connection.fail_at = None
    world.clock.advance(group_commit.RETRY_SECONDS)
    while world.disk.busy:
        world.disk.finish()
        world.turn()
    assert isinstance(refused[0], Refused)
    assert world.things == {"a": 1}
    assert world.store.trouble == ""


def test_a_transaction_that_the_disk_ends_takes_nothing_with_it(world: World) -> None:
    """SQLite rolls back by itself when the disk is full: what was finished before is repeated."""
    first = world.transact(world.put("a", 1))

    def full() -> None:
        world.engine._connection.execute("ROLLBACK")
        raise sqlite3.OperationalError(FULL)

    failed = world.transact(full)
    third = world.transact(world.put("c", 3))
    world.turn()
    assert isinstance(failed[0], Refused)
    assert isinstance(third[0], Refused)
    world.disk.finish()
    assert first == [1]
    world.clock.advance(group_commit.RETRY_SECONDS)
    while world.disk.busy:
        world.disk.finish()
        world.turn()
    assert world.things == {"a": 1}


def test_a_store_that_stops_refuses_what_waits(tmp_path: Path) -> None:
    world = World(tmp_path / "data")
    came = world.transact(world.put("a", 1))
    world.store.stop()
    assert isinstance(came[0], Refused)
    assert stored(tmp_path / "data") == {}


# ---------------------------------------------------------------- any order, any crash

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abc"), st.integers(0, 9)),
        st.tuples(st.just("fail"), st.sampled_from("abc"), st.integers(0, 9)),
        st.sampled_from([("turn", "", 0), ("sync", "", 0)]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_crash_keeps_whole_pieces_of_work_and_all_that_was_told(
    steps: list[tuple[str, str, int]],
) -> None:
    with TemporaryDirectory() as directory:
        world = World(Path(directory) / "data")
        states: list[dict[str, int]] = [{}]
        told = 0

        def tell(_: int) -> None:
            nonlocal told
            told += 1

        for step, key, value in steps:
            if step == "turn":
                world.turn()
            elif step == "sync" and world.disk.busy:
                world.disk.finish()
            elif step == "put":
                # Both halves, or neither.
                def work(key: str = key, value: int = value) -> int:
                    world.engine.changes.write(PUT, (key, value))
                    world.engine.changes.write(PUT, (key.upper(), value))
                    return value

                states.append({**states[-1], key: value, key.upper(): value})
                world.store.transact(work).addCallbacks(tell, lambda failure: None)
            elif step == "fail":
                world.transact(world.put(key, value, then=ValueError("no")))
        found = stored(crash(world.engine, Path(directory) / "crashed"))
        assert found in states[told:]
        if world.disk.busy:
            world.disk.finish()
        world.store.stop()


def test_nothing_is_paid_for_a_store_without_transactions(tmp_path: Path) -> None:
    store, clock, _ = store_at(tmp_path / "data", at_once=True)
    store.accept(message(1))
    clock.advance(1)
    assert not store.engine._connection.in_transaction
    store.stop()
