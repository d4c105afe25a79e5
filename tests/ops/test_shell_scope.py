"""Operators who are limited to accounts: there is nothing else for them, whatever they type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from seeing_kit import Seeing
from terminal_kit import House

from smppgw.core.command import Argument, Command, Operator, Role, text
from smppgw.ops.shell.commands.sessions import session_commands
from smppgw.ops.shell.registry import Registry
from smppgw.ops.shell.scope import narrowed, there_for

MINE, THEIRS = "33611110000", "33699990000"
SCOPED = {
    *("show accounts", "show account", "show binds", "show bind", "find", "explain message"),
    *("tail", "hold account", "drain account", "release account", "reset bind", "encode"),
    *("dlr test", "whoami", "history", "help", "exit", "quit"),
}
"""Commands that promise to respect the limit. Whoever adds one adds it to the lines below."""
LINES = (
    "show accounts", "show account agg1", "show account agg1 all", "show binds",
    "show binds account agg1", "show bind agg1#1", "find", "find since 1h", "find limit 500",
    "find state delivered", "find state pending", "find account agg1", "find id 0", "tail for 1s",
    'encode "x"', "dlr test id:1", "help", "help find", "help show account",
    "show ?", "show account ?", "show binds account ?", "show bind ?", "find account ?",
    "find id ?", "explain message ?", "hold account ?", "release account ?", "reset bind ?",
    "tail account ?", "?",
)  # fmt: skip


class Tenant(Seeing):
    """An operator of `agg1`; `away` has a bind and messages, too, and both are held up."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.house = House(directory)
        self.shell.registry.add(session_commands(self.house.shell))
        there = self.house.shell.registry
        missing = [one for one in self.shell.registry.commands() if not there.exactly(one.words)]
        there.add(missing)
        self.mine, self.theirs = self.world.esme("agg1"), self.world.esme("away")
        self.ids = [self._submit(self.mine, MINE), self._submit(self.theirs, THEIRS)]
        self.operator = Operator("tom", Role.OPERATE, "10.0.0.1", frozenset(["agg1"]))
        self.shell.operator = self.operator

    def _submit(self, esme: Any, to: str) -> str:
        sequence = esme.submit(to, registered_delivery=1)
        self.world.settle(2)
        return str(esme.id_of(sequence))

    def asked(self, line: str) -> str:
        """Everything that comes of a line, also in its JSON."""
        said = self.finish(line)
        if not line.endswith("?"):
            said += self.finish(f"{line} | json")
        return "\n".join(said)

    def finish(self, line: str) -> list[str]:
        outcomes: list[Any] = []
        self.shell.screen.width = 200
        self.shell.begin(line).result.addCallback(outcomes.append)
        self.world.settle(2)
        return [*self.shell.screen.lines, *(one.status for one in outcomes)]


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Tenant:
    return Tenant(tmp_path_factory.mktemp("tenant"))


def test_what_promises_to_respect_the_limit_is_known(tenant: Tenant) -> None:
    assert {one.name for one in tenant.shell.registry.commands() if one.scoped} == SCOPED


@pytest.mark.parametrize("line", LINES)
def test_nothing_of_others_is_told(tenant: Tenant, line: str) -> None:
    said = tenant.asked(line)
    for word in ("away", tenant.ids[1], "9999", "38663", "fr-b#"):
        assert word not in said, said


def test_what_is_ones_own_is_there(tenant: Tenant) -> None:
    assert [one["account"] for one in tenant.json("show accounts")] == ["agg1"]
    assert [one["bind"] for one in tenant.json("show binds")] == ["agg1#1"]
    assert [one["id"] for one in tenant.json("find")] == [tenant.ids[0]]
    assert tenant.json(f"explain message {tenant.ids[0]}")["id"] == tenant.ids[0]
    assert "agg1" in " ".join(tenant.say("show account ?"))


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("show account away", "ERR unknown account: there is no 'away'"),
        ("show account awa", "ERR unknown account: there is no 'awa'"),
        ("show binds account away", "ERR unknown account: there is no 'away'"),
        ("show bind away#1", "ERR unknown bind: there is no 'away#1'"),
        ("find account away", "ERR unknown account: there is no 'away'"),
        ("find carrier fr-a", "ERR usage 'carrier' has no place here"),
        ("tail account away", "ERR unknown account: there is no 'away'"),
        ("tail carrier fr-a", "ERR usage 'carrier' has no place here"),
        ('encode "x" carrier fr-a', "ERR usage 'carrier' has no place here"),
        ("hold account away !", "ERR unknown there is no account 'away'; known: agg1"),
        ("hold account away", "ERR unknown there is no account 'away'; known: agg1"),
        ("drain account away !", "ERR unknown there is no account 'away'; known: agg1"),
        ("release account away", "ERR unknown there is no account 'away'; known: agg1"),
        ("reset bind away#1 !", "ERR unknown there is no bind 'away#1'; "),
        ("reset bind away#1", "ERR unknown there is no bind 'away#1'; "),
    ],
)
def test_what_is_of_others_is_not_there(tenant: Tenant, line: str, status: str) -> None:
    (said,) = tenant.say(line)
    assert said.startswith(status)
    assert "10." not in said
    assert len(tenant.world.relay.accounts["away"].binds) == 1
    assert tenant.world.relay.accounts["away"].decision is None


def test_how_many_messages_others_have_is_not_told(tenant: Tenant) -> None:
    assert not any("looked at" in line for line in tenant.say("find"))
    tenant.shell.operator = evolve(tenant.operator, accounts=frozenset())
    assert any("looked at 2 messages" in line for line in tenant.say("find"))
    tenant.shell.operator = tenant.operator


def test_a_message_of_others_is_as_one_that_never_was(tenant: Tenant) -> None:
    for id in (tenant.ids[1], "0" * 16):
        (said,) = tenant.say(f"explain message {id}")
        assert said.replace(id, "ID") == (
            "ERR refused no message has the id 'ID' (or it is older than the retention)"
        )


def test_a_decision_about_others_is_not_lifted(tenant: Tenant) -> None:
    tenant.shell.operator = evolve(tenant.operator, accounts=frozenset())
    assert tenant.say("hold account away !")[-1] == "OK"
    tenant.shell.operator = tenant.operator
    (said,) = tenant.say("release account away")
    assert said.startswith("ERR unknown there is no account 'away'")
    assert tenant.world.relay.accounts["away"].decision is not None
    tenant.shell.operator = evolve(tenant.operator, accounts=frozenset())
    assert tenant.say("release account away")[-1] == "OK"
    tenant.shell.operator = tenant.operator


def test_one_may_act_on_ones_own(tenant: Tenant) -> None:
    assert tenant.say("hold account agg1 !")[-1] == "OK"
    assert tenant.say("release account agg1")[-1] == "OK"


def test_messages_as_they_happen_are_ones_own(tenant: Tenant) -> None:
    tenant.shell.screen.width = 200
    running = tenant.shell.begin("tail")
    mine, theirs = tenant._submit(tenant.mine, MINE), tenant._submit(tenant.theirs, THEIRS)
    said = "\n".join(tenant.shell.screen.lines)
    running.abort()
    assert mine in said
    assert theirs not in said
    assert "away" not in said


def test_every_other_command_is_refused(tenant: Tenant) -> None:
    """Those of the gateway and of the shell, and whoever adds one and says nothing."""
    for one in tenant.shell.registry.commands(Role.OPERATE):
        if one.scoped:
            continue
        for line in (one.name, f"{one.name} x", f"{one.name} !"):
            (said,) = tenant.say(line)
            assert said == f"ERR denied {one.name}: not for who is limited to accounts"
    for role in Role:
        tenant.shell.operator = evolve(tenant.operator, role=role)
        for line in ("show links", "watch 1 show links", "kick session 1 !", "export", "commit"):
            assert tenant.say(line)[0].startswith(("ERR denied", "ERR unknown"))
    tenant.shell.operator = tenant.operator


def test_completion_and_help_in_a_terminal(tenant: Tenant) -> None:
    seat = tenant.house.open()
    seat.terminal.session.operator = tenant.operator
    seat.type("show account \t")
    assert seat.screen.row.endswith("show account agg1")
    assert seat.type("\x15show \t\t")[-2].split() == [
        "account", "accounts", "bind", "binds",
    ]  # fmt: skip
    rows = "\n".join(seat.type("\x15show bind ?"))
    assert "away" not in rows


# ---------------------------------------------------------------------- the rule itself


def command(*arguments: Argument, scoped: bool = True) -> Command:
    return Command(("show", "x"), lambda call: text("x"), "", arguments, scoped=scoped)


TOM = Operator("tom", Role.VIEW, "local", frozenset(["agg1"]))


def test_a_list_that_says_nothing_of_the_limit_is_not_offered() -> None:
    def fail(*arguments: object) -> list[str]:
        raise AssertionError("it was asked for")

    free = Argument("free", "", values=fail)
    found = narrowed(command(free, Argument("id", "", begun=fail), Argument("n", "")), TOM)
    assert found is not None
    assert [(one.name, one.values, one.begun) for one in found.arguments] == [
        ("free", None, None),
        ("id", None, None),
        ("n", None, None),
    ]
    strict = Argument("strict", "", values=fail, strict=True)
    found = narrowed(command(strict, free), TOM)
    assert found is not None
    assert [one.name for one in found.arguments] == ["free"]
    assert narrowed(command(evolve(strict, required=True, positional=True)), TOM) is None


def test_who_is_not_limited_notices_nothing() -> None:
    everybody = Operator("ops", Role.VIEW)
    for scoped in (True, False):
        one = command(Argument("a", "", values=lambda: ["b"]), scoped=scoped)
        assert narrowed(one, everybody) is one
    registry = Registry([one])
    assert there_for(registry, everybody) is registry


@given(st.booleans(), st.sets(st.sampled_from("abc")))
def test_nothing_is_there_without_a_promise(scoped: bool, accounts: set[str]) -> None:
    operator = evolve(TOM, accounts=frozenset(accounts))
    there = narrowed(command(scoped=scoped), operator) is not None
    assert there == (scoped or not accounts)
    assert all(operator.sees(one) == (not accounts or one in accounts) for one in "abcd")
