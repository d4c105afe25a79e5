"""Receipts and MOs as PDUs.

Owns: the deliver_sm that a carrier makes of a message it took. Refuses to know when and on which
bind it leaves. Source: SMPP 3.4 Appendix B and section 5.2.12 (esm_class).
"""

from __future__ import annotations

from typing import Final

from smppgw.simulator.behaviour import text_of
from smppgw.smpp import wire
from smppgw.sms import receipt

RECEIPT: Final = 0x04
INTERMEDIATE: Final = 0x20
STATES: Final = {word: state for state, word in receipt.STATE_WORDS.items()}

_WANTED: Final = {
    0: frozenset[int](),
    1: frozenset(STATES.values()),
    2: frozenset(STATES.values()) - {receipt.DELIVERED},
    3: frozenset({receipt.DELIVERED}),
}


def wanted(registered_delivery: int, stat: str) -> bool:
    """Whether a message with this registered_delivery gets a receipt for this final stat."""
    return STATES[stat] in _WANTED[registered_delivery & 3]


def receipt_pdu(
    message: wire.SubmitSm | wire.DataSm,
    message_id: str,
    stat: str,
    err: str,
    *,
    form: str = "both",
    submitted: float,
    done: float,
) -> wire.DeliverSm:
    """The receipt for a message: back to its source, with text, TLVs or both.

    Times are epoch seconds. ENROUTE and SCHEDLD are marked as intermediate.
    """
    state = STATES[stat]
    text = b""
    tlvs: tuple[wire.Tlv, ...] = ()
    if form != "tlv":
        text = receipt.format_receipt(
            message_id, state, submitted, done, err, text=text_of(message)[:20]
        )
    if form != "text":
        code = int(err) if err.isdigit() else 0
        tlvs = (
            wire.Tlv.text(wire.Tag.receipted_message_id, message_id),
            wire.Tlv.integer(wire.Tag.message_state, state),
            # 3 is GSM.
            wire.Tlv(wire.Tag.network_error_code, b"\x03" + code.to_bytes(2, "big")),
        )
    return wire.DeliverSm(
        source_addr_ton=message.dest_addr_ton,
        source_addr_npi=message.dest_addr_npi,
        source_addr=message.destination_addr,
        dest_addr_ton=message.source_addr_ton,
        dest_addr_npi=message.source_addr_npi,
        destination_addr=message.source_addr,
        esm_class=RECEIPT if receipt.is_final(state) else INTERMEDIATE,
        short_message=text,
        tlvs=tlvs,
    )


def mo_pdu(source: str, destination: str, text: str | bytes, **fields: object) -> wire.DeliverSm:
    """A message from a phone; `fields` are further fields of deliver_sm.

    Octets go as they are. A text goes as ASCII, or as UCS2 when it is more than that, and beyond
    254 octets in message_payload. Raises `wire.EncodeError` when it cannot be coded.
    """
    data_coding = 0
    if isinstance(text, bytes):
        octets = text
    elif text.isascii():
        octets = text.encode()
    else:
        octets = text.encode("utf-16-be")
        data_coding = 8
    values: dict[str, object] = {"data_coding": data_coding, "short_message": octets}
    if len(octets) > 254:
        values |= {"short_message": b"", "tlvs": ((wire.Tag.message_payload, octets),)}
    pdu = wire.DeliverSm(source_addr=source, destination_addr=destination)
    for name, value in {**values, **fields}.items():
        setattr(pdu, name, value)
    wire.encode(pdu)
    return pdu
