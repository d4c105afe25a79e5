"""Operators and the microblog: its people, their posts, and who follows whom.

Owns: these commands. Refuses to know: how an answer is shown; decisions (`moderation`) and the
settings of numbers (`settings`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred

from smppgw.core.address import mask
from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Fields,
    Kind,
    Page,
    Role,
    Table,
    text,
)
from smppgw.core.figures import moment
from smppgw.core.phrases import LANGUAGES
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.erasure import Erasure
from smppgw.features.microblog.grammar import username_fault
from smppgw.features.microblog.moderation import Moderation
from smppgw.features.microblog.posts import Post
from smppgw.features.microblog.quiet import zone
from smppgw.features.microblog.settings import NumberCommands
from smppgw.features.microblog.users import User, UserState

MOST = 200
"""Rows of an answer."""
MOST_POSTS = 50
EVENTS = 20
NAME = Argument("user", "the name of a member", positional=True, required=True)
REVEAL = Argument("reveal", "show numbers of phones whole", Kind.FLAG)
_PIN = re.compile(r"[A-Za-z0-9]{4}")
_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")

USERS = (
    Column("USER", "user"),
    Column("STATE", "state"),
    Column("PHONE", "phone"),
    Column("NUMBER", "number"),
    Column("LANGUAGE", "language"),
    Column("POSTS", "posts", right=True),
    Column("FOLLOWERS", "followers", right=True),
    Column("FOLLOWING", "following", right=True),
)
POSTS = (
    Column("ID", "id", right=True),
    Column("AT", "at"),
    Column("USER", "user"),
    Column("LIKES", "likes", right=True),
    Column("TEXT", "text"),
)
FOLLOWS = (
    Column("USER", "user"),
    Column("HOW", "how"),
    Column("SMS", "sms"),
    Column("PENDING", "pending"),
    Column("SINCE", "since"),
)
WHAT_HAPPENED = (Column("AT", "at"), Column("EVENT", "event"), Column("DETAIL", "detail"))


def commands(blog: Blog, erasure: Erasure) -> list[Command]:
    """The commands of the feature."""
    desk = _Desk(blog)
    return [
        Command(("show", "users"), desk.users, "members of the microblog, the newest", (REVEAL,)),
        Command(("show", "user"), desk.user, "one member and what happened to it", (NAME, REVEAL)),
        Command(
            ("find", "user"),
            desk.find,
            "members by the beginning of a name, or by a phone",
            (Argument("text", "a name or a phone", positional=True, required=True), REVEAL),
        ),
        Command(
            ("show", "posts"),
            desk.posts,
            "the latest posts, of all or of one member",
            (Argument("user", "the name of a member", positional=True),),
        ),
        Command(
            ("find", "posts"),
            desk.tagged,
            "the latest posts with a hashtag",
            (Argument("tag", "the word, with or without #", positional=True, required=True),),
            example="find posts #smpp",
        ),
        Command(("show", "follows"), desk.follows, "whom a member follows, and who it", (NAME,)),
        Command(
            ("add", "user"),
            desk.add,
            "an account without a phone; link start gives it one",
            (
                Argument("user", "its username", positional=True, required=True),
                Argument("name", "the person's name"),
                Argument("language", "en or fr", values=lambda: LANGUAGES, strict=True),
            ),
            role=Role.OPERATE,
            example='add user jane name "Jane Doe" language en',
        ),
        _set_command(desk),
        *Moderation(blog, erasure).commands(),
        *NumberCommands(blog).commands(),
    ]


def _set_command(desk: _Desk) -> Command:
    def switch(name: str, help: str) -> Argument:
        return Argument(name, help, values=lambda: ("on", "off"), strict=True)

    return Command(
        ("set", "user"),
        desk.set,
        "what a phone cannot set, and what it can",
        (
            NAME,
            Argument("name", "the person's name"),
            Argument("language", "en or fr", values=lambda: LANGUAGES, strict=True),
            Argument("zone", "its time zone, as Europe/Paris"),
            Argument("quiet", "when no posts are sent, as 22:00-07:00; the same time twice: never"),
            Argument("pin", "4 letters or digits before each text; off for none", secret=True),
            switch("confirm", "each post has to be confirmed by a code"),
            switch("protected", "followers have to be accepted"),
            switch("login", "logging in elsewhere asks for a code by SMS"),
        ),
        role=Role.OPERATE,
        example="set user bob pin A1B2 zone Europe/London",
    )


class _Desk:
    """What these commands do."""

    def __init__(self, blog: Blog) -> None:
        self._blog = blog

    def users(self, call: Call) -> Table:
        """The newest members."""
        found = self._blog.users.found("WHERE username IS NOT NULL ORDER BY id DESC", (), MOST + 1)
        return self._table(found, call)

    def find(self, call: Call) -> Table:
        """By name or phone."""
        wanted = call.text("text").lstrip("+@").casefold()
        users = self._blog.users
        found = users.of_phone(wanted) if wanted.isdecimal() else []
        found += users.found(
            "WHERE folded >= ? AND folded < ? ORDER BY folded",
            (wanted, f"{wanted}\U0010ffff"),
            MOST,
        )
        return self._table(list({one.id: one for one in found}.values()), call)

    def _table(self, found: list[User], call: Call) -> Table:
        show = str if call.flag("reveal") else mask
        note = f"the first {MOST}" if len(found) > MOST else ""
        return Table(
            USERS, [row_of(one, show) for one in found[:MOST]], empty="no such users", note=note
        )

    def user(self, call: Call) -> Page:
        """One member."""
        user = named(self._blog, call)
        row = row_of(user, str if call.flag("reveal") else mask)
        row |= {
            "name": user.name,
            "location": user.location,
            "bio": user.bio,
            "url": user.url,
            "since": moment(user.created / 1000),
            "zone": user.zone,
            "quiet": f"{_clock(user.quiet_from)}-{_clock(user.quiet_to)}",
            "updates": "on" if user.posts_on else "off",
            "messages": "on" if user.messages_on else "off",
            "pin": "set" if user.pin else None,
            "confirm": user.confirms,
            "protected": user.protected,
            "login": user.login,
            "locked": self._blog.guard.is_locked(user),
        }
        happened = [
            {"at": moment(at / 1000), "event": event, "detail": detail}
            for at, event, detail in self._blog.events.of(user.id, EVENTS)
        ]
        return Page(
            (
                ("", Fields(tuple((key, _said(value)) for key, value in row.items()), row)),
                ("events", Table(WHAT_HAPPENED, happened)),
            )
        )

    def posts(self, call: Call) -> Table:
        """The latest posts."""
        author = named(self._blog, call) if call.text("user") else None
        whose = None if author is None else author.id
        return self._listed(self._blog.posts.newest(whose, MOST_POSTS))

    def tagged(self, call: Call) -> Table:
        """The latest posts with a word."""
        tag = call.text("tag").removeprefix("#")
        return self._listed(self._blog.posts.tagged(tag, MOST_POSTS))

    def _listed(self, posts: list[Post]) -> Table:
        blog = self._blog
        rows = [
            {
                "id": post.id,
                "at": moment(post.at / 1000),
                "user": _called(blog, post.author),
                "likes": blog.posts.likes(post.id),
                "text": post.text if not post.repeats else blog.delivery.text_of(post),
            }
            for post in posts
        ]
        return Table(POSTS, rows, empty="no posts")

    def follows(self, call: Call) -> Table:
        """Both ways."""
        user = named(self._blog, call)
        users = self._blog.users
        edges = [("follows", one.followed, one) for one in users.edges(user.id, MOST, follows=True)]
        edges += [("follower", one.follower, one) for one in users.edges(user.id, MOST)]
        rows = [
            {
                "user": _called(self._blog, other),
                "how": how,
                "sms": edge.by_sms,
                "pending": edge.pending,
                "since": moment(edge.since / 1000),
            }
            for how, other, edge in edges
        ]
        most = max(user.followers, user.following)
        return Table(
            FOLLOWS,
            rows,
            empty="nobody",
            note=f"at most {MOST} each way" if most > MOST else "",
        )

    # ------------------------------------------------------------------ changes

    def add(self, call: Call) -> Deferred[Answer]:
        """An account."""
        blog, username = self._blog, call.text("user").removeprefix("@")
        if username_fault(username):
            raise CommandError("a username is 1-15 letters, digits or _", "usage")
        language = call.text("language") or LANGUAGES[0]

        def work() -> None:
            if not blog.users.is_free(username):
                raise CommandError(f"@{username} is taken")
            user = User(
                id=blog.host.next_id(),
                username=username,
                folded=username.casefold(),
                state=UserState.STOPPED,
                created=blog.host.now(),
                name=call.text("name")[:20],
                language=language,
            )
            blog.users.put(user)
            blog.events.note(user.id, "added", f"operator {call.operator.name}")

        return done(blog, work, f"@{username}: added; link start {username} PHONE gives it a phone")

    def set(self, call: Call) -> Deferred[Answer]:
        """Some fields of a member."""
        blog, user = self._blog, named(self._blog, call)
        changes = _changes(call.values)
        if not changes:
            raise CommandError("say what is to be changed; ? after the name lists it", "usage")
        fault = blog.codes.fault(user) if changes.get("login") else ""
        if fault:
            raise CommandError(f"refused: {fault}")

        def work() -> None:
            changed = blog.users.change(user, **changes)
            if changes.keys() & {"zone", "quiet_from"}:
                blog.delivery.rearrange(changed, blog.host.now())
            blog.events.note(user.id, "set", f"{', '.join(changes)} by {call.operator.name}")

        return done(blog, work, f"@{user.called}: changed")


def _changes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a user as an operator gives them; raises CommandError."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key == "name":
            found["name"] = value[:20]
        elif key == "language":
            found["language"] = value
        elif key == "zone":
            if zone(value).key != value:
                raise CommandError(f"there is no time zone {value!r}; one is Europe/Paris", "usage")
            found["zone"] = value
        elif key == "quiet":
            times = _QUIET.fullmatch(value)
            if times is None:
                raise CommandError("quiet times are two times of the day, as 22:00-07:00", "usage")
            hours = [int(one) for one in times.groups()]
            found |= {"quiet_from": hours[0] * 60 + hours[1], "quiet_to": hours[2] * 60 + hours[3]}
        elif key == "pin":
            if value != "off" and not _PIN.fullmatch(value):
                raise CommandError("a PIN is 4 letters or digits, or off", "usage")
            found["pin"] = "" if value == "off" else value
        elif key in ("confirm", "protected", "login"):
            found["confirms" if key == "confirm" else key] = value == "on"
    return found


def named(blog: Blog, call: Call) -> User:
    """The member that a command is about; raises CommandError."""
    name = call.text("user").removeprefix("@")
    found = blog.users.by_name(name)
    if found is None:
        raise CommandError(f"there is no user @{name}", "unknown")
    return found


def done(blog: Blog, work: Callable[[], object], said: str) -> Deferred[Answer]:
    """Do a piece of work, and say so once it is durable."""
    return blog.host.transact(work).addCallback(lambda _: text(said))


def row_of(user: User, show: Callable[[str], str]) -> dict[str, Any]:
    """A user as a row; `show` masks its phone, or does not."""
    return {
        "user": f"@{user.called}" if user.username else None,
        "state": UserState(user.state).name,
        "phone": show(user.phone) if user.phone else None,
        "number": user.address or None,
        "language": user.language,
        "posts": user.posts,
        "followers": user.followers,
        "following": user.following,
    }


def _called(blog: Blog, number: int) -> str | None:
    user = blog.users.by_id(number)
    if user is None:
        return None
    return f"@{user.called}" if user.username else "a phone without an account"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _said(value: object) -> str:
    if value is True or value is False:
        return "yes" if value else ""
    return "" if value is None else str(value)
