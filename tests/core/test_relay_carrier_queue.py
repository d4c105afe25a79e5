"""What waits for a carrier: on disk when it is dead, elsewhere if it can, in fair shares."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from carrier_kit import (
    Traffic,
    absent,
    arrivals,
    assert_clean,
    assert_in_order,
    back,
    crash,
    drain,
    duplicates,
    idle,
    number_of,
    taken,
    world_of,
)
from relay_kit import account, carrier

from smppgw.core import queue as queue_module
from smppgw.core.message import State
from smppgw.core.settings import RouteSettings, StatusRule
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.wire.times import format_relative

D1, D2 = "33600000001", "33600000002"
REROUTE = {"0x0B": StatusRule(action="reroute")}
THREE = (("a",), ("b",), ("c",))


def three(**fields):
    return [carrier(name, 2790 + n, **fields) for n, name in enumerate("abc")]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten messages of a lane in memory."""
    monkeypatch.setattr(queue_module, "HEAD", 10)
    monkeypatch.setattr(queue_module, "LOAD", 5)


# ---------------------------------------------------------------------- a dead carrier


@pytest.mark.parametrize("destinations", [1, 7, 300])
@pytest.mark.usefixtures("small")
def test_a_dead_carrier_fills_the_disk_and_not_the_memory(
    tmp_path: Path, destinations: int
) -> None:
    world = world_of(tmp_path)
    absent(world)
    traffic = Traffic(world)
    numbers = []
    for n in range(300):
        numbers.append(traffic.send(f"3360000{n % destinations:04}"))
        if n % 50 == 0:
            world.settle(1)
    world.settle(3)
    assert len(traffic.acknowledged()) == 300
    assert len(world.store.live) <= 10
    depth = world.relay.carriers["a"].queue.depth()
    assert depth == {"codes": 0, "transactional": 300, "bulk": 0, "expedited": 0}
    assert world.relay.queued == 300
    back(world)
    drain(world)
    assert taken(world) == numbers
    assert_clean(world)


@pytest.mark.usefixtures("small")
def test_what_comes_while_it_drains_stays_behind(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", throughput=50.0))
    absent(world)
    traffic = Traffic(world)
    for n in range(60):
        traffic.send(f"336000000{n % 9}")
    world.settle(2)
    back(world)
    for n in range(120):
        world.settle(0.05)
        traffic.send(f"336000000{n % 9}")
    drain(world)
    assert sorted(taken(world)) == list(range(1, 181))
    assert_in_order(world)
    assert_clean(world)


@pytest.mark.parametrize("moment", [0.0, 0.02, 2.0, 4.0])
@pytest.mark.usefixtures("small")
def test_a_queue_on_disk_survives_crashes_in_order(tmp_path: Path, moment: float) -> None:
    world = world_of(
        tmp_path, carrier("a", window=4), behaviours={"a": Behaviour(response_delay=0.1)}
    )
    absent(world)
    traffic = Traffic(world)
    numbers = [traffic.send(f"336000000{n % 5}") for n in range(100)]
    world.settle(1)
    crash(world)
    back(world)
    world.settle(1)
    world.settle(moment, step=0.01)
    crash(world)
    drain(world)
    assert sorted(set(taken(world))) == numbers
    assert duplicates(world) <= 4
    assert_in_order(world)
    assert_clean(world)


@pytest.mark.usefixtures("small")
def test_cancelled_rows_leave_no_hole_in_the_queue(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    absent(world)
    traffic = Traffic(world)
    numbers = [traffic.send(D1) for _ in range(80)]
    world.settle(1)
    for number in numbers[15:60]:
        esme, sequence = traffic.sent[number]
        esme.request(wire.CancelSm(message_id=esme.id_of(sequence), source_addr="12345"))
    world.settle(0.01, step=0.01)
    back(world)
    world.settle(8)
    assert idle(world)
    assert taken(world) == numbers[:15] + numbers[60:]
    assert world.ledger()["cancelled"] == 45
    assert_clean(world)


def test_a_postponed_message_that_went_elsewhere_is_not_sent_from_its_old_place(
    tmp_path: Path,
) -> None:
    world = world_of(
        tmp_path,
        carrier("a", 2790, reconnect=0.2, max_reconnect=0.4),
        carrier("b", 2791, reconnect=0.2, max_reconnect=0.4),
    )
    world.relay.carriers["a"].hold()
    absent(world, "b")
    traffic = Traffic(world)
    number = traffic.send(D1, "{status=0x58,times=1}")
    world.settle(1)
    esme, sequence = traffic.sent[number]
    assert traffic.message(number).carrier == "a"
    esme.request(
        wire.ReplaceSm(
            message_id=esme.id_of(sequence),
            source_addr="12345",
            schedule_delivery_time="000000000010000R",
            short_message=b"{status=0x14,times=1}#1",
        )
    )
    back(world, "b")
    world.settle(11.2)
    assert traffic.message(number).carrier == "b"
    assert traffic.state(number) == State.WAITING  # refused by b for now
    world.relay.carriers["a"].release()
    drain(world)
    assert not arrivals(world, "a")
    assert taken(world, "b") == [number]
    assert_clean(world)


# ---------------------------------------------------------------------- an alternative


def test_a_short_absence_moves_nothing(tmp_path: Path) -> None:
    world = world_of(tmp_path, *three()[:2])
    absent(world, "a")
    absent(world, "b")
    traffic = Traffic(world)
    number = traffic.send(D1)
    back(world, "b")
    world.settle(3)
    back(world, "a")
    drain(world)
    assert sorted(taken(world)) == [number]
    assert_clean(world)


def test_new_messages_go_round_a_dead_carrier_at_once(tmp_path: Path) -> None:
    world = world_of(tmp_path, *three()[:2])
    absent(world, "a")
    traffic = Traffic(world)
    numbers = [traffic.send(D1) for _ in range(5)]
    world.settle(1)
    assert taken(world, "b") == numbers
    back(world, "a")
    world.settle(30)
    more = [traffic.send(D1) for _ in range(5)]
    drain(world)
    assert taken(world, "a") == more
    assert_clean(world)


# ---------------------------------------------------------------------- re-routing


def test_a_listed_status_sends_it_to_the_next_carrier(tmp_path: Path) -> None:
    world = world_of(tmp_path, *three(statuses=REROUTE))
    traffic = Traffic(world)
    numbers = [traffic.send(D1, "{status=0x0B,times=1}") for _ in range(3)]
    plain = [traffic.send(D1) for _ in range(3)]
    drain(world)
    # Each carrier sees a text for the first time and refuses it: none is left in the end.
    for name in "abc":
        refused = [one for one in arrivals(world, name) if one.command_status]
        assert [number_of(one) for one in refused] == numbers
    assert taken(world, "a") == plain
    assert {traffic.state(n) for n in numbers} == {State.REJECTED}
    assert traffic.message(numbers[0]).tried == "a b"
    assert traffic.message(numbers[0]).attempts == 3
    assert_clean(world)


def test_rerouted_messages_keep_their_order_at_the_next_carrier(tmp_path: Path) -> None:
    bad = Behaviour(error_rate=1.0, error_status=0x0B, response_jitter=0.2)
    world = world_of(tmp_path, *three(statuses=REROUTE, window=4), behaviours={"a": bad, "b": bad})
    traffic = Traffic(world)
    numbers = [traffic.send(f"336000000{n % 6}", registered_delivery=1) for n in range(60)]
    drain(world)
    world.settle(3)
    assert sorted(taken(world, "c")) == numbers
    assert_in_order(world, "c")
    lines = world.relay.ledger.lines("carrier")
    assert [lines[name]["moved"] for name in "abc"] == [60, 60, 0]
    assert lines["c"]["delivered"] == 60
    assert len(traffic.esme.delivered) == 60
    assert_clean(world)


def test_tries_bound_a_reroute_too(tmp_path: Path) -> None:
    rules = {"0x0B": StatusRule(action="reroute", tries=2)}
    world = world_of(tmp_path, *three(statuses=rules))
    traffic = Traffic(world)
    number = traffic.send(D1, "{status=0x0B}")
    drain(world)
    assert len(arrivals(world)) == 2
    assert traffic.state(number) == State.REJECTED
    assert_clean(world)


def test_a_crash_between_carriers(tmp_path: Path) -> None:
    slow = Behaviour(error_rate=1.0, error_status=0x0B, response_delay=0.5)
    for moment in (0.2, 0.5, 0.55, 0.9, 1.1):
        world = world_of(
            tmp_path / str(moment),
            *three(statuses=REROUTE, window=5),
            behaviours={"a": slow, "b": slow, "c": Behaviour(response_delay=0.5)},
        )
        traffic = Traffic(world)
        numbers = [traffic.send(f"336000000{n % 6}") for n in range(20)]
        world.settle(moment, step=0.01)
        assert len(traffic.acknowledged()) == 20
        crash(world)
        drain(world)
        assert sorted(set(taken(world))) == numbers
        assert duplicates(world) <= 15
        assert_in_order(world, "c")
        assert_clean(world)


# ---------------------------------------------------------------------- shared load


def test_a_group_shares_the_load(tmp_path: Path) -> None:
    routes = (RouteSettings(prefix="", carriers=(("a", "b"), ("c",))),)
    world = world_of(tmp_path, *three(), routes=routes)
    traffic = Traffic(world)
    for n in range(60):
        traffic.send(f"336000001{n:02}")
    drain(world)
    assert [len(taken(world, name)) for name in "abc"] == [30, 30, 0]
    absent(world, "a")
    for n in range(60):
        traffic.send(f"336000002{n:02}")
    drain(world)
    assert [len(taken(world, name)) for name in "abc"] == [30, 90, 0]
    absent(world, "b")
    for n in range(60):
        traffic.send(f"336000003{n:02}")
    drain(world)
    assert [len(taken(world, name)) for name in "abc"] == [30, 90, 60]
    assert_clean(world)


def test_a_group_takes_over_what_one_of_it_refuses(tmp_path: Path) -> None:
    routes = (RouteSettings(prefix="", carriers=(("a", "b"), ("c",))),)
    bad = Behaviour(error_rate=1.0, error_status=0x0B)
    world = world_of(tmp_path, *three(statuses=REROUTE), routes=routes, behaviours={"a": bad})
    traffic = Traffic(world)
    numbers = [traffic.send(f"336000001{n:02}") for n in range(40)]
    drain(world)
    assert len(arrivals(world, "a")) == 20
    assert sorted(taken(world, "b")) == numbers
    assert_clean(world)


# ---------------------------------------------------------------------- priorities


def test_a_code_does_not_wait_for_a_campaign(tmp_path: Path) -> None:
    accounts = (
        account("esme", window=10_000, priority="bulk", max_priority="bulk"),
        account("codes", window=10_000, priority="codes"),
    )
    world = world_of(tmp_path, carrier("a", throughput=10.0, window=5), accounts=accounts)
    bulk = Traffic(world)
    for n in range(400):
        bulk.send(f"3360001{n:04}")
    world.settle(5)
    codes = Traffic(world, world.esme("codes"))
    codes.number = 1000
    waits = []
    for n in range(20):
        world.settle(0.7)
        number = codes.send(f"3370001{n:04}")
        begin = world.clock.seconds()
        while number not in taken(world):
            world.settle(0.05)
        waits.append(world.clock.seconds() - begin)
    assert max(waits) < 0.5
    # And the campaign went on meanwhile.
    assert len(taken(world)) > 10 * (world.clock.seconds() - begin) + 100
    drain(world)
    assert_clean(world)


def test_classes_share_by_weight_and_none_starves(tmp_path: Path) -> None:
    accounts = (account("esme", window=10_000, priority="bulk"),)
    world = world_of(tmp_path, carrier("a", window=1), accounts=accounts)
    absent(world)
    traffic = Traffic(world)
    classes = {}
    for n in range(200):
        for flag, name in ((0, "bulk"), (1, "transactional"), (2, "codes")):
            classes[traffic.send(f"336{flag}001{n:04}", priority_flag=flag)] = name
    world.settle(1)
    back(world)
    drain(world, step=0.1)
    first = Counter(classes[number] for number in taken(world)[:105])
    assert first == {"codes": 80, "transactional": 20, "bulk": 5}
    for name in ("bulk", "transactional", "codes"):
        mine = [number for number in taken(world) if classes[number] == name]
        assert mine == sorted(mine)
    assert_clean(world)


@pytest.mark.usefixtures("small")
def test_priorities_hold_on_disk_and_after_a_crash(tmp_path: Path) -> None:
    accounts = (account("esme", window=10_000, priority="bulk"),)
    world = world_of(tmp_path, carrier("a", window=1), accounts=accounts)
    absent(world)
    traffic = Traffic(world)
    bulk = [traffic.send(f"3360001{n:04}") for n in range(100)]
    codes = [traffic.send(f"3370001{n:04}", priority_flag=2) for n in range(40)]
    world.settle(1)
    crash(world)
    back(world)
    drain(world, step=0.1)
    order = taken(world)
    assert [number for number in order if number in bulk] == bulk
    assert [number for number in order if number in codes] == codes
    assert order.index(codes[-1]) < 45
    assert_clean(world)


def test_an_expired_priority_leaves_the_shares_alone(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    absent(world)
    traffic = Traffic(world)
    soon = format_relative(timedelta(seconds=5))
    for n in range(30):
        traffic.send(f"3370001{n:04}", priority_flag=2, validity_period=soon)
    kept = [traffic.send(f"3360001{n:04}") for n in range(30)]
    world.settle(10)
    back(world)
    drain(world)
    assert taken(world) == kept
    assert_clean(world)
