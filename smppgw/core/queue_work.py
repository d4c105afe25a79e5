"""What operators do with many waiting messages at once: move, purge and expedite, in slices.

Owns: going through the queue of a carrier in its order, a few messages at a time, so that a million
of them stall nobody; and what is done with those that are meant.
Refuses to know: how that is asked for, and which messages are meant (`selection`).

Meant is what waited when the work began; what comes meanwhile is left alone, and so is what is
unanswered. Each message is changed in one commit with its ledger, so whatever ends the work (an
abort, a crash, a reload) leaves messages that are done with, and others that wait as before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from smppgw.core.account_settings import Priority
from smppgw.core.message import Message, State
from smppgw.core.selection import Selection, waits_for

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.relay import Relay

LOOK = 500
"""Messages looked at in one step, at most."""
SLICE = 100
"""Messages changed in one step, at most."""
PAUSE = 0.02
"""Seconds between steps."""

Place = tuple[int, int]
"""Priority and position of a message: the order of a queue."""
END: Place = (1 << 62, 0)

log = Logger()


class Act(Protocol):
    """What is done with messages."""

    done: str
    """In the words of operators: `purged`."""
    left: str
    """Why it is not done with some that were meant."""

    def able(self, carrier: Carrier) -> Callable[[Message], bool]:
        """Which of the next messages of this carrier it can be done with."""
        ...

    def __call__(self, carrier: Carrier, messages: list[Message]) -> None:
        """Do it with messages that wait for this carrier, in order."""
        ...


class Purge:
    """Cancels messages: they end as DELETED, with a receipt where one was asked for."""

    done = "purged"
    left = ""

    def __init__(self, relay: Relay, who: str) -> None:
        self._relay = relay
        self._why = f"purged by {who}"

    def able(self, carrier: Carrier) -> Callable[[Message], bool]:
        """All that wait."""
        return lambda message: True

    def __call__(self, carrier: Carrier, messages: list[Message]) -> None:
        """All of them end first; only then may others pass."""
        for message in messages:
            carrier.queue.left(message)
            self._relay.outcomes.end(message, State.DELETED, self._why)
        for message in messages:
            carrier.order.let_go(message)


class Move:
    """Gives messages to another carrier, behind what waits there; in order, as they were."""

    done = "moved"
    left = "cannot be carried there"

    def __init__(self, relay: Relay, target: str) -> None:
        self._relay = relay
        self._target = target

    def able(self, carrier: Carrier) -> Callable[[Message], bool]:
        """What the other carrier can carry in some form."""
        return lambda message: self._relay.dispatch.takes(message, self._target)

    def __call__(self, carrier: Carrier, messages: list[Message]) -> None:
        """All of them leave first; only then may others pass."""
        for message in messages:
            carrier.queue.left(message)
            self._relay.move(message, self._target)
        for message in messages:
            carrier.order.let_go(message)


class Expedite:
    """Puts messages before all classes, behind what was put there before; in order, as they were.

    Nothing else leaves the queue before them, so what comes later to the same destination cannot
    overtake. What waits already behind an unanswered message to the same destination, or for
    another try, has left the queue and stays where it is.
    """

    done = "expedited"
    left = "wait for an earlier one to the same destination, or for another try, and stay"

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def able(self, carrier: Carrier) -> Callable[[Message], bool]:
        """What is in a lane, in memory or in its row."""
        queue = carrier.queue
        heads = queue.heads()
        return lambda message: message.id in heads or queue.behind(message)

    def __call__(self, carrier: Carrier, messages: list[Message]) -> None:
        """Leave their lanes, then join the other."""
        queue, relay = carrier.queue, self._relay
        for message in messages:
            queue.left(message)
            message.priority = Priority.EXPEDITED
            message.position = relay.ids.next()
            message.rewrite()
            relay.store.touch(message)
        queue.sweep()
        for message in messages:
            queue.push(message)


class QueueWork:
    """One pass through the queue of a carrier; `ended(reason)` is called once, "" for the end.

    `looked`, `touched` and `left` count messages: looked at in rows (some of them twice), done
    with, and meant but not to be done with. The end is told when all of it is durable.
    """

    def __init__(
        self,
        relay: Relay,
        carrier: Carrier,
        selection: Selection,
        act: Act,
        ended: Callable[[str], None],
    ) -> None:
        self.looked = 0
        self.touched = 0
        self.left = 0
        self.act = act
        self._relay = relay
        self._carrier = carrier
        self._selection = selection
        self._ended = ended
        self._place: Place = (-1, -1)
        self._mark = relay.ids.next()
        self._last: Message | None = None
        self._over = False
        # Rows follow memory a second or so later: what has changed is looked at where it is.
        newer = [
            (int(one.priority), one.position, one.id)
            for one in relay.store.live.values()
            if one.dirty and waits_for(one, carrier.name)
        ]
        self._newer = deque(sorted(newer))
        self._call: IDelayedCall = relay.clock.callLater(0, self._step)

    @property
    def name(self) -> str:
        """Whose queue it goes through."""
        return self._carrier.name

    def abort(self) -> None:
        """Do nothing more; nobody is told."""
        if not self._over:
            self._finish("aborted", tell=False)

    def _step(self) -> None:
        relay, carrier = self._relay, self._carrier
        if relay.carriers.get(carrier.name) is not carrier:
            self._finish(f"carrier {carrier.name} was changed meanwhile")
            return
        try:
            if not (relay.store.trouble or relay.store.congested):
                self._slice()
        except Exception:
            log.failure("queue of {name}: {act}", name=carrier.name, act=self.act.done)
            self._finish("it failed; the log of the gateway says why")
            return
        if self._place == END or self._enough:
            self._finish("")
        else:
            self._call = relay.clock.callLater(PAUSE, self._step)

    @property
    def _enough(self) -> bool:
        return 0 < self._selection.limit <= self.touched

    def _slice(self) -> None:
        """Look at the next messages in the order of the queue, and act on those that are meant."""
        engine, able = self._relay.store.engine, self.act.able(self._carrier)
        places, bound = self._next()
        chosen: list[Message] = []
        last = self._place
        for number in sorted(places, key=places.__getitem__):
            if len(chosen) >= SLICE:
                bound = last
                break
            last = places[number]
            message = engine.message(number)
            if message is None or not self._means(message):
                continue
            if not able(message):
                self.left += 1
                continue
            if self._enough and not self._goes_along(message):
                break
            chosen.append(message)
            self.touched += 1
            self._last = message
        self._place = bound
        while self._newer and self._newer[0][:2] <= bound:
            self._newer.popleft()
        if chosen:
            self.act(self._carrier, chosen)
            self._carrier.queue.sweep()
            self._carrier.pump()

    def _means(self, message: Message) -> bool:
        """It waits since before the work began, and is selected."""
        waits = waits_for(message, self.name) and message.position < self._mark
        return waits and self._selection.matches(message)

    def _goes_along(self, message: Message) -> bool:
        """A part of the text of which the last one was a part: it is not torn by a limit."""
        last = self._last
        return last is not None and message.part_of == last.part_of > 0

    def _next(self) -> tuple[dict[int, Place], Place]:
        """The places of the next messages that may be meant, by id; and how far that goes."""
        rows = self._relay.store.engine.select(
            "SELECT priority, position, id, destination, source, account FROM message"
            " WHERE state = 20 AND carrier = ? AND (priority, position) > (?, ?)"
            " ORDER BY priority, position LIMIT ?",
            (self.name, *self._place, LOOK),
        )
        bound: Place = END if len(rows) < LOOK else (rows[-1][0], rows[-1][1])
        newer = list(islice(self._newer, LOOK))
        if len(newer) == LOOK:
            bound = min(bound, newer[-1][:2])
        self.looked += len(rows)
        places: dict[int, Place] = {
            row[2]: (row[0], row[1])
            for row in rows
            if row[:2] <= bound and self._may_match(*row[3:])
        }
        places.update((one[2], one[:2]) for one in newer if one[:2] <= bound)
        return places, bound

    def _may_match(self, destination: str, source: str, account: str) -> bool:
        """What never changes about a message fits: worth reading all of it."""
        selection = self._selection
        return (
            destination.startswith(selection.to)
            and selection.source in ("", source)
            and selection.account in ("", account)
        )

    def _finish(self, reason: str, *, tell: bool = True) -> None:
        self._over = True
        if self._call.active():
            self._call.cancel()
        relay, carrier = self._relay, self._carrier
        if relay.work is self:
            relay.work = None
        if relay.carriers.get(carrier.name) is carrier and not carrier.usable:
            carrier.rest()  # what is no more takes no room, and is not counted
        log.info(
            "carrier {name}: {count} messages {done}{reason}",
            name=carrier.name,
            count=self.touched,
            done=self.act.done,
            reason=reason and f"; {reason}",
        )
        if tell:
            relay.store.when_durable(lambda: self._ended(reason))
