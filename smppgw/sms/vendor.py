"""The alphabets that single SMSCs use instead of the one data_coding 0 or 1 announces.

Owns: which octet each of them gives a character.
Refuses to know: which peer uses which; that is a setting.
Source: what peers sent, as collected in the vectors of gsm7.json; there is no standard.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from smppgw.sms.escaped import EscapedAlphabet
from smppgw.sms.national import ESC, LOCKING, SINGLE

_GSM = {code: character for code, character in enumerate(LOCKING[0]) if code != ESC}


@cache
def tmobile_nl() -> EscapedAlphabet:
    """The GSM default alphabet with the euro at 0x80 and no extension."""
    return EscapedAlphabet({**_GSM, 0x80: "€"}, {})


@cache
def vodafone_de() -> EscapedAlphabet:
    """The GSM alphabet with some letters where the German ISO 646 has them."""
    return _moved(
        {0x40: "@", 0x24: "$", 0x02: "¤", 0xA1: "¡"}
        | {0x5D: "Ü", 0x7D: "ü", 0x7E: "ß", 0x5E: "§", 0x5F: "Ñ", 0x1E: "ñ"}
    )


@cache
def vodafone_tr() -> EscapedAlphabet:
    """The GSM alphabet with all but the Greek letters where Latin-1 has them."""
    latin1 = {ord(character): character for character in _GSM.values() if ord(character) < 0x100}
    return _moved({octet: latin1[octet] for octet in latin1 if octet >= 0x20} | {0x7F: "Δ"})


@cache
def airwide_ia5() -> EscapedAlphabet:
    """The GSM alphabet, in which "@", "$" and "_" may also come as in ASCII.

    So "¡", "¤" and "§", which have those octets in GSM, cannot be written.
    """
    return EscapedAlphabet(_GSM, SINGLE[0], also_read={ord(sign): sign for sign in "@$_"})


@cache
def hp_roman8() -> EscapedAlphabet:
    """HP Roman-8, in which characters of the GSM extension come behind 0x8D.

    The SMSC translated each septet by itself, so "^" and "|" have the octets of what GSM has at
    their codes without an escape. The same characters in ASCII are read, not written.
    """
    octets = bytes((*range(0x80), *range(0xA0, 0xFF)))
    roman8 = dict(zip(octets, octets.decode("hp-roman8"), strict=True))
    extension = {octet: sign for octet, sign in SINGLE[0].items() if sign not in "\f^|"}
    extension |= {0x86: "^", 0xB8: "|", 0x14: "^", 0x40: "|"}
    ascii_too = {octet: sign for octet, sign in roman8.items() if sign in set(extension.values())}
    main = {octet: sign for octet, sign in roman8.items() if octet not in ascii_too}
    del main[0x1B]
    return EscapedAlphabet(main, extension, escape=0x8D, also_read=ascii_too)


def _moved(places: Mapping[int, str]) -> EscapedAlphabet:
    """The GSM alphabet with characters at other octets; the old ones are read while free."""
    elsewhere = set(places.values())
    kept = {octet: character for octet, character in _GSM.items() if character not in elsewhere}
    main = {**kept, **places}
    also_read = {octet: character for octet, character in _GSM.items() if octet not in main}
    return EscapedAlphabet(main, SINGLE[0], also_read=also_read)
