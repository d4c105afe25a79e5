"""Message classes: where the handset puts a message, and the field that says so.

Owns: the four classes, how each is read from data_coding or dest_addr_subunit, and the ways a
carrier may want one written.
Refuses to know: alphabets (`data_coding` writes class and alphabet together), and PDUs.
Source: 3GPP TS 23.038 section 4 (class), SMPP 3.4 5.3.2.1 (dest_addr_subunit).
"""

from __future__ import annotations

import enum


class MessageClass(enum.IntEnum):
    """Where a message goes; a message without a class goes where the handset likes."""

    FLASH = 0
    """Shown at once and not kept."""
    ME = 1
    """Kept in the handset (mobile equipment)."""
    SIM = 2
    """Kept on the SIM card."""
    TE = 3
    """Handed to what is connected to the handset (terminal equipment)."""


class ClassStyle(enum.StrEnum):
    """How a carrier wants a class written."""

    F0 = "0xF0"
    """data_coding 0xF0 to 0xF7, for UCS-2 (which these lack) 0x18 to 0x1B."""
    X1 = "0x1x"
    """data_coding 0x10 to 0x1B."""
    SUBUNIT = "subunit"
    """data_coding as without a class, and a dest_addr_subunit."""


_CLASSES = tuple(MessageClass)


def class_of(data_coding: int, dest_addr_subunit: int | None = None) -> MessageClass | None:
    """The class of a message with this data_coding and, when it has one, this dest_addr_subunit.

    data_coding wins when both give a class. A subunit other than 1 to 4 gives none.
    """
    if (0x10 <= data_coding < 0x80 and data_coding & 0x10) or 0xF0 <= data_coding <= 0xFF:
        return _CLASSES[data_coding & 3]
    if dest_addr_subunit is not None and 1 <= dest_addr_subunit <= 4:
        return _CLASSES[dest_addr_subunit - 1]
    return None


def subunit_of(message_class: MessageClass) -> int:
    """The dest_addr_subunit that says this class.

    1 MS display, 2 mobile equipment, 3 smart card 1, 4 external unit 1.
    """
    return message_class + 1
