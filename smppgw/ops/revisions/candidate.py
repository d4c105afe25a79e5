"""What one operator has changed and not committed yet.

Owns: a private copy of the objects of one revision, the edits of it, and how they are carried over
to a newer revision.
Refuses to know: other operators, commits, passwords at rest (they come hashed), the shell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from smppgw.ops.config.faults import Report, quote
from smppgw.ops.config.merge import Objects, called
from smppgw.ops.config.reading import Reader, meant
from smppgw.ops.config.schema import identities, keys_of, objects
from smppgw.ops.revisions.typed import place_of, raw_of

_INSTEAD = {"password": "password_hash", "password_hash": "password"}
"""Of these an object has one: setting the one unsets the other."""

Name = tuple[str, str]
"""Table and name of an object."""


class EditError(Exception):
    """An edit that cannot be made; the text says why, on one line."""


def table_of(kind: str) -> str:
    """The table of a kind of object: `account` -> `accounts`. Raises EditError."""
    table = f"{kind}s"
    if table not in objects():
        kinds = [one[:-1] for one in objects()]
        raise EditError(f"there is no kind {quote(kind)}{meant(kind, kinds)}")
    return table


class Candidate:
    """Edits on top of revision `base`; raises EditError for every edit that makes no sense.

    `declared` says where the file holds an object ("" = it does not): what the file owns cannot be
    edited. A value is judged by itself here, between objects by `check` and `commit`.
    """

    def __init__(
        self,
        base: int,
        found: Objects,
        declared: Callable[[str, str], str],
        environ: Any,
    ) -> None:
        self.base = base
        self.began_on = base
        """The newest revision when the first edit was made."""
        self.objects: Objects = copied(found)
        self._based_on: Objects = copied(found)
        self._declared = declared
        self._environ = environ

    @property
    def dirty(self) -> bool:
        """There is something to commit."""
        return bool(self.changes())

    def changes(self) -> dict[Name, dict[str, Any] | None]:
        """What is not as in the base: new values of each object, None for what is deleted."""
        return changes(self._based_on, self.objects)

    # ------------------------------------------------------------------ edits

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """The values of an object, to be read only. Raises EditError when there is none."""
        table = table_of(kind)
        place = self._declared(table, name)
        if place:
            raise EditError(f"{called(table, name)} is owned by {place}, and is changed there")
        found = self.objects.get(table, {})
        if name not in found:
            raise EditError(f"there is no {kind} {quote(name)}{meant(name, found)}")
        return found[name]

    def add(self, kind: str, name: str, values: Mapping[str, str]) -> None:
        """A new object with some of its keys, typed as text."""
        table = table_of(kind)
        place = self._declared(table, name)
        if place:
            raise EditError(f"{called(table, name)} is declared at {place}")
        if name in self.objects.get(table, {}):
            raise EditError(f"there is {kind} {quote(name)} already")
        made: dict[str, Any] = {identities()[table]: name}
        self._check(table, name, made, identities()[table])
        for key, text in values.items():
            self._put(table, name, made, key, text)
        self.objects.setdefault(table, {})[name] = made

    def set(self, kind: str, name: str, key: str, text: str) -> None:
        """One key of an object, typed as text: `window` `20`, `statuses.0x58.delay` `5s`."""
        self.set_all(kind, name, {key: text})

    def set_all(self, kind: str, name: str, typed: Mapping[str, str]) -> None:
        """Several keys of an object, all of them or, when one is wrong, none."""
        values = deepcopy(self.get(kind, name))
        for key, text in typed.items():
            self._put(table_of(kind), name, values, key, text)
        self.objects[table_of(kind)][name] = values

    def unset(self, kind: str, name: str, key: str) -> None:
        """One key back to its default."""
        table = table_of(kind)
        values = deepcopy(self.get(kind, name))
        path = self._path(table, key)
        inner = values
        for part in path[:-1]:
            inner = inner.get(part, {})
        if path[-1] not in inner:
            raise EditError(f"{key} of {called(table, name)} is not set")
        del inner[path[-1]]
        for end in range(len(path) - 1, 0, -1):  # what became empty goes, too
            _drop_empty(values, path[:end])
        self.objects[table][name] = values

    def delete(self, kind: str, name: str) -> None:
        """An object goes; that of the store, when the file declares one of that name, too."""
        table = table_of(kind)
        if name not in self.objects.get(table, {}):
            self.get(kind, name)  # says why not
        del self.objects[table][name]

    def load(self, found: Objects) -> None:
        """Take other objects for all there are (those of an earlier revision)."""
        self.objects = copied(found)

    def _put(self, table: str, name: str, values: dict[str, Any], key: str, text: str) -> None:
        path = self._path(table, key)
        try:
            raw = raw_of(place_of(objects()[table], key)[1], text)
        except ValueError as error:
            raise EditError(f"{called(table, name)} {key}: {error}") from None
        inner = values
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = raw
        values.pop(_INSTEAD.get(key, ""), None)
        self._check(table, name, values, key)

    def _path(self, table: str, key: str) -> tuple[str, ...]:
        try:
            path, _ = place_of(objects()[table], key)
        except ValueError as error:
            raise EditError(f"{table[:-1]}: {error}") from None
        if path[0] == identities()[table]:
            raise EditError(f"{key} is the name of the {table[:-1]}, and stays")
        return path

    def _check(self, table: str, name: str, values: dict[str, Any], key: str) -> None:
        """Type, range and choices of one key; what is still missing is for `check` to say."""
        report = Report("", values, {})
        Reader(report, self._environ).table(objects()[table], values)
        head = key.partition(".")[0]
        for fault in report.faults:
            about = fault.key.partition(".")[0].partition("[")[0]
            if about == head and fault.reason != "is required":
                raise EditError(f"{called(table, name)} {fault.key}: {fault.reason}")

    # ------------------------------------------------------------------ a newer base

    def conflicts(self, newer: Objects) -> list[Name]:
        """The objects that were changed here and, otherwise, in a newer revision."""
        theirs = changes(self._based_on, newer)
        mine = self.changes()
        return [one for one in mine if one in theirs and theirs[one] != mine[one]]

    def rebase(self, base: int, newer: Objects) -> None:
        """Put the edits on top of a newer revision, one without `conflicts`."""
        mine = self.changes()
        self.base, self._based_on, self.objects = base, copied(newer), copied(newer)
        for (table, name), values in mine.items():
            if values is None:
                self.objects.get(table, {}).pop(name, None)
            else:
                self.objects.setdefault(table, {})[name] = values


def copied(found: Objects) -> Objects:
    """The same objects in tables of their own; an object itself is replaced, never changed."""
    return {table: dict(named) for table, named in found.items()}


def changes(old: Objects, new: Objects) -> dict[Name, dict[str, Any] | None]:
    """The objects that differ, with their new values; None for those that are gone."""
    found: dict[Name, dict[str, Any] | None] = {}
    for table in objects():
        before, after = old.get(table, {}), new.get(table, {})
        for name in {**before, **after}:
            if before.get(name) != after.get(name):
                found[table, name] = after.get(name)
    return found


def secret_keys(kind: str) -> frozenset[str]:
    """The keys of a kind that nobody may see."""
    cls = objects()[table_of(kind)]
    return frozenset(key.name for key in keys_of(cls).values() if key.secret)


def _drop_empty(values: dict[str, Any], path: tuple[str, ...]) -> None:
    inner = values
    for part in path[:-1]:
        inner = inner.get(part, {})
    if inner.get(path[-1]) == {}:
        del inner[path[-1]]
