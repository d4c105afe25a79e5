"""One documented setting: a field of a settings class, with what a checker of files needs to know.

Owns: the metadata of a setting. Refuses to know: any setting (`settings`), and files.
"""

from __future__ import annotations

from typing import Any

from attrs import NOTHING, Factory, field


def setting(
    default: Any = NOTHING,
    *,
    help: str,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    unit: str = "",
    secret: bool = False,
) -> Any:
    """A documented attrs field: `metadata` carries what a file checker needs to know."""
    metadata = {
        "help": help,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "unit": unit,
        "secret": secret,
    }
    if callable(default):
        default = Factory(default)
    return field(default=default, repr=not secret, metadata=metadata)
