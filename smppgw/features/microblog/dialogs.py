"""Where a phone is in a conversation with the microblog.

Owns: the one open dialog of each phone, and when it is over.
Refuses to know: what is asked and answered in it (`signup`, `confirm`).
"""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from smppgw.core.plugin import Host

ASK_NAME, ASK_USERNAME, CONFIRM, EXPIRED = "ask_name", "ask_username", "confirm", "expired"


@frozen
class Dialog:
    """Where a phone is in a dialog; `expires` in milliseconds since 1970."""

    phone: str
    kind: str
    language: str
    tries: int
    data: dict[str, Any]
    expires: int

    @property
    def signs_up(self) -> bool:
        """Somebody is about to get an account."""
        return self.kind in (ASK_NAME, ASK_USERNAME)


class Dialogs:
    """The dialogs of phones; what is written is written in a piece of work."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def of(self, phone: str) -> Dialog | None:
        """The dialog that a phone is in; a sign-up that is over is told as EXPIRED, once."""
        rows = self._host.query(
            "SELECT phone, kind, language, tries, data, expires FROM microblog_dialog"
            " WHERE phone = ?",
            (phone,),
        )
        if not rows:
            return None
        _, kind, language, tries, data, expires = rows[0]
        found = Dialog(phone, kind, language, tries, json.loads(data), expires)
        if expires > self._host.now():
            return found
        self.end(phone)
        if not found.signs_up:
            return None
        return Dialog(phone, EXPIRED, language, tries, found.data, expires)

    def put(self, dialog: Dialog) -> None:
        """Write where a phone is."""
        self._host.change(
            "INSERT OR REPLACE INTO microblog_dialog (phone, kind, language, tries, data, expires)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                dialog.phone,
                dialog.kind,
                dialog.language,
                dialog.tries,
                json.dumps(dialog.data),
                dialog.expires,
            ),
        )

    def end(self, phone: str) -> None:
        """A phone is in no dialog any more."""
        self._host.change("DELETE FROM microblog_dialog WHERE phone = ?", (phone,))
