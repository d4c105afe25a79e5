"""The sync process, with the real reactor and real files."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from store_kit import Bind, crash, message, message_rows
from twisted.internet.defer import Deferred

from smppgw.core.store.engine import Engine
from smppgw.core.store.group_commit import Store
from smppgw.core.store.synchronizer import ProcessSynchronizer


class Files:
    """A synchronizer over two files."""

    def __init__(self, directory: Path) -> None:
        from twisted.internet import reactor  # noqa: PLC0415

        flags = os.O_RDWR | os.O_CREAT
        self.descriptors = tuple(os.open(directory / name, flags) for name in "ab")
        self.synchronizer = ProcessSynchronizer(reactor, self.descriptors)
        self.stopped = False

    def sync(self, *numbers: int) -> Deferred[str]:
        done: Deferred[str] = Deferred()
        self.synchronizer.sync(numbers, done.callback)
        return done

    @property
    def child(self) -> int:
        return self.synchronizer._child.pid

    def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            self.synchronizer.stop()
            for descriptor in self.descriptors:
                os.close(descriptor)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    made = Files(tmp_path)
    yield made
    made.stop()


def running(process: int) -> bool:
    return Path(f"/proc/{process}/stat").exists()


@pytest_twisted.inlineCallbacks
def test_it_says_when_the_files_are_on_disk(files: Files) -> Iterator[Deferred[str]]:
    for numbers in ((0,), (1,), (0, 1)):
        os.pwrite(files.descriptors[numbers[0]], b"data", 0)
        assert (yield files.sync(*numbers)) == ""


@pytest_twisted.inlineCallbacks
def test_a_failed_sync_is_told_with_its_reason(tmp_path: Path) -> Iterator[Deferred[str]]:
    from twisted.internet import reactor  # noqa: PLC0415

    reading, writing = os.pipe()  # what cannot be synced
    synchronizer = ProcessSynchronizer(reactor, (writing,))
    done: Deferred[str] = Deferred()
    synchronizer.sync((0,), done.callback)
    told = yield done
    assert "fdatasync failed" in told
    assert os.strerror(22) in told
    synchronizer.stop()
    os.close(reading)
    os.close(writing)


@pytest_twisted.inlineCallbacks
def test_the_death_of_the_process_is_told_to_who_waits(files: Files) -> Iterator[Deferred[str]]:
    assert (yield files.sync(0)) == ""
    os.kill(files.child, signal.SIGSTOP)
    waiting = files.sync(0)
    os.kill(files.child, signal.SIGKILL)
    assert "died" in (yield waiting)


@pytest_twisted.inlineCallbacks
def test_a_death_while_idle_is_told_to_the_next(files: Files) -> Iterator[Deferred[str]]:
    assert (yield files.sync(0)) == ""
    os.kill(files.child, signal.SIGKILL)
    files.synchronizer._child.wait(timeout=10)
    told = yield files.sync(0)
    assert "died" in told or "gone" in told


@pytest_twisted.inlineCallbacks
def test_stop_ends_the_process(files: Files) -> Iterator[Deferred[str]]:
    assert (yield files.sync(0, 1)) == ""
    child = files.child
    assert running(child)
    files.stop()
    assert not running(child)


def test_the_process_is_not_in_our_terminals_group(files: Files) -> None:
    """A Ctrl-C must not kill it before the last commit."""
    assert os.getpgid(files.child) != os.getpgid(0)


@pytest_twisted.inlineCallbacks
def test_a_whole_store_on_a_real_disk(tmp_path: Path) -> Iterator[Deferred[None]]:
    from twisted.internet import reactor  # noqa: PLC0415

    engine = Engine(tmp_path / "data")
    descriptors = engine.descriptors
    store = Store(engine, reactor, ProcessSynchronizer(reactor, descriptors))
    seen: list[object] = []
    bind = Bind(seen)
    for turn in range(20):
        durable: Deferred[None] = Deferred()
        for number in range(turn * 50 + 1, turn * 50 + 51):
            store.accept(message(number))
            store.answer(bind, b".", (4, number))
        store.when_durable(lambda durable=durable: durable.callback(None))
        yield durable
        assert sum(told[2] for told in seen) == (turn + 1) * 50  # type: ignore[index]
    crashed = Engine(crash(engine, tmp_path / "crashed"))
    assert len(message_rows(crashed)) == 1_000
    crashed.close()
    store.stop()
    again = Engine(tmp_path / "data")
    assert len(message_rows(again)) == 1_000
    again.close()


@pytest_twisted.inlineCallbacks
def test_a_store_whose_sync_process_died_answers_nobody(
    tmp_path: Path,
) -> Iterator[Deferred[str]]:
    from twisted.internet import reactor  # noqa: PLC0415

    engine = Engine(tmp_path / "data")
    descriptors = engine.descriptors
    synchronizer = ProcessSynchronizer(reactor, descriptors)
    store = Store(engine, reactor, synchronizer)
    broken: Deferred[str] = Deferred()
    store.broken = broken.callback
    seen: list[object] = []
    synchronizer._child.kill()
    synchronizer._child.wait(timeout=10)
    store.accept(message(1))
    store.answer(Bind(seen), b"ok", (4, 1))
    told = yield broken
    assert "sync process" in told
    assert seen == []
    store.stop()
    assert seen == []
