"""Texts on their way to people: who gets one now, who later, and who not at all.

Owns: on and off, silence, quiet times with their digest, the weekly cap, the class of a text.
Refuses to know: who follows whom (`fanout`), commands and dialogs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from smppgw.core.plugin import Host, Mt, NoRoute, Priority
from smppgw.features.microblog.numbers import Numbers
from smppgw.features.microblog.posts import LONGEST_MESSAGE, Message, Post, Posts
from smppgw.features.microblog.quiet import Nights
from smppgw.features.microblog.texts import PHRASES
from smppgw.features.microblog.users import Reader, User, Users, UserState

_KEYS = frozenset(PHRASES.keys)
WEEK = 7 * 86_400_000
SHORT = 20
"""Characters of a private message that every carrier takes."""
REACHED = (UserState.ACTIVE, UserState.SUBSCRIBER)
"""States of users that get anything."""
WARNED_AT = 0.9
"""Share of the weekly cap at which a phone is told."""


class Delivery:
    """Sends what people get; everything in a piece of work."""

    def __init__(self, host: Host, users: Users, posts: Posts, numbers: Numbers) -> None:
        self._host = host
        self._users = users
        self._posts = posts
        self._numbers = numbers
        self._nights = Nights()

    @property
    def phrases(self) -> frozenset[str]:
        """The keys of the texts there are."""
        return _KEYS

    # ------------------------------------------------------------------ answers

    def say(
        self,
        user: User,
        key: str,
        priority: Priority = Priority.TRANSACTIONAL,
        /,
        *,
        exempt: bool = False,
        **values: Any,
    ) -> int:
        """Answer a user in its language, whatever it has turned off; 0 when it cannot be."""
        if user.state == UserState.INVALID:
            return 0
        place = (user.phone or "", user.address, user.carrier)
        return self.tell(*place, key, user.language, priority, exempt=exempt, **values)

    def tell(
        self,
        phone: str,
        address: str,
        carrier: str,
        key: str,
        language: str,
        priority: Priority = Priority.TRANSACTIONAL,
        /,
        *,
        exempt: bool = False,
        **values: Any,
    ) -> int:
        """Send a text of the table from a number of ours: its id, 0 when that is one-way."""
        number = self._numbers.get(address)
        if not phone or not number.answers:
            return 0
        values = {
            "svc": number.service,
            "sc": address,
            "tel": number.telephone or address,
            **values,
        }
        return self._host.send(
            Mt(
                source=address,
                destination=phone,
                text=PHRASES.say(key, language, **values),
                priority=priority,
                carrier=carrier,
                exempt=exempt,
            )
        )

    def hand(self, phone: str, address: str, carrier: str, text: str) -> int:
        """Send somebody's words because the phone asked for them: the id, 0 when it cannot be."""
        if not phone or not self._numbers.get(address).answers:
            return 0
        return self._host.send(Mt(source=address, destination=phone, text=text, carrier=carrier))

    # ------------------------------------------------------------------ posts

    def text_of(self, post: Post) -> str:
        """How a post reads on a phone; "" when it is gone."""
        author = self._users.by_id(post.author)
        if author is None or author.state == UserState.SUSPENDED:
            return ""
        said = post.text
        if post.repeats:
            original = self._posts.post(post.repeats)
            whose = None if original is None else self._users.by_id(original.author)
            if original is None or whose is None or whose.state == UserState.SUSPENDED:
                return ""
            said = f"RT @{whose.called}: {original.text}"
        return PHRASES.say("tweet.deliver", author.language, user=author.called, text=said)

    def posts(self, readers: Iterable[Reader], text: str, now: int) -> int:
        """Send a post to readers, or count it for the end of their quiet times; how many there are.

        A reader that turned posts off, has had enough this week, or cannot be written to by its
        number is left alone, and does not count.
        """
        reached = 0
        ready: dict[tuple[str, str], list[str]] = {}
        for reader in readers:
            phone = reader.phone
            if phone is None or reader.state not in REACHED or not reader.posts_on:
                continue
            number = self._numbers.get(reader.address)
            if not number.answers:
                continue
            until = self._nights.until(reader, now)
            if until:
                self._count_held(reader.id, until)
            elif not number.weekly or self._within_cap(reader, phone, number.weekly, now):
                ready.setdefault((reader.address, reader.carrier), []).append(phone)
            else:
                continue
            reached += 1
        for (address, carrier), phones in ready.items():
            mt = Mt(address, "", text, priority=Priority.BULK, carrier=carrier)
            self._host.send_all(mt, phones)
        return reached

    def _count_held(self, reader: int, until: int) -> None:
        rows = self._host.query(
            "SELECT id, what FROM microblog_held WHERE user = ? AND kind = 'posts'", (reader,)
        )
        number, count = rows[0] if rows else (self._host.next_id(), 0)
        self._hold(number, reader, "posts", count + 1, until)

    def _hold(self, number: int, reader: int, kind: str, what: int, until: int) -> None:
        self._host.change(
            "INSERT OR REPLACE INTO microblog_held (id, user, kind, what, due)"
            " VALUES (?, ?, ?, ?, ?)",
            (number, reader, kind, what, until),
        )

    # ------------------------------------------------------------------ private messages

    def longest(self, sender: User, reader: User, said: str) -> int:
        """How many characters a private message may have: fewer where its carrier takes no more."""
        if not SHORT < len(said) <= LONGEST_MESSAGE or not self._reaches(reader):
            return LONGEST_MESSAGE
        if self._fits(sender, reader, said) or not self._fits(sender, reader, said[:SHORT]):
            return LONGEST_MESSAGE  # or nothing can be sent now, however short
        fits, over = SHORT, len(said)
        while over - fits > 1:
            middle = (fits + over) // 2
            if self._fits(sender, reader, said[:middle]):
                fits = middle
            else:
                over = middle
        return fits

    def _fits(self, sender: User, reader: User, said: str) -> bool:
        try:
            self._host.check(_private(sender, reader, said))
        except NoRoute:
            return False
        return True

    def message(self, message: Message, now: int) -> bool:
        """Send a private message, or keep it for the end of a quiet time.

        What would have kept it from being written keeps it from being sent, too: a block, or a
        recipient that does not follow its sender any more.
        """
        sender = self._users.by_id(message.sender)
        reader = self._users.by_id(message.recipient)
        if sender is None or reader is None or not self._reaches(reader) or not reader.messages_on:
            return False
        if self._users.blocks(reader.id, sender.id):
            return False
        edge = self._users.follow(sender.id, reader.id)
        if edge is None or edge.pending:
            return False
        until = self._nights.until(reader, now)
        if until:
            self._hold(self._host.next_id(), reader.id, "message", message.id, until)
        else:
            self._host.send(_private(sender, reader, message.text))
            self._posts.was_sent(message.id)
        return True

    def write(self, sender: User, reader: User, text: str, now: int) -> None:
        """A new private message of somebody who may write to its reader, as `message`."""
        wanted = self._reaches(reader) and reader.messages_on
        until = self._nights.until(reader, now) if wanted else 0
        message = self._posts.write(sender, reader, text, sent=bool(wanted and not until))
        if message.sent:
            self._host.send(_private(sender, reader, text))
        elif until:
            self._hold(self._host.next_id(), reader.id, "message", message.id, until)

    def request(self, follower: User, followed: User, now: int) -> None:
        """Tell somebody that another wants to follow, when it is awake and wants to know."""
        if not self._reaches(followed) or not followed.posts_on:
            return
        until = self._nights.until(followed, now)
        if until:
            self._hold(self._host.next_id(), followed.id, "request", follower.id, until)
        else:
            self.say(followed, "follow.request", user=follower.called)

    # ------------------------------------------------------------------ after a quiet time

    def due(self, now: int, limit: int) -> int:
        """Send what waited for the end of quiet times, messages first; how many were due."""
        rows = self._host.query(
            "SELECT id, user, kind, what FROM microblog_held WHERE due <= ?"
            " ORDER BY due, kind, id LIMIT ?",
            (now, limit),
        )
        for number, user, kind, what in rows:
            self._host.change("DELETE FROM microblog_held WHERE id = ?", (number,))
            reader = self._users.by_id(user)
            if reader is None:
                continue
            if kind == "message":
                message = self._posts.message(what)
                if message is not None:
                    self.message(message, now)
            elif kind == "request":
                follower, edge = self._users.by_id(what), self._users.follow(user, what)
                if follower is not None and edge is not None and edge.pending:
                    self.request(follower, reader, now)
            elif self._reaches(reader) and reader.posts_on:
                self.say(reader, "digest", Priority.BULK, n=what)
        return len(rows)

    def next_due(self) -> int | None:
        """When the next of these is due."""
        ((due,),) = self._host.query("SELECT min(due) FROM microblog_held")
        return None if due is None else int(due)

    def release(self, reader: User, now: int) -> None:
        """The silence of somebody ends before its time: what waited is due."""
        self._host.change(
            "UPDATE microblog_held SET due = ? WHERE user = ? AND due > ?", (now, reader.id, now)
        )

    def rearrange(self, reader: User, now: int) -> None:
        """The quiet times of somebody are others: what waits is due at the end of these."""
        self._host.change(
            "UPDATE microblog_held SET due = ? WHERE user = ?",
            (self._nights.until(reader, now) or now, reader.id),
        )

    # ------------------------------------------------------------------ sending

    def _within_cap(self, reader: Reader, phone: str, most: int, now: int) -> bool:
        """Count a text towards the weekly cap of its number; tell the reader when it comes near."""
        rows = self._host.query(
            "SELECT since, count FROM microblog_count WHERE phone = ? AND what = 'week'", (phone,)
        )
        since, count = rows[0] if rows and rows[0][0] > now - WEEK else (now, 0)
        if count >= most:
            return False
        self._host.change(
            "INSERT OR REPLACE INTO microblog_count (phone, what, since, count)"
            " VALUES (?, 'week', ?, ?)",
            (phone, since, count + 1),
        )
        user = self._users.by_id(reader.id) if count + 1 == max(1, int(most * WARNED_AT)) else None
        if user is not None:
            self.say(user, "quota.warn", Priority.BULK, n=count + 1, n2=most)
        return True

    def _reaches(self, reader: User) -> bool:
        """Whether a phone is there, and its number is one that can write to it."""
        there = reader.phone is not None and reader.state in REACHED
        return there and self._numbers.get(reader.address).answers


def _private(sender: User, reader: User, text: str) -> Mt:
    """A private message as its reader gets it."""
    return Mt(
        source=reader.address,
        destination=reader.phone or "",
        text=PHRASES.say("dm.deliver", reader.language, user=sender.called, text=text),
        priority=Priority.TRANSACTIONAL,
        carrier=reader.carrier,
    )
