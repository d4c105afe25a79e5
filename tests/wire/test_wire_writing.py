"""What is written: bodies of responses, derived lengths, the bounds of every field."""

from typing import Any

import pytest
from attrs import evolve, fields

from smppgw.smpp.wire import (
    PDU,
    PDU_CLASSES,
    BindTransceiverResp,
    DeliverSmResp,
    DestAddress,
    DistributionList,
    EncodeError,
    QuerySmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSmResp,
    UnsuccessSme,
    decode,
    encode,
)
from smppgw.smpp.wire.fields import CString, Destinations, Octet, ShortMessage

NUL = b"\0"


def test_failing_responses_have_no_body() -> None:
    for pdu in (
        SubmitSmResp(command_status=8),
        DeliverSmResp(command_status=8),
        BindTransceiverResp(command_status=8),
        QuerySmResp(command_status=8),
        SubmitMultiResp(command_status=8),
    ):
        assert len(encode(pdu)) == 16
        assert decode(encode(pdu)) == pdu


def test_failing_responses_keep_what_they_say() -> None:
    assert encode(SubmitSmResp("7", command_status=8))[16:] == b"7\0"
    pdu = SubmitSmResp(tlvs=((0x0425, b"\2"),), command_status=0x45)
    assert encode(pdu)[16:].hex() == "000425000102"
    assert decode(encode(pdu)) == pdu


def test_good_responses_have_their_body() -> None:
    assert encode(DeliverSmResp())[16:] == NUL
    assert encode(SubmitSmResp())[16:] == NUL
    assert encode(SubmitSmResp("ab"))[16:] == b"ab\0"


def extremes(kind: object) -> tuple[list[Any], list[Any]]:
    """The greatest values of a kind that can be written, and values that cannot."""
    if isinstance(kind, CString):
        longest = "x" * (kind.size - 1)
        return ["", longest, "\xff" * 3], [longest + "x", "\0", "a\0b", "\u20ac"]
    if isinstance(kind, Octet):
        return [0, 255], [-1, 256]
    if isinstance(kind, ShortMessage):
        return [b"", bytes(254)], [bytes(255)]
    if isinstance(kind, Destinations):
        one = DestAddress(255, 255, "x" * 20)
        named = DistributionList("x" * 20)
        return [(one,) * 254, (named,)], [
            (),
            (one,) * 255,
            (DestAddress(256),),
            (DestAddress(0, -1),),
            (DestAddress(0, 0, "x" * 21),),
            (DistributionList("x" * 21),),
        ]
    sme = UnsuccessSme(255, 255, "x" * 20, 0xFFFFFFFF)
    return [(), (sme,) * 255], [
        (sme,) * 256,
        (UnsuccessSme(0, 0, "x" * 21),),
        (UnsuccessSme(0, 0, "", -1),),
        (UnsuccessSme(0, 0, "", 1 << 32),),
    ]


@pytest.mark.parametrize("pdu_class", PDU_CLASSES.values(), ids=lambda each: each.__name__)
def test_the_bounds_of_every_field(pdu_class: type[PDU]) -> None:
    plain = pdu_class()
    if isinstance(plain, SubmitMulti):
        plain.dest_address = (DestAddress(),)
    for each in fields(pdu_class):
        if "kind" in each.metadata:
            good, bad = extremes(each.metadata["kind"])
            for value in good:
                pdu = evolve(plain, **{each.name: value})
                assert decode(encode(pdu)) == pdu
            for value in bad:
                with pytest.raises(EncodeError, match=f"[.]{each.name}: "):
                    encode(evolve(plain, **{each.name: value}))


def test_lengths_on_the_wire_count_what_is_written() -> None:
    octets = encode(SubmitMulti(dest_address=(DestAddress(1, 1, "7"),), short_message=b"abc"))
    assert octets[20] == 1
    assert octets[-4:] == b"\3abc"
    assert octets[:4] == len(octets).to_bytes(4, "big")
