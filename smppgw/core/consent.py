"""Consent: which phone wants nothing more from which sender.

Owns: the state of each (phone, scope), that no message passes it on any way, and what STOP takes
back of what was accepted before.
Refuses to know: the words that phones use for it, and what they are answered (features).

A scope is an address of ours, the name of a list (`list:NAME`), or EVERYTHING. All changes are made
in a piece of work (`Store.transact`), and each leaves a record in the proof trail (`proof`).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from smppgw.core import proof
from smppgw.core.phone_set import PhoneSet
from smppgw.core.proof import Evidence

if TYPE_CHECKING:
    from smppgw.core.relay import Relay

EVERYTHING = "*"
"""The scope that covers all others."""
STOPPED_STATUS = 0x453
"""command_status (vendor range) for a message to a phone that said STOP."""
STOPPED_ERROR = "053"
"""`err` in a receipt for one."""


class ConsentState(IntEnum):
    """What a phone said last."""

    STOPPED = 1
    ACTIVE = 2
    PENDING = 3
    """It asked to come in, and has yet to confirm."""


@frozen
class Standing:
    """The state of one (phone, scope); times in milliseconds since 1970, `until` 0 for no end."""

    phone: str
    scope: str
    state: ConsentState
    at: int
    until: int
    language: str
    proof: int


class Consent:
    """What phones said, of one gateway."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        select = relay.store.engine.select
        self._stopped = PhoneSet(
            phone for (phone,) in select("SELECT DISTINCT phone FROM consent WHERE state IN (1, 3)")
        )
        self.any = bool(self._stopped)
        """Some phone said STOP: it is worth asking `refuses`."""

    def refuses(self, source: str, phone: str, *, passes: bool = False) -> bool:
        """Whether a phone (digits) wants nothing from a sender (address).

        `passes`: a message that only STOP to everything holds up. Costs a look into memory for
        phones that never said STOP.
        """
        if phone not in self._stopped:
            return False
        return bool(
            self._relay.store.engine.select(
                "SELECT 1 FROM consent WHERE phone = ? AND scope IN (?, '*') AND state IN (1, 3)",
                (phone, EVERYTHING if passes else source),
            )
        )

    def standing(self, phone: str, scope: str) -> Standing | None:
        """What a phone said about a scope; None when it said nothing."""
        rows = self._relay.store.engine.select(
            "SELECT phone, scope, state, at, until, language, proof FROM consent"
            " WHERE phone = ? AND scope = ?",
            (phone, scope),
        )
        return _standing(*rows[0]) if rows else None

    def standings(self, phone: str) -> list[Standing]:
        """All that a phone said."""
        rows = self._relay.store.engine.select(
            "SELECT phone, scope, state, at, until, language, proof FROM consent WHERE phone = ?"
            " ORDER BY scope",
            (phone,),
        )
        return [_standing(*row) for row in rows]

    # ------------------------------------------------------------------ in a piece of work

    def stop(self, evidence: Evidence) -> tuple[int, ...]:
        """A phone wants nothing more from a scope: the ids of the messages that were taken back.

        These were queued or deferred; what a carrier has already cannot be recalled. The same
        again is recorded, and changes nothing.
        """
        killed = self._kill(evidence.phone, evidence.scope)
        self._put(evolve(evidence, killed=killed), ConsentState.STOPPED)
        return killed

    def start(self, evidence: Evidence) -> None:
        """A phone wants messages of a scope (again)."""
        self._put(evidence, ConsentState.ACTIVE)

    def pend(self, evidence: Evidence, until: int) -> None:
        """A phone asked for messages of a scope, and has until then to confirm it.

        What it is meanwhile is as if it had said STOP, without anything being taken back.
        """
        self._put(evidence, ConsentState.PENDING, until)

    def record(self, evidence: Evidence) -> int:
        """Take down what was said without any change of state: the number of the record."""
        engine, number = self._relay.store.engine, self._relay.ids.next()
        row = proof.row_of(number, evidence, proof.last_hash(engine.select))
        engine.changes.write(proof.INSERT, row)
        return number

    def _put(self, evidence: Evidence, state: ConsentState, until: int = 0) -> None:
        number = self.record(evidence)
        self._relay.store.engine.changes.write(
            "INSERT OR REPLACE INTO consent (phone, scope, state, at, until, language, proof)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                evidence.phone,
                evidence.scope,
                int(state),
                evidence.at,
                until,
                evidence.language,
                number,
            ),
        )
        # If the commit fails, one look into the table too many is all it costs.
        if state is not ConsentState.ACTIVE:
            self._stopped.add(evidence.phone)
            self.any = True

    def _kill(self, phone: str, scope: str) -> tuple[int, ...]:
        sender = None if scope == EVERYTHING else scope
        return self._relay.operations.take_back(phone, sender, STOPPED_ERROR)


def _standing(
    phone: str, scope: str, state: int, at: int, until: int, language: str, number: int
) -> Standing:
    return Standing(phone, scope, ConsentState(state), at, until, language, number)
