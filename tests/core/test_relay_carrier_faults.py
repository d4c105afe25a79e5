"""Carriers that do not answer, answer oddly or go away, and what that leaves behind."""

from __future__ import annotations

from collections import Counter
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
    number_of,
    taken,
    world_of,
)
from relay_kit import World, carrier
from twisted.logger import capturedLogs

from smppgw.core.binding import LinkState
from smppgw.core.carrier import Carrier
from smppgw.core.message import Message, State
from smppgw.core.settings import StatusRule
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

D1, D2 = "33600000001", "33600000002"
NEVER, NEVER_AGAIN = "{answer=never,times=1}", "{answer=never}"
SOON = {"response_timeout": 5.0}


# ---------------------------------------------------------------------- no answer


def test_without_an_answer_it_is_sent_once_more_and_then_given_up(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", **SOON))
    traffic = Traffic(world)
    lost = traffic.send(D1, NEVER_AGAIN, registered_delivery=1)
    behind = traffic.send(D1)
    world.settle(9)
    assert taken(world) == [lost], "its answer may be late: it has that time once more"
    world.settle(2)
    assert taken(world) == [lost, lost]
    assert traffic.message(lost).duplicate == 1
    world.settle(7)
    assert taken(world) == [lost, lost, behind]
    assert traffic.state(lost) == State.UNKNOWN
    assert b"stat:UNKNOWN" in traffic.esme.delivered[0].short_message
    assert_clean(world)


def test_a_fault_in_one_answer_of_a_read_costs_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    (link,) = links(world)
    sent = [traffic.send(f"3360000000{n}", registered_delivery=1) for n in range(5)]
    answered = world.relay.receipts.answered

    def fails(of: Carrier, message: Message) -> None:
        if message.destination.endswith("2"):
            raise RuntimeError("not foreseen")
        answered(of, message)

    monkeypatch.setattr(world.relay.receipts, "answered", fails)
    with capturedLogs() as logs:
        drain(world)
    assert len([one for one in logs if "log_failure" in one]) == 1
    assert [traffic.state(one) for one in sent if one != 3] == [State.DELIVERED] * 4
    assert (link.taken, links(world)) == (0, [link])
    assert link.state is LinkState.BOUND


def test_it_may_be_told_not_to_send_again(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", unknown_outcome="fail", **SOON))
    traffic = Traffic(world)
    lost = traffic.send(D1, NEVER_AGAIN)
    world.settle(20)
    assert taken(world) == [lost]
    assert traffic.state(lost) == State.UNKNOWN
    assert_clean(world)


def test_one_lost_answer_costs_one_repeat(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", window=2, **SOON))
    traffic = Traffic(world)
    numbers = [traffic.send(D1, NEVER)] + [traffic.send(D1) for _ in range(5)]
    drain(world)
    assert taken(world) == [1, *numbers]
    assert traffic.state(1) == State.ACCEPTED
    assert_clean(world)


def test_crashes_do_not_add_repeats_to_what_was_sent_twice(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", **SOON), behaviours={"a": Behaviour(answer="never")})
    traffic = Traffic(world)
    number = traffic.send(D1)
    world.settle(2)
    crash(world)
    world.settle(1)
    assert taken(world) == [number, number]
    crash(world)
    world.settle(30)
    assert taken(world) == [number, number]
    assert traffic.state(number) == State.UNKNOWN
    assert_clean(world)


# ---------------------------------------------------------------------- late, twice, nack


def test_an_answer_after_the_repeat_still_says_what_became_of_it(tmp_path: Path) -> None:
    """Every answer takes longer than we wait, twice: sent twice, but not ended as unknown."""
    world = world_of(
        tmp_path, carrier("a", **SOON), behaviours={"a": Behaviour(response_delay=11.0)}
    )
    traffic = Traffic(world)
    numbers = [traffic.send(D1, registered_delivery=1) for _ in range(3)]
    drain(world)
    world.settle(20)
    assert {traffic.state(n) for n in numbers} == {State.DELIVERED}
    assert len(traffic.esme.delivered) == 3
    assert_in_order(world)
    assert_clean(world)


def test_a_very_late_answer_lets_the_receipt_correct_what_we_gave_up(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", **SOON))
    traffic = Traffic(world)
    number = traffic.send(D1, "{delay=20,after=2}", registered_delivery=1)
    world.settle(16)
    assert traffic.state(number) == State.UNKNOWN
    world.settle(20)
    assert traffic.state(number) == State.DELIVERED
    assert world.ledger()["delivered"] == 1
    assert_clean(world)


def test_a_late_refusal_changes_nothing(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", **SOON))
    traffic = Traffic(world)
    number = traffic.send(D1, "{status=0x08,times=1,delay=6}")
    behind = traffic.send(D1)
    drain(world)
    assert taken(world) == [number, behind]
    assert_clean(world)


@pytest.mark.parametrize("binds", [1, 3])
def test_double_answers_are_taken_once(tmp_path: Path, binds: int) -> None:
    world = world_of(
        tmp_path,
        carrier("a", binds=binds, window=2),
        behaviours={"a": Behaviour(answer="twice", response_jitter=0.3, window=2)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000000{n % 7}") for n in range(60)]
    for _ in range(100):
        world.settle(0.05)
        assert all(0 <= link.taken <= 2 for link in links(world))
    drain(world)
    assert sorted(taken(world)) == numbers
    assert_in_order(world)
    assert_clean(world)


def test_a_double_refusal_is_one_refusal(tmp_path: Path) -> None:
    rules = {"0x08": StatusRule(action="retry", delay=2.0, tries=3)}
    world = world_of(tmp_path, carrier("a", statuses=rules))
    traffic = Traffic(world)
    bad = traffic.send(D1, "{status=0x08,answer=twice}")
    behind = traffic.send(D1)
    drain(world)
    assert [number_of(one) for one in arrivals(world)] == [bad, bad, bad, behind]
    assert_clean(world)


@pytest.mark.parametrize(
    ("script", "state", "tries"),
    [
        ("{answer=nack,times=1}", State.ACCEPTED, 2),  # ESME_RSYSERR: again later
        ("{answer=nack,status=0x0B}", State.REJECTED, 1),
        ("{answer=nack,status=0x03}", State.REJECTED, 1),
        ("{answer=nack,status=0x58,times=2}", State.ACCEPTED, 3),
    ],
)
def test_a_generic_nack_is_an_answer(tmp_path: Path, script: str, state: State, tries: int) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    number = traffic.send(D1, script)
    behind = traffic.send(D1)
    drain(world)
    assert traffic.state(number) == state
    assert [number_of(one) for one in arrivals(world)] == [number] * tries + [behind]
    assert_clean(world)


# ---------------------------------------------------------------------- the connection goes


def test_what_is_in_flight_at_a_disconnect_is_sent_again_and_marked(tmp_path: Path) -> None:
    world = world_of(
        tmp_path, carrier("a", window=5), behaviours={"a": Behaviour(response_delay=5.0)}
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000000{n % 9}") for n in range(20)]
    world.settle(1)
    flying = taken(world)
    assert len(flying) == 5
    world.simulated["a"].disconnect()
    world.simulated["a"].behaviour = Behaviour()
    drain(world)
    assert sorted(taken(world)) == sorted(numbers + flying)
    assert {n for n in numbers if traffic.message(n).duplicate} == set(flying)
    assert_in_order(world)
    assert_clean(world)


def test_what_had_not_left_at_a_disconnect_is_not_counted_as_sent(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    world.sync.stuck = True
    numbers = [traffic.send(f"3360000000{n}") for n in range(3)]
    world.settle(1)
    assert world.relay.carriers["a"].in_flight
    absent(world)
    world.sync.go_on()
    world.settle(1)
    assert world.relay.carriers["a"].in_flight == 0
    back(world)
    drain(world)
    assert sorted(taken(world)) == numbers
    assert [traffic.message(n).attempts for n in numbers] == [1, 1, 1]
    assert [traffic.message(n).duplicate for n in numbers] == [0, 0, 0]
    assert_clean(world)


def test_a_launch_meets_a_new_session_of_its_link(tmp_path: Path) -> None:
    """Launched for one connection, released when the link has another: it may go, once."""
    world = world_of(tmp_path, carrier("a", reconnect=0.1))
    traffic = Traffic(world)
    world.sync.stuck = True
    numbers = [traffic.send(f"3360000000{n}") for n in range(3)]
    world.settle(0.2)
    world.simulated["a"].disconnect()
    world.settle(2)
    assert world.relay.carriers["a"].usable
    world.sync.go_on()
    drain(world)
    assert sorted(taken(world)) == numbers
    assert_clean(world)


def test_dropping_every_third_message_loses_nothing(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=4, reconnect=0.1),
        behaviours={"a": Behaviour(disconnect_every=3)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000000{n % 9}") for n in range(30)]
    drain(world)
    # Octets can be lost twice with their connections: then, and only then, is it given up.
    for number in numbers:
        known = traffic.state(number) == State.ACCEPTED
        assert known or traffic.message(number).duplicate
        assert not known or number in taken(world)
    assert duplicates(world) <= 4 * world.simulated["a"].counters["connections_lost"]
    assert_clean(world)


def test_an_unbind_by_the_carrier_is_followed_by_a_new_bind(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=4, reconnect=0.2),
        behaviours={"a": Behaviour(unbind_after=3.0, response_delay=0.2)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"336000001{n:02}") for n in range(100)]
    drain(world)
    assert set(taken(world)) == set(numbers)
    assert world.simulated["a"].counters["binds"] >= 2
    assert duplicates(world) <= 4 * world.simulated["a"].counters["binds"]
    assert_clean(world)


def test_nothing_is_launched_after_an_unbind_by_the_carrier(tmp_path: Path) -> None:
    """We owe it an answer that a stuck disk holds back: the session ends, but not yet."""
    world = world_of(tmp_path, carrier("a", reconnect=0.2))
    traffic = Traffic(world)
    world.sync.stuck = True
    world.simulated["a"].send_mo(D1, "12345", "hello")
    world.settle(0.1)
    world.simulated["a"].binds[0].unbind()
    world.settle(0.1)
    assert not world.relay.carriers["a"].usable
    number = traffic.send(D1)
    world.settle(1)
    assert world.relay.carriers["a"].in_flight == 0
    world.sync.go_on()
    drain(world)
    assert taken(world) == [number]
    assert traffic.message(number).attempts == 1
    assert_clean(world)


def test_a_silent_wire_is_found_out(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=3, enquire_link=5.0, response_timeout=10.0, reconnect=0.2),
    )
    traffic = Traffic(world)
    esme_wire = world.network.wires[-1]
    for one in world.network.wires:
        if one is not esme_wire:
            one.stall()
    numbers = [traffic.send(f"336000001{n:02}") for n in range(9)]
    drain(world)
    assert sorted(taken(world)) == numbers
    assert duplicates(world) == 0  # nothing had arrived
    assert_clean(world)


def test_a_peer_that_does_not_read_is_given_no_more(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", window=1000, response_timeout=1000.0))
    traffic = Traffic(world)
    (link,) = links(world)
    link.writable(link._protocol, False)
    numbers = [traffic.send(f"336000001{n:02}") for n in range(5)]
    world.settle(3)
    assert not arrivals(world)
    assert not world.relay.carriers["a"].usable
    link.writable(link._protocol, True)
    drain(world)
    assert taken(world) == numbers
    assert_clean(world)


@pytest.mark.parametrize("split", [1, 3, 16, 50])
def test_octets_may_come_in_any_pieces(tmp_path: Path, split: int) -> None:
    world = world_of(tmp_path, start=False)
    world.network.split = split
    world.relay.start()
    world.settle()
    traffic = Traffic(world)
    numbers = [traffic.send(f"3360000000{n % 3}", registered_delivery=1) for n in range(20)]
    drain(world)
    world.settle(5)
    assert sorted(taken(world)) == numbers
    assert len(traffic.esme.delivered) == 20
    assert_in_order(world)
    assert_clean(world)


# ---------------------------------------------------------------------- and a crash on top

FAULTS = {
    "never": Behaviour(answer="never"),
    "twice": Behaviour(answer="twice", response_delay=0.5),
    "nack": Behaviour(answer="nack"),
    "late": Behaviour(response_delay=6.0),
    "disconnect": Behaviour(disconnect_every=4),
    "unbind": Behaviour(unbind_after=1.0, response_delay=0.3),
    "throttle": Behaviour(throughput=3),
    "full": Behaviour(error_rate=1.0, error_status=0x14),
    "refused": Behaviour(bind_status=wire.CommandStatus.ESME_RINVPASWD),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("moment", [0.1, 5.5])
def test_a_crash_in_the_middle_of_trouble_loses_nothing(
    tmp_path: Path, fault: str, moment: float
) -> None:
    world: World = world_of(
        tmp_path,
        carrier("a", window=3, reconnect=0.2, refused_reconnect=20.0, **SOON),
        behaviours={"a": FAULTS[fault]},
    )
    traffic = Traffic(world)
    for n in range(20):
        traffic.send(f"3360000000{n % 7}")
    world.settle(moment)
    acknowledged = traffic.acknowledged()
    assert len(acknowledged) == 20
    before = taken(world)
    world.simulated["a"].behaviour = Behaviour()
    crash(world)
    drain(world, 1000)
    for number in acknowledged:
        given_up = traffic.state(number) == State.UNKNOWN and traffic.message(number).duplicate
        assert given_up or number in taken(world)
    again = Counter(taken(world)[len(before) :])
    assert max(again.values(), default=0) <= 1
    if fault not in ("never", "late", "disconnect", "unbind"):
        assert duplicates(world) <= 3
    assert_in_order(world)
    assert_clean(world)
