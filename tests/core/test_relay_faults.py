"""Disks that refuse and code that fails: nothing acknowledged is lost, nothing leaks, all go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from relay_esme_kit import Disk, balanced, bind, hold, release, say, submit
from relay_kit import World, account, carrier

from smppgw.core.message import State
from smppgw.core.settings import NumberSettings
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandId
from smppgw.smpp.wire import CommandStatus as S

SUBMIT_RESP = int(CommandId.submit_sm_resp)
NUMBER = NumberSettings(address="38100", account="esme")


def make(tmp_path: Path, behaviour: Behaviour | None = None, **rest: Any) -> World:
    rest.setdefault("accounts", (account("esme"), account("other")))
    return World(
        tmp_path / "var",
        behaviours={"a": behaviour or Behaviour()},
        numbers=(NUMBER,),
        **rest,
    )


# ---------------------------------------------------------------------------- the disk refuses


@pytest.mark.parametrize("what", ["full", "rows_fail"])
def test_submits_are_refused_while_the_disk_refuses_and_taken_again_after(
    tmp_path: Path, what: str
) -> None:
    world = make(tmp_path)
    peer = bind(world)
    disk = Disk(world)
    say(world, peer, submit(2))
    setattr(disk, what, True)
    for n in range(3, 30):
        say(world, peer, submit(n, f"33600001{n:03}") + submit(n + 100, f"33600002{n:03}"))
        world.settle(0.5)
    statuses = peer.statuses()
    assert disk.refusals
    assert {statuses[n] for n in range(20, 30)} == {S.ESME_RSYSERR}
    assert world.store.trouble
    setattr(disk, what, False)
    world.settle(3)
    assert not world.store.trouble
    assert say(world, peer, submit(200, "33600009999"))[0][1] == 0
    world.settle(2)
    accepted = sum(status == 0 for n, status in peer.statuses().items() if n > 1)
    assert world.ledger()["accepted"] == accepted
    assert world.simulated["a"].counters["taken"] == accepted
    balanced(world)
    world.crash()
    assert world.ledger()["accepted"] == accepted
    balanced(world)


def test_a_batch_that_fails_gives_everything_back(tmp_path: Path) -> None:
    world = make(tmp_path, Behaviour(answer="never"), carriers=(carrier("a", window=5),))
    peer = bind(world)
    disk = Disk(world)
    disk.full = True
    got = say(world, peer, b"".join(submit(n, f"336000000{n}") for n in range(10, 30)))
    assert got == [(SUBMIT_RESP, S.ESME_RSYSERR, n) for n in range(10, 30)]
    assert world.relay.queued == 0
    assert world.relay.carriers["a"].in_flight == 0
    assert not world.engine.live
    disk.full = False
    world.settle(2)
    assert not world.simulated["a"].received
    balanced(world)
    say(world, peer, b"".join(submit(n, f"336000000{n}") for n in range(40, 60)))
    world.settle(1)
    assert len(world.simulated["a"].received) == 5
    assert world.relay.queued == 20
    balanced(world)


def test_a_refused_submit_does_not_hold_up_its_destination(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    disk = Disk(world)
    disk.full = True
    say(world, peer, submit(2) + submit(3))
    disk.full = False
    world.settle(2)
    say(world, peer, submit(4) + submit(5))
    world.settle(2)
    assert [one.pdu.destination_addr for one in world.simulated["a"].received] == [
        "33600000001"
    ] * 2
    balanced(world)


def test_answers_of_a_carrier_are_kept_while_the_disk_refuses(tmp_path: Path) -> None:
    world = make(tmp_path, Behaviour(response_delay=2.0, receipt_delay=1.0))
    peer = bind(world)
    say(world, peer, submit(2, registered_delivery=1))
    disk = Disk(world)
    disk.full = True
    world.settle(5)
    assert not [one for one in peer.pdus if isinstance(one, wire.DeliverSm)]
    disk.full = False
    world.settle(5)
    receipts = [one for one in peer.pdus if isinstance(one, wire.DeliverSm)]
    assert len(receipts) == 1
    assert world.message(peer.pdus[1].message_id).state == State.DELIVERED
    assert len(world.simulated["a"].received) == 1
    balanced(world)


def test_an_mo_is_put_off_while_the_disk_refuses_and_comes_once(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    disk = Disk(world)
    disk.full = True
    delivery = world.simulated["a"].send_mo("33600000001", "38100", "hello")
    stray = world.simulated["a"].send_mo("33600000001", "99999", "nobody's")
    world.settle(30, 0.5)
    assert delivery.command_status != 0
    assert world.simulated["a"].counters["deliveries_again"] > 10
    disk.full = False
    world.settle(5)
    assert delivery.command_status == stray.command_status == 0
    assert [one.short_message for one in peer.pdus if isinstance(one, wire.DeliverSm)] == [b"hello"]
    world.settle(1)
    assert world.engine.select("SELECT count(*) FROM unrouted") == [(1,)]
    balanced(world)


def test_after_a_failed_commit_one_retry_is_planned_and_no_more(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    disk = Disk(world)
    disk.full = True
    world.simulated["a"].send_mo("33600000001", "99999", "nobody's")  # its undo is a change
    world.settle()
    commits = [one for one in world.clock.getDelayedCalls() if one.func == world.store._commit]
    assert len(commits) == 1
    disk.full = False
    world.sync.stuck = True
    world.settle(0.5)
    say(world, peer, submit(2))
    world.settle(2)
    assert world.sync.syncs <= 3, "one commit at a time"
    world.sync.go_on()
    world.settle(2)
    assert set(peer.statuses()) >= {2}
    balanced(world)


def test_operations_on_a_full_disk_are_system_errors_and_retried_changes_are_kept(
    tmp_path: Path,
) -> None:
    world = make(tmp_path)
    peer = bind(world)
    hold(world)
    say(world, peer, submit(2))
    message_id = peer.pdus[-1].message_id
    disk = Disk(world)
    disk.full = True
    cancel = wire.CancelSm(message_id=message_id, sequence_number=3)
    assert say(world, peer, wire.encode(cancel)) == [
        (int(CommandId.cancel_sm_resp), S.ESME_RSYSERR, 3)
    ]
    query = wire.QuerySm(message_id=message_id, sequence_number=4)
    say(world, peer, wire.encode(query))
    disk.full = False
    world.settle(3)
    assert 4 in peer.statuses()
    release(world)
    world.settle(2)
    assert not world.simulated["a"].received
    assert world.message(message_id).state == State.DELETED
    balanced(world)


@pytest.mark.parametrize("second", ["cancel", "replace"])
def test_what_ends_in_the_commit_that_fails_was_never_there(tmp_path: Path, second: str) -> None:
    world = make(tmp_path)
    peer = bind(world)
    hold(world)
    disk = Disk(world)
    disk.full = True
    if second == "cancel":
        pdu: wire.PDU = wire.CancelSm(
            source_addr="12345", destination_addr="33600000001", sequence_number=3
        )
        other = wire.encode(pdu)
    else:
        other = submit(3, replace_if_present_flag=1)
    got = say(world, peer, submit(2, registered_delivery=1) + other)
    assert {one[1] for one in got} == {S.ESME_RSYSERR}
    disk.full = False
    release(world)
    world.settle(3)
    assert world.relay.queued == 0
    balanced(world)
    assert not world.simulated["a"].received
    assert not [one for one in peer.pdus if isinstance(one, wire.DeliverSm)], "of what was refused"
    balanced(world)


def test_messages_in_flight_when_the_disk_fills_up_are_sent_once(tmp_path: Path) -> None:
    world = make(tmp_path, Behaviour(response_delay=0.3), carriers=(carrier("a", window=2),))
    peer = bind(world)
    say(world, peer, b"".join(submit(n, f"336000000{n}") for n in range(10, 40)))
    disk = Disk(world)
    for _ in range(10):
        disk.full = True
        world.settle(2.2)
        disk.full = False
        world.settle(1.3)
    world.settle(20)
    sent = [one.destination for one in world.simulated["a"].received]
    assert len(sent) == len(set(sent)) == 30
    assert world.relay.queued == 0
    balanced(world)


def test_a_crash_while_the_disk_is_full_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    hold(world)
    say(world, peer, b"".join(submit(n, f"336000000{n}") for n in range(10, 20)))
    disk = Disk(world)
    disk.full = True
    say(world, peer, b"".join(submit(n, f"336000000{n}") for n in range(20, 30)))
    world.settle(3)
    world.crash()
    world.settle(3)
    assert world.ledger()["accepted"] == 10
    assert world.simulated["a"].counters["taken"] == 10
    balanced(world)


# ---------------------------------------------------------------------------- the sync fails


def test_a_sync_that_fails_breaks_the_store_and_answers_nothing(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    broken: list[str] = []
    world.store.broken = broken.append
    world.sync.stuck = True
    say(world, peer, submit(2))
    done, world.sync._waiting = world.sync._waiting, None
    assert done is not None
    done("fdatasync failed: Input/output error")
    world.settle(5)
    assert broken == ["fdatasync failed: Input/output error"]
    world.sync.stuck = False
    assert say(world, peer, submit(3)) == []
    world.settle(5)
    assert {2, 3}.isdisjoint(peer.statuses())
    assert not world.simulated["a"].received
    assert len(broken) == 1


# ---------------------------------------------------------------------------- code that fails


def broken(*arguments: Any, **named: Any) -> Any:
    raise RuntimeError("made for the test")


@pytest.mark.parametrize(
    ("owner", "method", "pdu"),
    [
        ("ingress", "submit", wire.SubmitSm(destination_addr="33600000001")),
        ("ingress", "submit_multi", wire.SubmitMulti(dest_address=(wire.DestAddress(1, 1, "33"),))),
        ("ingress", "data_sm", wire.DataSm(destination_addr="33")),
        ("operations", "query", wire.QuerySm(message_id="1")),
        ("operations", "cancel", wire.CancelSm(message_id="1")),
        ("operations", "replace", wire.ReplaceSm(message_id="1")),
    ],
)
def test_a_handler_of_requests_that_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str, method: str, pdu: wire.PDU
) -> None:
    world = make(tmp_path)
    peer, other = bind(world), bind(world, "other")
    with monkeypatch.context() as patch:
        patch.setattr(getattr(world.relay, owner), method, broken)
        pdu.sequence_number = 2
        got = say(world, peer, wire.encode(pdu) + wire.encode(wire.EnquireLink(sequence_number=3)))
    assert sorted(got) == sorted(
        [
            (pdu.command_id | wire.RESPONSE, S.ESME_RSYSERR, 2),
            (int(CommandId.enquire_link_resp), 0, 3),
        ]
    )
    (found,) = world.relay.accounts["esme"].binds
    assert found.unanswered == 0
    assert say(world, peer, submit(4))[0][1] == 0
    assert say(world, other, submit(4))[0][1] == 0
    balanced(world)


@pytest.mark.parametrize("owner", ["receipts", "inbox"])
def test_a_handler_of_deliveries_that_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    world = make(tmp_path)
    peer = bind(world)
    with monkeypatch.context() as patch:
        patch.setattr(getattr(world.relay, owner), "take", broken)
        delivery = world.simulated["a"].send_mo("33600000001", "38100", "hello")
        world.settle()
        assert say(world, peer, submit(2))[0][1] == 0
        world.settle(0.5)
        assert world.simulated["a"].counters["connections_lost"] == 0
        assert world.simulated["a"].counters["deliveries_again"] >= 1
    world.settle(3)
    assert delivery.command_status == 0
    assert [one.short_message for one in peer.pdus if isinstance(one, wire.DeliverSm)] == [b"hello"]
    balanced(world)


def test_a_bind_that_fails_to_take_its_answers_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(tmp_path)
    peer, other = bind(world), bind(world, "other")
    (found,) = world.relay.accounts["esme"].binds
    world.sync.stuck = True
    say(world, peer, submit(2, "33600000002"))
    say(world, other, submit(2, "33600000003"))
    monkeypatch.setattr(found._protocol, "send", broken)
    world.sync.go_on()
    world.settle(1)
    assert other.statuses()[2] == 0
    assert world.simulated["a"].counters["taken"] == 2


def test_an_action_after_a_commit_that_raises_is_its_own_trouble(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    ran: list[int] = []
    world.store.when_durable(broken)
    world.store.when_durable(lambda: ran.append(1))
    world.settle()
    assert ran == [1]
    assert say(world, peer, submit(2))[0][1] == 0


def test_a_sweep_that_raises_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(tmp_path)
    peer = bind(world)
    say(world, peer, submit(2, schedule_delivery_time="000000000010000R"))
    monkeypatch.setattr(type(world.relay.scheduler), "_expire", broken)
    world.settle(15)
    assert len(world.simulated["a"].received) == 1
