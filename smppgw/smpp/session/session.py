"""One SMPP session, either end, without I/O.

Owns what our side wants: requests with their window, binds, answers. The listening half is
`inbound.py`. Refuses to know sockets, clocks (time comes in, seconds), accounts and what a message
means.

How it is driven: octets go into `receive`, the time into `tick`; both return events. What the
session says on its own waits in `take_output`. What the caller asks for is returned as octets,
which the caller writes when it likes, in the order returned. Only `LocalError` and
`wire.EncodeError` ever come out, and both mean that our own side was wrong.
Source: SMPP 3.4 sections 2, 5.1.4 (sequence_number) and 7.2 (timers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from smppgw.smpp import wire
from smppgw.smpp.session import answers
from smppgw.smpp.session.events import Pending
from smppgw.smpp.session.inbound import VERSION_3_4, Inbound
from smppgw.smpp.session.table import (
    BOUND,
    BOUND_BY,
    LEGAL,
    UNANSWERED,
    LocalError,
    Role,
    State,
    command_name,
)
from smppgw.smpp.session.timers import Timing
from smppgw.smpp.session.window import Window

_RESPONSE: Final = int(wire.RESPONSE)
_UNBIND: Final = int(wire.Unbind.command_id)
_OUTBIND: Final = int(wire.Outbind.command_id)


class Session(Inbound):
    """The protocol state of one connection.

    `window` is how many requests of ours may be unanswered. `max_length` bounds command_length in
    octets. `interface_version` is what an `MC` announces. `now` is the time of the connection.
    """

    __slots__ = ("_unbinding", "interface_version")

    def __init__(
        self,
        role: Role,
        *,
        window: int,
        timing: Timing,
        now: float,
        max_length: int = 70_000,
        interface_version: int = VERSION_3_4,
        first_sequence: int = 1,
    ) -> None:
        super().__init__(
            role,
            window=Window(window, first_sequence),
            timing=timing,
            now=now,
            max_length=max_length,
        )
        self.interface_version = interface_version
        self._unbinding = False

    def __repr__(self) -> str:
        return (
            f"<Session {self.role.value} {self.state.value} "
            f"in_flight={self.in_flight}/{self.window} owed={self._owed}>"
        )

    @property
    def window(self) -> int:
        """How many requests of ours may be unanswered; may be set at any time."""
        return self._window.size

    @window.setter
    def window(self, size: int) -> None:
        self._window.size = size

    @property
    def in_flight(self) -> int:
        """How many requests of ours wait for their response."""
        return len(self._window.waiting)

    @property
    def requested(self) -> int:
        """How many requests of ours were sent, those of the session itself included.

        Begins at 0 again when the sequence numbers do.
        """
        return self._window.numbered

    @property
    def room(self) -> int:
        """How many more requests of ours fit into the window; 0 when none may be sent."""
        if not self._bound or self._unbinding:
            return 0
        return max(0, self._window.size - len(self._window.waiting))

    # -- what we ask ----------------------------------------------------------------------------

    def request(self, pdu: wire.PDU | wire.RawPdu, now: float, context: object = None) -> bytes:
        """Send a request of ours: its `sequence_number` is set and it takes a place in the window.

        `context` comes back with the answer. outbind and alert_notification have no answer and take
        no place. Raises `LocalError` when the state forbids it or the window is full, and
        `wire.EncodeError` when it cannot be coded; both leave nothing waiting.
        """
        command_id = pdu.command_id
        if command_id not in self._requestable:
            raise LocalError(
                f"{command_name(command_id)} is not ours to send in {self.state.value}"
            )
        window = self._window
        waiting = window.waiting
        if command_id in UNANSWERED:
            return self._announce(pdu)
        if len(waiting) >= window.size:
            raise LocalError(f"the window of {window.size} is full")
        pdu.sequence_number = sequence = window.next_sequence()
        # Before the octets exist: the answer may be in the same read as anything else.
        waiting[sequence] = (command_id, context, now, self._timers.stamp(now))
        try:
            return wire.encode(pdu)
        except wire.EncodeError:
            del waiting[sequence]
            raise

    def reserve(self, command_id: int, contexts: Sequence[object], now: float) -> Sequence[int]:
        """Take places in the window for requests of one command: their sequence_numbers.

        The caller codes them and sends them at once, in this order; each context comes back with
        its answer. Raises `LocalError` as `request` does, and when they are more than `room`.
        """
        if command_id not in self._requestable or command_id in UNANSWERED:
            raise LocalError(
                f"{command_name(command_id)} is not ours to send in {self.state.value}"
            )
        window = self._window
        waiting = window.waiting
        if len(waiting) + len(contexts) > window.size:
            raise LocalError(f"the window of {window.size} is full")
        numbers = window.next_sequences(len(contexts))
        stamp = self._timers.stamp(now)
        for sequence, context in zip(numbers, contexts, strict=True):
            waiting[sequence] = (command_id, context, now, stamp)
        return numbers

    def bind(self, pdu: wire.Bind) -> bytes:
        """Ask to be bound (role `ESME`); `BindAnswer` follows, bounded by session_init.

        Raises `LocalError` when bound, when a bind is unanswered or for role `MC`, and
        `wire.EncodeError` when it cannot be coded.
        """
        command_id = pdu.command_id
        if command_id not in BOUND_BY or command_id not in LEGAL[self.role, self.state]:
            raise LocalError(
                f"{command_name(command_id)} is not ours to send in {self.state.value}"
            )
        if self._window.own:
            raise LocalError("a bind waits for its answer")
        pdu.sequence_number = sequence = self._window.next_sequence()
        data = wire.encode(pdu)
        self._window.own[sequence] = command_id
        return data

    def unbind(self, now: float) -> bytes:
        """End the session in order: we request nothing more, and `Close` follows the answer.

        The peer's requests are still accepted until it answers. Raises `LocalError` unless bound.
        """
        if self.state not in BOUND or self._unbinding:
            raise LocalError(f"unbind is not ours to send in {self.state.value}")
        self._unbinding = True
        self._requestable = frozenset()
        self._timers.finish(now)
        return wire.header(_UNBIND, 0, self._window.own_sequence(_UNBIND))

    # -- what we answer -------------------------------------------------------------------------

    def respond(self, resp: wire.PDU | wire.RawPdu) -> bytes:
        """Answer a `Request`; its sequence_number is in `resp` already.

        The answer to a peer's unbind is appended to the last answer that was owed.
        Raises `LocalError` for a request and `wire.EncodeError` when it cannot be coded.
        """
        if not resp.command_id & _RESPONSE:
            raise LocalError(f"{command_name(resp.command_id)} is not a response")
        return wire.encode(resp) + self.answered(1)

    def answered(self, count: int) -> bytes:
        """The caller writes `count` answers that it coded itself; what is returned follows them.

        That is the answer to a peer's unbind, once nothing more is owed, else b"".
        """
        self._owed = max(0, self._owed - count)
        if self.state is State.UNBOUND and not self._owed and self._close_reason is None:
            self._finish()
            return self.take_output()
        return b""

    def accept_bind(self, request: wire.Bind, system_id: str) -> bytes:
        """Let the peer in under our `system_id`; then call `receive(b"", now)`.

        A peer below interface_version 0x34 gets no TLV. Raises `LocalError` when no bind is waiting
        (the session may have ended meanwhile) and `wire.EncodeError` for a bad `system_id`.
        """
        self._require_judging()
        answer = request.response(system_id=system_id, sequence_number=request.sequence_number)
        if request.interface_version >= VERSION_3_4:
            version = wire.Tlv.integer(wire.Tag.sc_interface_version, self.interface_version)
            answer.tlvs = (version,)
        data = wire.encode(answer)
        self._judging = False
        self.peer_version = request.interface_version
        self._timers.bound()
        self._enter(BOUND_BY[request.command_id])
        return data

    def refuse_bind(self, request: wire.Bind, command_status: int) -> bytes:
        """Refuse the peer with a body-less answer; it may try again while session_init runs on.

        Then call `receive(b"", now)`. Raises `LocalError` when no bind is waiting.
        """
        self._require_judging()
        self._judging = False
        return answers.refusal(request.command_id, command_status, request.sequence_number)

    def close(self) -> list[Pending]:
        """The connection is gone: everything of ours that is unanswered, in the order sent."""
        left = [self._as_pending(sequence) for sequence in self._window.waiting]
        self._window.clear()
        self._output.clear()
        self._held.clear()
        self._end("connection lost")
        self._close_told = True
        self._enter(State.CLOSED)
        return left

    def _announce(self, pdu: wire.PDU | wire.RawPdu) -> bytes:
        pdu.sequence_number = self._window.next_sequence()
        data = wire.encode(pdu)
        if pdu.command_id == _OUTBIND:
            self._enter(State.OUTBOUND)
        return data

    def _require_judging(self) -> None:
        if not self._judging:
            raise LocalError(f"no bind waits for an answer in {self.state.value}")
