"""Names in commands: of carriers, accounts, links and binds, and what may be shown of numbers.

Owns: the arguments that take a name, with their completion, and the rule about `reveal`.
Refuses to know: any command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches

from smppgw.core.address import mask
from smppgw.core.command import Argument, Call, CommandError, Kind, Role
from smppgw.core.esme import EsmeBind
from smppgw.core.link import Link
from smppgw.core.relay import Relay

REVEAL = Argument("reveal", "show numbers in full, and texts (role operate)", kind=Kind.FLAG)
MOST_NEAR = 3


def carrier_argument(relay: Relay, *, positional: bool = False) -> Argument:
    """`carrier NAME`: a configured one."""
    return _name("carrier", "name of a carrier", lambda: relay.carriers, positional=positional)


def account_argument(relay: Relay, *, positional: bool = False) -> Argument:
    """`account NAME`: a configured one."""
    return _name(
        "account", "system_id of an account", lambda: relay.accounts, positional=positional
    )


def link_argument(relay: Relay) -> Argument:
    """`link NAME`: one of a carrier."""
    return _name("link", "name of a link", lambda: links(relay), positional=True)


def bind_argument(relay: Relay) -> Argument:
    """`bind NAME`: one of an account that is bound now."""
    return _name("bind", "name of a bind", lambda: binds(relay), positional=True)


def _name(
    name: str, help: str, values: Callable[[], Iterable[str]], *, positional: bool
) -> Argument:
    return Argument(
        name, help, positional=positional, required=positional, values=values, strict=True
    )


def links(relay: Relay) -> dict[str, Link]:
    """Every link by its name."""
    return {link.name: link for one in relay.carriers.values() for link in one.links}


def binds(relay: Relay) -> dict[str, EsmeBind]:
    """Every bind by its name."""
    return {bind.name: bind for one in relay.accounts.values() for bind in one.binds}


def unknown(what: str, name: str, known: Iterable[str]) -> CommandError:
    """There is no such name; says which are near, or which there are when they are few."""
    names = sorted(known)
    near = get_close_matches(name, names, n=MOST_NEAR)
    if near:
        hint = f"; did you mean {' or '.join(near)}?"
    elif len(names) <= 2 * MOST_NEAR:
        hint = f"; there are: {', '.join(names)}" if names else "; there is none"
    else:
        hint = ""
    return CommandError(f"there is no {what} {name!r}{hint}", "unknown")


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
