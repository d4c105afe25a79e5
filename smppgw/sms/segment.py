"""Segmentation: a text, or 8-bit data, as the short messages that carry it.

Owns: the fields of each part: data_coding, esm_class, short_message with its header, or what goes
into TLVs instead; how many parts are too many.
Refuses to know: which alphabet fits (`choose`), where parts end (`cut`), what a reference number
is counted by, PDUs. It cuts nothing away: a text is sent whole or refused.
Source: 3GPP TS 23.040 9.2.3.24.1 and 9.2.3.24.8 (concatenation), SMPP 3.4 5.2.12 (esm_class),
5.3.2.22 to 5.3.2.24 (sar_*), 5.3.2.32 (message_payload).
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from smppgw.sms import udh
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.choose import Style, Terms, Written, fit, spoken, write
from smppgw.sms.cut import SINGLE_OCTETS, HeaderTooLong, keep_clusters
from smppgw.sms.errors import UnencodableCharacter
from smppgw.sms.explain import Culprit, culprits
from smppgw.sms.message_class import ClassStyle, MessageClass
from smppgw.sms.packing import fill_bits_behind, pack
from smppgw.sms.udh import Concatenation, Element

__all__ = [
    "Culprit",
    "HeaderTooLong",
    "Part",
    "Segmentation",
    "Style",
    "TooManyParts",
    "UnencodableCharacter",
    "behind_header",
    "segment",
    "segment_octets",
]

UDHI = 0x40
"""esm_class: short_message begins with a user data header."""
MOST_PARTS = 255
OWN_ELEMENTS = frozenset(
    {udh.CONCATENATION_8, udh.CONCATENATION_16, udh.SINGLE_SHIFT, udh.LOCKING_SHIFT}
)
"""Elements that are added where a text needs them, and by nobody else."""


class TooManyParts(ValueError):
    """A message needs more parts than are allowed: `needed`, `allowed`."""

    def __init__(self, needed: int, allowed: int) -> None:
        super().__init__(needed, allowed)
        self.needed = needed
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.needed} parts are needed, {self.allowed} allowed"


@define
class Part:
    """One message to submit.

    `units` are septets, UTF-16 units or octets, without the header. `short_message` is what goes
    into that field, header first when esm_class has 0x40; it is empty when `message_payload`, for
    the TLV of that name, is not None. `sar` holds the values of the three TLVs sar_*, and
    `dest_addr_subunit` the value of that one, each None when the TLV is not sent.
    """

    text: str = field(repr=False)
    units: int
    data_coding: int
    esm_class: int
    short_message: bytes = field(repr=False)
    sar: Concatenation | None = None
    message_payload: bytes | None = field(default=None, repr=False)
    dest_addr_subunit: int | None = None


@define
class Segmentation:
    """A message in parts.

    `text` is what the parts say together, `characters` its code points. `units` are those of all
    parts. `messages` is how many short messages reach the phone: as many as there
    are parts, more when the SMSC cuts a message_payload.
    """

    text: str = field(repr=False)
    alphabet: Alphabet
    characters: int
    units: int
    messages: int
    parts: tuple[Part, ...]
    _terms: Terms | None = field(default=None, repr=False)

    @property
    def culprits(self) -> tuple[Culprit, ...]:
        """The characters without which the message would be cheaper, by first position.

        Found when asked for: it takes longer than the segmentation.
        """
        return () if self._terms is None else culprits(self.text, self._terms)


def segment(
    text: str,
    *,
    alphabets: tuple[Alphabet, ...] = (Alphabet.GSM7, Alphabet.UCS2),
    languages: tuple[int, ...] = (),
    style: Style = Style.UDH8,
    reference: int = 0,
    maximum_parts: int = MOST_PARTS,
    message_class: MessageClass | None = None,
    class_style: ClassStyle = ClassStyle.F0,
    data_codings: Mapping[int, Alphabet] | None = None,
    elements: tuple[Element, ...] = (),
) -> Segmentation:
    """A text, written and cut.

    The first of `alphabets` that holds all of it is used (`cut.MEASURES` has those that can be);
    next to GSM 7-bit also the national tables of `languages`. No part exceeds 140 octets on the
    air, and no cut tears an escape pair or a surrogate pair, nor a grapheme cluster where leaving
    it whole costs no part. `reference` is taken modulo 256, with UDH16 and SAR modulo 65536.
    `elements` (ports, say) are in the header of every part; with SAR they bring concatenation into
    the header too, for a header and sar_* exclude each other. `data_codings` are the values that
    mean something else at the carrier.

    Raises UnencodableCharacter when no alphabet holds the text, TooManyParts, HeaderTooLong when
    `elements` leave no room, ValueError when they are none that can be added or no data_coding
    says the alphabet.
    """
    extra = _octets_of(elements) if elements else 0
    terms = Terms(alphabets, languages, style, extra)
    written = write(text, terms)
    data_coding, subunit = spoken(written.alphabet, message_class, class_style, data_codings)
    count = len(written.ends)
    _check(count, maximum_parts)
    shape = _Shape(style, reference, (*written.shifts, *elements), data_coding, subunit)
    return Segmentation(
        written.text,
        written.alphabet,
        len(written.text),
        len(written.octets) // written.measure.unit,
        count,
        shape.parts(written),
        terms,
    )


def segment_octets(
    octets: bytes,
    *,
    style: Style = Style.UDH8,
    reference: int = 0,
    maximum_parts: int = MOST_PARTS,
    message_class: MessageClass | None = None,
    class_style: ClassStyle = ClassStyle.F0,
    elements: tuple[Element, ...] = (),
) -> Segmentation:
    """8-bit data in parts of at most 140 octets, header included; without text.

    Everything else is as with `segment`.
    """
    extra = _octets_of(elements) if elements else 0
    terms = Terms((), (), style, extra)
    room, ends = fit(octets, SINGLE_OCTETS, terms)
    _check(len(ends), maximum_parts)
    data_coding, subunit = spoken(Alphabet.BINARY, message_class, class_style)
    shape = _Shape(style, reference, elements, data_coding, subunit)
    written = Written("", Alphabet.BINARY, SINGLE_OCTETS, octets, room, ends)
    return Segmentation("", Alphabet.BINARY, 0, len(octets), len(ends), shape.parts(written))


def _octets_of(elements: tuple[Element, ...]) -> int:
    for element in elements:
        if element.id in OWN_ELEMENTS:
            raise ValueError(f"element 0x{element.id:02X} is added where it is needed")
    return sum(2 + len(element.data) for element in elements)


def _check(needed: int, maximum_parts: int) -> None:
    allowed = min(maximum_parts, MOST_PARTS)
    if needed > allowed:
        raise TooManyParts(needed, allowed)


@define
class _Shape:
    """The fields that parts have in common."""

    style: Style
    reference: int
    elements: tuple[Element, ...]
    data_coding: int
    dest_addr_subunit: int | None

    def parts(self, written: Written) -> tuple[Part, ...]:
        if len(written.ends) == 1 or self.style is Style.PAYLOAD:
            return (self._whole(written),)
        return self._in_parts(written)

    def _whole(self, written: Written) -> Part:
        header = udh.build(self.elements) if self.elements else b""
        octets = header + behind_header(header, written.octets, written.alphabet)
        in_payload = len(written.ends) > 1
        return Part(
            written.text,
            len(written.octets) // written.measure.unit,
            self.data_coding,
            UDHI if header else 0,
            b"" if in_payload else octets,
            None,
            octets if in_payload else None,
            self.dest_addr_subunit,
        )

    def _in_parts(self, written: Written) -> tuple[Part, ...]:
        text, octets, measure = written.text, written.octets, written.measure
        cuts = keep_clusters(text, octets, written.room, measure, written.ends)
        in_tlvs = self.style is Style.SAR and not self.elements
        wide = self.style is Style.UDH16 or in_tlvs
        reference = self.reference & (0xFFFF if wide else 0xFF)
        total = len(cuts)
        first = b""
        if not in_tlvs:
            concatenation = udh.concatenation(reference, total, 1, wide)
            first = udh.build((concatenation, *self.elements))
        # Concatenation is the first element, and the sequence its last octet.
        place = 6 if wide else 5
        parts = []
        last = start = 0
        for sequence, (end_of_text, end) in enumerate(cuts, 1):
            header = first and first[:place] + bytes((sequence,)) + first[place + 1 :]
            parts.append(
                Part(
                    text[last:end_of_text],
                    (end - start) // measure.unit,
                    self.data_coding,
                    UDHI if header else 0,
                    header + behind_header(header, octets[start:end], written.alphabet),
                    Concatenation(reference, total, sequence, True) if in_tlvs else None,
                    None,
                    self.dest_addr_subunit,
                )
            )
            last, start = end_of_text, end
        return tuple(parts)


def behind_header(header: bytes, octets: bytes, alphabet: Alphabet) -> bytes:
    """A text as it stands behind its header, which may be empty: packed if its alphabet is.

    `octets` are one a septet for GSM 7-bit, packed or not.
    """
    if alphabet is not Alphabet.GSM7_PACKED:
        return octets
    fill_bits = fill_bits_behind(len(header))
    packed = pack(octets, fill_bits, cr_padded=True)
    if len(header) + len(packed) <= udh.OCTETS:
        return packed
    return pack(octets, fill_bits)
