"""Who looks on while batches become durable.

Owns: that they see the states that are written, before these change again, and are told when they
are durable; and that one who fails is left out from then on.
Refuses to know: who looks on and what for.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from smppgw.core.store.batch import Batch

Watcher = Callable[[Batch], Callable[[], None] | None]
"""Sees a batch as it is written; what it returns is called once the batch is durable."""

log = Logger()


class Watchers:
    """All who look on at one store; falsy when nobody does."""

    def __init__(self) -> None:
        self._all: tuple[Watcher, ...] = ()
        self.waiting: list[tuple[Watcher, Callable[[], None]]] = []
        """What is to be called once the batch under way is durable."""

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, watch: Watcher) -> None:
        """Somebody looks on."""
        self._all += (watch,)

    def remove(self, watch: Watcher) -> None:
        """And does not any more; may be called twice."""
        self._all = tuple(one for one in self._all if one != watch)

    def show(self, batch: Batch) -> None:
        """A batch is written."""
        for watch in self._all:
            try:
                found = watch(batch)
            except Exception:
                self._fails(watch)
            else:
                if found is not None:
                    self.waiting.append((watch, found))

    def durable(self) -> None:
        """What was shown is durable."""
        waiting, self.waiting = self.waiting, []
        for watch, found in waiting:
            try:
                found()
            except Exception:
                self._fails(watch)

    def _fails(self, watch: Watcher) -> None:
        log.failure("store: looking on")
        self.remove(watch)
