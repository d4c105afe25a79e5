"""Timers as arithmetic: nothing sleeps, the time is a number."""

from __future__ import annotations

from math import inf

import pytest
from session_kit import TIMING, octets, sample, session_in, split

from smppgw.smpp import wire
from smppgw.smpp.session import (
    Close,
    Expired,
    Late,
    Request,
    Response,
    Role,
    Session,
    State,
    Timing,
)

ROLES = pytest.mark.parametrize("role", list(Role))


def asks(role: Role) -> str:
    return "submit_sm" if role is Role.ESME else "deliver_sm"


def closes(events: list[object]) -> str:
    (event,) = events
    assert isinstance(event, Close)
    return event.reason


@ROLES
def test_session_init_timer_closes_who_does_not_bind(role: Role) -> None:
    session = session_in(role, State.OPEN, now=100.0)
    assert session.next_deadline() == 110.0
    assert session.tick(109.999) == []
    assert "session_init" in closes(session.tick(110.0))
    assert session.tick(200.0) == []
    assert session.next_deadline() == inf
    assert session.receive(octets("enquire_link"), 110.0) == []


def test_enquire_link_does_not_prolong_session_init() -> None:
    session = session_in(Role.MC, State.OPEN)
    session.receive(octets("enquire_link"), 9.0)
    assert session.next_deadline() == 10.0


def test_a_refused_bind_leaves_session_init_running() -> None:
    session = session_in(Role.MC, State.OPEN)
    session.receive(octets("bind_receiver"), 4.0)
    session.refuse_bind(sample("bind_receiver"), 0x0E)
    assert session.state is State.OPEN
    assert "session_init" in closes(session.tick(10.0))


@ROLES
def test_silence_asks_then_closes(role: Role) -> None:
    session = session_in(role, State.BOUND_TRX)
    assert session.next_deadline() == 30.0
    assert session.tick(29.9) == []
    assert session.take_output() == b""
    assert session.tick(30.0) == []
    (asked,) = split(session.take_output())
    assert isinstance(asked, wire.EnquireLink)
    assert session.in_flight == 0
    assert session.next_deadline() == 90.0
    assert session.tick(89.9) == []
    assert session.take_output() == b""
    assert "enquire_link" in closes(session.tick(90.0))
    assert session.state is State.UNBOUND


@ROLES
def test_an_answered_enquire_link_starts_a_new_silence(role: Role) -> None:
    session = session_in(role, State.BOUND_TRX)
    session.tick(30.0)
    (asked,) = split(session.take_output())
    answer = wire.EnquireLinkResp(sequence_number=asked.sequence_number)
    assert session.receive(wire.encode(answer), 31.0) == []
    assert session.next_deadline() == 61.0
    assert session.last_heard == 31.0


def test_any_pdu_is_an_answer_to_enquire_link() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.tick(30.0)
    session.take_output()
    session.receive(octets("submit_sm"), 89.0)
    assert session.tick(90.0) == []
    assert session.next_deadline() == 119.0


def test_a_peer_that_never_answers_enquire_link_is_not_remembered_for_ever() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    asked: list[wire.PDU] = []
    now = 0.0
    for _ in range(50):
        now += 30.0
        session.tick(now)
        asked += split(session.take_output())
        session.receive(octets("enquire_link"), now)
        session.take_output()
    assert len(asked) == 50
    late = [wire.EnquireLinkResp(sequence_number=pdu.sequence_number) for pdu in asked]
    events = session.receive(b"".join(map(wire.encode, late)), now)
    assert events == [Late(pdu) for pdu in late[:-1]]


def test_a_slow_drip_of_octets_is_no_sign_of_life() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    for second in range(4):
        session.receive(octets("submit_sm")[second : second + 1], float(second))
    assert session.last_heard == 0.0
    assert session.next_deadline() == 5.0
    assert "PDU" in closes(session.tick(5.0))


def test_the_pdu_timer_starts_with_the_part_that_waits() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    one = octets("submit_sm")
    session.receive(one[:10], 1.0)
    session.receive(one[10:] + one[:10], 4.0)
    assert session.next_deadline() == 9.0
    session.receive(one[10:], 8.0)
    assert session.next_deadline() == 38.0


def test_inactivity_closes_although_enquire_link_never_asks() -> None:
    timing = Timing(enquire_link=inf, inactivity=300.0)
    session = session_in(Role.MC, State.BOUND_TRX, timing=timing)
    assert session.next_deadline() == 300.0
    assert session.tick(299.0) == []
    assert "inactivity" in closes(session.tick(300.0))


@ROLES
def test_requests_expire_in_one_batch_in_the_order_sent(role: Role) -> None:
    session = session_in(role, State.BOUND_TRX)
    session.receive(octets("enquire_link"), 40.0)
    for number in range(3):
        session.request(sample(asks(role)), 1.0 + number, f"context {number}")
        session.receive(octets("enquire_link"), 40.0 + number)
    session.take_output()
    assert session.next_deadline() == 61.0
    assert session.tick(60.9) == []
    (event,) = session.tick(62.5)
    assert isinstance(event, Expired)
    assert [pending.context for pending in event.pending] == ["context 0", "context 1"]
    assert [pending.deadline for pending in event.pending] == [61.0, 62.0]
    assert [pending.sent_at for pending in event.pending] == [1.0, 2.0]
    first = 1 if role is Role.MC else 2
    assert [pending.sequence_number for pending in event.pending] == [first, first + 1]
    assert session.in_flight == 1
    assert session.tick(62.5) == []
    (event,) = session.tick(1000.0)[:1]
    assert [pending.context for pending in event.pending] == ["context 2"]


def test_an_answer_after_expiry_is_late_and_harmless() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0)
    session.receive(octets("enquire_link"), 59.0)
    session.tick(60.0)
    answer = wire.DeliverSmResp(sequence_number=1)
    assert session.receive(wire.encode(answer), 61.0) == [Late(answer)]
    assert session.state is State.BOUND_TRX


def test_a_response_at_the_last_moment_counts() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0, "mine")
    answer = wire.DeliverSmResp(sequence_number=1)
    assert session.receive(wire.encode(answer), 60.0) == [Response(answer, "mine", 0.0)]
    assert session.tick(60.0) == []


@ROLES
def test_time_in_which_we_do_not_read_is_not_held_against_the_peer(role: Role) -> None:
    session = session_in(role, State.BOUND_TRX)
    session.request(sample(asks(role)), 1.0)
    session.receive(octets("enquire_link") + b"\0\0\0", 2.0)
    session.take_output()
    session.pause(3.0)
    session.pause(4.0)
    assert session.next_deadline() == inf
    assert session.tick(10_000.0) == []
    assert session.take_output() == b""
    session.resume(10_003.0)
    session.resume(10_004.0)
    assert session.tick(10_003.0) == []
    assert session.next_deadline() == 10_007.0
    session.receive(octets("enquire_link")[3:], 10_006.0)
    assert session.next_deadline() == 10_036.0
    session.receive(octets("enquire_link"), 10_050.0)
    assert session.tick(10_060.9) == []
    (event,) = session.tick(10_061.0)
    assert [pending.deadline for pending in event.pending] == [10_061.0]


def test_after_a_pause_the_timers_take_as_long_as_ever() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.pause(10.0)
    session.resume(1010.0)
    session.receive(octets("submit_sm") + b"\0", 1020.0)
    assert session.next_deadline() == 1025.0
    session.receive(octets("submit_sm")[1:], 1021.0)
    assert session.next_deadline() == 1051.0
    session.tick(1051.0)
    assert session.next_deadline() == 1111.0
    session.request(sample("deliver_sm"), 1040.0)
    assert session.next_deadline() == 1100.0


def test_many_short_pauses_do_not_put_off_what_is_due() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.request(sample("deliver_sm"), 0.0)
    for second in range(80):
        session.receive(octets("submit_sm"), second + 0.0)
        session.pause(second + 0.25)
        session.resume(second + 0.5)
    assert session.next_deadline() == 80.0
    (event,) = session.tick(80.0)
    assert isinstance(event, Expired)


def test_a_request_sent_while_we_do_not_read_has_its_whole_time() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.pause(10.0)
    session.request(sample("deliver_sm"), 500.0)
    session.resume(1000.0)
    session.receive(octets("submit_sm"), 1055.0)
    assert session.next_deadline() == 1060.0
    session.pause(1056.0)
    assert [pending.deadline for pending in session.close()] == [1060.0]


def test_an_enquire_link_asked_before_the_pause_is_waited_for_after_it() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    session.tick(30.0)
    session.pause(40.0)
    assert session.tick(500.0) == []
    session.resume(500.0)
    assert session.next_deadline() == 550.0
    assert "enquire_link" in closes(session.tick(550.0))


def test_a_pause_does_not_stop_session_init() -> None:
    session = session_in(Role.MC, State.OPEN)
    session.pause(1.0)
    assert "session_init" in closes(session.tick(10.0))


def test_probing_a_stale_bind() -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    assert isinstance(split(session.enquire(5.0))[0], wire.EnquireLink)
    assert session.next_deadline() == 65.0
    session.enquire(50.0)
    assert session.next_deadline() == 65.0
    assert "enquire_link" in closes(session.tick(65.0))


def test_a_part_held_behind_a_bind_gets_its_time_after_the_judgement() -> None:
    session = session_in(Role.MC, State.OPEN)
    session.receive(octets("bind_transceiver") + octets("submit_sm")[:9], 1.0)
    assert session.next_deadline() == 10.0
    assert session.tick(9.0) == []
    session.accept_bind(sample("bind_transceiver"), "mc")
    assert session.receive(b"", 9.0) == []
    assert session.next_deadline() == 14.0
    (event,) = session.receive(octets("submit_sm")[9:], 10.0)
    assert isinstance(event, Request)


@ROLES
def test_our_unbind_is_not_waited_for_longer_than_the_response_timer(role: Role) -> None:
    session = session_in(role, State.BOUND_TRX)
    session.unbind(5.0)
    assert session.next_deadline() == 65.0
    assert session.tick(64.9) == []
    assert session.take_output() == b""
    assert "response timer" in closes(session.tick(65.0))
    assert session.state is State.UNBOUND


def test_a_caller_that_never_answers_cannot_keep_an_unbound_peer() -> None:
    session = session_in(Role.MC, State.UNBOUND)
    assert session.next_deadline() == TIMING.response
    assert "response timer" in closes(session.tick(60.0))
    assert split(session.take_output()) == [wire.UnbindResp(sequence_number=6)]


def test_tick_is_idempotent_and_next_deadline_is_exact() -> None:
    """Ticking only at next_deadline shows the same as ticking all the time."""

    def story(step: float | None) -> list[object]:
        session = session_in(Role.MC, State.BOUND_TRX)
        for number in range(3):
            session.request(sample("deliver_sm"), 7.0 * number, number)
        seen: list[object] = []
        now = 0.0
        while now < 200.0:
            now = session.next_deadline() if step is None else now + step
            seen += [(now, event) for event in session.tick(now)]
            if session.take_output():
                seen.append((now, "enquire_link"))
            if any(isinstance(event, Close) for _, event in seen):
                break
        return seen

    assert story(None) == story(0.5)
    assert len(story(None)) == 5


def test_defaults_are_those_documented() -> None:
    session = Session(Role.MC, window=1, timing=Timing(), now=0.0)
    assert session.next_deadline() == 10.0
