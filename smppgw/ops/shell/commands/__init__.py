"""The commands of the gateway itself, grouped by what they are about.

Owns: which groups there are. Refuses to know: the commands of features.
"""

from __future__ import annotations

from importlib import import_module

from smppgw.core.command import Command
from smppgw.ops.desk import Desk

GROUPS = (
    "accounts",
    "carriers",
    "configuration",
    "errors",
    "gateway",
    "inbound",
    "links",
    "live",
    "messages",
    "operators",
    "queue_work",
    "queues",
    "reset",
    "routes",
    "shutdown",
    "simulate",
    "slow",
    "standing",
    "test_carrier",
    "texts",
)
"""The modules; each has `commands(desk)`."""


def all_commands(desk: Desk) -> list[Command]:
    """Every command that works with a gateway."""
    groups = [import_module(f"{__name__}.{name}") for name in GROUPS]
    return [command for group in groups for command in group.commands(desk)]
