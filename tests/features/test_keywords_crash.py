"""STOP and the end of everything: killed at any instant, and a disk that is full."""

from __future__ import annotations

from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from keywords_kit import NUMBER, PHONE, SETUP, STOP_FR, Place
from mo_kit import come, statuses
from relay_peers import mo
from turn_kit import turn

from smppgw.core import proof
from smppgw.core.consent import STOPPED_STATUS, ConsentState
from smppgw.core.message import State

INSTANTS = range(0, 60)


@pytest.mark.parametrize("instant", INSTANTS)
def test_stop_holds_and_is_confirmed_once_wherever_it_is_killed(
    tmp_path: Path, instant: int
) -> None:
    """7.7 row 10, so many turns after STOP left the carrier.

    A second one only if an answer was lost.
    """
    place = Place(tmp_path, *SETUP)
    world = place.world
    esme = world.esme("agg1")
    fields: dict[str, Any] = {"destination": PHONE, "source_addr": NUMBER}
    deferred = esme.submit(schedule_delivery_time="000001000000000R", **fields)
    world.settle(0.2)
    number = esme.id_of(deferred)
    (sent,) = come(world, mo(b"STOP", NUMBER, source_addr=PHONE), settle=False)
    for _ in range(instant):
        turn(world)
    answered = sent.command_status == 0
    world.crash()
    world.settle(3)
    if answered:
        assert place.state() is ConsentState.STOPPED
    # The carrier sends again what was not answered, or what it did not see answered.
    come(world, mo(b"STOP", NUMBER, source_addr=PHONE))
    world.settle(5)
    assert place.state() is ConsentState.STOPPED
    assert world.message(number).state == State.DELETED
    esme = world.esme("agg1")
    again = esme.submit(**fields)
    world.settle(1)
    assert esme.status(again) == STOPPED_STATUS
    confirmations = [
        message
        for message in world.engine.messages("account = '@keywords' ORDER BY id", (), 10)
        if not message.part_of
    ]
    assert len(confirmations) == 1
    received = place.received()
    assert set(received) == {STOP_FR}
    assert 1 <= len(received) <= 1 + confirmations[0].duplicate
    assert confirmations[0].duplicate <= 1
    records = world.engine.select(f"{proof.SELECT} ORDER BY id")
    assert proof.verify(records)[0] == len(records) == 1


def test_a_full_disk_leaves_stop_with_the_carrier(tmp_path: Path) -> None:
    place = Place(tmp_path, *SETUP)
    world = place.world

    def full(payload: bytes) -> None:
        raise OSError(ENOSPC, "disk is full")

    journal: Any = world.engine.journal
    append, journal.append = journal.append, full
    sent = come(world, mo(b"STOP", NUMBER, source_addr=PHONE))
    world.settle(0.5)
    assert statuses(sent)[0] not in (0, None)
    assert place.state() is None
    assert place.received() == []
    journal.append = append
    world.settle(3)
    assert place.received() == [STOP_FR]  # the carrier sent it again
    assert place.state() is ConsentState.STOPPED
    assert place.events == ["stop"]
    assert place.shell("test consents")[0] == "1 records, all as they were written"


def test_stop_again_while_the_confirmation_waits_does_not_swallow_it(tmp_path: Path) -> None:
    place = Place(tmp_path, *SETUP)
    place.world.relay.carriers["a"].hold()
    for words in (b"STOP", b"Stop", b"ARRET"):
        come(place.world, mo(words, NUMBER, source_addr=PHONE))
        place.world.settle(70, step=1)
    place.shell(f"add stop {PHONE}")
    place.world.relay.carriers["a"].release()
    place.world.settle(3)
    assert place.received() == [STOP_FR]


def test_a_crash_in_the_middle_of_a_double_opt_in(tmp_path: Path) -> None:
    place = Place(tmp_path, *SETUP, "set keywords 36180 confirm 30")
    place.text("COMMENCER")
    place.world.crash()
    assert place.state() is ConsentState.PENDING
    place.later(60)
    assert len(place.text("OUI")) == 1
    assert place.state() is ConsentState.ACTIVE
