"""One connection of the simulated ESME, kept up.

Owns: connecting, binding, and doing so again whenever it is lost. Refuses to know what is sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from smppgw.smpp import wire
from smppgw.smpp.net import Handler, SmppProtocol
from smppgw.smpp.session import (
    BOUND,
    BindAnswer,
    Event,
    Expired,
    Late,
    Pending,
    Request,
    Response,
    Role,
    Session,
    State,
)

if TYPE_CHECKING:
    from smppgw.simulator.esme import SimulatedEsme
    from smppgw.simulator.messages import Piece

Opener = Callable[[Session, Handler], "Deferred[SmppProtocol]"]
"""Opens a connection to the gateway for a session."""

Delivered = wire.DeliverSm | wire.DataSm

_KINDS: Final = {
    "transceiver": wire.BindTransceiver,
    "transmitter": wire.BindTransmitter,
    "receiver": wire.BindReceiver,
}
_SENDING: Final = frozenset({State.BOUND_TX, State.BOUND_TRX})


class EsmeBind:
    """A `smpp.net` handler that is bound as `kind` as long as it is wanted."""

    def __init__(self, esme: SimulatedEsme, kind: str, opener: Opener) -> None:
        self.kind = kind
        self.reason = ""
        """Why it was last lost or refused."""
        self.offered = False
        """The ESME knows that it may have room."""
        self.destinations: tuple[str, ...] = ()
        """To which it sends, in turn."""
        self.messages = 0
        self.destination = ""
        """Of the last message."""
        self.reference = 0
        """Of the parts of the last message."""
        self.parts: deque[Piece] = deque()
        """Those that are still to be sent."""
        self._esme = esme
        self._opener = opener
        self._protocol: SmppProtocol | None = None
        self._attempt: Deferred[None] | None = None
        self._wanted = False
        self._gone: Deferred[None] | None = None
        self._late: dict[int, object] = {}
        self._writable = True

    def __repr__(self) -> str:
        return f"<EsmeBind {self.kind} {'bound' if self.bound else self.reason or 'idle'}>"

    @property
    def bound(self) -> bool:
        """It stands."""
        return self._protocol is not None and self._protocol.session.state in BOUND

    @property
    def sends(self) -> bool:
        """It is one to send on."""
        return self.kind != "receiver"

    @property
    def room(self) -> int:
        """How many messages may be sent on it now."""
        protocol = self._protocol
        if protocol is None or not self._writable or protocol.session.state not in _SENDING:
            return 0
        return protocol.session.room

    # ------------------------------------------------------------------ for the ESME

    def start(self) -> None:
        """Be bound from now on."""
        self._wanted = True
        self._connect()

    def stop(self) -> Deferred[None]:
        """Unbind and stay away; fires when the connection is gone."""
        self._wanted = False
        gone: Deferred[None] = Deferred()
        if self._attempt is not None:
            self._attempt.cancel()
        protocol = self._protocol
        if protocol is None:
            gone.callback(None)
            return gone
        self._gone = gone
        if self.bound:
            protocol.send_now(protocol.session.unbind(self._esme.clock.seconds()))
        else:
            protocol.close("stopped")
        return gone

    def send(self, pdu: wire.SubmitSm, context: object) -> None:
        """Send a message; there is room."""
        protocol = self._protocol
        assert protocol is not None  # noqa: S101
        protocol.send(protocol.session.request(pdu, self._esme.clock.seconds(), context))

    def answer(self, protocol: SmppProtocol, pdu: Delivered, command_status: int) -> bool:
        """Answer what came by `protocol`; False when that connection is gone."""
        if protocol is not self._protocol:
            return False
        if command_status:
            command_id = pdu.command_id | wire.RESPONSE
            data = wire.header(command_id, command_status, pdu.sequence_number)
        else:
            data = wire.encode(pdu.response(sequence_number=pdu.sequence_number))
        protocol.send(data + protocol.session.answered(1))
        return True

    def flush(self) -> None:
        """Let what was sent go."""
        if self._protocol is not None:
            self._protocol.flush()

    # ------------------------------------------------------------------ smpp.net.Handler

    def connected(self, protocol: SmppProtocol) -> None:
        """Ask to be bound."""
        self._protocol = protocol
        self._writable = True
        self._late.clear()
        load = self._esme.load
        request = _KINDS[self.kind](
            system_id=load.system_id, password=load.password, system_type=load.system_type
        )
        protocol.send(protocol.session.bind(request))

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """What the session has to say, in order."""
        esme = self._esme
        for event in events:
            if isinstance(event, Response):
                esme.answered(event.context, event.pdu)
            elif isinstance(event, Request):
                if isinstance(event.pdu, Delivered):
                    esme.delivered(self, protocol, event.pdu)
            elif isinstance(event, BindAnswer):
                self._bind_answered(protocol, event.pdu)
            elif isinstance(event, Expired):
                for pending in event.pending:
                    self._late[pending.sequence_number] = pending.context
                    esme.unanswered(pending.context)
            elif isinstance(event, Late):
                if event.pdu.sequence_number in self._late:
                    esme.answered_late(self._late.pop(event.pdu.sequence_number), event.pdu)
                else:
                    esme.counters["responses_unexpected"] += 1
        esme.pump(self)

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        """The peer reads again, or not any more."""
        self._writable = writable
        if writable:
            self._esme.pump(self)

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone."""
        self._protocol = None
        self.reason = self.reason or reason
        self._esme.counters["connections_lost"] += 1
        for pending in in_flight:
            self._esme.unanswered(pending.context)
        if self._gone is not None:
            gone, self._gone = self._gone, None
            gone.callback(None)
        self._connect_later()
        self._esme.pump()

    # ------------------------------------------------------------------ inside

    def _connect(self) -> None:
        if not self._wanted:
            return
        esme = self._esme
        esme.counters["connection_attempts"] += 1
        load = esme.load
        session = Session(
            Role.ESME, window=load.window, timing=load.timing, now=esme.clock.seconds()
        )
        attempt = self._opener(session, self)
        self._attempt = attempt.addCallbacks(self._connected, self._not_connected)

    def _connected(self, protocol: SmppProtocol) -> None:
        self._attempt = None

    def _not_connected(self, failure: Failure) -> None:
        self._attempt = None
        self.reason = failure.getErrorMessage()
        self._connect_later()

    def _connect_later(self) -> None:
        if self._wanted:
            self._esme.agenda.after(self._esme.load.reconnect, self._connect)

    def _bind_answered(self, protocol: SmppProtocol, answer: wire.PDU) -> None:
        if self.bound:
            self.reason = ""
            self._esme.counters["binds"] += 1
            return
        self._esme.counters["binds_refused"] += 1
        self.reason = f"bind refused: {wire.status_name(answer.command_status)}"
        protocol.close(self.reason)
