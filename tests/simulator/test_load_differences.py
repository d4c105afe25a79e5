"""Two results side by side: what is chance, what is better, what is worse."""

from __future__ import annotations

from copy import deepcopy
from math import inf
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_kit import result_of

from smppgw.simulator.differences import Difference, differences, other_plan
from smppgw.simulator.shapes import shape

BASE = result_of({"response_delay": 0.01}, count=10**6, shape=shape("constant", 50.0, 12.0))


def result(
    rate: float = 1000.0, p99: float = 20.0, spread: float = 0.02, seed: int = 1, **more: Any
) -> dict[str, Any]:
    """A result with such a rate and p99, whose seconds are so far apart."""
    random = Random(f"{seed} {rate} {p99}")
    made = deepcopy(BASE)
    series = made["series"]
    count = len(series["seconds"])
    made["rate"], made["latency"]["p99"] = rate, p99
    series["per_second"]["accepted"] = [random.gauss(rate, spread * rate) for _ in range(count)]
    series["latency"]["p99"] = [random.gauss(p99, spread * p99) for _ in range(count)]
    made["messages"]["sent"] = 10_000
    for name, value in more.items():
        place = made["far_end"] if name in made["far_end"] else made["messages"]
        place[name] = value
    return made


def word(before: dict[str, Any], after: dict[str, Any], name: str) -> Difference:
    return next(one for one in differences(before, after, 0.05) if one.name == name)


@pytest.mark.parametrize(
    ("before", "after", "name", "said"),
    [
        ({}, {"seed": 2}, "rate", "same"),
        ({}, {"rate": 1040.0}, "rate", "same"),
        ({}, {"rate": 900.0}, "rate", "worse"),
        ({}, {"rate": 1200.0}, "rate", "better"),
        ({}, {"p99": 30.0}, "p99", "worse"),
        ({}, {"p99": 10.0}, "p99", "better"),
        ({"spread": 0.9}, {"p99": 21.5, "spread": 0.9}, "p99", "noise"),
        ({"lost": 0}, {"lost": 1}, "lost", "worse"),
        ({"lost": 2}, {"lost": 1}, "lost", "better"),
        ({"duplicates": 1}, {"duplicates": 1}, "duplicates", "same"),
        ({"rejected": 100}, {"rejected": 105}, "rejected", "noise"),
        ({"rejected": 100}, {"rejected": 200}, "rejected", "worse"),
        ({"unanswered": 50}, {"unanswered": 0}, "unanswered", "better"),
        ({"unanswered": 0}, {"unanswered": 0}, "unanswered", "same"),
    ],
)
def test_words(before: dict[str, Any], after: dict[str, Any], name: str, said: str) -> None:
    found = word(result(**before), result(**after), name)
    assert found.word == said, found


def test_single_figures_have_no_word() -> None:
    found = word(result(), result(), "max")
    assert found.word == ""


def test_a_change_from_nothing() -> None:
    assert word(result(lost=0), result(lost=5), "lost").change == inf


def test_too_few_seconds_cannot_excuse_a_change() -> None:
    before, after = result(), result(p99=40.0)
    for one in (before, after):
        series = one["series"]
        series["seconds"] = series["seconds"][:3]
        for column in (*series["per_second"].values(), *series["latency"].values()):
            del column[3:]
    found = word(before, after, "p99")
    assert (found.word, found.sigmas) == ("worse", None)


def test_seconds_of_settling_do_not_count() -> None:
    before, after = result(), result()
    for one in (before, after):
        one["series"]["per_second"]["accepted"][-1] = 0.0
        one["series"]["seconds"][-1] = one["seconds"]["sending"] + 10
    assert word(before, after, "rate").word == "same"


@settings(max_examples=50, deadline=None)
@given(st.floats(100.0, 10_000.0), st.floats(100.0, 10_000.0))
def test_what_is_better_one_way_is_worse_the_other(first: float, second: float) -> None:
    there = word(result(rate=first), result(rate=second), "rate").word
    back = word(result(rate=second), result(rate=first), "rate").word
    if "same" not in (there, back):
        assert back == {"better": "worse", "worse": "better", "noise": "noise"}[there]


def test_figures_that_one_of_them_has_not_are_left_out() -> None:
    other = result()
    other["far_end"] = None
    other["receipts"]["asked"] = False
    names = {one.name for one in differences(result(), other, 0.05)}
    assert "rate" in names
    assert names.isdisjoint({"lost", "duplicates", "mo.lost", "pending"})


def test_what_was_asked_for_otherwise() -> None:
    before = {"plan": {"target": "a:1", "rate": 10.0, "binds": 1}}
    after = {"plan": {"target": "b:2", "rate": 20.0, "binds": 1, "mo_rate": 5.0}}
    assert other_plan(before, after) == ["rate: 10.0 -> 20.0", "mo_rate: - -> 5.0"]
