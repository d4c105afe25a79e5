"""What a `Session` tells its caller.

Owns the event classes and `Pending`. Refuses to know how they come about (`session.py`).
Times are seconds of the clock that the caller passes in.
"""

from __future__ import annotations

from attrs import define, field

from smppgw.smpp import wire


@define
class Pending:
    """A request of ours that nobody has answered: sent at `sent_at`, given up at `deadline`."""

    sequence_number: int
    command_id: int
    context: object = field(repr=False)
    sent_at: float
    deadline: float


@define
class Request:
    """A legal request of the peer; all but outbind and alert_notification are owed a `respond`.

    `frame` is what it was read from.
    """

    pdu: wire.PDU
    frame: bytes = field(default=b"", eq=False, repr=False)


@define
class Response:
    """The answer to a request of ours, whatever its class: a `GenericNack` counts as well."""

    pdu: wire.PDU
    context: object = field(repr=False)
    sent_at: float


@define
class Late:
    """A response nobody waits for: unknown, answered before or expired; it is never answered."""

    pdu: wire.PDU


@define
class BindRequest:
    """A peer asks to bind; nothing more is read until `accept_bind` or `refuse_bind`."""

    pdu: wire.Bind


@define
class BindAnswer:
    """The answer to our bind; the session is BOUND already if it was accepted."""

    pdu: wire.PDU


@define
class Expired:
    """Requests of ours that reached the response timer, in the order sent."""

    pending: list[Pending]


@define
class PeerUnbind:
    """The peer ends the session; `Close` follows when every request of its is answered."""


@define
class Malformed:
    """A PDU that could not be read; answered already, or dropped if it was a response."""

    error: wire.BodyError


@define
class Refused:
    """A request that is illegal in this state; answered already with `command_status`."""

    command_id: int
    command_status: int


@define
class Close:
    """The session is over: the caller flushes what is unsent and closes the connection."""

    reason: str


Event = (
    Request
    | Response
    | Late
    | BindRequest
    | BindAnswer
    | Expired
    | PeerUnbind
    | Malformed
    | Refused
    | Close
)
