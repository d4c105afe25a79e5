"""Both ends of a gateway's traffic as processes of their own, for scripts that measure meanwhile.

Owns: how they are started and ended. Refuses to know: what is measured.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

from gateway_process import LOOPBACK, PASSWORD, GatewayProcess
from playing import Trouble

ACCOUNT = "load"
FOREVER = "1000000"
"""Seconds."""
RECEIPTS_WINDOW = "500"
"""A carrier that cannot give its receipts as fast as it takes messages refuses messages in the end,
and traffic stands still for reasons of its own."""


class Ends:
    """Both ends of the traffic, each a process of its own."""

    def __init__(self, directory: Path, gateway: GatewayProcess, carrier_port: int) -> None:
        self._directory = directory
        self._gateway = gateway
        self._carrier_port = carrier_port
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, arguments: Namespace) -> None:
        """The carrier listens, the application sends."""
        self._run("carrier", "--port", str(self._carrier_port), "--window", RECEIPTS_WINDOW)
        words = ["--host", LOOPBACK, "--port", str(self._gateway.port), "--system-id", ACCOUNT]
        words += ["--binds", str(arguments.binds), "--window", str(arguments.window)]
        words += ["--seconds", FOREVER, "--destinations", "10000"]
        words += ["--rate", str(arguments.rate)] if arguments.rate else []
        self._run("load", *words)

    def _run(self, what: str, *words: str) -> None:
        command = [sys.executable, "-m", "smppgw", "simulate", what, *words, "--json"]
        with (self._directory / f"{what}.out").open("wb") as out:
            self._processes.append(
                subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=os.environ | {"SMPPGW_PASSWORD": PASSWORD},
                    process_group=0,
                )
            )

    def check(self) -> None:
        """Raises Trouble when one of them has ended."""
        for process in self._processes:
            if process.poll() is not None:
                raise Trouble(f"{process.args!r} ended by itself, see its output")

    def stop(self) -> None:
        """End them; their own figures are not asked for."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
