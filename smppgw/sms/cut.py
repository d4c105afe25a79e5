"""Where a text is cut: how much a part holds, and what must not be torn.

Owns: sizes of parts, cuts that leave escape pairs, surrogate pairs and (when that costs no part)
grapheme clusters whole.
Refuses to know: how an alphabet is chosen and written, headers but for their length, PDUs.
Source: 3GPP TS 23.040 9.2.3.24 (140 octets), TS 23.038 6.1.2 (septets); grapheme clusters are a
small part of Unicode Annex 29.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable

from attrs import frozen

from smppgw.sms.alphabet import Alphabet
from smppgw.sms.udh import OCTETS

_ESCAPE = 0x1B
_LEAST = 4
"""Octets that a part must hold at least: the longest character of any alphabet."""


class HeaderTooLong(ValueError):
    """The user data header leaves no room for text."""


@frozen
class Measure:
    """How a family of alphabets fills a part.

    Octets here are those of `alphabet.encode`, one octet a septet for GSM 7-bit even when it is
    packed afterwards. `unit` is octets per unit, `bits` how many bits of a part one octet takes.
    `inside` says whether a cut before octet `at` would tear a character, None when each octet is
    one. `characters` counts those between two cuts.
    """

    name: str
    unit: int
    bits: int
    inside: Callable[[bytes, int], bool] | None
    characters: Callable[[bytes, int, int], int]

    def room(self, header: int) -> int:
        """Octets a part holds beside a header of so many octets, UDHL included.

        Raises HeaderTooLong when a character may not fit.
        """
        room = (OCTETS - header) * 8 // self.bits
        if room < _LEAST:
            raise HeaderTooLong(f"a header of {header} octets leaves no room for text")
        return room - room % self.unit


def _after_escape(octets: bytes, at: int) -> bool:
    return octets[at - 1] == _ESCAPE


def _low_surrogate(octets: bytes, at: int) -> bool:
    return at & 1 == 1 or 0xDC <= octets[at] <= 0xDF


def _low_surrogate_le(octets: bytes, at: int) -> bool:
    return at & 1 == 1 or 0xDC <= octets[at + 1] <= 0xDF


def _continuation(octets: bytes, at: int) -> bool:
    return octets[at] & 0xC0 == 0x80


def _not_escapes(octets: bytes, start: int, end: int) -> int:
    return end - start - octets.count(_ESCAPE, start, end)


def _decoded(decode: Callable[[bytes], tuple[str, int]]) -> Callable[[bytes, int, int], int]:
    return lambda octets, start, end: len(decode(octets[start:end])[0])


SEPTETS = Measure("septets", 1, 7, _after_escape, _not_escapes)
UTF16 = Measure("UTF-16 units", 2, 8, _low_surrogate, _decoded(codecs.utf_16_be_decode))
SINGLE_OCTETS = Measure("octets", 1, 8, None, lambda octets, start, end: end - start)

MEASURES = {
    Alphabet.GSM7: SEPTETS,
    Alphabet.GSM7_PACKED: SEPTETS,
    Alphabet.GSM7_TMOBILE_NL: SEPTETS,
    Alphabet.GSM7_VODAFONE_DE: SEPTETS,
    Alphabet.GSM7_VODAFONE_TR: SEPTETS,
    Alphabet.AIRWIDE_IA5: SEPTETS,
    Alphabet.UCS2: UTF16,
    Alphabet.UCS2_LE: Measure(
        "UTF-16 units", 2, 8, _low_surrogate_le, _decoded(codecs.utf_16_le_decode)
    ),
    Alphabet.UTF8: Measure("octets", 1, 8, _continuation, _decoded(codecs.utf_8_decode)),
    Alphabet.ASCII: SINGLE_OCTETS,
    Alphabet.LATIN1: SINGLE_OCTETS,
    Alphabet.LATIN1_EURO: SINGLE_OCTETS,
    Alphabet.CYRILLIC: SINGLE_OCTETS,
    Alphabet.HEBREW: SINGLE_OCTETS,
}
"""The alphabets in which a text can be sent in parts."""


def greedy(octets: bytes, room: int, measure: Measure, start: int = 0) -> list[int]:
    """Where each part ends when each takes as many characters as fit: the fewest parts.

    `room` is octets of a part, `start` where the first begins. The last end is that of the octets.
    """
    inside = measure.inside
    length = len(octets)
    ends = []
    at = start + room
    while at < length:
        if inside is not None:
            while inside(octets, at):
                at -= 1
        ends.append(at)
        at += room
    ends.append(length)
    return ends


def keep_clusters(
    text: str, octets: bytes, room: int, measure: Measure, ends: list[int]
) -> list[tuple[int, int]]:
    """(end in the text, end in the octets) of each part: `ends`, with clusters kept whole.

    A cut inside a cluster moves to where it begins, unless the rest would then need one part more
    or the cluster is longer than a part.
    """
    cuts = []
    first = start = place = 0
    while place < len(ends):
        end = ends[place]
        last = first + measure.characters(octets, start, end)
        if last < len(text) and continues(text, last):
            earlier = _cluster(text, octets, measure, last, end)
            if earlier[0] > first:
                rest = greedy(octets, room, measure, earlier[1])
                if len(rest) == len(ends) - place - 1:
                    last, end = earlier
                    ends[place + 1 :] = rest
        cuts.append((last, end))
        first, start = last, end
        place += 1
    return cuts


def _cluster(text: str, octets: bytes, measure: Measure, last: int, end: int) -> tuple[int, int]:
    """Where the cluster begins that goes on at `last` in the text and `end` in the octets."""
    while last > 0 and continues(text, last):
        last -= 1
        end -= 1
        while measure.inside is not None and measure.inside(octets, end):
            end -= 1
    return last, end


def continues(text: str, at: int) -> bool:
    """Whether the character at `at` belongs to the one before it, as a reader sees them.

    Marks, joined emoji, skin tones, flags, conjuncts and CR LF. `at` is at least 1.
    """
    character, before = text[at], text[at - 1]
    if character < "\u0300":
        return character == "\n" and before == "\r"
    if before == "\u200d" or character in "\u200c\u200d":
        return True
    if unicodedata.category(character)[0] == "M" or _extends(character):
        return True
    if _is_regional(character):
        return (at - _flags_begin(text, at)) % 2 == 1
    # A virama binds the consonant before it to the one after it.
    return unicodedata.combining(before) == 9 and unicodedata.category(character) == "Lo"


def _extends(character: str) -> bool:
    """Skin tones, tags of regional flags, vowels and finals of Hangul written in jamo."""
    return (
        "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
        or "\u1160" <= character <= "\u11ff"
    )


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_begin(text: str, at: int) -> int:
    while at > 0 and _is_regional(text[at - 1]):
        at -= 1
    return at
