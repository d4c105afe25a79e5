"""What every PDU has, and a PDU whose body is already octets.

Owns: the header fields and TLVs of a PDU object.
Refuses to know: the commands and their octets.
Source: SMPP 3.4 section 3.2.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import define, field

from .tlvs import Tlvs


def _sizes(tlvs: Tlvs) -> str:
    # A TLV may be the text of a message: tags and sizes only.
    return "(" + ", ".join(f"0x{tag:04X}:{len(value)}" for tag, value in tlvs) + ")"


@define(weakref_slot=False)
class PDU:
    """Base of the PDU classes; their fields follow in the order of the specification.

    `tlvs` keeps order, repeats and unknown tags exactly. `command_status` is a plain integer. A
    request's `response` is the class that answers it, None when it has no answer; None in
    responses.
    """

    command_id: ClassVar[int]
    response: ClassVar[type[PDU] | None] = None

    tlvs: Tlvs = field(default=(), kw_only=True, repr=_sizes)
    sequence_number: int = field(default=0, kw_only=True)
    command_status: int = field(default=0, kw_only=True)


@define(weakref_slot=False)
class RawPdu:
    """A stored body to be sent under a new header; `body` is kept out of repr."""

    command_id: int
    body: bytes = field(repr=False)
    sequence_number: int = 0
    command_status: int = 0
