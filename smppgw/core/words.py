"""Words that every number understands: out, in and help, in several languages.

Owns: these words, when a message is one of them, and when it nearly is.
Refuses to know: what is done about it (features), and words of an operator's own.

A word counts when it is the whole message: case, accents and punctuation around it do not matter,
nor does what phones put before an answer (`Re:`). A message that only looks like a wish to leave is
never taken for one: `near_stop` says that somebody should be asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

from attrs import frozen


class Meaning(Enum):
    """What a word asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    CONTACT = "contact"


EVERYWHERE = ""
"""The language of words that are the same in all of them."""

WORDS: Mapping[Meaning, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        Meaning.STOP: {
            EVERYWHERE: ("STOP",),
            "en": (
                "STOPALL",
                "UNSUBSCRIBE",
                "CANCEL",
                "END",
                "QUIT",
                "REVOKE",
                "OPTOUT",
            ),
            "fr": ("ARRET", "ARRETER", "FIN", "DESABONNER", "ANNULER"),
            "es": ("BAJA", "PARAR"),
            "de": ("STOPP", "ABMELDEN"),
            "it": ("ANNULLA", "FERMA"),
            "pt": ("SAIR", "PARAR"),
            "nl": ("UIT",),
            "tr": ("DUR",),
        },
        Meaning.START: {
            EVERYWHERE: ("START",),
            "en": ("YES", "UNSTOP"),
            "fr": ("COMMENCER", "INSCRIPTION", "OUI", "REPRENDRE"),
            "es": ("ALTA", "SI"),
            "de": ("JA",),
            "it": ("SI",),
            "pt": ("SIM",),
        },
        Meaning.HELP: {
            EVERYWHERE: ("HELP", "INFO"),
            "fr": ("AIDE",),
            "es": ("AYUDA",),
            "de": ("HILFE",),
            "it": ("AIUTO",),
            "pt": ("AJUDA",),
        },
        Meaning.CONTACT: {EVERYWHERE: ("CONTACT",)},
    }
)
"""The words by meaning and language, folded."""

KEPT = frozenset(("STOP", "START", "HELP"))
"""Words that no number is without."""
QUESTION = "?"
"""Help, too: a message that is nothing else."""

_NEAR = ("STOP", "STOPALL", "ARRET", "UNSUBSCRIBE")
"""Words of which a slip of the finger is looked for."""
_PLAIN = ("STOP", "ARRET")
_COURTESY = frozenset(
    (
        *("PLEASE", "PLS", "PLZ", "NOW", "ALL", "ME", "TEXTS", "MESSAGES", "MESSAGE", "SENDING"),
        *("THANKS", "THANK", "YOU", "IT", "THIS", "SMS"),
        *("SVP", "STP", "MERCI", "TOUT", "TOUS", "MAINTENANT", "VOS", "LES"),
    )
)
_TOWARDS = ("AU", "TO")
_MOST_WORDS = 4
_ROWS = (("QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"), ("AZERTYUIOP", "QSDFGHJKLM", "WXCVBN"))
_NOISE = re.compile(r"^\s*(?:(?:re|fwd|fw|tr)\s*:\s*)+", re.IGNORECASE)
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Letters and marks of which nothing is to be seen."""
_UNSEEN = ("Cf", "Cc")
"""Categories of the same: directions of writing, joiners, what terminals obey."""


@frozen
class Heard:
    """A word that a message is: as it stands in the table, and its language."""

    meaning: Meaning
    word: str
    language: str


def plain(text: str) -> str:
    """A text for comparing: compatible forms made one, invisible characters out, blanks single.

    For comparing only: what is published or passed on stays as its author wrote it.
    """
    seen = text
    if not text.isascii():
        seen = unicodedata.normalize("NFKC", text)
    if not (seen.isascii() and seen.isprintable()):
        seen = "".join(one for one in seen if not is_unseen(one))
    return " ".join(_NOISE.sub("", seen).split())


def is_unseen(one: str) -> bool:
    """Whether a character leaves no trace on a screen, not even a blank."""
    if one in _FILLERS or "\ufe00" <= one <= "\ufe0f":
        return True
    return unicodedata.category(one) in _UNSEEN and not one.isspace()


def folded(text: str) -> str:
    """A text without case and accents; letters that are two become two (`ß`, `œ`)."""
    if text.isascii():
        return plain(text).upper()
    split = unicodedata.normalize("NFKD", plain(text).replace("œ", "oe").replace("Œ", "OE"))
    bare = "".join(one for one in split if not unicodedata.combining(one))
    return bare.casefold().upper()


def tokens(text: str) -> list[str]:
    """The words of a text, folded, without what is neither letter nor digit around them."""
    return list(_tokens(text))


@lru_cache(maxsize=16)
def _tokens(text: str) -> tuple[str, ...]:
    """The same; one message is looked at by several rules, one after the other."""
    return tuple(filter(None, map(_stripped, folded(text).split())))


def _stripped(word: str) -> str:
    if word.isalnum():
        return word
    begin, end = 0, len(word)
    while begin < end and not word[begin].isalnum():
        begin += 1
    while end > begin and not word[end - 1].isalnum():
        end -= 1
    return word[begin:end]


class Vocabulary:
    """What one number understands: the languages that are enabled for it.

    `without` are words that mean something else there, `own` are words (folded) that mean something
    only there. `address` is the number itself: who was told `STOP 36180` may write all of that.
    """

    def __init__(
        self,
        languages: Iterable[str] = ("en", "fr"),
        without: Collection[str] = (),
        own: Mapping[str, Meaning] = MappingProxyType({}),
        address: str = "",
    ) -> None:
        self._address = address
        self._words = {
            word: Heard(meaning, word, language)
            for meaning, packs in WORDS.items()
            for language in (EVERYWHERE, *languages)
            for word in packs.get(language, ())
            if word not in without
        }
        for word, meaning in own.items():
            self._words[word] = Heard(meaning, word, EVERYWHERE)

    def hear(self, text: str) -> Heard | None:
        """The word that a message is; None for any other message."""
        words = tokens(text)
        if not words and plain(text) == QUESTION:
            return Heard(Meaning.HELP, QUESTION, EVERYWHERE)
        if len(words) > 1 and words[-1] == self._address:
            del words[-2 if len(words) == 3 and words[1] in _TOWARDS else -1 :]
        return self._words.get(words[0]) if len(words) == 1 else None

    def words(self, meaning: Meaning) -> list[str]:
        """All words of one meaning, as they are compared."""
        return sorted(word for word, heard in self._words.items() if heard.meaning is meaning)

    def near_stop(self, text: str, *, strict: bool = True) -> bool:
        """Whether a message that is no word of ours may be meant as STOP.

        One word that is a slip away from one (two letters swapped, a neighbouring key, letters
        repeated), or a plain STOP: among words of courtesy and figures (STOP 38100), or alone on
        the first line, above a signature. Not `strict`: also any word for out that begins a message
        of up to four words.
        """
        words = _tokens(text)
        if not words:
            return False
        if len(words) == 1:
            return _slipped(words[0])
        above, _, signature = text.strip().partition("\n")
        if signature and words[0] in _PLAIN and len(_tokens(above)) == 1:
            return True
        others = {word for word in words if word not in _PLAIN}
        rest = {word for word in others if not word.isdecimal()}
        if len(set(words)) > len(others) and rest <= _COURTESY:
            return True
        heard = self._words.get(words[0])
        leaving = heard is not None and heard.meaning is Meaning.STOP
        return leaving and not strict and len(words) <= _MOST_WORDS


def _slipped(word: str) -> bool:
    """Whether one slip makes a word of one in _NEAR."""
    single = re.sub(r"(.)\1+", r"\1", word)
    return any(
        single == re.sub(r"(.)\1+", r"\1", meant) or _one_slip(word, meant)
        for meant in _NEAR
        if word != meant
    )


def _one_slip(word: str, meant: str) -> bool:
    if len(word) != len(meant):
        return False
    wrong = [place for place, letter in enumerate(meant) if word[place] != letter]
    if len(wrong) == 1:
        return word[wrong[0]] in _NEIGHBOURS[meant[wrong[0]]]
    if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
        return (word[wrong[0]], word[wrong[1]]) == (meant[wrong[1]], meant[wrong[0]])
    return False


def _neighbours() -> dict[str, frozenset[str]]:
    """Keys that touch each key, on either keyboard: each row stands half a key to the right."""
    found: dict[str, set[str]] = {}
    for rows in _ROWS:
        for number, row in enumerate(rows):
            above = rows[number - 1] if number else ""
            below = rows[number + 1] if number + 1 < len(rows) else ""
            for place, key in enumerate(row):
                left = max(0, place - 1)
                around = (
                    f"{above[place : place + 2]}{row[left : place + 2]}{below[left : place + 1]}"
                )
                found.setdefault(key, set()).update(around)
    return {key: frozenset(around - {key}) for key, around in found.items()}


_NEIGHBOURS = _neighbours()
