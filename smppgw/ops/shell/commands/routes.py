"""Where messages go: routes, numbers, and what a route would do now.

Owns: `show routes`, `show numbers` and `route test`.
Refuses to know: how a route is chosen (`core.router`).
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from smppgw.core.address import check_destination, check_source, normalise
from smppgw.core.command import Argument, Call, Column, Command, Document, Table
from smppgw.core.relay import Relay
from smppgw.core.router import Match
from smppgw.core.settings import NumberSettings
from smppgw.core.status import status_text
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.accounts import account_state
from smppgw.ops.shell.commands.carriers import carrier_state
from smppgw.ops.shell.render import fold

MOST = 500
"""Rows of one answer."""


def groups_text(groups: Any) -> str:
    """Groups of carriers: `a, then b + c`: b and c share the load."""
    return ", then ".join(" + ".join(group) for group in groups) or "(none)"


ROUTES = (
    Column("PREFIX", "prefix", whole=True, shown=lambda prefix: prefix or "(all others)"),
    Column("CARRIERS", "carriers", shown=groups_text),
    Column("NOW", "now", whole=True),
)
NUMBERS = (
    Column("NUMBER", "address", whole=True),
    Column("CARRIER", "carrier", shown=lambda name: name or "(any)"),
    Column("PROFILE", "profile", shown=lambda name: "-" if name == "none" else name),
    Column("ACCOUNT", "account"),
    Column("STATE", "state", whole=True),
    Column("WAITING", "waiting", right=True),
)

Record = dict[str, Any]
Step = tuple[str, str]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def show_routes(call: Call) -> Table:
        found = relay.router.table(call.text("prefix"), MOST + 1)
        rows = [_route(relay, one) for one in found[:MOST]]
        note = f"of {len(relay.router):,} routes; a prefix shows others" if found[MOST:] else ""
        return Table(ROUTES, rows, empty="no routes", note=note)

    def show_numbers(call: Call) -> Table:
        beginning = call.text("number")
        found = [one for one in relay.inbox.numbers if one.address.startswith(beginning)]
        rows = [_number(relay, one) for one in islice(found, MOST)]
        note = f"and {len(found) - MOST:,} more" if len(found) > MOST else ""
        return Table(NUMBERS, rows, empty="no numbers", note=note)

    def route_test(call: Call) -> Document:
        record = routed(relay, call.text("from"), call.text("to"))
        steps: list[Step] = record.pop("steps")
        return Document(record, lambda width: _lines(steps, width))

    beginning = Argument("prefix", "only those that begin so", positional=True)
    return [
        Command(("show", "routes"), show_routes, "which carriers serve which prefix", (beginning,)),
        Command(
            ("show", "numbers"),
            show_numbers,
            "the numbers that are ours, and who gets what phones send there",
            (Argument("number", "only those that begin so", positional=True),),
        ),
        Command(
            ("route", "test"),
            route_test,
            "where a message would go now, and why; nothing is sent",
            (
                Argument("from", "its sender", positional=True, required=True),
                Argument("to", "its destination", positional=True, required=True),
            ),
            example="route test 38100 33612345678",
        ),
    ]


def _route(relay: Relay, match: Match) -> Record:
    names = [name for group in match.groups for name in group]
    chosen = next((name for name in names if relay.usable(name)), None)
    held = f"held for {names[0]}" if names else "refused"
    return {
        "prefix": match.prefix,
        "carriers": [list(group) for group in match.groups],
        "goes_to": chosen,
        "now": chosen or held,
    }


def _number(relay: Relay, number: NumberSettings) -> Record:
    account = relay.accounts.get(number.account)
    if not number.account:
        state = "no owner: unrouted" if number.profile == "none" else "no owner"
    elif account is None:
        state = "no such account: unrouted"
    else:
        state = account_state(account, relay.clock.seconds())
    return {
        "address": number.address,
        "carrier": number.carrier,
        "account": number.account,
        "profile": number.profile,
        "state": state,
        "waiting": 0 if account is None else account.spooled,
    }


def routed(relay: Relay, source: str, destination: str) -> Record:
    """What a message from `source` to `destination` would meet now; `steps` say it in words.

    Nobody loses a turn.
    """
    key = normalise(destination, 0, 0)
    steps: list[Step] = [("to", key if key == destination else f"{destination}, as {key}")]
    record: Record = {"from": source, "to": key, "prefix": None, "groups": [], "goes_to": None}
    record |= {"held_for": None, "refused": "", "steps": steps}
    status = check_destination(destination, 0) or check_source(source, 0)
    match = None if status else relay.router.match(key)
    if status:
        record["refused"] = status_text(status)
    elif match is None:
        steps.append(("route", f"none of {len(relay.router):,} fits, and none is for the rest"))
        record["refused"] = status_text(0x0B)
    else:
        _matched(relay, match, record, steps)
    if record["refused"]:
        steps.append(("refused", f"the sender gets {record['refused']}"))
    return record


def _matched(relay: Relay, match: Match, record: Record, steps: list[Step]) -> None:
    prefix = f"prefix {match.prefix}" if match.prefix else "the empty prefix, for all others"
    steps.append(("route", f"{prefix}; the longest match of {len(relay.router):,} routes"))
    record["prefix"] = match.prefix
    chosen = ""
    for number, group in enumerate(match.groups, 1):
        states = [_carrier(relay, name) for name in group]
        record["groups"].append(states)
        ready = [one["carrier"] for one in states if one["usable"]]
        words = ", ".join(one["words"] for one in states)
        turn = f"; they share the load, next is {ready[0]}" if len(ready) > 1 else ""
        steps.append((f"group {number}", words + turn))
        chosen = chosen or (ready[0] if ready else "")
    names = [name for group in match.groups for name in group]
    if chosen:
        record["goes_to"] = chosen
        waiting = relay.carriers[chosen].waiting
        behind = f", behind {waiting:,} that wait there" if waiting else ""
        steps.append(("goes to", chosen + behind))
    elif names:
        record["held_for"] = names[0]
        steps.append(("held for", f"{names[0]}: no carrier of the route is usable"))
    else:
        record["refused"] = status_text(0x0B)


def _carrier(relay: Relay, name: str) -> Record:
    carrier = relay.carriers.get(name)
    if carrier is None:
        return {"carrier": name, "usable": False, "words": f"{name} (not configured)"}
    state, why = carrier_state(carrier, relay)
    return {
        "carrier": name,
        "usable": carrier.usable,
        "words": f"{name} ({state}{': ' if why else ''}{why})",
    }


def _lines(steps: list[Step], width: int) -> list[str]:
    room = max(len(label) for label, _ in steps) + 2
    return [
        line for label, words in steps for line in fold(f"{label:{room}}{words}", width, " " * room)
    ]
