"""A carrier tried out: is it there, does it speak TLS, does it let us bind, does it answer.

Owns: the steps of one trial at one address, how long each took and what it means when it fails.
Refuses to know: how names are looked up, what links there are (they are not touched) and how the
steps are shown.

What the carrier sends meanwhile is taken as on any link, so nothing is lost or refused for it.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from smppgw.core.status import status_text
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol, connect_error
from smppgw.smpp.session import (
    BindAnswer,
    Close,
    Event,
    Expired,
    Pending,
    Request,
    Response,
    Role,
    Session,
    Timing,
)

if TYPE_CHECKING:
    from smppgw.core.binding import Connector
    from smppgw.core.carrier import Carrier

DNS, TCP, TLS, BIND, ENQUIRE_LINK, UNBIND = (
    "DNS",
    "TCP",
    "TLS",
    "bind",
    "enquire_link",
    "unbind",
)
LIMITS = frozenset({wire.CommandStatus.ESME_RALYBND, wire.CommandStatus.ESME_RBINDFAIL})
"""Bind answers that a limit on binds can lead to."""
ADVICE = {
    DNS: "look at host, and at the name servers of this machine",
    TCP: "look at host and port, and at firewalls on the way; many carriers let in only addresses"
    " that they know",
    TLS: "look at tls, tls_ca and tls_cert, at the name in the certificate, and whether the port"
    " speaks TLS at all",
    BIND: "something listens there and says nothing: look at port and tls, and whether it is SMPP",
    ENQUIRE_LINK: "it lets us bind and then says nothing: look at the bind limits there",
    UNBIND: "the bind works; its end was not answered",
}

Resolve = Callable[[str], Deferred[list[str]]]
"""Addresses of a name; fails with OSError."""


@frozen
class Step:
    """One step: its name, how long it took (seconds), what was found, and whether it is well.

    `advice` says what to look at when it is not.
    """

    name: str
    seconds: float
    found: str
    well: bool = True
    advice: str = ""


class Trial:
    """One trial of one kind of bind at one (host, port) of a carrier.

    `stepped` is called for each step, and `ended` once, behind the last. All of it takes
    bind_timeout at most.
    """

    def __init__(
        self,
        carrier: Carrier,
        kind: str,
        place: tuple[str, int],
        connector: Connector,
        resolve: Resolve,
        clock: Any,
        stepped: Callable[[Step], None],
        ended: Callable[[], None],
    ) -> None:
        self.name = f"{carrier.name}#test"
        self._carrier = carrier
        self._kind = kind
        self._place = place
        self._connector = connector
        self._resolve = resolve
        self._clock = clock
        self._stepped = stepped
        self._ended = ended
        self._step = DNS
        self._began = clock.seconds()
        self._attempt: Deferred[Any] | None = None
        self._protocol: SmppProtocol | None = None
        self._session: Session | None = None
        self._over = False
        self._limit = clock.callLater(carrier.settings.bind_timeout, self._too_late)

    def start(self) -> None:
        """Begin with the first step."""
        host = self._place[0]
        try:
            ip_address(host)
        except ValueError:
            self._attempt = maybeDeferred(self._resolve, host)
            self._attempt.addCallbacks(self._resolved, self._unresolved)
        else:
            self._connect()

    def abort(self) -> None:
        """End it at once; nobody is told."""
        self._over = True
        if self._limit.active():
            self._limit.cancel()
        if self._attempt is not None:
            self._attempt.cancel()
        if self._protocol is not None:
            self._protocol.close("the trial was ended")

    # ------------------------------------------------------------------ steps

    def _next(self, step: str) -> None:
        self._step = step
        self._began = self._clock.seconds()

    def _well(self, found: str, seconds: float | None = None) -> None:
        took = self._clock.seconds() - self._began if seconds is None else seconds
        self._stepped(Step(self._step, took, found))

    def _failed(self, why: str, advice: str = "") -> None:
        if self._over:
            return
        took = self._clock.seconds() - self._began
        step = Step(self._step, took, why, well=False, advice=advice or ADVICE[self._step])
        self._finish(step)

    def _finish(self, step: Step) -> None:
        if step.well:
            self._protocol = None  # it closes by itself
        self.abort()
        self._stepped(step)
        self._ended()

    def _too_late(self) -> None:
        seconds = self._carrier.settings.bind_timeout
        self._failed(f"nothing came of it within {seconds:g} s (bind_timeout)")

    def _resolved(self, addresses: list[str]) -> None:
        self._attempt = None
        if not self._over:
            self._well(", ".join(addresses))
            self._connect()

    def _unresolved(self, failure: Failure) -> None:
        self._attempt = None
        self._failed(f"{self._place[0]} has no address: {failure.getErrorMessage()}")

    def _connect(self) -> None:
        self._next(TCP)
        settings = self._carrier.settings
        limit = settings.bind_timeout
        session = self._session = Session(
            Role.ESME,
            window=1,
            timing=Timing(session_init=limit, response=limit, inactivity=10 * limit),
            now=self._clock.seconds(),
            interface_version=settings.interface_version,
        )
        attempt = maybeDeferred(self._connector.connect, settings, *self._place, session, self)
        self._attempt = attempt
        attempt.addCallbacks(self._connection_stands, self._not_connected)

    def _connection_stands(self, protocol: SmppProtocol) -> None:
        self._attempt = None

    def _not_connected(self, failure: Failure) -> None:
        self._attempt = None
        if self._carrier.settings.tls and isinstance(failure.value, (OSError, ValueError)):
            self._next(TLS)
        self._failed("{}:{}: {}".format(*self._place, connect_error(failure)))

    # ------------------------------------------------------------------ smpp.net.Handler

    def connected(self, protocol: SmppProtocol) -> None:
        """The connection stands; by TLS, the handshake comes only now."""
        if self._over:
            protocol.close("the trial was ended")
            return
        self._protocol = protocol
        self._well("connected to {}:{}".format(*protocol.peer))
        assert self._session is not None  # noqa: S101
        self._next(TLS if self._carrier.settings.tls else BIND)
        protocol.send_now(self._session.bind(self._carrier.outgoing.bind(self._kind)))

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """What the session has to say, in order."""
        for event in events:
            if isinstance(event, BindAnswer):
                self._bind_answered(event.pdu)
            elif isinstance(event, Response):
                self._enquire_answered(event.pdu)
            elif isinstance(event, Request):
                self._request(event.pdu)
            elif isinstance(event, Expired):
                self._failed("not answered")
            elif isinstance(event, Close):
                self._closing(event.reason)

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        """A peer that does not read runs into the time-out."""

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone: at the end, or before it."""
        self._protocol = None
        self._secured(protocol)
        if self._step == UNBIND and not self._over:
            self._finish(self._unbound())
        else:
            self._failed(f"the connection was lost: {reason}")

    def _secured(self, protocol: SmppProtocol) -> None:
        """The handshake, of which one hears only behind it, is a step of its own."""
        if self._step == TLS and protocol.secured_at:
            self._well("handshake done, certificate trusted", protocol.secured_at - self._began)
            self._step, self._began = BIND, protocol.secured_at

    def _bind_answered(self, answer: wire.PDU) -> None:
        protocol = self._protocol
        if self._over or protocol is None or self._session is None:
            return
        self._secured(protocol)
        self._step = BIND  # who answers has come through any handshake
        status = answer.command_status
        if status or isinstance(answer, wire.GenericNack):
            self._failed(*_refusal(status, self._carrier))
            return
        name = getattr(answer, "system_id", "")
        version = f"interface_version 0x{self._session.peer_version:02X}"
        self._well(f"bound as {self._kind} at {name or 'a nameless peer'}, {version}")
        self._next(ENQUIRE_LINK)
        protocol.send(self._session.request(wire.EnquireLink(), self._clock.seconds()))

    def _enquire_answered(self, answer: wire.PDU) -> None:
        if self._over or self._protocol is None or self._session is None:
            return
        if answer.command_status:
            self._failed(f"answered with {status_text(answer.command_status)}")
            return
        self._well("answered")
        self._next(UNBIND)
        self._protocol.send(self._session.unbind(self._clock.seconds()))

    def _closing(self, reason: str) -> None:
        if self._step == UNBIND and not self._over:
            self._finish(self._unbound())
        else:
            self._failed(reason)

    def _unbound(self) -> Step:
        return Step(UNBIND, self._clock.seconds() - self._began, "unbound")

    # ------------------------------------------------------------------ store.batch.Outlet

    def _request(self, pdu: wire.PDU) -> None:
        if isinstance(pdu, wire.DeliverSm | wire.DataSm):
            self._carrier.inbound(self, pdu)
        else:
            self._answer(pdu.command_id, pdu.sequence_number, wire.CommandStatus.ESME_RINVCMDID)

    def release(self, data: bytes, answers: int) -> None:
        """Take answers that were held for the commit."""
        if self._protocol is not None and self._session is not None:
            self._protocol.send(data + self._session.answered(answers))

    def flush(self) -> None:
        """Send them."""
        if self._protocol is not None:
            self._protocol.flush()

    def refuse(self, command_id: int, sequence_number: int) -> None:
        """Answer a deliver_sm that could not be stored: the carrier shall try again."""
        self._answer(command_id, sequence_number, wire.CommandStatus.ESME_RX_T_APPN)

    def _answer(self, command_id: int, sequence_number: int, command_status: int) -> None:
        self.release(wire.header(command_id | wire.RESPONSE, command_status, sequence_number), 1)
        self.flush()


def _refusal(command_status: int, carrier: Carrier) -> tuple[str, str]:
    """What a bind was refused with, and what to look at."""
    said, _, advice = status_text(command_status).partition("; advice: ")
    bound = sum(bool(link.bound_at) and link.state.value == "bound" for link in carrier.links)
    if command_status in LIMITS and bound:
        more = f"links bound there now: {bound}; a carrier that limits binds refuses one more"
        advice = f"{advice}; {more}" if advice else more
    return f"refused: {said}", advice or "see the manual of the carrier"


def trials(
    carrier: Carrier,
    connector: Connector,
    resolve: Resolve,
    clock: Any,
    stepped: Callable[[str, str, Step], None],
    ended: Callable[[], None],
) -> Callable[[], None]:
    """Try every address and kind of bind of a carrier, one after the other; returns what stops it.

    `stepped(place, kind, step)` is called for each step, `ended()` once, behind the last.
    """
    settings = carrier.settings
    kinds = settings.bind.split("+")
    plan = [(place, kind) for place in settings.addresses for kind in kinds]
    running: list[Trial] = []

    def go_on() -> None:
        running.clear()
        if not plan:
            ended()
            return
        (place, kind) = plan.pop(0)
        where = "{}:{}".format(*place)
        trial = Trial(
            carrier,
            kind,
            place,
            connector,
            resolve,
            clock,
            lambda step: stepped(where, kind, step),
            go_on,
        )
        running.append(trial)
        trial.start()

    def stop() -> None:
        plan.clear()
        for trial in running:
            trial.abort()

    go_on()
    return stop
