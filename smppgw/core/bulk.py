"""One text to many phones: what is the same for all of them is worked out once.

Owns: the message of each phone, made from what they share.
Refuses to know: who gets the text and why; how a single one is accepted (`ingress`).

Where phones differ in more than their number, each is the work of `Ingress.originate`: routes of
their own, parts that need numbers, a time that is to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from smppgw.core.account import Account
from smppgw.core.address import TON_INTERNATIONAL, check_destination, check_source, normalise
from smppgw.core.consent import STOPPED_STATUS
from smppgw.core.content import Unfit
from smppgw.core.ingress import Rejected, encoded
from smppgw.core.message import Message
from smppgw.core.originate import NPI_E164, origin_of, submit_sm_of_text
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus

if TYPE_CHECKING:
    from smppgw.core.plugin import Mt
    from smppgw.core.relay import Relay

Refusal = tuple[int, int]
"""The id of a text, and the command_status that an ESME would have got."""
ADDRESSES = 6
"""Octets of a submit_sm before destination_addr, other than service_type and source_addr."""


class Bulk:
    """Texts of features to many phones."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def originate(
        self, account: Account, first: int, mt: Mt, phones: Sequence[str]
    ) -> list[Refusal]:
        """Accept `mt` for each of these phones (digits), under ids from `first` on."""
        relay = self._relay
        pdu = submit_sm_of_text(mt.source, phones[0], mt.text)
        carrier = relay.carriers.get(mt.carrier)
        if carrier is None or mt.due:
            return self._one_by_one(account, first, mt, phones)
        status = check_source(pdu.source_addr, pdu.source_addr_ton)
        try:
            fitted = carrier.content.fit(pdu, account.writing, lambda: 0)
        except Unfit as unfit:
            status = unfit.command_status
        if status or relay.store.trouble:
            status = status or CommandStatus.ESME_RSYSERR
            return [(first + place, status) for place in range(len(phones))]
        if fitted is not None and len(fitted) != 1:
            return self._one_by_one(account, first, mt, phones)
        return self._alike(account, first, mt, phones, pdu, fitted)

    def _one_by_one(
        self, account: Account, first: int, mt: Mt, phones: Sequence[str]
    ) -> list[Refusal]:
        refused = []
        for number, phone in enumerate(phones, first):
            pdu = submit_sm_of_text(mt.source, phone, mt.text)
            try:
                self._relay.ingress.originate(account, number, pdu, evolve(mt, destination=phone))
            except Rejected as rejected:
                refused.append((number, rejected.command_status))
        return refused

    def _alike(
        self,
        account: Account,
        first: int,
        mt: Mt,
        phones: Sequence[str],
        pdu: wire.SubmitSm,
        fitted: list[wire.SubmitSm] | None,
    ) -> list[Refusal]:
        relay, name, source, scope = self._relay, account.name, pdu.source_addr, mt.scope
        keep, refuses = relay.ingress.keep, relay.consent.refuses
        body = encoded(pdu)
        place = ADDRESSES + len(pdu.service_type) + len(source)
        before, behind = body[:place], body[place + len(phones[0]) :]
        origin = origin_of(name, scope, exempt=mt.exempt)
        expires = mt.expires or relay.now_ms() + relay.validity_ms
        registered, priority = pdu.registered_delivery, int(mt.priority)
        room = min(relay.settings.max_queue - relay.queued, self._room(account))
        asks = relay.consent.any and not mt.exempt
        refused = []
        for number, phone in enumerate(phones, first):
            destination = normalise(phone, TON_INTERNATIONAL, NPI_E164)
            status = check_destination(phone, TON_INTERNATIONAL)
            if room <= 0:
                status = CommandStatus.ESME_RMSGQFUL
            elif not status and asks and refuses(source, destination, scope=scope):
                status = STOPPED_STATUS
            if status:
                refused.append((number, status))
                continue
            octets = before + phone.encode("latin-1") + behind
            message = Message(
                number, name, source, destination, registered, priority, expires, octets, origin
            )
            message.position = number
            message.as_is = fitted is None
            keep(account, message, mt.carrier, fitted)
            room -= 1
        return refused

    def _room(self, account: Account) -> int:
        """How many more messages of an account may be queued."""
        most = account.settings.max_queue
        return most - account.queued if most > 0 else self._relay.settings.max_queue
