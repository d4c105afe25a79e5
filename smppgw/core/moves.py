"""Queues that cannot go on where they are: what waits is offered to other carriers.

Owns: when the queue of an unusable carrier moves, and in which steps; the queues of carriers that
are not configured any more.
Refuses to know: links, and why a carrier is not usable.

A queue is looked through in its rows, from its head to its end, a few at a time; what has no other
way stays where it is and costs no memory. Then another look follows after a while: longer, the
longer this one was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define
from twisted.logger import Logger

from smppgw.core.message import Message, State

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.relay import Relay

MOVE_AFTER = 5.0
"""Seconds a carrier is unusable before its queue is offered to others."""
MOVED_AT_ONCE = 200
SPARED = 5_000
"""Messages looked at for which there is a second without looking."""

log = Logger()


@define
class Look:
    """One look through a queue. `others` are the carriers that were usable when it began."""

    others: frozenset[str] = frozenset()
    place: tuple[int, int] = (-1, -1)
    """Priority and position of the last row looked at."""
    seen: int = 0
    over: bool = False
    again: float = 0.0
    """When it is over: not before then (seconds)."""


class Moves:
    """Moves queues in steps, one of each with each call of `tick`."""

    def __init__(self, relay: Relay) -> None:
        self.strays: list[str] = []
        """Carriers that are not configured, and for which messages wait."""
        self._relay = relay
        self._looks: dict[str, Look] = {}

    def adopt(self, name: str) -> None:
        """A carrier was removed: what waits for it takes its route again."""
        self._looks.pop(name, None)
        self.strays.append(name)

    def tick(self, now: float) -> bool:
        """Once a second, and more often while it says that there is more (`now` in seconds)."""
        more = False
        for name, carrier in self._relay.carriers.items():
            drained = self._relay.standing.draining(carrier)
            lost = carrier.settings.enabled and not carrier.usable and (drained or not carrier.held)
            # Who is there, but silent, may still answer for what it has: as long as it is given.
            silent = any(link.probing for link in carrier.links)
            patience = carrier.settings.response_timeout if silent else MOVE_AFTER
            if drained:
                patience = 0.0
            if lost and now - carrier.unavailable_since > patience:
                more = self._move_queue(carrier, now) or more
            else:
                self._looks.pop(name, None)
        for name in self.strays[-1:]:
            more = self._adopt(name, now) or more
        return more

    def _move_queue(self, carrier: Carrier, now: float) -> bool:
        """Offer some of what waits for an unusable carrier to those that are usable."""
        relay, own = self._relay, carrier.name
        others = frozenset(filter(relay.usable, relay.router.beside(own)))
        look = self._looks.get(own)
        if not others or not (carrier.waiting or carrier.queue):
            return False
        if look is None:
            log.warn(
                "carrier {carrier}: unusable; what waits for it is offered to {others}",
                carrier=own,
                others=", ".join(sorted(others)),
            )
        if look is None or (look.over and (look.others != others or now >= look.again)):
            look = self._looks[own] = Look(others)
        if look.over or not carrier.rest():
            return not (look.over or relay.store.trouble)
        for message in self._step(own, look, now):
            tried = (*message.tried.split(), own)
            name = relay.another(message, tried)
            if name is not None and relay.usable(name):
                carrier.queue.moved(message)
                relay.move(message, name)
        return not look.over

    def _adopt(self, name: str, now: float) -> bool:
        """Route anew some of what waits for a carrier that is no longer configured."""
        look = self._looks.get(name)
        if look is None or (look.over and now >= look.again):
            look = self._looks[name] = Look()
        if not look.over:
            for message in self._step(name, look, now):
                self._relay.release(message)
            if look.over and not look.seen:
                self.strays.remove(name)
                del self._looks[name]
        return not look.over

    def _step(self, name: str, look: Look, now: float) -> list[Message]:
        """The next messages of a look, as far as they still wait for this carrier."""
        engine = self._relay.store.engine
        where = (
            "state = 20 AND carrier = ? AND (priority, position) > (?, ?)"
            " ORDER BY priority, position"
        )
        values = (name, *look.place)
        found = engine.messages(where, values, MOVED_AT_ONCE)
        look.seen += len(found)
        look.over = len(found) < MOVED_AT_ONCE
        if look.over:
            look.again = now + 1.0 + look.seen / SPARED
        else:  # what counts is where the rows say they are
            (look.place,) = engine.select(
                f"SELECT priority, position FROM message WHERE {where} LIMIT 1 OFFSET ?",  # noqa: S608
                (*values, MOVED_AT_ONCE - 1),
            )
        return [one for one in found if one.carrier == name and one.state == State.WAITING]
