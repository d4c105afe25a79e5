"""Files that are rotated in every way while several threads log as fast as they can."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from log_kit import event

from smppgw.core.settings import LogSettings
from smppgw.ops.log import Log

WRITERS = 3
ROTATIONS = 150
LINE = re.compile(r"\S+ info +smppgw\.core\.test: writer (\d) line (\d+) x*\.")


class Rotated:
    """A log that `WRITERS` threads write to until it was rotated `ROTATIONS` times."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "gw.log"
        seconds = count(1_790_000_000)  # each event has a second of its own: none is a storm
        self.log = Log(LogSettings(file=str(self.path)), clock=lambda: float(next(seconds)))
        self._rotated = threading.Event()
        self.written = [0] * WRITERS

    def _write(self, writer: int) -> None:
        while not self._rotated.is_set():
            number = self.written[writer]
            self.log(event(f"writer {writer} line {number} {'x' * (number % 90)}."))
            self.written[writer] += 1

    def rotate(self, once: Callable[[int], None]) -> None:
        """Rotate by `once(number)` while the others write."""
        writers = [threading.Thread(target=self._write, args=(one,)) for one in range(WRITERS)]
        for one in writers:
            one.start()
        try:
            for number in range(ROTATIONS):
                once(number)
        finally:
            self._rotated.set()
            for one in writers:
                one.join()
        self.log(event(f"writer 0 line {self.written[0]} ."))
        self.written[0] += 1

    def old(self, number: int) -> Path:
        return self.path.with_name(f"gw.log.{number:03}")

    def lines(self, *, copied: bool = False) -> Iterator[tuple[int, int]]:
        """(writer, number) of every line, the oldest file first; every line is whole.

        The last one of a copy may be cut: it was copied while it was written.
        """
        old = sorted(self.path.parent.glob("gw.log.*"))
        for file in (*old, self.path):
            text = file.read_bytes().decode("ascii")
            *whole, cut = text.split("\n")
            assert not cut or (copied and file != self.path)
            for line in whole:
                found = LINE.fullmatch(line)
                assert found is not None, line
                yield int(found[1]), int(found[2])


@pytest.fixture
def rotated(tmp_path: Path) -> Iterator[Rotated]:
    made = Rotated(tmp_path)
    yield made
    made.log.close()


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("made", [False, True])
def test_renamed(rotated: Rotated, told: bool, made: bool) -> None:
    """As logrotate does, with `create` or without, telling by a signal or not: nothing is lost."""

    def once(number: int) -> None:
        if rotated.path.exists():
            rotated.path.rename(rotated.old(number))
        if made:
            rotated.path.touch()
        if told:
            rotated.log.reopen()

    rotated.rotate(once)
    numbers: list[list[int]] = [[] for _ in range(WRITERS)]
    for writer, number in rotated.lines():
        numbers[writer].append(number)
    assert numbers == [list(range(written)) for written in rotated.written]


def test_copied_and_emptied(rotated: Rotated) -> None:
    """`copytruncate` loses what is written between the two; what stays is whole and in order."""

    def once(number: int) -> None:
        shutil.copyfile(rotated.path, rotated.old(number))
        with rotated.path.open("r+b") as file:
            file.truncate()

    rotated.rotate(once)
    found = list(rotated.lines(copied=True))
    for writer in range(WRITERS):
        numbers = [number for one, number in found if one == writer]
        assert numbers == sorted(set(numbers))
    assert found[-1] == (0, rotated.written[0] - 1)


def test_a_file_that_others_remove_again_and_again(rotated: Rotated) -> None:
    rotated.rotate(lambda number: rotated.path.unlink(missing_ok=True))
    assert list(rotated.lines())[-1] == (0, rotated.written[0] - 1)
