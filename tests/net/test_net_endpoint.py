"""Endpoint strings of plain listeners: the queue of connections that wait to be accepted."""

from __future__ import annotations

import pytest
from net_kit import Recorder, session
from twisted.internet.testing import MemoryReactorClock

from smppgw.smpp.net import SmppServerFactory, listen


@pytest.mark.parametrize(
    ("description", "backlog"),
    [
        ("tcp:2775", 1000),
        ("tcp:2775:interface=127.0.0.1", 1000),
        ("tcp:port=2775:interface=127.0.0.1", 1000),
        ("tcp6:2775:interface=\\:\\:1", 1000),
        ("tcp:2775:interface=127.0.0.1:backlog=7", 7),
        ("tcp:2775:backlog=7", 7),
        ("tcp:2775:127.0.0.1:7", 7),
        ("tcp6:2775:7", 7),
        ("tcp:2775:127.0.0.1", 50),  # said without names: as Twisted has it
    ],
)
def test_many_connections_may_wait_to_be_accepted(description: str, backlog: int) -> None:
    reactor = MemoryReactorClock()
    factory = SmppServerFactory(lambda now: session(now=now), Recorder, reactor, 10)
    listen(reactor, description, factory)
    ((port, _, found, _),) = reactor.tcpServers
    assert (port, found) == (2775, backlog)


def test_other_kinds_of_endpoints_are_left_as_they_are() -> None:
    reactor = MemoryReactorClock()
    factory = SmppServerFactory(lambda now: session(now=now), Recorder, reactor, 10)
    listen(reactor, "unix:smpp.sock", factory)
    ((path, _, backlog, _, _),) = reactor.unixServers
    assert (path, backlog) == ("smpp.sock", 50)
