"""A gateway with the keyword feature, one phone and an operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mo_kit import come, said, statuses
from relay_kit import World, account, carrier
from relay_peers import mo
from shell_kit import Shell

from smppgw.core.command import Role
from smppgw.core.consent import ConsentState
from smppgw.core.settings import NumberSettings
from smppgw.features.keywords import Keywords

PHONE = "33639980020"
NUMBER = "36180"
DAY = 86_400
NUMBERS = (
    NumberSettings(address=NUMBER, carrier="a", profile="campaign", account="agg1"),
    NumberSettings(address="36111", carrier="a", profile="campaign"),
)
SETUP = ("set keywords 36180 organisation Durand telephone 0199009900 languages fr,en others on",)


class Place:
    """A gateway with the feature, one phone and an operator."""

    def __init__(self, directory: Path, *setup: str, **rest: Any) -> None:
        self.features: list[Keywords] = []
        world: dict[str, Any] = {
            "carriers": (carrier("a", enquire_link=3600.0),),
            "accounts": (account("agg1"),),
            "numbers": NUMBERS,
            "features": (self.make,),
        }
        self.world = World(directory / "var", **{**world, **rest})
        for line in setup:
            assert self.shell(line)[-1] == "OK"

    def make(self, host: Any) -> Keywords:
        self.features.append(Keywords(host))
        return self.features[-1]

    def shell(self, line: str, *answers: bool, role: Role = Role.ADMIN) -> list[str]:
        """The lines of an answer, and its status."""
        desk = Shell(self.features[-1].commands(), role)
        outcomes: list[Any] = []
        desk.begin(line, *answers).result.addCallback(outcomes.append)
        for _ in range(200):
            if outcomes:
                break
            self.world.settle(0.1)
        return [*desk.screen.lines, outcomes[0].status]

    def text(
        self, words: str | bytes, phone: str = PHONE, seconds: float = 3, **fields: Any
    ) -> list[str]:
        """What the phone gets for a text of its own."""
        before = len(self.received(phone))
        octets = words if isinstance(words, bytes) else words.encode("ascii")
        sent = come(self.world, mo(octets, NUMBER, source_addr=phone, **fields))
        assert statuses(sent) == [0]
        self.world.settle(seconds)
        return self.received(phone)[before:]

    def later(self, seconds: float) -> None:
        self.world.settle(seconds, step=max(1.0, seconds / 20))

    def received(self, phone: str = PHONE) -> list[str]:
        taken = self.world.simulated["a"].received
        return [said(one.pdu) for one in taken if one.destination == phone]

    def state(self, phone: str = PHONE) -> ConsentState | None:
        found = self.world.relay.consent.standing(phone, NUMBER)
        return None if found is None else found.state

    @property
    def events(self) -> list[str]:
        return [one for (one,) in self.world.engine.select("SELECT event FROM consent_proof")]


STOP_FR = (
    "Durand : désinscription prise en compte, vous ne recevrez plus de messages."
    " COMMENCER pour revenir."
)
STOP_EN = "Durand: you are unsubscribed and will get no more messages. Reply START to resubscribe."
