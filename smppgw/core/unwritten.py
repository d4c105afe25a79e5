"""Messages that belong together and have no rows yet by which they could be found together.

Owns: which these are, until their rows are written; so nobody has to look through all of memory.
Refuses to know: what makes them belong together.
"""

from __future__ import annotations

from collections.abc import Sequence

from smppgw.core.message import Message


class Unwritten:
    """Messages by the id of the one that stands for them; `live` is what memory holds."""

    def __init__(self, live: dict[int, Message]) -> None:
        self._live = live
        self._found: dict[int, Sequence[Message]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def put(self, number: int, messages: Sequence[Message]) -> None:
        """These belong to `number` from now on."""
        self._found.pop(number, None)
        self._found[number] = messages

    def of(self, number: int) -> list[Message]:
        """Those of `number`, as far as memory holds them: of the others the rows speak."""
        return [one for one in self._found.get(number, ()) if self._live.get(one.id) is one]

    def shorten(self) -> None:
        """Forget those that have rows, or never were accepted, oldest first."""
        found = self._found
        while found:
            number = next(iter(found))
            if not all(one.stored or one.id not in self._live for one in found[number]):
                break
            del found[number]
