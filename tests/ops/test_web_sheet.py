"""The text of the metrics is written in pieces, once for all who ask at about that time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock

from smppgw.ops.web.sheet import FRESH, SLICE, Sheet


class Pieces:
    """Three pieces that take a slice each, and how often they were written."""

    def __init__(self, clock: Clock, takes: float = SLICE) -> None:
        self.clock = clock
        self.takes = takes
        self.texts = 0
        self.pieces = 0
        self.broken = False

    def __call__(self) -> Iterator[bytes]:
        self.texts += 1
        for letter in b"abc":
            self.pieces += 1
            self.clock.rightNow += self.takes
            if self.broken and letter == ord("b"):
                raise RuntimeError("broken")
            yield bytes([letter])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pieces(clock: Clock) -> Pieces:
    return Pieces(clock)


@pytest.fixture
def sheet(pieces: Pieces, clock: Clock) -> Sheet:
    return Sheet(pieces, clock)


def turn(clock: Clock) -> None:
    """One turn of a reactor: what is asked for in it comes in the next."""
    for call in clock.getDelayedCalls():
        action = call.func, call.args
        call.cancel()
        action[0](*action[1])


def turns(clock: Clock, count: int = 10) -> None:
    for _ in range(count):
        turn(clock)


def test_a_short_text_is_written_in_one_turn(clock: Clock) -> None:
    pieces = Pieces(clock, SLICE / 4)
    said: list[bytes] = []
    Sheet(pieces, clock).text().addCallback(said.append)
    turn(clock)
    assert said == [b"abc"]
    assert clock.getDelayedCalls() == []


def test_others_have_their_turn_between_two_slices(
    sheet: Sheet, pieces: Pieces, clock: Clock
) -> None:
    said: list[bytes] = []
    sheet.text().addCallback(said.append)
    for count in range(3):
        assert pieces.pieces == count
        turn(clock)
    assert said == []
    turn(clock)
    assert said == [b"abc"]
    assert clock.getDelayedCalls() == []


def test_one_text_for_all_who_ask_at_that_time(sheet: Sheet, pieces: Pieces, clock: Clock) -> None:
    said: list[bytes] = []
    for _ in range(50):
        sheet.text().addCallback(said.append)
        turn(clock)
    assert said == [b"abc"] * 50
    assert pieces.texts == 1
    clock.advance(FRESH + 0.001)
    sheet.text().addCallback(said.append)
    turns(clock)
    assert len(said) == 51
    assert pieces.texts == 2


def test_a_clock_that_steps_back_does_not_keep_the_text(
    sheet: Sheet, pieces: Pieces, clock: Clock
) -> None:
    clock.advance(1000)
    sheet.text()
    turns(clock)
    clock.rightNow -= 500
    sheet.text()
    turns(clock)
    assert pieces.texts == 2


def test_a_piece_that_fails_is_told_and_the_next_text_is_another(
    sheet: Sheet, pieces: Pieces, clock: Clock
) -> None:
    pieces.broken = True
    failed = [sheet.text(), sheet.text()]
    turns(clock)
    for one in failed:
        found: list[str] = []
        one.addErrback(lambda failure, found=found: found.append(failure.getErrorMessage()))
        assert found == ["broken"]
    pieces.broken = False
    said: list[bytes] = []
    sheet.text().addCallback(said.append)
    turns(clock)
    assert said == [b"abc"]


def test_stop(sheet: Sheet, clock: Clock) -> None:
    said: list[bytes] = []
    sheet.text().addCallback(said.append)
    turn(clock)
    sheet.stop()
    assert clock.getDelayedCalls() == []
    sheet.stop()
    turns(clock)
    assert said == []
