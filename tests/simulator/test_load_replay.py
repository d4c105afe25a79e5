"""Reading files of PDUs, showing them, and sending them as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from smppgw.simulator.replay import (
    Recorded,
    Replay,
    ReplayError,
    bind_of,
    read,
    requests,
    shown,
)
from smppgw.smpp import wire

ENQUIRE = wire.encode(wire.EnquireLink(sequence_number=7))
BIND = wire.encode(wire.BindTransceiver(system_id="me", password="hush", sequence_number=1))
SUBMIT = wire.encode(wire.SubmitSm(destination_addr="331", short_message=b"x", sequence_number=2))


# ---------------------------------------------------------------------- reading


def test_a_file_of_hexadecimal() -> None:
    spaced = " ".join(f"{octet:02X}" for octet in ENQUIRE)
    found = read(["# a comment", "", ENQUIRE.hex(), f"  {spaced}  # behind it"])
    assert found == [Recorded(3, None, "", ENQUIRE), Recorded(4, None, "", ENQUIRE)]


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("12.5", 12.5),
        ("1700000000", 1.7e9),
        ("2026-11-20T15:00:00Z", 1795186800.0),
        ("2026-11-20T15:00:00.250+00:00", 1795186800.25),
        ("2026-11-20 15:00:00.250", 1795186800.25),
    ],
)
@pytest.mark.parametrize(
    ("word", "direction"),
    [("IN", "in"), ("out", "out"), (">", "out"), ("<-", "in"), ("sent", "out")],
)
def test_a_trace(stamp: str, seconds: float, word: str, direction: str) -> None:
    (found,) = read([f"{stamp}  {word}  {ENQUIRE.hex()}"])
    assert found == Recorded(1, seconds, direction, ENQUIRE)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hello", "line 1: neither HEX nor TIMESTAMP"),
        ("abc", "line 1: "),
        ("12.5 SIDEWAYS 00", "no direction"),
        ("today IN 00", "line 1: 'today' is no time"),
        ("12.5 IN zz", "line 1: "),
        ("12.5 IN", "line 1: neither"),
    ],
)
def test_lines_that_are_none(line: str, reason: str) -> None:
    with pytest.raises(ReplayError, match=reason):
        read([line])


@given(st.text(max_size=60))
def test_no_line_does_harm(line: str) -> None:
    try:
        found = read([line])
    except ReplayError as error:
        assert str(error).startswith("line 1: ")  # noqa: PT017
    else:
        assert all(one.octets for one in found)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
def test_what_is_written_is_read(octets: list[bytes]) -> None:
    assert [one.octets for one in read(one.hex() for one in octets)] == octets


def test_only_one_side_is_sent() -> None:
    lines = [f"1 OUT {BIND.hex()}", f"2 IN {ENQUIRE.hex()}", f"3 OUT {SUBMIT.hex()}"]
    records = read(lines)
    assert [one.line for one in requests(records)] == [1, 3]
    assert [one.line for one in requests(records, "in")] == [2]
    assert [one.line for one in requests(records[1:2])] == [2]
    assert requests([]) == []
    assert len(requests(read([ENQUIRE.hex()]), "in")) == 1, "where nothing is said, all of it goes"


# ---------------------------------------------------------------------- showing


def test_a_pdu_is_shown_by_what_it_says() -> None:
    pdu = wire.SubmitSm(
        destination_addr="331",
        short_message=b"hi",
        sequence_number=9,
        tlvs=((wire.Tag.user_message_reference, b"\0\1"), (0x1400, b"x")),
    )
    assert shown(wire.encode(pdu)) == (
        "submit_sm #9 user_message_reference=0001 0x1400=78 destination_addr='331'"
        " short_message=b'hi'"
    )


def test_a_password_is_not_shown() -> None:
    assert "hush" not in shown(BIND)
    assert "password='***'" in shown(BIND)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (wire.header(wire.CommandId.submit_sm | wire.RESPONSE, 0x58, 3), "ESME_RTHROTTLED"),
        (wire.header(0x1234, 0, 3), "0x00001234 #3"),
        (wire.frame(4, 0, 3, b"\xff"), "submit_sm #3 ["),
        (b"\0\1", "2 octets, less than a header: 0001"),
    ],
)
def test_what_is_odd_is_shown_as_far_as_it_goes(octets: bytes, said: str) -> None:
    assert said in shown(octets)


@given(st.binary(max_size=80), st.sampled_from([4, 5, 0x80000004, 9, 0x103]))
def test_whatever_comes_can_be_shown(body: bytes, command_id: int) -> None:
    assert shown(wire.frame(command_id, 0, 1, body))
    assert shown(body)


# ---------------------------------------------------------------------- sending


class Peer:
    """A replay on a transport that keeps what is written."""

    def __init__(self, *lines: str, speed: float = 0.0, wait: float = 2.0) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, bytes]] = []
        self.replay = Replay(
            read(lines),
            self.clock,
            lambda direction, octets: self.told.append((direction, octets)),
            speed=speed,
            wait=wait,
        )
        self.transport = StringTransport()
        self.replay.makeConnection(self.transport)

    def ended(self) -> str:
        assert self.transport.disconnecting
        self.replay.connectionLost()
        return str(self.replay.done.result)


def test_all_is_sent_at_once_and_answers_are_told() -> None:
    peer = Peer(ENQUIRE.hex(), SUBMIT.hex())
    assert peer.transport.value() == ENQUIRE + SUBMIT
    answer = wire.encode(wire.EnquireLinkResp(sequence_number=7))
    peer.replay.dataReceived(answer[:5])
    peer.replay.dataReceived(answer[5:])
    assert peer.told == [("->", ENQUIRE), ("->", SUBMIT), ("<-", answer)]
    peer.clock.advance(2.0)
    assert peer.ended() == "all 2 PDUs were sent"
    assert (peer.replay.complete, peer.replay.received) == (True, 1)
    assert peer.clock.getDelayedCalls() == []


def test_the_timing_is_kept_or_hurried() -> None:
    lines = [f"100.0 IN {ENQUIRE.hex()}", f"104.0 IN {SUBMIT.hex()}", SUBMIT.hex()]
    peer = Peer(*lines, speed=2.0)
    assert peer.transport.value() == ENQUIRE
    peer.clock.advance(1.9)
    assert peer.transport.value() == ENQUIRE
    peer.clock.advance(0.2)
    assert peer.transport.value() == ENQUIRE + SUBMIT + SUBMIT


def test_behind_a_bind_its_answer_is_awaited() -> None:
    peer = Peer(BIND.hex(), SUBMIT.hex())
    assert peer.transport.value() == BIND
    peer.replay.dataReceived(wire.encode(wire.BindTransceiverResp(sequence_number=1)))
    assert peer.transport.value() == BIND + SUBMIT


def test_a_bind_that_is_not_answered_is_not_awaited_for_ever() -> None:
    peer = Peer(BIND.hex(), SUBMIT.hex(), wait=1.0)
    peer.clock.advance(1.0)
    assert peer.transport.value() == BIND + SUBMIT


def test_a_server_that_closes() -> None:
    peer = Peer(BIND.hex(), SUBMIT.hex())
    peer.replay.connectionLost(Failure(ConnectionError()))
    assert peer.replay.done.result == "the server closed the connection before 1 PDUs were sent"
    assert not peer.replay.complete
    assert peer.clock.getDelayedCalls() == []


def test_what_comes_and_is_no_pdu() -> None:
    peer = Peer(ENQUIRE.hex())
    peer.replay.dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
    assert peer.ended().startswith("what came cannot be framed: command_length ")


def test_octets_that_are_wrong_go_as_they_are() -> None:
    peer = Peer("ff" * 20)
    assert peer.transport.value() == b"\xff" * 20


def test_a_bind_of_ones_own() -> None:
    record = bind_of("me", "secret")
    pdu = wire.decode(record.octets)
    assert isinstance(pdu, wire.BindTransceiver)
    assert (pdu.system_id, pdu.password) == ("me", "secret")
    with pytest.raises(wire.EncodeError):
        bind_of("x" * 40, "")
