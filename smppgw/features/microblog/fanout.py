"""One post to all who follow: in slices, in the background, each follower once.

Owns: the jobs and how far each has come. A slice is one commit with the texts it sends and the
place where the next begins, so that a crash repeats nothing and leaves nobody out.
Refuses to know: whether a reader wants posts (`delivery`).
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from smppgw.core.plugin import Host
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.posts import Post, Posts
from smppgw.features.microblog.users import User, Users

SLICE = 200
"""Followers of one commit: other traffic has its turn between two of them."""
AGAIN = 1.0
"""Seconds after which a slice is tried again that found no room, or a disk that refuses."""
MOST_MENTIONS = 10
_MENTION = re.compile(r"(?<!\w)@([A-Za-z0-9_]{1,15})")

log = Logger()


class Fanout:
    """Works through the jobs, oldest first."""

    def __init__(self, host: Host, users: Users, posts: Posts, delivery: Delivery) -> None:
        self._host = host
        self._users = users
        self._posts = posts
        self._delivery = delivery
        self._working = False
        self._call: IDelayedCall | None = None
        self._stopped = True

    def start(self) -> None:
        """Take up what is there."""
        self._stopped = False
        self.wake()

    def stop(self) -> None:
        """Begin no slice any more."""
        self._stopped = True
        if self._call is not None and self._call.active():
            self._call.cancel()

    def wake(self) -> None:
        """There may be a job."""
        if self._working or self._stopped:
            return
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._working = True
        self._host.transact(self._slice).addCallbacks(self._done, self._failed)

    def _done(self, more: float | None) -> None:
        self._working = False
        if more is not None and not self._stopped:
            self._call = self._host.clock.callLater(more, self.wake)

    def _failed(self, failure: Any) -> None:
        log.failure("microblog: a slice of followers; it is tried again", failure)
        self._done(AGAIN)

    # ------------------------------------------------------------------ in a piece of work

    def _slice(self) -> float | None:
        """Serve some followers of the oldest job: seconds until the next slice, None for no job."""
        rows = self._host.query("SELECT post, cursor FROM microblog_job ORDER BY post LIMIT 1")
        if not rows:
            return None
        if self._host.room() < SLICE:
            return AGAIN
        number, cursor = rows[0]
        post = self._posts.post(number)
        author = None if post is None else self._users.by_id(post.author)
        if post is None or author is None:
            self._end(number)
            return 0
        text, now = self._delivery.text_of(post), self._host.now()
        if not cursor:
            self._mentioned(post, author, text, now)
        edges = self._users.followers(author.id, cursor, SLICE)
        other = self._answered(post)
        for edge in edges:
            if edge.by_sms and not edge.pending and self._reads(edge.follower, other):
                self._serve(edge.follower, text, now)
        if len(edges) < SLICE:
            self._end(number)
        else:
            self._host.change(
                "UPDATE microblog_job SET cursor = ? WHERE post = ?", (edges[-1].follower, number)
            )
        return 0

    def _end(self, number: int) -> None:
        self._host.change("DELETE FROM microblog_job WHERE post = ?", (number,))

    def _serve(self, reader: int, text: str, now: int) -> None:
        user = self._users.by_id(reader)
        if user is not None and text:
            self._delivery.post(user, text, now)

    def _mentioned(self, post: Post, author: User, text: str, now: int) -> None:
        """Who is named in a post gets it without following, unless it is somebody blocked."""
        for name in list(dict.fromkeys(_MENTION.findall(post.text)))[:MOST_MENTIONS]:
            user = self._users.by_name(name)
            if user is None or user.id == author.id or self._users.blocks(user.id, author.id):
                continue
            edge = self._users.follow(author.id, user.id)
            if edge is None or edge.pending or not edge.by_sms:
                self._serve(user.id, text, now)

    def _answered(self, post: Post) -> User | None:
        """Whom a post answers: it begins with that name."""
        found = _MENTION.match(post.text)
        return None if found is None or post.repeats else self._users.by_name(found[1])

    def _reads(self, reader: int, other: User | None) -> bool:
        """An answer to somebody goes to those who follow both."""
        if other is None or reader == other.id:
            return True
        edge = self._users.follow(other.id, reader)
        return edge is not None and not edge.pending
