"""`smppgw dlr`: a receipt string explained.

Owns: the words for its fields. Refuses to know: how a receipt is read (`sms.receipt`).
"""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime

from smppgw.cli.output import OK, CommandFault, say, say_json, table
from smppgw.core.command import Column
from smppgw.sms.receipt import (
    ACCEPTED,
    DELETED,
    DELIVERED,
    ENROUTE,
    EXPIRED,
    REJECTED,
    SCHEDULED,
    SKIPPED,
    STATE_WORDS,
    UNDELIVERABLE,
    UNKNOWN,
    Receipt,
    parse,
)

COLUMNS = (Column("FIELD", "field"), Column("VALUE", "value"), Column("MEANING", "meaning"))
STATES = {
    SCHEDULED: "not sent yet",
    ENROUTE: "on its way",
    DELIVERED: "delivered to the handset",
    EXPIRED: "not delivered within its validity period",
    DELETED: "cancelled",
    UNDELIVERABLE: "cannot be delivered",
    ACCEPTED: "taken over; another receipt may say what became of it",
    UNKNOWN: "nobody knows what became of it",
    REJECTED: "refused",
    SKIPPED: "skipped",
}
MEANINGS = {
    "id": "message_id of whoever wrote the receipt",
    "sub": "messages submitted; often wrong",
    "dlvrd": "messages delivered; often wrong",
    "err": "the carrier decides what it means",
    "text": "how the message began",
}


def dlr(arguments: Namespace) -> int:
    """Explain a receipt; a fault, in one line, when it has no id or no stat."""
    # An argument that is no UTF-8 holds surrogates, which no output takes.
    text = arguments.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    receipt = parse(text)
    missing = [
        f"{key}:" for key, value in (("id", receipt.id), ("stat", receipt.stat)) if not value
    ]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise CommandFault(f"not a receipt: {' and '.join(missing)} {are} missing")
    record = receipt_record(receipt)
    if arguments.json:
        say_json(record)
    else:
        say(*table(COLUMNS, [_row(receipt, field, value) for field, value in record.items()]))
    return OK


def receipt_record(receipt: Receipt) -> dict[str, str | None]:
    """A receipt as JSON: `state` is the word of the specification, whatever the carrier wrote.

    Dates are ISO 8601, without a zone when the carrier wrote none; None for what is absent.
    """
    return {
        "id": receipt.id,
        "state": None if receipt.state is None else STATE_WORDS[receipt.state],
        "sub": receipt.sub,
        "dlvrd": receipt.dlvrd,
        "submit_date": _iso(receipt.submit_date),
        "done_date": _iso(receipt.done_date),
        "err": receipt.err,
        "text": receipt.text,
    }


def _iso(date: datetime | None) -> str | None:
    return None if date is None else date.isoformat()


def _row(receipt: Receipt, field: str, value: str | None) -> dict[str, str]:
    if not value:
        return {"field": field}
    row = {"field": field, "value": value, "meaning": MEANINGS.get(field, "")}
    if field == "state" and receipt.state is not None:
        row["meaning"] = STATES[receipt.state]
        if receipt.stat != value:
            row["meaning"] += f" (written {receipt.stat})"
    elif field.endswith("_date") and datetime.fromisoformat(value).tzinfo is None:
        row["meaning"] = "in the zone of the carrier"
    return row
