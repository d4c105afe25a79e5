"""The command line itself: usage errors, check, password; nothing here needs a reactor."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from smppgw.cli import main, run
from smppgw.cli.output import FAULT, OK, USAGE
from smppgw.core.passwords import verify_password
from smppgw.ops.config.demo import DEMO

REPOSITORY = Path(__file__).parents[2]
GOOD = """
[[accounts]]
system_id = "a"
password = "secret"
[[carriers]]
name = "c"
host = "localhost"
system_id = "me"
[[routes]]
carriers = ["c"]
"""


def usage(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a wrong command line gets."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "required: COMMAND"),
        (("nothing",), "invalid choice"),
        (("run",), "-c/--config"),
        (("check",), "-c/--config"),
        (("send", "text"), "--to"),
        (("send", "--to", "1", "--class", "loud", "x"), "loud"),
        (("send", "--to", "1", "--style", "udh", "x"), "udh"),
        (("send", "--to", "1", "--port", "x", "text"), "is no port"),
        (("send", "--to", "1", "--wait", "0", "text"), "is no number of seconds"),
        (("send", "--to", "1", "--wait", "nan", "text"), "is no number of seconds"),
        (("send", "--to", "1", "--wait", "soon", "text"), "'soon' is no number of seconds"),
        (("demo", "--port", "65536"), "is no port"),
        (("status", "-c", "a", "--data-dir", "b"), "not allowed with"),
        (("message",), "ID"),
        (("run", "-c", "x", "--log-level", "loud"), "loud"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    line = usage(capsys, *arguments)
    assert says in line
    assert line.startswith("smppgw")
    assert "--help" in line


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert not left.value.code
    out = capsys.readouterr().out
    names = ("run", "check", "demo", "send", "encode", "dlr", "password", "status", "message")
    for name in names:
        assert re.search(rf"^ +{name} ", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("send", ("a long one goes in parts", "flash: shown at once")),
        ("message", ("as its submit_sm_resp gave it",)),
        ("demo", ("where the demo keeps its messages",)),
    ],
)
def test_help_explains_arguments(
    capsys: pytest.CaptureFixture[str], command: str, says: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert [text for text in says if text not in out] == []


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert re.fullmatch(r"smppgw \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_python_m_smppgw_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "smppgw", "check", "-c", "/nowhere/x.toml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (FAULT, "")
    assert done.stderr == "/nowhere/x.toml: cannot be read: No such file or directory\n"


def test_no_command_line_module_loads_the_reactor() -> None:
    modules = [f"smppgw.cli.{path.stem}" for path in (REPOSITORY / "smppgw/cli").glob("[a-z]*.py")]
    assert len(modules) > 5
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "assert 'twisted.internet.reactor' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603


# ---------------------------------------------------------------------- check


def test_check_counts_what_a_good_file_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "good.toml"
    file.write_text(GOOD)
    assert main(["check", "-c", str(file)]) == OK
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out == (f"{file}: ok (1 account, 1 carrier, 1 route, 0 numbers, 0 operators)\n")


def test_check_says_every_fault_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace('["c"]', '["d"]') + "\n[gateway]\nnod = 1\n")
    assert main(["check", "-c", str(file)]) == FAULT
    captured = capsys.readouterr()
    assert captured.out == ""
    faults = captured.err.splitlines()
    assert len(faults) == 2
    assert faults[0].startswith(f"{file}:10 routes[0].carriers")
    assert faults[1].startswith(f'{file}:13 gateway.nod: unknown key "nod"')


def test_check_says_warnings_and_is_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "warned.toml"
    file.write_text(GOOD + '[[operators]]\nname = "o"\npassword = "clear"\n')
    assert main(["check", "-c", str(file)]) == OK
    captured = capsys.readouterr()
    assert "1 operator)" in captured.out
    (warning,) = captured.err.splitlines()
    assert warning.startswith(f"{file}:13 ")
    assert warning.endswith("(warning)")
    assert "clear" in warning
    assert '"clear"' not in warning


def test_run_does_not_start_with_a_bad_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Gateway", None)
    file = tmp_path / "bad.toml"
    file.write_text("[smpp]\nlisten = 5\n")
    assert main(["run", "-c", str(file)]) == FAULT
    assert capsys.readouterr().err.startswith(f"{file}:2 smpp.listen")


def test_the_demo_has_the_configuration_of_the_repository() -> None:
    assert (REPOSITORY / "conf/demo.toml").read_text("utf-8") == DEMO


# ---------------------------------------------------------------------- password


class Terminal(io.StringIO):
    """stdin that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_password_reads_a_line_from_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("séc ret\r\nmore\n"))
    assert main(["password"]) == OK
    captured = capsys.readouterr()
    assert verify_password(captured.out.rstrip("\n"), "séc ret")
    assert captured.err == ""


def test_password_asks_twice_at_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "secret"

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("smppgw.cli.password.getpass", ask)
    assert main(["password", "agg1"]) == OK
    assert asked == ["Password of agg1: ", "Again: "]
    assert verify_password(capsys.readouterr().out.rstrip("\n"), "secret")


def test_two_different_passwords_are_a_fault(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = iter(["one", "two"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("smppgw.cli.password.getpass", lambda prompt: next(words))
    assert main(["password"]) == FAULT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "these are two different passwords\n"


@pytest.mark.parametrize(("line", "says"), [("\n", "empty"), ("", "empty"), ("a\0b\n", "NUL")])
def test_passwords_that_are_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, says: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(line))
    assert main(["password"]) == FAULT
    captured = capsys.readouterr()
    assert says in captured.err
    assert len(captured.err.splitlines()) == 1


def test_an_interrupted_command_says_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("smppgw.cli.password.getpass", interrupted)
    assert main(["password"]) == 130
    assert capsys.readouterr().err == ""


def test_ctrl_c_while_a_command_is_being_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("smppgw.cli.import_module", interrupted)
    assert main(["password"]) == 130
