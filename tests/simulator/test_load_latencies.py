"""The histogram: its error is bounded, and it can be added up and told apart by time."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.simulator.latencies import PERCENTS, STEP, Latencies

DURATIONS = st.floats(1.1e-6, 1e4)
SOME = st.lists(DURATIONS, max_size=200)


def of(durations: list[float]) -> Latencies:
    latencies = Latencies()
    for seconds in durations:
        latencies.add(seconds)
    return latencies


def same(first: Latencies, second: Latencies) -> bool:
    return (
        first.count == second.count
        and first.maximum == pytest.approx(second.maximum)
        and first.total == pytest.approx(second.total)
        and first.buckets() == second.buckets()
    )


@given(st.lists(DURATIONS, min_size=1, max_size=200), st.sampled_from([*PERCENTS, 0.1, 100.0]))
def test_a_percentile_is_never_off_by_more_than_a_bucket(
    durations: list[float], percent: float
) -> None:
    ordered = sorted(durations)
    # The smallest that so many percent do not exceed; the same slack for what floats cannot say.
    place = next(
        place
        for place in range(1, len(ordered) + 1)
        if place >= len(ordered) * percent / 100 - 0.5e-6
    )
    exact = ordered[place - 1]
    found = of(durations).percentile(percent)
    assert exact * (1 - 1e-9) <= found <= exact * STEP * (1 + 1e-9)


@given(DURATIONS)
def test_one_duration_is_exact(seconds: float) -> None:
    latencies = of([seconds])
    assert latencies.maximum == latencies.percentile(50) == latencies.percentile(100) == seconds
    assert latencies.mean == seconds


@given(SOME, SOME)
def test_merging_is_the_same_as_adding_all(first: list[float], second: list[float]) -> None:
    merged = of(first)
    merged.merge(of(second))
    assert same(merged, of(first + second))


@given(SOME, SOME, SOME)
def test_the_order_of_merging_does_not_matter(
    first: list[float], second: list[float], third: list[float]
) -> None:
    left, right = of(first), of(second)
    left.merge(of(second))
    left.merge(of(third))
    right.merge(of(third))
    other = of(first)
    other.merge(right)
    assert same(left, other)


@given(SOME, SOME)
def test_what_came_since_is_what_was_added(first: list[float], second: list[float]) -> None:
    latencies = of(first)
    earlier = latencies.copy()
    for seconds in second:
        latencies.add(seconds)
    since = latencies.since(earlier)
    assert since.count == len(second)
    assert since.total == pytest.approx(sum(second), abs=1e-6)
    assert [count for _, count in since.buckets()] == [count for _, count in of(second).buckets()]
    if second:
        assert max(second) * (1 - 1e-9) <= since.maximum <= max(second) * STEP * (1 + 1e-9)
    assert same(earlier, of(first)), "the copy stays as it was"


def test_a_thousandth_is_found_among_a_thousand() -> None:
    latencies = of([0.001] * 999 + [5.0])
    assert latencies.report() == {
        "count": 1000,
        "mean": pytest.approx(5.999),
        **dict.fromkeys(("p50", "p90", "p95", "p99", "p99.9"), pytest.approx(1.0, rel=0.011)),
        "max": 5000.0,
    }
    latencies.add(5.0)
    assert latencies.report()["p99.9"] == pytest.approx(5000.0, rel=0.011)


def test_what_is_next_to_nothing_counts() -> None:
    latencies = of([0.0, 1e-9, 1e-6])
    assert latencies.count == 3
    assert latencies.percentile(99) == 1e-6
    assert latencies.buckets() == [(1e-6, 3)]


def test_buckets_are_few() -> None:
    random = Random(1)
    latencies = of([random.expovariate(10.0) for _ in range(20_000)])
    assert sum(count for _, count in latencies.buckets()) == 20_000
    assert len(latencies.buckets()) < 1200
    uppers = [upper for upper, _ in latencies.buckets()]
    assert uppers == sorted(uppers)
