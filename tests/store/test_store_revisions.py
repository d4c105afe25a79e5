"""Rows of commits: what is durable when, what is kept, what recovery makes of a cut journal."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from store_kit import FULL, crash, fill_up, store_at
from twisted.internet.defer import Deferred

from smppgw.core import revisions as module
from smppgw.core.revisions import NOTHING, Revision, Revisions
from smppgw.core.store import schema
from smppgw.core.store.engine import FILE_NAME, Engine
from smppgw.core.store.journal import FILES

NOW = 1_790_000_000.0


class Log:
    """Revisions of a store whose disk syncs when told."""

    def __init__(self, directory: Path, *, at_once: bool = True) -> None:
        self.store, self.clock, self.disk = store_at(directory, at_once=at_once)
        self.revisions = Revisions(self.store)
        self.durable: list[Revision] = []
        self.refused: list[Exception] = []

    def append(self, text: str, minutes: float = 0, back_to: int = 0, who: str = "ada") -> None:
        work = self.revisions.append(NOW, who, "why", text, minutes, back_to)
        made = Deferred.fromCoroutine(work)
        made.addCallbacks(self.durable.append, lambda failure: self.refused.append(failure.value))
        self.clock.advance(0)

    def confirm(self) -> None:
        Deferred.fromCoroutine(self.revisions.confirm())
        self.clock.advance(0)


@contextmanager
def again(directory: Path) -> Iterator[Revisions]:
    """The revisions after a new start in a directory."""
    store, _, _ = store_at(directory, at_once=True)
    try:
        yield Revisions(store)
    finally:
        store.engine.close()


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    revisions = Log(tmp_path).revisions
    assert revisions.newest == NOTHING == revisions.find(0)
    assert revisions.all() == ()
    assert revisions.text(0) == ""
    with pytest.raises(LookupError):
        revisions.text(1)


def test_numbers_count_up_and_texts_come_back(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for n in range(5):
        log.append(f"x = {n}")
    assert [one.number for one in log.durable] == [1, 2, 3, 4, 5]
    assert [log.revisions.text(n) for n in (1, 3, 5)] == ["x = 0", "x = 2", "x = 4"]
    log.store.stop()
    with again(tmp_path) as found:
        assert found.newest == Revision(5, int(NOW), "ada", "why")


def test_it_is_durable_only_after_the_sync(tmp_path: Path) -> None:
    log = Log(tmp_path, at_once=False)
    log.append("x = 1")
    assert log.durable == []
    assert log.revisions.newest.number == 0
    log.disk.finish()
    assert [one.number for one in log.durable] == [1]
    assert log.revisions.newest.number == 1


def test_a_person_reads_the_rows(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append('[[accounts]]\nsystem_id = "a"\n', 5, 0)
    log.store.stop()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    (row,) = connection.execute("SELECT * FROM revision")
    connection.close()
    expected = (1, int(NOW), "ada", "why", int(NOW) + 300, 0, '[[accounts]]\nsystem_id = "a"\n')
    assert row == expected


def test_a_confirmation_outlives_a_restart(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append("x = 1", 10)
    (made,) = log.durable
    assert (made.confirm_until, made.back_to) == (int(NOW) + 600, 0)
    log.confirm()
    assert log.revisions.newest.confirm_until == 0
    log.store.stop()
    with again(tmp_path) as found:
        assert found.newest.confirm_until == 0


def test_the_next_commit_settles_what_was_unconfirmed(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append("x = 1")
    log.append("x = 2", 10, 1)
    log.append("x = 3")
    assert [one.confirm_until for one in log.revisions.all()] == [0, 0, 0]
    log.store.stop()
    with again(tmp_path) as found:
        assert [one.confirm_until for one in found.all()] == [0, 0, 0]


def test_a_bounded_number_is_kept_and_what_one_falls_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 5)
    log = Log(tmp_path)
    for n in range(1, 11):
        log.append(f"x = {n}")
    assert [one.number for one in log.revisions.all()] == [6, 7, 8, 9, 10]
    for _ in range(7):  # the same operator tries and tries, with the same way back
        log.append("x = 0", 10, 10)
    kept = [10, 13, 14, 15, 16, 17]
    assert [one.number for one in log.revisions.all()] == kept
    assert log.revisions.text(10) == "x = 10"
    assert log.revisions.find(9) is None
    with pytest.raises(LookupError):
        log.revisions.text(9)
    log.store.stop()
    with again(tmp_path) as found:
        assert [one.number for one in found.all()] == kept
    log = Log(tmp_path)
    log.append("x = 1")
    assert [one.number for one in log.revisions.all()] == [14, 15, 16, 17, 18]


def test_a_full_disk_refuses_it_and_nothing_stays(tmp_path: Path) -> None:
    log = Log(tmp_path)
    full = fill_up(log.store.engine)
    full.full = True
    log.append("x = 1")
    (error,) = log.refused
    assert FULL in str(error)
    assert log.revisions.newest == NOTHING
    full.full = False
    log.clock.advance(2)
    log.clock.advance(2)
    log.append("x = 2")
    assert [one.number for one in log.durable] == [1]
    log.store.stop()
    with again(tmp_path) as found:
        assert [found.text(one.number) for one in found.all()] == ["x = 2"]


def test_an_undoing_is_kept_until_the_disk_takes_it(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append("x = 1", 5)
    full = fill_up(log.store.engine)
    full.full = True
    made = log.revisions.append_undoing(NOW + 300, "smppgw", "not confirmed", "x = 0")
    log.clock.advance(1)
    assert log.revisions.newest == made
    assert log.revisions.text(2) == "x = 0"  # it has no row yet
    full.full = False
    log.clock.advance(2)
    log.store.stop()
    with again(tmp_path) as found:
        assert found.newest == made
        assert (found.text(2), [one.confirm_until for one in found.all()]) == ("x = 0", [0, 0])


def test_wherever_the_journal_is_cut_a_revision_is_whole_or_absent(tmp_path: Path) -> None:
    """The journal alone, as rows that were not written yet leave it."""
    log = Log(tmp_path / "used", at_once=False)
    log.append("old = 1")
    log.disk.finish()
    log.store.engine.flush()
    log.clock.advance(0)
    log.append("new = " + "9" * 300, 5, 1)
    whole = crash(log.store.engine, tmp_path / "whole")
    (journal,) = [whole / name for name in FILES if b"9999" in (whole / name).read_bytes()]
    data = journal.read_bytes()
    used = len(data.rstrip(b"\0"))
    counts = []
    for octets in range(0, used + 20, 7):
        crashed = tmp_path / f"cut-{octets}"
        shutil.copytree(whole, crashed)
        (crashed / journal.name).write_bytes(data[:octets] + bytes(len(data) - octets))
        with again(crashed) as found:
            texts = [found.text(one.number) for one in found.all()]
            assert texts in (["old = 1"], ["old = 1", "new = " + "9" * 300])
            if len(texts) == 2:
                assert (found.newest.confirm_until, found.newest.back_to) == (int(NOW) + 300, 1)
        counts.append(len(texts))
        shutil.rmtree(crashed)
    assert counts == sorted(counts)
    assert set(counts) == {1, 2}


def test_recovery_may_repeat_what_already_has_its_row(tmp_path: Path) -> None:
    log = Log(tmp_path / "used")
    log.append("x = 1", 5)
    log.append("x = 2")
    log.confirm()
    crashed = crash(log.store.engine, tmp_path / "crashed")
    with again(crashed) as found:
        assert [(one.number, one.confirm_until) for one in found.all()] == [(1, 0), (2, 0)]
        assert found.text(1) == "x = 1"


def test_a_store_of_version_3_gets_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:3])
        patch.setattr(schema, "VERSION", 3)
        Engine(tmp_path).close()
    log = Log(tmp_path)
    log.append("x = 1")
    assert len(log.durable) == 1
    assert log.store.engine.select("PRAGMA user_version") == [(schema.VERSION,)]
