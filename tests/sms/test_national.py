"""The national language tables against those collected in vectors/national_tables.json."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from smppgw.sms.national import ESC, LOCKING, NAMES, SINGLE, UNASSIGNED

COLLECTED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "national_tables.json").read_text()
)
TABLES: dict[str, dict[str, Any]] = COLLECTED["tables"]
EXTENSION = {
    **{0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\"},
    **{0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "\u20ac"},
}
INDIC = range(4, 13)


def codes(table: dict[str, str]) -> dict[int, str]:
    return {int(code, 16): character for code, character in table.items()}


# The collected tables


def test_as_many_tables_as_collected() -> None:
    assert sorted(LOCKING) == sorted(SINGLE) == sorted(NAMES) == list(range(14))
    assert {table["id"]: name for name, table in TABLES.items()} == dict(NAMES)


@pytest.mark.parametrize("name", TABLES)
def test_locking_table_cell_by_cell(name: str) -> None:
    table = TABLES[name]
    # Spanish has none of its own.
    expected = codes(table["locking"] or TABLES["default"]["locking"])
    found = LOCKING[table["id"]]
    assert len(found) == 128
    assert {
        code: character for code, character in enumerate(found) if character != UNASSIGNED
    } == expected


@pytest.mark.parametrize("name", TABLES)
def test_single_table_cell_by_cell(name: str) -> None:
    table = TABLES[name]
    assert SINGLE[table["id"]] == codes(table["single"])


def test_cells_on_which_copies_differ() -> None:
    assert LOCKING[6][:3] == "\u0901\u0902\u0903"
    assert LOCKING[7][0x24] == "\u0ca1"
    assert SINGLE[8][0x40] == "|"
    assert SINGLE[12][0x65] == "\u20ac"
    assert LOCKING[13][0x60] == "\u0654"
    assert LOCKING[13][0x5F] == "\u0657"


# Tables by themselves


def test_extension_of_the_default_alphabet() -> None:
    assert SINGLE[0] == EXTENSION


@pytest.mark.parametrize(
    ("identifier", "added"),
    [(1, "ĞİŞçğ\u0131ş"), (2, "çÁÍÓÚáíóú"), (3, "êçÔôÁáΦΓΩΠΨΣΘÊÀÍÓÚÃÕÂíóúãõâ")],
)
def test_european_single_tables_add_to_the_extension(identifier: int, added: str) -> None:
    table = SINGLE[identifier]
    assert EXTENSION.items() <= table.items()
    assert {table[code] for code in table.keys() - EXTENSION.keys()} == set(added)


@pytest.mark.parametrize(
    ("identifier", "changes"),
    [
        (1, {4: "€", 7: "\u0131", 0xB: "Ğ", 0xC: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"}),
        (2, {}),
    ],
)
def test_locking_tables_close_to_the_default(identifier: int, changes: dict[int, str]) -> None:
    assert {
        code: found
        for code, (found, default) in enumerate(zip(LOCKING[identifier], LOCKING[0], strict=True))
        if found != default
    } == changes


@pytest.mark.parametrize("identifier", LOCKING)
def test_what_every_locking_table_has(identifier: int) -> None:
    table = LOCKING[identifier]
    assert (table[0x0A], table[0x0D], table[ESC], table[0x20]) == ("\n", "\r", "\x1b", " ")
    assert table[0x30:0x3C] == "0123456789:;"
    assert table[0x61:0x7B] == "abcdefghijklmnopqrstuvwxyz"
    assert "".join(table[code] for code in (0x21, 0x2C, 0x2E, 0x3F)) == "!,.?"


@pytest.mark.parametrize("identifier", LOCKING)
def test_locking_table_has_no_character_twice(identifier: int) -> None:
    assigned = LOCKING[identifier].replace(UNASSIGNED, "")
    assert len(set(assigned)) == len(assigned)


@pytest.mark.parametrize("identifier", SINGLE)
def test_what_every_single_table_has(identifier: int) -> None:
    table = SINGLE[identifier]
    assert {0x0D, ESC} & table.keys() == set()
    assert (table[0x0A], table[0x14], table[0x65]) == ("\f", "^", "\u20ac")
    assert all(0 <= code < 0x80 for code in table)
    assert all(len(character) == 1 for character in table.values())


@pytest.mark.parametrize("identifier", SINGLE)
def test_only_indic_signs_stand_twice_in_a_single_table(identifier: int) -> None:
    characters = list(SINGLE[identifier].values())
    twice = {character for character in characters if characters.count(character) > 1}
    assert twice == (set("*¡") if identifier >= INDIC[0] else set())


@pytest.mark.parametrize("identifier", SINGLE)
def test_first_code_of_a_character_that_stands_twice_comes_first(identifier: int) -> None:
    seen: dict[str, int] = {}
    for code, character in SINGLE[identifier].items():
        assert seen.setdefault(character, code) <= code


@pytest.mark.parametrize("identifier", INDIC)
def test_indic_tables_hold_one_script(identifier: int) -> None:
    blocks = {ord(one) >> 7 for one in LOCKING[identifier] if 0x0900 <= ord(one) < 0x0E00}
    assert len(blocks) == 1
    danda = {"\u0964", "\u0965"}
    single = {ord(one) >> 7 for one in set(SINGLE[identifier].values()) - danda if one > "\u0900"}
    assert single - {0x20AC >> 7} == blocks


@pytest.mark.parametrize("identifier", INDIC)
def test_indic_digits_are_in_order(identifier: int) -> None:
    digits = [one for one in SINGLE[identifier].values() if not one.isascii() and one.isdigit()]
    first = ord(digits[0])
    assert digits[:10] == [chr(first + digit) for digit in range(10)]
    assert first & 0x7F == 0x66


def test_tables_of_a_message_fit_into_255_characters() -> None:
    # EscapedAlphabet writes no more.
    for locking in LOCKING.values():
        for single in SINGLE.values():
            assert len(set(locking) | set(single.values())) <= 255


def test_tables_stay_as_they_are() -> None:
    for table in (LOCKING, SINGLE, NAMES):
        assert not isinstance(table, MutableMapping)
        with pytest.raises(TypeError):
            table[0] = "x"  # type: ignore[index]
