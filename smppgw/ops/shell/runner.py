"""One line of an operator carried out: found, permitted, confirmed, run, shown, written down.

Owns: the order of these steps, aborting, and what a fault in a command costs: one line.
Refuses to know: terminals and doors (a `Sink` stands for them), and what commands do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any, Protocol

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from smppgw.core.command import Call, CommandError, Live, Operator, Role
from smppgw.core.figures import visible
from smppgw.ops.shell import grammar, help
from smppgw.ops.shell.masking import masked
from smppgw.ops.shell.pipes import line_filter, through
from smppgw.ops.shell.registry import Registry
from smppgw.ops.shell.render import lines
from smppgw.ops.shell.scope import narrowed, there_for
from smppgw.ops.shell.turns import Turns, stepwise

log = Logger()


class Sink(Protocol):
    """Where the output of a line goes."""

    @property
    def width(self) -> int:
        """Characters of a line."""
        ...

    @property
    def reads(self) -> bool:
        """What is said now is read, as far as one can see."""
        ...

    def emit(self, said: Sequence[str], *, live: bool = False, redraw: bool = False) -> None:
        """Lines of output; `live`: of output that goes on; `redraw`: in the place of the former."""
        ...

    def ask(self, question: str) -> Deferred[bool] | None:
        """Whether the operator says yes; None when nobody can be asked."""
        ...


class Audit(Protocol):
    """Takes down what operators do."""

    def permit(self, operator: Operator, session: object, line: str, role: Role) -> Deferred[str]:
        """Fires when a command of that role may run, with what `record` is to be told.

        `line` has no secrets. Fails with CommandError when it cannot be taken down.
        """
        ...

    def record(
        self,
        operator: Operator,
        session: object,
        line: str,
        result: str,
        seconds: float,
        permit: str = "",
    ) -> None:
        """A line without secrets was carried out: `ok`, or its code."""
        ...


@frozen
class Outcome:
    """How a line ended: `code` is "" when all went well, else one for programs, with its words."""

    code: str = ""
    text: str = ""
    spent: float = field(default=0.0, eq=False)
    """Seconds that it took of the reactor."""

    @property
    def status(self) -> str:
        """`OK`, or `ERR code text`."""
        return f"ERR {self.code} {self.text}" if self.code else "OK"


@define
class _Way:
    """How a line gets on: what it is without secrets, what the audit said, what it took."""

    line: str
    permit: str = ""
    spent: float = 0.0


@frozen
class Running:
    """A line at work; `abort` ends it soon, and `result` fires in any case."""

    result: Deferred[Outcome]
    abort: Callable[[], None]


class Runner:
    """Carries out lines for operators."""

    def __init__(self, registry: Registry, clock: IReactorTime, audit: Audit) -> None:
        self.registry = registry
        self.turns = Turns(clock)
        """When commands may begin: those of all sessions together leave time for messages."""
        self._clock = clock
        self._audit = audit

    def run(self, source: str, operator: Operator, session: object, sink: Sink) -> Running:
        """Carry out one line; `session` is the same object for all lines of one session.

        The result never fails: what goes wrong is an Outcome with a code.
        """
        began = self._clock.seconds()
        way = _Way(masked(source, self.registry) if source.strip() else "")
        work = Deferred.fromCoroutine(self._timed(source, operator, session, sink, way))
        result: Deferred[Outcome] = Deferred()

        def ended(found: Any) -> None:
            outcome = found if isinstance(found, Outcome) else _outcome(found)
            if way.line:
                self._audit.record(
                    operator,
                    session,
                    way.line,
                    outcome.code or "ok",
                    self._clock.seconds() - began,
                    way.permit,
                )
            result.callback(evolve(outcome, spent=way.spent))

        work.addBoth(ended)
        return Running(result, work.cancel)

    async def _timed(
        self, source: str, operator: Operator, session: object, sink: Sink, way: _Way
    ) -> Outcome:
        def spent(seconds: float) -> None:
            way.spent += seconds
            self.turns.spent(seconds)

        work = self._work(source, operator, session, sink, way)
        return await stepwise(work, self._clock, spent)

    async def _work(
        self, source: str, operator: Operator, session: object, sink: Sink, way: _Way
    ) -> Outcome:
        line = grammar.split(source)
        if not line.words:
            return Outcome()
        if line.words[-1].text == grammar.HELP and not line.words[-1].quoted:
            known = there_for(self.registry, operator)
            said = help.asked(source.rstrip()[:-1], known, operator.role, sink.width)
            sink.emit(said)
            return Outcome()
        command, used = self.registry.resolve(line.names)
        if command.role > operator.role:
            needed = command.role.name.lower()
            raise CommandError(f"{command.name}: only for the role {needed}", "denied")
        there = narrowed(command, operator)
        if there is None:
            raise CommandError(f"{command.name}: not for who is limited to accounts", "denied")
        command = there
        values = grammar.values_of(command, line, used)
        call = Call(operator, values, session, sink.width, lambda: sink.reads)
        if command.touches is not None and not line.sure:
            await _confirmed(command.touches, call, sink)
        await self.turns.free()
        way.permit = await self._audit.permit(operator, session, way.line, command.role)
        answer = await self.turns.answer(command, call)
        pipes = [[word.text for word in words] for words in line.pipes]
        if command.takes_line:  # they belong to that line
            pipes = []
        if isinstance(answer, Live):
            await self._live(answer, line_filter(pipes), sink)
        else:
            sink.emit(lines(through(answer, pipes, sink.width), sink.width))
        return Outcome()

    async def _live(
        self, answer: Live, kept: Callable[[Sequence[str]], list[str]], sink: Sink
    ) -> None:
        over: Deferred[str] = Deferred()

        def done(reason: str) -> None:
            if not over.called:
                over.callback(reason)

        def emit(said: Sequence[str]) -> None:
            if not over.called:
                shown = [visible(line) for line in kept(said)]
                sink.emit(shown, live=True, redraw=answer.redraw)

        stop = answer.begin(emit, done)
        limit = self._clock.callLater(answer.seconds, done, "") if answer.seconds else None
        try:
            reason = await over
        finally:
            if limit is not None and limit.active():
                limit.cancel()
            stop()
        if reason:
            raise CommandError(reason)


async def _confirmed(
    touches: Callable[[Call], str | Deferred[str]], call: Call, sink: Sink
) -> None:
    what = await maybeDeferred(touches, call)
    if not what:
        return
    asking = sink.ask(f"this will {what}. Go on? [y/N] ")
    if asking is None:
        raise CommandError(f"this would {what}; put ! at the end to do it", "confirm")
    if not await asking:
        raise CommandError("nothing was done", "cancelled")


def _outcome(failure: Any) -> Outcome:
    """What a failed line says; only faults of ours are logged, with a reference to find them by."""
    if failure.check(CommandError):
        return Outcome(failure.value.code, " ".join(str(failure.value).split()))
    if failure.check(CancelledError):
        return Outcome("aborted", "the command was aborted")
    reference = token_hex(4)
    log.failure("shell: a command failed (reference {reference})", failure, reference=reference)
    return Outcome(
        "failed", f"the command failed; the log of the gateway says why (reference {reference})"
    )
