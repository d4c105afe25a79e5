"""Bodies read and written from the fields of the PDU classes.

Owns: every command's octets, with the tolerance shown to peers: a request is exact or refused with
the status to answer, a response is always read, as far as its octets go.
Refuses to know: headers, and the faster code for the commands of heavy traffic (`hot`), which
comes here for whatever is not plain.
Source: SMPP 3.4 section 4; deviations seen in peers are told where they are handled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, cast

from attrs import fields

from .constants import RESPONSE, CommandId, CommandStatus
from .errors import BodyError, EncodeError
from .fields import AnswerKind, FieldFault, Kind
from .framing import HEADER_SIZE
from .pdu import PDU
from .tlvs import Tlvs, read_tlvs, read_tlvs_leniently, write_tlvs

_P = TypeVar("_P", bound=PDU)

_STRAY: Final = 3
"""Octets ignored after the last field or TLV: texts and strings counted without their NUL."""

_KEEPS_CUT_TLV: Final = {
    # A receipt whose last TLV announces too much is still a receipt; refusing it loses it.
    CommandId.deliver_sm,
    # Whatever follows their header, these are answered with ESME_ROK.
    CommandId.enquire_link,
    CommandId.unbind,
}

_LAYOUTS: dict[type[PDU], tuple[tuple[str, Kind], ...]] = {}


def layout(pdu_class: type[PDU]) -> tuple[tuple[str, Kind], ...]:
    """Names and kinds of the body fields in the order of the specification."""
    known = _LAYOUTS.get(pdu_class)
    if known is None:
        known = _LAYOUTS[pdu_class] = tuple(
            (each.name, each.metadata["kind"])
            for each in fields(pdu_class)
            if "kind" in each.metadata
        )
    return known


def read_body(pdu_class: type[_P], frame: bytes, command_status: int, sequence_number: int) -> _P:
    """A PDU out of a whole frame; raises BodyError for a request that cannot be read."""
    if pdu_class.command_id & RESPONSE:
        values, tlvs = _salvage(pdu_class, frame)
    else:
        values, tlvs = _read(pdu_class, frame, sequence_number)
    return pdu_class(
        *values, tlvs=tlvs, sequence_number=sequence_number, command_status=command_status
    )


def _read(pdu_class: type[PDU], frame: bytes, sequence_number: int) -> tuple[list[Any], Tlvs]:
    start = HEADER_SIZE
    values = []
    for name, kind in layout(pdu_class):
        try:
            value, start = kind.read(frame, start)
        except FieldFault as fault:
            raise BodyError(
                pdu_class.command_id,
                sequence_number,
                fault.command_status,
                f"{name}: {fault.reason}",
            ) from None
        values.append(value)
    if pdu_class.command_id in _KEEPS_CUT_TLV:
        return values, read_tlvs_leniently(frame, start)
    tlvs, stop = read_tlvs(frame, start)
    if len(frame) - stop > _STRAY:
        raise BodyError(
            pdu_class.command_id,
            sequence_number,
            CommandStatus.ESME_RINVTLVSTREAM.value,
            f"TLV at octet {stop} exceeds the rest",
        )
    return values, tlvs


def _salvage(pdu_class: type[PDU], frame: bytes) -> tuple[list[Any], Tlvs]:
    kinds = [cast(AnswerKind, kind) for _, kind in layout(pdu_class)]
    bare = _bare_tlvs(frame) if kinds else ()
    if bare and (frame[HEADER_SIZE] or not _is_whole(kinds, frame)):
        return [kind.salvage(b"", 0)[0] for kind in kinds], bare
    start = HEADER_SIZE
    values = []
    for kind in kinds:
        value, start = kind.salvage(frame, start)
        values.append(value)
    return values, read_tlvs_leniently(frame, start)


def _bare_tlvs(frame: bytes) -> Tlvs:
    # Some peers leave the fields of a failing response out and send its TLVs alone. Every tag in
    # use begins with a control character or NUL, which tells it from the text of a first field.
    if len(frame) == HEADER_SIZE or frame[HEADER_SIZE] >= 0x20:
        return ()
    tlvs, stop = read_tlvs(frame, HEADER_SIZE)
    return tlvs if stop == len(frame) and tlvs[0][0] else ()


def _is_whole(kinds: Sequence[Kind], frame: bytes) -> bool:
    start = HEADER_SIZE
    try:
        for kind in kinds:
            _, start = kind.read(frame, start)
    except FieldFault:
        return False
    return read_tlvs(frame, start)[1] == len(frame)


def write_body(pdu: PDU) -> bytes:
    """The body of a PDU, TLVs included; raises EncodeError naming the field.

    A failing response that has nothing to say has no body (SMPP 5.0 section 3.2.1.4).
    """
    parts = []
    nothing_said = not pdu.tlvs
    for name, kind in layout(type(pdu)):
        value = getattr(pdu, name)
        nothing_said = nothing_said and not value
        try:
            parts.append(kind.write(value))
        except EncodeError as fault:
            raise EncodeError(f"{CommandId(pdu.command_id).name}.{name}: {fault}") from None
    if nothing_said and pdu.command_status and pdu.command_id & RESPONSE:
        return b""
    parts.append(write_tlvs(pdu.tlvs))
    return b"".join(parts)
