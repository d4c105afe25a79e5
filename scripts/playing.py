"""How a script plays: a coroutine in the reactor, conditions waited for, figures and faults told.

Owns: the command line that all scripts share, the life of the reactor and of the data directory,
what is printed, and the exit code.
Refuses to know: gateways.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred

LOOK = 0.01
"""Seconds between two looks at a condition."""


class Trouble(Exception):
    """The script cannot go on; the text says why."""


async def until(reactor: Any, condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition; raises Trouble when `what` does not happen in time."""
    end = reactor.seconds() + seconds
    while not condition():
        if reactor.seconds() >= end:
            raise Trouble(f"not within {seconds:g} s: {what}")
        await task.deferLater(reactor, LOOK)


class Report:
    """Figures and faults of a run: lines while it goes on, or one JSON document at its end."""

    def __init__(self, as_json: bool) -> None:
        self.figures: dict[str, Any] = {}
        self.faults: list[str] = []
        self._as_json = as_json

    def say(self, line: str) -> None:
        """A line for people, at once."""
        if not self._as_json:
            print(line, flush=True)

    def check(self, condition: bool, fault: str) -> None:
        """What has to hold, and what is wrong when it does not."""
        if not condition:
            self.faults.append(fault)
            self.say(f"FAULT: {fault}")

    def end(self) -> int:
        """The verdict; returns the exit code."""
        if self._as_json:
            verdict = {"ok": not self.faults, "faults": self.faults}
            print(json.dumps({**verdict, **self.figures}, indent=2))
        self.say("verdict: " + (f"{len(self.faults)} faults" if self.faults else "ok"))
        return 1 if self.faults else 0


def parser(description: str | None) -> ArgumentParser:
    """A command line that knows `--json`; the first paragraph of a docstring describes it."""
    made = ArgumentParser(description=(description or "").partition("\n\n")[0])
    made.add_argument("--json", action="store_true", help="one JSON document at the end")
    return made


Work = Callable[[Any, Namespace, Path, Report], Coroutine[Any, Any, None]]
"""(reactor, arguments, empty directory, report)."""


def play(work: Work, arguments: Namespace) -> int:
    """Run a script's coroutine in the reactor; returns the exit code.

    The directory goes when all is well, and stays for who looks into a fault.
    """
    from twisted.internet import reactor  # noqa: PLC0415

    report = Report(arguments.json)
    directory = Path(tempfile.mkdtemp(prefix="smppgw-"))

    async def whole() -> None:
        try:
            await work(reactor, arguments, directory, report)
        except Trouble as trouble:
            report.check(False, str(trouble))

    real: Any = reactor
    played: list[Any] = []
    real.callWhenRunning(lambda: Deferred.fromCoroutine(whole()).addBoth(ended))

    def ended(result: Any) -> None:
        played.append(result)
        real.stop()

    real.run()
    if not played:
        report.check(False, "interrupted")
    elif played[0] is not None:
        played[0].printTraceback(sys.stderr)
        report.check(False, played[0].getErrorMessage())
    if report.faults:
        print(f"what there is to see is in {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory)
    return report.end()
