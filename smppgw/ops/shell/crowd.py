"""Connections at once behind the doors of the network.

Owns: how many there may be at each, of all and from one other machine.
Refuses to know: what is said on them.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from twisted.logger import Logger

from smppgw.core.auth import site_of

MOST_TELNET = 128
"""Connections at once, logged in or not; more are closed on arrival."""
MOST_SSH = 64
"""The same by SSH, where each costs more."""
MOST_FROM_ONE = 16
"""Of either, those from one address, or one /64, that is not this machine."""

log = Logger()


def turned_away(door: str, source: str, present: Collection[str], most: int) -> bool:
    """Whether one more connection is too many, which is logged; `present` is where others are."""
    if len(present) >= most:
        reason = "too many connections"
    elif not _is_here(source) and (count := _from_there(source, present)) >= MOST_FROM_ONE:
        reason = f"{count} connections from there"
    else:
        return False
    log.warn("{door}: {source} turned away: {reason}", door=door, source=source, reason=reason)
    return True


def _from_there(source: str, present: Collection[str]) -> int:
    site = site_of(source)
    return sum(site_of(one) == site for one in present)


def _is_here(source: str) -> bool:
    try:
        return ip_address(source).is_loopback
    except ValueError:
        return True
