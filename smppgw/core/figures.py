"""Values as people read them: one cell of a table, times, sizes, spans.

Owns: these words. Refuses to know: tables, terminals and languages.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

_CONTROL = re.compile(
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)
"""Controls, line separators, what turns the direction of writing, and halves of characters."""


def visible(text: str) -> str:
    """A text in which what could steer a terminal is made visible; a newline stays."""
    if text.isprintable():  # none of those is
        return text
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def cell(value: Any) -> str:
    """A value as a table shows it, on one line: `-` for nothing."""
    if type(value) is str and value.isprintable():
        return value or "-"
    if value is None or value == "":
        return "-"
    if value is True or value is False:
        return "yes" if value else "no"
    return visible(str(value)).replace("\n", "\\n")


def moment(seconds: float) -> str | None:
    """Epoch seconds as `2026-01-31T12:00:00.000Z`; None for 0."""
    if not seconds:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def when(moment: str | None) -> str:
    """`2026-01-31T12:00:00.000Z` as `2026-01-31 12:00:00`; "" for None."""
    return "" if moment is None else moment[:19].replace("T", " ")


def plural(count: int, what: str) -> str:
    """A number of things: `1 message`, `1,200 messages`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def octets(count: int | None) -> str:
    """A size as people read it."""
    if count is None:
        return "unknown"
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def duration(seconds: float) -> str:
    """A time span as people read it: `0.2 s`, `12 s`, `5 min`, `3 h`, `2 d`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
