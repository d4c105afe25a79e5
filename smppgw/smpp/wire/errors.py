"""What can be wrong with octets or with a PDU, by who is at fault and what survives.

Owns: the exceptions of the package; each of the peer's faults says what to answer.
Refuses to know: who answers, and when a connection ends.
Source: SMPP 3.4 section 3.3 (generic_nack) and 5.1.3.
"""

from __future__ import annotations

from .constants import CommandStatus, status_name


class SmppError(Exception):
    """Base of everything this package raises."""


class FramingError(SmppError):
    """The peer's fault: `command_length` is impossible, so the next PDU cannot be found.

    Answer generic_nack with `command_status` and `sequence_number` (the one read, or 0 when it had
    not arrived), then close.
    """

    def __init__(self, command_length: int, sequence_number: int = 0) -> None:
        super().__init__(f"command_length {command_length}")
        self.command_status: int = CommandStatus.ESME_RINVCMDLEN.value
        self.sequence_number = sequence_number


class BodyError(SmppError):
    """The peer's fault: one PDU cannot be read, the stream is intact.

    Answer the response of `command_id` (generic_nack when it has none) with `command_status` and
    `sequence_number`; never answer when `command_id` is a response. `reason` names the field and
    never quotes it.
    """

    def __init__(
        self, command_id: int, sequence_number: int, command_status: int, reason: str
    ) -> None:
        super().__init__(f"command 0x{command_id:08X}: {reason} ({status_name(command_status)})")
        self.command_id = command_id
        self.sequence_number = sequence_number
        self.command_status = command_status
        self.reason = reason


class UnknownCommandError(BodyError):
    """The peer's fault: no such `command_id`; a request is answered by generic_nack."""

    def __init__(self, command_id: int, sequence_number: int) -> None:
        status = CommandStatus.ESME_RINVCMDID.value
        super().__init__(command_id, sequence_number, status, "unknown command_id")


class EncodeError(SmppError, ValueError):
    """Our fault: a field or TLV cannot be written as the specification demands."""
