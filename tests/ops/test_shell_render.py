"""Tables for any width: what is cut, what is left out, and notes below."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smppgw.core import figures
from smppgw.core.command import Column, Table
from smppgw.core.figures import cell, visible
from smppgw.ops.shell.pipes import through
from smppgw.ops.shell.render import lines, table_lines

COLUMNS = (
    Column("ID", "id", whole=True),
    Column("TEXT", "text"),
    Column("COUNT", "count", right=True),
    Column("HOST", "host", minor=2),
    Column("SINCE", "since", whole=True, minor=1),
)
ROW = {
    "id": "0123456789abcdef",
    "text": "a text that is long enough to be cut somewhere",
    "count": 1234567,
    "host": "smsc.example.net",
    "since": "2026-01-31 12:00:00",
}


def headings(width: int) -> list[str]:
    return table_lines(COLUMNS, [ROW], width)[0].split()


def test_what_matters_least_is_left_out_first() -> None:
    assert headings(200) == ["ID", "TEXT", "COUNT", "HOST", "SINCE"]
    assert headings(89) == ["ID", "TEXT", "COUNT", "SINCE"]
    assert headings(72) == ["ID", "TEXT", "COUNT", "SINCE"]
    assert headings(71) == ["ID", "TEXT", "COUNT"]
    assert headings(20) == ["ID", "TEXT", "COUNT"]


def test_texts_are_cut_and_ids_are_not() -> None:
    (_, row) = table_lines(COLUMNS, [ROW], 60)
    assert row.startswith("0123456789abcdef  a text that")
    assert row.endswith("…  1234567")
    assert len(row) == 60


def test_a_text_is_not_cut_to_bits_for_a_column_that_matters_less() -> None:
    assert str(ROW["text"])[:23] in table_lines(COLUMNS, [ROW], 72)[1]
    assert str(ROW["text"])[:41] in table_lines(COLUMNS, [ROW], 71)[1]


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1, max_size=6),
    st.lists(st.lists(st.text("ab ", max_size=40), min_size=6, max_size=6), max_size=4),
    st.integers(10, 120),
)
def test_lines_fit_when_they_can(
    kinds: list[tuple[bool, bool, int]], cells: list[list[str]], width: int
) -> None:
    columns = [
        Column(f"C{place}", f"c{place}", right, whole=whole, minor=minor)
        for place, (right, whole, minor) in enumerate(kinds)
    ]
    rows = [{f"c{place}": text for place, text in enumerate(row)} for row in cells]
    said = table_lines(columns, rows, width)
    assert len(said) == len(rows) + 1
    shown = said[0].split()
    assert [one for one in shown if one in {column.heading for column in columns}] == shown
    assert {column.heading for column in columns if not column.minor} <= set(shown)
    stiff = [one for one in columns if not one.minor and (one.right or one.whole)]
    if not stiff and len([one for one in columns if not one.minor]) * 10 <= width:
        assert max(map(len, said)) <= width


def test_a_note_can_have_several_lines() -> None:
    note = "first: " + "word " * 10 + "\n\nsecond"
    said = lines(Table((Column("A", "a"),), [{"a": 1}], note=note), 30)
    assert said == [
        "A",
        "1",
        "first: word word word word",
        "  word word word word word",
        "  word",
        "",
        "second",
    ]


# ---------------------------------------------------------------------- quick ways, same result

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
RECORD = st.dictionaries(st.text(max_size=3), PLAIN | st.lists(PLAIN, max_size=2), max_size=4)


@given(st.lists(RECORD, max_size=4))
def test_rows_for_programs_are_written_as_any_json(rows: list[dict[str, Any]]) -> None:
    said = lines(through(Table((), rows), [["json"]], 80), 80)
    assert json.loads("\n".join(said)) == rows
    usual = json.dumps(rows, ensure_ascii=False, indent=2)
    if usual.replace("\n", "").isprintable():
        assert "\n".join(said) == usual
    assert not any(figures._CONTROL.search(line) for line in said)


@given(st.text())
def test_what_is_printable_is_shown_as_it_is(text: str) -> None:
    escaped = figures._CONTROL.sub(
        lambda found: found[0].encode("unicode_escape").decode("ascii"), text
    )
    assert visible(text) == escaped
    assert cell(text) == (escaped.replace("\n", "\\n") or "-")
