"""How a message ends, and the receipt that tells its sender.

Owns: the one place where a message becomes final, and the deliver_sm body of a receipt.
Refuses to know: why it ended, and how the receipt reaches the ESME.
Source: SMPP 3.4 Appendix B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from smppgw.core.ids import MessageIds, format_id, time_of
from smppgw.core.ledger import Ledger
from smppgw.core.measures import Measures
from smppgw.core.message import ENROUTE, QUEUED, Delivery, Message, State
from smppgw.core.registered_delivery import INTERMEDIATE, wants_receipt
from smppgw.core.store.group_commit import Store
from smppgw.sms import receipt
from smppgw.sms.receipt_format import Template
from smppgw.sms.segment import UDHI

READABLE_CODINGS = frozenset({0, 1, 3})
"""data_coding values whose first octets may stand in `text:`."""
NO_ERROR = "000"

_NO_FAILURE = (int(State.DELIVERED), ENROUTE)
# Plain ints: these are compared for every message.
_WAITING = int(State.WAITING)
_QUEUED = frozenset(map(int, QUEUED))
_UNUSED = bytes(8)
"""protocol_id to sm_default_msg_id."""
_MESSAGE_STATE = bytes((0x04, 0x27, 0x00, 0x01))
_RECEIPTED_MESSAGE_ID = bytes((0x00, 0x1E, 0x00, 0x11))
_NETWORK_ERROR_CODE = bytes((0x04, 0x23, 0x00, 0x03, 0x03))


class Receivers(Protocol):
    """The accounts, as far as receipts go."""

    def receipt_form(self, account: str) -> tuple[int, Template | None, int]:
        """Of the receipts of an account: length of `text:`, template if any, validity (ms)."""

    def unqueued(self, account: str) -> None:
        """A message of the account is no longer queued."""

    def part_ended(self, part: Message, before: int) -> None:
        """A part of a message is final; `before` is the state that this replaces."""

    def part_progress(self, part: Message, state: int, error: str, done: float) -> None:
        """A part of a message reported a state that is not final."""

    def deliver(self, delivery: Delivery) -> None:
        """Store a new delivery and send it as soon as its account takes it."""


class Outcomes:
    """Ends messages: state, ledger, receipt."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        ids: MessageIds,
        receivers: Receivers,
        now_ms: Callable[[], int],
        measures: Measures,
    ) -> None:
        self._store = store
        self._measures = measures
        self._ledger = ledger
        self._ids = ids
        self._receivers = receivers
        self._now_ms = now_ms

    def end(self, message: Message, state: int, error: str = "", done: float = 0.0) -> None:
        """Make a message final; its sender gets a receipt if it asked for one.

        `error` is one word for a receipt's `err`, or several words of ours that stay here.
        `done` is the done date of the carrier's receipt in epoch seconds; 0 = now.
        """
        now = self._now_ms()
        before = message.state
        if before < _WAITING:
            self._ledger.reopened(message)
        elif before in _QUEUED:
            self._receivers.unqueued(message.account)
        message.state = state
        message.error = error
        message.final_at = now
        self._store.touch(message)
        self._ledger.ended(message)
        self._measures.carrier(message.carrier).ended[state] += 1
        if message.part_of:
            self._receivers.part_ended(message, before)
        elif wants_receipt(message.registered_delivery, state):
            self._receipt(message, state, error, done or now / 1000, "receipt", now)

    def progress(self, message: Message, state: int, error: str, done: float) -> None:
        """A state that is not final was reported: an intermediate notification, if asked for."""
        if message.reported != state:
            message.reported = state
            self._store.touch(message)
        if message.part_of:
            self._receivers.part_progress(message, state, error, done)
        elif message.registered_delivery & INTERMEDIATE:
            now = self._now_ms()
            self._receipt(message, state, error, done or now / 1000, "intermediate", now)

    def note(self, message: Message, event: str) -> None:
        """Keep a line of the message's life that its columns cannot tell."""
        self._store.execute(
            "INSERT OR REPLACE INTO trail (id, message, at, event) VALUES (?, ?, ?, ?)",
            self._ids.next(),
            message.id,
            self._now_ms(),
            event,
        )

    def _receipt(
        self, message: Message, state: int, error: str, done: float, kind: str, now: int
    ) -> None:
        receivers = self._receivers
        code = error if error and " " not in error else NO_ERROR
        text_length, template, validity = receivers.receipt_form(message.account)
        named = b""
        if message.worst_part and state != State.DELIVERED:
            named = b"part %d/%d" % (message.worst_part, message.parts)
        body = receipt_body(
            message.body,
            format_id(message.public_id),
            state,
            time_of(message.id),
            done,
            code,
            text_length,
            0x20 if kind == "intermediate" else 0x04,
            template,
            sub=message.parts or 1,
            dlvrd=message.parts_delivered if message.parts else None,
            text=named,
        )
        number = self._ids.next_at(now)
        receivers.deliver(Delivery(number, message.account, kind, message.id, now + validity, body))


def receipt_body(
    submit: bytes,
    message_id: str,
    state: int,
    submitted: float,
    done: float,
    error: str,
    text_length: int,
    esm_class: int,
    template: Template | None = None,
    *,
    sub: int = 1,
    dlvrd: int | None = None,
    text: bytes = b"",
) -> bytes:
    """The deliver_sm body (octets) of a receipt for the submit_sm body `submit`.

    Source and destination change places; the text is that of `template`, by default Appendix B,
    and receipted_message_id, message_state and, for failures, network_error_code say the same as
    TLVs. `sub` and `dlvrd` are as with `sms.receipt.format_receipt`; `text` stands in `text:`
    instead of the first octets of the message.
    """
    source_at = submit.index(0) + 1
    dest_at = submit.index(0, source_at + 2) + 1
    end = submit.index(0, dest_at + 2) + 1
    if text_length and not text:
        text = _first_octets(submit, end, text_length)
    write = receipt.format_receipt if template is None else template.write
    octets = write(message_id, state, submitted, done, error, text=text, sub=sub, dlvrd=dlvrd)
    failure = b""
    if state not in _NO_FAILURE and error.isdecimal():
        failure = _NETWORK_ERROR_CODE + min(int(error), 0xFFFF).to_bytes(2, "big")
    return b"\0%b%b%c%b%c%b%b%b\0%b%c%b" % (
        submit[dest_at:end],
        submit[source_at:dest_at],
        esm_class,
        _UNUSED,
        len(octets),
        octets,
        _RECEIPTED_MESSAGE_ID,
        message_id.encode("ascii"),
        _MESSAGE_STATE,
        state,
        failure,
    )


def _first_octets(submit: bytes, at: int, length: int) -> bytes:
    """The start of the message text, when it is text in a coding that a receipt can show."""
    start = at + 10
    if submit[at + 3] or submit[at + 4]:  # times in words
        start = submit.index(0, submit.index(0, at + 3) + 1) + 6
    if submit[at] & UDHI or submit[start - 3] not in READABLE_CODINGS:
        return b""
    return submit[start : start + min(length, submit[start - 1])]
