"""The line editor: keys, the line they make, and that the screen shows it (by pyte)."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal_kit import Screen

from smppgw.ops.shell.cells import clip, columns, rows
from smppgw.ops.shell.editor import (
    Asking,
    Completing,
    Editor,
    Ended,
    Event,
    Interrupted,
    Submitted,
)
from smppgw.ops.shell.grammar import LONGEST_LINE
from smppgw.ops.shell.keys import Keys

PROMPT = "smppgw> "


class Desk:
    """An editor with a keyboard and a screen."""

    def __init__(self, history: tuple[str, ...] = (), width: int = 80) -> None:
        self.screen = Screen(width, 24)
        self.sent = ""
        self.keys = Keys()
        self.editor = Editor(self._write, history, width)
        self.begin()

    def _write(self, text: str) -> None:
        self.sent += text
        self.screen.feed(text.encode())

    def begin(self, **more: Any) -> None:
        self.editor.begin(PROMPT, **more)
        self.editor.refresh()

    def type(self, octets: bytes | str) -> list[Event]:
        """Events of some octets; a line that ends is followed by a new one."""
        found = []
        for key in self.keys.feed(octets.encode() if isinstance(octets, str) else octets):
            event = self.editor.key(key)
            if event is not None:
                found.append(event)
            if isinstance(event, Submitted | Interrupted):
                self.editor.begin(PROMPT)
        self.editor.refresh()
        return found

    @property
    def line(self) -> str:
        """The line with a bar where the cursor is."""
        editor = self.editor
        return f"{editor.text[: editor.cursor]}|{editor.text[editor.cursor :]}"


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("show links", "show links|"),
        ("ac\x1b[Db", "ab|c"),
        ("abc\x02\x02X", "aX|bc"),
        ("bc\x01a\x05d", "abcd|"),
        ("bc\x1b[Ha\x1b[Fd", "abcd|"),
        ("abc\x7f", "ab|"),
        ("abc\x08\x08\x08\x08", "|"),
        ("abc\x01\x1b[3~", "|bc"),
        ("abc\x01\x04", "|bc"),
        ("one two\x17", "one |"),
        ("one two  \x17", "one |"),
        ("one two\x15", "|"),
        ("one two\x02\x02\x15", "|wo"),
        ("one two\x01\x0b", "|"),
        ("one two\x17\x01\x19", "two|one "),
        ("one-two three\x1bb\x1bb", "one-|two three"),
        ("one-two\x01\x1bf", "one|-two"),
        ("one-two\x01\x1bd", "|-two"),
        ("one-two\x1b\x7f", "one-|"),
        ("ab\x14", "ba|"),
        ("abc\x01\x06\x14", "ba|c"),
        ("a\x14", "a|"),
        ("é漢\x02x", "éx|漢"),
        ("ae\u0301b\x02\x02x", "ax|e\u0301b"),
        ("ae\u0301\x7f", "a|"),
        ("\x1b[200~a?\tb\nc\x1b[201~", "a? b\nc|"),
        ("\x1b[Ax", "x|"),
    ],
)
def test_editing(typed: str, line: str) -> None:
    desk = Desk()
    desk.type(typed)
    assert desk.line == line


@pytest.mark.parametrize(
    ("typed", "events"),
    [
        ("show\r", [Submitted("show")]),
        ("a\rb\r", [Submitted("a"), Submitted("b")]),
        ("ab\x01\r", [Submitted("ab")]),
        ("half\x03", [Interrupted()]),
        ("\x04", [Ended()]),
        ("sh\t\t", [Completing("sh", False), Completing("sh", True)]),
        ("sh\to\t", [Completing("sh", False), Completing("sho", False)]),
        ("show x\x02?", [Asking("show ")]),
    ],
)
def test_events(typed: str, events: list[Event]) -> None:
    assert Desk().type(typed) == events


def test_what_is_put_in_the_place_of_a_word() -> None:
    desk = Desk()
    desk.type("show li x\x02\x02")
    desk.editor.replace(5, "links")
    assert desk.line == "show links| x"


def test_a_line_never_gets_too_long() -> None:
    desk = Desk()
    desk.type("x" * LONGEST_LINE)
    desk.type("y")
    desk.type("\x1b[200~" + "z" * 9000 + "\x1b[201~")
    assert desk.editor.text == "x" * LONGEST_LINE
    assert desk.sent.endswith("\x07")
    desk.type("\x15\x19\x19")
    assert len(desk.editor.text) == LONGEST_LINE


# ---------------------------------------------------------------- history

OLD = ("show links", "show binds", "hold carrier fr-a")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("\x1b[A", "hold carrier fr-a|"),
        ("\x10\x10", "show binds|"),
        ("\x1b[A" * 9, "show links|"),
        ("new\x1b[A\x1b[A\x1b[B\x1b[B", "new|"),
        ("\x1b[B", "|"),
        ("\x12show", "|show binds"),
        ("\x12show\x12", "|show links"),
        ("\x12show\x12\x12", "|show links"),
        ("\x12carrier", "hold |carrier fr-a"),
        ("\x12carrierx", "hold |carrier fr-a"),
        ("\x12links\x7f\x7f\x7f\x7fi", "show |links"),
        ("was\x12show\x07", "was|"),
        ("\x12show\x1b[Fx", "show bindsx|"),
        ("\x12show\x1b[A", "show links|"),
    ],
)
def test_history(typed: str, line: str) -> None:
    desk = Desk(OLD)
    desk.type(typed)
    assert desk.line == line


def test_a_search_is_shown_and_ends_in_a_line_or_in_nothing() -> None:
    desk = Desk(OLD)
    desk.type("\x12bind")
    assert desk.screen.row == "(search bind) show binds"
    assert desk.type("\r") == [Submitted("show binds")]
    desk.type("\x12bind")
    assert desk.type("\x03") == [Interrupted()]
    assert desk.line == "|"


# ---------------------------------------------------------------- the screen


def test_typing_at_the_end_costs_only_what_was_typed() -> None:
    desk = Desk()
    desk.sent = ""
    desk.type("sh")
    desk.type("o")
    assert desk.sent == "sho"


def test_a_line_longer_than_the_screen_moves_under_it() -> None:
    desk = Desk(width=30)
    desk.type("abcdefghijklmnopqrstuvwxyz0123456789")
    assert desk.screen.row == "smppgw> <wxyz0123456789"
    desk.type("\x01")
    assert (desk.screen.row, desk.screen.column) == ("smppgw> abcdefghijklmnopqrst>", 8)
    desk.type("\x1b[C" * 19)
    assert desk.screen.row == "smppgw> <fghijklmnopqrstuvwx>"
    desk.type("\x15")
    assert (desk.screen.rows, desk.screen.column) == (["smppgw> tuvwxyz0123456789"], 8)


def test_the_end_of_a_line_stays_on_the_screen() -> None:
    desk = Desk()
    desk.type("show links\x01\rx")
    assert desk.screen.rows == ["smppgw> show links", "smppgw> x"]
    desk.type("\x03")
    assert desk.screen.rows == ["smppgw> show links", "smppgw> x^C", "smppgw>"]


def test_clearing_the_screen() -> None:
    desk = Desk()
    desk.type("one\rtwo\x0c")
    assert desk.screen.rows == ["smppgw> two"]


def test_what_is_hidden_is_never_written() -> None:
    desk = Desk(("hunter2",))
    desk.begin(hidden=True)
    desk.sent = ""
    assert desk.type("hunt\x02\x01\x05er2\x12hunter2\x1b[200~pass\x1b[201~") == []
    assert not set("hunterpas2") & set(desk.sent.replace("\x1b[K", ""))
    assert desk.type("\r") == [Submitted("hunter2hunter2pass")]


def test_another_width_draws_the_line_again() -> None:
    desk = Desk(width=80)
    desk.type("a" * 60)
    desk.screen.screen.resize(24, 40)
    desk.editor.resized(40)
    desk.editor.refresh()
    assert desk.screen.row.startswith("smppgw> <aaaa")


PIECES = st.one_of(
    st.text("ab c\"'|é", max_size=6).map(str.encode),
    st.sampled_from(["漢", "字漢字", "e\u0301", "😀", "\u0301"]).map(str.encode),
    st.sampled_from(
        [
            b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[F", b"\x1b[3~", b"\x01",
            b"\x02", b"\x04", b"\x05", b"\x06", b"\x07", b"\x0b", b"\x0c", b"\x0e", b"\x10",
            b"\x12", b"\x14", b"\x15", b"\x17", b"\x19", b"\x7f", b"\x1bb", b"\x1bf", b"\x1bd",
            b"\x1b\x7f", b"\t", b"?", b"\r", b"\x03", b"\x1b[200~pasted\ntext\x1b[201~",
        ]
    ),
    st.binary(max_size=4),
)  # fmt: skip


def expected(desk: Desk) -> tuple[str, int]:
    """What the row of the cursor has to show when the line fits into it."""
    editor = desk.editor
    text = editor.text.replace("\n", "\u21b5")
    return PROMPT + text, columns(PROMPT + text[: editor.cursor])


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=30), st.sampled_from([20, 31, 80]))
def test_the_screen_agrees_with_the_line(pieces: list[bytes], width: int) -> None:
    desk = Desk(("old line", "漢字 " * 20, ""), width)
    for piece in pieces:
        desk.type(piece)
        editor = desk.editor
        assert 0 <= editor.cursor <= len(editor.text) <= LONGEST_LINE
        assert desk.screen.column < width
        if editor._search is not None:
            continue
        row, column = expected(desk)
        if columns(row) < width - 1 and "\ufffd" not in row:
            shown = desk.screen.screen
            cells = [shown.buffer[shown.cursor.y][place].data for place in range(width)]
            assert normalize("NFC", "".join(cells).rstrip()) == normalize("NFC", row.rstrip())
            assert desk.screen.column == column


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_no_octets_do_harm(reads: list[bytes]) -> None:
    desk = Desk(OLD, 20)
    for octets in reads:
        desk.type(octets)
    desk.type(b"\x07\x1b[201~\x1b\x03")
    desk.type(b"\x03\x03")
    desk.type("ok")
    assert desk.line == "ok|"


# ---------------------------------------------------------------- columns


def test_columns() -> None:
    assert [columns(text) for text in ("", "abc", "漢字", "e\u0301", "é", "a\u200db")] == [
        0, 3, 4, 1, 1, 2,
    ]  # fmt: skip
    assert [clip("a漢字", room) for room in range(6)] == ["", "a", "a", "a漢", "a漢", "a漢字"]
    assert [rows(text, 4) for text in ("", "abcd", "abcde", "漢字漢")] == [1, 1, 2, 2]
