"""What happened to accounts: who linked a phone, wrong PINs, what operators did.

Owns: these rows, newest last. Refuses to know: what comes of them.
"""

from __future__ import annotations

from smppgw.core.plugin import Host

KEPT = 365 * 86_400_000
"""Milliseconds."""
FORGOTTEN = 5
"""Old ones of a user that make room for a new one, at most."""


class Events:
    """The events of one microblog."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def note(self, user: int, event: str, detail: str) -> None:
        """Something happened to a user; in a piece of work."""
        now = self._host.now()
        self._host.change(
            "DELETE FROM microblog_event WHERE id IN"
            " (SELECT id FROM microblog_event WHERE user = ? AND at < ? ORDER BY id LIMIT ?)",
            (user, now - KEPT, FORGOTTEN),
        )
        self._host.change(
            "INSERT INTO microblog_event (id, at, user, event, detail) VALUES (?, ?, ?, ?, ?)",
            (self._host.next_id(), now, user, event, detail),
        )

    def of(self, user: int, limit: int) -> list[tuple[int, str, str]]:
        """(milliseconds since 1970, event, detail) of a user, the newest first."""
        return [
            (at, event, detail)
            for at, event, detail in self._host.query(
                "SELECT at, event, detail FROM microblog_event WHERE user = ?"
                " ORDER BY id DESC LIMIT ?",
                (user, limit),
            )
        ]
