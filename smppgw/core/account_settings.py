"""What can be set of an account: who binds to us, and what it may and gets.

Owns: the typed settings of an account, the networks it comes from, the priority classes of its
messages, and whether its receipts can be written as it wants them.
Refuses to know: what is done with them, carriers, files.
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network

from attrs import frozen

from smppgw.core.setting import setting
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.receipt_format import APPENDIX_B, MOST_OCTETS, ReceiptFormatError, Template

Network = IPv4Network | IPv6Network


class Priority(IntEnum):
    """Priority class of a message; a smaller value is served first."""

    CODES = 0
    TRANSACTIONAL = 1
    BULK = 2
    EXPEDITED = -1
    """Put before all classes by an operator; last here, as in a list that has one of each."""


PRIORITY_NAMES = {one.name.lower(): one for one in Priority if one >= 0}
"""The classes that an account can have."""
PAST_STOP = {"none": -2, "codes": Priority.CODES, "transactional": Priority.TRANSACTIONAL}
"""Values of `past_stop`, as the highest value of a class that passes; none: not even EXPEDITED."""


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
    stopped: str = setting(
        "refuse",
        choices=("refuse", "receipt"),
        help="a message to a phone that said STOP gets command_status 0x453, or ESME_ROK and a "
        "receipt REJECTD err:053",
    )
    past_stop: str = setting(
        "none",
        choices=("none", "codes", "transactional"),
        help="the lowest class of its messages that may go to phones that said STOP to the sender; "
        "what they said to everything always counts",
    )
    data_codings: dict[str, str] = setting(  # noqa: RUF009
        dict,
        choices=tuple(map(str, Alphabet)),
        help="what its data_coding values mean, where that is not what SMPP says (0x00: gsm7)",
    )
    smart_encoding: str = setting(
        "off",
        choices=("off", "punctuation", "letters"),
        help="write its long texts in GSM 7-bit where plain characters can stand for all that it "
        "lacks: quotes, dashes and spaces, or also letters (c for ç); a text with anything else "
        "stays exact",
    )
    receipt_text: int = setting(
        20,
        minimum=0,
        maximum=64,
        unit="characters",
        help="length of `text:` in its receipts; 0 = empty",
    )
    receipt_format: str = setting(
        APPENDIX_B,
        help="how its receipts read; names in braces are id, sub, dlvrd, submit_date, done_date,"
        " stat, err and text, of which {id} and {stat} must be there; {done_date:12} has seconds,"
        " {done_date:14} also a year of four digits; a brace itself is {{ or }}",
    )

    long_mo: str = setting(
        "payload",
        choices=("payload", "parts", "split"),
        help="how it gets messages from phones that came in parts: joined, in message_payload when "
        "longer than 254 octets; each part as it came, at once; or joined and cut again, all parts "
        "in order with a header",
    )

    @property
    def receipt_template(self) -> Template | None:
        """What writes its receipts; None for `sms.receipt`, which is quicker.

        Raises ReceiptFormatError, unless `receipt_format_fault` found nothing.
        """
        return None if self.receipt_format == APPENDIX_B else Template(self.receipt_format)


def receipt_format_fault(receipt_format: str, receipt_text: int) -> str:
    """Why receipts cannot be written like this, `text` having so many octets; "" if they can."""
    try:
        longest = Template(receipt_format).longest(receipt_text)
    except ReceiptFormatError as error:
        return str(error)
    if longest > MOST_OCTETS:
        return f"a receipt can have {longest} octets, which is more than {MOST_OCTETS}"
    return ""
