"""`smppgw encode`: what a text costs, in which parts it goes, and which characters make it dearer.

Owns: the words and tables around a segmentation. Positions count from 1, for people and as JSON.
Refuses to know: how texts are written and cut (`sms.segment`), a running gateway.
"""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from smppgw.cli.output import (
    OK,
    USAGE,
    CommandFault,
    complain,
    folded,
    say,
    say_json,
    table,
)
from smppgw.cli.parts import UNKNOWN, counted, in_parts, replaced, replacement_records
from smppgw.cli.run import read
from smppgw.core.command import Column
from smppgw.core.settings import CarrierSettings
from smppgw.sms import udh
from smppgw.sms.cut import MEASURES
from smppgw.sms.explain import Culprit, sentence
from smppgw.sms.national import NAMES
from smppgw.sms.segment import Part, Segmentation, Style
from smppgw.sms.transliterate import Replacement

Record = dict[str, Any]


def encode(arguments: Namespace) -> int:
    """Say how a text goes, without sending anything."""
    if bool(arguments.carrier) != bool(arguments.config):
        complain("smppgw encode: --carrier NAME and -c FILE go together")
        return USAGE
    carrier = _carrier(arguments) if arguments.carrier else UNKNOWN
    text = in_parts(arguments.text + arguments.clause, arguments, carrier)
    if arguments.json:
        record = as_record(text.found)
        if arguments.smart:
            record["replacements"] = replacement_records(text.replacements)
        say_json(record)
    else:
        say(*as_text(text.found, text.style, text.replacements))
    return OK


def _carrier(arguments: Namespace) -> CarrierSettings:
    carriers = {one.name: one for one in read(arguments.config).settings.carriers}
    if arguments.carrier not in carriers:
        known = ", ".join(carriers) or "none"
        raise CommandFault(f"there is no carrier {arguments.carrier!r}; there are: {known}")
    return carriers[arguments.carrier]


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


def as_text(
    found: Segmentation, style: Style, replacements: tuple[Replacement, ...] = ()
) -> list[str]:
    """The segmentation in lines: counts, a table of the parts, what each says, culprits.

    Texts are in quotes and whole, so their lines can be longer than those of a table.
    """
    unit = MEASURES[found.alphabet].name
    lines = [
        f"alphabet    {found.alphabet}{_shifts(found.parts[0])}",
        f"characters  {found.characters}",
        f"units       {found.units} {unit if found.units != 1 else unit.removesuffix('s')}",
        f"parts       {counted(found, style)}",
    ]
    if replacements:
        lines += folded(f"replaced    {replaced(replacements)}", " " * 12)
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
