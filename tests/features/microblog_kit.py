"""The microblog at the wire: phones that write, and what they get."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import evolve
from mo_kit import SENT, said, statuses
from relay_kit import World, carrier
from relay_peers import mo
from shell_kit import Shell
from twisted.python.failure import Failure

from smppgw.core.account_settings import AccountSettings
from smppgw.core.command import Command
from smppgw.core.plugin import FeatureFactory
from smppgw.core.settings import NumberSettings
from smppgw.features.microblog import Microblog
from smppgw.features.microblog.blog import Blog
from smppgw.features.microblog.users import Follow, User
from smppgw.sms import gsm7

SHORT, LONG = "40404", "447624800379"
PAUL, MARIE, CLAIRE, BOB, NEW = (
    "33639980001",
    "33639980002",
    "33639980004",
    "447700900004",
    "33639980010",
)
NUMBERS = (
    NumberSettings(address=SHORT, carrier="a", profile="microblog"),
    NumberSettings(address=LONG, carrier="uk", profile="microblog"),
)
MORNING = 1_893_916_800.0
"""2030-01-06 08:00 UTC, a Sunday; 09:00 in Paris."""


class Place:
    """A gateway with the microblog, people, and an operator."""

    numbers = NUMBERS
    accounts: tuple[AccountSettings, ...] = ()
    takes: Mapping[str, Any] = MappingProxyType({"enquire_link": 3600.0})
    """Settings of both carriers."""

    def __init__(self, directory: Path, **number: Any) -> None:
        self.features: list[Microblog] = []
        self.seen: dict[str, int] = {}
        self.world = World(
            directory / "var",
            carriers=(
                carrier("a", **self.takes),
                carrier("uk", 2791, **self.takes),
            ),
            accounts=self.accounts,
            numbers=self.numbers,
            features=self.factories(),
            start=False,
        )
        self.world.clock.rightNow = MORNING
        self.world.start()
        self.world.settle(2)
        numbers = self.blog.numbers
        base = numbers.get(SHORT)
        speaking = evolve(
            base,
            service="Gazouille",
            telephone="0199009900",
            languages=("fr", "en"),
            country="FR",
            **number,
        )
        self.work(lambda: numbers.put(speaking))

    def factories(self) -> tuple[FeatureFactory, ...]:
        """The features of the gateway."""
        return (self.make,)

    def commands(self) -> list[Command]:
        """What operators can say."""
        return self.feature.commands()

    def make(self, host: Any) -> Microblog:
        self.features.append(Microblog(host))
        return self.features[-1]

    @property
    def feature(self) -> Microblog:
        return self.features[-1]

    @property
    def blog(self) -> Blog:
        return self.feature.blog

    def speaks(self, address: str, **number: Any) -> None:
        """Change how a number speaks."""
        numbers = self.blog.numbers
        self.work(lambda: numbers.put(evolve(numbers.get(address), **number)))

    def change(self, username: str, **fields: Any) -> None:
        """Change somebody."""
        self.work(lambda: self.blog.users.change(self.user(username), **fields))

    def work(self, work: Any) -> Any:
        found: list[Any] = []
        self.feature._host.transact(work).addBoth(found.append)
        self.world.settle()
        if isinstance(found[0], Failure):
            found[0].raiseException()
        return found[0]

    def member(self, username: str, phone: str, language: str = "fr", **fields: Any) -> User:
        """Somebody who has signed up before."""
        user = User(
            id=self.world.relay.ids.next(),
            username=username,
            folded=username.casefold(),
            phone=phone,
            address=fields.pop("address", SHORT),
            carrier=fields.pop("carrier", "a"),
            created=1,
            name=fields.pop("name", username.title()),
            language=language,
            zone="Europe/Paris",
            **fields,
        )
        self.work(lambda: self.blog.users.put(user))
        return user

    def follows(self, follower: User, followed: User, *, by_sms: bool = False) -> None:
        edge = Follow(followed.id, follower.id, by_sms, False, 1)
        self.work(lambda: self.blog.users.put_follow(edge))

    def text(self, phone: str, words: str | bytes, seconds: float = 3, **fields: Any) -> list[str]:
        """What a phone gets for a text of its own."""
        before = len(self.received(phone))
        assert self.say(phone, words, **fields) == [0]
        self.world.settle(seconds)
        return self.received(phone)[before:]

    def say(self, phone: str, words: str | bytes, **fields: Any) -> list[int | None]:
        """Have a phone send a text: how its carrier (`at`) is answered."""
        if isinstance(words, str):
            if gsm7.unencodable(words):
                words, fields["data_coding"] = words.encode("utf-16-be"), 8
            else:
                words = gsm7.encode(words)
        at, to = fields.pop("at", "a"), fields.pop("destination", SHORT)
        return self.come(mo(words, to, source_addr=phone, **fields), at=at)

    def come(self, *pdus: Any, at: str = "a") -> list[int | None]:
        """Have a carrier send these: how it is answered."""
        sent = [
            self.world.simulated[at].send_mo(
                one.source_addr,
                one.destination_addr,
                one.short_message,
                **{name: getattr(one, name) for name in SENT},
            )
            for one in pdus
        ]
        self.world.settle()
        return statuses(sent)

    def news(self, *phones: str) -> list[str]:
        """What phones have got since they were last asked for."""
        found = []
        for phone in phones:
            texts = self.received(phone)
            found += texts[self.seen.get(phone, 0) :]
            self.seen[phone] = len(texts)
        return found

    def events(self, username: str) -> list[str]:
        """What happened to somebody, oldest first."""
        return [one for _, one, _ in reversed(self.blog.events.of(self.user(username).id, 100))]

    def later(self, seconds: float) -> None:
        self.world.settle(seconds, step=max(1.0, seconds / 100))

    def received(self, phone: str) -> list[str]:
        taken = [one for each in self.world.simulated.values() for one in each.received]
        return [
            said(one.pdu)
            for one in sorted(taken, key=lambda one: one.time)
            if one.destination == phone
        ]

    def user(self, username: str) -> User:
        found = self.blog.users.by_name(username)
        assert found is not None
        return found

    @property
    def posts(self) -> list[str]:
        return [text for (text,) in self.world.engine.select("SELECT text FROM microblog_post")]

    def shell(self, line: str) -> list[str]:
        desk = Shell(self.commands())
        outcomes: list[Any] = []
        desk.begin(line, True).result.addCallback(outcomes.append)
        self.world.settle(0.3)
        return [*desk.screen.lines, outcomes[0].status]


def two_members(directory: Path) -> Place:
    """@paul, and @marie who follows @paul and gets the posts by SMS."""
    made = Place(directory)
    paul = made.member("paul", PAUL)
    marie = made.member("marie", MARIE)
    made.follows(marie, paul, by_sms=True)
    return made
