"""The web listener as one thing that is started and stopped.

Owns: its ports, and what its pages are made of.
Refuses to know: when the process starts and stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.logger import Logger

from smppgw.core.relay import Relay
from smppgw.ops.web.doors import Doors
from smppgw.ops.web.health import Health
from smppgw.ops.web.lag import Lag
from smppgw.ops.web.metrics import Metrics
from smppgw.ops.web.pages import pages
from smppgw.ops.web.sheet import Sheet

log = Logger()


class Web:
    """The pages of one gateway; `accepting` says why its listeners are not open, or ""."""

    def __init__(
        self,
        relay: Relay,
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[Any]],
        accepting: Callable[[], str],
    ) -> None:
        self.ports: list[IListeningPort] = []
        self._lag = Lag(clock)
        health = Health(relay, clock, in_thread, accepting)
        self._sheet = Sheet(Metrics(relay, self._lag).pieces, clock)
        self._doors = Doors(pages(self._sheet.text, health, clock), clock)

    async def start(
        self,
        endpoints: tuple[str, ...],
        listen: Callable[[str, Doors], Deferred[IListeningPort]],
    ) -> None:
        """Open the listeners; one that cannot be had is logged, messages do not wait for it."""
        if endpoints:
            self._lag.start()
        for endpoint in endpoints:
            try:
                port = await listen(endpoint, self._doors)
            except Exception as error:
                log.error("web: {error}; no metrics and no health there", error=error)
            else:
                self.ports.append(port)
                log.info("web: {where}", where=_where(port.getHost()))

    async def stop(self) -> None:
        """Close the listeners and every connection."""
        self._lag.stop()
        ports, self.ports = self.ports, []
        await DeferredList([maybeDeferred(port.stopListening) for port in ports])
        self._doors.close()
        self._sheet.stop()


def _where(address: Any) -> str:
    """Address and port of a listener, or the path of a socket."""
    return f"{address.host}:{address.port}" if hasattr(address, "port") else str(address)
