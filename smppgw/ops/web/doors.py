"""The connections of the web listener: counted, limited, and closed with it.

Owns: which connections there are.
Refuses to know: what is asked on them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.protocols.policies import WrappingFactory

MOST = 64
"""Connections at once; more are closed on arrival."""


class Doors(WrappingFactory):
    """A factory around that of the site."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection, or None when there are too many."""
        return None if len(self.protocols) >= MOST else super().buildProtocol(addr)

    def close(self) -> None:
        """Cut off every connection."""
        for protocol in list(self.protocols):
            transport: Any = protocol.transport
            if transport is not None:
                transport.abortConnection()
