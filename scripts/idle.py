"""What idle binds cost: memory of each, and the CPU that their enquire_links take.

Every bind is an ordinary transceiver that says nothing. The gateway asks each of them by
enquire_link whenever it has been silent for the interval.
"""

from __future__ import annotations

import resource
import sys
from argparse import Namespace
from pathlib import Path
from random import Random
from typing import Any

from gateway_process import LOOPBACK, GatewayProcess
from playing import Report, parser, play
from twisted.internet import task

from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.esme import Load
from smppgw.smpp.session import Timing

MOST_OCTETS = 16 * 1024
"""Resident memory of a bind."""
MOST_CPU = 5.0
"""Percent of a processor, unless told otherwise."""
SILENT = Timing(enquire_link=3600.0, inactivity=7200.0)
"""The ESMEs leave it to the gateway to ask."""


async def idle(reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
    """Measure without binds, bind, measure."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    carrier = SimulatedCarrier(Behaviour(), reactor, Random(1))  # noqa: S311
    port = reactor.listenTCP(0, carrier.factory, interface=LOOPBACK)
    gateway = GatewayProcess(
        reactor,
        directory,
        port.getHost().port,
        accounts=("one", "load"),
        binds=arguments.binds,
        enquire_link=arguments.enquire_link,
    )
    gateway.start()
    # The first bind pays for what all share.
    first = gateway.esme(Load(system_id="one", password="secret", reconnect=0.05))  # noqa: S106
    first.start()
    await gateway.bound(first)
    alone = gateway.resident
    alone_share = await _share(reactor, gateway, arguments.seconds / 6)
    load = Load(
        system_id="load",
        password="secret",  # noqa: S106
        binds=arguments.binds,
        reconnect=0.05,
        timing=SILENT,
    )
    esme = gateway.esme(load)
    esme.start()
    took = await gateway.bound(esme, seconds=120.0)
    share = await _share(reactor, gateway, arguments.seconds)
    octets = (gateway.resident - alone) / arguments.binds
    lost = esme.counters["connections_lost"]
    report.figures |= {
        "binds": arguments.binds,
        "bound_in": round(took, 3),
        "octets_per_bind": round(octets),
        "cpu_share": round(share, 4),
        "cpu_share_without": round(alone_share, 4),
        "enquire_link": arguments.enquire_link,
        "connections_lost": lost,
    }
    for name, value in report.figures.items():
        report.say(f"{name:20}{value:>10}")
    report.check(octets < MOST_OCTETS, f"a bind takes {octets:.0f} octets")
    report.check(100 * share < arguments.most_cpu, f"they take {100 * share:.1f} % of a processor")
    report.check(lost == 0, f"{lost} connections were lost")
    await esme.stop()
    await first.stop()
    code = await gateway.stop()
    report.check(code == 0, f"SIGTERM: exit code {code}")
    carrier.stop()
    await port.stopListening()


async def _share(reactor: Any, gateway: GatewayProcess, seconds: float) -> float:
    """Share of a processor that the gateway takes in the next seconds."""
    began, cpu = reactor.seconds(), gateway.cpu
    await task.deferLater(reactor, seconds)
    return float((gateway.cpu - cpu) / (reactor.seconds() - began))


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--binds", type=int, default=1000, help="how many (1000)")
    options.add_argument("--seconds", type=float, default=60.0, help="of measuring (60)")
    options.add_argument(
        "--enquire-link", type=float, default=10.0, help="seconds of silence before one (10)"
    )
    options.add_argument(
        "--most-cpu", type=float, default=MOST_CPU, help="percent of a processor (5)"
    )
    return play(idle, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
