"""A storm of one kind of event becomes a few lines and a count.

Owns: how many lines of one kind a second may have.
Refuses to know: how a line looks.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from attrs import define

from smppgw.ops.log.lines import Event

PER_SECOND = 20
"""Lines of one kind in a second; what exceeds them is counted."""
MOST_KINDS = 500
"""Kinds told apart in one second; further ones are told apart by their namespace only."""


@define
class _Kind:
    count: int = 0
    last: Event | None = None
    """The last of those that were not shown."""


class Storms:
    """Counts events by kind (namespace, level, format); the first of a second always pass."""

    def __init__(self, per_second: int = PER_SECOND) -> None:
        self._per_second = per_second
        self._second: int | None = None
        self._kinds: dict[Hashable, _Kind] = {}

    def passes(self, event: Event) -> bool:
        """Whether this event is to be shown now; call `over` before."""
        key: Hashable = (
            event.get("log_namespace"),
            event.get("log_level"),
            str(event.get("log_format"))[:200],
        )
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MOST_KINDS:
                key = event.get("log_namespace")
            kind = self._kinds.setdefault(key, _Kind())
        kind.count += 1
        if kind.count <= self._per_second:
            return True
        kind.last = event
        return False

    def over(self, now: float) -> list[Event]:
        """When another second has begun: an event for every kind that was not shown in full."""
        second = int(now)
        if second == self._second:
            return []
        self._second = second
        kinds, self._kinds = self._kinds, {}
        return [
            _and_more(kind.count - self._per_second, kind.last)
            for kind in kinds.values()
            if kind.last is not None
        ]


def _and_more(count: int, last: Event) -> dict[str, Any]:
    """The last event of a storm, which says how many there were like it."""
    more: dict[str, Any] = {**last, "more": count}
    if count > 1:
        more["log_format"] = f"and {count - 1:,} more of these, the last: {last.get('log_format')}"
    return more
