"""Texts and receipts explained: nothing is sent.

Owns: `encode` and `dlr test`. Refuses to know: how they are read and written, and the words.
"""

from __future__ import annotations

from smppgw.core.command import Argument, Call, Column, Command, CommandError, Document, Kind, Table
from smppgw.core.encoding import (
    CLASSES,
    UNKNOWN,
    Unwritable,
    as_record,
    in_parts,
    replacement_records,
)
from smppgw.core.receipt_words import NoReceipt, explained
from smppgw.ops.desk import Desk
from smppgw.ops.encode_text import encode_text
from smppgw.ops.shell.commands.names import carrier_argument

RECEIPT = (
    Column("FIELD", "field", whole=True),
    Column("VALUE", "value"),
    Column("MEANING", "meaning"),
)
SMART = Argument("smart", "replace what GSM 7-bit lacks by plain characters", kind=Kind.FLAG)


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def encode(call: Call) -> Document:
        name = call.text("carrier")
        carrier = relay.carriers[name].settings if name else UNKNOWN
        smart = call.flag("smart")
        try:
            text = in_parts(
                call.text("text"), carrier, message_class=call.text("class"), smart=smart
            )
        except Unwritable as fault:
            raise CommandError(str(fault)) from None
        record = as_record(text.found)
        if smart:
            record["replacements"] = replacement_records(text.replacements)
        return Document(record, lambda width: encode_text(text, width))

    def dlr_test(call: Call) -> Table:
        try:
            _, rows = explained(call.text("text"))
        except NoReceipt as fault:
            raise CommandError(str(fault)) from None
        return Table(RECEIPT, rows)

    return [
        Command(
            ("encode",),
            encode,
            "what a text costs: alphabet, parts, which characters make it dearer",
            (
                Argument("text", "in quotes", positional=True, required=True),
                carrier_argument(relay),
                Argument(
                    "class",
                    "flash, me, sim or te",
                    values=lambda: list(CLASSES),
                    seen=lambda operator: CLASSES,
                    strict=True,
                ),
                SMART,
            ),
            example='encode "Votre code : 1234" class flash',
            scoped=True,
        ),
        Command(
            ("dlr", "test"),
            dlr_test,
            "a delivery receipt explained, whatever its dialect",
            (Argument("text", "the receipt", Kind.REST, positional=True, required=True),),
            example='dlr test "id:07EE36CBE3 stat:UNDELIV err:021"',
            scoped=True,
        ),
    ]
