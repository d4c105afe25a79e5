"""New settings for a running relay: what changed is taken over, everything else goes on.

Owns: the order in which routes, numbers, accounts and carriers are changed while messages move.
Refuses to know: where settings come from, listeners, operators.

What a change does to binds is for `consequences` to say. A carrier that changes in more than what
can change in place, or goes, is taken out first: nothing more is given to it, its answers are
waited for, its links unbind. What waits for it then lies in rows, and either its successor of the
same name starts from them, as after a restart, or they are routed anew. Meanwhile new messages for
it go to other carriers of their routes, or to rows as well.
"""

from __future__ import annotations

from typing import Any, TypeVar

from attrs import evolve
from twisted.internet import task
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from smppgw.core.account import Account
from smppgw.core.account_settings import AccountSettings
from smppgw.core.binding import LinkState
from smppgw.core.carrier import Carrier
from smppgw.core.consequences import (
    RECONNECTING,
    changed_keys,
    rebinding_keys,
    unbinding_reason,
)
from smppgw.core.link import Link
from smppgw.core.message import QUEUED, Message, State
from smppgw.core.outgoing import Outgoing
from smppgw.core.relay import Relay
from smppgw.core.router import Router
from smppgw.core.settings import CarrierSettings, Settings
from smppgw.core.status import StatusPolicy
from smppgw.core.throughput import AdaptiveRate, FixedRate

LOOK = 0.05
"""Seconds between two looks at a window that empties."""

A = TypeVar("A", bound=Account)

log = Logger()


class Reload:
    """Gives a relay new settings, one file after the other.

    `settings` are those in force. Carriers that are being taken out are in `Relay.leaving`; a stop
    of the gateway has to stop them too.
    """

    def __init__(self, relay: Relay, settings: Settings, clock: Any) -> None:
        self.settings = settings
        self._relay = relay
        self._clock = clock
        self._stopped = False

    def stop(self) -> None:
        """Bind nothing more."""
        self._stopped = True

    async def apply(self, settings: Settings) -> list[str]:
        """Take over what can be, and say in words what was and what needs a restart.

        One call at a time. Comes back when changed carriers have been replaced: that takes as long
        as their windows need to empty, at most drain_timeout and the response_timeout of a carrier.
        """
        old, self.settings = self.settings, settings
        said = [
            f"[{name}] changed: needs a restart"
            for name in ("gateway", "smpp", "shell", "web")
            if getattr(old, name) != getattr(settings, name)
        ]
        said += await self._accounts(settings)
        relay = self._relay
        before = {one.name: one for one in old.carriers}
        after = {one.name: one for one in settings.carriers}
        # Routes first: a carrier that goes gets nothing more, one that comes is not named before.
        for name in after.keys() - before.keys():
            self._join(after[name])
            said.append(f"carrier {name}: new")
        if old.routes != settings.routes:
            relay.router = Router(settings.routes)
            said.append(f"routes: {len(settings.routes)}")
        if old.numbers != settings.numbers:
            relay.inbox.configure(settings.numbers)
            said.append(f"numbers: {len(settings.numbers)}")
        changes = []
        for name, one in before.items():
            new = after.get(name)
            if new is None:
                changes.append(self._remove(name))
                said.append(f"carrier {name}: removed, its queue is routed anew")
            elif new != one and name not in relay.carriers:  # an earlier change of it failed
                self._join(new)
                said.append(f"carrier {name}: new")
            elif rebinding_keys(one, new):
                changes.append(self._replace(new))
                said.append(f"carrier {name}: changed, its links bind anew")
            elif new != one:
                self._adjust(relay.carriers[name], new)
                said.append(f"carrier {name}: changed, its links stay bound")
        outcomes = await DeferredList(
            [Deferred.fromCoroutine(change) for change in changes], consumeErrors=True
        )
        for succeeded, failure in outcomes:
            if not succeeded:
                log.failure("reload: changing a carrier", failure)
                said.append("a carrier could not be changed; see above")
        return said

    # ------------------------------------------------------------------ accounts

    async def _accounts(self, settings: Settings) -> list[str]:
        relay = self._relay
        said = []
        declared = {one.system_id: one for one in settings.accounts}
        for name, account in relay.accounts.items():
            new = declared.pop(name, None)
            if new is None:
                # What it has queued goes on, and its receipts keep; only nobody may bind.
                new, word = evolve(account.settings, enabled=False), "removed"
            else:
                word = "changed" if new.enabled else "disabled"
            if new != account.settings:
                _change(account, new, self._clock.seconds())
                said.append(f"account {name}: {word}")
        for name, one in declared.items():
            # A row spilled in the batch being filled is not there to be counted yet.
            while any(delivery.account == name for delivery in relay.store.batch.spooled):
                await self._durable()
            relay.accounts[name] = stored_account(relay, one, self._clock, Account)
            said.append(f"account {name}: new")
        return said

    # ------------------------------------------------------------------ carriers

    def _adjust(self, carrier: Carrier, settings: CarrierSettings) -> None:
        """Give a carrier settings that differ only where its links need not bind anew."""
        changed = changed_keys(carrier.settings, settings)
        carrier.settings = settings
        carrier.outgoing = Outgoing(settings)
        carrier.refusals.policy = StatusPolicy(settings.statuses)
        if changed & {"throughput", "adaptive"}:
            rate = AdaptiveRate if settings.adaptive else FixedRate
            carrier.rate = rate(settings.throughput, self._clock.seconds())
        if changed & RECONNECTING and settings.enabled and not self._stopped:
            carrier.every_link(Link.start)
        carrier.pump()

    async def _replace(self, settings: CarrierSettings) -> None:
        """Take a carrier out and put one with new settings in its place."""
        old, held = await self._leave(settings.name)
        for message in _waiting(self._relay, settings.name):
            self._relay.store.spill(message)
        await self._durable()
        while self._relay.store.engine.unwritten:
            await task.deferLater(self._clock, LOOK)
        new = self._join(settings)
        if held:
            new.hold()
        # Receipts of what the old links sent come over the new ones.
        new.awaiting.update(old.awaiting)
        if old.settings.receipt_id == settings.receipt_id:
            new.forms = old.forms

    async def _remove(self, name: str) -> None:
        """Take a carrier out; what waits for it takes its route again."""
        await self._leave(name)
        relay = self._relay
        for message in _waiting(relay, name):
            relay.release(message)
        relay.moves.adopt(name)

    async def _leave(self, name: str) -> tuple[Carrier, bool]:
        """Wait for a carrier's answers and unbind its links; whether it was held before, too."""
        relay = self._relay
        carrier = relay.carriers.pop(name)
        relay.leaving.append(carrier)
        held = carrier.held
        carrier.hold()
        carrier.every_link(Link.drain)
        end = self._clock.seconds() + relay.settings.drain_timeout
        # A connection that is being made cannot be called back, only closed once it stands.
        while (carrier.in_flight and self._clock.seconds() < end) or any(
            link.state is LinkState.CONNECTING for link in carrier.links
        ):
            await task.deferLater(self._clock, LOOK)
        await DeferredList([link.stop() for link in carrier.links])
        carrier.stop()
        # What a commit has yet to give to its links comes back first.
        await self._durable()
        relay.leaving.remove(carrier)
        return carrier, held

    def _join(self, settings: CarrierSettings) -> Carrier:
        """Make a carrier that starts from the rows that wait for it, and bind."""
        relay, name = self._relay, settings.name
        rows = relay.store.engine.select(
            "SELECT priority, count(*) FROM message WHERE state = 20 AND carrier = ?"
            " GROUP BY priority",
            (name,),
        )
        stored: dict[int, int] = dict(rows)
        arriving = [message for message in relay.store.batch.spilled if message.carrier == name]
        for message in arriving:
            stored.setdefault(message.priority, 1)
        if name in relay.moves.strays:
            relay.moves.strays.remove(name)
        relay.add_carrier(settings, stored)
        carrier = relay.carriers[name]
        for message in arriving:
            # They are behind all rows, and the queue has to know that theirs are still to come.
            carrier.queue.push(message)
        if not self._stopped:
            relay.bind(carrier)
        return carrier

    def _durable(self) -> Deferred[None]:
        """Fires once what is in the batch is on disk."""
        done: Deferred[None] = Deferred()
        self._relay.store.when_durable(lambda: done.callback(None))
        return done


def _waiting(relay: Relay, name: str) -> list[Message]:
    """The messages in memory that wait for a carrier, in the order in which they would leave."""
    found = [
        message
        for message in relay.store.live.values()
        if message.state == State.WAITING and message.carrier == name
    ]
    return sorted(found, key=lambda message: (message.priority, message.position))


def stored_account(relay: Relay, settings: AccountSettings, clock: Any, kind: type[A]) -> A:
    """An account that starts from what an earlier one of the same name left in the store."""
    select = relay.store.engine.select
    name = settings.system_id
    ((spooled,),) = select("SELECT count(*) FROM delivery WHERE account = ?", (name,))
    account = kind(settings, relay, clock, spooled)
    for state in QUEUED:
        ((queued,),) = select(
            f"SELECT count(*) FROM message WHERE state = {int(state)} AND account = ?",  # noqa: S608
            (name,),
        )
        account.queued += queued
    return account


def _change(account: Account, settings: AccountSettings, now: float) -> None:
    """Give an account new settings; binds that contradict them end, and may come again."""
    old = account.settings
    account.configure(settings)
    if (old.throughput, old.burst) != (settings.throughput, settings.burst):
        account.admit(now)
    reason = unbinding_reason(old, settings)
    if reason:
        for bind in list(account.binds):
            bind.close(reason)
    account.pump()
