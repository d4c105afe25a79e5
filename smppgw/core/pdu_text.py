"""A PDU as a line for people: what it is, and what of it may be shown.

Owns: which fields matter, how each is written, and what stays hidden: the text of a message and
the last digits of numbers unless they are revealed, passwords always.
Refuses to know: whose PDU it is, which way it went, when.
Source: SMPP 3.4 sections 3.2 (header), 4 (PDUs), 5.2.12 (esm_class), 5.3 (TLVs).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any

import attrs

from smppgw.core.address import mask
from smppgw.core.content import part_of
from smppgw.core.shown import one_line
from smppgw.core.status import status_text
from smppgw.smpp import wire
from smppgw.sms import alphabet, data_coding, receipt

LONGEST = 16_777_216
"""Octets of a frame that are waited for; the session ends sooner on what is too long for it."""
HEADER = 16
"""Octets before the body."""

_HEADER = Struct(">IIII")
_BINDS = frozenset(
    int(one.command_id)
    for one in (wire.BindReceiver, wire.BindTransmitter, wire.BindTransceiver, wire.Outbind)
)
_ALWAYS = frozenset({"esm_class", "data_coding", "registered_delivery", "message_id", "system_id"})
"""Fields that are shown even when they are 0 or empty."""
_IN_HEX = frozenset({"esm_class", "data_coding", "interface_version", "registered_delivery"})
_ADDRESSES = frozenset({"source_addr", "destination_addr", "esme_addr", "address_range"})
_BESIDE = re.compile(r"(source_addr|dest_addr|esme_addr|addr)_(ton|npi)")
"""TON and NPI stand behind their address."""
_TON_NPI_OF = {"destination_addr": "dest_addr", "address_range": "addr"}
_MOST_DESTINATIONS = 5
_LARGEST_INTEGER = 4
_READABLE = frozenset({wire.Tag.receipted_message_id, wire.Tag.broadcast_end_time})
"""TLVs of text that say nothing about a person."""
_RECEIPT_TYPES = frozenset({0x04, 0x20})
"""Bits 5 to 2 of esm_class: delivery receipt, intermediate notification."""
_TYPE_BITS = 0x3C
_UDHI = 0x40
_ID = re.compile(r"[0-9A-Za-z-]{1,65}")
_CODE = re.compile(r"[0-9A-Za-z]{1,8}")


def without_password(frame: bytes) -> bytes:
    """A frame in which the octets of a password are `*`; it is always hidden, in raw octets too.

    SMPP 3.4 sections 4.1 and 4.1.7: it stands behind the first NUL of the body.
    """
    if len(frame) < HEADER or _HEADER.unpack_from(frame)[1] not in _BINDS:
        return frame
    begin = frame.find(0, HEADER) + 1
    if not begin:  # a broken PDU: what there is may be anything
        return frame[:HEADER] + b"*" * (len(frame) - HEADER)
    end = frame.find(0, begin)
    if end < 0:
        end = len(frame)
    return frame[:begin] + b"*" * (end - begin) + frame[end:]


def pdu_text(frame: bytes, *, reveal: bool = False) -> str:
    """One whole frame in words; `reveal` shows numbers and texts, and never a password.

    Never raises: what cannot be read is said to be so.
    """
    if len(frame) < HEADER:
        return f"{len(frame)} octets that are no PDU"
    _, command_id, command_status, sequence_number = _HEADER.unpack_from(frame)
    words = [command_name(command_id), f"seq={sequence_number}"]
    if command_id & wire.RESPONSE:
        status = status_text(command_status) if command_status else wire.status_name(0)
        words.append(status.partition("; advice")[0])
    elif command_status:
        words.append(f"command_status=0x{command_status:X}")
    try:
        pdu = wire.decode(frame)
    except wire.UnknownCommandError:
        words.append(f"<{len(frame) - HEADER} octets>")
    except wire.BodyError as error:
        words.append(f"malformed: {error} <{len(frame) - HEADER} octets>")
    else:
        words += _fields(pdu, reveal)
    return " ".join(words)


def command_name(command_id: int) -> str:
    """The name of a command_id, or its number."""
    try:
        return wire.CommandId(command_id).name
    except ValueError:
        return f"0x{command_id:08X}"


def _fields(pdu: wire.PDU, reveal: bool) -> Iterator[str]:
    number: Callable[[str], str] = str if reveal else mask
    for one in attrs.fields(type(pdu)):
        name = one.name
        if name in {"tlvs", "sequence_number", "command_status"} or _BESIDE.fullmatch(name):
            continue
        value = getattr(pdu, name)
        if not value and name not in _ALWAYS:
            continue
        if name == "password":
            yield "password=***"
        elif name in _ADDRESSES:
            yield f"{name}={_address(pdu, name, value, number)}"
        elif name == "short_message":
            yield from _text(pdu, name, value, reveal)
        elif isinstance(value, tuple):
            yield f"{name}={_list(value, number)}"
        elif isinstance(value, int):
            yield f"{name}=0x{value:02X}" if name in _IN_HEX else f"{name}={value}"
        else:
            yield f"{name}={one_line(str(value), 70)}"
    for tag, octets in pdu.tlvs:
        yield from _tlv(pdu, tag, octets, reveal)


def _address(pdu: wire.PDU, name: str, value: str, number: Callable[[str], str]) -> str:
    beside = _TON_NPI_OF.get(name, name)
    ton, npi = getattr(pdu, f"{beside}_ton"), getattr(pdu, f"{beside}_npi")
    return f"{one_line(number(value), 70)} (ton {ton} npi {npi})"


def _list(value: tuple[Any, ...], number: Callable[[str], str]) -> str:
    """The destinations of a submit_multi, or those that failed."""
    shown = []
    for one in value[:_MOST_DESTINATIONS]:
        if isinstance(one, wire.DistributionList):
            shown.append(f"list {one_line(one.dl_name, 70)}")
            continue
        address = one_line(number(one.destination_addr), 70)
        if isinstance(one, wire.UnsuccessSme):
            address += f" {wire.status_name(one.error_status_code)}"
        shown.append(address)
    more = len(value) - _MOST_DESTINATIONS
    return f"[{', '.join(shown)}{f' and {more} more' if more > 0 else ''}]"


def _text(pdu: wire.PDU, name: str, octets: bytes, reveal: bool) -> Iterator[str]:
    """The text of a message: its size, its part, what it says as a receipt; revealed, itself."""
    kind = getattr(pdu, "esm_class", 0)
    if isinstance(pdu, wire.SubmitSm | wire.DeliverSm):
        part = part_of(pdu)
        if part is not None:
            found = part.concatenation
            yield f"part={found.sequence}/{found.total} of {found.reference}"
    if kind & _TYPE_BITS in _RECEIPT_TYPES and not kind & _UDHI:
        yield from _receipt(octets)
    yield f"{name}=<{len(octets)} octets>"
    if reveal:
        yield _revealed(kind, getattr(pdu, "data_coding", 0), octets)


def _receipt(octets: bytes) -> Iterator[str]:
    """What a receipt says of its message; nothing of a text that only looks like one."""
    if not receipt.looks_like_receipt(octets):
        return
    found = receipt.parse(octets)
    if found.id is not None and _ID.fullmatch(found.id):
        yield f"receipt_id={found.id}"
    if found.state is not None:
        yield f"stat={receipt.STATE_WORDS[found.state]}"
    if found.err is not None and _CODE.fullmatch(found.err):
        yield f"err={found.err}"


def _revealed(esm_class: int, coding: int, octets: bytes) -> str:
    """A text as its octets read without knowledge of the peer's own habits."""
    meaning = data_coding.read(coding)
    header = 0
    if esm_class & _UDHI and octets:
        header = min(octets[0] + 1, len(octets))
    udh = f"udh={octets[:header].hex()} " if header else ""
    found = alphabet.decode(octets[header:], meaning.alphabet or alphabet.Alphabet.GSM7)
    if not found.text or found.undecodable:
        return f"{udh}octets={octets[header:].hex()}"
    return f'{udh}text="{one_line(found.text, 2000)}"'


def _tlv(pdu: wire.PDU, tag: int, octets: bytes, reveal: bool) -> Iterator[str]:
    try:
        name = wire.Tag(tag).name
    except ValueError:
        name = f"0x{tag:04X}"
    if tag == wire.Tag.message_payload:
        yield from _text(pdu, name, octets, reveal)
    elif _is_integer(tag, octets):
        value = int.from_bytes(octets, "big")
        yield f"{name}=0x{value:06X}" if tag == wire.Tag.network_error_code else f"{name}={value}"
    elif tag in _READABLE:
        yield f"{name}={one_line(octets.partition(bytes(1))[0].decode('latin-1'), 70)}"
    elif reveal:
        yield f"{name}=0x{octets.hex()}"
    else:
        yield f"{name}=<{len(octets)} octets>"


def _is_integer(tag: int, octets: bytes) -> bool:
    size = wire.TLV_SIZES.get(tag)
    if size is None or size.c_string or size.maximum > _LARGEST_INTEGER:
        return False
    return size.minimum <= len(octets) <= size.maximum


class Frames:
    """Cuts the octets of one direction of a connection into frames, from a frame's beginning on.

    `broken` says why nothing more can be cut, until it is set back to "".
    """

    def __init__(self) -> None:
        self.broken = ""
        self._buffer = wire.FrameBuffer(LONGEST)

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now."""
        before = self._buffer.error
        found = self._buffer.feed(data)
        error = self._buffer.error
        if error is not None and before is None:
            self.broken = f"no PDU: {error}; what follows is not read"
        return found
