"""How commands speak: tables, one-line errors, exit codes.

Owns: the width of a table, the words for times and sizes, and where an error goes.
Refuses to know: any command.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any

from attrs import frozen

WIDTH = 100
"""Characters of a line of output, at most; a terminal may be narrower."""
NARROW = 8
"""Characters to which a column is cut, at least."""
NARROWEST = 60
"""Characters of a line on a terminal that has less: it breaks them itself."""
OK, FAULT, USAGE, LATE = 0, 1, 2, 3
"""Exit codes: done; something is wrong; the command line is; the drain deadline was missed."""


class CommandFault(Exception):
    """What a command reports on stderr, one line, before it exits with FAULT."""


_CONTROL = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]")
_UNSAYABLE = re.compile("[\\x7f-\\x9f\\ud800-\\udfff]")
"""What json.dumps leaves as it is, and `say` makes visible in a way that JSON has not."""


def say(*lines: str) -> None:
    """Lines to stdout, at once; what a peer could steer the terminal with is made visible."""
    for line in lines:
        sys.stdout.write(f"{_shown(line)}\n")
    sys.stdout.flush()


def _shown(text: str) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def complain(*lines: str) -> None:
    """Lines to stderr."""
    for line in lines:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """One JSON document to stdout; what a terminal obeys or cannot show is escaped in it."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    say(_UNSAYABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def width() -> int:
    """Characters of a line: as many as the terminal has, WIDTH at most or when there is none."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return WIDTH
    return min(max(columns, NARROWEST), WIDTH) if columns else WIDTH


@frozen
class Column:
    """One column of a table: its heading, the key of its cells, and on which side they stand."""

    heading: str
    key: str
    right: bool = False


def table(columns: Sequence[Column], records: Iterable[dict[str, Any]]) -> list[str]:
    """Aligned lines that fit a terminal: texts are cut, the widest first; figures never."""
    rows = [[cell(record.get(column.key)) for column in columns] for record in records]
    widths = [
        max([len(column.heading), *(len(row[place]) for row in rows)])
        for place, column in enumerate(columns)
    ]
    surplus = sum(widths) + 2 * (len(widths) - 1) - width()
    for place in sorted(range(len(widths)), key=lambda place: -widths[place]):
        column = columns[place]
        cut = min(max(surplus, 0), widths[place] - max(len(column.heading), NARROW))
        if cut > 0 and not column.right:
            widths[place] -= cut
            surplus -= cut
    lines = [_line(columns, [column.heading for column in columns], widths)]
    return lines + [_line(columns, row, widths) for row in rows]


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = []
    for column, text, room in zip(columns, cells, widths, strict=True):
        fitting = text if len(text) <= room else f"{text[: room - 1]}…"
        shown.append(fitting.rjust(room) if column.right else fitting.ljust(room))
    return "  ".join(shown).rstrip()


def folded(text: str, indent: str) -> list[str]:
    """A text in lines that fit a terminal, all but the first indented."""
    return wrap(text, width(), subsequent_indent=indent, break_on_hyphens=False)


def cell(value: Any) -> str:
    """A value as a table shows it, on one line: `-` for nothing."""
    if value is None or value == "":
        return "-"
    if value is True or value is False:
        return "yes" if value else "no"
    return _shown(str(value)).replace("\n", "\\n")


def when(moment: str | None) -> str:
    """`2026-01-31T12:00:00.000Z` as `2026-01-31 12:00:00`; "" for None."""
    return "" if moment is None else moment[:19].replace("T", " ")


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
