"""`smppgw status` and `smppgw message`: what a gateway knows, for people or as JSON.

Owns: the words and tables around the data.
Refuses to know: where the figures come from (`ops.status`, `ops.life`).
"""

from __future__ import annotations

import sqlite3
from argparse import Namespace
from pathlib import Path
from typing import Any

from smppgw.cli.client import NotRunning, ask, data_dir
from smppgw.cli.output import (
    OK,
    Column,
    CommandFault,
    duration,
    folded,
    octets,
    say,
    say_json,
    table,
    when,
)
from smppgw.core.store.engine import FILE_NAME, Engine, StoreLocked
from smppgw.core.store.journal import JournalDamaged
from smppgw.core.store.schema import SchemaError
from smppgw.ops.control import CommandError
from smppgw.ops.life import life

Record = dict[str, Any]

LINKS = (
    Column("LINK", "link"),
    Column("KIND", "kind"),
    Column("STATE", "state"),
    Column("HOST", "host"),
    Column("WINDOW", "used", right=True),
    Column("SINCE", "since"),
    Column("WHY", "why"),
)
BINDS = (
    Column("BIND", "bind"),
    Column("KIND", "kind"),
    Column("PEER", "peer"),
    Column("SUBMITS", "submits", right=True),
    Column("DELIVERIES", "given", right=True),
    Column("RECEIVED", "received", right=True),
    Column("SINCE", "since"),
)
QUEUES = (
    Column("QUEUE", "carrier"),
    Column("CLASS", "class"),
    Column("DEPTH", "depth", right=True),
    Column("OLDEST", "age", right=True),
)
STATES = (
    ("ACCEPTED", "accepted"),
    ("DELIVRD", "delivered"),
    ("UNDELIV", "undeliverable"),
    ("EXPIRED", "expired"),
    ("DELETED", "cancelled"),
    ("REJECTD", "rejected"),
    ("UNKNOWN", "unknown"),
)
PENDING = (("PENDING", "pending"), ("COUNTED", "counted"))
ACCOUNTS = (Column("ACCOUNT", "name"), *(Column(*one, right=True) for one in (*STATES, *PENDING)))
CARRIERS = (
    Column("CARRIER", "name"),
    *(Column(*one, right=True) for one in (*STATES, ("MOVED", "moved"), *PENDING)),
)


def status(arguments: Namespace) -> int:
    """What a running gateway does now."""
    found = ask(data_dir(arguments), "status")
    if arguments.json:
        say_json(found)
    else:
        say(*status_text(found))
    return OK


def status_text(found: Record) -> list[str]:
    """The answer to `status` in lines of at most 100 characters."""
    rates, store, receipts = found["rates"], found["store"], found["receipts"]
    lines = [
        f"smppgw {found['version']}, process {found['process']}, {when(found['time'])} UTC,"
        f" memory {octets(found['memory']['rss'])}",
        "",
        *table(LINKS, map(_link, found["links"])),
        "",
        *table(BINDS, map(_bind, found["binds"])),
    ]
    if found["binds_left_out"]:
        lines.append(f"and {found['binds_left_out']:,} more")
    lines += ["", "last              1 s       10 s       60 s"]
    lines += [
        f"{name:9}{spans['1']:>10,.1f} {spans['10']:>10,.1f} {spans['60']:>10,.1f}  messages/s"
        for name, spans in rates.items()
    ]
    if found["queues"]:
        queues = [{**one, "age": duration(one["oldest"])} for one in found["queues"]]
        lines += ["", *table(QUEUES, queues)]
    lines += ["", *_ledger(found["ledger"]), ""]
    lines.append(
        "receipts  "
        + ", ".join(f"{receipts[name]:,} {name}" for name in receipts)
        + f"; MOs {found['inbox']['received']:,}, {found['inbox']['unrouted']:,} unrouted"
    )
    lines += [f"  {one['carrier']}: {_form(one['receipt_ids'])}" for one in found["carriers"]]
    lines.append(
        f"store     {store['commits']:,} commits, {store['behind']:,} rows behind the journal,"
        f" log {octets(store['log'])}, file {octets(store['file'])}"
    )
    if store["trouble"]:
        lines.append(f"  TROUBLE: {store['trouble']}; new messages are refused")
    for one in found["carriers"]:
        for text in _carrier(one):
            lines += folded(text, "  ")
    return lines


def _form(description: str) -> str:
    """The form of ids in force, without the count of every form (`--json` has it)."""
    head, _, tail = description.partition(" receipts")
    return head + (" receipts)" if tail else "")


def _link(one: Record) -> Record:
    again = one["next_attempt"]
    why = f"again {when(again)[11:]}: {one['reason']}" if again else one["reason"]
    return {
        **one,
        "used": f"{one['in_flight']}/{one['window']}",
        "since": when(one["since"]),
        "why": why,
    }


def _bind(one: Record) -> Record:
    return {
        **one,
        "submits": f"{one['unanswered']}/{one['window']}",
        "given": f"{one['deliveries']}/{one['delivery_window']}",
        "since": when(one["since"]),
    }


def _ledger(ledger: Record) -> list[str]:
    if ledger["balanced"] is None:
        verdict = f"not proved: {ledger['not_counted']}"
    elif ledger["balanced"]:
        verdict = "the ledger balances: what the counters leave pending is what the store holds"
    else:
        verdict = "THE LEDGER DOES NOT BALANCE: pending and counted differ"
    return [
        *table(ACCOUNTS, ledger["accounts"]),
        "",
        *table(CARRIERS, ledger["carriers"]),
        verdict,
    ]


def _carrier(one: Record) -> list[str]:
    """What keeps a carrier from sending, if anything does."""
    lines = []
    if one["held"]:
        lines.append(f"carrier {one['carrier']}: held by an operator, {one['waiting']:,} wait")
    if one["paused_until"]:
        until = when(one["paused_until"])[11:]
        lines.append(f"carrier {one['carrier']}: paused until {until}: {one['pause_reason']}")
    elif one["last_refusal"]:
        lines.append(f"carrier {one['carrier']}: last refusal {one['last_refusal']}")
    return lines


def message(arguments: Namespace) -> int:
    """The whole life of one message, from the gateway or, when it does not run, from its store."""
    directory = data_dir(arguments)
    try:
        found = ask(directory, "message", id=arguments.id, reveal=arguments.reveal)
    except NotRunning as fault:
        if not (directory / FILE_NAME).exists():
            raise CommandFault(f"{fault}, and there is no {FILE_NAME} in it") from None
        found = _stored(directory, arguments.id, reveal=arguments.reveal)
    if arguments.json:
        say_json(found)
    else:
        say(*life_text(found))
    return OK


def _stored(directory: Path, id: str, *, reveal: bool) -> Record:
    try:
        engine = Engine(directory)
    except (StoreLocked, SchemaError, JournalDamaged, sqlite3.Error, OSError) as error:
        raise CommandFault(str(error)) from None
    try:
        return life(engine, id, reveal=reveal)
    except CommandError as error:
        raise CommandFault(str(error)) from None
    finally:
        engine.close()


def life_text(found: Record) -> list[str]:
    """The answer to `message` in lines, in the order in which things happened."""
    accepted, routed = found["accepted"], found["routed"]
    asked = "asked for" if accepted["registered_delivery"] & 3 else "not asked for"
    steps = [
        (
            accepted["at"],
            "accepted",
            f"from {accepted['bind']} sequence {accepted['sequence_number']}; receipt {asked}",
        )
    ]
    steps += [(one["at"], "", one["event"]) for one in found["trail"]]
    if found["sent"]:
        sent = found["sent"]
        again = "; possible duplicate" if sent["possible_duplicate"] else ""
        steps.append(
            (
                sent["at"],
                "sent",
                f"on {sent['link']} sequence {sent['sequence_number']},"
                f" attempt {sent['attempts']}{again}",
            )
        )
    if found["answered"]:
        answered = found["answered"]
        remote = f"; message_id {answered['remote_id']}" if answered["remote_id"] else ""
        steps.append((answered["at"], "answered", answered["status"] + remote))
    receipt = found["receipt"]
    if receipt:
        err = f" err {receipt['err']}" if receipt["err"] else ""
        steps.append((receipt["at"], "receipt", receipt["state"] + err))
    if found["ended"] and not (receipt and receipt["at"]):
        steps.append((found["ended"]["at"], "ended", f"{found['state']}: {found['ended']['why']}"))
    if found["forwarded"]:
        forwarded = found["forwarded"]
        steps.append((forwarded["at"], "forwarded", f"receipt to {forwarded['to']}"))
    # A step without a time of its own stays where it is: behind the one before it.
    order = [at or "" for at, _, _ in steps]
    for place in range(1, len(order)):
        order[place] = order[place] or order[place - 1]
    ordered = [step for _, step in sorted(zip(order, steps, strict=True), key=lambda one: one[0])]
    tried = f" (before: {', '.join(routed['tried'])})" if routed["tried"] else ""
    multi = f", of submit_multi {found['submit_multi']}" if found["submit_multi"] else ""
    lines = [
        f"message {found['id']}{multi}: {found['state']}",
        f"  from {found['source'] or '(no sender)'} to {found['destination']},"
        f" class {found['class']}, carrier {routed['carrier'] or '(none yet)'}{tried}",
    ]
    for at, name, text in ordered:
        lines += folded(f"  {_clock(at)}  {name:9}  {text}", " " * 38)
    if found["waits_for"]:
        lines += folded(f"  waits for {found['waits_for']}", " " * 12)
    return lines


def _clock(at: str | None) -> str:
    return f"{'':23}" if at is None else at[:23].replace("T", " ")
