"""The whole life of one message, as data: the answer to `message`.

Owns: its steps, in words, and what it waits for now. Numbers are masked unless asked for; the text
of a message never appears.
Refuses to know: how it is shown.

It reads the store alone, so it works without a running gateway; what only the gateway knows (why a
queue stands still) is added when there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smppgw.core.account_settings import Priority
from smppgw.core.address import mask
from smppgw.core.carrier import Carrier
from smppgw.core.command import CommandError
from smppgw.core.figures import moment
from smppgw.core.gathering import joined_into
from smppgw.core.ids import format_id, parse_id, time_of
from smppgw.core.message import Message, State, state_name
from smppgw.core.parts import parts_of
from smppgw.core.registered_delivery import wants_receipt
from smppgw.core.relay import Relay
from smppgw.core.standing import CARRIER, DRAIN
from smppgw.core.status import status_text
from smppgw.core.store.engine import Engine
from smppgw.ops.desk import Desk
from smppgw.ops.status import Record


def message(desk: Desk, arguments: Mapping[str, Any]) -> Record:
    """`{"id": ..., "reveal": false}` -> its life; raises CommandError for an unknown id."""
    return life(
        desk.relay.store.engine,
        str(arguments.get("id", "")),
        reveal=arguments.get("reveal") is True,
        relay=desk.relay,
    )


def life(
    engine: Engine,
    id: str,
    *,
    reveal: bool = False,
    relay: Relay | None = None,
    there: Callable[[str], bool] = lambda account: True,
) -> Record:
    """Everything known of a message; a step that has not come is null.

    Raises CommandError when no message has this id, or when its account is not `there`.
    """
    number = parse_id(id)
    found = None if number is None else engine.message(number)
    if found is None or not there(found.account):
        raise CommandError(f"no message has the id {id!r} (or it is older than the retention)")
    show = str if reveal else mask
    bind, _, sequence = found.origin.rpartition(" sequence ")
    return {
        "id": format_id(found.id),
        "submit_multi": format_id(found.multi) if found.multi else None,
        "source": show(found.source),
        "destination": show(found.destination),
        "class": Priority(found.priority).name.lower(),
        "state": state_name(found.state),
        "accepted": {
            "at": moment(time_of(found.id)),
            "account": found.account,
            "bind": bind or found.origin,
            "sequence_number": int(sequence) if sequence.isdecimal() else None,
            "expires": _at(found.expires),
            "due": _at(found.due),
            "registered_delivery": found.registered_delivery,
        },
        "attempts": found.attempts,
        "last_refusal": status_text(found.command_status) if found.command_status else None,
        "routed": {"carrier": found.carrier, "tried": found.tried.split()},
        "sent": _sent(found),
        "answered": _answered(found),
        "receipt": _receipt(found),
        "ended": _ended(found),
        "forwarded": _forwarded(found),
        "waits_for": _waits_for(found, relay),
        "trail": _trail(engine, found),
        "part_of": format_id(found.part_of) if found.part_of else None,
        "parts": [_part(engine, one, relay) for one in parts_of(engine, found)],
        "joined_in": format_id(found.joined) if _joined_in_another(found) else None,
        "joined_from": _joined_from(engine, found),
    }


def _part(engine: Engine, part: Message, relay: Relay | None) -> Record:
    """What became of one of the messages in which a long text travels."""
    return {
        "part": part.part,
        "id": format_id(part.id),
        "state": state_name(part.state),
        "carrier": part.carrier,
        "attempts": part.attempts,
        "sent": _sent(part),
        "answered": _answered(part),
        "receipt": _receipt(part),
        "ended": _ended(part),
        "waits_for": _waits_for(part, relay),
        "trail": _trail(engine, part),
    }


def _joined_in_another(found: Message) -> bool:
    """Whether another message took along the text of which this one brought a part."""
    return found.joined not in (0, found.id)


def _joined_from(engine: Engine, found: Message) -> list[str]:
    """The ids of the other messages whose parts this one took along, in the order they came."""
    return [format_id(one.id) for one in joined_into(engine, found) if one.id != found.id]


def _trail(engine: Engine, found: Message) -> list[Record]:
    rows = engine.select("SELECT at, event FROM trail WHERE message = ? ORDER BY id", (found.id,))
    return [{"at": _at(at), "event": event} for at, event in rows]


def _at(milliseconds: int) -> str | None:
    return moment(milliseconds / 1000)


def _said(seconds: float) -> str:
    """Epoch seconds in a sentence: `2026-01-31 12:00:00.000`, UTC."""
    return (moment(seconds) or "")[:23].replace("T", " ")


def _sent(found: Message) -> Record | None:
    if not found.sent_at:
        return None
    return {
        "at": _at(found.sent_at),
        "link": found.link,
        "sequence_number": found.sequence_number,
        "attempts": found.attempts,
        "possible_duplicate": bool(found.duplicate),
    }


def _answered(found: Message) -> Record | None:
    if not found.answered_at:
        return None
    return {
        "at": _at(found.answered_at),
        "status": status_text(found.command_status),
        "remote_id": found.remote_id,
    }


def _by_receipt(found: Message) -> bool:
    """Whether a receipt of the carrier gave the message its final state."""
    if found.parts or found.joined:
        return False
    unasked = found.state == State.ACCEPTED and not found.error
    refused = found.command_status != 0
    return found.final and not unasked and not refused and " " not in found.error


def _receipt(found: Message) -> Record | None:
    if _by_receipt(found):
        return {
            "at": _at(found.final_at),
            "state": state_name(found.state),
            "err": found.error,
        }
    if found.reported:
        return {"at": None, "state": state_name(found.reported), "err": ""}
    return None


def _ended(found: Message) -> Record | None:
    if not found.final:
        return None
    if found.parts:
        decided = f"part {found.worst_part} of {found.parts} decided"
        why = "all parts delivered" if found.state == State.DELIVERED else decided
    elif _joined_in_another(found):
        why = f"joined in message {format_id(found.joined)}"
    elif _by_receipt(found):
        why = "by the receipt of the carrier"
    elif found.command_status and " " not in found.error:
        name = status_text(found.command_status).partition(":")[0]
        why = f"refused by the carrier: {name}"
    else:
        why = found.error or "accepted by the carrier; no receipt was asked for"
    return {"at": _at(found.final_at), "state": state_name(found.state), "why": why}


def _forwarded(found: Message) -> Record | None:
    if not found.receipt_to:
        return None
    return {"at": _at(found.receipt_at), "to": found.receipt_to}


def _waits_for(found: Message, relay: Relay | None) -> str | None:
    """What has to happen next, and what it hangs on; None when nothing has to."""
    if found.final:
        asked = wants_receipt(found.registered_delivery, found.state)
        if found.part_of or found.receipt_to or not asked:
            return None
        return f"account {found.account} to take the receipt{_account_state(found, relay)}"
    if _joined_in_another(found):
        return f"message {format_id(found.joined)}, which takes its text along"
    waits = {
        State.DEFERRED: f"its time, {_said(found.due / 1000)}",
        State.IN_FLIGHT: f"the answer of {found.carrier} on {found.link}",
        State.SENT: f"the receipt of {found.carrier}",
        State.GATHERING: "the other parts of its text",
        State.IN_PARTS: f"{found.parts - found.parts_ended} of its {found.parts} parts",
    }.get(State(found.state))
    return waits or f"its turn at {found.carrier or 'a carrier'}{_carrier_state(found, relay)}"


def _account_state(found: Message, relay: Relay | None) -> str:
    if relay is None:
        return ": the gateway does not run"
    account = relay.accounts.get(found.account)
    if account is None:
        return ": it is not configured any more"
    if account.decision is not None and account.decision.what != DRAIN:
        return f": the account is {account.decision}"
    if not account.receiving:
        return ": it has no bind that receives"
    if account.paused_until > relay.clock.seconds():
        return f": it refused one, again at {_said(account.paused_until)}"
    return f": {account.spooled} wait for it or are unanswered"


def _carrier_state(found: Message, relay: Relay | None) -> str:
    if relay is None:
        return ": the gateway does not run"
    carrier = relay.carriers.get(found.carrier)
    if carrier is None:
        return ": the carrier is not configured any more"
    if carrier.held:
        decision = relay.standing.of(CARRIER, carrier.name)
        return f": it is {decision or 'held for a moment'}"
    if not carrier.usable:
        return f": {_no_link(carrier)}"
    refusals = carrier.refusals
    if refusals.paused_until > relay.clock.seconds():
        return f": paused until {_said(refusals.paused_until)} ({refusals.pause_reason})"
    return f": {carrier.waiting} wait there, window {carrier.in_flight} of {carrier.window} in use"


def _no_link(carrier: Carrier) -> str:
    if not carrier.settings.enabled:
        return "it is disabled"
    for link in carrier.links:
        if link.trouble:
            again = f", next attempt {_said(link.next_attempt)}" if link.next_attempt else ""
            return f"no link sends; {link.name} is {link.shown} ({link.trouble}){again}"
    return "no link sends yet"
