"""`show audit`, and what the shell and the audit make of each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell_kit import Shell
from test_ops_audit import CHIEF, OPS, SEVEN, Room

from smppgw.core.command import Argument, Command, Operator, Role, text
from smppgw.ops.operators import Refused
from smppgw.ops.shell.commands.audit import audit_commands
from smppgw.ops.shell.runner import Runner


class Office(Shell):
    """A shell with a real audit."""

    def __init__(self, directory: Path) -> None:
        self.room = Room(directory)
        key = Argument("key", "it", positional=True, secret=True)
        super().__init__(
            [
                *audit_commands(self.room.audit),
                Command(("set", "key"), self._set, "sets", (key,), Role.ADMIN),
                Command(("show", "links"), lambda call: text("up"), "links"),
            ]
        )
        self.done: list[str] = []
        self.number = 7
        self.clock = self.room.clock
        self.runner = Runner(self.registry, self.clock, self.room.audit)

    def _set(self, call: object) -> object:
        self.done.append("set")
        return text()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def cells(lines: list[str]) -> list[list[str]]:
    """The words of each row between headings and status."""
    return [line.split() for line in lines[1:-1]]


def test_the_newest_come_first(office: Office) -> None:
    office.say("set key hunter2")
    office.room.clock.advance(60)
    office.say("shw links")
    assert office.say("show audit") == [
        "TIME                 OPERATOR  FROM   SESSION  EVENT    WHAT         RESULT        MS",
        "2027-01-15 08:01:00  ops       local        7  command  shw links    ERR unknown  0.0",
        "2027-01-15 08:00:00  ops       local        7  command  set key ***  ok           0.0",
        "OK",
    ]


def test_nothing_secret_is_in_the_file(office: Office) -> None:
    office.say("set key hunter2")
    office.say("set key hunter2 hunter2")
    office.say("sett key hunter2")
    assert "hunter2" not in office.room.audit.path.read_text()


def test_what_cannot_be_written_down_is_not_done(office: Office) -> None:
    office.room.broken = "No space left on device"
    assert office.say("show links") == ["up", "OK"]
    (said,) = office.say("set key x")
    assert said.startswith("ERR unavailable not done: ")
    assert said.endswith("audit.log cannot be written (No space left on device)")
    assert office.done == []


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("operator chief", {"restart"}),
        ("from 127.0.0.1", {"look"}),
        ("event refused", {"ssh"}),
        ("with REST", {"restart"}),
        ("with wrong", {"ssh"}),
        ("operator chief from 127.0.0.1", set()),
        ("count 1", {"ssh"}),
    ],
)
def test_only_what_is_asked_for(office: Office, arguments: str, found: set[str]) -> None:
    audit = office.room.audit
    audit.record(CHIEF, SEVEN, "restart", "ok", 0.1)
    audit.record(OPS, SEVEN, "look", "ok", 0.1)
    audit.refused(Refused("wrong password"), "10.9.9.9", "ssh")
    shown = " ".join(office.say(f"show audit {arguments}"))
    assert {word for word in ("restart", "look", "ssh") if word in shown} == found


def test_nothing_to_show(office: Office) -> None:
    assert office.say("show audit") == ["no entries", "OK"]


@pytest.mark.parametrize("count", ["0", "1001", "99999999999"])
def test_a_count_that_is_none(office: Office, count: str) -> None:
    assert office.say(f"show audit count {count}")[-1] == "ERR usage count is 1 to 1000"


def test_only_admins_may_look(office: Office) -> None:
    office.operator = Operator("ops", Role.OPERATE)
    assert office.say("show audit") == ["ERR denied show audit: only for the role admin"]


def test_it_can_be_looked_at_while_it_cannot_be_written(office: Office) -> None:
    office.say("show links")
    office.room.broken = "No space left on device"
    office.say("set key x")
    lines = office.say("show audit")
    assert "show links" in lines[1]
    assert "cannot be written now: No space left on device" in " ".join(" ".join(lines).split())


def test_what_was_lost_is_told(office: Office) -> None:
    office.say("show links")
    office.room.audit.lost = 3
    assert "3 entries were lost since the start" in office.say("show audit")


def test_what_was_typed_steers_no_terminal(office: Office) -> None:
    office.say("show \x1b[2Jlinks\u202e")
    lines = office.say("show audit")
    assert all(line.isprintable() for line in lines)


def test_a_file_that_cannot_be_read(office: Office) -> None:
    office.room.audit.path.mkdir()
    (said,) = office.say("show audit")
    assert said.startswith("ERR unavailable ")
