"""A soak: a gateway under a constant rate for long, and whether memory, CPU or latency drift.

The first quarter is left out. A drift is a line through the medians that noise does not explain;
more of it than --growth is a fault. The default is one minute, which shows that it works: a verdict
on a leak takes hours (--hours 8). All options of scripts/load are there.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from attrs import frozen
from own_gateway import OwnGateway, defaults, own, parser

from smppgw.cli import load_options
from smppgw.simulator.drift import Drift, drift

SECONDS = 60.0
RATE = 500.0


@frozen
class Watched:
    """A figure that must not drift: where it is in the series, its unit, and which way is bad."""

    name: str
    unit: str
    group: str
    key: str
    worse: str
    scale: float = 1.0


WATCHED = (
    Watched("gateway memory", "MiB", "gauges", "gateway_mib", "grows"),
    Watched("gateway CPU", "% of a processor", "gauges", "gateway_cpu", "grows", 100.0),
    Watched("gateway queue", "messages", "gauges", "queue", "grows"),
    Watched("accepted", "per second", "per_second", "accepted", "falls"),
    Watched("latency p99", "ms", "latency", "p99", "grows"),
)


class Soak(OwnGateway):
    """A load test that looks at drifts when it is over."""

    async def after(self) -> None:
        """The verdict on each figure."""
        await super().after()
        run = self.parts.run
        series = run.series.report()
        within = [second < run.sending_seconds for second in series["seconds"]]
        for one in WATCHED:
            found = self._drift(one, series, within)
            if found is None:
                self.remarks.append(f"{one.name}: too few seconds for a verdict")
                continue
            self.remarks.append(self._line(one, found))
            most = self._arguments.growth / 100
            # Of what is next to nothing a few per cent are nothing.
            least = LEAST.get(one.key, 0.0)
            if found.word == one.worse and abs(found.change) > max(most * found.level, least):
                run.faults.append(f"{one.name} {found.word}: {100 * found.share:+.1f} %")

    @staticmethod
    def _drift(one: Watched, series: dict[str, Any], within: list[bool]) -> Drift | None:
        values = [
            None if value is None or not inside else value * one.scale
            for value, inside in zip(series[one.group][one.key], within, strict=True)
        ]
        return drift(series["seconds"], values)

    @staticmethod
    def _line(one: Watched, found: Drift) -> str:
        hour = 3600 / found.span
        return (
            f"{one.name}: {found.word}, {found.level:.1f} {one.unit};"
            f" {found.change:+.2f} in {found.span:.0f} s (noise {found.noise:.2f}),"
            f" {found.change * hour:+.1f} an hour"
        )


LEAST = {"gateway_mib": 4.0, "queue": 100.0, "gateway_cpu": 10.0, "p99": 5.0}
"""Change below which a drift is no fault, whatever its share."""


def hours(arguments: Namespace) -> None:
    """`--hours` as `--seconds`."""
    if arguments.hours is not None:
        arguments.seconds = 3600 * arguments.hours


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    load_options.add(options)
    options.add_argument("--hours", type=float, metavar="N", help="instead of --seconds")
    options.add_argument(
        "--growth",
        type=float,
        default=10.0,
        metavar="PERCENT",
        help="drift over the whole time that is no fault (10)",
    )
    options.set_defaults(shape="soak", rate=RATE, seconds=SECONDS, mo_rate=RATE / 10)
    arguments = options.parse_args()
    hours(arguments)
    defaults(arguments, "soak")
    return own(arguments, Soak)


if __name__ == "__main__":
    sys.exit(main())
