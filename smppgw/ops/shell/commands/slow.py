"""Why is it slow: the limit that binds now at a carrier, a link, an account or a bind.

Owns: `explain slow`, and the same for the screens about one of these.
Refuses to know: how the limit is found, and the words (`ops.explain`).
"""

from __future__ import annotations

from collections.abc import Sequence

from smppgw.core.command import Argument, Call, Command, Document, Page
from smppgw.ops.desk import Desk
from smppgw.ops.explain import (
    Explanation,
    account_limits,
    bind_limits,
    carrier_limits,
    lines,
    link_limits,
    record,
)
from smppgw.ops.shell.commands.names import binds, links, unknown


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""

    def explain_slow(call: Call) -> Document | Page:
        name = call.text("name")
        found = [explained(one) for one in _explanations(desk, name)]
        if not found:
            raise unknown("carrier, account, link or bind", name, _names(desk))
        return found[0] if len(found) == 1 else Page(tuple(("", one) for one in found))

    return [
        Command(
            ("explain", "slow"),
            explain_slow,
            "which limit holds a carrier, link, account or bind now, and what could be",
            (
                Argument(
                    "name",
                    "of a carrier, a link, an account or a bind",
                    positional=True,
                    required=True,
                    values=lambda: _names(desk),
                ),
            ),
            example="explain slow fr-a",
        )
    ]


def explained(*explanations: Explanation) -> Document:
    """Explanations as an answer."""
    found = [record(one) for one in explanations]

    def said(width: int) -> Sequence[str]:
        text: list[str] = []
        for place, one in enumerate(explanations):
            text += [*([""] if place else []), *lines(one, width)]
        return text

    return Document(found[0] if len(found) == 1 else found, said)


def _names(desk: Desk) -> list[str]:
    relay = desk.relay
    return [*relay.carriers, *relay.accounts, *links(relay), *binds(relay)]


def _explanations(desk: Desk, name: str) -> list[Explanation]:
    """Those of everything that has this name."""
    relay = desk.relay
    found: list[Explanation] = []
    if name in relay.carriers:
        found.append(carrier_limits(desk, name))
    if name in relay.accounts:
        found += account_limits(desk, name)
    if name in links(relay):
        found.append(link_limits(desk, name))
    if name in binds(relay):
        found += bind_limits(desk, name)
    return found
