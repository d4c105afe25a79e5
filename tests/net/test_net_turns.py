"""Many busy connections on one listener: each has its turn, order is kept, nothing is lost."""

from __future__ import annotations

import pytest
from net_kit import BIND, SUBMIT, Recorder, Wire, lose, session
from twisted.internet.task import Clock

from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol, SmppServerFactory
from smppgw.smpp.net.turns import SHARE, Turns
from smppgw.smpp.session import Expired

BURST = SUBMIT * (SHARE // len(SUBMIT) + 1)


def connections(clock: Clock, count: int) -> list[tuple[SmppProtocol, Wire, Recorder]]:
    turns = Turns(clock)
    made = []
    for _ in range(count):
        recorder, transport = Recorder(), Wire()
        protocol = SmppProtocol(session(), recorder, clock, turns=turns)
        protocol.makeConnection(transport)
        protocol.dataReceived(BIND)
        recorder.batches.clear()
        transport.pdus()
        made.append((protocol, transport, recorder))
    settle(clock)
    return made


def settle(clock: Clock) -> None:
    """Turns of the reactor until nobody waits for one."""
    for _ in range(50):
        clock.advance(0.0)


def test_who_comes_after_a_burst_waits_for_the_next_turn(clock: Clock) -> None:
    (first, _, seen), (second, transport, waiting) = connections(clock, 2)
    first.dataReceived(BURST)
    second.dataReceived(SUBMIT)
    assert len(seen.seen) == SHARE // len(SUBMIT)
    assert waiting.seen == []
    assert transport.producerState == "paused"
    clock.advance(0.0)
    assert len(seen.seen) == len(BURST) // len(SUBMIT)
    assert waiting.kinds == ["Request"]
    assert transport.producerState == "producing"
    settle(clock)
    lose(first)
    lose(second)


def test_reads_of_one_connection_keep_their_order(clock: Clock) -> None:
    (protocol, transport, recorder), *_ = connections(clock, 1)
    numbers = list(range(1, 400))
    stream = b"".join(
        wire.encode(wire.SubmitSm(short_message=b"x" * 100, sequence_number=number))
        for number in numbers
    )
    for start in range(0, len(stream), 5_000):
        protocol.dataReceived(stream[start : start + 5_000])
        if start % 15_000 == 0:
            clock.advance(0.0)
    settle(clock)
    assert [event.pdu.sequence_number for event in recorder.seen] == numbers
    assert transport.producerState == "producing"
    lose(protocol)


def test_everybody_gets_a_turn(clock: Clock) -> None:
    made = connections(clock, 20)
    for protocol, *_ in made:
        protocol.dataReceived(BURST)
    assert [bool(recorder.seen) for _, _, recorder in made] == [True] + [False] * 19
    settle(clock)
    assert all(recorder.seen for _, _, recorder in made)
    for protocol, *_ in made:
        lose(protocol)


def test_what_waits_for_a_lost_connection_is_dropped(clock: Clock) -> None:
    (first, *_), (second, _, recorder) = connections(clock, 2)
    first.dataReceived(BURST)
    second.dataReceived(SUBMIT)
    lose(second)
    settle(clock)
    assert recorder.seen == []
    lose(first)


def test_waiting_for_a_turn_does_not_put_off_the_response_timer(clock: Clock) -> None:
    (first, *_), (second, _, recorder) = connections(clock, 2)
    second.send_now(second.session.request(wire.DeliverSm(), clock.seconds(), "mo"))
    for _ in range(61):
        first.dataReceived(BURST)
        second.dataReceived(SUBMIT)
        clock.advance(0.0)
        settle(clock)
        clock.advance(1.0)
    assert any(isinstance(event, Expired) for event in recorder.seen)
    settle(clock)
    lose(first)
    lose(second)


def test_a_listener_shares_its_turns(clock: Clock, recorder: Recorder) -> None:
    factory = SmppServerFactory(lambda now: session(now=now), lambda: recorder, clock, 10)
    first, second = factory.buildProtocol(None), factory.buildProtocol(None)
    for protocol in (first, second):
        protocol.makeConnection(Wire())
        protocol.dataReceived(BIND)
    settle(clock)
    recorder.batches.clear()
    first.dataReceived(BURST)
    second.dataReceived(SUBMIT)
    assert len(recorder.seen) == SHARE // len(SUBMIT)
    settle(clock)
    assert len(recorder.seen) == len(BURST) // len(SUBMIT) + 1
    lose(first)
    lose(second)


def test_a_fault_in_a_turn_costs_one_connection(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, failures: list[dict[str, object]]
) -> None:
    (first, *_), (second, broken, _), (third, _, recorder) = connections(clock, 3)

    def fails(data: bytes) -> None:
        raise RuntimeError("not foreseen")

    first.dataReceived(BURST)
    monkeypatch.setattr(second, "handle", fails)
    second.dataReceived(SUBMIT)
    third.dataReceived(SUBMIT)
    settle(clock)
    third.dataReceived(SUBMIT)
    settle(clock)
    assert broken.disconnecting or broken.disconnected
    assert recorder.kinds == ["Request"] * 2
    assert len(failures) == 1
    failures.clear()
    for protocol in (first, second, third):
        lose(protocol)
