"""Alphabets with an escape, on small tables made for the test."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.sms.errors import UnencodableCharacter
from smppgw.sms.escaped import REPLACEMENT, EscapedAlphabet

MAIN = {0x00: "a", 0x01: "b", 0x41: "A", 0x80: "\u20ac", 0x90: "b", 0xFE: "z"}
EXTENSION = {0x01: "(", 0x00: "<", 0x41: "A", 0xFE: "(", 0x90: ")"}
SMALL = EscapedAlphabet(MAIN, EXTENSION, escape=0x8D)


def plainly_decoded(octets: bytes, main: dict[int, str], extension: dict[int, str]) -> str:
    """Octet by octet, as the specification tells it."""
    text = ""
    at = 0
    while at < len(octets):
        octet = octets[at]
        at += 1
        if octet != 0x8D:
            text += main.get(octet, REPLACEMENT)
        elif at == len(octets):
            text += " "
        else:
            code = octets[at]
            at += 1
            text += " " if code == 0x8D else extension.get(code, main.get(code, REPLACEMENT))
    return text


def test_main_table_goes_first_and_then_the_first_octet() -> None:
    assert SMALL.encode("abA\u20acz") == b"\x00\x01\x41\x80\xfe"
    assert SMALL.encode("<()") == b"\x8d\x00\x8d\x01\x8d\x90"
    assert SMALL.encode("a<z(") == b"\x00\x8d\x00\xfe\x8d\x01"
    assert SMALL.encode("") == b""


def test_length() -> None:
    assert SMALL.length("") == 0
    assert SMALL.length("abA") == 3
    assert SMALL.length("a<z(") == 6


def test_characters() -> None:
    assert SMALL.characters == frozenset("abA\u20acz<()")


def test_reading() -> None:
    assert SMALL.decode(b"\x00\x01\x41\x80\xfe\x90") == "abA\u20aczb"
    assert SMALL.decode(b"\x8d\x00\x8d\x01\x8d\x90\x8d\xfe") == "<()("


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x8d\x80", "\u20ac"),
        (b"\x8d\x8d\x00", " a"),
        (b"\x8d\x8d\x8d\x00", " <"),
        (b"\x8d\x8d\x8d", "  "),
        (b"\x8d", " "),
        (b"\x00\x8d", "a "),
        (b"\x8d\x02", REPLACEMENT),
        (b"\x02\x8d\x00", REPLACEMENT + "<"),
        (b"\x1b\x00", REPLACEMENT + "a"),
        (b"\x8d\n", REPLACEMENT),
    ],
)
def test_reading_after_the_escape(octets: bytes, text: str) -> None:
    assert SMALL.decode(octets) == text


@given(st.lists(st.sampled_from([*MAIN, *EXTENSION, 0x8D, 0x8D, 0x02, 0x0A])).map(bytes))
def test_reading_as_octet_by_octet(octets: bytes) -> None:
    assert SMALL.decode(octets) == plainly_decoded(octets, MAIN, EXTENSION)


@given(st.text(st.sampled_from(sorted(SMALL.characters))))
def test_there_and_back(text: str) -> None:
    octets = SMALL.encode(text)
    assert SMALL.decode(octets) == text
    assert SMALL.length(text) == len(octets)
    assert SMALL.unencodable(text) == ()


@given(st.text(st.one_of(st.sampled_from("abA<(\0"), st.characters())))
def test_what_cannot_be_written(text: str) -> None:
    lacking = tuple(at for at, one in enumerate(text) if one not in SMALL.characters)
    assert SMALL.unencodable(text) == lacking
    for method in (SMALL.encode, SMALL.length):
        if lacking:
            with pytest.raises(UnencodableCharacter) as caught:
                method(text)
            assert (caught.value.position, caught.value.character) == (lacking[0], text[lacking[0]])
        else:
            method(text)


# NUL, which Python's character maps treat apart


@pytest.mark.parametrize(
    ("text", "position"),
    [("\0", 0), ("ab\0", 2), ("a\0\u0416", 1), ("\u0416\0", 0), ("\0\0", 0), ("<\0", 1)],
)
def test_nul_is_a_character_like_others(text: str, position: int) -> None:
    with pytest.raises(UnencodableCharacter) as caught:
        SMALL.encode(text)
    assert caught.value.position == position
    assert position in SMALL.unencodable(text)


def test_nul_that_can_be_written() -> None:
    with_nul = EscapedAlphabet({0x07: "\0", 0x08: "x"}, {0x01: "y"})
    assert with_nul.encode("x\0y\0") == b"\x08\x07\x1b\x01\x07"
    assert with_nul.length("\0") == 1
    assert with_nul.unencodable("\0z\0") == (1,)
    with pytest.raises(UnencodableCharacter) as caught:
        with_nul.encode("\0z")
    assert caught.value.position == 1


def test_nul_in_the_extension() -> None:
    with_nul = EscapedAlphabet({0x08: "x"}, {0x01: "\0"})
    assert with_nul.encode("x\0") == b"\x08\x1b\x01"
    assert with_nul.length("\0x") == 3


# Octets that are only read


def test_also_read_is_never_written() -> None:
    lenient = EscapedAlphabet({0x01: "a", 0x02: "b"}, {}, also_read={0x02: "a", 0x03: "c"})
    assert lenient.decode(b"\x01\x02\x03") == "aac"
    assert lenient.encode("aa") == b"\x01\x01"
    assert lenient.characters == {"a"}
    assert lenient.unencodable("abc") == (1, 2)


def test_without_extension_the_escape_is_skipped() -> None:
    bare = EscapedAlphabet({0x01: "a"}, {})
    assert bare.decode(b"\x1b\x01\x1b\x02\x1b") == "a" + REPLACEMENT + " "


def test_escape_octet_wins_over_the_main_table() -> None:
    odd = EscapedAlphabet({0x1B: "e", 0x01: "a"}, {0x01: "b"})
    assert odd.decode(b"\x1b\x01\x1b\x1b") == "b "
    assert odd.unencodable("ea") == (0,)


def test_as_many_characters_as_an_octet_has_values() -> None:
    main = {octet: chr(0x400 + octet) for octet in range(255) if octet != 0x1B}
    full = EscapedAlphabet(main, {0x05: "+"})
    text = "".join(main.values()) + "+"
    assert len(full.characters) == 255
    assert full.encode(text) == bytes([*main, 0x1B, 0x05])
    assert full.decode(full.encode(text)) == text


# The error


def test_error_tells_where_and_what_and_hides_the_text() -> None:
    with pytest.raises(UnencodableCharacter) as caught:
        SMALL.encode("ab secret")
    assert isinstance(caught.value, ValueError)
    assert (caught.value.position, caught.value.character) == (2, " ")
    assert str(caught.value) == "U+0020 at 2 is not in the alphabet"
    assert "secret" not in repr(caught.value)
    beyond = UnencodableCharacter(7, "\U0001f600")
    assert str(beyond) == "U+1F600 at 7 is not in the alphabet"
