"""What one commit makes durable, and what is released once it is.

Owns: the lists that a turn of the reactor fills.
Refuses to know: SQL, sockets, and what the entries mean.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol

from attrs import Factory, define
from twisted.internet.defer import Deferred

from smppgw.core.message import Delivery, Message


class Outlet(Hashable, Protocol):
    """Whoever takes octets once a commit is durable: a bind."""

    def release(self, data: bytes, answers: int) -> None:
        """Take octets that were held for the commit; `answers` of them end requests of the peer."""

    def flush(self) -> None:
        """Let what was released go; once, when all of a commit is released."""

    def refuse(self, command_id: int, sequence_number: int) -> None:
        """Answer a request whose state could not be made durable."""


class Source(Outlet, Protocol):
    """Where requests came from: an outlet with a name, by which operators call it."""

    name: str


@define(eq=False)
class Batch:
    """Changes and the octets that wait for them, in the order in which they came."""

    accepted: list[Message] = Factory(list)
    """New messages; forgotten again if the commit fails."""
    touched: dict[int, Message] = Factory(dict)
    """Every message to journal, new or changed."""
    spilled: list[Message] = Factory(list)
    """Messages that leave memory: written to their rows at once."""
    deliveries: dict[int, Delivery] = Factory(dict)
    """New deliveries, and those that are done."""
    spooled: list[Delivery] = Factory(list)
    """New deliveries that memory does not hold: written to their rows at once."""
    statements: list[tuple[str, tuple[Any, ...]]] = Factory(list)
    """Rare rows, written as they are."""
    forwarded: list[tuple[str, int, int]] = Factory(list)
    """(receipt_to, receipt_at, id) of messages that memory does not hold any more."""
    ledger: dict[tuple[str, str], list[int]] = Factory(dict)
    """Ledger lines that changed; the lists are the live counters."""
    answers: list[tuple[Outlet, bytes, tuple[int, int]]] = Factory(list)
    """(bind, answer, command_id and sequence_number for a refusal)."""
    actions: list[Callable[[], None]] = Factory(list)
    """Run once durable; kept for the next commit if this one fails."""
    undo: list[Callable[[], None]] = Factory(list)
    """Run if the commit fails, last first."""
    sends: dict[Any, list[Any]] = Factory(dict)
    """Link or bind -> records: `transmit(records)` once durable; kept if the commit fails."""
    works: list[tuple[Callable[[], Any], Deferred[Any]]] = Factory(list)
    """Transactions that wait for the beginning of a commit, and who waits for them."""
    results: list[tuple[Deferred[Any], Any]] = Factory(list)
    """Those that were done, and what came of them; refused if the commit fails."""

    def keep(self, new: set[int], later: Batch) -> None:
        """Its commit failed: what is known waits for the next, with what came `later`.

        Answers, undoing, results and the `new` messages (ids) are done with; those of `later` stay.
        """
        self.touched = {**self.touched, **later.touched}
        self.spilled = [one for one in self.spilled if one.id not in new] + later.spilled
        self.deliveries = {**self.deliveries, **later.deliveries}
        self.spooled = self.spooled + later.spooled
        self.forwarded = self.forwarded + later.forwarded
        self.statements = self.statements + later.statements
        self.ledger = {**self.ledger, **later.ledger}
        for link, records in self.sends.items():
            known = [one for one in records if one.id not in new]
            if known:
                later.sends[link] = known + later.sends.get(link, [])
        self.sends = later.sends
        self.actions = self.actions + later.actions
        self.accepted, self.answers, self.undo = later.accepted, later.answers, later.undo
        self.results, self.works = later.results, later.works

    @property
    def weight(self) -> int:
        """How much waits for the commit: records, or answers where there are more of them."""
        records = len(self.touched) + len(self.spilled) + len(self.statements) + len(self.works)
        return max(records + len(self.deliveries) + len(self.spooled), len(self.answers))

    @property
    def empty(self) -> bool:
        """Nothing to write and nobody waiting."""
        return not (
            self.touched
            or self.spilled
            or self.deliveries
            or self.spooled
            or self.statements
            or self.forwarded
            or self.answers
            or self.actions
            or self.sends
            or self.ledger
            or self.works
            or self.results
        )
