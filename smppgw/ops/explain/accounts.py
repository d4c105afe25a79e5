"""An account, or one of its binds, explained: what it sends us, and what we deliver to it.

Owns: what both explanations hold: rates, bounds, and what else is wrong.
Refuses to know: which gate is shut (`account_gates`).
"""

from __future__ import annotations

from smppgw.core.command import CommandError
from smppgw.ops.desk import Desk
from smppgw.ops.explain.account_gates import DELIVERIES, SUBMITS, answer_time
from smppgw.ops.explain.answer import Bound, Explanation, first_shut, seconds, sorted_bounds
from smppgw.ops.explain.cases import RECEIVING, SENDING, SPAN, AccountCase, account_case


def account_limits(desk: Desk, name: str) -> tuple[Explanation, Explanation]:
    """Explain what an account sends and what it gets; raises CommandError for an unknown one."""
    account = desk.relay.accounts.get(name)
    if account is None:
        raise CommandError(f"no account {name!r}", "unknown")
    case = account_case(desk, account, account.binds)
    rates = {}
    for span in (1, 10, 60):
        found = case.span(span)
        if found is not None:
            before, after, elapsed = found
            rates[span] = max(0, after.accepted - before.accepted) / max(elapsed, 1e-9)
    return _submits(case, f"account {name}", rates), _deliveries(case, f"account {name}")


def bind_limits(desk: Desk, name: str) -> tuple[Explanation, Explanation]:
    """Explain one bind (`agg1#3`); raises CommandError when there is none of this name."""
    for account in desk.relay.accounts.values():
        for bind in account.binds:
            if bind.name == name:
                case = account_case(desk, account, [bind])
                rates = {} if case.received is None else {SPAN: case.received}
                return _submits(case, f"bind {name}", rates), _deliveries(case, f"bind {name}")
    raise CommandError(f"no bind {name!r}", "unknown")


def _submits(case: AccountCase, about: str, rates: dict[int, float]) -> Explanation:
    account, settings = case.account, case.account.settings
    found = first_shut(SUBMITS, case)
    binds = case.bound(SENDING)
    window = settings.window * len(binds)
    by_window = by_setting = None
    commits = case.process.commits
    if window and commits is not None and commits.mean > 0:
        time = f"a commit takes {seconds(commits.mean)}, {commits.over}"
        by_window = Bound(window / commits.mean, f"window {window}, {time}")
    if settings.throughput:
        together = "" if len(case.binds) == len(account.binds) else " of all binds together"
        by_setting = Bound(settings.throughput, f"`throughput`{together}")
    return Explanation(
        about=f"{about}, submits",
        limit=found.limit,
        because=found.because,
        advice=found.advice,
        rates=rates,
        waiting=account.queued,
        unanswered=sum(bind.unanswered for bind in case.binds),
        window=window,
        bounds=sorted_bounds(by_window, by_setting),
        also=_also(case),
    )


def _also(case: AccountCase) -> tuple[str, ...]:
    found = []
    throttled = case.since("throttled")
    refused = case.since("refused") - throttled
    if throttled:
        found.append(f"{throttled} requests got ESME_RTHROTTLED in the last {SPAN} s")
    if case.account.queued:
        found.append(f"{case.account.queued} of its messages wait for carriers{_longest(case)}")
    if refused > 0:
        found.append(f"{refused} requests were refused for other reasons in the last {SPAN} s")
    return tuple(found)


def _longest(case: AccountCase) -> str:
    """Where most messages wait, whosoever they are."""
    carriers = sorted(case.relay.carriers.values(), key=lambda one: one.waiting)
    if not carriers or not carriers[-1].waiting:
        return ""
    return f"; the longest queue is that of {carriers[-1].name} ({carriers[-1].waiting})"


def _deliveries(case: AccountCase, about: str) -> Explanation:
    account, settings = case.account, case.account.settings
    found = first_shut(DELIVERIES, case)
    window = settings.delivery_window * len(case.bound(RECEIVING))
    time, rate = answer_time(case), case.delivered
    bound = None
    if time and window:
        bound = Bound(window / time, f"delivery_window {window}, {seconds(time)} to answer")
    return Explanation(
        about=f"{about}, deliveries",
        limit=found.limit,
        because=found.because,
        advice=found.advice,
        rates={} if rate is None else {SPAN: rate},
        waiting=max(0, account.spooled - sum(bind.taken for bind in account.binds)),
        unanswered=sum(bind.taken for bind in case.binds),
        window=window,
        bounds=sorted_bounds(bound),
    )
