"""Routes: the longest prefix against a naive search, groups, turns, health, explanations."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.router import Match, Router
from smppgw.core.settings import RouteSettings

Groups = tuple[tuple[str, ...], ...]


def route(prefix: str, *groups: tuple[str, ...]) -> RouteSettings:
    return RouteSettings(prefix=prefix, carriers=groups)


def up(name: str) -> bool:
    return True


def down(name: str) -> bool:
    return False


def only(*names: str) -> Callable[[str], bool]:
    return lambda name: name in names


def naive(prefixes: list[str], destination: str) -> Groups:
    matching = [prefix for prefix in prefixes if destination.startswith(prefix)]
    return ((f"c{max(matching, key=len)}",),) if matching else ()


# Few digits, so that prefixes nest; "9" has the successor ":", which is no digit.
DIGITS = st.text("0189", max_size=6)


@given(st.lists(DIGITS, unique=True, max_size=30), st.lists(DIGITS, min_size=1, max_size=30))
def test_the_longest_prefix_wins(prefixes: list[str], destinations: list[str]) -> None:
    router = Router(route(prefix, (f"c{prefix}",)) for prefix in prefixes)
    for destination in [*destinations, *prefixes, *(prefix + "5" for prefix in prefixes)]:
        assert router.groups(destination) == naive(prefixes, destination)


@given(
    st.lists(st.text("aZ0:9/\xe9", max_size=4), unique=True, max_size=20),
    st.lists(st.text("aZ0:9/\xe9\xff", max_size=6), min_size=1, max_size=20),
)
def test_prefixes_need_not_be_digits(prefixes: list[str], destinations: list[str]) -> None:
    router = Router(route(prefix, (f"c{prefix}",)) for prefix in prefixes)
    for destination in destinations:
        assert router.groups(destination) == naive(prefixes, destination)


def test_a_hundred_thousand_prefixes_agree_with_the_naive_search() -> None:
    chance = random.Random(7)
    prefixes: set[str] = set()
    while len(prefixes) < 100_000:
        prefixes.add("".join(chance.choices("0123456789", k=chance.randint(1, 9))))
    router = Router(route(prefix, (f"c{prefix}",)) for prefix in prefixes)
    for _ in range(5_000):
        destination = "".join(chance.choices("0123456789", k=12))
        starts = (destination[:size] for size in range(12, -1, -1))
        longest = next((start for start in starts if start in prefixes), None)
        expected = () if longest is None else ((f"c{longest}",),)
        assert router.groups(destination) == expected


def test_the_empty_prefix_is_for_the_rest() -> None:
    router = Router([route("", ("rest",)), route("33", ("fr",)), route("336", ("mobile",))])
    assert router.groups("33612345678") == (("mobile",),)
    assert router.groups("33112345678") == (("fr",),)
    assert router.groups("34612345678") == (("rest",),)
    assert router.groups("32") == (("rest",),)
    assert router.groups("") == (("rest",),)
    assert router.groups("MyBrand") == (("rest",),)


def test_no_route() -> None:
    router = Router([route("33", ("fr",))])
    assert router.groups("3") == ()
    assert router.groups("34") == ()
    assert router.choose("34", up) is None
    assert Router().choose("33", up) is None


def test_two_routes_with_one_prefix_are_refused() -> None:
    with pytest.raises(ValueError, match="'33'"):
        Router([route("33", ("a",)), route("33", ("b",))])


def test_the_first_group_with_a_usable_carrier_gives_it() -> None:
    router = Router([route("", ("a",), ("b", "c"), ("d",))])
    assert router.choose("1", up) == "a"
    assert router.choose("1", only("c", "d")) == "c"
    assert router.choose("1", only("d")) == "d"


def test_carriers_of_a_group_take_turns() -> None:
    router = Router([route("", ("a", "b", "c"))])
    assert [router.choose("1", up) for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]


def test_turns_skip_what_is_down_and_stay_even() -> None:
    router = Router([route("", ("a", "b", "c"))])
    chosen = [router.choose("1", only("a", "c")) for _ in range(6)]
    assert chosen == ["a", "c", "a", "c", "a", "c"]
    back = Counter(router.choose("1", up) for _ in range(300))
    assert back == {"a": 100, "b": 100, "c": 100}


def test_a_carrier_named_twice_gets_two_turns() -> None:
    router = Router([route("", ("a", "a", "b"))])
    assert Counter(router.choose("1", up) for _ in range(300)) == {"a": 200, "b": 100}


def test_routes_with_the_same_group_share_its_turn() -> None:
    router = Router([route("1", ("a", "b")), route("2", ("a", "b"))])
    assert [router.choose(number, up) for number in ("1", "2", "1", "2")] == ["a", "b", "a", "b"]


def test_what_was_tried_is_left_out() -> None:
    router = Router([route("", ("a", "b"), ("c",))])
    assert router.choose("1", up, {"a"}) == "b"
    assert router.choose("1", up, ("a", "b")) == "c"
    assert router.choose("1", up, ["a", "b", "c"]) is None


def test_when_none_is_usable_the_first_holds_the_message() -> None:
    router = Router([route("", ("a", "b"), ("c",))])
    assert [router.choose("1", down) for _ in range(3)] == ["a", "a", "a"]
    assert router.choose("1", down, {"a"}) == "b"
    assert router.choose("1", down, {"a", "b"}) == "c"
    assert router.choose("1", down, {"a", "b", "c"}) is None


def test_holding_takes_nobodys_turn() -> None:
    router = Router([route("", ("a", "b"))])
    assert router.choose("1", up) == "a"
    assert router.choose("1", down) == "a"
    assert router.choose("1", up) == "b"


def test_only_as_many_carriers_are_asked_as_needed() -> None:
    asked: list[str] = []

    def usable(name: str) -> bool:
        asked.append(name)
        return name == "b"

    router = Router([route("", ("a",), ("b",), ("c",))])
    assert router.choose("1", usable) == "b"
    assert asked == ["a", "b"]


def test_empty_groups_do_not_count() -> None:
    router = Router([route("1", (), ("a",)), route("2", ()), route("3")])
    assert router.groups("1") == (("a",),)
    assert router.choose("1", up) == "a"
    assert router.choose("2", up) is None
    assert router.choose("3", up) is None
    assert router.match("3") == Match("3", ())


@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1), min_size=1), st.data())
def test_a_choice_is_usable_and_from_the_best_group(
    groups: list[list[str]], data: st.DataObject
) -> None:
    router = Router([route("", *(tuple(group) for group in groups))])
    for _ in range(5):
        usable = data.draw(st.frozensets(st.sampled_from("abcd")))
        tried = data.draw(st.frozensets(st.sampled_from("abcd")))
        chosen = router.choose("1", usable.__contains__, tried)
        candidates = [set(group) & (usable - tried) for group in groups]
        best = next((group for group in candidates if group), None)
        left = [name for group in groups for name in group if name not in tried]
        if best is not None:
            assert chosen in best
        else:
            assert chosen == (left[0] if left else None)


def test_a_match_says_what_choose_will_look_at() -> None:
    router = Router([route("33", ("a", "b"), ("c",)), route("", ("d",))])
    assert len(router) == 2
    assert router.match("33612345678") == Match("33", (("a", "b"), ("c",)))
    assert router.match("34") == Match("", (("d",),))
    assert Router([route("33", ("a",))]).match("44") is None


def test_a_match_shows_whose_turn_it_is_and_takes_none() -> None:
    router = Router([route("", ("a", "b"))])
    router.choose("1", up)
    for _ in range(3):
        assert router.match("1") == Match("", (("b", "a"),))
    assert router.choose("1", up) == "b"


@given(st.lists(st.text("0123", max_size=3), unique=True), st.text("0123", max_size=5))
def test_the_table_has_every_route_once_and_the_match_is_one_of_them(
    prefixes: list[str], destination: str
) -> None:
    router = Router([route(prefix, ("a",)) for prefix in prefixes])
    assert [one.prefix for one in router.table("", 99)] == sorted(prefixes)
    begun = sorted(prefix for prefix in prefixes if prefix.startswith("1"))
    assert [one.prefix for one in router.table("1", 2)] == begun[:2]
    found = router.match(destination)
    fitting = [prefix for prefix in prefixes if destination.startswith(prefix)]
    assert (found and found.prefix) == (max(fitting, key=len) if fitting else None)


def test_carriers_of_a_common_route_are_beside_each_other() -> None:
    router = Router(
        [
            RouteSettings(prefix="33", carriers=(("a",), ("b", "c"))),
            RouteSettings(prefix="44", carriers=(("a", "d"),)),
            RouteSettings(prefix="49", carriers=(("e",),)),
        ]
    )
    assert {name: set(router.beside(name)) for name in "abdex"} == {
        "a": {"b", "c", "d"},
        "b": {"a", "c"},
        "d": {"a"},
        "e": set(),
        "x": set(),
    }
