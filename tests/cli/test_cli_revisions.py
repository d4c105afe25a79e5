"""What operators committed, in processes that are killed and started again."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli_kit import PATIENCE, Running

from smppgw.cli import main
from smppgw.core.store.engine import FILE_NAME
from smppgw.ops.config.merge import objects_of

COMMITTING = """
import sys
from pathlib import Path
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from smppgw.app import Gateway
from smppgw.ops.config import load

loaded = load(Path(sys.argv[1]))
minutes, rounds = float(sys.argv[2]), int(sys.argv[3])
gateway = Gateway(reactor, loaded.settings, loaded)
configuration = gateway.configuration

def pair(number):
    def act(candidate):
        for letter in "xy":
            candidate.add("account", f"{letter}{number}", {"password": "topsecret"})
    return act

async def work():
    await gateway.start()
    for number in range(rounds):
        configuration.edit("session", "ops", pair(number))
        await configuration.commit("session", "ops", f"pair {number}", minutes)
        print(f"committed {number}", flush=True)

Deferred.fromCoroutine(work()).addErrback(lambda failure: (print(failure), reactor.stop()))
reactor.run()
"""


class Place:
    """A configuration file, its data, and the processes that use them."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "gw.toml"
        self.data_dir = directory / "var"
        self.running: list[Running] = []
        self.write()

    def write(self, more: str = "") -> None:
        self.file.write_text(
            f'[gateway]\ndata_dir = "{self.data_dir}"\n'
            '[smpp]\nlisten = ["tcp:0:interface=127.0.0.1"]\n'
            f"[web]\nlisten = []\n[shell]\nlisten = []\n{more}"
        )

    def commits(self, minutes: float, rounds: int, kill_after: int) -> int:
        """Commit pairs of accounts in a process; kill it; how many it said were committed."""
        with subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", COMMITTING, str(self.file), str(minutes), str(rounds)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(kill_after)]
            process.kill()
            said += process.stdout.readlines()
            process.wait(PATIENCE)
        assert all(line.startswith("committed ") for line in said if line), said
        return len([line for line in said if line.endswith("\n")])

    def start(self) -> list[str]:
        """`smppgw run`; what it logs until it runs."""
        running = Running("run", "-c", str(self.file))
        self.running.append(running)
        return running.logs("smppgw runs")

    def stop(self) -> None:
        running = self.running[-1]
        running.signal(signal.SIGTERM)
        assert running.end()[0] == 0

    def accounts(self, capsys: pytest.CaptureFixture[str]) -> set[str]:
        """The accounts of the running gateway."""
        capsys.readouterr()
        assert main(["status", "-c", str(self.file), "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        names = {one["account"] for one in said["accounts"]}
        return {name for name in names if not name.startswith("@")}  # those of features

    def rows(self) -> list[tuple[int, str, str]]:
        with closing(sqlite3.connect(self.data_dir / FILE_NAME)) as connection:
            return connection.execute(
                "SELECT number, comment, objects FROM revision ORDER BY number"
            ).fetchall()

    def change(self, sql: str) -> None:
        with closing(sqlite3.connect(self.data_dir / FILE_NAME)) as connection:
            connection.execute(sql)
            connection.commit()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for running in made.running:
        running.kill()


def test_killed_in_the_middle_of_commits(place: Place) -> None:
    """Every acknowledged commit is there, and every one that is there is whole."""
    said = place.commits(0, 1000, kill_after=20)
    assert said >= 20
    log = place.start()
    place.stop()
    rows = place.rows()
    assert len(rows) >= said
    for number, comment, text in rows:
        assert comment == f"pair {number - 1}"
        assert set(objects_of(text)["accounts"]) == {
            f"{letter}{n}" for letter in "xy" for n in range(number)
        }
    assert f"smppgw runs: {2 * len(rows)} accounts" in log[-1]


def test_killed_while_a_commit_waits_for_its_confirmation(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.commits(5, 1, kill_after=1)
    place.start()
    assert place.accounts(capsys) == {"x0", "y0"}
    place.running[-1].kill()
    # Five minutes later:
    place.change("UPDATE revision SET at = at - 300, confirm_until = confirm_until - 300")
    log = place.start()
    assert any("revision 1 of ops was not confirmed, back to 0" in line for line in log)
    assert place.accounts(capsys) == set()
    place.stop()
    assert [row[:2] for row in place.rows()] == [
        (1, "pair 0"),
        (2, "revision 1 of ops was not confirmed"),
    ]
    assert place.rows()[1][2] == ""
    log = place.start()
    assert not any("not confirmed" in line for line in log)
    assert place.accounts(capsys) == set()


def test_the_file_wins_loudly_at_the_start_and_at_a_reload(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.commits(0, 1, kill_after=1)
    place.write('[[accounts]]\nsystem_id = "x0"\npassword = "other"\n')
    log = place.start()
    said = f"account x0: {place.file}:9 declares it, and wins; left out"
    assert any(said in line for line in log), log
    assert "topsecret" not in str(log)
    assert place.accounts(capsys) == {"x0", "y0"}
    place.write('[[accounts]]\nsystem_id = "y0"\npassword = "other"\n')
    place.running[-1].signal(signal.SIGHUP)
    log = place.running[-1].logs("reload: done, 2 changes")
    assert any(f"account y0: {place.file}:9 declares it, and wins" in line for line in log)
    assert place.accounts(capsys) == {"x0", "y0"}


def test_check_looks_at_the_file_alone_and_says_so(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "-c", str(place.file)]) == 0
    assert "alone" not in capsys.readouterr().out
    place.commits(0, 1, kill_after=1)
    assert main(["check", "-c", str(place.file)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("ok (0 accounts, 0 carriers, 0 routes, 0 numbers, 0 operators)")
    assert second == (
        "the file alone was checked: `run` adds what operators committed in the shell"
    )


def test_the_store_is_for_its_owner_only(place: Place) -> None:
    place.commits(0, 1, kill_after=1)
    assert (place.data_dir / FILE_NAME).stat().st_mode & 0o077 == 0
