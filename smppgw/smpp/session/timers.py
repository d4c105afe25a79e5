"""The timers of one session as arithmetic on the time passed in.

Owns every deadline. Refuses to know PDUs, clocks and alarms: `next_deadline` says when asking is
worth it. All times and durations are seconds; `math.inf` as a duration means never.
Source: SMPP 3.4 section 7.2; the time for the rest of a PDU that came in part is an addition.
"""

from __future__ import annotations

from math import inf

from attrs import frozen


@frozen(kw_only=True)
class Timing:
    """Durations of the session timers, in seconds; `response` also times our enquire_link."""

    session_init: float = 10.0
    enquire_link: float = 30.0
    inactivity: float = 300.0
    response: float = 60.0
    pdu: float = 10.0

    @property
    def shortest(self) -> float:
        """The least of those that traffic begins."""
        return min(self.enquire_link, self.inactivity, self.response, self.pdu)


class Timers:
    """When a session must do something without having been asked.

    While the caller does not read (`pause` to `resume`), silence proves nothing about the peer:
    that time does not count for the response, enquire_link, inactivity and pdu timers. They run on
    stamps, which are times of a clock that stands still meanwhile.
    """

    __slots__ = (
        "_bound",
        "_enquired_at",
        "_finish_by",
        "_heard_at",
        "_init_by",
        "_partial_since",
        "_paused_at",
        "_unread",
        "last_heard",
        "timing",
    )

    def __init__(self, timing: Timing, now: float) -> None:
        self.timing = timing
        self.last_heard = now
        self._bound = False
        self._init_by = now + timing.session_init
        self._finish_by = inf
        self._paused_at = inf
        self._unread = 0.0
        self._heard_at = now
        self._partial_since = inf
        self._enquired_at = -inf

    def stamp(self, now: float) -> float:
        """The time of the clock that stands still while we do not read."""
        return min(now, self._paused_at) - self._unread

    def heard(self, now: float) -> None:
        """Whole PDUs came: any of them counts as life and as an answer to our enquire_link."""
        self.last_heard = now
        self._heard_at = self.stamp(now)
        self._enquired_at = -inf

    def partial(self, now: float, *, fresh: bool) -> None:
        """Part of a PDU waits for its rest; `fresh` says that it began in this read."""
        if fresh or self._partial_since == inf:
            self._partial_since = self.stamp(now)

    def whole(self) -> None:
        """No part of a PDU waits."""
        self._partial_since = inf

    def bound(self) -> None:
        """session_init_timer is met; from here on silence is watched."""
        self._bound = True
        self._init_by = inf

    def enquired(self, now: float) -> None:
        """An enquire_link of ours leaves; asking again does not prolong the wait for the first."""
        if self._enquired_at == -inf:
            self._enquired_at = self.stamp(now)

    def finish(self, now: float) -> None:
        """The session ends in order, within the response timer; silence is not watched any more."""
        self._bound = False
        self._finish_by = now + self.timing.response

    def stop(self) -> None:
        """Nothing is due any more."""
        self._bound = False
        self._init_by = self._finish_by = self._partial_since = inf

    @property
    def paused(self) -> bool:
        """Whether the caller does not read."""
        return self._paused_at < inf

    def pause(self, now: float) -> None:
        """The caller stops reading."""
        self._paused_at = min(now, self._paused_at)

    def resume(self, now: float) -> None:
        """The caller reads again."""
        if self.paused:
            self._unread += now - self._paused_at
            self._paused_at = inf

    def expiry(self, stamp: float) -> float:
        """When a request sent at that stamp is given up, if we read from now on."""
        return stamp + self.timing.response + self._unread

    def next_deadline(self) -> float:
        """The earliest time at which `enquire_due` or `close_reason` has something to say."""
        return min(
            self._init_by,
            self._finish_by,
            self._pdu_by(),
            self._inactive_by(),
            self._enquire_at(),
            self._dead_by(),
        )

    def enquire_due(self, now: float) -> bool:
        """Whether the peer has been silent long enough to be asked whether it lives."""
        return now >= self._enquire_at()

    def close_reason(self, now: float) -> str | None:
        """Why the session must end now, or None."""
        if now >= self._finish_by:
            return "the orderly end took longer than the response timer"
        if now >= self._init_by:
            return "not bound within session_init_timer"
        if now >= self._pdu_by():
            return "a PDU was begun and not completed in time"
        if now >= self._dead_by():
            return "enquire_link not answered and nothing heard since"
        if now >= self._inactive_by():
            return "nothing heard within inactivity_timer"
        return None

    def _pdu_by(self) -> float:
        return self._counted(self._partial_since) + self.timing.pdu

    def _counted(self, stamp: float) -> float:
        return inf if self.paused else stamp + self._unread

    def _silent_since(self) -> float:
        return self._counted(self._heard_at) if self._bound else inf

    def _inactive_by(self) -> float:
        return self._silent_since() + self.timing.inactivity

    def _enquire_at(self) -> float:
        if self._enquired_at > -inf:
            return inf
        return self._silent_since() + self.timing.enquire_link

    def _dead_by(self) -> float:
        if self._enquired_at == -inf or not self._bound:
            return inf
        return self._counted(self._enquired_at) + self.timing.response
