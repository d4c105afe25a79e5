"""A load test with a gateway of its own: started in an empty directory, between us on both sides.

Owns: that gateway and its carrier port, what is looked at in it, and its ledger at the end.
Refuses to know: the load, which is that of `smppgw simulate load`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from attrs import evolve
from gateway_process import LOOPBACK, PASSWORD, GatewayProcess, ReservedPort
from playing import Trouble

from smppgw.cli.load import LoadProcess, real_reactor
from smppgw.cli.load_plan import PlanError, plan_of
from smppgw.cli.output import USAGE, CommandFault, complain, say
from smppgw.cli.target import Target

ACCOUNT = "load"
CARRIER_WINDOW = 500
MIB = 2**20


class OwnGateway(LoadProcess):
    """`LoadProcess` with a gateway that lives as long; its memory and CPU are gauges."""

    def __init__(self, reactor: Any, arguments: Namespace) -> None:
        self._place = ReservedPort()
        self.directory = Path(tempfile.mkdtemp(prefix="smppgw-"))
        self.gateway = GatewayProcess(
            reactor,
            self.directory,
            self._place.number,
            accounts=(ACCOUNT,),
            binds=2 * arguments.binds,
            window=max(50, arguments.window),
            carrier_window=CARRIER_WINDOW,
            number=arguments.mo_to,
            web=True,
        )
        arguments.carrier_port = self._place.number
        arguments.metrics = self.gateway.metrics
        target = Target(LOOPBACK, self.gateway.port, ACCOUNT, PASSWORD, arguments.source or "")
        self.ledger: dict[str, Any] = {}
        plan = plan_of(arguments, target)
        super().__init__(reactor, evolve(plan, limits=evolve(plan.limits, bind=30.0)), arguments)
        self._cpu = 0.0
        self._cpu_at = 0.0
        self.parts.gauges["gateway_mib"] = lambda: round(self.gateway.resident / MIB, 2)
        self.parts.gauges["gateway_cpu"] = self._cpu_share

    def _cpu_share(self) -> float:
        cpu, at = self.gateway.cpu, self._reactor.seconds()
        share = (cpu - self._cpu) / (at - self._cpu_at)
        first, self._cpu, self._cpu_at = not self._cpu_at, cpu, at
        return 0.0 if first else round(share, 3)

    async def before(self) -> None:
        """Our carrier listens, and the gateway starts."""
        await super().before()
        self.gateway.start()
        if not self._arguments.json:
            say(f"a gateway of its own, in {self.directory}")

    async def after(self) -> None:
        """The gateway's own account, and its end."""
        try:
            self.ledger = (await self.gateway.status())["ledger"]
            code = await self.gateway.stop()
        except (Trouble, OSError, CommandFault) as trouble:
            self.parts.run.faults.append(f"the gateway: {trouble}")
            return
        if code:
            self.parts.run.faults.append(f"the gateway ended with code {code}")
        if not self.ledger["balanced"]:
            self.parts.run.faults.append(f"the ledger does not balance: {self.ledger}")
        if not self.parts.run.faults:
            shutil.rmtree(self.directory, ignore_errors=True)


def defaults(arguments: Namespace, name: str) -> None:
    """Write the result to `var` unless something else is said."""
    folder = Path("var")
    if arguments.output is None or arguments.html is None:
        folder.mkdir(exist_ok=True)
    arguments.output = arguments.output or folder / f"{name}.json"
    arguments.html = arguments.html or folder / f"{name}.html"


def own(arguments: Namespace, kind: type[OwnGateway] = OwnGateway) -> int:
    """Run a load test with a gateway of its own; returns the exit code."""
    try:
        process = kind(real_reactor(), arguments)
    except PlanError as error:
        complain(str(error))
        return USAGE
    return finished(process)


def finished(process: OwnGateway) -> int:
    """Run it, say where the report is and, after a fault, where to look."""
    arguments = process._arguments
    try:
        code = process.run()
    except CommandFault as fault:
        complain(str(fault))
        code = 1
    if process.directory.exists():
        print(f"what there is to see is in {process.directory}", file=sys.stderr)
    if not arguments.json:
        say(f"report in {arguments.html}, figures in {arguments.output}")
    return code


def parser(description: str | None) -> ArgumentParser:
    """A command line; the first paragraph of a docstring describes it."""
    return ArgumentParser(description=(description or "").partition("\n\n")[0])
