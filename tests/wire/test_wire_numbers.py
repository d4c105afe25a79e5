"""Numbers, TLV sizes and field layouts against the specification's tables, written out again."""

from typing import Any

import pytest
from attrs import fields

from smppgw.smpp.wire import (
    PDU_CLASSES,
    RESPONSE,
    TLV_SIZES,
    CommandId,
    CommandStatus,
    Tag,
    TlvSize,
    status_name,
)
from smppgw.smpp.wire.fields import CString, Destinations, Octet, ShortMessage, Unsuccessful

STATUSES = """
0x00 ESME_ROK
0x01 ESME_RINVMSGLEN
0x02 ESME_RINVCMDLEN
0x03 ESME_RINVCMDID
0x04 ESME_RINVBNDSTS
0x05 ESME_RALYBND
0x06 ESME_RINVPRTFLG
0x07 ESME_RINVREGDLVFLG
0x08 ESME_RSYSERR
0x0A ESME_RINVSRCADR
0x0B ESME_RINVDSTADR
0x0C ESME_RINVMSGID
0x0D ESME_RBINDFAIL
0x0E ESME_RINVPASWD
0x0F ESME_RINVSYSID
0x11 ESME_RCANCELFAIL
0x13 ESME_RREPLACEFAIL
0x14 ESME_RMSGQFUL
0x15 ESME_RINVSERTYP
0x33 ESME_RINVNUMDESTS
0x34 ESME_RINVDLNAME
0x40 ESME_RINVDESTFLAG
0x42 ESME_RINVSUBREP
0x43 ESME_RINVESMCLASS
0x44 ESME_RCNTSUBDL
0x45 ESME_RSUBMITFAIL
0x48 ESME_RINVSRCTON
0x49 ESME_RINVSRCNPI
0x50 ESME_RINVDSTTON
0x51 ESME_RINVDSTNPI
0x53 ESME_RINVSYSTYP
0x54 ESME_RINVREPFLAG
0x55 ESME_RINVNUMMSGS
0x58 ESME_RTHROTTLED
0x61 ESME_RINVSCHED
0x62 ESME_RINVEXPIRY
0x63 ESME_RINVDFTMSGID
0x64 ESME_RX_T_APPN
0x65 ESME_RX_P_APPN
0x66 ESME_RX_R_APPN
0x67 ESME_RQUERYFAIL
0xC0 ESME_RINVTLVSTREAM
0xC1 ESME_RTLVNOTALLWD
0xC2 ESME_RINVTLVLEN
0xC3 ESME_RMISSINGTLV
0xC4 ESME_RINVTLVVAL
0xFE ESME_RDELIVERYFAILURE
0xFF ESME_RUNKNOWNERR
0x100 ESME_RSERTYPUNAUTH
0x101 ESME_RPROHIBITED
0x102 ESME_RSERTYPUNAVAIL
0x103 ESME_RSERTYPDENIED
0x104 ESME_RINVDCS
0x105 ESME_RINVSRCADDRSUBUNIT
0x106 ESME_RINVDSTADDRSUBUNIT
0x107 ESME_RINVBCASTFREQINT
0x108 ESME_RINVBCASTALIAS_NAME
0x109 ESME_RINVBCASTAREAFMT
0x10A ESME_RINVNUMBCAST_AREAS
0x10B ESME_RINVBCASTCNTTYPE
0x10C ESME_RINVBCASTMSGCLASS
0x10D ESME_RBCASTFAIL
0x10E ESME_RBCASTQUERYFAIL
0x10F ESME_RBCASTCANCELFAIL
0x110 ESME_RINVBCAST_REP
0x111 ESME_RINVBCASTSRVGRP
0x112 ESME_RINVBCASTCHANIND
"""

# Tag, name, octets; NUL where the value is a C-string.
TLVS = """
0x0005 dest_addr_subunit 1
0x0006 dest_network_type 1
0x0007 dest_bearer_type 1
0x0008 dest_telematics_id 2
0x000D source_addr_subunit 1
0x000E source_network_type 1
0x000F source_bearer_type 1
0x0010 source_telematics_id 1
0x0017 qos_time_to_live 4
0x0019 payload_type 1
0x001D additional_status_info_text 1-256 NUL
0x001E receipted_message_id 1-65 NUL
0x0030 ms_msg_wait_facilities 1
0x0201 privacy_indicator 1
0x0202 source_subaddress 2-23
0x0203 dest_subaddress 2-23
0x0204 user_message_reference 2
0x0205 user_response_code 1
0x020A source_port 2
0x020B destination_port 2
0x020C sar_msg_ref_num 2
0x020D language_indicator 1
0x020E sar_total_segments 1
0x020F sar_segment_seqnum 1
0x0210 sc_interface_version 1
0x0302 callback_num_pres_ind 1
0x0303 callback_num_atag 0-65
0x0304 number_of_messages 1
0x0381 callback_num 4-19
0x0420 dpf_result 1
0x0421 set_dpf 1
0x0422 ms_availability_status 1
0x0423 network_error_code 3
0x0424 message_payload 0-65535
0x0425 delivery_failure_reason 1
0x0426 more_messages_to_send 1
0x0427 message_state 1
0x0428 congestion_state 1
0x0501 ussd_service_op 1
0x0600 broadcast_channel_indicator 1
0x0601 broadcast_content_type 3
0x0602 broadcast_content_type_info 1-255
0x0603 broadcast_message_class 1
0x0604 broadcast_rep_num 2
0x0605 broadcast_frequency_interval 3
0x0606 broadcast_area_identifier 0-65535
0x0607 broadcast_error_status 4
0x0608 broadcast_area_success 1
0x0609 broadcast_end_time 1-17 NUL
0x060A broadcast_service_group 1-255
0x060B billing_identification 1-1024
0x060D source_network_id 1-65 NUL
0x060E dest_network_id 1-65 NUL
0x060F source_node_id 6
0x0610 dest_node_id 6
0x0611 dest_addr_np_resolution 1
0x0612 dest_addr_np_information 10
0x0613 dest_addr_np_country 1-5
0x1201 display_time 1
0x1203 sms_signal 2
0x1204 ms_validity 1-4
0x130C alert_on_message_delivery 0-1
0x1380 its_reply_type 1
0x1383 its_session_info 2
"""

# Command id, name, fields in order (:n is the greatest size with its NUL), response.
SOURCE = "source_addr_ton source_addr_npi source_addr:21"
DESTINATION = "dest_addr_ton dest_addr_npi destination_addr:21"
BIND = "system_id:16 password:9 system_type:13 interface_version addr_ton addr_npi address_range:41"
TIMES = "schedule_delivery_time:17 validity_period:17"
TAIL = (
    f"esm_class protocol_id priority_flag {TIMES} registered_delivery replace_if_present_flag "
    "data_coding sm_default_msg_id short_message"
)
MESSAGE = f"service_type:6 {SOURCE} {DESTINATION} {TAIL}"
LONG_SOURCE = SOURCE.replace("21", "65")
LONG_DESTINATION = DESTINATION.replace("21", "65")
CATALOGUE: dict[int, tuple[str, str, str | None]] = {
    0x00000001: ("bind_receiver", BIND, "system_id:16"),
    0x00000002: ("bind_transmitter", BIND, "system_id:16"),
    0x00000009: ("bind_transceiver", BIND, "system_id:16"),
    0x0000000B: ("outbind", "system_id:16 password:9", None),
    0x00000006: ("unbind", "", ""),
    0x00000015: ("enquire_link", "", ""),
    0x00000004: ("submit_sm", MESSAGE, "message_id:65"),
    0x00000005: ("deliver_sm", MESSAGE, "message_id:65"),
    0x00000021: (
        "submit_multi",
        f"service_type:6 {SOURCE} dest_address {TAIL}",
        "message_id:65 unsuccess_sme",
    ),
    0x00000103: (
        "data_sm",
        f"service_type:6 {LONG_SOURCE} {LONG_DESTINATION} "
        "esm_class registered_delivery data_coding",
        "message_id:65",
    ),
    0x00000003: (
        "query_sm",
        f"message_id:65 {SOURCE}",
        "message_id:65 final_date:17 message_state error_code",
    ),
    0x00000008: ("cancel_sm", f"service_type:6 message_id:65 {SOURCE} {DESTINATION}", ""),
    0x00000007: (
        "replace_sm",
        f"message_id:65 {SOURCE} {TIMES} registered_delivery sm_default_msg_id short_message",
        "",
    ),
    0x00000102: (
        "alert_notification",
        f"{LONG_SOURCE} esme_addr_ton esme_addr_npi esme_addr:65",
        None,
    ),
    0x00000111: (
        "broadcast_sm",
        f"service_type:6 {SOURCE} message_id:65 priority_flag {TIMES} replace_if_present_flag "
        "data_coding sm_default_msg_id",
        "message_id:65",
    ),
    0x00000112: ("query_broadcast_sm", f"message_id:65 {SOURCE}", "message_id:65"),
    0x00000113: ("cancel_broadcast_sm", f"service_type:6 message_id:65 {SOURCE}", ""),
    0x80000000: ("generic_nack", "", None),
}


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def test_every_status() -> None:
    assert {int(value, 16): name for value, name in rows(STATUSES)} == {
        each.value: each.name for each in CommandStatus
    }
    assert len(CommandStatus.__members__) == 67


def test_status_names() -> None:
    assert status_name(0x58) == "ESME_RTHROTTLED"
    assert status_name(0) == "ESME_ROK"
    assert status_name(0x422) == "0x00000422"
    assert status_name(0xFFFFFFFF) == "0xFFFFFFFF"


def test_every_tag() -> None:
    assert {int(row[0], 16): row[1] for row in rows(TLVS)} == {
        each.value: each.name for each in Tag
    }
    assert len(Tag.__members__) == 64


@pytest.mark.parametrize("row", rows(TLVS), ids=lambda row: row[1])
def test_every_tlv_size(row: list[str]) -> None:
    least, _, most = row[2].partition("-")
    size = TLV_SIZES[int(row[0], 16)]
    assert size == TlvSize(int(least), int(most or least), c_string=row[3:] == ["NUL"])


def test_no_other_tlv_size() -> None:
    assert set(TLV_SIZES) == set(Tag)


def written(pdu_class: type[Any]) -> str:
    """The fields of a class in the notation of the catalogue."""
    found = []
    for each in fields(pdu_class):
        kind = each.metadata.get("kind")
        if isinstance(kind, CString):
            found.append(f"{each.name}:{kind.size}")
        elif kind is not None:
            assert isinstance(kind, Octet | ShortMessage | Destinations | Unsuccessful)
            found.append(each.name)
    return " ".join(found)


def class_name(command: str) -> str:
    return "".join(part.capitalize() for part in command.split("_"))


@pytest.mark.parametrize("command_id", CATALOGUE, ids=lambda number: CATALOGUE[number][0])
def test_every_command(command_id: int) -> None:
    name, body, answer = CATALOGUE[command_id]
    pdu_class = PDU_CLASSES[command_id]
    assert pdu_class.__name__ == class_name(name)
    assert CommandId(command_id).name == name
    assert pdu_class.command_id == command_id
    assert type(pdu_class.command_id) is int
    assert written(pdu_class) == body
    if answer is None:
        assert pdu_class.response is None
        assert command_id & RESPONSE or command_id | RESPONSE not in PDU_CLASSES
        return
    response = pdu_class.response
    assert response is not None
    assert response is PDU_CLASSES[command_id | RESPONSE]
    assert response.__name__ == class_name(name) + "Resp"
    assert CommandId(response.command_id).name == name + "_resp"
    assert response.response is None
    assert written(response) == answer


def test_the_catalogue_is_whole() -> None:
    answers = {number | RESPONSE for number, row in CATALOGUE.items() if row[2] is not None}
    assert set(PDU_CLASSES) == set(CATALOGUE) | answers == set(CommandId)


@pytest.mark.parametrize("pdu_class", PDU_CLASSES.values(), ids=lambda each: each.__name__)
def test_classes_are_small_and_plain(pdu_class: type[Any]) -> None:
    pdu = pdu_class()
    assert not hasattr(pdu, "__dict__")
    assert (pdu.tlvs, pdu.sequence_number, pdu.command_status) == ((), 0, 0)
    pdu.sequence_number = 5
    assert pdu == pdu_class(sequence_number=5)
    assert pdu != pdu_class()
