"""What keeps the microblog from being misused: PINs, limits, answers that must not loop.

Owns: these checks and their counts. Refuses to know: what a text asks for.
"""

from __future__ import annotations

import re
from hmac import compare_digest

from smppgw.core.plugin import Host, Mo
from smppgw.features.microblog.numbers import PIN_OFF
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User

MINUTE = 60_000
MOST_TEXTS = 30
TEXTS_WITHIN = 10 * MINUTE
MOST_WRONG_PINS = 5
LOCKED_FOR = 60 * MINUTE
PIN_LENGTH = 4
SHORTEST_PHONE = 9
TON_ALPHANUMERIC = 5
_PIN = re.compile(r"\s*([A-Za-z0-9]{4})(?:\s+(.*))?", re.DOTALL)


class Guard:
    """Counts per phone, in rows; everything in a piece of work."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def is_machine(self, mo: Mo) -> bool:
        """Whether an answer could begin a loop: a name, a short code, or a number of ours."""
        phone = mo.source.isdecimal() and len(mo.source) >= SHORTEST_PHONE
        ours = any(mo.source == one.address for one in self._host.numbers())
        return not phone or mo.source_ton == TON_ALPHANUMERIC or ours

    def too_many(self, talk: Talk) -> bool:
        """Whether a phone has sent more than it may; it is told once."""
        count = self._count(talk.mo.source, "texts", TEXTS_WITHIN)
        if count <= MOST_TEXTS:
            return False
        if count == MOST_TEXTS + 1:
            talk.answer("rate.limited", mins=TEXTS_WITHIN // MINUTE)
        return True

    def pin(self, talk: Talk, user: User) -> bool:
        """Whether a text may be its user's: the PIN it begins with is taken off.

        Nothing is asked of users without one, nor on numbers where nobody can forge a sender.
        """
        if talk.number.pin == PIN_OFF or not user.pin:
            return talk.number.pin != "required" or not self._refuse(talk, user, told=True)
        if self._so_far(user, "wrong pin", LOCKED_FOR) >= MOST_WRONG_PINS:
            return False
        found = _PIN.fullmatch(talk.text)
        if found is not None and compare_digest(
            found[1].casefold().encode(), user.pin.casefold().encode()
        ):
            talk.text = found[2] or ""
            return True
        wrong = self._count(str(user.id), "wrong pin", LOCKED_FOR)
        self._note(user, "pin.invalid", talk.mo.origin)
        if wrong == 1:
            talk.answer("pin.invalid")
        elif wrong == MOST_WRONG_PINS:
            talk.answer("pin.locked", mins=LOCKED_FOR // MINUTE)
        return False

    def unlock(self, user: User) -> None:
        """An operator lets somebody try again."""
        self._host.change(
            "DELETE FROM microblog_count WHERE phone = ? AND what = 'wrong pin'", (str(user.id),)
        )

    def _refuse(self, talk: Talk, user: User, *, told: bool) -> bool:
        """A number that demands a PIN, and a user that has none: nothing is taken."""
        self._note(user, "pin.missing", talk.mo.origin)
        if told:
            talk.answer("pin.invalid")
        return True

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

    def _note(self, user: User, event: str, detail: str) -> None:
        self._host.change(
            "INSERT INTO microblog_event (id, at, user, event, detail) VALUES (?, ?, ?, ?, ?)",
            (self._host.next_id(), self._host.now(), user.id, event, detail),
        )
