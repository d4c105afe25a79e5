"""POST to somebody's web server: what goes out, and when there is an answer."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from smppgw.core.http_post import TIMEOUT, Poster

URL = "https://hooks.example/sms?x=1"


@implementer(IAgentEndpointFactory)
class Server:
    """Stands for the network: one connection, or none."""

    def __init__(self, refuses: Exception | None = None) -> None:
        self.refuses = refuses
        self.transport = StringTransport()
        self.protocol: Any = None
        self.uri: Any = None

    def endpointForURI(self, uri: Any) -> Server:
        self.uri = uri
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.refuses is not None:
            return fail(self.refuses)
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)


def post(server: Server, clock: Clock, body: bytes = b'{"text": "hi"}') -> list[Any]:
    found: list[Any] = []
    Poster(clock, server).post(URL, body).addBoth(found.append)
    return found


def test_what_goes_out() -> None:
    server = Server()
    found = post(server, Clock(), "é".encode())
    head, _, body = server.transport.value().partition(b"\r\n\r\n")
    assert head.startswith(b"POST /sms?x=1 HTTP/1.1\r\n")
    assert b"Host: hooks.example" in head
    assert b"Content-Type: application/json; charset=utf-8" in head
    assert b"Content-Length: 2" in head
    assert body == "é".encode()
    assert (server.uri.scheme, server.uri.port) == (b"https", 443)
    assert found == []


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
def test_the_status_is_the_answer_and_nothing_else_is_read(status: int) -> None:
    clock, server = Clock(), Server()
    found = post(server, clock)
    server.protocol.dataReceived(b"HTTP/1.1 %d X\r\nContent-Length: 9000000\r\n\r\nno" % status)
    assert found == [status]
    clock.advance(0)
    assert server.transport.disconnecting


def test_no_answer_in_time() -> None:
    clock, server = Clock(), Server()
    found = post(server, clock)
    clock.advance(TIMEOUT - 0.1)
    assert found == []
    clock.advance(0.2)
    assert isinstance(found[0], Failure)
    assert server.transport.disconnected or server.transport.disconnecting


def test_nobody_there() -> None:
    found = post(Server(ConnectionRefusedError()), Clock())
    assert found[0].check(ConnectionRefusedError)
