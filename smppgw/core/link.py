"""One bind (or one of a pair) at a carrier: connect, bind, work, lose it, try again.

Owns: the connection's life and when to try the next one.
Refuses to know: which message to send (see `carrier`) and how octets travel (see `smpp.net`).

    idle -> connecting -> binding -> bound -> draining -> idle
                ^             |        |
                +-- waiting <-+--------+      (back-off with jitter; longer when refused)
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Protocol, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.message import Message
from smppgw.core.settings import CarrierSettings
from smppgw.core.status import status_text
from smppgw.core.trust import Trust
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol, connect_error
from smppgw.smpp.session import (
    BindAnswer,
    Close,
    Event,
    Expired,
    Late,
    Malformed,
    PeerUnbind,
    Pending,
    Request,
    Response,
    Role,
    Session,
    Timing,
)

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier

CREDENTIALS = frozenset({0x0E, 0x0F, 0x53})
"""Bind answers that trying again soon cannot change: password, system_id, system_type."""
LATE = 1_000
"""Timed-out requests whose late answer is still understood."""

log = Logger()

BINDS = {
    "transceiver": wire.BindTransceiver,
    "transmitter": wire.BindTransmitter,
    "receiver": wire.BindReceiver,
}


class LinkState(Enum):
    """Where a link is; the names are what operators read."""

    IDLE = "idle"
    CONNECTING = "connecting"
    BINDING = "binding"
    BOUND = "bound"
    DRAINING = "draining"
    WAITING = "waiting"
    REFUSED = "refused"


class Connector(Protocol):
    """Opens connections to carriers."""

    def connect(
        self, settings: CarrierSettings, host: str, port: int, session: Session, handler: Link
    ) -> Deferred[SmppProtocol]:
        """Connect within the carrier's bind_timeout, or fail with what says why not."""


class Link:
    """Keeps one bind of `kind` (transceiver, transmitter or receiver) up."""

    def __init__(
        self,
        carrier: Carrier,
        kind: str,
        name: str,
        connector: Connector,
        clock: IReactorTime,
        random: Random,
    ) -> None:
        self.carrier = carrier
        self.kind = kind
        self.name = name
        self.taken = 0
        """Slots of the window in use: sent, or to be sent after the commit."""
        self._state = LinkState.IDLE
        self.reason = ""
        """Why it is not bound."""
        self.next_attempt = 0.0
        self.bound_at = 0.0
        self.place = ("", 0)
        """Host and port of the last attempt."""
        self._connector = connector
        self._clock = clock
        self._random = random
        self._protocol: SmppProtocol | None = None
        self._session: Session | None = None
        self._timer: IDelayedCall | None = None
        self._failures = 0
        self._attempts = 0
        self._writable = True
        self._wanted = False
        self._trust = Trust()
        self._late: OrderedDict[int, Message] = OrderedDict()
        self._drained: list[Deferred[None]] = []

    def __repr__(self) -> str:
        return f"<Link {self.name} {self.state.value} {self.taken}/{self.window}>"

    @property
    def state(self) -> LinkState:
        """Where the link is."""
        return self._state

    @state.setter
    def state(self, state: LinkState) -> None:
        self._state = state
        self.carrier.refresh()

    @property
    def window(self) -> int:
        """Unanswered submits this link may have; 0 for a receiver."""
        return 0 if self.kind == "receiver" else self.carrier.settings.window

    @property
    def sending(self) -> bool:
        """Bound for sending, and the peer reads."""
        return self.state is LinkState.BOUND and self._writable and self.kind != "receiver"

    @property
    def room(self) -> int:
        """Submits that may be launched on it now."""
        session = self._session
        if session is None or self._state is not LinkState.BOUND or not self._writable:
            return 0
        if self._trust.full:
            return self.window - self.taken
        return self._trust.room(self.window, self.taken, session.last_heard)

    # ------------------------------------------------------------------ connecting

    def start(self) -> None:
        """Bind, and bind again whenever the bind is lost."""
        self._wanted = True
        if self.state in (LinkState.IDLE, LinkState.WAITING, LinkState.REFUSED):
            self._connect()

    def _connect(self) -> None:
        self._cancel_timer()
        settings = self.carrier.settings
        places = settings.addresses
        self.place = places[self._attempts % len(places)]
        self._attempts += 1
        self.state = LinkState.CONNECTING
        now = self._clock.seconds()
        session = self._session = Session(
            Role.ESME,
            window=max(1, self.window),
            timing=Timing(
                session_init=settings.bind_timeout,
                enquire_link=settings.enquire_link,
                inactivity=10 * settings.enquire_link,
                response=settings.response_timeout,
                pdu=10.0,
            ),
            now=now,
            interface_version=settings.interface_version,
        )
        attempt = maybeDeferred(self._connector.connect, settings, *self.place, session, self)
        attempt.addErrback(self._not_connected)

    def _not_connected(self, failure: Failure) -> None:
        self._lost_bind("cannot connect to {}:{}: {}".format(*self.place, connect_error(failure)))

    def connected(self, protocol: SmppProtocol) -> None:
        """The connection is there: ask to be bound."""
        self._protocol = protocol
        if not self._wanted:  # stopped while it was being made
            protocol.close("stopped")
            return
        self.state = LinkState.BINDING
        self._writable = True
        settings = self.carrier.settings
        pdu = BINDS[self.kind](
            system_id=settings.system_id,
            password=settings.password,
            system_type=settings.system_type,
            interface_version=settings.interface_version,
            addr_ton=settings.addr_ton,
            addr_npi=settings.addr_npi,
            address_range=settings.address_range,
        )
        assert self._session is not None  # noqa: S101
        protocol.send(self._session.bind(pdu))
        protocol.flush()

    def _bind_answered(self, answer: wire.PDU) -> None:
        status = answer.command_status
        if status == 0 and not isinstance(answer, wire.GenericNack):
            self.state = LinkState.BOUND
            self.reason = ""
            self.bound_at = self._clock.seconds()
            self._failures = 0
            log.info("carrier {link.name}: bound as {link.kind} at {link.place[0]}", link=self)
            self.pause(self.carrier.store.congested)
            self.carrier.pump()
            return
        self.reason = f"bind refused: {status_text(status)}"
        if status in CREDENTIALS:
            self.state = LinkState.REFUSED
        if self._protocol is not None:
            self._protocol.close(self.reason)

    # ------------------------------------------------------------------ working

    def transmit(self, message: Message) -> None:
        """Send a message whose state is durable; its slot is taken already."""
        session, protocol = self._session, self._protocol
        if session is None or protocol is None or not session.room:
            self.carrier.not_sent(self, message)
            return
        pdu = self.carrier.outgoing.pdu(message, session.peer_version)
        now = self._clock.seconds()
        try:
            data = session.request(pdu, now, message)
        except wire.EncodeError as error:
            self.carrier.unsendable(self, message, str(error))
            return
        protocol.send(data)
        message.sequence_number = pdu.sequence_number
        message.sent_at = int(now * 1000)

    def flush(self) -> None:
        """Let what was given to `transmit` go."""
        if self._protocol is not None:
            self._protocol.flush()

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """What the session has to say, in order."""
        counters = self.carrier.counters
        before = counters.sent
        for event in events:
            if isinstance(event, Response):
                self._response(event)
            elif isinstance(event, Request):
                self._request(event.pdu)
            elif isinstance(event, Expired):
                self._expired(event.pending)
            elif isinstance(event, BindAnswer):
                self._bind_answered(event.pdu)
            elif isinstance(event, Late):
                self._late_answer(event.pdu)
            elif isinstance(event, PeerUnbind):
                self.drain()
            elif isinstance(event, Close):
                self.reason = self.reason or event.reason
            elif isinstance(event, Malformed):
                counters.malformed += 1
        self.carrier.pump()
        if counters.sent > before:
            self.carrier.pace.sent(counters.sent - before)

    def _response(self, event: Response) -> None:
        pdu = event.pdu
        message = cast(Message, event.context)
        status = pdu.command_status
        if status == 0 and type(pdu) is not wire.GenericNack:
            self.carrier.accepted(self, message, getattr(pdu, "message_id", ""))
        else:
            self.carrier.refused(self, message, status or wire.CommandStatus.ESME_RUNKNOWNERR)

    def _request(self, pdu: wire.PDU) -> None:
        if isinstance(pdu, wire.DeliverSm | wire.DataSm):
            try:
                self.carrier.inbound(self, pdu)
            except Exception:
                log.failure("carrier {link}: handling a request", link=self.name)
                self.refuse(pdu.command_id, pdu.sequence_number)
        elif not isinstance(pdu, wire.AlertNotification | wire.Outbind):
            self.refuse_with(pdu.command_id, pdu.sequence_number, wire.CommandStatus.ESME_RINVCMDID)

    def _expired(self, pending: list[Pending]) -> None:
        messages = [cast(Message, one.context) for one in pending]
        for one, message in zip(pending, messages, strict=True):
            self._late[one.sequence_number] = message
        while len(self._late) > LATE:
            self._late.popitem(last=False)
        if self.state is LinkState.BOUND:
            self._doubt()
        self.carrier.unanswered(self, messages, "no answer in time")

    def _doubt(self) -> None:
        """Launch nothing more until the peer shows that it is there: it may be gone silently."""
        session, protocol = self._session, self._protocol
        if session is not None and protocol is not None:
            self._trust.doubt(session.last_heard)
            protocol.send(session.enquire(self._clock.seconds()))
            protocol.flush()

    def _late_answer(self, pdu: wire.PDU) -> None:
        message = self._late.pop(pdu.sequence_number, None)
        if message and pdu.command_status == 0 and type(pdu) is not wire.GenericNack:
            self.carrier.accepted_late(message, getattr(pdu, "message_id", ""))

    # ------------------------------------------------------------------ store.batch.Outlet

    def release(self, data: bytes, answers: int) -> None:
        """Send answers that were held for the commit."""
        if self._protocol is not None and self._session is not None:
            self._protocol.send(data + self._session.answered(answers))
            self._protocol.flush()

    def refuse(self, command_id: int, sequence_number: int) -> None:
        """Answer a deliver_sm that could not be stored: the carrier shall try again."""
        self.refuse_with(command_id, sequence_number, wire.CommandStatus.ESME_RX_T_APPN)

    def refuse_with(self, command_id: int, sequence_number: int, command_status: int) -> None:
        """Answer a request at once, without a body."""
        self.release(wire.header(command_id | wire.RESPONSE, command_status, sequence_number), 1)

    def pause(self, paused: bool) -> None:
        """Stop or go on reading from the carrier."""
        if self._protocol is not None:
            (self._protocol.pause if paused else self._protocol.resume)("congestion")

    def writable(self, protocol: SmppProtocol, can: bool) -> None:
        """The peer reads again, or not any more."""
        self._writable = can
        self.carrier.refresh()
        if can:
            self.carrier.pump()

    # ------------------------------------------------------------------ losing it

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone."""
        self._protocol = self._session = None
        self._trust.renew()
        self._late.clear()  # another session uses the same numbers again
        why = self.reason or reason
        messages = [cast(Message, one.context) for one in in_flight]
        self._lost_bind(why)
        self.carrier.unanswered(self, messages, f"{self.name} lost: {why}")

    def _lost_bind(self, reason: str) -> None:
        refused = self.state is LinkState.REFUSED
        self.reason = reason
        if not self._wanted:
            self.state = LinkState.IDLE
            for waiter in self._drained:
                waiter.callback(None)
            self._drained = []
            return
        settings = self.carrier.settings
        if refused:
            wait = settings.refused_reconnect
        else:
            self.state = LinkState.WAITING
            wait = min(settings.reconnect * 2.0 ** min(self._failures, 30), settings.max_reconnect)
            wait *= self._random.uniform(0.5, 1.0)
        self._failures += 1
        self.next_attempt = self._clock.seconds() + wait
        log.warn(
            "carrier {link}: {reason}; next attempt in {wait:.1f} s",
            link=self.name,
            reason=reason,
            wait=wait,
        )
        self._cancel_timer()
        self._timer = self._clock.callLater(wait, self._connect)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def stop(self) -> Deferred[None]:
        """Unbind in order and stay away; fires when the connection is gone.

        Unanswered messages are waited for by the caller, before.
        """
        self._wanted = False
        self._cancel_timer()
        done: Deferred[None] = Deferred()
        protocol, session = self._protocol, self._session
        if protocol is None or session is None:
            self.state = LinkState.IDLE
            done.callback(None)
            return done
        self._drained.append(done)
        if self.state in (LinkState.BOUND, LinkState.DRAINING):
            self.state = LinkState.DRAINING
            protocol.send(session.unbind(self._clock.seconds()))
            protocol.flush()
        else:
            protocol.close("stopped")
        return done

    def drain(self) -> None:
        """Launch nothing more; answers are still taken."""
        if self.state is LinkState.BOUND:
            self.state = LinkState.DRAINING
