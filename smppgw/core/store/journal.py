"""The journal: two files, written in turn, that make a commit durable in one write.

Owns: the form of a record, the two files, and telling a torn end from damage.
Refuses to know: what is in a record, and when the disk is synced.

A record is a header (generation, number, length of the payload in octets, CRC-32 of generation,
number and payload; 4, 8, 4 and 4 octets, big-endian) and the payload. Records of a generation
follow each other from the start of one file; the next generation goes to the other file. A file
keeps its length, with older records behind the end, so that a sync has no metadata to write; the
generation tells what is old.

Only the last record can be torn by a crash, for the next one is written after the sync of this
one. A bad record that others follow is therefore damage, and is reported as such.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterator
from pathlib import Path
from struct import Struct

HEADER = Struct(">IQII")
PREPARED = 4 * 1024 * 1024
"""Octets written ahead when a file is made."""
FILES = ("journal.0", "journal.1")


class JournalDamaged(Exception):
    """Records are missing in the middle of a journal file."""


class Journal:
    """The open journal of one data directory; raises OSError when the disk refuses."""

    def __init__(self, directory: Path) -> None:
        self.descriptors = tuple(_open(directory / name) for name in FILES)
        self._paths = tuple(str(directory / name) for name in FILES)
        self._generation = 0
        self._number = 0
        self._current = 0
        self._at = 0
        self.octets = 0
        """Octets of the records in both files."""

    @property
    def current(self) -> int:
        """Which of the two files is being written."""
        return self._current

    def read(self) -> Iterator[bytes]:
        """The payloads of all records, oldest first; raises JournalDamaged."""
        found = []
        for number, descriptor in enumerate(self.descriptors):
            data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
            if len(data) >= HEADER.size:
                found.append((HEADER.unpack_from(data)[0], number, data))
        for generation, number, data in sorted(found):
            self._generation = max(self._generation, generation)
            yield from self._records(data, generation, self._paths[number])

    def _records(self, data: bytes, generation: int, path: str) -> Iterator[bytes]:
        at = 0
        expected = None
        while (header := _header(data, at)) is not None:
            seen, number, length, checksum = header
            if seen != generation or expected not in (None, number):
                return
            end = at + HEADER.size + length
            payload = data[at + HEADER.size : end]
            if end > len(data) or _checksum(generation, number, payload) != checksum:
                following = _header(data, end)
                if following is not None and following[:2] == (generation, number + 1):
                    raise JournalDamaged(
                        f"{path} is damaged at octet {at}: a record is unreadable, later ones are"
                        " not; restore a backup, or remove the file and lose what only it holds"
                    )
                return
            if payload:
                yield payload
            self._number = max(self._number, number)
            expected = number + 1
            at = end

    def append(self, payload: bytes) -> None:
        """Write a record; it is durable once `descriptors[current]` is synced."""
        number = self._number + 1
        header = HEADER.pack(
            self._generation, number, len(payload), _checksum(self._generation, number, payload)
        )
        record = header + payload
        written = os.pwrite(self.descriptors[self._current], record, self._at)
        if written != len(record):
            raise OSError(f"the disk took {written} of {len(record)} octets")
        self._number = number
        self._at += written
        self.octets += written

    def turn(self) -> None:
        """Begin the next generation, in the other file; what that holds is given up."""
        self._generation += 1
        self._current = 1 - self._current
        self.octets = self._at
        self._at = 0

    def empty(self) -> None:
        """Give up all records, durably.

        An empty record keeps the generation: numbers that came again would make old records
        behind the end look new.
        """
        self._generation += 1
        header = HEADER.pack(self._generation, 0, 0, _checksum(self._generation, 0, b""))
        for descriptor in self.descriptors:
            os.pwrite(descriptor, header, 0)
            os.fdatasync(descriptor)
        self._current = 0
        self._at = 0
        self.octets = 0

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


def _header(data: bytes, at: int) -> tuple[int, int, int, int] | None:
    return HEADER.unpack_from(data, at) if at + HEADER.size <= len(data) else None


def _checksum(generation: int, number: int, payload: bytes) -> int:
    return crc32(payload, generation ^ (number & 0xFFFFFFFF))
