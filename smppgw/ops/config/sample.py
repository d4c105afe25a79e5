"""The annotated sample configuration, `conf/smppgw.toml`.

Owns: the words around the keys and an example value where a default would show nothing.
Refuses to know: keys, defaults, ranges and help, which come from `core.settings`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from textwrap import wrap
from typing import Any, get_args, get_origin

import attrs
from attrs import NOTHING

from smppgw.core.settings import Settings
from smppgw.ops.config.schema import Key, keys_of
from smppgw.ops.config.values import allowed, duration

_WIDTH = 96

_HEADER = """\
# Configuration of smppgw: every table and every key, with its meaning, unit, range and default.
#
# A line "#key = value" shows the default, or an example where the text says so; remove the # to
# set it. `smppgw check -c FILE` names everything that is wrong, with its line; a key that is not
# listed here is an error.
#
# Times are seconds, or strings like "30s", "5m", "12h", "7d".
# A password may be "${NAME}": it is then taken from the environment variable NAME, and it is an
# error when that is not set.
# This file owns what it declares: nothing else changes it. After an edit, SIGHUP makes a running
# gateway read it again; the log says what needs a restart.
"""

# Values, as written in TOML, where the default alone would explain nothing or does not exist.
_EXAMPLES = {
    "operators": {
        "name": '"ops"',
        "password": '"${OPS_PASSWORD}"',
        "role": '"admin"',
        "ssh_keys": '["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKcIWLP9EW'
        'q30IQFIYJFLpQOpapiM176h7qV56nDl8Rj"]',
    },
    "accounts": {
        "system_id": '"agg1"',
        "password": '"${AGG1_PASSWORD}"',
        "allow_from": '["127.0.0.0/8", "::1"]',
    },
    "carriers": {
        "name": '"fr-a"',
        "host": '"smsc.example.net"',
        "system_id": '"smppgw"',
        "password": '"${FR_A_PASSWORD}"',
        "interface_version": "0x34",
        "data_codings": '{ 0x01 = "gsm7" }',
    },
    "statuses": {"action": '"pause"'},
    "routes": {"carriers": '["fr-a"]'},
    "numbers": {
        "address": '"38100"',
        "carrier": '"fr-a"',
        "account": '"agg1"',
    },
}
_STATUS = "0x58"


def sample() -> str:
    """The text of the sample: valid as it stands, and with every `#key` and `#[table]` set free."""
    blocks = [_HEADER]
    for key in keys_of(Settings).values():
        if attrs.has(key.kind):
            blocks.append(_table(key.kind, key.name, f"[{key.name}]"))
        else:
            blocks.append(_table(get_args(key.kind)[0], key.name, f"#[[{key.name}]]"))
    return "\n".join(blocks)


def _table(cls: type, name: str, header: str) -> str:
    about = (cls.__doc__ or "").partition(": ")[2]
    parts = [f"\n# {'-' * (_WIDTH - 2)}\n{_comment(about[:1].upper() + about[1:])}\n{header}\n"]
    tables = []
    for key in keys_of(cls).values():
        if get_origin(key.kind) is dict and attrs.has(get_args(key.kind)[1]):
            tables.append(_mapping(key, name))
        else:
            parts.append(_line(key, name))
    return "\n".join(parts + tables)


def _mapping(key: Key, parent: str) -> str:
    cls = get_args(key.kind)[1]
    header = f'{_comment(key.metadata["help"])}\n#[{parent}.{key.name}."{_STATUS}"]\n'
    return "\n".join([header, *(_line(inner, key.name) for inner in keys_of(cls).values())])


def _line(key: Key, table: str) -> str:
    default = "" if key.default() is NOTHING else _toml(key, key.default())
    value = _EXAMPLES.get(table, {}).get(key.name, default)
    return f"{_comment(_explanation(key, default, value))}\n#{key.name} = {value}\n"


def _explanation(key: Key, default: str, value: str) -> str:
    unit = key.metadata["unit"]
    facts = [
        "seconds" if unit == "s" else unit,
        allowed(key),
        "" if default else "required",
        f"example; default {default}" if default and not _same(value, default) else "",
    ]
    known = "; ".join(fact for fact in facts if fact)
    return f"{key.metadata['help']} ({known})" if known else key.metadata["help"]


def _same(value: str, default: str) -> bool:
    return tomllib.loads(f"x = {value}") == tomllib.loads(f"x = {default}")


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in wrap(text, _WIDTH, break_on_hyphens=False))


def _toml(key: Key, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return (
            "{}"
            if not value
            else "{ "
            + ", ".join(f"{name} = {_toml(key, item)}" for name, item in value.items())
            + " }"
        )
    if isinstance(value, Iterable):
        return f"[{', '.join(_toml(key, item) for item in value)}]"
    if key.metadata["unit"] == "s" and value:
        return f'"{duration(value)}"'
    return f"{value:_}" if value == int(value) and value >= 10_000 else f"{value:g}"
