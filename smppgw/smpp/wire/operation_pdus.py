"""PDUs about a message already sent, and the broadcast family.

Owns: query_sm, cancel_sm, replace_sm, alert_notification, broadcast_sm, query_broadcast_sm,
cancel_broadcast_sm and their responses.
Refuses to know: which TLVs an operation needs (its handler does).
Source: SMPP 3.4 sections 4.8, 4.9, 4.10, 4.12; SMPP 5.0 sections 4.4 and 4.6.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import define

from .constants import CommandId, CommandStatus
from .fields import c_string, octet, text_octets
from .message_pdus import MessageIdResp
from .pdu import PDU


@define(weakref_slot=False)
class QuerySmResp(MessageIdResp):
    """query_sm_resp: final_date is empty while the message is not final."""

    command_id: ClassVar[int] = CommandId.query_sm_resp.value

    final_date: str = c_string(17, CommandStatus.ESME_RINVTLVLEN)
    message_state: int = octet()
    error_code: int = octet()


@define(weakref_slot=False)
class QuerySm(PDU):
    """query_sm."""

    command_id: ClassVar[int] = CommandId.query_sm.value
    response: ClassVar[type[QuerySmResp]] = QuerySmResp

    message_id: str = c_string(65, CommandStatus.ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(21, CommandStatus.ESME_RINVSRCADR)


@define(weakref_slot=False)
class CancelSmResp(PDU):
    """cancel_sm_resp."""

    command_id: ClassVar[int] = CommandId.cancel_sm_resp.value


@define(weakref_slot=False)
class CancelSm(PDU):
    """cancel_sm: an empty message_id cancels by service_type and addresses."""

    command_id: ClassVar[int] = CommandId.cancel_sm.value
    response: ClassVar[type[CancelSmResp]] = CancelSmResp

    service_type: str = c_string(6, CommandStatus.ESME_RINVSERTYP)
    message_id: str = c_string(65, CommandStatus.ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(21, CommandStatus.ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: str = c_string(21, CommandStatus.ESME_RINVDSTADR)


@define(weakref_slot=False)
class ReplaceSmResp(PDU):
    """replace_sm_resp."""

    command_id: ClassVar[int] = CommandId.replace_sm_resp.value


@define(weakref_slot=False)
class ReplaceSm(PDU):
    """replace_sm."""

    command_id: ClassVar[int] = CommandId.replace_sm.value
    response: ClassVar[type[ReplaceSmResp]] = ReplaceSmResp

    message_id: str = c_string(65, CommandStatus.ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(21, CommandStatus.ESME_RINVSRCADR)
    schedule_delivery_time: str = c_string(17, CommandStatus.ESME_RINVSCHED)
    validity_period: str = c_string(17, CommandStatus.ESME_RINVEXPIRY)
    registered_delivery: int = octet()
    sm_default_msg_id: int = octet()
    short_message: bytes = text_octets()


@define(weakref_slot=False)
class AlertNotification(PDU):
    """alert_notification: never answered."""

    command_id: ClassVar[int] = CommandId.alert_notification.value

    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(65, CommandStatus.ESME_RINVSRCADR)
    esme_addr_ton: int = octet()
    esme_addr_npi: int = octet()
    esme_addr: str = c_string(65, CommandStatus.ESME_RINVDSTADR)


@define(weakref_slot=False)
class BroadcastSmResp(MessageIdResp):
    """broadcast_sm_resp."""

    command_id: ClassVar[int] = CommandId.broadcast_sm_resp.value


@define(weakref_slot=False)
class BroadcastSm(PDU):
    """broadcast_sm: area, content type, repetition and interval are TLVs."""

    command_id: ClassVar[int] = CommandId.broadcast_sm.value
    response: ClassVar[type[BroadcastSmResp]] = BroadcastSmResp

    service_type: str = c_string(6, CommandStatus.ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(21, CommandStatus.ESME_RINVSRCADR)
    message_id: str = c_string(65, CommandStatus.ESME_RINVMSGID)
    priority_flag: int = octet()
    schedule_delivery_time: str = c_string(17, CommandStatus.ESME_RINVSCHED)
    validity_period: str = c_string(17, CommandStatus.ESME_RINVEXPIRY)
    replace_if_present_flag: int = octet()
    data_coding: int = octet()
    sm_default_msg_id: int = octet()


@define(weakref_slot=False)
class QueryBroadcastSmResp(MessageIdResp):
    """query_broadcast_sm_resp: state and areas are TLVs."""

    command_id: ClassVar[int] = CommandId.query_broadcast_sm_resp.value


@define(weakref_slot=False)
class QueryBroadcastSm(PDU):
    """query_broadcast_sm."""

    command_id: ClassVar[int] = CommandId.query_broadcast_sm.value
    response: ClassVar[type[QueryBroadcastSmResp]] = QueryBroadcastSmResp

    message_id: str = c_string(65, CommandStatus.ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(21, CommandStatus.ESME_RINVSRCADR)


@define(weakref_slot=False)
class CancelBroadcastSmResp(PDU):
    """cancel_broadcast_sm_resp."""

    command_id: ClassVar[int] = CommandId.cancel_broadcast_sm_resp.value


@define(weakref_slot=False)
class CancelBroadcastSm(PDU):
    """cancel_broadcast_sm."""

    command_id: ClassVar[int] = CommandId.cancel_broadcast_sm.value
    response: ClassVar[type[CancelBroadcastSmResp]] = CancelBroadcastSmResp

    service_type: str = c_string(6, CommandStatus.ESME_RINVSERTYP)
    message_id: str = c_string(65, CommandStatus.ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(21, CommandStatus.ESME_RINVSRCADR)
