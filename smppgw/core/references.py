"""Reference numbers of concatenated messages, counted for each pair of addresses.

Owns: the last number of each pair, in memory and in its row, so that neither a restart nor other
traffic makes two texts to one phone share a number while it still puts parts together.
Refuses to know: how many bits of a number the header takes, and what is concatenated.
Source: 3GPP TS 23.040 9.2.3.24.1 (the phone joins by reference and originating address).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from smppgw.core.store.group_commit import Store

KNOWN = 20_000
"""Pairs whose number is in memory; that of others is read from its row."""
NUMBERS = 0x10000


class References:
    """Gives the next number of a pair; it is durable with the message that it is for."""

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

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
            "INSERT OR REPLACE INTO reference (source, destination, value, used_at)"
            " VALUES (?, ?, ?, ?)",
            source,
            destination,
            number,
            self._now_ms(),
        )
        return number

    def _stored(self, pair: tuple[str, str]) -> int:
        rows = self._store.engine.select(
            "SELECT value FROM reference WHERE source = ? AND destination = ?", pair
        )
        return int(rows[0][0]) if rows else -1

    def forget(self, until: int, limit: int) -> bool:
        """Delete up to `limit` rows last used before `until` (milliseconds); there may be more."""
        rows = self._store.engine.select(
            "SELECT source, destination FROM reference WHERE used_at < ? ORDER BY used_at LIMIT ?",
            (until, limit),
        )
        for pair in rows:
            self._store.execute(
                "DELETE FROM reference WHERE source = ? AND destination = ? AND used_at < ?",
                *pair,
                until,
            )
        return len(rows) == limit
