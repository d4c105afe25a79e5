"""submit_multi and data_sm: one message per destination, and what becomes of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_esme_kit import Disk, balanced, bind, hold, say
from relay_kit import TestEsme, World, account

from smppgw.core.settings import GatewaySettings, RouteSettings
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire import DestAddress, DistributionList, Tag

PAYLOAD = int(Tag.message_payload)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(
        tmp_path / "var",
        accounts=(account("esme"), account("small", max_queue=2)),
        routes=(RouteSettings(prefix="33", carriers=(("a",),)),),
    )


def numbers(count: int) -> tuple[DestAddress, ...]:
    return tuple(DestAddress(1, 1, f"336000{n:05}") for n in range(count))


def multi(world: World, esme: TestEsme, *to: object, **fields: object) -> wire.SubmitMultiResp:
    fields.setdefault("source_addr", "12345")
    fields.setdefault("short_message", b"hello")
    sequence = esme.request(wire.SubmitMulti(dest_address=tuple(to), **fields))
    world.settle()
    answer = esme.responses[sequence]
    assert isinstance(answer, wire.SubmitMultiResp)
    return answer


@pytest.mark.parametrize("count", [1, 2, 254])
def test_every_destination_gets_it(world: World, count: int) -> None:
    esme = world.esme()
    answer = multi(world, esme, *numbers(count), data_coding=8, protocol_id=5)
    assert (answer.command_status, answer.unsuccess_sme) == (0, ())
    assert len(answer.message_id) == 16
    world.settle(5)
    received = world.simulated["a"].received
    assert [one.destination for one in received] == [one.destination_addr for one in numbers(count)]
    assert {
        (one.pdu.data_coding, one.pdu.protocol_id, one.pdu.short_message) for one in received
    } == {(8, 5, b"hello")}
    assert world.ledger()["accepted"] == count
    balanced(world)


def test_254_destinations_with_receipts_name_one_id(world: World) -> None:
    esme = world.esme()
    answer = multi(world, esme, *numbers(254), registered_delivery=1)
    world.settle(10)
    assert len(esme.delivered) == 254
    texts = [one.short_message for one in esme.delivered]
    assert all(text.startswith(b"id:" + answer.message_id.encode()) for text in texts)
    assert len({one.source_addr for one in esme.delivered}) == 254
    balanced(world)


def test_some_destinations_fail_and_are_named(world: World) -> None:
    esme = world.esme()
    to = (
        DestAddress(1, 1, "33600000001"),
        DestAddress(1, 1, "44770000001"),
        DestAddress(0, 9, ""),
        DistributionList("friends"),
        DestAddress(1, 1, "not a number"),
        DestAddress(1, 1, "33600000002"),
    )
    answer = multi(world, esme, *to)
    assert answer.command_status == 0
    assert answer.unsuccess_sme == (
        wire.UnsuccessSme(1, 1, "44770000001", S.ESME_RINVDSTADR),
        wire.UnsuccessSme(0, 9, "", S.ESME_RINVDSTADR),
        wire.UnsuccessSme(0, 0, "friends", S.ESME_RINVDLNAME),
        wire.UnsuccessSme(1, 1, "not a number", S.ESME_RINVDSTADR),
    )
    world.settle(1)
    assert world.ledger()["accepted"] == 2
    balanced(world)


@pytest.mark.parametrize(
    ("to", "fields", "status"),
    [
        ((DestAddress(1, 1, "44770000001"),), {}, S.ESME_RINVDSTADR),
        ((DistributionList("friends"),), {}, S.ESME_RINVDLNAME),
        (numbers(3), {"validity_period": "bad"}, S.ESME_RINVEXPIRY),
        (numbers(3), {"priority_flag": 9}, S.ESME_RINVPRTFLG),
        (numbers(3), {"esm_class": 0x40, "short_message": b"\x09"}, S.ESME_RINVESMCLASS),
    ],
)
def test_when_nobody_is_left_the_whole_is_refused(
    world: World, to: tuple[object, ...], fields: dict[str, object], status: int
) -> None:
    esme = world.esme()
    answer = multi(world, esme, *to, **fields)
    assert answer.command_status == status
    assert not world.relay.ledger.lines("account")
    balanced(world)


def test_a_queue_that_fills_up_midway_takes_the_first(world: World) -> None:
    esme = world.esme("small")
    hold(world)
    answer = multi(world, esme, *numbers(5))
    assert answer.command_status == 0
    assert [one.error_status_code for one in answer.unsuccess_sme] == [S.ESME_RMSGQFUL] * 3
    assert multi(world, esme, *numbers(5)).command_status == S.ESME_RMSGQFUL
    balanced(world)


def test_the_same_destination_twice_is_two_messages_in_order(world: World) -> None:
    esme = world.esme()
    multi(world, esme, *numbers(1), *numbers(1))
    world.settle(2)
    assert len(world.simulated["a"].received) == 2


def test_a_schedule_and_a_payload_hold_for_all(world: World) -> None:
    esme = world.esme()
    answer = multi(
        world,
        esme,
        *numbers(3),
        schedule_delivery_time="000000000030000R",
        short_message=b"",
        tlvs=((PAYLOAD, b"long" * 200), (0x1400, b"x")),
    )
    assert answer.command_status == 0
    world.crash()
    assert not world.simulated["a"].received
    world.settle(185, 5)
    received = world.simulated["a"].received
    assert {one.pdu.tlvs for one in received} == {((0x1400, b"x"),)}
    for number in numbers(3):
        texts = [
            one.pdu.short_message[6:]
            for one in received
            if one.destination == number.destination_addr
        ]
        assert b"".join(texts) == b"long" * 200
    balanced(world)


def test_on_a_full_disk_none_of_it_is_accepted(world: World) -> None:
    esme = world.esme()
    disk = Disk(world)
    disk.full = True
    assert multi(world, esme, *numbers(100)).command_status == S.ESME_RSYSERR
    disk.full = False
    world.settle(3)
    assert not world.simulated["a"].received
    assert world.relay.queued == 0
    balanced(world)


def test_the_queue_limit_of_the_gateway_counts_each_destination(tmp_path: Path) -> None:
    world = World(tmp_path / "var", gateway=GatewaySettings(max_queue=10))
    esme = world.esme()
    hold(world)
    answer = multi(world, esme, *numbers(12))
    assert len(answer.unsuccess_sme) == 2
    assert world.relay.queued == 10


# ---------------------------------------------------------------------------- data_sm


def data(world: World, **fields: object) -> wire.PDU:
    esme = world.esme()
    fields.setdefault("destination_addr", "33600000001")
    fields.setdefault("source_addr", "12345")
    sequence = esme.request(wire.DataSm(**fields))
    world.settle()
    return esme.responses[sequence]


def test_data_sm_goes_on_as_submit_sm_with_its_payload(world: World) -> None:
    octets = b"binary\0\xff" * 100
    tlvs = ((0x1400, b"x"), (PAYLOAD, octets), (0x0204, b"\0\1"))
    answer = data(
        world, tlvs=tlvs, esm_class=0x03, data_coding=4, registered_delivery=1, service_type="WAP"
    )
    assert isinstance(answer, wire.DataSmResp)
    assert answer.command_status == 0
    world.settle(2)
    received = [one.pdu for one in world.simulated["a"].received]
    assert b"".join(one.short_message[6:] for one in received) == octets
    for pdu in received:
        assert isinstance(pdu, wire.SubmitSm)
        assert pdu.tlvs == ((0x1400, b"x"), (0x0204, b"\0\1"))
        assert (pdu.esm_class, pdu.data_coding, pdu.service_type) == (0x43, 4, "WAP")
        assert pdu.registered_delivery == 1
    assert world.message(answer.message_id).final
    balanced(world)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, S.ESME_RMISSINGTLV),
        ({"tlvs": ((0x1400, b"x"),)}, S.ESME_RMISSINGTLV),
        ({"tlvs": ((PAYLOAD, b"x"),), "destination_addr": ""}, S.ESME_RINVDSTADR),
        ({"tlvs": ((PAYLOAD, b"x"),), "destination_addr": "x" * 64}, S.ESME_RINVDSTADR),
        ({"tlvs": ((PAYLOAD, b"x"),), "source_addr": "1" * 21}, S.ESME_RINVSRCADR),
        ({"tlvs": ((PAYLOAD, b"\x05x"),), "esm_class": 0x40}, S.ESME_RINVESMCLASS),
    ],
)
def test_data_sm_that_is_refused(world: World, fields: dict[str, object], status: int) -> None:
    assert data(world, **fields).command_status == status
    balanced(world)


def test_an_empty_payload_is_a_payload(world: World) -> None:
    assert data(world, tlvs=((PAYLOAD, b""),)).command_status == 0


def test_a_receiver_gets_no_word_of_submit_multi(world: World) -> None:
    peer = bind(world, kind=wire.BindReceiver)
    pdu = wire.SubmitMulti(dest_address=numbers(1), sequence_number=4)
    assert say(world, peer, wire.encode(pdu)) == [
        (pdu.command_id | wire.RESPONSE, S.ESME_RINVBNDSTS, 4)
    ]
