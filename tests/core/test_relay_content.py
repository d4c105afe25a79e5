"""Texts from end to end: what an ESME wrote is what a phone reads, and the other way round."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_esme_kit import balanced
from relay_kit import TestEsme, World, account, carrier

from smppgw.core.settings import NumberSettings
from smppgw.smpp import wire
from smppgw.smpp.wire import Tag
from smppgw.sms import gsm7, reassemble
from smppgw.sms.alphabet import Alphabet, decode
from smppgw.sms.message_class import class_of
from smppgw.sms.udh import SINGLE_SHIFT, Element

TO = "33600000001"
PAYLOAD = int(Tag.message_payload)
STYLES = ("udh8", "udh16", "sar", "payload")
TEXTS = {
    "gsm": "Your code is 123456. ",
    "extension": "{[~^|]} costs 3 € \\o/ ",
    "french": "Où êtes-vous ? Ça coûte 5 € à Noël… ",
    "cyrillic": "Привет, как дела? ",
    "emoji": "👩‍👩‍👧 et 🇫🇷 👍🏽 ",
    "turkish": "Şişli'de \u0131ğd\u0131r çiçeği ",
}


def world_of(tmp_path: Path, long_mo: str = "payload", **fields: object) -> World:
    return World(
        tmp_path / "var",
        (carrier("a", **fields),),
        accounts=(account("esme", window=1000, long_mo=long_mo),),
    )


def of_parts(seed: str, parts: int, units: int) -> str:
    """A text that takes so many parts of `units` GSM characters or UTF-16 units, nearly full."""
    text = seed * (parts * units // len(seed) + 1)
    return text[: max(1, (parts - 1) * units + units // 2)]


def read(pdus: list[wire.SubmitSm] | list[wire.DeliverSm]) -> str:
    """What the phone, or the application, makes of what came."""
    parts = []
    for pdu in pdus:
        octets = pdu.short_message or wire.tlv(pdu, PAYLOAD) or b""
        in_tlvs = reassemble.sar(
            wire.tlv_int(pdu, Tag.sar_msg_ref_num),
            wire.tlv_int(pdu, Tag.sar_total_segments),
            wire.tlv_int(pdu, Tag.sar_segment_seqnum),
        )
        part = reassemble.read(pdu.esm_class, pdu.data_coding, octets, in_tlvs)
        if part is None:
            whole = reassemble.whole(pdu.esm_class, pdu.data_coding, octets)
            return decode(whole.octets, whole.alphabet, **shifts(octets, pdu.esm_class)).text
        parts.append(part)
    assert [part.concatenation.sequence for part in parts] == list(range(1, len(parts) + 1))
    assert {part.concatenation.total for part in parts} == {len(parts)}
    assert len({part.concatenation.reference for part in parts}) == 1
    whole = reassemble.join(parts)
    first = parts[0]
    return decode(whole.octets, whole.alphabet, locking=first.locking, single=first.single).text


def shifts(octets: bytes, esm_class: int) -> dict[str, int]:
    if not esm_class & 0x40:
        return {}
    header = reassemble.udh.parse(octets)
    return {"locking": header.locking, "single": header.single}


def submit(world: World, esme: TestEsme, text: str, **fields: object) -> int:
    """Submit a text of any length as UCS-2, which says all of them."""
    octets = text.encode("utf-16-be")
    fields.setdefault("data_coding", 8)
    sequence = esme.submit(TO, b"", tlvs=((PAYLOAD, octets),), registered_delivery=1, **fields)
    world.settle(20)
    assert esme.status(sequence) == 0
    return sequence


# ---------------------------------------------------------------------- to the phone


@pytest.mark.parametrize("parts", [1, 3, 10])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", TEXTS)
def test_every_text_in_every_style(tmp_path: Path, name: str, style: str, parts: int) -> None:
    languages = ("turkish",) if name == "turkish" else ()
    world = world_of(tmp_path, concatenation=style, shift_languages=languages)
    esme = world.esme()
    text = of_parts(TEXTS[name], parts, 60)
    submit(world, esme, text)
    received = [one.pdu for one in world.simulated["a"].received]
    # A cut between the units of an emoji is not one between its code points.
    assert read(received) == text
    smallest = 0 if name in ("gsm", "extension", "turkish") else 8
    assert {pdu.data_coding for pdu in received} == {smallest}
    assert all(len(pdu.short_message) <= 160 for pdu in received)
    assert len(esme.delivered) == 1
    balanced(world)


@pytest.mark.parametrize("count", range(1, 11))
@pytest.mark.parametrize(("style", "room"), [("udh8", 153), ("udh16", 152), ("sar", 153)])
def test_exactly_full_parts(tmp_path: Path, style: str, room: int, count: int) -> None:
    world = world_of(tmp_path, concatenation=style)
    submit(world, world.esme(), "x" * (160 if count == 1 else room * count))
    assert len(world.simulated["a"].received) == count


def test_turkish_needs_a_table_and_says_which(tmp_path: Path) -> None:
    world = world_of(tmp_path, shift_languages=("turkish",))
    submit(world, world.esme(), TEXTS["turkish"])
    (one,) = world.simulated["a"].received
    assert one.pdu.esm_class == 0x40
    assert 1 in reassemble.udh.parse(one.pdu.short_message).elements[0].data


@pytest.mark.parametrize("name", ["gsm", "cyrillic"])
@pytest.mark.parametrize("style", ["0xF0", "0x1x", "subunit"])
@pytest.mark.parametrize("message_class", range(4))
@pytest.mark.parametrize("parts", [1, 3])
def test_a_class_arrives_in_the_style_of_the_carrier(
    tmp_path: Path, name: str, style: str, message_class: int, parts: int
) -> None:
    world = world_of(tmp_path, class_style=style)
    text = of_parts(TEXTS[name], parts, 150 if name == "gsm" else 66)
    submit(world, world.esme(), text, data_coding=0x18 + message_class)
    received = [one.pdu for one in world.simulated["a"].received]
    assert len(received) == parts
    for pdu in received:
        subunit = wire.tlv_int(pdu, Tag.dest_addr_subunit)
        assert class_of(pdu.data_coding, subunit) == message_class
        if style == "subunit":
            assert (subunit, pdu.data_coding) == (message_class + 1, 0 if name == "gsm" else 8)
        elif name == "gsm":
            assert pdu.data_coding == (0xF0 if style == "0xF0" else 0x10) + message_class
        else:
            assert pdu.data_coding == 0x18 + message_class
    balanced(world)


def test_binary_with_ports(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    ports = bytes((6, 5, 4, 0x0B, 0x84, 0x23, 0xF0))
    octets = bytes(range(256))
    esme.submit(TO, b"", esm_class=0x40, data_coding=4, tlvs=((PAYLOAD, ports + octets),))
    world.settle(5)
    received = [one.pdu for one in world.simulated["a"].received]
    headers = [reassemble.udh.parse(pdu.short_message) for pdu in received]
    assert [header.ports for header in headers] == [(2948, 9200)] * 2
    assert {pdu.data_coding for pdu in received} == {4}
    pieces = zip(received, headers, strict=True)
    assert b"".join(pdu.short_message[header.octets :] for pdu, header in pieces) == octets


def test_sim_data_download_reaches_the_carrier_octet_by_octet(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    packet = bytes((2, 0x70, 0)) + bytes(range(0x80, 0x80 + 100))
    esme.submit(TO, packet, esm_class=0x40, data_coding=0xF6, protocol_id=0x7F)
    world.settle(5)
    (one,) = world.simulated["a"].received
    pdu = one.pdu
    assert (pdu.short_message, pdu.esm_class, pdu.data_coding) == (packet, 0x40, 0xF6)
    assert pdu.protocol_id == 0x7F


# ---------------------------------------------------------------------- from the phone


@pytest.fixture
def numbers() -> dict[str, object]:
    return {"numbers": (NumberSettings(address="38100", account="esme"),)}


@pytest.mark.parametrize("parts", [1, 3, 10])
@pytest.mark.parametrize("long_mo", ["payload", "parts", "split"])
@pytest.mark.parametrize("name", TEXTS)
def test_every_text_of_a_phone(
    tmp_path: Path, numbers: dict[str, object], name: str, long_mo: str, parts: int
) -> None:
    world = World(
        tmp_path / "var",
        accounts=(account("esme", long_mo=long_mo),),
        **numbers,
    )
    esme = world.esme()
    text = of_parts(TEXTS[name], parts, 60)
    wide = name in ("french", "cyrillic", "emoji")
    table = 1 if name == "turkish" else 0
    octets = text.encode("utf-16-be") if wide else gsm7.encode(text, single=table)
    elements = (Element(SINGLE_SHIFT, bytes((table,))),) if table else ()
    meaning = Alphabet.UCS2 if wide else Alphabet.GSM7
    whole = reassemble.Whole(8 if wide else 0, meaning, elements, octets)
    cut = reassemble.cut(whole, 77)
    for piece in cut:
        world.simulated["a"].send_mo(
            "33600000009",
            "38100",
            piece,
            data_coding=8 if wide else 0,
            esm_class=0x40 if len(cut) > 1 or table else 0,
        )
    world.settle(5)
    assert read(esme.delivered) == text
    if long_mo == "payload":
        assert len(esme.delivered) == 1
    balanced(world)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("data_coding", [0xF0, 0xF2, 0x10, 0x12, 0x18, 0x1A, 0xF6, 0x16, 0x04])
def test_classes_and_binary_of_a_phone_reach_the_esme(
    tmp_path: Path, numbers: dict[str, object], data_coding: int, parts: int
) -> None:
    world = World(tmp_path / "var", accounts=(account("esme"),), **numbers)
    esme = world.esme()
    octets = b"\x00A\x00B" * 30
    ports = bytes((5, 4, 0x0B, 0x84, 0x23, 0xF0))
    for number in range(1, parts + 1):
        concatenation = bytes((0, 3, 9, parts, number)) if parts > 1 else b""
        elements = ports + concatenation
        world.simulated["a"].send_mo(
            "33600000009",
            "38100",
            bytes((len(elements),)) + elements + octets,
            data_coding=data_coding,
            esm_class=0x40,
            protocol_id=0x7F,
        )
    world.settle(5)
    (pdu,) = esme.delivered
    assert (pdu.data_coding, pdu.protocol_id, pdu.esm_class) == (data_coding, 0x7F, 0x40)
    got = pdu.short_message or wire.tlv(pdu, PAYLOAD) or b""
    header = reassemble.udh.parse(got)
    assert header.ports == (2948, 9200)
    assert header.concatenation is None
    assert got[header.octets :] == octets * parts
    balanced(world)
