"""Rates: how many messages a second, over the last 1, 10 and 60 seconds.

Owns: one sample a second of the counters, for a minute.
Refuses to know: what is counted (`core.relay.Counters`) and who asks.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from smppgw.core.relay import Counters

PERIOD = 1.0
SPANS = (1, 10, 60)
"""Seconds that rates are given for."""
COUNTED = ("accepted", "sent")


class Sample(NamedTuple):
    """The counters at one moment (seconds of the clock)."""

    at: float
    accepted: int
    sent: int


class Rates:
    """Messages a second, for operators; nothing is measured before `start`."""

    def __init__(self, counters: Counters, clock: IReactorTime) -> None:
        self._counters = counters
        self._clock = clock
        self.made = clock.seconds()
        """When the gateway was composed (seconds)."""
        self._samples: deque[Sample] = deque(maxlen=max(SPANS) + 1)
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Take a sample now and one every second."""
        self._samples.append(Sample(self._clock.seconds(), *self._now()))
        self._call = self._clock.callLater(PERIOD, self.start)

    def stop(self) -> None:
        """Take no more samples."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _now(self) -> tuple[int, int]:
        return self._counters.accepted, self._counters.sent

    def rates(self) -> dict[str, dict[str, float]]:
        """`{"accepted": {"1": ..., "10": ..., "60": ...}, "sent": ...}` in messages a second.

        Up to the last sample; a span reaches as far back as there are samples.
        """
        return {
            name: {str(span): round(self._rate(place, span), 1) for span in SPANS}
            for place, name in enumerate(COUNTED, 1)
        }

    def _rate(self, place: int, span: int) -> float:
        samples = self._samples
        if len(samples) < 2:
            return 0.0
        latest = samples[-1]
        earliest = samples[max(0, len(samples) - 1 - span)]
        elapsed = latest.at - earliest.at
        return 0.0 if elapsed <= 0 else float(latest[place] - earliest[place]) / elapsed
