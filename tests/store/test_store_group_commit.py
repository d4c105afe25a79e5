"""Group commit: what leaves when, and what a refusing disk does to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from store_kit import (
    FULL,
    Bind,
    Broken,
    Disk,
    FullJournal,
    crash,
    delivery,
    delivery_rows,
    fill_up,
    final,
    journalled,
    message,
    message_rows,
    store_at,
    wrap,
)
from twisted.internet.task import Clock

from smppgw.core.message import Message, State
from smppgw.core.store import group_commit, rows
from smppgw.core.store.engine import Engine
from smppgw.core.store.group_commit import IDLE_SECONDS, RETRY_SECONDS, Store

SUBMIT = 4
STATE = (*rows.MESSAGE_FIXED, *rows.MESSAGE_MOVING).index("state")


@frozen
class Rig:
    """A store with a clock, a disk and a list of everything it told others."""

    directory: Path
    store: Store
    clock: Clock
    disk: Disk
    journal: FullJournal
    seen: list[Any]

    def bind(self, name: str = "bind") -> Bind:
        return Bind(self.seen, name)

    def submit(self, bind: Bind, number: int) -> Message:
        """What a submit_sm does: a message, and an answer that waits for it."""
        made = message(number)
        self.store.accept(made)
        self.store.answer(bind, b"ok%d" % number, (SUBMIT, number))
        return made

    def turn(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)

    def commit(self) -> None:
        """One turn, and the disk is done at once."""
        self.turn()
        self.disk.finish()

    def told(self) -> list[Any]:
        """Everything told since the last question."""
        told = list(self.seen)
        self.seen.clear()
        return told

    def rest(self) -> None:
        """Idle seconds: rows follow, then nothing is left to do."""
        for _ in range(200):
            if not self.clock.getDelayedCalls():
                return
            self.turn(0.02)
            if self.disk.busy:
                self.disk.finish()
        raise AssertionError("never at rest")

    def on_disk(self, name: str) -> set[int]:
        """The ids of the messages that a crash now would leave."""
        engine = Engine(crash(self.store.engine, self.directory / name))
        found = set(message_rows(engine))
        engine.close()
        return found


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    store, clock, disk = store_at(tmp_path / "data")
    seen: list[Any] = []
    store.refused = lambda messages: seen.append(("refused", [one.id for one in messages]))
    store.congestion = lambda congested: seen.append(("congested", congested))
    store.broken = lambda reason: seen.append(("broken", reason))
    return Rig(tmp_path, store, clock, disk, fill_up(store.engine), seen)


# ---------------------------------------------------------------- when things leave


def test_an_answer_leaves_after_the_sync_and_not_before(rig: Rig) -> None:
    rig.submit(rig.bind(), 1)
    assert not rig.disk.busy, "a turn may bring more"
    rig.turn()
    assert rig.disk.busy
    assert rig.on_disk("written") == {1}
    rig.turn(10.0)
    assert rig.told() == []
    rig.disk.finish()
    assert rig.told() == [("bind", b"ok1", 1)]


def test_a_send_leaves_after_the_sync_and_not_before(rig: Rig) -> None:
    one = message(1)
    rig.store.accept(one)
    rig.store.send(rig.bind("link"), one)
    rig.turn(1.0)
    assert rig.told() == []
    rig.disk.finish()
    assert rig.told() == [("link", "transmit", 1)]


def test_an_action_waits_too(rig: Rig) -> None:
    rig.store.touch(message(1))
    rig.store.when_durable(lambda: rig.seen.append("done"))
    rig.turn(1.0)
    assert rig.told() == []
    rig.disk.finish()
    assert rig.told() == ["done"]


def test_with_nothing_to_write_nobody_waits_for_the_disk(rig: Rig) -> None:
    """A refusal, say: but it leaves behind the answers that came before it."""
    bind = rig.bind()
    rig.submit(bind, 1)
    rig.turn()
    rig.store.answer(bind, b"no", (SUBMIT, 2))
    rig.turn(0.1)
    assert rig.told() == []
    rig.disk.finish()
    assert rig.told() == [("bind", b"ok1", 1)]
    rig.turn()
    assert rig.told() == [("bind", b"no", 1)]
    assert rig.disk.asked == 1


def test_all_of_a_turn_is_one_commit_and_one_write_per_peer(rig: Rig) -> None:
    first, second = rig.bind("first"), rig.bind("second")
    for number in range(1, 6):
        rig.submit(first if number % 2 else second, number)
    rig.commit()
    assert rig.told() == [("first", b"ok1ok3ok5", 3), ("second", b"ok2ok4", 2)]
    assert rig.store.commits == 1


def test_requests_of_a_link_keep_their_order_and_leave_in_one_piece(rig: Rig) -> None:
    link, other = rig.bind("link"), rig.bind("other")
    for number, where in ((3, link), (1, other), (2, link)):
        one = message(number)
        rig.store.accept(one)
        rig.store.send(where, one)
    rig.commit()
    assert rig.told() == [("link", "transmit", 3, 2), ("other", "transmit", 1)]


def test_answers_leave_before_requests(rig: Rig) -> None:
    one = rig.submit(rig.bind("esme"), 1)
    rig.store.send(rig.bind("link"), one)
    rig.store.when_durable(lambda: rig.seen.append("done"))
    rig.commit()
    assert [told[0] for told in rig.told()] == ["esme", "link", "d"]


def test_what_arrives_during_a_sync_is_the_next_batch(rig: Rig) -> None:
    bind = rig.bind()
    rig.submit(bind, 1)
    rig.turn()
    rig.submit(bind, 2)
    rig.submit(bind, 3)
    rig.turn(1.0)
    assert rig.disk.asked == 1
    assert rig.on_disk("first") == {1}
    rig.disk.finish()
    assert rig.told() == [("bind", b"ok1", 1)]
    rig.turn()
    assert rig.on_disk("second") == {1, 2, 3}
    assert rig.told() == []
    rig.disk.finish()
    assert rig.told() == [("bind", b"ok2ok3", 2)]


def test_what_a_release_brings_is_committed_next(rig: Rig) -> None:
    """An answer lets a slot go, and the slot takes the next message."""
    bind = rig.bind()
    rig.submit(bind, 1)
    rig.store.when_durable(lambda: rig.submit(bind, 2) and None)
    rig.commit()
    assert rig.told() == [("bind", b"ok1", 1)]
    rig.commit()
    assert rig.told() == [("bind", b"ok2", 1)]


def test_changes_that_nobody_waits_for_wait_a_little(rig: Rig) -> None:
    rig.store.touch(message(1))
    rig.turn(IDLE_SECONDS / 2)
    assert not rig.disk.busy
    rig.turn(IDLE_SECONDS)
    assert rig.disk.busy


@pytest.mark.parametrize("what", ["touch", "deliver", "spool", "execute"])
def test_every_kind_of_change_is_committed_by_itself(rig: Rig, what: str) -> None:
    store = rig.store
    if what == "touch":
        store.touch(message(1))
    elif what == "deliver":
        store.deliver(delivery(1))
    elif what == "spool":
        store.spool(delivery(1))
    else:
        store.execute("INSERT INTO learned VALUES (?, ?, ?)", "fr-a", "x", "y")
    rig.turn(IDLE_SECONDS)
    rig.disk.finish()
    assert store.batch.empty
    rig.rest()
    store.engine.flush()
    rows_found = len(message_rows(store.engine)) + len(delivery_rows(store.engine))
    rows_found += len(store.engine.select("SELECT * FROM learned"))
    assert rows_found == 1


def test_somebody_who_waits_hurries_what_could_wait(rig: Rig) -> None:
    rig.store.touch(message(1))
    rig.submit(rig.bind(), 2)
    rig.commit()
    assert rig.told() == [("bind", b"ok2", 1)]
    assert rig.store.commits == 1
    assert len(rig.clock.getDelayedCalls()) == 1


@pytest.mark.parametrize("what", ["submits", "spills"])
def test_an_idle_store_brings_rows_up_to_date_and_has_no_timer(rig: Rig, what: str) -> None:
    for number in range(1, 300):
        one = rig.submit(rig.bind(), number)
        if what == "spills":
            rig.store.spill(one)
    rig.commit()
    rig.rest()
    assert not rig.disk.busy
    assert len(message_rows(rig.store.engine)) == 299
    rig.told()
    rig.submit(rig.bind(), 300)
    rig.commit()
    assert rig.told() == [("bind", b"ok300", 1)]


def test_one_peer_that_fails_does_not_stop_the_others(rig: Rig, failures: list[str]) -> None:
    broken = Broken(rig.seen, "broken")
    ones = [message(number) for number in (1, 2)]
    rig.submit(broken, 3)
    rig.submit(rig.bind("esme"), 4)
    for one, link in zip(ones, (broken, rig.bind("link")), strict=True):
        rig.store.accept(one)
        rig.store.send(link, one)
    rig.store.when_durable(lambda: broken.release(b"", 0))
    rig.store.when_durable(lambda: rig.seen.append("done"))
    rig.commit()
    told = rig.told()
    assert ("esme", b"ok4", 1) in told
    assert ("link", "transmit", 2) in told
    assert told[-1] == "done"
    assert len(failures) == 4
    failures.clear()
    rig.submit(rig.bind(), 5)
    rig.commit()
    assert rig.told() == [("bind", b"ok5", 1)]


# ---------------------------------------------------------------- congestion


def test_a_slow_disk_stops_the_reading_and_lets_it_go_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "CONGESTED", 20)
    bind = rig.bind()
    rig.submit(bind, 1)
    rig.turn()
    for number in range(2, 60):
        rig.submit(bind, number)
    assert rig.told() == [("congested", True)], "once"
    rig.disk.finish()
    assert ("congested", False) not in rig.told(), "all of it still waits"
    rig.turn()
    rig.disk.finish()
    assert rig.told()[-1] == ("congested", False)


def test_a_disk_that_keeps_up_is_not_congested(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "CONGESTED", 20)
    for number in range(1, 200):
        rig.submit(rig.bind(), number)
        if number % 10 == 0:
            rig.commit()
    assert not [one for one in rig.told() if one[0] == "congested"]


# ---------------------------------------------------------------- a disk that refuses


def test_a_refused_commit_refuses_new_messages(rig: Rig) -> None:
    bind = rig.bind()
    rig.journal.full = True
    rig.submit(bind, 1)
    rig.submit(bind, 2)
    rig.turn()
    assert rig.told() == [
        ("refused", [1, 2]),
        ("bind", "refused", SUBMIT, 1),
        ("bind", "refused", SUBMIT, 2),
    ]
    assert FULL in rig.store.trouble
    assert not rig.disk.busy
    assert rig.store.live == {}
    assert rig.on_disk("refused") == set()


def test_a_refused_message_is_not_sent_and_not_stored_later(rig: Rig) -> None:
    rig.journal.full = True
    one = rig.submit(rig.bind(), 1)
    rig.store.send(rig.bind("link"), one)
    spilled = rig.submit(rig.bind(), 2)
    rig.store.spill(spilled)
    rig.turn()
    rig.journal.full = False
    rig.told()
    rig.turn(RETRY_SECONDS)
    if rig.disk.busy:
        rig.disk.finish()
    assert rig.told() == []
    assert rig.on_disk("later") == set()


def test_changes_of_known_messages_are_kept_and_tried_again(rig: Rig) -> None:
    store = rig.store
    one = rig.submit(rig.bind(), 1)
    rig.commit()
    rig.told()
    rig.journal.full = True
    one.state = State.IN_FLIGHT
    store.touch(one)
    store.send(rig.bind("link"), one)
    store.deliver(delivery(5))
    store.spool(delivery(6))
    store.execute("INSERT INTO learned VALUES (?, ?, ?)", "fr-a", "x", "y")
    store.batch.ledger[("account", "agg1")] = [1] * 8
    store.when_durable(lambda: rig.seen.append("done"))
    rig.turn()
    assert rig.told() == [("refused", [])]
    rig.turn(RETRY_SECONDS / 2)
    assert store.commits == 1
    rig.journal.full = False
    rig.turn(RETRY_SECONDS / 2)
    assert rig.told() == []
    rig.disk.finish()
    assert store.trouble == ""
    assert rig.told() == [("link", "transmit", 1), "done"]
    store.engine.flush()
    assert message_rows(store.engine)[1][STATE] == State.IN_FLIGHT
    assert sorted(delivery_rows(store.engine)) == [5, 6]
    assert len(store.engine.select("SELECT * FROM learned")) == 1
    assert len(store.engine.select("SELECT * FROM ledger")) == 1


def test_it_tries_every_second_until_the_disk_takes_it(rig: Rig) -> None:
    one = rig.submit(rig.bind(), 1)
    rig.commit()
    rig.journal.full = True
    one.state = State.SENT
    rig.store.touch(one)
    rig.turn(IDLE_SECONDS)
    for _ in range(5):
        assert len(rig.clock.getDelayedCalls()) == 1
        rig.turn(RETRY_SECONDS)
        assert rig.store.trouble
    rig.journal.full = False
    rig.turn(RETRY_SECONDS)
    rig.disk.finish()
    assert rig.store.trouble == ""
    rig.told()
    rig.submit(rig.bind(), 2)
    rig.commit()
    assert rig.told() == [("bind", b"ok2", 1)]


def test_answers_asked_for_in_trouble_wait_for_the_next_try(rig: Rig) -> None:
    """A carrier's receipt, say: it is not refused before the disk refused it."""
    rig.journal.full = True
    rig.submit(rig.bind(), 1)
    rig.turn()
    rig.told()
    rig.store.execute("INSERT INTO learned VALUES (?, ?, ?)", "fr-a", "x", "y")
    rig.store.answer(rig.bind("carrier"), b"taken", (5, 9))
    rig.turn(RETRY_SECONDS / 2)
    assert rig.told() == []
    rig.turn(RETRY_SECONDS / 2)
    assert rig.told() == [("refused", []), ("carrier", "refused", 5, 9)]
    rig.journal.full = False
    rig.store.answer(rig.bind("carrier"), b"again", (5, 10))
    rig.turn(RETRY_SECONDS)
    rig.disk.finish()
    assert rig.told() == [("carrier", b"again", 1)]


def test_an_undo_is_run_once_and_only_after_a_refusal(rig: Rig) -> None:
    rig.store.batch.undo.append(lambda: rig.seen.append("undone"))
    rig.submit(rig.bind(), 1)
    rig.commit()
    assert rig.told() == [("bind", b"ok1", 1)]
    rig.store.batch.undo.append(lambda: rig.seen.append("undone"))
    rig.submit(rig.bind(), 2)
    rig.journal.full = True
    rig.turn()
    assert rig.told()[:2] == [("refused", [2]), "undone"]
    rig.turn(RETRY_SECONDS)
    assert "undone" not in rig.told()


def test_a_fault_while_a_refusal_is_told_keeps_what_is_known(rig: Rig, failures: list[str]) -> None:
    known = rig.submit(rig.bind(), 1)
    rig.commit()
    rig.told()

    def fails(*_: Any) -> None:
        raise RuntimeError("not foreseen")

    rig.store.refused = fails
    rig.store.batch.undo += [lambda: rig.seen.append("undone"), fails]
    known.state = State.DELIVERED
    rig.store.touch(known)
    rig.submit(rig.bind(), 2)
    rig.journal.full = True
    rig.turn()
    assert rig.told() == ["undone", ("bind", "refused", SUBMIT, 2)]
    assert len(failures) == 2
    failures.clear()
    rig.journal.full = False
    rig.turn(RETRY_SECONDS)
    rig.disk.finish()
    assert rig.on_disk("again") == {1}
    assert rig.store.trouble == ""


def test_what_a_refusal_changes_is_kept(rig: Rig) -> None:
    """The ledger is corrected while the failure is handled."""
    line = [1] * 8

    def correct(messages: list[Message]) -> None:
        line[0] -= len(messages)
        rig.store.batch.ledger[("account", "agg1")] = line

    rig.store.refused = correct
    rig.store.batch.ledger[("account", "agg1")] = line
    rig.submit(rig.bind(), 1)
    rig.journal.full = True
    rig.turn()
    rig.journal.full = False
    rig.turn(RETRY_SECONDS)
    rig.disk.finish()
    rig.store.engine.flush()
    ((_, _, counted, *_),) = rig.store.engine.select("SELECT * FROM ledger")
    assert counted == 0


def test_a_peer_that_fails_while_it_is_refused_does_not_stop_the_others(
    rig: Rig, failures: list[str]
) -> None:
    known = rig.submit(rig.bind(), 1)
    rig.commit()
    rig.told()
    rig.journal.full = True
    known.state = State.SENT
    rig.store.touch(known)
    rig.submit(Broken(rig.seen, "broken"), 2)
    rig.submit(rig.bind("esme"), 3)
    rig.turn()
    assert rig.told()[-1] == ("esme", "refused", SUBMIT, 3)
    assert len(failures) == 1
    failures.clear()
    rig.journal.full = False
    rig.turn(RETRY_SECONDS)
    rig.disk.finish()
    rig.store.engine.flush()
    assert message_rows(rig.store.engine)[1][STATE] == State.SENT


def test_a_batch_is_the_same_until_it_is_written(rig: Rig) -> None:
    """Queues ask `batch is mine` to know whether their rows can be read."""
    known = rig.submit(rig.bind(), 1)
    rig.commit()
    mine = rig.store.batch
    rig.store.spill(known)
    rig.journal.full = True
    rig.turn(IDLE_SECONDS)
    assert rig.store.batch is mine, "not written yet"
    rig.journal.full = False
    rig.turn(RETRY_SECONDS)
    assert rig.store.batch is not mine


def test_rows_that_cannot_be_written_refuse_new_messages_only_by_trouble(rig: Rig) -> None:
    """The journal took it, so it is durable and answered; ingress asks for `trouble`."""
    connection = wrap(rig.store.engine)
    connection.fail_at = "COMMIT"
    bind = rig.bind()
    rig.store.spill(rig.submit(bind, 1))
    rig.commit()
    assert rig.told() == [("bind", b"ok1", 1)]
    assert FULL in rig.store.trouble
    assert rig.on_disk("safe") == {1}
    rig.turn(RETRY_SECONDS)
    assert rig.store.trouble
    connection.fail_at = None
    rig.turn(RETRY_SECONDS)
    assert rig.store.trouble == ""
    assert set(message_rows(rig.store.engine)) == {1}
    if rig.disk.busy:
        rig.disk.finish()
    rig.rest()


# ---------------------------------------------------------------- a disk that cannot be trusted


def test_a_failed_sync_breaks_the_store_and_nothing_leaves(rig: Rig) -> None:
    bind = rig.bind()
    one = rig.submit(bind, 1)
    rig.store.send(rig.bind("link"), one)
    rig.turn()
    rig.submit(bind, 2)
    rig.disk.finish("fdatasync failed: Input/output error")
    assert rig.told() == [("broken", "fdatasync failed: Input/output error")]
    rig.submit(bind, 3)
    rig.turn(60.0)
    assert rig.told() == []
    assert rig.disk.asked == 1, "asking again would only hide it"


def test_a_stop_after_a_failed_sync_gives_no_journal_up(rig: Rig) -> None:
    """A second sync may succeed although the pages of the first are lost."""
    rig.submit(rig.bind(), 1)
    rig.turn()
    rig.disk.finish("fdatasync failed: Input/output error")
    rig.store.stop()
    assert rig.disk.stopped
    assert len(journalled(rig.directory / "data")) == 1


# ---------------------------------------------------------------- hold and stop


def test_a_stop_from_what_a_commit_released_closes_everything_once(rig: Rig) -> None:
    rig.submit(rig.bind(), 1)
    rig.store.when_durable(rig.store.stop)
    rig.commit()
    assert rig.disk.stopped
    assert rig.clock.getDelayedCalls() == []


def test_nothing_is_written_while_held(rig: Rig) -> None:
    bind = rig.bind()
    rig.submit(bind, 1)
    rig.store.hold()
    rig.submit(bind, 2)
    rig.store.touch(message(3))
    rig.turn(60.0)
    assert rig.disk.asked == 0
    assert rig.on_disk("held") == set()
    rig.store.go_on()
    rig.commit()
    assert rig.told() == [("bind", b"ok1ok2", 2)]
    assert rig.on_disk("on") == {1, 2, 3}


def test_a_hold_during_a_sync_lets_it_end(rig: Rig) -> None:
    bind = rig.bind()
    rig.submit(bind, 1)
    rig.turn()
    rig.store.hold()
    rig.submit(bind, 2)
    rig.disk.finish()
    rig.turn(60.0)
    assert rig.told() == [("bind", b"ok1", 1)]
    assert rig.disk.asked == 1
    rig.store.go_on()
    rig.commit()
    assert rig.told() == [("bind", b"ok2", 1)]


def test_going_on_during_a_sync_waits_for_its_end(rig: Rig) -> None:
    bind = rig.bind()
    rig.submit(bind, 1)
    rig.turn()
    rig.store.hold()
    rig.submit(bind, 2)
    rig.store.go_on()
    rig.turn(60.0)
    assert rig.disk.asked == 1
    rig.disk.finish()
    rig.commit()
    assert rig.told() == [("bind", b"ok1", 1), ("bind", b"ok2", 1)]


def test_a_hold_with_nothing_to_write_leaves_no_timer(rig: Rig) -> None:
    rig.store.hold()
    rig.store.go_on()
    assert rig.clock.getDelayedCalls() == []


def test_stop_writes_everything_and_brings_rows_up_to_date(rig: Rig) -> None:
    rig.submit(rig.bind(), 1)
    rig.commit()
    two = rig.submit(rig.bind(), 2)
    final(two)
    rig.store.touch(two)
    rig.store.stop()
    assert rig.clock.getDelayedCalls() == []
    assert rig.disk.stopped
    assert journalled(rig.directory / "data") == []
    engine = Engine(rig.directory / "data")
    assert {number: row[STATE] for number, row in message_rows(engine).items()} == {
        1: State.WAITING,
        2: State.DELIVERED,
    }
    engine.close()


def test_stop_in_trouble_closes_with_what_is_durable(rig: Rig) -> None:
    rig.submit(rig.bind(), 1)
    rig.commit()
    rig.journal.full = True
    rig.submit(rig.bind(), 2)
    rig.turn()
    rig.store.stop()
    assert rig.disk.stopped
    assert rig.clock.getDelayedCalls() == []
    engine = Engine(rig.directory / "data")
    assert set(message_rows(engine)) == {1}
    engine.close()


def test_stop_on_a_disk_that_just_filled_up_still_lets_go(rig: Rig) -> None:
    rig.submit(rig.bind(), 1)
    rig.commit()
    rig.submit(rig.bind(), 2)
    rig.journal.full = True
    rig.store.stop()
    assert rig.disk.stopped
    engine = Engine(rig.directory / "data")
    assert set(message_rows(engine)) == {1}
    engine.close()


def test_a_stop_by_who_waited_for_the_last_commit(rig: Rig, failures: list[str]) -> None:
    rig.submit(rig.bind(), 1)
    rig.store.when_durable(rig.store.stop)
    rig.commit()
    assert rig.told()[-1] == ("bind", b"ok1", 1)
    assert failures == []
    rig.turn(10.0)


def test_a_stop_by_what_was_waiting_for_the_disk_is_the_end(rig: Rig) -> None:
    rig.submit(rig.bind(), 1)
    rig.store.when_durable(rig.store.stop)
    rig.commit()
    assert rig.disk.stopped
    assert rig.clock.getDelayedCalls() == []
    engine = Engine(rig.directory / "data")
    assert set(message_rows(engine)) == {1}
    engine.close()
