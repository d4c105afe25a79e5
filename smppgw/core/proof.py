"""The proof trail of consent: what was said, when, by whom, and that nobody changed it since.

Owns: the records, and the chain in which each holds the hash of the one before.
Refuses to know: what a consent allows (`consent`), and words of phones (features).

A record is written once and never changed or removed. That a phone was forgotten is a record of its
own (`forget`): what it said about messages stays, for a STOP without its proof would be none.
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
)
SELECT = f"SELECT {', '.join(COLUMNS)}, previous, hash FROM consent_proof"  # noqa: S608
INSERT = (
    f"INSERT INTO consent_proof ({', '.join(COLUMNS)}, previous, hash)"  # noqa: S608
    f" VALUES ({', '.join('?' * (len(COLUMNS) + 2))})"
)
FIRST = "0" * 64
"""What stands before the first record."""

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


@frozen(kw_only=True)
class Evidence:
    """What was said about consent, and what came of it.

    `scope` is an address of ours, the name of a list, or `*` for everything; `event` one of stop,
    start, pending, expired, import, forget. `octets` are those that came, in hex; `word` is what
    was understood of `text`. `origin` names the PDU, or the operator. `reply` is the message that
    confirmed it, `killed` are those that were taken back.
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


def row_of(number: int, evidence: Evidence, previous: str) -> tuple[Any, ...]:
    """The row (INSERT) of a record that follows the one with the hash `previous`."""
    fields = {**asdict(evidence), "id": number, "killed": json.dumps(evidence.killed)}
    values = tuple(fields[name] for name in COLUMNS)
    return (*values, previous, chained(previous, values))


def chained(previous: str, values: Sequence[Any]) -> str:
    """The hash of a record: of the one before, and of its own columns. 64 hexadecimal digits."""
    said = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
    return sha256(f"{previous}\n{said}".encode()).hexdigest()


def last_hash(query: Query) -> str:
    """The hash that the next record holds."""
    found = query("SELECT hash FROM consent_proof ORDER BY id DESC LIMIT 1", ())
    return str(found[0][0]) if found else FIRST


def verify(rows: Iterable[Sequence[Any]], previous: str = FIRST) -> tuple[int, str]:
    """How many records (SELECT, in the order of their ids) hold, and the hash of the last.

    Raises ProofBroken at the first that does not.
    """
    count = 0
    for *values, before, own in rows:
        if before != previous or own != chained(previous, values):
            raise ProofBroken(f"chain broken at record {values[0]}")
        previous = own
        count += 1
    return count, previous


def exported(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Records (SELECT) as lines of JSON."""
    for row in rows:
        fields = dict(zip((*COLUMNS, "previous", "hash"), row, strict=True))
        fields["killed"] = json.loads(fields["killed"])
        yield json.dumps(fields, ensure_ascii=False)
