"""Connections: the links to carriers and the binds of accounts.

Owns: `show links` and `show binds`. Refuses to know: where the figures come from (`ops.status`).
"""

from __future__ import annotations

from smppgw.core.command import Call, Column, Command, Table
from smppgw.core.figures import when
from smppgw.ops.control import Desk
from smppgw.ops.status import link_record

LINKS = (
    Column("LINK", "link"),
    Column("KIND", "kind"),
    Column("STATE", "state"),
    Column("HOST", "host"),
    Column("PORT", "port", right=True),
    Column("UNANSWERED", "in_flight", right=True),
    Column("WINDOW", "window", right=True),
    Column("SINCE", "since", shown=when),
)


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def show_links(call: Call) -> Table:
        rows = [link_record(link) for one in relay.carriers.values() for link in one.links]
        return Table(LINKS, rows, empty="no carriers")

    return [Command(("show", "links"), show_links, "the links to carriers and what each is doing")]
