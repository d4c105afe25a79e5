"""The commands of the gateway itself, grouped by what they are about.

Owns: which groups there are. Refuses to know: the commands of features.
"""

from __future__ import annotations

from smppgw.core.command import Command
from smppgw.ops.control import Desk
from smppgw.ops.shell.commands import (
    links,
    queue,
    reset,
    shutdown,
    standing,
    test_carrier,
)


def all_commands(desk: Desk) -> list[Command]:
    """Every command that works with a gateway."""
    groups = (
        links,
        queue,
        reset,
        shutdown,
        standing,
        test_carrier,
    )
    return [command for group in groups for command in group.commands(desk)]
