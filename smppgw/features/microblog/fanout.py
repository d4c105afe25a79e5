"""One post to all who follow: in slices, in the background, each follower once.

Owns: the jobs, their turns, and how far each has come. A slice is one piece of work with the texts
it sends and the place where the next begins, so that a crash repeats nothing and leaves nobody out.
Refuses to know: whether a reader wants posts (`delivery`).

A post that few get is with them in the commit that publishes it. Jobs take turns, so that the post
of somebody whom millions follow holds up nobody else's; those of one author go one after the other,
so that every reader gets them in order. A commit does as many slices as there is time for.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from smppgw.core.plugin import Host
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.posts import Post, Posts
from smppgw.features.microblog.users import (
    ANYONE,
    FOLLOWED,
    Reader,
    User,
    Users,
    reader_of,
)

SLICE = 50
"""Followers of one slice."""
AHEAD = 8
"""Slices that wait for a commit at a time: what comes meanwhile has to wait for no more of them."""
FEW = 20
"""Followers who are served at once."""
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
        self._waiting = 0
        """Slices that were asked for and are not over."""
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
        if self._waiting:  # they may have looked already
            self._woken = True
        elif not self._stopped:
            if self._call is not None and self._call.active():
                self._call.cancel()
            self._ask()

    @property
    def _idle(self) -> bool:
        """There is no job, nor was there one since somebody looked."""
        later = self._call is not None and self._call.active()
        return not (self._waiting or self._woken or later or self._stopped)

    def _ask(self) -> None:
        self._waiting += 1
        self._host.transact(self._slice).addCallbacks(self._done, self._failed)

    def _done(self, more: float | None) -> None:
        self._waiting -= 1
        woken = self._woken
        if self._stopped:
            return
        if more:
            if not self._waiting:
                self._woken = False
                self._call = self._host.clock.callLater(more, self.wake)
        elif more is not None:
            while self._waiting < AHEAD:
                self._ask()
        elif woken and not self._waiting:
            self._woken = False
            self._ask()

    def _failed(self, failure: Any) -> None:
        if not self._stopped:
            log.failure("microblog: a slice of followers; it is tried again", failure)
        self._done(AGAIN)

    # ------------------------------------------------------------------ in a piece of work

    def _slice(self) -> float | None:
        """Serve some followers: seconds until the next slice, None when there is no job."""
        if self._host.room() < SLICE:
            return AGAIN
        left = SLICE
        while left > 0:
            job = self._next()
            if job is None:
                return None
            left -= COST + self._serve(*job, left)
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

    def begin(self, post: Post) -> None:
        """A new post: to few at once, to many by a job."""
        if not self._to_few(post):
            self._host.change(
                "INSERT INTO microblog_job (post, author, turn, cursor) VALUES (?, ?, ?, 0)",
                (post.id, post.author, post.id),
            )
            self.wake()

    def _to_few(self, post: Post) -> bool:
        """Serve all followers of a post when they are few, and nothing is on its way to them."""
        author = self._users.by_id(post.author)
        if author is None or author.followers > FEW or self._host.room() < FEW + MOST_MENTIONS:
            return False
        if not self._idle and self._host.query(
            "SELECT 1 FROM microblog_job WHERE author = ? LIMIT 1", (author.id,)
        ):
            return False
        other = self._answered(post)
        readers = self._users.readers(author.id, 0, FEW + 1, other)
        if len(readers) > FEW:
            return False
        text = self._delivery.text_of(post)
        if text:
            reached = self._mentioned(post, author, text) + self._hand_out(readers, other, text)
            self._host.note(f"post {post.id} went to {reached:,} phones")
        return True

    def _serve(self, number: int, cursor: int, reached: int, limit: int) -> int:
        """Serve up to `limit` followers of a job; how many there were."""
        post = self._posts.post(number)
        author = None if post is None else self._users.by_id(post.author)
        text = "" if post is None else self._delivery.text_of(post)
        if post is None or author is None or not text:
            self._end(number)
            return 0
        if not cursor:
            reached += self._mentioned(post, author, text)
        other = self._answered(post)
        readers = self._users.readers(author.id, cursor, limit, other)
        reached += self._hand_out(readers, other, text)
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

    def _hand_out(self, readers: list[Reader], other: int, text: str) -> int:
        if other:
            readers = [one for one in readers if one.follows_other or one.id == other]
        return self._delivery.posts(readers, text, self._host.now())

    def _end(self, number: int) -> None:
        self._host.change("DELETE FROM microblog_job WHERE post = ?", (number,))

    def _mentioned(self, post: Post, author: User, text: str) -> int:
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
            if self._may_tell(user, author) and not (edge and edge.by_sms and not edge.pending):
                reached += self._delivery.posts((reader_of(user),), text, self._host.now())
        return reached

    def _may_tell(self, user: User, author: User) -> bool:
        """Whether somebody wants to get the posts of an author that name it."""
        if user.mentions == FOLLOWED:
            edge = self._users.follow(author.id, user.id)
            return edge is not None and not edge.pending
        return user.mentions == ANYONE

    def _answered(self, post: Post) -> int:
        """The id of the user whom a post answers, 0 for none: it begins with that name."""
        found = _MENTION.match(post.text)
        user = None if found is None or post.repeats else self._users.by_name(found[1])
        return 0 if user is None else user.id
