"""A text of the command line in parts: what `smppgw encode` shows is what `smppgw send` submits.

Owns: what --class, --style and --smart mean, and the words for a text that cannot go.
Refuses to know: how texts are written and cut (`sms.segment`), who takes them.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from attrs import frozen

from smppgw.cli.output import CommandFault
from smppgw.core.settings import CarrierSettings
from smppgw.core.texts import text_terms
from smppgw.sms.choose import without_surrogates
from smppgw.sms.explain import visible
from smppgw.sms.message_class import MessageClass
from smppgw.sms.segment import (
    Segmentation,
    Style,
    TooManyParts,
    UnencodableCharacter,
    segment,
)
from smppgw.sms.transliterate import Replacement, Transliteration, transliterate

CLASSES = {one.name.lower(): one for one in MessageClass}
UNKNOWN = CarrierSettings(name="", system_id="")
"""A carrier of which nothing is known."""


@frozen
class InParts:
    """A text in parts, the style asked for, and what --smart replaced in it."""

    found: Segmentation
    style: Style
    replacements: tuple[Replacement, ...]


def in_parts(
    text: str, arguments: Namespace, carrier: CarrierSettings = UNKNOWN, reference: int = 0
) -> InParts:
    """Write and cut a text as the options say, for a carrier that may say more.

    `reference` is that of `sms.segment`. Raises CommandFault when it cannot be.
    """
    terms = text_terms(carrier)
    if arguments.style:
        terms["style"] = Style(arguments.style)
    # An argument that is no UTF-8 holds surrogates.
    text = without_surrogates(text)
    smart = transliterate(text) if arguments.smart else Transliteration(text)
    message_class = CLASSES.get(arguments.message_class)
    try:
        found = segment(smart.text, message_class=message_class, reference=reference, **terms)
    except UnencodableCharacter as fault:
        allowed = ", ".join(terms["alphabets"])
        raise CommandFault(
            f"{visible(fault.character)} at {fault.position + 1} is in no alphabet that the"
            f" carrier takes: {allowed}"
        ) from None
    except TooManyParts as fault:
        raise CommandFault(
            f"{fault.needed} parts are needed, the carrier takes {fault.allowed}"
        ) from None
    return InParts(found, terms["style"], smart.replacements)


def counted(found: Segmentation, style: Style) -> str:
    """How many parts reach the phone, and how a long text goes: `3, udh8`."""
    if found.messages > len(found.parts):
        return f"{found.messages}, which the SMSC makes of one message_payload"
    if found.messages == 1:
        return "1"
    if style is Style.SAR and not found.parts[0].sar:
        style = Style.UDH8  # a header that is needed for something else takes concatenation along
    return f"{found.messages}, {style}"


def replaced(replacements: tuple[Replacement, ...]) -> str:
    """What --smart replaced, for people: `ç at 3 by c`; positions count from 1."""
    return ", ".join(
        f"{visible(one.character)} at {one.position + 1} by {visible(one.replacement)}"
        for one in replacements
    )


def replacement_records(replacements: tuple[Replacement, ...]) -> list[dict[str, Any]]:
    """The same as JSON has it."""
    return [
        {
            "position": one.position + 1,
            "character": one.character,
            "replacement": one.replacement,
        }
        for one in replacements
    ]
