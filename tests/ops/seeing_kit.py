"""A gateway with carriers, accounts and traffic, and an operator who looks at it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from attrs import evolve
from relay_kit import World, account, carrier
from shell_kit import Shell
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from smppgw.core.command import Role
from smppgw.core.settings import NumberSettings, RouteSettings
from smppgw.ops.desk import Desk
from smppgw.ops.rates import Rates
from smppgw.ops.shell.commands import all_commands
from smppgw.simulator.behaviour import Behaviour

PHONE = "33612345678"
MASKED = "+3361234****"


def in_a_thread(function: Any, *arguments: Any) -> Deferred[Any]:
    """Really another thread, but waited for."""
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(function(*arguments))
        except Exception:
            outcome.append(Failure())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return maybeDeferred(lambda: outcome[0])


class Seeing:
    """A world and a shell: `say` a line, and what is under way arrives."""

    def __init__(self, directory: Path, **fields: Any) -> None:
        fields.setdefault(
            "carriers",
            (carrier("fr-a", 2790), carrier("fr-b", 2791), carrier("dead", 2792, window=3)),
        )
        fields.setdefault("accounts", (account("agg1"), account("away")))
        fields.setdefault(
            "routes",
            (
                RouteSettings(prefix="336", carriers=(("fr-a",), ("fr-b",))),
                RouteSettings(prefix="49", carriers=(("dead",),)),
                RouteSettings(prefix="", carriers=(("fr-b",),)),
            ),
        )
        fields.setdefault(
            "numbers",
            (
                NumberSettings(address="38100", carrier="fr-a", account="agg1"),
                NumberSettings(address="38663", account="away"),
                NumberSettings(address="38999", carrier="fr-b"),
            ),
        )
        fields.setdefault(
            "behaviours",
            {
                "fr-a": Behaviour(receipt_delay=1.0),
                "fr-b": Behaviour(destination_statuses={"4611111": 0x0B}, receipts="never"),
                "dead": Behaviour(answer="never", receipts="never"),
            },
        )
        self.world = World(directory / "var", **fields)
        self.desk = Desk(
            self.world.relay, Rates(self.world.relay.counters, self.world.clock), in_a_thread
        )
        self.shell = Shell(all_commands(self.desk))

    def say(self, line: str, width: int = 80) -> list[str]:
        """The output of a line, and its status."""
        outcomes: list[Any] = []
        self.shell.screen.width = width
        self.shell.begin(line).result.addCallback(outcomes.append)
        self.world.settle()
        assert outcomes, f"{line!r} is still at work"
        return [*self.shell.screen.lines, outcomes[0].status]

    def json(self, line: str) -> Any:
        """The same as data."""
        *said, status = self.say(f"{line} | json")
        assert status == "OK", status
        return json.loads("\n".join(said))

    def as_role(self, role: Role) -> None:
        """Another role from now on."""
        self.shell.operator = evolve(self.shell.operator, role=role)
