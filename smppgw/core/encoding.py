"""A text in parts, and what is to be said of it: alphabet, units, headers, what makes it dearer.

Owns: what a class, a style and smart encoding mean to somebody who asks, and the words for a text
that cannot go. Positions count from 1.
Refuses to know: how texts are written and cut (`sms.segment`), and how the words are laid out.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from smppgw.core.settings import CarrierSettings
from smppgw.core.texts import text_terms
from smppgw.sms import udh
from smppgw.sms.choose import without_surrogates
from smppgw.sms.cut import MEASURES
from smppgw.sms.explain import Culprit, sentence, visible
from smppgw.sms.message_class import MessageClass
from smppgw.sms.national import NAMES
from smppgw.sms.segment import (
    Part,
    Segmentation,
    Style,
    TooManyParts,
    UnencodableCharacter,
    segment,
)
from smppgw.sms.transliterate import Replacement, Transliteration, transliterate

Record = dict[str, Any]

CLASSES = {one.name.lower(): one for one in MessageClass}
UNKNOWN = CarrierSettings(name="", system_id="")
"""A carrier of which nothing is known."""


class Unwritable(Exception):
    """A text cannot go to a carrier; the text of this says why, on one line."""


@frozen
class InParts:
    """A text in parts, the style asked for, and what smart encoding replaced in it."""

    found: Segmentation
    style: Style
    replacements: tuple[Replacement, ...]


def in_parts(
    text: str,
    carrier: CarrierSettings = UNKNOWN,
    *,
    style: str = "",
    message_class: str = "",
    smart: bool = False,
    reference: int = 0,
) -> InParts:
    """Write and cut a text for a carrier; `style` "" is the carrier's, `message_class` "" is none.

    `reference` is that of `sms.segment`. Raises Unwritable.
    """
    terms = text_terms(carrier)
    if style:
        terms["style"] = Style(style)
    # What comes from outside may hold surrogates.
    text = without_surrogates(text)
    plain = transliterate(text) if smart else Transliteration(text)
    class_ = CLASSES.get(message_class)
    try:
        found = segment(plain.text, message_class=class_, reference=reference, **terms)
    except UnencodableCharacter as fault:
        allowed = ", ".join(terms["alphabets"])
        raise Unwritable(
            f"{visible(fault.character)} at {fault.position + 1} is in no alphabet that the"
            f" carrier takes: {allowed}"
        ) from None
    except TooManyParts as fault:
        raise Unwritable(
            f"{fault.needed} parts are needed, the carrier takes {fault.allowed}"
        ) from None
    return InParts(found, terms["style"], plain.replacements)


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


def as_record(found: Segmentation) -> Record:
    """The segmentation as JSON has it; octets in hexadecimal, TLVs only where they are sent.

    `messages` is there when the SMSC makes more of a message_payload than there are parts.
    """
    record = {
        "alphabet": str(found.alphabet),
        "characters": found.characters,
        "units": found.units,
        "parts": [_part(one) for one in found.parts],
        "culprits": [_culprit(one) for one in found.culprits],
    }
    if found.messages > len(found.parts):
        record["messages"] = found.messages
    return record


def _part(part: Part) -> Record:
    return {
        "text": part.text,
        "units": part.units,
        "data_coding": part.data_coding,
        "esm_class": part.esm_class,
        "short_message": part.short_message.hex(),
        **_tlvs(part),
    }


def _tlvs(part: Part) -> Record:
    tlvs: Record = {}
    if part.sar is not None:
        tlvs["sar_msg_ref_num"] = part.sar.reference
        tlvs["sar_total_segments"] = part.sar.total
        tlvs["sar_segment_seqnum"] = part.sar.sequence
    if part.dest_addr_subunit is not None:
        tlvs["dest_addr_subunit"] = part.dest_addr_subunit
    if part.message_payload is not None:
        tlvs["message_payload"] = part.message_payload.hex()
    return tlvs


def _culprit(culprit: Culprit) -> Record:
    return {
        "character": culprit.character,
        "positions": [position + 1 for position in culprit.positions],
        "alphabet": str(culprit.alphabet),
        "replacement": culprit.replacement,
        "parts": culprit.parts,
        "parts_without": culprit.parts_without,
    }


def summary(
    found: Segmentation, style: Style, replacements: tuple[Replacement, ...] = ()
) -> list[tuple[str, str]]:
    """What is to be said of the whole, as (label, words)."""
    unit = MEASURES[found.alphabet].name
    said = [
        ("alphabet", f"{found.alphabet}{_shifts(found.parts[0])}"),
        ("characters", str(found.characters)),
        ("units", f"{found.units} {unit if found.units != 1 else unit.removesuffix('s')}"),
        ("parts", counted(found, style)),
    ]
    if replacements:
        said.append(("replaced", replaced(replacements)))
    culprits = sentence(found.culprits)
    if culprits:
        said.append(("culprits", culprits))
    return said


def rows(found: Segmentation) -> list[Record]:
    """What is to be said of each part: `part`, `units`, `data_coding`, `esm_class`, `header`,
    `tlvs`, and its `text` in quotes."""
    total = len(found.parts)
    return [_row(part, number, total) for number, part in enumerate(found.parts, 1)]


def _row(part: Part, number: int, total: int) -> Record:
    tlvs = []
    if part.sar is not None:
        tlvs.append(f"sar_* {part.sar.sequence} of {part.sar.total}")
    if part.dest_addr_subunit is not None:
        tlvs.append(f"dest_addr_subunit {part.dest_addr_subunit}")
    if part.message_payload is not None:
        tlvs.append(f"message_payload of {len(part.message_payload)} octets")
    return {
        "part": f"{number}/{total}",
        "units": part.units,
        "data_coding": f"0x{part.data_coding:02X}",
        "esm_class": f"0x{part.esm_class:02X}",
        "header": _header(part).hex(" "),
        "tlvs": ", ".join(tlvs),
        "text": json.dumps(part.text, ensure_ascii=False),
    }


def _header(part: Part) -> bytes:
    octets = part.short_message if part.message_payload is None else part.message_payload
    return octets[: octets[0] + 1] if part.esm_class else b""


def _shifts(part: Part) -> str:
    header = _header(part)
    if not header:
        return ""
    found = udh.parse(header)
    tables = (("locking", found.locking), ("single", found.single))
    return "".join(f", {NAMES[table]} {kind} shift" for kind, table in tables if table)
