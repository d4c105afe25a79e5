"""Texts of others as they may be shown: on one line, of bounded length, without whole numbers.

Owns: what is done to a length and a run of digits before operators see it.
Refuses to know: where it is shown, and which texts may be shown at all.
"""

from __future__ import annotations

import re

from smppgw.core.address import HIDDEN, LONGEST_SHORT_CODE
from smppgw.core.figures import visible

ELLIPSIS = "\u2026"

_RUN = re.compile(rf"[0-9]{{{LONGEST_SHORT_CODE + 1},}}")


def one_line(text: str, longest: int = 200) -> str:
    """A text of at most `longest` characters in which nothing can end a line or steer a terminal.

    What could is made visible as in `figures.visible`, a newline too; a text that is cut ends in an
    ellipsis.
    """
    shown = visible(text[: longest + 1]).replace("\n", "\\n")
    return shown if len(shown) <= longest else shown[: longest - 1] + ELLIPSIS


def without_numbers(text: str) -> str:
    """A text in which every run of digits longer than a short code has lost its last four."""
    return _RUN.sub(lambda found: found[0][:-HIDDEN] + "*" * HIDDEN, text)
