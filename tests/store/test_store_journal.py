"""The journal files: what is read back, what a crash may tear, and what is damage."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.store import journal as journal_module
from smppgw.core.store.journal import FILES, HEADER, Journal, JournalDamaged


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path)
    made.empty()
    yield made
    made.close()


def read(directory: Path) -> list[bytes]:
    opened = Journal(directory)
    try:
        return list(opened.read())
    finally:
        opened.close()


def change(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_new_files_are_empty_whole_and_private(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    for name in FILES:
        assert (tmp_path / name).stat().st_size == journal_module.PREPARED
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert read(tmp_path) == []


def test_records_come_back_in_order(journal: Journal, tmp_path: Path) -> None:
    payloads = [b"%d" % number * (number + 1) for number in range(50)]
    for payload in payloads:
        journal.append(payload)
    assert read(tmp_path) == payloads


def test_records_of_both_files_come_back_in_order(journal: Journal, tmp_path: Path) -> None:
    journal.append(b"one")
    journal.turn()
    journal.append(b"two")
    assert not journal.complete
    assert read(tmp_path) == [b"one", b"two"]
    journal.release()
    assert not journal.complete
    assert read(tmp_path) == [b"one", b"two"], "nobody said so yet"
    journal.append(b"three")
    assert journal.complete
    assert read(tmp_path) == [b"two", b"three"]
    journal.turn()
    journal.append(b"four")
    assert read(tmp_path) == [b"two", b"three", b"four"]


def test_older_records_behind_the_end_are_not_read(journal: Journal, tmp_path: Path) -> None:
    for _ in range(20):
        journal.append(b"old" * 10)
    for _ in range(2):
        journal.turn()
        journal.release()
        journal.append(b"new" * 10)
    assert read(tmp_path) == [b"new" * 10]


def test_an_emptied_journal_stays_empty(journal: Journal, tmp_path: Path) -> None:
    for _ in range(3):
        journal.append(b"x")
        journal.turn()
        journal.append(b"y")
        journal.empty()
        assert read(tmp_path) == []


def test_a_restart_without_new_records_leads_to_newer_generations(tmp_path: Path) -> None:
    """Old records behind the end must never look new, however short the lives are."""
    for life in range(6):
        journal = Journal(tmp_path)
        found = list(journal.read())
        assert found == ([b"life %d" % (life - 1)] if life % 2 else [])
        journal.empty()
        if life % 2 == 0:
            journal.append(b"life %d" % life)
        journal.close()


def test_a_record_larger_than_the_file_makes_it_longer(journal: Journal, tmp_path: Path) -> None:
    big = os.urandom(3 * journal_module.PREPARED)
    journal.append(b"small")
    journal.append(big)
    assert read(tmp_path) == [b"small", big]


def test_files_cut_short_while_they_were_made(tmp_path: Path) -> None:
    (tmp_path / FILES[0]).write_bytes(b"")
    (tmp_path / FILES[1]).write_bytes(bytes(100))
    assert read(tmp_path) == []


# ---------------------------------------------------------------- torn ends


@given(
    payloads=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6),
    kept=st.integers(0, 100),
    rest=st.sampled_from([b"\0", b"\xff", b"\xa5"]),
)
def test_a_torn_last_record_is_not_there(payloads: list[bytes], kept: int, rest: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        journal = Journal(directory)
        journal.empty()
        at = 0
        for payload in payloads[:-1]:
            journal.append(payload)
            at += HEADER.size + len(payload)
        journal.append(payloads[-1])
        journal.close()
        size = HEADER.size + len(payloads[-1])
        whole = (directory / FILES[0]).read_bytes()
        torn = whole[at : at + min(kept, size)].ljust(size, rest)
        change(directory / FILES[0], at, torn)
        complete = torn == whole[at : at + size]
        assert read(directory) == (payloads if complete else payloads[:-1])


def test_a_refused_record_is_written_over(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes a part of it; the next one stands in its place."""
    journal.append(b"first")
    real = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(
            journal_module.os, "pwrite", lambda fd, data, at: real(fd, data[: len(data) // 2], at)
        )
        with pytest.raises(OSError, match="disk"):
            journal.append(b"second" * 40)
    assert read(tmp_path) == [b"first"]
    journal.append(b"third")
    assert read(tmp_path) == [b"first", b"third"]


def test_what_is_left_behind_the_end_is_not_a_record(journal: Journal, tmp_path: Path) -> None:
    """A record written over by a shorter one, so that an older one begins where that ends."""
    lives = []
    for text in (b"one", b"two"):
        journal.append(b"first")
        journal.append(text)
        lives.append((tmp_path / FILES[journal.current]).read_bytes())
        journal.empty()
    size = HEADER.size + len(b"first")
    journal.append(b"third")
    for life in lives:
        change(tmp_path / FILES[0], size, life[size : 2 * size])
        assert read(tmp_path) == [b"third"]


# ---------------------------------------------------------------- damage


def flip(data: bytes) -> bytes:
    return bytes(octet ^ 0xFF for octet in data)


@pytest.mark.parametrize("what", ["payload", "checksum"])
def test_a_bad_record_that_others_follow_is_damage(
    journal: Journal, tmp_path: Path, what: str
) -> None:
    for number in range(5):
        journal.append(b"record %d" % number)
    size = HEADER.size + len(b"record 0")
    at = 2 * size + (HEADER.size if what == "payload" else HEADER.size - 4)
    path = tmp_path / FILES[0]
    change(path, at, flip(path.read_bytes()[at : at + 4]))
    with pytest.raises(JournalDamaged) as caught:
        read(tmp_path)
    told = str(caught.value)
    assert str(path) in told
    assert f"octet {2 * size}" in told
    assert "backup" in told


def test_reading_changes_nothing(journal: Journal, tmp_path: Path) -> None:
    for number in range(5):
        journal.append(b"record %d" % number)
    before = [(tmp_path / name).read_bytes() for name in FILES]
    change(tmp_path / FILES[0], HEADER.size, b"\0")
    before[0] = (tmp_path / FILES[0]).read_bytes()
    with pytest.raises(JournalDamaged):
        read(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in FILES] == before


@pytest.mark.parametrize("written", [[], [1], [2], [3], [1, 3], [2, 3], [0, 2], [1, 2, 3]])
def test_a_power_cut_in_the_first_record_of_a_file_is_no_damage(
    journal: Journal, tmp_path: Path, written: list[int]
) -> None:
    """The pages of a record that was never synced may reach the disk in any order.

    The file still begins with records that were given up; some of them are written over.
    """
    for number in range(10):
        journal.append(b"given up %3d" % number * 1_000)
    journal.turn()
    journal.append(b"needs both")
    journal.release()
    journal.append(b"needs only this")
    assert journal.complete
    before = (tmp_path / FILES[0]).read_bytes()
    journal.turn()
    journal.append(os.urandom(4 * 4096 - 200))
    after = (tmp_path / FILES[0]).read_bytes()
    torn = bytearray(before)
    for page in written:
        torn[page * 4096 : (page + 1) * 4096] = after[page * 4096 : (page + 1) * 4096]
    (tmp_path / FILES[0]).write_bytes(torn)
    assert read(tmp_path) == [b"needs both", b"needs only this"]


@pytest.mark.parametrize("file", [0, 1])
@pytest.mark.parametrize("record", [0, 1, 3])
def test_damage_in_any_file_that_is_needed_is_told(
    journal: Journal, tmp_path: Path, file: int, record: int
) -> None:
    size = HEADER.size + len(b"file 0 record 0")
    for number in range(5):
        journal.append(b"file 0 record %d" % number)
    journal.turn()
    for number in range(5):
        journal.append(b"file 1 record %d" % number)
    change(tmp_path / FILES[file], record * size + HEADER.size, b"\0\0\0\0")
    with pytest.raises(JournalDamaged, match=f"octet {record * size}"):
        read(tmp_path)


def test_damage_in_a_file_that_is_not_needed_is_nothing(journal: Journal, tmp_path: Path) -> None:
    for number in range(5):
        journal.append(b"file 0 record %d" % number)
    journal.turn()
    journal.release()
    journal.append(b"alone")
    change(tmp_path / FILES[0], 3 * HEADER.size, b"\0" * 100)
    assert read(tmp_path) == [b"alone"]


def failing(call: Callable[[], object]) -> bool:
    try:
        call()
    except OSError:
        return True
    return False


def test_a_write_that_fails_at_once_changes_nothing(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(b"first")

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "pwrite", refuse)
        assert failing(lambda: journal.append(b"second"))
    journal.append(b"third")
    assert read(tmp_path) == [b"first", b"third"]


# ---------------------------------------------------------------- files that were taken away


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("left", [None, 0, 10])
def test_a_file_that_was_there_and_is_gone_is_told(
    journal: Journal, tmp_path: Path, name: str, left: int | None
) -> None:
    journal.append(b"first")
    path = tmp_path / name
    if left is None:
        path.unlink()
    else:
        with path.open("r+b") as file:
            file.truncate(left)
    with pytest.raises(JournalDamaged, match=name):
        Journal(tmp_path, expected=True)


def test_a_needed_file_without_records_is_told(journal: Journal, tmp_path: Path) -> None:
    journal.append(b"first")
    journal.turn()
    journal.append(b"second")
    path = tmp_path / FILES[0]
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(JournalDamaged, match="lost its records"):
        read(tmp_path)


def test_a_changed_generation_at_the_start_is_told(journal: Journal, tmp_path: Path) -> None:
    for number in range(5):
        journal.append(b"record %d" % number)
    path = tmp_path / FILES[0]
    change(path, 3, flip(path.read_bytes()[3:4]))
    with pytest.raises(JournalDamaged, match="octet 0"):
        read(tmp_path)


def test_two_files_of_zeros_are_a_journal_that_was_given_up(
    journal: Journal, tmp_path: Path
) -> None:
    journal.append(b"first")
    for name in FILES:
        path = tmp_path / name
        path.write_bytes(bytes(path.stat().st_size))
    opened = Journal(tmp_path, expected=True)
    assert list(opened.read()) == []
    opened.close()
