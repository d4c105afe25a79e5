"""Tag-length-value parameters.

Owns: their octets, the sizes the specification gives them, reading values out of a PDU.
Refuses to know: which PDU may carry which TLV (any may carry any), what a value means.
Source: SMPP 3.4 section 5.3, SMPP 5.0 section 4.8.

A PDU keeps its TLVs as `(tag, octets)` pairs in order of arrival, repeats and unknown tags
included; a value of a wrong size is kept as it came.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Final, NamedTuple, Protocol, Self

from .constants import Tag
from .errors import EncodeError

Tlvs = tuple[tuple[int, bytes], ...]

_TAG_LENGTH: Final = Struct(">HH")
_LARGEST_INTEGER: Final = 8


class TlvSize(NamedTuple):
    """Least and greatest size of a value in octets; a C-string's size counts its NUL."""

    minimum: int
    maximum: int
    c_string: bool = False


TLV_SIZES: Final[dict[int, TlvSize]] = {
    Tag.dest_addr_subunit: TlvSize(1, 1),
    Tag.dest_network_type: TlvSize(1, 1),
    Tag.dest_bearer_type: TlvSize(1, 1),
    Tag.dest_telematics_id: TlvSize(2, 2),
    Tag.source_addr_subunit: TlvSize(1, 1),
    Tag.source_network_type: TlvSize(1, 1),
    Tag.source_bearer_type: TlvSize(1, 1),
    Tag.source_telematics_id: TlvSize(1, 1),
    Tag.qos_time_to_live: TlvSize(4, 4),
    Tag.payload_type: TlvSize(1, 1),
    Tag.additional_status_info_text: TlvSize(1, 256, c_string=True),
    Tag.receipted_message_id: TlvSize(1, 65, c_string=True),
    Tag.ms_msg_wait_facilities: TlvSize(1, 1),
    Tag.privacy_indicator: TlvSize(1, 1),
    Tag.source_subaddress: TlvSize(2, 23),
    Tag.dest_subaddress: TlvSize(2, 23),
    Tag.user_message_reference: TlvSize(2, 2),
    Tag.user_response_code: TlvSize(1, 1),
    Tag.source_port: TlvSize(2, 2),
    Tag.destination_port: TlvSize(2, 2),
    Tag.sar_msg_ref_num: TlvSize(2, 2),
    Tag.language_indicator: TlvSize(1, 1),
    Tag.sar_total_segments: TlvSize(1, 1),
    Tag.sar_segment_seqnum: TlvSize(1, 1),
    Tag.sc_interface_version: TlvSize(1, 1),
    Tag.callback_num_pres_ind: TlvSize(1, 1),
    Tag.callback_num_atag: TlvSize(0, 65),
    Tag.number_of_messages: TlvSize(1, 1),
    Tag.callback_num: TlvSize(4, 19),
    Tag.dpf_result: TlvSize(1, 1),
    Tag.set_dpf: TlvSize(1, 1),
    Tag.ms_availability_status: TlvSize(1, 1),
    Tag.network_error_code: TlvSize(3, 3),
    Tag.message_payload: TlvSize(0, 65535),
    Tag.delivery_failure_reason: TlvSize(1, 1),
    Tag.more_messages_to_send: TlvSize(1, 1),
    Tag.message_state: TlvSize(1, 1),
    Tag.congestion_state: TlvSize(1, 1),
    Tag.ussd_service_op: TlvSize(1, 1),
    Tag.broadcast_channel_indicator: TlvSize(1, 1),
    Tag.broadcast_content_type: TlvSize(3, 3),
    Tag.broadcast_content_type_info: TlvSize(1, 255),
    Tag.broadcast_message_class: TlvSize(1, 1),
    Tag.broadcast_rep_num: TlvSize(2, 2),
    Tag.broadcast_frequency_interval: TlvSize(3, 3),
    Tag.broadcast_area_identifier: TlvSize(0, 65535),
    Tag.broadcast_error_status: TlvSize(4, 4),
    Tag.broadcast_area_success: TlvSize(1, 1),
    Tag.broadcast_end_time: TlvSize(1, 17, c_string=True),
    Tag.broadcast_service_group: TlvSize(1, 255),
    Tag.billing_identification: TlvSize(1, 1024),
    Tag.source_network_id: TlvSize(1, 65, c_string=True),
    Tag.dest_network_id: TlvSize(1, 65, c_string=True),
    Tag.source_node_id: TlvSize(6, 6),
    Tag.dest_node_id: TlvSize(6, 6),
    Tag.dest_addr_np_resolution: TlvSize(1, 1),
    Tag.dest_addr_np_information: TlvSize(10, 10),
    Tag.dest_addr_np_country: TlvSize(1, 5),
    Tag.display_time: TlvSize(1, 1),
    Tag.sms_signal: TlvSize(2, 2),
    Tag.ms_validity: TlvSize(1, 4),
    Tag.alert_on_message_delivery: TlvSize(0, 1),
    Tag.its_reply_type: TlvSize(1, 1),
    Tag.its_session_info: TlvSize(2, 2),
}

_ANY_SIZE: Final = TlvSize(0, 65535)


class Tlv(NamedTuple):
    """One TLV to send; equal to the plain `(tag, octets)` pair that decoding gives."""

    tag: int
    value: bytes

    @classmethod
    def integer(cls, tag: int, value: int) -> Self:
        """An unsigned integer in the least number of octets the tag allows.

        Raises EncodeError when it is negative or too large for the tag.
        """
        size = TLV_SIZES.get(tag, _ANY_SIZE)
        try:
            octets = max(size.minimum, 1, (value.bit_length() + 7) // 8)
            if octets > size.maximum:
                raise OverflowError("too many octets")
            return cls(tag, value.to_bytes(octets, "big"))
        except OverflowError as fault:
            raise EncodeError(f"TLV 0x{tag:04X}: {value}: {fault}") from None

    @classmethod
    def text(cls, tag: int, value: str) -> Self:
        """Latin-1 text, with a NUL where the specification makes the value a C-string.

        Raises EncodeError when it holds a NUL, other characters, or has a wrong size for the tag.
        """
        size = TLV_SIZES.get(tag, _ANY_SIZE)
        try:
            octets = value.encode("latin-1")
        except UnicodeEncodeError:
            raise EncodeError(f"TLV 0x{tag:04X}: not latin-1") from None
        if size.c_string:
            if 0 in octets:
                raise EncodeError(f"TLV 0x{tag:04X}: NUL inside a C-string")
            octets += b"\0"
        if not size.minimum <= len(octets) <= size.maximum:
            raise EncodeError(f"TLV 0x{tag:04X}: {len(octets)} octets")
        return cls(tag, octets)


class HasTlvs(Protocol):
    """Whatever carries TLVs: every PDU."""

    tlvs: Tlvs


def tlv(pdu: HasTlvs, tag: int) -> bytes | None:
    """The octets of the first TLV with this tag, or None."""
    for found, value in pdu.tlvs:
        if found == tag:
            return value
    return None


def tlv_int(pdu: HasTlvs, tag: int) -> int | None:
    """The first TLV with this tag as an unsigned integer; None if absent, empty or over 8 octets.

    The size is the peer's, whatever the specification says: broadcast_rep_num is seen with one,
    two and three octets.
    """
    value = tlv(pdu, tag)
    if not value or len(value) > _LARGEST_INTEGER:
        return None
    return int.from_bytes(value, "big")


def tlv_text(pdu: HasTlvs, tag: int) -> str | None:
    """The first TLV with this tag as latin-1 text without one trailing NUL, or None."""
    value = tlv(pdu, tag)
    return None if value is None else value.removesuffix(b"\0").decode("latin-1")


def read_tlvs(frame: bytes, start: int) -> tuple[Tlvs, int]:
    """The whole TLVs from an offset on, and the offset where reading stopped.

    Up to 3 octets left after it are stray; 4 or more begin a TLV that is longer than the rest.
    """
    found = []
    end = len(frame)
    while end - start >= 4:
        tag, length = _TAG_LENGTH.unpack_from(frame, start)
        stop = start + 4 + length
        if stop > end:
            break
        found.append((tag, frame[start + 4 : stop]))
        start = stop
    return tuple(found), start


def read_tlvs_leniently(frame: bytes, start: int) -> Tlvs:
    """As `read_tlvs`, and of a TLV longer than the rest what there is of it, if anything."""
    tlvs, stop = read_tlvs(frame, start)
    if len(frame) - stop > 4:
        tag, _ = _TAG_LENGTH.unpack_from(frame, stop)
        tlvs = (*tlvs, (tag, frame[stop + 4 :]))
    return tlvs


def write_tlvs(tlvs: Tlvs) -> bytes:
    """Octets of TLVs in the order given; raises EncodeError when tag or size exceed 16 bits."""
    try:
        return b"".join([_TAG_LENGTH.pack(tag, len(value)) + value for tag, value in tlvs])
    except error as fault:
        raise EncodeError(f"TLV: {fault}") from None
