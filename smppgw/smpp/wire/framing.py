"""The 16-octet header and the cutting of a stream into frames.

Owns: header octets, the bounds of `command_length`, octets of a PDU that is still arriving.
Refuses to know: what a body means, timers for a partial PDU, sockets.
Source: SMPP 3.4 section 3.2 (PDU format).
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct, error
from typing import Final

from .errors import EncodeError, FramingError

HEADER: Final = Struct(">IIII")
"""command_length, command_id, command_status, sequence_number."""

HEADER_SIZE: Final = 16

_LENGTH: Final = Struct(">I")
_EMPTY_ANSWER: Final = Struct(">IIIIx")


def frame(command_id: int, command_status: int, sequence_number: int, body: bytes) -> bytes:
    """A whole frame around a body of octets; raises EncodeError when a number exceeds 32 bits."""
    length = HEADER_SIZE + len(body)
    try:
        return HEADER.pack(length, command_id, command_status, sequence_number) + body
    except error as fault:
        raise EncodeError(f"header: {fault}") from None


def frames(command_id: int, sequence_numbers: Iterable[int], bodies: Iterable[bytes]) -> bytes:
    """Frames around bodies of octets, one behind the other, with command_status 0.

    Raises ValueError unless there are as many numbers as bodies.
    """
    pack = HEADER.pack
    parts: list[bytes] = []
    for sequence_number, body in zip(sequence_numbers, bodies, strict=True):
        parts += (pack(HEADER_SIZE + len(body), command_id, 0, sequence_number), body)
    return b"".join(parts)


def empty_answer(command_id: int, sequence_number: int) -> bytes:
    """The frame of a response with ESME_ROK whose body is an empty C-string."""
    return _EMPTY_ANSWER.pack(HEADER_SIZE + 1, command_id, 0, sequence_number)


def header(command_id: int, command_status: int, sequence_number: int) -> bytes:
    """A frame without a body: the answer to a failing request (16 octets)."""
    return frame(command_id, command_status, sequence_number, b"")


class FrameBuffer:
    """Cuts received octets into frames.

    `max_length` is the greatest `command_length` accepted, in octets. The buffer holds what has
    arrived of one PDU and nothing else: an announced length costs no memory.
    """

    __slots__ = ("_needed", "_partial", "error", "max_length")

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length
        self.error: FramingError | None = None
        self._partial: bytearray | None = None
        self._needed = 0

    @property
    def pending(self) -> bool:
        """Whether a part of a PDU waits for the rest."""
        return self._partial is not None

    @property
    def partial(self) -> bytes:
        """What has come of a PDU that waits for the rest."""
        return b"" if self._partial is None else bytes(self._partial)

    def feed(self, data: bytes) -> list[bytes]:
        """Complete frames in order of arrival.

        Sets `error` when 16 <= command_length <= max_length is violated; the frames before it are
        still returned, and nothing after it ever is.
        """
        if self.error is not None:
            return []
        partial = self._partial
        if partial is not None:
            # Grown in place and looked at only when enough is there: a PDU that drips in octet by
            # octet costs linear time.
            partial += data
            if len(partial) < self._needed:
                return []
            data = bytes(partial)
            self._partial = None
        frames: list[bytes] = []
        add = frames.append
        unpack = _LENGTH.unpack_from
        longest = self.max_length
        size = len(data)
        start = 0
        while size - start >= 4:
            (length,) = unpack(data, start)
            if not HEADER_SIZE <= length <= longest:
                self._fail(length, data[start:])
                return frames
            stop = start + length
            if stop > size:
                self._keep(data[start:], length)
                return frames
            add(data[start:stop])
            start = stop
        if start < size:
            self._keep(data[start:], 4)
        return frames

    def _keep(self, data: bytes, needed: int) -> None:
        self._partial = bytearray(data)
        self._needed = needed

    def _fail(self, command_length: int, data: bytes) -> None:
        sequence_number = HEADER.unpack_from(data)[3] if len(data) >= HEADER_SIZE else 0
        self.error = FramingError(command_length, sequence_number)
