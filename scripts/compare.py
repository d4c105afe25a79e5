"""Two results of load tests side by side, and whether the second is worse.

The results are the JSON files of scripts/load. A change within --tolerance is `same`; beyond it,
and explained by how the seconds of each run differ among themselves, it is `noise`; else it is
`better` or `worse`. Exit code 4 when a figure is worse.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from math import isinf
from pathlib import Path
from typing import Any

from smppgw.cli.load import UNMET
from smppgw.simulator.differences import Difference, differences, other_plan
from smppgw.simulator.figures import said


def result(path: Path) -> dict[str, Any]:
    """A result; raises ValueError when the file is none."""
    found = json.loads(path.read_text("utf-8"))
    if not isinstance(found, dict) or "plan" not in found or "series" not in found:
        raise ValueError("it is no result of a load test")
    return found


def changed(one: Difference) -> str:
    """A relative change in percent."""
    if isinf(one.change):
        return "new"
    return f"{100 * one.change:+.1f} %" if one.change else "0"


def told(found: list[Difference]) -> None:
    """A table for people."""
    print(f"{'figure':14}{'before':>12}{'after':>12}{'change':>10}  verdict")
    for one in found:
        sigmas = "" if one.sigmas is None else f" ({one.sigmas:.1f} standard errors)"
        word = f"{one.word}{sigmas if one.word in ('noise', 'better', 'worse') else ''}"
        before, after = said(one.name, one.before), said(one.name, one.after)
        print(f"{one.name:14}{before:>12}{after:>12}{changed(one):>10}  {word}".rstrip())


def main() -> int:
    """The command line."""
    options = ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    options.add_argument("before", type=Path, metavar="A.json")
    options.add_argument("after", type=Path, metavar="B.json")
    options.add_argument(
        "--tolerance",
        type=float,
        default=10.0,
        metavar="PERCENT",
        help="change of a rate or of a percentile that nobody minds (10)",
    )
    options.add_argument("--json", action="store_true", help="one JSON document at the end")
    arguments = options.parse_args()
    results = []
    for path in (arguments.before, arguments.after):
        try:
            results.append(result(path))
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
    found = differences(*results, arguments.tolerance / 100)
    otherwise = other_plan(*results)
    worse = [one.name for one in found if one.word == "worse"]
    if arguments.json:
        records = [
            {
                "figure": one.name,
                "before": one.before,
                "after": one.after,
                "change": None if isinf(one.change) else round(one.change, 4),
                "word": one.word,
                "sigmas": None if one.sigmas is None or isinf(one.sigmas) else one.sigmas,
            }
            for one in found
        ]
        verdict = {"ok": not worse, "worse": worse, "plan": otherwise, "figures": records}
        print(json.dumps(verdict, indent=2))
    else:
        for line in otherwise:
            print(f"asked for otherwise: {line}")
        told(found)
        print(f"verdict: {'worse in ' + ', '.join(worse) if worse else 'not worse'}")
    return UNMET if worse else 0


if __name__ == "__main__":
    sys.exit(main())
