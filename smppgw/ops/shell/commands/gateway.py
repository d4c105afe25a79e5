"""The gateway as a whole: everything at one look, what memory holds, which versions run.

Owns: `show status`, `show memory` and `show versions`.
Refuses to know: where the figures come from.
"""

from __future__ import annotations

import platform
import sqlite3
import ssl
import sys
from typing import Any

import twisted

from smppgw._version import __version__
from smppgw.core.command import (
    Argument,
    Call,
    Column,
    Command,
    Document,
    Fields,
    Kind,
    Table,
)
from smppgw.core.figures import duration, moment, octets, when
from smppgw.core.held import Held, held
from smppgw.core.store.schema import VERSION
from smppgw.ops.desk import Desk
from smppgw.ops.status import glance, resident_octets
from smppgw.ops.status_text import status_text

MEMORY = (
    Column("WHOSE", "whose", whole=True),
    Column("WHAT", "what"),
    Column("HELD", "shown", right=True),
    Column("AT MOST", "shown_bound", right=True),
    Column("FULL", "percent", right=True, shown=lambda percent: f"{percent:.1f} %"),
)
ALL = Argument("all", "also what is empty", kind=Kind.FLAG)
MOST = 300
"""Rows of one answer."""

Record = dict[str, Any]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    async def show_status(call: Call) -> Document:
        found = await glance(desk)
        return Document(found, lambda width: status_text(found, width))

    def show_memory(call: Call) -> Table:
        whose = call.text("whose")
        every = [_held(owner, one) for owner, one in held(relay) if whose in ("", *owner.split())]
        rows = [one for one in every if one["held"] or call.flag(ALL.name)]
        note = f"{octets(resident_octets())} resident in all"
        if len(rows) < len(every):
            note += f"; {len(every) - len(rows):,} that are empty are shown by all"
        if len(rows) > MOST:
            note += f"; {len(rows) - MOST:,} rows more: give the name of a carrier or an account"
        return Table(MEMORY, rows[:MOST], note=note)

    return [
        Command(("show", "status"), show_status, "everything at one look, trouble first"),
        Command(
            ("show", "memory"),
            show_memory,
            "what memory holds, table by table, and how much of it there can be",
            (
                Argument(
                    "whose",
                    "gateway, or the name of a carrier or an account",
                    positional=True,
                    values=lambda: ["gateway", *relay.carriers, *relay.accounts],
                    strict=True,
                ),
                ALL,
            ),
        ),
        Command(
            ("show", "versions"),
            lambda call: _versions(desk),
            "which versions run, and since when",
        ),
    ]


def _versions(desk: Desk) -> Fields:
    now = desk.relay.clock.seconds()
    record: Record = {
        "smppgw": __version__,
        "python": platform.python_version(),
        "twisted": twisted.__version__,
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "schema": VERSION,
        "system": platform.platform(),
        "started": moment(desk.rates.made),
        "uptime_s": round(max(0.0, now - desk.rates.made), 1),
    }
    started = f"{when(record['started'])} UTC, {duration(record['uptime_s'])} ago"
    python = f"{record['python']} ({sys.implementation.name})"
    return Fields(
        (
            ("smppgw", f"{record['smppgw']}, tables of version {record['schema']}"),
            ("python", python),
            ("twisted", record["twisted"]),
            ("sqlite", record["sqlite"]),
            ("openssl", record["openssl"].removeprefix("OpenSSL ")),
            ("system", record["system"]),
            ("started", started),
        ),
        record,
    )


def _held(owner: str, one: Held) -> Record:
    size = octets if one.unit == "octets" else "{:,}".format
    unit = f" ({one.unit})" if one.unit and one.unit != "octets" else ""
    return {
        "whose": owner,
        "what": one.what + unit,
        "held": one.number,
        "bound": one.bound,
        "shown": size(one.number),
        "shown_bound": "" if one.bound is None else size(one.bound),
        "percent": round(100 * one.number / one.bound, 1) if one.bound else None,
    }
