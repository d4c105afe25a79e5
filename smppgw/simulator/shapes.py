"""When messages are due: how a rate goes over time, and the arrivals that follow from it.

Owns: the shapes of a load (constant, ramp, step, spike) and the instants of an open loop.
Refuses to know clocks, and who sends what.

An open loop does not wait for answers: a message is due when the shape says so, and its latency
counts from there, whether it could leave at that instant or not.
"""

from __future__ import annotations

from bisect import bisect_right
from math import ceil, inf, sqrt
from random import Random
from typing import Final

from attrs import field, frozen, validators

SHAPES: Final = ("constant", "ramp", "step", "spike", "soak")
"""Names for `shape`; a soak is a constant rate for long."""


@frozen
class Leg:
    """A time in which the rate goes in a straight line; seconds, messages per second."""

    seconds: float = field(validator=validators.gt(0.0))
    first: float = field(validator=validators.ge(0.0))
    last: float = field(validator=validators.ge(0.0))

    @property
    def messages(self) -> float:
        """How many are due in it."""
        return self.seconds * (self.first + self.last) / 2 if self.last or self.first else 0.0

    def when(self, messages: float) -> float:
        """Seconds from its beginning after which so many are due."""
        slope = (self.last - self.first) / self.seconds
        rate = sqrt(max(0.0, self.first * self.first + 2 * slope * messages))
        return 2 * messages / (self.first + rate) if messages > 0 else 0.0


class Shape:
    """Legs one after the other."""

    def __init__(self, *legs: Leg) -> None:
        self.legs = legs
        self.seconds = sum(leg.seconds for leg in legs)
        self._begins: list[float] = []
        self._before: list[float] = []
        begin = before = 0.0
        for leg in legs:
            self._begins.append(begin)
            self._before.append(before)
            begin += leg.seconds
            before += leg.messages
        self._messages = before

    @property
    def count(self) -> float:
        """How many messages are due in all: a whole number, or infinite."""
        # Sums of floats are a little off; the last message is due before the end, not at it.
        return inf if self._messages == inf else ceil(self._messages - 1e-6)

    def when(self, messages: float) -> float:
        """Seconds after which so many messages are due; `inf` beyond the last."""
        if messages >= self.count:
            return inf
        if messages >= self._messages:
            return self.seconds
        place = bisect_right(self._before, messages) - 1
        return self._begins[place] + self.legs[place].when(messages - self._before[place])

    def rate(self, seconds: float) -> float:
        """Messages per second that are due at an instant."""
        if not 0 <= seconds < self.seconds:
            return 0.0
        place = bisect_right(self._begins, seconds) - 1
        leg = self.legs[place]
        if leg.first == leg.last:
            return leg.first
        passed = (seconds - self._begins[place]) / leg.seconds
        return leg.first + (leg.last - leg.first) * passed


def shape(
    name: str, rate: float, seconds: float, *, from_rate: float | None = None, steps: int = 5
) -> Shape:
    """A shape by its name of `SHAPES`, with `rate` as its highest.

    ramp: from `from_rate` (0) to `rate`; step: `steps` equal steps up to `rate`, the first above
    `from_rate` (0); spike: `from_rate` (a tenth of `rate`), and `rate` in the middle fifth.
    Raises `ValueError` for another name and for figures without sense.
    """
    low = 0.0 if from_rate is None else from_rate
    if name in ("constant", "soak"):
        return Shape(Leg(seconds, rate, rate))
    if name == "ramp":
        return Shape(Leg(seconds, low, rate))
    if name == "step":
        rates = [low + (rate - low) * step / steps for step in range(1, steps + 1)]
        return Shape(*(Leg(seconds / steps, one, one) for one in rates))
    if name == "spike":
        base = rate / 10 if from_rate is None else from_rate
        around = Leg(seconds * 0.4, base, base)
        return Shape(around, Leg(seconds * 0.2, rate, rate), around)
    raise ValueError(f"no shape {name!r}; there are: {', '.join(SHAPES)}")


class Arrivals:
    """The instants of a shape one by one, evenly or by chance.

    With `random` the times between them are exponential, as those of callers who know nothing of
    each other (a Poisson process); the rate is the same.
    """

    def __init__(self, shape: Shape, random: Random | None = None) -> None:
        self._shape = shape
        self._random = random
        self._place = 0.0 if random is None else random.expovariate(1.0)
        self.next = shape.when(self._place)
        """Seconds from the start to the next one; `inf` behind the last."""

    def advance(self) -> None:
        """That one has been: go on to the one behind it."""
        self._place += 1.0 if self._random is None else self._random.expovariate(1.0)
        self.next = self._shape.when(self._place)
