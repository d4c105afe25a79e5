"""Telnet: logins with every kind of client, limits, garbage, a hundred operators."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal_kit import House, Screen, settle
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from smppgw.core.command import Command, Live, Operator, Role, text
from smppgw.ops.operators import NEUTRAL, TRIES, Refused
from smppgw.ops.shell.crowd import MOST_FROM_ONE, MOST_TELNET
from smppgw.ops.shell.iac import DO, DONT, ECHO, IAC, NAWS, SB, SE, SGA, WILL, WONT
from smppgw.ops.shell.login import LOGIN_TIME, MOST_AHEAD, MOST_QUESTIONS
from smppgw.ops.shell.outlet import GOODBYE
from smppgw.ops.shell.telnet import (
    TelnetConnection,
    TelnetFactory,
)

OFFERS = bytes((IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, NAWS))
AGREED = bytes((IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, NAWS))
REFUSED = bytes((IAC, DONT, ECHO, IAC, DONT, SGA, IAC, WONT, NAWS))


class Keeper:
    """Knows one operator; `held` makes it wait for the test."""

    def __init__(self) -> None:
        self.checked: list[tuple[str, str, str]] = []
        self.held: list[Deferred[Operator | Refused]] | None = None
        self.broken = False
        self.gone = False

    def check(self, name: str, password: str, source: str) -> Deferred[Operator | Refused]:
        self.checked.append((name, password, source))
        if self.broken:
            return fail(OSError("no threads"))
        if self.held is not None:
            self.held.append(Deferred())
            return self.held[-1]
        if (name, password) == ("ops", "right"):
            return succeed(Operator(name, Role.ADMIN, source))
        return succeed(Refused("wrong password", name))

    def now(self, operator: Operator) -> Operator | None:
        return None if self.gone else operator


class Book:
    """An audit that keeps who came and who did not."""

    def __init__(self) -> None:
        self.logins: list[tuple[str, str]] = []
        self.refusals: list[tuple[str, str, str]] = []

    def login(self, operator: Operator, session: object, door: str) -> None:
        self.logins.append((operator.name, door))

    def refused(self, refused: Refused, source: str, door: str) -> None:
        self.refusals.append((refused.reason, source, door))


class Client:
    """A peer; `value` is what it was sent."""

    def __init__(self, tower: Tower, host: str = "10.0.0.1", agrees: bool = False) -> None:
        self.clock = tower.clock
        self.transport = StringTransport()
        self.screen = Screen()
        built = tower.factory.buildProtocol(IPv4Address("TCP", host, 40000))
        assert built is not None
        self.connection: TelnetConnection = built
        self.connection.makeConnection(self.transport)
        if agrees:
            self.send(AGREED)

    def send(self, said: bytes | str) -> bytes:
        """Send, and take what comes."""
        self.take()
        self.connection.dataReceived(said.encode() if isinstance(said, str) else said)
        settle(self.clock)
        return self.take()

    def take(self) -> bytes:
        value: bytes = self.transport.value()
        self.transport.clear()
        self.screen.feed(value.replace(OFFERS, b""))
        return value

    @property
    def closed(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)

    def lost(self) -> None:
        self.connection.connectionLost(Failure(ConnectionDone()))


class Tower:
    """A telnet door in memory."""

    def __init__(self, directory: Path) -> None:
        self.emit: list[Any] = []

        def begin(emit: Any, done: Any) -> Any:
            self.emit.append(emit)
            return lambda: self.emit.remove(emit)

        self.house = House(
            directory,
            [
                Command(("echo",), lambda call: text("it is so"), "says so"),
                Command(("tail",), lambda call: Live(begin), "goes on"),
                Command(("long",), lambda call: text(*["x" * 70] * 1000), "says much"),
            ],
        )
        self.clock = self.house.clock
        self.keeper = Keeper()
        self.book = Book()
        self.factory = TelnetFactory(self.house.shell, self.keeper, self.book)  # type: ignore[arg-type]

    def client(self, **more: Any) -> Client:
        return Client(self, **more)


@pytest.fixture
def tower(tmp_path: Path) -> Tower:
    return Tower(tmp_path)


def test_a_client_that_knows_nothing_of_options(tower: Tower) -> None:
    client = tower.client()
    assert client.take() == OFFERS + b"Username: "
    assert client.send("ops\n") == b"Password: "
    assert client.send("right\n") == b"smppgw> "
    assert client.send("echo\n") == b"it is so\r\nsmppgw> "
    assert client.send("exit\n") == b"goodbye\r\n"
    assert client.closed
    assert tower.book.logins == [("ops", "telnet")]
    assert tower.keeper.checked == [("ops", "right", "10.0.0.1")]


def test_a_client_that_refuses_everything(tower: Tower) -> None:
    client = tower.client()
    client.send(REFUSED)
    client.send("ops\r\nright\r\n")
    assert client.send("echo\r\0") == b"it is so\r\nsmppgw> "


def test_a_script_that_does_not_wait(tower: Tower) -> None:
    client = tower.client()
    tower.keeper.held = []
    client.send(b"ops\nright\necho\n\nexit\n")
    client.connection.readConnectionLost()
    assert not client.closed
    tower.keeper.held[0].callback(Operator("ops", Role.VIEW, "10.0.0.1"))
    settle(tower.clock)
    assert client.take().endswith(b"it is so\r\nsmppgw> smppgw> goodbye\r\n")
    assert client.closed


def test_a_telnet_client(tower: Tower) -> None:
    client = tower.client(agrees=True)
    client.take()
    assert client.screen.rows == ["Username:"]
    for octet in b"oqs\x7f\x7fps\r\0":
        client.send(bytes((octet,)))
    assert client.screen.rows == ["Username: ops", "Password:"]
    assert client.send(b"wr\x7fi\x7f\x7fright") == b""  # not a thing is shown
    client.send(bytes((IAC, SB, NAWS, 0, 40, 0, 10, IAC, SE)))
    client.send(b"\r\0")
    assert client.screen.rows[-1] == "smppgw>"
    client.send(b"ec\t\r\0")
    assert client.screen.rows[-3:] == ["smppgw> echo", "it is so", "smppgw>"]
    client.send(b"long\r\0")
    assert client.screen.rows[-1].startswith("--more--")
    client.send(bytes((IAC, 244)) + bytes((IAC, DO, 6)))
    assert client.screen.rows[-1] == "smppgw>"


def test_a_client_that_agrees_late(tower: Tower) -> None:
    client = tower.client()
    client.send("ops\n")
    client.send(AGREED)
    assert client.send(b"right") == b""
    client.send(b"\r")
    assert client.screen.rows[-1] == "smppgw>"
    other = tower.client()
    other.send("ops\nright\n")
    assert b"\x1b" not in other.send("echo\n")
    other.send(AGREED)
    assert b"\x1b[K" in other.send("ec\to\r")


def test_octets_of_the_terminal_in_pieces(tower: Tower) -> None:
    client = tower.client(agrees=True)
    for octet in b"ops\rright\recho \xc3\xa9\x1b[D\x7f" + AGREED + b"\x05\x15echo\r":
        client.send(bytes((octet,)))
    assert client.screen.rows[-2:] == ["it is so", "smppgw>"]


def test_are_you_there(tower: Tower) -> None:
    assert b"[smppgw: yes]" in tower.client().send(bytes((IAC, 246)))


# ---------------------------------------------------------------- refusals


def refuse(tower: Tower, client: Client, seconds: float) -> bytes:
    client.send("ops\nwrong\n")
    tower.clock.advance(seconds - 0.1)
    assert client.take() == b""
    tower.clock.advance(0.1)
    return client.take()


def test_three_tries_each_slower_than_the_one_before(tower: Tower) -> None:
    client = tower.client()
    said = f"{NEUTRAL}\r\n".encode()
    assert refuse(tower, client, 1) == said + b"Username: "
    assert refuse(tower, client, 2) == said + b"Username: "
    assert refuse(tower, client, 3) == said
    assert client.closed
    assert TRIES == 3
    assert tower.book.refusals == [("wrong password", "10.0.0.1", "telnet")] * 3
    client.connection.dataReceived(b"ops\nright\n")
    assert len(tower.keeper.checked) == 3


def test_guesses_sent_at_once_are_as_slow(tower: Tower) -> None:
    client = tower.client()
    client.send(b"ops\nwrong\n" * 1000)
    assert len(tower.keeper.checked) == 1
    assert len(client.connection._login._ahead) <= MOST_AHEAD
    tower.clock.pump([1.0] * 20)
    assert len(tower.keeper.checked) == 3
    assert client.closed


def test_more_than_is_kept_waits_with_the_peer(tower: Tower) -> None:
    client = tower.client()
    tower.keeper.held = []
    client.send(b"ops\nright\n" + b"echo\n" * (MOST_AHEAD // 4))
    assert client.transport.producerState == "paused"
    tower.keeper.held[0].callback(Operator("ops", Role.VIEW, "10.0.0.1"))
    assert client.take().count(b"it is so") == 1  # and other sessions come first
    settle(tower.clock)
    assert client.transport.producerState == "producing"


def test_empty_answers_come_to_an_end(tower: Tower) -> None:
    client = tower.client()
    said = client.send(b"\n" * 100_000)
    assert said.count(b"Username") == MOST_QUESTIONS - 1
    assert client.closed


def test_a_check_that_fails_is_a_refusal(tower: Tower) -> None:
    tower.keeper.broken = True
    client = tower.client()
    with capturedLogs() as logs:
        client.send("ops\nright\n")
    assert [event for event in logs if event.get("log_failure")]
    assert tower.book.refusals[0][0] == "it could not be checked"


def test_the_time_to_log_in_is_limited(tower: Tower) -> None:
    client = tower.client()
    client.send("ops\n")
    tower.clock.advance(LOGIN_TIME)
    assert b"The time to log in is over" in client.take()
    assert client.closed
    tower.clock.advance(GOODBYE)
    assert client.transport.disconnected
    client.lost()
    assert tower.clock.getDelayedCalls() == []


def test_the_peer_goes_while_its_password_is_checked(tower: Tower) -> None:
    tower.keeper.held = []
    client = tower.client()
    client.send("ops\nright\n")
    client.lost()
    assert tower.keeper.held[0].called
    assert tower.house.shell.sessions.all() == []
    assert tower.factory.connections == set()
    assert tower.clock.getDelayedCalls() == []


@pytest.mark.parametrize("end", [b"\x04", bytes((IAC, 236))])
def test_leaving_before_the_login(tower: Tower, end: bytes) -> None:
    client = tower.client(agrees=True)
    client.send(end)
    assert client.closed


def test_ctrl_c_begins_with_the_name_again(tower: Tower) -> None:
    client = tower.client(agrees=True)
    client.send("ops\r")
    client.send(b"righ\x03")
    assert client.screen.row == "Username:"
    client.send(bytes((IAC, 244)))
    client.send("ops\rright\r")
    assert client.screen.row == "smppgw>"


def test_no_session_is_left(tower: Tower) -> None:
    for _ in range(100):
        tower.house.open()
    client = tower.client()
    assert b"too many sessions" in client.send("ops\nright\n")
    assert client.closed


def test_an_operator_who_was_taken_out(tower: Tower) -> None:
    client = tower.client()
    client.send("ops\nright\n")
    tower.keeper.gone = True
    assert b"may not use the shell" in client.send("echo\n")
    assert client.closed


# ---------------------------------------------------------------- limits


def test_connections_are_limited(tower: Tower) -> None:
    for place in range(MOST_TELNET):
        tower.client(host=f"10.0.{place}.1")
    assert tower.factory.buildProtocol(IPv4Address("TCP", "10.1.0.1", 1)) is None


def test_connections_from_one_address_are_limited(tower: Tower) -> None:
    for _ in range(MOST_FROM_ONE):
        tower.client(host="10.0.0.1")
    assert tower.factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 1)) is None
    for _ in range(MOST_FROM_ONE + 1):
        tower.client(host="127.0.0.1")
    for client in list(tower.factory.connections):
        client.connectionLost(Failure(ConnectionDone()))
    tower.client(host="10.0.0.1")


def test_one_site_has_many_addresses_and_no_more_connections(tower: Tower) -> None:
    for place in range(MOST_FROM_ONE):
        tower.client(host=f"2001:db8::{place}")
    assert tower.factory.buildProtocol(IPv6Address("TCP", "2001:db8::ffff", 1)) is None
    tower.client(host="2001:db8:0:1::1")


def test_who_asks_for_options_without_reading_the_answers_is_cut_off(tower: Tower) -> None:
    client = tower.client()
    client.connection.pauseProducing()
    client.send(bytes((IAC, DO, 99)))
    assert client.transport.disconnected


def test_a_fault_of_ours_ends_this_connection_only(tower: Tower) -> None:
    client, other = tower.client(), tower.client()
    client.connection._login.received = lambda octets: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    with capturedLogs():
        client.send("ops\n")
    assert client.transport.disconnected
    other.send("ops\nright\n")
    assert other.send("echo\n") == b"it is so\r\nsmppgw> "


def test_everything_is_closed_at_the_end(tower: Tower) -> None:
    client, other = tower.client(), tower.client()
    client.send("ops\nright\n")
    tower.house.shell.sessions.close("the gateway stops")
    assert client.take().endswith(b"the gateway stops\r\n")
    assert client.closed
    assert not other.closed
    tower.factory.close()
    assert other.closed


def test_a_hundred_operators_of_whom_fifty_read_nothing(tower: Tower) -> None:
    clients = [tower.client(host=f"10.0.{place}.1", agrees=True) for place in range(100)]
    for client in clients:
        client.send("ops\rright\rtail\r")
    stuck, reading = clients[:50], clients[50:]
    for client in stuck:
        client.take()
        client.connection.pauseProducing()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(30):
        for emit in list(tower.emit):
            emit(["x" * 500] * 10)
        for client in reading:
            client.transport.clear()
        for client in stuck:  # they type all the same
            client.connection.dataReceived(b"long\r" * 20)
        settle(tower.clock)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 50 * 400_000
    assert all(client.transport.value() == b"" for client in stuck)
    for client in reading:
        client.send(b"\x03")
        client.send(b"echo\r")
        assert client.screen.rows[-2:] == ["it is so", "smppgw>"]
    tower.clock.advance(300)
    assert all(client.transport.disconnected for client in stuck)


# ---------------------------------------------------------------- garbage

GARBAGE = st.one_of(
    st.binary(max_size=30),
    st.lists(st.integers(236, 255), max_size=10).map(bytes),
    st.sampled_from([b"ops\r", b"ops\n", b"wrong\r\n", b"\x03", b"\x04", AGREED, REFUSED, b"\x1b[A",
                     b"\x1b[200~", b"\x1b[201~", b"?", b"\t", b"\x12", bytes((IAC, SB, NAWS))]),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(GARBAGE, max_size=20))
def test_no_garbage_gets_past_the_login(
    tmp_path_factory: pytest.TempPathFactory, reads: list[bytes]
) -> None:
    tower = Tower(tmp_path_factory.mktemp("fuzz"))
    client = tower.client()
    with capturedLogs() as logs:
        for octets in reads:
            if client.closed:
                break
            client.connection.dataReceived(octets)
            tower.clock.advance(1)
        client.lost()
    assert [event for event in logs if event.get("log_failure")] == []
    assert tower.house.shell.sessions.all() == []
    assert tower.book.logins == []
    assert len(tower.keeper.checked) <= TRIES
    assert tower.clock.getDelayedCalls() == []


@settings(max_examples=100)
@given(st.lists(GARBAGE, max_size=20), st.booleans())
def test_no_garbage_harms_a_session(
    tmp_path_factory: pytest.TempPathFactory, reads: list[bytes], agrees: bool
) -> None:
    tower = Tower(tmp_path_factory.mktemp("fuzz"))
    client = tower.client(agrees=agrees)
    client.send("ops\rright\r")
    with capturedLogs() as logs:
        for octets in reads:
            if not client.closed:
                client.connection.dataReceived(octets)
        client.lost()
    assert [event for event in logs if event.get("log_failure")] == []
    assert tower.clock.getDelayedCalls() == []
