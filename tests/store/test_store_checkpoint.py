"""Checkpoints: the log of SQLite stays short, whatever the traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from store_kit import Bind, Disk, message, store_at
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smppgw.core.store import checkpoint
from smppgw.core.store.checkpoint import PERIOD, Checkpointer
from smppgw.core.store.group_commit import Store

SUBMIT = 4
PAGES = 40
"""LONG in these tests."""


@define
class Rig:
    """A store under traffic, and checkpoints whose threads run when the test says so."""

    store: Store
    clock: Clock
    disk: Disk
    seen: list[Any] = field(factory=list)
    threads: list[tuple[Deferred[Any], Callable[[], Any]]] = field(factory=list)
    number: int = 0

    def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        running: Deferred[Any] = Deferred()
        self.threads.append((running, lambda: function(*arguments)))
        return running

    def traffic(self, messages: int) -> None:
        """Messages that leave memory: their rows go to the log."""
        for _ in range(messages):
            self.number += 1
            made = message(self.number)
            self.store.accept(made)
            self.store.spill(made)
            self.store.answer(Bind(self.seen), b"ok", (SUBMIT, self.number))

    def commit(self) -> None:
        self.clock.advance(0)
        if self.disk.busy:
            self.disk.finish()

    def thread(self, meanwhile: Callable[[], None] = lambda: None) -> tuple[int, int]:
        """Run the thread that waits; `meanwhile` happens before the reactor hears of its end."""
        ((running, work),) = self.threads
        self.threads.clear()
        result: tuple[int, int] = work()
        meanwhile()
        running.callback(result)
        return result

    def log_pages(self) -> int:
        """Pages in the log, by a look that changes nothing more than a checkpoint would."""
        return checkpoint._checkpoint(self.store.engine.path)[0]


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(checkpoint, "LONG", PAGES)
    store, clock, disk = store_at(tmp_path / "data")
    rig = Rig(store, clock, disk)
    yield rig
    if rig.disk.busy:
        rig.disk.finish()
    store.stop()


@pytest.fixture
def checkpointer(rig: Rig) -> Checkpointer:
    made = Checkpointer(rig.store, rig.clock, rig.in_thread)
    made.start()
    return made


def make_long(rig: Rig) -> None:
    """Traffic until the log is long."""
    log = Path(f"{rig.store.engine.path}-wal")
    while log.stat().st_size < 2 * PAGES * 4096:
        rig.traffic(100)
        rig.commit()


def look(rig: Rig) -> None:
    """The next look of the checkpointer."""
    rig.clock.advance(PERIOD)
    if rig.disk.busy:
        rig.disk.finish()


def test_a_store_at_rest_is_left_alone(rig: Rig, checkpointer: Checkpointer) -> None:
    for _ in range(3):
        look(rig)
    assert rig.threads == []


def test_a_short_log_is_folded_back_and_goes_on(rig: Rig, checkpointer: Checkpointer) -> None:
    rig.traffic(1)
    rig.commit()
    look(rig)
    pages, done = rig.thread()
    assert 0 < pages == done < PAGES
    assert checkpointer.log_pages == pages
    rig.traffic(1)
    rig.commit()  # not held
    assert len(rig.seen) == 2


def test_a_long_log_starts_anew_under_constant_traffic(
    rig: Rig, checkpointer: Checkpointer
) -> None:
    def more() -> None:
        rig.traffic(20)
        rig.commit()

    longest = 0
    for _ in range(40):
        for _ in range(6):
            more()
        look(rig)
        longest = max(longest, rig.thread(meanwhile=more)[0])
        if rig.threads:  # the rest of it, with commits held
            rig.traffic(20)
            rig.clock.advance(0)
            assert not rig.disk.busy
            longest = max(longest, rig.thread()[0])
            rig.commit()
    assert longest > PAGES
    assert longest < 8 * PAGES
    assert rig.number == len(rig.seen)


def test_the_rest_waits_for_the_rows_behind_a_sync(rig: Rig, checkpointer: Checkpointer) -> None:
    make_long(rig)
    look(rig)

    def a_sync_begins() -> None:
        rig.traffic(100)
        rig.clock.advance(0)
        assert rig.disk.busy

    rig.thread(meanwhile=a_sync_begins)
    assert rig.threads == []  # its rows are still to come
    rig.disk.finish()
    pages, done = rig.thread()
    assert pages == done
    rig.traffic(1)
    rig.commit()
    assert rig.log_pages() < pages  # it has begun at the start of the file


def test_a_failed_checkpoint_is_tried_again(rig: Rig, checkpointer: Checkpointer) -> None:
    make_long(rig)
    look(rig)
    rig.thread()
    ((running, _),) = rig.threads  # commits are held
    rig.threads.clear()
    running.errback(Failure(OSError("no space left")))  # type: ignore[no-untyped-call]
    rig.traffic(1)
    rig.commit()
    assert len(rig.seen) == rig.number
    look(rig)
    assert len(rig.threads) == 1


def test_stopped_while_it_waits_for_a_sync_it_does_nothing_more(
    rig: Rig, checkpointer: Checkpointer
) -> None:
    make_long(rig)
    look(rig)

    def a_sync_begins() -> None:
        rig.traffic(1)
        rig.clock.advance(0)

    rig.thread(meanwhile=a_sync_begins)
    assert checkpointer.stop() is None
    rig.disk.finish()
    assert rig.threads == []


def test_a_stop_tells_of_a_checkpoint_at_work(rig: Rig, checkpointer: Checkpointer) -> None:
    rig.traffic(1)
    rig.commit()
    look(rig)
    ((running, _),) = rig.threads
    assert checkpointer.stop() is running
    rig.thread()
    look(rig)
    assert rig.threads == []


def test_quiet_is_said_at_once_when_nothing_is_written(rig: Rig) -> None:
    said: list[str] = []
    rig.store.hold(lambda: said.append("quiet"))
    assert said == ["quiet"]
    rig.store.go_on()


def test_quiet_is_said_once_behind_the_rows(rig: Rig) -> None:
    said: list[int] = []
    rig.traffic(3)
    rig.clock.advance(0)
    rig.store.hold(
        lambda: said.append(rig.store.engine.select("SELECT count(*) FROM message")[0][0])
    )
    assert said == []
    rig.disk.finish()
    assert said == [3]
    rig.store.go_on()
    rig.traffic(1)
    rig.commit()
    assert said == [3]
