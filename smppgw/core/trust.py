"""How far a link is trusted: what it may have unanswered once answers do not come.

Owns: the doubt whether the peer is there at all, the probing of one that does not answer submits,
and the growing pauses between probes.
Refuses to know: messages, sessions and clocks; times are seconds of any one clock.
"""

from __future__ import annotations

from math import inf


class Trust:
    """Starts full. An answer that did not come raises two questions, each with its own end.

    Is the peer there? Nothing more is sent until it is heard, whatever it says. Does it answer
    submits at all? When none was answered lately, one at a time is sent, until one is answered.
    """

    __slots__ = (
        "_answered_at",
        "_failed_at",
        "_late_at",
        "_pause",
        "_since",
        "_unheard_since",
        "full",
        "probing",
    )

    def __init__(self) -> None:
        self.full = True
        """Nothing speaks against using the whole window."""
        self.probing = False
        """The peer does not answer submits."""
        self._answered_at = -inf
        self._late_at = -inf
        self._since = 0.0
        self._failed_at = 0.0
        self._pause = 0.0
        self._unheard_since: float | None = None

    @property
    def next_probe(self) -> float:
        """When the next probe may leave, if none is under way."""
        return self._failed_at + self._pause

    def doubt(self, heard: float) -> None:
        """Allow nothing more until the peer, last heard at `heard`, is heard again."""
        self._unheard_since = heard
        self.full = False

    def renew(self) -> None:
        """There is a new session: its peer is there, whether or not it answers."""
        self._unheard_since = None
        self.full = not self.probing

    def answered(self, now: float) -> bool:
        """A submit was answered; True when that ends the probing."""
        self._answered_at = now
        ended = self.probing
        if ended:
            self.probing = False
            self.full = self._unheard_since is None
        return ended

    def late(self, now: float) -> None:
        """An answer came after its time-out."""
        self._late_at = now

    def slow(self, now: float, lately: float) -> bool:
        """Whether an answer came late in the last `lately` seconds: others may, too."""
        return 0 <= now - self._late_at < lately

    def unanswered(
        self, sent_at: float, since: float, now: float, first: float, longest: float
    ) -> bool:
        """A submit sent at `sent_at` gets no answer; True when none was answered after `since`.

        Then probing begins, or goes on after a pause, `first` seconds and each time twice as long
        up to `longest`.
        """
        if self._answered_at >= since:
            return False
        if not self.probing:
            self.probing, self.full = True, False
            self._since = self._failed_at = now
            self._pause = 0.0
        elif sent_at >= self._since:  # it was a probe
            self._failed_at = now
            self._pause = min(max(2 * self._pause, first), longest)
        return True

    def room(self, window: int, taken: int, heard: float, now: float) -> int:
        """Return how many more than `taken` may be unanswered; the peer was last heard at `heard`.

        A clock that steps back must not hold a link up: what counts is that `heard` differs, and
        that a pause cannot lie ahead.
        """
        if self._unheard_since == heard:
            return 0
        self.renew()
        if not self.probing:
            return window - taken
        return 0 if taken or 0 <= now - self._failed_at < self._pause else min(window, 1)
