"""What a load did over time: a row for each second, and fewer when it takes long.

Owns: rows of counts, durations and gauges, and how they are folded. Refuses to know what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from smppgw.simulator.latencies import Latencies

MOST_ROWS = 1_800
"""When there are more, every two become one, without loss but that of resolution."""
_LEAST_SPAN = 0.5
"""Seconds below which a row is added to the one before: rates over less say nothing."""
_PERCENTS = (50.0, 95.0, 99.0)


@define(eq=False)
class Row:
    """What happened in `span` seconds up to `seconds` from the start."""

    seconds: float
    span: float
    counts: dict[str, int]
    latencies: Latencies
    gauges: dict[str, float | None]

    def join(self, later: Row) -> None:
        """Take in the row behind it: counts are added up, of gauges the larger stays."""
        self.seconds = later.seconds
        self.span += later.span
        for name, count in later.counts.items():
            self.counts[name] += count
        self.latencies.merge(later.latencies)
        for name, value in later.gauges.items():
            before = self.gauges[name]
            if before is None or (value is not None and value > before):
                self.gauges[name] = value


class Series:
    """Rows, as many as `most` at the end of all."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self.rows: list[Row] = []
        self._most = most
        self._fold = 1
        """Rows of which one is made."""
        self._joined = 0
        self._seconds = 0.0
        self._counters: dict[str, int] = {}
        self._latencies = Latencies()

    def add(
        self,
        seconds: float,
        counters: Mapping[str, int],
        latencies: Latencies,
        gauges: Mapping[str, float | None],
    ) -> Row:
        """A row from the one before up to `seconds`; counters and latencies are from the start.

        Returns what has happened since the one before.
        """
        counts = {name: count - self._counters.get(name, 0) for name, count in counters.items()}
        new = latencies.since(self._latencies)
        row = Row(seconds, seconds - self._seconds, counts, new, dict(gauges))
        self._seconds = seconds
        self._counters = dict(counters)
        self._latencies = latencies.copy()
        self._keep(Row(row.seconds, row.span, dict(counts), new.copy(), dict(gauges)))
        return row

    def _keep(self, row: Row) -> None:
        if self.rows and row.span < _LEAST_SPAN:
            self.rows[-1].join(row)
            return
        if self._joined:
            self.rows[-1].join(row)
        else:
            self.rows.append(row)
        self._joined = (self._joined + 1) % self._fold
        if len(self.rows) > self._most:
            for first, second in zip(self.rows[::2], self.rows[1::2], strict=False):
                first.join(second)
            # Of an odd number the last one stays alone, to be joined with what comes.
            last = self._joined or self._fold
            self._joined = last if len(self.rows) % 2 else self._fold + last
            self.rows = self.rows[::2]
            self._fold *= 2
            self._joined %= self._fold

    def report(self) -> dict[str, Any]:
        """Columns: end and span of each row in seconds, counts per second, milliseconds, gauges.

        A percentile is None where nothing was answered.
        """
        rows = self.rows
        counts = rows[0].counts if rows else {}
        gauges = rows[0].gauges if rows else {}
        found: dict[str, Any] = {
            "seconds": [round(row.seconds, 3) for row in rows],
            "span": [round(row.span, 3) for row in rows],
            "per_second": {
                name: [round(row.counts[name] / row.span, 2) for row in rows] for name in counts
            },
            "gauges": {name: [row.gauges[name] for row in rows] for name in gauges},
        }
        latency: dict[str, list[float | None]] = {f"p{percent:g}": [] for percent in _PERCENTS}
        latency["max"] = []
        for row in rows:
            reported = row.latencies.report() if row.latencies.count else {}
            for name, column in latency.items():
                column.append(reported.get(name))
        return {**found, "latency": latency}
