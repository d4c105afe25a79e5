"""`smppgw status` and `smppgw message`: what a gateway knows, for people or as JSON.

Owns: the words and tables around the data.
Refuses to know: where the figures come from (`ops.status`, `ops.life`).
"""

from __future__ import annotations

import re
import sqlite3
from argparse import Namespace
from pathlib import Path
from typing import Any

from smppgw.cli.client import NotRunning, ask, data_dir
from smppgw.cli.output import (
    OK,
    CommandFault,
    folded,
    say,
    say_json,
    table,
)
from smppgw.core.command import Column, CommandError
from smppgw.core.figures import duration, octets, when
from smppgw.core.status import status_text as status_words
from smppgw.core.store.engine import FILE_NAME, Engine
from smppgw.core.store.journal import JournalDamaged
from smppgw.core.store.lock import StoreLocked
from smppgw.core.store.schema import SchemaError
from smppgw.ops.life import life

Record = dict[str, Any]
Step = tuple[str | None, str, str]
"""When (ISO 8601, or None), its name, what happened."""

LINKS = (
    Column("LINK", "link"),
    Column("KIND", "kind"),
    Column("STATE", "state"),
    Column("HOST", "place"),
    Column("WINDOW", "used", right=True),
    Column("SINCE", "since"),
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
MOVED = ("MOVED", "moved")
PENDING = ("PENDING", "pending")
COUNTED = ("COUNTED", "counted")
NO_MORE_THAN_ACCEPTED = (
    'UNKNOWN also counts messages whose carrier said no more than "accepted": no receipt was asked'
    " for, or it told no outcome."
)
_STATUS = re.compile(r"ESME_\w+ \(0x([0-9A-F]+)\)")


def status(arguments: Namespace) -> int:
    """What a running gateway does now."""
    found = ask(data_dir(arguments), "status")
    if arguments.json:
        say_json(found)
    else:
        say(*status_text(found))
    return OK


def status_text(found: Record) -> list[str]:
    """The answer to `status` in lines: trouble first."""
    lines = [
        f"smppgw {found['version']}, process {found['process']}, up {duration(found['uptime_s'])},"
        f" {when(found['time'])} UTC, memory {octets(found['memory']['rss'])}"
    ]
    problems = [line for text in _problems(found) for line in folded(f"  {text}", "    ")]
    if problems:
        lines += ["", "problems", *problems]
    lines += ["", *table(LINKS, map(_link, found["links"]))]
    for one in found["links"]:
        if one["reason"]:
            lines += folded(f"  {one['link']}: {_again(one)}{one['reason']}", "    ")
    lines += ["", *(table(BINDS, map(_bind, found["binds"])) if found["binds"] else ["no binds"])]
    if found["binds_left_out"]:
        lines.append(f"and {found['binds_left_out']:,} more")
    lines += ["", "last              1 s       10 s       60 s"]
    lines += [
        f"{name:9}{spans['1']:>10,.1f} {spans['10']:>10,.1f} {spans['60']:>10,.1f}  messages/s"
        for name, spans in found["rates"].items()
    ]
    if found["queues"]:
        queues = [{**one, "age": duration(one["oldest_s"])} for one in found["queues"]]
        lines += ["", *table(QUEUES, queues)]
    return [*lines, "", *_ledger(found["ledger"]), "", *_receipts(found), *_store(found["store"])]


def _problems(found: Record) -> list[str]:
    """What keeps messages from moving, and somebody may want to act on."""
    problems = []
    if found["store"]["trouble"]:
        problems.append(f"store: {found['store']['trouble']}; new messages are refused")
    for one in found["carriers"]:
        if one["held"]:
            problems.append(
                f"carrier {one['carrier']}: held by an operator, {one['waiting']:,} wait"
            )
        if one["paused_until"]:
            until = when(one["paused_until"])[11:]
            problems.append(
                f"carrier {one['carrier']}: paused until {until}: {one['pause_reason']}"
            )
    if found["ledger"]["balanced"] is False:
        problems.append("ledger: pending and counted differ")
    return problems


def _receipts(found: Record) -> list[str]:
    receipts, inbox = found["receipts"], found["inbox"]
    lines = [
        f"receipts     {', '.join(f'{count:,} {name}' for name, count in receipts.items())}",
        f"MOs          {', '.join(f'{count:,} {name}' for name, count in inbox.items())}",
    ]
    for one in found["carriers"]:
        lines += folded(f"receipt ids  {one['carrier']}: {_form(one['receipt_ids'])}", " " * 13)
    for one in found["carriers"]:
        if one["last_refusal"] and not one["paused_until"]:
            lines += folded(f"refusal      {one['carrier']}: {one['last_refusal']}", " " * 13)
    return lines


def _store(store: Record) -> list[str]:
    return folded(
        f"store        {store['commits']:,} commits, {store['behind']:,} rows behind the journal,"
        f" log {octets(store['log'])}, file {octets(store['file'])}",
        " " * 13,
    )


def _form(description: str) -> str:
    """The form of ids in force, without the count of every form (`--json` has it)."""
    head, counts, _ = description.partition("; exact")
    if counts:
        return f"{head})"
    head, counts, _ = description.partition(" receipts: ")
    return f"{head} receipts)" if counts else head


def _link(one: Record) -> Record:
    return {
        **one,
        "place": f"{one['host']}:{one['port']}" if one["host"] else "",
        "used": f"{one['in_flight']}/{one['window']}",
        "since": when(one["since"]),
    }


def _again(one: Record) -> str:
    return f"again {when(one['next_attempt'])[11:]}: " if one["next_attempt"] else ""


def _bind(one: Record) -> Record:
    return {
        **one,
        "submits": f"{one['unanswered']}/{one['window']}",
        "given": f"{one['deliveries']}/{one['delivery_window']}",
        "since": when(one["since"]),
    }


def _ledger(ledger: Record) -> list[str]:
    if ledger["balanced"] is None:
        verdict = f"the ledger is not proved: {ledger['not_counted']}"
    elif ledger["balanced"]:
        verdict = "the ledger balances: what the counters leave pending is what the store holds"
    else:
        verdict = "THE LEDGER DOES NOT BALANCE: pending and counted differ"
    accounts, carriers = ledger["accounts"], ledger["carriers"]
    # Two equal columns say no more than one.
    differ = any(one["balanced"] is False for one in (*accounts, *carriers))
    last = (PENDING, COUNTED) if differ else (PENDING,)
    lines = []
    for heading, records, figures in (
        ("ACCOUNT", accounts, (*STATES, *last)),
        ("CARRIER", carriers, (*STATES, MOVED, *last)),
    ):
        if records:
            columns = [Column(heading, "name")]
            columns += [Column(name, key, right=True) for name, key in figures]
            lines += [*table(columns, records), ""]
    if lines:
        lines += folded(NO_MORE_THAN_ACCEPTED, "")
    return [*lines, *folded(verdict, "  ")]


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
    steps = _steps(found)
    # A step without a time of its own stays where it is: behind the one before it.
    order = [at or "" for at, _, _ in steps]
    for place in range(1, len(order)):
        order[place] = order[place] or order[place - 1]
    ordered = [step for _, step in sorted(zip(order, steps, strict=True), key=lambda one: one[0])]
    routed = found["routed"]
    tried = f" (before: {', '.join(routed['tried'])})" if routed["tried"] else ""
    multi = f", of submit_multi {found['submit_multi']}" if found["submit_multi"] else ""
    multi += f", part of {found['part_of']}" if found["part_of"] else ""
    lines = [
        f"message {found['id']}{multi}: {found['state']}",
        *folded(
            f"  from {found['source'] or '(no sender)'} to {found['destination']},"
            f" class {found['class']}, {_carriers(found)}{tried}",
            "    ",
        ),
    ]
    if found["joined_from"]:
        lines += folded(f"  joined from {', '.join(found['joined_from'])}", "    ")
    said: set[str] = set()
    for at, name, text in ordered:
        lines += folded(f"  {_clock(at)}  {name:9}  {_once(text, said)}", " " * 38)
    if found["attempts"] > 1:
        last = f", last refusal {found['last_refusal']}" if found["last_refusal"] else ""
        lines += folded(_once(f"  {found['attempts']} attempts{last}", said), " " * 4)
    if found["waits_for"]:
        lines += folded(_once(f"  waits for {found['waits_for']}", said), " " * 12)
    return lines


def _carriers(found: Record) -> str:
    """Where a message went, or the parts of it."""
    if found["joined_in"]:
        return f"joined with other parts in {found['joined_in']}"
    parts = found["parts"]
    names = [one["carrier"] for one in parts] or [found["routed"]["carrier"]]
    named = ", ".join(dict.fromkeys(filter(None, names))) or "(none yet)"
    if not parts:
        return f"carrier {named}"
    return f"in {len(parts)} part{'s' if len(parts) > 1 else ''}, carrier {named}"


def _steps(found: Record) -> list[Step]:
    """(time, name, what happened) of every step that has come."""
    accepted = found["accepted"]
    asked = "asked for" if accepted["registered_delivery"] & 3 else "not asked for"
    origin = f"from {accepted['bind']} sequence {accepted['sequence_number']}"
    steps: list[Step] = [(accepted["at"], "accepted", f"{origin}; receipt {asked}")]
    return [*steps, *_way(found)]


def _way(found: Record) -> list[Step]:
    """The steps between a carrier and the ESME, of a message or one part of it."""
    sent, answered = found["sent"], found["answered"]
    steps: list[Step] = []
    for part in found.get("parts", ()):
        number = f"part {part['part']}: "
        steps += [(at, name, number + text) for at, name, text in _way(part)]
        if part["waits_for"]:
            steps.append((None, "", f"{number}waits for {part['waits_for']}"))
    steps += [(one["at"], "", one["event"]) for one in found["trail"]]
    if sent:
        again = "; possible duplicate" if sent["possible_duplicate"] else ""
        what = f"on {sent['link']} sequence {sent['sequence_number']}, attempt {sent['attempts']}"
        steps.append((sent["at"], "sent", what + again))
    if answered:
        remote = f"; message_id {answered['remote_id']}" if answered["remote_id"] else ""
        steps.append((answered["at"], "answered", answered["status"] + remote))
    receipt = found["receipt"]
    if receipt:
        err = f" err {receipt['err']}" if receipt["err"] else ""
        steps.append((receipt["at"], "receipt", receipt["state"] + err))
    if found["ended"] and not (receipt and receipt["at"]):
        steps.append((found["ended"]["at"], "ended", f"{found['state']}: {found['ended']['why']}"))
    forwarded = found.get("forwarded")
    if forwarded:
        steps.append((forwarded["at"], "forwarded", f"receipt to {forwarded['to']}"))
    return steps


def _once(text: str, said: set[str]) -> str:
    """A text in which what a status means, and what to do about it, is said the first time only."""
    for found in _STATUS.finditer(text):
        words = status_words(int(found[1], 16))
        if words in said:
            text = text.replace(words, found[0])
        elif words in text:
            said.add(words)
    return text


def _clock(at: str | None) -> str:
    return f"{'':23}" if at is None else at[:23].replace("T", " ")
