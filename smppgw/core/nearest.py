"""What somebody may have meant who wrote a name that there is not.

Owns: which name is near enough. Refuses to know: what is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """The most similar of the known names; "" when none is similar."""
    near = get_close_matches(name, list(known), n=1)
    return near[0] if near else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the end of a refusal, or ""."""
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else ""
