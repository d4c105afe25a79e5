"""What was refused lately, by whom, why, and what to do about it.

Owns: `show errors`. Refuses to know: where refusals are counted (`core.measures`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smppgw.core.command import Call, Column, Command, Page, Table
from smppgw.core.figures import moment, when
from smppgw.core.measures import OTHER_STATUS, Measures, Refused
from smppgw.core.relay import Relay
from smppgw.core.status import status_text
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.names import carrier_argument

MOST = 300
"""Rows of one answer."""
ERRORS = (
    Column("WHO", "who", whole=True),
    Column("WHAT", "what", whole=True),
    Column("COUNT", "count", right=True),
    Column("LAST", "last", shown=when, whole=True),
    Column("STATUS", "status", whole=True),
)
BINDS = (
    Column("AT", "at", shown=when, whole=True),
    Column("STATUS", "name", whole=True, minor=1),
    Column("REFUSED", "reason"),
)
SINCE = "counted since the start; the messages: find state failed"

Record = dict[str, Any]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def show_errors(call: Call) -> Page:
        carrier = call.text("carrier")
        rows = sorted(_rows(relay.measures), key=lambda row: row["last"], reverse=True)
        rows = [one for one in rows if carrier in ("", one["name"])]
        binds = [] if carrier else _binds(relay)
        return Page(
            (
                ("", Table(ERRORS, rows[:MOST], empty="nothing was refused", note=_advice(rows))),
                ("binds refused", Table(BINDS, binds, empty="none")),
            )
        )

    return [
        Command(
            ("show", "errors"),
            show_errors,
            "what was refused since the start, by status, with advice",
            (carrier_argument(relay),),
        )
    ]


def _rows(measures: Measures) -> Iterator[Record]:
    for name, carrier in measures.carriers.items():
        yield from _statuses(f"carrier {name}", name, "our submit_sm", carrier.statuses)
        yield from _statuses(f"carrier {name}", name, "our bind", carrier.binds_refused)
    for name, account in measures.accounts.items():
        yield from _statuses(f"account {name}", name, "its requests", account.statuses)
        yield from _statuses(f"account {name}", name, "our deliver_sm", account.deliveries_refused)


def _statuses(who: str, name: str, what: str, refused: Refused) -> Iterator[Record]:
    for status, (count, last) in refused.statuses.items():
        text = "others" if status == OTHER_STATUS else status_text(status)
        yield {
            "who": who,
            "name": name,
            "what": what,
            "command_status": status,
            "count": count,
            "last": moment(last),
            "status": text.partition(":")[0].partition(" ")[0],
            "meaning": text.partition(": ")[2].partition("; advice: ")[0],
            "advice": text.partition("; advice: ")[2],
        }


def _advice(rows: list[Record]) -> str:
    """What each status means and what to do, once."""
    said = {one["status"]: one for one in rows if one["meaning"]}
    lines = [
        f"{status} (0x{one['command_status']:02X}): {one['meaning']}"
        + (f"; {one['advice']}" if one["advice"] else "")
        for status, one in said.items()
    ]
    return "\n".join(["", *lines, "", SINCE]) if lines else ""


def _binds(relay: Relay) -> list[Record]:
    return [
        {
            "at": moment(one.at),
            "command_status": one.command_status,
            "name": status_text(one.command_status).partition(" ")[0],
            "reason": one.reason,
        }
        for one in reversed(relay.measures.bind_refusals)
    ]
