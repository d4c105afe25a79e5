"""The audit file: lines appended so that they last, and read back from its end.

Owns: opening and reopening, torn lines, full files and which of them are kept, the form of an entry
on disk. All of it may block: it runs off the reactor, one call at a time.
Refuses to know: who asks for an entry, and what happens when it cannot be written.

One entry is one JSON object on one line, in ASCII: whatever somebody typed, it cannot begin a line
of its own, nor steer the terminal that shows the file.

A file that is full gets a number behind its name, one more than the last: `audit.log.000017` is
newer than `audit.log.000016`. One rename does it, so a kill -9 leaves nothing half done.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from attrs import evolve, frozen

BLOCK = 64 * 1024
MAX_LINE = 256 * 1024
"""Octets of a line that is read; nothing we write is as long."""
MAX_SCAN = 256 * 1024 * 1024
"""Octets that one reading looks through."""
DIGITS = 6
"""Of the number of a file that is full, at least."""
MAX_TEXT = 8192
"""Characters that are kept of a text."""
BEGUN = "begun"
"""Result of a command that has been let run and not ended."""


@frozen(kw_only=True)
class Entry:
    """One thing that somebody did, or tried. Its texts are as they were typed: not for a terminal.

    `event` is command; login or refused (`command` says by which door); logout; or lost, entries
    that could not be kept: `result` says how many. `id` joins the two lines of a command that was
    written before it ran.
    """

    time: str
    event: str
    operator: str = ""
    role: str = ""
    source: str = ""
    session: int = 0
    command: str = ""
    result: str = ""
    ms: float | None = None
    id: str = ""


@frozen
class Outcome:
    """What an append came to: how many lines are in the file, and what went wrong ("" nothing).

    `synced` says that they are on disk, when that was asked for.
    """

    written: int
    synced: bool
    trouble: str = ""
    news: tuple[str, ...] = ()
    """What became of full files."""


@frozen
class Found:
    """Entries, newest first, and whether the file was read as far as was asked."""

    entries: list[Entry]
    whole: bool


def encode(entry: Entry) -> bytes:
    """An entry as a line of the file, with the keys that say something."""
    record = {
        "time": entry.time,
        "event": entry.event,
        "operator": entry.operator,
        "role": entry.role,
        "from": entry.source,
        "session": entry.session or "",
        "command": _cut(entry.command),
        "result": _cut(entry.result),
        "ms": "" if entry.ms is None else entry.ms,
        "id": entry.id,
    }
    said = {key: value for key, value in record.items() if value != ""}
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def decode(line: bytes) -> Entry | None:
    """The entry of a line; None for one that is damaged."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    texts = {key: record.get(key, "") for key in ("time", "event", "operator", "role", "from")}
    texts |= {key: record.get(key, "") for key in ("command", "result", "id")}
    session, ms = record.get("session", 0), record.get("ms")
    if not all(isinstance(text, str) for text in texts.values()) or not texts["time"]:
        return None
    if type(session) is not int or not (ms is None or _is_figure(ms)):
        return None
    return Entry(source=texts.pop("from"), session=session, ms=ms, **texts)


def _is_figure(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


class AuditFile:
    """The file being written; it is opened when there is something to write.

    At `most` octets it is full (0 = never), and `kept` full ones are kept.
    """

    def __init__(self, path: Path, most: int = 0, kept: int = 1) -> None:
        self.path = path
        self._most = most
        self._kept = kept
        self._descriptor = -1
        self._torn = False
        self._stuck = ""
        """Why a full file goes on."""

    def append(self, lines: Sequence[bytes], sync: bool) -> Outcome:
        """Add whole lines; with `sync` they are on disk afterwards. Never raises OSError."""
        octets = b"".join(lines)
        try:
            self._open()
            news = self._make_room(len(octets))
        except OSError as error:
            self.close()
            return Outcome(0, False, _reason(error))
        return evolve(self._append(lines, octets, sync), news=news)

    def _append(self, lines: Sequence[bytes], octets: bytes, sync: bool) -> Outcome:
        try:
            written = self._write(b"\n" + octets if self._torn else octets)
        except _Partly as partly:
            self.close()  # which has the next line begin on a line of its own
            return Outcome(_whole(lines, partly.written - self._torn), False, partly.reason)
        self._torn = False
        if sync:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self.close()
                return Outcome(len(lines), False, _reason(error))
        return Outcome(len(lines), bool(written) and sync)

    def _make_room(self, octets: int) -> tuple[str, ...]:
        """Begin another file when this one would be too large; says what was done, or why not."""
        size = os.fstat(self._descriptor).st_size if self._most else 0
        if not size or size + octets <= self._most:
            return ()
        name = self.path
        try:
            full = full_files(self.path)
            last = int(full[0].suffix[1:]) if full else 0
            name = self.path.with_name(f"{self.path.name}.{last + 1:0{DIGITS}}")
            os.fsync(self._descriptor)
            self.path.rename(name)
        except OSError as error:
            known, self._stuck = self._stuck, _reason(error)
            return () if known else (f"it is full and goes on: {name} ({self._stuck})",)
        self._stuck = ""
        self.close()
        self._open()
        return (f"it was full, and is {name.name} now", *_removed(full[self._kept - 1 :]))

    def close(self) -> None:
        """Let go of the file; the next append opens it again."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _open(self) -> None:
        if self._descriptor >= 0:
            if self._in_place():
                return
            self.close()
        new = not self.path.exists()
        # Nonblocking for what is no file at all: to open a pipe would wait for its reader.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._descriptor = os.open(self.path, flags, 0o600)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no file")
        last = os.pread(self._descriptor, 1, status.st_size - 1) if status.st_size else b"\n"
        self._torn = last != b"\n"
        if new:
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def _in_place(self) -> bool:
        """Whether the name still leads to the file that is open: rotation renames it."""
        try:
            found = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(self._descriptor))

    def _write(self, octets: bytes) -> int:
        written = 0
        while written < len(octets):
            try:
                written += os.write(self._descriptor, octets[written:])
            except OSError as error:
                raise _Partly(written, _reason(error)) from None
        return written


def full_files(path: Path) -> list[Path]:
    """The files that were full, the newest first; raises OSError."""
    # Path.glob takes a directory that cannot be read for an empty one: the next number would be 1.
    with os.scandir(path.parent) as listed:
        found = [
            path.with_name(one.name)
            for one in listed
            if (digits := one.name.removeprefix(f"{path.name}.")) != one.name
            and (digits.isdecimal() and digits.isascii() and len(digits) >= DIGITS)
        ]
    return sorted(found, key=lambda one: int(one.suffix[1:]), reverse=True)


def _removed(files: Sequence[Path]) -> Iterator[str]:
    for one in files:
        try:
            one.unlink(missing_ok=True)
        except OSError as error:
            yield f"{one.name} is too old and stays: {_reason(error)}"
        else:
            yield f"{one.name} was too old, and is removed"


class _Partly(Exception):
    """The disk took `written` octets and no more."""

    def __init__(self, written: int, reason: str) -> None:
        super().__init__(reason)
        self.written = written
        self.reason = reason


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _whole(lines: Sequence[bytes], octets: int) -> int:
    """How many lines are whole within the first `octets`."""
    for count, line in enumerate(lines):
        octets -= len(line)
        if octets < 0:
            return count
    return len(lines)


def newest(path: Path, limit: int, wanted: Callable[[Entry], bool], most: int = MAX_SCAN) -> Found:
    """Up to `limit` wanted entries from the end of a file, newest first; none when there is none.

    Goes on in the files that were full before it, and looks through `most` octets. Damaged lines,
    and the one being written, are left out. A command of which both lines are met is one entry, the
    one with the result. Raises OSError.
    """
    entries: list[Entry] = []
    ended: set[str] = set()
    for file in _files(path):
        with file:
            size = file.seek(0, os.SEEK_END)
            for line in _backwards(file, size, max(size - most, 0)):
                if len(entries) >= limit:
                    return Found(entries, True)
                entry = decode(line)
                if entry is None:
                    continue
                if entry.id:
                    if entry.result == BEGUN and entry.id in ended:
                        ended.discard(entry.id)
                        continue
                    ended.add(entry.id)
                if wanted(entry):
                    entries.append(entry)
        if size > most:
            return Found(entries, len(entries) >= limit)
        most -= size
    return Found(entries, True)


def _files(path: Path) -> Iterator[BinaryIO]:
    """The file and the full ones, the newest first, each once: one may become full meanwhile."""
    current: os.stat_result | None = None
    try:
        file = path.open("rb")
    except FileNotFoundError:
        pass
    else:
        current = os.fstat(file.fileno())
        yield file
    for one in full_files(path):
        try:
            file = one.open("rb")
        except FileNotFoundError:
            continue
        if current is not None and os.path.samestat(current, os.fstat(file.fileno())):
            file.close()
            continue
        yield file


def _backwards(file: BinaryIO, end: int, start: int) -> Iterator[bytes]:
    """Whole lines between two places, the last first; what follows the last line end is none."""
    tail = b""
    skip = True  # what stands behind the last line end is torn, or nothing
    while end > start:
        begin = max(end - BLOCK, start)
        file.seek(begin)
        pieces = (file.read(end - begin) + tail).split(b"\n")
        end = begin
        for piece in reversed(pieces[1:]):
            if not skip:
                yield piece
            skip = False
        tail = pieces[0]
        if len(tail) > MAX_LINE:
            tail, skip = b"", True
    if start == 0 and not skip:
        yield tail
