"""What operators' commands work with: the gateway, and what is measured about it.

Owns: nothing but these references. Refuses to know: commands, and through which door they come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred

from smppgw.core.relay import Relay
from smppgw.ops.looks import Looks
from smppgw.ops.rates import Rates
from smppgw.ops.readings import Counts, Readings
from smppgw.ops.revisions import Configuration
from smppgw.ops.shutdown import Shutdown


@frozen
class Desk:
    """What commands work with: the gateway, and what is measured about it."""

    relay: Relay
    rates: Rates
    in_thread: Callable[..., Deferred[Any]]
    """Runs a function off the reactor (twisted.internet.threads.deferToThread)."""
    configuration: Configuration | None = None
    """What operators change; None where they cannot."""
    shutdown: Shutdown | None = None
    """Stops the gateway; None where nobody may."""
    readings: Readings = field(init=False)
    """What is read from the store in a thread, for all operators one after the other."""
    counts: Counts = field(init=False)
    """The ledger, counted in the store."""
    looks: Looks = field(init=False)
    """The last minute, second by second, once `looks.start()` was called."""

    @readings.default
    def _readings(self) -> Readings:
        return Readings(self.in_thread, self.relay.clock)

    @counts.default
    def _counts(self) -> Counts:
        return Counts(self.relay, self.readings)

    @looks.default
    def _looks(self) -> Looks:
        return Looks(self.relay, self.relay.clock)
