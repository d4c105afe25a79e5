"""Answers that come after their time-out: late is not lost, and not refused.

Owns: which requests of one session timed out, and what an answer still changes for their messages.
Refuses to know: slots of the window, which were given back at the time-out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from smppgw.core.message import Message, State
from smppgw.core.receipt_ids import canonical
from smppgw.smpp import wire
from smppgw.smpp.session import Pending

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier

REMEMBERED = 1_000
"""Timed-out requests of a session whose late answer is still understood."""


class LateAnswers:
    """The requests of one session that timed out; messages by id, memory need not hold them."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._numbers: OrderedDict[int, int] = OrderedDict()

    def expect(self, pending: Iterable[Pending]) -> None:
        """These timed out."""
        numbers = self._numbers
        for one in pending:
            numbers[one.sequence_number] = cast(Message, one.context).id
        while len(numbers) > REMEMBERED:
            numbers.popitem(last=False)

    def clear(self) -> None:
        """Another session uses the same sequence_numbers again."""
        self._numbers.clear()

    def take(self, pdu: wire.PDU, now: int) -> bool:
        """Take an answer nobody waits for any more; False when it answers nothing of ours.

        `now` is in milliseconds. The caller pumps.
        """
        number = self._numbers.pop(pdu.sequence_number, None)
        if number is None:
            return False
        message = self._carrier.store.engine.message(number)
        if message is not None:
            status = pdu.command_status
            if status == 0 and type(pdu) is not wire.GenericNack:
                self._accepted(message, getattr(pdu, "message_id", ""), now)
            else:
                self._refused(message, status or wire.CommandStatus.ESME_RUNKNOWNERR)
        return True

    def _accepted(self, message: Message, remote_id: str, now: int) -> None:
        """The carrier took it after all: it need not be sent again, by whomever it waits for."""
        carrier = self._carrier
        if message.state == State.WAITING:
            holder = carrier.bring_back(message)
            message.duplicate = 0
            message.state = State.IN_FLIGHT
            carrier.took(message, remote_id, now)
            if holder is not None:
                holder.dropped(message)
        elif message.carrier != carrier.name:
            return
        elif message.state == State.IN_FLIGHT:  # sent again; that answer gives the slot back
            carrier.took(message, remote_id, now)
        elif message.state == State.UNKNOWN and not message.remote_id:  # a receipt may still come
            message.remote_id = remote_id
            message.remote_key = canonical(remote_id)
            carrier.store.touch(message)

    def _refused(self, message: Message, command_status: int) -> None:
        """The carrier did not take it: what is sent again will be no duplicate, if it is sent."""
        carrier = self._carrier
        if message.state != State.WAITING or not message.duplicate:
            return
        message.duplicate = 0
        message.command_status = command_status
        carrier.store.touch(message)
        final = carrier.refusals.policy.rule(command_status).action == "fail"
        if final and message.carrier == carrier.name:
            carrier.refusals.fail(message, command_status)
