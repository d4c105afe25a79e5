"""Operators and keywords: how numbers speak, their own words, consents and their proof.

Owns: these commands. Refuses to know: how an answer is shown, and rules (`decide`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from smppgw.core import proof
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
    Role,
    Table,
    text,
)
from smppgw.core.consent import EVERYTHING, Standing
from smppgw.core.figures import moment
from smppgw.core.plugin import Host
from smppgw.core.proof import Evidence, ProofBroken
from smppgw.core.words import WORDS, Meaning, tokens
from smppgw.features.keywords.decide import Decision, language_of

if TYPE_CHECKING:
    from smppgw.features.keywords.service import Keywords

MOST = 200
"""Rows of an answer."""
LONGEST_WORD = 34
LONGEST_REPLY = 300
MOST_WORDS = 25
PAGE = 500
"""Records of the proof trail read at once."""

NUMBER = Argument("number", "a number of ours", positional=True, required=True)
PHONE = Argument("phone", "the number of a phone", positional=True, required=True)
REVEAL = Argument("reveal", "show numbers of phones whole", Kind.FLAG)

WORD_COLUMNS = (Column("NUMBER", "number"), Column("WORD", "word"), Column("REPLIES", "replies"))
CONSENT_COLUMNS = (
    Column("PHONE", "phone"),
    Column("SCOPE", "scope"),
    Column("STATE", "state"),
    Column("SINCE", "since"),
    Column("LANGUAGE", "language"),
    Column("PROOF", "proof", right=True),
)


def commands(host: Host, feature: Keywords) -> list[Command]:
    """The commands of the feature."""
    desk = _Desk(host, feature)
    return [*_word_commands(desk), *_consent_commands(desk)]


def _word_commands(desk: _Desk) -> list[Command]:
    number = evolve(NUMBER, values=desk.addresses, strict=True)
    return [
        Command(("show", "keywords"), desk.show_words, "words of our numbers and their answers"),
        Command(
            ("add", "keyword"),
            desk.add_word,
            "a word of a number, and what is answered to it",
            (
                number,
                Argument("word", "one word", positional=True, required=True),
                Argument("reply", "what is answered", positional=True, required=True),
                Argument("then", "a second text, a second later"),
            ),
            role=Role.OPERATE,
            example='add keyword 36180 PROMO "Ten per cent off with the code SMS10"',
        ),
        Command(
            ("del", "keyword"),
            desk.remove_word,
            "a word means nothing any more",
            (number, Argument("word", "one word", positional=True, required=True)),
            role=Role.OPERATE,
        ),
        Command(
            ("set", "keywords"),
            desk.set_number,
            "how a number speaks",
            (
                number,
                Argument("organisation", "whose number it is, in texts"),
                Argument("telephone", "where help is to be had, in texts"),
                Argument("frequency", "messages a month, in texts", Kind.NUMBER),
                Argument("languages", "enabled for its words, as fr,en: it begins with the first"),
                Argument("confirm", "days to confirm a START; 0 = at once", Kind.NUMBER),
                Argument(
                    "others",
                    "whether a message that is no word is told so",
                    values=lambda: ("on", "off"),
                    strict=True,
                ),
            ),
            role=Role.OPERATE,
            example="set keywords 36180 organisation Durand languages fr,en",
        ),
        Command(
            ("test", "keyword"),
            desk.test_word,
            "what a message would lead to; nothing happens",
            (
                number,
                Argument("text", "as a phone writes it", positional=True, required=True),
                Argument("phone", "whose consent counts"),
            ),
            example='test keyword 36180 "ARRÊT !"',
        ),
    ]


def _consent_commands(desk: _Desk) -> list[Command]:
    return [
        Command(
            ("show", "consents"),
            desk.show_consents,
            "what a phone said to our numbers",
            (PHONE, REVEAL),
        ),
        Command(
            ("add", "stop"),
            desk.add_stop,
            "a phone told somebody that it wants nothing more",
            (PHONE, Argument("scope", "a number of ours, a list, or *", positional=True)),
            role=Role.OPERATE,
            example="add stop 33639980020 36180",
        ),
        Command(
            ("export", "consents"),
            desk.export,
            "the proof trail of a phone, as lines of JSON",
            (PHONE,),
            role=Role.OPERATE,
        ),
        Command(("test", "consents"), desk.verify, "whether the proof trail is as it was written"),
    ]


class _Desk:
    """What the commands do."""

    def __init__(self, host: Host, feature: Keywords) -> None:
        self._host = host
        self._feature = feature

    def addresses(self) -> list[str]:
        """The numbers that keywords can belong to."""
        return [one.address for one in self._host.numbers()]

    def _change(self, work: Callable[[], None], said: str) -> Deferred[Answer]:
        return self._host.transact(work).addCallback(lambda _: text(said))

    # ------------------------------------------------------------------ words

    def show_words(self, call: Call) -> Table:
        """The words of all numbers."""
        rows = [
            {"number": address, "word": word, "replies": " / ".join(replies)}
            for address in self.addresses()
            for word, replies in self._feature.tables.words(address).items()
        ]
        return Table(WORD_COLUMNS, rows[:MOST], empty="no words but STOP, START and HELP")

    def add_word(self, call: Call) -> Deferred[Answer]:
        """A number's own word."""
        address, word = call.text("number"), _word(call.text("word"))
        replies = tuple(filter(None, (call.text("reply"), call.text("then"))))
        if any(len(reply) > LONGEST_REPLY for reply in replies):
            raise CommandError(f"a reply has at most {LONGEST_REPLY} characters")
        tables = self._feature.tables
        known = tables.words(address)
        if word not in known and len(known) >= MOST_WORDS:
            raise CommandError(f"{address} has {MOST_WORDS} words already")
        return self._change(
            lambda: tables.put_word(address, word, replies), f"{address}: {word} is answered"
        )

    def remove_word(self, call: Call) -> Deferred[Answer]:
        """No longer a word."""
        address, word = call.text("number"), "".join(tokens(call.text("word")))
        if _meaning(word) is not None:
            raise CommandError(f"{word} cannot be removed: it is understood by every number")
        tables = self._feature.tables
        if word not in tables.words(address):
            raise CommandError(f"{address} has no word {word}", "unknown")
        return self._change(lambda: tables.remove_word(address, word), f"{address}: {word} is gone")

    def set_number(self, call: Call) -> Deferred[Answer]:
        """How a number speaks."""
        tables = self._feature.tables
        number = tables.number(call.text("number"))
        changed = evolve(number, **_number_values(call))
        return self._change(
            lambda: tables.put_number(changed), f"{number.address}: changed for the next message"
        )

    def test_word(self, call: Call) -> Fields:
        """What would come of a message."""
        number = self._feature.tables.number(call.text("number"))
        phone = self._feature.tables.phone(call.text("phone"), number.address)
        decision = self._feature.judge(call.text("text"), number, phone, self._host.now())
        language = language_of(decision, phone, number)
        return _shown(decision, self._replies(decision, number, language))

    def _replies(self, decision: Decision, number: Any, language: str) -> tuple[str, ...]:
        if decision.reply:
            return (self._feature.say(decision.reply, number, language),)
        return decision.own

    # ------------------------------------------------------------------ consent

    def show_consents(self, call: Call) -> Table:
        """What a phone said."""
        found = self._host.consent.standings(_phone(call))
        show = str if call.flag("reveal") else mask
        return Table(
            CONSENT_COLUMNS,
            [_standing(one, show) for one in found],
            empty="this phone said nothing about messages",
        )

    def add_stop(self, call: Call) -> Deferred[Answer]:
        """An operator was told."""
        phone, scope = _phone(call), call.text("scope") or EVERYTHING
        evidence = Evidence(
            phone=phone,
            scope=scope,
            event="stop",
            at=self._host.now(),
            origin=f"operator {call.operator.name}",
        )
        done = self._host.transact(lambda: self._host.consent.stop(evidence))
        return done.addCallback(
            lambda killed: text(
                f"{mask(phone)} gets nothing more from {scope}; {len(killed)} messages taken back"
            )
        )

    def export(self, call: Call) -> Answer:
        """The records about a phone."""
        rows = self._host.query(
            f"{proof.SELECT} WHERE phone = ? ORDER BY id LIMIT ?", (_phone(call), PAGE)
        )
        return text(*proof.exported(rows))

    def verify(self, call: Call) -> Deferred[Answer]:
        """All records, page by page."""
        return Deferred.fromCoroutine(self._verify())

    async def _verify(self) -> Answer:
        count, last, at = 0, proof.FIRST, 0
        query = f"{proof.SELECT} WHERE id > ? ORDER BY id LIMIT ?"
        while rows := self._host.query(query, (at, PAGE)):
            try:
                found, last = proof.verify(rows, last)
            except ProofBroken as broken:
                raise CommandError(str(broken), "failed") from broken
            count += found
            at = rows[-1][0]
            await deferLater(self._host.clock, 0)  # other traffic has its turn
        return text(f"{count:,} records, all as they were written")


def _word(written: str) -> str:
    """A word as it is compared; raises CommandError."""
    found = tokens(written)
    if len(found) != 1 or len(found[0]) > LONGEST_WORD:
        raise CommandError(f"one word, 1-{LONGEST_WORD} characters")
    if _meaning(found[0]) is not None:
        raise CommandError(f"{found[0]} is understood by every number, and cannot be changed")
    return found[0]


def _meaning(word: str) -> Meaning | None:
    return next(
        (
            meaning
            for meaning, packs in WORDS.items()
            if any(word in words for words in packs.values())
        ),
        None,
    )


def _number_values(call: Call) -> dict[str, Any]:
    names = {"confirm": "confirm_days", "others": "answer_others"}
    values: dict[str, Any] = {
        names.get(name, name): value for name, value in call.values.items() if name != "number"
    }
    if "languages" in values:
        values["languages"] = tuple(str(values["languages"]).lower().split(","))
        known = {language for packs in WORDS.values() for language in packs if language}
        for language in values["languages"]:
            if language not in known:
                listed = ", ".join(sorted(known))
                raise CommandError(f"there are no words in {language!r}; there are in {listed}")
    if "answer_others" in values:
        values["answer_others"] = values["answer_others"] == "on"
    return values


def _phone(call: Call) -> str:
    digits = call.text("phone").lstrip("+")
    if not digits.isdecimal():
        raise CommandError(f"{call.text('phone')!r} is no phone number: digits, with the country")
    return digits


def _shown(decision: Decision, replies: tuple[str, ...]) -> Fields:
    data = {
        "rule": decision.why,
        "consent": decision.effect.value,
        "replies": list(replies),
        "passed_on": decision.passed_on,
    }
    return Fields(
        (
            ("rule", decision.why),
            ("consent", "" if decision.effect.value == "none" else decision.effect.value),
            *((("reply", f"{reply} ({len(reply)} characters)")) for reply in replies),
            ("owner", "gets it" if decision.passed_on else "does not get it"),
        ),
        data,
    )


def _standing(one: Standing, show: Callable[[str], str]) -> dict[str, Any]:
    return {
        "phone": show(one.phone),
        "scope": one.scope,
        "state": one.state.name.lower(),
        "since": moment(one.at / 1000),
        "language": one.language or None,
        "proof": one.proof,
    }
