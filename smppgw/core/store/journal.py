"""The journal: two files, written in turn, that make a commit durable in one write.

Owns: the form of a record, the two files, and telling a torn end from damage.
Refuses to know: what is in a record, and when the disk is synced.

A record is a header and a payload. The header has: generation (8 octets), number (8), length of
the payload in octets (4), whether the other file is needed (1), checksum (4); all big-endian. The
checksum is the CRC-32 of header and payload, begun with the checksum of the record before, so
that nothing left behind the end, nor the text of a message in it, can pass for the next record.

Records of a generation follow each other from the start of one file; the next generation goes to
the other file. A file keeps its length, with older records behind the end, so that a sync has no
metadata to write. Generations increase by random steps.

Only the last record can be torn by a crash, for the next one is written after the sync of this
one. A bad record that another of its generation follows is therefore damage, and is reported.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterator
from pathlib import Path
from secrets import randbelow
from struct import Struct
from typing import NamedTuple

HEADER = Struct(">QQIBI")
LARGEST = (1 << 64) - 1
CHECKED = HEADER.size - 4
"""Octets of the header that the checksum covers."""
PREPARED = 4 * 1024 * 1024
"""Octets written ahead when a file is made."""
FILES = ("journal.0", "journal.1")


class Record(NamedTuple):
    """What one record holds."""

    generation: int
    number: int
    needs_other: bool
    payload: bytes


class Scan(NamedTuple):
    """What one file holds; damage matters only while the file is needed."""

    generation: int
    file: int
    records: list[Record]
    damage: str


class JournalDamaged(Exception):
    """Records are missing in the middle of a journal file."""


class Journal:
    """The open journal of one data directory; raises OSError when the disk refuses."""

    def __init__(self, directory: Path, expected: bool = False) -> None:
        """Open or make the files; `expected` says that they must be there already."""
        for name in FILES if expected else ():
            path = directory / name
            if not path.exists() or path.stat().st_size < HEADER.size:
                raise JournalDamaged(
                    f"{path} is missing or cut off; restore a backup, or put a file of"
                    f" {PREPARED} zero octets there and lose what only it held"
                )
        self.descriptors = tuple(_open(directory / name) for name in FILES)
        holder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fsync(holder)  # the names of the files have to survive as well
        os.close(holder)
        self._paths = tuple(str(directory / name) for name in FILES)
        self._generation = 0
        self._number = 0
        self._current = 0
        self._at = 0
        self._previous = 0
        self._needs_other = False
        self._complete = False

    @property
    def current(self) -> int:
        """Which of the two files is being written."""
        return self._current

    @property
    def octets(self) -> int:
        """Octets of the records in the file being written."""
        return self._at

    @property
    def complete(self) -> bool:
        """The file being written holds all that is needed, and its last record says so."""
        return self._complete

    def read(self) -> Iterator[bytes]:
        """The payloads of all records that are needed, oldest first; raises JournalDamaged."""
        older, newer = sorted(
            self._scan(number, descriptor) for number, descriptor in enumerate(self.descriptors)
        )
        needed = [newer]
        if not newer.records or newer.records[-1].needs_other:
            needed = [older, newer]
        for file in needed:
            if file.damage:
                raise JournalDamaged(file.damage)
            if file.records:
                self._generation = file.generation
                self._number = max(self._number, file.records[-1].number)
        if newer.records and newer.records[-1].needs_other and not older.records:
            raise JournalDamaged(
                f"{self._paths[older.file]} has lost its records; restore a backup, or fill both"
                " journal files with zeros and lose what only they hold"
            )
        for file in needed:
            yield from (record.payload for record in file.records if record.payload)

    def _scan(self, file: int, descriptor: int) -> Scan:
        """The valid records at the start of a file, and what is wrong behind them."""
        data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        found: list[Record] = []
        first = at = previous = 0
        damage = ""
        while at + HEADER.size <= len(data):
            generation, number, length, needs_other, checksum = HEADER.unpack_from(data, at)
            if not found:
                first = generation
            elif (generation, number) != (first, found[-1].number + 1):
                break
            end = at + HEADER.size + length
            payload = data[at + HEADER.size : end]
            header = data[at : at + CHECKED]
            if end > len(data) or crc32(payload, crc32(header, previous)) != checksum:
                following = data[end + 8 : end + 16]
                if generation and following == ((number + 1) & LARGEST).to_bytes(8, "big"):
                    damage = (
                        f"{self._paths[file]} is damaged at octet {at}: a record is unreadable,"
                        " later ones are not; restore a backup, or remove the file and lose what"
                        " only it holds"
                    )
                break
            found.append(Record(generation, number, bool(needs_other), payload))
            previous = checksum
            at = end
        return Scan(first, file, found, damage)

    def append(self, payload: bytes) -> None:
        """Write a record; it is durable once `descriptors[current]` is synced."""
        record, checksum = self._record(payload)
        written = os.pwrite(self.descriptors[self._current], record, self._at)
        if written != len(record):
            raise OSError(f"the disk took {written} of {len(record)} octets")
        self._number += 1
        self._previous = checksum
        self._at += written
        self._complete = not self._needs_other

    def _record(self, payload: bytes) -> tuple[bytes, int]:
        fields = (self._generation, self._number + 1, len(payload), self._needs_other)
        header = HEADER.pack(*fields, 0)[:CHECKED]
        checksum = crc32(payload, crc32(header, self._previous))
        return header + checksum.to_bytes(4, "big") + payload, checksum

    def turn(self) -> None:
        """Begin the next generation, in the other file.

        What that holds must have been released before the last record was written, or the record
        would still call for it.
        """
        self._begin(1 - self._current)
        self._needs_other = True

    def release(self) -> None:
        """The other file is not needed any more; the next record says so."""
        self._needs_other = False

    def empty(self) -> None:
        """Give up all records, durably; both files begin with an empty record that says so."""
        self._begin(0)
        self._needs_other = False
        record, _ = self._record(b"")
        self._number += 1
        for descriptor in self.descriptors:
            os.pwrite(descriptor, record, 0)
            os.fdatasync(descriptor)
        self._begin(0)  # so that what follows is newer than both

    def _begin(self, file: int) -> None:
        self._generation += 1 + randbelow(1 << 32)
        self._current = file
        self._at = self._previous = 0
        self._complete = False

    def close(self) -> None:
        """Close both files."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.fstat(descriptor).st_size < PREPARED:
        size = os.fstat(descriptor).st_size
        os.pwrite(descriptor, bytes(PREPARED - size), size)
        os.fsync(descriptor)
    return descriptor
