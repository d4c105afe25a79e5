"""What a message says, as its carrier takes it: as it is, written anew, or in parts.

Owns: when a submit_sm can go unchanged, and the submit_sm that carry its text when it cannot.
Refuses to know: how texts are written and cut (`sms`), where reference numbers come from, and what
becomes of the parts (`parts`).
Source: SMPP 3.4 sections 5.2.12 (esm_class), 5.2.19 (data_coding), 5.3.2.1 (dest_addr_subunit),
5.3.2.22 to 5.3.2.24 (sar_*), 5.3.2.32 (message_payload); 3GPP TS 23.038, TS 23.040.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import cast

from attrs import evolve, field, frozen

from smppgw.core.settings import CarrierSettings
from smppgw.core.texts import text_terms
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus
from smppgw.sms import alphabet as alphabets
from smppgw.sms import packing, reassemble, udh
from smppgw.sms.alphabet import RAW, Alphabet, Decoded
from smppgw.sms.choose import NATIONAL, Style, spoken
from smppgw.sms.cut import MEASURES, SINGLE_OCTETS, HeaderTooLong
from smppgw.sms.data_coding import DataCoding, parse_overrides, resolve
from smppgw.sms.message_class import MessageClass, class_of
from smppgw.sms.segment import (
    OWN_ELEMENTS,
    UDHI,
    Part,
    Segmentation,
    TooManyParts,
    UnencodableCharacter,
    segment,
    segment_octets,
)
from smppgw.sms.transliterate import transliterate
from smppgw.sms.udh import Udh

LONGEST_PAYLOAD = 0xFFFF
"""Octets of message_payload."""
LONGEST_PLAIN = 160
"""Octets of short_message up to which data_coding 0 is one message in GSM 7-bit."""
_SUBMIT_SM = int(wire.CommandId.submit_sm)
MESSAGE_PAYLOAD = int(wire.Tag.message_payload)
_SUBUNIT = int(wire.Tag.dest_addr_subunit)
PART_TAGS = (
    int(wire.Tag.sar_msg_ref_num),
    int(wire.Tag.sar_total_segments),
    int(wire.Tag.sar_segment_seqnum),
)
_TEXT_TAGS = frozenset((MESSAGE_PAYLOAD, _SUBUNIT, *PART_TAGS))
_NO_HEADER = Udh((), 0)


def is_plain(body: bytes) -> bool:
    """Whether a submit_sm body is a text with data_coding 0 that needs no header and no TLV."""
    source = body.index(0) + 3
    destination = body.index(0, source) + 3
    esm_class = body.index(0, destination) + 1
    schedule = body.index(0, esm_class + 3)
    validity = body.index(0, schedule + 1)
    length = body[validity + 5]
    return not (
        body[esm_class]
        or body[validity + 3]
        or length > LONGEST_PLAIN
        or len(body) != validity + 6 + length
    )


def submit_sm_of(body: bytes) -> wire.SubmitSm:
    """The submit_sm with these octets behind its header; they are ours, hence right."""
    return cast(wire.SubmitSm, wire.decode(wire.frame(_SUBMIT_SM, 0, 1, body)))


def octets_of(pdu: wire.SubmitSm | wire.DeliverSm) -> bytes:
    """Header and text of a message, wherever they are; they may be too long for short_message."""
    return pdu.short_message or wire.tlv(pdu, MESSAGE_PAYLOAD) or b""


def part_of(pdu: wire.SubmitSm | wire.DeliverSm) -> reassemble.Part | None:
    """The part of a longer text that a PDU brings; None when it brings a text of its own."""
    if not (pdu.esm_class & UDHI or pdu.tlvs):
        return None
    in_tlvs = None
    if pdu.tlvs:
        in_tlvs = reassemble.sar(*(wire.tlv_int(pdu, tag) for tag in PART_TAGS))
    return reassemble.read(pdu.esm_class, pdu.data_coding, octets_of(pdu), in_tlvs)


def without_class(pdu: wire.SubmitSm, writing: Writing) -> wire.SubmitSm | None:
    """The same message for the phone's usual place; None when it has no class to lose."""
    said = _Said(pdu, writing)
    if said.message_class is None or said.keeps:
        return None
    data_coding, _ = spoken(said.alphabet, overrides=writing.overrides)
    tlvs = tuple(one for one in pdu.tlvs if one[0] != _SUBUNIT)
    return evolve(pdu, data_coding=data_coding, tlvs=tlvs)


class Unfit(Exception):
    """A text that its carrier cannot take: `command_status` for the sender, and why in words."""

    def __init__(self, command_status: int, reason: str) -> None:
        super().__init__(reason)
        self.command_status = command_status


@frozen
class Writing:
    """What the data_coding values of one peer mean: 0x00, and those it uses in its own way."""

    default: Alphabet = Alphabet.GSM7
    overrides: Mapping[int, Alphabet] = {}
    smart: str = "off"
    """What may stand for characters that GSM 7-bit lacks, as `smart_encoding` of an account."""
    plain: bool = field(init=False)
    """data_coding 0 is GSM 7-bit, an octet a septet."""

    @plain.default
    def _is_plain(self) -> bool:
        return self.overrides.get(0, self.default) is Alphabet.GSM7

    def meaning(self, data_coding: int) -> DataCoding:
        """What a data_coding says in it; never without an alphabet."""
        return resolve(data_coding, self.default, self.overrides)


def writing_of(table: Mapping[str, str], smart: str = "off") -> Writing:
    """The writing of a peer with these `data_codings` (and `smart_encoding`) in its settings."""
    overrides = parse_overrides(table)
    return Writing(overrides.get(0, Alphabet.GSM7), overrides, smart)


class Content:
    """Texts for one carrier; made once, used for every message to it."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._terms = text_terms(settings)
        self.writing = writing_of(settings.data_codings)
        """How texts that were made for it have to be read."""
        self.plain = self.writing.plain and Alphabet.GSM7 in self._terms["alphabets"]
        """A short text with data_coding 0 in GSM 7-bit goes as it is."""

    def fit(
        self, pdu: wire.SubmitSm, writing: Writing, reference: Callable[[], int]
    ) -> list[wire.SubmitSm] | None:
        """The submit_sm that say what this one says; None when it goes as it is.

        So does a text with octets that are none in its alphabet: written anew it would lose them.
        No submit_sm at all for a part that its sender cut as the carrier does not take it: joined
        with the others it may fit. `writing` is how its sender writes; `reference` is called when
        parts need a number. Raises Unfit.
        """
        try:
            said = _Said(pdu, writing)
            if said.in_parts:
                return None if self._goes_in_parts(said) else []
            if self._goes(said) or not said.readable:
                return None
        except (udh.MalformedUdh, HeaderTooLong) as error:
            raise Unfit(CommandStatus.ESME_RINVESMCLASS, str(error)) from error
        try:
            found = self._segment(said, 0)
            if len(found.parts) > 1:
                found = self._segment(said, reference())
        except TooManyParts as error:
            raise Unfit(CommandStatus.ESME_RINVMSGLEN, str(error)) from error
        except UnencodableCharacter as error:
            raise Unfit(CommandStatus.ESME_RINVDCS, f"no alphabet for it: {error}") from error
        except (HeaderTooLong, ValueError) as error:
            raise Unfit(CommandStatus.ESME_RINVESMCLASS, str(error)) from error
        return [_submit_sm(pdu, part, said) for part in found.parts]

    def _goes_in_parts(self, said: _Said) -> bool:
        """Whether a part that its sender cut is one as the carrier takes them."""
        styles = (Style.UDH8, Style.UDH16) if said.header.concatenation else (Style.SAR,)
        return self._terms["style"] in styles and self._goes(said)

    def _goes(self, said: _Said) -> bool:
        """Whether the carrier would take it as it is, and read what was meant."""
        if said.in_payload or said.size > said.room:  # there may be a smaller alphabet, too
            return False
        if self._has_own_class(said) and self._spoken(said) != said.spoken:
            return False
        return said.raw or self._reads(said)

    def _reads(self, said: _Said) -> bool:
        """Whether the carrier takes texts in this alphabet, and knows it by this data_coding."""
        terms, header = self._terms, said.header
        tables = {header.single, header.locking} - {0}
        if said.alphabet not in terms["alphabets"] or not tables <= set(terms["languages"]):
            return False
        if self._has_own_class(said):
            return True
        theirs = self.writing.meaning(said.pdu.data_coding)
        return theirs.alphabet is said.alphabet and (said.keeps or theirs.message_class is None)

    @staticmethod
    def _has_own_class(said: _Said) -> bool:
        """It has a class, which carriers are told in their own ways."""
        return said.message_class is not None and not said.keeps

    def _spoken(self, said: _Said) -> tuple[int, int | None]:
        terms = self._terms
        alphabet = Alphabet.BINARY if said.raw else said.alphabet
        return spoken(alphabet, said.message_class, terms["class_style"], terms["data_codings"])

    def _segment(self, said: _Said, reference: int) -> Segmentation:
        terms = self._terms
        if said.raw:
            return segment_octets(
                said.octets,
                style=terms["style"],
                reference=reference,
                maximum_parts=terms["maximum_parts"],
                message_class=said.message_class,
                class_style=terms["class_style"],
                elements=said.elements,
            )
        if said.keeps:  # and so its alphabet stays
            terms = {**terms, "alphabets": (said.alphabet,)}
        text = said.text
        if said.smart != "off" and not NATIONAL.isdisjoint(terms["alphabets"]):
            text = transliterate(text, letters=said.smart == "letters").text
        return segment(
            text,
            reference=reference,
            message_class=said.message_class,
            elements=said.elements,
            **terms,
        )


class _Said:
    """A submit_sm taken apart: header, octets, alphabet, class."""

    def __init__(self, pdu: wire.SubmitSm, writing: Writing) -> None:
        self.pdu = pdu
        self.smart = writing.smart
        everything = octets_of(pdu)
        self.in_payload = bool(everything) and not pdu.short_message
        self.header = udh.parse(everything) if pdu.esm_class & UDHI else _NO_HEADER
        self.octets = everything[self.header.octets :]
        meaning = writing.meaning(pdu.data_coding)
        assert meaning.alphabet is not None  # noqa: S101  (resolve names one)
        self.alphabet = meaning.alphabet
        self.raw = self.alphabet in RAW or self.alphabet not in MEASURES
        self.keeps = (
            meaning.compressed
            or meaning.automatic_deletion
            or meaning.mwi is not None
            or (self.raw and self.alphabet is not Alphabet.BINARY)
        )
        """data_coding says what no other value says: it stays."""
        subunit = wire.tlv_int(pdu, _SUBUNIT)
        self.message_class: MessageClass | None = class_of(pdu.data_coding, subunit)
        self.spoken = (pdu.data_coding, subunit)

    @property
    def in_parts(self) -> bool:
        """Its sender has cut it already: this is one part of several."""
        concatenation = self.header.concatenation
        if concatenation is not None:
            return concatenation.total > 1
        total = wire.tlv_int(self.pdu, PART_TAGS[1])
        return total is not None and total > 1

    @property
    def size(self) -> int:
        """Octets of the text, one a septet for GSM 7-bit that is not packed."""
        return len(self.octets)

    @property
    def room(self) -> int:
        """How many of them one short message holds beside its header."""
        packed = self.raw or self.alphabet is Alphabet.GSM7_PACKED
        measure = SINGLE_OCTETS if packed else MEASURES[self.alphabet]
        return measure.room(self.header.octets)

    @property
    def elements(self) -> tuple[udh.Element, ...]:
        """What its header says beside concatenation and alphabet."""
        return tuple(one for one in self.header.elements if one.id not in OWN_ELEMENTS)

    @property
    def readable(self) -> bool:
        """It is no text, or every octet is part of one."""
        return self.raw or not self._decoded.undecodable

    @property
    def text(self) -> str:
        """Its text; octets that are none in its alphabet are U+FFFD."""
        return self._decoded.text

    @cached_property
    def _decoded(self) -> Decoded:
        header = self.header
        return alphabets.decode(
            self.octets,
            self.alphabet,
            locking=header.locking,
            single=header.single,
            fill_bits=packing.fill_bits_behind(header.octets),
        )


def _submit_sm(pdu: wire.SubmitSm, part: Part, said: _Said) -> wire.SubmitSm:
    """The submit_sm of a part: everything else is as its sender wrote it."""
    tlvs = [one for one in pdu.tlvs if one[0] not in _TEXT_TAGS]
    if part.message_payload is not None:
        tlvs.append((MESSAGE_PAYLOAD, part.message_payload))
    if part.dest_addr_subunit is not None:
        tlvs.append((_SUBUNIT, bytes((part.dest_addr_subunit,))))
    if part.sar is not None:
        tlvs += zip(
            PART_TAGS,
            (
                part.sar.reference.to_bytes(2, "big"),
                bytes((part.sar.total,)),
                bytes((part.sar.sequence,)),
            ),
            strict=True,
        )
    return evolve(
        pdu,
        data_coding=pdu.data_coding if said.keeps else part.data_coding,
        esm_class=pdu.esm_class & ~UDHI | part.esm_class,
        short_message=part.short_message,
        tlvs=tuple(tlvs),
    )
