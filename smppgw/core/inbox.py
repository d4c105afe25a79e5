"""MOs: what phones send us goes to the account that owns the number.

Owns: who gets an MO, the MOs that nobody owns, and when the parts of one are passed on: together
once all are there, or what there is of them when the others do not come.
Refuses to know: what the message says, how parts are found and joined (`assembly`, `long_mo`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from twisted.logger import Logger

from smppgw.core import long_mo
from smppgw.core.account import Account
from smppgw.core.address import mask, normalise
from smppgw.core.assembly import Assemblies, Key, Open
from smppgw.core.content import MESSAGE_PAYLOAD, part_of
from smppgw.core.featured import Featured
from smppgw.core.held import Held
from smppgw.core.ids import MessageIds
from smppgw.core.long_mo import LONGEST_TEXT
from smppgw.core.message import Delivery
from smppgw.core.settings import NumberSettings
from smppgw.core.store.batch import Source
from smppgw.core.store.group_commit import Store
from smppgw.smpp import wire
from smppgw.sms import reassemble
from smppgw.sms.reassemble import Part

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.relay import Relay

log = Logger()


class Inbox:
    """Every MO of every carrier; it is answered once it is durable."""

    def __init__(self, relay: Relay, store: Store, ids: MessageIds) -> None:
        self._relay = relay
        self._store = store
        self._ids = ids
        self._numbers: dict[tuple[str, str], NumberSettings] = {}
        self.numbers: tuple[NumberSettings, ...] = ()
        """The numbers that are ours; another tuple when they have changed."""
        self._assemblies = Assemblies(store, ids)
        self.featured = Featured(relay, store, ids)
        self.received = 0
        """deliver_sm and data_sm; a part counts as one."""
        self.unrouted = 0
        self.partial = 0
        """Messages that were passed on with parts missing."""

    @property
    def assembling(self) -> int:
        """Messages of which parts are awaited."""
        return len(self._assemblies)

    def held(self) -> list[Held]:
        """What it holds in memory."""
        return self._assemblies.held()

    def configure(self, numbers: tuple[NumberSettings, ...]) -> None:
        """Take the numbers that are ours; one without a carrier counts for all of them."""
        self._numbers = {(number.address, number.carrier): number for number in numbers}
        self.numbers = tuple(self._numbers.values())

    def owner(self, carrier: str, address: str) -> NumberSettings | None:
        """The number that an MO was sent to, if it is ours."""
        return self._numbers.get((address, carrier)) or self._numbers.get((address, ""))

    def take(self, carrier: Carrier, link: Source, pdu: wire.DeliverSm | wire.DataSm) -> None:
        """Store an MO for its owner, or among the unrouted, or a part of one with the others."""
        self.received += 1
        mo = pdu if isinstance(pdu, wire.DeliverSm) else _deliver_sm(pdu)
        body = _body(mo)
        part = part_of(mo)
        account, reason = self.recipient(carrier.name, mo)
        number = self.featured.number(carrier.name, mo)
        if part is not None and (
            number or account is None or account.settings.long_mo != long_mo.PARTS
        ):
            self._assemble(carrier.name, mo, part, body)
        elif number is not None:
            self.featured.take(carrier.name, link, pdu, mo, number)
            return
        else:
            bodies = [body]
            if account is not None and account.settings.long_mo == long_mo.SPLIT:
                bodies = self._split(carrier.name, account, mo, body)
            self._store_all(carrier.name, account, reason, bodies)
        answer = wire.frame(pdu.command_id | wire.RESPONSE, 0, pdu.sequence_number, b"\0")
        self._store.answer(link, answer, (pdu.command_id, pdu.sequence_number))

    def recipient(self, carrier: str, mo: wire.DeliverSm) -> tuple[Account | None, str]:
        """The account that owns the number, or why there is none."""
        address = normalise(mo.destination_addr, mo.dest_addr_ton, mo.dest_addr_npi)
        number = self.owner(carrier, address)
        if number is None:
            foreign = any(one.address == address for one in self.numbers)
            return None, "a number of another carrier" if foreign else "no such number"
        if not number.account:
            return None, "the number has no owner"
        return self._relay.accounts.get(number.account), f"no account {number.account}"

    def _split(
        self, carrier: str, account: Account, mo: wire.DeliverSm, body: bytes
    ) -> list[bytes]:
        """An MO that came in one piece, in parts if it is too long for short_message."""
        if not long_mo.is_long(mo):
            return [body]
        message = long_mo.single(mo, self.data_codings(carrier))
        return message.in_parts(account.next_reference())

    # ------------------------------------------------------------------ parts

    def _assemble(self, carrier: str, mo: wire.DeliverSm, part: Part, body: bytes) -> None:
        number = part.concatenation
        key = Key(
            carrier,
            normalise(mo.source_addr, mo.source_addr_ton, mo.source_addr_npi),
            normalise(mo.destination_addr, mo.dest_addr_ton, mo.dest_addr_npi),
            part.style,
            number.reference,
            number.total,
        )
        found = self._assemblies.add(key, part, body, self._relay.now_ms(), self._wait)
        if found is None:
            return
        if found.complete:
            self._pass_on(found)
        for one in self._assemblies.surplus(key):
            self._pass_on(one)

    @property
    def _wait(self) -> int:
        return int(self._relay.settings.mo_wait * 1000)

    def expire(self, now: int, limit: int) -> bool:
        """Pass on up to `limit` messages whose parts were awaited long enough; more may be due."""
        if self._store.trouble:  # they would only come back
            return False
        due = self._assemblies.due(now, limit)
        for one in due:
            self._pass_on(one)
        if len(due) == limit:
            return True
        self._assemblies.forget(now, limit)
        return False

    def _pass_on(self, one: Open) -> None:
        """Give the message of these parts to its owner, whether or not some are missing."""
        self._assemblies.close(one, self._relay.now_ms(), self._wait)
        if not one.complete:
            if self._assemblies.repeats(one):
                return
            self.partial += 1
            self._store.batch.undo.append(self._take_back_partial)
            log.warn(
                "carrier {carrier}: MO from {source!r} to {destination!r} passed on with"
                " {held} of {total} parts",
                carrier=one.key.carrier,
                source=mask(one.key.source),
                destination=mask(one.key.destination),
                held=len(one.held),
                total=one.total,
            )
        carrier, bodies = one.key.carrier, one.bodies
        missing = one.total - len(one.held)
        if self.featured.join(carrier, bodies, missing, headless=1 not in one.held):
            return
        account, reason = self.recipient(carrier, long_mo.deliver_sm_of(bodies[0]))
        how = long_mo.PAYLOAD if account is None else account.settings.long_mo
        reference = 0 if account is None else account.next_reference()
        found = long_mo.written(how, bodies, self.data_codings(carrier), reference)
        self._store_all(carrier, account, reason, found)

    def data_codings(self, carrier: str) -> reassemble.DataCodings:
        """What data_coding values mean at a carrier, where that is not what SMPP says."""
        found = self._relay.carriers.get(carrier)
        return {} if found is None else found.content.writing.overrides

    # ------------------------------------------------------------------ storing

    def keep(self, carrier: str, mo: wire.DeliverSm, failed: str = "", recipient: str = "") -> None:
        """Store an MO that no feature wanted for its owner, or among the unrouted.

        `failed` says why, when a feature could not handle it; `recipient` is an account that gets
        it in place of the owner.
        """
        account, reason = self.recipient(carrier, mo)
        account = self._relay.accounts.get(recipient) or account
        bodies = [_body(mo)]
        if account is not None and account.settings.long_mo != long_mo.PAYLOAD:
            bodies = self._split(carrier, account, mo, bodies[0])
        self._store_all(carrier, account, failed or reason, bodies)

    def _store_all(
        self, carrier: str, account: Account | None, reason: str, bodies: list[bytes]
    ) -> None:
        for body in bodies:
            if account is None:
                self._keep(carrier, reason, body)
            else:
                self._deliver(account, body)

    def _deliver(self, account: Account, body: bytes) -> None:
        expires = self._relay.delivery_expires(account.name, self._relay.now_ms())
        delivery = Delivery(self._ids.next(), account.name, "mo", 0, expires, body)
        account.push(delivery)
        # The carrier is then told to send it again.
        self._store.batch.undo.append(partial(account.forget, delivery))

    def _keep(self, carrier: str, reason: str, body: bytes) -> None:
        self.unrouted += 1
        row, mo = self._ids.next(), long_mo.deliver_sm_of(body)
        self._store.execute(
            "INSERT OR REPLACE INTO unrouted (id, carrier, source, destination, reason, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            row,
            carrier,
            mo.source_addr,
            mo.destination_addr,
            reason,
            body,
        )
        self._store.batch.undo.append(partial(self._take_back, row))

    def _take_back(self, row: int) -> None:
        self.unrouted -= 1
        self._store.execute("DELETE FROM unrouted WHERE id = ?", row)

    def _take_back_partial(self) -> None:
        self.partial -= 1


def _body(pdu: wire.DeliverSm) -> bytes:
    """The octets for the ESME; what was tolerated but exceeds the specification is made to fit."""
    try:
        return wire.body_of(pdu)
    except wire.EncodeError:
        text = pdu.short_message
        if len(text) > LONGEST_TEXT:
            pdu.short_message = b""
            pdu.tlvs = ((MESSAGE_PAYLOAD, text), *pdu.tlvs)
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
