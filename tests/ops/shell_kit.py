"""A runner with a sink, as the tests of the shell use them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from smppgw.core.command import Command, Operator, Role
from smppgw.ops.shell.registry import Registry
from smppgw.ops.shell.runner import Outcome, Runner, Running


class Screen:
    """A sink that keeps what it is given; `answers` are what the operator says when asked."""

    def __init__(self, width: int = 100, *answers: bool) -> None:
        self.width = width
        self.reads = True
        self.lines: list[str] = []
        self.asked: list[str] = []
        self.answers = list(answers)

    def emit(self, said: Sequence[str], *, live: bool = False, redraw: bool = False) -> None:
        if redraw:
            self.lines = []
        self.lines += said

    def ask(self, question: str) -> Deferred[bool] | None:
        self.asked.append(question)
        return succeed(self.answers.pop(0)) if self.answers else None


class Notes:
    """An audit that keeps what it is given."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str]] = []
        self.permits: list[str] = []
        self.permitted: list[tuple[str, Role]] = []
        self.refuses: Exception | None = None

    def permit(self, operator: Operator, session: object, line: str, role: Role) -> Deferred[str]:
        self.permitted.append((line, role))
        return fail(self.refuses) if self.refuses is not None else succeed("a permit")

    def record(
        self,
        operator: Operator,
        session: object,
        line: str,
        result: str,
        seconds: float,
        permit: str = "",
    ) -> None:
        self.permits.append(permit)
        self.entries.append((operator.name, line, result))


class Shell:
    """One operator: `say` a line, look at `screen` and the outcome."""

    def __init__(self, commands: Iterable[Command], role: Role = Role.ADMIN) -> None:
        self.clock = Clock()
        self.notes = Notes()
        self.registry = Registry(commands)
        self.runner = Runner(self.registry, self.clock, self.notes)
        self.operator = Operator("ops", role)
        self.screen = Screen()
        self.running: Running | None = None

    def begin(self, line: str, *answers: bool) -> Running:
        """A line that may still be at work afterwards."""
        self.screen = Screen(self.screen.width, *answers)
        self.running = self.runner.run(line, self.operator, self, self.screen)
        return self.running

    def say(self, line: str, *answers: bool) -> list[str]:
        """The output of a line that ends at once, and its status."""
        outcomes: list[Any] = []
        self.begin(line, *answers).result.addCallback(outcomes.append)
        (outcome,) = outcomes
        assert isinstance(outcome, Outcome)
        return [*self.screen.lines, outcome.status]
