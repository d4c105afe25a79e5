"""Texts of others as they may be shown: on one line, of bounded length, without whole numbers.

Owns: what is done to a character, a length and a run of digits before operators see it.
Refuses to know: where it is shown, and which texts may be shown at all.
"""

from __future__ import annotations

import re

from smppgw.core.address import HIDDEN, LONGEST_SHORT_CODE

ELLIPSIS = "\u2026"

_RUN = re.compile(rf"[0-9]{{{LONGEST_SHORT_CODE + 1},}}")


def one_line(text: str, longest: int = 200) -> str:
    """A text of at most `longest` characters in which nothing can end a line or steer a terminal.

    Controls, line separators, what turns the direction of writing and halves of characters are
    written as Python writes them in a string (`\\n`, `\\x1b`); what is cut ends in an ellipsis.
    """
    if len(text) > longest:
        text = text[:longest]
        cut = True
    else:
        cut = False
    if not text.isprintable():
        text = "".join([one if one.isprintable() else _written(one) for one in text])
        cut = cut or len(text) > longest
    return text[: longest - 1] + ELLIPSIS if cut else text


def _written(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")


def without_numbers(text: str) -> str:
    """A text in which every run of digits longer than a short code has lost its last four."""
    return _RUN.sub(lambda found: found[0][:-HIDDEN] + "*" * HIDDEN, text)
