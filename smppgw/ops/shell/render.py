"""Answers as lines of text for a given width, and as data.

Owns: how wide a column is, where a text is folded, how sections follow each other.
Refuses to know: terminals, and where lines go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

from smppgw.core.command import Column, Document, Fields, Page, Table
from smppgw.core.figures import cell, visible

NARROW = 8
"""Characters to which a column is cut, at least."""
FAIR = 24
"""Characters of a text that are worth another column."""
GAP = "  "
NOTE = "  "
"""What begins the second line of a note, and all after it."""

Shown = Table | Fields | Document | Page


def lines(answer: Shown, width: int) -> list[str]:
    """An answer as people read it, in lines of at most `width` characters where that is possible.

    Figures are never cut; what could steer a terminal is made visible.
    """
    match answer:
        case Table():
            return _table(answer, width)
        case Fields():
            return _fields(answer, width)
        case Document():
            return [visible(line) for line in answer.lines(width)]
        case Page():
            return _page(answer, width)


def data(answer: Shown) -> Any:
    """The same as what JSON can say: a list of rows, an object, or an object of sections."""
    match answer:
        case Table():
            return [dict(row) for row in answer.rows]
        case Fields() | Document():
            return answer.data
        case Page():
            return {title or "": data(section) for title, section in answer.sections}


def table_lines(
    columns: Sequence[Column], records: Iterable[Mapping[str, Any]], width: int
) -> list[str]:
    """Aligned lines, the first with headings: what is too wide is cut or left out (`Column`)."""
    rows = [[_cell(column, record) for column in columns] for record in records]
    natural = [
        max([len(column.heading), *(len(row[place]) for row in rows)])
        for place, column in enumerate(columns)
    ]
    least = [_least(column, room) for column, room in zip(columns, natural, strict=True)]
    kept = _kept(columns, natural, width)
    widths = {place: natural[place] for place in kept}
    surplus = sum(widths.values()) + len(GAP) * (len(kept) - 1) - width
    for place in sorted(kept, key=lambda place: -natural[place]):
        cut = min(max(surplus, 0), natural[place] - least[place])
        widths[place] -= cut
        surplus -= cut
    shown = [columns[place] for place in kept]
    rooms = list(widths.values())
    headings = _line(shown, [column.heading for column in shown], rooms)
    return [headings, *(_line(shown, [row[place] for place in kept], rooms) for row in rows)]


def _least(column: Column, natural: int) -> int:
    """Characters that a column takes at least."""
    if column.right or column.whole:
        return natural
    return min(natural, max(len(column.heading), NARROW))


def _kept(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """The places of the columns for which a line has room, without cutting texts to bits."""
    fair = [
        max(_least(column, room), min(room, FAIR))
        for column, room in zip(columns, natural, strict=True)
    ]
    kept = list(range(len(columns)))
    while sum(fair[place] + len(GAP) for place in kept) - len(GAP) > width:
        out = max(kept, key=lambda place: (columns[place].minor, place))
        if not columns[out].minor:
            break
        kept.remove(out)
    return kept


def fold(text: str, width: int, indent: str = "") -> list[str]:
    """A text in lines of at most `width` characters, all but the first indented."""
    return wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _cell(column: Column, record: Mapping[str, Any]) -> str:
    value = record.get(column.key)
    shown = column.shown
    return cell(value if value is None or shown is cell else shown(value))


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = []
    for column, text, room in zip(columns, cells, widths, strict=True):
        fitting = text if len(text) <= room else f"{text[: room - 1]}…"
        shown.append(fitting.rjust(room) if column.right else fitting.ljust(room))
    return GAP.join(shown).rstrip()


def _table(table: Table, width: int) -> list[str]:
    said = table_lines(table.columns, table.rows, width) if table.rows else [table.empty]
    for note in visible(table.note).split("\n") if table.note else ():
        said += fold(note, width, NOTE) or [""]
    return said


def _fields(fields: Fields, width: int) -> list[str]:
    shown = [(label, words) for label, words in fields.shown if words]
    room = max((len(label) for label, _ in shown), default=0)
    said: list[str] = []
    for label, words in shown:
        said += fold(f"{label.ljust(room)}{GAP}{cell(words)}", width, " " * (room + len(GAP)))
    return said


def _page(page: Page, width: int) -> list[str]:
    said: list[str] = []
    for title, section in page.sections:
        if said:
            said.append("")
        if title:
            said.append(title)
        said += lines(section, width)
    return said
