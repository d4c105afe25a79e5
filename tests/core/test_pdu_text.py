"""A PDU on a line: what matters is there, what is hidden is not, and nothing makes it fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.figures import visible
from smppgw.core.pdu_text import Frames, command_name, pdu_text, without_password
from smppgw.smpp import wire

PHONE = "33612345678"
RECEIPT = (
    b"id:7a3f sub:001 dlvrd:001 submit date:2609211200 done date:2609211201"
    b" stat:UNDELIV err:021 text:my secret"
)


def text(pdu: wire.PDU, *, reveal: bool = False) -> str:
    return pdu_text(wire.encode(pdu), reveal=reveal)


def is_one_line(shown: str) -> bool:
    return visible(shown) == shown and "\n" not in shown


def test_a_submit() -> None:
    pdu = wire.SubmitSm(
        sequence_number=7,
        source_addr="MyBank",
        source_addr_ton=5,
        destination_addr=PHONE,
        dest_addr_ton=1,
        dest_addr_npi=1,
        registered_delivery=1,
        data_coding=8,
        validity_period="000001000000000R",
        short_message="h\u00e9llo".encode("utf-16-be"),
    )
    assert text(pdu) == (
        "submit_sm seq=7 source_addr=MyBank (ton 5 npi 0)"
        " destination_addr=+3361234**** (ton 1 npi 1) esm_class=0x00"
        " validity_period=000001000000000R registered_delivery=0x01 data_coding=0x08"
        " short_message=<10 octets>"
    )
    revealed = text(pdu, reveal=True)
    assert f"destination_addr={PHONE} (ton 1" in revealed
    assert revealed.endswith('short_message=<10 octets> text="h\u00e9llo"')


@pytest.mark.parametrize(
    ("pdu", "shown"),
    [
        (wire.EnquireLink(sequence_number=3), "enquire_link seq=3"),
        (wire.EnquireLinkResp(sequence_number=3), "enquire_link_resp seq=3 ESME_ROK"),
        (
            wire.SubmitSmResp(sequence_number=3, message_id="a1"),
            "submit_sm_resp seq=3 ESME_ROK message_id=a1",
        ),
        (
            wire.SubmitSmResp(sequence_number=3, command_status=0x58),
            "submit_sm_resp seq=3 ESME_RTHROTTLED (0x58): throttled: more messages than allowed"
            " message_id=",
        ),
        (
            wire.GenericNack(sequence_number=0, command_status=3),
            "generic_nack seq=0 ESME_RINVCMDID (0x03): command_id is unknown or not supported",
        ),
        (
            wire.BindTransceiver(sequence_number=1, system_id="esme", password="secret"),
            "bind_transceiver seq=1 system_id=esme password=*** interface_version=0x34",
        ),
        (
            wire.QuerySm(sequence_number=1, message_id="a", source_addr=PHONE),
            "query_sm seq=1 message_id=a source_addr=+3361234**** (ton 0 npi 0)",
        ),
        (
            wire.QuerySmResp(sequence_number=1, message_id="a", message_state=2),
            "query_sm_resp seq=1 ESME_ROK message_id=a message_state=2",
        ),
        (
            wire.Unbind(sequence_number=1, command_status=4),
            "unbind seq=1 command_status=0x4",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_pdus(pdu: wire.PDU, shown: str) -> None:
    assert text(pdu) == shown


def test_many_destinations() -> None:
    addresses = tuple(wire.DestAddress(1, 1, f"3361234567{n}") for n in range(8))
    pdu = wire.SubmitMulti(dest_address=(wire.DistributionList("friends"), *addresses))
    assert "dest_address=[list friends, +3361234****, " in text(pdu)
    assert "+3361234**** and 4 more]" in text(pdu)
    failed = wire.UnsuccessSme(1, 1, PHONE, 0x0B)
    answer = wire.SubmitMultiResp(message_id="a", unsuccess_sme=(failed,))
    assert "unsuccess_sme=[+3361234**** ESME_RINVDSTADR]" in text(answer)
    assert PHONE in text(answer, reveal=True)


def test_tlvs_by_name() -> None:
    pdu = wire.DeliverSm(
        tlvs=(
            (wire.Tag.sar_msg_ref_num, b"\x00\x07"),
            (wire.Tag.user_message_reference, b"\x01\x00"),
            (wire.Tag.receipted_message_id, b"7a3f\0"),
            (wire.Tag.network_error_code, b"\x03\x00\x15"),
            (wire.Tag.message_state, b""),
            (wire.Tag.callback_num, b"\x01\x01\x0133612345678"),
            (wire.Tag.additional_status_info_text, b"to 33612345678\0"),
            (0x1400, b"vendor"),
            (wire.Tag.message_payload, b"a secret"),
        )
    )
    shown = text(pdu)
    for words in (
        "sar_msg_ref_num=7",
        "user_message_reference=256",
        "receipted_message_id=7a3f",
        "network_error_code=0x030015",
        "message_state=<0 octets>",
        "callback_num=<14 octets>",
        "additional_status_info_text=<15 octets>",
        "0x1400=<6 octets>",
        "message_payload=<8 octets>",
    ):
        assert words in shown
    revealed = text(pdu, reveal=True)
    assert f"0x1400=0x{b'vendor'.hex()}" in revealed
    assert 'message_payload=<8 octets> text="a secret"' in revealed


def test_a_part_of_a_long_text() -> None:
    pdu = wire.SubmitSm(esm_class=0x40, short_message=b"\x05\x00\x03\x2a\x03\x01part")
    assert "esm_class=0x40" in text(pdu)
    assert "part=1/3 of 42 short_message=<10 octets>" in text(pdu)
    assert text(pdu, reveal=True).endswith('udh=0500032a0301 text="part"')


@pytest.mark.parametrize("esm_class", [0x04, 0x20])
def test_a_receipt_without_its_text(esm_class: int) -> None:
    for pdu in (
        wire.DeliverSm(esm_class=esm_class, short_message=RECEIPT),
        wire.DeliverSm(esm_class=esm_class, tlvs=((wire.Tag.message_payload, RECEIPT),)),
        wire.DataSm(esm_class=esm_class, tlvs=((wire.Tag.message_payload, RECEIPT),)),
    ):
        shown = text(pdu)
        assert "receipt_id=7a3f stat=UNDELIV err=021" in shown
        assert "secret" not in shown


@pytest.mark.parametrize(
    "said", [b"id: meet me at noon", b"id:tonight", b"stat:tired err:of you", b"my id:7 is secret"]
)
def test_a_message_that_only_claims_to_be_a_receipt(said: bytes) -> None:
    shown = text(wire.DeliverSm(esm_class=4, short_message=said))
    for word in ("meet", "noon", "tonight", "tired", "you", "secret"):
        assert word not in shown


def test_what_cannot_be_read_is_counted() -> None:
    unknown = wire.frame(0x777, 0, 9, b"what is this")
    assert pdu_text(unknown) == "0x00000777 seq=9 <12 octets>"
    cut = wire.frame(4, 0, 9, b"\0my secret text")
    assert pdu_text(cut).startswith("submit_sm seq=9 malformed: ")
    assert pdu_text(cut).endswith("<15 octets>")
    assert "secret" not in pdu_text(cut)
    assert pdu_text(b"abc") == "3 octets that are no PDU"


def test_names_of_commands() -> None:
    assert command_name(0x80000004) == "submit_sm_resp"
    assert command_name(0xFFFFFFFF) == "0xFFFFFFFF"


# ---------------------------------------------------------------------- passwords


def test_a_password_is_hidden_in_the_octets() -> None:
    frame = wire.encode(wire.BindReceiver(system_id="esme", password="secret", system_type="x"))
    hidden = without_password(frame)
    assert len(hidden) == len(frame)
    assert wire.decode(hidden) == wire.BindReceiver(
        system_id="esme", password="******", system_type="x"
    )
    assert b"secret" not in without_password(wire.encode(wire.Outbind("mc", "secret")))
    other = wire.encode(wire.SubmitSm(short_message=b"a\0password\0"))
    assert without_password(other) is other


@pytest.mark.parametrize(
    "body", [b"", b"esme", b"secret", b"esme\0secret", b"\0secret", b"esme\0secret\0x"]
)
def test_a_broken_bind_shows_no_password(body: bytes) -> None:
    frame = wire.frame(9, 0, 1, body)
    hidden = without_password(frame)
    assert b"secret" not in hidden
    assert len(hidden) == len(frame)
    assert hidden[:16] == frame[:16]
    for reveal in (False, True):
        assert "secret" not in pdu_text(frame, reveal=reveal)


def test_what_is_shorter_than_a_header_has_no_password() -> None:
    assert without_password(b"abc") == b"abc"


# ---------------------------------------------------------------------- anything at all


_COMMANDS = st.sampled_from([*(int(one) for one in wire.CommandId), 0x777])


@given(_COMMANDS, st.integers(0, 0xFFFFFFFF), st.binary(max_size=300), st.booleans())
def test_any_frame_is_one_printable_line(
    command_id: int, status: int, body: bytes, reveal: bool
) -> None:
    frame = wire.frame(command_id, status, 1, body)
    assert is_one_line(pdu_text(frame, reveal=reveal))
    assert len(without_password(frame)) == len(frame)


@given(
    st.sampled_from([wire.SubmitSm, wire.DeliverSm]),
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=200),
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=3),
    st.booleans(),
)
def test_any_message_is_one_printable_line(
    kind: type[wire.SubmitSm],
    esm_class: int,
    data_coding: int,
    said: bytes,
    tlvs: list[tuple[int, bytes]],
    reveal: bool,
) -> None:
    pdu = kind(esm_class=esm_class, data_coding=data_coding, short_message=said, tlvs=tuple(tlvs))
    assert is_one_line(text(pdu, reveal=reveal))


@given(st.integers(0, 255), st.integers(0, 255))
def test_no_text_shows_unless_revealed(esm_class: int, data_coding: int) -> None:
    pdu = wire.SubmitSm(
        esm_class=esm_class,
        data_coding=data_coding,
        destination_addr=PHONE,
        short_message=b"zebulon zebulon",
        tlvs=((wire.Tag.message_payload, b"zebulon id:zebulon stat:zebulon"), (0x1500, b"zebulon")),
    )
    assert "zebulon" not in text(pdu)
    assert PHONE not in text(pdu)


# ---------------------------------------------------------------------- frames


def test_frames_are_cut_and_what_is_none_is_said_once() -> None:
    frames = Frames()
    one = wire.header(0x15, 0, 1)
    assert frames.feed(one + one[:7]) == [one]
    assert frames.feed(one[7:]) == [one]
    assert frames.broken == ""
    assert frames.feed(b"GET / HTTP/1.1\r\n\r\n") == []
    assert frames.broken.startswith("no PDU: command_length ")
    frames.broken = ""
    assert frames.feed(one) == []
    assert frames.broken == ""
