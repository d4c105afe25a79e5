"""What cannot be read, and what is answered to it."""

from __future__ import annotations

import pytest
from session_kit import TIMING, octets, sample, session_in, split

from smppgw.smpp import wire
from smppgw.smpp.session import (
    Close,
    Malformed,
    Request,
    Response,
    Role,
    Session,
    State,
)

BINDS = ("bind_transmitter", "bind_receiver", "bind_transceiver")
BOUND_STATES = (State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX)


@pytest.mark.parametrize("length", [0, 1, 15, 70_001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_out_of_bounds_ends_the_session(length: int) -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    bad = length.to_bytes(4, "big") + wire.header(4, 0, 9)[4:]
    events = session.receive(octets("submit_sm") + bad + octets("submit_sm"), 0.0)
    assert [type(event) for event in events] == [Request, Close]
    assert split(session.take_output()) == [wire.GenericNack(sequence_number=9, command_status=2)]
    assert session.receive(octets("submit_sm"), 0.0) == []
    assert session.state is State.UNBOUND


def test_the_longest_length_is_allowed() -> None:
    session = Session(Role.MC, window=1, timing=TIMING, now=0.0, max_length=100)
    assert session.receive(wire.frame(0x15, 0, 1, bytes(84)), 0.0) == []
    assert len(session.take_output()) == 16
    (close,) = session.receive(wire.frame(0x15, 0, 1, bytes(85)), 0.0)
    assert isinstance(close, Close)


@pytest.mark.parametrize("state", [state for state in State if state is not State.CLOSED])
def test_an_unknown_request_gets_a_nack_and_the_session_lives(state: State) -> None:
    session = session_in(Role.MC, state)
    (event,) = session.receive(wire.header(0x22, 0, 5), 0.0)
    assert isinstance(event, Malformed)
    assert split(session.take_output()) == [wire.GenericNack(sequence_number=5, command_status=3)]
    assert session.state is state


def test_an_unknown_response_is_dropped() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    (event,) = session.receive(wire.header(0x80000022, 0, 5), 0.0)
    assert isinstance(event, Malformed)
    assert session.take_output() == b""


def test_a_broken_body_is_answered_by_its_own_response() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    (event,) = session.receive(wire.frame(0x04, 0, 6, b"\0\1"), 0.0)
    assert isinstance(event, Malformed)
    assert session.take_output() == wire.header(0x80000004, event.error.command_status, 6)
    assert event.error.command_status != 0
    assert session.owed == 0


def test_a_broken_body_without_response_gets_a_nack() -> None:
    session = session_in(Role.ESME, State.BOUND_TRX)
    (event,) = session.receive(wire.frame(0x102, 0, 6, b"x"), 0.0)
    assert isinstance(event, Malformed)
    assert split(session.take_output())[0].command_id == 0x80000000


def test_a_broken_response_still_resolves_its_request() -> None:
    session = session_in(Role.ESME, State.BOUND_TRX)
    (asked,) = split(session.request(sample("submit_sm"), 0.0, "mt"))
    broken = wire.frame(0x80000004, 0x58, asked.sequence_number, b"\xff\xff\xff")
    (event,) = session.receive(broken, 0.0)
    assert isinstance(event, Response)
    assert (event.context, event.pdu.command_status) == ("mt", 0x58)


def test_too_much_that_cannot_be_read_ends_the_session() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    bad = wire.header(0x22, 0, 1)
    for _ in range(3):
        assert len(session.receive(bad * 20, 0.0)) == 20
        session.receive(octets("enquire_link"), 0.0)
    session.take_output()
    events = session.receive(bad * 50, 0.0)
    assert [type(event) for event in events] == [Malformed] * 21 + [Close]
    assert "21 malformed" in events[-1].reason
    assert len(session.take_output()) == 21 * 16
    assert session.receive(bad, 0.0) == []
