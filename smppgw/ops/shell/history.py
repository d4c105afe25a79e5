"""What operators typed, kept across sessions, without secrets.

Owns: one file for each operator in `data_dir/history` (0600), one line of it for each line typed,
the newest MOST_LINES; and the lines that a session can walk through.
Refuses to know: which words of a line are secret (it is given lines without them), and editing.

Lines are appended one by one: some hundred octets each time. A file that cannot be written or read
costs its history only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload
from urllib.parse import quote

from twisted.logger import Logger

from smppgw.core.command import Operator

MOST_LINES = 1000
MOST_OCTETS = 256 * 1024
"""Of a file that are read; it is written anew when it has twice as many."""
LONGEST_NAME = 64

log = Logger()


class History(Sequence[str]):
    """The lines of one session, the oldest first; they begin with those of its operator's file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lines = [] if path is None else _read(path)
        self.kept = list(self._lines)
        """The same without secrets, as the file has them."""

    def add(self, line: str, masked: str) -> None:
        """A line was typed; `masked` is the same without secrets.

        What cannot be read as a command may be a slip of the finger: it can be called back as it
        was typed, but only in this session.
        """
        said = " ".join(masked.splitlines())
        if not said or said.isspace():
            return
        if not self.kept or self.kept[-1] != said:
            self.kept = [*self.kept[1 - MOST_LINES :], said]
            if self._path is not None:
                _append(self._path, said)
        line = said if "***" in said else line
        if not self._lines or self._lines[-1] != line:
            self._lines = [*self._lines[1 - MOST_LINES :], line]

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return self._lines[place]

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)


class Histories:
    """The files of all operators, below a directory that is made when it is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def of(self, operator: Operator) -> History:
        """The history with which a session of an operator begins."""
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            return History(self._directory / file_name(operator))
        except OSError as error:
            log.warn("shell: no history: {error}", error=error)
            return History()


def file_name(operator: Operator) -> str:
    """A file's name for an operator; users of this machine have others than operators."""
    kind = "local" if operator.peer == "local" else "operator"
    name = operator.name.encode("utf-8", "surrogatepass")[:LONGEST_NAME]
    return f"{kind}-{quote(name, safe='')}"


def _read(path: Path) -> list[str]:
    """The newest lines of a file, which is made smaller when it is too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - MOST_OCTETS, 0))
            octets = file.read(MOST_OCTETS)
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warn("shell: history {path} cannot be read: {error}", path=path, error=error)
        return []
    lines = octets.decode("utf-8", "replace").split("\n")
    if size > MOST_OCTETS:
        lines = lines[1:]  # which is not whole
    kept = [line for line in lines if line and line.isprintable()][-MOST_LINES:]
    if size > 2 * MOST_OCTETS:
        _write(path, kept)
    return kept


def _write(path: Path, lines: list[str]) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        new.replace(path)
    except OSError as error:
        log.warn("shell: history {path} cannot be written: {error}", path=path, error=error)


def _append(path: Path, line: str) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode("utf-8", "replace"))
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warn("shell: history {path} cannot be written: {error}", path=path, error=error)
