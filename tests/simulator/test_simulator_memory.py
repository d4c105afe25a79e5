"""The memory network: TCP as far as a protocol can tell, and the faults of a wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_kit import CARRIER, World, receipts
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smppgw.simulator.memory import BUFFER, MemoryConnector, MemoryNetwork, Wire
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol, SmppServerFactory
from smppgw.smpp.session import Role, Session, Timing


class End(Protocol):
    """Keeps what it is told; `reason` is set when the connection is gone."""

    def __init__(self) -> None:
        self.reads: list[bytes] = []
        self.reason: type[Exception] | None = None
        self.said: list[str] = []

    @property
    def read(self) -> bytes:
        return b"".join(self.reads)

    def dataReceived(self, data: bytes) -> None:
        self.reads.append(data)

    def connectionLost(self, reason: object = None) -> None:
        assert self.reason is None
        self.reason = type(reason.value)

    def pauseProducing(self) -> None:
        self.said.append("pause")

    def resumeProducing(self) -> None:
        self.said.append("resume")

    def stopProducing(self) -> None:
        self.said.append("stop")


class Pair:
    """A wire with an `End` at each side; the client's takes the place of a SmppProtocol."""

    def __init__(self, split: int = 0) -> None:
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.network.split = split
        self.server = End()
        factory = Factory()
        factory.buildProtocol = lambda _: self.server
        self.network.listen("there:1", factory)
        session = Session(Role.ESME, window=1, timing=Timing(), now=0.0)
        self.network.connect("there:1", session, Silent())
        self.clock.advance(0)
        (self.wire,) = self.network.wires
        self.wire.client.protocol.connectionLost(Failure(ConnectionDone()))
        self.client = self.wire.client.protocol = End()
        self.client.makeConnection(self.wire.client)

    def advance(self) -> None:
        self.clock.advance(0)


class Silent:
    def __init__(self) -> None:
        self.reason = ""

    def connected(self, protocol: SmppProtocol) -> None:
        self.protocol = protocol

    def events(self, protocol: SmppProtocol, events: list[object]) -> None: ...

    def writable(self, protocol: SmppProtocol, writable: bool) -> None: ...

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[object]) -> None:
        self.reason = reason


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    pair.client.transport.unregisterProducer()
    yield pair
    pair.advance()
    assert pair.clock.getDelayedCalls() == []


# ---------------------------------------------------------------------- octets


def test_octets_arrive_later_in_order_and_together(pair: Pair) -> None:
    pair.client.transport.write(b"one")
    pair.client.transport.writeSequence([b"two", b"three"])
    pair.client.transport.write(b"")
    assert pair.server.reads == []
    pair.advance()
    assert pair.server.reads == [b"onetwothree"]
    pair.server.transport.write(b"back")
    pair.advance()
    assert pair.client.reads == [b"back"]


def test_a_read_is_no_larger_than_a_sockets(pair: Pair) -> None:
    pair.client.transport.write(bytes(3 * BUFFER + 1))
    pair.advance()
    assert [len(data) for data in pair.server.reads] == [BUFFER] * 3 + [1]


@given(
    writes=st.lists(st.binary(min_size=1, max_size=40), max_size=10),
    split=st.integers(min_value=0, max_value=9),
)
def test_nothing_is_lost_or_moved_in_pieces(writes: list[bytes], split: int) -> None:
    pair = Pair(split)
    for data in writes:
        pair.client.transport.write(data)
    pair.advance()
    assert pair.server.read == b"".join(writes)
    if split:
        assert all(len(data) <= split for data in pair.server.reads)


def test_addresses(pair: Pair) -> None:
    there, here = pair.wire.client.getPeer(), pair.wire.client.getHost()
    assert (there.host, there.port) == ("there", 1)
    assert here.host == "127.0.0.1"
    assert pair.wire.server.getPeer() == here
    assert pair.wire.server.getHost() == there
    assert pair.wire.name == "there:1"


def test_what_is_paused_reads_when_resumed(pair: Pair) -> None:
    pair.server.transport.pauseProducing()
    pair.client.transport.write(b"x")
    pair.advance()
    assert pair.server.reads == []
    pair.server.transport.resumeProducing()
    pair.advance()
    assert pair.server.reads == [b"x"]


def test_pausing_within_a_read_holds_the_rest(pair: Pair) -> None:
    pair.wire.client.split = 1
    pair.server.dataReceived = lambda data: (
        pair.server.reads.append(data),
        pair.server.transport.pauseProducing(),
    )
    pair.client.transport.write(b"xyz")
    pair.advance()
    assert pair.server.reads == [b"x"]


def test_a_producer_is_paused_while_too_much_is_under_way(pair: Pair) -> None:
    producer = End()
    pair.client.transport.registerProducer(producer, True)
    pair.server.transport.pauseProducing()
    pair.client.transport.write(bytes(BUFFER))
    assert producer.said == []
    pair.client.transport.write(b"x")
    pair.client.transport.write(b"x")
    pair.advance()
    assert producer.said == ["pause"]
    pair.server.transport.resumeProducing()
    pair.advance()
    assert producer.said == ["pause", "resume"]
    pair.client.transport.write(b"x")
    pair.advance()
    assert producer.said == ["pause", "resume"]
    pair.client.transport.write(bytes(BUFFER + 1))
    assert producer.said == ["pause", "resume", "pause"]
    pair.wire.cut()
    assert producer.said == ["pause", "resume", "pause", "stop"]


# ---------------------------------------------------------------------- ends


def test_an_orderly_end_comes_behind_the_last_octet(pair: Pair) -> None:
    pair.client.transport.write(b"last")
    pair.client.transport.loseConnection()
    pair.client.transport.loseConnection()
    pair.client.transport.write(b"too late")
    assert pair.client.reason is None
    pair.advance()
    assert pair.server.reads == [b"last"]
    assert pair.server.reason is pair.client.reason is ConnectionDone
    assert pair.network.wires == []


def test_stop_producing_is_an_orderly_end(pair: Pair) -> None:
    pair.client.transport.stopProducing()
    pair.advance()
    assert pair.client.reason is ConnectionDone


def test_who_ends_reads_no_more(pair: Pair) -> None:
    pair.server.transport.write(b"x")
    pair.client.transport.loseConnection()
    pair.advance()
    assert pair.client.reads == []
    assert pair.server.reason is not None


def test_both_end_at_once(pair: Pair) -> None:
    pair.client.transport.loseConnection()
    pair.server.transport.loseConnection()
    pair.advance()
    assert pair.server.reason is pair.client.reason is ConnectionDone


def test_an_abort_loses_what_is_under_way(pair: Pair) -> None:
    pair.client.transport.write(b"lost")
    pair.client.transport.abortConnection()
    assert pair.client.reason is None
    pair.advance()
    assert pair.server.reads == []
    assert pair.server.reason is ConnectionLost
    assert pair.client.reason.__name__ == "ConnectionAborted"
    pair.client.transport.abortConnection()


def test_an_end_needs_nobody_who_reads(pair: Pair) -> None:
    pair.server.transport.pauseProducing()
    pair.client.transport.write(b"last")
    pair.client.transport.loseConnection()
    pair.advance()
    assert pair.client.reason is ConnectionDone
    assert pair.server.reason is None
    pair.server.transport.resumeProducing()
    pair.advance()
    assert pair.server.reads == [b"last"]
    assert pair.server.reason is ConnectionDone


def test_an_end_waits_for_more_than_a_socket_holds(pair: Pair) -> None:
    pair.wire.client.stall()
    pair.client.transport.write(bytes(BUFFER + 1))
    pair.client.transport.loseConnection()
    pair.advance()
    assert pair.client.reason is None
    pair.wire.client.flow()
    pair.advance()
    assert pair.client.reason is pair.server.reason is ConnectionDone
    assert len(pair.server.read) == BUFFER + 1


def test_an_abort_ends_an_end_that_waits(pair: Pair) -> None:
    pair.wire.client.stall()
    pair.client.transport.write(bytes(BUFFER + 1))
    pair.client.transport.loseConnection()
    pair.advance()
    pair.client.transport.abortConnection()
    pair.advance()
    assert pair.client.reason is not None
    pair.wire.client.flow()
    pair.advance()
    assert pair.server.reason is ConnectionLost
    assert pair.server.read == b""


def test_an_end_is_heard_when_reading_again(pair: Pair) -> None:
    pair.server.transport.pauseProducing()
    pair.client.transport.loseConnection()
    pair.advance()
    assert pair.server.reason is None
    pair.server.transport.resumeProducing()
    pair.advance()
    assert pair.server.reason is ConnectionDone


def test_writing_to_who_is_gone_ends_the_connection(pair: Pair) -> None:
    pair.server.transport.pauseProducing()
    pair.client.transport.loseConnection()
    pair.advance()
    pair.server.transport.write(b"anybody?")
    pair.advance()
    assert pair.server.reason is ConnectionLost


# ---------------------------------------------------------------------- faults


def test_a_cut_is_at_once_and_loses_what_is_under_way(pair: Pair) -> None:
    pair.client.transport.write(b"lost")
    pair.server.transport.write(b"lost")
    pair.wire.cut()
    assert pair.server.reason is pair.client.reason is ConnectionLost
    assert pair.clock.getDelayedCalls() == []
    assert pair.server.reads == pair.client.reads == []
    pair.client.transport.write(b"too late")
    pair.client.transport.loseConnection()
    assert pair.network.wires == []


def test_one_direction_stalls(pair: Pair) -> None:
    pair.wire.client.stall()
    pair.client.transport.write(b"x")
    pair.server.transport.write(b"y")
    pair.advance()
    assert (pair.server.reads, pair.client.reads) == ([], [b"y"])
    pair.wire.client.flow()
    pair.advance()
    assert pair.server.reads == [b"x"]


def test_a_stall_hides_the_end_of_the_other(pair: Pair) -> None:
    pair.wire.stall()
    pair.client.transport.abortConnection()
    pair.advance()
    assert pair.client.reason is not None
    assert pair.server.reason is None
    pair.server.transport.write(b"x")
    pair.advance()
    assert pair.server.reason is None
    assert pair.network.wires == [pair.wire]
    pair.wire.client.flow()
    pair.advance()
    assert pair.server.reason is ConnectionLost


def test_a_reset_that_does_not_travel_is_not_heard_by_writing(pair: Pair) -> None:
    pair.wire.client.stall()
    pair.client.transport.abortConnection()
    pair.advance()
    pair.server.transport.write(b"anybody?")
    pair.advance()
    assert pair.server.reason is None
    pair.wire.client.flow()
    pair.advance()
    assert pair.server.reason is ConnectionLost


def test_the_network_cuts_everything() -> None:
    world = World()
    esmes = [world.run(count=1) for _ in range(3)]
    assert len(world.network.wires) == 3
    world.network.cut()
    assert world.network.wires == []
    assert world.carrier.binds == []
    world.end(*esmes)


# ---------------------------------------------------------------------- connecting


def connect(network: MemoryNetwork, handler: Silent, host: str = "there") -> object:
    session = Session(Role.ESME, window=1, timing=Timing(), now=0.0)
    return MemoryConnector(network).connect(None, host, 1, session, handler)


def server(clock: Clock, max_connections: int = 10) -> SmppServerFactory:
    timing = Timing()
    return SmppServerFactory(
        lambda now: Session(Role.MC, window=1, timing=timing, now=now),
        Silent,
        clock,
        max_connections,
    )


def test_connecting() -> None:
    clock = Clock()
    network = MemoryNetwork(clock)
    network.listen("there:1", server(clock))
    handler = Silent()
    attempt = connect(network, handler)
    assert not attempt.called
    clock.advance(0)
    assert attempt.result is handler.protocol
    assert handler.protocol.peer == ("there", 1)
    network.connect(
        "there:1", Session(Role.ESME, window=1, timing=Timing(), now=0.0), handler, "10.1.1.1"
    )
    clock.advance(0)
    assert network.wires[1].server.protocol.peer[0] == "10.1.1.1"
    network.cut()
    assert network.attempts == 2
    assert clock.getDelayedCalls() == []


def test_nobody_listens_any_more() -> None:
    clock = Clock()
    network = MemoryNetwork(clock)
    network.listen("there:1", server(clock))
    network.unlisten("there:1")
    attempt = connect(network, Silent())
    clock.advance(0)
    failures: list[object] = []
    attempt.addErrback(failures.append)
    assert failures[0].check(ConnectionRefusedError)
    assert "there:1" in failures[0].getErrorMessage()


def test_a_server_that_turns_connections_away() -> None:
    clock = Clock()
    network = MemoryNetwork(clock)
    network.listen("there:1", server(clock, max_connections=0))
    handler = Silent()
    connect(network, handler)
    clock.advance(0)
    assert handler.reason
    assert network.wires == []


def test_giving_an_attempt_up() -> None:
    clock = Clock()
    network = MemoryNetwork(clock)
    network.listen("there:1", server(clock))
    attempt = connect(network, Silent())
    attempt.cancel()
    failures: list[object] = []
    attempt.addErrback(failures.append)
    assert failures[0].check(CancelledError)
    assert clock.getDelayedCalls() == []


# ---------------------------------------------------------------------- with SMPP on it


@pytest.mark.parametrize("split", [1, 2, 3, 7, 16, 17, 100])
def test_a_load_in_pieces(split: int) -> None:
    world = World()
    world.network.split = split
    esme = world.run(count=20)
    assert receipts(esme) == {"DELIVRD": 20}
    world.end(esme)


def test_a_dead_wire_is_found_by_enquire_link() -> None:
    world = World()
    timing = Timing(enquire_link=5.0, response=3.0)
    esme = world.run(1, count=0, timing=timing)
    (only,) = world.network.wires
    only.stall()
    world.advance(8)
    assert esme.report()["connections_lost"] == 1
    assert only.server.connected
    world.advance(2)
    assert esme.binds[0].bound
    assert len(world.network.wires) == 2
    world.end(esme)


def test_a_server_that_does_not_read_holds_the_esme_back() -> None:
    world = World()
    esme = world.run(0, count=2000, window=2000, texts=("{receipt=never}" + "x" * 100,), rate=1e4)
    (only,) = world.network.wires
    only.server.pauseProducing()
    world.advance(1)
    sent = esme.sent
    assert 0 < sent < 700
    world.advance(1)
    assert esme.sent == sent
    only.server.resumeProducing()
    world.advance(1)
    assert esme.sent == 2000
    assert esme.in_flight == 0
    world.end(esme)


def test_the_factory_counts_connections() -> None:
    world = World()
    esme = world.run(count=1)
    assert len(world.carrier.factory.connections) == 1
    world.network.wires[0].cut()
    assert world.carrier.factory.connections == set()
    world.end(esme)


def test_wires_say_whether_they_stand(pair: Pair) -> None:
    assert isinstance(pair.wire, Wire)
    assert pair.wire.standing
    pair.wire.cut()
    assert not pair.wire.standing


def test_octets_that_are_no_smpp() -> None:
    world = World()
    handler = Silent()
    network = world.network
    network.connect(CARRIER, Session(Role.ESME, window=1, timing=Timing(), now=0.0), handler)
    world.clock.advance(0)
    handler.protocol.transport.write(b"GET / HTTP/1.1\r\n\r\n")
    world.clock.advance(0)
    assert handler.reason
    assert wire.CommandStatus.ESME_RINVCMDLEN == 2
    world.end()
