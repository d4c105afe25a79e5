"""Operators and keywords: how numbers speak, and their own words.

Owns: these commands. Refuses to know: how an answer is shown, rules (`decide`), what phones said
(`consents`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
from smppgw.core.plugin import Host
from smppgw.core.words import KEPT, WORDS, Meaning, tokens
from smppgw.features.keywords.consents import consent_commands, phone_of
from smppgw.features.keywords.decide import Decision, Effect, language_of, vocabulary_of
from smppgw.features.keywords.tables import Number, Word
from smppgw.features.keywords.webhook import url_of

if TYPE_CHECKING:
    from smppgw.features.keywords.service import Keywords

MOST = 200
"""Rows of an answer."""
LONGEST_WORD = 34
LONGEST_REPLY = 300
MOST_WORDS = 25
"""Of a number's own."""
MOST_OF_A_MEANING = 20
MOST_REPLIES = 5
"""Texts that answer one word."""

NUMBER = Argument("number", "a number of ours", positional=True, required=True)
WORD = Argument("word", "one word", positional=True, required=True)
MEANINGS = tuple(one.value for one in Meaning)

WORD_COLUMNS = (
    Column("NUMBER", "number"),
    Column("WORD", "word"),
    Column("ACCOUNT", "account"),
    Column("REPLIES", "replies"),
)
MEANING_COLUMNS = (Column("MEANING", "meaning"), Column("WORDS", "words"))


def commands(host: Host, feature: Keywords) -> list[Command]:
    """The commands of the feature."""
    desk = _Desk(host, feature)
    return [
        *_word_commands(desk),
        *_number_commands(desk),
        *_meaning_commands(desk),
        *consent_commands(host, feature.tables),
    ]


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
                WORD,
                Argument("reply", "what is answered", positional=True),
                Argument("then", "a second text, a second later"),
                Argument("account", "gets the message, not the number's owner", values=desk.hosts),
            ),
            role=Role.OPERATE,
            example='add keyword 36180 PROMO "Ten per cent off with the code SMS10"',
        ),
        Command(
            ("add", "reply"),
            desk.add_reply,
            "one more text that answers a word, a second after those before",
            (number, WORD, Argument("text", "the text", positional=True, required=True)),
            role=Role.OPERATE,
            example='add reply 36180 PROMO "Until Sunday"',
        ),
        Command(
            ("del", "keyword"),
            desk.remove_word,
            "a word means nothing any more",
            (number, WORD),
            role=Role.OPERATE,
        ),
    ]


def _number_commands(desk: _Desk) -> list[Command]:
    number = evolve(NUMBER, values=desk.addresses, strict=True)
    return [
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
                Argument("webhook", "URL that is told of messages that are no such words; or off"),
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


def _meaning_commands(desk: _Desk) -> list[Command]:
    number = evolve(NUMBER, values=desk.addresses, strict=True)
    return [
        Command(
            ("show", "words"), desk.show_meanings, "words for out, in, help and contact", (number,)
        ),
        Command(
            ("add", "word"),
            desk.add_meaning,
            "a number understands one more word for out, in, help or contact",
            (
                number,
                Argument(
                    "meaning",
                    ", ".join(MEANINGS),
                    positional=True,
                    required=True,
                    values=lambda: MEANINGS,
                    strict=True,
                ),
                WORD,
            ),
            role=Role.OPERATE,
            example="add word 36180 stop RAUS",
        ),
        Command(
            ("del", "word"),
            desk.remove_meaning,
            "a number does not understand a word for out, in, help or contact any more",
            (number, WORD),
            role=Role.OPERATE,
            example="del word 36180 FIN",
        ),
    ]


class _Desk:
    """What the commands do."""

    def __init__(self, host: Host, feature: Keywords) -> None:
        self._host = host
        self._feature = feature

    def addresses(self) -> list[str]:
        """The numbers that keywords can belong to."""
        return [one.address for one in self._host.numbers()]

    def hosts(self) -> list[str]:
        """The accounts that can get a message."""
        return self._host.accounts()

    def _change(self, work: Callable[[], None], said: str) -> Deferred[Answer]:
        return self._host.transact(work).addCallback(lambda _: text(said))

    # ------------------------------------------------------------------ words

    def show_words(self, call: Call) -> Table:
        """The words of all numbers."""
        rows = [
            {
                "number": address,
                "word": word,
                "account": found.account or None,
                "replies": " / ".join(found.replies),
            }
            for address in self.addresses()
            for word, found in self._feature.tables.words(address).items()
        ]
        return Table(WORD_COLUMNS, rows[:MOST], empty="no words but STOP, START and HELP")

    def add_word(self, call: Call) -> Deferred[Answer]:
        """A number's own word."""
        address, word, account = call.text("number"), _word(call.text("word")), call.text("account")
        replies = tuple(filter(None, (call.text("reply"), call.text("then"))))
        if not replies and not account:
            raise CommandError("a word needs what is answered, or the account that gets it")
        if account and account not in self.hosts():
            raise CommandError(f"there is no account {account}", "unknown")
        tables = self._feature.tables
        known = tables.words(address)
        if word not in known and len(known) >= MOST_WORDS:
            raise CommandError(f"{address} has {MOST_WORDS} words already")
        if self._meaning(address, word) is not None:
            raise CommandError(f"{word} is understood by {address} already, see: show words")
        said = "is answered" if replies else f"goes to {account}"
        return self._put(address, word, Word(replies, account), f"{address}: {word} {said}")

    def add_reply(self, call: Call) -> Deferred[Answer]:
        """One more text of an answer."""
        address, word, found = self._known(call)
        replies = (*found.replies, call.text("text"))
        if len(replies) > MOST_REPLIES:
            raise CommandError(f"a word is answered with {MOST_REPLIES} texts at most")
        said = f"{address}: {word} is answered with {len(replies)} texts"
        return self._put(address, word, evolve(found, replies=replies), said)

    def _put(self, address: str, word: str, found: Word, said: str) -> Deferred[Answer]:
        for reply in found.replies:
            if not 0 < len(reply) <= LONGEST_REPLY:
                raise CommandError(f"a reply has at most {LONGEST_REPLY} characters")
            if not reply.isprintable():
                raise CommandError("a reply is one line of characters that can be seen")
        return self._change(lambda: self._feature.tables.put_word(address, word, found), said)

    def _known(self, call: Call) -> tuple[str, str, Word]:
        """(number, word, what comes of it)."""
        address, word = call.text("number"), "".join(tokens(call.text("word")))
        found = self._feature.tables.words(address).get(word)
        if found is None:
            raise CommandError(f"{address} has no word {word}", "unknown")
        return address, word, found

    def _meaning(self, address: str, word: str) -> Meaning | None:
        heard = vocabulary_of(self._feature.tables.number(address)).hear(word)
        return None if heard is None else heard.meaning

    def remove_word(self, call: Call) -> Deferred[Answer]:
        """No longer a word."""
        word = "".join(tokens(call.text("word")))
        if word in KEPT:
            raise CommandError(f"{word} cannot be removed: it is understood by every number")
        address, word, _ = self._known(call)
        tables = self._feature.tables
        return self._change(lambda: tables.remove_word(address, word), f"{address}: {word} is gone")

    # ------------------------------------------------------------------ words with a meaning

    def show_meanings(self, call: Call) -> Table:
        """What a number understands."""
        number = self._feature.tables.number(call.text("number"))
        vocabulary = vocabulary_of(number)
        rows = [{"meaning": one.value, "words": " ".join(vocabulary.words(one))} for one in Meaning]
        return Table(MEANING_COLUMNS, rows, note=f"languages: {', '.join(number.spoken)}")

    def add_meaning(self, call: Call) -> Deferred[Answer]:
        """One more word for something that every number understands."""
        address, word = call.text("number"), _one_word(call.text("word"))
        meaning = Meaning(call.text("meaning"))
        tables = self._feature.tables
        number = tables.number(address)
        heard = self._meaning(address, word)
        if heard is meaning:
            raise CommandError(f"{address} understands {word} already")
        if heard is not None or word in tables.words(address):
            raise CommandError(f"{word} means something else to {address}")
        if meaning is not Meaning.STOP and _common(word) is Meaning.STOP:
            raise CommandError(f"{word} is a word for out: it can be that, or nothing")
        if sum(one == meaning.value for _, one in number.added) >= MOST_OF_A_MEANING:
            raise CommandError(f"{address} has {MOST_OF_A_MEANING} such words already")
        said = f"{address}: {word} is understood as {meaning.name}"
        if word in number.removed and _common(word) is meaning:
            return self._change(lambda: tables.remove_meaning(address, word), said)
        return self._change(lambda: tables.put_meaning(address, word, meaning.value), said)

    def remove_meaning(self, call: Call) -> Deferred[Answer]:
        """One word less."""
        address, word = call.text("number"), _one_word(call.text("word"))
        if word in KEPT:
            raise CommandError(f"{word} cannot be removed: every number understands it")
        tables = self._feature.tables
        if self._meaning(address, word) is None:
            raise CommandError(f"{address} does not understand {word}", "unknown")
        said = f"{address}: {word} is not understood any more"
        added = word in dict(tables.number(address).added)
        if added and _common(word) is None:
            return self._change(lambda: tables.remove_meaning(address, word), said)
        return self._change(lambda: tables.put_meaning(address, word, ""), said)

    # ------------------------------------------------------------------ how a number speaks

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
        asked = phone_of(call.text("phone")) if call.text("phone") else ""
        phone = self._feature.tables.phone(asked, number.address)
        decision = self._feature.judge(call.text("text"), number, phone, self._host.now())
        language = language_of(decision, phone, number)
        waiting = 0
        if asked and decision.effect is Effect.STOP:
            waiting = len(self._host.consent.waiting(asked, number.address))
        return _shown(decision, self._replies(decision, number, language), waiting)

    def _replies(self, decision: Decision, number: Number, language: str) -> tuple[str, ...]:
        if decision.reply:
            return (self._feature.say(decision.reply, number, language),)
        return decision.own


def _one_word(written: str) -> str:
    """A word as it is compared; raises CommandError."""
    found = tokens(written)
    if len(found) != 1 or len(found[0]) > LONGEST_WORD:
        raise CommandError(f"one word, 1-{LONGEST_WORD} characters")
    return found[0]


def _word(written: str) -> str:
    """A word of a number's own; raises CommandError."""
    word = _one_word(written)
    if _common(word) is not None:
        raise CommandError(f"{word} is understood by every number, and cannot be changed")
    return word


def _common(word: str) -> Meaning | None:
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
    if "webhook" in values:
        values["webhook"] = url_of(str(values["webhook"]))
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


def _shown(decision: Decision, replies: tuple[str, ...], waiting: int) -> Fields:
    data = {
        "rule": decision.why,
        "consent": decision.effect.value,
        "taken_back": waiting,
        "account": decision.account,
        "replies": list(replies),
        "passed_on": decision.passed_on,
    }
    return Fields(
        (
            ("rule", decision.why),
            ("consent", "" if decision.effect.value == "none" else decision.effect.value),
            *((("reply", f"{reply} ({len(reply)} characters)")) for reply in replies),
            ("taken back", f"{waiting} messages" if waiting else ""),
            ("account", decision.account),
            *((("owner", _owner(decision)),) if not decision.account else ()),
        ),
        data,
    )


def _owner(decision: Decision) -> str:
    return "gets it" if decision.passed_on else "does not get it"
