"""What an operators' shell has to offer, each of it shown in a running gateway over a raw socket.

The socket is as `nc` has it: it sends lines and answers no option. Messages are real: a simulated
carrier takes them, an independent client submits them. What other folders prove in memory (keys,
widths, limits, crashes) is here once, from end to end.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import PATIENCE, Running

from smppgw.cli import main
from smppgw.ops.operators import NEUTRAL, TRIES

PHONE = "33612345678"
PASSWORD = "correct horse"
CONFIG = """
[gateway]
data_dir = "var"
[smpp]
listen = ["tcp:0:interface=127.0.0.1"]
[shell]
listen = ["tcp:0:interface=127.0.0.1"]
[web]
listen = []
[[accounts]]
system_id = "agg1"
password = "secret"
[[accounts]]
system_id = "agg2"
password = "secret"
[[carriers]]
name = "fr-a"
host = "127.0.0.1"
port = {port}
system_id = "smppgw"
password = "secret"
[[routes]]
carriers = ["fr-a"]
[[numbers]]
address = "38100"
carrier = "fr-a"
account = "agg1"
"""
OPERATOR = """
[[operators]]
name = "{name}"
password = "{password}"
role = "{role}"
accounts = [{accounts}]
"""
OPERATORS = {
    "vera": ("view", ""),
    "otto": ("operate", ""),
    "carl": ("config", ""),
    "ada": ("admin", ""),
    "eve": ("admin", ""),
    "tom": ("operate", '"agg1"'),
}


class Nc:
    """A raw socket with an operator behind it."""

    def __init__(self, port: int, name: str = "ada", password: str = PASSWORD) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.sendall(f"{name}\n{password}\n".encode())
        self.prompt = ""
        self.greeting = self.until(r"smppgw\*?> ")

    def until(self, end: str) -> str:
        """What comes until a pattern ends it."""
        found = b""
        while not re.search(rf"(?:{end})\Z", found.decode(errors="replace"), re.S):
            octets = self.socket.recv(65536)
            if not octets:
                break
            found += octets
        return found.decode(errors="replace")

    def say(self, line: str) -> list[str]:
        """The answer to a line; `prompt` is what comes behind it."""
        self.socket.sendall(f"{line}\n".encode())
        *said, self.prompt = self.until(r"smppgw\*?> ").split("\r\n")
        return said

    def json(self, line: str) -> Any:
        return json.loads("\n".join(self.say(f"{line} | json")))

    def interrupt(self) -> list[str]:
        """Ctrl-C, as telnet says it."""
        self.socket.sendall(b"\xff\xf4")
        return self.until(r"smppgw\*?> ").split("\r\n")[:-1]

    def close(self) -> None:
        self.socket.close()


class House:
    """A gateway, its carrier, and whoever connects."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.visitors: list[Nc] = []
        self.running: list[Running] = []

    def start(self) -> None:
        """The carrier, the gateway, and a link between them."""
        self.carrier = self._run("simulate", "carrier", "--port", "0")
        (*_, line) = self.carrier.says("listening on")
        found = re.search(r":(\d+)", line)
        assert found is not None
        self.carrier.stay()
        # What it says each second is for nobody here.
        threading.Thread(target=self.carrier.process.stdout.read, daemon=True).start()  # type: ignore[union-attr]
        operators = (
            OPERATOR.format(name=name, password=PASSWORD, role=role, accounts=accounts)
            for name, (role, accounts) in OPERATORS.items()
        )
        (self.directory / "gw.toml").write_text(CONFIG.format(port=found[1]) + "".join(operators))
        self.gateway = self._run("run", "-c", "gw.toml")
        said = "\n".join(self.gateway.logs("smppgw runs"))
        self.shell = int(re.search(r"shell: telnet at.*port=(\d+)", said)[1])  # type: ignore[index]
        self.smpp = re.search(r"listening on tcp:(\d+)", said)[1]  # type: ignore[index]
        self.gateway.stay()
        ada = self.operator()
        for _ in range(1000):
            if "up" in " ".join(ada.say("route test 38100 336")):
                return
        raise AssertionError("the carrier did not bind")

    def _run(self, *arguments: str) -> Running:
        self.running.append(Running(*arguments, cwd=self.directory))
        return self.running[-1]

    def operator(self, name: str = "ada", password: str = PASSWORD) -> Nc:
        self.visitors.append(Nc(self.shell, name, password))
        return self.visitors[-1]

    def send(self, account: str = "agg1", to: str = PHONE) -> str:
        """A message by an independent client; its id."""
        arguments = ["send", "--to", to, "--port", self.smpp, "--system-id", account, "--json"]
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "smppgw", *arguments, "--dlr", "a private text"],
            env={**os.environ, "SMPPGW_PASSWORD": "secret"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return str(re.search(r'"([0-9a-f]{16})"', done.stdout)[1])  # type: ignore[index]

    def close(self) -> None:
        for one in self.visitors:
            one.close()
        for running in reversed(self.running):
            running.kill()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("checklist"))
    try:
        house.start()
        yield house
        house.gateway.signal(signal.SIGTERM)
        code, _, log = house.gateway.end()
        assert code == 0
        assert "Traceback" not in log
        assert PHONE not in log
        assert "private text" not in log
    finally:
        house.close()


@pytest.fixture(scope="module")
def sent(house: House) -> str:
    """The id of a message that was delivered."""
    return house.send()


def test_lines_without_negotiation_in_utf_8(house: House) -> None:
    ada = house.operator()
    assert "\x1b" not in ada.greeting
    assert any("é漢" in line for line in ada.say('history "é漢"') + ada.say("history"))
    assert not any("\x1b" in line for line in ada.say("show links"))
    ada.socket.sendall(b"watch 1 show links\n")
    ada.until("every 1.0 s.*fr-a#1.*\n")
    assert ada.interrupt()[-1].startswith("ERR aborted")


def test_history_is_kept_for_the_next_session_without_secrets(house: House) -> None:
    carl = house.operator("carl")
    carl.say("add account keep password topsecret")
    carl.say("discard")
    carl.close()
    said = "\n".join(house.operator("carl").say("history"))
    assert "add account keep password ***" in said
    assert "topsecret" not in said


def test_help_short_words_and_what_may_have_been_meant(house: House) -> None:
    ada = house.operator()
    assert ada.say("sho lin") == ada.say("show links")
    assert ada.say("shw links") == ["ERR unknown there is no 'shw'; did you mean 'show'?"]
    said = "\n".join(ada.say("find ?"))
    assert "usage" in said
    assert "example  find to" in said


def test_what_disturbs_traffic_says_what_it_touches_and_wants_to_be_sure(house: House) -> None:
    otto = house.operator("otto")
    (said,) = otto.say("reset link fr-a#1")
    assert said.startswith("ERR confirm this would unbind link fr-a#1 and bind it again (0 submits")
    assert otto.say("reset link fr-a#1 !")[-1].startswith("link fr-a#1: bound again")


def test_every_look_has_json_and_pipes(house: House, sent: str) -> None:
    ada = house.operator()
    looks = [
        line.split("  ")[0]
        for line in ada.say("help show")
        if line.startswith("show ")
        and line.split()[1] not in {"account", "bind", "carrier", "link"}
    ]
    assert len(looks) > 15
    for look in looks:
        if ada.say(look)[-1:] and ada.say(look)[-1].startswith("ERR usage"):
            continue  # it wants to be told which
        assert ada.json(look) is not None, look
    assert ada.say("show accounts | sort account | head 1 | count") == ["1"]
    assert ada.say("show accounts | csv")[0].startswith("account,")
    assert len(ada.say("show accounts | grep agg1")) <= 2


def test_messages_and_pdus_as_they_happen(house: House) -> None:
    vera, otto = house.operator("vera"), house.operator("otto")
    vera.socket.sendall(b"tail to 33612 account agg1 for 60s\n")
    otto.socket.sendall(b"trace bind fr-a#1 for 60s\n")
    id = house.send()
    seen = vera.until(f"{id}.*DELIVERED.*\n")
    assert "+3361234****" in seen
    assert PHONE not in seen
    traced = otto.until("deliver_sm.*deliver_sm_resp.*\n")
    assert "submit_sm" in traced
    assert "private text" not in traced
    for one in (vera, otto):
        one.interrupt()


def test_a_candidate_of_ones_own_until_it_is_committed(house: House, tmp_path: Path) -> None:
    ada, eve = house.operator("ada"), house.operator("eve")
    ada.say("add account new1 password topsecret")
    assert ada.prompt == "smppgw*> "
    assert "ada edits too" in eve.say("add account new2 password topsecret")[0]
    assert any("new1" in line for line in ada.say("diff"))
    assert not any("new1" in line for line in eve.say("diff"))
    assert "***" in "\n".join(ada.say("diff"))
    assert ada.say("check")[-1] == "ok: commit would do this"
    assert re.fullmatch(r"revision \d+ is in force", ada.say("commit ticket 42")[-1])
    assert ada.prompt == "smppgw> "
    assert eve.say("commit confirm 5")[0].startswith("on top of revision")
    assert eve.say("confirm")[-1].endswith("stays")
    newest, before = ada.json("show commits")[:2]
    assert (before["operator"], before["comment"]) == ("ada", "ticket 42")
    ada.say(f"rollback {before['number'] - 1}")
    assert ada.say("commit")[-1].endswith("is in force")
    assert newest["number"] + 1 == ada.json("show commits")[0]["number"]
    exported = tmp_path / "exported.toml"
    exported.write_text("\n".join(ada.say("export")) + "\n")
    assert main(["check", "-c", str(exported)]) == 0


def test_roles_and_accounts_are_limits(house: House, sent: str) -> None:
    theirs = house.send("agg2", "33699998888")
    for name, may in (("vera", 0), ("otto", 1), ("carl", 2), ("ada", 3)):
        someone = house.operator(name)
        for place, line in enumerate(("release account agg2", "discard", "show operators"), 1):
            denied = someone.say(line)[0].startswith("ERR denied")
            assert denied == (place > may), (name, line)
    tom = house.operator("tom")
    assert [one["account"] for one in tom.json("show accounts")] == ["agg1"]
    assert {one["account"] for one in tom.json("find")} == {"agg1"}
    assert tom.say(f"explain message {theirs}")[0].startswith("ERR refused no message has the id")
    assert tom.say("show links")[0].startswith("ERR denied")


def test_passwords_cannot_be_tried_for_ever(house: House) -> None:
    peer = socket.create_connection(("127.0.0.1", house.shell), PATIENCE)
    with peer:
        peer.sendall(b"vera\nwrong\n" * TRIES)
        said = b""
        while octets := peer.recv(65536):
            said += octets
    assert said.decode(errors="replace").count(NEUTRAL) == TRIES


def test_sessions_are_listed_and_ended(house: House) -> None:
    ada, vera = house.operator(), house.operator("vera")
    number = max(one["session"] for one in ada.json("show sessions") if one["operator"] == "vera")
    assert ada.say(f"kick session {number} !") == [f"session {number} was ended"]
    assert "was ended by ada" in vera.until("never")


def test_everything_is_in_the_audit(house: House) -> None:
    ada = house.operator()
    ada.say("add account audited password topsecret")
    ada.say("discard")
    ada.say("qqzzqq")
    ada.say("discard")  # before which all that was typed is in the file
    said = ada.json("show audit operator ada count 50")
    commands = {one["command"]: one for one in reversed(said)}
    line = commands["add account audited password ***"]
    assert (line["result"], line["from"], line["role"]) == ("ok", "127.0.0.1", "admin")
    assert line["ms"] > 0
    assert line["session"]
    assert commands["..."]["result"] == "ERR unknown", "what is no command may be a secret"
    assert "topsecret" not in (house.directory / "var" / "audit.log").read_text()


def test_where_a_message_is_and_why_it_is_slow(house: House, sent: str) -> None:
    otto = house.operator("otto")
    life = otto.json(f"explain message {sent}")
    assert life["state"] == "DELIVERED"
    assert all(
        life[step] for step in ("accepted", "routed", "sent", "answered", "receipt", "ended")
    )
    assert otto.say("explain slow fr-a")[0] == "carrier fr-a: nothing waits"
    assert otto.json("route test 38100 33612")["groups"]
    assert otto.say("show orphans")[0] == "no receipt without a message"
    assert otto.say('simulate mo +33611111111 38100 "STOP"')[-1:] != []
    assert otto.say("hold carrier fr-a works !")[-1].startswith("carrier fr-a is held")
    assert [one["reason"] for one in otto.json("show decisions")] == ["works"]
    assert otto.say("release carrier fr-a")[-1].startswith("carrier fr-a is released")


def test_a_fault_costs_a_line_and_a_stuck_terminal_nothing(house: House, sent: str) -> None:
    stuck = house.operator()
    stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.socket.sendall(b"help\n" * 300)  # and reads nothing of it
    ada = house.operator()
    assert ada.say("no such thing")[0].startswith("ERR unknown")
    assert ada.say("show links | count") == ["1"]
    assert house.send()
