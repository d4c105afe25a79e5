"""Send the PDUs of a file to any SMPP server as they are, and show what it answers, decoded.

A line of the file is a PDU in hexadecimal, or TIMESTAMP  DIRECTION  HEX, as a trace has it. Of a
trace only one direction is sent: that of the side that bound or submitted, unless --direction says
otherwise. A file without a bind needs --system-id. Nothing is answered that the file does not
answer. Exit code 1 when the server closes before everything was sent.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, FileType, Namespace
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.python.failure import Failure

from smppgw.simulator.replay import Recorded, Replay, ReplayError, bind_of, read, requests, shown
from smppgw.smpp import wire
from smppgw.smpp.net import connect_error


class Player:
    """One connection, its lines, and its end."""

    def __init__(self, reactor: Any, arguments: Namespace, records: list[Recorded]) -> None:
        self.code = 1
        self._reactor = reactor
        self._arguments = arguments
        self._replay = Replay(
            records, reactor, self._told, speed=arguments.speed, wait=arguments.wait
        )
        self._began = 0.0

    def run(self) -> int:
        """Connect, send, wait; returns the exit code."""
        self._reactor.callWhenRunning(self._start)
        self._reactor.run()
        return self.code

    def _start(self) -> None:
        asked = self._arguments
        self._began = self._reactor.seconds()
        endpoint = HostnameEndpoint(self._reactor, asked.host, asked.port, timeout=10)
        connectProtocol(endpoint, self._replay).addErrback(self._refused)
        self._replay.done.addCallback(self._ended)

    def _refused(self, failure: Failure) -> None:
        asked = self._arguments
        print(f"{asked.host}:{asked.port}: {connect_error(failure)}", file=sys.stderr)
        self._reactor.stop()

    def _told(self, direction: str, octets: bytes) -> None:
        seconds = self._reactor.seconds() - self._began
        if self._arguments.json:
            record = {"seconds": round(seconds, 4), "direction": direction}
            print(json.dumps(record | {"hex": octets.hex(), "pdu": shown(octets)}), flush=True)
        else:
            print(f"{seconds:9.4f} {direction} {shown(octets)}", flush=True)

    def _ended(self, why: str) -> None:
        replay = self._replay
        self.code = 0 if replay.complete else 1
        if not self._arguments.json:
            print(f"{why}; {replay.received} came back", flush=True)
        elif self.code:
            print(why, file=sys.stderr)
        if self._reactor.running:
            self._reactor.stop()


def password(file: Path | None) -> str:
    """The first line of a file, else SMPPGW_PASSWORD, else none."""
    if file is None:
        return os.environ.get("SMPPGW_PASSWORD", "")
    return file.read_text("utf-8").partition("\n")[0].rstrip("\r")


def main() -> int:
    """The command line."""
    options = ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    options.add_argument("file", type=FileType(encoding="utf-8"), help="`-` is standard input")
    options.add_argument("--host", default="127.0.0.1", help="SMPP server (127.0.0.1)")
    options.add_argument("--port", type=int, default=2775, help="its port (2775)")
    options.add_argument(
        "--speed",
        type=float,
        default=0.0,
        metavar="N",
        help="keep the timing, N times as fast; 0: at once (0)",
    )
    options.add_argument("--direction", choices=("in", "out"), default="", help="lines to send")
    options.add_argument("--system-id", metavar="ID", help="bind as this one first")
    options.add_argument("--password-file", type=Path, metavar="FILE", help="for that bind")
    options.add_argument(
        "--wait", type=float, default=2.0, metavar="SECONDS", help="for answers at the end (2)"
    )
    options.add_argument("--json", action="store_true", help="one JSON document on each line")
    arguments = options.parse_args()
    try:
        records = requests(read(arguments.file), arguments.direction)
        if arguments.system_id:
            records.insert(0, bind_of(arguments.system_id, password(arguments.password_file)))
        if not records:
            raise ReplayError("there is nothing to send")
    except (ReplayError, wire.EncodeError, OSError, UnicodeDecodeError) as error:
        print(f"{arguments.file.name}: {error}", file=sys.stderr)
        return 2
    from twisted.internet import reactor  # noqa: PLC0415

    return Player(reactor, arguments, records).run()


if __name__ == "__main__":
    sys.exit(main())
