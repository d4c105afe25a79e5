"""The telnet protocol (RFC 854 to 858, 1073): octets in, data, signals and options out.

Owns: commands among the data, which options are in force, and the answers that options get. Nothing
ever waits for an answer of the peer. Whatever makes no sense is left out.
Refuses to know: connections, and what the data say.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, ECHO, SGA, NAWS = 0, 1, 3, 31
OURS = frozenset({BINARY, ECHO, SGA})
"""Options that we perform when asked."""
THEIRS = frozenset({BINARY, SGA, NAWS})
"""Options that the peer may perform."""
LONGEST = 64
"""Octets of a subnegotiation that are kept."""
_IAC = b"\xff"


class Signal(Enum):
    """What the peer said besides data."""

    INTERRUPT = "interrupt"
    """Interrupt process, break, abort output of it."""
    ARE_YOU_THERE = "are you there"
    ERASE = "erase character"
    ERASE_LINE = "erase line"
    END = "end of file"
    ECHO = "echo"
    """Whether we show what is typed has changed: see `Telnet.echoes`."""


@frozen
class Size:
    """The terminal's size in characters; 0 = not told."""

    width: int
    height: int


Said = bytes | Signal | Size

_SIGNALS = {
    243: Signal.INTERRUPT,
    244: Signal.INTERRUPT,
    238: Signal.INTERRUPT,
    246: Signal.ARE_YOU_THERE,
    247: Signal.ERASE,
    248: Signal.ERASE_LINE,
    236: Signal.END,
}


class Telnet:
    """One connection, our side of it."""

    def __init__(self) -> None:
        self.answer = bytearray(
            (IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, NAWS),
        )
        """What has to be sent; the caller takes it away."""
        self._offered = {ECHO, SGA}
        self._asked = {NAWS}
        self._ours: set[int] = set()
        self._theirs: set[int] = set()
        self._verb = 0
        self._escaped = False
        self._sub: bytearray | None = None

    @property
    def echoes(self) -> bool:
        """The peer agreed that we show what is typed there: it shows what it is told."""
        return ECHO in self._ours

    def feed(self, octets: bytes) -> list[Said]:
        """What octets say, in order; any octets will do."""
        found: list[Said] = []
        place = 0
        while place < len(octets):
            if self._escaped or self._verb:
                self._one(octets[place], found)
                place += 1
                continue
            end = octets.find(_IAC, place)
            self._escaped = end >= 0
            if end < 0:
                end = len(octets)
            if self._sub is not None:
                self._sub += octets[place : min(end, place + LONGEST - len(self._sub))]
            elif end > place:
                found.append(octets[place:end])
            place = end + 1
        return found

    def _one(self, octet: int, found: list[Said]) -> None:
        """An octet behind IAC, or the option behind a verb."""
        self._escaped = False
        if self._verb:
            verb, self._verb = self._verb, 0
            before = self.echoes
            self._option(verb, octet)
            if self.echoes is not before:
                found.append(Signal.ECHO)
        elif self._sub is not None:
            self._in_sub(octet, found)
        elif octet == IAC:
            found.append(_IAC)
        elif octet in {DO, DONT, WILL, WONT}:
            self._verb = octet
        elif octet == SB:
            self._sub = bytearray()
        elif octet in _SIGNALS:
            found.append(_SIGNALS[octet])

    def _in_sub(self, octet: int, found: list[Said]) -> None:
        sub = self._sub
        if sub is None:
            return
        if octet == IAC:
            if len(sub) < LONGEST:
                sub.append(IAC)
            return
        self._sub = None  # whatever it is: RFC 855 knows nothing else here
        if octet == SE and len(sub) == 5 and sub[0] == NAWS:
            found.append(
                Size(int.from_bytes(sub[1:3], "big"), int.from_bytes(sub[3:5], "big")),
            )

    def _option(self, verb: int, option: int) -> None:
        """Answer by RFC 854: never to what only confirms what is so already."""
        if verb == DO:
            self._wanted(option, OURS, self._ours, self._offered, WILL, WONT)
        elif verb == WILL:
            self._wanted(option, THEIRS, self._theirs, self._asked, DO, DONT)
        elif verb == DONT:
            self._unwanted(option, self._ours, self._offered, WONT)
        else:
            self._unwanted(option, self._theirs, self._asked, DONT)

    def _wanted(
        self, option: int, known: frozenset[int], on: set[int], open_: set[int], yes: int, no: int
    ) -> None:
        if option not in known:
            self.answer += bytes((IAC, no, option))
        elif option not in on:
            on.add(option)
            if option not in open_:
                self.answer += bytes((IAC, yes, option))
            open_.discard(option)

    def _unwanted(self, option: int, on: set[int], open_: set[int], no: int) -> None:
        open_.discard(option)
        if option in on:
            on.discard(option)
            self.answer += bytes((IAC, no, option))
