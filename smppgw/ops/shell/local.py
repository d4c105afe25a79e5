"""The shell from this machine: a UNIX socket in the data directory (mode 0600).

Owns: its framing, one JSON object on each line both ways, and who is on the other side
(SO_PEERCRED): a user of this machine who may open the socket may do everything.
Refuses to know: terminals and commands.

The client begins with `{"terminal": {"width", "height", "dumb"}}` and goes on with
`{"keys": octets as Latin-1}`, `{"size": [width, height]}`, `{"end": true}`; it gets
`{"out": text}`. Or it begins with `{"batch": {"width"}}` and gives one `{"line": text}` after the
other; it gets `{"out": text}` and, at the end of each, `{"done": {"code", "text", "ms"}}`:
the last is what the line took of the reactor.
`{"interrupt": true}` is Ctrl-C in both. The last thing it gets is `{"closed": reason}`.
"""

from __future__ import annotations

import json
import pwd
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IWriteDescriptor
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from smppgw.core.command import CommandError, Operator, Role
from smppgw.ops.audit import Audit
from smppgw.ops.shell.batch import WIDTH, Batch
from smppgw.ops.shell.keys import printable
from smppgw.ops.shell.runner import Outcome
from smppgw.ops.shell.sessions import LOCAL, Shell
from smppgw.ops.shell.terminal import Terminal

SOCKET = "shell"
"""Name of the socket in the data directory."""
MOST_CONNECTIONS = 40
MAX_OBJECT = 128 * 1024
"""Octets of an object that a client sends."""

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
        elif isinstance(talk, Batch) and "end" in said:
            self._end(talk, "")
        elif isinstance(talk, Batch):
            talk.run("\n".join(printable(line) for line in str(said["line"]).split("\n")))
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
            width = _size(said["batch"], "width") or WIDTH
            batch = Batch(
                shell, operator, LOCAL, self, max(width, 20), self._done, self._session_ended
            )
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

    # ------------------------------------------------------------ what a batch says

    def _done(self, outcome: Outcome) -> None:
        batch = self._talk
        ms = round(1000 * outcome.spent, 3)
        self.send({"done": {"code": outcome.code, "text": outcome.text, "ms": ms}})
        if IWriteDescriptor.providedBy(self._wire) and not (self._full or self._over):
            # Now, not after the next turn: it may be one full of messages. What cannot be sent, and
            # a connection that is lost, the reactor finds as ever.
            self._wire.doWrite()
        if isinstance(batch, Batch) and batch.session.leaving:
            self._end(batch, "goodbye")

    def _end(self, batch: Batch, reason: str) -> None:
        """No line follows; what is lost by that is said."""
        lost = batch.lost()
        if lost.code:
            self.send({"lost": lost.status})
        self._session_ended(reason)
        batch.close(reason)

    def _session_ended(self, reason: str) -> None:
        self.reason = reason

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
