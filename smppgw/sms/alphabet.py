"""The alphabets of short messages: octets into text and back.

Owns: the name of each alphabet, and reading and writing it.
Refuses to know: which data_coding means which alphabet (data_coding.py, and the settings of a
bind), headers, parts.
Source: SMPP 3.4 5.2.19; 3GPP TS 23.038 6; the vendors' own are in vendor.py.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from attrs import define, field

from smppgw.sms import gsm7, vendor
from smppgw.sms.errors import UnencodableCharacter
from smppgw.sms.escaped import REPLACEMENT, EscapedAlphabet

__all__ = [
    "RAW",
    "Alphabet",
    "Decoded",
    "UnencodableCharacter",
    "decode",
    "encode",
    "unencodable",
]


class Alphabet(enum.StrEnum):
    """What the octets of a short message are written in; the values are for settings."""

    GSM7 = "gsm7"
    """GSM 7-bit, one septet an octet: what SMPP usually carries."""
    GSM7_PACKED = "gsm7-packed"
    """GSM 7-bit, eight septets in seven octets, seven spare bits filled with CR."""
    ASCII = "ascii"
    LATIN1 = "latin1"
    """ISO 8859-1, in which 0x80-0x9F are read as Windows-1252 and not written."""
    LATIN1_EURO = "latin1-euro"
    """Windows-1252, hence Latin-1 with the euro at 0x80, both read and written."""
    CYRILLIC = "iso8859-5"
    HEBREW = "iso8859-8"
    EUC_KR = "euc-kr"
    """KS C 5601, at most two octets a character."""
    UCS2 = "ucs2"
    """UTF-16, big-endian."""
    UCS2_LE = "ucs2-le"
    UTF8 = "utf8"
    BINARY = "binary"
    JIS = "jis-x-0208"
    EXTENDED_KANJI = "jis-x-0212"
    MUSIC_CODES = "iso-2022-jp-music"
    PICTOGRAM = "pictogram"
    GSM7_TMOBILE_NL = "gsm7-tmobile-nl"
    GSM7_VODAFONE_DE = "gsm7-vodafone-de"
    GSM7_VODAFONE_TR = "gsm7-vodafone-tr"
    AIRWIDE_IA5 = "airwide-ia5"
    HP_ROMAN8 = "hp-roman8"


RAW = frozenset(
    {
        Alphabet.BINARY,
        Alphabet.JIS,
        Alphabet.EXTENDED_KANJI,
        Alphabet.MUSIC_CODES,
        Alphabet.PICTOGRAM,
    }
)
"""Alphabets that are passed through: the octets are the message, and no text stands for them."""

_CODECS = {
    Alphabet.ASCII: "ascii",
    Alphabet.LATIN1: "latin-1",
    Alphabet.LATIN1_EURO: "cp1252",
    Alphabet.CYRILLIC: "iso8859-5",
    Alphabet.HEBREW: "iso8859-8",
    Alphabet.EUC_KR: "euc-kr",
    Alphabet.UCS2: "utf-16-be",
    Alphabet.UCS2_LE: "utf-16-le",
    Alphabet.UTF8: "utf-8",
}
_VENDORS: Mapping[Alphabet, Callable[[], EscapedAlphabet]] = MappingProxyType(
    {
        Alphabet.GSM7_TMOBILE_NL: vendor.tmobile_nl,
        Alphabet.GSM7_VODAFONE_DE: vendor.vodafone_de,
        Alphabet.GSM7_VODAFONE_TR: vendor.vodafone_tr,
        Alphabet.AIRWIDE_IA5: vendor.airwide_ia5,
        Alphabet.HP_ROMAN8: vendor.hp_roman8,
    }
)
_NOT_LATIN1 = re.compile("[^\x00-\x7f\xa0-\xff]")
_HANGUL_FILLER = b"\xa4\xd4"


@define
class Decoded:
    """A text, and how much of the octets is not in it.

    `undecodable` counts the U+FFFD that stand for octets, not those the sender wrote, and an odd
    octet dropped from UCS-2.
    """

    text: str = field(repr=False)
    undecodable: int


def decode(
    octets: bytes,
    alphabet: Alphabet,
    *,
    locking: int = 0,
    single: int = 0,
    fill_bits: int = 0,
) -> Decoded:
    """Read octets, without the user data header, as text.

    `locking` and `single` (national language identifiers) matter to GSM 7-bit, `fill_bits` to
    packed GSM 7-bit; see `gsm7.decode`. U+FFFD stands for octets without a character and for a
    surrogate without its other half. Octets of RAW alphabets have no text: it is empty, nothing
    is undecodable, and the octets are the message. Never raises for any octets.
    Source: SMPP 3.4 5.2.19, 23.038 6.2.
    """
    if alphabet is Alphabet.GSM7:
        text = gsm7.decode(octets, locking=locking, single=single)
    elif alphabet in _CODECS:
        return _decode(octets, alphabet)
    elif alphabet is Alphabet.GSM7_PACKED:
        text = gsm7.decode(
            octets, True, locking=locking, single=single, fill_bits=fill_bits, cr_padded=True
        )
    elif alphabet in RAW:
        return Decoded("", 0)
    else:
        text = _VENDORS[alphabet]().decode(octets)
    return Decoded(text, text.count(REPLACEMENT))


def encode(
    text: str, alphabet: Alphabet, *, locking: int = 0, single: int = 0, fill_bits: int = 0
) -> bytes:
    """Write a text as octets.

    The keywords are those of `decode`. Nothing is replaced: raises UnencodableCharacter at the
    first character the alphabet lacks, which in RAW alphabets is every one; ValueError for a
    national language identifier without tables.
    Source: SMPP 3.4 5.2.19, 23.038 6.2.
    """
    if alphabet is Alphabet.GSM7:
        return gsm7.encode(text, locking=locking, single=single)
    if alphabet in _CODECS:
        return _encode(text, alphabet)
    if alphabet is Alphabet.GSM7_PACKED:
        return gsm7.encode(
            text, True, locking=locking, single=single, fill_bits=fill_bits, cr_padded=True
        )
    if alphabet not in RAW:
        return _VENDORS[alphabet]().encode(text)
    if text:
        raise UnencodableCharacter(0, text[0])
    return b""


def unencodable(
    text: str, alphabet: Alphabet, *, locking: int = 0, single: int = 0
) -> tuple[int, ...]:
    """The positions, in code points, of all characters the alphabet lacks; () when none.

    Raises ValueError for a national language identifier without tables.
    """
    if alphabet is Alphabet.GSM7 or alphabet is Alphabet.GSM7_PACKED:
        return gsm7.unencodable(text, locking=locking, single=single)
    if alphabet in _VENDORS:
        return _VENDORS[alphabet]().unencodable(text)
    try:
        encode(text, alphabet)
    except UnencodableCharacter:
        lacks = {character for character in set(text) if _lacks(alphabet, character)}
        return tuple([at for at, character in enumerate(text) if character in lacks])
    return ()


def _lacks(alphabet: Alphabet, character: str) -> bool:
    try:
        encode(character, alphabet)
    except UnencodableCharacter:
        return True
    return False


def _decode(octets: bytes, alphabet: Alphabet) -> Decoded:
    codec = _CODECS[alphabet]
    dropped = 0
    if alphabet is Alphabet.LATIN1:
        codec = "cp1252"
    elif len(octets) % 2 and (alphabet is Alphabet.UCS2 or alphabet is Alphabet.UCS2_LE):
        octets = octets[:-1]
        dropped = 1
    try:
        return Decoded(octets.decode(codec), dropped)
    except UnicodeDecodeError:
        text = octets.decode(codec, "replace")
        written = octets.decode(codec, "ignore").count(REPLACEMENT)
        return Decoded(text, text.count(REPLACEMENT) - written + dropped)


def _encode(text: str, alphabet: Alphabet) -> bytes:
    if alphabet is Alphabet.LATIN1 and not text.isascii():
        lacking = _NOT_LATIN1.search(text)
        if lacking is not None:
            raise UnencodableCharacter(lacking.start(), lacking.group())
    try:
        octets = text.encode(_CODECS[alphabet])
    except UnicodeEncodeError as error:
        raise UnencodableCharacter(error.start, text[error.start]) from None
    if alphabet is Alphabet.EUC_KR and _HANGUL_FILLER in octets:
        _refuse_composed(text)
    return octets


def _refuse_composed(text: str) -> None:
    """Raise UnencodableCharacter at a syllable that KS C 5601 lacks.

    Python makes eight octets of one, beginning with the filler; few peers read them.
    """
    for at, character in enumerate(text):
        if character.encode("euc-kr").startswith(_HANGUL_FILLER):
            raise UnencodableCharacter(at, character)
