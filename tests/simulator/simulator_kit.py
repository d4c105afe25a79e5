"""A carrier and ESMEs in one memory network, on one clock."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.task import Clock

from smppgw.simulator.accounting import Accounting
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.esme import Load, SimulatedEsme
from smppgw.simulator.load_run import Limits, LoadRun
from smppgw.simulator.memory import MemoryNetwork
from smppgw.simulator.mo_flow import MoFlow, MoLoad
from smppgw.simulator.series import Row
from smppgw.simulator.shapes import shape
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


class Run:
    """A load test of the carrier of a world."""

    def __init__(
        self,
        world: World,
        *,
        both_ends: bool = True,
        limits: dict[str, float] | None = None,
        mos: dict[str, Any] | None = None,
        **load: Any,
    ) -> None:
        self.world = world
        self.esme = world.esme(**load)
        self.mos = None
        if mos is not None:
            settings = MoLoad(shape=shape("constant", mos.pop("rate"), mos.pop("seconds")), **mos)
            self.mos = MoFlow(world.carrier, settings, world.accounting, Random(1))
        self.rows: list[Row] = []
        self.gauge: float | None = None
        self.run = LoadRun(
            self.esme,
            world.clock,
            world.accounting,
            limits=Limits(**(limits or {})),
            both_ends=both_ends,
            mos=self.mos,
            gauges={"queue": lambda: self.gauge},
            told=lambda run, row: self.rows.append(row),
        )
        self.run.start()
        world.clock.advance(0)

    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)

    def end(self, within: float = 60.0) -> dict[str, Any]:
        """Let it end; its result."""
        for _ in range(round(within * 10)):
            if self.run.done.called:
                break
            self.world.advance(0.1)
        assert self.run.done.called, f"it is still {self.run.phase}"
        result = self.run.result()
        assert balanced(self.esme)
        return result


def result_of(behaviour: dict[str, Any] | None = None, **load: Any) -> dict[str, Any]:
    """The result of a load test in a world of its own."""
    run = Run(World(**(behaviour or {})), limits={"settle": 1.0}, **load)
    return run.end()
