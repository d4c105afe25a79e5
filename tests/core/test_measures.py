"""Histograms and counters of carriers and accounts, and how many there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import EPOCH, World, account, carrier

from smppgw.core import measures as module
from smppgw.core.measures import MOST_BIND_REFUSALS, Histogram, Measures
from smppgw.core.message import State
from smppgw.core.settings import RouteSettings
from smppgw.simulator.behaviour import Behaviour


@pytest.mark.parametrize(
    ("figure", "bucket"), [(-1, 0), (0, 0), (10, 0), (10.1, 1), (20, 1), (21, 2), (1e9, 2)]
)
def test_a_figure_counts_at_the_first_bound_that_is_not_below_it(
    figure: float, bucket: int
) -> None:
    histogram = Histogram((10, 20))
    histogram.observe(figure)
    assert histogram.counts == [int(bucket == place) for place in range(3)]
    assert histogram.total == max(figure, 0)


def test_names_beyond_the_most_share_their_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CARRIERS", 2)
    monkeypatch.setattr(module, "MOST_ACCOUNTS", 1)
    measures = Measures()
    first, second = measures.carrier("a"), measures.carrier("b")
    assert measures.carrier("a") is first
    assert measures.carrier("c") is measures.carrier("d") is measures.other_carriers
    assert measures.carrier("b") is second
    assert measures.account("x").label == "x"
    assert measures.account("y").label == measures.account("z").label == module.REST
    assert len(measures.carriers) == 2
    assert len(measures.accounts) == 1


def test_a_message_is_measured_once_at_each_station(tmp_path: Path) -> None:
    behaviour = Behaviour(receipt_delay=3.0)
    world = World(tmp_path / "var", behaviours={"a": behaviour})
    esme = world.esme()
    esme.submit(registered_delivery=1)
    world.settle(1)
    measures = world.relay.measures
    a = measures.carriers["a"]
    assert (measures.accounts["esme"].accepted, a.sent, sum(a.answer_ms.counts)) == (1, 1, 1)
    assert [sum(one.counts) for one in measures.queue_ms] == [0, 1, 0, 0]
    assert sum(a.receipt_ms.counts) == 0
    world.settle(5)
    assert sum(a.receipt_ms.counts) == 1
    assert a.receipt_ms.total == pytest.approx(3000, abs=300)
    assert a.ended[State.DELIVERED] == sum(a.ended) == 1


def test_the_wait_in_a_queue_is_measured_at_the_first_submit(tmp_path: Path) -> None:
    world = World(tmp_path / "var", start=False)
    esme = world.esme()
    esme.submit()
    world.settle(7)
    world.relay.start()
    world.settle(1)
    (waited,) = [one for one in world.relay.measures.queue_ms if one.total]
    assert sum(waited.counts) == 1
    assert waited.total == pytest.approx(7000, abs=300)


def test_refusals_of_carriers_and_of_ours_are_counted(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        carriers=(carrier("a"),),
        accounts=(account("esme", throughput=1, burst=1),),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=0x58)},
        routes=(RouteSettings(prefix="336", carriers=(("a",),)),),
    )
    esme = world.esme()
    esme.submit()
    esme.submit()  # above its rate
    world.settle(1.5)
    esme.submit("4912345678")  # no route
    world.settle(0)
    one, a = world.relay.measures.accounts["esme"], world.relay.measures.carriers["a"]
    assert (one.accepted, one.refused, one.throttled) == (1, 2, 1)
    assert a.refused == a.throttled > 0
    assert sum(a.answer_ms.counts) == a.refused


def test_a_carrier_keeps_its_figures_when_it_is_made_anew(tmp_path: Path) -> None:
    world = World(tmp_path / "var")
    esme = world.esme()
    esme.submit()
    world.settle(1)
    world.relay.add_carrier(carrier("a", window=3), {})
    assert world.relay.carriers["a"].measures.sent == 1


def test_commits_are_timed(tmp_path: Path) -> None:
    world = World(tmp_path / "var")
    esme = world.esme()
    world.sync.delay = 0.03
    before = sum(world.store.commit_seconds.counts)
    esme.submit()
    world.clock.advance(0.01)
    assert world.store.waiting == 1
    world.clock.advance(0.01)
    assert world.store.commit_age == pytest.approx(0.02, abs=0.011)
    world.settle(1, step=0.01)
    assert sum(world.store.commit_seconds.counts) > before
    assert world.store.commit_seconds.total >= 0.03
    assert (world.store.waiting, world.store.commit_age) == (0, 0.0)


def test_the_oldest_of_a_queue_is_found_in_memory_and_in_rows(tmp_path: Path) -> None:
    world = World(tmp_path / "var")
    world.relay.carriers["a"].hold()
    esme = world.esme()
    ids = [esme.submit(f"3360000000{number}") for number in range(3)]
    world.settle(1)
    first = int(esme.id_of(ids[0]), 16)
    assert world.relay.carriers["a"].lanes() == {
        "codes": (0, 0),
        "transactional": (3, first),
        "bulk": (0, 0),
        "expedited": (0, 0),
    }
    world.engine.flush()
    world.network.cut()
    world.network.unlisten("127.0.0.1:2790")
    world.crash()  # nothing of the queue is in memory now
    assert world.relay.carriers["a"].lanes()["transactional"] == (3, first)


# ---------------------------------------------------------------------- refusals by status


def test_refusals_are_counted_where_they_happen(tmp_path: Path) -> None:
    statuses = {"33600000001": 0x0B, "33600000002": 0x58}
    world = World(tmp_path / "var", behaviours={"a": Behaviour(destination_statuses=statuses)})
    esme = world.esme()
    for destination in ("33600000001", "33600000002", ""):
        esme.submit(destination)
    world.settle()
    measures = world.relay.measures
    of_carrier = measures.carriers["a"]
    assert of_carrier.statuses.statuses == {0x0B: (1, EPOCH), 0x58: (1, EPOCH)}
    assert (of_carrier.refused, of_carrier.throttled) == (2, 1)
    assert measures.accounts["esme"].statuses.statuses == {0x0B: (1, EPOCH)}


def test_refused_binds_are_remembered_the_last_ones(tmp_path: Path) -> None:
    world = World(tmp_path / "var")
    for _ in range(MOST_BIND_REFUSALS + 3):
        world.relay.measures.refuse_bind(0x0E, "wrong password", 1.0)
    world.esme("stranger")
    refused = world.relay.measures.bind_refusals
    assert len(refused) == MOST_BIND_REFUSALS
    assert refused[-1] == (EPOCH, 0x0F, "unknown")
