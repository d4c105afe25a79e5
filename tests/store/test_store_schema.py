"""Opening: what is refused, and that a refused file stays as it is."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from store_kit import accepted, crash, message, message_rows

from smppgw.core.gathering import OF_A_LEADER, WAITING
from smppgw.core.parts import OF_A_WHOLE
from smppgw.core.store import schema
from smppgw.core.store.engine import FILE_NAME, Engine
from smppgw.core.store.schema import APPLICATION_ID, VERSION, SchemaError


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A closed store with 500 messages; the path of its file."""
    directory = tmp_path / "used"
    engine = Engine(directory)
    engine.write(accepted(engine, *(message(number) for number in range(1, 501))))
    engine.flush()
    engine.close()
    return directory / FILE_NAME


def contents(directory: Path) -> dict[str, bytes]:
    """Every file that holds data."""
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if path.name.startswith(FILE_NAME) and not path.name.endswith("-shm")
    }


def refused(directory: Path) -> str:
    """Why a directory is refused; asserts that its data is untouched and its lock free."""
    before = contents(directory)
    with pytest.raises(SchemaError) as caught:
        Engine(directory)
    after = contents(directory)
    # Reading a database may leave an empty log beside it.
    assert {name: data for name, data in after.items() if data or name in before} == before
    with pytest.raises(SchemaError):
        Engine(directory)
    return str(caught.value)


def test_a_closed_store_opens_again(used: Path) -> None:
    engine = Engine(used.parent)
    assert len(message_rows(engine)) == 500
    engine.close()


def test_a_newer_schema_is_refused(used: Path) -> None:
    connection = sqlite3.connect(used)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    told = refused(used.parent)
    assert "newer smppgw" in told
    assert f"schema {VERSION + 1}" in told
    assert str(used) in told


def test_a_newer_schema_in_the_log_of_a_crash_is_refused(used: Path, tmp_path: Path) -> None:
    engine = Engine(used.parent)
    engine.write(accepted(engine, message(501)))
    engine.select(f"PRAGMA user_version = {VERSION + 5}")
    crashed = crash(engine, tmp_path / "crashed")
    engine.close()
    assert "newer smppgw" in refused(crashed)


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE guests (name TEXT)")
    connection.execute("INSERT INTO guests VALUES ('Ada')")
    connection.commit()
    connection.close()
    assert "another program" in refused(tmp_path)


def zero_header(data: bytearray) -> None:
    data[:100] = bytes(100)


def wrong_magic(data: bytearray) -> None:
    data[:6] = b"SQLent"


def text_file(data: bytearray) -> None:
    data[:] = b"This is not a database.\n" * 200


def truncated(data: bytearray) -> None:
    del data[len(data) // 2 :]


def cut_in_a_page(data: bytearray) -> None:
    del data[-1000:]


def garbage_middle(data: bytearray) -> None:
    middle = data.rindex(b"body of 250") // 4096 * 4096
    data[middle : middle + 4096] = b"\xa5" * 4096


def garbage_schema(data: bytearray) -> None:
    data[100:4096] = b"\xff" * 3996


@pytest.mark.parametrize(
    "damage",
    [
        zero_header,
        wrong_magic,
        text_file,
        truncated,
        cut_in_a_page,
        garbage_middle,
        garbage_schema,
    ],
)
def test_a_damaged_file_is_refused(used: Path, damage: Callable[[bytearray], None]) -> None:
    data = bytearray(used.read_bytes())
    damage(data)
    used.write_bytes(data)
    told = refused(used.parent)
    assert str(used) in told
    assert "damaged" in told
    assert "backup" in told


def test_a_repaired_file_opens_after_a_refusal(used: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copyfile(used, whole)
    used.write_bytes(b"x" * 5_000)
    refused(used.parent)
    shutil.copyfile(whole, used)
    engine = Engine(used.parent)
    assert len(message_rows(engine)) == 500
    engine.close()


def test_a_large_file_is_not_read_whole(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting must not take longer the more is stored; damage then shows when it is met."""
    data = bytearray(used.read_bytes())
    garbage_middle(data)
    used.write_bytes(data)
    monkeypatch.setattr(schema, "CHECKED_OCTETS", 4096)
    Engine(used.parent).close()


# ---------------------------------------------------------------- migrations


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return names


def pragma(path: Path, name: str) -> int:
    connection = sqlite3.connect(path)
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    connection.close()
    return int(value)


def test_an_empty_directory_gets_the_newest_schema(tmp_path: Path) -> None:
    Engine(tmp_path).close()
    path = tmp_path / FILE_NAME
    assert pragma(path, "user_version") == VERSION
    assert pragma(path, "application_id") == APPLICATION_ID
    assert {"message", "delivery", "orphan", "ledger", "learned"} <= tables(path)


def test_an_empty_file_is_a_start_that_was_cut_short(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    Engine(tmp_path).close()
    assert pragma(tmp_path / FILE_NAME, "user_version") == VERSION


def test_each_step_leads_to_the_next_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Engine(tmp_path).close()
    steps = (*schema.MIGRATIONS, "CREATE TABLE later (x INTEGER);", "DROP TABLE learned;")
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    monkeypatch.setattr(schema, "VERSION", len(steps))
    Engine(tmp_path).close()
    path = tmp_path / FILE_NAME
    assert pragma(path, "user_version") == VERSION + 2
    assert "later" in tables(path)
    assert "learned" not in tables(path)


def test_a_step_that_fails_leaves_the_version_before_it(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = (*schema.MIGRATIONS, "CREATE TABLE later (x INTEGER); CREATE TABLE message (y TEXT);")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", steps)
        patch.setattr(schema, "VERSION", len(steps))
        with pytest.raises(sqlite3.OperationalError, match="message already exists"):
            Engine(used.parent)
    assert pragma(used, "user_version") == VERSION
    assert "later" not in tables(used)
    engine = Engine(used.parent)
    assert len(message_rows(engine)) == 500
    engine.close()


def test_the_indexes_that_queues_need_are_used(used: Path) -> None:
    """What must not grow with the history is looked up by a partial index."""
    engine = Engine(used.parent)
    engine.pending("a", "1", 1)
    queue = "carrier = 'a' AND priority = 1 AND position > 5 AND state = 20 ORDER BY position"
    for where, index in {
        queue: "waiting",
        "state = 21 AND due <= 5 ORDER BY due, id": "deferred",
        "state = 22 ORDER BY position": "in_flight",
        "carrier = 'a' AND remote_key = 'k' AND state IN (6, 7, 23) ORDER BY id": "answered",
        "destination = '1' AND account = 'a' AND state IN (20, 21)": "pending",
        "state IN (20, 21) AND expires <= 5 ORDER BY expires": "expiring",
        OF_A_WHOLE.replace("?", "5"): "part",
        OF_A_LEADER.replace("?", "5"): "joined",
        WAITING: "in_parts",
    }.items():
        sql = f"EXPLAIN QUERY PLAN SELECT id FROM message WHERE {where} LIMIT 5"  # noqa: S608
        plan = engine.select(sql)
        assert f"message_{index}" in str(plan), plan
    engine.close()
