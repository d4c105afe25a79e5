"""Messages found by what they are: sender, destination, account, carrier, state, time.

Owns: the walk through the rows, beside the running gateway, and how far it goes.
Refuses to know: who asks and what is shown.

An index over addresses would have to be kept for every message (about a third more work for each
row), for a question that few ask: so the rows are walked, from the newest to the oldest. They lie
in the order of their ids, and ids follow time, so a time span is a range of rows. The walk ends
with it, with enough found, or after so many rows or seconds, and says how far it came.

Rows are older than memory while changes are on their way to them: what memory has of such a message
counts, and its row does not. Such a message may change while the search goes on; it is shown as it
is then.

Most who look want what came a moment ago: `near` looks at the newest few thousand at once, where
the gateway works, and only what is older is for a thread (`Search`).
"""

from __future__ import annotations

import json
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import islice
from typing import Any

from attrs import field, frozen

from smppgw.core.ids import EPOCH_MS
from smppgw.core.message import Message
from smppgw.core.store import rows
from smppgw.core.store.engine import Engine
from smppgw.core.store.snapshot import open_snapshot

SECONDS = 3.0
"""How long a search may take."""
ROWS = 5_000_000
"""Rows that it looks at, at most."""
CHUNK = 4_000
"""Rows between two looks at the time, at first: as many as fit into the cache of a connection."""
GROWN = 8
"""Chunks grow to so many times that, each twice as long as the one before."""
NEAR_SECONDS = 0.004
"""How long the reactor looks at the newest."""
NEAR = 500
"""Messages in memory, and rows at first, between two looks at the time there."""
LAST = (1 << 63) - 1
"""No id is higher."""
RECENT = 2_000
"""Messages in memory of which `ids_between` looks at the ids."""
ID_LENGTH = 16
_HEXADECIMAL = frozenset("0123456789abcdef")
ANY = "*"
"""In an address: anything, or nothing."""
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
"""The letters that SQLite does not tell from small ones."""

# Without NOT INDEXED an index of what waits would be walked for every chunk again.
BOUNDARY = """
SELECT id FROM message NOT INDEXED WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1 OFFSET ?
"""
WALK = """
{select} NOT INDEXED WHERE id BETWEEN ? AND ?{conditions} ORDER BY id DESC
"""
NEWEST = "SELECT id FROM message NOT INDEXED WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"
OLDEST = "SELECT id FROM message NOT INDEXED WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"
AT_ONCE = """
SELECT json_group_array(json_array({columns})) FROM ({walk} LIMIT ?)
"""
"""The rows of a walk as one text: for each row by itself the thread would wait for the reactor."""
COLUMNS = rows.MESSAGE_FIXED + rows.MESSAGE_MOVING
BODY = COLUMNS.index("body")
COUNT = "SELECT count(*) FROM message NOT INDEXED WHERE id BETWEEN ? AND ?"


@frozen
class Wanted:
    """What is looked for; "" is anything. `*` in an address stands for anything.

    `remote_key` is the canonical form of a carrier's id. Parts of messages are found with `parts`.
    """

    source: str = ""
    destination: str = ""
    account: str = ""
    carrier: str = ""
    remote_key: str = ""
    states: frozenset[int] = frozenset()
    first: int = 0
    last: int = LAST
    parts: bool = False
    accounts: frozenset[str] = frozenset()
    """Nothing of other accounts; empty = of all."""
    _source: re.Pattern[str] = field(init=False, repr=False)
    _destination: re.Pattern[str] = field(init=False, repr=False)

    @_source.default
    def _source_pattern(self) -> re.Pattern[str]:
        return _pattern(self.source)

    @_destination.default
    def _destination_pattern(self) -> re.Pattern[str]:
        return _pattern(self.destination)

    def fits(self, message: Message) -> bool:
        """Whether a message is meant."""
        return bool(
            self.first <= message.id <= self.last
            and (not self.account or message.account == self.account)
            and (not self.accounts or message.account in self.accounts)
            and (not self.carrier or message.carrier == self.carrier)
            and (not self.states or message.state in self.states)
            and (not self.remote_key or message.remote_key == self.remote_key)
            and (self.parts or not message.part_of)
            and (not self.destination or self._destination.fullmatch(message.destination))
            and (not self.source or self._source.fullmatch(message.source.lstrip("+")))
        )

    def sql(self) -> tuple[str, tuple[Any, ...]]:
        """The same as conditions and their values, without the range of ids."""
        found: list[tuple[str, str]] = []
        for column, value in (
            ("account", self.account),
            ("carrier", self.carrier),
            ("remote_key", self.remote_key),
        ):
            if value:
                found.append((f"{column} = ?", value))
        for column, value in (
            ("destination", self.destination),
            ("ltrim(source, '+')", self.source),
        ):
            if ANY in value:
                folded = f"lower({column})" if any(map(str.isalpha, value)) else column
                found.append((f"{folded} GLOB ?", _glob(value)))
            elif value:
                found.append((f"{column} = ? COLLATE NOCASE", value))
        said = "".join(f" AND {condition}" for condition, _ in found)
        if self.states:
            said += f" AND state IN ({', '.join(str(int(one)) for one in sorted(self.states))})"
        if not self.parts:
            said += " AND part_of = 0"
        values = [value for _, value in found]
        if self.accounts:
            said += f" AND account IN ({', '.join('?' * len(self.accounts))})"
            values += sorted(self.accounts)
        return said, tuple(values)


def _pattern(address: str) -> re.Pattern[str]:
    parts = map(re.escape, address.split(ANY))
    return re.compile(".*".join(parts), re.ASCII | re.IGNORECASE | re.DOTALL)


def _glob(address: str) -> str:
    small = address.translate(_LOWER)
    return small.replace("[", "[[]").replace("?", "[?]")


@frozen
class Found:
    """What came of a search: messages, newest first, and how far it came.

    Those of a thread come without their bodies.
    """

    messages: tuple[Message, ...]
    rows: int
    """Messages looked at, in rows and in memory."""
    reached: int
    """Everything from this id on was looked at; 0 when all that was asked for was."""
    more: bool
    """There may be more between the first and the last one looked at."""

    @property
    def done(self) -> bool:
        """Nothing is left to look at for who wanted so many."""
        return self.more or not self.reached

    def then(self, older: Found) -> Found:
        """What came of it together with a search through what is older than `reached`."""
        messages = self.messages + older.messages
        return Found(messages, self.rows + older.rows, older.reached, older.more)


def near(
    engine: Engine,
    wanted: Wanted,
    limit: int,
    clock: Callable[[], float] = time.monotonic,
    seconds: float = NEAR_SECONDS,
) -> Found:
    """Look at the newest messages, in the reactor's thread, for about so many seconds.

    Raises sqlite3.Error when the file cannot be read.
    """
    deadline = clock() + seconds
    live, select = engine.live, engine.select
    conditions, values = wanted.sql()
    sql = WALK.format(select=rows.SELECT_MESSAGE, conditions=conditions) + " LIMIT ?"
    ids = sorted(live)
    found: list[Message] = []
    seen, last, size = 0, wanted.last, NEAR
    while last >= wanted.first and len(found) <= limit:
        end = bisect_right(ids, last)
        first = max(wanted.first, ids[end - NEAR]) if end >= NEAR else wanted.first
        for (boundary,) in select(BOUNDARY, (first, last, size - 1)):
            first = boundary
        begin = bisect_left(ids, first)
        held = [live[number] for number in ids[begin:end]]
        seen += select(COUNT, (first, last))[0][0] + sum(not one.stored for one in held)
        here = [one for one in held if wanted.fits(one)]
        enough = limit + 1 - len(found) + len(held)
        read = select(sql, (first, last, *values, enough))
        here += (rows.message_of(row) for row in read if row[0] not in live)
        found += sorted(here, key=lambda one: one.id, reverse=True)
        last, size = first - 1, min(2 * size, GROWN * NEAR)
        if clock() >= deadline:
            break
    reached = 0 if last < wanted.first else last + 1
    return Found(tuple(found[:limit]), seen, reached, len(found) > limit)


class Search:
    """A search that has begun: made in the reactor's thread, finished in any.

    Raises sqlite3.Error when the file cannot be read.
    """

    def __init__(
        self, engine: Engine, wanted: Wanted, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._wanted = wanted
        self._connection = open_snapshot(engine.path)
        # Looking at each takes its time: only their list is made in the reactor's thread.
        self._dirty = [one for one in engine.live.values() if one.dirty]
        self._newer: set[int] = set()

    def finish(self, limit: int, seconds: float = SECONDS, most: int = ROWS) -> Found:
        """Look until `limit` messages are found, or `seconds` or `most` rows are spent."""
        try:
            return self._walk(limit, self._clock() + seconds, most)
        finally:
            self._connection.close()

    def _walk(self, limit: int, deadline: float, most: int) -> Found:
        wanted, run = self._wanted, self._connection.execute
        conditions, values = wanted.sql()
        sql = AT_ONCE.format(
            columns=", ".join("''" if name == "body" else name for name in COLUMNS),
            walk=WALK.format(select=rows.SELECT_MESSAGE, conditions=conditions),
        )
        self._newer = {one.id for one in self._dirty}
        found = {one.id: one for one in self._dirty if wanted.fits(one)}
        seen, last, chunk = 0, wanted.last, CHUNK
        reached = last + 1
        while last >= wanted.first:
            boundary = run(BOUNDARY, (wanted.first, last, chunk - 1)).fetchone()
            if boundary is None:
                first = wanted.first
                seen += run(COUNT, (first, last)).fetchone()[0]
            else:
                first = boundary[0]
                seen += chunk
            enough = limit + 1 + len(self._newer)
            ((text,),) = run(sql, (first, last, *values, enough)).fetchall()
            for row in json.loads(text):
                if row[0] not in self._newer:
                    row[BODY] = b""
                    found[row[0]] = rows.message_of(row)
            reached, last, chunk = first, first - 1, min(2 * chunk, GROWN * CHUNK)
            if sum(number >= first for number in found) > limit:
                break
            if seen >= most or self._clock() >= deadline:
                break
        ordered = [one for _, one in sorted(found.items(), reverse=True) if one.id >= reached]
        for one in self._dirty:
            seen += not one.stored and reached <= one.id <= wanted.last
        whole = last < wanted.first
        return Found(tuple(ordered[:limit]), seen, 0 if whole else reached, len(ordered) > limit)


def ids_between(engine: Engine, first: int, last: int, limit: int) -> list[int]:
    """Some ids of messages, from `first` to `last`: the newest, and the oldest as the last one.

    A few steps in the table, in the reactor's thread; raises sqlite3.Error. Of what has no row yet
    the newest `RECENT` are looked at.
    """
    recent = islice(reversed(engine.live), RECENT)
    found = {one for one in recent if first <= one <= last}
    found.update(one for (one,) in engine.select(NEWEST, (first, last, limit)))
    found.update(one for (one,) in engine.select(OLDEST, (first, last)))
    ordered = sorted(found, reverse=True)
    return ordered if len(ordered) <= limit else [*ordered[: limit - 1], ordered[-1]]


def ids_begun(prefix: str) -> tuple[int, int] | None:
    """The first and the last id that begin as typed; None when none can."""
    digits = set(prefix) <= _HEXADECIMAL
    if not (digits and len(prefix) <= ID_LENGTH and (not prefix or prefix < "8")):
        return None
    return int(prefix.ljust(ID_LENGTH, "0"), 16), min(LAST, int(prefix.ljust(ID_LENGTH, "f"), 16))


def id_at(seconds: float) -> int:
    """The lowest id that a message accepted then (Unix time) can have."""
    return min(LAST, max(0, (int(seconds * 1000) - EPOCH_MS) << 21))
