"""Two operators commit at the same time while messages flow through a real process."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Running

from smppgw.cli.shell import Peer, connected

ROUNDS = 15
CONFIG = """
[gateway]
data_dir = "{directory}/var"
[smpp]
listen = ["tcp:0:interface=127.0.0.1"]
[shell]
listen = []
[web]
listen = []
[[accounts]]
system_id = "agg1"
password = "secret"
binds = 8
window = 50
[[carriers]]
name = "fr-a"
host = "127.0.0.1"
port = {port}
system_id = "smppgw"
password = "secret"
[[routes]]
carriers = ["fr-a"]
"""


class Operator(threading.Thread):
    """Commits accounts of its own, and again and again the window of one that two want."""

    def __init__(self, directory: Path, name: str) -> None:
        super().__init__(name=name)
        self._peer = Peer(connected(directory))
        self._peer.send({"batch": {}})
        self.ended: list[tuple[str, str, str]] = []
        """(line, code, text) of each line."""

    def say(self, line: str) -> str:
        """A line, and its code."""
        self._peer.send({"line": line})
        while True:
            for said in self._peer.received():
                assert "closed" not in said, said
                if "done" in said:
                    code = str(said["done"]["code"])
                    self.ended.append((line, code, said["done"]["text"]))
                    return code

    def run(self) -> None:
        """All of it."""
        for number in range(ROUNDS):
            self.say(f"add account {self.name}{number} password topsecret")
            self.say("commit")
            self.say(f"set account both binds {number % 5 + 2} window {number + 2}")
            if self.say("commit"):
                self.say("discard")

    def close(self) -> None:
        self._peer.connection.close()

    def of(self, line: str) -> list[tuple[str, str]]:
        return [(code, text) for said, code, text in self.ended if said == line]


class Load:
    """A load on a gateway whose carrier it is, too."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.operators: list[Operator] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            carrier = free.getsockname()[1]
        file = directory / "gw.toml"
        file.write_text(CONFIG.format(directory=directory, port=carrier))
        self.gateway = Running("run", "-c", str(file))
        (*_, line) = self.gateway.logs("listening on")
        found = re.search(r"tcp:(\d+)", line)
        assert found is not None
        self.gateway.logs("smppgw runs")
        self.gateway.stay()
        secret = directory / "secret"
        secret.write_text("secret\n")
        self.report = directory / "load.json"
        self.load = Running(
            *("simulate", "load", "--port", found[1], "--system-id", "agg1"),
            *("--password-file", str(secret), "--carrier-port", str(carrier)),
            *("--rate", "200", "--seconds", "6", "--output", str(self.report)),
        )
        self.load.stay()

    def operator(self, name: str) -> Operator:
        self.operators.append(Operator(self.directory / "var", name))
        return self.operators[-1]

    def kill(self) -> None:
        for one in self.operators:
            one.close()
        self.load.kill()
        self.gateway.kill()

    def end(self) -> dict[str, Any]:
        """What the load counted, and the gateway ends in order."""
        code, out, err = self.load.end()
        assert code == 0, (out, err)
        self.gateway.signal(signal.SIGTERM)
        code, _, log = self.gateway.end()
        assert (code, "Traceback" in log) == (0, False)
        figures: dict[str, Any] = json.loads(self.report.read_text())["figures"]
        return figures


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    made = Load(tmp_path)
    yield made
    made.kill()


def test_two_operators_commit_at_the_same_time_under_load(load: Load) -> None:
    first = load.operator("third")
    assert first.say("add account both password topsecret") == ""
    assert first.say("commit") == ""
    load.load.says("sending")
    operators = [load.operator(name) for name in ("ada", "bob")]
    for one in operators:
        one.start()
    for one in operators:
        one.join()
    refused = [text for one in operators for _, code, text in one.ended if code]
    assert all(text.startswith(("account both changed meanwhile", "nothing")) for text in refused)
    kept = load.operator("fourth")
    for name in ("ada", "bob"):
        for number in range(ROUNDS):
            assert kept.say(f"show account {name}{number}") == ""
    made = sum(code == "" for one in operators for code, _ in one.of("commit"))
    assert made >= 2 * ROUNDS  # what each has for itself is never refused
    assert kept.say(f"diff {made + 1} {made + 1}") == ""  # one revision for each commit
    assert kept.say(f"diff {made + 2}") == "refused"
    figures = load.end()
    assert figures["accepted"] == figures["sent"] > 0
    for fault in ("lost", "duplicates", "out_of_order", "rejected", "unanswered"):
        assert figures[fault] == 0, fault
