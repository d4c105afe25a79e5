"""What the tests of carriers share: numbered traffic, what arrived of it, the look for leaks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from relay_kit import TestEsme, World, account

from smppgw.core.carrier import Carrier
from smppgw.core.link import Link
from smppgw.core.message import Message, State
from smppgw.core.settings import CarrierSettings
from smppgw.simulator.carrier import Received

COLUMNS = {
    "delivered": (State.DELIVERED,),
    "undeliverable": (State.UNDELIVERABLE,),
    "expired": (State.EXPIRED,),
    "cancelled": (State.DELETED,),
    "rejected": (State.REJECTED,),
    "unknown": (State.UNKNOWN, State.ACCEPTED),
}


def world_of(tmp_path: Path, *carriers: CarrierSettings, **rest) -> World:
    """A world with these carriers (default: `a`) and an account that may send at once."""
    rest.setdefault("accounts", (account("esme", window=10_000),))
    return World(tmp_path / "var", carriers or None, **rest)


class Traffic:
    """Messages that carry their number as the end of their text, `...#7`."""

    def __init__(self, world: World, esme: TestEsme | None = None) -> None:
        self.world = world
        self.esme = world.esme() if esme is None else esme
        self.number = 0
        self.sent: dict[int, tuple[TestEsme, int]] = {}

    def send(self, destination: str, script: str = "", **fields) -> int:
        """Submit one; its number."""
        self.number += 1
        text = f"{script}#{self.number}".encode()
        self.sent[self.number] = (self.esme, self.esme.submit(destination, text, **fields))
        return self.number

    def again(self) -> None:
        """A new bind, after a crash."""
        self.esme = self.world.esme()

    def status(self, number: int) -> int | None:
        esme, sequence = self.sent[number]
        return esme.status(sequence)

    def acknowledged(self) -> list[int]:
        return [number for number in self.sent if self.status(number) == 0]

    def message(self, number: int) -> Message:
        esme, sequence = self.sent[number]
        return self.world.message(esme.id_of(sequence))

    def state(self, number: int) -> int:
        return self.message(number).state


def number_of(received: Received) -> int:
    return int(received.text.rpartition("#")[2])


def taken(world: World, *names: str) -> list[int]:
    """Numbers that the carriers took, in the order of arrival, repeats included."""
    return [number_of(one) for one in arrivals(world, *names) if one.command_status == 0]


def arrivals(world: World, *names: str) -> list[Received]:
    """Everything that came to the carriers, in the order of arrival."""
    every = [one for name in names or world.simulated for one in world.simulated[name].received]
    return sorted(every, key=lambda one: one.time) if len(names or world.simulated) > 1 else every


def duplicates(world: World) -> int:
    """How often carriers took a message again."""
    return sum(count - 1 for count in Counter(taken(world)).values())


def assert_in_order(world: World, name: str = "a") -> None:
    """A carrier took the messages for each destination in order, apart from repeats."""
    last: dict[str, int] = {}
    seen: set[int] = set()
    for one in world.simulated[name].received:
        number = number_of(one)
        if one.command_status or number in seen:
            continue
        seen.add(number)
        assert number > last.get(one.destination, 0), (one.destination, number, last)
        last[one.destination] = number


def links(world: World) -> list[Link]:
    return [link for carrier in world.relay.carriers.values() for link in carrier.links]


def idle(world: World) -> bool:
    """Nothing waits for a carrier any more, and nothing is unanswered."""
    return not world.relay.queued and all(
        not carrier.in_flight and not carrier.waiting for carrier in world.relay.carriers.values()
    )


def drain(world: World, seconds: float = 600.0, step: float = 0.5) -> None:
    """Let time pass until everything left; fails when it takes longer than `seconds`."""
    world.settle()
    while not idle(world) and seconds > 0:
        world.settle(step)
        seconds -= step
    assert idle(world), leaks(world)


def leaks(world: World) -> list[str]:
    """What a drained gateway still holds and should not."""
    found = []
    relay = world.relay
    for carrier in relay.carriers.values():
        found += _leaks_of(carrier)
    if relay.queued:
        found.append(f"relay.queued {relay.queued}")
    found += [f"{one.name}.queued {one.queued}" for one in relay.accounts.values() if one.queued]
    found += [
        f"live {message}"
        for message in world.store.live.values()
        if message.state in (State.WAITING, State.IN_FLIGHT)
    ]
    return found


def _leaks_of(carrier: Carrier) -> list[str]:
    found = [f"{link!r} taken {link.taken}" for link in carrier.links if link.taken]
    found += [
        f"{link!r} session {link._session!r}"
        for link in carrier.links
        if link._session is not None and link._session.in_flight
    ]
    if not carrier.order.idle:
        found.append(f"{carrier.name}: {carrier.order!r}")
    if len(carrier.queue):
        found.append(f"{carrier.name}.queue: {carrier.queue.depth()}")
    return found


def assert_clean(world: World) -> None:
    """Drained, nothing leaked, and every ledger line agrees with the rows."""
    world.settle(0.1)
    assert idle(world), leaks(world)
    assert not leaks(world)
    assert_balanced(world)


def assert_balanced(world: World) -> None:
    """Every ledger line agrees with the messages in the store, column by column."""
    relay = world.relay
    world.engine.flush()
    counted: dict[tuple[str, str, int], int] = {}
    for scope in ("account", "carrier"):
        for name, state, count in world.engine.select(
            f"SELECT {scope}, state, count(*) FROM message GROUP BY {scope}, state"  # noqa: S608
        ):
            counted[scope, name, state] = count
        for name, line in relay.ledger.lines(scope).items():
            for column, states in COLUMNS.items():
                rows = sum(counted.get((scope, name, state), 0) for state in states)
                assert line[column] == rows, (scope, name, column, line, counted)
            pending = sum(counted.get((scope, name, state), 0) for state in range(20, 24))
            assert line["pending"] == pending, (scope, name, line, counted)


def crash(world: World) -> None:
    """`World.crash`, and no connection of the old process that was still being made."""
    for call in world.clock.getDelayedCalls():
        if getattr(call.func, "__name__", "") == "_join":
            call.cancel()
    for link in links(world):
        link._wanted = False
    world.crash()


def absent(world: World, name: str = "a") -> None:
    """The carrier disappears: nobody listens, its connections are dropped."""
    one = world.relay.carriers[name].settings
    world.network.unlisten(f"{one.host}:{one.port}")
    world.simulated[name].disconnect()
    world.settle()


def back(world: World, name: str = "a") -> None:
    """End of `absent`."""
    one = world.relay.carriers[name].settings
    world.network.listen(f"{one.host}:{one.port}", world.simulated[name].factory)
