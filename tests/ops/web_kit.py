"""The web pages in memory: octets of a request in, octets of the answer out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from relay_kit import World
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.testing import StringTransport

from smppgw.ops.web.doors import Doors
from smppgw.ops.web.health import Health
from smppgw.ops.web.lag import Lag
from smppgw.ops.web.metrics import Metrics
from smppgw.ops.web.pages import pages
from smppgw.ops.web.sheet import Sheet

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
"""What is put behind the name of a family in its samples."""


class Transport(StringTransport):
    """Remembers that it was cut off; it is not read while paused, nor at its end."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        self.loseConnection()

    def heard(self, octets: bytes) -> None:
        """The other end sends this, as far as it is read."""
        if self.producerState == "producing" and not self.disconnecting:
            self.protocol.dataReceived(octets)


class Browser:
    """The pages of a world, and who asks for them."""

    def __init__(self, world: World) -> None:
        self.closed = ""
        self.thread: Callable[..., Deferred[Any]] = maybeDeferred
        health = Health(world.relay, world.clock, self._in_thread, lambda: self.closed)
        self.metrics = Metrics(world.relay, Lag(world.clock))
        self.sheet = Sheet(self.metrics.pieces, world.clock)
        self.doors = Doors(pages(self.sheet.text, health, world.clock), world.clock)
        self._world = world

    def _in_thread(self, *work: Any) -> Deferred[Any]:
        return self.thread(*work)

    def send(self, octets: bytes) -> Transport:
        """A connection on which these octets were sent."""
        transport = self.connect()
        transport.heard(octets)
        self._world.settle()
        return transport

    def connect(self) -> Transport:
        """A connection on which nothing was sent yet."""
        transport = Transport()
        transport.protocol = self.doors.buildProtocol(None)
        transport.protocol.makeConnection(transport)
        return transport

    def ask(self, path: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
        """Status, headers and body of the answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: here", *headers, "", ""]
        return answered(self.send("\r\n".join(lines).encode()))


def answered(transport: Transport) -> tuple[int, dict[str, str], str]:
    """What came back, taken apart."""
    head, _, body = transport.value().decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


def families(world: World) -> dict[str, Metric]:
    """Every family by name, as a reader of the format sees it."""
    text = Browser(world).metrics.text().decode()
    found = list(text_string_to_metric_families(text))
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}
