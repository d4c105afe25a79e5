"""How commands speak: tables, one-line errors, exit codes.

Owns: the width of a table, the words for times and sizes, and where an error goes.
Refuses to know: any command.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smppgw.core.command import Column
from smppgw.core.figures import visible
from smppgw.ops.shell.render import fold, table_lines

WIDTH = 100
"""Characters of a line of output, at most; a terminal may be narrower."""
NARROWEST = 60
"""Characters of a line on a terminal that has less: it breaks them itself."""
OK, FAULT, USAGE, LATE = 0, 1, 2, 3
"""Exit codes: done; something is wrong; the command line is; the drain deadline was missed."""


class CommandFault(Exception):
    """What a command reports on stderr, one line, before it exits with FAULT."""


_UNSAYABLE = re.compile("[\\x7f-\\x9f\\ud800-\\udfff]")
"""What json.dumps leaves as it is, and `say` makes visible in a way that JSON has not."""


def say(*lines: str) -> None:
    """Lines to stdout, at once; what a peer could steer the terminal with is made visible."""
    for line in lines:
        sys.stdout.write(f"{visible(line)}\n")
    sys.stdout.flush()


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


def table(columns: Sequence[Column], records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Aligned lines that fit a terminal (see `ops.shell.render`)."""
    return table_lines(columns, records, width())


def folded(text: str, indent: str) -> list[str]:
    """A text in lines that fit a terminal, all but the first indented."""
    return fold(text, width(), indent)
