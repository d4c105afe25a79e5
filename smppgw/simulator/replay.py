"""PDUs from a file, sent to a server as they are, and what it answers.

Owns: the two file formats, the timing, and one raw connection. Refuses to know sessions: octets go
out as the file has them, wrong ones as well, and nothing is answered that the file does not answer.

A line is a PDU in hexadecimal, or `TIMESTAMP  DIRECTION  HEX` as traces have it. The timestamp is
seconds, or a date and time in ISO 8601. The direction is one of `OUT` (or `>`, `->`, `sent`) or of
`IN` (or `<`, `<-`, `received`), in any case. Blanks within HEX, empty lines and what follows a `#`
do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from attrs import fields, frozen, has
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from smppgw.smpp import wire

_DIRECTIONS: Final = {
    **dict.fromkeys((">", "->", "out", "sent", "tx"), "out"),
    **dict.fromkeys(("<", "<-", "in", "received", "rx"), "in"),
}
_HEX: Final = re.compile(r"[0-9a-fA-F\s]+")
_PASSWORD: Final = "password"  # noqa: S105 - the name of a field


class ReplayError(ValueError):
    """A line is none; the text says which and why."""


@frozen
class Recorded:
    """One line: when, in which direction ("" when the file does not say), and the octets."""

    line: int
    seconds: float | None
    direction: str
    octets: bytes


def read(lines: Iterable[str]) -> list[Recorded]:
    """Every line of a file; raises `ReplayError`."""
    found = []
    for number, whole in enumerate(lines, 1):
        text = whole.partition("#")[0].strip()
        if text:
            found.append(_line(number, text))
    return found


def _line(number: int, text: str) -> Recorded:
    if _HEX.fullmatch(text):
        return Recorded(number, None, "", _octets(number, text))
    words = text.split(None, 2)
    # A date and a time may have a blank between them.
    apart = text.split(None, 3)
    if len(apart) == 4 and apart[2].lower() in _DIRECTIONS:
        words = [f"{apart[0]} {apart[1]}", *apart[2:]]
    if len(words) != 3:
        raise ReplayError(f"line {number}: neither HEX nor TIMESTAMP  DIRECTION  HEX")
    stamp, direction, octets = words
    known = _DIRECTIONS.get(direction.lower())
    if known is None:
        raise ReplayError(f"line {number}: {direction!r} is no direction: IN or OUT")
    return Recorded(number, _seconds(number, stamp), known, _octets(number, octets))


def _seconds(number: int, stamp: str) -> float:
    try:
        return float(stamp)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        raise ReplayError(f"line {number}: {stamp!r} is no time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _octets(number: int, text: str) -> bytes:
    try:
        octets = bytes.fromhex("".join(text.split()))
    except ValueError as error:
        raise ReplayError(f"line {number}: {error}") from None
    if not octets:
        raise ReplayError(f"line {number}: no octets")
    return octets


def requests(records: list[Recorded], direction: str = "") -> list[Recorded]:
    """What one side has sent; without a direction, the side that bound or submitted first."""
    if not direction:
        sides = [one.direction for one in records if _command(one.octets) in _OF_ESME]
        direction = (sides or [one.direction for one in records] or [""])[0]
    return [one for one in records if one.direction in ("", direction)]


def bind_of(system_id: str, password: str) -> Recorded:
    """A bind_transceiver to go in front. Raises `wire.EncodeError`."""
    pdu = wire.BindTransceiver(system_id=system_id, password=password, sequence_number=_LAST)
    return Recorded(0, None, "", wire.encode(pdu))


def _command(octets: bytes) -> int:
    return int.from_bytes(octets[4:8], "big")


_BINDS: Final = frozenset(
    one.command_id for one in (wire.BindReceiver, wire.BindTransmitter, wire.BindTransceiver)
)
_OF_ESME: Final = _BINDS | {wire.SubmitSm.command_id, wire.SubmitMulti.command_id}
_LAST: Final = 0x7FFFFFFF
"""The highest sequence_number: a file hardly uses it."""


def shown(octets: bytes) -> str:
    """A PDU on one line: command, status, sequence number, and the fields that say something.

    Passwords are left out. What cannot be decoded is shown as far as it can be, and says why.
    """
    if len(octets) < 16:
        return f"{len(octets)} octets, less than a header: {octets.hex()}"
    command_id = int.from_bytes(octets[4:8], "big")
    status, sequence = int.from_bytes(octets[8:12], "big"), int.from_bytes(octets[12:16], "big")
    try:
        name = wire.CommandId(command_id).name
    except ValueError:
        name = f"0x{command_id:08x}"
    words = [name, f"#{sequence}"]
    if command_id & wire.RESPONSE or status:
        words.append(wire.status_name(status))
    try:
        pdu = wire.decode(octets)
    except wire.SmppError as error:
        return " ".join([*words, f"[{error}] {octets[16:].hex()}"])
    return " ".join([*words, *_said(pdu)])


def _said(pdu: Any) -> list[str]:
    """The fields that differ from their default."""
    if not has(type(pdu)):
        return []
    words = []
    plain = type(pdu)()
    for one in fields(type(pdu)):
        value = getattr(pdu, one.name)
        if one.name in _HEADER or value == getattr(plain, one.name):
            continue
        if one.name == _PASSWORD:
            value = "***"
        elif one.name == "tlvs":
            words += [f"{_tag(tag)}={octets.hex()}" for tag, octets in value]
            continue
        words.append(f"{one.name}={value!r}")
    return words


_HEADER: Final = ("sequence_number", "command_status")


def _tag(tag: int) -> str:
    try:
        return wire.Tag(tag).name
    except ValueError:
        return f"0x{tag:04x}"


class Replay(Protocol):
    """Sends `records` on one connection, then waits `wait` seconds for what still comes.

    Behind a bind it waits for an answer, as long, whatever the timing says.

    `speed` is how much faster than recorded; 0: at once, whatever the timestamps. `told` gets each
    PDU: its direction (`->` ours, `<-` theirs) and the octets. `done` fires with why it ended;
    `complete` says whether everything was sent.
    """

    def __init__(
        self,
        records: list[Recorded],
        clock: IReactorTime,
        told: Callable[[str, bytes], None],
        *,
        speed: float = 0.0,
        wait: float = 2.0,
    ) -> None:
        self.done: Deferred[str] = Deferred()
        self.sent = 0
        self.received = 0
        self._records = records
        self._clock = clock
        self._told = told
        self._speed = speed
        self._wait = wait
        self._began = 0.0
        self._first: float | None = None
        self._buffer = wire.FrameBuffer(max_length=1 << 20)
        self._call: IDelayedCall | None = None
        self._why = ""
        self._holding = False

    @property
    def complete(self) -> bool:
        """Everything was sent."""
        return self.sent == len(self._records)

    def connectionMade(self) -> None:
        """Begin."""
        self._began = self._clock.seconds()
        self._go_on()

    def dataReceived(self, data: bytes) -> None:
        """Show what came; what is no PDU ends it, for nothing behind it can be framed."""
        for octets in self._buffer.feed(data):
            self.received += 1
            self._told("<-", bytes(octets))
        if self._buffer.error is not None:
            self._end(f"what came cannot be framed: {self._buffer.error}")
        elif self._holding and self.received:
            self._holding = False
            self._cancel()
            self._go_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The server has closed, or we have."""
        self._cancel()
        if not self.done.called:
            left = len(self._records) - self.sent
            closed = f"before {left} PDUs were sent" if left else "when all were sent"
            self.done.callback(self._why or f"the server closed the connection {closed}")

    def _cancel(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _go_on(self) -> None:
        self._holding = False
        while self.sent < len(self._records):
            record = self._records[self.sent]
            delay = self._due(record) - self._clock.seconds()
            if delay > 0:
                self._call = self._clock.callLater(delay, self._go_on)
                return
            self.sent += 1
            self._told("->", record.octets)
            self.transport.write(record.octets)  # type: ignore[union-attr]
            if _command(record.octets) in _BINDS:
                self._holding = True
                self._call = self._clock.callLater(self._wait, self._go_on)
                return
        self._call = self._clock.callLater(self._wait, self._end, "")

    def _due(self, record: Recorded) -> float:
        if not self._speed or record.seconds is None:
            return 0.0
        if self._first is None:
            self._first = record.seconds
        return self._began + (record.seconds - self._first) / self._speed

    def _end(self, why: str) -> None:
        self._why = why or f"all {self.sent} PDUs were sent"
        self.transport.loseConnection()  # type: ignore[union-attr]
