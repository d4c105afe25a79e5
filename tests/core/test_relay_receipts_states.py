"""What a receipt changes, what it does not, and when that is durable."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_kit import account, carrier
from relay_peers import (
    by_text,
    counting,
    id_of,
    lose,
    orphans,
    restart,
    scripted,
    snapshot,
    stat_of,
    stored,
    submit,
)

from smppgw.core import awaiting as awaiting_module
from smppgw.core import receipts as receipts_module
from smppgw.core.message import State
from smppgw.core.store import engine as engine_module
from smppgw.smpp import wire

# ---------------------------------------------------------------------- what follows what


def test_accepted_then_delivered(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", "ACCEPTD")
    assert world.message(message_id).state == State.SENT
    assert esme.delivered == []
    remote.receipt("A1", "DELIVRD")
    assert [stat_of(pdu) for pdu in esme.delivered] == ["DELIVRD"]
    assert world.ledger()["delivered"] == 1


def test_accepted_then_nothing(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    world.relay.receipt_wait_ms = 60_000
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", "ACCEPTD")
    world.settle(70)
    assert world.message(message_id).state == State.ACCEPTED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["ACCEPTD"]
    # Better late than never.
    remote.receipt("A1", "ENROUTE")
    remote.receipt("A1", "ACCEPTD")
    assert len(esme.delivered) == 1
    remote.receipt("A1", "DELIVRD")
    assert world.message(message_id).state == State.DELIVERED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["ACCEPTD", "DELIVRD"]
    assert world.ledger()["delivered"] == 1
    assert world.ledger()["pending"] == 0


@pytest.mark.parametrize("later", [0, 2], ids=["at once", "when its row is written"])
def test_unknown_then_delivered(tmp_path: Path, later: int) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", "UNKNOWN")
    assert world.message(message_id).state == State.UNKNOWN
    assert world.ledger()["unknown"] == 1
    world.settle(later)
    remote.receipt("A1", "DELIVRD")
    assert world.message(message_id).state == State.DELIVERED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["UNKNOWN", "DELIVRD"]
    line = world.ledger()
    assert (line["unknown"], line["delivered"], line["pending"]) == (0, 1, 0)
    assert orphans(world) == []
    remote.receipt("A1", "UNDELIV")
    assert world.message(message_id).state == State.DELIVERED


def test_unknown_then_delivered_across_a_crash(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    remote.receipt("A1", "UNKNOWN")
    world.settle(0.1)
    world.crash()
    world.settle(2)
    remote.receipt("A1", "DELIVRD")
    assert world.message(message_id).state == State.DELIVERED
    line = world.ledger()
    assert (line["unknown"], line["delivered"], line["pending"]) == (0, 1, 0)


@pytest.mark.parametrize("final", ["DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "DELETED"])
@pytest.mark.parametrize("asked", [1, 0x11])
def test_nothing_changes_a_definite_end(tmp_path: Path, final: str, asked: int) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1", registered_delivery=asked)
    remote.receipt("A1", final)
    state = world.message(message_id).state
    for seconds in (0, 3):
        world.settle(seconds)
        for stat in ("ENROUTE", "ACCEPTD", "UNKNOWN", "UNDELIV", "DELIVRD", "EXPIRED", "REJECTD"):
            esm_class = 0x20 if stat == "ENROUTE" else 4
            assert remote.receipt("A1", stat, esm_class=esm_class).status == 0
    assert world.message(message_id).state == state
    assert [stat_of(pdu) for pdu in esme.delivered] == [final]
    assert world.relay.receipts.duplicates == 14
    assert orphans(world) == []
    line = world.ledger()
    assert line["pending"] == 0
    assert (
        sum(
            line[name]
            for name in ("delivered", "undeliverable", "expired", "rejected", "cancelled")
        )
        == 1
    )


def test_duplicates_in_one_read(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    submit(world, esme, remote, "A1")
    for sent in remote.send(*(by_text("A1") for _ in range(5))):
        assert sent.statuses == [0]
    assert len(esme.delivered) == 1
    assert world.relay.receipts.duplicates == 4


def test_a_late_state_on_the_way_after_unknown_is_no_news(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    submit(world, esme, remote, "A1", registered_delivery=0x11)
    remote.receipt("A1", "UNKNOWN")
    remote.receipt("A1", "ENROUTE", esm_class=0x20)
    world.settle(2)
    remote.receipt("A1", "ENROUTE", esm_class=0x20)
    assert [stat_of(pdu) for pdu in esme.delivered] == ["UNKNOWN"]


def test_a_message_cancelled_by_nobody_keeps_its_receipt_after_an_expired_answer(
    tmp_path: Path,
) -> None:
    """The answer came after its time-out: the receipt still finds the message."""
    world, remote = scripted(tmp_path, carriers=(carrier("a", response_timeout=5.0, window=1),))
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle(1)
    world.relay.carriers["a"].hold()
    world.settle(6)
    remote.answer("late-1", 0)
    world.relay.carriers["a"].release()
    world.settle(1)
    assert len(remote.submits) == 1
    remote.receipt("late-1")
    assert world.message(esme.id_of(sequence)).state == State.DELIVERED


# ---------------------------------------------------------------------- durability


def test_a_receipt_is_answered_only_when_it_is_durable(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    world.sync.stuck = True
    known, unknown = remote.send(by_text("A1"), by_text("nobody"))
    world.settle(3)
    assert (known.status, unknown.status) == (None, None)
    assert esme.delivered == []
    world.sync.go_on()
    world.settle()
    assert (known.status, unknown.status) == (0, 0)
    assert [id_of(pdu) for pdu in esme.delivered] == [message_id]


def test_a_receipt_lost_in_a_crash_was_never_answered(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    disk = snapshot(world)
    world.sync.stuck = True
    receipts = [by_text("A1"), by_text("nobody")]
    sent = remote.send(*receipts)
    world.settle(1)
    lose(world, disk)
    world.settle(3)
    assert [one.statuses for one in sent] == [[], []]
    assert all(one.lost for one in sent)
    assert world.message(message_id).state == State.SENT
    esme = world.esme()
    assert [one.status for one in remote.send(*receipts)] == [0, 0]
    assert [id_of(pdu) for pdu in esme.delivered] == [message_id]
    assert orphans(world) == [("a", "nobody", 2)]
    assert world.ledger()["delivered"] == 1


def test_a_crash_between_the_commit_and_the_answer_of_a_receipt(tmp_path: Path) -> None:
    """What the carrier sends again is a duplicate, and the ESME hears once."""
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    world.sync.stuck = True
    remote.receipt("A1")
    world.crash()
    world.settle(3)
    assert world.message(message_id).state == State.DELIVERED
    esme = world.esme()
    assert remote.receipt("A1").status == 0
    assert [id_of(pdu) for pdu in esme.delivered] == [message_id]
    line = world.ledger()
    assert (line["delivered"], line["pending"]) == (1, 0)


def test_where_and_when_everything_happened_is_kept(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle(2)
    sent_at = int(world.clock.seconds() * 1000) - 2000
    remote.answer("A1")
    answered_at = int(world.clock.seconds() * 1000)
    world.settle(5)
    esme.answer = None
    remote.receipt("A1", "UNDELIV", err="021")
    message_id = esme.id_of(sequence)
    message = world.message(message_id)
    assert (message.receipt_to, message.receipt_at) == ("", 0)
    world.settle(1)
    delivered = esme.delivered[0]
    assert esme.protocol is not None
    esme.protocol.send_now(
        esme.session.respond(wire.DeliverSmResp(sequence_number=delivered.sequence_number))
    )
    world.settle()
    receipt_at = int(world.clock.seconds() * 1000)

    def check(message) -> None:
        assert message.origin == f"esme#1 sequence {sequence}"
        assert message.link == "a#1"
        assert message.sequence_number == remote.submits[0].sequence_number
        assert abs(message.sent_at - sent_at) <= 1
        assert message.answered_at == answered_at
        assert (message.remote_id, message.remote_key) == ("A1", "a1")
        assert (message.state, message.error) == (State.UNDELIVERABLE, "021")
        assert message.final_at == receipt_at - 1000
        assert message.receipt_to == f"esme#1 sequence {delivered.sequence_number}"
        assert message.receipt_at == receipt_at
        assert message.attempts == 1

    world.settle(0.1)
    world.crash()
    check(world.message(message_id))
    check(stored(world, message_id))
    restart(world)
    check(world.message(message_id))


def test_the_taker_of_a_receipt_is_noted_after_a_restart_too(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    esme.disconnect()
    remote.receipt("A1")
    world.settle(0.1)
    for end in (world.crash, lambda: restart(world)):
        end()
        world.settle(2)
        assert stored(world, message_id).receipt_to == ""
    esme = world.esme()
    world.settle(0.1)
    sequence = esme.delivered[0].sequence_number
    assert stored(world, message_id).receipt_to == f"esme#1 sequence {sequence}"
    world.crash()
    assert world.message(message_id).receipt_to == f"esme#1 sequence {sequence}"
    assert world.message(message_id).receipt_at > 0


# ---------------------------------------------------------------------- bounded memory


def test_messages_that_left_the_cache_are_found_by_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting_module, "CACHED", 10)
    monkeypatch.setattr(engine_module, "TURN_SECONDS", 0.01)
    world, remote = scripted(
        tmp_path, ids=counting(), accounts=(account("esme", window=1000, delivery_window=100),)
    )
    esme = world.esme()
    sequences = [esme.submit(f"336{n:08}", registered_delivery=1) for n in range(200)]
    world.settle(5)
    assert len(remote.given) == 200
    awaiting = world.relay.carriers["a"].awaiting
    assert len(awaiting) <= 74, "10, and what is not in its row yet"
    for message_id in remote.given:
        assert remote.receipt(message_id).status == 0
    world.settle(5)
    for sequence in sequences:
        assert world.message(esme.id_of(sequence)).state == State.DELIVERED
    assert len(esme.delivered) == 200
    assert world.ledger()["delivered"] == 200
    assert orphans(world) == []
    assert not awaiting
    assert len(world.store.live) <= 74


def test_a_duplicate_of_a_receipt_whose_message_was_only_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row still says SENT when the second receipt comes."""
    monkeypatch.setattr(awaiting_module, "CACHED", 0)
    world, remote = scripted(tmp_path)
    esme = world.esme()
    message_id = submit(world, esme, remote, "A1")
    world.settle(3)
    esme.submit("33600000002")
    world.settle()
    remote.answer("B1")
    world.settle(3)
    assert not world.relay.carriers["a"].awaiting
    monkeypatch.setattr(engine_module, "TURN_SECONDS", 1000.0)
    monkeypatch.setattr(receipts_module, "SETTLED", 0)
    for sent in remote.send(by_text("A1"), by_text("A1", "UNDELIV"), by_text("A1", "ENROUTE")):
        assert sent.status == 0
    remote.receipt("A1", "EXPIRED")
    assert world.message(message_id).state == State.DELIVERED
    assert [stat_of(pdu) for pdu in esme.delivered] == ["DELIVRD"]
    assert world.ledger()["delivered"] == 1
    assert world.ledger()["pending"] == 0


def test_two_accounts_get_their_own_receipts(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, accounts=(account("one"), account("two")))
    one, two = world.esme("one"), world.esme("two")
    first = submit(world, one, remote, "A1")
    second = submit(world, two, remote, "A2", destination="33600000002")
    remote.receipt("A2")
    assert (len(one.delivered), len(two.delivered)) == (0, 1)
    remote.receipt("A1")
    assert id_of(one.delivered[0]) == first
    assert id_of(two.delivered[0]) == second
