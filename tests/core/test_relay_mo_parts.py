"""Messages from phones that came in parts: one message for the ESME, in the way it wants."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from mo_kit import (
    LONG,
    NUMBER,
    as_data_sm,
    come,
    octets_of,
    parts_of,
    piece,
    said,
    said_together,
    sequences,
    statuses,
    stored,
    world_of,
)
from relay_kit import account, carrier
from relay_peers import PHONE, mo, payload, rows, scripted, texts, waiting_deliveries

from smppgw.core.settings import NumberSettings
from smppgw.smpp import wire
from smppgw.sms import udh
from smppgw.sms.choose import Style
from smppgw.sms.udh import Element

PORTS = Element(udh.PORTS_16, bytes.fromhex("23f40000"))
IN_PARTS = (Style.UDH8, Style.UDH16, Style.SAR)
UNROUTED = "SELECT source, destination, reason, body FROM unrouted ORDER BY id"


# ---------------------------------------------------------------------- joined


@pytest.mark.parametrize("style", IN_PARTS)
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_three_parts_in_every_order(tmp_path: Path, style: Style, order: tuple[int, ...]) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    parts = parts_of(style=style, reference=300)
    for count, at in enumerate(order, 1):
        (sent,) = come(world, parts[at])
        assert sent.command_status == 0, "each is acknowledged at once"
        assert len(esme.delivered) == (count == 3)
        assert world.relay.inbox.assembling == (count < 3)
        assert stored(world) == (count if count < 3 else 0)
    (got,) = esme.delivered
    assert got.short_message == b""
    assert [tag for tag, _ in got.tlvs] == [wire.Tag.message_payload]
    assert said(got) == LONG
    assert (got.esm_class, got.data_coding) == (0, 0)
    assert (got.source_addr, got.destination_addr) == (PHONE, "38100")
    assert world.relay.inbox.partial == 0


def test_all_parts_in_one_read(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    sent = come(world, *parts_of(), *parts_of("été " * 50, 8), *parts_of("x" * 500, 9))
    assert statuses(sent) == [0] * len(sent)
    assert [said(got) for got in esme.delivered] == [LONG, "été " * 50, "x" * 500]
    assert stored(world) == 0


def test_what_fits_goes_in_short_message(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    come(world, *parts_of("x" * 254), *parts_of("y" * 255))
    assert esme.delivered[0].short_message == b"x" * 254
    assert esme.delivered[0].tlvs == ()
    assert esme.delivered[1].short_message == b""
    assert octets_of(esme.delivered[1]) == b"y" * 255


def test_parts_that_come_twice(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    one, two, three = parts_of()
    sent = come(world, one, one, three, one, three, two)
    assert statuses(sent) == [0] * 6
    assert [said(got) for got in esme.delivered] == [LONG]
    assert world.relay.inbox.received == 6


def test_senders_and_references_are_kept_apart(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        numbers=(NUMBER, NumberSettings(address="38200", account="esme")),
        carriers=(carrier("a", 2790), carrier("b", 2791)),
    )
    esme = world.esme()
    messages = {
        "one": parts_of("one " * 80),
        "two": parts_of("two " * 80, source="33600000002"),
        "three": parts_of("three " * 60, reference=8),
        "four": parts_of("four " * 70, style=Style.UDH16),
        "five": parts_of("five " * 70, style=Style.SAR),
        "six": parts_of("six " * 120),
    }
    other_number = parts_of("seven " * 60)
    for pdu in other_number:
        pdu.destination_addr = "38200"
    messages["seven"] = other_number
    for at in range(4):
        for parts in messages.values():
            if at < len(parts):
                come(world, parts[-1 - at])
    assert sorted({said(got).split()[0] for got in esme.delivered}) == sorted(messages)
    assert len(esme.delivered) == len(messages)
    assert all(len(set(said(got).split())) == 1 for got in esme.delivered)


def test_however_the_sender_is_written(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    one, two, three = parts_of()
    one.source_addr, two.source_addr = f"+{PHONE}", f"00{PHONE}"
    come(world, three, two, one)
    (got,) = esme.delivered
    assert said(got) == LONG
    assert got.source_addr == f"+{PHONE}", "as in the first part"


def test_the_same_message_at_two_carriers(tmp_path: Path) -> None:
    world = world_of(tmp_path, carriers=(carrier("a", 2790), carrier("b", 2791)))
    esme = world.esme()
    one, two, three = parts_of()
    come(world, one, two)
    world.simulated["b"].send_mo(PHONE, "38100", three.short_message, esm_class=0x40)
    world.settle()
    assert esme.delivered == []
    assert world.relay.inbox.assembling == 2


def test_fields_and_tlvs_are_those_of_the_first_part(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    parts = parts_of(
        esm_class=0xC3, protocol_id=0x41, service_type="CMT", source_addr_ton=1, data_coding=0xF1
    )
    parts[0].tlvs = ((0x1400, b"first"), (0x0426, b"\x01"))
    parts[1].tlvs = ((0x1400, b"second"), (0x1401, b"only here"))
    come(world, parts[1], parts[2], parts[0])
    (got,) = esme.delivered
    assert (got.esm_class, got.protocol_id, got.service_type) == (0x83, 0x41, "CMT")
    assert (got.source_addr_ton, got.data_coding) == (1, 0xF1)
    assert got.tlvs[1:] == ((0x1400, b"first"), (0x1401, b"only here"))
    assert said(got) == LONG


def test_binary_with_ports(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    octets = bytes(range(256)) * 2
    come(world, *reversed(parts_of(octets, elements=(PORTS,), protocol_id=0x11)))
    (got,) = esme.delivered
    assert (got.esm_class, got.data_coding, got.protocol_id) == (0x40, 4, 0x11)
    assert octets_of(got) == udh.build((PORTS,)) + octets


def test_different_data_codings(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    come(
        world,
        piece("é".encode("utf-16-be"), 2, 3, data_coding=8),
        piece(b"\x1be ", 1, 3),
        piece(b"\xe8!", 3, 3, data_coding=3),
    )
    (got,) = esme.delivered
    assert (got.data_coding, said(got)) == (8, "€ éè!")


def test_octets_that_nobody_can_read_are_passed_on(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    come(world, piece(b"\xff\xfe\x80", 1, 2), piece(b"\x1b", 2, 2))
    assert texts(esme.delivered) == [b"\xff\xfe\x80\x1b"]


def test_what_is_no_one_message_goes_as_it_came(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    parts = [piece(b"text", 1, 2), piece(bytes(range(20)), 2, 2, data_coding=4)]
    come(world, *reversed(parts))
    assert [wire.body_of(got) for got in esme.delivered] == [wire.body_of(one) for one in parts]
    large = [mo(b"", esm_class=0x40, tlvs=(payload(header + bytes(40_000)),)) for header in (
        b"\x05\x00\x03\x09\x02\x01", b"\x05\x00\x03\x09\x02\x02"
    )]  # fmt: skip
    come(world, *large)
    assert [len(octets_of(got)) for got in esme.delivered[2:]] == [40_006] * 2


def test_the_alphabets_of_the_carrier_count(tmp_path: Path) -> None:
    world = world_of(tmp_path, carriers=(carrier("a", data_codings={"0x00": "latin1"}),))
    esme = world.esme()
    come(world, piece(b"\xe9", 1, 2), piece("é".encode("utf-16-be"), 2, 2, data_coding=8))
    assert said(esme.delivered[0]) == "éé"


def test_parts_in_data_sm(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, numbers=(NUMBER,))
    esme = world.esme()
    one, two, three = parts_of(style=Style.SAR)
    assert {one.status for one in remote.send(as_data_sm(three), two, as_data_sm(one))} == {0}
    (got,) = esme.delivered
    assert said(got) == LONG
    assert [tag for tag, _ in got.tlvs] == [wire.Tag.message_payload]


@pytest.mark.parametrize("octets", [b"\x05\x00\x03\x01\x02\x00", b"\x05\x00\x03\x01\x00\x00"])
def test_an_impossible_concatenation_is_a_message_of_its_own(tmp_path: Path, octets: bytes) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    come(world, mo(octets + b"text", esm_class=0x40))
    assert texts(esme.delivered) == [octets + b"text"]


def test_one_part_of_one(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    come(world, piece(b"alone", 1, 1))
    (got,) = esme.delivered
    assert (got.short_message, got.esm_class) == (b"alone", 0)


def test_255_parts(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    parts = parts_of("0123456789" * 3_900)
    assert len(parts) == 255
    come(world, *parts[::-2], *parts[1::2])
    world.settle(1)
    (got,) = esme.delivered
    assert said(got) == "0123456789" * 3_900


def test_short_messages_wait_for_none(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    come(world, parts_of()[0], mo(b"short"))
    assert texts(esme.delivered) == [b"short"]


def test_an_esme_that_is_away_gets_it_later(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    come(world, *parts_of())
    assert waiting_deliveries(world) == 1
    world.crash()
    assert [said(got) for got in world.esme().delivered] == [LONG]


# ---------------------------------------------------------------------- unrouted


def test_what_nobody_owns_is_joined_too(tmp_path: Path) -> None:
    world = world_of(tmp_path, numbers=())
    come(world, *reversed(parts_of()))
    ((source, destination, reason, body),) = rows(world, UNROUTED)
    assert (source, destination, reason) == (PHONE, "38100", "no such number")
    assert said(wire.decode(wire.frame(5, 0, 1, body))) == LONG
    assert (world.relay.inbox.unrouted, stored(world)) == (1, 0)


# ---------------------------------------------------------------------- as they came


@pytest.mark.parametrize("style", IN_PARTS)
def test_parts_as_they_came(tmp_path: Path, style: Style) -> None:
    world = world_of(tmp_path, "parts")
    esme = world.esme()
    parts = parts_of(style=style)
    for at in (2, 0, 0, 1):
        come(world, parts[at])
    expected = [wire.body_of(parts[at]) for at in (2, 0, 0, 1)]
    assert [wire.body_of(got) for got in esme.delivered] == expected
    assert world.relay.inbox.assembling == 0


# ---------------------------------------------------------------------- joined and cut again


@pytest.mark.parametrize("style", IN_PARTS)
def test_cut_again_in_order(tmp_path: Path, style: Style) -> None:
    world = world_of(tmp_path, "split")
    esme = world.esme()
    parts = parts_of(style=style)
    come(world, parts[2], parts[0], parts[0])
    assert esme.delivered == []
    come(world, parts[1])
    assert sequences(esme.delivered) == [(1, 3), (2, 3), (3, 3)]
    assert all(got.tlvs == () and got.short_message[:3] == b"\5\0\3" for got in esme.delivered)
    assert said_together(esme.delivered) == [LONG]


def test_each_message_has_a_reference_of_its_own(tmp_path: Path) -> None:
    world = world_of(tmp_path, "split")
    esme = world.esme()
    for _ in range(3):
        come(world, *parts_of(reference=1))
    come(world, *parts_of("€" * 200, reference=1))
    assert said_together(esme.delivered) == [LONG, LONG, LONG, "€" * 200]
    assert len({got.short_message[3] for got in esme.delivered}) == 4


def test_cut_again_with_ports_and_class(tmp_path: Path) -> None:
    world = world_of(tmp_path, "split")
    esme = world.esme()
    octets = bytes(range(256)) * 2
    come(world, *reversed(parts_of(octets, elements=(PORTS,), data_coding=0xF5)))
    assert {got.data_coding for got in esme.delivered} == {0xF5}
    assert all(udh.parse(got.short_message).ports == (0x23F4, 0) for got in esme.delivered)
    assert b"".join(got.short_message[12:] for got in esme.delivered) == octets


def test_what_came_long_in_one_piece_is_cut_as_well(tmp_path: Path) -> None:
    world = world_of(tmp_path, "split")
    esme = world.esme()
    world.simulated["a"].send_mo(PHONE, "38100", "long " * 80, tlvs=(payload(b"long " * 80),))
    come(world, mo(b"x" * 254), mo(b"short"))
    assert said_together(esme.delivered) == ["long " * 80, "x" * 254, "short"]
    assert len(esme.delivered) == 5


def test_joined_parts_that_fit_into_one_are_one(tmp_path: Path) -> None:
    world = world_of(tmp_path, "split")
    esme = world.esme()
    come(world, piece(b"short", 1, 2), piece(b" parts", 2, 2))
    (got,) = esme.delivered
    assert (got.short_message, got.esm_class) == (b"short parts", 0)


def test_each_account_has_its_way(tmp_path: Path) -> None:
    ways = ("payload", "parts", "split")
    world = world_of(
        tmp_path,
        accounts=tuple(account(way, long_mo=way) for way in ways),
        numbers=tuple(NumberSettings(address=f"3810{n}", account=w) for n, w in enumerate(ways)),
    )
    esmes = [world.esme(way) for way in ways]
    for number in range(3):
        parts = parts_of()
        for part in parts:
            part.destination_addr = f"3810{number}"
        come(world, *parts)
    assert [len(esme.delivered) for esme in esmes] == [1, 3, 3]
    assert all(said_together(esme.delivered) == [LONG] for esme in esmes)
