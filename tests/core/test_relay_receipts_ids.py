"""Receipts find their messages by ids that peers write in their own ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import World, carrier
from relay_peers import (
    ScriptedCarrier,
    by_text,
    by_tlv,
    counting,
    orphans,
    restart,
    scripted,
    submit,
)

from smppgw.core import awaiting as awaiting_module
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
    monkeypatch.setattr(awaiting_module, "CACHED", 0)
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
    """Nothing can be matched, and nothing matches by accident."""
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
