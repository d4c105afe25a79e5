"""PDUs that carry a message.

Owns: submit_sm, deliver_sm, submit_multi, data_sm and their responses.
Refuses to know: what esm_class, data_coding and the text mean.
Source: SMPP 3.4 sections 4.4, 4.5, 4.6, 4.7.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import define

from .constants import CommandId, CommandStatus
from .fields import (
    DestAddress,
    DistributionList,
    UnsuccessSme,
    c_string,
    destinations,
    octet,
    text_octets,
    unsuccessful,
)
from .pdu import PDU


@define(weakref_slot=False)
class MessageIdResp(PDU):
    """What the responses that name a message share; the id is empty when the body is missing."""

    message_id: str = c_string(65, CommandStatus.ESME_RINVMSGID)


@define(weakref_slot=False)
class SubmitSmResp(MessageIdResp):
    """submit_sm_resp."""

    command_id: ClassVar[int] = CommandId.submit_sm_resp.value


@define(weakref_slot=False)
class DeliverSmResp(MessageIdResp):
    """deliver_sm_resp: message_id is unused and written as one NUL."""

    command_id: ClassVar[int] = CommandId.deliver_sm_resp.value


@define(weakref_slot=False)
class DataSmResp(MessageIdResp):
    """data_sm_resp."""

    command_id: ClassVar[int] = CommandId.data_sm_resp.value


@define(weakref_slot=False)
class SubmitMultiResp(MessageIdResp):
    """submit_multi_resp: `unsuccess_sme` lists the destinations that failed."""

    command_id: ClassVar[int] = CommandId.submit_multi_resp.value

    unsuccess_sme: tuple[UnsuccessSme, ...] = unsuccessful()


@define(weakref_slot=False)
class AddressedMessage(PDU):
    """The body submit_sm and deliver_sm share; sm_length is derived from short_message."""

    service_type: str = c_string(6, CommandStatus.ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(21, CommandStatus.ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: str = c_string(21, CommandStatus.ESME_RINVDSTADR)
    esm_class: int = octet()
    protocol_id: int = octet()
    priority_flag: int = octet()
    schedule_delivery_time: str = c_string(17, CommandStatus.ESME_RINVSCHED)
    validity_period: str = c_string(17, CommandStatus.ESME_RINVEXPIRY)
    registered_delivery: int = octet()
    replace_if_present_flag: int = octet()
    data_coding: int = octet()
    sm_default_msg_id: int = octet()
    short_message: bytes = text_octets()


@define(weakref_slot=False)
class SubmitSm(AddressedMessage):
    """submit_sm."""

    command_id: ClassVar[int] = CommandId.submit_sm.value
    response: ClassVar[type[SubmitSmResp]] = SubmitSmResp


@define(weakref_slot=False)
class DeliverSm(AddressedMessage):
    """deliver_sm: schedule_delivery_time, validity_period, replace_if_present_flag and
    sm_default_msg_id are unused and kept as they come."""

    command_id: ClassVar[int] = CommandId.deliver_sm.value
    response: ClassVar[type[DeliverSmResp]] = DeliverSmResp


@define(weakref_slot=False)
class SubmitMulti(PDU):
    """submit_multi: 1 to 254 destinations, each an address or a distribution list."""

    command_id: ClassVar[int] = CommandId.submit_multi.value
    response: ClassVar[type[SubmitMultiResp]] = SubmitMultiResp

    service_type: str = c_string(6, CommandStatus.ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(21, CommandStatus.ESME_RINVSRCADR)
    dest_address: tuple[DestAddress | DistributionList, ...] = destinations()
    esm_class: int = octet()
    protocol_id: int = octet()
    priority_flag: int = octet()
    schedule_delivery_time: str = c_string(17, CommandStatus.ESME_RINVSCHED)
    validity_period: str = c_string(17, CommandStatus.ESME_RINVEXPIRY)
    registered_delivery: int = octet()
    replace_if_present_flag: int = octet()
    data_coding: int = octet()
    sm_default_msg_id: int = octet()
    short_message: bytes = text_octets()


@define(weakref_slot=False)
class DataSm(PDU):
    """data_sm: the text is in TLV message_payload."""

    command_id: ClassVar[int] = CommandId.data_sm.value
    response: ClassVar[type[DataSmResp]] = DataSmResp

    service_type: str = c_string(6, CommandStatus.ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: str = c_string(65, CommandStatus.ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: str = c_string(65, CommandStatus.ESME_RINVDSTADR)
    esm_class: int = octet()
    registered_delivery: int = octet()
    data_coding: int = octet()
