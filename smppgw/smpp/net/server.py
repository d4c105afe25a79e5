"""The listening side: connections accepted, counted and limited.

Owns the set of open connections of one factory. Refuses to know binds, accounts and TLS details.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from smppgw.smpp.net.protocol import MAX_BUFFER, Handler, SmppProtocol
from smppgw.smpp.net.tls import server_endpoint
from smppgw.smpp.net.turns import Turns
from smppgw.smpp.session import Session


class _Counted(SmppProtocol):
    """A connection that its factory knows of as long as it lasts."""

    def connectionMade(self) -> None:
        self._server.connections.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._server.connections.discard(self)
        super().connectionLost(reason)

    @property
    def _server(self) -> SmppServerFactory:
        assert isinstance(self.factory, SmppServerFactory)  # noqa: S101 - buildProtocol set it
        return self.factory


class _TurnedAway(Protocol):
    """A connection over the limit: dropped before a PDU or a TLS handshake costs anything."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


@define(eq=False, slots=False)
class SmppServerFactory(ServerFactory):
    """Makes a connection of everything accepted, up to `max_connections` at once.

    `session_factory` is called with the time of the connection in seconds, `handler_factory`
    without arguments. `connections` are those that stand now, `turned_away` counts those refused.
    """

    session_factory: Callable[[float], Session]
    handler_factory: Callable[[], Handler]
    clock: IReactorTime
    max_connections: int
    max_buffer: int = MAX_BUFFER
    connections: set[SmppProtocol] = field(init=False, factory=set)
    turned_away: int = field(init=False, default=0)
    turns: Turns = field(init=False)

    @turns.default
    def _own_turns(self) -> Turns:
        return Turns(self.clock)

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """A connection, or one that is dropped at once when there are too many."""
        if len(self.connections) >= self.max_connections:
            self.turned_away += 1
            return _TurnedAway()
        session = self.session_factory(self.clock.seconds())
        handler = self.handler_factory()
        protocol = _Counted(session, handler, self.clock, self.max_buffer, self.turns)
        protocol.factory = self
        return protocol


def listen(reactor: object, endpoint: str, factory: SmppServerFactory) -> Deferred[IListeningPort]:
    """Accept connections at a Twisted endpoint string (`tcp:2775:interface=127.0.0.1`, `ssl:...`).

    Fires with the port, or fails with `CannotListenError`. Raises `ValueError` for a string that
    says nothing, and `OSError` for files that cannot be read.
    """
    return server_endpoint(reactor, endpoint).listen(factory)
