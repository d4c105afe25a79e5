"""The way of a message through the relay, from submit_sm to the receipt."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import World

from smppgw.core.message import State


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


def test_a_message_goes_out_and_its_receipt_comes_back(world: World) -> None:
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle(2)
    message_id = esme.id_of(sequence)
    assert world.simulated["a"].texts_to("33600000001") == ["hello"]
    assert len(esme.delivered) == 1
    receipt = esme.delivered[0]
    assert f"id:{message_id} ".encode() in receipt.short_message
    assert b"stat:DELIVRD" in receipt.short_message
    assert world.message(message_id).state == State.DELIVERED
    assert world.ledger()["delivered"] == 1


def test_nothing_is_answered_before_the_commit_is_durable(world: World) -> None:
    esme = world.esme()
    world.sync.stuck = True
    sequence = esme.submit()
    world.settle(5)
    assert esme.status(sequence) is None
    assert not world.simulated["a"].texts_to("33600000001")
    world.sync.go_on()
    world.settle(1)
    assert esme.status(sequence) == 0
    assert world.simulated["a"].texts_to("33600000001") == ["hello"]


def test_a_crash_loses_nothing_that_was_acknowledged(world: World) -> None:
    esme = world.esme()
    world.network.unlisten("127.0.0.1:2790")
    world.simulated["a"].disconnect()
    world.settle(1)
    sequences = [esme.submit(f"3360000{n:04}") for n in range(50)]
    world.settle(1)
    assert all(esme.status(sequence) == 0 for sequence in sequences)
    world.network.listen("127.0.0.1:2790", world.simulated["a"].factory)
    world.crash()
    world.settle(5)
    for n in range(50):
        assert world.simulated["a"].texts_to(f"3360000{n:04}") == ["hello"]
    assert world.ledger()["accepted"] == 50
