"""What follows a `|`: choosing among the rows of an answer, and answers for programs.

Owns: grep, head, count, sort, json and csv.
Refuses to know: commands, and where the result goes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve

from smppgw.core.command import CommandError, Document, Table
from smppgw.core.figures import cell
from smppgw.ops.shell.render import Shown, data, lines

WIDE = 1000
"""Characters of a line in which a text is looked for: nothing is cut."""
_UNSAYABLE = re.compile("[\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")

PLAIN = frozenset((str, int, float, bool, type(None)))
"""Types of values that JSON writes on one line."""

PIPES = {
    "grep": "keep the lines that hold one of some words; -v: drop them",
    "head": "the first lines (10 unless said)",
    "count": "how many lines there are",
    "sort": "by a column; desc: the largest first",
    "json": "for programs: JSON",
    "csv": "for programs: comma-separated values",
}
"""The pipes there are, and what each does."""

Pipe = Callable[[Shown, Sequence[str], int], Shown]


def through(answer: Shown, pipes: Sequence[Sequence[str]], width: int) -> Shown:
    """An answer after some pipes, each given as its words; raises CommandError for a wrong one."""
    for words in pipes:
        answer = _pipe(words)(answer, words[1:], width)
    return answer


def line_filter(pipes: Sequence[Sequence[str]]) -> Callable[[Sequence[str]], list[str]]:
    """The same for output that goes on, which only grep can deal with; raises CommandError."""
    wanted = []
    for words in pipes:
        if _pipe(words) is not _grep:
            raise CommandError("output that goes on can only be piped to grep", "usage")
        wanted.append(_condition(words[1:]))
    return lambda said: [line for line in said if all(keep(line) for keep in wanted)]


def _pipe(words: Sequence[str]) -> Pipe:
    name = words[0] if words else ""
    fitting = [one for one in PIPES if name and one.startswith(name)]
    if name not in PIPES and len(fitting) != 1:
        raise CommandError(f"after | comes one of {', '.join(PIPES)}, not {name!r}", "usage")
    return _DOES[name if name in PIPES else fitting[0]]


def _condition(words: Sequence[str]) -> Callable[[str], bool]:
    inverted = bool(words) and words[0] == "-v"
    wanted = [word.casefold() for word in words[inverted:] if word]
    if not wanted:
        raise CommandError("grep needs a word to look for", "usage")

    def keep(line: str) -> bool:
        folded = line.casefold()
        return any(word in folded for word in wanted) is not inverted

    return keep


def _grep(answer: Shown, words: Sequence[str], width: int) -> Shown:
    keep = _condition(words)
    if isinstance(answer, Table):
        rows = [
            row
            for row in answer.rows
            if keep("  ".join(cell(row.get(column.key)) for column in answer.columns))
            or keep(lines(Table(answer.columns, [row]), WIDE)[-1])
        ]
        return evolve(answer, rows=rows, note="")
    return _lines([line for line in lines(answer, width) if keep(line)])


def _head(answer: Shown, words: Sequence[str], width: int) -> Shown:
    if len(words) > 1 or (words and not (words[0].isascii() and words[0].isdecimal())):
        raise CommandError("head takes one number", "usage")
    count = int(words[0][:9]) if words else 10
    if isinstance(answer, Table):
        return evolve(answer, rows=answer.rows[:count])
    return _lines(lines(answer, width)[:count])


def _count(answer: Shown, words: Sequence[str], width: int) -> Shown:
    if words:
        raise CommandError("count takes nothing", "usage")
    count = len(answer.rows) if isinstance(answer, Table) else len(lines(answer, width))
    return Document(count, lambda width: [str(count)])


def _sort(answer: Shown, words: Sequence[str], width: int) -> Shown:
    if not isinstance(answer, Table):
        raise CommandError("only a table can be sorted", "usage")
    names = {column.heading.casefold(): column.key for column in reversed(answer.columns)}
    name = words[0].casefold() if words else ""
    fitting = [one for one in names if name and one.startswith(name)]
    one = name in names or len(fitting) == 1
    if not one or list(words[1:]) not in ([], ["desc"]):
        raise CommandError(f"sort takes a column and desc: {', '.join(names)}", "usage")
    key = names[name if name in names else fitting[0]]
    rows = sorted(
        answer.rows, key=lambda row: _order(row.get(key)), reverse=list(words[1:]) == ["desc"]
    )
    return evolve(answer, rows=rows)


def _order(value: Any) -> tuple[int, float, str]:
    """Nothing first, then figures, then texts."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, bool | int | float):
        return (1, float(value), "")
    return (2, 0.0, str(value))


def _json(answer: Shown, words: Sequence[str], width: int) -> Shown:
    if words:
        raise CommandError("json takes nothing", "usage")
    said = _document(data(answer))
    return _lines([line if line.isprintable() else _said(line) for line in said.split("\n")])


def _said(line: str) -> str:
    return _UNSAYABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _document(found: Any) -> str:
    """JSON, indented; rows of plain values by the quick writer, which knows no indents."""
    if isinstance(found, list) and found and all(map(_is_plain, found)):
        rows = ",\n".join(f"  {{\n    {_encode_row(row)[1:-1]}\n  }}" for row in found)
        return f"[\n{rows}\n]"
    return json.dumps(found, ensure_ascii=False, indent=2, default=str)


_encode_row = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",\n    ", ": ")).encode


def _is_plain(row: Any) -> bool:
    return isinstance(row, dict) and bool(row) and PLAIN.issuperset(map(type, row.values()))


def _csv(answer: Shown, words: Sequence[str], width: int) -> Shown:
    if not isinstance(answer, Table) or words:
        raise CommandError("only a table has comma-separated values; json takes all", "usage")
    written = io.StringIO()
    names = list(dict.fromkeys(name for row in answer.rows for name in row))
    names = names or [column.key for column in answer.columns]
    writer = csv.DictWriter(written, names, lineterminator="\n")
    writer.writeheader()
    for row in answer.rows:
        writer.writerow({name: _plain(value) for name, value in row.items()})
    return _lines(written.getvalue().splitlines())


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _lines(said: list[str]) -> Document:
    return Document({"lines": said}, lambda width: said)


_DOES: dict[str, Pipe] = {
    "grep": _grep,
    "head": _head,
    "count": _count,
    "sort": _sort,
    "json": _json,
    "csv": _csv,
}
