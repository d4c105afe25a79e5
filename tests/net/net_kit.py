"""A recording handler, a recording transport and connections made of them."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.smpp.session import (
    BindRequest,
    Event,
    Pending,
    Request,
    Role,
    Session,
    Timing,
)

TIMING = Timing(session_init=10.0, enquire_link=30.0, inactivity=300.0, response=60.0, pdu=5.0)
SUBMIT = wire.encode(wire.SubmitSm(destination_addr="336", short_message=b"x", sequence_number=7))
BIND = wire.encode(wire.BindTransceiver(system_id="esme", password="secret", sequence_number=1))


class Recorder:
    """Keeps all it is told; answers binds and requests at once unless told not to."""

    def __init__(self, *, accept: bool = True, answer: bool = True) -> None:
        self.accept = accept
        self.answer = answer
        self.protocol: SmppProtocol | None = None
        self.batches: list[list[Event]] = []
        self.writable_calls: list[bool] = []
        self.lost_calls: list[tuple[str, list[Pending]]] = []
        self.on_events: Callable[[SmppProtocol, list[Event]], None] = lambda *_: None
        self.on_connected: Callable[[SmppProtocol], None] = lambda _: None

    @property
    def seen(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    @property
    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.seen]

    def connected(self, protocol: SmppProtocol) -> None:
        self.protocol = protocol
        self.on_connected(protocol)

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        assert events
        self.batches.append(events)
        for event in events:
            if isinstance(event, BindRequest) and self.accept:
                protocol.send(protocol.session.accept_bind(event.pdu, "mc"))
            elif isinstance(event, Request) and self.answer and event.pdu.response:
                answer = event.pdu.response(sequence_number=event.pdu.sequence_number)
                protocol.send(protocol.session.respond(answer))
        self.on_events(protocol, events)

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        self.writable_calls.append(writable)

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        self.lost_calls.append((reason, in_flight))


@implementer(ITCPTransport)
class Wire(StringTransport):
    """An in-memory TCP transport that keeps every write apart."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.options: dict[str, bool] = {}

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        super().write(data)

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.options["nodelay"] = enabled

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.options["keepalive"] = enabled

    def pdus(self) -> list[wire.PDU]:
        """What was written since the last look."""
        frames = wire.FrameBuffer(70_000).feed(self.value())
        self.clear()
        self.writes.clear()
        return [wire.decode(frame) for frame in frames]


def session(role: Role = Role.MC, now: float = 0.0, window: int = 10) -> Session:
    return Session(role, window=window, timing=TIMING, now=now)


def connection(
    clock: Clock, recorder: Recorder, *, bound: bool = True, **options: int
) -> tuple[SmppProtocol, Wire]:
    """A connection whose peer is the test; the peer has bound unless told otherwise."""
    protocol = SmppProtocol(session(), recorder, clock, **options)
    transport = Wire()
    protocol.makeConnection(transport)
    if bound:
        protocol.dataReceived(BIND)
        transport.pdus()
        recorder.batches.clear()
    return protocol, transport


def lose(protocol: SmppProtocol, reason: Exception | None = None) -> None:
    """The transport says that the connection is gone."""
    protocol.connectionLost(Failure(reason or ConnectionDone()))
