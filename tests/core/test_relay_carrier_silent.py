"""Carriers that bind and do not answer submit_sm: probes, and what they cost; late answers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from carrier_kit import (
    Traffic,
    arrivals,
    assert_balanced,
    assert_clean,
    assert_in_order,
    drain,
    duplicates,
    links,
    number_of,
    taken,
    world_of,
)
from relay_kit import World, carrier

from smppgw.core.message import State
from smppgw.core.settings import RouteSettings
from smppgw.ops.status import link_record as shown
from smppgw.simulator.behaviour import Behaviour

D1, D2 = "33600000001", "33600000002"
SOON = {"response_timeout": 5.0}
MUTE = Behaviour(answer="never")
WINDOW = 10


def many(traffic: Traffic, count: int) -> list[int]:
    return [traffic.send(f"3360001{n:04}") for n in range(count)]


def unknown(traffic: Traffic, numbers: list[int]) -> int:
    return sum(traffic.state(number) == State.UNKNOWN for number in numbers)


# ---------------------------------------------------------------------- probing


@pytest.mark.parametrize("outcome", ["retry", "fail"])
def test_a_carrier_that_never_answers_costs_a_window_and_a_few_probes(
    tmp_path: Path, outcome: str
) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=WINDOW, unknown_outcome=outcome, **SOON),
        behaviours={"a": MUTE},
    )
    traffic = Traffic(world)
    numbers = many(traffic, 300)
    world.settle(4)
    assert len(arrivals(world)) == WINDOW
    (link,) = links(world)
    assert shown(link)["state"] == "bound"
    world.settle(600)
    probes = len(arrivals(world)) - WINDOW
    assert 10 <= probes <= 15
    assert unknown(traffic, numbers) <= (0 if outcome == "retry" else WINDOW) + probes
    assert link.taken <= 1
    assert world.relay.queued >= 300 - WINDOW - probes
    assert_balanced(world)
    world.simulated["a"].behaviour = Behaviour(response_delay=0.5)
    while link.probing:
        world.settle(1)
    assert link.taken == WINDOW, "open again"
    drain(world)
    assert unknown(traffic, numbers) <= (0 if outcome == "retry" else WINDOW) + probes
    assert max(Counter(taken(world)).values()) <= 2
    assert_clean(world)


def test_its_state_is_said(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", window=2, **SOON), behaviours={"a": MUTE})
    many(Traffic(world), 9)
    world.settle(12)
    (link,) = links(world)
    record = shown(link)
    assert record["state"] == "probing"
    assert record["reason"] == "no submit_sm is answered; one at a time until one is"
    assert record["next_attempt"] is not None
    assert record["since"] is not None
    world.simulated["a"].behaviour = Behaviour()
    world.settle(30)
    record = shown(link)
    assert (record["state"], record["reason"], record["next_attempt"]) == ("bound", "", None)


@pytest.mark.parametrize("binds", [1, 3])
def test_a_carrier_that_falls_silent_under_load_costs_no_more(tmp_path: Path, binds: int) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=WINDOW, binds=binds, **SOON),
        behaviours={"a": Behaviour(response_delay=0.3, response_jitter=0.4)},
    )
    traffic = Traffic(world)
    numbers = many(traffic, 2_000)
    world.settle(3)
    world.simulated["a"].behaviour = MUTE
    before = len(arrivals(world))
    world.settle(600)
    sent = len(arrivals(world)) - before
    assert sent <= binds * (WINDOW + 16)
    assert unknown(traffic, numbers) <= binds * (WINDOW + 16)
    world.simulated["a"].behaviour = Behaviour()
    drain(world)
    assert_in_order(world)
    assert_clean(world)


def test_a_lost_answer_among_others_leaves_the_window_open(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=4, **SOON),
        behaviours={"a": Behaviour(response_delay=0.5)},
    )
    traffic = Traffic(world)
    traffic.send(D1, "{answer=never,times=1}")
    many(traffic, 100)
    (link,) = links(world)
    for _ in range(30):
        world.settle(0.25)
        assert not link.probing
    drain(world)
    assert duplicates(world) == 1
    assert_clean(world)


def test_a_carrier_that_takes_a_window_and_hangs_up_costs_no_window_each_time(
    tmp_path: Path,
) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=WINDOW, reconnect=1.0),
        behaviours={"a": Behaviour(answer="never", disconnect_after=5.0)},
    )
    traffic = Traffic(world)
    numbers = many(traffic, 300)
    world.settle(600)
    assert world.simulated["a"].counters["binds"] > 8
    assert len(arrivals(world)) <= WINDOW + world.simulated["a"].counters["binds"]
    world.simulated["a"].behaviour = Behaviour()
    drain(world)
    assert unknown(traffic, numbers) <= world.simulated["a"].counters["binds"]
    assert_clean(world)


# ---------------------------------------------------------------------- another carrier


def two(tmp_path: Path, **behaviours: Behaviour) -> World:
    return world_of(
        tmp_path,
        carrier("a", 2790, window=WINDOW, **SOON),
        carrier("b", 2791),
        routes=(RouteSettings(prefix="", carriers=(("a",), ("b",))),),
        behaviours=behaviours,
    )


def test_what_waits_for_a_silent_carrier_goes_to_the_next(tmp_path: Path) -> None:
    world = two(tmp_path, a=MUTE)
    traffic = Traffic(world)
    numbers = many(traffic, 100)
    world.settle(30)
    assert not world.relay.carriers["a"].waiting
    assert unknown(traffic, numbers) <= 3, "probes"
    assert len(taken(world, "b")) >= 97
    late = many(traffic, 50)
    world.settle(1)
    states = Counter(traffic.state(number) for number in late)
    assert states[State.ACCEPTED] >= 49, "all but a probe"
    assert_in_order(world, "b")


def test_a_silent_carrier_without_a_queue_is_tried_with_what_comes(tmp_path: Path) -> None:
    world = two(tmp_path, a=MUTE)
    traffic = Traffic(world)
    many(traffic, 30)
    world.settle(120)
    assert not world.relay.carriers["a"].waiting
    (link, _) = links(world)
    world.simulated["a"].behaviour = Behaviour()
    world.settle(61)
    assert link.probing
    assert world.relay.carriers["a"].usable
    before = len(arrivals(world, "a"))
    traffic.send(D1)
    world.settle(1)
    assert not link.probing
    assert len(arrivals(world, "a")) == before + 1
    drain(world)
    assert_clean(world)


# ---------------------------------------------------------------------- late answers


@pytest.mark.parametrize("delay", [5.1, 7.0, 9.5])
def test_a_carrier_slower_than_we_wait_gets_every_message_once(
    tmp_path: Path, delay: float
) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=4, **SOON),
        behaviours={"a": Behaviour(response_delay=delay)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000{n % 9:04}", registered_delivery=1) for n in range(60)]
    drain(world)
    world.settle(5)
    assert sorted(taken(world)) == numbers
    assert {traffic.state(number) for number in numbers} == {State.DELIVERED}
    assert {traffic.message(number).duplicate for number in numbers} == {0}
    assert len(traffic.esme.delivered) == 60
    assert_in_order(world)
    assert_clean(world)


def test_a_carrier_that_is_sometimes_slow_is_soon_known_for_it(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=20, **SOON),
        behaviours={"a": Behaviour(response_delay=0.5, response_jitter=6.0)},
    )
    traffic = Traffic(world)
    numbers = many(traffic, 600)
    drain(world)
    assert sorted(set(taken(world))) == numbers
    assert duplicates(world) <= 20, "a window, until the first of them came"
    assert {traffic.state(number) for number in numbers} == {State.ACCEPTED}
    assert_clean(world)


def test_a_lost_answer_of_a_prompt_carrier_is_not_waited_for_twice(tmp_path: Path) -> None:
    world = world_of(
        tmp_path, carrier("a", **SOON), behaviours={"a": Behaviour(response_delay=0.1)}
    )
    traffic = Traffic(world)
    lost = traffic.send(D1, "{answer=never,times=1}")
    for n in range(24):
        traffic.send(f"3370001{n:04}")
        world.settle(0.25)
    assert taken(world).count(lost) == 2
    assert traffic.state(lost) == State.ACCEPTED
    assert_clean(world)


@pytest.mark.parametrize(
    ("status", "state", "times"),
    [("0x0B", State.REJECTED, 1), ("0x08", State.ACCEPTED, 2), ("0x58", State.ACCEPTED, 2)],
)
def test_a_late_refusal_is_an_answer_too(
    tmp_path: Path, status: str, state: State, times: int
) -> None:
    world = world_of(tmp_path, carrier("a", **SOON))
    traffic = Traffic(world)
    number = traffic.send(D1, f"{{status={status},times=1,delay=6}}")
    behind = traffic.send(D1)
    world.settle(7)
    assert traffic.message(number).duplicate == 0, "it was not taken"
    drain(world)
    assert traffic.state(number) == state
    assert [number_of(one) for one in arrivals(world)] == [number] * times + [behind]
    assert_clean(world)


def test_a_late_answer_finds_its_message_at_the_next_carrier(tmp_path: Path) -> None:
    world = two(tmp_path, a=Behaviour(answer="never"))
    traffic = Traffic(world)
    late = traffic.send(D1, "{answer=once,delay=12}", registered_delivery=1)
    behind = traffic.send(D1, registered_delivery=1)
    world.relay.carriers["b"].refusals.paused_until = world.clock.seconds() + 100.0
    world.settle(6.5)
    traffic.send(D2)  # a probe, so that no other message can leave
    world.settle(5.25, step=0.05)
    assert [traffic.message(number).carrier for number in (late, behind)] == ["b", "b"]
    assert {traffic.state(number) for number in (late, behind)} == {State.WAITING}
    world.settle(2)
    assert traffic.message(late).carrier == "a"
    assert traffic.state(late) in (State.SENT, State.DELIVERED)
    world.settle(100)
    drain(world)
    world.settle(2)
    assert taken(world, "a")[0] == late
    assert taken(world, "b")[0] == behind
    assert {traffic.state(number) for number in (late, behind)} == {State.DELIVERED}
    assert_clean(world)


def test_a_late_answer_finds_a_message_that_memory_let_go(tmp_path: Path) -> None:
    world = two(tmp_path, a=Behaviour(answer="never"))
    traffic = Traffic(world)
    late = traffic.send(D1, "{answer=once,delay=12}")
    world.settle(6)
    one = world.relay.carriers["a"]
    one.hold()
    while not one.rest():
        world.settle(0.02)
    world.settle(3)
    assert traffic.message(late).id not in world.store.live
    world.settle(5)
    assert traffic.state(late) == State.ACCEPTED
    one.release()
    drain(world)
    assert taken(world) == [late]
    assert_clean(world)
