"""What a simulated ESME is to do, as settings.

Owns: the names and defaults of `Load`. Refuses to know how it is done (`esme`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import field, frozen, validators

from smppgw.simulator.messages import Source
from smppgw.simulator.shapes import Shape
from smppgw.smpp.session import Timing


def _decimal(message_id: str) -> str:
    digits = message_id.isascii() and message_id.isdecimal()
    return str(int(message_id)) if digits else message_id


def _of_hex(message_id: str) -> str:
    try:
        return str(int(message_id, 16))
    except ValueError:
        return message_id


_Key = Callable[[str], str]
RECEIPT_IDS: Final[Mapping[str, tuple[_Key, _Key]]] = {
    "same": (str, str),
    "decimal": (_of_hex, _decimal),
    "hex": (_decimal, _of_hex),
}
"""How receipts say the message_id of an answer -> what both are compared by: `decimal` for a server
that answers in hexadecimal and says it in decimal in the receipt, `hex` the other way round."""


@frozen(kw_only=True)
class Load:
    """What a `SimulatedEsme` does. Times are seconds."""

    system_id: str = "demo"
    password: str = field(default="", repr=False)
    system_type: str = ""
    bind: str = field(default="transceiver", validator=validators.in_(("transceiver", "pair")))
    """`pair` is a transmitter and a receiver."""
    binds: int = 1
    """How many of these. Each destination belongs to one of them, for only one bind keeps order."""
    window: int = field(default=10, validator=validators.ge(1))
    timing: Timing = field(factory=Timing)
    reconnect: float = 1.0
    """Until it connects again."""

    count: int = 0
    """Messages to send."""
    rate: float = 0.0
    """Messages per second, whether or not they are answered; 0: as the window allows."""
    shape: Shape | None = None
    """How the rate goes, where it does not stay the same; it may end before `count`."""
    poisson: int | None = None
    """Seed of arrivals by chance; None: evenly."""
    flow: str = "mt"
    """Name in the markers."""
    source: str = "38100"
    destinations: tuple[str, ...] = field(default=("33600000001",), validator=validators.min_len(1))
    """Taken in turn."""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    texts: tuple[str, ...] = field(default=("",), validator=validators.min_len(1))
    """Taken in turn; the marker goes in front, or behind a script."""
    messages: Source | None = None
    """Where messages come from instead."""
    registered_delivery: int = 1
    receipt_ids: str = field(default="same", validator=validators.in_(tuple(RECEIPT_IDS)))

    delivery_status: int = 0
    """Answer deliver_sm with this command_status."""
    delivery_delay: float = 0.0
    answer_deliveries: bool = True

    remember: int = 100_000
    """Ids of ended messages by which a second receipt is recognised, and ids not known yet."""
    most_awaited: int = 2_000_000
    """Ids whose receipt is awaited; the oldest beyond that count as given up."""
