"""How many columns of a terminal a text takes.

Owns: wide characters (two columns) and marks that stand on the one before them (none).
Refuses to know: terminals.
"""

from __future__ import annotations

from functools import lru_cache
from unicodedata import category, east_asian_width

JOINERS = "\u200c\u200d"
"""Not printable by themselves, but part of how some scripts and pictures are written."""


@lru_cache(4096)
def width(char: str) -> int:
    """Columns of one character: 0, 1 or 2."""
    if category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1


def columns(text: str) -> int:
    """Columns of a text without controls."""
    return len(text) if text.isascii() else sum(map(width, text))


def clip(text: str, room: int) -> str:
    """As much from the beginning of a text as fits into `room` columns."""
    if text.isascii():
        return text[:room]
    taken = 0
    for place, char in enumerate(text):
        taken += width(char)
        if taken > room:
            return text[:place]
    return text


def rows(text: str, room: int) -> int:
    """Rows of a terminal of `room` columns that a line takes."""
    return max(-(-columns(text) // room), 1)
