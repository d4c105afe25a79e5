"""A gateway as a process of its own, for scripts that load, kill and measure it.

Owns: its configuration, its port, its life, and what it costs.
Refuses to know: what is sent through it, and how a script reports.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from playing import Trouble, until
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from smppgw.cli.client import ask
from smppgw.core.passwords import hash_password
from smppgw.core.store.engine import FILE_NAME
from smppgw.simulator.accounting import Accounting
from smppgw.simulator.esme import Load, SimulatedEsme
from smppgw.smpp.net import Handler, SmppProtocol, connect
from smppgw.smpp.session import Session

LOOPBACK = "127.0.0.1"
PASSWORD = "secret"  # noqa: S105 - of a gateway that lives as long as the script
CARRIER = "simulated"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

ACCOUNT = """
[[accounts]]
system_id = "{name}"
password = "{password}"
binds = {binds}
window = {window}
"""
CONFIGURATION = """\
[gateway]
data_dir = "{data_dir}"
[web]
listen = [{web}]
[shell]
listen = [{telnet}]
{operators}
[smpp]
listen = ["tcp:{port}:interface={host}"]
enquire_link = {enquire_link}
{accounts}
[[carriers]]
name = "{carrier}"
host = "{host}"
port = {carrier_port}
system_id = "smppgw"
password = "{password}"
window = {carrier_window}
reconnect = 0.1
max_reconnect = 0.5
[[routes]]
carriers = ["{carrier}"]
{numbers}
"""
OPERATOR = """
[[operators]]
name = "{name}"
password_hash = "{password_hash}"
role = "admin"
"""
NUMBER = """
[[numbers]]
address = "{address}"
carrier = "{carrier}"
account = "{account}"
"""


class ReservedPort:
    """A port of loopback that the system gives to nobody else.

    It is bound here and never listens here: SO_REUSEADDR lets whoever is told the number listen.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((LOOPBACK, 0))
        self.number = int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Give it back."""
        self._socket.close()


def _listener(port: ReservedPort | None) -> str:
    return f'"tcp:{port.number}:interface={LOOPBACK}"' if port else ""


class GatewayProcess:
    """`smppgw run` in a directory of its own (configuration, log, `var`), as often as wanted.

    `number` is one of the first account. With `web` its metrics are at `metrics`, with `operator`
    somebody of that name may log in at `telnet`.
    """

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        carrier_port: int,
        *,
        accounts: tuple[str, ...] = ("load",),
        binds: int = 1,
        window: int = 50,
        carrier_window: int = 50,
        enquire_link: float = 30.0,
        number: str = "",
        web: bool = False,
        operator: str = "",
    ) -> None:
        self.data = directory / "var"
        self.log = directory / "log"
        self._reactor = reactor
        self._port = ReservedPort()
        self._web = ReservedPort() if web else None
        self._telnet = ReservedPort() if operator else None
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration = directory / "smppgw.toml"
        directory.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(
            CONFIGURATION.format(
                data_dir=self.data,
                port=self._port.number,
                host=LOOPBACK,
                enquire_link=enquire_link,
                web=_listener(self._web),
                telnet=_listener(self._telnet),
                operators=OPERATOR.format(name=operator, password_hash=hash_password(PASSWORD))
                if operator
                else "",
                numbers=NUMBER.format(address=number, carrier=CARRIER, account=accounts[0])
                if number
                else "",
                accounts="".join(
                    ACCOUNT.format(name=one, password=PASSWORD, binds=binds, window=window)
                    for one in accounts
                ),
                carrier=CARRIER,
                carrier_port=carrier_port,
                carrier_window=carrier_window,
                password=PASSWORD,
            )
        )
        reactor.addSystemEventTrigger("before", "shutdown", self.close)

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Begin; it is ready when it accepts binds."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "smppgw", "run", "-c", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C on the terminal is for us, who end it in order.
                process_group=0,
            )

    def kill(self) -> None:
        """kill -9; raises Trouble when it had ended by itself."""
        process = self._process
        assert process is not None
        if process.poll() is not None:
            raise Trouble(f"the gateway ended by itself with code {process.returncode}")
        process.kill()
        process.wait()

    async def stop(self, seconds: float = 40.0) -> int:
        """SIGTERM, and its exit code; the reactor runs meanwhile."""
        process = self._process
        assert process is not None
        process.terminate()
        await until(self._reactor, lambda: process.poll() is not None, seconds, "the gateway ends")
        return int(process.returncode)

    def close(self) -> None:
        """Leave nothing behind but files."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for port in (self._port, self._web, self._telnet):
            if port is not None:
                port.close()

    # ------------------------------------------------------------------ what is seen of it

    @property
    def port(self) -> int:
        """Where it accepts binds."""
        return self._port.number

    @property
    def metrics(self) -> str:
        """The address of its metrics."""
        assert self._web is not None
        return f"http://{LOOPBACK}:{self._web.number}/metrics"

    @property
    def telnet(self) -> int:
        """Where operators log in."""
        assert self._telnet is not None
        return self._telnet.number

    @property
    def resident(self) -> int:
        """Octets of its memory that are in RAM."""
        return int(self._proc("statm").split()[1]) * PAGE

    @property
    def cpu(self) -> float:
        """Seconds of user and system time since its start."""
        user, system = self._proc("stat").rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICKS

    @property
    def log_octets(self) -> int:
        """Size of SQLite's log."""
        return (self.data / f"{FILE_NAME}-wal").stat().st_size

    def _proc(self, name: str) -> str:
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/{name}").read_text("ascii")

    def status(self) -> Deferred[Any]:
        """What `smppgw status --json` says."""
        return deferToThread(ask, self.data, "status")

    # ------------------------------------------------------------------ who binds to it

    def esme(self, load: Load, accounting: Accounting | None = None) -> SimulatedEsme:
        """An ESME of the account `load.system_id` (not started)."""
        return SimulatedEsme(load, self._open, self._reactor, accounting)

    def _open(self, session: Session, handler: Handler) -> Deferred[SmppProtocol]:
        return connect(
            self._reactor, LOOPBACK, self._port.number, lambda now: session, handler, timeout=10.0
        )

    async def bound(self, *esmes: SimulatedEsme, seconds: float = 60.0) -> float:
        """Wait until every bind of every ESME stands; the seconds it took."""
        began = self._reactor.seconds()
        await until(
            self._reactor,
            lambda: all(bind.bound for esme in esmes for bind in esme.binds),
            seconds,
            "the gateway accepts binds",
        )
        return float(self._reactor.seconds() - began)
