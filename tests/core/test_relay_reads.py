"""What arrives in one read is handled together, and each thing in it as if it had come alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from carrier_kit import Traffic, assert_balanced, assert_clean, drain, links, taken, world_of
from relay_kit import World, account

from smppgw.core.message import Message, State
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

SYSTEM_FAULT = 0x0B
NEVER = {"a": Behaviour(answer="never")}


def read(world: World, *pdus: wire.PDU) -> None:
    """All of these come from the carrier in one read."""
    protocol = links(world)[0].protocol
    assert protocol is not None
    protocol.dataReceived(b"".join(map(wire.encode, pdus)))
    world.settle()


def answer(traffic: Traffic, number: int, status: int = 0) -> wire.SubmitSmResp:
    """The carrier's answer to a message, whose id there is `r` and its number."""
    return wire.SubmitSmResp(
        message_id="" if status else f"r{number}",
        sequence_number=traffic.message(number).sequence_number,
        command_status=status,
    )


def receipt(number: int) -> wire.DeliverSm:
    """The carrier says that a message was delivered."""
    return wire.DeliverSm(
        esm_class=4,
        short_message=b"id:r%d stat:DELIVRD err:000" % number,
        sequence_number=100 + number,
    )


def sent(tmp_path: Path, count: int) -> tuple[World, Traffic]:
    """Messages to as many phones, all of them unanswered."""
    world = world_of(tmp_path, behaviours=NEVER)
    traffic = Traffic(world)
    for number in range(count):
        traffic.send(f"3360000000{number}", registered_delivery=1)
    world.settle()
    assert links(world)[0].taken == count
    return world, traffic


def test_answers_refusals_and_receipts_of_one_read(tmp_path: Path) -> None:
    world, traffic = sent(tmp_path, 5)
    read(
        world,
        answer(traffic, 1),
        receipt(1),
        answer(traffic, 2, SYSTEM_FAULT),
        answer(traffic, 3),
        wire.GenericNack(sequence_number=traffic.message(4).sequence_number, command_status=3),
        answer(traffic, 5),
        receipt(5),
    )
    states = [traffic.state(number) for number in range(1, 6)]
    assert states[0] == states[4] == State.DELIVERED
    assert states[2] == State.SENT
    assert {states[1], states[3]} <= {State.UNDELIVERABLE, State.REJECTED, State.WAITING}
    relay = world.relay
    assert relay.counters.sent == 3
    assert relay.receipts.early == 0, "each answer was taken before the receipt behind it"
    assert relay.receipts.matched == 2
    assert_balanced(world)


def test_a_receipt_before_its_answer_in_one_read(tmp_path: Path) -> None:
    world, traffic = sent(tmp_path, 2)
    read(world, receipt(2), answer(traffic, 1), answer(traffic, 2), receipt(1))
    assert [traffic.state(number) for number in (1, 2)] == [State.DELIVERED] * 2
    assert world.relay.receipts.early == 1
    assert_balanced(world)


def test_what_does_not_fit_into_a_window_waits_and_keeps_its_order(tmp_path: Path) -> None:
    """The window of the session is smaller by the time that the commit is on disk."""
    world = world_of(tmp_path)
    traffic = Traffic(world)
    protocol = links(world)[0].protocol
    assert protocol is not None
    protocol.session.window = 2
    numbers = [traffic.send("33600000001" if n % 2 else f"3360000001{n}") for n in range(8)]
    world.settle()
    drain(world)
    assert sorted(taken(world)) == numbers
    order = [number for number in taken(world) if number % 2 == 0]
    assert order == sorted(order)
    assert_clean(world)


@pytest.mark.parametrize("error", [wire.EncodeError("too long"), RuntimeError("a fault of ours")])
def test_a_message_that_cannot_be_written_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    world = world_of(tmp_path)
    traffic = Traffic(world)
    outgoing = world.relay.carriers["a"].outgoing
    written = outgoing.pdu

    def pdu(message: Message, *rest: Any) -> Any:
        if message.destination == "33600000002":
            raise error
        return written(message, *rest)

    monkeypatch.setattr(outgoing, "as_is", lambda version: False)
    monkeypatch.setattr(outgoing, "pdu", pdu)
    numbers = [traffic.send(f"3360000000{number}") for number in range(1, 4)]
    world.settle()
    drain(world)
    assert taken(world) == [numbers[0], numbers[2]]
    bad = traffic.message(numbers[1])
    assert bad.state == State.UNDELIVERABLE
    assert bad.error.startswith("cannot be sent: ")
    assert_clean(world)


def test_receipts_taken_refused_and_new_submits_in_one_read(tmp_path: Path) -> None:
    world = world_of(tmp_path, accounts=(account("esme", window=100, delivery_retry=5.0),))
    traffic = Traffic(world)
    esme = traffic.esme
    esme.answer = None
    for number in range(4):
        traffic.send(f"3360000000{number}", registered_delivery=1)
    world.settle(5)
    assert len(esme.delivered) == 4
    statuses = {0: 0, 1: 0x14, 2: 0, 3: 0x08}
    octets = [
        wire.encode(
            wire.DeliverSmResp(
                sequence_number=esme.delivered[place].sequence_number, command_status=status
            )
        )
        for place, status in statuses.items()
    ]
    submit = wire.SubmitSm(source_addr="1", destination_addr="33600000009", sequence_number=900)
    octets.insert(2, wire.encode(submit))
    assert esme.protocol is not None
    esme.protocol.send_now(b"".join(octets))
    world.settle()
    (bind,) = world.relay.accounts["esme"].binds
    assert (bind.taken, world.relay.accounts["esme"].spooled) == (0, 2)
    esme.answer = 0
    world.settle(10)
    again = [pdu.short_message for pdu in esme.delivered[4:]]
    assert again == [esme.delivered[1].short_message, esme.delivered[3].short_message]
    assert world.relay.accounts["esme"].spooled == 0
    assert world.relay.counters.accepted == 5
    assert_balanced(world)
