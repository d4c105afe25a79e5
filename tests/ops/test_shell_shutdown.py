"""`shutdown drain|now|abort` and `reload`: what can be called off is, and all goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from carrier_kit import Traffic, assert_clean, drain, taken, world_of
from doing_kit import Desktop, desk_of
from relay_kit import World
from twisted.internet.defer import Deferred, fail, succeed

from smppgw.core.binding import LinkState
from smppgw.core.command import CommandError, Role
from smppgw.core.settings import GatewaySettings
from smppgw.ops.shell.commands import shutdown as group
from smppgw.ops.shutdown import Shutdown


class Played:
    """A process that only remembers what it was told."""

    def __init__(self) -> None:
        self.stopping = False
        self.told: list[str] = []
        self.changes: Deferred[list[str]] = succeed(["routes: 2", "account x: new"])

    def stop(self, why: str) -> None:
        self.stopping = True
        self.told.append(f"stop: {why}")

    def leave(self, why: str) -> None:
        self.told.append(f"leave: {why}")

    def reload(self, why: str) -> Deferred[list[str]]:
        self.told.append(why)
        return self.changes


class Stage:
    """A world, its process, and an operator."""

    def __init__(self, tmp_path: Path, role: Role = Role.ADMIN, **rest) -> None:
        rest.setdefault("gateway", GatewaySettings(drain_timeout=10))
        self.world: World = world_of(tmp_path, **rest)
        self.process = Played()
        self.shutdown = Shutdown(self.world.relay, self.world.clock)
        self.shutdown.process = self.process
        self.role = role
        self.ops = self.operator()

    def operator(self) -> Desktop:
        desk = desk_of(self.world, shutdown=self.shutdown)
        return Desktop(self.world, group.commands(desk), self.role)


def test_a_quiet_gateway_stops_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    said = stage.ops.say("shutdown drain !", seconds=1)
    assert said == ["all is answered; the gateway stops now", "OK"]
    stage.world.settle(0.5)
    assert stage.process.told == ["stop: shutdown by ops"]
    assert stage.ops.say("shutdown drain !")[-1].startswith("ERR refused too late")
    assert stage.ops.say("shutdown abort")[-1].startswith("ERR refused too late")


def test_it_waits_for_answers_and_takes_nothing_new(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    world = stage.world
    traffic = Traffic(world)
    first = traffic.send("33600000001", "{delay=3}")
    world.settle(0.5)
    screen = stage.ops.begin("shutdown drain", True)
    world.settle(0.5)
    assert screen.asked == [
        "this will drain and stop the gateway (1 binds of accounts; 1 submits unanswered by"
        " carriers, 0 by us). Go on? [y/N] "
    ]
    late = traffic.send("33600000002")
    world.settle(1)
    assert traffic.status(late) is None
    assert stage.process.told == []
    assert screen.lines == ["waiting for 1 answers of carriers and 0 of ours"]
    world.settle(3)
    assert taken(world) == [first]
    assert traffic.status(late) is None
    assert screen.lines[-1] == "all is answered; the gateway stops now"
    assert stage.process.told == ["stop: shutdown by ops"]


def test_who_binds_meanwhile_waits_as_well(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    world = stage.world
    Traffic(world).send("33600000001", "{delay=5}")
    world.settle(0.5)
    stage.ops.begin("shutdown drain !")
    world.settle(0.5)
    other = Traffic(world)
    world.settle(0.5)
    number = other.send("33600000002")
    world.settle(1)
    assert other.status(number) is None
    stage.operator().say("shutdown abort")
    world.settle(1)
    assert other.status(number) == 0


def test_a_drain_called_off_leaves_all_as_it_was(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    world = stage.world
    traffic = Traffic(world)
    bound = world.relay.carriers["a"].links[0].bound_at
    first = traffic.send("33600000001", "{delay=5}")
    world.settle(0.5)
    stage.ops.begin("shutdown drain !")
    world.settle(0.5)
    late = traffic.send("33600000002")
    world.settle(0.5)
    other = stage.operator()
    assert other.say("shutdown drain !")[-1].startswith("ERR busy a drain is under way")
    assert other.say("shutdown abort") == ["the drain is called off; all goes on as before", "OK"]
    world.settle(0.5)
    assert stage.ops.status == "ERR refused called off by ops"
    assert traffic.status(late) == 0
    assert world.relay.carriers["a"].links[0].state is LinkState.BOUND
    drain(world)
    world.settle(60)
    assert stage.process.told == []
    assert sorted(taken(world)) == [first, late]
    assert world.relay.carriers["a"].links[0].bound_at == bound
    assert other.say("shutdown abort")[-1] == "ERR refused no drain is under way"
    assert_clean(world)


def test_looking_on_may_end_and_the_drain_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    Traffic(stage.world).send("33600000001", "{delay=3}")
    stage.world.settle(0.5)
    stage.ops.begin("shutdown drain !")
    stage.world.settle(0.5)
    stage.ops.abort()
    stage.world.settle(5)
    assert stage.process.told == ["stop: shutdown by ops"]


def test_it_waits_no_longer_than_the_drain_timeout(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    Traffic(stage.world).send("33600000001", "{answer=never}")
    stage.world.settle(0.5)
    screen = stage.ops.begin("shutdown drain !")
    stage.world.settle(9)
    assert stage.process.told == []
    stage.world.settle(2)
    assert screen.lines[-1] == "1 answers did not come; the gateway stops now"
    assert stage.process.told == ["stop: shutdown by ops"]


def test_a_signal_meanwhile_ends_the_first_part(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    Traffic(stage.world).send("33600000001", "{answer=never}")
    stage.world.settle(0.5)
    stage.ops.begin("shutdown drain !")
    stage.world.settle(0.5)
    stage.process.stop("SIGTERM")
    stage.shutdown.stop()
    stage.world.settle(60)
    assert stage.process.told == ["stop: SIGTERM"]


def test_now_is_now(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    refused = stage.ops.say("shutdown now")[-1]
    assert refused.startswith("ERR confirm this would stop the gateway at once (0 binds")
    assert stage.ops.say("shutdown now !") == ["the gateway stops now", "OK"]
    stage.world.settle(1)
    assert stage.process.told == ["leave: shutdown now by ops"]


def test_a_reload_says_what_changed(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert stage.ops.say("reload") == ["routes: 2", "account x: new", "OK"]
    assert stage.process.told == ["reload by ops"]
    stage.process.changes = succeed([])
    assert stage.ops.say("reload") == ["nothing changed", "OK"]
    stage.process.changes = fail(CommandError("nothing changed: x.toml:3 port: too large"))
    assert stage.ops.say("reload") == ["ERR refused nothing changed: x.toml:3 port: too large"]


@pytest.mark.parametrize("line", ["shutdown drain !", "shutdown now !", "shutdown abort", "reload"])
def test_only_for_admins_and_only_of_a_process(tmp_path: Path, line: str) -> None:
    stage = Stage(tmp_path, Role.OPERATE)
    assert stage.ops.say(line)[-1].startswith("ERR denied")
    stage.role = Role.ADMIN
    stage.shutdown.process = None
    assert stage.operator().say(line)[-1].startswith("ERR unavailable")
    alone = Desktop(stage.world, group.commands(desk_of(stage.world)), Role.ADMIN)
    assert alone.say(line)[-1].startswith("ERR unavailable")
    assert stage.process.told == []
