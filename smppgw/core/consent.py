"""Consent: which phone wants nothing more from which sender.

Owns: the state of each (phone, scope), that no message passes it on any way, and what STOP takes
back of what was accepted before.
Refuses to know: the words that phones use for it, and what they are answered (features).

A scope is an address of ours, the name of a list (`list:NAME`), or EVERYTHING. All changes are made
in a piece of work (`Store.transact`), and each leaves a record in the proof trail (`proof`).

A message is held up where it is accepted (`ingress`), and once more where it is given to a carrier
(`stops`): what waited when a phone said STOP and was not taken back then is ended there.
"""

from __future__ import annotations

from enum import IntEnum
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from smppgw.core import proof
from smppgw.core.address import normalise
from smppgw.core.message import Message, State, state_name
from smppgw.core.originate import is_exempt, list_of
from smppgw.core.phone_set import PhoneSet
from smppgw.core.proof import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smppgw.core.relay import Relay

EVERYTHING = "*"
"""The scope that covers all others."""
LIST = "list:"
"""How the name of a list begins."""
STOPPED_STATUS = 0x453
"""command_status (vendor range) for a message to a phone that said STOP."""
STOPPED_ERROR = "053"
"""`err` in a receipt for one."""
PAGE = 20_000
"""Rows read at once at the start."""
SALT = 8
"""Octets of chance in each record."""


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


TOO_LATE = "STOP came when its carrier had it: it cannot be recalled"
TRAIL = "INSERT OR REPLACE INTO trail (id, message, at, event) VALUES (?, ?, ?, ?)"
SELECT = "SELECT phone, scope, state, at, until, language, proof FROM consent"


class Consent:
    """What phones said, of one gateway."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._stopped = PhoneSet(self._load())
        self.any = bool(self._stopped)
        """Some phone said STOP: it is worth asking `refuses`."""

    def _load(self) -> Iterator[str]:
        phone = ""
        select = self._relay.store.engine.select
        query = (
            "SELECT DISTINCT phone FROM consent WHERE phone > ? AND state != 2"
            " ORDER BY phone LIMIT ?"
        )
        while rows := select(query, (phone, PAGE)):
            yield from (one for (one,) in rows)
            ((phone,),) = rows[-1:]

    def refuses(self, source: str, phone: str, *, passes: bool = False, scope: str = "") -> bool:
        """Whether a phone (digits) wants nothing from a sender (address), or of a list (`scope`).

        `passes`: a message that only STOP to everything holds up. A START to the sender that is
        later than STOP to everything lets what comes from that sender pass. Costs a look into
        memory for phones that never said STOP.
        """
        if phone not in self._stopped:
            return False
        sender = sender_of(source)
        rows = self._relay.store.engine.select(
            "SELECT scope, state, at FROM consent WHERE phone = ? AND scope IN (?, ?, '*')",
            (phone, sender, scope),
        )
        said = {name: (state, at) for name, state, at in rows}
        own, own_at = said.get(sender, (0, 0))
        whole, whole_at = said.get(EVERYTHING, (ConsentState.ACTIVE, 0))
        if whole != ConsentState.ACTIVE and not (own == ConsentState.ACTIVE and own_at > whole_at):
            return True
        listed, _ = said.get(scope, (0, 0))
        silent = (ConsentState.STOPPED, ConsentState.PENDING)
        return not passes and (own in silent or listed in silent)

    def stops(self, message: Message) -> bool:
        """Whether a message that was accepted may not go to a carrier any more.

        A text of which the carrier has a part already goes on: half of it serves nobody.
        """
        if message.destination not in self._stopped or is_exempt(message.origin):
            return False
        account = self._relay.accounts.get(message.account)
        passes = account is not None and message.priority <= account.past_stop
        scope = list_of(message.origin)
        if not self.refuses(message.source, message.destination, passes=passes, scope=scope):
            return False
        return not message.part_of or not self._begun(message)

    def _begun(self, part: Message) -> bool:
        whole = self._relay.store.engine.message(part.part_of)
        return whole is not None and any(
            one.state != State.WAITING and one.error != STOPPED_ERROR
            for one in self._relay.parts.of(whole)
            if one.id != part.id
        )

    def standing(self, phone: str, scope: str) -> Standing | None:
        """What a phone said about a scope; None when it said nothing."""
        rows = self._relay.store.engine.select(
            f"{SELECT} WHERE phone = ? AND scope = ?", (phone, scope)
        )
        return _standing(*rows[0]) if rows else None

    def effective(self, phone: str, scope: str) -> Standing | None:
        """What counts for a scope: what was said about it, or about everything if that is newer."""
        own, whole = self.standing(phone, scope), self.standing(phone, EVERYTHING)
        if whole is None or whole.state is ConsentState.ACTIVE:
            return own
        later = own is not None and own.state is ConsentState.ACTIVE and own.at > whole.at
        return own if later else whole

    def standings(self, phone: str) -> list[Standing]:
        """All that a phone said."""
        rows = self._relay.store.engine.select(f"{SELECT} WHERE phone = ? ORDER BY scope", (phone,))
        return [_standing(*row) for row in rows]

    def page(self, after: tuple[str, str], limit: int) -> list[Standing]:
        """What phones said, in the order of (phone, scope), from behind one of these."""
        rows = self._relay.store.engine.select(
            f"{SELECT} WHERE (phone, scope) > (?, ?) ORDER BY phone, scope LIMIT ?",
            (*after, limit),
        )
        return [_standing(*row) for row in rows]

    def waiting(self, phone: str, scope: str) -> list[Message]:
        """What STOP to a scope would take back: all that waits here, and no carrier has any of."""
        return [
            message
            for message in self._relay.operations.waiting_for(phone)
            if self._covers(scope, message)
        ]

    def flying(self, phone: str, scope: str) -> list[Message]:
        """What STOP to a scope comes too late for: a carrier has it, and has not answered.

        Of what carriers are sent without any order nothing is known.
        """
        found = (one.order.having(phone) for one in self._relay.carriers.values())
        return [
            one
            for one in found
            if one is not None and one.state == State.IN_FLIGHT and self._covers(scope, one)
        ]

    def became(self, number: int) -> dict[str, Any] | None:
        """What became of a text that said that consent changed; None when it is gone.

        Times in milliseconds since 1970, None for what has not happened.
        """
        message = self._relay.store.engine.message(number)
        if message is None:
            return None
        return {
            "state": state_name(message.state),
            "sent_at": message.sent_at or None,
            "final_at": message.final_at or None,
            "error": message.error,
        }

    def _covers(self, scope: str, message: Message) -> bool:
        if is_exempt(message.origin):
            return False
        if scope == EVERYTHING:
            return True
        account = self._relay.accounts.get(message.account)
        if account is not None and message.priority <= account.past_stop:
            return False
        return scope in (sender_of(message.source), list_of(message.origin))

    # ------------------------------------------------------------------ in a piece of work

    def stop(self, evidence: Evidence, *, recall: bool = True) -> tuple[int, ...]:
        """A phone wants nothing more from a scope: the ids of the messages that were taken back.

        These were queued or deferred; what a carrier has already cannot be recalled. Without
        `recall` they end when their turn comes, which is for very many phones at a time. The same
        again is recorded, and changes nothing. The life of a message that is in flight says that.
        """
        for message in self.flying(evidence.phone, evidence.scope):
            values = (self._relay.ids.next(), message.id, evidence.at, TOO_LATE)
            self._relay.store.engine.changes.write(TRAIL, values)
        waiting = self.waiting(evidence.phone, evidence.scope) if recall else []
        killed = tuple(message.id for message in waiting)
        self._put(evolve(evidence, killed=killed), ConsentState.STOPPED)
        if waiting:
            # What the rows say can be undone, and what becomes of messages cannot.
            take_back = self._relay.operations.take_back
            self._relay.store.last(partial(take_back, waiting, STOPPED_ERROR))
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
        engine = self._relay.store.engine
        before, previous = proof.last(engine.select)
        # A clock that was set back must not put it before those that are there.
        number = max(self._relay.ids.next(), before + 1)
        row = proof.row_of(number, evidence, previous, token_hex(SALT))
        engine.changes.write(proof.INSERT, row)
        return number

    def forget(self, phone: str, origin: str) -> tuple[int, int]:
        """Take a person out of the records: (records that are blank now, STOPs that are kept).

        That somebody said STOP is kept, and nothing else about it: else we would write to them
        again. Who has yet to confirm counts as one who said STOP. `origin` says who asked for it.
        """
        engine = self._relay.store.engine
        found = engine.select("SELECT id FROM consent_proof WHERE phone = ? ORDER BY id", (phone,))
        records = tuple(number for (number,) in found)
        kept = engine.select("SELECT 1 FROM consent WHERE phone = ? AND state != 2", (phone,))
        write = engine.changes.write
        write(proof.BLANK, (phone,))
        number = self.record(
            Evidence(
                phone="",
                scope=EVERYTHING,
                event=proof.FORGET,
                at=self._relay.now_ms(),
                origin=origin,
                killed=records,
            )
        )
        write("DELETE FROM consent WHERE phone = ? AND state = 2", (phone,))
        write(
            "UPDATE consent SET state = 1, at = 0, until = 0, language = '', proof = ?"
            " WHERE phone = ?",
            (number, phone),
        )
        return len(records), len(kept)

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


def sender_of(source: str) -> str:
    """The scope of what comes from a source address, however that is written."""
    return normalise(source, 0, 0) if source else ""


def _standing(
    phone: str, scope: str, state: int, at: int, until: int, language: str, number: int
) -> Standing:
    return Standing(phone, scope, ConsentState(state), at, until, language, number)
