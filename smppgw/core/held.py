"""What memory holds: every queue, map and cache, how many are in it and how many at most.

Owns: the list of them. Refuses to know: what is in them, and who looks.

Each owner says what it holds by a method `held`; nothing is counted before somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from smppgw.core.relay import Relay


class Held(NamedTuple):
    """One of them.

    `number` is how many it holds; `bound` is None where others set it.
    """

    what: str
    number: int
    bound: int | None
    unit: str = ""
    """What is counted, when not entries."""


def held(relay: Relay) -> Iterator[tuple[str, Held]]:
    """(whose: "gateway", "carrier NAME" or "account NAME", what it holds) of everything."""
    for owner in (
        *(() if relay.slot is None else (relay.slot,)),
        relay.store,
        relay.store.engine,
        relay.receipts,
        relay.inbox,
        relay.gathering,
        relay.references,
        relay.measures,
    ):
        for one in owner.held():
            yield "gateway", one
    for carrier in (*relay.carriers.values(), *relay.leaving):
        for one in (*carrier.queue.held(), *carrier.order.in_memory(), *carrier.awaiting.held()):
            yield f"carrier {carrier.name}", one
        yield f"carrier {carrier.name}", Held("unanswered", carrier.in_flight, carrier.window)
    for account in relay.accounts.values():
        yield f"account {account.name}", account.in_memory()
