"""The tables, and the way from each version of them to the next.

Owns: the SQL of the schema and its version number (`PRAGMA user_version`).
Refuses to know: who reads and writes the rows.

`message` keeps a message from acceptance to the end of its retention; the partial indexes cover
only what still moves, so they stay small whatever the history. Rows follow the journal (see
`engine`) by a second or so while the gateway runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x534D5047
"""`SMPG` in `PRAGMA application_id`: the file is ours."""

VERSION_1 = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    registered_delivery INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    body BLOB NOT NULL,
    origin TEXT NOT NULL,
    service_type TEXT NOT NULL,
    multi INTEGER NOT NULL,
    carrier TEXT NOT NULL,
    state INTEGER NOT NULL,
    position INTEGER NOT NULL,
    due INTEGER NOT NULL,
    duplicate INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    tried TEXT NOT NULL,
    link TEXT NOT NULL,
    sequence_number INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    command_status INTEGER NOT NULL,
    remote_id TEXT NOT NULL,
    remote_key TEXT NOT NULL,
    reported INTEGER NOT NULL,
    final_at INTEGER NOT NULL,
    error TEXT NOT NULL,
    receipt_to TEXT NOT NULL,
    receipt_at INTEGER NOT NULL
);
CREATE INDEX message_waiting ON message (carrier, priority, position, account)
    WHERE state = 20;
CREATE INDEX message_deferred ON message (due) WHERE state = 21;
CREATE INDEX message_sent ON message (answered_at) WHERE state = 23;
CREATE INDEX message_in_flight ON message (id) WHERE state = 22;
CREATE INDEX message_answered ON message (carrier, remote_key) WHERE state IN (6, 7, 23);
CREATE INDEX message_expiring ON message (expires) WHERE state IN (20, 21);

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    message INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX delivery_account ON delivery (account, id);
CREATE INDEX delivery_expiring ON delivery (expires);

CREATE TABLE orphan (
    id INTEGER PRIMARY KEY,
    carrier TEXT NOT NULL,
    remote_key TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    state INTEGER NOT NULL,
    error TEXT NOT NULL,
    done_at INTEGER NOT NULL
);
CREATE INDEX orphan_key ON orphan (carrier, remote_key);

CREATE TABLE unrouted (
    id INTEGER PRIMARY KEY,
    carrier TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE trail (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL
);
CREATE INDEX trail_message ON trail (message);

CREATE TABLE ledger (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    undeliverable INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    moved INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) WITHOUT ROWID;

CREATE TABLE learned (
    carrier TEXT NOT NULL,
    what TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (carrier, what)
) WITHOUT ROWID;
"""

VERSION_2 = """
ALTER TABLE message ADD COLUMN part_of INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN parts_ended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN parts_delivered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN worst INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN worst_part INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
DROP INDEX message_waiting;
CREATE INDEX message_waiting ON message (carrier, priority, position, account, part_of)
    WHERE state = 20;
CREATE INDEX message_part ON message (part_of) WHERE part_of > 0;
CREATE INDEX message_joined ON message (joined) WHERE joined > 0;
CREATE INDEX message_in_parts ON message (state, id) WHERE state >= 24;

CREATE TABLE reference (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    value INTEGER NOT NULL,
    UNIQUE (source, destination)
);

CREATE TABLE mo_part (
    id INTEGER PRIMARY KEY,
    carrier TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference INTEGER NOT NULL,
    total INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    body BLOB NOT NULL
);
"""

VERSION_3 = """
CREATE TABLE mo_ready (
    id INTEGER PRIMARY KEY,
    carrier TEXT NOT NULL,
    missing INTEGER NOT NULL,
    headless INTEGER NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE mo_seen (
    fingerprint INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
);
CREATE INDEX mo_seen_at ON mo_seen (at);

CREATE TABLE consent (
    phone TEXT NOT NULL,
    scope TEXT NOT NULL,
    state INTEGER NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    language TEXT NOT NULL,
    proof INTEGER NOT NULL,
    PRIMARY KEY (phone, scope)
) WITHOUT ROWID;

CREATE TABLE consent_proof (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    phone TEXT NOT NULL,
    scope TEXT NOT NULL,
    event TEXT NOT NULL,
    octets TEXT NOT NULL,
    text TEXT NOT NULL,
    word TEXT NOT NULL,
    language TEXT NOT NULL,
    origin TEXT NOT NULL,
    reply INTEGER NOT NULL,
    killed TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX consent_proof_phone ON consent_proof (phone);
"""

VERSION_4 = """
CREATE TABLE revision (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    operator TEXT NOT NULL,
    comment TEXT NOT NULL,
    confirm_until INTEGER NOT NULL,
    back_to INTEGER NOT NULL,
    objects TEXT NOT NULL
);

CREATE TABLE decision (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    what TEXT NOT NULL,
    who TEXT NOT NULL,
    at INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;
"""

VERSION_5 = """
ALTER TABLE consent_proof ADD COLUMN salt TEXT NOT NULL DEFAULT '';
"""

VERSION_6 = """
CREATE TABLE mo (
    id INTEGER PRIMARY KEY,
    carrier TEXT NOT NULL,
    origin TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    data_coding INTEGER NOT NULL,
    esm_class INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    octets BLOB,
    did TEXT NOT NULL,
    answers TEXT NOT NULL
);
"""
"""Written once, in the order of the ids, and looked for by them alone: an index of the phones would
make each message cost more the more there are."""

VERSION_7 = """
CREATE TABLE mo_recent (
    id INTEGER PRIMARY KEY,
    fingerprint INTEGER NOT NULL,
    at INTEGER NOT NULL
);
"""
"""In place of `mo_seen`, which stays for journals that speak of it."""

INDEX_PENDING = """
CREATE INDEX IF NOT EXISTS message_pending ON message (destination, account) WHERE state IN (20, 21)
"""
"""For finding what waits by its destination: made when that is first asked for.

Keeping it for everybody would make each queued message cost more the longer the queue is, for a
look-up (cancel_sm without an id, replace_if_present_flag) that most accounts never make.
"""

MIGRATIONS: tuple[str, ...] = (
    VERSION_1,
    VERSION_2,
    VERSION_3,
    VERSION_4,
    VERSION_5,
    VERSION_6,
    VERSION_7,
)
"""Entry n leads from version n to version n + 1."""

VERSION = len(MIGRATIONS)


CHECKED_OCTETS = 256 * 1024 * 1024
"""Databases up to this size are checked page by page at every start (about 0.5 s)."""


class SchemaError(Exception):
    """The database cannot be used; the text says why and what to do. The file is untouched."""


def check(connection: sqlite3.Connection, path: str, octets: int) -> int:
    """Return the schema version of an opened database (0 = empty), writing nothing.

    `octets` is the size of the file. Raises SchemaError when the file is not ours, newer than this
    program, or damaged.
    """
    try:
        version = _pragma(connection, "user_version")
        application = _pragma(connection, "application_id")
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION_ID:
            raise SchemaError(f"{path} is a database of another program; choose another data_dir")
        if version > VERSION:
            raise SchemaError(
                f"{path} was written by a newer smppgw (schema {version}, known: {VERSION});"
                " run that version, or restore a backup"
            )
        # A whole check reads every page: bounded here, so that a large store still starts at once.
        if octets <= CHECKED_OCTETS:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise SchemaError(f"{path} is damaged ({verdict}); restore a backup")
    except sqlite3.DatabaseError as error:
        raise SchemaError(
            f"{path} is damaged or not a database ({error}); restore a backup or move it away"
        ) from error
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def migrate_feature(connection: sqlite3.Connection, name: str, scripts: Sequence[str]) -> None:
    """Bring the tables of a feature up to date: script n leads from version n to version n + 1.

    Raises SchemaError when they were written by a newer version of it.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS feature (name TEXT PRIMARY KEY, version INTEGER NOT NULL)"
    )
    row = connection.execute("SELECT version FROM feature WHERE name = ?", (name,)).fetchone()
    version = row[0] if row else 0
    if version > len(scripts):
        raise SchemaError(
            f"the tables of the feature {name} were written by a newer smppgw (version {version},"
            f" known: {len(scripts)}); run that version, or restore a backup"
        )
    for number in range(version, len(scripts)):
        connection.executescript(f"BEGIN; {scripts[number]}")
        connection.execute(
            "INSERT OR REPLACE INTO feature (name, version) VALUES (?, ?)", (name, number + 1)
        )
        connection.execute("COMMIT")


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the schema from `version` to VERSION, each step in a transaction of its own."""
    for number in range(version, VERSION):
        connection.executescript(
            f"BEGIN; {MIGRATIONS[number]} PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {number + 1}; COMMIT;"
        )
