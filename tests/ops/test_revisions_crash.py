"""Commit-confirm under kill -9: whatever the instant, the old or the new, whole, undone in time."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from revisions_kit import Managed

from smppgw.ops.revisions import EditError


@pytest.fixture
def managed(tmp_path: Path) -> Managed:
    found = Managed(tmp_path / "var")
    found.new_account("old")
    found.edit("add", "carrier", "c", {"host": "127.0.0.1", "port": "2792", "system_id": "gw"})
    found.commit()
    return found


def whole(managed: Managed) -> str:
    """Which of the two configurations is in force, in everything."""
    accounts = {one.system_id: one for one in managed.configuration.settings.accounts}
    carriers = {one.name: one for one in managed.configuration.settings.carriers}
    assert {name for name in managed.world.relay.accounts if managed.may_bind(name)} == set(
        accounts
    )
    assert set(managed.world.relay.carriers) == set(carriers)
    if "new" in accounts:
        assert accounts["old"].window == 7
        assert carriers["c"].throughput == 5
        return "new"
    assert accounts["old"].window == 50
    assert carriers["c"].throughput == 0
    return "old"


def change(managed: Managed) -> None:
    """Three objects change in one commit."""
    managed.new_account("new")
    managed.edit("set", "account", "old", "window", "7")
    managed.edit("set", "carrier", "c", "throughput", "5")


def begin_commit(managed: Managed, minutes: float) -> None:
    managed.start_work(managed.configuration.commit("ops", "ops", "", minutes))


def test_killed_before_the_record_is_written(managed: Managed) -> None:
    change(managed)
    begin_commit(managed, 5)  # the turn of the reactor is not over
    managed.restart()
    assert whole(managed) == "old"
    assert managed.configuration.revisions.newest.number == 1


def test_killed_while_the_disk_works(managed: Managed) -> None:
    """The record may be on disk and nobody heard ok: the new is in force, and is undone."""
    managed.world.sync.stuck = True
    change(managed)
    begin_commit(managed, 5)
    managed.world.settle()
    managed.restart(down=60)
    assert whole(managed) == "new"
    managed.world.settle(200)
    assert whole(managed) == "new"
    managed.world.settle(60)
    assert whole(managed) == "old"


def test_killed_between_the_disk_and_the_change(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(managed.reload, "apply", lambda settings: managed.world.clock.never)
        change(managed)
        begin_commit(managed, 5)
        managed.world.settle()
        assert whole_relay_is_old(managed)
        managed.restart()
    assert whole(managed) == "new"
    managed.world.settle(320)
    assert whole(managed) == "old"


def whole_relay_is_old(managed: Managed) -> bool:
    return "new" not in managed.world.relay.accounts


def test_killed_after_ok_and_down_past_the_deadline(managed: Managed) -> None:
    change(managed)
    managed.commit(minutes=5)
    managed.restart(down=400)
    assert whole(managed) == "old"
    newest = managed.configuration.revisions.newest
    assert newest == managed.begun_at  # undone before anything listens
    assert (newest.number, newest.operator, newest.confirm_until) == (3, "smppgw", 0)
    managed.restart(down=400)
    assert whole(managed) == "old"
    assert managed.configuration.revisions.newest.number == 3


def test_killed_at_the_start_that_undoes(managed: Managed) -> None:
    change(managed)
    managed.commit(minutes=5)
    for _ in range(3):
        managed.world.sync.stuck = True
        managed.restart(down=400)
        assert whole(managed) == "old"


def test_killed_while_undoing(managed: Managed) -> None:
    change(managed)
    managed.commit(minutes=5)
    managed.world.sync.stuck = True
    managed.world.settle(320)
    assert whole_relay_is_old(managed) or not managed.may_bind("new")
    managed.restart()
    assert whole(managed) == "old"


def test_confirmed_and_killed_before_that_was_durable(managed: Managed) -> None:
    """Nobody heard that it is confirmed, so either is right, and both are whole."""
    change(managed)
    managed.commit(minutes=5)
    results = managed.start_work(managed.configuration.confirm())
    assert results == []
    managed.restart(down=400)
    assert whole(managed) == "old"


def test_confirmed_and_killed(managed: Managed) -> None:
    change(managed)
    managed.commit(minutes=5)
    managed.finish(managed.configuration.confirm(), 0.5)
    managed.restart(down=100_000)
    assert whole(managed) == "new"


def test_a_clock_that_was_set_back_does_not_keep_it_for_ever(managed: Managed) -> None:
    change(managed)
    managed.commit(minutes=5)
    managed.restart(down=-86_400)
    assert whole(managed) == "new"
    managed.world.settle(310, step=5)
    assert whole(managed) == "old"


def test_a_fallback_that_cannot_be_read_leaves_what_is_in_force(managed: Managed) -> None:
    change(managed)
    managed.commit(minutes=5)
    managed.world.engine.flush()
    managed.world.engine.select("UPDATE revision SET objects = '[[' WHERE number = 1")
    managed.restart()
    managed.world.settle(320)
    assert whole(managed) == "new"
    assert managed.configuration.revisions.newest.number == 2
    with pytest.raises(EditError):
        managed.configuration.difference("ops", 1, 2)


def test_a_fallback_of_that_kind_at_the_start_is_loud(managed: Managed) -> None:
    change(managed)
    managed.commit(minutes=5)
    managed.world.engine.flush()
    managed.world.engine.select("UPDATE revision SET objects = '[[' WHERE number = 1")
    managed.restart(down=400)
    assert whole(managed) == "new"
    assert "revision 1 cannot be read" in managed.configuration.errors()[0]


STEPS = st.lists(
    st.sampled_from(["add", "commit", "confirm-commit", "confirm", "wait", "kill", "kill late"]),
    min_size=3,
    max_size=12,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_story_leaves_what_was_promised(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A model of it: what is committed, and what it falls back to at which time."""
    directory = tmp_path_factory.mktemp("story")
    managed = Managed(directory / "var")
    clock = managed.world.clock
    in_force: set[str] = set()
    pending: tuple[set[str], float] | None = None
    edits: set[str] = set()
    number = 0
    for step in steps:
        if pending is not None and clock.seconds() >= pending[1]:
            in_force, pending = pending[0], None
        if step == "add":
            number += 1
            name = f"a{number}"
            managed.new_account(name)
            edits.add(name)
        elif step in ("commit", "confirm-commit") and edits:
            minutes = 5 if step == "confirm-commit" else 0
            back = pending[0] if pending else in_force
            began = clock.seconds()
            managed.commit(minutes=minutes)
            pending = (back, began + 300) if minutes else None
            in_force, edits = in_force | edits, set()
        elif step == "confirm" and pending:
            managed.finish(managed.configuration.confirm(), 0.5)
            pending = None
        elif step == "wait":
            managed.world.settle(120, step=2)
        elif step.startswith("kill"):
            managed.restart(down=400 if step == "kill late" else 1)
            edits = set()
        managed.world.settle(0.25)
        if pending is not None and clock.seconds() >= pending[1]:
            in_force, pending = pending[0], None
        names = {one.system_id for one in managed.configuration.settings.accounts} - {"esme"}
        assert names == in_force, (steps, step)
    managed.configuration.stop()
    managed.world.engine.close()
    shutil.rmtree(directory)
