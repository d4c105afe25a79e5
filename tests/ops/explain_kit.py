"""A desk with a look at the world each second, and explanations taken from it."""

from __future__ import annotations

from typing import Any, cast

from relay_kit import World

from smppgw.ops.desk import Desk
from smppgw.ops.explain import Explanation, carrier_limits, lines, record
from smppgw.ops.looks import Looks, Processor
from smppgw.ops.rates import Rates


class Cpu:
    """What the reactor's thread has had of processors, as a test wants it."""

    def __init__(self) -> None:
        self.used = self.waited = 0.0

    def __call__(self) -> Processor:
        return Processor(self.used, self.waited)


def desk_of(world: World) -> Desk:
    """A desk that looks at the world from now on."""
    desk = Desk(world.relay, Rates(world.relay.counters, world.clock), cast(Any, None))
    object.__setattr__(desk, "looks", Looks(world.relay, world.clock, Cpu()))
    desk.looks.start()
    return desk


def works(desk: Desk, used: float, waited: float = 0.0, seconds: int = 12) -> None:
    """Let seconds pass in which the reactor's thread uses, and waits for, these shares."""
    cpu = cast(Cpu, desk.looks._processor)
    clock: Any = desk.relay.clock
    for _ in range(seconds * 20):
        cpu.used += used / 20
        cpu.waited += waited / 20
        clock.advance(0.05)
        for _ in range(10):
            clock.advance(0)


def why(desk: Desk, name: str = "a") -> Explanation:
    """Why a carrier is slow; what is said of it holds together."""
    return sound(carrier_limits(desk, name))


def sound(found: Explanation) -> Explanation:
    """An explanation whose words and figures hold together."""
    assert found.because.endswith("."), found.because
    assert found.advice.endswith("."), found.advice
    assert [one.rate for one in found.bounds] == sorted(one.rate for one in found.bounds)
    assert all(one.rate > 0 for one in found.bounds)
    assert found.maximum == (found.bounds[0].rate if found.bounds else None)
    for width in (80, 200):
        said = lines(found, width)
        assert max(map(len, said)) <= width
        assert said[0] == f"{found.about}: {found.limit.value}"
    assert record(found)["limit"] == found.limit.value
    return found
