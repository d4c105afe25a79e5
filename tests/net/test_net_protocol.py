"""One connection: batches, timers, slow peers, the end; all in memory, on a clock of our own."""

from __future__ import annotations

import pytest
from net_kit import BIND, SUBMIT, Recorder, Wire, connection, lose, session
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.test import iosim

from smppgw.smpp import wire
from smppgw.smpp.net import LINGER, MAX_BUFFER, SmppProtocol
from smppgw.smpp.session import Close, Expired, Request, Response, Role, State

ENQUIRE = wire.header(0x15, 0, 3)


# -- reading and writing ------------------------------------------------------------------------


def test_all_answers_of_one_read_leave_in_one_write(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.dataReceived(SUBMIT * 50 + ENQUIRE)
    assert len(recorder.batches) == 1
    assert len(transport.writes) == 1
    answers = transport.pdus()
    assert [type(pdu) for pdu in answers] == [wire.SubmitSmResp] * 50 + [wire.EnquireLinkResp]
    lose(protocol)


def test_a_read_that_says_nothing_writes_nothing(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.dataReceived(SUBMIT[:30])
    assert (recorder.batches, transport.writes) == ([], [])
    protocol.dataReceived(SUBMIT[30:])
    assert recorder.kinds == ["Request"]
    lose(protocol)


def test_send_waits_for_flush(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.send(b"one")
    protocol.send(b"")
    protocol.send(b"two")
    assert transport.writes == []
    protocol.flush()
    protocol.flush()
    assert transport.writes == [b"onetwo"]
    protocol.send_now(b"three")
    assert transport.writes == [b"onetwo", b"three"]
    lose(protocol)


def test_flush_within_a_batch_waits_for_its_end(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)

    def twice(protocol: SmppProtocol, _: object) -> None:
        protocol.send_now(b"more")
        protocol.send_now(b"and more")

    recorder.on_events = twice
    protocol.dataReceived(SUBMIT)
    (written,) = transport.writes
    assert written.endswith(b"moreand more")
    lose(protocol)


def test_the_socket_is_set_up_and_the_peer_known(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    assert transport.options == {"nodelay": True, "keepalive": True}
    assert protocol.peer == ("192.168.1.1", 54321)
    assert recorder.protocol is protocol
    assert repr(protocol) == (
        "<SmppProtocol 192.168.1.1:54321 <Session MC BOUND_TRX in_flight=0/10 owed=0>>"
    )
    lose(protocol)


def test_a_client_binds_from_connected(clock: Clock, recorder: Recorder) -> None:
    recorder.on_connected = lambda protocol: protocol.send(
        protocol.session.bind(wire.BindTransceiver(system_id="me"))
    )
    protocol = SmppProtocol(session(Role.ESME), recorder, clock)
    transport = Wire()
    protocol.makeConnection(transport)
    assert [type(pdu) for pdu in transport.pdus()] == [wire.BindTransceiver]
    lose(protocol)


# -- binding ------------------------------------------------------------------------------------


def test_a_bind_judged_at_once_goes_on_with_what_follows(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder, bound=False)
    protocol.dataReceived(BIND + SUBMIT * 2)
    assert recorder.kinds == ["BindRequest", "Request", "Request"]
    assert len(transport.writes) == 1
    assert [type(pdu) for pdu in transport.pdus()] == [
        wire.BindTransceiverResp,
        wire.SubmitSmResp,
        wire.SubmitSmResp,
    ]
    assert transport.producerState == "producing"
    lose(protocol)


def test_nothing_is_read_while_a_bind_is_judged(clock: Clock) -> None:
    recorder = Recorder(accept=False)
    protocol, transport = connection(clock, recorder, bound=False)
    protocol.dataReceived(BIND + SUBMIT)
    assert transport.producerState == "paused"
    protocol.flush()
    assert transport.producerState == "paused"
    assert recorder.kinds == ["BindRequest"]
    clock.advance(5.0)
    protocol.send_now(protocol.session.accept_bind(recorder.seen[0].pdu, "mc"))
    assert transport.producerState == "producing"
    assert recorder.kinds == ["BindRequest", "Request"]
    assert [type(pdu) for pdu in transport.pdus()] == [wire.BindTransceiverResp, wire.SubmitSmResp]
    lose(protocol)


def test_binds_refused_one_after_the_other(clock: Clock) -> None:
    recorder = Recorder(accept=False)
    protocol, transport = connection(clock, recorder, bound=False)
    protocol.dataReceived(BIND * 3)
    for expected in (1, 2, 3):
        assert len(recorder.seen) == expected
        protocol.send_now(protocol.session.refuse_bind(recorder.seen[-1].pdu, 0x0E))
    assert transport.producerState == "producing"
    assert [pdu.command_status for pdu in transport.pdus()] == [0x0E] * 3
    lose(protocol)


def test_a_bind_judged_too_late_is_closed_by_session_init(clock: Clock) -> None:
    recorder = Recorder(accept=False)
    protocol, transport = connection(clock, recorder, bound=False)
    protocol.dataReceived(BIND)
    clock.advance(10.0)
    assert recorder.kinds == ["BindRequest", "Close"]
    assert transport.disconnecting
    lose(protocol)


# -- time ---------------------------------------------------------------------------------------


def test_one_delayed_call_that_traffic_does_not_move(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    clock.advance(10.0)
    (call,) = clock.getDelayedCalls()
    for _ in range(4):
        clock.advance(1.0)
        protocol.dataReceived(SUBMIT)
        assert clock.getDelayedCalls() == [call]
    transport.pdus()
    clock.advance(29.0)
    assert transport.writes == []
    (again,) = clock.getDelayedCalls()
    assert again.getTime() == 44.0
    clock.advance(1.0)
    assert [type(pdu) for pdu in transport.pdus()] == [wire.EnquireLink]
    lose(protocol)


def test_a_nearer_deadline_moves_the_call(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.dataReceived(SUBMIT[:5])
    (call,) = clock.getDelayedCalls()
    assert call.getTime() == 5.0
    protocol.dataReceived(SUBMIT[5:])
    clock.advance(5.0)
    assert not transport.disconnecting
    lose(protocol)


def test_a_slow_drip_is_closed_by_the_pdu_timer(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    for position in range(6):
        protocol.dataReceived(SUBMIT[position : position + 1])
        assert not transport.disconnecting
        clock.advance(0.9)
    assert transport.disconnecting
    assert isinstance(recorder.seen[-1], Close)
    lose(protocol)
    assert recorder.lost_calls == [("a PDU was begun and not completed in time", [])]


def test_who_does_not_bind_is_closed(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder, bound=False)
    clock.advance(9.9)
    assert not transport.disconnecting
    clock.advance(0.1)
    assert transport.disconnecting
    lose(protocol)


def test_requests_expire_as_one_batch(clock: Clock, recorder: Recorder) -> None:
    protocol, _ = connection(clock, recorder)
    for number in range(3):
        protocol.send(protocol.session.request(wire.DeliverSm(), clock.seconds(), number))
    protocol.flush()
    clock.advance(29.0)
    protocol.dataReceived(ENQUIRE)
    clock.advance(29.0)
    protocol.dataReceived(ENQUIRE)
    clock.advance(2.0)
    (batch,) = recorder.batches
    (event,) = batch
    assert isinstance(event, Expired)
    assert [pending.context for pending in event.pending] == [0, 1, 2]
    lose(protocol)


def test_a_silent_peer_is_asked_then_closed(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    clock.pump([30.0, 59.9])
    assert [type(pdu) for pdu in transport.pdus()] == [wire.EnquireLink]
    assert not transport.disconnecting
    clock.advance(0.1)
    assert transport.disconnecting
    lose(protocol)


def test_while_we_pause_the_peer_is_not_blamed(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.pause("queue full")
    protocol.pause("storage")
    assert transport.producerState == "paused"
    clock.pump([50.0] * 20)
    assert not transport.disconnecting
    protocol.resume("queue full")
    assert transport.producerState == "paused"
    protocol.resume("never paused")
    protocol.resume("storage")
    protocol.resume("storage")
    assert transport.producerState == "producing"
    assert transport.pdus() == []
    clock.advance(30.0)
    assert [type(pdu) for pdu in transport.pdus()] == [wire.EnquireLink]
    lose(protocol)


# -- a peer that does not read ------------------------------------------------------------------


def test_a_full_transport_stops_reading_and_writing(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    transport.producer.pauseProducing()
    assert recorder.writable_calls == [False]
    assert transport.producerState == "paused"
    protocol.send_now(b"12345")
    protocol.send_now(b"678")
    assert transport.writes == []
    assert protocol.unsent == 8
    transport.producer.resumeProducing()
    assert recorder.writable_calls == [False, True]
    assert transport.producerState == "producing"
    assert transport.writes == [b"12345678"]
    assert protocol.unsent == 0
    lose(protocol)


def test_a_peer_that_does_not_read_is_dropped_at_the_limit(clock: Clock) -> None:
    recorder = Recorder()
    protocol, transport = connection(clock, recorder, max_buffer=1000)
    protocol.session.request(wire.DeliverSm(), 0.0, "mine")
    transport.producer.pauseProducing()
    protocol.send_now(bytes(1000))
    assert not transport.disconnected
    protocol.send_now(b"x")
    assert transport.disconnected
    assert transport.writes == []
    protocol.send_now(b"after the end")
    lose(protocol)
    ((reason, in_flight),) = recorder.lost_calls
    assert reason == "the peer does not read: 1001 octets unsent"
    assert [pending.context for pending in in_flight] == ["mine"]


def test_what_one_read_can_produce_is_bounded(clock: Clock, recorder: Recorder) -> None:
    """A transport that fills within a write: the next read does not come, little is held."""
    protocol, transport = connection(clock, recorder)
    written = 0

    def write(data: bytes) -> None:
        nonlocal written
        written += len(data)
        if written > 65536 and transport.producerState == "producing":
            transport.producer.pauseProducing()

    transport.write = write
    reads = 0
    while transport.producerState == "producing":
        protocol.dataReceived(ENQUIRE * 1000)
        reads += 1
    assert reads == 5
    assert protocol.unsent == 0
    protocol.dataReceived(ENQUIRE * 1000)
    assert protocol.unsent == 16_000
    assert written == 5 * 16_000
    lose(protocol)


def test_a_peer_that_never_reads_again_is_closed_by_its_silence(
    clock: Clock, recorder: Recorder
) -> None:
    protocol, transport = connection(clock, recorder)
    transport.producer.pauseProducing()
    clock.pump([30.0, 60.0])
    assert transport.disconnecting
    clock.advance(LINGER)
    assert transport.disconnected
    lose(protocol)


def test_our_own_cause_and_a_slow_peer_overlap(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.pause("queue full")
    transport.producer.pauseProducing()
    transport.producer.resumeProducing()
    assert transport.producerState == "paused"
    clock.pump([100.0] * 5)
    assert not transport.disconnecting
    protocol.resume("queue full")
    assert transport.producerState == "producing"
    lose(protocol)


def test_the_default_limit_is_documented() -> None:
    assert MAX_BUFFER == 1024 * 1024


# -- faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\0\0\0\x0f", b"\0\0\0\0"])
def test_a_bad_length_is_answered_and_closed_at_once(
    clock: Clock, recorder: Recorder, length: bytes
) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.dataReceived(length)
    assert transport.disconnecting
    (nack,) = transport.pdus()
    assert (type(nack), nack.command_status) == (wire.GenericNack, 0x02)
    protocol.dataReceived(SUBMIT)
    assert recorder.kinds == ["Close"]
    lose(protocol)


def test_a_failing_handler_costs_its_connection_only(
    clock: Clock, recorder: Recorder, failures: list[dict[str, object]]
) -> None:
    other, other_transport = connection(clock, Recorder())
    protocol, transport = connection(clock, recorder)
    recorder.on_events = lambda *_: 1 // 0
    protocol.dataReceived(SUBMIT)
    assert transport.disconnected
    assert not other_transport.disconnecting
    assert len(failures) == 1
    failures.clear()
    lose(protocol)
    lose(other)
    assert recorder.lost_calls[0][0] == "internal error"


def test_a_handler_that_fails_on_a_timer(
    clock: Clock, recorder: Recorder, failures: list[dict[str, object]]
) -> None:
    protocol, transport = connection(clock, recorder)
    recorder.on_events = lambda *_: 1 // 0
    protocol.session.request(wire.DeliverSm(), 0.0)
    clock.pump([30.0, 30.0, 30.0])
    assert transport.disconnected
    assert len(failures) == 1
    failures.clear()
    lose(protocol)


# -- the end ------------------------------------------------------------------------------------


def test_an_orderly_close_writes_what_is_left(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    transport.producer.pauseProducing()
    protocol.send(b"left")
    protocol.close("drained")
    protocol.close("again")
    protocol.send_now(b"too late")
    assert transport.writes == [b"left"]
    assert transport.disconnecting
    assert not transport.disconnected
    assert transport.producer is None
    lose(protocol)
    assert recorder.lost_calls == [("drained", [])]


def test_a_close_while_we_pause_reads_the_last_word(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.pause("queue full")
    protocol.close("drained")
    assert transport.producerState == "producing"
    protocol.dataReceived(SUBMIT)
    assert recorder.batches == []
    lose(protocol)


def test_a_transport_that_must_read_before_it_writes(clock: Clock, recorder: Recorder) -> None:
    """As TLS does before its handshake: it must not find anybody to call full."""
    protocol, transport = connection(clock, recorder, bound=False)
    assert transport.producer is None
    protocol.dataReceived(BIND[:1])
    assert (transport.producer, transport.streaming) == (protocol, True)
    lose(protocol)
    protocol, transport = connection(clock, recorder, bound=False)
    protocol.close("before anything was read")
    assert transport.disconnecting
    lose(protocol)


def test_a_close_that_the_peer_does_not_take_is_aborted(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.close("drained")
    clock.advance(LINGER - 0.1)
    assert not transport.disconnected
    clock.advance(0.1)
    assert transport.disconnected
    lose(protocol)
    assert recorder.lost_calls == [("drained", [])]


def test_a_lost_connection_hands_back_what_is_in_flight(clock: Clock, recorder: Recorder) -> None:
    protocol, _ = connection(clock, recorder)
    for number in range(3):
        protocol.send_now(protocol.session.request(wire.DeliverSm(), clock.seconds(), number))
    lose(protocol, ConnectionLost())
    ((reason, in_flight),) = recorder.lost_calls
    assert "non-clean" in reason
    assert [pending.context for pending in in_flight] == [0, 1, 2]
    assert protocol.session.state is State.CLOSED
    protocol.abort("after")
    protocol.close("after")
    protocol.send_now(b"after")
    protocol.pause("after")
    protocol.resume("after")
    protocol.stopProducing()
    assert len(recorder.lost_calls) == 1


def test_closed_by_the_peer(clock: Clock, recorder: Recorder) -> None:
    protocol, _ = connection(clock, recorder)
    lose(protocol)
    assert recorder.lost_calls == [("closed by the peer", [])]


def test_abort_drops_everything(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    protocol.send(b"never written")
    protocol.abort("operator")
    assert transport.disconnected
    assert transport.writes == []
    lose(protocol)
    assert recorder.lost_calls == [("operator", [])]


def test_the_peer_unbinds_while_answers_are_owed(clock: Clock) -> None:
    recorder = Recorder(answer=False)
    protocol, transport = connection(clock, recorder)
    recorder.accept = True
    protocol.dataReceived(SUBMIT + wire.header(0x06, 0, 8))
    assert recorder.kinds == ["Request", "PeerUnbind"]
    assert transport.writes == []
    clock.advance(0.01)
    answer = wire.SubmitSmResp(message_id="a", sequence_number=7)
    protocol.send_now(protocol.session.respond(answer))
    assert transport.pdus() == [answer, wire.UnbindResp(sequence_number=8)]
    clock.advance(0.0)
    assert recorder.kinds == ["Request", "PeerUnbind", "Close"]
    assert transport.disconnecting
    lose(protocol)
    assert recorder.lost_calls == [("unbound by the peer", [])]


def test_two_connections_in_memory_from_bind_to_unbind(clock: Clock) -> None:
    server, client = Recorder(), Recorder()
    client.on_connected = lambda protocol: protocol.send(
        protocol.session.bind(wire.BindTransceiver(system_id="me"))
    )
    esme, mc, pump = iosim.connectedServerAndClient(
        lambda: SmppProtocol(session(Role.MC), server, clock),
        lambda: SmppProtocol(session(Role.ESME), client, clock),
        clock=clock,
    )
    assert (esme.session.state, mc.session.state) == (State.BOUND_TRX, State.BOUND_TRX)
    for number in range(10):
        esme.send(esme.session.request(wire.SubmitSm(), clock.seconds(), number))
    esme.flush()
    mc.send_now(mc.session.request(wire.DeliverSm(), clock.seconds(), "mo"))
    pump.flush()
    answers = [event for event in client.seen if isinstance(event, Response)]
    assert [answer.context for answer in answers] == list(range(10))
    assert [type(event) for event in client.seen].count(Request) == 1
    assert [event.context for event in server.seen if isinstance(event, Response)] == ["mo"]
    esme.send_now(esme.session.unbind(clock.seconds()))
    pump.flush()
    assert client.kinds[-1] == server.kinds[-1] == "Close"
    # Whoever closes first is seen by the other as the end it wanted anyway.
    assert [reason for reason, _ in client.lost_calls + server.lost_calls] == [
        "unbound",
        "unbound by the peer",
    ]
