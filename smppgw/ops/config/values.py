"""Single TOML values to Python values.

Owns: types, ranges, choices, durations, networks, environment references, and the words of the
faults about them.
Refuses to know: keys by name, tables, files and lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_interface, ip_network
from typing import Any

from smppgw.core.account_settings import Network
from smppgw.ops.config.faults import quote
from smppgw.ops.config.schema import Key

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhd])", re.ASCII)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_MAX_INTEGER = 2**63 - 1


def scalar(key: Key, kind: Any, raw: object, environ: Mapping[str, str]) -> Any:
    """One value of the type `kind`, as the metadata of its key demands.

    Raises ValueError whose text is a reason fit for an operator; it never shows a secret.
    """
    return _READERS[kind](key, raw, environ)


def is_reference(raw: object) -> bool:
    """True for `"${NAME}"`, a value to be taken from the environment."""
    return isinstance(raw, str) and _REFERENCE.fullmatch(raw) is not None


def allowed(key: Key) -> str:
    """The values a key admits: `"view", "operate" or "admin"`, `1 to 64`, `at least 1m`, or ""."""
    metadata = key.metadata
    choices = [quote(choice) for choice in metadata.get("choices", ())]
    if choices:
        return " or ".join([", ".join(choices[:-1]), choices[-1]])
    low, high = metadata.get("minimum"), metadata.get("maximum")
    show = duration if metadata.get("unit") == "s" else str
    if low is None:
        return "" if high is None else f"at most {show(high)}"
    if high is None:
        return f"at least {show(low)}" if low else "0 or more"
    return f"{show(low)} to {show(high)}"


def duration(seconds: float) -> str:
    """Seconds as a person writes them: 259200 -> `3d`, 0.1 -> `0.1s`."""
    for unit, size in _UNITS.items():
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"


def seconds(text: str) -> float | None:
    """What `duration` wrote, and everything else of its form: `5m` -> 300.0; None for no such."""
    match = _DURATION.fullmatch(text)
    return None if match is None else float(match[1]) * _UNITS[match[2]]


def wrong_type(expected: str, raw: object) -> ValueError:
    """The fault for a value of another TOML type; it does not show the value."""
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "a whole number"),
        (float, "a number"),
        (str, "a string"),
        (list, "an array"),
        (dict, "a table"),
    )
    found = next((name for kind, name in kinds if isinstance(raw, kind)), "a date or time")
    return ValueError(f"expected {expected}, found {found}")


def _text(key: Key, raw: object, environ: Mapping[str, str]) -> str:
    if not isinstance(raw, str):
        raise wrong_type("a string", raw)
    value = _from_environment(key, raw, environ)
    if not value.isprintable():
        raise ValueError("has characters that cannot be printed, such as a line end")
    if key.required and not value:
        raise ValueError("must not be empty")
    if key.metadata.get("choices") and value not in key.metadata["choices"]:
        raise ValueError(f"{quote(value)} is not allowed: must be {allowed(key)}")
    return value


def _from_environment(key: Key, raw: str, environ: Mapping[str, str]) -> str:
    reference = _REFERENCE.fullmatch(raw)
    if reference is None:
        return raw
    if not key.secret:
        raise ValueError("only passwords may be taken from the environment")
    value = environ.get(reference[1], "")
    if not value:
        raise ValueError(f"environment variable {reference[1]} is not set")
    return value


def _boolean(_key: Key, raw: object, _environ: Mapping[str, str]) -> bool:
    if not isinstance(raw, bool):
        raise wrong_type("true or false", raw)
    return raw


def _whole(key: Key, raw: object, _environ: Mapping[str, str]) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise wrong_type("a whole number", raw)
    _check_range(key, raw)
    return raw


_LONGEST = 10 * 366 * 86_400
"""Seconds; what is longer is a slip of the pen, and would not fit where milliseconds are kept."""


def _number(key: Key, raw: object, _environ: Mapping[str, str]) -> float:
    is_duration = key.metadata.get("unit") == "s"
    if is_duration and isinstance(raw, str):
        read = seconds(raw)
        if read is None:
            raise ValueError(
                f'{quote(raw)} is not a duration: write seconds or "30s", "5m", "12h", "7d"'
            )
        raw = read
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise wrong_type('seconds or a duration like "5m"' if is_duration else "a number", raw)
    _check_range(key, raw)
    if is_duration and raw > _LONGEST:
        raise ValueError("is longer than ten years")
    return float(raw)


def _check_range(key: Key, value: float) -> None:
    low = key.metadata.get("minimum")
    high = key.metadata.get("maximum")
    if not math.isfinite(value) if isinstance(value, float) else abs(value) > _MAX_INTEGER:
        raise ValueError(f"is no usable number: must be {allowed(key) or 'smaller'}")
    if (low is not None and value < low) or (high is not None and value > high):
        shown = duration(value) if key.metadata.get("unit") == "s" else f"{value}"
        raise ValueError(f"{shown} is out of range: must be {allowed(key)}")


def _network(key: Key, raw: object, environ: Mapping[str, str]) -> Network:
    text = _text(key, raw, environ)
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_interface(text).network
    except ValueError:
        raise ValueError(
            f'{quote(text)} is not a network: write an address or "10.0.0.0/8"'
        ) from None
    raise ValueError(
        f"{quote(text)} has bits set beyond its mask, did you mean {quote(str(meant))}?"
    )


_READERS: dict[Any, Callable[[Key, object, Mapping[str, str]], Any]] = {
    str: _text,
    bool: _boolean,
    int: _whole,
    float: _number,
    Network: _network,
}
