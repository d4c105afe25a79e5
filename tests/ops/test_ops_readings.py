"""Readings of operators: one at a time, whatever becomes of who asked; counts are shared."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from relay_kit import World
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smppgw.core.store.audit import AuditTimeout
from smppgw.ops.readings import AT_ONCE, GLANCE, NEW, REST, Counts, Readings


class Threads:
    """Work that ends when the test says so."""

    def __init__(self) -> None:
        self.working: list[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def __call__(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        ended: Deferred[Any] = Deferred()
        self.working.append((ended, work, arguments))
        return ended

    def end(self) -> None:
        ended, work, arguments = self.working.pop(0)
        maybeDeferred(work, *arguments).addBoth(ended.callback)


class Reading:
    """Says when it begins, and what it read."""

    def __init__(self, name: str, begun: list[str], fault: Exception | None = None) -> None:
        begun.append(name)
        self._name = name
        self._fault = fault

    def finish(self, *arguments: Any) -> tuple[Any, ...]:
        if self._fault is not None:
            raise self._fault
        return (self._name, *arguments)


def kept(asked: Deferred[Any]) -> list[Any]:
    found: list[Any] = []
    asked.addBoth(found.append)
    return found


def failed(found: list[Any]) -> type[BaseException]:
    (failure,) = found
    assert isinstance(failure, Failure)
    return type(failure.value)


@pytest.fixture
def threads() -> Threads:
    return Threads()


def test_one_at_a_time_in_order(threads: Threads) -> None:
    readings, begun = Readings(threads, Clock()), list[str]()
    found = [
        kept(readings.run(lambda name=name: Reading(name, begun), 7))  # type: ignore[misc]
        for name in ("a", "b", "c")
    ]
    for place, name in enumerate(("a", "b", "c")):
        assert begun == ["a", "b", "c"][: place + 1]
        assert len(threads.working) == 1
        threads.end()
        assert found[place] == [(name, 7)]
    assert threads.working == []


def test_a_fault_is_for_who_asked_and_the_next_one_goes_on(threads: Threads) -> None:
    readings, begun = Readings(threads, Clock()), list[str]()

    def no_file() -> Reading:
        raise sqlite3.OperationalError("no file")

    first = kept(readings.run(lambda: Reading("a", begun, AuditTimeout("late"))))
    second = kept(readings.run(no_file))
    third = kept(readings.run(lambda: Reading("c", begun)))
    threads.end()
    assert failed(first) is AuditTimeout
    assert failed(second) is sqlite3.OperationalError
    threads.end()
    assert third == [("c",)]


def test_who_goes_away_before_his_turn_costs_nothing(threads: Threads) -> None:
    readings, begun = Readings(threads, Clock()), list[str]()
    readings.run(lambda: Reading("a", begun))
    going = readings.run(lambda: Reading("b", begun))
    found = kept(going)
    last = kept(readings.run(lambda: Reading("c", begun)))
    going.cancel()
    assert failed(found) is CancelledError
    threads.end()
    threads.end()
    assert begun == ["a", "c"]
    assert last == [("c",)]


def test_what_has_begun_keeps_its_place_when_nobody_waits_for_it(threads: Threads) -> None:
    readings, begun = Readings(threads, Clock()), list[str]()
    going = readings.run(lambda: Reading("a", begun))
    found = kept(going)
    last = kept(readings.run(lambda: Reading("b", begun)))
    going.cancel()
    assert failed(found) is CancelledError
    assert begun == ["a"], "its thread is still at work"
    threads.end()
    threads.end()
    assert last == [("b",)]


def test_readings_rest_for_what_they_took_of_the_reactor(threads: Threads) -> None:
    clock, begun = Clock(), list[str]()
    readings = Readings(threads, clock)

    def begins() -> Reading:
        clock.advance(0.02)
        return Reading("a", begun)

    def told(result: object) -> None:
        clock.advance(0.08)

    readings.run(begins).addCallback(told)
    clock.advance(5)  # in the thread: that costs the reactor nothing
    threads.end()
    found = kept(readings.run(lambda: Reading("b", begun)))
    assert begun == ["a"]
    clock.advance(REST * 0.1 - AT_ONCE - 0.001)
    assert begun == ["a"]
    clock.advance(0.002)
    assert begun == ["a", "b"]
    threads.end()
    assert found == [("b",)]
    assert clock.getDelayedCalls() == []


def test_who_asks_for_little_does_not_wait(threads: Threads) -> None:
    clock, begun = Clock(), list[str]()
    readings = Readings(threads, clock)
    for name in ("a", "b", "c"):
        readings.run(lambda name=name: Reading(name, begun)).addCallback(  # type: ignore[misc]
            lambda _: clock.advance(0.01)
        )
        threads.end()
    assert begun == ["a", "b", "c"]


def test_a_clock_that_is_set_back_holds_nobody_for_long(threads: Threads) -> None:
    clock, begun = Clock(), list[str]()
    clock.advance(10_000)
    readings = Readings(threads, clock)
    readings.run(lambda: Reading("a", begun)).addCallback(lambda _: clock.advance(0.5))
    threads.end()
    clock.rightNow -= 3_600
    readings.run(lambda: Reading("b", begun))
    clock.advance(REST)
    assert begun == ["a", "b"]
    threads.end()
    readings.run(lambda: Reading("c", begun))
    assert begun == ["a", "b", "c"]


def test_many_who_ask_at_once_share_a_count(tmp_path: Path, threads: Threads) -> None:
    world = World(tmp_path / "var")
    counts = Counts(world.relay, Readings(threads, world.clock))
    found = [kept(counts.count()) for _ in range(20)]
    assert len(threads.working) == 1
    threads.end()
    assert all(one == found[0] for one in found)
    assert found[0][0].balanced


def test_a_count_is_new_for_ten_times_what_it_took(tmp_path: Path, threads: Threads) -> None:
    world = World(tmp_path / "var")
    counts = Counts(world.relay, Readings(threads, world.clock))
    first = kept(counts.count())
    world.clock.advance(0.1)
    threads.end()
    world.clock.advance(0.1 * NEW - 0.1 - 0.01)
    assert kept(counts.count()) == first
    assert threads.working == []
    world.clock.advance(0.02)
    second = kept(counts.count())
    threads.end()
    assert second[0] is not first[0]


def test_a_count_that_takes_no_time_is_made_anew_each_time(
    tmp_path: Path, threads: Threads
) -> None:
    world = World(tmp_path / "var")
    counts = Counts(world.relay, Readings(threads, world.clock))
    for _ in range(3):
        found = kept(counts.count())
        threads.end()
        assert found[0].balanced


def test_a_count_that_fails_fails_for_all_who_asked_and_is_not_kept(
    tmp_path: Path, threads: Threads
) -> None:
    world = World(tmp_path / "var")
    counts = Counts(world.relay, Readings(threads, world.clock))
    going = counts.count()
    gone, stays = kept(going), kept(counts.count())
    going.cancel()
    ended, _, _ = threads.working.pop()
    ended.errback(AuditTimeout("late"))
    assert failed(gone) is CancelledError
    assert failed(stays) is AuditTimeout
    again = kept(counts.count())
    threads.end()
    assert again[0].balanced


def test_who_glances_waits_for_a_count_for_a_moment_only(tmp_path: Path, threads: Threads) -> None:
    world = World(tmp_path / "var")
    counts = Counts(world.relay, Readings(threads, world.clock))
    quick = kept(counts.glance(0.5))
    world.clock.advance(0.1)
    threads.end()
    assert quick[0].audit.balanced
    assert quick[0].took == pytest.approx(0.1)
    world.clock.advance(0.1 * GLANCE - 0.11)
    assert kept(counts.glance(0.5)) == quick
    assert threads.working == [], "it is new enough"
    world.clock.advance(0.02)
    slow = kept(counts.glance(0.5))
    assert len(threads.working) == 1
    world.clock.advance(0.6)
    assert slow == quick, "the last one there was"
    threads.end()
    newest = kept(counts.glance(0.5))
    assert newest != quick
    assert threads.working == [], "what began goes on, and serves who comes then"


def test_who_glances_first_is_told_that_there_is_no_count_yet(
    tmp_path: Path, threads: Threads
) -> None:
    world = World(tmp_path / "var")
    counts = Counts(world.relay, Readings(threads, world.clock))
    first, second = kept(counts.glance(0.5)), kept(counts.glance(0.5))
    world.clock.advance(0.6)
    assert first == second == ["it is being counted"]
    proof = kept(counts.count())
    assert len(threads.working) == 1
    threads.end()
    assert proof[0].balanced


@pytest.mark.parametrize("error", [AuditTimeout("it took too long"), sqlite3.Error("no file")])
def test_who_glances_is_told_why_there_is_no_count(
    tmp_path: Path, threads: Threads, error: Exception
) -> None:
    world = World(tmp_path / "var")
    counts = Counts(world.relay, Readings(threads, world.clock))
    found = kept(counts.glance(0.5))
    ended, _, _ = threads.working.pop()
    ended.errback(error)
    assert found == [str(error)]
