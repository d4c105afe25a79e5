"""Addresses as keys: what is a number, what is not, and what is refused.

Owns: the key under which a destination is routed, counted and looked up in consent lists, the
checks of source_addr and destination_addr, and how much of a number may be shown.
Refuses to know: the country of an account (a national number stays as it is) and how a carrier
wants addresses written: the original goes out, the key stays inside.
Source: SMPP 3.4 sections 5.2.5 (TON), 5.2.6 (NPI), 5.2.8 (source_addr), 5.2.9 (destination_addr).
Peers write `+`, spaces and punctuation into numbers, and words as destinations.
"""

from __future__ import annotations

from functools import lru_cache

from smppgw.smpp.wire import CommandStatus

TON_INTERNATIONAL = 1
TON_ALPHANUMERIC = 5

LONGEST_ADDRESS = 20
"""Octets of source_addr and destination_addr in submit_sm, without the NUL."""
LONGEST_ALPHANUMERIC = 11
LONGEST_SHORT_CODE = 8
"""Digits; what is longer and begins with 00 carries the international prefix."""
HIDDEN = 4
"""Last digits of a number that are not shown."""

# National, network specific, subscriber and abbreviated numbers: 00 is no international prefix.
_KEEPS_ZEROS = frozenset({2, 3, 4, 6})
# Internet address and WAP client id: the dots of 10.0.0.1 separate nothing.
_DOTTED_NPI = frozenset({14, 18})
_SEPARATORS = str.maketrans("", "", " ().-")
_SEPARATORS_BUT_DOT = str.maketrans("", "", " ()-")

_OK = 0
_BAD_SOURCE = int(CommandStatus.ESME_RINVSRCADR)
_BAD_DESTINATION = int(CommandStatus.ESME_RINVDSTADR)


def normalise(address: str, ton: int, npi: int) -> str:
    """Return the key of an address: one key for all the ways in which one number is written.

    A number loses separators (blank, `.`, `-`, brackets; dots stay in the addresses of NPI 14 and
    18 unless TON says international), a leading `+` and, unless its TON says
    national, network specific, subscriber or abbreviated, the leading zeros of an international
    prefix `00` (when there are more digits than a short code has). Whatever else is left, names
    and short codes, comes back unchanged. TON and NPI outside the tables are taken as unknown.
    A key is its own key: `normalise(normalise(a, t, n), t, n) == normalise(a, t, n)`.
    """
    # isdecimal alone would also take the digits of other scripts.
    if not (address.isdecimal() and address.isascii()):
        dotted = npi in _DOTTED_NPI and ton != TON_INTERNATIONAL
        digits = address.translate(_SEPARATORS_BUT_DOT if dotted else _SEPARATORS)
        digits = digits.removeprefix("+")
        if not (digits.isdecimal() and digits.isascii()):
            return address
        address = digits
    if address[0] != "0" or not address.startswith("00") or ton in _KEEPS_ZEROS:
        return address
    if len(address) <= LONGEST_SHORT_CODE:
        return address
    return address.lstrip("0") or address


def destination_key(address: str, ton: int, npi: int) -> str:
    """The key of a destination_addr, "" when it is refused (`check_destination`)."""
    if (
        address.isdecimal()
        and address.isascii()
        and address[0] != "0"
        and len(address) <= LONGEST_ADDRESS
    ):
        return address
    if check_destination(address, ton):
        return ""
    return normalise(address, ton, npi)


def mask(address: str) -> str:
    """A phone number, however written, without its last four digits.

    Short codes and names stay as they are.
    """
    digits = address.translate(_SEPARATORS).removeprefix("+")
    if not (digits.isdecimal() and len(digits) > LONGEST_SHORT_CODE):
        return address
    plus = "" if digits.startswith("0") else "+"
    return f"{plus}{digits[:-HIDDEN]}{'*' * HIDDEN}"


@lru_cache(maxsize=1024)
def check_source(address: str, ton: int) -> int:
    """Return ESME_ROK or ESME_RINVSRCADR for a source_addr.

    Empty is right (the carrier then puts its default). Refused: more than 20 characters, an
    alphanumeric sender of more than 11, an international number with anything but digits,
    separators and a leading `+`, control characters in what is not alphanumeric (alphanumeric
    senders come in the default alphabet of a peer, where these are letters).
    """
    size = len(address)
    if size > LONGEST_ADDRESS or (ton == TON_ALPHANUMERIC and size > LONGEST_ALPHANUMERIC):
        return _BAD_SOURCE
    if size == 0 or ton == TON_ALPHANUMERIC or _acceptable(address, ton):
        return _OK
    return _BAD_SOURCE


def check_destination(address: str, ton: int) -> int:
    """Return ESME_ROK or ESME_RINVDSTADR for a destination_addr.

    Refused: empty, more than 20 characters, control characters, an international number with
    anything but digits, separators and a leading `+`. Letters under another TON are left to the
    routes: some carriers take names.
    """
    if 0 < len(address) <= LONGEST_ADDRESS and _acceptable(address, ton):
        return _OK
    return _BAD_DESTINATION


def _acceptable(address: str, ton: int) -> bool:
    if address.isdecimal() and address.isascii():
        return True
    if ton == TON_INTERNATIONAL:
        digits = address.translate(_SEPARATORS).removeprefix("+")
        return digits.isdecimal() and digits.isascii()
    return address.isprintable() and not address.isspace()
