"""`trace bind` and `tail` behind the shell: each is one line of a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import World
from shell_kit import Shell

from smppgw.core.command import Answer, Argument, Call, Command, CommandError, Kind, Live
from smppgw.ops.tail import Filter, Tail, UnknownFilter
from smppgw.ops.trace import Trace, UnknownBind

PHONE = "33612345678"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


@pytest.fixture
def shell(world: World) -> Shell:
    """The commands as whoever declares them would write them."""

    def trace(call: Call) -> Answer:
        try:
            found = Trace(world.relay, call.text("bind"))
        except UnknownBind as error:
            raise CommandError(str(error), "unknown") from None
        return Live(found.begin, call.values.get("for", 0.0))

    def tail(call: Call) -> Answer:
        try:
            return Live(Tail(world.relay, Filter(to=call.text("to"))).begin)
        except UnknownFilter as error:
            raise CommandError(str(error), "unknown") from None

    bind = Argument("bind", "which bind", positional=True, required=True)
    seconds = Argument("for", "how long", kind=Kind.SECONDS)
    return Shell(
        [
            Command(("trace", "bind"), trace, "trace a bind", (bind, seconds)),
            Command(("tail",), tail, "watch messages", (Argument("to", "destination"),)),
        ]
    )


def test_a_trace_lasts_as_long_as_it_was_asked_to(world: World, shell: Shell) -> None:
    esme = world.esme()
    running = shell.begin("trace bind esme#1 for 30s")
    esme.submit(PHONE)
    world.settle(1)
    shell.clock.advance(30)
    assert running.result.called
    esme.submit(PHONE)
    world.settle(1)
    assert [line.split()[1:3] for line in shell.screen.lines] == [
        ["<-", "submit_sm"],
        ["->", "submit_sm_resp"],
    ]
    assert PHONE not in "".join(shell.screen.lines)


def test_a_trace_ends_with_its_bind(world: World, shell: Shell) -> None:
    esme = world.esme()
    running = shell.begin("trace bind esme#1")
    assert not running.result.called
    esme.unbind()
    world.settle(5)
    assert running.result.called
    assert "connection lost" in shell.screen.lines[-1]


def test_a_bind_that_is_none_is_an_error(world: World, shell: Shell) -> None:
    world.esme()
    *_, status = shell.say("trace bind esmee#1")
    assert status.startswith("ERR unknown no bind esmee#1; did you mean esme#1")


def test_a_tail_goes_on_until_it_is_stopped(world: World, shell: Shell) -> None:
    esme = world.esme()
    running = shell.begin("tail to 336 | grep ended")
    esme.submit(PHONE)
    esme.submit("4477123456789")
    world.settle(3)
    assert [line.split()[1] for line in shell.screen.lines] == ["ended"]
    running.abort()
    assert running.result.called
    assert world.store.onlookers.looking == ()
