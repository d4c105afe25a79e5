"""The audit: what is written when, what does not run without it, and what a bad disk costs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st
from test_audit_file import everything
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from smppgw.core.command import CommandError, Operator, Role
from smppgw.ops import audit as under_test
from smppgw.ops.audit import PATIENCE, RETRY, Audit
from smppgw.ops.audit_file import BEGUN, AuditFile, Entry, Outcome
from smppgw.ops.operators import Refused

OPS = Operator("ops", Role.OPERATE, "127.0.0.1")
CHIEF = Operator("chief", Role.ADMIN, "10.0.0.1")


@define
class Session:
    number: int


SEVEN = Session(7)


class Room:
    """An audit with a clock and threads in hand; `broken` is what the disk says."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.at_once = True
        self.broken = ""
        self.jobs: list[Callable[[], None]] = []
        self.synced: list[bool] = []
        self.audit = Audit(directory, self.clock, self.in_thread)

    def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        job: Deferred[Any] = Deferred()

        def work() -> None:
            if isinstance(getattr(function, "__self__", None), AuditFile):
                self.synced.append(arguments[1])
                if self.broken:
                    job.callback(Outcome(0, False, self.broken))
                    return
            try:
                job.callback(function(*arguments))
            except OSError as error:
                job.errback(error)

        self.jobs.append(work)
        if self.at_once:
            self.run()
        return job

    def run(self, most: int = 1000) -> None:
        while self.jobs and most:
            most -= 1
            self.jobs.pop(0)()

    def permit(self, line: str, role: Role, operator: Operator = CHIEF) -> list[Any]:
        """What comes of asking: a permit, or the CommandError."""
        found: list[Any] = []
        self.audit.permit(operator, SEVEN, line, role).addCallbacks(
            found.append, lambda failure: found.append(failure.value)
        )
        return found

    def done(self, line: str, role: Role, operator: Operator = CHIEF) -> None:
        """A command from its permit to its end."""
        (permit,) = self.permit(line, role, operator)
        assert isinstance(permit, str), permit
        self.audit.record(operator, SEVEN, line, "ok", 0.0015, permit)

    @property
    def entries(self) -> list[Entry]:
        """What is in the file, oldest first."""
        return everything(self.audit.path)[::-1]

    @property
    def lines(self) -> list[str]:
        return [f"{one.command}: {one.result}" for one in self.entries]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


class TestEntries:
    @pytest.mark.parametrize("role", list(Role))
    def test_a_command(self, room: Room, role: Role) -> None:
        room.done("show links", role)
        (entry,) = room.entries
        assert (entry.time, entry.event) == ("2027-01-15T08:00:00.000Z", "command")
        assert (entry.operator, entry.role, entry.source) == ("chief", "admin", "10.0.0.1")
        assert (entry.session, entry.command) == (7, "show links")
        assert (entry.result, entry.ms) == ("ok", 1.5)

    def test_what_went_wrong(self, room: Room) -> None:
        room.audit.record(OPS, None, "shw links", "unknown", 0)
        (entry,) = room.entries
        assert entry.result == "ERR unknown"
        assert entry.session == 0

    def test_logins(self, room: Room) -> None:
        room.audit.login(OPS, SEVEN, "telnet")
        room.audit.refused(Refused("login of ops from 10.9.9.9: wrong", "ops"), "10.9.9.9", "ssh")
        room.audit.refused(Refused("login from 10.9.9.9: unknown name"), "10.9.9.9", "ssh")
        room.audit.logout(OPS, SEVEN, "kicked by chief")
        shown = [
            (one.event, one.operator, one.source, one.command, one.result) for one in room.entries
        ]
        assert shown == [
            ("login", "ops", "127.0.0.1", "telnet", "ok"),
            ("refused", "ops", "10.9.9.9", "ssh", "login of ops from 10.9.9.9: wrong"),
            ("refused", "", "10.9.9.9", "ssh", "login from 10.9.9.9: unknown name"),
            ("logout", "ops", "127.0.0.1", "", "kicked by chief"),
        ]

    def test_reading_back(self, room: Room) -> None:
        for number in range(10):
            room.done(f"command {number}", Role.VIEW, OPS if number % 2 else CHIEF)
        found: list[Any] = []
        room.audit.entries(2, lambda one: one.operator == "ops").addCallback(found.append)
        assert [one.command for one in found[0].entries] == ["command 9", "command 7"]

    def test_no_two_processes_have_one_permit(self, room: Room, tmp_path: Path) -> None:
        permits = {Room(tmp_path).permit("x", Role.OPERATE)[0] for _ in range(20)}
        assert len(permits) == 20

    @settings(deadline=None)  # it writes files
    @given(st.lists(st.text(), max_size=5), st.sampled_from(Role))
    def test_whatever_is_typed(self, tmp_path_factory: Any, typed: list[str], role: Role) -> None:
        room = Room(tmp_path_factory.mktemp("audit"))
        for line in typed:
            room.done(line, role)
        assert [one.command for one in room.entries] == typed


class TestBeforeItRuns:
    def test_what_only_looks_is_written_afterwards(self, room: Room) -> None:
        assert room.permit("show links", Role.VIEW) == [""]
        assert not room.audit.path.exists()

    @pytest.mark.parametrize("role", [Role.OPERATE, Role.CONFIG, Role.ADMIN])
    def test_what_changes_something_waits_for_the_disk(self, room: Room, role: Role) -> None:
        room.at_once = False
        permit = room.permit("shutdown now", role)
        assert permit == []
        room.run()
        assert len(permit) == 1
        assert room.lines == [f"shutdown now: {BEGUN}"], "the process may end before its result"
        assert room.synced == [role >= Role.CONFIG]

    def test_the_end_of_what_an_admin_did_is_synced_too(self, room: Room) -> None:
        room.done("set x", Role.ADMIN)
        assert room.synced == [True, True]
        room.done("show x", Role.VIEW)
        assert room.synced == [True, True, False]

    def test_nothing_is_written_on_the_reactor(self, room: Room) -> None:
        room.at_once = False
        room.audit.login(OPS, SEVEN, "telnet")
        room.permit("set x", Role.ADMIN)
        room.audit.record(OPS, SEVEN, "show links", "ok", 0)
        assert not room.audit.path.exists()

    def test_what_comes_meanwhile_goes_together_in_order(self, room: Room) -> None:
        room.at_once = False
        for number in range(50):
            room.audit.record(OPS, SEVEN, f"command {number}", "ok", 0)
        room.run()
        assert len(room.synced) == 2, "one write for the first, one for all others"
        assert room.lines == [f"command {number}: ok" for number in range(50)]


class TestTrouble:
    def test_what_changes_something_is_refused(self, room: Room) -> None:
        room.broken = "No space left on device"
        for role in (Role.OPERATE, Role.ADMIN):
            (error,) = room.permit("drop all", role)
            assert isinstance(error, CommandError)
            assert error.code == "unavailable"
            assert str(error) == (
                f"not done: {room.audit.path} cannot be written (No space left on device)"
            )

    def test_what_only_looks_runs(self, room: Room) -> None:
        room.broken = "No space left on device"
        room.done("show links", Role.VIEW)
        assert room.audit.trouble == "No space left on device"

    def test_it_is_written_when_that_is_possible_again(self, room: Room) -> None:
        room.broken = "No space left on device"
        for number in range(3):
            room.done(f"show {number}", Role.VIEW)
        room.permit("drop all", Role.ADMIN)
        room.broken = ""
        room.clock.advance(RETRY)
        assert room.lines == ["show 0: ok", "show 1: ok", "show 2: ok"]
        assert room.audit.trouble == ""
        room.done("drop all", Role.ADMIN)
        assert room.lines[-1] == "drop all: ok"

    def test_the_next_command_need_not_wait_for_that(self, room: Room) -> None:
        room.broken = "No space left on device"
        room.done("show 1", Role.VIEW)
        room.broken = ""
        room.done("drop all", Role.ADMIN)
        assert room.lines == ["show 1: ok", "drop all: ok"]

    def test_a_broken_disk_is_not_asked_for_each_line(self, room: Room) -> None:
        room.broken = "Input/output error"
        for number in range(100):
            room.done(f"show {number}", Role.VIEW)
        assert len(room.synced) == 1
        room.clock.advance(RETRY)
        assert len(room.synced) == 2

    def test_it_is_asked_again_as_long_as_it_takes(self, room: Room) -> None:
        room.broken = "Input/output error"
        room.done("show 1", Role.VIEW)
        for _ in range(20):
            room.clock.advance(RETRY)
        assert len(room.synced) == 21
        room.broken = ""
        room.clock.advance(RETRY)
        assert room.lines == ["show 1: ok"]
        assert room.clock.getDelayedCalls() == []

    def test_the_log_says_it_once_and_when_it_is_over(self, room: Room) -> None:
        with capturedLogs() as captured:
            room.broken = "No space left on device"
            for number in range(10):
                room.done(f"show {number}", Role.VIEW)
                room.clock.advance(RETRY)
            room.broken = ""
            room.clock.advance(RETRY)
        assert [one["log_level"].name for one in captured] == ["error", "info"]

    def test_a_disk_that_hangs_refuses_and_does_not_block(self, room: Room) -> None:
        room.at_once = False
        room.done("show 1", Role.VIEW)  # hangs
        (permit, other) = room.permit("drop 1", Role.OPERATE), room.permit("drop 2", Role.ADMIN)
        room.clock.advance(PATIENCE)
        for (error,) in (permit, other):
            assert error.code == "unavailable"
        room.run()
        assert room.lines == ["show 1: ok"], "what was refused did not begin"

    def test_what_reached_the_disk_too_late_has_an_end(self, room: Room) -> None:
        room.at_once = False
        permit = room.permit("drop all", Role.ADMIN)
        room.clock.advance(PATIENCE)
        assert permit[0].code == "unavailable"
        room.run()
        assert room.lines == ["drop all: ERR unavailable"]

    def test_who_does_not_want_to_wait_any_more(self, room: Room) -> None:
        room.at_once = False
        room.done("show 1", Role.VIEW)
        waiting = room.audit.permit(CHIEF, SEVEN, "drop all", Role.ADMIN)
        errors: list[Any] = []
        waiting.addErrback(errors.append)
        waiting.cancel()
        room.run()
        assert errors[0].check(CommandError)
        assert room.lines == ["show 1: ok"]

    def test_a_disk_that_does_not_sync_lets_no_admin_command_run(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        room.done("show 1", Role.VIEW)

        def fails(_: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", fails)
        (error,) = room.permit("drop all", Role.ADMIN)
        assert error.code == "unavailable"
        monkeypatch.undo()
        room.clock.advance(RETRY)
        assert room.lines == ["show 1: ok", "drop all: ERR unavailable"]

    def test_threads_that_cannot_be_had(self, tmp_path: Path) -> None:
        room = Room(tmp_path)

        def none(*_: Any) -> Deferred[Any]:
            raise RuntimeError("the pool is closed")

        room.audit._in_thread = none
        (error,) = room.permit("drop all", Role.ADMIN)
        assert "the pool is closed" in str(error)


class TestBounds:
    def test_what_waits_is_bounded_and_the_loss_is_told(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(under_test, "MAX_WAITING", 10)
        room.broken = "No space left on device"
        with capturedLogs() as captured:
            for number in range(25):
                room.done(f"show {number}", Role.VIEW)
            room.broken = ""
            room.clock.advance(RETRY)
        assert room.audit.lost == 15
        assert room.lines == [*(f"show {number}: ok" for number in range(10)), ": 15"]
        assert room.entries[-1].event == "lost"
        assert "audit: 15 entries were lost" in [
            one["log_format"].format(**one) for one in captured if "count" in one
        ]
        room.done("show more", Role.VIEW)
        assert room.lines[-1] == "show more: ok"

    def test_so_are_its_octets(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(under_test, "MAX_OCTETS", 1000)
        room.broken = "No space left on device"
        for _ in range(25):
            room.done("x" * 300, Role.VIEW)
        assert room.audit._octets <= 1000
        assert room.audit.lost == 23

    def test_where_nothing_more_fits_nothing_is_permitted(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(under_test, "MAX_WAITING", 1)
        room.at_once = False
        room.done("show 1", Role.VIEW)
        room.done("show 2", Role.VIEW)
        (error,) = room.permit("drop all", Role.ADMIN)
        assert error.code == "unavailable"

    def test_octets_are_counted_back(self, room: Room) -> None:
        room.broken = "x"
        for _ in range(5):
            room.done("show", Role.VIEW)
            room.clock.advance(RETRY)
        assert room.audit._octets == sum(len(line.octets) for line in room.audit._lines)
        room.broken = ""
        room.clock.advance(RETRY)
        assert room.audit._octets == 0


class TestStop:
    def test_what_waits_is_written_first(self, room: Room) -> None:
        room.at_once = False
        for number in range(5):
            room.done(f"show {number}", Role.VIEW)
        stopped: list[Any] = []
        room.audit.stop().addCallback(stopped.append)
        assert stopped == []
        room.run()
        assert stopped == [None]
        assert len(room.lines) == 5

    def test_a_broken_disk_does_not_hold_it_up(self, room: Room) -> None:
        room.broken = "No space left on device"
        room.done("show", Role.VIEW)
        stopped: list[Any] = []
        with capturedLogs() as captured:
            room.audit.stop().addCallback(stopped.append)
        assert stopped == [None]
        assert [one["log_format"] for one in captured] == ["audit: {count} entries were lost"]

    def test_with_nothing_to_write(self, room: Room) -> None:
        stopped: list[Any] = []
        room.audit.stop().addCallback(stopped.append)
        assert stopped == [None]
        assert not room.audit.path.exists()


def test_files_that_are_full_are_told_in_the_log(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.audit = Audit(tmp_path, room.clock, room.in_thread, 1000, 1)
    with capturedLogs() as events:
        for number in range(40):
            room.done(f"hold carrier c{number}", Role.OPERATE)
    assert len(list(tmp_path.iterdir())) == 2
    said = [formatEvent(one) for one in events]
    assert said[0].endswith("audit.log: it was full, and is audit.log.000001 now")
    assert "audit.log.000001 was too old, and is removed" in "\n".join(said)
    assert room.entries[-1].command == "hold carrier c39"
