"""The control socket: commands from this machine to a running gateway.

Owns: a UNIX stream socket in the data directory (mode 0600), its framing and its limits. One JSON
object per line asks (`{"command": "status", ...}`), one JSON object per line answers:
`{"ok": true, "answer": ...}` or `{"ok": false, "error": "..."}`.
Refuses to know: what commands there are. They come as a registry of plain functions, which other
doors for operators can share.

Who may open the file may ask: the data directory is the gateway's own, and so is the socket.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from smppgw.core.command import CommandError
from smppgw.ops.desk import Desk

SOCKET = "control"
"""Name of the socket in the data directory."""
LONGEST_PATH = 103
"""Octets of a socket's path that every system takes."""
MAX_REQUEST = 4096
"""Octets of a request."""
MAX_ANSWER = 4 * 1024 * 1024
"""Octets of an answer; a command that has more to say leaves something out."""
MAX_CONNECTIONS = 32
GRACE = 10.0
"""Seconds that a stop waits for commands at work."""
IDLE = 60.0
"""Seconds of silence after which a connection is closed."""

log = Logger()


Command = Callable[[Desk, Mapping[str, Any]], Any]
"""(desk, arguments) -> anything that JSON can say, or a Deferred of it; raises CommandError."""


class Control:
    """Answers requests at `directory/control`."""

    def __init__(
        self, reactor: Any, directory: Path, desk: Desk, commands: Mapping[str, Command]
    ) -> None:
        self.path = directory / SOCKET
        self._reactor = reactor
        self._factory = _Connections(reactor, desk, commands)
        self._port: IListeningPort | None = None

    def start(self) -> None:
        """Listen; what a gateway that died left behind is replaced.

        The caller holds the lock of the directory, so nobody listens there. Raises OSError or
        CannotListenError.
        """
        self._port = listen_here(self._reactor, self.path, self._factory)

    def stop(self) -> Deferred[Any]:
        """Close the socket and every connection.

        Fires when the file is gone and no command is at work any more, or does not end in time.
        """
        port, self._port = self._port, None
        for connection in list(self._factory.connections):
            connection.abort()
        closed = succeed(None) if port is None else maybeDeferred(port.stopListening)
        quiet = self._factory.quiet()
        quiet.addTimeout(GRACE, self._reactor)
        return DeferredList([closed, quiet], consumeErrors=True)


def listen_here(reactor: Any, path: Path, factory: Factory) -> IListeningPort:
    """Listen at a UNIX socket that only its owner may open (0600); an old one is replaced.

    Raises OSError or CannotListenError.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OSError(f"{path} is too long for a socket: choose a shorter data_dir")
    if path.is_symlink() or path.exists():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is in the way: it is no socket")
        path.unlink()
    mask = os.umask(0o177)
    try:
        port: IListeningPort = reactor.listenUNIX(str(path), factory, mode=0o600)
    finally:
        os.umask(mask)
    return port


class _Connections(Factory):
    """Open connections, and what they may ask."""

    noisy = False

    def __init__(self, clock: Any, desk: Desk, commands: Mapping[str, Command]) -> None:
        self.clock = clock
        self.desk = desk
        self.commands = commands
        self.connections: set[_Connection] = set()
        self._working = 0
        self._waiting: list[Deferred[None]] = []

    def begun(self) -> None:
        """A command is at work."""
        self._working += 1

    def ended(self) -> None:
        """It has answered, or failed."""
        self._working -= 1
        if not self._working:
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one.callback(None)

    def quiet(self) -> Deferred[None]:
        """Fires when no command is at work."""
        if not self._working:
            return succeed(None)
        self._waiting.append(Deferred(self._waiting.remove))
        return self._waiting[-1]

    def buildProtocol(self, addr: IAddress | None) -> _Connection | None:
        """A connection, or none when there are too many."""
        if len(self.connections) >= MAX_CONNECTIONS:
            return None
        return _Connection(self)


class _Connection(LineReceiver):
    """One connection: one request at a time, nothing read while an answer is unread."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_REQUEST

    def __init__(self, connections: _Connections) -> None:
        self._connections = connections
        self._answering = False
        self._full = False
        self._idle: Any = None

    @property
    def _transport(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        self._connections.connections.add(self)
        self._transport.registerProducer(self, True)
        self._idle = self._connections.clock.callLater(IDLE, self.abort)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.connected = 0
        self._connections.connections.discard(self)
        if self._idle is not None and self._idle.active():
            self._idle.cancel()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abortConnection()

    # The transport's word on its buffer, and ours: either is a reason not to read.

    def pauseProducing(self) -> None:
        self._full = True
        self._read_or_not()

    def resumeProducing(self) -> None:
        self._full = False
        self._read_or_not()

    def stopProducing(self) -> None:
        """The transport has gone."""

    def _read_or_not(self) -> None:
        if self._answering or self._full:
            self.paused = True
            self._transport.pauseProducing()
        elif self.paused:
            self.paused = False
            self._transport.resumeProducing()
            self.dataReceived(b"")  # type: ignore[no-untyped-call]

    def lineReceived(self, line: bytes) -> None:
        self._idle.reset(IDLE)
        self._answering = True
        self._read_or_not()
        self._connections.begun()
        answering = maybeDeferred(self._answer, line)
        answering.addCallback(_encoded)
        answering.addErrback(self._failed)
        answering.addCallback(self._write)

    def lineLengthExceeded(self, line: bytes) -> None:
        self._transport.write(_encoded(_refused(f"a request has at most {MAX_REQUEST} octets")))
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _answer(self, line: bytes) -> Any:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            raise CommandError("a request is one JSON object per line") from None
        if not isinstance(request, dict):
            raise CommandError("a request is one JSON object per line")
        name = request.pop("command", None)
        command = self._connections.commands.get(name) if isinstance(name, str) else None
        if command is None:
            known = ", ".join(sorted(self._connections.commands))
            raise CommandError(f"unknown command; there are: {known}")
        answer = maybeDeferred(command, self._connections.desk, request)
        return answer.addCallback(lambda value: {"ok": True, "answer": value})

    def _failed(self, failure: Failure) -> bytes:
        if isinstance(failure.value, CommandError):
            return _encoded(_refused(failure.getErrorMessage()))
        log.failure("control: a command failed", failure)
        return _encoded(_refused("the command failed; the log of the gateway says why"))

    def _write(self, answer: bytes) -> None:
        self._answering = False
        self._connections.ended()
        if self.connected:
            self._transport.write(answer)
            self._read_or_not()


def _refused(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}


def _encoded(answer: dict[str, Any]) -> bytes:
    octets = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    if len(octets) > MAX_ANSWER:
        octets = json.dumps(_refused(f"the answer has more than {MAX_ANSWER} octets")).encode()
    return octets + b"\n"
