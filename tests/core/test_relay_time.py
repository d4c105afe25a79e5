"""What happens by the clock: deferral, expiry, missing receipts, retention."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from carrier_kit import (
    Traffic,
    absent,
    arrivals,
    assert_balanced,
    assert_clean,
    back,
    crash,
    drain,
    idle,
    taken,
    world_of,
)
from relay_kit import World, carrier

from smppgw.core import queue as queue_module
from smppgw.core import scheduler
from smppgw.core.message import State
from smppgw.core.settings import GatewaySettings, RouteSettings
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.wire.times import format_absolute, format_relative

D1, D2 = "33600000001", "33600000002"
DAY = 86400.0


def at(world: World, seconds: float) -> str:
    """An absolute time so far from now."""
    return format_absolute(datetime.fromtimestamp(world.clock.seconds() + seconds, UTC))


def after(seconds: float) -> str:
    """A relative time."""
    return format_relative(timedelta(seconds=seconds))


@pytest.fixture(params=["absolute", "relative"])
def form(request: pytest.FixtureRequest):
    """`at` or `after`, as (world, seconds) -> text."""
    return at if request.param == "absolute" else lambda world, seconds: after(seconds)


# ---------------------------------------------------------------------- deferred


def test_a_deferred_message_leaves_when_it_is_due(tmp_path: Path, form) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    later = traffic.send(D1, schedule_delivery_time=form(world, 60))
    now = traffic.send(D1)
    world.settle(58)
    assert taken(world) == [now]
    assert traffic.state(later) == State.DEFERRED
    world.settle(4)
    assert taken(world) == [now, later]
    assert arrivals(world)[1].pdu.schedule_delivery_time == ""
    assert_clean(world)


def test_deferred_messages_leave_in_the_order_of_their_times(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    for seconds in (90, 30, 60, 0, 120):
        text = at(world, seconds) if seconds else ""
        traffic.send(D1, schedule_delivery_time=text)
    world.settle(130)
    assert taken(world) == [4, 2, 3, 1, 5]
    assert_clean(world)


def test_a_time_that_is_over_means_now(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    number = traffic.send(D1, schedule_delivery_time=at(world, -3600))
    drain(world)
    assert taken(world) == [number]
    assert_clean(world)


def test_deferred_messages_are_not_in_memory(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    for n in range(50):
        traffic.send(f"336000001{n:02}", schedule_delivery_time=at(world, 100))
    world.settle(2)
    assert not world.store.live
    assert world.ledger()["pending"] == 50
    world.settle(110)
    assert len(taken(world)) == 50
    assert_clean(world)


def test_many_deferred_messages_leave_in_small_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STEP", 10)
    world = world_of(tmp_path, carrier("a", window=1000))
    traffic = Traffic(world)
    for n in range(95):
        traffic.send(f"336000001{n:02}", schedule_delivery_time=at(world, 20))
    world.settle(19)
    counts = []
    for _ in range(200):
        world.settle(0.01, step=0.01)
        counts.append(len(taken(world)))
    assert counts[-1] == 95
    assert max(b - a for a, b in pairwise(counts)) == 10
    assert_clean(world)


def test_a_stuck_disk_does_not_make_deferred_messages_forgotten(tmp_path: Path) -> None:
    """Due before its row could be written."""
    world = world_of(tmp_path)
    traffic = Traffic(world)
    world.sync.stuck = True
    first = traffic.send(D1)
    world.settle(0.5)
    second = traffic.send(D2, schedule_delivery_time=at(world, 2))
    world.settle(10)
    assert not taken(world)
    world.sync.go_on()
    world.settle(5)
    assert taken(world) == [first, second]
    assert_clean(world)


def test_a_route_may_be_gone_when_a_message_is_due(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    number = traffic.send(D1, schedule_delivery_time=at(world, 10), registered_delivery=1)
    world.settle(1)
    world.relay.router = type(world.relay.router)([RouteSettings(prefix="44", carriers=(("a",),))])
    world.settle(15)
    assert traffic.state(number) == State.UNDELIVERABLE
    assert b"stat:UNDELIV" in traffic.esme.delivered[0].short_message
    assert_clean(world)


def test_deferred_messages_go_where_their_route_says_when_they_are_due(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", 2790), carrier("b", 2791))
    traffic = Traffic(world)
    number = traffic.send(D1, schedule_delivery_time=at(world, 10))
    absent(world, "a")
    world.settle(15)
    assert taken(world, "b") == [number]
    assert_clean(world)


@pytest.mark.parametrize("moment", [1.0, 29.9, 30.1, 31.0])
def test_deferred_messages_survive_a_crash(tmp_path: Path, moment: float) -> None:
    world = world_of(tmp_path, behaviours={"a": Behaviour(response_delay=0.5)})
    traffic = Traffic(world)
    for n in range(20):
        traffic.send(f"336000001{n:02}", schedule_delivery_time=at(world, 30))
    world.settle(moment, step=0.1)
    crash(world)
    world.settle(40)
    assert sorted(set(taken(world))) == list(range(1, 21))
    assert len(taken(world)) <= 20 + 10
    assert_clean(world)


# ---------------------------------------------------------------------- validity and expiry


def test_a_validity_reaches_the_carrier_as_an_absolute_time(tmp_path: Path, form) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    traffic.send(D1, validity_period=form(world, 3600))
    expected = at(world, 3600)
    absent(world)
    world.settle(600)
    back(world)
    drain(world)
    assert arrivals(world)[0].pdu.validity_period == expected
    assert_clean(world)


def test_without_a_validity_the_carrier_gets_none(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    traffic.send(D1)
    traffic.send(D2, validity_period="000000000000000R")
    drain(world)
    assert [one.pdu.validity_period for one in arrivals(world)] == ["", ""]
    assert_clean(world)


def test_a_validity_is_cut_to_the_longest_we_honour(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=GatewaySettings(max_validity=7200.0))
    traffic = Traffic(world)
    absent(world)
    number = traffic.send(D1, validity_period=at(world, 10 * DAY))
    begin = world.relay.now_ms()
    world.settle(1)
    assert abs(traffic.message(number).expires - begin - 7_200_000) < 1000
    back(world)
    drain(world)
    assert arrivals(world)[0].pdu.validity_period == at(
        world, begin / 1000 + 7200 - world.clock.seconds()
    )
    assert_clean(world)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"validity_period": "garbage"}, 0x62),
        ({"validity_period": "000101000000000+"}, 0x62),
        ({"schedule_delivery_time": "991399999999999+"}, 0x61),
        (
            {"schedule_delivery_time": "000000010000000R", "validity_period": "000000000100000R"},
            0x62,
        ),
    ],
)
def test_times_that_make_no_sense_are_refused(
    tmp_path: Path, fields: dict[str, str], status: int
) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    number = traffic.send(D1, **fields)
    world.settle(1)
    assert traffic.status(number) == status
    assert_clean(world)


@pytest.mark.parametrize(("registered", "told"), [(0, 0), (1, 1), (2, 1), (3, 0)])
def test_a_message_expires_in_the_queue(tmp_path: Path, form, registered: int, told: int) -> None:
    """Success-only is 2 and failure-only 3 in SMPP 5.0; in 3.4, 2 is failure and 3 reserved."""
    world = world_of(tmp_path)
    absent(world)
    traffic = Traffic(world)
    number = traffic.send(D1, validity_period=form(world, 30), registered_delivery=registered)
    kept = traffic.send(D1, validity_period=form(world, 3000))
    world.settle(28)
    assert traffic.state(number) == State.WAITING
    world.settle(4)
    assert traffic.state(number) == State.EXPIRED
    assert len(traffic.esme.delivered) == told
    if told:
        assert b"stat:EXPIRED" in traffic.esme.delivered[0].short_message
        assert wire.tlv_int(traffic.esme.delivered[0], wire.Tag.message_state) == State.EXPIRED
    back(world)
    drain(world)
    assert taken(world) == [kept]
    assert_clean(world)


def test_an_expired_message_never_leaves_even_before_a_sweep_finds_it(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", window=1))
    traffic = Traffic(world)
    traffic.send(D1, "{delay=3.2}")
    number = traffic.send(D2, validity_period=after(3))
    world.settle(3.1, step=0.05)
    world.relay.scheduler.stop()
    world.settle(1)
    assert number not in taken(world)
    assert traffic.state(number) == State.EXPIRED


def test_a_deferred_message_may_expire(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    absent(world)
    number = traffic.send(
        D1,
        schedule_delivery_time=at(world, 20),
        validity_period=at(world, 40),
        registered_delivery=1,
    )
    world.settle(35)
    assert traffic.state(number) == State.WAITING
    world.settle(10)
    assert traffic.state(number) == State.EXPIRED
    assert len(traffic.esme.delivered) == 1
    back(world)
    drain(world)
    assert not taken(world)
    assert_clean(world)


def test_the_default_validity_counts_from_the_time_it_is_due(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=GatewaySettings(validity=60.0))
    traffic = Traffic(world)
    number = traffic.send(D1, schedule_delivery_time=at(world, 300))
    world.settle(320)
    assert taken(world) == [number]
    assert_clean(world)


def test_a_whole_queue_expires_in_small_steps_and_by_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STEP", 10)
    monkeypatch.setattr("smppgw.core.queue.HEAD", 20)
    monkeypatch.setattr("smppgw.core.queue.LOAD", 10)
    world = world_of(tmp_path)
    absent(world)
    traffic = Traffic(world)
    for n in range(95):
        traffic.send(f"336000001{n:02}", validity_period=at(world, 20), registered_delivery=1)
    world.settle(19.5)
    left = [world.relay.queued]
    for _ in range(300):
        world.settle(0.01, step=0.01)
        left.append(world.relay.queued)
    assert left[-1] == 0
    assert max(a - b for a, b in pairwise(left)) <= 10
    world.settle(5)
    assert len(traffic.esme.delivered) == 95
    back(world)
    world.settle(70)
    assert idle(world)
    assert_clean(world)


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.7])
def test_what_expires_at_a_slow_carrier_ends_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: float
) -> None:
    """Each end lets the carrier look on in its queue, and find others that have expired."""
    monkeypatch.setattr(queue_module, "HEAD", 10)
    monkeypatch.setattr(queue_module, "LOAD", 5)
    world = world_of(tmp_path, carrier("a", throughput=0.5))
    traffic = Traffic(world)
    for n in range(80):
        soon = format_relative(timedelta(seconds=5))
        traffic.send(f"336000001{n:02}", validity_period=soon, registered_delivery=1)
    world.settle(4 + moment, step=0.1)
    world.settle(10, step=0.1)
    drain(world)
    assert len(traffic.esme.delivered) == 80
    assert_clean(world)


def test_expiry_does_not_touch_what_is_in_flight(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    number = traffic.send(D1, "{delay=10}", validity_period=at(world, 3))
    world.settle(8)
    assert traffic.state(number) == State.IN_FLIGHT
    drain(world)
    assert traffic.state(number) == State.ACCEPTED
    assert_clean(world)


def test_a_retry_that_would_come_too_late_expires(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    number = traffic.send(D1, "{status=0x08}", validity_period=at(world, 15))
    behind = traffic.send(D1)
    drain(world)
    assert traffic.state(number) == State.EXPIRED
    assert len(arrivals(world)) == 3
    assert taken(world) == [behind]
    assert_clean(world)


@pytest.mark.parametrize("moment", [5.0, 29.0, 31.0])
def test_expiry_survives_a_crash(tmp_path: Path, moment: float) -> None:
    world = world_of(tmp_path)
    absent(world)
    traffic = Traffic(world)
    short = [traffic.send(f"336000001{n:02}", validity_period=at(world, 30)) for n in range(9)]
    long = [traffic.send(f"336000001{n:02}") for n in range(9)]
    world.settle(moment)
    crash(world)
    world.settle(32)
    assert {traffic.state(n) for n in short} == {State.EXPIRED}
    back(world)
    drain(world)
    assert sorted(taken(world)) == long
    assert_clean(world)


# ---------------------------------------------------------------------- no receipt

WAIT = GatewaySettings(receipt_wait=60.0)


def test_without_a_receipt_the_outcome_is_unknown_in_the_end(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=WAIT)
    traffic = Traffic(world)
    number = traffic.send(D1, "{receipt=never}", registered_delivery=1)
    world.settle(58)
    assert traffic.state(number) == State.SENT
    world.settle(5)
    assert traffic.state(number) == State.UNKNOWN
    assert b"stat:UNKNOWN" in traffic.esme.delivered[0].short_message
    assert not world.relay.carriers["a"].awaiting
    assert_clean(world)


def test_what_the_carrier_called_accepted_ends_as_accepted(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=WAIT)
    traffic = Traffic(world)
    number = traffic.send(D1, "{receipt=ACCEPTD}", registered_delivery=1)
    world.settle(50)
    assert traffic.state(number) == State.SENT
    world.settle(15)
    assert traffic.state(number) == State.ACCEPTED
    assert b"stat:ACCEPTD" in traffic.esme.delivered[-1].short_message
    assert_clean(world)


def test_a_receipt_after_we_gave_up_corrects_the_outcome(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=WAIT)
    traffic = Traffic(world)
    number = traffic.send(D1, "{after=100}", registered_delivery=1)
    world.settle(80)
    assert traffic.state(number) == State.UNKNOWN
    world.settle(30)
    assert traffic.state(number) == State.DELIVERED
    assert world.ledger()["delivered"] == 1
    assert world.ledger()["unknown"] == 0
    assert_clean(world)


def test_missing_receipts_are_found_after_a_crash(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=WAIT)
    traffic = Traffic(world)
    numbers = [
        traffic.send(f"336000001{n:02}", "{receipt=never}", registered_delivery=1)
        for n in range(20)
    ]
    world.settle(30)
    crash(world)
    world.settle(20)
    assert {traffic.state(n) for n in numbers} == {State.SENT}
    world.settle(15)
    assert {traffic.state(n) for n in numbers} == {State.UNKNOWN}
    assert_clean(world)


def test_the_wait_for_a_receipt_begins_when_the_carrier_took_it(tmp_path: Path) -> None:
    """It waited in our queue longer than receipts are waited for."""
    world = world_of(tmp_path, gateway=WAIT)
    traffic = Traffic(world)
    deferred = traffic.send(
        D1, "{receipt=never}", registered_delivery=1, schedule_delivery_time=at(world, 100)
    )
    absent(world)
    queued = traffic.send(D2, "{after=30}", registered_delivery=1)
    world.settle(90)
    back(world)
    drain(world)
    world.settle(35)
    assert traffic.state(queued) == State.DELIVERED
    assert traffic.state(deferred) == State.SENT
    world.settle(60)
    assert traffic.state(deferred) == State.UNKNOWN
    assert_clean(world)


# ---------------------------------------------------------------------- retention


def rows(world: World, table: str) -> int:
    ((count,),) = world.engine.select(f"SELECT count(*) FROM {table}")  # noqa: S608
    return count


def test_finished_messages_are_pruned_in_small_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STEP", 10)
    world = world_of(tmp_path, gateway=GatewaySettings(retention=100.0))
    traffic = Traffic(world)
    for n in range(95):
        traffic.send(f"336000001{n:02}")
    drain(world)
    world.settle(1)
    assert_balanced(world)
    world.settle(95)
    counts = [rows(world, "message")]
    assert counts == [95]
    for _ in range(600):
        world.settle(0.01, step=0.01)
        counts.append(rows(world, "message"))
    assert counts[-1] == 0
    assert max(a - b for a, b in pairwise(counts)) <= 20
    assert world.ledger()["accepted"] == 95  # the counters stay
    assert not world.store.live


def test_what_still_waits_is_not_pruned(tmp_path: Path) -> None:
    world = world_of(
        tmp_path, gateway=GatewaySettings(retention=100.0, receipt_wait=1000.0, validity=5000.0)
    )
    traffic = Traffic(world)
    deferred = traffic.send(D1, schedule_delivery_time=at(world, 300))
    sent = traffic.send(D2, "{after=400}", registered_delivery=1)
    gone = traffic.send("33600000003")
    world.settle(2)
    absent(world)
    queued = traffic.send("33600000004")
    world.settle(250)
    assert world.ledger()["pending"] == 3
    assert rows(world, "message") == 3
    back(world)
    world.settle(200)
    assert sorted(taken(world)) == [deferred, sent, gone, queued]
    world.settle(150)
    assert rows(world, "message") == 0
    assert world.ledger()["accepted"] == 4
    assert world.ledger()["pending"] == 0
    assert len(traffic.esme.delivered) == 1


def instructions(world: World, sweep: Callable[[], object]) -> int:
    """What SQLite did in a sweep, in instructions of its virtual machine."""
    count = 0

    def counted() -> int:
        nonlocal count
        count += 1
        return 0

    connection = world.engine._connection
    connection.set_progress_handler(counted, 1)
    sweep()
    connection.set_progress_handler(None, 1)
    return count


def test_pruning_costs_no_more_where_very_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STEP", 10)
    world = world_of(tmp_path, gateway=GatewaySettings(retention=3000.0, validity=90_000.0))
    traffic = Traffic(world)
    for n in range(50):
        traffic.send(f"336000001{n:02}")
    drain(world)
    absent(world)
    for n in range(600):
        traffic.send(f"3360001{n:04}")
    world.settle(2)
    world.engine.flush()
    world.relay.scheduler.stop()
    world.clock.advance(3_000)
    costs, left = [], []
    for _ in range(200):
        now = world.relay.now_ms()
        costs.append(instructions(world, lambda now=now: world.relay.scheduler._prune(now)))
        world.settle(0.1, step=0.1)
        left.append(rows(world, "message"))
    assert left[5] == left[-1] == 600, "those that wait"
    assert max(costs) <= 2 * max(costs[:5]), "with something to delete at every step"
    looks = [cost for cost in costs if cost > 2 * min(costs)]
    assert 100 <= len(looks) <= 5 + 2 * 61, "all rows twice, then none for a while"
    world.relay.scheduler.start()
    back(world)
    drain(world)
    world.settle(3_500, step=5)
    assert rows(world, "message") == 0


def test_the_trail_of_a_message_goes_with_it(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=GatewaySettings(retention=100.0))
    traffic = Traffic(world)
    traffic.send(D1, "{status=0x08,times=2}")
    world.settle(60)
    assert rows(world, "trail") == 2
    world.settle(200)
    assert rows(world, "trail") == 0
    assert rows(world, "message") == 0
    assert_clean_of_live(world)


def test_a_crash_while_pruning_brings_nothing_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STEP", 10)
    world = world_of(tmp_path, gateway=GatewaySettings(retention=100.0))
    traffic = Traffic(world)
    for n in range(60):
        traffic.send(f"336000001{n:02}")
    drain(world)
    world.settle(99)
    while rows(world, "message") > 40:
        world.settle(0.01, step=0.01)
    crash(world)
    world.settle(10)
    assert rows(world, "message") == 0
    assert world.ledger()["accepted"] == 60
    assert_clean_of_live(world)


def assert_clean_of_live(world: World) -> None:
    assert not world.store.live
    assert idle(world)
