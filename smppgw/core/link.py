"""What travels on one bind at a carrier: messages, their answers, what the carrier sends us.

Owns: the window in use, and what each event of the session means to the carrier.
Refuses to know: which message to send (see `carrier`), how the bind is kept up (see `binding`), how
far a peer without answers is trusted (see `trust`) and how octets travel (see `smpp.net`).
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, cast

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from smppgw.core.allowance import Allowance
from smppgw.core.binding import Binding, Connector, LinkState
from smppgw.core.content import Unfit
from smppgw.core.late import LateAnswers
from smppgw.core.message import Message
from smppgw.core.trust import Trust
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.smpp.session import (
    BindAnswer,
    Close,
    Event,
    Expired,
    Late,
    Malformed,
    PeerUnbind,
    Pending,
    Request,
    Response,
)

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier

_SUBMIT_SM = int(wire.CommandId.submit_sm)
_BOUND = LinkState.BOUND
_MESSAGES = (wire.DeliverSm, wire.DataSm)
SILENT = "no submit_sm is answered; one at a time until one is"

log = Logger()


class Link(Binding):
    """One bind, or one of a pair."""

    def __init__(
        self,
        carrier: Carrier,
        kind: str,
        name: str,
        connector: Connector,
        clock: IReactorTime,
        random: Random,
    ) -> None:
        super().__init__(carrier, kind, name, connector, clock, random)
        self.taken = 0
        """Slots of the window in use: sent, or to be sent after the commit."""
        self.window = self.full_window
        """Unanswered submits it may have."""
        self._allowance = Allowance(self.full_window)
        self._left = carrier.left
        self._trust = Trust()
        self._late = LateAnswers(carrier)

    def __repr__(self) -> str:
        return f"<Link {self.name} {self.shown} {self.taken}/{self.window}>"

    @property
    def probing(self) -> bool:
        """It is bound, and no submit is answered."""
        return self._trust.probing and self._state is LinkState.BOUND

    @property
    def shown(self) -> str:
        """Its state in the words of operators."""
        return "probing" if self.probing else self._state.value

    @property
    def learned_window(self) -> int:
        """Unanswered submits that the peer lets it have, as it showed; 0 = as the settings say."""
        return self._allowance.learned

    @property
    def trouble(self) -> str:
        """Why it is not bound, or of little use though it is."""
        return SILENT if self.probing else self.reason

    @property
    def sending(self) -> bool:
        """Bound for sending, and the peer reads; while it probes, a probe may leave."""
        able = self._state is LinkState.BOUND and self._writable and self.kind != "receiver"
        return able and (not self._trust.probing or self.room > 0)

    @property
    def read(self) -> bool:
        """The peer reads what is sent to it."""
        return self._writable

    @property
    def room(self) -> int:
        """Submits that may be launched on it now."""
        session = self._session
        if session is None or self._state is not _BOUND or not self._writable:
            return 0
        if self._trust.full:
            return self.window - self.taken
        heard, now = session.last_heard, self._clock.seconds()
        return self._trust.room(self.window, self.taken, heard, now)

    def transmit(self, messages: list[Message]) -> None:
        """Send messages whose states are durable; their slots are taken already."""
        session, protocol = self._session, self._protocol
        room = 0 if session is None or protocol is None else session.room
        for message in messages[room:]:
            self.carrier.not_sent(self, message)
        if session is None or protocol is None or not room:
            return
        version = session.peer_version
        as_is = self.carrier.outgoing.as_is(version)
        bodies: list[bytes] = []
        leaving: list[Message] = []
        for message in messages[:room]:
            body = message.body if as_is and message.as_is else self._written(message, version)
            if body:
                bodies.append(body)
                leaving.append(message)
        now = self._clock.seconds()
        numbers = session.reserve(_SUBMIT_SM, leaving, now)
        protocol.send(wire.frames(_SUBMIT_SM, numbers, bodies))
        sent_at = int(now * 1000)
        for message, number in zip(leaving, numbers, strict=True):
            message.sequence_number = number
            message.sent_at = sent_at
        self._left(leaving, sent_at)

    def _written(self, message: Message, version: int) -> bytes:
        """The body of a message as the carrier takes it, b"" when that turns out to be none."""
        try:
            return wire.body_of(self.carrier.pdu(message, version))
        except Unfit as unfit:
            self.carrier.unfit(self, message, unfit)
        except wire.EncodeError as error:
            self.carrier.unsendable(self, message, str(error))
        except Exception:
            log.failure("carrier {link}: writing a message", link=self.name)
            self.carrier.unsendable(self, message, "internal error")
        return b""

    def flush(self) -> None:
        """Let what was released and given to `transmit` go."""
        if self._protocol is not None:
            self._protocol.flush()

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """What the session has to say, in order."""
        carrier = self.carrier
        before = carrier.counters.sent
        now = self._clock.seconds()
        answered = False
        accepted: list[tuple[Message, str]] = []
        for event in events:
            if type(event) is Response:
                answered = True
                pdu = event.pdu
                if not pdu.command_status and type(pdu) is not wire.GenericNack:
                    message = cast(Message, event.context)
                    accepted.append((message, getattr(pdu, "message_id", "")))
                    continue
            if accepted:
                carrier.accepted(self, accepted, now)
                accepted = []
            if type(event) is Request:
                self._request(event.pdu)
            elif type(event) is Response:
                status = event.pdu.command_status or wire.CommandStatus.ESME_RUNKNOWNERR
                carrier.refused(self, cast(Message, event.context), status)
            elif type(event) is Late and self._late.take(event.pdu, int(now * 1000)):
                answered = True
                self._trust.late(now)
            else:
                self._rare(event)
        if accepted:
            carrier.accepted(self, accepted, now)
        if answered and self._trust.answered(now):
            log.info("carrier {link}: answers again", link=self.name)
            carrier.refresh()
        carrier.pump()
        if carrier.counters.sent > before:
            carrier.pace.sent(carrier.counters.sent - before)

    def _rare(self, event: Event) -> None:
        """What is not traffic."""
        if isinstance(event, Expired):
            self._expired(event.pending)
        elif isinstance(event, BindAnswer):
            self._bind_answered(event.pdu)
        elif isinstance(event, PeerUnbind):
            self.drain()
        elif isinstance(event, Close):
            self.reason = self.reason or event.reason
        elif isinstance(event, Malformed):
            self.carrier.counters.malformed += 1

    def too_many(self, sent_at: float, now: float) -> bool:
        """The peer had no room for a submit (`Allowance.refused`): send fewer at once."""
        before = self.learned_window
        found = self._allowance.refused(self.taken, sent_at, now)
        self.window = self._allowance.window
        if found and not before:
            log.info(
                "carrier {link}: ESME_RMSGQFUL: fewer than the {window} of its window at once",
                link=self.name,
                window=self.full_window,
            )
        return found

    def tick(self, now: float) -> None:
        """Once a second: see whether the peer lets us have more unanswered."""
        if self._allowance.tick(now):
            self.window = self._allowance.window

    def connected(self, protocol: SmppProtocol) -> None:
        """Another connection: what the former one showed is over."""
        self._allowance = Allowance(self.full_window)
        self.window = self.full_window
        super().connected(protocol)

    def _request(self, pdu: wire.PDU) -> None:
        if isinstance(pdu, _MESSAGES):
            try:
                self.carrier.inbound(self, pdu)
            except Exception:
                log.failure("carrier {link}: handling a request", link=self.name)
                self.refuse(pdu.command_id, pdu.sequence_number)
        elif not isinstance(pdu, wire.AlertNotification | wire.Outbind):
            self.refuse_with(pdu.command_id, pdu.sequence_number, wire.CommandStatus.ESME_RINVCMDID)

    def _expired(self, pending: list[Pending]) -> None:
        now, patience = self._clock.seconds(), self.carrier.settings.response_timeout
        messages = [cast(Message, one.context) for one in pending]
        self._late.expect(pending)
        # Who answered anything in the last half of that time loses answers, but is not silent.
        silent = self._silence(pending, now - patience / 2)
        if self.state is LinkState.BOUND:
            self._doubt()
        # An answer may be lost or late; late it is more likely where none comes, or some were late.
        if not (silent or self._trust.slow(now, 10 * patience)):
            patience = 0.0
        self.carrier.unanswered(self, messages, "no answer in time", patience)

    def _silence(self, pending: list[Pending], since: float) -> bool:
        """Submits stay without an answer: probe, if none was answered since then, which is told."""
        settings, trust = self.carrier.settings, self._trust
        before, now = trust.probing, self._clock.seconds()
        pauses = (settings.reconnect, settings.max_reconnect)
        silent = trust.unanswered(pending[-1].sent_at, since, now, *pauses)
        if silent:
            self.next_attempt = trust.next_probe
            self.carrier.refresh()
            if not before:
                log.warn("carrier {link}: {trouble}", link=self.name, trouble=SILENT)
        return silent

    def _doubt(self) -> None:
        """Launch nothing more until the peer shows that it is there: it may be gone silently."""
        session, protocol = self._session, self._protocol
        if session is not None and protocol is not None:
            self._trust.doubt(session.last_heard)
            protocol.send(session.enquire(self._clock.seconds()))
            protocol.flush()

    # ------------------------------------------------------------------ store.batch.Outlet

    def release(self, data: bytes, answers: int) -> None:
        """Take answers that were held for the commit."""
        if self._protocol is not None and self._session is not None:
            self._protocol.send(data + self._session.answered(answers))

    def refuse(self, command_id: int, sequence_number: int) -> None:
        """Answer a deliver_sm that could not be stored: the carrier shall try again."""
        self.refuse_with(command_id, sequence_number, wire.CommandStatus.ESME_RX_T_APPN)

    def refuse_with(self, command_id: int, sequence_number: int, command_status: int) -> None:
        """Answer a request at once, without a body."""
        self.release(wire.header(command_id | wire.RESPONSE, command_status, sequence_number), 1)
        self.flush()

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone."""
        if in_flight and self._wanted:
            self._silence(in_flight, in_flight[0].sent_at)
        self._trust.renew()
        self._late.clear()  # another session uses the same numbers again
        super().lost(protocol, reason, in_flight)
        messages = [cast(Message, one.context) for one in in_flight]
        self.carrier.unanswered(self, messages, f"{self.name} lost: {self.reason}")
