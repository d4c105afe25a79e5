"""What waits, and the proof that nothing is lost.

Owns: `show queue` and `show ledger`. Refuses to know: how queues and counters come about.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from smppgw.core.command import Call, Column, Command, CommandError, Page, Table
from smppgw.core.figures import duration
from smppgw.core.ids import time_of
from smppgw.core.relay import Relay
from smppgw.core.store.audit import Audit, AuditTimeout
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.carriers import carrier_state
from smppgw.ops.shell.commands.names import carrier_argument
from smppgw.ops.status import ledger_record
from smppgw.ops.status_text import NO_MORE_THAN_ACCEPTED, ledger_columns, verdict

QUEUE = (
    Column("CARRIER", "carrier", whole=True),
    Column("CLASS", "class", whole=True),
    Column("WAITING", "waiting", right=True),
    Column("OLDEST", "oldest_s", right=True, shown=duration),
    Column("STATE", "state", whole=True),
    Column("WHY", "why", minor=1),
)

Record = dict[str, Any]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def show_queue(call: Call) -> Table:
        wanted = call.text("carrier")
        names = [wanted] if wanted else list(relay.carriers)
        rows = [row for name in names for row in _lanes(relay, name)]
        columns = QUEUE if any(row["why"] for row in rows) else QUEUE[:-1]
        note = "" if wanted else _note(relay)
        return Table(columns, rows, empty="nothing waits for a carrier", note=note)

    async def show_ledger(call: Call) -> Page:
        try:
            return _ledger(relay, await desk.counts.count())
        except (AuditTimeout, sqlite3.Error) as error:
            raise CommandError(f"not counted: {error}", "unavailable") from None

    return [
        Command(
            ("show", "queue"),
            show_queue,
            "what waits for carriers, by priority class",
            (carrier_argument(relay),),
        ),
        Command(
            ("show", "ledger"),
            show_ledger,
            "the proof: accepted = ended + pending, per account and carrier, counted in the store",
        ),
    ]


def _lanes(relay: Relay, name: str) -> list[Record]:
    carrier = relay.carriers[name]
    now = relay.clock.seconds()
    state, why = carrier_state(carrier, relay)
    return [
        {
            "carrier": name,
            "class": lane,
            "waiting": depth,
            "oldest_s": round(max(0.0, now - time_of(oldest)), 1) if oldest else None,
            "state": state,
            "why": why,
        }
        for lane, (depth, oldest) in carrier.lanes().items()
        if depth
    ]


def _note(relay: Relay) -> str:
    strays = relay.moves.strays
    gone = f"\nmessages wait for carriers that are not configured: {', '.join(strays)}"
    said = (
        f"{relay.queued:,} of {relay.settings.max_queue:,} (max_queue) queued in all, deferred and"
        " in flight included"
    )
    return said + (gone if strays else "")


def _ledger(relay: Relay, found: Audit) -> Page:
    record = ledger_record(relay, found, "")
    accounts, carriers = record["accounts"], record["carriers"]
    note = verdict(record)
    if any(one["unknown"] for one in (*accounts, *carriers)):
        note += f"\n{NO_MORE_THAN_ACCEPTED}"
    of_accounts = Table(ledger_columns("ACCOUNT", record), accounts, empty="no messages yet")
    of_carriers = Table(ledger_columns("CARRIER", record), carriers, "no messages yet", note)
    return Page((("accounts", of_accounts), ("carriers", of_carriers)))
