"""Seven-bit packing: septets into octets and back.

Owns: the bit layout of 23.038 6.1.2.1, fill bits after a user data header, CR padding.
Refuses to know: what a septet means; an alphabet gives and takes one septet an octet.
Source: 3GPP TS 23.038 6.1.2.1 (SMS), 6.1.2.3.1 (CR padding), TS 23.040 9.2.3.24 (fill bits).
"""

from __future__ import annotations

_CR = b"\r"


def pack(septets: bytes, fill_bits: int = 0, *, cr_padded: bool = False) -> bytes:
    """Pack septets, given one an octet, least significant bits first.

    `fill_bits` (0..6) zero bits come before the first septet, so that it starts on a septet
    boundary after a user data header. Bits left at the end are zero. With `cr_padded`, seven
    bits left are a CR instead of what reads like "@", and a CR that ends on an octet boundary is
    written twice, for the reader drops one. No septets give no octets. Bit 7 of a septet is
    ignored. Raises ValueError for other fill bits.
    Source: 23.038 6.1.2.1, 6.1.2.3.1.
    """
    _check(fill_bits)
    if not septets:
        return b""
    if cr_padded:
        spare = -(7 * len(septets) + fill_bits) % 8
        if spare == 7 or (spare == 0 and septets.endswith(_CR)):
            septets += _CR
    lanes = (len(septets) + 7) // 8
    pairs, fours, eights = _masks(lanes)
    bits = int.from_bytes(septets, "little")
    # All eight septets of every lane of 64 bits move at once: two become 14 bits together, four
    # 28, eight 56. What is left of each lane is one empty octet at its top.
    bits = (bits & pairs) | (bits >> 1 & pairs << 7)
    bits = (bits & fours) | (bits >> 2 & fours << 14)
    bits = (bits & eights) | (bits >> 4 & eights << 28)
    packed = bytearray(bits.to_bytes(8 * lanes, "little"))
    del packed[7::8]
    length = (7 * len(septets) + fill_bits + 7) // 8
    if fill_bits:
        shifted = int.from_bytes(packed, "little") << fill_bits
        return shifted.to_bytes(len(packed) + 1, "little")[:length]
    return bytes(packed[:length])


def unpack(
    octets: bytes, fill_bits: int = 0, count: int | None = None, *, padding: bytes = b""
) -> bytes:
    """Unpack octets into septets, one an octet.

    Gives `count` septets or as many as there are; without a count, as many as fit. Eight septets
    fit into seven octets, so that without a count the last one may be what filled seven spare
    bits: when it ends on an octet boundary and is one of `padding`, it is dropped. Raises
    ValueError for fill bits other than 0..6, never for any octets.
    Source: 23.038 6.1.2.1, 6.1.2.3.1.
    """
    _check(fill_bits)
    whole, rest = divmod(max(0, 8 * len(octets) - fill_bits), 7)
    lanes = (len(octets) + 6) // 7
    packed = (int.from_bytes(octets, "little") >> fill_bits).to_bytes(7 * lanes, "little")
    spread = bytearray(8 * lanes)
    for octet in range(7):
        spread[octet::8] = packed[octet::7]
    pairs, fours, eights = _masks(lanes)
    bits = int.from_bytes(spread, "little")
    bits = (bits & eights) | (bits & eights << 28) << 4
    bits = (bits & fours) | (bits & fours << 14) << 2
    bits = (bits & pairs) | (bits & pairs << 7) << 1
    septets = bits.to_bytes(8 * lanes, "little")[: whole if count is None else min(count, whole)]
    if count is None and whole and not rest and septets[-1] in padding:
        return septets[:-1]
    return septets


def fill_bits_behind(header: int) -> int:
    """Fill bits between a header of so many octets and the text, none without a header.

    The text begins at a septet boundary, counted from the beginning of the header.
    Source: 23.040 9.2.3.24.
    """
    return -8 * header % 7


def _check(fill_bits: int) -> None:
    if not 0 <= fill_bits <= 6:
        raise ValueError(f"fill bits are 0 to 6, not {fill_bits}")


def _masks(lanes: int) -> tuple[int, int, int]:
    """The low 7, 14 and 28 bits of every 16, 32 and 64 bits, for at least so many 64 bits."""
    return _OF_A_MESSAGE if lanes <= _LANES else _build_masks(lanes)


def _build_masks(lanes: int) -> tuple[int, int, int]:
    pairs = int.from_bytes(b"\x7f\x00" * 4 * lanes, "little")
    fours = int.from_bytes(b"\xff\x3f\x00\x00" * 2 * lanes, "little")
    eights = int.from_bytes(b"\xff\xff\xff\x0f\x00\x00\x00\x00" * lanes, "little")
    return pairs, fours, eights


_LANES = 20
"""Lanes of the 160 septets of a message."""
_OF_A_MESSAGE = _build_masks(_LANES)
