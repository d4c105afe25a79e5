"""One session over SSH: a terminal, or one command with its exit status.

Owns: pseudo-terminals and their size, windows of octets both ways, exit statuses.
Refuses to know: connections and logins (`ssh`, `ssh_login`), and what is said in a session.
Source: RFC 4254 sections 5 and 6.

`ssh host` is a terminal, without a pseudo-terminal (`ssh -T host`) a dumb one. `ssh host "line"`
carries out lines: output goes to stdout, `ERR code text` to stderr, and the exit status is 0, or 1
for a fault, or 2 for a line that is not understood.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from struct import error as StructError
from struct import pack, unpack
from typing import TYPE_CHECKING

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.connection import EXTENDED_DATA_STDERR
from twisted.internet.defer import Deferred

from smppgw.core.command import CommandError, Operator
from smppgw.ops.shell import grammar
from smppgw.ops.shell.masking import masked
from smppgw.ops.shell.outlet import Outlet
from smppgw.ops.shell.runner import Outcome, Running
from smppgw.ops.shell.sessions import Shell
from smppgw.ops.shell.terminal import Terminal

if TYPE_CHECKING:
    from smppgw.ops.shell.ssh import Channels

DOOR = "ssh"
WINDOW = 32 * 1024
"""Octets that a client may send before we take more."""
LONGEST_PACKET = 32 * 1024
BATCH_WIDTH = 200
"""Characters of a line where there is no terminal."""
MOST_HELD = 50_000
"""Lines that wait for a client to read; more end the command."""
OK, FAULT, USAGE = 0, 1, 2
_NOT_UNDERSTOOD = frozenset({"usage", "unknown"})
INTERRUPTS = frozenset({b"INT", b"QUIT", b"TERM"})


class SessionChannel(SSHChannel):
    """A channel of the kind `session`; it is the `Wire` of what goes on in it."""

    name = b"session"

    def __init__(self, channels: Channels, window: int, longest: int) -> None:
        super().__init__(
            localWindow=WINDOW, remoteWindow=window, remoteMaxPacket=longest, conn=channels
        )
        self.wanted = True
        """What the client sends can be taken."""
        self._channels = channels
        self._terminal: Terminal | None = None
        self._batch: Batch | None = None
        self._size: tuple[int, int] | None = None
        self._follow: Callable[[], None] | None = None
        self._full = False

    # ------------------------------------------------------------ requests

    def requestReceived(self, requestType: bytes, data: bytes) -> bool:
        """A request of the client; False refuses it, as all that is not listed here."""
        answer = {
            b"pty-req": self._pseudo_terminal,
            b"window-change": self._resized,
            b"shell": self._shell,
            b"exec": self._exec,
            b"signal": self._signal,
            b"break": self._break,
        }.get(requestType)
        try:
            return answer is not None and answer(data)
        except StructError:  # it is cut short
            return False

    @property
    def _begun(self) -> bool:
        """A channel is for one thing."""
        return self._terminal is not None or self._batch is not None

    def _pseudo_terminal(self, data: bytes) -> bool:
        """`string TERM, uint32 columns, rows, width, height, string modes`."""
        if self._begun:
            return False
        columns, rows = unpack(">2L", getNS(data)[1][:8])
        self._size = columns, rows
        return True

    def _resized(self, data: bytes) -> bool:
        columns, rows = unpack(">2L", data[:8])
        if self._terminal is not None:
            self._terminal.resized(columns, rows)
        return True

    def _shell(self, _: bytes) -> bool:
        if self._begun:
            return False
        factory = self._channels.factory
        columns, rows = self._size or (BATCH_WIDTH, 0)
        try:
            self._terminal = terminal = Terminal(
                factory.shell,
                self._channels.operator,
                self,
                DOOR,
                current=factory.operators.now,
                dumb=self._size is None,
                width=columns,
                height=rows,
            )
        except CommandError as error:
            self._turn_away(error)
            return True
        factory.audit.login(terminal.session.operator, terminal.session, DOOR)
        self._follow = terminal.start
        return True

    def _exec(self, data: bytes) -> bool:
        if self._begun:
            return False
        line = getNS(data)[0].decode("utf-8", "replace")
        factory = self._channels.factory
        operator = factory.operators.now(self._channels.operator)
        try:
            if operator is None:
                raise CommandError("this operator may not use the shell any more", "denied")
            width = self._size[0] if self._size else 0
            self._batch = batch = Batch(factory.shell, operator, self, width or BATCH_WIDTH)
        except CommandError as error:
            self._turn_away(error)
            return True
        factory.audit.login(operator, batch.session, DOOR)
        self._follow = partial(batch.start, line)
        return True

    def answered(self) -> None:
        """Do what was asked for, now that the client knows that it may."""
        follow, self._follow = self._follow, None
        if follow is not None:
            self.gauge()
            follow()

    def _turn_away(self, error: CommandError) -> None:
        def say() -> None:
            self.complain(f"ERR {error.code} {error}")
            self.exit(FAULT)

        self._follow = say

    def _signal(self, data: bytes) -> bool:
        if getNS(data)[0] not in INTERRUPTS:
            return False
        return self._break(data)

    def _break(self, _: bytes) -> bool:
        if self._terminal is not None:
            self._follow = self._terminal.interrupt
        elif self._batch is not None:
            self._follow = self._batch.abort
        return self._begun

    # ------------------------------------------------------------ octets

    def dataReceived(self, data: bytes) -> None:
        """What was typed."""
        if self._terminal is not None:
            self._terminal.received(data)

    def extReceived(self, dataType: int, data: bytes) -> None:
        """Clients have nothing to say on stderr."""

    def eofReceived(self) -> None:
        """Nothing more will be typed."""
        if self._terminal is not None:
            self._terminal.ended()

    def read(self, wanted: bool) -> None:
        """Whether more is wanted (`Wire`); the client may send a window of it in any case."""
        if wanted is self.wanted:
            return
        self.wanted = wanted
        missing = self.localWindowSize - self.localWindowLeft
        if wanted and missing > 0:
            self._channels.adjustWindow(self, missing)

    def write(self, data: bytes) -> None:
        """Send (`Wire`); what the client's window does not take waits here."""
        if not self.localClosed:
            super().write(data)  # type: ignore[no-untyped-call]

    def complain(self, text: str) -> None:
        """A line to stderr."""
        if not self.localClosed:
            octets = f"{text}\n".encode("utf-8", "replace")
            self.writeExtended(EXTENDED_DATA_STDERR, octets)  # type: ignore[no-untyped-call]

    def stopWriting(self) -> None:
        """The client's window is full."""
        self.gauge()

    def addWindowBytes(self, data: int) -> None:
        """The client's window has more room."""
        super().addWindowBytes(data)  # type: ignore[no-untyped-call]
        self.gauge()

    def gauge(self) -> None:
        """Hold the session back while what it says is not taken."""
        full = bool(self.buf or self.extBuf) or self._channels.full
        if full is self._full:
            return
        self._full = full
        if self._terminal is not None:
            self._terminal.pause(full)
        elif self._batch is not None:
            self._batch.pause(full)

    # ------------------------------------------------------------ the end

    def exit(self, status: int) -> None:
        """Say how it ended, and close when everything has been sent."""
        self._channels.sendRequest(self, b"exit-status", pack(">L", status))  # type: ignore[no-untyped-call]
        self.loseConnection()

    def close(self) -> None:
        """The session is over (`Wire`)."""
        self.exit(self._batch.status if self._batch is not None else OK)

    def abort(self) -> None:
        """The client does not read (`Wire`)."""
        self._channels.abort()

    def loseConnection(self) -> None:
        """Close when everything has been sent."""
        if not self.localClosed:
            super().loseConnection()  # type: ignore[no-untyped-call]

    def closeReceived(self) -> None:
        """The client has closed it: it takes nothing more."""
        self.buf, self.extBuf = b"", []
        self.loseConnection()

    def closed(self) -> None:
        """Both sides have closed it, or the connection has gone."""
        if self._terminal is not None:
            self._terminal.closed()
        elif self._batch is not None:
            self._batch.closed()


class Batch:
    """Lines carried out one by one, until one fails: a `Sink` on which nobody can be asked."""

    def __init__(self, shell: Shell, operator: Operator, wire: SessionChannel, width: int) -> None:
        self.width = width
        self.status = OK
        self.session = shell.sessions.open(operator, DOOR, self._ended)
        self._shell = shell
        self._wire = wire
        self._outlet = Outlet(wire, shell.clock, self._work)
        self._lines: deque[str] = deque()
        self._held: deque[str] = deque()
        self._running: Running | None = None
        self._said = ""
        self._working = False
        self._over = False

    def start(self, source: str) -> None:
        """Carry out the lines of a text."""
        self._lines.extend(grammar.lines_of(source))
        self._work()

    def _work(self) -> None:
        """Write what is read, then go on with the next line."""
        if self._working:
            return
        self._working = True
        while not self._over and self._written() and self._running is None:
            if not self._lines or self.status != OK:
                self._finish()
                break
            self._begin(self._lines.popleft())
        self._working = False

    def _written(self) -> bool:
        """Whether all that was said has gone to the client."""
        while self._held and not self._outlet.full:
            lines, size = [], 0
            while self._held and size < LONGEST_PACKET:  # many lines a packet
                lines.append(self._held.popleft())
                size += len(lines[-1]) + 1
            self._outlet.write("".join(f"{line}\n" for line in lines))
        return not self._outlet.full

    def _begin(self, line: str) -> None:
        session = self.session
        session.command = masked(line, self._shell.registry)
        self._running = self._shell.runner.run(line, session.operator, session, self)
        self._running.result.addCallback(self._done)

    def _done(self, outcome: Outcome) -> None:
        self._running = None
        if outcome.code:
            self.status = USAGE if outcome.code in _NOT_UNDERSTOOD else FAULT
            self._said = self._said or outcome.status
        self._work()

    def _finish(self) -> None:
        if self._said:
            self._wire.complain(self._said)
        self._leave()
        self._outlet.close()

    def _leave(self) -> None:
        self._over = True
        self._held.clear()
        self._lines.clear()
        self._shell.sessions.ended(self.session)
        if self._running is not None:
            self._running.abort()

    # ------------------------------------------------------------ Sink

    def emit(self, said: Sequence[str], *, live: bool = False, redraw: bool = False) -> None:
        """Lines of output; they wait here while the client does not read."""
        if self._over:
            return
        self._held.extend(said)
        if live and len(self._held) > MOST_HELD:
            self._said = "ERR refused the output was not read in time"
            self.abort()
        self._written()

    def ask(self, question: str) -> Deferred[bool] | None:
        """Nobody is there to be asked."""
        return None

    # ------------------------------------------------------------ what the channel calls

    def pause(self, full: bool) -> None:
        """The client takes nothing, or does again."""
        self._outlet.pause(full)

    def abort(self) -> None:
        """End what is at work, and begin nothing else."""
        self._lines.clear()
        if self._running is not None:
            self._running.abort()

    def closed(self) -> None:
        """The channel has gone."""
        self._outlet.closed()
        if not self._over:
            self._leave()

    def _ended(self, reason: str) -> None:
        """Somebody ends the session."""
        self._said = self._said or reason
        self.status = FAULT
        self._held.clear()
        self.abort()
        self._work()
