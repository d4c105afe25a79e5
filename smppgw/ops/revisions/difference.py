"""How two sets of objects differ, line by line.

Owns: the form of a difference: an object, then its keys with `-` and `+`; secrets are `***`.
Refuses to know: which revisions they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smppgw.ops.config.merge import Objects, called
from smppgw.ops.config.schema import objects
from smppgw.ops.config.writing import flat, masked
from smppgw.ops.revisions.candidate import changes


def difference(old: Objects, new: Objects) -> list[str]:
    """The lines that lead from `old` to `new`; none when they are the same.

    `+account agg2` or `-account agg2` begins an object that comes or goes, ` account agg2` one that
    changes; its keys follow, `-  window = 50`, `+  window = 20`.
    """
    lines: list[str] = []
    for (table, name), values in changes(old, new).items():
        before = old.get(table, {}).get(name)
        sign = "+" if before is None else "-" if values is None else " "
        lines.append(f"{sign}{called(table, name)}")
        lines += _keys(objects()[table], before or {}, values or {})
    return lines


def _keys(cls: type, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    shown_old, shown_new = flat(masked(cls, old)), flat(masked(cls, new))
    before, after = flat(old), flat(new)
    lines = []
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            if key in before:
                lines.append(f"-  {key} = {shown_old[key]}")
            if key in after:
                lines.append(f"+  {key} = {shown_new[key]}")
    return lines
