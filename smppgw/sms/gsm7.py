"""The GSM 7-bit alphabet: default, extension and national language tables, packed or not.

Owns: texts in septets, either one an octet (as SMPP carries them) or packed into octets.
Refuses to know: the user data header that announces tables and needs fill bits; how long a
message may be.
Source: 3GPP TS 23.038 6.1.2 and 6.2.1; SMPP 3.4 5.2.19 for the unpacked form.
"""

from __future__ import annotations

from functools import cache

from smppgw.sms import packing
from smppgw.sms.errors import UnencodableCharacter
from smppgw.sms.escaped import EscapedAlphabet
from smppgw.sms.national import ESC, LOCKING, SINGLE, UNASSIGNED

__all__ = ["UnencodableCharacter", "decode", "encode", "septets", "tables", "unencodable"]


def encode(
    text: str,
    packed: bool = False,
    *,
    locking: int = 0,
    single: int = 0,
    fill_bits: int = 0,
    cr_padded: bool = False,
) -> bytes:
    """Write a text, one septet an octet, or packed.

    `locking` and `single` are national language identifiers, 0 the default alphabet and its
    extension. `fill_bits` and `cr_padded` (see `packing.pack`) matter to packed texts only.
    Raises UnencodableCharacter, and ValueError for an identifier without tables.
    Source: 23.038 6.1.2.1, 6.2.1.
    """
    octets = tables(locking, single).encode(text)
    return packing.pack(octets, fill_bits, cr_padded=cr_padded) if packed else octets


def decode(
    octets: bytes,
    packed: bool = False,
    *,
    locking: int = 0,
    single: int = 0,
    fill_bits: int = 0,
    cr_padded: bool = False,
) -> str:
    """Read a text; U+FFFD stands for every octet without a character.

    A code after ESC that the single shift table lacks is the character of the locking table; ESC
    ESC, and an ESC at the end, are a space. An identifier without tables (the peer's header says
    it) means the default. A packed text that fills its octets and ends in a zero septet loses it:
    that is padding far oftener than "@"; with `cr_padded` the same goes for CR. Who knows the
    number of septets unpacks with `packing.unpack`. Never raises for any octets.
    Source: 23.038 6.1.2.1, 6.1.2.3.1, 6.2.1, 6.2.1.1.
    """
    if packed:
        octets = packing.unpack(octets, fill_bits, padding=b"\0\r" if cr_padded else b"\0")
    if locking not in LOCKING:
        locking = 0
    if single not in SINGLE:
        single = 0
    return tables(locking, single).decode(octets)


def septets(text: str, *, locking: int = 0, single: int = 0) -> int:
    """How many septets a text takes, two for a character after ESC.

    Raises UnencodableCharacter, and ValueError for an identifier without tables.
    """
    return tables(locking, single).length(text)


def unencodable(text: str, *, locking: int = 0, single: int = 0) -> tuple[int, ...]:
    """The positions, in code points, of all characters the tables lack; () when there are none.

    Raises ValueError for an identifier without tables.
    """
    return tables(locking, single).unencodable(text)


@cache
def tables(locking: int, single: int) -> EscapedAlphabet:
    """The alphabet made of a locking and a single shift table; built once.

    Raises ValueError for an identifier without tables.
    """
    if locking not in LOCKING or single not in SINGLE:
        raise ValueError(f"no tables for locking {locking}, single {single}")
    main = {
        code: character
        for code, character in enumerate(LOCKING[locking])
        if character != UNASSIGNED and code != ESC
    }
    return EscapedAlphabet(main, SINGLE[single], escape=ESC)
