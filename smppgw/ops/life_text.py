"""The whole life of a message in lines: `explain message`, and `smppgw message`.

Owns: the words. Refuses to know: where the data comes from (`ops.life`), and terminals.
"""

from __future__ import annotations

import re
from typing import Any

from smppgw.core.status import status_text as status_words
from smppgw.ops.shell.render import fold

Record = dict[str, Any]
Step = tuple[str | None, str, str]
"""When (ISO 8601, or None), its name, what happened."""

_STATUS = re.compile(r"ESME_\w+ \(0x([0-9A-F]+)\)")


def life_text(found: Record, width: int) -> list[str]:
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
        *fold(
            f"  from {found['source'] or '(no sender)'} to {found['destination']},"
            f" class {found['class']}, {_carriers(found)}{tried}",
            width,
            "    ",
        ),
    ]
    if found["joined_from"]:
        lines += fold(f"  joined from {', '.join(found['joined_from'])}", width, "    ")
    said: set[str] = set()
    for at, name, text in ordered:
        lines += fold(f"  {_clock(at)}  {name:9}  {_once(text, said)}", width, " " * 38)
    if found["attempts"] > 1:
        last = f", last refusal {found['last_refusal']}" if found["last_refusal"] else ""
        lines += fold(_once(f"  {found['attempts']} attempts{last}", said), width, " " * 4)
    if found["waits_for"]:
        lines += fold(_once(f"  waits for {found['waits_for']}", said), width, " " * 12)
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
