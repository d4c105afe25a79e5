"""What was typed before it was wanted.

Owns: that it is bounded, and that an interrupt among it is found.
Refuses to know: what keys do.
"""

from __future__ import annotations

from collections import deque

from smppgw.ops.shell.keys import INTERRUPT, Key

ENOUGH = 64 * 1024
"""Characters after which more should wait with the peer."""
MOST = 128 * 1024
"""Characters kept; what comes then is dropped, unless it is an interrupt."""


class Ahead:
    """Keys in the order in which they came."""

    def __init__(self) -> None:
        self._keys: deque[Key] = deque()
        self._size = 0
        self._interrupts = 0

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def enough(self) -> bool:
        """More should wait with the peer."""
        return self._size >= ENOUGH

    @property
    def interrupted(self) -> bool:
        """There is an interrupt in it."""
        return self._interrupts > 0

    def add(self, key: Key) -> None:
        """One more."""
        if self._size < MOST or (key.name == INTERRUPT and not self._interrupts):
            self._keys.append(key)
            self._size += 1 + len(key.text)
            self._interrupts += key.name == INTERRUPT

    def put_back(self, key: Key | None) -> None:
        """What was not taken of the last one comes first again."""
        if key is not None:
            self._keys.appendleft(key)
            self._size += 1 + len(key.text)

    def next(self) -> Key:
        """The first one."""
        key = self._keys.popleft()
        self._size -= 1 + len(key.text)
        self._interrupts -= key.name == INTERRUPT
        return key

    def skip_interrupt(self) -> None:
        """Drop the first interrupt, and all that came before it."""
        while self.next().name != INTERRUPT:
            pass

    def clear(self) -> None:
        """Drop all."""
        self._keys.clear()
        self._size = self._interrupts = 0
