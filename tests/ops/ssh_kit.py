"""SSH in memory: keys, a client on Conch, and the connection between it and the shell."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from struct import pack
from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from shell_kit import Notes
from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.session import packRequest_pty_req, packRequest_window_change
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.conch.ssh.userauth import SSHUserAuthClient
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smppgw.core.command import Answer, Call, Command, Operator, Role, text
from smppgw.core.operator_settings import OperatorSettings
from smppgw.ops.operators import Operators, Refused
from smppgw.ops.shell.sessions import Shell
from smppgw.ops.shell.ssh import Connection, SshFactory

_CURVES = {"256": ec.SECP256R1, "384": ec.SECP384R1, "521": ec.SECP521R1}
FULL = 64 * 1024
"""Octets unsent after which a transport asks its producer to pause."""


def new_key(kind: str = "ssh-ed25519", number: int = 0, bits: int = 2048) -> Key:
    """A private key that lasts as long as the tests; another `number` gives another."""
    return _new_key(kind, number, bits)


@cache
def _new_key(kind: str, number: int, bits: int) -> Key:
    if kind == "ssh-rsa":
        return Key(rsa.generate_private_key(65537, bits))
    if kind == "ssh-ed25519":
        return Key(ed25519.Ed25519PrivateKey.generate())
    return Key(ec.generate_private_key(_CURVES[kind[-3:]]()))


class End:
    """One end of a connection in memory: a transport that keeps what is written until `pump`."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.unsent = b""
        self.most = 0
        self.reading = True
        self.closing = False
        self.gone = False
        self.producer: Any = None
        self.paused = False

    def write(self, octets: bytes) -> None:
        if self.closing or self.gone:
            return
        self.unsent += octets
        self.most = max(self.most, len(self.unsent))
        if len(self.unsent) > FULL and self.producer is not None and not self.paused:
            self.paused = True
            self.producer.pauseProducing()

    def take(self) -> bytes:
        octets, self.unsent = self.unsent, b""
        if self.paused and self.producer is not None:
            self.paused = False
            self.producer.resumeProducing()
        return octets

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def loseConnection(self) -> None:
        self.closing = True

    def abortConnection(self) -> None:
        self.gone = True

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", self.host, 40000)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 8922)

    def logPrefix(self) -> str:
        return "test"


class Logins(Notes):
    """The audit, with the logins."""

    def __init__(self) -> None:
        super().__init__()
        self.logins: list[tuple[str, int, str]] = []
        self.refusals: list[tuple[str, str, str]] = []

    def login(self, operator: Operator, session: Any, door: str) -> None:
        self.logins.append((operator.name, session.number, door))

    def refused(self, refused: Refused, source: str, door: str) -> None:
        self.refusals.append((refused.reason, source, door))


def _leave(call: Call) -> Answer:
    call.session.leaving = True  # type: ignore[attr-defined]
    return text()


class House:
    """A shell with a door for SSH, and everything around it in hand."""

    def __init__(self, directory: Path, *commands: Command) -> None:
        self.clock = Clock()
        self.audit = Logins()
        self.dirty = False
        self.shell = Shell(
            (*commands, Command(("exit",), _leave, "ends")),
            self.clock,
            self.audit,
            directory,
            dirty=lambda session: self.dirty,
            banner=["welcome"],
        )
        self.configured = [
            OperatorSettings(
                name="ops",
                password_hash="H:right",
                role="admin",
                ssh_keys=tuple(
                    new_key(kind).public().toString("openssh").decode()
                    for kind in ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256")
                ),
            )
        ]
        self.slow: list[Deferred[bool]] | None = None
        self.operators = Operators(
            lambda: self.configured,
            self.clock.seconds,
            self._in_thread,
            verify=lambda stored, password: stored == f"H:{password}",
        )
        self.factory = SshFactory(
            self.shell,
            self.operators,
            self.audit,  # type: ignore[arg-type]
            new_key(number=99),
        )
        self.factory.doStart()

    def _in_thread(self, function: Any, *arguments: Any) -> Deferred[bool]:
        if self.slow is None:
            return succeed(function(*arguments))
        self.slow.append(Deferred())
        return self.slow[-1]

    def role(self, role: Role) -> None:
        self.configured[0] = evolve(self.configured[0], role=role.name.lower())

    def visit(self, *args: Any, host: str = "127.0.0.1", **more: Any) -> Visitor:
        """A client that has connected; `pump` makes it go on."""
        return Visitor(self, host, *args, **more)

    def empty(self) -> None:
        """Cut everybody off."""
        for connection in list(self.factory.connections):
            connection.connectionLost(Failure(ConnectionAborted()))
        assert self.factory.connections == set()
        assert self.shell.sessions.all() == []

    def session(self, *args: Any, **more: Any) -> Window:
        """A channel of a client that has logged in with its password."""
        visitor = self.visit(*args, **more)
        visitor.pump()
        return visitor.open()


class Visitor:
    """A client, its end of the connection and that of the shell."""

    def __init__(
        self,
        house: House,
        host: str = "127.0.0.1",
        name: str = "ops",
        passwords: tuple[str, ...] = ("right",),
        keys: tuple[Key, ...] = (),
    ) -> None:
        self.house = house
        self.name = name
        self.passwords = list(passwords)
        self.keys = list(keys)
        self.near, self.far = End("127.0.0.1"), End(host)
        self.goodbye = b""
        self.lost = False
        self.connection: SSHConnection | None = None
        self.stuck = False
        """The client reads nothing."""
        self.server: Connection | None = house.factory.buildProtocol(self.far.getPeer())
        self.client: Any = _Client(self)
        if self.server is None:
            self.lost = True
            return
        self.client.makeConnection(self.near)
        self.server.makeConnection(self.far)

    @property
    def inside(self) -> bool:
        """Logged in."""
        return self.connection is not None

    def pump(self) -> None:
        """Let octets flow until none do."""
        assert self.server is not None
        while not self.lost:
            moved = False
            if self.near.unsent and self.far.reading:
                self.server.dataReceived(self.near.take())
                moved = True
            if self.far.unsent and not self.stuck and not self.far.gone:
                octets = self.far.take()
                self.client.dataReceived(octets)
                moved = True
            if self._over():
                self.lost = True
                self.server.connectionLost(Failure(ConnectionDone()))
                self.client.connectionLost(Failure(ConnectionAborted()))
            self.house.clock.advance(0)
            if not moved:
                return

    def _over(self) -> bool:
        far, near = self.far, self.near
        if far.gone or near.gone or (near.closing and not near.unsent):
            return True
        return far.closing and not far.unsent

    def open(self, longest: int = 32768, window: int = 0) -> Window:
        """A channel for a session."""
        assert self.connection is not None
        window_ = Window(self, window, longest)
        self.connection.openChannel(window_)
        self.pump()
        return window_

    def leave(self) -> None:
        self.near.closing = True
        self.pump()


class _Client(SSHClientTransport):
    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> Deferred[int]:
        self.host_key = hostKey
        return succeed(1)

    def connectionSecure(self) -> None:
        if self.service is None:  # else new keys were exchanged
            self.requestService(_Auth(self.visitor))

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        self.visitor.goodbye = description

    def receiveUnimplemented(self, seqnum: int) -> None:
        self.unimplemented = seqnum


class _Auth(SSHUserAuthClient):
    def __init__(self, visitor: Visitor) -> None:
        super().__init__(visitor.name.encode(), _Opened(visitor))
        self.visitor = visitor
        self.preferredOrder = [b"publickey", b"password"]

    def getPassword(self, prompt: object = None) -> Any:
        passwords = self.visitor.passwords
        return succeed(passwords.pop(0).encode()) if passwords else None

    def getPublicKey(self) -> Key | None:
        self.key = self.visitor.keys.pop(0) if self.visitor.keys else None
        return self.key.public() if self.key else None

    def getPrivateKey(self) -> Deferred[Any]:
        return succeed(self.key) if self.key else fail(RuntimeError("no key"))


class _Opened(SSHConnection):
    def __init__(self, visitor: Visitor) -> None:
        super().__init__()
        self.visitor = visitor

    def serviceStarted(self) -> None:
        self.visitor.connection = self


class Window(SSHChannel):
    """A channel of the client, and what came on it."""

    name = b"session"

    def __init__(self, visitor: Visitor, window: int, longest: int) -> None:
        super().__init__(localWindow=window, localMaxPacket=longest)
        self.visitor = visitor
        self.output = b""
        self.errors = b""
        self.status: int | None = None
        self.over = False
        self.answers: list[bool] = []
        self.failed = b""
        self.order: list[str] = []

    # ------------------------------------------------------------ what it does

    def ask(self, kind: bytes, data: bytes = b"") -> bool:
        """A request and its answer."""
        before = len(self.answers)
        answer = self.conn.sendRequest(self, kind, data, wantReply=1)
        answer.addCallbacks(self._answered, self._denied)
        self.visitor.pump()
        return self.answers[before]

    def _answered(self, _: object) -> None:
        self.answers.append(True)
        self.order.append("answer")

    def _denied(self, _: object) -> None:
        self.answers.append(False)

    def terminal(self, columns: int = 80, rows: int = 24) -> Window:
        """A shell on a pseudo-terminal."""
        size = (rows, columns, 0, 0)
        assert self.ask(b"pty-req", packRequest_pty_req(b"xterm", size, b"\0"))
        assert self.ask(b"shell")
        return self

    def resize(self, columns: int, rows: int) -> None:
        size = (rows, columns, 0, 0)
        self.conn.sendRequest(self, b"window-change", packRequest_window_change(size))
        self.visitor.pump()

    def run(self, line: str) -> Window:
        """One command."""
        assert self.ask(b"exec", NS(line.encode()))
        return self

    def signal(self, name: bytes) -> bool:
        return self.ask(b"signal", NS(name))

    def type(self, text: str | bytes) -> str:
        """Keys, and what was shown after them."""
        before = len(self.output)
        self.write(text.encode() if isinstance(text, str) else text)
        self.visitor.pump()
        return self.output[before:].decode()

    def more(self, octets: int) -> None:
        """Let the shell send more."""
        assert self.visitor.connection is not None
        self.visitor.connection.adjustWindow(self, octets)
        self.visitor.pump()

    # ------------------------------------------------------------ what happens to it

    def openFailed(self, reason: Any) -> None:
        self.failed = bytes(getattr(reason, "value", b""))

    def dataReceived(self, data: bytes) -> None:
        self.output += data
        self.order.append("data")

    def extReceived(self, dataType: int, data: bytes) -> None:
        self.errors += data

    def request_exit_status(self, data: bytes) -> bool:
        self.status = int.from_bytes(data, "big")
        return True

    def closed(self) -> None:
        self.over = True


def disconnect(code: int) -> bytes:
    """The body of MSG_DISCONNECT."""
    return pack(">L", code) + NS(b"") + NS(b"")
