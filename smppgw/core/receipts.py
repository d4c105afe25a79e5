"""Receipts from carriers: finding the message, changing its state, keeping what finds none.

Owns: what counts as a receipt, the match by (carrier, id), receipts that arrive before the
submit_sm_resp, and orphans.
Refuses to know: how a receipt reaches the ESME (`outcome`), how ids are written (`receipt_ids`).
Source: SMPP 3.4 sections 5.2.12 (esm_class), 5.3.2.12 (receipted_message_id), Appendix B.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from smppgw.core.ids import MessageIds
from smppgw.core.message import FINAL, Message, State
from smppgw.core.outcome import Outcomes
from smppgw.core.receipt_ids import EXACT, canonical, candidates, form_of
from smppgw.core.store.group_commit import Store
from smppgw.sms import receipt
from smppgw.smpp import wire

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.link import Link

TYPE_BITS = 0x3C
RECEIPT, INTERMEDIATE = 0x04, 0x20
PARKED = 10_000
"""Receipts without a message that stay in memory, to meet a submit_sm_resp still on its way."""
SETTLED = 50_000
"""Ended messages of all carriers whose further receipts are recognised as duplicates."""

SCHEDULED, ENROUTE, SKIPPED = 0, 1, 9
STATES = {
    **{int(state): int(state) for state in FINAL},
    SCHEDULED: SCHEDULED,
    ENROUTE: ENROUTE,
    SKIPPED: int(State.UNDELIVERABLE),
}
"""message_state of a receipt -> ours; any other number is UNKNOWN."""

_RECEIPTED_MESSAGE_ID = int(wire.Tag.receipted_message_id)
_MESSAGE_STATE = int(wire.Tag.message_state)
_NETWORK_ERROR_CODE = int(wire.Tag.network_error_code)
_MESSAGE_PAYLOAD = int(wire.Tag.message_payload)
_EMPTY_ID = b"\0"


class Report(NamedTuple):
    """What a receipt says."""

    id: str
    state: int
    error: str
    done: float
    """Epoch seconds; 0 = not said."""


class Parked(NamedTuple):
    """A receipt that waits for its message, and the row that keeps it."""

    row: int
    report: Report


class Receipts:
    """All receipts of all carriers."""

    def __init__(self, store: Store, outcomes: Outcomes, ids: MessageIds) -> None:
        self._store = store
        self._outcomes = outcomes
        self._ids = ids
        self._parked: OrderedDict[tuple[str, str], list[Parked]] = OrderedDict()
        self._settled: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.matched = 0
        self.early = 0
        self.orphans = 0
        self.duplicates = 0

    def load(self, since: int) -> None:
        """Take up the receipts that waited when the gateway stopped (ids from `since` on)."""
        rows = self._store.engine.select(
            "SELECT carrier, remote_key, id, remote_id, state, error, done_at FROM orphan"
            " WHERE id >= ? ORDER BY id DESC LIMIT ?",
            (since, PARKED),
        )
        for carrier, key, row, remote_id, state, error, done in reversed(rows):
            parked = Parked(row, Report(remote_id, state, error, done / 1000))
            self._parked.setdefault((carrier, key), []).append(parked)

    # ------------------------------------------------------------------ a receipt arrives

    def take(self, carrier: Carrier, link: Link, pdu: wire.DeliverSm | wire.DataSm) -> bool:
        """Handle the PDU if it is a receipt; it is answered once its effect is durable."""
        kind = pdu.esm_class & TYPE_BITS
        remote_id = wire.tlv_text(pdu, _RECEIPTED_MESSAGE_ID) if pdu.tlvs else None
        if kind not in (RECEIPT, INTERMEDIATE) and remote_id is None:
            if kind or not carrier.settings.receipt_by_text:
                return False
            if not receipt.looks_like_receipt(_text(pdu)):
                return False
        report = _read(pdu, remote_id)
        message = self._find(carrier, report.id) if report.id else None
        if message is None and kind == RECEIPT and not report.id and not _reads_as_receipt(pdu):
            return False  # quirk 45: one provider marks every MO with esm_class 4
        if message is not None:
            self._apply(carrier, message, report)
        elif self._is_settled(carrier, report.id):
            self.duplicates += 1
        else:
            self._keep(carrier, report)
        self._answer(link, pdu)
        return True

    def _answer(self, link: Link, pdu: wire.DeliverSm | wire.DataSm) -> None:
        command_id = pdu.command_id
        answer = wire.frame(command_id | wire.RESPONSE, 0, pdu.sequence_number, _EMPTY_ID)
        self._store.answer(link, answer, (command_id, pdu.sequence_number))

    def _find(self, carrier: Carrier, remote_id: str) -> Message | None:
        awaiting = carrier.awaiting
        if carrier.forms.form in (None, EXACT):
            message = awaiting.get(canonical(remote_id))
            if message is not None:
                return self._found(carrier, message, EXACT, remote_id)
        forms = list(carrier.forms.candidates(remote_id))
        for form, key in forms:
            message = awaiting.get(key)
            if message is not None:
                return self._found(carrier, message, form, remote_id)
        if self._is_settled(carrier, remote_id):
            return None
        for form, key in forms:
            rows = self._store.engine.messages(
                "carrier = ? AND remote_key = ? AND state IN (6, 7, 23) ORDER BY id",
                (carrier.name, key),
                1,
            )
            if rows:
                return self._found(carrier, rows[0], form, remote_id)
        return None

    def _is_settled(self, carrier: Carrier, remote_id: str) -> bool:
        name, settled = carrier.name, self._settled
        return any((name, key) in settled for _, key in carrier.forms.candidates(remote_id))

    def _found(self, carrier: Carrier, message: Message, form: str, remote_id: str) -> Message:
        exact = form == EXACT and message.remote_id == remote_id
        carrier.learn(EXACT if exact else form_of(remote_id, message.remote_id) or form)
        return message

    def _apply(self, carrier: Carrier, message: Message, report: Report) -> None:
        state = report.state
        if not receipt.is_final(state) or state == State.ACCEPTED:
            # Many carriers say ACCEPTD first and DELIVRD later: it ends a message only when
            # nothing better comes in time.
            self.matched += 1
            self._outcomes.progress(message, state, report.error, report.done)
            return
        if message.state < State.WAITING and not receipt.supersedes(state, message.state):
            self.duplicates += 1
            return
        self.matched += 1
        key = (carrier.name, message.remote_key)
        carrier.awaiting.pop(message.remote_key, None)
        if state != State.UNKNOWN:  # a better state may still come
            self._settled[key] = message.id
            if len(self._settled) > SETTLED:
                self._settled.popitem(last=False)
        self._outcomes.end(message, state, report.error, report.done)

    # ------------------------------------------------------------------ receipts without a message

    def _keep(self, carrier: Carrier, report: Report) -> None:
        """Store a receipt whose message is unknown; memory keeps the recent ones."""
        self.orphans += 1
        key = canonical(report.id)
        row = self._ids.next()
        self._store.execute(
            "INSERT INTO orphan (id, carrier, remote_key, remote_id, state, error, done_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
            carrier.name,
            key,
            report.id,
            report.state,
            report.error,
            int(report.done * 1000),
        )
        if key:
            self._parked.setdefault((carrier.name, key), []).append(Parked(row, report))
            if len(self._parked) > PARKED:
                self._parked.popitem(last=False)

    def answered(self, carrier: Carrier, message: Message) -> None:
        """A submit_sm_resp named its message: apply the receipts that overtook it."""
        if not self._parked:
            return
        for form, key in candidates(message.remote_id):
            waiting = self._parked.pop((carrier.name, key), None)
            if waiting is None:
                continue
            for parked in waiting:
                self.early += 1
                self.orphans -= 1
                self._store.execute("DELETE FROM orphan WHERE id = ?", parked.row)
                self._found(carrier, message, form, parked.report.id)
                self._apply(carrier, message, parked.report)
            return


def _text(pdu: wire.DeliverSm | wire.DataSm) -> bytes:
    """The octets of the message, wherever they are (quirk 37)."""
    short_message = getattr(pdu, "short_message", b"")
    return short_message or wire.tlv(pdu, _MESSAGE_PAYLOAD) or b""


def _reads_as_receipt(pdu: wire.DeliverSm | wire.DataSm) -> bool:
    return receipt.looks_like_receipt(_text(pdu)) or wire.tlv(pdu, _MESSAGE_STATE) is not None


def _read(pdu: wire.DeliverSm | wire.DataSm, remote_id: str | None) -> Report:
    """TLVs first, then the text (PROTOCOL D.2)."""
    parsed = receipt.parse(_text(pdu))
    state = wire.tlv_int(pdu, _MESSAGE_STATE)
    if state is None:
        state = State.UNKNOWN if parsed.state is None else parsed.state
    state = STATES.get(state, State.UNKNOWN)
    error = parsed.err or ""
    octets = wire.tlv(pdu, _NETWORK_ERROR_CODE)
    if octets is not None and not error.strip("0"):
        code = receipt.network_error_code(octets)[1]
        if code:
            error = f"{code:03d}"
    return Report(remote_id or parsed.id or "", state, error, _epoch(parsed.done_date))


def _epoch(date: datetime | None) -> float:
    if date is None:
        return 0.0
    return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
