"""Operators at work on a gateway under load: how soon commands answer, and what they cost traffic.

A gateway with a long history is loaded from a process of its own, its carrier is another one. Then:
every command that looks is timed through a session of `smppgw shell`; intervals with and without a
busy operator, and with and without a scrape of the metrics each second, are compared in turn; and
so are traffic and memory with a crowd of telnet operators, many of whom read nothing.

A busy operator types a line each second and watches the status on another terminal. The worst case
(`closed`) types without end, each line as soon as the one before was answered: what it may cost is
the share that the gateway gives to all commands together.

Two falls are told: of messages per second, and, less shaken by whatever else the machine does, of
messages per second of the gateway's CPU. What commands took of the reactor is told by the gateway.
"""

from __future__ import annotations

import json
import math
import sys
import time
import urllib.request
from argparse import Namespace
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from attrs import frozen
from gateway_process import CARRIER, GatewayProcess, ReservedPort
from history import fill
from operators_busy import WATCH, Took, mixed, repeated, typing, watching
from operators_crowd import Crowd
from operators_ends import ACCOUNT, Ends
from playing import Report, Trouble, parser, play, until
from shell_lines import SEARCHES, VALUES, ShellSession, looking, measured, summary
from twisted.internet import task
from twisted.internet.threads import deferToThread

OPERATOR = "ops"
MIB = 2**20
WARM = 3.0
"""Seconds of load before anything is measured."""
SETTLE = 3.0
"""Seconds in which what a crowd typed is carried out, as far as anybody reads it."""
SCRAPE = 1.0
"""Seconds from one scrape to the next."""
COUNTER = "show accounts | json"
"""Says how many messages were accepted."""
SEARCH_ROUNDS = 2
PATIENCE = 60.0
"""Seconds until a page of metrics that does not come is a fault."""
PARTS = ("commands", "busy", "closed", "metrics", "crowd")


@frozen
class Reading:
    """A moment of the gateway: messages accepted, seconds of CPU, seconds of the clock."""

    accepted: float
    cpu: float
    at: float


@frozen
class Stretch:
    """What went through between two readings."""

    rate: float
    """Messages per second."""
    per_cpu: float
    """Messages per second of CPU."""

    @classmethod
    def between(cls, first: Reading, last: Reading) -> Stretch:
        """From one reading to the next."""
        count = last.accepted - first.accepted
        return cls(count / (last.at - first.at), count / max(last.cpu - first.cpu, 0.01))


def fall(without: list[float], having: list[float]) -> tuple[float, float]:
    """Percent that is lost from `without` to `having`, and its standard error over the pairs."""
    lost = [100 * (1 - new / old) for old, new in zip(without, having, strict=True)]
    error = stdev(lost) / math.sqrt(len(lost)) if len(lost) > 1 else 0.0
    return 100 * (1 - mean(having) / mean(without)), error


class Operators:
    """One run."""

    def __init__(self, reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
        self._reactor = reactor
        self._arguments = arguments
        self._report = report
        self._directory = directory
        place = ReservedPort()
        self._gateway = GatewayProcess(
            reactor,
            directory,
            place.number,
            accounts=(ACCOUNT,),
            binds=arguments.binds,
            window=arguments.window,
            carrier_window=500,
            number=VALUES["FROM"],
            web=True,
            operator=OPERATOR,
        )
        self._ends = Ends(directory, self._gateway, place.number)
        reactor.addSystemEventTrigger("before", "shutdown", self._ends.stop)
        self._counter: ShellSession | None = None

    async def run(self) -> None:
        """All of it."""
        arguments, report, gateway = self._arguments, self._report, self._gateway
        if arguments.history:
            _, size = await deferToThread(fill, gateway.data, arguments.history, ACCOUNT, CARRIER)
            report.say(f"{arguments.history} messages in the store, {size / MIB:.0f} MiB")
        gateway.start()
        await until(
            self._reactor,
            lambda: (
                (gateway.data / "shell").exists() and b"smppgw runs" in gateway.log.read_bytes()
            ),
            60,
            "the gateway is ready",
        )
        self._ends.start(arguments)
        await self._flowing()
        parts = {
            "commands": self._commands,
            "busy": self._busy,
            "closed": self._closed,
            "metrics": self._scraped,
            "crowd": self._crowd,
        }
        for name in arguments.parts or parts:
            await parts[name]()
        self._ends.check()
        self._ends.stop()
        if self._counter is not None:
            self._counter.close()
        ledger = (await gateway.status())["ledger"]
        report.check(ledger["balanced"] is True, f"the ledger does not balance: {ledger}")
        pauses = gateway.log.read_bytes().count(b": pauses: ")
        report.check(
            not pauses, f"the carrier made traffic pause {pauses} times: not operators did"
        )
        code = await gateway.stop()
        report.check(code == 0, f"the gateway ended with code {code}")
        gateway.close()

    # ------------------------------------------------------------------ what flows

    async def _flowing(self) -> None:
        end = self._reactor.seconds() + 30
        while not (await self._read()).accepted:
            self._ends.check()
            if self._reactor.seconds() > end:
                raise Trouble("no message is accepted")
            await task.deferLater(self._reactor, 0.2)
        await task.deferLater(self._reactor, WARM)

    async def _read(self) -> Reading:
        # A page of metrics may be a second old: it would not do.
        self._counter = self._counter or ShellSession(self._gateway.data)
        out, fault = await deferToThread(self._counter.run, COUNTER)
        if fault:
            raise Trouble(f"{COUNTER}: {fault}")
        return Reading(json.loads(out)[0]["accepted"], self._gateway.cpu, time.monotonic())

    async def _stretch(self, seconds: float) -> Stretch:
        first = await self._read()
        await task.deferLater(self._reactor, seconds)
        return Stretch.between(first, await self._read())

    async def _compared(
        self, name: str, what: Callable[[], AbstractContextManager[object]], most: float
    ) -> None:
        """Intervals without and with it, in turn, the order changing from pair to pair."""
        found: dict[bool, list[Stretch]] = {False: [], True: []}
        for pair in range(self._arguments.pairs):
            for having in (True, False) if pair % 2 else (False, True):
                with what() if having else nullcontext():
                    found[having].append(await self._stretch(self._arguments.seconds))
            self._ends.check()
        self._compare(name, found[False], found[True], most)

    def _compare(
        self, name: str, without: list[Stretch], having: list[Stretch], most: float
    ) -> None:
        report = self._report
        figures: dict[str, Any] = {}
        for what in ("rate", "per_cpu"):
            old = [getattr(one, what) for one in without]
            new = [getattr(one, what) for one in having]
            lost, error = fall(old, new)
            figures[what] = {
                "without": [round(one, 1) for one in old],
                "with": [round(one, 1) for one in new],
                "fall_percent": round(lost, 2),
                "error_percent": round(error, 2),
            }
            unit = "messages/s" if what == "rate" else "messages per second of CPU"
            report.say(
                f"{name}: {mean(old):.0f} -> {mean(new):.0f} {unit}, a fall of {lost:.1f} %"
                f" (+- {error:.1f})"
            )
        report.figures[name] = figures
        lost = figures["rate"]["fall_percent"]
        report.check(lost < most, f"{name}: throughput falls by {lost:.1f} %, more than {most:g}")

    # ------------------------------------------------------------------ the parts

    async def _commands(self) -> None:
        """How long each line takes."""
        report, arguments = self._report, self._arguments
        first = await self._read()
        session = ShellSession(self._gateway.data)
        await deferToThread(session.run, f"add user {VALUES['USER']}")
        lines, unmade = await deferToThread(looking, session)
        timings = await deferToThread(measured, session, lines, arguments.rounds)
        searches = await deferToThread(measured, session, SEARCHES, SEARCH_ROUNDS)
        session.close()
        flow = Stretch.between(first, await self._read())
        floor = round(min(timing.median for timing in timings), 2)
        every = [one for timing in timings for one in timing.times]
        report.say(
            "  median      p95      max  reactor  ms from a line to its outcome, and of these"
        )
        for timing in (*timings, *searches):
            report.say(str(timing))
        report.figures["commands"] = {
            "flow": round(flow.rate, 1),
            "all": summary(every),
            "floor_ms": floor,
            "lines": [one.record() for one in timings],
            "searches": [one.record() for one in searches],
            "unmade": unmade,
        }
        said = summary(every)
        report.say(
            f"{len(timings)} lines while {flow.rate:.0f} messages/s flow: median"
            f" {said['median_ms']} ms, p95 {said['p95_ms']} ms, max {said['max_ms']} ms;"
            f" {floor} ms is the least, the way through the reactor and back"
        )
        for one in (*timings, *searches):
            report.check(not one.fault, f"{one.line}: {one.fault}")
        for one in timings:
            most = arguments.median
            report.check(one.median < most, f"{one.line}: median {one.median:.1f} ms")
        report.check(not unmade, f"no line could be made for {unmade}")

    async def _busy(self) -> None:
        """What an operator costs who types a line every so often and watches."""
        pace = self._arguments.pace
        self._report.say(f"busy operator: a line every {pace:g} s, and {WATCH}")
        await self._typed("busy operator", pace, self._arguments.fall, watches=True)

    async def _closed(self) -> None:
        """What one costs who types each line as soon as the one before was answered."""
        self._report.say("closed loop: line after line without end, the worst case")
        await self._typed("closed loop", 0.0, self._arguments.closed_fall, watches=False)

    async def _typed(self, name: str, pace: float, most: float, *, watches: bool) -> None:
        data = self._gateway.data
        session = ShellSession(data)
        lines, _ = await deferToThread(looking, session)
        session.close()
        took, following = Took(), mixed(lines)

        def at_work() -> ExitStack:
            stack = ExitStack()
            stack.enter_context(typing(data, following, pace, took, time.monotonic))
            if watches:
                stack.enter_context(watching(data))
            return stack

        await self._compared(name, at_work, most)
        self._report.figures[name]["lines"] = took.record()
        self._report.say(f"{name}: {took}")
        self._report.check(took.share < most, f"{name}: {took.share:.1f} % of the reactor's time")

    async def _scraped(self) -> None:
        """What metrics cost."""
        address = self._gateway.metrics
        await self._compared("metrics", lambda: scraping(address), self._arguments.metrics_fall)

    async def _crowd(self) -> None:
        """Without and with a crowd, in turn, and once more without."""
        arguments, report, gateway = self._arguments, self._report, self._gateway
        crowd = Crowd(self._reactor, gateway.telnet, OPERATOR)
        without, having, memory = [await self._seen("without")], [], [gateway.resident]
        for _ in range(arguments.crowds):
            began = self._reactor.seconds()
            await crowd.come(arguments.operators, arguments.silent)
            report.say(
                f"{crowd.present} operators came within {self._reactor.seconds() - began:.1f} s"
            )
            report.check(
                crowd.present == arguments.operators,
                f"{crowd.present} of {arguments.operators} operators are logged in",
            )
            await task.deferLater(self._reactor, SETTLE)
            having.append(await self._seen("with"))
            memory.append(gateway.resident)
            await crowd.go()
            without.append(await self._seen("without"))
            memory.append(gateway.resident)
        # Each interval with a crowd is compared with the mean of those around it.
        around = [
            Stretch(mean((old.rate, new.rate)), mean((old.per_cpu, new.per_cpu)))
            for old, new in pairwise(without)
        ]
        self._compare("crowd", around, having, arguments.fall)
        grown = (max(memory) - memory[0]) / MIB
        report.figures["crowd"]["resident_mib"] = [round(one / MIB, 1) for one in memory]
        report.say(f"crowd: memory {grown:+.1f} MiB at most")
        report.check(grown < arguments.grown, f"crowd: memory grows by {grown:.1f} MiB")

    async def _seen(self, part: str) -> Stretch:
        """An interval, told."""
        found = await self._stretch(self._arguments.seconds)
        self._report.say(
            f"{part} a crowd: {found.rate:.0f} messages/s, {found.per_cpu:.0f} per second of CPU,"
            f" {self._gateway.resident / MIB:.1f} MiB"
        )
        return found


def scrape(address: str) -> str:
    """A page of metrics."""
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 - of our own
        return str(answer.read().decode())


def scraping(address: str) -> AbstractContextManager[object]:
    """Prometheus."""
    return repeated(lambda: scrape(address), SCRAPE)


async def operators(reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
    """All parts."""
    await Operators(reactor, arguments, directory, report).run()


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    add = options.add_argument
    add("--parts", nargs="*", choices=PARTS, help="only these (all)")
    add("--history", type=int, default=1_000_000, help="finished messages (1000000)")
    add("--binds", type=int, default=10, help="of the load (10)")
    add("--window", type=int, default=50, help="of each bind (50)")
    add("--rate", type=float, default=0.0, help="messages/s; 0: as the windows allow (0)")
    add("--rounds", type=int, default=10, help="in which each line is carried out once (10)")
    add("--pairs", type=int, default=6, help="of intervals without and with (6)")
    add("--seconds", type=float, default=4.0, help="of an interval (4)")
    add("--pace", type=float, default=1.0, help="seconds between lines of a busy operator (1)")
    add("--crowds", type=int, default=2, help="how often a crowd comes and goes (2)")
    add("--operators", type=int, default=100, help="over telnet (100)")
    add("--silent", type=int, default=50, help="of them, who ask and read nothing (50)")
    add("--median", type=float, default=50.0, help="ms that a command may take (50)")
    add("--fall", type=float, default=3.0, help="percent that operators may cost (3)")
    add("--closed-fall", type=float, default=30.0, help="percent that the worst may cost (30)")
    add("--metrics-fall", type=float, default=5.0, help="percent that metrics may cost (5)")
    add("--grown", type=float, default=64.0, help="MiB that a crowd may cost (64)")
    return play(operators, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
