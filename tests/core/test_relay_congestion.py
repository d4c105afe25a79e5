"""A slow disk and peers that keep no window: reading stops before memory fills, and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from carrier_kit import Traffic, arrivals, assert_clean, drain, links
from relay_esme_kit import Disk
from relay_kit import World, account, carrier

from smppgw.core import account as account_module
from smppgw.core.settings import NumberSettings
from smppgw.core.store import group_commit
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.session import BOUND

CONGESTED = 200
PIECE = 4_096
"""Octets of one read."""
IN_ONE_READ = 60
"""More messages than these are not in it."""
FLOOD = 3_000
PHONE = "33600000001"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "CONGESTED", CONGESTED)
    monkeypatch.setattr(account_module, "HEAD", 50)


def start(tmp_path: Path, **rest) -> World:
    """A world whose carrier keeps no window for its deliver_sm; reads are small."""
    world = World(
        tmp_path / "var",
        accounts=(account("esme", window=10_000),),
        behaviours={"a": Behaviour(delivery_window=100_000, receipt_copies=5)},
        numbers=(NumberSettings(address="38100", account="esme"),),
        start=False,
        **rest,
    )
    world.network.split = PIECE
    world.relay.start()
    world.settle()
    return world


def weigh(world: World) -> list[int]:
    """How much waits for the disk, after each request that was read and will be answered."""
    weights: list[int] = []
    answer = world.store.answer

    def answered(*arguments) -> None:
        answer(*arguments)
        weights.append(world.store.batch.weight)

    world.store.answer = answered
    return weights


def flood(world: World, kind: str) -> None:
    """More deliver_sm than memory should hold, all at once."""
    for n in range(FLOOD):
        if kind == "orphan":
            text = f"id:{n} sub:001 dlvrd:001 stat:DELIVRD err:000 text:"
            world.simulated["a"].send_mo(PHONE, "38100", text, esm_class=4)
        else:
            world.simulated["a"].send_mo(PHONE, "38100" if kind == "mo" else "99999", f"#{n}")


@pytest.mark.parametrize("kind", ["mo", "stray", "orphan"])
@pytest.mark.parametrize("stuck", [False, True])
def test_a_carrier_that_keeps_no_window_is_not_read_while_the_disk_is_slow(
    tmp_path: Path, kind: str, stuck: bool
) -> None:
    world = start(tmp_path)
    weights = weigh(world)
    world.sync.delay, world.sync.stuck = 0.5, stuck
    flood(world, kind)
    world.settle(20)
    if stuck:
        assert len(weights) <= CONGESTED + 2 * IN_ONE_READ
        world.sync.go_on()
        world.settle(20)
    assert max(weights) <= CONGESTED + IN_ONE_READ
    assert len(weights) == FLOOD, "and all of it came in the end"
    world.settle(30)
    assert world.simulated["a"].counters["deliveries_taken"] == FLOOD
    assert not world.store.congested
    rows = {"mo": "delivery", "stray": "unrouted", "orphan": "orphan"}[kind]
    world.engine.flush()
    assert world.engine.select(f"SELECT count(*) FROM {rows}") == [(FLOOD,)]  # noqa: S608


def test_a_bind_made_while_the_disk_is_slow_is_not_read_either(tmp_path: Path) -> None:
    world = start(tmp_path)
    weights = weigh(world)
    world.sync.stuck = True
    flood(world, "mo")
    world.settle(1)
    read = len(weights)
    for _ in range(5):  # it sends again on each bind what was not answered on the last
        world.simulated["a"].disconnect()
        world.settle(5)
        assert links(world)[0]._session.state in BOUND
    assert len(weights) - read <= 5 * IN_ONE_READ, "what comes with the bind answer"
    esme = Traffic(world)
    esme.send(PHONE)
    world.settle(1)
    assert not world.store.batch.accepted
    world.sync.go_on()
    world.settle(30)
    assert world.simulated["a"].counters["deliveries_taken"] >= FLOOD
    assert esme.status(1) == 0
    assert_clean(world)


def test_time_in_which_we_do_not_read_costs_no_message_its_answer(tmp_path: Path) -> None:
    world = start(tmp_path, carriers=(carrier("a", window=5, response_timeout=5.0),))
    traffic = Traffic(world)
    world.simulated["a"].behaviour = Behaviour(response_delay=2.0)
    numbers = [traffic.send(f"3360000001{n}") for n in range(5)]
    world.settle(1)
    assert len(arrivals(world)) == 5
    world.sync.stuck = True
    flood(world, "mo")
    world.settle(60)
    assert {traffic.status(n) for n in numbers} == {0}
    world.sync.go_on()
    drain(world)
    assert len(arrivals(world)) == 5, "none was given up and sent again"
    assert_clean(world)


def test_a_disk_that_refuses_is_answered_for_and_not_waited_for(tmp_path: Path) -> None:
    """Congested when the disk fills up: who was not read from is read again, and refused."""
    world = start(tmp_path)
    disk = Disk(world)
    world.sync.stuck = True
    flood(world, "stray")
    world.settle(1)
    assert world.store.congested
    disk.full = True
    world.sync.go_on()
    world.settle(3)
    assert world.store.trouble
    assert not world.store.congested
    traffic = Traffic(world)
    refused = traffic.send(PHONE)
    world.settle(1)
    assert traffic.status(refused) == wire.CommandStatus.ESME_RSYSERR
    disk.full = False
    world.settle(60)
    assert world.simulated["a"].counters["deliveries_taken"] == FLOOD
    assert_clean(world)
