"""Operators over telnet, many at once; some of them ask for much and read nothing.

Owns: their logins, and what the silent ones ask for. Refuses to know: what comes of it.
"""

from __future__ import annotations

import socket
from typing import Any

from gateway_process import LOOPBACK, PASSWORD
from playing import until
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

RECEIVED = 4096
"""Octets that the system keeps for one that does not read."""
AT_ONCE = 4
"""Logins under way: each costs the gateway a scrypt."""
LOGIN_SECONDS = 60.0
ENDLESS = 200
"""Lines typed ahead by one who asks for tables."""
ASKS = (
    "watch 1 show status\r\n",
    "tail\r\n",
    "find limit 500 | json\r\n" * ENDLESS,
)
"""What silent operators type, in turn."""


class TelnetOperator(Protocol):
    """Logs in and stays; answers no option."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen = ""
        self.logged_in = False
        self.over = False

    @property
    def _wire(self) -> Any:
        return self.transport

    def dataReceived(self, data: bytes) -> None:
        """Name, password, and the prompt."""
        self._seen = (self._seen + data.decode("latin-1"))[-200:]
        if self._seen.endswith("Username: "):
            self._type(f"{self._name}\r\n")
        elif self._seen.endswith("Password: "):
            self._type(f"{PASSWORD}\r\n")
        elif self._seen.endswith("> "):
            self.logged_in = True

    def _type(self, text: str) -> None:
        self._seen = ""
        self._wire.write(text.encode())

    def ask(self, text: str) -> None:
        """Type it, and read nothing more."""
        self._wire.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
        self._wire.pauseProducing()
        self._wire.write(text.encode())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over."""
        self.over = True

    def leave(self) -> None:
        """Go without a word."""
        self._wire.abortConnection()


class Crowd:
    """So many operators of one name, of whom some read nothing."""

    def __init__(self, reactor: Any, port: int, name: str) -> None:
        self._reactor = reactor
        self._name = name
        self._endpoint = TCP4ClientEndpoint(reactor, LOOPBACK, port)
        self.operators: list[TelnetOperator] = []

    async def come(self, count: int, silent: int) -> None:
        """Log in, some at a time; then the silent ones ask. Raises Trouble."""
        while len(self.operators) < count:
            some = []
            for _ in range(min(AT_ONCE, count - len(self.operators))):
                one = TelnetOperator(self._name)
                await connectProtocol(self._endpoint, one)
                some.append(one)
            self.operators += some
            await until(
                self._reactor,
                lambda some=some: all(one.logged_in or one.over for one in some),  # type: ignore[misc]
                LOGIN_SECONDS,
                "operators log in",
            )
        for place, one in enumerate(self.operators[:silent]):
            one.ask(ASKS[place % len(ASKS)])

    @property
    def present(self) -> int:
        """Those who are logged in; one that reads nothing does not see that it was cut off."""
        return sum(one.logged_in and not one.over for one in self.operators)

    async def go(self) -> None:
        """Leave, all of them."""
        for one in self.operators:
            if not one.over:
                one.leave()
        await until(
            self._reactor, lambda: all(one.over for one in self.operators), 10, "operators leave"
        )
        self.operators = []
