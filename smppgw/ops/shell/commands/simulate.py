"""A message from a phone made up by an operator: it goes the way of a real one.

Owns: `simulate mo`. Refuses to know: what becomes of an MO (`core.inbox`).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from smppgw.core.account import Account
from smppgw.core.address import LONGEST_ADDRESS, mask
from smppgw.core.carrier import Carrier
from smppgw.core.command import Answer, Argument, Call, Command, CommandError, Fields, Role
from smppgw.core.encoding import Unwritable
from smppgw.core.phone_text import Refused, inject, mo_pdus
from smppgw.core.relay import Relay
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.names import carrier_argument

MOST_PARTS = 20


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def simulate_mo(call: Call) -> Deferred[Answer]:
        source, destination = call.text("from"), call.text("to")
        if max(len(source), len(destination)) > LONGEST_ADDRESS:
            raise CommandError(f"an address has at most {LONGEST_ADDRESS} characters", "usage")
        carrier = _carrier(relay, call.text("carrier"), destination)
        try:
            pdus = mo_pdus(source, destination, call.text("text"), carrier.settings)
        except Unwritable as fault:
            raise CommandError(str(fault)) from None
        if len(pdus) > MOST_PARTS:
            raise CommandError(f"{len(pdus)} parts are needed; at most {MOST_PARTS} are made up")
        account, reason = relay.inbox.recipient(carrier.name, pdus[0])
        number = relay.inbox.featured.number(carrier.name, pdus[0])
        profile = "" if number is None else number.profile
        kept = inject(carrier, pdus)
        kept.addErrback(_refused)
        return kept.addCallback(
            lambda _: _answer(carrier, account, reason, profile, source, destination, len(pdus))
        )

    return [
        Command(
            ("simulate", "mo"),
            simulate_mo,
            "take a message as if a phone had sent it, durably, and say who gets it",
            (
                Argument("from", "the phone", positional=True, required=True),
                Argument(
                    "to",
                    "the number it writes to",
                    positional=True,
                    required=True,
                    values=lambda: [one.address for one in relay.inbox.numbers],
                ),
                Argument("text", "in quotes", positional=True, required=True),
                carrier_argument(relay),
            ),
            role=Role.OPERATE,
            example='simulate mo 33612345678 38100 "STOP"',
        )
    ]


def _carrier(relay: Relay, name: str, destination: str) -> Carrier:
    """The carrier it comes from: the one named, that of the number, or the only one."""
    if name:
        return relay.carriers[name]
    named = [one.carrier for one in relay.inbox.numbers if one.address == destination]
    for one in named:
        if one in relay.carriers:
            return relay.carriers[one]
    if len(relay.carriers) == 1 or (named and relay.carriers):
        return next(iter(relay.carriers.values()))
    raise CommandError("say which carrier it comes from: carrier NAME", "usage")


def _refused(failure: Any) -> None:
    failure.trap(Refused)
    raise CommandError(failure.getErrorMessage(), "unavailable")


def _answer(
    carrier: Carrier,
    account: Account | None,
    reason: str,
    profile: str,
    source: str,
    destination: str,
    parts: int,
) -> Fields:
    if account is None:
        what = f"unrouted: {reason}; show unrouted has it"
    elif account.receiving:
        what = f"account {account.name}, which is bound"
    else:
        what = f"account {account.name}, which has no bind that receives: {account.spooled:,} wait"
    if profile:
        what = f"{profile}; what it leaves: {what}"
    return Fields(
        (
            ("from", mask(source)),
            ("to", destination),
            ("came from", f"carrier {carrier.name}" + (f", in {parts} parts" if parts > 1 else "")),
            ("kept", "on disk"),
            ("goes to", what),
        ),
        {
            "from": mask(source),
            "to": destination,
            "carrier": carrier.name,
            "parts": parts,
            "profile": profile,
            "account": None if account is None else account.name,
            "unrouted": reason if account is None else "",
            "receiving": account is not None and account.receiving,
        },
    )
