"""The script that sets operators on a gateway under load, in small."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from scripts_kit import SCRIPTS, report

NO_LIMITS = (
    *("--median", "100000", "--fall", "1000", "--metrics-fall", "1000"),
    *("--closed-fall", "1000", "--grown", "100000"),
)


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the scripts put data; a socket of the gateway needs a short path."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    with TemporaryDirectory() as directory:
        monkeypatch.setenv("TMPDIR", directory)
        yield Path(directory)


def test_operators_at_work_in_small(place: Path) -> None:
    found = report(
        "operators",
        *("--history", "500", "--binds", "2", "--window", "5", "--rate", "100"),
        *("--rounds", "1", "--pairs", "1", "--seconds", "0.5", "--pace", "0.05"),
        *("--crowds", "1", "--operators", "6", "--silent", "3", *NO_LIMITS),
    )
    lines = [one["line"] for one in found["commands"]["lines"]]
    assert {"show status", "show link simulated#1", "route test 38100 33600000042"} <= set(lines)
    assert len(lines) == len(set(lines)) > 35
    assert found["commands"]["unmade"] == []
    assert found["commands"]["all"]["count"] == len(lines)
    assert all(one["median_ms"] > 0 for one in found["commands"]["lines"])
    assert all(one["reactor_ms"] > 0 for one in found["commands"]["lines"])
    for part in ("busy operator", "closed loop"):
        assert found[part]["lines"]["count"] > 0
        assert found[part]["lines"]["reactor_ms"] > 0
    for part in ("busy operator", "closed loop", "metrics", "crowd"):
        assert found[part]["rate"]["without"][0] > 0
        assert found[part]["rate"]["with"][0] > 0
    assert len(found["crowd"]["resident_mib"]) == 3
    assert list(place.iterdir()) == [], "all was well: nothing is left"


def test_a_limit_that_is_not_kept_is_a_fault() -> None:
    found = report(
        "operators",
        *("--history", "0", "--binds", "1", "--window", "2", "--rate", "50"),
        *("--parts", "commands", "--rounds", "1", "--median", "0"),
        exits=1,
    )
    assert any("show status: median" in fault for fault in found["faults"])
    assert "crowd" not in found


class Session:
    """Answers `?` as the shell does, and any other line with nothing."""

    HELP: ClassVar = {
        "": ("", ["explain", "find", "release", "show"]),
        "explain": ("", ["message", "mo"]),
        "explain message": ("explain message ID", []),
        "explain mo": ("explain mo ID", []),
        "find": ("find [KEY VALUE]...", ["to", "from"]),
        "release": ("", ["carrier"]),
        "show": ("", ["bind", "link", "links"]),
        "show link": ("show link LINK", ["far#1", "far#2"]),
        "show links": ("show links [carrier WORD]", ["carrier"]),
        "show bind": ("show bind BIND", []),
    }

    def __init__(self) -> None:
        self.said: list[str] = []
        self.ms = 0.0

    def run(self, line: str) -> tuple[str, str]:
        self.said.append(line)
        self.ms = float(len(self.said))
        return ("", "") if line != "broken" else ("", "failed the log says why")

    def options(self, words: str) -> tuple[str, list[str]]:
        return self.HELP[words]


def test_lines_are_made_from_what_the_registry_says() -> None:
    import shell_lines  # noqa: PLC0415

    lines, unmade = shell_lines.looking(Session())
    assert lines == ["find", "show link far#1", "show links", *shell_lines.DEAR]
    assert unmade == ["explain message", "show bind"], "nothing is there: nothing to name"


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        ("show link LINK", ["LINK"]),
        ("find [KEY VALUE]...", []),
        ("encode TEXT [carrier WORD] [smart]", ["TEXT"]),
        ("dlr test TEXT...", ["TEXT"]),
        ("route test FROM TO", ["FROM", "TO"]),
    ],
)
def test_required_arguments(usage: str, wanted: list[str]) -> None:
    import shell_lines  # noqa: PLC0415

    words = " ".join(word for word in usage.split() if word.islower() and word.isalpha())
    assert shell_lines.required(usage, words) == wanted


def test_times_of_lines() -> None:
    import shell_lines  # noqa: PLC0415

    now = iter(range(100))

    def clock() -> float:
        return next(now) ** 2 / 1000

    session: Any = Session()
    found = shell_lines.measured(session, ["a", "broken"], 5, clock)
    assert sorted(session.said) == ["a"] * 5 + ["broken"] * 5
    assert {one.line: bool(one.fault) for one in found} == {"a": False, "broken": True}
    times = sorted(time for one in found for time in one.times)
    assert times == pytest.approx([1 + 4 * n for n in range(10)])
    assert found[0].median >= found[1].median
    assert sorted(ms for one in found for ms in one.reactor) == list(range(1, 11))
    assert found[0].record()["reactor_ms"] in found[0].reactor
    assert shell_lines.summary([5, 1, 3]) == {
        "count": 3,
        "median_ms": 3,
        "p95_ms": 5,
        "max_ms": 5,
    }


def test_a_fall_is_told_with_its_error() -> None:
    import operators  # noqa: PLC0415

    lost, error = operators.fall([100.0, 200.0], [90.0, 180.0])
    assert (lost, error) == pytest.approx((10.0, 0.0))
    lost, error = operators.fall([100.0, 100.0], [80.0, 100.0])
    assert (lost, error) == pytest.approx((10.0, 10.0))
    assert operators.fall([100.0], [110.0]) == pytest.approx((-10.0, 0.0))


def test_lines_are_typed_in_turn_for_ever() -> None:
    import operators_busy  # noqa: PLC0415

    lines = [str(number) for number in range(20)]
    typed = list(islice(operators_busy.mixed(lines), 40))
    assert typed[:20] == typed[20:] != lines
    assert sorted(typed[:20]) == sorted(lines)


def test_what_lines_took_of_the_reactor() -> None:
    import operators_busy  # noqa: PLC0415

    took = operators_busy.Took()
    assert took.record() == {
        "count": 0,
        "per_second": 0.0,
        "reactor_ms": 0.0,
        "share_percent": 0.0,
    }
    for ms in (1.0, 3.0, 5.0):
        took.add(ms)
    took.seconds = 2.0
    assert took.record() == {
        "count": 3,
        "per_second": 1.5,
        "reactor_ms": 3.0,
        "share_percent": 0.45,
    }
    assert str(took).startswith("1.5 lines/s, 3.00 ms of the reactor each")
