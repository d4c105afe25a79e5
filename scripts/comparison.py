"""The same traffic on an empty store and on one with a history.

Owns: the rounds of both, in turn, and the ratio.
Refuses to know: how a history is made (`history`).
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from random import Random
from typing import Any

from gateway_process import CARRIER, LOOPBACK, GatewayProcess
from history import fill
from playing import Report, until

from smppgw.simulator.accounting import Accounting
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.esme import Load

ACCOUNT = "load"
DESTINATIONS = tuple(f"336{number:08d}" for number in range(10_000))
LATEST = 5.0
"""Seconds from the start of the process to binds."""
ROUND_SECONDS = 600.0
"""After which a round counts as stuck."""


def carrier(reactor: Any, accounting: Accounting) -> SimulatedCarrier:
    """A carrier without fault."""
    behaviour = Behaviour(record=0, delivery_window=50)
    return SimulatedCarrier(behaviour, reactor, Random(1), accounting=accounting)  # noqa: S311


class Comparison:
    """The same traffic on an empty store and on one with a history, in turn."""

    def __init__(self, reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
        self._reactor = reactor
        self._arguments = arguments
        self._directory = directory
        self._report = report

    async def run(self) -> None:
        """Fill, then rounds of both; the best of each counts."""
        report, history = self._report, self._arguments.history
        seconds, size = fill(self._directory / "full" / "var", history, ACCOUNT, CARRIER)
        report.say(f"history: {history} messages, {size / 2**20:.0f} MiB, in {seconds:.0f} s")
        rounds: dict[str, list[dict[str, float]]] = {"empty": [], "full": []}
        for _ in range(self._arguments.rounds):
            for name, lines in rounds.items():
                lines.append(await self._round(name))
                said = "  ".join(f"{key} {value}" for key, value in lines[-1].items())
                report.say(f"{name:6} {said}")
        best = {name: max(one["rate"] for one in lines) for name, lines in rounds.items()}
        cost = {name: min(one["cpu_us"] for one in lines) for name, lines in rounds.items()}
        ratio = best["full"] / best["empty"]
        report.figures["history"] = {
            **rounds,
            "octets": size,
            "throughput_ratio": round(ratio, 3),
            "cpu_ratio": round(cost["full"] / cost["empty"], 3),
        }
        cpu_ratio = report.figures["history"]["cpu_ratio"]
        report.say(f"with history / without: throughput {ratio:.2f}, CPU {cpu_ratio:.2f}")
        report.check(
            ratio >= self._arguments.slowest,
            f"the history slows down to {ratio:.2f} (CPU x {cpu_ratio:.2f})",
        )
        ready = max(one["ready"] for one in rounds["full"])
        report.check(ready < LATEST, f"with history ready after {ready:.2f} s")

    async def _round(self, name: str) -> dict[str, float]:
        far = carrier(self._reactor, Accounting())
        port = self._reactor.listenTCP(0, far.factory, interface=LOOPBACK)
        gateway = GatewayProcess(
            self._reactor,
            self._directory / name,
            port.getHost().port,
            accounts=(ACCOUNT,),
            carrier_window=100,
        )
        gateway.start()
        load = Load(
            system_id=ACCOUNT,
            password="secret",  # noqa: S106
            count=self._arguments.compare,
            reconnect=0.02,
            window=50,
            destinations=DESTINATIONS,
        )
        esme = gateway.esme(load)
        idle = gateway.esme(Load(system_id=ACCOUNT, password="secret", reconnect=0.02))  # noqa: S106
        idle.start()
        ready = await gateway.bound(idle)
        await idle.stop()
        await until(self._reactor, lambda: bool(far.binds), 30, "the gateway binds to the carrier")
        began, cpu = self._reactor.seconds(), gateway.cpu
        esme.start()
        await until(self._reactor, lambda: esme.settled, ROUND_SECONDS, "every receipt is there")
        seconds, used = self._reactor.seconds() - began, gateway.cpu - cpu
        await esme.stop()
        await gateway.stop()
        gateway.close()
        far.stop()
        await port.stopListening()
        return {
            "rate": round(load.count / seconds, 1),
            "cpu_us": round(1e6 * used / load.count, 1),
            "ready": round(ready, 3),
        }
