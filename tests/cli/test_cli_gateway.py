"""The composition, on real sockets: start, reload, stop."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from errno import ENOSPC, EPIPE
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_twisted
from attrs import evolve
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Protocol
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs

from smppgw import app
from smppgw.app import Gateway
from smppgw.cli.client import ask
from smppgw.core import command
from smppgw.core.account_settings import AccountSettings
from smppgw.core.settings import (
    CarrierSettings,
    GatewaySettings,
    OperatorSettings,
    RouteSettings,
    Settings,
    ShellSettings,
    SmppSettings,
    WebSettings,
)
from smppgw.core.store.engine import Engine
from smppgw.ops.explain import Limit, carrier_limits
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol, connect
from smppgw.smpp.session import (
    BindAnswer,
    Close,
    Event,
    PeerUnbind,
    Response,
    Role,
    Session,
    Timing,
)


class Esme:
    """An ESME that keeps what it hears."""

    def __init__(self) -> None:
        self.events_seen: list[Event] = []
        self.lost_because = ""

    def connected(self, protocol: SmppProtocol) -> None:
        request = wire.BindTransceiver(system_id="esme", password="pw", interface_version=0x34)
        protocol.send(protocol.session.bind(request))

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        self.events_seen += events

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        pass

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Any]) -> None:
        self.lost_because = reason

    def heard(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events_seen)


class Place:
    """A gateway, a carrier and the way to them."""

    def __init__(self, directory: Path) -> None:
        self.carrier = SimulatedCarrier(Behaviour(), reactor, Random(1))
        self.port = reactor.listenTCP(0, self.carrier.factory, interface="127.0.0.1")
        self.settings = Settings(
            gateway=GatewaySettings(data_dir=str(directory), drain_timeout=0.2),
            smpp=SmppSettings(listen=("tcp:0:interface=127.0.0.1",)),
            web=WebSettings(listen=("tcp:0:interface=127.0.0.1",)),
            shell=ShellSettings(listen=()),
            accounts=(AccountSettings(system_id="esme", password="pw"),),
            carriers=(
                CarrierSettings(
                    name="a", host="127.0.0.1", port=self.port.getHost().port, system_id="gw"
                ),
            ),
            routes=(RouteSettings(carriers=(("a",),)),),
        )
        self.gateway = Gateway(reactor, self.settings)
        self.stopped = False

    async def start(self) -> None:
        await self.gateway.start()
        await until(lambda: self.gateway.relay.carriers["a"].usable)

    async def stop(self) -> bool:
        self.stopped = True
        return await self.gateway.stop()

    async def esme(self) -> tuple[Esme, SmppProtocol]:
        esme = Esme()
        protocol = await connect(
            reactor,
            "127.0.0.1",
            self.gateway.ports[0].getHost().port,
            lambda now: Session(Role.ESME, window=10, timing=Timing(), now=now),
            esme,
        )
        await until(lambda: esme.heard(BindAnswer))
        return esme, protocol

    def submit(self, protocol: SmppProtocol, text: bytes) -> None:
        request = wire.SubmitSm(destination_addr="33612345678", dest_addr_ton=1, short_message=text)
        protocol.send_now(protocol.session.request(request, reactor.seconds()))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens elsewhere, ten seconds at most."""
    end = reactor.seconds() + 10
    while not condition():
        assert reactor.seconds() < end
        await task.deferLater(reactor, 0.005)


@pytest_twisted.async_yield_fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path / "var")
    yield place
    if not place.stopped:
        await place.gateway.stop()
    place.carrier.stop()
    await place.port.stopListening()
    await until(lambda: not place.carrier.factory.connections)


@pytest_twisted.ensureDeferred
async def test_a_stop_says_goodbye_to_everybody(place: Place) -> None:
    await place.start()
    esme, protocol = await place.esme()
    place.submit(protocol, b"x")
    await until(lambda: esme.heard(Response))
    began = reactor.seconds()
    assert await place.stop() is True
    assert reactor.seconds() - began < 1.5  # nobody had to be given up on
    await until(lambda: esme.lost_because != "")
    assert esme.heard(PeerUnbind)
    assert esme.heard(Close)
    await until(lambda: place.carrier.binds == [])
    assert not (place.gateway.control.path).exists()


@pytest_twisted.ensureDeferred
async def test_a_stop_waits_so_long_for_an_answer_and_says_so(place: Place) -> None:
    await place.start()
    _, protocol = await place.esme()
    place.submit(protocol, b"{answer=never}x")
    await until(lambda: len(place.carrier.received) == 1)
    assert await place.stop() is False
    engine = Engine(place.gateway.store.engine.directory)
    ((state, link),) = engine.select("SELECT state, link FROM message")
    engine.close()
    assert link == "a#1"
    assert state in (20, 22)  # it will be sent once more, as a possible duplicate


@pytest_twisted.ensureDeferred
async def test_nothing_is_accepted_at_the_last_moment_that_is_not_answered(place: Place) -> None:
    await place.start()
    esme, protocol = await place.esme()
    stopping = ensureDeferred(place.stop())
    place.submit(protocol, b"just in time, or not")
    await stopping
    await until(lambda: esme.lost_because != "")
    accepted = [
        event
        for event in esme.events_seen
        if isinstance(event, Response) and event.pdu.command_status == 0
    ]
    database = sqlite3.connect(place.gateway.store.engine.path)
    assert database.execute("SELECT count(*) FROM message").fetchone() == (len(accepted),)
    database.close()


@pytest_twisted.ensureDeferred
async def test_the_control_socket_answers_while_it_runs(place: Place) -> None:
    await place.start()
    directory = place.gateway.control.path.parent
    found = await deferToThread(ask, directory, "status")
    assert found["links"][0]["state"] == "bound"
    assert found["rates"]["sent"]["1"] == 0.0


async def fetched(gateway: Gateway, path: str) -> str:
    """The answer to a GET, as it came."""
    heard: Deferred[bytes] = Deferred()

    class Reader(Protocol):
        def connectionMade(self) -> None:
            self.octets = b""
            self.transport.write(b"GET %b HTTP/1.0\r\n\r\n" % path.encode())

        def dataReceived(self, data: bytes) -> None:
            self.octets += data

        def connectionLost(self, reason: Any = None) -> None:
            heard.callback(self.octets)

    port = gateway.web.ports[0].getHost().port
    await connectProtocol(HostnameEndpoint(reactor, "127.0.0.1", port), Reader())
    return (await heard).decode()


@pytest_twisted.ensureDeferred
async def test_the_web_says_what_goes_on_until_the_end(place: Place) -> None:
    await place.start()
    assert (await fetched(place.gateway, "/ready")).startswith("HTTP/1.0 200 OK")
    assert (await fetched(place.gateway, "/health")).endswith("\r\nok\n")
    assert 'smppgw_links_up{carrier="a"} 1.0\n' in await fetched(place.gateway, "/metrics")
    _, protocol = await place.esme()
    place.carrier.behaviour = Behaviour(response_delay=60.0)
    place.submit(protocol, b"slow")
    await until(lambda: place.gateway.relay.carriers["a"].in_flight == 1)
    stopping = ensureDeferred(place.stop())
    answer = await fetched(place.gateway, "/ready")
    assert answer.startswith("HTTP/1.0 503")
    assert answer.endswith("the gateway stops\n")
    await stopping
    assert place.gateway.web.ports == []


@pytest_twisted.ensureDeferred
async def test_it_looks_at_itself_each_second_while_it_runs(place: Place) -> None:
    await place.start()
    looks = place.gateway.desk.looks
    assert looks.kept[-1].carriers.keys() == {"a"}
    assert carrier_limits(place.gateway.desk, "a").limit is Limit.NOTHING
    await place.stop()
    assert not looks._call.active()


@pytest.mark.parametrize("left_out", [0, 1])
@pytest_twisted.ensureDeferred
async def test_a_gateway_without_one_of_its_features_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_out: int
) -> None:
    """Leaving a feature out is one line; its account, its tables and its commands are not there."""
    gone = app.FEATURES[left_out]
    monkeypatch.setattr(app, "FEATURES", tuple(one for one in app.FEATURES if one is not gone))
    place = Place(tmp_path / "var")
    try:
        await place.start()
        accounts = place.gateway.relay.accounts
        assert len(place.gateway.slot.features) == len(app.FEATURES)
        assert f"@{getattr(gone, 'name', '')}" not in accounts
        esme, protocol = await place.esme()
        place.submit(protocol, b"x")
        await until(lambda: esme.heard(Response))
        await until(lambda: len(place.carrier.received) == 1)
    finally:
        await place.stop()
        place.carrier.stop()
        await place.port.stopListening()
        await until(lambda: not place.carrier.factory.connections)


@pytest_twisted.ensureDeferred
async def test_messages_do_not_wait_for_a_web_listener(place: Place, tmp_path: Path) -> None:
    taken = f"tcp:{place.port.getHost().port}:interface=127.0.0.1"
    settings = evolve(
        place.settings,
        gateway=GatewaySettings(data_dir=str(tmp_path / "other")),
        web=WebSettings(listen=(taken, "tcp:0:interface=127.0.0.1")),
    )
    gateway = Gateway(reactor, settings)
    await gateway.start()
    try:
        assert len(gateway.web.ports) == 1
        assert "smppgw_info" in await fetched(gateway, "/metrics")
    finally:
        await gateway.stop()


@pytest_twisted.ensureDeferred
async def test_a_listener_that_cannot_be_had_leaves_nothing_open(
    place: Place, tmp_path: Path
) -> None:
    taken = f"tcp:{place.port.getHost().port}:interface=127.0.0.1"
    listen = ("tcp:0:interface=127.0.0.1", taken)
    settings = evolve(
        place.settings,
        gateway=GatewaySettings(data_dir=str(tmp_path / "other")),
        smpp=SmppSettings(listen=listen),
    )
    gateway = Gateway(reactor, settings)
    with pytest.raises(CannotListenError):
        await gateway.start()
    assert not gateway.control.path.exists()
    assert not gateway.ports[0].connected  # type: ignore[attr-defined]
    Engine(tmp_path / "other").close()  # its lock is free


@pytest_twisted.ensureDeferred
async def test_changes_are_made_one_after_the_other(place: Place) -> None:
    await place.start()
    gateway = place.gateway
    (carrier,) = place.settings.carriers
    changes = [
        evolve(place.settings, carriers=(evolve(carrier, window=window),)) for window in (3, 4, 5)
    ]
    reloads = [ensureDeferred(gateway.reload(one)) for one in changes]
    said = [await one for one in reloads]
    assert said == [["carrier a: changed, its links bind anew"]] * 3
    await until(lambda: gateway.relay.carriers["a"].usable)
    assert gateway.relay.carriers["a"].window == 5
    assert len(place.carrier.binds) == 1


@pytest_twisted.ensureDeferred
async def test_operators_that_come_and_go_are_said(place: Place) -> None:
    await place.start()
    gateway = place.gateway
    ada = OperatorSettings(name="ada", password="secret")
    with_ada = evolve(place.settings, operators=(*place.settings.operators, ada))
    assert await gateway.reload(with_ada) == ["operator ada: new"]
    assert await gateway.reload(with_ada) == []
    ended: list[str] = []
    viewer = command.Operator("ada", command.Role.VIEW)
    gateway.shell.sessions.open(viewer, "telnet", ended.append)
    assert await gateway.reload(place.settings) == ["operator ada: removed"]
    await until(lambda: bool(ended))
    assert ended[0] == "this operator may not use the shell any more"


@pytest_twisted.ensureDeferred
async def test_a_stop_in_the_middle_of_a_change(place: Place) -> None:
    await place.start()
    _, protocol = await place.esme()
    place.submit(protocol, b"{delay=0.1}x")
    await until(lambda: len(place.carrier.received) == 1)
    (carrier,) = place.settings.carriers
    changed = evolve(place.settings, carriers=(evolve(carrier, window=3),))
    changing = ensureDeferred(place.gateway.reload(changed))
    assert await place.stop() is True
    changing.addErrback(lambda failure: None)
    changing.cancel()
    await until(lambda: place.carrier.binds == [])


# ---------------------------------------------------------------- the first operator


@pytest.fixture
def unattended(tmp_path: Path) -> Callable[[], Gateway]:
    """Makes gateways that listen for operators and have none, in one directory."""
    settings = Settings(
        gateway=GatewaySettings(data_dir=str(tmp_path / "var"), drain_timeout=0.2),
        smpp=SmppSettings(listen=("tcp:0:interface=127.0.0.1",)),
        web=WebSettings(listen=()),
        shell=ShellSettings(listen=("tcp:0:interface=127.0.0.1",)),
    )
    return lambda: Gateway(reactor, settings)


@pytest_twisted.ensureDeferred
async def test_the_first_operator_is_made_once_and_may_log_in(
    unattended: Callable[[], Gateway],
) -> None:
    gateway = unattended()
    told: list[str] = []
    gateway.tell_password = told.append
    await gateway.start()
    (password,) = told
    operator = await gateway.operators.check("admin", password, "127.0.0.1")
    assert (operator.name, operator.role) == ("admin", command.Role.ADMIN)
    await gateway.stop()
    again = unattended()
    again.tell_password = told.append
    await again.start()
    assert told == [password]
    operator = await again.operators.check("admin", password, "127.0.0.1")
    assert operator.role is command.Role.ADMIN
    await again.stop()


@pytest_twisted.ensureDeferred
async def test_a_disk_that_refuses_the_first_operator_does_not_keep_the_gateway_from_starting(
    unattended: Callable[[], Gateway],
) -> None:
    gateway = unattended()
    journal: Any = gateway.store.engine.journal
    append = journal.append

    def full(payload: bytes) -> None:
        raise OSError(ENOSPC, "disk is full")

    journal.append = full
    with capturedLogs() as logs:
        await gateway.start()
    assert not gateway.configuration.editors.dirty(gateway)
    assert any("no first operator could be made" in event["log_format"] for event in logs)
    journal.append = append
    await gateway.stop()
    again = unattended()
    told: list[str] = []
    again.tell_password = told.append
    await again.start()
    assert len(told) == 1
    await again.stop()


@pytest_twisted.ensureDeferred
async def test_no_operator_is_made_when_nobody_could_be_told_its_password(
    unattended: Callable[[], Gateway],
) -> None:
    gateway = unattended()

    def closed(password: str) -> None:
        raise BrokenPipeError(EPIPE, "Broken pipe")

    gateway.tell_password = closed
    with capturedLogs() as logs:
        await gateway.start()
    assert any("no first operator could be made" in event["log_format"] for event in logs)
    assert gateway.settings.operators == ()
    await gateway.stop()
