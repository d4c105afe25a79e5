"""One carrier: its queue, its links, and the order in which messages go to it.

Owns: which message goes to which link and when, and what each answer of the carrier leads to.
Refuses to know: connections and binds (see `link`), receipts (`receipts`), SQL.

Order per destination: while a message is unanswered or waits for another try, later messages to the
same destination wait behind it (`in_order`). A slot of the window is taken over by the next message
in the commit that records the answer, and the octets leave after that commit; so what a crash
leaves unknown is never more than the windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from smppgw.core.awaiting import Awaiting
from smppgw.core.consent import STOPPED_ERROR
from smppgw.core.content import Content, Unfit
from smppgw.core.message import Message, State
from smppgw.core.order import Order
from smppgw.core.outgoing import Outgoing
from smppgw.core.queue import CarrierQueue
from smppgw.core.receipt_ids import IdForms, canonical
from smppgw.core.refusals import Refusals
from smppgw.core.registered_delivery import awaits
from smppgw.core.settings import CarrierSettings
from smppgw.core.store.batch import Source
from smppgw.core.throughput import AdaptiveRate, FixedRate
from smppgw.smpp import wire

if TYPE_CHECKING:
    from smppgw.core.link import Link
    from smppgw.core.relay import Relay

# Plain ints: these are compared for every message.
_IN_FLIGHT, _SENT = int(State.IN_FLIGHT), int(State.SENT)
LOOK = 500
"""Messages of a queue that may be passed over, for order or as expired, within LOOK_SECONDS."""
LOOK_SECONDS = 0.01
LONGEST_ID = 65
"""Characters of a message_id that are kept; no honest carrier sends more."""

log = Logger()


class Carrier:
    """What we know of one carrier and what waits for it."""

    def __init__(
        self, settings: CarrierSettings, relay: Relay, clock: IReactorTime, stored: dict[int, int]
    ) -> None:
        now = clock.seconds()
        self.settings = settings
        self.name = settings.name
        self.queue = CarrierQueue(relay.store, settings.name, stored)
        self.order = Order(relay.store, settings.name, settings.in_order)
        self.outgoing = Outgoing(settings)
        self.content = Content(settings)
        self.links: list[Link] = []
        self.forms = IdForms(settings.receipt_id)
        for (form,) in relay.store.engine.select(
            "SELECT value FROM learned WHERE carrier = ? AND what = 'receipt_id'", (self.name,)
        ):
            self.forms.restore(form)
        self.refusals = Refusals(self, relay)
        self.awaiting = Awaiting()
        self.usable = False
        """Some link can take submits now, and nobody holds the carrier."""
        self.held = False
        """An operator holds the queue."""
        self.counters = relay.counters
        self.measures = relay.measures.carrier(settings.name)
        self.left = relay.measures.left
        self.pace = relay.pace
        self.store = relay.store
        self._relay = relay
        self._clock = clock
        self.rate = (AdaptiveRate if settings.adaptive else FixedRate)(settings.throughput, now)
        self._look = LOOK
        self._looked_at = now
        self._timer: IDelayedCall | None = None
        self.unavailable_since = now

    # ------------------------------------------------------------------ what waits

    def refresh(self) -> None:
        """A link can send now, or not any more; or somebody holds or releases the carrier."""
        self.usable = not self.held and any(link.sending for link in self.links)

    @property
    def window(self) -> int:
        """Unanswered submits that all links together may have."""
        return sum(link.window for link in self.links)

    @property
    def in_flight(self) -> int:
        """Unanswered submits."""
        return sum(link.taken for link in self.links)

    def lanes(self) -> dict[str, tuple[int, int]]:
        """Per priority class: messages that wait, and the place of the oldest (0 = none).

        What waits behind another one in its row is counted, and not looked at for its place.
        """
        held, aside = self.order.held()
        return self.queue.lanes(held, aside)

    @property
    def waiting(self) -> int:
        """Messages queued, or held back for order or for another try."""
        return len(self.queue) + self.order.parked + self.order.aside

    def offer(self, message: Message) -> None:
        """Take a message of the batch that was routed here: to a free link, else to the queue."""
        order, queue = self.order, self.queue
        now = self._clock.seconds()
        if (
            (order.holds and (order.ready or order.full))
            or queue
            or self.held
            or (self.refusals.paused_until > now and self._held_back(now))
        ):
            queue.push(message)
            return
        link = self._free_link()
        if link is None:
            queue.push(message)
        elif order.take(message) and self._allowed(message, now):
            self._launch(link, message)

    def resume(self, message: Message) -> None:
        """Take a message that was in flight when the gateway stopped: before all others."""
        self.queue.give_back(message)

    def pump(self) -> None:
        """Send what may be sent now."""
        now = self._clock.seconds()
        if not 0.0 <= now - self._looked_at < LOOK_SECONDS:
            self._looked_at, self._look = now, LOOK
        self.order.wake(now)
        now_ms = int(now * 1000)
        consent = self._relay.consent
        while not self._held_back(now):
            link = self._free_link()
            if link is None:
                return
            message = self._next() if self._look > 0 else None
            if message is None:
                if self._look <= 0 or self.order.ready:  # others have their turn, then on with it
                    self._wake_at(now + 2 * LOOK_SECONDS)
                break
            if message.expires <= now_ms:
                self._look -= 1
                self.order.let_go(message)
                self._relay.expire(message)
                continue
            if consent.any and consent.stops(message):
                self._look -= 1
                self.order.let_go(message)
                self._relay.end(message, State.DELETED, STOPPED_ERROR)
                continue
            if not self._allowed(message, now):
                break
            self.store.touch(message)
            self._launch(link, message)
        retry = self.order.next_retry
        if retry is not None:
            self._wake_at(retry)

    def _held_back(self, now: float) -> bool:
        if self.held or self.refusals.paused_until > now:
            if not self.held:
                self._wake_at(self.refusals.paused_until)
            return True
        return False

    def _free_link(self) -> Link | None:
        best = None
        room = 0
        for link in self.links:
            free = link.room
            if free > room:
                best, room = link, free
        return best

    def _next(self) -> Message | None:
        order, queue = self.order, self.queue
        message = order.next() if order.parked else None
        if message is not None:
            return message
        # What was given back may be what the parked ones wait for.
        while self._look > 0 and (not (order.holds and order.full) or queue.returned):
            message = queue.pop()
            if message is None or order.take(message):
                return message
            self._look -= 1
        return None

    def _allowed(self, message: Message, now: float) -> bool:
        """Ask the rate; when it says no, `message` goes back and the pump is woken in time."""
        if self.rate.allow(now):
            return True
        self.queue.give_back(message)
        self._wake_at(now + max(self.rate.delay(now), 0.001))
        return False

    def _launch(self, link: Link, message: Message) -> None:
        """Give a message that is in the batch to a link."""
        link.taken += 1
        message.state = _IN_FLIGHT
        message.link = link.name
        message.attempts += 1
        self.store.send(link, message)
        if link.probing:
            self.refresh()

    def _wake_at(self, when: float) -> None:
        timer = self._timer
        if timer is not None and timer.active():
            if timer.getTime() <= when:
                return
            timer.cancel()
        self._timer = self._clock.callLater(max(0.0, when - self._clock.seconds()), self.pump)

    # ------------------------------------------------------------------ what the carrier says

    def accepted(self, link: Link, answers: list[tuple[Message, str]], now: float) -> None:
        """The carrier took messages; with each comes how its receipt will call it.

        The caller pumps, once for all answers of a read.
        """
        link.taken -= (count := len(answers))
        self.counters.sent += count
        self.measures.sent += count
        self.refusals.accepted()
        self.rate.succeeded(now, count)
        now_ms = int(now * 1000)
        for message, remote_id in answers:
            self.order.let_go(message)
            try:
                self.took(message, remote_id, now_ms)
            except Exception:  # the others of this read have their answers, too
                log.failure("carrier {name}: an answer to {id}", name=self.name, id=message.id)

    def took(self, message: Message, remote_id: str, now: int) -> None:
        """A message in flight is the carrier's now (`now` in milliseconds)."""
        if message.state != _IN_FLIGHT:  # cancelled, expired or receipted meanwhile
            return
        relay = self._relay
        message.answered_at = now
        self.measures.answer_ms.observe(now - message.sent_at)
        message.command_status = 0
        message.remote_id = remote_id[:LONGEST_ID]
        if not (awaits(message.registered_delivery) or self.settings.receipts == "always"):
            relay.outcomes.end(message, State.ACCEPTED)
            return
        message.state = _SENT
        relay.unqueued(message.account)
        message.remote_key = key = canonical(message.remote_id)
        self.store.touch(message)
        if key:
            relay.receipts.answered(self, message)
        else:
            message.resting = True  # no receipt can name it

    def refused(self, link: Link, message: Message, command_status: int) -> None:
        """The carrier refused a message: what happens next is the policy's. The caller pumps."""
        link.taken -= 1
        self.counters.refused += 1
        self.measures.refuse(command_status, self._clock.seconds())
        if message.state == State.IN_FLIGHT:
            message.answered_at = now = self._relay.now_ms()
            self.measures.answer_ms.observe(now - message.sent_at)
            message.command_status = command_status
            self.refusals.apply(link, message, command_status, self._clock.seconds())
        else:
            self.order.let_go(message)

    def give_back(self, message: Message) -> None:
        """A message that left waits again, before all that are behind it."""
        message.state = State.WAITING
        self.store.touch(message)
        self.queue.give_back(message)

    def wait_again(self, message: Message, when: float) -> None:
        """A message that left waits until `when` (seconds), and keeps its destination."""
        message.state = State.WAITING
        self.store.touch(message)
        self.queue.keep_out(message)
        self.order.retry_at(when, message)
        self._wake_at(when)

    def unanswered(
        self, link: Link, messages: list[Message], reason: str, patience: float = 0.0
    ) -> None:
        """The outcome of these is unknown; what is sent again waits first for `patience` seconds.

        Meanwhile a late answer can make that needless.
        """
        again = self._clock.seconds() + patience
        for message in messages:
            link.taken -= 1
            if message.state != State.IN_FLIGHT:
                self.order.let_go(message)
                continue
            self._relay.unknown_outcome(message, self.settings, reason)
            if message.state != State.WAITING:
                self.order.let_go(message)
            elif patience:
                self.wait_again(message, again)
            else:
                self.queue.give_back(message)
        self.pump()

    def not_sent(self, link: Link, message: Message) -> None:
        """The link went away before the octets left: nothing happened to this one."""
        link.taken -= 1
        message.attempts -= 1
        if message.state == State.IN_FLIGHT:
            self.give_back(message)
        else:
            self.order.let_go(message)

    def pdu(self, message: Message, version: int) -> wire.RawPdu | wire.SubmitSm:
        """The submit_sm of a message for a peer of interface_version `version`; raises Unfit."""
        fitted = None
        if not message.as_is:
            found = self._relay.dispatch.fitted(message, self)
            if found:
                if len(found) > 1:
                    raise Unfit(0, "it needs parts")
                (fitted,) = found
        return self.outgoing.pdu(message, fitted, version)

    def unfit(self, link: Link, message: Message, unfit: Unfit) -> None:
        """What was fit when it was queued is not any more (settings changed): route it anew."""
        link.taken -= 1
        message.attempts -= 1
        self.order.let_go(message)
        if message.state == State.IN_FLIGHT:
            self._relay.release(message)

    def unsendable(self, link: Link, message: Message, reason: str) -> None:
        """The carrier's kind of bind cannot carry this one."""
        link.taken -= 1
        self.order.let_go(message)
        self._relay.end(message, State.UNDELIVERABLE, f"cannot be sent: {reason}")

    def inbound(self, link: Source, pdu: wire.DeliverSm | wire.DataSm) -> None:
        """A deliver_sm or data_sm: a receipt or an MO; `link` gets its answer."""
        if self.store.trouble:  # nothing can be kept just now
            link.refuse(pdu.command_id, pdu.sequence_number)
        elif not self._relay.receipts.take(self, link, pdu):
            self._relay.inbox.take(self, link, pdu)

    def learn(self, form: str) -> None:
        """A receipt found its message in this form of id; what that teaches outlives a restart."""
        if self.forms.learned(form):
            log.info("carrier {name}: {forms}", name=self.name, forms=self.forms.describe())
            self.store.execute(
                "INSERT OR REPLACE INTO learned (carrier, what, value) VALUES (?, 'receipt_id', ?)",
                self.name,
                self.forms.form,
            )

    def bring_back(self, message: Message) -> Carrier | None:
        """A message that waits turns out to be taken by this carrier; return who has it now."""
        return self._relay.bring_back(message, self.name)

    def dropped(self, message: Message) -> None:
        """A waiting message was cancelled, replaced or expired by somebody else."""
        self.order.let_go(message)
        self.pump()

    def forgotten(self, message: Message) -> None:
        """The commit that accepted a message failed; it may have a slot already."""
        link = next((one for one in self.links if one.name == message.link), None)
        if link is not None:
            link.taken -= 1
        self.order.let_go(message)

    # ------------------------------------------------------------------ housekeeping

    def tick(self, now: float) -> None:
        """Once a second: forget what memory need not hold, move what others can take."""
        self.awaiting.shorten(self.store.live)
        self.every_link(lambda link: link.tick(now))
        self.refresh()  # the pause before a probe may be over
        self.pump()
        if self.usable:
            self.unavailable_since = now

    def rest(self) -> bool:
        """Have all that waits wait in rows, where others find it; False while they are written."""
        return self.queue.rest(*self.order.clear())

    def hold(self) -> None:
        """Send nothing until released; everything stays queued."""
        self.held = True
        self.refresh()

    def release(self) -> None:
        """End of `hold`."""
        self.held = False
        self.refresh()
        self.pump()

    def every_link(self, act: Callable[[Link], None]) -> None:
        """Do something to all links."""
        for link in self.links:
            act(link)

    def stop(self) -> None:
        """Forget the timer."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
