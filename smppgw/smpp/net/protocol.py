"""One SMPP connection on Twisted: a `Session` joined to a transport and a clock.

Owns the reading and writing of one socket: everything said in one turn leaves in one write, one
delayed call serves all timers of the session, a peer that does not read is held back and finally
dropped. Refuses to know what events mean (the `Handler`), what is legal (`smpp.session`) and who
the peer is.
Source: SMPP 3.4 sections 3.2 (PDU format) and 7.2 (timers); a read may end inside a PDU and may
hold many, such as a bind answer with the first deliver_sm behind it.
"""

from __future__ import annotations

import typing
from math import inf
from typing import Final

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from smppgw.smpp.net.turns import Turns
from smppgw.smpp.session import BindRequest, Close, Event, Pending, Session

LINGER: Final = 5.0
"""Seconds that an orderly close may take before the connection is aborted."""

MAX_BUFFER: Final = 1 << 20
"""Octets that may wait for a peer that does not read, beyond what the transport holds."""

_JUDGING: Final = "a bind is being judged"
_SLOW: Final = "the peer does not read"
_log: Final = Logger()


class Handler(typing.Protocol):
    """What a connection reports to; one handler may serve many connections.

    What a handler sends within `connected` and `events` leaves in one write when it returns.
    """

    def connected(self, protocol: SmppProtocol) -> None:
        """The connection stands; `Session.bind` may be sent from here."""

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """The events of one read or one tick, in order; never an empty list."""

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        """The peer has stopped reading, or reads again: what is sent meanwhile piles up here."""

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone; `in_flight` are our unanswered requests in the order sent."""


class Tap(typing.Protocol):
    """Somebody who sees the octets of one connection; what it raises ends its watch."""

    def received(self, data: bytes) -> None:
        """Octets of the peer, about to be handled; they may end inside a PDU."""

    def written(self, data: bytes) -> None:
        """Whole PDUs of ours, as they leave."""

    def lost(self, reason: str) -> None:
        """The connection is gone."""


@implementer(IPushProducer, IHandshakeListener)
class SmppProtocol(Protocol):
    """One connection.

    `session` is its protocol state and `peer` its (host, port). Octets that the session returned
    are given to `send`; `flush` writes them, and does so by itself after a read or a tick.
    `max_buffer` is the number of octets allowed to wait for a peer that does not read. `turns`
    shares the turns of the reactor with other connections. `taps` see what is read and written.
    """

    peer: tuple[str, int] = ("", 0)
    secured_at = 0.0
    """When the TLS handshake was done, in seconds; 0 = not, or there is none."""
    # Shared until they differ: most connections are idle.
    _paused_by: frozenset[str] = frozenset()
    taps: tuple[Tap, ...] = ()
    _timer: IDelayedCall | None = None
    _reason = ""
    _unsent = 0
    _busy = False
    _closing = False
    _writable = True
    _registered = False

    def __init__(
        self,
        session: Session,
        handler: Handler,
        clock: IReactorTime,
        max_buffer: int = MAX_BUFFER,
        turns: Turns | None = None,
    ) -> None:
        self.session = session
        self.handler = handler
        self._clock = clock
        self._max_buffer = max_buffer
        self._turns = turns
        self._outgoing: list[bytes] = []

    def __repr__(self) -> str:
        return f"<SmppProtocol {self.peer[0]}:{self.peer[1]} {self.session!r}>"

    @property
    def unsent(self) -> int:
        """Octets that wait here because the peer does not read."""
        return self._unsent

    # -- for the handler ------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Give octets to the next `flush`; dropped once the connection is closing."""
        if self._closing or not data:
            return
        self._outgoing.append(data)
        if not self._writable:
            self._unsent += len(data)
            if self._unsent > self._max_buffer:
                self.abort(f"{_SLOW}: {self._unsent} octets unsent")

    def send_now(self, data: bytes) -> None:
        """`send` and `flush`."""
        self.send(data)
        self.flush()

    def flush(self) -> None:
        """Write what was sent, then what the session has to say, in one write.

        Within `Handler.events` and `Handler.connected` it waits for the end of the batch.
        """
        if self._busy or self._closing:
            return
        self.send(self.session.take_output())
        if self._writable:
            self._write()
        if self._closing:
            return
        if _JUDGING in self._paused_by and not self.session.holding:
            self.resume(_JUDGING)
            self._take(self.session.receive(b"", self._clock.seconds()))
        else:
            self._arm()

    def pause(self, cause: str) -> None:
        """Stop reading for a named cause; reading goes on when every cause is gone."""
        if not self._paused_by and not self._closing:
            self._transport.pauseProducing()
        self._paused_by |= {cause}
        # A peer that does not read is watched by the timers as ever; our own causes are not its
        # fault.
        if cause != _SLOW:
            self.session.pause(self._clock.seconds())

    def resume(self, cause: str) -> None:
        """Take one cause away; unknown causes are ignored."""
        if cause not in self._paused_by:
            return
        self._paused_by -= {cause}
        if not self._paused_by - {_SLOW}:
            self.session.resume(self._clock.seconds())
        if not self._paused_by and not self._closing:
            self._transport.resumeProducing()
        self._arm_anew()

    def close(self, reason: str) -> None:
        """Write what is left and close; abort if the peer does not take it within `LINGER`."""
        if self._closing or not self.connected:
            return
        self.send(self.session.take_output())
        if self._closing:
            return
        self._write()
        self._reason = reason
        self._closing = True
        if self._registered:
            self._transport.unregisterProducer()
        if self._paused_by:
            # TLS closes in agreement with the peer, whose word must be read.
            self._transport.resumeProducing()
        self._transport.loseConnection()
        self._set_timer(LINGER)

    def abort(self, reason: str) -> None:
        """Drop the connection at once, with all that is unsent."""
        if not self.connected:
            return
        self._reason = self._reason or reason
        self._closing = True
        self._outgoing.clear()
        self._cancel_timer()
        self._transport.abortConnection()

    def watch(self, tap: Tap) -> None:
        """Let somebody see what is read and written from here on.

        It gets first what has come of a PDU that is not whole, so that it finds the next one.
        """
        self.taps += (tap,)
        if self.session.partial:
            self._tell(tap, tap.received, self.session.partial)

    def unwatch(self, tap: Tap) -> None:
        """End of `watch`; may be called twice."""
        self.taps = tuple(one for one in self.taps if one is not tap)

    # -- for Twisted ----------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Set up the socket and tell the handler."""
        address = self._transport.getPeer()
        self.peer = (getattr(address, "host", str(address)), getattr(address, "port", 0))
        if ITCPTransport.providedBy(self.transport):
            self._transport.setTcpNoDelay(True)
            self._transport.setTcpKeepAlive(True)
        self._call(lambda: self.handler.connected(self))
        self.flush()

    def handshakeCompleted(self) -> None:
        """The peer was proved to be who it should be."""
        self.secured_at = self._clock.seconds()

    def dataReceived(self, data: bytes) -> None:
        """Handle one read, now or when its turn comes."""
        if self._turns is None:
            self.handle(data)
        else:
            self._turns.take(self, data)

    def handle(self, data: bytes) -> None:
        """Hand the events of one read to the handler, then write all answers."""
        if self._closing:
            return
        if not self._registered:
            # Not before the first octets: a TLS transport cannot write before its handshake and
            # would call us full, whereupon we would not read what the handshake waits for.
            self._registered = True
            self._transport.registerProducer(self, True)
        for tap in self.taps:
            self._tell(tap, tap.received, data)
        self._take(self.session.receive(data, self._clock.seconds()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Give everything unanswered back."""
        self.connected = 0
        self._closing = True
        self._cancel_timer()
        self._outgoing.clear()
        if not self._reason:
            done = isinstance(reason.value, ConnectionDone)
            self._reason = "closed by the peer" if done else reason.getErrorMessage()
        in_flight = self.session.close()
        self._call(lambda: self.handler.lost(self, self._reason, in_flight))
        for tap in self.taps:
            self._tell(tap, tap.lost, self._reason)

    def pauseProducing(self) -> None:
        """The transport's buffer is full: nothing more is written, and nothing read."""
        self._writable = False
        self.pause(_SLOW)
        self._call(lambda: self.handler.writable(self, False))

    def resumeProducing(self) -> None:
        """The transport's buffer is empty again."""
        self._writable = True
        self._unsent = 0
        self.resume(_SLOW)
        self._call(lambda: self.handler.writable(self, True))
        self.flush()

    def stopProducing(self) -> None:
        """The transport has gone: nothing to do, `connectionLost` follows."""

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _transport(self) -> typing.Any:
        # Twisted types it as ITransport; what is used here is common to TCP and TLS transports.
        return self.transport

    def _take(self, events: list[Event]) -> None:
        """Hand over a batch and what a bind held back behind it; then write, close or wait."""
        session = self.session
        while events:
            last = events[-1]
            batch = events
            self._call(lambda: self.handler.events(self, batch))  # noqa: B023 - called at once
            if isinstance(last, Close):
                self.close(last.reason)
                return
            if not isinstance(last, BindRequest) or session.holding or self._closing:
                break
            events = session.receive(b"", self._clock.seconds())
        if session.holding and not self._closing:
            self.pause(_JUDGING)
        self.flush()

    def _call(self, action: typing.Callable[[], None]) -> None:
        """Let the handler work; its failure costs this connection and no other."""
        busy, self._busy = self._busy, True
        try:
            action()
        except Exception:
            _log.failure("handler of {peer} failed", peer=self.peer)
            self.abort("internal error")
        finally:
            self._busy = busy

    def _tell(self, tap: Tap, what: typing.Callable[[typing.Any], None], data: bytes | str) -> None:
        """Show something to a tap; its failure costs its watch and nothing else."""
        try:
            what(data)
        except Exception:
            _log.failure("watching {peer}", peer=self.peer)
            self.unwatch(tap)

    def _write(self) -> None:
        if self._outgoing:
            outgoing, self._outgoing = self._outgoing, []
            data = outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)
            for tap in self.taps:
                self._tell(tap, tap.written, data)
            self._transport.write(data)

    def _arm(self) -> None:
        """See to it that `_on_time` comes no later than the session's next deadline.

        A timer that is set is never further away than the shortest time that a deadline may begin
        with, so traffic need not move it: when it comes it only arms again.
        """
        if self._timer is None or self.session.ending:
            self._arm_anew()

    def _arm_anew(self) -> None:
        """The same when deadlines may have come nearer."""
        if self._closing:
            return
        now = self._clock.seconds()
        due = min(self.session.next_deadline(), now + self.session.shortest)
        if self._timer is None:
            if due < inf:
                self._set_timer(due - now)
        elif due < self._timer.getTime():
            self._timer.reset(max(0.0, due - now))

    def _set_timer(self, delay: float) -> None:
        self._cancel_timer()
        self._timer = self._clock.callLater(max(0.0, delay), self._on_time)

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _on_time(self) -> None:
        self._timer = None
        if self._closing:
            self.abort(self._reason)
        else:
            self._take(self.session.tick(self._clock.seconds()))
