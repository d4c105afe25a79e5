"""Reassembly: the parts that a phone's message came in, as the message they were.

Owns: which part of which message some octets are, whether that part is there already, what parts
say together, and cutting that into parts again.
Refuses to know: PDUs, whose parts they are (the caller keeps the parts of different senders
apart), how long to wait for one. It never reads a text that it can join without reading it.
Source: 3GPP TS 23.040 9.2.3.24.1 and 9.2.3.24.8 (concatenation), 9.2.3.24.15 and 9.2.3.24.16
(national tables), SMPP 3.4 5.2.12 (esm_class), 5.3.2.22 to 5.3.2.24 (sar_*).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType

from attrs import Factory, define, field, frozen

from smppgw.sms import alphabet as alphabets
from smppgw.sms import packing, udh
from smppgw.sms.alphabet import RAW, Alphabet
from smppgw.sms.choose import CONCATENATION, Style
from smppgw.sms.cut import MEASURES, SEPTETS, SINGLE_OCTETS, Measure
from smppgw.sms.data_coding import read as meaning_of
from smppgw.sms.data_coding import resolve, write
from smppgw.sms.segment import MOST_PARTS, UDHI, behind_header
from smppgw.sms.udh import Concatenation, Element, Udh

DataCodings = Mapping[int, Alphabet]

LONGEST_HEADER = 131
"""Octets of a header beside which a part still holds a concatenation and any one character."""
_ESCAPE = b"\x1b"
_NONE: DataCodings = MappingProxyType({})
_NO_HEADER = Udh((), 0)
_HIGH, _LOW = range(0xD8, 0xDC), range(0xDC, 0xE0)
"""First octets of the halves of a surrogate pair."""
_BACK = 4
"""Octets that a cut goes back at most, to leave a character whole: what is longer is damaged."""


class Unjoinable(ValueError):
    """Parts that no one message says together; each of them is right as it came."""


@frozen
class Part:
    """One part of a message.

    `elements` is its header without the concatenation, `header` the octets that the header had on
    the wire, `locking` and `single` the national tables it names. `octets` begin behind it.
    """

    style: Style
    concatenation: Concatenation
    data_coding: int
    elements: tuple[Element, ...]
    header: int
    locking: int
    single: int
    octets: bytes = field(repr=False)

    @property
    def fingerprint(self) -> int:
        """64 bits, the same for two parts that say the same and for no others."""
        header = b"".join([bytes((one.id, len(one.data))) + one.data for one in self.elements])
        said = bytes((self.data_coding, len(header))) + header + self.octets
        return int.from_bytes(blake2b(said, digest_size=8).digest(), "big")


@frozen
class Whole:
    """A message in one piece: its header without concatenation, and its octets.

    `octets` are one a septet for GSM 7-bit, packed or not.
    """

    data_coding: int
    alphabet: Alphabet
    elements: tuple[Element, ...]
    octets: bytes = field(repr=False)

    @property
    def user_data(self) -> bytes:
        """Header, if there is one, and text, as the wire has them."""
        header = udh.build(self.elements)
        return header + behind_header(header, self.octets, self.alphabet)


@define(eq=False)
class Assembly:
    """Which parts of a message are there: sequence (from 1) -> `Part.fingerprint`."""

    total: int
    held: dict[int, int] = Factory(dict)

    @property
    def complete(self) -> bool:
        """Nothing is missing."""
        return len(self.held) == self.total


def repeated(assemblies: Iterable[Assembly], part: Part) -> bool:
    """Whether a part is there already, with the same content."""
    sequence = part.concatenation.sequence
    return any(one.held.get(sequence) == part.fingerprint for one in assemblies)


def home(assemblies: Sequence[Assembly], part: Part) -> Assembly | None:
    """The assembly that a part belongs to; None when it begins a new one.

    `assemblies` are those of one sender, reference and total, oldest first. A part that is there
    already and says something else is of another message with the same reference, and what comes
    after it is of that one as well, rather than of an older one that still waits.
    """
    newest = assemblies[-1] if assemblies else None
    if newest is None or part.concatenation.sequence in newest.held:
        return None
    return newest


def sar(reference: int | None, total: int | None, sequence: int | None) -> Concatenation | None:
    """What the values of the three TLVs sar_* say; None unless all are there and make sense."""
    if reference is None or total is None or sequence is None:
        return None
    if reference > 0xFFFF or not 0 < sequence <= total <= MOST_PARTS:
        return None
    return Concatenation(reference, total, sequence, True)


def read(
    esm_class: int, data_coding: int, octets: bytes, in_tlvs: Concatenation | None = None
) -> Part | None:
    """The part that these octets are, None when they are a message of their own.

    `octets` are short_message or message_payload, `in_tlvs` is from `sar`. A concatenation in the
    header goes before it; one with an impossible number counts for nothing.
    """
    header = _header(esm_class, octets)
    concatenation, style = header.concatenation, Style.UDH8
    if concatenation is None:
        concatenation, style = in_tlvs, Style.SAR
    elif concatenation.wide:
        style = Style.UDH16
    if concatenation is None:
        return None
    return Part(
        style,
        concatenation,
        data_coding,
        udh.remove(header.elements, udh.CONCATENATION_8),
        header.octets,
        header.locking,
        header.single,
        octets[header.octets :],
    )


def whole(
    esm_class: int, data_coding: int, octets: bytes, data_codings: DataCodings = _NONE
) -> Whole:
    """A message that came in one piece; a header that is none, or leaves no room, is text.

    `data_codings` are the values that mean something else at the peer it came from.
    """
    header = _header(esm_class, octets)
    if header.octets > LONGEST_HEADER:
        header = _NO_HEADER
    alphabet = _alphabet(data_coding, data_codings)
    return Whole(
        data_coding,
        alphabet,
        udh.remove(header.elements, udh.CONCATENATION_8),
        _one_an_octet(octets[header.octets :], header.octets, alphabet),
    )


def join(parts: Iterable[Part], data_codings: DataCodings = _NONE) -> Whole:
    """What the parts of one message say together; those that are missing say nothing.

    With one data_coding and one pair of national tables the octets are joined unread, so that a
    character cut in two becomes whole; only what a missing part has torn is left out. Otherwise
    each part is read by its own, and the message is UCS-2, of the class that all have. The header
    is that of the first part.

    Raises Unjoinable when parts that have to be read are no text or not all of it can be read, and
    when a later part has an element that the first has not (a picture, say: its place is counted
    from the beginning of its part).
    """
    ordered = sorted(parts, key=lambda part: part.concatenation.sequence)
    first = ordered[0]
    for part in ordered[1:]:
        if not set(_without_shifts(part)) <= set(_without_shifts(first)):
            raise Unjoinable("a later part has a header of its own")
    if all(_reading(part) == _reading(first) for part in ordered):
        alphabet = _alphabet(first.data_coding, data_codings)
        octets = _joined(ordered, alphabet)
        found = Whole(first.data_coding, alphabet, first.elements, octets)
    else:
        text = "".join([_text(part, data_codings) for part in ordered])
        classes = {meaning_of(part.data_coding).message_class for part in ordered}
        data_coding, _ = write(Alphabet.UCS2, classes.pop() if len(classes) == 1 else None)
        octets = alphabets.encode(text, Alphabet.UCS2)
        found = Whole(data_coding, Alphabet.UCS2, _without_shifts(first), octets)
    try:
        udh.build(found.elements)
    except ValueError as error:
        raise Unjoinable(str(error)) from error
    return found


def cut(message: Whole, reference: int) -> tuple[bytes, ...]:
    """Header and text of each part of a message, in order, references of 8 bits; one if it fits.

    Nothing is read: data_coding and every octet stay as they are. A part has no more than 140
    octets on the air, and tears no character unless that is damaged. Beyond 255 parts it is
    several messages, of consecutive references. Raises HeaderTooLong.
    """
    measure = MEASURES.get(message.alphabet, SINGLE_OCTETS)
    length = len(udh.build(message.elements))
    if len(message.octets) <= measure.room(length):
        return (message.user_data,)
    room = measure.room(max(length, 1) + CONCATENATION[Style.UDH8])
    pieces = _pieces(message.octets, room, measure)
    found = []
    for start in range(0, len(pieces), MOST_PARTS):
        share = pieces[start : start + MOST_PARTS]
        for sequence, piece in enumerate(share, 1):
            element = udh.concatenation(reference & 0xFF, len(share), sequence)
            header = udh.build((element, *message.elements))
            found.append(header + behind_header(header, piece, message.alphabet))
        reference += 1
    return tuple(found)


def _header(esm_class: int, octets: bytes) -> Udh:
    if not esm_class & UDHI:
        return _NO_HEADER
    try:
        return udh.parse(octets)
    except udh.MalformedUdh:
        return _NO_HEADER


def _alphabet(data_coding: int, data_codings: DataCodings) -> Alphabet:
    default = data_codings.get(0, Alphabet.GSM7)
    return resolve(data_coding, default, data_codings).alphabet or default


def _reading(part: Part) -> tuple[int, int, int]:
    """What its octets are read by."""
    return part.data_coding, part.locking, part.single


def _without_shifts(part: Part) -> tuple[Element, ...]:
    return udh.remove(udh.remove(part.elements, udh.LOCKING_SHIFT), udh.SINGLE_SHIFT)


def _one_an_octet(octets: bytes, header: int, alphabet: Alphabet) -> bytes:
    """Packed septets unpacked; anything else as it is."""
    if alphabet is not Alphabet.GSM7_PACKED:
        return octets
    return packing.unpack(octets, packing.fill_bits_behind(header), padding=b"\0\r")


def _text(part: Part, data_codings: DataCodings) -> str:
    alphabet = _alphabet(part.data_coding, data_codings)
    if alphabet in RAW and part.octets:
        raise Unjoinable(f"data_coding 0x{part.data_coding:02X} is no text, and others are")
    decoded = alphabets.decode(
        part.octets,
        alphabet,
        locking=part.locking,
        single=part.single,
        fill_bits=packing.fill_bits_behind(part.header),
    )
    if decoded.undecodable:
        raise Unjoinable(f"{decoded.undecodable} characters cannot be read")
    return decoded.text


def _joined(parts: Sequence[Part], alphabet: Alphabet) -> bytes:
    """The octets of parts in order; at a gap a character that lost its other half is left out."""
    runs: list[bytes] = []
    before = 0
    for part in parts:
        octets = _one_an_octet(part.octets, part.header, alphabet)
        sequence = part.concatenation.sequence
        if sequence == before + 1 and runs:
            runs[-1] += octets
        else:
            if runs:
                runs[-1] = _without_torn_end(runs[-1], alphabet)
            runs.append(_without_torn_start(octets, alphabet) if sequence > 1 else octets)
        before = sequence
    if before < parts[-1].concatenation.total:
        runs[-1] = _without_torn_end(runs[-1], alphabet)
    return b"".join(runs)


def _without_torn_end(octets: bytes, alphabet: Alphabet) -> bytes:
    if MEASURES.get(alphabet) is SEPTETS:
        escapes = len(octets) - len(octets.rstrip(_ESCAPE))
        return octets[:-1] if escapes % 2 else octets
    if alphabet is Alphabet.UCS2 or alphabet is Alphabet.UCS2_LE:
        octets = octets[: len(octets) & ~1]
        if _first_octet(octets[-2:], alphabet) in _HIGH:
            return octets[:-2]
    return octets


def _without_torn_start(octets: bytes, alphabet: Alphabet) -> bytes:
    if alphabet is Alphabet.UCS2 or alphabet is Alphabet.UCS2_LE:
        return octets[2:] if _first_octet(octets[:2], alphabet) in _LOW else octets
    return octets


def _first_octet(unit: bytes, alphabet: Alphabet) -> int:
    """The octet of a UTF-16 unit that tells a surrogate; 0 when there is no whole unit."""
    if len(unit) < 2:
        return 0
    return unit[0] if alphabet is Alphabet.UCS2 else unit[1]


def _pieces(octets: bytes, room: int, measure: Measure) -> list[bytes]:
    inside = measure.inside
    pieces = []
    start = 0
    while len(octets) - start > room:
        end = start + room
        if inside is not None:
            back = range(end, max(start, end - _BACK), -1)
            end = next((at for at in back if not inside(octets, at)), end)
        pieces.append(octets[start:end])
        start = end
    pieces.append(octets[start:])
    return pieces
