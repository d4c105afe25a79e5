"""Many phone numbers in little memory: eight octets each.

Owns: membership. Refuses to know: what it means to be in the set.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from itertools import groupby

PIECE = 2_000
"""Numbers in one sorted piece, at most: a change moves no more than these."""
LONGEST = 18
"""Digits of a number that fits into eight octets."""


class PhoneSet:
    """Numbers as digits; what is no number, or too long for one, is never in the set."""

    def __init__(self, phones: Iterable[str] = ()) -> None:
        sorted_ones = array("Q", sorted(array("Q", filter(None, map(_value, phones)))))
        found = array("Q", (one for one, _ in groupby(sorted_ones)))
        half = max(1, PIECE // 2)
        self._pieces = [found[place : place + half] for place in range(0, len(found), half)]
        """Sorted, and all of one before all of the next; none is empty."""
        self._firsts = array("Q", (piece[0] for piece in self._pieces))

    def __contains__(self, phone: str) -> bool:
        value = _value(phone)
        number = bisect_right(self._firsts, value) - 1
        if number < 0:
            return False
        piece = self._pieces[number]
        place = bisect_left(piece, value)
        return place < len(piece) and piece[place] == value

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, phone: str) -> None:
        """A number is in the set."""
        value = _value(phone)
        if not value or phone in self:
            return
        if not self._pieces:
            self._pieces.append(array("Q", [value]))
            self._firsts.append(value)
            return
        number = max(0, bisect_right(self._firsts, value) - 1)
        piece = self._pieces[number]
        insort(piece, value)
        self._firsts[number] = piece[0]
        if len(piece) > PIECE:
            half = len(piece) // 2
            self._pieces[number : number + 1] = [piece[:half], piece[half:]]
            self._firsts.insert(number + 1, piece[half])

    def discard(self, phone: str) -> None:
        """A number is not, or no longer."""
        if phone not in self:
            return
        value = _value(phone)
        number = bisect_right(self._firsts, value) - 1
        piece = self._pieces[number]
        del piece[bisect_left(piece, value)]
        if piece:
            self._firsts[number] = piece[0]
        else:
            del self._pieces[number], self._firsts[number]


def _value(phone: str) -> int:
    """A one before the digits keeps leading zeros apart; 0 for what is no number."""
    if not (phone.isascii() and phone.isdecimal() and len(phone) <= LONGEST):
        return 0
    return int(f"1{phone}")
