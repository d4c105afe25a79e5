"""The user data header: information elements before the text, read, written, removed.

Owns: UDHL and elements, what concatenation, ports, national tables and SIM toolkit headers say,
which element wins when there are several, and which may stand together.
Refuses to know: whether there is a header (esm_class 0x40 says so), the text behind it, and what a
SIM toolkit header holds.
Source: 3GPP TS 23.040 9.2.3.24 (elements and which repeat), TS 31.115 (SIM toolkit headers).
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, frozen

CONCATENATION_8 = 0x00
PORTS_8 = 0x04
PORTS_16 = 0x05
CONCATENATION_16 = 0x08
SINGLE_SHIFT = 0x24
LOCKING_SHIFT = 0x25
SIM_TOOLKIT = range(0x70, 0x80)
"""(U)SIM toolkit security headers: 0x70 a command packet, 0x71 a response packet."""

OCTETS = 140
"""Octets of a part, header and text together."""

_NAMES = {
    CONCATENATION_8: "concatenation with 8-bit reference",
    PORTS_8: "8-bit ports",
    PORTS_16: "16-bit ports",
    CONCATENATION_16: "concatenation with 16-bit reference",
    SINGLE_SHIFT: "national single shift table",
    LOCKING_SHIFT: "national locking shift table",
}
_LENGTHS = {
    CONCATENATION_8: 3,
    PORTS_8: 2,
    PORTS_16: 4,
    CONCATENATION_16: 4,
    SINGLE_SHIFT: 1,
    LOCKING_SHIFT: 1,
}
_LANGUAGES = range(1, 14)
"""National language identifiers that have a table."""

_ONCE = (0x00, 0x04, 0x06, 0x16, 0x1A, 0x20, 0x22, 0x23, 0x24, 0x25, *SIM_TOOLKIT)
_PLACES = {**{id: id for id in _ONCE}, CONCATENATION_16: CONCATENATION_8, PORTS_16: PORTS_8}
"""Element -> the place it takes, which one element at most may have; others repeat at will."""

_USUAL = bytes((5, CONCATENATION_8, 3))
"""How a header that holds nothing but an 8-bit concatenation begins."""


class MalformedUdh(ValueError):
    """The octets cannot begin with a user data header."""


@frozen
class Element:
    """One information element: its identifier and its octets, without the length."""

    id: int
    data: bytes


@frozen
class Concatenation:
    """Part `sequence` (from 1) of the `total` parts of message `reference`.

    `wide` is whether the reference has 16 bits: 8-bit and 16-bit references are apart.
    """

    reference: int
    total: int
    sequence: int
    wide: bool = False


@define
class Udh:
    """What a header says; `elements` has every one, even those that count for nothing.

    `octets` is its length, UDHL included: the text begins there. `ports` are (destination,
    originator). `single` and `locking` are national tables 1 to 13, 0 for the default alphabet.
    `sim_toolkit` is the last element 0x70 to 0x7F. `anomalies` are sentences for people.
    """

    elements: tuple[Element, ...]
    octets: int
    concatenation: Concatenation | None = None
    ports: tuple[int, int] | None = None
    single: int = 0
    locking: int = 0
    sim_toolkit: Element | None = None
    anomalies: tuple[str, ...] = ()


def parse(octets: bytes) -> Udh:
    """Read the header at the beginning of these octets, elements in whatever order.

    Of elements that exclude each other, or one another's repetition, the last counts. An element
    of the wrong length counts for nothing, nor does a concatenation with total or sequence 0 or
    sequence beyond total, nor a national table that does not exist. Raises MalformedUdh when there
    is no UDHL or it goes beyond the octets.
    """
    if octets[:3] == _USUAL and len(octets) >= 6:
        total, sequence = octets[4], octets[5]
        if 0 < sequence <= total:
            return Udh(
                (Element(CONCATENATION_8, octets[3:6]),),
                6,
                Concatenation(octets[3], total, sequence, False),
            )
    if not octets:
        raise MalformedUdh("there is no UDHL")
    end = octets[0] + 1
    if end > len(octets):
        raise MalformedUdh(f"UDHL is {end - 1}, and {len(octets) - 1} octets follow")
    elements, anomalies = _split(octets, end)
    counting: dict[int, Element] = {}
    for element in elements:
        fault = _fault(element)
        if fault:
            anomalies.append(f"{_name(element.id)} is ignored: {fault}")
            continue
        place = _PLACES.get(element.id, element.id)
        if place in counting and element.id in _PLACES:
            anomalies.append(f"{_conflict(counting[place].id, element.id)}: the last counts")
        counting[place] = element
    return _udh(elements, end, counting, anomalies)


def _split(octets: bytes, end: int) -> tuple[tuple[Element, ...], list[str]]:
    """The elements from octet 1 to `end`, and what is wrong with the row of them."""
    elements, anomalies = [], []
    if end > OCTETS:
        anomalies.append(f"the header has {end} octets, and a part only {OCTETS}")
    position = 1
    while position + 1 < end:
        id, start = octets[position], position + 2
        position = start + octets[position + 1]
        if position > end:
            anomalies.append(
                f"{_name(id)} is lost: it says {position - start} octets,"
                f" and the header has {end - start} more"
            )
            break
        elements.append(Element(id, octets[start:position]))
    if position + 1 == end:
        anomalies.append(f"{_name(octets[position])} is lost: the header ends before its length")
    return tuple(elements), anomalies


def _udh(
    elements: tuple[Element, ...], end: int, counting: dict[int, Element], anomalies: list[str]
) -> Udh:
    udh = Udh(elements, end, anomalies=tuple(anomalies))
    for place, element in counting.items():
        data = element.data
        if place == CONCATENATION_8:
            wide = element.id == CONCATENATION_16
            udh.concatenation = Concatenation(
                int.from_bytes(data[:-2], "big"), data[-2], data[-1], wide
            )
        elif place == PORTS_8:
            half = len(data) // 2
            udh.ports = int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big")
        elif place == SINGLE_SHIFT:
            udh.single = data[0]
        elif place == LOCKING_SHIFT:
            udh.locking = data[0]
    toolkit = [element for element in elements if element.id in SIM_TOOLKIT]
    if toolkit:
        udh.sim_toolkit = toolkit[-1]
    return udh


def build(elements: Iterable[Element]) -> bytes:
    """The header, UDHL first, of these elements in this order; no octets for no elements.

    Raises ValueError for elements that exclude each other or may not be repeated, for an
    identifier that is no octet, and for more than 140 octets, UDHL included.
    """
    taken: dict[int, int] = {}
    octets = b""
    for element in elements:
        place = _PLACES.get(element.id)
        if place is not None:
            if place in taken:
                raise ValueError(_conflict(taken[place], element.id))
            taken[place] = element.id
        if len(element.data) > OCTETS or not 0 <= element.id <= 0xFF:
            raise ValueError(f"{_name(element.id)} of {len(element.data)} octets is impossible")
        octets += bytes((element.id, len(element.data))) + element.data
    if len(octets) >= OCTETS:
        raise ValueError(f"a header of {len(octets) + 1} octets is longer than {OCTETS}")
    return bytes((len(octets),)) + octets if octets else b""


def concatenation(reference: int, total: int, sequence: int, wide: bool = False) -> Element:
    """The element of part `sequence` (from 1) of `total` (to 255), reference of 8 or 16 bits.

    Raises ValueError for numbers that do not fit.
    """
    if not (0 <= reference <= (0xFFFF if wide else 0xFF) and 0 < sequence <= total <= 0xFF):
        raise ValueError(f"no concatenation: reference {reference}, part {sequence} of {total}")
    if wide:
        return Element(CONCATENATION_16, bytes((reference >> 8, reference & 0xFF, total, sequence)))
    return Element(CONCATENATION_8, bytes((reference, total, sequence)))


def remove(elements: Iterable[Element], id: int) -> tuple[Element, ...]:
    """These elements without those of this identifier and those that it excludes.

    CONCATENATION_8 removes the concatenation, whatever its reference. Of other elements that
    exclude each other only the one that counts is left, so that `build` takes what `parse` gave.
    """
    place = _PLACES.get(id, id)
    return tuple(one for one in _counting(elements) if _PLACES.get(one.id, one.id) != place)


def _counting(elements: Iterable[Element]) -> list[Element]:
    """Without those that lose to another: the last in a place counts, one without fault first."""
    row = list(elements)
    winners: dict[int, int] = {}
    for index, element in enumerate(row):
        place = _PLACES.get(element.id)
        if place is not None and (place not in winners or not _fault(element)):
            winners[place] = index
    return [
        element
        for index, element in enumerate(row)
        if element.id not in _PLACES or winners[_PLACES[element.id]] == index
    ]


def _fault(element: Element) -> str:
    """Why an element counts for nothing; empty when it does count."""
    id, data = element.id, element.data
    expected = _LENGTHS.get(id)
    if expected is None:
        return ""
    if len(data) != expected:
        return f"it has {len(data)} octets, not {expected}"
    if id in {CONCATENATION_8, CONCATENATION_16}:
        total, sequence = data[-2], data[-1]
        return "" if 0 < sequence <= total else f"it says part {sequence} of {total}"
    if id in {SINGLE_SHIFT, LOCKING_SHIFT} and data[0] not in _LANGUAGES:
        return f"there is no table {data[0]}"
    return ""


def _conflict(earlier: int, later: int) -> str:
    if earlier == later:
        return f"{_name(later)} is repeated"
    return f"{_name(earlier)} and {_name(later)} exclude each other"


def _name(id: int) -> str:
    known = _NAMES.get(id, "SIM toolkit header" if id in SIM_TOOLKIT else "")
    return f"element 0x{id:02X}" + (f" ({known})" if known else "")
