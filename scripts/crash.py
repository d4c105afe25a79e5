"""The crash proof: kill -9 at random instants under load, then the account of every message.

A gateway runs between simulated ESMEs, which ask for receipts, and a simulated carrier; both ends
are in this process and survive. The gateway is killed again and again, some times while it starts,
and started again. At the end, when everything has settled: nothing that was acknowledged is lost,
no more came twice than the carrier's window was open at the kills and nothing came three times,
every acknowledged message has had its receipt, the ledger balances, and to each destination the
first sight of every message came in the order of sending.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from attrs import evolve
from gateway_process import CARRIER, LOOPBACK, GatewayProcess
from playing import Report, Trouble, parser, play, until
from twisted.internet import task

from smppgw.simulator.accounting import Accounting, Marker, find_marker
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.esme import Load, SimulatedEsme

ENDLESS = 10**7
DESTINATIONS = 300
"""Of each ESME."""
TEXTS = ("", "", "", "long " * 60, "жук " * 30)
"""Two in five travel in parts: three of GSM 7-bit, two of UCS-2. Their receipts come only when all
parts have ended, so a part that was lost is a receipt that is missing."""
IN_START = 4
"""Every so-many-th kill comes while the gateway starts: it interrupts the recovery."""
KILLED_AFTER = (0.05, 2.0)
"""Seconds from the binds to the kill, at least and at most."""
KILLED_IN_START = (0.0, 1.0)
"""Seconds from the start of the process to such a kill."""
SUMS = (
    "acknowledged",
    "taken",
    "lost",
    "ended_untaken",
    "duplicates",
    "unpromised",
    "receipts_missing",
    "out_of_order",
)


class Sightings(Accounting):
    """Counts how often each message came, too."""

    def __init__(self) -> None:
        super().__init__()
        self.times: Counter[Marker] = Counter()

    def taken(self, text: str, destination: str) -> None:
        """The carrier has taken a message."""
        marker = find_marker(text)
        if marker is not None:  # else a later part of a long text
            self.times[marker] += 1
        super().taken(text, destination)


class Crash:
    """One run."""

    def __init__(self, reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
        self._reactor = reactor
        self._arguments = arguments
        self._report = report
        self._random = Random(arguments.seed)  # noqa: S311 - to be repeatable
        self._accounting = Sightings()
        behaviour = Behaviour(
            response_jitter=0.01, receipt_delay=0.1, receipt_jitter=0.5, delivery_window=50
        )
        self._carrier = SimulatedCarrier(
            behaviour,
            reactor,
            Random(arguments.seed),  # noqa: S311
            accounting=self._accounting,
        )
        self._port = reactor.listenTCP(0, self._carrier.factory, interface=LOOPBACK)
        names = tuple(f"load{number}" for number in range(1, arguments.esmes + 1))
        self._gateway = GatewayProcess(
            reactor,
            directory,
            self._port.getHost().port,
            accounts=names,
            carrier_window=arguments.window,
        )
        self._esmes = [self._esme(number, name) for number, name in enumerate(names)]

    def _esme(self, number: int, name: str) -> SimulatedEsme:
        load = Load(
            system_id=name,
            password="secret",  # noqa: S106
            count=ENDLESS,
            rate=self._arguments.rate / self._arguments.esmes,
            window=40,
            reconnect=0.05,
            flow=name,
            destinations=tuple(f"336{number:02d}{one:06d}" for one in range(DESTINATIONS)),
            texts=TEXTS,
        )
        return self._gateway.esme(load, self._accounting)

    async def run(self) -> None:
        """Kill, settle, check."""
        report = self._report
        self._gateway.start()
        for esme in self._esmes:
            esme.start()
        await self._ready()
        numbers = range(1, self._arguments.kills + 1)
        report.figures["kills"] = [await self._kill(number) for number in numbers]
        await self._settle()
        await self._check_ledger()
        self._check_sums()
        for esme in self._esmes:
            await esme.stop()
        code = await self._gateway.stop()
        report.check(code == 0, f"SIGTERM: exit code {code}")
        self._carrier.stop()
        await self._port.stopListening()

    async def _ready(self) -> float:
        """Wait for the binds of both sides; the seconds until the ESMEs were bound."""
        took = await self._gateway.bound(*self._esmes)
        await until(
            self._reactor, lambda: bool(self._carrier.binds), 30, "the gateway binds to the carrier"
        )
        return took

    async def _kill(self, number: int) -> dict[str, Any]:
        in_start = number % IN_START == 0
        begins = self._random.uniform(*(KILLED_IN_START if in_start else KILLED_AFTER))
        ready = None
        if number > 1:
            self._gateway.start()
        if not in_start:
            ready = round(await self._ready(), 3)
            await self._check_ledger()
        await task.deferLater(self._reactor, begins)
        self._gateway.kill()
        sums = self._sums()
        line = {
            "kill": number,
            "in_start": in_start,
            "after": round(begins, 3),
            "ready": ready,
            **{name: sums[name] for name in ("acknowledged", "taken", "duplicates")},
            "receipts_awaited": sum(len(esme.awaiting) for esme in self._esmes),
        }
        self._report.say("  ".join(f"{name} {value}" for name, value in line.items()))
        await until(
            self._reactor,
            lambda: not any(bind.bound for esme in self._esmes for bind in esme.binds),
            10,
            "the ESMEs see that the gateway is gone",
        )
        return line

    async def _settle(self) -> None:
        """Start once more, send nothing new, and wait for the last receipt."""
        self._gateway.start()
        await self._ready()
        for esme in self._esmes:
            esme.load = evolve(esme.load, count=esme.sent)
            esme.pump()
        seconds = self._arguments.settle
        try:
            await until(
                self._reactor, lambda: all(one.settled for one in self._esmes), seconds, "settled"
            )
            await until(self._reactor, lambda: not self._carrier.waiting, 10, "receipts taken")
        except Trouble as trouble:  # the sums will say what is missing
            self._report.check(False, str(trouble))

    async def _check_ledger(self) -> dict[str, Any]:
        status: dict[str, Any] = await self._gateway.status()
        ledger = status["ledger"]
        self._report.check(ledger["balanced"] is True, f"the ledger does not balance: {ledger}")
        self._report.figures["ledger"] = ledger
        self._report.figures["orphans"] = status["receipts"]["orphans"]
        return status

    def _sums(self) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for esme in self._esmes:
            flow = self._accounting.report(esme.load.flow)
            sums.update({name: flow[name] for name in SUMS})
        return {name: sums[name] for name in SUMS}

    def _check_sums(self) -> None:
        report, arguments = self._report, self._arguments
        sums = self._sums()
        most = arguments.kills * arguments.window
        thrice = [str(marker) for marker, times in self._accounting.times.items() if times > 2]
        pending = {line["name"]: line["pending"] for line in report.figures["ledger"]["carriers"]}
        report.figures |= {
            **sums,
            "duplicates_allowed": most,
            "sent": sum(esme.sent for esme in self._esmes),
            "pending": pending.get(CARRIER, 0),
        }
        names = ("sent", *SUMS, "duplicates_allowed", "pending", "orphans")
        report.say("\n".join(f"{name:20}{report.figures[name]:>10}" for name in names))
        examples = [self._accounting.report(esme.load.flow) for esme in self._esmes]
        for name in ("lost", "receipts_missing", "out_of_order"):
            found = [one[f"{name}_examples"] for one in examples]
            report.check(sums[name] == 0, f"{name}: {sums[name]}, such as {found}")
        report.check(sums["duplicates"] <= most, f"duplicates: {sums['duplicates']} > {most}")
        report.check(not thrice, f"taken more than twice: {thrice[:10]}")
        report.check(sums["acknowledged"] > 0, "nothing was acknowledged")
        refused = sum((esme.refused for esme in self._esmes), Counter())
        report.check(not refused, f"refused by the gateway: {dict(refused)}")


async def crash(reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
    """One run."""
    await Crash(reactor, arguments, directory, report).run()


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--kills", type=int, default=20, help="how often (20)")
    options.add_argument("--rate", type=float, default=2000.0, help="messages a second (2000)")
    options.add_argument("--esmes", type=int, default=2, help="ESMEs that share the rate (2)")
    options.add_argument("--window", type=int, default=50, help="of the carrier (50)")
    options.add_argument("--seed", type=int, default=1, help="of the instants (1)")
    options.add_argument("--settle", type=float, default=120.0, help="seconds at the end (120)")
    return play(crash, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
