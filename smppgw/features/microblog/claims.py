"""Claiming an account on the web: whoever holds its phone gets a code, and says it there.

Owns: these steps, for a web page of somebody else and for operators.
Refuses to know: web pages, passwords and addresses of e-mail; how codes are limited (`codes`).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from smppgw.core.address import mask
from smppgw.core.command import Answer, Argument, Call, Command, CommandError, Role, text
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.codes import CodeRefused
from smppgw.features.microblog.users import User

PHONE = Argument("phone", "the number of a phone, with its country", positional=True, required=True)
CODE = Argument("code", "6 digits", positional=True, required=True, secret=True)


class Claims:
    """Proofs that a phone is at hand whose account somebody wants to use elsewhere."""

    def __init__(self, blog: Blog) -> None:
        self._blog = blog

    def commands(self) -> list[Command]:
        """The commands."""
        return [
            Command(
                ("claim", "start"),
                self._start,
                "send a code to a phone whose account somebody claims on the web",
                (PHONE,),
                role=Role.OPERATE,
                example="claim start 33639980010",
            ),
            Command(
                ("claim", "confirm"),
                self._confirm,
                "the code that was said: whose account it is",
                (PHONE, CODE),
                role=Role.OPERATE,
            ),
        ]

    def start(self, phone: str) -> Deferred[int]:
        """Send a code to a phone (digits): the id of the text; fails with CodeRefused."""

        def work() -> int:
            user = self._member(phone)
            if user is None:
                raise CodeRefused("no account has this phone")
            return self._blog.codes.send(user)

        return self._blog.host.transact(work)

    def confirm(self, phone: str, code: str, where: str) -> Deferred[str]:
        """The username of the account that is claimed, "" for a wrong code; it is used up.

        `where` says who asked, for the events of the account.
        """

        def work() -> str:
            user = self._member(phone)
            if user is None or not self._blog.codes.check(user, code):
                return ""
            self._blog.events.note(user.id, "claimed", where)
            return user.called

        return self._blog.host.transact(work)

    def _member(self, phone: str) -> User | None:
        user = self._blog.users.by_phone(phone)
        return None if user is None or user.username is None else user

    # ------------------------------------------------------------------ for operators

    def _start(self, call: Call) -> Deferred[Answer]:
        phone = _digits(call)
        done = self.start(phone)
        sent = done.addCallback(lambda _: text(f"code sent to {mask(phone)}"))
        return sent.addErrback(_refused)

    def _confirm(self, call: Call) -> Deferred[Answer]:
        done = self.confirm(_digits(call), call.text("code"), f"operator {call.operator.name}")

        def answered(username: str) -> Answer:
            if not username:
                raise CommandError("wrong code, or none that is valid")
            return text(f"the account is @{username}; the code is used up")

        return done.addCallback(answered)


def _digits(call: Call) -> str:
    digits = call.text("phone").lstrip("+")
    if not (digits.isascii() and digits.isdecimal()):
        raise CommandError("a phone is digits, with the country", "usage")
    return digits


def _refused(failure: Any) -> Answer:
    failure.trap(CodeRefused)
    raise CommandError(failure.getErrorMessage())
