"""So many lines a second, the rest counted: nothing is left out without being told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from smppgw.ops.feed import Feed


class Reader:
    """Who looks on."""

    def __init__(self, per_second: int = 3) -> None:
        self.clock = Clock()
        self.clock.advance(1_790_000_000)
        self.lines: list[str] = []
        self.fails = False
        self.reads = True
        self.feed = Feed(self.emit, self.clock, "PDUs", per_second, lambda: self.reads)

    def emit(self, lines: Sequence[str]) -> None:
        if self.fails:
            raise ConnectionError("gone")
        self.lines += lines

    def offer(self, count: int) -> None:
        """So many things at once."""
        shown = min(count, self.feed.room)
        self.feed.give(["line"] * shown, count - shown)


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_a_slow_feed_shows_everything(reader: Reader) -> None:
    for _ in range(10):
        reader.offer(3)
        reader.clock.advance(1)
    assert reader.lines == ["line"] * 30
    assert reader.clock.getDelayedCalls() == []


def test_what_is_too_much_is_counted_and_told_at_the_end_of_the_second(reader: Reader) -> None:
    reader.offer(2)
    reader.clock.advance(0.4)
    reader.offer(4000)
    reader.offer(5)
    assert reader.lines == ["line"] * 3
    reader.clock.advance(0.6)
    assert reader.lines[3:] == ["... 4,004 PDUs not shown"]
    reader.offer(1)
    assert reader.lines[4:] == ["line"]


def test_the_next_line_waits_for_the_count(reader: Reader) -> None:
    reader.offer(5)
    reader.clock.rightNow += 1.5  # the timer is late
    reader.offer(1)
    assert reader.lines == ["line"] * 3 + ["... 2 PDUs not shown", "line"]
    assert reader.clock.getDelayedCalls() == []


def test_who_does_not_read_is_told_the_count_when_he_does(reader: Reader) -> None:
    reader.offer(1)
    reader.reads = False
    assert reader.feed.room == 0
    for _ in range(5):
        reader.offer(2)
        reader.clock.advance(1)
    assert reader.lines == ["line"]
    reader.reads = True
    reader.offer(1)
    assert reader.lines == ["line", "... 10 PDUs not shown", "line"]
    assert reader.clock.getDelayedCalls() == []


def test_words_about_the_feed_are_never_left_out(reader: Reader) -> None:
    reader.offer(10)
    reader.feed.say("-- connection lost")
    assert reader.lines[3:] == ["... 7 PDUs not shown", "-- connection lost"]


def test_the_end_tells_what_was_left_out_and_then_nothing(reader: Reader) -> None:
    reader.offer(10)
    reader.feed.stop()
    reader.feed.stop()
    reader.feed.say("more")
    reader.offer(3)
    assert reader.lines[3:] == ["... 7 PDUs not shown"]
    assert reader.clock.getDelayedCalls() == []


def test_a_reader_that_fails_at_the_end_of_the_second_gets_no_more(reader: Reader) -> None:
    reader.offer(10)
    reader.fails = True
    reader.clock.advance(1)
    reader.fails = False
    reader.offer(1)
    assert reader.lines == ["line"] * 3


def test_a_clock_set_back_begins_another_second(reader: Reader) -> None:
    reader.offer(3)
    reader.clock.rightNow -= 3600
    assert reader.feed.room == 3


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 2)), max_size=50))
def test_everything_is_shown_or_counted(steps: list[tuple[int, float]]) -> None:
    reader = Reader(per_second=5)
    offered = 0
    for count, wait in steps:
        reader.offer(count)
        offered += count
        reader.clock.advance(wait)
    reader.feed.stop()
    told = sum(
        1 if line == "line" else int(line.split()[1].replace(",", "")) for line in reader.lines
    )
    assert told == offered
