"""Texts that wait for one carrier, and that no other carrier could take."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_esme_kit import balanced
from relay_kit import World, account, carrier

from smppgw.core.settings import RouteSettings, StatusRule
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp.wire import CommandStatus as S
from smppgw.sms import receipt

TO = "33600000001"
CYRILLIC = "жук".encode("utf-16-be")
REROUTE = {"0x0B": StatusRule(action="reroute")}


def world_of(tmp_path: Path, **rest: object) -> World:
    return World(
        tmp_path / "var",
        (
            carrier("a", statuses=REROUTE),
            carrier("b", 2791, alphabets=("gsm7",)),
            carrier("c", 2792),
        ),
        accounts=(account("esme"),),
        **rest,
    )


def test_a_text_waits_for_the_only_carrier_that_can_take_it(tmp_path: Path) -> None:
    world = world_of(tmp_path, routes=(RouteSettings(carriers=(("a",), ("b",))),))
    for name, port in (("a", 2790), ("b", 2791)):
        world.network.unlisten(f"127.0.0.1:{port}")
        world.simulated[name].disconnect()
    esme = world.esme()
    esme.submit(TO, CYRILLIC, data_coding=8, registered_delivery=1)
    esme.submit("33600000002", b"hello", registered_delivery=1)
    world.network.listen("127.0.0.1:2791", world.simulated["b"].factory)
    world.settle(100, 1)
    assert [one.pdu.short_message for one in world.simulated["b"].received] == [b"hello"]
    balanced(world)
    world.network.listen("127.0.0.1:2790", world.simulated["a"].factory)
    world.settle(100, 1)
    assert [one.pdu.short_message for one in world.simulated["a"].received] == [CYRILLIC]
    assert {receipt.parse(one.short_message).stat for one in esme.delivered} == {"DELIVRD"}
    balanced(world)


@pytest.mark.parametrize("others", [("b", "c"), ("b",)])
def test_a_refused_text_goes_to_a_carrier_that_can_take_it(
    tmp_path: Path, others: tuple[str, ...]
) -> None:
    groups = (("a",), *((name,) for name in others))
    world = world_of(
        tmp_path,
        routes=(RouteSettings(carriers=groups),),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=int(S.ESME_RINVDSTADR))},
    )
    esme = world.esme()
    esme.submit(TO, CYRILLIC, data_coding=8, registered_delivery=1)
    world.settle(10)
    assert not world.simulated["b"].received
    found = [receipt.parse(one.short_message).stat for one in esme.delivered]
    assert found == ["DELIVRD" if "c" in others else "REJECTD"]
    balanced(world)


@pytest.mark.parametrize("same", [True, False])
def test_a_part_goes_only_where_it_says_the_same(tmp_path: Path, same: bool) -> None:
    """What is Latin-1 by data_coding 0 at one carrier would be another text at the next."""
    codings = {"0x00": "latin1"}
    world = World(
        tmp_path / "var",
        (
            carrier("a", alphabets=("latin1", "ucs2"), data_codings=codings, statuses=REROUTE),
            carrier(
                "b",
                2791,
                alphabets=("latin1" if same else "gsm7", "ucs2"),
                data_codings=codings if same else {},
            ),
        ),
        accounts=(account("esme"),),
        routes=(RouteSettings(carriers=(("a",), ("b",))),),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=int(S.ESME_RINVDSTADR))},
    )
    esme = world.esme()
    esme.submit(TO, "é".encode("latin-1") * 200, data_coding=3, registered_delivery=1)
    world.settle(10)
    received = [one.pdu for one in world.simulated["b"].received]
    assert b"".join(one.short_message[6:] for one in received) == (b"\xe9" * 200 if same else b"")
    found = [receipt.parse(one.short_message).stat for one in esme.delivered]
    assert found == ["DELIVRD" if same else "REJECTD"]
    balanced(world)
