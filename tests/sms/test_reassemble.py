"""Parts joined and cut again: every order, every alphabet, whatever peers make of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smppgw.sms import packing, udh
from smppgw.sms.alphabet import Alphabet, decode, encode
from smppgw.sms.choose import Style
from smppgw.sms.cut import HeaderTooLong
from smppgw.sms.message_class import MessageClass
from smppgw.sms.reassemble import (
    LONGEST_HEADER,
    Assembly,
    Part,
    Unjoinable,
    Whole,
    cut,
    home,
    join,
    read,
    repeated,
    sar,
    whole,
)
from smppgw.sms.segment import UDHI, Segmentation, segment, segment_octets
from smppgw.sms.udh import Concatenation, Element

PORTS = Element(udh.PORTS_16, bytes.fromhex("23f40000"))
PICTURE = Element(0x12, b"\x00" + bytes(32))
TURKISH_SINGLE = Element(udh.SINGLE_SHIFT, b"\x01")
SPANISH_SINGLE = Element(udh.SINGLE_SHIFT, b"\x02")
IN_PARTS = (Style.UDH8, Style.UDH16, Style.SAR)
GSM_TEXT = st.text("abc @€[]{}~\n éÑ", min_size=161, max_size=700)
UCS2_TEXT = st.text(
    st.sampled_from("aé€中\U0001f600\U0001f1eb\u200d\ufe0f"), min_size=170, max_size=400
)
BYTES = st.binary(max_size=300)


def parts_of(found: Segmentation) -> list[Part]:
    """What a reader makes of the parts that were cut."""
    parts = [
        read(one.esm_class, one.data_coding, one.short_message, one.sar) for one in found.parts
    ]
    assert None not in parts
    return parts  # type: ignore[return-value]


def part(
    octets: bytes, sequence: int, total: int, data_coding: int = 0, *elements: Element
) -> Part:
    """One part with any octets."""
    header = udh.build((udh.concatenation(7, total, sequence), *elements))
    found = read(UDHI, data_coding, header + octets)
    assert found is not None
    return found


def text_of(found: Whole) -> str:
    """What a message says."""
    header = udh.parse(udh.build(found.elements)) if found.elements else None
    return decode(
        found.octets,
        Alphabet.GSM7 if found.alphabet is Alphabet.GSM7_PACKED else found.alphabet,
        locking=header.locking if header else 0,
        single=header.single if header else 0,
    ).text


class Reader:
    """Joins what comes, as whoever keeps assemblies does."""

    def __init__(self) -> None:
        self.open: dict[tuple, list[tuple[Assembly, list[Part]]]] = {}
        self.texts: list[str] = []

    def take(self, source: str, one: Part) -> None:
        number = one.concatenation
        entries = self.open.setdefault((source, one.style, number.reference, number.total), [])
        assemblies = [assembly for assembly, _ in entries]
        if repeated(assemblies, one):
            return
        assembly = home(assemblies, one)
        if assembly is None:
            assembly = Assembly(number.total)
            entries.append((assembly, []))
        (entry,) = [entry for entry in entries if entry[0] is assembly]
        assembly.held[number.sequence] = one.fingerprint
        entry[1].append(one)
        if assembly.complete:
            entries.remove(entry)
            self.texts.append(text_of(join(entry[1])))

    @property
    def waiting(self) -> int:
        return sum(map(len, self.open.values()))


# ---------------------------------------------------------------------- which part it is


@pytest.mark.parametrize(
    ("octets", "style", "number"),
    [
        ("050003240201", Style.UDH8, Concatenation(0x24, 2, 1)),
        ("06080412340502", Style.UDH16, Concatenation(0x1234, 5, 2, True)),
        ("0b05040b8423f40003240301", Style.UDH8, Concatenation(0x24, 3, 1)),
        ("0a0003010201240101", Style.UDH8, Concatenation(1, 2, 1)),  # cut off, and yet it says so
        ("050003ff0101", Style.UDH8, Concatenation(255, 1, 1)),
    ],
)
def test_a_header_that_says_which_part_it_is(
    octets: str, style: Style, number: Concatenation
) -> None:
    octets_ = bytes.fromhex(octets)
    octets_ += bytes(max(0, octets_[0] + 1 - len(octets_)))
    found = read(UDHI, 0, octets_ + b"text")
    assert found is not None
    assert (found.style, found.concatenation, found.octets) == (style, number, b"text")
    assert found.header == octets_[0] + 1


@pytest.mark.parametrize(
    "octets",
    ["", "05", "0500032402", "050003240001", "050003240203", "050003240200", "0400022402",
     "060804123400", "0605040b8423f4", "00", "ff0003240201"],
)  # fmt: skip
def test_no_part(octets: str) -> None:
    """No concatenation, an impossible one, or no header at all."""
    assert read(UDHI, 0, bytes.fromhex(octets) + b"text") is None


def test_a_header_that_esm_class_does_not_announce_is_text() -> None:
    octets = bytes.fromhex("050003240201") + b"text"
    assert read(0, 0, octets) is None
    assert whole(0, 0, octets).octets == octets


def test_sar_and_header() -> None:
    in_tlvs = sar(0x1234, 3, 2)
    assert in_tlvs == Concatenation(0x1234, 3, 2, True)
    found = read(0, 0, b"text", in_tlvs)
    assert found is not None
    assert (found.style, found.concatenation, found.octets) == (Style.SAR, in_tlvs, b"text")
    ports = read(UDHI, 0, udh.build((PORTS,)) + b"text", in_tlvs)
    assert ports is not None
    assert (ports.style, ports.elements, ports.octets) == (Style.SAR, (PORTS,), b"text")
    both = read(UDHI, 0, udh.build((udh.concatenation(1, 2, 1), PORTS)) + b"text", in_tlvs)
    assert both is not None
    assert (both.style, both.concatenation.reference) == (Style.UDH8, 1), "the header goes before"
    assert both.elements == (PORTS,)
    impossible = read(UDHI, 0, bytes.fromhex("050003010200") + b"text", in_tlvs)
    assert impossible is not None
    assert (impossible.style, impossible.elements) == (Style.SAR, ())


@pytest.mark.parametrize(
    "values",
    [(None, 2, 1), (1, None, 1), (1, 2, None), (1, 0, 0), (1, 2, 0), (1, 2, 3), (1, 256, 1),
     (0x10000, 2, 1)],
)  # fmt: skip
def test_sar_that_says_nothing(values: tuple[int | None, int | None, int | None]) -> None:
    assert sar(*values) is None


# ---------------------------------------------------------------------- joining


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[tuple[str, Part]], list[str]]:
    """Parts of several messages in any order and repeated, and the texts of these messages."""
    count = draw(st.integers(1, 4))
    pending: list[list[tuple[str, Part]]] = []
    texts = []
    for number in range(count):
        text = draw(GSM_TEXT | UCS2_TEXT)
        style = draw(st.sampled_from(IN_PARTS))
        source = f"phone {draw(st.integers(0, 1))}"
        parts = parts_of(segment(text, style=style, reference=number))
        texts.append(text)
        pending.append([(source, one) for one in draw(st.permutations(parts))])
    arrived = []
    seen: list[list[tuple[str, Part]]] = [[] for _ in pending]
    while any(pending):
        which = draw(st.sampled_from([at for at, parts in enumerate(pending) if parts]))
        if seen[which] and draw(st.booleans()):
            arrived.append(draw(st.sampled_from(seen[which])))
        else:
            seen[which].append(pending[which].pop())
            arrived.append(seen[which][-1])
    return arrived, texts


@given(arrivals())
def test_any_order_repetition_and_interleaving_gives_each_message(
    given_: tuple[list[tuple[str, Part]], list[str]],
) -> None:
    arrived, texts = given_
    reader = Reader()
    for source, one in arrived:
        reader.take(source, one)
    assert sorted(reader.texts) == sorted(texts)
    assert reader.waiting == 0


def test_a_reference_used_again_begins_a_new_message() -> None:
    first = [part(b"one", 1, 2), part(b"two", 2, 2)]
    second = [part(b"ONE", 1, 2), part(b"TWO", 2, 2)]
    reader = Reader()
    for one in (first[0], second[0], first[0], second[1], first[1]):
        reader.take("phone", one)
    assert reader.texts == ["ONETWO", "onetwo"], "the newer one is completed first"
    assert reader.waiting == 0


def test_messages_that_follow_each_other_under_one_reference() -> None:
    reader = Reader()
    for text in ("a" * 300, "b" * 300, "a" * 300):
        for one in parts_of(segment(text)):
            reader.take("phone", one)
    assert reader.texts == ["a" * 300, "b" * 300, "a" * 300]


def test_what_sets_parts_apart() -> None:
    assert part(b"x", 1, 2).fingerprint == part(b"x", 1, 2).fingerprint
    others = [part(b"y", 1, 2), part(b"x", 1, 2, 8), part(b"x", 1, 2, 0, PORTS)]
    assert len({one.fingerprint for one in (part(b"x", 1, 2), *others)}) == 4


@given(BYTES, st.lists(st.integers(0, 300), max_size=6), st.integers(0, 255))
def test_octets_cut_anywhere_are_joined_unread(
    octets: bytes, ends: list[int], data_coding: int
) -> None:
    ends = sorted({0, len(octets), *(at for at in ends if at < len(octets))})
    pieces = [octets[start:end] for start, end in pairwise(ends)] or [b""]
    parts = [part(one, at, len(pieces), data_coding) for at, one in enumerate(pieces, 1)]
    found = join(reversed(parts))
    assert (found.octets, found.data_coding, found.elements) == (octets, data_coding, ())
    assert found.user_data == octets


@given(GSM_TEXT | UCS2_TEXT, st.sampled_from(IN_PARTS), st.data())
def test_missing_parts_become_nothing(text: str, style: Style, data: st.DataObject) -> None:
    found = segment(text, style=style)
    parts = parts_of(found)
    keep = data.draw(st.sets(st.integers(0, len(parts) - 1), min_size=1))
    joined = join([parts[at] for at in keep])
    assert text_of(joined) == "".join(found.parts[at].text for at in sorted(keep))


def test_what_a_missing_part_has_torn_is_left_out() -> None:
    """Half a character would make another one with what follows."""
    gsm = [part(b"100 \x1b", 1, 3), part(b"e", 2, 3), part(b"end", 3, 3)]
    assert text_of(join(gsm)) == "100 €end"
    assert text_of(join([gsm[0], gsm[2]])) == "100 end"
    assert text_of(join(gsm[:1])) == "100 "
    two_escapes = [part(b"a\x1b\x1b", 1, 3), part(b"end", 3, 3)]
    assert join(two_escapes).octets == b"a\x1b\x1bend"
    smile = "\U0001f600".encode("utf-16-be")
    ucs2 = [
        part("a".encode("utf-16-be") + smile[:2], 1, 3, 8),
        part(smile[2:] + smile[:2], 2, 3, 8),
        part(smile[2:] + "z".encode("utf-16-be"), 3, 3, 8),
    ]
    assert text_of(join(ucs2)) == "a\U0001f600\U0001f600z"
    assert text_of(join([ucs2[0], ucs2[2]])) == "az"
    assert text_of(join(ucs2[1:])) == "\U0001f600z"
    assert text_of(join(ucs2[:2])) == "a\U0001f600"
    assert join([part(b"\0a\0", 1, 2, 8)]).octets == b"\0a", "half a unit"
    assert join([part(b"\0a\0", 1, 1, 8)]).octets == b"\0a\0", "nothing is missing"


@given(st.text(min_size=2, max_size=60), st.data())
def test_a_gap_in_utf_16_adds_no_character(text: str, data: st.DataObject) -> None:
    octets = text.encode("utf-16-be", "replace")
    places = st.sets(st.integers(0, len(octets) // 2), min_size=3)
    ends = sorted(data.draw(places))
    pieces = [octets[2 * start : 2 * end] for start, end in pairwise(ends)]
    parts = [part(one, at, len(pieces), 8) for at, one in enumerate(pieces, 1)]
    del parts[len(parts) // 2]
    characters = iter(octets.decode("utf-16-be"))
    kept = [one for one in text_of(join(parts)) if one != "\ufffd"]
    assert all(one in characters for one in kept), "in order, and none that was not there"


# ---------------------------------------------------------------------- data_codings and headers


def test_parts_of_different_data_coding_are_read_each_by_its_own() -> None:
    parts = [
        part(b"caf\x05 \x1be", 1, 3, 0),
        part(" été".encode("utf-16-be"), 2, 3, 8),
        part(" fin é".encode("latin-1"), 3, 3, 3),
    ]
    found = join(parts)
    assert (found.data_coding, found.alphabet, found.elements) == (8, Alphabet.UCS2, ())
    assert text_of(found) == "café € été fin é"


def test_the_class_that_all_parts_have_is_kept() -> None:
    parts = [part(b"a", 1, 2, 0xF0), part("é".encode("utf-16-be"), 2, 2, 0x18)]
    assert join(parts).data_coding == 0x18
    parts = [part(b"a", 1, 2, 0xF0), part("é".encode("utf-16-be"), 2, 2, 0x08)]
    assert join(parts).data_coding == 0x08
    flash = segment("x" * 400, message_class=MessageClass.FLASH)
    assert join(parts_of(flash)).data_coding == 0xF0


@pytest.mark.parametrize(
    "second",
    [
        part(b"\x01\x02", 2, 2, 4),
        part(b"\xd8\x3d", 2, 2, 8),
        part(b"\x80", 2, 2, 0x10),
        part(b"x", 2, 2, 0, PICTURE),
    ],
    ids=("binary", "half a character", "no character", "picture"),
)
def test_what_no_one_message_says(second: Part) -> None:
    first = part(b"text", 1, 2, 0 if second.elements else 3)
    with pytest.raises(Unjoinable):
        join([first, second])


def test_an_empty_binary_part_hinders_nothing() -> None:
    assert text_of(join([part(b"text", 1, 2), part(b"", 2, 2, 4)])) == "text"


def test_ports_are_kept() -> None:
    octets = bytes(range(256)) * 2
    found = join(parts_of(segment_octets(octets, elements=(PORTS,))))
    assert (found.elements, found.octets) == ((PORTS,), octets)
    assert found.user_data == udh.build((PORTS,)) + octets
    only_first = [part(b"a", 1, 2, 4, PORTS), part(b"b", 2, 2, 4)]
    assert join(only_first).user_data == udh.build((PORTS,)) + b"ab"


def test_shift_tables_are_kept_when_all_parts_have_the_same() -> None:
    text = "ağ\u0131ş " * 60
    found = join(parts_of(segment(text, languages=(1,), alphabets=(Alphabet.GSM7,))))
    assert {one.id for one in found.elements} <= {udh.LOCKING_SHIFT, udh.SINGLE_SHIFT}
    assert found.elements
    assert (found.data_coding, text_of(found)) == (0, text)


def test_parts_with_different_shift_tables_are_read() -> None:
    parts = [part(b"\x1bS", 1, 3, 0, TURKISH_SINGLE), part(b"\x1ba", 2, 3, 0, SPANISH_SINGLE)]
    found = join([*parts, part(b"z", 3, 3)])
    assert (found.data_coding, found.elements, text_of(found)) == (8, (), "Şáz")
    parts = [part(b"\x1bS", 1, 2, 0, TURKISH_SINGLE, PORTS), part(b"z", 2, 2, 0, PORTS)]
    found = join(parts)
    assert (found.data_coding, found.elements, text_of(found)) == (8, (PORTS,), "Şz")


@given(st.text("abc{}€ é", min_size=161, max_size=600), st.sampled_from((Style.UDH8, Style.UDH16)))
def test_packed_parts_are_unpacked_joined_and_packed(text: str, style: Style) -> None:
    found = segment(text, style=style, alphabets=(Alphabet.GSM7_PACKED,))
    message = join(parts_of(found), {0: Alphabet.GSM7_PACKED})
    assert text_of(message) == text
    assert message.user_data == packing.pack(message.octets)
    again = [read(UDHI, 0, one) for one in cut(message, 3)]
    assert text_of(join(again, {0: Alphabet.GSM7_PACKED})) == text  # type: ignore[arg-type]


def test_the_alphabets_of_the_peer() -> None:
    parts = [part("é".encode("latin-1"), 1, 2, 0), part("é".encode("utf-16-be"), 2, 2, 8)]
    assert text_of(join(parts, {0: Alphabet.LATIN1})) == "éé"
    torn = [part(b"a\x1b", 1, 2, 0)]
    assert join(torn, {0: Alphabet.LATIN1}).octets == b"a\x1b", "no escape there"


# ---------------------------------------------------------------------- in one piece, and cut


@pytest.mark.parametrize("octets", [b"text without header", b"\xff\x00", b""])
def test_a_header_that_is_none_is_text(octets: bytes) -> None:
    assert whole(UDHI, 0, octets) == Whole(0, Alphabet.GSM7, (), octets)


def test_a_header_that_leaves_no_room_is_text() -> None:
    for size in (LONGEST_HEADER, LONGEST_HEADER + 1):
        octets = bytes((size - 1, 0x12, size - 3)) + bytes(size - 3) + b"text" * 100
        found = whole(UDHI, 0, octets)
        assert bool(found.elements) == (size <= LONGEST_HEADER)
        pieces = cut(found, 1)
        assert len(pieces) > 1
        assert b"".join(one[one[0] + 1 :] for one in pieces) == found.octets


def test_what_fits_is_one_piece() -> None:
    assert cut(whole(0, 0, b"x" * 160), 1) == (b"x" * 160,)
    assert cut(whole(UDHI, 0, udh.build((PORTS,)) + b"x"), 1) == (udh.build((PORTS,)) + b"x",)
    assert cut(Whole(8, Alphabet.UCS2, (), b"x" * 140), 1) == (b"x" * 140,)
    assert [len(one) for one in cut(whole(0, 0, b"x" * 161), 1)] == [159, 14]
    assert [len(one) for one in cut(whole(0, 8, b"\0x" * 71), 1)] == [140, 14]
    assert [len(one) for one in cut(whole(0, 4, b"x" * 141), 1)] == [140, 13]


ELEMENTS = st.sampled_from([(), (PORTS,), (TURKISH_SINGLE,), (PORTS, SPANISH_SINGLE)])


@given(
    st.binary(max_size=1200) | st.sampled_from([b"\x1b" * 700, b"\xdc\x00" * 300, b"\x80" * 500]),
    st.sampled_from([0, 1, 3, 4, 6, 8, 14, 0x10, 0x18, 0xF5]),
    ELEMENTS,
    st.integers(0, 999),
)
def test_what_is_cut_is_joined_again(
    octets: bytes, data_coding: int, elements: tuple[Element, ...], reference: int
) -> None:
    message = whole(UDHI if elements else 0, data_coding, udh.build(elements) + octets)
    pieces = cut(message, reference)
    if len(pieces) == 1:
        assert pieces == (message.user_data,)
        return
    parts = [read(UDHI, data_coding, one) for one in pieces]
    assert join(parts) == message  # type: ignore[arg-type]
    numbers = [one.concatenation for one in parts if one is not None]
    assert {(one.reference, one.total) for one in numbers} == {(reference & 0xFF, len(pieces))}
    assert [one.sequence for one in numbers] == list(range(1, len(pieces) + 1))
    for piece in pieces:
        header = piece[0] + 1
        bits = 7 if message.alphabet is Alphabet.GSM7 else 8
        assert 8 * header + bits * (len(piece) - header) <= 8 * udh.OCTETS


@given(st.text("ab€{😀é", min_size=100, max_size=500))
@example("€" * 200)
@example("😀" * 100)
def test_no_cut_tears_a_character(text: str) -> None:
    for alphabet, data_coding in ((Alphabet.GSM7, 0), (Alphabet.UCS2, 8)):
        if alphabet is Alphabet.GSM7:
            text = text.replace("😀", "")
        octets = encode(text, alphabet)
        for piece in cut(Whole(data_coding, alphabet, (), octets), 1):
            header = piece[0] + 1 if len(octets) > (160 if data_coding == 0 else 140) else 0
            assert decode(piece[header:], alphabet).undecodable == 0
            assert not piece.endswith(b"\x1b")


def test_more_than_255_parts_are_several_messages() -> None:
    octets = bytes(range(256)) * 255
    pieces = cut(whole(0, 4, octets), 255)
    numbers = [udh.parse(one).concatenation for one in pieces]
    assert [one.total for one in numbers if one] == [255] * 255 + [len(pieces) - 255] * (
        len(pieces) - 255
    )
    assert {one.reference for one in numbers if one} == {255, 0}
    assert b"".join(one[6:] for one in pieces) == octets


def test_a_header_too_long_to_cut() -> None:
    with pytest.raises(HeaderTooLong):
        cut(Whole(4, Alphabet.BINARY, (Element(0x12, bytes(130)),), bytes(300)), 1)


# ---------------------------------------------------------------------- anything


NUMBERS = st.none() | st.integers(-1, 70_000)


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), BYTES), min_size=1, max_size=5))
def test_nothing_but_what_is_documented_comes_of_any_octets(
    given_: Sequence[tuple[int, int, bytes]],
) -> None:
    parts = []
    for at, (esm_class, data_coding, octets) in enumerate(given_, 1):
        found = read(esm_class, data_coding, octets, sar(9, len(given_), at))
        assert found is not None
        parts.append(found)
        message = whole(esm_class, data_coding, octets)
        assert cut(message, at)
    with suppress(Unjoinable, HeaderTooLong):
        cut(join(parts), 1)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_any_numbers_of_sar(reference: int | None, total: int | None, sequence: int | None) -> None:
    found = sar(reference, total, sequence)
    if found is not None:
        assert 0 < found.sequence <= found.total <= 255


def test_neither_text_nor_octets_show() -> None:
    shown = repr(part(b"secret", 1, 2)) + repr(join([part(b"secret", 1, 1)]))
    assert "secret" not in shown
