"""Logins of operators: who may, from where, what the log and the peer are told, and the first."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from ssh_kit import new_key
from twisted.internet.defer import CancelledError, Deferred

from smppgw.core.auth import FREE_FAILURES, LONGEST_WAIT
from smppgw.core.command import Operator, Role
from smppgw.core.operator_settings import OperatorSettings
from smppgw.core.passwords import verify_password
from smppgw.core.settings import Settings
from smppgw.ops.config import parse
from smppgw.ops.operators import (
    MAX_PASSWORD,
    NEUTRAL,
    Operators,
    Refused,
    first_operator,
    first_operator_text,
)

HERE, THERE = "127.0.0.1", "10.0.0.1"
Verdict = Operator | Refused


def verify(stored: str, password: str) -> bool:
    return stored == f"H:{password}"


def settings(name: str = "ops", word: str = "right", **more: Any) -> OperatorSettings:
    """An operator whose stored password the checker of these tests understands."""
    more.setdefault("role", "operate")
    return OperatorSettings(name=name, password_hash=word and f"H:{word}", **more)


@define
class Gate:
    """Operators with everything around them in hand."""

    configured: list[OperatorSettings] = field(factory=lambda: [settings()])
    now: float = 1000.0
    at_once: bool = True
    jobs: list[Callable[[], None]] = field(factory=list)
    computed: list[tuple[str, str]] = field(factory=list)
    operators: Operators = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.operators = Operators(
            lambda: self.configured, lambda: self.now, self.in_thread, verify=verify
        )

    def in_thread(self, function: Callable[..., bool], *arguments: Any) -> Deferred[bool]:
        job: Deferred[bool] = Deferred()
        self.computed.append(arguments)
        self.jobs.append(lambda: job.callback(function(*arguments)))
        if self.at_once:
            self.run()
        return job

    def run(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()

    def start(self, name: str, password: str, source: str = HERE) -> list[Verdict]:
        verdicts: list[Verdict] = []
        self.operators.check(name, password, source).addCallback(verdicts.append)
        return verdicts

    def login(self, name: str, password: str, source: str = HERE) -> Verdict:
        (verdict,) = self.start(name, password, source)
        return verdict

    def refused(self, name: str, password: str, source: str = HERE) -> str:
        verdict = self.login(name, password, source)
        assert isinstance(verdict, Refused)
        return verdict.reason


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture(scope="module")
def often() -> Gate:
    """One for many examples: its scrypt takes more time than they do."""
    return Gate()


class TestPassword:
    def test_the_right_one(self, gate: Gate) -> None:
        assert gate.login("ops", "right") == Operator("ops", Role.OPERATE, HERE)

    @pytest.mark.parametrize("role", list(Role))
    def test_every_role(self, gate: Gate, role: Role) -> None:
        gate.configured = [settings(role=role.name.lower())]
        found = gate.login("ops", "right")
        assert isinstance(found, Operator)
        assert found.role is role

    def test_the_accounts_that_are_all_there_is(self, gate: Gate) -> None:
        gate.configured = [settings(accounts=("agg1", "agg2"))]
        found = gate.login("ops", "right")
        assert isinstance(found, Operator)
        assert found.accounts == {"agg1", "agg2"}
        gate.configured = [settings(accounts=("agg1",))]
        now = gate.operators.now(found)
        assert now is not None
        assert now.accounts == {"agg1"}

    def test_roles_include_each_other(self) -> None:
        assert Role.VIEW < Role.OPERATE < Role.CONFIG < Role.ADMIN

    def test_a_password_in_clear(self, gate: Gate) -> None:
        gate.configured = [OperatorSettings(name="ops", password="clear")]
        assert isinstance(gate.login("ops", "clear"), Operator)
        assert gate.refused("ops", "H:clear").endswith("wrong password")

    def test_a_wrong_one(self, gate: Gate) -> None:
        assert gate.refused("ops", "wrong") == "login of ops from 127.0.0.1: wrong password"

    def test_without_a_password_none_is_right(self, gate: Gate) -> None:
        gate.configured = [settings(word="", ssh_keys=("x",))]
        assert gate.refused("ops", "").endswith("has no password")

    def test_a_name_that_nobody_has_is_not_told(self, gate: Gate) -> None:
        """It may be somebody's password."""
        assert gate.refused("hunter2", "x") == "login from 127.0.0.1: unknown name"
        for _ in range(FREE_FAILURES):
            assert "hunter2" not in gate.refused("hunter2", "x")

    def test_a_name_that_nobody_has_takes_as_long(self, gate: Gate) -> None:
        for name in ("ops", "nobody"):
            gate.refused(name, "wrong")
        assert len(gate.computed) == 2

    @pytest.mark.parametrize(
        "more", [{"enabled": False}, {"allow_from": (ip_network("10.0.0.0/8"),)}]
    )
    def test_who_is_barred_waits_as_long_too(self, gate: Gate, more: Any) -> None:
        gate.configured = [settings(**more)]
        gate.refused("ops", "right")
        assert len(gate.computed) == 1

    def test_an_operator_that_is_disabled(self, gate: Gate) -> None:
        gate.configured = [settings(enabled=False)]
        assert gate.refused("ops", "right").endswith("disabled")

    def test_without_allow_from_only_this_machine_may(self, gate: Gate) -> None:
        assert gate.refused("ops", "right", THERE).endswith("not in allow_from")
        for here in (HERE, "127.9.9.9", "::1", "::ffff:127.0.0.1"):
            assert isinstance(gate.login("ops", "right", here), Operator)

    def test_with_allow_from_only_those_may(self, gate: Gate) -> None:
        gate.configured = [settings(allow_from=(ip_network("10.0.0.0/8"),))]
        assert isinstance(gate.login("ops", "right", THERE), Operator)
        assert gate.refused("ops", "right").endswith("not in allow_from")

    @pytest.mark.parametrize("source", ["", "local", "not an address"])
    def test_an_address_that_is_none_is_refused(self, gate: Gate, source: str) -> None:
        assert "could not be checked" in gate.refused("ops", "right", source)

    def test_settings_that_cannot_be_read_let_nobody_in(self, gate: Gate) -> None:
        gate.configured = None  # type: ignore[assignment]
        assert "could not be read" in gate.refused("ops", "right")

    def test_a_right_password_is_right_up_to_the_limit_only(self, gate: Gate) -> None:
        longest = "x" * MAX_PASSWORD
        gate.configured = [settings(word=longest)]
        assert isinstance(gate.login("ops", longest), Operator)
        assert gate.refused("ops", longest + "x").endswith("wrong password")
        assert gate.refused("ops", longest + "x" * 1_000_000).endswith("wrong password")
        assert max(len(password) for _, password in gate.computed) == MAX_PASSWORD + 1

    def test_by_the_settings_as_they_are_when_it_is_computed(self, gate: Gate) -> None:
        gate.at_once = False
        login = gate.start("ops", "right")
        gate.configured = []
        gate.run()
        assert isinstance(login[0], Refused)

    def test_a_peer_that_has_gone(self, gate: Gate) -> None:
        gate.at_once = False
        login = gate.operators.check("ops", "right", HERE)
        failures: list[Any] = []
        login.addErrback(failures.append)
        login.cancel()
        gate.run()
        assert failures[0].check(CancelledError)

    @given(st.text(), st.text())
    def test_no_name_and_no_password_breaks_it(self, often: Gate, name: str, password: str) -> None:
        gate = often
        gate.now += LONGEST_WAIT
        verdict = gate.login(name, password)
        assert isinstance(verdict, Operator) == ((name, password) == ("ops", "right"))
        if isinstance(verdict, Refused):
            assert verdict.reason.isprintable()

    def test_the_words_of_scrypt_are_not_in_the_reason(self) -> None:
        first, password = first_operator()
        gate = Gate([first])
        gate.operators = Operators(
            lambda: gate.configured, lambda: gate.now, gate.in_thread, verify=verify_password
        )
        assert gate.login("admin", password) == Operator("admin", Role.ADMIN, HERE)
        reason = gate.refused("admin", password + "x")
        assert password not in reason
        assert "scrypt" not in reason


class TestStorms:
    def fail(self, gate: Gate, times: int = FREE_FAILURES, source: str = HERE) -> None:
        for number in range(times):
            assert "too many" not in gate.refused("ops", f"wrong {number}", source)

    def test_an_address_that_fails_has_to_wait_ever_longer(self, gate: Gate) -> None:
        self.fail(gate)
        waited = 1.0
        while waited < LONGEST_WAIT:
            assert "too many failures" in gate.refused("ops", "right")
            gate.now += waited
            gate.refused("ops", "still wrong")
            waited = min(waited * 2, LONGEST_WAIT)
        gate.now += LONGEST_WAIT - 1
        assert "too many failures" in gate.refused("ops", "right")
        gate.now += 1
        assert isinstance(gate.login("ops", "right"), Operator)

    def test_another_address_does_not(self, gate: Gate) -> None:
        self.fail(gate, source=THERE)
        assert "too many" in gate.refused("ops", "right", THERE)
        assert isinstance(gate.login("ops", "right"), Operator)

    def test_names_that_nobody_has_count_as_well(self, gate: Gate) -> None:
        for number in range(FREE_FAILURES):
            gate.refused(f"nobody{number}", "x")
        assert gate.refused("ops", "right").startswith("login of ops from 127.0.0.1: too many")

    def test_few_are_computed_at_once(self, gate: Gate) -> None:
        gate.at_once = False
        logins = [gate.start(f"nobody{number}", "x", f"10.0.{number}.1") for number in range(100)]
        assert len(gate.jobs) == 1
        gate.run()
        assert all(isinstance(verdict, Refused) for (verdict,) in logins)

    def test_what_waits_is_bounded(self, gate: Gate) -> None:
        gate.at_once = False
        logins = [
            gate.start(f"nobody{number}", "x", f"10.{number // 250}.{number % 250}.1")
            for number in range(1100)
        ]
        (busy,) = logins[-1]
        assert isinstance(busy, Refused)
        assert "busy" in busy.reason


class TestKeys:
    KEY, OTHER = (new_key(number=number).public() for number in (1, 2))

    @pytest.fixture
    def gate(self) -> Gate:
        line = self.KEY.toString("openssh").decode()
        return Gate([settings(ssh_keys=(line,)), settings("other")])

    def test_a_key_of_its_own(self, gate: Gate) -> None:
        found = gate.operators.check_key("ops", self.KEY.blob(), HERE)
        assert found == Operator("ops", Role.OPERATE, HERE)

    @pytest.mark.parametrize(
        ("name", "key", "source", "reason"),
        [
            ("ops", OTHER, HERE, "login of ops from 127.0.0.1: the key is not among its ssh_keys"),
            (
                "other",
                KEY,
                HERE,
                "login of other from 127.0.0.1: the key is not among its ssh_keys",
            ),
            ("hunter2", KEY, HERE, "login from 127.0.0.1: unknown name"),
            ("ops", KEY, THERE, "login of ops from 10.0.0.1: the address is not in allow_from"),
        ],
    )
    def test_who_may_not(self, gate: Gate, name: str, key: Any, source: str, reason: str) -> None:
        known = name if name in reason else ""
        assert gate.operators.check_key(name, key.blob(), source) == Refused(reason, known)

    def test_an_operator_that_is_disabled(self, gate: Gate) -> None:
        gate.configured[0] = evolve(gate.configured[0], enabled=False)
        assert isinstance(gate.operators.check_key("ops", self.KEY.blob(), HERE), Refused)

    def test_keys_neither_count_for_the_back_off_nor_wait_for_it(self, gate: Gate) -> None:
        for _ in range(2 * FREE_FAILURES):
            gate.operators.check_key("ops", self.OTHER.blob(), HERE)
        assert isinstance(gate.login("ops", "right"), Operator)
        for number in range(FREE_FAILURES):
            gate.refused("ops", f"wrong {number}")
        assert "too many" in gate.refused("ops", "wrong again")
        assert isinstance(gate.operators.check_key("ops", self.KEY.blob(), HERE), Operator)

    def test_a_line_that_is_no_key_does_not_keep_the_others_out(self, gate: Gate) -> None:
        gate.configured[0] = evolve(
            gate.configured[0], ssh_keys=("nonsense", *gate.configured[0].ssh_keys)
        )
        assert isinstance(gate.operators.check_key("ops", self.KEY.blob(), HERE), Operator)

    @given(st.binary())
    def test_no_octets_are_a_key(self, often: Gate, blob: bytes) -> None:
        gate = often
        gate.configured = [settings(ssh_keys=(self.KEY.toString("openssh").decode(),))]
        assert isinstance(gate.operators.check_key("ops", blob, HERE), Refused)


class TestLater:
    """What somebody who has logged in may do when the configuration changes."""

    ASKS = Operator("ops", Role.OPERATE, THERE)

    def test_the_role_is_the_one_of_now(self, gate: Gate) -> None:
        assert gate.operators.now(self.ASKS) == self.ASKS
        gate.configured = [settings(role="view")]
        assert gate.operators.now(self.ASKS) == Operator("ops", Role.VIEW, THERE)

    def test_who_is_gone_or_disabled_may_nothing(self, gate: Gate) -> None:
        gate.configured = [settings(enabled=False)]
        assert gate.operators.now(self.ASKS) is None
        gate.configured = []
        assert gate.operators.now(self.ASKS) is None


class TestFirst:
    def test_it_may_everything_from_this_machine(self) -> None:
        made, password = first_operator()
        assert (made.name, made.role, made.enabled) == ("admin", "admin", True)
        assert made.allow_from == ()
        assert made.password == ""
        assert verify_password(made.password_hash, password)

    def test_no_two_have_one_password(self) -> None:
        passwords = {first_operator()[1] for _ in range(5)}
        assert len(passwords) == 5
        for password in passwords:
            assert len(password) == 23
            assert not set(password) & set("0O1lIi ")

    def test_its_settings_tell_no_password(self) -> None:
        made, password = first_operator()
        assert password not in repr(made)
        assert made.password_hash not in repr(made)

    def test_the_configuration_would_take_it(self) -> None:
        made, _ = first_operator()
        text = f'[[operators]]\nname = "{made.name}"\nrole = "{made.role}"\n'
        text += f'password_hash = "{made.password_hash}"\n'
        assert parse(text, "x").settings == Settings(operators=(made,))

    def test_what_is_printed(self) -> None:
        lines = first_operator_text("abcde-fghjk-mnpqr-stuvw")
        assert sum("abcde-fghjk-mnpqr-stuvw" in line for line in lines) == 1
        assert any(line.split() == ["name", "admin"] for line in lines)
        assert max(map(len, lines)) <= 100

    def test_what_a_peer_is_told_tells_nothing(self) -> None:
        for word in ("password", "name", "key", "disabled", "unknown", "address"):
            assert word not in NEUTRAL
