"""One gauge from a page in the format of Prometheus, looked at each second.

Owns: fetching, and adding up the samples of one metric. Refuses to know what the figure means.
"""

from __future__ import annotations

from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.web import client as _client

# Twisted has it without types.
client: Any = _client

EVERY: Final = 1.0
STALE: Final = 5.0
"""Seconds after which a figure is not believed any more."""


def total(page: str, metric: str) -> float | None:
    """The sum of all samples of a metric; None when there is none. Raises `ValueError`."""
    found = [
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == metric
    ]
    return sum(found) if found else None


class MetricsPage:
    """Reads `url` as long as it is wanted."""

    def __init__(self, reactor: Any, url: str, metric: str, *, agent: Any = None) -> None:
        self.trouble = ""
        """Why the last look brought nothing."""
        self._reactor = reactor
        self._url = url
        self._metric = metric
        self._agent = agent or client.Agent(reactor, connectTimeout=EVERY)
        self._value: float | None = None
        self._at = 0.0
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor

    def start(self) -> None:
        """Look now, and each second."""
        self._looking.start(EVERY)

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    def value(self) -> float | None:
        """The newest figure, None when there is none of the last seconds."""
        fresh = self._reactor.seconds() - self._at <= STALE
        return self._value if fresh else None

    def _look(self) -> Deferred[None]:
        looked = Deferred.fromCoroutine(self._read())
        return looked

    async def _read(self) -> None:
        try:
            response = await self._agent.request(b"GET", self._url.encode("ascii"))
            body = await client.readBody(response)
            if response.code != 200:
                raise ValueError(f"HTTP {response.code}")
            value = total(body.decode("utf-8"), self._metric)
            if value is None:
                raise ValueError(f"no metric {self._metric}")
        except Exception as error:
            self.trouble = str(error) or type(error).__name__
            return
        self._value, self._at, self.trouble = value, self._reactor.seconds(), ""
