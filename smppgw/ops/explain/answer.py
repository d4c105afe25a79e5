"""An explanation: what binds, what could be, what is, and one line of advice; as data and in words.

Owns: the names of the limits, the shape of an explanation, its lines and its record.
Refuses to know: how a limit is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from textwrap import wrap
from typing import Any, NamedTuple, TypeVar

from attrs import field, frozen

WIDTH = 80
"""Characters of a line, unless the caller has another width."""
INDENT = " " * 10

Case = TypeVar("Case")


class Limit(Enum):
    """What binds now; the values are what programs read."""

    NOTHING = "nothing waits"
    OPEN = "nothing holds it"
    DISABLED = "disabled"
    HELD = "held"
    UNBOUND = "not bound"
    SILENT = "silent"
    UNREAD = "does not read"
    THROTTLING = "throttling"
    FULL = "queue full"
    PAUSED = "paused"
    WINDOW = "window"
    ANSWERS = "slow answers"
    THROUGHPUT = "throughput"
    ORDER = "order"
    RETRIES = "retries"
    DISK = "disk"
    CPU = "cpu"
    CARRIERS = "carriers"
    SENDER = "sender"


class Finding(NamedTuple):
    """A gate that is shut: which limit that is, the sentence that proves it, what to do."""

    limit: Limit
    because: str
    advice: str


def first_shut(gates: Iterable[Callable[[Case], Finding | None]], case: Case) -> Finding:
    """What the first gate that is shut says; the last one always says something."""
    return next(found for gate in gates if (found := gate(case)) is not None)


@frozen
class Bound:
    """One limit that would hold if no other did: messages a second, and where that comes from."""

    rate: float
    why: str


@frozen(kw_only=True)
class Explanation:
    """Why it goes as fast as it goes.

    `bounds` are sorted, the lowest first; none are known when nothing is limited or measured.
    """

    about: str
    """What is explained: `carrier fr-a`, `link fr-a#1`, `account agg1, submits`."""
    limit: Limit
    because: str
    """One sentence with the figures that prove it."""
    advice: str
    rates: dict[int, float] = field(factory=dict)
    """Messages a second over the last 1, 10 and 60 seconds, as far as they are known."""
    waiting: int = 0
    unanswered: int = 0
    window: int = 0
    """Unanswered requests that there may be."""
    bounds: tuple[Bound, ...] = ()
    also: tuple[str, ...] = ()
    """What else is wrong and does not bind, or not alone."""

    @property
    def maximum(self) -> float | None:
        """The theoretical maximum, messages a second; None when there is none or it is unknown."""
        return self.bounds[0].rate if self.bounds else None


def sorted_bounds(*bounds: Bound | None) -> tuple[Bound, ...]:
    """Those that there are, the lowest first."""
    return tuple(sorted((one for one in bounds if one is not None), key=lambda one: one.rate))


def record(explanation: Explanation) -> dict[str, Any]:
    """An explanation as JSON can say it."""
    return {
        "about": explanation.about,
        "limit": explanation.limit.value,
        "because": explanation.because,
        "advice": explanation.advice,
        "rates": {str(span): round(rate, 1) for span, rate in explanation.rates.items()},
        "waiting": explanation.waiting,
        "unanswered": explanation.unanswered,
        "window": explanation.window,
        "maximum": None if explanation.maximum is None else round(explanation.maximum, 1),
        "bounds": [{"rate": round(one.rate, 1), "why": one.why} for one in explanation.bounds],
        "also": list(explanation.also),
    }


def lines(explanation: Explanation, width: int = WIDTH) -> list[str]:
    """An explanation in words, for a terminal of so many columns."""
    found = [f"{explanation.about}: {explanation.limit.value}"]
    _say(found, "why", explanation.because, width)
    _say(found, "now", _now(explanation), width)
    for place, bound in enumerate(explanation.bounds):
        _say(found, "" if place else "at most", f"{speed(bound.rate)}: {bound.why}", width)
    for also in explanation.also:
        _say(found, "also", also, width)
    _say(found, "advice", explanation.advice, width)
    return found


def _now(explanation: Explanation) -> str:
    rates = explanation.rates
    shown = "rate not measured yet"
    if rates:
        middle = 10 if 10 in rates else next(iter(rates))
        spans = [f"{span} s: {number(rate)}" for span, rate in rates.items() if span != middle]
        shown = speed(rates[middle]) + (f" ({', '.join(spans)})" if spans else "")
    window = f", {explanation.unanswered} of {explanation.window} unanswered"
    return f"{shown}; {explanation.waiting} wait{window if explanation.window else ''}"


def _say(found: list[str], heading: str, text: str, width: int) -> None:
    begin = f"  {heading:8}"
    found += wrap(
        text, max(width, 40), initial_indent=begin, subsequent_indent=INDENT, break_on_hyphens=False
    )


def speed(rate: float) -> str:
    """Messages a second, as people read it."""
    return f"{number(rate)} messages/s"


def number(figure: float) -> str:
    """A figure of which two digits matter: `0.4`, `9.8`, `120`."""
    return f"{figure:.1f}".removesuffix(".0") if figure < 99.95 else f"{figure:.0f}"


def seconds(span: float) -> str:
    """A time span, as people read it: `3 ms`, `250 ms`, `2.5 s`, `4 min`."""
    if span < 0.9995:
        return f"{number(span * 1000)} ms" if span < 0.00995 else f"{span * 1000:.0f} ms"
    return f"{number(span)} s" if span < 120 else f"{span / 60:.0f} min"


def cause(text: str) -> str:
    """What a text of `core.status` says is wrong, without what to do about it."""
    return text.partition("; advice: ")[0]


def remedy(text: str) -> str:
    """What it says to do about it, as a sentence; "" if it says nothing."""
    advice = text.partition("; advice: ")[2]
    return f"{advice[:1].upper()}{advice[1:]}." if advice else ""
