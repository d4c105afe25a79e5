"""Messages from phones that are longer than one: the deliver_sm that say them.

Owns: the bodies of a message that is joined, cut in parts, or told to an ESME that knows no TLVs.
Refuses to know: which parts belong together (`assembly`), whose they are (`inbox`), alphabets.
Source: SMPP 3.4 sections 4.6, 5.2.12 (esm_class), 5.3.2.22 to 5.3.2.24 (sar_*), 5.3.2.32
(message_payload; of a text that is in short_message too, that one counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from attrs import define, evolve

from smppgw.core.content import LONGEST_PAYLOAD, MESSAGE_PAYLOAD, PART_TAGS, octets_of, part_of
from smppgw.smpp import wire
from smppgw.sms import reassemble, udh
from smppgw.sms.choose import Style
from smppgw.sms.cut import HeaderTooLong
from smppgw.sms.reassemble import DataCodings, Unjoinable, Whole
from smppgw.sms.segment import UDHI

PAYLOAD, PARTS, SPLIT = "payload", "parts", "split"
"""Values of the account setting `long_mo`."""
LONGEST_TEXT = 254
"""Octets of short_message."""
_DELIVER_SM = int(wire.CommandId.deliver_sm)
_OF_A_PART = frozenset((MESSAGE_PAYLOAD, *PART_TAGS, int(wire.Tag.more_messages_to_send)))
"""TLVs that are true of a part, or of where its text is, and not of the message."""


def deliver_sm_of(body: bytes) -> wire.DeliverSm:
    """The deliver_sm of a stored body."""
    return cast(wire.DeliverSm, wire.decode(wire.frame(_DELIVER_SM, 0, 1, body)))


def is_long(pdu: wire.DeliverSm) -> bool:
    """Whether its text does not fit into short_message."""
    return len(octets_of(pdu)) > LONGEST_TEXT


@define
class LongMo:
    """A message and the deliver_sm that brought it, or its first part."""

    pdu: wire.DeliverSm
    whole: Whole

    def in_one(self) -> bytes | None:
        """The body that says all of it; None when it is longer than any TLV."""
        octets = self.whole.user_data
        if len(octets) > LONGEST_PAYLOAD:
            return None
        return self._body(octets, bool(self.whole.elements))

    def in_parts(self, reference: int) -> list[bytes]:
        """The bodies of its parts, in order, each with 8-bit concatenation; one if that is enough.

        Raises HeaderTooLong.
        """
        found = reassemble.cut(self.whole, reference)
        headed = len(found) > 1 or bool(self.whole.elements)
        return [self._body(octets, headed) for octets in found]

    def _body(self, octets: bytes, headed: bool) -> bytes:
        tlvs = self.pdu.tlvs
        if len(octets) > LONGEST_TEXT:
            tlvs = ((MESSAGE_PAYLOAD, octets), *tlvs)
            octets = b""
        return wire.body_of(
            evolve(
                self.pdu,
                esm_class=self.pdu.esm_class & ~UDHI | (UDHI if headed else 0),
                data_coding=self.whole.data_coding,
                short_message=octets,
                tlvs=tlvs,
            )
        )


def single(pdu: wire.DeliverSm, data_codings: DataCodings) -> LongMo:
    """A message that came in one piece; `data_codings` are the carrier's own."""
    octets = octets_of(pdu)
    whole = reassemble.whole(pdu.esm_class, pdu.data_coding, octets, data_codings)
    return LongMo(evolve(pdu, tlvs=_of_the_message(pdu)), whole)


def joined(bodies: Sequence[bytes], data_codings: DataCodings) -> LongMo | None:
    """The message of these parts (bodies of deliver_sm in their order), even if some are missing.

    None when no one message says what they say. Everything that is not text is as in the first
    part; TLVs that only a later part has are kept as well.
    """
    pdus = [deliver_sm_of(body) for body in bodies]
    parts = [part for part in map(part_of, pdus) if part is not None]
    if len(parts) < len(pdus):
        return None
    try:
        whole = reassemble.join(parts, data_codings)
    except Unjoinable:
        return None
    tlvs: list[tuple[int, bytes]] = []
    for pdu in pdus:
        known = {tag for tag, _ in tlvs}
        tlvs += [one for one in _of_the_message(pdu) if one[0] not in known]
    return LongMo(evolve(pdus[0], tlvs=tuple(tlvs)), whole)


def written(
    how: str, bodies: list[bytes], data_codings: DataCodings, reference: int
) -> list[bytes]:
    """The bodies of a message that came in parts as an account wants it (`long_mo`).

    What no one message says, and what does not fit into one, goes as it came.
    """
    if how == PARTS:
        return bodies
    message = joined(bodies, data_codings)
    if message is None:
        return bodies
    if how == SPLIT:
        try:
            return message.in_parts(reference)
        except HeaderTooLong:
            return bodies
    body = message.in_one()
    return bodies if body is None else [body]


def without_tlvs(body: bytes) -> wire.DeliverSm | None:
    """A deliver_sm that says in its fields what this one says; None when its text does not fit.

    What sar_* say goes into a header.
    """
    pdu = deliver_sm_of(body)
    octets = octets_of(pdu)
    part = part_of(pdu)
    if part is not None and part.style is Style.SAR:
        number = part.concatenation
        element = udh.concatenation(
            number.reference, number.total, number.sequence, number.reference > 0xFF
        )
        try:
            octets = udh.build((element, *part.elements)) + part.octets
        except ValueError:  # as good as too long
            return None
        pdu.esm_class |= UDHI
    if len(octets) > LONGEST_TEXT:
        return None
    pdu.short_message = octets
    pdu.tlvs = ()
    return pdu


def cut(body: bytes, reference: int) -> list[bytes]:
    """The bodies, without TLVs, of a text that does not fit into short_message."""
    message = single(deliver_sm_of(body), {})
    message.pdu.tlvs = ()
    return message.in_parts(reference)


def _of_the_message(pdu: wire.DeliverSm) -> wire.Tlvs:
    return tuple(one for one in pdu.tlvs if one[0] not in _OF_A_PART)
