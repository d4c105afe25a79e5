"""The proof trail of consent: what was said, when, by whom, and that nobody changed it since.

Owns: the records, and the chain in which each holds the hash of the one before.
Refuses to know: what a consent allows (`consent`), and words of phones (features).

A record is written once and never changed or removed. Only a person who must be forgotten is taken
out of the records that speak of it: what is personal in them is blank from then on, and their hash
stays, so that the chain holds. Each hash covers a random salt that goes as well, so nobody can find
the phone again by trying all numbers. A later record (event `forget`) names the records that were
blanked; one that is blank without that is a broken chain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from attrs import asdict, frozen

COLUMNS = (
    "id",
    "at",
    "phone",
    "scope",
    "event",
    "octets",
    "text",
    "word",
    "language",
    "origin",
    "reply",
    "killed",
    "salt",
)
SELECT = f"SELECT {', '.join(COLUMNS)}, previous, hash FROM consent_proof"  # noqa: S608
INSERT = (
    f"INSERT INTO consent_proof ({', '.join(COLUMNS)}, previous, hash)"  # noqa: S608
    f" VALUES ({', '.join('?' * (len(COLUMNS) + 2))})"
)
BLANK = (
    "UPDATE consent_proof SET phone = '', octets = '', text = '', origin = '', reply = 0,"
    " killed = '[]', salt = '' WHERE phone = ?"
)
"""Takes a phone out of its records: what stays is when, which scope, which event and which word."""
FORGET = "forget"
FIRST = "0" * 64
"""What stands before the first record."""

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


@frozen(kw_only=True)
class Evidence:
    """What was said about consent, and what came of it.

    `scope` is an address of ours, the name of a list, or `*` for everything; `event` one of stop,
    start, pending, expired, import, forget. `octets` are those that came, in hex; `word` is what
    was understood of `text`. `origin` names the PDU, or the operator. `reply` is the message that
    confirmed it, `killed` are those that were taken back; of a `forget`, which names no phone, they
    are the records that were blanked.
    """

    phone: str
    scope: str
    event: str
    at: int
    octets: str = ""
    text: str = ""
    word: str = ""
    language: str = ""
    origin: str = ""
    reply: int = 0
    killed: tuple[int, ...] = ()


class ProofBroken(Exception):
    """The chain does not hold; the text names the first record that is not as it was written."""


def row_of(number: int, evidence: Evidence, previous: str, salt: str) -> tuple[Any, ...]:
    """The row (INSERT) of a record that follows the one with the hash `previous`."""
    fields = {**asdict(evidence), "id": number, "killed": json.dumps(evidence.killed), "salt": salt}
    values = tuple(fields[name] for name in COLUMNS)
    return (*values, previous, chained(previous, values))


def chained(previous: str, values: Sequence[Any]) -> str:
    """The hash of a record: of the one before, and of its own columns. 64 hexadecimal digits.

    Records of before there was a salt are hashed without one.
    """
    counted = list(values if values[-1] else values[:-1])
    said = json.dumps(counted, ensure_ascii=False, separators=(",", ":"))
    return sha256(f"{previous}\n{said}".encode()).hexdigest()


def last(query: Query) -> tuple[int, str]:
    """Id and hash of the record that the next one follows."""
    found = query("SELECT id, hash FROM consent_proof ORDER BY id DESC LIMIT 1", ())
    return (int(found[0][0]), str(found[0][1])) if found else (0, FIRST)


class Verifier:
    """Reads the trail from its beginning, page by page; each raises ProofBroken where it breaks."""

    def __init__(self) -> None:
        self.count = 0
        self.last = FIRST
        """The hash of the last record that was read."""
        self._blank: set[int] = set()

    def read(self, rows: Iterable[Sequence[Any]]) -> None:
        """The next records (SELECT), in the order of their ids."""
        for *values, before, own in rows:
            number, phone, event = (
                values[COLUMNS.index(name)] for name in ("id", "phone", "event")
            )
            blank = not phone and not values[-1]  # a certificate names no phone, and has a salt
            if before != self.last or not (blank or own == chained(before, values)):
                raise ProofBroken(f"chain broken at record {number}")
            if blank:
                self._blank.add(number)
            elif event == FORGET:
                self._blank.difference_update(json.loads(values[COLUMNS.index("killed")]))
            self.last = own
            self.count += 1

    def finish(self) -> None:
        """There are no more: each blank record must have been named by a later one."""
        if self._blank:
            raise ProofBroken(f"record {min(self._blank)} is blank, and no record says why")


def verify(rows: Iterable[Sequence[Any]]) -> tuple[int, str]:
    """How many records (SELECT) a whole trail has, and the hash of the last; raises ProofBroken."""
    verifier = Verifier()
    verifier.read(rows)
    verifier.finish()
    return verifier.count, verifier.last


def exported(
    rows: Iterable[Sequence[Any]],
    became: Callable[[int], dict[str, Any] | None] = lambda number: None,
) -> Iterator[str]:
    """Records (SELECT) as lines of JSON.

    `became` says what is known now of the message that confirmed something: no hash covers that.
    """
    for row in rows:
        fields = dict(zip((*COLUMNS, "previous", "hash"), row, strict=True))
        fields["killed"] = json.loads(fields["killed"])
        if fields["reply"]:
            fields["confirmation"] = became(fields["reply"])
        yield json.dumps(fields, ensure_ascii=False)
