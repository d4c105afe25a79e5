"""The door for messages: what an ESME submits becomes a durable message, or a status says why not.

Owns: the checks of a submit, in order, and the message that comes of it.
Refuses to know: sessions and answers (see `esme`), links, and when the commit happens.
Source: SMPP 3.4 sections 4.4, 4.5, 4.7, 5.1.3 (command_status), 5.2, 7.1.1 (times).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smppgw.core.account import Account
from smppgw.core.account_settings import Priority
from smppgw.core.address import check_source, destination_key
from smppgw.core.consent import STOPPED_ERROR, STOPPED_STATUS
from smppgw.core.content import LONGEST_PLAIN, MESSAGE_PAYLOAD, PART_TAGS, Unfit, octets_of
from smppgw.core.message import Message, State
from smppgw.core.originate import origin_of
from smppgw.core.registered_delivery import of_carrier
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus
from smppgw.smpp.wire.times import TimeError, format_absolute, parse_time
from smppgw.sms.segment import UDHI

if TYPE_CHECKING:
    from smppgw.core.plugin import Mt
    from smppgw.core.relay import Relay

LONGEST_SERVICE_TYPE = 5
_FLAG_CLASSES = (None, Priority.TRANSACTIONAL, Priority.CODES, Priority.CODES, Priority.CODES)
"""priority_flag 0..4 (4 since SMPP 5.0) -> class; None = the account's."""


class Rejected(Exception):
    """A submit that is refused with `command_status`."""

    def __init__(self, command_status: int) -> None:
        super().__init__(wire.status_name(command_status))
        self.command_status = command_status


class Ingress:
    """Takes submits of all accounts."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def submit(
        self,
        account: Account,
        pdu: wire.SubmitSm,
        origin: str,
        now: int,
        frame: bytes = b"",
        multi: int = 0,
    ) -> Message:
        """Accept a submit_sm: the message is in the batch and on its way; raises Rejected.

        `origin` names bind and sequence_number, `now` is in milliseconds; `frame` is what the PDU
        was read from, if it was, and `multi` is the id of a submit_multi.
        """
        relay = self._relay
        destination = self._admit(account, pdu)
        number = relay.ids.next_at(now)
        priority = account.priority
        due = 0
        expires = now + relay.validity_ms
        body = wire.plain_body(pdu, frame)  # without it there are TLVs or times, for instance
        replaces = pdu.replace_if_present_flag
        if not body or pdu.esm_class or pdu.priority_flag or replaces or pdu.sm_default_msg_id:
            _check(pdu)
            flagged = _FLAG_CLASSES[pdu.priority_flag]
            if flagged is not None:
                priority = max(int(flagged), int(account.best_priority))
            due, expires = self._times(pdu, now)
        asked = pdu.registered_delivery
        pdu.registered_delivery = of_carrier(asked)
        stopped = relay.consent.any and self._stopped(account, pdu, destination, priority)
        carrier = relay.router.choose(destination, relay.usable)
        if carrier is None:
            raise Rejected(CommandStatus.ESME_RINVDSTADR)
        pdu.replace_if_present_flag = 0  # it is done here
        fitted = self.fit(account, pdu, carrier, destination)
        if replaces or not body or pdu.registered_delivery != asked:
            body = encoded(pdu)
        pdu.replace_if_present_flag = replaces
        message = Message(
            number,
            account.name,
            pdu.source_addr,
            destination,
            asked,
            priority,
            expires,
            body,
            origin,
            pdu.service_type,
            multi,
        )
        message.position = number
        message.as_is = fitted is None
        if due > now:
            message.due = due
        if stopped:
            return self._rejected(account, message)
        self.keep(account, message, carrier, fitted)
        if replaces:
            relay.store.when_durable(lambda: relay.operations.replace_pending(account, message))
        return message

    def originate(self, account: Account, number: int, pdu: wire.SubmitSm, mt: Mt) -> Message:
        """Accept a text of a feature under an id that it has already; raises Rejected."""
        relay = self._relay
        destination = self._admit(account, pdu)
        self._wanted(pdu.source_addr, destination, mt)
        carrier = self._way(mt.carrier, destination)
        fitted = self.fit(account, pdu, carrier, destination)
        now = relay.now_ms()
        message = Message(
            number,
            account.name,
            pdu.source_addr,
            destination,
            pdu.registered_delivery,
            int(mt.priority),
            mt.expires or max(now, mt.due) + relay.validity_ms,
            encoded(pdu),
            origin_of(account.name, mt.scope, exempt=mt.exempt),
        )
        message.position = number
        message.as_is = fitted is None
        if mt.due > now:
            message.due = mt.due
        self.keep(account, message, carrier, fitted)
        return message

    def check(self, account: Account, pdu: wire.SubmitSm, mt: Mt) -> None:
        """Raise Rejected if a text of a feature could not be accepted as things are."""
        destination = self._admit(account, pdu)
        self._wanted(pdu.source_addr, destination, mt)
        self._way(mt.carrier, destination)

    def _stopped(
        self, account: Account, pdu: wire.SubmitSm, destination: str, priority: int
    ) -> bool:
        """Whether a phone said STOP to the sender; raises Rejected where that is the answer."""
        passes = priority <= account.past_stop
        if not self._relay.consent.refuses(pdu.source_addr, destination, passes=passes):
            return False
        if account.settings.stopped == "refuse":
            raise Rejected(STOPPED_STATUS)
        return True

    def _wanted(self, source: str, destination: str, mt: Mt) -> None:
        """Refuse a text that its reader said STOP to; raises Rejected."""
        if mt.exempt:
            return
        if self._relay.consent.refuses(source, destination, scope=mt.scope):
            raise Rejected(STOPPED_STATUS)

    def _way(self, wanted: str, destination: str) -> str:
        """The carrier that is wanted, if there is one; else that of the route. Raises Rejected."""
        relay = self._relay
        if wanted in relay.carriers:
            return wanted
        carrier = relay.router.choose(destination, relay.usable)
        if carrier is None:
            raise Rejected(CommandStatus.ESME_RINVDSTADR)
        return carrier

    def _admit(self, account: Account, pdu: wire.SubmitSm) -> str:
        """The key of its destination; what cannot be taken, or goes nowhere, raises Rejected."""
        relay = self._relay
        if relay.store.trouble:
            raise Rejected(CommandStatus.ESME_RSYSERR)
        if relay.queued >= relay.settings.max_queue:
            raise Rejected(CommandStatus.ESME_RMSGQFUL)
        if 0 < account.settings.max_queue <= account.queued:
            raise Rejected(CommandStatus.ESME_RMSGQFUL)
        destination = destination_key(pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi)
        if not destination:
            raise Rejected(CommandStatus.ESME_RINVDSTADR)
        status = check_source(pdu.source_addr, pdu.source_addr_ton)
        if status:
            raise Rejected(status)
        return destination

    def fit(
        self, account: Account, pdu: wire.SubmitSm, carrier: str, destination: str
    ) -> list[wire.SubmitSm] | None:
        """The submit_sm for the carrier, None for the one that came; raises Rejected."""
        relay = self._relay
        found = relay.carriers.get(carrier)
        if found is None:  # the route names a carrier that was removed
            return None
        content = found.content
        if (
            content.plain
            and account.writing.plain
            and not (pdu.data_coding or pdu.esm_class or pdu.tlvs)
            and len(pdu.short_message) <= LONGEST_PLAIN
        ):
            return None
        try:
            return content.fit(
                pdu,
                account.writing,
                lambda: relay.references.next(pdu.source_addr, destination),
            )
        except Unfit as unfit:
            raise Rejected(unfit.command_status) from unfit

    def keep(
        self,
        account: Account,
        message: Message,
        carrier: str,
        fitted: list[wire.SubmitSm] | None,
    ) -> None:
        """The message is ours from here on: into the batch, and to its carrier or its time."""
        relay = self._relay
        self._accept(account, message)
        if message.due:
            message.state = State.DEFERRED
            relay.scheduler.defer(message)
        else:
            relay.dispatch.send(message, carrier, fitted)

    def _rejected(self, account: Account, message: Message) -> Message:
        """The message is ours, and at its end."""
        self._accept(account, message)
        self._relay.end(message, State.REJECTED, STOPPED_ERROR)
        return message

    def _accept(self, account: Account, message: Message) -> None:
        relay = self._relay
        relay.store.accept(message)
        relay.ledger.accepted(message)
        relay.queued += 1
        account.queued += 1
        account.measures.accepted += 1

    def _times(self, pdu: wire.SubmitSm, now: int) -> tuple[int, int]:
        """(when to send, when to give up) in milliseconds; the PDU then says only what is left."""
        relay = self._relay
        moment = datetime.fromtimestamp(now / 1000, UTC)
        due = 0
        if pdu.schedule_delivery_time:
            try:
                scheduled = parse_time(pdu.schedule_delivery_time, moment)
            except TimeError as error:
                raise Rejected(CommandStatus.ESME_RINVSCHED) from error
            if scheduled is not None:
                due = int(scheduled.timestamp() * 1000)
            pdu.schedule_delivery_time = ""
        start = max(now, due)
        expires = start + relay.validity_ms
        if pdu.validity_period:
            try:
                until = parse_time(pdu.validity_period, moment)
            except TimeError as error:
                raise Rejected(CommandStatus.ESME_RINVEXPIRY) from error
            if until is None:
                pdu.validity_period = ""
            else:
                if until <= moment or int(until.timestamp() * 1000) <= due:
                    raise Rejected(CommandStatus.ESME_RINVEXPIRY)
                expires = min(int(until.timestamp() * 1000), start + relay.max_validity_ms)
                # A relative time would start again when the message leaves.
                try:
                    end = datetime.fromtimestamp(expires / 1000, UTC)
                    pdu.validity_period = format_absolute(end)
                except TimeError as error:  # beyond 2099
                    raise Rejected(CommandStatus.ESME_RINVEXPIRY) from error
        return due, expires

    def submit_multi(
        self, account: Account, pdu: wire.SubmitMulti, origin: str
    ) -> tuple[Message, tuple[wire.UnsuccessSme, ...]]:
        """Accept a submit_multi: (its first message, the destinations that were refused).

        One message per destination; all answer to the id of the first. Raises Rejected when no
        destination was accepted.
        """
        now = self._relay.now_ms()
        refused = []
        first: Message | None = None
        status = int(CommandStatus.ESME_RINVDSTADR)
        for destination in pdu.dest_address:
            if isinstance(destination, wire.DistributionList):
                refused.append(
                    wire.UnsuccessSme(0, 0, destination.dl_name[:20], CommandStatus.ESME_RINVDLNAME)
                )
                status = int(CommandStatus.ESME_RINVDLNAME)
                continue
            single = _one_of(pdu, destination)
            try:
                message = self.submit(account, single, origin, now, multi=first.id if first else 0)
            except Rejected as rejection:
                status = rejection.command_status
                refused.append(
                    wire.UnsuccessSme(
                        destination.dest_addr_ton,
                        destination.dest_addr_npi,
                        destination.destination_addr,
                        status,
                    )
                )
            else:
                first = first or message
        if first is None:
            raise Rejected(status)
        return first, tuple(refused)

    def data_sm(self, account: Account, pdu: wire.DataSm, origin: str) -> Message:
        """Accept a data_sm: it goes on as a submit_sm with the same message_payload."""
        if wire.tlv(pdu, MESSAGE_PAYLOAD) is None:
            raise Rejected(CommandStatus.ESME_RMISSINGTLV)
        single = wire.SubmitSm(
            service_type=pdu.service_type,
            source_addr_ton=pdu.source_addr_ton,
            source_addr_npi=pdu.source_addr_npi,
            source_addr=pdu.source_addr,
            dest_addr_ton=pdu.dest_addr_ton,
            dest_addr_npi=pdu.dest_addr_npi,
            destination_addr=pdu.destination_addr,
            esm_class=pdu.esm_class,
            registered_delivery=pdu.registered_delivery,
            data_coding=pdu.data_coding,
            tlvs=pdu.tlvs,
        )
        return self.submit(account, single, origin, self._relay.now_ms())


def _one_of(pdu: wire.SubmitMulti, destination: wire.DestAddress) -> wire.SubmitSm:
    """The submit_sm for one destination of a submit_multi."""
    return wire.SubmitSm(
        service_type=pdu.service_type,
        source_addr_ton=pdu.source_addr_ton,
        source_addr_npi=pdu.source_addr_npi,
        source_addr=pdu.source_addr,
        dest_addr_ton=destination.dest_addr_ton,
        dest_addr_npi=destination.dest_addr_npi,
        destination_addr=destination.destination_addr,
        esm_class=pdu.esm_class,
        protocol_id=pdu.protocol_id,
        priority_flag=pdu.priority_flag,
        schedule_delivery_time=pdu.schedule_delivery_time,
        validity_period=pdu.validity_period,
        registered_delivery=pdu.registered_delivery,
        replace_if_present_flag=pdu.replace_if_present_flag,
        data_coding=pdu.data_coding,
        sm_default_msg_id=pdu.sm_default_msg_id,
        short_message=pdu.short_message,
        tlvs=pdu.tlvs,
    )


def encoded(pdu: wire.SubmitSm) -> bytes:
    """The octets for the carrier; what was tolerated but cannot be sent is made to fit.

    Raises Rejected.
    """
    try:
        return wire.body_of(pdu)
    except wire.EncodeError:
        if len(pdu.service_type) > LONGEST_SERVICE_TYPE:
            raise Rejected(CommandStatus.ESME_RINVSERTYP) from None
        # 255 octets are right since SMPP 5.0 only.
        pdu.tlvs = (*pdu.tlvs, (MESSAGE_PAYLOAD, pdu.short_message))
        pdu.short_message = b""
        return wire.body_of(pdu)


def _check(pdu: wire.SubmitSm) -> None:
    """Refuse field values that no carrier could make sense of."""
    if pdu.priority_flag >= len(_FLAG_CLASSES):
        raise Rejected(CommandStatus.ESME_RINVPRTFLG)
    if pdu.replace_if_present_flag > 1:
        raise Rejected(CommandStatus.ESME_RINVREPFLAG)
    if pdu.sm_default_msg_id:
        raise Rejected(CommandStatus.ESME_RINVDFTMSGID)  # there are no predefined messages
    tags = {tag for tag, _ in pdu.tlvs}
    if pdu.short_message and MESSAGE_PAYLOAD in tags:
        raise Rejected(CommandStatus.ESME_RINVTLVVAL)
    check_header(pdu)


def check_header(pdu: wire.SubmitSm) -> None:
    """Refuse a text without the header that its esm_class promises; raises Rejected."""
    if pdu.esm_class & UDHI:
        text = octets_of(pdu)
        if not text or text[0] + 1 > len(text) or not text[0]:
            raise Rejected(CommandStatus.ESME_RINVESMCLASS)
        if any(tag in PART_TAGS for tag, _ in pdu.tlvs):
            raise Rejected(CommandStatus.ESME_RINVTLVVAL)
