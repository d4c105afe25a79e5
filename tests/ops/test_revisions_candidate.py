"""Edits of one candidate: what they do, what they refuse, and how they move to a newer base."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.ops.config import parse
from smppgw.ops.config.merge import Objects, objects_of, text_of_objects
from smppgw.ops.revisions.candidate import Candidate, EditError, changes, secret_keys
from smppgw.ops.revisions.difference import difference

BASE: Objects = {
    "accounts": {
        "agg2": {"system_id": "agg2", "password_hash": "scrypt$x", "window": 50},
        "agg3": {"system_id": "agg3", "password_hash": "scrypt$y"},
    },
    "carriers": {"b": {"name": "b", "host": "h", "system_id": "s", "password": "clear"}},
    "routes": {"": {"prefix": "", "carriers": ["b"]}},
}
FILE = parse('[[accounts]]\nsystem_id = "agg1"\npassword = "p"\n', "gw.toml", {})


def candidate(base: Objects = BASE) -> Candidate:
    return Candidate(3, base, FILE.declares, {})


@pytest.fixture
def edited() -> Candidate:
    return candidate()


def refused(action: Any, *arguments: Any) -> str:
    with pytest.raises(EditError) as caught:
        action(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_untouched_one_is_clean(edited: Candidate) -> None:
    assert not edited.dirty
    assert edited.changes() == {}
    assert edited.base == 3


def test_adding(edited: Candidate) -> None:
    edited.add("carrier", "c", {"host": "h", "system_id": "s", "throughput": "50"})
    assert edited.dirty
    assert edited.objects["carriers"]["c"] == {
        "name": "c", "host": "h", "system_id": "s", "throughput": 50,
    }  # fmt: skip
    assert "c" not in BASE["carriers"]


def test_the_first_of_its_kind() -> None:
    edited = candidate({})
    edited.add("number", "38100", {"account": "agg1"})
    assert edited.objects == {"numbers": {"38100": {"address": "38100", "account": "agg1"}}}


def test_setting_and_unsetting(edited: Candidate) -> None:
    edited.set("account", "agg2", "window", "20")
    edited.set("account", "agg2", "allow_from", "10.0.0.0/8,::1")
    edited.set("account", "agg2", "delivery_validity", "2d")
    found = edited.objects["accounts"]["agg2"]
    assert (found["window"], found["allow_from"]) == (20, ["10.0.0.0/8", "::1"])
    assert found["delivery_validity"] == "2d"
    edited.unset("account", "agg2", "allow_from")
    edited.unset("account", "agg2", "delivery_validity")
    edited.set("account", "agg2", "window", "50")
    assert not edited.dirty


def test_setting_keys_of_tables_in_it(edited: Candidate) -> None:
    edited.set("carrier", "b", "statuses.0x58.action", "pause")
    edited.set("carrier", "b", "statuses.0x58.delay", "2s")
    assert edited.objects["carriers"]["b"]["statuses"] == {
        "0x58": {"action": "pause", "delay": "2s"}
    }
    edited.unset("carrier", "b", "statuses.0x58.delay")
    assert edited.objects["carriers"]["b"]["statuses"] == {"0x58": {"action": "pause"}}
    edited.unset("carrier", "b", "statuses.0x58.action")
    assert not edited.dirty  # the empty tables went, too
    edited.set("carrier", "b", "statuses.0x58.action", "pause")
    edited.unset("carrier", "b", "statuses.0x58")
    assert not edited.dirty


def test_deleting_and_adding_the_same_again_is_nothing(edited: Candidate) -> None:
    edited.delete("route", "")
    assert edited.changes() == {("routes", ""): None}
    edited.add("route", "", {"carriers": "b"})
    assert not edited.dirty


def test_a_password_and_a_hash_exclude_each_other(edited: Candidate) -> None:
    edited.set("account", "agg2", "password", "x")
    found = edited.objects["accounts"]["agg2"]
    assert "password_hash" not in found
    edited.set("account", "agg2", "password_hash", "scrypt$z")
    assert "password" not in edited.objects["accounts"]["agg2"]


def test_what_the_file_owns_is_refused_with_its_place(edited: Candidate) -> None:
    owned = "account agg1 is owned by gw.toml:1, and is changed there"
    assert refused(edited.set, "account", "agg1", "window", "3") == owned
    assert refused(edited.unset, "account", "agg1", "window") == owned
    assert refused(edited.delete, "account", "agg1") == owned
    assert refused(edited.add, "account", "agg1", {}) == "account agg1 is declared at gw.toml:1"
    assert not edited.dirty


@pytest.mark.parametrize(
    ("action", "arguments", "reason"),
    [
        ("set", ("acount", "x", "window", "1"), 'there is no kind "acount", did you mean "account'),
        ("set", ("account", "agg22", "window", "1"), 'there is no account "agg22", did you mean "'),
        ("set", ("account", "agg2", "windw", "1"), 'account: unknown key "windw", did you mean "w'),
        ("set", ("account", "agg2", "window", "0"), "account agg2 window: 0 is out of range"),
        ("set", ("account", "agg2", "window", "x"), 'account agg2 window: "x" is not a whole'),
        ("set", ("account", "agg2", "delivery_retry", "soon"), "account agg2 delivery_retry: "),
        ("set", ("account", "agg2", "priority", "high"), 'account agg2 priority: "high" is not al'),
        ("set", ("account", "agg2", "allow_from", "10.0.0.1/8"), "account agg2 allow_from[0]: "),
        ("set", ("account", "agg2", "system_id", "x"), "system_id is the name of the account, and"),
        ("set", ("carrier", "b", "statuses.0x58.action", "x"), "carrier b statuses.0x58.action: "),
        ("set", ("carrier", "b", "password", "${NOPE}"), "carrier b password: environment variabl"),
        ("unset", ("account", "agg2", "burst"), "burst of account agg2 is not set"),
        ("unset", ("carrier", "b", "statuses.0x58.delay"), "statuses.0x58.delay of carrier b is"),
        ("delete", ("number", "1"), 'there is no number "1"'),
        ("add", ("account", "agg2", {}), 'there is account "agg2" already'),
        ("add", ("account", "new", {"window": "0"}), "account new window: 0 is out of range"),
        ("add", ("account", "a\nb", {}), "account \"a\\nb\" system_id: has characters that cannot"),
        ("add", ("account", "", {}), 'account "" system_id: must not be empty'),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(
    edited: Candidate, action: str, arguments: tuple[Any, ...], reason: str
) -> None:
    before = deepcopy(edited.objects)
    assert refused(getattr(edited, action), *arguments).startswith(reason)
    assert edited.objects == before


def test_a_secret_is_in_no_reason(edited: Candidate) -> None:
    secret = "top\x07secret"
    assert "secret" not in refused(edited.set, "carrier", "b", "password", secret)


def test_what_is_missing_is_for_the_check_to_say(edited: Candidate) -> None:
    edited.add("carrier", "c", {})
    edited.set("carrier", "c", "host", "h")


def test_secret_keys() -> None:
    assert secret_keys("account") == {"password", "password_hash"}
    assert secret_keys("carrier") == {"password"}
    assert secret_keys("route") == frozenset()


def test_the_base_is_a_copy() -> None:
    before = deepcopy(BASE)
    edited = candidate()
    edited.set("account", "agg2", "window", "1")
    edited.set("carrier", "b", "statuses.0x58.action", "fail")
    edited.set("carrier", "b", "statuses.0x58.delay", "2s")
    edited.delete("account", "agg3")
    edited.add("account", "new", {})
    edited.unset("carrier", "b", "statuses")
    edited.load({})
    edited.rebase(4, BASE)
    assert before == BASE


# ---------------------------------------------------------------------- differences


def test_a_difference_by_key_with_secrets_masked(edited: Candidate) -> None:
    edited.set("account", "agg2", "window", "20")
    edited.set("account", "agg2", "binds", "2")
    edited.set("account", "agg3", "password_hash", "scrypt$new")
    edited.set("carrier", "b", "statuses.0x58.action", "fail")
    edited.delete("route", "")
    edited.add("number", "1", {"carrier": "b"})
    assert difference(BASE, edited.objects) == [
        " account agg2",
        "-  window = 50",
        "+  window = 20",
        "+  binds = 2",
        " account agg3",
        '-  password_hash = "***"',
        '+  password_hash = "***"',
        " carrier b",
        '+  statuses.0x58.action = "fail"',
        '-route ""',
        '-  prefix = ""',
        '-  carriers = ["b"]',
        "+number 1",
        '+  address = "1"',
        '+  carrier = "b"',
    ]
    assert difference(edited.objects, edited.objects) == []


def test_a_difference_shows_no_secret_anywhere() -> None:
    assert not any(
        secret in line
        for line in (*difference({}, BASE), *difference(BASE, {}))
        for secret in ("scrypt$", "clear")
    )


# ---------------------------------------------------------------------- a newer base


def test_edits_move_to_a_newer_base(edited: Candidate) -> None:
    newer = deepcopy(BASE)
    newer["accounts"]["agg3"]["window"] = 7
    del newer["routes"][""]
    edited.set("account", "agg2", "window", "20")
    edited.add("number", "1", {})
    edited.delete("carrier", "b")
    assert edited.conflicts(newer) == []
    edited.rebase(4, newer)
    assert edited.base == 4
    assert set(edited.changes()) == {("accounts", "agg2"), ("numbers", "1"), ("carriers", "b")}
    assert edited.objects["accounts"]["agg3"]["window"] == 7
    assert edited.objects["routes"] == {}


def test_the_same_object_is_a_conflict_unless_it_is_the_same_change(edited: Candidate) -> None:
    newer = deepcopy(BASE)
    newer["accounts"]["agg2"]["window"] = 7
    edited.set("account", "agg2", "binds", "1")
    assert edited.conflicts(newer) == [("accounts", "agg2")]
    edited.unset("account", "agg2", "binds")
    edited.set("account", "agg2", "window", "7")
    assert edited.conflicts(newer) == []


def test_an_object_that_others_deleted_is_a_conflict(edited: Candidate) -> None:
    newer = deepcopy(BASE)
    del newer["accounts"]["agg2"]
    edited.set("account", "agg2", "binds", "1")
    assert edited.conflicts(newer) == [("accounts", "agg2")]


NAMES = st.sampled_from(["a", "b", "c"])
WINDOWS = st.integers(1, 3)
SETS = st.dictionaries(
    st.sampled_from(["accounts", "numbers"]),
    st.dictionaries(NAMES, st.fixed_dictionaries({"w": WINDOWS})),
)


def no_empty(found: Objects) -> Objects:
    return {table: named for table, named in found.items() if named}


@given(SETS, SETS, SETS)
def test_a_rebase_keeps_both_sides_or_is_a_conflict(
    base: Objects, mine: Objects, theirs: Objects
) -> None:
    edited = candidate(base)
    edited.load(mine)
    my_changes, their_changes = changes(base, mine), changes(base, theirs)
    common = {
        one for one in my_changes if one in their_changes and my_changes[one] != their_changes[one]
    }
    assert set(edited.conflicts(theirs)) == common
    if not common:
        edited.rebase(4, theirs)
        assert changes(base, edited.objects) == my_changes | their_changes


@given(SETS, SETS)
def test_there_is_a_difference_exactly_when_there_are_changes(old: Objects, new: Objects) -> None:
    assert bool(difference(old, new)) == bool(changes(old, new)) == (no_empty(old) != no_empty(new))


@given(st.lists(st.tuples(
    st.sampled_from(["add", "set", "unset", "delete"]),
    st.sampled_from(["account", "carrier", "route", "number", "operator", "thing"]),
    st.text(max_size=5) | NAMES,
    st.sampled_from(["window", "password", "statuses.0x58.action", "host", "carriers", "x.y", ""]),
    st.text(max_size=8) | st.sampled_from(["1", "fail", "a,b", "[", "{a={}}"]),
), max_size=12))  # fmt: skip
def test_only_an_edit_error_escapes_and_what_is_left_can_be_written(
    steps: list[tuple[str, str, str, str, str]],
) -> None:
    edited = candidate()
    for action, kind, name, key, value in steps:
        try:
            if action == "add":
                edited.add(kind, name, {key: value})
            elif action == "set":
                edited.set(kind, name, key, value)
            elif action == "unset":
                edited.unset(kind, name, key)
            else:
                edited.delete(kind, name)
        except EditError as error:
            assert str(error)  # noqa: PT017
    text = text_of_objects(edited.objects)
    tomllib.loads(text)
    assert no_empty(objects_of(text)) == no_empty(edited.objects)
