"""Parts of messages that do not come: how long the others wait, and that none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import evolve
from mo_kit import (
    LONG,
    NUMBER,
    come,
    parts_of,
    piece,
    said,
    said_together,
    statuses,
    stored,
    world_of,
)
from relay_esme_kit import Disk
from relay_kit import World, account
from relay_peers import PHONE, lose, restart, rows, snapshot, texts, waiting_deliveries
from turn_kit import turn
from twisted.logger import formatEvent, globalLogPublisher

from smppgw.core import assembly
from smppgw.core.settings import GatewaySettings
from smppgw.sms.choose import Style

A_MINUTE = GatewaySettings(mo_wait=60.0)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Every line that is logged."""
    lines: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


def empty(world: World) -> None:
    """Nothing waits, in memory or in rows, and every counter says so."""
    found = world.relay.inbox._assemblies
    assert stored(world) == 0
    assert (len(found), found._octets) == (0, 0)
    assert (found._open, found._ages, found._sources) == ({}, {}, {})


# ---------------------------------------------------------------------- the time is over


@pytest.mark.parametrize("how", ["payload", "split"])
def test_what_came_is_passed_on_when_the_rest_does_not_come(
    tmp_path: Path, how: str, logged: list[str]
) -> None:
    world = world_of(tmp_path, how, gateway=A_MINUTE)
    esme = world.esme()
    one, _, three = parts_of()
    come(world, three)
    world.settle(50)
    come(world, one)
    world.settle(9)
    assert esme.delivered == []
    assert world.relay.inbox.assembling == 1
    world.settle(3)
    assert said_together(esme.delivered) == [said(one) + said(three)]
    assert (world.relay.inbox.partial, world.relay.inbox.assembling) == (1, 0)
    empty(world)
    (line,) = [one for one in logged if "parts" in one]
    assert "2 of 3 parts" in line
    assert "+3360000****" in line
    assert PHONE not in line
    assert "fox" not in line


def test_a_gap_tears_no_character_and_adds_none(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=A_MINUTE)
    esme = world.esme()
    come(world, piece(b"100 \x1b", 1, 3), piece(b"end", 3, 3))
    world.settle(62)
    assert [said(got) for got in esme.delivered] == ["100 end"]


def test_a_part_that_comes_too_late_is_passed_on_in_its_turn(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=A_MINUTE)
    esme = world.esme()
    come(world, piece(b"one", 1, 2))
    world.settle(62)
    come(world, piece(b"two", 2, 2))
    world.settle(62)
    assert texts(esme.delivered) == [b"one", b"two"]
    assert world.relay.inbox.partial == 2


def test_what_nobody_owns_does_not_wait_for_ever(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=A_MINUTE, numbers=())
    come(world, piece(b"one", 1, 2))
    world.settle(62)
    assert len(rows(world, "SELECT id FROM unrouted")) == 1
    assert (world.relay.inbox.unrouted, world.relay.inbox.partial) == (1, 1)
    empty(world)


def test_many_that_are_due_at_once(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=A_MINUTE)
    for number in range(450):
        come(world, piece(b"%d" % number, 1, 2, source_addr=f"33610000{number:03}"), settle=False)
    world.settle(10)
    assert world.relay.inbox.assembling == 450
    world.settle(62)
    assert world.relay.inbox.partial == 450
    assert waiting_deliveries(world) == 450
    empty(world)


# ---------------------------------------------------------------------- parts that come again


def test_a_part_of_a_message_that_was_complete_is_not_a_message(tmp_path: Path) -> None:
    """The carrier did not see our answer to the last one, say."""
    world = world_of(tmp_path, gateway=A_MINUTE)
    esme = world.esme()
    one, two, three = parts_of()
    come(world, one, two, three, three)
    world.settle(62)
    assert [said(got) for got in esme.delivered] == [LONG]
    assert world.relay.inbox.partial == 0
    empty(world)


def test_the_same_message_once_more_is_a_message(tmp_path: Path) -> None:
    """A phone that always uses one reference may say the same twice."""
    world = world_of(tmp_path, gateway=A_MINUTE)
    esme = world.esme()
    come(world, *parts_of(), *parts_of())
    assert [said(got) for got in esme.delivered] == [LONG, LONG]
    come(world, *parts_of()[:2])
    world.settle(200)
    come(world, *parts_of()[1:])
    world.settle(62)
    assert len(esme.delivered) == 3, "an hour later it is not the same any more"
    assert world.relay.inbox.partial == 1


def test_a_reference_used_again_begins_a_new_message(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=A_MINUTE)
    esme = world.esme()
    come(world, piece(b"one ", 1, 2), piece(b"ONE ", 1, 2), piece(b"TWO", 2, 2))
    assert texts(esme.delivered) == [b"ONE TWO"]
    world.settle(1)
    world.crash()
    world.settle(1)
    esme = world.esme()
    come(world, piece(b"two", 2, 2))
    assert texts(esme.delivered) == [b"one two"]
    empty(world)


def test_messages_of_one_reference_are_kept_apart_over_a_restart(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    come(world, piece(b"a2", 2, 3))
    come(world, piece(b"b2", 2, 3), piece(b"b1", 1, 3))
    come(world, piece(b"c1", 1, 3), piece(b"b3", 3, 3))  # newest of those that lack it: c
    before = [(one.expires, one.bodies) for one in world.relay.inbox._assemblies._ages]
    assert len(before) == 3
    world.crash()
    world.settle(1)
    assert [(one.expires, one.bodies) for one in world.relay.inbox._assemblies._ages] == before


# ---------------------------------------------------------------------- restarts and crashes


@pytest.mark.parametrize("end", ["restart", "crash"])
@pytest.mark.parametrize("style", [Style.UDH8, Style.UDH16, Style.SAR])
def test_the_gateway_ends_between_parts(tmp_path: Path, end: str, style: Style) -> None:
    world = world_of(tmp_path)
    one, two, three = parts_of(style=style)
    for part in (three, one):
        assert statuses(come(world, part)) == [0]
        if end == "crash":
            world.crash()
        else:
            restart(world)
        world.settle(2)
        assert world.relay.inbox.assembling == 1
    assert statuses(come(world, one, two)) == [0, 0]
    assert [said(got) for got in world.esme().delivered] == [LONG]
    empty(world)
    world.crash()
    world.settle(2)
    assert waiting_deliveries(world) == 0
    empty(world)


def test_the_time_goes_on_while_it_is_down(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=A_MINUTE)
    come(world, piece(b"one", 1, 2))
    world.settle(30)
    world.crash()
    world.settle(20)
    esme = world.esme()
    assert esme.delivered == []
    world.settle(12)
    assert texts(esme.delivered) == [b"one"]


def test_a_part_is_answered_only_after_its_commit(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    disk = snapshot(world)
    world.sync.stuck = True
    (sent,) = come(world, parts_of()[0])
    world.settle(5)
    assert sent.command_status is None
    lose(world, disk)
    world.settle(3)
    assert sent.command_status == 0, "the carrier has sent it again"
    assert world.relay.inbox.assembling == 1


def test_a_crash_after_the_last_commit_and_before_its_answer(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    one, two, three = parts_of()
    come(world, one, two)
    world.sync.stuck = True
    (sent,) = come(world, three)
    world.crash()
    world.settle(3)
    esme = world.esme()
    assert [said(got) for got in esme.delivered] == [LONG]
    assert sent.command_status == 0


def test_an_owner_that_comes_while_parts_are_awaited(tmp_path: Path) -> None:
    world = world_of(tmp_path, numbers=())
    one, two, three = parts_of()
    come(world, one)
    restart(world, numbers=(NUMBER,))
    world.settle(2)
    come(world, two, three)
    assert [said(got) for got in world.esme().delivered] == [LONG]


def test_an_account_that_wants_parts_from_now_on(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=A_MINUTE)
    one, two, three = parts_of()
    come(world, three, one)
    restart(world, accounts=(account("esme", long_mo="parts"),))
    world.settle(2)
    esme = world.esme()
    come(world, two)
    world.settle(62)
    assert len(esme.delivered) == 3
    assert said_together(esme.delivered) == [LONG]


def test_ids_of_parts_are_not_given_again(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    come(world, piece(b"one", 1, 2))
    ((highest,),) = rows(world, "SELECT max(id) FROM mo_part")
    assert world.engine.highest_id() >= highest > 0


# ---------------------------------------------------------------------- the disk refuses


def test_a_part_that_the_disk_refuses_is_sent_again(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    one, two, three = parts_of()
    come(world, one)
    disk = Disk(world)
    disk.full = True
    sent = come(world, two)
    assert sent[0].command_status == 0x64
    assert world.relay.inbox.assembling == 1
    disk.full = False
    world.settle(5)
    assert sent[0].command_status == 0
    come(world, three)
    assert [said(got) for got in esme.delivered] == [LONG]
    empty(world)


@pytest.mark.parametrize("how", ["payload", "split"])
@pytest.mark.parametrize("before", range(3))
@pytest.mark.parametrize("owned", [True, False])
def test_a_message_whose_last_commit_fails_is_open_again(
    tmp_path: Path, how: str, before: int, owned: bool
) -> None:
    world = world_of(tmp_path, how, numbers=(NUMBER,) if owned else ())
    parts = parts_of()
    come(world, *parts[:before])
    disk = Disk(world)
    disk.full = True
    sent = come(world, *parts[before:])
    assert {one.command_status for one in sent} == {0x64}
    inbox = world.relay.inbox
    assert inbox.assembling == (before > 0)
    assert (inbox.unrouted, world.relay.accounts["esme"].spooled) == (0, 0)
    disk.full = False
    world.settle(0.3)
    world.crash()  # with what the failed commit left
    assert world.relay.inbox.assembling <= 1
    world.settle(5)
    assert {one.command_status for one in sent} == {0}
    if owned:
        assert said_together(world.esme().delivered) == [LONG]
    else:
        assert len(rows(world, "SELECT id FROM unrouted")) == 1
    empty(world)
    assert waiting_deliveries(world) == 0


def test_what_is_due_while_the_disk_refuses_comes_once(tmp_path: Path) -> None:
    world = world_of(tmp_path, gateway=A_MINUTE)
    esme = world.esme()
    come(world, piece(b"one", 1, 2))
    disk = Disk(world)
    disk.full = True
    world.settle(90)
    assert esme.delivered == []
    disk.full = False
    world.settle(5)
    assert texts(esme.delivered) == [b"one"]
    assert (world.relay.inbox.partial, world.relay.inbox.assembling) == (1, 0)
    empty(world)


def test_what_is_pushed_out_by_a_part_that_is_refused_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "MOST_PER_SOURCE", 2)
    world = world_of(tmp_path)
    esme = world.esme()
    come(world, *(piece(b"%d" % n, 1, 2, reference=n) for n in range(2)))
    disk = Disk(world)
    disk.full = True
    (sent,) = come(world, piece(b"2", 1, 2, reference=2))
    assert sent.command_status == 0x64
    assert (world.relay.inbox.assembling, world.relay.inbox.partial) == (2, 0)
    disk.full = False
    world.settle(5)
    assert sent.command_status == 0
    assert texts(esme.delivered) == [b"0"]
    come(world, *(piece(b"x", 2, 2, reference=n) for n in (1, 2)))
    assert texts(esme.delivered) == [b"0", b"1x", b"2x"]
    empty(world)


# ---------------------------------------------------------------------- how many may wait


def test_one_source_cannot_fill_the_memory(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    most = assembly.MOST_PER_SOURCE
    come(world, *parts_of()[:2])
    for number in range(100, 100 + most + 5):
        come(world, piece(b"%d" % number, 1, 2, reference=number))
    assert world.relay.inbox.assembling == most
    assert len(esme.delivered) == 6
    assert LONG.startswith(said(esme.delivered[0])), "the oldest, as it is"
    assert texts(esme.delivered[1:]) == [b"%d" % n for n in range(100, 105)]
    come(world, piece(b"x", 2, 2, reference=110, source_addr="33600000002"))
    assert len(esme.delivered) == 6, "another source has room"


@pytest.mark.parametrize("bound", ["MOST", "MOST_OCTETS"])
def test_all_sources_together_cannot_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    one = piece(b"000", 1, 2)
    monkeypatch.setattr(assembly, bound, 10 if bound == "MOST" else 3_600)
    come(world, *(piece(b"%03d" % n, 1, 2, source_addr=f"336100000{n:02}") for n in range(25)))
    waiting = world.relay.inbox.assembling
    assert 8 <= waiting <= 10, one
    assert texts(esme.delivered) == [b"%03d" % n for n in range(25 - waiting)]
    assert stored(world) == waiting
    assert world.relay.inbox.partial == 25 - waiting


def test_what_is_remembered_of_complete_messages_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "REMEMBERED", 3)
    world = world_of(tmp_path)
    for number in range(10):
        come(world, *parts_of(reference=number))
    assert len(world.relay.inbox._assemblies._complete) == 3


# ---------------------------------------------------------------------- everything at once


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("how", ["payload", "parts", "split"])
def test_crashes_and_full_disks_at_random(tmp_path: Path, how: str, seed: int) -> None:
    """At any turn: every message is there in the end, whole, once, and no pieces of it beside."""
    random = Random(seed)
    world = world_of(tmp_path, how, gateway=A_MINUTE)
    simulated = world.simulated["a"]
    simulated.behaviour = evolve(simulated.behaviour, redelivery=0.5)
    messages = {n: f"message {n} " * 40 for n in range(12)}
    pending = [
        part
        for n, text in messages.items()
        for part in parts_of(text, n, random.choice(list(Style)[:3]), f"3360000000{n % 3}")
    ]
    random.shuffle(pending)
    disk = Disk(world)
    while pending:
        batch = [pending.pop() for _ in range(min(len(pending), random.randint(1, 6)))]
        again = [one for one in batch if random.random() < 0.2]
        come(world, *batch, *again, settle=False)
        for _ in range(random.randint(0, 25)):
            turn(world)
        event = random.random()
        if event < 0.2:
            world.crash()
            disk = Disk(world)
        elif event < 0.5:
            disk.full = not disk.full
    disk.full = False
    world.settle(150, 1)
    esme = world.esme()
    world.settle(5)
    found = esme.delivered
    if how == "parts":
        by_part = {(one.source_addr, one.short_message): one for one in found}
        assert len(by_part) == sum(len(parts_of(text)) for text in messages.values())
        return
    texts_ = said_together(found)
    assert set(texts_) == set(messages.values())
    assert len(texts_) == len(messages)
    assert world.relay.inbox.partial == 0
