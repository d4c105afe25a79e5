"""Two results of load tests side by side: what changed, and whether it is more than chance.

Owns: the rules by which a change has a word. Refuses to know where results come from.

A figure that has a value for each second (the rate and the percentiles up to p99) is compared by
those seconds: a change within the tolerance is `same`; beyond it, and less than two standard errors
of the two means, it is `noise`; else it is `better` or `worse`. Losses, duplicates and reorderings
are `worse` by the first one more. Of rejected and unanswered messages the share counts, with its
error. Figures of single messages (p99.9, max) are shown without a word: one run says little of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, sqrt
from statistics import fmean, stdev
from typing import Any, Final

from attrs import frozen

from smppgw.simulator.figures import figures

SIGMAS: Final = 2.0
"""Standard errors that a change has to exceed."""
_LEAST_SECONDS: Final = 5
"""Below that the seconds say nothing about chance."""

_BY_SECOND: Final[Mapping[str, Callable[[dict[str, Any]], list[float | None]]]] = {
    "rate": lambda series: list(series["per_second"]["accepted"]),
    "p50": lambda series: list(series["latency"]["p50"]),
    "p95": lambda series: list(series["latency"]["p95"]),
    "p99": lambda series: list(series["latency"]["p99"]),
}
_NEVER: Final = ("lost", "duplicates", "out_of_order", "mo.lost", "mo.duplicates")
_SHARES: Final = ("rejected", "unanswered", "late", "unsent", "pending")
_SHOWN: Final = ("mean", "p90", "p99.9", "max", "receipt.p50", "receipt.p99", "mo.p99")
_HIGHER_IS_BETTER: Final = frozenset({"rate"})


@frozen
class Difference:
    """One figure of both; `change` is relative, `word` is same, noise, better, worse or ""."""

    name: str
    before: float
    after: float
    change: float
    word: str
    sigmas: float | None = None
    """Standard errors that the change is, when the seconds say."""


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float
) -> list[Difference]:
    """Every figure that both have; `tolerance` is the relative change that nobody minds."""
    old, new = figures(before), figures(after)
    found = []
    for name in (*_BY_SECOND, *_SHOWN, *_NEVER, *_SHARES):
        first, second = old[name], new[name]
        if first is None or second is None:
            continue
        if name in _BY_SECOND:
            found.append(_by_second(name, first, second, before, after, tolerance))
        elif name in _NEVER:
            word = "worse" if second > first else "better" if second < first else "same"
            found.append(Difference(name, first, second, _change(first, second), word))
        elif name in _SHARES:
            sent = (old["sent"] or 0.0, new["sent"] or 0.0)
            found.append(_share(name, first, second, sent))
        else:
            found.append(Difference(name, first, second, _change(first, second), ""))
    return found


def other_plan(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What was asked for otherwise, so that the figures may differ for that; but for the target."""
    first, second = before["plan"], after["plan"]
    names = [name for name in {**first, **second} if name != "target"]
    return [
        f"{name}: {first.get(name, '-')} -> {second.get(name, '-')}"
        for name in names
        if first.get(name) != second.get(name)
    ]


def _by_second(
    name: str,
    first: float,
    second: float,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    tolerance: float,
) -> Difference:
    change = _change(first, second)
    sigmas = _sigmas(_seconds(name, before), _seconds(name, after))
    if abs(change) <= tolerance:
        word = "same"
    elif sigmas is not None and sigmas < SIGMAS:
        word = "noise"
    else:
        word = "better" if (change > 0) == (name in _HIGHER_IS_BETTER) else "worse"
    return Difference(name, first, second, change, word, sigmas)


def _seconds(name: str, result: Mapping[str, Any]) -> list[float]:
    """The value of each second of sending; the first and the last are cut short, and left out."""
    series = result["series"]
    values = _BY_SECOND[name](series)
    sending = result["seconds"]["sending"]
    whole = [
        value
        for second, value in zip(series["seconds"], values, strict=True)
        if value is not None and second < sending
    ]
    return whole[1:]


def _sigmas(first: list[float], second: list[float]) -> float | None:
    """How many standard errors the means are apart; None when there are too few values."""
    if min(len(first), len(second)) < _LEAST_SECONDS:
        return None
    error = sqrt(stdev(first) ** 2 / len(first) + stdev(second) ** 2 / len(second))
    apart = abs(fmean(first) - fmean(second))
    return round(apart / error, 1) if error else (inf if apart else 0.0)


def _share(name: str, first: float, second: float, sent: tuple[float, float]) -> Difference:
    """Shares of what was sent, by the error of a share."""
    before, after = (first / sent[0] if sent[0] else 0.0), (second / sent[1] if sent[1] else 0.0)
    both = (first + second) / (sum(sent) or 1.0)
    error = sqrt(both * (1 - min(both, 1.0)) * sum(1 / total for total in sent if total))
    apart = abs(after - before)
    sigmas = apart / error if error else (inf if apart else 0.0)
    if sigmas < SIGMAS:
        word = "same" if first == second else "noise"
    else:
        word = "worse" if after > before else "better"
    return Difference(name, first, second, _change(before, after), word)


def _change(before: float, after: float) -> float:
    if before:
        return (after - before) / before
    return inf if after else 0.0
