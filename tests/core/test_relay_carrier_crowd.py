"""Very many messages to one destination: the others flow, order holds, memory is bounded."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from pathlib import Path

import pytest
from carrier_kit import (
    Traffic,
    absent,
    arrivals,
    assert_clean,
    assert_in_order,
    back,
    crash,
    drain,
    duplicates,
    number_of,
    taken,
    world_of,
)
from relay_esme_kit import Disk
from relay_kit import World, carrier

from smppgw.core import carrier as carrier_module
from smppgw.core import order as order_module
from smppgw.core import queue as queue_module
from smppgw.core.message import State
from smppgw.core.order import Ids
from smppgw.core.settings import RouteSettings
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

CROWDED = "33600000001"
PARKED, HEAD = 5, 20


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_module, "PARKED", PARKED)
    monkeypatch.setattr(queue_module, "HEAD", HEAD)
    monkeypatch.setattr(queue_module, "LOAD", 7)


def waiting_in_memory(world: World) -> int:
    return sum(one.state == State.WAITING for one in world.store.live.values())


def crowd(traffic: Traffic, count: int = 100) -> list[int]:
    return [traffic.send(CROWDED) for _ in range(count)]


def others(traffic: Traffic, count: int = 50) -> list[int]:
    return [traffic.send(f"3370001{n:04}") for n in range(count)]


def slow(tmp_path: Path, **fields) -> World:
    """A carrier that answers each message after a second."""
    return world_of(
        tmp_path, carrier("a", **fields), behaviours={"a": Behaviour(response_delay=1.0)}
    )


@pytest.mark.parametrize("queued", [False, True])
def test_a_crowd_for_one_destination_leaves_the_others_their_way(
    tmp_path: Path, queued: bool
) -> None:
    world = slow(tmp_path, window=10)
    traffic = Traffic(world)
    if queued:
        absent(world)
    mass = crowd(traffic)
    rest = others(traffic)
    if queued:
        world.settle(3)
        back(world)
    world.settle(12)
    assert set(rest) <= set(taken(world)), "nine at a time"
    assert len(set(mass) & set(taken(world))) < 15, "one at a time"
    one = world.relay.carriers["a"]
    assert one.order.parked <= PARKED
    assert one.waiting == 150 - len(taken(world))
    assert waiting_in_memory(world) <= PARKED
    drain(world)
    assert_in_order(world)
    assert sorted(taken(world)) == [*mass, *rest]
    assert one.order.aside == 0
    assert_clean(world)


def test_what_comes_later_for_a_crowded_destination_stays_behind(tmp_path: Path) -> None:
    world = slow(tmp_path)
    traffic = Traffic(world)
    crowd(traffic, 30)
    for _ in range(60):
        world.settle(0.5)
        traffic.send(CROWDED)
    drain(world)
    assert taken(world) == list(range(1, 91))
    assert_clean(world)


def test_classes_of_a_crowd_keep_to_their_turn(tmp_path: Path) -> None:
    """A code for a crowded destination does not pass what left the queue before it."""
    world = slow(tmp_path)
    traffic = Traffic(world)
    mass = crowd(traffic, 20)
    world.settle(0.5)
    code = traffic.send(CROWDED, priority_flag=2)
    drain(world)
    assert taken(world) == [*mass, code]


@pytest.mark.parametrize("moment", [0.02, 0.5, 3.2])
def test_a_crash_in_a_crowd_keeps_all_of_it_in_order(tmp_path: Path, moment: float) -> None:
    world = slow(tmp_path, window=4)
    traffic = Traffic(world)
    mass = crowd(traffic, 40)
    rest = others(traffic, 10)
    world.settle(moment, step=0.02)
    crash(world)
    drain(world)
    assert sorted(set(taken(world))) == [*mass, *rest]
    assert duplicates(world) <= 4
    assert_in_order(world)
    assert_clean(world)


@pytest.mark.parametrize("how", ["cancel", "expire", "postpone"])
def test_whoever_leaves_a_crowd_is_passed_over(tmp_path: Path, how: str) -> None:
    world = slow(tmp_path)
    traffic = Traffic(world)
    soon = "000000000008000R" if how == "expire" else ""
    numbers = [traffic.send(CROWDED, validity_period=soon if n % 3 else "") for n in range(60)]
    world.settle(2)
    leaving = [number for number in numbers if number % 3 != 1 and number > 30]
    for number in leaving:
        esme, sequence = traffic.sent[number]
        named = {"message_id": esme.id_of(sequence), "source_addr": "12345"}
        if how == "cancel":
            esme.request(wire.CancelSm(**named))
        elif how == "postpone":
            later = "000000000200000R"
            esme.request(
                wire.ReplaceSm(**named, schedule_delivery_time=later, short_message=b"#%d" % number)
            )
    world.settle(10)
    if how == "postpone":
        world.settle(50)
        assert not set(leaving) & set(taken(world))
        drain(world)
        assert sorted(taken(world)) == numbers
        assert taken(world)[-len(leaving) :] == leaving
    else:
        drain(world)
        ended = State.DELETED if how == "cancel" else State.EXPIRED
        assert {traffic.state(number) for number in leaving} == {ended}
        assert not set(leaving) & set(taken(world))
    assert_clean(world)
    world.settle(5)
    assert not world.store.live


def test_refused_members_of_a_crowd_do_not_hold_it_up(tmp_path: Path) -> None:
    world = slow(tmp_path)
    traffic = Traffic(world)
    kept = crowd(traffic, 10)
    world.settle(0.1)
    disk = Disk(world)
    disk.full = True
    crowd(traffic, 30)
    world.settle(0.1)
    disk.full = False
    world.settle(2)
    later = crowd(traffic, 5)
    drain(world)
    assert taken(world) == [*kept, *later]
    assert_clean(world)


def test_a_crowd_leaves_a_dead_carrier_in_order(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", 2790),
        carrier("b", 2791, window=50),
        routes=(RouteSettings(prefix="", carriers=(("a",), ("b",))),),
        behaviours={"a": Behaviour(response_delay=1.0)},
    )
    traffic = Traffic(world)
    numbers = crowd(traffic, 60)
    world.settle(3.5)
    absent(world)
    world.settle(200)
    assert sorted(set(taken(world))) == numbers
    assert_in_order(world, "b")
    assert_clean(world)


def test_past_a_limit_even_ids_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_module, "ASIDE", 30)
    world = slow(tmp_path)
    traffic = Traffic(world)
    mass = crowd(traffic, 60)
    rest = others(traffic, 5)
    world.settle(3)
    one = world.relay.carriers["a"]
    assert one.order.aside == 30
    assert not set(rest) & set(taken(world))
    assert one.waiting == 65 - len(taken(world))
    drain(world)
    assert sorted(taken(world)) == [*mass, *rest]
    assert_in_order(world)
    assert_clean(world)


# ---------------------------------------------------------------------- short turns


@pytest.mark.parametrize("expired", [False, True])
def test_looking_through_a_long_queue_takes_many_short_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expired: bool
) -> None:
    """Whether it is a crowd or what has expired that stands before the one that can go."""
    monkeypatch.setattr(carrier_module, "LOOK", 20)
    world = slow(tmp_path)
    absent(world)
    world.relay.scheduler.stop()  # its sweeps would find the expired ones, too
    traffic = Traffic(world)
    for _ in range(400):
        traffic.send(CROWDED, validity_period="000000000005000R" if expired else "")
    last = traffic.send("33700000001")
    world.settle(6)
    back(world)
    one = world.relay.carriers["a"]
    while not one.usable:
        world.clock.advance(0.01)
    left = [one.waiting - one.order.aside]
    while last not in taken(world):
        world.clock.advance(0.01)
        for _ in range(10):
            world.clock.advance(0)
        left.append(one.waiting - one.order.aside)
    assert 20 <= len(left) <= 60, "two steps of the clock for each twenty"
    assert max(before - after for before, after in pairwise(left)) <= 22
    world.relay.scheduler.start()
    drain(world)
    assert len(taken(world)) == (1 if expired else 401)
    assert number_of(arrivals(world)[0]) == (last if expired else 1)
    assert_clean(world)


def test_ids_come_as_they_went() -> None:
    ids, model = Ids(), deque[tuple[int, int]]()
    for n in range(30_000):
        ids.append(n << 40, n % 3)
        model.append((n << 40, n % 3))
        if n % 3:
            assert ids.popleft() == model.popleft()
    assert len(ids) == len(model)
    while model:
        assert ids.popleft() == model.popleft()
    assert not ids
    with pytest.raises(IndexError):
        ids.popleft()


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.5, 1.5])
def test_a_crowd_put_to_rest_before_its_rows_are_written_is_read_again(
    tmp_path: Path, moment: float
) -> None:
    world = slow(tmp_path)
    traffic = Traffic(world)
    traffic.send("33800000001")
    world.settle(0.2)  # rows follow a second after those of this one
    mass = crowd(traffic, 60)
    rest = others(traffic, 30)
    world.settle(moment, step=0.02)
    one = world.relay.carriers["a"]
    one.hold()
    count = one.waiting
    while not one.rest():
        world.clock.advance(0.01)
    assert one.waiting == count
    assert one.order.aside == one.order.parked == 0
    one.release()
    drain(world)
    assert sorted(taken(world)) == [1, *mass, *rest]
    assert_in_order(world)
    assert_clean(world)
