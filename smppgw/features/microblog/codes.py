"""Codes by SMS that prove that a phone is somebody's at the moment: for logging in elsewhere.

Owns: the codes, how often they are sent and tried. Refuses to know: where somebody logs in.
"""

from __future__ import annotations

from hmac import compare_digest
from secrets import randbelow

from smppgw.core.plugin import Host, Mt, NoRoute, Priority
from smppgw.features.microblog import quiet
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.events import Events
from smppgw.features.microblog.numbers import Numbers
from smppgw.features.microblog.users import User, UserState

HOUR = 3_600_000
DAY = 24 * HOUR
MINUTE = 60_000
LASTS = 10 * MINUTE
CHECKS = 5
LIMITS = ((3, HOUR, "hour"), (10, DAY, "day"))
"""So many in such a time, per phone."""


class CodeRefused(Exception):
    """No code is sent; the message says why."""


class LoginCodes:
    """The codes of users; everything in a piece of work."""

    def __init__(self, host: Host, delivery: Delivery, numbers: Numbers, events: Events) -> None:
        self._host = host
        self._delivery = delivery
        self._numbers = numbers
        self._events = events

    def fault(self, user: User) -> str:
        """Why codes cannot reach a user; "" when they can."""
        if user.state == UserState.INVALID:
            return f"@{user.called} cannot be written to: nothing reaches its phone"
        if user.phone is None or user.state != UserState.ACTIVE:
            return f"@{user.called} has no phone"
        if not self._numbers.get(user.address).answers:
            return f"{user.address} is one-way: codes cannot be delivered"
        try:
            self._host.check(
                Mt(source=user.address, destination=user.phone, text="", carrier=user.carrier)
            )
        except NoRoute as error:
            return f"nothing can be sent to this phone: {error}"
        return ""

    def send(self, user: User) -> int:
        """Send a code, whatever is turned off or quiet: the id of the text; raises CodeRefused."""
        fault = self.fault(user)
        if fault or user.phone is None:
            raise CodeRefused(fault)
        now = self._host.now()
        self._permit(user, user.phone, now)
        code = f"{randbelow(1_000_000):06}"
        self._host.change(
            "INSERT OR REPLACE INTO microblog_login (user, code, checks, expires)"
            " VALUES (?, ?, ?, ?)",
            (user.id, code, CHECKS, now + LASTS),
        )
        self._host.change(
            "INSERT OR REPLACE INTO microblog_login_sent (phone, at) VALUES (?, ?)",
            (user.phone, now),
        )
        return self._delivery.say(
            user, "login.code", Priority.CODES, code=code, mins=LASTS // MINUTE
        )

    def check(self, user: User, code: str) -> bool:
        """Whether this is the code that was sent; it is used up then, or after five wrong tries."""
        rows = self._host.query(
            "SELECT code, checks FROM microblog_login WHERE user = ? AND expires > ?",
            (user.id, self._host.now()),
        )
        if not rows:
            return False
        right, checks = rows[0]
        same = compare_digest(str(right).encode(), code.encode())
        if same or checks <= 1:
            self._host.change("DELETE FROM microblog_login WHERE user = ?", (user.id,))
        else:
            self._host.change(
                "UPDATE microblog_login SET checks = ? WHERE user = ?", (checks - 1, user.id)
            )
        if not same:
            self._events.note(user.id, "login.wrong", f"{checks - 1} tries left")
        return same

    def _permit(self, user: User, phone: str, now: int) -> None:
        """Raise CodeRefused when a phone has been sent enough of them."""
        self._host.change(
            "DELETE FROM microblog_login_sent WHERE phone = ? AND at <= ?", (phone, now - DAY)
        )
        sent = [
            at
            for (at,) in self._host.query(
                "SELECT at FROM microblog_login_sent WHERE phone = ? ORDER BY at DESC", (phone,)
            )
        ]
        waits = [
            (sent[most - 1] + within, f"limit {most} per {unit}")
            for most, within, unit in LIMITS
            if len(sent) >= most and sent[most - 1] > now - within
        ]
        if waits:
            until, limit = max(waits)
            clock = quiet.said(until, user.zone)
            shown = clock.partition(" ")[2] if until - now < DAY // 2 else clock
            raise CodeRefused(f"{limit}, next at {shown}")
