"""`smppgw run` as a process: signals, exit codes, reload, and what keeps it from starting."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_kit import Running
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from smppgw.cli import main
from smppgw.cli.output import FAULT, LATE, OK, CommandFault
from smppgw.cli.run import Process, _listening
from smppgw.core.settings import Settings, SmppSettings
from smppgw.core.store.lock import StoreLocked
from smppgw.ops.config import Loaded

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


class Fixture:
    """A configuration file and the processes that use it."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "gw.toml"
        self.data_dir = directory / "var"
        self.port = 0
        self.write()
        self.running: list[Running] = []
        self.log: list[str] = []

    def write(self, more: str = "") -> None:
        self.file.write_text(
            f'[gateway]\ndata_dir = "{self.data_dir}"\ndrain_timeout = 1\n'
            "[web]\nlisten = []\n[shell]\nlisten = []\n"
            f'[smpp]\nlisten = ["tcp:{self.port}:interface=127.0.0.1"]\n{more}'
        )

    def run(self, *more: str) -> Running:
        self.running.append(Running("run", "-c", str(self.file), *more))
        return self.running[-1]

    def started(self) -> Running:
        running = self.run()
        self.log = running.logs("smppgw runs")
        return running


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Fixture]:
    fixture = Fixture(tmp_path)
    yield fixture
    for running in fixture.running:
        running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_zero(gateway: Fixture, number: int) -> None:
    running = gateway.started()
    assert (gateway.data_dir / "control").is_socket()
    assert gateway.data_dir.stat().st_mode & 0o777 == 0o700
    running.signal(number)
    code, out, err = running.end()
    assert (code, out) == (OK, "")
    assert "smppgw stopped" in err
    assert "Traceback" not in err
    said = [line.partition(" ")[2] for line in (*gateway.log, *err.splitlines())]
    words = r"info  smppgw\.cli\.run: listening on tcp:\d+:interface=127\.0\.0\.1"
    assert re.fullmatch(words, said[0])
    assert said[1].endswith(f"smppgw runs: 0 accounts, 0 carriers, data in {gateway.data_dir}")
    assert len(said) == 4  # nothing of Twisted's own
    assert not (gateway.data_dir / "control").exists()


def test_a_second_gateway_for_the_same_data_is_refused_in_one_line(
    gateway: Fixture, capsys: pytest.CaptureFixture[str]
) -> None:
    first = gateway.started()
    code, out, err = gateway.run().end()
    assert (code, out) == (FAULT, "")
    (line,) = err.splitlines()
    assert f"in use by another smppgw (process {first.process.pid})" in line
    assert main(["status", "-c", str(gateway.file)]) == OK  # the first one lives
    assert f"process {first.process.pid}" in capsys.readouterr().out


def test_a_listener_in_use_is_said_in_one_line(gateway: Fixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        gateway.port = taken.getsockname()[1]
        gateway.write()
        code, out, err = gateway.run("--log-level", "warn").end()
    assert (code, out) == (FAULT, "")
    (line,) = err.splitlines()
    assert line == f"cannot listen on 127.0.0.1:{gateway.port}: [Errno 98] Address already in use"
    assert not (gateway.data_dir / "control").exists()


def test_a_database_that_is_none_is_said_in_one_line_and_kept(gateway: Fixture) -> None:
    gateway.data_dir.mkdir()
    database = gateway.data_dir / "smppgw.db"
    database.write_text("this is my diary, " * 1000)
    code, _, err = gateway.run().end()
    assert code == FAULT
    (line,) = err.splitlines()
    assert "smppgw.db is damaged or not a database" in line
    assert database.read_text().startswith("this is my diary")


def test_a_data_dir_that_cannot_be_made(gateway: Fixture) -> None:
    gateway.data_dir.write_text("a file")
    code, _, err = gateway.run().end()
    assert code == FAULT
    assert len(err.splitlines()) == 1
    assert str(gateway.data_dir) in err


def test_the_log_level_is_obeyed(gateway: Fixture) -> None:
    running = gateway.run("--log-level", "error")
    while not (gateway.data_dir / "control").exists() and running.process.poll() is None:
        os.sched_yield()
    running.signal(signal.SIGTERM)
    code, _, err = running.end()
    assert (code, err) == (OK, "")


def test_a_hangup_reloads_the_file(gateway: Fixture, capsys: pytest.CaptureFixture[str]) -> None:
    running = gateway.started()
    gateway.write('[[accounts]]\nsystem_id = "new"\npassword = "topsecret"\n')
    running.signal(signal.SIGHUP)
    log = running.logs("reload: done, 1 changes")
    assert any("reload: account new: new" in line for line in log)
    assert "topsecret" not in "".join(log)
    assert main(["status", "-c", str(gateway.file), "--json"]) == OK
    assert '"account": "new"' in capsys.readouterr().out


def test_the_log_goes_where_the_file_says_and_can_be_rotated(gateway: Fixture) -> None:
    file = gateway.file.with_name("gw.log")
    gateway.write(f'[log]\nfile = "{file}"\nformat = "json"\n')
    running = gateway.run()
    wait_for(file, "smppgw runs", running)
    old = file.rename(file.with_suffix(".1"))
    running.signal(signal.SIGUSR1)
    wait_for(file, "SIGUSR1: the log is opened again", running)
    gateway.write()
    running.signal(signal.SIGHUP)
    assert any(
        "log: text to standard error, from level info on" in line
        for line in running.logs("reload: done, 1 changes")
    )
    running.signal(signal.SIGTERM)
    assert running.end()[0] == OK
    said = [json.loads(line) for line in old.read_text().splitlines()]
    assert said[0]["message"].startswith("listening on tcp:")
    assert said[1] == said[1] | {"level": "info", "accounts": 0, "carriers": 0}
    assert [json.loads(line)["why"] for line in file.read_text().splitlines()] == [
        "SIGUSR1",
        "SIGHUP",
    ]


def test_a_log_that_cannot_be_opened_is_said_in_one_line(gateway: Fixture) -> None:
    gateway.write('[log]\nfile = "/nowhere/gw.log"\n')
    code, _, err = gateway.run().end()
    assert code == FAULT
    assert err == "cannot write the log to /nowhere/gw.log: No such file or directory\n"


def wait_for(file: Path, words: str, running: Running) -> None:
    """Until a line with these words is there, or the process ends."""
    while not (file.exists() and words in file.read_text()) and running.process.poll() is None:
        os.sched_yield()
    assert words in file.read_text()


def test_a_bad_file_changes_nothing_and_stops_nothing(gateway: Fixture) -> None:
    running = gateway.started()
    gateway.write('[[accounts]]\nsystem_id = "new"\n[[routes]]\ncarriers = ["nowhere"]\n')
    running.signal(signal.SIGHUP)
    log = running.logs("reload: nothing changed")
    faults = [line for line in log if f"{gateway.file}:" in line]
    assert len(faults) == 2
    assert any("gw.toml:10 " in line and "needs password" in line for line in faults)
    gateway.write()
    running.signal(signal.SIGHUP)
    running.logs("reload: done, 0 changes")
    running.signal(signal.SIGTERM)
    assert running.end()[0] == OK


def test_what_needs_a_restart_is_logged(gateway: Fixture) -> None:
    running = gateway.started()
    gateway.write("max_connections = 5\n")
    running.signal(signal.SIGHUP)
    assert any("[smpp] changed: needs a restart" in line for line in running.logs("done, 1"))


def test_killed_and_started_again(gateway: Fixture) -> None:
    gateway.started().kill()
    assert (gateway.data_dir / "control").is_socket()
    again = gateway.started()
    assert main(["status", "-c", str(gateway.file)]) == OK
    again.signal(signal.SIGTERM)
    assert again.end()[0] == OK


# ---------------------------------------------------------------------- the process, with fakes


class FakeReactor:
    """Runs what a test tells it to run, until it is stopped."""

    def __init__(self) -> None:
        self.steps: list[Callable[[], Any]] = []
        self.running = False
        self._first: list[Callable[[], None]] = []

    def callWhenRunning(self, function: Callable[[], None]) -> None:
        self._first.append(function)

    def callFromThread(self, function: Callable[..., None], *arguments: Any) -> None:
        function(*arguments)

    def run(self, installSignalHandlers: bool) -> None:
        assert not installSignalHandlers
        self.running = True
        for step in [*self._first, *self.steps]:
            if self.running:
                step()
        assert not self.running, "nothing stopped the reactor"

    def stop(self) -> None:
        assert self.running
        self.running = False


def played_port(address: Any) -> Any:
    return SimpleNamespace(getHost=lambda: address)


class FakeGateway:
    """Starts, stops and reloads when the test says so."""

    def __init__(self) -> None:
        self.store = SimpleNamespace(broken=None)
        self.shutdown: Any = SimpleNamespace(process=None)
        self.configuration: Any = SimpleNamespace()
        self.settings = Settings(smpp=SmppSettings(listen=("ssl:1", "unix:x")))
        self.ports = [played_port(IPv4Address("TCP", "::1", 7)), played_port(UNIXAddress("x"))]
        self.starting: Deferred[None] = Deferred()
        self.stopping: Deferred[bool] = Deferred()
        self.stops = 0

    async def start(self) -> None:
        await self.starting

    async def stop(self) -> bool:
        self.stops += 1
        return await self.stopping


class Played:
    """A process whose reactor and gateway are played."""

    def __init__(self) -> None:
        self.reactor = FakeReactor()
        self.gateway = FakeGateway()
        self.log = SimpleNamespace(change=None, close=lambda: self.logged.append("closed"))
        self.log.reopen = lambda: self.logged.append("opened again")
        self.logged: list[str] = []
        self.process = Process(self.reactor, self.gateway, self.log, None)  # type: ignore[arg-type]

    def run(self, *steps: Callable[[], Any]) -> int:
        self.reactor.steps += steps
        return self.process.run()

    def running(self) -> None:
        self.gateway.starting.callback(None)


def kill(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.fixture
def played() -> Iterator[Played]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Played()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_drain_that_missed_its_deadline_ends_with_three(played: Played) -> None:
    stopping = played.gateway.stopping
    code = played.run(played.running, kill(signal.SIGTERM), lambda: stopping.callback(False))
    assert code == LATE


def test_a_drain_in_time_ends_with_zero(played: Played) -> None:
    stopping = played.gateway.stopping
    assert played.run(played.running, kill(signal.SIGINT), lambda: stopping.callback(True)) == OK


def test_what_it_listens_on_without_keys() -> None:
    where = IPv4Address("TCP", "127.0.0.1", 7)
    assert _listening("ssl:0:privateKey=k.pem", where) == "ssl:7:interface=127.0.0.1"
    assert _listening("unix:x", UNIXAddress("x")) == "unix:x"


def test_a_signal_opens_the_log_again_and_the_end_closes_it(played: Played) -> None:
    stopping = played.gateway.stopping
    code = played.run(
        kill(signal.SIGUSR1),
        played.running,
        kill(signal.SIGUSR1),
        kill(signal.SIGTERM),
        lambda: stopping.callback(True),
    )
    assert code == OK
    assert played.logged == ["opened again", "opened again", "closed"]


def test_a_second_signal_ends_at_once(played: Played) -> None:
    assert played.run(played.running, kill(signal.SIGTERM), kill(signal.SIGTERM)) == LATE
    assert played.gateway.stops == 1


def test_a_stop_that_fails_ends_all_the_same(played: Played) -> None:
    stopping = played.gateway.stopping
    fail = RuntimeError("broken")
    assert played.run(played.running, kill(signal.SIGTERM), lambda: stopping.errback(fail)) == LATE


def test_a_disk_that_breaks_while_running_ends_with_three(played: Played) -> None:
    assert played.run(played.running, lambda: played.gateway.store.broken("EIO")) == LATE


def test_a_disk_that_breaks_at_the_start_ends_with_one(played: Played) -> None:
    with pytest.raises(CommandFault, match="EIO"):
        played.run(lambda: played.gateway.store.broken("EIO"))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (CannotListenError("::1", 2775, OSError(98, "taken")), "cannot listen on ::1:2775: "),
        (CannotListenError(None, "/x/control", OSError(1, "no")), "cannot listen on /x/control: "),
        (StoreLocked("it is in\nuse"), "it is in use"),
        (RuntimeError("odd"), "cannot start: odd"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    played: Played, error: Exception, says: str
) -> None:
    with pytest.raises(CommandFault) as raised:
        played.run(lambda: played.gateway.starting.errback(error))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_whoever_runs_commands_can_stop_it_and_have_it_leave(played: Played) -> None:
    stopping = played.gateway.stopping
    process = played.gateway.shutdown.process
    assert process is played.process
    seen: list[bool] = []

    def asked() -> None:
        seen.append(process.stopping)
        process.stop("shutdown by ops")
        seen.append(process.stopping)

    assert played.run(played.running, asked, lambda: stopping.callback(True)) == OK
    assert seen == [False, True]


def test_it_leaves_at_once(played: Played) -> None:
    leave = played.gateway.shutdown.process.leave
    assert played.run(played.running, lambda: leave("shutdown now by ops")) == LATE
    assert played.gateway.stops == 0


def test_a_reload_without_a_file_says_so(played: Played) -> None:
    failures: list[Any] = []
    played.process.reload("reload by ops").addErrback(failures.append)
    assert str(failures[0].value) == "there is no configuration file to read again"


def test_a_reload_says_what_changed_or_what_is_wrong(played: Played, tmp_path: Path) -> None:
    file = tmp_path / "gw.toml"
    file.write_text('[[routes]]\ncarriers = ["nowhere"]\n')
    process = Process(played.reactor, played.gateway, played.log, file)  # type: ignore[arg-type]
    failures: list[Any] = []
    process.reload("reload by ops").addErrback(failures.append)
    assert str(failures[0].value).startswith(f"nothing changed: {file}:")

    async def reloaded(loaded: Loaded) -> list[str]:
        return ["routes: 2"]

    file.write_text("")
    played.gateway.configuration.reload = reloaded
    said: list[Any] = []
    process.reload("reload by ops").addCallback(said.append)
    assert said == [["routes: 2"]]


def test_a_hangup_without_a_file_or_before_the_start_is_ignored(played: Played) -> None:
    stopping = played.gateway.stopping
    code = played.run(
        kill(signal.SIGHUP),
        played.running,
        kill(signal.SIGHUP),
        kill(signal.SIGTERM),
        kill(signal.SIGHUP),
        lambda: stopping.callback(True),
    )
    assert code == OK
