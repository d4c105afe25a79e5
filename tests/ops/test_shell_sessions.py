"""The commands of the shell itself: sessions, help, history, watch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shell_kit import Shell as Line
from terminal_kit import House, settle
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from smppgw.core.command import (
    Answer,
    Call,
    Column,
    Command,
    CommandError,
    Live,
    Operator,
    Role,
    Table,
    text,
)
from smppgw.ops.shell import grammar
from smppgw.ops.shell.commands.sessions import session_commands
from smppgw.ops.shell.masking import masked
from smppgw.ops.shell.sessions import LOCAL


class Ticks:
    """A command whose answer is another one each time."""

    def __init__(self) -> None:
        self.count = 0
        self.fault: Exception | None = None
        self.waiting: list[Deferred[Answer]] | None = None

    def __call__(self, call: Call) -> Answer | Deferred[Answer]:
        self.count += 1
        if self.fault is not None:
            raise self.fault
        if self.waiting is not None:
            self.waiting.append(Deferred())
            return self.waiting[-1]
        rows = [{"name": "ticks", "count": self.count}, {"name": "other", "count": 0}]
        return Table((Column("NAME", "name"), Column("COUNT", "count", right=True)), rows)


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def house(tmp_path: Path, ticks: Ticks) -> House:
    return House(
        tmp_path,
        [
            Command(("show", "ticks"), ticks, "how many"),
            Command(("tail",), lambda call: Live(lambda emit, done: lambda: None), "goes on"),
            Command(("hold",), lambda call: text(), "holds", role=Role.OPERATE),
        ],
    )


def test_who_is_in_the_shell(house: House) -> None:
    seat, other = house.open(), house.open(Role.VIEW, "eve", dumb=True)
    house.clock.advance(65)
    *said, _ = seat.type("show sessions\r")
    assert said[1:] == [
        "SESSION  OPERATOR  ROLE   DOOR    FROM       IDLE  AT WORK",
        "      1  ops       admin  telnet  10.0.0.1  0.0 s  show sessions",
        "      2  eve       view   telnet  10.0.0.1   65 s  -",
    ]
    assert json.loads(other.send("show sessions | json\n").rpartition("]")[0] + "]")[0] == {
        "session": 1,
        "operator": "ops",
        "role": "admin",
        "door": "telnet",
        "peer": "10.0.0.1",
        "since": "2027-01-15T08:00:00.000Z",
        "idle_s": 0.0,
        "command": "",
    }


def test_ending_a_session_of_somebody_else(house: House) -> None:
    seat, other = house.open(), house.open(Role.VIEW, "eve")
    assert seat.type("kick session 2\r")[-1] == "this will end session 2 of eve. Go on? [y/N]"
    seat.type("y\r")
    assert seat.screen.rows[-2] == "session 2 was ended"
    assert other.screen.rows[-2] == "the session was ended by ops"
    assert other.wire.closing
    assert seat.type("kick session 2 !\r")[-2] == "there is no session 2; see show sessions"
    assert "your own session" in seat.type("kick session 1 !\r")[-2]


def test_only_an_admin_ends_sessions(house: House) -> None:
    house.open()
    said = house.open(Role.OPERATE).type("kick session 1 !\r")
    assert said[-2] == "kick session: only for the role admin"


def test_who_one_is(house: House) -> None:
    assert house.open(Role.OPERATE).type("whoami\r")[1:-1] == [
        "operator  ops",
        "role      operate",
        "from      10.0.0.1",
        "session   1 by telnet since 2027-01-15 08:00:00",
    ]


def test_what_one_typed(house: House) -> None:
    seat = house.open()
    seat.type("show ticks\rwhoami\r")
    assert seat.type("history\r")[-4:] == [
        "    1  show ticks", "    2  whoami", "    3  history", "smppgw>",
    ]  # fmt: skip
    assert seat.type("history 1\r")[-2:] == ["    4  history 1", "smppgw>"]


def test_help(house: House) -> None:
    said = house.open(Role.VIEW, height=60).type("help\r")
    assert said[1] == "COMMAND        DOES"
    assert not any("kick" in row for row in said)
    assert any("TAB completes" in row for row in said)
    assert all(len(row) <= 80 for row in said)
    seat = house.open()
    assert seat.type("help show tick\r")[1:-1] == ["how many", "usage    show ticks"]
    assert seat.type("help nonsense\r")[-2] == "there is nothing about 'nonsense'"


def test_what_has_no_session(house: House) -> None:
    line = Line(session_commands(house.shell))
    assert line.say("whoami") == ["ERR unavailable there is no session here"]


def test_what_is_called_at_the_end_of_a_session(house: House) -> None:
    over: list[int] = []

    def fail(session: object) -> None:
        raise KeyError("candidate")

    house.shell.sessions.over += [fail, lambda session: over.append(session.number)]
    seat = house.open()
    with capturedLogs():
        seat.terminal.closed()
    seat.terminal.closed()
    assert over == [1]


@pytest.mark.parametrize(
    ("now", "goes_on"),
    [
        (Operator("ops", Role.ADMIN), True),
        (Operator("ops", Role.CONFIG), False),
        (Operator("ops", Role.ADMIN, accounts=frozenset(["agg1"])), False),
        (None, False),
    ],
    ids=["as before", "a lesser role", "other accounts", "not at all"],
)
def test_what_goes_on_ends_with_the_right_to_it(
    house: House, now: Operator | None, goes_on: bool
) -> None:
    at_work, idle = house.open(), house.open()
    local = house.open()
    local.terminal.session.door = LOCAL
    at_work.type("tail\r")
    local.type("tail\r")
    house.shell.sessions.review(lambda operator: now)
    assert at_work.wire.closing is not goes_on
    assert idle.wire.closing is (now is None)
    assert not local.wire.closing
    if not goes_on:
        assert "may" in at_work.screen.rows[-2]


# ---------------------------------------------------------------- watch


def test_watching(house: House, ticks: Ticks) -> None:
    seat = house.open()
    assert seat.type("watch 2 show ticks | grep ticks\r") == [
        "every 2.0 s: show ticks | grep ticks   2027-01-15 08:00:00 UTC",
        "",
        "NAME   COUNT",
        "ticks      1",
        "",
    ]
    house.clock.advance(2)
    assert seat.screen.rows[0].endswith("08:00:02 UTC")
    assert seat.screen.rows[3] == "ticks      2"
    seat.type("\x03")
    house.clock.advance(10)
    assert ticks.count == 2
    assert seat.screen.rows[-2:] == ["^C", "smppgw>"]


def test_nothing_is_watched_for_who_does_not_read(house: House, ticks: Ticks) -> None:
    seat = house.open()
    seat.type("watch 2 show ticks\r")
    seat.terminal.pause(True)
    house.clock.advance(2)
    house.clock.advance(20)
    assert ticks.count == 1
    seat.terminal.pause(False)
    house.clock.advance(2)
    assert ticks.count == 2
    assert seat.screen.rows[3].endswith(" 2")


def test_watching_at_a_dumb_terminal(house: House) -> None:
    seat = house.open(dumb=True)
    first = seat.send("watch 1 show ticks | count\n")
    house.clock.advance(1)
    assert (first.splitlines()[2], seat.wire.take().splitlines()[2]) == ("2", "2")


def test_pages_of_a_watched_command_are_cut(house: House) -> None:
    seat = house.open(height=5)
    house.shell.registry.add([Command(("long",), lambda call: text(*"abcdefgh"), "")])
    assert seat.type("watch 1 long\r")[1:] == ["", "a", "b", ""]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("watch 2 hold", "watch runs commands that look, not hold"),
        ("watch 2 watch 2 show ticks", "watch runs commands that look, not watch"),
        ("watch 2 tail", "tail goes on by itself"),
        ("watch 2 shw", "there is no 'shw'; did you mean 'show'?"),
        ("watch 0 show ticks", "watch takes 0.5 seconds to a day"),
        ("watch 2 show ticks | sort nothing", "sort takes a column and desc: count, name"),
    ],
)
def test_what_cannot_be_watched(house: House, line: str, fault: str) -> None:
    seat = house.open()
    assert seat.type(f"{line}\r")[-2].startswith(fault)
    assert len(house.clock.getDelayedCalls()) == 1  # the session's own


def test_a_watched_command_that_begins_to_fail(house: House, ticks: Ticks) -> None:
    seat = house.open()
    seat.type("watch 2 show ticks\r")
    ticks.fault = CommandError("the carrier was taken out")
    house.clock.advance(2)
    settle(house.clock)
    assert seat.screen.rows[-2:] == ["the carrier was taken out", "smppgw>"]
    ticks.fault = KeyError("ours")
    with capturedLogs() as logs:
        seat.type("watch 2 show ticks\r")
    assert seat.screen.rows[-2:] == ["the command failed; the log says why", "smppgw>"]
    assert len(logs) == 1


def test_a_slow_command_is_not_run_twice_at_once(house: House, ticks: Ticks) -> None:
    ticks.waiting = []
    seat = house.open()
    seat.type("watch 1 show ticks\r")
    house.clock.advance(10)
    assert len(ticks.waiting) == 1
    ticks.waiting[0].callback(text("slow"))
    house.clock.advance(1)
    assert len(ticks.waiting) == 2
    seat.type("\x03")
    assert ticks.waiting[1].called
    assert seat.screen.rows[-1] == "smppgw>"


def test_a_line_in_a_line(house: House) -> None:
    registry = house.shell.registry
    assert grammar.inner("watch 2 show ticks | count", registry) == 8
    assert grammar.inner("watch 2 ", registry) == 8
    assert grammar.inner("watch 2", registry) == 0
    assert grammar.inner("show ticks", registry) == 0
    nested = "watch 2 " * 1000
    assert masked(nested, registry) == "watch 2 watch ..."
    assert masked("watch 2 watch 2 whoami secret", registry) == "watch 2 watch ..."
    assert grammar.options(nested, registry, Role.ADMIN)[1] == []


@pytest.mark.parametrize(
    ("pasted", "lines"),
    [
        ("a\nb", ["a", "b"]),
        ("a\n\n  \nb\n", ["a", "b"]),
        ('a "x\ny"\nb', ['a "x\ny"', "b"]),
        ("a 'x\ny'\nb", ["a 'x\ny'", "b"]),
        ('a "x\\"\ny"\nb', ['a "x\\"\ny"', "b"]),
        ('a "x\ny', ['a "x\ny']),
        ("", []),
    ],
)
def test_lines_of_a_pasted_text(pasted: str, lines: list[str]) -> None:
    assert grammar.lines_of(pasted) == lines
