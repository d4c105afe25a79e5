"""The control socket: framing, limits, one request at a time, faults that stay where they are."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.protocols.basic import LineOnlyReceiver

from smppgw.core.command import CommandError
from smppgw.ops import control
from smppgw.ops.control import Control
from smppgw.ops.desk import Desk

DESK: Any = object()


class Pipe(StringTransport):
    """A transport that tells whether it was aborted."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        self.loseConnection()


class Door:
    """One connection to a set of commands."""

    def __init__(self, **commands: Any) -> None:
        self.clock = Clock()
        self.connections = control._Connections(self.clock, DESK, commands)
        self.pipe = Pipe()
        protocol = self.connections.buildProtocol(None)
        assert protocol is not None
        self.protocol = protocol
        protocol.makeConnection(self.pipe)

    def say(self, *requests: Any) -> list[Any]:
        """What is answered to requests that come in one read."""
        self.protocol.dataReceived(b"".join(json.dumps(one).encode() + b"\n" for one in requests))
        return self.heard()

    def heard(self) -> list[Any]:
        octets = self.pipe.value()
        self.pipe.clear()
        return [json.loads(line) for line in octets.splitlines()]


@pytest.fixture
def failures() -> Iterator[list[Any]]:
    seen: list[Any] = []

    def observe(event: Any) -> None:
        if "log_failure" in event:
            seen.append(event)

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def echo(desk: Desk, arguments: Any) -> Any:
    assert desk is DESK
    return dict(arguments)


def test_a_command_gets_its_arguments_and_answers() -> None:
    door = Door(echo=echo)
    assert door.say({"command": "echo", "id": "é", "n": [1]}) == [
        {"ok": True, "answer": {"id": "é", "n": [1]}}
    ]


def test_requests_in_one_read_are_answered_in_order() -> None:
    door = Door(echo=echo)
    answers = door.say(*({"command": "echo", "n": n} for n in range(50)))
    assert [one["answer"]["n"] for one in answers] == list(range(50))


def test_the_next_request_waits_for_the_answer_to_the_first() -> None:
    waiting: list[Deferred[str]] = []

    def slow(desk: Desk, arguments: Any) -> Deferred[str]:
        waiting.append(Deferred())
        return waiting[-1]

    door = Door(slow=slow, echo=echo)
    assert door.say({"command": "slow"}, {"command": "slow"}, {"command": "echo"}) == []
    assert len(waiting) == 1
    assert door.pipe.producerState == "paused"
    waiting[0].callback("first")
    assert door.heard() == [{"ok": True, "answer": "first"}]
    assert len(waiting) == 2
    waiting[1].callback("second")
    assert [one["answer"] for one in door.heard()] == ["second", {}]
    assert door.pipe.producerState == "producing"


def test_nothing_is_done_for_a_peer_that_does_not_read() -> None:
    done: list[int] = []

    def count(desk: Desk, arguments: Any) -> int:
        done.append(1)
        if len(done) == 2:
            door.protocol.pauseProducing()  # the transport's buffer is full
        return len(done)

    door = Door(count=count)
    door.say(*[{"command": "count"}] * 5)
    assert len(done) == 2
    door.protocol.resumeProducing()
    assert len(done) == 5


@pytest.mark.parametrize(
    "line",
    [b"nonsense", b"[]", b"1", b'"status"', b"", b"\xff\xfe", b"[" * 3000, b"null", b'{"a":'],
)
def test_what_is_no_request_is_refused_and_the_connection_lives(line: bytes) -> None:
    door = Door(echo=echo)
    door.protocol.dataReceived(line + b"\n")
    (answer,) = door.heard()
    assert answer["ok"] is False
    assert "one JSON object per line" in answer["error"]
    assert door.say({"command": "echo"}) == [{"ok": True, "answer": {}}]


@pytest.mark.parametrize("name", [None, "nothing", 1, ["echo"], ""])
def test_an_unknown_command_is_told_what_there_is(name: Any) -> None:
    assert Door(echo=echo, count=echo).say({"command": name}) == [
        {"ok": False, "error": "unknown command; there are: count, echo"}
    ]


def test_a_command_says_in_words_why_it_cannot() -> None:
    def refuse(desk: Desk, arguments: Any) -> None:
        raise CommandError("no such thing")

    assert Door(refuse=refuse).say({"command": "refuse"}) == [
        {"ok": False, "error": "no such thing"}
    ]


def test_a_fault_of_a_command_is_logged_and_not_told(failures: list[Any]) -> None:
    def fail(desk: Desk, arguments: Any) -> None:
        raise RuntimeError("a secret")

    door = Door(fail=fail, echo=echo)
    (answer,) = door.say({"command": "fail"})
    assert answer["ok"] is False
    assert "secret" not in answer["error"]
    assert len(failures) == 1
    assert door.say({"command": "echo"})[0]["ok"]


def test_an_answer_that_json_cannot_say_does_not_stop_the_connection(failures: list[Any]) -> None:
    door = Door(odd=lambda desk, arguments: object(), echo=echo)
    (answer,) = door.say({"command": "odd"})
    assert answer["ok"] is False
    assert len(failures) == 1
    assert door.say({"command": "echo"})[0]["ok"]


def test_an_answer_that_is_too_long_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_ANSWER", 100)
    door = Door(long=lambda desk, arguments: "x" * 100, echo=echo)
    (answer,) = door.say({"command": "long"})
    assert answer == {"ok": False, "error": "the answer has more than 100 octets"}


def test_a_line_that_is_too_long_ends_the_connection() -> None:
    door = Door(echo=echo)
    door.protocol.dataReceived(b"x" * (control.MAX_REQUEST + 2))
    (answer,) = door.heard()
    assert "4096 octets" in answer["error"]
    assert door.pipe.disconnecting


def test_silence_ends_the_connection_and_a_request_prolongs_it() -> None:
    door = Door(echo=echo)
    door.clock.advance(control.IDLE - 1)
    door.say({"command": "echo"})
    door.clock.advance(control.IDLE - 1)
    assert not door.pipe.aborted
    door.clock.advance(1)
    assert door.pipe.aborted


def test_a_connection_that_ends_leaves_nothing() -> None:
    waiting: Deferred[int] = Deferred()
    door = Door(slow=lambda desk, arguments: waiting)
    door.say({"command": "slow"})
    door.protocol.connectionLost()
    door.protocol.connected = 0
    waiting.callback(1)
    assert door.heard() == []
    assert door.clock.getDelayedCalls() == []
    assert door.connections.connections == set()


def test_too_many_connections_are_turned_away() -> None:
    connections = control._Connections(Clock(), DESK, {})
    for _ in range(control.MAX_CONNECTIONS):
        protocol = connections.buildProtocol(None)
        assert protocol is not None
        protocol.makeConnection(Pipe())
    assert connections.buildProtocol(None) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.text()), max_size=8), st.data())
def test_the_way_octets_arrive_does_not_matter(requests: list[Any], data: st.DataObject) -> None:
    door = Door(echo=echo)
    octets = b"".join(json.dumps({**one, "command": "echo"}).encode() + b"\n" for one in requests)
    while octets:
        size = data.draw(st.integers(1, len(octets)))
        door.protocol.dataReceived(octets[:size])
        octets = octets[size:]
    for one in requests:
        one.pop("command", None)
    assert [one["answer"] for one in door.heard()] == requests


# ---------------------------------------------------------------------- on a real socket


class Caller(LineOnlyReceiver):
    """Asks once and keeps the answer."""

    delimiter = b"\n"

    def __init__(self) -> None:
        self.answer: Deferred[Any] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        self.answer.callback(json.loads(line))


async def ask(path: Path, request: Any) -> Any:
    caller = await connectProtocol(UNIXClientEndpoint(reactor, str(path)), Caller())
    caller.sendLine(json.dumps(request).encode())
    answer = await caller.answer
    caller.transport.loseConnection()
    return answer


@pytest_twisted.ensureDeferred
async def test_it_listens_privately_and_leaves_nothing_behind(tmp_path: Path) -> None:
    door = Control(reactor, tmp_path, DESK, {"echo": echo})
    door.start()
    mode = (tmp_path / "control").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert await ask(tmp_path / "control", {"command": "echo", "a": 1}) == {
        "ok": True,
        "answer": {"a": 1},
    }
    await door.stop()
    assert list(tmp_path.iterdir()) == []
    await door.stop()


@pytest_twisted.ensureDeferred
async def test_the_socket_of_a_gateway_that_died_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control"))
    door = Control(reactor, tmp_path, DESK, {"echo": echo})
    door.start()
    assert (await ask(tmp_path / "control", {"command": "echo"}))["ok"]
    await door.stop()


def test_a_file_in_the_way_is_kept(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("somebody's")
    with pytest.raises(FileExistsError, match="no socket"):
        Control(reactor, tmp_path, DESK, {}).start()
    assert (tmp_path / "control").read_text() == "somebody's"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    os.symlink(tmp_path / "elsewhere", tmp_path / "control")
    with pytest.raises(FileExistsError):
        Control(reactor, tmp_path, DESK, {}).start()


def test_a_path_too_long_for_a_socket_is_an_error(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with pytest.raises(OSError, match="too long"):
        Control(reactor, deep, DESK, {}).start()


@pytest_twisted.ensureDeferred
async def test_a_stop_drops_who_is_connected_and_waits_for_who_works(tmp_path: Path) -> None:
    working: Deferred[int] = Deferred()
    door = Control(reactor, tmp_path, DESK, {"slow": lambda desk, arguments: working})
    door.start()
    lost: Deferred[None] = Deferred()

    class Waiting(Caller):
        def connectionLost(self, reason: Any = None) -> None:
            lost.callback(None)

    caller = await connectProtocol(UNIXClientEndpoint(reactor, str(door.path)), Waiting())
    caller.sendLine(b'{"command": "slow"}')
    await ask(door.path, {"command": "x"})  # the first one is known by now
    stopping = door.stop()
    await lost
    assert not stopping.called
    working.callback(1)
    await stopping
    assert not door.path.exists()


def test_a_stop_does_not_wait_for_ever() -> None:
    door = Door(never=lambda desk, arguments: Deferred())
    door.say({"command": "never"})
    server = Control(door.clock, Path("nowhere"), DESK, {})
    server._factory = door.connections
    stopping = server.stop()
    door.clock.advance(control.GRACE - 0.1)
    assert not stopping.called
    door.clock.advance(0.1)
    assert stopping.called
    assert door.connections._waiting == []
