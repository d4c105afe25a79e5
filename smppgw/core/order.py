"""Order per destination: one unanswered message each, the others wait behind it.

Owns: which message has a destination, which wait for it, and which wait for another try.
Refuses to know: links, rates, queues, and what becomes of a message.

A message that waits for another try keeps its destination, so nothing to it can overtake.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from smppgw.core.message import Message, State


class Order:
    """The messages of one carrier that left its queue and are not sent yet.

    With `strict` false every message may go at once; only retries wait.
    """

    def __init__(self, carrier: str, strict: bool) -> None:
        self.parked = 0
        """Messages held here: behind another one, ready to go, or waiting for another try."""
        self._carrier = carrier
        self._strict = strict
        self._busy: dict[str, Message] = {}
        self._followers: dict[str, deque[Message]] = {}
        self._ready: deque[Message] = deque()
        self._retries: list[tuple[float, int, Message]] = []

    def __repr__(self) -> str:
        return f"<Order busy={len(self._busy)} parked={self.parked}>"

    @property
    def idle(self) -> bool:
        """Nothing is held and no destination is taken."""
        return not (self.parked or self._busy)

    @property
    def ready(self) -> bool:
        """Some message waits only for a link."""
        return bool(self._ready)

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
        self._followers.setdefault(destination, deque()).append(message)
        self.parked += 1
        return False

    def let_go(self, message: Message) -> None:
        """The destination is free for the next message to it."""
        destination = message.destination
        if self._busy.get(destination) is not message:
            return
        followers = self._followers.get(destination) if self._followers else None
        if followers is None:
            del self._busy[destination]
            return
        following = followers.popleft()
        if not followers:
            del self._followers[destination]
        self._busy[destination] = following
        self._ready.append(following)

    def retry_at(self, when: float, message: Message) -> None:
        """Keep a message, and its destination, until its next try."""
        self.parked += 1
        heappush(self._retries, (when, message.position, message))

    def wake(self, now: float) -> None:
        """Retries that are due become ready."""
        while self._retries and self._retries[0][0] <= now:
            self._ready.append(heappop(self._retries)[2])

    def next(self) -> Message | None:
        """The next ready message that still waits for this carrier."""
        while self._ready:
            message = self._ready.popleft()
            self.parked -= 1
            if self._waits(message):
                return message
            self.let_go(message)
        return None

    def unpark(self) -> list[Message]:
        """Hand over everything parked."""
        parked = [*self._ready, *(entry[2] for entry in self._retries)]
        for followers in self._followers.values():
            parked += followers
        self._ready.clear()
        self._retries.clear()
        self._followers.clear()
        self.parked = 0
        waiting = []
        for message in parked:
            if self._waits(message):
                waiting.append(message)
            else:
                self.let_go(message)
        return waiting

    def _waits(self, message: Message) -> bool:
        return message.state == State.WAITING and message.carrier == self._carrier
