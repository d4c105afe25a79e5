"""Looking through the audit off the reactor: one at a time, whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from smppgw.ops.audit import Audit


class Threads:
    """A pool whose threads are done when the test says so."""

    def __init__(self) -> None:
        self.running: list[Deferred[Any]] = []

    def run(self, function: Any, *arguments: Any) -> Deferred[Any]:
        self.running.append(Deferred())
        return self.running[-1]


def test_the_audit_is_read_by_one_at_a_time(tmp_path: Path) -> None:
    threads = Threads()
    audit = Audit(tmp_path, Clock(), threads.run)
    for _ in range(3):
        audit.entries(10, lambda entry: True)
    assert len(threads.running) == 1
    threads.running[0].callback(None)
    assert len(threads.running) == 2
