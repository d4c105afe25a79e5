"""What a gateway does now in lines: `show status`, and `smppgw status`.

Owns: the words and tables. Refuses to know: where the figures come from (`ops.status`), terminals.
"""

from __future__ import annotations

from typing import Any

from smppgw.core.command import Column
from smppgw.core.figures import duration, octets, when
from smppgw.ops.shell.render import fold, table_lines

Record = dict[str, Any]

LINKS = (
    Column("LINK", "link", whole=True),
    Column("KIND", "kind", whole=True, minor=1),
    Column("STATE", "state", whole=True),
    Column("HOST", "place", minor=3),
    Column("WINDOW", "used", right=True),
    Column("SINCE", "since", whole=True, minor=2),
)
BINDS = (
    Column("BIND", "bind", whole=True),
    Column("KIND", "kind", whole=True, minor=1),
    Column("PEER", "peer", whole=True),
    Column("SUBMITS", "submits", right=True),
    Column("DELIVERIES", "given", right=True),
    Column("RECEIVED", "received", right=True, minor=2),
    Column("SINCE", "since", whole=True, minor=3),
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
ALWAYS = STATES[:2]
"""Columns that are shown even when nothing ever came to them."""
LEDGERS = (("ACCOUNT", "accounts"), ("CARRIER", "carriers"))
NO_MORE_THAN_ACCEPTED = (
    'UNKNOWN also counts messages whose carrier said no more than "accepted": no receipt was asked'
    " for, or it told no outcome."
)


def status_text(found: Record, width: int) -> list[str]:
    """The answer to `status` in lines: trouble first."""
    lines = [
        f"smppgw {found['version']}, process {found['process']}, up {duration(found['uptime_s'])},"
        f" {when(found['time'])} UTC, memory {octets(found['memory']['rss'])}"
    ]
    problems = [line for text in _problems(found) for line in fold(f"  {text}", width, "    ")]
    if problems:
        lines += ["", "problems", *problems]
    lines += ["", *table_lines(LINKS, map(_link, found["links"]), width)]
    for one in found["links"]:
        if one["reason"]:
            lines += fold(f"  {one['link']}: {_again(one)}{one['reason']}", width, "    ")
    lines += [
        "",
        *(
            table_lines(BINDS, map(_bind, found["binds"]), width)
            if found["binds"]
            else ["no binds"]
        ),
    ]
    if found["binds_left_out"]:
        lines.append(f"and {found['binds_left_out']:,} more")
    lines += ["", "last              1 s       10 s       60 s"]
    lines += [
        f"{name:9}{spans['1']:>10,.1f} {spans['10']:>10,.1f} {spans['60']:>10,.1f}  messages/s"
        for name, spans in found["rates"].items()
    ]
    if found["queues"]:
        queues = [{**one, "age": _age(one["oldest_s"])} for one in found["queues"]]
        lines += ["", *table_lines(QUEUES, queues, width)]
    return [
        *lines,
        "",
        *ledger_text(found["ledger"], width),
        "",
        *_receipts(found, width),
        *_store(found["store"], width),
    ]


def _age(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def _problems(found: Record) -> list[str]:
    """What keeps messages from moving, and somebody may want to act on."""
    problems = []
    if found["store"]["trouble"]:
        problems.append(f"store: {found['store']['trouble']}; new messages are refused")
    for one in found["carriers"]:
        if one["held"]:
            why = one["decision"]["said"] if one["decision"] else "held for a moment"
            problems.append(f"carrier {one['carrier']}: {why}, {one['waiting']:,} wait")
        if one["paused_until"]:
            until = when(one["paused_until"])[11:]
            problems.append(
                f"carrier {one['carrier']}: paused until {until}: {one['pause_reason']}"
            )
    if found["ledger"]["balanced"] is False:
        problems.append("ledger: pending and counted differ")
    return problems


def _receipts(found: Record, width: int) -> list[str]:
    receipts, inbox = found["receipts"], found["inbox"]
    lines = [
        f"receipts     {', '.join(f'{count:,} {name}' for name, count in receipts.items())}",
        f"MOs          {', '.join(f'{count:,} {name}' for name, count in inbox.items())}",
    ]
    for one in found["carriers"]:
        lines += fold(
            f"receipt ids  {one['carrier']}: {form_text(one['receipt_ids'])}", width, " " * 13
        )
    for one in found["carriers"]:
        if one["last_refusal"] and not one["paused_until"]:
            lines += fold(f"refusal      {one['carrier']}: {one['last_refusal']}", width, " " * 13)
    return lines


def _store(store: Record, width: int) -> list[str]:
    return fold(
        f"store        {store['commits']:,} commits, {store['behind']:,} rows behind the journal,"
        f" log {octets(store['log'])}, file {octets(store['file'])}",
        width,
        " " * 13,
    )


def form_text(description: str) -> str:
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


def ledger_text(ledger: Record, width: int) -> list[str]:
    """The ledger in lines, and whether it balances."""
    lines = []
    for heading, plural in LEDGERS:
        if ledger[plural]:
            columns = ledger_columns(heading, ledger)
            lines += [*table_lines(columns, ledger[plural], width), ""]
    if any(one["unknown"] for one in (*ledger["accounts"], *ledger["carriers"])):
        lines += fold(NO_MORE_THAN_ACCEPTED, width)
    return [*lines, *fold(verdict(ledger), width, "  ")]


def ledger_columns(heading: str, ledger: Record) -> tuple[Column, ...]:
    """The columns for `ACCOUNT` or `CARRIER`; what nothing ever came to takes no room."""
    rows = ledger[dict(LEDGERS)[heading]]
    figures = (*STATES, MOVED) if heading == "CARRIER" else STATES
    # Two equal columns say no more than one.
    both = (*ledger["accounts"], *ledger["carriers"])
    last = (PENDING, COUNTED) if any(one["balanced"] is False for one in both) else (PENDING,)
    used = [one for one in figures if one in ALWAYS or any(row[one[1]] for row in rows)]
    named = Column(heading, "name")
    return (named, *(Column(title, key, right=True) for title, key in (*used, *last)))


def verdict(ledger: Record) -> str:
    """Whether it balances, in words."""
    if ledger["balanced"] is None:
        return f"the ledger is not proved: {ledger['not_counted']}"
    if ledger["balanced"]:
        age = ledger.get("age_s", 0.0)
        counted = f", counted {duration(age)} ago" if age >= 1.0 else ""
        return (
            f"the ledger balances: what the counters leave pending is what the store holds{counted}"
        )
    return "THE LEDGER DOES NOT BALANCE: pending and counted differ"
