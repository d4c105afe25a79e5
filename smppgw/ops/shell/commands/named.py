"""Things found by the name that an operator typed: carriers, accounts, links, binds.

Owns: what is said when there is none of that name. Refuses to know: commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from smppgw.core.account import Account
from smppgw.core.carrier import Carrier
from smppgw.core.command import CommandError
from smppgw.core.esme import EsmeBind
from smppgw.core.link import Link
from smppgw.core.relay import Relay

Thing = TypeVar("Thing")
SHOWN = 10
"""Names that a refusal lists, at most."""


def named(kind: str, name: str, known: Mapping[str, Thing]) -> Thing:
    """What is called `name`; raises CommandError with the nearest name, or those there are."""
    found = known.get(name)
    if found is None:
        raise CommandError(f"there is no {kind} {name!r}{_instead(name, known)}", "unknown")
    return found


def carrier_of(relay: Relay, name: str) -> Carrier:
    """A configured carrier; raises CommandError, also while a reload replaces it."""
    not_leaving(relay, name)
    return named("carrier", name, relay.carriers)


def not_leaving(relay: Relay, name: str) -> None:
    """Raise CommandError while a reload replaces or removes the carrier of this name."""
    if any(one.name == name for one in relay.leaving):
        raise CommandError(f"carrier {name} is just being changed; try again in a moment", "busy")


def account_of(relay: Relay, name: str) -> Account:
    """A configured account; raises CommandError."""
    return named("account", name, relay.accounts)


def links_of(relay: Relay) -> dict[str, Link]:
    """Every link by its name."""
    return {link.name: link for one in relay.carriers.values() for link in one.links}


def binds_of(relay: Relay) -> dict[str, EsmeBind]:
    """Every bind by its name."""
    return {bind.name: bind for one in relay.accounts.values() for bind in one.binds}


def _instead(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not names:
        return "; there is none at all"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; there is {', '.join(names[:SHOWN])}{more}"
