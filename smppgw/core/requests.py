"""The less frequent requests of an ESME: data_sm, query_sm, cancel_sm and replace_sm.

Owns: which of them there are, and the response that each is owed.
Refuses to know: binds and when the response leaves (`esme`), what the requests do (`operations`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smppgw.core.ingress import Rejected
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus

if TYPE_CHECKING:
    from smppgw.core.account import Account
    from smppgw.core.relay import Relay


def answer_to(relay: Relay, account: Account, pdu: wire.PDU, origin: str, now: float) -> wire.PDU:
    """Do what a request asks (`now` in seconds); its effect is in the batch. Raises Rejected."""
    answer: wire.PDU
    if isinstance(pdu, wire.DataSm):
        if not account.bucket.take(now):
            raise Rejected(CommandStatus.ESME_RTHROTTLED)
        message = relay.ingress.data_sm(account, pdu, origin)
        answer = wire.DataSmResp(message_id=f"{message.id:016x}")
    elif isinstance(pdu, wire.QuerySm):
        answer = relay.operations.query(account, pdu)
    elif isinstance(pdu, wire.CancelSm):
        relay.operations.cancel(account, pdu)
        answer = wire.CancelSmResp()
    elif isinstance(pdu, wire.ReplaceSm):
        relay.operations.replace(account, pdu)
        answer = wire.ReplaceSmResp()
    else:
        raise Rejected(CommandStatus.ESME_RINVCMDID)
    answer.sequence_number = pdu.sequence_number
    return answer
