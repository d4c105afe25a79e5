"""Texts in parts: the collected vectors, exact sizes, and what may never be torn or lost."""

# ruff: noqa: RUF001
from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smppgw.sms import alphabet as alphabets
from smppgw.sms import gsm7, udh
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.cut import MEASURES, SEPTETS, SINGLE_OCTETS, UTF16, continues
from smppgw.sms.message_class import ClassStyle, MessageClass
from smppgw.sms.national import LOCKING, SINGLE
from smppgw.sms.packing import unpack
from smppgw.sms.segment import (
    HeaderTooLong,
    Part,
    Segmentation,
    Style,
    TooManyParts,
    UnencodableCharacter,
    segment,
    segment_octets,
)
from smppgw.sms.udh import Concatenation, Element

FILE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "segmentation.json").read_text()
)
VECTORS: list[dict[str, Any]] = [one for one in FILE["vectors"] if one["kind"] != "forced"]
GSM = (Alphabet.GSM7,)
UCS2 = (Alphabet.UCS2,)
PORTS = Element(udh.PORTS_16, bytes.fromhex("0b8423f0"))
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
FRANCE = "\U0001f1eb\U0001f1f7"
THUMB = "\U0001f44d\U0001f3fd"

# Texts in which parts end at every kind of place.
PIECES = st.sampled_from(
    [
        "a", "é", "€", "[", "@", "\n", "\r", "\r\n", "ç", "ж", "\u05d0", "中", "\U0001f600",
        FAMILY, FRANCE, "\U0001f1eb", THUMB, "e\u0301", "\u0301", "\u0915\u094d\u0937", "\u200d",
        "a" * 70, "a" * 149, "ж" * 60,
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PIECES, max_size=60).map("".join),
    st.text(max_size=200),
    st.lists(st.sampled_from("ab€[]"), max_size=500).map("".join),
)
STYLES = st.sampled_from(Style)
ELEMENTS = st.sampled_from([(), (PORTS,), (PORTS, Element(0x06, b"\x01"))])
LISTS = st.sampled_from(
    [
        (Alphabet.GSM7, Alphabet.UCS2),
        (Alphabet.GSM7_PACKED, Alphabet.UCS2_LE),
        (Alphabet.ASCII, Alphabet.LATIN1, Alphabet.UTF8),
        (Alphabet.GSM7, Alphabet.LATIN1, Alphabet.CYRILLIC, Alphabet.HEBREW, Alphabet.UCS2),
        (Alphabet.GSM7_VODAFONE_DE, Alphabet.LATIN1_EURO, Alphabet.UCS2),
    ]
)


def sizes(found: Segmentation) -> list[int]:
    return [part.units for part in found.parts]


def texts(found: Segmentation) -> list[str]:
    return [part.text for part in found.parts]


def octets_of(part: Part) -> bytes:
    """All that goes out as text, header first."""
    return part.short_message if part.message_payload is None else part.message_payload


def header_of(part: Part) -> udh.Udh:
    return udh.parse(octets_of(part)) if part.esm_class else udh.Udh((), 0)


def said(part: Part, alphabet: Alphabet) -> str:
    """What a phone makes of the octets of a part."""
    header = header_of(part)
    octets = octets_of(part)[header.octets :]
    tables = {"locking": header.locking, "single": header.single}
    if alphabet is Alphabet.GSM7_PACKED:
        septets = unpack(octets, -8 * header.octets % 7, part.units)
        return gsm7.decode(septets, **tables)
    return alphabets.decode(octets, alphabet, **tables).text


def on_air(part: Part, found: Segmentation, style: Style) -> int:
    """Octets of a part as 23.040 counts them, with the header that an SMSC adds for sar_*."""
    bits = 7 if MEASURES[found.alphabet] is SEPTETS else 8
    units = part.units * (2 if found.alphabet in {Alphabet.UCS2, Alphabet.UCS2_LE} else 1)
    added = 6 if part.sar is not None else 0
    # Seven-bit text begins at a septet boundary behind the header.
    header = header_of(part).octets + added
    return (-(-8 * header // bits) * bits + units * bits + 7) // 8


def widths(found: Segmentation) -> Iterator[int]:
    """Octets that each character takes, one a septet."""
    for part in found.parts:
        header = header_of(part)
        for character in part.text:
            tables = {"locking": header.locking, "single": header.single}
            if MEASURES[found.alphabet] is SEPTETS and found.alphabet not in {
                Alphabet.GSM7_VODAFONE_DE,
            }:
                yield gsm7.septets(character, **tables)
            else:
                yield len(alphabets.encode(character, found.alphabet))


def fewest(found: Segmentation, room: int) -> int:
    """How many parts of so many octets a splitter needs that looks at every character."""
    parts, used = 1, 0
    for width in widths(found):
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts


# The vectors.


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["description"][:50])
def test_collected_text(vector: dict[str, Any]) -> None:
    text, expected = vector["text"], vector["expected"]
    found = segment(text, alphabets=UCS2) if vector.get("force") == "ucs2" else segment(text)
    assert found.alphabet == expected["encoding"]
    assert found.units == expected["units"]
    assert len(found.parts) == expected["parts"]
    assert sizes(found) == expected["part_units"]
    assert [len(part.text) for part in found.parts] == expected["part_lengths_code_points"]
    assert "".join(texts(found)) == found.text == text
    assert vector["source_expects"].get("part_texts", texts(found)) == texts(found)


def test_the_one_forced_vector_has_no_text_in_gsm7() -> None:
    (vector,) = [one for one in FILE["vectors"] if one["kind"] == "forced"]
    with pytest.raises(UnencodableCharacter):
        segment(vector["text"], alphabets=GSM)


@pytest.mark.parametrize("size", FILE["sizes"], ids=lambda size: size["udh"][:40])
def test_sizes_of_a_part(size: dict[str, Any]) -> None:
    assert SINGLE_OCTETS.room(size["udh"] != "none" and 140 - size["octets"]) == size["octets"]
    header = 140 - size["octets"]
    assert SEPTETS.room(header) == size["septets"]
    assert UTF16.room(header) == 2 * size["ucs2"]


# Sizes.


@pytest.mark.parametrize(
    ("character", "style", "elements", "single", "each"),
    [
        ("a", Style.UDH8, (), 160, 153),
        ("a", Style.UDH16, (), 160, 152),
        ("a", Style.SAR, (), 160, 153),
        ("a", Style.UDH8, (PORTS,), 152, 146),
        ("a", Style.SAR, (PORTS,), 152, 146),
        ("a", Style.UDH16, (PORTS,), 152, 145),
        ("ж", Style.UDH8, (), 70, 67),
        ("ж", Style.UDH16, (), 70, 66),
        ("ж", Style.SAR, (), 70, 67),
        ("ж", Style.UDH8, (PORTS,), 66, 64),
    ],
)
def test_how_much_fits(
    character: str, style: Style, elements: tuple[Element, ...], single: int, each: int
) -> None:
    def parts(count: int) -> list[int]:
        return sizes(segment(character * count, style=style, elements=elements))

    assert parts(single) == [single]
    assert parts(single + 1) == [each, single + 1 - each]
    assert parts(2 * each) == [each, each]
    assert parts(2 * each + 1) == [each, each, 1]
    assert parts(255 * each) == [each] * 255
    with pytest.raises(TooManyParts) as caught:
        parts(255 * each + 1)
    assert (caught.value.needed, caught.value.allowed) == (256, 255)


@pytest.mark.parametrize(
    ("character", "maxima"), [("a", (149, 295, 448, 601)), ("ж", (59, 123, 190, 257))]
)
def test_a_clause_is_cut_with_the_text(character: str, maxima: tuple[int, ...]) -> None:
    clause = "\nSTOP 36180"
    for parts, most in enumerate(maxima, 1):
        found = segment(character * most + clause)
        assert len(found.parts) == parts
        assert found.text == character * most + clause
        assert found.characters == most + 11
        assert found.parts[-1].text.endswith("STOP 36180")
        assert len(segment(character * (most + 1) + clause).parts) == parts + 1


@pytest.mark.parametrize(
    ("text", "style", "alphabet", "units", "parts"),
    [
        ("a" * 160, Style.UDH8, Alphabet.GSM7, 160, 1),
        ("a" * 161, Style.UDH8, Alphabet.GSM7, 161, 2),
        ("€" * 80, Style.UDH8, Alphabet.GSM7, 160, 1),
        ("€" * 81, Style.UDH8, Alphabet.GSM7, 162, 2),
        ("a" * 152 + "€" + "b" * 152, Style.UDH8, Alphabet.GSM7, 306, 3),
        ("ж" * 66 + "\U0001f600" + "ж" * 66, Style.UDH8, Alphabet.UCS2, 134, 3),
        ("a" * 305, Style.UDH8, Alphabet.GSM7, 305, 2),
        ("a" * 305, Style.UDH16, Alphabet.GSM7, 305, 3),
        ("ж" * 134, Style.UDH8, Alphabet.UCS2, 134, 2),
        ("ж" * 134, Style.UDH16, Alphabet.UCS2, 134, 3),
        ("a@b", Style.UDH8, Alphabet.GSM7, 3, 1),
    ],
)
def test_what_a_counter_must_say(
    text: str, style: Style, alphabet: Alphabet, units: int, parts: int
) -> None:
    found = segment(text, style=style)
    assert (found.alphabet, found.units, found.messages) == (alphabet, units, parts)


def test_texts_do_not_show_in_logs() -> None:
    for style in Style:
        assert "secret" not in repr(segment("secret " * 40, style=style))
        assert "secret" not in repr(segment("secret", style=style).parts)


def test_no_text_is_one_empty_part() -> None:
    found = segment("")
    assert found.parts == (Part("", 0, 0, 0, b""),)
    assert (found.characters, found.units, found.messages) == (0, 0, 1)


# Fields.


def test_one_part_has_no_header() -> None:
    (part,) = segment("Ça va @ 5€").parts
    assert (part.data_coding, part.esm_class) == (0, 0)
    assert part.short_message == bytes.fromhex("096120766120002035 1b65".replace(" ", ""))
    (part,) = segment("ж\U0001f600").parts
    assert (part.data_coding, part.esm_class) == (8, 0)
    assert part.short_message == bytes.fromhex("0436d83dde00")


def test_parts_with_an_8_bit_reference() -> None:
    found = segment("a" * 307, reference=0x1AB)
    heads = [part.short_message[:6].hex() for part in found.parts]
    assert heads == ["050003ab0301", "050003ab0302", "050003ab0303"]
    assert {part.esm_class for part in found.parts} == {0x40}
    assert [len(part.short_message) for part in found.parts] == [159, 159, 7]


def test_parts_with_a_16_bit_reference() -> None:
    found = segment("ж" * 133, style=Style.UDH16, reference=0x10ABC)
    assert [part.short_message[:7].hex() for part in found.parts] == [
        "0608040abc0301",
        "0608040abc0302",
        "0608040abc0303",
    ]
    assert [len(part.short_message) for part in found.parts] == [139, 139, 9]


def test_parts_with_sar() -> None:
    found = segment("a" * 200, style=Style.SAR, reference=0x1ABCD)
    assert [part.sar for part in found.parts] == [
        Concatenation(0xABCD, 2, 1, True),
        Concatenation(0xABCD, 2, 2, True),
    ]
    assert {part.esm_class for part in found.parts} == {0}
    assert [part.short_message for part in found.parts] == [b"a" * 153, b"a" * 47]
    assert segment("a", style=Style.SAR).parts[0].sar is None


def test_a_header_takes_concatenation_along_instead_of_sar() -> None:
    found = segment("a" * 200, style=Style.SAR, reference=0x102, elements=(PORTS,))
    assert [part.sar for part in found.parts] == [None, None]
    assert found.parts[1].short_message[:12].hex() == "0b000302020205040b8423f0"


def test_a_payload_is_cut_by_the_smsc() -> None:
    found = segment("ж" * 135, style=Style.PAYLOAD)
    (part,) = found.parts
    assert (found.messages, found.units, part.units) == (3, 135, 135)
    assert part.short_message == b""
    assert part.message_payload == ("ж" * 135).encode("utf-16-be")
    assert part.esm_class == 0
    (short,) = segment("ж" * 70, style=Style.PAYLOAD).parts
    assert short.message_payload is None
    with pytest.raises(TooManyParts):
        segment("ж" * 135, style=Style.PAYLOAD, maximum_parts=2)
    (part,) = segment("ж" * 135, style=Style.PAYLOAD, elements=(PORTS,)).parts
    assert part.message_payload is not None
    assert part.message_payload[:7].hex() == "0605040b8423f0"
    assert part.esm_class == 0x40


@pytest.mark.parametrize(
    ("text", "style", "fields"),
    [
        ("Alerte", ClassStyle.F0, [(0xF0, None), (0xF1, None), (0xF2, None), (0xF3, None)]),
        ("Alerte", ClassStyle.X1, [(0x10, None), (0x11, None), (0x12, None), (0x13, None)]),
        ("Alerte", ClassStyle.SUBUNIT, [(0, 1), (0, 2), (0, 3), (0, 4)]),
        ("Опасность", ClassStyle.F0, [(0x18, None), (0x19, None), (0x1A, None), (0x1B, None)]),
        ("Опасность", ClassStyle.X1, [(0x18, None), (0x19, None), (0x1A, None), (0x1B, None)]),
        ("Опасность", ClassStyle.SUBUNIT, [(8, 1), (8, 2), (8, 3), (8, 4)]),
    ],
)
def test_classes(text: str, style: ClassStyle, fields: list[tuple[int, int | None]]) -> None:
    for one, expected in zip(MessageClass, fields, strict=True):
        for count in (1, 30):
            found = segment(text * count, message_class=one, class_style=style)
            assert {(part.data_coding, part.dest_addr_subunit) for part in found.parts} == {
                expected
            }
            assert {part.esm_class for part in found.parts} == {0x40 if count > 1 else 0}


def test_a_carrier_with_its_own_data_codings() -> None:
    own = {0: Alphabet.LATIN1, 0xF1: Alphabet.GSM7, 0x11: Alphabet.GSM7, 1: Alphabet.ASCII}
    assert segment("a", data_codings=own).parts[0].data_coding == 0x11
    assert segment("ж", data_codings=own).parts[0].data_coding == 8
    latin1 = segment("a", alphabets=(Alphabet.LATIN1,), data_codings=own)
    assert latin1.parts[0].data_coding == 3
    (part,) = segment("a", data_codings=own, message_class=MessageClass.FLASH).parts
    assert (part.data_coding, part.dest_addr_subunit) == (0xF0, None)
    (part,) = segment(
        "a", data_codings=own, message_class=MessageClass.SIM, class_style=ClassStyle.SUBUNIT
    ).parts
    assert (part.data_coding, part.dest_addr_subunit) == (0x11, 3)
    utf8 = segment("a", alphabets=(Alphabet.UTF8,), data_codings={9: Alphabet.UTF8})
    assert utf8.parts[0].data_coding == 9
    utf8 = segment("a", alphabets=(Alphabet.UTF8,), data_codings={9: Alphabet.BINARY})
    assert utf8.parts[0].data_coding == 0
    with pytest.raises(ValueError, match="0x00 is not gsm7 there, nor is any other"):
        segment("a", data_codings={0: Alphabet.LATIN1})


# Alphabets.


@pytest.mark.parametrize(
    ("text", "allowed", "expected"),
    [
        ("abc", (Alphabet.GSM7, Alphabet.UCS2), Alphabet.GSM7),
        ("abc", (Alphabet.UCS2, Alphabet.GSM7), Alphabet.UCS2),
        ("reçu", (Alphabet.GSM7, Alphabet.LATIN1, Alphabet.UCS2), Alphabet.LATIN1),
        ("reçu 5€", (Alphabet.GSM7, Alphabet.LATIN1, Alphabet.UCS2), Alphabet.UCS2),
        ("жук", (Alphabet.GSM7, Alphabet.CYRILLIC, Alphabet.UCS2), Alphabet.CYRILLIC),
        ("`", (Alphabet.GSM7, Alphabet.UCS2), Alphabet.UCS2),
        ("\f", (Alphabet.GSM7, Alphabet.UCS2), Alphabet.GSM7),
    ],
)
def test_the_first_alphabet_that_holds_the_text(
    text: str, allowed: tuple[Alphabet, ...], expected: Alphabet
) -> None:
    assert segment(text, alphabets=allowed).alphabet is expected


def test_latin1_has_octets() -> None:
    found = segment("ê" * 141, alphabets=(Alphabet.GSM7, Alphabet.LATIN1))
    assert sizes(found) == [134, 7]
    assert found.parts[1].short_message == b"\x05\0\3\0\2\2" + b"\xea" * 7
    assert found.parts[1].data_coding == 3
    assert sizes(segment("ê" * 140, alphabets=(Alphabet.LATIN1,))) == [140]


def test_what_no_allowed_alphabet_holds() -> None:
    with pytest.raises(UnencodableCharacter) as caught:
        segment("aç’", alphabets=(Alphabet.GSM7, Alphabet.LATIN1))
    assert (caught.value.position, caught.value.character) == (2, "’")
    with pytest.raises(ValueError, match="no alphabet is allowed"):
        segment("a", alphabets=())
    for alphabet in set(Alphabet) - set(MEASURES):
        with pytest.raises(ValueError, match=f"texts are not cut in {alphabet}"):
            segment("", alphabets=(alphabet,))


def test_packed_septets() -> None:
    (part,) = segment("a" * 160, alphabets=(Alphabet.GSM7_PACKED,)).parts
    assert (part.units, len(part.short_message), part.data_coding) == (160, 140, 0)
    first, second = segment("hello" * 33, alphabets=(Alphabet.GSM7_PACKED,)).parts
    assert len(first.short_message) == 140
    # One fill bit behind six octets of header.
    assert second.short_message[6:] == gsm7.encode(second.text, True, fill_bits=1)


@pytest.mark.parametrize("count", range(1, 161))
def test_packed_septets_end_where_they_end(count: int) -> None:
    (part,) = segment("a" * count, alphabets=(Alphabet.GSM7_PACKED,)).parts
    assert len(part.short_message) == -(-7 * count // 8)
    assert alphabets.decode(part.short_message, Alphabet.GSM7_PACKED).text == "a" * count
    # What ends in CR needs the number of septets to be read as it was.
    (part,) = segment("a" * (count - 1) + "\r", alphabets=(Alphabet.GSM7_PACKED,)).parts
    assert len(part.short_message) <= 140
    assert said(part, Alphabet.GSM7_PACKED) == part.text


def test_surrogates() -> None:
    assert segment("a\ud800b").text == "a\ufffdb"
    assert segment("\udc00").parts[0].short_message == b"\xff\xfd"
    assert segment("\ud83d\ude00").text == "\U0001f600"
    assert segment("\ud83d\ude00").characters == 1
    for allowed in ((Alphabet.UTF8,), (Alphabet.UCS2_LE,)):
        assert segment("x\udfff", alphabets=allowed).text == "x\ufffd"
    with pytest.raises(UnencodableCharacter):
        segment("\ud800", alphabets=GSM)


# National tables.


def test_no_table_unless_it_is_allowed() -> None:
    assert segment("garçon").alphabet is Alphabet.UCS2
    assert segment("garçon", languages=(1,)).alphabet is Alphabet.GSM7


@pytest.mark.parametrize(
    ("text", "languages", "header", "units"),
    [
        ("garçon", (2,), "03240102", 7),
        ("garçon", (3,), "03250103", 6),
        ("garçon", (1, 2, 3), "03250101", 6),
        ("ênç {}", (3,), "03250103", 8),
        ("ê\u03a3ù", (3,), "03240103", 4),
        ("Türkçe ığİş", (1,), "03250101", 11),
        ("ı²", (1, 2, 3), None, 2),
    ],
)
def test_the_best_tables(
    text: str, languages: tuple[int, ...], header: str | None, units: int
) -> None:
    found = segment(text, languages=languages)
    (part,) = found.parts
    assert found.units == units
    if header is None:
        assert found.alphabet is Alphabet.UCS2
    else:
        assert part.short_message[:4].hex() == header
        assert said(part, Alphabet.GSM7) == text
        assert part.esm_class == 0x40


def test_two_tables_where_one_is_not_enough() -> None:
    locking_only, single_only = "\u0915", "\u0966"
    assert locking_only in LOCKING[6]
    assert single_only in SINGLE[6].values()
    found = segment((locking_only * 50 + single_only) * 3, languages=(6,))
    assert found.alphabet is Alphabet.GSM7
    assert sizes(found) == [146, 10]
    for part in found.parts:
        header = header_of(part)
        assert (header.octets, header.locking, header.single) == (12, 6, 6)


@pytest.mark.parametrize(
    ("text", "languages", "style", "single", "each"),
    [
        ("ç", (3,), Style.UDH8, 155, 149),
        ("ç", (3,), Style.UDH16, 155, 148),
        ("ç", (3,), Style.SAR, 155, 149),
        ("ç", (2,), Style.UDH8, 77, 74),
    ],
)
def test_tables_take_room(
    text: str, languages: tuple[int, ...], style: Style, single: int, each: int
) -> None:
    def lengths(count: int) -> list[int]:
        found = segment(text * count, languages=languages, style=style)
        assert found.alphabet is Alphabet.GSM7
        assert {header_of(part).concatenation is None for part in found.parts} == {count <= single}
        return [len(part.text) for part in found.parts]

    assert lengths(single) == [single]
    assert lengths(single + 1) == [each, single + 1 - each]


def test_fewer_parts_go_before_fewer_septets() -> None:
    # 140 ç: 140 septets with a locking table in any language that has it there.
    found = segment("ç" * 140, languages=(2, 3))
    assert (len(found.parts), found.units) == (1, 140)


# Escape pairs, surrogate pairs, clusters.


def test_no_escape_pair_is_torn() -> None:
    for before in range(148, 158):
        found = segment("a" * before + "€" * 80)
        for part in found.parts:
            body = part.short_message[6:]
            assert not body.endswith(b"\x1b")
            assert gsm7.decode(body) == part.text


def test_no_surrogate_pair_is_torn() -> None:
    for before in range(60, 70):
        found = segment("ж" * before + "\U0001f600" * 40)
        for part in found.parts:
            part.short_message[6:].decode("utf-16-be")


@pytest.mark.parametrize(
    "cluster",
    [
        FAMILY,
        FRANCE,
        THUMB,
        "e\u0301\u0323",
        "\u2764\ufe0f",
        "1\ufe0f\u20e3",
        "\u0915\u094d\u0937",
        "\u0e01\u0e34",
        "\u1112\u1161\u11ab",
        "\U0001f3f4\U000e0067\U000e0062\U000e007f",
        "\U0001f469\u200d\u2695\ufe0f",
        "\r\n",
    ],
)
def test_clusters_stay_whole_when_it_costs_nothing(cluster: str) -> None:
    units = len(cluster.encode("utf-16-be")) // 2
    for before in range(67 - units, 68):
        text = "ж" * before + cluster + "ж" * 20
        found = segment(text)
        assert "".join(texts(found)) == text
        if len(found.parts) > 1:
            assert any(cluster in part.text for part in found.parts), before


def test_a_cluster_is_torn_rather_than_a_part_spent() -> None:
    units = len(FAMILY.encode("utf-16-be")) // 2
    text = "ж" * 62 + FAMILY + "ж" * (134 - 62 - units)
    found = segment(text)
    assert sizes(found) == [67, 67]
    assert "".join(texts(found)) == text
    # With one unit less in the text there is still not enough room to spare.
    assert sizes(segment(text[:-1])) == [67, 66]
    assert sizes(segment(text[:-5])) == [62, 67]


def test_only_the_cut_that_costs_is_left() -> None:
    # Both cuts fall into a family; only the later one can be moved for nothing.
    text = "ж" * 66 + FAMILY + "ж" * 56 + FAMILY + "ж"
    found = segment(text)
    assert len(found.parts) == 3
    assert "".join(texts(found)) == text


def test_flags_are_counted_in_pairs() -> None:
    text = "ж" * 65 + FRANCE * 5
    found = segment(text)
    assert texts(found) == ["ж" * 65, FRANCE * 5]
    assert texts(segment("ж" * 63 + FRANCE * 5)) == ["ж" * 63 + FRANCE, FRANCE * 4]


def test_a_cluster_longer_than_a_part_is_cut() -> None:
    text = "e" + "\u0301" * 200
    found = segment(text)
    assert sizes(found) == [67, 67, 67]
    assert "".join(texts(found)) == text


def test_line_ends_stay_whole_in_gsm7() -> None:
    found = segment("a" * 152 + "\r\n" + "b" * 20)
    assert texts(found) == ["a" * 152, "\r\n" + "b" * 20]


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("ab", False),
        ("\r\n", True),
        ("\n\r", False),
        ("\n\n", False),
        ("e\u0301", True),
        ("\u0301e", False),
        ("\U0001f469\u200d", True),
        ("\u200d\U0001f469", True),
        ("\U0001f469\U0001f469", False),
        (FRANCE, True),
        (FRANCE[1:] + "x", False),
        ("x" + FRANCE[0], False),
        (THUMB, True),
        ("\u094d\u0937", True),
        ("\u0915\u0937", False),
        ("中文", False),
    ],
)
def test_what_belongs_together(text: str, joined: bool) -> None:
    assert continues(text, 1) is joined


# Limits.


def test_too_many_parts_are_refused_whole() -> None:
    assert len(segment("a" * 459, maximum_parts=3).parts) == 3
    with pytest.raises(TooManyParts) as caught:
        segment("a" * 460, maximum_parts=3)
    assert (caught.value.needed, caught.value.allowed) == (4, 3)
    assert str(caught.value) == "4 parts are needed, 3 allowed"
    with pytest.raises(TooManyParts) as caught:
        segment("ж" * 100_000, maximum_parts=9999)
    assert caught.value.allowed == 255


def test_headers_that_leave_no_room() -> None:
    for octets in (129, 131, 200):
        with pytest.raises(HeaderTooLong):
            segment("a" * 500, elements=(Element(0x70, bytes(octets)),))
    assert sizes(segment("a" * 10, elements=(Element(0x70, bytes(128)),))) == [10]
    assert sizes(segment("a" * 11, elements=(Element(0x70, bytes(128)),))) == [4, 4, 3]


@pytest.mark.parametrize("id", [0x00, 0x08, 0x24, 0x25])
def test_elements_that_are_made_here(id: int) -> None:
    with pytest.raises(ValueError, match="is added where it is needed"):
        segment("a", elements=(Element(id, b"\x01"),))
    with pytest.raises(ValueError, match="is added where it is needed"):
        segment_octets(b"a", elements=(Element(id, b"\x01"),))


def test_elements_that_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="repeated"):
        segment("a", elements=(PORTS, PORTS))


# 8-bit data.


def test_octets_in_parts() -> None:
    octets = bytes(range(256)) * 2
    found = segment_octets(octets, reference=7, elements=(PORTS,))
    assert sizes(found) == [128, 128, 128, 128]
    assert found.alphabet is Alphabet.BINARY
    assert {len(part.short_message) for part in found.parts} == {140}
    assert {(part.data_coding, part.esm_class, part.text) for part in found.parts} == {
        (0x04, 0x40, "")
    }
    for sequence, part in enumerate(found.parts, 1):
        header = header_of(part)
        assert header.concatenation == Concatenation(7, 4, sequence)
        assert header.ports == (2948, 9200)
    assert b"".join(part.short_message[12:] for part in found.parts) == octets
    assert found.culprits == ()


@pytest.mark.parametrize(
    ("style", "elements", "single", "each"),
    [
        (Style.UDH8, (), 140, 134),
        (Style.UDH16, (), 140, 133),
        (Style.SAR, (), 140, 134),
        (Style.UDH8, (PORTS,), 133, 128),
    ],
)
def test_how_many_octets_fit(
    style: Style, elements: tuple[Element, ...], single: int, each: int
) -> None:
    def parts(count: int) -> list[int]:
        return sizes(segment_octets(bytes(count), style=style, elements=elements))

    assert parts(0) == [0]
    assert parts(single) == [single]
    assert parts(single + 1) == [each, single + 1 - each]
    with pytest.raises(TooManyParts):
        parts(255 * each + 1)


def test_octets_with_a_class() -> None:
    (part,) = segment_octets(b"\x02", message_class=MessageClass.SIM).parts
    assert part.data_coding == 0xF6
    (part,) = segment_octets(bytes(141), style=Style.PAYLOAD).parts
    assert part.message_payload == bytes(141)


@given(octets=st.binary(max_size=600), style=STYLES, elements=ELEMENTS)
def test_octets_come_out_as_they_went_in(
    octets: bytes, style: Style, elements: tuple[Element, ...]
) -> None:
    found = segment_octets(octets, style=style, elements=elements, reference=300)
    bodies = [octets_of(part)[header_of(part).octets :] for part in found.parts]
    assert b"".join(bodies) == octets
    if style is not Style.PAYLOAD:
        for part in found.parts:
            assert len(part.short_message) + 6 * (part.sar is not None) <= 140


# Properties.


@settings(max_examples=400)
@given(
    text=TEXTS,
    allowed=LISTS,
    languages=st.sampled_from([(), (3,), (1, 6)]),
    style=STYLES,
    elements=ELEMENTS,
    reference=st.integers(0, 70_000),
)
@example("a" * 306, (Alphabet.GSM7,), (), Style.UDH8, (), 0)
@example("ç" * 400, (Alphabet.GSM7_PACKED,), (3,), Style.UDH16, (PORTS,), 9)
def test_what_goes_in_comes_out(
    text: str,
    allowed: tuple[Alphabet, ...],
    languages: tuple[int, ...],
    style: Style,
    elements: tuple[Element, ...],
    reference: int,
) -> None:
    found = segment(
        text,
        alphabets=allowed,
        languages=languages,
        style=style,
        elements=elements,
        reference=reference,
    )
    alphabet = found.alphabet
    assert "".join(texts(found)) == found.text == text
    assert "".join(said(part, alphabet) for part in found.parts) == text
    assert sum(sizes(found)) == found.units
    assert found.characters == len(text)
    for part in found.parts:
        header = header_of(part)
        assert [one for one in header.elements if one in elements] == list(elements)
        if style is not Style.PAYLOAD:
            assert on_air(part, found, style) <= 140
            assert len(part.short_message) <= 254
    if style is not Style.PAYLOAD:
        assert len(found.parts) == found.messages
        check_concatenation(found, style, reference)
        if found.messages > 1:
            header = header_of(found.parts[0]).octets or 6
            assert found.messages == fewest(found, MEASURES[alphabet].room(header))


def check_concatenation(found: Segmentation, style: Style, reference: int) -> None:
    total = len(found.parts)
    for sequence, part in enumerate(found.parts, 1):
        told = part.sar or header_of(part).concatenation
        if total == 1:
            assert told is None
        else:
            assert told is not None
            assert told.wide is (style is Style.UDH16 or part.sar is not None)
            modulus = 0x10000 if told.wide else 0x100
            assert (told.reference, told.total, told.sequence) == (
                reference % modulus,
                total,
                sequence,
            )


@given(text=TEXTS, style=st.sampled_from([Style.UDH8, Style.UDH16, Style.SAR]))
def test_a_cluster_is_torn_only_where_keeping_it_costs(text: str, style: Style) -> None:
    """Where a cut tears a cluster that fits a part, the rest would need one part more."""
    found = segment(text, alphabets=UCS2, style=style)
    room = 66 if style is Style.UDH16 else 67
    places = list(itertools.accumulate(len(part.text) for part in found.parts))
    for place, (first, cut) in enumerate(itertools.pairwise([0, *places[:-1]]), 1):
        if not continues(text, cut):
            continue
        begin = cut
        while begin > first and continues(text, begin):
            begin -= 1
        if begin > first:
            rest = segment(text[begin:] + " " * 71, alphabets=UCS2, style=style)
            spare = Segmentation(text[begin:], Alphabet.UCS2, 0, 0, 0, rest.parts)
            units = len(text[begin:].encode("utf-16-be")) // 2
            assert (
                units > room * (len(found.parts) - place)
                or _needs(spare.text, room) > len(found.parts) - place
            )


def _needs(text: str, room: int) -> int:
    parts, used = 1, 0
    for character in text:
        width = 1 + (character > "\uffff")
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts


@given(
    text=st.text(alphabet=st.characters(exclude_categories=()), max_size=300),
    allowed=st.lists(st.sampled_from(Alphabet), max_size=4).map(tuple),
    languages=st.lists(st.integers(1, 13), max_size=3).map(tuple),
    style=STYLES,
    maximum_parts=st.integers(0, 300),
    message_class=st.none() | st.sampled_from(MessageClass),
    class_style=st.sampled_from(ClassStyle),
    data_codings=st.none()
    | st.dictionaries(st.integers(0, 255), st.sampled_from(Alphabet), max_size=3),
    elements=st.lists(
        st.builds(Element, st.integers(0, 255), st.binary(max_size=80)), max_size=3
    ).map(tuple),
)
def test_nothing_but_documented_errors(text: str, **terms: Any) -> None:
    terms["alphabets"] = terms.pop("allowed")
    try:
        found = segment(text, **terms)
    except ValueError:  # the others are kinds of it
        return
    assert all(isinstance(part.short_message, bytes) for part in found.parts)
    found.culprits  # noqa: B018
