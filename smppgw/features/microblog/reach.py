"""Which phones cannot be reached, and when a number may have become somebody else's.

Owns: the texts in a row that never arrived, the users whose numbers are dead by that, and the end
of the link between a user and a number that has been silent for 90 days.
Refuses to know: why a carrier could not deliver a text (the core does).
"""

from __future__ import annotations

from functools import partial

from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.phone_set import PhoneSet
from smppgw.core.plugin import Host, State
from smppgw.features.microblog.events import Events
from smppgw.features.microblog.users import User, Users, UserState

MOST_FAILURES = 5
"""Texts in a row that never arrive: the number is dead then."""
RECYCLED_AFTER = 90 * 86_400_000
"""Milliseconds after which the number of a phone that is gone may belong to somebody else."""
PAGE = 20_000
"""Rows read at once at the start."""

log = Logger()


class Reach:
    """The phones of one microblog."""

    def __init__(self, host: Host, users: Users, events: Events) -> None:
        self._host = host
        self._users = users
        self._events = events
        self._failing = PhoneSet()
        """Phones that have a row in `microblog_failure`; one too many costs a look."""

    def start(self) -> None:
        """Read which phones the last texts did not reach."""
        phone = ""
        query = "SELECT phone FROM microblog_failure WHERE phone > ? ORDER BY phone LIMIT ?"
        while rows := self._host.query(query, (phone, PAGE)):
            for (phone,) in rows:
                self._failing.add(phone)

    def ended(self, message: int, state: State) -> None:
        """A text ended: see `plugin.Feature`."""
        if state is State.DELIVERED and not self._failing:
            return
        phone, reached = self._host.verdict(message)
        if reached is None or (reached and phone not in self._failing):
            return
        if reached:
            done = self._host.transact(partial(self._forget, phone))
            done.addCallbacks(lambda _: self._failing.discard(phone), _not_counted)
        else:
            self._failing.add(phone)
            self._host.transact(partial(self._failed, phone)).addErrback(_not_counted)

    # ------------------------------------------------------------------ in a piece of work

    def _forget(self, phone: str) -> None:
        self._host.change("DELETE FROM microblog_failure WHERE phone = ?", (phone,))

    def _failed(self, phone: str) -> None:
        """One more text never arrived; the fifth in a row is the last that was sent."""
        user = self._users.by_phone(phone)
        if user is None or user.state not in (UserState.ACTIVE, UserState.SUBSCRIBER):
            self._forget(phone)
            return
        rows = self._host.query("SELECT count FROM microblog_failure WHERE phone = ?", (phone,))
        count = 1 + (rows[0][0] if rows else 0)
        if count < MOST_FAILURES:
            self._host.change(
                "INSERT OR REPLACE INTO microblog_failure (phone, count) VALUES (?, ?)",
                (phone, count),
            )
            return
        self._forget(phone)
        off = {"posts_on": False, "messages_on": False, "login": False}
        self._users.change(user, state=UserState.INVALID, gone_at=self._host.now(), **off)
        self._events.note(user.id, "number.invalid", f"{count} texts in a row did not arrive")

    def revive(self, user: User) -> User:
        """The phone of a user wrote: it is there. What was turned off stays so until ON."""
        state = UserState.ACTIVE if user.username else UserState.SUBSCRIBER
        self._events.note(user.id, "number.valid", "its phone wrote")
        return self._users.change(user, state=state, gone_at=0)

    def due(self, now: int, limit: int) -> int:
        """End the links to numbers that have been gone long enough; how many there were."""
        gone = self._users.found(
            "WHERE gone_at > 0 AND gone_at <= ? ORDER BY gone_at", (now - RECYCLED_AFTER,), limit
        )
        for user in gone:
            if user.username is None:
                self._users.remove_subscriber(user)
                continue
            state = user.state if user.state == UserState.SUSPENDED else UserState.STOPPED
            self._users.change(user, phone=None, last_phone="", state=state, gone_at=0)
            self._events.note(user.id, "number.recycled", "the phone was gone for 90 days")
        return len(gone)

    def next_due(self) -> int | None:
        """When the next of these is due."""
        rows = self._host.query("SELECT min(gone_at) FROM microblog_user WHERE gone_at > 0")
        return None if rows[0][0] is None else int(rows[0][0]) + RECYCLED_AFTER


def _not_counted(failure: Failure) -> None:
    log.failure("microblog: what became of a text was not counted", failure)
