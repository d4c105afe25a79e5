"""Forgetting: accounts and phones of which nothing stays.

Owns: what is removed, in which order, and that a crash in between leaves nothing half done.
Refuses to know: who may ask for it (`commands`), and what consent keeps (a STOP, see `consent`).

An account is gone for everybody with the first commit; its rows follow in slices.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.users import User

SLICE = 200
"""Rows of one commit."""
_OWN = (
    ("microblog_name", "user", ("folded",)),
    ("microblog_like", "user", ("post", "user")),
    ("microblog_message", "sender", ("id",)),
    ("microblog_message", "recipient", ("id",)),
    ("microblog_block", "user", ("user", "blocked")),
    ("microblog_block", "blocked", ("user", "blocked")),
    ("microblog_held", "user", ("id",)),
    ("microblog_mention", "user", ("user", "post")),
    ("microblog_event", "user", ("id",)),
    ("microblog_report", "user", ("id",)),
    ("microblog_login", "user", ("user",)),
    ("microblog_link", "user", ("id",)),
)
"""Tables with rows of a user: the column that says whose, and the key. By index, all of them."""
_OF_PHONE = (
    "microblog_dialog",
    "microblog_link",
    "microblog_tail",
    "microblog_count",
    "microblog_login_sent",
    "microblog_failure",
)
"""Tables with rows of a phone; a few of each."""

log = Logger()


class Erasure:
    """Removes accounts, and what is known of phones."""

    def __init__(self, blog: Blog) -> None:
        self._blog = blog
        self._host = blog.host
        self._stopped = True

    def start(self) -> None:
        """Go on with what a crash interrupted."""
        self._stopped = False
        if self._host.query("SELECT 1 FROM microblog_erasure LIMIT 1"):
            self._finish().addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if not self._stopped:
            log.failure("microblog: erasing; the next start goes on", failure)

    def stop(self) -> None:
        """The next start goes on."""
        self._stopped = True

    def remove(self, user: User) -> Deferred[None]:
        """Remove an account and everything of it; fires when all is gone."""
        done = self._host.transact(lambda: self._begin(user))
        return done.addCallback(lambda _: self._finish())

    def forget(self, phone: str, operator: str) -> Deferred[int]:
        """Remove everything about a phone, its account too: how many accounts there were.

        What remains is a record in the proof trail that says so, and that it said STOP if it did.
        """
        accounts: list[int] = []

        def work() -> None:
            for user in self._blog.users.of_phone(phone):
                if user.phone not in (None, phone):
                    self._blog.users.change(user, last_phone="")
                    continue
                accounts.append(user.id)
                self._begin(user)
            self._blog.guard.counts.forget(phone)
            for table in _OF_PHONE:
                self._host.change(f"DELETE FROM {table} WHERE phone = ?", (phone,))  # noqa: S608
            self._host.change("DELETE FROM microblog_once WHERE what = ?", (f"invite {phone}",))
            self._host.consent.forget(phone, f"operator {operator}")

        done = self._host.transact(work).addCallback(lambda _: self._finish())
        done.addCallback(lambda _: self._host.forget(phone))
        return done.addCallback(lambda _: len(accounts))

    # ------------------------------------------------------------------ in pieces of work

    def _begin(self, user: User) -> None:
        self._blog.users.remove(user)
        self._host.change("DELETE FROM microblog_count WHERE phone = ?", (str(user.id),))  # of PINs
        self._host.change("INSERT OR REPLACE INTO microblog_erasure (user) VALUES (?)", (user.id,))

    def _finish(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._slices())

    async def _slices(self) -> None:
        while not self._stopped and await self._host.transact(self._slice):
            pass

    def _slice(self) -> bool:
        """Remove some rows; whether there may be more."""
        rows = self._host.query("SELECT user FROM microblog_erasure ORDER BY user LIMIT 1")
        if not rows:
            return False
        user = rows[0][0]
        left = SLICE - self._follows(user, SLICE)
        if left > 0:
            left -= self._posts(user, left)
        for table, whose, key in _OWN:
            if left > 0:
                left -= self._rows(table, whose, key, user, left)
        if left > 0:
            self._host.change("DELETE FROM microblog_erasure WHERE user = ?", (user,))
        return True

    def _rows(self, table: str, whose: str, key: tuple[str, ...], user: int, limit: int) -> int:
        columns = ", ".join(key)
        found = self._host.query(
            f"SELECT {columns} FROM {table} WHERE {whose} = ? LIMIT ?",  # noqa: S608
            (user, limit),
        )
        condition = " AND ".join(f"{column} = ?" for column in key)
        for row in found:
            self._host.change(f"DELETE FROM {table} WHERE {condition}", row)  # noqa: S608
        return len(found)

    def _follows(self, user: int, limit: int) -> int:
        found = self._host.query(
            "SELECT followed, follower FROM microblog_follow WHERE follower = ?1"
            " UNION ALL SELECT followed, follower FROM microblog_follow WHERE followed = ?1"
            " LIMIT ?2",
            (user, limit),
        )
        for followed, follower in found:
            self._blog.users.remove_follow(followed, follower)
        return len(found)

    def _posts(self, user: int, limit: int) -> int:
        """Posts, each after those who like it."""
        found = self._host.query(
            "SELECT id FROM microblog_post WHERE author = ? ORDER BY id LIMIT ?", (user, limit)
        )
        left = limit
        for (post,) in found:
            left -= self._rows("microblog_like", "post", ("post", "user"), post, left)
            if left > 0:
                left -= self._rows("microblog_tag", "post", ("folded", "post"), post, left)
            if left <= 0:
                break
            self._host.change("DELETE FROM microblog_post WHERE id = ?", (post,))
            self._host.change("DELETE FROM microblog_job WHERE post = ?", (post,))
            left -= 1
        return limit - left
