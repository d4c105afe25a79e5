"""One bind (or one of a pair) at a carrier: connect, bind, lose it, try again.

Owns: the connection's life and when to try the next one.
Refuses to know: what travels on it (see `link`) and how octets do (see `smpp.net`).

    idle -> connecting -> binding -> bound -> draining -> idle
                ^             |        |
                +-- waiting <-+--------+      (back-off with jitter; longer when refused)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.settings import CarrierSettings
from smppgw.core.status import status_text
from smppgw.smpp import wire
from smppgw.smpp.net import Handler, SmppProtocol, Tap, connect_error
from smppgw.smpp.session import BOUND, Event, Pending, Role, Session, Timing

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier

CREDENTIALS = frozenset({0x0E, 0x0F, 0x53})
"""Bind answers that trying again soon cannot change: password, system_id, system_type."""

log = Logger()


class LinkState(Enum):
    """Where a link is; the names are what operators read."""

    IDLE = "idle"
    CONNECTING = "connecting"
    BINDING = "binding"
    BOUND = "bound"
    DRAINING = "draining"
    WAITING = "waiting"
    REFUSED = "refused"


class Connector(Protocol):
    """Opens connections to carriers."""

    def connect(
        self, settings: CarrierSettings, host: str, port: int, session: Session, handler: Handler
    ) -> Deferred[SmppProtocol]:
        """Connect within the carrier's bind_timeout, or fail with what says why not."""


class Binding(ABC):
    """Keeps one bind of `kind` (transceiver, transmitter or receiver) up."""

    def __init__(
        self,
        carrier: Carrier,
        kind: str,
        name: str,
        connector: Connector,
        clock: IReactorTime,
        random: Random,
    ) -> None:
        self.carrier = carrier
        self.kind = kind
        self.name = name
        self._state = LinkState.IDLE
        self.reason = ""
        """Why it is not bound."""
        self.next_attempt = 0.0
        """When it connects again, or sends another probe."""
        self.bound_at = 0.0
        self.place = ("", 0)
        """Host and port of the last attempt."""
        self.taps: tuple[Tap, ...] = ()
        """Who watches its connections, the next ones too."""
        self._connector = connector
        self._clock = clock
        self._random = random
        self._protocol: SmppProtocol | None = None
        self._session: Session | None = None
        self._timer: IDelayedCall | None = None
        self._failures = 0
        self._attempts = 0
        self._writable = True
        self._wanted = False
        self._drained: list[Deferred[None]] = []

    @property
    def state(self) -> LinkState:
        """Where the link is."""
        return self._state

    @state.setter
    def state(self, state: LinkState) -> None:
        self._state = state
        self.carrier.refresh()

    @property
    def protocol(self) -> SmppProtocol | None:
        """Its connection, while it stands."""
        return self._protocol

    @property
    def full_window(self) -> int:
        """Unanswered submits that the settings allow; 0 for a receiver."""
        return 0 if self.kind == "receiver" else self.carrier.settings.window

    def start(self) -> None:
        """Bind, and bind again whenever the bind is lost; one that unbinds does so first."""
        self._wanted = True
        if self.state in (LinkState.IDLE, LinkState.WAITING, LinkState.REFUSED):
            self._connect()

    def _connect(self) -> None:
        self._cancel_timer()
        settings = self.carrier.settings
        places = settings.addresses
        self.place = places[self._attempts % len(places)]
        self._attempts += 1
        self.state = LinkState.CONNECTING
        now = self._clock.seconds()
        session = self._session = Session(
            Role.ESME,
            window=max(1, self.full_window),
            timing=Timing(
                session_init=settings.bind_timeout,
                enquire_link=settings.enquire_link,
                inactivity=10 * settings.enquire_link,
                response=settings.response_timeout,
                pdu=10.0,
            ),
            now=now,
            interface_version=settings.interface_version,
        )
        attempt = maybeDeferred(self._connector.connect, settings, *self.place, session, self)
        attempt.addErrback(self._not_connected)

    def _not_connected(self, failure: Failure) -> None:
        self._lost_bind("cannot connect to {}:{}: {}".format(*self.place, connect_error(failure)))

    def connected(self, protocol: SmppProtocol) -> None:
        """The connection is there: ask to be bound."""
        self._protocol = protocol
        protocol.taps = self.taps
        if not self._wanted:  # stopped while it was being made
            protocol.close("stopped")
            return
        self.state = LinkState.BINDING
        self._writable = True
        assert self._session is not None  # noqa: S101
        protocol.send(self._session.bind(self.carrier.outgoing.bind(self.kind)))
        protocol.flush()

    def _bind_answered(self, answer: wire.PDU) -> None:
        status = answer.command_status
        if status == 0 and not isinstance(answer, wire.GenericNack):
            self.state = LinkState.BOUND
            self.reason = ""
            self.bound_at = self._clock.seconds()
            self._failures = 0
            log.info(
                "carrier {link}: bound as {kind} at {host}",
                link=self.name,
                kind=self.kind,
                host=self.place[0],
            )
            self.pause(self.carrier.store.congested)
            self.carrier.pump()
            return
        self.reason = f"bind refused: {status_text(status)}"
        self.carrier.measures.binds_refused.count(status, self._clock.seconds())
        if status in CREDENTIALS:
            self.state = LinkState.REFUSED
        if self._protocol is not None:
            self._protocol.close(self.reason)

    def pause(self, paused: bool) -> None:
        """Stop or go on reading from the carrier."""
        if self._protocol is not None:
            (self._protocol.pause if paused else self._protocol.resume)("congestion")

    def writable(self, protocol: SmppProtocol, can: bool) -> None:
        """The peer reads again, or not any more."""
        self._writable = can
        self.carrier.refresh()
        if can:
            self.carrier.pump()

    @abstractmethod
    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """What the session has to say, in order."""

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone."""
        self._protocol = self._session = None
        self._lost_bind(self.reason or reason)

    def _lost_bind(self, reason: str) -> None:
        refused = self.state is LinkState.REFUSED
        self.reason = reason
        if self._drained or not self._wanted:
            self.state = LinkState.IDLE
            waiting, self._drained = self._drained, []
            for waiter in waiting:
                waiter.callback(None)
            if self._wanted and self.state is LinkState.IDLE:  # started while it was unbinding
                self._connect()
            return
        settings = self.carrier.settings
        if refused:
            wait = settings.refused_reconnect
        else:
            self.state = LinkState.WAITING
            wait = min(settings.reconnect * 2.0 ** min(self._failures, 30), settings.max_reconnect)
            wait *= self._random.uniform(0.5, 1.0)
        self._failures += 1
        self.next_attempt = self._clock.seconds() + wait
        log.warn(
            "carrier {link}: {reason}; next attempt in {wait:.1f} s",
            link=self.name,
            reason=reason,
            wait=wait,
        )
        self._cancel_timer()
        self._timer = self._clock.callLater(wait, self._connect)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def stop(self) -> Deferred[None]:
        """Unbind in order and stay away; fires when the connection is gone.

        Unanswered messages are waited for by the caller, before.
        """
        self._wanted = False
        self._cancel_timer()
        done: Deferred[None] = Deferred()
        protocol, session = self._protocol, self._session
        if protocol is None or session is None:
            self.state = LinkState.IDLE
            done.callback(None)
            return done
        self._drained.append(done)
        if len(self._drained) > 1:
            return done  # it is on its way already
        if self.state in (LinkState.BOUND, LinkState.DRAINING):
            self.state = LinkState.DRAINING
            protocol.send(session.unbind(self._clock.seconds()))
            protocol.flush()
        else:
            protocol.close("stopped")
        return done

    def drain(self) -> None:
        """Launch nothing more; answers are still taken."""
        if self.state is LinkState.BOUND:
            self.state = LinkState.DRAINING

    def undrain(self) -> None:
        """End of `drain`, unless the link is unbinding already."""
        session = self._session
        bound = session is not None and session.state in BOUND
        if self.state is LinkState.DRAINING and bound and not self._drained:
            self.state = LinkState.BOUND
            self.carrier.pump()
