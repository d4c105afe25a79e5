"""Carrier and ESME through real sockets on loopback, on a port the system chooses."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest_twisted
from simulator_kit import balanced, receipts
from twisted.internet import reactor, task

from smppgw.simulator.accounting import Accounting
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.esme import Load, SimulatedEsme
from smppgw.smpp.net import connect, listen


async def until(condition: Any) -> None:
    """Wait, at most 10 seconds."""
    for _ in range(1000):
        if condition():
            return
        await task.deferLater(reactor, 0.01)
    raise AssertionError("it does not come")


@pytest_twisted.ensureDeferred
async def test_a_load_with_disconnects_by_tcp() -> None:
    accounting = Accounting()
    behaviour = Behaviour(disconnect_every=100, receipt_bind="any", receipt_copies=2)
    carrier = SimulatedCarrier(behaviour, reactor, Random(1), accounting=accounting)
    port = await listen(reactor, "tcp:0:interface=127.0.0.1", carrier.factory)
    number = port.getHost().port
    load = Load(
        count=500,
        window=20,
        bind="pair",
        reconnect=0.01,
        destinations=("331", "332", "333"),
    )
    esme = SimulatedEsme(
        load,
        lambda session, handler: connect(
            reactor, "127.0.0.1", number, lambda now: session, handler, timeout=5.0
        ),
        reactor,
        accounting,
    )
    try:
        esme.start()
        await until(lambda: esme.settled and esme.report()["receipts_unknown"] > 0)
        await until(lambda: not carrier.waiting)
    finally:
        await esme.stop()
        carrier.stop()
        await port.stopListening()
    report = esme.report()
    sums = accounting.report("mt")
    assert report["sent"] == 500
    assert report["unanswered"] > 0
    assert balanced(esme)
    assert receipts(esme) == {"DELIVRD": report["acknowledged"]}
    assert sums["acknowledged"] == report["acknowledged"]
    assert sums["taken"] == carrier.counters["taken"]
    assert sums["unpromised"] == report["receipts_unknown"]
    assert sums["lost"] == sums["duplicates"] == sums["out_of_order"] == 0
    assert report["latency"]["max"] >= report["latency"]["p50"] > 0
    await until(lambda: not carrier.factory.connections)
