"""The ledger: what was accepted is what ended, one way or another, plus what is pending.

    accepted = delivered + undeliverable + expired + cancelled + rejected + unknown + pending

Owns: the counters per account and per carrier, and the sentence that they balance.
Refuses to know: how many messages are really pending; that is counted in the store and compared.

For a carrier `accepted` counts the messages routed to it and `moved` those that went to another.
A message that travels in parts is one message of its account; each part is one of its carrier.
"""

from __future__ import annotations

from collections.abc import Sequence

from smppgw.core.message import Message, State
from smppgw.core.store.group_commit import Store
from smppgw.core.store.rows import LEDGER

ACCEPTED = 0
MOVED = LEDGER.index("moved")
COLUMN = [0] * State.WAITING
"""Final state -> index of its counter.

A message whose carrier said no more than "accepted" ended with an unknown outcome.
"""
for _state, _name in {
    State.DELIVERED: "delivered",
    State.EXPIRED: "expired",
    State.DELETED: "cancelled",
    State.UNDELIVERABLE: "undeliverable",
    State.ACCEPTED: "unknown",
    State.UNKNOWN: "unknown",
    State.REJECTED: "rejected",
}.items():
    COLUMN[_state] = LEDGER.index(_name)

Key = tuple[str, str]
Line = tuple[Key, list[int]]
"""Scope and name, and the counters."""


class Ledger:
    """Counters that change in the same commit as the messages they count."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lines: dict[Key, list[int]] = {}
        # The same by name, for a name is quicker to look up.
        self._accounts: dict[str, Line] = {}
        self._carriers: dict[str, Line] = {}
        for scope, name, *counters in store.engine.select("SELECT * FROM ledger"):
            self._add((scope, name), counters)

    def _account(self, name: str) -> list[int]:
        """The counters of an account, which are about to change."""
        key, counters = self._accounts.get(name) or self._add(("account", name))
        self._store.batch.ledger[key] = counters
        return counters

    def _carrier(self, name: str) -> list[int]:
        """The counters of a carrier, which are about to change."""
        key, counters = self._carriers.get(name) or self._add(("carrier", name))
        self._store.batch.ledger[key] = counters
        return counters

    def _add(self, key: Key, counters: Sequence[int] = (0,) * len(LEDGER)) -> Line:
        scope, name = key
        self._lines[key] = line = list(counters)
        found = self._accounts if scope == "account" else self._carriers
        found[name] = (key, line)
        return found[name]

    def accepted(self, message: Message) -> None:
        """A message was accepted from its account."""
        self._account(message.account)[ACCEPTED] += 1

    def routed(self, message: Message) -> None:
        """A message was given to its carrier."""
        self._carrier(message.carrier)[ACCEPTED] += 1

    def moved(self, message: Message) -> None:
        """A message leaves its carrier for another."""
        self._carrier(message.carrier)[MOVED] += 1

    def ended(self, message: Message) -> None:
        """A message reached its final state."""
        column = COLUMN[message.state]
        if not message.part_of:
            self._account(message.account)[column] += 1
        if message.carrier:
            self._carrier(message.carrier)[column] += 1

    def reopened(self, message: Message) -> None:
        """A final state is about to be replaced by a better one."""
        column = COLUMN[message.state]
        if not message.part_of:
            self._account(message.account)[column] -= 1
        if message.carrier:
            self._carrier(message.carrier)[column] -= 1

    def forgotten(self, messages: list[Message]) -> None:
        """The commit that accepted these messages failed: they never were."""
        for message in messages:
            if not message.part_of:
                self._account(message.account)[ACCEPTED] -= 1
            if message.carrier:
                self._carrier(message.carrier)[ACCEPTED] -= 1

    def lines(self, scope: str) -> dict[str, dict[str, int]]:
        """Every line of `account` or `carrier`, with `pending` as the counters imply it."""
        table: dict[str, dict[str, int]] = {}
        for (kind, name), counters in sorted(self._lines.items()):
            if kind == scope:
                line = dict(zip(LEDGER, counters, strict=True))
                line["pending"] = counters[ACCEPTED] - sum(counters[1:])
                table[name] = line
        return table
