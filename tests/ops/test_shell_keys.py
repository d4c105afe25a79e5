"""Octets as keys and as lines: pieces, sequences, pastes, ends of lines, garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.ops.shell.grammar import LONGEST_LINE
from smppgw.ops.shell.keys import INTERRUPT, LINE, PASTE, TEXT, TOO_LONG, Key, Keys, Lines


def names(octets: bytes) -> list[str]:
    return [key.text or key.name for key in Keys().feed(octets)]


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (b"show", ["show"]),
        (b"a\r", ["a", "enter"]),
        (b"a\r\nb\r\0c\nd", ["a", "enter", "b", "enter", "c", "enter", "d"]),
        (b"\n\n", ["enter", "enter"]),
        (b"\x01\x05\x02\x06\x17\x15\x0b\x19\x0c\x14\x12", [f"ctrl-{one}" for one in "aebfwukyltr"]),
        (b"\x03\x04", ["ctrl-c", "ctrl-d"]),
        (b"\t?\x7f\x08", ["tab", "help", "backspace", "backspace"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F", ["up", "down", "right", "left", "home", "end"]),
        (b"\x1bOA\x1bOD\x1bOH\x1bOF", ["up", "left", "home", "end"]),
        (b"\x1b[1~\x1b[4~\x1b[7~\x1b[8~\x1b[3~", ["home", "end", "home", "end", "delete"]),
        (b"\x1b[1;5C\x1b[1;3D", ["alt-f", "alt-b"]),
        (b"\x1bb\x1bF\x1bd\x1b\x7f", ["alt-b", "alt-f", "alt-d", "alt-backspace"]),
        ("é€漢😀".encode(), ["é€漢😀"]),
        ("e\u0301".encode(), ["e\u0301"]),
        (b"a\x00b\x1c\x1fc", ["abc"]),
        (b"\xc2\x9b1A", ["1A"]),
        ("\u202ex\u200d\u00a0y\u2028".encode(), ["x\u200d y "]),
        (b"\xff\xfex", ["\ufffd\ufffdx"]),
        (b"\x1b[99~\x1b[5~\x1b[Zx", ["x"]),
        (b"\x1b[[Ax", ["x"]),
        (b"\x1b\x1b[A", ["up"]),
        (b"\x1b[12\rx", ["enter", "x"]),
        (b"\x1b[" + b"1" * 5000 + b"Ax", ["up", "x"]),
    ],
)
def test_keys(octets: bytes, found: list[str]) -> None:
    assert names(octets) == found


PARTS = [
    b"a", "é".encode(), "漢".encode(), b"\x1b[A", b"\x1b[200~p\r\nq\x1b[201~",
    b"\r\n", b"\r", b"\x03", b"\x1b[1;5D", b"\xff", b"?",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS)), st.data())
def test_where_octets_are_cut_makes_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    octets = b"".join(parts)
    whole = Keys().feed(octets)
    cuts = data.draw(st.lists(st.integers(0, len(octets))))
    keys = Keys()
    found: list[Key] = []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(octets)], strict=True):
        for key in keys.feed(octets[begin:end]):
            if key.name == TEXT and found and found[-1].name == TEXT:
                found[-1] = Key(TEXT, found[-1].text + key.text)
            else:
                found.append(key)
    assert found == whole


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_octets_are_keys(reads: list[bytes]) -> None:
    keys = Keys()
    for octets in reads:
        for key in keys.feed(octets):
            assert key.name in {TEXT, PASTE} or not key.text
            assert all(char.isprintable() or char in "\n\u200c\u200d" for char in key.text)


# ---------------------------------------------------------------- bracketed paste


def paste(text: bytes) -> bytes:
    return b"\x1b[200~" + text + b"\x1b[201~"


@pytest.mark.parametrize(
    ("pasted", "text"),
    [
        (b"show links", "show links"),
        (b"show links?\t\x1b[A\x07", "show links? [A"),
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        (b"", ""),
        (b"x\x1b[201", "x[201"),
    ],
)
def test_a_paste_is_text_and_no_keys(pasted: bytes, text: str) -> None:
    assert Keys().feed(paste(pasted) + b"\r") == [Key(PASTE, text), Key("enter")]


def test_a_paste_without_an_end_is_bounded_and_left_by_ctrl_c() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b[200~" + b"x" * 1_000_000) == []
    assert sum(map(len, keys._pasted or ())) < LONGEST_LINE + 10
    assert keys.feed(b"\x03show") == [Key(INTERRUPT), Key(TEXT, "show")]


def test_a_paste_too_long_for_a_line_stays_too_long() -> None:
    (key,) = Keys().feed(paste(b"x" * 1_000_000))
    assert len(key.text) == LONGEST_LINE + 1


# ---------------------------------------------------------------- lines of a dumb terminal


def line(text: str) -> Key:
    return Key(LINE, text)


@pytest.mark.parametrize(
    ("reads", "found"),
    [
        ([b"a\nb\r\nc\rd\r\0e"], [line("a"), line("b"), line("c"), line("d")]),
        ([b"a\r", b"\nb\n"], [line("a"), line("b")]),
        ([b"a\r", b"\0b\n"], [line("a"), line("b")]),
        ([b"a\r", b"", b"\nb\n"], [line("a"), line("b")]),
        ([b"\n\n"], [line(""), line("")]),
        ([b"ab\xc3", b"\xa9\n"], [line("abé")]),
        ([b"\xff\tx\x1b[A\n"], [line("\ufffd x[A")]),
        ([b"half\x03show\n"], [Key(INTERRUPT), line("show")]),
        ([b"half"], []),
    ],
)
def test_lines(reads: list[bytes], found: list[Key]) -> None:
    lines = Lines()
    assert [key for octets in reads for key in lines.feed(octets)] == found


def test_what_has_come_of_a_line() -> None:
    lines = Lines()
    assert not lines.begun
    lines.feed(b"show li")
    assert lines.begun
    assert lines.rest() == [line("show li")]
    assert not lines.begun


def test_a_line_that_is_too_long_is_dropped_whole() -> None:
    lines = Lines()
    for _ in range(1000):
        assert lines.feed(b"x" * 1000) == []
    assert len(lines._kept) <= 4 * LONGEST_LINE
    assert lines.feed(b"rest\nshow\n") == [Key(TOO_LONG), line("show")]
    assert lines.feed(b"x" * (LONGEST_LINE + 1) + b"\n") == [Key(TOO_LONG)]


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_octets_are_lines(reads: list[bytes]) -> None:
    lines = Lines()
    for octets in reads:
        for key in lines.feed(octets):
            assert "\n" not in key.text
            assert "\x1b" not in key.text
