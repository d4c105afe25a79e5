"""Texts that the gateway itself writes, as submit_sm.

Owns: TON and NPI of addresses of ours and of phones, the alphabet that a text needs, and what the
`origin` of such a message says about it.
Refuses to know: who sends and why (`slot`), how a carrier takes it (`content`).
Source: SMPP 3.4 sections 5.2.5, 5.2.6; TON 3 for short codes as carriers use it.
"""

from __future__ import annotations

from functools import lru_cache

from smppgw.core.address import LONGEST_SHORT_CODE, TON_ALPHANUMERIC, TON_INTERNATIONAL
from smppgw.core.content import MESSAGE_PAYLOAD
from smppgw.core.long_mo import LONGEST_TEXT
from smppgw.smpp import wire
from smppgw.sms import alphabet
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.choose import without_surrogates
from smppgw.sms.errors import UnencodableCharacter

TON_NETWORK = 3
NPI_E164 = 1
EXEMPT = "exempt"
UCS2 = 0x08


def submit_sm_of_text(source: str, destination: str, text: str) -> wire.SubmitSm:
    """A submit_sm that says `text`: GSM 7-bit when that holds all of it, else UCS-2.

    A text longer than 254 octets is in message_payload, for its carrier's settings to cut. A
    receipt is asked for.
    """
    octets, data_coding = _encoded(text)
    long = len(octets) > LONGEST_TEXT
    ton, npi = ton_npi_of(source)
    return wire.SubmitSm(
        source_addr_ton=ton,
        source_addr_npi=npi,
        source_addr=source,
        dest_addr_ton=TON_INTERNATIONAL,
        dest_addr_npi=NPI_E164,
        destination_addr=destination,
        registered_delivery=1,
        data_coding=data_coding,
        short_message=b"" if long else octets,
        tlvs=((MESSAGE_PAYLOAD, octets),) if long else (),
    )


@lru_cache(maxsize=64)
def _encoded(text: str) -> tuple[bytes, int]:
    """The octets of a text, and their data_coding; many phones get the same one after the other."""
    try:
        return alphabet.encode(text, Alphabet.GSM7), 0
    except UnencodableCharacter:
        return alphabet.encode(without_surrogates(text), Alphabet.UCS2), UCS2


def ton_npi_of(source: str) -> tuple[int, int]:
    """TON and NPI of an address of ours: a name, a short code, or an international number."""
    if not source.isdecimal():
        return TON_ALPHANUMERIC, 0
    if len(source) <= LONGEST_SHORT_CODE:
        return TON_NETWORK, NPI_E164
    return TON_INTERNATIONAL, NPI_E164


def origin_of(name: str, scope: str, *, exempt: bool) -> str:
    """The `origin` of a text of a feature: its account, whether STOP does not count, its list."""
    return " ".join(filter(None, (name, EXEMPT if exempt else "", scope)))


def is_exempt(origin: str) -> bool:
    """Whether the message that came from there goes to phones that said STOP, too."""
    return origin.startswith("@") and origin.split(" ")[1:2] == [EXEMPT]


def list_of(origin: str) -> str:
    """The list that the message is for, or ""."""
    last = origin.rpartition(" ")[2] if origin.startswith("@") else ""
    return last if last.startswith("list:") else ""
