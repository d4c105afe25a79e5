"""Messages from phones that features saw, and what became of them: for whoever has to explain one.

Owns: the rows of it; they are kept as long as messages are.
Refuses to know: features, and how it is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from smppgw.core import long_mo
from smppgw.core.content import MESSAGE_PAYLOAD
from smppgw.core.long_mo import LONGEST_TEXT
from smppgw.core.plugin import Mo
from smppgw.core.store.engine import Engine
from smppgw.smpp import wire
from smppgw.sms import alphabet
from smppgw.sms.reassemble import DataCodings

if TYPE_CHECKING:
    from smppgw.core.relay import Relay

COLUMNS = (
    "id, carrier, origin, source, destination, data_coding, esm_class, missing, octets, did,"
    " answers"
)
INSERT = f"INSERT OR REPLACE INTO mo ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
NOTE = "INSERT OR REPLACE INTO trail (id, message, at, event) VALUES (?, ?, ?, ?)"
LAST = f"""
SELECT * FROM (SELECT {COLUMNS} FROM mo ORDER BY id DESC LIMIT ?)
WHERE ? IN ('', source) LIMIT ?
"""  # noqa: S608
_list = json.JSONEncoder(ensure_ascii=False).encode
SLICE = 2_000
"""Rows that are looked at in one commit when a phone is to be forgotten."""


@frozen
class Kept:
    """One message from a phone.

    `did` are lines about what features did with it, `answers` the ids of the texts that they sent
    by that. `octets` is user data as the carrier sent it, header included, None when a feature had
    it left out: there was a secret in it. `missing` parts never came.
    """

    id: int
    carrier: str
    origin: str
    source: str
    destination: str
    data_coding: int
    esm_class: int
    missing: int
    octets: bytes | None = field(repr=False)
    did: tuple[str, ...]
    answers: tuple[int, ...]

    def text(self, data_codings: DataCodings) -> str:
        """What it says; "" for octets that are no text."""
        octets = self.octets or b""
        long = len(octets) > LONGEST_TEXT
        pdu = wire.DeliverSm(
            esm_class=self.esm_class,
            data_coding=self.data_coding,
            short_message=b"" if long else octets,
            tlvs=((MESSAGE_PAYLOAD, octets),) if long else (),
        )
        whole = long_mo.single(pdu, data_codings).whole
        if whole.alphabet in alphabet.RAW:
            return ""
        return alphabet.decode(whole.octets, whole.alphabet).text


def keep(
    engine: Engine, mo: Mo, did: Iterable[str], answers: Sequence[int], *, secret: bool = False
) -> None:
    """Keep a message, in the piece of work that handles it."""
    engine.changes.write(
        INSERT,
        (
            mo.id,
            mo.carrier,
            mo.origin,
            mo.source,
            mo.number.address,
            mo.data_coding,
            mo.esm_class,
            mo.missing,
            None if secret else mo.octets,
            _list(list(did)),
            _list(list(answers)),
        ),
    )


def read(engine: Engine, number: int) -> Kept | None:
    """The message with an id."""
    rows = engine.select(f"SELECT {COLUMNS} FROM mo WHERE id = ?", (number,))  # noqa: S608
    return _kept(*rows[0]) if rows else None


def latest(engine: Engine, source: str, looked_at: int, limit: int) -> list[Kept]:
    """The last messages, of all or of one phone among the last so many, the newest first."""
    return [_kept(*row) for row in engine.select(LAST, (looked_at, source, limit))]


async def forget(relay: Relay, phone: str) -> None:
    """Remove all messages of a phone, slice by slice; other traffic has its turn in between."""
    engine, after = relay.store.engine, 0

    def work() -> int:
        rows = engine.select(
            "SELECT max(id) FROM (SELECT id FROM mo WHERE id > ? ORDER BY id LIMIT ?)",
            (after, SLICE),
        )
        upto = int(rows[0][0] or 0)
        engine.changes.write(
            "DELETE FROM mo WHERE id > ? AND id <= ? AND source = ?", (after, upto, phone)
        )
        return upto

    while upto := await relay.store.transact(work):
        after = upto


def _kept(*row: Any) -> Kept:
    *rest, did, answers = row
    lines, ids = tuple(json.loads(did)), tuple(json.loads(answers))
    return Kept(*rest, lines, ids)  # type: ignore[call-arg]
