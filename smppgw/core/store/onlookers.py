"""Who looks on at what is committed.

Owns: who is shown a batch, and when: as it is written, and again once it is durable.
Refuses to know: what they make of it. The store asks only whether there is anybody.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from smppgw.core.store.batch import Batch

Look = Callable[[Batch], Callable[[], None] | None]
"""Sees a batch as it is written; what it returns is called once the batch is durable."""

log = Logger()


class Onlookers:
    """What one of them raises ends its looking and nothing else."""

    def __init__(self) -> None:
        self.looking: tuple[Look, ...] = ()
        self.waiting: list[tuple[Look, Callable[[], None]]] = []
        """What is to be called once the commit under way is durable."""

    def add(self, look: Look) -> None:
        """Show it every batch from here on."""
        self.looking += (look,)

    def remove(self, look: Look) -> None:
        """Show it nothing more; may be called twice."""
        self.looking = tuple(one for one in self.looking if one != look)
        self.waiting = [one for one in self.waiting if one[0] != look]

    def written(self, batch: Batch) -> None:
        """A batch is being written: its records are as they will be durable, and change after."""
        for look in self.looking:
            try:
                then = look(batch)
            except Exception:
                self._fails(look)
            else:
                if then is not None:
                    self.waiting.append((look, then))

    def durable(self) -> None:
        """That batch is on disk."""
        waiting, self.waiting = self.waiting, []
        for look, then in waiting:
            try:
                then()
            except Exception:
                self._fails(look)

    def _fails(self, look: Look) -> None:
        log.failure("store: looking on")
        self.remove(look)
