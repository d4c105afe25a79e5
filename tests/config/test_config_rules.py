"""What keys demand of each other, of other objects, and of SMPP."""

from __future__ import annotations

import pytest

from smppgw.core.passwords import hash_password
from smppgw.ops.config import ConfigError, Loaded, parse

HASH = hash_password("x", bytes(16))


def account(name: str = "a", extra: str = "password = 'p'") -> str:
    return f"[[accounts]]\nsystem_id = '{name}'\n{extra}\n"


def carrier(name: str = "c", extra: str = "host = 'h'") -> str:
    return f"[[carriers]]\nname = '{name}'\nsystem_id = 's'\n{extra}\n"


def good(text: str, **environ: str) -> Loaded:
    loaded = parse(text, "x.toml", environ)
    assert loaded.warnings == ()
    return loaded


def warnings(text: str, **environ: str) -> list[str]:
    found = parse(text, "x.toml", environ).warnings
    return [str(warning).removeprefix("x.toml:") for warning in found]


def faults(text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml", environ)
    return [str(fault).removeprefix("x.toml:") for fault in caught.value.faults]


# Names.


def test_operators_who_are_limited_to_accounts() -> None:
    def operator(role: str, names: str) -> str:
        return (
            account("agg1")
            + f"[[operators]]\nname = 'o'\npassword_hash = '{HASH}'\nrole = '{role}'\n"
            + f"accounts = [{names}]\n"
        )

    for role in ("view", "operate"):
        assert good(operator(role, "'agg1'")).settings.operators[0].accounts == ("agg1",)
    for role in ("config", "admin"):
        (fault,) = faults(operator(role, "'agg1'"))
        assert f'operators["o"].role: "{role}" cannot be limited to accounts' in fault
        assert good(operator(role, ""))
    (fault,) = faults(operator("view", "'agg2'"))
    assert 'operators["o"].accounts[0]: there is no account "agg2", did you mean "agg1"?' in fault


def test_one_carrier_declared_twice() -> None:
    one = "host = 'h'\nport = 2780"
    other = carrier("b", one)
    line = carrier("a", one).count("\n") + 1 + other.splitlines().index("system_id = 's'")
    assert warnings(carrier("a", one) + other) == [
        f'{line} carriers["b"].system_id: the same as that of "a", at the same host and port:'
        " receipts that come to one find no message of the other; declare one carrier, with more"
        " binds or with bind = transmitter+receiver"
    ]
    assert warnings(carrier("a", one) + carrier("b", "hosts = ['i', 'h']\nport = 2780"))
    for different in ("host = 'i'\nport = 2780", "host = 'h'\nport = 2781"):
        assert warnings(carrier("a", one) + carrier("b", different)) == []


def test_names_are_declared_once() -> None:
    text = (
        account("a")
        + account("a")
        + carrier("c")
        + carrier("c")
        + carrier("c")
        + f"[[operators]]\nname = 'o'\npassword_hash = '{HASH}'\n" * 2
        + "[[routes]]\nprefix = '33'\ncarriers = ['c']\n" * 2
        + "[[routes]]\ncarriers = ['c']\n" * 2
        + "[[numbers]]\naddress = '38100'\n" * 2
    )
    assert faults(text) == [
        '5 accounts["a"].system_id: "a" is already declared on line 2',
        '12 carriers["c"].name: "c" is already declared on line 8',
        '16 carriers["c"].name: "c" is already declared on line 8',
        '23 operators["o"].name: "o" is already declared on line 20',
        '29 routes["33"].prefix: "33" is already declared on line 26',
        '33 routes[3].prefix: "" is already declared on line 31',
        '38 numbers["38100"].address: "38100" is already declared on line 36',
    ]


def test_the_same_name_may_serve_things_of_different_kinds() -> None:
    good(account("x") + carrier("x"))


@pytest.mark.parametrize("name", ["@keywords", "@", "@anything"])
def test_names_of_features_are_reserved(name: str) -> None:
    assert faults(account(name)) == [
        f'2 accounts["{name}"].system_id: "{name}" begins with @, which is kept for features of the'
        " gateway"
    ]


def test_an_at_sign_elsewhere_is_no_fault() -> None:
    good(account("a@b"))


def test_names_differ_by_case() -> None:
    good(account("x") + account("X"))


# References.


def test_references_must_exist() -> None:
    text = (
        "[[routes]]\ncarriers = ['fr-a', ['fr-b',\n'de-a'], 'gone']\n"
        "[[numbers]]\naddress = '1'\ncarrier = 'fr-aa'\naccount = 'ag1'\n"
        + carrier("fr-a")
        + carrier("de-a")
        + account("agg1")
    )
    assert faults(text) == [
        '2 routes[0].carriers[1][0]: there is no carrier "fr-b", did you mean "fr-a"?',
        '3 routes[0].carriers[2]: there is no carrier "gone"',
        '6 numbers["1"].carrier: there is no carrier "fr-aa", did you mean "fr-a"?',
        '7 numbers["1"].account: there is no account "ag1", did you mean "agg1"?',
    ]


def test_references_are_judged_beside_faulty_ones() -> None:
    text = "[[routes]]\ncarriers = [5, 'x', ['y', true, ['z']], []]\n" + carrier()
    assert faults(text) == [
        "2 routes[0].carriers[0]: expected a string, found a whole number",
        "2 routes[0].carriers[2][1]: expected a string, found a boolean",
        "2 routes[0].carriers[2][2]: expected a string, found an array",
        "2 routes[0].carriers[3]: must not be empty",
        '2 routes[0].carriers[1]: there is no carrier "x"',
        '2 routes[0].carriers[2][0]: there is no carrier "y"',
    ]


def test_carriers_of_a_route_become_groups() -> None:
    carriers = "".join(carrier(name, f"host = '{name}'") for name in "abc")
    text = f"[[routes]]\ncarriers = ['a', ['b', 'c']]\n{carriers}"
    assert good(text).settings.routes[0].carriers == (("a",), ("b", "c"))


def test_a_route_needs_carriers() -> None:
    assert faults("[[routes]]\ncarriers = []") == ["2 routes[0].carriers: must not be empty"]
    assert faults("[[routes]]\ncarriers = 'c'\n" + carrier()) == [
        "2 routes[0].carriers: expected an array, found a string"
    ]


@pytest.mark.parametrize("value", ["+33", "33 6", "33x", "33*", "\u0663\u0663", "\u00b2"])
def test_prefixes_and_numbers_are_digits(value: str) -> None:
    text = f"[[routes]]\nprefix = '{value}'\ncarriers = ['c']\n[[numbers]]\naddress = '{value}'\n"
    assert [line.partition(": ")[2] for line in faults(text + carrier())] == [
        f'"{value}" must be digits only'
    ] * 2


# Credentials.


def test_accounts_and_operators_need_a_password() -> None:
    text = account("a", "") + account("b", "password = ''\npassword_hash = ''")
    text += "[[operators]]\nname = 'o'\n"
    assert faults(text) == [
        '1 accounts["a"]: needs password_hash or password',
        '4 accounts["b"]: needs password_hash or password',
        '8 operators["o"]: needs password_hash, password or ssh_keys',
    ]


def test_one_password_is_enough() -> None:
    text = account("a", f"password = 'p'\npassword_hash = '{HASH}'")
    assert faults(text) == ['3 accounts["a"].password: give password_hash or password, not both']
    good(account("a", f"password = ''\npassword_hash = '{HASH}'"))


def test_one_password_of_an_operator_is_enough() -> None:
    text = "[[operators]]\nname = 'o'\npassword = '${P}'\n" + f"password_hash = '{HASH}'"
    with pytest.raises(ConfigError) as caught:
        parse(text, "x", {"P": "p"})
    assert [fault.reason for fault in caught.value.faults] == [
        "give password_hash or password, not both"
    ]


ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKcIWLP9EWq30IQFIYJFLpQOpapiM176h7qV56nDl8Rj"


def test_an_operator_with_a_key_needs_no_password() -> None:
    settings = good(f"[[operators]]\nname = 'o'\nssh_keys = ['{ED25519} o@example.net']").settings
    assert settings.operators[0].ssh_keys == (f"{ED25519} o@example.net",)


def test_a_key_that_is_none_is_a_fault_with_its_line() -> None:
    text = f"[[operators]]\nname = 'o'\nssh_keys = [\n'{ED25519}',\n'nonsense',\n'{ED25519} again']"
    assert faults(text) == [
        '5 operators["o"].ssh_keys[1]: is no public key: it begins with one of ssh-ed25519, '
        "ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, ssh-rsa",
        '6 operators["o"].ssh_keys[2]: the same key is already on line 4',
    ]


def test_a_key_of_another_type_is_one_fault() -> None:
    text = "[[operators]]\nname = 'o'\nssh_keys = [5]"
    assert faults(text) == ['3 operators["o"].ssh_keys[0]: expected a string, found a whole number']


@pytest.mark.parametrize("name", ["o p", "o/p", ".o", "-o", "\u00e9", "x" * 33, "a:b", "a\u202eb"])
def test_login_names_are_plain(name: str) -> None:
    (found,) = faults(f"[[operators]]\nname = '{name}'\npassword_hash = '{HASH}'")
    assert "at most 32 letters, digits, dots, dashes and underscores" in found or "print" in found


def test_ssh_listeners_are_checked_like_others() -> None:
    (found,) = faults("[shell]\nssh_listen = ['tcp:x']")
    assert found.startswith('2 shell.ssh_listen[0]: "tcp:x" is no usable endpoint')
    assert warnings("[shell]\nssh_listen = ['tcp:8922']") == [
        '2 shell.ssh_listen[0]: "tcp:8922" listens on all interfaces; interface= names one'
    ]


def test_a_faulty_password_is_one_fault() -> None:
    assert len(faults(account("a", "password = 5"))) == 1
    assert len(faults(account("a", "password = '${UNSET}'"))) == 1


def test_hashes_are_checked() -> None:
    assert faults(account("a", "password_hash = 'scrypt$...'")) == [
        '3 accounts["a"].password_hash: not of the form scrypt$n$r$p$salt$hash; '
        "`smppgw password` makes one"
    ]
    good(account("a", f"password_hash = '{HASH}'"))


def test_a_clear_password_is_a_warning_for_operators_only() -> None:
    operator = "[[operators]]\nname = 'o'\n"
    assert warnings(account() + operator + "password = 'p'") == [
        '6 operators["o"].password: is in clear; `smppgw password` makes a password_hash'
    ]
    good(operator + f"password_hash = '{HASH}'")
    good(operator + "password = '${P}'", P="p")


def test_long_carrier_passwords_are_warned_of() -> None:
    good(carrier("c", "host = 'h'\npassword = '12345678'"))
    expected = ['5 carriers["c"].password: is longer than the 8 characters that SMPP allows']
    assert warnings(carrier("c", "host = 'h'\npassword = '123456789'")) == expected
    assert warnings(carrier("c", "host = 'h'\npassword = '${P}'"), P="123456789") == expected
    good(account("a", "password = '123456789'"))


# Sizes of SMPP fields.


@pytest.mark.parametrize(
    ("key", "most"),
    [("system_id", 15), ("system_type", 12), ("address_range", 40), ("service_type", 5)],
)
def test_fields_of_a_bind_fit_into_it(key: str, most: int) -> None:
    required = "name = 'c'\nhost = 'h'\n" + ("" if key == "system_id" else "system_id = 's'\n")
    good(f"[[carriers]]\n{required}{key} = '{'x' * most}'")
    (found,) = faults(f"[[carriers]]\n{required}{key} = '{'x' * (most + 1)}'")
    assert f'carriers["c"].{key}: "' in found
    assert found.endswith(f"is longer than {most} characters")


def test_every_system_id_is_measured() -> None:
    name = "x" * 16
    assert len(faults(account(name))) == 1
    assert faults(f"[smpp]\nsystem_id = '{name}'") == [
        f'2 smpp.system_id: "{name}" is longer than 15 characters'
    ]


def test_what_smpp_cannot_carry() -> None:
    assert faults(account("\u0416", "password = 'p\u0416'")) == [
        '2 accounts["\u0416"].system_id: has characters that SMPP cannot carry',
        '3 accounts["\u0416"].password: has characters that SMPP cannot carry',
    ]
    good(account("\u00e9", "password = '\u00e9'"))
    good("[[operators]]\nname = 'o'\npassword = '${P}'", P="\u0416")


# Times against each other.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[gateway]\nvalidity = '8d'",
            "2 gateway.validity: 8d is longer than max_validity, which is 7d",
        ),
        (
            "[smpp]\ninactivity_timeout = 20",
            "1 smpp.enquire_link: 30s is longer than inactivity_timeout, which is 20s",
        ),
        (
            carrier("c", "host = 'h'\nreconnect = '2m'"),
            '5 carriers["c"].reconnect: 2m is longer than max_reconnect, which is 1m',
        ),
        (
            carrier("c", "host = 'h'\n[carriers.statuses.0x58]\naction = 'retry'\ndelay = 61"),
            '7 carriers["c"].statuses.0x58.delay: 61s is longer than max_delay, which is 1m',
        ),
    ],
)
def test_a_time_is_not_above_its_limit(text: str, expected: str) -> None:
    assert faults(text) == [expected]


def test_a_time_may_equal_its_limit() -> None:
    good("[gateway]\nvalidity = '7d'\n" + carrier("c", "host = 'h'\nreconnect = 60"))


# Carriers.


def test_a_carrier_has_host_or_hosts() -> None:
    assert faults(carrier("c", "")) == ['1 carriers["c"]: needs host or hosts']
    assert faults(carrier("c", "host = 'h'\nhosts = ['i']")) == [
        '5 carriers["c"].hosts: give host or hosts, not both'
    ]
    good(carrier("c", "host = ''\nhosts = ['i']"))
    assert len(faults(carrier("c", "host = 5"))) == 1


@pytest.mark.parametrize(
    "host",
    ["localhost", "smsc.example.net", "a-b_c.d.", "127.0.0.1", "::1", "2001:db8::5", "3com.x"],
)
def test_hosts(host: str) -> None:
    good(carrier("c", f"host = '{host}'"))
    good(carrier("c", f"hosts = ['{host}']"))
    written = f"[{host}]" if ":" in host else host
    good(carrier("c", f"hosts = ['{written}:2775', '{written}:1', '{written}:65535']"))


@pytest.mark.parametrize(
    "host",
    [" ", "a b", "-a", "a-", "a/b", "127.0.0.300", "1.2.3", "tcp:h:1", "h\u00e9", "[::1]", "x]"],
)
def test_what_is_no_host(host: str) -> None:
    (found,) = faults(carrier("c", f"host = '{host}'"))
    assert "is no name or address" in found
    (found,) = faults(carrier("c", f"hosts = ['ok', '{host}']"))
    assert f'4 carriers["c"].hosts[1]: "{host}" is no host or host:port' in found


@pytest.mark.parametrize("port", ["", "0", "65536", "x", "-1", "\u0661", "9" * 50])
def test_what_is_no_port(port: str) -> None:
    assert len(faults(carrier("c", f"hosts = ['h:{port}']"))) == 1


@pytest.mark.parametrize(
    "place", ["x]:1", "ab]:1", "[x:1", "[::1:1", "::1]:1", "[]:1", ":1", "h:1:2"]
)
def test_what_is_no_host_and_port(place: str) -> None:
    assert len(faults(carrier("c", f"hosts = ['{place}']"))) == 1


def test_a_port_in_host_is_told_where_to_go() -> None:
    (found,) = faults(carrier("c", "host = 'h:2775'"))
    assert found.endswith('"h:2775" is no name or address; its port goes in port')


def test_status_rules() -> None:
    rules = "[carriers.statuses.{}]\naction = 'fail'\n"
    names = ["0x58", '"0x00000014"', "ESME_RSYSERR", "0x499"]
    text = carrier() + "".join(map(rules.format, names))
    assert list(good(text).settings.carriers[0].statuses) == [name.strip('"') for name in names]


def test_unknown_double_and_senseless_status_rules() -> None:
    rules = "[carriers.statuses.{}]\naction = 'fail'\n"
    names = ["0x58", "ESME_RTHROTTLED", "ESME_RTHROTLED", "ESME_ROK", "0xZZ"]
    found = faults(carrier() + "".join(map(rules.format, names)))
    assert [line.partition(":")[0] for line in found] == [
        '7 carriers["c"].statuses.ESME_RTHROTTLED',
        '9 carriers["c"].statuses.ESME_RTHROTLED',
        '11 carriers["c"].statuses.ESME_ROK',
        '13 carriers["c"].statuses.0xZZ',
    ]
    assert found[0].endswith("the same status is already on line 5")
    assert "ESME_RTHROTTLED" in found[1].partition(":")[2]
    assert found[2].endswith("is success, which takes no rule")


# Listen addresses.


def test_the_web_listener_is_checked_and_can_be_off() -> None:
    assert warnings("[web]\nlisten = ['tcp:8080']") == [
        '2 web.listen[0]: "tcp:8080" listens on all interfaces; interface= names one'
    ]
    assert faults("[web]\nlisten = ['tcp:http']") != []
    assert faults("[web]\nlist = []") == ['2 web.list: unknown key "list", did you mean "listen"?']
    assert warnings("[web]\nlisten = []") == []


def test_listen_faults_and_warnings_have_their_line() -> None:
    text = (
        "[smpp]\nlisten = [\n'tcp:2775:interface=127.0.0.1',\n'tcp:2776']\n[shell]\nlisten = [{}]"
    )
    assert warnings(text.format("'tcp:8990:interface=0.0.0.0'")) == [
        '4 smpp.listen[1]: "tcp:2776" listens on all interfaces; interface= names one',
        '6 shell.listen[0]: "tcp:8990:interface=0.0.0.0" listens on all interfaces; '
        "interface= names one",
    ]
    assert faults(text.format("'tpc:8990', 5")) == [
        "6 shell.listen[1]: expected a string, found a whole number",
        "6 shell.listen[0]: \"tpc:8990\" is no usable endpoint: Unknown endpoint type: 'tpc'",
    ]
