"""Names in commands: of carriers, accounts, links and binds, and what may be shown of numbers.

Owns: the arguments that take a name, with their completion, what has a name, what is said when
nothing has it, and the rule about `reveal`.
Refuses to know: any command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from smppgw.core.account import Account
from smppgw.core.address import mask
from smppgw.core.carrier import Carrier
from smppgw.core.command import Argument, Call, CommandError, Kind, Operator, Role
from smppgw.core.esme import EsmeBind
from smppgw.core.link import Link
from smppgw.core.nearest import nearest
from smppgw.core.relay import Relay

Thing = TypeVar("Thing")
REVEAL = Argument("reveal", "show numbers in full, and texts (role operate)", kind=Kind.FLAG)
MOST_NAMED = 10
"""Names that a refusal lists, at most."""


# ---------------------------------------------------------------------- arguments


def carrier_argument(relay: Relay, *, positional: bool = False) -> Argument:
    """`carrier NAME`: a configured one."""
    return _name("carrier", "name of a carrier", lambda: relay.carriers, positional=positional)


def account_argument(relay: Relay, *, positional: bool = False) -> Argument:
    """`account NAME`: a configured one."""
    return _name(
        "account",
        "system_id of an account",
        lambda: relay.accounts,
        positional=positional,
        seen=lambda operator: operator.accounts,
    )


def link_argument(relay: Relay) -> Argument:
    """`link NAME`: one of a carrier."""
    return _name("link", "name of a link", lambda: links(relay), positional=True)


def bind_argument(relay: Relay) -> Argument:
    """`bind NAME`: one of an account that is bound now."""
    return _name(
        "bind",
        "name of a bind",
        lambda: binds(relay),
        positional=True,
        seen=lambda operator: binds(relay, operator),
    )


def _name(
    name: str,
    help: str,
    values: Callable[[], Iterable[str]],
    *,
    positional: bool,
    seen: Callable[[Operator], Iterable[str]] | None = None,
) -> Argument:
    return Argument(
        name,
        help,
        positional=positional,
        required=positional,
        values=values,
        seen=seen,
        strict=True,
    )


# ---------------------------------------------------------------------- what has a name


def links(relay: Relay) -> dict[str, Link]:
    """Every link by its name."""
    return {link.name: link for one in relay.carriers.values() for link in one.links}


def binds(relay: Relay, operator: Operator | None = None) -> dict[str, EsmeBind]:
    """Every bind by its name, or those that are there for an operator."""
    found = relay.accounts.values() if operator is None else accounts(relay, operator)
    return {bind.name: bind for one in found for bind in one.binds}


def accounts(relay: Relay, operator: Operator) -> list[Account]:
    """The accounts that are there for an operator."""
    return [one for one in relay.accounts.values() if operator.sees(one.name)]


def named(kind: str, name: str, known: Mapping[str, Thing]) -> Thing:
    """What is called `name`; raises CommandError with the nearest name, or those there are."""
    found = known.get(name)
    if found is None:
        raise unknown(kind, name, known)
    return found


def carrier_of(relay: Relay, name: str) -> Carrier:
    """A configured carrier; raises CommandError, also while a reload replaces it."""
    not_leaving(relay, name)
    return named("carrier", name, relay.carriers)


def not_leaving(relay: Relay, name: str) -> None:
    """Raise CommandError while a reload replaces or removes the carrier of this name."""
    if any(one.name == name for one in relay.leaving):
        raise CommandError(f"carrier {name} is just being changed; try again in a moment", "busy")


def account_of(relay: Relay, name: str, operator: Operator) -> Account:
    """A configured account that is there for an operator; raises CommandError."""
    return named("account", name, {one.name: one for one in accounts(relay, operator)})


def unknown(kind: str, name: str, known: Iterable[str]) -> CommandError:
    """There is no such name; says which is near, or which there are."""
    return CommandError(f"there is no {kind} {name!r}; {_instead(name, sorted(known))}", "unknown")


def _instead(name: str, names: list[str]) -> str:
    near = nearest(name, names)
    if near:
        return f"did you mean {near!r}?"
    if not names:
        return "there is none at all"
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"known: {', '.join(names[:MOST_NAMED])}{more}"


# ---------------------------------------------------------------------- numbers


def shown_number(call: Call) -> Callable[[str], str]:
    """What shows an address: masked, or whole with `reveal`; raises CommandError."""
    return str if revealed(call) else mask


def revealed(call: Call) -> bool:
    """Whether `reveal` was given; raises CommandError for a role that may not."""
    if not call.flag(REVEAL.name):
        return False
    if call.operator.role < Role.OPERATE:
        raise CommandError("reveal: only for the role operate", "denied")
    return True
