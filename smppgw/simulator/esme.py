"""A simulated ESME: sends messages by a plan, takes what is delivered, and counts all of it.

Owns: which message is sent when, how a deliver_sm is answered, and the exact sums: at any time
sent = acknowledged + refused + unanswered + in_flight. Refuses to know sockets (an `Opener` makes
connections) and what the carrier at the far end saw (`accounting`).
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import Any, Final, cast

from attrs import field, frozen, validators
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from smppgw.simulator.accounting import Accounting, Marker
from smppgw.simulator.agenda import Agenda
from smppgw.simulator.behaviour import text_of
from smppgw.simulator.esme_bind import Delivered, EsmeBind, Opener
from smppgw.simulator.latencies import Latencies
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.smpp.session import Timing
from smppgw.sms import receipt

_KIND: Final = 0x3C
_RECEIPTS: Final = frozenset({0x04, 0x20})
_INBOX: Final = 1_000

_REPORTED: Final = (
    "unanswered",
    "late",
    "responses_unexpected",
    "ids_repeated",
    "mos",
    "receipts_intermediate",
    "receipts_changed",
    "receipts_duplicate",
    "deliveries_refused",
    "deliveries_unanswered",
    "binds",
    "binds_refused",
    "connections_lost",
)

Sent = tuple[int, float]
"""Number of a message and when it was due, in seconds of the clock."""


@frozen(kw_only=True)
class Load:
    """What a `SimulatedEsme` does. Times are seconds."""

    system_id: str = "demo"
    password: str = field(default="", repr=False)
    bind: str = field(default="transceiver", validator=validators.in_(("transceiver", "pair")))
    """`pair` is a transmitter and a receiver."""
    binds: int = 1
    """How many of these; order to a destination is kept by one bind only."""
    window: int = field(default=10, validator=validators.ge(1))
    timing: Timing = field(factory=Timing)
    reconnect: float = 1.0
    """Until it connects again."""

    count: int = 0
    """Messages to send."""
    rate: float = 0.0
    """Messages per second, whether or not they are answered; 0: as the window allows."""
    flow: str = "mt"
    """Name in the markers."""
    source: str = "38100"
    destinations: tuple[str, ...] = field(default=("33600000001",), validator=validators.min_len(1))
    """Taken in turn."""
    texts: tuple[str, ...] = field(default=("",), validator=validators.min_len(1))
    """Taken in turn; the marker goes in front, or behind a script."""
    registered_delivery: int = 1

    delivery_status: int = 0
    """Answer deliver_sm with this command_status."""
    delivery_delay: float = 0.0
    answer_deliveries: bool = True

    remember: int = 100_000
    """Ids of ended messages by which a second receipt is recognised, and ids not known yet."""


class SimulatedEsme:
    """An application bound to the gateway.

    `start` binds and sends `load.count` messages; `done` fires when all are sent and none is in
    flight, and not at all when it is stopped before. No message is sent twice: what was lost with a
    connection stays unanswered. How it treats deliveries may be changed by replacing `load`.
    Connections come from `opener`. What both ends must agree on goes to `accounting`.
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
        self.receipt_latencies = Latencies()
        self.sent = 0
        self.in_flight = 0
        self.awaiting: dict[str, Sent] = {}
        """Ids whose receipt has not come."""
        self._accounting = accounting or Accounting()
        self._ended: OrderedDict[str, int] = OrderedDict()
        self._early: OrderedDict[str, int] = OrderedDict()
        self._started = 0.0
        self._last_answer = 0.0
        self._ticking = False
        kinds = ("transceiver",) if load.bind == "transceiver" else ("transmitter", "receiver")
        self.binds = [EsmeBind(self, kind, opener) for _ in range(load.binds) for kind in kinds]

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Connect, bind, send."""
        self._started = self._last_answer = self.clock.seconds()
        for bind in self.binds:
            bind.start()
        self.pump()

    def stop(self) -> Deferred[Any]:
        """Send nothing more and unbind; fires when no connection is left."""
        self.agenda.clear()
        return gatherResults([bind.stop() for bind in self.binds])

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
            "receipts": dict(self.receipts),
            "receipts_awaited": len(self.awaiting),
            "receipts_unknown": counters["receipts_early"] - counters["receipts_matched_later"],
            "seconds": round(seconds, 3),
            "rate": round(counters["acknowledged"] / seconds, 1) if seconds else 0.0,
            "latency": self.latencies.report(),
            "receipt_latency": self.receipt_latencies.report(),
        }

    # ------------------------------------------------------------------ sending

    def pump(self) -> None:
        """Send what is due and has room."""
        load = self.load
        while self.sent < load.count:
            due = self._due()
            if due > self.clock.seconds():
                self._tick(due)
                break
            bind = max(self.binds, key=lambda bind: bind.room)
            if not bind.room:
                break
            bind.send(self._message(self.sent), (self.sent, due))
            self.sent += 1
            self.in_flight += 1
        self._flush()
        if self.sent >= load.count and not self.in_flight and not self.done.called:
            self.done.callback(None)

    def _due(self) -> float:
        """When the next message should leave: its latency counts from here, room or not."""
        if self.load.rate:
            return self._started + self.sent / self.load.rate
        return self.clock.seconds()

    def _tick(self, due: float) -> None:
        if not self._ticking:
            self._ticking = True
            self.agenda.after(due - self.clock.seconds(), self._on_tick)

    def _on_tick(self) -> None:
        self._ticking = False
        self.pump()

    def _message(self, number: int) -> wire.SubmitSm:
        load = self.load
        text = load.texts[number % len(load.texts)]
        script, brace, rest = text.partition("}") if text.startswith("{") else ("", "", text)
        text = f"{script}{brace}{Marker(load.flow, number)}{rest}"
        data_coding = 0 if text.isascii() else 8
        octets = text.encode("utf-16-be" if data_coding else "ascii")
        pdu = wire.SubmitSm(
            source_addr=load.source,
            destination_addr=load.destinations[number % len(load.destinations)],
            registered_delivery=load.registered_delivery,
            data_coding=data_coding,
        )
        if len(octets) > 254:
            pdu.tlvs = ((wire.Tag.message_payload, octets),)
        else:
            pdu.short_message = octets
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
        number, due = sent
        self._last_answer = self.clock.seconds()
        if answer.command_status or isinstance(answer, wire.GenericNack):
            self.refused[answer.command_status] += 1
            return
        self.counters["acknowledged"] += 1
        self.latencies.add(self._last_answer - due)
        self._accounting.acknowledged(Marker(self.load.flow, number))
        if not self.load.registered_delivery & 3:
            return
        message_id = cast(wire.SubmitSmResp, answer).message_id
        if message_id in self.awaiting or message_id in self._ended:
            self.counters["ids_repeated"] += 1
        self.awaiting[message_id] = sent
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
        told = receipt.parse(text_of(pdu))
        message_id = wire.tlv_text(pdu, wire.Tag.receipted_message_id) or told.id or ""
        state = wire.tlv_int(pdu, wire.Tag.message_state)
        if state is None:
            state = receipt.UNKNOWN if told.state is None else told.state
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
        number, due = self.awaiting.pop(message_id)
        self._remember(self._ended, message_id, state)
        self.receipts[receipt.STATE_WORDS[state]] += 1
        self.receipt_latencies.add(self.clock.seconds() - due)
        self._accounting.ended(Marker(self.load.flow, number))

    def _remember(self, ids: OrderedDict[str, int], message_id: str, state: int) -> None:
        ids[message_id] = state
        if len(ids) > self.load.remember:
            ids.popitem(last=False)
