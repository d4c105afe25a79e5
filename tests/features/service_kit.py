"""The fixture of the acceptance stories: a microblog, a campaign list and an application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from microblog_kit import CLAIRE, LONG, MARIE, PAUL, SHORT, Place
from mo_kit import octets_of
from relay_kit import account

from smppgw.core.command import Command
from smppgw.core.plugin import FeatureFactory
from smppgw.core.settings import NumberSettings
from smppgw.features.keywords import Keywords
from smppgw.smpp import wire
from smppgw.sms import udh

CAMPAIGN, OTHER_LIST = "36180", "36111"
READER = "33639980020"
"""Somebody on the list of the campaign number."""


class Service(Place):
    """40404 and the long code speak for the microblog, 36180 and 36111 for lists of `agg1`."""

    accounts = (account("agg1", window=1000),)
    numbers = (
        NumberSettings(address=SHORT, carrier="a", profile="microblog"),
        NumberSettings(address=LONG, carrier="uk", profile="microblog"),
        NumberSettings(address=CAMPAIGN, carrier="a", profile="campaign", account="agg1"),
        NumberSettings(address=OTHER_LIST, carrier="a", profile="campaign", account="agg1"),
    )

    def __init__(self, directory: Path, **number: Any) -> None:
        self.keywords: list[Keywords] = []
        super().__init__(directory, **number)
        for address in (CAMPAIGN, OTHER_LIST):
            line = f"set keywords {address} organisation Durand telephone 0199009900"
            assert self.shell(f"{line} languages fr,en others on")[-1] == "OK"
        paul = self.member("paul", PAUL, name="Paul Petit", location="Lille", bio="Boulanger")
        marie = self.member("marie", MARIE)
        self.member("claire_d", CLAIRE)
        self.follows(paul, marie)
        self.follows(marie, paul)

    def factories(self) -> tuple[FeatureFactory, ...]:
        return (self.make_keywords, self.make)

    def make_keywords(self, host: Any) -> Keywords:
        self.keywords.append(Keywords(host))
        return self.keywords[-1]

    def commands(self) -> list[Command]:
        return [*self.keywords[-1].commands(), *self.feature.commands()]

    def to_list(self, phone: str, words: str | bytes, **fields: Any) -> list[str]:
        """What a phone gets for a text to the campaign number."""
        return self.text(phone, words, destination=CAMPAIGN, **fields)

    def submits(self, phone: str = "") -> list[wire.SubmitSm]:
        """What the carrier of the short codes took, for one phone or all, in order."""
        taken = [one.pdu for one in self.world.simulated["a"].received]
        found = [one for one in taken if isinstance(one, wire.SubmitSm)]
        return [one for one in found if not phone or one.destination_addr == phone]


def body(pdu: wire.SubmitSm) -> bytes:
    """The octets of a text, without its header."""
    octets = octets_of(pdu)
    return octets[udh.parse(octets).octets :] if pdu.esm_class & 0x40 else octets
