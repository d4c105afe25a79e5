"""Messages from phones of which parts are still missing.

Owns: the parts that wait for the others, in memory and in their rows, and how many may.
Refuses to know: what parts say and who gets them (`inbox` closes an assembly when it is complete,
too old or too much, and passes on what it holds).

Every part is a row before it is acknowledged. Whatever happens here is undone when its commit
fails, last first: the carrier is then told to send the part again.

A carrier that did not see our answer sends a part again, perhaps after its message was passed on.
Nobody can tell that from a phone that says the same once more under the same number; so such parts
wait like others, and only when they stay incomplete nothing is made of them. What they are known by
is a row too (sequence 0, fingerprints instead of a body).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from attrs import define, field

from smppgw.core import long_mo
from smppgw.core.content import part_of
from smppgw.core.held import Held
from smppgw.core.ids import MessageIds
from smppgw.core.store.group_commit import Store
from smppgw.sms import reassemble
from smppgw.sms.reassemble import Part

MOST_PER_SOURCE = 16
"""Assemblies of one source that may wait."""
MOST = 10_000
"""Assemblies that may wait in all."""
MOST_OCTETS = 64 * 1024 * 1024
"""Memory that their parts may take."""
OVERHEAD = 300
"""Octets of memory that a part takes besides its body."""
REMEMBERED = 2_000
"""Complete messages whose parts are known for some time."""

COLUMNS = "id, carrier, source, destination, kind, reference, total, sequence, expires, body"
INSERT = f"INSERT OR REPLACE INTO mo_part ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_OCTETS = 8
"""Of a fingerprint."""


class Key(NamedTuple):
    """What parts of one message have in common; addresses are normalised."""

    carrier: str
    source: str
    destination: str
    kind: str
    reference: int
    total: int


@define(eq=False, kw_only=True)
class Open(reassemble.Assembly):
    """A message of which parts are missing; `expires` (milliseconds) sets it apart from others
    of the same key."""

    key: Key
    expires: int
    rows: dict[int, tuple[int, bytes]] = field(factory=dict, repr=False)
    """sequence -> (id of its row, body)."""

    @property
    def bodies(self) -> list[bytes]:
        """Bodies of the deliver_sm that came, in the order of the parts."""
        return [body for _, (_, body) in sorted(self.rows.items())]

    @property
    def first(self) -> int:
        """Id of the part that came first."""
        return min(row for row, _ in self.rows.values())

    @property
    def octets(self) -> int:
        """Octets of memory it takes."""
        return sum(len(body) + OVERHEAD for _, body in self.rows.values())


class Complete(NamedTuple):
    """What is known of a message that was complete; `until` (milliseconds) is the last `expires`
    of an assembly that may have begun with one of its parts."""

    row: int
    until: int
    fingerprints: frozenset[int]


class Assemblies:
    """All open assemblies of all carriers; what waited at the last stop is taken up."""

    def __init__(self, store: Store, ids: MessageIds) -> None:
        self._store = store
        self._ids = ids
        self._open: dict[Key, list[Open]] = {}
        self._ages: dict[Open, None] = {}
        self._sources: dict[tuple[str, str], dict[Open, None]] = {}
        self._octets = 0
        self._complete: OrderedDict[Key, Complete] = OrderedDict()
        self._load()

    def __len__(self) -> int:
        return len(self._ages)

    def held(self) -> list[Held]:
        """What it holds in memory."""
        return [
            Held("MOs with parts missing", len(self._ages), MOST),
            Held("parts of such MOs", self._octets, MOST_OCTETS, "octets"),
            Held("MOs joined lately", len(self._complete), REMEMBERED),
        ]

    def _load(self) -> None:
        found: dict[tuple[Key, int], Open] = {}
        rows = self._store.engine.select(f"SELECT {COLUMNS} FROM mo_part ORDER BY id")  # noqa: S608
        for row, *columns, sequence, expires, body in rows:
            key = Key(*columns)
            if sequence == 0:
                self._complete[key] = Complete(row, expires, _fingerprints(body))
                continue
            one = found.get((key, expires))
            if one is None:
                one = found[key, expires] = Open(total=key.total, key=key, expires=expires)
            part = part_of(long_mo.deliver_sm_of(body))
            one.held[sequence] = 0 if part is None else part.fingerprint
            one.rows[sequence] = (row, body)
        for one in found.values():
            self._put(one)

    # ------------------------------------------------------------------ parts

    def add(self, key: Key, part: Part, body: bytes, now: int, wait: int) -> Open | None:
        """Store a part; the assembly that it is in now, or None when it was there already.

        `now` and `wait` (how long an assembly that begins may last) are in milliseconds.
        """
        assemblies = self._open.get(key, [])
        if reassemble.repeated(assemblies, part):
            return None
        one = reassemble.home(assemblies, part)
        if not isinstance(one, Open):
            taken = {other.expires for other in assemblies}
            expires = now + wait
            while expires in taken:
                expires += 1
            one = Open(total=key.total, key=key, expires=expires)
            self._put(one)
        sequence = part.concatenation.sequence
        one.held[sequence] = part.fingerprint
        one.rows[sequence] = (self._ids.next(), body)
        self._octets += len(body) + OVERHEAD
        if not one.complete:  # else it is closed in the same commit
            self._insert(one, sequence)
        self._store.batch.undo.append(partial(self._take_out, one, sequence))
        return one

    def _take_out(self, one: Open, sequence: int) -> None:
        row, body = one.rows.pop(sequence)
        del one.held[sequence]
        self._octets -= len(body) + OVERHEAD
        if not one.rows:
            self._drop(one)
        self._delete(row)

    def _insert(self, one: Open, sequence: int) -> None:
        row, body = one.rows[sequence]
        self._store.execute(INSERT, row, *one.key, sequence, one.expires, body)

    def _delete(self, row: int) -> None:
        self._store.execute("DELETE FROM mo_part WHERE id = ?", row)

    # ------------------------------------------------------------------ assemblies

    def close(self, one: Open, now: int, wait: int) -> None:
        """Forget an assembly: in this commit its parts go where they belong.

        When one of its parts comes again within `wait` milliseconds, it is known.
        """
        self._drop(one)
        for row, _ in one.rows.values():
            self._delete(row)
        if one.complete:
            self._remember(one, now + 2 * wait)
        self._store.batch.undo.append(partial(self._reopen, one))

    def _reopen(self, one: Open) -> None:
        if one.complete:
            self._forget(one.key)
        self._put(one)
        for sequence in one.rows:
            self._insert(one, sequence)

    def _remember(self, one: Open, until: int) -> None:
        self._forget(one.key)
        fingerprints = frozenset(one.held.values())
        found = self._complete[one.key] = Complete(self._ids.next(), until, fingerprints)
        body = b"".join([number.to_bytes(_OCTETS, "big") for number in fingerprints])
        self._store.execute(INSERT, found.row, *one.key, 0, until, body)
        if len(self._complete) > REMEMBERED:
            self._forget(next(iter(self._complete)))

    def _forget(self, key: Key) -> None:
        found = self._complete.pop(key, None)
        if found is not None:
            self._delete(found.row)

    def repeats(self, one: Open) -> bool:
        """Whether all that came of a message is part of one that was complete before."""
        found = self._complete.get(one.key)
        if found is None or one.expires > found.until:
            return False
        return found.fingerprints.issuperset(one.held.values())

    def _put(self, one: Open) -> None:
        key = one.key
        same = self._open.setdefault(key, [])
        same.append(one)
        same.sort(key=lambda other: other.expires)
        self._ages[one] = None
        self._sources.setdefault(key[:2], {})[one] = None
        self._octets += one.octets

    def _drop(self, one: Open) -> None:
        key = one.key
        same = self._open[key]
        same.remove(one)
        if not same:
            del self._open[key]
        del self._ages[one]
        of_source = self._sources[key[:2]]
        del of_source[one]
        if not of_source:
            del self._sources[key[:2]]
        self._octets -= one.octets

    def surplus(self, key: Key) -> Iterator[Open]:
        """What has to be closed after a part of `key` came: the oldest of its source, or of all.

        The next one is found when the one before has been closed.
        """
        while len(self._sources.get(key[:2], ())) > MOST_PER_SOURCE:
            yield min(self._sources[key[:2]], key=lambda one: one.first)
        while len(self._ages) > MOST or self._octets > MOST_OCTETS:
            yield next(iter(self._ages))

    def due(self, now: int, limit: int) -> list[Open]:
        """Up to `limit` of those that waited long enough."""
        return list(islice((one for one in self._ages if one.expires <= now), limit))

    def forget(self, now: int, limit: int) -> None:
        """Forget up to `limit` complete messages of which no assembly can remain."""
        for key, found in list(islice(self._complete.items(), limit)):
            if found.until > now:
                break
            self._forget(key)


def _fingerprints(body: bytes) -> frozenset[int]:
    places = range(0, len(body), _OCTETS)
    return frozenset(int.from_bytes(body[at : at + _OCTETS], "big") for at in places)
