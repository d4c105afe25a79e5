"""The shell over telnet, and for whatever else connects and talks: nc, expect, scripts.

Owns: connections, and from which moment on a terminal counts as one that shows
what it is told: when it agrees (option ECHO). Until then, or when it never says anything, it is a
dumb one.
Refuses to know: octets of the protocol (`iac`), logins (`login`), sessions (`terminal`).
"""

from __future__ import annotations

from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from smppgw.core.command import CommandError, Operator
from smppgw.ops.audit import Audit
from smppgw.ops.operators import Operators, Refused
from smppgw.ops.shell.crowd import MOST_TELNET, turned_away
from smppgw.ops.shell.iac import Signal, Size, Telnet
from smppgw.ops.shell.login import Login
from smppgw.ops.shell.outlet import GOODBYE
from smppgw.ops.shell.sessions import Shell
from smppgw.ops.shell.terminal import Terminal

DOOR = "telnet"
UNREAD = 32 * 1024
"""Octets that the system takes for a peer that does not read. It would take megabytes, and commands
of somebody who reads nothing would go on for as long."""

log = Logger()


class TelnetFactory(Factory):
    """Makes the connections of one listener or several; `close` ends them all."""

    noisy = False

    def __init__(self, shell: Shell, operators: Operators, audit: Audit) -> None:
        self.shell = shell
        self.operators = operators
        self.audit = audit
        self.connections: set[TelnetConnection] = set()

    def buildProtocol(self, addr: IAddress | None) -> TelnetConnection | None:
        """A connection, or None when there are too many."""
        source = str(getattr(addr, "host", "local"))
        present = [one.source for one in self.connections]
        if turned_away(DOOR, source, present, MOST_TELNET):
            return None
        return TelnetConnection(self, source)

    def close(self) -> None:
        """Cut off every connection; sessions have said goodbye by then."""
        for connection in list(self.connections):
            connection.abort()


@implementer(IHalfCloseableProtocol, IPushProducer)
class TelnetConnection(Protocol):
    """One connection: the wire of a login first, of a terminal then."""

    def __init__(self, factory: TelnetFactory, source: str) -> None:
        self.source = source
        self._doors = factory
        self._telnet = Telnet()
        self._login = Login(self, factory.operators.check, source, factory.shell.clock)
        self._terminal: Terminal | None = None
        self._size = (0, 0)
        self._ended = False
        self._full = False
        self._reading = True
        self._over = False
        self._goodbye: IDelayedCall | None = None

    @property
    def _wire(self) -> Any:
        return self.transport

    # ------------------------------------------------------------ what the transport calls

    def connectionMade(self) -> None:
        """Offer what a terminal can have, and ask for the name without waiting for an answer."""
        self._doors.connections.add(self)
        if hasattr(self._wire, "setTcpKeepAlive"):
            self._wire.setTcpKeepAlive(True)
        if hasattr(self._wire, "getHandle"):
            self._wire.getHandle().setsockopt(SOL_SOCKET, SO_SNDBUF, UNREAD)
        self._wire.registerProducer(self, True)
        self._answer()
        self._login.start()

    def dataReceived(self, data: bytes) -> None:
        """Octets of the protocol; a fault in what they cause ends this connection only."""
        try:
            for said in self._telnet.feed(data):
                self._answer()
                if self._over:
                    return
                self._said(said)
            self._answer()
        except Exception:
            log.failure("telnet: connection from {source}", source=self.source)
            self.abort()

    def readConnectionLost(self) -> None:
        """The peer sends no more, but may still read."""
        self._ended = True
        if self._terminal is not None:
            self._terminal.ended()
        else:
            self._login.ended()

    def writeConnectionLost(self) -> None:
        """The peer reads no more."""
        self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over."""
        self._over = True
        self._doors.connections.discard(self)
        if self._goodbye is not None and self._goodbye.active():
            self._goodbye.cancel()
        self._login.stop()
        if self._terminal is not None:
            self._terminal.closed()

    def pauseProducing(self) -> None:
        """The transport holds too much."""
        self._full = True
        if self._terminal is not None:
            self._terminal.pause(True)

    def resumeProducing(self) -> None:
        """It has sent what it held."""
        self._full = False
        if self._terminal is not None:
            self._terminal.pause(False)

    def stopProducing(self) -> None:
        """The transport has gone."""

    # ------------------------------------------------------------ what was said

    def _said(self, said: bytes | Signal | Size) -> None:
        talk = self._login if self._terminal is None else self._terminal
        match said:
            case bytes():
                talk.received(said)
            case Size():
                self._size = (said.width, said.height)
                if self._terminal is not None:
                    self._terminal.resized(*self._size)
            case Signal.ECHO:
                talk.smart(self._telnet.echoes)
            case Signal.INTERRUPT:
                talk.interrupt()
            case Signal.ARE_YOU_THERE if self._full:
                pass
            case Signal.ARE_YOU_THERE:
                self.write(b"\r\n[smppgw: yes]\r\n")
            case Signal.ERASE | Signal.ERASE_LINE:
                talk.received(b"\x7f" if said is Signal.ERASE else b"\x15")
            case _:
                self.readConnectionLost()

    def _answer(self) -> None:
        answer = self._telnet.answer
        if not answer:
            return
        if self._full:  # it asks without reading the answers
            self.abort()
            return
        self.write(bytes(answer))
        answer.clear()

    # ------------------------------------------------------------ the wire of a login or terminal

    def write(self, octets: bytes) -> None:
        """Send; nothing when it is over."""
        if not self._over:
            self._wire.write(octets)

    def read(self, wanted: bool) -> None:
        """Read on, or leave it with the peer."""
        if wanted is not self._reading and not self._over:
            self._reading = wanted
            if wanted:
                self._wire.resumeProducing()
            else:
                self._wire.pauseProducing()

    def close(self) -> None:
        """Close when all has been sent; a peer that does not read is cut off."""
        if self._over:
            return
        self._over = True
        self._goodbye = self._doors.shell.clock.callLater(GOODBYE, self._wire.abortConnection)
        self._wire.unregisterProducer()
        self._wire.loseConnection()

    def abort(self) -> None:
        """Close now."""
        self._over = True
        self._wire.abortConnection()

    def refused(self, refused: Refused) -> None:
        """A login failed."""
        self._doors.audit.refused(refused, self.source, DOOR)

    def let_in(self, operator: Operator, ahead: bytes) -> None:
        """A login went well: the session begins, with what was typed ahead of it."""
        shell = self._doors.shell
        width, height = self._size
        try:
            terminal = Terminal(
                shell,
                operator,
                self,
                DOOR,
                current=self._doors.operators.now,
                dumb=not self._telnet.echoes,
                width=width,
                height=height,
            )
        except CommandError as error:
            self.write(f"{error}\r\n".encode())
            self.close()
            return
        self._terminal = terminal
        self._doors.audit.login(operator, terminal.session, DOOR)
        terminal.pause(self._full)
        terminal.start()
        terminal.received(ahead)
        if self._ended:
            terminal.ended()
