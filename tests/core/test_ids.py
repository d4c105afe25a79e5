"""Message ids: order, uniqueness, bad clocks, restarts, text forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.ids import EPOCH_MS, MessageIds, format_id, parse_id, time_of

NOW_MS = 1_790_000_000_000
IDS = st.integers(0, 2**63 - 1)


class Clock:
    """A clock in milliseconds that shows what the test says."""

    def __init__(self, ms: int = NOW_MS) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


def following(times: Iterable[int]) -> MessageIds:
    steps: Iterator[int] = iter(times)
    return MessageIds(lambda: next(steps), 5)


def node_of(message_id: int) -> int:
    return message_id >> 15 & 0x3F


def test_an_id_holds_time_node_and_counter() -> None:
    ids = MessageIds(Clock(), 63)
    first, second = ids.next(), ids.next()
    assert first == (NOW_MS - EPOCH_MS) << 21 | 63 << 15
    assert second == first + 1
    assert time_of(first) == time_of(second) == NOW_MS / 1000
    assert node_of(first) == 63


def test_a_new_millisecond_starts_a_new_count() -> None:
    clock = Clock()
    ids = MessageIds(clock, 1)
    ids.next()
    ids.next()
    clock.ms += 1
    assert ids.next() & 0x7FFF == 0


def test_a_clock_that_steps_back_does_not_repeat() -> None:
    clock = Clock()
    ids = MessageIds(clock, 0)
    before = ids.next()
    clock.ms -= 3_600_000
    after = [ids.next() for _ in range(3)]
    assert after == [before + 1, before + 2, before + 3]


def test_a_full_millisecond_borrows_from_the_next() -> None:
    ids = MessageIds(Clock(), 7)
    given_ = [ids.next() for _ in range(3 * 32_768)]
    assert len(set(given_)) == len(given_)
    assert given_ == sorted(given_)
    assert {node_of(one) for one in given_} == {7}
    assert time_of(given_[-1]) == (NOW_MS + 2) / 1000


def test_what_was_borrowed_is_not_given_again_when_its_time_comes() -> None:
    clock = Clock()
    ids = MessageIds(clock, 7)
    last = [ids.next() for _ in range(32_769)][-1]
    clock.ms += 1
    assert ids.next() == last + 1


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=200))
def test_ids_increase_whatever_the_clock_does(times: list[int]) -> None:
    ids = following(times)
    given_ = [ids.next() for _ in times]
    assert all(a < b for a, b in pairwise(given_))
    assert all(0 < one < 2**63 and node_of(one) == 5 for one in given_)


@given(st.lists(st.integers(1, 32_768), min_size=1, max_size=20), st.integers(0, 63))
def test_several_ids_follow_each_other(counts: list[int], node: int) -> None:
    ids = MessageIds(Clock(), node)
    last = ids.next()
    for count in counts:
        first = ids.several(count)
        assert first > last
        last = first + count - 1
        assert node_of(first) == node_of(last) == node
        assert first >> 15 == last >> 15
    assert ids.next() > last


@pytest.mark.parametrize("count", [0, -1, 32_769])
def test_more_than_a_millisecond_has_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="ids at a time"):
        MessageIds(Clock(), 0).several(count)


@given(
    st.integers(0, 2**62),
    st.integers(0, 63),
    st.integers(EPOCH_MS - 10_000, EPOCH_MS + 2**41),
)
def test_a_restart_goes_on_above_the_last_id(after: int, node: int, ms: int) -> None:
    ids = MessageIds(Clock(ms), node, after)
    first, second = ids.next(), ids.next()
    assert after < first < second
    assert node_of(first) == node_of(second) == node
    # At most one millisecond is given away to be sure.
    assert first >> 21 <= max(ms - EPOCH_MS, (after >> 21) + 1)


def test_a_clock_before_2020_still_gives_positive_ids() -> None:
    ids = MessageIds(Clock(0), 0)
    assert 0 < ids.next() < ids.next()


@given(st.integers(0, 62), st.lists(st.integers(0, 3), min_size=1, max_size=50))
def test_two_nodes_never_give_the_same_id(node: int, steps: list[int]) -> None:
    clock = Clock()
    one, other = MessageIds(clock, node), MessageIds(clock, node + 1)
    given_ = []
    for step in steps:
        clock.ms += step - 1
        given_ += [one.next(), other.next()]
    assert len(set(given_)) == len(given_)


@pytest.mark.parametrize("node", [-1, 64])
def test_a_node_out_of_range_is_refused(node: int) -> None:
    with pytest.raises(ValueError, match="node"):
        MessageIds(Clock(), node)


@pytest.mark.parametrize("after", [-1, 2**63])
def test_a_last_id_out_of_range_is_refused(after: int) -> None:
    with pytest.raises(ValueError, match="not a message id"):
        MessageIds(Clock(), 0, after)


@given(IDS)
def test_text_and_number_are_the_same_id(message_id: int) -> None:
    text = format_id(message_id)
    assert len(text) == 16
    assert set(text) <= set("0123456789abcdef")
    assert parse_id(text) == message_id
    assert parse_id(text.upper()) == message_id
    assert parse_id(text.lstrip("0") or "0") == message_id
    assert parse_id("0000" + text) == message_id


@given(IDS, IDS)
def test_text_sorts_like_numbers(one: int, other: int) -> None:
    assert (format_id(one) < format_id(other)) == (one < other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0x1f",
        "1_0",
        "+1f",
        "-1",
        "1f\n",
        " 1f",
        "1g",
        "\u0661",
        "1f\0",
        "8000000000000000",  # 2**63: not ours, and no store could look it up
        "ffffffffffffffff",
        "000000000000000000001",
        "1" * 65,
    ],
)
def test_garbage_is_nobodys_id(text: str) -> None:
    assert parse_id(text) is None


@given(st.text(max_size=70))
def test_reading_never_raises(text: str) -> None:
    message_id = parse_id(text)
    assert message_id is None or 0 <= message_id < 2**63
