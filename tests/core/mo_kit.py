"""Long messages from phones: their parts as PDUs, and what an ESME makes of what it gets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from relay_kit import GATEWAY, TestEsme, World, account
from relay_peers import PHONE, mo, payload, rows
from turn_kit import turn

from smppgw.core.settings import NumberSettings
from smppgw.simulator.carrier_bind import Delivery
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.sms import reassemble
from smppgw.sms.alphabet import decode
from smppgw.sms.choose import Style
from smppgw.sms.reassemble import Assembly, Part
from smppgw.sms.segment import Part as Cut
from smppgw.sms.segment import segment, segment_octets
from smppgw.sms.udh import Element

NUMBER = NumberSettings(address="38100", account="esme")
LONG = "The quick brown fox €uro [jumps] over the lazy dog. " * 8
"""Three parts in GSM 7-bit, with escape pairs."""
SAR = (wire.Tag.sar_msg_ref_num, wire.Tag.sar_total_segments, wire.Tag.sar_segment_seqnum)

SENT = ("esm_class", "protocol_id", "data_coding", "service_type", "source_addr_ton", "tlvs")


def parts_of(
    text: str | bytes = LONG,
    reference: int = 7,
    style: Style = Style.UDH8,
    source: str = PHONE,
    elements: tuple[Element, ...] = (),
    **fields,
) -> list[wire.DeliverSm]:
    """The deliver_sm of a long message, in order."""
    if isinstance(text, bytes):
        found = segment_octets(text, style=style, reference=reference, elements=elements)
    else:
        found = segment(text, style=style, reference=reference, elements=elements)
    return [_deliver_sm(part, source, fields) for part in found.parts]


def _deliver_sm(part: Cut, source: str, fields: dict) -> wire.DeliverSm:
    tlvs: tuple = ()
    if part.sar is not None:
        numbers = (part.sar.reference, part.sar.total, part.sar.sequence)
        tlvs = tuple(wire.Tlv.integer(*one) for one in zip(SAR, numbers, strict=True))
    values = {"data_coding": part.data_coding, "esm_class": part.esm_class, **fields}
    return mo(part.short_message, source_addr=source, tlvs=tlvs, **values)


def piece(octets: bytes, sequence: int, total: int, reference: int = 7, **fields) -> wire.DeliverSm:
    """One part with these octets, whatever they are."""
    header = bytes((5, 0, 3, reference, total, sequence))
    return mo(header + octets, esm_class=0x40, **fields)


def octets_of(pdu: wire.DeliverSm) -> bytes:
    """What is in it, header included."""
    return pdu.short_message or wire.tlv(pdu, wire.Tag.message_payload) or b""


def said(pdu: wire.DeliverSm) -> str:
    """The text of one deliver_sm, by itself."""
    whole = reassemble.whole(pdu.esm_class, pdu.data_coding, octets_of(pdu))
    return decode(whole.octets, whole.alphabet).text


def said_together(pdus: Sequence[wire.DeliverSm]) -> list[str]:
    """The texts that a phone (or an ESME that joins) makes of what it gets, in order."""
    texts = []
    assemblies: dict[tuple, tuple[Assembly, list[Part]]] = {}
    for pdu in pdus:
        part = reassemble.read(pdu.esm_class, pdu.data_coding, octets_of(pdu))
        if part is None:
            texts.append(said(pdu))
            continue
        number = part.concatenation
        key = (pdu.source_addr, number.reference, number.total)
        assembly, parts = assemblies.setdefault(key, (Assembly(number.total), []))
        if not reassemble.repeated([assembly], part):
            assembly.held[number.sequence] = part.fingerprint
            parts.append(part)
        if assembly.complete:
            del assemblies[key]
            whole = reassemble.join(parts)
            texts.append(decode(whole.octets, whole.alphabet).text)
    assert not assemblies, "an ESME would wait for the rest"
    return texts


def sequences(pdus: Sequence[wire.DeliverSm]) -> list[tuple[int, int]]:
    """(sequence, total) of each part."""
    found = [reassemble.read(pdu.esm_class, pdu.data_coding, octets_of(pdu)) for pdu in pdus]
    return [(one.concatenation.sequence, one.concatenation.total) for one in found if one]


def as_data_sm(pdu: wire.DeliverSm) -> wire.DataSm:
    """The same in a data_sm."""
    return wire.DataSm(
        source_addr=pdu.source_addr,
        destination_addr=pdu.destination_addr,
        esm_class=pdu.esm_class,
        data_coding=pdu.data_coding,
        tlvs=(payload(pdu.short_message), *pdu.tlvs),
    )


def world_of(directory: Path, how: str = "payload", **rest) -> World:
    """A gateway with a simulated carrier, and a number whose owner takes long MOs in one way."""
    rest.setdefault("accounts", (account("esme", long_mo=how),))
    rest.setdefault("numbers", (NUMBER,))
    return World(directory / "var", **rest)


def come(world: World, *pdus: wire.DeliverSm, settle: bool = True) -> list[Delivery]:
    """Have the simulated carrier send these, in order."""
    sent = []
    for pdu in pdus:
        fields = {name: getattr(pdu, name) for name in SENT}
        sent.append(
            world.simulated["a"].send_mo(
                pdu.source_addr, pdu.destination_addr, pdu.short_message, **fields
            )
        )
    if settle:
        world.settle()
    return sent


def statuses(sent: Sequence[Delivery]) -> list[int | None]:
    """How they were answered."""
    return [one.command_status for one in sent]


def stored(world: World) -> int:
    """Parts that wait in their rows."""
    ((count,),) = rows(world, "SELECT count(*) FROM mo_part WHERE sequence > 0")
    return int(count)


class OldEsme(TestEsme):
    """Binds with SMPP 3.3."""

    def connected(self, protocol: SmppProtocol) -> None:
        self.protocol = protocol
        protocol.send(
            self.session.bind(wire.BindReceiver(system_id="esme", interface_version=0x33))
        )


def old_esme(world: World, answer: int | None = 0, turns: int = 200) -> OldEsme:
    """An ESME that knows no TLVs, so many turns after it connected; bound after a few."""
    esme = OldEsme(world, "esme", wire.BindReceiver)
    esme.answer = answer
    world.network.connect(GATEWAY, esme.session, esme)
    for _ in range(turns):
        turn(world)
    return esme
