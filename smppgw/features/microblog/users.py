"""Who takes part in the microblog.

Owns: users, their names and phones, and who follows whom.
Refuses to know: texts, dialogs, and what commands do.
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any

from attrs import define, evolve, fields, frozen

from smppgw.core.plugin import Host
from smppgw.features.microblog.acquaintance import Acquaintance
from smppgw.features.microblog.verbs import RESERVED

ANYONE, FOLLOWED, NOBODY = "anyone", "followed", "nobody"
LONGEST_USERNAME = 15
MOST_SUBSCRIPTIONS = 50
"""People whom a phone without an account can follow."""
NAME_KEPT = 30 * 86_400_000
"""Milliseconds for which a name that was given up stays its last owner's."""


class UserState(IntEnum):
    """Whether texts of a phone are a user's."""

    ACTIVE = 1
    STOPPED = 2
    """The account is there; no phone is linked."""
    SUBSCRIBER = 3
    """A phone that follows without an account."""
    SUSPENDED = 4
    """An operator took it out."""
    INVALID = 5
    """Nothing reaches its phone; a text of that makes it what it was."""


@frozen
class User:
    """One row of `microblog_user`; times in milliseconds since 1970, quiet times in minutes."""

    id: int
    username: str | None = None
    folded: str | None = None
    phone: str | None = None
    last_phone: str = ""
    """The phone that was linked before it said STOP."""
    address: str = ""
    carrier: str = ""
    state: int = UserState.ACTIVE
    created: int = 0
    name: str = ""
    bio: str = ""
    location: str = ""
    url: str = ""
    language: str = "en"
    zone: str = ""
    """Its time zone by name; "" until a phone is linked, whose country then decides."""
    posts_on: bool = True
    messages_on: bool = True
    hushed_until: int = 0
    quiet_from: int = 22 * 60
    quiet_to: int = 7 * 60
    protected: bool = False
    pin: str = ""
    confirms: bool = False
    prefix: str = ""
    login: bool = False
    """Whoever logs in has to know a code that is sent to the phone."""
    posts: int = 0
    followers: int = 0
    following: int = 0
    mentions: str = ANYONE
    """Who can have it told that a post names it, without being followed by it."""
    gone_at: int = 0
    """Since when its phone said STOP or cannot be reached; 0 = it is there."""

    @property
    def called(self) -> str:
        """Its username, "" for a phone without an account."""
        return self.username or ""


COLUMNS = tuple(one.name for one in fields(User))
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM microblog_user"  # noqa: S608
_SELECT_FOLLOW = "SELECT followed, follower, by_sms, pending, since FROM microblog_follow"
_INSERT = (
    f"INSERT OR REPLACE INTO microblog_user ({', '.join(COLUMNS)})"  # noqa: S608
    f" VALUES ({', '.join('?' * len(COLUMNS))})"
)
_values = attrgetter(*COLUMNS)
_PLACE = {name: place for place, name in enumerate(COLUMNS)}
_FLAGS = tuple(
    _PLACE[name] for name in ("posts_on", "messages_on", "protected", "confirms", "login")
)


@frozen
class Follow:
    """One edge: `follower` gets the posts of `followed`, by SMS if so; not yet while pending."""

    followed: int
    follower: int
    by_sms: bool
    pending: bool
    since: int

    def of(self, follower: int) -> Follow:
        """The same for another follower."""
        return evolve(self, follower=follower)


@define
class Reader:
    """What has to be known of a user to send it a post; `follows_other` as `Users.readers` says."""

    id: int
    phone: str | None
    address: str
    carrier: str
    state: int
    posts_on: int
    hushed_until: int
    quiet_from: int
    quiet_to: int
    zone: str
    follows_other: int = 1


_READER = ", ".join(f"u.{one.name}" for one in fields(Reader) if one.name != "follows_other")
_READERS = (
    f"SELECT {_READER}, ? = 0 OR EXISTS (SELECT 1 FROM microblog_follow o"  # noqa: S608
    " WHERE o.followed = ? AND o.follower = f.follower AND o.pending = 0)"
    " FROM microblog_follow f JOIN microblog_user u ON u.id = f.follower"
    " WHERE f.followed = ? AND f.follower > ? AND f.by_sms = 1 AND f.pending = 0"
    " ORDER BY f.follower LIMIT ?"
)


def reader_of(user: User) -> Reader:
    """What of a user counts when it is sent a post."""
    return Reader(**{one.name: getattr(user, one.name) for one in fields(Reader)[:-1]})


class Users:
    """The users of one microblog; what is written is written in a piece of work."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known = Acquaintance(host)

    # ------------------------------------------------------------------ users

    def by_id(self, number: int) -> User | None:
        """The user with an id."""
        return self._known.by_id(number) or self._one("id = ?", number)

    def by_name(self, username: str) -> User | None:
        """The user who is called so, in any case; the @ may be there."""
        folded = username.removeprefix("@").casefold()
        return self._known.by_name(folded) or self._one("folded = ?", folded)

    def by_phone(self, phone: str) -> User | None:
        """Whose texts come from a phone."""
        return self._known.by_phone(phone) or self._one("phone = ?", phone)

    def by_last_phone(self, phone: str) -> User | None:
        """The account, without a phone now, whose phone this was before it said STOP."""
        return self._one("phone IS NULL AND last_phone = ? ORDER BY id DESC LIMIT 1", phone)

    def of_phone(self, phone: str) -> list[User]:
        """The users whose phone this is, or was before it said STOP; a hundred at most."""
        return self.found(
            "WHERE id IN (SELECT id FROM microblog_user WHERE phone = ?"
            " UNION SELECT id FROM microblog_user WHERE last_phone = ?)",
            (phone, phone),
            100,
        )

    def found(self, clause: str, values: tuple[object, ...], limit: int) -> list[User]:
        """Users by a clause of SQL that an index serves: condition and order."""
        return [
            _user(row) for row in self._host.query(f"{_SELECT} {clause} LIMIT ?", (*values, limit))
        ]

    def exists(self, username: str) -> bool:
        """Whether somebody is called so."""
        return self.by_name(username) is not None

    def _one(self, where: str, value: object) -> User | None:
        rows = self._host.query(f"{_SELECT} WHERE {where}", (value,))
        return self._known.meet(_user(rows[0])) if rows else None

    def put(self, user: User) -> User:
        """Write all of a user who is new."""
        self._host.change(_INSERT, _values(user))
        return self._known.meet(user)

    def change(self, user: User, **changes: Any) -> User:
        """Write some fields of a user: whatever else has changed since it was read stays."""
        known = self._known.by_id(user.id)
        self._host.change(_update(tuple(changes)), (*changes.values(), user.id))
        changed = _changed(user, changes)
        if known is not None:
            self._known.meet(changed if known is user else _changed(known, changes))
        return changed

    def count(self, user: int, what: str, change: int) -> None:
        """Add to `posts`, `followers` or `following` of a user."""
        found = self.by_id(user)
        if found is not None:
            # An absolute value: the statement may be carried out twice.
            self.change(found, **{what: max(0, getattr(found, what) + change)})

    def remove(self, user: User) -> None:
        """Remove the row of a user, and keep its name for nobody."""
        self._host.change("DELETE FROM microblog_user WHERE id = ?", (user.id,))
        self._known.forget(user.id)

    def remove_subscriber(self, user: User) -> None:
        """Remove a phone without an account, and what it followed."""
        for followed in self.followed_by(user.id, MOST_SUBSCRIPTIONS):
            self.remove_follow(followed, user.id)
        self.remove(user)

    def rename(self, user: User, username: str) -> User:
        """Give a user another name; the old one stays its own for a while."""
        if user.folded is not None and user.folded != username.casefold():
            self._host.change(
                "INSERT OR REPLACE INTO microblog_name (folded, user, until) VALUES (?, ?, ?)",
                (user.folded, user.id, self._host.now() + NAME_KEPT),
            )
        return self.change(user, username=username, folded=username.casefold())

    def is_reserved(self, username: str) -> bool:
        """Whether nobody may be called so, or only who was before."""
        return not self.exists(username) and not self.is_free(username)

    def is_free(self, username: str, whose: int = 0) -> bool:
        """Whether a name can be given to somebody (`whose` id, if there is one)."""
        name = username.casefold()
        if name in RESERVED:
            return False
        taken = self._host.query("SELECT id FROM microblog_user WHERE folded = ?", (name,))
        kept = self._host.query(
            "SELECT user FROM microblog_name WHERE folded = ? AND until > ?",
            (name, self._host.now()),
        )
        return all(owner == whose for (owner,) in (*taken, *kept))

    def generated(self, name: str) -> str:
        """A free username made of a person's name: its letters, digits where that is taken."""
        stem = _ascii(name)[:LONGEST_USERNAME] or "user"
        if self.is_free(stem):
            return stem
        number = 2
        while not self.is_free(found := f"{stem[: LONGEST_USERNAME - len(str(number))]}{number}"):
            number = number + 1 if number < 100 else number * 7 + 3
        return found

    # ------------------------------------------------------------------ following

    def follow(self, followed: int, follower: int) -> Follow | None:
        """The edge between two users."""
        rows = self._host.query(
            f"{_SELECT_FOLLOW} WHERE followed = ? AND follower = ?", (followed, follower)
        )
        return _follow(rows[0]) if rows else None

    def put_follow(self, edge: Follow) -> None:
        """Write an edge, and count it on both sides when it is new and stands."""
        before = self.follow(edge.followed, edge.follower)
        self._host.change(
            "INSERT OR REPLACE INTO microblog_follow (followed, follower, by_sms, pending, since)"
            " VALUES (?, ?, ?, ?, ?)",
            (edge.followed, edge.follower, int(edge.by_sms), int(edge.pending), edge.since),
        )
        stood = before is not None and not before.pending
        self._count(edge, int(not edge.pending) - int(stood))

    def remove_follow(self, followed: int, follower: int) -> bool:
        """Remove an edge; whether there was one."""
        edge = self.follow(followed, follower)
        if edge is None:
            return False
        self._host.change(
            "DELETE FROM microblog_follow WHERE followed = ? AND follower = ?",
            (followed, follower),
        )
        self._count(edge, 0 if edge.pending else -1)
        return True

    def readers(self, followed: int, after: int, limit: int, other: int = 0) -> list[Reader]:
        """Those who get the posts of a user by SMS, by their ids, after one of them.

        `other` is a user whom they have to follow as well to read an answer to it.
        """
        rows = self._host.query(_READERS, (other, other, followed, after, limit))
        return [Reader(*row) for row in rows]

    def edges(self, user: int, limit: int, *, follows: bool = False) -> list[Follow]:
        """Who follows a user, or whom it `follows`."""
        whose = "follower = ?" if follows else "followed = ?"
        rows = self._host.query(f"{_SELECT_FOLLOW} WHERE {whose} LIMIT ?", (user, limit))
        return [_follow(row) for row in rows]

    def followed_by(self, follower: int, limit: int) -> list[int]:
        """Whom a user follows, by their ids."""
        rows = self._host.query(
            "SELECT followed FROM microblog_follow WHERE follower = ? AND pending = 0"
            " ORDER BY followed LIMIT ?",
            (follower, limit),
        )
        return [followed for (followed,) in rows]

    def _count(self, edge: Follow, change: int) -> None:
        if change:
            self.count(edge.followed, "followers", change)
            self.count(edge.follower, "following", change)

    def popular(self, reader: int, limit: int) -> list[str]:
        """Usernames of those with the most followers whom somebody does not follow yet."""
        rows = self._host.query(
            "SELECT username FROM microblog_user WHERE username IS NOT NULL AND id <> ?"
            " AND protected = 0 AND id NOT IN"
            " (SELECT followed FROM microblog_follow WHERE follower = ?)"
            " ORDER BY followers DESC LIMIT ?",
            (reader, reader, limit),
        )
        return [username for (username,) in rows]

    # ------------------------------------------------------------------ blocking

    def block(self, user: int, blocked: int) -> None:
        """One wants nothing of another; they do not follow each other any more."""
        self._host.change("INSERT OR REPLACE INTO microblog_block VALUES (?, ?)", (user, blocked))
        self.remove_follow(user, blocked)
        self.remove_follow(blocked, user)

    def unblock(self, user: int, blocked: int) -> None:
        """The block ends; nobody follows by that."""
        self._host.change(
            "DELETE FROM microblog_block WHERE user = ? AND blocked = ?", (user, blocked)
        )

    def blocks(self, user: int, other: int) -> bool:
        """Whether one wants nothing of another."""
        return bool(
            self._host.query(
                "SELECT 1 FROM microblog_block WHERE user = ? AND blocked = ?", (user, other)
            )
        )


def _user(row: tuple[object, ...]) -> User:
    values: list[Any] = list(row)
    for place in _FLAGS:
        values[place] = values[place] != 0
    return User(*values)


def _changed(user: User, changes: dict[str, Any]) -> User:
    values = list(_values(user))
    for name, value in changes.items():
        values[_PLACE[name]] = value
    return User(*values)


@lru_cache(maxsize=256)
def _update(names: tuple[str, ...]) -> str:
    places = ", ".join(f"{name} = ?" for name in names)
    return f"UPDATE microblog_user SET {places} WHERE id = ?"  # noqa: S608


def _follow(row: tuple[int, int, int, int, int]) -> Follow:
    followed, follower, by_sms, pending, since = row
    return Follow(followed, follower, bool(by_sms), bool(pending), since)


def _ascii(name: str) -> str:
    """The letters and digits of a name, without accents, words joined."""
    split = unicodedata.normalize("NFKD", name)
    return re.sub(r"[^A-Za-z0-9_]", "", split)
