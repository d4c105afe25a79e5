"""Receipts of carriers find their messages: whatever bind, moment or kind of PDU."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import carrier
from relay_peers import (
    APPLICATION,
    PHONE,
    by_text,
    by_tlv,
    id_of,
    orphans,
    payload,
    receipt_text,
    rows,
    scripted,
    stat_of,
    submit,
)

from smppgw.core.message import State
from smppgw.smpp import wire

# ---------------------------------------------------------------------- on which bind


def test_a_receipt_comes_on_any_bind_of_the_carrier(tmp_path: Path) -> None:
    world, remote = scripted(
        tmp_path, carriers=(carrier("a", bind="transmitter+receiver", binds=2),)
    )
    esme = world.esme()
    assert sorted(link.kind for link in remote.links) == [
        "BindReceiver",
        "BindReceiver",
        "BindTransmitter",
        "BindTransmitter",
    ]
    receivers = [n for n, link in enumerate(remote.links) if link.kind == "BindReceiver"]
    for number in range(4):
        message_id = submit(world, esme, remote, f"77700{number}")
        sent = remote.receipt(f"77700{number}", link=receivers[number % 2])
        assert sent.status == 0
        assert world.message(message_id).state == State.DELIVERED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["DELIVRD"] * 4


def test_a_receipt_comes_after_the_link_was_lost_and_bound_again(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "555")
    remote.link.disconnect()
    world.settle(5)
    assert remote.receipt("555").status == 0
    assert world.message(message_id).state == State.DELIVERED
    assert len(remote.submits) == 1


def test_a_receipt_comes_after_a_crash(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "555")
    world.crash()
    world.settle(2)
    esme = world.esme()
    assert remote.receipt("555").status == 0
    assert [id_of(pdu) for pdu in esme.delivered] == [message_id]
    assert world.ledger()["delivered"] == 1
    assert len(remote.submits) == 1


# ---------------------------------------------------------------------- when


def test_receipt_and_answer_in_one_read(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    for first in ("answer", "receipt"):
        sequence = esme.submit(registered_delivery=1)
        world.settle()
        link = remote.link
        sent = None
        for step in (first, "receipt" if first == "answer" else "answer"):
            if step == "answer":
                link.put_answer(remote.submits[-1], f"id-{first}")
            else:
                sent = link.put(by_text(f"id-{first}"))
        link.flush()
        world.settle()
        assert sent is not None
        assert sent.status == 0
        assert world.message(esme.id_of(sequence)).state == State.DELIVERED
        assert id_of(esme.delivered[-1]) == esme.id_of(sequence)
    assert orphans(world) == []
    assert world.relay.receipts.early == 1
    assert world.relay.receipts.orphans == 0


def test_a_receipt_overtakes_the_answer(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    sent = remote.receipt("early-1", "UNDELIV", err="021")
    assert sent.status == 0, "kept, therefore answered"
    assert orphans(world) == [("a", "early-1", 5)]
    assert esme.delivered == []
    remote.answer("early-1")
    message = world.message(esme.id_of(sequence))
    assert (message.state, message.error) == (State.UNDELIVERABLE, "021")
    assert stat_of(esme.delivered[0]) == "UNDELIV"
    assert orphans(world) == []
    assert world.ledger()["undeliverable"] == 1


def test_all_receipts_that_overtook_the_answer_are_applied_in_order(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=0x11)
    world.settle()
    for stat in ("ENROUTE", "ACCEPTD", "DELIVRD", "DELIVRD"):
        remote.receipt("early-1", stat, esm_class=0x20 if stat == "ENROUTE" else 4)
    remote.answer("early-1")
    assert [stat_of(pdu) for pdu in esme.delivered] == ["ENROUTE", "ACCEPTD", "DELIVRD"]
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    assert orphans(world) == []


def test_an_early_receipt_and_a_crash_before_the_answer(tmp_path: Path) -> None:
    """The carrier knows the message: it answers the second sight with the same id."""
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    assert remote.receipt("early-1").status == 0
    message_id = esme.id_of(sequence)
    world.crash()
    world.settle(2)
    esme = world.esme()
    assert len(remote.submits) == 2
    assert orphans(world) == [("a", "early-1", 2)]
    remote.answer("early-1")
    assert world.message(message_id).state == State.DELIVERED
    assert [id_of(pdu) for pdu in esme.delivered] == [message_id]
    assert orphans(world) == []


def test_an_early_receipt_under_another_id_than_the_second_answer_stays(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    remote.receipt("first-sight")
    world.crash()
    world.settle(2)
    world.esme()
    remote.answer("second-sight")
    message_id = esme.id_of(sequence)
    assert world.message(message_id).state == State.SENT
    remote.receipt("second-sight", "EXPIRED")
    assert world.message(message_id).state == State.EXPIRED
    assert orphans(world) == [("a", "first-sight", 2)]


def test_a_receipt_of_a_message_that_was_sent_twice(tmp_path: Path) -> None:
    """The carrier took it, the connection broke before the answer: both copies get receipts."""
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    remote.link.disconnect()
    world.settle(5)
    assert len(remote.submits) == 2
    remote.receipt("copy-1")
    remote.answer("copy-2")
    remote.receipt("copy-2")
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    assert len(esme.delivered) == 1
    assert orphans(world) == [("a", "copy-1", 2)]
    assert world.ledger()["delivered"] == 1


# ---------------------------------------------------------------------- what it says, and where


@pytest.mark.parametrize(
    "receipt",
    [
        by_text("A1", "UNDELIV", "021"),
        by_tlv("A1", "UNDELIV", 21),
        by_text("A1", "UNDELIV", "021", esm_class=0x44),
        by_text("A1", short_message=b"", tlvs=(payload(receipt_text("A1", "UNDELIV", "021")),)),
        by_tlv("A1", "UNDELIV", 21, esm_class=0),
        by_tlv("A1", "UNDELIV", 21, short_message=receipt_text("other", "DELIVRD")),
        by_text("A1", short_message=b"Delivered; To: 1; id:A1 stat:UNDELIV err:021\0"),
        by_text("A1", short_message=b"err:021 STAT:undeliv ID:A1 submitdate:0"),
        wire.DataSm(
            source_addr=PHONE,
            destination_addr=APPLICATION,
            esm_class=4,
            tlvs=(payload(receipt_text("A1", "UNDELIV", "021")),),
        ),
        wire.DataSm(
            source_addr=PHONE,
            destination_addr=APPLICATION,
            esm_class=4,
            tlvs=by_tlv("A1", "UNDELIV", 21).tlvs,
        ),
    ],
    ids=[
        "text",
        "tlv",
        "other bits",
        "message_payload",
        "tlv without bits",
        "tlv before text",
        "prefix and NUL",
        "order and case",
        "data_sm text",
        "data_sm tlv",
    ],
)
def test_a_receipt_in_every_shape(tmp_path: Path, receipt: wire.PDU) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    (sent,) = remote.send(receipt)
    assert sent.status == 0
    message = world.message(message_id)
    assert (message.state, message.error) == (State.UNDELIVERABLE, "021")
    assert stat_of(esme.delivered[0]) == "UNDELIV"
    assert b"err:021" in esme.delivered[0].short_message
    assert orphans(world) == []
    assert world.relay.inbox.received == 0


@pytest.mark.parametrize(
    ("stat", "state", "told"),
    [
        ("DELIVRD", State.DELIVERED, "DELIVRD"),
        ("EXPIRED", State.EXPIRED, "EXPIRED"),
        ("DELETED", State.DELETED, "DELETED"),
        ("UNDELIV", State.UNDELIVERABLE, "UNDELIV"),
        ("REJECTD", State.REJECTED, "REJECTD"),
        ("UNKNOWN", State.UNKNOWN, "UNKNOWN"),
        ("SKIPPED", State.UNDELIVERABLE, "UNDELIV"),
        ("FAILED", State.UNDELIVERABLE, "UNDELIV"),
        ("DND_REJECTED", State.REJECTED, "REJECTD"),
        ("0", State.DELIVERED, "DELIVRD"),
        ("NOBODY_KNOWS", State.UNKNOWN, "UNKNOWN"),
    ],
)
def test_every_state(tmp_path: Path, stat: str, state: State, told: str) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", stat)
    assert world.message(message_id).state == state
    assert [stat_of(pdu) for pdu in esme.delivered] == [told]


@pytest.mark.parametrize("stat", ["SCHEDLD", "ENROUTE", "ACKED", "BUFFRED"])
def test_a_state_on_the_way_ends_nothing(tmp_path: Path, stat: str) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    assert remote.receipt("A1", stat).status == 0
    assert world.message(message_id).state == State.SENT
    assert esme.delivered == []
    remote.receipt("A1")
    assert world.message(message_id).state == State.DELIVERED


@pytest.mark.parametrize(
    "text",
    [
        b"id:" + b"9" * 60_000 + b" stat:DELIVRD err:000 text:",
        b"id:A1 stat:UNDELIV err:" + b"9" * 10_000 + b" text:",
        b"id:A1 stat:" + b"X" * 10_000,
        b"id:A1 stat:UNDELIV done date:99991231235959 err:001",
        b"id:A1 stat:UNDELIV done date:00010101000000 err:001",
        b"id:A1 stat:UNDELIV done date:000101000000048+ err:001",
        b"id:A1 stat:UNDELIV err:\xff\xfe\x00 text:\xe9\x00",
        bytes(range(256)) * 3,
        b"id:",
        b"",
    ],
)
def test_no_text_of_a_receipt_costs_the_link(tmp_path: Path, text: bytes) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    submit(world, esme, remote, "A1")
    for receipt in (
        by_text("A1", short_message=b"", tlvs=(payload(text),)),
        by_tlv("A1", "UNDELIV", short_message=b"", tlvs=(*by_tlv("A1").tlvs[1:], payload(text))),
    ):
        (sent,) = remote.send(receipt)
        assert sent.status == 0
        assert not sent.lost
    world.settle(3)
    assert len(remote.links) == 1
    remote.receipt("A1")
    for error, remote_id in rows(
        world, "SELECT error, remote_id FROM message UNION SELECT error, remote_id FROM orphan"
    ):
        assert len(error) <= 65
        assert len(remote_id) <= 80
    for pdu in esme.delivered:
        wire.encode(pdu)
