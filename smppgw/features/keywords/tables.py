"""What the keyword feature keeps: how its numbers speak, their own words, and whom it answered.

Owns: its tables and everything that is read from and written to them.
Refuses to know: what a message means (`decide`), and who is answered what (`service`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict, fields, frozen

from smppgw.core.plugin import Host

MIGRATIONS = (
    """
    CREATE TABLE keywords_number (
        address TEXT PRIMARY KEY,
        organisation TEXT NOT NULL,
        telephone TEXT NOT NULL,
        frequency INTEGER NOT NULL,
        languages TEXT NOT NULL,
        confirm_days INTEGER NOT NULL,
        answer_others INTEGER NOT NULL
    );
    CREATE TABLE keywords_word (
        address TEXT NOT NULL,
        word TEXT NOT NULL,
        replies TEXT NOT NULL,
        PRIMARY KEY (address, word)
    ) WITHOUT ROWID;
    CREATE TABLE keywords_phone (
        phone TEXT NOT NULL,
        address TEXT NOT NULL,
        language TEXT NOT NULL,
        answered INTEGER NOT NULL,
        helped INTEGER NOT NULL,
        puzzled INTEGER NOT NULL,
        PRIMARY KEY (phone, address)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE keywords_meaning (
        address TEXT NOT NULL,
        word TEXT NOT NULL,
        meaning TEXT NOT NULL,
        PRIMARY KEY (address, word)
    ) WITHOUT ROWID;
    ALTER TABLE keywords_word ADD COLUMN account TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE keywords_number ADD COLUMN webhook TEXT NOT NULL DEFAULT '';
    CREATE TABLE keywords_call (
        id INTEGER PRIMARY KEY,
        url TEXT NOT NULL,
        phone TEXT NOT NULL,
        body TEXT NOT NULL,
        tries INTEGER NOT NULL,
        began INTEGER NOT NULL,
        due INTEGER NOT NULL
    );
    CREATE INDEX keywords_call_due ON keywords_call (due);
    """,
)
SEPARATOR = "\x1f"
"""Between the texts of an answer."""
BOTH = ("en", "fr")


@frozen(kw_only=True)
class Number:
    """How one number of ours speaks.

    `languages` are enabled for its words, the first is the one it begins with; () is `default` and
    then the other of English and French. `confirm_days` is how long a double opt-in can be
    confirmed, 0 for none; `answer_others`: a message that is no word is told so. `added` are words
    for out, in, help and contact that only this number understands, each with its meaning;
    `removed` are those that it does not understand although others do.
    """

    address: str
    organisation: str = ""
    telephone: str = ""
    frequency: int = 4
    languages: tuple[str, ...] = ()
    confirm_days: int = 0
    answer_others: bool = False
    webhook: str = ""
    """URL that is told of every message that is none of the words that all numbers understand."""
    default: str = "en"
    added: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def spoken(self) -> tuple[str, ...]:
        """The languages of its words, the one it begins with first."""
        rest = (one for one in BOTH if one != self.default)
        return self.languages or (self.default, *rest)


@frozen
class Word:
    """What comes of one of a number's own words: texts, one after the other, and who gets it."""

    replies: tuple[str, ...]
    account: str = ""
    """Gets the message, in place of the number's owner."""


STORED = (
    "address",
    "organisation",
    "telephone",
    "frequency",
    "languages",
    "confirm_days",
    "answer_others",
    "webhook",
)


@frozen(kw_only=True)
class Phone:
    """When a phone was answered by a number (milliseconds since 1970), and in which language."""

    phone: str
    address: str
    language: str = ""
    answered: int = 0
    helped: int = 0
    puzzled: int = 0


class Tables:
    """The tables of one gateway."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def number(self, address: str) -> Number:
        """How a number speaks; as it would without settings when it has none."""
        rows = self._host.query(
            "SELECT address, organisation, telephone, frequency, languages, confirm_days,"
            " answer_others, webhook FROM keywords_number WHERE address = ?",
            (address,),
        )
        found: dict[str, Any] = {"address": address}
        if rows:
            found = dict(zip(STORED, rows[0], strict=True))
            found["languages"] = tuple(found["languages"].split())
            found["answer_others"] = bool(found["answer_others"])
        meanings = self._host.query(
            "SELECT word, meaning FROM keywords_meaning WHERE address = ? ORDER BY word", (address,)
        )
        return Number(
            **found,
            default=self._host.language,
            added=tuple((word, meaning) for word, meaning in meanings if meaning),
            removed=tuple(word for word, meaning in meanings if not meaning),
        )

    def put_number(self, number: Number) -> None:
        """Write how a number speaks; not the words that it adds or lacks."""
        values = {name: value for name, value in asdict(number).items() if name in STORED}
        values["languages"] = " ".join(number.languages)
        self._put("keywords_number", {**values, "answer_others": int(number.answer_others)})

    def put_meaning(self, address: str, word: str, meaning: str) -> None:
        """A number understands a word so; "" = it means nothing there."""
        self._put("keywords_meaning", {"address": address, "word": word, "meaning": meaning})

    def remove_meaning(self, address: str, word: str) -> None:
        """A number understands a word as all others do."""
        self._host.change(
            "DELETE FROM keywords_meaning WHERE address = ? AND word = ?", (address, word)
        )

    def words(self, address: str) -> dict[str, Word]:
        """A number's own words (folded)."""
        rows = self._host.query(
            "SELECT word, replies, account FROM keywords_word WHERE address = ? ORDER BY word",
            (address,),
        )
        return {
            word: Word(tuple(filter(None, replies.split(SEPARATOR))), account)
            for word, replies, account in rows
        }

    def put_word(self, address: str, word: str, found: Word) -> None:
        """Write one of its words."""
        replies = SEPARATOR.join(found.replies)
        values = {"address": address, "word": word, "replies": replies, "account": found.account}
        self._put("keywords_word", values)

    def remove_word(self, address: str, word: str) -> None:
        """It is a word no more."""
        self._host.change(
            "DELETE FROM keywords_word WHERE address = ? AND word = ?", (address, word)
        )

    def phone(self, phone: str, address: str) -> Phone:
        """When a phone was answered."""
        rows = self._host.query(
            "SELECT phone, address, language, answered, helped, puzzled FROM keywords_phone"
            " WHERE phone = ? AND address = ?",
            (phone, address),
        )
        return (
            Phone(**dict(zip((one.name for one in fields(Phone)), rows[0], strict=True)))
            if rows
            else Phone(phone=phone, address=address)
        )

    def put_phone(self, phone: Phone) -> None:
        """Write when a phone was answered."""
        self._put("keywords_phone", asdict(phone))

    def forget(self, phone: str) -> None:
        """A phone is to be forgotten."""
        self._host.change("DELETE FROM keywords_phone WHERE phone = ?", (phone,))
        self._host.change("DELETE FROM keywords_call WHERE phone = ?", (phone,))

    def _put(self, table: str, values: Mapping[str, object]) -> None:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self._host.change(
            f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            tuple(values.values()),
        )
