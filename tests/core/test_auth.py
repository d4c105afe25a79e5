"""Binds: who may, from where, with which password, at what cost, and who has to wait."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from smppgw.core import auth
from smppgw.core.account_settings import AccountSettings
from smppgw.core.auth import Authenticator, Backoff, Refusal, Verdict
from smppgw.core.passwords import hash_password

RBINDFAIL, RINVPASWD, RINVSYSID = 0x0D, 0x0E, 0x0F
HERE = "127.0.0.1"
RIGHT = "right"
ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def hashed(system_id: str, secret: str = RIGHT, **more: Any) -> AccountSettings:
    """An account whose stored password the checker of these tests understands."""
    more.setdefault("allow_from", ANYWHERE)
    return AccountSettings(system_id=system_id, password_hash=f"H:{secret}", **more)


def clear(system_id: str, secret: str = RIGHT, **more: Any) -> AccountSettings:
    more.setdefault("allow_from", ANYWHERE)
    return AccountSettings(system_id=system_id, password=secret, **more)


def verify(stored: str, password: str) -> bool:
    return stored == f"H:{password}"


@define
class Threads:
    """Threads that do what they are asked when the test says so."""

    jobs: list[tuple[Deferred[bool], Callable[..., bool], tuple[Any, ...]]] = field(factory=list)
    computed: list[tuple[str, str]] = field(factory=list)
    at_once: bool = True

    def __call__(self, function: Callable[..., bool], *arguments: Any) -> Deferred[bool]:
        job: Deferred[bool] = Deferred()
        self.jobs.append((job, function, arguments))
        if self.at_once:
            self.run()
        return job

    def run(self, most: int = 1_000_000) -> None:
        """Do the jobs, also those that come while others are done."""
        while self.jobs and most:
            most -= 1
            job, function, arguments = self.jobs.pop(0)
            self.computed.append(arguments)
            try:
                job.callback(function(*arguments))
            except Exception as error:
                job.errback(error)


@define
class Gate:
    """An authenticator with everything around it in hand."""

    accounts: dict[str, AccountSettings] = field(factory=dict)
    threads: Threads = field(factory=Threads)
    now: float = 1000.0
    under_test: Authenticator = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.under_test = Authenticator(
            self.accounts.get, lambda: self.now, self.threads, verify=verify
        )

    def add(self, account: AccountSettings) -> None:
        self.accounts[account.system_id] = account

    def start(self, system_id: str, password: str = RIGHT, source: str = HERE) -> list[Verdict]:
        """Begin a bind; the list holds the verdict once there is one."""
        verdicts: list[Verdict] = []
        self.under_test.check(system_id, password, source).addCallback(verdicts.append)
        return verdicts

    def check(self, system_id: str, password: str = RIGHT, source: str = HERE) -> Verdict:
        (verdict,) = self.start(system_id, password, source)
        return verdict

    def refused(self, *arguments: str) -> Refusal:
        verdict = self.check(*arguments)
        assert isinstance(verdict, Refusal)
        return verdict


@pytest.fixture(scope="session", autouse=True)
def decoy() -> None:
    """One decoy for all: making it takes a while."""
    made = hash_password("nobody knows")
    patch = pytest.MonkeyPatch()
    patch.setattr(auth, "hash_password", lambda password: made)


@pytest.fixture
def gate() -> Gate:
    gate = Gate()
    gate.add(hashed("agg1"))
    gate.add(clear("agg2"))
    return gate


class TestPasswords:
    @pytest.mark.parametrize("system_id", ["agg1", "agg2"])
    def test_the_right_password_gives_the_account(self, gate: Gate, system_id: str) -> None:
        assert gate.check(system_id) is gate.accounts[system_id]

    @pytest.mark.parametrize("system_id", ["agg1", "agg2"])
    @pytest.mark.parametrize("password", ["wrong", "", "Right", "right ", "righ", "right\xe9"])
    def test_a_wrong_password(self, gate: Gate, system_id: str, password: str) -> None:
        refusal = gate.refused(system_id, password)
        assert refusal.command_status == RINVPASWD
        assert "wrong password" in refusal.reason

    def test_an_unknown_system_id(self, gate: Gate) -> None:
        refusal = gate.refused("nobody")
        assert refusal.command_status == RINVSYSID
        assert refusal.reason == "bind of 'nobody' from 127.0.0.1: unknown system_id"

    @pytest.mark.parametrize("password", ["", "x"])
    def test_an_account_without_password_lets_nobody_in(self, gate: Gate, password: str) -> None:
        gate.add(AccountSettings(system_id="bare"))
        refusal = gate.refused("bare", password)
        assert refusal.command_status == RINVPASWD
        assert "has no password" in refusal.reason

    def test_a_hash_counts_more_than_a_password_in_clear(self, gate: Gate) -> None:
        gate.add(evolve(hashed("both", "hashed"), password="clear"))
        assert isinstance(gate.check("both", "clear"), Refusal)
        assert gate.check("both", "hashed") is gate.accounts["both"]

    def test_the_decoy_lets_nobody_in(self, gate: Gate) -> None:
        """Even if a password fitted the decoy, it is nobody's."""
        gate.under_test._verify = lambda stored, password: True
        for system_id in ("nobody", "agg2", "agg2"):
            assert isinstance(gate.check(system_id, "x"), Refusal)

    def test_real_scrypt(self, gate: Gate) -> None:
        gate.under_test = Authenticator(gate.accounts.get, lambda: gate.now, gate.threads)
        gate.add(evolve(hashed("real"), password_hash=hash_password("s\xe9cret")))
        assert gate.check("real", "s\xe9cret") is gate.accounts["real"]
        assert isinstance(gate.check("real", "secret"), Refusal)
        assert isinstance(gate.check("nobody", "secret"), Refusal)

    @pytest.mark.parametrize("system_id", ["agg1", "agg2", "nobody", "bare"])
    def test_every_wrong_guess_costs_one_computation(self, gate: Gate, system_id: str) -> None:
        gate.add(AccountSettings(system_id="bare"))
        gate.refused(system_id, "wrong")
        assert len(gate.threads.computed) == 1

    def test_names_from_outside_cannot_write_log_lines(self, gate: Gate) -> None:
        assert "\n" not in gate.refused("x\nroot logged in").reason

    @given(st.text(max_size=9).filter(lambda text: len(text) > 3))
    def test_no_password_in_reasons_nor_reprs(self, password: str) -> None:
        gate = Gate()
        gate.threads.at_once = False
        gate.add(hashed("agg1", "x"))
        secret = f"<<{password}>>"
        verdicts = gate.start("agg1", secret)
        seen = repr(list(gate.under_test._computations.values()))
        gate.threads.run()
        assert secret not in seen + repr(verdicts) + repr(gate.under_test.__dict__["_remembered"])


class TestWhere:
    @pytest.mark.parametrize("source", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
    def test_without_a_list_loopback_only(self, gate: Gate, source: str) -> None:
        gate.add(hashed("local", allow_from=()))
        assert gate.check("local", "right", source) is gate.accounts["local"]

    @pytest.mark.parametrize("source", ["10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"])
    def test_without_a_list_nobody_else(self, gate: Gate, source: str) -> None:
        gate.add(hashed("local", allow_from=()))
        refusal = gate.refused("local", "right", source)
        assert refusal.command_status == RBINDFAIL
        assert f"'local' from {source}: the address is not in allow_from" in refusal.reason

    @pytest.mark.parametrize(
        ("source", "inside"),
        [
            ("10.1.2.3", True),
            ("::ffff:10.1.2.3", True),
            ("2001:db8::7", True),
            ("11.1.2.3", False),
            ("127.0.0.1", False),
            ("2001:db9::7", False),
        ],
    )
    def test_the_list_is_the_list(self, gate: Gate, source: str, inside: bool) -> None:
        networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
        gate.add(hashed("listed", allow_from=networks))
        assert isinstance(gate.check("listed", "right", source), AccountSettings) == inside

    @pytest.mark.parametrize("source", ["", "unix", "10.0.0", "10.0.0.1:2775", "10.0.0.300", "\n"])
    def test_an_address_that_cannot_be_read_is_refused(self, gate: Gate, source: str) -> None:
        refusal = gate.refused("agg1", "right", source)
        assert refusal.command_status == RBINDFAIL
        assert "could not be checked" in refusal.reason

    def test_a_list_that_cannot_be_read_is_refused(self, gate: Gate) -> None:
        broken: Any = ("10.0.0.0/8",)
        gate.add(hashed("broken", allow_from=broken))
        assert gate.refused("broken", "right", "10.0.0.1").command_status == RBINDFAIL

    def test_accounts_that_cannot_be_read_are_refused(self, gate: Gate) -> None:
        def lookup(system_id: str) -> AccountSettings | None:
            raise OSError("password=hunter2")

        gate.under_test._lookup = lookup
        refusal = gate.refused("agg1")
        assert refusal.command_status == RBINDFAIL
        assert "OSError" in refusal.reason
        assert "hunter2" not in refusal.reason

    def test_a_disabled_account(self, gate: Gate) -> None:
        gate.add(hashed("off", enabled=False))
        refusal = gate.refused("off")
        assert refusal.command_status == RBINDFAIL
        assert "disabled" in refusal.reason

    def test_who_is_barred_costs_no_computation(self, gate: Gate) -> None:
        gate.add(hashed("off", enabled=False))
        gate.refused("off")
        assert gate.threads.computed == []

    @pytest.mark.parametrize("make", [hashed, clear])
    @pytest.mark.parametrize("password", ["right", "wrong"])
    def test_a_hidden_reason_hides_status_and_time(
        self, gate: Gate, make: Callable[..., AccountSettings], password: str
    ) -> None:
        gate.under_test.hide_bind_reason = True
        gate.add(make("off", enabled=False))
        gate.add(make("far", allow_from=()))
        for system_id, source, words in [
            ("off", HERE, "disabled"),
            ("far", "10.0.0.1", "allow_from"),
            ("nobody", HERE, "unknown system_id"),
        ]:
            refusal = gate.refused(system_id, password, source)
            assert refusal.command_status == RBINDFAIL
            assert words in refusal.reason, "the log says why"
        assert gate.refused("agg1", "wrong").command_status == RBINDFAIL
        assert len(gate.threads.computed) == 4


class TestCost:
    def test_a_storm_of_binds_costs_one_computation(self, gate: Gate) -> None:
        gate.threads.at_once = False
        binds = [gate.start("agg1") for _ in range(1000)]
        assert len(gate.threads.jobs) == 1
        gate.threads.run()
        assert all(bind == [gate.accounts["agg1"]] for bind in binds)
        assert gate.check("agg1") is gate.accounts["agg1"]
        assert len(gate.threads.computed) == 1

    def test_a_right_password_is_remembered_for_a_minute(self, gate: Gate) -> None:
        for later in (0.0, 30.0, 29.9, 0.2):
            gate.now += later
            gate.check("agg1")
        assert len(gate.threads.computed) == 2, "a minute from the computation, not the last use"

    def test_what_is_remembered_is_the_whole_thing(self, gate: Gate) -> None:
        gate.check("agg1")
        gate.refused("agg1", "wrong")
        gate.add(hashed("other"))
        gate.check("other")
        gate.check("agg1", "right", "10.0.0.1")
        assert len(gate.threads.computed) == 4

    def test_a_changed_password_is_not_remembered(self, gate: Gate) -> None:
        gate.check("agg1")
        gate.add(hashed("agg1", "new"))
        assert gate.refused("agg1", "right").command_status == RINVPASWD
        assert gate.check("agg1", "new") is gate.accounts["agg1"]

    def test_remembering_does_not_open_what_was_closed(self, gate: Gate) -> None:
        gate.check("agg1")
        gate.add(evolve(gate.accounts["agg1"], enabled=False))
        assert "disabled" in gate.refused("agg1").reason
        gate.add(hashed("agg1", allow_from=(ip_network("10.0.0.0/8"),)))
        assert "allow_from" in gate.refused("agg1").reason
        del gate.accounts["agg1"]
        assert gate.refused("agg1").command_status == RINVSYSID

    def test_a_wrong_password_is_not_remembered(self, gate: Gate) -> None:
        gate.refused("agg1", "wrong")
        gate.refused("agg1", "wrong")
        assert len(gate.threads.computed) == 2

    def test_the_memory_is_bounded(self, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auth, "MAX_REMEMBERED", 3)
        for number in range(10):
            gate.add(hashed(f"agg{number}"))
            gate.check(f"agg{number}")
        assert len(gate.under_test._remembered) == 3
        gate.check("agg9")
        assert len(gate.threads.computed) == 10
        gate.now += 61.0
        gate.check("agg0")
        assert len(gate.under_test._remembered) == 1, "what is too old goes"

    def test_a_clock_set_back_does_not_lengthen_the_memory(self, gate: Gate) -> None:
        gate.check("agg1")
        gate.now -= 3600.0
        gate.check("agg1")
        assert len(gate.threads.computed) == 2

    def test_two_at_once_the_rest_in_turn(self, gate: Gate) -> None:
        gate.threads.at_once = False
        for number in range(6):
            gate.add(hashed(f"agg{number}"))
        binds = [gate.start(f"agg{number}") for number in range(6)]
        assert (len(gate.threads.jobs), gate.under_test.waiting) == (2, 4)
        gate.threads.run(1)
        assert [bool(bind) for bind in binds] == [True] + [False] * 5
        assert (len(gate.threads.jobs), gate.under_test.waiting) == (2, 3)
        gate.threads.run()
        assert all(isinstance(bind[0], AccountSettings) for bind in binds)
        assert gate.under_test.waiting == 0
        assert not gate.under_test._computations

    def test_above_the_queue_a_bind_is_refused_as_busy(self, gate: Gate) -> None:
        gate.threads.at_once = False
        binds = [
            gate.start(f"x{number}", "x", f"10.0.{number // 250}.{number % 250}")
            for number in range(auth.MAX_COMPUTING + auth.MAX_WAITING)
        ]
        assert not any(binds)
        refusal = gate.refused("agg1")
        assert refusal.command_status == RBINDFAIL
        assert "busy" in refusal.reason
        assert gate.check("agg2") is gate.accounts["agg2"], "no computation, no queue"
        gate.threads.run()
        assert all(binds)
        gate.threads.at_once = True
        assert gate.check("agg1") is gate.accounts["agg1"], "being busy is no failure"

    def test_who_has_gone_is_not_computed_for(self, gate: Gate) -> None:
        gate.threads.at_once = False
        for number in range(4):
            gate.add(hashed(f"agg{number}"))
        checks = [gate.under_test.check(f"agg{number}", "right", HERE) for number in range(4)]
        gone: list[Any] = []
        for check in checks[1:3]:
            check.addErrback(gone.append)
            check.cancel()
        gate.threads.run()
        assert [failure.type for failure in gone] == [CancelledError] * 2
        assert [stored for stored, _ in gate.threads.computed] == ["H:right"] * 3
        assert checks[3].called
        assert not gate.under_test._computations

    def test_a_checker_that_breaks_refuses_and_goes_on(self, gate: Gate) -> None:
        def breaks(stored: str, password: str) -> bool:
            raise RuntimeError(f"cannot check {password}")

        gate.under_test._verify = breaks
        for _ in range(10):
            refusal = gate.refused("agg1", "hunter2")
            assert refusal.command_status == RBINDFAIL
            assert "RuntimeError" in refusal.reason
            assert "hunter2" not in refusal.reason
        gate.under_test._verify = verify
        assert gate.check("agg1") is gate.accounts["agg1"], "not the peer's failure"

    def test_threads_that_are_gone_refuse_and_empty_the_queue(self, gate: Gate) -> None:
        gate.threads.at_once = False
        binds = [gate.start(f"x{number}", "x", f"10.0.0.{number % 250}") for number in range(900)]

        def gone(function: Callable[..., bool], *arguments: Any) -> Deferred[bool]:
            raise RuntimeError("the pool is stopped")

        gate.under_test._defer_to_thread = gone
        gate.threads.run(2)
        assert all(isinstance(bind[0], Refusal) for bind in binds)
        assert gate.under_test._computing == 0

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            (lambda account: evolve(account, password_hash="H:new"), RINVPASWD),
            (lambda account: evolve(account, enabled=False), RBINDFAIL),
            (lambda account: evolve(account, allow_from=()), RBINDFAIL),
            (None, RINVSYSID),
        ],
    )
    def test_an_account_that_changes_meanwhile(
        self, gate: Gate, change: Callable[[AccountSettings], AccountSettings] | None, status: int
    ) -> None:
        gate.threads.at_once = False
        bind = gate.start("agg1", "right", "10.0.0.1")
        account = gate.accounts.pop("agg1")
        if change is not None:
            gate.add(change(account))
        gate.threads.run()
        assert isinstance(bind[0], Refusal)
        assert bind[0].command_status == status


class TestBackoffOfBinds:
    def fail(self, gate: Gate, times: int, source: str = HERE) -> None:
        for _ in range(times):
            assert "too many" not in gate.refused("agg1", "wrong", source).reason

    def test_after_five_failures_an_address_has_to_wait(self, gate: Gate) -> None:
        self.fail(gate, 5)
        refusal = gate.refused("agg1")
        assert refusal.command_status == RBINDFAIL
        assert "too many failures from this address, it has to wait 1 s" in refusal.reason
        assert len(gate.threads.computed) == 5, "refused at once"
        gate.now += 1.0
        assert gate.check("agg1") is gate.accounts["agg1"]

    def test_who_tries_while_it_has_to_wait_does_not_wait_longer(self, gate: Gate) -> None:
        self.fail(gate, 5)
        for _ in range(9):
            gate.now += 0.1
            assert "too many" in gate.refused("agg1", "wrong").reason
        gate.now += 0.1
        self.fail(gate, 1)

    def test_other_addresses_do_not_wait(self, gate: Gate) -> None:
        self.fail(gate, 5)
        assert gate.check("agg1", "right", "10.0.0.1") is gate.accounts["agg1"]

    def test_a_password_in_clear_cannot_be_guessed_while_waiting(self, gate: Gate) -> None:
        self.fail(gate, 5)
        assert "too many" in gate.refused("agg2").reason

    def test_every_kind_of_failure_counts(self, gate: Gate) -> None:
        gate.add(hashed("off", enabled=False))
        gate.add(hashed("far", allow_from=(ip_network("10.0.0.0/8"),)))
        for system_id in ("off", "far", "nobody", "agg2", "agg1"):
            gate.refused(system_id, "wrong")
        assert "too many" in gate.refused("agg1").reason

    def test_a_success_clears(self, gate: Gate) -> None:
        self.fail(gate, 4)
        gate.check("agg2")
        self.fail(gate, 5)

    def test_a_known_bind_of_the_same_address_may_come_back(self, gate: Gate) -> None:
        """One account with a wrong password must not keep out its neighbours' rebinds."""
        gate.add(hashed("agg3"))
        gate.check("agg3")
        self.fail(gate, 5)
        assert gate.check("agg3") is gate.accounts["agg3"]

    def test_what_is_known_elsewhere_does_not_help_a_guesser(self, gate: Gate) -> None:
        gate.check("agg1", "right", "10.0.0.1")
        self.fail(gate, 5, "10.6.6.6")
        assert "too many" in gate.refused("agg1", "right", "10.6.6.6").reason

    def test_guesses_that_wait_are_dropped_when_the_address_has_to(self, gate: Gate) -> None:
        gate.threads.at_once = False
        guesses = [gate.start("agg1", f"guess{number}") for number in range(500)]
        gate.threads.run()
        assert len(gate.threads.computed) <= 5 + auth.MAX_COMPUTING
        assert all(isinstance(guess[0], Refusal) for guess in guesses)

    def test_binds_that_come_together_are_one_failure(self, gate: Gate) -> None:
        gate.threads.at_once = False
        binds = [gate.start("agg1", "old") for _ in range(50)]
        gate.threads.run()
        assert all(isinstance(bind[0], Refusal) for bind in binds)
        gate.threads.at_once = True
        self.fail(gate, 4)


class TestBackoff:
    def test_waits_double_up_to_five_minutes(self) -> None:
        backoff = Backoff()
        now = 0.0
        waits = []
        for _ in range(16):
            backoff.failed("10.0.0.1", now)
            waits.append(backoff.wait("10.0.0.1", now))
            now += waits[-1]
        assert waits == [0] * 4 + [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]

    def test_waiting_ends(self) -> None:
        backoff = Backoff()
        for _ in range(6):
            backoff.failed("10.0.0.1", 100.0)
        assert backoff.wait("10.0.0.1", 101.5) == 0.5
        assert backoff.wait("10.0.0.1", 102.0) == 0.0

    def test_an_hour_without_failure_clears(self) -> None:
        backoff = Backoff()
        for _ in range(20):
            backoff.failed("10.0.0.1", 0.0)
        backoff.failed("10.0.0.1", 3601.0)
        assert backoff.wait("10.0.0.1", 3601.0) == 0.0

    def test_a_clock_set_back_ends_the_wait(self) -> None:
        backoff = Backoff()
        for _ in range(20):
            backoff.failed("10.0.0.1", 10_000.0)
        assert backoff.wait("10.0.0.1", 9_000.0) == 0.0

    def test_addresses_are_told_apart_sites_of_ipv6_are_not(self) -> None:
        backoff = Backoff()
        for host in range(5):
            backoff.failed(f"2001:db8:0:1::{host:x}", 0.0)
            backoff.failed(f"10.0.0.{host}", 0.0)
        assert backoff.wait("2001:db8:0:1:ffff::1", 0.0) == 1.0
        assert backoff.wait("2001:db8:0:2::1", 0.0) == 0.0
        assert backoff.wait("10.0.0.1", 0.0) == 0.0

    def test_both_forms_of_an_ipv4_address_are_one(self) -> None:
        backoff = Backoff()
        for _ in range(5):
            backoff.failed("::ffff:10.0.0.1", 0.0)
        assert backoff.wait("10.0.0.1", 0.0) == 1.0

    def test_what_is_no_address_counts_too(self) -> None:
        backoff = Backoff()
        for _ in range(5):
            backoff.failed("", 0.0)
        assert backoff.wait("", 0.0) == 1.0
        backoff.succeeded("")
        assert backoff.wait("", 0.0) == 0.0

    def test_the_table_is_bounded_and_keeps_the_latest(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(auth, "MAX_ADDRESSES", 100)
        backoff = Backoff()
        for _ in range(5):
            backoff.failed("10.9.9.9", 0.0)
        for number in range(300):
            backoff.failed(f"10.0.{number // 250}.{number % 250}", float(number))
            if number < 250:
                backoff.failed("10.9.9.9", float(number))
            assert len(backoff) <= 100
        assert backoff.wait("10.9.9.9", 249.0) == 300.0
        for number in range(100):
            backoff.failed(f"10.1.0.{number}", 400.0)
        assert backoff.wait("10.9.9.9", 400.0) == 0.0, "the oldest is dropped"
