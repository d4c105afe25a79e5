"""`test carrier`: each step, each way in which it can fail, and nothing else disturbed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from carrier_kit import Traffic, absent, assert_clean, drain, taken, world_of
from doing_kit import Desktop, desk_of
from relay_kit import World, carrier
from relay_peers import by_text, mo, scripted
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import TimeoutError as NoAnswer

from smppgw.core import trial
from smppgw.ops.shell.commands import test_carrier as group
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp.net import SmppServerFactory
from smppgw.smpp.session import BindRequest, Role, Session, Timing

__test__ = True
PLACE = "127.0.0.1:2790"


def shell(world: World) -> Desktop:
    return Desktop(world, group.commands(desk_of(world)))


def steps(world: World, seconds: float = 30, name: str = "a") -> list[str]:
    """What each step came to: `DNS ok`, `TCP FAILED refused`; and the advice."""
    ops = shell(world)
    said = ops.say(f"test carrier {name} | json", seconds=seconds)
    assert said[-1] == "OK"
    return ops.screen.lines


def rows(world: World, seconds: float = 30) -> list[dict[str, Any]]:
    import json  # noqa: PLC0415

    found = json.loads("\n".join(steps(world, seconds)))
    return found["rows"] if isinstance(found, dict) else found


def test_a_carrier_that_is_well(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    bound = world.relay.carriers["a"].links[0].bound_at
    ops = shell(world)
    said = ops.say("test carrier a")
    assert [line.split()[:2] for line in said[1:-2]] == [[PLACE, "transceiver"]] * 4
    assert [line.split()[2] for line in said[1:-2]] == ["TCP", "bind", "enquire_link", "unbind"]
    assert "bound as transceiver at simulator, interface_version 0x34" in said[2]
    assert said[-2:] == ["carrier a: all is well", "OK"]
    world.settle(1)
    assert len(world.network.wires) == 2
    assert world.relay.carriers["a"].links[0].bound_at == bound
    number = traffic.send("33600000001")
    drain(world)
    assert taken(world) == [number]
    assert_clean(world)


def test_each_kind_of_bind_at_each_address(tmp_path: Path) -> None:
    a = carrier("a", bind="transmitter+receiver", hosts=("127.0.0.1:2790", "127.0.0.2"))
    world = world_of(tmp_path, a)
    found = rows(world)
    assert [(one["place"], one["bind"], one["step"]) for one in found] == [
        (PLACE, "transmitter", "TCP"),
        (PLACE, "transmitter", "bind"),
        (PLACE, "transmitter", "enquire_link"),
        (PLACE, "transmitter", "unbind"),
        (PLACE, "receiver", "TCP"),
        (PLACE, "receiver", "bind"),
        (PLACE, "receiver", "enquire_link"),
        (PLACE, "receiver", "unbind"),
        ("127.0.0.2:2790", "transmitter", "TCP"),
        ("127.0.0.2:2790", "receiver", "TCP"),
    ]
    assert [one["ok"] for one in found] == [True] * 8 + [False] * 2


def resolving(monkeypatch: pytest.MonkeyPatch, resolve: Callable[[str], list[str]]) -> None:
    monkeypatch.setattr(group, "addresses", resolve)


def named(tmp_path: Path, **fields: Any) -> World:
    """A carrier that has a name, at which the simulated one listens."""
    world = world_of(tmp_path, carrier("a", **fields))
    one = world.relay.carriers["a"]
    one.settings = evolve(one.settings, host="smsc.example")
    world.network.listen("smsc.example:2790", world.simulated["a"].factory)
    return world


def test_a_name_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = named(tmp_path)
    resolving(monkeypatch, lambda host: ["192.0.2.1", "2001:db8::1"])
    found = rows(world)
    assert (found[0]["step"], found[0]["found"]) == ("DNS", "192.0.2.1, 2001:db8::1")
    assert [one["ok"] for one in found] == [True] * 5


def test_a_name_without_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str) -> list[str]:
        raise OSError("Name or service not known")

    world = named(tmp_path)
    resolving(monkeypatch, unknown)
    said = shell(world).say("test carrier a")
    assert "FAILED" in said[1]
    assert "smsc.example has no address: Name or service not known" in said[1]
    assert "smsc.example:2790 as transceiver: smsc.example has no address" in said[2]
    assert "advice: look at host, and at the name servers" in " ".join(said[2:-1])


def test_a_name_server_that_never_answers(tmp_path: Path) -> None:
    world = named(tmp_path, bind_timeout=5)
    waiting: list[Deferred[Any]] = []

    def in_thread(function: Any, *arguments: Any) -> Deferred[Any]:
        waiting.append(Deferred())
        return waiting[-1]

    desk = evolve(desk_of(world), in_thread=in_thread)
    ops = Desktop(world, group.commands(desk))
    said = ops.say("test carrier a", seconds=10)
    assert "nothing came of it within 5 s (bind_timeout)" in said[1]


def test_nobody_listens(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    absent(world)
    (found,) = rows(world)
    assert (found["step"], found["ok"]) == ("TCP", False)
    assert found["found"] == "127.0.0.1:2790: refused"
    assert found["advice"].startswith("look at host and port, and at firewalls")


class Failing:
    """A connector that fails, or never comes to an end."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.cancelled = 0

    def connect(self, *arguments: Any) -> Deferred[Any]:
        if self.error is None:
            return Deferred(self._cancel)
        return fail(self.error)

    def _cancel(self, attempt: Deferred[Any]) -> None:
        self.cancelled += 1


@pytest.mark.parametrize(
    ("error", "tls", "step", "said"),
    [
        (NoAnswer(), False, "TCP", "127.0.0.1:2790: no answer"),
        (None, False, "TCP", "nothing came of it within 5 s (bind_timeout)"),
        (FileNotFoundError(2, "No such file", "ca.pem"), True, "TLS", "ca.pem"),
        (ValueError("no certificate in ca.pem"), True, "TLS", "no certificate in ca.pem"),
    ],
)
def test_no_connection(
    tmp_path: Path, error: Exception | None, tls: bool, step: str, said: str
) -> None:
    world = world_of(tmp_path, carrier("a", bind_timeout=5, tls=tls))
    failing = Failing(error)
    world.relay.connector = failing
    (found,) = rows(world)
    assert found["step"] == step
    assert said in found["found"]
    assert failing.cancelled == (error is None)


class Hanging:
    """A handler that says nothing, or drops the connection."""

    def __init__(self, world: World, drop: bool = False, answer_bind: bool = False) -> None:
        self.clock = world.clock
        self.drop = drop
        self.answer_bind = answer_bind
        self.factory = SmppServerFactory(
            lambda now: Session(Role.MC, window=1, timing=Timing(), now=now),
            lambda: self,
            world.clock,
            10,
        )
        world.network.listen(PLACE, self.factory)

    def connected(self, protocol: Any) -> None:
        if self.drop:
            protocol.close("no")

    def events(self, protocol: Any, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, BindRequest) and self.answer_bind:
                protocol.send(protocol.session.accept_bind(event.pdu, "half dead"))
                self.clock.callLater(0, self.clock.callLater, 0, protocol._transport.stall)

    def writable(self, protocol: Any, writable: bool) -> None:
        pass

    def lost(self, protocol: Any, reason: str, in_flight: list[Any]) -> None:
        pass


def other_end(tmp_path: Path, **fields: Any) -> World:
    """The carrier is bound to the simulator; who connects now finds somebody else."""
    world = world_of(tmp_path, carrier("a", bind_timeout=5, **fields))
    world.network.unlisten(PLACE)
    return world


def test_no_answer_to_the_bind(tmp_path: Path) -> None:
    world = other_end(tmp_path)
    Hanging(world)
    found = rows(world)
    assert [(one["step"], one["ok"]) for one in found] == [("TCP", True), ("bind", False)]
    assert found[1]["found"] == "nothing came of it within 5 s (bind_timeout)"
    assert found[1]["advice"].startswith("something listens there and says nothing")


def test_no_answer_to_enquire_link(tmp_path: Path) -> None:
    world = other_end(tmp_path)
    hanging = Hanging(world, answer_bind=True)
    found = rows(world)
    assert [(one["step"], one["ok"]) for one in found] == [
        ("TCP", True),
        ("bind", True),
        ("enquire_link", False),
    ]
    assert hanging.answer_bind


def test_tls_that_does_not_come_about(tmp_path: Path) -> None:
    """In memory there is no TLS: what is lost before the handshake is a fault of it."""
    world = other_end(tmp_path, tls=True)
    Hanging(world, drop=True)
    found = rows(world)
    assert [(one["step"], one["ok"]) for one in found] == [("TCP", True), ("TLS", False)]
    assert found[1]["found"] == "the connection was lost: closed by the peer"
    assert found[1]["advice"].startswith("look at tls, tls_ca and tls_cert")


def test_tls_that_does_is_a_step_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path, carrier("a", tls=True))
    connected = trial.Trial.connected

    def secured(self: trial.Trial, protocol: Any) -> None:
        connected(self, protocol)
        protocol.handshakeCompleted()

    monkeypatch.setattr(trial.Trial, "connected", secured)
    found = rows(world)
    assert [one["step"] for one in found] == ["TCP", "TLS", "bind", "enquire_link", "unbind"]
    assert all(one["ok"] for one in found)


@pytest.mark.parametrize(
    ("status", "said", "advice"),
    [
        (0x0E, "ESME_RINVPASWD (0x0E): password is wrong", "look at the password and its length"),
        (0x0F, "ESME_RINVSYSID (0x0F): system_id is unknown", "look at system_id, host and port"),
        (0x05, "ESME_RALYBND (0x05): already bound", "links bound there now: 1; a carrier that"),
        (0x0D, "ESME_RBINDFAIL (0x0D): bind failed", "links bound there now: 1"),
        (0x4AA, "0x4AA: not in the standard", "see the manual of the carrier"),
    ],
)
def test_a_bind_that_is_refused(tmp_path: Path, status: int, said: str, advice: str) -> None:
    world = world_of(tmp_path)
    simulated = world.simulated["a"]
    simulated.behaviour = evolve(simulated.behaviour, bind_status=status)
    found = rows(world)
    assert (found[-1]["step"], found[-1]["ok"]) == ("bind", False)
    assert found[-1]["found"].startswith(f"refused: {said}")
    assert advice in found[-1]["advice"]
    world.settle(1)
    assert len(world.network.wires) == 1


def test_a_wrong_password_is_not_shown(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        carriers=(evolve(carrier("a"), password="hush"),),
        behaviours={"a": Behaviour(passwords={"gw": "other"})},
    )
    lines = steps(world)
    assert "ESME_RINVPASWD" in "".join(lines)
    assert "hush" not in "".join(lines)


@pytest.mark.parametrize("step", ["DNS", "TCP", "bind", "enquire_link", "unbind"])
def test_it_can_be_aborted_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world = named(tmp_path)
    resolving(monkeypatch, lambda host: ["192.0.2.1"])
    ops = shell(world)
    begun = trial.Trial._next

    def aborted(self: trial.Trial, name: str) -> None:
        begun(self, name)
        if name == step:
            ops.world.clock.callLater(0, ops.abort)

    monkeypatch.setattr(trial.Trial, "_next", aborted)
    ops.begin("test carrier a")
    if step == "DNS":
        ops.abort()
    world.settle(60)
    assert ops.over
    assert len(world.network.wires) == 1
    assert_clean(world)


def test_what_comes_meanwhile_is_taken_as_ever(tmp_path: Path) -> None:
    """Receipts and MOs that the carrier sends on the bind of the trial are not lost or refused."""
    world, remote = scripted(tmp_path)
    sent: list[Any] = []

    class Speaking(list):  # type: ignore[type-arg]
        def append(self, link: Any) -> None:
            super().append(link)
            sent.extend([link.put(by_text("4711")), link.put(mo())])

    remote.links = Speaking(remote.links)
    ops = shell(world)
    ops.begin("test carrier a")
    world.settle(1)
    assert ops.status == "OK"
    assert [one.status for one in sent] == [0, 0]
    world.engine.flush()
    assert world.engine.select("SELECT count(*) FROM orphan") == [(1,)]
    assert world.engine.select("SELECT count(*) FROM unrouted") == [(1,)]


def test_addresses_of_a_name() -> None:
    assert group.addresses("127.0.0.1") == ["127.0.0.1"]
    with pytest.raises(OSError, match=r".+"):
        group.addresses("no such name")


def test_a_carrier_that_is_none(tmp_path: Path) -> None:
    said = shell(world_of(tmp_path)).say("test carrier b")
    assert said == ["ERR unknown there is no carrier 'b'; known: a"]
