"""The commands of the microblog: their words in every language, and what may follow them.

Owns: this table. Refuses to know: how a message is read (`grammar`), and what commands do.

Three classes decide when a first word is a command, so that ordinary sentences stay posts: strict
(always, and never published), exact (when exactly so many words follow), and known (as exact, and
the word that follows names somebody, or begins with @).
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from smppgw.core.words import WORDS, Meaning


class Verb(Enum):
    """What a message asks for."""

    START = "start"
    SIGNUP = "signup"
    GO = "go"
    STOP = "stop"
    HELP = "help"
    ON = "on"
    OFF = "off"
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    DM = "d"
    RETWEET = "rt"
    LIKE = "fav"
    GET = "get"
    WHOIS = "whois"
    STATS = "stats"
    SET = "set"
    BLOCK = "block"
    UNBLOCK = "unblock"
    REPORT = "report"
    NUDGE = "nudge"
    INVITE = "invite"
    SUGGEST = "suggest"
    ACCEPT = "accept"
    DENY = "deny"
    REMOVE = "remove"
    HUSH = "hush"
    UNDO = "undo"
    REPLY = "reply"


def help_key(verb: Verb) -> str:
    """The key of the text that says what a command does; the table has it for some of them."""
    same = {Verb.SIGNUP: Verb.START, Verb.UNBLOCK: Verb.BLOCK}
    return f"help.{same.get(verb, verb).value}"


class Class(Enum):
    """When a first word is a command."""

    STRICT = "S"
    EXACT = "A"
    KNOWN = "U"


@frozen
class Form:
    """One word of a command: `least` to `most` words follow it (`most` None: any number).

    `language` is that of the word, "" when it is the same in all.
    """

    verb: Verb
    klass: Class
    least: int
    most: int | None
    language: str = ""


def _forms(
    verb: Verb,
    klass: Class,
    least: int,
    most: int | None,
    english: str,
    french: str,
    both: str = "",
) -> dict[str, Form]:
    return {
        word: Form(verb, klass, least, most, language)
        for language, words in (("en", english), ("fr", french), ("", both))
        for word in words.split()
    }


S, A, U = Class.STRICT, Class.EXACT, Class.KNOWN

FORMS: dict[str, Form] = {
    **_forms(Verb.SIGNUP, A, 0, 0, "SIGNUP", "INSCRIRE DEMARRER"),
    **_forms(Verb.GO, A, 0, 0, "", "", "GO"),
    **_forms(Verb.HELP, A, 1, 1, "HELP", "AIDE", "INFO"),
    **_forms(Verb.OFF, A, 0, 0, "", "COUPER DESACTIVER", "OFF"),
    **_forms(Verb.ON, A, 0, 0, "", "ACTIVER", "ON"),
    **_forms(Verb.FOLLOW, A, 1, 1, "FOLLOW F", "SUIVRE S ABONNER", "SUB"),
    **_forms(Verb.UNFOLLOW, A, 1, 1, "UNFOLLOW UNSUB", "DESABONNER NESUIVRE"),
    **_forms(Verb.DM, S, 0, None, "DM", "MP", "D"),
    **_forms(Verb.RETWEET, A, 1, 1, "RETWEET RP REPEAT", "RETWEETER", "RT"),
    **_forms(Verb.LIKE, A, 1, 1, "LIKE", "AIMER", "FAV"),
    **_forms(Verb.GET, U, 0, 1, "GET G LAST", "LIRE"),
    **_forms(Verb.WHOIS, U, 1, 1, "WHOIS W", "QUI"),
    **_forms(Verb.STATS, A, 0, 0, "", "", "STATS"),
    **_forms(Verb.SET, S, 0, None, "", "", "SET"),
    **_forms(Verb.BLOCK, S, 0, None, "BLOCK BLK", "BLOQUER"),
    **_forms(Verb.UNBLOCK, S, 0, None, "UNBLOCK UNBLK", "DEBLOQUER"),
    **_forms(Verb.REPORT, S, 0, None, "REPORT REP", "SIGNALER"),
    **_forms(Verb.NUDGE, A, 1, 1, "NUDGE", "RELANCER"),
    **_forms(Verb.INVITE, S, 0, None, "INVITE ADD", "INVITER"),
    **_forms(Verb.SUGGEST, A, 0, 0, "SUGGEST SUG DISCOVER", "IDEES"),
    **_forms(Verb.ACCEPT, S, 0, None, "ACCEPT", "ACCEPTER"),
    **_forms(Verb.DENY, S, 0, None, "DENY", "REFUSER"),
    **_forms(Verb.REMOVE, S, 0, None, "REMOVE DELETE LOSE", "RETIRER"),
    **_forms(Verb.HUSH, A, 0, 1, "HUSH", "SILENCE"),
    **_forms(Verb.UNDO, A, 0, 0, "UNDO", "ANNULER"),
    **_forms(Verb.REPLY, U, 2, None, "REPLY", ""),
}
"""Word (folded) -> what it is. `LEAVE` is another word for OFF, below."""
FORMS |= _forms(Verb.OFF, U, 0, 1, "LEAVE", "QUITTER")

WITH_NAME: dict[str, Form] = {
    **_forms(Verb.OFF, U, 1, 1, "", "COUPER DESACTIVER", "OFF"),
    **_forms(Verb.ON, U, 1, 1, "", "ACTIVER", "ON"),
}
"""The same words with somebody's name behind them."""

MENTIONED = frozenset(["DM", "MP", "D"])
"""Words of a message that is for one person, and never for all."""

M_IN_ENGLISH = "M"
"""Private message in English only: in French it begins sentences (`M le maire arrive`)."""

EVERYBODY = frozenset(("ALL", "TOUT", "TOUS"))
"""What may stand behind OFF in the place of a name."""


def verb_of(word: str) -> Verb | None:
    """The command that a word (folded) of any language belongs to."""
    if word in FORMS:
        return FORMS[word].verb
    if word == M_IN_ENGLISH:
        return Verb.DM
    for meaning, verb in ((Meaning.STOP, Verb.STOP), (Meaning.START, Verb.START)):
        if any(word in words for words in WORDS[meaning].values()):
            return verb
    return None


FIELDS: dict[str, tuple[str, int]] = {
    "NAME": ("name", 20),
    "NOM": ("name", 20),
    "BIO": ("bio", 160),
    "LOCATION": ("location", 30),
    "LIEU": ("location", 30),
    "URL": ("url", 100),
    "SITE": ("url", 100),
    "LANGUAGE": ("language", 15),
    "LANGUE": ("language", 15),
    "USERNAME": ("username", 15),
    "PSEUDO": ("username", 15),
    "MESSAGES": ("messages", 3),
    "PREFIX": ("prefix", 1),
    "MENTIONS": ("mentions", 15),
    "QUIET": ("quiet", 11),
    "NUIT": ("quiet", 11),
    "ZONE": ("zone", 32),
    "FUSEAU": ("zone", 32),
}
"""What SET sets: its word -> the field, and how many characters it may have."""

RESERVED = frozenset(
    word.lower()
    for word in (
        *FORMS,
        *(word for packs in WORDS.values() for words in packs.values() for word in words),
        *(
            "OK",
            "Y",
            "TRACK",
            "UNTRACK",
            "TRACKS",
            "JOIN",
            "DROP",
            "GROUPS",
            "LOGIN",
            "CONNEXION",
            "PISTER",
            "M",
        ),
        *("ADMIN", "SUPPORT", "ALL", "ME"),
    )
)
"""Names that nobody may have: they are, or may become, words of commands."""
