"""The looks of the last minute."""

from __future__ import annotations

from pathlib import Path

import pytest
from explain_kit import Cpu
from relay_kit import World, account, carrier
from twisted.internet.task import Clock

from smppgw.core import measures
from smppgw.ops import looks as module
from smppgw.ops.looks import CONNECTIONS_KEPT, KEPT, Looks


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


def started(world: World) -> Looks:
    looks = Looks(world.relay, world.clock, Cpu())
    looks.start()
    return looks


def test_nothing_is_looked_at_before_the_start(world: World) -> None:
    looks = Looks(world.relay, world.clock)
    world.settle(5)
    assert not looks.kept
    assert looks.span(10) is None
    assert looks.last(10) == []


def test_a_minute_is_all_that_is_kept(world: World) -> None:
    looks = started(world)
    world.settle(200, step=1.0)
    assert len(looks.kept) == KEPT
    assert len(looks.moved) == CONNECTIONS_KEPT
    looks.stop()
    looks.stop()
    assert not [
        one for one in world.clock.getDelayedCalls() if getattr(one.func, "__self__", 0) is looks
    ]


def test_a_span_reaches_back_as_far_as_it_says(world: World) -> None:
    looks = started(world)
    world.clock.advance(1)
    for seconds in (1, 10, 60):
        before, after = looks.span(seconds)
        assert after.at - before.at == 1.0, "there are only two"
    for _ in range(80):
        world.clock.advance(1)
    for seconds in (1, 10, 60):
        before, after = looks.span(seconds)
        assert after is looks.kept[-1]
        assert after.at - before.at == seconds
    assert len(looks.last(10)) == 10


def test_a_look_that_came_late_says_so_and_still_is_a_span(world: World) -> None:
    looks = started(world)
    world.clock.advance(4)
    assert looks.kept[-1].process.late == 3.0
    before, after = looks.span(1)
    assert after.at - before.at == 4.0


def test_a_clock_that_steps_back_is_no_trouble(world: World) -> None:
    looks = started(world)
    world.clock.advance(1)
    world.clock.rightNow -= 100
    looks._look(world.clock.seconds() + 50)
    assert looks.kept[-1].process.late == 0.0
    assert looks.span(10) is not None


def test_what_happened_is_the_difference_of_two_looks(world: World) -> None:
    looks = started(world)
    esme = world.esme()
    for _ in range(3):
        esme.submit(registered_delivery=1)
    world.settle(2)
    before, after = looks.span(10)
    assert after.carriers["a"].sent - before.carriers["a"].sent == 3
    assert sum(after.carriers["a"].answers) - sum(before.carriers["a"].answers) == 3
    assert after.accounts["esme"].accepted - before.accounts["esme"].accepted == 3
    assert sum(after.process.commits) > sum(before.process.commits)
    assert looks.moved[-1].links["a#1"] >= 3
    received, delivered = looks.moved[-1].binds["esme#1"]
    assert received == 3
    assert delivered >= 3


def test_who_stands_still_takes_the_memory_of_one_look(world: World) -> None:
    looks = started(world)
    world.settle(10, step=1.0)
    assert len({id(look.carriers["a"]) for look in looks.kept}) == 1
    assert len({id(look.accounts["esme"]) for look in looks.kept}) == 1


def test_those_without_figures_of_their_own_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "MOST_CARRIERS", 2)
    monkeypatch.setattr(measures, "MOST_ACCOUNTS", 2)
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 3)
    world = World(
        tmp_path / "var",
        carriers=tuple(carrier(name, 2790 + place, binds=2) for place, name in enumerate("abcd")),
        accounts=tuple(account(name) for name in "efgh"),
    )
    looks = started(world)
    (look,) = looks.kept
    assert list(look.carriers) == ["a", "b"]
    assert list(look.accounts) == ["e", "f"]
    assert len(looks.moved[-1].links) == 3


def test_the_time_of_pauses_is_counted_as_it_passes(world: World) -> None:
    refusals = world.relay.carriers["a"].refusals
    now = world.clock.seconds()
    refusals._pause(now, 10.0, 0x58)
    refusals._pause(now + 2, 3.0, 0x58)  # within the first
    assert refusals.paused_for(now) == 0.0
    assert refusals.paused_for(now + 4) == pytest.approx(4.0)
    refusals._pause(now + 4, 8.0, 0x14)  # goes on for two seconds more
    assert refusals.paused_for(now + 12) == pytest.approx(12.0)
    assert refusals.paused_for(now + 99) == pytest.approx(12.0)
    refusals._pause(now + 100, 1.0, 0x14)
    assert refusals.paused_for(now + 101) == pytest.approx(13.0)
    assert refusals.paused_by == 0x14


def test_what_the_thread_had_of_processors(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looks = Looks(world.relay, Clock())
    looks.start()
    assert looks.kept[-1].process.processor.used > 0
    looks.stop()
    said = tmp_path / "schedstat"
    monkeypatch.setattr(module, "SCHEDULED", said)
    assert module.processor().waited == 0.0, "another system"
    for text, waited in (("5 2500000000 7", 2.5), ("", 0.0), ("a b c", 0.0)):
        said.write_text(text)
        assert module.processor().waited == waited
