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
    final,
    journal_length,
    message,
    message_rows,
    touched,
    wrap,
)

from smppgw.core.message import State
from smppgw.core.store import engine as engine_module
from smppgw.core.store import rows
from smppgw.core.store.batch import Batch
from smppgw.core.store.engine import FILE_NAME, Engine, StoreLocked


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
from smppgw.core.store.engine import Engine, StoreLocked
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


def test_the_descriptor_of_the_log_is_of_the_log(engine: Engine) -> None:
    descriptor = engine.log_descriptor()
    try:
        log = Path(f"{engine.path}-wal")
        assert os.fstat(descriptor).st_ino == log.stat().st_ino
        before = os.fstat(descriptor).st_size
        engine.write(accepted(engine, message(1)), 0.0)
        assert os.fstat(descriptor).st_size > before
    finally:
        os.close(descriptor)


def test_a_checkpoint_keeps_the_log_file(engine: Engine) -> None:
    """The synchronizer holds a descriptor of it for the life of the process."""
    log = Path(f"{engine.path}-wal")
    inode = log.stat().st_ino
    engine.write(accepted(engine, message(1)), 0.0)
    other = sqlite3.connect(engine.path)
    assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    other.close()
    engine.write(accepted(engine, message(2)), 0.0)
    assert log.stat().st_ino == inode


def test_the_log_is_not_folded_in_behind_our_back(engine: Engine) -> None:
    (automatic,) = engine.select("PRAGMA wal_autocheckpoint")[0]
    (mode,) = engine.select("PRAGMA journal_mode")[0]
    assert (automatic, mode) == (0, "wal")


# ---------------------------------------------------------------- a message's way to its row


def test_an_accepted_message_is_in_the_journal_not_in_its_row(engine: Engine) -> None:
    engine.write(accepted(engine, message(1)), 0.0)
    assert message_rows(engine) == {}
    assert journal_length(engine) == 1
    assert engine.behind == 1


def test_rows_follow_when_the_journal_rotates(engine: Engine) -> None:
    one = message(1)
    engine.write(accepted(engine, one), 0.0)
    engine.write(Batch(), engine_module.ROTATE_SECONDS)
    assert message_rows(engine) == {1: rows.message_image(one)}
    assert journal_length(engine) == 0
    assert engine.behind == 0
    assert (one.stored, one.dirty) == (True, False)


def test_many_changes_start_moving_before_their_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "ROTATE_MESSAGES", 10)
    engine.write(accepted(engine, *map(message, range(1, 11))), 0.0)
    engine.write(Batch(), 0.001)
    assert len(message_rows(engine)) == 10


def test_a_row_gets_the_newest_values_not_those_of_the_rotation(engine: Engine) -> None:
    one = message(1)
    engine.write(accepted(engine, one), 0.0)
    one.state = State.SENT
    one.remote_id = "abc"
    engine.write(touched(one), 1.0)
    assert message_rows(engine)[1] == rows.message_image(one)
    assert one.dirty, "its second image is still in the journal"


def test_a_fresh_message_that_leaves_memory_goes_to_its_row_only(engine: Engine) -> None:
    one = message(1)
    engine.live[1] = one
    engine.write(Batch(accepted=[one], spilled=[one]), 0.0)
    assert message_rows(engine) == {1: rows.message_image(one)}
    assert journal_length(engine) == 0
    assert 1 not in engine.live


def test_a_known_message_that_leaves_memory_goes_to_both(engine: Engine) -> None:
    one = message(1)
    engine.write(accepted(engine, one), 0.0)
    one.position = 7
    engine.write(Batch(touched={1: one}, spilled=[one]), 0.1)
    assert message_rows(engine)[1] == rows.message_image(one)
    again = reopened(engine, _parent(engine))
    assert message_rows(again)[1] == rows.message_image(one)
    again.close()


def _parent(engine: Engine) -> Path:
    return engine.directory.parent


def test_replaced_columns_reach_row_and_journal(engine: Engine) -> None:
    one = message(1)
    engine.write(accepted(engine, one), 0.0)
    engine.flush()
    one.body = b"another"
    one.expires = 99
    one.rewrite()
    engine.write(touched(one), 1.0)
    recovered = reopened(engine, _parent(engine))
    assert message_rows(recovered)[1] == rows.message_image(one)
    recovered.close()
    engine.flush()
    assert message_rows(engine)[1] == rows.message_image(one)


def test_a_delivery_that_came_and_went_in_one_batch_leaves_nothing(engine: Engine) -> None:
    one = delivery(1)
    one.done = True
    engine.write(Batch(deliveries={1: one}), 0.0)
    assert journal_length(engine) == 0
    assert engine.behind == 0


def test_a_delivery_that_ended_before_its_row_leaves_nothing(engine: Engine) -> None:
    one = delivery(1)
    engine.write(Batch(deliveries={1: one}), 0.0)
    one.done = True
    engine.write(Batch(deliveries={1: one}), 0.1)
    again = reopened(engine, _parent(engine))
    assert delivery_rows(again) == {}
    again.close()
    engine.flush()
    assert delivery_rows(engine) == {}


def test_deliveries_wait_in_order_in_their_rows(engine: Engine) -> None:
    ones = [delivery(number) for number in (3, 1, 2)]
    engine.write(Batch(spooled=[*ones, delivery(4, "other")]), 0.0)
    assert [one.id for one in engine.deliveries("agg1", 0, 10)] == [1, 2, 3]
    assert [one.id for one in engine.deliveries("agg1", 1, 1)] == [2]
    (first, *_) = engine.deliveries("agg1", 0, 10)
    assert (first.stored, first.fresh, first.done) == (True, False, False)
    first.done = True
    engine.write(Batch(deliveries={first.id: first}), 0.0)
    engine.flush()
    assert sorted(delivery_rows(engine)) == [2, 3, 4]


def test_ledger_and_rare_rows_come_with_the_batch(engine: Engine) -> None:
    counters = [1, 2, 3, 4, 5, 6, 7, 8]
    batch = Batch(ledger={("account", "agg1"): counters})
    batch.statements.append(("INSERT INTO learned VALUES (?, ?, ?)", ("fr-a", "receipt_id", "hex")))
    engine.write(batch, 0.0)
    counters[0] = 50
    engine.write(Batch(ledger={("account", "agg1"): counters}), 0.0)
    assert engine.select("SELECT * FROM ledger") == [("account", "agg1", 50, 2, 3, 4, 5, 6, 7, 8)]
    assert engine.select("SELECT * FROM learned") == [("fr-a", "receipt_id", "hex")]


def test_flush_empties_the_journal(engine: Engine) -> None:
    for number in range(1, 301):
        engine.write(accepted(engine, message(number)), 0.0)
    engine.flush()
    assert journal_length(engine) == 0
    assert engine.behind == 0
    assert sorted(message_rows(engine)) == list(range(1, 301))


# ---------------------------------------------------------------- memory


def test_what_is_journalled_is_live(engine: Engine) -> None:
    one = message(1)
    engine.write(accepted(engine, one), 0.0)
    final(one)
    engine.write(touched(one), 0.1)
    assert engine.live == {1: one}, "its row knows nothing of it yet"
    engine.write(Batch(), 1.0)
    assert engine.live == {}
    assert engine.message(1) is not one
    found = engine.message(1)
    assert found is not None
    assert found.state == State.DELIVERED


def test_readers_of_rows_get_what_memory_knows(engine: Engine) -> None:
    one = message(1)
    engine.write(accepted(engine, one), 0.0)
    engine.write(Batch(), 1.0)
    one.state = State.DEFERRED
    engine.write(touched(one), 1.1)
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
    engine.write(Batch(accepted=[one], spilled=[one]), 0.0)
    found = engine.message(1)
    assert found is not None
    assert found is not one
    assert rows.message_image(found) == rows.message_image(one)
    assert (found.stored, found.fresh, found.whole, found.dirty) == (True, False, False, False)


def test_the_highest_id_counts_places_in_queues(engine: Engine) -> None:
    assert engine.highest_id() == 0
    engine.write(Batch(spilled=[message(5, position=90)], spooled=[delivery(7)]), 0.0)
    assert engine.highest_id() == 90
    engine.write(Batch(spilled=[message(6, position=95, state=State.SENT)]), 0.0)
    assert engine.highest_id() == 90


@pytest.mark.parametrize("kind", ["messages", "deliveries", "spilled"])
def test_rows_never_fall_far_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Rows are brought up to date faster than changes arrive, whatever changes."""
    monkeypatch.setattr(engine_module, "ROTATE_MESSAGES", 500)
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
        engine.write(batch, turn * 0.01)
        worst = max(worst, engine.behind)
    assert worst <= 3 * 500 + 400


# ---------------------------------------------------------------- recovery


def test_recovery_replays_the_journal_and_empties_it(engine: Engine, tmp_path: Path) -> None:
    ones = [message(number) for number in range(1, 251)]
    for one in ones:
        engine.write(accepted(engine, one), 0.0)
    for one in ones[::2]:
        one.state = State.SENT
        one.remote_id = f"id{one.id}"
        engine.write(touched(one), 0.0)
    recovered = reopened(engine, tmp_path)
    assert message_rows(recovered) == {one.id: rows.message_image(one) for one in ones}
    assert journal_length(recovered) == 0
    assert recovered.live == {}
    recovered.close()


def test_numbers_of_the_journal_go_on_after_recovery(engine: Engine, tmp_path: Path) -> None:
    one = message(1)
    engine.write(accepted(engine, one), 0.0)
    first = reopened(engine, tmp_path, "first")
    found = first.message(1)
    assert found is not None
    found.state = State.SENT
    first.write(touched(found), 0.0)
    final(found)
    first.write(touched(found), 0.0)
    second = reopened(first, tmp_path, "second")
    assert message_rows(second)[1] == rows.message_image(found)
    second.close()
    first.close()


def test_a_crash_while_rows_follow_loses_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SLICE", 3)
    ones = [message(number) for number in range(1, 21)]
    engine.write(accepted(engine, *ones), 0.0)
    for turn in range(10):
        one = ones[turn]
        one.state = State.SENT
        one.attempts += 1
        engine.write(touched(one), 1.0 + turn / 100)
        recovered = reopened(engine, tmp_path, f"crash{turn}")
        assert message_rows(recovered) == {one.id: rows.message_image(one) for one in ones}
        recovered.close()


def test_a_torn_log_ends_at_a_commit(engine: Engine, tmp_path: Path) -> None:
    """A power cut may leave any part of what was written after the last sync."""
    log = Path(f"{engine.path}-wal")
    sizes = [log.stat().st_size]
    for number in range(1, 6):
        engine.write(accepted(engine, message(number)), 0.0)
        sizes.append(log.stat().st_size)
    for commit, (whole, following) in enumerate(zip(sizes, [*sizes[1:], sizes[-1]], strict=True)):
        for octets in {whole, (whole + following) // 2, max(whole, following - 1)}:
            if octets == following and whole != following:
                continue
            recovered = Engine(crash(engine, tmp_path / f"{commit}-{octets}", octets))
            assert sorted(message_rows(recovered)) == list(range(1, commit + 1))
            recovered.close()


# ---------------------------------------------------------------- a disk that refuses


@pytest.mark.parametrize(
    "statement", ["BEGIN", rows.INSERT_JOURNAL, rows.INSERT_MESSAGE, rows.INSERT_LEDGER, "COMMIT"]
)
def test_a_failed_write_leaves_nothing_and_the_next_succeeds(
    engine: Engine, tmp_path: Path, statement: str
) -> None:
    old = message(1)
    engine.write(accepted(engine, old), 0.0)
    before = rows.message_image(old)
    connection = wrap(engine)
    connection.fail_at = statement
    old.state = State.SENT
    batch = touched(old)
    batch.spilled = [message(2)]
    batch.ledger[("account", "agg1")] = [1] * 8
    with pytest.raises(sqlite3.OperationalError, match=FULL):
        engine.write(batch, 0.1)
    recovered = reopened(engine, tmp_path, "failed")
    assert message_rows(recovered) == {1: before}
    assert recovered.select("SELECT * FROM ledger") == []
    recovered.close()
    connection.fail_at = None
    engine.write(batch, 0.2)
    recovered = reopened(engine, tmp_path, "written")
    assert message_rows(recovered) == {
        1: rows.message_image(old),
        2: rows.message_image(batch.spilled[0]),
    }
    recovered.close()


def test_a_failure_while_rows_follow_keeps_them_in_the_journal(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SLICE", 2)
    engine.write(accepted(engine, *map(message, range(1, 7))), 0.0)
    connection = wrap(engine)
    for turn, statement in enumerate((rows.INSERT_MESSAGE, "COMMIT", "DELETE FROM journal")):
        connection.fail_at = statement
        with pytest.raises(sqlite3.OperationalError):
            engine.write(Batch(), 1.0)
        connection.fail_at = None
        assert engine.behind == 6 - 2 * turn
        recovered = reopened(engine, tmp_path, f"turn{turn}")
        assert sorted(message_rows(recovered)) == [1, 2, 3, 4, 5, 6]
        recovered.close()
        engine.write(Batch(), 1.0)
    assert sorted(message_rows(engine)) == [1, 2, 3, 4, 5, 6]
    assert journal_length(engine) == 0


def test_a_really_full_database(engine: Engine, tmp_path: Path) -> None:
    """SQLite itself says that it is full, and rolls back by itself."""
    engine.write(accepted(engine, message(1)), 0.0)
    ((pages,),) = engine.select("PRAGMA page_count")
    engine.select(f"PRAGMA max_page_count = {pages}")
    big = [message(number, body=b"x" * 3_000) for number in range(2, 40)]
    with pytest.raises(sqlite3.OperationalError, match=FULL):
        engine.write(accepted(engine, *big), 0.1)
    for one in big:
        del engine.live[one.id]
    recovered = reopened(engine, tmp_path, "full")
    assert sorted(message_rows(recovered)) == [1]
    recovered.close()
    engine.select("PRAGMA max_page_count = 1073741823")
    engine.write(accepted(engine, *big), 0.2)
    engine.flush()
    assert sorted(message_rows(engine)) == list(range(1, 40))


def test_the_file_name_is_what_operators_are_told(engine: Engine) -> None:
    assert engine.path.name == FILE_NAME == "smppgw.db"
