"""SMPP sessions without I/O: states, legal moves, window, timers; both roles.

`Session` takes octets and the time, gives events and octets. Pure: no Twisted, no clock, no log.
"""

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
from smppgw.smpp.session.session import Session
from smppgw.smpp.session.table import BOUND, LEGAL, LocalError, Role, State
from smppgw.smpp.session.timers import Timing

__all__ = [
    "BOUND",
    "LEGAL",
    "BindAnswer",
    "BindRequest",
    "Close",
    "Event",
    "Expired",
    "Late",
    "LocalError",
    "Malformed",
    "PeerUnbind",
    "Pending",
    "Refused",
    "Request",
    "Response",
    "Role",
    "Session",
    "State",
    "Timing",
]
