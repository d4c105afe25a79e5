"""Shapes of a rate, and the instants that follow from them."""

from __future__ import annotations

from itertools import pairwise
from math import inf, isinf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.simulator.shapes import SHAPES, Arrivals, Leg, Shape, shape

RATES = st.floats(0.5, 500.0)
LEGS = st.builds(Leg, st.floats(0.1, 20.0), st.floats(0.0, 300.0), st.floats(0.0, 300.0))


def instants(made: Shape, most: int = 100_000) -> list[float]:
    arrivals = Arrivals(made)
    found = []
    while arrivals.next != inf:
        found.append(arrivals.next)
        arrivals.advance()
        assert len(found) <= most
    return found


def test_a_constant_rate_is_evenly_spaced() -> None:
    found = instants(shape("constant", 10.0, 2.0))
    assert found == pytest.approx([number / 10 for number in range(20)])
    assert found == instants(shape("soak", 10.0, 2.0))


def test_a_ramp_begins_slowly() -> None:
    made = shape("ramp", 100.0, 10.0)
    found = instants(made)
    assert len(found) == made.count == 500
    assert sum(one < 5 for one in found) == 125  # a quarter in the first half
    assert [made.rate(second) for second in (0.0, 5.0, 9.99)] == pytest.approx([0, 50, 99.9])
    assert sum(one < 5 for one in instants(shape("ramp", 100.0, 10.0, from_rate=100.0))) == 500


def test_steps_rise_evenly() -> None:
    made = shape("step", 100.0, 10.0, steps=5)
    rates = [made.rate(second) for second in (1, 3, 5, 7, 9)]
    assert rates == pytest.approx([20, 40, 60, 80, 100])
    per_leg = [sum(begin <= one < begin + 2 for one in instants(made)) for begin in range(0, 10, 2)]
    assert per_leg == [40, 80, 120, 160, 200]
    high = shape("step", 100.0, 10.0, from_rate=50.0, steps=2)
    assert [high.rate(1.0), high.rate(6.0)] == [75.0, 100.0]


def test_a_spike_is_in_the_middle_fifth() -> None:
    made = shape("spike", 100.0, 10.0)
    assert [made.rate(second) for second in (3.9, 4.1, 5.9, 6.1)] == [10.0, 100.0, 100.0, 10.0]
    assert made.count == len(instants(made)) == 280
    silent = shape("spike", 100.0, 10.0, from_rate=0.0)
    assert instants(silent)[0] == pytest.approx(4.0)
    assert len(instants(silent)) == 200


def test_a_rate_without_end() -> None:
    made = Shape(Leg(inf, 50.0, 50.0))
    assert isinf(made.count)
    assert made.when(5_000_000) == 100_000.0
    assert made.rate(1e6) == 50.0


def test_before_and_after_there_is_no_rate() -> None:
    made = shape("constant", 10.0, 2.0)
    assert made.rate(-0.1) == made.rate(2.0) == 0.0
    assert made.when(20) == inf


@given(st.lists(LEGS, min_size=1, max_size=5))
def test_as_many_are_due_as_the_area_says_and_in_order(legs: list[Leg]) -> None:
    made = Shape(*legs)
    found = instants(made)
    assert len(found) == made.count
    assert found == sorted(found)
    assert all(0 <= one <= made.seconds * (1 + 1e-9) for one in found)
    if len(found) > 2:
        # Between two instants the rate adds up to one message.
        first, last = found[len(found) // 3], found[-2]
        steps = 4000
        width = (last - first) / steps
        area = sum(made.rate(first + width * (step + 0.5)) for step in range(steps)) * width
        assert area == pytest.approx(len(found) - 2 - len(found) // 3, rel=0.02, abs=0.2)


@given(RATES, st.integers(0, 2**32))
def test_chance_keeps_the_rate_and_can_be_repeated(rate: float, seed: int) -> None:
    def by_chance() -> list[float]:
        arrivals = Arrivals(Shape(Leg(inf, rate, rate)), Random(seed))
        found = []
        for _ in range(2000):
            found.append(arrivals.next)
            arrivals.advance()
        return found

    found = by_chance()
    assert found == by_chance()
    assert found == sorted(found)
    assert 2000 / found[-1] == pytest.approx(rate, rel=0.15)
    gaps = [later - first for first, later in pairwise(found)]
    # As many above the mean as an exponential has, not half of them.
    assert sum(gap > 1 / rate for gap in gaps) / len(gaps) == pytest.approx(0.37, abs=0.06)


def test_chance_ends_with_the_shape() -> None:
    arrivals = Arrivals(shape("constant", 100.0, 2.0), Random(3))
    count = 0
    while arrivals.next != inf:
        assert arrivals.next <= 2.0
        arrivals.advance()
        count += 1
    assert 150 < count < 250


def test_shapes_that_are_none() -> None:
    with pytest.raises(ValueError, match="no shape 'wave'; there are: constant, "):
        shape("wave", 1.0, 1.0)
    for name in SHAPES:
        with pytest.raises(ValueError, match="seconds"):
            shape(name, 1.0, 0.0)
    with pytest.raises(ValueError, match="first"):
        Leg(1.0, -1.0, 1.0)
