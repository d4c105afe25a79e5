"""The audit: who did what, when, from where, and what came of it.

Owns: which commands may run while the file cannot be written, what waits to be written, and what is
said in the log when something is lost.
Refuses to know: the file (`audit_file`), commands, and which words of a line are secret: it gets
lines in which they are masked.

A command that changes anything is written before it runs, and again with its result: it does not
run when that is impossible, and one that ends the process is in the file all the same. What only
looks is written once it has run, and runs in any case.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, DeferredSemaphore, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.command import CommandError, Operator, Role
from smppgw.core.figures import moment
from smppgw.ops.audit_file import (
    BEGUN,
    AuditFile,
    Entry,
    Found,
    Outcome,
    encode,
    newest,
)
from smppgw.ops.operators import Refused

FILE = "audit.log"
"""Name of the file in the data directory."""
MAX_WAITING = 10_000
"""Entries that wait to be written; more are counted as lost."""
MAX_OCTETS = 4 * 1024 * 1024
"""Octets of those."""
PATIENCE = 5.0
"""Seconds that a command waits for its line to be written."""
RETRY = 5.0
"""Seconds between attempts to write while that fails."""

log = Logger()


@define(eq=False)
class _Line:
    entry: Entry
    sync: bool = False
    waiting: Deferred[Any] | None = None
    """Of a command that does not run before."""
    octets: bytes = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.octets = encode(self.entry)

    @property
    def given_up(self) -> bool:
        """The command that waited for it has been refused."""
        return self.waiting is not None and self.waiting.called


class Audit:
    """Writes to `directory/audit.log`; `in_thread` runs a function off the reactor.

    Files of `most` octets are full (0 = never), and `kept` full ones are kept.
    """

    def __init__(
        self,
        directory: Path,
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[Any]],
        most: int = 0,
        kept: int = 1,
    ) -> None:
        self.path = directory / FILE
        self.trouble = ""
        """Why nothing can be written now; "" when the last attempt went well."""
        self.lost = 0
        """Entries that could not be kept since the start."""
        self._clock = clock
        self._in_thread = in_thread
        self._file = AuditFile(self.path, most, kept)
        self._lines: deque[_Line] = deque()
        self._octets = 0
        self._writing = False
        self._unreported = 0
        self._retry: IDelayedCall | None = None
        self._numbers = count(1)
        self._process = secrets.token_hex(4)
        self._idle: list[Deferred[None]] = []
        self._reading = DeferredSemaphore(1)

    # ------------------------------------------------------------------ what is written

    def permit(self, operator: Operator, session: object, line: str, role: Role) -> Deferred[str]:
        """Fire when a command may run, with what `record` wants to know of it.

        At once when its `role` is view, else when `line`, which has its secrets masked, is in the
        file; from config on it is on disk by then. Fails with CommandError (`unavailable`) when the
        file does not take it within 5 s, or when it is cancelled; that is an entry too, once it can
        be.
        """
        if role == Role.VIEW:
            return succeed("")
        id = f"{self._process}-{next(self._numbers)}"
        entry = self._entry("command", operator, session, command=line, result=BEGUN, id=id)
        waiting: Deferred[Any] = Deferred()
        self._append(_Line(entry, role >= Role.CONFIG, waiting))
        waiting.addTimeout(PATIENCE, self._clock)
        return waiting.addCallbacks(lambda _: id, self._refuse)

    def record(
        self,
        operator: Operator,
        session: object,
        line: str,
        result: str,
        seconds: float,
        permit: str = "",
    ) -> None:
        """Write what came of a line, which has its secrets masked: `ok`, or its code."""
        entry = self._entry(
            "command",
            operator,
            session,
            command=line,
            result=result if result == "ok" else f"ERR {result}",
            ms=round(seconds * 1000, 1),
            id=permit,
        )
        self._add(entry, sync=bool(permit) and operator.role >= Role.CONFIG)

    def login(self, operator: Operator, session: object, door: str) -> None:
        """Write that somebody came in by a door: telnet, ssh, local."""
        self._add(self._entry("login", operator, session, command=door, result="ok"))

    def refused(self, refused: Refused, source: str, door: str) -> None:
        """Write that somebody was not let in, from which address and by which door."""
        self._add(
            Entry(
                time=self._now(),
                event="refused",
                operator=refused.name,
                source=source,
                command=door,
                result=refused.reason,
            )
        )

    def logout(self, operator: Operator, session: object, reason: str) -> None:
        """Write that a session has ended, and why."""
        self._add(self._entry("logout", operator, session, result=reason))

    def entries(self, limit: int, wanted: Callable[[Entry], bool]) -> Deferred[Found]:
        """Fire with up to `limit` wanted entries of the file, newest first; fails with OSError.

        `wanted` is called in a thread. One reading at a time: the others wait.
        """
        return self._reading.run(self._in_thread, newest, self.path, limit, wanted)

    def stop(self) -> Deferred[None]:
        """Fire when what waits is written, or cannot be; the caller decides how long to wait."""
        self._schedule(False)
        self._pump()
        if self._writing:
            self._idle.append(Deferred(self._idle.remove))
            return self._idle[-1].addCallback(self._close)
        self._close(None)
        return succeed(None)

    def _close(self, _: None) -> None:
        self._file.close()
        if self._lines:
            log.error("audit: {count} entries were lost", count=len(self._lines))

    # ------------------------------------------------------------------ how

    def _now(self) -> str:
        return moment(self._clock.seconds()) or ""

    def _entry(self, event: str, operator: Operator, session: object, **more: Any) -> Entry:
        return Entry(
            time=self._now(),
            event=event,
            operator=operator.name,
            role=operator.role.name.lower(),
            source=operator.peer,
            session=getattr(session, "number", 0),
            **more,
        )

    def _refuse(self, _: Failure) -> Failure:
        reason = self.trouble or "the disk does not answer"
        text = f"not done: {self.path} cannot be written ({reason})"
        return Failure(CommandError(text, "unavailable"))  # type: ignore[no-untyped-call]

    def _add(self, entry: Entry, sync: bool = False) -> None:
        self._append(_Line(entry, sync))

    def _append(self, line: _Line) -> None:
        if len(self._lines) >= MAX_WAITING or self._octets + len(line.octets) > MAX_OCTETS:
            if line.waiting is not None:
                line.waiting.errback(CommandError("too much waits to be written"))
                return
            if not self._unreported:
                log.error("audit: too much waits to be written; entries are lost from now on")
            self.lost += 1
            self._unreported += 1
            return
        self._lines.append(line)
        self._octets += len(line.octets)
        retrying = self._retry is not None and self._retry.active()
        if not retrying or line.waiting is not None:
            self._pump()

    def _pump(self) -> None:
        """Write what waits, unless something is being written."""
        while self._lines and not self._writing:
            batch = [line for line in self._lines if not line.given_up]
            self._lines.clear()
            self._octets = 0
            if not batch:
                return
            self._writing = True
            octets = [line.octets for line in batch]
            sync = any(line.sync for line in batch)
            writing = maybeDeferred(self._in_thread, self._file.append, octets, sync)
            at_once = writing.called
            writing.addBoth(self._written, batch)
            if not at_once:
                writing.addCallback(lambda _: self._go_on())
                return
            if self.trouble:
                return

    def _go_on(self) -> None:
        if not self.trouble or any(line.waiting for line in self._lines):
            self._pump()
        if not self._writing:
            idle, self._idle = self._idle, []
            for one in idle:
                one.callback(None)

    def _written(self, result: Outcome | Failure, batch: list[_Line]) -> None:
        self._writing = False
        if isinstance(result, Failure):
            result = Outcome(0, False, result.getErrorMessage())
        back = [line for line in batch[result.written :] if line.waiting is None]
        self._lines.extendleft(reversed(back))
        self._octets += sum(len(line.octets) for line in back)
        for news in result.news:
            log.info("audit: {path}: {news}", path=str(self.path), news=news)
        self._report(result.trouble)
        self._schedule(bool(result.trouble))
        for number, line in enumerate(batch):
            if line.waiting is None:
                continue
            written = number < result.written
            if written and not line.given_up and (result.synced or not line.sync):
                line.waiting.callback(None)
                continue
            if written:  # and yet it does not run
                self._add(evolve(line.entry, time=self._now(), result="ERR unavailable"))
            if not line.given_up:
                line.waiting.errback(CommandError(result.trouble))

    def _schedule(self, again: bool) -> None:
        """Try again in a while, or not any more."""
        waits = self._retry is not None and self._retry.active()
        if again and not waits:
            self._retry = self._clock.callLater(RETRY, self._pump)
        elif waits and not again and self._retry is not None:
            self._retry.cancel()

    def _report(self, trouble: str) -> None:
        """Say once that it does not work, and once that it works again."""
        if trouble and not self.trouble:
            log.error(
                "audit: {path} cannot be written ({trouble}); commands that change anything are "
                "refused until it can",
                path=str(self.path),
                trouble=trouble,
            )
        elif self.trouble and not trouble:
            log.info("audit: {path} is written again", path=str(self.path))
        self.trouble = trouble
        if not trouble and self._unreported:
            lost, self._unreported = self._unreported, 0
            log.error("audit: {count} entries were lost", count=lost)
            self._add(Entry(time=self._now(), event="lost", result=str(lost)))
