"""Receipts for ESMEs: who gets one, what the carrier is asked, and every octet of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from relay_kit import GATEWAY, TestEsme, World, account, carrier
from relay_peers import by_text, by_tlv, counting, id_of, orphans, scripted, stat_of

from smppgw.core.message import State
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol

APPENDIX_B = re.compile(
    rb"id:([0-9a-f]{16}) sub:001 dlvrd:(\d{3}) submit date:(\d{10}) done date:(\d{10})"
    rb" stat:([A-Z]{7}) err:(\w{3}) text:(.*)",
    re.DOTALL,
)


class OldEsme(TestEsme):
    """Binds with SMPP 3.3."""

    def connected(self, protocol: SmppProtocol) -> None:
        self.protocol = protocol
        protocol.send(
            self.session.bind(wire.BindReceiver(system_id="esme", interface_version=0x33))
        )


def old_esme(world: World) -> TestEsme:
    esme = OldEsme(world, "esme", wire.BindReceiver)
    world.network.connect(GATEWAY, esme.session, esme)
    world.settle()
    assert esme.bind_status == 0
    return esme


def receipt_for(tmp_path: Path, receipt: wire.PDU | None = None, **fields) -> wire.DeliverSm | None:
    """What an ESME gets for a submit with these fields when the carrier sends `receipt`."""
    accounts = fields.pop("accounts", (account("esme"),))
    world, remote = scripted(tmp_path, accounts=accounts)
    esme = world.esme()
    fields.setdefault("registered_delivery", 1)
    esme.submit(**fields)
    world.settle()
    remote.answer("A1")
    remote.send(receipt or by_text("A1"))
    return esme.delivered[0] if esme.delivered else None


# ---------------------------------------------------------------------- registered_delivery

FINALS = ("DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "UNKNOWN", "DELETED")


@pytest.mark.parametrize("extra", [0, 0x04, 0x08, 0x0C, 0x10, 0x1C])
@pytest.mark.parametrize("wanted", [0, 1, 2, 3])
def test_who_asked_for_what(tmp_path: Path, wanted: int, extra: int) -> None:
    world, remote = scripted(tmp_path, ids=counting())
    esme = world.esme()
    asked = wanted | extra
    sequences = {
        stat: esme.submit(f"33600{n:06}", registered_delivery=asked)
        for n, stat in enumerate(FINALS)
    }
    world.settle()
    for submit in remote.submits:
        # SME acknowledgements are the phone's affair; both outcomes tell us the one asked for.
        expected = extra | (1 if wanted or extra & 0x10 else 0)
        assert submit.registered_delivery == expected
    for stat, remote_id in zip(FINALS, remote.given, strict=True):
        remote.receipt(remote_id, "ENROUTE", esm_class=0x20)
        remote.receipt(remote_id, stat)
    got = [(pdu.esm_class, stat_of(pdu)) for pdu in esme.delivered]
    expected = []
    for stat in FINALS:
        if extra & 0x10:
            expected.append((0x20, "ENROUTE"))
        if wanted and (wanted == 1 or (wanted == 3) == (stat == "DELIVRD")):
            expected.append((0x04, stat))
    assert got == expected
    states = {stat: world.message(esme.id_of(one)).state for stat, one in sequences.items()}
    if asked & 0x13:
        assert states["DELIVRD"] == State.DELIVERED
        assert states["EXPIRED"] == State.EXPIRED
        assert orphans(world) == []
    else:
        assert set(states.values()) == {State.ACCEPTED}
    assert world.ledger()["pending"] == 0


def test_a_carrier_that_is_always_asked(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting(), carriers=(carrier("a", receipts="always"),))
    esme = world.esme()
    sequence = esme.submit(registered_delivery=0)
    world.settle()
    assert remote.submits[0].registered_delivery == 1
    assert world.message(esme.id_of(sequence)).state == State.SENT
    remote.receipt(remote.given[0])
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    assert esme.delivered == []


@pytest.mark.parametrize("asked", [0x10, 0x11, 0x12])
def test_intermediate_notifications(tmp_path: Path, asked: int) -> None:
    world, remote = scripted(tmp_path, ids=counting())
    esme = world.esme()
    sequence = esme.submit(registered_delivery=asked)
    world.settle()
    remote.send(by_tlv(remote.given[0], "ENROUTE", 27, esm_class=0x20))
    (note,) = esme.delivered
    assert note.esm_class == 0x20
    assert id_of(note) == esme.id_of(sequence)
    assert wire.tlv_int(note, wire.Tag.message_state) == 1
    message = world.message(esme.id_of(sequence))
    assert (message.state, message.reported) == (State.SENT, 1)
    assert message.receipt_to == "", "that was not the receipt"


def test_a_message_that_never_left_gets_its_receipt_too(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    refused = esme.submit(registered_delivery=1)
    world.settle()
    remote.answer(status=0x0B)
    remote.link.disconnect()
    world.network.unlisten("127.0.0.1:2790")
    world.settle(1)
    expired = esme.submit(registered_delivery=1, validity_period="000000000010000R")
    quiet = esme.submit(registered_delivery=3, validity_period="000000000010000R")
    world.settle(15)
    assert [(id_of(pdu), stat_of(pdu)) for pdu in esme.delivered] == [
        (esme.id_of(refused), "REJECTD"),
        (esme.id_of(expired), "EXPIRED"),
    ]
    assert b"err:011" in esme.delivered[0].short_message
    assert wire.tlv(esme.delivered[0], wire.Tag.network_error_code) == b"\x03\x00\x0b"
    assert b"err:000" in esme.delivered[1].short_message
    assert world.message(esme.id_of(quiet)).state == State.EXPIRED


# ---------------------------------------------------------------------- its octets


def test_a_receipt_word_for_word(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(
        "33600000001",
        b"hello world, this is longer than twenty",
        registered_delivery=1,
        source_addr="Sender",
        source_addr_ton=5,
        source_addr_npi=0,
        dest_addr_ton=1,
        dest_addr_npi=1,
        service_type="CMT",
        protocol_id=0x41,
        priority_flag=1,
    )
    world.settle(90)
    remote.answer("A1")
    remote.receipt("A1")
    (receipt,) = esme.delivered
    message_id = esme.id_of(sequence)
    found = APPENDIX_B.fullmatch(receipt.short_message)
    assert found is not None, receipt.short_message
    # EPOCH is 2026-09-21 14:13:20 UTC; the carrier's done date is its own.
    assert found.groups() == (
        message_id.encode(),
        b"001",
        b"2609211413",
        b"2609211201",
        b"DELIVRD",
        b"000",
        b"hello world, this is",
    )
    assert (receipt.source_addr, receipt.source_addr_ton, receipt.source_addr_npi) == (
        "33600000001",
        1,
        1,
    )
    assert (receipt.destination_addr, receipt.dest_addr_ton, receipt.dest_addr_npi) == (
        "Sender",
        5,
        0,
    )
    assert receipt.esm_class == 0x04
    for name in (
        "service_type",
        "protocol_id",
        "priority_flag",
        "schedule_delivery_time",
        "validity_period",
        "registered_delivery",
        "replace_if_present_flag",
        "data_coding",
        "sm_default_msg_id",
    ):
        assert not getattr(receipt, name), name
    assert receipt.tlvs == (
        (int(wire.Tag.receipted_message_id), message_id.encode() + b"\0"),
        (int(wire.Tag.message_state), b"\x02"),
    )


def test_a_failure_word_for_word(tmp_path: Path) -> None:
    receipt = receipt_for(tmp_path, by_tlv("A1", "UNDELIV", 333))
    assert receipt is not None
    found = APPENDIX_B.fullmatch(receipt.short_message)
    assert found is not None
    assert (found[2], found[5], found[6]) == (b"000", b"UNDELIV", b"333")
    assert wire.tlv_int(receipt, wire.Tag.message_state) == 5
    assert wire.tlv(receipt, wire.Tag.network_error_code) == b"\x03\x01\x4d"


@pytest.mark.parametrize(
    ("err", "written", "code"),
    [
        ("021", b"021", b"\x03\x00\x15"),
        ("0000", b"000", b"\x03\x00\x00"),
        ("7", b"007", b"\x03\x00\x07"),
        ("21b", b"21b", None),
        ("null", b"000", None),
        ("1234", b"999", b"\x03\x04\xd2"),
        ("99999999", b"999", b"\x03\xff\xff"),
    ],
)
def test_error_codes(tmp_path: Path, err: str, written: bytes, code: bytes | None) -> None:
    receipt = receipt_for(tmp_path, by_text("A1", "UNDELIV", err))
    assert receipt is not None
    assert b" err:" + written + b" text:" in receipt.short_message
    assert wire.tlv(receipt, wire.Tag.network_error_code) == code


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"text": b"short"}, b"short"),
        ({"text": b""}, b""),
        ({"text": b"x" * 160}, b"x" * 20),
        ({"text": b"latin \xe9\xe8", "data_coding": 3}, b"latin \xe9\xe8"),
        ({"text": b"ascii", "data_coding": 1}, b"ascii"),
        ({"text": "été".encode("utf-16-be"), "data_coding": 8}, b""),
        ({"text": b"\x01\x02\x03", "data_coding": 4}, b""),
        ({"text": b"flash", "data_coding": 0xF0}, b""),
        ({"text": b"\x05\x00\x03\x01\x02\x01part", "esm_class": 0x40}, b""),
        ({"text": b"", "tlvs": ((0x0424, b"in a payload"),)}, b""),
        ({"text": b"id:x stat:UNDELIV"}, b"id:x stat:UNDELIV"),
    ],
)
def test_the_text_in_a_receipt(tmp_path: Path, fields: dict, text: bytes) -> None:
    receipt = receipt_for(tmp_path, **fields)
    assert receipt is not None
    found = APPENDIX_B.fullmatch(receipt.short_message)
    assert found is not None
    assert found[7] == text


@pytest.mark.parametrize(
    ("length", "text"), [(0, b""), (5, b"hello"), (64, b"hello" * 12 + b"hell")]
)
def test_the_length_of_the_text_is_the_account_s(tmp_path: Path, length: int, text: bytes) -> None:
    receipt = receipt_for(
        tmp_path, accounts=(account("esme", receipt_text=length),), text=b"hello" * 20
    )
    assert receipt is not None
    assert receipt.short_message.endswith(b" text:" + text)
    assert len(receipt.short_message) < 255


@pytest.mark.parametrize(
    "fields",
    [
        {"destination": "+33 6 00-00.00", "dest_addr_ton": 1, "dest_addr_npi": 1},
        {"destination": "0033600000001", "dest_addr_ton": 0, "dest_addr_npi": 0},
        {"destination": "0600000001", "dest_addr_ton": 2, "dest_addr_npi": 8},
        {"source_addr": "", "source_addr_ton": 0},
        {"source_addr": "38100", "source_addr_ton": 3, "source_addr_npi": 9},
    ],
)
def test_addresses_come_back_as_they_were_given(tmp_path: Path, fields: dict) -> None:
    receipt = receipt_for(tmp_path, **fields)
    assert receipt is not None
    assert receipt.source_addr == fields.get("destination", "33600000001")
    assert receipt.source_addr_ton == fields.get("dest_addr_ton", 1)
    assert receipt.source_addr_npi == fields.get("dest_addr_npi", 1)
    assert receipt.destination_addr == fields.get("source_addr", "12345")
    assert receipt.dest_addr_ton == fields.get("source_addr_ton", 0)
    assert receipt.dest_addr_npi == fields.get("source_addr_npi", 0)


def test_what_a_carrier_rewrites_is_not_in_the_receipt(tmp_path: Path) -> None:
    world, remote = scripted(
        tmp_path, carriers=(carrier("a", source_ton=3, dest_npi=6, service_type="VMN"),)
    )
    esme = world.esme()
    esme.submit(registered_delivery=1, source_addr_ton=5, source_addr="ACME")
    world.settle()
    assert (remote.submits[0].source_addr_ton, remote.submits[0].dest_addr_npi) == (3, 6)
    remote.answer("A1")
    remote.receipt("A1")
    (receipt,) = esme.delivered
    assert (receipt.dest_addr_ton, receipt.source_addr_npi, receipt.service_type) == (5, 1, "")


# ---------------------------------------------------------------------- special submits and ESMEs


def test_receipts_of_a_submit_multi_carry_the_id_that_was_answered(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting())
    esme = world.esme()
    numbers = ["33600000001", "33600000002", "33600000003"]
    sequence = esme.request(
        wire.SubmitMulti(
            source_addr="12345",
            dest_address=tuple(wire.DestAddress(1, 1, number) for number in numbers),
            registered_delivery=1,
            short_message=b"all of you",
        )
    )
    world.settle()
    message_id = esme.id_of(sequence)
    assert [submit.destination_addr for submit in remote.submits] == numbers
    for remote_id, stat in zip(remote.given, ("DELIVRD", "UNDELIV", "DELIVRD"), strict=True):
        remote.receipt(remote_id, stat)
    got = [(pdu.source_addr, id_of(pdu), stat_of(pdu)) for pdu in esme.delivered]
    assert got == [
        (numbers[0], message_id, "DELIVRD"),
        (numbers[1], message_id, "UNDELIV"),
        (numbers[2], message_id, "DELIVRD"),
    ]
    for pdu in esme.delivered:
        assert wire.tlv_text(pdu, wire.Tag.receipted_message_id) == message_id


def test_a_data_sm_gets_its_receipt(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting())
    esme = world.esme()
    sequence = esme.request(
        wire.DataSm(
            source_addr="12345",
            destination_addr="33600000001",
            registered_delivery=1,
            tlvs=((0x0424, b"payload"),),
        )
    )
    world.settle()
    remote.receipt(remote.given[0])
    assert [id_of(pdu) for pdu in esme.delivered] == [esme.id_of(sequence)]


def test_each_part_that_asked_gets_its_receipt(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting())
    esme = world.esme()
    sequences = [
        esme.submit(
            text=b"\x05\x00\x03\x07\x03" + bytes((part,)) + b"text",
            esm_class=0x40,
            registered_delivery=int(part != 2),
        )
        for part in (1, 2, 3)
    ]
    world.settle()
    for remote_id in remote.given:
        remote.receipt(remote_id)
    assert [id_of(pdu) for pdu in esme.delivered] == [
        esme.id_of(sequences[0]),
        esme.id_of(sequences[2]),
    ]


def test_a_3_3_esme_gets_no_tlvs(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting())
    sender = world.esme(kind=wire.BindTransmitter)
    esme = old_esme(world)
    sequence = sender.submit(registered_delivery=1)
    world.settle()
    remote.receipt(remote.given[0])
    (receipt,) = esme.delivered
    assert receipt.tlvs == ()
    assert APPENDIX_B.fullmatch(receipt.short_message) is not None
    assert id_of(receipt) == sender.id_of(sequence)
    assert sender.delivered == []


def test_a_receipt_that_a_3_3_bind_left_unanswered_has_its_tlvs_on_the_next(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting())
    sender = world.esme(kind=wire.BindTransmitter)
    old = old_esme(world)
    old.answer = None
    sender.submit(registered_delivery=1)
    world.settle()
    remote.receipt(remote.given[0])
    old.disconnect()
    world.settle()
    new = world.esme()
    assert old.delivered[0].short_message == new.delivered[0].short_message
    assert len(new.delivered[0].tlvs) == 2


def test_state_words_have_seven_letters(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting())
    esme = world.esme()
    for stat in FINALS:
        esme.submit(registered_delivery=1)
        world.settle()
        remote.receipt(remote.given[-1], stat)
    assert all(APPENDIX_B.fullmatch(pdu.short_message) for pdu in esme.delivered)
    states = [wire.tlv_int(pdu, wire.Tag.message_state) for pdu in esme.delivered]
    assert states == [2, 5, 3, 8, 7, 4]
