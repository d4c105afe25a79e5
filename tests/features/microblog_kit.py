"""The microblog at the wire: phones that write, and what they get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve
from mo_kit import come, said, statuses
from relay_kit import World, carrier
from relay_peers import mo
from shell_kit import Shell

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

    def __init__(self, directory: Path, **number: Any) -> None:
        self.features: list[Microblog] = []
        self.world = World(
            directory / "var",
            carriers=(
                carrier("a", enquire_link=3600.0),
                carrier("uk", 2791, enquire_link=3600.0),
            ),
            accounts=(),
            numbers=NUMBERS,
            features=(self.make,),
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

    def make(self, host: Any) -> Microblog:
        self.features.append(Microblog(host))
        return self.features[-1]

    @property
    def feature(self) -> Microblog:
        return self.features[-1]

    @property
    def blog(self) -> Blog:
        return self.feature.blog

    def work(self, work: Any) -> Any:
        found: list[Any] = []
        self.world.store.transact(work).addBoth(found.append)
        self.world.settle()
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
        fields.setdefault("destination", SHORT)
        if isinstance(words, str):
            if gsm7.unencodable(words):
                words, fields["data_coding"] = words.encode("utf-16-be"), 8
            else:
                words = gsm7.encode(words)
        destination = fields.pop("destination")
        sent = come(self.world, mo(words, destination, source_addr=phone, **fields))
        assert statuses(sent) == [0]
        self.world.settle(seconds)
        return self.received(phone)[before:]

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
        desk = Shell(self.feature.commands())
        outcomes: list[Any] = []
        desk.begin(line).result.addCallback(outcomes.append)
        self.world.settle(0.1)
        return [*desk.screen.lines, outcomes[0].status]
