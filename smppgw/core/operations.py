"""query_sm, cancel_sm and replace_sm: what an ESME may do with messages it submitted.

Owns: which message an operation means, and what it changes.
Refuses to know: sessions; answers are the caller's, once the batch is durable.
Source: SMPP 3.4 sections 4.8, 4.9, 4.10, 5.2.18.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smppgw.core.account import Account
from smppgw.core.address import normalise
from smppgw.core.consent import STOPPED_STATUS
from smppgw.core.content import submit_sm_of
from smppgw.core.gathering import joined_into
from smppgw.core.ids import parse_id
from smppgw.core.ingress import Rejected, check_header, encoded
from smppgw.core.message import Message, State
from smppgw.core.registered_delivery import of_carrier
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus
from smppgw.smpp.wire.times import TimeError, format_absolute, parse_time

if TYPE_CHECKING:
    from smppgw.core.relay import Relay

AT_ONCE = 1_000
"""Messages that one cancel_sm without a message_id ends, at most; it can be sent again."""
PENDING = (State.WAITING, State.DEFERRED)


class Operations:
    """Looks up and changes messages for the account that owns them."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def query(self, account: Account, pdu: wire.QuerySm) -> wire.QuerySmResp:
        """The state of a message; raises Rejected for one that is not the account's."""
        message = self._owned(account, pdu.message_id, pdu.source_addr)
        final = ""
        if message.final:
            final = format_absolute(datetime.fromtimestamp(message.final_at / 1000, UTC))
        error = int(message.error) if message.error.isdecimal() else 0
        return wire.QuerySmResp(
            message_id=pdu.message_id,
            final_date=final,
            message_state=message.message_state,
            error_code=min(error, 255),
        )

    def cancel(self, account: Account, pdu: wire.CancelSm) -> None:
        """Cancel one message by its id, or all pending ones to a destination; or raise Rejected."""
        if pdu.message_id:
            message = self._owned(account, pdu.message_id, pdu.source_addr)
            self._cancel(message)
            return
        destination = normalise(pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi)
        found = self._pending(account, pdu.source_addr, destination, pdu.service_type or None)
        if not found:
            raise Rejected(CommandStatus.ESME_RCANCELFAIL)
        for message in found:
            self._end(self._waiting(message), State.DELETED, "cancelled by its sender")

    def _cancel(self, message: Message) -> None:
        """End a message, or all of its parts, while no carrier has any of it."""
        waiting = self._waiting(message)
        if not waiting:
            raise Rejected(CommandStatus.ESME_RCANCELFAIL)
        self._end(waiting, State.DELETED, "cancelled by its sender")

    def replace(self, account: Account, pdu: wire.ReplaceSm) -> None:
        """Give a pending message a new text, time or validity; or raise Rejected."""
        message = self._owned(account, pdu.message_id, pdu.source_addr)
        in_parts = message.state == State.IN_PARTS
        waiting = self._waiting(message)
        if not waiting:
            raise Rejected(CommandStatus.ESME_RREPLACEFAIL)
        if self._relay.consent.any and self._relay.consent.stops(message):
            raise Rejected(STOPPED_STATUS)
        if pdu.sm_default_msg_id:
            raise Rejected(CommandStatus.ESME_RINVDFTMSGID)
        if pdu.short_message and wire.tlv(pdu, wire.Tag.message_payload) is not None:
            raise Rejected(CommandStatus.ESME_RINVTLVVAL)
        relay = self._relay
        now = relay.now_ms()
        moment = datetime.fromtimestamp(now / 1000, UTC)
        due = _moment(pdu.schedule_delivery_time, moment, CommandStatus.ESME_RINVSCHED)
        until = _moment(pdu.validity_period, moment, CommandStatus.ESME_RINVEXPIRY)
        start = max(now, due or message.due)
        if until and until <= start:
            raise Rejected(CommandStatus.ESME_RINVEXPIRY)
        submit = submit_sm_of(message.body)
        expires = message.expires
        if until:
            expires = min(until, start + relay.max_validity_ms)
            submit.validity_period = format_absolute(datetime.fromtimestamp(expires / 1000, UTC))
        elif due > now and not submit.validity_period:
            expires = start + relay.validity_ms
        elif due >= expires:
            raise Rejected(CommandStatus.ESME_RINVSCHED)
        submit.short_message = pdu.short_message
        submit.tlvs = tuple(
            one for one in submit.tlvs if one[0] != wire.Tag.message_payload
        ) + tuple(one for one in pdu.tlvs if one[0] == wire.Tag.message_payload)
        submit.registered_delivery = of_carrier(pdu.registered_delivery)
        check_header(submit)
        fitted = self._fitted(account, waiting[0], submit)
        body = encoded(submit)
        message.expires = expires
        message.registered_delivery = pdu.registered_delivery
        if in_parts:
            relay.parts.withdraw(message)
        message.body = body
        message.as_is = False
        message.rewrite()
        relay.store.touch(message)
        if due > now or (due and message.state == State.DEFERRED):
            relay.scheduler.postpone(message, due)
        self._requeue(message, waiting[0].carrier, fitted)
        relay.outcomes.note(message, "replaced by its sender")

    def _requeue(self, message: Message, carrier: str, fitted: list[wire.SubmitSm] | None) -> None:
        """A message with a new text stays where it is, or waits as what it is now."""
        relay = self._relay
        if message.state != State.WAITING:
            return
        if fitted is not None and len(fitted) > 1:
            if message.carrier:
                relay.ledger.moved(message)
            relay.parts.send(message, carrier, fitted)
            relay.carriers[carrier].dropped(message)
        elif not message.carrier:  # it was in parts
            message.position = relay.ids.next()
            relay.assign(message, carrier)

    def _fitted(
        self, account: Account, message: Message, submit: wire.SubmitSm
    ) -> list[wire.SubmitSm] | None:
        """The new text for the carrier for which the message waits; raises Rejected."""
        if message.state != State.WAITING:
            return None
        ingress = self._relay.ingress
        return ingress.fit(account, submit, message.carrier, message.destination)

    def replace_pending(self, account: Account, message: Message) -> None:
        """replace_if_present_flag: a message that is durable takes the place of those that wait."""
        if message.state == State.REJECTED:  # its commit failed: it never was
            return
        for other in self._pending(
            account, message.source, message.destination, message.service_type
        ):
            if other.id < message.id:
                self._end(self._waiting(other), State.DELETED, "replaced by a later message")

    def waiting_for(self, destination: str) -> list[Message]:
        """What waits for a destination, whoever submitted it, while no carrier has any of it.

        Texts that ESMEs cut are here once for each of their parts. At most AT_ONCE rows are read.
        """
        engine = self._relay.store.engine
        found: dict[int, Message] = {}
        for one in engine.pending(None, destination, AT_ONCE):
            message = engine.message(one.part_of) if one.part_of else one
            if message is not None and self._untouched(message):
                found.update((each.id, each) for each in self._brought(message))
        return [message for _, message in sorted(found.items())]

    def take_back(self, messages: list[Message], error: str) -> None:
        """End messages that `waiting_for` found; `error` is what their receipts say."""
        relay = self._relay
        for message in messages:
            if message.state == State.GATHERING:
                relay.gathering.forget(message)
                relay.end(message, State.DELETED, error)
            elif not message.final:  # else it ended with another that it was joined with
                self._end(self._untouched(message), State.DELETED, error)

    def _untouched(self, message: Message) -> list[Message]:
        """What waits of a message: itself or its parts; nothing once a carrier has some of it."""
        if message.state == State.GATHERING:
            return [message]
        if message.joined and message.joined != message.id:  # the one that stands for all ends it
            return []
        in_parts = message.state == State.IN_PARTS
        waiting = self._relay.parts.of(message) if in_parts else [message]
        return waiting if all(one.state in PENDING for one in waiting) else []

    def _brought(self, message: Message) -> list[Message]:
        """A message, or all that brought parts of its text when it stands for them."""
        return joined_into(self._relay.store.engine, message) or [message]

    # ------------------------------------------------------------------ finding

    def _owned(self, account: Account, message_id: str, source: str) -> Message:
        number = parse_id(message_id)
        message = None if number is None else self._relay.store.engine.message(number)
        if message is None or message.account != account.name or message.part_of:
            raise Rejected(CommandStatus.ESME_RINVMSGID)
        if source and source != message.source:
            raise Rejected(CommandStatus.ESME_RINVMSGID)
        return message

    def _pending(
        self,
        account: Account | None,
        source: str | None,
        destination: str,
        service_type: str | None,
    ) -> list[Message]:
        engine = self._relay.store.engine
        owner = None if account is None else account.name
        found: dict[int, Message] = {}
        for one in engine.pending(owner, destination, AT_ONCE):
            if source not in (None, one.source) or one.state not in PENDING:
                continue
            if service_type is None or one.service_type == service_type:
                message = engine.message(one.part_of) if one.part_of else one
                if message is not None:
                    found[message.id] = message
        return [message for message in found.values() if self._waiting(message)]

    def _waiting(self, message: Message) -> list[Message]:
        """A message, or all of its parts, while no carrier has any of it; else nothing."""
        if message.joined:  # its text is that of others, too
            return []
        in_parts = message.state == State.IN_PARTS
        waiting = self._relay.parts.of(message) if in_parts else [message]
        return waiting if all(one.state in PENDING for one in waiting) else []

    def _end(self, waiting: list[Message], state: State, why: str) -> None:
        """End a message or its parts, unless the end of another has just let it go on its way."""
        for one in reversed(waiting):  # the end of a part lets the next one go
            message = self._relay.store.live.get(one.id, one)
            if message.state in PENDING:
                self._relay.end_waiting(message, state, why)


def _moment(text: str, now: datetime, command_status: int) -> int:
    """A schedule or validity time in milliseconds; 0 when it says nothing."""
    try:
        moment = parse_time(text, now) if text else None
    except TimeError as error:
        raise Rejected(command_status) from error
    return 0 if moment is None else int(moment.timestamp() * 1000)
