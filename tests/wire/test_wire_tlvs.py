"""TLVs: building, reading, octets kept exactly; nothing secret in repr."""

import pytest

from smppgw.smpp.wire import (
    BindTransceiver,
    BroadcastSm,
    DataSm,
    DeliverSm,
    EncodeError,
    Outbind,
    RawPdu,
    ReplaceSm,
    SubmitMulti,
    SubmitSm,
    SubmitSmResp,
    Tag,
    Tlv,
    body_of,
    decode,
    encode,
    tlv,
    tlv_int,
    tlv_text,
)


@pytest.mark.parametrize(
    ("tag", "value", "octets"),
    [
        (Tag.message_state, 2, b"\2"),
        (Tag.sar_msg_ref_num, 2, b"\0\2"),
        (Tag.user_message_reference, 0xFFFF, b"\xff\xff"),
        (Tag.qos_time_to_live, 1, b"\0\0\0\1"),
        (Tag.broadcast_rep_num, 3, b"\0\3"),
        (Tag.source_telematics_id, 1, b"\1"),
        (Tag.dest_telematics_id, 1, b"\0\1"),
        (Tag.ms_validity, 1, b"\1"),
        (Tag.ms_validity, 0x12345678, b"\x12\x34\x56\x78"),
        (Tag.alert_on_message_delivery, 0, b"\0"),
        (Tag.network_error_code, 0x03001B, b"\3\0\x1b"),
        (0x1403, 0, b"\0"),
        (0x1403, 0x100, b"\1\0"),
    ],
)
def test_integers(tag: int, value: int, octets: bytes) -> None:
    assert Tlv.integer(tag, value) == (tag, octets)
    assert tlv_int(SubmitSm(tlvs=(Tlv.integer(tag, value),)), tag) == value


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (Tag.message_state, 256),
        (Tag.message_state, -1),
        (Tag.sar_msg_ref_num, 0x10000),
        (Tag.ms_validity, 1 << 32),
        (0x1403, -1),
    ],
)
def test_integers_that_do_not_fit(tag: int, value: int) -> None:
    with pytest.raises(EncodeError, match=f"0x{tag:04X}"):
        Tlv.integer(tag, value)


@pytest.mark.parametrize(
    ("tag", "value", "octets"),
    [
        (Tag.receipted_message_id, "0a1", b"0a1\0"),
        (Tag.receipted_message_id, "", b"\0"),
        (Tag.receipted_message_id, "x" * 64, b"x" * 64 + b"\0"),
        (Tag.additional_status_info_text, "\xe9t\xe9", b"\xe9t\xe9\0"),
        (Tag.message_payload, "a\0b", b"a\0b"),
        (Tag.callback_num_atag, "", b""),
        (0x1401, "20801", b"20801"),
    ],
)
def test_texts(tag: int, value: str, octets: bytes) -> None:
    assert Tlv.text(tag, value) == (tag, octets)
    assert tlv_text(SubmitSm(tlvs=(Tlv.text(tag, value),)), tag) == value


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (Tag.receipted_message_id, "x" * 65),
        (Tag.receipted_message_id, "a\0b"),
        (Tag.receipted_message_id, "\u20ac"),
        (Tag.callback_num, "123"),
        (Tag.billing_identification, ""),
        (0x1401, "x" * 65_536),
    ],
)
def test_texts_that_do_not_fit(tag: int, value: str) -> None:
    with pytest.raises(EncodeError, match=f"0x{tag:04X}") as fault:
        Tlv.text(tag, value)
    assert not value or value not in str(fault.value)


def test_reading() -> None:
    pdu = DeliverSm(tlvs=((0x1E, b"first\0"), (0x1E, b"second"), (0x427, b""), (0x0605, b"\0" * 9)))
    assert tlv(pdu, 0x1E) == b"first\0"
    assert tlv_text(pdu, 0x1E) == "first"
    assert tlv(pdu, 0x427) == b""
    assert tlv_int(pdu, 0x427) is None
    assert tlv_int(pdu, 0x0605) is None
    assert tlv(pdu, 0x1401) is None
    assert tlv_int(pdu, 0x1401) is None
    assert tlv_text(pdu, 0x1401) is None


@pytest.mark.parametrize("octets", [b"\5", b"\0\5", b"\0\0\5"])
def test_broadcast_rep_num_of_any_size(octets: bytes) -> None:
    pdu = decode(encode(BroadcastSm(tlvs=((Tag.broadcast_rep_num, octets),))))
    assert tlv_int(pdu, Tag.broadcast_rep_num) == 5


def test_one_nul_is_stripped() -> None:
    assert tlv_text(DeliverSm(tlvs=((0x1E, b"ab\0\0"),)), 0x1E) == "ab\0"
    assert tlv_text(DeliverSm(tlvs=((0x1E, b"\xe9"),)), 0x1E) == "\xe9"


def test_order_repeats_and_unknown_tags_are_kept() -> None:
    tlvs = (
        (0x1403, b"(null)\0"),
        (0x0381, b"\1\1\1" + b"12"),
        (0x0381, b"\1\1\1" + b"34"),
        (0x0000, b""),
        (0xFFFF, b"\xff" * 300),
        (0x060F, b"12345"),
        (0x0204, b"\1\2"),
    )
    for pdu in (SubmitSm(tlvs=tlvs), DeliverSm(tlvs=tlvs), DataSm(tlvs=tlvs), ReplaceSm(tlvs=tlvs)):
        assert decode(encode(pdu)).tlvs == tlvs


def test_any_tlv_in_any_pdu() -> None:
    for tag in Tag:
        tlvs = ((int(tag), b"\1"),)
        for pdu in (SubmitSm(), SubmitSmResp("1"), BindTransceiver("a"), DeliverSm()):
            pdu.tlvs = tlvs
            assert decode(encode(pdu)).tlvs == tlvs


def test_largest_payload() -> None:
    pdu = SubmitSm(tlvs=((Tag.message_payload, bytes(65_535)),))
    assert decode(encode(pdu)) == pdu
    pdu.tlvs = ((Tag.message_payload, bytes(65_536)),)
    with pytest.raises(EncodeError, match="TLV"):
        encode(pdu)


@pytest.mark.parametrize("tag", [-1, 0x10000])
def test_impossible_tags(tag: int) -> None:
    with pytest.raises(EncodeError, match="TLV"):
        encode(DataSm(tlvs=((tag, b""),)))


def test_no_password_and_no_text_in_repr() -> None:
    secret = "s3cret"
    octets = secret.encode()
    shown = [
        BindTransceiver("system", secret),
        Outbind("system", secret),
        SubmitSm(short_message=octets, tlvs=((0x0424, octets),)),
        DeliverSm(short_message=octets),
        SubmitMulti(short_message=octets),
        ReplaceSm(short_message=octets),
        DataSm(tlvs=((0x0424, octets),)),
        RawPdu(4, body_of(SubmitSm(short_message=octets))),
    ]
    for pdu in shown:
        assert secret not in repr(pdu)
    assert "short_message=<6 octets>" in repr(shown[2])
    assert "tlvs=(0x0424:6)" in repr(shown[2])
    assert "system_id='system'" in repr(shown[0])
    assert "password" not in repr(shown[0])
