"""A message on its way to a phone, and a delivery on its way to an ESME.

Owns: the two records that the store keeps, their states and what each state means.
Refuses to know: how they are stored, routed or coded.

All times are whole milliseconds since 1970 (UTC); 0 means "not yet".
"""

from __future__ import annotations

from enum import IntEnum

from attrs import define, field


class State(IntEnum):
    """Where a message is; final states carry the message_state of SMPP 3.4 section 5.2.28."""

    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    WAITING = 20
    """Queued for its carrier."""
    DEFERRED = 21
    """Held until `due` (schedule_delivery_time)."""
    IN_FLIGHT = 22
    """Given to a link; the carrier has not answered. After a crash: possibly sent."""
    SENT = 23
    """Accepted by the carrier; its receipt is awaited."""
    IN_PARTS = 24
    """It travels as several messages, its parts; they decide what becomes of it."""
    GATHERING = 25
    """One part of a text that its carrier wants whole; the others have not come."""


QUEUED = (State.WAITING, State.DEFERRED, State.IN_FLIGHT, State.GATHERING)
"""States in which a message counts as queued: no carrier has taken it."""
FINAL = frozenset(state for state in State if state < State.WAITING)
ENROUTE = 1
"""The message_state that an ESME sees for every state that is not final."""
_ELSEWHERE = {0: "SCHEDULED", ENROUTE: "ENROUTE"}


def state_name(state: int) -> str:
    """The name of a State, or of a message_state that only carriers know (SMPP 5.0 4.7.15)."""
    return _ELSEWHERE.get(state) or State(state).name


@define(eq=False)
class Message:
    """One accepted submit_sm, from its acceptance to the end of its retention."""

    id: int
    account: str
    source: str
    destination: str
    registered_delivery: int
    priority: int
    expires: int
    body: bytes = field(repr=False)
    """Octets of the submit_sm body as its sender wrote it; of a part, as it goes to the carrier."""
    origin: str = ""
    """Which bind brought it, and under which sequence_number."""
    service_type: str = ""
    multi: int = 0
    """The id its submit_multi was answered with; 0 = its own."""
    part_of: int = 0
    """The message that this one is a part of; 0 = none. Its sender knows only that."""
    part: int = 0
    """Which part it is, from 1."""
    parts: int = 0
    """How many parts it travels in; 0 = it was not cut."""
    parts_ended: int = 0
    """How many of them are final."""
    parts_delivered: int = 0
    """How many of these were delivered."""
    worst: int = 0
    """The worst final state of a part."""
    worst_part: int = 0
    """The first part that ended so."""
    joined: int = 0
    """The message that stands for the joined text of which this one brought a part; 0 = none."""
    carrier: str = ""
    state: int = State.WAITING
    position: int = 0
    """Its place in the queue of its carrier: a message id's worth of order."""
    due: int = 0
    duplicate: int = 0
    """How often its outcome became unknown and it was, or is to be, sent again."""
    attempts: int = 0
    tried: str = ""
    """Carriers that gave it back, separated by blanks."""
    link: str = ""
    sequence_number: int = 0
    sent_at: int = 0
    answered_at: int = 0
    command_status: int = 0
    remote_id: str = ""
    """message_id of the carrier's submit_sm_resp, as it came."""
    remote_key: str = ""
    """Its canonical form, under which receipts look it up."""
    reported: int = 0
    """The last message_state that was not final, as the carrier reported it."""
    final_at: int = 0
    error: str = ""
    """`err` or network_error_code of the final receipt, or why the gateway ended it."""
    receipt_to: str = ""
    """Bind and sequence_number that took the receipt."""
    receipt_at: int = 0
    as_is: bool = False
    """Its carrier is known to take its body as it is; not stored."""
    stored: bool = False
    """The store has a row of it (not only a journal entry)."""
    fresh: bool = True
    """No journal entry of it yet."""
    whole: bool = True
    """Its next journal entry has to carry every column."""
    dirty: bool = True
    """Its row, if any, is older than this."""
    resting: bool = False
    """Nothing in memory waits for it: once its row is up to date, it is forgotten here."""

    @property
    def final(self) -> bool:
        """Nothing more will happen to it."""
        return self.state < State.WAITING

    @property
    def public_id(self) -> int:
        """The id that its ESME knows."""
        return self.multi or self.id

    def rewrite(self) -> None:
        """Its fixed columns changed: journal and row need all of it again."""
        self.whole = True
        self.stored = False

    @property
    def message_state(self) -> int:
        """What an ESME is told: SMPP 3.4 section 5.2.28."""
        return self.state if self.state < State.WAITING else ENROUTE


@define(eq=False)
class Delivery:
    """One deliver_sm that an account has to get: an MO or a receipt."""

    id: int
    account: str
    kind: str
    """`mo`, `receipt` or `intermediate`."""
    message: int
    """The message a receipt speaks of; 0 for an MO."""
    expires: int
    body: bytes = field(repr=False)
    """Octets of the deliver_sm body."""
    done: bool = False
    stored: bool = False
    fresh: bool = True
