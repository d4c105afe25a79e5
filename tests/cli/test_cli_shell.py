"""The shell of a running gateway: batch, a local terminal, telnet in a pseudo-terminal, nc."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest
from cli_kit import PATIENCE, Running

NAME, PASSWORD = "ops", "correct horse"
CONFIG = f"""
[gateway]
data_dir = "var"
[smpp]
listen = []
[shell]
listen = ["tcp:0:interface=127.0.0.1"]
[web]
listen = []
[[operators]]
name = "{NAME}"
password = "{PASSWORD}"
role = "admin"
[[carriers]]
name = "fr-a"
host = "127.0.0.1"
port = 9
system_id = "smppgw"
password = "secret"
"""


class House:
    """A running gateway."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "gw.toml").write_text(CONFIG)
        self.process = Running("run", "-c", "gw.toml", cwd=directory)
        (*_, line) = self.process.logs("shell: telnet at")
        found = re.search(r"'127.0.0.1', port=(\d+)", line)
        assert found is not None
        self.port = int(found[1])
        self.process.logs("smppgw runs")
        self.process.stay()

    def shell(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`smppgw shell` as a batch."""
        return subprocess.run(  # noqa: S603
            [sys.executable, "-m", "smppgw", "shell", "--config", "gw.toml", *arguments],
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


class Terminal:
    """A process in a pseudo-terminal, and the screen that it makes."""

    def __init__(self, arguments: list[str], directory: Path) -> None:
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        self._poll = select.poll()  # select() knows no numbers above 1023
        self._poll.register(self.master, select.POLLIN)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(  # noqa: S603
            arguments,
            cwd=directory,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm"},
            start_new_session=True,
        )
        self._guard = threading.Timer(PATIENCE, self.process.kill)
        self._guard.start()

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.screen.display if row.strip()]

    def type(self, said: str) -> None:
        os.write(self.master, said.encode())

    def shows(self, row: str, last: str = "smppgw>") -> list[str]:
        """Wait until a row is shown, and another one is the last."""
        end = time.monotonic() + PATIENCE
        while not (any(row in one for one in self.rows) and self.rows[-1].startswith(last)):
            left = max(end - time.monotonic(), 0) * 1000
            assert self._poll.poll(left), f"{row!r} was not shown, but: {self.rows}"
            self._stream.feed(os.read(self.master, 65536))
        return self.rows

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))
        self.screen.resize(height, width)
        self.process.send_signal(signal.SIGWINCH)

    def end(self) -> int:
        code = self.process.wait(PATIENCE)
        self._guard.cancel()
        return code

    def close(self) -> None:
        self._guard.cancel()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("shell"))
    try:
        yield house
        house.process.signal(signal.SIGTERM)
        code, _, log = house.process.end()
        assert code == 0
        assert "ops/shell/" not in log  # as in a traceback
        assert PASSWORD not in log
    finally:
        house.process.kill()


def test_the_socket_is_for_its_owner_alone(house: House) -> None:
    mode = (house.directory / "var" / "shell").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_lines_from_options(house: House) -> None:
    done = house.shell("-c", "show links", "-c", "show links | count")
    assert done.returncode == 0
    assert done.stderr == ""
    *table, count = done.stdout.splitlines()
    assert table[0].startswith("LINK ")
    assert table[1].startswith("fr-a#1 ")
    # Nobody listens there: once the link has tried, a line says why it waits.
    assert [one.partition(": ")[0] for one in table[2:]] in ([], ["fr-a#1"])
    assert count == "1"


@pytest.mark.parametrize(
    ("line", "code", "complaint"),
    [
        ("shw links", 2, "ERR unknown there is no 'shw'; did you mean 'show'?\n"),
        ("watch x", 2, "ERR usage every is a time as 30, 30s, 5m, 12h, 7d: 'x'"),
        ("kick session 99 !", 2, "ERR unknown there is no session 99; see show sessions\n"),
        ("watch 1 kick session 1", 1, "ERR denied watch runs commands that look"),
    ],
)
def test_the_first_line_that_fails_is_the_last(
    house: House, line: str, code: int, complaint: str
) -> None:
    done = house.shell("-c", line, "-c", "whoami")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(complaint)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("last", ["show links | count", "exit"])
def test_edits_that_no_line_commits(house: House, last: str) -> None:
    edit = "add account lost password topsecret"
    done = house.shell("-c", edit, "-c", last)
    assert done.returncode == 1
    assert done.stderr == (
        "ERR uncommitted what was edited here and not committed is lost: end with commit, or with"
        " discard\n"
    )
    assert house.shell("-c", edit, "-c", "discard").returncode == 0
    done = house.shell("-c", edit, "-c", "shw")
    assert (done.returncode, done.stderr.count("\n")) == (2, 2)
    assert house.shell("-c", "exit", "-c", "whoami").returncode == 0
    done = house.shell("-c", "check")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "nothing to check: nothing is edited here; this is about what is in force",
    )


def test_lines_from_stdin(house: House) -> None:
    done = house.shell(stdin='show links | count\n\n  \nhelp "é"\nwhoami\n')
    assert (done.returncode, done.stdout) == (2, "1\n")
    assert house.shell(stdin="exit\nshow links\n").stdout == ""


def test_ctrl_c_ends_what_is_at_work_in_the_gateway(house: House) -> None:
    arguments = ["shell", "--config", "gw.toml", "-c", "watch 1 show links"]
    process = Running(*arguments, cwd=house.directory)
    try:
        process.says("fr-a#1")
        process.signal(signal.SIGINT)
        code, _, errors = process.end()
    finally:
        process.kill()
    assert (code, errors) == (1, "ERR aborted the command was aborted\n")
    assert house.shell("-c", "show sessions | count").stdout == "1\n"


def test_a_line_that_is_too_long(house: House) -> None:
    done = house.shell(stdin="x" * 300_000 + "\nhelp\n")
    assert done.returncode == 2
    assert done.stderr == "ERR usage a line has at most 8192 characters\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("ending", "said"), [(">/dev/full", "[Errno 28] No space left on device\n"), ("<&- >&-", "")]
)
def test_an_output_that_takes_nothing(house: House, ending: str, said: str) -> None:
    line = f'"$0" -m smppgw shell --config gw.toml -c help {ending}'
    done = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", line, sys.executable],
        cwd=house.directory,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stderr == said
    assert done.returncode == (1 if said else 0)


def test_no_gateway(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "smppgw", "shell", "--data-dir", str(tmp_path), "-c", "help"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"no gateway runs with data_dir {tmp_path}\n"


def test_a_local_terminal(house: House) -> None:
    command = [sys.executable, "-m", "smppgw", "shell", "--config", "gw.toml"]
    terminal = Terminal(command, house.directory)
    try:
        terminal.shows("help says what there is")
        terminal.type("sho\tlinks\r")
        terminal.shows("fr-a#1")
        terminal.resize(60, 10)
        terminal.type("help\r")
        terminal.shows("COMMAND", "--more--")
        terminal.type("q")
        terminal.shows("smppgw>")
        terminal.type("watch 1 show links\r")
        terminal.shows("every 1.0 s", "")
        terminal.type("\x03")
        terminal.shows("^C")
        terminal.type("\x04")
        terminal.shows("goodbye", "goodbye")
        assert terminal.end() == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before
    finally:
        terminal.close()


def test_a_local_terminal_is_given_back_when_killed(house: House) -> None:
    command = [sys.executable, "-m", "smppgw", "shell", "--config", "gw.toml"]
    terminal = Terminal(command, house.directory)
    try:
        terminal.shows("smppgw>")
        assert termios.tcgetattr(terminal.slave) != terminal.before
        terminal.process.terminate()
        assert terminal.end() == 128 + signal.SIGTERM
        assert termios.tcgetattr(terminal.slave) == terminal.before
    finally:
        terminal.close()


# ---------------------------------------------------------------- over the network


def said_to(peer: socket.socket, until: bytes) -> bytes:
    """What comes until some octets do."""
    found = b""
    while until not in found:
        octets = peer.recv(65536)
        assert octets, f"{until!r} did not come, but: {found!r}"
        found += octets
    return found


SCRIPT = f"{NAME}\n{PASSWORD}\nshow links | count\nshw\nexit\n".encode()


def test_nc_that_waits_for_answers(house: House) -> None:
    """A raw socket, as nc is one: it sends what it is given and answers no option."""
    with socket.create_connection(("127.0.0.1", house.port), PATIENCE) as peer:
        said_to(peer, b"Username: ")
        peer.sendall(f"{NAME}\n".encode())
        assert said_to(peer, b"Password: ") == b"Password: "
        peer.sendall(f"{PASSWORD}\n".encode())
        said_to(peer, b"smppgw> ")
        peer.sendall(b"show links | csv\n")
        said = said_to(peer, b"smppgw> ")
        assert b"fr-a#1" in said
        assert b"\x1b" not in said
        peer.sendall(b"shw\n")
        assert said_to(peer, b"smppgw> ").startswith(b"ERR unknown there is no 'shw'")
        peer.sendall(b"exit\n")
        assert said_to(peer, b"goodbye\r\n")
        assert peer.recv(1) == b""


def test_nc_that_sends_everything_at_once_and_closes_its_side(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.port), PATIENCE) as peer:
        peer.sendall(SCRIPT.replace(b"exit\n", b"whoami"))
        peer.shutdown(socket.SHUT_WR)
        said = b""
        while octets := peer.recv(65536):
            said += octets
    assert b"smppgw> 1\r\n" in said
    assert b"operator  ops" in said
    if nc := shutil.which("nc"):
        command = [nc, "127.0.0.1", str(house.port)]
        done = subprocess.run(command, input=SCRIPT, capture_output=True, check=False)  # noqa: S603
        assert b"smppgw> 1\r\n" in done.stdout


@pytest.mark.parametrize("program", ["python", *filter(shutil.which, ["telnet"])])
def test_telnet_in_a_pseudo_terminal(house: House, program: str) -> None:
    """The real one where there is one, and one that speaks the options as it does."""
    command = ["telnet", "127.0.0.1", str(house.port)]
    if program == "python":
        command = [sys.executable, str(Path(__file__).with_name("telnet_client.py")), *command[1:]]
    terminal = Terminal(command, house.directory)
    try:
        terminal.shows("Username:", "Username:")
        terminal.type(f"{NAME}\r")
        terminal.shows("Password:", "Password:")
        terminal.type(f"{PASSWORD}\r")
        assert not any(PASSWORD in row for row in terminal.shows("help says what there is"))
        terminal.type("sho\tlinks | coumt\x1b[D\x7fn\r")
        terminal.shows("1")
        terminal.type("\x1b[A")
        terminal.shows("1", "smppgw> show links | count")
        terminal.type("\x15watch 1 show links\r")
        terminal.shows("every 1.0 s", "")
        terminal.type("\x03")
        terminal.shows("^C")
        terminal.type("exit\r")
        terminal.shows("goodbye", "")
        terminal.end()
    finally:
        terminal.close()


def test_a_wrong_password(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.port), PATIENCE) as peer:
        peer.sendall(f"{NAME}\nwrong\n".encode())
        said_to(peer, b"Login refused")
        peer.sendall(f"{NAME}\n{PASSWORD}\n".encode())
        said_to(peer, b"smppgw> ")
