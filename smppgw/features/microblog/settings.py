"""Operators and the numbers of the microblog: how each speaks, and what a text would be.

Owns: these commands. Refuses to know: how an answer is shown.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Fields,
    Kind,
    Role,
    Table,
    text,
)
from smppgw.core.phrases import LANGUAGES
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.grammar import Command as Asked
from smppgw.features.microblog.grammar import NearStop, hear, read
from smppgw.features.microblog.numbers import (
    ALL,
    ALWAYS,
    ANY,
    ASSIGN,
    BOTH_WAYS,
    CHOOSE,
    COUNTRIES,
    FIRST,
    IN_ONLY,
    NEVER,
    OWN,
    PIN_OFF,
    PIN_OPTIONAL,
    PIN_REQUIRED,
    POST_ONLY,
    PROFILE,
    REFUSE,
    SPLIT,
)
from smppgw.features.microblog.posts import LONGEST_POST

COLUMNS = (
    Column("NUMBER", "number"),
    Column("CARRIER", "carrier"),
    Column("SERVICE", "service"),
    Column("LANGUAGES", "languages"),
    Column("DIRECTION", "direction"),
    Column("PIN", "pin"),
    Column("SIGNUP", "signup"),
    Column("WEEKLY", "weekly", right=True),
    Column("COUNTRY", "country"),
    Column("LONG", "long", minor=1),
    Column("COMMANDS", "commands", minor=2),
    Column("OWN NUMBER", "own_number", minor=3),
    Column("POSTED", "posted", minor=4),
    Column("SUSPENDED", "suspended"),
)


class NumberCommands:
    """What these commands do."""

    def __init__(self, blog: Blog) -> None:
        self._blog = blog

    def commands(self) -> list[Command]:
        """The commands."""
        number = Argument(
            "number",
            "a number of the microblog",
            positional=True,
            required=True,
            values=self._addresses,
            strict=True,
        )
        return [
            Command(("show", "microblog"), self.show, "the numbers of the microblog"),
            Command(
                ("set", "microblog"),
                self.set,
                "how a number speaks",
                (number, *_settings()),
                role=Role.OPERATE,
                example="set microblog 40404 service Gazouille languages fr,en country FR",
            ),
            Command(
                ("test", "microblog"),
                self.test,
                "what a text would be taken for; nothing happens",
                (
                    number,
                    Argument("text", "as a phone writes it", positional=True, required=True),
                ),
                example='test microblog 40404 "Get well soon"',
            ),
        ]

    def _addresses(self) -> list[str]:
        return [one.address for one in self._blog.host.numbers() if one.profile == PROFILE]

    def show(self, call: Call) -> Table:
        """All of them."""
        rows = []
        for one in self._blog.host.numbers():
            if one.profile == PROFILE:
                number = self._blog.numbers.get(one.address)
                row: dict[str, Any] = {
                    key: getattr(number, key) for key in (c.key for c in COLUMNS[2:])
                }
                row["languages"] = ",".join(number.languages)
                rows.append({"number": one.address, "carrier": one.carrier or None, **row})
        return Table(COLUMNS, rows, empty="no number has the profile microblog")

    def set(self, call: Call) -> Deferred[Answer]:
        """Some settings of one."""
        number = self._blog.numbers.get(call.text("number"))
        values = {key: value for key, value in call.values.items() if key != "number"}
        if not values:
            raise CommandError("say what is to be changed; ? after the number lists it", "usage")
        if "languages" in values:
            values["languages"] = tuple(str(values["languages"]).lower().split(","))
            for language in values["languages"]:
                if language not in LANGUAGES:
                    raise CommandError(f"it speaks {', '.join(LANGUAGES)}, not {language}", "usage")
        changed = evolve(number, **values)

        def over(result: Any) -> Any:
            self._blog.numbers.forget()
            return result

        done = self._blog.host.transact(lambda: self._blog.numbers.put(changed)).addBoth(over)
        return done.addCallback(lambda _: text(f"{number.address}: changed for the next message"))

    def test(self, call: Call) -> Fields:
        """What a text is."""
        number = self._blog.numbers.get(call.text("number"))
        said = call.text("text")
        heard = hear(said, number.languages)
        if heard is not None:
            what, detail = heard.meaning.value.upper(), f"the word {heard.word}"
        else:
            found = read(said, number.languages, self._blog.users.exists)
            if isinstance(found, Asked):
                what = found.verb.name
                detail = "never published" if found.strict else f"with {len(found.arguments)} words"
            elif isinstance(found, NearStop):
                what, detail = "nearly STOP", "asked, not published"
            else:
                size = len(found.text)
                what = "post" if size <= LONGEST_POST else "too long for a post"
                detail = f"{size} characters"
        data = {"taken_for": what, "detail": detail}
        return Fields((("taken for", what), ("detail", detail)), data)


def _settings() -> tuple[Argument, ...]:
    def one_of(name: str, help: str, *values: str) -> Argument:
        return Argument(name, help, values=lambda: values, strict=True)

    return (
        Argument("service", "what it calls itself, in texts: 11 characters"),
        Argument("telephone", "where help is to be had, in texts"),
        Argument("languages", "enabled for its words, as fr,en: it begins with the first"),
        one_of("direction", "in: phones can write to it, and are not answered", BOTH_WAYS, IN_ONLY),
        one_of("pin", "where senders can be forged", PIN_OFF, PIN_OPTIONAL, PIN_REQUIRED),
        one_of("signup", "a username is chosen, or assigned", CHOOSE, ASSIGN),
        Argument("weekly", "posts that a phone gets in a week; 0 = no limit", Kind.NUMBER),
        one_of("country", "for time zones and national numbers", *COUNTRIES),
        one_of("long", "more than 140 characters are refused, or split in posts", REFUSE, SPLIT),
        one_of("commands", "post_only: members only post by it", ALL, POST_ONLY),
        one_of("own_number", "own: not for who has a number of its own carrier", ANY, OWN),
        one_of("posted", "whether members are told that a post is public", NEVER, FIRST, ALWAYS),
        Argument("suspended", 'all that anybody is answered; "" = in service'),
    )
