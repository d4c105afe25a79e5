"""One connection of an ESME: its bind, its requests, and the deliver_sm it gets.

Owns: who may do what on it, its window, and the answer to each of its requests.
Refuses to know: how a submit is checked (`ingress`), how deliveries wait (`account`), octets.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from smppgw.core import long_mo
from smppgw.core.account import Account
from smppgw.core.account_settings import AccountSettings
from smppgw.core.auth import Refusal
from smppgw.core.ingress import Rejected
from smppgw.core.message import Delivery, Message
from smppgw.core.message import State as MessageState
from smppgw.core.relay import Relay
from smppgw.core.requests import answer_to
from smppgw.core.settings import SmppSettings
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.smpp.session import (
    BOUND,
    BindRequest,
    Event,
    Expired,
    LocalError,
    Malformed,
    PeerUnbind,
    Pending,
    Request,
    Response,
    State,
)
from smppgw.smpp.wire import CommandStatus

VERSION_3_4 = 0x34
PROBE_SECONDS = 1.0
"""Binds that knock sooner than this after the last probe of a bind do not cause another."""
_SUBMIT_SM = int(wire.CommandId.submit_sm)
_SUBMIT_SM_RESP = int(wire.CommandId.submit_sm_resp)
_DELIVER_SM = int(wire.CommandId.deliver_sm)
_PACK_ANSWER = Struct(">IIII17s").pack
"""A submit_sm_resp: its header, and a message_id of 16 digits with its NUL."""

log = Logger()

Check = Callable[[str, str, str], "Deferred[AccountSettings | Refusal]"]


class EsmeBind:
    """Handles the events of one incoming connection (a `smpp.net` handler, a store `Outlet`)."""

    __slots__ = (
        "_check",
        "_deciding",
        "_ending",
        "_probed_at",
        "_protocol",
        "_relay",
        "_settings",
        "_writable",
        "account",
        "bound_at",
        "name",
        "received",
        "taken",
        "unanswered",
    )

    def __init__(self, relay: Relay, settings: SmppSettings, check: Check) -> None:
        self.account: Account | None = None
        self.name = ""
        self.taken = 0
        """deliver_sm that are unanswered, or wait for a commit to leave."""
        self.unanswered = 0
        """Its requests whose answers wait for a commit."""
        self.bound_at = 0.0
        self.received = 0
        self._relay = relay
        self._settings = settings
        self._check = check
        self._deciding: Deferred[Any] | None = None
        self._probed_at = 0.0
        self._protocol: SmppProtocol | None = None
        self._writable = True
        self._ending = False

    def __repr__(self) -> str:
        return f"<EsmeBind {self.name or 'unbound'}>"

    @property
    def receives(self) -> bool:
        """deliver_sm may go to it: it is bound for them, and it reads."""
        protocol = self._protocol
        return (
            protocol is not None
            and self._writable
            and not self._ending
            and protocol.session.state in (State.BOUND_RX, State.BOUND_TRX)
        )

    @property
    def protocol(self) -> SmppProtocol | None:
        """Its connection, while it stands."""
        return self._protocol

    @property
    def peer(self) -> str:
        """Address and port of the ESME."""
        return "" if self._protocol is None else "{}:{}".format(*self._protocol.peer)

    @property
    def kind(self) -> str:
        """Its session state, as operators read it."""
        return "" if self._protocol is None else self._protocol.session.state.value

    # ------------------------------------------------------------------ connection

    def connected(self, protocol: SmppProtocol) -> None:
        """A connection arrived."""
        self._protocol = protocol

    def writable(self, protocol: SmppProtocol, can: bool) -> None:
        """The ESME reads again, or not any more."""
        self._writable = can
        if self.account is not None:
            self.account.changed(self)

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone; what it has not answered waits for another bind."""
        self._protocol = None
        if self._deciding is not None:
            self._deciding.cancel()
        if self.account is not None:
            log.info("account {bind}: unbound ({reason})", bind=self.name, reason=reason)
            unanswered = [cast(Delivery, one.context) for one in in_flight]
            self.taken -= len(unanswered)
            self.account.detach(self, unanswered)
        else:
            log.debug(
                "{peer[0]}: gone without a bind ({reason})", peer=protocol.peer, reason=reason
            )

    def pause(self, paused: bool, cause: str = "congestion") -> None:
        """Stop or go on reading from it, for a named cause."""
        if self._protocol is not None:
            (self._protocol.pause if paused else self._protocol.resume)(cause)

    def close(self, reason: str) -> None:
        """End the session in order."""
        protocol = self._protocol
        if protocol is None:
            return
        try:
            protocol.send_now(protocol.session.unbind(self._relay.clock.seconds()))
        except LocalError:  # not bound, or ending already
            protocol.close(reason)
        self._ending = True
        if self.account is not None:
            self.account.changed(self)

    # ------------------------------------------------------------------ events

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """What the session has to say, in order."""
        now = self._relay.clock.seconds()
        account = self.account
        taken: list[tuple[Delivery, int]] = []
        for event in events:
            if type(event) is Request:
                self._request(event, now)
            elif type(event) is Response:
                assert account is not None  # noqa: S101
                pdu = event.pdu
                delivery = cast(Delivery, event.context)
                if not pdu.command_status and type(pdu) is not wire.GenericNack:
                    taken.append((delivery, pdu.sequence_number))
                else:
                    account.refused(self, delivery, pdu.command_status)
            else:
                self._rare(event)
        if account is not None:
            if taken:
                account.taken(self, taken, int(now * 1000))
            if account.spooled:
                account.pump()

    def _rare(self, event: Event) -> None:
        """What is not traffic."""
        if isinstance(event, BindRequest):
            self._bind(event)
        elif isinstance(event, Expired):
            self._expired(event.pending)
        elif isinstance(event, PeerUnbind):
            if self.account is not None:
                self.account.changed(self)
        elif isinstance(event, Malformed):
            self._relay.counters.malformed += 1

    # ------------------------------------------------------------------ binding

    def _bind(self, event: BindRequest) -> None:
        pdu = event.pdu
        assert self._protocol is not None  # noqa: S101
        source = self._protocol.peer[0]
        deciding = self._deciding = self._check(pdu.system_id, pdu.password, source)
        deciding.addCallback(self._decided, pdu, source)
        deciding.addErrback(self._undecided, pdu)

    def _decided(self, verdict: AccountSettings | Refusal, pdu: Any, source: str) -> None:
        if self._protocol is None or not self._protocol.session.holding:
            return  # gone, or out of time
        if isinstance(verdict, Refusal):
            self._refuse_bind(pdu, verdict.command_status, verdict.reason)
            return
        account = self._relay.accounts[verdict.system_id]
        why = account.full
        if why:
            said = f"{account.name} from {source}: {why}"
            self._refuse_bind(pdu, CommandStatus.ESME_RBINDFAIL, said)
            for bind in account.binds:
                bind.probe()
            return
        self._accept(pdu, account)

    def _accept(self, pdu: Any, account: Account) -> None:
        protocol = self._protocol
        assert protocol is not None  # noqa: S101
        self.account = account
        self.name = account.next_bind_name()
        self.bound_at = self._relay.clock.seconds()
        session = protocol.session
        session.window = account.settings.delivery_window
        protocol.send(session.accept_bind(pdu, self._settings.system_id))
        account.attach(self)
        log.info(
            "account {bind}: {kind} from {peer}", bind=self.name, kind=self.kind, peer=self.peer
        )
        protocol.flush()

    def _refuse_bind(self, pdu: Any, command_status: int, reason: str) -> None:
        log.warn("bind refused: {reason}", reason=reason)
        self._relay.measures.refuse_bind(command_status, reason, self._relay.clock.seconds())
        protocol = self._protocol
        if protocol is None or not protocol.session.holding:
            return
        protocol.send(protocol.session.refuse_bind(pdu, command_status))
        protocol.close("bind refused")

    def _undecided(self, failure: Any, pdu: Any) -> None:
        if self._protocol is None:
            return  # nobody waits for it: cancelled
        log.failure("deciding about a bind", failure)
        self._refuse_bind(pdu, CommandStatus.ESME_RSYSERR, "internal error")

    def probe(self) -> None:
        """Ask whether the peer is still there: a new bind wants its place."""
        protocol, now = self._protocol, self._relay.clock.seconds()
        if protocol is None or protocol.session.state not in BOUND:
            return
        if now - self._probed_at >= PROBE_SECONDS:
            self._probed_at = now
            protocol.send_now(protocol.session.enquire(now))

    # ------------------------------------------------------------------ its requests

    def _request(self, event: Request, now: float) -> None:
        pdu, account = event.pdu, self.account
        assert account is not None  # noqa: S101  (the session lets no request through unbound)
        self.received += 1
        try:
            if self.unanswered >= account.settings.window:
                raise Rejected(CommandStatus.ESME_RTHROTTLED)
            if type(pdu) is wire.SubmitSm:
                self._submit(account, pdu, event.frame, now)
            elif type(pdu) is wire.SubmitMulti:
                self._submit_multi(account, pdu)
            else:
                origin = f"{self.name} sequence {pdu.sequence_number}"
                answer = answer_to(self._relay, account, pdu, origin, now)
                self._promise(wire.encode(answer), pdu)
        except Rejected as rejected:
            account.measures.refuse(rejected.command_status, self._relay.clock.seconds())
            self._answer_now(pdu.command_id, pdu.sequence_number, rejected.command_status)
        except Exception:
            log.failure("{bind}: handling a request", bind=self.name)
            self._answer_now(pdu.command_id, pdu.sequence_number, CommandStatus.ESME_RSYSERR)

    def _submit(self, account: Account, pdu: wire.SubmitSm, frame: bytes, now: float) -> None:
        relay = self._relay
        if not account.bucket.take(now):
            raise Rejected(CommandStatus.ESME_RTHROTTLED)
        sequence = pdu.sequence_number
        origin = f"{self.name} sequence {sequence}"
        message = relay.ingress.submit(account, pdu, origin, int(now * 1000), frame)
        relay.counters.accepted += 1
        self.unanswered += 1
        answer = _PACK_ANSWER(33, _SUBMIT_SM_RESP, 0, sequence, b"%016x" % message.id)
        if pdu.replace_if_present_flag:
            self._answer_replacing(message, answer, (_SUBMIT_SM, sequence))
        else:
            relay.store.answer(self, answer, (_SUBMIT_SM, sequence))

    def _answer_replacing(self, message: Message, answer: bytes, request: tuple[int, int]) -> None:
        """What `message` replaces ends with the next commit: the answer comes after that one."""
        store = self._relay.store

        def durable() -> None:
            if message.state == MessageState.REJECTED:  # its commit failed: it never was
                self.refuse(*request)
            else:
                store.answer(self, answer, request)

        store.when_durable(durable)

    def _submit_multi(self, account: Account, pdu: wire.SubmitMulti) -> None:
        relay = self._relay
        if not account.bucket.take(relay.clock.seconds(), len(pdu.dest_address)):
            raise Rejected(CommandStatus.ESME_RTHROTTLED)
        sequence = pdu.sequence_number
        origin = f"{self.name} sequence {sequence}"
        message, refused = relay.ingress.submit_multi(account, pdu, origin)
        answer = wire.encode(
            wire.SubmitMultiResp(
                sequence_number=sequence, message_id=f"{message.id:016x}", unsuccess_sme=refused
            )
        )
        if pdu.replace_if_present_flag:
            self.unanswered += 1
            self._answer_replacing(message, answer, (pdu.command_id, sequence))
        else:
            self._promise(answer, pdu)

    def _promise(self, answer: bytes, pdu: wire.PDU) -> None:
        self.unanswered += 1
        self._relay.store.answer(self, answer, (pdu.command_id, pdu.sequence_number))

    def _answer_now(self, command_id: int, sequence_number: int, command_status: int) -> None:
        protocol = self._protocol
        if protocol is not None:
            answer = wire.header(command_id | wire.RESPONSE, command_status, sequence_number)
            protocol.send(answer + protocol.session.answered(1))

    # ------------------------------------------------------------------ store.batch.Outlet

    def release(self, data: bytes, answers: int) -> None:
        """Take answers whose effects are durable, to go at the pace of the carriers."""
        self._relay.pace.release(self, data, answers)

    def give(self, data: bytes, answers: int) -> None:
        """Take answers that go with the next flush."""
        self.unanswered -= answers
        protocol = self._protocol
        if protocol is not None:
            protocol.send(data + protocol.session.answered(answers))

    def refuse(self, command_id: int, sequence_number: int) -> None:
        """Answer a request whose effect could not be made durable."""
        self.unanswered -= 1
        self._answer_now(command_id, sequence_number, CommandStatus.ESME_RSYSERR)
        self.flush()

    # ------------------------------------------------------------------ deliver_sm

    def transmit(self, deliveries: list[Delivery]) -> None:
        """Send deliveries that are durable; their places in the window are taken already."""
        account, protocol = self.account, self._protocol
        assert account is not None  # noqa: S101
        waiting = [one for one in deliveries if not one.done]
        self.taken -= len(deliveries) - len(waiting)
        room = 0 if protocol is None else protocol.session.room
        for delivery in waiting[room:]:
            self.taken -= 1
            account.not_sent(delivery)
        if protocol is None or not room:
            return
        session = protocol.session
        del waiting[room:]
        bodies = [one.body for one in waiting]
        if session.peer_version < VERSION_3_4:
            waiting, bodies = self._without_tlvs(account, waiting)
        numbers = session.reserve(_DELIVER_SM, waiting, self._relay.clock.seconds())
        protocol.send(wire.frames(_DELIVER_SM, numbers, bodies))

    def _without_tlvs(
        self, account: Account, deliveries: list[Delivery]
    ) -> tuple[list[Delivery], list[bytes]]:
        """The deliveries that go whole to a peer that knows no TLVs, and their bodies."""
        whole: list[Delivery] = []
        bodies: list[bytes] = []
        for delivery in deliveries:
            plain = long_mo.without_tlvs(delivery.body)
            if plain is None:
                self.taken -= 1
                account.in_parts(delivery)
            else:
                whole.append(delivery)
                bodies.append(wire.body_of(plain))
        return whole, bodies

    def flush(self) -> None:
        """Let what was released and given to `transmit` go."""
        if self._protocol is not None:
            self._protocol.flush()

    def _expired(self, pending: list[Pending]) -> None:
        account = self.account
        assert account is not None  # noqa: S101
        self.taken -= len(pending)
        account.give_back([cast(Delivery, one.context) for one in pending])
