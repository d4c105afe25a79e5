"""The listening half of a session: what the peer sends, what time asks for, what ends it.

Owns the state, the legality of the peer's moves, the answers that need nobody's opinion
(enquire_link_resp, generic_nack, refusals), the timers and the order of an orderly end. Refuses to
know what our own side wants (`session.py`), sockets, clocks and what a message means.
Source: SMPP 3.4 sections 2, 4.3 (generic_nack) and 7.2 (timers). Peers are seen to deviate: any 32
bits as sequence_number, a status in a request, bind_receiver answered by bind_transmitter_resp,
responses nobody waits for, a bind answer without sc_interface_version. None of it ends a session.
"""

from __future__ import annotations

from math import inf
from typing import Final

from smppgw.smpp import wire
from smppgw.smpp.session import answers
from smppgw.smpp.session.events import (
    BindAnswer,
    BindRequest,
    Close,
    Event,
    Expired,
    Late,
    Malformed,
    PeerUnbind,
    Pending,
    Refused,
    Request,
    Response,
)
from smppgw.smpp.session.table import (
    BOUND,
    BOUND_BY,
    HANDED_OVER,
    LEGAL,
    REQUESTABLE,
    LocalError,
    Role,
    State,
)
from smppgw.smpp.session.timers import Timers, Timing
from smppgw.smpp.session.window import Window

MAX_MALFORMED_IN_ROW: Final = 20
VERSION_3_4: Final = 0x34
# Plain ints: these are compared for every PDU.
_RESPONSE: Final = int(wire.RESPONSE)
_ENQUIRE_LINK: Final = int(wire.EnquireLink.command_id)
_UNBIND: Final = int(wire.Unbind.command_id)
_OUTBIND: Final = int(wire.Outbind.command_id)


class Inbound:
    """What the peer may do, what it did, and since when it has been silent."""

    __slots__ = (
        "_bound",
        "_buffer",
        "_close_reason",
        "_close_told",
        "_handed_over",
        "_held",
        "_judging",
        "_malformed",
        "_output",
        "_owed",
        "_requestable",
        "_timers",
        "_unbind_answer",
        "_window",
        "peer_version",
        "role",
        "state",
    )

    def __init__(
        self, role: Role, *, window: Window, timing: Timing, now: float, max_length: int
    ) -> None:
        self.role = role
        self.peer_version = VERSION_3_4
        self._timers = Timers(timing, now)
        self._buffer = wire.FrameBuffer(max_length)
        self._window = window
        self._output: list[bytes] = []
        self._held: list[bytes] = []
        self._judging = False
        self._malformed = 0
        self._owed = 0
        self._unbind_answer: int | None = None
        self._close_reason: str | None = None
        self._close_told = False
        self._enter(State.OPEN)

    @property
    def owed(self) -> int:
        """How many requests of the peer wait for our `respond`."""
        return self._owed

    @property
    def partial(self) -> bytes:
        """What has come of a PDU of the peer that is not whole yet."""
        return self._buffer.partial

    @property
    def last_heard(self) -> float:
        """When the peer last sent a whole PDU."""
        return self._timers.last_heard

    @property
    def holding(self) -> bool:
        """A bind is being judged: the caller must not read on before it has decided."""
        return self._judging

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take octets of the peer; b"" goes on with what was held behind a bind.

        After `Close` only responses count: what they answer need not be given up as unknown.
        """
        events: list[Event] = []
        if self.state is State.CLOSED:
            return events
        append = events.append
        waiting = self._window.waiting
        decode = wire.decode
        frames = iter(self._take_frames(data, now))
        for frame in frames:
            try:
                pdu = decode(frame)
            except wire.BodyError as error:
                self._on_malformed(error, events)
                continue
            if self._malformed:
                self._malformed = 0
            command_id = pdu.command_id
            if command_id in self._handed_over:
                self._owed += 1
                append(Request(pdu, frame))
            elif command_id & _RESPONSE:
                found = waiting.pop(pdu.sequence_number, None)
                if found is None:
                    self._on_own_response(pdu, now, events)
                else:
                    append(Response(pdu, found[1], found[2]))
            else:
                self._on_command(pdu, now, events)
                if self._judging:
                    self._held = list(frames)
        if self._buffer.error is not None and not self._judging and self._close_reason is None:
            self._output.append(answers.to_bad_length(self._buffer.error))
            self._end("command_length out of bounds")
        self._tell_close(events)
        return events

    def tick(self, now: float) -> list[Event]:
        """Do what the timers ask for; calling it early or twice changes nothing."""
        events: list[Event] = []
        if self._close_told:
            return events
        expired = self._expire(now)
        if expired:
            events.append(Expired(expired))
        if self._close_reason is None:
            reason = self._timers.close_reason(now)
            if reason is not None:
                self._answer_unbind()
                self._end(reason)
            elif self._timers.enquire_due(now):
                self._output.append(self.enquire(now))
        self._tell_close(events)
        return events

    @property
    def shortest(self) -> float:
        """No deadline that begins from now on is nearer than this; seconds."""
        return self._timers.timing.shortest

    @property
    def ending(self) -> bool:
        """The end is decided and `Close` not told yet: `tick` is worth calling at once."""
        return self._close_reason is not None and not self._close_told

    def next_deadline(self) -> float:
        """When `tick` is worth calling; `inf` for never, `-inf` for at once."""
        if self._close_reason is not None:
            return inf if self._close_told else -inf
        due = self._timers.next_deadline()
        if not self._timers.paused:
            for _, _, _, stamp in self._window.waiting.values():
                return min(due, self._timers.expiry(stamp))
        return due

    def take_output(self) -> bytes:
        """What the session says on its own since the last call; b"" for nothing."""
        if not self._output:
            return b""
        data = b"".join(self._output)
        self._output.clear()
        return data

    def pause(self, now: float) -> None:
        """The caller stops reading: until `resume`, silence is no fault of the peer."""
        self._timers.pause(now)

    def resume(self, now: float) -> None:
        """The caller reads again; the timers that watch for silence go on where they stood."""
        self._timers.resume(now)

    def enquire(self, now: float) -> bytes:
        """Ask the peer whether it lives; silence for the response timer then ends the session.

        `tick` does this after a silence; a caller does it to probe a bind that may be stale.
        Raises `LocalError` unless bound.
        """
        if self.state not in BOUND:
            raise LocalError(f"enquire_link is not ours to send in {self.state.value}")
        self._timers.enquired(now)
        return wire.header(_ENQUIRE_LINK, 0, self._window.own_sequence(_ENQUIRE_LINK))

    # -- inside ---------------------------------------------------------------------------------

    def _enter(self, state: State) -> None:
        self.state = state
        self._bound = state in BOUND
        self._handed_over = HANDED_OVER[self.role.peer, state]
        self._requestable = REQUESTABLE[self.role, state]

    def _take_frames(self, data: bytes, now: float) -> list[bytes]:
        """Frames to handle now; while a bind is judged they are kept for later."""
        frames = self._buffer.feed(data)
        timers = self._timers
        if frames:
            timers.heard(now)
        if not self._buffer.pending or self._judging:
            timers.whole()
        else:
            # b"" ends a time in which we did not read: what was begun gets its time again.
            timers.partial(now, fresh=bool(frames) or not data)
        if self._judging:
            self._held += frames
            return []
        if self._held:
            frames = self._held + frames
            self._held = []
        return frames

    def _on_command(self, pdu: wire.PDU, now: float, events: list[Event]) -> None:
        """Requests that are not simply handed over: the session's own and the illegal ones."""
        command_id = pdu.command_id
        sequence = pdu.sequence_number
        if self._close_reason is not None:
            return
        if command_id not in LEGAL[self.role.peer, self.state]:
            status = answers.to_illegal(self.role, self.state, command_id)
            self._output.append(answers.refusal(command_id, status, sequence))
            events.append(Refused(command_id, status))
            if command_id == _UNBIND and self.state is not State.UNBOUND:
                self._end("unbind from a peer that is not bound")
        elif command_id == _ENQUIRE_LINK:
            self._output.append(wire.header(_ENQUIRE_LINK | _RESPONSE, 0, sequence))
        elif command_id == _UNBIND:
            self._unbind_answer = sequence
            self._enter(State.UNBOUND)
            events.append(PeerUnbind())
            self._finish_or_wait(now)
        elif isinstance(pdu, wire.Bind):
            # What is begun behind it cannot be completed while the caller does not read.
            self._timers.whole()
            self._judging = True
            events.append(BindRequest(pdu))
        else:
            if command_id == _OUTBIND:
                self._enter(State.OUTBOUND)
            events.append(Request(pdu))

    def _on_own_response(self, pdu: wire.PDU, now: float, events: list[Event]) -> None:
        """A response to bind, enquire_link or unbind of ours, or to nothing."""
        asked = self._window.own.pop(pdu.sequence_number, None)
        if asked is None:
            events.append(Late(pdu))
        elif asked == _UNBIND:
            self._enter(State.UNBOUND)
            self._finish_or_wait(now)
        elif asked in BOUND_BY:
            # Some servers answer bind_receiver with bind_transmitter_resp: what we asked counts.
            binds = pdu.command_id ^ _RESPONSE in BOUND_BY
            if binds and pdu.command_status == 0 and self._close_reason is None:
                version = wire.tlv_int(pdu, wire.Tag.sc_interface_version)
                self.peer_version = VERSION_3_4 if version is None else version
                self._timers.bound()
                self._enter(BOUND_BY[asked])
            events.append(BindAnswer(pdu))

    def _on_malformed(self, error: wire.BodyError, events: list[Event]) -> None:
        """Answer what cannot be read, and end with a peer that sends nothing else."""
        if self._close_reason is not None:
            return
        events.append(Malformed(error))
        answer = answers.to_malformed(error)
        if answer:
            self._output.append(answer)
        self._malformed += 1
        if self._malformed > MAX_MALFORMED_IN_ROW:
            self._end(f"{self._malformed} malformed PDUs in a row")

    def _expire(self, now: float) -> list[Pending]:
        expired: list[Pending] = []
        if self._timers.paused:
            return expired
        # The response timer is one for all, so the order sent is the order of expiry.
        for sequence, (_, _, _, stamp) in self._window.waiting.items():
            if self._timers.expiry(stamp) > now:
                break
            expired.append(self._as_pending(sequence))
        for pending in expired:
            del self._window.waiting[pending.sequence_number]
        return expired

    def _as_pending(self, sequence: int) -> Pending:
        command_id, context, sent_at, stamp = self._window.waiting[sequence]
        return Pending(sequence, command_id, context, sent_at, self._timers.expiry(stamp))

    def _finish_or_wait(self, now: float) -> None:
        """End at once, or when the caller has answered the requests that it was given."""
        if self._owed:
            self._timers.finish(now)
        else:
            self._finish()

    def _finish(self) -> None:
        reason = "unbound" if self._unbind_answer is None else "unbound by the peer"
        self._answer_unbind()
        self._end(reason)

    def _answer_unbind(self) -> None:
        if self._unbind_answer is not None:
            self._output.append(wire.header(_UNBIND | _RESPONSE, 0, self._unbind_answer))
            self._unbind_answer = None

    def _end(self, reason: str) -> None:
        self._close_reason = self._close_reason or reason
        self._judging = False
        self._timers.stop()
        self._enter(State.UNBOUND)

    def _tell_close(self, events: list[Event]) -> None:
        if self._close_reason is not None and not self._close_told:
            self._close_told = True
            events.append(Close(self._close_reason))
