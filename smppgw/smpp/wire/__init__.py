"""SMPP octets: frames, PDUs, TLVs, times and the numbers of the protocol, without any I/O.

Owns: the whole wire format of SMPP 3.3, 3.4 and 5.0 as peers really write it.
Refuses to know: sockets, clocks, session states, text encodings.
Source: SMPP 3.4 issue 1.2 and SMPP 5.0 as quoted and coded by public implementations.

`FrameBuffer` cuts a stream into frames, `decode` makes a PDU of one, `encode` makes one of a PDU.
Times are in the module `times`.
"""

from .codec import PDU_CLASSES, body_of, decode, encode, plain_body
from .constants import RESPONSE, CommandId, CommandStatus, Tag, status_name
from .errors import BodyError, EncodeError, FramingError, SmppError, UnknownCommandError
from .fields import DestAddress, DistributionList, UnsuccessSme
from .framing import FrameBuffer, empty_answer, frame, frames, header
from .message_pdus import (
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
)
from .operation_pdus import (
    AlertNotification,
    BroadcastSm,
    BroadcastSmResp,
    CancelBroadcastSm,
    CancelBroadcastSmResp,
    CancelSm,
    CancelSmResp,
    QueryBroadcastSm,
    QueryBroadcastSmResp,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
)
from .pdu import PDU, RawPdu
from .session_pdus import (
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Unbind,
    UnbindResp,
)
from .tlvs import TLV_SIZES, Tlv, Tlvs, TlvSize, tlv, tlv_int, tlv_text

__all__ = [
    "PDU",
    "PDU_CLASSES",
    "RESPONSE",
    "TLV_SIZES",
    "AlertNotification",
    "Bind",
    "BindReceiver",
    "BindReceiverResp",
    "BindResp",
    "BindTransceiver",
    "BindTransceiverResp",
    "BindTransmitter",
    "BindTransmitterResp",
    "BodyError",
    "BroadcastSm",
    "BroadcastSmResp",
    "CancelBroadcastSm",
    "CancelBroadcastSmResp",
    "CancelSm",
    "CancelSmResp",
    "CommandId",
    "CommandStatus",
    "DataSm",
    "DataSmResp",
    "DeliverSm",
    "DeliverSmResp",
    "DestAddress",
    "DistributionList",
    "EncodeError",
    "EnquireLink",
    "EnquireLinkResp",
    "FrameBuffer",
    "FramingError",
    "GenericNack",
    "Outbind",
    "QueryBroadcastSm",
    "QueryBroadcastSmResp",
    "QuerySm",
    "QuerySmResp",
    "RawPdu",
    "ReplaceSm",
    "ReplaceSmResp",
    "SmppError",
    "SubmitMulti",
    "SubmitMultiResp",
    "SubmitSm",
    "SubmitSmResp",
    "Tag",
    "Tlv",
    "TlvSize",
    "Tlvs",
    "Unbind",
    "UnbindResp",
    "UnknownCommandError",
    "UnsuccessSme",
    "body_of",
    "decode",
    "empty_answer",
    "encode",
    "frame",
    "frames",
    "header",
    "plain_body",
    "status_name",
    "tlv",
    "tlv_int",
    "tlv_text",
]
