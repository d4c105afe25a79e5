"""SSH over a real loopback: Conch's client always, and the system's `ssh` where there is one."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from ssh_kit import new_key
from test_ssh_session import Home
from twisted.conch.client.knownhosts import KnownHostsFile
from twisted.conch.endpoints import SSHCommandClientEndpoint
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.python.filepath import FilePath

from smppgw.ops.operators import Operators
from smppgw.ops.shell.host_key import FILE, host_key
from smppgw.ops.shell.sessions import Shell
from smppgw.ops.shell.ssh import SshFactory

REACTOR: Any = reactor


class Place(Home):
    """A house with a real clock and a real port."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        clock = self.clock
        self.shell = Shell(
            self.shell.registry.commands(), REACTOR, self.audit, directory, banner=["welcome"]
        )
        self.operators = Operators(
            lambda: self.configured,
            REACTOR.seconds,
            lambda function, *arguments: succeed(function(*arguments)),
            verify=lambda stored, password: stored == f"H:{password}",
        )
        self.key = host_key(directory)
        self.factory = SshFactory(self.shell, self.operators, self.audit, self.key)  # type: ignore[arg-type]
        assert clock.getDelayedCalls() == []
        self.listening = REACTOR.listenTCP(0, self.factory, interface="127.0.0.1")
        self.port = self.listening.getHost().port


@pytest_twisted.async_yield_fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    yield place
    await place.listening.stopListening()
    place.shell.sessions.close("")
    place.factory.close()
    empty: Deferred[None] = Deferred()

    def look() -> None:
        if place.factory.connections:
            REACTOR.callLater(0.01, look)
        else:
            empty.callback(None)

    look()
    await empty


class Collector(Protocol):
    def __init__(self) -> None:
        self.output = b""
        self.done: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.output += data

    def connectionLost(self, reason: Any = None) -> None:
        self.done.callback(self.output)


@pytest_twisted.ensureDeferred
async def test_conchs_client(place: Place, tmp_path: Path) -> None:
    known = KnownHostsFile(FilePath(str(tmp_path / "known")))
    known.addHostKey(b"127.0.0.1", place.key.public())
    known.verifyHostKey = lambda *_: succeed(True)
    endpoint = SSHCommandClientEndpoint.newConnection(
        REACTOR,
        b"show links",
        b"ops",
        "127.0.0.1",
        port=place.port,
        password=b"right",
        knownHosts=known,
        ui=object(),
    )
    collector = Collector()
    await endpoint.connect(Factory.forProtocol(lambda: collector))
    assert await collector.done == b"fr-a up\n"
    assert place.audit.logins == [("ops", 1, "ssh")]


class Run(ProcessProtocol):
    """A process, what it says, and how it ended; `steps` are (what it has to say, what to type)."""

    def __init__(self, steps: list[tuple[bytes, bytes]]) -> None:
        self.output, self.errors = b"", b""
        self.steps = steps
        self.done: Deferred[int] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.output += data
        while self.steps and self.steps[0][0] in self.output:
            wanted, typed = self.steps.pop(0)
            self.output = self.output[self.output.index(wanted) + len(wanted) :]
            self.transport.write(typed)

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: Any) -> None:
        self.done.callback(reason.value.exitCode)


def openssh(place: Place, directory: Path, *words: str, pty: bool = False, **more: Any) -> Run:
    """The system's client with the key of the operator."""
    program = shutil.which("ssh")
    assert program is not None
    key = directory / "key"
    if not key.exists():
        kind = more.get("kind", "ssh-ed25519")
        key.touch(0o600)
        key.write_bytes(new_key(kind).toString("openssh", subtype="v1"))
        public = (directory / FILE).read_bytes()
        assert public
        line = place.key.public().toString("openssh").decode()
        (directory / "known").write_text(f"[127.0.0.1]:{place.port} {line}\n")
    run = Run(more.get("steps", []))
    options = [
        "-F/dev/null",
        f"-oUserKnownHostsFile={directory / 'known'}",
        "-oStrictHostKeyChecking=yes",
        "-oIdentitiesOnly=yes",
        "-oIdentityAgent=none",
        "-oPasswordAuthentication=no",
        "-oBatchMode=yes",
        f"-i{key}",
        f"-p{place.port}",
    ]
    REACTOR.spawnProcess(
        run, program, [program, *options, *words], env={"TERM": "xterm"}, usePTY=pty
    )
    return run


HAS_OPENSSH = shutil.which("ssh") is not None


if HAS_OPENSSH:

    @pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
    @pytest_twisted.ensureDeferred
    async def test_openssh_carries_out_a_command(place: Place, tmp_path: Path, kind: str) -> None:
        run = openssh(place, tmp_path, "ops@127.0.0.1", "show links", kind=kind)
        status = await run.done
        assert (run.output, run.errors, status) == (b"fr-a up\n", b"", 0)

    @pytest_twisted.ensureDeferred
    async def test_openssh_gets_the_status_of_a_fault(place: Place, tmp_path: Path) -> None:
        run = openssh(place, tmp_path, "ops@127.0.0.1", "drop it")
        status = await run.done
        assert (run.output, status) == (b"", 1)
        assert run.errors == b"ERR refused the carrier is away\n"

    @pytest_twisted.ensureDeferred
    async def test_openssh_gets_much(place: Place, tmp_path: Path) -> None:
        run = openssh(place, tmp_path, "ops@127.0.0.1", "show much")
        assert await run.done == 0
        assert len(run.output) == 2_000_000

    @pytest_twisted.ensureDeferred
    async def test_a_terminal_over_openssh(place: Place, tmp_path: Path) -> None:
        run = openssh(
            place,
            tmp_path,
            "-tt",
            "ops@127.0.0.1",
            pty=True,
            steps=[(b"smppgw> ", b"show li\t\r"), (b"fr-a up", b"exit\r"), (b"> ", b"\x04")],
        )
        assert await run.done == 0
        assert run.steps == []

    @pytest_twisted.ensureDeferred
    async def test_openssh_forwards_nothing(place: Place, tmp_path: Path) -> None:
        run = openssh(
            place, tmp_path, "-oExitOnForwardFailure=yes", "-R0:127.0.0.1:1", "-N", "ops@127.0.0.1"
        )
        assert await run.done != 0
        assert b"forwarding failed" in run.errors

    @pytest_twisted.ensureDeferred
    async def test_openssh_has_no_sftp(place: Place, tmp_path: Path) -> None:
        run = openssh(place, tmp_path, "-s", "ops@127.0.0.1", "sftp")
        assert await run.done != 0
        assert b"subsystem request failed" in run.errors
