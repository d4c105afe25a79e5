"""Whether the process is of use: it lives and can write (health), and messages can go (ready).

Owns: the two verdicts, each with one line why not.
Refuses to know: HTTP, and what is done about a verdict.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    TimeoutError,
    maybeDeferred,
    succeed,
)
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.relay import Relay

FILE_NAME = "health"
"""Name of the file, in the data directory, that a look at the disk writes."""
PATIENCE = 5.0
"""Seconds after which a disk that does not answer counts as one that cannot be written."""
FRESH = 1.0
"""Seconds for which one look at the disk serves everybody who asks."""
LONGEST = 200
"""Characters of a reason."""

log = Logger()


@frozen
class Verdict:
    """Yes, or one line why not."""

    why_not: str = ""

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return not self.why_not


class Health:
    """Judges one gateway; `accepting` says why its listeners are not open, or ""."""

    def __init__(
        self,
        relay: Relay,
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[Any]],
        accepting: Callable[[], str],
    ) -> None:
        self._relay = relay
        self._clock = clock
        self._in_thread = in_thread
        self._accepting = accepting
        self._looked_at = 0.0
        self._found = Verdict()
        self._asking: list[Deferred[Verdict]] = []
        self._writing = False

    # ------------------------------------------------------------------ health

    def health(self) -> Deferred[Verdict]:
        """Whether commits go to disk and the data directory can be written; within PATIENCE."""
        store = self._relay.store
        if store.trouble:
            return succeed(_because(f"the store cannot write: {store.trouble}"))
        if store.commit_age > PATIENCE:
            return succeed(_because(f"a commit has waited {store.commit_age:.0f} s for the disk"))
        if self._clock.seconds() - self._looked_at < FRESH:
            return succeed(self._found)
        asking: Deferred[Verdict] = Deferred()
        asking.addTimeout(PATIENCE, self._clock)
        asking.addErrback(self._too_late)
        self._asking.append(asking)
        self._look()
        return asking

    def _look(self) -> None:
        if not self._writing:  # one thread at most waits for a disk that hangs
            self._writing = True
            directory = self._relay.store.engine.directory
            writing: Deferred[Any] = maybeDeferred(self._in_thread, write_a_little, directory)
            writing.addCallbacks(lambda _: Verdict(), _failed)
            writing.addCallback(self._seen)

    def _seen(self, verdict: Verdict) -> None:
        self._writing = False
        self._looked_at, self._found = self._clock.seconds(), verdict
        asking, self._asking = self._asking, []
        for one in asking:
            if not one.called:
                one.callback(verdict)

    def _too_late(self, failure: Failure) -> Verdict:
        failure.trap(TimeoutError, CancelledError)  # type: ignore[no-untyped-call]
        self._asking = [one for one in self._asking if not one.called]
        return Verdict(f"the disk did not answer in {PATIENCE:g} s")

    # ------------------------------------------------------------------ ready

    def ready(self) -> Verdict:
        """Whether an ESME could bind now and its message could go to a carrier."""
        closed = self._accepting()
        if closed:
            return _because(closed)
        if self._relay.store.trouble:
            return _because(f"the store cannot write: {self._relay.store.trouble}")
        wanted = [one for one in self._relay.carriers.values() if one.settings.enabled]
        if wanted and not any(carrier.usable for carrier in wanted):
            return Verdict(f"no carrier can be used, of {len(wanted)}")
        return Verdict()


def write_a_little(directory: Path) -> None:
    """Write a file anew and wait until it is on disk; raises OSError."""
    descriptor = os.open(
        directory / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600
    )
    try:
        os.write(descriptor, bytes(4096))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(failure: Failure) -> Verdict:
    error = failure.value
    if not isinstance(error, OSError):
        log.failure("web: looking at the disk", failure)
        return Verdict("the disk could not be looked at; see the log")
    return _because(f"the data directory cannot be written: {error.strerror}")


def _because(reason: str) -> Verdict:
    return Verdict(" ".join(reason.split())[:LONGEST])
