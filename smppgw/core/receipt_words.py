"""A receipt string explained: its fields, and what they mean.

Owns: the words for the fields. Refuses to know: how a receipt is read (`sms.receipt`).
"""

from __future__ import annotations

from datetime import datetime

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


class NoReceipt(Exception):
    """A text is no receipt; the text of this says what is missing, on one line."""


def explained(text: str) -> tuple[dict[str, str | None], list[dict[str, str]]]:
    """A receipt as JSON, and as rows of `field`, `value` and `meaning`; raises NoReceipt."""
    receipt = parse(text)
    missing = [
        f"{key}:" for key, value in (("id", receipt.id), ("stat", receipt.stat)) if not value
    ]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise NoReceipt(f"not a receipt: {' and '.join(missing)} {are} missing")
    record = receipt_record(receipt)
    return record, [_row(receipt, field, value) for field, value in record.items()]


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
