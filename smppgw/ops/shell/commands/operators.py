"""Operators: who may use the shell.

Owns: `show operators`. Refuses to know: passwords and keys (`ops.operators`).
"""

from __future__ import annotations

from typing import Any

from smppgw.core.command import Call, Column, Command, CommandError, Role, Table
from smppgw.core.operator_settings import OperatorSettings
from smppgw.ops.desk import Desk
from smppgw.ops.revisions import Configuration

OPERATORS = (
    Column("OPERATOR", "name"),
    Column("ROLE", "role"),
    Column("ACCOUNTS", "accounts"),
    Column("ENABLED", "enabled"),
    Column("KEYS", "keys", right=True),
    Column("FROM", "allow_from"),
    Column("OWNER", "owner"),
)


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""

    def show_operators(call: Call) -> Table:
        configuration = desk.configuration
        if configuration is None:
            raise CommandError("there is no configuration here", "unavailable")
        found = configuration.settings.operators
        return Table(OPERATORS, [_row(one, configuration) for one in found], empty="no operators")

    return [
        Command(
            ("show", "operators"),
            show_operators,
            "who may use the shell, with which role, and where that is said",
            role=Role.ADMIN,
        )
    ]


def _row(one: OperatorSettings, configuration: Configuration) -> dict[str, Any]:
    return {
        "name": one.name,
        "role": one.role,
        "accounts": ", ".join(one.accounts) or "all",
        "enabled": one.enabled,
        "keys": len(one.ssh_keys),
        "allow_from": ", ".join(map(str, one.allow_from)) or "this machine",
        "owner": configuration.owner_of("operator", one.name),
    }
