"""query_sm and cancel_sm against the whole gateway: whose, in which state, and after a crash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from relay_esme_kit import balanced, hold, release
from relay_kit import TestEsme, World, account, carrier

from smppgw.core import queue
from smppgw.core.message import State
from smppgw.core.settings import GatewaySettings
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire.times import format_absolute


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var", accounts=(account("esme"), account("other")))


def query(world: World, esme: TestEsme, message_id: str, source: str = "") -> wire.PDU:
    sequence = esme.request(wire.QuerySm(message_id=message_id, source_addr=source))
    world.settle()
    return esme.responses[sequence]


def cancel(world: World, esme: TestEsme, message_id: str = "", **fields: object) -> int:
    sequence = esme.request(wire.CancelSm(message_id=message_id, **fields))
    world.settle()
    status = esme.status(sequence)
    assert status is not None
    return status


def accepted(world: World, esme: TestEsme, *args: object, **fields: object) -> str:
    sequence = esme.submit(*args, **fields)
    world.settle()
    return esme.id_of(sequence)


# ---------------------------------------------------------------------------- query_sm


@pytest.mark.parametrize(
    ("script", "state", "final", "error"),
    [
        ("{after=100}", 1, False, 0),
        ("", 2, True, 0),
        ("{receipt=EXPIRED}", 3, True, 1),
        ("{receipt=DELETED}", 4, True, 1),
        ("{receipt=UNDELIV,err=021}", 5, True, 21),
        ("{receipt=UNKNOWN}", 7, True, 1),
        ("{receipt=REJECTD,err=069}", 8, True, 69),
        ("{receipt=UNDELIV,err=999}", 5, True, 255),
        ("{status=0x0B}", 8, True, 11),
    ],
)
def test_query_in_every_state_the_carrier_can_report(
    world: World, script: str, state: int, final: bool, error: int
) -> None:
    esme = world.esme()
    message_id = accepted(world, esme, text=script.encode() + b"x", registered_delivery=1)
    world.settle(2)
    answer = query(world, esme, message_id)
    assert answer.command_status == 0
    assert answer.message_id == message_id
    assert answer.message_state == state
    assert bool(answer.final_date) == final
    assert answer.error_code == error


def test_query_of_what_waits_is_deferred_or_flies(tmp_path: Path) -> None:
    world = World(tmp_path / "var", behaviours={"a": Behaviour(answer="never")})
    esme = world.esme()
    flying = accepted(world, esme)
    assert world.message(flying).state == State.IN_FLIGHT
    hold(world)
    waiting = accepted(world, esme, "33600000002")
    later = accepted(world, esme, schedule_delivery_time="000001000000000R")
    for message_id in (flying, waiting, later):
        answer = query(world, esme, message_id)
        assert (answer.command_status, answer.message_state, answer.final_date) == (0, 1, "")


def test_query_of_an_accepted_message_without_receipt(world: World) -> None:
    esme = world.esme()
    message_id = accepted(world, esme)
    world.settle(1)
    answer = query(world, esme, message_id)
    assert answer.message_state == State.ACCEPTED
    moment = datetime.fromtimestamp(world.message(message_id).final_at / 1000, UTC)
    assert answer.final_date == format_absolute(moment)


def test_query_of_a_message_that_expired_in_the_queue(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme, validity_period="000000000100000R")
    world.settle(62)
    answer = query(world, esme, message_id)
    assert answer.message_state == State.EXPIRED
    assert answer.final_date
    balanced(world)


def test_query_by_another_account_is_an_unknown_id(world: World) -> None:
    message_id = accepted(world, world.esme())
    assert query(world, world.esme("other"), message_id).command_status == S.ESME_RINVMSGID


@pytest.mark.parametrize(
    "message_id", ["", "0", "zz", "-1", "ffffffffffffffff", "7fffffffffffffff", "f" * 64, "é"]
)
def test_query_of_an_id_that_is_not_ours(world: World, message_id: str) -> None:
    esme = world.esme()
    accepted(world, esme)
    assert query(world, esme, message_id).command_status == S.ESME_RINVMSGID


def test_query_from_another_source_address_is_refused_an_empty_one_is_not(world: World) -> None:
    esme = world.esme()
    message_id = accepted(world, esme)
    assert query(world, esme, message_id, "999").command_status == S.ESME_RINVMSGID
    assert query(world, esme, message_id, "12345").command_status == 0
    assert query(world, esme, message_id).command_status == 0


def test_an_id_written_in_upper_case_or_without_zeros_is_the_same_id(
    world: World,
) -> None:
    esme = world.esme()
    message_id = accepted(world, esme)
    for written in (message_id.upper(), message_id.lstrip("0"), "0000" + message_id):
        answer = query(world, esme, written)
        assert answer.command_status == 0
        assert answer.message_id == written


def test_an_error_answer_is_a_header_and_nothing_else(world: World) -> None:
    esme = world.esme()
    answer = query(world, esme, "abc")
    assert len(wire.encode(answer)) == 16


# ---------------------------------------------------------------------------- cancel_sm


def test_cancel_of_a_waiting_message_by_its_id(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme, registered_delivery=1)
    assert cancel(world, esme, message_id, source_addr="12345") == 0
    assert world.message(message_id).state == State.DELETED
    assert world.ledger()["cancelled"] == 1
    world.settle(1)
    assert b"stat:DELETED" in esme.delivered[0].short_message
    release(world)
    world.settle(2)
    assert not world.simulated["a"].received
    balanced(world)


@pytest.mark.parametrize("crash_again", [False, True])
def test_a_cancel_that_was_answered_survives_a_crash(world: World, crash_again: bool) -> None:
    esme = world.esme()
    hold(world)
    gone = accepted(world, esme, "33600000001")
    kept = accepted(world, esme, "33600000002")
    assert cancel(world, esme, gone) == 0
    world.crash()
    if crash_again:
        world.crash()
    world.settle(3)
    assert world.message(gone).state == State.DELETED
    assert not world.simulated["a"].texts_to("33600000001")
    # Sent after the first crash, perhaps unanswered at the second: then once more, no oftener.
    sent = world.simulated["a"].texts_to("33600000002")
    assert 1 <= len(sent) <= 1 + crash_again
    assert world.message(kept).state == State.ACCEPTED
    balanced(world)


def test_a_cancel_is_not_answered_before_it_is_durable(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme)
    world.sync.stuck = True
    sequence = esme.request(wire.CancelSm(message_id=message_id))
    world.settle(1)
    assert esme.status(sequence) is None
    world.sync.go_on()
    world.settle()
    assert esme.status(sequence) == 0


def test_cancel_of_a_deferred_message(world: World) -> None:
    esme = world.esme()
    message_id = accepted(world, esme, schedule_delivery_time="000000001000000R")
    assert cancel(world, esme, message_id) == 0
    balanced(world)
    world.crash()
    world.settle(605, 5)
    assert not world.simulated["a"].received
    assert world.message(message_id).state == State.DELETED
    balanced(world)


def test_cancel_in_flight_fails_and_the_message_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path / "var", behaviours={"a": Behaviour(response_delay=5.0)})
    esme = world.esme()
    message_id = accepted(world, esme)
    assert cancel(world, esme, message_id) == S.ESME_RCANCELFAIL
    world.settle(6)
    assert world.message(message_id).state == State.ACCEPTED
    assert cancel(world, esme, message_id) == S.ESME_RCANCELFAIL
    assert world.ledger()["cancelled"] == 0
    balanced(world)


def test_cancel_twice_fails_the_second_time(world: World) -> None:
    esme = world.esme()
    hold(world)
    message_id = accepted(world, esme, registered_delivery=1)
    assert cancel(world, esme, message_id) == 0
    assert cancel(world, esme, message_id) == S.ESME_RCANCELFAIL
    world.settle(1)
    assert len(esme.delivered) == 1
    assert world.ledger()["cancelled"] == 1


def test_cancel_of_somebody_elses_message(world: World) -> None:
    hold(world)
    message_id = accepted(world, world.esme())
    other = world.esme("other")
    assert cancel(world, other, message_id) == S.ESME_RINVMSGID
    fields = {"source_addr": "12345", "destination_addr": "33600000001", "dest_addr_ton": 1}
    assert cancel(world, other, **fields) == S.ESME_RCANCELFAIL
    assert world.message(message_id).state == State.WAITING


def test_cancel_by_destination_ends_everything_that_waits_for_it(world: World) -> None:
    esme = world.esme()
    hold(world)
    mine = [accepted(world, esme) for _ in range(3)]
    mine.append(accepted(world, esme, "+33 6 00 00 00 01"))
    mine.append(accepted(world, esme, schedule_delivery_time="000001000000000R"))
    elsewhere = accepted(world, esme, "33600000002")
    foreign = accepted(world, esme, source_addr="54321")
    fields = {"source_addr": "12345", "destination_addr": "0033600000001"}
    assert cancel(world, esme, **fields) == 0
    assert [world.message(one).state for one in mine] == [State.DELETED] * 5
    assert world.message(elsewhere).state == State.WAITING
    assert world.message(foreign).state == State.WAITING
    assert cancel(world, esme, **fields) == S.ESME_RCANCELFAIL
    balanced(world)


def test_cancel_by_destination_and_service_type(world: World) -> None:
    esme = world.esme()
    hold(world)
    plain = accepted(world, esme)
    wap = accepted(world, esme, service_type="WAP")
    fields = {"source_addr": "12345", "destination_addr": "33600000001"}
    assert cancel(world, esme, service_type="CMT", **fields) == S.ESME_RCANCELFAIL
    assert cancel(world, esme, service_type="WAP", **fields) == 0
    assert world.message(plain).state == State.WAITING
    assert world.message(wap).state == State.DELETED
    assert cancel(world, esme, **fields) == 0
    assert world.message(plain).state == State.DELETED


def test_cancel_by_destination_finds_what_is_only_on_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "HEAD", 4)
    monkeypatch.setattr(queue, "LOAD", 2)
    esme = world.esme()
    hold(world)
    ids = [accepted(world, esme, f"3360000000{n % 3}") for n in range(30)]
    assert world.relay.carriers["a"].waiting == 30
    assert len(world.engine.live) < 30
    assert cancel(world, esme, source_addr="12345", destination_addr="33600000000") == 0
    assert cancel(world, esme, ids[29]) == 0
    states = [world.message(one).state for one in ids]
    assert states == [State.DELETED if n % 3 == 0 or n == 29 else 20 for n in range(30)]
    balanced(world)
    release(world)
    world.settle(5)
    carrier = world.simulated["a"]
    assert not carrier.texts_to("33600000000")
    assert len(carrier.texts_to("33600000001")) == 10
    assert len(carrier.texts_to("33600000002")) == 9
    assert world.relay.carriers["a"].waiting == 0
    balanced(world)


def test_cancel_of_a_message_that_waits_for_another_try(tmp_path: Path) -> None:
    world = World(tmp_path / "var", carriers=(carrier("a"),))
    esme = world.esme()
    first = accepted(world, esme, text=b"{status=0x08}first")
    second = accepted(world, esme, text=b"second")
    world.settle(0.5)
    assert world.message(first).state == State.WAITING
    assert cancel(world, esme, first) == 0
    world.settle(60, 1)
    assert world.message(second).state == State.ACCEPTED
    assert world.simulated["a"].texts_to("33600000001") == ["second"]
    balanced(world)


def test_a_message_behind_a_cancelled_one_keeps_its_turn(tmp_path: Path) -> None:
    world = World(tmp_path / "var", behaviours={"a": Behaviour(response_delay=3.0)})
    esme = world.esme()
    ids = [accepted(world, esme, text=b"%d" % n) for n in range(5)]
    assert cancel(world, esme, ids[1]) == 0
    assert cancel(world, esme, ids[3]) == 0
    world.settle(12)
    assert world.simulated["a"].texts_to("33600000001") == ["0", "2", "4"]
    balanced(world)


def test_what_is_cancelled_frees_a_place_in_the_queue(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        accounts=(account("esme", max_queue=2),),
        gateway=GatewaySettings(max_queue=3),
    )
    esme = world.esme()
    hold(world)
    ids = [accepted(world, esme) for _ in range(2)]
    full = esme.submit()
    world.settle()
    assert esme.status(full) == S.ESME_RMSGQFUL
    assert cancel(world, esme, ids[0]) == 0
    accepted(world, esme)
    balanced(world)
