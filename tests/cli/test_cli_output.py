"""Tables that fit, words for sizes and times."""

from __future__ import annotations

import contextlib
import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.cli.output import (
    NARROWEST,
    WIDTH,
    folded,
    say,
    say_json,
    table,
    width,
)
from smppgw.core.command import Column
from smppgw.core.figures import cell, duration, octets, when
from smppgw.ops.shell.render import NARROW

NAME, COUNT = Column("NAME", "name"), Column("COUNT", "count", right=True)


def test_columns_are_as_wide_as_what_they_hold() -> None:
    assert table((NAME, COUNT), [{"name": "a", "count": 1}, {"name": "long", "count": 12345}]) == [
        "NAME  COUNT",
        "a         1",
        "long  12345",
    ]


def test_a_table_of_nothing_is_its_heading() -> None:
    assert table((NAME, COUNT), []) == ["NAME  COUNT"]


def test_what_is_missing_is_a_dash() -> None:
    assert table((NAME, COUNT), [{"name": ""}])[1].split() == ["-", "-"]


def test_the_widest_text_is_cut_first_and_figures_never() -> None:
    columns = (NAME, Column("WHY", "why"), COUNT)
    lines = table(columns, [{"name": "n" * 20, "why": "w" * 200, "count": 10**30}])
    assert max(map(len, lines)) == WIDTH
    assert "n" * 20 in lines[1]
    assert "…" in lines[1]
    assert str(10**30) in lines[1]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"a": st.text("xyz ", max_size=150), "b": st.text("xyz", max_size=150)}
            | {"n": st.integers(0, 10**9)}
        ),
        max_size=5,
    )
)
def test_no_line_is_longer_than_a_terminal(records: list[dict[str, object]]) -> None:
    columns = (Column("A", "a"), Column("B", "b"), Column("N", "n", right=True))
    lines = table(columns, records)
    assert all(len(line) <= WIDTH for line in lines)
    assert len(lines) == len(records) + 1
    for line, record in zip(lines[1:], records, strict=True):
        assert line.endswith(str(record["n"]))


@given(st.text("ab ", max_size=400))
def test_folding_loses_no_word(text: str) -> None:
    lines = folded(text, "    ")
    assert " ".join(lines).split() == text.split() or len(max(text.split(), key=len)) > WIDTH - 4
    assert all(len(line) <= WIDTH for line in lines)


class Terminal(io.StringIO):
    """A stdout with a file descriptor, whatever is behind it."""

    def fileno(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("columns", "used"), [(0, WIDTH), (40, NARROWEST), (80, 80), (100, WIDTH), (200, WIDTH)]
)
def test_lines_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, used: int) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((columns, 25)))
    assert width() == used
    assert max(map(len, folded("word " * 80, "    "))) in range(used - 5, used + 1)
    assert max(map(len, table((NAME,), [{"name": "n" * 300}]))) == used


def test_what_steers_a_terminal_does_not_shift_a_table() -> None:
    lines = table((NAME, COUNT), [{"name": "a\n\x1b", "count": 1}, {"name": "b", "count": 2}])
    assert lines[1:] == ["a\\n\\x1b      1", "b            2"]


def test_narrow_leaves_something_to_read() -> None:
    columns = tuple(Column(f"C{n}", f"c{n}") for n in range(9))
    (_, line) = table(columns, [{f"c{n}": "x" * 50 for n in range(9)}])
    assert all(len(word) >= NARROW for word in line.split())


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), (0, "0"), ("text", "text")],
)
def test_cells(value: object, shown: str) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 * 1024**2, "5.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (5000 * 1024**3, "5000.0 GiB"),
    ],
)
def test_sizes(count: int | None, shown: str) -> None:
    assert octets(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7200, "2 h"),
        (200_000, "2 d"),
    ],
)
def test_time_spans(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_moments_are_shown_to_the_second() -> None:
    assert when("2026-01-31T12:00:00.123Z") == "2026-01-31 12:00:00"
    assert when(None) == ""


def test_json_is_one_document_in_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"é": [1, None]})
    say("end")
    assert capsys.readouterr().out == '{\n  "é": [\n    1,\n    null\n  ]\n}\nend\n'


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x80", "\x84", "\x9b", "\x9f"])
def test_what_steers_a_terminal_is_escaped_as_json_has_it(
    capsys: pytest.CaptureFixture[str], character: str
) -> None:
    say_json({character: f"a{character}b"})
    out = capsys.readouterr().out
    assert character not in out
    assert f"\\u{ord(character):04x}" in out
    assert json.loads(out) == {character: f"a{character}b"}


def test_what_only_looks_like_an_escape_stays(capsys: pytest.CaptureFixture[str]) -> None:
    say_json(["\\x84", "\\\x84", "\xa0é€😀"])
    out = capsys.readouterr().out
    assert json.loads(out) == ["\\x84", "\\\x84", "\xa0é€😀"]
    assert "\xa0é€😀" in out


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_valid_json_in_utf8(text: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        say_json({"text": text})
    out = stdout.getvalue()
    out.encode("utf-8")
    # Two surrogates in a row are one character to whoever reads them.
    expected = text.encode("utf-16-be", "surrogatepass")
    assert json.loads(out)["text"].encode("utf-16-be", "surrogatepass") == expected
