"""Many phone numbers in little memory: eight octets each.

Owns: membership. Refuses to know: what it means to be in the set.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

RECENT = 10_000
"""Numbers that came or went since the last sorting, at most."""
LONGEST = 18
"""Digits of a number that fits into eight octets."""


class PhoneSet:
    """Numbers as digits; what is no number, or too long for one, is never in the set."""

    def __init__(self, phones: Iterable[str] = ()) -> None:
        self._sorted = array("Q", sorted({_value(one) for one in phones} - {0}))
        self._recent: dict[int, bool] = {}
        """Newer than `_sorted`: in the set, or not any more."""

    def __contains__(self, phone: str) -> bool:
        value = _value(phone)
        found = self._recent.get(value)
        return self._lies(value) if found is None else found

    def __bool__(self) -> bool:
        return bool(self._sorted or self._recent)

    def add(self, phone: str) -> None:
        """A number is in the set."""
        self._put(phone, inside=True)

    def discard(self, phone: str) -> None:
        """A number is not, or no longer."""
        self._put(phone, inside=False)

    def _put(self, phone: str, *, inside: bool) -> None:
        value = _value(phone)
        if not value:
            return
        self._recent[value] = inside
        if len(self._recent) > RECENT:
            kept = set(self._sorted)
            for one, stays in self._recent.items():
                (kept.add if stays else kept.discard)(one)
            self._sorted = array("Q", sorted(kept))
            self._recent = {}

    def _lies(self, value: int) -> bool:
        place = bisect_left(self._sorted, value)
        return place < len(self._sorted) and self._sorted[place] == value


def _value(phone: str) -> int:
    """A one before the digits keeps leading zeros apart; 0 for what is no number."""
    if not (phone.isascii() and phone.isdecimal() and len(phone) <= LONGEST):
        return 0
    return int(f"1{phone}")
