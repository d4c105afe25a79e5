"""`queue move|purge|expedite`: how messages are meant in words, what is asked and said."""

from __future__ import annotations

from pathlib import Path

import pytest
from carrier_kit import Traffic, assert_clean, drain, taken, world_of
from doing_kit import Desktop, desk_of
from relay_kit import World, account, carrier

from smppgw.core import queue_work
from smppgw.core.command import Role
from smppgw.core.message import State
from smppgw.core.settings import RouteSettings
from smppgw.core.store.audit import AuditTimeout
from smppgw.ops.shell.commands import queue_work as group

ONLY_A = (RouteSettings(prefix="", carriers=(("a",),)),)


class Stage:
    """Ten messages for each of two networks wait at `a`, which is held."""

    def __init__(self, tmp_path: Path, count: int = 10) -> None:
        accounts = (account("esme", window=10_000), account("other", priority="bulk"))
        self.world: World = world_of(
            tmp_path, carrier("a"), carrier("b", 2791), routes=ONLY_A, accounts=accounts
        )
        self.world.relay.carriers["a"].hold()
        self.traffic = Traffic(self.world)
        self.near = [self.traffic.send(f"3360000{n:04}") for n in range(count)]
        self.far = [self.traffic.send(f"4460000{n:04}") for n in range(count)]
        self.world.settle(1)
        self.ops = self.operator()

    def operator(self, role: Role = Role.OPERATE) -> Desktop:
        return Desktop(self.world, group.commands(desk_of(self.world)), role)

    def states(self, numbers: list[int]) -> set[int]:
        return {self.traffic.state(one) for one in numbers}


def test_it_is_counted_asked_done_and_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    screen = stage.ops.begin("queue purge a to 33", True)
    stage.world.settle(1)
    assert screen.asked == ["this will cancel 10 messages of carrier a. Go on? [y/N] "]
    assert screen.lines == ["carrier a: 10 messages purged"]
    assert stage.ops.status == "OK"
    assert stage.states(stage.near) == {State.DELETED}
    assert stage.states(stage.far) == {State.WAITING}


def test_a_dry_run_only_counts(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.world.settle(1)
    for line, said in (
        ("queue purge a dry", "this would cancel 20 messages of carrier a"),
        ("queue purge a to +33 dry", "this would cancel 10 messages of carrier a"),
        ("queue purge a to 49 dry", "this would cancel 0 messages of carrier a"),
        ("queue purge a from 12345 limit 1 dry", "this would cancel 1 message of carrier a"),
        ("queue purge a class bulk dry", "this would cancel 0 messages of carrier a"),
        ("queue purge a account esme dry", "this would cancel 20 messages of carrier a"),
        ("queue purge a older 10m dry", "this would cancel 0 messages of carrier a"),
        ("queue purge a older 1s dry", "this would cancel 20 messages of carrier a"),
        ("queue move a b to 33 dry", "this would move 10 messages from carrier a to b"),
        ("queue expedite a to 33 dry", "this would expedite 10 messages of carrier a"),
    ):
        assert stage.ops.say(line) == [said, "OK"], line
    assert stage.states(stage.near + stage.far) == {State.WAITING}


def test_move_and_expedite(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    world = stage.world
    said = stage.ops.say("queue move a b to 33 !")
    assert said == ["carrier a: 10 messages moved", "OK"]
    world.settle(3)
    assert taken(world, "b") == stage.near
    later = [stage.traffic.send(f"3360000{n:04}") for n in range(10)]
    world.settle(1)
    assert stage.ops.say("queue expedite a to 33 !")[-2] == "carrier a: 10 messages expedited"
    world.relay.carriers["a"].release()
    drain(world)
    assert taken(world, "a") == later + stage.far
    assert_clean(world)


def test_nothing_that_is_meant_needs_no_word(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    said = stage.ops.say("queue purge a to 49")
    assert said == ["carrier a: 0 messages purged", "OK"]


def test_progress_is_said_and_an_abort_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_work, "SLICE", 5)
    monkeypatch.setattr(queue_work, "PAUSE", 0.5)
    stage = Stage(tmp_path, 20)
    screen = stage.ops.begin("queue purge a !")
    stage.world.settle(2.1)
    assert screen.lines == ["carrier a: 20 messages purged so far"]
    busy = stage.operator().say("queue move a b !")[-1]
    assert busy.startswith("ERR busy messages of carrier a are just being purged")
    assert stage.operator().say("queue purge a dry")[-1] == "OK"
    stage.ops.abort()
    assert stage.ops.status.startswith("ERR aborted")
    stage.world.settle(10)
    purged = sum(one == State.DELETED for one in map(stage.traffic.state, stage.traffic.sent))
    assert 20 <= purged < 40
    stage.world.relay.carriers["a"].release()
    drain(stage.world)
    assert len(taken(stage.world)) == 40 - purged
    assert_clean(stage.world)
    assert stage.operator().say("queue purge a !")[-1] == "OK"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("queue purge c !", "ERR unknown there is no carrier 'c'; known: a, b"),
        ("queue move a c !", "ERR unknown there is no carrier 'c'; known: a, b"),
        ("queue move a a !", "ERR refused a cannot be moved to itself"),
        ("queue purge a account esm !", "ERR unknown there is no account 'esm'; did you mean"),
        ("queue purge a to 33x !", "ERR usage to: digits that a destination begins with"),
        ("queue purge a limit 0 !", "ERR usage limit: at least 1"),
        ("queue purge a class bulky !", "ERR unknown class"),
        ("queue purge a older x !", "ERR usage"),
        ("queue purge !", "ERR usage"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, line: str, said: str) -> None:
    stage = Stage(tmp_path, 1)
    assert stage.ops.say(line)[-1].startswith(said)
    assert stage.states(stage.near + stage.far) == {State.WAITING}


def test_who_may_only_look_may_not(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 1)
    assert stage.operator(Role.VIEW).say("queue purge a dry")[-1].startswith("ERR denied")


def test_a_count_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(self: object) -> int:
        raise AuditTimeout("the count took longer than 5 s")

    monkeypatch.setattr(group.Counting, "finish", late)
    said = Stage(tmp_path, 1).ops.say("queue purge a")
    assert said == [
        "ERR unavailable cannot count what this would touch: the count took longer than 5 s"
    ]
