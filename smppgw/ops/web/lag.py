"""How late the reactor is: what a call that was due had to wait for the turns before it.

Owns: one delayed call a period, and the histogram of its lateness.
Refuses to know: what keeps the reactor busy.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from smppgw.core.measures import Histogram

PERIOD = 0.25
"""Seconds between two looks."""
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Lag:
    """Measures nothing before `start`."""

    def __init__(self, clock: IReactorTime) -> None:
        self.seconds = Histogram(BOUNDS)
        self._clock = clock
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Look now and then, from one period from now on."""
        self._call = self._clock.callLater(PERIOD, self._look, self._clock.seconds() + PERIOD)

    def _look(self, due: float) -> None:
        self.seconds.observe(self._clock.seconds() - due)
        self.start()

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None and self._call.active():
            self._call.cancel()
