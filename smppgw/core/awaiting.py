"""Messages of one carrier whose receipt is awaited, by canonical id: the recent ones.

Owns: how many of them memory holds; older ones are found by their rows.
Refuses to know: what a receipt says (see `receipts`).
"""

from __future__ import annotations

from itertools import islice

from smppgw.core.held import Held
from smppgw.core.message import Message

CACHED = 20_000
"""Messages awaiting a receipt that stay in memory."""


class Awaiting(dict[str, Message]):
    """Canonical id -> message, oldest answer first."""

    def held(self) -> list[Held]:
        """What it holds in memory; more while rows are behind."""
        return [Held("receipts awaited", len(self), CACHED)]

    def shorten(self, live: dict[int, Message]) -> None:
        """Let go of the oldest above CACHED whose rows are up to date, here and in `live`."""
        for key in list(islice(self, max(0, len(self) - CACHED))):
            message = self[key]
            if not message.dirty:
                del self[key]
                live.pop(message.id, None)
