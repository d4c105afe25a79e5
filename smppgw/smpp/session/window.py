"""The requests of ours that wait for an answer, and the numbers they carry.

Owns sequence numbers and the two sets of waiting requests. Refuses to know states, legality and
time limits: the caller says which sending times are too old.
Source: SMPP 3.4 section 5.1.4 (sequence_number), SMPP 5.0 section 2.6 (PDU sequencing).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_SEQUENCE: Final = 0x7FFFFFFF


class Window:
    """Requests in flight: `waiting` of the caller, bounded by `size`; `own` of the session itself.

    `waiting` maps sequence_number to (command_id, context, sent_at, stamp) in the order sent, the
    last for the response timer; `own` (bind, enquire_link, unbind) maps it to command_id and takes
    no place in the window.
    """

    __slots__ = ("_next", "own", "size", "waiting")

    def __init__(self, size: int, first_sequence: int) -> None:
        self.size = size
        self.waiting: dict[int, tuple[int, object, float, float]] = {}
        self.own: dict[int, int] = {}
        self._next = first_sequence

    def next_sequence(self) -> int:
        """The next number of ours that nothing waits on: 1..0x7FFFFFFF, then 1 again."""
        sequence = self._next
        while sequence in self.waiting or sequence in self.own:
            sequence = sequence + 1 if sequence < MAX_SEQUENCE else 1
        self._next = sequence + 1 if sequence < MAX_SEQUENCE else 1
        return sequence

    def next_sequences(self, count: int) -> Sequence[int]:
        """The next `count` numbers, as `next_sequence`."""
        following = range(self._next, self._next + count)
        taken = self.waiting.keys() | self.own.keys() if self.own else self.waiting.keys()
        if following.stop > MAX_SEQUENCE or not taken.isdisjoint(following):
            return [self.next_sequence() for _ in following]
        self._next = following.stop
        return following

    def own_sequence(self, command_id: int) -> int:
        """A number for a request of the session itself; of each command only the last is awaited.

        A peer that never answers enquire_link but sends traffic must not make us remember them all.
        """
        self.own = {number: asked for number, asked in self.own.items() if asked != command_id}
        sequence = self.next_sequence()
        self.own[sequence] = command_id
        return sequence

    @property
    def numbered(self) -> int:
        """How many numbers were given since the first one was 1."""
        return self._next - 1

    def clear(self) -> None:
        """Nothing waits any more."""
        self.waiting.clear()
        self.own.clear()
