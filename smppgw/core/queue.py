"""The queue of one carrier: a bounded head in memory, the rest in the store.

Owns: the order in which messages leave, per priority class, and weighted fairness between classes.
Refuses to know: links, windows, rates and what becomes of a message that left.

A lane (one priority class) keeps the oldest messages in memory and everything behind them in their
rows: a new message goes to memory only while no row waits, so order holds. What a carrier gives
back goes to the front, by its place (`position`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from smppgw.core.account_settings import Priority
from smppgw.core.held import Held
from smppgw.core.message import Message, State
from smppgw.core.store.group_commit import Store

HEAD = 5_000
"""Messages of a lane in memory, at most."""
LOAD = 500
"""Rows read at a time."""
SHARES = {Priority.CODES: 16, Priority.TRANSACTIONAL: 4, Priority.BULK: 1}
"""Messages a lane may send per round while the others wait too; what is expedited goes first."""


class Lane:
    """One priority class of one carrier."""

    def __init__(self, store: Store, carrier: str, priority: int, stored: int) -> None:
        self._store = store
        self._carrier = carrier
        self._priority = priority
        self.first: deque[Message] = deque()
        """Its oldest messages, those that memory holds."""
        self._cursor = 0
        self._spilled_in: object = None
        self.stored = stored
        """Messages behind the head, in their rows."""
        self.more = stored > 0
        """There may be messages behind these, in rows."""
        self.elsewhere: set[int] = set()
        """Places behind the cursor of messages that are in memory already, outside the lane."""

    def __len__(self) -> int:
        return len(self.first) + self.stored

    @property
    def in_memory(self) -> int:
        """Messages of it that memory holds."""
        return len(self.first)

    def __bool__(self) -> bool:
        return bool(self.first) or self.more

    def push(self, message: Message) -> None:
        """Append a message."""
        if self.more or len(self.first) >= HEAD:
            self.more = True
            self.stored += 1
            self._spilled_in = self._store.batch
            self._store.spill(message)
        else:
            self._cursor = message.position
            self.first.append(message)

    def pop(self) -> Message | None:
        """Take the oldest message, or None."""
        head = self.first
        while True:
            if self.more and len(head) < HEAD - LOAD and self._load() and not head:
                continue  # all that was found is in memory already: there may be more
            if not head:
                return None
            message = head.popleft()
            if message.state == State.WAITING and message.carrier == self._carrier:
                return message

    def _load(self) -> bool:
        """Read more rows; False when there were none."""
        engine = self._store.engine
        where = "carrier = ? AND priority = ? AND position > ? AND state = 20 ORDER BY position"
        values = (self._carrier, self._priority, self._cursor)
        found = engine.messages(where, values, LOAD)
        if found:  # in memory one may have another place by now: what counts is the row's
            ((self._cursor,),) = engine.select(
                f"SELECT position FROM message WHERE {where} LIMIT 1 OFFSET ?",  # noqa: S608
                (*values, len(found) - 1),
            )
        elsewhere = self.elsewhere
        waiting = [
            message
            for message in found
            if message.state == State.WAITING
            and message.carrier == self._carrier
            and message.priority == self._priority
            and message.position not in elsewhere
        ]
        for message in waiting:
            message.resting = False
            self._store.live[message.id] = message
        self.first.extend(waiting)
        self.stored = max(0, self.stored - len(found))
        # A row spilled in the batch being filled is not there to be read yet.
        if (
            len(found) < LOAD
            and self._spilled_in is not self._store.batch
            and not self._store.engine.unwritten
        ):
            self.more = False
            self.stored = 0
            elsewhere.clear()
        return bool(found)

    def rest(self) -> bool:
        """Hold nothing in memory, to read it again; True when everything is in rows already."""
        store = self._store
        for message in self.first:
            if message.state == State.WAITING and message.carrier == self._carrier:
                self.stored += 1
                self.leave(message)
        self.first.clear()
        self.elsewhere.clear()
        self._cursor = 0
        self.more = True
        return self._spilled_in is not store.batch and not store.engine.unwritten

    def leave(self, message: Message) -> None:
        """A message of this lane waits in its row from now on."""
        if message.dirty:
            self._spilled_in = self._store.batch
            self._store.spill(message)
        else:
            self._store.rest(message)

    def oldest(self) -> int:
        """The place of its first message, 0 when it has none; one row is read at most."""
        for message in self.first:
            if message.state == State.WAITING and message.carrier == self._carrier:
                return message.position
        if not self.more:
            return 0
        ((position,),) = self._store.engine.select(
            "SELECT min(position) FROM message"
            " WHERE carrier = ? AND priority = ? AND position > ? AND state = 20",
            (self._carrier, self._priority, self._cursor),
        )
        return position or 0

    def behind(self, message: Message) -> bool:
        """A message of this lane is to come from its row."""
        behind = self.more and message.position > self._cursor
        return behind and message.position not in self.elsewhere

    def keep_out(self, message: Message) -> None:
        """Memory has a message of this lane: it is not to come from its row as well."""
        if self.more and message.position > self._cursor:
            self.elsewhere.add(message.position)

    def head(self) -> Iterable[int]:
        """The ids of its messages in memory."""
        return (message.id for message in self.first)

    def sweep(self) -> None:
        """Forget in memory what does not wait in this lane any more."""
        self.first = deque(
            message
            for message in self.first
            if message.state == State.WAITING
            and message.carrier == self._carrier
            and message.priority == self._priority
        )


class CarrierQueue:
    """Everything that waits for one carrier."""

    def __init__(self, store: Store, carrier: str, stored: dict[int, int]) -> None:
        self._carrier = carrier
        self._lanes = [Lane(store, carrier, lane, stored.get(lane, 0)) for lane in Priority]
        self._returned: list[tuple[int, int, Message]] = []
        self._shared = self._lanes[: len(SHARES)]
        self._credit = [0] * len(SHARES)
        self._expedited = bool(self._lanes[Priority.EXPEDITED])
        """Something may have been expedited: nothing else leaves before it."""
        self._idle = False
        """Nothing was put in since it was found to be empty."""

    def __len__(self) -> int:
        return len(self._returned) + sum(map(len, self._lanes))

    def __bool__(self) -> bool:
        return not self._idle and (bool(self._returned) or any(self._lanes))

    def held(self) -> list[Held]:
        """What it holds in memory."""
        heads = sum(lane.in_memory for lane in self._lanes)
        return [Held("head of the queue", heads, HEAD * len(self._lanes))]

    def depth(self) -> dict[str, int]:
        """Messages per priority class."""
        return {lane.name.lower(): len(self._lanes[lane]) for lane in Priority}

    def lanes(self, held: list[Message], aside: list[int]) -> dict[str, tuple[int, int]]:
        """Per class: messages that wait here, are `held` or are counted in `aside`; their oldest.

        The oldest is its place in the queue, 0 for none.
        """
        depths = [len(lane) + count for lane, count in zip(self._lanes, aside, strict=True)]
        oldest = [lane.oldest() for lane in self._lanes]
        for message in (*held, *(entry[2] for entry in self._returned)):
            lane = message.priority
            depths[lane] += 1
            oldest[lane] = min(oldest[lane] or message.position, message.position)
        return {lane.name.lower(): (depths[lane], oldest[lane]) for lane in Priority}

    def push(self, message: Message) -> None:
        """Append a message to the lane of its priority."""
        if message.priority < 0:
            self._expedited = True
        self._idle = False
        self._lanes[message.priority].push(message)

    def give_back(self, message: Message) -> None:
        """Put a message back before everything that is behind it."""
        self._idle = False
        self.keep_out(message)
        heappush(self._returned, (message.priority, message.position, message))

    @property
    def returned(self) -> bool:
        """Something was given back."""
        return bool(self._returned)

    def keep_out(self, message: Message) -> None:
        """Memory has a message elsewhere: it is not to come from its row as well."""
        self._lanes[message.priority].keep_out(message)

    def rest(self, held: list[Message], aside: list[int]) -> bool:
        """Have everything wait in rows, to be read again; False while some are not written yet.

        `held` are messages of this carrier that memory had elsewhere, and `aside` is how many were
        in rows already without being counted here, by priority class.
        """
        for message in (*held, *(entry[2] for entry in self._returned)):
            if message.state == State.WAITING and message.carrier == self._carrier:
                lane = self._lanes[message.priority]
                lane.stored += 1
                lane.leave(message)
        self._returned.clear()
        self._idle = False
        self._expedited = True  # as far as is known before it is read
        for lane, count in zip(self._lanes, aside, strict=True):
            lane.stored += count
        return all([lane.rest() for lane in self._lanes])

    def moved(self, message: Message) -> None:
        """A message that waited in its row has left for another carrier."""
        lane = self._lanes[message.priority]
        lane.stored = max(0, lane.stored - 1)

    def behind(self, message: Message) -> bool:
        """A message that waits here is to come from its row."""
        return self._lanes[message.priority].behind(message)

    def left(self, message: Message) -> None:
        """A message that waits here is about to leave, from wherever it is."""
        if self.behind(message):
            self.moved(message)

    def heads(self) -> set[int]:
        """The ids of the messages in memory that wait for their turn."""
        return {number for lane in self._lanes for number in lane.head()}

    def sweep(self) -> None:
        """Forget in memory what does not wait here any more."""
        for lane in self._lanes:
            lane.sweep()
        self._returned = [
            entry
            for entry in self._returned
            if entry[2].state == State.WAITING and entry[2].carrier == self._carrier
        ]
        heapify(self._returned)

    def pop(self) -> Message | None:
        """Take the next message: given back, expedited, then from the lanes by their shares."""
        if self._idle:
            return None
        while self._returned:
            message = heappop(self._returned)[2]
            if message.state == State.WAITING and message.carrier == self._carrier:
                return message
        if self._expedited:
            first = self._lanes[Priority.EXPEDITED]
            following = first.pop()
            if following is not None or first:  # what comes may have no row yet
                return following
            self._expedited = False
        credit = self._credit
        for _ in range(2):
            waiting = False
            for number, lane in enumerate(self._shared):
                if lane.first or lane.more:
                    waiting = True
                    following = lane.pop() if credit[number] > 0 else None
                    if following is not None:
                        credit[number] -= 1
                        return following
            if not waiting:
                break
            credit[:] = SHARES.values()  # a round is over: everybody has had its share
        self._idle = not any(self._lanes)
        return None
