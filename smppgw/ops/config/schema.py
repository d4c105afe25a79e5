"""What a configuration file may hold, read from the settings classes.

Owns: the view of `core.settings` as tables and typed keys.
Refuses to know: any key by name; the settings classes are the only list of keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import attrs
from attrs import NOTHING, Attribute, frozen

from smppgw.core.settings import Settings


@frozen
class Key:
    """One key of a table: its name, its type, and the metadata `core.settings.setting` gave it."""

    name: str
    kind: Any
    attribute: Attribute[Any]

    @property
    def required(self) -> bool:
        """True when the file must give it."""
        return self.attribute.default is NOTHING

    @property
    def metadata(self) -> Mapping[str, Any]:
        """help, choices, minimum, maximum, unit, secret."""
        return self.attribute.metadata

    @property
    def secret(self) -> bool:
        """True when its value must appear nowhere."""
        return bool(self.metadata.get("secret"))

    def default(self) -> Any:
        """Its value when the file does not give it; NOTHING when it is required."""
        default: Any = self.attribute.default
        factory = getattr(default, "factory", None)
        return default if factory is None else factory()


@cache
def keys_of(cls: type) -> Mapping[str, Key]:
    """The keys of a settings class, by name, in the order of the class."""
    hints = get_type_hints(cls)
    return {field.name: Key(field.name, hints[field.name], field) for field in attrs.fields(cls)}


@cache
def objects() -> Mapping[str, type]:
    """Arrays of tables by name, with the class of their elements: `carriers`: CarrierSettings."""
    return {
        key.name: get_args(key.kind)[0]
        for key in keys_of(Settings).values()
        if get_origin(key.kind) is tuple and attrs.has(get_args(key.kind)[0])
    }


@cache
def identities() -> Mapping[str, str]:
    """The key that names an object of each array of tables: the first one of its class."""
    return {table: next(iter(keys_of(cls))) for table, cls in objects().items()}
