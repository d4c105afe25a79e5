"""`smppgw shell`: the operators' shell from this machine.

Owns: the local terminal (raw while the shell has it, and given back whatever happens), lines from
options or stdin, exit codes.
Refuses to know: commands, editing and pages: those are the gateway's (`ops.shell`).

Without lines and on a terminal it is interactive. With `-c LINE`, once or more, or with stdin that
is no terminal, it is a batch: output to stdout, `ERR code text` to stderr, and the first line that
fails is the last. Exit codes: 0; 1 when a line failed, or edits are lost because no line commits
them; 2 when a line was not understood. Ctrl-C ends what is at work in the gateway.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import termios
import tty
from argparse import Namespace
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

from smppgw.cli.client import NotRunning, data_dir
from smppgw.cli.output import FAULT, OK, USAGE, CommandFault, complain
from smppgw.ops.shell.batch import NOT_UNDERSTOOD, WIDTH
from smppgw.ops.shell.grammar import LONGEST_LINE
from smppgw.ops.shell.local import SOCKET

READ = 4096


def shell(arguments: Namespace) -> int:
    """A terminal in the gateway, or some lines carried out by it."""
    with connected(data_dir(arguments)) as connection:
        if arguments.lines is not None:
            return Batch(connection).run(arguments.lines)
        if not sys.stdin.isatty():
            if isinstance(sys.stdin, TextIOWrapper):
                sys.stdin.reconfigure(errors="replace")
            return Batch(connection).run(line.rstrip("\r\n") for line in sys.stdin)
        return Interactive(connection).run()


def connected(directory: Path) -> socket.socket:
    """A connection to the gateway of a data directory; raises CommandFault."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(directory / SOCKET))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        connection.close()
        raise NotRunning(f"no gateway runs with data_dir {directory}") from None
    except OSError as error:
        connection.close()
        raise CommandFault(f"{directory / SOCKET}: {error.strerror or error}") from None
    return connection


class Peer:
    """The gateway's side of a connection: objects, one on each line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._rest = b""

    def send(self, said: dict[str, Any]) -> None:
        """One object; a gateway that has gone is noticed when it is read from."""
        try:
            self.connection.sendall(json.dumps(said).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return

    def received(self) -> list[dict[str, Any]]:
        """Wait for some objects; the last one is {"closed": reason}."""
        try:
            octets = self.connection.recv(1 << 16)
        except ConnectionResetError:
            octets = b""
        if not octets:
            return [{"closed": "the gateway has gone"}]
        *lines, self._rest = (self._rest + octets).split(b"\n")
        return [json.loads(line) for line in lines]


class Batch:
    """Lines, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._peer = Peer(connection)
        self._interrupted = False
        self._lost = False
        self._answers = self._said()

    def run(self, lines: Iterable[str]) -> int:
        """Carry them out until one fails."""
        columns = WIDTH
        if sys.stdout.isatty():
            columns = os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
        self._peer.send({"batch": {"width": columns}})
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            for line in lines:
                code = self._one(line)
                if code is not None:
                    return code
            return self._end(OK)
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C ends what is at work in the gateway; a second one is for us."""
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True
        self._peer.send({"interrupt": True})

    def _one(self, line: str) -> int | None:
        """Carry out a line; the exit code when it was the last one."""
        # The gateway says what is wrong with a line that is too long; it needs no more for that.
        self._peer.send({"line": line[: LONGEST_LINE + 1]})
        for said in self._answers:
            if "out" in said:
                sys.stdout.write(said["out"])
                sys.stdout.flush()
            elif said.get("closed") == "goodbye":
                return FAULT if self._lost else OK
            elif "closed" in said:
                complain(said["closed"])
                return FAULT
            elif said["done"]["code"]:
                code, text = said["done"]["code"], said["done"]["text"]
                complain(f"ERR {code} {text}")
                return self._end(USAGE if code in NOT_UNDERSTOOD else FAULT)
            else:
                return None
        return FAULT

    def _end(self, code: int) -> int:
        """No line follows: the exit code, which is a fault when something is lost by that."""
        self._peer.send({"end": True})
        any("closed" in said for said in self._answers)
        return code or (FAULT if self._lost else OK)

    def _said(self) -> Iterator[dict[str, Any]]:
        """What the gateway says; that something is lost is told at once."""
        while True:
            for said in self._peer.received():
                if "lost" in said:
                    self._lost = True
                    complain(said["lost"])
                else:
                    yield said


class Interactive:
    """The terminal that this process runs on, lent to the gateway."""

    def __init__(self, connection: socket.socket) -> None:
        self._peer = Peer(connection)
        self._in = sys.stdin.fileno()
        self._out = sys.stdout.fileno()
        self._dumb = os.environ.get("TERM", "dumb") == "dumb"
        self._resized = False
        self._woken, self._waker = os.pipe()

    def run(self) -> int:
        """Until one of the two has enough."""
        os.set_blocking(self._waker, False)
        before = termios.tcgetattr(self._in)
        resized = signal.signal(signal.SIGWINCH, self._wake)
        killed = signal.signal(signal.SIGTERM, _leave)
        try:
            if not self._dumb:
                tty.setraw(self._in)
            return self._talk()
        finally:
            termios.tcsetattr(self._in, termios.TCSADRAIN, before)
            signal.signal(signal.SIGWINCH, resized)
            signal.signal(signal.SIGTERM, killed)
            os.close(self._woken)
            os.close(self._waker)

    def _wake(self, number: int, frame: FrameType | None) -> None:
        self._resized = True
        os.write(self._waker, b"!")

    def _talk(self) -> int:
        width, height = self._size()
        wanted = {"width": width, "height": height, "dumb": self._dumb}
        self._peer.send({"terminal": wanted})
        watched = [self._in, self._peer.connection, self._woken]
        while True:
            ready, _, _ = select.select(watched, [], [])
            if self._woken in ready:
                os.read(self._woken, READ)
            if self._resized:
                self._resized = False
                self._peer.send({"size": self._size()})
            if self._in in ready:
                octets = os.read(self._in, READ)
                if octets:
                    self._peer.send({"keys": octets.decode("latin-1")})
                else:
                    self._peer.send({"end": True})
                    watched.remove(self._in)
            if self._peer.connection in ready:
                for said in self._peer.received():
                    if "closed" in said:
                        return self._closed(said["closed"])
                    self._show(said["out"].encode())

    def _show(self, octets: bytes) -> None:
        while octets:
            octets = octets[os.write(self._out, octets) :]

    def _closed(self, reason: str) -> int:
        if reason:
            self._show(f"\r\n{reason}\r\n".encode())
        return FAULT if reason else OK

    def _size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self._out)
        except OSError:
            return 0, 0
        return size.columns, size.lines


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
