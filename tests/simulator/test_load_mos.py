"""Messages from phones as a load: rate, keywords, and each accounted for."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from simulator_kit import Run, World

from smppgw.simulator import mo_flow
from smppgw.simulator.mo_flow import MoFlow, MoLoad
from smppgw.simulator.shapes import shape


def storm(rate: float = 200.0, seconds: float = 3.0, **more: Any) -> dict[str, Any]:
    return {"rate": rate, "seconds": seconds, **more}


def test_every_message_of_a_phone_is_accounted_for() -> None:
    world = World()
    run = Run(world, count=0, mos=storm(phones=50))
    result = run.end()
    mos = result["mos"]
    assert mos["sent"] == mos["acknowledged"] == mos["taken"] == 600
    assert mos["lost"] == mos["duplicates"] == mos["out_of_order"] == mos["unsent"] == 0
    assert mos["rate"] == pytest.approx(200.0, rel=0.05)
    assert mos["latency"]["count"] == 600
    assert result["messages"]["sent"] == 0
    assert sum(count for _, count in result["histogram"]) == 600, "there is nothing else to plot"
    texts = {pdu.short_message.decode().split()[0] for pdu in run.esme.inbox}
    assert texts == {"HELLO"}
    assert {pdu.destination_addr for pdu in run.esme.inbox} == {"38100"}
    assert len({pdu.source_addr for pdu in run.esme.inbox}) == 50


def test_keywords_by_weight() -> None:
    run = Run(World(), count=0, mos=storm(1000.0, 4.0, keywords={"STOP": 1, "VOTE 1": 3}))
    words = run.end()["mos"]["keywords"]
    assert sum(words.values()) == 4000
    assert words["VOTE 1"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_chance_can_be_repeated() -> None:
    def sources() -> list[str]:
        run = Run(World(), count=0, mos=storm(seconds=0.5, phones=1000))
        run.end()
        return [pdu.source_addr for pdu in run.esme.inbox]

    assert sources() == sources()


def test_latency_counts_from_when_it_was_due_although_nobody_took_it() -> None:
    world = World(delivery_window=1)
    run = Run(world, count=0, delivery_delay=0.5, mos=storm(10.0, 2.0), limits={"settle": 30.0})
    mos = run.end()["mos"]
    assert mos["taken"] == 20
    assert mos["latency"]["max"] == pytest.approx(20 * 500 - 1900, rel=0.15)


def test_nothing_piles_up_at_the_carrier_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mo_flow, "MOST_WAITING", 30)
    world = World(delivery_window=4)
    run = Run(
        world,
        count=0,
        answer_deliveries=False,
        mos=storm(100.0, 3.0),
        limits={"settle": 1.0, "seconds": 3.0},
    )
    most = 0
    for _ in range(100):
        run.advance(0.1)
        most = max(most, world.carrier.waiting)
    mos = run.run.result()["mos"]
    assert most <= 34, "30, and those that come back when the bind is gone"
    assert mos["sent"] <= 34
    assert mos["sent"] + mos["unsent"] == 300
    assert mos["acknowledged"] == 0


def test_messages_and_mos_together() -> None:
    run = Run(World(), window=50, count=10**6, shape=shape("constant", 50.0, 2.0), mos=storm())
    result = run.end()
    assert (result["messages"]["accepted"], result["mos"]["taken"]) == (100, 600)
    assert result["latency"]["count"] == sum(count for _, count in result["histogram"]) == 100


def test_an_interruption_stops_the_phones() -> None:
    run = Run(World(), count=0, mos=storm(100.0, 100.0))
    run.advance(2)
    run.run.interrupt()
    mos = run.end(within=2)["mos"]
    assert mos["sent"] == mos["taken"] == pytest.approx(200, abs=10)


def test_mos_of_somebody_else_are_counted() -> None:
    world = World()
    run = Run(world, count=10)
    world.carrier.send_mo("33600000009", "38100", "hello")
    assert run.end()["mos"] == {"taken": 1}


@pytest.mark.parametrize("keywords", [{}, {"A": 0.0}, {"A": 2.0, "B": -1.0}])
def test_weights_that_are_none(keywords: dict[str, float]) -> None:
    world = World()
    load = MoLoad(shape=shape("constant", 1.0, 1.0), keywords=keywords)
    with pytest.raises(ValueError, match="weights"):
        MoFlow(world.carrier, load, world.accounting, Random(1))
