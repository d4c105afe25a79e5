"""Long texts through a carrier: parts on the wire, one message and one receipt for the ESME."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_esme_kit import Disk, balanced, hold, release
from relay_kit import TestEsme, World, account, carrier

from smppgw.core.message import Message, State
from smppgw.core.settings import RouteSettings, StatusRule
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire import Tag
from smppgw.sms import gsm7, receipt

TO = "33600000001"
ROOM = 153
REROUTE = {"0x0B": StatusRule(action="reroute")}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var", accounts=(account("esme"),))


def parts_text(*parts: str) -> bytes:
    """A text that is cut so that each part begins with one of these (scripts of the simulator)."""
    return b"".join(part.encode().ljust(ROOM, b".") for part in parts)


def send(world: World, esme: TestEsme, text: bytes, to: str = TO, **fields: object) -> str:
    """Submit a text of any length with a receipt asked for; its message_id."""
    fields.setdefault("registered_delivery", 1)
    tlvs = ((int(Tag.message_payload), text),)
    sequence = esme.submit(to, b"", tlvs=tlvs, **fields)
    world.settle()
    assert esme.status(sequence) == 0
    return esme.id_of(sequence)


def parts_of(world: World, message_id: str) -> list[Message]:
    return world.relay.parts.of(world.message(message_id))


def receipts(esme: TestEsme) -> list[receipt.Receipt]:
    return [receipt.parse(one.short_message) for one in esme.delivered]


def sequences(world: World, name: str = "a") -> list[int]:
    """The sequence of every part that came to a carrier."""
    return [one.pdu.short_message[5] for one in world.simulated[name].received]


# ---------------------------------------------------------------------- what becomes of the whole


def test_three_parts_are_one_message(world: World) -> None:
    esme = world.esme()
    message_id = send(world, esme, parts_text("one", "two", "three"))
    world.settle(5)
    assert sequences(world) == [1, 2, 3]
    (found,) = receipts(esme)
    assert (found.id, found.stat) == (message_id, "DELIVRD")
    whole = world.message(message_id)
    assert (whole.state, whole.parts, whole.parts_ended, whole.parts_delivered) == (2, 3, 3, 3)
    assert [one.state for one in parts_of(world, message_id)] == [State.DELIVERED] * 3
    assert world.ledger()["accepted"] == world.ledger()["delivered"] == 1
    assert world.relay.ledger.lines("carrier")["a"]["delivered"] == 3
    balanced(world)


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_the_worst_part_decides_and_is_named(world: World, failing: int) -> None:
    esme = world.esme()
    texts = ["one", "two", "three"]
    texts[failing - 1] = "{receipt=UNDELIV,err=021}"
    message_id = send(world, esme, parts_text(*texts))
    world.settle(5)
    (found,) = receipts(esme)
    assert (found.id, found.stat, found.err) == (message_id, "UNDELIV", "021")
    assert (found.sub, found.dlvrd, found.text) == ("003", "002", f"part {failing}/3")
    whole = world.message(message_id)
    assert (whole.state, whole.worst_part) == (State.UNDELIVERABLE, failing)
    assert world.ledger()["undeliverable"] == 1
    balanced(world)


def test_a_part_that_the_carrier_refuses(world: World) -> None:
    esme = world.esme()
    send(world, esme, parts_text("one", "{status=0x0B}"))
    world.settle(5)
    (found,) = receipts(esme)
    assert (found.stat, found.err, found.dlvrd) == ("REJECTD", "011", "001")
    balanced(world)


def test_nobody_asked_for_a_receipt(world: World) -> None:
    esme = world.esme()
    message_id = send(world, esme, parts_text("one", "two"), registered_delivery=0)
    world.settle(5)
    assert not esme.delivered
    assert world.message(message_id).state == State.ACCEPTED
    balanced(world)


def test_only_failures_were_asked_for(world: World) -> None:
    esme = world.esme()
    send(world, esme, parts_text("one", "two"), registered_delivery=2)
    send(world, esme, parts_text("one", "{receipt=EXPIRED}"), registered_delivery=2)
    world.settle(5)
    assert [one.stat for one in receipts(esme)] == ["EXPIRED"]
    balanced(world)


def test_an_unknown_part_that_is_delivered_after_all(tmp_path: Path) -> None:
    world = World(tmp_path / "var", accounts=(account("esme"),))
    esme = world.esme()
    message_id = send(world, esme, parts_text("one", "{receipt=UNKNOWN}"))
    world.settle(5)
    assert [one.stat for one in receipts(esme)] == ["UNKNOWN"]
    second = parts_of(world, message_id)[1]
    link = world.relay.carriers["a"].links[0]
    pdu = wire.DeliverSm(
        sequence_number=77,
        esm_class=4,
        short_message=f"id:{second.remote_id} stat:DELIVRD err:000".encode(),
    )
    world.relay.carriers["a"].inbound(link, pdu)
    world.settle(2)
    assert [one.stat for one in receipts(esme)] == ["UNKNOWN", "DELIVRD"]
    assert world.message(message_id).state == State.DELIVERED
    balanced(world)


def test_one_notification_for_all_parts(world: World) -> None:
    esme = world.esme()
    message_id = send(world, esme, parts_text("one", "two"), registered_delivery=0x11)
    link = world.relay.carriers["a"].links[0]
    for number, part in enumerate(parts_of(world, message_id)):
        pdu = wire.DeliverSm(
            sequence_number=900 + number,
            esm_class=0x20,
            short_message=f"id:{part.remote_id} stat:ENROUTE err:000".encode(),
        )
        if part.remote_id:
            world.relay.carriers["a"].inbound(link, pdu)
    world.settle(5)
    assert [one.stat for one in receipts(esme)].count("ENROUTE") <= 1
    assert [one.stat for one in receipts(esme)][-1] == "DELIVRD"
    balanced(world)


# ---------------------------------------------------------------------- order, limits, references


def test_parts_go_in_order_and_others_pass_between(world: World) -> None:
    esme = world.esme()
    hold(world)
    send(world, esme, parts_text("one", "two", "three"))
    esme.submit("33600000002", b"short one")
    world.settle()
    release(world)
    world.settle(5)
    received = [(one.destination, one.pdu.short_message) for one in world.simulated["a"].received]
    assert [octets[5] for to, octets in received if to == TO] == [1, 2, 3]
    assert received.index(("33600000002", b"short one")) < 3


def test_two_texts_to_one_phone_differ_in_their_reference(world: World) -> None:
    esme = world.esme()
    for _ in range(3):
        send(world, esme, parts_text("one", "two"))
    world.crash()
    send(world, world.esme(), parts_text("one", "two"))
    world.settle(10)
    references = [one.pdu.short_message[3] for one in world.simulated["a"].received]
    assert sorted(set(references)) == [0, 1, 2, 3]


def test_queued_parts_count_against_the_account(tmp_path: Path) -> None:
    world = World(tmp_path / "var", accounts=(account("esme", max_queue=3),))
    esme = world.esme()
    hold(world)
    send(world, esme, parts_text("one", "two", "three"))
    refused = esme.submit(TO, b"one more")
    world.settle()
    assert esme.status(refused) == S.ESME_RMSGQFUL
    release(world)
    world.settle(5)
    assert (world.relay.queued, world.relay.accounts["esme"].queued) == (0, 0)
    taken = esme.submit(TO, b"one more")
    world.settle(2)
    assert esme.status(taken) == 0
    balanced(world)


# ---------------------------------------------------------------------- operations


def test_a_long_message_that_waits_is_cancelled_whole(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = send(world, esme, parts_text("one", "two"))
    sequence = esme.request(wire.CancelSm(message_id=message_id, source_addr="12345"))
    world.settle()
    assert esme.status(sequence) == 0
    release(world)
    world.settle(5)
    assert not world.simulated["a"].received
    assert world.message(message_id).state == State.DELETED
    assert [one.stat for one in receipts(esme)] == ["DELETED"]
    balanced(world)


def test_a_long_message_under_way_is_not_cancelled(world: World) -> None:
    esme = world.esme()
    message_id = send(world, esme, parts_text("{after=5}", "two"))
    sequence = esme.request(wire.CancelSm(message_id=message_id, source_addr="12345"))
    world.settle()
    assert esme.status(sequence) == S.ESME_RCANCELFAIL
    asked = esme.request(wire.QuerySm(message_id=message_id, source_addr="12345"))
    world.settle()
    answer = esme.responses[asked]
    assert isinstance(answer, wire.QuerySmResp)
    assert answer.message_state == 1
    world.settle(10)
    assert [one.stat for one in receipts(esme)] == ["DELIVRD"]
    balanced(world)


def test_parts_are_nobody_s_messages(world: World) -> None:
    esme = world.esme()
    message_id = send(world, esme, parts_text("one", "two"))
    part = parts_of(world, message_id)[0]
    asked = esme.request(wire.QuerySm(message_id=f"{part.id:016x}", source_addr="12345"))
    world.settle()
    assert esme.status(asked) == S.ESME_RINVMSGID


@pytest.mark.parametrize("text", [b"short", parts_text("three", "four", "five")])
def test_a_long_message_that_waits_is_replaced(world: World, text: bytes) -> None:
    esme = world.esme()
    hold(world)
    message_id = send(world, esme, parts_text("one", "two"))
    fields = (
        {"short_message": text}
        if len(text) < 254
        else {"tlvs": ((int(Tag.message_payload), text),)}
    )
    sequence = esme.request(
        wire.ReplaceSm(message_id=message_id, source_addr="12345", registered_delivery=1, **fields)
    )
    world.settle()
    assert esme.status(sequence) == 0
    release(world)
    world.settle(5)
    received = [one.pdu.short_message for one in world.simulated["a"].received]
    assert b"".join(one[6 if len(received) > 1 else 0 :] for one in received) == text
    assert [one.stat for one in receipts(esme)] == ["DELIVRD"]
    assert world.relay.queued == 0
    balanced(world)


def test_a_deferred_message_is_cut_when_its_time_comes(world: World) -> None:
    esme = world.esme()
    message_id = send(
        world, esme, parts_text("one", "two"), schedule_delivery_time="000000000100000R"
    )
    assert world.message(message_id).state == State.DEFERRED
    world.crash()
    esme = world.esme()
    world.settle(70, 1)
    assert sequences(world) == [1, 2]
    assert [one.stat for one in receipts(esme)] == ["DELIVRD"]
    balanced(world)


# ---------------------------------------------------------------------- other carriers


def test_the_second_carrier_gets_it_in_its_own_way(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        (
            carrier("a", alphabets=("latin1", "ucs2"), statuses=REROUTE),
            carrier("b", 2791, alphabets=("gsm7", "ucs2")),
        ),
        accounts=(account("esme"),),
        routes=(RouteSettings(carriers=(("a",), ("b",))),),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=0x0B)},
    )
    esme = world.esme()
    esme.submit(TO, "déjà".encode("latin-1"), data_coding=3, registered_delivery=1)
    esme.submit("33600000002", "ô".encode("latin-1") * 71, data_coding=3, registered_delivery=1)
    world.settle(5)
    first, second = (one.pdu for one in world.simulated["a"].received)
    assert (first.data_coding, first.short_message) == (3, "déjà".encode("latin-1"))
    assert (second.data_coding, len(second.short_message)) == (3, 71)
    first, *parts = (one.pdu for one in world.simulated["b"].received)
    assert (first.data_coding, first.short_message) == (0, gsm7.encode("déjà"))
    assert [(one.data_coding, len(one.short_message)) for one in parts] == [(8, 140), (8, 14)]
    assert [one.stat for one in receipts(esme)] == ["DELIVRD", "DELIVRD"]
    assert world.relay.ledger.lines("carrier")["a"]["moved"] == 2
    balanced(world)


def test_a_queue_that_moves_is_cut_for_where_it_goes(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        (carrier("a", concatenation="payload"), carrier("b", 2791, concatenation="udh16")),
        accounts=(account("esme"),),
        routes=(RouteSettings(carriers=(("a",), ("b",))),),
    )
    for name, port in (("a", 2790), ("b", 2791)):
        world.network.unlisten(f"127.0.0.1:{port}")
        world.simulated[name].disconnect()
    esme = world.esme()
    message_id = send(world, esme, parts_text("one", "two"))
    assert world.message(message_id).carrier == "a"  # one message_payload: the carrier cuts it
    world.network.listen("127.0.0.1:2791", world.simulated["b"].factory)
    world.settle(200)
    assert not world.simulated["a"].received
    received = world.simulated["b"].received
    assert [one.pdu.short_message[:3] for one in received] == [b"\x06\x08\x04"] * 3
    assert world.message(message_id).parts == 3
    assert [one.stat for one in receipts(esme)] == ["DELIVRD"]
    balanced(world)


def test_data_coding_0_of_the_account_holds_after_a_move_too(tmp_path: Path) -> None:
    """What is plain on the wire is no GSM 7-bit when the account means Latin-1 by it."""
    world = World(
        tmp_path / "var",
        (carrier("a", statuses=REROUTE), carrier("b", 2791)),
        accounts=(account("esme", data_codings={"0x00": "latin1"}),),
        routes=(RouteSettings(carriers=(("a",), ("b",))),),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=0x0B)},
    )
    world.esme().submit(TO, "é".encode("latin-1"))
    world.settle(5)
    for name in ("a", "b"):
        (one,) = world.simulated[name].received
        assert (one.pdu.data_coding, one.pdu.short_message) == (0, b"\x05")
    balanced(world)


# ---------------------------------------------------------------------- classes


def flash(world: World, esme: TestEsme) -> str:
    sequence = esme.submit(TO, b"flash", data_coding=0xF0, registered_delivery=1)
    world.settle(5)
    return esme.id_of(sequence)


@pytest.mark.parametrize("status", [S.ESME_RINVDCS, S.ESME_RINVESMCLASS, S.ESME_RINVTLVVAL])
def test_a_refused_class_is_given_up_where_that_is_allowed(tmp_path: Path, status: int) -> None:
    world = World(
        tmp_path / "var",
        (carrier("a", class_fallback=True),),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=status)},
    )
    esme = world.esme()
    message_id = flash(world, esme)
    assert [one.pdu.data_coding for one in world.simulated["a"].received] == [0xF0, 0]
    trail = world.engine.select("SELECT event FROM trail WHERE message = ?", (int(message_id, 16),))
    assert any("sent again as a standard message" in event for (event,) in trail)
    assert [one.stat for one in receipts(esme)] == ["REJECTD"]  # the carrier refuses everything
    balanced(world)


def test_a_refused_class_stays_refused_by_default(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        behaviours={"a": Behaviour(error_rate=1.0, error_status=S.ESME_RINVDCS)},
    )
    esme = world.esme()
    flash(world, esme)
    assert [one.pdu.data_coding for one in world.simulated["a"].received] == [0xF0]
    assert [one.stat for one in receipts(esme)] == ["REJECTD"]
    balanced(world)


def test_a_standard_message_has_no_class_to_give_up(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        (carrier("a", class_fallback=True),),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=S.ESME_RINVDCS)},
    )
    esme = world.esme()
    esme.submit(TO, b"standard", registered_delivery=1)
    world.settle(5)
    assert len(world.simulated["a"].received) == 1
    balanced(world)


# ---------------------------------------------------------------------- faults


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.6, 0.9, 1.5, 3.0])
def test_a_crash_between_parts(world: World, seconds: float) -> None:
    """Nothing is lost, and nothing that was answered goes twice."""
    esme = world.esme()
    message_id = send(world, esme, parts_text("{delay=0.5,after=1}", "{delay=0.5,after=1}", "end"))
    world.settle(seconds)
    answered = {one.part for one in parts_of(world, message_id) if one.answered_at}
    world.crash()
    esme = world.esme()
    world.settle(30)
    came = sequences(world)
    assert set(came) == {1, 2, 3}
    assert all(came.count(part) == 1 for part in answered)
    assert len(came) <= 4
    whole = world.message(message_id)
    assert (whole.state, whole.parts_ended) == (State.DELIVERED, 3)
    assert world.ledger()["accepted"] == 1
    balanced(world)


def test_a_full_disk_takes_nothing_of_it(world: World) -> None:
    esme = world.esme()
    disk = Disk(world)
    disk.full = True
    sequence = esme.submit(TO, b"", tlvs=((int(Tag.message_payload), parts_text("1", "2")),))
    world.settle()
    assert esme.status(sequence) == S.ESME_RSYSERR
    disk.full = False
    world.settle(5)
    assert not world.simulated["a"].received
    assert (world.relay.queued, world.relay.accounts["esme"].queued) == (0, 0)
    send(world, esme, parts_text("one", "two"))
    world.settle(5)
    assert sequences(world) == [1, 2]
    balanced(world)


def test_a_full_disk_while_a_deferred_message_is_cut(world: World) -> None:
    esme = world.esme()
    message_id = send(
        world, esme, parts_text("one", "two"), schedule_delivery_time="000000000010000R"
    )
    world.settle(58, 1)
    disk = Disk(world)
    disk.full = True
    world.settle(10, 1)
    disk.full = False
    world.settle(30, 1)
    assert sequences(world) == [1, 2]
    assert world.message(message_id).state == State.DELIVERED
    assert world.relay.queued == 0
    balanced(world)


def test_many_long_messages_leave_nothing_behind(world: World) -> None:
    esme = world.esme()
    for number in range(40):
        send(world, esme, parts_text("one", "two", "three"), f"336000001{number:02}")
    world.settle(20)
    assert len(receipts(esme)) == 40
    assert world.relay.queued == world.relay.accounts["esme"].queued == 0
    world.engine.flush()
    world.settle(3)
    assert not world.engine.live
    balanced(world)
