"""Reference numbers of concatenated messages, counted for each pair of addresses.

Owns: the last number of each pair, in memory and in its row, so that neither a restart nor other
traffic makes two texts to one phone share a number while it still puts parts together.
Refuses to know: how many bits of a number the header takes, and what is concatenated. The id of a
row is of the time of its use, so the retention ends it like any other.
Source: 3GPP TS 23.040 9.2.3.24.1 (the phone joins by reference and originating address).
"""

from __future__ import annotations

from collections import OrderedDict

from smppgw.core.held import Held
from smppgw.core.ids import MessageIds
from smppgw.core.store.group_commit import Store

KNOWN = 20_000
"""Pairs whose number is in memory; that of others is read from its row."""
NUMBERS = 0x10000


class References:
    """Gives the next number of a pair; it is durable with the message that it is for."""

    def __init__(self, store: Store, ids: MessageIds) -> None:
        self._store = store
        self._ids = ids
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def held(self) -> list[Held]:
        """What it holds in memory."""
        return [Held("concatenation references", len(self._last), KNOWN, "pairs")]

    def next(self, source: str, destination: str) -> int:
        """The number of the next text from `source` to `destination`: 0 to 65535, then 0 again."""
        pair = (source, destination)
        last = self._last.pop(pair, None)
        if last is None:
            last = self._stored(pair)
        number = self._last[pair] = (last + 1) % NUMBERS
        if len(self._last) > KNOWN:
            self._last.popitem(last=False)
        self._store.execute(
            "INSERT OR REPLACE INTO reference (id, source, destination, value) VALUES (?, ?, ?, ?)",
            self._ids.next(),
            source,
            destination,
            number,
        )
        return number

    def _stored(self, pair: tuple[str, str]) -> int:
        rows = self._store.engine.select(
            "SELECT value FROM reference WHERE source = ? AND destination = ?", pair
        )
        return int(rows[0][0]) if rows else -1
