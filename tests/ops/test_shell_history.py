"""Histories: kept without secrets, bounded, whatever the file looks like."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from smppgw.core.command import Operator, Role
from smppgw.ops.shell.history import MOST_LINES, MOST_OCTETS, Histories, History, file_name


def operator(name: str, peer: str = "10.0.0.1") -> Operator:
    return Operator(name, Role.VIEW, peer)


def test_lines_are_kept_for_the_next_session(tmp_path: Path) -> None:
    histories = Histories(tmp_path / "history")
    one = histories.of(operator("ops"))
    one.add("show links", "show links")
    one.add("show links", "show links")
    one.add("echo é漢", "echo é漢")
    assert list(histories.of(operator("ops"))) == ["show links", "echo é漢"]
    assert list(histories.of(operator("other"))) == []
    (file,) = (tmp_path / "history").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_secrets_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "one"
    history = History(path)
    history.add("set key hunter2", "set key ***")
    history.add("sett key hunter2", "sett key ...")
    assert list(history) == ["set key ***", "sett key hunter2"]
    assert history.kept == ["set key ***", "sett key ..."]
    assert "hunter2" not in path.read_text()


def test_blank_lines_are_not_kept(tmp_path: Path) -> None:
    history = History(tmp_path / "one")
    history.add("", "")
    history.add("  ", "  ")
    assert (list(history), list(tmp_path.iterdir())) == ([], [])


def test_a_line_of_several_is_one_in_the_file(tmp_path: Path) -> None:
    history = History(tmp_path / "one")
    history.add('echo "a\nb"', 'echo "a\nb"')
    assert (tmp_path / "one").read_text() == 'echo "a b"\n'
    assert list(history) == ['echo "a\nb"']


def test_a_history_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "one"
    history = History(path)
    for number in range(MOST_LINES + 200):
        history.add(f"echo {number}", f"echo {number}")
    assert len(history) == len(history.kept) == MOST_LINES
    assert (history[0], history[-1]) == ("echo 200", f"echo {MOST_LINES + 199}")
    assert list(History(path)) == list(history)


def test_a_file_that_is_too_large_is_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text("".join(f"echo {number} {'x' * 1000}\n" for number in range(2000)))
    history = History(path)
    assert history[-1].startswith("echo 1999 ")
    assert path.stat().st_size <= MOST_OCTETS
    assert list(History(path)) == list(history)
    assert list(tmp_path.iterdir()) == [path]


@given(st.binary(max_size=500))
def test_any_file_is_a_history(tmp_path_factory: pytest.TempPathFactory, octets: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "one"
    path.write_bytes(octets)
    history = History(path)
    assert all(line.isprintable() for line in history)
    history.add("show links", "show links")
    assert list(History(path))[-1:] == ["show links"] or b"\n" not in octets[-1:]


@pytest.mark.parametrize("kind", ["directory", "link", "pipe"])
def test_what_is_no_file_costs_the_history_only(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "one"
    target = tmp_path / "target"
    target.write_text("untouched\n")
    if kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(target)
    else:
        os.mkfifo(path)
    with capturedLogs() as logs:
        history = History(path)
        history.add("show links", "show links")
    assert list(history) == ["show links"]
    assert target.read_text() == "untouched\n"
    assert logs


def test_no_directory_costs_the_history_only(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("in the way")
    with capturedLogs():
        history = Histories(tmp_path / "history").of(operator("ops"))
        history.add("show links", "show links")
    assert list(history) == ["show links"]


@pytest.mark.parametrize(
    "name", ["../ops", ".", "..", "a/b", "a\0b", "é" * 200, "", "-rf", "\udc80"]
)
def test_names_are_safe_as_those_of_files(tmp_path: Path, name: str) -> None:
    histories = Histories(tmp_path / "history")
    histories.of(operator(name)).add("show links", "show links")
    (file,) = (tmp_path / "history").iterdir()
    assert file.is_file()
    assert list(tmp_path.iterdir()) == [tmp_path / "history"]


def test_users_of_this_machine_are_no_operators() -> None:
    names = {
        file_name(operator("ops")),
        file_name(operator("ops", "local")),
        file_name(operator("a/b")),
        file_name(operator("a%2Fb")),
    }
    assert len(names) == 4
