"""The audit file: lines that last, whatever is in them, and what is read back."""

from __future__ import annotations

import json
import os
import stat
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from smppgw.ops import audit_file
from smppgw.ops.audit_file import (
    BEGUN,
    MAX_LINE,
    MAX_TEXT,
    AuditFile,
    Entry,
    Outcome,
    decode,
    encode,
    newest,
)

ENTRY = Entry(
    time="2026-11-20T16:00:00.000Z",
    event="command",
    operator="ops",
    role="admin",
    source="127.0.0.1",
    session=7,
    command="show links | grep fr-a",
    result="ok",
    ms=1.5,
)

KEYS = {"time", "event", "operator", "role", "from", "session", "command", "result", "ms", "id"}


def entry(number: int, **more: Any) -> Entry:
    return evolve(ENTRY, command=f"command {number}", **more)


def everything(path: Path, limit: int = 10**9, **more: Any) -> list[Entry]:
    return newest(path, limit, lambda _: True, **more).entries


@pytest.fixture
def file(tmp_path: Path) -> AuditFile:
    return AuditFile(tmp_path / "audit.log")


def add(file: AuditFile, *entries: Entry, sync: bool = False) -> Outcome:
    return file.append([encode(one) for one in entries], sync)


class TestForm:
    def test_one_line_of_json(self) -> None:
        line = encode(ENTRY)
        assert line.endswith(b"\n")
        assert json.loads(line) == {
            "time": "2026-11-20T16:00:00.000Z",
            "event": "command",
            "operator": "ops",
            "role": "admin",
            "from": "127.0.0.1",
            "session": 7,
            "command": "show links | grep fr-a",
            "result": "ok",
            "ms": 1.5,
        }

    def test_what_says_nothing_is_left_out(self) -> None:
        assert json.loads(encode(Entry(time="t", event="lost", result="3"))) == {
            "time": "t",
            "event": "lost",
            "result": "3",
        }
        assert json.loads(encode(Entry(time="t", event="command", ms=0.0)))["ms"] == 0

    def test_there_and_back(self) -> None:
        assert decode(encode(ENTRY)) == ENTRY

    def test_a_long_text_is_cut(self) -> None:
        found = decode(encode(evolve(ENTRY, command="\U0010ffff" * 100_000)))
        assert found is not None
        assert found.command == "\U0010ffff" * (MAX_TEXT - 1) + "…"

    def test_the_longest_line_can_be_read(self) -> None:
        long = "\U0010ffff" * 100_000
        assert len(encode(evolve(ENTRY, command=long, result=long))) < MAX_LINE

    HOSTILE = st.text(st.characters()) | st.text(st.sampled_from('\n\r\0\x1b\u2028"\\{}\udcff'))

    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_whatever_is_typed_is_one_line_that_steers_no_terminal(
        self, command: str, result: str, operator: str
    ) -> None:
        line = encode(evolve(ENTRY, command=command, result=result, operator=operator))
        assert all(0x20 <= octet < 0x7F for octet in line[:-1])
        assert line[-1:] == b"\n"
        found = decode(line)
        assert found is not None
        for said, read in ((command, found.command), (result, found.result)):
            # A pair of surrogates comes back as the character it stands for.
            assert said.encode("utf-16", "surrogatepass") == read.encode("utf-16", "surrogatepass")

    @given(st.binary())
    def test_octets_that_are_no_utf_8_come_back(self, octets: bytes) -> None:
        found = decode(encode(evolve(ENTRY, command=octets.decode("utf-8", "surrogateescape"))))
        assert found is not None
        assert found.command.encode("utf-8", "surrogateescape") == octets

    @given(
        st.binary()
        | st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(KEYS)), inner),
        ).map(lambda value: json.dumps(value).encode())
    )
    def test_no_line_breaks_the_reader(self, line: bytes) -> None:
        found = decode(line)
        assert found is None or isinstance(found, Entry)
        if found is not None:
            encode(found)

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"[]",
            b"1",
            b"{}",
            b'{"time":"t","event":5}',
            b'{"time":"t","event":"e","session":"1"}',
            b'{"time":"t","event":"e","session":true}',
            b'{"time":"t","event":"e","ms":NaN}',
            b'{"time":"t","event":"e","ms":1e999}',
            b'{"time":"t","event":"e","session":' + b"9" * 5000 + b"}",
            b"[" * 100_000,
        ],
    )
    def test_what_is_no_entry(self, line: bytes) -> None:
        assert decode(line) is None


class TestWriting:
    def test_it_is_made_for_its_owner_alone(self, file: AuditFile) -> None:
        assert add(file, ENTRY) == Outcome(1, False)
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600

    def test_lines_are_added(self, file: AuditFile, tmp_path: Path) -> None:
        add(file, entry(1), entry(2))
        file.close()
        again = AuditFile(file.path)
        assert add(again, entry(3), sync=True) == Outcome(1, True)
        assert everything(file.path) == [entry(3), entry(2), entry(1)]

    def test_only_what_has_to_be_is_synced(
        self, file: AuditFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(file, ENTRY)  # which makes the file: its name has to last
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", synced.append)
        add(file, ENTRY)
        assert synced == []
        add(file, ENTRY, sync=True)
        assert len(synced) == 1

    def test_after_a_rotation_the_new_file_is_written(self, file: AuditFile) -> None:
        add(file, entry(1))
        old = file.path.rename(file.path.with_suffix(".log.1"))
        add(file, entry(2))
        file.path.unlink()
        add(file, entry(3))
        assert everything(old) == [entry(1)]
        assert everything(file.path) == [entry(3)]
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600

    def test_a_file_that_was_emptied_is_written_from_its_beginning(self, file: AuditFile) -> None:
        add(file, entry(1))
        os.truncate(file.path, 0)
        add(file, entry(2))
        assert file.path.read_bytes() == encode(entry(2))

    @pytest.mark.parametrize("left", range(1, 8))
    def test_a_torn_line_is_closed(self, file: AuditFile, left: int) -> None:
        add(file, entry(1), entry(2))
        file.close()
        os.truncate(file.path, file.path.stat().st_size - left)
        assert everything(file.path) == [entry(1)]
        add(file, entry(3))
        add(file, entry(4))
        whole = [entry(2)] if left == 1 else []  # only its line end was missing
        assert everything(file.path) == [entry(4), entry(3), *whole, entry(1)]
        assert file.path.read_bytes().count(b"\n") == 4

    @pytest.mark.parametrize("room", [0, 1, 50, 200, 400])
    def test_a_full_disk_takes_some_and_the_rest_comes_later(
        self, file: AuditFile, monkeypatch: pytest.MonkeyPatch, room: int
    ) -> None:
        disk = Disk(room)
        monkeypatch.setattr(os, "write", disk.write)
        entries = [entry(number) for number in range(5)]
        outcome = add(file, *entries)
        assert outcome.written == min(room // len(encode(ENTRY)), 5)
        assert outcome.trouble == "No space left on device"
        disk.room = 10**9
        assert add(file, *entries[outcome.written :]) == Outcome(5 - outcome.written, False)
        assert everything(file.path) == entries[::-1]

    def test_a_disk_that_does_not_sync(
        self, file: AuditFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(file, ENTRY)

        def fails(_: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", fails)
        assert add(file, ENTRY, sync=True) == Outcome(1, False, "Input/output error")

    def test_what_is_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        os.mkfifo(tmp_path / "pipe")
        for name in ("folder", "link", "pipe", "missing/audit.log"):
            outcome = add(AuditFile(tmp_path / name), ENTRY)
            assert outcome.written == 0
            assert outcome.trouble
        assert not (tmp_path / "elsewhere").exists()

    def test_descriptors_do_not_leak(self, file: AuditFile, tmp_path: Path) -> None:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            add(file, ENTRY)
            file.path.rename(tmp_path / "old")
            add(AuditFile(tmp_path), ENTRY)
        file.close()
        assert len(os.listdir("/proc/self/fd")) == before


ROOM = 3 * len(encode(entry(100)))
"""Octets of a file: three entries, or two and a part of one."""


class TestFull:
    def test_a_full_file_gets_a_number_and_a_new_one_begins(self, tmp_path: Path) -> None:
        file = AuditFile(tmp_path / "audit.log", ROOM, 2)
        entries = [entry(number) for number in range(100, 110)]
        news = [line for one in entries for line in add(file, one).news]
        names = sorted(one.name for one in tmp_path.iterdir())
        assert names == ["audit.log", "audit.log.000002", "audit.log.000003"]
        assert news == [
            "it was full, and is audit.log.000001 now",
            "it was full, and is audit.log.000002 now",
            "it was full, and is audit.log.000003 now",
            "audit.log.000001 was too old, and is removed",
        ]
        for one in tmp_path.iterdir():
            assert one.stat().st_size <= ROOM
            assert stat.S_IMODE(one.stat().st_mode) == 0o600
        assert everything(file.path) == entries[:2:-1]

    def test_what_is_written_at_once_stays_together(self, tmp_path: Path) -> None:
        file = AuditFile(tmp_path / "audit.log", ROOM, 2)
        entries = [entry(number) for number in range(10)]
        assert add(file, *entries).news == ()  # more than a file has: nothing is before it
        assert add(file, ENTRY).news == ("it was full, and is audit.log.000001 now",)
        assert everything(file.path) == [ENTRY, *entries[::-1]]

    def test_a_new_process_goes_on_counting_and_removes_what_is_too_much(
        self, tmp_path: Path
    ) -> None:
        others = ["audit.log.1", "audit.log.2.gz", "audit.log.00001x", "history"]
        for name in (*others, *(f"audit.log.{number:06}" for number in (1, 5, 999_999))):
            (tmp_path / name).write_bytes(encode(entry(0)))
        file = AuditFile(tmp_path / "audit.log", ROOM, 2)
        for number in range(4):
            add(file, entry(number))
        assert sorted(one.name for one in tmp_path.iterdir()) == sorted(
            ["audit.log", "audit.log.1000000", "audit.log.999999", *others]
        )

    def test_never(self, file: AuditFile, tmp_path: Path) -> None:
        for number in range(50):
            add(file, entry(number))
        assert list(tmp_path.iterdir()) == [file.path]

    def test_a_file_that_cannot_be_renamed_goes_on_and_that_is_said_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = AuditFile(tmp_path / "audit.log", ROOM, 2)

        def fails(self: Path, name: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", fails)
            outcomes = [add(file, entry(number)) for number in range(9)]
        assert [one.written for one in outcomes] == [1] * 9
        (news,) = [line for one in outcomes for line in one.news]
        assert news.startswith("it is full and goes on: ")
        assert news.endswith("audit.log.000001 (Operation not permitted)")
        assert add(file, entry(9)).news == ("it was full, and is audit.log.000001 now",)
        assert len(everything(file.path)) == 10

    @pytest.mark.parametrize("reason", [1, 13, 24])
    def test_a_directory_that_cannot_be_read_costs_no_full_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
    ) -> None:
        file = AuditFile(tmp_path / "audit.log", ROOM, 5)
        for number in range(6):
            add(file, entry(number))

        def fails(path: object) -> None:
            raise OSError(reason, "it is so")

        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", fails)
            outcomes = [add(file, entry(number)) for number in range(6, 12)]
        assert [one.written for one in outcomes] == [1] * 6
        assert [line for one in outcomes for line in one.news] == [
            f"it is full and goes on: {file.path} (it is so)"
        ]
        add(file, entry(12))
        assert everything(file.path) == [entry(number) for number in range(12, -1, -1)]

    def test_one_that_cannot_be_removed_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = AuditFile(tmp_path / "audit.log", ROOM, 1)

        def fails(self: Path, missing_ok: bool = False) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(Path, "unlink", fails)
        news = [line for number in range(100, 107) for line in add(file, entry(number)).news]
        assert news[-1] == "audit.log.000001 is too old and stays: Operation not permitted"
        assert everything(file.path)[0] == entry(106)

    def test_both_lines_of_a_command_may_be_in_two_files(self, tmp_path: Path) -> None:
        file = AuditFile(tmp_path / "audit.log", ROOM, 2)
        add(file, *(entry(number) for number in range(2)), entry(2, id="x", result=BEGUN))
        add(file, entry(2, id="x"))
        assert len(list(tmp_path.iterdir())) == 2
        assert [one.result for one in everything(file.path)] == ["ok"] * 3

    def test_no_more_is_read_of_all_files_than_of_one(self, tmp_path: Path) -> None:
        file = AuditFile(tmp_path / "audit.log", ROOM, 9)
        for number in range(100, 120):
            add(file, entry(number))
        found = newest(file.path, 100, lambda _: True, most=2 * ROOM)
        assert not found.whole
        assert [one.command for one in found.entries] == [
            f"command {number}" for number in range(119, 119 - len(found.entries), -1)
        ]
        assert 4 <= len(found.entries) <= 6
        assert newest(file.path, 100, lambda _: True).whole

    def test_one_that_becomes_full_while_it_is_read_is_read_once(self, tmp_path: Path) -> None:
        file = AuditFile(tmp_path / "audit.log", ROOM, 9)
        for number in range(100, 106):
            add(file, entry(number))

        def wanted(one: Entry) -> bool:
            if one == entry(105):
                for number in range(106, 109):
                    add(file, entry(number))
            return True

        found = newest(file.path, 100, wanted).entries
        assert found == [entry(number) for number in range(105, 99, -1)]

    @given(st.lists(st.integers(1, 4), max_size=30), st.integers(1, 6), st.sets(st.integers(0, 29)))
    def test_nothing_is_lost_or_twice_but_what_is_too_old(
        self, batches: list[int], room: int, killed: set[int]
    ) -> None:
        with TemporaryDirectory() as name:
            path = Path(name) / "audit.log"
            size = len(encode(entry(100)))
            file = AuditFile(path, room * size, 3)
            number = 100
            for place, count in enumerate(batches):
                add(file, *(entry(number + more) for more in range(count)))
                number += count
                if place in killed:
                    file.close()
                    file = AuditFile(path, room * size, 3)
            file.close()
            found = everything(path)
            assert found == [entry(one) for one in range(number - 1, number - 1 - len(found), -1)]
            assert len(found) >= min(number - 100, 3)
            assert len(list(path.parent.iterdir())) <= 4


class Disk:
    """A disk with little room, which writes in pieces."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._write = os.write

    def write(self, descriptor: int, octets: bytes) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        taken = self._write(descriptor, octets[: min(self.room, 33)])
        self.room -= taken
        return taken


class TestReading:
    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        assert newest(tmp_path / "none", 5, lambda _: True).entries == []

    def test_the_newest_first_and_no_more_than_asked(self, file: AuditFile) -> None:
        add(file, *map(entry, range(100)))
        assert everything(file.path, 3) == [entry(99), entry(98), entry(97)]
        assert everything(file.path, 0) == []

    def test_only_what_is_wanted(self, file: AuditFile) -> None:
        add(file, *(entry(number, session=number % 10) for number in range(100)))
        found = newest(file.path, 2, lambda one: one.session == 3)
        assert [one.command for one in found.entries] == ["command 93", "command 83"]
        assert found.whole

    @pytest.mark.parametrize("block", [1, 2, 7, 64, 1000])
    def test_blocks_of_any_size(
        self, file: AuditFile, monkeypatch: pytest.MonkeyPatch, block: int
    ) -> None:
        monkeypatch.setattr(audit_file, "BLOCK", block)
        entries = [entry(number) for number in range(20)]
        add(file, *entries)
        assert everything(file.path) == entries[::-1]

    @given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 80), st.binary(max_size=20))
    def test_lines_and_blocks_of_any_size(self, sizes: list[int], block: int, torn: bytes) -> None:
        lines = [b"x" * size for size in sizes]
        octets = b"".join(line + b"\n" for line in lines) + torn.replace(b"\n", b"")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(audit_file, "BLOCK", block)
            patch.setattr(audit_file, "MAX_LINE", 40)
            found = list(audit_file._backwards(BytesIO(octets), len(octets), 0))
        assert [line for line in found if len(line) <= 40] == [
            line for line in lines[::-1] if len(line) <= 40
        ]

    def test_a_line_that_is_far_too_long_is_left_out(self, file: AuditFile) -> None:
        add(file, entry(1))
        with file.path.open("ab") as out:
            out.write(b"x" * (3 * MAX_LINE) + b"\n")
        add(file, entry(2))
        with file.path.open("ab") as out:
            out.write(b"x" * (3 * MAX_LINE))
        assert everything(file.path) == [entry(2), entry(1)]

    def test_damaged_lines_are_left_out(self, file: AuditFile) -> None:
        add(file, entry(1))
        with file.path.open("ab") as out:
            out.write(b'\n\n{"time":\n\xff\xfe\n[]\n' + bytes(1000) + b"\n")
        add(file, entry(2))
        assert everything(file.path) == [entry(2), entry(1)]

    def test_a_large_file_is_not_read_whole(self, file: AuditFile) -> None:
        add(file, *map(entry, range(1000)))
        most = 20 * len(encode(entry(999)))
        found = newest(file.path, 10**9, lambda _: True, most)
        assert len(found.entries) == 19, "the line in which the reading ended is not whole"
        assert not found.whole
        assert newest(file.path, 5, lambda _: True, most).whole

    def test_both_lines_of_a_command_are_one_entry(self, file: AuditFile) -> None:
        begun, ended = entry(1, result=BEGUN, ms=None, id="a-1"), entry(1, id="a-1")
        add(file, begun, entry(2), ended)
        assert everything(file.path) == [ended, entry(2)]

    def test_a_command_that_did_not_end_says_so(self, file: AuditFile) -> None:
        begun = entry(1, result=BEGUN, ms=None, id="a-1")
        add(file, begun, entry(2, id="b-1"))
        assert everything(file.path) == [entry(2, id="b-1"), begun]

    def test_what_is_not_wanted_still_ends_its_command(self, file: AuditFile) -> None:
        add(file, entry(1, result=BEGUN, id="a-1"), entry(1, result="ERR failed", id="a-1"))
        assert newest(file.path, 5, lambda one: one.result == BEGUN).entries == []
