"""Which characters cost what, and the sentence about it."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.sms.alphabet import Alphabet
from smppgw.sms.choose import Style, Terms
from smppgw.sms.explain import Culprit, culprits, sentence, visible
from smppgw.sms.segment import segment
from smppgw.sms.udh import PORTS_16, Element

DURAND = (
    "Soldes jusqu’à -50% ce week-end chez Durand, 12 rue des Lilas."
    " Présentez ce SMS en caisse pour 5€ de plus."
)
PARCEL = (
    "Votre colis est reçu. Rendez-vous à l’hôtel Saint-Éloi, 3ème étage, garçon d’accueil prévenu."
)
PLAIN = Terms((Alphabet.GSM7, Alphabet.UCS2), (), Style.UDH8, 0)


def said(text: str) -> str:
    return sentence(segment(text).culprits)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DURAND, "’ at 13 turns 1 part into 2; ' would not"),
        (
            PARCEL,
            "ç at 19 and 72, ’ at 38 and 77 and ô at 40 turn 1 part into 2; c, ' and o would not",
        ),
        ("l’été", "’ at 2 is not in gsm7, which costs no part; ' would do"),
        ("a" * 100 + "😀", "😀 at 101 turns 1 part into 2; nothing stands for it"),
        (
            "a" * 100 + "😀’",
            "😀 at 101 and ’ at 102 turn 1 part into 2; ' would not, nothing stands for 😀",
        ),
        (
            "a\u00a0" * 60,
            "U+00A0 (no-break space) at 2, 4, 6, 8, 10 and 55 more turns 1 part into 2;"
            " a space would not",
        ),
        (
            "a" * 99 + "\u200b",
            "U+200B (zero width space) at 100 turns 1 part into 2;"
            " without U+200B (zero width space) it reads the same",
        ),
        (
            "Привет",
            "П at 1, р at 2, и at 3, в at 4, е at 5 and 1 more are not in gsm7, which costs no"
            " part; nothing stands for them",
        ),
        ("a" * 159 + "€", "€ at 160 turns 1 part into 2; nothing stands for it"),
        ("a" * 157 + "[]", "[ at 158 and ] at 159 turn 1 part into 2; ( and ) would not"),
        ("a" * 152 + "€" + "b" * 152, "€ at 153 turns 2 parts into 3; nothing stands for it"),
        ("€[]", ""),
        ("a" * 161, ""),
        ("a" * 200 + "€", ""),
        ("", ""),
    ],
)
def test_what_people_read(text: str, expected: str) -> None:
    assert said(text) == expected


def test_what_programs_read() -> None:
    found = segment(PARCEL).culprits
    assert found == (
        Culprit("ç", (18, 71), Alphabet.GSM7, "c", 2, 1),
        Culprit("’", (37, 76), Alphabet.GSM7, "'", 2, 1),
        Culprit("ô", (39,), Alphabet.GSM7, "o", 2, 1),
    )
    for one in found:
        assert {PARCEL[position] for position in one.positions} == {one.character}


def test_what_is_allowed_decides() -> None:
    allowed = (Alphabet.LATIN1, Alphabet.UCS2)
    (one,) = segment("ê" * 80 + "’", alphabets=allowed).culprits
    assert (one.character, one.alphabet, one.replacement) == ("’", Alphabet.LATIN1, "'")
    assert (one.parts, one.parts_without) == (2, 1)
    assert segment("’", alphabets=(Alphabet.UCS2,)).culprits == ()
    # What stands for it in GSM 7-bit is not in ASCII.
    (one,) = segment("\u2126", alphabets=(Alphabet.ASCII, Alphabet.UCS2)).culprits
    assert one.replacement is None


def test_national_tables_cost_their_header() -> None:
    found = segment("ç" + "a" * 158, languages=(3,))
    assert sentence(found.culprits) == "ç at 1 turns 1 part into 2; c would not"
    assert segment("a" * 160, languages=(3,)).culprits == ()


def test_elements_and_style_count() -> None:
    ports = Element(PORTS_16, bytes(4))
    text = "a" * 151 + "€"
    assert segment(text).culprits == ()
    assert sentence(segment(text, elements=(ports,)).culprits).startswith("€ at 152 turns 1 part")
    text = "a" * 303 + "€"
    assert segment(text).culprits == ()
    assert sentence(segment(text, style=Style.UDH16).culprits).startswith("€ at 304 turns 2 parts")


def test_a_clause_has_culprits_too() -> None:
    found = segment("a" * 90 + "\n« STOP »").culprits
    assert sentence(found) == '« at 92 and » at 99 turn 1 part into 2; " would not'


def test_lone_surrogates() -> None:
    (one,) = segment("\ud800").culprits
    assert (one.character, one.replacement) == ("\ufffd", None)


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("a", "a"),
        ("’", "’"),
        ("oe", "oe"),
        ("", "nothing"),
        ("\n", "a line end"),
        (" ", "a space"),
        ("\t", "U+0009"),
        ("\u0301", "U+0301 (combining acute accent)"),
        ("\ue000", "U+E000"),
    ],
)
def test_what_cannot_be_seen_is_named(character: str, shown: str) -> None:
    assert visible(character) == shown


@given(
    text=st.lists(
        st.sampled_from(["a" * 70, "a", "€", "[", "’", "ç", "ж", "😀", "\u200b", "…"]), max_size=20
    ).map("".join)
)
def test_without_the_culprits_it_is_what_they_say(text: str) -> None:
    found = segment(text).culprits
    assert found == culprits(text, PLAIN)
    assert [one.positions[0] for one in found] == sorted(one.positions[0] for one in found)
    without = text
    for one in found:
        assert one.parts == segment(text).messages
        assert "".join(text[at] for at in one.positions) == one.character * text.count(
            one.character
        )
        without = without.replace(one.character, one.replacement or "")
    if found:
        cheaper = segment(without)
        assert cheaper.alphabet is found[0].alphabet
        assert cheaper.messages == found[0].parts_without
        assert sentence(found)
    else:
        assert segment(text).alphabet is Alphabet.GSM7
