"""One post to all who follow: in slices, in the background, each follower once.

Owns: the jobs, their turns, and how far each has come. A slice is one commit with the texts it
sends and the places where the next begins, so that a crash repeats nothing and leaves nobody out.
Refuses to know: whether a reader wants posts (`delivery`).

Jobs take turns, so that the post of somebody whom millions follow holds up nobody else's; those of
one author go one after the other, so that every reader gets them in order.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from smppgw.core.plugin import Host
from smppgw.features.microblog.delivery import Delivery, Moment
from smppgw.features.microblog.posts import Post, Posts
from smppgw.features.microblog.users import User, Users, reader_of

SLICE = 400
"""Followers of one commit: other traffic has its turn between two of them."""
COST = 5
"""What a job counts in a slice besides its followers."""
AGAIN = 1.0
"""Seconds after which a slice is tried again that found no room, or a disk that refuses."""
MOST_MENTIONS = 10
_MENTION = re.compile(r"(?<!\w)@([A-Za-z0-9_]{1,15})")

log = Logger()


class Fanout:
    """Works through the jobs."""

    def __init__(self, host: Host, users: Users, posts: Posts, delivery: Delivery) -> None:
        self._host = host
        self._users = users
        self._posts = posts
        self._delivery = delivery
        self._working = False
        self._woken = False
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
        if self._working:  # it may have looked already
            self._woken = True
            return
        if self._stopped:
            return
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._working = True
        self._host.transact(self._slice).addCallbacks(self._done, self._failed)

    def _done(self, more: float | None) -> None:
        self._working = False
        woken, self._woken = self._woken, False
        if self._stopped or (more is None and not woken):
            return
        if more:
            self._call = self._host.clock.callLater(more, self.wake)
        else:
            self.wake()

    def _failed(self, failure: Any) -> None:
        if not self._stopped:
            log.failure("microblog: a slice of followers; it is tried again", failure)
        self._done(AGAIN)

    # ------------------------------------------------------------------ in a piece of work

    def _slice(self) -> float | None:
        """Serve some followers: seconds until the next slice, None when there is no job."""
        if self._host.room() < SLICE:
            return AGAIN
        moment = self._delivery.moment(self._host.now())
        left = SLICE
        while left > 0:
            job = self._next()
            if job is None:
                return None
            left -= COST + self._serve(*job, left, moment)
        return 0

    def _next(self) -> tuple[int, int, int] | None:
        """The job whose turn it is, how far it has come, and how many it has reached.

        It is the first of the author whose it is.

        A later job of that author has had its turn with it.
        """
        rows = self._host.query("SELECT post, author FROM microblog_job ORDER BY turn LIMIT 1")
        if not rows:
            return None
        number, author = rows[0]
        ((first, cursor, reached),) = self._host.query(
            "SELECT post, cursor, reached FROM microblog_job WHERE author = ?"
            " ORDER BY post LIMIT 1",
            (author,),
        )
        if first != number:
            self._turn(number)
        return first, cursor, reached

    def _turn(self, number: int) -> None:
        self._host.change(
            "UPDATE microblog_job SET turn = ? WHERE post = ?", (self._host.next_id(), number)
        )

    def _serve(self, number: int, cursor: int, reached: int, limit: int, moment: Moment) -> int:
        """Serve up to `limit` followers of a job; how many there were."""
        post = self._posts.post(number)
        author = None if post is None else self._users.by_id(post.author)
        text = "" if post is None else self._delivery.text_of(post)
        if post is None or author is None or not text:
            self._end(number)
            return 0
        if not cursor:
            reached += self._mentioned(post, author, text, moment)
        other = self._answered(post)
        readers = self._users.readers(author.id, cursor, limit, other)
        for reader in readers:
            if reader.follows_other or reader.id == other:
                reached += self._delivery.post(reader, text, moment)
        if len(readers) < limit:
            self._end(number)
            if post.mo:
                self._host.note(f"post {number} went to {reached:,} phones", post.mo)
        else:
            self._host.change(
                "UPDATE microblog_job SET cursor = ?, turn = ?, reached = ? WHERE post = ?",
                (readers[-1].id, self._host.next_id(), reached, number),
            )
        return len(readers)

    def _end(self, number: int) -> None:
        self._host.change("DELETE FROM microblog_job WHERE post = ?", (number,))

    def _mentioned(self, post: Post, author: User, text: str, moment: Moment) -> int:
        """Who is named in a post gets it without following, unless it is somebody blocked.

        How many did.
        """
        reached = 0
        for name in list(dict.fromkeys(_MENTION.findall(post.text)))[:MOST_MENTIONS]:
            user = self._users.by_name(name)
            if user is None or user.id == author.id or self._users.blocks(user.id, author.id):
                continue
            edge = self._users.follow(author.id, user.id)
            if author.protected and (edge is None or edge.pending):
                continue
            self._posts.names(post.id, user.id)
            if edge is None or edge.pending or not edge.by_sms:
                reached += self._delivery.post(reader_of(user), text, moment)
        return reached

    def _answered(self, post: Post) -> int:
        """The id of the user whom a post answers, 0 for none: it begins with that name."""
        found = _MENTION.match(post.text)
        user = None if found is None or post.repeats else self._users.by_name(found[1])
        return 0 if user is None else user.id
