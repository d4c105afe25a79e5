"""Server and client through real sockets on loopback, on a port the system chooses."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted
from net_certificates import Authority
from net_kit import Recorder, session
from twisted.internet import defer, reactor
from twisted.internet.error import ConnectionRefusedError

from smppgw.smpp import wire
from smppgw.smpp.net import SmppServerFactory, connect, listen, tls_client_options
from smppgw.smpp.session import Response, Role

# Twisted hands pyOpenSSL the kind of certificate that pyOpenSSL no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


class Lost(Recorder):
    """Fires when the connection is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: defer.Deferred[str] = defer.Deferred()

    def lost(self, protocol: object, reason: str, in_flight: list[object]) -> None:
        super().lost(protocol, reason, in_flight)
        self.gone.callback(reason)


def talking_client() -> Lost:
    client = Lost()

    def talk(protocol: object, events: list[object]) -> None:
        answers = [event for event in client.seen if isinstance(event, Response)]
        if not answers and not protocol.session.in_flight:
            for number in range(10):
                pdu = wire.SubmitSm(short_message=b"x" * 100)
                protocol.send(protocol.session.request(pdu, reactor.seconds(), number))
        elif len(answers) == 10 and protocol.session.room:
            protocol.send(protocol.session.unbind(reactor.seconds()))

    client.on_events = talk
    client.on_connected = lambda protocol: protocol.send(
        protocol.session.bind(wire.BindTransceiver(system_id="me"))
    )
    return client


async def story(endpoint: str, **options: object) -> tuple[Lost, Lost]:
    server, client = Lost(), talking_client()
    factory = SmppServerFactory(lambda now: session(now=now), lambda: server, reactor, 10)
    port = await listen(reactor, endpoint, factory)
    try:
        protocol = await connect(
            reactor,
            "127.0.0.1",
            port.getHost().port,
            lambda now: session(Role.ESME, now),
            client,
            **options,
        )
        assert protocol is client.protocol
        assert protocol.peer == ("127.0.0.1", port.getHost().port)
        await client.gone
        await server.gone
    finally:
        await port.stopListening()
    assert factory.connections == set()
    return server, client


@pytest_twisted.ensureDeferred
async def test_from_bind_to_unbind_by_tcp() -> None:
    server, client = await story("tcp:0:interface=127.0.0.1")
    assert client.kinds == ["BindAnswer"] + ["Response"] * 10 + ["Close"]
    assert server.kinds == ["BindRequest"] + ["Request"] * 10 + ["PeerUnbind", "Close"]
    assert client.lost_calls[0][0] in ("unbound", "closed by the peer")


@pytest_twisted.ensureDeferred
async def test_from_bind_to_unbind_by_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    key, own = authority.issue("server"), authority.issue("client")
    server, client = await story(
        f"ssl:0:interface=127.0.0.1:privateKey={key}:caCertsDir={authority.authorities}",
        tls=tls_client_options("127.0.0.1", ca=str(authority.path), cert=str(own)),
    )
    assert client.kinds == ["BindAnswer"] + ["Response"] * 10 + ["Close"]
    assert server.kinds[-1] == "Close"


@pytest_twisted.ensureDeferred
async def test_nobody_listens() -> None:
    factory = SmppServerFactory(lambda now: session(now=now), Recorder, reactor, 10)
    port = await listen(reactor, "tcp:0:interface=127.0.0.1", factory)
    number = port.getHost().port
    await port.stopListening()
    recorder = Recorder()
    with pytest.raises(ConnectionRefusedError):
        await connect(
            reactor, "127.0.0.1", number, lambda now: session(Role.ESME, now), recorder, timeout=5.0
        )
    assert recorder.protocol is None


@pytest_twisted.ensureDeferred
async def test_giving_an_attempt_up() -> None:
    recorder = Recorder()
    attempt = connect(reactor, "127.0.0.1", 1, lambda now: session(Role.ESME, now), recorder)
    attempt.cancel()
    with pytest.raises(Exception):  # noqa: B017, PT011 - which one depends on how far it came
        await attempt
    assert recorder.protocol is None


@pytest_twisted.ensureDeferred
async def test_a_peer_that_does_not_read_through_a_real_socket() -> None:
    """Answers pile up to a bound, then the connection goes; the other end never reads."""
    server, client = Lost(), Lost()
    factory = SmppServerFactory(
        lambda now: session(now=now, window=100_000), lambda: server, reactor, 10, 200_000
    )
    port = await listen(reactor, "tcp:0:interface=127.0.0.1", factory)
    client.on_connected = lambda protocol: protocol.send(
        protocol.session.bind(wire.BindTransceiver(system_id="me"))
    )
    protocol = await connect(
        reactor,
        "127.0.0.1",
        port.getHost().port,
        lambda now: session(Role.ESME, now),
        client,
    )
    bound: defer.Deferred[None] = defer.Deferred()
    client.on_events = lambda *_: bound.callback(None)
    await bound
    protocol.pause("the test reads nothing")
    sent = 0
    while server.protocol.connected and sent < 100_000:
        for _ in range(100):
            pdu = wire.DeliverSm(short_message=bytes(200))
            server.protocol.send(server.protocol.session.request(pdu, reactor.seconds(), sent))
            sent += 1
            if not server.protocol.connected:
                break
        server.protocol.flush()
        turn: defer.Deferred[None] = defer.Deferred()
        reactor.callLater(0, turn.callback, None)
        await turn
        if server.gone.called:
            break
    reason = await server.gone
    assert reason.startswith("the peer does not read")
    ((_, in_flight),) = server.lost_calls
    assert len(in_flight) == sent
    assert server.writable_calls == [False]
    protocol.abort("test over")
    await client.gone
    await port.stopListening()
