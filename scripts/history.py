"""A store with a past: finished messages written in bulk, without a gateway.

Owns: how such a message looks in its row, and the line of the ledger that goes with it.
Refuses to know: what is measured on it.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from smppgw.core.ids import EPOCH_MS
from smppgw.core.message import State
from smppgw.core.store.engine import FILE_NAME, Engine
from smppgw.core.store.rows import INSERT_LEDGER, LEDGER, MESSAGE_FIXED, MESSAGE_MOVING
from smppgw.smpp import wire

DAYS = 5.0
"""Over which the messages are spread; the retention is longer."""
AT_ONCE = 250_000
COLUMNS = {
    "id": "(:first_ms + i * :step_ms) << 21",
    "account": ":account",
    "source": "'38100'",
    "destination": "'336' || printf('%08d', i % 10000000)",
    "registered_delivery": "1",
    "priority": "1",
    "expires": f"{EPOCH_MS} + :first_ms + i * :step_ms + 172800000",
    "body": ":body",
    "origin": "'bind sequence ' || i",
    "carrier": ":carrier",
    "state": f"{int(State.DELIVERED)}",
    "position": "(:first_ms + i * :step_ms) << 21",
    "attempts": "1",
    "link": ":carrier || '#1'",
    "sequence_number": "i + 1",
    "sent_at": f"{EPOCH_MS} + :first_ms + i * :step_ms + 10",
    "answered_at": f"{EPOCH_MS} + :first_ms + i * :step_ms + 50",
    "remote_id": "CAST(10000000 + i AS TEXT)",
    "remote_key": "CAST(10000000 + i AS TEXT)",
    "final_at": f"{EPOCH_MS} + :first_ms + i * :step_ms + 3000",
    "error": "'000'",
    "receipt_to": "'bind sequence ' || i",
    "receipt_at": f"{EPOCH_MS} + :first_ms + i * :step_ms + 3010",
}
"""Column -> SQL for message number `i`; texts that are not named are empty, numbers are 0."""
TEXTS = {"service_type", "tried"}
NAMES = (*MESSAGE_FIXED, *MESSAGE_MOVING)
VALUES = ", ".join(COLUMNS.get(name, "''" if name in TEXTS else "0") for name in NAMES)
FILL = f"""
WITH RECURSIVE number(i) AS (
    SELECT :begin UNION ALL SELECT i + 1 FROM number WHERE i + 1 < :end
)
INSERT INTO message ({", ".join(NAMES)}) SELECT {VALUES} FROM number
"""  # noqa: S608 - constants of this file


def fill(directory: Path, count: int, account: str, carrier: str) -> tuple[float, int]:
    """Make a store in `directory` with `count` delivered messages; (seconds, octets of the file).

    They are of the last days, one after the other, and the ledger knows them.
    """
    began = time.monotonic()
    Engine(directory).close()
    step = max(1, int(DAYS * 86_400_000 / count))
    body = wire.body_of(
        wire.SubmitSm(
            source_addr="38100",
            destination_addr="33600000000",
            registered_delivery=1,
            short_message=b"one of the messages of days that are over, as long as they are",
        )
    )
    values = {
        "first_ms": int(time.time() * 1000) - EPOCH_MS - (count + 1) * step,
        "step_ms": step,
        "account": account,
        "carrier": carrier,
        "body": body,
    }
    connection = sqlite3.connect(directory / FILE_NAME, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    for begin in range(0, count, AT_ONCE):
        connection.execute(FILL, {**values, "begin": begin, "end": min(count, begin + AT_ONCE)})
    line = {"accepted": count, "delivered": count}
    for scope, name in (("account", account), ("carrier", carrier)):
        connection.execute(INSERT_LEDGER, (scope, name, *(line.get(one, 0) for one in LEDGER)))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return time.monotonic() - began, (directory / FILE_NAME).stat().st_size
