"""What a simulated ESME submits: texts in turn, or a mix of kinds by weight, each message marked.

Owns: the octets of every kind and where the marker stands in them. Refuses to know when messages
leave, to whom, and what becomes of them.

Every submit_sm carries a marker of its own, those of a long text that goes in parts as well: each
has its own answer and its own receipt.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from random import Random
from typing import Final, Protocol

from attrs import frozen

from smppgw.simulator.accounting import Marker
from smppgw.smpp import wire
from smppgw.sms import gsm7
from smppgw.sms.errors import UnencodableCharacter
from smppgw.sms.segment import UDHI

KINDS: Final = ("gsm", "ucs2", "multipart", "payload", "flash", "binary")
"""gsm and ucs2 are short texts, flash is shown and not kept, binary is 8-bit data; multipart is a
text in two parts with headers, payload a long one in message_payload."""

_RESERVED: Final = 20
"""Characters that a marker may need."""
_UCS2: Final = 0x08
_BINARY: Final = 0x04
_FLASH: Final = 0x10
_GSM_ROOM: Final = 160
_GSM_PART: Final = 153
_UCS2_ROOM: Final = 70
_UCS2_PART: Final = 67
_SHORT_MESSAGE: Final = 254
_SCRIPT: Final = re.compile(r"\{[a-z]+=[^{}]*\}")

_GSM_TEXT: Final = " Your parcel arrives today between 14:00 and 16:00. Reply STOP to opt out."
_UCS2_TEXT: Final = " Ваш код подтверждения 4711 \N{HEAVY CHECK MARK}"
_LONG_TEXT: Final = " A text that is longer than one message, so it goes in parts." * 4
_FLASH_TEXT: Final = " Your code is 4711"


@frozen
class Piece:
    """One submit_sm without its marker, which comes behind `head`; octets as they are sent."""

    head: bytes = b""
    body: bytes = b""
    data_coding: int = 0
    part: tuple[int, int] | None = None
    """(which, of how many) when it is a part."""
    in_payload: bool = False
    """message_payload, however short."""

    def fill(self, pdu: wire.SubmitSm, marker: Marker, reference: int) -> None:
        """Write it into a submit_sm; parts with the same `reference` belong together."""
        coding = "utf-16-be" if self.data_coding & 0x0C == _UCS2 else "ascii"
        octets = self.head + str(marker).encode(coding) + self.body
        pdu.data_coding = self.data_coding
        if self.part is not None:
            which, total = self.part
            pdu.esm_class |= UDHI
            octets = bytes((5, 0, 3, reference & 0xFF, total, which)) + octets
        if self.in_payload or len(octets) > _SHORT_MESSAGE:
            pdu.tlvs = ((wire.Tag.message_payload, octets),)
        else:
            pdu.short_message = octets


class Source(Protocol):
    """Where messages come from."""

    def take(self, number: int) -> tuple[Piece, ...]:
        """The next message, `number` of them were taken before: one piece, or its parts."""


class InTurn:
    """Texts in turn, as ASCII or UCS2, in one piece each; the marker is behind a script."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._messages = tuple((_plain(text),) for text in texts)

    def take(self, number: int) -> tuple[Piece, ...]:
        """The next of the texts."""
        return self._messages[number % len(self._messages)]


class Mix:
    """Kinds by weight, chosen by chance.

    `weights` are of `KINDS`, in any unit. Raises `ValueError` for unknown kinds and for weights of
    which none is above 0.
    """

    def __init__(self, weights: Mapping[str, float], random: Random) -> None:
        unknown = weights.keys() - set(KINDS)
        if unknown:
            raise ValueError(f"no kind {min(unknown)!r}; there are: {', '.join(KINDS)}")
        if min(weights.values(), default=0.0) < 0 or not sum(weights.values()):
            raise ValueError("weights are numbers, at least one of them above 0")
        self._random = random
        self._messages = tuple(_MESSAGES[kind] for kind in weights)
        self._limits = tuple(accumulate(weights.values()))

    def take(self, number: int) -> tuple[Piece, ...]:
        """A message by chance."""
        place = bisect_right(self._limits, self._random.random() * self._limits[-1])
        return self._messages[min(place, len(self._messages) - 1)]


class Texts:
    """Texts in turn, in GSM 7-bit if that holds them, else UCS-2; long ones in parts with headers.

    A script stays in front, in every part. Raises `ValueError` for a text of more than 255 parts.
    """

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._messages = tuple(_written(text) for text in texts)

    def take(self, number: int) -> tuple[Piece, ...]:
        """The next of the texts."""
        return self._messages[number % len(self._messages)]


def _plain(text: str) -> Piece:
    script, brace, rest = text.partition("}") if text.startswith("{") else ("", "", text)
    wide = not text.isascii()
    coding = "utf-16-be" if wide else "ascii"
    head = f"{script}{brace}".encode(coding)
    return Piece(head, rest.encode(coding), _UCS2 if wide else 0)


def _written(text: str) -> tuple[Piece, ...]:
    found = _SCRIPT.match(text)
    script, rest = text[: found.end()] if found else "", text[found.end() :] if found else text
    try:
        head, data_coding = gsm7.encode(script), 0
        units = [gsm7.encode(one) for one in rest]
        room, part = _GSM_ROOM, _GSM_PART
    except UnencodableCharacter:
        head, data_coding = script.encode("utf-16-be"), _UCS2
        units = [one.encode("utf-16-be") for one in rest]
        room, part = 2 * _UCS2_ROOM, 2 * _UCS2_PART
    taken = len(head) + _RESERVED * (2 if data_coding else 1)
    if sum(map(len, units)) <= room - taken:
        return (Piece(head, b"".join(units), data_coding),)
    bodies = _cut(units, max(part - taken, 4))
    total = len(bodies)
    if total > 255:
        raise ValueError(f"{text[:20]!r}... needs more than 255 parts")
    return tuple(
        Piece(head, body, data_coding, (which, total)) for which, body in enumerate(bodies, 1)
    )


def _cut(units: list[bytes], room: int) -> list[bytes]:
    """Characters in as few pieces as hold so many octets each; none is torn."""
    bodies = [b""]
    for unit in units:
        if len(bodies[-1]) + len(unit) > room:
            bodies.append(b"")
        bodies[-1] += unit
    return bodies


_MESSAGES: Final[Mapping[str, tuple[Piece, ...]]] = {
    "gsm": _written(_GSM_TEXT),
    "ucs2": _written(_UCS2_TEXT),
    "multipart": _written(_LONG_TEXT),
    "payload": (Piece(b"", gsm7.encode(_LONG_TEXT), 0, None, True),),
    "flash": (Piece(b"", gsm7.encode(_FLASH_TEXT), _FLASH),),
    "binary": (Piece(b"", bytes(range(0x60, 0xC8)), _BINARY),),
}
