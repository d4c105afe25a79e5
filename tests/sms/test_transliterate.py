"""What stands for what in GSM 7-bit, and that the report gives the original back."""

# ruff: noqa: RUF001
from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smppgw.sms import gsm7
from smppgw.sms.transliterate import (
    BASIC,
    CHEAPER,
    EXTENSION,
    Replacement,
    Transliteration,
    standing_for,
    transliterate,
)

DURAND = (
    "Soldes jusqu’à -50% ce week-end chez Durand, 12 rue des Lilas."
    " Présentez ce SMS en caisse pour 5€ de plus."
)
PARCEL = (
    "Votre colis est reçu. Rendez-vous à l’hôtel Saint-Éloi, 3ème étage, garçon d’accueil prévenu."
)


def test_the_characters_of_the_alphabet() -> None:
    assert len(BASIC) == 127
    assert {"^", "{", "}", "\\", "[", "~", "]", "|", "€", "\f"} == EXTENSION
    assert set(CHEAPER) < EXTENSION
    assert set(CHEAPER.values()) < BASIC
    assert {gsm7.septets(one) for one in BASIC} == {1}
    assert {gsm7.septets(one) for one in EXTENSION} == {2}


@pytest.mark.parametrize(
    ("characters", "replacement"),
    [
        ("‘’‚‛`´′ʼ", "'"),
        ("“”„‟«»″", '"'),
        ("‐‑‒–—―−•", "-"),
        ("…", "..."),
        ("\u00a0\u2002\u2003\u2009\u202f\u3000\t", " "),
        ("\u2028\u2029\x85\v", "\n"),
        ("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u202e\ufe0f\x00\x1b", ""),
        ("œ", "oe"),
        ("Œ", "OE"),
        ("ﬁ", "fi"),
        ("ﬄ", "ffl"),
        ("ĳ", "ij"),
        ("ç", "c"),
        ("âáãăąạấ", "a"),
        ("êëęěế", "e"),
        ("îïí", "i"),
        ("ôóõőợ", "o"),
        ("ûúůűư", "u"),
        ("ÿý", "y"),
        ("ÀÂÁ", "A"),
        ("ÈÊË", "E"),
        ("łŁđĐ", ("l", "L", "d", "D")),
        ("ığİşŞĞ", ("i", "g", "I", "s", "S", "G")),
        ("ÞþÐðŋ", ("Th", "th", "D", "d", "ng")),
        ("ẞ", "SS"),
        ("Ａ５！＠［", ("A", "5", "!", "@", "[")),
        ("𝐀①²½№™", ("A", "1", "2", "1/2", "No", "TM")),
        ("©®°µ×÷±", ("(C)", "(R)", "o", "u", "x", "/", "+/-")),
        ("→←≤≥", ("->", "<-", "<=", ">=")),
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
        ("Ά", "A"),
        ("\u2126\u212b", ("Ω", "Å")),
        ("éàèùìòÇñÑäöüßÆæØøÅå§¿¡£¥¤ΔΦ€[]{}\\~^|", "éàèùìòÇñÑäöüßÆæØøÅå§¿¡£¥¤ΔΦ€[]{}\\~^|"),
    ],
)
def test_what_stands_for_a_character(characters: str, replacement: str | tuple[str, ...]) -> None:
    several = len(replacement) == len(characters) and len(characters) > 1
    expected = replacement if several else [replacement] * len(characters)
    assert [standing_for(one) for one in characters] == list(expected)


@pytest.mark.parametrize("character", "жЖקعक中あ한😀☺♥∞₹₺αωλ\ufffd\ud800\ue000")
def test_nothing_stands_for_what_has_no_likeness(character: str) -> None:
    assert standing_for(character) is None


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [("e\u0301", "é"), ("c\u0327", "c"), ("C\u0327", "Ç"), ("a\u0302\u0301", "a")],
)
def test_a_letter_in_pieces(pieces: str, whole: str) -> None:
    found = transliterate(f"x{pieces}y")
    assert found.text == f"x{whole}y"
    assert found.replacements == (Replacement(1, pieces, whole),)
    assert found.original() == f"x{pieces}y"


def test_the_texts_of_a_campaign() -> None:
    found = transliterate(DURAND)
    assert found.text == DURAND.replace("’", "'")
    assert found.replacements == (Replacement(12, "’", "'"),)
    found = transliterate(PARCEL)
    assert "".join(one.character for one in found.replacements) == "ç’ôç’"
    assert "".join(one.replacement for one in found.replacements) == "c'oc'"
    assert gsm7.septets(found.text) == 93
    assert found.original() == PARCEL


def test_letters_are_left_alone_where_that_is_wanted() -> None:
    assert transliterate(DURAND, letters=False).text == DURAND.replace("’", "'")
    # One letter keeps the text in UCS-2, so nothing else is touched.
    assert transliterate(PARCEL, letters=False) == Transliteration(PARCEL)
    assert transliterate("ﬁn Ａ", letters=False).text == "fin A"
    assert transliterate("cœur", letters=False).replacements == ()


@pytest.mark.parametrize("text", ["", "plain", "Ça va @ 5€ [ok]\r\n", "l’été 😀", "“Привет”…"])
def test_texts_that_stay_as_they_are(text: str) -> None:
    assert transliterate(text) == Transliteration(text, ())
    assert transliterate(text).original() == text


def test_replacements_of_any_length_are_undone() -> None:
    text = "a…\u200bb—½œ’\u00a0" * 3
    found = transliterate(text)
    assert found.text == "a...b-1/2oe' " * 3
    assert [one.position for one in found.replacements][:6] == [1, 2, 4, 5, 6, 7]
    assert found.original() == text


def test_every_character_of_the_first_planes() -> None:
    """Nothing raises, and whatever stands for a character is in the alphabet and short."""
    for code in range(0x20000):
        standing = standing_for.__wrapped__(chr(code))
        if standing:
            assert gsm7.unencodable(standing) == ()
            assert len(standing) <= 18


MIXED = st.text(alphabet=st.sampled_from("abé€[’“—…\u00a0œçÀﬁ\u0301\u0302\u200be😀ж")) | st.text(
    alphabet=st.characters(exclude_categories=())
)


@given(text=MIXED, letters=st.booleans())
@example("\u0301", True)
@example("e\u0301\u0301’", True)
@example("1\u0301", True)
def test_the_original_comes_back(text: str, letters: bool) -> None:
    found = transliterate(text, letters=letters)
    assert found.original() == text
    if found.replacements:
        assert gsm7.unencodable(found.text) == ()
    else:
        assert found.text == text
    places = [one.position for one in found.replacements]
    assert places == sorted(set(places))
    for one in found.replacements:
        assert text[one.position : one.position + len(one.character)] == one.character
        assert standing_for(one.character) == one.replacement


@given(text=MIXED)
def test_what_is_in_the_alphabet_is_not_touched(text: str) -> None:
    if gsm7.unencodable(text) == ():
        assert transliterate(text) == Transliteration(text)


@given(text=st.text(alphabet=st.characters(categories=["L"], max_codepoint=0x24F)))
def test_composed_and_decomposed_letters_read_the_same(text: str) -> None:
    composed = transliterate(unicodedata.normalize("NFC", text))
    decomposed = transliterate(unicodedata.normalize("NFD", text))
    if composed.replacements and decomposed.replacements:
        assert composed.text == decomposed.text
