"""`trace bind` and `tail` behind the shell: each is one line of a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from doing_kit import desk_of
from relay_kit import World
from shell_kit import Shell

from smppgw.ops.shell.commands import live
from smppgw.simulator import replay

PHONE = "33612345678"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


@pytest.fixture
def shell(world: World) -> Shell:
    return Shell(live.commands(desk_of(world)))


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


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("tail account esmee", "ERR unknown account: there is no 'esmee'; did you mean 'esme'?"),
        ("tail carrier zz", "ERR unknown carrier: there is no 'zz'"),
        ("tail state deliverd", "ERR unknown state: there is no 'deliverd'; did you mean 'deliv"),
        ("trace bind esme#1 raw", "ERR usage raw octets hold texts and numbers: add reveal"),
    ],
)
def test_what_nothing_can_come_of_is_refused(
    world: World, shell: Shell, line: str, says: str
) -> None:
    world.esme()
    *_, status = shell.say(line)
    assert status.startswith(says)


def test_a_raw_trace_can_be_replayed(world: World, shell: Shell) -> None:
    esme = world.esme()
    shell.begin("trace bind esme#1 raw reveal")
    esme.submit(PHONE)
    world.settle(1)
    found = replay.read(shell.screen.lines)
    assert [one.direction for one in found] == ["in", "out"]
    assert PHONE.encode() in found[0].octets


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
