"""The first operator, when the process that makes it is killed at a bad moment."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli_kit import PATIENCE, Running

from smppgw.core.passwords import verify_password
from smppgw.core.store.engine import FILE_NAME
from smppgw.ops.config.merge import objects_of

STARTING = """
import os
import signal
import sys
from pathlib import Path
from smppgw import app
from smppgw.cli import main
from smppgw.ops.operators import Operators

commit = app.Configuration.commit
when = sys.argv[2]

async def killed(self, *arguments):
    if when == "before the commit":
        os.kill(os.getpid(), signal.SIGKILL)
    done = await commit(self, *arguments)
    if when == "after the commit":
        os.kill(os.getpid(), signal.SIGKILL)
    return done

app.Configuration.commit = killed
main(["run", "-c", sys.argv[1]])
"""


def password_of(lines: list[str]) -> str:
    """That which was printed; "" for none."""
    found = [line.split()[1] for line in lines if line.split()[:1] == ["password"]]
    return found[0] if found else ""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "gw.toml"
    file.write_text(
        f'[gateway]\ndata_dir = "{tmp_path}/var"\n[smpp]\nlisten = []\n[web]\nlisten = []\n'
        '[shell]\nlisten = ["tcp:0:interface=127.0.0.1"]\n'
    )
    return file


@pytest.fixture
def again(file: Path, killed: str) -> Iterator[Running]:
    """The next start."""
    running = Running("run", "-c", str(file))
    yield running
    running.kill()


@pytest.fixture
def killed(file: Path, request: pytest.FixtureRequest) -> str:
    """The password that a process printed before it was killed."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", STARTING, str(file), request.param],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return password_of(done.stdout.splitlines())


@pytest.mark.parametrize("killed", ["before the commit", "after the commit"], indirect=True)
def test_the_password_that_was_printed_last_is_that_of_the_operator(
    killed: str, again: Running, file: Path
) -> None:
    again.logs("smppgw runs")
    again.signal(signal.SIGTERM)
    code, out, _ = again.end()
    assert code == 0
    printed = password_of(out.splitlines()) or killed
    with closing(sqlite3.connect(file.parent / "var" / FILE_NAME)) as connection:
        ((text,),) = connection.execute("SELECT objects FROM revision").fetchall()
    (operator,) = objects_of(text)["operators"].values()
    assert verify_password(operator["password_hash"], printed)
