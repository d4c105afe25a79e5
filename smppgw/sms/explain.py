"""Which characters make a message dearer, what they cost, and what would not.

Owns: the search for them, and the sentence that tells people.
Refuses to know: how a text is written and cut (`choose`, `cut`), prices.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from attrs import frozen

from smppgw.sms import alphabet as alphabets
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.choose import Terms, Written, parts_needed, write
from smppgw.sms.cut import SEPTETS
from smppgw.sms.transliterate import CHEAPER, EXTENSION, standing_for

_SHOWN = 5
"""Characters, and positions of each, that a sentence names."""
_UNSEEN = {"": "nothing", " ": "a space", "\n": "a line end"}


@frozen
class Culprit:
    """A character without which a message would be cheaper.

    `positions` are its places in the text, code points from 0. `alphabet` is the one that would do
    without it. `replacement` is what could stand in its place at the lower price: "" for nothing at
    all (it cannot be seen), None when nothing can. The text takes `parts` as it is and
    `parts_without` when every culprit is replaced or, without replacement, left out.
    """

    character: str
    positions: tuple[int, ...]
    alphabet: Alphabet
    replacement: str | None
    parts: int
    parts_without: int


def culprits(text: str, terms: Terms) -> tuple[Culprit, ...]:
    """The characters that keep a text from the first alphabet, or from fewer parts in it.

    Those of the first kind are culprits even when they cost no part; of the second kind are the
    characters of two septets, when they do. By first position. Raises as `choose.write`.
    """
    written = write(text, terms)
    first = terms.alphabets[0]
    if written.alphabet is first and not written.shifts:
        return _of_two_septets(written, terms)
    lacking = _places(written.text, alphabets.unencodable(written.text, first))
    standing = {one: _standing(first, one) for one in lacking}
    return _culprits(written, terms, lacking, standing)


def _of_two_septets(written: Written, terms: Terms) -> tuple[Culprit, ...]:
    if len(written.ends) == 1 or written.measure is not SEPTETS:
        return ()
    double = _places(written.text, [at for at, one in enumerate(written.text) if one in EXTENSION])
    standing = {one: CHEAPER.get(one) for one in double}
    found = _culprits(written, terms, double, standing)
    return tuple(one for one in found if one.parts_without < one.parts)


def _culprits(
    written: Written,
    terms: Terms,
    places: dict[str, list[int]],
    standing: dict[str, str | None],
) -> tuple[Culprit, ...]:
    without = written.text.translate({ord(one): text or "" for one, text in standing.items()})
    parts, parts_without = len(written.ends), parts_needed(without, terms)
    return tuple(
        Culprit(one, tuple(at), terms.alphabets[0], standing[one], parts, parts_without)
        for one, at in places.items()
    )


def _places(text: str, positions: Iterable[int]) -> dict[str, list[int]]:
    """Each character that stands at one of these positions, and at which of them."""
    places: dict[str, list[int]] = {}
    for at in positions:
        places.setdefault(text[at], []).append(at)
    return places


def _standing(alphabet: Alphabet, character: str) -> str | None:
    standing = standing_for(character)
    if standing is None or alphabets.unencodable(standing, alphabet):
        return None
    return standing


def sentence(culprits: Sequence[Culprit]) -> str:
    """What a person reads: `€ at 14 turns 1 part into 2; nothing stands for it`.

    Positions count from 1 here. Empty without culprits.
    """
    if not culprits:
        return ""
    one = culprits[0]
    named = [f"{visible(each.character)} at {_listed(_places_of(each))}" for each in culprits]
    several = len(culprits) > 1
    if one.parts_without < one.parts:
        what = f"turn{'' if several else 's'} {_parts(one.parts_without)} into {one.parts}"
        remedy = _remedy(culprits, "would not")
    else:
        what = f"{'are' if several else 'is'} not in {one.alphabet}, which costs no part"
        remedy = _remedy(culprits, "would do")
    return f"{_listed(named)} {what}; {remedy}"


def _places_of(culprit: Culprit) -> list[str]:
    return [str(position + 1) for position in culprit.positions]


def _remedy(culprits: Sequence[Culprit], verdict: str) -> str:
    standing = [visible(one.replacement) for one in culprits if one.replacement]
    unseen = [visible(one.character) for one in culprits if one.replacement == ""]
    alone = [visible(one.character) for one in culprits if one.replacement is None]
    remedies = [
        f"{_listed(list(dict.fromkeys(standing)))} {verdict}" if standing else "",
        f"without {_listed(unseen)} it reads the same" if unseen else "",
        _nothing(alone, culprits),
    ]
    return ", ".join(one for one in remedies if one)


def _nothing(alone: list[str], culprits: Sequence[Culprit]) -> str:
    if len(alone) == len(culprits):
        return f"nothing stands for {'it' if len(alone) == 1 else 'them'}"
    return f"nothing stands for {_listed(alone)}" if alone else ""


def visible(text: str) -> str:
    """A character, or what stands for one, for people: by code point and name when unseen."""
    if text in _UNSEEN:
        return _UNSEEN[text]
    if len(text) > 1 or unicodedata.category(text)[0] not in "CZM":
        return text
    name = unicodedata.name(text, "").lower()
    return f"U+{ord(text):04X} ({name})" if name else f"U+{ord(text):04X}"


def _listed(items: Sequence[str]) -> str:
    shown = list(items[:_SHOWN])
    if len(items) > _SHOWN:
        shown.append(f"{len(items) - _SHOWN} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _parts(count: int) -> str:
    return f"{count} part{'' if count == 1 else 's'}"
