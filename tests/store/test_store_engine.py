"""The engine: journal and rows, recovery, the lock, a disk that refuses."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_kit import (
    FULL,
    accepted,
    crash,
    delivery,
    delivery_rows,
    fill_up,
    final,
    journalled,
    message,
    message_rows,
    touched,
    wrap,
)

from smppgw.core.message import State
from smppgw.core.store import engine as engine_module
from smppgw.core.store import rows
from smppgw.core.store.batch import Batch
from smppgw.core.store.engine import FILE_NAME, LOG, TURN_SECONDS, Engine
from smppgw.core.store.journal import FILES
from smppgw.core.store.lock import StoreLocked


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "data")
    yield made
    made.close()


def reopened(engine: Engine, tmp_path: Path, name: str = "crashed") -> Engine:
    return Engine(crash(engine, tmp_path / name))


# ---------------------------------------------------------------- files and lock


def test_a_new_store_is_for_its_owner_only(engine: Engine) -> None:
    assert stat.S_IMODE(engine.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(engine.path.stat().st_mode) == 0o600
    for beside in engine.directory.iterdir():
        assert stat.S_IMODE(beside.stat().st_mode) & 0o077 == 0, beside.name


OTHER = """
import sys
from pathlib import Path
from smppgw.core.store.engine import Engine
from smppgw.core.store.lock import StoreLocked
try:
    Engine(Path(sys.argv[1]))
except StoreLocked as error:
    print(error)
"""


def other_process(directory: Path) -> str:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", OTHER, str(directory)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_second_process_is_told_who_has_the_directory(engine: Engine) -> None:
    pid = (engine.directory / "lock").read_text().strip()
    told = other_process(engine.directory)
    assert str(engine.directory) in told
    assert f"process {pid}" in told
    assert "data_dir" in told


def test_the_lock_ends_with_the_store(tmp_path: Path) -> None:
    Engine(tmp_path).close()
    assert other_process(tmp_path) == ""


def test_a_second_engine_of_the_same_process_is_refused_too(engine: Engine) -> None:
    with pytest.raises(StoreLocked):
        Engine(engine.directory)


def test_a_refused_engine_does_not_take_the_lock_away(engine: Engine) -> None:
    with pytest.raises(StoreLocked):
        Engine(engine.directory)
    assert "in use" in other_process(engine.directory)


def test_the_descriptors_are_those_of_the_journal_and_the_log(engine: Engine) -> None:
    names = (*FILES, f"{FILE_NAME}-wal")
    for descriptor, name in zip(engine.descriptors, names, strict=True):
        assert os.fstat(descriptor).st_ino == (engine.directory / name).stat().st_ino


def test_a_checkpoint_keeps_the_log_file(engine: Engine) -> None:
    """The synchronizer holds a descriptor of it for the life of the process."""
    log = Path(f"{engine.path}-wal")
    inode = log.stat().st_ino
    write(engine, accepted(engine, message(1)))
    other = sqlite3.connect(engine.path)
    assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    other.close()
    settle(engine)
    assert log.stat().st_ino == inode


def test_the_log_is_not_folded_in_behind_our_back(engine: Engine) -> None:
    (automatic,) = engine.select("PRAGMA wal_autocheckpoint")[0]
    (mode,) = engine.select("PRAGMA journal_mode")[0]
    assert (automatic, mode) == (0, "wal")


# ---------------------------------------------------------------- a message's way to its row


def write(engine: Engine, batch: Batch, now: float = 0.0) -> tuple[int, ...]:
    """Write and sync."""
    numbers = engine.write(batch)
    engine.synced(numbers, now)
    return numbers


def settle(engine: Engine, now: float = 100.0) -> None:
    """What an idle second does: rows are brought up to date, the journal file is freed."""
    for _ in range(1_000):
        if not engine.restless:
            return
        write(engine, Batch(), now)
        now += TURN_SECONDS
    raise AssertionError("never at rest")


def test_an_accepted_message_is_in_the_journal_not_in_its_row(engine: Engine) -> None:
    assert engine.write(accepted(engine, message(1))) == (engine.journal.current,)
    assert message_rows(engine) == {}
    assert engine.behind == 1
    assert len(journalled(crash(engine, _parent(engine) / "copy"))) == 1


def test_nothing_to_write_is_nothing_to_sync(engine: Engine) -> None:
    assert engine.write(Batch()) == ()
    assert not engine.restless


def test_rows_follow_when_the_journal_turns(engine: Engine) -> None:
    one = message(1)
    write(engine, accepted(engine, one))
    first = engine.journal.current
    write(engine, Batch(), TURN_SECONDS)
    assert engine.journal.current != first
    write(engine, Batch(), TURN_SECONDS)
    assert message_rows(engine) == {1: rows.message_image(one)}
    numbers = engine.write(Batch())
    assert LOG in numbers, "the file is free once the log is on disk"
    assert engine.restless
    engine.synced(numbers, TURN_SECONDS)
    settle(engine)
    assert engine.behind == 0
    assert (one.stored, one.dirty) == (True, False)


def test_a_journal_file_is_kept_until_the_log_is_on_disk(engine: Engine) -> None:
    write(engine, accepted(engine, message(1)))
    before = engine.journal.current
    write(engine, Batch(), TURN_SECONDS)
    for turn in range(2, 10):
        engine.write(accepted(engine, message(turn)))
        engine.synced((engine.journal.current,), float(turn))
        assert engine.journal.current != before


def test_many_changes_start_moving_before_their_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "TURN_RECORDS", 10)
    write(engine, accepted(engine, *map(message, range(1, 11))))
    write(engine, Batch(), 0.001)
    assert len(message_rows(engine)) == 10


def test_a_row_gets_the_newest_values_not_those_of_the_turn(engine: Engine) -> None:
    one = message(1)
    write(engine, accepted(engine, one, *map(message, range(2, 1_000))))
    write(engine, Batch(), TURN_SECONDS)
    one.state = State.SENT
    one.remote_id = "abc"
    write(engine, touched(one), TURN_SECONDS)
    write(engine, Batch(), TURN_SECONDS)
    assert message_rows(engine)[1] == rows.message_image(one)
    assert one.dirty, "its second image is still in the journal"


def test_a_fresh_message_that_leaves_memory_goes_to_its_row_at_once(engine: Engine) -> None:
    one = message(1)
    engine.live[1] = one
    write(engine, Batch(accepted=[one], spilled=[one]))
    assert message_rows(engine) == {1: rows.message_image(one)}
    assert 1 not in engine.live
    assert (one.stored, one.fresh, one.whole, one.dirty) == (True, False, False, False)


@pytest.mark.parametrize("count", [1, rows.AT_ONCE - 1, rows.AT_ONCE, 2 * rows.AT_ONCE + 3])
def test_any_number_of_messages_reach_their_rows(engine: Engine, count: int) -> None:
    batch = Batch()
    for number in range(1, count + 1):
        one = message(number, priority=number % 3)
        batch.accepted.append(one)
        batch.spilled.append(one)
    engine.synced(engine.write(batch), 0.0)
    stored = message_rows(engine)
    assert stored == {one.id: rows.message_image(one) for one in batch.accepted}


def test_a_known_message_that_leaves_memory_goes_to_both(engine: Engine) -> None:
    one = message(1)
    write(engine, accepted(engine, one))
    one.position = 7
    write(engine, Batch(touched={1: one}, spilled=[one]))
    assert message_rows(engine)[1] == rows.message_image(one)
    again = reopened(engine, _parent(engine))
    assert message_rows(again)[1] == rows.message_image(one)
    again.close()


def _parent(engine: Engine) -> Path:
    return engine.directory.parent


def test_replaced_columns_reach_row_and_journal(engine: Engine) -> None:
    one = message(1)
    write(engine, accepted(engine, one))
    settle(engine)
    one.body = b"another"
    one.expires = 99
    one.rewrite()
    engine.write(touched(one))
    recovered = reopened(engine, _parent(engine))
    assert message_rows(recovered)[1] == rows.message_image(one)
    recovered.close()
    engine.flush()
    assert message_rows(engine)[1] == rows.message_image(one)


def test_a_delivery_that_came_and_went_in_one_batch_leaves_nothing(engine: Engine) -> None:
    one = delivery(1)
    one.done = True
    assert write(engine, Batch(deliveries={1: one})) == ()
    assert engine.behind == 0


def test_a_delivery_that_ended_before_its_row_leaves_nothing(engine: Engine) -> None:
    one = delivery(1)
    write(engine, Batch(deliveries={1: one}))
    one.done = True
    engine.write(Batch(deliveries={1: one}))
    again = reopened(engine, _parent(engine))
    assert delivery_rows(again) == {}
    again.close()
    engine.flush()
    assert delivery_rows(engine) == {}


def test_deliveries_wait_in_order_in_their_rows(engine: Engine) -> None:
    ones = [delivery(number) for number in (3, 1, 2)]
    write(engine, Batch(spooled=[*ones, delivery(4, "other")]))
    assert [one.id for one in engine.deliveries("agg1", 0, 10)] == [1, 2, 3]
    assert [one.id for one in engine.deliveries("agg1", 1, 1)] == [2]
    (first, *_) = engine.deliveries("agg1", 0, 10)
    assert (first.stored, first.fresh, first.done) == (True, False, False)
    first.done = True
    write(engine, Batch(deliveries={first.id: first}))
    engine.flush()
    assert sorted(delivery_rows(engine)) == [2, 3, 4]


def test_ledger_and_rare_rows_come_with_the_batch(engine: Engine) -> None:
    counters = [1, 2, 3, 4, 5, 6, 7, 8]
    batch = Batch(ledger={("account", "agg1"): counters})
    batch.statements.append(("INSERT INTO learned VALUES (?, ?, ?)", ("fr-a", "receipt_id", "hex")))
    write(engine, batch)
    counters[0] = 50
    write(engine, Batch(ledger={("account", "agg1"): counters}))
    engine.flush()
    assert engine.select("SELECT * FROM ledger") == [("account", "agg1", 50, 2, 3, 4, 5, 6, 7, 8)]
    assert engine.select("SELECT * FROM learned") == [("fr-a", "receipt_id", "hex")]


def test_flush_empties_the_journal(engine: Engine) -> None:
    for number in range(1, 301):
        write(engine, accepted(engine, message(number)))
    engine.flush()
    assert journalled(crash(engine, _parent(engine) / "copy")) == []
    assert engine.behind == 0
    assert not engine.restless
    assert sorted(message_rows(engine)) == list(range(1, 301))


# ---------------------------------------------------------------- memory


def test_what_is_journalled_is_live(engine: Engine) -> None:
    one = message(1)
    write(engine, accepted(engine, one))
    final(one)
    engine.write(touched(one))
    assert engine.live == {1: one}, "its row knows nothing of it yet"
    settle(engine)
    assert engine.live == {}
    assert engine.message(1) is not one
    found = engine.message(1)
    assert found is not None
    assert found.state == State.DELIVERED


def test_readers_of_rows_get_what_memory_knows(engine: Engine) -> None:
    one = message(1)
    write(engine, accepted(engine, one))
    settle(engine)
    one.state = State.DEFERRED
    engine.write(touched(one))
    assert message_rows(engine)[1] != rows.message_image(one)
    assert engine.message(1) is one
    assert engine.messages("state = 20", (), 10) == [one], "by its old row, with its new state"


def test_an_unknown_id_is_no_message(engine: Engine) -> None:
    assert engine.message(5) is None


def test_a_row_comes_back_as_it_was(engine: Engine) -> None:
    one = message(1)
    for number, name in enumerate(rows.MESSAGE_FIXED + rows.MESSAGE_MOVING, 1):
        kind = type(getattr(one, name))
        text = b"x%d" % number if kind is bytes else f"x{number}"
        setattr(one, name, text if kind in {str, bytes} else number)
    one.id = 1
    engine.live[1] = one
    write(engine, Batch(accepted=[one], spilled=[one]))
    found = engine.message(1)
    assert found is not None
    assert found is not one
    assert rows.message_image(found) == rows.message_image(one)
    assert (found.stored, found.fresh, found.whole, found.dirty) == (True, False, False, False)


def test_the_highest_id_counts_places_in_queues(engine: Engine) -> None:
    assert engine.highest_id() == 0
    write(engine, Batch(spilled=[message(5, position=90)], spooled=[delivery(7)]))
    assert engine.highest_id() == 90
    write(engine, Batch(spilled=[message(6, position=95, state=State.SENT)]))
    assert engine.highest_id() == 90


@pytest.mark.parametrize("kind", ["messages", "deliveries", "spilled"])
def test_rows_never_fall_far_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Rows are brought up to date faster than changes arrive, whatever changes."""
    monkeypatch.setattr(engine_module, "TURN_RECORDS", 500)
    number, worst = 0, 0
    for turn in range(60):
        ids = range(number + 1, number + 201)
        number += 200
        if kind == "deliveries":
            batch = Batch(deliveries={one: delivery(one) for one in ids})
        else:
            batch = accepted(engine, *(message(one, state=State.SENT) for one in ids))
        if kind == "spilled":
            batch.spilled = list(batch.touched.values())
            for one in batch.spilled:
                one.fresh = False
        write(engine, batch, turn * 0.01)
        worst = max(worst, engine.behind)
    assert worst <= 3 * 500 + 400


@pytest.mark.parametrize("kind", ["messages", "deliveries", "spilled", "spooled", "rare rows"])
def test_the_journal_stays_short(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A start replays it all: whatever is written, its files are given up in turn."""
    monkeypatch.setattr(engine_module, "TURN_RECORDS", 500)
    for turn in range(100):
        ids = range(turn * 100 + 1, turn * 100 + 101)
        batch = Batch()
        if kind == "messages":
            batch = accepted(engine, *(message(one, state=State.SENT) for one in ids))
        elif kind == "deliveries":
            batch.deliveries = {one: delivery(one) for one in ids}
        elif kind == "spilled":
            batch.spilled = [message(one) for one in ids]
        elif kind == "spooled":
            batch.spooled = [delivery(one) for one in ids]
        else:
            sql = "INSERT OR REPLACE INTO trail VALUES (?, ?, ?, ?)"
            batch.statements = [(sql, (one, one, 1, "retried")) for one in ids]
        write(engine, batch, turn * 0.1)
    records = journalled(crash(engine, _parent(engine) / "copy"))
    assert len(records) < 50


# ---------------------------------------------------------------- recovery


def test_recovery_replays_the_journal_and_empties_it(engine: Engine, tmp_path: Path) -> None:
    ones = [message(number) for number in range(1, 251)]
    for one in ones:
        write(engine, accepted(engine, one))
    for one in ones[::2]:
        one.state = State.SENT
        one.remote_id = f"id{one.id}"
        write(engine, touched(one))
    recovered = reopened(engine, tmp_path)
    assert message_rows(recovered) == {one.id: rows.message_image(one) for one in ones}
    assert journalled(crash(recovered, tmp_path / "again")) == []
    assert recovered.live == {}
    recovered.close()


def test_a_second_crash_finds_what_the_first_life_and_the_second_did(
    engine: Engine, tmp_path: Path
) -> None:
    one = message(1)
    write(engine, accepted(engine, one, *map(message, range(2, 30))))
    first = reopened(engine, tmp_path, "first")
    found = first.message(1)
    assert found is not None
    found.state = State.SENT
    write(first, touched(found))
    final(found)
    write(first, touched(found))
    second = reopened(first, tmp_path, "second")
    assert message_rows(second)[1] == rows.message_image(found)
    assert len(message_rows(second)) == 29
    second.close()
    first.close()


def test_a_crash_while_rows_follow_loses_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SLICE", 1)
    monkeypatch.setattr(engine_module, "IDLE_SLICE", 3)
    ones = [message(number) for number in range(1, 21)]
    write(engine, accepted(engine, *ones))
    for turn in range(10):
        one = ones[turn]
        one.state = State.SENT
        one.attempts += 1
        write(engine, touched(one), 1.0 + turn / 100)
        write(engine, Batch(), 1.0 + turn / 100)
        recovered = reopened(engine, tmp_path, f"crash{turn}")
        assert message_rows(recovered) == {one.id: rows.message_image(one) for one in ones}
        recovered.close()


def test_rare_rows_are_replayed_once_or_twice_alike(engine: Engine, tmp_path: Path) -> None:
    """A crash between row and journal: the row is there already."""
    batch = Batch(spilled=[message(1)], spooled=[delivery(2)])
    batch.statements.append(("INSERT OR REPLACE INTO trail VALUES (?, ?, ?, ?)", (3, 1, 1, "x")))
    batch.ledger[("account", "agg1")] = [1] * 8
    write(engine, batch)
    write(engine, Batch(statements=[("DELETE FROM message WHERE id = ?", (1,))]))
    for kept in (None, 0):
        recovered = Engine(crash(engine, tmp_path / f"kept{kept}", kept))
        assert message_rows(recovered) == {}
        assert sorted(delivery_rows(recovered)) == [2]
        assert recovered.select("SELECT * FROM trail") == [(3, 1, 1, "x")]
        assert len(recovered.select("SELECT * FROM ledger")) == 1
        recovered.close()


@pytest.mark.parametrize("log_octets", [0, 32, 5_000, None])
def test_a_power_cut_may_take_any_part_of_the_unsynced_log(
    engine: Engine, tmp_path: Path, log_octets: int | None
) -> None:
    ones = [message(number) for number in range(1, 300)]
    for one in ones:
        write(engine, accepted(engine, one), one.id / 1_000)
    write(engine, Batch(), TURN_SECONDS)
    write(engine, Batch(), TURN_SECONDS)
    assert len(message_rows(engine)) == 299
    recovered = Engine(crash(engine, tmp_path / "cut", log_octets))
    assert sorted(message_rows(recovered)) == [one.id for one in ones]
    recovered.close()


# ---------------------------------------------------------------- a disk that refuses


def test_a_full_journal_refuses_the_batch_and_takes_it_later(
    engine: Engine, tmp_path: Path
) -> None:
    old = message(1)
    write(engine, accepted(engine, old))
    before = rows.message_image(old)
    journal = fill_up(engine)
    journal.full = True
    old.state = State.SENT
    batch = touched(old)
    batch.spilled = [message(2)]
    batch.ledger[("account", "agg1")] = [1] * 8
    with pytest.raises(OSError, match=FULL):
        engine.write(batch)
    recovered = reopened(engine, tmp_path, "failed")
    assert message_rows(recovered) == {1: before}
    assert recovered.select("SELECT * FROM ledger") == []
    recovered.close()
    journal.full = False
    write(engine, batch, 0.2)
    recovered = reopened(engine, tmp_path, "written")
    assert message_rows(recovered) == {
        1: rows.message_image(old),
        2: rows.message_image(batch.spilled[0]),
    }
    recovered.close()


@pytest.mark.parametrize(
    "statement", ["BEGIN", rows.INSERT_MESSAGE, rows.INSERT_LEDGER, "INSERT INTO learned", "COMMIT"]
)
def test_rows_that_cannot_be_written_are_safe_in_the_journal(
    engine: Engine, tmp_path: Path, statement: str
) -> None:
    connection = wrap(engine)
    connection.fail_at = statement
    one = message(1)
    engine.live[1] = one
    batch = Batch(accepted=[one], spilled=[one], spooled=[delivery(2)])
    batch.statements.append(("INSERT INTO learned VALUES (?, ?, ?)", ("a", "b", "c")))
    batch.ledger[("account", "agg1")] = [1] * 8
    write(engine, batch)
    assert FULL in engine.trouble
    assert engine.unwritten
    assert engine.message(1) is one, "its row is not there, so memory keeps it"
    recovered = reopened(engine, tmp_path, "crash")
    check_rows(recovered, one)
    recovered.close()
    write(engine, accepted(engine, message(3)), 0.1)
    assert engine.trouble
    connection.fail_at = None
    write(engine, accepted(engine, message(4)), 0.2)
    assert engine.trouble == ""
    assert not engine.unwritten
    check_rows(engine, one)
    assert 1 not in engine.live
    settle(engine)
    assert sorted(message_rows(engine)) == [1, 3, 4]


def check_rows(engine: Engine, one: object) -> None:
    assert message_rows(engine)[1] == rows.message_image(one)  # type: ignore[arg-type]
    assert sorted(delivery_rows(engine)) == [2]
    assert engine.select("SELECT * FROM learned") == [("a", "b", "c")]
    assert len(engine.select("SELECT * FROM ledger")) == 1


def test_no_journal_file_is_given_up_while_rows_cannot_be_written(
    engine: Engine, tmp_path: Path
) -> None:
    connection = wrap(engine)
    write(engine, accepted(engine, message(1)))
    connection.fail_at = "COMMIT"
    for number in range(2, 30):
        write(engine, accepted(engine, message(number)), float(number))
        write(engine, Batch(), float(number))
    recovered = reopened(engine, tmp_path)
    assert sorted(message_rows(recovered)) == list(range(1, 30))
    recovered.close()
    connection.fail_at = None
    settle(engine)
    assert sorted(message_rows(engine)) == list(range(1, 30))


def test_a_really_full_database(engine: Engine, tmp_path: Path) -> None:
    """SQLite itself says that it is full, and rolls back by itself."""
    write(engine, accepted(engine, message(1)))
    settle(engine)
    ((pages,),) = engine.select("PRAGMA page_count")
    engine.select(f"PRAGMA max_page_count = {pages}")
    big = [message(number, body=b"x" * 3_000) for number in range(2, 40)]
    write(engine, Batch(accepted=big, spilled=big))
    assert FULL in engine.trouble
    recovered = reopened(engine, tmp_path, "full")
    assert sorted(message_rows(recovered)) == list(range(1, 40))
    recovered.close()
    with pytest.raises(sqlite3.OperationalError, match=FULL):
        engine.flush()
    engine.select("PRAGMA max_page_count = 1073741823")
    engine.flush()
    assert sorted(message_rows(engine)) == list(range(1, 40))


def test_the_file_name_is_what_operators_are_told(engine: Engine) -> None:
    assert engine.path.name == FILE_NAME == "smppgw.db"
