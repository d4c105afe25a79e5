"""How many unanswered submits a peer lets us have, as its refusals show.

Owns: the arithmetic of a window that is learned. Times are seconds of any one clock, given with
each call.
Refuses to know: clocks, links, and what else follows a refusal (see `refusals`).
Source: SMPP 3.4 section 5.1.3: ESME_RMSGQFUL says that a queue is full, and not how long it is.

When a submit is refused while others are unanswered, the peer works on those, and each answer makes
room for another submit: there is nothing to wait for, only fewer to send at once. A third fewer,
again and again, until nothing is refused; then, from time to time, one more, then two, then four.
What was too much is taken back, and the more often a guess has held, the more rarely it is doubted.

Where even a submit that is alone is refused, the window is not why: it is whole again, and nothing
is learned for a while.
"""

from __future__ import annotations

SHORTEST_HOLD = 5.0
LONGEST_HOLD = 60.0
"""Seconds until more is tried, at first and when a guess has held again and again."""
RISE = 5.0
"""Seconds until still more is tried, when more went well."""
DEAF = 60.0
"""Seconds for which nothing is learned after a refusal that has another cause."""


class Allowance:
    """The window of one bind, `full` while the peer shows no other."""

    __slots__ = (
        "_deaf_until",
        "_full",
        "_good",
        "_hold",
        "_lowered",
        "_raise_at",
        "_step",
        "learned",
    )

    def __init__(self, full: int) -> None:
        self._full = full
        self.learned = 0
        """The window that the peer showed; 0 = none that is smaller than `full`."""
        self._good = 0  # the window before it was raised; 0 = it was not, since it was lowered
        self._hold = SHORTEST_HOLD
        self._lowered = 0.0
        self._raise_at = 0.0
        self._deaf_until = 0.0
        self._step = 1

    @property
    def window(self) -> int:
        """The window in force."""
        return self.learned or self._full

    def refused(self, unanswered: int, sent_at: float, now: float) -> bool:
        """A submit, sent at `sent_at`, was too much while others are `unanswered`.

        False when the window is not why: it was alone. What was sent before the window was lowered
        tells nothing new.
        """
        if 0.0 < self._deaf_until - now <= DEAF:
            return False
        if self.learned and sent_at < self._lowered <= now:
            self._raise_at = now + self._hold
            return True
        if not self._good and (not unanswered or self.window == 1):
            self.learned = 0
            self._deaf_until = now + DEAF
            return False
        if self._good:
            self.learned = self._good
            self._hold = min(2 * self._hold, LONGEST_HOLD)
        else:
            self.learned = max(1, self.window * 2 // 3)
            self._hold = SHORTEST_HOLD
        self._good = 0
        self._step = 1
        self._lowered = now
        self._raise_at = now + self._hold
        return True

    def tick(self, now: float) -> bool:
        """Try more when it is time; whether the window has changed."""
        if not self.learned or 0.0 < self._raise_at - now <= LONGEST_HOLD:
            return False
        self._good = self.learned
        self.learned += self._step
        self._step *= 2
        self._raise_at = now + RISE
        if self.learned >= self._full:
            self.learned = 0
        return True
