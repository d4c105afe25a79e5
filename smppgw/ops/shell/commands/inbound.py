"""What came from carriers and found no one: receipts without a message, MOs that nobody owns.

Owns: `show orphans`, `show unrouted`, and what features made of messages from phones (`show mos`,
`explain mo`). Refuses to know: why they found no one (`core`), and what features do.
"""

from __future__ import annotations

from typing import Any

from smppgw.core import mo_kept
from smppgw.core.address import normalise
from smppgw.core.carrier import Carrier
from smppgw.core.command import Argument, Call, Column, Command, Document, Table
from smppgw.core.figures import moment, when
from smppgw.core.ids import time_of
from smppgw.core.message import state_name
from smppgw.core.phone_text import mo_text
from smppgw.core.receipt_ids import canonical
from smppgw.core.relay import Relay
from smppgw.ops.desk import Desk
from smppgw.ops.mo_life import mo_life, row_of
from smppgw.ops.mo_life import mo_text as mo_lines
from smppgw.ops.shell.commands.names import REVEAL, carrier_argument, revealed, shown_number

MOST = 200
"""Rows of one answer."""
LOOKED_AT = 5_000
"""The last rows, among which those of one carrier are looked for."""
ORPHANS = (
    Column("CAME", "at", shown=when, whole=True),
    Column("CARRIER", "carrier"),
    Column("ID IN THE RECEIPT", "remote_id", whole=True),
    Column("STATE", "state", whole=True),
    Column("ERR", "error", minor=1),
    Column("DONE", "done", shown=when, whole=True, minor=2),
)
UNROUTED = (
    Column("CAME", "at", shown=when, whole=True),
    Column("CARRIER", "carrier", minor=1),
    Column("FROM", "source", whole=True),
    Column("TO", "destination", whole=True),
    Column("WHY", "reason"),
)
MOS = (
    Column("ID", "id", whole=True),
    Column("CAME", "came", shown=when, whole=True),
    Column("FROM", "source", whole=True),
    Column("TO", "destination", whole=True),
    Column("ON", "origin", minor=1),
    Column("WHAT IT WAS", "did", shown="; ".join),
)
TEXT = Column("TEXT", "text")
LAST_ORPHANS = """
SELECT * FROM (
    SELECT id, carrier, remote_id, state, error, done_at FROM orphan ORDER BY id DESC LIMIT ?
) WHERE ? IN ('', carrier) LIMIT ?
"""
ORPHANS_OF_ID = """
SELECT id, carrier, remote_id, state, error, done_at FROM orphan
WHERE carrier = ? AND remote_key = ? ORDER BY id DESC LIMIT ?
"""
SENT_THERE = """
SELECT id FROM message WHERE carrier = ? AND remote_key = ? AND state IN (6, 7, 23) LIMIT 1
"""
TRACED = 50
"""Receipts of one answer for which other carriers are looked at."""
LAST_UNROUTED = """
SELECT * FROM (
    SELECT id, carrier, source, destination, reason, body FROM unrouted ORDER BY id DESC LIMIT ?
) WHERE ? IN ('', carrier) LIMIT ?
"""

Record = dict[str, Any]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def show_orphans(call: Call) -> Table:
        rows = _orphans(relay, call.text("carrier"), call.text("id"))
        receipts = relay.receipts
        note = (
            f"since the start: {receipts.orphans:,} without a message, {receipts.matched:,} matched"
        )
        found = [_orphan(row) for row in rows]
        _trace_senders(relay, found[:TRACED])
        return Table(
            ORPHANS,
            found,
            empty="no receipt without a message",
            note="\n".join([f"{_cut(rows)}{note}", *_one_carrier(found)]),
        )

    def show_unrouted(call: Call) -> Table:
        reveal, shown = revealed(call), shown_number(call)
        rows = relay.store.engine.select(LAST_UNROUTED, (LOOKED_AT, call.text("carrier"), MOST))
        found = [
            {
                "at": moment(time_of(id)),
                "carrier": carrier,
                "source": shown(source),
                "destination": shown(destination),
                "reason": reason,
                **({"text": _text(relay, carrier, body)} if reveal else {}),
            }
            for id, carrier, source, destination, reason, body in rows
        ]
        return Table(
            (*UNROUTED, TEXT) if reveal else UNROUTED,
            found,
            empty="every message from a phone found its owner",
            note=f"{_cut(rows)}{relay.inbox.unrouted:,} since the start",
        )

    return [
        *_mo_commands(relay),
        Command(
            ("show", "orphans"),
            show_orphans,
            "receipts whose message is unknown, the last first",
            (carrier_argument(relay), Argument("id", "the id as it stands in the receipt")),
        ),
        Command(
            ("show", "unrouted"),
            show_unrouted,
            "messages from phones that nobody owns, the last first",
            (carrier_argument(relay), REVEAL),
        ),
    ]


def _mo_commands(relay: Relay) -> list[Command]:
    def show_mos(call: Call) -> Table:
        reveal = revealed(call)
        phone = normalise(call.text("phone"), 0, 0) if call.text("phone") else ""
        kept = mo_kept.latest(relay.store.engine, phone, LOOKED_AT, MOST)
        rows = [row_of(one, reveal=reveal) for one in kept]
        looked = f"among the last {LOOKED_AT:,}" if phone else ""
        return Table(MOS, rows, empty="no message from a phone to a feature", note=looked)

    def explain_mo(call: Call) -> Document:
        found = mo_life(relay, call.text("id"), reveal=revealed(call))
        return Document(found, lambda width: mo_lines(found, width))

    return [
        Command(
            ("show", "mos"),
            show_mos,
            "messages from phones that features saw, the last first",
            (Argument("phone", "of one phone", positional=True), REVEAL),
        ),
        Command(
            ("explain", "mo"),
            explain_mo,
            "one message from a phone: what it was taken for, and what came of it",
            (Argument("id", "as show mos lists it", positional=True, required=True), REVEAL),
        ),
    ]


def _cut(rows: list[Any]) -> str:
    return f"the last {MOST}; " if len(rows) == MOST else ""


def _orphans(relay: Relay, carrier: str, id: str) -> list[Any]:
    select = relay.store.engine.select
    if not id:
        return select(LAST_ORPHANS, (LOOKED_AT, carrier, MOST))
    key = canonical(id)
    names = [carrier] if carrier else relay.carriers
    return [row for name in names for row in select(ORPHANS_OF_ID, (name, key, MOST))][:MOST]


def _orphan(row: Any) -> Record:
    id, carrier, remote_id, state, error, done_at = row
    return {
        "at": moment(time_of(id)),
        "carrier": carrier,
        "remote_id": remote_id,
        "state": state_name(state),
        "error": error,
        "done": moment(done_at / 1000),
        "sent_by": None,
    }


def _trace_senders(relay: Relay, orphans: list[Record]) -> None:
    """Put to each the other carrier that sent its message, where host and system_id are the same.

    The peer takes these for one, and brings the receipts of either to the binds of both.
    """
    select = relay.store.engine.select
    others = {name: _same_peer(relay, name) for name in {one["carrier"] for one in orphans}}
    for one in orphans:
        key = canonical(one["remote_id"])
        for other in others[one["carrier"]] if key else ():
            if key in other.awaiting or select(SENT_THERE, (other.name, key)):
                one["sent_by"] = other.name
                break


def _same_peer(relay: Relay, name: str) -> list[Carrier]:
    """Other carriers with the host and the system_id of one."""
    found = relay.carriers.get(name)
    if found is None:
        return []
    hosts = {host for host, _ in found.settings.addresses}
    return [
        other
        for other in relay.carriers.values()
        if other is not found
        and other.settings.system_id == found.settings.system_id
        and any(host in hosts for host, _ in other.settings.addresses)
    ]


def _one_carrier(orphans: list[Record]) -> list[str]:
    """What to do about receipts whose messages another carrier sent."""
    pairs = sorted({(one["sent_by"], one["carrier"]) for one in orphans if one["sent_by"]})
    return [
        f"carrier {sender} sent messages of these, and their receipts came to {taker}: with one"
        " host and system_id they are one carrier; declare one, with more `binds` or with `bind`"
        " transmitter+receiver"
        for sender, taker in pairs
    ]


def _text(relay: Relay, carrier: str, body: bytes) -> str:
    found = relay.carriers.get(carrier)
    text = mo_text(body, None if found is None else found.settings)
    return "(no text)" if text is None else text
