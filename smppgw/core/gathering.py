"""Parts that an ESME cut, of a text that its carrier wants whole: joined, and cut again.

Owns: which parts wait for the others, for how long, and who shares the end of a joined text.
Refuses to know: how parts are read and joined (`sms.reassemble`), which carrier wants what
(`content`), what becomes of the new parts (`parts`).

Each part was a submit_sm of its own, with a message_id and perhaps a receipt: all of them end as
the joined text ends. What stays incomplete goes as it came.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial, reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, evolve, field

from smppgw.core.content import (
    LONGEST_PAYLOAD,
    MESSAGE_PAYLOAD,
    PART_TAGS,
    Unfit,
    part_of,
    submit_sm_of,
)
from smppgw.core.held import Held
from smppgw.core.message import Message, State
from smppgw.core.registered_delivery import awaits
from smppgw.core.store.engine import Engine
from smppgw.core.unwritten import Unwritten
from smppgw.smpp import wire
from smppgw.sms import reassemble
from smppgw.sms.reassemble import Part, Unjoinable
from smppgw.sms.segment import UDHI

if TYPE_CHECKING:
    from smppgw.core.relay import Relay

WAIT_MS = 30_000
"""How long the first part waits for the others."""
MOST = 5_000
"""Texts that may be incomplete at a time; beyond, the oldest goes as it came."""
MOST_PER_KEY = 16
"""Of these, such as nothing but their content tells apart."""
MOST_OCTETS = 64 * 1024 * 1024
"""Memory that their parts may take."""
OVERHEAD = 1_000
"""Octets of memory that a part takes besides its body."""
REPEATS = 500
"""Messages that may bring one and the same text once more; beyond, all of it goes as it came."""

# SQLite takes an index for a condition that repeats the one of the index, and for no other.
OF_A_LEADER = "joined > 0 AND joined = ?"
"""Finds the messages that one stands for."""
WAITING = f"state >= 24 AND state = {State.GATHERING:d} ORDER BY id"
"""Finds the parts that wait for the others."""


class Key(NamedTuple):
    """What the parts of one text have in common."""

    account: str
    source: str
    destination: str
    style: str
    reference: int
    total: int


@define(eq=False, kw_only=True)
class Open(reassemble.Assembly):
    """A text of which parts are missing."""

    key: Key
    until: int
    messages: dict[int, Message] = field(factory=dict)
    """sequence -> the message that brought the part."""
    repeats: list[Message] = field(factory=list)
    """Messages that brought a part once more."""
    octets: int = 0
    """Octets of memory that they take."""

    @property
    def everyone(self) -> list[Message]:
        """All its messages in the order of the parts."""
        return [one for _, one in sorted(self.messages.items())] + self.repeats


def joined_into(
    engine: Engine, leader: Message, unwritten: Iterable[Message] | None = None
) -> list[Message]:
    """Every message that brought a part of a joined text, itself included; none of another.

    `unwritten` are those that may have no row yet; None to look through all of memory for them.
    """
    if leader.joined != leader.id:
        return []
    held = engine.live.values() if unwritten is None else unwritten
    found = {one.id: one for one in engine.messages(OF_A_LEADER, (leader.id,), 1_000)}
    found.update((one.id, one) for one in held)
    # One whose commit failed is joined no more.
    return [one for _, one in sorted(found.items()) if one.joined == leader.id]


def _key(message: Message, part: Part) -> Key:
    return Key(
        message.account,
        message.source,
        message.destination,
        part.style,
        part.concatenation.reference,
        part.concatenation.total,
    )


class Gathering:
    """All texts of which parts are missing."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._open: dict[Key, list[Open]] = {}
        self._ages: dict[Open, None] = {}
        self._octets = 0
        self._unwritten = Unwritten(relay.store.live)
        """Joined messages whose rows do not say so yet."""

    def __len__(self) -> int:
        return len(self._ages)

    def held(self) -> list[Held]:
        """What it holds in memory."""
        return [
            Held("submitted texts with parts missing", len(self._ages), MOST),
            Held("parts of such texts", self._octets, MOST_OCTETS, "octets"),
        ]

    def load(self) -> None:
        """Take up the parts that waited when the gateway stopped."""
        store = self._relay.store
        for message in store.engine.messages(WAITING, (), 1_000_000):
            store.live[message.id] = message
            self._add(message)
        for one in [one for one in self._ages if one.complete]:
            self._join(one)

    def take(self, message: Message) -> None:
        """Keep a part, which is accepted, until it can be joined with the others."""
        message.state = State.GATHERING
        one = self._add(message)
        if one is None:
            self._send_as_is(message)
        elif one.complete:
            self._join(one)
        elif len(one.repeats) > REPEATS:
            self._let_go(one)
        else:
            same = self._open[one.key]
            if len(same) > MOST_PER_KEY:
                self._let_go(same[0])
            while len(self._ages) > MOST or self._octets > MOST_OCTETS:
                self._let_go(next(iter(self._ages)))

    def _add(self, message: Message) -> Open | None:
        part = part_of(submit_sm_of(message.body))
        if part is None:
            return None
        concatenation = part.concatenation
        key = _key(message, part)
        same = self._open.setdefault(key, [])
        if reassemble.repeated(same, part):
            one = next(one for one in same if reassemble.repeated((one,), part))
            one.repeats.append(message)
            self._count(one, len(message.body) + OVERHEAD)
            return one
        found = reassemble.home(same, part)
        if not isinstance(found, Open):
            until = self._relay.now_ms() + WAIT_MS  # it may have been deferred before
            found = Open(total=concatenation.total, key=key, until=until)
            same.append(found)
            self._ages[found] = None
        found.held[concatenation.sequence] = part.fingerprint
        found.messages[concatenation.sequence] = message
        self._count(found, len(message.body) + OVERHEAD)
        return found

    def _count(self, one: Open, octets: int) -> None:
        one.octets += octets
        self._octets += octets

    def _drop(self, one: Open) -> None:
        self._octets -= one.octets
        del self._ages[one]
        same = self._open[one.key]
        same.remove(one)
        if not same:
            del self._open[one.key]

    # ------------------------------------------------------------------ complete, or not

    def _join(self, one: Open) -> None:
        """Cut the text anew for its carrier; the last part that wants a receipt stands for all."""
        relay = self._relay
        self._drop(one)
        everyone = one.everyone
        # Only of one for which a receipt comes is the outcome known: to the others, too.
        leader = max(everyone, key=lambda one: (awaits(one.registered_delivery), one.id))
        name = relay.router.choose(leader.destination, relay.usable)
        carrier = None if name is None else relay.carriers.get(name)
        try:
            if name is None or carrier is None:
                raise Unjoinable("no carrier")
            pdu = self._joined(one, leader)
            fitted = carrier.content.fit(
                pdu,
                relay.dispatch.writing(leader, carrier),
                lambda: relay.references.next(leader.source, leader.destination),
            )
        except (Unjoinable, Unfit) as error:
            for message in everyone:
                relay.outcomes.note(message, f"not joined with the other parts: {error}")
                self._send_as_is(message)
            return
        known = [message for message in everyone if not message.fresh and message is not leader]
        if known:
            relay.store.batch.undo.append(partial(self._apart, known))
        self._unwritten.put(leader.id, everyone)
        for message in everyone:
            message.joined = leader.id
            if message is not leader:
                message.state = State.IN_PARTS
                relay.unqueued(message.account)
                message.rewrite()
                relay.store.touch(message)
                message.resting = True
        relay.parts.send(leader, name, fitted or [pdu])

    def _joined(self, one: Open, leader: Message) -> wire.SubmitSm:
        """One submit_sm that says what the parts say together; raises Unjoinable."""
        relay = self._relay
        account = relay.accounts.get(leader.account)
        codings = {} if account is None else account.writing.overrides
        pdus = [submit_sm_of(message.body) for _, message in sorted(one.messages.items())]
        parts = [part for part in map(part_of, pdus) if part is not None]
        whole = reassemble.join(parts, codings)
        octets = whole.user_data
        if len(octets) > LONGEST_PAYLOAD:
            raise Unjoinable(f"{len(octets)} octets are more than message_payload holds")
        first = pdus[0]
        dropped = {MESSAGE_PAYLOAD, *PART_TAGS}
        tlvs = tuple(tlv for tlv in first.tlvs if tlv[0] not in dropped)
        return evolve(
            first,
            esm_class=first.esm_class & ~UDHI | (UDHI if whole.elements else 0),
            data_coding=whole.data_coding,
            # Each part may ask for another receipt; the carrier is asked for all of them.
            registered_delivery=reduce(or_, [pdu.registered_delivery for pdu in pdus]),
            short_message=b"",
            tlvs=(*tlvs, (MESSAGE_PAYLOAD, octets)),
        )

    def _apart(self, messages: list[Message]) -> None:
        """The commit that joined them failed: these wait again, for the last part has gone."""
        for message in messages:
            message.joined = 0
            message.rewrite()
            self._relay.enqueued(message.account)
            self._relay.store.touch(message)
            self.take(message)  # none may be missing: all of them may have been deferred

    def _let_go(self, one: Open) -> None:
        self._drop(one)
        for message in one.everyone:
            self._relay.outcomes.note(message, "the other parts did not come; it goes as it came")
            self._send_as_is(message)

    def _send_as_is(self, message: Message) -> None:
        message.state = State.WAITING
        self._relay.store.touch(message)
        self._relay.dispatch.as_is(message)

    def tick(self, now: int) -> None:
        """What waited long enough (`now` in milliseconds) goes as it came."""
        for one in [one for one in self._ages if one.until <= now]:
            self._let_go(one)
        self._unwritten.shorten()

    def forget(self, message: Message) -> None:
        """The commit that accepted a part failed: it never was."""
        part = part_of(submit_sm_of(message.body))
        if part is None:
            return
        sequence = part.concatenation.sequence
        for one in list(self._open.get(_key(message, part), ())):
            if one.messages.get(sequence) is message:
                del one.messages[sequence], one.held[sequence]
            elif message in one.repeats:
                one.repeats.remove(message)
            else:
                continue
            self._count(one, -len(message.body) - OVERHEAD)
            if not one.everyone:
                self._drop(one)

    def ended(self, leader: Message) -> None:
        """A joined text is final: so is every message that brought a part of it."""
        relay = self._relay
        unwritten = self._unwritten.of(leader.id)
        for message in joined_into(relay.store.engine, leader, unwritten):
            if message.id != leader.id:
                relay.outcomes.end(message, leader.state, leader.error)
