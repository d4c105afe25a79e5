"""Parts that an ESME cut, for a carrier that takes them otherwise: joined, cut again, one end."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from relay_esme_kit import Disk, balanced
from relay_kit import TestEsme, World, account, carrier

from smppgw.core import gathering
from smppgw.core.message import State
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire import Tag
from smppgw.sms import receipt, udh
from smppgw.sms.alphabet import Alphabet, encode

TO = "33600000001"
PAYLOAD = int(Tag.message_payload)
TEXT = "déjà vu, " * 30


def world_of(tmp_path: Path, **fields: object) -> World:
    fields.setdefault("concatenation", "sar")
    return World(tmp_path / "var", (carrier("a", **fields),), accounts=(account("esme"),))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_of(tmp_path)


def cut(text: str = TEXT, reference: int = 7, size: int = 134) -> list[bytes]:
    """A text in parts as an ESME cuts it: Latin-1, an 8-bit reference."""
    octets = text.encode("latin-1")
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    return [
        bytes((5, 0, 3, reference, len(pieces), number)) + piece
        for number, piece in enumerate(pieces, 1)
    ]


def send(world: World, esme: TestEsme, parts: list[bytes], **fields: object) -> list[str]:
    """Submit parts with receipts asked for; their message_ids."""
    fields.setdefault("registered_delivery", 1)
    fields.setdefault("data_coding", 3)
    sequences = [esme.submit(TO, part, esm_class=0x40, **fields) for part in parts]
    world.settle()
    assert [esme.status(sequence) for sequence in sequences] == [0] * len(parts)
    return [esme.id_of(sequence) for sequence in sequences]


def came(world: World, meaning: Alphabet = Alphabet.GSM7) -> str:
    """The text that the carrier got, in whatever style."""
    from smppgw.sms.alphabet import decode  # noqa: PLC0415

    text = ""
    for one in world.simulated["a"].received:
        octets = one.pdu.short_message or wire.tlv(one.pdu, PAYLOAD) or b""
        header = udh.parse(octets).octets if one.pdu.esm_class & 0x40 else 0
        text += decode(octets[header:], meaning).text
    return text


def ids_of_receipts(esme: TestEsme) -> list[str]:
    return sorted(str(receipt.parse(one.short_message).id) for one in esme.delivered)


@pytest.mark.parametrize("style", ["sar", "payload", "udh8", "udh16"])
def test_latin1_in_headers_becomes_gsm_in_the_style_of_the_carrier(
    tmp_path: Path, style: str
) -> None:
    world = world_of(tmp_path, concatenation=style)
    esme = world.esme()
    ids = send(world, esme, cut())
    world.settle(5)
    assert came(world) == TEXT
    assert ids_of_receipts(esme) == sorted(ids)
    assert {receipt.parse(one.short_message).stat for one in esme.delivered} == {"DELIVRD"}
    for one in world.simulated["a"].received:
        assert one.pdu.data_coding == 0
        in_tlvs = wire.tlv(one.pdu, Tag.sar_total_segments) is not None
        assert in_tlvs == (style == "sar")
    assert (world.relay.queued, len(world.relay.gathering)) == (0, 0)
    assert world.ledger()["delivered"] == len(ids)
    balanced(world)


@pytest.mark.parametrize("asking", [0, 1])
def test_one_part_asks_for_a_receipt_and_gets_it(world: World, asking: int) -> None:
    esme = world.esme()
    ids = []
    for number, part in enumerate(cut(TEXT[:200])):
        ids += send(world, esme, [part], registered_delivery=int(number == asking))
    world.settle(5)
    assert [one.pdu.registered_delivery for one in world.simulated["a"].received] == [1, 1]
    assert ids_of_receipts(esme) == [ids[asking]]
    assert receipt.parse(esme.delivered[0].short_message).stat == "DELIVRD"
    balanced(world)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_in_whatever_order_they_come(world: World, order: tuple[int, ...]) -> None:
    esme = world.esme()
    parts = cut()
    assert len(parts) == 3
    send(world, esme, [parts[place] for place in order])
    world.settle(5)
    assert came(world) == TEXT
    assert len(esme.delivered) == 3
    balanced(world)


def test_two_texts_at_the_same_time(world: World) -> None:
    esme = world.esme()
    first, second = cut("a" * 200, 1), cut("b" * 200, 2)
    for pair in zip(first, second, strict=True):
        send(world, esme, list(pair))
    world.settle(5)
    assert sorted(came(world)) == sorted("a" * 200 + "b" * 200)
    assert len(esme.delivered) == 4
    balanced(world)


def test_a_part_that_comes_twice(world: World) -> None:
    esme = world.esme()
    first, second, third = cut()
    ids = send(world, esme, [first, first, second, third])
    world.settle(5)
    assert came(world) == TEXT
    assert ids_of_receipts(esme) == sorted(ids)
    balanced(world)


def test_sar_parts_for_a_carrier_that_wants_headers(tmp_path: Path) -> None:
    world = world_of(tmp_path, concatenation="udh8")
    esme = world.esme()
    for number, text in enumerate((b"x" * 153, b"y" * 10), 1):
        tlvs = (
            (int(Tag.sar_msg_ref_num), b"\1\2"),
            (int(Tag.sar_total_segments), b"\2"),
            (int(Tag.sar_segment_seqnum), bytes((number,))),
            (0x1400, b"keep"),
        )
        esme.submit(TO, text, registered_delivery=1, tlvs=tlvs)
    world.settle(5)
    assert came(world) == "x" * 153 + "y" * 10
    for one in world.simulated["a"].received:
        assert one.pdu.esm_class == 0x40
        assert one.pdu.tlvs == ((0x1400, b"keep"),)
    assert len(esme.delivered) == 2
    balanced(world)


def test_what_stays_incomplete_goes_as_it_came(world: World) -> None:
    esme = world.esme()
    parts = cut()
    ids = send(world, esme, parts[:2])
    world.settle(10, 1)
    assert not world.simulated["a"].received
    assert world.message(ids[0]).state == State.GATHERING
    world.settle(30, 1)
    assert [one.pdu.short_message for one in world.simulated["a"].received] == parts[:2]
    assert len(esme.delivered) == 2
    assert (world.relay.queued, len(world.relay.gathering)) == (0, 0)
    balanced(world)


def test_a_failed_part_fails_them_all(world: World) -> None:
    esme = world.esme()
    text = "x" * 153 + "{receipt=UNDELIV,err=021}"
    send(world, esme, cut(text))
    world.settle(5)
    found = [receipt.parse(one.short_message) for one in esme.delivered]
    assert {(one.stat, one.err) for one in found} == {("UNDELIV", "021")}
    assert world.ledger()["undeliverable"] == len(found) == 2
    balanced(world)


def test_a_text_that_the_carrier_cannot_take_goes_as_it_came(tmp_path: Path) -> None:
    world = world_of(tmp_path, alphabets=("gsm7",), concatenation="udh8")
    esme = world.esme()
    parts = [
        header + encode("жук" * 20, Alphabet.UCS2) for header in (b"\5\0\3\1\2\1", b"\5\0\3\1\2\2")
    ]
    send(world, esme, parts, data_coding=8)
    world.settle(5)
    assert [one.pdu.short_message for one in world.simulated["a"].received] == parts
    balanced(world)


def test_too_many_incomplete_texts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST", 3)
    esme = world.esme()
    firsts = [cut(reference=number)[0] for number in range(5)]
    send(world, esme, firsts)
    world.settle(2)
    assert [one.pdu.short_message for one in world.simulated["a"].received] == firsts[:2]
    assert len(world.relay.gathering) == 3
    balanced(world)


def test_a_waiting_part_is_not_cancelled(world: World) -> None:
    esme = world.esme()
    (message_id,) = send(world, esme, cut()[:1])
    sequence = esme.request(wire.CancelSm(message_id=message_id, source_addr="12345"))
    world.settle()
    assert esme.status(sequence) == S.ESME_RCANCELFAIL


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_a_crash_between_the_parts(world: World, before: int) -> None:
    esme = world.esme()
    parts = cut()
    send(world, esme, parts[:before])
    world.crash()
    esme = world.esme()
    send(world, esme, parts[before:])
    world.settle(10)
    assert came(world) == TEXT
    assert len(esme.delivered) == 3
    assert (world.relay.queued, world.relay.accounts["esme"].queued) == (0, 0)
    balanced(world)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_full_disk_when_the_last_part_comes(world: World, before: int) -> None:
    esme = world.esme()
    parts = cut()
    send(world, esme, parts[:before])
    world.settle(1)
    disk = Disk(world)
    disk.full = True
    refused = [
        esme.submit(TO, part, esm_class=0x40, data_coding=3, registered_delivery=1)
        for part in parts[before:]
    ]
    world.settle()
    assert {esme.status(sequence) for sequence in refused} == {S.ESME_RSYSERR}
    disk.full = False
    world.settle(3)
    assert not world.simulated["a"].received
    assert world.relay.queued == before
    send(world, esme, parts[before:])
    world.settle(5)
    assert came(world) == TEXT
    assert len(esme.delivered) == 3
    assert world.relay.queued == 0
    balanced(world)


def test_nothing_stays_in_memory(world: World) -> None:
    esme = world.esme()
    for reference in range(20):
        send(world, esme, cut(reference=reference))
    world.settle(10)
    world.engine.flush()
    world.settle(3)
    assert not world.engine.live
    assert not world.relay.gathering._open
    balanced(world)
