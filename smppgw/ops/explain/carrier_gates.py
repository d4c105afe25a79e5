"""The gates that a message meets on its way to a carrier, and the words for each.

Owns: their order, and what tells that one is shut.
Refuses to know: how a carrier decides to send (`core.carrier`); it only looks.
"""

from __future__ import annotations

from collections.abc import Callable

from smppgw.core.binding import LinkState
from smppgw.core.link import Link
from smppgw.core.refusals import QUEUE_FULL, THROTTLED
from smppgw.core.status import status_text
from smppgw.core.throughput import AdaptiveRate
from smppgw.ops.explain.answer import Finding, Limit, cause, number, remedy, seconds, speed
from smppgw.ops.explain.cases import RECENT, CarrierCase
from smppgw.ops.explain.times import Process, carrier_span
from smppgw.ops.looks import unsent

SLOW = 1.0
"""Seconds of an answer time that no network explains: a way by satellite takes 0.6."""
OFTEN = 0.3
"""Share of the last minute in pauses from which they are what binds."""
AT_ONCE = 20
"""Answers that take less than so many times what the reactor is late are late because of us."""
QUICK = 0.1
"""Seconds of an answer time below which a busy process explains it, however late it is."""


def _switched_off(case: CarrierCase) -> Finding | None:
    carrier = case.carrier
    if not carrier.settings.enabled:
        return Finding(
            Limit.DISABLED,
            "`enabled` is false: it is not bound and its queue waits.",
            "Set `enabled` to true, or route elsewhere.",
        )
    if carrier.held:
        return Finding(
            Limit.HELD, "An operator holds it; its queue waits.", "Release it when it may go on."
        )
    if not case.senders:
        return Finding(
            Limit.UNBOUND,
            "It is bound to receive only: no message can leave on it.",
            "Set `bind` to transceiver, or to transmitter+receiver.",
        )
    return None


def _unbound(case: CarrierCase) -> Finding | None:
    if case.bound:
        return None
    link = min(case.senders, key=lambda one: one.next_attempt or case.now)
    reason = f" ({cause(link.trouble)})" if link.trouble else ""
    waits = link.state in (LinkState.WAITING, LinkState.REFUSED)
    again = f"; next attempt in {seconds(max(0.0, link.next_attempt - case.now))}" if waits else ""
    advice = remedy(link.trouble) or "If the next attempt fails, too, ask the carrier why."
    if link.trouble.startswith("cannot connect"):
        advice = "See whether host and port are right and the network lets us through."
    if link.state is LinkState.DRAINING:
        advice = "The carrier ended the session in order: wait, or ask it why."
    return Finding(
        Limit.UNBOUND, f"No link is bound: {link.name} is {link.shown}{reason}{again}.", advice
    )


def _stored(case: CarrierCase) -> Finding | None:
    trouble = case.relay.store.trouble
    if not trouble:
        return None
    return Finding(
        Limit.DISK,
        f"The store cannot write ({trouble}): nothing leaves before it is on disk.",
        "Make room on the disk of data_dir, or mend it.",
    )


def _silent(case: CarrierCase) -> Finding | None:
    probing = [link for link in case.bound if link.probing]
    if len(probing) < len(case.bound):
        doubted = [
            one for one in case.bound if one.read and not one.room and one.taken < one.window
        ]
        return _doubted(doubted[0]) if len(doubted) == len(case.bound) else None
    link = probing[0]
    protocol = link.protocol
    ago = 0.0 if protocol is None else case.now - protocol.session.last_heard
    heard = f", heard {seconds(max(0.0, ago))} ago"
    wait = link.next_attempt - case.now
    probe = f"the next leaves in {seconds(wait)}" if wait > 0 and not link.taken else "one is out"
    return Finding(
        Limit.SILENT,
        f"No submit_sm is answered, though it is bound{heard}: one at a time is sent until one"
        f" is answered, and {probe}.",
        "Tell the carrier: it takes binds and answers no message. Others can take its routes.",
    )


def _doubted(link: Link) -> Finding:
    return Finding(
        Limit.SILENT,
        f"Answers did not come in time on {link.name}: nothing more is sent until it is heard.",
        "If this stays, the carrier or the way to it is down. See `response_timeout`.",
    )


def _unread(case: CarrierCase) -> Finding | None:
    if any(link.read for link in case.bound):
        return None
    return Finding(
        Limit.UNREAD,
        "It does not read what we send: the buffers of its connections are full.",
        "Its side is overloaded, or the way to it is blocked: ask the carrier.",
    )


def _paused(case: CarrierCase) -> Finding | None:
    refusals = case.carrier.refusals
    left = refusals.paused_until - case.now
    return _because_of_pauses(case, f", for {seconds(left)} more") if left > 0 else None


def _nothing_waits(case: CarrierCase) -> Finding | None:
    if case.carrier.waiting:
        return None
    return Finding(
        Limit.NOTHING,
        "No message waits for it: it takes all there is.",
        "If this is too slow, look at the accounts: they send no more.",
    )


def _often_paused(case: CarrierCase) -> Finding | None:
    found = carrier_span(case.looks, case.carrier.name, RECENT)
    if found is None or case.since("paused") < OFTEN * found[2]:
        return None
    return _because_of_pauses(case, " a moment ago")


def _because_of_pauses(case: CarrierCase, when: str) -> Finding:
    refusals = case.carrier.refusals
    share = _share(case)
    status = refusals.paused_by
    said = cause(status_text(status))
    if status == THROTTLED:
        return Finding(Limit.THROTTLING, f"It throttles: paused{when}{share}. {said}.", SLOWER)
    if status == QUEUE_FULL:
        return Finding(
            Limit.FULL,
            f"It says that its queue is full: paused{when}{share}. {said}.",
            f"Lower `window` (now {case.carrier.settings.window}) or set `throughput` until it"
            " says so no more: each time costs a pause of its own. Ask what it allows.",
        )
    advice = remedy(status_text(status)) or "Ask the carrier."
    return Finding(Limit.PAUSED, f"Paused{when}{share}: it answered {said}.", advice)


SLOWER = "Set `throughput` to what was agreed with the carrier, or ask it for more."


def _share(case: CarrierCase) -> str:
    found = carrier_span(case.looks, case.carrier.name, RECENT)
    if found is None:
        return ""
    return f", {min(1.0, case.since('paused') / found[2]):.0%} of the last {seconds(found[2])}"


def _window_full(case: CarrierCase) -> Finding | None:
    if any(link.room > 0 for link in case.bound):
        return None
    window, answers = case.window, case.answers
    ours = _ours(case)
    if ours is not None:
        return ours
    if answers is None or answers.over == "since the start":
        return Finding(
            Limit.SILENT,
            f"All {window} places of the window are taken, and no submit_sm was answered lately.",
            f"Wait for `response_timeout` ({seconds(case.carrier.settings.response_timeout)}):"
            " if no answer comes by then, the carrier is down.",
        )
    full = f"All {window} places of the window are taken, and it takes {answers} to answer."
    if any(link.learned_window for link in case.bound):
        set_to = case.carrier.settings.window
        return Finding(
            Limit.FULL,
            f"{full} Its queue for us has no more: with more unanswered it said ESME_RMSGQFUL.",
            f"Ask it to allow more on a bind, or for another one (`binds`, now"
            f" {case.carrier.settings.binds}). `window` (now {set_to}) is not what limits it.",
        )
    if answers.mean >= SLOW:
        return Finding(
            Limit.ANSWERS,
            full,
            f"Ask the carrier why it is slow. A larger `window` (now"
            f" {case.carrier.settings.window}) helps only if it works on several at once.",
        )
    return Finding(
        Limit.WINDOW,
        full,
        f"Raise `window` (now {case.carrier.settings.window}) or `binds` (now"
        f" {case.carrier.settings.binds}) if the carrier allows it: the rate grows as they do.",
    )


def _ours(case: CarrierCase) -> Finding | None:
    """A window that is full because of us: the processor, or the disk."""
    answers, process = case.answers, case.process
    quick = answers is None or answers.mean < max(QUICK, AT_ONCE * process.late)
    if process.busy and quick:
        return _busy(process)
    looks = [look.carriers.get(case.carrier.name) for look in case.looks.last(10)]
    waiting = sum(look.unsent for look in looks if look is not None)
    taken = sum(look.in_flight for look in looks if look is not None)
    now = sum(map(unsent, case.bound))
    if 2 * now < case.taken or 2 * waiting < taken:
        return None
    commits = "" if process.commits is None else f": one takes {process.commits}"
    return Finding(
        Limit.DISK,
        f"{now} of {case.taken} places of the window wait for a commit{commits}.",
        "Put data_dir on a faster disk, or keep others from using it.",
    )


def _busy(process: Process) -> Finding:
    return Finding(
        Limit.CPU,
        f"Messages leave as fast as one processor allows: {process}.",
        process.advice,
    )


def _rated(case: CarrierCase) -> Finding | None:
    carrier, rate = case.carrier, case.carrier.rate
    if rate.delay(case.now) <= 0:
        return None
    if isinstance(rate, AdaptiveRate) and rate.ceiling:
        times = int(case.since("throttled"))
        return Finding(
            Limit.THROTTLING,
            f"It throttles: the rate is kept at {speed(rate.rate(case.now))}, for it answered"
            f" ESME_RTHROTTLED at {number(rate.ceiling)} ({times} times in the last minute).",
            SLOWER,
        )
    return Finding(
        Limit.THROUGHPUT,
        f"The setting `throughput` allows {speed(carrier.settings.throughput)}.",
        "Raise `throughput` if the carrier allows more.",
    )


def _ordered(case: CarrierCase) -> Finding | None:
    order, waiting = case.carrier.order, case.carrier.waiting
    behind = order.parked - order.retries + order.aside
    if len(case.carrier.queue) and not order.full:
        return None
    if order.retries and order.retries >= behind:
        next_retry = order.next_retry
        due = 0.0 if next_retry is None else max(0.0, next_retry - case.now)
        last = f" Last: {cause(case.carrier.refusals.last)}." if case.carrier.refusals.last else ""
        return Finding(
            Limit.RETRIES,
            f"{order.retries} of {waiting} messages wait for another try, the next in"
            f" {seconds(due)}.{last}",
            "See why it refuses them, or change the rule for that status in `statuses`.",
        )
    return Finding(
        Limit.ORDER,
        f"{behind} of {waiting} messages wait behind another one to the same destination:"
        " one at a time, so that none overtakes.",
        "Set `in_order` to false if their order does not matter.",
    )


def _open(case: CarrierCase) -> Finding:
    if case.process.busy:
        return _busy(case.process)
    return Finding(
        Limit.OPEN,
        "Nothing holds messages back: they are on their way.",
        "Look again in a moment.",
    )


GATES: tuple[Callable[[CarrierCase], Finding | None], ...] = (
    _switched_off,
    _unbound,
    _stored,
    _silent,
    _unread,
    _paused,
    _nothing_waits,
    _often_paused,
    _window_full,
    _rated,
    _ordered,
    _open,
)
"""In the order in which they are looked at; the first that is shut is what binds."""
