"""Whether a figure drifts over time: its slope by the medians, and whether that is more than noise.

Owns: the line through a series, robust against single seconds, and its verdict. Refuses to know
what the figure is.

The slope is the median of the slopes between all pairs of points (Theil-Sen), so that a garbage
collection or a busy second does not tilt it. What happens in the first part, while caches fill, is
left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import median
from typing import Final

from attrs import frozen

WARM_UP: Final = 0.25
"""Share of the time that is left out at the beginning."""
MOST_POINTS: Final = 400
LEAST_POINTS: Final = 8
_ERRORS: Final = 4
_PER_DEVIATION: Final = 1.4826
"""Standard deviations in a median absolute deviation, for normal noise."""


@frozen
class Drift:
    """A line through a figure: `level` in its middle, change per second, and over the whole span.

    `noise` is how much of a change over the span chance explains (four standard errors: what a
    machine does otherwise comes in spells, not second by second).
    """

    level: float
    slope: float
    span: float
    noise: float

    @property
    def change(self) -> float:
        """From the beginning of the span to its end."""
        return self.slope * self.span

    @property
    def share(self) -> float:
        """The same, of the level."""
        return self.change / self.level if self.level else 0.0

    @property
    def word(self) -> str:
        """flat, grows or falls; what noise explains is flat."""
        if abs(self.change) <= self.noise:
            return "flat"
        return "grows" if self.change > 0 else "falls"


def drift(seconds: Sequence[float], values: Sequence[float | None]) -> Drift | None:
    """The drift of values at instants; None when there are too few behind the warm-up."""
    known = [
        (second, value) for second, value in zip(seconds, values, strict=True) if value is not None
    ]
    if not known:
        return None
    begin = known[0][0] + WARM_UP * (known[-1][0] - known[0][0])
    points = [point for point in known if point[0] >= begin]
    points = points[:: -(-len(points) // MOST_POINTS)]
    if len(points) < LEAST_POINTS:
        return None
    slopes = [
        (later[1] - first[1]) / (later[0] - first[0])
        for place, first in enumerate(points)
        for later in points[place + 1 :]
    ]
    slope = median(slopes)
    span = points[-1][0] - points[0][0]
    middle = median(second for second, _ in points)
    level = median(value - slope * (second - middle) for second, value in points)
    residuals = [abs(value - level - slope * (second - middle)) for second, value in points]
    deviation = _PER_DEVIATION * median(residuals)
    # The error of a slope by least squares through as many points, over the span.
    noise = _ERRORS * deviation * sqrt(12 / len(points))
    return Drift(level, slope, span, noise)
