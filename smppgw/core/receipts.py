"""Receipts from carriers: finding the message, changing its state, keeping what finds none.

Owns: what counts as a receipt, the match by (carrier, id), receipts that arrive before the
submit_sm_resp, and orphans.
Refuses to know: how a receipt reaches the ESME (`outcome`), how ids are written (`receipt_ids`).
Source: SMPP 3.4 sections 5.2.12 (esm_class), 5.3.2.12 (receipted_message_id), Appendix B.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from smppgw.core.held import Held
from smppgw.core.ids import MessageIds
from smppgw.core.message import FINAL, Message, State
from smppgw.core.outcome import Outcomes
from smppgw.core.receipt_ids import EXACT, SPARSE, candidates, canonical, form_of
from smppgw.core.store.batch import Source
from smppgw.core.store.group_commit import Store
from smppgw.smpp import wire
from smppgw.sms import receipt

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier

TYPE_BITS = 0x3C
RECEIPT, INTERMEDIATE = 0x04, 0x20
PARKED = 10_000
"""Ids whose receipts stay in memory, to meet a submit_sm_resp that is still on its way."""
PARKED_PER_ID = 10
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
_RESPONSE = int(wire.RESPONSE)
_RECEIPTS = (RECEIPT, INTERMEDIATE)
# Plain ints: these are compared for every receipt.
_SENT, _WAITING = int(State.SENT), int(State.WAITING)
_ACCEPTED, _UNKNOWN = int(State.ACCEPTED), int(State.UNKNOWN)
_LONGEST = 65
"""Octets of receipted_message_id; no id and no `err` in a text is longer and means something."""


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

    def held(self) -> list[Held]:
        """What it holds in memory."""
        return [
            Held("receipts without a message", len(self._parked), PARKED, "ids"),
            Held("ended, for repeated receipts", len(self._settled), SETTLED, "ids"),
        ]

    # ------------------------------------------------------------------ a receipt arrives

    def take(self, carrier: Carrier, link: Source, pdu: wire.DeliverSm | wire.DataSm) -> bool:
        """Handle the PDU if it is a receipt; it is answered once its effect is durable."""
        kind = pdu.esm_class & TYPE_BITS
        if kind not in _RECEIPTS and (kind or not _is_told_apart(carrier, pdu)):
            return False  # an acknowledgement by the phone itself, or an MO
        report, named = _read(pdu)
        message = self._find(carrier, report.id) if report.id else None
        if message is None and not named and not _reads_as_receipt(pdu):
            return False  # some carriers mark every MO with esm_class 4
        if message is not None:
            self._apply(carrier, message, report)
        elif self._is_settled(carrier, report.id):
            self.duplicates += 1
        else:
            self._keep(carrier, report)
        command_id, sequence_number = pdu.command_id, pdu.sequence_number
        answer = wire.empty_answer(command_id | _RESPONSE, sequence_number)
        self._store.answer(link, answer, (command_id, sequence_number))
        return True

    def _find(self, carrier: Carrier, remote_id: str) -> Message | None:
        awaiting = carrier.awaiting
        if carrier.forms.form in (None, EXACT):
            message = awaiting.get(canonical(remote_id))
            if message is not None and message.state == _SENT:
                return self._found(carrier, message, EXACT, remote_id)
        store = self._store
        for form, key in _forms(carrier, remote_id, carrier.in_flight > 0):
            message = awaiting.get(key)
            # One that ended as UNKNOWN stays there, but its row may be newer by now.
            if message is not None and (message.state == _SENT or message.id in store.live):
                return self._found(carrier, message, form, remote_id)
            if (carrier.name, key) in self._settled:
                return None
            rows = store.engine.messages(
                "carrier = ? AND remote_key = ? AND state IN (6, 7, 23) ORDER BY id",
                (carrier.name, key),
                1,
            )
            if rows:
                return self._found(carrier, rows[0], form, remote_id)
        return None

    def _is_settled(self, carrier: Carrier, remote_id: str) -> bool:
        name, settled = carrier.name, self._settled
        forms = _forms(carrier, remote_id, carrier.in_flight > 0)
        return any((name, key) in settled for _, key in forms)

    def _found(self, carrier: Carrier, message: Message, form: str, remote_id: str) -> Message:
        exact = form == EXACT and message.remote_id == remote_id
        carrier.learn(EXACT if exact else form_of(remote_id, message.remote_id) or form)
        return message

    def _apply(self, carrier: Carrier, message: Message, report: Report) -> None:
        state = report.state
        if message.state < _WAITING and not receipt.supersedes(state, message.state):
            self.duplicates += 1
            return
        if state == _ACCEPTED or not receipt.is_final(state):
            # Many carriers say ACCEPTD first and DELIVRD later: it ends a message only when
            # nothing better comes in time.
            self.matched += 1
            self._outcomes.progress(message, state, report.error, report.done)
            return
        self.matched += 1
        if state != _UNKNOWN:  # a better state may still come
            carrier.awaiting.pop(message.remote_key, None)
            settled = self._settled
            settled[carrier.name, message.remote_key] = message.id
            if len(settled) > SETTLED:
                settled.popitem(last=False)
        self._outcomes.end(message, state, report.error, report.done)
        if message.sent_at:
            carrier.measures.receipt_ms.observe(message.final_at - message.sent_at)

    # ------------------------------------------------------------------ receipts without a message

    def _keep(self, carrier: Carrier, report: Report) -> None:
        """Store a receipt whose message is unknown; memory keeps the recent ones."""
        self.orphans += 1
        key = canonical(report.id)
        row = self._ids.next()
        self._store.execute(
            "INSERT OR REPLACE INTO orphan"
            " (id, carrier, remote_key, remote_id, state, error, done_at)"
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
            parked = self._parked.setdefault((carrier.name, key), [])
            parked.append(Parked(row, report))
            if len(parked) > PARKED_PER_ID:
                del parked[0]
            if len(self._parked) > PARKED:
                self._parked.popitem(last=False)

    def answered(self, carrier: Carrier, message: Message) -> None:
        """A submit_sm_resp named its message: await its receipt, or apply what overtook it."""
        earlier = carrier.awaiting.get(message.remote_key)
        if earlier is not None and earlier is not message:  # the carrier repeats its ids
            self._store.touch(earlier)
            earlier.resting = True
        carrier.awaiting[message.remote_key] = message
        if not self._parked:
            return
        for form, key in candidates(message.remote_id):
            place = (carrier.name, key)
            waiting = self._parked.get(place)
            if waiting is None:
                continue
            found = [one for one in waiting if _overtook(carrier, one, message)]
            if not found:
                continue
            left = [one for one in waiting if one not in found]
            if left:
                self._parked[place] = left
            else:
                del self._parked[place]
            for parked in found:
                self.early += 1
                self.orphans -= 1
                self._store.execute("DELETE FROM orphan WHERE id = ?", parked.row)
                self._found(carrier, message, form, parked.report.id)
                self._apply(carrier, message, parked.report)
            return


def _forms(carrier: Carrier, remote_id: str, racing: bool) -> list[tuple[str, str]]:
    """The keys to look up for an id; `racing` when its own submit_sm_resp may be on its way."""
    found = list(carrier.forms.candidates(remote_id))
    if racing and carrier.forms.form is None and found and len(found[0][1]) < SPARSE:
        del found[1:]  # of a carrier that counts 1, 2, 3, "16" is not yet known not to be "10"
    return found


def _overtook(carrier: Carrier, parked: Parked, message: Message) -> bool:
    """Whether a receipt speaks of this message: an older one means an earlier use of the id."""
    return parked.row > message.id and any(
        key == message.remote_key for _, key in _forms(carrier, parked.report.id, True)
    )


def _text(pdu: wire.DeliverSm | wire.DataSm) -> bytes:
    """The octets of the message, wherever they are: message_payload carries short ones too."""
    if type(pdu) is wire.DeliverSm and pdu.short_message:
        return pdu.short_message
    return wire.tlv(pdu, _MESSAGE_PAYLOAD) or b""


def _reads_as_receipt(pdu: wire.DeliverSm | wire.DataSm) -> bool:
    parsed = receipt.parse(_text(pdu))
    return bool(parsed.id and parsed.stat) or wire.tlv(pdu, _MESSAGE_STATE) is not None


def _is_told_apart(carrier: Carrier, pdu: wire.DeliverSm | wire.DataSm) -> bool:
    """Whether a PDU without the bit of a receipt is one."""
    if wire.tlv_text(pdu, _RECEIPTED_MESSAGE_ID):
        return True
    return carrier.settings.receipt_by_text and receipt.looks_like_receipt(_text(pdu))


def _read(pdu: wire.DeliverSm | wire.DataSm) -> tuple[Report, bool]:
    """What it says, and whether a TLV names its message.

    TLVs first, then the text, whose id may be cut short.
    """
    parsed = receipt.parse(_text(pdu))
    state = parsed.state
    error = parsed.err or ""
    named = ""
    for tag, octets in pdu.tlvs:
        if tag == _RECEIPTED_MESSAGE_ID:
            named = named or octets.removesuffix(b"\0").decode("latin-1")
        elif tag == _MESSAGE_STATE:
            state = int.from_bytes(octets[-1:], "big")
        elif tag == _NETWORK_ERROR_CODE and not error.strip("0"):
            code = receipt.network_error_code(octets)[1]
            if code:
                error = f"{code:03d}"
    known = _UNKNOWN if state is None else STATES.get(state, _UNKNOWN)
    id = named or parsed.id or ""
    report = Report(id[:_LONGEST], known, error[:_LONGEST], _epoch(parsed.done_date))
    return report, bool(named)


@lru_cache(maxsize=512)
def _epoch(date: datetime | None) -> float:
    if date is None:
        return 0.0
    return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
