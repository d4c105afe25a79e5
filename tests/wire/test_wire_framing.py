"""FrameBuffer: any cutting of the stream, impossible lengths, bounded memory."""

import sys
import tracemalloc

import pytest

from smppgw.smpp.wire import (
    BodyError,
    DeliverSm,
    EncodeError,
    EnquireLink,
    FrameBuffer,
    FramingError,
    SmppError,
    SubmitSm,
    SubmitSmResp,
    UnbindResp,
    decode,
    encode,
    frame,
    header,
)

FRAMES = [
    encode(EnquireLink(sequence_number=1)),
    encode(SubmitSm(source_addr="1", destination_addr="2", short_message=b"text")),
    encode(SubmitSmResp("0123", sequence_number=3)),
    encode(UnbindResp(sequence_number=4)),
]
STREAM = b"".join(FRAMES)


def test_whole_read() -> None:
    buffer = FrameBuffer(1000)
    assert buffer.feed(STREAM) == FRAMES
    assert not buffer.pending
    assert buffer.feed(b"") == []


def test_one_frame_is_not_copied() -> None:
    (found,) = FrameBuffer(1000).feed(FRAMES[1])
    assert found is FRAMES[1]


def test_cut_at_every_offset() -> None:
    for cut in range(len(STREAM) + 1):
        buffer = FrameBuffer(1000)
        found = buffer.feed(STREAM[:cut])
        whole = sum(map(len, found))
        assert buffer.pending is (whole != cut)
        assert found + buffer.feed(STREAM[cut:]) == FRAMES
        assert not buffer.pending


def test_octet_by_octet() -> None:
    buffer = FrameBuffer(1000)
    found = []
    for octet in STREAM:
        found += buffer.feed(bytes([octet]))
    assert found == FRAMES
    assert not buffer.pending
    assert buffer.error is None


@pytest.mark.parametrize("length", [*range(16), 1001, 0x1000_0000, 0xFFFF_FFFF])
def test_impossible_lengths(length: int) -> None:
    buffer = FrameBuffer(1000)
    bad = length.to_bytes(4, "big") + header(0x15, 0, 77)[4:]
    assert buffer.feed(FRAMES[0] + FRAMES[1] + bad + FRAMES[2]) == FRAMES[:2]
    assert isinstance(buffer.error, FramingError)
    assert buffer.error.command_status == 0x02
    assert buffer.error.sequence_number == 77
    assert str(length) in str(buffer.error)
    assert not buffer.pending


@pytest.mark.parametrize("length", [16, 999, 1000])
def test_lengths_at_the_bounds(length: int) -> None:
    whole = frame(4, 0, 1, bytes(length - 16))
    buffer = FrameBuffer(1000)
    assert buffer.feed(whole) == [whole]
    assert buffer.error is None


def test_nothing_comes_after_an_error() -> None:
    buffer = FrameBuffer(1000)
    buffer.feed(b"\0\0\0\x01")
    first = buffer.error
    assert first is not None
    assert first.sequence_number == 0
    assert buffer.feed(STREAM) == []
    assert buffer.error is first


def test_a_bad_length_is_seen_with_its_fourth_octet() -> None:
    buffer = FrameBuffer(1000)
    assert buffer.feed(b"\xff\xff\xff") == []
    assert buffer.error is None
    assert buffer.pending
    assert buffer.feed(b"\xff") == []
    assert buffer.error is not None
    assert not buffer.pending


def test_a_bad_length_after_a_partial_frame() -> None:
    buffer = FrameBuffer(1000)
    assert buffer.feed(FRAMES[1][:20]) == []
    assert buffer.feed(FRAMES[1][20:] + b"\0\0\0\0" + bytes(12)) == [FRAMES[1]]
    assert buffer.error is not None


def test_a_stray_octet_between_frames_ends_the_stream() -> None:
    # A peer that counts its NUL out of command_length shifts everything after it.
    buffer = FrameBuffer(70_000)
    assert buffer.feed(FRAMES[2] + b"\0" + FRAMES[0]) == [FRAMES[2]]
    assert buffer.error is not None


def test_an_announced_length_costs_nothing() -> None:
    tracemalloc.start()
    try:
        buffers = [FrameBuffer(0x7FFF_FFFF) for _ in range(50)]
        before, _ = tracemalloc.get_traced_memory()
        for buffer in buffers:
            buffer.feed(b"\x7f\xff\xff\xff")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(buffer.pending for buffer in buffers)
    assert after - before < 50 * 200


def test_idle_memory() -> None:
    buffer = FrameBuffer(70_000)
    buffer.feed(FRAMES[1][:30])
    buffer.feed(FRAMES[1][30:])
    assert sys.getsizeof(buffer) < 100
    assert not hasattr(buffer, "__dict__")


def test_a_large_frame_in_small_reads() -> None:
    whole = frame(4, 0, 1, bytes(range(256)) * 250)
    buffer = FrameBuffer(70_000)
    found = []
    for start in range(0, len(whole), 7):
        found += buffer.feed(whole[start : start + 7])
    assert found == [whole]


def test_header() -> None:
    assert header(0x80000004, 0x14, 1234).hex() == "000000108000000400000014000004d2"
    assert frame(4, 0, 1, b"xy") == bytes.fromhex("00000012000000040000000000000001") + b"xy"


@pytest.mark.parametrize("numbers", [(1 << 32, 0, 0), (0, -1, 0), (0, 0, 1 << 32)])
def test_header_numbers_out_of_range(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(EncodeError):
        header(*numbers)


@pytest.mark.parametrize("octets", [b"", b"\0" * 15, STREAM, FRAMES[0][:-1]])
def test_decode_wants_one_frame(octets: bytes) -> None:
    with pytest.raises(BodyError) as fault:
        decode(octets)
    assert fault.value.command_status == 0x02


def test_errors_have_one_base() -> None:
    assert issubclass(BodyError, SmppError)
    assert issubclass(FramingError, SmppError)
    assert issubclass(EncodeError, SmppError)
    assert issubclass(EncodeError, ValueError)


def test_errors_do_not_quote_the_peer() -> None:
    octets = encode(DeliverSm(short_message=b"secret text"))
    cut = frame(5, 0, 9, octets[16:-2])
    with pytest.raises(BodyError) as fault:
        decode(cut)
    assert "secret" not in str(fault.value)
    assert "ESME_RINVMSGLEN" in str(fault.value)
    assert fault.value.reason.startswith("short_message")


def test_what_waits_for_the_rest_can_be_looked_at() -> None:
    buffer = FrameBuffer(1000)
    frame = header(0x15, 0, 7)
    assert buffer.partial == b""
    buffer.feed(frame + frame[:5])
    assert buffer.partial == frame[:5]
    buffer.feed(frame[5:9])
    assert buffer.partial == frame[:9]
    assert buffer.feed(frame[9:]) == [frame]
    assert buffer.partial == b""
