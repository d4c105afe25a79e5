"""The shell from outside: which lines look and change nothing, and how long each takes.

Owns: a session on the gateway's UNIX socket, the walk through its registry by `?`, the measuring.
Refuses to know: commands, beyond the verbs that only look and what stands for an argument.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from attrs import frozen

from smppgw.cli.shell import Peer, connected

LOOKS = frozenset(
    (
        *("check", "diff", "dlr", "encode", "explain", "export"),
        *("find", "help", "history", "route", "show", "whoami"),
    )
)
"""Verbs that answer once and change nothing. Of the others, `tail`, `trace` and `watch` go on,
`test` waits for a carrier, and the rest act."""
VALUES = {
    "ACCOUNT": "load",
    "CARRIER": "simulated",
    "NAME": "simulated",
    "FROM": "38100",
    "PHONE": "33600000042",
    "TO": "33600000042",
    "USER": "load",
    "TEXT": '"Votre code : 1234, à bientôt"',
}
NOTHING = frozenset({"explain mo"})
"""Commands about what there is nothing of: no phone writes."""
DEAR = (
    "find to 33600000042 limit 5 since 10m",
    "find to *77 limit 500",
    "find limit 500 | json",
    "find state failed since 10m",
    "show status | json",
    "show audit count 1000",
)
"""What costs more than the usual form of its command."""
SEARCHES = ("find to 33600000042", "find state failed")
"""What goes through the whole store, in a thread: not among those that answer at once."""
BROKEN = frozenset({"failed", "usage", "unknown", "unavailable", "closed"})
"""Codes of lines that were not answered; `check` may well refuse."""
WIDTH = 200
_OPTION = re.compile("  ([^ ]+)( |$)")


class ShellSession:
    """A batch of `smppgw shell`; calls block."""

    ms = 0.0
    """What the last line took of the gateway's reactor, milliseconds."""

    def __init__(self, data: Path) -> None:
        self._peer = Peer(connected(data))
        self._peer.send({"batch": {"width": WIDTH}})

    def run(self, line: str) -> tuple[str, str]:
        """Carry out a line: (its output, "" or "code text")."""
        self._peer.send({"line": line})
        out = ""
        while True:
            for said in self._peer.received():
                out += said.get("out", "")
                if "closed" in said:
                    return out, f"closed {said['closed']}"
                if "done" in said:
                    self.ms = said["done"]["ms"]
                    code = said["done"]["code"]
                    return out, f"{code} {said['done']['text']}" if code else ""

    def options(self, words: str) -> tuple[str, list[str]]:
        """What `words ?` says: the usage, or "", and the words that can follow."""
        out, _ = self.run(f"{words} ?".lstrip())
        usage = next((one[9:] for one in out.splitlines() if one.startswith("usage    ")), "")
        found = [_OPTION.match(one) for one in out.splitlines()]
        return usage, [one[1] for one in found if one]

    def interrupt(self) -> None:
        """Ctrl-C, from another thread: the line ends soon."""
        self._peer.send({"interrupt": True})

    def close(self) -> None:
        """Leave."""
        self._peer.connection.close()


def looking(session: ShellSession) -> tuple[list[str], list[str]]:
    """(lines that look, words of commands for which no line could be made)."""
    lines: list[str] = []
    unmade: list[str] = []
    _, verbs = session.options("")
    values = VALUES | {"ID": _some_id(session)}
    for verb in verbs:
        if verb in LOOKS:
            _walk(session, verb, values, lines, unmade)
    return [*lines, *DEAR], unmade


def _some_id(session: ShellSession) -> str:
    found = json.loads(session.run("find limit 1 | json")[0] or "[]")
    return str(found[0]["id"]) if found else ""


def _walk(
    session: ShellSession,
    words: str,
    values: dict[str, str],
    lines: list[str],
    unmade: list[str],
) -> None:
    """The lines of the commands that begin with these words."""
    if words in NOTHING:
        return
    usage, options = session.options(words)
    if not usage:
        for word in options:
            _walk(session, f"{words} {word}", values, lines, unmade)
        return
    line = words
    for name in required(usage, words):
        _, offered = session.options(line)
        value = values.get(name) or next(iter(offered), "")
        if not value:
            unmade.append(words)
            return
        line = f"{line} {value}"
    lines.append(line)


def required(usage: str, words: str) -> list[str]:
    """The names of the arguments that a usage wants, as it writes them."""
    wanted = re.sub(r"\[[^]]*\](\.\.\.)?", "", usage.removeprefix(words))
    return [one.removesuffix("...") for one in wanted.split()]


@frozen
class Timing:
    """Milliseconds that a line took, from sending it to its outcome, and of the reactor."""

    line: str
    times: tuple[float, ...]
    reactor: tuple[float, ...]
    fault: str = ""

    @property
    def median(self) -> float:
        """Half of them took no longer."""
        return share(self.times, 0.5)

    def record(self) -> dict[str, Any]:
        """For programs."""
        reactor = round(share(self.reactor, 0.5), 3)
        said: dict[str, Any] = {
            "line": self.line,
            **summary(self.times),
            "reactor_ms": reactor,
        }
        return said | {"fault": self.fault} if self.fault else said

    def __str__(self) -> str:
        figures = f"{self.median:8.1f} {share(self.times, 0.95):8.1f} {max(self.times):8.1f}"
        figures += f" {share(self.reactor, 0.5):8.2f}"
        return f"{figures}  {self.line}{'  ' + self.fault if self.fault else ''}"


def summary(times: Sequence[float]) -> dict[str, float]:
    """Count, median, p95 and maximum, in milliseconds."""
    return {
        "count": len(times),
        "median_ms": round(share(times, 0.5), 2),
        "p95_ms": round(share(times, 0.95), 2),
        "max_ms": round(max(times), 2),
    }


def share(times: Sequence[float], part: float) -> float:
    """The least of them that so large a part does not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def measured(
    session: ShellSession,
    lines: Sequence[str],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timing]:
    """Carry out all lines so many times, in rounds of changing order; the slowest first."""
    times: dict[str, list[float]] = {line: [] for line in lines}
    reactor: dict[str, list[float]] = {line: [] for line in lines}
    faults: dict[str, str] = {}
    order, chance = list(lines), Random(1)  # noqa: S311
    for _ in range(rounds):
        chance.shuffle(order)
        for line in order:
            began = clock()
            _, fault = session.run(line)
            times[line].append(1000 * (clock() - began))
            reactor[line].append(session.ms)
            if fault.partition(" ")[0] in BROKEN:
                faults[line] = fault
    found = [
        Timing(line, tuple(took), tuple(reactor[line]), faults.get(line, ""))
        for line, took in times.items()
    ]
    return sorted(found, key=lambda one: one.median, reverse=True)
