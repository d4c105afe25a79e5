"""The commands of the gateway itself, grouped by what they are about.

Owns: which groups there are. Refuses to know: the commands of features.
"""

from __future__ import annotations

from smppgw.core.command import Command
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands import (
    accounts,
    carriers,
    configuration,
    errors,
    gateway,
    inbound,
    links,
    live,
    messages,
    operators,
    queue_work,
    queues,
    reset,
    routes,
    shutdown,
    simulate,
    slow,
    standing,
    test_carrier,
    texts,
)

GROUPS = (
    accounts,
    carriers,
    configuration,
    errors,
    gateway,
    inbound,
    links,
    live,
    messages,
    operators,
    queue_work,
    queues,
    reset,
    routes,
    shutdown,
    simulate,
    slow,
    standing,
    test_carrier,
    texts,
)


def all_commands(desk: Desk) -> list[Command]:
    """Every command that works with a gateway."""
    return [command for group in GROUPS for command in group.commands(desk)]
