"""What a message to one of our numbers means, and what should come of it.

Owns: the order of the rules. Pure: the same decision for a phone and for an operator who asks what
would happen.
Refuses to know: tables, consent records, and sending.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from attrs import evolve, frozen

from smppgw.core.consent import ConsentState, Standing
from smppgw.core.plugin import Mo
from smppgw.core.words import Heard, Meaning, Vocabulary, tokens
from smppgw.features.keywords.tables import Number, Phone, Word

HELP_AGAIN = 30_000
"""Milliseconds between two answers to HELP."""
PUZZLED_AGAIN = 24 * 3_600_000
"""The same for a message that is no word."""
REPLY_AGAIN = 10_000
"""The same for any two automatic answers, but those that say that consent changed."""
YES = frozenset(("Y", "YES", "OUI", "O", "OK", "GO"))
"""What confirms a double opt-in, and nothing else."""
TON_ALPHANUMERIC = 5
SHORTEST_PHONE = 9
"""Digits; what has fewer is a short code."""
LONGEST_PHONE = 15
"""Digits of a number of E.164."""


class Effect(Enum):
    """What a message does to consent."""

    NONE = "none"
    STOP = "stop"
    START = "start"
    PEND = "pending"
    EXPIRE = "expired"
    ASK = "fuzzy"


@frozen(kw_only=True)
class Decision:
    """What comes of a message.

    `reply` is a key of `texts`, `own` are texts of a number's own word. `passed_on`: the owner of
    the number gets the message, too, or `account` does. `why` says in a few words which rule spoke.
    `always`: it is answered however short a time ago the phone was answered, and does not count for
    the next answer.
    """

    why: str
    effect: Effect = Effect.NONE
    reply: str = ""
    own: tuple[str, ...] = ()
    heard: Heard | None = None
    passed_on: bool = False
    helps: bool = False
    puzzles: bool = False
    account: str = ""
    always: bool = False
    word: str = ""
    """The number's own word that it is."""


PASS = Decision(why="no word of ours", passed_on=True)


def is_machine(source: str, ton: int, ours: frozenset[str]) -> bool:
    """Whether an answer could begin a loop: a name, a short code, or a number of ours."""
    number = source.isascii() and source.isdecimal() and ton != TON_ALPHANUMERIC
    return not number or not SHORTEST_PHONE <= len(source) <= LONGEST_PHONE or source in ours


def decide(
    text: str,
    number: Number,
    words: Mapping[str, Word],
    standing: Standing | None,
    phone: Phone,
    now: int,
) -> Decision:
    """What a message in one piece from a phone means; times in milliseconds since 1970.

    Two answers to one phone are REPLY_AGAIN apart, unless one says that its consent changed.
    """
    found = _meant(text, number, words, standing, phone, now)
    if found.always or not (found.reply or found.own) or now - phone.answered >= REPLY_AGAIN:
        return found
    return evolve(
        found,
        why=f"{found.why}, answered a moment ago",
        reply="",
        own=(),
        helps=False,
        puzzles=False,
        passed_on=found.passed_on or bool(found.own),
    )


@lru_cache(256)
def vocabulary_of(number: Number) -> Vocabulary:
    """The words that every number understands, as far as this one does, and those it adds."""
    own = {word: Meaning(meaning) for word, meaning in number.added}
    return Vocabulary(number.spoken, number.removed, own, number.address)


def _meant(
    text: str,
    number: Number,
    words: Mapping[str, Word],
    standing: Standing | None,
    phone: Phone,
    now: int,
) -> Decision:
    confirmed = _confirmation(text, standing, now)
    if confirmed is not None:
        return confirmed
    vocabulary = vocabulary_of(number)
    heard = vocabulary.hear(text)
    if heard is not None:
        return _heard(heard, number, standing, phone, now)
    stopped = standing is not None and standing.state is not ConsentState.ACTIVE
    said = tokens(text)
    if len(said) == 1 and said[0] in words:
        return _own(said[0], words[said[0]], stopped=stopped)
    if not stopped:
        if vocabulary.near_stop(text, strict=False):
            return Decision(why="may be meant as STOP", effect=Effect.ASK, reply="stop.fuzzy")
        if number.answer_others and now - phone.puzzled >= PUZZLED_AGAIN:
            return evolve(PASS, reply="unknown.campaign", puzzles=True)
    return PASS


def _own(word: str, found: Word, *, stopped: bool) -> Decision:
    """One of the number's own words; the owner gets it as well when it is not answered."""
    if stopped:
        why = f"word {word}, but the phone said STOP"
        return Decision(why=why, passed_on=True, account=found.account, word=word)
    passed_on = bool(found.account) or not found.replies
    told = Decision(why=f"word {word}", account=found.account, word=word)
    return evolve(told, own=found.replies, passed_on=passed_on)


def _confirmation(text: str, standing: Standing | None, now: int) -> Decision | None:
    """The answer to a double opt-in, in time or late."""
    if standing is None or standing.state is not ConsentState.PENDING:
        return None
    said = tokens(text)
    if len(said) != 1 or said[0] not in YES:
        return None
    if now <= standing.until:
        return Decision(why="confirmed", effect=Effect.START, reply="start.campaign", always=True)
    return Decision(
        why="confirmed too late", effect=Effect.EXPIRE, reply="optin.expired", always=True
    )


def _heard(
    heard: Heard, number: Number, standing: Standing | None, phone: Phone, now: int
) -> Decision:
    why = f"word {heard.word}" + (f" ({heard.language})" if heard.language else "")
    state = None if standing is None else standing.state
    if heard.meaning is Meaning.STOP:
        again = state is ConsentState.STOPPED
        reply = "" if again else "stop.campaign"
        return Decision(why=why, effect=Effect.STOP, reply=reply, heard=heard, always=True)
    if heard.meaning is Meaning.START:
        news = state is not ConsentState.ACTIVE
        effect, reply = Effect.START, "start.campaign"
        if number.confirm_days and news:
            effect, reply, news = Effect.PEND, "start.double", state is not ConsentState.PENDING
        return Decision(why=why, effect=effect, reply=reply, heard=heard, always=news)
    reply = "contact" if heard.meaning is Meaning.CONTACT else "help.campaign"
    if now - phone.helped < HELP_AGAIN:
        return Decision(why=f"{why}, answered a moment ago", heard=heard)
    return Decision(why=why, reply=reply, heard=heard, helps=True)


def language_of(decision: Decision, phone: Phone, number: Number) -> str:
    """In which language to answer: that of the word, else the phone's, else the number's first."""
    spoken = decision.heard.language if decision.heard else ""
    return spoken or phone.language or number.spoken[0]


def readable(mo: Mo) -> bool:
    """Whether a message can be judged: all of it came."""
    return not mo.missing
