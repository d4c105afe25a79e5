"""Every PDU of tests/vectors/pdus.json behaves as its category and safe action say."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict, fields

from smppgw.smpp.wire import (
    RESPONSE,
    BodyError,
    CommandId,
    CommandStatus,
    DestAddress,
    FrameBuffer,
    SubmitMulti,
    SubmitSmResp,
    UnknownCommandError,
    decode,
    encode,
    tlv,
    tlv_int,
    tlv_text,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "pdus.json").read_text())["pdus"]
BY_ID = {vector["id"]: vector for vector in VECTORS}
COUNTS = {"number_of_dests", "no_unsuccess", "sm_length"}
HEADER_FIELDS = {"tlvs", "sequence_number", "command_status"}


def of(*categories: str) -> list[Any]:
    return [
        pytest.param(vector, id=vector["id"])
        for vector in VECTORS
        if vector["category"] in categories
    ]


def frames(vector: dict[str, Any]) -> tuple[list[bytes], FrameBuffer]:
    buffer = FrameBuffer(70_000)
    return buffer.feed(bytes.fromhex(vector["hex"])), buffer


def first(name: str) -> Any:
    return decode(frames(BY_ID[name])[0][0])


def body(pdu: Any) -> dict[str, Any]:
    """The fields of a PDU as the vectors write them: octets in hex, lists of dicts."""
    found = {}
    for each in fields(type(pdu)):
        value = getattr(pdu, each.name)
        if each.name == "short_message":
            value = value.hex()
        elif each.name == "dest_address":
            value = [
                {"dest_flag": 1 if isinstance(d, DestAddress) else 2} | asdict(d) for d in value
            ]
        elif each.name == "unsuccess_sme":
            value = [asdict(one) for one in value]
        if each.name not in HEADER_FIELDS:
            found[each.name] = value
    return found


def expected_body(vector: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in vector["decoded"]["fields"].items() if k not in COUNTS}


def check_decoded(vector: dict[str, Any], pdu: Any) -> None:
    decoded = vector["decoded"]
    assert pdu.command_id == int(decoded["command_id"], 16)
    assert CommandId(pdu.command_id).name == decoded["command"]
    assert pdu.command_status == decoded["command_status"]
    assert pdu.sequence_number == decoded["sequence_number"]
    if decoded.get("body_absent"):
        assert not any(body(pdu).values())
    else:
        assert body(pdu) == expected_body(vector)
    assert [(f"0x{tag:04x}", value.hex()) for tag, value in pdu.tlvs] == [
        (each["tag"], each["value"]) for each in decoded.get("tlvs", [])
    ]


def test_the_file_is_whole() -> None:
    assert len(VECTORS) == 281
    assert {vector["category"] for vector in VECTORS} == {
        "valid",
        "tolerate",
        "malformed",
        "incomplete",
        "stream",
        "nonconformant_source",
    }
    covered = {vector["command"] for vector in VECTORS} - {None}
    assert {each.name for each in CommandId} - covered == {
        "cancel_broadcast_sm_resp",
        "query_broadcast_sm",
    }


@pytest.mark.parametrize("vector", of("valid"))
def test_valid_decodes_as_written(vector: dict[str, Any]) -> None:
    (frame,), buffer = frames(vector)
    assert not buffer.pending
    assert buffer.error is None
    check_decoded(vector, decode(frame))


@pytest.mark.parametrize("vector", of("valid"))
def test_valid_encodes_to_the_same_octets(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["hex"])
    pdu = decode(octets)
    if pdu.command_id & RESPONSE and pdu.command_status and not any(octets[16:]):
        # A failing response with empty fields is written without them.
        assert encode(pdu) == b"\0\0\0\x10" + octets[4:16]
    else:
        assert encode(pdu) == octets


@pytest.mark.parametrize("vector", of("tolerate"))
def test_tolerated_is_accepted(vector: dict[str, Any]) -> None:
    (frame,), buffer = frames(vector)
    assert buffer.error is None
    pdu = decode(frame)
    assert pdu.sequence_number == vector["decoded"]["sequence_number"]
    assert pdu.command_id == int(vector["decoded"]["command_id"], 16)
    if "alternative_decoding" not in vector["decoded"] and not any(
        "TLV_OVERRUN" in anomaly for anomaly in vector["anomalies"]
    ):
        check_decoded(vector, pdu)


def expected_fault(vector: dict[str, Any]) -> int:
    """The status of the safe action "0x01 for fields / 0xC0 for TLVs", by the anomalies found."""
    anomalies = " ".join(vector["anomalies"])
    in_fields = "NO_NUL_TERMINATOR" in anomalies or "BODY_ENDS_IN" in anomalies
    return (CommandStatus.ESME_RINVMSGLEN if in_fields else CommandStatus.ESME_RINVTLVSTREAM).value


@pytest.mark.parametrize("vector", of("malformed", "nonconformant_source", "incomplete"))
def test_the_rest_meets_its_safe_action(vector: dict[str, Any]) -> None:
    action = vector["safe_action"]
    found, buffer = frames(vector)
    decoded = vector["decoded"]
    if action.startswith("wait for"):
        assert found == []
        assert buffer.pending
        assert buffer.error is None
    elif "ESME_RINVCMDLEN (0x02)" in action:
        assert found == []
        assert buffer.error is not None
        assert buffer.error.command_status == 0x02
        assert buffer.error.sequence_number == decoded["sequence_number"]
    elif "ESME_RINVCMDID (0x03)" in action or action.startswith("unknown response id"):
        with pytest.raises(UnknownCommandError) as unknown:
            decode(found[0])
        assert unknown.value.command_status == 0x03
        assert unknown.value.sequence_number == decoded["sequence_number"]
        assert unknown.value.command_id == int(decoded["command_id"], 16)
    elif action.startswith("answer the matching _resp"):
        with pytest.raises(BodyError) as fault:
            decode(found[0])
        assert fault.value.command_status == expected_fault(vector)
        assert fault.value.sequence_number == decoded["sequence_number"]
        assert fault.value.command_id == int(decoded["command_id"], 16)
    else:
        pdu = decode(found[0])
        assert pdu.sequence_number == decoded["sequence_number"]
        assert pdu.command_status == decoded["command_status"]


@pytest.mark.parametrize("vector", of("stream"))
def test_a_stream_is_cut_by_command_length(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["hex"])
    found, buffer = frames(vector)
    check_decoded(vector, decode(found[0]))
    whole = b"".join(found)
    assert octets.startswith(whole)
    assert buffer.pending is (len(whole) < len(octets) and buffer.error is None)


def test_the_stream_of_three_responses() -> None:
    found, _ = frames(BY_ID["p235"])
    assert [decode(frame) for frame in found] == [
        SubmitSmResp("2343", sequence_number=number) for number in (0x31, 0x32, 0x33)
    ]


def test_error_response_with_tlvs_only() -> None:
    pdu = first("p067")
    assert pdu.message_id == ""
    assert pdu.tlvs == ((0x0423, bytes.fromhex("03001f")),)


def test_message_id_without_nul() -> None:
    assert first("p142").message_id == "9"
    assert first("p163").message_id == "0A000000A3D323A1"


def test_receipt_whose_tlv_announces_too_much() -> None:
    pdu = first("p147")
    assert tlv_int(pdu, 0x0427) == 2
    assert tlv(pdu, 0x001E) == b"3005\0"
    assert tlv_text(pdu, 0x001E) == "3005"


def test_swapped_tlv_octets_keep_the_session() -> None:
    pdu = first("p194")
    assert pdu.system_id == "Yenta1"
    assert [tag for tag, _ in pdu.tlvs] == [0x1002]


def test_bind_response_cut_in_its_tlv() -> None:
    for name in ("p280", "p281"):
        pdu = first(name)
        assert pdu.system_id == "TSI7588"
        assert tlv_int(pdu, 0x0210) is None


def test_stray_octets_are_ignored() -> None:
    for name in ("p198", "p213", "p216"):
        pdu = first(name)
        assert pdu.short_message in {b"hello", b"test"}
        assert pdu.tlvs == ()


def test_query_response_with_a_long_or_missing_error_code() -> None:
    assert first("p016").message_state == 1
    assert first("p045").error_code == 0


def test_over_long_fields_are_read() -> None:
    assert first("p041").password == "ipassword"
    multi = first("p199")
    assert isinstance(multi, SubmitMulti)
    assert len(first("p126").short_message) == 255


def test_bodies_of_bodyless_pdus_are_ignored() -> None:
    for name in ("p056", "p059", "p065", "p278"):
        assert first(name).tlvs == ()
