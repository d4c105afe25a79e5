"""What a process sets right before it begins: its time, its files, its terminal."""

from __future__ import annotations

import resource
from types import SimpleNamespace

import pytest

from smppgw.cli import output
from smppgw.cli import run as run_module


def test_the_time_goes_on_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, even = [1_000_000.0], [50.0]
    monkeypatch.setattr(run_module.time, "time", lambda: clock[0])
    monkeypatch.setattr(run_module.time, "monotonic", lambda: even[0])
    reactor = SimpleNamespace(seconds=None)
    run_module.steady_time(reactor)
    assert reactor.seconds() == 1_000_000.0
    clock[0] -= 3_600.0
    even[0] += 2.5
    assert reactor.seconds() == 1_000_002.5


def test_the_limit_of_files_is_raised_to_what_is_allowed() -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, most), most))
    try:
        run_module.raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def test_a_peer_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("id \x1b]0;owned\x07 \x9b31m é €")
    shown = capsys.readouterr().out
    assert shown == "id \\x1b]0;owned\\x07 \\x9b31m é €\n"
