"""Rates over 1, 10 and 60 seconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from smppgw.core.relay import Counters
from smppgw.ops.rates import SPANS, Rates


def started() -> tuple[Counters, Clock, Rates]:
    counters, clock = Counters(), Clock()
    rates = Rates(counters, clock)
    rates.start()
    return counters, clock, rates


def test_nothing_is_measured_before_the_start() -> None:
    rates = Rates(Counters(accepted=50), Clock())
    assert rates.rates() == {
        "accepted": {"1": 0.0, "10": 0.0, "60": 0.0},
        "sent": {"1": 0.0, "10": 0.0, "60": 0.0},
    }


def test_what_was_counted_before_the_start_is_no_rate() -> None:
    counters, clock = Counters(accepted=1_000, sent=900), Clock()
    rates = Rates(counters, clock)
    rates.start()
    clock.advance(1)
    assert rates.rates()["accepted"]["1"] == 0.0


def test_each_span_looks_back_as_far_as_it_says() -> None:
    counters, clock, rates = started()
    for second in range(100):
        counters.accepted += 10 if second < 90 else 100
        counters.sent += 5
        clock.advance(1)
    assert rates.rates() == {
        "accepted": {"1": 100.0, "10": 100.0, "60": 25.0},
        "sent": {"1": 5.0, "10": 5.0, "60": 5.0},
    }


def test_a_young_gateway_has_shorter_spans() -> None:
    counters, clock, rates = started()
    counters.sent += 30
    clock.advance(1)
    clock.advance(1)
    assert rates.rates()["sent"] == {"1": 0.0, "10": 15.0, "60": 15.0}


def test_a_late_sample_is_divided_by_the_time_it_took() -> None:
    counters, clock, rates = started()
    counters.accepted += 100
    clock.advance(4)  # the reactor was busy
    assert rates.rates()["accepted"]["1"] == 25.0


def test_stop_leaves_no_timer() -> None:
    _, clock, rates = started()
    rates.stop()
    assert clock.getDelayedCalls() == []
    rates.stop()


def test_samples_of_a_minute_are_all_that_is_kept() -> None:
    _, clock, rates = started()
    for _ in range(500):
        clock.advance(1)
    assert len(rates._samples) == max(SPANS) + 1


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=150))
def test_the_rate_of_a_span_is_the_mean_of_its_seconds(counts: list[int]) -> None:
    counters, clock, rates = started()
    for count in counts:
        counters.accepted += count
        clock.advance(1)
    found = rates.rates()["accepted"]
    for span in SPANS:
        last = counts[-span:]
        assert found[str(span)] == pytest.approx(sum(last) / len(last), abs=0.051)
