"""Where lines go: a file that others may rotate, or standard error.

Owns: opening, opening again, and octets that a full disk took in half.
Refuses to know: what lines say; and it never waits: what cannot be written now is refused.
"""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import Protocol

MODE = 0o640


class Output(Protocol):
    """Takes whole lines."""

    where: str
    """What operators call it."""
    trouble: str
    """Why the last line was not taken."""

    def write(self, line: bytes) -> bool:
        """Append a line of at most PIPE_BUF octets; False when it could not be. Never raises."""

    def reopen(self) -> None:
        """Somebody says that the file was renamed."""

    def close(self) -> None:
        """Nothing more comes."""


class File:
    """A file that is appended to, and opened again when its name means another file.

    Its name is looked up for every line: what is written after a file was removed or renamed is in
    the new one. When that cannot be opened, the renamed one goes on. Raises OSError when it cannot
    be opened at first.
    """

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self.trouble = ""
        self._path = path
        self._rest = b""
        """The end of a line whose beginning is in the file already."""
        self._descriptor, self._identity = self._open()

    def _open(self) -> tuple[int, tuple[int, int]]:
        # Not to wait for a reader, should it be a FIFO.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self._path, flags, MODE)
        return descriptor, _identity(os.fstat(descriptor))

    def write(self, line: bytes) -> bool:
        """Append a line; False when the disk does not take it."""
        try:
            self._look()
            return self._append(line)
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return False

    def _append(self, line: bytes) -> bool:
        left = self._rest + line
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            if len(left) >= len(line):
                self._rest = left[: len(left) - len(line)]
                raise
            # A half line is there: its other half comes before anything else.
        self._rest = left
        return True

    def _look(self) -> None:
        try:
            if _identity(os.stat(self._path)) == self._identity:
                return
        except FileNotFoundError:
            pass
        except OSError:  # its name cannot be looked up; the file itself may be well
            return
        self.reopen()

    def reopen(self) -> None:
        """Open what the name means now, and leave the old file whole."""
        try:
            descriptor, identity = self._open()
        except OSError:
            if os.fstat(self._descriptor).st_nlink:
                return  # renamed: it is as good as before
            raise
        try:
            if self._rest:
                os.write(self._descriptor, self._rest)
        except OSError:  # half a line is the last one there
            pass
        self._rest = b""
        os.close(self._descriptor)
        self._descriptor, self._identity = descriptor, identity

    def close(self) -> None:
        """Nothing more comes."""
        os.close(self._descriptor)


class Descriptor:
    """Standard error, or another stream that is open already and stays so.

    A pipe or terminal that nobody reads takes nothing: who logs does not wait for it.
    """

    def __init__(self, descriptor: int, where: str = "standard error") -> None:
        self.where = where
        self.trouble = ""
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, line: bytes) -> bool:
        """Write a line, if there is room for one."""
        try:
            ready = self._poll.poll(0)
            if not ready:
                self.trouble = "nobody reads it"
                return False
            os.write(self._descriptor, line)
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return False
        return True

    def reopen(self) -> None:
        """It is whoever started the process who holds it."""

    def close(self) -> None:
        """It is not ours."""


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
