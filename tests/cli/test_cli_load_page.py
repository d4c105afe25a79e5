"""What is said and drawn of a load test: the page, the plots, the lines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_kit import PLAN, found, rows_of
from rich.console import Console

from smppgw.cli.load_page import page
from smppgw.cli.load_report import dump, lines, notes, rounded, write
from smppgw.cli.load_screen import Screen, bars, line
from smppgw.cli.output import CommandFault
from smppgw.cli.plots import Line, Scale, histogram_plot, lines_plot

VALUES = st.none() | st.floats(0.0, 1e9)


def tree(text: str) -> ElementTree.Element:
    """The page as XML, which it is but for its first line."""
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))  # noqa: S314 - our own


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"mo_rate": 0.0},
        {"messages": False},
        {"error_rate": 0.5},
        {"answer": "never"},
        {"receipts": "never"},
        {"passwords": {"somebody": "else"}},
    ],
)
def test_the_page_is_well_formed_and_needs_nothing_else(run: dict[str, Any]) -> None:
    text = page(found("p99<10ms", "lost=0", "queue<1", **run))
    tree(text)
    assert re.findall(r"(?:src|href|url|@import|<script|<link)\b", text) == []
    assert "http" not in text
    assert len(text) < 200_000
    assert re.findall(r"\b(?:nan|inf)\b", text) == []


def test_what_peers_and_people_say_is_escaped() -> None:
    text = page(found())
    assert "&lt;demo&gt;" in text
    assert "&lt;b&gt;" in text
    assert "<demo>" not in text


def test_the_page_has_every_plot_and_the_account() -> None:
    text = page(found("p99<1000ms", "mo.lost=0", "rate>=1000"))
    for heading in ("Requirements", "Throughput", "Latency over time", "How many", "What waits"):
        assert f"<h2>{heading}" in text
    assert text.count("<svg") == 4
    assert text.count(">met<") == 2
    assert text.count(">not met<") == 1
    assert "<td>= accepted</td>" in text
    assert "queue of the gateway" in text
    assert "MO: lost" in text


def test_a_storm_of_mos_has_plots_of_mos() -> None:
    text = page(found(messages=False))
    assert "until the ESME has it" in text
    assert "= accepted" not in text
    assert "phones write" in text


# ---------------------------------------------------------------------- plots


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0.01, 10.0), VALUES, VALUES), max_size=40),
    st.booleans(),
)
def test_lines_stay_within_the_plot(rows: list[tuple[float, Any, Any]], log: bool) -> None:
    seconds, now = [], 0.0
    for span, _, _ in rows:
        now += span
        seconds.append(now)
    drawn = [Line("a", [row[1] for row in rows]), Line("<b>", [row[2] for row in rows], 1, True)]
    root = tree(lines_plot("A plot", seconds, drawn, unit="ms & more", log=log))
    for path in root.iter("path"):
        for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.get("d", "")):
            assert 64 <= float(x) <= 844
            assert 30 <= float(y) <= 226


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(1e-3, 1e7), st.integers(1, 10**7)), max_size=60))
def test_bars_stay_within_the_plot_and_count_everything(
    buckets: list[tuple[float, int]],
) -> None:
    buckets = sorted(buckets)
    root = tree(histogram_plot("A", [("a", 0, buckets), ("b", 2, buckets)], unit="x"))
    bars_ = [one for one in root.iter("rect") if one.get("class", "").startswith("bar")]
    assert bool(bars_) == bool(buckets)
    for one in bars_:
        assert 64 <= float(one.get("x", "")) <= 844
        assert 2 <= float(one.get("height", "")) <= 196


@given(st.floats(0.0, 1e9), st.floats(1e-3, 1e9), st.booleans())
def test_a_scale_rises_and_its_ticks_are_on_it(least: float, span: float, log: bool) -> None:
    scale = Scale(least, least + span, 0.0, 100.0, log=log)
    places = [scale(tick) for tick in scale.ticks]
    assert places == sorted(places)
    assert all(0.0 <= place <= 100.0 for place in places)
    assert scale(least) <= scale(least + span)
    assert 1 <= len(scale.ticks) <= 25


def test_a_gap_is_a_gap() -> None:
    (path,) = tree(
        lines_plot("x", [1.0, 2.0, 3.0, 4.0], [Line("a", [1.0, 2.0, None, 3.0])], unit="")
    ).iter("path")
    assert path.get("d", "").count("M") == 2


# ---------------------------------------------------------------------- lines and screen


def test_the_lines_at_the_end_add_up() -> None:
    said = lines(found("lost=0", "p99<1ms", error_rate=0.2))
    account = next(one for one in said if one.startswith("sent "))
    sent, accepted, rejected, unanswered = map(int, re.findall(r"\d+", account)[:4])
    assert sent == 300 == accepted + rejected + unanswered
    assert any("ESME_RSYSERR" in one for one in said)
    assert any(one.startswith("accepted ") for one in said)
    assert any(one.startswith("MOs: sent 60, ") for one in said)
    assert said[-2].split() == ["ok", "lost=0", "0"]
    assert said[-1].startswith("FAIL  p99<1ms")


def test_faults_and_notes_are_said() -> None:
    closed = {**PLAN, "loop": "closed"}
    said = "\n".join(lines(found(plan=closed, receipts="never")))
    assert "note: A closed loop waits for answers" in said
    said = "\n".join(lines(found(passwords={"somebody": "else"})))
    assert "FAULT: 0 of 1 binds stand: bind refused: ESME_RINVSYSID" in said


def test_a_generator_that_is_the_limit_says_so() -> None:
    document = found()
    document["series"]["gauges"]["load_cpu"] = [0.97, 0.99]
    assert "98 % of a processor" in notes(PLAN, document)[0]


def test_the_document_is_json_and_complete() -> None:
    document = json.loads(dump(found("lost=0")))
    assert document["met"] is True
    assert document["figures"]["lost"] == 0
    assert document["requirements"][0]["said"] == "0"
    assert {"plan", "messages", "receipts", "far_end", "mos", "series", "histogram"} <= set(
        document
    )


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandFault, match="cannot be written"):
        write(tmp_path / "no" / "file", "")


def test_one_line_each_second() -> None:
    run, row = rows_of()[1]
    said = line(run, row)
    assert re.search(r"accepted \d+/s", said)
    assert "p50 " in said
    assert "queue 3" in said
    assert len(said) < 140


def test_the_panel() -> None:
    console = Console(width=90, height=30, force_terminal=True, record=True)
    screen = Screen("open loop", 3.0, console)
    screen.start()
    told = rows_of()
    for run, row in told:
        screen.told(run, row)
    screen.stop()
    text = console.export_text()
    assert "this second" in text
    assert re.search(r"accepted +\d+/s +\d+", text)
    assert "accepted/s  █" in text


def test_bars_show_the_highest_full() -> None:
    assert bars([]) == ""
    assert bars([0.0, 0.0]) == "▁▁"
    assert bars([1.0, 8.0]) == "▂█"


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(0.1234, "0.12"), (9.999, "10.00"), (12.34, "12.3"), (1234.5, "1234")],
)
def test_three_digits(milliseconds: float, said: str) -> None:
    assert rounded(milliseconds) == said
