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
    assert read(tmp_path) == [b"one", b"two"]
    journal.turn()
    assert read(tmp_path) == [b"one", b"two"], "a turn gives up nothing before it writes"
    journal.append(b"three")
    assert read(tmp_path) == [b"two", b"three"]


def test_older_records_behind_the_end_are_not_read(journal: Journal, tmp_path: Path) -> None:
    for _ in range(20):
        journal.append(b"old" * 10)
    journal.turn()
    journal.turn()
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


def test_a_text_of_a_peer_cannot_pose_as_a_record(journal: Journal, tmp_path: Path) -> None:
    """What is left of an older record begins where the newest one ends, at any octet of it."""
    generation, number = journal._generation, 3
    forged = b"forged"
    header = HEADER.pack(
        generation, number, len(forged), journal_module._checksum(generation, number, forged)
    )
    journal.append(b"first")
    at = journal._at
    # A record of which the disk took a part, with the forged one in the text of a message.
    change(tmp_path / FILES[0], at, bytes(HEADER.size + 8) + header + forged)
    journal.append(b"8 octets")
    assert read(tmp_path) == [b"first", b"8 octets"]


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


@pytest.mark.parametrize("written", [[1], [2], [1, 3], [2, 3], [0, 2]])
def test_a_power_cut_in_the_first_record_of_a_file_is_no_damage(
    journal: Journal, tmp_path: Path, written: list[int]
) -> None:
    """The pages of a record that was never synced may reach the disk in any order.

    The file still begins with records that were given up; some of them are written over.
    """
    for number in range(10):
        journal.append(b"given up %3d" % number * 1_000)
    journal.turn()
    journal.append(b"kept")
    before = (tmp_path / FILES[0]).read_bytes()
    journal.turn()
    journal.append(os.urandom(4 * 4096 - 200))
    after = (tmp_path / FILES[0]).read_bytes()
    torn = bytearray(before)
    for page in written:
        torn[page * 4096 : (page + 1) * 4096] = after[page * 4096 : (page + 1) * 4096]
    (tmp_path / FILES[0]).write_bytes(torn)
    if 0 in written:
        assert read(tmp_path) == [b"kept"]
    else:
        assert read(tmp_path)[-1] == b"kept"


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
