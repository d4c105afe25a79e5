"""Connections: the links to carriers and the binds of accounts.

Owns: `show links`, `show link`, `show binds` and `show bind`.
Refuses to know: where the figures come from (`ops.status`).
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from smppgw.core.command import Call, Column, Command, Fields, Page, Table
from smppgw.core.figures import plural, when
from smppgw.ops.desk import Desk
from smppgw.ops.explain import bind_limits, link_limits
from smppgw.ops.shell.commands.names import (
    account_argument,
    accounts,
    bind_argument,
    binds,
    carrier_argument,
    link_argument,
    links,
    named,
)
from smppgw.ops.shell.commands.slow import explained
from smppgw.ops.status import bind_record, link_record

MOST = 500
"""Rows of one answer."""
LINKS = (
    Column("LINK", "link", whole=True),
    Column("KIND", "kind", whole=True, minor=1),
    Column("STATE", "state", whole=True),
    Column("HOST", "host", minor=3),
    Column("PORT", "port", right=True, minor=3),
    Column("USED", "in_flight", right=True),
    Column("WINDOW", "window", right=True),
    Column("SINCE", "since", shown=when, whole=True, minor=2),
)
BINDS = (
    Column("BIND", "bind", whole=True),
    Column("KIND", "kind", whole=True, minor=2),
    Column("PEER", "peer", whole=True),
    Column("SUBMITS", "unanswered", right=True),
    Column("OF", "window", right=True, minor=1),
    Column("DELIVERIES", "deliveries", right=True),
    Column("OF", "delivery_window", right=True, minor=1),
    Column("RECEIVED", "received", right=True, minor=4),
    Column("SINCE", "since", shown=when, whole=True, minor=3),
)

Record = dict[str, Any]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def show_links(call: Call) -> Table:
        carrier = call.text("carrier")
        found = [one for one in links(relay).values() if carrier in ("", one.carrier.name)]
        return links_table([link_record(link) for link in found])

    def show_link(call: Call) -> Page:
        record = link_record(links(relay)[call.text("link")])
        limit = explained(link_limits(desk, record["link"]))
        return Page((("", Fields(_link_words(record), record)), ("limit", limit)))

    def show_binds(call: Call) -> Table:
        account = call.text("account")
        found = [one for one in accounts(relay, call.operator) if account in ("", one.name)]
        bound = [bind for one in found for bind in one.binds]
        return binds_table([bind_record(bind) for bind in islice(bound, MOST)], len(bound))

    def show_bind(call: Call) -> Page:
        record = bind_record(named("bind", call.text("bind"), binds(relay, call.operator)))
        limit = explained(*bind_limits(desk, record["bind"]))
        return Page((("", Fields(_bind_words(record), record)), ("limit", limit)))

    return [
        Command(
            ("show", "links"),
            show_links,
            "the links to carriers and what each is doing",
            (carrier_argument(relay),),
        ),
        Command(("show", "link"), show_link, "one link to a carrier", (link_argument(relay),)),
        Command(
            ("show", "binds"),
            show_binds,
            "the binds of accounts and what each is doing",
            (account_argument(relay),),
            scoped=True,
        ),
        Command(
            ("show", "bind"),
            show_bind,
            "one bind of an account",
            (bind_argument(relay),),
            scoped=True,
        ),
    ]


def links_table(records: list[Record]) -> Table:
    """Links, with what is wrong with each below."""
    wrong = [f"{one['link']}: {_again(one)}{one['reason']}" for one in records if one["reason"]]
    return Table(LINKS, records[:MOST], empty="no links", note=_lines(wrong, len(records)))


def binds_table(records: list[Record], total: int) -> Table:
    """Binds of accounts; `total` is how many there are."""
    return Table(BINDS, records, empty="nobody is bound", note=_lines([], total))


def _lines(said: list[str], total: int) -> str:
    more = [f"and {total - MOST:,} more"] if total > MOST else []
    return "\n".join([*said[:MOST], *more])


def _again(one: Record) -> str:
    return f"again {when(one['next_attempt'])[11:]}: " if one["next_attempt"] else ""


def _link_words(one: Record) -> tuple[tuple[str, str], ...]:
    return (
        ("link", f"{one['link']}, {one['kind']} of carrier {one['carrier']}"),
        ("state", one["state"] + (f": {one['reason']}" if one["reason"] else "")),
        ("since", when(one["since"])),
        ("next attempt", when(one["next_attempt"])),
        ("connected to" if one["since"] else "last tried", _place(one)),
        ("window", _window(one) if one["window"] else ""),
    )


def _window(one: Record) -> str:
    learned = ", learned: ESME_RMSGQFUL came with more unanswered" if one["learned"] else ""
    return f"{one['in_flight']} of {one['window']} in use{learned}"


def _place(one: Record) -> str:
    return f"{one['host']}:{one['port']}" if one["host"] else ""


def _bind_words(one: Record) -> tuple[tuple[str, str], ...]:
    return (
        ("bind", f"{one['bind']}, {one['kind']} of account {one['account']}"),
        ("peer", one["peer"]),
        ("since", when(one["since"])),
        ("submits", f"{one['unanswered']} of {one['window']} unanswered"),
        ("deliveries", f"{one['deliveries']} of {one['delivery_window']} unanswered"),
        ("received", plural(one["received"], "request")),
    )
