"""Composition: settings -> objects, started in order, drained and stopped in order.

Owns: the whole process of `smppgw run`.
Refuses to know: how settings are read, and what the command line looks like.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import Any

from attrs import evolve
from twisted.internet import task
from twisted.internet.defer import Deferred, DeferredList, DeferredLock, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from smppgw._version import __version__
from smppgw.core.account_settings import AccountSettings
from smppgw.core.auth import Authenticator
from smppgw.core.consequences import operator_changes
from smppgw.core.esme import EsmeBind
from smppgw.core.http_post import Poster
from smppgw.core.link import Link
from smppgw.core.plugin import FeatureFactory
from smppgw.core.relay import Relay
from smppgw.core.reload import Reload
from smppgw.core.settings import CarrierSettings, LogSettings, Settings
from smppgw.core.slot import Slot
from smppgw.core.store.checkpoint import Checkpointer
from smppgw.core.store.engine import Engine
from smppgw.core.store.group_commit import Store
from smppgw.core.store.synchronizer import ProcessSynchronizer
from smppgw.features.keywords import Keywords
from smppgw.features.microblog import Microblog
from smppgw.ops.audit import Audit
from smppgw.ops.config import Loaded
from smppgw.ops.control import Control
from smppgw.ops.desk import Desk
from smppgw.ops.life import message
from smppgw.ops.operators import Operators, first_operator
from smppgw.ops.rates import Rates
from smppgw.ops.revisions import Configuration, EditError
from smppgw.ops.shell.commands import all_commands
from smppgw.ops.shell.commands.audit import audit_commands
from smppgw.ops.shell.commands.sessions import session_commands
from smppgw.ops.shell.service import Doors
from smppgw.ops.shell.sessions import Session as ShellSession
from smppgw.ops.shell.sessions import Shell
from smppgw.ops.shutdown import Shutdown
from smppgw.ops.status import status
from smppgw.ops.web import Web
from smppgw.smpp.net import (
    Handler,
    SmppProtocol,
    SmppServerFactory,
    connect,
    listen,
    server_endpoint,
    tls_client_options,
)
from smppgw.smpp.session import Role, Session, Timing

CARRIER_GOODBYE = 5.0
"""Seconds that carriers have to answer our unbind at a stop."""
ESME_GOODBYE = 2.0
"""Seconds that ESMEs have to answer our unbind at a stop."""

SHELL_GOODBYE = 1.0
"""Seconds that terminals have to take our last words at a stop."""

LAST_COMMIT = 2.0
"""Seconds that the disk has for what the goodbyes left; the journal keeps what it does not take."""

BANNER = (f"smppgw {__version__}; help says what there is, ? what can come next",)
"""What a terminal of the shell shows first."""

COMMANDS = {"status": status, "message": message}
"""What the control socket answers."""

FEATURES: tuple[FeatureFactory, ...] = (Keywords, Microblog)
"""The features, in the order in which they see messages from phones."""

log = Logger()


class TcpConnector:
    """Opens connections to carriers over TCP or TLS."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connect(
        self, settings: CarrierSettings, host: str, port: int, session: Session, handler: Handler
    ) -> Deferred[SmppProtocol]:
        """Connect within the carrier's bind_timeout; errback with the reason."""
        tls = None
        if settings.tls:
            tls = tls_client_options(host, settings.tls_ca, settings.tls_cert)
        return connect(
            self._reactor,
            host,
            port,
            lambda now: session,
            handler,
            tls=tls,
            timeout=settings.bind_timeout,
        )


class Gateway:
    """One running gateway.

    `file` is where `settings` were read; None when a program made them. What operators committed
    is merged with them. Raises what `Engine` raises when the data directory cannot be used.
    """

    def __init__(self, reactor: Any, settings: Settings, file: Loaded | None = None) -> None:
        self.reactor = reactor
        engine = Engine(Path(settings.gateway.data_dir))
        synchronizer = ProcessSynchronizer(reactor, engine.descriptors)
        self.store = Store(engine, reactor, synchronizer)
        self.configuration = Configuration(
            file or Loaded.of(settings), self.store, reactor, self.reload
        )
        self.settings = settings = self.configuration.settings
        self.relay = Relay(settings, self.store, reactor, TcpConnector(reactor), SystemRandom())
        self.slot = Slot(self.relay, FEATURES, self._in_thread, Poster(reactor).post)
        self.ports: list[IListeningPort] = []
        self.checkpointer = Checkpointer(self.store, reactor, self._in_thread)
        self.rates = Rates(self.relay.counters, reactor)
        self.shutdown = Shutdown(self.relay, reactor)
        self.desk = Desk(self.relay, self.rates, self._in_thread, self.configuration, self.shutdown)
        self.control = Control(reactor, engine.directory, self.desk, COMMANDS)
        shell = settings.shell
        self.audit = Audit(
            engine.directory,
            reactor,
            self._in_thread,
            shell.audit_size * 1024 * 1024,
            shell.audit_files,
        )
        self.operators = Operators(
            lambda: self.settings.operators, reactor.seconds, self._in_thread
        )
        self.shell = self._make_shell()
        self.doors = Doors(self.shell, self.operators, self.audit, self._in_thread)
        self.web = Web(self.relay, reactor, self._in_thread, lambda: self._closed)
        self.log_changed: Callable[[LogSettings], list[str]] = lambda settings: []
        """Takes new settings of the log and says in words what came of them."""
        self.tell_password: Callable[[str], None] = lambda password: None
        """Takes the password of an operator that is made at this start, before it counts."""
        self._closed = "the gateway starts"
        """Why messages are not accepted; \"\" while they are."""
        self._reload = Reload(self.relay, settings, reactor)
        self._reloading = DeferredLock()
        self._authenticator = Authenticator(
            self._account,
            reactor.seconds,
            self._in_thread,
            hide_bind_reason=settings.smpp.hide_bind_reason,
        )
        smpp = settings.smpp
        self.factory = SmppServerFactory(
            self._session,
            self._handler,
            reactor,
            smpp.max_connections,
        )
        self._timing = Timing(
            session_init=smpp.session_init_timeout,
            enquire_link=smpp.enquire_link,
            inactivity=smpp.inactivity_timeout,
            response=smpp.response_timeout,
            pdu=smpp.pdu_timeout,
        )

    def _make_shell(self) -> Shell:
        """The shell with the commands of the gateway, of its features and of the shell itself."""
        editors = self.configuration.editors
        shell = Shell(
            all_commands(self.desk),
            self.reactor,
            self.audit,
            self.store.engine.directory,
            dirty=editors.dirty,
            banner=BANNER,
        )

        def forget(session: ShellSession) -> None:
            editors.discard(session)

        shell.sessions.over.append(forget)
        for more in (session_commands(shell), audit_commands(self.audit)):
            shell.registry.add(more)
        for feature in self.slot.features:
            shell.registry.add(feature.commands())
        return shell

    def _in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), function, *arguments)

    def _account(self, system_id: str) -> AccountSettings | None:
        account = self.relay.accounts.get(system_id)
        return None if account is None else account.settings

    def _session(self, now: float) -> Session:
        return Session(
            Role.MC,
            window=1,
            timing=self._timing,
            now=now,
            max_length=self.settings.smpp.max_pdu_length,
        )

    def _handler(self) -> EsmeBind:
        return EsmeBind(self.relay, self.settings.smpp, self._authenticator.check)

    def _bound(self) -> list[EsmeBind]:
        return [bind for account in self.relay.accounts.values() for bind in account.binds]

    async def start(self) -> None:
        """Open the listeners and bind to the carriers.

        Raises OSError or CannotListenError when a listener cannot be opened; nothing goes on then
        and the store is closed.
        """
        # What exists now stays for good: full collections need not look at it again.
        gc.collect()
        gc.freeze()
        # Messages have no cycles: looking through the young ones often only costs time.
        gc.set_threshold(50_000, 50, 1_000)
        try:
            self.configuration.begin()
            self.control.start()
            # First of all: who has to find out what is wrong can come in.
            await self.doors.start(
                self.reactor,
                Path(self.settings.gateway.data_dir),
                self.settings.shell,
                lambda endpoint, doors: server_endpoint(self.reactor, endpoint).listen(doors),
            )
            for endpoint in self.settings.smpp.listen:
                self.ports.append(await listen(self.reactor, endpoint, self.factory))
        except BaseException:
            self.configuration.stop()
            await self._close_doors()
            await self._close_shell()
            self.store.stop()
            raise
        self.relay.start()
        self.slot.start()
        self.checkpointer.start()
        self.rates.start()
        self.desk.looks.start()
        self._closed = ""
        await self.web.start(
            self.settings.web.listen,
            lambda endpoint, doors: server_endpoint(self.reactor, endpoint).listen(doors),
        )
        await self._first_operator()

    async def _first_operator(self) -> None:
        """Make an operator, durably, when nobody could come in otherwise.

        Its password is told first: a kill -9 between the two leaves no operator whose password
        nobody knows, and the next start makes another.
        """
        shell = self.settings.shell
        if self.settings.operators or not (shell.listen or shell.ssh_listen):
            return
        operator, password = await self._in_thread(first_operator)
        values = {"password_hash": operator.password_hash, "role": operator.role}
        try:
            self.tell_password(password)
            self.configuration.edit(
                self, "smppgw", lambda candidate: candidate.add("operator", operator.name, values)
            )
            await self.configuration.commit(self, "smppgw", "the first operator")
        except (EditError, OSError) as error:
            self.configuration.editors.discard(self)
            log.error(
                "no first operator could be made, a password that was told is none: {error}; the "
                "next start tries again",
                error=error,
            )

    async def reload(self, settings: Settings) -> list[str]:
        """Take over new settings while messages move; says in words what came of each change.

        Files and commits come here through `configuration`, which merges and remembers them.

        The log, routes, numbers, accounts and carriers change now, the rest at the next start (see
        `core.reload`). A second call waits for the first.
        """
        await self._reloading.acquire()
        try:
            operators = [str(one) for one in operator_changes(self.settings, settings)]
            self.settings = evolve(
                settings,
                gateway=self.settings.gateway,
                smpp=self.settings.smpp,
                shell=self.settings.shell,
                web=self.settings.web,
            )
            if operators:  # soon, and not within the line that changed them
                self.reactor.callLater(0, self.shell.sessions.review, self.operators.now)
            said = self.log_changed(settings.log)
            return said + await self._reload.apply(settings) + operators
        finally:
            self._reloading.release()

    async def _close_doors(self) -> None:
        closing = [maybeDeferred(port.stopListening) for port in self.ports]
        await DeferredList([*closing, self.control.stop()])

    async def _close_shell(self) -> None:
        await self.doors.stop()
        await self._until(lambda: self.doors.empty, SHELL_GOODBYE)
        self.doors.cut()
        await self._within(self.audit.stop(), LAST_COMMIT)

    async def stop(self) -> bool:
        """Stop in order; False when answers were still missing at the deadline (drain_timeout)."""
        relay = self.relay
        self._closed = "the gateway stops"
        self.shutdown.stop()
        for bind in self._bound():
            bind.pause(True)
        await self._close_doors()
        self.configuration.stop()
        self.rates.stop()
        self.desk.looks.stop()
        self._reload.stop()
        self.slot.stop()
        relay.scheduler.stop()
        carriers = [*relay.carriers.values(), *relay.leaving]
        for carrier in carriers:
            carrier.every_link(Link.drain)
        drained = await self._until(
            lambda: (
                not any(carrier.in_flight for carrier in carriers)
                and not any(bind.unanswered for bind in self._bound())
            ),
            self.settings.gateway.drain_timeout,
        )
        await self._say_goodbye()
        await self.web.stop()
        await self._close_shell()
        relay.pace.stop()
        for account in relay.accounts.values():
            account.stop()
        for carrier in carriers:
            carrier.stop()
        checkpoint = self.checkpointer.stop()
        if checkpoint is not None:
            await checkpoint
        last: Deferred[None] = Deferred()
        self.store.when_durable(lambda: last.callback(None))
        await self._within(last, LAST_COMMIT)
        self.store.stop()
        return drained

    async def _say_goodbye(self) -> None:
        """Unbind from the carriers, then from the ESMEs; who does not answer is cut off."""
        relay = self.relay
        goodbyes = [link.stop() for carrier in relay.carriers.values() for link in carrier.links]
        await self._within(DeferredList(goodbyes), CARRIER_GOODBYE)
        # A reload in progress unbinds what it takes out itself.
        await self._until(lambda: not relay.leaving, CARRIER_GOODBYE)
        # Whoever is told goodbye may not wait for answers any more: what still comes is refused.
        relay.settings = evolve(relay.settings, max_queue=0)
        for bind in self._bound():
            bind.close("the gateway stops")
            bind.pause(False)  # its answer to that has to be read
        await self._until(lambda: not self.factory.connections, ESME_GOODBYE)
        for connection in list(self.factory.connections):
            connection.abort("the gateway stops")

    async def _until(self, condition: Any, seconds: float) -> bool:
        end = self.reactor.seconds() + seconds
        while not condition():
            if self.reactor.seconds() >= end:
                return False
            await task.deferLater(self.reactor, 0.02)
        return True

    async def _within(self, waiting: Deferred[Any], seconds: float) -> None:
        waiting.addTimeout(seconds, self.reactor)
        try:
            await waiting
        except Exception as error:  # a carrier that does not answer, a disk that does not write
            log.debug("stop: {error}", error=error)
