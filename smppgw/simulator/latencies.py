"""How long things took, in little memory.

Owns: a histogram with buckets 1 % apart, which can be added up and told apart by time.
Refuses to know what is measured.
"""

from __future__ import annotations

from math import log
from typing import Final

STEP: Final = 1.01
"""From one bucket to the next; a percentile is never off by more than this."""
_SCALE: Final = 1 / log(STEP)
_LEAST: Final = 1e-6

PERCENTS: Final = (50, 90, 95, 99, 99.9)
"""What `Latencies.report` names."""


class Latencies:
    """Durations in seconds; percentiles are exact to 1 %, count, mean and maximum are exact.

    A duration below a microsecond counts as one. Memory is an entry for each bucket in use: 700
    for durations from a microsecond to a millisecond, 2,300 up to hours.
    """

    __slots__ = ("_buckets", "count", "maximum", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        """Sum of all durations."""
        self.maximum = 0.0
        self._buckets: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.count += 1
        self.total += seconds
        self.maximum = max(self.maximum, seconds)
        bucket = int(log(seconds / _LEAST) * _SCALE) if seconds > _LEAST else 0
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def merge(self, other: Latencies) -> None:
        """Add all that `other` has counted; exact."""
        self.count += other.count
        self.total += other.total
        self.maximum = max(self.maximum, other.maximum)
        for bucket, count in other._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count

    def copy(self) -> Latencies:
        """The same, to be compared with later."""
        made = Latencies()
        made.merge(self)
        return made

    def since(self, earlier: Latencies) -> Latencies:
        """What was counted after the copy `earlier` was made; the maximum is exact to 1 %."""
        made = Latencies()
        made.count = self.count - earlier.count
        made.total = self.total - earlier.total
        for bucket, count in self._buckets.items():
            more = count - earlier._buckets.get(bucket, 0)
            if more:
                made._buckets[bucket] = more
        if made._buckets:
            made.maximum = min(self.maximum, _upper(max(made._buckets)))
        return made

    @property
    def mean(self) -> float:
        """Their mean; 0 when nothing was counted."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """The duration that so many percent do not exceed; 0 when nothing was counted."""
        return self._percentiles((percent,))[0]

    def buckets(self) -> list[tuple[float, int]]:
        """The largest duration of each bucket in use, and how many are in it, in order."""
        found = self._buckets
        return [(min(self.maximum, _upper(one)), found[one]) for one in sorted(found)]

    def report(self) -> dict[str, float]:
        """The count, and milliseconds of mean, p50, p90, p95, p99, p99.9 and max."""
        found = {"mean": self.mean}
        names = [f"p{percent:g}" for percent in PERCENTS]
        found |= dict(zip(names, self._percentiles(PERCENTS), strict=True))
        found["max"] = self.maximum
        durations = {name: round(1000 * seconds, 3) for name, seconds in found.items()}
        return {"count": self.count, **durations}

    def _percentiles(self, percents: tuple[float, ...]) -> list[float]:
        """The percentiles of ascending percents in one walk."""
        found: list[float] = []
        walk = iter(self.buckets())
        seen, upper = 0, 0.0
        for percent in percents:
            # A little less, for 99.9 % of 1,000 is a little more than 999 in a float.
            while seen < self.count * percent / 100 - 0.5e-6:
                upper, count = next(walk)
                seen += count
            found.append(upper)
        return found


def _upper(bucket: int) -> float:
    """The largest duration of a bucket."""
    return float(_LEAST * STEP ** (bucket + 1))
