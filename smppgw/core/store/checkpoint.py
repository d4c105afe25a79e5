"""Folding the write-ahead log back into the database, off the reactor.

Owns: when that happens, and the short hold of commits that lets the log start anew.
Refuses to know: what is in the log.

A passive checkpoint never waits for the writer, so under constant traffic it never reaches the end
of the log, and the log would grow for ever. When it has grown long, commits are held for the few
milliseconds that the rest takes; the next commit then starts at the beginning of the file again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from smppgw.core.store.group_commit import Store

PERIOD = 2.0
LONG = 16_384
"""Pages (of 4 KiB) in the log from which it should start anew."""

log = Logger()

InThread = Callable[..., "Deferred[Any]"]


class Checkpointer:
    """Checkpoints every PERIOD seconds while something is being written."""

    def __init__(self, store: Store, clock: IReactorTime, in_thread: InThread) -> None:
        self._store = store
        self._clock = clock
        self._in_thread = in_thread
        self._path = store.engine.path
        self._call: IDelayedCall | None = None
        self._seen = 0
        self._running: Deferred[Any] | None = None
        self._stopped = False
        self.log_pages = 0
        """Pages in the log at the last look."""

    def start(self) -> None:
        """Begin."""
        self._call = self._clock.callLater(PERIOD, self._look)

    def stop(self) -> Deferred[Any] | None:
        """End; what is returned fires when a running checkpoint is over."""
        self._stopped = True
        if self._call is not None and self._call.active():
            self._call.cancel()
        return self._running

    def _look(self) -> None:
        if self._store.commits == self._seen:
            self.start()
            return
        self._seen = self._store.commits
        self._run(self._first_done)

    def _run(self, then: Callable[[tuple[int, int]], None]) -> None:
        running = self._running = self._in_thread(_checkpoint, self._path)
        running.addCallbacks(then, self._failed)

    def _first_done(self, result: tuple[int, int]) -> None:
        # Both figures are of the moment at which it began: what came meanwhile is in neither.
        self.log_pages, _ = result
        self._running = None
        if self._stopped:
            return
        if self.log_pages < LONG:
            self.start()
            return
        self._store.hold(self._rest)

    def _rest(self) -> None:
        if not self._stopped:
            self._run(self._rest_done)

    def _rest_done(self, result: tuple[int, int]) -> None:
        self.log_pages = result[0]
        self._running = None
        if not self._stopped:
            self._store.go_on()
            self.start()

    def _failed(self, failure: Any) -> None:
        """The disk may be full: commits go on in the log, and we look again later."""
        log.warn("store: checkpoint failed: {why}", why=failure.getErrorMessage())
        self._running = None
        if not self._stopped:
            self._store.go_on()
            self.start()


def _checkpoint(path: Path) -> tuple[int, int]:
    """Run one passive checkpoint; (pages in the log, pages of it that are in the database)."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        _, pages, done = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    finally:
        connection.close()
    return pages, done
