"""replace_sm and replace_if_present_flag: what changes, where the message is, and after a crash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from relay_esme_kit import balanced, hold, release
from relay_kit import EPOCH, TestEsme, World, account

from smppgw.core import queue
from smppgw.core.message import State
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire import Tag
from smppgw.smpp.wire.times import format_absolute

TO = "33600000001"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var", accounts=(account("esme"), account("other")))


def accepted(world: World, esme: TestEsme, *args: object, **fields: object) -> str:
    sequence = esme.submit(*args, **fields)
    world.settle()
    return esme.id_of(sequence)


def replace(world: World, esme: TestEsme, message_id: str, **fields: object) -> int:
    sequence = esme.request(wire.ReplaceSm(message_id=message_id, **fields))
    world.settle()
    status = esme.status(sequence)
    assert status is not None
    return status


def at(seconds: float) -> str:
    """An absolute time, from the start of the world on."""
    return format_absolute(datetime.fromtimestamp(EPOCH + seconds, UTC))


def sent(world: World) -> wire.SubmitSm:
    (one,) = world.simulated["a"].received
    return one.pdu


@pytest.mark.parametrize("crash", [False, True])
def test_text_of_a_waiting_message(world: World, crash: bool) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme, data_coding=3, protocol_id=0x41, tlvs=((0x1400, b"keep"),))
    # The new text is written as the old one was: Latin-1, which the carrier gets as GSM 7-bit.
    assert replace(world, esme, message_id, short_message=b"new \xe9", source_addr="12345") == 0
    if crash:
        world.crash()
    else:
        release(world)
    world.settle(2)
    pdu = sent(world)
    assert pdu.short_message == b"new \x05"
    assert (pdu.data_coding, pdu.protocol_id, pdu.tlvs) == (0, 0x41, ((0x1400, b"keep"),))
    assert world.message(message_id).state == State.ACCEPTED
    balanced(world)


@pytest.mark.parametrize("crash", [False, True])
def test_what_is_only_on_disk(world: World, monkeypatch: pytest.MonkeyPatch, crash: bool) -> None:
    monkeypatch.setattr(queue, "HEAD", 4)
    monkeypatch.setattr(queue, "LOAD", 2)
    esme = world.esme()
    hold(world)
    ids = [accepted(world, esme, f"336000000{n:02}", text=b"old") for n in range(12)]
    far = int(ids[-1], 16)
    assert far not in world.engine.live
    assert replace(world, esme, ids[-1], short_message=b"new") == 0
    if crash:
        world.crash()
    else:
        release(world)
    world.settle(3)
    texts = [one.text for one in world.simulated["a"].received]
    assert texts == ["old"] * 11 + ["new"]
    balanced(world)


def test_a_replacement_is_not_answered_before_it_is_durable(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme)
    world.sync.stuck = True
    sequence = esme.request(wire.ReplaceSm(message_id=message_id, short_message=b"new"))
    world.settle(1)
    assert esme.status(sequence) is None
    world.sync.go_on()
    world.settle()
    assert esme.status(sequence) == 0


def test_a_payload_is_replaced_by_a_short_message_and_the_other_way_round(world: World) -> None:
    esme = world.esme()
    hold(world)
    payload = ((int(Tag.message_payload), b"long" * 100),)
    first = accepted(world, esme, text=b"", tlvs=payload)
    assert replace(world, esme, first, short_message=b"short") == 0
    second = accepted(world, esme, "33600000002", text=b"short")
    assert replace(world, esme, second, tlvs=payload) == 0
    assert replace(world, esme, second, short_message=b"x", tlvs=payload) == S.ESME_RINVTLVVAL
    release(world)
    world.settle(2)
    one, *parts = (entry.pdu for entry in world.simulated["a"].received)
    assert (one.short_message, one.tlvs) == (b"short", ())
    assert b"".join(part.short_message[6:] for part in parts) == b"long" * 100
    assert world.message(second).parts == len(parts) == 3
    balanced(world)


@pytest.mark.parametrize("crash", [False, True])
def test_a_waiting_message_gets_a_later_time(world: World, crash: bool) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme)
    assert replace(world, esme, message_id, schedule_delivery_time=at(60), short_message=b"x") == 0
    assert world.message(message_id).state == State.DEFERRED
    balanced(world)
    if crash:
        world.crash()
    else:
        release(world)
    world.settle(55, 1)
    assert not world.simulated["a"].received
    world.settle(10, 1)
    assert world.simulated["a"].texts_to(TO) == ["x"]
    balanced(world)


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("until", [30, 90])
def test_a_deferred_message_gets_another_time(world: World, crash: bool, until: int) -> None:
    esme = world.esme()
    message_id = accepted(world, esme, schedule_delivery_time=at(60))
    assert (
        replace(world, esme, message_id, schedule_delivery_time=at(until), short_message=b"x") == 0
    )
    if crash:
        world.crash()
    world.settle(until - 5, 1)
    assert not world.simulated["a"].received
    world.settle(10, 1)
    assert world.simulated["a"].texts_to(TO) == ["x"]
    world.settle(60, 1)
    assert len(world.simulated["a"].received) == 1
    balanced(world)


def test_a_time_in_the_past_sends_a_deferred_message_now(world: World) -> None:
    esme = world.esme()
    message_id = accepted(world, esme, schedule_delivery_time=at(3600))
    fields = {"schedule_delivery_time": at(-60), "short_message": b"now"}
    assert replace(world, esme, message_id, **fields) == 0
    world.settle(3)
    assert world.simulated["a"].texts_to(TO) == ["now"]
    balanced(world)


def test_without_a_time_a_deferred_message_keeps_its_own(world: World) -> None:
    esme = world.esme()
    message_id = accepted(world, esme, schedule_delivery_time=at(60))
    assert replace(world, esme, message_id, short_message=b"x") == 0
    world.settle(50, 1)
    assert not world.simulated["a"].received
    world.settle(15, 1)
    assert world.simulated["a"].texts_to(TO) == ["x"]


def test_validity(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme, registered_delivery=1)
    fields = {"validity_period": at(60), "short_message": b"x", "registered_delivery": 1}
    assert replace(world, esme, message_id, **fields) == 0
    message = world.message(message_id)
    assert message.expires == int((EPOCH + 60) * 1000)
    pdu = wire.decode(wire.frame(wire.CommandId.submit_sm, 0, 1, message.body))
    assert pdu.validity_period == at(60)
    world.settle(70, 1)
    assert world.message(message_id).state == State.EXPIRED
    assert b"stat:EXPIRED" in esme.delivered[0].short_message
    balanced(world)


def test_a_validity_beyond_the_longest_is_cut(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme)
    assert replace(world, esme, message_id, validity_period="010000000000000R") == 0
    week = int((EPOCH + world.settings.gateway.max_validity) * 1000)
    assert 0 <= world.message(message_id).expires - week <= 1000


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"schedule_delivery_time": "nonsense"}, S.ESME_RINVSCHED),
        ({"validity_period": "nonsense"}, S.ESME_RINVEXPIRY),
        ({"validity_period": at(-1)}, S.ESME_RINVEXPIRY),
        ({"schedule_delivery_time": at(120), "validity_period": at(60)}, S.ESME_RINVEXPIRY),
        ({"sm_default_msg_id": 7}, S.ESME_RINVDFTMSGID),
    ],
)
def test_a_bad_replacement_changes_nothing(
    world: World, fields: dict[str, object], status: int
) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme, text=b"old")
    before = world.message(message_id)
    body, expires = before.body, before.expires
    assert replace(world, esme, message_id, short_message=b"new", **fields) == status
    after = world.message(message_id)
    assert (after.body, after.expires, after.state) == (body, expires, State.WAITING)


def test_a_validity_that_ends_before_the_kept_time_is_refused(world: World) -> None:
    esme = world.esme()
    message_id = accepted(world, esme, schedule_delivery_time=at(3600))
    assert replace(world, esme, message_id, validity_period=at(60)) == S.ESME_RINVEXPIRY


def test_a_time_beyond_the_kept_validity_is_refused(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme, validity_period=at(60))
    assert replace(world, esme, message_id, schedule_delivery_time=at(120)) == S.ESME_RINVSCHED
    plain = accepted(world, esme)
    beyond = world.settings.gateway.validity + 3600
    assert replace(world, esme, plain, schedule_delivery_time=at(beyond)) == 0
    message = world.message(plain)
    assert message.expires > message.due


@pytest.mark.parametrize(
    ("old", "new", "asked", "receipts"),
    [(0, 1, 1, 1), (1, 0, 0, 0), (1, 2, 1, 0), (2, 3, 1, 1), (0, 0x11, 0x11, 1)],
)
def test_registered_delivery(world: World, old: int, new: int, asked: int, receipts: int) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme, registered_delivery=old)
    assert replace(world, esme, message_id, short_message=b"x", registered_delivery=new) == 0
    release(world)
    world.settle(2)
    assert sent(world).registered_delivery == asked
    assert len(esme.delivered) == receipts


def test_what_has_left_cannot_be_replaced(tmp_path: Path) -> None:
    world = World(tmp_path / "var", behaviours={"a": Behaviour(response_delay=3.0)})
    esme = world.esme()
    message_id = accepted(world, esme)
    assert replace(world, esme, message_id, short_message=b"x") == S.ESME_RREPLACEFAIL
    world.settle(5)
    assert replace(world, esme, message_id, short_message=b"x") == S.ESME_RREPLACEFAIL
    assert world.simulated["a"].texts_to(TO) == ["hello"]


def test_whose_message_it_is(world: World) -> None:
    hold(world)
    esme = world.esme()
    message_id = accepted(world, esme)
    new = {"short_message": b"x"}
    assert replace(world, world.esme("other"), message_id, **new) == S.ESME_RINVMSGID
    assert replace(world, esme, message_id, source_addr="999", **new) == S.ESME_RINVMSGID
    assert replace(world, esme, "123456789abc", **new) == S.ESME_RINVMSGID
    assert replace(world, esme, message_id.upper(), **new) == 0


# ---------------------------------------------------------------- replace_if_present_flag


def test_the_flag_takes_the_place_of_what_still_waits(world: World) -> None:
    esme = world.esme()
    hold(world)
    old = accepted(world, esme, text=b"old", registered_delivery=1)
    foreign = accepted(world, esme, text=b"foreign", source_addr="999")
    wap = accepted(world, esme, text=b"wap", service_type="WAP")
    new = accepted(world, esme, text=b"new", replace_if_present_flag=1)
    assert world.message(old).state == State.DELETED
    for kept in (foreign, wap, new):
        assert world.message(kept).state == State.WAITING
    world.settle(1)
    assert b"stat:DELETED" in esme.delivered[0].short_message
    balanced(world)
    release(world)
    world.settle(2)
    pdus = [one.pdu for one in world.simulated["a"].received]
    assert sorted(pdu.short_message for pdu in pdus) == [b"foreign", b"new", b"wap"]
    assert {pdu.replace_if_present_flag for pdu in pdus} == {0}
    assert world.ledger()["cancelled"] == 1


def test_the_flag_is_durable(world: World) -> None:
    esme = world.esme()
    hold(world)
    old = accepted(world, esme, text=b"old")
    accepted(world, esme, text=b"new", replace_if_present_flag=1)
    world.crash()
    world.settle(2)
    assert world.simulated["a"].texts_to(TO) == ["new"]
    assert world.message(old).state == State.DELETED
    balanced(world)


def test_the_flag_finds_nothing_and_is_a_submit(world: World) -> None:
    esme = world.esme()
    accepted(world, esme, text=b"one", replace_if_present_flag=1)
    world.settle(1)
    accepted(world, esme, text=b"two", replace_if_present_flag=1)
    world.settle(1)
    assert world.simulated["a"].texts_to(TO) == ["one", "two"]
    assert world.ledger()["cancelled"] == 0


def test_the_flag_within_one_segment(world: World) -> None:
    esme = world.esme()
    hold(world)
    sequences = [esme.submit(text=b"%d" % n, replace_if_present_flag=1) for n in range(5)]
    world.settle()
    ids = [esme.id_of(one) for one in sequences]
    assert [world.message(one).state for one in ids] == [State.DELETED] * 4 + [State.WAITING]
    release(world)
    world.settle(2)
    assert world.simulated["a"].texts_to(TO) == ["4"]
    balanced(world)


def test_a_refused_submit_replaces_nothing(world: World) -> None:
    esme = world.esme()
    hold(world)
    old = accepted(world, esme)
    bad = esme.submit(replace_if_present_flag=1, validity_period="bad")
    world.settle()
    assert esme.status(bad) == S.ESME_RINVEXPIRY
    assert world.message(old).state == State.WAITING
