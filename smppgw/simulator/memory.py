"""A network inside one process, for tests: names to listen at, wires to cut.

Owns: transports that behave as Twisted's TCP ones as far as `SmppProtocol` can tell (order, push
producers, orderly and hard ends), on an injected clock, and the faults of a wire.
Refuses to know: SMPP, beyond making an `SmppProtocol` for who connects.

Octets travel in a clock call of delay 0, so nothing is ever delivered inside a `write`; with a
`Clock`, `advance(0)` delivers all there is, answers included.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.error import ConnectionRefusedError as _ConnectionRefusedError
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IProducer,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.python.failure import Failure as _Failure
from zope.interface import implementer

from smppgw.smpp.net import Handler, SmppProtocol
from smppgw.smpp.session import Session

# Twisted has these without types.
Failure: Any = _Failure
ConnectionRefusedError: Any = _ConnectionRefusedError

BUFFER = 65_536
"""Octets under way above which a producer is paused; also the most that one read gets."""

LOOPBACK = "127.0.0.1"


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a wire, and the direction away from it.

    `split` is the size of the pieces in which its octets arrive, 0 for as many as there are.
    """

    def __init__(self, clock: IReactorTime, host: IPv4Address, peer: IPv4Address) -> None:
        self.other: MemoryTransport
        self.protocol: IProtocol
        self.connected = True
        self.disconnecting = False
        self.stalled = False
        self.split = 0
        self._clock = clock
        self._host = host
        self._peer = peer
        self._paused = False
        self._outgoing: deque[bytes] = deque()
        self._size = 0
        self._reason: Exception = ConnectionDone()
        self._ending: Exception | None = None
        """What the other end hears behind the last octet."""
        self._producer: Any = None
        self._producer_paused = False
        self._call: IDelayedCall | None = None

    # ------------------------------------------------------------------ faults

    def stall(self) -> None:
        """From now on nothing said at this end arrives, not even its end."""
        self.stalled = True

    def flow(self) -> None:
        """End of `stall`: what waited arrives."""
        self.stalled = False
        self._schedule()

    # ------------------------------------------------------------------ for the protocol

    def getHost(self) -> IPv4Address:
        """Address of this end."""
        return self._host

    def getPeer(self) -> IPv4Address:
        """Address of the other end."""
        return self._peer

    def write(self, data: bytes) -> None:
        """Send octets; dropped once the end was asked for."""
        if not self.connected or self.disconnecting or not data:
            return
        self._outgoing.append(bytes(data))
        self._size += len(data)
        self._schedule()
        if self._size > BUFFER and self._producer is not None and not self._producer_paused:
            self._producer_paused = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        """`write` of all together."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """End in order; what was written arrives still, and nothing more is read."""
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self._ending = ConnectionDone()
            self._schedule()

    def abortConnection(self) -> None:
        """End at once; what is under way is lost."""
        if not self.connected:
            return
        self.disconnecting = True
        self._drop()
        self._reason = ConnectionAborted()
        self._ending = ConnectionLost()
        self._schedule()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Hold `producer` back while too much is under way."""
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Nobody is held back any more."""
        self._producer = None

    def pauseProducing(self) -> None:
        """Stop reading."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Read again."""
        self._paused = False
        self.other._schedule()

    def stopProducing(self) -> None:
        """As `loseConnection`."""
        self.loseConnection()

    # ------------------------------------------------------------------ inside the network

    @property
    def reading(self) -> bool:
        """Octets for this end are taken."""
        return self.connected and not self.disconnecting and not self._paused

    def lose(self, error: Exception) -> None:
        """Tell the protocol that its connection is gone; the other end hears of it in time."""
        if not self.connected:
            return
        self.connected = False
        if self._ending is None:
            self._drop()
            self._ending = ConnectionLost()
            if self.other.connected:
                self._schedule()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(Failure(error))

    def silence(self) -> None:
        """Forget everything that would still travel from here."""
        self._drop()
        self._ending = None
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _drop(self) -> None:
        self._outgoing.clear()
        self._size = 0

    def _schedule(self) -> None:
        if self._call is None:
            self._call = self._clock.callLater(0, self._deliver)

    def _deliver(self) -> None:
        self._call = None
        other = self.other
        while self._outgoing and other.reading and not self.stalled:
            other.protocol.dataReceived(self._next_piece())
        if self.disconnecting and self._size <= BUFFER:
            # As with a socket, whose kernel sees to the rest.
            self.lose(self._reason)
        if self.stalled:
            return
        if self._outgoing:
            if not other.connected and not other.stalled:
                self._drop()
                self.lose(ConnectionLost())
            return
        if self._producer_paused:
            self._producer_paused = False
            if self._producer is not None:
                self._producer.resumeProducing()
        if self._ending is not None and not other._paused:
            other.lose(self._ending)

    def _next_piece(self) -> bytes:
        size = self.split or BUFFER
        piece = self._outgoing.popleft()
        while not self.split and self._outgoing and len(piece) + len(self._outgoing[0]) <= size:
            piece += self._outgoing.popleft()
        if len(piece) > size:
            self._outgoing.appendleft(piece[size:])
            piece = piece[:size]
        self._size -= len(piece)
        return piece


class Wire:
    """A connection that was made: its two ends are `client` and `server`."""

    def __init__(self, name: str, client: MemoryTransport, server: MemoryTransport) -> None:
        self.name = name
        self.client = client
        self.server = server

    @property
    def standing(self) -> bool:
        """Some end believes that it is connected."""
        return self.client.connected or self.server.connected

    def cut(self) -> None:
        """Break it now: both ends lose their connection and all that was under way."""
        ends = (self.client, self.server)
        for end in ends:
            end.lose(ConnectionLost())
        for end in ends:
            end.silence()

    def stall(self) -> None:
        """Both ends go silent without anybody being told."""
        self.client.stall()
        self.server.stall()


class MemoryNetwork:
    """Names that may be listened at and connected to.

    `split` is given to both ends of every new wire.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.split = 0
        self.attempts = 0
        """Connections that were asked for."""
        self._clock = clock
        self._listeners: dict[str, IProtocolFactory] = {}
        self._wires: list[Wire] = []
        self._ports = 40_000

    @property
    def wires(self) -> list[Wire]:
        """The connections that stand, oldest first."""
        self._wires = [wire for wire in self._wires if wire.standing]
        return list(self._wires)

    def listen(self, name: str, factory: IProtocolFactory) -> None:
        """Let `factory` serve who connects to `name`, which is `host:port`."""
        self._listeners[name] = factory

    def unlisten(self, name: str) -> None:
        """Refuse new connections to `name`; those that stand go on."""
        del self._listeners[name]

    def cut(self) -> None:
        """`Wire.cut` of every connection."""
        for wire in self.wires:
            wire.cut()

    def connect(
        self, name: str, session: Session, handler: Handler, source: str = LOOPBACK
    ) -> Deferred[SmppProtocol]:
        """Connect to `name` from the address `source`.

        Fires after `Handler.connected`; fails with `ConnectionRefusedError` when nobody listens.
        Cancelling it gives the attempt up.
        """
        self.attempts += 1
        attempt: Deferred[SmppProtocol] = Deferred(lambda _: call.cancel())
        call = self._clock.callLater(0, self._join, name, session, handler, source, attempt)
        return attempt

    def _join(
        self,
        name: str,
        session: Session,
        handler: Handler,
        source: str,
        attempt: Deferred[SmppProtocol],
    ) -> None:
        host, _, port = name.rpartition(":")
        there = IPv4Address("TCP", host, int(port))
        self._ports += 1
        here = IPv4Address("TCP", source, self._ports)
        factory = self._listeners.get(name)
        serving = None if factory is None else factory.buildProtocol(here)
        if serving is None:
            attempt.errback(ConnectionRefusedError(f"nobody listens at {name}"))
            return
        client = MemoryTransport(self._clock, here, there)
        server = MemoryTransport(self._clock, there, here)
        client.other, server.other = server, client
        client.split = server.split = self.split
        protocol = SmppProtocol(session, handler, self._clock)
        client.protocol, server.protocol = protocol, serving
        ends: Any = ((serving, server), (protocol, client))
        self._wires.append(Wire(name, client, server))
        for end, transport in ends:
            end.makeConnection(transport)
        attempt.callback(protocol)


class MemoryConnector:
    """Opens connections of a gateway to the carriers that listen in a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network

    def connect(
        self, settings: object, host: str, port: int, session: Session, handler: Handler
    ) -> Deferred[SmppProtocol]:
        """Connect to `host:port`; `settings` (of the carrier) are not needed here."""
        return self._network.connect(f"{host}:{port}", session, handler)
