"""A simulated ESME: sends messages by a plan, takes what is delivered, and counts all of it.

Owns: which message is sent when and on which bind, how a deliver_sm is answered, and the exact
sums: at any time sent = acknowledged + refused + unanswered + in_flight. Refuses to know sockets
(an `Opener` makes connections), what a message says (`messages`), when an open loop has one due
(`shapes`), and what the carrier at the far end saw (`accounting`).
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from math import inf
from random import Random
from typing import Any, Final, cast

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from smppgw.simulator.accounting import Accounting, Marker
from smppgw.simulator.agenda import Agenda
from smppgw.simulator.behaviour import text_of
from smppgw.simulator.esme_bind import Delivered, EsmeBind, Opener
from smppgw.simulator.latencies import Latencies
from smppgw.simulator.load import RECEIPT_IDS, Load
from smppgw.simulator.messages import InTurn
from smppgw.simulator.shapes import Arrivals, Leg, Shape
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.sms import receipt

_KIND: Final = 0x3C
_RECEIPTS: Final = frozenset({0x04, 0x20})
_INBOX: Final = 1_000

_REPORTED: Final = (
    "unsent",
    "unanswered",
    "late",
    "responses_unexpected",
    "ids_repeated",
    "mos",
    "receipts_intermediate",
    "receipts_changed",
    "receipts_duplicate",
    "receipts_given_up",
    "deliveries_refused",
    "deliveries_unanswered",
    "binds",
    "binds_refused",
    "connections_lost",
)

Sent = tuple[int, float, float]
"""Number of a message, when it was due and when it was sent, in seconds of the clock."""


class SimulatedEsme:
    """An application bound to the gateway.

    `start` binds and sends `load.count` messages; `done` fires when all are sent and none is in
    flight, and not at all when it is stopped before. No message is sent twice: what was lost with a
    connection stays unanswered. How it treats deliveries may be changed by replacing `load`.
    Connections come from `opener`. What both ends must agree on goes to `accounting`.

    `latencies` count from when a message was due, `services` from when it was sent: a server that
    stalls holds up those that are due meanwhile, and only the first tells it.
    """

    def __init__(
        self, load: Load, opener: Opener, clock: IReactorTime, accounting: Accounting | None = None
    ) -> None:
        self.load = load
        self.clock = clock
        self.done: Deferred[None] = Deferred()
        self.agenda = Agenda(clock, self._flush)
        self.counters: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self.receipts: Counter[str] = Counter()
        """Messages by the stat of their last final receipt."""
        self.inbox: deque[Delivered] = deque(maxlen=_INBOX)
        """The last MOs."""
        self.latencies = Latencies()
        self.services = Latencies()
        self.receipt_latencies = Latencies()
        self.sent = 0
        self.in_flight = 0
        self.awaiting: OrderedDict[str, Sent] = OrderedDict()
        """Ids whose receipt has not come."""
        self._accounting = accounting or Accounting()
        self._ended: OrderedDict[str, int] = OrderedDict()
        self._early: OrderedDict[str, int] = OrderedDict()
        self._source = load.messages or InTurn(load.texts)
        self._taken = 0
        self._arrivals: Arrivals | None = None
        self._begun = False
        self._started = 0.0
        self._last_answer = 0.0
        self._ticking = False
        kinds = ("transceiver",) if load.bind == "transceiver" else ("transmitter", "receiver")
        self.binds = [EsmeBind(self, kind, opener) for _ in range(load.binds) for kind in kinds]
        senders = self.binds[:: len(kinds)]
        for place, bind in enumerate(senders):
            bind.destinations = load.destinations[place :: len(senders)] or load.destinations
        self._free: deque[EsmeBind] = deque()
        """Binds that have room, as far as is known."""
        self._torn: dict[EsmeBind, None] = {}
        """Binds that have sent some parts of a text and not all."""

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Connect, bind, send."""
        self.connect()
        self.begin()

    def connect(self) -> None:
        """Connect and bind, and send nothing yet."""
        for bind in self.binds:
            bind.start()

    def begin(self) -> None:
        """Send from now on: here the time of the shape begins."""
        load = self.load
        self._begun = True
        self._started = self._last_answer = self.clock.seconds()
        shape = load.shape
        if shape is None and load.rate:
            shape = Shape(Leg(inf, load.rate, load.rate))
        if shape is not None:
            chance = None if load.poisson is None else Random(load.poisson)  # noqa: S311
            self._arrivals = Arrivals(shape, chance)
        self.pump()

    def finish(self) -> None:
        """Send nothing more but the rest of texts in parts, and count what was due by now."""
        self.pump()
        now, arrivals = self.clock.seconds(), self._arrivals
        while arrivals is not None and self.sent < self.load.count and self._due(now) <= now:
            self.counters["unsent"] += 1
            arrivals.advance()
        self.load = evolve(self.load, count=min(self.load.count, self.sent))
        self.pump()

    def stop(self) -> Deferred[Any]:
        """Send nothing more and unbind; fires when no connection is left."""
        self.agenda.clear()
        return gatherResults([bind.stop() for bind in self.binds])

    @property
    def over(self) -> bool:
        """Everything is sent."""
        return not self._torn and self._due(0.0) == inf

    @property
    def settled(self) -> bool:
        """Everything is sent, and whatever was acknowledged has had its receipt."""
        return self.done.called and not self.awaiting

    def report(self) -> dict[str, Any]:
        """All sums as plain values; durations in milliseconds, the rate in messages per second."""
        seconds = self._last_answer - self._started
        counters = self.counters
        return {
            "sent": self.sent,
            "acknowledged": counters["acknowledged"],
            "refused": {wire.status_name(key): count for key, count in self.refused.items()},
            "in_flight": self.in_flight,
            **{name: counters[name] for name in _REPORTED},
            "receipts": {stat: count for stat, count in self.receipts.items() if count},
            "receipts_awaited": len(self.awaiting),
            "receipts_unknown": counters["receipts_early"] - counters["receipts_matched_later"],
            "seconds": round(seconds, 3),
            "rate": round(counters["acknowledged"] / seconds, 1) if seconds else 0.0,
            "latency": self.latencies.report(),
            "service": self.services.report(),
            "receipt_latency": self.receipt_latencies.report(),
        }

    # ------------------------------------------------------------------ sending

    def pump(self, bind: EsmeBind | None = None) -> None:
        """Send what is due and has room; `bind` may have room again."""
        if bind is not None and not bind.offered and bind.sends:
            bind.offered = True
            self._free.append(bind)
        if not self._begun:
            return
        over = self._send()
        self._flush()
        if over and not self.in_flight and not self.done.called:
            self.done.callback(None)

    def _send(self) -> bool:
        """Send; whether nothing is left to be sent."""
        now = self.clock.seconds()
        while True:
            due = self._due(now)
            if due == inf and not self._torn:
                return True
            if due > now and not self._torn:
                now = self.clock.seconds()
                if due > now:
                    self._tick(due - now)
                    return False
            bind = self._next_bind(torn=due > now)
            if bind is None:
                return False
            due = min(due, now)
            bind.send(self._message(bind), (self.sent, due, now))
            if self._arrivals is not None:
                self._arrivals.advance()
            self.sent += 1
            self.in_flight += 1

    def _due(self, now: float) -> float:
        """When the next message should leave: its latency counts from here, room or not."""
        if self.sent >= self.load.count:
            return inf
        return now if self._arrivals is None else self._started + self._arrivals.next

    def _next_bind(self, *, torn: bool) -> EsmeBind | None:
        """The bind for the next message; those with the rest of a text first, `torn`: no others."""
        for bind in self._torn:
            if bind.room:
                return bind
        free = self._free
        while free and not torn:
            bind = free[0]
            if bind.room:
                free.rotate(-1)
                return bind
            free.popleft().offered = False
        return None

    def _tick(self, delay: float) -> None:
        if not self._ticking:
            self._ticking = True
            self.agenda.after(delay, self._on_tick)

    def _on_tick(self) -> None:
        self._ticking = False
        self.pump()

    def _message(self, bind: EsmeBind) -> wire.SubmitSm:
        load = self.load
        if bind.parts:
            piece = bind.parts.popleft()
            if not bind.parts:
                del self._torn[bind]
        else:
            piece, *rest = self._source.take(self._taken)
            if rest:
                bind.parts.extend(rest)
                self._torn[bind] = None
            bind.reference = self._taken
            bind.destination = bind.destinations[bind.messages % len(bind.destinations)]
            bind.messages += 1
            self._taken += 1
        pdu = wire.SubmitSm(
            source_addr=load.source,
            dest_addr_ton=load.dest_addr_ton,
            dest_addr_npi=load.dest_addr_npi,
            destination_addr=bind.destination,
            registered_delivery=load.registered_delivery,
        )
        piece.fill(pdu, Marker(load.flow, self.sent), bind.reference)
        return pdu

    def _flush(self) -> None:
        for bind in self.binds:
            bind.flush()

    # ------------------------------------------------------------------ answers

    def answered(self, context: object, answer: wire.PDU) -> None:
        """A message was answered."""
        self.in_flight -= 1
        self._account_answer(cast(Sent, context), answer)

    def unanswered(self, context: object) -> None:
        """A message will not be answered any more, unless late."""
        self.in_flight -= 1
        self.counters["unanswered"] += 1

    def answered_late(self, context: object, answer: wire.PDU) -> None:
        """A message that was given up is answered."""
        self.counters["unanswered"] -= 1
        self.counters["late"] += 1
        self._account_answer(cast(Sent, context), answer)

    def _account_answer(self, sent: Sent, answer: wire.PDU) -> None:
        number, due, left = sent
        self._last_answer = self.clock.seconds()
        if answer.command_status or isinstance(answer, wire.GenericNack):
            self.refused[answer.command_status] += 1
            return
        self.counters["acknowledged"] += 1
        self.latencies.add(self._last_answer - due)
        self.services.add(self._last_answer - left)
        self._accounting.acknowledged(Marker(self.load.flow, number))
        if not self.load.registered_delivery & 3:
            return
        key = RECEIPT_IDS[self.load.receipt_ids][0]
        message_id = key(cast(wire.SubmitSmResp, answer).message_id)
        if message_id in self.awaiting or message_id in self._ended:
            self.counters["ids_repeated"] += 1
        self.awaiting[message_id] = sent
        if len(self.awaiting) > self.load.most_awaited:
            self.awaiting.popitem(last=False)
            self.counters["receipts_given_up"] += 1
        state = self._early.pop(message_id, None)
        if state is not None:
            self.counters["receipts_matched_later"] += 1
            self._end(message_id, state)

    # ------------------------------------------------------------------ deliveries

    def delivered(self, bind: EsmeBind, protocol: SmppProtocol, pdu: Delivered) -> None:
        """A deliver_sm or data_sm came."""
        if not self.load.answer_deliveries:
            self.counters["deliveries_unanswered"] += 1
        elif self.load.delivery_delay:
            self.agenda.after(self.load.delivery_delay, self._answer, bind, protocol, pdu)
        else:
            self._answer(bind, protocol, pdu)

    def _answer(self, bind: EsmeBind, protocol: SmppProtocol, pdu: Delivered) -> None:
        """Answer it, and count it only then: what is not answered comes again."""
        status = self.load.delivery_status
        if not bind.answer(protocol, pdu, status):
            self.counters["deliveries_unanswered"] += 1
        elif status:
            self.counters["deliveries_refused"] += 1
        elif pdu.esm_class & _KIND in _RECEIPTS:
            self._receipt(pdu)
        else:
            self.counters["mos"] += 1
            self.inbox.append(pdu)
            # Phones know nothing of each other: order is kept for each of them.
            conversation = f"{pdu.source_addr} {pdu.destination_addr}"
            self._accounting.taken(text_of(pdu), conversation)

    def _receipt(self, pdu: Delivered) -> None:
        message_id = wire.tlv_text(pdu, wire.Tag.receipted_message_id)
        state = wire.tlv_int(pdu, wire.Tag.message_state)
        if message_id is None or state is None:
            told = receipt.parse(text_of(pdu))
            message_id = message_id or told.id or ""
            if state is None:
                state = receipt.UNKNOWN if told.state is None else told.state
        message_id = RECEIPT_IDS[self.load.receipt_ids][1](message_id)
        before = self._ended.get(message_id)
        if not receipt.is_final(state):
            self.counters["receipts_intermediate"] += 1
        elif message_id in self.awaiting:
            self._end(message_id, state)
        elif before is None and message_id not in self._early:
            self._remember(self._early, message_id, state)
            self.counters["receipts_early"] += 1
        elif before is not None and receipt.supersedes(state, before):
            self._ended[message_id] = state
            self.counters["receipts_changed"] += 1
            self.receipts[receipt.STATE_WORDS[before]] -= 1
            self.receipts[receipt.STATE_WORDS[state]] += 1
        else:
            self.counters["receipts_duplicate"] += 1

    def _end(self, message_id: str, state: int) -> None:
        number, due, _ = self.awaiting.pop(message_id)
        self._remember(self._ended, message_id, state)
        self.receipts[receipt.STATE_WORDS[state]] += 1
        self.receipt_latencies.add(self.clock.seconds() - due)
        self._accounting.ended(Marker(self.load.flow, number))

    def _remember(self, ids: OrderedDict[str, int], message_id: str, state: int) -> None:
        ids[message_id] = state
        if len(ids) > self.load.remember:
            ids.popitem(last=False)
