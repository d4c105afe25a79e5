"""Every alphabet: what peers send, there and back, and octets that mean nothing."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smppgw.sms import errors, gsm7, vendor
from smppgw.sms.alphabet import (
    RAW,
    Alphabet,
    Decoded,
    UnencodableCharacter,
    decode,
    encode,
    unencodable,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "gsm7.json").read_text()
)["vectors"]
FORMS = {
    "unpacked": Alphabet.GSM7,
    "packed-cr-padded": Alphabet.GSM7_PACKED,
    "ucs2be": Alphabet.UCS2,
    "latin1": Alphabet.LATIN1,
    "vendor:airwide-ia5": Alphabet.AIRWIDE_IA5,
    "vendor:vodafone-de-gsm": Alphabet.GSM7_VODAFONE_DE,
    "vendor:vodafone-tr-gsm": Alphabet.GSM7_VODAFONE_TR,
    "vendor:tmobile-nl-gsm": Alphabet.GSM7_TMOBILE_NL,
    "vendor:hp-roman8-escaped (data_coding 0)": Alphabet.HP_ROMAN8,
}
REPLACEMENT = "\ufffd"
TEXTS = sorted(set(Alphabet) - RAW)
HOLDING_ALL = {Alphabet.UCS2, Alphabet.UCS2_LE, Alphabet.UTF8}
EACH = pytest.mark.parametrize("alphabet", list(Alphabet))
EACH_TEXT = pytest.mark.parametrize("alphabet", TEXTS)


def characters(alphabet: Alphabet) -> list[str]:
    """All of the BMP that can be written, which is all but for Unicode."""
    every = "".join(map(chr, range(0x1_0000)))
    lacking = set(unencodable(every, alphabet))
    return [character for character in every if ord(character) not in lacking]


CHARACTERS = {alphabet: characters(alphabet) for alphabet in TEXTS}


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, Alphabet]:
    """A text and an alphabet that holds it."""
    alphabet = draw(st.sampled_from(TEXTS))
    one: st.SearchStrategy[str] = st.sampled_from(CHARACTERS[alphabet])
    if alphabet in HOLDING_ALL:
        one = st.one_of(one, st.characters(exclude_categories=["Cs"]))
    return draw(st.text(one, max_size=100)), alphabet


# Collected texts


@pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS if vector["form"] in FORMS],
    ids=lambda one: f"{one['form'][:20]} {one['text']!r}"[:50],
)
def test_collected(vector: dict[str, Any]) -> None:
    alphabet = FORMS[vector["form"]]
    octets = bytes.fromhex(vector["hex"])
    text = vector["text"]
    tables = {
        kind: 1 if vector[kind] == "turkish" else 2
        for kind in ("locking", "single")
        if kind in vector
    }
    if (alphabet, octets) == (Alphabet.LATIN1, b"?"):
        # The source replaces what Latin-1 lacks; nothing is replaced here.
        assert unencodable(text, alphabet) == (0,)
        return
    assert encode(text, alphabet, **tables) == octets
    assert decode(octets, alphabet, **tables) == Decoded(text, 0)


def test_collected_packed_is_read_whatever_pads_it() -> None:
    for vector in VECTORS:
        if vector["form"] == "packed":
            fill_bits = vector.get("fill_bits", 0)
            # The CR of the texts with a header is padding.
            text = vector["text"].removesuffix("\r") if fill_bits else vector["text"]
            octets = bytes.fromhex(vector["hex"])
            found = decode(octets, Alphabet.GSM7_PACKED, fill_bits=fill_bits)
            assert found == Decoded(text, 0)


def test_collected_invalid_is_counted() -> None:
    assert decode(b"\x1b\x80", Alphabet.GSM7) == Decoded(REPLACEMENT, 1)


# Names


def test_names_are_for_settings() -> None:
    for alphabet in Alphabet:
        assert Alphabet(str(alphabet)) is alphabet
        assert set(alphabet) <= set(string.ascii_lowercase + string.digits + "-")


def test_error_is_the_common_one() -> None:
    assert UnencodableCharacter is errors.UnencodableCharacter


def test_repr_hides_the_text() -> None:
    assert "secret" not in repr(decode(b"secret", Alphabet.ASCII))


# All alphabets alike


@EACH_TEXT
def test_every_character_there_and_back(alphabet: Alphabet) -> None:
    text = "".join(CHARACTERS[alphabet])
    assert unencodable(text, alphabet) == ()
    # A letter at the end, for a septet there that is "@" or CR may be padding.
    found = decode(encode(text + "a", alphabet), alphabet)
    assert (found.text, found.undecodable) == (text + "a", 0)


@EACH_TEXT
def test_no_character_takes_more_than_four_octets(alphabet: Alphabet) -> None:
    # A part must hold at least one.
    assert max(len(encode(one, alphabet)) for one in CHARACTERS[alphabet]) <= 4


@EACH
def test_nothing_is_nothing(alphabet: Alphabet) -> None:
    assert encode("", alphabet) == b""
    assert decode(b"", alphabet) == Decoded("", 0)
    assert unencodable("", alphabet) == ()


@EACH_TEXT
def test_plain_letters_and_line_ends(alphabet: Alphabet) -> None:
    plain = "abcXYZ 0123456789 .,:;!?\r\n"
    assert decode(encode(plain, alphabet), alphabet) == Decoded(plain, 0)


@given(texts())
@example(("a" * 7 + "\r", Alphabet.GSM7_PACKED))
@example(("a" * 7 + "@", Alphabet.GSM7_PACKED))
@example(("\ufffd\ufeff\ufffe", Alphabet.UCS2))
@example(("\u0400\ufffd", Alphabet.UTF8))
def test_there_and_back(chosen: tuple[str, Alphabet]) -> None:
    text, alphabet = chosen
    expected = text
    if alphabet is Alphabet.GSM7_PACKED and text and gsm7.septets(text) % 8 == 0:
        # The last septet ends on the octet boundary, where it may be padding.
        if text[-1] == "\r":
            expected += "\r"
        expected = expected.removesuffix("@")
    assert decode(encode(text, alphabet), alphabet) == Decoded(expected, 0)
    assert unencodable(text, alphabet) == ()


@given(st.text(max_size=30), st.sampled_from(list(Alphabet)))
@example("\ud800a\udc00", Alphabet.UCS2)
@example("a\x80", Alphabet.LATIN1)
@example("\x80\u0416", Alphabet.LATIN1)
@example("\uac00\u3164", Alphabet.EUC_KR)
@example("a", Alphabet.BINARY)
def test_any_text_is_written_or_refused_at_its_first_fault(text: str, alphabet: Alphabet) -> None:
    lacking = unencodable(text, alphabet)
    assert list(lacking) == sorted(set(lacking))
    for at, character in enumerate(text):
        assert (unencodable(character, alphabet) == (0,)) is (at in lacking)
    if not lacking:
        encode(text, alphabet)
        return
    with pytest.raises(UnencodableCharacter) as caught:
        encode(text, alphabet)
    assert (caught.value.position, caught.value.character) == (lacking[0], text[lacking[0]])


@given(
    st.binary(max_size=200),
    st.sampled_from(list(Alphabet)),
    st.integers(-2, 300),
    st.integers(-2, 300),
    st.integers(0, 6),
)
@example(b"\xa4\xd4\xa4", Alphabet.EUC_KR, 0, 0, 0)
@example(b"\xd8\x00\xd8\x00\xdc", Alphabet.UCS2, 0, 0, 0)
def test_reading_never_raises(
    octets: bytes, alphabet: Alphabet, locking: int, single: int, fill_bits: int
) -> None:
    found = decode(octets, alphabet, locking=locking, single=single, fill_bits=fill_bits)
    assert 0 <= found.undecodable <= found.text.count(REPLACEMENT) + 1
    if alphabet not in HOLDING_ALL:
        assert found.undecodable == found.text.count(REPLACEMENT)


@given(st.binary(max_size=100), st.sampled_from(TEXTS))
def test_what_is_read_whole_can_be_written(octets: bytes, alphabet: Alphabet) -> None:
    found = decode(octets, alphabet)
    if found.undecodable or alphabet in {Alphabet.GSM7_PACKED, Alphabet.EUC_KR}:
        return
    # Some octets are read and never written: C1 of Windows-1252, what vendors moved, odd ESC.
    lacking = unencodable(found.text, alphabet)
    if not lacking:
        assert decode(encode(found.text, alphabet), alphabet) == found


# GSM 7-bit


def test_national_tables() -> None:
    octets = encode("İçş €", Alphabet.GSM7, locking=1, single=1)
    assert octets == b"\x40\x60\x1d\x20\x04"
    assert decode(octets, Alphabet.GSM7, locking=1) == Decoded("İçş €", 0)
    assert unencodable("ığ\u0416", Alphabet.GSM7, locking=1) == (2,)
    assert unencodable("ığ\u0416", Alphabet.GSM7_PACKED, single=1) == (2,)
    packed = encode("İçş €", Alphabet.GSM7_PACKED, single=1, fill_bits=4)
    assert decode(packed, Alphabet.GSM7_PACKED, single=1, fill_bits=4) == Decoded("İçş €", 0)


def test_identifier_without_tables() -> None:
    with pytest.raises(ValueError, match="no tables"):
        encode("a", Alphabet.GSM7, locking=14)
    with pytest.raises(ValueError, match="no tables"):
        unencodable("a", Alphabet.GSM7_PACKED, single=14)
    assert decode(b"a", Alphabet.GSM7, locking=14, single=200) == Decoded("a", 0)


def test_packed_is_written_with_cr_and_read_with_cr_or_zero() -> None:
    assert encode("1234567", Alphabet.GSM7_PACKED).hex() == "31d98c56b3dd1a"
    for padded in ("31d98c56b3dd1a", "31d98c56b3dd00"):
        assert decode(bytes.fromhex(padded), Alphabet.GSM7_PACKED) == Decoded("1234567", 0)
    assert encode("123456", Alphabet.GSM7_PACKED, fill_bits=1).hex() == "62b219ad6603"


def test_undecodable_septets_are_counted() -> None:
    text = f"a{REPLACEMENT}{REPLACEMENT}b{REPLACEMENT}"
    assert decode(b"a\x80\xffb\x1b\x90", Alphabet.GSM7) == Decoded(text, 3)
    assert decode(b"\x0c\x0e", Alphabet.GSM7, locking=4) == Decoded(2 * REPLACEMENT, 2)


# ASCII, Latin-1 and other alphabets of one octet


def test_ascii() -> None:
    assert encode("a@\x7f", Alphabet.ASCII) == b"a@\x7f"
    assert decode(b"\x00@\xe9\x80z", Alphabet.ASCII) == Decoded(
        f"\0@{REPLACEMENT}{REPLACEMENT}z", 2
    )
    assert unencodable("é a \u0416", Alphabet.ASCII) == (0, 4)


def test_latin_1_is_written_strictly_and_read_as_windows_1252() -> None:
    assert encode("é ÿ\xa0", Alphabet.LATIN1) == b"\xe9 \xff\xa0"
    assert decode(b"\x80 \x91\x92\x9f\xe9", Alphabet.LATIN1) == Decoded("€ \u2018\u2019\u0178é", 0)
    assert decode(b"\x81\x8d\x8f\x90\x9d", Alphabet.LATIN1) == Decoded(5 * REPLACEMENT, 5)
    assert unencodable("€é\x80\u0153", Alphabet.LATIN1) == (0, 2, 3)


def test_latin_1_refuses_the_first_fault_of_any_kind() -> None:
    for text, position in (("é\x85\u0416", 1), ("é\u0416\x85", 1), ("\x9f", 0), ("\u0416", 0)):
        with pytest.raises(UnencodableCharacter) as caught:
            encode(text, Alphabet.LATIN1)
        assert caught.value.position == position


def test_latin_1_with_euro_writes_what_it_reads() -> None:
    assert encode("5 € \u2019", Alphabet.LATIN1_EURO) == b"5 \x80 \x92"
    assert decode(b"5 \x80 \x92", Alphabet.LATIN1_EURO) == Decoded("5 € \u2019", 0)


def test_cyrillic() -> None:
    assert encode("Привет № 5", Alphabet.CYRILLIC).hex() == "bfe0d8d2d5e220f02035"
    assert decode(bytes.fromhex("bfe0d8d2d5e220f02035"), Alphabet.CYRILLIC).text == "Привет № 5"
    assert unencodable("Приветі€", Alphabet.CYRILLIC) == (7,)


def test_hebrew() -> None:
    assert encode("שלום", Alphabet.HEBREW).hex() == "f9ece5ed"
    assert decode(b"\xf9\xec\xe5\xed", Alphabet.HEBREW) == Decoded("שלום", 0)
    assert decode(b"\xf9\xa1\xdb\xff", Alphabet.HEBREW) == Decoded("ש" + 3 * REPLACEMENT, 3)


@pytest.mark.parametrize(
    ("alphabet", "named"),
    [
        (Alphabet.GSM7_TMOBILE_NL, vendor.tmobile_nl),
        (Alphabet.GSM7_VODAFONE_DE, vendor.vodafone_de),
        (Alphabet.GSM7_VODAFONE_TR, vendor.vodafone_tr),
        (Alphabet.AIRWIDE_IA5, vendor.airwide_ia5),
        (Alphabet.HP_ROMAN8, vendor.hp_roman8),
    ],
)
def test_alphabets_of_vendors(alphabet: Alphabet, named: Any) -> None:
    assert set(CHARACTERS[alphabet]) == named().characters
    octets = bytes(range(256))
    assert decode(octets, alphabet).text == named().decode(octets)
    assert unencodable("a\u0416", alphabet) == (1,)


# Unicode


def test_ucs2_is_utf_16() -> None:
    assert encode("é\U0001f600", Alphabet.UCS2).hex() == "00e9d83dde00"
    assert decode(bytes.fromhex("00e9d83dde00"), Alphabet.UCS2) == Decoded("é\U0001f600", 0)
    assert encode("é\U0001f600", Alphabet.UCS2_LE).hex() == "e9003dd800de"
    assert decode(bytes.fromhex("e9003dd800de"), Alphabet.UCS2_LE) == Decoded("é\U0001f600", 0)


@pytest.mark.parametrize(
    ("octets", "text", "undecodable"),
    [
        ("0061d83d", f"a{REPLACEMENT}", 1),
        ("de000061", f"{REPLACEMENT}a", 1),
        ("d83d0061", f"{REPLACEMENT}a", 1),
        ("d83dd83dde00", f"{REPLACEMENT}\U0001f600", 1),
        ("de00d83d", 2 * REPLACEMENT, 2),
        ("0061006200", "ab", 1),
        ("00", "", 1),
        ("d83d00", REPLACEMENT, 2),
        ("fffd0061", f"{REPLACEMENT}a", 0),
        ("fffdd83dfffd", 3 * REPLACEMENT, 1),
        ("00000040", "\0@", 0),
        ("fffe", "\ufffe", 0),
    ],
)
def test_broken_ucs2(octets: str, text: str, undecodable: int) -> None:
    big = bytes.fromhex(octets)
    assert decode(big, Alphabet.UCS2) == Decoded(text, undecodable)
    pairs = [big[at : at + 2][::-1] for at in range(0, len(big), 2)]
    assert decode(b"".join(pairs), Alphabet.UCS2_LE) == Decoded(text, undecodable)


@pytest.mark.parametrize("alphabet", sorted(HOLDING_ALL))
def test_surrogates_by_themselves_are_no_characters(alphabet: Alphabet) -> None:
    assert unencodable("a\ud83db\ude00", alphabet) == (1, 3)
    with pytest.raises(UnencodableCharacter) as caught:
        encode("a\ud83db", alphabet)
    assert (caught.value.position, caught.value.character) == (1, "\ud83d")
    assert str(caught.value).startswith("U+D83D")


def test_utf_8() -> None:
    assert encode("é€\U0001f600", Alphabet.UTF8) == "é€\U0001f600".encode()
    assert decode("é€\U0001f600".encode(), Alphabet.UTF8) == Decoded("é€\U0001f600", 0)
    broken = b"a\xff\xe2\x82b" + REPLACEMENT.encode()
    assert decode(broken, Alphabet.UTF8) == Decoded(f"a{2 * REPLACEMENT}b{REPLACEMENT}", 2)


# Korean


def test_euc_kr() -> None:
    assert encode("한글 a", Alphabet.EUC_KR).hex() == "c7d1b1db2061"
    assert decode(bytes.fromhex("c7d1b1db2061"), Alphabet.EUC_KR) == Decoded("한글 a", 0)
    assert decode(b"\xc7\xd1\xc7", Alphabet.EUC_KR) == Decoded(f"한{REPLACEMENT}", 1)


def test_syllables_ks_c_5601_lacks_are_refused() -> None:
    # U+B894 could be composed in eight octets, which few peers read; they are read here.
    assert unencodable("한\ub894\u3164", Alphabet.EUC_KR) == (1, 2)
    composed = "\ub894".encode("euc-kr")
    assert len(composed) == 8
    assert decode(composed, Alphabet.EUC_KR) == Decoded("\ub894", 0)


def test_octets_like_the_hangul_filler_across_two_characters() -> None:
    # ...A4 then D4...: not the filler A4 D4.
    text = bytes.fromhex("b0a4d4a1").decode("euc-kr")
    assert encode(text, Alphabet.EUC_KR) == bytes.fromhex("b0a4d4a1")


# Octets without text


@pytest.mark.parametrize("alphabet", sorted(RAW))
def test_raw_octets_have_no_text(alphabet: Alphabet) -> None:
    assert decode(b"\x00\xffabc", alphabet) == Decoded("", 0)
    assert unencodable("ab", alphabet) == (0, 1)
    with pytest.raises(UnencodableCharacter) as caught:
        encode("ab", alphabet)
    assert (caught.value.position, caught.value.character) == (0, "a")


def test_raw_alphabets() -> None:
    assert {str(one) for one in RAW} == {
        *("binary", "jis-x-0208", "jis-x-0212", "iso-2022-jp-music", "pictogram"),
    }
