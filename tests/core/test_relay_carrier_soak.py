"""Anything at any time: afterwards nothing is lost, doubled without a mark, blocked or leaked."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from carrier_kit import (
    Traffic,
    absent,
    arrivals,
    assert_clean,
    assert_in_order,
    back,
    crash,
    drain,
    links,
    number_of,
    taken,
    world_of,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from relay_kit import World, account, carrier

from smppgw.core import carrier as carrier_module
from smppgw.core import moves
from smppgw.core import order as order_module
from smppgw.core import queue as queue_module
from smppgw.core.message import State
from smppgw.core.settings import CarrierSettings, StatusRule
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

GOOD = Behaviour(record=100_000)
BEHAVIOURS = [
    GOOD,
    Behaviour(response_delay=0.5, response_jitter=1.0, record=100_000),
    Behaviour(response_delay=6.0, record=100_000),
    Behaviour(answer="twice", response_jitter=0.2, record=100_000),
    Behaviour(answer="never", record=100_000),
    Behaviour(answer="nack", record=100_000),
    Behaviour(throughput=5, record=100_000),
    Behaviour(error_rate=0.3, error_status=0x14, record=100_000),
    Behaviour(error_rate=0.3, error_status=0x08, record=100_000),
    Behaviour(error_rate=0.2, error_status=0x0A, record=100_000),
    Behaviour(disconnect_every=7, record=100_000),
    Behaviour(disconnect_after=1.5, response_delay=0.2, record=100_000),
    Behaviour(unbind_after=1.5, response_delay=0.2, record=100_000),
    Behaviour(bind_status=0x05, record=100_000),
    Behaviour(receipt_first=True, record=100_000),
]
SCRIPTS = [
    "",
    "",
    "",
    "{status=0x58,times=1}",
    "{status=0x14,times=2}",
    "{status=0x08,times=1}",
    "{status=0x0A}",
    "{status=0x0B,times=1}",
    "{answer=never,times=1}",
    "{delay=6}",
    "{answer=disconnect,times=1}",
]
RULES = {
    "0x08": StatusRule(action="retry", delay=2.0, max_delay=8.0, tries=5),
    "0x0A": StatusRule(action="reroute"),
}
ACTIONS = [
    *["send"] * 12,
    *["wait"] * 8,
    *["turns"] * 4,
    "behave",
    "behave",
    "disconnect",
    "cut",
    "absent",
    "back",
    "back",
    "stuck",
    "unstuck",
    "unstuck",
    "disk",
    "cancel",
    "crash",
    "hold",
    "release",
    "release",
]


@contextmanager
def small_memory() -> Iterator[None]:
    """Little room in memory, so that everything spills and everything fills."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue_module, "HEAD", 8)
        patch.setattr(queue_module, "LOAD", 4)
        patch.setattr(order_module, "PARKED", 6)
        patch.setattr(carrier_module, "LOOK", 5)
        patch.setattr(moves, "MOVED_AT_ONCE", 4)
        yield


class Soak:
    """A gateway to which anything happens; `choose` picks one of a number of things."""

    def __init__(
        self, directory: Path, carriers: tuple[CarrierSettings, ...], choose: Callable[[int], int]
    ) -> None:
        self.choose = choose
        self.world = world_of(
            directory,
            *carriers,
            accounts=(account("esme", window=10_000),),
            behaviours={one.name: GOOD for one in carriers},
        )
        self.traffic = Traffic(self.world)
        self.names = [one.name for one in carriers]
        self.away: set[str] = set()
        self.cancelled: set[int] = set()
        self.flags = (0, 1, 2) if len(carriers) > 1 else (0,)

    def step(self) -> None:
        getattr(self, ACTIONS[self.choose(len(ACTIONS))])()

    def name(self) -> str:
        return self.names[self.choose(len(self.names))]

    def send(self) -> None:
        for _ in range(1 + self.choose(12)):
            self.traffic.send(
                f"3360000000{self.choose(5)}",
                SCRIPTS[self.choose(len(SCRIPTS))],
                registered_delivery=self.choose(2),
                priority_flag=self.flags[self.choose(len(self.flags))],
            )

    def wait(self) -> None:
        self.world.settle([0.01, 0.1, 0.5, 1.0, 2.0, 6.0][self.choose(6)], step=0.1)

    def turns(self) -> None:
        for _ in range(1 + self.choose(12)):
            self.world.clock.advance(0)

    def behave(self) -> None:
        self.world.simulated[self.name()].behaviour = BEHAVIOURS[self.choose(len(BEHAVIOURS))]

    def disconnect(self) -> None:
        self.world.simulated[self.name()].disconnect()

    def cut(self) -> None:
        wires = [one for one in self.world.network.wires if one.name != "127.0.0.1:2775"]
        if wires:
            wires[self.choose(len(wires))].cut()

    def absent(self) -> None:
        name = self.name()
        if name not in self.away:
            self.away.add(name)
            absent(self.world, name)

    def back(self) -> None:
        for name in self.away:
            back(self.world, name)
        self.away.clear()

    def stuck(self) -> None:
        self.world.sync.stuck = True

    def unstuck(self) -> None:
        if self.world.sync.stuck:
            self.world.sync.go_on()

    def disk(self) -> None:
        write = self.world.engine.write

        def refuse(*_: object) -> None:
            raise OSError("disk full")

        self.world.engine.write = refuse
        self.wait()
        self.world.engine.write = write

    def cancel(self) -> None:
        mine = [
            n for n in self.traffic.acknowledged() if self.traffic.sent[n][0] is self.traffic.esme
        ]
        if mine:
            number = mine[self.choose(len(mine))]
            esme, sequence = self.traffic.sent[number]
            esme.request(wire.CancelSm(message_id=esme.id_of(sequence), source_addr="12345"))
            self.cancelled.add(number)

    def crash(self) -> None:
        crash(self.world)
        self.traffic.again()

    def hold(self) -> None:
        self.world.relay.carriers[self.name()].hold()

    def release(self) -> None:
        for one in self.world.relay.carriers.values():
            one.release()

    def check(self) -> None:
        """Let everything come to rest and look at what is left."""
        world = self.world
        for name in self.names:
            world.simulated[name].behaviour = GOOD
        self.back()
        self.unstuck()
        self.release()
        # Binds that an earlier behaviour would still end later are replaced now.
        for name in self.names:
            world.simulated[name].agenda.clear()
            world.simulated[name].disconnect()
        drain(world, 2000)
        world.settle(5)
        assert_clean(world)
        assert all(link.taken == 0 for link in links(world))
        times = Counter(taken(world))
        refused = {number_of(one) for one in arrivals(world) if one.command_status}
        for number in self.traffic.acknowledged():
            self.check_one(number, times[number], number in refused)

    def check_one(self, number: int, times: int, refused: bool) -> None:
        message = self.traffic.message(number)
        assert times <= 1 + message.duplicate, (number, times, message)
        assert message.duplicate <= 1
        if message.state in (State.ACCEPTED, State.DELIVERED, State.SENT):
            assert times, message
        elif message.state == State.REJECTED:
            assert refused, message
        elif message.state == State.DELETED:
            assert number in self.cancelled
        else:
            assert message.state == State.UNKNOWN, message
            assert message.duplicate


ONE = (carrier("a", binds=2, window=3, response_timeout=5.0, reconnect=0.2, statuses=RULES),)
TWO = (
    carrier("a", binds=2, window=3, response_timeout=5.0, reconnect=0.2, statuses=RULES),
    carrier("b", 2791, window=2, response_timeout=5.0, reconnect=0.2, bind="transmitter+receiver"),
)


def run(directory: Path, carriers: tuple[CarrierSettings, ...], seed: int, steps: int) -> World:
    random = Random(seed)
    with small_memory():
        soak = Soak(directory, carriers, random.randrange)
        for _ in range(steps):
            soak.step()
        soak.check()
    return soak.world


@pytest.mark.parametrize("seed", range(12))
def test_one_carrier(tmp_path: Path, seed: int) -> None:
    assert_in_order(run(tmp_path, ONE, seed, 60))


@pytest.mark.parametrize("seed", range(12))
def test_two_carriers(tmp_path: Path, seed: int) -> None:
    run(tmp_path, TWO, seed, 60)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data(), steps=st.integers(1, 25))
def test_whatever_hypothesis_thinks_of(data: st.DataObject, steps: int) -> None:
    with tempfile.TemporaryDirectory() as directory, small_memory():
        soak = Soak(Path(directory), ONE, lambda n: data.draw(st.integers(0, n - 1)))
        for _ in range(steps):
            soak.step()
        soak.check()
        assert_in_order(soak.world)
