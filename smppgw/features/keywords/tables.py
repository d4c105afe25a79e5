"""What the keyword feature keeps: how its numbers speak, their own words, and whom it answered.

Owns: its tables and everything that is read from and written to them.
Refuses to know: what a message means (`decide`), and who is answered what (`service`).
"""

from __future__ import annotations

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
)


@frozen(kw_only=True)
class Number:
    """How one number of ours speaks.

    `languages` are enabled for its words, the first is the one it begins with; `confirm_days` is
    how long a double opt-in can be confirmed, 0 for none; `answer_others`: a message that is no
    word is told so.
    """

    address: str
    organisation: str = ""
    telephone: str = ""
    frequency: int = 4
    languages: tuple[str, ...] = ("en", "fr")
    confirm_days: int = 0
    answer_others: bool = False


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
            " answer_others FROM keywords_number WHERE address = ?",
            (address,),
        )
        if not rows:
            return Number(address=address)
        found = dict(zip((one.name for one in fields(Number)), rows[0], strict=True))
        found["languages"] = tuple(found["languages"].split())
        found["answer_others"] = bool(found["answer_others"])
        return Number(**found)

    def put_number(self, number: Number) -> None:
        """Write how a number speaks."""
        values = {**asdict(number), "languages": " ".join(number.languages)}
        self._put("keywords_number", {**values, "answer_others": int(number.answer_others)})

    def words(self, address: str) -> dict[str, tuple[str, ...]]:
        """A number's own words (folded), each with what is answered, one text after the other."""
        rows = self._host.query(
            "SELECT word, replies FROM keywords_word WHERE address = ? ORDER BY word", (address,)
        )
        return {word: tuple(replies.split("\x1f")) for word, replies in rows}

    def put_word(self, address: str, word: str, replies: tuple[str, ...]) -> None:
        """Write one of its words."""
        self._put(
            "keywords_word", {"address": address, "word": word, "replies": "\x1f".join(replies)}
        )

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
            if (rows)
            else Phone(phone=phone, address=address)
        )

    def put_phone(self, phone: Phone) -> None:
        """Write when a phone was answered."""
        self._put("keywords_phone", asdict(phone))

    def _put(self, table: str, values: dict[str, object]) -> None:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self._host.change(
            f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            tuple(values.values()),
        )
