"""The files in conf/: the sample names everything as it is, the demo keeps to this machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
import pytest

from smppgw.core.settings import Settings, StatusRule
from smppgw.ops.config import ConfigError, load, parse, sample
from smppgw.ops.config.schema import keys_of, objects

CONF = Path(__file__).parents[2] / "conf"
ENVIRON = {"OPS_PASSWORD": "one", "AGG1_PASSWORD": "two", "FR_A_PASSWORD": "three"}


def set_free(text: str) -> str:
    """The sample with every key and table that stands behind a # made real."""
    return re.sub(r"(?m)^#(?=[\[a-z])", "", text)


def classes(cls: type = Settings) -> list[type]:
    """All settings classes."""
    found = [] if cls is Settings else [cls]
    for key in keys_of(cls).values():
        for part in (key.kind, *get_args(key.kind)):
            if isinstance(part, type) and attrs.has(part):
                found += classes(part)
    return found


def test_the_file_is_the_one_the_program_writes() -> None:
    assert (CONF / "smppgw.toml").read_text("utf-8") == sample()


def test_it_loads_as_it_stands_and_changes_nothing() -> None:
    loaded = load(CONF / "smppgw.toml", {})
    assert loaded.warnings == ()
    assert loaded.settings == Settings()


def test_it_loads_with_everything_set_free() -> None:
    loaded = parse(set_free(sample()), "x.toml", ENVIRON)
    assert loaded.warnings == ()
    settings = loaded.settings
    assert settings.gateway == Settings().gateway
    assert settings.smpp == Settings().smpp
    assert settings.shell == Settings().shell
    assert settings.web == Settings().web
    assert settings.log == Settings().log
    for table in objects():
        assert len(getattr(settings, table)) == 1


def test_every_key_is_named_with_its_default() -> None:
    document = tomllib.loads(set_free(sample()))
    settings = parse(set_free(sample()), "x.toml", ENVIRON).settings
    for name, key in keys_of(Settings).items():
        is_array = get_origin(key.kind) is tuple
        raw = document[name][0] if is_array else document[name]
        value = getattr(settings, name)
        cls = get_args(key.kind)[0] if is_array else key.kind
        check_keys(cls, raw, value[0] if is_array else value)
    check_keys(StatusRule, document["carriers"][0]["statuses"]["0x58"], None)


def check_keys(cls: type, raw: dict[str, Any], value: Any) -> None:
    """Each key is there; one that does not have its default says so in its comment."""
    assert set(raw) == set(keys_of(cls))
    for name, key in keys_of(cls).items():
        if value is None or key.required or get_origin(key.kind) is dict:
            continue
        if getattr(value, name) != key.default():
            comment = comment_of(name, raw[name])
            assert "example; default " in comment or "example;\n# default " in comment


def comment_of(name: str, value: Any) -> str:
    """The comment above a key that has this value."""
    for match in re.finditer(rf"((?:^# .*\n)+)#{name} = (.*)\n", sample(), re.MULTILINE):
        if tomllib.loads(f"x = {match[2]}") == {"x": value}:
            return match[1]
    raise AssertionError(f"{name} = {value!r} is not in the sample")


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_every_key_has_its_help_unit_and_range(cls: type) -> None:
    flat = " ".join(sample().replace("\n# ", " ").split())
    for key in keys_of(cls).values():
        metadata = key.metadata
        assert metadata["help"], key.name
        assert " ".join(metadata["help"].split()) in flat
        for choice in metadata["choices"]:
            assert f'"{choice}"' in flat
    assert (cls.__doc__ or "").partition(": ")[2][1:] in flat


def test_examples_belong_to_keys_that_exist() -> None:
    from smppgw.ops.config.sample import _EXAMPLES  # noqa: PLC0415

    known = {name: cls for name, cls in objects().items()} | {"statuses": StatusRule}
    for table, examples in _EXAMPLES.items():
        assert set(examples) <= set(keys_of(known[table]))


def test_every_line_is_at_most_100_characters() -> None:
    # TOML cannot break a string that is to be copied and edited.
    lines = [line for line in sample().splitlines() if not line.startswith("#receipt_format = ")]
    assert max(map(len, lines)) <= 100


def test_required_keys_say_so() -> None:
    for cls in classes():
        for key in keys_of(cls).values():
            if key.required:
                assert re.search(rf"required\)\n#{key.name} = ", sample()), key.name


# The demo.


def test_the_demo_loads_without_warning() -> None:
    loaded = load(CONF / "demo.toml", {"DEMO_PASSWORD": "x7Kq2mPz", "DEMO_OPERATOR_PASSWORD": "y"})
    assert loaded.warnings == ()
    settings = loaded.settings
    assert [account.system_id for account in settings.accounts] == ["demo"]
    assert settings.smpp.listen == ("tcp:2775:interface=127.0.0.1",)
    assert settings.shell.listen == ("tcp:8990:interface=127.0.0.1",)
    assert {number.profile for number in settings.numbers} == {"campaign", "microblog", "forward"}
    assert settings.accounts[0].password == "x7Kq2mPz"
    assert settings.operators[0].password == "y", "who knows one does not know the other"


def test_the_demo_has_no_password_of_its_own() -> None:
    with pytest.raises(ConfigError) as caught:
        load(CONF / "demo.toml", {})
    assert {fault.reason for fault in caught.value.faults} == {
        "environment variable DEMO_PASSWORD is not set",
        "environment variable DEMO_OPERATOR_PASSWORD is not set",
    }
    document = tomllib.loads((CONF / "demo.toml").read_text("utf-8"))
    secrets = [
        entry[key.name]
        for table, cls in objects().items()
        for entry in document.get(table, ())
        for key in keys_of(cls).values()
        if key.secret and key.name in entry
    ]
    assert secrets == ["${DEMO_OPERATOR_PASSWORD}"] + ["${DEMO_PASSWORD}"] * 2


def test_the_demo_stays_on_this_machine() -> None:
    settings = load(
        CONF / "demo.toml", {"DEMO_PASSWORD": "x", "DEMO_OPERATOR_PASSWORD": "y"}
    ).settings
    assert all("interface=127.0.0.1" in text for text in settings.smpp.listen)
    assert all("interface=127.0.0.1" in text for text in settings.shell.listen)
    assert all("interface=127.0.0.1" in text for text in settings.web.listen)
    assert all(network.is_loopback for network in settings.accounts[0].allow_from)
    assert settings.operators[0].allow_from == (), "loopback only"
    assert all(carrier.host == "127.0.0.1" for carrier in settings.carriers)


def test_no_file_in_conf_holds_a_credential() -> None:
    for path in CONF.glob("*.toml"):
        for match in re.finditer(r'password\w* = "(.*)"', path.read_text("utf-8")):
            assert match[1] == "" or re.fullmatch(r"\$\{[A-Z0-9_]+\}", match[1])
