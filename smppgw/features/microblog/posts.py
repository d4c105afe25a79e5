"""What people wrote: posts, repeats, likes, private messages.

Owns: these rows. Refuses to know: who gets them when (`delivery`, `fanout`), and commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen

from smppgw.core.plugin import Host
from smppgw.core.words import folded
from smppgw.features.microblog.users import User, Users

LONGEST_POST = 140
"""Characters (code points)."""
LONGEST_MESSAGE = 1_000
MOST_LIKES = 1_000
MOST_FOLLOWED = 500
"""Of those whom somebody follows, so many are looked at for the latest posts."""


_TAG = re.compile(r"(?:^|\s)#(\w{1,139})")


def tags_of(text: str) -> list[str]:
    """The hashtags of a text, folded, each once; figures alone are none."""
    found = (one for one in _TAG.findall(text) if not one.isdecimal())
    return list(dict.fromkeys(map(folded, found)))


@frozen
class Post:
    """A post; `repeats` is the one that it hands on, 0 for one of its author's own.

    What hands on another has no text.
    """

    id: int
    author: int
    at: int
    text: str
    repeats: int
    mo: int


@frozen
class Message:
    """A private message; `sent`: its recipient has been sent it."""

    id: int
    sender: int
    recipient: int
    at: int
    text: str
    sent: bool


_POST = "SELECT id, author, at, text, repeats, mo FROM microblog_post"
_MESSAGE = "SELECT id, sender, recipient, at, text, sent FROM microblog_message"


class Posts:
    """The posts of one microblog; what is written is written in a piece of work."""

    def __init__(self, host: Host, users: Users) -> None:
        self._host = host
        self._users = users
        self.begin: Callable[[Post], None] = lambda post: None
        """Sends a new post on its way to followers."""

    def add(self, author: User, text: str, mo: int, repeats: int = 0) -> Post:
        """A new post, on its way to followers."""
        post = Post(self._host.next_id(), author.id, self._host.now(), text, repeats, mo)
        self._host.change(
            "INSERT INTO microblog_post (id, author, at, text, repeats, mo)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (post.id, post.author, post.at, post.text, post.repeats, post.mo),
        )
        self._host.note(f"post {post.id}")
        for tag in tags_of(text):
            self._host.change(
                "INSERT OR REPLACE INTO microblog_tag (folded, post) VALUES (?, ?)", (tag, post.id)
            )
        self._users.count(author.id, "posts", 1)
        self.begin(post)
        return post

    def remove(self, post: Post) -> None:
        """Take a post back: nobody is sent it any more, nor what hands it on."""
        self._host.change("DELETE FROM microblog_post WHERE id = ?", (post.id,))
        self._host.change("DELETE FROM microblog_job WHERE post = ?", (post.id,))
        if "#" in post.text:
            self._host.change("DELETE FROM microblog_tag WHERE post = ?", (post.id,))
        self._users.count(post.author, "posts", -1)

    def post(self, number: int) -> Post | None:
        """The post with an id."""
        return self._one("WHERE id = ?", number)

    def latest(self, author: int, *, own: bool = False) -> Post | None:
        """The last post of somebody; `own`: not one that hands on another."""
        where = "WHERE author = ? AND repeats = 0" if own else "WHERE author = ?"
        return self._one(f"{where} ORDER BY id DESC LIMIT 1", author)

    def newest(self, author: int | None, limit: int) -> list[Post]:
        """The newest posts, of one user or of all."""
        where, values = ("", ()) if author is None else ("WHERE author = ?", (author,))
        rows = self._host.query(f"{_POST} {where} ORDER BY id DESC LIMIT ?", (*values, limit))
        return [Post(*row) for row in rows]

    def timeline(self, reader: int, limit: int) -> list[Post]:
        """The latest posts of those whom somebody follows, the newest first."""
        rows = self._host.query(
            f"{_POST} WHERE id IN (SELECT (SELECT max(id) FROM microblog_post"  # noqa: S608
            " WHERE author = followed) FROM (SELECT followed FROM microblog_follow"
            " WHERE follower = ? AND pending = 0 LIMIT ?)) ORDER BY id DESC LIMIT ?",
            (reader, MOST_FOLLOWED, limit),
        )
        return [Post(*row) for row in rows]

    def tagged(self, tag: str, limit: int) -> list[Post]:
        """The newest posts with a hashtag, the # left out."""
        rows = self._host.query(
            f"{_POST} WHERE id IN (SELECT post FROM microblog_tag WHERE folded = ?"  # noqa: S608
            " ORDER BY post DESC LIMIT ?) ORDER BY id DESC",
            (folded(tag), limit),
        )
        return [Post(*row) for row in rows]

    def names(self, post: int, user: int) -> None:
        """A post names somebody."""
        self._host.change(
            "INSERT OR REPLACE INTO microblog_mention (user, post) VALUES (?, ?)", (user, post)
        )

    def naming(self, user: int, limit: int) -> list[Post]:
        """The newest posts that name somebody."""
        rows = self._host.query(
            f"{_POST} JOIN microblog_mention m ON m.post = id WHERE m.user = ?"
            " ORDER BY m.post DESC LIMIT ?",
            (user, limit),
        )
        return [Post(*row) for row in rows]

    def repeated(self, user: int, post: int) -> bool:
        """Whether somebody has handed a post on."""
        return bool(
            self._host.query(
                "SELECT 1 FROM microblog_post WHERE repeats = ? AND author = ?", (post, user)
            )
        )

    def like(self, user: int, post: int) -> None:
        """Somebody likes a post; the same again is nothing."""
        self._host.change("INSERT OR REPLACE INTO microblog_like VALUES (?, ?)", (post, user))

    def likes(self, post: int) -> int:
        """How many do; no more than MOST_LIKES are counted."""
        ((count,),) = self._host.query(
            "SELECT count(*) FROM (SELECT 1 FROM microblog_like WHERE post = ? LIMIT ?)",
            (post, MOST_LIKES),
        )
        return int(count)

    def _one(self, clause: str, value: object) -> Post | None:
        rows = self._host.query(f"{_POST} {clause}", (value,))
        return Post(*rows[0]) if rows else None

    # ------------------------------------------------------------------ private messages

    def write(self, sender: User, recipient: User, text: str, *, sent: bool = False) -> Message:
        """A private message; its recipient has yet to be sent it, unless it is `sent` just now."""
        message = Message(
            self._host.next_id(), sender.id, recipient.id, self._host.now(), text, sent
        )
        self._host.change(
            "INSERT INTO microblog_message (id, sender, recipient, at, text, sent)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                message.id,
                message.sender,
                message.recipient,
                message.at,
                message.text,
                int(message.sent),
            ),
        )
        self._host.note(f"private message {message.id}")
        return message

    def message(self, number: int) -> Message | None:
        """The private message with an id."""
        rows = self._host.query(f"{_MESSAGE} WHERE id = ?", (number,))
        if not rows:
            return None
        number, sender, recipient, at, text, sent = rows[0]
        return Message(number, sender, recipient, at, text, bool(sent))

    def was_sent(self, message: int) -> None:
        """Its recipient has been sent it."""
        self._host.change("UPDATE microblog_message SET sent = 1 WHERE id = ?", (message,))
