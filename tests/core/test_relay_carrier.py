"""What a carrier is sent, and when: order, throttling, retries, rates and windows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from carrier_kit import (
    Traffic,
    arrivals,
    assert_clean,
    assert_in_order,
    crash,
    drain,
    duplicates,
    number_of,
    taken,
    world_of,
)
from relay_kit import carrier

from smppgw.core.message import State
from smppgw.core.settings import StatusRule
from smppgw.simulator.behaviour import Behaviour

D1, D2, D3 = "33600000001", "33600000002", "33600000003"
THROTTLED, FULL = "{status=0x58,times=1}", "{status=0x14,times=1}"
RETRY = {"0x08": StatusRule(action="retry", delay=10.0, max_delay=30.0, tries=4)}


@pytest.mark.parametrize(
    "script", [THROTTLED, FULL, "{status=0x58,times=3}", "{status=0x04}"[:-1] + ",times=2}"]
)
def test_five_messages_keep_their_order_when_one_is_throttled(tmp_path: Path, script: str) -> None:
    for throttled in range(1, 6):
        world = world_of(tmp_path / str(throttled))
        traffic = Traffic(world)
        numbers = [traffic.send(D1, script if n == throttled else "") for n in range(1, 6)]
        drain(world)
        assert taken(world) == numbers
        assert_clean(world)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("binds", [1, 3])
def test_order_per_destination_under_any_throttling(tmp_path: Path, seed: int, binds: int) -> None:
    random = Random(seed)
    world = world_of(
        tmp_path,
        carrier("a", binds=binds, window=4, adaptive=bool(seed % 2)),
        behaviours={"a": Behaviour(response_jitter=0.3)},
    )
    traffic = Traffic(world)
    numbers = []
    for _ in range(120):
        script = random.choice(["", "", "", THROTTLED, FULL, "{status=0x08,times=1}"])
        numbers.append(traffic.send(f"3360000000{random.randrange(6)}", script))
        if random.random() < 0.1:
            world.settle(random.random())
    drain(world, 3000)
    assert sorted(taken(world)) == numbers
    assert_in_order(world)
    assert_clean(world)


def test_other_messages_to_a_destination_wait_for_a_retry_and_others_do_not(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", statuses=RETRY))
    traffic = Traffic(world)
    first = traffic.send(D1, "{status=0x08,times=2}")
    behind = [traffic.send(D1) for _ in range(3)]
    other = [traffic.send(D2) for _ in range(3)]
    world.settle(5)
    assert taken(world) == other
    world.settle(35)
    assert taken(world) == [*other, first, *behind]
    assert traffic.message(first).attempts == 3
    assert_clean(world)


def test_without_order_nobody_waits_for_a_retry(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", statuses=RETRY, in_order=False))
    traffic = Traffic(world)
    first = traffic.send(D1, "{status=0x08,times=1}")
    behind = [traffic.send(D1) for _ in range(3)]
    world.settle(5)
    assert taken(world) == behind
    drain(world)
    assert taken(world) == [*behind, first]
    assert_clean(world)


def test_retries_back_off_and_end(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", statuses=RETRY))
    traffic = Traffic(world)
    bad = traffic.send(D1, "{status=0x08}", registered_delivery=1)
    good = traffic.send(D1)
    drain(world)
    times = [one.time for one in arrivals(world) if number_of(one) == bad]
    gaps = [round(b - a) for a, b in pairwise(times)]
    assert gaps == [10, 20, 30]
    assert traffic.state(bad) == State.REJECTED
    assert b"stat:REJECTD" in traffic.esme.delivered[0].short_message
    assert b"err:008" in traffic.esme.delivered[0].short_message
    assert taken(world) == [good]
    assert_clean(world)


def test_a_pause_has_tries_too(tmp_path: Path) -> None:
    rules = {"0x14": StatusRule(action="pause", delay=2.0, max_delay=2.0, tries=3)}
    world = world_of(tmp_path, carrier("a", statuses=rules))
    traffic = Traffic(world)
    bad = traffic.send(D1, "{status=0x14}")
    behind = traffic.send(D1)
    world.settle(3.5)
    other = traffic.send(D2)
    drain(world)
    assert sum(number_of(one) == bad for one in arrivals(world)) == 3
    assert traffic.state(bad) == State.REJECTED
    assert sorted(taken(world)) == [behind, other]
    assert_clean(world)


@pytest.mark.parametrize("status", [0x0B, 0x33, 0x422, 0xC4])
def test_a_refusal_that_no_rule_knows_is_final(tmp_path: Path, status: int) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    bad = traffic.send(D1, f"{{status={status:#x}}}")
    behind = traffic.send(D1)
    world.settle(1)
    assert traffic.state(bad) == State.REJECTED
    assert traffic.message(bad).command_status == status
    assert len(arrivals(world)) == 2
    assert taken(world) == [behind]
    assert_clean(world)


def test_a_pause_costs_nothing_whatever_waits(tmp_path: Path) -> None:
    """While paused, no message is touched: no requeue storm."""
    world = world_of(tmp_path, behaviours={"a": Behaviour(error_rate=1.0, error_status=0x14)})
    traffic = Traffic(world)
    for n in range(500):
        traffic.send(f"3360001{n:04}")
    world.settle(1)
    came = len(arrivals(world))
    assert came <= 10
    one = world.relay.carriers["a"]
    assert "ESME_RMSGQFUL" in one.refusals.pause_reason
    assert one.refusals.paused_until > world.clock.seconds()
    commits = world.store.commits
    before = [message.attempts for message in world.store.live.values()]
    world.settle(3)
    assert len(arrivals(world)) == came
    assert world.store.commits - commits <= 3000 / 20 / 2  # nothing but rows being brought up
    assert [message.attempts for message in world.store.live.values()] == before
    world.simulated["a"].behaviour = Behaviour()
    drain(world)
    assert len(taken(world)) == 500
    assert_clean(world)


def test_pauses_grow_while_nothing_passes_and_start_again_small(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", window=1, adaptive=False))
    traffic = Traffic(world)
    traffic.send(D1, "{status=0x58,times=6}")
    drain(world)
    times = [one.time for one in arrivals(world)]
    gaps = [round(b - a) for a, b in pairwise(times)]
    assert gaps == [1, 2, 4, 8, 16, 30]
    traffic.send(D1, THROTTLED)
    before = world.clock.seconds()
    drain(world)
    assert world.clock.seconds() - before < 2
    assert_clean(world)


def test_a_throughput_is_kept(tmp_path: Path) -> None:
    world = world_of(tmp_path, carrier("a", throughput=20.0, adaptive=False))
    traffic = Traffic(world)
    for n in range(200):
        traffic.send(f"3360001{n:04}")
    drain(world, step=0.25)
    times = [one.time for one in arrivals(world)]
    for n in range(len(times) - 45):  # a burst of one second, then the rate
        assert times[n + 45] - times[n] > 1.0
    assert 8.5 < times[-1] - times[0] < 11
    assert_clean(world)


def test_the_rate_settles_below_a_limit_that_nobody_told_us(tmp_path: Path) -> None:
    world = world_of(
        tmp_path, carrier("a", window=20), behaviours={"a": Behaviour(throughput=50, record=99_999)}
    )
    traffic = Traffic(world)
    for n in range(2000):
        traffic.send(f"336{n:08}")
    begin = world.clock.seconds()
    world.settle(20, step=0.01)
    seconds = [one for one in arrivals(world) if one.time > begin + 10]
    refused = sum(one.command_status != 0 for one in seconds)
    assert refused < len(seconds) * 0.05
    assert len(seconds) - refused > 0.8 * 50 * 10
    assert duplicates(world) == 0


@pytest.mark.parametrize("binds", [1, 4])
def test_the_window_is_never_exceeded(tmp_path: Path, binds: int) -> None:
    world = world_of(
        tmp_path,
        carrier("a", window=5, binds=binds),
        behaviours={"a": Behaviour(window=5, response_jitter=0.5)},
    )
    traffic = Traffic(world)
    for n in range(300):
        traffic.send(f"3360001{n:04}")
    drain(world)
    assert len(taken(world)) == len(arrivals(world)) == 300
    assert len({one.bind for one in arrivals(world)}) == binds
    assert_clean(world)


def test_the_window_holds_while_the_disk_is_stuck(tmp_path: Path) -> None:
    """Slots that answers free are taken over in the commit that records them, not before it."""
    world = world_of(
        tmp_path, carrier("a", window=5), behaviours={"a": Behaviour(response_delay=1.0)}
    )
    traffic = Traffic(world)
    for n in range(40):
        traffic.send(f"3360001{n:04}")
    world.settle(0.5)
    assert len(arrivals(world)) == 5
    world.sync.stuck = True
    world.settle(10)
    assert len(arrivals(world)) <= 10  # one more window at most had its commit
    came = len(arrivals(world))
    assert world.relay.carriers["a"].in_flight <= 5
    assert len(taken(world)) == came
    # What is durable now and possibly sent is never more than the window.
    crash(world)
    drain(world)
    assert duplicates(world) <= 5
    assert sorted(set(taken(world))) == list(range(1, 41))
    assert_clean(world)


@pytest.mark.parametrize("moment", [0.0, 0.3, 1.0, 1.3, 2.6, 11.0])
def test_a_crash_while_throttled_and_retrying_loses_nothing(tmp_path: Path, moment: float) -> None:
    random = Random(int(moment * 10))
    world = world_of(
        tmp_path, carrier("a", window=3, binds=2), behaviours={"a": Behaviour(response_jitter=0.5)}
    )
    traffic = Traffic(world)
    for _ in range(60):
        script = random.choice(["", "", THROTTLED, FULL, "{status=0x08,times=1}"])
        traffic.send(f"3360000000{random.randrange(8)}", script)
    world.settle(moment)
    acknowledged = set(traffic.acknowledged())
    assert acknowledged
    crash(world)
    drain(world, 3000)
    assert acknowledged <= set(taken(world))
    assert duplicates(world) <= 6
    assert_in_order(world)
    assert_clean(world)


def test_nothing_that_came_with_an_unfinished_commit_is_promised(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    world.sync.stuck = True
    for n in range(20):
        traffic.send(f"3360000{n:04}")
        world.settle(0.1)
    assert not traffic.acknowledged()
    assert not arrivals(world)
    crash(world)
    drain(world)
    assert duplicates(world) == 0
    assert_clean(world)
