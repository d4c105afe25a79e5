"""The GSM 7-bit default alphabet, its extension, and the national language tables.

Owns: which character each septet means, in each locking and single shift table.
Refuses to know: how a text is written with them (gsm7.py), which table a message announces
(udh.py).
Source: 3GPP TS 23.038 6.2.1 and Annex A; identifiers 6.2.1.2.4. Where published copies differ
(Hindi 0x00-0x02, Kannada 0x24, Malayalam single 0x40, Telugu single 0x65, Urdu 0x60) the reading
that fits the other languages is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

UNASSIGNED = "\ufffe"
"""Stands in a locking table where there is no character."""

ESC = 0x1B
"""The septet that shifts the next one into the single shift table."""

NAMES: Mapping[int, str] = MappingProxyType(
    {
        0: "default",
        1: "turkish",
        2: "spanish",
        3: "portuguese",
        4: "bengali",
        5: "gujarati",
        6: "hindi",
        7: "kannada",
        8: "malayalam",
        9: "oriya",
        10: "punjabi",
        11: "tamil",
        12: "telugu",
        13: "urdu",
    }
)
"""National language identifier -> language; Bengali is also Assamese."""

_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

_LETTERS = "abcdefghijklmnopqrstuvwxyz"

_INDIC = (
    "\u0901\u0902\u0903\u0905\u0906\u0907\u0908\u0909\u090a\u090b\n\u090c\u090d\r\u090e\u090f"
    "\u0910\u0911\u0912\u0913\u0914\u0915\u0916\u0917\u0918\u0919\u091a\x1b\u091b\u091c\u091d\u091e"
    " !\u091f\u0920\u0921\u0922\u0923\u0924)(\u0925\u0926,\u0927.\u0928"
    "0123456789:;\u0929\u092a\u092b?"
    "\u092c\u092d\u092e\u092f\u0930\u0931\u0932\u0933\u0934\u0935\u0936\u0937\u0938\u0939\u093c\u093d"
    "\u093e\u093f\u0940\u0941\u0942\u0943\u0944\u0945\u0946\u0947\u0948\u0949\u094a\u094b\u094c\u094d"
)
"""The first 96 codes of the Indic locking tables, here in Devanagari.

All Indic scripts have the same layout, which is the one of their Unicode blocks.
"""
_DEVANAGARI = 0x0900

_INDIC_SIGNS = {
    **dict(enumerate("@£$¥¿\"¤%&'\f*+")),
    **dict(enumerate("-/<=>¡^¡_#*", 0x0E)),
    **{0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"},
    **dict(enumerate(_LETTERS.upper(), 0x41)),
}
"""What the single shift tables of the Indic languages and of Urdu have in common."""


def _characters(ranges: str) -> str:
    """The characters of blank-separated hexadecimal code points and ranges of them."""
    found: list[str] = []
    for one in ranges.split():
        first, _, last = one.partition("-")
        found += map(chr, range(int(first, 16), int(last or first, 16) + 1))
    return "".join(found)


def _changed(changes: Mapping[int, str]) -> str:
    """The default alphabet with other characters at some codes."""
    table = list(_DEFAULT)
    for code, character in changes.items():
        table[code] = character
    return "".join(table)


def _indic(block: int, absent: str, last: str) -> str:
    """The locking table of an Indic script.

    `block` is its first code point, `absent` what of the common layout it lacks (low octets),
    `last` the characters of the codes 0x60 and 0x7B-0x7F.
    """
    lacks = {_DEVANAGARI + int(low, 16) for low in absent.split()}
    head = "".join(
        character
        if character < chr(_DEVANAGARI)
        else UNASSIGNED
        if ord(character) in lacks
        else chr(ord(character) - _DEVANAGARI + block)
        for character in _INDIC
    )
    tail = _characters(last)
    return head + tail[0] + _LETTERS + tail[1:]


def _indic_single(ranges: str) -> Mapping[int, str]:
    """The common signs, and the characters of the language from 0x19 on, where no sign is."""
    free = [code for code in range(0x19, 0x40) if code != ESC and code not in _INDIC_SIGNS]
    table = _INDIC_SIGNS | dict(zip(free, _characters(ranges), strict=False))
    return {code: table[code] for code in sorted(table) if table[code] != UNASSIGNED}


_URDU = (
    _characters("0627 0622 0628 067B 0680 067E 06A6 062A 06C2 067F")
    + "\n"
    + _characters("0679 067D D 067A 067C 062B 062C 0681 0684 0683 0685 0686 0687 062D-062F 1B")
    + _characters("068C 0688-068A")
    + " !"
    + _characters("068F 068D 0630 0631 0691 0693")
    + ")("
    + _characters("0699 0632 2C 0696 2E 0698")
    + "0123456789:;"
    + _characters("069A 0633 0634 3F")
    + _characters("0635-0639 0641 0642 06A9-06AB 06AF 06B3 06B1 0644-0646")
    + _characters("06BA-06BC 0648 06C4 06D5 06C1 06BE 0621 06CC 06D0 06D2 064D 0650 064F 0657 0654")
    + _LETTERS
    + _characters("0655 0651 0653 0656 0670")
)

LOCKING: Mapping[int, str] = MappingProxyType(
    {
        0: _DEFAULT,
        1: _changed(
            {0x04: "€", 0x07: "\u0131", 0x0B: "Ğ", 0x0C: "ğ"}
            | {0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"}
        ),
        2: _DEFAULT,
        3: _changed(
            dict(enumerate("êéúíóç\nÔô\rÁá", 0x04))
            | dict(enumerate("ªÇÀ∞^\\€Ó|\x1bÂâÊ", 0x12))
            | {0x24: "º", 0x40: "Í", 0x5B: "Ã", 0x5C: "Õ", 0x5D: "Ú"}
            | {0x60: "~", 0x7B: "ã", 0x7C: "õ", 0x7D: "`"}
        ),
        4: _indic(
            0x0980, "0D 0E 11 12 29 31 33 34 35 45 46 49 4A", "09CE 09D7 09DC 09DD 09F0 09F1"
        ),
        5: _indic(0x0A80, "0E 12 29 31 34 46 4A", "0AD0 0AE0-0AE3 0AF1"),
        6: _indic(0x0900, "", "0950 0972 097B 097C 097E 097F"),
        7: _indic(0x0C80, "01 0D 11 29 34 45 49", "0CD5 0CD6 0CE0-0CE3"),
        8: _indic(0x0D00, "01 0D 11 29 3C 45 49", "0D57 0D60-0D63 0D79"),
        9: _indic(0x0B00, "0D 0E 11 12 29 31 34 45 46 49 4A", "0B56 0B57 0B60-0B63"),
        10: _indic(0x0A00, "0B 0C 0D 0E 11 12 29 31 34 37 3D 43 44 45 46 49 4A", "0A51 0A70-0A74"),
        11: _indic(
            0x0B80,
            "01 0B 0C 0D 11 16 17 18 1B 1D 20 21 22 25 26 27 2B 2C 2D 3C 3D 43 44 45 49",
            "0BD0 0BD7 0BF0-0BF2 0BF9",
        ),
        12: _indic(0x0C00, "0D 11 29 34 3C 45 49", "0C55 0C56 0C60-0C63"),
        13: _URDU,
    }
)
"""Identifier -> the 128 characters of its locking shift table; 0 is the default alphabet.

ESC stands for itself at 0x1B, UNASSIGNED where there is no character. Spanish (2) has no locking
table of its own: the default alphabet.
"""

SINGLE: Mapping[int, Mapping[int, str]] = MappingProxyType(
    {
        0: _EXTENSION,
        1: _EXTENSION
        | {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "\u0131", 0x73: "ş"},
        2: _EXTENSION
        | {0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú"}
        | {0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú"},
        3: _EXTENSION
        | {0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x1F: "Ê"}
        | dict(enumerate("ΦΓ^ΩΠΨΣΘ", 0x12))
        | {0x41: "À", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x5B: "Ã", 0x5C: "Õ"}
        | {0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú", 0x7B: "ã", 0x7C: "õ", 0x7F: "â"},
        4: _indic_single("09E6-09EF 09DF-09E3 09F2-09FA"),
        5: _indic_single("0964 0965 0AE6-0AEF"),
        6: _indic_single("0964-096F 0951-0954 0958-0963 0970 0971"),
        7: _indic_single("0964 0965 0CE6-0CEF 0CDE 0CF1 0CF2"),
        8: _indic_single("0964 0965 0D66-0D75 0D7A-0D7F"),
        9: _indic_single("0964 0965 0B66-0B6F 0B5C 0B5D 0B5F 0B70 0B71"),
        10: _indic_single("0964 0965 0A66-0A6F 0A59-0A5C 0A5E 0A75"),
        11: _indic_single("0964 0965 0BE6-0BEF 0BF3-0BF8 0BFA"),
        12: _indic_single("FFFE FFFE 0C66-0C6F 0C58 0C59 0C78-0C7F"),
        13: _indic_single(
            "0600 0601 06F0-06F9 060C-0614 061B 061F 0640 0652 0658 066B 066C 0672 0673 06CD 06D4"
        ),
    }
)
"""Identifier -> code after ESC -> character of its single shift table; 0 is the extension.

0x0D and 0x1B are control codes there and have no character. A character that stands at two codes
(Indic "*" and "¡") is written with the first.
"""
