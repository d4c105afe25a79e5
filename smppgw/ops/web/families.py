"""Metric families: a name, a type, a HELP line and the samples under their labels.

Owns: how counters, gauges and histograms of ours become families of prometheus_client, and that
no two samples of a family have the same labels.
Refuses to know: which metrics there are (see `metrics`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from smppgw.core.measures import Histogram

NOBODY = "(none)"
"""The label of what belongs to no carrier."""

Labels = tuple[str, ...]
Samples = Iterable[tuple[Labels, float]]


def counter(name: str, help: str, labels: Labels, samples: Samples) -> Metric:
    """A family of counters; `name` without `_total`. Samples of the same labels are added up."""
    family = CounterMetricFamily(name, help, labels=labels)
    for values, figure in _folded(samples, lambda one, other: one + other):
        family.add_metric(values, figure)
    return family


def gauge(
    name: str,
    help: str,
    labels: Labels,
    samples: Samples,
    fold: Callable[[float, float], float] = lambda one, other: one + other,
) -> Metric:
    """A family of gauges; `fold` makes one of two samples of the same labels."""
    family = GaugeMetricFamily(name, help, labels=labels)
    for values, figure in _folded(samples, fold):
        family.add_metric(values, figure)
    return family


def histogram(
    name: str,
    help: str,
    labels: Labels,
    samples: Iterable[tuple[Labels, Histogram]],
    unit: float = 1.0,
) -> Metric:
    """A family of histograms in seconds; `unit` is how many of them the bounds count in.

    Histograms of the same labels have the same bounds, and are added up.
    """
    family = HistogramMetricFamily(name, help, labels=labels)
    folded: dict[Labels, list[Histogram]] = {}
    for values, one in samples:
        folded.setdefault(_named(values), []).append(one)
    for values, found in folded.items():
        bounds = [*(repr(round(bound * unit, 6)) for bound in found[0].bounds), "+Inf"]
        counts = accumulate(map(sum, zip(*(one.counts for one in found), strict=True)))
        total = sum(one.total for one in found) * unit
        family.add_metric(values, list(zip(bounds, counts, strict=True)), total)
    return family


def _folded(
    samples: Samples, fold: Callable[[float, float], float]
) -> Iterable[tuple[Labels, float]]:
    found: dict[Labels, float] = {}
    for values, figure in samples:
        named = _named(values)
        found[named] = fold(found[named], figure) if named in found else figure
    return found.items()


def _named(values: Labels) -> Labels:
    return tuple(value or NOBODY for value in values)
