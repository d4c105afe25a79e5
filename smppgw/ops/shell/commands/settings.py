"""The settings of a carrier or an account: which value is in force, and why.

Owns: how values read, and where each comes from. Refuses to know: what a setting does.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from attrs import Attribute, Factory, asdict, fields, has

from smppgw.core.account_settings import AccountSettings
from smppgw.core.command import Argument, Column, Kind, Table
from smppgw.core.figures import duration
from smppgw.core.settings import CarrierSettings

ALL = Argument("all", "also the settings that nobody has set", kind=Kind.FLAG)
DEFAULT, SET, LEARNED = "default", "set", "learned"
WIDEST = 60
"""Characters of a meaning."""


def _begun(meaning: str) -> str:
    """How a meaning begins; conf/smppgw.toml has all of it."""
    begun = meaning.partition(";")[0]
    return begun if len(begun) <= WIDEST else f"{begun[: WIDEST - 1]}…"


COLUMNS = (
    Column("SETTING", "setting", whole=True),
    Column("IN FORCE", "shown"),
    Column("WHY", "why"),
    Column("MEANING", "help", shown=_begun, minor=1),
)
_HEXADECIMAL = frozenset({"interface_version"})
_KEPT = {"source_ton", "source_npi", "dest_ton", "dest_npi"}

_FACTORY: type[Any] = type(Factory(list))

Learned = Mapping[str, tuple[Any, str]]
"""Setting -> (what is in force in its stead, the words for why)."""


def settings_table(
    settings: CarrierSettings | AccountSettings, learned: Learned, *, everything: bool
) -> Table:
    """What is set or learned, or every setting, each with its value in force and why."""
    rows = [_row(one, getattr(settings, one.name), learned) for one in fields(type(settings))]
    shown = [one for one in rows if everything or one["source"] != DEFAULT]
    rest = len(rows) - len(shown)
    note = f"{rest} more settings have their defaults: all shows them" if rest else ""
    return Table(COLUMNS, shown, note=note)


def _row(field: Attribute[Any], value: Any, learned: Learned) -> dict[str, Any]:
    row: dict[str, Any] = {"setting": field.name}
    unit = field.metadata["unit"]
    if field.metadata["secret"]:
        row |= {"value": None, "shown": "(hidden)" if value else ""}
    else:
        row |= {"value": _plain(value), "shown": shown_value(field.name, value, unit)}
    row["source"] = DEFAULT if value == default_of(field) else SET
    row["why"] = row["source"]
    if field.name in learned:
        row["value"], row["why"] = learned[field.name]
        row["shown"] = shown_value(field.name, row["value"], unit)
        row["source"] = LEARNED
    row["help"] = field.metadata["help"]
    return row


def default_of(field: Attribute[Any]) -> Any:
    """The value of a setting that nobody sets; NOTHING for one that has to be set."""
    default: Any = field.default
    return default.factory() if isinstance(default, _FACTORY) else default


def _plain(value: Any) -> Any:
    """A value as JSON can say it."""
    if has(type(value)):
        return asdict(value)
    if isinstance(value, IPv4Network | IPv6Network):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


def shown_value(name: str, value: Any, unit: str) -> str:
    """A value as people read it, with its unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _figure(name, value, unit)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {getattr(one, 'action', one)}" for key, one in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return str(value)


def _figure(name: str, value: float, unit: str) -> str:
    if name in _KEPT and value == -1:
        return "as the sender has it"
    if name in _HEXADECIMAL:
        return f"0x{value:02X}"
    if unit == "s":
        return duration(value)
    if unit.endswith("/s") and not value:
        return "no limit"
    figure = f"{value:,.1f}".removesuffix(".0") if isinstance(value, float) else f"{value:,}"
    return f"{figure} {unit}" if unit else str(value)
