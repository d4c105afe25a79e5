"""What the tests of the ESME side add to the world: octets on a bare wire, counters that add up."""

from __future__ import annotations

import errno
import sqlite3
from typing import Any

from relay_kit import World
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol

from smppgw.simulator.memory import MemoryTransport
from smppgw.smpp import wire


class RawPeer(Protocol):
    """A peer that sends octets as it likes and keeps every PDU that it gets."""

    def __init__(self) -> None:
        self.pdus: list[wire.PDU] = []
        self.frames: list[bytes] = []
        self.lost = False
        self._buffer = wire.FrameBuffer(1 << 20)

    def dataReceived(self, data: bytes) -> None:
        for frame in self._buffer.feed(data):
            self.frames.append(frame)
            self.pdus.append(wire.decode(frame))

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True

    def answers(self) -> list[tuple[int, int, int]]:
        """(command_id, command_status, sequence_number) of everything that came."""
        return [(one.command_id, one.command_status, one.sequence_number) for one in self.pdus]

    def statuses(self) -> dict[int, int]:
        """command_status by sequence_number."""
        return {one.sequence_number: one.command_status for one in self.pdus}


def raw(world: World, source: str = "127.0.0.1", port: int = 50_000) -> RawPeer:
    """A connection to the gateway, without any SMPP on our side."""
    here, there = IPv4Address("TCP", source, port), IPv4Address("TCP", "127.0.0.1", 2775)
    serving = world.factory.buildProtocol(here)
    client = MemoryTransport(world.clock, here, there)
    server = MemoryTransport(world.clock, there, here)
    client.other, server.other = server, client
    peer = RawPeer()
    client.protocol, server.protocol = peer, serving
    serving.makeConnection(server)
    peer.makeConnection(client)
    return peer


def say(world: World, peer: RawPeer, *octets: bytes) -> list[tuple[int, int, int]]:
    """Send octets, each in a segment of its own; the answers that came after."""
    before = len(peer.pdus)
    for one in octets:
        peer.transport.write(one)
        world.settle()
    return peer.answers()[before:]


def bind(
    world: World,
    system_id: str = "esme",
    password: str = "pw",  # noqa: S107
    kind: type[wire.Bind] = wire.BindTransceiver,
    source: str = "127.0.0.1",
    **fields: Any,
) -> RawPeer:
    """A raw connection that has asked to bind, with sequence_number 1."""
    peer = raw(world, source)
    pdu = kind(system_id=system_id, password=password, sequence_number=1, **fields)
    say(world, peer, wire.encode(pdu))
    return peer


def submit(sequence: int, destination: str = "33600000001", **fields: Any) -> bytes:
    """The frame of a submit_sm."""
    fields.setdefault("source_addr", "12345")
    fields.setdefault("dest_addr_ton", 1)
    fields.setdefault("short_message", b"hello")
    return wire.encode(
        wire.SubmitSm(destination_addr=destination, sequence_number=sequence, **fields)
    )


def hold(world: World, name: str = "a") -> None:
    """Keep what is submitted in the queue of a carrier."""
    world.relay.carriers[name].hold()


def release(world: World, name: str = "a") -> None:
    """End of `hold`."""
    world.relay.carriers[name].release()


def balanced(world: World) -> None:
    """Every counter says what the records say: queued, slots, deliveries, ledger."""
    world.settle(0.1)
    relay, engine = world.relay, world.engine
    engine.flush()
    counted = dict(
        engine.select(
            "SELECT account, count(*) FROM message WHERE state IN (20, 21, 22, 25) GROUP BY account"
        )
    )
    for name, account in relay.accounts.items():
        assert account.queued == counted.get(name, 0), (name, account.queued, counted)
        ((rows,),) = engine.select("SELECT count(*) FROM delivery WHERE account = ?", (name,))
        assert account.spooled == rows, (name, account.spooled, rows)
        line = relay.ledger.lines("account").get(name)
        if line is not None:
            world.ledger(name)
            assert min(line.values()) >= 0, line
    assert relay.queued == sum(counted.values())
    for (scope, name), line in relay.ledger._lines.items():
        stored = engine.select("SELECT * FROM ledger WHERE scope = ? AND name = ?", (scope, name))
        assert stored == [(scope, name, *line)]
    for name, carrier in relay.carriers.items():
        ((flying,),) = engine.select(
            "SELECT count(*) FROM message WHERE state = 22 AND carrier = ?", (name,)
        )
        assert carrier.in_flight == flying, (name, carrier.in_flight, flying)
        assert all(0 <= link.taken <= link.window for link in carrier.links)
        line = relay.ledger.lines("carrier").get(name)
        if line is not None:
            ((pending,),) = engine.select(
                "SELECT count(*) FROM message WHERE state >= 20 AND carrier = ?", (name,)
            )
            assert line["pending"] == pending, (line, pending)


class Disk:
    """Stands between the store and its files: `full` fails the journal, `rows_fail` SQLite."""

    def __init__(self, world: World) -> None:
        self.full = False
        self.rows_fail = False
        self.refusals = 0
        self._engine = world.engine
        self._write = world.engine.write
        self._write_rows = world.engine._write_rows
        self._engine.write = self.write
        self._engine._write_rows = self.write_rows

    def write(self, *arguments: Any) -> Any:
        if self.full:
            self.refusals += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(*arguments)

    def write_rows(self, *arguments: Any) -> None:
        if self.rows_fail:
            self.refusals += 1
            raise sqlite3.OperationalError("database or disk is full")
        self._write_rows(*arguments)
