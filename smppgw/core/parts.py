"""Messages that travel as several: the parts of a whole, and what their ends make of it.

Owns: making parts, counting how they end, the state of the whole: the worst of its parts.
Refuses to know: where a text is cut (`content`), links and carriers: a part is a message like any
other on its way, but it belongs to no ESME: only the whole has a message_id, a receipt, a sender.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from smppgw.core.message import Message, State
from smppgw.core.store.engine import Engine
from smppgw.core.unwritten import Unwritten
from smppgw.smpp import wire

if TYPE_CHECKING:
    from smppgw.core.relay import Relay

OF_A_WHOLE = "part_of > 0 AND part_of = ? ORDER BY id DESC"
"""Finds parts, those that were replaced last.

SQLite takes the index for a condition that repeats its own, and for no other.
"""
MOST = 1_000
"""Parts that are looked at: 255, and those that were replaced."""
BADNESS = {
    state: badness
    for badness, state in enumerate(
        (
            State.DELIVERED,
            State.ACCEPTED,
            State.UNKNOWN,
            State.DELETED,
            State.EXPIRED,
            State.REJECTED,
            State.UNDELIVERABLE,
        )
    )
}
"""Final state of a part -> how bad it is for the whole."""


def parts_of(
    engine: Engine, whole: Message, unwritten: Iterable[Message] | None = None
) -> list[Message]:
    """The parts of a message, first to last; those that were replaced are none any more.

    `unwritten` are those that may have no row yet; None to look through all of memory for them.
    """
    found = {one.id: one for one in engine.messages(OF_A_WHOLE, (whole.id,), MOST)}
    if sum(one.part > 0 for one in found.values()) < whole.parts:  # some have no row yet
        held = engine.live.values() if unwritten is None else unwritten
        found.update((one.id, one) for one in held if one.part_of == whole.id)
    return sorted((one for one in found.values() if one.part), key=lambda one: one.part)


class Parts:
    """All messages that travel in parts."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._unwritten = Unwritten(relay.store.live)

    def send(self, whole: Message, carrier: str, pdus: list[wire.SubmitSm]) -> None:
        """Send a message as these submit_sm; it was accepted, and waits nowhere.

        If the commit fails, a whole that was known before is routed anew.
        """
        relay = self._relay
        store = relay.store
        if not whole.fresh:
            store.batch.undo.append(partial(self._again, whole))
        whole.state = State.IN_PARTS
        whole.carrier = ""
        whole.parts = len(pdus)
        whole.parts_ended = whole.parts_delivered = whole.worst = whole.worst_part = 0
        whole.rewrite()
        store.touch(whole)
        whole.resting = True
        relay.unqueued(whole.account)
        parts = [
            _part_of(whole, number, pdu, relay.ids.next()) for number, pdu in enumerate(pdus, 1)
        ]
        self._unwritten.put(whole.id, parts)
        for part in parts:
            store.accept(part)
            relay.enqueued(part.account)
            relay.assign(part, carrier)

    def withdraw(self, whole: Message) -> None:
        """Take back the parts of a message, which all still wait; it waits nowhere then."""
        relay = self._relay
        for part in reversed(self.of(whole)):  # the end of a part lets the next one go
            relay.ledger.moved(part)
            relay.unqueued(part.account)
            part.state = State.DELETED
            part.error = "replaced by its sender"
            part.part = 0
            part.final_at = relay.now_ms()
            part.rewrite()
            relay.store.touch(part)
            relay.withdraw(part)
        whole.state = State.WAITING
        whole.parts = 0
        whole.rewrite()
        relay.enqueued(whole.account)

    def _again(self, whole: Message) -> None:
        """The commit that made its parts failed: they never were."""
        if whole.final:  # it was cancelled in the same commit, which is tried again
            return
        relay = self._relay
        relay.enqueued(whole.account)
        whole.state = State.WAITING
        whole.parts = whole.joined = 0
        whole.rewrite()
        relay.release(whole)

    def of(self, whole: Message) -> list[Message]:
        """The parts of a message, first to last."""
        return parts_of(self._relay.store.engine, whole, self._unwritten.of(whole.id))

    def tick(self) -> None:
        """Once a second: forget what has rows by now."""
        self._unwritten.shorten()

    def ended(self, part: Message, before: int) -> None:
        """A part is final; `before` is the state that this replaces."""
        relay = self._relay
        whole = relay.store.engine.message(part.part_of)
        if whole is None:  # it outlived the retention
            return
        if before < State.WAITING:
            self._count_again(whole)
        else:
            _count(whole, part)
        whole.rewrite()
        relay.store.touch(whole)
        whole.resting = True
        if whole.parts_ended == whole.parts:
            self._end(whole, part)

    def _end(self, whole: Message, part: Message) -> None:
        if whole.final and BADNESS[State(whole.worst)] >= BADNESS[State(whole.state)]:
            return
        self._relay.outcomes.end(whole, whole.worst, self._error(whole, part))
        if whole.joined:
            self._relay.gathering.ended(whole)

    def _error(self, whole: Message, part: Message) -> str:
        """The `error` of the part that decided."""
        if part.part == whole.worst_part:
            return part.error
        found = [one for one in self.of(whole) if one.part == whole.worst_part]
        return found[0].error if found else ""

    def _count_again(self, whole: Message) -> None:
        """A better state replaced that of a part: what was counted before is not true any more."""
        whole.parts_ended = whole.parts_delivered = whole.worst = whole.worst_part = 0
        for part in self.of(whole):
            if part.final:
                _count(whole, part)

    def progress(self, part: Message, state: int, error: str, done: float) -> None:
        """A part reported a state that is not final: the whole reports it once."""
        whole = self._relay.store.engine.message(part.part_of)
        if whole is not None and not whole.final and whole.reported != state:
            self._relay.outcomes.progress(whole, state, error, done)
            whole.resting = True


def _part_of(whole: Message, number: int, pdu: wire.SubmitSm, id: int) -> Message:
    return Message(
        id,
        whole.account,
        whole.source,
        whole.destination,
        pdu.registered_delivery,
        whole.priority,
        whole.expires,
        wire.body_of(pdu),
        whole.origin,
        whole.service_type,
        0,
        whole.id,
        number,
        position=id,
    )


def _count(whole: Message, part: Message) -> None:
    whole.parts_ended += 1
    if part.state == State.DELIVERED:
        whole.parts_delivered += 1
    if not whole.worst or BADNESS[State(part.state)] > BADNESS[State(whole.worst)]:
        whole.worst = part.state
        whole.worst_part = part.part
