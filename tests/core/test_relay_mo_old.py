"""Long messages from phones for ESMEs that know no TLVs: in parts, and never cut short."""

from __future__ import annotations

from pathlib import Path

import pytest
from mo_kit import (
    LONG,
    come,
    octets_of,
    old_esme,
    parts_of,
    piece,
    said_together,
    sequences,
    stored,
    world_of,
)
from relay_esme_kit import Disk, balanced
from relay_kit import account
from relay_peers import PHONE, mo, payload, texts, waiting_deliveries

from smppgw.core import long_mo
from smppgw.smpp import wire
from smppgw.sms import udh
from smppgw.sms.choose import Style
from smppgw.sms.udh import Element

PORTS = Element(udh.PORTS_16, bytes.fromhex("23f40000"))
TEXT = b"0123456789" * 60


def test_a_joined_message_comes_in_parts(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = old_esme(world)
    come(world, *reversed(parts_of()), mo(b"short"))
    assert said_together(esme.delivered) == ["short", LONG]
    assert sequences(esme.delivered) == [(1, 3), (2, 3), (3, 3)]
    assert all(got.tlvs == () and len(got.short_message) <= 254 for got in esme.delivered)
    assert all(got.esm_class == 0x40 for got in esme.delivered[1:])
    balanced(world)


def test_a_payload_comes_in_parts(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = old_esme(world)
    come(world, mo(b"", tlvs=(payload(TEXT), (0x1400, b"vendor")), data_coding=1, protocol_id=0x41))
    assert said_together(esme.delivered) == [TEXT.decode()]
    assert {(got.data_coding, got.protocol_id, got.tlvs) for got in esme.delivered} == {
        (1, 0x41, ())
    }


def test_a_message_that_waited_for_another_bind(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    come(world, *parts_of(), mo(b"short"), *parts_of("été " * 50, 9))
    assert waiting_deliveries(world) == 3
    world.crash()
    esme = old_esme(world)
    assert sorted(said_together(esme.delivered)) == sorted([LONG, "short", "été " * 50])
    balanced(world)


def test_two_binds_of_one_account(tmp_path: Path) -> None:
    """The one gets messages whole, the other in parts; nothing comes twice."""
    world = world_of(tmp_path)
    new, old = world.esme(), old_esme(world)
    for number in range(8):
        come(world, *parts_of(f"number {number} " * 40, number))
    texts_ = said_together([*new.delivered, *old.delivered])
    assert sorted(texts_) == sorted(f"number {number} " * 40 for number in range(8))
    balanced(world)


@pytest.mark.parametrize("window", [1, 2, 50])
def test_each_part_has_its_place_in_the_window(tmp_path: Path, window: int) -> None:
    world = world_of(tmp_path, accounts=(account("esme", delivery_window=window),))
    esme = old_esme(world)
    esme.answer = None
    come(world, *parts_of(), *parts_of("x" * 400, 9))
    assert len(esme.delivered) == min(window, 6)
    esme.answer = 0
    esme.disconnect()
    world.settle(1)
    again = old_esme(world)
    assert said_together(again.delivered) == [LONG, "x" * 400]
    balanced(world)


def test_a_part_that_is_refused_comes_again(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = old_esme(world)
    esme.answer = 0x58
    come(world, *parts_of())
    assert len(esme.delivered) == 3
    esme.answer = 0
    world.settle(10)
    assert said_together(esme.delivered[3:]) == [LONG]
    balanced(world)


@pytest.mark.parametrize("moment", range(1, 12))
def test_a_crash_at_any_turn(tmp_path: Path, moment: int) -> None:
    world = world_of(tmp_path)
    come(world, *parts_of())
    old_esme(world, answer=None, turns=moment)
    world.crash()
    world.settle(2)
    assert said_together(old_esme(world).delivered) == [LONG]
    balanced(world)


def test_a_disk_that_refuses_while_it_is_cut(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    come(world, *parts_of())
    world.settle(1)
    disk = Disk(world)
    disk.full = True
    esme = old_esme(world)
    world.settle(5)
    assert esme.delivered == [], "what leaves is durable first"
    disk.full = False
    world.settle(5)
    assert said_together(esme.delivered) == [LONG]
    balanced(world)


@pytest.mark.parametrize(("reference", "header"), [(7, 6), (0x1234, 7)])
def test_what_tlvs_say_of_a_part_goes_into_a_header(
    tmp_path: Path, reference: int, header: int
) -> None:
    world = world_of(tmp_path, "parts")
    esme = old_esme(world)
    come(world, *parts_of(style=Style.SAR, reference=reference))
    assert said_together(esme.delivered) == [LONG]
    number = udh.parse(esme.delivered[0].short_message)
    assert number.octets == header
    assert number.concatenation is not None
    assert number.concatenation.reference == reference
    assert all(got.tlvs == () for got in esme.delivered)


def test_a_part_that_has_no_room_for_a_header(tmp_path: Path) -> None:
    world = world_of(tmp_path, "parts")
    esme = old_esme(world)
    (one, *_) = parts_of(style=Style.SAR)
    one.short_message = b"x" * 250
    come(world, one)
    assert said_together(esme.delivered) == ["x" * 250]


def test_parts_with_headers_pass_untouched(tmp_path: Path) -> None:
    world = world_of(tmp_path, "parts")
    esme = old_esme(world)
    parts = parts_of(style=Style.UDH16)
    come(world, *parts)
    assert [wire.body_of(got) for got in esme.delivered] == [wire.body_of(one) for one in parts]


def test_binary_with_ports(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = old_esme(world)
    octets = bytes(range(256)) * 2
    come(world, *parts_of(octets, elements=(PORTS,)))
    assert all(udh.parse(octets_of(got)).ports == (0x23F4, 0) for got in esme.delivered)
    assert b"".join(octets_of(got)[12:] for got in esme.delivered) == octets


@pytest.mark.parametrize("header", [b"", b"\xff", bytes((140, 0x12, 138)) + bytes(138)])
def test_octets_of_any_kind_lose_nothing(tmp_path: Path, header: bytes) -> None:
    """A header that is none, or leaves no room beside it, is text."""
    world = world_of(tmp_path, accounts=(account("esme", delivery_window=1000),))
    esme = old_esme(world)
    octets = header + bytes(range(256)) * 200
    octets = octets[: long_mo.LONGEST_PAYLOAD]
    pdu = mo(b"", esm_class=0x40 if header else 0, data_coding=4, tlvs=(payload(octets),))
    come(world, pdu)
    world.settle(1)
    assert b"".join(got.short_message[6:] for got in esme.delivered) == octets
    assert len(esme.delivered) > 255
    assert max(total for _, total in sequences(esme.delivered)) == 255


def test_what_fits_comes_whole(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = old_esme(world)
    come(
        world, piece(b"x" * 130, 1, 2), piece(b"y" * 124, 2, 2), piece(b"z", 1, 1, source_addr="1")
    )
    assert texts(esme.delivered) == [b"x" * 130 + b"y" * 124, b"z"]
    assert stored(world) == 0


def test_an_account_that_takes_them_split(tmp_path: Path) -> None:
    world = world_of(tmp_path, "split")
    esme = old_esme(world)
    come(world, *reversed(parts_of()))
    assert said_together(esme.delivered) == [LONG]
    assert {got.source_addr for got in esme.delivered} == {PHONE}
