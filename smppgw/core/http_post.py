"""One HTTP POST to somebody else's server, for features that tell others what happened.

Owns: time limits, that a redirect is not followed, and that no answer is read but its status.
Refuses to know: what is posted and why, and trying again.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol
from twisted.web import client as _client
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

client: Any = _client  # its functions have no types

TIMEOUT = 10.0
"""Seconds for all of it: name, connection, request and the status of the answer."""
HEADERS = {"Content-Type": ["application/json; charset=utf-8"], "User-Agent": ["smppgw"]}


@implementer(IBodyProducer)
class _Body:
    """Octets that are there already."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.length = len(octets)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._octets)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All was written at once."""

    resumeProducing = stopProducing = pauseProducing


class _Unread(Protocol):
    """Reads nothing: the status has been seen."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connectionMade(self) -> None:
        if self.transport is not None:  # it still expects to go on reading in this turn
            self._reactor.callLater(0, self.transport.loseConnection)


class Poster:
    """Posts by the network of a reactor; `endpoints` (IAgentEndpointFactory) is for tests."""

    def __init__(self, reactor: Any, endpoints: Any = None) -> None:
        self._reactor = reactor
        if endpoints is None:
            self._agent = client.Agent(reactor, connectTimeout=TIMEOUT)
        else:
            self._agent = client.Agent.usingEndpointFactory(reactor, endpoints)

    def post(self, url: str, body: bytes) -> Deferred[int]:
        """Post JSON: the status of the answer; fails when there is none within TIMEOUT."""
        asked: Deferred[IResponse] = self._agent.request(
            b"POST", url.encode("ascii"), Headers(HEADERS), _Body(body)
        )
        asked.addTimeout(TIMEOUT, self._reactor)
        return asked.addCallback(self._status)

    def _status(self, response: Any) -> int:
        response.deliverBody(_Unread(self._reactor))
        return int(response.code)
