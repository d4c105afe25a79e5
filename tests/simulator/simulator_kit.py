"""A carrier and ESMEs in one memory network, on one clock."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.task import Clock

from smppgw.simulator.accounting import Accounting
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.esme import Load, SimulatedEsme
from smppgw.simulator.memory import MemoryNetwork
from smppgw.smpp import wire

CARRIER = "carrier:2775"


class World:
    """An ESME that is bound to the carrier directly; the gateway would stand between them."""

    def __init__(self, seed: int = 1, **behaviour: Any) -> None:
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.accounting = Accounting()
        self.carrier = SimulatedCarrier(
            Behaviour(**behaviour), self.clock, Random(seed), accounting=self.accounting
        )
        self.network.listen(CARRIER, self.carrier.factory)

    def esme(self, **load: Any) -> SimulatedEsme:
        """An ESME that has not started."""
        return SimulatedEsme(
            Load(**load),
            lambda session, handler: self.network.connect(CARRIER, session, handler),
            self.clock,
            self.accounting,
        )

    def run(self, seconds: float = 0.0, **load: Any) -> SimulatedEsme:
        """Start an ESME, and let the time pass."""
        esme = self.esme(**load)
        esme.start()
        self.advance(seconds)
        return esme

    def advance(self, seconds: float) -> None:
        """Let the time pass in hundredths of a second."""
        self.clock.advance(0)
        for _ in range(round(seconds * 100)):
            self.clock.advance(0.01)

    def end(self, *esmes: SimulatedEsme) -> None:
        """Stop everything; nothing may be left to do."""
        gone = [esme.stop() for esme in esmes]
        self.clock.advance(0)
        self.carrier.stop()
        self.clock.advance(0)
        assert all(one.called for one in gone)
        assert self.network.wires == []
        assert self.clock.getDelayedCalls() == []


def balanced(esme: SimulatedEsme) -> bool:
    """Every message sent is accounted for."""
    report = esme.report()
    refused = sum(report["refused"].values())
    total = report["acknowledged"] + refused + report["unanswered"] + report["in_flight"]
    return bool(report["sent"] == total)


def receipts(esme: SimulatedEsme) -> dict[str, int]:
    """Receipts by stat, zeros left out."""
    return {stat: count for stat, count in esme.report()["receipts"].items() if count}


def status(name: str) -> int:
    return int(wire.CommandStatus[name])
