"""Unbinding from either side, and connections that are lost."""

from __future__ import annotations

import pytest
from session_kit import REQUESTS, Link, octets, sample, session_in, split

from smppgw.smpp import wire
from smppgw.smpp.session import (
    BindRequest,
    Close,
    Expired,
    LocalError,
    PeerUnbind,
    Pending,
    Refused,
    Request,
    Response,
    Role,
    State,
)

BINDS = ("bind_transmitter", "bind_receiver", "bind_transceiver")
BOUND_STATES = (State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX)


def test_our_unbind_is_answered_then_closes() -> None:
    link = Link().bound()
    events = link.to_mc(link.esme.unbind(0.0))
    assert [type(event) for event in events] == [PeerUnbind, Close]
    assert link.esme.state is State.UNBOUND
    assert link.esme.next_deadline() == float("-inf") or link.esme.receive(b"", 0.0) == []


def test_after_our_unbind_we_ask_nothing_and_still_answer() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0, "mo")
    (asked,) = split(session.unbind(0.0))
    assert session.room == 0
    for illegal in (
        lambda: session.request(sample("deliver_sm"), 0.0),
        lambda: session.unbind(0.0),
    ):
        with pytest.raises(LocalError):
            illegal()
    late = wire.DeliverSmResp(sequence_number=1)
    events = session.receive(octets("submit_sm", 5) + wire.encode(late), 0.0)
    assert events == [Request(sample("submit_sm", 5)), Response(late, "mo", 0.0)]
    answer = wire.UnbindResp(sequence_number=asked.sequence_number)
    assert session.receive(wire.encode(answer), 1.0) == []
    assert session.state is State.UNBOUND
    session.respond(wire.SubmitSmResp(sequence_number=5))
    assert session.next_deadline() == float("-inf")
    assert session.tick(1.0) == [Close("unbound")]
    assert session.take_output() == b""


def test_an_unbind_answered_by_a_nack_closes_as_well() -> None:
    session = session_in(Role.ESME, State.BOUND_TRX)
    (asked,) = split(session.unbind(0.0))
    nack = wire.GenericNack(sequence_number=asked.sequence_number, command_status=3)
    assert session.receive(wire.encode(nack), 0.0) == [Close("unbound")]


def test_both_ends_unbind_at_once() -> None:
    session = session_in(Role.ESME, State.BOUND_TRX)
    session.unbind(0.0)
    events = session.receive(octets("unbind", 9), 0.0)
    assert events == [PeerUnbind(), Close("unbound by the peer")]
    assert split(session.take_output()) == [wire.UnbindResp(sequence_number=9)]


def test_the_answer_to_unbind_follows_what_is_owed() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    stream = octets("submit_sm", 1) + octets("submit_sm", 2) + octets("unbind", 3)
    events = session.receive(stream + octets("submit_sm", 4), 0.0)
    assert [type(event) for event in events] == [Request, Request, PeerUnbind, Refused]
    assert split(session.take_output()) == [wire.SubmitSmResp(sequence_number=4, command_status=4)]
    first = wire.SubmitSmResp(message_id="1", sequence_number=1)
    assert split(session.respond(first)) == [first]
    assert session.tick(0.0) == []
    second = wire.SubmitSmResp(message_id="2", sequence_number=2)
    assert split(session.respond(second)) == [second, wire.UnbindResp(sequence_number=3)]
    assert session.tick(0.0) == [Close("unbound by the peer")]


def test_answers_that_the_caller_coded_are_counted() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.receive(octets("submit_sm", 1) * 3, 0.0)
    assert session.answered(2) == b""
    assert session.owed == 1
    session.receive(octets("unbind", 9), 0.0)
    assert split(session.answered(1)) == [wire.UnbindResp(sequence_number=9)]
    assert session.tick(0.0) == [Close("unbound by the peer")]
    assert session.answered(5) == b""
    assert session.owed == 0


def test_responses_behind_an_unbind_are_not_lost() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0, "mo")
    answer = wire.DeliverSmResp(sequence_number=1)
    events = session.receive(octets("unbind") + wire.encode(answer), 0.0)
    assert events == [PeerUnbind(), Response(answer, "mo", 0.0), Close("unbound by the peer")]


def test_after_close_responses_count_and_requests_do_not() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0, "mo")
    session.receive(octets("unbind"), 0.0)
    session.take_output()
    answer = wire.DeliverSmResp(sequence_number=1)
    stream = octets("submit_sm") + octets("enquire_link") + wire.header(0x22, 0, 1)
    assert session.receive(stream + wire.encode(answer), 0.0) == [Response(answer, "mo", 0.0)]
    assert session.take_output() == b""
    assert session.close() == []


def test_a_lost_connection_hands_back_what_is_in_flight() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    for number in (1, 2, 3):
        session.request(sample("deliver_sm"), float(number), f"mo {number}")
    session.enquire(4.0)
    session.receive(wire.encode(wire.DeliverSmResp(sequence_number=2)), 5.0)
    left = session.close()
    assert left == [
        Pending(1, 0x05, "mo 1", 1.0, 61.0),
        Pending(3, 0x05, "mo 3", 3.0, 63.0),
    ]
    assert session.close() == []
    assert (session.state, session.in_flight, session.room) == (State.CLOSED, 0, 0)
    assert session.tick(1e9) == []
    assert session.receive(octets("submit_sm"), 6.0) == []
    assert session.next_deadline() == float("inf")


def test_what_expired_is_not_handed_back_again() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0, "old")
    session.request(sample("deliver_sm"), 50.0, "new")
    session.receive(octets("enquire_link"), 55.0)
    (event,) = session.tick(60.0)
    assert isinstance(event, Expired)
    assert [pending.context for pending in session.close()] == ["new"]


def test_an_answer_after_the_end_harms_nobody() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.receive(octets("submit_sm", 1), 0.0)
    session.close()
    answer = wire.SubmitSmResp(sequence_number=1)
    assert session.respond(answer) == wire.encode(answer)
    assert session.state is State.CLOSED


def test_repr_is_for_operators_and_tells_no_secret() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0, "context with text")
    session.receive(octets("submit_sm"), 0.0)
    assert repr(session) == "<Session MC BOUND_TRX in_flight=1/10 owed=1>"
    shown = repr([Request(sample("submit_sm")), BindRequest(sample("bind_receiver"))])
    assert "hello" not in shown
    assert "secret" not in shown
    assert "context with" not in repr(session.close())


def test_every_request_has_a_sample() -> None:
    assert {f().command_id for f in REQUESTS.values()} == {
        command_id for command_id in wire.CommandId if not command_id & wire.RESPONSE
    }
