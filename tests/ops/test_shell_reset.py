"""Reset of one session: in order, nothing lost, the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from carrier_kit import Traffic, absent, assert_clean, back, drain, duplicates, taken, world_of
from doing_kit import Desktop, desk_of
from relay_kit import World, carrier
from twisted.internet.defer import Deferred

from smppgw.core.binding import LinkState
from smppgw.core.reload import Reload
from smppgw.ops.shell.commands import reset, standing
from smppgw.simulator.behaviour import Behaviour


def shell(world: World) -> Desktop:
    return Desktop(world, reset.commands(desk_of(world)))


def test_a_link_is_unbound_and_bound_again(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", binds=2))
    (link, other) = world.relay.carriers["a"].links
    world.settle(5)
    before = link.bound_at, other.bound_at
    said = shell(world).say("reset link a#1 !")
    assert said == [
        "link a#1: 0 submits are unanswered",
        "link a#1: bound again as transceiver at 127.0.0.1",
        "OK",
    ]
    assert link.bound_at > before[0]
    assert other.bound_at == before[1]


def test_what_is_unanswered_is_waited_for(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    first = traffic.send("33600000001", "{delay=5}")
    world.settle(0.5)
    screen = ops.begin("reset link a#1", True)
    assert screen.asked == [
        "this will unbind link a#1 and bind it again (1 submits are unanswered). Go on? [y/N] "
    ]
    second = traffic.send("33600000002")
    world.settle(3)
    assert not ops.over
    assert len(world.simulated["a"].received) == 1
    world.settle(5)
    assert ops.status == "OK"
    drain(world)
    assert taken(world) == [first, second]
    assert duplicates(world) == 0
    assert_clean(world)


def test_called_off_before_it_unbinds_it_goes_on(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    (link,) = world.relay.carriers["a"].links
    bound = link.bound_at
    traffic.send("33600000001", "{delay=5}")
    world.settle(0.5)
    ops.begin("reset link a#1 !")
    world.settle(1)
    ops.abort()
    assert link.state is LinkState.BOUND
    second = traffic.send("33600000002")
    world.settle(1)
    assert world.simulated["a"].received[-1].text == f"#{second}"
    drain(world)
    assert link.bound_at == bound
    assert_clean(world)


def test_a_peer_that_answers_nothing_is_left_in_time(tmp_path: Path) -> None:
    never = {"a": Behaviour(answer="never")}
    world = world_of(tmp_path, carrier("a", response_timeout=5), behaviours=never)
    traffic, ops = Traffic(world), shell(world)
    traffic.send("33600000001")
    world.settle(0.5)
    ops.begin("reset link a#1 !")
    world.settle(20)
    assert ops.status == "OK"


def test_a_link_lost_meanwhile_binds_by_itself(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    traffic.send("33600000001", "{delay=50}")
    world.settle(0.5)
    ops.begin("reset link a#1 !")
    world.settle(1)
    world.simulated["a"].disconnect()
    world.settle(10)
    assert ops.status == "OK"
    assert [link.state for link in world.relay.carriers["a"].links] == [LinkState.BOUND]
    assert len(world.network.wires) == 2


def test_a_reload_meanwhile_has_the_last_word(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    traffic.send("33600000001", "{delay=5}")
    world.settle(0.5)
    ops.begin("reset link a#1 !")
    world.settle(1)
    reload = Reload(world.relay, world.settings, world.clock)
    changed = evolve(world.settings, carriers=(carrier("a", window=3),))
    Deferred.fromCoroutine(reload.apply(changed))
    world.settle(1)
    assert ops.status == "ERR refused carrier a was changed meanwhile"
    said = Desktop(world, standing.commands(desk_of(world))).say("hold carrier a !")
    assert said[-1].startswith("ERR busy carrier a is just being changed")
    world.settle(20)
    assert [link.state for link in world.relay.carriers["a"].links] == [LinkState.BOUND]
    assert len(world.network.wires) == 2
    assert_clean(world)


def test_a_link_that_waits_tries_now(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", reconnect=60, max_reconnect=60))
    absent(world)
    ops = shell(world)
    assert ops.say("reset link a#1")[-1].startswith(
        "ERR refused link a#1 is waiting: cannot connect to 127.0.0.1:2790"
    )
    back(world)
    assert ops.say("reset link a#1")[-1] == "OK"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("reset link a#2 !", "ERR unknown there is no link 'a#2'; did you mean 'a#1'?"),
        ("reset bind esme#9 !", "ERR unknown there is no bind 'esme#9'; there is none at all"),
    ],
)
def test_names_that_are_none(tmp_path: Path, line: str, said: str) -> None:
    assert shell(world_of(tmp_path)).say(line) == [said]


def test_a_drained_or_disabled_carrier_has_nothing_to_reset(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a"), carrier("b", 2791, enabled=False))
    world.relay.standing.decide("carrier", "a", "drain", "ops")
    world.settle(1)
    assert shell(world).say("reset link a#1 !")[-1].endswith("release it first")
    assert shell(world).say("reset link b#1 !")[-1].endswith("its links do not bind")


def test_a_bind_is_unbound_and_keeps_what_it_did_not_answer(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    traffic.esme.answer = None
    traffic.send("33600000001", registered_delivery=1)
    world.settle(1)
    screen = ops.begin("reset bind esme#1", True)
    world.settle(1)
    assert "(0 submits to answer, 1 deliveries unanswered)" in screen.asked[0]
    assert ops.status == "OK"
    world.settle(70)  # an answer that it owes is waited for
    assert traffic.esme.protocol is None
    again = world.esme()
    world.settle(1)
    assert len(again.delivered) == 1
    assert_clean(world)
