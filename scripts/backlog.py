"""A long queue and a long history: what they cost, and that nothing grows with them.

Messages are accepted while the carrier is dead; the rate must not fall and memory must not grow.
Then the gateway is killed and has to be ready again soon. Then the carrier is back: everything
arrives, once and in order per destination. With `--history`, so many finished messages are written
into a store by SQL, and the gateway's throughput on it is compared with that on an empty one.

Rates depend on what else the machine does; they are compared within one run.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from comparison import ACCOUNT, DESTINATIONS, LATEST, Comparison, carrier
from gateway_process import CARRIER, LOOPBACK, GatewayProcess, ReservedPort
from playing import LOOK, Report, parser, play, until
from twisted.internet import task

from smppgw.simulator.accounting import Accounting
from smppgw.simulator.esme import Load

WINDOW = 500
STEPS = 10
"""Parts of the count that have a line each."""
MOST_GROWTH = 200 * 2**20
"""Octets of resident memory."""
MOST_LOG = 512 * 2**20
"""Octets of SQLite's log: it starts anew under any traffic."""
ANSWERS_WITHIN = 200
"""Looks at the ledger."""
STEP_SECONDS = 600.0
"""After which a step counts as stuck."""


class Backlog:
    """A queue for a carrier that is away."""

    def __init__(self, reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
        self._reactor = reactor
        self._count = arguments.count
        self._slowest = arguments.slowest
        self._report = report
        self._port = ReservedPort()
        self._accounting = Accounting()
        self._gateway = GatewayProcess(
            reactor,
            directory / "backlog",
            self._port.number,
            accounts=(ACCOUNT,),
            window=WINDOW,
            carrier_window=100,
        )
        load = Load(
            system_id=ACCOUNT,
            password="secret",  # noqa: S106
            count=self._count,
            window=WINDOW,
            reconnect=0.02,
            destinations=DESTINATIONS,
            registered_delivery=0,
        )
        self._esme = self._gateway.esme(load, self._accounting)
        self._grown = 0
        self._log = 0

    async def run(self) -> None:
        """Fill, kill, drain."""
        report, gateway, esme = self._report, self._gateway, self._esme
        gateway.start()
        esme.start()
        await gateway.bound(esme)
        empty = gateway.resident
        report.figures["accepted"] = await self._steps(
            "accepted", lambda: esme.counters["acknowledged"], empty
        )
        self._check_rate("accepted")
        gateway.kill()
        await until(self._reactor, lambda: not esme.binds[0].bound, 10, "the ESME sees the kill")
        gateway.start()
        ready = await gateway.bound(esme)
        report.figures |= {"ready": round(ready, 3), "ready_cpu": round(gateway.cpu, 3)}
        report.say(f"started again: binds after {ready:.2f} s, {gateway.cpu:.2f} s of CPU")
        report.check(ready < LATEST, f"ready after {ready:.2f} s")
        await self._check_ledger(self._count)
        await self._drain(empty)
        report.figures |= {"grown": self._grown, "log": self._log}
        report.check(self._grown < MOST_GROWTH, f"memory grew by {self._grown / 2**20:.0f} MiB")
        report.check(self._log < MOST_LOG, f"SQLite's log grew to {self._log / 2**20:.0f} MiB")
        report.check(not esme.refused, f"refused: {dict(esme.refused)}")
        await esme.stop()
        code = await gateway.stop()
        report.check(code == 0, f"SIGTERM: exit code {code}")
        gateway.close()

    async def _drain(self, empty: int) -> None:
        report = self._report
        far = carrier(self._reactor, self._accounting)
        port = self._reactor.listenTCP(self._port.number, far.factory, interface=LOOPBACK)
        await until(self._reactor, lambda: bool(far.binds), 30, "the gateway binds to the carrier")
        report.figures["drained"] = await self._steps(
            "drained", lambda: far.counters["taken"], empty
        )
        sums = self._accounting.report("mt")
        report.figures["sums"] = sums
        for name in ("lost", "duplicates", "out_of_order"):
            report.check(sums[name] == 0, f"{name}: {sums[name]}, {sums[f'{name}_examples']}")
        await self._check_ledger(0)
        far.stop()
        await port.stopListening()

    async def _steps(self, what: str, count: Callable[[], int], empty: int) -> list[dict[str, Any]]:
        """A line for each part of the count: messages/s, CPU us/message, memory, log."""
        gateway, clock = self._gateway, self._reactor.seconds
        lines = []
        before, began, cpu = count(), clock(), gateway.cpu
        for step in range(1, STEPS + 1):
            goal = step * self._count // STEPS
            reached = partial(_reached, count, goal)
            await until(self._reactor, reached, STEP_SECONDS, f"{what}: {goal}")
            now, done, used = clock(), count(), gateway.cpu
            size, messages = gateway.resident, max(1, done - before)
            self._grown = max(self._grown, size - empty)
            self._log = max(self._log, gateway.log_octets)
            line = {
                what: done,
                "rate": round(messages / (now - began)),
                "cpu_us": round(1e6 * (used - cpu) / messages, 1),
                "resident_mib": round(size / 2**20, 1),
                "log_mib": round(self._log / 2**20),
            }
            self._report.say("  ".join(f"{name} {value}" for name, value in line.items()))
            lines.append(line)
            before, began, cpu = done, now, used
        return lines

    def _check_rate(self, what: str) -> None:
        rates = [line["rate"] for line in self._report.figures[what]]
        first, last = mean(rates[:3]), mean(rates[-3:])
        self._report.check(
            last >= self._slowest * first, f"{what}: {first:.0f}/s at first, {last:.0f}/s at last"
        )

    async def _check_ledger(self, pending: int) -> None:
        """It balances, and says so many pending once the last answers are in."""
        for _ in range(ANSWERS_WITHIN):
            ledger = (await self._gateway.status())["ledger"]
            line = next(one for one in ledger["carriers"] if one["name"] == CARRIER)
            if line["pending"] == pending:
                break
            await task.deferLater(self._reactor, LOOK)
        self._report.check(
            ledger["balanced"] is True and line["pending"] == pending,
            f"the ledger does not say {pending} pending: {ledger}",
        )


def _reached(count: Callable[[], int], goal: int) -> bool:
    return count() >= goal


async def backlog(reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
    """Both parts, as asked."""
    if arguments.count:
        await Backlog(reactor, arguments, directory, report).run()
    if arguments.history:
        await Comparison(reactor, arguments, directory, report).run()


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=1_000_000, help="queued messages (1000000)")
    options.add_argument("--history", type=int, default=0, help="finished messages (0)")
    options.add_argument("--compare", type=int, default=50_000, help="messages of a round (50000)")
    options.add_argument("--rounds", type=int, default=3, help="of comparison (3)")
    options.add_argument(
        "--slowest",
        type=float,
        default=0.8,
        help="share of the rate at first, or without history, that still passes (0.8)",
    )
    return play(backlog, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
