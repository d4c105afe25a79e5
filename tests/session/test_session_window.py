"""Requests and their answers: limits, numbers, order, and what peers do to them."""

from __future__ import annotations

import pytest
from session_kit import TIMING, bind, octets, sample, session_in, split

from smppgw.smpp import wire
from smppgw.smpp.session import (
    Close,
    Late,
    LocalError,
    PeerUnbind,
    Request,
    Response,
    Role,
    Session,
    State,
)

BINDS = ("bind_transmitter", "bind_receiver", "bind_transceiver")
BOUND_STATES = (State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX)


def test_the_window_is_a_limit_that_can_change() -> None:
    session = session_in(Role.MC, State.BOUND_TRX, window=2)
    assert (session.window, session.room) == (2, 2)
    session.request(sample("deliver_sm"), 0.0)
    session.request(sample("deliver_sm"), 0.0)
    assert (session.room, session.in_flight) == (0, 2)
    with pytest.raises(LocalError, match="full"):
        session.request(sample("deliver_sm"), 0.0)
    session.window = 3
    assert session.room == 1
    session.request(sample("deliver_sm"), 0.0)
    session.window = 1
    assert session.room == 0
    session.receive(wire.encode(wire.DeliverSmResp(sequence_number=1)), 0.0)
    assert session.in_flight == 2


def test_alerts_and_our_own_enquire_link_take_no_place() -> None:
    session = session_in(Role.MC, State.BOUND_TRX, window=1)
    session.enquire(0.0)
    session.request(sample("alert_notification"), 0.0)
    assert session.room == 1
    session.request(sample("deliver_sm"), 0.0)
    session.request(sample("alert_notification"), 0.0)
    assert session.in_flight == 1


def test_a_request_that_cannot_be_coded_takes_no_place() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    with pytest.raises(wire.EncodeError):
        session.request(wire.DeliverSm(source_addr="x" * 400), 0.0)
    assert session.in_flight == 0


def test_a_stored_body_goes_out_under_a_new_number() -> None:
    session = session_in(Role.ESME, State.BOUND_TRX)
    body = wire.body_of(sample("submit_sm"))
    raw = wire.RawPdu(0x04, body)
    (pdu,) = split(session.request(raw, 0.0, "raw"))
    assert raw.sequence_number == pdu.sequence_number == 2
    assert pdu == sample("submit_sm", 2)
    answer = wire.SubmitSmResp(sequence_number=2)
    assert session.receive(wire.encode(answer), 0.0) == [Response(answer, "raw", 0.0)]
    answer = wire.RawPdu(0x80000005, b"\0", 9)
    assert session.respond(answer) == wire.encode(wire.DeliverSmResp(sequence_number=9))


def test_room_is_none_unless_bound() -> None:
    for state in State:
        session = session_in(Role.MC, state)
        assert bool(session.room) == (state in BOUND_STATES)


def test_sequence_numbers_wrap_and_skip_what_waits() -> None:
    session = Session(Role.MC, window=10, timing=TIMING, now=0.0, first_sequence=0x7FFFFFFE)
    bind(session)
    numbers = [split(session.request(sample("deliver_sm"), 0.0))[0].sequence_number for _ in "abc"]
    assert numbers == [0x7FFFFFFE, 0x7FFFFFFF, 1]
    again = Session(Role.MC, window=10, timing=TIMING, now=0.0, first_sequence=0x7FFFFFFF)
    bind(again)
    again.request(sample("deliver_sm"), 0.0)
    again._window._next = 0x7FFFFFFF  # two thousand million requests later
    assert split(again.request(sample("deliver_sm"), 0.0))[0].sequence_number == 1
    again._window._next = 0x7FFFFFFF
    assert split(again.enquire(0.0))[0].sequence_number == 2
    again._window._next = 1
    assert split(again.request(sample("deliver_sm"), 0.0))[0].sequence_number == 3


def test_both_ends_number_on_their_own() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0, "ours")
    events = session.receive(
        octets("submit_sm", 1) + wire.encode(wire.DeliverSmResp(sequence_number=1)), 0.0
    )
    assert [type(event) for event in events] == [Request, Response]


def test_the_window_holds_the_request_before_its_octets_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    seen: list[int] = []
    encode = wire.encode

    def spying(pdu: wire.PDU) -> bytes:
        seen.append(session.in_flight)
        return encode(pdu)

    monkeypatch.setattr(wire, "encode", spying)
    session.request(sample("deliver_sm"), 0.0)
    assert seen == [1]


def test_responses_in_any_order_and_in_one_read() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    for number in (1, 2, 3):
        session.request(sample("deliver_sm"), float(number), number)
    answers = [wire.DeliverSmResp(sequence_number=number) for number in (3, 1, 2)]
    events = session.receive(b"".join(map(wire.encode, answers)), 9.0)
    assert [(event.context, event.sent_at) for event in events] == [(3, 3.0), (1, 1.0), (2, 2.0)]


def test_a_duplicate_response_is_late() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0)
    answer = wire.DeliverSmResp(sequence_number=1)
    events = session.receive(wire.encode(answer) * 2, 0.0)
    assert events == [Response(answer, None, 0.0), Late(answer)]


@pytest.mark.parametrize(
    "answer",
    [
        wire.GenericNack(sequence_number=1, command_status=3),
        wire.QuerySmResp(sequence_number=1),
        wire.EnquireLinkResp(sequence_number=1),
        wire.DeliverSmResp(sequence_number=1, command_status=0x22),
    ],
)
def test_any_response_with_our_number_resolves(answer: wire.PDU) -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0, "mine")
    assert session.receive(wire.encode(answer), 0.0) == [Response(answer, "mine", 0.0)]
    assert session.in_flight == 0


def test_a_nack_of_number_0_belongs_to_nothing() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0)
    nack = wire.GenericNack(command_status=2)
    assert session.receive(wire.encode(nack), 0.0) == [Late(nack)]
    assert session.in_flight == 1


def test_a_receipt_before_the_response_in_one_read() -> None:
    session = session_in(Role.ESME, State.BOUND_TRX)
    (asked,) = split(session.request(sample("submit_sm"), 0.0, "mt"))
    answer = wire.SubmitSmResp(message_id="1", sequence_number=asked.sequence_number)
    events = session.receive(octets("deliver_sm", 5) + wire.encode(answer), 0.0)
    assert [type(event) for event in events] == [Request, Response]


@pytest.mark.parametrize("number", [0, 1, 0x7FFFFFFF, 0x80000000, 0x806A179B, 0xFFFFFFFF])
def test_any_number_of_a_peer_is_taken_and_echoed(number: int) -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    (event,) = session.receive(octets("submit_sm", number), 0.0)
    assert event.pdu.sequence_number == number
    session.receive(octets("enquire_link", number), 0.0)
    assert split(session.take_output())[0].sequence_number == number


def test_a_number_used_twice_by_a_peer_is_two_requests() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    events = session.receive(octets("submit_sm", 1) * 2, 0.0)
    assert [type(event) for event in events] == [Request, Request]
    assert session.owed == 2


def test_a_status_in_a_request_means_nothing() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    unbind = wire.Unbind(sequence_number=3, command_status=0x45)
    events = session.receive(wire.encode(unbind), 0.0)
    assert [type(event) for event in events] == [PeerUnbind, Close]


def test_bodies_of_enquire_link_and_unbind_are_ignored() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.receive(wire.frame(0x15, 0, 1, b"body"), 0.0)
    session.receive(wire.frame(0x06, 0, 2, b"body"), 0.0)
    assert split(session.take_output()) == [
        wire.EnquireLinkResp(sequence_number=1),
        wire.UnbindResp(sequence_number=2),
    ]


def test_places_taken_at_once_are_those_taken_one_by_one() -> None:
    session = session_in(Role.ESME, State.BOUND_TRX, window=5)
    first = split(session.request(sample("submit_sm"), 0.0, "a"))[0].sequence_number
    numbers = list(session.reserve(0x04, ["b", "c"], 1.0))
    assert numbers == [first + 1, first + 2]
    assert (session.in_flight, session.room) == (3, 2)
    answers = [wire.SubmitSmResp(sequence_number=number) for number in numbers]
    events = session.receive(b"".join(map(wire.encode, answers)), 2.0)
    assert events == [Response(answers[0], "b", 1.0), Response(answers[1], "c", 1.0)]
    assert list(session.reserve(0x04, [], 2.0)) == []


def test_more_places_than_there_are_take_none() -> None:
    session = session_in(Role.ESME, State.BOUND_TRX, window=2)
    with pytest.raises(LocalError, match="full"):
        session.reserve(0x04, ["a", "b", "c"], 0.0)
    assert session.in_flight == 0
    with pytest.raises(LocalError, match="not ours"):
        session.reserve(0x05, ["a"], 0.0)
    with pytest.raises(LocalError, match="not ours"):
        session_in(Role.ESME, State.OPEN).reserve(0x04, ["a"], 0.0)
    with pytest.raises(LocalError, match="not ours"):  # it has no answer, and takes no place
        session_in(Role.MC, State.BOUND_TRX).reserve(wire.AlertNotification.command_id, ["a"], 0.0)


def test_numbers_taken_at_once_wrap_and_skip_what_waits() -> None:
    session = Session(Role.MC, window=10, timing=TIMING, now=0.0, first_sequence=0x7FFFFFFE)
    bind(session)
    assert list(session.reserve(0x05, "ab", 0.0)) == [0x7FFFFFFE, 0x7FFFFFFF]
    assert list(session.reserve(0x05, "c", 0.0)) == [1]
    session.enquire(0.0)
    assert list(session.reserve(0x05, "d", 0.0)) == [3]
    session.receive(wire.encode(wire.DeliverSmResp(sequence_number=0x7FFFFFFF)), 0.0)
    again = Session(Role.MC, window=10, timing=TIMING, now=0.0, first_sequence=0x7FFFFFFD)
    bind(again)
    assert list(again.reserve(0x05, "abcd", 0.0)) == [0x7FFFFFFD, 0x7FFFFFFE, 0x7FFFFFFF, 1]
    assert [one.context for one in again.close()] == ["a", "b", "c", "d"]


def test_a_request_comes_with_the_octets_it_was_read_from() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    one, two = octets("submit_sm", 1), octets("submit_sm", 2)
    events = session.receive(one + two[:20], 0.0) + session.receive(two[20:], 0.0)
    assert [event.frame for event in events] == [one, two]
