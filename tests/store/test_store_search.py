"""Messages found by what they are: in rows, in memory, and within bounds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from unittest.mock import patch

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from smppgw.core.ids import format_id
from smppgw.core.message import Message, State
from smppgw.core.store import rows, schema, search
from smppgw.core.store.batch import Batch
from smppgw.core.store.engine import Engine
from smppgw.core.store.search import Found, Search, Wanted, id_at, near

SECOND = 1_000 << 21


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path)
    yield made
    made.close()


def message(number: int, **fields: object) -> Message:
    fields = {"account": "agg1", "source": "38100", "destination": "33600000000", **fields}
    fixed = [fields.pop(name) for name in ("account", "source", "destination")]
    return Message(number, *fixed, 0, 1, 0, b"", **fields)  # type: ignore[arg-type]


def stored(engine: Engine, *messages: Message) -> None:
    for one in messages:
        engine._connection.execute(rows.INSERT_MESSAGE, rows.message_image(one))


def young(engine: Engine, *messages: Message) -> None:
    """In memory and in the journal; their rows, if any, are older."""
    engine.write(Batch(touched={one.id: one for one in messages}))


def ids(found: Found) -> list[int]:
    return [one.id for one in found.messages]


def look(engine: Engine, limit: int = 100, **asked: object) -> Found:
    """What a thread finds, and the reactor, and both one after the other: it is all the same."""
    wanted = Wanted(**asked)  # type: ignore[arg-type]
    found = Search(engine, wanted).finish(limit)
    at_once = near(engine, wanted, limit, seconds=60)
    assert at_once.done or not found.more
    assert told(at_once) == told(found)
    for size in (1, 3, 10):
        with patch.object(search, "NEAR", size):
            assert told(near(engine, wanted, limit, seconds=60)) == told(found)
            first = near(engine, wanted, limit, seconds=0)
        if not first.done:
            older = evolve(wanted, last=first.reached - 1)
            left = limit - len(first.messages)
            first = first.then(Search(engine, older).finish(left))
        assert told(first) == told(found)
    return found


def told(found: Found) -> tuple[list[tuple[int, int]], bool]:
    return [(one.id, one.state) for one in found.messages], found.more


def test_everything_newest_first(engine: Engine) -> None:
    stored(engine, *(message(number) for number in (1, 3, 2)))
    found = look(engine)
    assert ids(found) == [3, 2, 1]
    assert (found.rows, found.reached, found.more) == (3, 0, False)


def test_an_empty_store(engine: Engine) -> None:
    assert look(engine) == Found((), 0, 0, False)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"destination": "33611111111"}, [5, 2]),
        ({"destination": "336*"}, [5, 4, 3, 2, 1]),
        ({"destination": "*1111"}, [5, 2]),
        ({"destination": "3*1111*1"}, [5, 2]),
        ({"destination": "336"}, []),
        ({"source": "shop"}, [3]),
        ({"source": "sh*"}, [3]),
        ({"source": "33999"}, [4]),
        ({"account": "agg2"}, [4]),
        ({"account": "agg"}, []),
        ({"carrier": "fr-a"}, [2]),
        ({"states": frozenset((2, 5))}, [5, 4]),
        ({"remote_key": "abc"}, [5]),
        ({"first": 3}, [5, 4, 3]),
        ({"last": 2}, [2, 1]),
        ({"first": 2, "last": 4, "destination": "*1111"}, [2]),
        ({"first": 5, "last": 4}, []),
        ({"destination": "336*", "parts": True}, [6, 5, 4, 3, 2, 1]),
    ],
)
@pytest.mark.parametrize("place", [stored, young])
def test_what_is_wanted(
    engine: Engine, place, wanted: dict[str, object], expected: list[int]
) -> None:
    place(
        engine,
        message(1),
        message(2, destination="33611111111", carrier="fr-a"),
        message(3, source="SHOP"),
        message(4, source="+33999", account="agg2", state=State.UNDELIVERABLE),
        message(5, destination="33611111111", state=State.DELIVERED, remote_key="abc"),
        message(6, part_of=5, part=1),
    )
    assert ids(look(engine, **wanted)) == expected


def test_what_memory_has_counts_and_its_row_does_not(engine: Engine) -> None:
    stored(engine, message(1), message(2))
    young(engine, message(2, state=State.DELIVERED), message(3))
    assert ids(look(engine, states=frozenset((20,)))) == [3, 1]
    (found,) = look(engine, states=frozenset((2,))).messages
    assert (found.id, found.state) == (2, State.DELIVERED)
    assert ids(look(engine)) == [3, 2, 1]


def test_enough_is_enough(engine: Engine) -> None:
    stored(engine, *(message(number) for number in range(1, 31)))
    young(engine, *(message(number) for number in range(25, 41)))
    found = look(engine, 20)
    assert ids(found) == list(range(40, 20, -1))
    assert found.more
    found = look(engine, 20, last=20)
    assert ids(found) == list(range(20, 0, -1))
    assert not found.more


def test_a_walk_ends_after_so_many_rows_and_says_where(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "CHUNK", 10)
    stored(engine, *(message(number) for number in range(1, 101)))
    young(engine, message(50, destination="x"))
    found = Search(engine, Wanted(destination="x")).finish(5, most=30)
    assert (found.messages, found.rows, found.reached) == ((), 30, 71)
    found = Search(engine, Wanted(destination="x", last=70)).finish(5, most=30)
    assert (ids(found), found.reached) == ([50], 41)
    found = Search(engine, Wanted(destination="x", last=40)).finish(5, most=1000)
    assert (found.messages, found.rows, found.reached) == ((), 40, 0)


def test_a_walk_ends_after_so_long(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "CHUNK", 10)
    stored(engine, *(message(number) for number in range(1, 101)))
    moments = iter(range(1000))
    found = Search(engine, Wanted(account="x"), lambda: float(next(moments))).finish(5, seconds=3.0)
    assert (found.rows, found.reached) == (10 + 20 + 40, 31)


def test_a_row_that_cannot_be_said_in_ascii_is_found_whole(engine: Engine) -> None:
    one = message(
        (1 << 62) + 12345,
        source='a"\\\u0001é漢',
        remote_id="\x7f\u2028",
        due=(1 << 53) + 1,
    )
    one.body = b"\x00\xff"
    stored(engine, one)
    (found,) = Search(engine, Wanted()).finish(5).messages
    names = [name for name in search.COLUMNS if name != "body"]
    assert [getattr(found, name) for name in names] == [getattr(one, name) for name in names]
    assert found.body == b""
    assert found.stored
    assert not found.dirty


def test_pages_leave_nothing_out(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "CHUNK", 7)
    stored(engine, *(message(number) for number in range(1, 60)))
    young(engine, *(message(number) for number in range(10, 80, 3)))
    seen: list[int] = []
    last = search.LAST
    while True:
        found = look(engine, 9, last=last)
        seen += ids(found)
        if not (found.more or found.reached):
            break
        last = (found.messages[-1].id if found.more else found.reached) - 1
    assert seen == sorted({*range(1, 60), *range(10, 80, 3)}, reverse=True)


def test_the_rows_are_walked_by_their_ids_alone(engine: Engine) -> None:
    # Any index of what waits would be walked as a whole for each chunk.
    for wanted in (
        Wanted(carrier="fr-a", states=frozenset((20,))),
        Wanted(states=frozenset((6, 7, 23)), carrier="fr-a", remote_key="1"),
        Wanted(destination="33600000000", account="agg1", states=frozenset((20, 21))),
        Wanted(source="a*", destination="*1"),
    ):
        conditions, values = wanted.sql()
        sql = search.WALK.format(select=rows.SELECT_MESSAGE, conditions=conditions)
        assert _plan(engine, sql, (1, 9, *values)) == [
            "SEARCH message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
        ]
    for sql, values in ((search.BOUNDARY, (1, 9, 5)), (search.COUNT, (1, 9))):
        assert _plan(engine, sql, values) == [
            "SEARCH message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
        ]


def test_nothing_of_other_accounts(engine: Engine) -> None:
    stored(engine, *(message(number, account=f"a{number % 3}") for number in range(1, 10)))
    young(engine, message(10, account="a0"), message(11, account="a1"), message(9, account="a0"))
    some = frozenset(("a1", "a'2"))
    assert ids(look(engine, accounts=some)) == [11, 7, 4, 1]
    assert ids(look(engine, accounts=some, account="a0")) == []
    assert [one.id for one in near(engine, Wanted(accounts=some), 9).messages] == [11, 7, 4, 1]


@pytest.mark.parametrize("sql", [search.NEWEST, search.OLDEST])
def test_ids_are_a_few_steps_in_the_table(engine: Engine, sql: str) -> None:
    assert _plan(engine, sql, (1, 9, 5)[: sql.count("?")]) == [
        "SEARCH message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
    ]


def test_ids_of_rows_and_of_memory(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(engine, *(message(number) for number in range(10, 20)))
    young(engine, message(3), message(19), message(30), message(31))
    assert search.ids_between(engine, 0, search.LAST, 4) == [31, 30, 19, 3]
    assert search.ids_between(engine, 10, 19, 4) == [19, 18, 17, 10]
    assert search.ids_between(engine, 19, 30, 4) == [30, 19]
    assert search.ids_between(engine, 20, 29, 4) == []
    monkeypatch.setattr(search, "RECENT", 2)  # of those in memory
    assert search.ids_between(engine, 0, 9, 4) == []


@given(st.text(alphabet="0123456789abcdefxA", max_size=17))
def test_ids_that_begin_as_typed(prefix: str) -> None:
    span = search.ids_begun(prefix)
    possible = [one for one in (0, 1, 0x0653, search.LAST, 0x0653 << 45) if span]
    for one in possible:
        assert span is not None
        assert (span[0] <= one <= span[1]) == format_id(one).startswith(prefix)
    if span is None:
        assert len(prefix) > 16 or not prefix < "8" or set(prefix) & {"x", "A"}


def _plan(engine: Engine, sql: str, values: tuple[object, ...]) -> list[str]:
    return [row[3] for row in engine._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def test_the_reactor_looks_at_the_newest_for_a_moment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "NEAR", 10)
    stored(engine, *(message(number) for number in range(1, 101)))
    young(engine, message(20, destination="x", stored=True), message(101))
    moments = iter(range(1000))
    wanted = Wanted(destination="x")
    found = near(engine, wanted, 5, lambda: float(next(moments)), seconds=3.0)
    assert (found.messages, found.rows, found.reached) == ((), 1 + 10 + 20 + 40, 31)
    assert not found.done
    found = near(engine, wanted, 5, lambda: 0.0)
    assert (ids(found), found.rows, found.reached, found.done) == ([20], 101, 0, True)
    found = near(engine, Wanted(), 5, lambda: 0.0)
    assert (ids(found), found.done) == ([101, 100, 99, 98, 97], True)
    assert found.rows <= 20, "no more than it takes"


def test_what_came_back_to_memory_late_is_found_in_its_place(engine: Engine) -> None:
    stored(engine, *(message(number) for number in range(1, 41)))
    young(engine, *(message(number, account="late") for number in (39, 3, 20, 38)))
    assert ids(look(engine, 3, account="late")) == [39, 38, 20]


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.integers(1, 40)),
    st.lists(st.integers(1, 40), unique=True),
    st.integers(1, 12),
    st.integers(0, 41),
    st.integers(0, 41),
)
def test_rows_and_memory_are_looked_through_together(
    tmp_path_factory: pytest.TempPathFactory,
    in_rows: set[int],
    in_memory: list[int],
    limit: int,
    first: int,
    last: int,
) -> None:
    engine = Engine(tmp_path_factory.mktemp("store"))
    try:
        stored(engine, *(message(number, carrier="old") for number in in_rows))
        young(engine, *(message(number, carrier="new") for number in in_memory))
        meant = sorted(
            (one for one in {*in_rows, *in_memory} if first <= one <= last), reverse=True
        )
        found = look(engine, limit, first=first, last=last)
        assert ids(found) == meant[:limit]
        assert found.more is (len(meant) > limit)
        only_new = sorted(set(meant) & set(in_memory), reverse=True)
        assert ids(look(engine, limit, carrier="new", first=first, last=last)) == only_new[:limit]
        only_old = sorted(set(meant) - set(in_memory), reverse=True)
        assert ids(look(engine, limit, carrier="old", first=first, last=last)) == only_old[:limit]
    finally:
        engine.close()


def test_nothing_can_be_written_and_nothing_stays_open(engine: Engine) -> None:
    one = Search(engine, Wanted())
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        one._connection.execute("DELETE FROM message")
    one.finish(1)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        one._connection.execute("SELECT 1")


ADDRESS = st.text(alphabet="a1B[]?*é%_\\'", max_size=4)


@given(st.lists(st.tuples(ADDRESS, ADDRESS), min_size=1, max_size=5), ADDRESS, ADDRESS)
def test_rows_and_memory_find_the_same(
    places: list[tuple[str, str]], source: str, destination: str
) -> None:
    connection = sqlite3.connect(":memory:")
    schema.migrate(connection, 0)
    made = [
        message(number, source=one, destination=other)
        for number, (one, other) in enumerate(places, 1)
    ]
    connection.executemany(rows.INSERT_MESSAGE, map(rows.message_image, made))
    wanted = Wanted(source=source, destination=destination)
    conditions, values = wanted.sql()
    sql = search.WALK.format(select=rows.SELECT_MESSAGE, conditions=conditions)
    found = {row[0] for row in connection.execute(sql, (0, search.LAST, *values))}
    connection.close()
    assert found == {one.id for one in made if wanted.fits(one)}
    if "*" in destination and destination.isascii() and not set(destination) & set("[]?\\"):
        for one in made:
            if fnmatchcase(one.destination.lower(), destination.lower()) and not source:
                assert one.id in found


def test_ids_of_a_moment() -> None:
    assert id_at(0) == 0
    assert id_at(1_577_836_801) == SECOND
    assert id_at(1e12) == search.LAST
