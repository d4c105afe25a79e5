"""The legal moves of an SMPP session: who may send which request in which state.

Owns the states, the roles and the one table. Refuses to know sequence numbers, windows, timers and
what an illegal request is answered with (`session.py`). Responses are not listed: a response is
legal exactly when a request waits for it.
Source: SMPP 3.4 section 2.3, SMPP 5.0 section 2.4 (operation matrix).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from smppgw.smpp import wire


class Role(Enum):
    """Which end we are: `ESME` binds out, `MC` is bound to (message centre)."""

    ESME = "ESME"
    MC = "MC"

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.MC if self is Role.ESME else Role.ESME


class State(Enum):
    """Session states of the specification, and `CLOSED` once the connection is gone."""

    OPEN = "OPEN"
    OUTBOUND = "OUTBOUND"
    BOUND_TX = "BOUND_TX"
    BOUND_RX = "BOUND_RX"
    BOUND_TRX = "BOUND_TRX"
    UNBOUND = "UNBOUND"
    CLOSED = "CLOSED"


class LocalError(wire.SmppError):
    """Our own side tried a move that the session does not allow now; nothing was sent."""


def command_name(command_id: int) -> str:
    """The name of a command as the specification has it, or its number."""
    try:
        return wire.CommandId(command_id).name
    except ValueError:
        return f"0x{command_id:08X}"


BOUND_BY: Final[dict[int, State]] = {
    wire.BindTransmitter.command_id: State.BOUND_TX,
    wire.BindReceiver.command_id: State.BOUND_RX,
    wire.BindTransceiver.command_id: State.BOUND_TRX,
}
BOUND: Final = frozenset(BOUND_BY.values())
# These two have no response in the specification.
UNANSWERED: Final[frozenset[int]] = frozenset(
    {wire.Outbind.command_id, wire.AlertNotification.command_id}
)

_BEFORE = (State.OPEN, State.OUTBOUND)
_EITHER = (State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX)
_SENDING = (State.BOUND_TX, State.BOUND_TRX)
_RECEIVING = (State.BOUND_RX, State.BOUND_TRX)
_ALWAYS = (*_BEFORE, *_EITHER, State.UNBOUND)

_ROWS: Final[tuple[tuple[tuple[int, ...], tuple[State, ...], tuple[State, ...]], ...]] = (
    # requests                               an ESME may send in       an MC may send in
    (tuple(BOUND_BY), _BEFORE, ()),
    ((wire.Outbind.command_id,), (), (State.OPEN,)),
    ((wire.EnquireLink.command_id,), _ALWAYS, _ALWAYS),
    ((wire.Unbind.command_id,), _EITHER, _EITHER),
    (
        (
            wire.SubmitSm.command_id,
            wire.SubmitMulti.command_id,
            wire.QuerySm.command_id,
            wire.CancelSm.command_id,
            wire.ReplaceSm.command_id,
            wire.BroadcastSm.command_id,
            wire.QueryBroadcastSm.command_id,
            wire.CancelBroadcastSm.command_id,
        ),
        _SENDING,
        (),
    ),
    ((wire.DataSm.command_id,), _SENDING, _RECEIVING),
    ((wire.DeliverSm.command_id, wire.AlertNotification.command_id), (), _RECEIVING),
)


def _legal(sender: Role, state: State) -> frozenset[int]:
    return frozenset(
        command_id
        for commands, esme, mc in _ROWS
        for command_id in commands
        if state in (esme if sender is Role.ESME else mc)
    )


LEGAL: Final[dict[tuple[Role, State], frozenset[int]]] = {
    (sender, state): _legal(sender, state) for sender in Role for state in State
}

# Moves that go through their own methods (bind, unbind) or are made by the session itself.
_GUIDED: Final[frozenset[int]] = frozenset(BOUND_BY) | {wire.Unbind.command_id}

# What `Session.request` lets through. enquire_link is legal before the bind, but peers exist that
# time out on it or refuse it, so we never send it there.
REQUESTABLE: Final[dict[tuple[Role, State], frozenset[int]]] = {
    (sender, state): legal
    - _GUIDED
    - (frozenset() if state in BOUND else {wire.EnquireLink.command_id})
    for (sender, state), legal in LEGAL.items()
}

# What a peer's request may be to be handed to the caller without another look: legal and answered
# by the caller.
HANDED_OVER: Final[dict[tuple[Role, State], frozenset[int]]] = {
    (sender, state): legal - _GUIDED - UNANSWERED - {wire.EnquireLink.command_id}
    for (sender, state), legal in LEGAL.items()
}
