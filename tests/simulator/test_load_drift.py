"""Drifts: a leak is seen, noise and a warm-up are not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.simulator.drift import LEAST_POINTS, Drift, drift

SECONDS = [float(second) for second in range(200)]


def noisy(
    slope: float = 0.0, level: float = 100.0, noise: float = 1.0, seed: int = 1
) -> list[float]:
    random = Random(seed)
    return [level + slope * second + random.gauss(0.0, noise) for second in SECONDS]


def found(values: list[float]) -> Drift:
    made = drift(SECONDS, values)
    assert made is not None
    return made


@given(st.integers(0, 300))
def test_noise_is_flat(seed: int) -> None:
    assert found(noisy(seed=seed)).word == "flat"


@pytest.mark.parametrize(("slope", "word"), [(0.05, "grows"), (-0.05, "falls")])
def test_a_leak_is_seen_through_noise(slope: float, word: str) -> None:
    made = found(noisy(slope))
    assert made.word == word
    assert made.slope == pytest.approx(slope, rel=0.25)
    assert made.change == pytest.approx(slope * 150, rel=0.25)
    assert made.share == pytest.approx(made.change / made.level)
    assert made.span == pytest.approx(149, abs=2)


def test_the_warm_up_does_not_count() -> None:
    values = [min(100.0, 2 * second) for second in SECONDS]  # full after 50 of 200 seconds
    assert found(values).word == "flat"
    assert found(values).level == 100.0


def test_single_seconds_do_not_tilt_it() -> None:
    values = noisy(noise=0.1)
    for place in (60, 61, 190, 191, 192):
        values[place] += 500.0
    assert abs(found(values).change) < 1.0


def test_gaps_are_left_out() -> None:
    values: list[float | None] = list(noisy(0.05))
    values[100:150] = [None] * 50
    made = drift(SECONDS, values)
    assert made is not None
    assert made.word == "grows"


def test_too_few_for_a_verdict() -> None:
    few = LEAST_POINTS - 1
    assert drift(SECONDS[:few], [1.0] * few) is None
    assert drift(SECONDS, [None] * len(SECONDS)) is None
    assert drift([], []) is None


@given(st.floats(-1e6, 1e6), st.floats(-100, 100))
def test_a_straight_line_is_exact(level: float, slope: float) -> None:
    made = found([level + slope * second for second in SECONDS])
    assert made.slope == pytest.approx(slope, abs=1e-3)


def test_of_nothing_there_is_no_share() -> None:
    assert found([0.0] * len(SECONDS)).share == 0.0


def test_a_long_series_is_thinned() -> None:
    seconds = [float(second) for second in range(5000)]
    made = drift(seconds, [0.01 * second for second in seconds])
    assert made is not None
    assert made.slope == pytest.approx(0.01)
