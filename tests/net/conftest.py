"""What every network test must leave behind: no timer and no logged failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from net_kit import Recorder
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher


@pytest.fixture
def failures() -> Iterator[list[dict[str, object]]]:
    """Failures that were logged; a test that expects some empties it."""
    seen: list[dict[str, object]] = []

    def observe(event: dict[str, object]) -> None:
        if "log_failure" in event:
            seen.append(event)

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)
    assert seen == []


@pytest.fixture
def clock(failures: list[dict[str, object]]) -> Iterator[Clock]:
    """A clock that nothing may be left waiting on."""
    clock = Clock()
    yield clock
    assert clock.getDelayedCalls() == []


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
