"""How fast: a token bucket, and the rate that a carrier shows by throttling.

Owns: the arithmetic of rates. Times are seconds of any one clock, given with each call.
Refuses to know: clocks, timers, whose rate it is, and the pause that follows a throttled submit
(`status.StatusPolicy`).
Source: SMPP 3.4 section 5.1.3: ESME_RTHROTTLED names no rate, so the rate has to be found.
"""

from __future__ import annotations

import math

# A timer may fire this much early, or lose this much to rounding, without a second wait.
_EARLY = 1e-6

# Of AdaptiveRate, in seconds and shares of a rate; chosen by simulating peers that count over
# fixed and sliding seconds, with buckets and by distance (tests/core/test_throughput.py).
_STEP_DOWN = 0.1
_STEP_DOWN_AGAIN = 0.3
_TOO_MUCH = 0.98
_OBSOLETE = 2.0
_STALE = 120.0
_SHORTEST_RISE = 5.0
_LONGEST_RISE = 60.0
_DEAF = 1.0
_LIFT_AFTER = 300.0
_ADJUST_EVERY = 0.1
_CATCH_UP = 0.02
_SLOWEST = 0.1


class TokenBucket:
    """`rate` messages a second on average, `burst` at once after a quiet time.

    `rate` 0 means no limit. `burst` 0 means one second of `rate`; it is never below one message.
    Starts full. A clock that steps back costs nothing: time goes on from where it went to.
    """

    __slots__ = ("_burst", "_early", "_last", "_tokens", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = max(rate, 0.0)
        self._burst = max(burst or self.rate, 1.0)
        self._early = self.rate * _EARLY + 1e-9
        self._tokens = self._burst
        self._last = now

    def take(self, now: float, n: float = 1) -> bool:
        """Take `n` messages' worth and return True, or take nothing and return False.

        What is larger than the burst passes when the bucket is full, and leaves a debt.
        """
        rate = self.rate
        if not rate:
            return True
        tokens = self._filled(now)
        if tokens + self._early < (n if n < self._burst else self._burst):
            return False
        self._tokens = tokens - n
        return True

    def delay(self, now: float, n: float = 1) -> float:
        """Return the seconds until `take` of `n` can succeed; 0.0 when it would now."""
        if not self.rate:
            return 0.0
        missing = min(n, self._burst) - self._filled(now)
        return missing / self.rate if missing > self._early else 0.0

    def _filled(self, now: float) -> float:
        elapsed = now - self._last
        self._last = now
        if elapsed > 0.0:
            tokens = self._tokens + elapsed * self.rate
            self._tokens = tokens if tokens < self._burst else self._burst
        return self._tokens


class Shut(TokenBucket):
    """A bucket that gives nothing, for as long as it stands."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, 0.0)

    def take(self, now: float, n: float = 1) -> bool:
        """Return False."""
        return False

    def delay(self, now: float, n: float = 1) -> float:
        """Return infinity."""
        return math.inf


class FixedRate(TokenBucket):
    """A rate that only its setting limits; asked like `AdaptiveRate`."""

    __slots__ = ()

    def __init__(self, limit: float, now: float) -> None:
        super().__init__(limit, 0.0, now)

    def allow(self, now: float) -> bool:
        """Return True, once, when a submit may go out now."""
        return self.take(now)

    def succeeded(self, now: float, count: int = 1) -> None:
        """Nothing to learn."""

    def throttled(self, now: float, sent_at: float = math.inf) -> None:
        """Nothing to learn."""


class AdaptiveRate:
    """The rate of a carrier link: `limit`, and below it what the carrier shows by throttling.

    `limit` is messages a second, 0 for none. Until the carrier throttles, only `limit` counts.
    Its first ESME_RTHROTTLED tells roughly where its own limit lies: the rate at which submits
    succeeded just before. From there the rate follows the curve of TCP CUBIC (RFC 9438, here over
    a fixed time): a step down, a flattening rise to the rate that was too much, then past it,
    slowly at first. Each further throttling corrects the guess and, once guesses hold, makes the
    rise longer (5 s to a minute). So a steady sender uses some 97 % of a limit that it does not
    know, at the price of one throttled submit a minute or two. Five minutes without any throttling
    lift the rate to `limit` again.

    Submits are spaced evenly: a peer may count over any window, or mind the distance itself. Only
    what a late timer missed, up to 20 ms, is made up for at once.
    """

    __slots__ = (
        "_adjust_at",
        "_ceiling",
        "_count",
        "_counted_from",
        "_credit",
        "_drop",
        "_last",
        "_limit",
        "_lowered",
        "_previous",
        "_rate",
        "_span",
    )

    def __init__(self, limit: float, now: float) -> None:
        self._limit = max(limit, 0.0)
        self._rate = self._limit  # in force; 0 = none
        self._last = -math.inf  # when a submit was last allowed
        self._credit = 0.0  # seconds that it came late
        self._ceiling = 0.0  # the rate that was too much; 0 = the peer shows no limit
        self._drop = _STEP_DOWN
        self._span = _SHORTEST_RISE
        self._lowered = now
        self._adjust_at = now
        self._counted_from = now
        self._count = 0  # successes in the second that began at _counted_from
        self._previous = 0  # and in the one before

    def allow(self, now: float) -> bool:
        """Return True, once, when a submit may go out now."""
        if not self._rate:
            return True
        late = self._late(now)
        if late < -_EARLY:
            return False
        self._credit = late if late < _CATCH_UP else 0.0
        self._last = now
        return True

    def delay(self, now: float) -> float:
        """Return the seconds until `allow` can return True; 0.0 when it would now."""
        if not self._rate:
            return 0.0
        late = self._late(now)
        return -late if late < -_EARLY else 0.0

    def succeeded(self, now: float, count: int = 1) -> None:
        """Count submits that the carrier accepted."""
        elapsed = now - self._counted_from
        if not 0.0 <= elapsed < 1.0:
            self._previous = self._count if 0.0 < elapsed < 2.0 else 0
            self._count = 0
            self._counted_from = now
        self._count += count

    def throttled(self, now: float, sent_at: float = math.inf) -> None:
        """Lower the rate: the carrier answered a submit, sent at `sent_at`, with a throttling.

        Ignored within a second of the last lowering and for submits sent before it: they say
        nothing about the new rate.
        """
        if self._ceiling:
            self._adjust(now)
        elapsed = now - self._lowered
        if not self._ceiling or self._rate > _OBSOLETE * self._ceiling:
            successes = self._successes(now)
            self._ceiling = min(successes, self._limit) if self._limit else successes
            self._span = _SHORTEST_RISE
            self._drop = _STEP_DOWN
        elif 0.0 <= elapsed < _DEAF or sent_at < self._lowered <= now:
            return
        else:
            self._ceiling = max(self._rate * _TOO_MUCH, _SLOWEST)
            if now - self._counted_from > _STALE:  # nothing passes: what was learned is over
                self._drop = _STEP_DOWN_AGAIN
                self._span = _SHORTEST_RISE
            elif elapsed < self._span / 2:
                self._drop = _STEP_DOWN_AGAIN
            else:
                self._drop = _STEP_DOWN
                self._span = min(self._span * 2, _LONGEST_RISE)
        self._lowered = now
        self._adjust(now)

    def rate(self, now: float) -> float:
        """Return the rate in force, messages a second; 0.0 for none."""
        if self._ceiling:
            self._adjust(now)
        return self._rate

    @property
    def ceiling(self) -> float:
        """The rate at which the carrier throttled last; 0.0 while it shows no limit."""
        return self._ceiling

    def _late(self, now: float) -> float:
        """Seconds since a submit became due; negative when none is. A rate must be in force."""
        if self._ceiling and not 0.0 < self._adjust_at - now <= _ADJUST_EVERY:
            self._adjust(now)
        elapsed = now - self._last
        if elapsed < 0.0 or not self._rate:  # the clock stepped back, or the rate was just lifted
            return 0.0
        return elapsed + self._credit - 1.0 / self._rate

    def _adjust(self, now: float) -> None:
        self._adjust_at = now + _ADJUST_EVERY
        self._lowered = min(self._lowered, now)
        elapsed = now - self._lowered
        if elapsed >= _LIFT_AFTER:
            self._ceiling = 0.0
            self._rate = self._limit
            return
        x = elapsed / self._span - 1.0
        rate = self._ceiling * (1.0 + (self._drop if x < 0.0 else _STEP_DOWN) * x**3)
        self._rate = min(rate, self._limit) if self._limit else rate

    def _successes(self, now: float) -> float:
        """Submits accepted in the last second, about; at least one."""
        elapsed = now - self._counted_from
        if not 0.0 <= elapsed < 1.0:
            return max(self._count, 1.0) if 0.0 < elapsed < 2.0 else 1.0
        return max(self._count + self._previous * (1.0 - elapsed), 1.0)
