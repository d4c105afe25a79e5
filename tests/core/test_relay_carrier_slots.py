"""Slots, destinations and parked messages are given back on every path."""

from __future__ import annotations

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
    idle,
    leaks,
    number_of,
    taken,
    world_of,
)
from relay_kit import carrier

from smppgw.core import order as order_module
from smppgw.core import queue as queue_module
from smppgw.core.message import State
from smppgw.core.settings import RouteSettings, StatusRule
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

D1, D2 = "33600000001", "33600000002"
SOON = {"response_timeout": 5.0}


def test_a_late_answer_frees_the_destination(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", response_timeout=5.0, window=2),
        behaviours={"a": Behaviour(receipts="never")},
    )
    traffic = Traffic(world)
    # D1 is answered half a second after the time-out; meanwhile the carrier is paused.
    late = traffic.send(D1, "{delay=5.5}")
    behind = traffic.send(D1)
    world.settle(4.75)
    throttled = traffic.send(D2, "{status=0x58,times=1}")
    world.settle(0.5)
    assert traffic.state(late) == State.WAITING
    world.settle(20)
    assert traffic.state(late) == State.ACCEPTED
    assert sorted(taken(world)) == [late, behind, throttled]
    assert duplicates(world) == 0
    assert_clean(world)


def test_a_refusal_of_the_repeat_of_what_was_accepted_late(tmp_path: Path) -> None:
    world = world_of(
        tmp_path, carrier("a", **SOON), behaviours={"a": Behaviour(response_delay=11.0)}
    )
    traffic = Traffic(world)
    late = traffic.send(D1)
    behind = traffic.send(D1)
    world.settle(2)
    world.simulated["a"].behaviour = Behaviour(
        error_rate=1.0, error_status=0x08, response_delay=3.0
    )
    world.settle(10)
    assert traffic.state(late) == State.ACCEPTED
    assert world.relay.carriers["a"].in_flight == 1
    world.simulated["a"].behaviour = Behaviour()
    drain(world)
    assert [number_of(one) for one in arrivals(world)] == [late, late, behind]
    assert_clean(world)


def test_a_launch_that_was_never_accepted_gives_its_slot_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)

    def refuse(batch, now: float) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(world.engine, "write", refuse)
        lost = [traffic.send(D1), traffic.send(D1), traffic.send(D2)]
        world.settle(0.1)
        assert {traffic.status(n) for n in lost} == {wire.CommandStatus.ESME_RSYSERR}
    world.settle(3)
    assert_clean(world)
    kept = [traffic.send(D1), traffic.send(D2)]
    drain(world)
    assert taken(world) == kept
    assert_clean(world)


def test_a_late_answer_of_an_earlier_session_is_not_taken_for_another(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", response_timeout=5.0),
        behaviours={"a": Behaviour(receipts="never")},
    )
    traffic = Traffic(world)
    first = traffic.send(D1, "{answer=never,times=1}")
    world.settle(4.5)
    urgent = traffic.send(D2, "{answer=never,times=1}", priority_flag=2)
    world.settle(0.25)
    traffic.send("33600000003", "{status=0x58,times=1}")
    world.settle(0.5)
    assert traffic.state(first) == State.WAITING
    absent(world)
    world.simulated["a"].behaviour = Behaviour(receipts="never", answer="twice")
    back(world)
    drain(world)
    # The urgent one now has the number that the first had, and is answered twice under it.
    assert traffic.message(urgent).sequence_number == 2
    assert traffic.message(first).remote_id != traffic.message(urgent).remote_id
    assert_clean(world)


def test_a_full_parking_place_does_not_lock_out_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_module, "PARKED", 3)
    world = world_of(tmp_path)
    traffic = Traffic(world)
    numbers = [traffic.send(D1, "{status=0x58,times=1}") for _ in range(10)]
    drain(world)
    assert taken(world) == numbers
    assert_clean(world)


def test_memory_holds_no_more_than_the_parking_place_and_the_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_module, "PARKED", 5)
    monkeypatch.setattr(queue_module, "HEAD", 10)
    monkeypatch.setattr(queue_module, "LOAD", 4)
    world = world_of(tmp_path, behaviours={"a": Behaviour(response_delay=50.0)})
    traffic = Traffic(world)
    numbers = [traffic.send(D1) for _ in range(100)]
    world.settle(5)
    one = world.relay.carriers["a"]
    assert one.order.parked <= 5
    assert sum(m.state == State.WAITING for m in world.store.live.values()) <= 15
    world.simulated["a"].behaviour = Behaviour()
    drain(world)
    assert taken(world) == numbers
    assert_clean(world)


def test_what_was_in_flight_is_not_loaded_a_second_time_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "HEAD", 10)
    monkeypatch.setattr(queue_module, "LOAD", 5)
    world = world_of(
        tmp_path,
        carrier("a", window=2, max_reconnect=1.0),
        behaviours={"a": Behaviour(response_delay=1000.0)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"336000001{n:02}", "{status=0x08,times=2}") for n in range(2)]
    numbers += [traffic.send(f"336000001{n:02}") for n in range(2, 30)]
    world.settle(1)
    assert world.relay.carriers["a"].in_flight == 2
    world.network.unlisten("127.0.0.1:2790")
    world.simulated["a"].behaviour = Behaviour()
    crash(world)
    world.settle(5)  # their rows say now that they wait
    back(world)
    world.settle(8)
    # The two are refused again and wait 10 s for their next try, whatever the rows say.
    assert [one.command_status for one in arrivals(world)] == [8] * 4 + [0] * 28
    drain(world)
    assert sorted(taken(world)) == numbers
    assert_clean(world)


def test_a_disk_that_refuses_does_not_hide_what_was_spilled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "HEAD", 4)
    monkeypatch.setattr(queue_module, "LOAD", 1)
    world = world_of(
        tmp_path,
        carrier("a", 2790, statuses={"0x0B": StatusRule(action="reroute")}),
        carrier("b", 2791, window=4),
        routes=(
            RouteSettings(prefix="", carriers=(("a",), ("b",))),
            RouteSettings(prefix="44", carriers=(("b",),)),
        ),
        behaviours={"a": Behaviour(response_delay=3.0)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"336000001{n:02}", "{status=0x0B}") for n in range(10)]
    numbers += [traffic.send(f"446000001{n:02}", "{delay=5}") for n in range(4)]
    world.settle(1)
    write = world.engine.write

    def refuse(batch, now: float) -> None:
        raise OSError("disk full")

    # Rerouted to b, most of them spilled; then b has room and looks for them in their rows.
    monkeypatch.setattr(world.engine, "write", refuse)
    world.settle(6)
    assert world.store.trouble
    assert len(world.relay.carriers["b"].queue) > 4
    monkeypatch.setattr(world.engine, "write", write)
    drain(world)
    assert [traffic.state(n) for n in numbers] == [State.REJECTED] * 10 + [State.ACCEPTED] * 4
    assert_clean(world)


def test_a_message_that_ended_in_a_commit_that_failed_leaves_the_ledger_even(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path)
    absent(world)
    traffic = Traffic(world)
    world.sync.stuck = True
    traffic.send(D1, service_type="A")
    world.settle(1)  # written, and being synced: what follows is in the next batch
    kept = traffic.send(D2, service_type="A")
    traffic.esme.submit(D2, b"other", service_type="A", replace_if_present_flag=1)
    world.settle(1)

    def refuse(batch, now: float) -> None:
        raise OSError("disk full")

    write = world.engine.write
    monkeypatch.setattr(world.engine, "write", refuse)
    world.sync.go_on()
    world.settle(0.1)
    assert traffic.status(kept) == wire.CommandStatus.ESME_RSYSERR
    monkeypatch.setattr(world.engine, "write", write)
    world.settle(3)
    assert world.ledger()["accepted"] == 1
    back(world)
    drain(world)
    assert_clean(world)


@pytest.mark.parametrize("where", ["follower", "owner", "given back", "retry", "queued"])
@pytest.mark.parametrize("how", ["cancel", "expire", "crash"])
def test_whatever_ends_in_the_queue_lets_the_others_pass(
    tmp_path: Path, where: str, how: str
) -> None:
    """One of three messages to a destination ends while it waits, wherever it waits."""
    rules = {"0x08": StatusRule(action="retry", delay=30.0)}
    world = world_of(tmp_path, carrier("a", window=1, statuses=rules))
    traffic = Traffic(world)
    script = {"given back": "{status=0x14,times=1}", "retry": "{status=0x08,times=1}"}
    soon = "000000000003000R" if how == "expire" else ""
    if where in ("queued", "owner"):
        absent(world)
    victim = 0
    if where == "follower":
        world.simulated["a"].behaviour = Behaviour(response_delay=5.0)
        traffic.send(D1)
    else:
        victim = traffic.send(D1, script.get(where, ""), validity_period=soon)
        world.settle(0.5)
    if where == "follower":
        victim = traffic.send(D1, validity_period=soon)
    last = traffic.send(D1)
    world.settle(0.5)
    assert traffic.state(victim) == State.WAITING
    if how == "cancel":
        esme, sequence = traffic.sent[victim]
        asked = esme.request(wire.CancelSm(message_id=esme.id_of(sequence), source_addr="12345"))
        world.settle(0.5)
        assert esme.status(asked) == 0
    elif how == "expire":
        world.settle(4.5)
    else:
        crash(world)
    if where in ("queued", "owner"):
        back(world)
    drain(world)
    ended = {"cancel": State.DELETED, "expire": State.EXPIRED, "crash": State.ACCEPTED}[how]
    assert traffic.state(victim) == ended
    assert traffic.state(last) == State.ACCEPTED
    assert_in_order(world)
    assert_clean(world)


def test_parked_messages_leave_a_dead_carrier_too(tmp_path: Path) -> None:
    rules = {"0x08": StatusRule(action="retry", delay=100.0)}
    world = world_of(tmp_path, carrier("a", 2790, statuses=rules, window=2), carrier("b", 2791))
    traffic = Traffic(world)
    world.simulated["a"].behaviour = Behaviour(response_delay=1.0)
    numbers = [traffic.send(one, "{status=0x08,times=1}") for one in (D1, D2)]
    numbers += [traffic.send(destination) for destination in (D1, D1, D2, D2)]
    world.settle(3)
    one = world.relay.carriers["a"]
    assert one.order._retries
    assert one.order._followers
    world.simulated["b"].behaviour = Behaviour()
    absent(world)
    world.settle(40)
    assert idle(world), leaks(world)
    assert sorted(taken(world, "b")) == numbers
    assert_in_order(world, "b")
    assert_clean(world)


def test_a_message_does_not_go_round_between_carriers(tmp_path: Path) -> None:
    """A refuses it for good, B is dead: it waits for B and is not offered to A again and again."""
    world = world_of(
        tmp_path,
        carrier("a", 2790, statuses={"0x0B": StatusRule(action="reroute")}),
        carrier("b", 2791),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=0x0B)},
    )
    absent(world, "b")
    traffic = Traffic(world)
    number = traffic.send(D1)
    world.settle(60)
    assert len(arrivals(world, "a")) == 1
    back(world, "b")
    world.settle(120)
    assert taken(world, "b") == [number]
    assert_clean(world)


def test_a_held_carrier_keeps_its_queue(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a", 2790),
        carrier("b", 2791),
        routes=(
            RouteSettings(prefix="", carriers=(("a",), ("b",))),
            RouteSettings(prefix="1", carriers=(("a",),)),
        ),
    )
    traffic = Traffic(world)
    absent(world, "b")
    world.relay.carriers["a"].hold()
    number = traffic.send(D1)
    back(world, "b")
    world.settle(60)
    assert not taken(world)
    world.relay.carriers["a"].release()
    world.settle(1)
    assert taken(world, "a") == [number]
    assert_clean(world)
