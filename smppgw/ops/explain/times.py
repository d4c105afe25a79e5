"""How long answers and commits took lately, out of two looks at a histogram.

Owns: means and percentiles of the time between two looks, and what the process does with its time.
Refuses to know: carriers, accounts, and what is slow.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from smppgw.core.measures import ANSWER_MS, COMMIT_SECONDS, Histogram
from smppgw.core.relay import Relay
from smppgw.ops.explain.answer import seconds
from smppgw.ops.looks import CarrierLook, Looks

SPANS = (10, 60)
"""Seconds that figures are taken over: the first in which there is anything."""
BUSY = 0.9
"""Share of the time, running or waiting to run, from which the reactor has none left."""
LATE = 0.1
"""Seconds that the reactor is late, on average, from which it has none either."""


@frozen
class Times:
    """How long it took, seconds; `over` says which answers these are: `the last 10 s`."""

    count: int
    mean: float
    p50: float
    p95: float
    over: str

    def __str__(self) -> str:
        if self.p50 == self.p95:
            return f"{seconds(self.mean)} ({self.over})"
        spread = f"p50 {seconds(self.p50)}, p95 {seconds(self.p95)}"
        return f"{seconds(self.mean)} ({spread}, {self.over})"


def times(
    bounds: Sequence[float], counts: Sequence[int], total: float, unit: float, over: str
) -> Times | None:
    """Mean and percentiles of a histogram; `unit` is how many seconds its bounds count in.

    A percentile lies between two bounds, as far as its rank does; above the last one it is that.
    """
    count = sum(counts)
    if count <= 0:
        return None
    mean = max(0.0, total) / count
    if max(counts) == count:  # between the same two bounds: their mean says it better
        return Times(count, mean * unit, mean * unit, mean * unit, over)
    p50, p95 = (_percentile(bounds, counts, count * share) for share in (0.5, 0.95))
    return Times(count, mean * unit, p50 * unit, p95 * unit, over)


def _percentile(bounds: Sequence[float], counts: Sequence[int], rank: float) -> float:
    below = 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and rank <= count:
            return below + (bound - below) * rank / count
        rank -= count
        below = bound
    return below


def answer_times(looks: Looks, name: str, since_start: Histogram) -> Times | None:
    """The answer times of a carrier lately, or since the start when none came lately."""
    for span in SPANS:
        found = carrier_span(looks, name, span)
        if found is None:
            break
        before, after, _ = found
        counts = tuple(a - b for a, b in zip(after.answers, before.answers, strict=True))
        total = after.answer_ms - before.answer_ms
        lately = times(ANSWER_MS, counts, total, 0.001, f"the last {span} s")
        if lately is not None:
            return lately
    return times(ANSWER_MS, since_start.counts, since_start.total, 0.001, "since the start")


def carrier_span(
    looks: Looks, name: str, span: float
) -> tuple[CarrierLook, CarrierLook, float] | None:
    """The looks at a carrier that begin and end a span, and the seconds between them."""
    found = looks.span(span)
    if found is None:
        return None
    before, after = (look.carriers.get(name) for look in found)
    if before is None or after is None:
        return None
    return before, after, found[1].at - found[0].at


@frozen
class Process:
    """What the process did in the last ten seconds, as far as it was looked at."""

    used: float
    """Share of one processor that the reactor's thread had, 0 to 1."""
    waited: float
    """Share of the time that it could have run and others did."""
    late: float
    """Seconds that the reactor was late, on average."""
    commits: Times | None
    held: bool
    """Answers to ESMEs waited for the carriers to catch up, at most looks."""

    @property
    def busy(self) -> bool:
        """The reactor has no time left."""
        return self.used + self.waited >= BUSY or self.late >= LATE

    @property
    def advice(self) -> str:
        """What to do when it is busy."""
        if self.waited > self.used / 2:
            return "Keep other processes off its processor, or give it more of them."
        return "A faster processor, or a second gateway."

    def __str__(self) -> str:
        waits = f", waits for one {self.waited:.0%} of the time" if self.waited >= 0.05 else ""
        late = f"is {seconds(self.late)} late"
        return f"the process uses {self.used:.0%} of one processor{waits} and {late}"


def process(looks: Looks, relay: Relay) -> Process:
    """Judge the process by its last ten seconds."""
    found = looks.span(SPANS[0])
    commits = relay.store.commit_seconds
    if found is None:
        since_start = times(COMMIT_SECONDS, commits.counts, commits.total, 1.0, "since the start")
        return Process(0.0, 0.0, 0.0, since_start, False)
    before, after = found
    elapsed = max(after.at - before.at, 1e-9)
    lately = looks.last(SPANS[0])
    late = sum(look.process.late for look in lately) / len(lately)
    held = sum(bool(look.process.holding) for look in lately) > len(lately) / 2
    counts = [a - b for a, b in zip(after.process.commits, before.process.commits, strict=True)]
    total = after.process.commit_seconds - before.process.commit_seconds
    used, waited = (
        min(1.0, max(0.0, now - then) / elapsed)
        for now, then in zip(after.process.processor, before.process.processor, strict=True)
    )
    return Process(
        used,
        waited,
        late,
        times(COMMIT_SECONDS, counts, total, 1.0, f"the last {SPANS[0]} s"),
        held,
    )
