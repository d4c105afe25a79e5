"""The alphabets of single SMSCs against what their peers sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.sms import gsm7, vendor
from smppgw.sms.errors import UnencodableCharacter
from smppgw.sms.escaped import REPLACEMENT, EscapedAlphabet

VECTORS: list[dict[str, Any]] = [
    vector
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / "gsm7.json").read_text())[
        "vectors"
    ]
    if vector["form"].startswith("vendor:")
]
NAMED: dict[str, Callable[[], EscapedAlphabet]] = {
    "vendor:airwide-ia5": vendor.airwide_ia5,
    "vendor:vodafone-de-gsm": vendor.vodafone_de,
    "vendor:vodafone-tr-gsm": vendor.vodafone_tr,
    "vendor:tmobile-nl-gsm": vendor.tmobile_nl,
    "vendor:hp-roman8-escaped (data_coding 0)": vendor.hp_roman8,
}
EACH = pytest.mark.parametrize("named", NAMED.values(), ids=NAMED)
GSM = gsm7.tables(0, 0)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['form'][7:]} {one['text']!r}")
def test_collected(vector: dict[str, Any]) -> None:
    alphabet = NAMED[vector["form"]]()
    octets = bytes.fromhex(vector["hex"])
    assert alphabet.decode(octets) == vector["text"]
    assert alphabet.encode(vector["text"]) == octets


def test_collected_of_every_vendor() -> None:
    assert {vector["form"] for vector in VECTORS} == set(NAMED)


@EACH
def test_every_character_there_and_back(named: Callable[[], EscapedAlphabet]) -> None:
    alphabet = named()
    for character in alphabet.characters:
        octets = alphabet.encode(character)
        assert alphabet.decode(octets) == character
        assert alphabet.length(character) == len(octets) <= 2


@EACH
def test_letters_digits_and_line_ends_are_as_everywhere(
    named: Callable[[], EscapedAlphabet],
) -> None:
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;!?\r\n"
    assert named().encode(plain) == plain.encode("ascii")


@pytest.mark.parametrize(
    "named", [vendor.vodafone_de, vendor.vodafone_tr], ids=["vodafone-de", "vodafone-tr"]
)
def test_moved_characters_are_those_of_gsm(named: Callable[[], EscapedAlphabet]) -> None:
    assert named().characters == GSM.characters
    assert all(named().length(one) == GSM.length(one) for one in GSM.characters)
    assert named().encode("\f^{}\\[~]|€") == GSM.encode("\f^{}\\[~]|€")


@given(st.data(), st.sampled_from(list(NAMED.values())))
def test_texts_there_and_back(data: st.DataObject, named: Callable[[], EscapedAlphabet]) -> None:
    alphabet = named()
    text = data.draw(st.text(st.sampled_from(sorted(alphabet.characters)), max_size=200))
    octets = alphabet.encode(text)
    assert alphabet.decode(octets) == text
    assert alphabet.length(text) == len(octets)
    assert alphabet.unencodable(text) == ()


@given(st.binary(max_size=200), st.sampled_from(list(NAMED.values())))
def test_reading_never_raises(octets: bytes, named: Callable[[], EscapedAlphabet]) -> None:
    text = named().decode(octets)
    assert set(text) <= named().characters | {REPLACEMENT, " ", "\x1b"}


@given(st.text(max_size=50), st.sampled_from(list(NAMED.values())))
def test_writing_raises_the_documented_error_only(
    text: str, named: Callable[[], EscapedAlphabet]
) -> None:
    lacking = named().unencodable(text)
    if not lacking:
        named().encode(text)
        return
    with pytest.raises(UnencodableCharacter) as caught:
        named().encode(text)
    assert caught.value.position == lacking[0]


# One by one


def test_tmobile_nl_has_the_euro_and_no_extension() -> None:
    alphabet = vendor.tmobile_nl()
    assert alphabet.characters == GSM.characters - set("\f^{}\\[~]|")
    assert alphabet.encode("@£€à") == b"\x00\x01\x80\x7f"
    assert alphabet.decode(b"\x80\x00\x81") == f"€@{REPLACEMENT}"


def test_vodafone_de_has_german_letters_as_iso_646() -> None:
    alphabet = vendor.vodafone_de()
    assert alphabet.encode("ÄÖÜäöüß") == b"[\\]{|}~"
    assert alphabet.encode("@$§¤¡Ññ_") == b"\x40\x24\x5e\x02\xa1\x5f\x1e\x11"
    # The octets of GSM that nobody else has are still understood.
    assert alphabet.decode(b"\x00\x11\x1b\x65") == "@_€"


def test_vodafone_tr_has_latin_1_but_for_greek() -> None:
    alphabet = vendor.vodafone_tr()
    latin1 = "@£$¥èéùìòÇØøÅå_ÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"
    assert alphabet.encode(latin1) == latin1.encode("latin-1")
    assert alphabet.encode("ΔΦΓΛΩΠΨΣΘΞ").hex() == "7f12131415161718191a"
    assert alphabet.decode(b"\x00\x01\x05\x10") == "@£éΔ"
    assert alphabet.unencodable("aşç") == (1, 2)


def test_airwide_reads_ascii_signs_and_writes_gsm() -> None:
    alphabet = vendor.airwide_ia5()
    assert alphabet.encode("@$_é") == GSM.encode("@$_é")
    assert alphabet.decode(b"\x40\x24\x5f\x00\x02\x11") == "@$_@$_"
    assert alphabet.unencodable("¡¤§") == (0, 1, 2)
    assert alphabet.decode(b"\x1b\x40") == "|"


def test_hp_roman8_of_a_deliver_sm() -> None:
    alphabet = vendor.hp_roman8()
    pounds = bytes.fromhex("506c65617365206465706f73697420bb35") + b", Jos\xc5"
    assert alphabet.decode(pounds) == "Please deposit £5, José"
    assert alphabet.encode("£5, José") == b"\xbb5, Jos\xc5"


def test_hp_roman8_reads_more_than_it_writes() -> None:
    alphabet = vendor.hp_roman8()
    assert alphabet.decode(b"[\\]^{|}~") == "[\\]^{|}~"
    assert alphabet.decode(b"\x8d\x14\x8d\x40") == "^|"
    assert alphabet.encode("[\\]^{|}~€").hex(" ", 2) == (
        "8d3c 8d2f 8d3e 8d86 8d28 8db8 8d29 8d3d 8d65"
    )
    assert alphabet.decode(b"\x80\x9f\xff\x1b") == REPLACEMENT * 4
