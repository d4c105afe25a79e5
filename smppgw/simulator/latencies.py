"""How long things took, in little memory.

Owns: a histogram with buckets 2 % apart. Refuses to know what is measured.
"""

from __future__ import annotations

from collections import Counter
from math import log
from typing import Final

_STEP: Final = log(1.02)
_LEAST: Final = 1e-6


class Latencies:
    """Durations in seconds; percentiles are exact to 2 %, the maximum is exact."""

    def __init__(self) -> None:
        self.count = 0
        self.maximum = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.count += 1
        self.maximum = max(self.maximum, seconds)
        self._buckets[int(log(max(seconds, _LEAST) / _LEAST) / _STEP)] += 1

    def percentile(self, percent: float) -> float:
        """The duration that so many percent do not exceed; 0 when nothing was counted."""
        wanted = self.count * percent / 100
        for bucket in sorted(self._buckets):
            wanted -= self._buckets[bucket]
            if wanted <= 0:
                return min(self.maximum, _LEAST * 1.02 ** (bucket + 1))
        return self.maximum

    def report(self) -> dict[str, float]:
        """Milliseconds of p50, p95, p99 and max."""
        percents = {f"p{percent}": self.percentile(percent) for percent in (50, 95, 99)}
        return {name: round(1000 * s, 3) for name, s in {**percents, "max": self.maximum}.items()}
