"""Rates: the bucket's arithmetic, and links that must find the limit of simulated peers."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.throughput import AdaptiveRate, TokenBucket

EPOCH = 1_790_000_000.0
"""Seconds of a wall clock: where floats are coarse."""


def spend(bucket: TokenBucket, now: float, tries: int = 1_000_000) -> int:
    """How many single messages pass at `now`."""
    for taken in range(tries):
        if not bucket.take(now):
            return taken
    return tries


class TestTokenBucket:
    @pytest.mark.parametrize("rate", [0, 0.0, -1.0])
    def test_no_rate_is_no_limit(self, rate: float) -> None:
        bucket = TokenBucket(rate, 0, 0.0)
        assert all(bucket.take(0.0, n) for n in (1, 1000, 10**9))
        assert bucket.delay(0.0) == 0.0
        assert bucket.take(-100.0)

    def test_starts_full_with_one_second_of_rate(self) -> None:
        assert spend(TokenBucket(50, 0, 10.0), 10.0) == 50

    def test_the_burst_is_its_size(self) -> None:
        bucket = TokenBucket(50, 5, 0.0)
        assert spend(bucket, 0.0) == 5
        assert spend(bucket, 0.02) == 1
        assert spend(bucket, 1000.0) == 5

    def test_a_rate_below_one_still_lets_messages_out(self) -> None:
        bucket = TokenBucket(0.1, 0, 0.0)
        assert bucket.take(0.0)
        assert bucket.delay(0.0) == pytest.approx(10.0)
        assert not bucket.take(9.9)
        assert bucket.take(10.0)

    def test_what_is_refused_costs_nothing(self) -> None:
        bucket = TokenBucket(10, 1, 0.0)
        assert bucket.take(0.0)
        assert not any(bucket.take(0.05) for _ in range(100))
        assert bucket.take(0.1)

    def test_delay_is_the_time_to_the_next_message(self) -> None:
        bucket = TokenBucket(4, 1, 0.0)
        assert bucket.delay(0.0) == 0.0
        bucket.take(0.0)
        assert bucket.delay(0.0) == pytest.approx(0.25)
        assert bucket.delay(0.2) == pytest.approx(0.05)
        assert bucket.delay(0.25) == 0.0

    def test_several_at_once(self) -> None:
        bucket = TokenBucket(10, 10, 0.0)
        assert bucket.take(0.0, 7)
        assert not bucket.take(0.0, 4)
        assert bucket.delay(0.0, 4) == pytest.approx(0.1)
        assert bucket.take(0.0, 3)

    def test_more_than_the_burst_passes_when_full_and_is_paid_afterwards(self) -> None:
        bucket = TokenBucket(10, 5, 0.0)
        assert bucket.delay(0.0, 20) == 0.0
        assert bucket.take(0.0, 20)
        assert not bucket.take(1.5, 1)
        assert bucket.delay(1.5) == pytest.approx(0.1)
        assert bucket.take(1.6)

    @given(st.floats(0.5, 20_000), st.sampled_from([0.0, 12_345.678, EPOCH]))
    def test_who_waits_the_delay_gets_through(self, rate: float, start: float) -> None:
        """No timer that fires just in time may find the door closed: it would spin."""
        bucket = TokenBucket(rate, 1, start)
        now = start
        for _ in range(50):
            assert bucket.take(now)
            now += bucket.delay(now)

    @given(
        st.floats(0.1, 1000),
        st.floats(1, 100),
        st.lists(st.floats(0, 2), min_size=1, max_size=100),
    )
    def test_no_window_sees_more_than_burst_and_rate(
        self, rate: float, burst: float, steps: list[float]
    ) -> None:
        bucket = TokenBucket(rate, burst, 0.0)
        now, passed = 0.0, 0
        for step in steps:
            now += step
            passed += spend(bucket, now, 5)
            assert passed <= burst + rate * now + 0.01

    @pytest.mark.parametrize("start", [0.0, EPOCH])
    def test_the_average_is_the_rate(self, start: float) -> None:
        bucket = TokenBucket(3000, 1, start)
        now, passed = start, 0
        while now < start + 10:
            passed += bucket.take(now)
            now += max(bucket.delay(now), 1e-5)
        assert passed == pytest.approx(30_000, rel=0.001)

    @given(st.lists(st.floats(-3600, 3600), min_size=1, max_size=50))
    def test_a_clock_that_jumps_neither_blocks_nor_opens(self, jumps: list[float]) -> None:
        bucket = TokenBucket(10, 5, 0.0)
        spend(bucket, 0.0)
        now = 0.0
        for jump in jumps:
            now += jump
            assert spend(bucket, now) <= 5
            assert bucket.delay(now) <= 0.1 + 1e-9
            assert bucket.take(now + 0.1001)
            now += 0.1001


class Peer(Protocol):
    """A carrier with a limit of `limit` messages a second that it does not tell."""

    limit: float

    def takes(self, now: float) -> bool: ...


@define
class CountsBySecond:
    """So many in each second of the clock."""

    limit: float
    second: int = -1
    count: int = 0

    def takes(self, now: float) -> bool:
        second = math.floor(now + 0.37)
        if second != self.second:
            self.second, self.count = second, 0
        self.count += 1
        return self.count <= self.limit


@define
class CountsAnySecond:
    """So many in whatever second ends now."""

    limit: float
    times: deque[float] = field(factory=deque)

    def takes(self, now: float) -> bool:
        while self.times and self.times[0] <= now - 1.0:
            self.times.popleft()
        if len(self.times) >= self.limit:
            return False
        self.times.append(now)
        return True


class HasBucket:
    """A token bucket that holds one second's worth."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.bucket = TokenBucket(limit, 0, 0.0)

    def takes(self, now: float) -> bool:
        return self.bucket.take(now)


@define
class MindsDistance:
    """So long between two messages, as some gateways do."""

    limit: float
    last: float = -1.0

    def takes(self, now: float) -> bool:
        if now - self.last < 1.0 / self.limit - 1e-9:
            return False
        self.last = now
        return True


@define
class Link:
    """A sender with always something to send: a window, a round trip, timers that fire late.

    A throttled submit holds it for `pause`, doubled for each that follows without a success.
    """

    peer: Peer
    rate: AdaptiveRate = field(factory=lambda: AdaptiveRate(0.0, 0.0))
    window: int = 50
    round_trip: float = 0.05
    pause: float = 0.0
    longest_pause: float = 30.0
    now: float = 0.0
    accepted: int = 0
    throttled: int = 0
    _held: float = 0.0
    _pauses: int = 0
    _flying: list[tuple[float, int, float, bool]] = field(factory=list)
    _sent: int = 0
    _chance: random.Random = field(factory=lambda: random.Random(1))

    def run(self, until: float) -> None:
        self.accepted = self.throttled = 0
        while self.now < until:
            self._answers()
            while self.now >= self._held and len(self._flying) < self.window:
                if not self.rate.allow(self.now):
                    break
                self._send()
            wakes = [self._flying[0][0]] if self._flying else []
            if len(self._flying) < self.window:
                wait = max(self.now + self.rate.delay(self.now), self._held)
                wakes.append(wait + 0.001 * self._chance.random())
            self.now = max(min(wakes), self.now + 1e-5)

    def _send(self) -> None:
        self._sent += 1
        taken = self.peer.takes(self.now + self.round_trip / 2)
        back = self.now + self.round_trip * (1 + 0.2 * self._chance.random())
        heapq.heappush(self._flying, (back, self._sent, self.now, taken))

    def _answers(self) -> None:
        while self._flying and self._flying[0][0] <= self.now:
            back, _, sent_at, taken = heapq.heappop(self._flying)
            if taken:
                self.accepted += 1
                self._pauses = 0
                self.rate.succeeded(back)
            else:
                self.throttled += 1
                self.rate.throttled(back, sent_at)
                if self._held <= back:
                    self._pauses += 1
                pause = min(self.pause * 2 ** (self._pauses - 1), self.longest_pause)
                self._held = max(self._held, back + pause)


def settled(link: Link, after: float, during: float) -> tuple[float, float]:
    """Share of the peer's limit that is used, and share of submits that are throttled."""
    link.run(after)
    link.run(after + during)
    used = link.accepted / during / link.peer.limit
    return used, link.throttled / (link.accepted + link.throttled)


class TestAdaptiveRate:
    @pytest.mark.parametrize("pause", [0.0, 1.0], ids=["at-once", "paused"])
    @pytest.mark.parametrize("limit", [10, 100, 1000])
    @pytest.mark.parametrize("peer", [CountsBySecond, CountsAnySecond, HasBucket])
    def test_settles_just_under_a_hidden_limit(
        self, peer: Callable[[float], Peer], limit: float, pause: float
    ) -> None:
        link = Link(peer(limit), pause=pause, window=100)
        used, throttled = settled(link, 60.0, 240.0 if limit < 1000 else 80.0)
        assert used >= 0.9
        assert throttled < 0.02

    @pytest.mark.parametrize("pause", [0.0, 1.0], ids=["at-once", "paused"])
    def test_a_peer_that_minds_the_distance(self, pause: float) -> None:
        used, throttled = settled(Link(MindsDistance(10), pause=pause), 120.0, 300.0)
        assert used >= 0.9
        assert throttled < 0.02

    @pytest.mark.parametrize("window", [10, 500])
    @pytest.mark.parametrize("round_trip", [0.005, 0.6])
    def test_other_windows_and_round_trips(self, round_trip: float, window: int) -> None:
        link = Link(CountsAnySecond(10), window=window, round_trip=round_trip, pause=1.0)
        used, throttled = settled(link, 120.0, 400.0)
        assert used >= 0.9
        assert throttled < 0.02

    def test_a_very_long_round_trip(self) -> None:
        """What was sent before the rate was lowered says nothing about the lowered rate."""
        link = Link(CountsAnySecond(10), window=100, round_trip=5.0)
        used, throttled = settled(link, 200.0, 400.0)
        assert used >= 0.9
        assert throttled < 0.02

    def test_a_configured_limit_below_the_hidden_one_is_all_that_counts(self) -> None:
        link = Link(CountsAnySecond(100), AdaptiveRate(80.0, 0.0))
        used, throttled = settled(link, 10.0, 60.0)
        assert used == pytest.approx(0.8, rel=0.01)
        assert throttled == 0.0
        assert link.rate.ceiling == 0.0
        assert link.rate.rate(link.now) == 80.0

    def test_a_configured_limit_above_the_hidden_one_is_corrected(self) -> None:
        link = Link(CountsAnySecond(100), AdaptiveRate(130.0, 0.0), pause=1.0)
        used, throttled = settled(link, 120.0, 300.0)
        assert used >= 0.9
        assert throttled < 0.02

    def test_a_limit_that_falls_and_rises_is_followed(self) -> None:
        peer = CountsAnySecond(100)
        link = Link(peer, pause=1.0)
        link.run(100.0)
        peer.limit = 20
        used, throttled = settled(link, 200.0, 150.0)
        assert used >= 0.85
        assert throttled < 0.02
        peer.limit = 100
        used, _ = settled(link, 650.0, 100.0)
        assert used >= 0.9

    @pytest.mark.parametrize("outage", [60.0, 3600.0])
    def test_a_peer_that_refuses_everything_for_a_while(self, outage: float) -> None:
        peer = CountsAnySecond(100)
        link = Link(peer, pause=1.0)
        link.run(100.0)
        peer.limit = 0
        link.run(100.0 + outage)
        assert link.accepted <= 20
        assert link.throttled < 30 + outage / 25, "each pause costs about one submit, not a window"
        peer.limit = 100
        # After an hour it knows that what it learned is over; a minute may be a matter of the rate.
        used, _ = settled(link, outage + (250.0 if outage > 120.0 else 400.0), 60.0)
        assert used >= 0.9

    @pytest.mark.parametrize("seconds", [5.0, 10.0])
    def test_a_peer_that_counts_over_longer_times(self, seconds: float) -> None:
        @define
        class CountsByLongTime:
            limit: float
            turn: int = -1
            count: int = 0

            def takes(self, now: float) -> bool:
                if now // seconds != self.turn:
                    self.turn, self.count = int(now // seconds), 0
                self.count += 1
                return self.count <= self.limit * seconds

        used, throttled = settled(Link(CountsByLongTime(10), pause=1.0), 120.0, 600.0)
        assert used >= 0.9
        assert throttled < 0.02

    def test_after_some_quiet_minutes_there_is_no_limit_again(self) -> None:
        rate = AdaptiveRate(0.0, 0.0)
        for step in range(100):
            rate.succeeded(step / 100)
        rate.throttled(1.0)
        rates = [rate.rate(1.0 + second) for second in range(299)]
        assert rates == sorted(rates), "it only rises"
        assert 80 <= rates[0] <= 95
        assert rates[3] < 100 < rates[10], "quickly to where it was, then past it"
        assert max(after / before for before, after in pairwise(rates)) < 1.6
        assert rate.rate(301.0) == 0.0
        assert rate.ceiling == 0.0
        assert all(rate.allow(301.0) for _ in range(10_000))

    def test_the_rise_is_slow_once_the_limit_is_known(self) -> None:
        link = Link(CountsAnySecond(50), pause=1.0)
        link.run(300.0)
        while link.throttled == 0 or link.now < 400.0:
            link.run(link.now + 1.0)
        before = link.rate.rate(link.now)
        assert 40 < before < 50
        assert link.rate.rate(link.now + 60.0) < 55
        assert link.rate.rate(link.now + 120.0) < 65
        assert link.rate.rate(link.now + 295.0) > 100
        assert link.rate.rate(link.now + 301.0) == 0.0

    def test_a_lift_goes_back_to_the_configured_limit(self) -> None:
        rate = AdaptiveRate(30.0, 0.0)
        rate.throttled(1.0)
        assert rate.rate(1.0) < 30.0
        assert rate.rate(200.0) == 30.0, "never above it"
        assert rate.rate(302.0) == 30.0
        assert rate.ceiling == 0.0

    def test_never_throttled_is_never_limited(self) -> None:
        rate = AdaptiveRate(0.0, 0.0)
        assert all(rate.allow(5.0) for _ in range(100_000))
        assert rate.delay(5.0) == 0.0
        assert rate.rate(5.0) == 0.0

    def test_the_first_guess_is_what_went_through_in_the_last_second(self) -> None:
        rate = AdaptiveRate(0.0, 0.0)
        for step in range(1000):
            rate.succeeded(step * 0.005)
        rate.throttled(5.0)
        assert rate.ceiling == pytest.approx(200, rel=0.02)

    def test_old_successes_are_no_guess(self) -> None:
        rate = AdaptiveRate(0.0, 0.0)
        for _ in range(1000):
            rate.succeeded(0.0)
        rate.throttled(60.0)
        assert rate.ceiling == 1.0

    def test_many_answers_of_one_overrun_lower_the_rate_once(self) -> None:
        rate = AdaptiveRate(0.0, 0.0)
        for _ in range(100):
            rate.succeeded(0.5)
        for late in range(50):
            rate.throttled(0.6 + late / 100)
        assert rate.rate(1.2) >= 89.0

    def test_answers_to_older_submits_are_ignored_however_late(self) -> None:
        rate = AdaptiveRate(0.0, 0.0)
        for _ in range(100):
            rate.succeeded(0.5)
        rate.throttled(0.6, 0.5)
        before = rate.rate(4.0)
        rate.throttled(4.0, 0.55)
        assert rate.rate(4.0) == before
        rate.throttled(4.0, 3.9)
        assert rate.rate(4.0) < before

    def test_a_rate_that_is_not_used_does_not_count_as_too_much(self) -> None:
        rate = AdaptiveRate(1000.0, 0.0)
        for _ in range(100):
            rate.succeeded(0.0)
        rate.throttled(0.0)
        assert rate.ceiling == 100.0
        for second in range(200, 290):
            rate.succeeded(float(second))
        rate.throttled(290.0)
        assert rate.ceiling <= 2.0

    def test_never_slower_than_one_message_in_some_seconds(self) -> None:
        rate = AdaptiveRate(0.0, 0.0)
        for step in range(100):
            rate.throttled(2.0 * step)
        assert rate.delay(200.0) < 20.0
        assert rate.rate(200.0) > 0.05

    def test_submits_are_spaced_evenly_also_after_a_rest(self) -> None:
        rate = AdaptiveRate(20.0, 0.0)
        for rest in (0.0, 100.0, 100.3):
            assert rate.allow(rest)
            assert not rate.allow(rest)
            assert rate.delay(rest) == pytest.approx(0.05)

    def test_a_late_timer_is_made_up_for(self) -> None:
        rate = AdaptiveRate(100.0, 0.0)
        now, sent = 0.0, 0
        chance = random.Random(2)
        while now < 10.0:
            while rate.allow(now):
                sent += 1
            now += rate.delay(now) + 0.005 * chance.random()
        assert sent == pytest.approx(1000, rel=0.01)

    @given(st.floats(0.5, 5000), st.sampled_from([0.0, EPOCH]))
    def test_who_waits_the_delay_gets_through(self, limit: float, start: float) -> None:
        rate = AdaptiveRate(limit, start)
        now = start
        for _ in range(30):
            assert rate.allow(now)
            now += rate.delay(now)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["allow", "succeeded", "throttled", "rate"]),
                st.floats(-400, 400),
            ),
            max_size=60,
        ),
        st.sampled_from([0.0, 7.0]),
    )
    def test_a_clock_that_jumps_never_stops_a_link(
        self, calls: list[tuple[str, float]], limit: float
    ) -> None:
        rate = AdaptiveRate(limit, 0.0)
        now = 0.0
        for name, jump in calls:
            now += jump
            getattr(rate, name)(now)
            wait = rate.delay(now)
            assert 0.0 <= wait <= 12.0
            assert limit == 0.0 or 0.0 < rate.rate(now) <= limit
            now += wait
            assert rate.allow(now)

    def test_the_clock_set_back_an_hour_while_limited(self) -> None:
        rate = AdaptiveRate(0.0, EPOCH)
        rate.throttled(EPOCH)
        assert rate.allow(EPOCH)
        assert rate.allow(EPOCH - 3600.0)
        assert rate.rate(EPOCH - 3600.0 + 301.0) == 0.0
