"""The connections of the web listener: how many, for how long, and closed with it.

Owns: which connections there are.
Refuses to know: what is asked on them.

A connection serves one request and has so long for it in all, whether it is slow to ask or to read.
Who comes when there are too many takes the place of the oldest: whoever keeps connections open
without end keeps nobody out.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.protocols.policies import WrappingFactory

MOST = 64
"""Connections at once."""
LONGEST = 30.0
"""Seconds from its beginning until a connection is cut off."""


class Doors(WrappingFactory):
    """A factory around that of the site."""

    noisy = False

    def __init__(self, site: Any, clock: IReactorTime) -> None:
        super().__init__(site)  # type: ignore[no-untyped-call]
        self._clock = clock

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection; the oldest one goes when there are too many."""
        while len(self.protocols) >= MOST:
            self._cut(next(iter(self.protocols)))
        return super().buildProtocol(addr)

    def registerProtocol(self, protocol: Any) -> None:
        """A connection stands: its time begins."""
        self.protocols[protocol] = self._clock.callLater(LONGEST, self._cut, protocol)

    def unregisterProtocol(self, protocol: Any) -> None:
        """A connection is gone."""
        timer = self.protocols.pop(protocol, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _cut(self, protocol: Any) -> None:
        self.unregisterProtocol(protocol)
        protocol.transport.abortConnection()

    def close(self) -> None:
        """Cut off every connection."""
        for protocol in list(self.protocols):
            self._cut(protocol)
