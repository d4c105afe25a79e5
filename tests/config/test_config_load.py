"""Files, tables and keys: what is read, what is unknown, and where each object stands."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import attrs
import pytest

from smppgw.core.settings import CarrierSettings, Settings, StatusRule
from smppgw.ops.config import ConfigError, Fault, Loaded, load, parse
from smppgw.ops.config.schema import identities, keys_of, objects

EXAMPLE = """\
[gateway]
data_dir = "var"                                  # everything durable; created 0700
default_language = "fr"
[smpp]
listen = ["tcp:2775:interface=127.0.0.1"]         # Twisted endpoint strings; ssl: for TLS
[shell]
listen = ["tcp:8990:interface=127.0.0.1"]
[[accounts]]                                      # who may bind to us
system_id = "agg1"
password = "secret"
binds = 4                                         # more than this: ESME_RBINDFAIL
window = 50                                       # unanswered submits we let it have
throughput = 0                                    # messages/s, 0 = no limit
allow_from = ["127.0.0.0/8"]
[[carriers]]                                      # whom we bind to
name = "fr-a"
host = "127.0.0.1"
port = 2790
system_id = "smppgw"
password = "secret"
bind = "transceiver"                              # or transmitter + receiver
binds = 1
window = 50
throughput = 0
[carriers.statuses."0x58"]
action = "pause"
delay = "2s"
[[routes]]
prefix = ""                                       # longest prefix of the destination wins
carriers = ["fr-a"]                               # first usable wins; nested list = share the load
[[numbers]]                                       # addresses that are ours
address = "38100"
carrier = "fr-a"
profile = "campaign"                              # none | campaign | microblog | forward
account = "agg1"                                  # owner: gets what no feature consumed
"""


def faults(text: str) -> list[str]:
    """Everything wrong with a text, as lines, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml", {})
    return [str(fault).removeprefix("x.toml:") for fault in caught.value.faults]


def test_the_example_of_the_design() -> None:
    loaded = parse(EXAMPLE, "x.toml", {})
    assert loaded.warnings == ()
    settings = loaded.settings
    assert settings.gateway.default_language == "fr"
    assert settings.accounts[0].system_id == "agg1"
    (carrier,) = settings.carriers
    assert isinstance(carrier, CarrierSettings)
    assert (carrier.port, carrier.window) == (2790, 50)
    assert carrier.statuses == {"0x58": StatusRule(action="pause", delay=2.0)}
    assert carrier.response_timeout == 60.0
    assert settings.routes[0].carriers == (("fr-a",),)
    assert settings.numbers[0].profile == "campaign"
    assert settings.operators == ()


def test_order_of_the_file_is_kept() -> None:
    text = "".join(f'[[carriers]]\nname = "c{i}"\nhost = "h"\nsystem_id = "s"\n' for i in (3, 1, 2))
    assert [c.name for c in parse(text, "x", {}).settings.carriers] == ["c3", "c1", "c2"]


# Where things are.


def test_objects_know_their_line() -> None:
    loaded = parse(EXAMPLE, "x.toml", {})
    assert loaded.file == "x.toml"
    assert loaded.line("gateway") == 1
    assert loaded.line("gateway", key="default_language") == 3
    assert loaded.line("gateway", key="node") is None
    assert loaded.line("accounts", "agg1") == 8
    assert loaded.line("carriers", "fr-a") == 15
    assert loaded.line("carriers", "fr-a", "window") == 23
    assert loaded.line("carriers", "fr-a", "hosts") is None
    assert loaded.line("carriers", "fr-a", "statuses") == 25
    assert loaded.line("routes", "") == 28
    assert loaded.line("numbers", "38100", "account") == 35


def test_what_the_file_does_not_hold_has_no_line() -> None:
    loaded = parse(EXAMPLE, "x.toml", {})
    assert loaded.line("carriers", "fr-b") is None
    assert loaded.line("carriers", "fr-b", "window") is None
    assert loaded.line("operators", "ops") is None
    assert loaded.line("nothing") is None
    assert parse("", "x", {}).line("gateway") is None


# Keys and tables.


def test_unknown_keys_and_tables_get_the_nearest_name() -> None:
    text = (
        "frist = 1\n[gatway]\nnode = 1\n[gateway]\nnodes = 1\nzzz = 1\n[[carrier]]\nname = 1\n"
        "[[accounts]]\nsystem_id = 'a'\npassword = 'p'\nthruput = 5\n[accounts.limits]\nx = 1\n"
    )
    assert faults(text) == [
        '1 frist: unknown key "frist"',
        '2 gatway: unknown table "gatway", did you mean "gateway"?',
        '5 gateway.nodes: unknown key "nodes", did you mean "node"?',
        '6 gateway.zzz: unknown key "zzz"',
        '7 carrier: unknown table "carrier", did you mean "carriers"?',
        '12 accounts["a"].thruput: unknown key "thruput", did you mean "throughput"?',
        '13 accounts["a"].limits: unknown table "limits"',
    ]


def test_unknown_keys_of_sub_tables() -> None:
    text = EXAMPLE.replace('delay = "2s"', "dely = 2")
    assert faults(text) == [
        '27 carriers["fr-a"].statuses.0x58.dely: unknown key "dely", did you mean "delay"?'
    ]


def test_strange_keys_are_shown_on_one_line() -> None:
    (found,) = faults('[gateway]\n"a b\\n\\u001b[31m" = 1')
    assert found == '2 gateway."a b\\n\\u001b[31m": unknown key "a b\\n\\u001b[31m"'
    (found,) = faults(f"[gateway]\n{'x' * 5000} = 1")
    assert len(found) < 5200
    assert found.endswith(f'unknown key "{"x" * 57}..."')


def test_missing_keys_stand_at_their_table() -> None:
    text = (
        "[gateway]\n\n[[carriers]]\nhost = 'h'\n\n[[carriers]]\nhost = 'h'\nname = 'n'\n[[routes]]"
    )
    assert faults(text) == [
        "3 carriers[0].name: is required",
        "3 carriers[0].system_id: is required",
        '6 carriers["n"].system_id: is required',
        "9 routes[0].carriers: is required",
    ]


def test_tables_where_arrays_of_tables_belong_and_back() -> None:
    assert faults("[carriers]\nname = 'x'") == [
        "1 carriers: expected [[carriers]] tables, found a table"
    ]
    assert faults("[[gateway]]\nnode = 1") == [
        "1 gateway: expected one [gateway] table, found an array"
    ]
    assert faults("gateway = 5") == [
        "1 gateway: expected one [gateway] table, found a whole number"
    ]
    assert faults("routes = [\n1,\n'x']") == [
        "2 routes[0]: expected a table, found a whole number",
        "3 routes[1]: expected a table, found a string",
    ]
    carrier = "[[carriers]]\nname = 'n'\nhost = 'h'\nsystem_id = 's'\n"
    assert faults(f"{carrier}statuses = 5") == [
        '5 carriers["n"].statuses: expected a table, found a whole number'
    ]
    assert faults(f"{carrier}statuses = {{'0x58' = 'pause'}}") == [
        '5 carriers["n"].statuses.0x58: expected a table, found a string'
    ]


def test_inline_tables_are_as_good() -> None:
    text = 'gateway = {node = 3}\nroutes = [\n  {prefix = "33", carriers = ["c"]},\n]\n'
    text += '[[carriers]]\nname = "c"\nhost = "h"\nsystem_id = "s"\n'
    text += 'statuses."0x58" = {action = "fail"}\nstatuses.ESME_RSYSERR.action = "retry"\n'
    loaded = parse(text, "x", {})
    assert loaded.settings.gateway.node == 3
    assert loaded.line("routes", "33") == 3
    assert set(loaded.settings.carriers[0].statuses) == {"0x58", "ESME_RSYSERR"}


def test_all_faults_come_at_once_sorted_by_line() -> None:
    text = EXAMPLE.replace("port = 2790", "port = 0").replace('"agg1" ', '"agg2" ')
    text = text.replace('"var"', "5").replace("binds = 4", "binds = 0")
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml", {})
    assert [(fault.line, fault.key) for fault in caught.value.faults] == [
        (2, "gateway.data_dir"),
        (11, 'accounts["agg1"].binds'),
        (18, 'carriers["fr-a"].port'),
        (35, 'numbers["38100"].account'),
    ]
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("table", sorted(objects()))
def test_every_key_of_every_class_is_known(table: str) -> None:
    """The loader knows the keys from the classes: a wrong type at any of them is found there."""
    for name in keys_of(objects()[table]):
        found = faults(f"[[{table}]]\n{name} = 1979-05-27")
        assert any(line.startswith(f"2 {table}[0].{name}: expected") for line in found)


def test_objects_are_named_by_their_first_key() -> None:
    assert identities() == {
        "operators": "name",
        "accounts": "system_id",
        "carriers": "name",
        "routes": "prefix",
        "numbers": "address",
    }
    assert set(identities()) < {field.name for field in attrs.fields(Settings)}


# TOML and files.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb = \n", "2: is not valid TOML: Invalid value"),
        ("a = 1\nb\n", "2: is not valid TOML: Expected '=' after a key in a key/value pair"),
        ("[a]\n\n[a]\n", "3: is not valid TOML: Cannot declare ('a',) twice"),
        ("a = 1\na = 2\n", "2: is not valid TOML: A key is given twice"),
        ("a = '''\n\n\n", "1: is not valid TOML: Expected \"'''\""),
        ("\n\na = [1", "3: is not valid TOML: Unclosed array"),
    ],
)
def test_toml_faults_have_their_line(text: str, expected: str) -> None:
    assert faults(text) == [expected]


def test_nesting_without_end_is_a_fault_not_a_crash() -> None:
    assert faults("a = " + "[" * 100_000) == [" is nested too deeply"]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def only_fault(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    (fault,) = caught.value.faults
    assert fault.file == str(path)
    assert caught.value.__cause__ is None  # it would hold the octets of the file
    return str(fault).removeprefix(str(path))


def test_a_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", EXAMPLE.replace("fr-a", "fr-é").encode())
    loaded = load(path)
    assert isinstance(loaded, Loaded)
    assert loaded.file == str(path)
    assert loaded.line("carriers", "fr-é") == 15


def test_a_byte_order_mark_and_windows_line_ends_are_tolerated(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode()
    assert load(write(tmp_path / "a.toml", data)).line("carriers", "fr-a") == 15


def test_a_fault_names_the_file_as_it_was_given(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", b"[gateway]\nnode = 99")
    assert only_fault(path) == ":2 gateway.node: 99 is out of range: must be 0 to 63"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert only_fault(tmp_path / "none.toml") == ": cannot be read: No such file or directory"
    assert only_fault(tmp_path) == ": cannot be read: Is a directory"


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert only_fault(tmp_path / "a.toml") == ": cannot be read: Permission denied"


def test_what_is_not_utf_8_has_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", b'[gateway]\n\ndata_dir = "caf\xe9"\n')
    assert only_fault(path) == ":3: is not UTF-8 text"


def test_the_environment_is_that_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.toml", b'[[accounts]]\nsystem_id = "a"\npassword = "${P_W}"')
    monkeypatch.setenv("P_W", "from-outside")
    assert load(path).settings.accounts[0].password == "from-outside"
    assert load(path, {"P_W": "given"}).settings.accounts[0].password == "given"
    monkeypatch.delenv("P_W")
    assert "P_W is not set" in only_fault(path)


def test_a_fault_reads_file_line_key_reason() -> None:
    assert str(Fault("a.toml", 3, "gateway.node", "is bad")) == "a.toml:3 gateway.node: is bad"
    assert str(Fault("a.toml", 3, "", "is bad")) == "a.toml:3: is bad"
    assert str(Fault("a.toml", 0, "", "is bad")) == "a.toml: is bad"
