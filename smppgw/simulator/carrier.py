"""A simulated carrier: an SMSC that takes messages, sends receipts and MOs, misbehaves on order.

Owns: what becomes of each message by `Behaviour` and by the script in its text, the deliver_sm that
wait for a bind, the record of what came. Refuses to know sockets: `factory` serves TCP
(`smpp.net.listen`) and `MemoryNetwork.listen` alike. One connection is `carrier_bind`.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from attrs import define, evolve
from twisted.internet.interfaces import IReactorTime

from smppgw.simulator.accounting import Accounting, find_marker
from smppgw.simulator.agenda import Agenda
from smppgw.simulator.behaviour import (
    ID_FORMS,
    Behaviour,
    Script,
    ScriptError,
    read_script,
    text_of,
)
from smppgw.simulator.carrier_bind import CarrierBind, Delivery, Message
from smppgw.simulator.consent import Consent
from smppgw.simulator.receipts import mo_pdu, receipt_pdu, wanted
from smppgw.smpp import wire
from smppgw.smpp.net import SmppServerFactory
from smppgw.smpp.session import Role, Session
from smppgw.smpp.wire import CommandStatus

TEMPORARY: Final = frozenset(
    {
        CommandStatus.ESME_RSYSERR,
        CommandStatus.ESME_RMSGQFUL,
        CommandStatus.ESME_RTHROTTLED,
        CommandStatus.ESME_RX_T_APPN,
    }
)
"""Answers to a deliver_sm after which it is sent again."""

SIGHTS: Final = 10_000
"""Scripted messages whose sights are counted, for `times`."""


@define(eq=False)
class Received:
    """A message as it came and what was decided about it; `message_id` is "" when refused."""

    time: float
    bind: str
    pdu: Message
    command_status: int
    message_id: str

    @property
    def destination(self) -> str:
        """destination_addr."""
        return self.pdu.destination_addr

    @property
    def text(self) -> str:
        """Its text, see `text_of`."""
        return text_of(self.pdu)


@define(eq=False)
class _Verdict:
    """What is done about one message."""

    answer: str
    script: Script
    command_status: int = 0
    number: int = 0
    message_id: str = ""
    delay: float = 0.0


class SimulatedCarrier:
    """An SMSC that behaves as `behaviour` says, which may be replaced at any time.

    Chance comes from `random` and time from `clock`, so that a run can be repeated; what becomes of
    a message by chance depends on the order of arrival alone, not on the time. What both ends
    must agree on goes to `accounting`. `counters` counts by name: binds, binds_refused,
    connections_lost, taken, refused, scripts_bad, deliveries, deliveries_taken, deliveries_refused
    and deliveries_again.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        clock: IReactorTime,
        random: Random,
        *,
        accounting: Accounting | None = None,
        max_connections: int = 1000,
    ) -> None:
        self.behaviour = behaviour
        self.clock = clock
        self.factory = SmppServerFactory(
            self._session, lambda: CarrierBind(self), clock, max_connections
        )
        self.binds: list[CarrierBind] = []
        """Those that are bound now, oldest first."""
        self.counters: Counter[str] = Counter()
        self.received: deque[Received] = deque(maxlen=behaviour.record)
        self.consent = Consent()
        self.heard: Callable[[Received], None] | None = None
        """Called with each message that was taken."""
        self.agenda = Agenda(clock, self.pump)
        self._random = random
        self._accounting = accounting or Accounting()
        self._queues: dict[str, deque[Delivery]] = {}
        self._number = random.randrange(10**8, 10**9)
        self._choosing = Random(self._number)  # noqa: S311
        """Between binds; apart, for how often it is asked depends on the time."""
        self._sights: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._second = (0, 0)
        self._free = 0.0

    # ------------------------------------------------------------------ what was seen

    @property
    def waiting(self) -> int:
        """deliver_sm that wait for a bind to take them."""
        return sum(map(len, self._queues.values()))

    def texts_to(self, destination: str) -> list[str]:
        """Texts taken for a destination in the order of arrival, as far as `received` goes."""
        return [
            one.text
            for one in self.received
            if one.destination == destination and one.command_status == 0
        ]

    # ------------------------------------------------------------------ what a test asks for

    def send_mo(
        self,
        source: str,
        destination: str,
        text: str | bytes,
        *,
        system_id: str = "",
        **fields: object,
    ) -> Delivery:
        """Send a message from a phone, to a bind of `system_id` or of anybody; see `mo_pdu`.

        It waits when nobody is bound to receive it, however many there are; its `command_status`
        becomes the answer. Raises `wire.EncodeError` when it cannot be coded.
        """
        pdu = mo_pdu(source, destination, text, **fields)
        said = text_of(pdu)
        behaviour = self.behaviour
        if behaviour.stop_words:
            words = (behaviour.stop_words, behaviour.start_words)
            self.consent.heard(source, destination, said, *words)
        delivery = Delivery(pdu, system_id, marker=find_marker(said))
        self._queue(delivery)
        self.pump()
        return delivery

    def disconnect(self) -> None:
        """Drop every connection."""
        for connection in list(self.factory.connections):
            connection.abort("simulated disconnect")

    def stop(self) -> None:
        """Drop everything: connections, and what was still to be done."""
        self._queues.clear()
        self.disconnect()
        self.agenda.clear()

    # ------------------------------------------------------------------ binds

    def _session(self, now: float) -> Session:
        behaviour = self.behaviour
        return Session(
            Role.MC,
            window=behaviour.delivery_window,
            timing=behaviour.timing,
            now=now,
            interface_version=behaviour.interface_version,
        )

    def bind_status(self, request: wire.Bind) -> int:
        """What a bind is answered with."""
        behaviour = self.behaviour
        if behaviour.bind_status or not behaviour.passwords:
            return behaviour.bind_status
        password = behaviour.passwords.get(request.system_id)
        if password is None:
            return CommandStatus.ESME_RINVSYSID
        return 0 if password == request.password else CommandStatus.ESME_RINVPASWD

    def bound(self, bind: CarrierBind) -> None:
        """A bind stands."""
        self.counters["binds"] += 1
        self.binds.append(bind)
        if self.behaviour.unbind_after:
            self.agenda.after(self.behaviour.unbind_after, bind.unbind)
        if self.behaviour.disconnect_after:
            self.agenda.after(self.behaviour.disconnect_after, bind.disconnect)

    def lost(self, bind: CarrierBind, unanswered: list[Delivery]) -> None:
        """A bind is gone; what it had not answered is sent again, before anything else."""
        self.counters["connections_lost"] += 1
        self.binds.remove(bind)
        for delivery in reversed(unanswered):
            self.again(delivery)
        if not self._queues.get(bind.system_id, True):
            del self._queues[bind.system_id]  # nothing waits for whoever may never come again

    # ------------------------------------------------------------------ messages

    def take(self, bind: CarrierBind, pdu: Message) -> None:
        """Decide about a message, answer it and plan its receipts."""
        text = text_of(pdu)
        verdict = self._judge(bind, pdu, text)
        if verdict.answer == "disconnect":
            bind.disconnect()
        received = Received(
            self.clock.seconds(), bind.name, pdu, verdict.command_status, verdict.message_id
        )
        self.received.append(received)
        self.counters["refused" if verdict.command_status else "taken"] += 1
        if not verdict.command_status:
            self._accounting.taken(text, pdu.destination_addr)
            self._plan_receipts(bind, pdu, verdict)
            if self.heard is not None:
                self.heard(received)
        if verdict.delay:
            arguments = (pdu, verdict.command_status, verdict.message_id, verdict.answer)
            self.agenda.after(verdict.delay, bind.answer, *arguments)
        else:
            bind.answer(pdu, verdict.command_status, verdict.message_id, verdict.answer)

    def _judge(self, bind: CarrierBind, pdu: Message, text: str) -> _Verdict:
        behaviour = self.behaviour
        try:
            script = read_script(text)
        except ScriptError:
            self.counters["scripts_bad"] += 1
            return _Verdict("once", Script(), CommandStatus.ESME_RSUBMITFAIL)
        if script.times and self._sight(pdu.destination_addr, text) > script.times:
            script = evolve(script, status=0, answer="")
        verdict = _Verdict(script.answer or behaviour.answer, script)
        every = behaviour.disconnect_every
        if every and bind.messages % every == 0:
            verdict.answer = "disconnect"
        verdict.command_status = script.status or self._status(bind, pdu)
        if verdict.answer == "nack" and not verdict.command_status:
            verdict.command_status = CommandStatus.ESME_RSYSERR
        if not verdict.command_status:
            self._number += 1
            verdict.number = self._number
            verdict.message_id = ID_FORMS[behaviour.message_id](self._number)
        verdict.delay = script.delay if script.delay is not None else behaviour.response_delay
        if behaviour.response_jitter:
            verdict.delay += self._random.uniform(0.0, behaviour.response_jitter)
        if behaviour.pace:
            now = self.clock.seconds()
            self._free = max(now, self._free) + 1 / behaviour.pace
            verdict.delay += self._free - now
        return verdict

    def _status(self, bind: CarrierBind, pdu: Message) -> int:
        """The command_status that the settings give a message."""
        behaviour = self.behaviour
        status = behaviour.destination_statuses.get(pdu.destination_addr, 0)
        if not status and behaviour.senders:
            known = re.fullmatch(behaviour.senders, pdu.source_addr)
            status = 0 if known else CommandStatus.ESME_RINVSRCADR
        status = status or self._load_status(bind)
        if not status and behaviour.error_rate and self._random.random() < behaviour.error_rate:
            status = behaviour.error_status
        if not status and not self.consent.allows(pdu.source_addr, pdu.destination_addr):
            status = behaviour.stop_status
        return status

    def _load_status(self, bind: CarrierBind) -> int:
        """The command_status when too much comes at once."""
        behaviour = self.behaviour
        if behaviour.window and bind.unanswered > behaviour.window:
            return CommandStatus.ESME_RMSGQFUL
        if len(self.agenda) + self.waiting >= behaviour.queue:
            return CommandStatus.ESME_RMSGQFUL
        if behaviour.throughput and not self._within_throughput():
            return behaviour.throttle_status
        return 0

    def _within_throughput(self) -> bool:
        second = int(self.clock.seconds())
        count = self._second[1] + 1 if self._second[0] == second else 1
        self._second = (second, min(count, self.behaviour.throughput))
        return count <= self.behaviour.throughput

    def _sight(self, *key: str) -> int:
        """How often this text has come for this destination, this time included."""
        sights = self._sights[key] = self._sights.pop(key, 0) + 1
        if len(self._sights) > SIGHTS:
            self._sights.popitem(last=False)
        return sights

    # ------------------------------------------------------------------ receipts

    def _plan_receipts(self, bind: CarrierBind, pdu: Message, verdict: _Verdict) -> None:
        behaviour, script = self.behaviour, verdict.script
        stat = script.receipt or self._outcome()
        if "never" in (stat, behaviour.receipts) or not wanted(pdu.registered_delivery, stat):
            return
        err = script.err or ("000" if stat == "DELIVRD" else behaviour.failure_error)
        delay = script.after if script.after is not None else behaviour.receipt_delay
        if behaviour.receipt_jitter:
            delay += self._random.uniform(0.0, behaviour.receipt_jitter)
        copies = script.copies if script.copies is not None else behaviour.receipt_copies
        message_id = verdict.message_id
        if behaviour.receipt_id:
            message_id = ID_FORMS[behaviour.receipt_id](verdict.number)
        send = partial(self._send_receipt, bind, pdu, message_id, self.clock.seconds())
        stats = [(one, "000") for one in behaviour.receipt_progress] + [(stat, err)]
        for place, (one, code) in enumerate(stats, 1):
            for _ in range(copies):
                if behaviour.receipt_first:
                    send(stat=one, err=code)
                else:
                    due = verdict.delay + delay * place
                    self.agenda.after(due, partial(send, stat=one, err=code))
        if behaviour.receipt_first:
            self.pump()

    def _outcome(self) -> str:
        """A stat, by chance where there is a choice."""
        if self.behaviour.failures:
            chance = self._random.random()
            for stat, share in self.behaviour.failures.items():
                chance -= share
                if chance < 0:
                    return stat
        return "DELIVRD"

    def _send_receipt(
        self, bind: CarrierBind, pdu: Message, message_id: str, since: float, *, stat: str, err: str
    ) -> None:
        receipt = receipt_pdu(
            pdu,
            message_id,
            stat,
            err,
            form=self.behaviour.receipts,
            submitted=since,
            done=self.clock.seconds(),
        )
        self._queue(Delivery(receipt, bind.system_id, bind))

    # ------------------------------------------------------------------ deliver_sm

    def pump(self) -> None:
        """Send what waits and can go."""
        for queue in list(self._queues.values()):
            while queue:
                bind = self._choose(queue[0])
                if bind is None:
                    break
                self.counters["deliveries"] += 1
                bind.deliver(queue.popleft())
        for bind in self.binds:
            bind.flush()

    def _choose(self, delivery: Delivery) -> CarrierBind | None:
        system_id, origin = delivery.system_id, delivery.origin
        able = [bind for bind in self.binds if bind.receives and system_id in ("", bind.system_id)]
        if origin is not None:
            where = self.behaviour.receipt_bind
            if where == "same" and origin in able:
                able = [origin]
            elif where == "other":
                able = [bind for bind in able if bind is not origin] or able
        free = [bind for bind in able if bind.room]
        return self._choosing.choice(free) if free else None

    def _queue(self, delivery: Delivery) -> None:
        self._queues.setdefault(delivery.system_id, deque()).append(delivery)

    def answered(self, delivery: Delivery, command_status: int) -> None:
        """The peer has answered a deliver_sm."""
        delivery.command_status = command_status
        if command_status == 0:
            self.counters["deliveries_taken"] += 1
            if delivery.marker is not None:
                self._accounting.acknowledged(delivery.marker)
        elif command_status in TEMPORARY:
            self.counters["deliveries_again"] += 1
            self.agenda.after(self.behaviour.redelivery, self._queue, delivery)
        else:
            self.counters["deliveries_refused"] += 1

    def again(self, delivery: Delivery) -> None:
        """Send a deliver_sm again, before those that wait."""
        self.counters["deliveries_again"] += 1
        self._queues.setdefault(delivery.system_id, deque()).appendleft(delivery)
