"""For every test of the store: short files, and no logged failure that it did not expect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.logger import globalLogPublisher

from smppgw.core.store import journal


@pytest.fixture(autouse=True)
def _short_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are copied for every crash need not begin with megabytes, nor reach a disk."""
    monkeypatch.setattr(journal, "PREPARED", 16 * 1024)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr("os.fdatasync", lambda descriptor: None)


@pytest.fixture(autouse=True)
def failures() -> Iterator[list[str]]:
    """Failures that were logged; a test that expects some clears the list."""
    seen: list[str] = []

    def observe(event: dict[str, object]) -> None:
        if "log_failure" in event:
            seen.append(str(event["log_failure"]))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)
    assert seen == []
