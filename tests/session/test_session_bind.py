"""Binding: who may, what waits meanwhile, versions, answers that deviate."""

from __future__ import annotations

import pytest
from session_kit import TIMING, Link, octets, sample, session_in, split

from smppgw.smpp import wire
from smppgw.smpp.session import (
    BindAnswer,
    BindRequest,
    Close,
    LocalError,
    Refused,
    Request,
    Response,
    Role,
    Session,
    State,
)

BINDS = ("bind_transmitter", "bind_receiver", "bind_transceiver")
BOUND_STATES = (State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX)


@pytest.mark.parametrize(("name", "state"), list(zip(BINDS, BOUND_STATES, strict=True)))
def test_two_sessions_bind_and_talk(name: str, state: State) -> None:
    link = Link().bound(name)
    assert (link.esme.state, link.mc.state) == (state, state)
    assert (link.esme.peer_version, link.mc.peer_version) == (0x34, 0x34)
    if state is not State.BOUND_RX:
        (event,) = link.to_mc(link.esme.request(sample("submit_sm"), 0.0, "mt"))
        assert isinstance(event, Request)
        answer = wire.SubmitSmResp(message_id="a1", sequence_number=event.pdu.sequence_number)
        assert link.to_esme(link.mc.respond(answer)) == [Response(answer, "mt", 0.0)]
    if state is not State.BOUND_TX:
        (event,) = link.to_esme(link.mc.request(sample("deliver_sm"), 0.0, "mo"))
        answer = wire.DeliverSmResp(sequence_number=event.pdu.sequence_number)
        assert link.to_mc(link.esme.respond(answer)) == [Response(answer, "mo", 0.0)]
    assert (link.esme.in_flight, link.mc.in_flight, link.esme.owed, link.mc.owed) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", BINDS)
@pytest.mark.parametrize(("version", "tlvs"), [(0x33, 0), (0x00, 0), (0x34, 1), (0x50, 1)])
def test_only_a_peer_of_3_4_or_later_gets_our_version(name: str, version: int, tlvs: int) -> None:
    session = Session(Role.MC, window=1, timing=TIMING, now=0.0, interface_version=0x50)
    request = sample(name)
    request.interface_version = version
    (event,) = session.receive(wire.encode(request), 0.0)
    assert event == BindRequest(request)
    (answer,) = split(session.accept_bind(event.pdu, "smppgw"))
    assert type(answer) is request.response
    assert (answer.system_id, answer.sequence_number, answer.command_status) == ("smppgw", 77, 0)
    assert answer.tlvs == ((0x0210, b"\x50"),) * tlvs
    assert session.peer_version == version


@pytest.mark.parametrize("name", BINDS)
def test_a_refused_bind_is_header_only_and_may_be_tried_again(name: str) -> None:
    link = Link()
    (event,) = link.to_mc(link.esme.bind(sample(name)))
    refusal = link.mc.refuse_bind(event.pdu, 0x0E)
    assert len(refusal) == 16
    (answer,) = link.to_esme(refusal)
    assert isinstance(answer, BindAnswer)
    assert answer.pdu.command_status == 0x0E
    assert (link.esme.state, link.mc.state) == (State.OPEN, State.OPEN)
    link.bound(name)
    assert link.mc.state is link.esme.state is not State.OPEN


def test_what_follows_a_bind_is_held_until_it_is_judged() -> None:
    session = session_in(Role.MC, State.OPEN)
    (event,) = session.receive(
        octets("bind_transmitter") + octets("submit_sm", 2) + octets("enquire_link", 3), 0.0
    )
    assert session.receive(octets("submit_sm", 4), 0.0) == []
    assert session.holding
    assert session.take_output() == b""
    session.accept_bind(event.pdu, "mc")
    assert not session.holding
    first, second = session.receive(b"", 0.0)
    assert (first.pdu.sequence_number, second.pdu.sequence_number) == (2, 4)
    assert split(session.take_output()) == [wire.EnquireLinkResp(sequence_number=3)]
    assert session.receive(b"", 0.0) == []


def test_what_follows_a_refused_bind_is_refused() -> None:
    session = session_in(Role.MC, State.OPEN)
    (event,) = session.receive(octets("bind_transmitter") + octets("submit_sm", 2), 0.0)
    session.refuse_bind(event.pdu, 0x0D)
    assert session.receive(b"", 0.0) == [Refused(0x04, 0x04)]


def test_a_second_bind_behind_the_first_is_already_bound() -> None:
    session = session_in(Role.MC, State.OPEN)
    (event,) = session.receive(octets("bind_transmitter", 1) + octets("bind_receiver", 2), 0.0)
    session.accept_bind(event.pdu, "mc")
    assert session.receive(b"", 0.0) == [Refused(0x01, 0x05)]
    assert session.state is State.BOUND_TX
    (answer,) = split(session.take_output())
    assert (type(answer), answer.command_status) == (wire.BindReceiverResp, 0x05)


def test_a_bad_length_behind_a_bind_waits_for_the_judgement() -> None:
    session = session_in(Role.MC, State.OPEN)
    (event,) = session.receive(octets("bind_transmitter") + b"\xff" * 16, 0.0)
    session.accept_bind(event.pdu, "mc")
    (close,) = session.receive(b"", 0.0)
    assert isinstance(close, Close)


def test_judging_without_a_bind_is_our_mistake() -> None:
    session = session_in(Role.MC, State.OPEN)
    for judge in (
        lambda: session.accept_bind(sample("bind_receiver"), "mc"),
        lambda: session.refuse_bind(sample("bind_receiver"), 1),
    ):
        with pytest.raises(LocalError):
            judge()
    (event,) = session.receive(octets("bind_receiver"), 0.0)
    session.tick(10.0)
    with pytest.raises(LocalError):
        session.accept_bind(event.pdu, "mc")


def test_a_system_id_that_cannot_be_sent_leaves_the_bind_to_judge() -> None:
    session = session_in(Role.MC, State.OPEN)
    (event,) = session.receive(octets("bind_receiver"), 0.0)
    with pytest.raises(wire.EncodeError):
        session.accept_bind(event.pdu, "x" * 16)
    assert session.holding
    assert session.state is State.OPEN
    session.refuse_bind(event.pdu, 8)


def test_traffic_in_the_same_read_as_the_bind_answer() -> None:
    session = session_in(Role.ESME, State.OPEN)
    (asked,) = split(session.bind(sample("bind_transceiver")))
    answer = wire.BindTransceiverResp(system_id="mc", sequence_number=asked.sequence_number)
    events = session.receive(wire.encode(answer) + octets("deliver_sm", 1), 0.0)
    assert events == [BindAnswer(answer), Request(sample("deliver_sm", 1))]
    assert session.state is State.BOUND_TRX


def test_bind_receiver_answered_by_bind_transmitter_resp() -> None:
    session = session_in(Role.ESME, State.OPEN)
    (asked,) = split(session.bind(sample("bind_receiver")))
    answer = wire.BindTransmitterResp(system_id="osmo", sequence_number=asked.sequence_number)
    assert session.receive(wire.encode(answer), 0.0) == [BindAnswer(answer)]
    assert session.state is State.BOUND_RX


@pytest.mark.parametrize(
    ("tlvs", "version"),
    [
        ((), 0x34),
        (((0x0210, b"\x50"),), 0x50),
        (((0x0210, b"\x33"),), 0x33),
        (((0x0210, b""),), 0x34),
    ],
)
def test_the_version_of_the_answer(tlvs: tuple[tuple[int, bytes], ...], version: int) -> None:
    session = session_in(Role.ESME, State.OPEN)
    (asked,) = split(session.bind(sample("bind_transceiver")))
    answer = wire.BindTransceiverResp(tlvs=tlvs, sequence_number=asked.sequence_number)
    session.receive(wire.encode(answer), 0.0)
    assert session.peer_version == version


@pytest.mark.parametrize(
    "answer",
    [
        wire.GenericNack(sequence_number=1, command_status=3),
        wire.GenericNack(sequence_number=1),
        wire.SubmitSmResp(sequence_number=1),
        wire.BindTransceiverResp(sequence_number=1, command_status=0x0F),
    ],
)
def test_nothing_but_a_good_bind_response_binds(answer: wire.PDU) -> None:
    session = session_in(Role.ESME, State.OPEN)
    session.bind(sample("bind_transceiver"))
    assert session.receive(wire.encode(answer), 0.0) == [BindAnswer(answer)]
    assert session.state is State.OPEN


def test_one_bind_at_a_time() -> None:
    session = session_in(Role.ESME, State.OPEN)
    session.bind(sample("bind_transceiver"))
    with pytest.raises(LocalError):
        session.bind(sample("bind_transceiver"))


def test_a_bind_that_cannot_be_coded_is_not_waited_for() -> None:
    session = session_in(Role.ESME, State.OPEN)
    with pytest.raises(wire.EncodeError):
        session.bind(wire.BindTransceiver(system_id="x" * 40))
    session.bind(sample("bind_transceiver"))


def test_outbind_then_bind() -> None:
    link = Link()
    (event,) = link.to_esme(link.mc.request(sample("outbind"), 0.0))
    assert isinstance(event.pdu, wire.Outbind)
    assert (link.esme.state, link.mc.state) == (State.OUTBOUND, State.OUTBOUND)
    assert (link.mc.in_flight, link.esme.owed) == (0, 0)
    link.bound("bind_receiver")
    assert (link.esme.state, link.mc.state) == (State.BOUND_RX, State.BOUND_RX)
