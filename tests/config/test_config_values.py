"""Types, ranges, choices, durations, networks and environment references of single keys."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smppgw.core.settings import Settings
from smppgw.ops.config import ConfigError, parse
from smppgw.ops.config.values import duration

ACCOUNT = '[[accounts]]\nsystem_id = "a"\npassword = "p"\n'
CARRIER = '[[carriers]]\nname = "c"\nhost = "h"\nsystem_id = "s"\n'


def read(text: str, **environ: str) -> Settings:
    """The settings of a text that must be good and give no warning."""
    loaded = parse(text, "x.toml", environ)
    assert loaded.warnings == ()
    return loaded.settings


def faults(text: str, **environ: str) -> list[str]:
    """Everything wrong with a text, as lines, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml", environ)
    return [str(fault).removeprefix("x.toml:") for fault in caught.value.faults]


def fault(text: str, **environ: str) -> str:
    """The one thing wrong with a text."""
    (only,) = faults(text, **environ)
    return only


def test_nothing_gives_the_defaults() -> None:
    assert read("") == Settings()


def test_values_of_every_type() -> None:
    settings = read(
        "[gateway]\nnode = 0x3f\ndata_dir = 'd'\nretention = 60\n"
        "[smpp]\nhide_bind_reason = true\nmax_pdu_length = 16_777_216\n"
        "listen = ['tcp:1:interface=127.0.0.1', 'tcp:2:interface=127.0.0.1']\n"
        + ACCOUNT
        + "throughput = 2.5\nburst = 7\nallow_from = ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32']\n"
    )
    assert settings.gateway.node == 63
    assert settings.gateway.data_dir == "d"
    assert settings.gateway.retention == 60.0
    assert isinstance(settings.gateway.retention, float)
    assert settings.smpp.hide_bind_reason is True
    assert settings.smpp.listen == ("tcp:1:interface=127.0.0.1", "tcp:2:interface=127.0.0.1")
    account = settings.accounts[0]
    assert (account.throughput, account.burst) == (2.5, 7.0)
    assert account.allow_from == (
        ip_network("10.0.0.0/8"),
        ip_network("192.0.2.1/32"),
        ip_network("2001:db8::/32"),
    )


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("node = '5'", "expected a whole number, found a string"),
        ("node = 5.0", "expected a whole number, found a number"),
        ("node = true", "expected a whole number, found a boolean"),
        ("node = [5]", "expected a whole number, found an array"),
        ("node = {a = 5}", "expected a whole number, found a table"),
        ("node = 07:32:00", "expected a whole number, found a date or time"),
        ("node = 1979-05-27", "expected a whole number, found a date or time"),
        ("data_dir = 5", "expected a string, found a whole number"),
        ("retention = true", 'expected seconds or a duration like "5m", found a boolean'),
        ("node = -1", "-1 is out of range: must be 0 to 63"),
        ("node = 64", "64 is out of range: must be 0 to 63"),
        ("max_queue = 0", "0 is out of range: must be at least 1"),
        ("max_queue = 9223372036854775808", "is no usable number: must be at least 1"),
        ("receipt_wait = 59.5", "59.5s is out of range: must be at least 1m"),
        ("receipt_wait = '30s'", "30s is out of range: must be at least 1m"),
        ("retention = nan", "is no usable number: must be 0 or more"),
        ("retention = inf", "is no usable number: must be 0 or more"),
        ("retention = -inf", "is no usable number: must be 0 or more"),
        ("default_language = 'de'", '"de" is not allowed: must be "en" or "fr"'),
        ("default_language = ''", '"" is not allowed: must be "en" or "fr"'),
        (
            r"data_dir = 'a\b'" + "\ndefault_language = 'EN'",
            '"EN" is not allowed: must be "en" or "fr"',
        ),
        (
            'data_dir = "a\\nb"',
            "has characters that cannot be printed, such as a line end",
        ),
        ("data_dir = '${HOME}'", "only passwords may be taken from the environment"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(key: str, reason: str) -> None:
    name = key.rpartition("\n")[2].partition(" ")[0]
    line = key.count("\n") + 2
    assert fault(f"[gateway]\n{key}\n", HOME="/x") == f"{line} gateway.{name}: {reason}"


def test_a_number_that_no_machine_holds() -> None:
    assert "is not valid TOML" in fault(f"[gateway]\nnode = {'9' * 5000}")
    assert fault(f"[gateway]\nnode = 0x{'f' * 5000}").endswith(
        "is no usable number: must be 0 to 63"
    )
    assert "no usable number" in fault(f"{ACCOUNT}throughput = {'9' * 400}")


def test_a_boolean_is_a_boolean() -> None:
    assert fault("[smpp]\nhide_bind_reason = 1").endswith(
        "expected true or false, found a whole number"
    )
    assert fault("[smpp]\nhide_bind_reason = 'true'").endswith(
        "expected true or false, found a string"
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("'90s'", 90.0),
        ("'5m'", 300.0),
        ("'12h'", 43200.0),
        ("'7d'", 604800.0),
        ("'1.5h'", 5400.0),
        ("0.5", 0.5),
        ("'0.5s'", 0.5),
        ("'0s'", 0.0),
        ("0", 0.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert read(f"[gateway]\ndrain_timeout = {text}").gateway.drain_timeout == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "m",
        "5 m",
        " 5m",
        "5m ",
        "5M",
        "-5m",
        "+5m",
        "1h30m",
        "5ms",
        "5min",
        "1e3s",
        ".5s",
        "5.s",
        "1_0s",
        "\\u0665m",
        "9999999999s",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    assert "is not a duration: write seconds or" in fault(f'[gateway]\nretention = "{text}"')


def test_only_seconds_may_be_durations() -> None:
    assert fault(f"{ACCOUNT}throughput = '5s'").endswith("expected a number, found a string")
    assert fault(f"{ACCOUNT}window = '5s'").endswith("expected a whole number, found a string")


def test_what_lasts_longer_than_anybody_means_is_refused() -> None:
    assert fault("[gateway]\nretention = 1e18").endswith("is longer than ten years")
    assert fault("[gateway]\nretention = '3661d'").endswith("is longer than ten years")


@given(st.integers(1, 80_000), st.sampled_from("smhd"))
def test_a_written_duration_reads_back(count: int, unit: str) -> None:
    assume(count * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[unit] <= 10 * 366 * 86_400)
    document = f"[gateway]\nretention = '{count}{unit}'"
    seconds = read(document).gateway.retention
    again = f"[gateway]\nretention = '{duration(seconds)}'"
    assert read(again).gateway.retention == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.1, "0.1s"), (1.0, "1s"), (60, "1m"), (90, "90s"), (3600, "1h"), (259200, "3d")],
)
def test_durations_are_shown_in_the_largest_whole_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ("'10.0.0.1/8'", '"10.0.0.1/8" has bits set beyond its mask, did you mean "10.0.0.0/8"?'),
        ("'10.0.0.0/33'", '"10.0.0.0/33" is not a network: write an address or "10.0.0.0/8"'),
        ("'localhost'", '"localhost" is not a network: write an address or "10.0.0.0/8"'),
        ("''", '"" is not a network: write an address or "10.0.0.0/8"'),
        ("8", "expected a string, found a whole number"),
    ],
)
def test_what_is_no_network(network: str, reason: str) -> None:
    text = f"{ACCOUNT}allow_from = [\n'127.0.0.0/8',\n{network}]"
    assert fault(text) == f'6 accounts["a"].allow_from[1]: {reason}'


def test_every_element_of_an_array_is_judged() -> None:
    text = f"{ACCOUNT}allow_from = [\n1,\n'::1',\n'x',\n'10.0.0.0/8']"
    found = faults(text)
    assert [line.partition(":")[0] for line in found] == [
        '5 accounts["a"].allow_from[0]',
        '7 accounts["a"].allow_from[2]',
    ]


def test_an_array_must_be_an_array() -> None:
    assert fault("[smpp]\nlisten = 'tcp:1'") == "2 smpp.listen: expected an array, found a string"


def test_arrays_that_may_be_empty() -> None:
    settings = read("[smpp]\nlisten = []\n" + CARRIER + "hosts = []")
    assert settings.smpp.listen == ()
    assert settings.carriers[0].hosts == ()


def test_required_strings_are_not_empty() -> None:
    text = '[[carriers]]\nname = ""\nhost = "h"\nsystem_id = ""'
    assert faults(text) == [
        '2 carriers[""].name: must not be empty',
        '4 carriers[""].system_id: must not be empty',
    ]


# Secrets.


def test_passwords_come_from_the_environment() -> None:
    text = (
        '[[operators]]\nname = "o"\npassword = "${OPS}"\n'
        '[[accounts]]\nsystem_id = "a"\npassword = "${A_1}"\n' + CARRIER + 'password = "${_c}"'
    )
    settings = read(text, OPS="one", A_1="two", _c="three")
    assert settings.operators[0].password == "one"
    assert settings.accounts[0].password == "two"
    assert settings.carriers[0].password == "three"


def test_an_unset_variable_is_a_fault() -> None:
    text = '[[accounts]]\nsystem_id = "a"\npassword = "${DEMO_PASSWORD}"'
    expected = '3 accounts["a"].password: environment variable DEMO_PASSWORD is not set'
    assert fault(text) == expected
    assert fault(text, DEMO_PASSWORD="") == expected


def test_a_variable_with_a_line_end_is_a_fault_that_does_not_show_it() -> None:
    text = '[[accounts]]\nsystem_id = "a"\npassword = "${P}"'
    found = fault(text, P="hunter2\n")
    assert "cannot be printed" in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "literal", ["$P", "${P", "${P}x", "x${P}", "${}", "${1P}", "${P-x}", "$${P}"]
)
def test_anything_else_is_the_password_itself(literal: str) -> None:
    text = f'[[accounts]]\nsystem_id = "a"\npassword = "{literal}"'
    assert read(text, P="y").accounts[0].password == literal


SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"[[accounts]]\nsystem_id = 'a'\npassword = ['{SECRET}']",
        f"[[accounts]]\nsystem_id = 'a'\npassword = {{a = '{SECRET}'}}",
        f'[[accounts]]\nsystem_id = "a"\npassword = "{SECRET}\\n"',
        f"[[accounts]]\nsystem_id = 'a'\npassword_hash = '{SECRET}'",
        f"[[accounts]]\nsystem_id = 'a'\npassword = '{SECRET}'\npassword_hash = '{SECRET}'",
        f"[[accounts]]\nsystem_id = 'a'\npassword = '{SECRET}\u0416'",
        f"[[accounts]]\nsystem_id = 'a'\npasswort = '{SECRET}'",
        f"[[accounts]]\nsystem_id = 'a'\npassword = {SECRET}",
        f"[[accounts]]\nsystem_id = 'a'\npassword '{SECRET}'",
        f"[[accounts]]\nsystem_id = 'a'\npassword = '{SECRET}",
        f'[[accounts]]\nsystem_id = "a"\npassword = "{SECRET}\\q"',
        f"[[accounts]]\nsystem_id = 'a'\npassword = '{SECRET}'\npassword = '{SECRET}'",
        f"[[accounts]]\nsystem_id = 'a'\npassword = '{SECRET}' x",
        f"accounts = '{SECRET}'",
        f"accounts = ['{SECRET}']",
    ],
)
def test_no_fault_shows_a_secret(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml", {})
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_loaded_settings_do_not_show_secrets() -> None:
    loaded = parse(f"{CARRIER}password = '{SECRET}-and-more'", "x.toml", {})
    assert SECRET not in repr(loaded)
    assert SECRET not in str(loaded.warnings[0])


scalars = st.one_of(
    st.booleans().map(lambda value: str(value).lower()),
    st.integers().map(str),
    st.floats().map(repr),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20).map(
        lambda value: "'" + value.replace("'", "") + "'"
    ),
    st.sampled_from(["1979-05-27", "[]", "{}", "[[]]", "[{}]", "['a', ['b']]", "{a = {b = 1}}"]),
)


@given(st.data())
def test_no_value_at_any_key_gets_past_the_check_or_breaks_it(data: st.DataObject) -> None:
    from smppgw.ops.config.schema import keys_of, objects  # noqa: PLC0415

    table = data.draw(st.sampled_from(sorted(objects())))
    keys = data.draw(st.lists(st.sampled_from(sorted(keys_of(objects()[table]))), unique=True))
    lines = [f"{key} = {data.draw(scalars)}" for key in keys]
    text = "\n".join([f"[[{table}]]", *lines])
    try:
        parse(text, "x.toml", {})
    except ConfigError as error:
        found = error.faults
    else:
        return
    assert found
    assert all(1 <= fault.line <= len(lines) + 1 for fault in found)
    assert list(found) == sorted(found, key=lambda fault: fault.line)
    assert "\n" not in "".join(map(str, found))
