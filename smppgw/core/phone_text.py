"""What phones write: a text as the deliver_sm of a carrier, and a deliver_sm as text.

Owns: the PDUs of an MO that an operator makes up, and their way through a carrier as if from there.
Refuses to know: who owns a number (`inbox`), how texts are written and cut (`sms`).
"""

from __future__ import annotations

from random import randrange

from attrs import Factory, define
from twisted.internet.defer import Deferred

from smppgw.core.address import LONGEST_SHORT_CODE
from smppgw.core.carrier import Carrier
from smppgw.core.encoding import in_parts
from smppgw.core.long_mo import deliver_sm_of, single
from smppgw.core.settings import CarrierSettings
from smppgw.smpp import wire
from smppgw.sms.alphabet import RAW, decode
from smppgw.sms.data_coding import parse_overrides

REFERENCES = 0x100
_ALPHANUMERIC, _INTERNATIONAL, _ISDN = 5, 1, 1


class Refused(Exception):
    """The MO could not be kept; the text says what a carrier would have been told."""


def mo_text(body: bytes, carrier: CarrierSettings | None) -> str | None:
    """The text of a stored MO of a carrier; None for octets that are no text."""
    overrides = parse_overrides(carrier.data_codings if carrier else {})
    whole = single(deliver_sm_of(body), overrides).whole
    return None if whole.alphabet in RAW else decode(whole.octets, whole.alphabet).text


def mo_pdus(
    source: str, destination: str, text: str, carrier: CarrierSettings
) -> list[wire.DeliverSm]:
    """The deliver_sm in which a carrier would bring a text of a phone, long ones in parts.

    Raises `encoding.Unwritable`.
    """
    found = in_parts(text, carrier, style="udh8", reference=randrange(REFERENCES)).found  # noqa: S311
    ton, npi = _kind(source)
    dest_ton, dest_npi = _kind(destination)
    return [
        wire.DeliverSm(
            source_addr_ton=ton,
            source_addr_npi=npi,
            source_addr=source.removeprefix("+"),
            dest_addr_ton=dest_ton,
            dest_addr_npi=dest_npi,
            destination_addr=destination.removeprefix("+"),
            esm_class=part.esm_class,
            data_coding=part.data_coding,
            short_message=part.short_message,
        )
        for part in found.parts
    ]


def _kind(address: str) -> tuple[int, int]:
    """(TON, NPI) as carriers write them."""
    digits = address.removeprefix("+")
    if not (digits.isdecimal() and digits.isascii()):
        return _ALPHANUMERIC, 0
    return (_INTERNATIONAL if len(digits) > LONGEST_SHORT_CODE else 0), _ISDN


@define(eq=False)
class _Answers:
    """Takes the answers in the place of a link of a carrier."""

    name: str
    missing: int
    done: Deferred[None] = Factory(Deferred)

    def release(self, data: bytes, answers: int) -> None:
        """It is on disk."""
        self.missing -= answers
        if self.missing <= 0 and not self.done.called:
            self.done.callback(None)

    def flush(self) -> None:
        """Nothing is written."""

    def refuse(self, command_id: int, sequence_number: int) -> None:
        """It could not be stored."""
        if not self.done.called:
            self.done.errback(Refused("it could not be stored; a carrier would send it again"))


def inject(carrier: Carrier, pdus: list[wire.DeliverSm]) -> Deferred[None]:
    """Take deliver_sm as if the carrier had sent them; fires when they are durable.

    Errback with Refused.
    """
    answers = _Answers(f"{carrier.name}#simulated", len(pdus))
    for number, pdu in enumerate(pdus, 1):
        pdu.sequence_number = number
        carrier.inbound(answers, pdu)
    return answers.done
