"""Kinds of body fields as data: how each is read, salvaged and written.

Owns: C-Octet Strings, one-octet integers, short_message with its sm_length, the two lists of
submit_multi, and the attrs fields that attach a kind to a PDU class.
Refuses to know: which PDU has which fields, headers, TLVs.
Source: SMPP 3.4 section 3.1 (types), 4.5.1.1 (dest_address), 4.5.2.1 (unsuccess_sme).

`read` is for requests: exact, raises FieldFault. `salvage` is for responses: takes what there is.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final, Protocol

from attrs import define, field, frozen

from .constants import CommandStatus
from .errors import EncodeError

TOLERATED: Final = 64
"""Characters accepted in any C-string of a peer's request; what we send obeys the specification."""

LONGEST_SHORT_MESSAGE: Final = 254
"""Octets we send; 255 are accepted."""

_CUT_SHORT: Final = CommandStatus.ESME_RINVMSGLEN.value
_TO_ADDRESS: Final = 1
_TO_LIST: Final = 2
_ERROR_STATUS: Final = Struct(">I")


class FieldFault(Exception):
    """A field of a request cannot be read; `command_status` is what to answer."""

    def __init__(self, command_status: int, reason: str) -> None:
        super().__init__(reason)
        self.command_status = command_status
        self.reason = reason


class Kind(Protocol):
    """A kind of field; `frame` is the whole frame and `start` an offset in it."""

    def read(self, frame: bytes, start: int) -> tuple[Any, int]:
        """The value and the offset after it; raises FieldFault."""

    def write(self, value: Any) -> bytes:
        """The octets of a value; raises EncodeError."""


class AnswerKind(Kind, Protocol):
    """A kind of field that responses have."""

    def salvage(self, frame: bytes, start: int) -> tuple[Any, int]:
        """The value as far as the octets go and the offset after it; raises nothing."""


@frozen
class CString:
    """Latin-1 text ending in NUL; `size` is the largest in octets, NUL included.

    `fault` answers a text too long to be tolerated.
    """

    size: int
    fault: int

    def read(self, frame: bytes, start: int) -> tuple[str, int]:
        end = frame.find(0, start)
        if end < 0:
            raise FieldFault(_CUT_SHORT, "no NUL before the end")
        if end - start > TOLERATED:
            raise FieldFault(self.fault, f"{end - start} characters")
        return frame[start:end].decode("latin-1"), end + 1

    def salvage(self, frame: bytes, start: int) -> tuple[str, int]:
        end = frame.find(0, start)
        if end < 0:
            end = len(frame)
        return frame[start:end].decode("latin-1"), min(end + 1, len(frame))

    def write(self, value: str) -> bytes:
        if len(value) >= self.size:
            raise EncodeError(f"{len(value)} characters, at most {self.size - 1}")
        if "\0" in value:
            raise EncodeError("NUL inside a C-string")
        try:
            return value.encode("latin-1") + b"\0"
        except UnicodeEncodeError:
            raise EncodeError("not latin-1") from None


@frozen
class Octet:
    """An unsigned integer of one octet."""

    def read(self, frame: bytes, start: int) -> tuple[int, int]:
        if start >= len(frame):
            raise FieldFault(_CUT_SHORT, "missing")
        return frame[start], start + 1

    def salvage(self, frame: bytes, start: int) -> tuple[int, int]:
        return (frame[start], start + 1) if start < len(frame) else (0, start)

    def write(self, value: int) -> bytes:
        if not 0 <= value <= 0xFF:
            raise EncodeError(f"{value} is not one octet")
        return bytes((value,))


@frozen
class ShortMessage:
    """sm_length and that many octets."""

    def read(self, frame: bytes, start: int) -> tuple[bytes, int]:
        if start >= len(frame):
            raise FieldFault(_CUT_SHORT, "sm_length missing")
        end = start + 1 + frame[start]
        if end > len(frame):
            # Taking what is there would deliver a text cut at an unknown place.
            raise FieldFault(_CUT_SHORT, "sm_length exceeds the rest")
        return frame[start + 1 : end], end

    def write(self, value: bytes) -> bytes:
        if len(value) > LONGEST_SHORT_MESSAGE:
            raise EncodeError(f"{len(value)} octets, at most {LONGEST_SHORT_MESSAGE}")
        return bytes((len(value),)) + value


_TON_NPI: Final = Octet()
_ADDRESS: Final = CString(21, CommandStatus.ESME_RINVDSTADR.value)
_DL_NAME: Final = CString(21, CommandStatus.ESME_RINVDLNAME.value)


@define(weakref_slot=False)
class DestAddress:
    """A destination of submit_multi given as an address (dest_flag 1)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""


@define(weakref_slot=False)
class DistributionList:
    """A destination of submit_multi given by the name of a list (dest_flag 2)."""

    dl_name: str = ""


@define(weakref_slot=False)
class UnsuccessSme:
    """A destination submit_multi failed for, and why (a command_status)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    error_status_code: int = 0


def _read_address(frame: bytes, start: int) -> tuple[int, int, str, int]:
    ton, start = _TON_NPI.read(frame, start)
    npi, start = _TON_NPI.read(frame, start)
    address, start = _ADDRESS.read(frame, start)
    return ton, npi, address, start


def _write_address(ton: int, npi: int, address: str) -> bytes:
    return _TON_NPI.write(ton) + _TON_NPI.write(npi) + _ADDRESS.write(address)


@frozen
class Destinations:
    """number_of_dests (1 to 254) and as many dest_address."""

    def read(
        self, frame: bytes, start: int
    ) -> tuple[tuple[DestAddress | DistributionList, ...], int]:
        count, start = _TON_NPI.read(frame, start)
        if not 1 <= count <= 254:
            raise FieldFault(CommandStatus.ESME_RINVNUMDESTS.value, f"{count} destinations")
        found: list[DestAddress | DistributionList] = []
        for _ in range(count):
            flag, start = _TON_NPI.read(frame, start)
            if flag == _TO_ADDRESS:
                ton, npi, address, start = _read_address(frame, start)
                found.append(DestAddress(ton, npi, address))
            elif flag == _TO_LIST:
                name, start = _DL_NAME.read(frame, start)
                found.append(DistributionList(name))
            else:
                raise FieldFault(CommandStatus.ESME_RINVDESTFLAG.value, f"dest_flag {flag}")
        return tuple(found), start

    def write(self, value: tuple[DestAddress | DistributionList, ...]) -> bytes:
        if not 1 <= len(value) <= 254:
            raise EncodeError(f"{len(value)} destinations")
        octets = [bytes((len(value),))]
        for one in value:
            if isinstance(one, DestAddress):
                address = _write_address(one.dest_addr_ton, one.dest_addr_npi, one.destination_addr)
                octets.append(bytes((_TO_ADDRESS,)) + address)
            else:
                octets.append(bytes((_TO_LIST,)) + _DL_NAME.write(one.dl_name))
        return b"".join(octets)


@frozen
class Unsuccessful:
    """no_unsuccess and as many unsuccess_sme."""

    def read(self, frame: bytes, start: int) -> tuple[tuple[UnsuccessSme, ...], int]:
        count, start = _TON_NPI.read(frame, start)
        found = []
        for _ in range(count):
            one, start = self._read_one(frame, start)
            found.append(one)
        return tuple(found), start

    def salvage(self, frame: bytes, start: int) -> tuple[tuple[UnsuccessSme, ...], int]:
        count, start = _TON_NPI.salvage(frame, start)
        found: list[UnsuccessSme] = []
        for _ in range(count):
            try:
                one, start = self._read_one(frame, start)
            except FieldFault:
                return tuple(found), len(frame)
            found.append(one)
        return tuple(found), start

    def _read_one(self, frame: bytes, start: int) -> tuple[UnsuccessSme, int]:
        ton, npi, address, start = _read_address(frame, start)
        if start + 4 > len(frame):
            raise FieldFault(_CUT_SHORT, "error_status_code missing")
        return UnsuccessSme(ton, npi, address, *_ERROR_STATUS.unpack_from(frame, start)), start + 4

    def write(self, value: tuple[UnsuccessSme, ...]) -> bytes:
        if len(value) > 0xFF:
            raise EncodeError(f"{len(value)} failed destinations")
        octets = [bytes((len(value),))]
        for one in value:
            octets.append(
                _write_address(one.dest_addr_ton, one.dest_addr_npi, one.destination_addr)
            )
            if not 0 <= one.error_status_code <= 0xFFFFFFFF:
                raise EncodeError(f"error_status_code {one.error_status_code}")
            octets.append(_ERROR_STATUS.pack(one.error_status_code))
        return b"".join(octets)


_OCTET: Final = Octet()


def c_string(size: int, fault: CommandStatus, *, secret: bool = False) -> Any:
    """A C-string field of at most `size` octets with its NUL; a secret one stays out of repr."""
    kind = CString(size, fault.value)
    return field(default="", repr=not secret, metadata={"kind": kind})


def octet(default: int = 0) -> Any:
    """A field of one octet."""
    return field(default=default, metadata={"kind": _OCTET})


def _size_of(value: bytes) -> str:
    return f"<{len(value)} octets>"


def text_octets() -> Any:
    """The text of a message, with its sm_length; repr tells the size only."""
    return field(default=b"", repr=_size_of, metadata={"kind": ShortMessage()})


def destinations() -> Any:
    """The dest_address list, with its number_of_dests."""
    return field(default=(), metadata={"kind": Destinations()})


def unsuccessful() -> Any:
    """The unsuccess_sme list, with its no_unsuccess."""
    return field(default=(), metadata={"kind": Unsuccessful()})
