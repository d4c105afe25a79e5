"""What a hostile peer and a failing disk tried once, and may try again."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_esme_kit import Disk, balanced, hold, release
from relay_kit import World
from relay_peers import scripted, submit

from smppgw.core.carrier import LONGEST_ID
from smppgw.core.message import State
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

TO = "33600000001"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


def test_a_carrier_that_repeats_its_ids_does_not_fill_the_memory(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    for number in range(50):
        submit(world, esme, remote, "same", destination=f"336{number:08}")
    world.settle(5)
    assert world.engine.behind == 0
    assert len(world.engine.live) == 1, "only the last one can still be named by a receipt"
    assert world.ledger()["pending"] == 50


def test_an_endless_message_id_is_cut(world: World) -> None:
    world.simulated["a"].behaviour = Behaviour(answer="never")
    esme = world.esme()
    sequence = esme.submit(TO, registered_delivery=1)
    world.settle(1)
    message = world.message(esme.id_of(sequence))
    carrier = world.relay.carriers["a"]
    answers = [(message, "1" * 60_000)]
    carrier.accepted(carrier.links[0], answers, world.clock.seconds())
    world.settle(3)
    assert message.remote_id == "1" * LONGEST_ID
    assert len(message.remote_key) <= LONGEST_ID


def replacing(kind: str) -> wire.PDU:
    """A submit to TO that takes the place of what waits."""
    if kind == "submit_sm":
        return wire.SubmitSm(
            source_addr="12345",
            destination_addr=TO,
            short_message=b"new",
            replace_if_present_flag=1,
        )
    return wire.SubmitMulti(
        source_addr="12345",
        dest_address=(wire.DestAddress(1, 1, TO),),
        short_message=b"new",
        replace_if_present_flag=1,
    )


@pytest.mark.parametrize("kind", ["submit_sm", "submit_multi"])
def test_a_replacement_that_was_refused_replaces_nothing(world: World, kind: str) -> None:
    esme = world.esme()
    hold(world)
    first = esme.submit(TO, b"old")
    world.settle(1)
    assert esme.status(first) == 0
    disk = Disk(world)
    disk.full = True
    second = esme.request(replacing(kind))
    world.settle(0.5)
    disk.full = False
    world.settle(5)
    assert esme.status(second) == 0x08
    assert world.message(esme.id_of(first)).state == State.WAITING
    release(world)
    world.settle(2)
    assert world.simulated["a"].texts_to(TO) == ["old"]
    balanced(world)


@pytest.mark.parametrize("kind", ["submit_sm", "submit_multi"])
def test_a_replacement_is_answered_when_what_it_replaces_has_ended_on_disk(
    world: World, kind: str
) -> None:
    esme = world.esme()
    hold(world)
    first = esme.submit(TO, b"old")
    world.settle(1)
    world.sync.stuck = True
    second = esme.request(replacing(kind))
    world.settle(1)
    world.sync.go_on()  # the new message is durable, the end of the old one is not
    world.sync.stuck = True
    world.settle(1)
    assert world.message(esme.id_of(first)).state == State.DELETED
    assert esme.status(second) is None
    world.sync.go_on()
    world.settle(1)
    assert esme.status(second) == 0
    balanced(world)
