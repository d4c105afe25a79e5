"""What the microblog knows from memory is what its rows say, whatever happened to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from microblog_kit import MARIE, PAUL, Place

from smppgw.features.microblog import acquaintance, counts, guard
from smppgw.features.microblog.counts import Counts
from smppgw.features.microblog.quiet import Nights, quiet_until
from smppgw.features.microblog.schema import MIGRATIONS
from smppgw.features.microblog.users import User, Users


class Rows:
    """The tables, with pieces of work that may not stay: as much of a Host as rows need."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        for script in MIGRATIONS:
            self._connection.executescript(script)
        self.undone = 0
        self.ms = 1_000_000
        self.asked = 0

    def now(self) -> int:
        return self.ms

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self.asked += 1
        return self._connection.execute(sql, tuple(values)).fetchall()

    def change(self, sql: str, values: Sequence[Any] = ()) -> None:
        self._connection.execute(sql, tuple(values))

    def work(self, work: Callable[[], object], *, stays: bool) -> None:
        self._connection.execute("BEGIN")
        work()
        self._connection.execute("COMMIT" if stays else "ROLLBACK")
        self.undone += not stays


def users_of(rows: Rows) -> Users:
    host: Any = rows
    return Users(host)


def person(number: int, name: str | None, phone: str | None) -> User:
    folded = None if name is None else name.casefold()
    return User(id=number, username=name, folded=folded, phone=phone, created=7)


# ---------------------------------------------------------------- users

NUMBERS, NAMES, PHONES = (1, 2, 3, 4), ("Ann", "Bob", "Eve"), ("33611", "33622", "33633")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("put", "move", "rename", "count", "off", "remove", "look", "stale")),
        st.sampled_from(NUMBERS),
        st.sampled_from(NAMES),
        st.sampled_from((*PHONES, None)),
        st.booleans(),
    ),
    max_size=30,
)


def take(users: Users, step: str, number: int, name: str, phone: str | None) -> None:
    found = users.by_id(number)
    if step == "put":
        users.put(person(number, name, phone))
    elif step == "remove" and found is not None:
        users.remove(found)
    elif step == "count":
        users.count(number, "followers", 1)
    elif step == "off" and found is not None:
        users.change(found, posts_on=False, bio=name)
    elif step == "stale" and found is not None:
        users.change(found, location=name)
        users.change(found, bio="later")  # of a row that was read before
    elif step == "rename" and found is not None and users.is_free(name, number):
        users.rename(found, name)
    elif step == "move" and found is not None and users.by_phone(phone or "") is None:
        users.change(found, phone=phone)


def looks(users: Users) -> list[User | None]:
    """Everybody, by all that they are known by."""
    return [
        *map(users.by_id, NUMBERS),
        *map(users.by_name, NAMES),
        *map(users.by_phone, PHONES),
    ]


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_users_from_memory_are_those_of_the_table(steps: list[Any]) -> None:
    rows = Rows()
    users = users_of(rows)
    for step, number, name, phone, stays in steps:
        if step != "look":
            rows.work(partial(take, users, step, number, name, phone), stays=stays)
        assert looks(users) == looks(users_of(rows))


def test_who_was_met_is_not_read_again() -> None:
    rows = Rows()
    users = users_of(rows)
    users.put(person(1, "Ann", "33611"))
    users.by_id(1)
    before = rows.asked
    assert users.by_phone("33611") == users.by_name("@ANN") == users.by_id(1)
    assert users.exists("ann")
    users.count(1, "posts", 1)
    assert users.by_id(1).posts == 1
    assert rows.asked == before


def test_a_crowd_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acquaintance, "KNOWN", 3)
    rows = Rows()
    users = users_of(rows)
    for number in range(1, 9):
        users.put(person(number, f"u{number}", f"336{number}"))
    known = users._known
    assert len(known) == len(known._phones) == len(known._names) == 3
    assert [users.by_id(number).phone for number in range(1, 9)] == [
        f"336{number}" for number in range(1, 9)
    ]


def test_what_a_failed_piece_of_work_said_is_forgotten(tmp_path: Path) -> None:
    place = Place(tmp_path)
    paul = place.member("paul", PAUL)

    def work() -> None:
        place.blog.users.change(paul, bio="never")
        assert place.user("paul").bio == "never"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        place.work(work)
    assert place.user("paul").bio == ""


# ---------------------------------------------------------------- counts


def counts_of(rows: Rows) -> Counts:
    host: Any = rows
    return Counts(host)


def test_counts_go_on_and_begin_again_after_their_time() -> None:
    rows = Rows()
    one = counts_of(rows)
    assert [one.add(PAUL, "posts", 1_000, 5) for _ in range(7)] == [1, 2, 3, 4, 5, 6, 7]
    assert one.add(MARIE, "posts", 1_000, 5) == 1
    assert one.add(PAUL, "texts", 1_000, 5) == 1
    rows.ms += 999
    assert one.add(PAUL, "posts", 1_000, 5) == 8
    rows.ms += 1
    assert one.add(PAUL, "posts", 1_000, 5) == 1


@given(st.integers(1, 40), st.integers(1, 12))
def test_a_crash_takes_a_count_back_to_what_was_kept(count: int, kept: int) -> None:
    rows = Rows()
    before = counts_of(rows)
    for _ in range(count):
        before.add(PAUL, "posts", 10_000, kept)
    after = counts_of(rows).add(PAUL, "posts", 10_000, kept)
    assert after == count - count % kept + 1


def test_few_texts_write_no_row() -> None:
    rows = Rows()
    one = counts_of(rows)
    for _ in range(4):
        one.add(PAUL, "posts", 1_000, 5)
    assert rows.query("SELECT * FROM microblog_count") == []


def test_counts_of_a_crowd_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "KNOWN", 2)
    rows = Rows()
    one = counts_of(rows)
    for number in range(6):
        assert [one.add(f"3360{number}", "posts", 1_000, 2) for _ in range(3)] == [1, 2, 3]
    assert len(one._phones) == 2
    assert one.add("33600", "posts", 1_000, 2) == 3  # one was not kept
    one.forget("33600")
    assert one.add("33600", "posts", 1_000, 2) == 3


def test_who_has_sent_too_much_has_so_after_a_crash(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.member("paul", PAUL)
    answers = [place.text(PAUL, f"WHOIS paul {n}", 0.2) for n in range(guard.MOST_TEXTS + 3)]
    told = [number for number, one in enumerate(answers) if one and "10 min" in one[-1]]
    assert told == [guard.MOST_TEXTS]
    assert answers[-1] == []
    place.world.crash()
    assert place.text(PAUL, "STATS") == []
    place.later(600)
    assert place.text(PAUL, "STATS") != []


# ---------------------------------------------------------------- what else is remembered


@given(st.lists(st.tuples(st.integers(0, 3 * 86_400), st.sampled_from((0, 600, 1320)))))
def test_quiet_times_are_the_same_when_they_are_remembered(moments: list[tuple[int, int]]) -> None:
    nights = Nights()
    base = person(1, None, "33611")
    for seconds, begin in moments:
        one = evolve(base, zone="Europe/Paris", quiet_from=begin, quiet_to=420)
        now = 1_893_916_800_000 + seconds * 1000
        assert nights.until(one, now) == quiet_until(one, now)


def test_the_rest_of_a_private_message_is_none_after_a_crash_either(tmp_path: Path) -> None:
    place = Place(tmp_path)
    paul, marie = place.member("paul", PAUL), place.member("marie", MARIE)
    place.follows(marie, paul)
    long = "D marie " + "x" * 152
    assert len(long) == 160
    place.text(PAUL, long, 0.5)
    place.world.crash()
    place.text(PAUL, "the end of it", 0.5)
    assert place.posts == []
    place.later(40)
    place.text(PAUL, "a post", 0.5)
    assert place.posts == ["a post"]
    assert "".join(place.received(MARIE)).endswith("the end of it")
