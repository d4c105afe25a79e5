"""User data headers: collected ones, broken ones, and our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import example, given
from hypothesis import strategies as st

from smppgw.sms.udh import (
    CONCATENATION_8,
    CONCATENATION_16,
    LOCKING_SHIFT,
    OCTETS,
    PORTS_8,
    PORTS_16,
    SIM_TOOLKIT,
    SINGLE_SHIFT,
    Concatenation,
    Element,
    MalformedUdh,
    Udh,
    build,
    concatenation,
    parse,
    remove,
)

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: list[dict[str, Any]] = json.loads((FOLDER / "udh.json").read_text())["vectors"]
PDUS: list[dict[str, Any]] = [
    pdu
    for pdu in json.loads((FOLDER / "pdus.json").read_text())["pdus"]
    if pdu["category"] == "valid" and "udh" in pdu.get("decoded", {})
]

BYTES = st.integers(0, 255)
ELEMENTS = st.builds(
    Element,
    st.sampled_from((0x00, 0x01, 0x04, 0x05, 0x08, 0x0A, 0x24, 0x25, 0x70, 0x71, 0x7F)) | BYTES,
    st.binary(max_size=5),
)
PARTS = st.integers(1, 255).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total)))
FIRST = concatenation(36, 3, 1)
PORTS = Element(PORTS_16, bytes.fromhex("23f40000"))


def raw(*elements: Element) -> bytes:
    """A header of any elements, whether they may stand together or not."""
    octets = b"".join(bytes((one.id, len(one.data))) + one.data for one in elements)
    return bytes((len(octets),)) + octets


def element(id: int, data: str = "") -> Element:
    return Element(id, bytes.fromhex(data))


# Reading: the collected headers


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["hex"] or "empty")
def test_collected_header(vector: dict[str, Any]) -> None:
    octets, expected = bytes.fromhex(vector["hex"]), vector["decoded"]
    if not octets:
        with pytest.raises(MalformedUdh, match="no UDHL"):
            parse(octets)
        return
    found = parse(octets)
    assert [(f"0x{one.id:02x}", one.data.hex()) for one in found.elements] == [
        (ie["iei"], ie["data"]) for ie in expected["ies"]
    ]
    assert found.octets == expected["udhl"] + 1
    assert octets[found.octets :].hex() == expected["payload"]
    source = vector["source_expects"]
    if "concat" in source:
        assert triple(found) == source["concat"]
    if "ports" in source:
        assert found.ports == tuple(source["ports"])
    assert bool(found.anomalies) is bool(vector["anomalies"])


def triple(udh: Udh) -> list[int] | None:
    found = udh.concatenation
    return None if found is None else [found.reference, found.total, found.sequence]


@pytest.mark.parametrize("pdu", PDUS, ids=lambda pdu: pdu["id"])
def test_header_of_a_collected_pdu(pdu: dict[str, Any]) -> None:
    expected = pdu["decoded"]["udh"]
    octets = raw(*(element(int(ie["iei"], 16), ie["data"]) for ie in expected["ies"]))
    found = parse(octets + bytes.fromhex(expected["payload"]))
    assert found.octets == expected["udhl"] + 1
    assert len(found.elements) == len(expected["ies"])
    for ie in expected["ies"]:
        if "concat_ref" in ie:
            assert triple(found) == [ie["concat_ref"], ie["total"], ie["seq"]]
        if "dest_port" in ie:
            assert found.ports == (ie["dest_port"], ie["orig_port"])
        if "lang" in ie:
            assert ie["lang"] in {found.single, found.locking}


def test_pdus_with_headers_are_there() -> None:
    assert len(PDUS) > 10


# Reading: what elements say


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("0500037b0802", Concatenation(0x7B, 8, 2)),
        ("0608041234ff01", Concatenation(0x1234, 255, 1, wide=True)),
        ("06080400240302", Concatenation(0x24, 3, 2, wide=True)),
        ("050003000101", Concatenation(0, 1, 1)),
    ],
)
def test_concatenation(octets: str, expected: Concatenation) -> None:
    found = parse(bytes.fromhex(octets))
    assert found.concatenation == expected
    assert found.anomalies == ()


@pytest.mark.parametrize(
    ("octets", "ports"),
    [("040402f0f1", (0xF0, 0xF1)), ("06050423f40000", (9204, 0)), ("060504158b0b84", (5515, 2948))],
)
def test_ports(octets: str, ports: tuple[int, int]) -> None:
    assert parse(bytes.fromhex(octets)).ports == ports


def test_national_tables() -> None:
    found = parse(bytes.fromhex("06240101250103"))
    assert (found.single, found.locking) == (1, 3)
    plain = parse(b"\0")
    assert (plain.single, plain.locking) == (0, 0)


@pytest.mark.parametrize("id", SIM_TOOLKIT)
def test_sim_toolkit_headers(id: int) -> None:
    found = parse(raw(FIRST, Element(id, b"")))
    assert found.sim_toolkit == Element(id, b"")
    assert found.concatenation is not None
    assert found.anomalies == ()


def test_sim_toolkit_headers_are_only_these() -> None:
    assert parse(raw(element(0x6F), element(0x80, "00"))).sim_toolkit is None
    assert len(SIM_TOOLKIT) == 16


def test_a_header_of_no_elements() -> None:
    assert parse(b"\0text") == Udh((), 1)


def test_every_element_is_kept_in_order() -> None:
    elements = (element(0xC0, "aabb"), FIRST, element(0x03), element(0x0A, "010203"))
    found = parse(raw(*elements) + b"text")
    assert found.elements == elements
    assert found.anomalies == ()


@pytest.mark.parametrize("octets", [raw(FIRST) + b"rest", raw(FIRST)])
def test_the_usual_header_reads_like_any_other(octets: bytes) -> None:
    usual = parse(octets)
    assert usual == Udh((FIRST,), 6, Concatenation(36, 3, 1))
    longer = parse(raw(FIRST, element(0xC0)))
    assert longer.concatenation == usual.concatenation
    assert longer.elements[0] == usual.elements[0]


@given(st.permutations([FIRST, PORTS, element(0x24, "01"), element(0x25, "02"), element(0x70)]))
def test_the_order_of_elements_means_nothing(elements: list[Element]) -> None:
    found = parse(raw(*elements))
    assert found.elements == tuple(elements)
    assert found.concatenation == Concatenation(36, 3, 1)
    assert found.ports == (9204, 0)
    assert (found.single, found.locking) == (1, 2)
    assert found.sim_toolkit == element(0x70)
    assert found.anomalies == ()


def test_what_was_read_cannot_be_changed() -> None:
    found = parse(raw(FIRST))
    with pytest.raises(FrozenInstanceError):
        found.elements[0].id = 8  # type: ignore[misc]
    assert {found.concatenation} == {Concatenation(36, 3, 1)}


# Reading: elements that count for nothing


@pytest.mark.parametrize(
    ("ignored", "says"),
    [
        (element(0x00, "2403"), "it has 2 octets, not 3"),
        (element(0x00, "24030100"), "it has 4 octets, not 3"),
        (element(0x08, "0201"), "it has 2 octets, not 4"),
        (element(0x08, "240301"), "it has 3 octets, not 4"),
        (element(0x08), "it has 0 octets, not 4"),
        (element(0x00, "240001"), "it says part 1 of 0"),
        (element(0x00, "240300"), "it says part 0 of 3"),
        (element(0x00, "240304"), "it says part 4 of 3"),
        (element(0x00, "240000"), "it says part 0 of 0"),
        (element(0x08, "24240304"), "it says part 4 of 3"),
        (element(0x04, "01"), "it has 1 octets, not 2"),
        (element(0x05, "0102"), "it has 2 octets, not 4"),
        (element(0x24), "it has 0 octets, not 1"),
        (element(0x24, "00"), "there is no table 0"),
        (element(0x25, "0e"), "there is no table 14"),
        (element(0x25, "0101"), "it has 2 octets, not 1"),
    ],
)
def test_an_element_that_counts_for_nothing(ignored: Element, says: str) -> None:
    found = parse(raw(ignored))
    assert found.elements == (ignored,)
    (anomaly,) = found.anomalies
    assert anomaly.startswith(f"element 0x{ignored.id:02X} (")
    assert anomaly.endswith(f"is ignored: {says}")
    assert (found.concatenation, found.ports, found.single, found.locking) == (None, None, 0, 0)


@pytest.mark.parametrize("bad", ["2403", "240001", "240300", "240304"])
@pytest.mark.parametrize("first", [True, False])
def test_an_ignored_concatenation_leaves_a_good_one(bad: str, first: bool) -> None:
    row = (FIRST, element(0x00, bad)) if first else (element(0x00, bad), FIRST)
    found = parse(raw(*row))
    assert found.concatenation == Concatenation(36, 3, 1)
    assert len(found.anomalies) == 1


@pytest.mark.parametrize(
    ("earlier", "later", "says"),
    [
        (FIRST, concatenation(9, 2, 2), "(concatenation with 8-bit reference) is repeated"),
        (FIRST, concatenation(9, 2, 2, wide=True), "exclude each other"),
        (concatenation(9, 2, 2, wide=True), FIRST, "exclude each other"),
        (PORTS, element(0x04, "0102"), "exclude each other"),
        (element(0x04, "0102"), PORTS, "exclude each other"),
        (element(0x24, "01"), element(0x24, "02"), "is repeated"),
        (element(0x25, "01"), element(0x25, "02"), "is repeated"),
        (element(0x20, "01"), element(0x20, "02"), "element 0x20 is repeated"),
        (element(0x70), element(0x70, "01"), "element 0x70 (SIM toolkit header) is repeated"),
    ],
)
def test_the_last_of_a_kind_counts(earlier: Element, later: Element, says: str) -> None:
    found, alone = parse(raw(earlier, later)), parse(raw(later))
    assert found.elements == (earlier, later)
    assert found.concatenation == alone.concatenation
    assert found.ports == alone.ports
    assert (found.single, found.locking) == (alone.single, alone.locking)
    assert found.sim_toolkit == alone.sim_toolkit
    (anomaly,) = found.anomalies
    assert says in anomaly
    assert anomaly.endswith("the last counts")


@pytest.mark.parametrize("id", [0x01, 0x07, 0x0A, 0x0B, 0x10, 0x21, 0x80, 0xC0])
def test_elements_that_may_be_repeated(id: int) -> None:
    elements = (element(id, "0102"), element(id, "0304"))
    found = parse(raw(*elements))
    assert found.anomalies == ()
    assert build(found.elements) == raw(*elements)


# Reading: broken headers


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        ("", "there is no UDHL"),
        ("05", "UDHL is 5, and 0 octets follow"),
        ("0500032403", "UDHL is 5, and 4 octets follow"),
        ("48656c6c6f", "UDHL is 72, and 4 octets follow"),
    ],
)
def test_octets_that_begin_with_no_header(octets: str, says: str) -> None:
    with pytest.raises(MalformedUdh, match=says):
        parse(bytes.fromhex(octets))


def test_an_element_without_a_length_is_lost() -> None:
    found = parse(bytes.fromhex("0600032403010a") + b"text")
    assert found.elements == (FIRST,)
    assert found.octets == 7
    assert found.anomalies == ("element 0x0A is lost: the header ends before its length",)


def test_an_element_beyond_the_header_is_lost() -> None:
    found = parse(bytes.fromhex("08000324030108040102") + b"text")
    assert found.elements == (FIRST,)
    assert found.concatenation == Concatenation(36, 3, 1)
    (anomaly,) = found.anomalies
    assert anomaly.endswith("is lost: it says 4 octets, and the header has 1 more")


def test_an_element_that_ends_with_the_header_is_whole() -> None:
    assert parse(raw(element(0xC0, "0102")) + b"text").anomalies == ()


def test_a_header_longer_than_a_part_is_read_and_said() -> None:
    found = parse(raw(*[element(0xC0, "00" * 48)] * 3))
    assert found.octets == 151
    assert found.anomalies == ("the header has 151 octets, and a part only 140",)


@given(st.binary(max_size=300))
@example(b"\x05\x00\x03\x01\x00\x00")
@example(b"\x05\x00\x03\x01\x02")
@example(b"\x01\x00")
@example(b"\xff" * 256)
def test_any_octets_give_a_header_or_malformed(octets: bytes) -> None:
    try:
        found = parse(octets)
    except MalformedUdh:
        assert not octets or octets[0] >= len(octets)
        return
    assert found.octets == octets[0] + 1
    inside = raw(*found.elements)[1:]
    assert octets[1 : found.octets].startswith(inside)
    assert (inside == octets[1 : found.octets]) or found.anomalies
    assert 0 <= found.single <= 13
    assert 0 <= found.locking <= 13
    if found.concatenation is not None:
        assert 1 <= found.concatenation.sequence <= found.concatenation.total <= 255


@given(st.lists(ELEMENTS, max_size=12), st.binary(max_size=20))
def test_any_elements_are_all_kept(elements: list[Element], text: bytes) -> None:
    octets = raw(*elements)
    found = parse(octets + text)
    assert found.elements == tuple(elements)
    assert found.octets == len(octets)


# Writing


def test_a_header_as_the_field_knows_it() -> None:
    assert build([FIRST]).hex() == "050003240301"
    assert build([concatenation(0x1234, 3, 1, wide=True)]).hex() == "06080412340301"
    assert build([element(0x05, "15820000"), concatenation(3, 2, 1)]) == bytes.fromhex(
        "0b0504158200000003030201"
    )


def test_no_elements_are_no_header() -> None:
    assert build([]) == b""


@given(st.data(), PARTS, st.booleans())
def test_a_concatenation_as_written_is_read(
    data: st.DataObject, part: tuple[int, int], wide: bool
) -> None:
    reference = data.draw(st.integers(0, 0xFFFF if wide else 0xFF))
    total, sequence = part
    one = concatenation(reference, total, sequence, wide)
    assert one.id == (CONCATENATION_16 if wide else CONCATENATION_8)
    found = parse(build([one]))
    assert found.concatenation == Concatenation(reference, total, sequence, wide)
    assert found.anomalies == ()


@pytest.mark.parametrize(
    "numbers",
    [
        (256, 1, 1),
        (-1, 1, 1),
        (0x10000, 1, 1, True),
        (1, 0, 0),
        (1, 0, 1),
        (1, 3, 0),
        (1, 3, 4),
        (1, 256, 1),
        (1, -1, -1),
    ],
)
def test_a_concatenation_that_does_not_fit(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no concatenation: reference"):
        concatenation(*numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        ((FIRST, FIRST), "is repeated"),
        ((FIRST, concatenation(1, 2, 1, wide=True)), "exclude each other"),
        ((PORTS, element(PORTS_8, "0102")), "exclude each other"),
        ((element(SINGLE_SHIFT, "01"), element(SINGLE_SHIFT, "01")), "is repeated"),
        ((element(LOCKING_SHIFT, "01"), FIRST, element(LOCKING_SHIFT, "02")), "is repeated"),
        ((element(0x23, "01"), element(0x23, "02")), "is repeated"),
        ((element(0x70), element(0x70)), "is repeated"),
        ((element(256),), "is impossible"),
        ((element(-1),), "is impossible"),
        ((Element(0xC0, bytes(256)),), "is impossible"),
        ((Element(0xC0, bytes(138)),), "141 octets is longer than 140"),
        ((FIRST, Element(0xC0, bytes(133))), "141 octets is longer than 140"),
    ],
)
def test_elements_that_are_refused(elements: tuple[Element, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(elements)


def test_a_header_may_fill_a_part() -> None:
    assert len(build([FIRST, Element(0xC0, bytes(132))])) == OCTETS


def test_single_and_locking_shift_stand_together() -> None:
    assert build([element(0x24, "01"), element(0x25, "01")]).hex() == "06240101250101"


@given(st.lists(ELEMENTS, max_size=30))
def test_building_refuses_or_is_read_back(elements: list[Element]) -> None:
    try:
        octets = build(elements)
    except ValueError:
        return
    assert len(octets) <= OCTETS
    if octets:
        found = parse(octets)
        assert found.elements == tuple(elements)
        assert not [one for one in found.anomalies if "ignored" not in one]


# Removing


@pytest.mark.parametrize("id", [CONCATENATION_8, CONCATENATION_16])
@pytest.mark.parametrize("wide", [True, False])
def test_a_concatenation_is_removed_whatever_its_reference(id: int, wide: bool) -> None:
    assert remove([PORTS, concatenation(1, 2, 1, wide)], id) == (PORTS,)


def test_removing_the_last_element_leaves_no_header() -> None:
    assert build(remove(parse(raw(FIRST)).elements, CONCATENATION_8)) == b""


def test_removing_what_is_not_there() -> None:
    assert remove([PORTS, FIRST], SINGLE_SHIFT) == (PORTS, FIRST)


def test_of_others_the_one_that_counts_is_left() -> None:
    ignored = element(0x24, "00")
    elements = (element(0x24, "01"), FIRST, element(0x24, "02"), ignored)
    assert remove(elements, CONCATENATION_8) == (element(0x24, "02"),)


@given(st.lists(ELEMENTS, max_size=16), BYTES)
def test_after_removing_the_rest_says_what_it_said(elements: list[Element], id: int) -> None:
    before = parse(raw(*elements))
    left = remove(before.elements, id)
    after = parse(build(left) or b"\0")
    assert after.elements == left
    assert id not in {one.id for one in left}
    if id in {CONCATENATION_8, CONCATENATION_16}:
        assert after.concatenation is None
    else:
        assert after.concatenation == before.concatenation
    if id not in {PORTS_8, PORTS_16}:
        assert after.ports == before.ports
    if id not in {SINGLE_SHIFT, LOCKING_SHIFT}:
        assert (after.single, after.locking) == (before.single, before.locking)
