"""One message from a phone, as data and in lines: `explain mo`.

Owns: its words. Numbers are masked and its text is left out unless asked for.
Refuses to know: how it is kept (`core.mo_kept`), and commands.
"""

from __future__ import annotations

from typing import Any

from smppgw.core import mo_kept
from smppgw.core.address import mask
from smppgw.core.command import CommandError
from smppgw.core.figures import moment
from smppgw.core.ids import format_id, parse_id, time_of
from smppgw.core.message import state_name
from smppgw.core.mo_kept import Kept
from smppgw.core.relay import Relay
from smppgw.ops.shell.render import fold

LATER = "SELECT at, event FROM trail WHERE message = ? ORDER BY id"

Record = dict[str, Any]


def mo_life(relay: Relay, id: str, *, reveal: bool = False) -> Record:
    """What is known of a message from a phone; raises CommandError for an unknown id."""
    engine, number = relay.store.engine, parse_id(id)
    kept = None if number is None else mo_kept.read(engine, number)
    if kept is None:
        raise CommandError(
            f"no message from a phone to a feature has the id {id!r} (or it is older than the"
            " retention); show mos lists them",
            "unknown",
        )
    found: Record = {
        **row_of(kept, reveal=reveal),
        "data_coding": kept.data_coding,
        "esm_class": kept.esm_class,
        "missing": kept.missing,
        "octets": None if kept.octets is None else len(kept.octets),
        "later": [
            {"at": moment(at / 1000), "event": event}
            for at, event in engine.select(LATER, (kept.id,))
        ],
        "answers": [_answer(relay, one) for one in kept.answers],
    }
    if reveal and kept.octets is not None:
        found["raw"] = kept.octets.hex()
        found["text"] = kept.text(relay.inbox.data_codings(kept.carrier))
    return found


def row_of(kept: Kept, *, reveal: bool) -> Record:
    """One of many."""
    show = str if reveal else mask
    return {
        "id": format_id(kept.id),
        "came": moment(time_of(kept.id)),
        "origin": kept.origin,
        "source": show(kept.source),
        "destination": kept.destination,
        "did": list(kept.did),
    }


def _answer(relay: Relay, number: int) -> Record:
    message = relay.store.engine.message(number)
    state = None if message is None else state_name(message.state)
    return {"id": format_id(number), "state": state}


def mo_text(found: Record, width: int) -> list[str]:
    """The answer to `explain mo` in lines."""
    lines = [
        f"MO {found['id']} from {found['source']} to {found['destination']}",
        *fold(f"  came {found['came']} on {found['origin']}", width, "    "),
        *fold(f"  {_size(found)}", width, "    "),
    ]
    if "raw" in found:
        lines += fold(f"  raw {found['raw'] or '(none)'}", width, "    ")
        lines += fold(f"  text {found['text']!r}", width, "    ")
    for one in found["did"]:
        lines += fold(f"  {one}", width, "    ")
    for one in found["later"]:
        lines += fold(f"  {one['at']} {one['event']}", width, "    ")
    for one in found["answers"]:
        lines.append(f"  answered by message {one['id']}: {one['state'] or '(not kept any more)'}")
    if not found["answers"]:
        lines.append("  no answer")
    return lines


def _size(found: Record) -> str:
    if found["octets"] is None:
        return "its octets are not kept: there is a secret in it"
    coding = f"data_coding 0x{found['data_coding']:02X}, esm_class 0x{found['esm_class']:02X}"
    missing = f", {found['missing']} parts missing" if found["missing"] else ""
    return f"{found['octets']} octets, {coding}{missing}"
