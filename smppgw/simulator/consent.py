"""Which phones have said STOP to which sender, as an aggregator with a short code keeps it.

Owns: who may not be written to any more, and the one confirmation that each STOP allows. Refuses to
know how a refusal is said (`behaviour`). Source: the rules of French short codes: STOP counts for
the code it was sent to, has to be confirmed, and may be typed with the code behind it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Final

MOST: Final = 1_000_000
"""Pairs of sender and phone that are remembered; of more, the oldest are forgotten."""

_CODE: Final = re.compile(r"(?:\s+AU)?\s+\d{4,5}$")


def keyword(text: str) -> str:
    """A text as keywords are compared: without accents, case, ends and a code behind it."""
    plain = unicodedata.normalize("NFKD", text)
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    return _CODE.sub("", bare.upper().strip(" .!?\r\n\t\"'"))


class Consent:
    """Phones by the sender that they do not want to hear from; one entry for each such pair."""

    def __init__(self) -> None:
        self._stopped: dict[tuple[str, str], bool] = {}
        """(sender, phone), and whether the confirmation is still allowed."""

    def __len__(self) -> int:
        return len(self._stopped)

    def heard(
        self, phone: str, sender: str, text: str, stop: Collection[str], start: Collection[str]
    ) -> None:
        """A phone has written to a sender; what matters is whether it is a keyword."""
        said = keyword(text)
        if said in stop:
            self._stopped[sender, phone] = True
            if len(self._stopped) > MOST:
                del self._stopped[next(iter(self._stopped))]
        elif said in start:
            self._stopped.pop((sender, phone), None)

    def allows(self, sender: str, phone: str) -> bool:
        """Whether a message may go; the first one after a STOP may, as its confirmation."""
        allowed = self._stopped.get((sender, phone))
        if allowed:
            self._stopped[sender, phone] = False
        return allowed is not False
