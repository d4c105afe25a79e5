"""Reference numbers: one count for each pair of addresses, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import World, account

from smppgw.core import references
from smppgw.core.settings import GatewaySettings


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var", accounts=(account("esme"),))


def test_each_pair_counts_for_itself(world: World) -> None:
    following = world.relay.references.next
    assert [following("a", "1"), following("a", "1"), following("a", "2")] == [0, 1, 0]
    assert [following("b", "1"), following("a", "1")] == [0, 2]


def test_a_restart_goes_on(world: World) -> None:
    world.relay.references.next("a", "1")
    world.relay.references.next("a", "1")
    world.settle(3)
    world.crash()
    assert world.relay.references.next("a", "1") == 2


def test_the_end_is_followed_by_the_beginning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "NUMBERS", 3)
    assert [world.relay.references.next("a", "1") for _ in range(5)] == [0, 1, 2, 0, 1]


def test_what_memory_forgot_is_in_its_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "KNOWN", 2)
    following = world.relay.references.next
    for pair in ("1", "1", "2", "3"):
        following("a", pair)
    world.settle(5)
    assert len(world.relay.references._last) == 2
    assert following("a", "1") == 2


def test_what_is_not_used_any_more_is_forgotten_with_the_retention(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var", accounts=(account("esme"),), gateway=GatewaySettings(retention=60.0)
    )
    world.relay.references.next("a", "1")
    world.settle(30, 1)
    world.relay.references.next("a", "2")
    world.settle(40, 1)
    world.engine.flush()
    assert world.engine.select("SELECT destination FROM reference") == [("2",)]
