"""The socket for this machine: terminals and batches over JSON lines."""

from __future__ import annotations

import json
import os
import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_kit import House, Screen, settle
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IWriteDescriptor
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from zope.interface import implementer

from smppgw.core.command import Argument, Call, Command, Live, Operator, Role, text
from smppgw.ops.shell.local import (
    MAX_OBJECT,
    MOST_CONNECTIONS,
    LocalConnection,
    LocalFactory,
    user_name,
)
from smppgw.ops.shell.sessions import LOST


class Book:
    """An audit that keeps who came."""

    def __init__(self) -> None:
        self.logins: list[tuple[str, Role, str, str]] = []

    def login(self, operator: Operator, session: object, door: str) -> None:
        self.logins.append((operator.name, operator.role, operator.peer, door))


class Socket:
    """What says who is on the other side."""

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
        return struct.pack("3i", 1234, 4321, 100)


class Hatch:
    """The door in memory."""

    def __init__(self, directory: Path) -> None:
        self.emit: list[Any] = []
        self.dirty: set[object] = set()

        def begin(emit: Any, done: Any) -> Any:
            self.emit.append(emit)
            return lambda: self.emit.remove(emit)

        what = Argument("what", "it", positional=True)
        self.house = House(
            directory,
            [
                Command(("echo",), lambda call: text(f"it is {call.text('what')}"), "", (what,)),
                Command(("tail",), lambda call: Live(begin), ""),
                Command(("long",), lambda call: text(*["x" * 70] * 10_000), ""),
                Command(("longer",), lambda call: text(*["x" * 70] * 80_000), ""),
                Command(("break",), self._break, ""),
                Command(("drop",), lambda call: text(), "", touches=lambda call: "drop all"),
            ],
            dirty=lambda session: session in self.dirty,
        )
        self.names: list[Deferred[str]] | None = None
        self.book = Book()
        self.factory = LocalFactory(self.house.shell, self.book, self._in_thread)  # type: ignore[arg-type]

    def _break(self, call: Call) -> Any:
        raise KeyError("ours")

    def _in_thread(self, function: Any, uid: int) -> Deferred[str]:
        assert uid == 4321
        if self.names is not None:
            self.names.append(Deferred())
            return self.names[-1]
        return succeed("alice")

    def client(self, transport: Any = None) -> Client:
        return Client(self, transport or StringTransport())


class Client:
    """A process that has connected."""

    def __init__(self, hatch: Hatch, transport: Any) -> None:
        self.clock = hatch.house.clock
        self.transport = transport
        self.transport.socket = Socket()  # type: ignore[attr-defined]
        built = hatch.factory.buildProtocol(None)
        assert built is not None
        self.connection: LocalConnection = built
        self.connection.makeConnection(self.transport)

    def send(self, **said: Any) -> list[dict[str, Any]]:
        return self.raw(json.dumps(said).encode() + b"\n")

    def raw(self, octets: bytes) -> list[dict[str, Any]]:
        self.connection.dataReceived(octets)
        settle(self.clock)
        return self.take()

    def take(self) -> list[dict[str, Any]]:
        value: bytes = self.transport.value()
        self.transport.clear()
        return [json.loads(line) for line in value.split(b"\n") if line]

    def lost(self) -> None:
        self.connection.connectionLost(Failure(ConnectionDone()))

    @property
    def closed(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)


@pytest.fixture
def hatch(tmp_path: Path) -> Hatch:
    return Hatch(tmp_path)


OK = {"done": {"code": "", "text": "", "ms": 0.0}}


def test_a_batch(hatch: Hatch) -> None:
    client = hatch.client()
    client.send(batch={"width": 0})
    assert client.send(line="echo one") == [{"out": "it is one\n"}, OK]
    assert client.send(line='echo "é\n\t\udc80漢"') == [{"out": "it is é\n 漢\n"}, OK]
    assert client.send(line="ecko") == [
        {
            "done": {
                "code": "unknown",
                "text": "there is no 'ecko'; did you mean 'echo'?",
                "ms": 0.0,
            }
        }
    ]
    assert client.send(line="drop")[0]["done"]["code"] == "confirm"
    with capturedLogs():
        assert client.send(line="break")[0]["done"]["code"] == "failed"
    assert client.send(line="") == [OK]
    assert client.send(line="exit") == [OK, {"closed": "goodbye"}]
    assert client.closed
    assert hatch.book.logins == [("alice", Role.ADMIN, "local", "local")]
    assert {entry[0] for entry in hatch.house.notes.entries} == {"alice"}


@implementer(IWriteDescriptor)
class Descriptor(StringTransport):
    """A transport that tells when it is asked to write at once, and what it holds then."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def doWrite(self) -> None:
        self.written.append(self.value())


def test_the_end_of_a_line_leaves_in_the_same_turn(hatch: Hatch) -> None:
    client = hatch.client(Descriptor())
    written = client.transport.written
    client.send(batch={"width": 0})
    assert written == []
    client.send(line="echo one")
    assert [one.split(b"\n")[0] for one in written] == [b'{"out": "it is one\\n"}']
    assert written[0].endswith(json.dumps(OK).encode() + b"\n")
    client.connection.pauseProducing()
    assert client.send(line="whatever") == []
    client.connection.resumeProducing()
    client.take()
    written.clear()
    client.send(line="exit")
    assert len(written) == 1
    assert client.closed


def test_a_batch_that_ends_with_edits_says_that_they_are_lost(hatch: Hatch) -> None:
    dirty = hatch.dirty
    for last in ({"end": True}, {"line": "exit"}):
        client = hatch.client()
        client.send(batch={})
        (session,) = hatch.house.shell.sessions.all()
        dirty.add(session)
        assert client.send(line="echo one")[-1] == OK
        *_, lost, closed = client.send(**last)
        assert lost == {
            "lost": f"ERR uncommitted {LOST}: end with commit, or with discard",
        }
        assert closed == {"closed": "goodbye" if "line" in last else ""}
        assert client.closed
    client = hatch.client()
    client.send(batch={})
    assert client.send(end=True) == [{"closed": ""}]


def test_a_batch_that_goes_on_until_it_is_interrupted(hatch: Hatch) -> None:
    client = hatch.client()
    client.send(batch={})
    assert client.send(line="tail") == []
    hatch.emit[0](["one", "two"])
    assert client.take() == [{"out": "one\ntwo\n"}]
    assert client.send(interrupt=True)[0]["done"]["code"] == "aborted"
    assert hatch.emit == []
    assert client.send(interrupt=True) == []
    assert client.send(line="echo one")[-1] == OK


def test_a_batch_whose_client_does_not_read(hatch: Hatch) -> None:
    client = hatch.client()
    client.send(batch={})
    client.connection.pauseProducing()
    assert client.send(line="long") == []
    client.connection.resumeProducing()
    said = client.take()
    assert said[-1] == OK
    assert sum(one.get("out", "").count("\n") for one in said) == 10_000


def test_an_answer_of_a_batch_is_never_cut(hatch: Hatch) -> None:
    """A terminal gets at most 4 MiB of it; a script would take the rest for all."""
    client = hatch.client()
    client.send(batch={})
    said = client.send(line="longer")
    assert said[-1] == OK
    assert sum(one.get("out", "").count("\n") for one in said) == 80_000


def test_a_batch_says_goodbye_when_all_was_read(hatch: Hatch) -> None:
    client = hatch.client()
    client.send(batch={})
    client.connection.pauseProducing()
    assert client.send(line="exit") == []
    client.connection.resumeProducing()
    assert client.take() == [OK, {"closed": "goodbye"}]


def test_two_lines_at_once_are_not_taken(hatch: Hatch) -> None:
    client = hatch.client()
    client.send(batch={})
    client.send(line="tail")
    assert client.send(line="echo one") == [{"closed": "ERR busy another line is at work"}]
    assert client.closed
    client.lost()
    assert hatch.emit == []


def test_a_terminal(hatch: Hatch) -> None:
    client, screen = hatch.client(), Screen(40, 10)

    def show(said: list[dict[str, Any]]) -> list[str]:
        for one in said:
            screen.feed(one.get("out", "").encode())
        return screen.rows

    assert show(client.send(terminal={"width": 40, "height": 10})) == ["smppgw>"]
    client_said = client.send(keys="echo é\r".encode().decode("latin-1"))
    assert show(client_said) == ["smppgw> echo é", "it is é", "smppgw>"]
    assert show(client.send(keys="tail\r"))[-2:] == ["smppgw> tail", ""]
    assert show(client.send(interrupt=True))[-2:] == ["^C", "smppgw>"]
    client.send(size=[80, 24])
    assert client.connection._talk.width == 80  # type: ignore[union-attr]
    said = client.send(keys="\x04")
    assert said[-1] == {"closed": ""}
    assert client.closed


def test_a_terminal_whose_keyboard_ends(hatch: Hatch) -> None:
    client = hatch.client()
    client.send(terminal={"dumb": True})
    said = client.send(keys="echo one\n")
    assert said == [{"out": "it is one\r\n"}, {"out": "smppgw> "}]
    assert client.send(end=True) == [{"closed": ""}]


def test_nothing_is_read_before_it_is_known_who_it_is(hatch: Hatch) -> None:
    hatch.names = []
    client = hatch.client()
    assert client.transport.producerState == "paused"
    hatch.names[0].callback("bob")
    assert client.transport.producerState == "producing"
    client.send(batch={})
    assert hatch.book.logins[0][0] == "bob"


def test_who_cannot_be_known_does_not_come_in(hatch: Hatch) -> None:
    class Broken:
        def getsockopt(self, *_: object) -> bytes:
            raise OSError("not here")

    transport = StringTransport()
    transport.socket = Broken()  # type: ignore[attr-defined]
    connection = hatch.factory.buildProtocol(None)
    assert connection is not None
    with capturedLogs():
        connection.makeConnection(transport)
    assert transport.disconnected


def test_names_of_users() -> None:
    assert user_name(os.getuid())
    assert user_name(3_999_999_999) == "uid 3999999999"


@pytest.mark.parametrize(
    "octets",
    [
        b"nonsense\n",
        b"[]\n",
        b"{}\n",
        b'{"batch": 3}\n',
        b'{"terminal": {"width": "x"}}\n',
        b'{"batch": {}}\n{"lin": 1}\n',
        b'{"terminal": {}}\n{"keys": "\\u20ac"}\n',
        b'{"terminal": {}}\n{"size": [1]}\n',
        b"[" * 100_000 + b"\n",
        b"x" * (MAX_OBJECT + 10),
    ],
)
def test_what_is_not_understood_ends_the_connection(hatch: Hatch, octets: bytes) -> None:
    client = hatch.client()
    with capturedLogs() as logs:
        client.raw(octets)
    assert client.closed
    client.lost()
    assert hatch.house.shell.sessions.all() == []
    assert [event for event in logs if event.get("log_failure")] == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
NAMES = st.sampled_from(["terminal", "batch", "line", "keys", "size", "end", "interrupt", "x"])


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=3), max_size=6), st.booleans())
def test_no_object_does_harm(
    tmp_path_factory: pytest.TempPathFactory, said: list[dict[str, Any]], batch: bool
) -> None:
    hatch = Hatch(tmp_path_factory.mktemp("fuzz"))
    client = hatch.client()
    client.send(**({"batch": {}} if batch else {"terminal": {}}))
    with capturedLogs() as logs:
        for one in said:
            if not client.closed:
                client.send(**one)
        client.lost()
    assert [event for event in logs if event.get("log_failure")] == []
    assert hatch.house.shell.sessions.all() == []
    assert hatch.house.clock.getDelayedCalls() == []


def test_connections_are_limited(hatch: Hatch) -> None:
    for _ in range(MOST_CONNECTIONS):
        hatch.client()
    assert hatch.factory.buildProtocol(None) is None
    hatch.factory.close()


def test_the_end_of_the_gateway(hatch: Hatch) -> None:
    batch, terminal = hatch.client(), hatch.client()
    batch.send(batch={})
    batch.send(line="tail")
    terminal.send(terminal={})
    hatch.house.shell.sessions.close("the gateway stops")
    assert batch.take()[-1] == {"closed": "the gateway stops"}
    assert terminal.take()[-1] == {"closed": ""}
    assert hatch.emit == []
