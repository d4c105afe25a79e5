"""The rows of a series: what happened in each, and that folding loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.simulator.latencies import Latencies
from smppgw.simulator.series import Series


def test_a_row_holds_what_is_new() -> None:
    series, latencies = Series(), Latencies()
    latencies.add(0.010)
    first = series.add(1.0, {"sent": 10}, latencies, {"queue": 3.0})
    latencies.add(0.020)
    second = series.add(3.0, {"sent": 14}, latencies, {"queue": None})
    assert (first.counts, second.counts) == ({"sent": 10}, {"sent": 4})
    assert (first.span, second.span) == (1.0, 2.0)
    assert second.latencies.count == 1
    report = series.report()
    assert report["seconds"] == [1.0, 3.0]
    assert report["per_second"] == {"sent": [10.0, 2.0]}
    assert report["gauges"] == {"queue": [3.0, None]}
    assert report["latency"]["p50"] == pytest.approx([10.0, 20.0], rel=0.011)


def test_where_nothing_was_answered_there_is_no_percentile() -> None:
    series = Series()
    series.add(1.0, {"sent": 0}, Latencies(), {})
    assert series.report()["latency"] == {
        "p50": [None],
        "p95": [None],
        "p99": [None],
        "max": [None],
    }


def test_nothing_at_all() -> None:
    assert Series().report()["seconds"] == []


def test_a_short_rest_belongs_to_the_row_before_it() -> None:
    series, latencies = Series(), Latencies()
    series.add(1.0, {"sent": 10}, latencies, {"queue": 1.0})
    series.add(1.1, {"sent": 12}, latencies, {"queue": 5.0})
    report = series.report()
    assert report["seconds"] == [1.1]
    assert report["per_second"]["sent"] == [pytest.approx(12 / 1.1, abs=0.01)]
    assert report["gauges"]["queue"] == [5.0]


@given(
    st.integers(2, 12),
    st.lists(
        st.tuples(
            st.floats(0.5, 3.0),
            st.integers(0, 50),
            st.lists(st.floats(1e-4, 10.0), max_size=5),
            st.none() | st.floats(0, 1e6),
        ),
        max_size=100,
    ),
)
def test_folding_loses_nothing_but_resolution(
    most: int, seconds: list[tuple[float, int, list[float], float | None]]
) -> None:
    series, latencies = Series(most), Latencies()
    now = sent = 0.0
    for span, count, durations, depth in seconds:
        now, sent = now + span, sent + count
        for one in durations:
            latencies.add(one)
        series.add(now, {"sent": int(sent)}, latencies, {"queue": depth})
    rows = series.rows
    assert len(rows) <= most
    assert sum(row.counts["sent"] for row in rows) == sent
    assert sum(row.span for row in rows) == pytest.approx(now)
    assert [row.seconds for row in rows] == sorted(row.seconds for row in rows)
    whole = Latencies()
    for row in rows:
        whole.merge(row.latencies)
    assert whole.buckets() == latencies.buckets()
    depths = [depth for _, _, _, depth in seconds if depth is not None]
    found = [row.gauges["queue"] for row in rows if row.gauges["queue"] is not None]
    assert max(found, default=None) == max(depths, default=None)
    # The last row may be half full, the others span the same number of seconds given.
    if rows:
        assert rows[-1].seconds == pytest.approx(now)
