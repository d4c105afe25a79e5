"""The share of the process that commands take: little for many, unnoticed for one."""

from __future__ import annotations

from shell_kit import Shell
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from smppgw.core.command import Call, Command, Document, text
from smppgw.ops.shell.turns import MOST, MOST_ELSEWHERE, REST, Turns


def begun(turns: Turns) -> Deferred[None]:
    return Deferred.fromCoroutine(turns.free())


def test_the_first_begins_at_once() -> None:
    assert begun(Turns(Clock())).called


def test_what_costs_nothing_holds_nobody_up() -> None:
    clock = Clock()
    turns = Turns(clock)
    turns.spent(clock.seconds())
    assert begun(turns).called


def test_commands_of_all_take_a_fifth_of_the_time() -> None:
    clock = Clock()
    turns = Turns(clock)
    done = []

    def work(_: None) -> None:
        began = clock.seconds()
        clock.rightNow += 0.005  # what a command costs
        turns.spent(began)
        done.append(began)

    for _ in range(50):
        begun(turns).addCallback(work)
    while len(done) < 50:
        clock.advance(0.001)
    assert done == sorted(done)
    assert done[-1] >= 49 * 0.005 * (1 + REST)


def test_the_dearest_command_holds_others_up_for_a_second() -> None:
    clock = Clock()
    turns = Turns(clock)
    clock.advance(60)
    turns.spent(0.0, elsewhere=60.0)
    waiting = begun(turns)
    clock.advance((MOST + MOST_ELSEWHERE) * REST - 0.01)
    assert not waiting.called
    clock.advance(0.02)
    assert waiting.called


def test_who_waits_can_give_up() -> None:
    clock = Clock()
    turns = Turns(clock)
    clock.advance(1)
    turns.spent(0.0)
    waiting = begun(turns)
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
    shell.clock.advance(0.1 * REST + 0.01)
    assert second.called
    assert not third.result.called
    third.abort()
    assert third.result.called
