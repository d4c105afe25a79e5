"""The doors of the shell with SSH among them: opened, counted, closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_twisted
from ssh_kit import Logins
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs

from smppgw.core.settings import ShellSettings
from smppgw.ops.operators import Operators
from smppgw.ops.shell.host_key import FILE
from smppgw.ops.shell.service import Doors
from smppgw.ops.shell.sessions import Shell

REACTOR: Any = reactor
ANY = "tcp:0:interface=127.0.0.1"


class Listener(Protocol):
    def __init__(self) -> None:
        self.heard = b""
        self.greeted: Deferred[None] = Deferred()
        self.over: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if not self.greeted.called:
            self.greeted.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        self.over.callback(None)


def at_once(function: Any, *arguments: Any) -> Deferred[Any]:
    return succeed(function(*arguments))


async def doors_of(directory: Path, settings: ShellSettings) -> tuple[Doors, list[str]]:
    """Doors that were opened, and what the log said of it."""
    audit: Any = Logins()
    shell = Shell([], REACTOR, audit, directory)
    operators = Operators(tuple, REACTOR.seconds, at_once)
    doors = Doors(shell, operators, audit, at_once)
    with capturedLogs() as captured:
        await doors.start(
            REACTOR,
            directory,
            settings,
            lambda endpoint, factory: serverFromString(REACTOR, endpoint).listen(factory),
        )
    return doors, [one["log_format"].format(**one) for one in captured if "shell:" in str(one)]


async def close(doors: Doors) -> None:
    await doors.stop()
    doors.cut()
    while not doors.empty:
        await deferLater(REACTOR, 0.01)


@pytest_twisted.ensureDeferred
async def test_telnet_alone_unless_asked_for(tmp_path: Path) -> None:
    doors, said = await doors_of(tmp_path, ShellSettings(listen=(ANY,)))
    assert len(doors.places) == 1
    assert not (tmp_path / FILE).exists()
    assert not any("ssh" in line for line in said)
    await close(doors)


@pytest_twisted.ensureDeferred
async def test_ssh_says_which_key_it_has_and_greets(tmp_path: Path) -> None:
    doors, said = await doors_of(tmp_path, ShellSettings(listen=(), ssh_listen=(ANY,)))
    assert (tmp_path / FILE).exists()
    assert any("ssh host key is SHA256:" in line for line in said)
    (place,) = doors.places
    endpoint = TCP4ClientEndpoint(REACTOR, "127.0.0.1", int(place.split()[1]))
    client = await endpoint.connect(Factory.forProtocol(Listener))
    await client.greeted
    assert client.heard.startswith(b"SSH-2.0-smppgw\r\n")
    assert not doors.empty
    await close(doors)
    await client.over


@pytest_twisted.ensureDeferred
async def test_a_key_that_others_may_read_costs_ssh_only(tmp_path: Path) -> None:
    (tmp_path / FILE).touch(0o644)
    doors, said = await doors_of(tmp_path, ShellSettings(listen=(ANY,), ssh_listen=(ANY,)))
    assert len(doors.places) == 1
    assert any("is open to others" in line and line.endswith("no ssh") for line in said)
    await close(doors)


@pytest_twisted.ensureDeferred
async def test_a_port_that_is_taken_costs_that_listener_only(tmp_path: Path) -> None:
    taken = await serverFromString(REACTOR, ANY).listen(Factory.forProtocol(Listener))
    endpoint = f"tcp:{taken.getHost().port}:interface=127.0.0.1"
    doors, said = await doors_of(tmp_path, ShellSettings(listen=(), ssh_listen=(endpoint, ANY)))
    assert len(doors.places) == 1
    assert any(line.endswith("no ssh there") for line in said)
    await close(doors)
    await taken.stopListening()
