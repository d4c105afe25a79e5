"""The telnet protocol: data, commands, options, garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.ops.shell.iac import (
    BINARY,
    DO,
    DONT,
    ECHO,
    IAC,
    LONGEST,
    NAWS,
    SB,
    SE,
    SGA,
    WILL,
    WONT,
    Said,
    Signal,
    Size,
    Telnet,
)

TTYPE, TIMING_MARK = 24, 6


def fresh() -> Telnet:
    """One whose offers have been sent."""
    telnet = Telnet()
    telnet.answer.clear()
    return telnet


def said(*octets: int) -> bytes:
    return bytes(octets)


def joined(found: list[Said]) -> list[Said]:
    """The same with neighbouring data in one piece."""
    whole: list[Said] = []
    for one in found:
        if isinstance(one, bytes) and whole and isinstance(whole[-1], bytes):
            whole[-1] += one
        else:
            whole.append(one)
    return whole


def test_what_is_offered_first() -> None:
    offered = said(IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, NAWS)
    telnet = Telnet()
    assert telnet.answer == offered
    assert not telnet.echoes


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (b"show links\r\n", [b"show links\r\n"]),
        (b"a\xff\xffb", [b"a\xffb"]),
        (said(IAC, 244), [Signal.INTERRUPT]),
        (said(IAC, 243), [Signal.INTERRUPT]),
        (b"a" + said(IAC, 246) + b"b", [b"a", Signal.ARE_YOU_THERE, b"b"]),
        (said(IAC, 247, IAC, 248), [Signal.ERASE, Signal.ERASE_LINE]),
        (said(IAC, 236), [Signal.END]),
        (b"a" + said(IAC, 241, IAC, 249, IAC, 242, IAC, 7) + b"b", [b"ab"]),
        (said(IAC, SB, NAWS, 0, 132, 0, 50, IAC, SE), [Size(132, 50)]),
        (said(IAC, SB, NAWS, 1, IAC, IAC, 0, 50, IAC, SE), [Size(511, 50)]),
        (said(IAC, SB, NAWS, 0, 132, 0, IAC, SE), []),
        (said(IAC, SB, IAC, SE) + b"x", [b"x"]),
        (said(IAC, SB, TTYPE, 0) + b"xterm" + said(IAC, SE) + b"x", [b"x"]),
        (said(IAC, SB) + b"no end" + said(IAC, 244) + b"x", [b"x"]),
    ],
)
def test_data_and_commands(octets: bytes, found: list[Said]) -> None:
    assert joined(fresh().feed(octets)) == found
    telnet = fresh()
    assert (
        joined([one for place in range(len(octets)) for one in telnet.feed(octets[place:][:1])])
        == found
    )


@pytest.mark.parametrize(
    ("octets", "answer", "echoes"),
    [
        (said(IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, NAWS), b"", True),
        (said(IAC, DONT, ECHO, IAC, DONT, SGA, IAC, WONT, NAWS), b"", False),
        (said(IAC, DO, ECHO, IAC, DO, ECHO), b"", True),
        (said(IAC, DO, ECHO, IAC, DONT, ECHO), said(IAC, WONT, ECHO), False),
        (
            said(IAC, DONT, ECHO, IAC, DO, ECHO, IAC, DO, ECHO),
            said(IAC, WILL, ECHO),
            True,
        ),
        (said(IAC, DO, TIMING_MARK), said(IAC, WONT, TIMING_MARK), False),
        (said(IAC, WILL, TTYPE, IAC, DO, 34), said(IAC, DONT, TTYPE, IAC, WONT, 34), False),
        (said(IAC, WILL, SGA, IAC, WILL, SGA), said(IAC, DO, SGA), False),
        (
            said(IAC, DO, BINARY, IAC, WILL, BINARY),
            said(IAC, WILL, BINARY, IAC, DO, BINARY),
            False,
        ),
        (said(IAC, WILL, ECHO), said(IAC, DONT, ECHO), False),
        (said(IAC, WONT, 99, IAC, DONT, 99), b"", False),
        (said(IAC, WILL, NAWS, IAC, WONT, NAWS), said(IAC, DONT, NAWS), False),
    ],
)
def test_options(octets: bytes, answer: bytes, echoes: bool) -> None:
    telnet = fresh()
    telnet.feed(octets)
    assert (bytes(telnet.answer), telnet.echoes) == (answer, echoes)


def test_a_change_of_who_shows_what_is_typed_is_said_in_its_place() -> None:
    telnet = fresh()
    octets = b"a" + said(IAC, DO, ECHO) + b"b" + said(IAC, DO, ECHO, IAC, DONT, ECHO) + b"c"
    assert joined(telnet.feed(octets)) == [b"a", Signal.ECHO, b"b", Signal.ECHO, b"c"]


def test_a_subnegotiation_without_an_end_is_bounded() -> None:
    telnet = fresh()
    for _ in range(100):
        assert telnet.feed(said(IAC, SB, NAWS)[0 if _ == 0 else 3 :] + b"x" * 10_000) == []
    assert telnet._sub is not None
    assert len(telnet._sub) <= LONGEST
    assert telnet.feed(said(IAC, SE) + b"x") == [b"x"]


def test_two_of_us_come_to_rest() -> None:
    one, two = Telnet(), Telnet()
    for _ in range(6):
        for here, there in ((one, two), (two, one)):
            sent, here.answer = bytes(here.answer), bytearray()
            there.feed(sent)
    assert (one.answer, two.answer) == (b"", b"")


OCTETS = st.one_of(st.binary(max_size=8), st.lists(st.integers(236, 255), max_size=8).map(bytes))


@given(st.lists(OCTETS, max_size=20))
def test_any_octets_will_do(reads: list[bytes]) -> None:
    telnet, count = fresh(), 0
    for octets in reads:
        found = telnet.feed(octets)
        count += len(octets)
        assert sum(len(one) if isinstance(one, bytes) else 1 for one in found) <= len(octets)
    assert len(telnet.answer) <= count  # no more than was asked
    assert len(telnet._sub or b"") <= LONGEST


@given(st.lists(OCTETS, max_size=10), st.data())
def test_where_octets_are_cut_makes_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    octets = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=6)))
    whole, pieces = fresh(), fresh()
    found: list[Said] = []
    for begin, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
        found += pieces.feed(octets[begin:end])
    assert joined(found) == joined(whole.feed(octets))
    assert pieces.answer == whole.answer
