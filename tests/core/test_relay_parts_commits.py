"""Long texts and joined parts when the disk refuses one commit, or the process dies at one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from relay_esme_kit import balanced
from relay_kit import TestEsme, World, account, carrier

from smppgw.smpp.wire import Tag
from smppgw.sms import receipt

TO = "33600000001"
COMMITS = range(1, 12)


class Refusing:
    """A disk that refuses one commit, the `number`th from now on, and says how many there were."""

    def __init__(self, world: World, number: int) -> None:
        self.left = number
        self._write = world.engine.write
        world.engine.write = self.write

    def write(self, *arguments: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise OSError(28, "No space left on device")
        return self._write(*arguments)


def long_text(esme: TestEsme) -> list[int]:
    """Submit a text of three parts."""
    text = b"".join(bytes((octet,)) * 153 for octet in b"ABC")
    fields: dict[str, Any] = {"registered_delivery": 1, "tlvs": ((int(Tag.message_payload), text),)}
    return [esme.submit(TO, b"", **fields)]


def deferred_text(esme: TestEsme) -> list[int]:
    """Submit a text of three parts for later."""
    text = b"".join(bytes((octet,)) * 153 for octet in b"ABC")
    fields: dict[str, Any] = {"registered_delivery": 1, "tlvs": ((int(Tag.message_payload), text),)}
    return [esme.submit(TO, b"", schedule_delivery_time="000000000002000R", **fields)]


def cut_text(esme: TestEsme, **fields: Any) -> list[int]:
    """Submit the parts of a text, as Latin-1."""
    return [
        esme.submit(
            TO,
            bytes((5, 0, 3, 7, 3, number)) + bytes((64 + number,)) * 134,
            esm_class=0x40,
            data_coding=3,
            registered_delivery=1,
            **fields,
        )
        for number in (1, 2, 3)
    ]


def cut_and_deferred(esme: TestEsme) -> list[int]:
    """Submit the parts of a text for later."""
    return cut_text(esme, schedule_delivery_time="000000000002000R")


WAYS = {
    "long": (long_text, "udh8", 153),
    "deferred": (deferred_text, "udh8", 153),
    "cut": (cut_text, "sar", 134),
    "cut and deferred": (cut_and_deferred, "sar", 134),
}


def octets(world: World) -> bytes:
    """What came, without headers."""
    return b"".join(
        one.pdu.short_message[6 if one.pdu.esm_class & 0x40 else 0 :]
        for one in world.simulated["a"].received
    )


def world_of(tmp_path: Path, style: str) -> World:
    return World(
        tmp_path / "var", (carrier("a", concatenation=style),), accounts=(account("esme"),)
    )


def nothing_left(world: World) -> None:
    relay = world.relay
    balanced(world)
    line = relay.ledger.lines("account").get("esme", {"pending": 0})
    assert (relay.queued, line["pending"], len(relay.gathering)) == (0, 0, 0)
    world.settle(5)
    world.engine.flush()
    assert not world.engine.live


@pytest.mark.parametrize("number", COMMITS)
@pytest.mark.parametrize("way", WAYS)
def test_a_refused_commit_changes_nothing_for_who_was_told_ok(
    tmp_path: Path, way: str, number: int
) -> None:
    submit, style, room = WAYS[way]
    world = world_of(tmp_path, style)
    esme = world.esme()
    Refusing(world, number)
    sequences = submit(esme)
    world.settle(80, 1)
    accepted = {esme.id_of(one) for one in sequences if esme.status(one) == 0}
    receipts = [receipt.parse(one.short_message) for one in esme.delivered]
    assert sorted(str(one.id) for one in receipts) == sorted(accepted)
    assert {str(one.stat) for one in receipts} <= {"DELIVRD"}
    if len(accepted) == len(sequences):
        assert octets(world) == b"".join(bytes((octet,)) * room for octet in b"ABC")
    nothing_left(world)


@pytest.mark.parametrize("number", COMMITS)
@pytest.mark.parametrize("way", WAYS)
def test_a_crash_at_any_commit_loses_nothing(tmp_path: Path, way: str, number: int) -> None:
    submit, style, room = WAYS[way]
    world = world_of(tmp_path, style)
    esme = world.esme()
    commits = Refusing(world, number + 100)
    sequences = submit(esme)
    for _ in range(1500):
        if commits.left <= 100:
            break
        world.clock.advance(0.005 if world.clock.getDelayedCalls() else 0)
    accepted = {esme.id_of(one) for one in sequences if esme.status(one) == 0}
    before = [receipt.parse(one.short_message) for one in esme.delivered]
    world.crash()
    again = world.esme()
    world.settle(80, 1)
    receipts = before + [receipt.parse(one.short_message) for one in again.delivered]
    assert accepted <= {str(one.id) for one in receipts}
    assert {str(one.stat) for one in receipts} <= {"DELIVRD"}
    if len(accepted) == len(sequences):
        came = octets(world)
        assert {came[at : at + 1] for at in range(len(came))} == {b"A", b"B", b"C"}
        assert len(came) <= 3 * room * 2
    nothing_left(world)
