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
from collections.abc import Callable
from functools import partial
from struct import error as StructError
from struct import pack, unpack
from typing import TYPE_CHECKING

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.connection import EXTENDED_DATA_STDERR

from smppgw.core.command import CommandError, Operator
from smppgw.ops.shell import grammar
from smppgw.ops.shell.batch import NOT_UNDERSTOOD, WIDTH, Batch
from smppgw.ops.shell.runner import Outcome
from smppgw.ops.shell.sessions import NOT_ANY_MORE, Shell
from smppgw.ops.shell.terminal import Terminal

if TYPE_CHECKING:
    from smppgw.ops.shell.ssh import Channels

DOOR = "ssh"
WINDOW = 32 * 1024
"""Octets that a client may send before we take more."""
LONGEST_PACKET = 32 * 1024
OK, FAULT, USAGE = 0, 1, 2
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
        self._script: Script | None = None
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
        return self._terminal is not None or self._script is not None

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
        columns, rows = self._size or (WIDTH, 0)
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
                raise CommandError(NOT_ANY_MORE, "denied")
            width = self._size[0] if self._size else 0
            self._script = script = Script(factory.shell, operator, self, width or WIDTH)
        except CommandError as error:
            self._turn_away(error)
            return True
        factory.audit.login(operator, script.batch.session, DOOR)
        self._follow = partial(script.start, line)
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
        elif self._script is not None:
            self._follow = self._script.interrupt
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
        elif self._script is not None:
            self._script.batch.pause(full)

    # ------------------------------------------------------------ the end

    def exit(self, status: int) -> None:
        """Say how it ended, and close when everything has been sent."""
        self._channels.sendRequest(self, b"exit-status", pack(">L", status))  # type: ignore[no-untyped-call]
        self.loseConnection()

    def close(self) -> None:
        """The session is over (`Wire`)."""
        self.exit(self._script.status if self._script is not None else OK)

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
        elif self._script is not None:
            self._script.batch.closed()


class Script:
    """The lines of one `exec`, carried out until one fails."""

    def __init__(
        self, shell: Shell, operator: Operator, channel: SessionChannel, width: int
    ) -> None:
        self.status = OK
        self.batch = Batch(shell, operator, DOOR, channel, width, self._done, self._ended)
        self._channel = channel
        self._lines: deque[str] = deque()
        self._working = False

    def start(self, source: str) -> None:
        """Carry out the lines of a text."""
        self._lines.extend(grammar.lines_of(source))
        self._work()

    def interrupt(self) -> None:
        """End what is at work, and begin nothing else."""
        self._lines.clear()
        self.batch.interrupt()

    def _work(self) -> None:
        """Go on with the next line; lines that end at once do not pile up on the stack."""
        if self._working:
            return
        self._working = True
        while self._lines and not self.batch.busy:
            self.batch.run(self._lines.popleft())
        self._working = False
        if not self.batch.busy:
            lost = self.batch.lost()
            if lost.code:
                self._fails(lost.status, self.status or FAULT)
            self.batch.close()

    def _done(self, outcome: Outcome) -> None:
        if outcome.code:
            self._fails(outcome.status, USAGE if outcome.code in NOT_UNDERSTOOD else FAULT)
        if self.batch.session.leaving:
            self._lines.clear()
        self._work()

    def _ended(self, reason: str) -> None:
        self._fails(reason, FAULT)

    def _fails(self, said: str, status: int) -> None:
        self.status = status
        self._lines.clear()
        self._channel.complain(said)
