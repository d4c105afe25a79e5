"""Peers that mean harm or are broken: floods, drips, silence, and who does not read."""

from __future__ import annotations

import gc
import struct
import tracemalloc
from pathlib import Path
from random import Random

import pytest
from relay_esme_kit import balanced, bind, raw, say, submit
from relay_kit import World, account

from smppgw.core import account as account_module
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.smpp.wire import CommandId
from smppgw.smpp.wire import CommandStatus as S

HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
TLS = bytes.fromhex("16030100ca010000c60303") + bytes(range(200))
DRIP = struct.pack(">4I", 60, 9, 0, 1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    accounts = (account("esme", binds=50, delivery_window=1000), account("other"))
    return World(tmp_path / "var", accounts=accounts)


NACK = int(CommandId.generic_nack)


def protocols() -> int:
    gc.collect()
    return sum(isinstance(one, SmppProtocol) for one in gc.get_objects())


def test_ten_thousand_connections_of_garbage(world: World) -> None:
    random = Random(7)
    good = bind(world)
    before = protocols()
    nacks = lost = 0
    for start in range(0, 10_000, 100):
        peers = [raw(world, "192.0.2.1", 1024 + start + n) for n in range(100)]
        for n, peer in enumerate(peers):
            kind = n % 5
            octets = (HTTP, TLS, random.randbytes(64), b"\0" * 64, b"\xff" * 16)[kind]
            peer.transport.write(octets)
            if kind == 2:
                peer.transport.loseConnection()
        for _ in range(30):
            world.clock.advance(0)
        if start % 2000 == 0:
            assert say(world, good, submit(100 + start))[0][1] == 0
        nacks += sum(any(one[:2] == (NACK, 2) for one in peer.answers()) for peer in peers)
        lost += sum(peer.lost for peer in peers)
    assert lost == 10_000
    assert nacks > 7_000
    del peers, peer
    assert len(world.factory.connections) == 1
    assert protocols() <= before + 2
    assert world.ledger()["accepted"] == 5
    balanced(world)


def test_ten_thousand_slow_drips_are_bounded_in_number_time_and_memory(world: World) -> None:
    world.factory.max_connections = 200
    good = bind(world)
    before = protocols()
    peers = []
    for n in range(10_000):
        peer = raw(world, "192.0.2.1", 1024 + n)
        peer.transport.write(DRIP[: 1 + n % 15])
        peers.append(peer)
        if n % 100 == 99:
            world.clock.advance(0)
    world.settle()
    assert len(world.factory.connections) == 200
    assert world.factory.turned_away == 10_000 - 199
    peers = [peer for peer in peers if not peer.lost]
    assert len(peers) == 199
    for _ in range(9):  # an octet a second keeps nobody
        for peer in peers:
            peer.transport.write(b"\0")
        world.settle(1, 1)
        assert say(world, good, wire.encode(wire.EnquireLink(sequence_number=5)))
    world.settle(2, 1)
    assert all(peer.lost for peer in peers)
    del peers, peer
    assert len(world.factory.connections) == 1
    assert protocols() <= before + 2
    assert say(world, good, submit(9))[0][1] == 0


@pytest.mark.parametrize("octets", [4, 16, 60_000])
def test_a_length_of_4_gib_costs_nothing(world: World, octets: int) -> None:
    peer = bind(world)
    frame = (struct.pack(">4I", 0xFFFFFFFF, 4, 0, 0x77) + bytes(70_000))[:octets]
    tracemalloc.start()
    got = say(world, peer, frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got == [(0x80000000, S.ESME_RINVCMDLEN, 0x77 if octets >= 16 else 0)]
    assert peer.lost
    assert peak < 2 * 1024 * 1024


def test_a_pdu_cut_at_every_octet_is_one_pdu(world: World) -> None:
    peer = bind(world)
    octets = submit(2)
    for cut in range(1, len(octets)):
        peer.transport.write(octets[:cut])
        world.settle()
        assert say(world, peer, octets[cut:])[0] == (int(CommandId.submit_sm_resp), 0, 2)
    assert world.ledger()["accepted"] == len(octets) - 1


def test_a_whole_world_octet_by_octet(tmp_path: Path) -> None:
    world = World(tmp_path / "var")
    world.network.split = 1
    esme = world.esme()
    sequences = [esme.submit(registered_delivery=1) for _ in range(5)]
    world.settle(3)
    assert [esme.status(one) for one in sequences] == [0] * 5
    assert len(esme.delivered) == 5
    balanced(world)


def test_an_esme_that_never_reads_while_receipts_pile_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_module, "HEAD", 50)
    monkeypatch.setattr(account_module, "LOAD", 25)
    deaf, other = bind(world), bind(world, "other")
    sender = bind(world, kind=wire.BindTransmitter)
    deaf.transport.pauseProducing()
    (found, _) = world.relay.accounts["esme"].binds
    for start in range(0, 1000, 50):
        numbers = range(1000 + start, 1050 + start)
        octets = b"".join(submit(n, f"33600{n:06}", registered_delivery=1) for n in numbers)
        say(world, sender, octets)
        world.settle(0.5)
    esme = world.relay.accounts["esme"]
    assert esme.spooled == 1000
    assert not found.receives
    assert found.taken < 600
    assert len(esme._head) <= 51
    assert found._protocol is not None
    assert found._protocol.unsent < 1 << 20
    assert say(world, other, submit(2, registered_delivery=1))[0][1] == 0
    world.settle(1)
    assert isinstance(other.pdus[-1], wire.DeliverSm)
    balanced(world)
    deaf.transport.resumeProducing()
    for _ in range(40):
        world.settle(0.25)
        waiting = [one for one in deaf.pdus if isinstance(one, wire.DeliverSm)]
        for one in waiting:
            resp = wire.DeliverSmResp(sequence_number=one.sequence_number)
            deaf.transport.write(wire.encode(resp))
        deaf.frames += [wire.encode(one) for one in waiting]
        deaf.pdus.clear()
    world.settle(1)
    assert esme.spooled == 0
    assert len({frame[16:] for frame in deaf.frames}) >= 1000
    balanced(world)


def test_an_esme_that_never_reads_and_asks_on_is_dropped_or_held_back(world: World) -> None:
    peer = bind(world)
    peer.transport.pauseProducing()
    ask = wire.encode(wire.EnquireLink(sequence_number=5)) * 1000
    for _ in range(200):
        peer.transport.write(ask)
        world.settle()
    (connection,) = world.factory.connections
    assert connection.unsent <= 1 << 20
    assert connection.transport is not None
    assert connection.transport._size <= 1 << 20
    world.settle(400, 5)
    assert not world.factory.connections, "silence, as far as we can hear, ends it"
    assert not world.relay.accounts["esme"].binds


@pytest.mark.parametrize("seed", range(20))
def test_noise_from_a_bound_peer_harms_nobody_else(world: World, seed: int) -> None:
    random = Random(seed)
    other = bind(world, "other")
    peer = bind(world)
    commands = [int(one) for one in CommandId] + [0x22, 0x101, 0x7FFFFFFF]
    for _ in range(60):
        if peer.lost:
            peer = bind(world)
        if random.random() < 0.3:
            octets = bytearray(submit(random.randrange(1 << 32)))
            for _ in range(random.randrange(4)):
                octets[random.randrange(16, len(octets))] = random.randrange(256)
        else:
            body = random.randbytes(random.randrange(60))
            octets = bytearray(
                wire.frame(random.choice(commands), random.randrange(3), random.randrange(9), body)
            )
        say(world, peer, bytes(octets))
    assert say(world, other, submit(2))[0][1] == 0
    world.settle(3)
    balanced(world)
