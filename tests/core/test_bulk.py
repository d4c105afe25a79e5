"""One text to many phones: the same as one by one, in every respect but its cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from mo_kit import said
from relay_kit import World, carrier
from slot_kit import Place

from smppgw.core.account_settings import Priority
from smppgw.core.message import State
from smppgw.core.plugin import Mt
from smppgw.core.proof import Evidence
from smppgw.core.settings import RouteSettings

PHONES = [f"3360000{number:04}" for number in range(40)]
SEPARATED = "+33 6.00-(00)99 99"
FIELDS = (
    "account",
    "source",
    "destination",
    "registered_delivery",
    "priority",
    "expires",
    "body",
    "origin",
    "carrier",
    "state",
    "due",
    "part_of",
    "parts",
    "error",
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, carriers=(carrier("a"), carrier("b", 2791)))


def both(place: Place, mt: Mt, phones: list[str]) -> tuple[list[Any], list[Any]]:
    """What messages look like that were sent together, and one by one."""
    host, engine = place.echo.host, place.world.engine
    found: list[list[int]] = []

    def work() -> None:
        found.append(list(host.send_all(mt, phones)))
        found.append([host.send(evolve(mt, destination=phone)) for phone in phones])

    for one in place.world.relay.carriers.values():
        one.hold()
    host.transact(work)
    place.world.settle(0.5)
    ends = {number: (state, error) for number, state, error in place.echo.ends}
    looks = []
    for ids in found:
        messages = [engine.message(number) for number in ids]
        looks.append(
            [
                ends.get(number)
                if one is None
                else (one.id == one.position, *(getattr(one, name) for name in FIELDS))
                for number, one in zip(ids, messages, strict=True)
            ]
        )
    return looks[0], looks[1]


TEXTS = ["hello", "", "\u00e7a va \u2603", "x" * 160, "x" * 161, "\u20ac" * 300, "\u2603" * 71]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("by", ["a", "b", "", "gone"])
def test_they_are_the_same_as_one_by_one(place: Place, text: str, by: str) -> None:
    mt = Mt("38100", "", text, priority=Priority.BULK, carrier=by, scope="list:news")
    together, alone = both(place, mt, [*PHONES[:3], SEPARATED])
    assert None not in alone
    assert together == alone


@pytest.mark.parametrize("source", ["Gazouille", "33612345678", "", "much too long for a name"])
def test_so_they_are_from_any_source(place: Place, source: str) -> None:
    together, alone = both(place, Mt(source, "", "hello", carrier="a"), PHONES[:2])
    assert together == alone


def test_so_they_are_for_later(place: Place) -> None:
    due = place.echo.host.now() + 60_000
    mt = Mt("38100", "", "later", carrier="a", due=due, expires=due + 5_000)
    together, alone = both(place, mt, PHONES[:2])
    assert together == alone
    assert {one[1 + FIELDS.index("due")] for one in together} == {due}


def test_numbers_that_are_none_are_refused_and_the_others_go(place: Place) -> None:
    phones = [PHONES[0], "not a number", "", "3" * 21, PHONES[1]]
    together, alone = both(place, Mt("38100", "", "hello", carrier="a"), phones)
    assert together == alone
    assert [one[0] for one in together[1:4]] == [State.REJECTED] * 3


def stop(world: World, phone: str, scope: str) -> None:
    consent = world.relay.consent
    evidence = Evidence(phone=phone, scope=scope, event="stop", at=1, text="STOP")
    world.store.transact(lambda: consent.stop(evidence))
    world.settle()


@pytest.mark.parametrize("scope", ["38100", "list:news", "*"])
@pytest.mark.parametrize("exempt", [False, True])
def test_who_said_stop_gets_nothing(place: Place, scope: str, exempt: bool) -> None:
    stop(place.world, PHONES[2], scope)
    mt = Mt("38100", "", "hello", carrier="a", scope="list:news", exempt=exempt)
    together, alone = both(place, mt, PHONES[:4])
    assert together == alone
    refused = [place for place, one in enumerate(together) if one[0] is State.REJECTED]
    assert refused == ([] if exempt else [2])


def test_a_full_queue_takes_what_it_can(place: Place) -> None:
    relay, host = place.world.relay, place.echo.host
    relay.settings = evolve(relay.settings, max_queue=10)
    relay.carriers["a"].hold()
    mt = Mt("38100", "", "hello", carrier="a")
    host.transact(lambda: host.send_all(mt, PHONES))
    place.world.settle(0.5)
    assert relay.queued == 10
    assert len(place.echo.ends) == len(PHONES) - 10
    assert {state for _, state, _ in place.echo.ends} == {State.REJECTED}


def test_nobody_is_nobody(place: Place) -> None:
    host = place.echo.host
    found: list[Any] = []
    host.transact(lambda: host.send_all(Mt("38100", "", "hello"), [])).addCallback(found.append)
    place.world.settle()
    assert list(found[0]) == []
    assert place.world.relay.queued == 0


def test_work_that_raises_sends_to_nobody(place: Place) -> None:
    host = place.echo.host

    def work() -> None:
        host.send_all(Mt("38100", "", "hello", carrier="a"), PHONES)
        raise ValueError("no")

    host.transact(work).addErrback(lambda failure: None)
    place.world.settle(1)
    assert not place.world.simulated["a"].received


def test_they_arrive_and_the_ledger_balances(place: Place) -> None:
    host = place.echo.host
    host.transact(lambda: host.send_all(Mt("38100", "", "hello", carrier="a"), PHONES))
    place.world.settle(5)
    received = place.world.simulated["a"].received
    assert [one.destination for one in received] == PHONES
    assert {said(one.pdu) for one in received} == {"hello"}
    line = place.world.ledger("@echo")
    assert (line["accepted"], line["delivered"], line["pending"]) == (40, 40, 0)
    assert [state for _, state, _ in place.echo.ends] == [State.DELIVERED] * len(PHONES)


def test_a_crash_after_the_commit_loses_none_of_them(tmp_path: Path) -> None:
    place = Place(tmp_path, routes=(RouteSettings(carriers=(("a",),)),))
    place.world.relay.carriers["a"].hold()
    host = place.echo.host
    told: list[Any] = []
    mt = Mt("38100", "", "hello", carrier="a")
    host.transact(lambda: host.send_all(mt, PHONES)).addCallback(told.append)
    while not told:
        place.world.clock.advance(0)
    place.world.crash()
    place.world.settle(5)
    assert [one.destination for one in place.world.simulated["a"].received] == PHONES
