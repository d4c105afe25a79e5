"""A file and the objects of the store as one configuration, checked as one document.

Owns: who wins when both have an object (the file), which objects of the store do not fit and why,
and the names of faults in what no file holds: `account agg2 window: reason`.
Refuses to know: where the objects were kept, who made them, what is done with the settings.

An object of the store that does not fit is left out and named; it never keeps the rest from work.
What goes with it (a route to a carrier that is left out) is left out too, each with its own reason.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field, frozen

from smppgw.core.settings import Settings
from smppgw.ops.config.faults import ConfigError, Fault, Report, in_order, label, quote
from smppgw.ops.config.lines import KeyPath
from smppgw.ops.config.loader import Loaded
from smppgw.ops.config.reading import Reader
from smppgw.ops.config.rules import check
from smppgw.ops.config.schema import identities, objects
from smppgw.ops.config.writing import text_of

Objects = dict[str, dict[str, dict[str, Any]]]
"""Table -> name of the object -> its TOML values, its name among them: what the store owns."""


@frozen
class LeftOut:
    """An object of the store that is not in force, and everything that keeps it out."""

    table: str
    name: str
    faults: tuple[Fault, ...]


@frozen
class Merged:
    """A configuration, and what of the store had to stay out of it."""

    settings: Settings = field(repr=False)
    warnings: tuple[Fault, ...]
    left_out: tuple[LeftOut, ...]


def called(table: str, name: str) -> str:
    """How an object is called: `account agg2`; quoted when its name could be misread."""
    plain = name and not any(character.isspace() or character == '"' for character in name)
    return f"{table[:-1]} {name if plain else quote(name)}"


def objects_of(text: str) -> Objects:
    """The objects that a TOML text holds, by table and name.

    Raises ValueError when it is no text that `text_of_objects` wrote.
    """
    found: Objects = {}
    for table, listed in tomllib.loads(text).items():
        if table not in objects() or not isinstance(listed, list):
            raise ValueError(f"{quote(table)} is no table of objects")
        named = found.setdefault(table, {})
        for values in listed:
            if not isinstance(values, dict):
                raise ValueError(f"{quote(table)} has something that is no object")
            named[str(values.get(identities()[table], ""))] = values
    return found


def text_of_objects(found: Objects) -> str:
    """Objects as TOML text: table by table, and each in its order."""
    listed = {table: list(found.get(table, {}).values()) for table in objects()}
    return text_of({table: values for table, values in listed.items() if values})


def merge(loaded: Loaded, found: Objects) -> Merged:
    """The settings of a file together with objects of the store."""
    left: dict[tuple[str, str], tuple[Fault, ...]] = {}
    for table, name in _every(found):
        place = loaded.declares(table, name)
        if place:
            fault = Fault(called(table, name), 0, "", f"{place} declares it, and wins")
            left[table, name] = (fault,)
    while True:
        kept = [one for one in _every(found) if one not in left]
        if not kept:
            return Merged(loaded.settings, loaded.warnings, _left_out(found, left))
        report, settings = _read(loaded, found, kept)
        if settings is not None:
            return Merged(settings, in_order(report.warnings), _left_out(found, left))
        left |= report.by_object()


def _every(found: Objects) -> Iterator[tuple[str, str]]:
    for table in objects():
        for name in found.get(table, {}):
            yield table, name


def _left_out(
    found: Objects, left: Mapping[tuple[str, str], tuple[Fault, ...]]
) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(*one, left[one]) for one in _every(found) if one in left)


def _read(
    loaded: Loaded, found: Objects, kept: list[tuple[str, str]]
) -> tuple[_Report, Settings | None]:
    document = dict(loaded.document)
    lines = dict(loaded.lines)
    owned: dict[KeyPath, tuple[str, str]] = {}
    for table, name in kept:
        values = found[table][name]
        listed = document[table] = [*document.get(table, ()), values]
        path: KeyPath = (table, len(listed) - 1)
        owned[path] = (table, name)
        lines |= dict.fromkeys(_paths(path, values), 0)
    report = _Report(loaded.file, document, lines, owned=owned)
    root = Reader(report, loaded.environ).table(Settings, document)
    check(root, document, report)
    return report, None if report.faults else root.build()


def _paths(path: KeyPath, value: Any) -> Iterator[KeyPath]:
    """The path of a value and of everything in it."""
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else inner:
        yield from _paths((*path, key), item)


@define
class _Report(Report):
    """Names what the store owns by its object, everything else by its line."""

    owned: Mapping[KeyPath, tuple[str, str]] = field(kw_only=True)
    _found: dict[tuple[str, str], list[Fault]] = field(factory=dict, init=False)

    def fault(self, path: KeyPath, reason: str) -> None:
        """Something that keeps an object from being used."""
        Report.fault(self, path, reason)
        owner = self.owned.get(path[:2])
        if owner is not None:
            self._found.setdefault(owner, []).append(self.faults[-1])

    def by_object(self) -> dict[tuple[str, str], tuple[Fault, ...]]:
        """The faults of each object of the store; raises ConfigError when the file has some."""
        if not self._found:
            raise ConfigError(in_order(self.faults))
        return {owner: tuple(faults) for owner, faults in self._found.items()}

    def place(self, path: KeyPath) -> str:
        """Where a path stands."""
        line = self.line(path)
        return f"on line {line}" if line else "above"

    def _at(self, path: KeyPath, reason: str) -> Fault:
        owner = self.owned.get(path[:2])
        if owner is None:
            return Report._at(self, path, reason)
        table, name = owner
        inner = label(path[2:], self.document[table][path[1]])
        return Fault(called(table, name), 0, inner, reason)
