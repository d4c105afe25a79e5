"""Message ids of carriers: finding the message a receipt speaks of.

Owns: the normal form under which the id of a submit_sm_resp is indexed, the normal forms under
which the id of a receipt is looked up, and per carrier which of them its receipts use.
Refuses to know: where the index is, what a message is. An id is a string, never a number: it may
be a UUID, have dots, or exceed 64 bits.

A carrier may write the same id in decimal in one place and in hexadecimal in the other, drop or
add zeros, change the case. All that but the base goes away in `canonical`, so one look-up covers
four forms and at most two more cover the bases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field, validators

EXACT = "exact"
TRIMMED = "trimmed"
CASE_FOLDED = "case-folded"
UNPADDED = "unpadded"
HEX_TO_DECIMAL = "hex-to-decimal"
DECIMAL_TO_HEX = "decimal-to-hex"

FORMS = (EXACT, TRIMMED, CASE_FOLDED, UNPADDED, HEX_TO_DECIMAL, DECIMAL_TO_HEX)
"""How the id in a receipt relates to the one in submit_sm_resp, the most trusted first.

exact: the same characters. trimmed: but for blanks and NULs around it. case-folded: but for case
as well. unpadded: but for leading zeros as well. hex-to-decimal: submit_sm_resp has the number in
hexadecimal, the receipt in decimal. decimal-to-hex: submit_sm_resp has it in decimal, the receipt
in hexadecimal.
"""

_SETTINGS = ("auto", EXACT, HEX_TO_DECIMAL, DECIMAL_TO_HEX)
_MEANINGS = {
    EXACT: "as in submit_sm_resp",
    HEX_TO_DECIMAL: "decimal of the hex in submit_sm_resp",
    DECIMAL_TO_HEX: "hex of the decimal in submit_sm_resp",
}

_ENOUGH = 20
"""Matches in a row that settle which form a carrier uses."""

SPARSE = 6
"""Characters from which the two readings of an id do not await receipts at the same time.

A carrier that counts 1, 2, 3 soon has a message "16" and a message "10", and a receipt for one
must not reach the other when it overtakes its submit_sm_resp. From 6 characters on the two
readings are about a million messages apart.
"""

_BLANKS = " \t\r\n\0"
_LEADING = _BLANKS + "0"
# message_id has at most 64 characters; the limit also bounds the cost of the conversions.
_DECIMAL = re.compile(r"[0-9]{1,64}").fullmatch
_HEX = re.compile(r"[0-9a-f]{1,64}").fullmatch


def canonical(id: str) -> str:
    """The key under which an id is stored and looked up: no blanks around, lower case, no zeros.

    Two ids have the same key only if they are equal but for case, leading zeros and the blanks
    (space, tab, line ends, NUL) around them. "" is no id (a submit_sm_resp without one) and must
    not be indexed; an id of zeros alone is "0".
    """
    trimmed = id.strip(_BLANKS).lower()
    return trimmed.lstrip(_LEADING) or trimmed[-1:]


def candidates(receipt_id: str) -> Iterator[tuple[str, str]]:
    """The keys to look up for the id of a receipt, each with the form it stands for, best first.

    Every key is canonical and comes once: EXACT stands for all forms that share the first key
    (`form_of` tells them apart). A later key counts only when the earlier ones found nothing.
    """
    key = canonical(receipt_id)
    if not key:
        return
    yield EXACT, key
    for form in (HEX_TO_DECIMAL, DECIMAL_TO_HEX):
        converted = _converted(form, key)
        if converted is not None and converted != key:
            yield form, converted


def form_of(receipt_id: str, response_id: str) -> str | None:
    """The first of `FORMS` in which the id of a receipt is that of a submit_sm_resp, or None.

    Where several messages share a key, the one whose form comes first in `FORMS` is meant.
    """
    if receipt_id == response_id:
        return EXACT
    receipt, response = receipt_id.strip(_BLANKS), response_id.strip(_BLANKS)
    if receipt == response:
        return TRIMMED
    if receipt.lower() == response.lower():
        return CASE_FOLDED
    key, wanted = canonical(receipt), canonical(response)
    if key == wanted:
        return UNPADDED
    for form in (HEX_TO_DECIMAL, DECIMAL_TO_HEX):
        if _converted(form, key) == wanted:
            return form
    return None


@define
class IdForms:
    """Which form the receipts of one carrier use: pinned by the operator, or learned.

    `setting` is "auto" or the pinned form: "exact" (same id but for blanks, case and zeros),
    "hex-to-decimal" (submit_sm_resp has hexadecimal, the receipt decimal) or "decimal-to-hex"
    (submit_sm_resp has decimal, the receipt hexadecimal). `counts` holds the matches per form.
    """

    setting: str = field(default="auto", validator=validators.in_(_SETTINGS))
    counts: dict[str, int] = field(init=False, factory=lambda: dict.fromkeys(FORMS, 0))
    form: str | None = field(init=False)
    """The form in force (EXACT for the four that share a key), None while undecided."""
    _last: str | None = field(init=False, default=None)
    _run: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.form = None if self.setting == "auto" else self.setting

    def candidates(self, receipt_id: str) -> Iterator[tuple[str, str]]:
        """The keys to look up, each with its form, in the order this carrier deserves.

        Pinned: only the pinned form. Learned: that form first, and the others only if the id is
        long enough not to be taken for another message. In both cases an id that cannot be in
        that form (letters g-z in a number) is looked up as if nothing were known.
        """
        form = self.form
        if form is None:
            yield from candidates(receipt_id)
            return
        key = canonical(receipt_id)
        if not key:
            return
        first = key if form == EXACT else _converted(form, key)
        if first is not None:
            yield form, first
            if self.setting != "auto" or len(key) < SPARSE:
                return
        for other, converted in candidates(receipt_id):
            if converted != first:
                yield other, converted

    def learned(self, form: str) -> bool:
        """Count a receipt that found its message in `form` (one of `FORMS`).

        20 in a row settle the form of the carrier, and 20 in a row of another one change it: then
        it returns True.
        """
        self.counts[form] += 1
        if form == self.form == self._last:
            return False
        if form not in _MEANINGS:
            form = EXACT
        if form != self._last:
            self._last = form
            self._run = 0
        self._run += 1
        if self._run < _ENOUGH or self.setting != "auto" or form == self.form:
            return False
        self.form = form
        return True

    def restore(self, form: str) -> None:
        """Take up the form learned before a restart; a pinned form stays."""
        if self.setting == "auto" and form in _MEANINGS:
            self.form = self._last = form
            self._run = _ENOUGH

    def describe(self) -> str:
        """One line for operators: the form in force, where that comes from, the matches so far."""
        total = sum(self.counts.values())
        counts = ", ".join(f"{form} {count:,}" for form, count in self.counts.items())
        if self.setting != "auto":
            return f"receipt ids: {_MEANINGS[self.setting]} (set; {total:,} receipts: {counts})"
        if self.form is None:
            return f"receipt ids: not learned yet ({self._run} of {_ENOUGH} receipts; {counts})"
        return f"receipt ids: {_MEANINGS[self.form]} (learned from {total:,} receipts: {counts})"


def _converted(form: str, key: str) -> str | None:
    """The key of the same number in the base of the submit_sm_resp, None if `key` is no number."""
    if form == HEX_TO_DECIMAL:
        return f"{int(key):x}" if _DECIMAL(key) else None
    return str(int(key, 16)) if _HEX(key) else None
