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

from smppgw.core.account_settings import AccountSettings
from smppgw.core.auth import Authenticator
from smppgw.core.esme import EsmeBind
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
from smppgw.ops.control import Control, Desk
from smppgw.ops.life import message
from smppgw.ops.rates import Rates
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

LAST_COMMIT = 2.0
"""Seconds that the disk has for what the goodbyes left; the journal keeps what it does not take."""

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

    Raises what `Engine` raises when the data directory cannot be used.
    """

    def __init__(self, reactor: Any, settings: Settings) -> None:
        self.reactor = reactor
        self.settings = settings
        engine = Engine(Path(settings.gateway.data_dir))
        synchronizer = ProcessSynchronizer(reactor, engine.descriptors)
        self.store = Store(engine, reactor, synchronizer)
        self.relay = Relay(settings, self.store, reactor, TcpConnector(reactor), SystemRandom())
        self.slot = Slot(self.relay, FEATURES)
        self.ports: list[IListeningPort] = []
        self.checkpointer = Checkpointer(self.store, reactor, self._in_thread)
        self.rates = Rates(self.relay.counters, reactor)
        self.shutdown = Shutdown(self.relay, reactor)
        desk = Desk(self.relay, self.rates, self._in_thread, shutdown=self.shutdown)
        self.control = Control(reactor, engine.directory, desk, COMMANDS)
        self.web = Web(self.relay, reactor, self._in_thread, lambda: self._closed)
        self.log_changed: Callable[[LogSettings], list[str]] = lambda settings: []
        """Takes new settings of the log and says in words what came of them."""
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
            self.control.start()
            for endpoint in self.settings.smpp.listen:
                self.ports.append(await listen(self.reactor, endpoint, self.factory))
        except BaseException:
            await self._close_doors()
            self.store.stop()
            raise
        self.relay.start()
        self.slot.start()
        self.checkpointer.start()
        self.rates.start()
        self._closed = ""
        await self.web.start(
            self.settings.web.listen,
            lambda endpoint, doors: server_endpoint(self.reactor, endpoint).listen(doors),
        )

    async def reload(self, settings: Settings) -> list[str]:
        """Take over new settings while messages move; says in words what came of each change.

        The log, routes, numbers, accounts and carriers change now, the rest at the next start (see
        `core.reload`). A second call waits for the first.
        """
        await self._reloading.acquire()
        try:
            self.settings = evolve(
                settings,
                gateway=self.settings.gateway,
                smpp=self.settings.smpp,
                shell=self.settings.shell,
                web=self.settings.web,
            )
            said = self.log_changed(settings.log)
            return said + await self._reload.apply(settings)
        finally:
            self._reloading.release()

    async def _close_doors(self) -> None:
        closing = [maybeDeferred(port.stopListening) for port in self.ports]
        await DeferredList([*closing, self.control.stop()])

    async def stop(self) -> bool:
        """Stop in order; False when answers were still missing at the deadline (drain_timeout)."""
        relay = self.relay
        self._closed = "the gateway stops"
        self.shutdown.stop()
        for bind in self._bound():
            bind.pause(True)
        await self._close_doors()
        self.rates.stop()
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
