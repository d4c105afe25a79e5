"""Parts that an ESME cut, and ESMEs that are careless, hostile or in a hurry."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_esme_kit import Disk, balanced, hold, release
from relay_kit import TestEsme, World, account, carrier

from smppgw.core import gathering
from smppgw.core.message import Message, State
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire import Tag
from smppgw.sms import receipt

TO = "33600000001"
PAYLOAD = int(Tag.message_payload)


def world_of(tmp_path: Path, **fields: object) -> World:
    fields.setdefault("concatenation", "sar")
    return World(tmp_path / "var", (carrier("a", **fields),), accounts=(account("esme"),))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_of(tmp_path)


def part(number: int, total: int = 3, reference: int = 7) -> bytes:
    return bytes((5, 0, 3, reference, total, number)) + bytes((64 + number,)) * 134


def send(world: World, esme: TestEsme, number: int, total: int = 3, **fields: object) -> str:
    """Submit a part; its message_id."""
    fields.setdefault("registered_delivery", 1)
    sequence = esme.submit(TO, part(number, total), esm_class=0x40, data_coding=3, **fields)
    world.settle()
    return esme.id_of(sequence)


def stats(esme: TestEsme) -> dict[str, str]:
    found = [receipt.parse(one.short_message) for one in esme.delivered]
    assert len({one.id for one in found}) == len(found)
    return {str(one.id): str(one.stat) for one in found}


def came(world: World) -> list[bytes]:
    return [one.pdu.short_message for one in world.simulated["a"].received]


@pytest.mark.parametrize("joined", [0, 1, 2])
def test_a_part_of_a_joined_text_is_neither_cancelled_nor_replaced(
    world: World, joined: int
) -> None:
    esme = world.esme()
    hold(world)
    ids = [send(world, esme, number) for number in (1, 2, 3)]
    for pdu in (
        wire.CancelSm(message_id=ids[joined], source_addr="12345"),
        wire.ReplaceSm(message_id=ids[joined], source_addr="12345", short_message=b"new"),
    ):
        sequence = esme.request(pdu)
        world.settle()
        assert esme.status(sequence) in (S.ESME_RCANCELFAIL, S.ESME_RREPLACEFAIL)
    release(world)
    world.settle(5)
    assert b"".join(came(world)) == b"A" * 134 + b"B" * 134 + b"C" * 134
    assert stats(esme) == dict.fromkeys(ids, "DELIVRD")
    balanced(world)


@pytest.mark.parametrize("asking", [1, 2, 3])
def test_whichever_part_asks_for_a_receipt_hears_of_the_delivery(world: World, asking: int) -> None:
    esme = world.esme()
    ids = [
        send(world, esme, number, registered_delivery=int(number == asking)) for number in (1, 2, 3)
    ]
    world.settle(5)
    assert stats(esme) == {ids[asking - 1]: "DELIVRD"}
    assert {world.message(one).state for one in ids} == {State.DELIVERED}
    balanced(world)


def test_parts_that_were_deferred_wait_for_each_other(world: World) -> None:
    esme = world.esme()
    for number in (1, 2, 3):
        send(world, esme, number, schedule_delivery_time="000000000100000R")
        world.settle(2, 1)
    world.settle(70, 1)
    assert b"".join(came(world)) == b"A" * 134 + b"B" * 134 + b"C" * 134
    assert len(stats(esme)) == 3
    balanced(world)


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_full_disk_when_deferred_parts_are_joined(world: World, last: int) -> None:
    esme = world.esme()
    order = [number for number in (1, 2, 3) if number != last] + [last]
    ids = [send(world, esme, number, schedule_delivery_time="000000000100000R") for number in order]
    world.settle(57, 1)
    disk = Disk(world)
    disk.full = True
    world.settle(8, 1)
    disk.full = False
    world.settle(60, 1)
    assert b"".join(came(world)) == b"A" * 134 + b"B" * 134 + b"C" * 134
    assert stats(esme) == dict.fromkeys(ids, "DELIVRD")
    balanced(world)


@pytest.mark.parametrize("style", ["payload", "sar"])
def test_parts_that_are_together_longer_than_any_pdu(tmp_path: Path, style: str) -> None:
    world = world_of(tmp_path, concatenation=style)
    esme = world.esme()
    ids = []
    for number in (1, 2):
        octets = bytes((5, 0, 3, 7, 2, number)) + b"\xff" * 40_000
        sequence = esme.submit(
            TO, b"", esm_class=0x40, registered_delivery=1, tlvs=((PAYLOAD, octets),)
        )
        world.settle()
        assert esme.status(sequence) == 0
        ids.append(esme.id_of(sequence))
    world.settle(40, 1)
    assert stats(esme) == dict.fromkeys(ids, "DELIVRD")
    assert world.relay.queued == 0
    balanced(world)


def test_a_part_repeated_without_end(tmp_path: Path) -> None:
    """All of them have an end; none is forgotten for being one of many."""
    world = World(
        tmp_path / "var",
        (carrier("a", concatenation="sar"),),
        accounts=(account("esme", window=1000, throughput=0),),
    )
    esme = world.esme()
    ids = []
    for _ in range(12):
        many = [
            esme.submit(TO, part(1, 2), esm_class=0x40, data_coding=3, registered_delivery=1)
            for _ in range(100)
        ]
        world.settle(1)
        ids += [esme.id_of(one) for one in many]
    ids.append(send(world, esme, 2, 2))
    world.engine.flush()
    world.settle(40, 1)
    assert {world.message(one).state for one in ids} == {State.DELIVERED}
    assert len(stats(esme)) == len(ids)
    balanced(world)


def test_memory_for_incomplete_texts_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_OCTETS", 200_000)
    esme = world.esme()
    for reference in range(10):
        octets = bytes((5, 0, 3, reference, 2, 1)) + b"x" * 60_000
        esme.submit(TO, b"", esm_class=0x40, tlvs=((PAYLOAD, octets),))
        world.settle()
    assert len(world.relay.gathering) == 3
    world.settle(40, 1)
    assert len(world.simulated["a"].received) == 10
    balanced(world)


def test_one_reference_for_ever_other_texts(world: World) -> None:
    esme = world.esme()
    for number in range(40):
        octets = bytes((5, 0, 3, 7, 2, 1)) + b"%d" % number
        esme.submit(TO, octets, esm_class=0x40, data_coding=3)
        world.settle()
    assert len(world.relay.gathering) == gathering.MOST_PER_KEY
    world.settle(40, 1)
    assert len(world.simulated["a"].received) == 40
    balanced(world)


def test_a_full_disk_while_many_texts_are_incomplete(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What never was is forgotten without a look at every other text."""
    esme = world.esme()
    for number in range(50):
        esme.submit(TO, part(1, 2, number), esm_class=0x40, data_coding=3)
    world.settle(1)
    looked: list[object] = []
    everyone = gathering.Open.everyone
    monkeypatch.setattr(
        gathering.Open, "everyone", property(lambda one: looked.append(one) or everyone.fget(one))
    )
    disk = Disk(world)
    disk.full = True
    for number in range(50, 100):
        esme.submit(TO, part(1, 2, number), esm_class=0x40, data_coding=3)
    world.settle()
    disk.full = False
    world.settle(2)
    assert len(world.relay.gathering) == 50
    assert len(looked) <= 50
    balanced(world)


class Unlooked(dict[int, Message]):
    """What memory holds, and nobody may look through."""

    def values(self):
        raise AssertionError("looked through")


def test_joined_parts_are_found_without_a_look_at_all_of_memory(world: World) -> None:
    held = Unlooked(world.store.live)
    relay = world.relay
    world.engine.live = world.store.live = held
    relay.parts._unwritten._live = relay.gathering._unwritten._live = held
    esme = world.esme()
    ids = [send(world, esme, number) for number in (1, 2, 3)]
    world.settle(0.5)
    assert stats(esme) == dict.fromkeys(ids, "DELIVRD")
    world.settle(5)
    assert not relay.parts._unwritten
    assert not relay.gathering._unwritten
    balanced(world)
