"""How a phone comes to speak for an account that exists: by a code, either way.

Owns: requests and their codes, and what a phone is to an account.
Refuses to know: sign-up, and who may ask for a link.
"""

from __future__ import annotations

import re
from hmac import compare_digest
from secrets import randbelow

from smppgw.core.plugin import Host
from smppgw.features.microblog.consents import Consents
from smppgw.features.microblog.events import Events
from smppgw.features.microblog.guard import Guard
from smppgw.features.microblog.numbers import Numbers, zone_of
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import MOST_SUBSCRIPTIONS, User, Users, UserState

MINUTE = 60_000
LASTS = 10 * MINUTE
CHECKS = 5
FORGOTTEN = 20
"""Old requests that make room for a new one, at most."""
_CODE = re.compile(r"\d{3}[ -]?\d{3}")


class Linking:
    """Phones and accounts; everything in a piece of work."""

    def __init__(
        self,
        host: Host,
        users: Users,
        consents: Consents,
        events: Events,
        numbers: Numbers,
        guard: Guard,
    ) -> None:
        self._host = host
        self._users = users
        self._consents = consents
        self._events = events
        self._numbers = numbers
        self._guard = guard

    def request(self, user: User, phone: str) -> str:
        """A code that links a phone ("": whichever sends it) to an account, 10 minutes long."""
        now = self._host.now()
        self._host.change("DELETE FROM microblog_link WHERE user = ?", (user.id,))
        self._host.change(
            "DELETE FROM microblog_link WHERE id IN"
            " (SELECT id FROM microblog_link WHERE expires <= ? ORDER BY id LIMIT ?)",
            (now, FORGOTTEN),
        )
        code = self._unused()
        self._host.change(
            "INSERT INTO microblog_link (id, user, phone, code, checks, expires)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (self._host.next_id(), user.id, phone, code, CHECKS, now + LASTS),
        )
        return code

    def _unused(self) -> str:
        """A code that stands for no other open request."""
        while True:
            code = f"{randbelow(1_000_000):06}"
            if not self._host.query("SELECT 1 FROM microblog_link WHERE code = ?", (code,)):
                return code

    def confirm(self, user: User, code: str) -> tuple[str, int]:
        """Check a code for an account: the phone it was for ("" if wrong), and the tries left."""
        rows = self._host.query(
            "SELECT id, phone, code, checks FROM microblog_link WHERE user = ? AND expires > ?",
            (user.id, self._host.now()),
        )
        if not rows or not rows[0][1]:
            return "", 0
        number, phone, right, checks = rows[0]
        if compare_digest(code.encode(), str(right).encode()):
            self._host.change("DELETE FROM microblog_link WHERE id = ?", (number,))
            return str(phone), checks
        if checks <= 1:
            self._host.change("DELETE FROM microblog_link WHERE id = ?", (number,))
        else:
            self._host.change(
                "UPDATE microblog_link SET checks = ? WHERE id = ?", (checks - 1, number)
            )
        return "", checks - 1

    def by_code(self, talk: Talk, *, go: bool) -> bool:
        """A code from a phone, or GO for the one request of it; whether the text was either."""
        found = _CODE.fullmatch(talk.text.strip())
        if not go and found is None:
            return False
        now = self._host.now()
        if go:
            rows = self._host.query(
                "SELECT id, user FROM microblog_link WHERE phone = ? AND expires > ?",
                (talk.mo.source, now),
            )
        else:
            code = re.sub(r"\D", "", talk.text)
            rows = self._host.query(
                "SELECT id, user FROM microblog_link WHERE code = ? AND phone IN ('', ?)"
                " AND expires > ?",
                (code, talk.mo.source, now),
            )
        user = self._users.by_id(rows[0][1]) if len(rows) == 1 else None
        if user is None or user.state == UserState.SUSPENDED:
            member = talk.user is not None and talk.user.username is not None
            if not go and member:
                return False  # six digits of a member are a post unless somebody waits for them
            if go:
                talk.answer("link.bad_code")
            else:
                self._guard.notice(talk, "link.bad_code")
            return True
        self._host.change("DELETE FROM microblog_link WHERE id = ?", (rows[0][0],))
        self.link(user, talk.mo.source, talk.number.address, talk.carrier)
        self._consents.start(talk)
        talk.language = user.language
        talk.answer("link.done", user=user.called, exempt=True)
        return True

    def link(self, user: User, phone: str, address: str, carrier: str) -> User:
        """A phone speaks for an account from now on, and for no other."""
        before = self._users.by_phone(phone)
        if before is not None and before.id != user.id:
            self._take_from(before, user)
        place = {"phone": phone, "address": address, "carrier": carrier}
        zone = user.zone or zone_of(phone, self._numbers.get(address))
        linked = self._users.change(user, state=UserState.ACTIVE, gone_at=0, zone=zone, **place)
        self._events.note(user.id, "link.done", "a phone was linked")
        return linked

    def _take_from(self, before: User, user: User) -> None:
        """A phone that was somebody's is somebody else's."""
        if before.username is None:  # it only followed: it still does, with an account
            for followed in self._users.followed_by(before.id, MOST_SUBSCRIPTIONS):
                edge = self._users.follow(followed, before.id)
                self._users.remove_follow(followed, before.id)
                if edge is not None and self._users.follow(followed, user.id) is None:
                    self._users.put_follow(edge.of(user.id))
            self._users.remove(before)
            return
        state = before.state if before.state == UserState.SUSPENDED else UserState.STOPPED
        self._users.change(before, phone=None, state=state, login=False)
        self._events.note(before.id, "link.moved", f"the phone was linked to @{user.called}")
