"""What keeps the microblog from being misused: PINs, limits, answers that must not loop.

Owns: these checks and their counts. Refuses to know: what a text asks for.
"""

from __future__ import annotations

import re
from hmac import compare_digest
from typing import Any

from smppgw.core.plugin import Host, Mo
from smppgw.features.microblog.counts import Counts
from smppgw.features.microblog.events import Events
from smppgw.features.microblog.numbers import PIN_OFF, PIN_REQUIRED
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
MOST_TEXTS = 30
TEXTS_WITHIN = 10 * MINUTE
MOST_POSTS = 1_000
MOST_MESSAGES = 250
MOST_INVITATIONS = 20
"""A day."""
SLACK = 25
"""Of these a day, so many may be forgotten in a crash."""
LONGEST_WAIT = 999
"""Minutes that a text can say."""
NOTICE_EVERY = 10_000
"""Milliseconds between two answers that nobody asked for by a command."""
MOST_WRONG_PINS = 5
LOCKED_FOR = 60 * MINUTE
WRONG, LOCK = "wrong pin", "pin lock"
SHORTEST_PHONE = 9
TON_ALPHANUMERIC = 5
_PIN = re.compile(r"\s*([A-Za-z0-9]{4})(?:\s+(.*))?", re.DOTALL)


class Guard:
    """Counts per phone; everything in a piece of work."""

    def __init__(self, host: Host, events: Events) -> None:
        self._host = host
        self._events = events
        self.counts = Counts(host)

    def is_machine(self, mo: Mo) -> bool:
        """Whether an answer could begin a loop: a name, a short code, or a number of ours."""
        phone = mo.source.isdecimal() and len(mo.source) >= SHORTEST_PHONE
        ours = any(mo.source == one.address for one in self._host.numbers())
        return not phone or mo.source_ton == TON_ALPHANUMERIC or ours

    def notice(self, talk: Talk, key: str, /, **values: Any) -> int:
        """Answer a text that asked for nothing: once in 10 seconds, lest two machines talk.

        The id of the text, 0 for none. What answers a command, a question of ours, STOP or HELP is
        no notice: it has limits of its own.
        """
        if not self.first_in(talk.mo.source, "notice", NOTICE_EVERY):
            return 0
        return talk.answer(key, **values)

    def too_many(self, talk: Talk) -> bool:
        """Whether a phone has sent more than it may; it is told once."""
        return self._enough(talk, "texts", MOST_TEXTS, TEXTS_WITHIN, MOST_TEXTS + 1)

    def enough_posts(self, talk: Talk) -> bool:
        """Whether a phone has posted enough today; it is told once."""
        return self._enough(talk, "posts", MOST_POSTS, DAY, SLACK)

    def enough_messages(self, talk: Talk) -> bool:
        """Whether a phone has sent enough private messages today; it is told once."""
        return self._enough(talk, "messages", MOST_MESSAGES, DAY, SLACK)

    def enough_invitations(self, talk: Talk) -> bool:
        """Whether a phone has invited enough others today; it is told once."""
        return self._enough(talk, "invitations", MOST_INVITATIONS, DAY, 1)

    def _enough(self, talk: Talk, what: str, most: int, within: int, kept: int) -> bool:
        count = self.counts.add(talk.mo.source, what, within, kept)
        if count == most + 1:
            talk.answer("rate.limited", mins=min(LONGEST_WAIT, within // MINUTE))
        return count > most

    # ------------------------------------------------------------------ PINs

    def needs_pin(self, talk: Talk, user: User) -> bool:
        """Whether a text counts only with the PIN of its user in front.

        Not on numbers where nobody can forge a sender, and not for users without one where it is
        left to them.
        """
        return talk.number.pin == PIN_REQUIRED or (talk.number.pin != PIN_OFF and bool(user.pin))

    def is_locked(self, user: User) -> bool:
        """Whether too many wrong PINs came a short time ago."""
        return bool(self._so_far(user, LOCK, LOCKED_FOR))

    def take_pin(self, talk: Talk, user: User) -> bool:
        """Whether a text begins with the PIN of its user, which is taken off."""
        found = _PIN.fullmatch(talk.text)
        right = found is not None and compare_digest(
            found[1].casefold().encode(), user.pin.casefold().encode()
        )
        if found is not None and right:
            talk.text = found[2] or ""
        return right

    def wrong_pin(self, talk: Talk, user: User) -> None:
        """A text had no PIN, or a wrong one: it is answered once, and the fifth is the last."""
        self._events.note(user.id, "pin.invalid" if user.pin else "pin.missing", talk.mo.origin)
        if self.is_locked(user):
            return
        wrong = self._count(str(user.id), WRONG, LOCKED_FOR)
        if wrong == 1:
            talk.answer("pin.invalid")
        elif wrong >= MOST_WRONG_PINS:
            self._forget(user, WRONG)
            self._count(str(user.id), LOCK, LOCKED_FOR)
            self._events.note(user.id, "pin.locked", talk.mo.origin)
            talk.answer("pin.locked", mins=LOCKED_FOR // MINUTE)

    def unlock(self, user: User) -> None:
        """An operator lets somebody try again."""
        self._forget(user, WRONG)
        self._forget(user, LOCK)

    def _forget(self, user: User, what: str) -> None:
        self._host.change(
            "DELETE FROM microblog_count WHERE phone = ? AND what = ?", (str(user.id), what)
        )

    def first_in(self, phone: str, what: str, within: int) -> bool:
        """Whether this is the first of its kind within so many milliseconds; it is counted."""
        return self._count(phone, what, within) == 1

    def _so_far(self, user: User, what: str, within: int) -> int:
        rows = self._host.query(
            "SELECT count FROM microblog_count WHERE phone = ? AND what = ? AND since > ?",
            (str(user.id), what, self._host.now() - within),
        )
        return int(rows[0][0]) if rows else 0

    def _count(self, phone: str, what: str, within: int) -> int:
        """Count one more: how many there are in the span that is under way."""
        now = self._host.now()
        rows = self._host.query(
            "SELECT since, count FROM microblog_count WHERE phone = ? AND what = ? AND since > ?",
            (phone, what, now - within),
        )
        since, count = rows[0] if rows else (now, 0)
        self._host.change(
            "INSERT OR REPLACE INTO microblog_count (phone, what, since, count)"
            " VALUES (?, ?, ?, ?)",
            (phone, what, since, count + 1),
        )
        return int(count) + 1
