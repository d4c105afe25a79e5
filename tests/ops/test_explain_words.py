"""Explanations in words and as data; times out of histograms."""

from __future__ import annotations

import json
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.measures import ANSWER_MS, Histogram
from smppgw.ops.explain import Bound, Explanation, Limit, lines, record
from smppgw.ops.explain.answer import cause, number, remedy, seconds, sorted_bounds
from smppgw.ops.explain.times import Process, times

EXAMPLE = Explanation(
    about="carrier fr-a",
    limit=Limit.WINDOW,
    because="All 10 places of the window are taken, and it takes 250 ms to answer.",
    advice="Raise `window` (now 10) if the carrier allows it.",
    rates={1: 41.0, 10: 39.8, 60: 12.0},
    waiting=1204,
    unanswered=10,
    window=10,
    bounds=(Bound(40.0, "window 10, 250 ms to answer"), Bound(100.0, "`throughput`")),
    also=("1 of 2 links not bound: fr-a#2 is waiting",),
)


def test_in_words() -> None:
    assert lines(EXAMPLE) == [
        "carrier fr-a: window",
        "  why     All 10 places of the window are taken, and it takes 250 ms to answer.",
        "  now     39.8 messages/s (1 s: 41, 60 s: 12); 1204 wait, 10 of 10 unanswered",
        "  at most 40 messages/s: window 10, 250 ms to answer",
        "          100 messages/s: `throughput`",
        "  also    1 of 2 links not bound: fr-a#2 is waiting",
        "  advice  Raise `window` (now 10) if the carrier allows it.",
    ]


def test_in_words_when_little_is_known() -> None:
    found = Explanation(about="bind x#1, submits", limit=Limit.NOTHING, because="B.", advice="A.")
    assert lines(found)[2] == "  now     rate not measured yet; 0 wait"
    assert found.maximum is None


@pytest.mark.parametrize("width", [1, 40, 80, 200])
def test_it_fits_the_terminal(width: int) -> None:
    assert max(map(len, lines(EXAMPLE, width))) <= max(width, 40)
    words = " ".join(" ".join(lines(EXAMPLE, width)).split())
    assert words == " ".join(" ".join(lines(EXAMPLE, 1000)).split())


def test_as_data() -> None:
    found = record(EXAMPLE)
    assert json.loads(json.dumps(found)) == found
    assert found["limit"] == "window"
    assert found["maximum"] == 40.0
    assert found["rates"] == {"1": 41.0, "10": 39.8, "60": 12.0}


def test_the_words_of_limits_are_all_different() -> None:
    assert len({one.value for one in Limit}) == len(Limit)


@pytest.mark.parametrize(
    ("figure", "said"),
    [(0.0, "0"), (0.04, "0"), (0.44, "0.4"), (9.96, "10"), (99.9, "99.9"), (99.96, "100")],
)
def test_numbers(figure: float, said: str) -> None:
    assert number(figure) == said


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (0.0, "0 ms"),
        (0.0024, "2.4 ms"),
        (0.25, "250 ms"),
        (0.9996, "1 s"),
        (2.55, "2.5 s"),
        (119.0, "119 s"),
        (240.0, "4 min"),
    ],
)
def test_spans_of_time(span: float, said: str) -> None:
    assert seconds(span) == said


def test_bounds_are_sorted_and_what_is_not_there_is_left_out() -> None:
    high, low = Bound(5.0, "b"), Bound(1.0, "a")
    assert sorted_bounds(high, None, low) == (low, high)
    assert sorted_bounds(None) == ()


def test_what_is_wrong_and_what_to_do() -> None:
    text = "ESME_RBINDFAIL (0x0D): bind failed; advice: ask for the allow-list"
    assert cause(text) == "ESME_RBINDFAIL (0x0D): bind failed"
    assert remedy(text) == "Ask for the allow-list."
    assert (cause("x"), remedy("x")) == ("x", "")


# ---------------------------------------------------------------------- times


def of(figures: list[int]) -> Histogram:
    found = Histogram(ANSWER_MS)
    for figure in figures:
        found.observe(figure)
    return found


def test_no_times_out_of_nothing() -> None:
    assert times(ANSWER_MS, of([]).counts, 0.0, 0.001, "") is None
    assert times(ANSWER_MS, [-1] + [0] * 13, -5.0, 0.001, "") is None, "a new histogram"


def test_percentiles() -> None:
    found = of([20] * 50 + [200] * 45 + [2000] * 5)
    said = times(ANSWER_MS, found.counts, found.total, 0.001, "the last 10 s")
    assert said.mean == pytest.approx(0.2)
    assert said.p50 == pytest.approx(0.025)
    assert said.p95 == pytest.approx(0.25)
    assert str(said) == "200 ms (p50 25 ms, p95 250 ms, the last 10 s)"


def test_one_bucket_says_its_mean() -> None:
    found = of([300, 400])
    said = times(ANSWER_MS, found.counts, found.total, 0.001, "since the start")
    assert said.p50 == said.p95 == pytest.approx(0.35)
    assert str(said) == "350 ms (since the start)"


@given(st.lists(st.integers(0, 200_000), min_size=1))
def test_percentiles_lie_in_the_bucket_of_their_figure(figures: list[int]) -> None:
    found = of(figures)
    said = times(ANSWER_MS, found.counts, found.total, 0.001, "")
    assert said.count == len(figures)
    assert said.mean * 1000 == pytest.approx(sum(figures) / len(figures))
    if len([one for one in found.counts if one]) == 1:
        return
    figures.sort()
    for value, share in ((said.p50, 0.5), (said.p95, 0.95)):
        rank = len(figures) * share
        # The figure of that rank, and the next: rounding may take either.
        one, next_one = figures[max(0, ceil(rank) - 1)], figures[min(len(figures) - 1, int(rank))]
        low = max((bound for bound in ANSWER_MS if bound < one), default=0)
        high = min((bound for bound in ANSWER_MS if bound >= next_one), default=ANSWER_MS[-1])
        assert low - 1e-6 <= value * 1000 <= high + 1e-6


@pytest.mark.parametrize(
    ("used", "waited", "late", "busy", "advice"),
    [
        (0.5, 0.1, 0.0, False, "faster"),
        (0.95, 0.0, 0.0, True, "faster"),
        (0.3, 0.65, 0.01, True, "other processes"),
        (0.1, 0.0, 0.2, True, "faster"),
    ],
)
def test_a_process_without_time(
    used: float, waited: float, late: float, busy: bool, advice: str
) -> None:
    process = Process(used, waited, late, None, False)
    assert process.busy is busy
    assert advice in process.advice
    assert f"uses {used:.0%} of one processor" in str(process)
    assert ("waits" in str(process)) is (waited > 0)
