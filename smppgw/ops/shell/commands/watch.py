"""`watch`: a command that looks, carried out again and again.

Owns: the time between, and that one run waits for the other.
Refuses to know: terminals: what is emitted takes the place of what was before (`Live.redraw`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Command,
    CommandError,
    Emit,
    Kind,
    Live,
    Role,
)
from smppgw.core.figures import duration, moment, when
from smppgw.ops.shell import grammar
from smppgw.ops.shell.pipes import through
from smppgw.ops.shell.registry import Registry
from smppgw.ops.shell.render import lines
from smppgw.ops.shell.turns import Turns, stepwise

SHORTEST, LONGEST = 0.5, 86400.0
"""Seconds between two runs."""

log = Logger()


def watch_command(
    registry: Callable[[], Registry], clock: IReactorTime, turns: Turns | None = None
) -> Command:
    """The command; `registry` gives that which it looks into, once there is one.

    `turns` are those of all commands.
    """
    turns = turns or Turns(clock)

    def watch(call: Call) -> Live:
        every = float(call.values["every"])
        if not SHORTEST <= every <= LONGEST:
            raise CommandError("watch takes 0.5 seconds to a day", "usage")
        line = grammar.split(call.text("command"))
        command, used = registry().resolve(line.names)
        if command.role is not Role.VIEW or command.takes_line:
            raise CommandError(f"watch runs commands that look, not {command.name}", "denied")
        inner = evolve(call, values=grammar.values_of(command, line, used))
        pipes = [[word.text for word in words] for words in line.pipes]

        def shown(answer: Answer) -> list[str]:
            if isinstance(answer, Live):
                raise CommandError(f"{command.name} goes on by itself", "usage")
            now = when(moment(clock.seconds()))
            title = f"every {duration(every)}: {line.source.strip()}   {now} UTC"
            return [title, "", *lines(through(answer, pipes, call.width), call.width)]

        def run() -> Deferred[list[str]]:
            return Deferred.fromCoroutine(timed())

        async def timed() -> list[str]:
            return await stepwise(run_in_turn(), clock, turns.spent)

        async def run_in_turn() -> list[str]:
            await turns.free()
            return shown(await turns.answer(command, inner))

        return Live(_Watch(run, every, clock, call.reads).begin, redraw=True)

    return Command(
        ("watch",),
        watch,
        "run a command that looks again and again, until Ctrl-C",
        (
            Argument("every", "time between two runs", Kind.SECONDS, True, True),
            Argument("command", "what to run, pipes and all", Kind.LINE, True, True),
        ),
        example="watch 2 show links | grep fr",
    )


class _Watch:
    """One command being watched."""

    def __init__(
        self,
        run: Callable[[], Deferred[list[str]]],
        every: float,
        clock: IReactorTime,
        reads: Callable[[], bool],
    ) -> None:
        self._run = run
        self._reads = reads
        self._every = every
        self._running: Deferred[Any] | None = None
        self._loop = LoopingCall(self._again)
        self._loop.clock = clock
        self._emit: Emit
        self._done: Callable[[str], None]

    def begin(self, emit: Emit, done: Callable[[str], None]) -> Callable[[], None]:
        """See `Live`."""
        self._emit, self._done = emit, done
        self._loop.start(self._every)
        return self._stop

    def _again(self) -> Deferred[Any] | None:
        if not self._reads():
            return None
        # The loop waits for it: a slow command runs less often, never twice at once.
        self._running = self._run()
        return self._running.addCallbacks(self._ran, self._failed)

    def _ran(self, said: Sequence[str]) -> None:
        self._emit(said)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, CancelledError):
            return
        if not isinstance(failure.value, CommandError):
            log.failure("shell: a watched command failed", failure)
        known = isinstance(failure.value, CommandError)
        self._done(str(failure.value) if known else "the command failed; the log says why")

    def _stop(self) -> None:
        if self._loop.running:
            self._loop.stop()
        if self._running is not None:
            self._running.cancel()
