"""TAB: what a line can go on with, and how that is written.

Owns: the common beginning of what is possible, quotes around words that need them, lists in
columns.
Refuses to know: keys and screens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from smppgw.core.command import Role
from smppgw.core.figures import cell
from smppgw.ops.shell import grammar
from smppgw.ops.shell.cells import columns
from smppgw.ops.shell.registry import Registry

_PLAIN = re.compile(r"""[^\s|"'\\]+""")


def complete(before: str, registry: Registry, role: Role) -> tuple[int, str, list[str]]:
    """What TAB does behind `before`: (where the last word begins, what to put there, the choices).

    What to put there is "" when no more can be said than stands there.
    """
    begin, found = grammar.options(before, registry, role)
    choices = [one.text for one in found]
    if not choices:
        return begin, "", []
    if len(choices) == 1:
        return begin, f"{written(choices[0])} ", choices
    if len(choices) >= grammar.MOST_OPTIONS:  # the others may begin otherwise
        return begin, "", choices
    text = written(common(choices), whole=False)
    return begin, text if len(text) > len(before) - begin else "", choices


def written(text: str, *, whole: bool = True) -> str:
    """A word as it is typed, in quotes when it needs them."""
    if _PLAIN.fullmatch(text) and text not in {grammar.SURE, grammar.HELP}:
        return text
    if not text and not whole:
        return ""
    escaped = re.sub(r'(["\\])', r"\\\1", text).replace("\n", "\\n")
    return f'"{escaped}"' if whole else f'"{escaped}'


def common(texts: Sequence[str]) -> str:
    """The beginning that all texts have in common."""
    first, last = min(texts), max(texts)
    place = 0
    while place < min(len(first), len(last)) and first[place] == last[place]:
        place += 1
    return first[:place]


def listed(choices: Sequence[str], width: int) -> list[str]:
    """Words in as many columns as fit, read downwards."""
    shown = [cell(one) for one in choices]
    room = max(map(columns, shown)) + 2
    across = max((width + 1) // room, 1)
    down = -(-len(shown) // across)
    return [
        "".join(one + " " * (room - columns(one)) for one in shown[row::down]).rstrip()
        for row in range(down)
    ]
