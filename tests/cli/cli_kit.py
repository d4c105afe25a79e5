"""smppgw as a process of its own, and lines of its output waited for."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

PATIENCE = 30.0
"""Seconds after which a process that says nothing is killed, so that its reader wakes up."""


def run(command: str, directory: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell that has to succeed."""
    arguments = ["/bin/sh", "-c", command]
    return subprocess.run(arguments, capture_output=True, check=True, cwd=directory)  # noqa: S603


class Running:
    """`python -m smppgw ...` under way."""

    def __init__(self, *arguments: str, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "smppgw", *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._guard = threading.Timer(PATIENCE, self.process.kill)
        self._guard.start()

    def says(self, text: str) -> list[str]:
        """Wait for a line of stdout that holds `text`; what was said until then."""
        assert self.process.stdout is not None
        return _until(self.process.stdout, text)

    def logs(self, text: str) -> list[str]:
        """Wait for a line of stderr that holds `text`; what was logged until then."""
        assert self.process.stderr is not None
        return _until(self.process.stderr, text)

    def stay(self) -> None:
        """It has started well: it may live for longer than its first words are waited for."""
        self._guard.cancel()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end: exit code, the rest of stdout and of stderr."""
        out, err = self.process.communicate()
        self._guard.cancel()
        return self.process.returncode, out, err

    def kill(self) -> None:
        """Whatever happened, leave nothing behind."""
        self._guard.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def _until(stream: IO[str], text: str) -> list[str]:
    lines = []
    for line in stream:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError(f"{text!r} was not said, but: {lines}")
