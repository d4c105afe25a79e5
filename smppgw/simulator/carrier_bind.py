"""One connection to the simulated carrier.

Owns: its bind, the answers that leave on it, and the deliver_sm that are unanswered on it. Refuses
to know what a message is answered with (`carrier`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from attrs import define, field

from smppgw.simulator.accounting import Marker
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.smpp.session import (
    BOUND,
    BindRequest,
    Event,
    Expired,
    Pending,
    Request,
    Response,
    State,
)
from smppgw.smpp.wire import CommandStatus

if TYPE_CHECKING:
    from smppgw.simulator.carrier import SimulatedCarrier

Message = wire.SubmitSm | wire.DataSm

_RECEIVING: Final = frozenset({State.BOUND_RX, State.BOUND_TRX})


@define(eq=False)
class Delivery:
    """A deliver_sm on its way to `system_id` ("": to anybody).

    `origin` is the bind that the message of a receipt came by, `marker` is that of an MO.
    `command_status` is the last answer, None while there is none.
    """

    pdu: wire.DeliverSm
    system_id: str = ""
    origin: CarrierBind | None = field(default=None, repr=False)
    marker: Marker | None = None
    attempts: int = 0
    command_status: int | None = None


class CarrierBind:
    """A `smpp.net` handler for one connection."""

    def __init__(self, carrier: SimulatedCarrier) -> None:
        self.system_id = ""
        self.name = ""
        """system_id and address of the peer."""
        self.messages = 0
        """Messages that have come by it."""
        self.unanswered = 0
        """Of these, how many wait for their answer."""
        self._carrier = carrier
        self._protocol: SmppProtocol | None = None
        self._bound = False
        self._writable = True

    def __repr__(self) -> str:
        return f"<CarrierBind {self.name or 'unbound'}>"

    @property
    def receives(self) -> bool:
        """deliver_sm may go to it."""
        return self._protocol is not None and self._protocol.session.state in _RECEIVING

    @property
    def room(self) -> int:
        """How many deliver_sm it can take now."""
        if self._protocol is None or not self._writable:
            return 0
        return self._protocol.session.room

    @property
    def delivering(self) -> int:
        """deliver_sm that its peer has not answered."""
        return 0 if self._protocol is None else self._protocol.session.in_flight

    # ------------------------------------------------------------------ for the carrier

    def answer(self, pdu: Message, command_status: int, message_id: str, answer: str) -> None:
        """Answer a message in one of the ways of `ANSWERS`."""
        protocol = self._protocol
        if protocol is None:
            return
        self.unanswered -= 1
        if answer == "nack":
            data = wire.header(wire.CommandId.generic_nack, command_status, pdu.sequence_number)
        elif command_status:
            body = b"\0" if self._carrier.behaviour.error_body else b""
            command_id = pdu.command_id | wire.RESPONSE
            data = wire.frame(command_id, command_status, pdu.sequence_number, body)
        else:
            answer_pdu = pdu.response(message_id=message_id, sequence_number=pdu.sequence_number)
            data = wire.encode(answer_pdu)
        if answer in ("never", "disconnect"):
            data = b""
        elif answer == "twice":
            data += data
        protocol.send(data + protocol.session.answered(1))

    def deliver(self, delivery: Delivery) -> None:
        """Send a deliver_sm; there is room."""
        protocol = self._protocol
        assert protocol is not None  # noqa: S101
        delivery.attempts += 1
        now = self._carrier.clock.seconds()
        protocol.send(protocol.session.request(delivery.pdu, now, delivery))

    def flush(self) -> None:
        """Let what was sent go."""
        if self._protocol is not None:
            self._protocol.flush()

    def unbind(self) -> None:
        """End the session in order."""
        protocol = self._protocol
        if protocol is not None and protocol.session.state in BOUND:
            protocol.send_now(protocol.session.unbind(self._carrier.clock.seconds()))

    def disconnect(self) -> None:
        """Drop the connection; nothing more is taken of what came with the last message."""
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.abort("simulated disconnect")

    # ------------------------------------------------------------------ smpp.net.Handler

    def connected(self, protocol: SmppProtocol) -> None:
        """Somebody has connected."""
        self._protocol = protocol

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """What the session has to say, in order."""
        carrier = self._carrier
        for event in events:
            if self._protocol is None:
                break
            if isinstance(event, Request):
                self._request(protocol, event.pdu)
            elif isinstance(event, Response):
                carrier.answered(cast(Delivery, event.context), event.pdu.command_status)
            elif isinstance(event, BindRequest):
                self._bind(protocol, event.pdu)
            elif isinstance(event, Expired):
                for pending in reversed(event.pending):
                    carrier.again(cast(Delivery, pending.context))
        carrier.pump()

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        """The peer reads again, or not any more."""
        self._writable = writable
        if writable:
            self._carrier.pump()

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone."""
        self._protocol = None
        if self._bound:
            self._carrier.lost(self, [cast(Delivery, one.context) for one in in_flight])
            self._carrier.pump()

    # ------------------------------------------------------------------ inside

    def _bind(self, protocol: SmppProtocol, request: wire.Bind) -> None:
        carrier = self._carrier
        status = carrier.bind_status(request)
        session = protocol.session
        if status:
            carrier.counters["binds_refused"] += 1
            protocol.send(session.refuse_bind(request, status))
            protocol.close("bind refused")
            return
        self.system_id = request.system_id
        self.name = "{}@{}:{}".format(request.system_id, *protocol.peer)
        self._bound = True
        protocol.send(session.accept_bind(request, carrier.behaviour.system_id))
        carrier.bound(self)

    def _request(self, protocol: SmppProtocol, pdu: wire.PDU) -> None:
        if isinstance(pdu, Message):
            self.messages += 1
            self.unanswered += 1
            self._carrier.take(self, pdu)
        elif pdu.response is not None:
            command_id = pdu.command_id | wire.RESPONSE
            refusal = wire.header(command_id, CommandStatus.ESME_RINVCMDID, pdu.sequence_number)
            protocol.send(refusal + protocol.session.answered(1))
