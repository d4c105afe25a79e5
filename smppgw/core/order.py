"""Order per destination: one unanswered message each, the others wait behind it.

Owns: which message has a destination, which wait for it, and which wait for another try.
Refuses to know: links, rates, queues, and what becomes of a message.

A message that waits for another try keeps its destination, so nothing to it can overtake. Many may
wait for one destination: what memory should not hold of them waits in its rows, and only its ids
are remembered.
"""

from __future__ import annotations

from array import array
from collections import deque
from heapq import heappop, heappush

from smppgw.core.account_settings import Priority
from smppgw.core.held import Held
from smppgw.core.message import Message, State
from smppgw.core.store.group_commit import Store

PARKED = 5_000
"""Messages in memory that wait behind another one, and as many that wait for another try."""
ASIDE = 1_000_000
"""Messages that wait behind another one in their rows, at most: nine octets of memory each."""
LOOKED_AT = 500
"""Messages that `Order.next` looks at, at most, before it says that there is none for now."""


class Ids:
    """A queue of message ids and their priorities that takes little room."""

    CHUNK = 4_096

    __slots__ = ("_first", "_ids", "_priorities")

    def __init__(self) -> None:
        self._ids = array("q")
        self._priorities = array("b")
        self._first = 0

    def __len__(self) -> int:
        return len(self._ids) - self._first

    def append(self, number: int, priority: int) -> None:
        """Add an id at the end."""
        self._ids.append(number)
        self._priorities.append(priority)

    def popleft(self) -> tuple[int, int]:
        """Take the first id, and its priority; raises IndexError when there is none."""
        first = self._ids[self._first], self._priorities[self._first]
        self._first += 1
        if self._first == self.CHUNK:
            del self._ids[: self.CHUNK], self._priorities[: self.CHUNK]
            self._first = 0
        return first


class Order:
    """The messages of one carrier that left its queue and are not sent yet.

    With `strict` false every message may go at once; only retries wait.
    """

    def __init__(self, store: Store, carrier: str, strict: bool) -> None:
        self.parked = 0
        """Messages held here: behind another one, ready to go, or waiting for another try."""
        self._store = store
        self._carrier = carrier
        self._strict = strict
        self._busy: dict[str, Message] = {}
        self._followers: dict[str, deque[Message]] = {}
        self._aside: dict[str, Ids] = {}
        self._set_aside = [0] * len(Priority)
        self._ready: deque[Message] = deque()
        self._retries: list[tuple[float, int, Message]] = []

    def __repr__(self) -> str:
        return f"<Order busy={len(self._busy)} parked={self.parked} aside={self.aside}>"

    @property
    def idle(self) -> bool:
        """Nothing is held and no destination is taken."""
        return not (self.parked or self._busy)

    @property
    def aside(self) -> int:
        """Messages behind another one that memory does not hold."""
        return sum(self._set_aside)

    @property
    def holds(self) -> bool:
        """Some message waits here, in memory or in its row."""
        return bool(self.parked or self._aside)

    @property
    def full(self) -> bool:
        """Nothing more should come from the queue, as far as it may have to be held."""
        if self._aside and self.aside >= ASIDE:
            return True
        return self.parked >= PARKED and len(self._retries) + len(self._ready) >= PARKED

    @property
    def ready(self) -> bool:
        """Some message waits only for a link."""
        return bool(self._ready)

    @property
    def retries(self) -> int:
        """Messages that wait for another try."""
        return len(self._retries)

    @property
    def next_retry(self) -> float | None:
        """When the next retry is due (seconds), or None."""
        return self._retries[0][0] if self._retries else None

    def take(self, message: Message) -> bool:
        """Take the destination for this message, or park it behind the one that has it."""
        if not self._strict:
            return True
        destination = message.destination
        owner = self._busy.setdefault(destination, message)
        if owner is message:
            return True
        if self.parked < PARKED and destination not in self._aside:
            self._followers.setdefault(destination, deque()).append(message)
            self.parked += 1
        else:
            self._aside.setdefault(destination, Ids()).append(message.id, message.priority)
            self._set_aside[message.priority] += 1
            self._store.rest(message)
        return False

    def having(self, destination: str) -> Message | None:
        """The message that has a destination: under way to it, or about to be sent again."""
        return self._busy.get(destination)

    def let_go(self, message: Message) -> None:
        """The destination is free for the next message to it."""
        destination = message.destination
        if self._busy.get(destination) is not message:
            return
        following = None
        followers = self._followers.get(destination) if self._followers else None
        if followers is not None:
            following = followers.popleft()
            if not followers:
                del self._followers[destination]
        elif self._aside:
            following = self._recall(destination)
        if following is None:
            del self._busy[destination]
        else:
            self._busy[destination] = following
            self._ready.append(following)

    def _recall(self, destination: str) -> Message | None:
        """The next message to a destination among those that memory does not hold."""
        aside = self._aside.get(destination)
        while aside:
            number, priority = aside.popleft()
            self._set_aside[priority] -= 1
            message = self._store.recall(number)
            if message is not None:  # else the commit that accepted it failed
                self.parked += 1
                return message
        if aside is not None:
            del self._aside[destination]
        return None

    def retry_at(self, when: float, message: Message) -> None:
        """Keep a message, and its destination, until its next try."""
        self.parked += 1
        heappush(self._retries, (when, message.position, message))

    def wake(self, now: float) -> None:
        """Retries that are due become ready."""
        while self._retries and self._retries[0][0] <= now:
            self._ready.append(heappop(self._retries)[2])

    def next(self) -> Message | None:
        """The next ready message that still waits for this carrier.

        None is for now: there may be more to look at when `ready` says so.
        """
        for _ in range(LOOKED_AT):
            if not self._ready:
                break
            message = self._ready.popleft()
            self.parked -= 1
            if self._waits(message):
                return message
            self.let_go(message)
        return None

    def clear(self) -> tuple[list[Message], list[int]]:
        """Forget all that waits: the messages memory holds, and how many it does not, by class.

        What is in flight keeps its destination. What was set aside a moment ago may have no row
        yet that could be found: it counts as held.
        """
        parked = [*self._ready, *(entry[2] for entry in self._retries)]
        for followers in self._followers.values():
            parked += followers
        aside = self._set_aside
        self._set_aside = [0] * len(aside)
        if self._aside:
            for message in self._store.live.values():
                if message.resting and message.dirty and self._waits(message):
                    aside[message.priority] -= 1
                    parked.append(message)
        for held in (self._ready, self._retries, self._followers, self._aside):
            held.clear()
        self.parked = 0
        self._busy = {
            destination: message
            for destination, message in self._busy.items()
            if message.state == State.IN_FLIGHT and message.carrier == self._carrier
        }
        return [message for message in parked if self._waits(message)], aside

    def held(self) -> tuple[list[Message], list[int]]:
        """The messages held in memory that wait, and how many wait in their rows, by class."""
        held = [*self._ready, *(entry[2] for entry in self._retries)]
        for followers in self._followers.values():
            held += followers
        return [message for message in held if self._waits(message)], self._set_aside.copy()

    def in_memory(self) -> list[Held]:
        """What it holds in memory."""
        return [
            Held("behind another one, or to be retried", self.parked, 2 * PARKED),
            Held("behind another one, in rows", self.aside, ASIDE, "ids"),
        ]

    def _waits(self, message: Message) -> bool:
        return message.state == State.WAITING and message.carrier == self._carrier
