"""data_coding: all 256 values read, and written back."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from smppgw.sms.alphabet import Alphabet
from smppgw.sms.data_coding import (
    DataCoding,
    Mwi,
    MwiType,
    parse_overrides,
    read,
    resolve,
    write,
)
from smppgw.sms.message_class import ClassStyle, MessageClass, class_of

TABLE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "dcs.json").read_text()
)["table"]
ALPHABETS = {
    "bind default (gsm7 unpacked unless configured)": None,
    "ascii (configurable: many peers mean gsm7 or latin-1)": Alphabet.ASCII,
    "binary": Alphabet.BINARY,
    "latin-1": Alphabet.LATIN1,
    "shift_jis family (pass through)": Alphabet.JIS,
    "iso-8859-5": Alphabet.CYRILLIC,
    "iso-8859-8": Alphabet.HEBREW,
    "utf-16-be": Alphabet.UCS2,
    "iso-2022-jp (pass through)": Alphabet.MUSIC_CODES,
    "euc-kr (pass through)": Alphabet.EUC_KR,
    "gsm7 (unpacked over SMPP)": Alphabet.GSM7,
    "reject 0x104 on v5 / pass through raw": Alphabet.BINARY,
    "pass through raw": Alphabet.BINARY,
    "compressed: pass through raw": Alphabet.BINARY,
}
"""What the table recommends for input."""
PASSED_THROUGH = {0x09: Alphabet.PICTOGRAM, 0x0D: Alphabet.EXTENDED_KANJI}

OCTETS = st.integers(0, 255)
ANY_ALPHABET = st.sampled_from(Alphabet)
CLASSES = st.sampled_from(MessageClass)
STYLES = st.sampled_from(ClassStyle)
OVERRIDES = st.dictionaries(OCTETS, ANY_ALPHABET, max_size=8)
CLASSED = (Alphabet.GSM7, Alphabet.BINARY, Alphabet.UCS2)
"""The alphabets that a data_coding can say along with a class."""

VOICEMAIL = Mwi(MwiType.VOICEMAIL, active=True, store=False)


# Reading


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["hex"])
def test_every_value_as_the_table_has_it(row: dict[str, Any]) -> None:
    value, recommended, theirs = row["data_coding"], row["recommended_input"], row["ts23038"]
    found = read(value)
    if recommended["alphabet"] == "pass through":
        assert found.alphabet is PASSED_THROUGH[value]
    else:
        assert found.alphabet is ALPHABETS[recommended["alphabet"]]
    assert found.message_class == recommended["class"]
    assert found.compressed is theirs["compressed"]
    assert found.automatic_deletion is theirs.get("auto_delete", False)
    if "mwi" in theirs:
        assert found.mwi is not None
        assert found.mwi.active is theirs["mwi"]["active"]
        assert found.mwi.type.name == theirs["mwi"]["type"].upper()
        assert found.mwi.store is theirs["group"].startswith("MWI store")
    else:
        assert found.mwi is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0x00, DataCoding(None)),
        (0x01, DataCoding(Alphabet.ASCII)),
        (0x03, DataCoding(Alphabet.LATIN1)),
        (0x08, DataCoding(Alphabet.UCS2)),
        (0x10, DataCoding(Alphabet.GSM7, MessageClass.FLASH)),
        (0x18, DataCoding(Alphabet.UCS2, MessageClass.FLASH)),
        (0x1C, DataCoding(Alphabet.BINARY, MessageClass.FLASH)),
        (0x20, DataCoding(Alphabet.BINARY, compressed=True)),
        (0x48, DataCoding(Alphabet.UCS2, automatic_deletion=True)),
        (0x80, DataCoding(Alphabet.BINARY)),
        (0xC8, DataCoding(Alphabet.GSM7, mwi=VOICEMAIL)),
        (0xDA, DataCoding(Alphabet.GSM7, mwi=Mwi(MwiType.EMAIL, active=True, store=True))),
        (0xE0, DataCoding(Alphabet.UCS2, mwi=Mwi(MwiType.VOICEMAIL, active=False, store=True))),
        (0xF1, DataCoding(Alphabet.GSM7, MessageClass.ME)),
        (0xF6, DataCoding(Alphabet.BINARY, MessageClass.SIM)),
    ],
    ids=lambda value: f"0x{value:02X}" if isinstance(value, int) else "",
)
def test_a_value_of_each_group(value: int, expected: DataCoding) -> None:
    assert read(value) == expected


@pytest.mark.parametrize("value", range(256))
def test_class_is_the_one_of_message_class(value: int) -> None:
    assert read(value).message_class is class_of(value)


def test_bits_without_meaning_change_nothing() -> None:
    assert {read(value) for value in range(0x40, 0x44)} == {read(0x40)}
    assert all(read(value | 4) == read(value) for value in range(0xC0, 0xF0) if not value & 4)
    assert all(read(value | 8) == read(value) for value in range(0xF0, 0xF8))


def test_message_class_and_waiting_never_come_together() -> None:
    assert all(read(value).mwi is None or read(value).message_class is None for value in range(256))


@given(st.integers())
def test_reading_raises_nothing_but_value_error(value: int) -> None:
    if 0 <= value <= 255:
        assert isinstance(read(value), DataCoding)
    else:
        with pytest.raises(ValueError, match=str(value)):
            read(value)


def test_what_was_read_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        read(0).compressed = True  # type: ignore[misc]


# Writing: the matrix of classes and styles


@pytest.mark.parametrize(
    ("alphabet", "plain"),
    [
        (Alphabet.GSM7, 0x00),
        (Alphabet.GSM7_PACKED, 0x00),
        (Alphabet.ASCII, 0x01),
        (Alphabet.LATIN1, 0x03),
        (Alphabet.BINARY, 0x04),
        (Alphabet.JIS, 0x05),
        (Alphabet.CYRILLIC, 0x06),
        (Alphabet.HEBREW, 0x07),
        (Alphabet.UCS2, 0x08),
        (Alphabet.UCS2_LE, 0x08),
        (Alphabet.EUC_KR, 0x0E),
        (Alphabet.UTF8, 0x00),
        (Alphabet.LATIN1_EURO, 0x00),
        (Alphabet.HP_ROMAN8, 0x00),
    ],
)
@pytest.mark.parametrize("style", ClassStyle)
def test_without_a_class(alphabet: Alphabet, plain: int, style: ClassStyle) -> None:
    assert write(alphabet, None, style) == (plain, None)


@pytest.mark.parametrize(
    ("style", "alphabet", "first"),
    [
        (ClassStyle.F0, Alphabet.GSM7, 0xF0),
        (ClassStyle.F0, Alphabet.GSM7_PACKED, 0xF0),
        (ClassStyle.F0, Alphabet.BINARY, 0xF4),
        (ClassStyle.F0, Alphabet.UCS2, 0x18),
        (ClassStyle.F0, Alphabet.UCS2_LE, 0x18),
        (ClassStyle.X1, Alphabet.GSM7, 0x10),
        (ClassStyle.X1, Alphabet.GSM7_PACKED, 0x10),
        (ClassStyle.X1, Alphabet.BINARY, 0x14),
        (ClassStyle.X1, Alphabet.UCS2, 0x18),
        (ClassStyle.X1, Alphabet.UCS2_LE, 0x18),
    ],
)
@pytest.mark.parametrize("message_class", MessageClass)
def test_class_in_the_data_coding(
    style: ClassStyle, alphabet: Alphabet, first: int, message_class: MessageClass
) -> None:
    assert write(alphabet, message_class, style) == (first + message_class, None)


@pytest.mark.parametrize("message_class", MessageClass)
@pytest.mark.parametrize("alphabet", Alphabet)
def test_class_in_the_subunit(alphabet: Alphabet, message_class: MessageClass) -> None:
    plain, _ = write(alphabet)
    assert write(alphabet, message_class, ClassStyle.SUBUNIT) == (plain, message_class + 1)


@pytest.mark.parametrize("style", ClassStyle)
@pytest.mark.parametrize("alphabet", [Alphabet.LATIN1, Alphabet.CYRILLIC, Alphabet.LATIN1_EURO])
def test_an_alphabet_that_has_no_class_gets_a_subunit(
    alphabet: Alphabet, style: ClassStyle
) -> None:
    assert write(alphabet, MessageClass.SIM, style) == (write(alphabet)[0], 3)


def test_the_usual_style_is_f0() -> None:
    assert write(Alphabet.GSM7, MessageClass.FLASH) == (0xF0, None)


@given(st.sampled_from(CLASSED), CLASSES, STYLES)
def test_what_was_written_is_read(
    alphabet: Alphabet, message_class: MessageClass, style: ClassStyle
) -> None:
    data_coding, subunit = write(alphabet, message_class, style)
    assert resolve(data_coding, Alphabet.GSM7, {}).alphabet is alphabet
    assert class_of(data_coding, subunit) is message_class


@given(ANY_ALPHABET, st.none() | CLASSES, STYLES)
def test_writing_gives_octets_that_say_the_class(
    alphabet: Alphabet, message_class: MessageClass | None, style: ClassStyle
) -> None:
    data_coding, subunit = write(alphabet, message_class, style)
    assert type(data_coding) is int
    assert subunit is None or type(subunit) is int
    assert class_of(data_coding, subunit) is message_class
    assert read(data_coding).mwi is None


# One bind: default and overrides


@pytest.mark.parametrize(
    ("value", "default", "overrides", "alphabet"),
    [
        (0x00, Alphabet.GSM7, {}, Alphabet.GSM7),
        (0x00, Alphabet.LATIN1, {}, Alphabet.LATIN1),
        (0x00, Alphabet.LATIN1, {0: Alphabet.UTF8}, Alphabet.UTF8),
        (0x01, Alphabet.GSM7, {}, Alphabet.ASCII),
        (0x01, Alphabet.LATIN1, {1: Alphabet.GSM7}, Alphabet.GSM7),
        (0x03, Alphabet.GSM7, {1: Alphabet.GSM7}, Alphabet.LATIN1),
        (0x08, Alphabet.GSM7, {8: Alphabet.UCS2_LE}, Alphabet.UCS2_LE),
        (0xF1, Alphabet.LATIN1, {}, Alphabet.GSM7),
        (0xF1, Alphabet.LATIN1, {0xF1: Alphabet.LATIN1}, Alphabet.LATIN1),
        (0x00, Alphabet.GSM7_PACKED, {}, Alphabet.GSM7_PACKED),
        (0xF0, Alphabet.GSM7_PACKED, {}, Alphabet.GSM7_PACKED),
        (0xF0, Alphabet.GSM7_PACKED, {0xF0: Alphabet.GSM7}, Alphabet.GSM7),
        (0xF4, Alphabet.GSM7_PACKED, {}, Alphabet.BINARY),
        (0x08, Alphabet.GSM7_PACKED, {}, Alphabet.UCS2),
    ],
)
def test_alphabet_on_a_bind(
    value: int, default: Alphabet, overrides: dict[int, Alphabet], alphabet: Alphabet
) -> None:
    assert resolve(value, default, overrides).alphabet is alphabet


@given(OCTETS, ANY_ALPHABET, OVERRIDES)
def test_resolving_changes_nothing_but_the_alphabet(
    value: int, default: Alphabet, overrides: dict[int, Alphabet]
) -> None:
    found = resolve(value, default, overrides)
    assert found.alphabet is not None
    assert evolve(found, alphabet=None) == evolve(read(value), alphabet=None)
    if value in overrides:
        assert found.alphabet is overrides[value]


@given(OCTETS, ANY_ALPHABET, OVERRIDES, OVERRIDES)
def test_an_override_of_one_bind_stays_with_it(
    value: int, default: Alphabet, one: dict[int, Alphabet], other: dict[int, Alphabet]
) -> None:
    before = resolve(value, default, one)
    resolve(value, default, other)
    assert resolve(value, default, one) == before


@pytest.mark.parametrize("value", [-1, 256])
@pytest.mark.parametrize("overrides", [{}, {-1: Alphabet.GSM7, 256: Alphabet.GSM7}])
def test_resolving_what_is_no_octet(value: int, overrides: dict[int, Alphabet]) -> None:
    with pytest.raises(ValueError, match=r"not in 0\.\.255"):
        resolve(value, Alphabet.GSM7, overrides)


# Overrides of a configuration


def test_overrides_in_either_notation() -> None:
    assert parse_overrides({"0x01": "gsm7", "3": "latin1-euro", "0XfF": "binary"}) == {
        1: Alphabet.GSM7,
        3: Alphabet.LATIN1_EURO,
        255: Alphabet.BINARY,
    }
    assert parse_overrides({}) == {}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"256": "gsm7"}, "'256' is no data_coding"),
        ({"-1": "gsm7"}, "'-1' is no data_coding"),
        ({"0x100": "gsm7"}, "'0x100' is no data_coding"),
        ({"": "gsm7"}, "'' is no data_coding"),
        ({"0x": "gsm7"}, "'0x' is no data_coding"),
        ({"f0": "gsm7"}, "'f0' is no data_coding"),
        ({"1": "gsm"}, "1: 'gsm' is no alphabet; there are gsm7, "),
        ({"1": "GSM7"}, "'GSM7' is no alphabet"),
        ({"1": "gsm7", "0x01": "ascii"}, "data_coding 0x01 is there twice"),
    ],
)
def test_overrides_that_are_refused(table: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_overrides(table)


@given(OVERRIDES)
def test_overrides_as_written_are_read(overrides: dict[int, Alphabet]) -> None:
    decimal = {str(value): alphabet.value for value, alphabet in overrides.items()}
    hexadecimal = {f"0x{value:02X}": alphabet.value for value, alphabet in overrides.items()}
    assert parse_overrides(decimal) == parse_overrides(hexadecimal) == overrides


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=3))
def test_parsing_raises_nothing_but_value_error(table: dict[str, str]) -> None:
    try:
        found = parse_overrides(table)
    except ValueError:
        return
    assert len(found) == len(table)


def test_styles_and_classes_are_all_different() -> None:
    matrix = itertools.product((Alphabet.GSM7, Alphabet.BINARY), MessageClass, ClassStyle)
    assert len({write(*cell) for cell in matrix}) == 24
