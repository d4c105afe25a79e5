"""Queues of unusable carriers: offered to others in order, in short steps, in bounded memory."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from carrier_kit import (
    Traffic,
    absent,
    assert_clean,
    assert_in_order,
    back,
    crash,
    drain,
    duplicates,
    taken,
    world_of,
)
from relay_kit import World, carrier

from smppgw.core import moves
from smppgw.core import queue as queue_module
from smppgw.core.message import State
from smppgw.core.settings import RouteSettings, StatusRule
from smppgw.simulator.behaviour import Behaviour

STEP = 20
HEAD = 30
ROUTES = (
    RouteSettings(prefix="33", carriers=(("a",),)),
    RouteSettings(prefix="44", carriers=(("a",), ("b",))),
    RouteSettings(prefix="49", carriers=(("a",), ("c",))),
)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "MOVED_AT_ONCE", STEP)
    monkeypatch.setattr(queue_module, "HEAD", HEAD)
    monkeypatch.setattr(queue_module, "LOAD", 10)


def three(**fields):
    return [carrier(name, 2790 + n, **fields) for n, name in enumerate("abc")]


def dead(tmp_path: Path, routes: tuple[RouteSettings, ...] = ROUTES, **rest) -> World:
    """Three carriers, none of them there."""
    often = {"reconnect": 0.1, "max_reconnect": 0.1}
    world = world_of(tmp_path, *three(**often), routes=routes, **rest)
    for name in "abc":
        absent(world, name)
    return world


def to(traffic: Traffic, prefix: str, count: int, spread: int = 7) -> list[int]:
    return [traffic.send(f"{prefix}6000{n % spread:04}") for n in range(count)]


def looked_at(world: World) -> list[int]:
    """Sizes of the steps in which queues are looked through from now on."""
    steps: list[int] = []
    messages = world.engine.messages

    def counted(where: str, values: tuple, limit: int):
        found = messages(where, values, limit)
        if "(priority, position)" in where:
            steps.append(len(found))
        return found

    world.engine.messages = counted
    return steps


def waiting_in_memory(world: World) -> int:
    return sum(one.state == State.WAITING for one in world.store.live.values())


def test_a_queue_goes_to_the_next_carrier_in_order_and_in_steps(tmp_path: Path) -> None:
    world = dead(tmp_path, (RouteSettings(prefix="", carriers=(("a",), ("b",), ("c",))),))
    traffic = Traffic(world)
    numbers = to(traffic, "33", 90)
    world.settle(1)
    assert len(world.relay.carriers["a"].queue) == 90
    back(world, "b")
    left = []
    while not left or left[-1]:
        world.clock.advance(0.02)
        world.clock.advance(0)
        left.append(len(world.relay.carriers["a"].queue))
    assert max(before - after for before, after in pairwise(left)) <= STEP
    drain(world)
    assert taken(world, "b") == numbers
    assert world.relay.ledger.lines("carrier")["a"]["moved"] == 90
    assert_clean(world)


def test_what_cannot_move_hides_nothing_and_stays_on_disk(tmp_path: Path) -> None:
    world = dead(tmp_path)
    traffic = Traffic(world)
    stays, goes = [], []
    for _ in range(5):
        stays += to(traffic, "33", 60)
        goes += to(traffic, "44", 11)
        world.settle(0.5)
    world.settle(10)
    back(world, "b")
    world.settle(60)
    assert taken(world, "b") == goes
    one = world.relay.carriers["a"]
    assert one.waiting == len(stays)
    assert waiting_in_memory(world) == 0
    more = to(traffic, "33", 40)
    world.settle(5)
    assert one.waiting == len(stays) + 40
    back(world, "a")
    drain(world)
    assert sorted(taken(world, "a")) == stays + more
    assert_in_order(world, "a")
    assert_clean(world)


def test_it_comes_back_while_its_queue_is_looked_through(tmp_path: Path) -> None:
    world = dead(tmp_path)
    traffic = Traffic(world)
    for _ in range(10):
        to(traffic, "33", 20)
        to(traffic, "44", 20)
    world.settle(10)
    back(world, "b")
    while not taken(world, "b"):
        world.clock.advance(0.02)
    back(world, "a")
    while not world.relay.carriers["a"].usable:
        world.clock.advance(0.02)
    drain(world)
    assert 0 < len(taken(world, "b")) < 200
    assert sorted(taken(world)) == list(range(1, 401))
    assert_in_order(world, "a")
    assert_in_order(world, "b")
    assert_clean(world)


def test_a_carrier_that_joins_later_is_asked_at_once(tmp_path: Path) -> None:
    world = dead(tmp_path)
    traffic = Traffic(world)
    to(traffic, "33", 300)
    french = to(traffic, "44", 30)
    german = to(traffic, "49", 30)
    world.settle(10)
    back(world, "b")
    world.settle(40)
    assert taken(world, "b") == french
    back(world, "c")
    while not world.relay.carriers["c"].usable:
        world.settle(0.5)
    world.settle(10)
    assert taken(world, "c") == german
    assert world.relay.carriers["a"].waiting == 300


def test_a_queue_without_another_way_is_not_looked_through(tmp_path: Path) -> None:
    world = dead(tmp_path, ROUTES[:1])
    traffic = Traffic(world)
    to(traffic, "33", 100)
    back(world, "b")
    steps = looked_at(world)
    world.settle(60)
    assert steps == []


def test_the_queue_of_a_disabled_carrier_is_held(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", 2790, enabled=False), carrier("b", 2791))
    absent(world, "b")
    traffic = Traffic(world)
    to(traffic, "33", 10)
    back(world, "b")
    world.settle(60)
    assert world.relay.carriers["a"].waiting == 10
    assert not taken(world)
    traffic.send("33600009999")
    world.settle(1)
    assert taken(world, "b") == [11], "what is new goes round it"


def test_looking_again_in_vain_gets_rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "SPARED", 50)
    world = dead(tmp_path)
    traffic = Traffic(world)
    to(traffic, "33", 500)
    world.settle(10)
    back(world, "b")
    steps = looked_at(world)
    world.settle(110)
    assert max(steps) <= STEP
    assert 1_000 <= sum(steps) <= 110 * 50


def test_what_waits_everywhere_in_a_carrier_keeps_its_order(tmp_path: Path) -> None:
    """In flight, waiting for another try, behind one of these, given back, queued, on disk."""
    rules = {"0x08": StatusRule(action="retry", delay=100.0)}
    world = world_of(
        tmp_path,
        carrier("a", 2790, statuses=rules, window=4),
        carrier("b", 2791),
        routes=(RouteSettings(prefix="", carriers=(("a",), ("b",))),),
        behaviours={"a": Behaviour(response_delay=1.0)},
    )
    traffic = Traffic(world)
    for n in range(200):
        traffic.send(f"3360000{n % 9:04}", "{status=0x08,times=1}" if n < 3 else "")
    world.settle(2.5)
    absent(world)
    drain(world)
    assert sorted(set(taken(world))) == list(range(1, 201))
    assert_in_order(world, "b")
    assert_clean(world)


def test_a_message_without_an_alternative_waits(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        *three()[:2],
        routes=(
            RouteSettings(prefix="33", carriers=(("a",),)),
            RouteSettings(prefix="44", carriers=(("a",), ("b",))),
        ),
    )
    absent(world, "a")
    absent(world, "b")
    traffic = Traffic(world)
    stays = [traffic.send(f"336000000{n}") for n in range(5)]
    goes = [traffic.send(f"446000000{n}") for n in range(5)]
    back(world, "b")
    world.settle(60)
    assert taken(world, "b") == goes
    back(world, "a")
    drain(world)
    assert taken(world, "a") == stays
    assert_clean(world)


@pytest.mark.parametrize("moment", [5.5, 6.0, 6.02, 6.1, 9.0])
def test_a_crash_while_the_queue_moves(tmp_path: Path, moment: float) -> None:
    world = world_of(tmp_path, *three(window=3), behaviours={"b": Behaviour(response_delay=0.2)})
    for name in "abc":
        absent(world, name)
    traffic = Traffic(world)
    numbers = [traffic.send(f"336000000{n % 7}") for n in range(60)]
    world.settle(1)
    back(world, "b")
    world.settle(moment)
    crash(world)
    drain(world)
    assert sorted(set(taken(world))) == numbers
    assert duplicates(world) <= 3
    assert_in_order(world, "b")
    assert_clean(world)
