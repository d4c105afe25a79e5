"""Which alphabet a text is sent in: the first of an allow-list that holds it.

Owns: the order of trial, national shift tables where they are allowed, the data_coding to say it
with at a carrier that has its own meanings.
Refuses to know: single characters (`gsm7`, `alphabet`), where the text is cut (`cut`), PDUs.
Source: 3GPP TS 23.038 (alphabets, A.1 to A.3: tables), TS 23.040 9.2.3.24.15 and 9.2.3.24.16.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from itertools import product

from attrs import define, field

from smppgw.sms import alphabet as alphabets
from smppgw.sms import data_coding, gsm7
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.cut import MEASURES, SEPTETS, Measure, greedy
from smppgw.sms.errors import UnencodableCharacter
from smppgw.sms.message_class import ClassStyle, MessageClass, subunit_of
from smppgw.sms.udh import LOCKING_SHIFT, SINGLE_SHIFT, Element

NATIONAL = frozenset((Alphabet.GSM7, Alphabet.GSM7_PACKED))
"""Alphabets that national shift tables belong to; those of vendors have none."""
HOLDING_ALL = (Alphabet.UCS2, Alphabet.UCS2_LE, Alphabet.UTF8)
"""Alphabets that hold every text: what comes after one of them is never used."""


class Style(enum.StrEnum):
    """How a long message is sent."""

    UDH8 = "udh8"
    """In parts with a concatenation header, reference of 8 bits: 153 septets, 67 units."""
    UDH16 = "udh16"
    """The same with a reference of 16 bits: 152 septets, 66 units."""
    SAR = "sar"
    """In parts with the TLVs sar_*; parts are as with UDH8, for the SMSC makes that header."""
    PAYLOAD = "payload"
    """In one piece in the TLV message_payload; the SMSC cuts it."""


CONCATENATION = {Style.UDH8: 5, Style.UDH16: 6, Style.SAR: 5, Style.PAYLOAD: 5}
"""Octets of the element that each part has on the air, identifier and length included."""


_DEFAULT = gsm7.tables(0, 0)


@define
class Terms:
    """What decides how many parts a text needs.

    `languages` are the national tables (1 to 13) that may be used; `extra` is octets of further
    header elements, identifiers and lengths included.
    """

    alphabets: tuple[Alphabet, ...]
    languages: tuple[int, ...]
    style: Style
    extra: int


@define
class Written:
    """A text in the alphabet chosen for it, or 8-bit data without a text.

    `octets` has one octet a septet for GSM 7-bit, packed or not. `ends` is where parts end in them,
    `room` how many octets each can hold, `shifts` the elements that name national tables.
    """

    text: str = field(repr=False)
    alphabet: Alphabet
    measure: Measure
    octets: bytes = field(repr=False)
    room: int
    ends: list[int]
    shifts: tuple[Element, ...] = ()


def write(text: str, terms: Terms) -> Written:
    """Write a text in the first alphabet that holds it.

    National tables come right after GSM 7-bit: of those that hold the text the pair with the fewest
    parts, then the fewest septets. In an alphabet of all Unicode, surrogates that make a pair
    become its character and lone ones U+FFFD. Raises UnencodableCharacter when no alphabet holds
    the text (the first character that the last one lacks), HeaderTooLong, and ValueError for an
    alphabet that is not in MEASURES, or none.
    """
    fault: UnencodableCharacter | None = None
    for alphabet in terms.alphabets:
        measure = MEASURES.get(alphabet)
        if measure is None:
            raise ValueError(f"texts are not cut in {alphabet}")
        try:
            octets = _octets(text, alphabet)
        except UnencodableCharacter as error:
            fault = error
        else:
            return Written(text, alphabet, measure, octets, *fit(octets, measure, terms))
        if terms.languages and alphabet in NATIONAL:
            shifted = _shifted(text, alphabet, terms)
            if shifted is not None:
                return shifted
        if alphabet in HOLDING_ALL:
            return write(without_surrogates(text), terms)
    raise fault or ValueError("no alphabet is allowed")


def parts_needed(text: str, terms: Terms) -> int:
    """How many parts a text takes on the air; raises as `write`."""
    return len(write(text, terms).ends)


def fit(octets: bytes, measure: Measure, terms: Terms, shifts: int = 0) -> tuple[int, list[int]]:
    """(octets a part can hold, where each part ends); `shifts` is octets of shift elements."""
    extra = terms.extra + shifts
    room = measure.room(extra + 1 if extra else 0)
    if len(octets) <= room:
        return room, [len(octets)]
    room = measure.room(extra + 1 + CONCATENATION[terms.style])
    return room, greedy(octets, room, measure)


def spoken(
    alphabet: Alphabet,
    message_class: MessageClass | None = None,
    style: ClassStyle = ClassStyle.F0,
    overrides: Mapping[int, Alphabet] | None = None,
) -> tuple[int, int | None]:
    """(data_coding, dest_addr_subunit or None) at a carrier whose data_codings have own meanings.

    As `data_coding.write`, unless that value means something else there, as 0x00 does for whatever
    is not GSM 7-bit: then the lowest of the values that mean this alphabet. An alphabet that has
    no value anywhere is taken for what 0x00 means. Raises ValueError when 0x00 has another meaning.
    """
    value, subunit = data_coding.write(alphabet, message_class, style)
    if not overrides:
        return value, subunit
    own = Alphabet.GSM7 if value == 0 else alphabet
    if overrides.get(value, own) is alphabet:
        return value, subunit
    meaning = [value for value, meant in overrides.items() if meant is alphabet]
    if meaning:
        return min(meaning), None if message_class is None else subunit_of(message_class)
    if value in overrides:
        raise ValueError(f"data_coding 0x{value:02X} is not {alphabet} there, nor is any other")
    return value, subunit


def _octets(text: str, alphabet: Alphabet) -> bytes:
    if alphabet in NATIONAL:
        return _DEFAULT.encode(text)
    return alphabets.encode(text, alphabet)


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for lone surrogates, and a character for two that make a pair."""
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def _shifted(text: str, alphabet: Alphabet, terms: Terms) -> Written | None:
    """The text in the best pair of national tables; None when no pair holds it."""
    best: Written | None = None
    characters = frozenset(text)
    tables = (0, *terms.languages)
    for locking, single in product(tables, tables):
        shifted = gsm7.tables(locking, single)
        if not characters <= shifted.characters:
            continue
        octets = shifted.encode(text)
        shifts = _shift_elements(locking, single)
        room, ends = fit(octets, SEPTETS, terms, 3 * len(shifts))
        if best is None or (len(ends), len(octets)) < (len(best.ends), len(best.octets)):
            best = Written(text, alphabet, SEPTETS, octets, room, ends, shifts)
    return best


def _shift_elements(locking: int, single: int) -> tuple[Element, ...]:
    pairs = ((LOCKING_SHIFT, locking), (SINGLE_SHIFT, single))
    return tuple(Element(id, bytes((table,))) for id, table in pairs if table)
