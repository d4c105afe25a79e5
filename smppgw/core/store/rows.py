"""How the records of `core.message` become rows and journal images, and back.

Owns: the order of columns and the SQL that follows from it.
Refuses to know: when rows are written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from smppgw.core.message import Delivery, Message

Row = Sequence[Any]

MESSAGE_FIXED = (
    "id",
    "account",
    "source",
    "destination",
    "registered_delivery",
    "priority",
    "expires",
    "body",
    "origin",
    "service_type",
    "multi",
    "part_of",
    "part",
    "parts",
    "parts_ended",
    "parts_delivered",
    "worst",
    "worst_part",
    "joined",
)
"""Columns that few messages ever change (`rewrite`); a change image does not carry them."""

MESSAGE_MOVING = (
    "carrier",
    "state",
    "position",
    "due",
    "duplicate",
    "attempts",
    "tried",
    "link",
    "sequence_number",
    "sent_at",
    "answered_at",
    "command_status",
    "remote_id",
    "remote_key",
    "reported",
    "final_at",
    "error",
    "receipt_to",
    "receipt_at",
)

NEW_IN_2 = frozenset(
    (
        "part_of",
        "part",
        "parts",
        "parts_ended",
        "parts_delivered",
        "worst",
        "worst_part",
        "joined",
    )
)
"""Columns that images written before version 2 of the schema lack."""

DELIVERY = ("id", "account", "kind", "message", "expires", "body")
LEDGER = (
    "accepted",
    "delivered",
    "undeliverable",
    "expired",
    "cancelled",
    "rejected",
    "unknown",
    "moved",
)

message_image = attrgetter(*MESSAGE_FIXED, *MESSAGE_MOVING)
"""Message -> whole row."""
change_image = attrgetter(*MESSAGE_MOVING, "id")
"""Message -> what moved, and the id last, as UPDATE_MESSAGE wants it."""
delivery_image = attrgetter(*DELIVERY)


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


INSERT_MESSAGE = _insert("message", MESSAGE_FIXED + MESSAGE_MOVING)
AT_ONCE = 16
"""Rows of INSERT_MESSAGES: opening ten indexes for each row would cost half as much as the row."""
INSERT_MESSAGES = INSERT_MESSAGE + (AT_ONCE - 1) * (
    ", (" + ", ".join("?" * len(MESSAGE_FIXED + MESSAGE_MOVING)) + ")"
)
UPDATE_MESSAGE = (
    "UPDATE message SET " + ", ".join(f"{name} = ?" for name in MESSAGE_MOVING) + " WHERE id = ?"  # noqa: S608
)
FOR_IMAGE = {
    sql.count("?"): sql
    for sql in (
        INSERT_MESSAGE,
        _insert(
            "message",
            [name for name in MESSAGE_FIXED + MESSAGE_MOVING if name not in NEW_IN_2],
        ),
    )
}
"""Number of values in the journalled image of a whole row -> the statement that writes it."""
UPDATE_FORWARDED = "UPDATE message SET receipt_to = ?, receipt_at = ? WHERE id = ?"
SELECT_MESSAGE = f"SELECT {', '.join(MESSAGE_FIXED + MESSAGE_MOVING)} FROM message"  # noqa: S608
INSERT_DELIVERY = _insert("delivery", DELIVERY)
DELETE_DELIVERY = "DELETE FROM delivery WHERE id = ?"
SELECT_DELIVERY = f"SELECT {', '.join(DELIVERY)} FROM delivery"  # noqa: S608
INSERT_LEDGER = _insert("ledger", ("scope", "name", *LEDGER))


def insert_messages(connection: sqlite3.Connection, images: Sequence[Row]) -> None:
    """Write whole rows (`message_image`); raises sqlite3.Error and OverflowError."""
    alone = len(images) % AT_ONCE
    for place in range(alone, len(images), AT_ONCE):
        values = tuple(chain.from_iterable(images[place : place + AT_ONCE]))
        connection.execute(INSERT_MESSAGES, values)
    connection.executemany(INSERT_MESSAGE, images[:alone])


def message_of(row: Row) -> Message:
    """A stored row (SELECT_MESSAGE) as a Message."""
    message = Message(*row)
    message.stored = True
    message.fresh = message.whole = message.dirty = False
    return message


def delivery_of(row: Row) -> Delivery:
    """A stored row (SELECT_DELIVERY) as a Delivery."""
    delivery = Delivery(*row)
    delivery.stored = True
    delivery.fresh = False
    return delivery
