"""The log as a whole: levels, formats, files that change while it runs, what it missed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from log_kit import NOW, Paper, event
from twisted.internet.task import Clock
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

from smppgw.core.settings import LogSettings
from smppgw.ops.log import Log
from smppgw.ops.log.observer import NAMESPACE
from smppgw.ops.log.storm import PER_SECOND


class Logged:
    """A log on paper, at a time that the test sets; standard error is a pipe."""

    def __init__(self, settings: LogSettings, level: str = "") -> None:
        self.now = NOW
        self.stderr, self._write = os.pipe()
        os.set_blocking(self.stderr, False)
        self.log = Log(settings, level, self._write, lambda: self.now)
        self.paper = Paper()
        if not settings.file:
            self.log._output = self.paper

    def give(self, *events: object) -> None:
        for one in events:
            self.log(one)  # type: ignore[arg-type]

    @property
    def words(self) -> list[str]:
        """What is on paper, without time, level and namespace."""
        return [line.split(": ", 1)[-1] for line in self.paper.lines]

    def error(self) -> str:
        """What came on standard error since the last look."""
        try:
            return os.read(self.stderr, 65_536).decode()
        except BlockingIOError:
            return ""

    def end(self) -> None:
        os.close(self.stderr)
        os.close(self._write)


@pytest.fixture
def logged() -> Iterator[Logged]:
    found = Logged(LogSettings())
    yield found
    found.end()


def test_levels_below_are_left_out(logged: Logged) -> None:
    logged.give(event("1", "debug"), event("2", "info"), event("3", "warn"), event("4", "critical"))
    assert logged.words == ["2", "3", "4"]


def test_what_twisted_does_is_not_what_the_gateway_does(logged: Logged) -> None:
    for namespace in ("log_legacy", "twisted.web"):
        logged.give(event("quiet", log_namespace=namespace))
        logged.give(event("loud", "warn", log_namespace=namespace))
    assert logged.words == ["loud", "loud"]


def test_the_level_of_the_command_line_goes_before() -> None:
    logged = Logged(LogSettings(level="debug"), "error")
    logged.give(event("1", "warn"), event("2", "error"))
    assert logged.words == ["2"]
    assert "from level error on" in logged.log.change(LogSettings(level="info"))[0]
    logged.end()


def test_a_storm_is_told_with_the_next_event_of_another_second(logged: Logged) -> None:
    logged.give(*[event("n {n}", n=n) for n in range(PER_SECOND + 100)])
    assert len(logged.words) == PER_SECOND
    logged.now += 1
    logged.give(event("quiet again"))
    assert logged.words[-2:] == [
        f"and 99 more of these, the last: n {PER_SECOND + 99}",
        "quiet again",
    ]


def test_a_storm_before_silence_is_told_by_the_clock(logged: Logged) -> None:
    clock = Clock()
    logged.log.attend(clock)
    logged.give(*[event("x")] * (PER_SECOND + 5))
    logged.now += 1
    clock.advance(1)
    assert logged.words[-1] == "and 4 more of these, the last: x"
    logged.log.close()
    assert clock.getDelayedCalls() == []


def test_a_storm_before_the_end_is_told_at_the_end(logged: Logged) -> None:
    logged.give(*[event("x")] * (PER_SECOND + 5))
    logged.log.close()
    assert logged.words[-1] == "and 4 more of these, the last: x"
    assert logged.paper.closed
    logged.give(event("late", log_namespace="smppgw.late"))
    assert "smppgw.late: late" in logged.error()


def test_what_a_full_disk_did_not_take_is_counted_and_told(logged: Logged) -> None:
    logged.give(event("before"))
    logged.paper.full = True
    logged.give(event("1"), event("2"), event("3"))
    logged.log.tick()
    logged.paper.full = False
    logged.give(event("after"))
    missing = "3 lines could not be written here: No space left on device"
    assert logged.words == ["before", missing, "after"]
    assert f"error {NAMESPACE}: " in logged.paper.lines[1]


def test_it_is_told_by_the_clock_too(logged: Logged) -> None:
    logged.paper.full = True
    logged.give(event("1"))
    logged.log.tick()
    assert logged.words == []
    logged.paper.full = False
    logged.log.tick()
    logged.log.tick()
    assert logged.words == ["1 lines could not be written here: No space left on device"]


def test_an_event_that_cannot_be_shown_harms_nobody(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> bytes:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(logged.log, "_line", fail)
    logged.give(event("x"))
    assert logged.words == ["an event that cannot be shown (RuntimeError)"]


def test_it_stands_behind_twisteds_loggers(logged: Logged) -> None:
    globalLogPublisher.addObserver(logged.log)
    try:
        Logger("smppgw.here").info("carrier {name}: bound", name="a")
        Logger("smppgw.here").failure("handling", Failure(ValueError("x")))
    finally:
        globalLogPublisher.removeObserver(logged.log)
    assert logged.words[0] == "carrier a: bound"
    assert logged.paper.lines[1].endswith(" critical smppgw.here: handling: ValueError: x")


# ---------------------------------------------------------------------- files and changes


def test_json_in_a_file_that_is_rotated(tmp_path: Path) -> None:
    file = tmp_path / "gw.log"
    logged = Logged(LogSettings(format="json", file=str(file)))
    logged.give(event(who="one"))
    old = file.rename(tmp_path / "gw.log.1")
    logged.give(event(who="two"))
    file.rename(tmp_path / "gw.log.2")
    logged.log.reopen()
    assert file.read_text() == ""
    logged.give(event(who="three"))
    logged.log.close()
    said = [json.loads(one.read_text())["who"] for one in (old, tmp_path / "gw.log.2", file)]
    assert said == ["one", "two", "three"]
    logged.end()


def test_a_change_is_taken_at_once(tmp_path: Path, logged: Logged) -> None:
    settings = LogSettings()
    assert logged.log.change(settings) == []
    logged.give(event("1", "debug"))
    assert logged.log.change(evolve(settings, level="debug")) == [
        "log: text to paper, from level debug on"
    ]
    logged.give(event("2", "debug"))
    file = str(tmp_path / "gw.log")
    said = logged.log.change(LogSettings(level="debug", file=file, format="json"))
    assert said == [f"log: json to {file}, from level debug on"]
    logged.give(event("3", "debug"))
    assert logged.words == ["2"]
    assert logged.paper.closed
    assert logged.log.change(LogSettings()) == ["log: text to standard error, from level info on"]
    logged.give(event("4"))
    assert json.loads(Path(file).read_text())["message"] == "3"
    assert logged.error().endswith(": 4\n")


def test_a_change_that_cannot_be_made_changes_nothing(tmp_path: Path, logged: Logged) -> None:
    file = str(tmp_path / "nowhere" / "gw.log")
    wanted = LogSettings(file=file, level="error")
    said = logged.log.change(wanted)
    assert said == [f"log: {file}: No such file or directory; it goes on as before"]
    logged.give(event("as before"))
    assert logged.words == ["as before"]
    (tmp_path / "nowhere").mkdir()
    assert logged.log.change(wanted) == [f"log: text to {file}, from level error on"]


def test_a_file_that_cannot_be_opened_at_first(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Log(LogSettings(file=str(tmp_path / "nowhere" / "gw.log")))


def test_a_reopening_that_fails_is_counted_with_the_lines(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "gw.log"
    file.parent.mkdir()
    logged = Logged(LogSettings(file=str(file)))
    file.unlink()
    file.parent.rmdir()
    logged.log.reopen()
    logged.give(event("lost"))
    file.parent.mkdir()
    logged.give(event("here again"))
    first, second = file.read_text().splitlines()
    assert first.endswith(": 1 lines could not be written here: No such file or directory")
    assert second.endswith(": here again")
    logged.log.close()
    logged.end()


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "gw.log"
    logged = Logged(LogSettings(file=str(file)))

    def work(number: int) -> None:
        for n in range(200):
            logged.give(event(f"{'x' * 300} {number}", log_namespace=f"n{number}.{n}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    lines = file.read_text().splitlines()
    assert len(lines) == 800
    assert all(line.count("x" * 300) == 1 for line in lines)
    logged.log.close()
    logged.end()
