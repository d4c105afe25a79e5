"""data_coding: one octet for alphabet, message class and message waiting, read and written.

Owns: what each of the 256 values means and which value says what. 0x00 to 0x0F mean what SMPP
says, 0x10 and above what TS 23.038 says of TP-DCS, for that is what peers send.
Refuses to know: what the octets of an alphabet are (`alphabet`), which peer means what by 0x00 or
by any other value (the caller brings that bind's default and overrides), and PDUs.
Source: SMPP 3.4 5.2.19; 3GPP TS 23.038 section 4.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import cache

from attrs import evolve, frozen

from smppgw.sms.alphabet import Alphabet
from smppgw.sms.message_class import ClassStyle, MessageClass, class_of, subunit_of


class MwiType(enum.IntEnum):
    """What is waiting, in message waiting indication."""

    VOICEMAIL = 0
    FAX = 1
    EMAIL = 2
    OTHER = 3


@frozen
class Mwi:
    """Message waiting indication: what waits, whether it does, and whether the text is kept."""

    type: MwiType
    active: bool
    store: bool


@frozen
class DataCoding:
    """What a data_coding says.

    `alphabet` is None for 0x00, the default of the bind, and BINARY whenever the octets are no
    text that we read: 8-bit data, compressed text, reserved values. `automatic_deletion` asks the
    handset to delete the message once it is read.
    """

    alphabet: Alphabet | None
    message_class: MessageClass | None = None
    mwi: Mwi | None = None
    compressed: bool = False
    automatic_deletion: bool = False


_SMPP: tuple[Alphabet | None, ...] = (
    None,
    Alphabet.ASCII,
    Alphabet.BINARY,
    Alphabet.LATIN1,
    Alphabet.BINARY,
    Alphabet.JIS,
    Alphabet.CYRILLIC,
    Alphabet.HEBREW,
    Alphabet.UCS2,
    Alphabet.PICTOGRAM,
    Alphabet.MUSIC_CODES,
    Alphabet.BINARY,
    Alphabet.BINARY,
    Alphabet.EXTENDED_KANJI,
    Alphabet.EUC_KR,
    Alphabet.BINARY,
)
"""0x00 to 0x0F; 0x0B, 0x0C and 0x0F are reserved."""

_GENERAL = (Alphabet.GSM7, Alphabet.BINARY, Alphabet.UCS2, Alphabet.BINARY)
"""Bits 3 and 2 of TP-DCS; 3 is reserved."""


def _read(value: int) -> DataCoding:
    if value < 0x10:
        return DataCoding(_SMPP[value])
    if value < 0x80:
        compressed = bool(value & 0x20)
        return DataCoding(
            Alphabet.BINARY if compressed else _GENERAL[value >> 2 & 3],
            class_of(value),
            compressed=compressed,
            automatic_deletion=bool(value & 0x40),
        )
    if value < 0xC0:
        return DataCoding(Alphabet.BINARY)
    if value < 0xF0:
        mwi = Mwi(MwiType(value & 3), active=bool(value & 8), store=value >= 0xD0)
        return DataCoding(Alphabet.GSM7 if value < 0xE0 else Alphabet.UCS2, mwi=mwi)
    return DataCoding(Alphabet.BINARY if value & 4 else Alphabet.GSM7, class_of(value))


_MEANINGS = {value: _read(value) for value in range(256)}

_PLAIN = {
    **{alphabet: value for value, alphabet in enumerate(_SMPP) if alphabet is not None},
    Alphabet.BINARY: 0x04,
    Alphabet.UCS2_LE: 0x08,
}
"""data_coding of an alphabet without a class; 0x00 for any other."""

_CLASSED = {
    Alphabet.GSM7: 0x00,
    Alphabet.GSM7_PACKED: 0x00,
    Alphabet.BINARY: 0x04,
    Alphabet.UCS2: 0x08,
    Alphabet.UCS2_LE: 0x08,
}
"""Bits 3 and 2 of TP-DCS for the alphabets that data_coding can say along with a class."""


def read(data_coding: int) -> DataCoding:
    """What a data_coding of 0 to 255 says; raises ValueError for a number that is no octet."""
    try:
        return _MEANINGS[data_coding]
    except KeyError:
        raise ValueError(f"data_coding {data_coding} is not in 0..255") from None


def write(
    alphabet: Alphabet,
    message_class: MessageClass | None = None,
    style: ClassStyle = ClassStyle.F0,
) -> tuple[int, int | None]:
    """(data_coding, dest_addr_subunit or None) for a text in this alphabet and of this class.

    GSM 7-bit and the alphabets of single vendors are 0x00, the default of the bind. UCS-2 with a
    class is 0x18 to 0x1B in either style of data_coding. An alphabet that cannot be said along
    with a class (Latin-1, ISO-8859-5, ...) gets the class as dest_addr_subunit in every style.
    """
    plain = _PLAIN.get(alphabet, 0x00)
    if message_class is None:
        return plain, None
    bits = _CLASSED.get(alphabet)
    if bits is None or style is ClassStyle.SUBUNIT:
        return plain, subunit_of(message_class)
    group = 0xF0 if style is ClassStyle.F0 and bits != 0x08 else 0x10
    return group | bits | message_class, None


def resolve(data_coding: int, default: Alphabet, overrides: Mapping[int, Alphabet]) -> DataCoding:
    """What a data_coding says on one bind: `read`, with an alphabet that is never None.

    An override decides first, then the value itself, then the default. A bind whose default is
    packed packs every GSM 7-bit text, so GSM7 becomes GSM7_PACKED there unless overridden. Raises
    ValueError for a number that is no octet.
    """
    alphabet = overrides.get(data_coding)
    if alphabet is None:
        alphabet = read(data_coding).alphabet
        if alphabet is None or (alphabet is Alphabet.GSM7 and default is Alphabet.GSM7_PACKED):
            alphabet = default
    return _in_alphabet(data_coding, alphabet)


@cache
def _in_alphabet(data_coding: int, alphabet: Alphabet) -> DataCoding:
    return evolve(read(data_coding), alphabet=alphabet)


def parse_overrides(table: Mapping[str, str]) -> dict[int, Alphabet]:
    """Read a table as a configuration has it: `{"0x01": "gsm7", "3": "latin1-euro"}`.

    Keys are decimal or 0x and hexadecimal, values the names of `Alphabet`. Raises ValueError
    saying which entry is wrong and why.
    """
    overrides: dict[int, Alphabet] = {}
    for key, name in table.items():
        data_coding = _number(key)
        if data_coding in overrides:
            raise ValueError(f"data_coding 0x{data_coding:02X} is there twice")
        try:
            overrides[data_coding] = Alphabet(name)
        except ValueError:
            known = ", ".join(Alphabet)
            raise ValueError(f"{key}: {name!r} is no alphabet; there are {known}") from None
    return overrides


def _number(key: str) -> int:
    try:
        value = int(key, 16) if key.lower().startswith("0x") else int(key)
    except ValueError:
        value = -1
    if not 0 <= value <= 0xFF:
        raise ValueError(f"{key!r} is no data_coding: 0 to 255, or 0x00 to 0xFF")
    return value
