"""A carrier, or one of its links, explained.

Owns: what an explanation of them holds: rates, bounds, and what else is wrong.
Refuses to know: which gate is shut (`carrier_gates`).
"""

from __future__ import annotations

from itertools import pairwise

from smppgw.core.binding import LinkState
from smppgw.core.carrier import Carrier
from smppgw.core.command import CommandError
from smppgw.core.throughput import AdaptiveRate
from smppgw.ops.desk import Desk
from smppgw.ops.explain.answer import (
    Bound,
    Explanation,
    Limit,
    cause,
    first_shut,
    seconds,
    sorted_bounds,
)
from smppgw.ops.explain.carrier_gates import GATES
from smppgw.ops.explain.cases import CarrierCase, carrier_case
from smppgw.ops.explain.times import carrier_span


def carrier_limits(desk: Desk, name: str) -> Explanation:
    """Explain a carrier; raises CommandError when there is none of this name."""
    carrier = desk.relay.carriers.get(name)
    if carrier is None:
        raise CommandError(f"no carrier {name!r}", "unknown")
    rates = {}
    for span in (1, 10, 60):
        found = carrier_span(desk.looks, name, span)
        if found is not None:
            before, after, elapsed = found
            rates[span] = max(0, after.sent - before.sent) / max(elapsed, 1e-9)
    return _explain(carrier_case(desk, carrier, carrier.links), f"carrier {name}", rates)


def link_limits(desk: Desk, name: str) -> Explanation:
    """Explain one link (`fr-a#1`); raises CommandError when there is none of this name."""
    for carrier in desk.relay.carriers.values():
        for link in carrier.links:
            if link.name == name:
                return _explain(
                    carrier_case(desk, carrier, [link]), f"link {name}", _rate(desk, name)
                )
    raise CommandError(f"no link {name!r}", "unknown")


def _rate(desk: Desk, name: str) -> dict[int, float]:
    moved = [(one.at, one.links[name]) for one in desk.looks.moved if name in one.links]
    if len(moved) < 2:
        return {}
    # One that was bound anew counts from zero again.
    sent = sum(
        after - before if after >= before else after for (_, before), (_, after) in pairwise(moved)
    )
    return {10: sent / max(moved[-1][0] - moved[0][0], 1e-9)}


def _explain(case: CarrierCase, about: str, rates: dict[int, float]) -> Explanation:
    found = first_shut(GATES, case)
    return Explanation(
        about=about,
        limit=found.limit,
        because=found.because,
        advice=found.advice,
        rates=rates,
        waiting=case.carrier.waiting,
        unanswered=case.taken,
        window=case.window,
        bounds=_bounds(case),
        also=_also(case, found.limit),
    )


def _bounds(case: CarrierCase) -> tuple[Bound, ...]:
    carrier, answers, window = case.carrier, case.answers, case.window
    together = " of all links together" if len(case.links) < len(carrier.links) else ""
    by_window = by_setting = by_peer = None
    if window and answers is not None and answers.mean > 0:
        time = f"{seconds(answers.mean)} to answer, {answers.over}"
        by_window = Bound(window / answers.mean, f"window {window}, {time}")
    if carrier.settings.throughput:
        by_setting = Bound(carrier.settings.throughput, f"`throughput`{together}")
    shown = _ceiling(carrier)
    if shown:
        by_peer = Bound(shown, f"where it throttled last{together}")
    return sorted_bounds(by_window, by_setting, by_peer)


def _ceiling(carrier: Carrier) -> float:
    return carrier.rate.ceiling if isinstance(carrier.rate, AdaptiveRate) else 0.0


def _also(case: CarrierCase, limit: Limit) -> tuple[str, ...]:
    found = []
    down = [link for link in case.senders if link.state is not LinkState.BOUND]
    if down and case.bound:
        first = down[0]
        reason = f" ({cause(first.trouble)})" if first.trouble else ""
        found.append(
            f"{len(down)} of {len(case.senders)} links not bound: {first.name}"
            f" is {first.shown}{reason}"
        )
    throttled = int(case.since("throttled"))
    if throttled and limit is not Limit.THROTTLING:
        found.append(f"it answered ESME_RTHROTTLED {throttled} times in the last minute")
    if case.process.busy and limit is not Limit.CPU:
        found.append(str(case.process))
    if case.relay.store.congested and limit is not Limit.DISK:
        found.append("too much waits for the disk: nothing is read from anybody")
    return tuple(found)
