"""What is submitted: kinds by weight, texts, parts, and a marker in every one."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.simulator.accounting import Marker, find_marker
from smppgw.simulator.behaviour import read_script, text_of
from smppgw.simulator.messages import KINDS, InTurn, Mix, Piece, Texts
from smppgw.smpp import wire
from smppgw.sms.message_class import MessageClass, class_of
from smppgw.sms.udh import parse

LAST = Marker("mt", 99_999_999)


def filled(piece: Piece, marker: Marker = LAST, reference: int = 7) -> wire.SubmitSm:
    """The submit_sm of a piece, as the far end decodes it."""
    pdu = wire.SubmitSm(source_addr="38100", destination_addr="33600000001")
    piece.fill(pdu, marker, reference)
    found = wire.decode(wire.encode(pdu))
    assert isinstance(found, wire.SubmitSm)
    return found


def kind(name: str) -> tuple[Piece, ...]:
    return Mix({name: 1.0}, Random(1)).take(0)


@pytest.mark.parametrize("name", KINDS)
def test_every_piece_of_every_kind_carries_its_marker(name: str) -> None:
    for number, piece in enumerate(kind(name)):
        pdu = filled(piece, Marker("mt", number))
        assert find_marker(text_of(pdu)) == Marker("mt", number)


def test_kinds_are_what_they_are_called() -> None:
    (gsm,), (ucs2,), (flash,), (binary,) = (kind(n) for n in ("gsm", "ucs2", "flash", "binary"))
    assert filled(gsm).data_coding == 0
    assert "ваш" in text_of(filled(ucs2)).lower()
    assert filled(ucs2).data_coding == 8
    assert class_of(filled(flash).data_coding) is MessageClass.FLASH
    assert filled(binary).data_coding == 4
    payload = filled(*kind("payload"))
    assert payload.short_message == b""
    assert wire.tlv(payload, wire.Tag.message_payload)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "payload"])
def test_no_piece_is_longer_than_a_short_message(name: str) -> None:
    for piece in kind(name):
        pdu = filled(piece)
        octets = pdu.short_message
        if pdu.esm_class & 0x40:
            assert len(octets) - 6 <= (134 if pdu.data_coding else 153)
        else:
            assert len(octets) <= (140 if pdu.data_coding else 160)


def test_the_parts_of_a_text_belong_together() -> None:
    pieces = kind("multipart")
    assert len(pieces) == 2
    for which, piece in enumerate(pieces, 1):
        pdu = filled(piece, reference=256 + 7)
        assert pdu.esm_class == 0x40
        found = parse(pdu.short_message).concatenation
        assert found is not None
        assert (found.reference, found.total, found.sequence) == (7, 2, which)


def test_weights_are_kept_and_chance_can_be_repeated() -> None:
    weights = {"gsm": 70.0, "ucs2": 20.0, "binary": 10.0, "flash": 0.0}

    def codings(seed: int) -> list[int]:
        mix = Mix(weights, Random(seed))
        return [mix.take(number)[0].data_coding for number in range(5000)]

    found = Counter(codings(1))
    assert found[0] / 5000 == pytest.approx(0.7, abs=0.03)
    assert found[8] / 5000 == pytest.approx(0.2, abs=0.03)
    assert found[4] / 5000 == pytest.approx(0.1, abs=0.03)
    assert found[0x10] == 0
    assert codings(1) == codings(1) != codings(2)


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ({"sms": 1.0}, "no kind 'sms'; there are: gsm, "),
        ({}, "weights"),
        ({"gsm": 0.0}, "weights"),
        ({"gsm": 2.0, "ucs2": -1.0}, "weights"),
    ],
)
def test_mixes_that_are_none(weights: dict[str, float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Mix(weights, Random(1))


# ---------------------------------------------------------------------- texts of one's own


def texts(*wanted: str) -> list[tuple[Piece, ...]]:
    source = Texts(wanted)
    return [source.take(number) for number in range(len(wanted))]


def test_texts_in_turn_and_in_their_alphabet() -> None:
    source = Texts(("Voilà", "Привет"))
    codings = [source.take(number)[0].data_coding for number in range(4)]
    assert codings == [0, 8, 0, 8]


@given(st.text(min_size=1, max_size=400))
def test_a_text_arrives_whole_whatever_it_is(text: str) -> None:
    try:
        text.encode("utf-16-be")
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            Texts((text,))
        return
    (pieces,) = texts(text)
    said = b""
    for piece in pieces:
        pdu = filled(piece)
        assert find_marker(text_of(pdu)) is not None
        assert len(pdu.short_message) <= (160 if piece.part is None else 159)
        assert len(piece.head + piece.body) <= 160
        said += piece.head + piece.body
    wide = pieces[0].data_coding == 8
    if wide:
        assert said.decode("utf-16-be") == text
    if len(pieces) > 1:
        assert [piece.part for piece in pieces] == [
            (which, len(pieces)) for which in range(1, len(pieces) + 1)
        ]


def test_a_script_stays_in_front_of_every_part() -> None:
    (short,), long = texts("{receipt=UNDELIV}Hello", "{status=0x58}" + "x" * 300)
    assert text_of(filled(short)) == f"{{receipt=UNDELIV}}{LAST}Hello"
    assert read_script(text_of(filled(short))).receipt == "UNDELIV"
    assert len(long) == 3
    assert all(read_script(text_of(filled(piece))).status == 0x58 for piece in long)


def test_a_text_beyond_all_parts() -> None:
    with pytest.raises(ValueError, match="more than 255 parts"):
        Texts(("x" * 40_000,))


# ---------------------------------------------------------------------- as they are


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("hello", {"data_coding": 0, "short_message": b"#mt:99999999#hello"}),
        ("{after=1}hello", {"short_message": b"{after=1}#mt:99999999#hello"}),
        ("\u00e9", {"data_coding": 8}),
        ("x" * 300, {"short_message": b""}),
    ],
)
def test_texts_in_one_piece(text: str, fields: dict[str, Any]) -> None:
    ((piece,),) = (InTurn((text,)).take(0),)
    pdu = filled(piece)
    assert {name: getattr(pdu, name) for name in fields} == fields
    assert find_marker(text_of(pdu)) == LAST
