"""The listening side: connections made, counted, limited, let go."""

from __future__ import annotations

import pytest
from net_kit import BIND, Recorder, Wire, lose, session
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher

from smppgw.smpp.net import SmppServerFactory, listen

ADDRESS = IPv4Address("TCP", "127.0.0.1", 1)


def factory_of(clock: Clock, recorder: Recorder, limit: int = 3) -> SmppServerFactory:
    return SmppServerFactory(lambda now: session(now=now), lambda: recorder, clock, limit)


def accept(factory: SmppServerFactory) -> tuple[object, Wire]:
    protocol = factory.buildProtocol(ADDRESS)
    transport = Wire()
    protocol.makeConnection(transport)
    return protocol, transport


def test_connections_are_counted_as_long_as_they_last(clock: Clock, recorder: Recorder) -> None:
    factory = factory_of(clock, recorder)
    first, _ = accept(factory)
    second, _ = accept(factory)
    assert factory.connections == {first, second}
    lose(first)
    assert factory.connections == {second}
    lose(second)
    assert factory.connections == set()
    assert len(recorder.lost_calls) == 2


def test_connections_over_the_limit_are_dropped(clock: Clock, recorder: Recorder) -> None:
    factory = factory_of(clock, recorder, limit=2)
    standing = [accept(factory)[0] for _ in range(2)]
    for _ in range(3):
        protocol, transport = accept(factory)
        assert transport.disconnected
        protocol.dataReceived(BIND)
        assert transport.writes == []
        lose(protocol)
    assert factory.turned_away == 3
    assert len(factory.connections) == 2
    assert recorder.batches == []
    lose(standing.pop())
    protocol, transport = accept(factory)
    assert not transport.disconnecting
    for one in (*standing, protocol):
        lose(one)


def test_the_session_starts_at_the_time_of_the_connection(clock: Clock, recorder: Recorder) -> None:
    clock.advance(1000.0)
    protocol, transport = accept(factory_of(clock, recorder))
    clock.advance(9.0)
    assert not transport.disconnecting
    clock.advance(1.0)
    assert transport.disconnecting
    lose(protocol)


def test_listening_on_an_endpoint_string(recorder: Recorder) -> None:
    reactor = MemoryReactorClock()
    factory = factory_of(reactor, recorder)
    listen(reactor, "tcp:2775:interface=127.0.0.1", factory)
    ((port, listening, _, interface),) = reactor.tcpServers
    assert (port, interface) == (2775, "127.0.0.1")
    assert listening is factory or listening.buildProtocol(ADDRESS)


@pytest.mark.parametrize("endpoint", ["nonsense:1", "tcp", ""])
def test_a_string_that_says_nothing_is_an_error(endpoint: str, recorder: Recorder) -> None:
    reactor = MemoryReactorClock()
    with pytest.raises((ValueError, TypeError)):
        listen(reactor, endpoint, factory_of(reactor, recorder))


def test_the_factory_is_quiet(clock: Clock, recorder: Recorder) -> None:
    seen: list[object] = []
    globalLogPublisher.addObserver(seen.append)
    factory = factory_of(clock, recorder)
    factory.doStart()
    protocol, _ = accept(factory)
    lose(protocol)
    factory.doStop()
    globalLogPublisher.removeObserver(seen.append)
    assert seen == []
