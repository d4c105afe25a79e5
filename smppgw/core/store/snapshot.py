"""A second connection to the tables, which can write nothing and sees one moment.

Owns: how it is opened. Refuses to know: what is read.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_snapshot(path: Path) -> sqlite3.Connection:
    """A connection that sees the rows as they are now, whatever is written later.

    Begun in one thread, it may be used in another, never in both at once. While it is open the log
    cannot be folded into the file: it has to be closed soon. Raises sqlite3.Error.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("BEGIN")
    connection.execute("SELECT name FROM ledger LIMIT 1").fetchall()  # the snapshot begins here
    return connection
