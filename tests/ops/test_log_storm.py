"""A storm of one kind: the first are shown, the rest are counted, nothing else is hidden."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from log_kit import event
from twisted.logger import formatEvent

from smppgw.ops.log.storm import MOST_KINDS, Storms


def test_the_first_of_a_second_are_shown_and_the_rest_counted() -> None:
    storms = Storms(per_second=3)
    assert storms.over(10.0) == []
    assert [storms.passes(event("carrier {n}", n=n)) for n in range(10)] == [True] * 3 + [False] * 7
    assert storms.over(10.9) == []
    (more,) = storms.over(11.0)
    assert formatEvent(more) == "and 6 more of these, the last: carrier 9"
    assert more["more"] == 7
    assert storms.over(12.0) == []
    assert storms.passes(event("carrier {n}", n=11))


def test_one_that_was_hidden_is_shown_itself() -> None:
    storms = Storms(per_second=1)
    storms.passes(event(who="a"))
    storms.passes(event(who="b"))
    (more,) = storms.over(5.0)
    assert formatEvent(more) == "hello b"


def test_kinds_do_not_hide_each_other() -> None:
    storms = Storms(per_second=1)
    for one in (
        event("one"),
        event("two"),
        event("one", "error"),
        event("one", log_namespace="smppgw.other"),
    ):
        assert storms.passes(one)
        assert not storms.passes(one)


def test_kinds_without_number_are_bounded() -> None:
    storms = Storms(per_second=2)
    passed = [storms.passes(event(f"words {n}")) for n in range(5 * MOST_KINDS)]
    assert sum(passed) == MOST_KINDS + 2
    (more,) = storms.over(1.0)
    assert more["more"] == 4 * MOST_KINDS - 2


def test_a_clock_set_back_begins_another_second() -> None:
    storms = Storms(per_second=1)
    storms.over(100.0)
    storms.passes(event())
    storms.passes(event())
    assert len(storms.over(50.0)) == 1
    assert storms.passes(event())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5)), max_size=200))
def test_every_event_is_shown_or_counted(arrivals: list[tuple[str, float]]) -> None:
    storms = Storms(per_second=2)
    told = 0
    for words, now in sorted(arrivals, key=lambda one: one[1]):
        told += sum(one["more"] for one in storms.over(now))
        told += storms.passes(event(words))
    told += sum(one["more"] for one in storms.over(100.0))
    assert told == len(arrivals)
