"""What peers get wrong: the answer to a request, the reading of a response."""

import pytest

from smppgw.smpp.wire import (
    RESPONSE,
    AlertNotification,
    BindTransceiver,
    BindTransceiverResp,
    BodyError,
    CommandId,
    CommandStatus,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    DestAddress,
    EncodeError,
    EnquireLink,
    GenericNack,
    QuerySmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Tag,
    Unbind,
    UnknownCommandError,
    UnsuccessSme,
    body_of,
    decode,
    encode,
    frame,
    tlv_int,
)

S = CommandStatus
TEXT = SubmitSm(source_addr="123", destination_addr="456", short_message=b"hello")
BODY = body_of(TEXT)
NUL = b"\0"


def refused(command_id: int, body: bytes) -> int:
    with pytest.raises(BodyError) as fault:
        decode(frame(command_id, 0, 7, body))
    assert fault.value.sequence_number == 7
    assert fault.value.command_id == command_id
    return fault.value.command_status


@pytest.mark.parametrize("command_id", [CommandId.submit_sm, CommandId.deliver_sm])
def test_a_request_cut_anywhere_in_its_fields(command_id: int) -> None:
    for end in range(len(BODY)):
        assert refused(command_id, BODY[:end]) == S.ESME_RINVMSGLEN


def test_sm_length_beyond_the_end() -> None:
    assert refused(CommandId.submit_sm, BODY[:-6] + b"\xff" + b"hello") == S.ESME_RINVMSGLEN


@pytest.mark.parametrize("stray", [b"\0", b"\0\0", b"\0\0\0", b"\x50", b"\2\x10\0"])
@pytest.mark.parametrize("command_id", [CommandId.submit_sm, CommandId.deliver_sm])
def test_stray_octets(command_id: int, stray: bytes) -> None:
    pdu = decode(frame(command_id, 0, 7, BODY + stray))
    assert isinstance(pdu, SubmitSm | DeliverSm)
    assert (pdu.short_message, pdu.tlvs) == (b"hello", ())


def test_tlv_longer_than_the_rest() -> None:
    body = BODY + bytes.fromhex("042700010200410009616263")
    assert refused(CommandId.submit_sm, body) == S.ESME_RINVTLVSTREAM
    receipt = decode(frame(CommandId.deliver_sm, 0, 7, body))
    assert receipt.tlvs == ((0x0427, b"\2"), (0x0041, b"abc"))
    data = bytes.fromhex("00 0000 00 0000 00 00 00 00 0424 0009 6162")
    assert refused(CommandId.data_sm, data) == S.ESME_RINVTLVSTREAM
    multi = body_of(SubmitMulti(dest_address=(DestAddress(),)))
    assert refused(CommandId.submit_multi, multi + b"\4\x24\0\5") == S.ESME_RINVTLVSTREAM


def test_a_cut_tlv_with_no_octets_is_dropped() -> None:
    receipt = decode(frame(CommandId.deliver_sm, 0, 7, BODY + bytes.fromhex("04270001")))
    assert receipt.tlvs == ()


def test_of_a_cut_tlv_one_octet_is_kept() -> None:
    receipt = decode(frame(CommandId.deliver_sm, 0, 7, BODY + bytes.fromhex("0427000202")))
    assert receipt.tlvs == ((0x0427, b"\2"),)


def over_long(name: str, size: int) -> bytes:
    """A submit_sm or bind body whose field `name` holds `size` characters."""
    fields = [
        "service_type",
        "source_addr",
        "destination_addr",
        "schedule_delivery_time",
        "validity_period",
    ]
    text = {each: ("x" * size if each == name else "").encode() + NUL for each in fields}
    return (
        text["service_type"]
        + b"\1\1"
        + text["source_addr"]
        + b"\1\1"
        + text["destination_addr"]
        + bytes(3)
        + text["schedule_delivery_time"]
        + text["validity_period"]
        + bytes(4)
        + b"\2hi"
    )


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("service_type", S.ESME_RINVSERTYP),
        ("source_addr", S.ESME_RINVSRCADR),
        ("destination_addr", S.ESME_RINVDSTADR),
        ("schedule_delivery_time", S.ESME_RINVSCHED),
        ("validity_period", S.ESME_RINVEXPIRY),
    ],
)
def test_over_long_texts_of_a_message(name: str, status: int) -> None:
    pdu = decode(frame(CommandId.submit_sm, 0, 7, over_long(name, 64)))
    assert getattr(pdu, name) == "x" * 64
    with pytest.raises(EncodeError, match=f"submit_sm.{name}"):
        encode(pdu)
    assert refused(CommandId.submit_sm, over_long(name, 65)) == status


@pytest.mark.parametrize(
    ("position", "status"),
    [(0, S.ESME_RINVSYSID), (1, S.ESME_RINVPASWD), (2, S.ESME_RINVSYSTYP)],
)
def test_over_long_texts_of_a_bind(position: int, status: int) -> None:
    def body(size: int) -> bytes:
        texts = [b"", b"", b""]
        texts[position] = b"x" * size
        return b"".join(text + NUL for text in texts) + b"\x34\0\0" + NUL

    assert isinstance(decode(frame(CommandId.bind_transceiver, 0, 7, body(64))), BindTransceiver)
    assert refused(CommandId.bind_transceiver, body(65)) == status
    assert refused(CommandId.bind_transceiver, body(0)[:-1]) == S.ESME_RINVMSGLEN


@pytest.mark.parametrize("value", [0x00, 0x33, 0x34, 0x35, 0x50, 0xFF])
def test_any_interface_version(value: int) -> None:
    bind = BindTransceiver("a", "b", interface_version=value)
    assert decode(encode(bind)) == bind


def test_every_octet_value_of_every_integer_decodes() -> None:
    for value in range(256):
        pdu = SubmitSm(
            "",
            value,
            value,
            "1",
            value,
            value,
            "2",
            value,
            value,
            value,
            "",
            "",
            value,
            value,
            value,
            value,
        )
        assert decode(encode(pdu)) == pdu


def test_every_octet_value_of_an_address_decodes() -> None:
    for value in range(1, 256):
        pdu = DeliverSm(source_addr=chr(value), short_message=bytes([value]) * 3)
        assert decode(encode(pdu)) == pdu


def test_nul_inside_the_text() -> None:
    pdu = SubmitSm(data_coding=8, short_message="A\0@".encode("utf-16-be"))
    assert decode(encode(pdu)) == pdu


def test_255_octets_are_read_and_not_written() -> None:
    body = body_of(SubmitSm())[:-1] + b"\xff" + bytes(255)
    pdu = decode(frame(CommandId.submit_sm, 0, 1, body))
    assert isinstance(pdu, SubmitSm)
    assert len(pdu.short_message) == 255
    with pytest.raises(EncodeError, match="short_message"):
        encode(pdu)


@pytest.mark.parametrize("status", [0, 2, 0x45, 0xFFFFFFFF])
@pytest.mark.parametrize("number", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_any_status_and_sequence_number(status: int, number: int) -> None:
    for pdu in (TEXT, EnquireLink(), Unbind(), AlertNotification(), SubmitSmResp("1")):
        pdu.command_status = status
        pdu.sequence_number = number
        assert decode(encode(pdu)) == pdu
        pdu.command_status = 0


@pytest.mark.parametrize("pdu_class", [EnquireLink, Unbind])
@pytest.mark.parametrize("body", [b"\0", b"\xff\xff\xff", b"\xde\xad\xbe\xef", b"x" * 50])
def test_bodies_where_none_belongs(pdu_class: type, body: bytes) -> None:
    assert isinstance(decode(frame(pdu_class.command_id, 0, 1, body)), pdu_class)


@pytest.mark.parametrize("command_id", [0, 0x22, 0x23, 0x24, 0x7F, 0x110, 0x7FFFFFFF])
def test_unknown_requests(command_id: int) -> None:
    for number in (command_id, command_id | RESPONSE):
        if number != CommandId.generic_nack:
            with pytest.raises(UnknownCommandError) as unknown:
                decode(frame(number, 0, 5, b"abc"))
            assert unknown.value.command_status == S.ESME_RINVCMDID
            assert (unknown.value.command_id, unknown.value.sequence_number) == (number, 5)


@pytest.mark.parametrize(
    ("destinations", "status"),
    [
        (b"\0", S.ESME_RINVNUMDESTS),
        (b"\xff" + b"\2\0" * 255, S.ESME_RINVNUMDESTS),
        (b"\1\3\0", S.ESME_RINVDESTFLAG),
        (b"\1\0\0", S.ESME_RINVDESTFLAG),
        (b"\2\2list\0", S.ESME_RINVMSGLEN),
        (b"\1\2" + b"x" * 65 + NUL, S.ESME_RINVDLNAME),
        (b"\1\1\0\0" + b"x" * 65 + NUL, S.ESME_RINVDSTADR),
    ],
)
def test_broken_destinations(destinations: bytes, status: int) -> None:
    rest = b"" if status == S.ESME_RINVMSGLEN else bytes(10)
    assert refused(CommandId.submit_multi, b"\0\0\0\0" + destinations + rest) == status


def test_254_destinations() -> None:
    pdu = SubmitMulti(dest_address=tuple(DestAddress(1, 1, str(n)) for n in range(254)))
    assert decode(encode(pdu)) == pdu


# Responses


def read(command_id: int, status: int, body: bytes) -> object:
    return decode(frame(command_id, status, 3, body))


@pytest.mark.parametrize("pdu_class", [SubmitSmResp, DeliverSmResp, DataSmResp])
@pytest.mark.parametrize(
    ("body", "message_id"),
    [
        (b"", ""),
        (NUL, ""),
        (b"abc\0", "abc"),
        (b"abc", "abc"),
        (b"abc\0\0", "abc"),
        (b"abc\0\xff\xff\xff", "abc"),
        (b"\xe9\0", "\xe9"),
        (b"x" * 200 + NUL, "x" * 200),
        (bytes(4), ""),
        (bytes(8), ""),
    ],
)
@pytest.mark.parametrize("status", [0, 0x58, 0x422])
def test_message_ids(pdu_class: type, body: bytes, message_id: str, status: int) -> None:
    pdu = read(pdu_class.command_id, status, body)
    assert isinstance(pdu, SubmitSmResp | DeliverSmResp | DataSmResp)
    assert type(pdu) is pdu_class
    assert (pdu.message_id, pdu.command_status, pdu.sequence_number) == (message_id, status, 3)


@pytest.mark.parametrize(
    "tlvs",
    [
        bytes.fromhex("0423000303001f"),
        bytes.fromhex("0425000102"),
        bytes.fromhex("0425000102 0423000303001b 042800015a"),
        bytes.fromhex("001d0005") + b"busy\0",
        bytes.fromhex("001d0001 00"),
        bytes.fromhex("001d0006") + b"twelve",
    ],
)
@pytest.mark.parametrize("command_id", [0x80000004, 0x80000103, 0x80000021])
def test_failing_response_with_its_tlvs(command_id: int, tlvs: bytes) -> None:
    alone = read(command_id, 0x45, tlvs)
    middle = NUL if command_id == CommandId.submit_multi_resp else b""
    after = read(command_id, 0x45, NUL + middle + tlvs)
    assert isinstance(alone, SubmitSmResp | DataSmResp | SubmitMultiResp)
    assert alone == after
    assert alone.message_id == ""
    assert alone.tlvs[0][0] == int.from_bytes(tlvs[:2], "big")
    if len(alone.tlvs) == 3:
        assert tlv_int(alone, Tag.congestion_state) == 90


def test_response_whose_tlv_announces_too_much() -> None:
    pdu = read(0x80000004, 0, b"abc\0" + bytes.fromhex("0428 0001 5a 0423 0009 0300"))
    assert pdu == SubmitSmResp(
        "abc", tlvs=((0x0428, b"\x5a"), (0x0423, b"\3\0")), sequence_number=3
    )


def test_bind_response_variants() -> None:
    def bound(body: bytes, status: int = 0) -> BindTransceiverResp:
        pdu = read(0x80000009, status, body)
        assert isinstance(pdu, BindTransceiverResp)
        return pdu

    assert bound(b"MC\0").tlvs == ()
    assert tlv_int(bound(b"MC\0" + bytes.fromhex("0210000134")), 0x0210) == 0x34
    assert bound(b"MC\0\x50").tlvs == ()
    assert bound(b"MC").system_id == "MC"
    assert bound(b"", 0x0E).system_id == ""
    assert bound(b"MC\0", 0x0D).system_id == "MC"
    assert bound(b"MC" + bytes(14)).system_id == "MC"


def test_query_response_variants() -> None:
    whole = QuerySmResp("id", "160818163456440+", 2, 7, sequence_number=3)
    body = body_of(whole)
    assert read(0x80000003, 0, body) == whole
    assert read(0x80000003, 0, body + NUL) == whole
    assert read(0x80000003, 0, body[:-1]) == QuerySmResp(
        "id", "160818163456440+", 2, sequence_number=3
    )
    assert read(0x80000003, 0, b"id") == QuerySmResp("id", sequence_number=3)
    assert read(0x80000003, 0x67, b"") == QuerySmResp(sequence_number=3, command_status=0x67)


def test_submit_multi_response_cut_short() -> None:
    failed = (UnsuccessSme(1, 1, "11", 20), UnsuccessSme(1, 1, "22", 0x422))
    body = body_of(SubmitMultiResp("id", failed))
    kept = []
    for end in range(len(body) + 1):
        pdu = read(0x80000021, 0, body[:end])
        assert isinstance(pdu, SubmitMultiResp)
        kept.append(pdu.unsuccess_sme)
    assert kept[-1] == failed
    assert kept[-2] == failed[:1]
    assert kept[0] == ()


def test_every_response_is_read_when_cut_anywhere() -> None:
    body = b"message-id\0" + bytes([1, 1, 2, 0x33, 0, 0, 0, 9]) + bytes.fromhex("0428000100")
    for command_id in CommandId:
        if command_id & RESPONSE:
            for end in range(len(body) + 1):
                for status in (0, 8):
                    assert decode(frame(command_id, status, 1, body[:end])).sequence_number == 1


def test_generic_nack() -> None:
    assert decode(frame(0x80000000, 3, 9, b"")) == GenericNack(sequence_number=9, command_status=3)
