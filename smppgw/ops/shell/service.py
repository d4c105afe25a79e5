"""The shell as one thing that is started and stopped.

Owns: its doors: telnet and SSH listeners, and the socket for this machine.
Refuses to know: when the process starts and stops, commands, and who may log in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from smppgw.core.settings import ShellSettings
from smppgw.ops.audit import Audit
from smppgw.ops.control import listen_here
from smppgw.ops.operators import Operators
from smppgw.ops.shell.host_key import HostKeyError, fingerprint, host_key
from smppgw.ops.shell.local import SOCKET, LocalFactory
from smppgw.ops.shell.sessions import Session, Shell
from smppgw.ops.shell.ssh import SshFactory
from smppgw.ops.shell.telnet import TelnetFactory

log = Logger()


class Doors:
    """The ways into one shell."""

    def __init__(
        self,
        shell: Shell,
        operators: Operators,
        audit: Audit,
        in_thread: Callable[..., Deferred[Any]],
    ) -> None:
        self.ports: list[IListeningPort] = []
        self._shell = shell
        self._operators = operators
        self._audit = audit
        self._telnet = TelnetFactory(shell, operators, audit)
        self._ssh: SshFactory | None = None
        self._local = LocalFactory(shell, audit, in_thread)

        def over(session: Session) -> None:
            audit.logout(session.operator, session, session.reason)

        shell.sessions.over.append(over)

    async def start(
        self,
        reactor: Any,
        directory: Path,
        settings: ShellSettings,
        listen: Callable[[str, Factory], Deferred[IListeningPort]],
    ) -> None:
        """Open the doors; one that cannot be had is logged, messages do not wait for it."""
        try:
            self.ports.append(listen_here(reactor, directory / SOCKET, self._local))
        except Exception as error:
            log.error("shell: {error}; no `smppgw shell`", error=error)
        await self._open("telnet", settings.listen, self._telnet, listen)
        if settings.ssh_listen:
            try:
                key = host_key(directory)
            except (HostKeyError, OSError) as error:
                log.error("shell: {error}; no ssh", error=error)
                return
            log.info("shell: the ssh host key is {key}", key=fingerprint(key))
            self._ssh = SshFactory(self._shell, self._operators, self._audit, key)
            await self._open("ssh", settings.ssh_listen, self._ssh, listen)

    async def _open(
        self,
        door: str,
        endpoints: tuple[str, ...],
        factory: Factory,
        listen: Callable[[str, Factory], Deferred[IListeningPort]],
    ) -> None:
        for endpoint in endpoints:
            try:
                port = await listen(endpoint, factory)
            except Exception as error:
                log.error("shell: {error}; no {door} there", error=error, door=door)
            else:
                self.ports.append(port)
                log.info("shell: {door} at {where}", door=door, where=port.getHost())

    @property
    def places(self) -> list[str]:
        """Where the telnet doors are: `host port`."""
        addresses: list[Any] = [port.getHost() for port in self.ports]
        return [f"{one.host} {one.port}" for one in addresses if hasattr(one, "port")]

    @property
    def empty(self) -> bool:
        """Nobody is connected."""
        ssh = self._ssh is not None and self._ssh.connections
        return not self._telnet.connections and not self._local.connections and not ssh

    async def stop(self) -> None:
        """Close the doors and say goodbye; `cut` ends what is still connected then."""
        ports, self.ports = self.ports, []
        closing = [maybeDeferred(port.stopListening) for port in ports]
        self._shell.sessions.close("the gateway stops")
        await DeferredList(closing, consumeErrors=True)

    def cut(self) -> None:
        """Close every connection now."""
        self._telnet.close()
        self._local.close()
        if self._ssh is not None:
            self._ssh.close()
