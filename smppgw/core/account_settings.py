"""What can be set for one account.

Owns: the typed settings of those who may bind to us, with type, default, unit and meaning.
Refuses to know: where a value came from and what is done with it; the other settings (`settings`,
under whose name these are imported too).
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network

from attrs import frozen

from smppgw.core.setting import setting

Network = IPv4Network | IPv6Network


class Priority(IntEnum):
    """Priority class of a message; a smaller value is served first."""

    CODES = 0
    TRANSACTIONAL = 1
    BULK = 2


PRIORITY_NAMES = {one.name.lower(): one for one in Priority}


@frozen(kw_only=True)
class AccountSettings:
    """`[[accounts]]`: who may bind to us."""

    system_id: str = setting(help="as in the bind PDU, at most 15 characters")
    password: str = setting("", secret=True, help="as in the bind PDU; password_hash hides it here")
    password_hash: str = setting(
        "", secret=True, help="instead of password; `smppgw password` makes one"
    )
    enabled: bool = setting(True, help="false refuses binds and keeps everything else")
    binds: int = setting(
        4, minimum=1, maximum=100_000, help="binds at once; one more gets ESME_RBINDFAIL"
    )
    window: int = setting(
        50,
        minimum=1,
        maximum=10_000,
        help="unanswered submits accepted per bind; more get ESME_RTHROTTLED",
    )
    throughput: float = setting(
        0.0, minimum=0, unit="messages/s", help="0 = no limit; above it submits get ESME_RTHROTTLED"
    )
    burst: float = setting(
        0.0, minimum=0, unit="messages", help="token bucket size; 0 = one second of throughput"
    )
    allow_from: tuple[Network, ...] = setting(
        tuple, help="networks or addresses the account may bind from; empty = loopback only"
    )
    priority: str = setting(
        "transactional",
        choices=tuple(PRIORITY_NAMES),
        help="class of its messages with priority_flag 0; 1 = transactional, 2 and 3 = codes",
    )
    max_priority: str = setting(
        "codes", choices=tuple(PRIORITY_NAMES), help="best class its priority_flag can reach"
    )
    max_queue: int = setting(
        0,
        minimum=0,
        unit="messages",
        help="its queued messages above which it gets ESME_RMSGQFUL; 0 = only the gateway's limit",
    )
    delivery_window: int = setting(
        50, minimum=1, maximum=1000, help="unanswered deliver_sm we have at one of its binds"
    )
    delivery_validity: float = setting(
        3 * 86400.0,
        minimum=60,
        unit="s",
        help="how long MOs and receipts wait for it before they expire",
    )
    delivery_retry: float = setting(
        5.0, minimum=0.1, unit="s", help="pause after a temporary refusal of a deliver_sm"
    )
    receipt_text: int = setting(
        20,
        minimum=0,
        maximum=64,
        unit="characters",
        help="length of `text:` in its receipts; 0 = empty",
    )
    long_mo: str = setting(
        "payload",
        choices=("payload", "parts", "split"),
        help="how it gets messages from phones that came in parts: joined, in message_payload when "
        "longer than 254 octets; each part as it came, at once; or joined and cut again, all parts "
        "in order with a header",
    )
