"""Why an account is slow, on both ways: each limit of ours is named, and where we are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from explain_kit import desk_of, sound, works
from relay_kit import TestEsme, World, account, carrier

from smppgw.core.command import CommandError
from smppgw.core.settings import GatewaySettings, NumberSettings
from smppgw.ops.desk import Desk
from smppgw.ops.explain import Explanation, Limit, account_limits, bind_limits
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

NUMBER = NumberSettings(address="38100", account="esme")


def world_of(tmp_path: Path, behaviour: Behaviour | None = None, **settings: Any) -> World:
    rest = {key: settings.pop(key) for key in ("gateway",) if key in settings}
    return World(
        tmp_path / "var",
        (carrier("a", in_order=False),),
        accounts=(account("esme", **{"window": 10_000, **settings}),),
        behaviours={"a": behaviour or Behaviour()},
        numbers=(NUMBER,),
        **rest,
    )


def submits(desk: Desk, name: str = "esme") -> Explanation:
    """What limits an account, or one of its binds, that sends to us."""
    ask = bind_limits if "#" in name else account_limits
    found = sound(ask(desk, name)[0])
    assert found.about.endswith(f" {name}, submits")
    return found


def deliveries(desk: Desk, name: str = "esme") -> Explanation:
    """What limits what it gets."""
    ask = bind_limits if "#" in name else account_limits
    found = sound(ask(desk, name)[1])
    assert found.about.endswith(f" {name}, deliveries")
    return found


def busy(world: World, esme: TestEsme, desk: Desk, seconds: int = 12, each: int = 20) -> None:
    """Let it send for some seconds."""
    for _ in range(seconds):
        for place in range(each):
            esme.submit(str(33600000001 + place))
        world.settle(1.0, step=0.25)


def mos(world: World, count: int) -> None:
    """MOs for the account."""
    for number in range(count):
        world.simulated["a"].send_mo("33600000001", "38100", f"#{number}")


def test_who_is_not_there_cannot_be_explained(tmp_path: Path) -> None:
    desk = desk_of(world_of(tmp_path))
    for ask in (account_limits, bind_limits):
        with pytest.raises(CommandError, match="nobody"):
            ask(desk, "nobody")


# ---------------------------------------------------------------------- what it sends


def test_it_is_not_bound(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    assert submits(desk).limit is Limit.UNBOUND
    world.esme(kind=wire.BindReceiver)
    found = submits(desk)
    assert found.limit is Limit.UNBOUND
    assert "of 1 that only receive" in found.because


def test_it_sends_nothing(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    world.esme()
    world.settle(12, step=1.0)
    assert submits(desk).limit is Limit.NOTHING


def test_it_sends_no_more(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    busy(world, world.esme(), desk)
    for found in (submits(desk), submits(desk, "esme#1")):
        assert found.limit is Limit.SENDER
        assert found.rates[10] == pytest.approx(20.0, abs=2)
        assert found.also == ()


def test_what_waits_for_carriers_is_told(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.relay.carriers["a"].hold()
    desk = desk_of(world)
    busy(world, world.esme(), desk, 2)
    found = submits(desk)
    assert found.limit is Limit.SENDER
    assert found.waiting == 40
    assert "40 of its messages wait" in found.also[0]
    assert "that of a (40)" in found.also[0]


def test_its_throughput(tmp_path: Path) -> None:
    world = world_of(tmp_path, throughput=10.0)
    desk = desk_of(world)
    busy(world, world.esme(), desk)
    found = submits(desk)
    assert found.limit is Limit.THROUGHPUT
    assert found.rates[10] == pytest.approx(10.0, abs=2)
    assert found.maximum == 10.0
    assert "requests got ESME_RTHROTTLED" in found.also[0]


def test_its_window(tmp_path: Path) -> None:
    world = world_of(tmp_path, window=3, throughput=1000.0)
    world.sync.delay = 0.01
    desk = desk_of(world)
    busy(world, world.esme(), desk)
    found = submits(desk)
    assert found.limit is Limit.WINDOW
    assert "`window` (now 3)" in found.advice
    assert found.maximum is not None


@pytest.mark.parametrize("whose", ["account", "gateway"])
def test_its_queue_is_full(tmp_path: Path, whose: str) -> None:
    if whose == "account":
        world = world_of(tmp_path, max_queue=15)
    else:
        world = world_of(tmp_path, gateway=GatewaySettings(max_queue=15))
    world.relay.carriers["a"].hold()
    desk = desk_of(world)
    busy(world, world.esme(), desk, 2)
    found = submits(desk)
    assert found.limit is Limit.FULL
    assert "15 " in found.because
    assert any("refused for other reasons" in one for one in found.also)
    world.relay.carriers["a"].release()
    world.settle(5)
    assert submits(desk).limit is not Limit.FULL


def test_the_disk(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    esme = world.esme()
    world.sync.delay = 0.5
    busy(world, esme, desk, 12, 1)
    esme.submit()
    world.settle(0.1)
    found = submits(desk)
    assert found.limit is Limit.DISK
    assert "one takes 500 ms" in found.because
    world.store.congested = True
    assert "nothing is read" in submits(desk).because
    world.store.trouble = "No space left on device"
    assert "No space left" in submits(desk).because


def test_the_processor(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    world.esme()
    works(desk, 0.95)
    assert submits(desk).limit is Limit.CPU


def test_the_carriers_have_to_catch_up(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    busy(world, world.esme(), desk, 3)
    (bind,) = world.relay.accounts["esme"].binds
    world.relay.pace._waiting.append((0.0, bind, b"", 1))  # it paces only the really fast
    bind.unanswered += 1
    world.settle(12, step=1.0)
    assert submits(desk).limit is Limit.CARRIERS


# ---------------------------------------------------------------------- what it gets


def test_nothing_is_there_for_it(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.esme()
    assert deliveries(desk_of(world)).limit is Limit.NOTHING


def test_it_does_not_receive(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    world.esme(kind=wire.BindTransmitter)
    mos(world, 5)
    world.settle(1)
    found = deliveries(desk)
    assert (found.limit, found.waiting) == (Limit.UNBOUND, 5)


def test_it_does_not_read(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    world.esme()
    (bind,) = world.relay.accounts["esme"].binds
    bind.writable(bind._protocol, False)
    mos(world, 5)
    world.settle(1)
    assert deliveries(desk).limit is Limit.UNREAD
    assert deliveries(desk, "esme#1").limit is Limit.UNREAD


def test_it_refuses_them(tmp_path: Path) -> None:
    world = world_of(tmp_path, delivery_retry=60.0)
    desk = desk_of(world)
    world.esme().answer = 0x14
    mos(world, 5)
    world.settle(1)
    found = deliveries(desk)
    assert found.limit is Limit.PAUSED
    assert "ESME_RMSGQFUL" in found.because


def test_it_never_answers_them(tmp_path: Path) -> None:
    world = world_of(tmp_path, delivery_window=3, delivery_retry=20.0)
    desk = desk_of(world)
    world.esme().answer = None
    mos(world, 5)
    world.settle(12, step=1.0)
    found = deliveries(desk)
    assert (found.limit, found.unanswered, found.waiting) == (Limit.ANSWERS, 3, 2)
    assert "answered none lately" in found.because
    world.settle(55, step=1.0)
    found = deliveries(desk)
    assert found.limit is Limit.PAUSED
    assert "did not answer in time" in found.because


@pytest.mark.parametrize(
    ("delay", "limit", "maximum"), [(0.5, Limit.WINDOW, 4.0), (2.0, Limit.ANSWERS, 1.0)]
)
def test_it_answers_them_late(tmp_path: Path, delay: float, limit: Limit, maximum: float) -> None:
    world = world_of(tmp_path, delivery_window=2)
    desk = desk_of(world)
    esme = world.esme()
    take = esme.events

    def answer(*arguments: Any) -> None:
        take(*arguments)
        esme.protocol.flush()

    def late(*arguments: Any) -> None:
        world.clock.callLater(delay, answer, *arguments)

    esme.events = late
    mos(world, 100)
    world.settle(20)
    found = deliveries(desk)
    assert found.limit is limit
    assert found.maximum == pytest.approx(maximum, rel=0.2)
    assert found.rates[10] == pytest.approx(maximum, rel=0.2)
    assert (found.unanswered, found.window) == (2, 2)


def test_they_wait_for_the_disk(tmp_path: Path) -> None:
    world = world_of(tmp_path, delivery_window=2)
    desk = desk_of(world)
    world.esme()
    world.sync.delay = 0.4
    mos(world, 500)
    for _ in range(100):
        world.settle(0.25)
        if deliveries(desk).limit is Limit.DISK:
            return
    raise AssertionError("the disk was never named")


def test_they_flow(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    desk = desk_of(world)
    world.esme()
    world.relay.accounts["esme"].spooled += 1  # between two turns
    assert deliveries(desk).limit is Limit.OPEN
