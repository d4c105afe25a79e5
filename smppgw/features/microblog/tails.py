"""Private messages that an old phone split without saying so: the rest is not a post.

Owns: the last private message of a phone that fills an SMS and bears no concatenation header. It
waits a moment for what comes next: that is joined to it, and what comes soon after is refused.
Refuses to know: what a text asks for (`grammar`), and who may write to whom (`actions`).
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from smppgw.core.plugin import Host, Mo
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.posts import LONGEST_MESSAGE, Posts
from smppgw.features.microblog.users import Users
from smppgw.sms import data_coding, gsm7
from smppgw.sms.alphabet import Alphabet

JOINED = 10_000
"""Milliseconds within which what follows is the rest."""
REFUSED = 30_000
"""The same, within which it may be, and is not published."""
FULL_SEPTETS = 150
FULL_OCTETS = 130
"""A text of so many septets, or octets of another alphabet, may have been cut."""
FORGOTTEN = 20
"""Old rows that make room for a new one, at most."""


class Tail(Enum):
    """What a text is to the private message before it."""

    NONE = "none"
    JOINED = "joined"
    REFUSED = "refused"


@frozen
class _Waiting:
    """One row of `microblog_tail`."""

    phone: str
    sender: int
    recipient: int
    text: str
    address: str
    due: int
    until: int
    delivered: int


class Tails:
    """What waits; everything in a piece of work."""

    def __init__(self, host: Host, users: Users, posts: Posts, delivery: Delivery) -> None:
        self._host = host
        self._users = users
        self._posts = posts
        self._delivery = delivery
        self._until: int | None = None
        """No row of any phone counts from then on (milliseconds since 1970)."""

    def rests(self, now: int) -> bool:
        """Whether no message that came by now can be the rest of another."""
        if self._until is None:
            ((latest,),) = self._host.query("SELECT max(until) FROM microblog_tail")
            self._until = latest or 0
        return now >= self._until

    def begins(self, mo: Mo) -> bool:
        """Whether the rest of a private message may come in a message of its own."""
        return not mo.in_parts and _is_full(mo)

    def wait(self, mo: Mo, sender: int, recipient: int, text: str) -> None:
        """A private message waits for the rest; one that waited before does so no longer."""
        self.deliver(mo.source)
        blank = mo.text[len(mo.text.rstrip()) :]
        self._put(mo, sender, recipient, text + blank, mo.number.address)

    def forbid(self, mo: Mo) -> None:
        """What follows is not published: it may be the rest of a command that is never public.

        That counts even when the command itself comes to nothing.
        """
        self.deliver(mo.source)
        self._host.change(
            "DELETE FROM microblog_tail WHERE phone IN (SELECT phone FROM microblog_tail"
            " WHERE until < ? AND delivered = 1 LIMIT ?)",
            (mo.at, FORGOTTEN),
        )
        self._put(mo, 0, 0, "", mo.number.address, delivered=True)

    def meet(self, mo: Mo, text: str) -> Tail:
        """What a text that is no command is to the message before it; it is taken if it is."""
        one = None if self.rests(mo.at) else self._waiting(mo.source)
        if one is None or mo.at >= one.until or mo.number.address != one.address:
            return Tail.NONE
        if one.delivered or mo.at >= one.due:
            self.deliver(mo.source)
            return Tail.REFUSED
        joined = one.text + text
        self._put(mo, one.sender, one.recipient, joined, one.address)
        if not _is_full(mo) or len(joined) > LONGEST_MESSAGE:
            self.deliver(mo.source)
            self._host.change("DELETE FROM microblog_tail WHERE phone = ?", (mo.source,))
        return Tail.JOINED

    def deliver(self, phone: str) -> None:
        """What waits from a phone is the whole message; it is sent."""
        one = self._waiting(phone)
        if one is not None and not one.delivered:
            self._deliver(one)

    def _deliver(self, one: _Waiting) -> None:
        self._host.change("UPDATE microblog_tail SET delivered = 1 WHERE phone = ?", (one.phone,))
        sender, recipient = self._users.by_id(one.sender), self._users.by_id(one.recipient)
        if sender is None or recipient is None:
            return
        said = one.text.strip()
        if len(said) > LONGEST_MESSAGE:
            self._delivery.say(sender, "dm.too_long", len=len(said), max=LONGEST_MESSAGE)
            return
        message = self._posts.write(sender, recipient, said)
        self._delivery.message(message, self._host.now())
        self._delivery.say(sender, "dm.sent", user=recipient.called)

    def due(self, now: int, limit: int) -> int:
        """Send what waited long enough; how many there were."""
        rows = self._host.query(
            "SELECT phone FROM microblog_tail WHERE delivered = 0 AND due <= ? ORDER BY due"
            " LIMIT ?",
            (now, limit),
        )
        for (phone,) in rows:
            self.deliver(phone)
        return len(rows)

    def next_due(self) -> int | None:
        """When the next is to be sent."""
        ((due,),) = self._host.query("SELECT min(due) FROM microblog_tail WHERE delivered = 0")
        return None if due is None else int(due)

    def _waiting(self, phone: str) -> _Waiting | None:
        rows = self._host.query(
            "SELECT phone, sender, recipient, text, address, due, until, delivered"
            " FROM microblog_tail WHERE phone = ?",
            (phone,),
        )
        return _Waiting(*rows[0]) if rows else None

    def _put(
        self,
        mo: Mo,
        sender: int,
        recipient: int,
        text: str,
        address: str,
        *,
        delivered: bool = False,
    ) -> None:
        self.rests(mo.at)
        self._until = max(self._until or 0, mo.at + REFUSED)
        self._host.change(
            "INSERT OR REPLACE INTO microblog_tail"
            " (phone, sender, recipient, text, address, due, until, delivered)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                mo.source,
                sender,
                recipient,
                text,
                address,
                mo.at + JOINED,
                mo.at + REFUSED,
                int(delivered),
            ),
        )


def _is_full(mo: Mo) -> bool:
    """Whether a text fills an SMS, as far as anybody can tell afterwards."""
    alphabet = data_coding.read(mo.data_coding).alphabet
    if alphabet in (None, Alphabet.GSM7) and not gsm7.unencodable(mo.text):
        return gsm7.septets(mo.text) >= FULL_SEPTETS
    return len(mo.octets) >= FULL_OCTETS
