"""TOML tables to drafts of the settings classes.

Owns: unknown, missing and misplaced keys and tables; arrays; defaults.
Refuses to know: any key by name (see `rules`), files, lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args, get_origin

import attrs
from attrs import define, field

from smppgw.core.nearest import nearest
from smppgw.ops.config.faults import Report, quote
from smppgw.ops.config.lines import KeyPath
from smppgw.ops.config.schema import Key, keys_of
from smppgw.ops.config.values import scalar, wrong_type

_FAULTY: Final = object()


@define
class Draft:
    """A settings object before it is known to be good; faulty values are left out.

    A faulty element of an array is None, so that the others keep their index.
    """

    cls: type
    path: KeyPath
    values: dict[str, Any] = field(repr=False)

    def get(self, name: str) -> Any:
        """A value, given or default; None when it is faulty or missing."""
        return self.values.get(name)

    def all(self, table: str) -> tuple[Draft, ...]:
        """The objects of an array of tables, without those that are no tables."""
        drafts: tuple[Draft, ...] = self.values.get(table, ())
        return drafts

    def build(self) -> Any:
        """The settings object; call it only when no fault was found."""
        return self.cls(**{name: _built(value) for name, value in self.values.items()})


def _built(value: Any) -> Any:
    match value:
        case Draft():
            return value.build()
        case tuple():
            return tuple(map(_built, value))
        case dict():
            return {key: _built(item) for key, item in value.items()}
        case _:
            return value


def _is_table(raw: Any) -> bool:
    return isinstance(raw[0] if raw and isinstance(raw, list) else raw, dict)


def meant(name: str, known: Iterable[str]) -> str:
    """`, did you mean "x"?` for the most similar known name, or ""."""
    near = nearest(name, known)
    return f", did you mean {quote(near)}?" if near else ""


@define
class Reader:
    """Reads one document; everything wrong goes to the report and the rest is read on."""

    report: Report
    environ: Mapping[str, str] = field(repr=False)

    def table(self, cls: type, raw: Mapping[str, Any], path: KeyPath = ()) -> Draft:
        """A draft of `cls` from a TOML table."""
        keys = keys_of(cls)
        for name, value in raw.items():
            if name not in keys:
                kind = "table" if _is_table(value) else "key"
                self._fault((*path, name), f"unknown {kind} {quote(name)}{meant(name, keys)}")
        draft = Draft(cls, path, {})
        for key in keys.values():
            value = self._value_of(key, raw, path)
            if value is not _FAULTY:
                draft.values[key.name] = value
        return draft

    def _value_of(self, key: Key, raw: Mapping[str, Any], path: KeyPath) -> Any:
        path = (*path, key.name)
        if key.name in raw:
            return self._value(key, key.kind, raw[key.name], path)
        if attrs.has(key.kind):
            return self.table(key.kind, {}, path)
        if key.required:
            self._fault(path, "is required")
            return _FAULTY
        return key.default()

    def _value(self, key: Key, kind: Any, raw: Any, path: KeyPath) -> Any:
        if attrs.has(kind):
            return self._table_value(key, kind, raw, path)
        if get_origin(kind) is dict:
            return self._mapping(key, get_args(kind)[1], raw, path)
        if get_origin(kind) is tuple:
            return self._array(key, get_args(kind)[0], raw, path)
        try:
            return scalar(key, kind, raw, self.environ)
        except ValueError as error:
            self._fault(path, str(error))
            return _FAULTY

    def _table_value(self, key: Key, kind: type, raw: Any, path: KeyPath) -> Any:
        if isinstance(raw, dict):
            return self.table(kind, raw, path)
        expected = f"one [{key.name}] table" if path == (key.name,) else "a table"
        self._fault(path, str(wrong_type(expected, raw)))
        return _FAULTY

    def _mapping(self, key: Key, kind: Any, raw: Any, path: KeyPath) -> Any:
        if not isinstance(raw, dict):
            self._fault(path, str(wrong_type("a table", raw)))
            return _FAULTY
        values = {name: self._value(key, kind, item, (*path, name)) for name, item in raw.items()}
        return {name: value for name, value in values.items() if value is not _FAULTY}

    def _array(self, key: Key, kind: Any, raw: Any, path: KeyPath) -> Any:
        if not isinstance(raw, list):
            expected = f"[[{key.name}]] tables" if attrs.has(kind) else "an array"
            self._fault(path, str(wrong_type(expected, raw)))
            return _FAULTY
        if key.required and not raw:
            self._fault(path, "must not be empty")
            return _FAULTY
        if get_origin(kind) is tuple:  # a name alone stands for a list of one name
            raw = [item if isinstance(item, list) else [item] for item in raw]
        values = tuple(self._value(key, kind, item, (*path, i)) for i, item in enumerate(raw))
        if attrs.has(kind):
            return tuple(value for value in values if value is not _FAULTY)
        return tuple(None if value is _FAULTY else value for value in values)

    def _fault(self, path: KeyPath, reason: str) -> None:
        self.report.fault(path, reason)
