"""Configuration by shell, line by line as operators type it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from relay_kit import carrier
from revisions_kit import Managed, file_of
from shell_kit import Notes, Screen
from twisted.internet.defer import Deferred, succeed

from smppgw.cli import main
from smppgw.core.command import Operator, Role
from smppgw.core.passwords import verify_password
from smppgw.ops.config import parse
from smppgw.ops.config.schema import identities, keys_of, objects
from smppgw.ops.desk import Desk
from smppgw.ops.shell import grammar
from smppgw.ops.shell.commands import configuration, operators
from smppgw.ops.shell.registry import Registry
from smppgw.ops.shell.runner import Outcome, Runner


def in_thread(function: Any, *arguments: Any) -> Deferred[Any]:
    return succeed(function(*arguments))


class Office:
    """Operators at the shell of one gateway; each name is a session."""

    def __init__(self, managed: Managed) -> None:
        self.managed = managed
        unused: Any = None
        desk = Desk(managed.world.relay, unused, in_thread, managed.configuration)
        self.registry = Registry((*configuration.commands(desk), *operators.commands(desk)))
        self.notes = Notes()
        self.runner = Runner(self.registry, managed.world.clock, self.notes)
        self.screen = Screen(100)

    def say(
        self, line: str, *answers: bool, by: str = "ops", role: Role = Role.ADMIN, wait: float = 3
    ) -> list[str]:
        """The output of a line and its status."""
        self.screen = Screen(100, *answers)
        outcomes: list[Outcome] = []
        running = self.runner.run(line, Operator(by, role), by, self.screen)
        running.result.addCallback(outcomes.append)
        self.managed.world.settle(wait)
        (outcome,) = outcomes
        return [*self.screen.lines, outcome.status]

    def ok(self, line: str, *answers: bool, by: str = "ops", wait: float = 3) -> list[str]:
        *said, status = self.say(line, *answers, by=by, wait=wait)
        assert status == "OK", status
        return said


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(Managed(tmp_path / "var"))


def test_a_session_of_an_operator(office: Office) -> None:
    assert office.ok("show commits") == ["no commits: the file alone is in force"]
    assert office.ok('add account agg2 password "my secret" binds 2 allow_from 10.0.0.0/8,::1') == [
        "1 object not committed yet: diff, check, commit"
    ]
    assert office.ok("set account agg2 window 20 throughput 100") == [
        "1 object not committed yet: diff, check, commit"
    ]
    assert office.ok("diff") == [
        "+account agg2",
        '+  system_id = "agg2"',
        "+  binds = 2",
        '+  allow_from = ["10.0.0.0/8", "::1"]',
        '+  password_hash = "***"',
        "+  window = 20",
        "+  throughput = 100",
    ]
    assert office.ok("check") == ["account agg2: new, may bind", "ok: commit would do this"]
    assert office.ok("commit new customer, ticket 42") == [
        "account agg2: new",
        "revision 1 is in force",
    ]
    assert office.managed.may_bind("agg2")
    stored = office.managed.world.relay.accounts["agg2"].settings
    assert verify_password(stored.password_hash, "my secret")
    heading, row = office.ok("show commits")
    assert heading.split() == ["NUMBER", "AT", "OPERATOR", "STATE", "COMMENT"]
    assert "ops" in row
    assert "in force" in row
    assert row.endswith("new customer, ticket 42")
    assert office.ok("diff") == ["no difference"]
    assert office.say("commit") == ["ERR refused nothing to commit"]


def test_no_secret_is_taken_down(office: Office) -> None:
    office.ok("add account agg2 password topsecret")
    office.ok("add carrier c host h system_id s password topsecret")
    office.ok("diff")
    office.ok("commit", True)
    assert "topsecret" not in str(office.notes.entries)
    assert "topsecret" not in str(office.ok("diff 0 1"))


def test_every_key_of_every_kind_can_be_named(office: Office) -> None:
    for table, cls in objects().items():
        for verb in ("add", "set"):
            command = office.registry.exactly((verb, table[:-1]))
            assert command is not None
            assert [one.name for one in command.arguments] == list(keys_of(cls))
            (name,) = command.positional
            assert name.name == identities()[table]
            for argument in command.arguments:
                assert argument.secret is keys_of(cls)[argument.name].secret
        for verb in ("unset", "del"):
            assert office.registry.exactly((verb, table[:-1])) is not None


@pytest.mark.parametrize(
    "line",
    [
        'add operator ada password "a long one" role operate',
        "add account agg2 password secret binds 2 allow_from 10.0.0.0/8",
        "add carrier fr-b host smsc.example.net system_id smppgw password secret window 50",
        "add route 336 carriers a+b,b",
        "add number 38100 carrier a account esme",
        "add carrier x host h system_id s statuses 0x58.action=pause,0x58.delay=5s",
        'add carrier x host h system_id s data_codings 0x03=gsm7 hosts ""',
    ],
)
def test_examples_can_be_committed(office: Office, line: str) -> None:
    office.ok(line)
    office.ok("commit !")


def test_the_examples_of_the_commands_are_lines(office: Office) -> None:
    for command in office.registry.commands():
        if command.example:
            line = grammar.split(command.example)
            found, used = office.registry.resolve(line.names)
            assert found is command
            grammar.values_of(command, line, used)


def test_the_usage_of_many_keys_can_be_read(office: Office) -> None:
    assert office.say("set carrier c windw 3") == [
        "ERR usage 'windw' has no place here; did you mean 'window'?;"
        " usage: set carrier NAME [KEY VALUE]..."
    ]


def test_a_secret_behind_a_slip_of_the_pen_is_not_taken_down(office: Office) -> None:
    office.say("add account agg2 pasword topsecret")
    office.say("add account agg2 password topsecret window")
    assert "topsecret" not in str(office.notes.entries)


def test_the_default_route(office: Office) -> None:
    office.managed.file = parse(
        office.managed.configuration.export().partition("[[routes]]")[0], "gw.toml", {}
    )
    office.managed.finish(office.managed.configuration.reload(office.managed.file))
    office.ok('add route "" carriers b')
    office.ok("commit")
    esme = office.managed.world.esme()
    esme.submit("33612345678", b"x")
    office.managed.world.settle(1)
    assert office.managed.world.simulated["b"].texts_to("33612345678") == ["x"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (
            "set account esme window 3",
            "ERR refused account esme is owned by gw.toml:",
        ),
        ("set account nobody window 3", 'ERR refused there is no account "nobody"'),
        ("set account agg2", "ERR refused name at least one key and its value"),
        ("add account agg2 window 0", "ERR refused account agg2 window: 0 is out of range"),
        ("add account agg2 windw 3", "ERR usage 'windw' has no place here; did you mean 'window'?"),
        ("add account agg2 password €", "ERR refused password: has characters that SMPP cannot"),
        ("unset account agg2 windw", 'ERR refused account: unknown key "windw", did you mean "w'),
        ("del account agg2", 'ERR refused there is no account "agg2"'),
        ("rollback 9", "ERR refused revision 9 cannot be read: revision 9 is not kept"),
        ("diff 9", "ERR refused revision 9 cannot be read"),
        ("confirm", "ERR refused no commit waits for a confirmation"),
        ("commit confirm 0", "ERR refused nothing to commit"),
        ("commit confirm", "ERR usage minutes is missing"),
    ],
)
def test_what_is_refused_is_one_line(office: Office, line: str, status: str) -> None:
    if "unset" in line:
        office.ok("add account agg2 password x")
    (said,) = office.say(line)
    assert said.startswith(status), said


NOTHING_EDITED = "nothing to check: nothing is edited here; this is about what is in force"


def test_a_check_without_edits_is_about_what_is_in_force(office: Office) -> None:
    assert office.ok("check") == [NOTHING_EDITED, "ok: what is in force has no fault"]
    office.ok("add account agg2 password x")
    office.ok("commit")
    managed = office.managed
    also = file_of(managed.configuration.settings)
    managed.finish(managed.configuration.reload(also))
    assert office.ok("check") == [
        NOTHING_EDITED,
        "account agg2: gw.toml:10 declares it, and wins; left out",
        "what is in force has 1 fault",
    ]


def test_faults_of_a_check_are_all_there(office: Office) -> None:
    office.ok("add route 44 carriers nowhere")
    office.ok("add account x")
    fault = (
        "ERR refused account x: needs password_hash or password;"
        ' route 44 carriers[0]: there is no carrier "nowhere"'
    )
    assert office.say("check") == [fault]
    assert office.say("commit") == [fault]
    office.ok("del route 44")
    office.ok("set account x password secret")
    office.ok("commit")


def test_minutes_and_a_comment(office: Office) -> None:
    office.ok("add account agg2 password x")
    assert office.say("commit confirm 0 now") == ["ERR refused minutes must be at least 1"]
    assert "at most" in office.say(f"commit {'x' * 300}")[0]


# ---------------------------------------------------------------------- what it touches


@pytest.fixture
def with_carrier(office: Office) -> Office:
    office.managed.world.network.listen(
        "127.0.0.1:2795", office.managed.world.simulated["b"].factory
    )
    office.ok("add carrier c host 127.0.0.1 port 2795 system_id gw")
    office.ok("commit")
    return office


def test_binds_that_end_are_said_before_and_asked_about(with_carrier: Office) -> None:
    office = with_carrier
    office.ok("set carrier c window 20")
    said = "carrier c: its links unbind and bind anew: window (1 bind now)"
    assert office.ok("check") == [said, "ok: commit would do this"]
    assert office.say("commit", False) == ["ERR cancelled nothing was done"]
    assert office.screen.asked == [f"this will end binds ({said}). Go on? [y/N] "]
    assert office.say("commit") == [
        f"ERR confirm this would end binds ({said}); put ! at the end to do it"
    ]
    assert office.ok("commit", True)[-1] == "revision 2 is in force"
    assert office.managed.world.relay.carriers["c"].window == 20


def test_what_ends_no_bind_is_not_asked_about(with_carrier: Office) -> None:
    office = with_carrier
    (link,) = office.managed.world.relay.carriers["c"].links
    before = link._session
    office.ok("set carrier c throughput 5")
    office.ok("commit")
    assert office.screen.asked == []
    assert link._session is before


def test_what_is_not_bound_is_changed_without_a_question(with_carrier: Office) -> None:
    office = with_carrier
    office.managed.world.network.unlisten("127.0.0.1:2795")
    office.managed.world.simulated["b"].disconnect()
    office.managed.world.settle(1)
    office.ok("set carrier c window 20")
    assert office.ok("check")[0] == "carrier c: its links unbind and bind anew: window"
    office.ok("commit")
    assert office.screen.asked == []


def test_binds_of_an_account_are_counted(office: Office) -> None:
    office.ok("add account agg2 password x")
    office.ok("commit")
    for _ in range(2):
        office.managed.world.esme("agg2")
    office.ok("set account agg2 enabled false")
    assert office.ok("check")[0] == (
        "account agg2: its binds end: the account is disabled (2 binds now)"
    )


# ---------------------------------------------------------------------- confirming, going back


def test_confirming(office: Office) -> None:
    office.ok("add account agg2 password x")
    said = office.ok("commit confirm 5 risky")
    assert said[:2] == ["account agg2: new", "revision 1 is in force"]
    assert said[2].startswith("confirm it before ")
    assert said[2].endswith(" UTC, or revision 0 comes back")
    assert "to be confirmed before" in office.ok("show commits")[1]
    assert office.ok("confirm") == ["revision 1 stays"]
    office.managed.world.settle(400)
    assert office.managed.may_bind("agg2")


def test_not_confirming(office: Office) -> None:
    office.ok("add account agg2 password x")
    office.ok("commit confirm 5")
    office.managed.world.settle(320)
    assert not office.managed.may_bind("agg2")
    assert "revision 1 of ops was not confirmed" in office.ok("show commits")[1]


def test_rolling_back(office: Office) -> None:
    office.ok("add account agg2 password x")
    office.ok("commit")
    assert office.ok("rollback 0") == ["1 object not committed yet: diff, check, commit"]
    assert office.ok("diff")[0] == "-account agg2"
    office.ok("commit !")
    assert not office.managed.may_bind("agg2")
    assert office.ok("rollback 2") == ["nothing differs from what is in force"]
    assert office.ok("diff 1 2")[0] == "-account agg2"


def test_discarding(office: Office) -> None:
    office.ok("add account agg2 password x")
    assert office.managed.configuration.editors.dirty("ops")
    assert office.ok("discard") == ["the candidate is forgotten"]
    assert office.ok("discard") == ["there was nothing to forget"]
    assert not office.managed.configuration.editors.dirty("ops")


def test_unset_and_del(office: Office) -> None:
    office.ok("add carrier c host h system_id s window 5 statuses 0x58.action=fail")
    office.ok("unset carrier c window")
    office.ok("unset carrier c statuses.0x58")
    assert office.ok("diff") == [
        "+carrier c", '+  name = "c"', '+  host = "h"', '+  system_id = "s"',
    ]  # fmt: skip
    assert office.ok("del carrier c") == ["nothing differs from what is in force"]


def test_two_operators(office: Office) -> None:
    office.ok("add account one password x")
    told = office.ok("add account two password x", by="ada")
    assert told[0].startswith("ops edits too, since ")
    office.ok("commit")
    for _ in range(2):
        assert office.ok("check", by="ada")[0] == "edits go on top of revision 1 of ops"
    assert office.ok("commit", by="ada") == [
        "on top of revision 1 of ops",
        "account two: new",
        "revision 2 is in force",
    ]
    assert office.managed.may_bind("two")


def test_the_export_passes_the_check(office: Office, tmp_path: Path) -> None:
    office.ok('add account agg2 password "x y" data_codings 0x03=gsm7')
    office.ok("add route 336 carriers a+b,b")
    office.ok("commit")
    path = tmp_path / "exported.toml"
    path.write_text("\n".join(office.ok("export")))
    assert main(["check", "-c", str(path)]) == 0


def test_the_export_can_be_run(office: Office) -> None:
    office.ok("add carrier c host h system_id s password clear")
    office.ok("commit")
    exported = "\n".join(office.ok("export"))
    assert parse(exported, "x", {}).settings == office.managed.configuration.settings
    assert json.loads("\n".join(office.ok("export | json")))["toml"].strip() == exported
    assert office.notes.entries[-1] == ("ops", "export | json", "ok")


def test_roles(office: Office) -> None:
    for line in ("add account x", "check", "commit", "rollback 1", "export", "confirm", "discard"):
        assert office.say(line, role=Role.OPERATE)[0].startswith("ERR denied ")
    for line in ("diff", "show commits"):
        assert office.say(line, role=Role.VIEW)[-1] == "OK"


def test_the_role_config_changes_everything_but_operators(office: Office) -> None:
    def say(line: str) -> list[str]:
        return office.say(line, by="carl", role=Role.CONFIG)

    assert say("add account agg2 password x")[-1] == "OK"
    assert say("check")[-2:] == ["ok: commit would do this", "OK"]
    assert say("commit confirm 5")[-1] == "OK"
    assert say("confirm")[-1] == "OK"
    assert say("rollback 0")[-1] == "OK"
    assert say("discard")[-1] == "OK"
    for line in ("add operator carl2 password secret role admin", "del operator carl", "export"):
        (status,) = say(line)
        assert status.startswith("ERR denied ")
        assert status.endswith("only for the role admin")
    office.ok("add operator ada password secret role view")
    office.ok("commit")
    office.ok("set operator ada role admin")
    office.ok("commit")
    refused = "ERR denied it changes operator ada: only for the role admin"
    for number in (0, 2):
        assert say(f"rollback {number}")[-1] == "OK"
        for line in ("check", "commit", "commit !", "commit confirm 5"):
            assert say(line) == [refused], (number, line)
    assert say("discard")[-1] == "OK"
    office.ok("set account agg2 window 5")
    office.ok("commit confirm 5")
    assert say("confirm") == ["ERR denied ops has to confirm it, or somebody with the role admin"]


@pytest.mark.parametrize("kind", ["carrier c host evil.example system_id s", "account agg2"])
def test_the_role_config_takes_nothing_from_the_environment(office: Office, kind: str) -> None:
    """What is there may be the password of an operator, and a carrier is sent its password."""
    (status,) = office.say(f'add {kind} password "${{OPS}}"', by="carl", role=Role.CONFIG)
    assert status == "ERR denied password: only the role admin takes it from the environment"
    name = " ".join(kind.split()[:2])
    assert office.say(f"add {kind} password x", by="carl", role=Role.CONFIG)[-1] == "OK"
    line = f'set {name} password "${{OPS}}"'
    assert office.say(line, by="carl", role=Role.CONFIG)[0].startswith("ERR denied password: ")
    assert "variable OPS is not set" in office.say(line, by="carl", role=Role.ADMIN)[0]


def test_an_operator_with_a_lesser_role_by_now_cannot_commit_operators(office: Office) -> None:
    office.ok("add operator ada password secret role admin")
    assert office.say("commit", role=Role.CONFIG) == [
        "ERR denied it changes operator ada: only for the role admin"
    ]


def test_completion(office: Office) -> None:
    def offered(line: str) -> list[str]:
        return [one.text for one in grammar.options(line, office.registry, Role.ADMIN)[1]]

    assert offered("set account ") == ["esme"]
    assert "window" in offered("set account esme w")
    assert offered("add carrier x bind tr") == [
        "transceiver",
        "transmitter",
        "transmitter+receiver",
    ]
    assert offered("add carrier x tls ") == ["false", "true"]
    assert offered("add number 1 carrier ") == ["a", "b"]
    assert offered("commit c") == ["confirm"]


def test_a_gateway_that_cannot_be_changed_has_none_of_these(office: Office) -> None:
    unused: Any = None
    assert configuration.commands(Desk(office.managed.world.relay, unused, in_thread)) == []


def test_what_the_file_shadows_says_so(office: Office) -> None:
    office.ok("add carrier c host h system_id s")
    office.ok("commit")
    carriers = (*office.managed.file.settings.carriers, carrier("c", port=2792))
    from revisions_kit import file_of  # noqa: PLC0415

    file = file_of(evolve(office.managed.file.settings, carriers=carriers))
    office.managed.finish(office.managed.configuration.reload(file))
    (said,) = office.say("set carrier c window 5")
    assert said.startswith("ERR refused carrier c is owned by gw.toml:")


def test_operators_are_shown_with_their_owner(office: Office) -> None:
    assert office.ok("show operators") == ["no operators"]
    office.ok("add operator ada password secret role view allow_from 10.0.0.0/8")
    office.ok("commit")
    assert office.ok("show operators") == [
        "OPERATOR  ROLE  ACCOUNTS  ENABLED  KEYS  FROM        OWNER",
        "ada       view  all       yes         0  10.0.0.0/8  revision 1",
    ]
    assert office.say("show operators", role=Role.OPERATE) == [
        "ERR denied show operators: only for the role admin"
    ]
