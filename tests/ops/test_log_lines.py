"""One event, one line: nothing forges another, nothing is too long, nothing fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_kit import MOMENT, event
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from smppgw.core.figures import visible
from smppgw.ops.log.lines import (
    LONGEST,
    LONGEST_FIELD,
    MOST_FIELDS,
    MOST_FRAMES,
    exception,
    json_line,
    text_line,
)


def text(one: LogEvent) -> str:
    return text_line(one).decode()


def record(one: LogEvent) -> dict[str, Any]:
    line = json_line(one).decode()
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def failed(error: BaseException, depth: int = 0) -> Failure:
    """What a Logger puts into `log_failure`."""

    def raise_it(left: int) -> None:
        if left:
            raise_it(left - 1)
        raise error

    try:
        raise_it(depth)
    except BaseException:
        return Failure()


def test_text_has_time_level_namespace_and_words() -> None:
    assert text(event(who="you")) == f"{MOMENT} info  smppgw.core.test: hello you"
    assert text(event("over", "critical")) == f"{MOMENT} critical smppgw.core.test: over"


def test_json_has_the_fields_by_name() -> None:
    found = record(event("carrier {link}: {wait:.1f} s", "warn", link="a#1", wait=2.5, n=7, x=None))
    assert found == {
        "time": MOMENT,
        "level": "warn",
        "namespace": "smppgw.core.test",
        "message": "carrier a#1: 2.5 s",
        "link": "a#1",
        "wait": 2.5,
        "n": 7,
        "x": None,
    }


def test_a_field_of_a_name_of_ours_steps_aside() -> None:
    found = record(event("{time} {message}", time=1, message="m"))
    assert (found["message"], found["message_"], found["time_"]) == ("1 m", "m", 1)
    assert found["time"] == MOMENT


def test_a_name_with_a_newline_forges_no_line() -> None:
    name = f"x\n{MOMENT} info  smppgw.cli.run: smppgw stopped\r\x1b[2J\u2028\u202e\x85"
    line = text(event("bind of {name}", name=name))
    assert line.isprintable()
    assert "bind of x\\n2026-" in line
    assert "\\x1b[2J\\u2028\\u202e\\x85" in line
    assert json_line(event("bind of {name}", name=name)).decode().isprintable()
    assert record(event("bind of {name}", name=name))["name"].startswith("x\\n2026-")


def test_octets_are_counted_and_objects_are_their_str() -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    found = record(event("{text}", text=b"hello", list=[1, 2], odd=Odd(), big=1 << 70, nan=1e999))
    assert found["text"] == "<5 octets>"
    assert found["list"] == "[1, 2]"
    assert found["odd"] == "<unprintable Odd: RuntimeError>"
    assert found["big"] == hex(1 << 70)
    assert found["nan"] == "inf"


def test_an_exception_is_on_the_same_line() -> None:
    one = event("handling", "critical", log_failure=failed(ValueError("bad\nthing"), depth=2))
    line = text(one)
    assert ": handling: ValueError: bad\\nthing (" in line
    assert line.count("test_log_lines.py:") == 4
    assert line.endswith(" raise_it)")
    found = record(one)
    assert found["exception"] == "ValueError: bad\\nthing"
    assert found["traceback"].startswith("ops/test_log_lines.py:")


def test_a_deep_traceback_keeps_its_innermost_places() -> None:
    what, where = exception(failed(KeyError("x"), depth=50))
    assert what == "KeyError: 'x'"
    assert where.startswith("..., ")
    assert where.count("raise_it") == MOST_FRAMES


def test_the_causes_are_told() -> None:
    try:
        try:
            raise OSError("disk")
        except OSError as error:
            raise RuntimeError from error
    except RuntimeError:
        found = Failure()
    assert exception(found)[0] == "RuntimeError, from OSError: disk"


def test_causes_that_go_in_circles_end() -> None:
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert exception(Failure(first))[0].count("ValueError") == 3


def test_numbers_in_an_exception_are_masked() -> None:
    what, _ = exception(failed(KeyError("33612345678")))
    assert what == "KeyError: '3361234****'"


def test_an_exception_that_cannot_be_told_of() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert exception(failed(Odd()))[0] == "Odd: (no text)"
    assert "cannot be shown" in exception(object())[0]  # type: ignore[arg-type]


def test_of_the_older_log_only_the_words_are_told() -> None:
    older = event("{log_text}", log_namespace="log_legacy", log_text="words", isError=1, system="-")
    assert record(older)["message"] == "words"
    assert set(record(older)) == {"time", "level", "namespace", "message"}


def test_too_many_fields_and_too_long_ones() -> None:
    many: Any = {f"field{n}": "x" * 5000 for n in range(100)}
    found = record(event("words", **many))
    assert len(found) == 4 + MOST_FIELDS
    assert found["message"] == "words"
    assert all(len(found[f"field{n}"]) <= LONGEST_FIELD for n in range(MOST_FIELDS))


@pytest.mark.parametrize("character", ["x", "é", "\U0001f600", "\x00", "\ud800", "\x7f"])
def test_no_line_is_longer_than_a_pipe_takes_whole(character: str) -> None:
    long = character * 10_000
    fields: Any = {f"f{n}{character if character.isalpha() else ''}": long for n in range(40)}
    one = event("{f0}", log_failure=failed(ValueError(long)), **{"f0": long, **fields})
    assert len(text_line(one)) <= LONGEST
    assert len(json_line(one)) <= LONGEST
    assert record(one)["level"] == "info"
    text(one)  # no character is cut in two


@pytest.mark.parametrize("when", [None, "soon", float("nan"), 1e30, -1e30])
def test_an_event_without_a_time(when: Any) -> None:
    assert text(event("x", log_time=when)).startswith("- info")


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.integers()),
)


@given(
    st.one_of(st.none(), st.text(), st.just("{a} {b!r} {c.d}")),
    st.dictionaries(st.text(min_size=1), _VALUES, max_size=40),
)
def test_whatever_is_logged_is_one_line(words: str | None, fields: dict[str, Any]) -> None:
    one = event(words) | fields
    for line in (text_line(one), json_line(one)):
        assert len(line) <= LONGEST
        assert b"\n" not in line
        assert visible(line.decode()) == line.decode()
    assert isinstance(json.loads(json_line(one)), dict)
