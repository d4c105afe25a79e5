"""Message ids: 63 bits, unique for ever, increasing in time, unique across gateways.

Owns: how an id is made (42 bits of milliseconds since 2020-01-01 UTC, 6 bits of node, 15 bits of
counter), written and read back.
Refuses to know: what an id names, and where the last one given is kept.
Source: SMPP 3.4 section 5.2.23 (message_id).
"""

from __future__ import annotations

import re
from collections.abc import Callable

EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
NODES = 64

_NODE_SHIFT = 15
_TIME_SHIFT = 21
_COUNTER = (1 << _NODE_SHIFT) - 1
_NODE_AND_COUNTER = (1 << _TIME_SHIFT) - 1
_END = 1 << 63
_HEX = re.compile(r"[0-9a-fA-F]{1,20}")


class MessageIds:
    """Gives ids that never repeat and always increase, whatever the clock does.

    `clock_ms` returns Unix time in milliseconds. `node` is 0..63, different for each gateway that
    shares a store. `after` is the highest id given before (0 for none): every id is above it, so a
    clock set back during a restart does no harm. A millisecond that gives more than 32,768 ids, or
    a clock that steps back, borrows from the milliseconds to come.
    Raises ValueError when `node` or `after` is out of range.
    """

    __slots__ = ("_clock_ms", "_last", "_node")

    def __init__(self, clock_ms: Callable[[], int], node: int, after: int = 0) -> None:
        if not 0 <= node < NODES:
            raise ValueError(f"node {node} is not in 0..{NODES - 1}")
        if not 0 <= after < _END:
            raise ValueError(f"{after} is not a message id")
        self._clock_ms = clock_ms
        self._node = node << _NODE_SHIFT
        if after & _NODE_AND_COUNTER & ~_COUNTER != self._node:
            # Another node's id: what is left of its millisecond cannot be ours.
            after = after & ~_NODE_AND_COUNTER | self._node | _COUNTER
        self._last = after

    def next(self) -> int:
        """Return a new id, above every id returned before."""
        return self.next_at(self._clock_ms())

    def next_at(self, now_ms: int) -> int:
        """`next` for who knows what `clock_ms` says."""
        last = self._last
        fresh = (now_ms - EPOCH_MS) << _TIME_SHIFT | self._node
        if fresh <= last:
            if last & _COUNTER != _COUNTER:
                fresh = last + 1
            else:
                fresh = ((last >> _TIME_SHIFT) + 1) << _TIME_SHIFT | self._node
        self._last = fresh
        return fresh

    def several(self, count: int) -> int:
        """Return the first of `count` new ids, each one more than the one before.

        Raises ValueError for more than a millisecond has (32,768).
        """
        if not 0 < count <= _COUNTER + 1:
            raise ValueError(f"{count} ids at a time")
        first = self.next()
        if (first & _COUNTER) + count > _COUNTER + 1:
            first = ((first >> _TIME_SHIFT) + 1) << _TIME_SHIFT | self._node
        self._last = first + count - 1
        return first


def format_id(message_id: int) -> str:
    """Return the id as given to ESMEs: 16 characters `[0-9a-f]`, sorting like the numbers."""
    return f"{message_id:016x}"


def parse_id(text: str) -> int | None:
    """Return the id that `text` names, or None when it cannot be one of ours.

    Upper case, missing and additional leading zeros (20 characters at most) are accepted: ESMEs
    store ids in their own ways and send them back in query_sm, cancel_sm and replace_sm.
    """
    if _HEX.fullmatch(text) is None:
        return None
    message_id = int(text, 16)
    return message_id if message_id < _END else None


def time_of(message_id: int) -> float:
    """Return when the id was given, in Unix seconds, to the millisecond."""
    return ((message_id >> _TIME_SHIFT) + EPOCH_MS) / 1000
