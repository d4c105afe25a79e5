"""The figures of a load test by name, and what is required of them.

Owns: the names, their units, the grammar of a requirement and its verdict. Refuses to know how
figures come about (`load_run`).

    requirement = figure op number [unit]      p99<10ms   lost=0   rate>=5000   rejected<=0.5%

Durations are in ms unless `us` or `s` is said; `%` is a share of the messages sent.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from attrs import frozen

_OPS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_GRAMMAR: Final = re.compile(
    r"\s*([a-z_][\w.]*?)\s*(<=|>=|!=|==|<|>|=)\s*(\d+(?:\.\d*)?|\.\d+)\s*(%|us|ms|s)?\s*"
)
_PER_MS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_PERCENTILES: Final = ("mean", "p50", "p90", "p95", "p99", "p99.9", "max")
_OF_MESSAGES: Final = ("sent", "unsent", "accepted", "rejected", "unanswered", "late")
_LATENCIES: Final = {"": "latency", "service.": "service", "receipt.": "receipt_latency"}

DURATIONS: Final = frozenset(
    f"{prefix}{name}" for prefix in (*_LATENCIES, "mo.") for name in _PERCENTILES
)
"""Figures in milliseconds."""
COUNTS: Final = (
    "sent",
    "unsent",
    "accepted",
    "rejected",
    "unanswered",
    "late",
    "lost",
    "duplicates",
    "out_of_order",
    "pending",
    "receipts",
    "receipt_duplicates",
    "receipts_unknown",
    "mo.sent",
    "mo.taken",
    "mo.lost",
    "mo.duplicates",
    "mo.out_of_order",
    "connections_lost",
)
"""Figures that count."""
RATES: Final = ("rate", "mo.rate")
"""Accepted messages, and MOs that arrived, per second of sending."""
NAMES: Final = frozenset({*DURATIONS, *COUNTS, *RATES, "queue"})
"""All of them; queue is the deepest that the gateway had."""


class RequirementError(ValueError):
    """It is not one; the text says why."""


@frozen
class Requirement:
    """What a figure has to be; durations in milliseconds."""

    text: str
    figure: str
    op: str
    value: float
    share: bool = False
    """The figure is a share of the messages sent, in percent."""


@frozen
class Verdict:
    """A requirement and the figure it met, None when that was not measured."""

    requirement: Requirement
    figure: float | None
    met: bool

    @property
    def said(self) -> str:
        """The figure with its unit."""
        if self.figure is None:
            return "not measured"
        if self.requirement.share:
            return f"{self.figure:.4g} %"
        return said(self.requirement.figure, self.figure)


def said(name: str, figure: float) -> str:
    """A figure with its unit."""
    if name in DURATIONS:
        return f"{figure / 1000:.2f} s" if figure >= 10_000 else f"{figure:.4g} ms"
    if name in RATES:
        return f"{figure:.1f}/s"
    return f"{figure:.0f}"


def requirement(text: str) -> Requirement:
    """Read one; raises `RequirementError`."""
    found = _GRAMMAR.fullmatch(text)
    if found is None:
        raise RequirementError(f"{text!r} is no requirement such as p99<10ms, lost=0, rate>=5000")
    name, op, digits, unit = found.groups()
    if name not in NAMES:
        near = get_close_matches(name, NAMES, 1)
        more = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(NAMES))}"
        raise RequirementError(f"{text!r}: no figure {name!r}; {more}")
    value = float(digits)
    if unit in _PER_MS:
        if name not in DURATIONS:
            raise RequirementError(f"{text!r}: {name} is no duration")
        value *= _PER_MS[unit]
    elif unit == "%" and name not in COUNTS:
        raise RequirementError(f"{text!r}: {name} is no count of messages")
    return Requirement(text.strip(), name, "=" if op == "==" else op, value, unit == "%")


def judge(wanted: Requirement, found: Mapping[str, float | None]) -> Verdict:
    """Whether a requirement is met; one whose figure was not measured is not."""
    figure = found.get(wanted.figure)
    if wanted.share and figure is not None:
        sent = found.get("sent")
        figure = 100 * figure / sent if sent else None
    met = figure is not None and _OPS[wanted.op](figure, wanted.value)
    return Verdict(wanted, figure, met)


def figures(result: Mapping[str, Any]) -> dict[str, float | None]:
    """Every figure of a result by its name; None what was not measured.

    `lost` is what was accepted and seen by nobody: neither by a carrier of ours nor by a receipt;
    at a server that is not ours, what was accepted and had no receipt, if one was asked for.
    """
    messages, receipts, far = result["messages"], result["receipts"], result["far_end"]
    found: dict[str, float | None] = dict.fromkeys(NAMES)
    for prefix, place in _LATENCIES.items():
        _durations(found, prefix, result[place])
    found |= {name: messages[name] for name in _OF_MESSAGES}
    found["rate"] = result["rate"]
    if receipts["asked"]:
        found |= {
            "pending": receipts["pending"],
            "receipts": receipts["final"],
            "receipt_duplicates": receipts["duplicates"],
            "receipts_unknown": receipts["unknown"],
        }
    if far is not None:
        found |= {name: far[name] for name in ("lost", "duplicates", "out_of_order")}
    elif receipts["asked"]:
        found["lost"] = receipts["pending"]
    if result["mos"] is not None:
        for name in ("sent", "taken", "lost", "duplicates", "out_of_order", "rate"):
            found[f"mo.{name}"] = result["mos"].get(name)
        _durations(found, "mo.", result["mos"].get("latency"))
    found["connections_lost"] = result["connections"]["connections_lost"]
    queue = [depth for depth in result["series"]["gauges"].get("queue", ()) if depth is not None]
    found["queue"] = max(queue, default=None)
    return found


def _durations(found: dict[str, float | None], prefix: str, latency: Any) -> None:
    """The percentiles of a histogram in which there is something."""
    if latency and latency["count"]:
        found |= {f"{prefix}{name}": latency[name] for name in _PERCENTILES}
