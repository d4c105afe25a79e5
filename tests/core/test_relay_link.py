"""The life of a link: binding, losing the bind, trying again, several links and pairs of links."""

from __future__ import annotations

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
    links,
    taken,
    world_of,
)
from relay_kit import World, carrier
from turn_kit import turn

from smppgw.core.binding import LinkState
from smppgw.core.link import Link
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.session import Timing
from smppgw.smpp.wire import CommandStatus

D1 = "33600000001"


def attempts(world: World, seconds: float, step: float = 0.05) -> list[float]:
    """When connections were asked for, from now on."""
    begin = world.clock.seconds()
    seen = world.network.attempts
    times = []
    for _ in range(round(seconds / step)):
        world.clock.advance(step)
        for _ in range(10):
            world.clock.advance(0)
        times += [world.clock.seconds() - begin] * (world.network.attempts - seen)
        seen = world.network.attempts
    return times


# ---------------------------------------------------------------------- trying again


def test_attempts_get_rarer_with_jitter_and_a_limit(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", reconnect=1.0, max_reconnect=16.0))
    absent(world)
    times = attempts(world, 200)
    gaps = [b - a for a, b in pairwise([0.0, *times])]
    for gap, longest in zip(gaps, [1, 2, 4, 8, 16, 16, 16, 16], strict=False):
        assert longest / 2 - 0.1 <= gap <= longest + 0.1
    assert max(gaps) <= 16.1
    assert len({round(gap, 2) for gap in gaps[4:]}) > 3  # not in step with other gateways
    (link,) = links(world)
    assert link.state is LinkState.WAITING
    assert link.reason == "cannot connect to 127.0.0.1:2790: refused"
    assert link.next_attempt > world.clock.seconds()


def test_a_bind_that_stood_makes_the_next_attempt_soon(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", reconnect=1.0, max_reconnect=300.0))
    absent(world)
    world.settle(400)
    back(world)
    world.settle(300)
    assert world.relay.carriers["a"].usable
    world.simulated["a"].disconnect()
    assert len(attempts(world, 1.1)) == 1
    assert world.relay.carriers["a"].usable


def test_hosts_are_tried_in_turn(tmp_path: Path) -> None:
    hosts = ("one", "two:2791", "three")
    world = world_of(tmp_path, carrier("a", hosts=hosts, reconnect=1.0), start=False)
    tried = []
    connect = world.network.connect

    def record(name: str, *rest):
        tried.append(name)
        return connect(name, *rest)

    world.network.connect = record
    world.network.listen("three:2790", world.simulated["a"].factory)
    world.relay.start()
    world.settle(10)
    assert tried == ["one:2790", "two:2791", "three:2790"]
    (link,) = links(world)
    assert link.state is LinkState.BOUND
    assert link.place[0] == "three"
    world.network.unlisten("three:2790")
    world.network.listen("two:2791", world.simulated["a"].factory)
    world.simulated["a"].disconnect()
    world.settle(20)
    assert tried[3:] == ["one:2790", "two:2791"]
    traffic = Traffic(world)
    traffic.send(D1)
    drain(world)
    assert taken(world) == [1]
    assert_clean(world)


# ---------------------------------------------------------------------- being refused


@pytest.mark.parametrize(
    "status",
    [CommandStatus.ESME_RINVPASWD, CommandStatus.ESME_RINVSYSID, CommandStatus.ESME_RINVSYSTYP],
)
def test_refused_credentials_are_not_tried_again_soon(tmp_path: Path, status: int) -> None:
    world = world_of(
        tmp_path,
        carrier("a", reconnect=1.0, refused_reconnect=100.0),
        behaviours={"a": Behaviour(bind_status=status)},
    )
    (link,) = links(world)
    assert link.state is LinkState.REFUSED
    assert wire.status_name(status) in link.reason
    assert attempts(world, 95) == []
    world.simulated["a"].behaviour = Behaviour()
    assert len(attempts(world, 10)) == 1
    assert link.state is LinkState.BOUND
    assert link.reason == ""


@pytest.mark.parametrize(
    "status",
    [CommandStatus.ESME_RALYBND, CommandStatus.ESME_RBINDFAIL, CommandStatus.ESME_RSYSERR],
)
def test_a_bind_refused_for_now_is_tried_again_with_back_off(tmp_path: Path, status: int) -> None:
    world = world_of(
        tmp_path,
        carrier("a", reconnect=1.0, max_reconnect=8.0),
        behaviours={"a": Behaviour(bind_status=status)},
    )
    (link,) = links(world)
    times = attempts(world, 60)
    assert 6 < len(times) < 20
    assert link.state is LinkState.WAITING
    assert wire.status_name(status) in link.reason
    assert not world.relay.carriers["a"].usable
    # The refused connection is closed: the carrier's stale session is not kept alive by ours.
    assert not [one for one in world.network.wires if one.standing]
    world.simulated["a"].behaviour = Behaviour()
    world.settle(10)
    assert link.state is LinkState.BOUND


def test_a_refusal_is_kept_over_other_links(tmp_path: Path) -> None:
    """A limit of binds at the carrier: those that stand work, the others keep trying."""
    world = world_of(tmp_path, carrier("a", binds=3, window=2, reconnect=1.0), start=False)
    simulated = world.simulated["a"]
    bind_status = simulated.bind_status
    simulated.bind_status = lambda request: (
        CommandStatus.ESME_RALYBND if simulated.binds else bind_status(request)
    )
    world.relay.start()
    world.settle(5)
    assert sorted(link.state.value for link in links(world)).count("bound") == 1
    traffic = Traffic(world)
    numbers = [traffic.send(f"336000001{n:02}") for n in range(10)]
    drain(world)
    assert taken(world) == numbers
    assert_clean(world)


def test_a_bind_that_is_not_answered_ends_in_time(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", bind_timeout=7.0, reconnect=1.0), start=False)
    answering = world.simulated["a"].factory
    world.network.listen("127.0.0.1:2790", _Silent(answering))
    world.relay.start()
    world.settle(6)
    (link,) = links(world)
    assert link.state is LinkState.BINDING
    world.settle(1.5)
    assert link.state in (LinkState.WAITING, LinkState.BINDING)
    assert world.network.attempts <= 2
    world.network.listen("127.0.0.1:2790", answering)
    world.settle(20)
    assert link.state is LinkState.BOUND


class _Silent:
    """Accepts connections and never says anything."""

    def __init__(self, factory) -> None:
        self._factory = factory

    def buildProtocol(self, address):
        protocol = self._factory.buildProtocol(address)
        protocol.dataReceived = lambda data: None
        return protocol


# ---------------------------------------------------------------------- stopping


@pytest.mark.parametrize("split", [0, 5])
def test_a_stop_in_any_state_leaves_nothing_behind(tmp_path: Path, split: int) -> None:
    for turns in range(14):
        world = world_of(tmp_path / str(turns), start=False)
        world.network.split = split
        world.relay.start()
        for _ in range(turns):
            turn(world)
        (link,) = links(world)
        done = link.stop()
        world.settle(30)
        assert done.called
        assert link.state is LinkState.IDLE
        assert not world.simulated["a"].binds
        assert not world.network.wires


def test_a_stopped_link_can_be_started_again(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    (link,) = links(world)
    link.stop()
    world.settle(1)
    assert link.state is LinkState.IDLE
    link.start()
    world.settle(1)
    assert link.state is LinkState.BOUND
    traffic = Traffic(world)
    traffic.send(D1)
    drain(world)
    assert_clean(world)


def test_draining_takes_answers_and_launches_nothing(tmp_path: Path) -> None:
    world = world_of(
        tmp_path, carrier("a", window=3), behaviours={"a": Behaviour(response_delay=2.0)}
    )
    traffic = Traffic(world)
    for n in range(9):
        traffic.send(f"336000001{n:02}")
    world.settle(1)
    one = world.relay.carriers["a"]
    one.every_link(Link.drain)
    world.settle(5)
    assert len(arrivals(world)) == 3
    assert one.in_flight == 0
    assert len(one.queue) == 6


# ---------------------------------------------------------------------- several links


def test_messages_are_spread_over_links_and_keep_their_order(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", binds=4, window=3),
        behaviours={"a": Behaviour(window=3, response_jitter=0.4)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000{n % 25:04}") for n in range(200)]
    drain(world)
    by_bind = [
        sum(one.bind == name for one in arrivals(world))
        for name in {one.bind for one in arrivals(world)}
    ]
    assert len(by_bind) == 4
    assert min(by_bind) > 20
    assert sorted(taken(world)) == numbers
    assert_in_order(world)
    assert_clean(world)


def test_one_link_lost_of_three_costs_only_its_window(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", binds=3, window=4),
        behaviours={"a": Behaviour(response_delay=1.0)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000{n % 25:04}") for n in range(60)]
    world.settle(1.5)
    world.simulated["a"].binds[1].disconnect()
    world.settle(0.1)
    assert world.relay.carriers["a"].usable
    drain(world)
    assert sorted(set(taken(world))) == numbers
    assert duplicates(world) <= 4
    assert_in_order(world)
    assert_clean(world)


def test_links_that_come_and_go_share_the_work(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", binds=4, window=3, reconnect=0.3),
        behaviours={"a": Behaviour(response_jitter=0.5, disconnect_after=3.0)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000{n % 40:04}") for n in range(150)]
    drain(world)
    given_up = {n for n in numbers if traffic.message(n).error}
    assert set(numbers) - given_up <= set(taken(world))
    assert world.simulated["a"].counters["connections_lost"] >= 4
    assert_in_order(world)
    assert_clean(world)


def test_a_pair_sends_on_one_side_and_gets_receipts_on_the_other(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", bind="transmitter+receiver", binds=2, window=3),
        behaviours={"a": Behaviour(window=3, response_delay=0.1, receipt_delay=0.5)},
    )
    assert sorted(link.kind for link in links(world)) == ["receiver"] * 2 + ["transmitter"] * 2
    assert world.relay.carriers["a"].window == 6
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000{n % 9:04}", registered_delivery=1) for n in range(40)]
    drain(world)
    world.settle(5)
    assert sorted(taken(world)) == numbers
    assert len(traffic.esme.delivered) == 40
    assert world.ledger()["delivered"] == 40
    senders = {one.bind for one in arrivals(world)}
    receivers = {bind.name for bind in world.simulated["a"].binds if bind.receives}
    assert len(senders) == 2
    assert not senders & receivers
    assert_clean(world)


@pytest.mark.parametrize("lost", ["transmitter", "receiver"])
def test_half_a_pair_does_its_half(tmp_path: Path, lost: str) -> None:
    world = world_of(tmp_path, carrier("a", bind="transmitter+receiver", reconnect=30.0))
    one = world.relay.carriers["a"]
    (gone,) = [link for link in one.links if link.kind == lost]
    gone._protocol.abort("test")
    world.settle(0.5)
    assert one.usable == (lost == "receiver")
    traffic = Traffic(world)
    number = traffic.send(D1, registered_delivery=1)
    world.settle(3)
    assert taken(world) == ([number] if lost == "receiver" else [])
    assert not traffic.esme.delivered
    world.settle(60)
    assert taken(world) == [number]
    assert len(traffic.esme.delivered) == 1
    assert_clean(world)


def test_a_receiver_alone_never_sends(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", bind="receiver"))
    one = world.relay.carriers["a"]
    assert not one.usable
    assert one.window == 0
    traffic = Traffic(world)
    traffic.send(D1)
    world.settle(5)
    assert len(one.queue) == 1
    assert not arrivals(world)


# ---------------------------------------------------------------------- what comes with a bind


def test_a_message_in_the_same_segment_as_the_bind_answer_is_taken(tmp_path: Path) -> None:
    world = world_of(tmp_path, start=False)
    delivery = world.simulated["a"].send_mo(D1, "38100", "first")
    world.relay.start()
    world.settle(1)
    assert delivery.command_status == 0
    assert delivery.attempts == 1
    world.engine.flush()
    assert world.engine.select("SELECT destination FROM unrouted") == [("38100",)]
    (link,) = links(world)
    assert link.state is LinkState.BOUND


def test_a_carrier_that_probes_us_is_answered(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", enquire_link=1000.0),
        behaviours={"a": Behaviour(timing=Timing(enquire_link=5.0, response=3.0))},
    )
    world.settle(120)
    assert world.simulated["a"].counters["connections_lost"] == 0
    assert world.simulated["a"].counters["binds"] == 1


def test_we_probe_a_quiet_carrier_and_stay(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", enquire_link=5.0, response_timeout=3.0))
    world.settle(120)
    assert world.simulated["a"].counters["binds"] == 1


@pytest.mark.parametrize("version", [0x00, 0x33, 0x34, 0x50])
def test_any_version_of_a_carrier_will_do(tmp_path: Path, version: int) -> None:
    world = world_of(tmp_path, behaviours={"a": Behaviour(interface_version=version)})
    traffic = Traffic(world)
    number = traffic.send(
        D1, registered_delivery=1, tlvs=((int(wire.Tag.user_message_reference), b"\0\1"),)
    )
    drain(world)
    world.settle(2)
    assert taken(world) == [number]
    assert bool(arrivals(world)[0].pdu.tlvs) == (version >= 0x34)
    assert len(traffic.esme.delivered) == 1
    assert_clean(world)


def test_what_the_carrier_wants_is_rewritten(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", source_ton=5, source_npi=0, dest_ton=2, dest_npi=8, service_type="VMN"),
    )
    traffic = Traffic(world)
    traffic.send(D1)
    drain(world)
    pdu = arrivals(world)[0].pdu
    fields = (pdu.source_addr_ton, pdu.source_addr_npi, pdu.dest_addr_ton, pdu.dest_addr_npi)
    assert fields == (5, 0, 2, 8)
    assert pdu.service_type == "VMN"
    assert_clean(world)


# ---------------------------------------------------------------------- with a crash


@pytest.mark.parametrize("turns", range(40))
def test_a_crash_at_any_turn_of_a_burst(tmp_path: Path, turns: int) -> None:
    world = world_of(
        tmp_path,
        carrier("a", binds=2, window=5, bind="transmitter+receiver"),
        behaviours={"a": Behaviour(window=0)},
    )
    traffic = Traffic(world)
    for n in range(80):
        traffic.send(f"3360000{n % 30:04}", registered_delivery=1)
    for _ in range(turns):
        turn(world)
    acknowledged = set(traffic.acknowledged())
    crash(world)
    drain(world)
    assert acknowledged <= set(taken(world))
    assert duplicates(world) <= 10
    assert_in_order(world)
    assert_clean(world)
