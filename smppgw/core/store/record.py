"""What a journal record says: the images of one commit, and how they become rows again.

Owns: the form of the payload (MessagePack).
Refuses to know: when records are written and read (see `engine`, `journal`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgpack

from smppgw.core.store import rows
from smppgw.core.store.batch import Batch
from smppgw.core.store.changes import Change


def payload_of(batch: Batch, changes: Sequence[Change] = ()) -> bytes | None:
    """The images of a batch and changes beside it, or None when there are none."""
    new: list[Any] = []
    moved: list[Any] = []
    for message in batch.touched.values():
        if message.whole:
            new.append(rows.message_image(message))
        else:
            moved.append(rows.change_image(message))
    new += [rows.message_image(message) for message in batch.spilled if message.fresh]
    deliveries = [rows.delivery_image(one) for one in batch.spooled if not one.done]
    done: list[int] = []
    for delivery in batch.deliveries.values():
        if not delivery.done:
            deliveries.append(rows.delivery_image(delivery))
        elif not delivery.fresh:
            done.append(delivery.id)
    ledger = [(*key, *line) for key, line in batch.ledger.items()]
    statements = [*batch.statements, *changes] if changes else batch.statements
    rest = (batch.forwarded, statements, ledger)
    if not (new or moved or deliveries or done or any(rest)):
        return None
    payload: bytes = msgpack.packb((new, moved, deliveries, done, *rest))
    return payload


def apply(connection: sqlite3.Connection, payload: bytes) -> None:
    """Write the images of a record to their rows; doing it twice does no harm."""
    new, moved, deliveries, done, forwarded, statements, ledger = msgpack.unpackb(payload)
    run = connection.executemany
    if new:
        run(rows.FOR_IMAGE[len(new[0])], new)
    run(rows.UPDATE_MESSAGE, moved)
    run(rows.INSERT_DELIVERY, deliveries)
    run(rows.DELETE_DELIVERY, ((number,) for number in done))
    run(rows.UPDATE_FORWARDED, forwarded)
    for sql, values in statements:
        # A row that is there already came from this record, or from one behind it.
        with suppress(sqlite3.IntegrityError):
            connection.execute(sql, values)
    run(rows.INSERT_LEDGER, ledger)
