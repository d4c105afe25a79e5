"""Messages of phones that came a short time ago: the same once more is one that a carrier repeats.

Owns: which these are, in memory and in rows; a row is in the commit that answers its message.
Refuses to know: what makes two messages the same (`mo_text`), and what is done about it (`slot`).

Rows are written in the order in which messages come, and are read at the start only: looking for
one, and writing it, would touch a page of its own each time.
"""

from __future__ import annotations

from smppgw.core.held import Held
from smppgw.core.mo_text import fingerprint
from smppgw.core.plugin import Mo
from smppgw.core.store.engine import Engine

SAME_MS = 60_000
"""How long the same message of a phone is taken for one that its carrier repeats."""
KNOWN = 200_000
"""Fingerprints in memory, at most: with more than these in SAME_MS, the oldest are forgotten."""
SWEEP = 100
"""Old rows are removed once in so many messages."""
SWEPT = 3 * SWEEP
"""Rows that are looked at then."""

_LOAD = (
    "SELECT fingerprint, at FROM mo_seen WHERE at > ?1"  # as version 5 of the schema wrote them
    " UNION ALL SELECT fingerprint, at FROM mo_recent WHERE at > ?1"
)
_INSERT = "INSERT OR REPLACE INTO mo_recent (id, fingerprint, at) VALUES (?, ?, ?)"
_SWEEP = (
    "DELETE FROM mo_recent WHERE id IN"
    " (SELECT id FROM (SELECT id, at FROM mo_recent ORDER BY id LIMIT ?) WHERE at <= ?)"
)


class Seen:
    """What came within SAME_MS; `now` in milliseconds since 1970."""

    def __init__(self, engine: Engine, now: int) -> None:
        self._engine = engine
        self._young: dict[int, int] = dict(engine.select(_LOAD, (now - SAME_MS,)))
        """Fingerprint -> when it came."""
        self._old: dict[int, int] = {}
        self._turned = now
        self._unswept = 0

    def held(self) -> list[Held]:
        """What it holds in memory."""
        return [Held("messages of phones seen", len(self._young) + len(self._old), KNOWN)]

    def repeated(self, mo: Mo) -> bool:
        """Whether the same came a short time ago; in a piece of work. From now on it has come."""
        key, since = fingerprint(mo), mo.at - SAME_MS
        for known in (self._young, self._old):
            if known.get(key, since) > since:
                return True
        if mo.at - self._turned >= SAME_MS or len(self._young) >= KNOWN // 2:
            self._old, self._young, self._turned = self._young, {}, mo.at
        self._young[key] = mo.at
        write = self._engine.changes.write
        write(_INSERT, (mo.id, key, mo.at))
        self._unswept += 1
        if self._unswept >= SWEEP:
            self._unswept = 0
            write(_SWEEP, (SWEPT, since))
        return False

    def forget(self, mo: Mo) -> None:
        """The piece of work did not stay: the message has not come."""
        key = fingerprint(mo)
        for known in (self._young, self._old):
            if known.get(key) == mo.at:  # else it was another that came
                del known[key]
