# ruff: noqa: RUF001 - characters that look alike are what this is about
"""Transliteration: what a text can be sent as in GSM 7-bit, with a report that gives it back.

Owns: which characters of GSM 7-bit stand for one that it lacks.
Refuses to know: whether a text should be changed at all (that is the sender's to allow), parts.
Source: Unicode Annex 15 (compatibility forms, bases of accented letters); the rest is custom.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from attrs import define, frozen

from smppgw.sms import gsm7
from smppgw.sms.errors import UnencodableCharacter

BASIC = frozenset(gsm7.decode(bytes((septet,))) for septet in range(128) if septet != 0x1B)
"""The characters of one septet."""
EXTENSION = frozenset(gsm7.decode(bytes((0x1B, septet))) for septet in range(128)) - BASIC
"""The characters of two septets."""

CHEAPER = {"[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "|": "/", "~": "-", "\f": "\n"}
"""What takes one septet instead of two; nothing stands for the euro."""

_LIKE = {
    "'": "‘’‚‛‹›′‵`´ʹʻʼʽˈˊˋ❛❜",
    '"': "“”„‟«»″‶〝〞〟❝❞ʺ¨",
    "-": "−⁃•‣●◦∙▪■⸺",
    "/": "⁄∕÷",
    "|": "¦",
    "_": "‗",
    "*": "∗⁎★☆✱",
    ".": "·",
    ",": "¸",
    "^": "ˆ",
    "~": "˜∼",
    "x": "×✕",
    "o": "°",
    "u": "µμ",
    "c": "¢",
    "d": "đð",
    "D": "ĐÐ",
    "f": "ƒ",
    "h": "ħ",
    "H": "Ħ",
    "i": "ı",
    "j": "ȷ",
    "k": "ĸ",
    "l": "ł",
    "L": "Ł",
    "t": "ŧ",
    "T": "Ŧ",
    "oe": "œ",
    "OE": "Œ",
    "th": "þ",
    "Th": "Þ",
    "ng": "ŋ",
    "NG": "Ŋ",
    "SS": "ẞ",
    "(C)": "©",
    "(R)": "®",
    "+/-": "±",
    "<=": "≤",
    ">=": "≥",
    "->": "→",
    "<-": "←",
    "=>": "⇒",
    " ": "\t",
    "\n": "\v\x85\u2028\u2029",
}
_STANDING = {
    **{character: text for text, characters in _LIKE.items() for character in characters},
    # Greek capitals that Latin ones are drawn like; GSM 7-bit has only the others.
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
}
_BY_CATEGORY = {"Zs": " ", "Pd": "-", "Cf": "", "Cc": ""}

_WITHIN = re.escape("".join(sorted(BASIC | EXTENSION)))
# A letter in pieces, base and marks, counts as one.
_LACKING = re.compile(rf"[^\W\d_][\u0300-\u036f]+|[^{_WITHIN}]")


@frozen
class Replacement:
    """At `position` (code points, from 0, of the original) `replacement` stands for `character`.

    A letter written in pieces is one `character` of several code points; `replacement` is of any
    length, empty for what cannot be seen.
    """

    position: int
    character: str
    replacement: str


@define
class Transliteration:
    """A text in other characters, and what they stand for, by position."""

    text: str
    replacements: tuple[Replacement, ...] = ()

    def original(self) -> str:
        """The text as it was."""
        pieces = []
        at = surplus = 0
        for one in self.replacements:
            start = one.position + surplus
            pieces += [self.text[at:start], one.character]
            at = start + len(one.replacement)
            surplus += len(one.replacement) - len(one.character)
        return "".join([*pieces, self.text[at:]])


def transliterate(text: str, *, letters: bool = True) -> Transliteration:
    """The text in characters of GSM 7-bit, if it can be.

    All or nothing: a text with one character that nothing stands for (an emoji, another script)
    needs UCS-2 whatever is done about the others, and is left as it is. Without `letters` only
    punctuation, spaces, symbols and compatibility forms may be replaced, not `ç` or `œ`.
    """
    try:
        gsm7.septets(text)
    except UnencodableCharacter:
        return _transliterate(text, letters)
    return Transliteration(text)


def _transliterate(text: str, letters: bool) -> Transliteration:
    replacements = []
    pieces = []
    at = 0
    for found in _LACKING.finditer(text):
        character = found[0]
        replacement = standing_for(character)
        if replacement is None or not (letters or _is_same(character, replacement)):
            return Transliteration(text)
        replacements.append(Replacement(found.start(), character, replacement))
        pieces += [text[at : found.start()], replacement]
        at = found.end()
    return Transliteration("".join([*pieces, text[at:]]), tuple(replacements))


@lru_cache(maxsize=4096)
def standing_for(character: str) -> str | None:
    """What stands for a character in GSM 7-bit: itself, others, "" for nothing, or None.

    A letter may be given in pieces. The longest that comes back is a handful of characters.
    """
    if _holds(character):
        return character
    compatible = unicodedata.normalize("NFKC", character)
    if _holds(compatible) and compatible != " ":
        return compatible
    if character in _STANDING:
        return _STANDING[character]
    if len(character) == 1:
        standing = _BY_CATEGORY.get(unicodedata.category(character))
        if standing is not None:
            return standing
    bases = [one for one in unicodedata.normalize("NFKD", character) if not _is_mark(one)]
    standing = "".join(_STANDING.get(one, one) for one in bases)
    return standing if _holds(standing) else None


def _holds(text: str) -> bool:
    return all(character in BASIC or character in EXTENSION for character in text)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _is_same(character: str, replacement: str) -> bool:
    """Whether a reader takes the replacement for the same: no letter lost anything."""
    letter = unicodedata.category(character[0])[0] == "L"
    return not letter or unicodedata.normalize("NFKC", character) == replacement
