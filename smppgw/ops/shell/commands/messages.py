"""Messages: the whole life of one, and finding them.

Owns: `explain message` and `find`. Refuses to know: how a life is told (`ops.life_text`), and how
the store is searched (`core.store.search`).
"""

from __future__ import annotations

import re
import sqlite3
from functools import partial
from typing import Any

from attrs import evolve

from smppgw.core.address import normalise
from smppgw.core.command import (
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Document,
    Kind,
    Table,
)
from smppgw.core.figures import moment, plural, when
from smppgw.core.ids import format_id, time_of
from smppgw.core.message import FINAL, Message, State, state_name
from smppgw.core.receipt_ids import canonical
from smppgw.core.relay import Relay
from smppgw.core.status import status_text
from smppgw.core.store.search import (
    ANY,
    LAST,
    Found,
    Search,
    Wanted,
    id_at,
    ids_begun,
    ids_between,
    near,
)
from smppgw.ops.desk import Desk
from smppgw.ops.life import life
from smppgw.ops.life_text import life_text
from smppgw.ops.shell.commands.names import (
    REVEAL,
    account_argument,
    carrier_argument,
    revealed,
    shown_number,
)
from smppgw.ops.shell.commands.times import FORMS, moment_of

USUAL = 50
"""Messages of one answer, unless another number is asked for."""
MOST = 500
_ID = re.compile("0[0-9a-f]{15}")
OFFERED = 20
"""Ids offered as completions."""
MESSAGES = (
    Column("ID", "id", whole=True),
    Column("ACCEPTED", "accepted", shown=when, whole=True),
    Column("FROM", "source", whole=True),
    Column("TO", "destination", whole=True),
    Column("STATE", "state", whole=True),
    Column("ACCOUNT", "account", minor=1),
    Column("CARRIER", "carrier", minor=2),
    Column("ERR", "error", minor=3),
    Column("ID AT CARRIER", "remote_id", minor=4),
)
NARROW = 100
"""Characters of a line below which a time has no year."""
SHORT = Column("ACCEPTED", "accepted", shown=lambda at: when(at)[5:], whole=True)

STATES: dict[str, frozenset[int]] = {
    **{one.name.lower().replace("_", "-"): frozenset((int(one),)) for one in State},
    "pending": frozenset(int(one) for one in State if one not in FINAL),
    "failed": frozenset(map(int, FINAL - {State.DELIVERED, State.ACCEPTED})),
}
"""What `state` takes."""
STATE = Argument(
    "state",
    "a state, pending or failed",
    values=lambda: STATES,
    seen=lambda operator: STATES,
    strict=True,
)

Record = dict[str, Any]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def explain_message(call: Call) -> Document:
        found = life(
            relay.store.engine,
            call.text("id"),
            reveal=revealed(call),
            relay=relay,
            there=call.operator.sees,
        )
        return Document(found, lambda width: life_text(found, width))

    async def find(call: Call) -> Table:
        wanted = wanted_of(call, relay.clock.seconds())
        shown = shown_number(call)
        limit = min(int(call.values.get("limit", USUAL)), MOST)
        if not limit:
            raise CommandError("limit has to be 1 or more", "usage")
        try:
            found = await _found(desk, wanted, limit)
        except sqlite3.Error as error:
            raise CommandError(f"the search failed: {error}", "unavailable") from None
        return _table(found, shown, call)

    return [
        Command(
            ("explain", "message"),
            explain_message,
            "the whole life of one message, and what it waits for",
            (
                Argument(
                    "id",
                    "as its sender got it",
                    positional=True,
                    required=True,
                    begun=partial(_ids, relay),
                ),
                REVEAL,
            ),
            example="explain message 065361fa55400000",
            scoped=True,
        ),
        Command(
            ("find",),
            find,
            "messages by number, account, carrier, state and time, the newest first",
            _narrowing(relay),
            example="find to 33612345678 since 2h",
            scoped=True,
        ),
    ]


def _narrowing(relay: Relay) -> tuple[Argument, ...]:
    """What `find` can be told to look for."""
    return (
        Argument("to", "destination; * stands for anything: 33612*"),
        Argument("from", "sender; * stands for anything"),
        Argument("id", "how its id begins", begun=partial(_ids, relay)),
        Argument("remote", "the id that its carrier gave it"),
        account_argument(relay),
        carrier_argument(relay),
        STATE,
        Argument("since", f"accepted then or later: {FORMS}"),
        Argument("until", "accepted before then, or before the message of this id"),
        Argument("limit", f"how many, {USUAL} unless said, {MOST} at most", Kind.NUMBER),
        REVEAL,
    )


def _ids(relay: Relay, typed: str) -> list[str]:
    """Ids that begin as typed, the newest first."""
    span = ids_begun(typed)
    if span is None:
        return []
    return [format_id(one) for one in ids_between(relay.store.engine, *span, OFFERED)]


async def _found(desk: Desk, wanted: Wanted, limit: int) -> Found:
    """Look at the newest at once, and at what is older in a thread."""
    engine = desk.relay.store.engine
    found = near(engine, wanted, limit)
    if found.done:
        return found
    older = evolve(wanted, last=found.reached - 1)
    left = limit - len(found.messages)
    return found.then(await desk.readings.run(lambda: Search(engine, older), left))


def wanted_of(call: Call, now: float) -> Wanted:
    """What a line asks for; raises CommandError."""
    first, last = 0, LAST
    if call.text("since"):
        first = id_at(moment_of(call.text("since"), now))
    until = call.text("until")
    if until:
        before = int(until, 16) if _ID.fullmatch(until) else id_at(moment_of(until, now))
        last = before - 1
    id = call.text("id").lower()
    if id:
        span = ids_begun(id)
        if span is None:
            raise CommandError(f"{id!r} does not begin any id; remote takes those of carriers")
        first, last = max(first, span[0]), min(last, span[1])
    if first > last:
        raise CommandError("nothing can be between these times", "usage")
    return Wanted(
        source=_address(call.text("from")),
        destination=_address(call.text("to")),
        account=call.text("account"),
        carrier=call.text("carrier"),
        remote_key=canonical(call.text("remote")),
        states=STATES.get(call.text("state"), frozenset()),
        first=first,
        last=last,
        parts=bool(call.text("carrier") or call.text("remote")),
        accounts=call.operator.accounts,
    )


def _address(text: str) -> str:
    """An address as the store has it."""
    return text.lstrip("+") if ANY in text else normalise(text, 0, 0)


def _table(found: Found, shown: Any, call: Call) -> Table:
    rows = [_row(message, shown) for message in found.messages]
    columns = (MESSAGES[0], SHORT, *MESSAGES[2:]) if call.width < NARROW else MESSAGES
    note = _note(found, counted=not call.operator.accounts)
    return Table(columns, rows, empty="no such message", note=note)


def _row(message: Message, shown: Any) -> Record:
    final = message.final
    refused = status_text(message.command_status) if message.command_status else ""
    return {
        "id": format_id(message.id),
        "accepted": moment(time_of(message.id)),
        "source": shown(message.source),
        "destination": shown(message.destination),
        "state": state_name(message.state),
        "account": message.account,
        "carrier": message.carrier,
        "error": message.error or refused.partition(" ")[0],
        "remote_id": message.remote_id,
        "attempts": message.attempts,
        "ended": moment(message.final_at / 1000) if final else None,
        "part_of": format_id(message.part_of) if message.part_of else None,
    }


def _note(found: Found, *, counted: bool) -> str:
    """How far it came; not `counted` for whom messages of others are none of his business."""
    said = [f"looked at {plural(found.rows, 'message')}"] if counted else []
    if found.more:
        said.append(f"there are more: until {format_id(found.messages[-1].id)}")
    elif found.reached:
        reached = when(moment(time_of(found.reached)))
        said.append(f"back to {reached}; older ones: until {format_id(found.reached)}")
    return ", ".join(said)
