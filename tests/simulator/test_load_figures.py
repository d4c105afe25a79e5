"""Figures by name, and what is required of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_kit import result_of

from smppgw.simulator.figures import (
    COUNTS,
    DURATIONS,
    NAMES,
    RATES,
    RequirementError,
    figures,
    judge,
    requirement,
)


@pytest.mark.parametrize(
    ("text", "figure", "op", "value", "share"),
    [
        ("p99<10ms", "p99", "<", 10.0, False),
        ("p99.9 <= 1.5 s", "p99.9", "<=", 1500.0, False),
        ("p50<900us", "p50", "<", 0.9, False),
        ("p50<3", "p50", "<", 3.0, False),
        ("lost=0", "lost", "=", 0.0, False),
        ("lost == 0", "lost", "=", 0.0, False),
        ("rate>=5000", "rate", ">=", 5000.0, False),
        ("rejected<0.5%", "rejected", "<", 0.5, True),
        ("mo.out_of_order!=1", "mo.out_of_order", "!=", 1.0, False),
        ("receipt.p99<2s", "receipt.p99", "<", 2000.0, False),
        ("service.max>.5ms", "service.max", ">", 0.5, False),
        ("queue<=1000", "queue", "<=", 1000.0, False),
    ],
)
def test_requirements(text: str, figure: str, op: str, value: float, share: bool) -> None:
    found = requirement(text)
    assert (found.figure, found.op, found.share) == (figure, op, share)
    assert found.value == pytest.approx(value)
    assert found.text == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no requirement such as"),
        ("p99", "is no requirement"),
        ("p99<", "is no requirement"),
        ("p99<-1", "is no requirement"),
        ("p99<10min", "is no requirement"),
        ("p99<1e3", "is no requirement"),
        ("p98<10ms", "no figure 'p98'; did you mean p9"),
        ("zzzzzz<10ms", "no figure 'zzzzzz'; there are: accepted, "),
        ("lost<10ms", "lost is no duration"),
        ("p99<10%", "p99 is no count of messages"),
        ("rate>10%", "rate is no count of messages"),
    ],
)
def test_what_is_no_requirement(text: str, reason: str) -> None:
    with pytest.raises(RequirementError, match=reason.replace(".", r"\.")):
        requirement(text)


@given(st.text(max_size=30))
def test_no_text_does_harm(text: str) -> None:
    try:
        found = requirement(text)
    except RequirementError as error:
        assert repr(text) in str(error)  # noqa: PT017
    else:
        assert found.figure in NAMES


@given(
    st.sampled_from(sorted(NAMES)),
    st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
    st.integers(0, 1000),
    st.integers(0, 1000),
)
def test_every_figure_can_be_required_and_the_verdict_is_arithmetic(
    name: str, op: str, value: int, figure: int
) -> None:
    verdict = judge(requirement(f"{name}{op}{value}"), {name: float(figure)})
    python = "==" if op == "=" else op
    assert verdict.met is eval(f"{figure} {python} {value}")  # noqa: S307 - two numbers
    assert verdict.figure == figure


def test_a_share_is_of_what_was_sent() -> None:
    wanted = requirement("rejected<=1%")
    assert judge(wanted, {"rejected": 10, "sent": 1000}).met
    verdict = judge(wanted, {"rejected": 11, "sent": 1000})
    assert (verdict.met, verdict.said) == (False, "1.1 %")
    assert judge(wanted, {"rejected": 0, "sent": 0}).said == "not measured"


def test_what_was_not_measured_is_not_met() -> None:
    for text in ("lost=0", "p99<10ms", "queue<10", "mo.lost=0"):
        verdict = judge(requirement(text), {})
        assert (verdict.met, verdict.said) == (False, "not measured")


@pytest.mark.parametrize(
    ("text", "figure", "said"),
    [
        ("p99<1", 3.29123, "3.291 ms"),
        ("p99<1", 12_345.0, "12.35 s"),
        ("rate>1", 4999.96, "5000.0/s"),
        ("lost=0", 3.0, "3"),
    ],
)
def test_a_figure_is_said_with_its_unit(text: str, figure: float, said: str) -> None:
    wanted = requirement(text)
    assert judge(wanted, {wanted.figure: figure}).said == said


# ---------------------------------------------------------------------- out of a result


def test_the_figures_of_a_result() -> None:
    found = figures(result_of(count=100, window=10))
    assert found.keys() == NAMES == DURATIONS | set(COUNTS) | set(RATES) | {"queue"}
    assert (found["sent"], found["accepted"], found["receipts"]) == (100, 100, 100)
    assert found["lost"] == found["duplicates"] == found["out_of_order"] == 0
    assert found["p99"] is not None
    assert found["mo.lost"] is None
    assert found["queue"] is None


def test_lost_is_known_without_the_far_end_when_receipts_were_asked_for() -> None:
    other = {"receipts": "never"}
    result: dict[str, Any] = result_of(other, both_ends=False, count=10)
    assert result["far_end"] is None
    found = figures(result)
    assert (found["lost"], found["pending"], found["duplicates"]) == (10, 10, None)
    silent = figures(result_of(other, both_ends=False, count=10, registered_delivery=0))
    assert (silent["lost"], silent["pending"], silent["receipt.p50"]) == (None, None, None)


def test_the_deepest_queue_counts() -> None:
    result = result_of(count=10)
    result["series"]["gauges"]["queue"] = [None, 5.0, 17.0, None]
    assert figures(result)["queue"] == 17.0
