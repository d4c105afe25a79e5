"""Window, throughput, queue limits, and the ends of a session with answers owed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from relay_esme_kit import balanced, bind, hold, raw, release, say, submit
from relay_kit import World, account

from smppgw.core.message import State
from smppgw.core.settings import GatewaySettings
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandId
from smppgw.smpp.wire import CommandStatus as S

SUBMIT_RESP = int(CommandId.submit_sm_resp)
UNBIND = wire.encode(wire.Unbind(sequence_number=77))


def make(tmp_path: Path, behaviour: Behaviour | None = None, **fields: Any) -> World:
    gateway = fields.pop("gateway", GatewaySettings())
    return World(
        tmp_path / "var",
        accounts=(account("esme", **fields), account("other")),
        behaviours={"a": behaviour or Behaviour()},
        gateway=gateway,
    )


# ---------------------------------------------------------------------------- window


def test_over_the_window_is_throttled_at_once_and_reading_goes_on(tmp_path: Path) -> None:
    world = make(tmp_path, window=5)
    peer = bind(world)
    world.sync.stuck = True
    got = say(world, peer, b"".join(submit(n) for n in range(10, 18)))
    assert got == [(SUBMIT_RESP, S.ESME_RTHROTTLED, n) for n in (15, 16, 17)]
    assert len(peer.frames[-1]) == 16
    assert say(world, peer, wire.encode(wire.EnquireLink(sequence_number=3)))[0][2] == 3
    assert say(world, peer, submit(18)) == [(SUBMIT_RESP, S.ESME_RTHROTTLED, 18)]
    (found,) = world.relay.accounts["esme"].binds
    assert found.unanswered == 5
    world.sync.go_on()
    world.settle()
    assert sorted(n for n, status in peer.statuses().items() if status == 0) == [
        1,
        3,
        *range(10, 15),
    ]
    assert found.unanswered == 0
    got = say(world, peer, b"".join(submit(n) for n in range(20, 25)))
    assert {one[1] for one in got} == {0}
    assert world.ledger()["accepted"] == 10
    balanced(world)


def test_the_window_counts_every_kind_of_request(tmp_path: Path) -> None:
    world = make(tmp_path, window=2)
    peer = bind(world)
    say(world, peer, submit(2))
    message_id = peer.pdus[-1].message_id
    world.sync.stuck = True
    query = wire.encode(wire.QuerySm(message_id=message_id, sequence_number=3))
    assert say(world, peer, query + submit(4)) == []
    for pdu in (wire.QuerySm(message_id=message_id), wire.CancelSm(message_id=message_id)):
        pdu.sequence_number = 5
        (got,) = say(world, peer, wire.encode(pdu))
        assert got == (pdu.command_id | wire.RESPONSE, S.ESME_RTHROTTLED, 5)


def test_each_bind_has_a_window_of_its_own(tmp_path: Path) -> None:
    world = make(tmp_path, window=1)
    one, two = bind(world), bind(world)
    world.sync.stuck = True
    assert say(world, one, submit(2)) == []
    assert say(world, two, submit(2)) == []
    assert say(world, two, submit(3)) == [(SUBMIT_RESP, S.ESME_RTHROTTLED, 3)]
    world.sync.go_on()
    world.settle()
    assert one.statuses()[2] == two.statuses()[2] == 0


# ---------------------------------------------------------------------------- throughput


def test_above_its_rate_it_is_throttled_and_later_served(tmp_path: Path) -> None:
    world = make(tmp_path, throughput=10.0)
    peer = bind(world)
    got = say(world, peer, b"".join(submit(n) for n in range(10, 40)))
    assert sorted(one[2] for one in got if one[1] == 0) == list(range(10, 20))
    assert {one[1] for one in got} == {0, S.ESME_RTHROTTLED}
    assert not peer.lost
    world.settle(0.5)
    got = say(world, peer, b"".join(submit(n) for n in range(40, 50)))
    assert sum(one[1] == 0 for one in got) == 5
    assert world.ledger()["accepted"] == 15
    balanced(world)


def test_the_rate_is_of_the_account_not_of_a_bind(tmp_path: Path) -> None:
    world = make(tmp_path, throughput=4.0)
    peers = [bind(world) for _ in range(3)]
    got = [one for peer in peers for one in say(world, peer, submit(2) + submit(3))]
    assert [one[1] for one in got].count(0) == 4
    assert say(world, bind(world, "other"), submit(2))[0][1] == 0


def test_a_burst_is_its_own_size(tmp_path: Path) -> None:
    world = make(tmp_path, throughput=1.0, burst=20.0)
    peer = bind(world)
    got = say(world, peer, b"".join(submit(n) for n in range(2, 30)))
    assert [one[1] for one in got].count(0) == 20


def test_a_client_that_resends_at_once_costs_little(tmp_path: Path) -> None:
    world = make(tmp_path, throughput=1.0)
    peer = bind(world)
    say(world, peer, submit(2))
    commits = world.store.commits
    for n in range(3, 103):
        assert say(world, peer, submit(n)) == [(SUBMIT_RESP, S.ESME_RTHROTTLED, n)]
    assert world.store.commits <= commits + 2
    balanced(world)


def test_submit_multi_takes_a_token_for_each_destination(tmp_path: Path) -> None:
    world = make(tmp_path, throughput=10.0)
    peer = bind(world)
    to = tuple(wire.DestAddress(1, 1, f"3360000{n:04}") for n in range(8))
    pdu = wire.SubmitMulti(dest_address=to, short_message=b"x", sequence_number=2)
    assert say(world, peer, wire.encode(pdu))[0][1] == 0
    pdu.sequence_number = 3
    assert say(world, peer, wire.encode(pdu))[0][1] == S.ESME_RTHROTTLED
    assert say(world, peer, submit(4))[0][1] == 0
    balanced(world)


def test_every_request_is_answered_whatever_happens(tmp_path: Path) -> None:
    world = make(tmp_path, throughput=2.0, window=3, max_queue=2)
    peer = bind(world)
    hold(world)
    sent = set(range(2, 200))
    for start in range(2, 200, 9):
        say(world, peer, b"".join(submit(n) for n in range(start, min(start + 9, 200))))
        world.settle(0.5)
    assert sent <= set(peer.statuses())
    balanced(world)


# ---------------------------------------------------------------------------- queue limits


def test_the_queue_limit_of_an_account(tmp_path: Path) -> None:
    world = make(tmp_path, max_queue=3)
    peer, other = bind(world), bind(world, "other")
    hold(world)
    got = say(world, peer, b"".join(submit(n) for n in range(2, 7)))
    assert [one[1] for one in sorted(got, key=lambda one: one[2])] == [0, 0, 0, 0x14, 0x14]
    assert say(world, other, submit(2))[0][1] == 0
    balanced(world)
    release(world)
    world.settle(1)
    assert world.relay.queued == 0
    hold(world)
    got = say(world, peer, b"".join(submit(n) for n in range(7, 11)))
    assert [one[1] for one in got].count(S.ESME_RMSGQFUL) == 1
    balanced(world)


def test_the_queue_limit_of_the_gateway(tmp_path: Path) -> None:
    world = make(tmp_path, gateway=GatewaySettings(max_queue=3))
    peer, other = bind(world), bind(world, "other")
    hold(world)
    say(world, peer, submit(2) + submit(3))
    got = say(world, other, submit(2) + submit(3))
    assert sorted(one[1] for one in got) == [0, S.ESME_RMSGQFUL]
    balanced(world)


@pytest.mark.parametrize("stage", ["waiting", "deferred", "flying"])
def test_what_counts_as_queued_before_and_after_a_crash(tmp_path: Path, stage: str) -> None:
    world = make(tmp_path, Behaviour(answer="never"), max_queue=2)
    peer = bind(world)
    if stage == "waiting":
        hold(world)
    fields = {"schedule_delivery_time": "000001000000000R"} if stage == "deferred" else {}
    say(world, peer, submit(2, **fields) + submit(3, "33600000002", **fields))
    assert say(world, peer, submit(4))[0][1] == S.ESME_RMSGQFUL
    balanced(world)
    world.crash()
    assert world.relay.queued == 2
    peer = bind(world)
    assert say(world, peer, submit(2))[0][1] == S.ESME_RMSGQFUL
    balanced(world)


def test_what_awaits_its_receipt_is_not_queued(tmp_path: Path) -> None:
    world = make(tmp_path, Behaviour(receipts="never"), max_queue=1)
    peer = bind(world)
    for n in range(2, 6):
        assert say(world, peer, submit(n, registered_delivery=1))[0][1] == 0
        world.settle(0.5)
        assert world.message(peer.pdus[-1].message_id).state == State.SENT
    assert world.relay.queued == 0
    world.crash()
    assert world.relay.queued == 0
    balanced(world)


# ---------------------------------------------------------------------------- ends


def test_answers_owed_come_before_the_unbind_resp(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    world.sync.stuck = True
    assert say(world, peer, submit(2) + submit(3) + UNBIND) == []
    refused = say(world, peer, submit(4))
    assert refused == [(SUBMIT_RESP, S.ESME_RINVBNDSTS, 4)]
    assert not peer.lost
    world.sync.go_on()
    world.settle()
    assert peer.answers()[2:] == [
        (SUBMIT_RESP, 0, 2),
        (SUBMIT_RESP, 0, 3),
        (int(CommandId.unbind_resp), 0, 77),
    ]
    assert peer.lost
    assert not world.relay.accounts["esme"].binds
    world.settle(1)
    assert world.ledger()["accepted"] == 2
    balanced(world)


def test_an_unbind_that_owes_nothing_is_answered_at_once(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    say(world, peer, submit(2))
    assert say(world, peer, UNBIND) == [(int(CommandId.unbind_resp), 0, 77)]
    assert peer.lost


def test_an_unbind_is_not_waited_for_without_end(tmp_path: Path) -> None:
    world = make(tmp_path)
    peer = bind(world)
    world.sync.stuck = True
    say(world, peer, submit(2) + UNBIND)
    world.settle(61, 1)
    assert peer.lost
    world.sync.go_on()
    world.settle(1)
    assert world.ledger()["accepted"] == 1
    balanced(world)


@pytest.mark.parametrize("how", ["abortConnection", "loseConnection"])
def test_a_disconnect_with_answers_owed_keeps_the_messages(tmp_path: Path, how: str) -> None:
    world = make(tmp_path)
    peer = bind(world)
    world.sync.stuck = True
    say(world, peer, submit(2, registered_delivery=1) + submit(3, "33600000002"))
    getattr(peer.transport, how)()
    world.settle(1)
    assert not world.relay.accounts["esme"].binds
    world.sync.go_on()
    world.settle(2)
    assert world.simulated["a"].texts_to("33600000001") == ["hello"]
    assert world.simulated["a"].texts_to("33600000002") == ["hello"]
    assert world.relay.accounts["esme"].spooled == 1
    again = bind(world)
    world.settle(1)
    assert isinstance(again.pdus[-1], wire.DeliverSm)
    balanced(world)


def test_a_deliver_sm_in_flight_when_the_bind_goes_comes_to_another(tmp_path: Path) -> None:
    world = make(tmp_path)
    one = bind(world)
    say(world, one, submit(2, registered_delivery=1))
    world.settle(1)
    assert isinstance(one.pdus[-1], wire.DeliverSm)
    two = bind(world)
    one.transport.abortConnection()
    world.settle(1)
    assert isinstance(two.pdus[-1], wire.DeliverSm)
    assert two.pdus[-1].short_message == one.pdus[-1].short_message
    resp = wire.DeliverSmResp(sequence_number=two.pdus[-1].sequence_number)
    say(world, two, wire.encode(resp))
    assert world.relay.accounts["esme"].spooled == 0
    balanced(world)


def test_our_own_unbind_does_not_spin_on_a_receipt_that_waits(tmp_path: Path) -> None:
    world = make(tmp_path, Behaviour(receipt_delay=2.0))
    peer = bind(world)
    say(world, peer, submit(2, registered_delivery=1))
    (found,) = world.relay.accounts["esme"].binds
    found.close("an operator says so")
    world.settle()
    assert isinstance(peer.pdus[-1], wire.Unbind)
    commits = world.store.commits
    world.settle(10)  # the receipt comes; the peer does not answer the unbind
    assert world.store.commits - commits < 20
    assert world.relay.accounts["esme"].spooled == 1
    world.settle(55, 1)
    assert peer.lost
    again = bind(world)
    world.settle(1)
    assert isinstance(again.pdus[-1], wire.DeliverSm)


def test_binding_again_and_again_leaves_nothing_behind(tmp_path: Path) -> None:
    world = make(tmp_path, binds=1)
    for n in range(100):
        peer = bind(world)
        assert peer.pdus[0].command_status == 0, n
        if n % 3 == 0:
            say(world, peer, UNBIND)
        elif n % 3 == 1:
            peer.transport.abortConnection()
        else:
            peer.transport.loseConnection()
        world.settle()
    assert not world.relay.accounts["esme"].binds
    assert not world.factory.connections
    idle = raw(world)
    idle.transport.loseConnection()
    world.settle()
    assert not world.factory.connections
