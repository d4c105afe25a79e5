"""One event as one line: text for people, JSON for programs.

Owns: what of an event is written, and how: one line, of bounded length, in which no peer can forge
another; an exception with the places it went through, its numbers masked.
Refuses to know: which events are written, and where lines go.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from twisted.logger import formatEvent
from twisted.python.failure import Failure

from smppgw.core.shown import one_line, without_numbers

LONGEST = 4_095
"""Octets of a line without its newline: what a pipe takes whole (PIPE_BUF)."""
LONGEST_WORDS = 1_500
"""Characters of the words of an event."""
LONGEST_FIELD = 300
LONGEST_EXCEPTION = 2_000
MOST_FIELDS = 24
MOST_FRAMES = 12
"""Places of a traceback: the innermost."""
MOST_CAUSES = 3

_LEGACY = "log_legacy"
"""Namespace of what comes by Twisted's older log; its fields are all in the words."""
_OWN = frozenset({"time", "level", "namespace", "message", "exception", "traceback"})
_SHORTER = (LONGEST_EXCEPTION // 3, 200, 60, 20)
"""Characters of every text, tried in turn when the whole is too long."""
_PLAIN = (bool, int, float, type(None))

Event = Mapping[str, Any]
Line = Callable[[Event], bytes]
"""An event as octets without a newline, LONGEST at most."""


def text_line(event: Event) -> bytes:
    """`TIME LEVEL NAMESPACE: WORDS`, and what there is of an exception behind them."""
    words = one_line(_words(event), LONGEST_WORDS)
    failure = event.get("log_failure")
    if failure is not None:
        what, where = exception(failure)
        words += f": {what}{f' ({where})' if where else ''}"
    level, namespace = _level(event), _namespace(event)
    return _cut(f"{_time(event)} {level:<5} {namespace}: {words}".encode(errors="backslashreplace"))


def _cut(line: bytes) -> bytes:
    if len(line) <= LONGEST:
        return line
    return line[: LONGEST - 3].decode(errors="ignore").encode() + b"..."


def json_line(event: Event) -> bytes:
    """One object: time, level, namespace, message, the fields of the event by their names.

    An exception is two texts, `exception` and `traceback`. A field of the name of one of these gets
    an underscore behind it. What is too long ends in an ellipsis.
    """
    record: dict[str, Any] = {
        "time": _time(event),
        "level": _level(event),
        "namespace": _namespace(event),
        "message": one_line(_words(event), LONGEST_WORDS),
    }
    failure = event.get("log_failure")
    if failure is not None:
        record["exception"], record["traceback"] = exception(failure)
    for name, value in _fields(event):
        record[f"{name}_" if name in _OWN else name] = _value(value)
    line = _encoded(record)
    for longest in _SHORTER:  # an escaped character can take twelve octets
        if len(line) <= LONGEST:
            return line
        line = _encoded({name: _shorter(value, longest) for name, value in record.items()})
    if len(line) > LONGEST:
        line = _encoded({name: _shorter(record.get(name), 60) for name in sorted(_OWN)})
    return line


def _encoded(record: dict[str, Any]) -> bytes:
    # ASCII only: nothing that a terminal would obey, and no encoding to agree on.
    return json.dumps(record, separators=(",", ":")).replace("\x7f", "\\u007f").encode("ascii")


def _shorter(value: Any, longest: int) -> Any:
    return one_line(value, longest) if isinstance(value, str) else value


def _fields(event: Event) -> Iterator[tuple[str, Any]]:
    if event.get("log_namespace") == _LEGACY:
        return
    count = 0
    for name, value in event.items():
        if not name.startswith("log_") and count < MOST_FIELDS:
            count += 1
            yield one_line(name, 40), value


def _value(value: Any) -> Any:
    """A field as JSON can say it; octets are counted, for they may be anything."""
    if isinstance(value, float) and not -1e300 < value < 1e300:
        return str(value)
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return one_line(hex(value), LONGEST_FIELD)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} octets>"
    try:
        return one_line(str(value), LONGEST_FIELD)
    except Exception as error:
        return f"<unprintable {type(value).__name__}: {type(error).__name__}>"


def _words(event: Event) -> str:
    return formatEvent(dict(event))


def _time(event: Event) -> str:
    try:
        moment = datetime.fromtimestamp(event["log_time"], UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return "-"
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"


def _level(event: Event) -> str:
    return str(getattr(event.get("log_level"), "name", "info"))


def _namespace(event: Event) -> str:
    return one_line(str(event.get("log_namespace") or "-"), 100)


# ---------------------------------------------------------------------- exceptions


def exception(failure: Failure) -> tuple[str, str]:
    """(what, where) of a failure, each on one line; never raises.

    What: class and text, and those of its causes. Where: `file:line function` of the innermost
    places, outermost first. Runs of digits are masked, for a text may quote a number.
    """
    try:
        found: TracebackType | None = failure.getTracebackObject()  # type: ignore[no-untyped-call]
        return _what(failure.value), _where(found)
    except Exception as error:  # an exception that cannot be told of
        return f"an exception that cannot be shown ({type(error).__name__})", ""


def _what(error: BaseException | None) -> str:
    said: list[str] = []
    while error is not None and len(said) < MOST_CAUSES:
        try:
            text = one_line(without_numbers(str(error)), LONGEST_FIELD)
        except Exception:
            text = "(no text)"
        said.append(f"{type(error).__name__}: {text}" if text else type(error).__name__)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return one_line(", from ".join(said), LONGEST_EXCEPTION)


def _where(found: TracebackType | None) -> str:
    places = []
    for frame, line in traceback.walk_tb(found):
        file = "/".join(frame.f_code.co_filename.rsplit("/", 2)[-2:])
        places.append(f"{file}:{line} {frame.f_code.co_name}")
    skipped = ["..."] if len(places) > MOST_FRAMES else []
    return one_line(", ".join(skipped + places[-MOST_FRAMES:]), LONGEST_EXCEPTION)
