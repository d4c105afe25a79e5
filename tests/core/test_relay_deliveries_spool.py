"""Deliveries for an ESME that is away: on disk, in order, bounded in memory, for a limited time."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import World, account
from relay_peers import (
    ScriptedCarrier,
    bind,
    counting,
    id_of,
    lose,
    mo,
    restart,
    rows,
    scripted,
    snapshot,
    stat_of,
    texts,
    waiting_deliveries,
)

from smppgw.core import account as account_module
from smppgw.core.settings import GatewaySettings, NumberSettings
from smppgw.smpp import wire

NUMBERS = (NumberSettings(address="38100", account="esme"),)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "HEAD", 10)
    monkeypatch.setattr(account_module, "LOAD", 4)


def start(directory: Path, **fields) -> tuple[World, ScriptedCarrier]:
    gateway = fields.pop("gateway", GatewaySettings())
    return scripted(
        directory,
        ids=counting(),
        accounts=(account("esme", **fields),),
        numbers=NUMBERS,
        gateway=gateway,
    )


def send(remote: ScriptedCarrier, first: int, last: int) -> list[bytes]:
    words = [b"%05d" % n for n in range(first, last + 1)]
    for start_at in range(0, len(words), 7):
        for sent in remote.send(*(mo(word) for word in words[start_at : start_at + 7])):
            assert sent.status == 0
    return words


@pytest.mark.usefixtures("_small")
def test_what_is_beyond_memory_comes_in_order(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=3)
    words = send(remote, 1, 100)
    account_of = world.relay.accounts["esme"]
    assert account_of.spooled == 100
    assert len(account_of._head) <= 10
    assert waiting_deliveries(world) == 100
    esme = world.esme()
    world.settle(3)
    assert texts(esme.delivered) == words
    assert account_of.spooled == 0
    assert waiting_deliveries(world) == 0
    # Memory serves again, without a detour over rows.
    words = send(remote, 101, 105)
    assert texts(esme.delivered)[100:] == words


@pytest.mark.usefixtures("_small")
def test_what_comes_while_the_spool_drains_is_behind_it(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=2)
    words = send(remote, 1, 40)
    esme = bind(world, None)
    number = 40
    answered = 0
    while answered < len(words):
        while answered < len(esme.delivered):
            assert esme.protocol is not None
            answer = wire.DeliverSmResp(sequence_number=esme.delivered[answered].sequence_number)
            esme.protocol.send_now(esme.session.respond(answer))
            answered += 1
        world.settle()
        if number < 90:
            words += send(remote, number + 1, number + 3)
            number += 3
        if answered == len(esme.delivered):
            world.settle(1)
    assert texts(esme.delivered) == words


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("how", ["crash", "restart"])
def test_across_the_end_of_the_gateway(tmp_path: Path, how: str) -> None:
    world, remote = start(tmp_path, delivery_window=3)
    words = send(remote, 1, 30)
    for n in range(3):
        world.crash() if how == "crash" else restart(world)
        world.settle(2)
        assert world.relay.accounts["esme"].spooled == len(words)
        assert world.relay.accounts["esme"]._head.__len__() <= 10
        words += send(remote, len(words) + 1, len(words) + 8)
        assert len(words) == 38 + 8 * n
    esme = world.esme()
    world.settle(2)
    assert texts(esme.delivered) == words
    assert waiting_deliveries(world) == 0
    world.crash()
    assert texts(world.esme().delivered) == []


@pytest.mark.usefixtures("_small")
def test_a_crash_in_the_middle_gives_again_only_what_was_not_known_to_be_taken(
    tmp_path: Path,
) -> None:
    world, remote = start(tmp_path, delivery_window=4)
    words = send(remote, 1, 40)
    esme = bind(world, None)
    for _ in range(3):
        world.settle(0.2)
        for delivered in list(esme.delivered)[-4:]:
            assert esme.protocol is not None
            answer = wire.DeliverSmResp(sequence_number=delivered.sequence_number)
            esme.protocol.send_now(esme.session.respond(answer))
    world.settle(0.2)
    assert texts(esme.delivered) == words[:16]
    world.crash()
    world.settle(2)
    again = world.esme()
    world.settle(2)
    assert texts(again.delivered) == words[12:], "the last window was unanswered"


def test_answers_that_no_commit_has_seen_cost_duplicates_of_them_alone(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    words = send(remote, 1, 5)
    disk = snapshot(world)
    esme = world.esme()
    assert texts(esme.delivered) == words
    lose(world, disk)
    world.settle(2)
    assert texts(world.esme().delivered) == words


def test_a_delivery_lost_in_a_crash_was_never_answered(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    words = send(remote, 1, 2)
    disk = snapshot(world)
    world.sync.stuck = True
    (sent,) = remote.send(mo(b"00003"))
    world.settle(1)
    lose(world, disk)
    world.settle(3)
    assert sent.statuses == []
    words += send(remote, 3, 3)
    assert texts(world.esme().delivered) == words


@pytest.mark.usefixtures("_small")
def test_receipts_are_spooled_too(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    sender = world.esme(kind=wire.BindTransmitter)
    sequences = [sender.submit(f"3360000{n:04}", registered_delivery=1) for n in range(40)]
    world.settle(0.5)
    for remote_id in remote.given:
        assert remote.receipt(remote_id).status == 0
    world.crash()
    world.settle(2)
    receiver = world.esme(kind=wire.BindReceiver)
    world.settle(2)
    assert [id_of(pdu) for pdu in receiver.delivered] == [sender.id_of(one) for one in sequences]
    takers = rows(world, "SELECT receipt_to FROM message ORDER BY id")
    assert takers == [(f"esme#1 sequence {pdu.sequence_number}",) for pdu in receiver.delivered]


@pytest.mark.usefixtures("_small")
def test_refused_and_unanswered_ones_go_before_the_rows(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=4, delivery_retry=1.0)
    words = send(remote, 1, 30)
    esme = bind(world, 0x64)
    for answer in (0x64, 0x14, None):
        esme.answer = answer
        world.settle(1.5)
    esme.disconnect()
    world.settle(1)
    again = bind(world, 0x58)
    world.settle(3)
    again.answer = 0
    again.delivered.clear()
    world.settle(4)
    assert texts(again.delivered) == words


# ---------------------------------------------------------------------- expiry


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("crash", [False, True])
def test_deliveries_expire(tmp_path: Path, crash: bool) -> None:
    world, remote = start(tmp_path, delivery_validity=100.0)
    sender = world.esme(kind=wire.BindTransmitter)
    sequence = sender.submit(registered_delivery=1)
    world.settle(0.1)
    remote.receipt(remote.given[0])
    send(remote, 1, 30)
    world.settle(60, step=1)
    late = send(remote, 31, 45)
    world.settle(20, step=1)
    if crash:
        world.crash()
    world.settle(30, step=1)
    assert world.relay.accounts["esme"].spooled == len(late)
    message = world.message(sender.id_of(sequence))
    assert message.receipt_to == "expired"
    assert waiting_deliveries(world) == len(late)
    esme = world.esme()
    world.settle(1)
    assert texts(esme.delivered) == late


def test_an_expired_delivery_is_not_given_even_when_no_sweep_has_seen_it(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_validity=60.0)
    send(remote, 1, 3)
    world.relay.scheduler.stop()
    world.settle(61, step=1)
    esme = world.esme()
    assert esme.delivered == []
    assert world.relay.accounts["esme"].spooled == 0
    assert waiting_deliveries(world) == 0


def test_what_is_refused_for_ever_expires(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_validity=60.0, delivery_retry=10.0)
    esme = world.esme()
    esme.answer = 0x64
    send(remote, 1, 3)
    world.settle(75, step=1)
    assert waiting_deliveries(world) == 0
    assert world.relay.accounts["esme"].spooled == 0
    seen = len(esme.delivered)
    world.settle(30, step=1)
    assert len(esme.delivered) == seen


# ---------------------------------------------------------------------- accounts that go


def test_an_account_that_is_not_configured_any_more(tmp_path: Path) -> None:
    """Its deliveries wait for its return, and not for ever."""
    world, remote = start(tmp_path, delivery_validity=3600.0)
    sender = world.esme()
    sequence = sender.submit(registered_delivery=1)
    world.settle(0.1)
    sender.disconnect()
    words = send(remote, 1, 5)
    accounts = world.settings.accounts
    restart(world, accounts=(account("other"),))
    world.settle(2)
    assert world.esme("esme").bind_status != 0
    # A receipt for it still finds its message, and is kept.
    remote.receipt(remote.given[0])
    assert waiting_deliveries(world) == 6
    # Its number has no owner now.
    assert remote.mo(b"lost?").status == 0
    assert rows(world, "SELECT reason FROM unrouted") == [("no account esme",)]
    restart(world, accounts=accounts)
    world.settle(2)
    esme = world.esme()
    assert texts(esme.delivered[:5]) == words
    assert stat_of(esme.delivered[5]) == "DELIVRD"
    assert world.message(sender.id_of(sequence)).state == 2


def test_deliveries_of_an_account_that_went_expire(tmp_path: Path) -> None:
    world, remote = start(
        tmp_path, delivery_validity=100.0, gateway=GatewaySettings(retention=200.0)
    )
    sender = world.esme()
    sequence = sender.submit(registered_delivery=1)
    world.settle(0.1)
    sender.disconnect()
    send(remote, 1, 5)
    restart(world, accounts=(account("other"),))
    world.settle(2)
    remote.receipt(remote.given[0])
    world.settle(90, step=1)
    assert waiting_deliveries(world) == 6
    world.settle(15, step=1)
    assert waiting_deliveries(world) == 1, "the receipt came later, and has the retention's time"
    message_id = sender.id_of(sequence)
    assert world.message(message_id).receipt_to == ""
    world.settle(85, step=1)
    restart(world)
    world.settle(30, step=1)
    assert waiting_deliveries(world) == 0


# ---------------------------------------------------------------------- a disk that refuses


@pytest.mark.usefixtures("_small")
def test_a_refusing_disk_loses_and_doubles_nothing(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=3)
    words = send(remote, 1, 14)
    append = world.engine.journal.append

    def refuse(payload: bytes) -> None:
        raise OSError("no space left on device")

    world.engine.journal.append = refuse  # type: ignore[method-assign]
    for _ in range(4):
        for sent in remote.send(*(mo(b"%05d" % n) for n in range(15, 20))):
            assert sent.status == 0x64
        world.settle(1.3)
    assert len(world.store.batch.deliveries) + len(world.store.batch.spooled) <= 10
    assert world.relay.accounts["esme"].spooled == 14
    world.engine.journal.append = append  # type: ignore[method-assign]
    world.settle(3)
    words += send(remote, 15, 30)
    esme = world.esme()
    world.settle(3)
    assert texts(esme.delivered) == words
    assert waiting_deliveries(world) == 0
    assert world.relay.accounts["esme"].spooled == 0
    world.crash()
    assert texts(world.esme().delivered) == []


@pytest.mark.usefixtures("_small")
def test_a_refusing_disk_while_an_esme_drains(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=3)
    words = send(remote, 1, 25)
    append = world.engine.journal.append
    calls = 0

    def refuse_every_other(payload: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise OSError("I/O error")
        append(payload)

    world.engine.journal.append = refuse_every_other  # type: ignore[method-assign]
    esme = world.esme()
    world.settle(20)
    sent = remote.send(*(mo(b"%05d" % n) for n in range(26, 30)))
    world.settle(20)
    world.engine.journal.append = append  # type: ignore[method-assign]
    world.settle(5)
    assert {one.status for one in sent} == {0x64}
    words += send(remote, 26, 29)
    world.settle(5)
    assert texts(esme.delivered) == words
    assert world.relay.accounts["esme"].spooled == 0
    assert waiting_deliveries(world) == 0


def test_an_mo_that_was_launched_when_its_commit_failed_is_not_sent(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=1)
    esme = world.esme()
    append = world.engine.journal.append

    def refuse(payload: bytes) -> None:
        raise OSError("I/O error")

    world.engine.journal.append = refuse  # type: ignore[method-assign]
    assert remote.mo(b"once").status == 0x64
    world.engine.journal.append = append  # type: ignore[method-assign]
    world.settle(3)
    assert esme.delivered == []
    assert remote.mo(b"once").status == 0
    assert texts(esme.delivered) == [b"once"], "and its place in the window was given back"


@pytest.mark.parametrize("expired", [False, True])
def test_an_mo_that_was_refused_while_nobody_was_bound_is_forgotten(
    tmp_path: Path, expired: bool
) -> None:
    world, remote = start(tmp_path, delivery_window=1, delivery_validity=60.0)
    append = world.engine.journal.append

    def refuse(payload: bytes) -> None:
        raise OSError("I/O error")

    world.engine.journal.append = refuse  # type: ignore[method-assign]
    assert remote.mo(b"refused").status == 0x64
    world.engine.journal.append = append  # type: ignore[method-assign]
    world.settle(3)
    account_of = world.relay.accounts["esme"]
    assert account_of.spooled == 0
    if expired:
        world.settle(70, step=1)
        assert account_of.spooled == 0
    assert remote.mo(b"taken").status == 0
    assert account_of.spooled == 1
    commits = world.store.commits
    assert texts(world.esme().delivered) == [b"taken"]
    assert world.store.commits - commits <= 2
    assert account_of.spooled == 0
