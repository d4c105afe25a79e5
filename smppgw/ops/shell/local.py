"""The shell from this machine: a UNIX socket in the data directory (mode 0600).

Owns: its framing, one JSON object on each line both ways, and who is on the other side
(SO_PEERCRED): a user of this machine who may open the socket may do everything.
Refuses to know: terminals and commands.

The client begins with `{"terminal": {"width", "height", "dumb"}}` and goes on with
`{"keys": octets as Latin-1}`, `{"size": [width, height]}`, `{"end": true}`; it gets
`{"out": text}`. Or it begins with `{"batch": {"width"}}` and gives one `{"line": text}` after the
other; it gets `{"out": text}` and, at the end of each, `{"done": {"code", "text"}}`.
`{"interrupt": true}` is Ctrl-C in both. The last thing it gets is `{"closed": reason}`.
"""

from __future__ import annotations

import json
import pwd
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from smppgw.core.command import CommandError, Operator, Role
from smppgw.ops.audit import Audit
from smppgw.ops.shell.keys import printable
from smppgw.ops.shell.masking import masked
from smppgw.ops.shell.outlet import Outlet
from smppgw.ops.shell.pager import Pager
from smppgw.ops.shell.runner import Outcome, Running
from smppgw.ops.shell.sessions import LOCAL, Shell
from smppgw.ops.shell.terminal import Terminal

SOCKET = "shell"
"""Name of the socket in the data directory."""
MOST_CONNECTIONS = 40
MAX_OBJECT = 128 * 1024
"""Octets of an object that a client sends."""
BATCH_WIDTH = 200
"""Characters of a line when there is no terminal."""

log = Logger()


class LocalFactory(Factory):
    """Makes the connections; `close` ends them all."""

    noisy = False

    def __init__(self, shell: Shell, audit: Audit, in_thread: Callable[..., Deferred[Any]]) -> None:
        self.shell = shell
        self.audit = audit
        self.in_thread = in_thread
        self.connections: set[LocalConnection] = set()

    def buildProtocol(self, addr: IAddress | None) -> LocalConnection | None:
        """A connection, or None when there are too many."""
        return LocalConnection(self) if len(self.connections) < MOST_CONNECTIONS else None

    def close(self) -> None:
        """Cut off every connection."""
        for connection in list(self.connections):
            connection.abort()


def user_name(uid: int) -> str:
    """The name of a user; looking it up may take time."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _peer(transport: Any) -> int:
    """Who has connected; raises OSError."""
    form = struct.Struct("3i")
    found = transport.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size)
    return int(form.unpack(found)[1])


def _size(said: Any, name: str) -> int:
    """A size in characters; 0 when it is not said. Raises TypeError for anything else."""
    if not isinstance(said, dict) or not isinstance(size := said.get(name, 0), int):
        raise TypeError("no size")
    return max(size, 0)


class LocalConnection(LineReceiver):
    """One connection: the wire of a terminal or a batch."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_OBJECT

    def __init__(self, doors: LocalFactory) -> None:
        self._doors = doors
        self._operator = Operator("local", Role.ADMIN, LOCAL)
        self._talk: Terminal | Batch | None = None
        self._full = False
        self._over = False
        self.reason = ""
        """The last words."""

    @property
    def _wire(self) -> Any:
        return self.transport

    # ------------------------------------------------------------ what the transport calls

    def connectionMade(self) -> None:
        """Find out who it is; nothing is read before."""
        self._doors.connections.add(self)
        self._wire.registerProducer(self, True)
        self._wire.pauseProducing()
        try:
            uid = _peer(self._wire)
        except OSError as error:
            log.error("shell: who connects cannot be known: {error}", error=error)
            self.abort()
            return
        self._doors.in_thread(user_name, uid).addCallbacks(self._known, self._broken)

    def _known(self, name: str) -> None:
        self._operator = Operator(name, Role.ADMIN, LOCAL)
        if not self._over:
            self._wire.resumeProducing()

    def _broken(self, failure: Failure) -> None:
        log.failure("shell: local connection", failure)
        self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over."""
        self._over = True
        self._doors.connections.discard(self)
        if self._talk is not None:
            self._talk.closed()

    def pauseProducing(self) -> None:
        """The transport holds too much."""
        self._full = True
        if self._talk is not None:
            self._talk.pause(True)

    def resumeProducing(self) -> None:
        """It has sent what it held."""
        self._full = False
        if self._talk is not None:
            self._talk.pause(False)

    def stopProducing(self) -> None:
        """The transport has gone."""

    def lineReceived(self, line: bytes) -> None:
        """An object of the client; a wrong one ends the connection."""
        if self._over:
            return
        try:
            said = json.loads(line)
            if not isinstance(said, dict):
                raise TypeError("no object")
            self._said(said)
        except CommandError as error:
            self.reason = f"ERR {error.code} {error}"
            self.close()
        except (ValueError, TypeError, KeyError, RecursionError):
            self.reason = "ERR usage this is not what the shell understands"
            self.close()
        except Exception:
            log.failure("shell: local connection")
            self.abort()

    def lineLengthExceeded(self, line: bytes) -> None:
        """An object is too long."""
        self.abort()

    # ------------------------------------------------------------ what the client says

    def _said(self, said: Mapping[str, Any]) -> None:
        talk = self._talk
        if talk is None:
            self._begin(said)
        elif "interrupt" in said:
            talk.interrupt()
        elif isinstance(talk, Batch):
            talk.line(str(said["line"]))
        elif "keys" in said:
            talk.received(str(said["keys"]).encode("latin-1"))
        elif "size" in said:
            width, height = said["size"]
            talk.resized(_size({"width": width}, "width"), _size({"height": height}, "height"))
        elif "end" in said:
            talk.ended()

    def _begin(self, said: Mapping[str, Any]) -> None:
        shell, operator = self._doors.shell, self._operator
        if "batch" in said:
            width = _size(said["batch"], "width") or BATCH_WIDTH
            batch = Batch(shell, operator, self, max(width, 20))
            self._talk = batch
            self._doors.audit.login(operator, batch.session, LOCAL)
            return
        wanted = said["terminal"]
        terminal = Terminal(
            shell,
            operator,
            self,
            LOCAL,
            dumb="dumb" in wanted and bool(wanted["dumb"]),
            width=_size(wanted, "width"),
            height=_size(wanted, "height"),
        )
        self._talk = terminal
        self._doors.audit.login(operator, terminal.session, LOCAL)
        terminal.pause(self._full)
        terminal.start()

    # ------------------------------------------------------------ the wire of a terminal or batch

    def send(self, said: Mapping[str, Any]) -> None:
        """One object."""
        if not self._over:
            self._wire.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")

    def write(self, octets: bytes) -> None:
        """Output."""
        self.send({"out": octets.decode()})

    def read(self, wanted: bool) -> None:
        """Read on or not; what is on its way in whole lines is still taken."""
        if not self._over:
            (self._wire.resumeProducing if wanted else self._wire.pauseProducing)()

    def close(self) -> None:
        """Close when all has been sent."""
        if self._over:
            return
        self.send({"closed": self.reason})
        self._over = True
        self._wire.unregisterProducer()
        self._wire.loseConnection()

    def abort(self) -> None:
        """Close now."""
        self._over = True
        self._wire.abortConnection()


class Batch:
    """Lines carried out one by one, with nobody to ask: a `Sink`."""

    def __init__(self, shell: Shell, operator: Operator, wire: LocalConnection, width: int) -> None:
        self.width = width
        self.session = shell.sessions.open(operator, LOCAL, self._end)
        self._shell = shell
        self._wire = wire
        self._outlet = Outlet(wire, shell.clock, self._resumed)
        self._pager = Pager(self._outlet, self._shown, end="\n")
        self._running: Running | None = None
        self._outcome: Outcome | None = None
        self._over = False

    def line(self, text: str) -> None:
        """Carry out a line; raises CommandError while another one is at work."""
        if self._running is not None:
            raise CommandError("another line is at work", "busy")
        text = "\n".join(printable(line) for line in text.split("\n"))
        session = self.session
        session.active = self._shell.clock.seconds()
        session.command = masked(text, self._shell.registry)
        self._pager.begin()
        self._running = self._shell.runner.run(text, session.operator, session, self)
        self._running.result.addCallback(self._done)

    def emit(self, said: Sequence[str], *, live: bool = False, redraw: bool = False) -> None:
        """Lines of output (see `runner.Sink`)."""
        if not self._over:
            (self._pager.live if live else self._pager.show)(said)

    def ask(self, question: str) -> Deferred[bool] | None:
        """Nobody is there to be asked."""
        return None

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._pager.drop()
        if self._running is not None:
            self._running.abort()
        self._shown()

    def pause(self, full: bool) -> None:
        """The client does not read, or does again."""
        self._outlet.pause(full)

    def closed(self) -> None:
        """The connection has gone."""
        self._outlet.closed()
        self._leave("")

    def _end(self, reason: str) -> None:
        """Somebody ends the session."""
        if not self._over:
            self._wire.reason = reason
            self._leave(reason)
            self._outlet.close()

    def _leave(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._pager.drop()
        if self._running is not None:
            self._running.abort()
        self._shell.sessions.ended(self.session, reason)

    def _resumed(self) -> None:
        self._pager.go_on()

    def _done(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._shown()

    def _shown(self) -> None:
        outcome = self._outcome
        if self._over or outcome is None or self._pager.holding:
            return
        self._running = self._outcome = None
        self.session.command = ""
        self._wire.send({"done": {"code": outcome.code, "text": outcome.text}})
        if self.session.leaving:
            self._end("goodbye")
