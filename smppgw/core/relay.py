"""The relay: carriers, accounts and the store, and the moves of a message between them.

Owns: which objects there are, and every move that concerns more than one of them (route, release,
reroute, expire, unknown outcome, end).
Refuses to know: configuration files, listeners, operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from attrs import define
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from smppgw.core.account import Account
from smppgw.core.binding import Connector
from smppgw.core.carrier import Carrier
from smppgw.core.consent import Consent
from smppgw.core.dispatch import Dispatch
from smppgw.core.episodes import Episodes
from smppgw.core.gathering import Gathering
from smppgw.core.ids import EPOCH_MS, MessageIds
from smppgw.core.inbox import Inbox
from smppgw.core.ingress import Ingress
from smppgw.core.ledger import Ledger
from smppgw.core.link import Link
from smppgw.core.measures import Measures
from smppgw.core.message import QUEUED, Delivery, Message, State
from smppgw.core.moves import Moves
from smppgw.core.operations import Operations
from smppgw.core.outcome import Outcomes
from smppgw.core.pace import Pace
from smppgw.core.parts import Parts
from smppgw.core.queue_work import QueueWork
from smppgw.core.receipts import Receipts
from smppgw.core.references import References
from smppgw.core.router import Router
from smppgw.core.scheduler import Scheduler
from smppgw.core.settings import CarrierSettings, Settings
from smppgw.core.standing import Standing
from smppgw.core.store.group_commit import Store
from smppgw.sms.receipt_format import Template

if TYPE_CHECKING:
    from smppgw.core.slot import Slot

ORPHAN_RACE_MS = 3_600_000
"""Receipts without a message from this long before a restart are taken up again."""

log = Logger()


@define
class Counters:
    """What happened since the start, for rates."""

    accepted: int = 0
    sent: int = 0
    refused: int = 0
    malformed: int = 0


class Relay:
    """The gateway without its listeners; everything in the reactor's thread."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: IReactorTime,
        connector: Connector,
        random: Random,
    ) -> None:
        self.settings = settings.gateway
        self.store = store
        self.clock = clock
        self.counters = Counters()
        self.measures = Measures()
        self.ids = MessageIds(self.now_ms, self.settings.node, store.engine.highest_id())
        self.ledger = Ledger(store)
        self.router = Router(settings.routes)
        self.carriers: dict[str, Carrier] = {}
        self.leaving: list[Carrier] = []
        """Carriers that are being taken out: they get nothing more, and are still read from."""
        self.accounts: dict[str, Account] = {}
        self.queued = 0
        """Messages that no carrier has taken yet."""
        self.outcomes = Outcomes(store, self.ledger, self.ids, self, self.now_ms, self.measures)
        self.receipts = Receipts(store, self.outcomes, self.ids)
        self.consent = Consent(self)
        self.slot: Slot | None = None
        """The features, when there are any."""
        self.inbox = Inbox(self, store, self.ids)
        self.ingress = Ingress(self)
        self.operations = Operations(self)
        self.parts = Parts(self)
        self.dispatch = Dispatch(self)
        self.gathering = Gathering(self)
        self.references = References(store, self.ids)
        self.moves = Moves(self)
        self.standing = Standing(self)
        self.work: QueueWork | None = None
        """What an operator has done with a queue just now."""
        self.scheduler = Scheduler(self, clock)
        self.episodes = Episodes(self)
        self.pace = Pace(clock, self.behind)
        self.validity_ms = int(self.settings.validity * 1000)
        self.max_validity_ms = int(self.settings.max_validity * 1000)
        self.receipt_wait_ms = int(self.settings.receipt_wait * 1000)
        self.retention_ms = int(self.settings.retention * 1000)
        self.connector = connector
        self._random = random
        self._unclaimed: set[str] = set()
        """Accounts that are not configured and have deliveries in the store."""
        store.refused = self._forget
        store.congestion = self._congestion
        self._configure(settings)

    # ------------------------------------------------------------------ start

    def _configure(self, settings: Settings) -> None:
        select = self.store.engine.select
        stored: dict[str, dict[int, int]] = {}
        for carrier, priority, count in select(
            "SELECT carrier, priority, count(*) FROM message WHERE state = 20"
            " GROUP BY carrier, priority"
        ):
            stored.setdefault(carrier, {})[priority] = count
        for one in settings.carriers:
            self.add_carrier(one, stored.pop(one.name, {}))
        self.moves.strays = list(stored)
        queued: dict[str, int] = {}
        for state in QUEUED:
            for name, count in select(
                f"SELECT account, count(*) FROM message WHERE state = {int(state)} GROUP BY account"  # noqa: S608
            ):
                queued[name] = queued.get(name, 0) + count
        spooled = dict(select("SELECT account, count(*) FROM delivery GROUP BY account"))
        for account in settings.accounts:
            name = account.system_id
            runtime = Account(account, self, self.clock, spooled.get(name, 0))
            runtime.queued = queued.get(name, 0)
            self.accounts[name] = runtime
        self._unclaimed = spooled.keys() - self.accounts.keys()
        self.queued = sum(queued.values())
        self.inbox.configure(settings.numbers)
        self.receipts.load((self.now_ms() - ORPHAN_RACE_MS - EPOCH_MS) << 21)

    def add_carrier(self, settings: CarrierSettings, stored: dict[int, int]) -> None:
        """Make a carrier and its links (not started)."""
        carrier = Carrier(settings, self, self.clock, stored)
        kinds = settings.bind.split("+")
        for number in range(1, settings.binds + 1):
            for kind in kinds:
                suffix = "" if len(kinds) == 1 else kind[0]
                name = f"{settings.name}#{number}{suffix}"
                carrier.links.append(
                    Link(carrier, kind, name, self.connector, self.clock, self._random)
                )
        self.carriers[settings.name] = carrier
        self.standing.apply(carrier)

    def start(self) -> None:
        """Take up what a crash left in flight, bind to the carriers, begin the sweeps."""
        found = self.store.engine.messages("state = 22 ORDER BY position", (), 1_000_000)
        if found:
            log.warn(
                "in flight when the gateway stopped, outcome unknown: {count} messages",
                count=len(found),
            )
        for message in found:
            self.store.live[message.id] = message
            carrier = self.carriers.get(message.carrier)
            if carrier is None:
                self.end(message, State.UNKNOWN, "outcome unknown, carrier removed")
                continue
            self.unknown_outcome(message, carrier.settings, "the gateway stopped")
            if message.state == State.WAITING:
                carrier.resume(message)
        self.gathering.load()
        self.inbox.featured.load()
        for carrier in self.carriers.values():
            self.bind(carrier)
        self.scheduler.start()

    def bind(self, carrier: Carrier) -> None:
        """Let its links bind, unless settings or an operator keep it unbound."""
        if carrier.settings.enabled and not self.standing.draining(carrier):
            carrier.every_link(Link.start)

    def _congestion(self, congested: bool) -> None:
        """Read from nobody while too much waits for the disk: not every carrier keeps a window."""
        for account in self.accounts.values():
            for bind in account.binds:
                bind.pause(congested)
        for carrier in (*self.carriers.values(), *self.leaving):
            for link in carrier.links:
                link.pause(congested)

    # ------------------------------------------------------------------ time

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return int(self.clock.seconds() * 1000)

    # ------------------------------------------------------------------ moves of a message

    def usable(self, name: str) -> bool:
        """A carrier that the router may choose now."""
        carrier = self.carriers.get(name)
        return carrier is not None and carrier.usable

    def assign(self, message: Message, name: str) -> None:
        """Give a waiting message to a carrier."""
        message.carrier = name
        self.ledger.routed(message)
        carrier = self.carriers.get(name)
        if carrier is None:  # the route names a carrier that was removed: its row waits
            self.store.spill(message)
        else:
            carrier.offer(message)

    def release(self, message: Message) -> None:
        """A deferred or stranded message goes on its way now, at the end of the queue."""
        name = self.router.choose(message.destination, self.usable)
        if name is None:
            self.end(message, State.UNDELIVERABLE, "no route any more")
            return
        if message.carrier:
            self.ledger.moved(message)
        message.state = State.WAITING
        message.due = 0
        message.position = self.ids.next()
        self.store.touch(message)
        self.dispatch.route(message, name)

    def another(self, message: Message, tried: Sequence[str]) -> str | None:
        """A carrier that can take a message and is not in `tried`; None when there is none."""
        passed = list(tried)
        name = self.router.choose(message.destination, self.usable, passed)
        while name is not None and not self.dispatch.takes(message, name):
            passed.append(name)
            name = self.router.choose(message.destination, self.usable, passed)
        return name

    def reroute(self, message: Message, reason: str) -> bool:
        """Give a message to a carrier that has not had it yet; False when there is none."""
        tried = [*message.tried.split(), message.carrier]
        name = self.another(message, tried)
        if name is None:
            return False
        self.outcomes.note(message, f"{message.carrier}: {reason}; rerouted to {name}")
        message.tried = " ".join(tried)
        message.state = State.WAITING
        self.move(message, name)
        return True

    def move(self, message: Message, name: str) -> None:
        """A waiting message goes from its carrier to the end of the queue of another."""
        self.ledger.moved(message)
        message.position = self.ids.next()
        self.store.touch(message)
        self.dispatch.route(message, name)

    def bring_back(self, message: Message, name: str) -> Carrier | None:
        """A waiting message turns out to have been taken by `name`; return who has it now."""
        self.outcomes.note(message, f"{name} answered late; not sent again")
        holder = self.carriers.get(message.carrier)
        if message.carrier != name:
            self.ledger.moved(message)
            message.carrier = name
            self.ledger.routed(message)
        return holder

    def unknown_outcome(self, message: Message, settings: CarrierSettings, reason: str) -> None:
        """It may or may not have been sent: once more, or the end."""
        if message.duplicate or settings.unknown_outcome == "fail":
            self.end(message, State.UNKNOWN, f"no answer from the carrier: {reason}")
            return
        message.duplicate = 1
        message.state = State.WAITING
        self.store.touch(message)
        self.outcomes.note(message, f"outcome unknown ({reason}); again, a possible duplicate")

    def expire(self, message: Message) -> None:
        """A message met the end of its validity in the queue."""
        self.end(message, State.EXPIRED, "validity_period ended")

    def end(self, message: Message, state: State, error: str) -> None:
        """End a message for a reason of ours."""
        self.outcomes.end(message, state, error)

    def end_waiting(self, message: Message, state: State, error: str) -> None:
        """End a message that waits in a queue or for its time."""
        self.outcomes.end(message, state, error)
        self.withdraw(message)

    def withdraw(self, message: Message) -> None:
        """A message that waited does not any more; others may pass."""
        carrier = self.carriers.get(message.carrier)
        if carrier is not None:
            carrier.dropped(message)

    def end_unreceipted(self, message: Message) -> None:
        """No receipt came: the last word of the carrier stands."""
        carrier = self.carriers.get(message.carrier)
        if carrier is not None:
            carrier.awaiting.pop(message.remote_key, None)
        state = State.ACCEPTED if message.reported == State.ACCEPTED else State.UNKNOWN
        self.outcomes.end(message, state, "no receipt came in time")

    def enqueued(self, account: str) -> None:
        """A message of the account is queued."""
        self.queued += 1
        found = self.accounts.get(account)
        if found is not None:
            found.queued += 1

    def unqueued(self, account: str) -> None:
        """A message of the account is no longer queued."""
        self.queued -= 1
        found = self.accounts.get(account)
        if found is not None:
            found.queued -= 1

    def _forget(self, messages: list[Message]) -> None:
        """A commit failed: these were never accepted."""
        self.ledger.forgotten(messages)
        self.measures.forgotten += sum(not message.part_of for message in messages)
        for message in messages:
            if message.final:  # it ended in the same commit
                self.ledger.reopened(message)
            elif message.state in QUEUED:
                self.unqueued(message.account)
            if message.state == State.GATHERING:
                self.gathering.forget(message)
            message.state = State.REJECTED
            carrier = self.carriers.get(message.carrier)
            if carrier is not None:
                carrier.forgotten(message)

    # ------------------------------------------------------------------ outcome.Receivers

    def part_ended(self, part: Message, before: int) -> None:
        """A part of a message is final; `before` is the state that this replaces."""
        self.parts.ended(part, before)

    def part_progress(self, part: Message, state: int, error: str, done: float) -> None:
        """A part of a message reported a state that is not final."""
        self.parts.progress(part, state, error, done)

    def receipt_form(self, account: str) -> tuple[int, Template | None, int]:
        """Of the receipts of an account: length of `text:`, template if any, validity (ms)."""
        found = self.accounts.get(account)
        return (0, None, self.retention_ms) if found is None else found.receipt_form

    def delivery_expires(self, account: str, now: int) -> int:
        """When a delivery made now expires (milliseconds)."""
        found = self.accounts.get(account)
        seconds = self.settings.retention if found is None else found.settings.delivery_validity
        return now + int(seconds * 1000)

    def deliver(self, delivery: Delivery) -> None:
        """Store a new delivery and send it as soon as its account takes it."""
        account = self.accounts.get(delivery.account)
        if account is None:
            self._unclaimed.add(delivery.account)
            self.store.spool(delivery)
            return
        account.push(delivery)
        message, batch = self.store.live.get(delivery.message), self.store.batch
        if message is not None and message.fresh and message in batch.accepted:
            # It ended in the commit that accepts it: if that fails, it never was.
            batch.undo.append(partial(account.forget, delivery))

    def expire_unclaimed(self, now: int, limit: int) -> None:
        """End deliveries of accounts that are not configured any more, oldest first."""
        for name in self._unclaimed - self.accounts.keys():
            for delivery in self.store.engine.deliveries(name, 0, limit):
                if delivery.expires > now:
                    break
                self.store.execute("DELETE FROM delivery WHERE id = ?", delivery.id)
                self.delivery_ended(delivery, "expired", now)

    def delivery_ended(self, delivery: Delivery, how: str, now: int) -> None:
        """A receipt reached its ESME, or never will (at `now`, ms): its message remembers."""
        if delivery.kind == "receipt":
            message = self.store.live.get(delivery.message)
            if message is not None:
                message.receipt_to = how
                message.receipt_at = now
            self.store.forwarded(how, now, delivery.message)

    # ------------------------------------------------------------------ by the clock

    def tick(self) -> bool:
        """Once a second, and more often while sweeps find work; True while there is more here."""
        now = self.clock.seconds()
        for carrier in self.carriers.values():
            carrier.tick(now)
        self.episodes.tick(now)
        self.gathering.tick(self.now_ms())
        self.parts.tick()
        for account in self.accounts.values():
            account.pump()
        self.standing.tick()
        return self.moves.tick(now)

    def behind(self) -> bool:
        """Some carrier that takes messages has more waiting than it can have in flight."""
        for carrier in self.carriers.values():
            if carrier.usable and carrier.waiting > carrier.window:
                return True
        return False
