"""One operator at a gateway's shell, over and over, while something else is measured.

Owns: what he types and how fast, and what his lines took of the gateway's reactor.
Refuses to know: what is measured meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from typing import Any

from shell_lines import ShellSession

WATCH = "watch 2 show status"
"""What stands on his second terminal."""


class Took:
    """What lines took of the reactor, all in all; several threads add to it."""

    def __init__(self) -> None:
        self.lines = 0
        self.ms = 0.0
        self.seconds = 0.0
        """How long he was there."""
        self._lock = Lock()

    def add(self, ms: float) -> None:
        """A line has ended."""
        with self._lock:
            self.lines += 1
            self.ms += ms

    @property
    def mean(self) -> float:
        """Milliseconds of the reactor for each line."""
        return self.ms / max(self.lines, 1)

    @property
    def per_second(self) -> float:
        """Lines a second."""
        return self.lines / max(self.seconds, 1e-9)

    @property
    def share(self) -> float:
        """Percent of the reactor's time."""
        return self.ms / 10 / max(self.seconds, 1e-9)

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            "count": self.lines,
            "per_second": round(self.per_second, 2),
            "reactor_ms": round(self.mean, 3),
            "share_percent": round(self.share, 2),
        }

    def __str__(self) -> str:
        return (
            f"{self.per_second:.1f} lines/s, {self.mean:.2f} ms of the reactor each on average:"
            f" {self.share:.2f} % of its time"
        )


def mixed(lines: Sequence[str]) -> Iterator[str]:
    """Without end, in an order in which dear and cheap ones follow each other; always the same."""
    order = list(lines)
    Random(1).shuffle(order)  # noqa: S311
    return cycle(order)


@contextmanager
def typing(
    data: Path, lines: Iterator[str], pace: float, took: Took, clock: Callable[[], float]
) -> Iterator[None]:
    """He types one of the lines after the other, so many seconds apart (0: as soon as he can)."""
    session = ShellSession(data)

    def act() -> None:
        session.run(next(lines))
        took.add(session.ms)

    began = clock()
    try:
        with repeated(act, pace):
            yield
    finally:
        took.seconds += clock() - began
        session.close()


@contextmanager
def watching(data: Path) -> Iterator[None]:
    """His other terminal, on which he watches."""
    session = ShellSession(data)
    thread = Thread(target=session.run, args=(WATCH,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        session.interrupt()
        thread.join()
        session.close()


@contextmanager
def repeated(act: Callable[[], object], pace: float) -> Iterator[None]:
    """Do it every so many seconds in a thread, for as long as the context lasts."""
    over = Event()

    def work() -> None:
        while not over.is_set():
            act()
            over.wait(pace)

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
