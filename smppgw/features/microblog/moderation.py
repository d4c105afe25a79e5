"""Operators and single accounts: codes and phones, reports, suspending, forgetting.

Owns: these commands. Refuses to know: how an answer is shown.
"""

from __future__ import annotations

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
    Kind,
    Role,
    Table,
    text,
)
from smppgw.core.figures import moment
from smppgw.core.plugin import Mt, NoRoute, Priority
from smppgw.core.proof import Evidence
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.codes import CodeRefused
from smppgw.features.microblog.erasure import Erasure
from smppgw.features.microblog.linking import LASTS
from smppgw.features.microblog.numbers import PROFILE
from smppgw.features.microblog.users import User, UserState

MOST = 200
MINUTE = 60_000
NAME = Argument("user", "the name of a member", positional=True, required=True)
PHONE = Argument("phone", "the number of a phone, with its country", positional=True, required=True)
CODE = Argument("code", "6 digits", positional=True, required=True, secret=True)
KEEP, REMOVE, SUSPEND = "keep", "remove", "suspend"
REPORTS = (
    Column("ID", "id", right=True),
    Column("AT", "at"),
    Column("USER", "user"),
    Column("BY", "by"),
    Column("POST", "post", right=True),
    Column("TEXT", "text"),
)


class Moderation:
    """What these commands do."""

    def __init__(self, blog: Blog, erasure: Erasure) -> None:
        self._blog = blog
        self._erasure = erasure

    def commands(self) -> list[Command]:
        """The commands."""
        return [*self._of_accounts(), *self._of_codes(), *self._of_reports()]

    def _of_accounts(self) -> list[Command]:
        return [
            Command(
                ("suspend", "user"),
                self.suspend,
                "a member can do nothing, and its posts go nowhere",
                (NAME,),
                role=Role.OPERATE,
            ),
            Command(
                ("unsuspend", "user"), self.unsuspend, "it can again", (NAME,), role=Role.OPERATE
            ),
            Command(
                ("unlock", "user"),
                self.unlock,
                "a member whose PIN was wrong too often may try again",
                (NAME,),
                role=Role.OPERATE,
            ),
            Command(
                ("del", "user"),
                self.remove,
                "an account and everything of it",
                (NAME,),
                role=Role.ADMIN,
                touches=self._touches_user,
            ),
            Command(
                ("forget", "phone"),
                self.forget,
                "everything about a phone, its account too; a STOP stays, with the number it is of",
                (PHONE,),
                role=Role.ADMIN,
                touches=lambda call: "remove the account of this phone and all of its posts",
            ),
        ]

    def _of_codes(self) -> list[Command]:
        return [
            Command(
                ("link", "start"),
                self.link_start,
                "send a code to a phone that is to speak for an account",
                (
                    NAME,
                    Argument("phone", "the number of the phone", positional=True),
                    Argument("by-sms", "print a code that any phone can send to us", Kind.FLAG),
                ),
                role=Role.OPERATE,
                example="link start jane +33639980003",
            ),
            Command(
                ("link", "confirm"),
                self.link_confirm,
                "the code that the phone got",
                (NAME, CODE),
                role=Role.OPERATE,
            ),
            Command(
                ("login", "send"),
                self.login_send,
                "send a member a code to log in elsewhere",
                (NAME,),
                role=Role.OPERATE,
            ),
            Command(
                ("login", "check"),
                self.login_check,
                "whether this is the code",
                (NAME, CODE),
                role=Role.OPERATE,
            ),
        ]

    def _of_reports(self) -> list[Command]:
        number = Argument("id", "its id", Kind.NUMBER, positional=True, required=True)
        return [
            Command(("show", "reports"), self.reports, "what members reported, oldest first"),
            Command(
                ("decide", "report"),
                self.decide,
                "keep all as it is, remove the post, or suspend its author",
                (
                    number,
                    Argument(
                        "decision",
                        "what is to be done",
                        positional=True,
                        required=True,
                        values=lambda: (KEEP, REMOVE, SUSPEND),
                        strict=True,
                    ),
                ),
                role=Role.OPERATE,
            ),
            Command(
                ("del", "post"),
                self.remove_post,
                "a post; who has been sent it keeps it",
                (number,),
                role=Role.OPERATE,
            ),
        ]

    # ------------------------------------------------------------------ accounts

    def _named(self, call: Call) -> User:
        name = call.text("user").removeprefix("@")
        found = self._blog.users.by_name(name)
        if found is None:
            raise CommandError(f"there is no user @{name}", "unknown")
        return found

    def _change(self, call: Call, user: User, event: str, **changes: Any) -> None:
        self._blog.users.change(user, **changes)
        self._blog.events.note(user.id, event, f"operator {call.operator.name}")

    def suspend(self, call: Call) -> Deferred[Answer]:
        """Take somebody out."""
        user = self._named(call)
        done = self._blog.host.transact(
            lambda: self._change(call, user, "suspended", state=UserState.SUSPENDED)
        )
        return done.addCallback(lambda _: text(f"@{user.called} is suspended"))

    def unsuspend(self, call: Call) -> Deferred[Answer]:
        """Let somebody in again."""
        user = self._named(call)
        if user.state != UserState.SUSPENDED:
            raise CommandError(f"@{user.called} is not suspended")
        state = UserState.STOPPED if user.phone is None else UserState.ACTIVE
        done = self._blog.host.transact(
            lambda: self._change(call, user, "unsuspended", state=state)
        )
        return done.addCallback(lambda _: text(f"@{user.called} is {state.name}"))

    def unlock(self, call: Call) -> Deferred[Answer]:
        """End the time after too many wrong PINs."""
        user = self._named(call)

        def work() -> None:
            self._blog.guard.unlock(user)
            self._blog.events.note(user.id, "unlocked", f"operator {call.operator.name}")

        return self._blog.host.transact(work).addCallback(
            lambda _: text(f"@{user.called} may try again")
        )

    def _touches_user(self, call: Call) -> str:
        user = self._named(call)
        return f"remove @{user.called}, {user.posts:,} posts and {user.followers:,} followers"

    def remove(self, call: Call) -> Deferred[Answer]:
        """Remove an account."""
        user = self._named(call)
        return self._erasure.remove(user).addCallback(lambda _: text(f"@{user.called} is gone"))

    def forget(self, call: Call) -> Deferred[Answer]:
        """Remove a phone."""
        phone = _digits(call)
        done = self._erasure.forget(phone, call.operator.name)
        return done.addCallback(
            lambda count: text(
                f"{mask(phone)} is forgotten, {count} accounts with it; the proof trail says so,"
                " and a STOP of it still counts"
            )
        )

    # ------------------------------------------------------------------ codes

    def link_start(self, call: Call) -> Deferred[Answer]:
        """A code to a phone, or from one."""
        blog, user = self._blog, self._named(call)
        if user.state == UserState.SUSPENDED:
            raise CommandError(f"@{user.called} is suspended")
        address, carrier = self._speaker(user)
        if call.flag("by-sms"):
            done = blog.host.transact(lambda: blog.linking.request(user, ""))
            return done.addCallback(lambda code: text(f"text {code} to {address}"))
        phone = _digits(call)

        def work() -> None:
            try:
                blog.host.check(Mt(source=address, destination=phone, text="", carrier=carrier))
            except NoRoute as error:
                raise CommandError(f"nothing can be sent to this phone: {error}") from error
            code = blog.linking.request(user, phone)
            mins = LASTS // MINUTE
            language = user.language
            blog.delivery.tell(
                phone, address, carrier, "link.code", language, Priority.CODES, code=code, mins=mins
            )

        return blog.host.transact(work).addCallback(lambda _: text(f"code sent to {mask(phone)}"))

    def link_confirm(self, call: Call) -> Deferred[Answer]:
        """The phone speaks for the account when the code is right."""
        blog, user = self._blog, self._named(call)
        address, carrier = self._speaker(user)

        def work() -> tuple[str, int]:
            phone, left = blog.linking.confirm(user, call.text("code"))
            if phone:
                linked = blog.linking.link(user, phone, address, carrier)
                blog.host.consent.start(
                    Evidence(
                        phone=phone,
                        scope=address,
                        event="start",
                        at=blog.host.now(),
                        language=user.language,
                        origin=f"code confirmed by operator {call.operator.name}",
                    )
                )
                blog.delivery.say(linked, "link.done", exempt=True, user=linked.called)
            return phone, left

        def answered(result: tuple[str, int]) -> Answer:
            phone, left = result
            if not phone:
                raise CommandError("wrong code" if left else "wrong code; request closed")
            return text(f"{mask(phone)} speaks for @{user.called}")

        return blog.host.transact(work).addCallback(answered)

    def login_send(self, call: Call) -> Deferred[Answer]:
        """A login code."""
        user = self._named(call)

        def refused(failure: Any) -> Answer:
            failure.trap(CodeRefused)
            raise CommandError(failure.getErrorMessage())

        done = self._blog.host.transact(lambda: self._blog.codes.send(user))
        sent = done.addCallback(lambda _: text(f"code sent to {mask(user.phone or '')}"))
        return sent.addErrback(refused)

    def login_check(self, call: Call) -> Deferred[Answer]:
        """Whether a login code is right."""
        user = self._named(call)

        def answered(right: bool) -> Answer:
            if not right:
                raise CommandError("wrong code, or none that is valid")
            return text("right; it is used up")

        done = self._blog.host.transact(lambda: self._blog.codes.check(user, call.text("code")))
        return done.addCallback(answered)

    def _speaker(self, user: User) -> tuple[str, str]:
        """The number that writes to a user, and its carrier: its own, or the first that can."""
        numbers = self._blog.numbers
        if user.address and numbers.get(user.address).answers:
            return user.address, user.carrier
        for one in self._blog.host.numbers():
            if one.profile == PROFILE and numbers.get(one.address).answers:
                return one.address, one.carrier
        raise CommandError("no number of the microblog can write to phones")

    # ------------------------------------------------------------------ reports

    def reports(self, call: Call) -> Table:
        """Those that are open."""
        rows = []
        for one in self._blog.reports.open(MOST):
            post = self._blog.posts.post(one.post) if one.post else None
            rows.append(
                {
                    "id": one.id,
                    "at": moment(one.at / 1000),
                    "user": self._called(one.user),
                    "by": self._called(one.reporter),
                    "post": None if post is None else post.id,
                    "text": None if post is None else post.text,
                }
            )
        return Table(REPORTS, rows, empty="nothing is reported")

    def _called(self, number: int) -> str | None:
        user = self._blog.users.by_id(number)
        return None if user is None else f"@{user.called}"

    def decide(self, call: Call) -> Deferred[Answer]:
        """One decision for all open reports about the same user."""
        blog, decision = self._blog, call.text("decision")
        report = blog.reports.get(call.values["id"])
        if report is None or report.decision:
            raise CommandError("there is no such open report; show reports lists them", "unknown")
        user, post = blog.users.by_id(report.user), blog.posts.post(report.post)
        if decision == REMOVE and post is None:
            raise CommandError("there was no post, or it is gone")

        def work() -> None:
            if decision == REMOVE and post is not None:
                blog.posts.remove(post)
            elif decision == SUSPEND and user is not None:
                self._change(call, user, "suspended", state=UserState.SUSPENDED)
            blog.reports.decide(report.user, decision, call.operator.name)

        return blog.host.transact(work).addCallback(
            lambda _: text(f"{self._called(report.user)}: {decision}")
        )

    def remove_post(self, call: Call) -> Deferred[Answer]:
        """Remove a post."""
        blog, post = self._blog, self._blog.posts.post(call.values["id"])
        if post is None:
            raise CommandError("there is no such post", "unknown")

        def work() -> None:
            blog.posts.remove(post)
            blog.events.note(post.author, "post removed", f"operator {call.operator.name}")

        return blog.host.transact(work).addCallback(lambda _: text(f"post {post.id} is gone"))


def _digits(call: Call) -> str:
    digits = call.text("phone").lstrip("+")
    if not (digits.isascii() and digits.isdecimal()):
        raise CommandError("a phone is digits, with the country", "usage")
    return digits
