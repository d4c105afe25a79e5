"""How far a link is trusted: doubt, probing, the pauses between probes, and clocks that step."""

from __future__ import annotations

from smppgw.core.trust import Trust

WINDOW = 10


def silent(trust: Trust, sent_at: float, now: float) -> bool:
    """A submit gets no answer within 60 s; pauses are 1 to 8 s."""
    return trust.unanswered(sent_at, now - 30, now, 1.0, 8.0)


def room(trust: Trust, now: float, taken: int = 0, heard: float = 0.0) -> int:
    return trust.room(WINDOW, taken, heard, now)


def test_it_starts_full() -> None:
    trust = Trust()
    assert trust.full
    assert room(trust, 0.0, taken=3) == 7


def test_a_doubt_ends_with_anything_that_is_heard() -> None:
    trust = Trust()
    trust.doubt(heard=5.0)
    assert not trust.full
    assert room(trust, 10.0, heard=5.0) == 0
    assert room(trust, 10.0, heard=10.0) == WINDOW
    assert trust.full


def test_a_doubt_ends_with_its_session() -> None:
    trust = Trust()
    trust.doubt(heard=5.0)
    trust.renew()
    assert trust.full
    assert room(trust, 10.0, heard=5.0) == WINDOW


def test_one_lost_answer_of_many_says_nothing() -> None:
    trust = Trust()
    assert not trust.answered(55.0)
    assert not silent(trust, 0.0, 60.0)
    assert trust.full


def test_silence_leaves_one_at_a_time_until_an_answer() -> None:
    trust = Trust()
    assert silent(trust, 0.0, 60.0)
    assert trust.probing
    assert [room(trust, 60.0, taken) for taken in (0, 1, 9)] == [1, 0, 0]
    assert trust.answered(61.0), "it ended the probing"
    assert trust.full
    assert room(trust, 61.0, taken=1) == 9
    assert not trust.answered(62.0)


def test_pauses_between_probes_grow_up_to_the_longest() -> None:
    trust = Trust()
    now = 60.0
    silent(trust, 0.0, now)
    pauses = []
    for _ in range(6):
        assert room(trust, now) == 1
        sent, now = now, now + 60.0
        silent(trust, sent, now)
        assert room(trust, now) == 0
        pauses.append(trust.next_probe - now)
        now = trust.next_probe
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    trust.answered(now)
    silent(trust, now + 100, now + 160)
    assert room(trust, now + 160) == 1, "the first probe does not wait"


def test_what_was_sent_before_the_probing_is_no_probe() -> None:
    trust = Trust()
    silent(trust, 0.0, 60.0)
    for n in range(1, 10):
        silent(trust, float(n), 60.0 + n)
    assert room(trust, 70.0) == 1


def test_probing_outlives_the_session() -> None:
    trust = Trust()
    silent(trust, 0.0, 60.0)
    trust.renew()
    assert trust.probing
    assert not trust.full
    assert room(trust, 61.0) == 1


def test_a_receiver_gets_no_probe() -> None:
    trust = Trust()
    silent(trust, 0.0, 60.0)
    assert trust.room(0, 0, 0.0, 60.0) == 0


def test_a_clock_that_steps_back_holds_nothing_up() -> None:
    trust = Trust()
    silent(trust, 0.0, 60.0)
    silent(trust, 60.0, 120.0)
    trust.doubt(heard=119.0)
    assert room(trust, 120.0, heard=119.0) == 0
    assert room(trust, -3000.0, heard=-3000.0) == 1
