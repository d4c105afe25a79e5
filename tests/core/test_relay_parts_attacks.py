"""Long texts, and whoever changes his mind about them while they wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_esme_kit import Disk, balanced, hold, release
from relay_kit import TestEsme, World, account, carrier

from smppgw.core.content import submit_sm_of
from smppgw.core.message import Message, State
from smppgw.core.settings import GatewaySettings, StatusRule
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire import Tag
from smppgw.sms import receipt

TO = "33600000001"
ROOM = 153
LATER = {"0x0B": StatusRule(action="retry", delay=30.0, tries=5)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var", accounts=(account("esme"),))


def parts_text(*parts: str) -> bytes:
    return b"".join(part.encode().ljust(ROOM, b".") for part in parts)


def send(world: World, esme: TestEsme, text: bytes, to: str = TO, **fields: object) -> str:
    """Submit a text of any length with a receipt asked for; its message_id."""
    fields.setdefault("registered_delivery", 1)
    sequence = esme.submit(to, b"", tlvs=((int(Tag.message_payload), text),), **fields)
    world.settle()
    return esme.id_of(sequence)


def stats(esme: TestEsme) -> list[str]:
    return [str(receipt.parse(one.short_message).stat) for one in esme.delivered]


def ask(world: World, esme: TestEsme, pdu: wire.PDU) -> int | None:
    sequence = esme.request(pdu)
    world.settle()
    return esme.status(sequence)


def test_cancelled_while_its_first_part_waits_for_another_try(tmp_path: Path) -> None:
    world = World(tmp_path / "var", (carrier("a", statuses=LATER),))
    esme = world.esme()
    message_id = send(world, esme, parts_text("{status=0x0B}", "two", "three"))
    world.settle(2)
    pdu = wire.CancelSm(message_id=message_id, source_addr="12345")
    assert ask(world, esme, pdu) == 0
    world.settle(60, 1)
    assert len(world.simulated["a"].received) == 1
    assert stats(esme) == ["DELETED"]
    balanced(world)


def test_replaced_while_its_first_part_waits_for_another_try(tmp_path: Path) -> None:
    world = World(tmp_path / "var", (carrier("a", statuses=LATER),))
    esme = world.esme()
    message_id = send(world, esme, parts_text("{status=0x0B}", "two", "three"))
    world.settle(2)
    pdu = wire.ReplaceSm(
        message_id=message_id, source_addr="12345", short_message=b"new", registered_delivery=1
    )
    assert ask(world, esme, pdu) == 0
    world.settle(60, 1)
    received = [one.pdu.short_message for one in world.simulated["a"].received]
    assert received[1:] == [b"new"]
    assert stats(esme) == ["DELIVRD"]
    balanced(world)


def test_cancelled_by_its_destination(world: World) -> None:
    esme = world.esme()
    hold(world)
    send(world, esme, parts_text("one", "two"))
    pdu = wire.CancelSm(source_addr="12345", destination_addr=TO, dest_addr_ton=1, dest_addr_npi=1)
    assert ask(world, esme, pdu) == 0
    release(world)
    world.settle(5)
    assert not world.simulated["a"].received
    assert stats(esme) == ["DELETED"]
    balanced(world)


@pytest.mark.parametrize("text", [b"short", parts_text("three", "four")])
def test_a_later_message_takes_the_place_of_a_long_one(world: World, text: bytes) -> None:
    esme = world.esme()
    hold(world)
    send(world, esme, parts_text("one", "two"))
    send(world, esme, text, replace_if_present_flag=1)
    release(world)
    world.settle(5)
    octets = b"".join(
        one.pdu.short_message[6 if one.pdu.esm_class else 0 :]
        for one in world.simulated["a"].received
    )
    assert octets == text
    assert stats(esme) == ["DELETED", "DELIVRD"]
    balanced(world)


def test_a_replacement_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path / "var", (carrier("a", alphabets=("gsm7",)),))
    esme = world.esme()
    hold(world)
    for fields in ({}, {"data_coding": 8}):
        sequence = esme.submit(TO, b"\0h\0i", registered_delivery=1, **fields)
        world.settle()
    message_id = esme.id_of(sequence)
    before = world.message(message_id).expires
    pdu = wire.ReplaceSm(
        message_id=message_id,
        source_addr="12345",
        short_message="жук".encode("utf-16-be"),
        validity_period="000000010000000R",
    )
    assert ask(world, esme, pdu) == S.ESME_RINVDCS
    message = world.message(message_id)
    assert (message.expires, message.registered_delivery) == (before, 1)
    release(world)
    world.settle(5)
    assert stats(esme) == ["DELIVRD", "DELIVRD"]
    balanced(world)


@pytest.mark.parametrize("text", [b"new", b"", b"\xff", b"\0"])
def test_a_replacement_without_the_header_that_its_esm_class_promises(
    world: World, text: bytes
) -> None:
    esme = world.esme()
    hold(world)
    sequence = esme.submit(TO, b"\5\4\0\1\0\2" + b"old", esm_class=0x40, data_coding=4)
    world.settle()
    pdu = wire.ReplaceSm(message_id=esme.id_of(sequence), source_addr="12345", short_message=text)
    assert ask(world, esme, pdu) == S.ESME_RINVESMCLASS
    release(world)
    world.settle(5)
    assert len(world.simulated["a"].received) == 1
    balanced(world)


def test_a_replaced_message_without_its_header_stops_nobody(world: World) -> None:
    """What an earlier version let in ends; what is due after it goes."""
    esme = world.esme()
    later = "000000000010000R"
    sequence = esme.submit(
        TO, b"\5\4\0\1\0\2old", esm_class=0x40, data_coding=4, schedule_delivery_time=later
    )
    world.settle()
    message = world.message(esme.id_of(sequence))
    pdu = submit_sm_of(message.body)
    pdu.short_message = b"new"
    message.body = wire.body_of(pdu)
    message.rewrite()
    world.store.touch(message)
    esme.submit("33600000002", b"second", schedule_delivery_time=later)
    world.settle(70, 1)
    assert [one.destination for one in world.simulated["a"].received] == ["33600000002"]
    assert message.state == State.UNDELIVERABLE
    balanced(world)


def test_replaced_and_cancelled_in_a_commit_that_fails(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = send(world, esme, parts_text("one", "two"))
    world.settle(2)
    disk = Disk(world)
    disk.full = True
    text = parts_text("three", "four")
    esme.request(
        wire.ReplaceSm(
            message_id=message_id,
            source_addr="12345",
            registered_delivery=1,
            tlvs=((int(Tag.message_payload), text),),
        )
    )
    esme.request(wire.CancelSm(message_id=message_id, source_addr="12345"))
    world.settle()
    disk.full = False
    world.settle(3)
    release(world)
    world.settle(5)
    assert len(stats(esme)) == 1
    balanced(world)


def test_replaced_so_often_that_old_parts_outnumber_the_new_ones(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = send(world, esme, parts_text(*"x" * 200))
    for number in range(6):
        pdu = wire.ReplaceSm(
            message_id=message_id,
            source_addr="12345",
            registered_delivery=1,
            tlvs=((int(Tag.message_payload), parts_text(*str(number) * 200)),),
        )
        assert ask(world, esme, pdu) == 0
    world.network.unlisten("127.0.0.1:2790")
    world.simulated["a"].disconnect()
    world.crash()
    esme = world.esme()
    pdu = wire.CancelSm(message_id=message_id, source_addr="12345")
    assert ask(world, esme, pdu) == 0
    world.network.listen("127.0.0.1:2790", world.simulated["a"].factory)
    world.settle(90, 1)
    assert not world.simulated["a"].received
    assert stats(esme) == ["DELETED"]
    balanced(world)


@pytest.mark.parametrize("octets", [254, 255])
def test_replaced_by_the_longest_short_message(world: World, octets: int) -> None:
    esme = world.esme()
    hold(world)
    message_id = send(world, esme, parts_text("one", "two"))
    pdu = wire.ReplaceSm(
        message_id=message_id,
        source_addr="12345",
        short_message=b"x" * 254,
        registered_delivery=1,
        sequence_number=99,
    )
    frame = bytearray(wire.encode(pdu))
    if octets == 255:
        frame[-255] = 255
        frame += b"x"
        frame[:4] = len(frame).to_bytes(4, "big")
    esme.protocol.send_now(bytes(frame))
    world.settle()
    release(world)
    world.settle(5)
    received = [one.pdu.short_message[6:] for one in world.simulated["a"].received]
    assert b"".join(received) == b"x" * octets
    assert stats(esme) == ["DELIVRD"]
    balanced(world)


def test_a_long_message_that_is_deferred_after_all_needs_no_memory(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = send(world, esme, parts_text("one", "two"))
    pdu = wire.ReplaceSm(
        message_id=message_id,
        source_addr="12345",
        registered_delivery=1,
        schedule_delivery_time="000000000100000R",
        tlvs=((int(Tag.message_payload), parts_text("three", "four")),),
    )
    assert ask(world, esme, pdu) == 0
    world.engine.flush()
    assert not world.engine.live
    release(world)
    world.settle(70, 1)
    octets = b"".join(one.pdu.short_message[6:] for one in world.simulated["a"].received)
    assert octets == parts_text("three", "four")
    assert stats(esme) == ["DELIVRD"]
    balanced(world)


class Unlooked(dict[int, Message]):
    """What memory holds, and nobody may look through."""

    def values(self):
        raise AssertionError("looked through")


def test_the_parts_of_a_text_are_found_without_a_look_at_all_of_memory(world: World) -> None:
    esme = world.esme()
    live = world.relay.store.live
    held = Unlooked(live)
    world.engine.live = world.store.live = world.relay.parts._unwritten._live = held
    send(world, esme, parts_text("{status=0x0B}", "two"))
    world.settle(0.5)
    assert stats(esme) == ["REJECTD"]
    world.settle(5)
    assert not world.relay.parts._unwritten
    balanced(world)


@pytest.mark.parametrize("style", ["payload", "sar", "udh8"])
@pytest.mark.parametrize("later", ["", "000000000010000R"])
def test_a_header_that_is_longer_than_any_message(tmp_path: Path, style: str, later: str) -> None:
    """It is refused as such, and what is due after it goes."""
    world = World(tmp_path / "var", (carrier("a", concatenation=style),))
    esme = world.esme()
    header = bytes((200, 0x70, 198)) + bytes(198)
    tlvs = ((int(Tag.message_payload), header + b"text"),)
    fields = {"esm_class": 0x40, "data_coding": 4, "tlvs": tlvs}
    refused = esme.submit(TO, b"", schedule_delivery_time=later, **fields)
    taken = esme.submit(TO, b"next", schedule_delivery_time=later)
    world.settle(70, 1)
    assert (esme.status(refused), esme.status(taken)) == (S.ESME_RINVESMCLASS, 0)
    assert [one.pdu.short_message for one in world.simulated["a"].received] == [b"next"]
    balanced(world)


def test_reference_numbers_are_not_kept_for_ever(tmp_path: Path) -> None:
    world = World(tmp_path / "var", gateway=GatewaySettings(retention=3600.0))
    esme = world.esme()
    for number in range(3):
        send(world, esme, parts_text("one", "two"), f"3360000000{number}")
    world.settle(10, 1)
    world.engine.flush()
    assert len(world.engine.select("SELECT * FROM reference")) == 3
    world.settle(3700, 60)
    world.engine.flush()
    assert not world.engine.select("SELECT * FROM reference")
    balanced(world)
