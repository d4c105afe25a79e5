"""How much a phone has sent: counts in memory, and in rows where they near a limit.

Owns: the counts of phones, and which of them are written.
Refuses to know: limits, and what is done about who is above one (`guard`).

Nearly every phone is far from every limit: a row for each text of each would cost more than all
else about it. A count is written each time it reaches a multiple of `kept`. A crash, or a crowd of
other phones, makes it go back to that, never further.
"""

from __future__ import annotations

from collections import OrderedDict

from smppgw.core.plugin import Host

KNOWN = 30_000
"""Phones whose counts are in memory; those of others are read from their rows."""

Counted = dict[str, tuple[int, int]]
"""What is counted -> (since when, in milliseconds since 1970; how many)."""


class Counts:
    """Counts by phone; everything in a piece of work."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._phones: OrderedDict[str, Counted] = OrderedDict()

    def add(self, phone: str, what: str, within: int, kept: int) -> int:
        """Count one more: how many there are in the span (milliseconds) that is under way."""
        now = self._host.now()
        counted = self._of(phone)
        since, count = counted.get(what, (now, 0))
        if since <= now - within:
            since, count = now, 0
        count += 1
        counted[what] = (since, count)
        if count % kept == 0:
            self._host.change(
                "INSERT OR REPLACE INTO microblog_count (phone, what, since, count)"
                " VALUES (?, ?, ?, ?)",
                (phone, what, since, count),
            )
        return count

    def _of(self, phone: str) -> Counted:
        known = self._phones.get(phone)
        if known is not None:
            self._phones.move_to_end(phone)
            return known
        rows = self._host.query(
            "SELECT what, since, count FROM microblog_count WHERE phone = ?", (phone,)
        )
        found: Counted = {what: (since, count) for what, since, count in rows}
        self._phones[phone] = found
        if len(self._phones) > KNOWN:
            self._phones.popitem(last=False)
        return found

    def forget(self, phone: str) -> None:
        """Nothing is known of a phone any more; its rows are removed by whoever asks for it."""
        self._phones.pop(phone, None)
