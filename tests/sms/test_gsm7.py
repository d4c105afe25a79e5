"""GSM 7-bit against the texts collected in vectors/gsm7.json, and table by table."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smppgw.sms import errors, packing
from smppgw.sms.gsm7 import UnencodableCharacter, decode, encode, septets, tables, unencodable
from smppgw.sms.national import ESC, LOCKING, NAMES, SINGLE, UNASSIGNED

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "gsm7.json").read_text()
)["vectors"]
IDENTIFIERS = {name: identifier for identifier, name in NAMES.items()}
PAIRS = list(product(LOCKING, SINGLE))
REPLACEMENT = "\ufffd"

DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"


def of_form(form: str) -> Any:
    vectors = [vector for vector in VECTORS if vector["form"] == form]
    return pytest.mark.parametrize("vector", vectors, ids=lambda vector: repr(vector["text"])[:40])


def options(vector: dict[str, Any]) -> dict[str, int]:
    return {
        "fill_bits": vector.get("fill_bits", 0),
        "locking": IDENTIFIERS[vector.get("locking", "default")],
        "single": IDENTIFIERS[vector.get("single", "default")],
    }


def plainly_encoded(text: str, locking: int, single: int) -> bytes:
    """Character by character, as the specification tells it."""
    out = bytearray()
    for character in text:
        if character in LOCKING[locking] and character not in {UNASSIGNED, "\x1b"}:
            out.append(LOCKING[locking].index(character))
        else:
            shifted = {sign: code for code, sign in reversed(SINGLE[single].items())}
            out += bytes([ESC, shifted[character]])
    return bytes(out)


def plainly_decoded(octets: bytes, locking: int, single: int) -> str:
    text = ""
    shifted = False
    for octet in octets:
        plain = LOCKING[locking][octet] if octet < 0x80 else UNASSIGNED
        if octet == ESC:
            text += " " if shifted else ""
            shifted = not shifted
        else:
            text += SINGLE[single].get(octet, plain) if shifted else plain
            shifted = False
    return (text + " " * shifted).replace(UNASSIGNED, REPLACEMENT)


# Collected texts


@of_form("unpacked")
def test_collected_unpacked(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["hex"])
    assert encode(vector["text"], **options(vector)) == octets
    assert decode(octets, **options(vector)) == vector["text"]
    tables_only = {key: options(vector)[key] for key in ("locking", "single")}
    assert septets(vector["text"], **tables_only) == len(octets)


@of_form("packed")
def test_collected_packed(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["hex"])
    assert encode(vector["text"], True, **options(vector)) == octets
    assert decode(octets, True, **options(vector)) == vector["text"]
    if "septets" in vector:
        assert septets(vector["text"]) == vector["septets"]
        count = vector["septets"]
        unpacked = packing.unpack(octets, vector.get("fill_bits", 0), count)
        assert decode(unpacked) == vector["text"]


@of_form("packed-cr-padded")
def test_collected_packed_with_cr(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["hex"])
    assert encode(vector["text"], True, cr_padded=True) == octets
    assert decode(octets, True, cr_padded=True) == vector["text"]


@of_form("unpacked-invalid")
def test_collected_invalid(vector: dict[str, Any]) -> None:
    assert decode(bytes.fromhex(vector["hex"])) == REPLACEMENT


@of_form("not-encodable")
def test_collected_not_encodable(vector: dict[str, Any]) -> None:
    assert unencodable(vector["text"]) == (0,)
    with pytest.raises(UnencodableCharacter):
        encode(vector["text"])


def test_collected_forms_are_all_tested_somewhere() -> None:
    here = {"unpacked", "packed", "packed-cr-padded", "unpacked-invalid", "not-encodable"}
    elsewhere = {vector["form"].split(":")[0] for vector in VECTORS} - here
    assert elsewhere == {"ucs2be", "latin1", "vendor"}


# The default alphabet


def test_default_alphabet_in_order() -> None:
    assert encode(DEFAULT) == bytes(code for code in range(128) if code != ESC)
    assert decode(encode(DEFAULT)) == DEFAULT
    assert septets(DEFAULT) == 127


def test_extension() -> None:
    assert encode(EXTENSION).hex(" ", 2) == "1b0a 1b14 1b28 1b29 1b2f 1b3c 1b3d 1b3e 1b40 1b65"
    assert decode(encode(EXTENSION)) == EXTENSION
    assert septets(EXTENSION) == 20


def test_nothing_else_can_be_written() -> None:
    known = set(DEFAULT + EXTENSION)
    everything = "".join(map(chr, range(0x11_0000)))
    assert set(unencodable(everything)) == {ord(one) for one in everything} - {*map(ord, known)}


@pytest.mark.parametrize(
    "character",
    "`çáíóúâêîôûëïœ\u2018\u2019\u201c\u201d\u2013\u2014\u2026\xa0\x1b\0\x7f\u212b\u1e9e",
)
def test_what_only_looks_like_gsm(character: str) -> None:
    assert unencodable(f"a{character}b{character}") == (1, 3)
    with pytest.raises(UnencodableCharacter) as caught:
        septets(f"a{character}b{character}")
    assert (caught.value.position, caught.value.character) == (1, character)


def test_positions_are_code_points() -> None:
    assert unencodable("\U0001f600 ok \u0416") == (0, 5)


def test_error_is_the_common_one() -> None:
    assert UnencodableCharacter is errors.UnencodableCharacter


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x1b", " "),
        (b"a\x1b", "a "),
        (b"\x1b\x1b", " "),
        (b"\x1b\x1b\x65", " e"),
        (b"\x1b\x1b\x1b\x65", " €"),
        (b"\x1b\x41", "A"),
        (b"\x1b\x00", "@"),
        (b"\x1b\x0d", "\r"),
        (b"\x1b\x0a", "\f"),
        (b"\x80", REPLACEMENT),
        (b"a\xe9b", f"a{REPLACEMENT}b"),
        (b"\x1b\xe5a", f"{REPLACEMENT}a"),
        (b"", ""),
        (b"\x00\x00", "@@"),
    ],
)
def test_reading_odd_octets(octets: bytes, text: str) -> None:
    assert decode(octets) == text


# National tables


@pytest.mark.parametrize("identifier", LOCKING)
def test_every_code_of_a_locking_table(identifier: int) -> None:
    for code, character in enumerate(LOCKING[identifier]):
        if code == ESC:
            continue
        if character == UNASSIGNED:
            assert decode(bytes([code]), locking=identifier) == REPLACEMENT
        else:
            assert decode(bytes([code]), locking=identifier) == character
            assert encode(character, locking=identifier) == bytes([code])
            assert septets(character, locking=identifier) == 1


@pytest.mark.parametrize("identifier", SINGLE)
def test_every_code_of_a_single_table(identifier: int) -> None:
    for code in range(128):
        character = SINGLE[identifier].get(code, DEFAULT[code - (code > ESC)])
        if code == ESC:
            character = " "
        assert decode(bytes([ESC, code]), single=identifier) == character
    for character in set(SINGLE[identifier].values()) - set(DEFAULT):
        octets = encode(character, single=identifier)
        assert (len(octets), octets[0]) == (2, ESC)
        assert decode(octets, single=identifier) == character
        assert septets(character, single=identifier) == 2


def test_sign_that_stands_twice_is_written_with_the_first_code() -> None:
    assert encode("*¡", locking=4, single=4) == bytes([ESC, 0x0B, ESC, 0x13])
    assert decode(bytes([ESC, 0x18, ESC, 0x15]), locking=4, single=4) == "*¡"


def test_locking_table_goes_before_the_single_one() -> None:
    assert encode("ç€", locking=1, single=1) == b"\x60\x04"
    assert encode("ç€", locking=0, single=1) == b"\x1b\x63\x1b\x65"
    assert encode("ç", locking=1) == b"\x60"


def test_code_a_single_table_lacks_is_of_the_locking_table() -> None:
    assert decode(b"\x1b\x60", locking=1, single=1) == "ç"
    assert decode(b"\x1b\x00", locking=6, single=1) == "\u0901"
    assert decode(b"\x1b\x3c", locking=4, single=0) == "["
    assert decode(b"\x1b\x45", locking=4, single=0) == REPLACEMENT


def test_french_in_portuguese() -> None:
    assert unencodable("Leçon à côté, être", single=3) == ()
    assert unencodable("Noël à l'île", single=3) == (2, 9)


@pytest.mark.parametrize(("locking", "single"), [(14, 0), (0, 14), (-1, 0), (255, 255)])
def test_identifier_without_tables(locking: int, single: int) -> None:
    for written in (encode, septets, unencodable):
        with pytest.raises(ValueError, match="no tables") as caught:
            written("a", locking=locking, single=single)  # type: ignore[operator]
        assert not isinstance(caught.value, UnencodableCharacter)
    assert decode(b"a\x1b\x65\x00", locking=locking, single=single) == "a€@"


def test_other_table_stays_when_one_is_unknown() -> None:
    assert decode(b"\x04\x1b\x65", locking=1, single=99) == "€€"
    assert decode(b"\x04\x1b\x63", locking=99, single=1) == "èç"


def test_tables_are_built_once() -> None:
    assert tables(1, 3) is tables(1, 3)
    assert "\u0131" in tables(1, 3).characters


# Any text, any tables

PAIR = st.sampled_from(PAIRS)


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, int, int]:
    """A text, and tables that hold it."""
    locking, single = draw(PAIR)
    known = sorted(tables(locking, single).characters)
    return draw(st.text(st.sampled_from(known), max_size=200)), locking, single


@pytest.mark.parametrize(("locking", "single"), PAIRS)
def test_characters_of_every_pair_of_tables(locking: int, single: int) -> None:
    expected = {*LOCKING[locking], *SINGLE[single].values()} - {UNASSIGNED, "\x1b"}
    text = "".join(sorted(expected))
    assert tables(locking, single).characters == expected
    octets = encode(text, locking=locking, single=single)
    assert octets == plainly_encoded(text, locking, single)
    assert decode(octets, locking=locking, single=single) == text
    assert unencodable(text, locking=locking, single=single) == ()


@given(texts())
def test_unpacked_there_and_back(chosen: tuple[str, int, int]) -> None:
    text, locking, single = chosen
    octets = encode(text, locking=locking, single=single)
    assert octets == plainly_encoded(text, locking, single)
    assert octets.isascii()
    assert len(octets) == septets(text, locking=locking, single=single)
    assert decode(octets, locking=locking, single=single) == text
    # Fill bits are of packed texts.
    assert encode(text, locking=locking, single=single, fill_bits=3) == octets


@given(texts(), st.integers(0, 6))
@example(("1234567", 0, 0), 0)
@example(("1234567@", 0, 0), 0)
@example(("123456\r", 0, 0), 0)
def test_packed_there_and_back(chosen: tuple[str, int, int], fill_bits: int) -> None:
    text, locking, single = chosen
    unpacked = encode(text, locking=locking, single=single)
    octets = encode(text, True, locking=locking, single=single, fill_bits=fill_bits)
    found = decode(octets, True, locking=locking, single=single, fill_bits=fill_bits)
    full = (7 * len(unpacked) + fill_bits) % 8 == 0
    if full and unpacked.endswith(b"\0"):
        text = decode(unpacked[:-1], locking=locking, single=single)
    assert found == text


@given(texts(), st.integers(0, 6))
@example(("1234567\r", 0, 0), 0)
@example(("1234567@", 0, 0), 0)
def test_packed_with_cr_there_and_back(chosen: tuple[str, int, int], fill_bits: int) -> None:
    text, locking, single = chosen
    unpacked = encode(text, locking=locking, single=single)
    octets = encode(text, True, locking=locking, single=single, fill_bits=fill_bits, cr_padded=True)
    found = decode(
        octets, True, locking=locking, single=single, fill_bits=fill_bits, cr_padded=True
    )
    if unpacked and (7 * len(unpacked) + fill_bits) % 8 == 0:
        if unpacked.endswith(b"\r"):
            text += "\r"
        elif unpacked.endswith(b"\0"):
            text = decode(unpacked[:-1], locking=locking, single=single)
    assert found == text


@given(st.text(st.one_of(st.sampled_from(DEFAULT + EXTENSION), st.characters())), PAIR)
@example("\0", (0, 0))
@example("\ud800", (0, 0))
@example("a\ufffe", (4, 4))
def test_any_text_is_written_or_refused_at_its_first_fault(
    text: str, pair: tuple[int, int]
) -> None:
    locking, single = pair
    known = tables(locking, single).characters
    lacking = tuple(at for at, one in enumerate(text) if one not in known)
    assert unencodable(text, locking=locking, single=single) == lacking
    for written in (encode, septets):
        if not lacking:
            written(text, locking=locking, single=single)  # type: ignore[operator]
            continue
        with pytest.raises(UnencodableCharacter) as caught:
            written(text, locking=locking, single=single)  # type: ignore[operator]
        assert (caught.value.position, caught.value.character) == (lacking[0], text[lacking[0]])


@given(st.binary(max_size=200), PAIR)
def test_any_octets_are_read_as_octet_by_octet(octets: bytes, pair: tuple[int, int]) -> None:
    locking, single = pair
    expected = plainly_decoded(octets, locking, single)
    assert decode(octets, locking=locking, single=single) == expected


@given(
    st.binary(max_size=200),
    st.booleans(),
    st.integers(-2, 300),
    st.integers(-2, 300),
    st.integers(0, 6),
    st.booleans(),
)
def test_reading_never_raises(
    octets: bytes, packed: bool, locking: int, single: int, fill_bits: int, cr_padded: bool
) -> None:
    text = decode(
        octets,
        packed,
        locking=locking,
        single=single,
        fill_bits=fill_bits,
        cr_padded=cr_padded,
    )
    assert isinstance(text, str)
    assert len(text) <= (8 * len(octets) // 7 if packed else len(octets))
