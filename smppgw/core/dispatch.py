"""Dispatch: a message that waits nowhere goes to a carrier, in the form in which that takes it.

Owns: which form that is: as its sender wrote it, written anew, in parts, or not before the parts
that its sender cut have all come.
Refuses to know: how texts are written and cut (`content`), which carrier is chosen and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smppgw.core.consent import STOPPED_ERROR
from smppgw.core.content import Unfit, Writing, is_plain, submit_sm_of
from smppgw.core.message import Message, State
from smppgw.smpp import wire

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.relay import Relay

PLAIN = Writing()


class Dispatch:
    """Gives messages to carriers."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def writing(self, message: Message, carrier: Carrier) -> Writing:
        """How the body of a message is written: as its sender writes, or as its carrier reads."""
        if message.part_of:
            return carrier.content.writing
        account = self._relay.accounts.get(message.account)
        return PLAIN if account is None else account.writing

    def fitted(self, message: Message, carrier: Carrier) -> list[wire.SubmitSm] | None:
        """The submit_sm that a carrier takes for a message, as `Content.fit`; raises Unfit."""
        if message.part_of:
            return None
        writing = self.writing(message, carrier)
        if carrier.content.plain and writing.plain and is_plain(message.body):
            return None
        references = self._relay.references
        return carrier.content.fit(
            submit_sm_of(message.body),
            writing,
            lambda: references.next(message.source, message.destination),
        )

    def takes(self, message: Message, name: str) -> bool:
        """Whether a carrier can take a message, in whatever form; parts stay as they were cut."""
        carriers = self._relay.carriers
        carrier, before = carriers.get(name), carriers.get(message.carrier)
        if carrier is None:
            return True
        content = carrier.content
        if message.part_of:
            if before is None or before.content.writing == content.writing:
                return True
            writing = before.content.writing
        else:
            writing = self.writing(message, carrier)
            if content.plain and writing.plain and is_plain(message.body):
                return True
        try:
            fitted = content.fit(submit_sm_of(message.body), writing, lambda: 0)
        except Unfit:
            return False
        return fitted is None or not message.part_of

    def route(self, message: Message, name: str) -> None:
        """Find the form for a carrier and send the message in it, unless its phone said STOP."""
        relay = self._relay
        if self._stopped(message):
            return
        message.as_is = False
        carrier = relay.carriers.get(name)
        try:
            fitted = None if carrier is None else self.fitted(message, carrier)
        except Unfit as unfit:
            message.carrier = ""
            relay.end(message, State.UNDELIVERABLE, f"{name} cannot take it: {unfit}")
            return
        self.send(message, name, fitted)

    def send(self, message: Message, name: str, fitted: list[wire.SubmitSm] | None) -> None:
        """Send a message in the form that `Content.fit` found."""
        if fitted is None or len(fitted) == 1:
            self._relay.assign(message, name)
        elif fitted:
            self._relay.parts.send(message, name, fitted)
        else:
            self._relay.gathering.take(message)

    def as_is(self, message: Message) -> None:
        """Send a part that its sender cut, as it came, unless its phone said STOP."""
        relay = self._relay
        if self._stopped(message):
            return
        name = relay.router.choose(message.destination, relay.usable)
        if name is None:
            relay.end(message, State.UNDELIVERABLE, "no route any more")
        else:
            relay.assign(message, name)

    def _stopped(self, message: Message) -> bool:
        """Whether a message that waited ended here, because its phone said STOP meanwhile."""
        relay = self._relay
        if not (relay.consent.any and relay.consent.stops(message)):
            return False
        message.carrier = ""
        relay.end(message, State.DELETED, STOPPED_ERROR)
        return True
