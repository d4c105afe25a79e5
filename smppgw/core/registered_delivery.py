"""registered_delivery: what a sender asked to be told, and what its carrier is asked for it.

Owns: the bits of the field.
Refuses to know: how anybody is told.
Source: SMPP 3.4 section 5.2.17; 3 (success only) is of SMPP 5.0.
"""

from __future__ import annotations

from smppgw.core.message import State

OUTCOME = 0x03
"""Bits that ask for a receipt."""
ANY, FAILURE, SUCCESS = 1, 2, 3
"""Their values: whatever the outcome, on failure only, on success only."""
INTERMEDIATE = 0x10
"""Bit that asks for notifications on the way."""

_GOOD = (State.DELIVERED, State.ACCEPTED)


def wants_receipt(registered_delivery: int, state: int) -> bool:
    """Whether the sender asked for a receipt of this final state."""
    asked = registered_delivery & OUTCOME
    if asked == SUCCESS:
        return state in _GOOD
    return asked == ANY or (asked == FAILURE and state not in _GOOD)


def of_carrier(registered_delivery: int) -> int:
    """What to ask the carrier: both outcomes, where the sender wants to hear of one or of progress.

    Without both we could not tell the one that was asked for, nor when notifications end.
    """
    if registered_delivery & (INTERMEDIATE | FAILURE):  # FAILURE is a bit of SUCCESS, too
        return registered_delivery & ~OUTCOME | ANY
    return registered_delivery


def awaits(registered_delivery: int) -> bool:
    """Whether the carrier tells more than that it took the message."""
    return registered_delivery & (OUTCOME | INTERMEDIATE) != 0
