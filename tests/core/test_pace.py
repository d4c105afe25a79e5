"""Pace: answers wait for fast carriers, for a moment, in order, and for slow ones never."""

from __future__ import annotations

from twisted.internet.task import Clock

from smppgw.core.pace import FALL, FAST, HELD, MEASURED, Pace


class Bind:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.gone = 0

    def give(self, data: bytes, answers: int) -> None:
        self.given.append(data)

    def flush(self) -> None:
        self.gone = len(self.given)


class Rig:
    """A pace with carriers that are behind, or not."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.behind = True
        self.pace = Pace(self.clock, lambda: self.behind)
        self.bind = Bind()

    def run_at(self, rate: float) -> None:
        """Carriers take messages at a rate for long enough to be measured."""
        self.clock.advance(MEASURED)
        self.pace.sent(int(rate * MEASURED))


def test_slow_carriers_hold_nothing_back() -> None:
    rig = Rig()
    rig.run_at(FAST / 2)
    rig.pace.release(rig.bind, b"a", 10)
    assert rig.bind.given == [b"a"]


def test_fast_carriers_that_keep_up_hold_nothing_back() -> None:
    rig = Rig()
    rig.behind = False
    rig.run_at(FAST * 5)
    rig.pace.release(rig.bind, b"a", 10)
    assert rig.bind.given == [b"a"]


def test_a_pause_of_the_machine_lets_nobody_run_ahead() -> None:
    rig = Rig()
    rig.run_at(FAST * 5)
    rig.clock.advance(3 * MEASURED)
    rig.pace.sent(1)
    rig.pace.release(rig.bind, b"a", 10)
    assert rig.bind.given == []
    rig.pace.stop()


def test_a_carrier_that_becomes_slow_holds_nothing_back_soon() -> None:
    rig = Rig()
    rig.run_at(FAST * 5)
    for _ in range(round(3 * FALL / MEASURED)):
        rig.run_at(FAST / 2)
    rig.pace.release(rig.bind, b"a", 10)
    assert rig.bind.given == [b"a"]


def test_a_rate_rises_at_once() -> None:
    rig = Rig()
    for _ in range(20):
        rig.run_at(FAST / 20)
    rig.run_at(FAST * 2)
    rig.pace.release(rig.bind, b"a", 10)
    assert rig.bind.given == []
    rig.pace.stop()


def test_answers_come_as_carriers_take_messages() -> None:
    rig = Rig()
    rig.run_at(FAST * 5)
    for name in (b"a", b"b", b"c"):
        rig.pace.release(rig.bind, name, 10)
    assert rig.bind.given == []
    rig.pace.sent(1)
    assert rig.bind.given == [b"a"], "a chunk goes as soon as there is credit"
    rig.pace.sent(8)
    assert rig.bind.given == [b"a"], "and is paid for before the next"
    rig.pace.sent(2)
    assert rig.bind.given == [b"a", b"b"]
    assert rig.bind.gone == 2, "nobody else lets them go"
    rig.pace.stop()


def test_everything_goes_when_the_carriers_have_caught_up() -> None:
    rig = Rig()
    rig.run_at(FAST * 5)
    for name in (b"a", b"b", b"c"):
        rig.pace.release(rig.bind, name, 10)
    rig.behind = False
    rig.pace.sent(1)
    assert rig.bind.given == [b"a", b"b", b"c"]
    rig.pace.stop()


def test_no_answer_waits_longer_than_a_moment() -> None:
    rig = Rig()
    rig.run_at(FAST * 5)
    rig.pace.release(rig.bind, b"a", 10)
    rig.clock.advance(HELD / 2)
    rig.pace.release(rig.bind, b"b", 10)
    assert rig.bind.given == []
    rig.clock.advance(HELD / 2)
    assert rig.bind.given == [b"a"]
    assert rig.bind.gone == 1
    rig.clock.advance(HELD / 2)
    assert rig.bind.given == [b"a", b"b"]
    assert not rig.clock.getDelayedCalls()


def test_what_comes_later_does_not_overtake() -> None:
    rig = Rig()
    rig.run_at(FAST * 5)
    rig.pace.release(rig.bind, b"a", 10)
    rig.behind = False
    rig.pace.release(rig.bind, b"b", 10)
    assert rig.bind.given == []
    rig.pace.sent(1)
    assert rig.bind.given == [b"a", b"b"]
    rig.pace.stop()


def test_a_stop_lets_everything_go() -> None:
    rig = Rig()
    rig.run_at(FAST * 5)
    rig.pace.release(rig.bind, b"a", 10)
    rig.pace.stop()
    assert rig.bind.given == [b"a"]
    assert not rig.clock.getDelayedCalls()


def test_credit_does_not_pile_up_while_nobody_waits() -> None:
    rig = Rig()
    rig.run_at(FAST * 50)
    for name in (b"a", b"b"):
        rig.pace.release(rig.bind, name, 10)
    assert rig.bind.given == []
    rig.pace.stop()
