"""Alphabets of one octet a character, with a second table behind an escape octet.

Owns: reading and writing such an alphabet, given its tables.
Refuses to know: which alphabets there are (gsm7.py, vendor.py).
Source: the mechanism of 3GPP TS 23.038 6.2.1 (main table, ESC, extension table).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import final

from smppgw.sms.errors import UnencodableCharacter

REPLACEMENT = "\ufffd"
"""Stands in a text for what could not be decoded."""

_NONE: Mapping[int, str] = MappingProxyType({})
_UNASSIGNED = "\ufffe"
"""What a character map of Python holds where there is no character."""
_FILLER = 0xFF
"""Where others have an escape, before it is deleted: an octet that no table writes."""


@final
class EscapedAlphabet:
    """Reads and writes texts with a main table and an extension table.

    `main` gives the character of an octet, `extension` that of an octet after `escape`.
    `also_read` are octets of the main table that are understood and never written; it goes before
    `main`, so that nothing is written that reads as something else. A character is written from
    the main table if it can be, then with the octet that comes first in its table. All tables
    together write at most 255 characters besides NUL, all of the BMP, and no octet 0xFF.
    """

    __slots__ = (
        "_encoding",
        "_escape",
        "_first",
        "_plain",
        "_reading",
        "_second",
        "_shift",
        "_shifted",
        "characters",
    )

    characters: frozenset[str]
    """Every character that can be written."""

    def __init__(
        self,
        main: Mapping[int, str],
        extension: Mapping[int, str],
        *,
        escape: int = 0x1B,
        also_read: Mapping[int, str] = _NONE,
    ) -> None:
        read = {**main, **also_read, escape: chr(escape)}
        self._reading = "".join(read.get(octet, _UNASSIGNED) for octet in range(256))
        self._escape = bytes([escape])
        self._shift = re.compile(re.escape(self._escape) + b".?", re.DOTALL)
        self._shifted = {self._escape + bytes([octet]): REPLACEMENT for octet in range(256)}
        for octet, character in {**read, **extension, escape: " "}.items():
            self._shifted[self._escape + bytes([octet])] = character
        self._shifted[self._escape] = " "

        written: dict[str, tuple[int, int]] = {}
        for octet, character in main.items():
            if read[octet] == character:
                written.setdefault(character, (_FILLER, octet))
        for octet, character in extension.items():
            written.setdefault(character, (escape, octet))
        self.characters = frozenset(written)
        # Python's fastest character map finds the index of a character in a string of up to 256
        # that begins with NUL, but only one octet. So a text becomes indices first.
        order = ["\0", *(character for character in written if character != "\0")]
        octets = [written.get(character, (_FILLER, 0)) for character in order]
        self._encoding = codecs.charmap_build("".join(order))
        self._first = bytes(first for first, _ in octets).ljust(256)
        self._second = bytes(second for _, second in octets).ljust(256)
        self._plain = bytes(index for index, (first, _) in enumerate(octets) if first == _FILLER)

    def encode(self, text: str) -> bytes:
        """Write a text. Raises UnencodableCharacter."""
        indices = self._indices(text)
        if not indices.translate(None, self._plain):
            return indices.translate(self._second)
        octets = bytearray(2 * len(indices))
        octets[::2] = indices.translate(self._first)
        octets[1::2] = indices.translate(self._second)
        return bytes(octets.translate(None, b"\xff"))

    def length(self, text: str) -> int:
        """How many octets a text takes. Raises UnencodableCharacter."""
        indices = self._indices(text)
        return len(indices) + len(indices.translate(None, self._plain))

    def decode(self, octets: bytes) -> str:
        """Read a text; REPLACEMENT stands for every octet without a character.

        An octet after the escape that the extension lacks is the character of the main table, two
        escapes are a space, and so is an escape at the end. Never raises.
        """
        if self._escape not in octets:
            return codecs.charmap_decode(octets, "replace", self._reading)[0]
        shifted = [self._shifted[pair] for pair in self._shift.findall(octets)]
        shifted.append("")
        rest = self._shift.sub(self._escape, octets)
        plain = codecs.charmap_decode(rest, "replace", self._reading)[0].split(chr(self._escape[0]))
        return "".join([before + after for before, after in zip(plain, shifted, strict=True)])

    def unencodable(self, text: str) -> tuple[int, ...]:
        """The positions of all characters that cannot be written."""
        try:
            self._indices(text)
        except UnencodableCharacter:
            known = self.characters
            return tuple([at for at, character in enumerate(text) if character not in known])
        return ()

    def _indices(self, text: str) -> bytes:
        """The index of each character, an octet each. Raises UnencodableCharacter."""
        try:
            indices = codecs.charmap_encode(text, "strict", self._encoding)[0]
        except UnicodeEncodeError as error:
            at = error.start
        else:
            if 0 not in indices or "\0" in self.characters:
                return indices
            at = len(text)
        if "\0" not in self.characters:
            nul = text.find("\0", 0, at)
            at = at if nul < 0 else nul
        raise UnencodableCharacter(at, text[at])
