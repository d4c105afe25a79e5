"""The parts of one microblog, put together.

Owns: which part knows which. Refuses to know: what messages ask for (`service`).
"""

from __future__ import annotations

from smppgw.core.plugin import Host
from smppgw.features.microblog.codes import LoginCodes
from smppgw.features.microblog.consents import Consents
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.dialogs import Dialogs
from smppgw.features.microblog.events import Events
from smppgw.features.microblog.guard import Guard
from smppgw.features.microblog.linking import Linking
from smppgw.features.microblog.numbers import Numbers
from smppgw.features.microblog.posts import Posts
from smppgw.features.microblog.publish import Publisher
from smppgw.features.microblog.reach import Reach
from smppgw.features.microblog.reports import Reports
from smppgw.features.microblog.tails import Tails
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import Follow, User, Users, UserState

DAY = 24 * 3_600_000
FORGOTTEN = 20
"""Old rows that make room for a new one, at most."""


class Blog:
    """What commands, dialogs and operators work with."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.users = Users(host)
        self.posts = Posts(host, self.users)
        self.numbers = Numbers(host)
        self.events = Events(host)
        self.reports = Reports(host)
        self.consents = Consents(host)
        self.dialogs = Dialogs(host)
        self.guard = Guard(host, self.events)
        self.delivery = Delivery(host, self.users, self.posts, self.numbers)
        self.publisher = Publisher(self.posts, self.dialogs, self.guard, self.events)
        self.tails = Tails(host, self.users, self.posts, self.delivery)
        self.reach = Reach(host, self.users, self.events)
        self.linking = Linking(
            host, self.users, self.consents, self.events, self.numbers, self.guard
        )
        self.codes = LoginCodes(host, self.delivery, self.numbers, self.events)

    def somebody(self, talk: Talk, name: str) -> User | None:
        """The member who is called so; answers when there is none."""
        found = self.users.by_name(name)
        if found is None or found.username is None or found.state == UserState.SUSPENDED:
            talk.answer("user.unknown", user=name.removeprefix("@"))
            return None
        return found

    def ask_to_follow(self, user: User, followed: User) -> None:
        """Somebody wants to follow another, who is told so once a day and decides about it."""
        now = self.host.now()
        self.users.put_follow(Follow(followed.id, user.id, True, True, now))
        if self.once(f"request {user.id} {followed.id}", DAY):
            self.delivery.request(user, followed, now)

    def once(self, what: str, every: int) -> bool:
        """Whether something has not happened within so many milliseconds (0: ever); now it has."""
        now = self.host.now()
        rows = self.host.query("SELECT until FROM microblog_once WHERE what = ?", (what,))
        if rows and (not every or rows[0][0] > now):
            return False
        self.host.change(
            "DELETE FROM microblog_once WHERE what IN"
            " (SELECT what FROM microblog_once WHERE until > 0 AND until <= ? LIMIT ?)",
            (now, FORGOTTEN),
        )
        self.host.change(
            "INSERT OR REPLACE INTO microblog_once (what, until) VALUES (?, ?)",
            (what, now + every if every else 0),
        )
        return True
