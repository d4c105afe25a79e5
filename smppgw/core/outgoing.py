"""What we say to one carrier, as it wants it: binds and messages.

Owns: what of a submit_sm changes between our store and one carrier's wire.
Refuses to know: links, windows and when it is sent.
"""

from __future__ import annotations

from smppgw.core.content import octets_of, submit_sm_of
from smppgw.core.message import Message
from smppgw.core.registered_delivery import ANY, OUTCOME
from smppgw.core.settings import CarrierSettings
from smppgw.smpp import wire

VERSION_3_4 = 0x34
BINDS = {
    "transceiver": wire.BindTransceiver,
    "transmitter": wire.BindTransmitter,
    "receiver": wire.BindReceiver,
}
_SUBMIT_SM = int(wire.CommandId.submit_sm)
REWRITTEN = {
    "source_ton": "source_addr_ton",
    "source_npi": "source_addr_npi",
    "dest_ton": "dest_addr_ton",
    "dest_npi": "dest_addr_npi",
}
"""Setting of the carrier -> field it replaces when it is not negative."""


class Outgoing:
    """Makes the PDUs for one carrier."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._settings = settings
        self._plain = not (
            settings.service_type
            or settings.receipts == "always"
            or any(getattr(settings, name) >= 0 for name in REWRITTEN)
        )

    def bind(self, kind: str) -> wire.Bind:
        """The bind of a link; `kind` is transceiver, transmitter or receiver."""
        settings = self._settings
        return BINDS[kind](
            system_id=settings.system_id,
            password=settings.password,
            system_type=settings.system_type,
            interface_version=settings.interface_version,
            addr_ton=settings.addr_ton,
            addr_npi=settings.addr_npi,
            address_range=settings.address_range,
        )

    def pdu(
        self, message: Message, fitted: wire.SubmitSm | None, version: int
    ) -> wire.RawPdu | wire.SubmitSm:
        """The submit_sm for a peer of interface_version `version`, unchanged if it can be.

        `fitted` is its text as the carrier takes it, None when it takes the body as it is. What the
        peer cannot take (a long text without TLVs) fails when it is encoded.
        """
        if fitted is None:
            if self.as_is(version):
                return wire.RawPdu(_SUBMIT_SM, message.body)
            fitted = submit_sm_of(message.body)
        return self._changed(fitted, min(version, self._settings.interface_version))

    def as_is(self, version: int) -> bool:
        """A body that the carrier takes as it is goes out unchanged to a peer of `version`."""
        return self._plain and min(version, self._settings.interface_version) >= VERSION_3_4

    def _changed(self, pdu: wire.SubmitSm, version: int) -> wire.SubmitSm:
        settings = self._settings
        for ours, field in REWRITTEN.items():
            value = getattr(settings, ours)
            if value >= 0:
                setattr(pdu, field, value)
        if settings.service_type:
            pdu.service_type = settings.service_type
        if settings.receipts == "always" and not pdu.registered_delivery & OUTCOME:
            pdu.registered_delivery |= ANY
        if version < VERSION_3_4:
            pdu.short_message = octets_of(pdu)
            pdu.tlvs = ()
        return pdu
