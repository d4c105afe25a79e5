"""Hold, drain and release: what is said, what is done, what outlives what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from carrier_kit import (
    Traffic,
    absent,
    assert_balanced,
    assert_clean,
    assert_in_order,
    crash,
    drain,
    duplicates,
    taken,
    world_of,
)
from doing_kit import Desktop, desk_of
from relay_kit import World, account, carrier
from relay_peers import restart
from twisted.internet.defer import Deferred

from smppgw.core.binding import LinkState
from smppgw.core.command import Role
from smppgw.core.message import State
from smppgw.core.reload import Reload
from smppgw.core.settings import RouteSettings
from smppgw.ops.shell.commands import standing
from smppgw.ops.status import status
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus

BOTH = (RouteSettings(prefix="", carriers=(("a",), ("b",))),)
ONLY = (
    RouteSettings(prefix="33", carriers=(("a",),)),
    RouteSettings(prefix="44", carriers=(("a",), ("b",))),
)
THROTTLED = CommandStatus.ESME_RTHROTTLED


def two(tmp_path: Path, routes: tuple[RouteSettings, ...] = BOTH, **rest) -> World:
    return world_of(tmp_path, carrier("a", 2790), carrier("b", 2791), routes=routes, **rest)


def shell(world: World, role: Role = Role.OPERATE) -> Desktop:
    return Desktop(world, standing.commands(desk_of(world)), role)


def states(world: World, name: str = "a") -> set[LinkState]:
    return {link.state for link in world.relay.carriers[name].links}


# ---------------------------------------------------------------------- carriers: hold


def test_a_held_carrier_gets_nothing_and_gives_back_its_queue(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    ops, traffic = shell(world), Traffic(world)
    said = ops.say("hold carrier a works until noon !")
    assert said[-1] == "OK"
    assert "carrier a is held: 0 wait" in said[0]
    numbers = [traffic.send("33600000001") for _ in range(5)]
    world.settle(10)
    assert taken(world) == []
    assert states(world) == {LinkState.BOUND}
    assert traffic.acknowledged() == numbers
    (said, status) = ops.say("release carrier a")
    assert status == "OK"
    assert said.startswith("carrier a is released; it was held by ops since 2026-09-21")
    assert said.endswith("(works until noon)")
    drain(world)
    assert taken(world) == numbers
    assert_clean(world)


def test_what_stands_is_shown(tmp_path: Path) -> None:
    world = two(tmp_path)
    ops = shell(world)
    assert ops.say("show decisions") == ["nothing is held or drained", "OK"]
    ops.say("hold carrier a works until noon !")
    ops.say("drain account esme !", seconds=3)
    shown = ops.say("show decisions")
    assert [line.split()[:4] for line in shown[1:3]] == [
        ["account", "esme", "drained", "ops"],
        ["carrier", "a", "hold", "ops"],
    ]
    assert shown[2].endswith("2026-09-21 14:13:20  works until noon")
    found = status_of(world)
    assert found["carriers"][0]["decision"]["said"].endswith("(works until noon)")
    assert found["carriers"][1]["decision"] is None
    assert found["accounts"][0]["decision"]["what"] == "drained"


def status_of(world: World) -> dict[str, Any]:
    found: list[Any] = []
    status(desk_of(world), {}).addCallback(found.append)
    return found[0]


def test_a_decision_outlives_its_carrier(tmp_path: Path) -> None:
    """One of that name that comes back is held; and it can be released meanwhile."""
    world = two(tmp_path)
    shell(world).say("hold carrier a !")
    restart(world, carriers=(carrier("b", 2791),), routes=())
    assert [one.name for one in world.relay.standing.all()] == ["a"]
    restart(world, carriers=(carrier("a"), carrier("b", 2791)))
    assert world.relay.carriers["a"].held
    restart(world, carriers=(carrier("b", 2791),))
    assert shell(world).say("release carrier a")[-1] == "OK"
    restart(world, carriers=(carrier("a"), carrier("b", 2791)))
    assert not world.relay.carriers["a"].held


def test_a_changed_carrier_is_held_or_drained_as_before(tmp_path: Path) -> None:
    world = two(tmp_path)
    world.relay.standing.decide("carrier", "a", "hold", "ops")
    world.relay.standing.decide("carrier", "b", "drain", "ops")
    world.relay.standing.decide("account", "esme", "hold", "ops")
    world.settle(2)
    reload = Reload(world.relay, world.settings, world.clock)
    changed = evolve(
        world.settings,
        carriers=(carrier("a", 2790, window=3), carrier("b", 2791, window=3)),
        accounts=(account("esme", window=10_000, throughput=5),),
    )
    Deferred.fromCoroutine(reload.apply(changed))
    world.settle(10)
    one, other = world.relay.carriers["a"], world.relay.carriers["b"]
    assert (one.settings.window, one.held, states(world)) == (3, True, {LinkState.BOUND})
    assert (other.settings.window, states(world, "b")) == (3, {LinkState.IDLE})
    traffic = Traffic(world)
    number = traffic.send("33600000001")
    world.settle()
    assert traffic.status(number) == THROTTLED


def test_it_is_asked_first_and_says_what_is_touched(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    ops = shell(world)
    assert ops.say("hold carrier a")[-1].startswith(
        "ERR confirm this would stop sending to carrier a (0 waiting, 0 unanswered); put !"
    )
    assert ops.say("hold carrier a", False)[-1] == "ERR cancelled nothing was done"
    assert not world.relay.carriers["a"].held
    assert ops.say("hold carrier a", True)[-1] == "OK"
    assert world.relay.carriers["a"].held


def test_new_messages_take_another_way_and_those_that_wait_stay(tmp_path: Path) -> None:
    world = two(tmp_path)
    ops, traffic = shell(world), Traffic(world)
    world.simulated["a"].disconnect()
    world.relay.standing.decide("carrier", "b", "hold", "ops")
    first = traffic.send("33600000001")
    world.settle()
    ops.say("hold carrier a !")
    ops.say("release carrier b")
    second = traffic.send("33600000002")
    world.settle(30)
    assert taken(world, "b") == [second]
    assert taken(world, "a") == []
    ops.say("release carrier a")
    drain(world)
    assert taken(world, "a") == [first]


@pytest.mark.parametrize("ending", [crash, restart])
def test_a_hold_outlives_the_process(tmp_path: Path, ending) -> None:
    world = world_of(tmp_path)
    ops, traffic = shell(world), Traffic(world)
    ops.say("hold carrier a because of them !")
    number = traffic.send("33600000001")
    world.settle(1)
    ending(world)
    world.settle(5)
    assert taken(world) == []
    decision = world.relay.standing.of("carrier", "a")
    assert str(decision) == "held by ops since 2026-09-21 14:13:20 (because of them)"
    assert states(world) == {LinkState.BOUND}
    assert shell(world).say("release carrier a")[-1] == "OK"
    drain(world)
    assert taken(world) == [number]
    ending(world)
    assert world.relay.standing.all() == []
    assert not world.relay.carriers["a"].held


def test_ok_comes_when_it_is_durable(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    ops = shell(world)
    world.sync.stuck = True
    ops.begin("hold carrier a !")
    world.settle(5)
    assert not ops.over
    assert world.relay.carriers["a"].held
    world.sync.go_on()
    world.settle()
    assert ops.status == "OK"


def test_an_impatient_operator_may_leave_before(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    ops = shell(world)
    world.sync.stuck = True
    ops.begin("hold carrier a !")
    world.settle(1)
    ops.abort()
    assert ops.status == "ERR aborted the command was aborted"
    world.sync.go_on()
    world.settle(1)
    assert world.relay.carriers["a"].held


def test_twice_is_once(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    ops = shell(world)
    ops.say("hold carrier a first !")
    world.settle(5)
    said = ops.say("hold carrier a second")
    assert said == ["carrier a is held by ops since 2026-09-21 14:13:20 (first) already", "OK"]
    assert ops.say("release carrier a")[-1] == "OK"
    assert ops.say("release carrier a") == ["carrier a is neither held nor drained", "OK"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hold carrier c !", "ERR unknown there is no carrier 'c'; known: a, bb"),
        ("hold carrier b !", "ERR unknown there is no carrier 'b'; did you mean 'bb'?"),
        ("drain account esm !", "ERR unknown there is no account 'esm'; did you mean 'esme'?"),
        ("release carrier bbb", "ERR unknown there is no carrier 'bbb'; did you mean 'bb'?"),
    ],
)
def test_names_that_are_none(tmp_path: Path, line: str, said: str) -> None:
    world = world_of(tmp_path, carrier("a"), carrier("bb", 2791))
    assert shell(world).say(line) == [said]


def test_who_may_only_look_may_not(tmp_path: Path) -> None:
    ops = shell(world_of(tmp_path), Role.VIEW)
    assert ops.say("hold carrier a !")[-1].startswith("ERR denied")


# ---------------------------------------------------------------------- carriers: drain


def test_a_drained_carrier_is_empty_and_unbound(tmp_path: Path) -> None:
    world = two(tmp_path, ONLY)
    traffic, ops = Traffic(world), shell(world)
    unanswered = traffic.send("33600000001", "{delay=5}")
    world.settle(0.5)
    world.relay.carriers["b"].hold()
    stays = [traffic.send("33600000001") for _ in range(3)]
    goes = [traffic.send("44600000001") for _ in range(3)]
    world.relay.carriers["b"].release()
    screen = ops.begin("drain carrier a", True)
    world.settle(2)
    assert not ops.over
    (asked,) = screen.asked
    assert asked.startswith("this will empty carrier a and unbind 1 links")
    assert screen.lines[-1].startswith("carrier a: 1 unanswered, 1 links to unbind,")
    world.settle(10)
    assert ops.status == "OK"
    assert screen.lines[-1] == (
        "carrier a is drained: its links are unbound; 3 wait for it and have no other way"
    )
    assert taken(world, "a")[0] == unanswered
    assert sorted(taken(world)) == sorted([unanswered, *goes])
    assert states(world) == {LinkState.IDLE}
    world.settle(120)
    assert states(world) == {LinkState.IDLE}
    assert_balanced(world)
    assert ops.say("release carrier a")[-1] == "OK"
    world.settle(1)
    assert states(world) == {LinkState.BOUND}
    drain(world)
    assert taken(world, "a")[-3:] == stays
    assert_in_order(world)
    assert duplicates(world) == 0
    assert_clean(world)


@pytest.mark.parametrize("ending", [crash, restart])
def test_a_drain_outlives_the_process(tmp_path: Path, ending) -> None:
    world = two(tmp_path, ONLY)
    traffic, ops = Traffic(world), shell(world)
    ops.begin("drain carrier a moving house !")
    world.settle(0.3)
    number = traffic.send("33600000001")
    world.settle(1)
    ending(world)
    world.settle(60)
    assert states(world) == {LinkState.IDLE}
    (link,) = world.relay.carriers["a"].links
    assert link.trouble == "drained by ops"
    said = shell(world).say("drain carrier a !")
    assert said[-2].startswith("carrier a is drained")
    shell(world).say("release carrier a")
    drain(world)
    assert taken(world, "a") == [number]


def test_looking_on_may_end_and_the_drain_goes_on(tmp_path: Path) -> None:
    world = two(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    traffic.send("33600000001", "{delay=5}")
    world.settle(0.5)
    ops.begin("drain carrier a !")
    world.settle(1)
    ops.abort()
    world.settle(10)
    assert world.relay.standing.drained(world.relay.carriers["a"])


def test_released_in_the_middle_it_never_unbinds(tmp_path: Path) -> None:
    world = two(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    traffic.send("33600000001", "{delay=5}")
    world.settle(0.5)
    ops.begin("drain carrier a !")
    world.settle(1)
    other = shell(world)
    assert other.say("release carrier a")[-1] == "OK"
    world.settle(1)
    assert ops.screen.lines[-1] == "carrier a was released meanwhile"
    world.settle(10)
    assert len(world.network.wires) == 3  # the ESME, a, b
    assert states(world) == {LinkState.BOUND}
    drain(world)
    assert_clean(world)


def test_released_while_it_unbinds_it_binds_again(tmp_path: Path) -> None:
    world = two(tmp_path)
    world.relay.standing.decide("carrier", "a", "drain", "ops")
    assert states(world) == {LinkState.DRAINING}
    world.relay.standing.lift("carrier", "a", "ops")
    world.settle(1)
    assert states(world) == {LinkState.BOUND}
    assert len(world.network.wires) == 2


def test_a_carrier_that_is_not_there_is_drained_at_once(tmp_path: Path) -> None:
    world = two(tmp_path)
    absent(world)
    assert states(world) == {LinkState.WAITING}
    said = shell(world).say("drain carrier a !", seconds=1)
    assert said == ["carrier a is drained: its links are unbound", "OK"]
    attempts = world.network.attempts
    world.settle(300)
    assert world.network.attempts == attempts


def test_a_carrier_that_answers_nothing_is_drained_in_time(tmp_path: Path) -> None:
    """Its outcomes are unknown then, and go to the other as possible duplicates."""
    a = carrier("a", response_timeout=10)
    never = {"a": Behaviour(answer="never")}
    world = world_of(tmp_path, a, carrier("b", 2791), routes=BOTH, behaviours=never)
    traffic, ops = Traffic(world), shell(world)
    number = traffic.send("33600000001")
    world.settle(0.5)
    ops.begin("drain carrier a !")
    world.settle(60)
    assert ops.status == "OK"
    drain(world)
    assert traffic.state(number) == State.ACCEPTED
    assert traffic.message(number).carrier == "b"
    assert_clean(world)


def test_what_is_held_can_be_drained_and_not_the_other_way(tmp_path: Path) -> None:
    world = two(tmp_path)
    ops = shell(world)
    ops.say("hold carrier a !")
    assert ops.say("drain carrier a !", seconds=3)[-1] == "OK"
    said = ops.say("hold carrier a !")[-1]
    assert said.startswith("ERR refused carrier a is drained by ops since")
    assert said.endswith("release it first")


# ---------------------------------------------------------------------- accounts: hold


def test_a_held_account_keeps_its_binds_and_nothing_else(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    before = traffic.send("33600000001", "{after=1}", registered_delivery=1)
    world.settle(0.5)
    said = ops.say("hold account esme unpaid !")
    assert said[0].startswith("account esme is held: 1 binds stay")
    refused = traffic.send("33600000001")
    multi = traffic.esme.request(_multi())
    world.settle(5)
    assert traffic.status(refused) == THROTTLED
    assert traffic.esme.status(multi) == THROTTLED
    assert traffic.esme.delivered == []
    assert traffic.state(before) == State.DELIVERED
    assert traffic.esme.protocol is not None
    again = world.esme()
    world.settle(1)
    assert again.bind_status == 0
    assert again.delivered == []
    ops.say("release account esme")
    world.settle(1)
    assert len(traffic.esme.delivered) + len(again.delivered) == 1
    number = traffic.send("33600000001")
    drain(world)
    assert traffic.status(number) == 0
    assert_clean(world)


def _multi():
    return wire.SubmitMulti(
        source_addr="12345",
        dest_address=(wire.DestAddress(1, 1, "33600000001"),),
        short_message=b"x",
    )


@pytest.mark.parametrize("ending", [crash, restart])
def test_a_held_account_is_held_after_a_restart(tmp_path: Path, ending) -> None:
    world = world_of(tmp_path)
    shell(world).say("hold account esme !")
    ending(world)
    traffic = Traffic(world)
    number = traffic.send("33600000001")
    world.settle(1)
    assert traffic.status(number) == THROTTLED
    shell(world).say("release account esme")
    number = traffic.send("33600000001")
    world.settle(1)
    assert traffic.status(number) == 0


def test_a_released_account_has_its_rate_again(tmp_path: Path) -> None:
    world = world_of(tmp_path, accounts=(account("esme", throughput=2, burst=1, window=100),))
    shell(world).say("hold account esme !")
    shell(world).say("release account esme")
    traffic = Traffic(world)
    numbers = [traffic.send("33600000001") for _ in range(5)]
    world.settle()
    assert [traffic.status(one) for one in numbers] == [0, *[THROTTLED] * 4]


# ---------------------------------------------------------------------- accounts: drain


def test_a_drained_account_gets_its_last_receipt_and_goodbye(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    traffic.esme.answer = None
    number = traffic.send("33600000001", registered_delivery=1)
    world.settle(1)
    assert len(traffic.esme.delivered) == 1
    screen = ops.begin("drain account esme !")
    world.settle(5)
    assert not ops.over
    assert screen.lines[-1] == ("account esme: 0 messages to send, 1 deliveries, 0 answers to give")
    refused = traffic.send("33600000001")
    world.settle()
    assert traffic.status(refused) == THROTTLED
    traffic.esme.disconnect()
    world.settle(1)
    assert screen.lines[-1].endswith("it has no bind that takes them")
    again = world.esme()
    assert again.bind_status == 0
    world.settle(5)
    assert ops.status == "OK"
    assert len(again.delivered) == 1
    assert again.protocol is None
    assert world.relay.accounts["esme"].binds == []
    assert world.esme().bind_status == CommandStatus.ESME_RBINDFAIL
    assert traffic.state(number) == State.DELIVERED
    ops.say("release account esme")
    assert world.esme().bind_status == 0
    assert_clean(world)


def test_what_it_submitted_leaves_first(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    world.relay.carriers["a"].hold()
    traffic.send("33600000001")
    world.settle()
    ops.begin("drain account esme !")
    world.settle(5)
    assert not ops.over
    world.relay.carriers["a"].release()
    world.settle(3)
    assert ops.status == "OK"


@pytest.mark.parametrize("ending", [crash, restart])
def test_drained_it_stays_so(tmp_path: Path, ending) -> None:
    """Also when a receipt comes later: that waits."""
    world = world_of(tmp_path)
    traffic, ops = Traffic(world), shell(world)
    number = traffic.send("33600000001", "{after=60}", registered_delivery=1)
    world.settle(1)
    assert ops.say("drain account esme !", seconds=3)[-1] == "OK"
    world.settle(70)
    assert traffic.state(number) == State.DELIVERED
    ending(world)
    world.settle(2)
    assert world.esme().bind_status == CommandStatus.ESME_RBINDFAIL
    assert str(world.relay.standing.of("account", "esme")).startswith("drained by ops")
    shell(world).say("release account esme")
    esme = world.esme()
    world.settle(1)
    assert len(esme.delivered) == 1
