"""The gates on the way from an ESME to us, and from us to it, and the words for each.

Owns: their order, and what tells that one is shut.
Refuses to know: how a submit is judged (`core.ingress`) and how deliveries wait (`core.account`).
"""

from __future__ import annotations

from collections.abc import Callable

from smppgw.core.esme import EsmeBind
from smppgw.core.status import status_text
from smppgw.ops.explain.answer import Finding, Limit, cause, remedy, seconds, speed
from smppgw.ops.explain.cases import RECEIVING, SENDING, SPAN, AccountCase
from smppgw.ops.looks import unsent

SLOW = 1.0
"""Seconds of an answer time that no network explains."""
SLOW_COMMIT = 0.05
"""Seconds of a commit from which the disk holds up who waits for it."""


# ---------------------------------------------------------------------- what it sends


def _no_sender(case: AccountCase) -> Finding | None:
    if case.bound(SENDING):
        return None
    kinds = f" (of {len(case.binds)} that only receive)" if case.binds else ""
    return Finding(
        Limit.UNBOUND,
        f"It has no bind that may submit{kinds}.",
        "The log names binds that were refused, and why.",
    )


def _disk(case: AccountCase) -> Finding | None:
    store = case.relay.store
    if store.trouble:
        return Finding(
            Limit.DISK,
            f"The store cannot write ({store.trouble}): submits get ESME_RSYSERR.",
            "Make room on the disk of data_dir, or mend it.",
        )
    if store.congested:
        return Finding(
            Limit.DISK,
            f"{store.waiting} records wait for the disk: nothing is read from anybody.",
            "Put data_dir on a faster disk, or keep others from using it.",
        )
    return None


def _full(case: AccountCase) -> Finding | None:
    relay, account = case.relay, case.account
    most = account.settings.max_queue
    if relay.queued >= relay.settings.max_queue:
        return Finding(
            Limit.FULL,
            f"{relay.queued} messages wait for carriers, all there may be: submits get"
            " ESME_RMSGQFUL.",
            "See why the carriers are slow; `max_queue` of the gateway is the limit.",
        )
    if 0 < most <= account.queued:
        return Finding(
            Limit.FULL,
            f"{account.queued} of its messages wait for carriers, all it may have: submits get"
            " ESME_RMSGQFUL.",
            f"See why the carriers are slow, or raise its `max_queue` (now {most}).",
        )
    return None


def _throttled(case: AccountCase) -> Finding | None:
    """It gets ESME_RTHROTTLED, for its rate or for its window."""
    settings = case.account.settings
    throttled = case.since("throttled")
    full = [bind for bind in case.binds if bind.unanswered >= settings.window]
    if not throttled and not full:
        return None
    found = case.span(SPAN)
    rate = 0.0 if found is None else case.since("accepted") / max(found[2], 1e-9)
    if not full and settings.throughput and rate > settings.throughput / 2:
        return Finding(
            Limit.THROUGHPUT,
            f"It sends more than `throughput` allows, {speed(settings.throughput)}: {throttled}"
            f" requests got ESME_RTHROTTLED in the last {SPAN} s.",
            "Raise its `throughput`, or have it send more evenly.",
        )
    return Finding(
        Limit.WINDOW,
        f"It has more than {settings.window} requests unanswered on a bind: {throttled} got"
        f" ESME_RTHROTTLED in the last {SPAN} s.",
        f"Raise its `window` (now {settings.window}), or have it wait for answers.",
    )


def _held_by_carriers(case: AccountCase) -> Finding | None:
    waits = any(bind.unanswered for bind in case.binds) or case.mean("unanswered") > 0
    if not (case.process.held and waits):
        return None
    return Finding(
        Limit.CARRIERS,
        "More waits for the carriers than they can have in flight: answers to it are held until"
        " they catch up.",
        "Look at the carriers: what limits them limits it.",
    )


def _busy(case: AccountCase) -> Finding | None:
    if not case.process.busy:
        return None
    return Finding(
        Limit.CPU,
        f"It is served as fast as one processor allows: {case.process}.",
        case.process.advice,
    )


def _sender(case: AccountCase) -> Finding:
    mean = case.mean("unanswered")
    now = sum(bind.unanswered for bind in case.binds)
    commits = case.process.commits
    if commits is not None and commits.mean >= SLOW_COMMIT and (now or mean >= 0.5):
        return Finding(
            Limit.DISK,
            f"Its requests wait for commits: one takes {commits}.",
            "Put data_dir on a faster disk, or keep others from using it.",
        )
    if not case.since("accepted") and not now:
        return Finding(
            Limit.NOTHING, "It sends nothing.", "Nothing here holds it: ask the application."
        )
    return Finding(
        Limit.SENDER,
        f"It sends no more: {mean:.0f} requests are unanswered on average, of"
        f" {case.account.settings.window} that each bind may have.",
        "Nothing here holds it. A larger window, or more binds, at its end helps if it waits for"
        " answers.",
    )


SUBMITS: tuple[Callable[[AccountCase], Finding | None], ...] = (
    _no_sender,
    _disk,
    _full,
    _throttled,
    _held_by_carriers,
    _busy,
    _sender,
)


# ---------------------------------------------------------------------- what it is sent


def answer_time(case: AccountCase) -> float:
    """Seconds from a deliver_sm to its answer, by how many are unanswered; 0 when unknown."""
    mean = case.mean("delivering")
    if not case.delivered or mean < 1 or len(case.binds) < len(case.account.binds):
        return 0.0
    return mean / case.delivered


def _nothing_spooled(case: AccountCase) -> Finding | None:
    if case.account.spooled:
        return None
    return Finding(Limit.NOTHING, "No receipt and no MO waits for it.", "Nothing is to be done.")


def _no_receiver(case: AccountCase) -> Finding | None:
    receivers = case.bound(RECEIVING)
    if not receivers:
        return Finding(
            Limit.UNBOUND,
            "It has no bind that receives.",
            "It has to bind as a transceiver or as a receiver.",
        )
    if any(bind.receives for bind in receivers):
        return None
    return Finding(
        Limit.UNREAD,
        "It does not read what we send: the buffers of its connections are full.",
        "Its application is stuck or overloaded, or the way to it is blocked.",
    )


def _refusing(case: AccountCase) -> Finding | None:
    account = case.account
    left = account.paused_until - case.now
    if left <= 0:
        return None
    status = account.last_refusal
    why = f"refused one with {cause(status_text(status))}" if status else "did not answer in time"
    return Finding(
        Limit.PAUSED,
        f"It {why}: the next goes in {seconds(left)}.",
        (remedy(status_text(status)) if status else "")
        or "Its application does not take them: see its log.",
    )


def _deliveries_unanswered(case: AccountCase) -> Finding | None:
    size = case.account.settings.delivery_window
    receivers = [bind for bind in case.bound(RECEIVING) if bind.receives]
    if any(bind.taken < size for bind in receivers):
        return None
    if case.process.busy:
        return _busy(case)
    taken, ours = (sum(one) for one in zip(*_taken(receivers), strict=True))
    if 2 * ours >= taken and 2 * case.mean("unsent") >= case.mean("delivering"):
        return Finding(
            Limit.DISK,
            f"{ours} of {taken} deliver_sm wait for a commit.",
            "Put data_dir on a faster disk, or keep others from using it.",
        )
    time = answer_time(case)
    if not time or time >= SLOW:
        how = f"answers after {seconds(time)}" if time else "answered none lately"
        return Finding(
            Limit.ANSWERS,
            f"All {taken} deliver_sm that it may have are unanswered: it {how}.",
            "Its application is slow to answer deliver_sm: it should answer first, then work.",
        )
    return Finding(
        Limit.WINDOW,
        f"All {taken} deliver_sm that it may have are unanswered; it answers after"
        f" {seconds(time)}.",
        f"Raise its `delivery_window` (now {size}), or have it bind more often.",
    )


def _taken(binds: list[EsmeBind]) -> list[tuple[int, int]]:
    return [(bind.taken, unsent(bind)) for bind in binds]


def _flowing(case: AccountCase) -> Finding:
    return Finding(
        Limit.OPEN, "Nothing holds them back: they are on their way.", "Look again in a moment."
    )


DELIVERIES: tuple[Callable[[AccountCase], Finding | None], ...] = (
    _nothing_spooled,
    _no_receiver,
    _refusing,
    _deliveries_unanswered,
    _flowing,
)
