"""Quirks of real ESMEs against the whole gateway; the others are in the modules beside this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_esme_kit import RawPeer, balanced, bind, raw, say, submit
from relay_kit import World, account

from smppgw.smpp import wire
from smppgw.smpp.wire import CommandId, Tag
from smppgw.smpp.wire import CommandStatus as S

SUBMIT_RESP = int(CommandId.submit_sm_resp)
DELIVER_RESP = int(CommandId.deliver_sm_resp)
ENQUIRE = wire.encode(wire.EnquireLink(sequence_number=99))
UDH = bytes((5, 0, 3, 1, 2, 1))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var", accounts=(account("esme"), account("other")))


def receipts(peer: RawPeer) -> list[wire.DeliverSm]:
    return [one for one in peer.pdus if isinstance(one, wire.DeliverSm)]


def one_receipt(world: World) -> tuple[RawPeer, wire.DeliverSm]:
    """A bind that has a receipt to answer."""
    peer = bind(world)
    say(world, peer, submit(2, registered_delivery=1))
    world.settle(0.5)
    (receipt,) = receipts(peer)
    return peer, receipt


def spooled(world: World) -> int:
    return world.relay.accounts["esme"].spooled


def carried(world: World) -> wire.SubmitSm:
    world.settle(1)
    return world.simulated["a"].received[-1].pdu


@pytest.mark.parametrize("body", [b"", b"\0", b"id-of-theirs\0", b"no-nul", b"\0\x04\x23\0\3abc"])
def test_every_body_of_a_deliver_sm_resp_is_taken(world: World, body: bytes) -> None:
    peer, receipt = one_receipt(world)
    assert say(world, peer, wire.frame(DELIVER_RESP, 0, receipt.sequence_number, body)) == []
    assert spooled(world) == 0
    assert say(world, peer, ENQUIRE)
    balanced(world)


def test_sequence_numbers_out_of_range_are_echoed(world: World) -> None:
    peer = bind(world)
    for number in (0, 0x7FFFFFFF, 0x80000000, 0x806A179B, 0xFFFFFFFF):
        assert say(world, peer, submit(number)) == [(SUBMIT_RESP, 0, number)]


def test_a_late_or_second_deliver_sm_resp_changes_nothing(world: World) -> None:
    peer, receipt = one_receipt(world)
    resp = wire.frame(DELIVER_RESP, 0, receipt.sequence_number, b"\0")
    assert say(world, peer, resp + resp + wire.frame(DELIVER_RESP, 0, 4711, b"\0")) == []
    assert spooled(world) == 0
    assert not peer.lost
    balanced(world)


@pytest.mark.parametrize("status", [0x22, 0x42E, 0xFFFFFFFF])
def test_an_unknown_status_of_a_deliver_sm_resp_is_permanent(world: World, status: int) -> None:
    peer, receipt = one_receipt(world)
    say(world, peer, wire.frame(DELIVER_RESP, status, receipt.sequence_number, b""))
    world.settle(20)
    assert len(receipts(peer)) == 1
    assert world.relay.accounts["esme"].last_refusal == status
    assert spooled(world) == 0
    balanced(world)


def test_a_status_in_a_request_is_ignored(world: World) -> None:
    peer = bind(world)
    octets = bytearray(submit(2))
    octets[8:12] = b"\0\0\0\x45"
    assert say(world, peer, bytes(octets)) == [(SUBMIT_RESP, 0, 2)]


def test_enquire_link_before_the_bind_is_answered_and_never_sent(world: World) -> None:
    peer = raw(world)
    assert say(world, peer, ENQUIRE) == [(int(CommandId.enquire_link_resp), 0, 99)]
    world.settle(9)
    assert len(peer.pdus) == 1


def test_a_peer_that_answers_no_enquire_link_but_talks_stays(world: World) -> None:
    peer = bind(world)
    for n in range(20):
        world.settle(25, 5)
        say(world, peer, submit(10 + n))
    assert not peer.lost
    world.settle(95, 5)
    assert peer.lost, "silence without an answer does end it"


def test_enquire_link_is_answered_whatever_else_waits(world: World) -> None:
    peer = bind(world)
    world.sync.stuck = True
    octets = b"".join(submit(n) for n in range(200, 260))
    got = say(world, peer, octets + ENQUIRE)
    assert (int(CommandId.enquire_link_resp), 0, 99) in got


@pytest.mark.parametrize("extra", [b"\x50", b"\0\0\0", bytes(8), bytes.fromhex("1002000134")])
def test_strange_octets_behind_a_bind(world: World, extra: bytes) -> None:
    peer = raw(world)
    body = wire.body_of(wire.BindTransceiver(system_id="esme", password="pw")) + extra
    octets = wire.frame(CommandId.bind_transceiver, 0, 1, body)
    assert say(world, peer, octets)[0][1] == 0


def test_a_byte_swapped_tlv_is_an_unknown_one_and_goes_on(world: World) -> None:
    peer = bind(world)
    octets = wire.body_of(wire.SubmitSm(destination_addr="33600000001", short_message=b"x"))
    whole = octets + b"\x10\x02\0\x01\x34"
    assert say(world, peer, wire.frame(CommandId.submit_sm, 0, 2, whole))[0][1] == 0
    assert carried(world).tlvs == ((0x1002, b"\x34"),)


def test_a_tlv_longer_than_the_pdu_is_refused_on_submit(world: World) -> None:
    peer = bind(world)
    body = wire.body_of(wire.SubmitSm(destination_addr="33600000001", short_message=b"x"))
    octets = wire.frame(CommandId.submit_sm, 0, 2, body + b"\x14\0\0\x41abcde")
    assert say(world, peer, octets) == [(SUBMIT_RESP, S.ESME_RINVTLVSTREAM, 2)]
    assert not peer.lost


@pytest.mark.parametrize("tag", [Tag.more_messages_to_send, Tag.receipted_message_id, 0x060F])
def test_any_tlv_of_any_size_goes_through(world: World, tag: int) -> None:
    peer = bind(world)
    say(world, peer, submit(2, tlvs=((int(tag), b"12700"),)))
    assert carried(world).tlvs == ((int(tag), b"12700"),)


def test_a_text_shorter_than_announced_is_refused(world: World) -> None:
    peer = bind(world)
    octets = bytearray(submit(2))
    octets[octets.index(b"\x05hello")] = 6
    assert say(world, peer, bytes(octets)) == [(SUBMIT_RESP, S.ESME_RINVMSGLEN, 2)]


@pytest.mark.parametrize("stray", [b"\0", b"\0\0", b"\0\0\0", b"xyz"])
def test_up_to_three_stray_octets_are_left_out(world: World, stray: bytes) -> None:
    peer = bind(world)
    body = wire.body_of(wire.SubmitSm(destination_addr="33600000001", short_message=b"x"))
    got = say(world, peer, wire.frame(CommandId.submit_sm, 0, 2, body + stray))
    assert got == [(SUBMIT_RESP, 0, 2)]
    assert wire.body_of(carried(world)) == body


@pytest.mark.parametrize(
    ("what", "fields", "status"),
    [
        ("two texts", {"tlvs": ((0x0424, b"payload"),)}, S.ESME_RINVTLVVAL),
        ("no header", {"esm_class": 0x40}, S.ESME_RINVESMCLASS),
        ("header not announced", {"short_message": UDH + b"text"}, S.ESME_ROK),
        (
            "header and SAR TLVs",
            {
                "esm_class": 0x40,
                "short_message": UDH + b"text",
                "tlvs": ((0x020C, b"\0\1"), (0x020E, b"\2"), (0x020F, b"\1")),
            },
            S.ESME_RINVTLVVAL,
        ),
    ],
)
def test_headers_and_payloads(
    world: World, what: str, fields: dict[str, object], status: int
) -> None:
    peer = bind(world)
    assert say(world, peer, submit(2, **fields))[0] == (SUBMIT_RESP, status, 2)
    if what == "header not announced":  # not guessed: it goes on as it came
        pdu = carried(world)
        assert (pdu.esm_class, pdu.short_message) == (0, UDH + b"text")


def test_long_names_in_a_bind_are_looked_up_and_not_found(world: World) -> None:
    peer = raw(world)
    body = b"x" * 40 + b"\0" + b"y" * 30 + b"\0" + b"z" * 20 + b"\0\x34\0\0\0"
    (got,) = say(world, peer, wire.frame(CommandId.bind_transceiver, 0, 1, body))
    assert got == (int(CommandId.bind_transceiver_resp), S.ESME_RINVSYSID, 1)


def test_a_peer_of_3_3_gets_receipts_without_tlvs(world: World) -> None:
    peer = bind(world, interface_version=0x33)
    say(world, peer, submit(2, registered_delivery=1))
    world.settle(0.5)
    (receipt,) = receipts(peer)
    assert receipt.tlvs == ()
    assert receipt.short_message.startswith(b"id:" + peer.pdus[1].message_id.encode())


def test_an_answer_comes_within_a_second(world: World) -> None:
    peer = bind(world)
    for n in range(2, 7):
        peer.transport.write(submit(n))
        world.settle(0.1, 0.01)
        assert n in peer.statuses()


def test_receipts_go_to_every_receiving_bind_in_turn(world: World) -> None:
    peers = [bind(world), bind(world, kind=wire.BindReceiver), bind(world)]
    transmitter = bind(world, kind=wire.BindTransmitter)
    octets = (submit(n, f"336000000{n}", registered_delivery=1) for n in range(10, 40))
    say(world, transmitter, b"".join(octets))
    world.settle(1)
    assert [len(receipts(peer)) for peer in peers] == [10, 10, 10]
    assert not receipts(transmitter)
    peers[0].transport.abortConnection()
    for peer in peers[1:]:
        for one in receipts(peer):
            say(world, peer, wire.frame(DELIVER_RESP, 0, one.sequence_number, b"\0"))
    world.settle(1)
    texts = {one.short_message for peer in peers[1:] for one in receipts(peer)}
    assert len(texts) == 30, "what the lost bind had not answered came to the others"


def test_a_deliver_sm_that_is_never_answered(world: World) -> None:
    peer, _ = one_receipt(world)
    other = bind(world, "other")
    for _ in range(8):
        world.settle(10, 1)
        say(world, peer, ENQUIRE)
        say(world, other, ENQUIRE)
    assert len(receipts(peer)) == 2, "after the response timer and a pause, again"
    assert spooled(world) == 1
    (found,) = world.relay.accounts["esme"].binds
    assert found.taken == 1
    assert say(world, peer, submit(50))[0][1] == 0
    resp = wire.frame(DELIVER_RESP, 0, receipts(peer)[1].sequence_number, b"\0")
    say(world, peer, resp)
    assert spooled(world) == found.taken == 0
    balanced(world)


@pytest.mark.parametrize(
    "status", [S.ESME_RX_T_APPN, S.ESME_RSYSERR, S.ESME_RMSGQFUL, S.ESME_RTHROTTLED]
)
def test_a_temporary_refusal_is_tried_again_after_a_pause(world: World, status: int) -> None:
    peer, receipt = one_receipt(world)
    say(world, peer, wire.frame(DELIVER_RESP, status, receipt.sequence_number, b""))
    world.settle(4)
    assert len(receipts(peer)) == 1
    world.settle(2)
    first, second = receipts(peer)
    assert first.short_message == second.short_message
    say(world, peer, wire.frame(DELIVER_RESP, 0, second.sequence_number, b"\0"))
    assert spooled(world) == 0
    balanced(world)


@pytest.mark.parametrize("status", [S.ESME_RX_P_APPN, S.ESME_RX_R_APPN, S.ESME_RINVDSTADR])
def test_a_permanent_refusal_is_final(world: World, status: int) -> None:
    peer, receipt = one_receipt(world)
    say(world, peer, wire.frame(DELIVER_RESP, status, receipt.sequence_number, b""))
    world.settle(30, 1)
    assert len(receipts(peer)) == 1
    assert spooled(world) == 0
    balanced(world)


def test_no_text_and_no_password_in_a_repr(world: World) -> None:
    peer = bind(world)
    say(world, peer, submit(2, short_message=b"the secret"))
    (found,) = world.relay.accounts["esme"].binds
    message = world.message(peer.pdus[1].message_id)
    for one in (found, message, world.relay.accounts["esme"].settings):
        assert "the secret" not in repr(one)
        assert "'pw'" not in repr(one)


def test_a_receipt_goes_from_the_destination_to_the_source(world: World) -> None:
    _, receipt = one_receipt(world)
    assert (receipt.source_addr, receipt.destination_addr) == ("33600000001", "12345")
    assert receipt.esm_class & 0x3C == 0x04
