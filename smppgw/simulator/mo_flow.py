"""Messages from phones as a load: so many per second, each marked, with keywords by weight.

Owns: when the next one is due, from which phone and with which keyword, and how long each took.
Refuses to know what a keyword means, and how a message reaches the gateway (`carrier`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from math import inf
from random import Random
from typing import Any, Final

from attrs import field, frozen, validators

from smppgw.simulator.accounting import Accounting, Marker
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.latencies import Latencies
from smppgw.simulator.phones import FIRST
from smppgw.simulator.shapes import Arrivals, Shape

FLOW: Final = "mo"
"""Name in the markers."""
MOST_WAITING: Final = 10_000
"""deliver_sm that wait for a bind at the carrier; no more messages are made meanwhile."""
_RETRY: Final = 0.01


@frozen(kw_only=True)
class MoLoad:
    """Settings of a `MoFlow`."""

    shape: Shape
    number: str = "38100"
    """Whom the phones write to."""
    phones: int = field(default=10_000, validator=validators.ge(1))
    keywords: Mapping[str, float] = field(factory=lambda: {"HELLO": 1.0})
    """What a text begins with, by weight; the marker follows."""
    source_addr_ton: int = 1
    source_addr_npi: int = 1


class MoFlow:
    """Phones that write at a simulated carrier, at a rate that nothing changes.

    `latencies` are from when a message was due until an ESME had taken it; it is `accounting` that
    notices. Chance comes from `random`. While too much waits for the gateway to take it, none is
    made; those that were due meanwhile follow, and their latency counts all the same.
    """

    def __init__(
        self, carrier: SimulatedCarrier, load: MoLoad, accounting: Accounting, random: Random
    ) -> None:
        self.load = load
        self.sent = 0
        self.unsent = 0
        """Due, and not written, for too much waited at the carrier."""
        self.latencies = Latencies()
        self.words: dict[str, int] = dict.fromkeys(load.keywords, 0)
        """How often each keyword was written."""
        self._carrier = carrier
        self._accounting = accounting
        self._random = random
        self._words = tuple(load.keywords)
        self._limits = tuple(accumulate(load.keywords.values()))
        if not self._limits or self._limits[-1] <= 0 or min(load.keywords.values()) < 0:
            raise ValueError("weights are numbers, at least one of them above 0")
        self._arrivals = Arrivals(load.shape)
        self._started = inf
        self._stopped = False
        accounting.arrived = self._arrived

    @property
    def over(self) -> bool:
        """No more will be written."""
        return self._stopped or self._arrivals.next == inf

    @property
    def settled(self) -> bool:
        """No more will be written, and every one has arrived."""
        return self.over and self.latencies.count >= self.sent

    def start(self) -> None:
        """Write from now on."""
        self._started = self._carrier.clock.seconds()
        self._turn()

    def stop(self) -> None:
        """Write nothing more; what was due by now and not written is counted."""
        now = self._carrier.clock.seconds()
        while not self.over and self._started + self._arrivals.next <= now:
            self.unsent += 1
            self._arrivals.advance()
        self._stopped = True

    def report(self) -> dict[str, Any]:
        """What was written, what the gateway acknowledged and the ESME took, and in which time."""
        sums = self._accounting.report(FLOW)
        return {
            "sent": self.sent,
            "unsent": self.unsent,
            **sums,
            "keywords": dict(self.words),
            "latency": self.latencies.report(),
        }

    def _turn(self) -> None:
        carrier, now = self._carrier, self._carrier.clock.seconds()
        while not self.over and self._started + self._arrivals.next <= now:
            if carrier.waiting >= MOST_WAITING:
                carrier.agenda.after(_RETRY, self._turn)
                return
            self._write()
        if not self.over:
            carrier.agenda.after(self._started + self._arrivals.next - now, self._turn)

    def _write(self) -> None:
        load, chance = self.load, self._random
        place = bisect_right(self._limits, chance.random() * self._limits[-1])
        word = self._words[min(place, len(self._words) - 1)]
        self.words[word] += 1
        self._carrier.send_mo(
            str(FIRST + chance.randrange(load.phones)),
            load.number,
            f"{word} {Marker(FLOW, self.sent)}",
            source_addr_ton=load.source_addr_ton,
            source_addr_npi=load.source_addr_npi,
        )
        self.sent += 1
        self._arrivals.advance()

    def _arrived(self, marker: Marker) -> None:
        if marker.flow == FLOW:
            due = self._started + self.load.shape.when(marker.number)
            self.latencies.add(self._carrier.clock.seconds() - due)
