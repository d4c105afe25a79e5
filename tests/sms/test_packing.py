"""Packing against the layout written bit by bit, and back."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smppgw.sms.packing import pack, unpack

FILLS = range(7)
SEPTETS = st.lists(st.integers(0, 127), max_size=400).map(bytes)
FILL = st.sampled_from(FILLS)


def bits_of(septets: bytes, fill_bits: int) -> str:
    """The bits as the specification numbers them: the first one is the lowest of octet 0."""
    return "0" * fill_bits + "".join(f"{septet & 0x7F:07b}"[::-1] for septet in septets)


def plainly_packed(septets: bytes, fill_bits: int) -> bytes:
    bits = bits_of(septets, fill_bits) if septets else ""
    eights = [bits[at : at + 8].ljust(8, "0") for at in range(0, len(bits), 8)]
    return bytes(int(eight[::-1], 2) for eight in eights)


def plainly_unpacked(octets: bytes, fill_bits: int) -> bytes:
    bits = "".join(f"{octet:08b}"[::-1] for octet in octets)[fill_bits:]
    sevens = [bits[at : at + 7] for at in range(0, len(bits) - 6, 7)]
    return bytes(int(seven[::-1], 2) for seven in sevens)


def boundary(septets: bytes, fill_bits: int) -> bool:
    """Whether the septets end where an octet ends."""
    return bool(septets) and (7 * len(septets) + fill_bits) % 8 == 0


# The layout


def test_layout_of_23_038() -> None:
    assert pack(b"\x7f") == b"\x7f"
    assert pack(b"\x00\x01") == b"\x80\x00"
    assert pack(b"\x00\x7f") == b"\x80\x3f"
    assert pack(b"hellohello") == bytes.fromhex("e8329bfd4697d9ec37")
    assert unpack(bytes.fromhex("e8329bfd4697d9ec37")) == b"hellohello"


@pytest.mark.parametrize(
    ("septets", "fill_bits", "octets"),
    [(160, 0, 140), (153, 1, 134), (152, 0, 133), (149, 5, 131), (146, 2, 128), (8, 0, 7)],
)
def test_length_of_full_parts(septets: int, fill_bits: int, octets: int) -> None:
    full = b"\x7f" * septets
    assert len(pack(full, fill_bits)) == octets
    assert unpack(pack(full, fill_bits), fill_bits) == full


def test_fill_bits_come_first_and_are_zero() -> None:
    for fill_bits in FILLS:
        assert pack(b"\x7f", fill_bits) == (0x7F << fill_bits).to_bytes(
            2 if fill_bits > 1 else 1, "little"
        )


def test_fill_bits_of_the_peer_may_be_anything() -> None:
    for fill_bits in FILLS:
        packed = bytearray(pack(b"abc", fill_bits))
        packed[0] |= (1 << fill_bits) - 1
        assert unpack(bytes(packed), fill_bits, 3) == b"abc"


@pytest.mark.parametrize("cr_padded", [False, True])
@pytest.mark.parametrize("fill_bits", FILLS)
def test_nothing_is_nothing(fill_bits: int, cr_padded: bool) -> None:
    assert pack(b"", fill_bits, cr_padded=cr_padded) == b""
    assert unpack(b"", fill_bits, padding=b"\0\r") == b""
    assert unpack(b"", fill_bits, 5) == b""


@pytest.mark.parametrize("fill_bits", [-1, 7, 8, 100])
def test_other_fill_bits_are_refused(fill_bits: int) -> None:
    with pytest.raises(ValueError, match="fill bits"):
        pack(b"a", fill_bits)
    with pytest.raises(ValueError, match="fill bits"):
        unpack(b"a", fill_bits)


@given(st.binary(max_size=200), FILL)
def test_bit_7_of_a_septet_is_ignored(octets: bytes, fill_bits: int) -> None:
    low = bytes(octet & 0x7F for octet in octets)
    assert pack(octets, fill_bits) == pack(low, fill_bits)


@given(SEPTETS, FILL)
def test_packed_as_bit_by_bit(septets: bytes, fill_bits: int) -> None:
    assert pack(septets, fill_bits) == plainly_packed(septets, fill_bits)


@given(st.binary(max_size=400), FILL)
@example(b"\x00", 6)
@example(b"\xff", 1)
def test_unpacked_as_bit_by_bit(octets: bytes, fill_bits: int) -> None:
    assert unpack(octets, fill_bits) == plainly_unpacked(octets, fill_bits)


@pytest.mark.parametrize("length", [159, 160, 161, 168, 169, 5000])
def test_lengths_about_and_beyond_a_message(length: int) -> None:
    septets = bytes(at * 37 & 0x7F for at in range(length))
    for fill_bits in FILLS:
        assert pack(septets, fill_bits) == plainly_packed(septets, fill_bits)
        assert unpack(pack(septets, fill_bits), fill_bits, length) == septets


# There and back


@given(SEPTETS, FILL)
def test_unpacked_with_the_count(septets: bytes, fill_bits: int) -> None:
    assert unpack(pack(septets, fill_bits), fill_bits, len(septets)) == septets


def test_unpacked_with_the_count_for_every_length_and_fill() -> None:
    for length, fill_bits in product(range(1, 162), FILLS):
        septets = bytes((at ^ length) & 0x7F for at in range(length))
        packed = pack(septets, fill_bits)
        assert len(packed) == -(-(7 * length + fill_bits) // 8)
        assert unpack(packed, fill_bits, length) == septets


@given(SEPTETS, FILL)
def test_without_the_count_at_most_a_zero_septet_more(septets: bytes, fill_bits: int) -> None:
    unpacked = unpack(pack(septets, fill_bits), fill_bits)
    spare = -(7 * len(septets) + fill_bits) % 8
    assert unpacked == (septets + b"\0" if spare == 7 and septets else septets)


@given(st.binary(max_size=200), FILL)
def test_packed_again(octets: bytes, fill_bits: int) -> None:
    again = pack(unpack(octets, fill_bits), fill_bits)
    used = (8 * len(octets) - fill_bits) // 7 * 7
    if used <= 0:
        assert again == b""
        return
    mask = (1 << used) - 1 << fill_bits
    assert int.from_bytes(again, "little") == int.from_bytes(octets, "little") & mask


@given(st.binary(max_size=50), FILL, st.integers(0, 100))
def test_count_takes_the_first(octets: bytes, fill_bits: int, count: int) -> None:
    assert unpack(octets, fill_bits, count) == unpack(octets, fill_bits)[:count]


# CR padding


@pytest.mark.parametrize(
    ("septets", "packed"),
    [
        (b"1234567", "31d98c56b3dd1a"),
        (b"12345678", "31d98c56b3dd70"),
        (b"123456\r", "31d98c56b3351a"),
        (b"1234567\r", "31d98c56b3dd1a0d"),
        (b"12345678\r", "31d98c56b3dd700d"),
    ],
)
def test_cr_padding(septets: bytes, packed: str) -> None:
    assert pack(septets, cr_padded=True).hex() == packed


def test_cr_on_the_boundary_is_read_as_two() -> None:
    # 23.038 6.1.2.3.1: written twice so that one stays; two look like one on a handset.
    assert unpack(pack(b"1234567\r", cr_padded=True), padding=b"\r") == b"1234567\r\r"


@given(SEPTETS, FILL)
@example(b"1234567", 0)
@example(b"123456\r", 0)
@example(b"1234567\r", 0)
@example(b"\r", 1)
@example(b"abcdefg\r", 1)
def test_cr_padded_there_and_back(septets: bytes, fill_bits: int) -> None:
    packed = pack(septets, fill_bits, cr_padded=True)
    expected = septets
    if boundary(septets, fill_bits) and septets.endswith(b"\r"):
        expected += b"\r"
    assert unpack(packed, fill_bits, padding=b"\r") == expected


@given(SEPTETS, FILL)
def test_cr_padding_never_ends_in_seven_zero_bits(septets: bytes, fill_bits: int) -> None:
    if not septets:
        return
    unpacked = unpack(pack(septets, fill_bits, cr_padded=True), fill_bits)
    assert len(unpacked) <= len(septets) + 1
    assert unpacked[: len(septets)] == septets
    assert unpacked[len(septets) :] in {b"", b"\r"}


# What may be padding


@pytest.mark.parametrize("last", [b"\0", b"\r"])
def test_padding_is_dropped_only_on_the_boundary(last: bytes) -> None:
    for length, fill_bits in product(range(1, 20), FILLS):
        septets = b"a" * (length - 1) + last
        spare = -(7 * length + fill_bits) % 8
        if spare == 7:
            continue
        expected = septets[:-1] if spare == 0 else septets
        assert unpack(pack(septets, fill_bits), fill_bits, padding=b"\0\r") == expected


def test_padding_is_what_is_told() -> None:
    zero = pack(b"1234567\0")
    assert unpack(zero) == b"1234567\0"
    assert unpack(zero, padding=b"\r") == b"1234567\0"
    assert unpack(zero, padding=b"\0\r") == b"1234567"


def test_only_one_septet_is_padding() -> None:
    assert unpack(pack(b"123456\0\0"), padding=b"\0") == b"123456\0"


@given(st.binary(max_size=50), FILL, st.integers(0, 100))
def test_who_counts_needs_no_guess(octets: bytes, fill_bits: int, count: int) -> None:
    guessless = unpack(octets, fill_bits)[:count]
    assert unpack(octets, fill_bits, count, padding=bytes(range(128))) == guessless
