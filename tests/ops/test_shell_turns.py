"""The share of the process that commands take: little for many, unnoticed for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from shell_kit import Shell
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smppgw.core.command import Call, Command, CommandError, Document, text
from smppgw.ops.shell.runner import Outcome
from smppgw.ops.shell.turns import AT_ONCE, MOST, MOST_ELSEWHERE, REST, Turns, stepwise


def test_the_first_begins_at_once() -> None:
    assert Turns(Clock()).free().called


def test_what_costs_nothing_holds_nobody_up() -> None:
    turns = Turns(Clock())
    for _ in range(1000):
        turns.spent(0.0)
    assert turns.free().called


def test_who_types_now_and_then_never_waits() -> None:
    clock = Clock()
    turns = Turns(clock)
    for _ in range(20):
        assert turns.free().called
        clock.rightNow += 0.03  # what a dear command costs
        turns.spent(0.03)
        clock.advance(0.5)


def test_commands_of_all_take_a_fifth_of_the_time() -> None:
    clock = Clock()
    turns = Turns(clock)
    done = []

    def work(_: None) -> None:
        began = clock.seconds()
        clock.rightNow += 0.005  # what a command costs
        turns.spent(0.005)
        done.append(began)

    for _ in range(50):
        turns.free().addCallback(work)
    while len(done) < 50:
        clock.advance(0.001)
    assert done == sorted(done)
    assert done[-1] >= 49 * 0.005 * (1 + REST) - AT_ONCE


def test_the_dearest_command_holds_others_up_for_a_second() -> None:
    clock = Clock()
    turns = Turns(clock)
    clock.advance(60.0)
    turns.spent(60.0)
    waiting = turns.free()
    clock.advance(MOST * REST - AT_ONCE - 0.01)
    assert not waiting.called
    clock.advance(0.02)
    assert waiting.called


def test_they_begin_in_order_and_only_when_it_is_their_turn() -> None:
    clock = Clock()
    turns = Turns(clock)
    clock.advance(1.0)
    turns.spent(1.0)
    woken: list[int] = []

    def work(_: None, number: int) -> None:
        woken.append(number)
        clock.rightNow += 0.01
        turns.spent(0.01)

    waiting = [turns.free().addCallback(work, number) for number in range(100)]
    assert len(clock.getDelayedCalls()) == 1, "one timer for all of them"
    waiting[1].addErrback(lambda _: None).cancel()
    clock.advance(MOST * REST - AT_ONCE + 0.001)
    assert woken == [0]
    clock.advance(0.01 * REST + 0.001)
    assert woken == [0, 2]
    for _ in range(200):
        clock.advance(0.05)
    assert woken == [0, *range(2, 100)]
    assert clock.getDelayedCalls() == []


def test_who_waits_can_give_up() -> None:
    clock = Clock()
    turns = Turns(clock)
    clock.advance(1.0)
    turns.spent(1.0)
    waiting = turns.free()
    failures: list[object] = []
    waiting.addErrback(failures.append)
    waiting.cancel()
    assert failures
    assert not clock.getDelayedCalls()


def test_a_dear_command_makes_the_next_one_wait() -> None:
    def look(call: Call) -> Document:
        shell.clock.rightNow += 0.1  # seconds in which the reactor does nothing else
        return text("done")

    shell = Shell([Command(("look",), look, "dear")])
    assert shell.begin("look").result.called
    second = shell.begin("look").result
    third = shell.begin("look")
    assert not second.called
    shell.clock.advance(0.1 * REST - AT_ONCE + 0.01)
    assert second.called
    assert not third.result.called
    third.abort()
    assert third.result.called


def test_others_at_work_for_a_command_are_charged_a_little() -> None:
    thread: Deferred[Document] = Deferred()
    shell = Shell([Command(("look",), lambda call: thread, "waits")])
    shell.begin("look")
    shell.clock.advance(3600)
    turns = shell.runner.turns
    assert turns.free().called
    thread.callback(text("done"))
    shell.clock.rightNow += AT_ONCE / REST
    turns.spent(AT_ONCE / REST)  # as much as may be owed: from here on it is seen
    waiting = turns.free()
    shell.clock.advance(MOST_ELSEWHERE * REST - 0.001)
    assert not waiting.called
    shell.clock.advance(0.002)
    assert waiting.called


# ---------------------------------------------------------------------- what a command took


class Work:
    """A coroutine with steps that take time, and what is told of them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.spent: list[float] = []
        self.first: Deferred[int] = Deferred()
        self.second: Deferred[int] = Deferred()

    def takes(self, seconds: float) -> None:
        self.clock.rightNow += seconds

    async def steps(self) -> int:
        self.takes(1.0)
        found = await self.first
        self.takes(2.0)
        try:
            found += await self.second
        except ValueError:
            self.takes(8.0)
        self.takes(4.0)
        return found

    def begin(self) -> Deferred[int]:
        async def timed() -> int:
            return await stepwise(self.steps(), self.clock, self.spent.append)

        return Deferred.fromCoroutine(timed())


def test_only_the_steps_of_a_command_are_counted() -> None:
    work = Work()
    ended = work.begin()
    work.takes(100.0)
    work.first.callback(30)
    work.takes(100.0)
    work.second.callback(12)
    assert ended.result == 42
    assert work.spent == [1.0, 2.0, 4.0]


def test_a_failure_goes_where_it_is_awaited() -> None:
    work = Work()
    ended = work.begin()
    work.first.callback(30)
    work.second.errback(ValueError("no"))
    assert ended.result == 30
    assert work.spent == [1.0, 2.0, 12.0]


@pytest.mark.parametrize("end", [lambda ended: ended.cancel(), None])
def test_a_command_that_fails_is_counted_to_its_end(
    end: Callable[[Deferred[int]], None] | None,
) -> None:
    work = Work()
    ended = work.begin()
    found: list[Failure] = []
    ended.addErrback(found.append)
    if end is None:
        work.first.errback(KeyError("no"))
    else:
        end(ended)
    (failure,) = found
    assert failure.type is (KeyError if end is None else CancelledError)
    assert work.spent == [1.0, 0.0]


def test_an_outcome_says_what_its_line_took_of_the_reactor() -> None:
    thread: Deferred[None] = Deferred()

    async def look(call: Call) -> Document:
        shell.clock.rightNow += 0.01
        await thread
        shell.clock.rightNow += 0.02

        def lines(width: int) -> list[str]:
            shell.clock.rightNow += 0.04
            return ["done"]

        return Document({}, lines)

    def fails(call: Call) -> Document:
        shell.clock.rightNow += 0.5
        raise CommandError("no")

    shell = Shell([Command(("look",), look, "looks"), Command(("fail",), fails, "fails")])
    outcomes: list[Outcome] = []
    shell.begin("look").result.addCallback(outcomes.append)
    shell.clock.advance(100)
    thread.callback(None)
    shell.clock.advance(100)
    shell.begin("fail").result.addCallback(outcomes.append)
    assert [round(one.spent, 6) for one in outcomes] == [0.07, 0.5]
    assert outcomes == [Outcome(), Outcome("refused", "no")], "what it took is no part of it"
