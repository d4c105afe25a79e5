"""A load test in memory, for what is said and drawn of it."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.task import Clock

from smppgw.cli.load_report import document
from smppgw.simulator.accounting import Accounting
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.esme import SimulatedEsme
from smppgw.simulator.figures import requirement
from smppgw.simulator.load import Load
from smppgw.simulator.load_run import Limits, LoadRun
from smppgw.simulator.memory import MemoryNetwork
from smppgw.simulator.mo_flow import MoFlow, MoLoad
from smppgw.simulator.series import Row
from smppgw.simulator.shapes import shape

PLAN = {
    "target": "127.0.0.1:2775",
    "system_id": "<demo>",
    "loop": "open",
    "shape": "constant",
    "rate": 100.0,
    "binds": 1,
    "bind": "transceiver",
    "window": 50,
    "receipts": True,
}


def run_of(
    *, messages: bool = True, mo_rate: float = 20.0, told: Any = None, **behaviour: Any
) -> LoadRun:
    """A run of three seconds at 100 messages a second, and phones that write; it is over."""
    clock = Clock()
    network, accounting = MemoryNetwork(clock), Accounting()
    settings = Behaviour(**{"response_delay": 0.02, **behaviour})
    carrier = SimulatedCarrier(settings, clock, Random(1), accounting=accounting)
    network.listen("far:2775", carrier.factory)
    load = Load(count=10**6 if messages else 0, window=50, shape=shape("constant", 100.0, 3.0))
    esme = SimulatedEsme(
        load,
        lambda session, handler: network.connect("far:2775", session, handler),
        clock,
        accounting,
    )
    mos = None
    if mo_rate:
        flow = MoLoad(shape=shape("constant", mo_rate, 3.0), keywords={"STOP": 1.0, "<b>": 1.0})
        mos = MoFlow(carrier, flow, accounting, Random(1))
    run = LoadRun(
        esme,
        clock,
        accounting,
        limits=Limits(seconds=3.0, settle=2.0),
        both_ends=True,
        mos=mos,
        gauges={"queue": lambda: 3.0, "load_cpu": lambda: 0.5},
        told=told,
    )
    run.start()
    for _ in range(1500):
        clock.advance(0.01)
    assert run.done.called
    return run


def found(*requirements: str, plan: dict[str, Any] | None = None, **run: Any) -> dict[str, Any]:
    """The document of such a run."""
    wanted = [requirement(one) for one in requirements]
    return document(plan or PLAN, "2026-11-20T15:00:00+00:00", run_of(**run).result(), wanted)


def rows_of(**run: Any) -> list[tuple[LoadRun, Row]]:
    """What was told while it ran."""
    told: list[tuple[LoadRun, Row]] = []
    run_of(told=lambda one, row: told.append((one, row)), **run)
    return told
