"""Purge, move and expedite: what is meant and nothing else, in order, in slices, in any trouble."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from carrier_kit import (
    Traffic,
    assert_balanced,
    assert_clean,
    assert_in_order,
    crash,
    drain,
    duplicates,
    taken,
    world_of,
)
from relay_kit import World, account, carrier
from relay_peers import lose, payload, restart, snapshot, stat_of

from smppgw.core import queue as queue_module
from smppgw.core import queue_work
from smppgw.core.account_settings import Priority
from smppgw.core.message import State
from smppgw.core.queue_work import Act, Expedite, Move, Purge, QueueWork
from smppgw.core.selection import Counting, Selection
from smppgw.core.settings import RouteSettings

SLICE = 20
CLASSES = (0, 1, 2)
HEAD = 30
ONLY_A = (RouteSettings(prefix="", carriers=(("a",),)),)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_work, "SLICE", SLICE)
    monkeypatch.setattr(queue_work, "LOOK", 30)
    monkeypatch.setattr(queue_module, "HEAD", HEAD)
    monkeypatch.setattr(queue_module, "LOAD", 10)


def held(tmp_path: Path, **rest) -> World:
    """Two carriers; all goes to `a`, which is held."""
    rest.setdefault("accounts", (account("esme", window=10_000), account("other", window=10_000)))
    world = world_of(tmp_path, carrier("a"), carrier("b", 2791), routes=ONLY_A, **rest)
    world.relay.carriers["a"].hold()
    return world


def send(traffic: Traffic, count: int, prefix: str = "33", spread: int = 7, **fields) -> list[int]:
    sent = [traffic.send(f"{prefix}6000{n % spread:05}", **fields) for n in range(count)]
    traffic.world.settle()
    return sent


class Work:
    """One pass, and how it ended."""

    def __init__(self, world: World, act: Act, selection: Selection | None = None) -> None:
        self.world = world
        self.ends: list[str] = []
        meant = Selection() if selection is None else selection
        relay = world.relay
        self.work = QueueWork(relay, relay.carriers["a"], meant, act, self.ends.append)
        relay.work = self.work

    def finish(self, seconds: float = 30.0) -> Work:
        while not self.ends and seconds > 0:
            self.world.settle(0.02)
            seconds -= 0.02
        assert self.ends == [""]
        return self


def counted(world: World, selection: Selection) -> int:
    return Counting(world.engine, "a", selection).finish()


def purge(world: World) -> Act:
    return Purge(world.relay, "ops")


def states(traffic: Traffic, numbers: list[int]) -> set[int]:
    return {traffic.state(number) for number in numbers}


# ---------------------------------------------------------------------- purge


@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 60, 150])
@pytest.mark.parametrize("settled", [0, 3])
def test_purged_messages_are_cancelled_and_counted(
    tmp_path: Path, count: int, settled: float
) -> None:
    """However many there are, and whether their rows are written or not."""
    world = held(tmp_path)
    traffic = Traffic(world)
    numbers = send(traffic, count)
    world.settle(settled)
    assert counted(world, Selection()) == count
    work = Work(world, purge(world)).finish()
    assert work.work.touched == count
    world.settle(1)
    assert {traffic.message(one).error for one in numbers} <= {"purged by ops"}
    assert states(traffic, numbers) <= {State.DELETED}
    assert world.relay.carriers["a"].waiting == 0
    assert world.relay.queued == 0
    if count:
        assert world.ledger()["cancelled"] == count
    assert counted(world, Selection()) == 0
    assert_balanced(world)
    world.relay.carriers["a"].release()
    last = traffic.send("33600000000")
    drain(world)
    assert taken(world) == [last]
    assert_clean(world)


def test_who_asked_gets_a_receipt(tmp_path: Path) -> None:
    world = held(tmp_path)
    traffic = Traffic(world)
    send(traffic, 3, registered_delivery=1)
    send(traffic, 2)
    world.settle(1)
    Work(world, purge(world)).finish()
    world.settle(1)
    assert [stat_of(one) for one in traffic.esme.delivered] == ["DELETED"] * 3
    assert_balanced(world)


def test_only_what_is_meant(tmp_path: Path) -> None:
    world = held(tmp_path)
    traffic = Traffic(world)
    other = Traffic(world, world.esme("other"))
    old = send(traffic, 40, "33", source_addr="old")
    world.settle(600)
    mark = world.relay.ids.next()
    new = send(traffic, 40, "33")
    far = send(traffic, 40, "44")
    code = send(traffic, 40, "33", priority_flag=2)
    theirs = send(other, 40, "33")
    world.settle(2)
    transactional = (int(Priority.TRANSACTIONAL),)
    for selection, count in (
        (Selection(), 200),
        (Selection(to="33"), 160),
        (Selection(to="336000000"), 160),
        (Selection(source="old"), 40),
        (Selection(source="ol"), 0),
        (Selection(account="other"), 40),
        (Selection(priorities=(int(Priority.CODES),)), 40),
        (Selection(priorities=transactional), 160),
        (Selection(before=mark), 40),
        (Selection(to="33", account="esme", priorities=transactional), 80),
        (Selection(to="33", limit=5), 5),
        (Selection(to="44", limit=500), 40),
    ):
        assert counted(world, selection) == count, selection
    chosen = Selection(to="33", account="esme", priorities=transactional, before=mark)
    assert Work(world, purge(world), chosen).finish().work.touched == 40
    assert states(traffic, old) == {State.DELETED}
    assert states(traffic, new + far + code) == states(other, theirs) == {State.WAITING}
    assert world.relay.carriers["a"].waiting == 160
    world.relay.carriers["a"].release()
    drain(world)
    assert len(taken(world)) == 160
    assert_clean(world)


@pytest.mark.parametrize("limit", [1, 19, 20, 21, 99])
def test_a_limit_means_the_first(tmp_path: Path, limit: int) -> None:
    world = held(tmp_path)
    traffic = Traffic(world)
    numbers = send(traffic, 100)
    work = Work(world, purge(world), Selection(limit=limit)).finish()
    assert work.work.touched == limit
    assert states(traffic, numbers[:limit]) == {State.DELETED}
    assert states(traffic, numbers[limit:]) == {State.WAITING}


def test_a_limit_tears_no_long_message(tmp_path: Path) -> None:
    world = held(tmp_path)
    traffic = Traffic(world)
    long = (payload(b"x" * 400),)
    sequences = [traffic.esme.submit(f"3360000000{n}", b"", tlvs=long) for n in range(3)]
    world.settle(1)
    work = Work(world, purge(world), Selection(limit=4)).finish()
    assert work.work.touched == 6
    found = [world.message(traffic.esme.id_of(one)).state for one in sequences]
    assert found == [State.DELETED, State.DELETED, State.IN_PARTS]
    world.relay.carriers["a"].release()
    drain(world)
    assert len(world.simulated["a"].received) == 3
    assert world.ledger()["cancelled"] == 2


def test_what_comes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    world = held(tmp_path)
    traffic = Traffic(world)
    before = send(traffic, 100)
    work = Work(world, purge(world))
    for _ in range(3):
        world.settle(0.02)
    assert 0 < work.work.touched < 100
    meanwhile = send(traffic, 50)
    work.finish()
    assert states(traffic, before) == {State.DELETED}
    assert states(traffic, meanwhile) == {State.WAITING}
    assert_balanced(world)


def test_a_running_carrier_goes_on(tmp_path: Path) -> None:
    """What has left has left; the rest is purged, and slots and destinations are free after."""
    a = carrier("a", throughput=50, window=5, adaptive=False)
    world = world_of(tmp_path, a)
    traffic = Traffic(world)
    numbers = send(traffic, 300, spread=3)
    world.settle(1)
    work = Work(world, purge(world)).finish()
    drain(world)
    assert work.work.touched + len(taken(world)) == 300
    assert_in_order(world)
    assert states(traffic, numbers) == {State.DELETED, State.ACCEPTED}
    again = send(traffic, 20)
    drain(world)
    assert states(traffic, again) == {State.ACCEPTED}
    assert_in_order(world)
    assert_clean(world)


def test_those_behind_a_retry_are_purged_with_it(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    first = traffic.send("33600000001", "{status=0x08}")
    rest = [traffic.send("33600000001") for _ in range(5)]
    world.settle(3)
    assert traffic.state(first) == State.WAITING
    assert Work(world, purge(world)).finish().work.touched == 6
    world.settle(60)
    assert states(traffic, [first, *rest]) == {State.DELETED}
    assert taken(world) == []
    assert_clean(world)


# ---------------------------------------------------------------------- move


def test_moved_messages_keep_their_order(tmp_path: Path) -> None:
    world = held(tmp_path)
    traffic = Traffic(world)
    numbers = send(traffic, 80, spread=3)
    world.settle(3)
    numbers += send(traffic, 40, spread=3)  # of these there are no rows yet
    world.settle()
    stays = send(traffic, 10, "44")
    work = Work(world, Move(world.relay, "b"), Selection(to="33")).finish()
    assert work.work.touched == 120
    drain_b(world, 120)
    assert taken(world, "b") == numbers
    assert_in_order(world, "b")
    assert world.relay.carriers["a"].waiting == 10
    assert_balanced(world)
    world.relay.carriers["a"].release()
    drain(world)
    assert taken(world, "a") == stays
    assert_clean(world)


def drain_b(world: World, count: int) -> None:
    for _ in range(200):
        if len(taken(world, "b")) == count:
            return
        world.settle(0.25)
    raise AssertionError(taken(world, "b"))


def test_there_and_back_nothing_is_sent_twice(tmp_path: Path) -> None:
    world = held(tmp_path)
    world.relay.carriers["b"].hold()
    traffic = Traffic(world)
    numbers = send(traffic, 70)
    Work(world, Move(world.relay, "b")).finish()
    relay = world.relay
    ends: list[str] = []
    back = QueueWork(relay, relay.carriers["b"], Selection(), Move(relay, "a"), ends.append)
    world.settle(2)
    assert ends == [""]
    assert back.touched == 70
    world.relay.carriers["a"].release()
    drain(world)
    assert taken(world) == numbers
    assert duplicates(world) == 0
    assert_clean(world)


def test_what_cannot_be_carried_there_stays(tmp_path: Path) -> None:
    world = world_of(
        tmp_path,
        carrier("a"),
        carrier("b", 2791, alphabets=("gsm7",)),
        routes=ONLY_A,
    )
    world.relay.carriers["a"].hold()
    traffic = Traffic(world)
    plain = [traffic.send("33600000001") for _ in range(30)]
    ucs2 = "русский".encode("utf-16-be")
    sequences = [traffic.esme.submit("33600000002", ucs2, data_coding=8) for _ in range(30)]
    world.settle(1)
    work = Work(world, Move(world.relay, "b"), Selection(limit=50)).finish().work
    assert (work.touched, work.left) == (30, 30)
    found = {world.message(traffic.esme.id_of(one)).carrier for one in sequences}
    assert found == {"a"}
    drain_b(world, 30)
    assert taken(world, "b") == plain
    assert_balanced(world)


# ---------------------------------------------------------------------- expedite


@pytest.mark.parametrize("settled", [0, 3])
def test_expedited_messages_pass_the_others_in_order(tmp_path: Path, settled: float) -> None:
    bulk = (account("esme", window=10_000, priority="bulk"),)
    world = held(tmp_path, accounts=bulk)
    traffic = Traffic(world)
    slow = send(traffic, 100, "33", spread=100)
    fast = send(traffic, 50, "44", spread=50)
    world.settle(settled)
    work = Work(world, Expedite(world.relay), Selection(to="44")).finish().work
    assert (work.touched, work.left) == (50, 0)
    assert world.relay.carriers["a"].waiting == 150
    assert {traffic.message(one).priority for one in fast} == {Priority.EXPEDITED}
    assert_balanced(world)
    world.relay.carriers["a"].release()
    drain(world)
    arrived = taken(world)
    assert sorted(arrived) == slow + fast
    assert [one for one in arrived if one in fast] == fast
    assert arrived == fast + slow
    assert_in_order(world)
    assert duplicates(world) == 0
    assert_clean(world)


def test_what_waits_for_another_is_not_expedited(tmp_path: Path) -> None:
    world = world_of(tmp_path, accounts=(account("esme", window=10_000, priority="bulk"),))
    traffic = Traffic(world)
    first = traffic.send("33600000001", "{delay=5}")
    rest = [traffic.send("33600000001") for _ in range(5)]
    world.settle(1)
    work = Work(world, Expedite(world.relay), Selection(priorities=CLASSES)).finish().work
    assert (work.touched, work.left) == (0, 5)
    drain(world)
    assert taken(world) == [first, *rest]
    assert_clean(world)


# ---------------------------------------------------------------------- slices


def test_many_are_done_in_slices(tmp_path: Path) -> None:
    """No step does more than one slice, be they in rows, in memory or both."""
    world = held(tmp_path)
    traffic = Traffic(world)
    send(traffic, 200)
    world.settle(3)
    send(traffic, 200)
    world.settle()
    steps: list[int] = []
    act = purge(world)

    class Counted(Purge):
        def __call__(self, carrier, messages) -> None:
            steps.append(len(messages))
            act(carrier, messages)

    work = Work(world, Counted(world.relay, "ops")).finish().work
    assert sum(steps) == work.touched == 400
    assert max(steps) == SLICE
    assert len(steps) == 400 / SLICE


def test_a_disk_that_refuses_is_waited_for(tmp_path: Path, monkeypatch) -> None:
    world = held(tmp_path)
    traffic = Traffic(world)
    numbers = send(traffic, 100)
    world.settle(1)
    work = Work(world, purge(world))
    world.settle(0.02)
    touched = work.work.touched
    world.store.trouble = "no space"
    world.settle(0.1)
    assert work.work.touched <= touched + SLICE
    world.store.trouble = ""
    work.finish()
    assert states(traffic, numbers) == {State.DELETED}


# ---------------------------------------------------------------------- ends in the middle


ACTS: dict[str, Callable[[World], Act]] = {
    "purge": purge,
    "move": lambda world: Move(world.relay, "b"),
    "expedite": lambda world: Expedite(world.relay),
}


def begun(tmp_path: Path, name: str, steps: int = 3) -> tuple[World, Traffic, Work]:
    """150 messages, of which some are done with."""
    world = held(tmp_path)
    world.relay.standing.decide("carrier", "a", "hold", "ops")
    world.relay.standing.decide("carrier", "b", "hold", "ops")
    traffic = Traffic(world)
    send(traffic, 150, spread=5)
    world.settle(2)
    selection = Selection(priorities=CLASSES) if name == "expedite" else Selection()
    work = Work(world, ACTS[name](world), selection)
    for _ in range(steps):
        world.settle(0.02)
    assert 0 < work.work.touched < 150
    return world, traffic, work


def all_of_it_arrives(world: World, traffic: Traffic) -> int:
    """Release everything: all that was not purged arrives once; how many."""
    assert_balanced(world)
    for name in "ab":
        world.relay.standing.lift("carrier", name, "ops")
    drain(world)
    assert duplicates(world) == 0
    gone = [one for one in traffic.sent if traffic.state(one) == State.DELETED]
    assert sorted([*taken(world), *gone]) == sorted(traffic.sent)
    assert_in_order(world, "a")
    assert_in_order(world, "b")
    assert_clean(world)
    return len(gone)


@pytest.mark.parametrize("name", ACTS)
def test_an_abort_leaves_everything_consistent(tmp_path: Path, name: str) -> None:
    world, traffic, work = begun(tmp_path, name)
    work.work.abort()
    touched = work.work.touched
    world.settle(3)
    assert work.ends == []
    assert work.work.touched == touched
    assert world.relay.work is None
    assert all_of_it_arrives(world, traffic) == (touched if name == "purge" else 0)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
@pytest.mark.parametrize("ending", [crash, restart])
@pytest.mark.parametrize("name", ACTS)
def test_a_crash_in_the_middle(tmp_path: Path, name: str, ending, steps: int) -> None:
    world, traffic, work = begun(tmp_path, name, steps)
    sent = dict(traffic.sent)
    ending(world)
    assert work.ends == []
    assert world.relay.work is None
    traffic.sent = sent
    all_of_it_arrives(world, traffic)


@pytest.mark.parametrize("name", ACTS)
def test_what_the_disk_lost_was_not_told(tmp_path: Path, name: str) -> None:
    """A crash before the commits: what was not durable waits as before."""
    world, traffic, work = begun(tmp_path, name, 1)
    disk = snapshot(world)
    world.sync.stuck = True
    for _ in range(20):
        world.settle(0.02)
    assert work.ends == []
    lose(world, disk)
    all_of_it_arrives(world, traffic)


@pytest.mark.parametrize("name", ACTS)
def test_the_end_is_told_when_it_is_durable(tmp_path: Path, name: str) -> None:
    world, traffic, work = begun(tmp_path, name)
    world.settle(0.01)
    world.sync.stuck = True
    world.settle(5)
    assert work.work.touched == 150
    assert work.ends == []
    world.sync.go_on()
    world.settle()
    assert work.ends == [""]
    all_of_it_arrives(world, traffic)


def test_a_carrier_that_is_changed_ends_it(tmp_path: Path) -> None:
    world, _, work = begun(tmp_path, "purge")
    world.relay.carriers.pop("a")
    world.settle(1)
    assert work.ends == ["carrier a was changed meanwhile"]


def test_a_fault_ends_it_and_is_logged(tmp_path: Path, monkeypatch) -> None:
    world = held(tmp_path)
    send(Traffic(world), 10)

    class Faulty(Purge):
        def __call__(self, carrier, messages) -> None:
            raise RuntimeError("a fault")

    work = Work(world, Faulty(world.relay, "ops"))
    world.settle(1)
    assert work.ends == ["it failed; the log of the gateway says why"]
    assert world.relay.work is None


# ---------------------------------------------------------------------- anything goes


@pytest.mark.parametrize("seed", range(12))
def test_any_mixture(tmp_path: Path, seed: int) -> None:
    """Works of every kind, traffic, holds and crashes in any order: nothing lost, nothing twice."""
    luck = random.Random(seed)
    world = world_of(
        tmp_path,
        carrier("a", throughput=40, window=3),
        carrier("b", 2791, throughput=40, window=3),
        routes=(RouteSettings(prefix="", carriers=(("a", "b"),)),),
    )
    traffic = Traffic(world)
    for _ in range(12):
        send(traffic, luck.randrange(60), spread=luck.choice((1, 5, 40)))
        world.settle(luck.choice((0, 0.1, 2)))
        name = luck.choice("ab")
        if luck.random() < 0.3:
            world.relay.standing.decide("carrier", name, luck.choice(("hold", "drain")), "ops")
        if luck.random() < 0.5:
            world.relay.standing.lift("carrier", luck.choice("ab"), "ops")
        limit = luck.choice((0, 0, 5, 50))
        if world.relay.work is None:
            kind = luck.choice(list(ACTS))
            priorities = CLASSES if kind == "expedite" else (-1, *CLASSES)
            act = ACTS[kind](world)
            relay = world.relay
            selection = Selection(priorities=priorities, limit=limit)
            relay.work = QueueWork(relay, relay.carriers["a"], selection, act, lambda why: None)
        world.settle(luck.choice((0, 0.05, 1)))
        if luck.random() < 0.1:
            restart(world)
            traffic.again()
    world.settle(20)
    for name in "ab":
        world.relay.standing.lift("carrier", name, "ops")
    drain(world)
    gone = [one for one in traffic.acknowledged() if traffic.state(one) == State.DELETED]
    arrived = set(taken(world))
    assert not arrived & set(gone)
    assert arrived | set(gone) >= set(traffic.acknowledged())
    assert_clean(world)
