"""What operators decided about carriers and accounts, until somebody decides otherwise.

Owns: which of them are held or drained, since when, by whom and why, and the way of a drain to its
end. Each decision is a row, so it outlives a restart, a reload and an object of the same name.
Refuses to know: who may decide, how that is asked for, and what waits where.

    carrier  hold   nothing is sent; its links stay bound, what waits for it waits
             drain  the same, and what waits takes other routes where it has some; once all is
                    answered the links unbind and stay unbound
    account  hold   its submits get ESME_RTHROTTLED and its deliveries wait; its binds stay
             drain  its submits get ESME_RTHROTTLED; once all it sent has left and all deliveries
                    are taken it is drained: its binds end, and new ones are refused
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import evolve, frozen
from twisted.logger import Logger

from smppgw.core.binding import LinkState

if TYPE_CHECKING:
    from smppgw.core.account import Account
    from smppgw.core.carrier import Carrier
    from smppgw.core.relay import Relay

CARRIER = "carrier"
ACCOUNT = "account"
HOLD = "hold"
DRAIN = "drain"
DRAINED = "drained"
"""An account of which nothing was left."""

log = Logger()


@frozen
class Decision:
    """What stands: `kind` and `name` of the object, what was decided, by whom, when (ms), why."""

    kind: str
    name: str
    what: str
    who: str
    at: int
    why: str = ""

    def __str__(self) -> str:
        """In words, as operators read it: `held by ops since 2026-01-31 12:00:00 (reason)`."""
        what = "held" if self.what == HOLD else "drained"
        since = datetime.fromtimestamp(self.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        return f"{what} by {self.who} since {since}" + (f" ({self.why})" if self.why else "")


class Standing:
    """All decisions that stand, as they are in their rows."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._decisions: dict[tuple[str, str], Decision] = {
            (row[0], row[1]): Decision(*row)
            for row in relay.store.engine.select(
                "SELECT kind, name, what, who, at, why FROM decision"
            )
        }

    def all(self) -> list[Decision]:
        """Every decision, by kind and name."""
        return [one for _, one in sorted(self._decisions.items())]

    def of(self, kind: str, name: str) -> Decision | None:
        """What stands for a carrier or an account."""
        return self._decisions.get((kind, name))

    def decide(self, kind: str, name: str, what: str, who: str, why: str = "") -> Decision:
        """Hold or drain something configured, from now on; durable with the batch."""
        decision = Decision(kind, name, what, who, self._relay.now_ms(), why)
        self._put(decision)
        log.info("{kind} {name}: {what}, by {who}", kind=kind, name=name, what=what, who=who)
        if kind == ACCOUNT:
            self._relay.accounts[name].decide(decision)
        else:
            self.apply(self._relay.carriers[name])
        self.tick()
        return decision

    def lift(self, kind: str, name: str, who: str) -> Decision | None:
        """End what stands, whatever it is, and return it; durable with the batch."""
        decision = self._decisions.pop((kind, name), None)
        if decision is None:
            return None
        relay = self._relay
        relay.store.execute("DELETE FROM decision WHERE kind = ? AND name = ?", kind, name)
        log.info("{kind} {name}: released, by {who}", kind=kind, name=name, who=who)
        if kind == ACCOUNT:
            account = relay.accounts.get(name)
            if account is not None:
                account.decide(None)
        else:
            carrier = relay.carriers.get(name)
            if carrier is not None:
                carrier.release()
                relay.bind(carrier)
        return decision

    def _put(self, decision: Decision) -> None:
        self._decisions[decision.kind, decision.name] = decision
        self._relay.store.execute(
            "INSERT OR REPLACE INTO decision (kind, name, what, who, at, why)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            decision.kind,
            decision.name,
            decision.what,
            decision.who,
            decision.at,
            decision.why,
        )

    # ------------------------------------------------------------------ carriers

    def apply(self, carrier: Carrier) -> None:
        """A carrier is new, or what stands for it is."""
        decision = self.of(CARRIER, carrier.name)
        if decision is None:
            return
        carrier.hold()
        if decision.what == DRAIN:
            for link in carrier.links:
                if link.state in (LinkState.WAITING, LinkState.REFUSED):
                    link.stop()
                link.reason = f"drained by {decision.who}"

    def draining(self, carrier: Carrier) -> bool:
        """An operator wants it empty and unbound, or has it so."""
        decision = self.of(CARRIER, carrier.name)
        return decision is not None and decision.what == DRAIN

    def drained(self, carrier: Carrier) -> bool:
        """It has no answer to give any more, and its links are unbound."""
        return (
            self.draining(carrier)
            and not carrier.in_flight
            and all(link.state is LinkState.IDLE for link in carrier.links)
        )

    # ------------------------------------------------------------------ the way of a drain

    def tick(self) -> None:
        """Once a second: go on with what is being drained."""
        relay = self._relay
        for decision in list(self._decisions.values()):
            if decision.what != DRAIN:
                continue
            if decision.kind == CARRIER:
                carrier = relay.carriers.get(decision.name)
                if carrier is not None:
                    self._drain_carrier(carrier, decision)
            else:
                account = relay.accounts.get(decision.name)
                if account is not None and not left(account):
                    self._drained(account, decision)

    def _drain_carrier(self, carrier: Carrier, decision: Decision) -> None:
        if carrier.in_flight:
            return
        for link in carrier.links:
            # A connection that is being made cannot be called back, only closed once it stands.
            if link.state not in (LinkState.IDLE, LinkState.CONNECTING, LinkState.DRAINING):
                link.reason = f"drained by {decision.who}"
                link.stop()

    def _drained(self, account: Account, decision: Decision) -> None:
        decision = evolve(decision, what=DRAINED)
        self._put(decision)
        account.decide(decision)
        log.info("account {name}: drained", name=account.name)
        for bind in list(account.binds):
            bind.close("the account is drained")


def left(account: Account) -> int:
    """What an account has yet to send off or to take: queued messages and deliveries."""
    unanswered = sum(bind.unanswered for bind in account.binds)
    return account.queued + account.spooled + unanswered
