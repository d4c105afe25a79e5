"""What a session answers without asking anybody when a peer's request cannot be used.

Owns the choice of response, status and whether there is an answer at all. Refuses to know session
state changes and output. Every answer is a header of 16 octets; a response is never answered.
Source: SMPP 3.4 sections 4.3 (generic_nack) and 5.1.3 (command_status).
"""

from __future__ import annotations

from smppgw.smpp import wire
from smppgw.smpp.session.table import BOUND, BOUND_BY, UNANSWERED, Role, State


def to_illegal(role: Role, state: State, command_id: int) -> int:
    """The command_status for a known request that is illegal for our peer in this state."""
    if command_id in BOUND_BY and role is Role.MC and state in BOUND:
        return wire.CommandStatus.ESME_RALYBND
    return wire.CommandStatus.ESME_RINVBNDSTS


def refusal(command_id: int, command_status: int, sequence_number: int) -> bytes:
    """The response of a known request with an error status; generic_nack if it has no response."""
    if command_id in UNANSWERED:
        return wire.header(wire.GenericNack.command_id, command_status, sequence_number)
    return wire.header(command_id | wire.RESPONSE, command_status, sequence_number)


def to_malformed(error: wire.BodyError) -> bytes:
    """The answer to a PDU that could not be read; b"" for a response."""
    if error.command_id & wire.RESPONSE:
        return b""
    if isinstance(error, wire.UnknownCommandError):
        return wire.header(wire.GenericNack.command_id, error.command_status, error.sequence_number)
    return refusal(error.command_id, error.command_status, error.sequence_number)


def to_bad_length(error: wire.FramingError) -> bytes:
    """The last word to a peer whose command_length cannot be followed."""
    return wire.header(wire.GenericNack.command_id, error.command_status, error.sequence_number)
