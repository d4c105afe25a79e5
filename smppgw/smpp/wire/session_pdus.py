"""PDUs that open, keep and close a session.

Owns: bind, outbind, unbind, enquire_link, generic_nack and their responses.
Refuses to know: when one may be sent (`smpp.session`).
Source: SMPP 3.4 sections 4.1, 4.2, 4.3, 4.11.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import define

from .constants import CommandId, CommandStatus
from .fields import c_string, octet
from .pdu import PDU


@define(weakref_slot=False)
class GenericNack(PDU):
    """generic_nack: the answer to what is not even a known request; never answered."""

    command_id: ClassVar[int] = CommandId.generic_nack.value


@define(weakref_slot=False)
class BindResp(PDU):
    """What the three bind responses share; TLV sc_interface_version may follow."""

    system_id: str = c_string(16, CommandStatus.ESME_RINVSYSID)


@define(weakref_slot=False)
class BindReceiverResp(BindResp):
    """bind_receiver_resp."""

    command_id: ClassVar[int] = CommandId.bind_receiver_resp.value


@define(weakref_slot=False)
class BindTransmitterResp(BindResp):
    """bind_transmitter_resp."""

    command_id: ClassVar[int] = CommandId.bind_transmitter_resp.value


@define(weakref_slot=False)
class BindTransceiverResp(BindResp):
    """bind_transceiver_resp."""

    command_id: ClassVar[int] = CommandId.bind_transceiver_resp.value


@define(weakref_slot=False)
class Bind(PDU):
    """What the three bind requests share; the password stays out of repr."""

    response: ClassVar[type[BindResp]]

    system_id: str = c_string(16, CommandStatus.ESME_RINVSYSID)
    password: str = c_string(9, CommandStatus.ESME_RINVPASWD, secret=True)
    system_type: str = c_string(13, CommandStatus.ESME_RINVSYSTYP)
    interface_version: int = octet(0x34)
    addr_ton: int = octet()
    addr_npi: int = octet()
    address_range: str = c_string(41, CommandStatus.ESME_RINVTLVLEN)


@define(weakref_slot=False)
class BindReceiver(Bind):
    """bind_receiver."""

    command_id: ClassVar[int] = CommandId.bind_receiver.value
    response: ClassVar[type[BindResp]] = BindReceiverResp


@define(weakref_slot=False)
class BindTransmitter(Bind):
    """bind_transmitter."""

    command_id: ClassVar[int] = CommandId.bind_transmitter.value
    response: ClassVar[type[BindResp]] = BindTransmitterResp


@define(weakref_slot=False)
class BindTransceiver(Bind):
    """bind_transceiver."""

    command_id: ClassVar[int] = CommandId.bind_transceiver.value
    response: ClassVar[type[BindResp]] = BindTransceiverResp


@define(weakref_slot=False)
class Outbind(PDU):
    """outbind: the ESME answers by binding; the password stays out of repr."""

    command_id: ClassVar[int] = CommandId.outbind.value

    system_id: str = c_string(16, CommandStatus.ESME_RINVSYSID)
    password: str = c_string(9, CommandStatus.ESME_RINVPASWD, secret=True)


@define(weakref_slot=False)
class UnbindResp(PDU):
    """unbind_resp."""

    command_id: ClassVar[int] = CommandId.unbind_resp.value


@define(weakref_slot=False)
class Unbind(PDU):
    """unbind."""

    command_id: ClassVar[int] = CommandId.unbind.value
    response: ClassVar[type[UnbindResp]] = UnbindResp


@define(weakref_slot=False)
class EnquireLinkResp(PDU):
    """enquire_link_resp."""

    command_id: ClassVar[int] = CommandId.enquire_link_resp.value


@define(weakref_slot=False)
class EnquireLink(PDU):
    """enquire_link."""

    command_id: ClassVar[int] = CommandId.enquire_link.value
    response: ClassVar[type[EnquireLinkResp]] = EnquireLinkResp
