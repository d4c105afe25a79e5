"""Simulated carriers by name: each one way in which carriers are seen to behave.

Owns: the names, a sentence and the settings of each. Refuses to know what settings do (`behaviour`)
and which process shows them. Every persona is healthy in all that its sentence does not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve, frozen

from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.phones import Population
from smppgw.smpp.wire import CommandStatus

DAY: Final = 86_400.0
LONG: Final = "A long text from a phone, which its carrier passes on in several parts. " * 5

_HEALTHY: Final = Behaviour(receipt_delay=1.0)


@frozen
class Persona:
    """How one carrier behaves, in a sentence and as settings, and the phones it comes with."""

    about: str
    behaviour: Behaviour
    phones: Population | None = None


def _persona(about: str, phones: Population | None = None, /, **settings: Any) -> Persona:
    return Persona(about, evolve(_HEALTHY, **settings), phones)


PERSONAS: Final[Mapping[str, Persona]] = MappingProxyType(
    {
        "healthy": _persona("Answers at once, and a receipt follows a second later."),
        "slow": _persona(
            "Answers after 2 to 3 seconds, receipts follow 5 to 10 seconds later.",
            response_delay=2.0,
            response_jitter=1.0,
            receipt_delay=5.0,
            receipt_jitter=5.0,
        ),
        "flaky": _persona(
            "One message in ten gets ESME_RSYSERR, every 40th of a connection is taken and then"
            " the connection is dropped, one in twenty ends UNDELIV.",
            error_rate=0.1,
            disconnect_every=40,
            response_jitter=0.2,
            failures={"UNDELIV": 0.05},
        ),
        "throttling": _persona(
            "Takes 10 messages a second and answers the rest with ESME_RTHROTTLED.",
            throughput=10,
        ),
        "capped": _persona(
            "Answers 20 messages a second, lets 10 of each bind wait for that and answers the"
            " rest with ESME_RMSGQFUL.",
            pace=20.0,
            window=10,
        ),
        "dead": _persona(
            "Accepts binds and answers enquire_link, but never a message, and sends no receipt.",
            answer="never",
            receipts="never",
        ),
        "late-receipts": _persona(
            "Receipts come 1 to 5 minutes after the answer, in any order.",
            receipt_delay=60.0,
            receipt_jitter=240.0,
        ),
        "shuffled-parts": _persona(
            "The parts of long texts from its phones come in any order, many of them twice.",
            Population(answers=(LONG,)),
            shuffle_parts=True,
            repeat_parts=0.5,
        ),
        "hex-ids": _persona(
            "A message_id is hexadecimal in the answer and decimal in the receipt.",
            message_id="hex",
            receipt_id="decimal",
        ),
        "other-bind": _persona(
            "Receipts come on another bind than their message did, when there is one.",
            receipt_bind="other",
        ),
        "early-receipts": _persona(
            "The receipt comes before the answer that tells the message_id.",
            receipt_first=True,
            response_delay=0.2,
        ),
        "daily-unbind": _persona(
            "Unbinds every bind a day after it was made (another period by --unbind-after).",
            unbind_after=DAY,
        ),
        "french": _persona(
            "Senders are five digits or have a letter (else ESME_RINVSRCADR), phones write"
            " keywords, and after STOP one message more may go, to confirm it.",
            Population(answers=("STOP", "Stop 38100", "ARRÊT", "CONTACT", "OUI"), every=2.0),
            senders=r"\d{5}|(?=.*[A-Za-z])[A-Za-z0-9 ]{3,11}",
            stop_words=("STOP", "STOP SMS", "STOPSMS", "ARRET"),
            start_words=("START", "OUI"),
        ),
        "bodyless-errors": _persona(
            "One message in five gets ESME_RINVDSTADR, a header without a body.",
            error_rate=0.2,
            error_status=CommandStatus.ESME_RINVDSTADR,
        ),
        "errors-with-body": _persona(
            "One message in five gets ESME_RINVDSTADR, with an empty message_id behind it.",
            error_rate=0.2,
            error_status=CommandStatus.ESME_RINVDSTADR,
            error_body=True,
        ),
    }
)
"""Every persona, by name."""
