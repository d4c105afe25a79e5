"""Properties of the codec: round trips, any splitting, and octets of any kind."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from smppgw.smpp.wire import (
    PDU,
    PDU_CLASSES,
    RESPONSE,
    BodyError,
    CommandId,
    DeliverSm,
    DeliverSmResp,
    DestAddress,
    DistributionList,
    EncodeError,
    FrameBuffer,
    RawPdu,
    SubmitSm,
    SubmitSmResp,
    UnsuccessSme,
    body_of,
    decode,
    empty_answer,
    encode,
    frame,
    frames,
    plain_body,
)
from smppgw.smpp.wire.fields import CString, Destinations, Octet, ShortMessage, Unsuccessful
from smppgw.smpp.wire.hot import READERS, WRITERS
from smppgw.smpp.wire.layout import read_body, write_body

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "pdus.json").read_text())["pdus"]
OCTETS = [bytes.fromhex(vector["hex"]) for vector in VECTORS]
HOT = (SubmitSm, DeliverSm, SubmitSmResp, DeliverSmResp)

octet = st.integers(0, 255)
word = st.integers(0, 0xFFFFFFFF)
tags = st.sampled_from([0x0005, 0x001E, 0x0204, 0x0424, 0x1403, 0xFFFF]) | st.integers(0, 0xFFFF)
tlvs = st.lists(st.tuples(tags, st.binary(max_size=40)), max_size=4).map(tuple)


def text(size: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=size - 1)


def addresses(of: Any, *more: Any) -> st.SearchStrategy[Any]:
    return st.builds(of, octet, octet, text(21), *more)


def values(kind: object) -> st.SearchStrategy[Any]:
    if isinstance(kind, CString):
        return text(kind.size)
    if isinstance(kind, Octet):
        return octet
    if isinstance(kind, ShortMessage):
        return st.binary(max_size=254)
    if isinstance(kind, Destinations):
        one = addresses(DestAddress) | st.builds(DistributionList, text(21))
        return st.lists(one, min_size=1, max_size=5).map(tuple)
    assert isinstance(kind, Unsuccessful)
    return st.lists(addresses(UnsuccessSme, word), max_size=5).map(tuple)


def bad_values(kind: object) -> st.SearchStrategy[Any]:
    if isinstance(kind, CString):
        return st.sampled_from(["x" * kind.size, "\0", "a\0b", "\u20ac"])
    if isinstance(kind, Octet):
        return st.sampled_from([-1, 256, 1000])
    if isinstance(kind, ShortMessage):
        return st.just(bytes(255))
    if isinstance(kind, Destinations):
        return st.sampled_from(
            [(), (DestAddress(),) * 255, (DestAddress(256),), (DistributionList("x" * 21),)]
        )
    return st.sampled_from(
        [(UnsuccessSme(),) * 256, (UnsuccessSme(0, -1),), (UnsuccessSme(0, 0, "", 1 << 32),)]
    )


def pdus(pdu_class: type[PDU], statuses: Any = word) -> st.SearchStrategy[Any]:
    body = {
        each.name: values(each.metadata["kind"])
        for each in fields(pdu_class)
        if "kind" in each.metadata
    }
    return st.builds(pdu_class, **body, tlvs=tlvs, sequence_number=word, command_status=statuses)


any_pdu = st.sampled_from(list(PDU_CLASSES.values())).flatmap(pdus)
successful = st.sampled_from(list(PDU_CLASSES.values())).flatmap(
    lambda pdu_class: pdus(pdu_class, st.just(0))
)


def reads_as_tlvs_alone(octets: bytes) -> bool:
    """Whether a body could also be the bare TLVs of a failing response: the one ambiguity."""
    at = 16
    while len(octets) - at >= 4:
        at += 4 + int.from_bytes(octets[at + 2 : at + 4], "big")
    return len(octets) > 16 and octets[16] < 0x20 and at == len(octets)


@pytest.mark.parametrize("pdu_class", PDU_CLASSES.values(), ids=lambda each: each.__name__)
def test_round_trip(pdu_class: type[PDU]) -> None:
    # The property is inside: pytest-twisted wraps a parametrised @given once per parameter.
    @settings(max_examples=60, deadline=None)
    @given(pdu=pdus(pdu_class))
    def holds(pdu: PDU) -> None:
        octets = encode(pdu)
        assert int.from_bytes(octets[:4], "big") == len(octets)
        again = decode(octets)
        assert type(again) is pdu_class
        if not (pdu_class.command_id & RESPONSE and reads_as_tlvs_alone(octets)):
            assert again == pdu
            assert encode(again) == octets

    holds()


@settings(max_examples=300, deadline=None)
@given(pdu=st.sampled_from(HOT).flatmap(pdus))
def test_fast_code_equals_the_field_table(pdu: Any) -> None:
    octets = encode(pdu)
    body = write_body(pdu)
    assert octets == frame(pdu.command_id, pdu.command_status, pdu.sequence_number, body)
    expected = read_body(type(pdu), octets, pdu.command_status, pdu.sequence_number)
    assert decode(octets) == expected


usual = st.builds(
    SubmitSm,
    service_type=text(6),
    source_addr=text(13),
    destination_addr=text(17),
    esm_class=octet,
    schedule_delivery_time=st.sampled_from(["", "000000001000000R"]),
    validity_period=st.sampled_from(["", "000002000000000R"]),
    data_coding=octet,
    short_message=st.binary(max_size=254),
    tlvs=tlvs,
)


@settings(max_examples=200, deadline=None)
@given(pdu=usual, message_id=text(65), command_status=st.sampled_from([0, 8]))
def test_usual_traffic_takes_the_fast_code(
    pdu: SubmitSm, message_id: str, command_status: int
) -> None:
    deliver = DeliverSm(*(getattr(pdu, each.name) for each in fields(SubmitSm)[3:]), tlvs=pdu.tlvs)
    answers = [
        pdu_class(message_id, command_status=command_status)
        for pdu_class in (SubmitSmResp, DeliverSmResp)
    ]
    for each in (pdu, deliver, *answers):
        octets = WRITERS[type(each)](each)
        assert octets == encode(each)
        assert READERS[each.command_id](octets, each.command_status, 0) == each


@settings(max_examples=400, deadline=None)
@given(
    pdu=st.sampled_from(HOT).flatmap(pdus),
    cut=st.integers(0, 400),
    junk=st.binary(max_size=12),
)
def test_fast_code_and_field_table_agree_on_damage(pdu: Any, cut: int, junk: bytes) -> None:
    body = body_of(pdu)[:cut] + junk
    octets = frame(pdu.command_id, 0, 7, body)

    def outcome(read: Any, *arguments: Any) -> object:
        try:
            return read(*arguments)
        except BodyError as fault:
            return fault.command_status, fault.reason

    assert outcome(decode, octets) == outcome(read_body, type(pdu), octets, 0, 7)


@settings(max_examples=100, deadline=None)
@given(pdu=any_pdu, sequence_number=word)
def test_a_stored_body_under_a_new_header(pdu: PDU, sequence_number: int) -> None:
    raw = RawPdu(pdu.command_id, body_of(pdu), sequence_number, pdu.command_status)
    assert encode(raw) == encode(evolve(pdu, sequence_number=sequence_number))
    assert body_of(raw) == body_of(pdu)


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_what_cannot_be_written_is_told(data: st.DataObject) -> None:
    good = data.draw(any_pdu)
    coded = [(a.name, a.metadata["kind"]) for a in fields(type(good)) if "kind" in a.metadata]
    name, kind = data.draw(st.sampled_from([*coded, ("header", None), ("TLV", None)]))
    if name == "header":
        bad_pdu = evolve(good, sequence_number=data.draw(st.sampled_from([-1, 1 << 32])))
    elif name == "TLV":
        bad_tlv = data.draw(st.sampled_from([(-1, b""), (0x10000, b""), (5, bytes(0x10000))]))
        bad_pdu = evolve(good, tlvs=(*good.tlvs, bad_tlv))
    else:
        bad_pdu = evolve(good, **{name: data.draw(bad_values(kind))})
    with pytest.raises(EncodeError, match=name):
        encode(bad_pdu)


@settings(max_examples=60, deadline=None)
@given(several=st.lists(successful, min_size=1, max_size=4), data=st.data())
def test_frames_do_not_depend_on_how_the_stream_is_cut(
    several: list[PDU], data: st.DataObject
) -> None:
    frames = [encode(pdu) for pdu in several]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    buffer = FrameBuffer(70_000)
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += buffer.feed(stream[start:end])
    assert found == frames
    assert not buffer.pending
    assert buffer.error is None


def run(octets: bytes, max_length: int = 70_000) -> None:
    """Everything a session does with received octets; any exception but BodyError is a bug."""
    buffer = FrameBuffer(max_length)
    for octets_of_one in buffer.feed(octets):
        try:
            pdu = decode(octets_of_one)
        except BodyError as fault:
            if fault.command_id & RESPONSE and fault.command_id in PDU_CLASSES:
                pytest.fail(f"a response is refused: {fault}")
            continue
        repr(pdu)
        try:
            encode(pdu)
        except EncodeError:
            # Tolerated on input (an over-long field), refused on output.
            continue


@settings(max_examples=500, deadline=None)
@given(octets=st.binary(max_size=300))
def test_random_octets(octets: bytes) -> None:
    run(octets)


@settings(max_examples=800, deadline=None)
@given(
    command_id=st.sampled_from(list(CommandId)) | word,
    command_status=st.sampled_from([0, 8, 0x58]) | word,
    body=st.binary(max_size=120),
)
def test_random_bodies(command_id: int, command_status: int, body: bytes) -> None:
    run(frame(command_id, command_status, 1, body))


@settings(max_examples=400, deadline=None)
@given(
    command_id=st.sampled_from(list(CommandId)),
    body=st.lists(st.sampled_from([0, 0, 0, 1, 2, 4, 5, 0x31, 0xFF]), max_size=60).map(bytes),
)
def test_bodies_full_of_zeros(command_id: int, body: bytes) -> None:
    run(frame(command_id, 0, 1, body))


def test_mutated_vectors() -> None:
    chance = random.Random(20_260_101)
    for octets in OCTETS:
        for _ in range(60):
            damaged = bytearray(octets)
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(16, len(damaged)) if len(damaged) > 16 else 0
                damaged[at] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
            run(bytes(damaged))
            if len(damaged) > 17:
                # Cut or grown with its length put right, so that the damage is in the body.
                end = chance.randrange(16, len(damaged))
                body = bytes(damaged[16:end]) + chance.randbytes(chance.randint(0, 5))
                run(frame(int.from_bytes(octets[4:8], "big"), 0, 1, body))


def test_vectors_cut_at_every_octet() -> None:
    for octets in OCTETS:
        command_id = int.from_bytes(octets[4:8], "big")
        for end in range(16, len(octets)):
            run(frame(command_id, 0, 1, octets[16:end]))


@settings(max_examples=200, deadline=None)
@given(pdu=usual)
def test_the_octets_of_a_plain_submit_are_those_it_was_read_from(pdu: SubmitSm) -> None:
    octets = encode(pdu)
    times = pdu.schedule_delivery_time or pdu.validity_period
    expected = b"" if times or pdu.tlvs or pdu.service_type else octets[16:]
    assert plain_body(decode(octets), octets) == expected


@settings(max_examples=400, deadline=None)
@given(pdu=pdus(SubmitSm), cut=st.integers(0, 400), junk=st.binary(max_size=12))
def test_octets_that_coding_would_change_are_not_plain(
    pdu: SubmitSm, cut: int, junk: bytes
) -> None:
    octets = frame(pdu.command_id, 0, 7, body_of(pdu)[:cut] + junk)
    try:
        read = decode(octets)
    except BodyError:
        return
    assert isinstance(read, SubmitSm)
    assert plain_body(read, octets) in (b"", write_body(read))


@pytest.mark.parametrize(
    "fields_of",
    [
        {"source_addr": "1" * 21},
        {"destination_addr": "1" * 21},
        {"short_message": b"x" * 255},
        {"service_type": "CMT"},
        {"validity_period": "000002000000000R"},
        {"tlvs": ((0x0204, b"\0\1"),)},
    ],
    ids=lambda fields_of: next(iter(fields_of)),
)
def test_what_is_tolerated_or_rare_is_not_plain(fields_of: dict[str, Any]) -> None:
    pdu = SubmitSm(**{"source_addr": "1", "destination_addr": "2", **fields_of})
    size = 33 + len(pdu.source_addr) + len(pdu.destination_addr) + len(pdu.short_message)
    frame_of_it = bytes(size + len(pdu.validity_period))
    assert plain_body(pdu, frame_of_it) == b""


@given(numbers=st.lists(word, max_size=5), body=st.binary(max_size=40))
def test_frames_behind_one_another(numbers: list[int], body: bytes) -> None:
    bodies = [body + bytes([place]) for place in range(len(numbers))]
    together = frames(0x05, numbers, bodies)
    assert FrameBuffer(1000).feed(together) == [
        frame(0x05, 0, number, one) for number, one in zip(numbers, bodies, strict=True)
    ]
    with pytest.raises(ValueError, match="argument"):
        frames(0x05, [*numbers, 1], bodies)


@given(sequence_number=word)
def test_an_empty_answer(sequence_number: int) -> None:
    answer = DeliverSmResp(sequence_number=sequence_number)
    assert empty_answer(answer.command_id, sequence_number) == encode(answer)
