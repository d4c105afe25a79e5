"""Queues that cannot go on where they are: what waits is offered to other carriers.

Owns: when the queue of an unusable carrier moves, and in which steps; the queues of carriers that
are not configured any more.
Refuses to know: links, and why a carrier is not usable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smppgw.core.message import Message, State

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.relay import Relay

MOVE_AFTER = 5.0
"""Seconds a carrier is unusable before its queue is offered to others."""
MOVED_AT_ONCE = 500


class Moves:
    """Moves queues in steps, one with each call of `tick`."""

    def __init__(self, relay: Relay) -> None:
        self.strays: list[str] = []
        """Carriers that are not configured, and for which messages wait."""
        self._relay = relay

    def tick(self, now: float) -> None:
        """Once a second, and more often while there is more to do (`now` in seconds)."""
        for carrier in self._relay.carriers.values():
            lost = not (carrier.usable or carrier.held)
            # Who is there, but silent, may still answer for what it has: as long as it is given.
            silent = any(link.probing for link in carrier.links)
            patience = carrier.settings.response_timeout if silent else MOVE_AFTER
            if lost and now - carrier.unavailable_since > patience:
                self._move_queue(carrier)
        if self.strays:
            self._adopt(self.strays[-1])

    def _move_queue(self, carrier: Carrier) -> None:
        """Offer what waits for an unusable carrier to those that are usable."""
        relay = self._relay
        if not any(relay.usable(name) for name in relay.carriers if name != carrier.name):
            return
        for message in _waiting(carrier, MOVED_AT_ONCE):
            tried = (*message.tried.split(), carrier.name)
            name = relay.router.choose(message.destination, relay.usable, tried)
            if name is None or not relay.usable(name):
                carrier.queue.give_back(message)
            else:
                relay.move(message, name)

    def _adopt(self, name: str) -> None:
        """Route anew what waits for a carrier that is no longer configured."""
        found = self._relay.store.engine.messages(
            "state = 20 AND carrier = ? ORDER BY priority, position", (name,), MOVED_AT_ONCE
        )
        for message in found:
            if message.carrier == name and message.state == State.WAITING:
                self._relay.release(message)
        if len(found) < MOVED_AT_ONCE:
            self.strays.remove(name)


def _waiting(carrier: Carrier, limit: int) -> list[Message]:
    """Take up to `limit` waiting messages of a carrier, in order, to be routed elsewhere."""
    for message in carrier.order.unpark():
        carrier.queue.give_back(message)
    taken: list[Message] = []
    while len(taken) < limit:
        found = carrier.queue.pop()
        if found is None:
            break
        carrier.order.let_go(found)
        taken.append(found)
    return taken
