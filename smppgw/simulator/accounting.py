"""What was promised against what arrived, message by message.

Owns: the markers that messages carry in their text, one octet of memory for each, and the sums.
Refuses to know who sends and who takes: either may be the carrier (MOs) or an ESME.

A marker is `#name:number#`, made of characters that every alphabet has, with `name` one flow and
`number` counted from 0 in the order of sending.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Final, NamedTuple

_MARKER: Final = re.compile(r"#(\w+):(\d{1,8})#", re.ASCII)

_ACKNOWLEDGED: Final = 1
_TAKEN: Final = 2
_ENDED: Final = 4

EXAMPLES: Final = 10
"""Numbers named for each kind of fault."""


class Marker(NamedTuple):
    """Which message it is."""

    flow: str
    number: int

    def __str__(self) -> str:
        return f"#{self.flow}:{self.number}#"


def find_marker(text: str) -> Marker | None:
    """The first marker in a text, if there is one."""
    found = _MARKER.search(text)
    return None if found is None else Marker(found[1], int(found[2]))


class _Flow:
    """One octet of flags for each message of a flow, and what came twice or late."""

    def __init__(self) -> None:
        self.flags = bytearray()
        self.duplicates: list[int] = []
        self.out_of_order: list[int] = []
        self.sums = {"duplicates": 0, "out_of_order": 0}
        self.last: dict[str, int] = {}

    def flag(self, number: int, flag: int) -> bool:
        """Set a flag; True if it was set before."""
        if number >= len(self.flags):
            self.flags.extend(bytes(number + 1 - len(self.flags)))
        was = self.flags[number]
        self.flags[number] = was | flag
        return bool(was & flag)

    def fault(self, kind: str, number: int) -> None:
        self.sums[kind] += 1
        examples: list[int] = getattr(self, kind)
        if len(examples) < EXAMPLES:
            examples.append(number)

    def count(self, *combinations: int) -> int:
        return sum(self.flags.count(flags) for flags in combinations)

    def examples(self, *combinations: int) -> list[int]:
        wanted = re.compile(b"[%s]" % re.escape(bytes(combinations)))
        return [found.start() for found in islice(wanted.finditer(self.flags), EXAMPLES)]


class Accounting:
    """Matches both ends of the flows between them.

    Memory is one octet for each message and one number for each destination.
    """

    def __init__(self) -> None:
        self.unmarked = 0
        """Messages taken without a marker."""
        self.arrived: Callable[[Marker], None] | None = None
        """Called with each message that is taken for the first time."""
        self._flows: dict[str, _Flow] = {}

    def acknowledged(self, marker: Marker) -> None:
        """The next hop has answered ESME_ROK: from here on it must arrive."""
        self._flow(marker).flag(marker.number, _ACKNOWLEDGED)

    def taken(self, text: str, destination: str) -> None:
        """The far end has taken a message for `destination`, which may be several joined."""
        found = _MARKER.findall(text)
        if not found:
            self.unmarked += 1
        for name, digits in found:
            self._taken(Marker(name, int(digits)), destination)

    def _taken(self, marker: Marker, destination: str) -> None:
        flow = self._flow(marker)
        if flow.flag(marker.number, _TAKEN):
            flow.fault("duplicates", marker.number)
            return
        if marker.number < flow.last.get(destination, -1):
            flow.fault("out_of_order", marker.number)
        else:
            flow.last[destination] = marker.number
        if self.arrived is not None:
            self.arrived(marker)

    def ended(self, marker: Marker) -> None:
        """A receipt has told the sender how it ended."""
        self._flow(marker).flag(marker.number, _ENDED)

    def report(self, name: str) -> dict[str, int | list[int]]:
        """The sums of a flow, and the numbers of the first messages of each fault.

        acknowledged, taken (each message once); lost: acknowledged, never taken, no receipt;
        ended_untaken: acknowledged, never taken, but a receipt tells how it ended; duplicates:
        taken again, each time; unpromised: taken, never acknowledged; receipts_missing: of those
        acknowledged; out_of_order: taken for the first time after a later one to its destination.
        """
        flow = self._flows.get(name, _Flow())
        acknowledged, taken, ended = _ACKNOWLEDGED, _TAKEN, _ENDED
        everything = acknowledged | taken | ended
        unended = (acknowledged, acknowledged | taken)
        return {
            "acknowledged": flow.count(*unended, acknowledged | ended, everything),
            "taken": flow.count(taken, taken | acknowledged, taken | ended, everything),
            "lost": flow.count(acknowledged),
            "lost_examples": flow.examples(acknowledged),
            "ended_untaken": flow.count(acknowledged | ended),
            **flow.sums,
            "duplicates_examples": flow.duplicates,
            "out_of_order_examples": flow.out_of_order,
            "unpromised": flow.count(taken, taken | ended),
            "receipts_missing": flow.count(*unended),
            "receipts_missing_examples": flow.examples(*unended),
        }

    def _flow(self, marker: Marker) -> _Flow:
        flow = self._flows.get(marker.flow)
        if flow is None:
            flow = self._flows[marker.flow] = _Flow()
        return flow
