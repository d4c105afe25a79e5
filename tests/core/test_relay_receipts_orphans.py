"""Receipts that find no message, receipts that are none, and messages that look like receipts."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import account, carrier
from relay_peers import (
    by_text,
    by_tlv,
    counting,
    lose,
    mo,
    orphans,
    payload,
    receipt_text,
    restart,
    rows,
    scripted,
    snapshot,
    stat_of,
)

from smppgw.core import receipts as receipts_module
from smppgw.core import relay as relay_module
from smppgw.core.message import State
from smppgw.core.settings import GatewaySettings, NumberSettings
from smppgw.smpp import wire

OURS = (NumberSettings(address="12345", account="esme"),)
"""The number from which the messages of these tests come: what phones answer goes to the ESME."""


def test_an_orphan_is_answered_kept_and_counted(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    assert remote.receipt("nobody-1").status == 0
    (sent,) = remote.send(by_tlv("Nobody-2", "UNDELIV", 27))
    assert sent.status == 0
    assert world.relay.receipts.orphans == 2
    assert esme.delivered == []
    kept = rows(
        world, "SELECT carrier, remote_key, remote_id, state, error FROM orphan ORDER BY id"
    )
    assert kept == [
        ("a", "nobody-1", "nobody-1", 2, "000"),
        ("a", "nobody-2", "Nobody-2", 5, "027"),
    ]
    (done_at,), _ = rows(world, "SELECT done_at FROM orphan ORDER BY id")
    assert done_at == 1_790_000_000_000 - 7_940_000  # 2026-09-21 12:01
    world.crash()
    assert len(orphans(world)) == 2
    restart(world)
    assert len(orphans(world)) == 2


def test_orphans_go_after_their_retention(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, gateway=GatewaySettings(retention=3600.0))
    remote.receipt("nobody")
    world.settle(3000, step=10)
    assert len(orphans(world)) == 1
    world.settle(700, step=10)
    assert orphans(world) == []


def test_orphans_in_memory_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts_module, "PARKED", 20)
    world, remote = scripted(tmp_path)
    esme = world.esme()
    first = esme.submit(registered_delivery=1)
    world.settle()
    remote.receipt("early")
    for n in range(100):
        remote.send(*(by_text(f"nobody-{n}") for _ in range(3)))
    remote.send(*(by_text("again-and-again") for _ in range(500)))
    parked = world.relay.receipts._parked
    assert len(parked) <= 20
    assert sum(map(len, parked.values())) <= 20 * receipts_module.PARKED_PER_ID
    assert len(orphans(world)) == 801
    # Pushed out of memory: its row stays, and the message waits for another receipt.
    remote.answer("early")
    assert world.message(esme.id_of(first)).state == State.SENT
    restart(world)
    assert len(world.relay.receipts._parked) <= 20


def test_an_orphan_of_long_ago_is_not_taken_up_again(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    remote.receipt("old")
    world.settle(relay_module.ORPHAN_RACE_MS / 1000 + 10, step=60)
    remote.receipt("new")
    restart(world)
    assert [key for _, key in world.relay.receipts._parked] == ["new"]
    assert len(orphans(world)) == 2


def test_an_orphan_lost_in_a_crash_was_never_answered(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    esme.submit(registered_delivery=1)
    world.settle(0.1)
    disk = snapshot(world)
    world.sync.stuck = True
    sent = remote.receipt("early")
    world.settle(1)
    assert sent.status is None
    lose(world, disk)
    world.settle(3)
    assert sent.status is None
    assert orphans(world) == []


def test_a_crash_between_matching_and_its_commit_keeps_the_orphan(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle(0.1)
    remote.receipt("early")
    world.settle(0.1)
    disk = snapshot(world)
    world.sync.stuck = True
    remote.answer("early")
    world.settle(1)
    assert esme.delivered == []
    lose(world, disk)
    world.settle(3)
    assert orphans(world) == [("a", "early", 2)]
    esme_again = world.esme()
    remote.answer("early")
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    assert [stat_of(pdu) for pdu in esme_again.delivered] == ["DELIVRD"]
    assert orphans(world) == []


# ---------------------------------------------------------------------- what is no receipt


def test_a_forged_receipt_is_a_message(tmp_path: Path) -> None:
    """A phone texts what a receipt says, with the right id."""
    world, remote = scripted(tmp_path, numbers=OURS, ids=counting())
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    forged = receipt_text(remote.given[0])
    for pdu in (
        mo(forged, "12345"),
        mo(b"", "12345", tlvs=(payload(forged),)),
        mo(forged, "12345", esm_class=0x40),
        mo(forged, "12345", esm_class=0x80),
    ):
        (sent,) = remote.send(pdu)
        assert sent.status == 0
    assert world.message(esme.id_of(sequence)).state == State.SENT
    assert [pdu.short_message for pdu in esme.delivered] == [forged, b"", forged, forged]
    assert world.relay.receipts.matched == 0
    assert orphans(world) == []


def test_a_carrier_that_marks_nothing(tmp_path: Path) -> None:
    """With receipt_by_text its receipts are found by what they say, and texts stay texts."""
    world, remote = scripted(
        tmp_path,
        numbers=OURS,
        ids=counting(),
        carriers=(carrier("a", receipt_by_text=True),),
    )
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    remote.receipt(remote.given[0], esm_class=0)
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    for text in (b"hello", b"my id:7 please", b"stat:DELIVRD", b"", b"id: stat:"):
        remote.mo(text, "12345")
    assert [pdu.short_message for pdu in esme.delivered[1:]] == [
        b"hello",
        b"my id:7 please",
        b"stat:DELIVRD",
        b"",
        b"id: stat:",
    ]


@pytest.mark.parametrize("esm_class", [0x04, 0x20, 0x44])
@pytest.mark.parametrize("text", [b"hello", b"my id:7 please", b"", b"text: id: stat:", bytes(40)])
def test_a_carrier_that_marks_every_message_as_a_receipt(
    tmp_path: Path, text: bytes, esm_class: int
) -> None:
    """What does not read as a receipt and names no message of ours is an MO."""
    world, remote = scripted(tmp_path, numbers=OURS)
    esme = world.esme()
    assert remote.mo(text, "12345", esm_class=esm_class).status == 0
    assert [(pdu.short_message, pdu.esm_class) for pdu in esme.delivered] == [(text, esm_class)]
    assert orphans(world) == []


@pytest.mark.parametrize("esm_class", [0x08, 0x10, 0x18])
def test_what_the_phone_itself_acknowledges_is_no_receipt(tmp_path: Path, esm_class: int) -> None:
    """SME acknowledgements say nothing about delivery; the ESME gets them as they are."""
    world, remote = scripted(tmp_path, numbers=OURS, ids=counting())
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1 | 0x0C)
    world.settle()
    pdu = by_tlv(remote.given[0], esm_class=esm_class, short_message=b"read")
    (sent,) = remote.send(pdu)
    assert sent.status == 0
    assert world.message(esme.id_of(sequence)).state == State.SENT
    assert [(one.esm_class, one.tlvs) for one in esme.delivered] == [(esm_class, pdu.tlvs)]


def test_an_empty_receipted_message_id_makes_no_receipt(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, numbers=OURS)
    esme = world.esme()
    remote.mo(b"hello", "12345", tlvs=((int(wire.Tag.receipted_message_id), b"\0"),))
    assert [pdu.short_message for pdu in esme.delivered] == [b"hello"]


def test_a_receipt_for_a_message_of_another_carrier_changes_nothing(tmp_path: Path) -> None:
    world, remote = scripted(
        tmp_path, carriers=(carrier("a"), carrier("b", 2791)), accounts=(account("esme"),)
    )
    from relay_peers import ScriptedCarrier  # noqa: PLC0415

    other = ScriptedCarrier(world, 2791)
    world.simulated["b"].disconnect()
    world.settle(5)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    remote.answer("A1")
    other.receipt("A1")
    assert world.message(esme.id_of(sequence)).state == State.SENT
    assert orphans(world) == [("b", "A1", 2)]


def test_a_carrier_without_room_for_a_receipt_is_told_so(tmp_path: Path) -> None:
    """The disk refuses: 0x64, nothing changes for good, and the receipt is taken later."""
    world, remote = scripted(tmp_path, ids=counting())
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle(1)
    append = world.engine.journal.append

    def refuse(payload: bytes) -> None:
        raise OSError("no space left on device")

    world.engine.journal.append = refuse  # type: ignore[method-assign]
    receipts = [by_text(remote.given[0]), by_text("nobody")]
    for _ in range(5):
        assert [one.status for one in remote.send(*receipts)] == [0x64, 0x64]
        world.settle(1.5)
    assert esme.delivered == []
    world.engine.journal.append = append  # type: ignore[method-assign]
    world.settle(3)
    assert [one.status for one in remote.send(*receipts)] == [0, 0]
    world.settle(1)
    assert [stat_of(pdu) for pdu in esme.delivered] == ["DELIVRD"]
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    assert len(orphans(world)) <= 2
    assert world.ledger()["delivered"] == 1
