"""MOs: what phones send us goes to the account that owns the number.

Owns: who gets an MO, and the MOs that nobody owns.
Refuses to know: what the message says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from smppgw.core.address import normalise
from smppgw.core.ids import MessageIds
from smppgw.core.message import Delivery
from smppgw.core.settings import NumberSettings
from smppgw.core.store.group_commit import Store
from smppgw.smpp import wire

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.link import Link
    from smppgw.core.relay import Relay

LONGEST_TEXT = 254
"""Octets of short_message."""


class Inbox:
    """Every MO of every carrier; it is answered once it is durable."""

    def __init__(self, relay: Relay, store: Store, ids: MessageIds) -> None:
        self._relay = relay
        self._store = store
        self._ids = ids
        self._numbers: dict[tuple[str, str], NumberSettings] = {}
        self.received = 0
        self.unrouted = 0

    def configure(self, numbers: tuple[NumberSettings, ...]) -> None:
        """Take the numbers that are ours; one without a carrier counts for all of them."""
        self._numbers = {(number.address, number.carrier): number for number in numbers}

    def owner(self, carrier: str, address: str) -> NumberSettings | None:
        """The number that an MO was sent to, if it is ours."""
        return self._numbers.get((address, carrier)) or self._numbers.get((address, ""))

    def take(self, carrier: Carrier, link: Link, pdu: wire.DeliverSm | wire.DataSm) -> None:
        """Store an MO for its owner, or among the unrouted."""
        self.received += 1
        address = normalise(pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi)
        number = self.owner(carrier.name, address)
        account = None if number is None else self._relay.accounts.get(number.account)
        body = _body(pdu if isinstance(pdu, wire.DeliverSm) else _deliver_sm(pdu))
        if account is not None:
            expires = self._relay.delivery_expires(account.name, self._relay.now_ms())
            delivery = Delivery(self._ids.next(), account.name, "mo", 0, expires, body)
            account.push(delivery)
            # The carrier is then told to send it again.
            self._store.batch.undo.append(partial(account.forget, delivery))
        else:
            self.unrouted += 1
            if number is None:
                reason = "no such number"
            elif not number.account:
                reason = "the number has no owner"
            else:
                reason = f"no account {number.account}"
            row = self._ids.next()
            self._store.execute(
                "INSERT OR REPLACE INTO unrouted (id, carrier, source, destination, reason, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                row,
                carrier.name,
                pdu.source_addr,
                pdu.destination_addr,
                reason,
                body,
            )
            self._store.batch.undo.append(
                partial(self._store.execute, "DELETE FROM unrouted WHERE id = ?", row)
            )
        answer = wire.frame(pdu.command_id | wire.RESPONSE, 0, pdu.sequence_number, b"\0")
        self._store.answer(link, answer, (pdu.command_id, pdu.sequence_number))


def _body(pdu: wire.DeliverSm) -> bytes:
    """The octets for the ESME; what was tolerated but exceeds the specification is made to fit."""
    try:
        return wire.body_of(pdu)
    except wire.EncodeError:
        text = pdu.short_message
        if len(text) > LONGEST_TEXT:
            pdu.short_message = b""
            pdu.tlvs = ((int(wire.Tag.message_payload), text), *pdu.tlvs)
        pdu.service_type = pdu.service_type[:5]
        pdu.source_addr = pdu.source_addr[:20]
        pdu.destination_addr = pdu.destination_addr[:20]
        pdu.schedule_delivery_time = pdu.validity_period = ""  # unused in deliver_sm
        return wire.body_of(pdu)


def _deliver_sm(pdu: wire.DataSm) -> wire.DeliverSm:
    """A data_sm of a carrier as the deliver_sm that an ESME expects; the text stays a TLV."""
    return wire.DeliverSm(
        service_type=pdu.service_type,
        source_addr_ton=pdu.source_addr_ton,
        source_addr_npi=pdu.source_addr_npi,
        source_addr=pdu.source_addr,
        dest_addr_ton=pdu.dest_addr_ton,
        dest_addr_npi=pdu.dest_addr_npi,
        destination_addr=pdu.destination_addr,
        esm_class=pdu.esm_class,
        data_coding=pdu.data_coding,
        tlvs=pdu.tlvs,
    )
