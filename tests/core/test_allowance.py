"""A window that is learned from refusals: against peers that let a bind have so many unanswered."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.allowance import DEAF, LONGEST_HOLD, RISE, SHORTEST_HOLD, Allowance


class Peer:
    """Works on `places` submits at once, each for `work` seconds, and refuses others.

    It refuses at once or, `in_order`, when it has answered what came before.
    """

    def __init__(
        self, places: int, work: float, way: float = 0.01, *, in_order: bool = False
    ) -> None:
        self.places = places
        self.work = work
        self.way = way
        self.in_order = in_order
        self._working: list[float] = []
        self._last = 0.0

    def answer(self, now: float) -> tuple[float, bool]:
        """When the answer to a submit of now is back, and whether it was taken."""
        there = now + self.way
        self._working = [one for one in self._working if one > there]
        well = len(self._working) < self.places
        done = there + (self.work if well else 0.0)
        if self.in_order:
            self._last = done = max(done, self._last)
        if well:
            self._working.append(done)
        return done + self.way, well


class Sender:
    """Has always something to send; whenever there is room, it sends."""

    def __init__(self, full: int, peer: Peer) -> None:
        self.allowance = Allowance(full)
        self.peer = peer
        self.now = 100.0
        self.taken: list[float] = []
        self.refused: list[float] = []
        self.paused = 0
        self._under_way: list[tuple[float, float, bool]] = []
        self._tick = self.now

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        resume = 0.0
        while self.now < end:
            while self.now >= resume and len(self._under_way) < self.allowance.window:
                back, well = self.peer.answer(self.now)
                heapq.heappush(self._under_way, (back, self.now, well))
            following = self._under_way[0][0] if self._under_way else max(resume, self.now)
            if self._tick + 1.0 <= following:
                self.now = self._tick = self._tick + 1.0
                self.allowance.tick(self.now)
                continue
            self.now = following
            if not self._under_way:
                continue
            _, sent_at, well = heapq.heappop(self._under_way)
            if well:
                self.taken.append(self.now)
            else:
                self.refused.append(self.now)
                if not self.allowance.refused(len(self._under_way), sent_at, self.now):
                    self.paused += 1
                    resume = self.now + 5.0


def test_a_peer_without_a_limit_is_given_the_whole_window() -> None:
    sender = Sender(50, Peer(1000, 0.5))
    sender.run(60)
    assert (sender.allowance.window, sender.allowance.learned) == (50, 0)
    assert sender.refused == []


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("full", [2, 11, 50, 1000])
@pytest.mark.parametrize("places", [1, 3, 10, 40])
def test_a_limit_is_found_and_kept_nearly(full: int, places: int, in_order: bool) -> None:
    if full <= places:
        return
    sender = Sender(full, Peer(places, 0.5, in_order=in_order))
    sender.run(30)
    assert sender.allowance.window <= places + 2
    first, before = len(sender.refused), len(sender.taken)
    sender.run(600)
    best = places / 0.52 * 600
    assert len(sender.taken) - before > 0.93 * best
    assert len(sender.refused) - first < 0.02 * best + 30, "it tries more than that a few times"
    assert sender.paused == 0


def test_a_limit_that_has_gone_is_noticed() -> None:
    sender = Sender(50, Peer(5, 0.5))
    sender.run(300)
    assert sender.allowance.window <= 7
    sender.peer.places = 1000
    sender.run(LONGEST_HOLD + 8 * RISE)
    assert sender.allowance.learned == 0


def test_a_limit_that_grows_smaller_is_followed() -> None:
    sender = Sender(50, Peer(40, 0.5))
    sender.run(100)
    sender.peer.places = 4
    sender.run(15)
    assert sender.allowance.window <= 6
    before = len(sender.taken)
    sender.run(100)
    assert len(sender.taken) - before > 0.9 * 100 * 4 / 0.52


def test_who_takes_nothing_is_for_others_to_wait_for() -> None:
    """Each alone, and refused: that is no matter of the window."""
    sender = Sender(50, Peer(0, 0.5))
    sender.run(1)
    assert sender.paused == 1
    assert 100 < len(sender.refused) < 150, "it takes a few round trips to be sure"
    assert sender.allowance.window == 50
    sender.run(DEAF - 2)
    assert len(sender.refused) < 150 + 50 * DEAF / 5
    assert sender.allowance.window == 50


def test_what_was_sent_before_says_nothing_new() -> None:
    allowance = Allowance(50)
    assert allowance.refused(49, 1.0, 2.0)
    for unanswered in range(48, -1, -1):
        assert allowance.refused(unanswered, 1.5, 2.1)
    assert allowance.window == 33
    assert not allowance.refused(0, 3.0, 3.1)
    assert not allowance.refused(40, 3.0 + DEAF, 3.0 + DEAF)
    assert allowance.window == 50
    assert allowance.refused(40, 4.0 + DEAF, 4.0 + DEAF)
    assert allowance.window == 33


def test_more_is_tried_ever_more_rarely_where_the_guess_holds() -> None:
    allowance = Allowance(50)
    now, waits = 100.0, []
    assert allowance.refused(10, now - 0.1, now)
    for _ in range(8):
        began = now
        while not allowance.tick(now):
            now += 0.5
        waits.append(now - began)
        assert allowance.window == 34
        assert allowance.refused(10, now, now)
        assert allowance.window == 33
    assert waits[0] == SHORTEST_HOLD
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_HOLD
    assert allowance.refused(10, now + 1, now + 1)  # it does not hold any more
    assert allowance.window == 22
    assert not allowance.tick(now + SHORTEST_HOLD)
    assert allowance.tick(now + 1 + SHORTEST_HOLD)


@given(
    st.integers(1, 1000),
    st.lists(
        st.tuples(st.floats(-1000, 1000) | st.just(0.0), st.integers(0, 1100), st.floats(0, 100)),
        max_size=40,
    ),
)
def test_whatever_comes_it_is_between_one_and_all(
    full: int, steps: list[tuple[float, int, float]]
) -> None:
    """The clock may step back, too; and it never gets stuck below the whole."""
    allowance = Allowance(full)
    now = 1_000_000.0
    for step, unanswered, ago in steps:
        now += step
        before = allowance.window
        refused = allowance.refused(unanswered, now - ago, now)
        assert 1 <= allowance.window <= full
        assert allowance.window <= before if refused else allowance.window in (before, full)
        allowance.tick(now)
        assert 1 <= allowance.window <= full
    for _ in range(2 * int(LONGEST_HOLD) + 20 * int(RISE)):
        now += 1
        allowance.tick(now)
    assert allowance.window == full
