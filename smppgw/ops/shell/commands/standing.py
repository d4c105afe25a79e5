"""Hold, drain and release carriers and accounts.

Owns: these six commands and what they say. Refuses to know: how a decision is kept and carried out
(`core.standing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from twisted.internet.defer import Deferred

from smppgw.core.account import Account
from smppgw.core.binding import LinkState
from smppgw.core.carrier import Carrier
from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Emit,
    Kind,
    Live,
    Role,
    Table,
    text,
)
from smppgw.core.figures import when
from smppgw.core.relay import Relay
from smppgw.core.standing import ACCOUNT, CARRIER, DRAIN, DRAINED, HOLD, Decision, left
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.names import account_of, carrier_of, not_leaving
from smppgw.ops.status import decision_record

LOOK = 0.5
"""Seconds between two looks at what is being drained."""
WHY = Argument("reason", "why, for whoever looks later", Kind.REST, positional=True)

DECISIONS = (
    Column("KIND", "kind"),
    Column("NAME", "name"),
    Column("DECISION", "what"),
    Column("BY", "by"),
    Column("SINCE", "since", shown=when),
    Column("REASON", "reason"),
)

HELP = {
    (CARRIER, HOLD): "send nothing to a carrier until released. Its links stay bound, receipts and"
    " messages from phones go on, what waits for it waits (new messages take other carriers of"
    " their route). Outlives a restart. drain also empties its queue and unbinds",
    (CARRIER, DRAIN): "empty a carrier and unbind it until released. Nothing new is sent to it,"
    " what waits takes other carriers of its route where there are any and waits otherwise, what"
    " is unanswered is waited for, then its links unbind and stay unbound. Outlives a restart."
    " Ctrl-C ends the looking on, not the drain",
    (ACCOUNT, HOLD): "take nothing from an account and give it nothing until released. Its"
    " submits get ESME_RTHROTTLED (try again later), what is to be delivered to it waits, its"
    " binds stay. What it submitted before goes on. Outlives a restart",
    (ACCOUNT, DRAIN): "let an account come to its end, until released. Its submits get"
    " ESME_RTHROTTLED, what it submitted and what it is to get goes on; when nothing is left its"
    " binds are unbound and new ones refused. Receipts that come later wait for it. Outlives a"
    " restart. Ctrl-C ends the looking on, not the drain",
}


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay
    return [
        *(_deciding(relay, kind, what) for kind, what in HELP),
        *(_releasing(relay, kind) for kind in (CARRIER, ACCOUNT)),
        Command(
            ("show", "decisions"),
            partial(_show, relay),
            "carriers and accounts that operators hold or drain, since when, by whom and why",
        ),
    ]


def _show(relay: Relay, call: Call) -> Table:
    rows = [
        {"kind": one.kind, "name": one.name, **(decision_record(one) or {})}
        for one in relay.standing.all()
    ]
    return Table(DECISIONS, rows, empty="nothing is held or drained")


def _deciding(relay: Relay, kind: str, what: str) -> Command:
    def known() -> Iterable[str]:
        return relay.carriers if kind == CARRIER else relay.accounts

    name = Argument(
        "name",
        f"the {kind}",
        positional=True,
        required=True,
        values=known,
        seen=lambda operator: operator.accounts,
    )
    return Command(
        (what, kind),
        partial(_decide, relay, kind, what),
        HELP[kind, what],
        (name, WHY),
        Role.OPERATE,
        f"{what} {kind} {'fr-a' if kind == CARRIER else 'agg1'} works on their side until noon",
        partial(_touches, relay, kind, what),
        scoped=kind == ACCOUNT,
    )


def _releasing(relay: Relay, kind: str) -> Command:
    decided = partial(_decided, relay, kind)
    name = Argument("name", f"the {kind}", positional=True, required=True, values=decided)
    said = f"end the hold or drain of {'a carrier' if kind == CARRIER else 'an account'}"
    return Command(
        ("release", kind),
        partial(_release, relay, kind),
        said,
        (name,),
        Role.OPERATE,
        scoped=kind == ACCOUNT,
    )


def _decided(relay: Relay, kind: str) -> list[str]:
    return [one.name for one in relay.standing.all() if one.kind == kind]


def _find(relay: Relay, kind: str, call: Call) -> Carrier | Account:
    name = call.text("name")
    return carrier_of(relay, name) if kind == CARRIER else account_of(relay, name, call.operator)


def _touches(relay: Relay, kind: str, what: str, call: Call) -> str:
    found = _find(relay, kind, call)
    if relay.standing.of(kind, found.name) is not None:
        return ""
    if isinstance(found, Carrier):
        waits = f"{found.waiting:,} waiting, {found.in_flight:,} unanswered"
        if what == HOLD:
            return f"stop sending to carrier {found.name} ({waits})"
        return f"empty carrier {found.name} and unbind {len(found.links)} links ({waits})"
    waits = f"{found.queued:,} messages and {found.spooled:,} deliveries on their way"
    binds = f"account {found.name} with {len(found.binds)} binds ({waits})"
    if what == HOLD:
        return f"take nothing from and give nothing to {binds}"
    return f"take nothing more from {binds}, and unbind it in the end"


def _decide(relay: Relay, kind: str, what: str, call: Call) -> Answer | Deferred[Answer]:
    found = _find(relay, kind, call)
    standing = relay.standing
    before = standing.of(kind, found.name)
    if before is not None and what == HOLD and before.what == HOLD:
        return text(f"{kind} {found.name} is {before} already")
    if before is not None and what == HOLD:
        raise CommandError(f"{kind} {found.name} is {before}; release it first")
    if before is None or before.what == HOLD:
        standing.decide(kind, found.name, what, call.operator.name, call.text("reason"))
    if what == HOLD:
        return _durable(relay, partial(_held, relay, kind, found.name))
    return _durable(relay, partial(_watch, relay, kind, found.name))


def _durable(relay: Relay, answer: Callable[[], Answer]) -> Deferred[Answer]:
    """The answer once what was decided is on disk."""
    done: Deferred[Answer] = Deferred(lambda one: None)

    def durable() -> None:
        if not done.called:
            done.callback(answer())

    relay.store.when_durable(durable)
    return done


def _held(relay: Relay, kind: str, name: str) -> Answer:
    if kind == CARRIER:
        carrier = relay.carriers[name]
        return text(
            f"carrier {name} is held: {carrier.waiting:,} wait, {carrier.in_flight:,} are"
            " unanswered and their answers are still taken"
        )
    account = relay.accounts[name]
    return text(
        f"account {name} is held: {len(account.binds)} binds stay, {account.spooled:,} deliveries"
        " wait; its submits get ESME_RTHROTTLED"
    )


def _release(relay: Relay, kind: str, call: Call) -> Answer | Deferred[Answer]:
    name = call.text("name")
    if relay.standing.of(kind, name) is None or not call.operator.sees(name):
        found = _find(relay, kind, call)
        return text(f"{kind} {found.name} is neither held nor drained")
    if kind == CARRIER:
        not_leaving(relay, name)
    before = relay.standing.lift(kind, name, call.operator.name)
    return _durable(relay, lambda: text(f"{kind} {name} is released; it was {before}"))


# ---------------------------------------------------------------------- a drain on its way


def _watch(relay: Relay, kind: str, name: str) -> Live:
    """Say how far a drain is until it is at its end."""

    def begin(emit: Emit, done: Callable[[str], None]) -> Callable[[], None]:
        state = _Watch(relay, kind, name, emit, done)
        state.look()
        return state.stop

    return Live(begin)


class _Watch:
    """One operator looking on."""

    def __init__(
        self, relay: Relay, kind: str, name: str, emit: Emit, done: Callable[[str], None]
    ) -> None:
        self._relay = relay
        self._kind = kind
        self._name = name
        self._emit = emit
        self._done = done
        self._said = ""
        self._call = relay.clock.callLater(0, self.look)

    def look(self) -> None:
        """Say what is new, and look again unless it is over."""
        self.stop()
        over, said = _progress(self._relay, self._kind, self._name)
        if said != self._said:
            self._said = said
            self._emit([said])
        if over:
            self._done("")
        else:
            self._call = self._relay.clock.callLater(LOOK, self.look)

    def stop(self) -> None:
        """Look no more; the drain goes on."""
        if self._call.active():
            self._call.cancel()


def _progress(relay: Relay, kind: str, name: str) -> tuple[bool, str]:
    """Whether a drain is over, and how far it is."""
    decision = relay.standing.of(kind, name)
    if decision is None or decision.what == HOLD:
        return True, f"{kind} {name} was released meanwhile"
    if kind == ACCOUNT:
        account = relay.accounts.get(name)
        if account is not None:
            return _account_progress(account, decision)
    else:
        carrier = relay.carriers.get(name)
        if carrier is not None:
            return _carrier_progress(carrier, relay.standing.drained(carrier))
    return True, f"{kind} {name} is not configured any more, or just being changed"


def _carrier_progress(carrier: Carrier, drained: bool) -> tuple[bool, str]:
    if drained:
        waits = f"; {carrier.waiting:,} wait for it and have no other way" * (carrier.waiting > 0)
        return True, f"carrier {carrier.name} is drained: its links are unbound{waits}"
    bound = sum(link.state is not LinkState.IDLE for link in carrier.links)
    return False, (
        f"carrier {carrier.name}: {carrier.in_flight:,} unanswered, {bound} links to unbind,"
        f" {carrier.waiting:,} wait"
    )


def _account_progress(account: Account, decision: Decision) -> tuple[bool, str]:
    if decision.what == DRAINED:
        return True, f"account {account.name} is drained: its binds end, new ones are refused"
    away = "" if account.receiving or not account.spooled else "; it has no bind that takes them"
    rest = left(account) - account.queued - account.spooled
    return False, (
        f"account {account.name}: {account.queued:,} messages to send, {account.spooled:,}"
        f" deliveries, {rest:,} answers to give{away}"
    )
