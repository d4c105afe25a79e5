"""Events as `twisted.logger` makes them, and a log that ends in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import LogEvent, LogLevel, globalLogPublisher

NOW = 1_790_000_000.125
MOMENT = "2026-09-21T14:13:20.125Z"


def event(format: str | None = "hello {who}", level: str = "info", **fields: Any) -> LogEvent:
    """An event as a Logger of ours makes it."""
    fields.setdefault("log_time", NOW)
    fields.setdefault("log_namespace", "smppgw.core.test")
    return {"log_level": LogLevel.levelWithName(level), "log_format": format, **fields}


class Paper:
    """An output in memory: it takes nothing while `full`."""

    where = "paper"

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.full = False
        self.trouble = ""
        self.closed = False

    def write(self, line: bytes) -> bool:
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        if self.full:
            self.trouble = "No space left on device"
            return False
        self.lines.append(line[:-1].decode())
        return True

    def reopen(self) -> None:
        self.lines.append("(opened again)")

    def close(self) -> None:
        self.closed = True


@contextmanager
def captured() -> Iterator[list[LogEvent]]:
    """Every event of every level while it lasts."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(events.append)
