"""`smppgw demo`, and `send`, `status` and `message` against it."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Running, run

from smppgw.cli import main
from smppgw.cli.demo import _program
from smppgw.cli.output import FAULT, OK, WIDTH

PHONE = "33612345678"
ID = re.compile(r"[0-9a-f]{16}")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """A demo in a directory of its own, and what it said until it was ready."""
    directory = tmp_path_factory.mktemp("demo")
    running = Running("demo", "--port", "0", cwd=directory)
    said = running.says("Ctrl-C stops.")
    yield directory, said
    running.signal(signal.SIGINT)
    code, out, err = running.end()
    assert code == OK
    assert out.splitlines()[-1] == "stopped"
    assert all("bind refused" in line for line in err.splitlines())  # what tests here provoke
    left = {path.name for path in (directory / "var/demo").iterdir()}
    assert not left & {"control", "demo.json"}


@pytest.fixture
def here(demo: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory is that of the demo, and nothing else says whom to bind as."""
    monkeypatch.chdir(demo[0])
    monkeypatch.delenv("SMPPGW_PASSWORD", raising=False)
    return demo[0]


class Command:
    """Runs commands and reads what they say."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = OK) -> str:
        assert main(arguments) == code, self._capsys.readouterr().err
        captured = self._capsys.readouterr()
        if code == OK:
            assert captured.err == ""
            return captured.out
        (line,) = captured.err.splitlines()
        return line

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def smppgw(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def credentials(here: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((here / "var/demo/demo.json").read_text())
    return found


# ---------------------------------------------------------------------- the demonstration


def test_the_demonstration_shows_each_step_in_order(demo: tuple[Path, list[str]]) -> None:
    said = "\n".join(demo[1])
    steps = (
        "gateway   ESMEs bind at 127.0.0.1:",
        "carrier   simulated, at 127.0.0.1:",
        "ESME      bind_transceiver as 'demo'",
        "ESME      submit_sm from 38100 to 33612345678",
        "ESME      submit_sm_resp: message_id ",
        "carrier   its receipt was taken: id:",
        "ESME      deliver_sm: stat:DELIVRD err:000",
        "DELIVERED",
        "forwarded",
        "Try next",
        f"send --to {PHONE} --dlr",
        "Ctrl-C stops.",
    )
    places = [said.find(step) for step in steps]
    assert -1 not in places
    # The receipt reaches carrier and ESME in one turn: either may speak first.
    places[5:7] = sorted(places[5:7])
    assert places == sorted(places)


def test_its_credentials_are_private(here: Path) -> None:
    file = here / "var/demo/demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = credentials(here)
    assert set(found) == {"host", "port", "system_id", "password", "source"}
    assert re.fullmatch("[A-Za-z0-9]{8}", found["password"])


def test_the_commands_it_proposes_work_as_they_stand(
    demo: tuple[Path, list[str]], here: Path
) -> None:
    proposed = [line.strip() for line in demo[1] if line.startswith("  ") and " -m smppgw " in line]
    assert len(proposed) == 5
    for line in proposed:
        done = run(line, here)
        assert done.stderr == b""
        assert done.stdout


def test_once_ends_by_itself(tmp_path: Path) -> None:
    running = Running("demo", "--once", "--port", "0", "--data-dir", str(tmp_path / "d"))
    code, out, err = running.end()
    assert (code, err) == (OK, "")
    assert "stat:DELIVRD" in out
    assert "Try next" not in out
    assert "stopped" not in out
    assert not (tmp_path / "d/demo.json").exists()


def test_a_port_in_use_and_how_to_take_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        running = Running("demo", "--port", str(port), "--data-dir", str(tmp_path / "d"))
        code, _, err = running.end()
    assert code == FAULT
    (line,) = err.splitlines()
    assert f"127.0.0.1:{port}" in line
    assert "--port 0" in line


def test_a_second_demo_in_the_same_directory(here: Path, smppgw: Command) -> None:
    running = Running("demo", "--port", "0", cwd=here)
    code, _, err = running.end()
    assert code == FAULT
    assert "in use by another smppgw" in err
    assert credentials(here)  # those of the first one are still there


# ---------------------------------------------------------------------- send


def test_send_needs_nothing_but_a_number_and_a_text(here: Path, smppgw: Command) -> None:
    out = smppgw("send", "--to", PHONE, "--dlr", "hello")
    lines = out.splitlines()
    assert re.fullmatch(r"id +[0-9a-f]{16}", lines[0])
    assert lines[1] == "parts    1 (gsm7, data_coding 0x00)"
    assert re.fullmatch(r"receipt  DELIVRD err 000 \(\d+\.\d s after the start\)", lines[2])


def test_send_without_dlr_does_not_wait(here: Path, smppgw: Command) -> None:
    out = smppgw("send", "--to", f"+{PHONE}", "hello")
    assert "receipt" not in out
    found = smppgw.json("message", ID.search(out)[0], "--reveal")  # type: ignore[index]
    assert found["destination"] == PHONE
    assert found["source"] == "38100"
    assert found["accepted"]["registered_delivery"] == 0


def test_send_says_what_a_receipt_says(here: Path, smppgw: Command) -> None:
    found = smppgw.json("send", "--to", PHONE, "--dlr", "{receipt=UNDELIV,err=021}hello")
    (receipt,) = found["receipts"]
    assert (receipt["state"], receipt["err"]) == ("UNDELIV", "021")
    assert receipt["id"] == found["ids"][0]


@pytest.mark.parametrize(
    ("text", "options", "data_coding"),
    [
        ("plain", (), 0x00),
        ("plain", ("--class", "flash"), 0xF0),
        ("plain", ("--class", "sim"), 0xF2),
        ("你好", (), 0x08),
        ("你好", ("--class", "flash"), 0x18),
        ("fête à Orléans : 5€ [net]", (), 0x08),
        ("Été à Orléans : 5€ [net]", (), 0x00),
        ("crème brûlée", ("--smart", "--class", "sim"), 0xF2),
        ("Привет", ("--class", "sim"), 0x1A),
        ("🎂", (), 0x08),
    ],
)
def test_alphabet_and_class(
    here: Path, smppgw: Command, text: str, options: tuple[str, ...], data_coding: int
) -> None:
    assert smppgw.json("send", "--to", PHONE, text, *options)["data_coding"] == data_coding


@pytest.mark.parametrize(
    ("text", "options", "parts"),
    [
        ("a" * 200, (), 2),
        ("€" * 200, (), 3),
        ("Привет, как дела? " * 10, (), 3),
        ("🎂" * 80, ("--class", "flash"), 3),
        ("a" * 400, ("--style", "udh16"), 3),
        ("a" * 400, ("--style", "sar"), 3),
        ("a" * 400, ("--style", "payload"), 1),
    ],
)
def test_a_long_text_goes_in_parts_with_a_receipt_each(
    here: Path, smppgw: Command, text: str, options: tuple[str, ...], parts: int
) -> None:
    found = smppgw.json("send", "--to", PHONE, "--dlr", *options, text)
    assert found["parts"] == len(set(found["ids"])) == parts
    assert [one["id"] for one in found["receipts"]] == found["ids"]
    assert {one["state"] for one in found["receipts"]} == {"DELIVRD"}
    for id in found["ids"]:
        assert smppgw.json("message", id)["state"] == "DELIVERED"


def test_a_receipt_that_does_not_come(here: Path, smppgw: Command) -> None:
    arguments = ("send", "--to", PHONE, "--dlr", "--wait", "0.3", "{receipt=never}x")
    assert smppgw(*arguments, code=FAULT) == "1 of 1 receipts did not come within 0.3 s"


@pytest.mark.parametrize(
    ("to", "sender", "says"),
    [
        ("1" * 21, "38100", "longer than the 20 characters of an address"),
        (PHONE, "TwelveLetter", "submit_sm_resp: 0x0A Invalid Source Address"),
        ("33\x01", "38100", "submit_sm_resp: 0x0B Invalid Destination Address"),
    ],
)
def test_a_refusal_in_words(here: Path, smppgw: Command, to: str, sender: str, says: str) -> None:
    assert says in smppgw("send", "--to", to, "--from", sender, "x", code=FAULT)


def test_a_wrong_password(
    here: Path, smppgw: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = str(credentials(here)["port"])
    who = ("--system-id", "demo", "--port", port)
    monkeypatch.setenv("SMPPGW_PASSWORD", "wrong")
    line = smppgw("send", "--to", PHONE, *who, "x", code=FAULT)
    assert line.startswith(f"127.0.0.1:{port}: bind_transceiver_resp: 0x0E Invalid Password")
    secret = tmp_path / "password"
    secret.write_text(credentials(here)["password"] + "\n")
    assert ID.search(smppgw("send", "--to", PHONE, *who, "--password-file", str(secret), "x"))


def test_the_account_of_a_configuration_file(
    here: Path, smppgw: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = credentials(here)
    file = tmp_path / "gw.toml"
    file.write_text(
        f'[smpp]\nlisten = ["ssl:1", "tcp:{found["port"]}:interface=127.0.0.1"]\n'.replace(
            '"ssl:1", ', ""
        )
        + '[[accounts]]\nsystem_id = "first"\npassword = "x"\n'
        + f'[[accounts]]\nsystem_id = "demo"\npassword = "{found["password"]}"\n'
    )
    assert "0x0F" in smppgw("send", "--to", PHONE, "-c", str(file), "x", code=FAULT)
    send = ("send", "--to", PHONE, "-c", str(file), "--system-id")
    assert ID.search(smppgw(*send, "demo", "x"))
    assert "there is no account other" in smppgw(*send, "other", "x", code=FAULT)


def test_nobody_to_bind_as(
    tmp_path: Path, smppgw: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "--system-id" in smppgw("send", "--to", PHONE, "x", code=FAULT)


def test_no_password_and_nobody_to_ask(smppgw: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMPPGW_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    line = smppgw("send", "--to", PHONE, "--system-id", "a", "x", code=FAULT)
    assert "no password" in line


def test_nobody_listens(smppgw: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMPPGW_PASSWORD", "x")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = str(silent.getsockname()[1])
        line = smppgw("send", "--to", "1", "--system-id", "a", "--port", port, "x", code=FAULT)
    assert line == f"127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize(
    ("wait", "end", "says"),
    [
        ("0.1", False, "no answer to the bind within 0.1 s"),
        ("5", True, "the connection was closed"),
    ],
)
def test_a_server_that_does_not_answer(
    smppgw: Command, monkeypatch: pytest.MonkeyPatch, wait: str, end: bool, says: str
) -> None:
    monkeypatch.setenv("SMPPGW_PASSWORD", "x")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = str(silent.getsockname()[1])
        if end:
            closing = threading.Thread(target=hang_up, args=(silent,))
            closing.start()
        who = ("--system-id", "a", "--port", port, "--dlr", "--wait", wait)
        assert smppgw("send", "--to", "1", *who, "x", code=FAULT) == f"127.0.0.1:{port}: {says}"
        if end:
            closing.join()


def hang_up(server: socket.socket) -> None:
    """Read a bind and close the connection."""
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)


@pytest.mark.parametrize(
    ("called", "shown"),
    [
        (".venv/bin/smppgw", ".venv/bin/smppgw"),
        ("{here}/.venv/bin/smppgw", ".venv/bin/smppgw"),
        ("/opt/a b/smppgw", "'/opt/a b/smppgw'"),
        ("{here}/on-path/smppgw", "smppgw"),
        ("smppgw/__main__.py", f"{sys.executable} -m smppgw"),
    ],
)
def test_how_the_user_called_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    on_path = tmp_path / "on-path/smppgw"
    on_path.parent.mkdir()
    on_path.touch(0o755)
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setattr("sys.argv", [called.format(here=tmp_path)])
    assert _program() == shown


# ---------------------------------------------------------------------- status and message


def test_status_for_people_fits_a_terminal(here: Path, smppgw: Command) -> None:
    smppgw("send", "--to", PHONE, "--dlr", "x")
    out = smppgw("status")
    assert all(len(line) <= WIDTH for line in out.splitlines())
    assert re.search(r"^demo#1 +transceiver +bound +127\.0\.0\.1:\d+ +0/10 ", out, re.MULTILINE)
    assert "the ledger balances" in out
    assert re.search(r"^accepted +\d", out, re.MULTILINE)
    assert re.search(r"^store +\d+ commits", out, re.MULTILINE)


def test_status_for_programs(here: Path, smppgw: Command) -> None:
    found = smppgw.json("status", "--data-dir", "var/demo")
    assert found["ledger"]["balanced"] is True
    assert [one["account"] for one in found["accounts"]] == ["demo"]
    assert found["links"][0]["state"] == "bound"
    assert found["uptime_s"] > 0


def test_a_message_for_people(here: Path, smppgw: Command) -> None:
    id = smppgw.json("send", "--to", PHONE, "--dlr", "a secret")["ids"][0]
    out = smppgw("message", id)
    assert out.startswith(f"message {id}: DELIVERED\n")
    for step in ("accepted", "sent", "answered", "receipt", "forwarded"):
        assert re.search(rf"^  [0-9-]+ [0-9:.]+  {step} ", out, re.MULTILINE)
    assert "+3361234****" in out
    assert "secret" not in out
    assert PHONE in smppgw("message", id, "--reveal")


def test_an_unknown_message(here: Path, smppgw: Command) -> None:
    assert "no message has the id" in smppgw("message", "abc", code=FAULT)


def test_no_gateway_runs(tmp_path: Path, smppgw: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert smppgw("status", code=FAULT) == "no gateway runs with data_dir var"
    line = smppgw("status", "--data-dir", "other", code=FAULT)
    assert line == "no gateway runs with data_dir other"
    line = smppgw("message", "1", code=FAULT)
    assert line == "no gateway runs with data_dir var, and there is no smppgw.db in it"


def test_a_message_of_a_gateway_that_does_not_run(
    tmp_path: Path, smppgw: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running("demo", "--once", "--port", "0", cwd=tmp_path)
    _, out, _ = running.end()
    monkeypatch.chdir(tmp_path)
    id = ID.search(out[out.index("submit_sm_resp") :])[0]  # type: ignore[index]
    assert smppgw("message", id).startswith(f"message {id}: DELIVERED")
    assert "no message has the id" in smppgw("message", "abc", code=FAULT)


def test_the_data_dir_of_a_file_that_cannot_be_loaded(
    tmp_path: Path, smppgw: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gw.toml"
    file.write_text('[gateway]\ndata_dir = "elsewhere"\n[[accounts]]\npassword = "${UNSET}"\n')
    line = smppgw("status", "-c", str(file), code=FAULT)
    assert line == "no gateway runs with data_dir elsewhere"
    file.write_text("gateway = 5")
    assert "data_dir var" in smppgw("status", "-c", str(file), code=FAULT)
    file.write_text("= nonsense")
    assert "not valid TOML" in smppgw("status", "-c", str(file), code=FAULT)
    assert "cannot be read" in smppgw("status", "-c", str(tmp_path / "none"), code=FAULT)


def test_a_reader_that_has_enough_is_no_error(here: Path) -> None:
    program = f"{sys.executable} -m smppgw status --json | head -c 1"
    done = run(program, here)
    assert (done.stdout, done.stderr) == (b"{", b"")
