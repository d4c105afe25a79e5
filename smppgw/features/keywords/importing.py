"""Opt-outs from elsewhere: a file of phones, taken over line by line.

Owns: reading such a file a piece at a time off the reactor, and what becomes of each line.
Refuses to know: commands, and what a phone or a scope looks like (it is told).

Nothing is lost by doing it twice: a phone that said STOP already is counted, and nothing else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from smppgw.core.consent import ConsentState
from smppgw.core.plugin import Host
from smppgw.core.proof import Evidence

MOST_LINES = 5_000_000
LONGEST_LINE = 200
PIECE = 100
"""Lines that are read, and written in one commit, at a time."""
SHOWN = 50
"""Bad lines that the report names."""

Check = Callable[[str, str], tuple[str, str]]
"""(phone, scope) as they are kept; raises ValueError."""


class ListUnread(Exception):
    """The file cannot be read; the text says why."""


@frozen
class Bad:
    """A line that is no opt-out."""

    number: int
    reason: str


class StopList:
    """A file with lines PHONE or PHONE,SCOPE (`;` and a tab separate, too); UTF-8.

    Empty lines, lines that begin with `#` and a heading `phone` count for nothing. Its methods
    block.
    """

    def __init__(self, path: str, scope: str, check: Check) -> None:
        self._path = Path(path)
        self._scope = scope
        self._check = check
        self._file: BinaryIO | None = None
        self._line = 0

    def next(self) -> tuple[list[tuple[str, str]], list[Bad]] | None:
        """The opt-outs and the bad lines of the next piece; None at the end. Raises ListUnread."""
        try:
            if self._file is None:
                self._file = self._open()
            good: list[tuple[str, str]] = []
            bad: list[Bad] = []
            for _ in range(PIECE):
                line = self._file.readline(LONGEST_LINE + 1)
                if not line:
                    break
                self._line += 1
                if self._line > MOST_LINES:
                    raise ListUnread(f"more than {MOST_LINES:,} lines; those before are taken over")
                if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                    _skip(self._file)
                    bad.append(Bad(self._line, f"more than {LONGEST_LINE} characters"))
                    continue
                self._read(line, good, bad)
            else:
                return good, bad
        except OSError as error:
            raise ListUnread(f"{self._path}: {error.strerror}") from error
        return (good, bad) if good or bad else None

    def close(self) -> None:
        """No more is read."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> BinaryIO:
        # A pipe or a device would hold up the thread for ever.
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ListUnread(f"{self._path} is no file")
        return os.fdopen(descriptor, "rb")

    def _read(self, line: bytes, good: list[tuple[str, str]], bad: list[Bad]) -> None:
        try:
            words = line.decode("utf-8-sig").strip().replace(";", ",").replace("\t", ",")
        except UnicodeDecodeError:
            bad.append(Bad(self._line, "is no UTF-8"))
            return
        phone, _, scope = (part.strip().strip('"') for part in words.partition(","))
        if not words or words.startswith("#") or (self._line == 1 and phone.lower() == "phone"):
            return
        try:
            good.append(self._check(phone, scope or self._scope))
        except ValueError as error:
            bad.append(Bad(self._line, str(error)))


def _skip(file: BinaryIO) -> None:
    """Read to the end of a line."""
    while True:
        rest = file.readline(65_536)
        if not rest or rest.endswith(b"\n"):
            return


class Import:
    """One file on its way into the consents."""

    def __init__(self, host: Host, found: StopList, origin: str) -> None:
        self._host = host
        self._list = found
        self._origin = origin
        self._bad: list[Bad] = []
        self.new = self.known = self.bad = 0

    async def run(self) -> None:
        """Take all of it over; raises ListUnread."""
        try:
            while (piece := await self._host.in_thread(self._list.next)) is not None:
                good, bad = piece
                self.bad += len(bad)
                self._bad += bad[: SHOWN - len(self._bad)]
                new = await self._host.transact(partial(self._write, good))
                self.new += new
                self.known += len(good) - new
        finally:
            self._list.close()

    def _write(self, good: list[tuple[str, str]]) -> int:
        consent, now, new = self._host.consent, self._host.now(), 0
        for phone, scope in good:
            before = consent.standing(phone, scope)
            if before is not None and before.state is ConsentState.STOPPED:
                continue
            consent.stop(
                Evidence(phone=phone, scope=scope, event="import", at=now, origin=self._origin),
                recall=False,
            )
            new += 1
        return new

    def report(self) -> list[str]:
        """What became of it, for people."""
        lines = [
            f"{self.new:,} phones stopped, {self.known:,} were already, {self.bad:,} bad lines"
        ]
        lines += [f"line {one.number}: {one.reason}" for one in self._bad]
        if self.bad > len(self._bad):
            lines.append(f"and {self.bad - len(self._bad):,} more")
        return lines
