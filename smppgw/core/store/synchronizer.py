"""Waiting for the disk without holding up the reactor.

Owns: one small child process that does nothing but fdatasync.
Refuses to know: what is in the files.

A thread would need the interpreter lock back after every sync, and beside a busy reactor it waits
for it far longer than the disk takes; a process does not.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

CHILD = """
import os, sys
descriptors = [int(word) for word in sys.argv[1:]]
while numbers := os.read(0, 16):
    try:
        for number in numbers:
            os.fdatasync(descriptors[number])
        answer = 0
    except OSError as error:
        answer = min(error.errno or 255, 255)
    os.write(1, bytes((answer,)))
"""

Done = Callable[[str], None]
"""Called with "" when the files are on disk, else with what went wrong."""


class Synchronizer(Protocol):
    """Makes what was written to some files durable, one request at a time."""

    def sync(self, numbers: tuple[int, ...], done: Done) -> None:
        """Call `done` once everything written so far to these files is on disk."""

    def stop(self) -> None:
        """Let go of the files."""


@implementer(IReadDescriptor)
class ProcessSynchronizer:
    """Syncs in a child process; numbers count `descriptors`, which it shares with the child."""

    def __init__(self, reactor: Any, descriptors: tuple[int, ...]) -> None:
        self._reactor = reactor
        self._done: Done | None = None
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", "-c", CHILD, *map(str, descriptors)],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                pass_fds=descriptors,
                start_new_session=True,  # a Ctrl-C in our terminal is not for it
            )
        ours.setblocking(False)
        self._socket = ours
        reactor.addReader(self)

    def sync(self, numbers: tuple[int, ...], done: Done) -> None:
        """Call `done` once everything written so far to these files is on disk."""
        self._done = done
        try:
            self._socket.send(bytes(numbers))
        except OSError as error:
            self._finish(f"the sync process is gone ({error})")

    def fileno(self) -> int:
        """The descriptor that the reactor watches."""
        return self._socket.fileno()

    def doRead(self) -> None:
        """The child has answered, or died."""
        try:
            answer = self._socket.recv(1)
        except BlockingIOError:
            return
        except OSError:
            answer = b""
        if not answer:
            self._reactor.removeReader(self)
            self._finish("the sync process died")
        else:
            self._finish("" if answer == b"\0" else f"fdatasync failed: {os.strerror(answer[0])}")

    def _finish(self, trouble: str) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(trouble)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor is done with us."""

    def logPrefix(self) -> str:
        """What the reactor calls us in its errors."""
        return "store"

    def stop(self) -> None:
        """End the child."""
        self._reactor.removeReader(self)
        self._socket.close()
        self._child.wait(timeout=10)
