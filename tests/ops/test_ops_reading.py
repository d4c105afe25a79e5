"""Looking through the store and the audit off the reactor: one at a time, whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from smppgw.ops.audit import Audit
from smppgw.ops.control import Desk


class Threads:
    """A pool whose threads are done when the test says so."""

    def __init__(self) -> None:
        self.running: list[Deferred[Any]] = []

    def run(self, function: Any, *arguments: Any) -> Deferred[Any]:
        self.running.append(Deferred())
        return self.running[-1]


def desk_of(threads: Threads) -> Desk:
    class Relay:
        clock = Clock()

    return Desk(Relay(), None, threads.run)  # type: ignore[arg-type]


def test_one_reads_and_the_others_wait() -> None:
    threads = Threads()
    desk = desk_of(threads)
    answers: list[int] = []
    for _ in range(50):
        desk.reading(len, ()).addCallback(answers.append)
    for number in range(50):
        assert len(threads.running) == number + 1
        threads.running[-1].callback(number)
    assert answers == list(range(50))


def test_a_reading_that_fails_lets_the_next_one_go() -> None:
    threads = Threads()
    desk = desk_of(threads)
    failures: list[Any] = []
    desk.reading(len).addErrback(failures.append)
    desk.reading(len, ())
    threads.running[0].errback(ValueError("no"))
    assert len(failures) == 1
    assert len(threads.running) == 2


def test_who_gives_up_waits_no_longer() -> None:
    threads = Threads()
    desk = desk_of(threads)
    desk.reading(len, ())
    given_up = desk.reading(len, ())
    desk.reading(len, ())
    given_up.addErrback(lambda failure: None)
    given_up.cancel()
    threads.running[0].callback(0)
    assert len(threads.running) == 2


def test_the_audit_is_read_by_one_at_a_time(tmp_path: Path) -> None:
    threads = Threads()
    audit = Audit(tmp_path, Clock(), threads.run)
    for _ in range(3):
        audit.entries(10, lambda entry: True)
    assert len(threads.running) == 1
    threads.running[0].callback(None)
    assert len(threads.running) == 2


@pytest.mark.parametrize("count", [1, 2])
def test_desks_do_not_wait_for_each_other(count: int) -> None:
    threads = Threads()
    for _ in range(count):
        desk_of(threads).reading(len, ())
    assert len(threads.running) == count
