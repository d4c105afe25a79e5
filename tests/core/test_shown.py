"""Texts of others on one line, of bounded length, without whole numbers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.figures import visible
from smppgw.core.shown import ELLIPSIS, one_line, without_numbers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("carrier a: bound", "carrier a: bound"),
        ("a\nb\tc\x00", "a\\nb\\tc\\x00"),
        ("\x1b[2Jé\u202e", "\\x1b[2Jé\\u202e"),
        ("\ud800", "\\ud800"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_nothing_ends_a_line_or_steers_a_terminal(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_what_is_cut_says_so() -> None:
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("x" * 11, 10) == "x" * 9 + ELLIPSIS
    assert one_line("\n" * 10, 10) == "\\n\\n\\n\\n\\" + ELLIPSIS


@given(st.text(), st.integers(1, 50))
def test_it_is_printable_and_never_too_long(text: str, longest: int) -> None:
    shown = one_line(text, longest)
    assert visible(shown) == shown
    assert "\n" not in shown
    assert len(shown) <= longest


def test_long_runs_of_digits_lose_their_end() -> None:
    said = "to 33612345678, from 38100, id 123456789"
    assert without_numbers(said) == "to 3361234****, from 38100, id 12345****"


@given(st.text("0123456789 ab"))
def test_no_long_run_shows_its_end(text: str) -> None:
    shown = without_numbers(text)
    assert len(shown) == len(text)
    for run in re.finditer(r"\d+", text):
        if len(run[0]) > 8:
            assert shown[run.end() - 4 : run.end()] == "****"
        else:
            assert shown[run.start() : run.end()] == run[0]
