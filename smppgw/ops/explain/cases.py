"""What is asked about, and everything that was measured of it, gathered for one explanation.

Owns: the figures of a carrier and its links, of an account and its binds, at the moment of asking.
Refuses to know: what follows from them.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from smppgw.core.account import Account
from smppgw.core.binding import LinkState
from smppgw.core.carrier import Carrier
from smppgw.core.esme import EsmeBind
from smppgw.core.link import Link
from smppgw.core.relay import Relay
from smppgw.ops.desk import Desk
from smppgw.ops.explain.times import Process, Times, answer_times, carrier_span, process
from smppgw.ops.looks import AccountLook, Looks

RECENT = 60
"""Seconds that are lately, for what comes now and then."""
SPAN = 10
"""Seconds that are lately, for what comes all the time."""
SENDING, RECEIVING = ("BOUND_TX", "BOUND_TRX"), ("BOUND_RX", "BOUND_TRX")
"""Session states in which an ESME may submit, and gets deliver_sm."""


@frozen
class CarrierCase:
    """One carrier, the links of it that are asked about, and what was measured."""

    carrier: Carrier
    links: list[Link]
    relay: Relay
    looks: Looks
    now: float
    process: Process
    answers: Times | None

    @property
    def senders(self) -> list[Link]:
        """Links on which submits may go."""
        return [link for link in self.links if link.kind != "receiver"]

    @property
    def bound(self) -> list[Link]:
        """Those that are bound."""
        return [link for link in self.senders if link.state is LinkState.BOUND]

    @property
    def window(self) -> int:
        """Unanswered submits that these may have."""
        return sum(link.window for link in self.bound)

    @property
    def taken(self) -> int:
        """Unanswered submits that these have."""
        return sum(link.taken for link in self.links)

    def since(self, place: str, span: int = RECENT) -> float:
        """How much a figure of its looks has grown lately."""
        found = carrier_span(self.looks, self.carrier.name, span)
        if found is None:
            return 0.0
        grown: float = getattr(found[1], place) - getattr(found[0], place)
        return max(0.0, grown)


def carrier_case(desk: Desk, carrier: Carrier, links: list[Link]) -> CarrierCase:
    """A carrier as it is now, and the links of it that are asked about."""
    relay, looks = desk.relay, desk.looks
    own = relay.measures.carriers.get(carrier.name) is carrier.measures
    answers = answer_times(looks, carrier.name, carrier.measures.answer_ms) if own else None
    now = relay.clock.seconds()
    return CarrierCase(carrier, links, relay, looks, now, process(looks, relay), answers)


@frozen
class AccountCase:
    """One account, the binds of it that are asked about, and what was measured."""

    account: Account
    binds: list[EsmeBind]
    relay: Relay
    looks: Looks
    now: float
    process: Process
    received: float | None
    """Requests a second that these binds sent lately; None when that is not known."""
    delivered: float | None
    """deliver_sm a second that they got lately."""

    def bound(self, kinds: Sequence[str]) -> list[EsmeBind]:
        """The binds of these kinds."""
        return [bind for bind in self.binds if bind.kind in kinds]

    def span(self, seconds: float) -> tuple[AccountLook, AccountLook, float] | None:
        """The looks at the account that begin and end a span, and the seconds between them."""
        found = self.looks.span(seconds)
        if found is None:
            return None
        before, after = (look.accounts.get(self.account.name) for look in found)
        if before is None or after is None:
            return None
        return before, after, found[1].at - found[0].at

    def mean(self, place: str) -> float:
        """The mean of a figure of its looks lately."""
        looks = [look.accounts.get(self.account.name) for look in self.looks.last(SPAN)]
        found = [float(getattr(look, place)) for look in looks if look is not None]
        return sum(found) / len(found) if found else 0.0

    def since(self, place: str) -> int:
        """How much a figure of its looks has grown lately."""
        found = self.span(SPAN)
        if found is None:
            return 0
        grown: int = getattr(found[1], place) - getattr(found[0], place)
        return max(0, grown)


def account_case(desk: Desk, account: Account, binds: list[EsmeBind]) -> AccountCase:
    """An account as it is now, and the binds of it that are asked about."""
    relay, looks = desk.relay, desk.looks
    received, delivered = _moved(looks, [bind.name for bind in binds])
    now = relay.clock.seconds()
    return AccountCase(
        account, binds, relay, looks, now, process(looks, relay), received, delivered
    )


def _moved(looks: Looks, names: list[str]) -> tuple[float | None, float | None]:
    """Requests a second from these binds and to them; a bind that is new counts from nothing."""
    moved = looks.moved
    if len(moved) < 2:
        return None, None
    before, after = moved[0], moved[-1]
    elapsed = max(after.at - before.at, 1e-9)
    known = [name for name in names if name in after.binds]
    if not known and names:
        return None, None
    grown = [
        sum(max(0, after.binds[name][way] - before.binds.get(name, (0, 0))[way]) for name in known)
        for way in (0, 1)
    ]
    return grown[0] / elapsed, grown[1] / elapsed
