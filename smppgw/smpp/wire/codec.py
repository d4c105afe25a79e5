"""Frames to PDUs and back.

Owns: which class a command_id is, and the choice between fast and table-driven code.
Refuses to know: sessions; whether a command is welcome.
Source: SMPP 3.4 section 5.1.2.1.
"""

from __future__ import annotations

from struct import error
from typing import Final

from . import message_pdus as message
from . import operation_pdus as operation
from . import session_pdus as session
from .constants import CommandStatus
from .errors import BodyError, UnknownCommandError
from .framing import HEADER, HEADER_SIZE, frame
from .hot import READERS, WRITERS
from .layout import read_body, write_body
from .message_pdus import SubmitSm
from .pdu import PDU, RawPdu

PDU_CLASSES: Final[dict[int, type[PDU]]] = {
    pdu_class.command_id: pdu_class
    for pdu_class in (
        session.GenericNack,
        session.BindReceiver,
        session.BindReceiverResp,
        session.BindTransmitter,
        session.BindTransmitterResp,
        session.BindTransceiver,
        session.BindTransceiverResp,
        session.Outbind,
        session.Unbind,
        session.UnbindResp,
        session.EnquireLink,
        session.EnquireLinkResp,
        message.SubmitSm,
        message.SubmitSmResp,
        message.DeliverSm,
        message.DeliverSmResp,
        message.SubmitMulti,
        message.SubmitMultiResp,
        message.DataSm,
        message.DataSmResp,
        operation.QuerySm,
        operation.QuerySmResp,
        operation.CancelSm,
        operation.CancelSmResp,
        operation.ReplaceSm,
        operation.ReplaceSmResp,
        operation.AlertNotification,
        operation.BroadcastSm,
        operation.BroadcastSmResp,
        operation.QueryBroadcastSm,
        operation.QueryBroadcastSmResp,
        operation.CancelBroadcastSm,
        operation.CancelBroadcastSmResp,
    )
}
"""The class of every command_id that is understood."""

# Of a submit_sm without a service_type, times and TLVs.
_OCTETS_BESIDE_TEXTS: Final = HEADER_SIZE + 17
_LONGEST_ADDRESS: Final = 20
_LONGEST_TEXT: Final = 254
_UNPACK_HEADER: Final = HEADER.unpack_from


def decode(frame: bytes) -> PDU:
    """The PDU in one complete frame, header included.

    Raises BodyError (UnknownCommandError for an unknown command_id) and nothing else; never
    BodyError for a response whose command_id is known.
    """
    try:
        length, command_id, command_status, sequence_number = _UNPACK_HEADER(frame)
    except error:
        raise _not_a_frame(0, 0) from None
    if length != len(frame):
        raise _not_a_frame(command_id, sequence_number)
    read = READERS.get(command_id)
    if read is not None:
        try:
            pdu = read(frame, command_status, sequence_number)
        except (IndexError, ValueError, error):
            pdu = None
        if pdu is not None:
            return pdu
    pdu_class = PDU_CLASSES.get(command_id)
    if pdu_class is None:
        raise UnknownCommandError(command_id, sequence_number)
    return read_body(pdu_class, frame, command_status, sequence_number)


def plain_body(pdu: SubmitSm, frame: bytes) -> bytes:
    """The octets behind the header of the frame that a submit_sm was read from.

    b"" when coding the PDU might give others: when there are TLVs or times, texts that are
    tolerated but too long, or octets that belong to nothing.
    """
    source, destination, text = pdu.source_addr, pdu.destination_addr, pdu.short_message
    if (
        len(frame) != _OCTETS_BESIDE_TEXTS + len(source) + len(destination) + len(text)
        or pdu.service_type
        or pdu.tlvs
        or len(source) > _LONGEST_ADDRESS
        or len(destination) > _LONGEST_ADDRESS
        or len(text) > _LONGEST_TEXT
    ):
        return b""
    return frame[HEADER_SIZE:]


def _not_a_frame(command_id: int, sequence_number: int) -> BodyError:
    status = CommandStatus.ESME_RINVCMDLEN.value
    return BodyError(command_id, sequence_number, status, "command_length is not that of the frame")


def encode(pdu: PDU | RawPdu) -> bytes:
    """The whole frame of a PDU; raises EncodeError when something cannot be written."""
    write = WRITERS.get(type(pdu))
    if write is not None:
        try:
            octets = write(pdu)
        except (KeyError, ValueError, error):
            octets = None
        if octets is not None:
            return octets
    body = pdu.body if isinstance(pdu, RawPdu) else write_body(pdu)
    return frame(pdu.command_id, pdu.command_status, pdu.sequence_number, body)


def body_of(pdu: PDU | RawPdu) -> bytes:
    """The octets of a PDU after its header, as a RawPdu takes them; raises EncodeError."""
    return pdu.body if isinstance(pdu, RawPdu) else encode(pdu)[HEADER_SIZE:]
