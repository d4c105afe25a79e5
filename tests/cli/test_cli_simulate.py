"""`smppgw simulate carrier`: a process of its own, and what it says."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cli_kit import Running
from twisted.internet.task import Clock

from smppgw.cli import main
from smppgw.cli.output import FAULT, OK, USAGE, WIDTH
from smppgw.cli.simulate import changed, line, state
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.personas import PERSONAS
from smppgw.simulator.phones import Phones, Population

CARRIER = ("simulate", "carrier", "--port", "0")


@pytest.fixture
def running() -> Iterator[Any]:
    """Starts processes, and leaves none behind."""
    started = []

    def start(*arguments: str) -> Running:
        started.append(Running(*CARRIER, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.kill()


# ---------------------------------------------------------------------- the process


def test_it_takes_a_message_and_ends_in_order(running: Any, tmp_path: Path, capsys: Any) -> None:
    process = running("--json", "--persona", "hex-ids", "--seed", "7")
    about = json.loads(process.says("port")[-1])
    port = about.pop("port")
    assert about == {"persona": "hex-ids", "seed": 7, "host": "127.0.0.1", "phones": 0}
    (tmp_path / "password").write_text("whatever\n")
    to = ("--host", "127.0.0.1", "--port", str(port), "--system-id", "anybody")
    secret = ("--password-file", str(tmp_path / "password"))
    assert main(("send", *to, *secret, "--to", "33600000001", "--from", "38100", "Hello")) == OK
    # What a carrier with this seed gives to its first message, whenever that comes.
    number = Random(7).randrange(10**8, 10**9) + 1
    assert f"{number:x}" in capsys.readouterr().out
    said = json.loads(process.says('"taken": 1')[-1])
    assert said["refused"] == 0
    process.signal(signal.SIGTERM)
    code, out, err = process.end()
    assert code == OK
    assert err == ""
    last = json.loads(out.splitlines()[-1])
    assert (last["taken"], last["binds"], last["answers_due"]) == (1, 0, 0)


def test_options_replace_what_the_persona_has() -> None:
    hex_ids = PERSONAS["hex-ids"].behaviour
    asked = Namespace(unbind_after=None, window=None)
    assert changed(hex_ids, asked) == hex_ids
    asked = Namespace(unbind_after=3.0, window=500)
    wide = changed(hex_ids, asked)
    assert (wide.unbind_after, wide.delivery_window) == (3.0, 500)
    assert wide.message_id == hex_ids.message_id


def test_it_says_what_it_does_line_by_line(running: Any) -> None:
    process = running("--persona", "french", "--phones", "3", "--every", "0.2")
    said = process.says("mos")
    assert said[0].startswith("french: ")
    assert any("listening on 127.0.0.1:" in one and "seed 1" in one for one in said)
    assert any("33600000001 to 33600000003" in one and "38100" in one for one in said)
    assert "binds 0" in said[-1]
    process.signal(signal.SIGINT)
    code, out, err = process.end()
    assert (code, err) == (OK, "")
    assert out.splitlines()[-1] == "stopped"
    assert all(len(one) <= WIDTH for one in said)


def test_it_ends_when_a_peer_does_not_answer_and_at_once_when_told_twice(running: Any) -> None:
    process = running("--json")
    port = json.loads(process.says("port")[-1])["port"]
    with socket.create_connection(("127.0.0.1", port)) as peer:
        bind = b"\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x01me\x00pw\x00\x00\x34\x00\x00\x00"
        peer.sendall((len(bind) + 4).to_bytes(4, "big") + bind)
        process.says('"binds": 1')
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGINT)
        code, _, err = process.end()
    assert (code, err) == (OK, "")


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = Running("simulate", "carrier", "--port", str(port))
        code, out, err = process.end()
    assert code == FAULT
    assert out == ""
    assert err.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("interface", ["nowhere.invalid", "a" * 70, "8.8.8.8"])
def test_an_interface_that_is_none(interface: str) -> None:
    code, out, err = Running(*CARRIER, "--interface", interface).end()
    assert (code, out) == (FAULT, "")
    assert err.startswith(f"cannot listen on {interface}:0: ")
    assert len(err.splitlines()) == 1


def test_it_ends_when_nobody_reads_what_it_says(running: Any) -> None:
    """`smppgw simulate carrier | head -1` leaves no process behind that only kill -9 would end."""
    process = running()
    process.says("listening")
    process.process.stdout.close()
    assert process.process.wait() == FAULT
    assert process.process.stderr.read() == ""


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_it_ends_when_what_it_says_cannot_be_written(arguments: tuple[str, ...]) -> None:
    command = (sys.executable, "-m", "smppgw", *CARRIER, *arguments)
    with open("/dev/full", "w") as full:
        done = subprocess.run(  # noqa: S603
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=30
        )
    assert done.stderr.splitlines()[0] == "cannot say what it does: No space left on device"
    assert done.returncode != OK


# ---------------------------------------------------------------------- the command line


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("simulate", "carrier", "--persona", "list")) == OK
    out = capsys.readouterr().out
    assert [one.split()[0] for one in out.splitlines() if one[0] != " "] == list(PERSONAS)
    assert max(map(len, out.splitlines())) <= WIDTH
    assert main(("simulate", "carrier", "--persona", "list", "--json")) == OK
    found = json.loads(capsys.readouterr().out)
    assert found == {name: persona.about for name, persona in PERSONAS.items()}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--persona", "helthy"), "no persona 'helthy'; there are: healthy, "),
        (("--answers", "é" * 40_000), "--answers "),
        (("--answers", " , "), "no text is left"),
        (("--phones", "-1"), "'-1' is no number of phones"),
        (("--phones", "many"), "'many' is no number of phones"),
        (("--every", "0"), "no number of seconds"),
        (("--every", "nan"), "no number of seconds"),
        (("--every", "1e-9"), "0.001 seconds at least"),
        (("--number", "1" * 21), "no number of at most 20 digits"),
        (("--number", "12\n34"), "no number of at most 20 digits"),
        (("--number", "é"), "no number of at most 20 digits"),
        (("--port", "65536"), "is no port"),
        (("--persona", ""), "no persona ''; there are: healthy, "),
        (("--unbind-after", "-1"), "no number of seconds"),
        (("--seed", "x"), "invalid int value"),
        (("--window", "0"), "'0' is no window, from 1 to 10000"),
        (("--window", "all"), "'all' is no window"),
        (("--window", "10001"), "is no window"),
    ],
)
def test_what_cannot_be_run(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main((*CARRIER, *arguments))
    except SystemExit as end:
        code = int(str(end.code))
    assert code == USAGE
    (said,) = capsys.readouterr().err.splitlines()
    assert reason in said


# ---------------------------------------------------------------------- one line


def test_the_line_shows_what_has_grown() -> None:
    clock = Clock()
    carrier = SimulatedCarrier(Behaviour(stop_words=("STOP",)), clock, Random(1))
    phones = Phones(carrier, Random(1), Population(count=1, answers=("STOP",)))
    phones.start()
    clock.advance(1.0)
    clock.advance(1.0)
    now = state(carrier, phones)
    assert (now["mos"], now["to_deliver"], now["planned"], now["stopped"]) == (2, 2, 0, 1)
    assert line(2.0, now, {"mos": 1}) == (
        "     2 s  binds 0  taken 0  refused 0  delivered 0  to deliver 2  mos 2 (+1)  stopped 1"
    )
    carrier.stop()
    assert state(carrier, None)["to_deliver"] == 0
