"""What happens many times a second is logged when it begins and when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from carrier_kit import absent, back, world_of
from relay_kit import World, account, carrier
from relay_peers import bind, scripted
from twisted.logger import formatEvent, globalLogPublisher

from smppgw.core.episodes import CALM
from smppgw.core.settings import GatewaySettings, RouteSettings
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The words of all events."""
    words: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        if str(event.get("log_namespace")).startswith("smppgw."):
            words.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield words
    globalLogPublisher.removeObserver(observe)


def about(said: list[str], *words: str) -> list[str]:
    return [line for line in said if all(word in line for word in words)]


def test_a_throttling_carrier_is_told_once_and_when_it_is_over(
    tmp_path: Path, said: list[str]
) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    for _ in range(3):
        esme.submit()
        world.settle()
        remote.answer(status=wire.CommandStatus.ESME_RTHROTTLED)
        world.settle(5)
    assert len(about(said, "carrier a: pauses: ESME_RTHROTTLED")) == 1
    assert not about(said, "no pause any more")
    world.settle(CALM + 60, step=1)
    assert len(about(said, "carrier a: no pause any more; it lasted")) == 1
    world.settle(CALM + 60, step=1)
    assert len(about(said, "carrier a:")) == 2


def test_a_throttled_account_is_told_once(tmp_path: Path, said: list[str]) -> None:
    world = World(tmp_path / "var", accounts=(account("esme", throughput=2, burst=1),))
    esme = world.esme()
    for _ in range(4):
        for _ in range(10):
            esme.submit()
        world.settle(2)
    assert len(about(said, "account esme: is throttled")) == 1
    world.settle(CALM + 5, step=1)
    assert len(about(said, "account esme: is not throttled any more")) == 1
    for _ in range(5):
        esme.submit()
    world.settle(2)
    assert len(about(said, "account esme: is throttled")) == 2


def test_an_account_without_trouble_is_not_told(tmp_path: Path, said: list[str]) -> None:
    world = World(tmp_path / "var")
    world.esme().submit()
    world.settle(CALM * 2, step=1)
    assert len(about(said, "account esme#1: BOUND_TRX from 127.0.0.1:")) == 1
    assert not about(said, "throttled")
    assert not about(said, "pause")


def test_an_esme_that_does_not_take_its_receipts(tmp_path: Path, said: list[str]) -> None:
    world = World(tmp_path / "var", behaviours={"a": Behaviour(receipt_delay=0.1)})
    esme = bind(world, answer=wire.CommandStatus.ESME_RX_T_APPN)
    esme.submit(registered_delivery=1)
    world.settle(30, step=1)
    assert len(about(said, "deliveries to account esme: its deliver_sm pause: ESME_RX_T_APPN")) == 1
    esme.answer = 0
    world.settle(CALM + 30, step=1)
    assert len(about(said, "deliveries to account esme: no pause any more")) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"gateway": GatewaySettings(max_queue=3)}, "queue of all accounts: 3 messages are queued"),
        ({"accounts": (account("esme", max_queue=3),)}, "queue of account esme: 3 messages of it"),
    ],
)
def test_a_full_queue(
    tmp_path: Path, said: list[str], settings: dict[str, Any], words: str
) -> None:
    world = World(tmp_path / "var", start=False, **settings)
    world.relay.start()
    world.settle(1)
    world.relay.carriers["a"].hold()
    # A carrier that is held is no way for a message, but one that was queued stays.
    world.relay.carriers["a"].usable = True
    esme = world.esme()
    sequences = [esme.submit() for _ in range(5)]
    world.settle(3)
    statuses = [esme.status(one) for one in sequences]
    assert statuses.count(wire.CommandStatus.ESME_RMSGQFUL) == 2
    assert len(about(said, words)) == 1
    world.relay.carriers["a"].release()
    world.settle(CALM + 5, step=1)
    assert len(about(said, words.partition(":")[0], "there is room again")) == 1


def test_a_clock_set_back_ends_nothing_for_ever(tmp_path: Path, said: list[str]) -> None:
    world = World(tmp_path / "var", accounts=(account("esme", throughput=2, burst=1),))
    esme = world.esme()
    for _ in range(5):
        esme.submit()
    world.settle(2)
    episodes, now = world.relay.episodes, world.clock.seconds()
    episodes.tick(now - 3600)
    assert len(about(said, "not throttled any more")) == 1
    for _ in range(5):
        esme.submit()
    world.settle(0.1)
    episodes.tick(now - 3590)
    assert len(about(said, "account esme: is throttled")) == 2


def test_what_was_on_its_way_at_a_crash_is_told(tmp_path: Path, said: list[str]) -> None:
    world, _ = scripted(tmp_path)
    esme = world.esme()
    for n in range(3):
        esme.submit(f"3360000000{n}")
    world.settle(0.1)
    assert not about(said, "in flight")
    world.crash()
    assert about(said, "in flight when the gateway stopped, outcome unknown: 3 messages")


def test_a_queue_that_is_offered_to_others_is_told_once(tmp_path: Path, said: list[str]) -> None:
    often = {"reconnect": 0.1, "max_reconnect": 0.1}
    world = world_of(
        tmp_path,
        carrier("a", **often),
        carrier("b", 2791, **often),
        routes=(RouteSettings(carriers=(("a",), ("b",))),),
    )
    absent(world, "a")
    absent(world, "b")
    esme = world.esme()
    for n in range(3):
        esme.submit(f"3360000000{n}")
    world.settle(10, step=0.5)
    assert not about(said, "is offered")
    back(world, "b")
    world.settle(10, step=0.5)
    assert len(world.simulated["b"].received) == 3
    assert len(about(said, "carrier a: unusable; what waits for it is offered to b")) == 1


def test_who_leaves_without_a_bind_is_told_in_detail_only(tmp_path: Path, said: list[str]) -> None:
    world = World(tmp_path / "var")
    world.esme("nobody")
    world.settle(20, step=1)
    assert about(said, "bind refused: unknown")
    assert about(said, "127.0.0.1: gone without a bind (bind refused)")
