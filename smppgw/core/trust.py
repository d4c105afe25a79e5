"""How far a link is trusted: what it may have unanswered once answers do not come.

Owns: the doubt whether the peer is there at all.
Refuses to know: messages, sessions and clocks; times are seconds of any one clock.
"""

from __future__ import annotations


class Trust:
    """Starts full; an answer that did not come raises a doubt, and any PDU of the peer ends it."""

    __slots__ = ("_unheard_since", "full")

    def __init__(self) -> None:
        self.full = True
        """Nothing speaks against using the whole window."""
        self._unheard_since: float | None = None

    def doubt(self, heard: float) -> None:
        """Allow nothing more until the peer, last heard at `heard`, is heard again."""
        self._unheard_since = heard
        self.full = False

    def renew(self) -> None:
        """There is a new session, which says nothing yet."""
        self._unheard_since = None
        self.full = True

    def room(self, window: int, taken: int, heard: float) -> int:
        """Return how many more than `taken` may be unanswered; the peer was last heard at `heard`.

        What counts is that the time differs: a clock that steps back must not hold a link up.
        """
        if self._unheard_since == heard:
            return 0
        self.renew()
        return window - taken
