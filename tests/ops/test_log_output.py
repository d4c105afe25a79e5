"""Files that are rotated, disks that are full, pipes that nobody reads: no line is lost unsaid."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.ops.log import output
from smppgw.ops.log.output import Descriptor, File


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gw.log"


@pytest.fixture
def file(path: Path) -> Iterator[File]:
    found = File(path)
    yield found
    found.close()


def test_lines_are_appended(path: Path) -> None:
    path.write_text("before\n")
    found = File(path)
    assert found.write(b"one\n")
    assert found.write(b"two\n")
    found.close()
    assert path.read_text() == "before\none\ntwo\n"


def test_a_new_file_is_not_for_everybody(file: File, path: Path) -> None:
    assert path.stat().st_mode & 0o007 == 0


def test_a_renamed_file_stays_and_a_new_one_begins(file: File, path: Path) -> None:
    file.write(b"one\n")
    old = path.rename(path.with_suffix(".1"))
    assert file.write(b"two\n")
    assert (old.read_text(), path.read_text()) == ("one\n", "two\n")


def test_a_removed_file_begins_anew(file: File, path: Path) -> None:
    file.write(b"one\n")
    path.unlink()
    assert file.write(b"two\n")
    assert path.read_text() == "two\n"


def test_a_file_that_was_copied_and_emptied_goes_on_at_its_beginning(
    file: File, path: Path
) -> None:
    file.write(b"one\n")
    os.truncate(path, 0)
    file.write(b"two\n")
    assert path.read_text() == "two\n"


def test_a_file_that_another_has_put_in_its_place(file: File, path: Path) -> None:
    path.rename(path.with_suffix(".1"))
    path.write_text("made by logrotate\n")
    file.write(b"one\n")
    assert path.read_text() == "made by logrotate\none\n"


def test_it_opens_again_when_asked(file: File, path: Path) -> None:
    path.rename(path.with_suffix(".1"))
    file.reopen()
    assert path.exists()


def test_a_renamed_file_goes_on_while_no_new_one_can_be_made(
    file: File, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = path.rename(path.with_suffix(".1"))
    with monkeypatch.context() as patched:
        patched.setattr(output.os, "open", refusing(errno.EACCES))
        assert file.write(b"one\n")
        file.reopen()
        assert file.write(b"two\n")
    assert file.write(b"three\n")
    assert (old.read_text(), path.read_text()) == ("one\ntwo\n", "three\n")


def test_a_line_for_a_file_that_is_no_more_is_refused(
    file: File, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(output.os, "open", refusing(errno.EACCES))
        assert not file.write(b"one\n")
        assert file.trouble == "Permission denied"
        with pytest.raises(OSError, match="Permission"):
            file.reopen()
    assert file.write(b"two\n")
    assert path.read_text() == "two\n"


def test_a_name_that_cannot_be_looked_up_stops_nothing(
    file: File, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(output.os, "stat", refusing(errno.EACCES))
        assert file.write(b"one\n")
    assert path.read_text() == "one\n"


def test_a_file_that_cannot_be_opened_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        File(tmp_path / "nowhere" / "gw.log")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="No such device"):  # it would wait for a reader
        File(tmp_path / "fifo")


def test_a_full_disk_refuses_and_never_raises() -> None:
    full = File(Path("/dev/full"))
    assert not full.write(b"one\n")
    assert full.trouble == "No space left on device"
    full.close()


class Disk:
    """Takes so many octets more, and no line at once."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.real = os.write

    def write(self, descriptor: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self.real(descriptor, data[: min(self.room, 3)])
        self.room -= taken
        return taken


def test_half_a_line_is_completed_before_the_next(
    file: File, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(6)
    monkeypatch.setattr(output.os, "write", disk.write)
    assert file.write(b"first line\n")  # begun: its end is kept
    assert not file.write(b"second line\n")
    assert path.read_text() == "first "
    disk.room = 1000
    assert file.write(b"third line\n")
    assert path.read_text() == "first line\nthird line\n"


def test_half_a_line_ends_in_the_file_where_it_began(
    file: File, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(6)
    monkeypatch.setattr(output.os, "write", disk.write)
    file.write(b"first line\n")
    old = path.rename(path.with_suffix(".1"))
    disk.room = 1000
    monkeypatch.setattr(output.os, "write", disk.real)
    assert file.write(b"second line\n")
    assert old.read_text() == "first line\n"
    assert path.read_text() == "second line\n"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=30))
def test_what_was_taken_is_there_whole_and_in_order(steps: list[tuple[int, int]]) -> None:
    """However much room comes, the file is the lines that were taken, the last perhaps cut."""
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    wrote = bytearray()
    room = 0

    def take(descriptor: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "full")
        taken = min(room, len(data))
        room -= taken
        wrote.extend(data[:taken])
        return taken

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(output.os, "write", take)
        found = File(Path(os.devnull))
        expected = b""
        for number, (more, length) in enumerate(steps):
            room += more
            line = f"{number}{'x' * length}\n".encode()
            if found.write(line):
                expected += line
            assert expected.startswith(wrote)
            assert len(expected) - len(wrote) <= 34
        room = 1000
        assert found.write(b"end\n")
        assert bytes(wrote) == expected + b"end\n"
        found.close()


def refusing(number: int):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


# ---------------------------------------------------------------------- standard error


def test_a_pipe_takes_lines_until_it_is_full_and_never_waits() -> None:
    read, write = os.pipe()
    pipe = Descriptor(write)
    line = b"x" * 4000 + b"\n"
    taken = 0
    while pipe.write(line):
        taken += 1
    assert taken
    assert pipe.trouble == "nobody reads it"
    assert len(os.read(read, 65_536)) > 4000
    assert pipe.write(b"again\n")
    os.close(read)
    assert not pipe.write(b"broken\n")
    assert pipe.trouble == "Broken pipe"
    os.close(write)
    assert not pipe.write(b"closed\n")
    assert pipe.trouble == "Bad file descriptor"


def test_what_is_not_ours_is_not_closed() -> None:
    read, write = os.pipe()
    pipe = Descriptor(write)
    pipe.reopen()
    pipe.close()
    assert os.write(write, b"x") == 1
    os.close(read)
    os.close(write)
