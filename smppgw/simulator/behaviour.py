"""How a simulated carrier behaves, as settings and as words in the text of a message.

Owns: every deviation that `carrier` can show, with its name and default, the grammar by which one
message asks for its own, and the forms of message ids. Refuses to know connections and timers.
Source: what message centres are seen to do; SMPP 3.4 Appendix B for receipts.

A text that starts with a script is treated as the script says, whatever the settings are:

    script = "{" word "=" value *( "," word "=" value ) "}"

    status=0x58      answer with this command_status (decimal or hexadecimal); take nothing
    answer=twice     one of ANSWERS: once, twice, never, disconnect, nack
    times=2          `status` and `answer` hold for the first 2 sights of this destination and text
    delay=1.5        seconds until the answer
    receipt=UNDELIV  stat of the receipt, or `never`
    err=021          err of the receipt
    after=3          seconds from the answer to the receipt
    copies=2         how often the receipt comes

    {status=0x58,times=2}hello      {receipt=UNDELIV,err=021}hello      {answer=never}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from attrs import field, frozen, validators

from smppgw.smpp import wire
from smppgw.smpp.session import Timing
from smppgw.smpp.wire import CommandStatus
from smppgw.sms.receipt import STATE_WORDS
from smppgw.sms.segment import UDHI

ANSWERS: Final = ("once", "twice", "never", "disconnect", "nack")
"""To requests that carry a message; `disconnect` takes it and drops the connection unanswered."""

STATS: Final = frozenset(STATE_WORDS.values())
"""Words for `stat`."""

ID_FORMS: Final[Mapping[str, Callable[[int], str]]] = MappingProxyType(
    {
        "decimal": lambda number: f"{number:d}",
        "hex": lambda number: f"{number:x}",
        "HEX": lambda number: f"{number:X}",
        "padded": lambda number: f"{number:010d}",
        "uuid": lambda number: str(UUID(int=number << 64 | number)),
    }
)
"""A message id out of its number."""

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
_one_of = validators.in_


def _expression(behaviour: object, attribute: object, value: str) -> None:
    re.compile(value)


@frozen(kw_only=True)
class Behaviour:
    """Settings of a `SimulatedCarrier`; the defaults are a carrier without fault.

    Times are seconds; 0 means never or no limit where nothing else is said.
    """

    system_id: str = "simulator"
    passwords: Mapping[str, str] = field(default=_EMPTY, repr=False)
    """Password of each system_id that may bind; empty lets everybody in."""
    bind_status: int = 0
    """Refuse every bind with this command_status."""
    interface_version: int = 0x34
    timing: Timing = field(factory=Timing)
    unbind_after: float = 0.0
    """Unbind this long after each bind."""
    disconnect_after: float = 0.0
    """Drop each connection this long after its bind."""
    disconnect_every: int = 0
    """Take every so many-th message of a connection, drop the connection and never answer."""

    answer: str = field(default="once", validator=_one_of(ANSWERS))
    message_id: str = field(default="decimal", validator=_one_of(ID_FORMS))
    response_delay: float = 0.0
    response_jitter: float = 0.0
    """Up to so much more, evenly."""
    error_rate: float = 0.0
    """Share of messages answered with `error_status`."""
    error_status: int = CommandStatus.ESME_RSYSERR
    error_body: bool = False
    """Refusals have a body, an empty message_id; else they are a header alone."""
    destination_statuses: Mapping[str, int] = _EMPTY
    """command_status for every message to a destination_addr."""
    senders: str = field(default="", validator=_expression)
    """Regular expression of the source_addr that may send; others get ESME_RINVSRCADR."""
    stop_words: tuple[str, ...] = ()
    """Keywords by which a phone stops a sender, see `consent`; empty: nobody asks."""
    start_words: tuple[str, ...] = ()
    """Keywords by which it lets the sender write again."""
    stop_status: int = CommandStatus.ESME_RINVDSTADR
    """For messages to a phone that stopped their sender, after one that confirms it."""
    throughput: int = 0
    """Messages per second of the clock, all binds together; more get `throttle_status`."""
    pace: float = 0.0
    """Answers per second, all binds together; more messages wait for theirs."""
    throttle_status: int = CommandStatus.ESME_RTHROTTLED
    window: int = 0
    """Unanswered messages of one bind; more get ESME_RMSGQFUL."""

    receipts: str = field(default="both", validator=_one_of(("both", "text", "tlv", "never")))
    """A receipt carries Appendix B text, TLVs or both."""
    receipt_delay: float = 0.0
    """From the answer."""
    receipt_jitter: float = 0.0
    receipt_bind: str = field(default="same", validator=_one_of(("same", "other", "any")))
    """On which receiving bind of the same system_id; another one serves when there is no such."""
    receipt_first: bool = False
    """Send it before the answer."""
    receipt_copies: int = 1
    receipt_progress: tuple[str, ...] = field(
        default=(), validator=validators.deep_iterable(_one_of(STATS))
    )
    """stat of receipts before the last: ("ENROUTE",) is intermediate, ("ACCEPTD",) early."""
    receipt_id: str = field(default="", validator=_one_of(("", *ID_FORMS)))
    """Form of the id in receipts when it is not that of the answer."""
    failures: Mapping[str, float] = field(
        default=_EMPTY, validator=validators.deep_mapping(key_validator=_one_of(STATS))
    )
    """Share of messages that end with a stat: {"UNDELIV": 0.02}; the rest is DELIVRD."""
    failure_error: str = "001"
    """err of those."""

    delivery_window: int = 10
    """Unanswered deliver_sm on one bind."""
    redelivery: float = 1.0
    """Until a deliver_sm that was refused for a time is sent again."""
    shuffle_parts: bool = False
    """The parts of a long text from a phone leave in any order."""
    repeat_parts: float = 0.0
    """Share of these parts that leave twice; never all of a text."""
    queue: int = 100_000
    """Receipts and answers under way; above it messages get ESME_RMSGQFUL."""
    record: int = 10_000
    """Messages remembered in `SimulatedCarrier.received`."""


class ScriptError(ValueError):
    """A text looks like a script and is none: better told than taken for a text."""


@frozen
class Script:
    """What a message asks for itself; None and "" leave it to the settings."""

    status: int = 0
    answer: str = ""
    times: int = 0
    delay: float | None = None
    receipt: str = ""
    err: str = ""
    after: float | None = None
    copies: int | None = None


def _word(*known: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"it is none of {', '.join(known)}")
        return value

    return check


_WORDS: Final[Mapping[str, Callable[[str], Any]]] = {
    "status": lambda value: int(value, 0),
    "answer": _word(*ANSWERS),
    "times": int,
    "delay": float,
    "receipt": _word("never", *sorted(STATS)),
    "err": str,
    "after": float,
    "copies": int,
}
_SCRIPT: Final = re.compile(r"\{([a-z]+=[^{}]*)\}")
NO_SCRIPT: Final = Script()


def read_script(text: str) -> Script:
    """The script at the start of a text, `NO_SCRIPT` if there is none; raises `ScriptError`."""
    if not text.startswith("{"):
        return NO_SCRIPT
    found = _SCRIPT.match(text)
    if found is None:
        return NO_SCRIPT
    values = {}
    for part in found[1].split(","):
        word, _, value = part.partition("=")
        try:
            values[word] = _WORDS[word](value)
        except (KeyError, ValueError) as fault:
            raise ScriptError(f"{part!r} in a script: {fault}") from None
    return Script(**values)


def text_of(pdu: wire.SubmitSm | wire.DeliverSm | wire.DataSm) -> str:
    """The text of a message as far as scripts and markers need it: UCS2, or ASCII with GSM braces.

    A user data header is left out; message_payload is read when there is no short_message.
    """
    octets = getattr(pdu, "short_message", b"") or wire.tlv(pdu, wire.Tag.message_payload) or b""
    if pdu.esm_class & UDHI and octets:
        octets = octets[octets[0] + 1 :]
    if pdu.data_coding & 0x0C == 0x08:
        return octets.decode("utf-16-be", "replace")
    text = octets.decode("latin-1")
    return text.replace("\x1b(", "{").replace("\x1b)", "}") if "\x1b" in text else text
