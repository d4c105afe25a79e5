"""Real traffic with everything that is logged about it: no text, no password, no whole number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from log_kit import captured
from relay_kit import World, account, carrier
from relay_peers import ScriptedCarrier, mo, scripted
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import LogEvent

from smppgw.core.auth import Authenticator
from smppgw.core.settings import NumberSettings, RouteSettings
from smppgw.ops.log.lines import json_line, text_line
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

PASSWORD = "Pa55w0rd"
GUESS = "Gu3ssed1"
PHONES = ("33612345678", "+33698765432", "0044 7700 900123")
SENDER = "33755551234"
TEXT = b"the code is 918273645 dear Zebulon"
MO_TEXT = b"Quetzalcoatl says hi"

SECRETS = (
    PASSWORD,
    GUESS,
    SENDER,
    "33612345678",
    "33698765432",
    "447700900123",
    "7700 900123",
    "918273645",
    "Zebulon",
    "Quetzalcoatl",
    TEXT.hex(),
    MO_TEXT.hex(),
)
"""What must not be found in any line, nor in the repr of anything an event holds."""


def lines(events: list[LogEvent]) -> list[str]:
    return [line(event).decode() for event in events for line in (text_line, json_line)]


def assert_masked(events: list[LogEvent]) -> None:
    """Neither the lines nor what the events hold says anything that is nobody's business."""
    ours = [one for one in events if str(one["log_namespace"]).startswith("smppgw.")]
    assert ours
    for one in ours:
        held = [
            repr(value) + str(value)
            for name, value in one.items()
            if name not in {"log_failure", "log_source", "log_logger"}
        ]
        for said in (*lines([one]), *held):
            for secret in SECRETS:
                assert secret not in said, said


def submit_everything(esme: Any) -> None:
    for number, phone in enumerate(PHONES):
        esme.submit(phone, TEXT, source_addr=SENDER, registered_delivery=1 + number)
        esme.submit(phone, TEXT * (7 - number))
        esme.submit(phone, b"", tlvs=((wire.Tag.message_payload, TEXT * 20),))
        esme.submit(phone, TEXT, data_coding=4, esm_class=0x40)  # a header that is none
        esme.submit(phone, TEXT, schedule_delivery_time="not a time")
    esme.request(wire.DataSm(destination_addr=PHONES[0], source_addr=SENDER))
    esme.request(
        wire.SubmitMulti(
            source_addr=SENDER,
            dest_address=tuple(wire.DestAddress(1, 1, phone) for phone in PHONES),
            short_message=TEXT,
        )
    )
    esme.request(wire.CancelSm(source_addr=SENDER, destination_addr=PHONES[0]))
    esme.request(wire.QuerySm(message_id="no id", source_addr=SENDER))


def broken(command: type[wire.PDU], sequence: int) -> bytes:
    """A PDU that cannot be read, and begins with what it should not hold."""
    body = TEXT + SENDER.encode() + b"\xff" * 40
    return wire.frame(command.command_id, 0, sequence, body)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(
        tmp_path / "var",
        start=False,
        carriers=(carrier("a", class_fallback=True), carrier("b", port=2791)),
        accounts=(account("esme", binds=3, window=100), account("limited", throughput=1)),
        routes=(RouteSettings(carriers=(("a",), ("b",))),),
        numbers=(NumberSettings(address="38100", account="esme"),),
        behaviours={
            "a": Behaviour(receipt_delay=0.2),
            "b": Behaviour(receipt_delay=0.2),
        },
    )
    return world


def checked(world: World) -> None:
    """Binds are judged as in a real gateway."""

    def in_thread(function: Any, *arguments: Any) -> Deferred[Any]:
        return maybeDeferred(function, *arguments)

    def lookup(system_id: str) -> Any:
        found = world.relay.accounts.get(system_id)
        return None if found is None else evolve(found.settings, password=PASSWORD)

    judge = Authenticator(lookup, world.clock.seconds, in_thread)
    world.check = judge.check  # type: ignore[method-assign]


def test_the_whole_life_of_a_gateway(world: World) -> None:
    with captured() as events:
        world.relay.start()
        world.settle(1)
        esme = world.esme()
        submit_everything(esme)
        limited = world.esme("limited")
        for phone in PHONES * 3:
            limited.submit(phone, TEXT, source_addr=SENDER)
        world.settle(5)
        assert len(world.simulated["a"].received) > 10
        assert esme.delivered
        assert esme.protocol is not None
        for number, kind in enumerate((wire.SubmitSm, wire.DeliverSm, wire.BindTransceiver)):
            esme.protocol.send_now(broken(kind, 1000 + number))
        esme.protocol.send_now(wire.encode(wire.DeliverSm(short_message=TEXT)))
        esme.protocol.send_now(broken(wire.SubmitSm, 2000)[:-3] + b"\xff" * 20)
        world.settle(400, step=5)
        world.simulated["a"].disconnect()
        world.settle(5)
        world.crash()
        world.settle(5)
    assert_masked(events)


def test_binds_that_are_refused(world: World) -> None:
    checked(world)
    world.relay.start()
    with captured() as events:
        for system_id, password in (
            ("esme", GUESS),
            (SENDER[:15], PASSWORD),
            ("esme\nforged", GUESS),
            ("", GUESS),
            ("esme", PASSWORD),
        ):
            knock(world, system_id, password)
    said = lines(events)
    assert sum("bind refused: " in line for line in said) == 8
    assert any("account esme#1: BOUND_TRX" in line for line in said)
    for line in said:
        assert PASSWORD not in line
        assert GUESS not in line
        assert "\n" not in line


def knock(world: World, system_id: str, password: str) -> None:
    from relay_kit import GATEWAY, TestEsme  # noqa: PLC0415

    esme = TestEsme(world, system_id, lambda **kw: wire.BindTransceiver(password=password, **kw))  # type: ignore[arg-type]
    world.network.connect(GATEWAY, esme.session, esme)
    world.settle(1)


def test_messages_of_phones(tmp_path: Path) -> None:
    numbers = (NumberSettings(address="38100", account="esme"),)
    with captured() as events:
        world, remote = scripted(tmp_path, numbers=numbers)
        world.esme()
        for phone in PHONES:
            remote.send(
                mo(MO_TEXT, source_addr=phone),
                mo(MO_TEXT, SENDER, source_addr=phone),
                mo(b"\x05\x00\x03\x07\x03\x01" + MO_TEXT, esm_class=0x40, source_addr=phone),
                mo(MO_TEXT, esm_class=4, source_addr=phone),
                wire.DataSm(source_addr=phone, destination_addr=SENDER),
            )
        fail_on_purpose(world, remote)
        world.settle(400, step=5)
    assert_masked(events)
    said = "\n".join(lines(events))
    assert "passed on with 1 of 3 parts" in said
    assert re.search(r"MO from '\+3361234\*{4}' to '38100'", said)
    assert "handling a request: KeyError: '3361234****'" in said


def fail_on_purpose(world: World, remote: ScriptedCarrier) -> None:
    """A fault of ours whose exception quotes a number."""
    inbox = world.relay.inbox
    take = inbox.take

    def fail(*_: object) -> None:
        raise KeyError(PHONES[0])

    inbox.take = fail  # type: ignore[method-assign]
    remote.send(mo(MO_TEXT, source_addr=PHONES[0]))
    inbox.take = take  # type: ignore[method-assign]


def test_refusals_and_unknown_outcomes(tmp_path: Path) -> None:
    with captured() as events:
        world, remote = scripted(tmp_path)
        esme = world.esme()
        statuses = (0x58, 0x14, 0x0B, 0x45, 0x08, 0x104, 0x400)
        for number, status in enumerate(statuses):
            esme.submit(f"3361234{number:04}", TEXT, source_addr=SENDER)
            world.settle(1)
            remote.answer(status=status)
            world.settle(3)
        for link in list(remote.links):
            link.disconnect()
        world.settle(200, step=2)
    assert_masked(events)
    assert not [line for line in lines(events) if re.search(r"3361234\d{4}", line)]


def test_nothing_is_logged_per_message(world: World) -> None:
    world.relay.start()
    world.settle(1)
    esme = world.esme()
    with captured() as events:
        for n in range(100):  # its window
            esme.submit(f"3360000{n:04}", TEXT, registered_delivery=1)
        world.settle(10)
    assert len(world.simulated["a"].received) == 100
    (one,) = lines(events)[::2]  # the form of its ids, which the first receipt taught
    assert "carrier a: receipt ids: " in one
