"""TLS: who must show what to whom; certificates are made here, connections are in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from net_certificates import Authority
from net_kit import Recorder, session
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test import iosim

from smppgw.smpp import wire
from smppgw.smpp.net import SmppServerFactory, server_endpoint, tls_client_options
from smppgw.smpp.session import Response, Role

# Twisted hands pyOpenSSL the kind of certificate that pyOpenSSL no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), "good")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


def listening_options(description: str) -> object:
    """What an endpoint string makes of TLS, as the reactor is told."""
    reactor = MemoryReactorClock()
    recorder = Recorder()
    factory = SmppServerFactory(lambda now: session(now=now), lambda: recorder, reactor, 10)
    server_endpoint(reactor, description).listen(factory)
    ((_, _, options, _, _),) = reactor.sslServers
    return options


def talk(
    clock: Clock, server_options: object, client_options: object, limit: int = 10
) -> tuple[Recorder, Recorder, iosim.IOPump]:
    """A client that binds and submits, through TLS, until nothing moves any more."""
    server, client = Recorder(), Recorder()

    def bind(protocol: object) -> None:
        protocol.send(protocol.session.bind(wire.BindTransceiver(system_id="me")))

    def submit(protocol: object, events: object) -> None:
        if protocol.session.room and "Response" not in client.kinds:
            pdu = wire.SubmitSm(short_message=b"x" * 200)
            protocol.send(protocol.session.request(pdu, 0.0, "mt"))

    client.on_connected, client.on_events = bind, submit
    listening = SmppServerFactory(lambda now: session(now=now), lambda: server, clock, limit)

    class Connecting(SmppServerFactory):
        """The client's end of the wire, made by the same factory."""

    connecting = Connecting(lambda now: session(Role.ESME, now), lambda: client, clock, 10)
    one = TLSMemoryBIOFactory(server_options, False, listening, clock).buildProtocol(None)
    two = TLSMemoryBIOFactory(client_options, True, connecting, clock).buildProtocol(None)
    pump = iosim.connect(
        one, iosim.makeFakeServer(one), two, iosim.makeFakeClient(two), clock=clock
    )
    for _ in range(10):
        pump.flush()
    return server, client, pump


def end(client: Recorder, pump: iosim.IOPump) -> None:
    client.protocol.close("test over")
    for _ in range(10):
        pump.flush()


@pytest.fixture
def plain_server(authority: Authority) -> object:
    key = authority.issue("server")
    return listening_options(f"ssl:2776:privateKey={key}:certKey={key}")


@pytest.fixture
def asking_server(authority: Authority) -> object:
    key = authority.issue("server")
    return listening_options(
        f"ssl:2776:privateKey={key}:certKey={key}:caCertsDir={authority.authorities}"
    )


def test_both_sides_by_tls(clock: Clock, authority: Authority, plain_server: object) -> None:
    options = tls_client_options("localhost", ca=str(authority.path))
    server, client, pump = talk(clock, plain_server, options)
    assert server.kinds == ["BindRequest", "Request"]
    assert [event.context for event in client.seen if isinstance(event, Response)] == ["mt"]
    end(client, pump)
    assert client.lost_calls == [("test over", [])]
    assert server.lost_calls == [("closed by the peer", [])]


def test_an_address_instead_of_a_name(
    clock: Clock, authority: Authority, plain_server: object
) -> None:
    options = tls_client_options("127.0.0.1", ca=str(authority.path))
    server, client, pump = talk(clock, plain_server, options)
    assert "Request" in server.kinds
    end(client, pump)


def test_a_server_of_another_name_is_not_trusted(
    clock: Clock, authority: Authority, plain_server: object
) -> None:
    options = tls_client_options("smsc.example", ca=str(authority.path))
    server, client, _ = talk(clock, plain_server, options)
    assert (server.batches, client.batches) == ([], [])
    assert len(client.lost_calls) == len(server.lost_calls) == 1


def test_a_server_of_another_authority_is_not_trusted(
    clock: Clock, stranger: Authority, plain_server: object
) -> None:
    options = tls_client_options("localhost", ca=str(stranger.path))
    server, client, _ = talk(clock, plain_server, options)
    assert (server.batches, client.batches) == ([], [])
    assert "certificate verify failed" in client.lost_calls[0][0]


def test_the_system_does_not_know_our_authority(clock: Clock, plain_server: object) -> None:
    server, client, _ = talk(clock, plain_server, tls_client_options("localhost"))
    assert (server.batches, client.batches) == ([], [])
    assert len(client.lost_calls) == len(server.lost_calls) == 1


def test_a_client_certificate_asked_and_shown(
    clock: Clock, authority: Authority, asking_server: object
) -> None:
    own = authority.issue("client")
    options = tls_client_options("localhost", ca=str(authority.path), cert=str(own))
    _, client, pump = talk(clock, asking_server, options)
    assert "Response" in client.kinds
    end(client, pump)


def test_a_client_certificate_asked_and_missing(
    clock: Clock, authority: Authority, asking_server: object
) -> None:
    options = tls_client_options("localhost", ca=str(authority.path))
    server, client, _ = talk(clock, asking_server, options)
    assert server.batches == []
    assert len(client.lost_calls) == len(server.lost_calls) == 1
    assert "did not return a certificate" in server.lost_calls[0][0]


def test_a_client_certificate_of_a_stranger(
    clock: Clock, authority: Authority, stranger: Authority, asking_server: object
) -> None:
    own = stranger.issue("client")
    options = tls_client_options("localhost", ca=str(authority.path), cert=str(own))
    server, _, _ = talk(clock, asking_server, options)
    assert server.batches == []
    assert "certificate verify failed" in server.lost_calls[0][0]


def test_a_connection_over_the_limit(
    clock: Clock, authority: Authority, plain_server: object
) -> None:
    options = tls_client_options("localhost", ca=str(authority.path))
    server, client, _ = talk(clock, plain_server, options, limit=0)
    assert server.protocol is None
    assert client.batches == []
    assert len(client.lost_calls) == 1


def test_a_handshake_that_never_comes_is_closed(clock: Clock, plain_server: object) -> None:
    recorder = Recorder()
    factory = SmppServerFactory(lambda now: session(now=now), lambda: recorder, clock, 10)
    protocol = TLSMemoryBIOFactory(plain_server, False, factory, clock).buildProtocol(None)
    transport = iosim.FakeTransport(protocol, isServer=True)
    protocol.makeConnection(transport)
    clock.advance(10.0)
    assert transport.disconnecting
    transport.reportDisconnect()
    assert recorder.lost_calls == [("not bound within session_init_timer", [])]
    clock.advance(0.0)


def test_arguments_of_the_endpoint(authority: Authority) -> None:
    key = authority.issue("server")
    reactor = MemoryReactorClock()
    recorder = Recorder()
    factory = SmppServerFactory(lambda now: session(now=now), lambda: recorder, reactor, 10)
    description = (
        f"ssl:port=2776:privateKey={key}:interface=\\:\\:1:backlog=7"
        f":extraCertChain={authority.path}:caCertsDir={authority.authorities}"
    )
    server_endpoint(reactor, description).listen(factory)
    ((port, _, options, backlog, interface),) = reactor.sslServers
    assert (port, backlog, interface) == (2776, 7, "::1")
    assert len(options.extraCertChain) == 1


def test_faults_of_the_endpoint(authority: Authority, tmp_path: Path) -> None:
    key = authority.issue("server")
    reactor = MemoryReactorClock()
    for arguments, fault in (
        (f"2776:privateKey={key}:caCertsDir={tmp_path}", "no certificate in"),
        (f"2776:privateKey={key}:caCertsDir={authority.authorities}:caCert=x", "unknown caCert"),
        (f"privateKey={key}:caCertsDir={authority.authorities}", "no port"),
        (f"2776:privateKey={key}:caCertsDir={tmp_path}/absent", "no certificate in"),
    ):
        with pytest.raises(ValueError, match=fault):
            server_endpoint(reactor, f"ssl:{arguments}")
    with pytest.raises(OSError, match="absent"):
        server_endpoint(reactor, f"ssl:2776:privateKey={tmp_path}/absent:caCertsDir=.")
    assert reactor.sslServers == []


def test_faults_of_the_client(authority: Authority, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    with pytest.raises(ValueError, match="no certificate in"):
        tls_client_options("localhost", ca=str(empty))
    with pytest.raises(OSError, match="absent"):
        tls_client_options("localhost", ca=str(tmp_path / "absent"))
    with pytest.raises(OSError, match="absent"):
        tls_client_options("localhost", cert=str(tmp_path / "absent"))
