"""Settings to TOML and back: exactly the same, whatever they are."""

from __future__ import annotations

import tomllib
from ipaddress import ip_network
from typing import Any, get_args, get_origin

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smppgw.core.account_settings import AccountSettings, Network
from smppgw.core.operator_settings import OperatorSettings
from smppgw.core.passwords import hash_password
from smppgw.core.settings import CarrierSettings, Settings, StatusRule
from smppgw.ops.config import load, parse, sample
from smppgw.ops.config.demo import DEMO
from smppgw.ops.config.reading import Reader
from smppgw.ops.config.schema import Key, keys_of, objects
from smppgw.ops.config.values import duration, seconds
from smppgw.ops.config.writing import document_of, flat, masked, text_of

ENVIRON = {"OPS_PASSWORD": "one", "AGG1_PASSWORD": "two", "FR_A_PASSWORD": "three"}
HASH = hash_password("secret", bytes(16))


def read_back(cls: type, table: dict[str, Any]) -> Any:
    """One object read from the TOML that was written, without the rules between objects."""
    from smppgw.ops.config.faults import Report  # noqa: PLC0415

    text = text_of({"x": table})
    report = Report("x", {}, {})
    draft = Reader(report, {}).table(cls, tomllib.loads(text)["x"])
    assert report.faults == []
    return draft.build()


PRINTABLE = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Cn", "Zl", "Zp", "Zs", "Co", "Cf")),
    min_size=1,
    max_size=12,
).filter(lambda text: text.isprintable() and not text.startswith("${"))


def value_of(key: Key, kind: Any) -> st.SearchStrategy[Any]:
    """Any value that a key may have."""
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        least = 1 if key.required else 0  # and so are the tuples in it
        return st.lists(value_of(key, element), min_size=least, max_size=4).map(tuple)
    if get_origin(kind) is dict:
        return st.dictionaries(PRINTABLE, value_of(key, get_args(kind)[1]), max_size=3)
    return settings_of(kind) if attrs.has(kind) else scalar_of(key, kind)


def scalar_of(key: Key, kind: Any) -> st.SearchStrategy[Any]:
    metadata = key.metadata
    low, high = metadata.get("minimum") or 0, metadata.get("maximum")
    most = 3_000_000 if metadata["unit"] == "s" else 10**9
    numbers = st.floats(low, high or most) | st.integers(int(low) + 1, int(high or most)).map(float)
    return {
        bool: st.booleans(),
        str: st.sampled_from(metadata["choices"]) if metadata["choices"] else PRINTABLE,
        Network: st.sampled_from([ip_network("10.0.0.0/8"), ip_network("::1")]),
        int: st.integers(int(low), int(high or 2**40)),
        float: numbers,
    }[kind]


def settings_of(cls: type) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{key.name: value_of(key, key.kind) for key in keys_of(cls).values()})


@pytest.mark.parametrize("cls", [*objects().values(), StatusRule])
def test_every_object_comes_back_as_it_was(cls: type) -> None:
    @settings(max_examples=150, deadline=None)
    @given(settings_of(cls))
    def check(made: Any) -> None:
        document = document_of(Settings(**{table_of(cls): (made,)})) if cls in TABLES else {}
        table = document[table_of(cls)][0] if document else _rule(made)
        assert read_back(cls, table) == made

    check()


TABLES = {cls: table for table, cls in objects().items()}


def table_of(cls: type) -> str:
    return TABLES[cls]


def _rule(rule: StatusRule) -> dict[str, Any]:
    carrier = CarrierSettings(name="a", host="h", system_id="s", statuses={"0x58": rule})
    found = document_of(Settings(carriers=(carrier,)))["carriers"][0]["statuses"]["0x58"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["gateway", "smpp", "shell", "web"])
def test_every_table_comes_back_as_it_was(name: str) -> None:
    cls = keys_of(Settings)[name].kind

    @settings(max_examples=60, deadline=None)
    @given(settings_of(cls))
    def check(made: Any) -> None:
        document = document_of(Settings(**{name: made}))
        assert read_back(cls, document.get(name, {})) == made

    check()


@given(st.floats(0, 3e8, allow_nan=False) | st.integers(0, 10**8).map(float))
def test_a_duration_is_written_as_one_only_where_that_is_exact(value: float) -> None:
    carrier = CarrierSettings(name="a", host="h", system_id="s", reconnect=value)
    written = document_of(Settings(carriers=(carrier,)))["carriers"][0].get("reconnect", 1.0)
    assert (seconds(written) if isinstance(written, str) else written) == value


def test_durations_read_as_they_are_written() -> None:
    assert [seconds(duration(one)) for one in (0.1, 1, 90, 3600, 86400)] == [
        0.1, 1, 90, 3600, 86400,
    ]  # fmt: skip
    assert seconds("soon") is None


@pytest.mark.parametrize("environ", [ENVIRON])
def test_the_sample_set_free_comes_back(environ: dict[str, str]) -> None:
    import re  # noqa: PLC0415

    loaded = parse(re.sub(r"(?m)^#(?=[\[a-z])", "", sample()), "x", environ)
    text = text_of(document_of(loaded.settings))
    assert parse(text, "y", {}).settings == loaded.settings


def test_the_demo_comes_back(tmp_path: Any) -> None:
    loaded = parse(DEMO, "x", {"DEMO_PASSWORD": "x7Kq2mPz", "DEMO_OPERATOR_PASSWORD": "y7Kq2mPz"})
    path = tmp_path / "exported.toml"
    path.write_text(text_of(document_of(loaded.settings)))
    assert load(path, {}).settings == loaded.settings


def test_what_has_its_default_is_left_out() -> None:
    assert document_of(Settings()) == {}
    account = AccountSettings(system_id="a", password="p", window=7)
    assert document_of(Settings(accounts=(account,))) == {
        "accounts": [{"system_id": "a", "password": "p", "window": 7}]
    }


def test_it_reads_like_a_file_of_a_person() -> None:
    carrier = CarrierSettings(
        name="fr-a",
        host="h",
        system_id="s",
        enquire_link=300.0,
        throughput=50.0,
        statuses={"0x58": StatusRule(action="pause", delay=2.5)},
    )
    text = text_of(document_of(Settings(carriers=(carrier,))))
    assert 'enquire_link = "5m"' in text
    assert "throughput = 50\n" in text
    assert '[carriers.statuses.0x58]\naction = "pause"\ndelay = "2.5s"' in text


def test_secrets_are_masked_and_the_rest_is_not() -> None:
    values = {"name": "o", "password_hash": HASH, "role": "admin", "password": ""}
    assert masked(OperatorSettings, values) == {
        "name": "o", "password_hash": "***", "role": "admin", "password": "",
    }  # fmt: skip


def test_keys_of_tables_in_tables_are_dotted() -> None:
    values = {"name": "a", "hosts": ["x", "y"], "statuses": {"0x58": {"action": "fail"}}}
    assert flat(values) == {
        "name": '"a"',
        "hosts": '["x", "y"]',
        "statuses.0x58.action": '"fail"',
    }
