"""A file and the store as one document: who wins, what is left out, how faults are named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smppgw.core.settings import Settings
from smppgw.ops.config import Loaded, parse
from smppgw.ops.config.merge import Merged, called, merge, objects_of, text_of_objects
from smppgw.ops.config.schema import identities, keys_of, objects

FILE = """\
[gateway]
retention = "1d"
[[accounts]]
system_id = "agg1"
password = "secret"
[[carriers]]
name = "fr-a"
host = "h"
system_id = "s"
[[routes]]
carriers = ["fr-a"]
"""


def loaded(text: str = FILE, **environ: str) -> Loaded:
    return parse(text, "gw.toml", environ)


def account(name: str, **values: Any) -> dict[str, Any]:
    return {"system_id": name, "password": "p", **values}


def carrier(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "host": "h", "system_id": "s", **values}


def left_out(merged: Merged) -> list[str]:
    return [str(fault) for one in merged.left_out for fault in one.faults]


def test_nothing_in_the_store_is_the_file() -> None:
    file = loaded()
    assert merge(file, {}) == Merged(file.settings, file.warnings, ())
    assert merge(file, {"accounts": {}}).settings is file.settings


def test_both_are_one_configuration() -> None:
    found = {
        "accounts": {"agg2": account("agg2", window=7)},
        "carriers": {"b": carrier("b")},
        "routes": {"44": {"prefix": "44", "carriers": ["b", ["fr-a", "b"]]}},
        "numbers": {"1": {"address": "1", "account": "agg1", "carrier": "b"}},
    }
    merged = merge(loaded(), found)
    assert merged.left_out == ()
    both = merged.settings
    assert [one.system_id for one in both.accounts] == ["agg1", "agg2"]
    assert both.accounts[1].window == 7
    assert both.routes[1].carriers == (("b",), ("fr-a", "b"))
    assert both.gateway.retention == 86400.0
    assert both.numbers[0].account == "agg1"


def test_the_file_wins_and_says_where() -> None:
    merged = merge(loaded(), {"accounts": {"agg1": account("agg1", window=1)}})
    assert merged.settings == loaded().settings
    assert left_out(merged) == ["account agg1: gw.toml:3 declares it, and wins"]
    (one,) = merged.left_out
    assert (one.table, one.name) == ("accounts", "agg1")


def test_the_default_route_has_an_identity_too() -> None:
    merged = merge(loaded(), {"routes": {"": {"prefix": "", "carriers": ["fr-a"]}}})
    assert left_out(merged) == ['route "": gw.toml:10 declares it, and wins']


@pytest.mark.parametrize(
    ("table", "values", "said"),
    [
        ("accounts", account("x", windw=3), 'account x windw: unknown key "windw", did you'),
        ("accounts", account("x", window=0), "account x window: 0 is out of range: must be"),
        ("accounts", {"system_id": "x"}, "account x: needs password_hash or password"),
        ("carriers", {"name": "x", "host": "h"}, "carrier x system_id: is required"),
        (
            "carriers",
            carrier("x", statuses={"0x58": {"action": "run"}}),
            'carrier x statuses.0x58.action: "run" is not allowed',
        ),
        (
            "carriers",
            carrier("x", statuses={"0x58": {"action": "fail"}, "0x00000058": {"action": "fail"}}),
            "carrier x statuses.0x00000058: the same status is already above",
        ),
        (
            "carriers",
            carrier("x", alphabets=["latin-1"], data_codings={"0x03": "nonsense"}),
            "carrier x data_codings.0x03: ",
        ),
        (
            "carriers",
            carrier("x", hosts=["a:1", "b:99999"], host=""),
            'carrier x hosts[1]: "b:99999" is no host or host:port',
        ),
        ("routes", {"prefix": "1", "carriers": ["fr-b"]}, "route 1 carriers[0]: there is no carr"),
        ("numbers", {"address": "1", "account": "agg"}, "number 1 account: there is no account"),
        ("operators", {"name": "x", "role": "boss"}, 'operator x role: "boss" is not allowed'),
        ("carriers", carrier("x", password="${NOT_SET}"), "carrier x password: environment vari"),
    ],
)
def test_a_fault_names_the_object_and_its_key(
    table: str, values: dict[str, Any], said: str
) -> None:
    name = next(iter(values.values()))
    merged = merge(loaded(), {table: {name: values}})
    assert merged.settings == loaded().settings
    assert any(line.startswith(said) for line in left_out(merged)), left_out(merged)


def test_what_leans_on_what_is_left_out_goes_too_and_the_rest_stays() -> None:
    found = {
        "accounts": {"good": account("good"), "bad": account("bad", window="x")},
        "carriers": {"bad": carrier("bad", port=0), "good": carrier("good")},
        "routes": {
            "1": {"prefix": "1", "carriers": ["bad"]},
            "2": {"prefix": "2", "carriers": ["good"]},
        },
        "numbers": {"7": {"address": "7", "account": "bad"}},
    }
    merged = merge(loaded(), found)
    assert [(one.table, one.name) for one in merged.left_out] == [
        ("accounts", "bad"),
        ("carriers", "bad"),
        ("routes", "1"),
        ("numbers", "7"),
    ]
    both = merged.settings
    assert [one.system_id for one in both.accounts] == ["agg1", "good"]
    assert [one.prefix for one in both.routes] == ["", "2"]


def test_a_reference_to_what_the_file_gave_up_leaves_out_only_what_refers() -> None:
    found = {"numbers": {"7": {"address": "7", "account": "agg1"}}}
    assert merge(loaded(), found).left_out == ()
    gone = FILE.replace('"agg1"', '"other"')
    merged = merge(loaded(gone), found)
    assert left_out(merged) == ['number 7 account: there is no account "agg1"']
    assert merge(loaded(), found).left_out == ()  # and it comes back


def test_a_password_from_the_environment_works_in_the_store_too() -> None:
    file = loaded(FILE, SECRET="topsecret")
    merged = merge(file, {"carriers": {"x": carrier("x", password="${SECRET}")}})
    assert merged.settings.carriers[1].password == "topsecret"


def test_warnings_name_the_object_too() -> None:
    found = {"operators": {"o": {"name": "o", "password": "x"}}}
    (warning,) = merge(loaded(), found).warnings
    assert str(warning).startswith("operator o password: is in clear")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("agg2", "account agg2"), ("", 'account ""'), ("a b", 'account "a b"')],
)
def test_names(name: str, shown: str) -> None:
    assert called("accounts", name) == shown


def test_objects_survive_their_text() -> None:
    found = {
        "accounts": {'a "b"': account('a "b"', data_codings={"0x03": "gsm7"})},
        "carriers": {"c": carrier("c", statuses={"0x58": {"action": "fail"}})},
        "routes": {"": {"prefix": "", "carriers": ["c", ["c", "d"]]}},
    }
    assert objects_of(text_of_objects(found)) == found
    assert text_of_objects({"accounts": {}}) == ""
    assert objects_of("") == {}


@pytest.mark.parametrize(
    "text",
    ["x = 1", "[gateway]\n", "accounts = 3", "[[accounts", "[accounts]\nx = 1", "accounts = [3]"],
)
def test_a_text_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        objects_of(text)


RAW = st.recursive(
    st.integers(-3, 70000)
    | st.booleans()
    | st.floats(allow_nan=True)
    | st.text(max_size=6)
    | st.sampled_from(["fr-a", "agg1", "5m", "${X}", "10.0.0.0/8", "gsm7", "h", "0x58"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@st.composite
def any_objects(draw: st.DrawFn) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for table, cls in objects().items():
        keys = st.sampled_from(list(keys_of(cls))) | st.text(max_size=5)
        for name in draw(st.lists(st.sampled_from(["a", "b", "agg1", "fr-a", "12"]), max_size=2)):
            values = draw(st.dictionaries(keys, RAW, max_size=4))
            good = {"accounts": account, "carriers": carrier}.get(table)
            if good is not None and draw(st.booleans()):
                values = {**good(name), **values}
            values[identities()[table]] = name
            found.setdefault(table, {})[name] = values
    return found


@settings(max_examples=300, deadline=None)
@given(any_objects())
def test_whatever_is_stored_the_file_holds_and_each_object_is_in_or_out_with_a_reason(
    found: dict[str, dict[str, dict[str, Any]]],
) -> None:
    file = loaded()
    merged = merge(file, found)
    left = {(one.table, one.name) for one in merged.left_out}
    assert all(one.faults for one in merged.left_out)
    for table, identity in identities().items():
        own = [getattr(one, identity) for one in getattr(file.settings, table)]
        kept = [name for name in found.get(table, {}) if (table, name) not in left]
        assert [getattr(one, identity) for one in getattr(merged.settings, table)] == own + kept
    assert merged.settings.gateway == file.settings.gateway
    again = merge(
        file,
        {
            table: {name: one for name, one in named.items() if (table, name) not in left}
            for table, named in found.items()
        },
    )
    assert again.left_out == ()
    assert again.settings == merged.settings


def test_settings_without_a_file() -> None:
    made = Loaded.of(loaded().settings)
    assert made.settings == loaded().settings
    assert made.declares("accounts", "agg1") == "smppgw itself"
    assert made.declares("accounts", "agg2") == ""
    merged = merge(made, {"accounts": {"agg2": account("agg2"), "agg1": account("agg1")}})
    assert [one.system_id for one in merged.settings.accounts] == ["agg1", "agg2"]
    assert left_out(merged) == ["account agg1: smppgw itself declares it, and wins"]
    assert Loaded.of(Settings()).settings == Settings()
