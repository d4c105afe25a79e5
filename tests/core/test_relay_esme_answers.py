"""What the whole gateway answers at the wire, to every mistake that a server meets."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from relay_esme_kit import Disk, balanced, bind, raw, say, submit
from relay_kit import World, account

from smppgw.core.message import State
from smppgw.smpp import wire
from smppgw.smpp.wire import RESPONSE, CommandId
from smppgw.smpp.wire import CommandStatus as S

NACK = int(CommandId.generic_nack)
SUBMIT_RESP = int(CommandId.submit_sm_resp)
ENQUIRE = wire.encode(wire.EnquireLink(sequence_number=99))
ALIVE = (int(CommandId.enquire_link_resp), 0, 99)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var", accounts=(account("esme"), account("other", binds=1)))


def frame(command_id: int, body: bytes = b"", sequence: int = 7, status: int = 0) -> bytes:
    return wire.frame(command_id, status, sequence, body)


# ---------------------------------------------------------------------------- framing


@pytest.mark.parametrize("length", [0, 1, 4, 15, 70_001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("bound", [False, True])
def test_a_length_that_cannot_be_is_nacked_and_closed(
    world: World, length: int, bound: bool
) -> None:
    peer = bind(world) if bound else raw(world)
    got = say(world, peer, struct.pack(">4I", length, 4, 0, 0x1234) + bytes(100))
    assert got == [(NACK, S.ESME_RINVCMDLEN, 0x1234)]
    assert peer.lost
    assert not world.factory.connections
    assert not world.relay.accounts["esme"].binds


def test_a_length_that_cannot_be_alone_is_nacked_with_number_0(world: World) -> None:
    peer = raw(world)
    assert say(world, peer, b"\xff\xff\xff\xff") == [(NACK, S.ESME_RINVCMDLEN, 0)]
    assert peer.lost


def test_what_came_before_a_bad_length_is_answered_and_kept(world: World) -> None:
    peer = bind(world)
    got = say(world, peer, submit(2) + submit(3) + b"GET / HTTP/1.1\r\n\r\n")
    assert (NACK, S.ESME_RINVCMDLEN) in [one[:2] for one in got]
    assert peer.lost
    world.settle(1)
    assert world.ledger()["accepted"] == 2
    balanced(world)


# ---------------------------------------------------------------------------- commands


@pytest.mark.parametrize("command_id", [0x0, 0x22, 0x101, 0x110, 0x7FFFFFFF, 0x00010200])
def test_an_unknown_request_is_nacked_and_the_session_lives(world: World, command_id: int) -> None:
    peer = bind(world)
    got = say(world, peer, frame(command_id, b"whatever", 0xABCDEF01) + ENQUIRE)
    assert got == [(NACK, S.ESME_RINVCMDID, 0xABCDEF01), ALIVE]
    assert not peer.lost


@pytest.mark.parametrize("command_id", [0x80000022, 0x80000110, 0xFFFFFFFF, 0x80000004, NACK])
def test_a_response_nobody_waits_for_is_dropped(world: World, command_id: int) -> None:
    peer = bind(world)
    assert say(world, peer, frame(command_id, b"xx") + ENQUIRE) == [ALIVE]


@pytest.mark.parametrize(
    "pdu",
    [wire.BroadcastSm(), wire.QueryBroadcastSm(message_id="1"), wire.CancelBroadcastSm()],
    ids=lambda pdu: type(pdu).__name__,
)
def test_what_is_known_and_not_supported_gets_its_own_response(world: World, pdu: wire.PDU) -> None:
    peer = bind(world)
    pdu.sequence_number = 5
    got = say(world, peer, wire.encode(pdu) + ENQUIRE)
    assert sorted(got) == sorted([(pdu.command_id | RESPONSE, S.ESME_RINVCMDID, 5), ALIVE])
    assert len(peer.frames[1]) == len(peer.frames[2]) == 16


@pytest.mark.parametrize(
    "pdu",
    [wire.DeliverSm(), wire.AlertNotification(), wire.Outbind()],
    ids=lambda p: type(p).__name__,
)
def test_what_an_esme_may_never_send(world: World, pdu: wire.PDU) -> None:
    peer = bind(world)
    pdu.sequence_number = 5
    command_id = pdu.command_id | RESPONSE if isinstance(pdu, wire.DeliverSm) else NACK
    assert say(world, peer, wire.encode(pdu) + ENQUIRE) == [
        (command_id, S.ESME_RINVBNDSTS, 5),
        ALIVE,
    ]


# ---------------------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("command_id", "body", "status"),
    [
        (CommandId.submit_sm, b"", S.ESME_RINVMSGLEN),
        (CommandId.submit_sm, b"\0\1\1", S.ESME_RINVMSGLEN),
        (CommandId.submit_sm, b"x" * 65 + bytes(20), S.ESME_RINVSERTYP),
        (CommandId.submit_sm, b"\0\1\1" + b"1" * 65 + bytes(20), S.ESME_RINVSRCADR),
        (CommandId.submit_sm, bytes(16) + b"\x10abc", S.ESME_RINVMSGLEN),
        (CommandId.submit_sm, bytes(17) + b"\x14\0\0\x05a", S.ESME_RINVTLVSTREAM),
        (CommandId.submit_multi, b"\0\0\0\0\0", S.ESME_RINVNUMDESTS),
        (CommandId.submit_multi, b"\0\0\0\0\x01\x03", S.ESME_RINVDESTFLAG),
        (CommandId.data_sm, b"\0", S.ESME_RINVMSGLEN),
        (CommandId.query_sm, b"1234", S.ESME_RINVMSGLEN),
        (CommandId.query_sm, b"1" * 66, S.ESME_RINVMSGLEN),
        (CommandId.cancel_sm, b"\0", S.ESME_RINVMSGLEN),
        (CommandId.replace_sm, b"\0\0\0\0\0\0\0\0\x20x", S.ESME_RINVMSGLEN),
        (CommandId.broadcast_sm, b"\0", S.ESME_RINVMSGLEN),
    ],
)
def test_a_body_that_cannot_be_read_gets_its_own_response(
    world: World, command_id: int, body: bytes, status: int
) -> None:
    peer = bind(world)
    got = say(world, peer, frame(command_id, body) + submit(8) + ENQUIRE)
    assert got[0] == (command_id | RESPONSE, status, 7)
    assert sorted(got[1:]) == sorted([ALIVE, (SUBMIT_RESP, 0, 8)])
    assert not peer.lost
    assert len(peer.frames[1]) == 16
    assert world.relay.counters.malformed == 1


def test_twenty_malformed_pdus_live_and_one_more_ends_it(world: World) -> None:
    peer = bind(world)
    bad = frame(CommandId.submit_sm, b"")
    say(world, peer, bad * 20 + submit(9) + bad * 20)
    assert not peer.lost
    say(world, peer, bad)
    assert peer.lost
    assert not world.relay.accounts["esme"].binds


@pytest.mark.parametrize("body", [b"\0", b"\0\0\0\0", b"garbage" * 100])
def test_enquire_link_and_unbind_with_a_body(world: World, body: bytes) -> None:
    peer = bind(world)
    assert say(world, peer, frame(CommandId.enquire_link, body)) == [
        (CommandId.enquire_link_resp, 0, 7)
    ]
    assert say(world, peer, frame(CommandId.unbind, body)) == [(CommandId.unbind_resp, 0, 7)]
    assert peer.lost


# ---------------------------------------------------------------------------- states


REQUESTS = [
    wire.SubmitSm(destination_addr="336"),
    wire.SubmitMulti(dest_address=(wire.DestAddress(1, 1, "336"),)),
    wire.DataSm(destination_addr="336"),
    wire.QuerySm(message_id="1"),
    wire.CancelSm(message_id="1"),
    wire.ReplaceSm(message_id="1"),
    wire.BroadcastSm(),
]


@pytest.mark.parametrize("pdu", REQUESTS, ids=lambda pdu: type(pdu).__name__)
@pytest.mark.parametrize("receiver", [False, True])
def test_a_request_before_the_bind_or_on_a_receiver(
    world: World, pdu: wire.PDU, receiver: bool
) -> None:
    peer = bind(world, kind=wire.BindReceiver) if receiver else raw(world)
    pdu.sequence_number = 3
    got = say(world, peer, wire.encode(pdu) + ENQUIRE)
    assert got == [(pdu.command_id | RESPONSE, S.ESME_RINVBNDSTS, 3), ALIVE]
    assert not peer.lost
    assert "esme" not in world.relay.ledger.lines("account")


@pytest.mark.parametrize("kind", [wire.BindReceiver, wire.BindTransmitter, wire.BindTransceiver])
@pytest.mark.parametrize("again", [wire.BindReceiver, wire.BindTransmitter, wire.BindTransceiver])
def test_a_second_bind_on_a_connection_is_refused_and_the_first_stays(
    world: World, kind: type[wire.Bind], again: type[wire.Bind]
) -> None:
    peer = bind(world, kind=kind)
    second = again(system_id="other", password="pw", sequence_number=2)
    got = say(world, peer, wire.encode(second) + ENQUIRE)
    assert got == [(again.command_id | RESPONSE, S.ESME_RALYBND, 2), ALIVE]
    assert len(peer.frames[1]) == 16
    assert len(world.relay.accounts["esme"].binds) == 1
    assert not world.relay.accounts["other"].binds


def test_an_unbind_while_unbound_is_refused_and_closes(world: World) -> None:
    peer = raw(world)
    got = say(world, peer, wire.encode(wire.Unbind(sequence_number=4)))
    assert got == [(CommandId.unbind_resp, S.ESME_RINVBNDSTS, 4)]
    assert peer.lost


@pytest.mark.parametrize("kind", [wire.BindReceiver, wire.BindTransmitter, wire.BindTransceiver])
def test_a_transmitter_gets_no_deliver_sm(world: World, kind: type[wire.Bind]) -> None:
    sender = world.esme()
    peer = bind(world, kind=kind)
    sender.answer = 0x64
    sender.submit(registered_delivery=1)
    world.settle(1)
    sender.disconnect()
    world.settle(10)
    expected = 0 if kind is wire.BindTransmitter else 1
    delivered = [one for one in peer.pdus if isinstance(one, wire.DeliverSm)]
    assert len(delivered) == expected
    balanced(world)


# ---------------------------------------------------------------------------- generic_nack


def test_a_nack_of_a_deliver_sm_is_a_refusal_and_not_repeated(world: World) -> None:
    peer = bind(world)
    say(world, peer, submit(2, registered_delivery=1))
    world.settle(1)
    (receipt,) = (one for one in peer.pdus if isinstance(one, wire.DeliverSm))
    say(world, peer, frame(NACK, b"", receipt.sequence_number, S.ESME_RINVCMDID))
    assert world.relay.accounts["esme"].spooled == 0
    world.settle(20)
    assert sum(isinstance(one, wire.DeliverSm) for one in peer.pdus) == 1
    balanced(world)


def test_a_nack_with_status_0_is_no_acceptance(world: World) -> None:
    peer = bind(world)
    say(world, peer, submit(2, registered_delivery=1))
    world.settle(1)
    receipt = peer.pdus[-1]
    say(world, peer, frame(NACK, b"", receipt.sequence_number, 0))
    world.settle(1)
    message = world.message(peer.pdus[1].message_id)
    assert message.receipt_to == "refused by esme#1: ESME_ROK"


@pytest.mark.parametrize("sequence", [0, 12345])
def test_a_nack_of_nothing_changes_nothing(world: World, sequence: int) -> None:
    peer = bind(world)
    say(world, peer, submit(2, registered_delivery=1))
    world.settle(1)
    assert say(world, peer, frame(NACK, b"", sequence, 3) + ENQUIRE) == [ALIVE]
    assert world.relay.accounts["esme"].spooled == 1


# ---------------------------------------------------------------------------- troubles of ours


def test_a_store_that_cannot_write_is_a_system_error(world: World) -> None:
    peer = bind(world)
    disk = Disk(world)
    disk.full = True
    assert say(world, peer, submit(2)) == [(SUBMIT_RESP, S.ESME_RSYSERR, 2)]
    assert len(peer.frames[-1]) == 16
    assert say(world, peer, submit(3)) == [(SUBMIT_RESP, S.ESME_RSYSERR, 3)]


def test_one_disabled_or_removed_account_is_no_ones_trouble_but_its_own(world: World) -> None:
    peer = bind(world)
    del world.relay.accounts["other"]
    refused = bind(world, "other")
    assert refused.answers() == [(int(CommandId.bind_transceiver_resp), S.ESME_RINVSYSID, 1)]
    assert say(world, peer, submit(2))[0][1] == 0


def test_the_states_are_those_of_the_specification(world: World) -> None:
    peer = bind(world)
    (found,) = world.relay.accounts["esme"].binds
    assert found.kind == "BOUND_TRX"
    assert found.peer == "127.0.0.1:50000"
    assert repr(found) == "<EsmeBind esme#1>"
    say(world, peer, submit(2))
    world.settle(1)
    message = world.message(peer.pdus[-1].message_id)
    assert message.state == State.ACCEPTED
    assert message.origin == "esme#1 sequence 2"
