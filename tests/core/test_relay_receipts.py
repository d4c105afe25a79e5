"""Receipts of carriers find their messages: whatever bind, order, form of id or kind of PDU."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import TestEsme, World, account, carrier
from relay_peers import (
    APPLICATION,
    PHONE,
    ScriptedCarrier,
    by_text,
    by_tlv,
    counting,
    id_of,
    lose,
    orphans,
    payload,
    receipt_text,
    restart,
    rows,
    scripted,
    snapshot,
    stat_of,
    stored,
)

from smppgw.core import carrier as carrier_module
from smppgw.core import receipts as receipts_module
from smppgw.core.message import State
from smppgw.core.receipt_ids import (
    CASE_FOLDED,
    DECIMAL_TO_HEX,
    EXACT,
    HEX_TO_DECIMAL,
    TRIMMED,
    UNPADDED,
)
from smppgw.core.settings import RouteSettings
from smppgw.core.store import engine as engine_module
from smppgw.smpp import wire


def submit(world: World, esme: TestEsme, remote: ScriptedCarrier, message_id: str, **fields) -> str:
    """A message that the carrier took under `message_id`; its id at the gateway."""
    fields.setdefault("registered_delivery", 1)
    sequence = esme.submit(**fields)
    world.settle()
    remote.answer(message_id)
    world.settle(0.1)  # what the carrier answers is written when there is time
    return esme.id_of(sequence)


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


# ---------------------------------------------------------------------- forms of ids


@pytest.mark.parametrize(
    ("answered", "received", "form"),
    [
        ("0059113978", "0059113978", EXACT),
        ("38601fa", "0059113978", HEX_TO_DECIMAL),
        ("0059113978", "38601fa", DECIMAL_TO_HEX),
        ("70BA8A69", "1891273321", HEX_TO_DECIMAL),
        ("0416342074", "18D0E03A", DECIMAL_TO_HEX),
        ("0e999f21-1c2b", "E999F21-1C2B", UNPADDED),
        ("07EE36CBE3", "7ee36cbe3", UNPADDED),
        ("AbCd-1", "aBcD-1", CASE_FOLDED),
        ("12345678", "0012345678", UNPADDED),
        ("12345678", "12345678 \0", TRIMMED),
        ("1479978899.393701000100", "1479978899.393701000100", EXACT),
        ("99999999999999999999", "99999999999999999999", EXACT),
    ],
)
def test_an_id_in_another_form(tmp_path: Path, answered: str, received: str, form: str) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, answered)
    tlv = (int(wire.Tag.receipted_message_id), received.encode())
    remote.send(by_tlv("", tlvs=(tlv, *by_tlv("").tlvs[1:])))
    assert world.message(message_id).state == State.DELIVERED
    assert world.message(message_id).remote_id == answered
    assert world.relay.carriers["a"].forms.counts[form] == 1
    # The same before the answer.
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    other_answer = answered + "77"
    other_receipt = received.rstrip(" \0") + "77"
    if form in (HEX_TO_DECIMAL, DECIMAL_TO_HEX):
        other_answer, other_receipt = ("5f5e100", "100000000")
        if form == DECIMAL_TO_HEX:
            other_answer, other_receipt = other_receipt, other_answer
    remote.receipt(other_receipt)
    remote.answer(other_answer)
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    assert orphans(world) == []


def test_the_form_is_learned_kept_over_a_restart_and_shown(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting(0x59113978, "x"))
    esme = world.esme()
    for _ in range(20):
        assert world.relay.carriers["a"].forms.form is None
        esme.submit(registered_delivery=1)
        world.settle()
        remote.receipt(str(int(remote.given[-1], 16)))
    forms = world.relay.carriers["a"].forms
    assert forms.form == HEX_TO_DECIMAL
    assert "hex in submit_sm_resp (learned from 20 receipts" in forms.describe()
    world.crash()
    world.settle(2)
    forms = world.relay.carriers["a"].forms
    assert forms.form == HEX_TO_DECIMAL
    assert "learned" in forms.describe()
    restart(world)
    world.settle(2)
    assert world.relay.carriers["a"].forms.form == HEX_TO_DECIMAL
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    remote.receipt(str(int(remote.given[-1], 16)))
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED


def test_a_pinned_form_is_the_only_one(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, carriers=(carrier("a", receipt_id="exact"),))
    esme = world.esme()
    message_id = submit(world, esme, remote, "64000000")
    remote.receipt(str(0x64000000))
    assert world.message(message_id).state == State.SENT
    assert [row[1] for row in orphans(world)] == [str(0x64000000)]
    remote.receipt("64000000")
    assert world.message(message_id).state == State.DELIVERED


def test_short_ids_that_read_as_each_other_are_not_confused(tmp_path: Path) -> None:
    """ "10" in hexadecimal is 16: the receipt for one must not reach the other."""
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequences = {}
    for number in range(1, 41):
        sequences[number] = esme.submit(f"3360000{number:04}", registered_delivery=1)
    world.settle()
    assert len(remote.submits) == 10
    # Every receipt overtakes its answer, all answers of a window come in order.
    done = 0
    while done < 40:
        numbers = range(done + 1, len(remote.submits) + 1)
        for number in numbers:
            stat = "UNDELIV" if number % 3 == 0 else "DELIVRD"
            assert remote.receipt(str(number), stat).status == 0
        for number in numbers:
            remote.answer(str(number), number - 1)
        done = numbers[-1]
    for number, sequence in sequences.items():
        expected = State.UNDELIVERABLE if number % 3 == 0 else State.DELIVERED
        assert world.message(esme.id_of(sequence)).state == expected, number
    assert orphans(world) == []


def test_short_ids_are_not_taken_for_settled_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier_module, "CACHED", 0)
    monkeypatch.setattr(engine_module, "TURN_SECONDS", 0.0)
    world, remote = scripted(tmp_path, ids=counting(1))
    esme = world.esme()
    ids = {}
    for number in range(1, 30):
        sequence = esme.submit(f"3360000{number:04}", registered_delivery=1)
        world.settle()
        ids[number] = esme.id_of(sequence)
    world.settle(5)
    assert len(world.relay.carriers["a"].awaiting) < 5, "they are found by their rows"
    for number, message_id in ids.items():
        remote.receipt(str(number))
        assert world.message(message_id).state == State.DELIVERED, number
    assert orphans(world) == []


def test_the_same_id_from_two_carriers(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        start=False,
        carriers=(carrier("a", 2790), carrier("b", 2791)),
        routes=(
            RouteSettings(prefix="331", carriers=(("a",),)),
            RouteSettings(prefix="332", carriers=(("b",),)),
        ),
    )
    a, b = ScriptedCarrier(world, 2790), ScriptedCarrier(world, 2791)
    world.relay.start()
    world.settle(1)
    esme = world.esme()
    first = submit(world, esme, a, "42", destination="3310000000")
    second = submit(world, esme, b, "42", destination="3320000000")
    b.receipt("42", "UNDELIV")
    assert world.message(first).state == State.SENT
    assert world.message(second).state == State.UNDELIVERABLE
    # An early receipt of one waits for no answer of the other.
    third = esme.submit("3310000001", registered_delivery=1)
    fourth = esme.submit("3320000001", registered_delivery=1)
    world.settle()
    b.receipt("43")
    a.answer("43")
    assert world.message(esme.id_of(third)).state == State.SENT
    b.answer("43")
    assert world.message(esme.id_of(fourth)).state == State.DELIVERED
    a.receipt("42")
    a.receipt("43")
    for message_id in (first, esme.id_of(third)):
        assert world.message(message_id).state == State.DELIVERED
    assert orphans(world) == []
    lines = world.relay.ledger.lines("carrier")
    assert (lines["a"]["delivered"], lines["b"]["undeliverable"]) == (2, 1)


def test_an_answer_without_an_id(tmp_path: Path) -> None:
    """Quirk 7: nothing can be matched, and nothing matches by accident."""
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "")
    remote.send(by_text("", short_message=b"stat:DELIVRD err:000"))
    remote.send(by_tlv(""))
    assert world.message(message_id).state == State.SENT
    assert world.relay.receipts.matched == 0
    world.crash()
    assert world.message(message_id).state == State.SENT


def test_a_carrier_that_uses_an_id_again(tmp_path: Path) -> None:
    """The new message is meant, and an old receipt without a message is not for it."""
    world, remote = scripted(tmp_path)
    esme = world.esme()
    remote.receipt("7", "UNDELIV")
    first = submit(world, esme, remote, "7")
    assert world.message(first).state == State.SENT, "the receipt is older than the message"
    remote.receipt("7")
    assert world.message(first).state == State.DELIVERED
    second = submit(world, esme, remote, "7")
    assert world.message(second).state == State.SENT
    remote.receipt("7", "EXPIRED")
    assert world.message(second).state == State.EXPIRED
    assert world.message(first).state == State.DELIVERED
    assert orphans(world) == [("a", "7", 5)]


# ---------------------------------------------------------------------- what follows what


def test_accepted_then_delivered(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", "ACCEPTD")
    assert world.message(message_id).state == State.SENT
    assert esme.delivered == []
    remote.receipt("A1", "DELIVRD")
    assert [stat_of(pdu) for pdu in esme.delivered] == ["DELIVRD"]
    assert world.ledger()["delivered"] == 1


def test_accepted_then_nothing(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    world.relay.receipt_wait_ms = 60_000
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", "ACCEPTD")
    world.settle(70)
    assert world.message(message_id).state == State.ACCEPTED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["ACCEPTD"]
    # Better late than never.
    remote.receipt("A1", "ENROUTE")
    remote.receipt("A1", "ACCEPTD")
    assert len(esme.delivered) == 1
    remote.receipt("A1", "DELIVRD")
    assert world.message(message_id).state == State.DELIVERED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["ACCEPTD", "DELIVRD"]
    assert world.ledger()["delivered"] == 1
    assert world.ledger()["pending"] == 0


@pytest.mark.parametrize("later", [0, 2], ids=["at once", "when its row is written"])
def test_unknown_then_delivered(tmp_path: Path, later: int) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", "UNKNOWN")
    assert world.message(message_id).state == State.UNKNOWN
    assert world.ledger()["unknown"] == 1
    world.settle(later)
    remote.receipt("A1", "DELIVRD")
    assert world.message(message_id).state == State.DELIVERED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["UNKNOWN", "DELIVRD"]
    line = world.ledger()
    assert (line["unknown"], line["delivered"], line["pending"]) == (0, 1, 0)
    assert orphans(world) == []
    remote.receipt("A1", "UNDELIV")
    assert world.message(message_id).state == State.DELIVERED


def test_unknown_then_delivered_across_a_crash(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", "UNKNOWN")
    world.settle(0.1)
    world.crash()
    world.settle(2)
    remote.receipt("A1", "DELIVRD")
    assert world.message(message_id).state == State.DELIVERED
    line = world.ledger()
    assert (line["unknown"], line["delivered"], line["pending"]) == (0, 1, 0)


@pytest.mark.parametrize("final", ["DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "DELETED"])
@pytest.mark.parametrize("asked", [1, 0x11])
def test_nothing_changes_a_definite_end(tmp_path: Path, final: str, asked: int) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1", registered_delivery=asked)
    remote.receipt("A1", final)
    state = world.message(message_id).state
    for seconds in (0, 3):
        world.settle(seconds)
        for stat in ("ENROUTE", "ACCEPTD", "UNKNOWN", "UNDELIV", "DELIVRD", "EXPIRED", "REJECTD"):
            esm_class = 0x20 if stat == "ENROUTE" else 4
            assert remote.receipt("A1", stat, esm_class=esm_class).status == 0
    assert world.message(message_id).state == state
    assert [stat_of(pdu) for pdu in esme.delivered] == [final]
    assert world.relay.receipts.duplicates == 14
    assert orphans(world) == []
    line = world.ledger()
    assert line["pending"] == 0
    assert sum(line[name] for name in ("delivered", "undeliverable", "expired", "rejected", "cancelled")) == 1


def test_duplicates_in_one_read(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    submit(world, esme, remote, "A1")
    for sent in remote.send(*(by_text("A1") for _ in range(5))):
        assert sent.statuses == [0]
    assert len(esme.delivered) == 1
    assert world.relay.receipts.duplicates == 4


def test_a_late_state_on_the_way_after_unknown_is_no_news(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    submit(world, esme, remote, "A1", registered_delivery=0x11)
    remote.receipt("A1", "UNKNOWN")
    remote.receipt("A1", "ENROUTE", esm_class=0x20)
    world.settle(2)
    remote.receipt("A1", "ENROUTE", esm_class=0x20)
    assert [stat_of(pdu) for pdu in esme.delivered] == ["UNKNOWN"]


def test_a_message_cancelled_by_nobody_keeps_its_receipt_after_an_expired_answer(tmp_path: Path) -> None:
    """The answer came after its time-out: the receipt still finds the message."""
    world, remote = scripted(
        tmp_path, carriers=(carrier("a", response_timeout=5.0, window=1),)
    )
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle(1)
    world.relay.carriers["a"].hold()
    world.settle(6)
    remote.answer("late-1", 0)
    world.relay.carriers["a"].release()
    world.settle(1)
    assert len(remote.submits) == 1
    remote.receipt("late-1")
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED


# ---------------------------------------------------------------------- durability


def test_a_receipt_is_answered_only_when_it_is_durable(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    world.sync.stuck = True
    known, unknown = remote.send(by_text("A1"), by_text("nobody"))
    world.settle(3)
    assert (known.status, unknown.status) == (None, None)
    assert esme.delivered == []
    world.sync.go_on()
    world.settle()
    assert (known.status, unknown.status) == (0, 0)
    assert [id_of(pdu) for pdu in esme.delivered] == [message_id]


def test_a_receipt_lost_in_a_crash_was_never_answered(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    disk = snapshot(world)
    world.sync.stuck = True
    receipts = [by_text("A1"), by_text("nobody")]
    sent = remote.send(*receipts)
    world.settle(1)
    lose(world, disk)
    world.settle(3)
    assert [one.statuses for one in sent] == [[], []]
    assert all(one.lost for one in sent)
    assert world.message(message_id).state == State.SENT
    esme = world.esme()
    assert [one.status for one in remote.send(*receipts)] == [0, 0]
    assert [id_of(pdu) for pdu in esme.delivered] == [message_id]
    assert orphans(world) == [("a", "nobody", 2)]
    assert world.ledger()["delivered"] == 1


def test_a_crash_between_the_commit_and_the_answer_of_a_receipt(tmp_path: Path) -> None:
    """What the carrier sends again is a duplicate, and the ESME hears once."""
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    world.sync.stuck = True
    remote.receipt("A1")
    world.crash()
    world.settle(3)
    assert world.message(message_id).state == State.DELIVERED
    esme = world.esme()
    assert remote.receipt("A1").status == 0
    assert [id_of(pdu) for pdu in esme.delivered] == [message_id]
    line = world.ledger()
    assert (line["delivered"], line["pending"]) == (1, 0)


def test_where_and_when_everything_happened_is_kept(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle(2)
    sent_at = int(world.clock.seconds() * 1000) - 2000
    remote.answer("A1")
    answered_at = int(world.clock.seconds() * 1000)
    world.settle(5)
    esme.answer = None
    remote.receipt("A1", "UNDELIV", err="021")
    message_id = esme.id_of(sequence)
    message = world.message(message_id)
    assert (message.receipt_to, message.receipt_at) == ("", 0)
    world.settle(1)
    delivered = esme.delivered[0]
    assert esme.protocol is not None
    esme.protocol.send_now(
        esme.session.respond(wire.DeliverSmResp(sequence_number=delivered.sequence_number))
    )
    world.settle()
    receipt_at = int(world.clock.seconds() * 1000)

    def check(message) -> None:
        assert message.origin == f"esme#1 sequence {sequence}"
        assert message.link == "a#1"
        assert message.sequence_number == remote.submits[0].sequence_number
        assert abs(message.sent_at - sent_at) <= 1
        assert message.answered_at == answered_at
        assert (message.remote_id, message.remote_key) == ("A1", "a1")
        assert (message.state, message.error) == (State.UNDELIVERABLE, "021")
        assert message.final_at == receipt_at - 1000
        assert message.receipt_to == f"esme#1 sequence {delivered.sequence_number}"
        assert message.receipt_at == receipt_at
        assert message.attempts == 1

    world.settle(0.1)
    world.crash()
    check(world.message(message_id))
    check(stored(world, message_id))
    restart(world)
    check(world.message(message_id))


def test_the_taker_of_a_receipt_is_noted_after_a_restart_too(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    esme.disconnect()
    remote.receipt("A1")
    world.settle(0.1)
    for end in (world.crash, lambda: restart(world)):
        end()
        world.settle(2)
        assert stored(world, message_id).receipt_to == ""
    esme = world.esme()
    world.settle(0.1)
    sequence = esme.delivered[0].sequence_number
    assert stored(world, message_id).receipt_to == f"esme#1 sequence {sequence}"
    world.crash()
    assert world.message(message_id).receipt_to == f"esme#1 sequence {sequence}"
    assert world.message(message_id).receipt_at > 0


# ---------------------------------------------------------------------- bounded memory


def test_messages_that_left_the_cache_are_found_by_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier_module, "CACHED", 10)
    monkeypatch.setattr(engine_module, "TURN_SECONDS", 0.01)
    world, remote = scripted(
        tmp_path, ids=counting(), accounts=(account("esme", window=1000, delivery_window=100),)
    )
    esme = world.esme()
    sequences = [esme.submit(f"336{n:08}", registered_delivery=1) for n in range(200)]
    world.settle(5)
    assert len(remote.given) == 200
    awaiting = world.relay.carriers["a"].awaiting
    assert len(awaiting) <= 74, "10, and what is not in its row yet"
    for message_id in remote.given:
        assert remote.receipt(message_id).status == 0
    world.settle(5)
    for sequence in sequences:
        assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    assert len(esme.delivered) == 200
    assert world.ledger()["delivered"] == 200
    assert orphans(world) == []
    assert not awaiting
    assert len(world.store.live) <= 74


def test_a_duplicate_of_a_receipt_whose_message_was_only_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row still says SENT when the second receipt comes."""
    monkeypatch.setattr(carrier_module, "CACHED", 0)
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    world.settle(3)
    esme.submit("33600000002")
    world.settle()
    remote.answer("B1")
    world.settle(3)
    assert not world.relay.carriers["a"].awaiting
    monkeypatch.setattr(engine_module, "TURN_SECONDS", 1000.0)
    monkeypatch.setattr(receipts_module, "SETTLED", 0)
    for sent in remote.send(by_text("A1"), by_text("A1", "UNDELIV"), by_text("A1", "ENROUTE")):
        assert sent.status == 0
    remote.receipt("A1", "EXPIRED")
    assert world.message(message_id).state == State.DELIVERED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["DELIVRD"]
    assert world.ledger()["delivered"] == 1
    assert world.ledger()["pending"] == 0


def test_two_accounts_get_their_own_receipts(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, accounts=(account("one"), account("two")))
    one, two = world.esme("one"), world.esme("two")
    first = submit(world, one, remote, "A1")
    second = submit(world, two, remote, "A2", destination="33600000002")
    remote.receipt("A2")
    assert (len(one.delivered), len(two.delivered)) == (0, 1)
    remote.receipt("A1")
    assert id_of(one.delivered[0]) == first
    assert id_of(two.delivered[0]) == second
