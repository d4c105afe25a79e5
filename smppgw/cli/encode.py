"""`smppgw encode`: what a text costs, in which parts it goes, and which characters make it dearer.

Owns: the words and tables around a segmentation. Positions count from 1, for people and as JSON.
Refuses to know: how texts are written and cut (`sms.segment`), a running gateway.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable
from typing import Any

from smppgw.cli.output import (
    OK,
    USAGE,
    Column,
    CommandFault,
    complain,
    folded,
    say,
    say_json,
    table,
)
from smppgw.cli.run import read
from smppgw.core.settings import CarrierSettings
from smppgw.core.texts import TextTerms, text_terms
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
DEFAULT = CarrierSettings(name="", system_id="")
"""A carrier of which nothing is known."""


def encode(arguments: Namespace) -> int:
    """Say how a text goes, without sending anything."""
    if bool(arguments.carrier) != bool(arguments.config):
        complain("smppgw encode: --carrier NAME and -c FILE go together")
        return USAGE
    carrier = _carrier(arguments) if arguments.carrier else DEFAULT
    terms = text_terms(carrier)
    if arguments.style:
        terms["style"] = Style(arguments.style)
    text = without_surrogates(arguments.text + arguments.clause)
    smart = transliterate(text) if arguments.smart else Transliteration(text)
    found = _segmentation(smart.text, terms, CLASSES.get(arguments.message_class))
    if arguments.json:
        record = as_record(found)
        if arguments.smart:
            record["replacements"] = [_replacement(one) for one in smart.replacements]
        say_json(record)
    else:
        say(*as_text(found, terms["style"], smart.replacements))
    return OK


def _carrier(arguments: Namespace) -> CarrierSettings:
    carriers = {one.name: one for one in read(arguments.config).settings.carriers}
    if arguments.carrier not in carriers:
        known = ", ".join(carriers) or "none"
        raise CommandFault(f"there is no carrier {arguments.carrier!r}; there are: {known}")
    return carriers[arguments.carrier]


def _segmentation(text: str, terms: TextTerms, message_class: MessageClass | None) -> Segmentation:
    try:
        return segment(text, message_class=message_class, **terms)
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


def _replacement(one: Replacement) -> Record:
    return {
        "position": one.position + 1,
        "character": one.character,
        "replacement": one.replacement,
    }


def as_text(
    found: Segmentation, style: Style, replacements: Iterable[Replacement] = ()
) -> list[str]:
    """The segmentation in lines: counts, a table of the parts, what each says, culprits.

    Texts are in quotes and whole, so their lines can be longer than those of a table.
    """
    several = ""
    if found.messages > len(found.parts):
        several = ", which the SMSC makes of one message_payload"
    elif found.messages > 1:
        # A header that is needed for something else takes concatenation along.
        several = f", {Style.UDH8 if style is Style.SAR and not found.parts[0].sar else style}"
    lines = [
        f"alphabet    {found.alphabet}{_shifts(found.parts[0])}",
        f"characters  {found.characters}",
        f"units       {found.units} {MEASURES[found.alphabet].name}",
        f"parts       {found.messages}{several}",
    ]
    replaced = [
        f"{visible(one.character)} at {one.position + 1} by {visible(one.replacement)}"
        for one in replacements
    ]
    if replaced:
        lines += folded(f"replaced    {', '.join(replaced)}", " " * 12)
    culprits = sentence(found.culprits)
    if culprits:
        lines += folded(f"culprits    {culprits}", " " * 12)
    rows = [_row(part, number, len(found.parts)) for number, part in enumerate(found.parts, 1)]
    columns = [
        Column("PART", "part"),
        Column("UNITS", "units", right=True),
        Column("DATA_CODING", "data_coding"),
        Column("ESM_CLASS", "esm_class"),
        Column("HEADER", "header"),
    ]
    if any(row["tlvs"] for row in rows):
        columns.append(Column("TLVS", "tlvs"))
    lines += ["", *table(columns, rows), ""]
    return lines + [f"{row['part']}  {row['text']}" for row in rows]


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
