"""What an operator types for a key, as the TOML value that a file would have.

Owns: how booleans, numbers, lists and tables are typed on one line.
Refuses to know: ranges, choices and references, which are judged as those of a file are.
"""

from __future__ import annotations

import tomllib
from typing import Any, get_args, get_origin

import attrs

from smppgw.ops.config.faults import quote
from smppgw.ops.config.reading import meant
from smppgw.ops.config.schema import Key, keys_of

_BOOLEANS = {
    "true": True, "yes": True, "on": True,
    "false": False, "no": False, "off": False,
}  # fmt: skip


def place_of(cls: type, dotted: str) -> tuple[tuple[str, ...], Any]:
    """A typed key as the path inside an object's values, and the type of what stands there.

    `window` -> (("window",), int); `statuses.0x58.delay` -> (("statuses", "0x58", "delay"), float).
    Raises ValueError for a key that the class has not, with the nearest it has.
    """
    name, dot, rest = dotted.partition(".")
    key = _key(cls, name)
    if not dot:
        return (name,), key.kind
    if get_origin(key.kind) is not dict:
        raise ValueError(f"{quote(name)} has no keys of its own")
    inner = get_args(key.kind)[1]
    entry, dot, last = rest.partition(".")
    if not entry:
        raise ValueError(f"{quote(dotted)} ends too early")
    if not dot:
        return (name, entry), inner
    if not attrs.has(inner):
        raise ValueError(f"{quote(f'{name}.{entry}')} has no keys of its own")
    return (name, entry, last), _key(inner, last).kind


def _key(cls: type, name: str) -> Key:
    keys = keys_of(cls)
    if name not in keys:
        raise ValueError(f"unknown key {quote(name)}{meant(name, keys)}")
    return keys[name]


def raw_of(kind: Any, text: str) -> Any:
    """The TOML value that a text means for a type.

    Lists are typed `a,b`, lists in lists `a+b,c`, tables `k=v,k=v`, tables in tables `t.k=v,t.k=v`;
    all of them also as TOML. Raises ValueError with a reason.
    """
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError(f"{quote(text)} is neither true nor false")
        return _BOOLEANS[text.lower()]
    if kind is int:
        return _whole(text)
    if kind is float:
        return _number(text)
    if get_origin(kind) is tuple:
        return _array(get_args(kind)[0], text)
    if get_origin(kind) is dict or attrs.has(kind):
        return _table(kind, text)
    return text


def _whole(text: str) -> int:
    for base in (10, 0):  # 010 is ten; 0x34 is what it says
        try:
            return int(text, base)
        except ValueError:
            continue
    raise ValueError(f"{quote(text)} is not a whole number")


def _number(text: str) -> Any:
    """A number, or the text as it is: it may be a duration."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value


def _array(kind: Any, text: str) -> list[Any]:
    if text.lstrip().startswith("["):
        return list(_toml(text))
    items = [item.strip() for item in text.split(",")] if text.strip() else []
    if get_origin(kind) is tuple:
        return [item.split("+") if "+" in item else item for item in items]
    return [raw_of(kind, item) for item in items]


def _table(kind: Any, text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        return dict(_toml(text))
    found: dict[str, Any] = {}
    for item in text.split(",") if text.strip() else []:
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"{quote(item)} is no k=v")
        entry, _, key = name.strip().rpartition(".")
        if attrs.has(kind):
            found[key] = raw_of(_key(kind, key).kind, value.strip())
        elif not attrs.has(get_args(kind)[1]):
            found[name.strip()] = raw_of(get_args(kind)[1], value.strip())
        elif entry:
            inner = get_args(kind)[1]
            found.setdefault(entry, {})[key] = raw_of(_key(inner, key).kind, value.strip())
        else:
            raise ValueError(f"{quote(name)} is no ENTRY.KEY")
    return found


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except (ValueError, RecursionError):
        raise ValueError(f"{quote(text)} is not valid TOML") from None
