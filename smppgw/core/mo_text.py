"""A message from a phone as features see it: in one piece, with its text.

Owns: what is read from a deliver_sm for that, and what makes two of them the same.
Refuses to know: features, parts that are awaited (`assembly`), who gets the message (`inbox`).
"""

from __future__ import annotations

from hashlib import blake2b

from smppgw.core.address import normalise
from smppgw.core.content import octets_of
from smppgw.core.plugin import Mo
from smppgw.core.settings import NumberSettings
from smppgw.smpp import wire
from smppgw.sms import alphabet, reassemble
from smppgw.sms.reassemble import DataCodings

SIGNED = 1 << 63


def mo_of(
    id: int,
    at: int,
    carrier: str,
    origin: str,
    pdu: wire.DeliverSm,
    number: NumberSettings,
    data_codings: DataCodings,
    *,
    missing: int = 0,
    headless: bool = False,
    in_parts: bool = False,
) -> Mo:
    """What a deliver_sm says; octets that are no text in its alphabet are U+FFFD.

    A text behind a header with ports, or in an alphabet that is none, is "".
    """
    octets = octets_of(pdu)
    whole = reassemble.whole(pdu.esm_class, pdu.data_coding, octets, data_codings)
    read = (
        "" if whole.alphabet in alphabet.RAW else alphabet.decode(whole.octets, whole.alphabet).text
    )
    return Mo(
        id=id,
        at=at,
        carrier=carrier,
        origin=origin,
        source=normalise(pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi),
        source_ton=pdu.source_addr_ton,
        number=number,
        text=read,
        octets=octets,
        data_coding=pdu.data_coding,
        esm_class=pdu.esm_class,
        missing=missing,
        first_missing=headless,
        in_parts=in_parts,
    )


def fingerprint(mo: Mo) -> int:
    """64 bits, signed: the same for a message that its carrier sends a second time."""
    said = f"{mo.carrier}\0{mo.source}\0{mo.number.address}\0{mo.data_coding}\0{mo.esm_class}\0"
    digest = blake2b(said.encode() + mo.octets, digest_size=8).digest()
    return int.from_bytes(digest, "big") - SIGNED
