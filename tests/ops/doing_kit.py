"""An operator at the shell of a whole gateway in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from relay_kit import World
from shell_kit import Notes, Screen
from twisted.internet.defer import Deferred, maybeDeferred

from smppgw.core.command import Command, Operator, Role
from smppgw.ops.desk import Desk
from smppgw.ops.rates import Rates
from smppgw.ops.shell.registry import Registry
from smppgw.ops.shell.runner import Outcome, Runner, Running


def desk_of(world: World, **rest: Any) -> Desk:
    """What commands of this gateway work with; threads are none."""
    rates = Rates(world.relay.counters, world.clock)
    return Desk(world.relay, rates, in_thread, **rest)


def in_thread(function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
    """`deferToThread` of a world without threads."""
    return maybeDeferred(function, *arguments)


class Desktop:
    """One operator: lines said, what was shown, how each ended."""

    def __init__(
        self, world: World, commands: Iterable[Command], role: Role = Role.OPERATE
    ) -> None:
        self.world = world
        self.registry = Registry(commands)
        self.runner = Runner(self.registry, world.clock, Notes())
        self.operator = Operator("ops", role)
        self.screen = Screen(200)
        self.running: Running | None = None
        self.outcomes: list[Outcome] = []

    def begin(self, line: str, *answers: bool) -> Screen:
        """A line that may be at work for some time."""
        self.screen = Screen(200, *answers)
        self.outcomes = []
        self.running = self.runner.run(line, self.operator, self, self.screen)
        self.running.result.addCallback(self.outcomes.append)
        return self.screen

    def abort(self) -> None:
        """Ctrl-C."""
        assert self.running is not None
        self.running.abort()

    @property
    def over(self) -> bool:
        return bool(self.outcomes)

    @property
    def status(self) -> str:
        (outcome,) = self.outcomes
        return outcome.status

    def say(self, line: str, *answers: bool, seconds: float = 0.5) -> list[str]:
        """The output of a line that ends within some time, and its status."""
        self.begin(line, *answers)
        self.world.settle()
        while not self.over and seconds > 0:
            self.world.settle(0.25)
            seconds -= 0.25
        assert self.over, self.screen.lines
        return [*self.screen.lines, self.status]
