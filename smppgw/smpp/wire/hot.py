"""submit_sm, deliver_sm and their responses, fast.

Owns: straight-line code for the plain case of the four PDUs of heavy traffic.
Refuses to know: every other case. Reading gives None (or lets IndexError or ValueError out) and
writing gives None when something is not plain; `layout` then does the same work from the field
table and says what is wrong. The tests hold both to the same results.
Source: SMPP 3.4 sections 4.4 and 4.6.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from types import FunctionType
from typing import Any, Final, TypeVar, cast

from .fields import TOLERATED
from .framing import HEADER, HEADER_SIZE
from .message_pdus import (
    AddressedMessage,
    DeliverSm,
    DeliverSmResp,
    MessageIdResp,
    SubmitSm,
    SubmitSmResp,
)
from .pdu import PDU
from .tlvs import read_tlvs, write_tlvs

Reader = Callable[[bytes, int, int], PDU | None]
Writer = Callable[[Any], bytes | None]

_F = TypeVar("_F", bound=Callable[..., Any])

_new: Final = object.__new__

# From esm_class to sm_length, with empty times between, and what follows the times.
_OCTETS_WITHOUT_TIMES: Final = Struct(">10B").unpack_from
_LAST_OCTETS: Final = Struct(">5B").unpack_from
_PACK_HEADER: Final = HEADER.pack

# Before short_message there are 17 octets that are not text. While all texts together stay within
# what is tolerated of one, none is too long; past that, `layout` checks them one by one.
_PLAIN_PREFIX: Final = HEADER_SIZE + 17 + TOLERATED

_OCTETS: Final = {number: chr(number) for number in range(256)}


def _read_message(
    frame: bytes, command_status: int, sequence_number: int, pdu_class: type[AddressedMessage]
) -> AddressedMessage | None:
    text = frame.decode("latin-1")
    # Nearly every service_type is empty; most searches and slices saved count here.
    service_end = text.index("\0", 16) if frame[16] else 16
    source_end = text.index("\0", service_end + 3)
    destination_end = text.index("\0", source_end + 3)
    pdu: AddressedMessage = _new(pdu_class)
    pdu.service_type = text[16:service_end] if service_end != 16 else ""
    pdu.source_addr_ton = frame[service_end + 1]
    pdu.source_addr_npi = frame[service_end + 2]
    pdu.source_addr = text[service_end + 3 : source_end]
    pdu.dest_addr_ton = frame[source_end + 1]
    pdu.dest_addr_npi = frame[source_end + 2]
    pdu.destination_addr = text[source_end + 3 : destination_end]
    (
        pdu.esm_class,
        pdu.protocol_id,
        pdu.priority_flag,
        scheduled,
        limited,
        pdu.registered_delivery,
        pdu.replace_if_present_flag,
        pdu.data_coding,
        pdu.sm_default_msg_id,
        sm_length,
    ) = _OCTETS_WITHOUT_TIMES(frame, destination_end + 1)
    start = destination_end + 11
    if scheduled or limited:
        end = text.index("\0", destination_end + 4)
        pdu.schedule_delivery_time = text[destination_end + 4 : end]
        start = text.index("\0", end + 1)
        pdu.validity_period = text[end + 1 : start]
        (
            pdu.registered_delivery,
            pdu.replace_if_present_flag,
            pdu.data_coding,
            pdu.sm_default_msg_id,
            sm_length,
        ) = _LAST_OCTETS(frame, start + 1)
        start += 6
    else:
        pdu.schedule_delivery_time = pdu.validity_period = ""
    end = start + sm_length
    size = len(frame)
    if end > size or start > _PLAIN_PREFIX:
        return None
    pdu.short_message = frame[start:end]
    if end == size:
        pdu.tlvs = ()
    else:
        pdu.tlvs, stop = read_tlvs(frame, end)
        if size - stop > 3:
            return None
    pdu.command_status = command_status
    pdu.sequence_number = sequence_number
    return pdu


def _read_message_id(
    frame: bytes, command_status: int, sequence_number: int, pdu_class: type[MessageIdResp]
) -> MessageIdResp | None:
    if len(frame) == HEADER_SIZE:
        message_id = ""
    else:
        message_id = frame[HEADER_SIZE:-1].decode("latin-1")
        if frame[-1] or "\0" in message_id:
            return None
    pdu: MessageIdResp = _new(pdu_class)
    pdu.message_id = message_id
    pdu.tlvs = ()
    pdu.command_status = command_status
    pdu.sequence_number = sequence_number
    return pdu


def _write_message(pdu: AddressedMessage, command_id: int) -> bytes | None:
    service_type = pdu.service_type
    source_addr = pdu.source_addr
    destination_addr = pdu.destination_addr
    scheduled = pdu.schedule_delivery_time
    validity = pdu.validity_period
    short_message = pdu.short_message
    sm_length = len(short_message)
    if (
        len(source_addr) > 20
        or "\0" in source_addr
        or len(destination_addr) > 20
        or "\0" in destination_addr
        or sm_length > 254
    ):
        return None
    if service_type and (len(service_type) > 5 or "\0" in service_type):
        return None
    if scheduled and (len(scheduled) > 16 or "\0" in scheduled):
        return None
    if validity and (len(validity) > 16 or "\0" in validity):
        return None
    octet = _OCTETS
    body = (
        f"{service_type}\0"
        f"{octet[pdu.source_addr_ton]}{octet[pdu.source_addr_npi]}{source_addr}\0"
        f"{octet[pdu.dest_addr_ton]}{octet[pdu.dest_addr_npi]}{destination_addr}\0"
        f"{octet[pdu.esm_class]}{octet[pdu.protocol_id]}{octet[pdu.priority_flag]}"
        f"{scheduled}\0{validity}\0"
        f"{octet[pdu.registered_delivery]}{octet[pdu.replace_if_present_flag]}"
        f"{octet[pdu.data_coding]}{octet[pdu.sm_default_msg_id]}{octet[sm_length]}"
    ).encode("latin-1") + short_message
    if pdu.tlvs:
        body += write_tlvs(pdu.tlvs)
    return _PACK_HEADER(16 + len(body), command_id, pdu.command_status, pdu.sequence_number) + body


def _write_message_id(pdu: MessageIdResp, command_id: int) -> bytes | None:
    message_id = pdu.message_id
    command_status = pdu.command_status
    if pdu.tlvs or len(message_id) > 64 or "\0" in message_id:
        return None
    if message_id:
        body = f"{message_id}\0".encode("latin-1")
        return _PACK_HEADER(16 + len(body), command_id, command_status, pdu.sequence_number) + body
    if command_status:
        return _PACK_HEADER(16, command_id, command_status, pdu.sequence_number)
    return _PACK_HEADER(17, command_id, 0, pdu.sequence_number) + b"\0"


def _for(function: _F, argument: Any) -> Any:
    # A copy of the code, not a closure: the interpreter specialises attribute access per code
    # object, and two classes sharing one would undo each other's specialisation (+25 %).
    return FunctionType(function.__code__.replace(), globals(), function.__name__, (argument,))


READERS: Final[dict[int, Reader]] = {
    SubmitSm.command_id: cast(Reader, _for(_read_message, SubmitSm)),
    DeliverSm.command_id: cast(Reader, _for(_read_message, DeliverSm)),
    SubmitSmResp.command_id: cast(Reader, _for(_read_message_id, SubmitSmResp)),
    DeliverSmResp.command_id: cast(Reader, _for(_read_message_id, DeliverSmResp)),
}

WRITERS: Final[dict[type, Writer]] = {
    SubmitSm: cast(Writer, _for(_write_message, SubmitSm.command_id)),
    DeliverSm: cast(Writer, _for(_write_message, DeliverSm.command_id)),
    SubmitSmResp: cast(Writer, _for(_write_message_id, SubmitSmResp.command_id)),
    DeliverSmResp: cast(Writer, _for(_write_message_id, DeliverSmResp.command_id)),
}
