"""Settings to TOML that reads back as the same settings.

Owns: which TOML value says a setting, and what of it is secret. The TOML itself is tomli_w's.
Refuses to know: keys by name, where settings came from and where the text goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any, get_args, get_origin

import attrs
import tomli_w

from smppgw.core.settings import Settings
from smppgw.ops.config.schema import keys_of, objects
from smppgw.ops.config.values import duration, seconds

MASK = "***"


def document_of(settings: Settings) -> dict[str, Any]:
    """Settings as TOML values; what has its default is left out.

    Secrets are among them, in clear, those too that came from the environment.
    """
    document = {}
    for name in keys_of(Settings):
        value = getattr(settings, name)
        tables = [_table(one) for one in value] if name in objects() else _table(value)
        if tables:
            document[name] = tables
    return document


def text_of(document: Mapping[str, Any]) -> str:
    """TOML values as text."""
    return tomli_w.dumps(document)


def masked(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The TOML values of one object for everybody to see: secrets are `***`."""
    keys = keys_of(cls)
    return {
        name: MASK if value and name in keys and keys[name].secret else value
        for name, value in values.items()
    }


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """An object by its keys, inner tables by dotted ones: `statuses.0x58.delay`: `"2s"`."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{name}.")
        else:
            found[before + name] = json.dumps(value, ensure_ascii=False)
    return found


def _table(settings: Any) -> dict[str, Any]:
    table = {}
    for key in keys_of(settings.__class__).values():
        value = getattr(settings, key.name)
        if key.required or value != key.default():
            table[key.name] = _value(key.kind, value, key.metadata["unit"])
    return table


def _value(kind: Any, value: Any, unit: str) -> Any:
    if attrs.has(kind):
        return _table(value)
    if get_origin(kind) is dict:
        inner = get_args(kind)[1]
        return {name: _value(inner, item, unit) for name, item in value.items()}
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return [_value(inner, item, unit) for item in value]
    if isinstance(value, IPv4Network | IPv6Network):
        return str(value)
    if kind is float:
        return _number(value, unit)
    return value


def _number(value: float, unit: str) -> Any:
    """A duration as people write it, where that is exact; a whole number without its point."""
    if unit == "s" and value and seconds(duration(value)) == value:
        return duration(value)
    return int(value) if value == int(value) else value
