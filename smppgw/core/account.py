"""One account: its binds, its limits, and the deliveries that wait for it.

Owns: how many binds and messages an account may have, and the order in which MOs and receipts go
to it, on whichever of its receiving binds has room.
Refuses to know: passwords (`auth`), what a deliver_sm says, SQL.

Deliveries wait like the messages of a carrier: a bounded head in memory, the rest in their rows.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from smppgw.core import long_mo
from smppgw.core.account_settings import PAST_STOP, PRIORITY_NAMES, AccountSettings
from smppgw.core.content import writing_of
from smppgw.core.held import Held
from smppgw.core.message import Delivery
from smppgw.core.standing import DRAINED, HOLD, Decision
from smppgw.core.throughput import Shut, TokenBucket
from smppgw.smpp.wire import status_name

if TYPE_CHECKING:
    from smppgw.core.esme import EsmeBind
    from smppgw.core.relay import Relay

HEAD = 1_000
"""Deliveries of an account in memory, at most."""
LOAD = 500
TEMPORARY = frozenset({0x08, 0x14, 0x58, 0x64})
"""Answers after which a deliver_sm is tried again: RSYSERR, RMSGQFUL, RTHROTTLED, RX_T_APPN."""


class Account:
    """What we know of one account while it is configured."""

    own = False
    """It is a feature's: nobody binds to it."""

    def __init__(
        self, settings: AccountSettings, relay: Relay, clock: IReactorTime, stored: int
    ) -> None:
        now = clock.seconds()
        self.name = settings.system_id
        self.configure(settings)
        self.measures = relay.measures.account(self.name)
        self.decision = relay.standing.of("account", self.name)
        """What an operator decided about it, or None."""
        self.admit(now)
        self.binds: list[EsmeBind] = []
        self._receivers: deque[EsmeBind] = deque()
        self.queued = 0
        """Its messages that no carrier has taken yet."""
        self.spooled = stored
        """Its deliveries that wait or are unanswered."""
        self.paused_until = 0.0
        self.last_refusal = 0
        self._bind_number = 0
        self._reference = -1
        self._relay = relay
        self._clock = clock
        self._head: deque[Delivery] = deque()
        self._cursor = 0
        self._more = stored > 0
        self._spilled_in: object = None
        self._timer: IDelayedCall | None = None

    def configure(self, settings: AccountSettings) -> None:
        """Take settings, and what is made of them once for all messages."""
        self.settings = settings
        self.priority = int(PRIORITY_NAMES[settings.priority])
        self.best_priority = int(PRIORITY_NAMES[settings.max_priority])
        self.writing = writing_of(settings.data_codings, settings.smart_encoding)
        self.past_stop = PAST_STOP[settings.past_stop]
        """The lowest class of its messages that a STOP to their sender does not hold up."""
        validity = int(settings.delivery_validity * 1000)
        self.receipt_form = (settings.receipt_text, settings.receipt_template, validity)
        """Of its receipts: length of `text:`, template unless it is that of Appendix B, validity.

        The last in milliseconds.
        """

    # ------------------------------------------------------------------ what operators decide

    def decide(self, decision: Decision | None) -> None:
        """An operator holds, drains or releases it: `core.standing`."""
        self.decision = decision
        self.admit(self._clock.seconds())
        for bind in list(self.binds):
            self.changed(bind)

    def admit(self, now: float) -> None:
        """Take submits at the rate of the settings, or none while an operator wants none."""
        settings = self.settings
        self.bucket = TokenBucket(settings.throughput, settings.burst, now)
        if self.decision is not None:
            self.bucket = Shut()

    @property
    def held(self) -> bool:
        """Its deliveries wait."""
        return self.decision is not None and self.decision.what == HOLD

    # ------------------------------------------------------------------ binds

    @property
    def full(self) -> str:
        """Why it may have no bind more just now; "" when it may."""
        if self.decision is not None and self.decision.what == DRAINED:
            return "the account is drained"
        limit = self.settings.binds
        return f"all {limit} binds are in use" if len(self.binds) >= limit else ""

    def next_bind_name(self) -> str:
        """What operators call the next bind."""
        self._bind_number += 1
        return f"{self.name}#{self._bind_number}"

    def attach(self, bind: EsmeBind) -> None:
        """A bind of this account is up."""
        self.binds.append(bind)
        bind.pause(self._relay.store.congested)
        self.changed(bind)

    def changed(self, bind: EsmeBind) -> None:
        """A bind may take deliver_sm now, or not any more."""
        if bind in self._receivers:
            self._receivers.remove(bind)
        if bind.receives and not self.held:
            self._receivers.append(bind)
            self.pump()

    def detach(self, bind: EsmeBind, unanswered: list[Delivery]) -> None:
        """A bind is gone; what it did not answer goes to the front again, in order."""
        self.binds.remove(bind)
        if bind in self._receivers:
            self._receivers.remove(bind)
        self._return(unanswered)
        self.pump()

    def in_memory(self) -> Held:
        """What it holds in memory."""
        return Held("head of its deliveries", len(self._head), HEAD)

    @property
    def receiving(self) -> bool:
        """Some bind takes deliver_sm."""
        return bool(self._receivers)

    # ------------------------------------------------------------------ deliveries

    def push(self, delivery: Delivery) -> None:
        """Take a new delivery."""
        self.spooled += 1
        store = self._relay.store
        if self._more or len(self._head) >= HEAD:
            self._more = True
            self._spilled_in = store.batch
            store.spool(delivery)
            return
        store.deliver(delivery)
        self._cursor = delivery.id
        bind = None if self._head else self._free_bind()
        if bind is None:
            self._head.append(delivery)
        else:
            self._launch(bind, delivery)

    def next_reference(self) -> int:
        """The number of the next message that is cut for it: 0 to 255, then 0 again."""
        self._reference = (self._reference + 1) & 0xFF
        return self._reference

    def in_parts(self, delivery: Delivery) -> None:
        """A bind cannot take this one whole: its parts go instead, in order, at the end.

        Each is a delivery of its own, with an answer of its own, and whoever binds next may get
        it. They take its place in one commit.
        """
        bodies = long_mo.cut(delivery.body, self.next_reference())
        self._finish(delivery)
        for body in bodies:
            number = self._relay.ids.next()
            kind, message, expires = delivery.kind, delivery.message, delivery.expires
            self.push(Delivery(number, self.name, kind, message, expires, body))
        self.pump()  # the bind has room for what was waiting before them

    def forget(self, delivery: Delivery) -> None:
        """The commit of a new delivery failed, and who brought it was told so."""
        delivery.done = True
        self.spooled -= 1

    def pump(self) -> None:
        """Send what may be sent now."""
        now = self._clock.seconds()
        if self.paused_until > now:
            return
        while True:
            bind = self._free_bind()
            if bind is None:
                return
            if self._more and len(self._head) < HEAD - LOAD:
                self._load()
            if not self._head:
                return
            delivery = self._head.popleft()
            if delivery.done:  # forgotten
                continue
            now_ms = self._relay.now_ms()
            if delivery.expires <= now_ms:
                self._end(delivery, "expired", now_ms)
                continue
            self._launch(bind, delivery)

    def _free_bind(self) -> EsmeBind | None:
        """A bind that takes another deliver_sm, in turn."""
        if self.paused_until > self._clock.seconds():
            return None
        receivers = self._receivers
        window = self.settings.delivery_window
        for _ in range(len(receivers)):
            receivers.rotate(-1)
            bind = receivers[0]
            if bind.taken < window:
                return bind
        return None

    def _launch(self, bind: EsmeBind, delivery: Delivery) -> None:
        bind.taken += 1
        self._relay.store.send(bind, delivery)

    def _load(self) -> None:
        store = self._relay.store
        found = store.engine.deliveries(self.name, self._cursor, LOAD)
        if found:
            self._cursor = found[-1].id
        self._head.extend(found)
        # A row spilled in the batch being filled is not there to be read yet.
        if len(found) < LOAD and self._spilled_in is not store.batch and not store.engine.unwritten:
            self._more = False

    def expire(self, now: int, limit: int) -> None:
        """End up to `limit` deliveries whose time is over, oldest first."""
        head = self._head
        for _ in range(limit):
            if self._more and not head:
                self._load()
            if not head or (head[0].expires > now and not head[0].done):
                return
            delivery = head.popleft()
            if not delivery.done:  # else forgotten
                self._end(delivery, "expired", now)

    # ------------------------------------------------------------------ answers of the ESME

    def taken(self, bind: EsmeBind, answers: list[tuple[Delivery, int]], now: int) -> None:
        """The ESME has these, as their answers with these sequence_numbers say (`now` in ms).

        The caller pumps, once for all answers of a read.
        """
        bind.taken -= len(answers)
        name = bind.name
        for delivery, sequence_number in answers:
            self._end(delivery, f"{name} sequence {sequence_number}", now)

    def refused(self, bind: EsmeBind, delivery: Delivery, command_status: int) -> None:
        """The ESME refused it: again later, or never. The caller pumps."""
        bind.taken -= 1
        self.last_refusal = command_status
        self.measures.deliveries_refused.count(command_status, self._clock.seconds())
        if command_status in TEMPORARY:
            self.give_back([delivery])
        else:
            reason = f"refused by {bind.name}: {status_name(command_status)}"
            self._end(delivery, reason, self._relay.now_ms())

    def not_sent(self, delivery: Delivery) -> None:
        """The bind went away before the octets left."""
        self._return([delivery])
        self.pump()

    def give_back(self, deliveries: list[Delivery]) -> None:
        """Not taken for now: to the front again, and a pause for the account."""
        self._return(deliveries)
        pause = self.settings.delivery_retry
        self.paused_until = self._clock.seconds() + pause
        if self._timer is None or not self._timer.active():
            self._timer = self._clock.callLater(pause, self.pump)

    def _return(self, deliveries: list[Delivery]) -> None:
        head = self._head
        for delivery in sorted(deliveries, key=lambda one: one.id, reverse=True):
            earlier = []
            while head and head[0].id < delivery.id:  # given back by another bind, or just before
                earlier.append(head.popleft())
            head.appendleft(delivery)
            head.extendleft(reversed(earlier))

    def _end(self, delivery: Delivery, how: str, now: int) -> None:
        self._finish(delivery)
        self._relay.delivery_ended(delivery, how, now)

    def _finish(self, delivery: Delivery) -> None:
        delivery.done = True
        self.spooled -= 1
        self._relay.store.deliver(delivery)

    def stop(self) -> None:
        """Forget the timer."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
