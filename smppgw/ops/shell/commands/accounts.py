"""Accounts: what each does, and which of its settings are in force.

Owns: `show accounts` and `show account`. Refuses to know: binds (`links`), how settings read.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from smppgw.core.account import Account
from smppgw.core.command import Call, Column, Command, Fields, Page, Table
from smppgw.core.figures import moment, plural, when
from smppgw.core.relay import Relay
from smppgw.core.standing import DRAIN, DRAINED, HOLD
from smppgw.core.status import status_text
from smppgw.ops.desk import Desk
from smppgw.ops.explain import account_limits
from smppgw.ops.shell.commands.links import MOST, binds_table
from smppgw.ops.shell.commands.names import account_argument, account_of, accounts
from smppgw.ops.shell.commands.settings import ALL, settings_table
from smppgw.ops.shell.commands.slow import explained
from smppgw.ops.status import account_record, bind_record

ACCOUNTS = (
    Column("ACCOUNT", "account", whole=True),
    Column("STATE", "state", whole=True),
    Column("BINDS", "binds", right=True),
    Column("OF", "most_binds", right=True, minor=2),
    Column("QUEUED", "queued", right=True),
    Column("DELIVERIES", "deliveries", right=True),
    Column("ACCEPTED", "accepted", right=True, minor=1),
    Column("REFUSED", "refused", right=True, minor=1),
    Column("THROTTLED", "throttled", right=True, minor=3),
)

DECIDED = {HOLD: "held", DRAIN: "draining", DRAINED: "drained"}

Record = dict[str, Any]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def show_accounts(call: Call) -> Table:
        found = [one for one in accounts(relay, call.operator) if not one.own]
        rows = [_row(one, relay) for one in found[:MOST]]
        left = len(found) - len(rows)
        note = f"and {left:,} more" if left else ""
        return Table(ACCOUNTS, rows, empty="no accounts", note=note)

    def show_account(call: Call) -> Page:
        account = account_of(relay, call.text("account"), call.operator)
        row = _row(account, relay)
        numbers = [one.address for one in relay.inbox.numbers if one.account == account.name]
        row["numbers"] = numbers[:MOST]
        binds = [bind_record(bind) for bind in islice(account.binds, MOST)]
        return Page(
            (
                ("", Fields(_words(row), row)),
                ("limit", explained(*account_limits(desk, account.name))),
                ("binds", binds_table(binds, len(account.binds))),
                ("settings", settings_table(account.settings, {}, everything=call.flag("all"))),
            )
        )

    return [
        Command(
            ("show", "accounts"),
            show_accounts,
            "the accounts and what each is doing",
            scoped=True,
        ),
        Command(
            ("show", "account"),
            show_account,
            "one account: its binds, and which settings are in force and why",
            (account_argument(relay, positional=True), ALL),
            scoped=True,
        ),
    ]


def account_state(account: Account, now: float) -> str:
    """What an account does now, in a word."""
    if not account.settings.enabled:
        return "disabled"
    if account.decision is not None:
        return DECIDED[account.decision.what]
    if not account.binds:
        return "away"
    if account.paused_until > now:
        return "refusing"
    return "bound" if account.receiving else "sends only"


def _row(account: Account, relay: Relay) -> Record:
    now = relay.clock.seconds()
    measures = account.measures
    paused = account.paused_until > now
    return {
        **account_record(account),
        "state": account_state(account, now),
        "why": "" if account.decision is None else account.decision.origin,
        "accepted": measures.accepted,
        "refused": measures.refused,
        "throttled": measures.throttled,
        "paused_until": moment(account.paused_until) if paused else None,
        "last_delivery_refusal": account.last_refusal,
    }


def _words(row: Record) -> tuple[tuple[str, str], ...]:
    refusal = row["last_delivery_refusal"]
    numbers = ", ".join(row["numbers"][:20]) + (" and more" if len(row["numbers"]) > 20 else "")
    return (
        ("account", row["account"]),
        ("state", row["state"] + (f": {row['why']}" if row["why"] else "")),
        ("binds", f"{row['binds']:,} of {row['most_binds']:,}"),
        ("queued", f"{plural(row['queued'], 'message')} that no carrier has taken yet"),
        ("deliveries", f"{row['deliveries']:,} (MOs and receipts) wait for it or are unanswered"),
        ("refuses until", when(row["paused_until"])),
        ("last refusal", f"of a deliver_sm: {status_text(refusal)}" if refusal else ""),
        (
            "since start",
            f"{row['accepted']:,} accepted, {row['refused']:,} refused, {row['throttled']:,} of"
            " them throttled",
        ),
        ("numbers", numbers),
    )
