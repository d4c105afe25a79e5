"""The scripts in general: they start, explain themselves, and the benchmarks measure."""

from __future__ import annotations

import pytest
from scripts_kit import SCRIPTS, report, script

NAMES = (
    *("crash", "backlog", "idle", "bench_relay", "bench_codec"),
    *("load", "compare", "soak", "mo_storm", "replay", "fanout"),
)


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_it_does(name: str) -> None:
    code, out, err = script(name, "--help")
    assert code == 0
    assert err == ""
    assert "--json" in out
    described = " ".join(out.split())
    docstring = (SCRIPTS / f"{name}.py").read_text().partition('"""')[2].partition("\n\n")[0]
    assert " ".join(docstring.split()) in described


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_option_is_a_usage_error(name: str) -> None:
    code, out, err = script(name, "--no-such-option")
    assert code == 2
    assert out == ""
    assert err.startswith("usage: ")


@pytest.mark.parametrize("name", NAMES)
def test_the_command_runs_the_python_of_its_name(name: str) -> None:
    lines = (SCRIPTS / name).read_text().splitlines()
    assert lines[-2:] == [
        "prepare",
        f'exec "$venv/bin/python" "$root/scripts/{name}.py" "$@"',
    ]


def test_the_relay_is_measured_by_stage() -> None:
    figures = report("bench_relay", "--count", "120", "--batch", "50", "--runs", "2")
    stages = figures["us_per_message"]
    assert set(stages) == {
        "submits",
        "answers and receipts",
        "receipts taken",
        "commit",
        "release",
        "total",
    }
    assert min(stages.values()) > 0
    parts = sum(us for name, us in stages.items() if name != "total")
    assert stages["total"] == pytest.approx(parts, abs=0.1)
    assert len(figures["totals"]) == 2
    assert stages["total"] == min(figures["totals"])


def test_the_microblog_is_measured() -> None:
    sizes = ("--accounts", "300", "--followers", "200", "--texts", "60", "--window", "20")
    figures = report("fanout", *sizes, "--posts", "2")
    assert figures["fanout"]["texts"] == 201
    assert figures["commands"]["texts"] == 60
    for measured in (figures["fanout"], figures["commands"]):
        assert measured["per_second"] > 0
        assert measured["cpu_us_per_text"] > 0


def test_the_codec_is_measured_by_pdu() -> None:
    figures = report("bench_codec", "--count", "50", "--repeat", "2")
    assert set(figures["pdus"]) >= {"SubmitSm", "SubmitSmResp", "DeliverSm", "DeliverSmResp"}
    for measured in figures["pdus"].values():
        assert measured["octets"] >= 16
        assert measured["decode"] > 0
        assert measured["encode"] > 0
    assert min(figures["around"].values()) > 0


def test_people_read_lines() -> None:
    code, out, _ = script("bench_codec", "--count", "20", "--repeat", "1")
    assert code == 0
    assert out.splitlines()[0].split() == ["us", "per", "PDU", "octets", "decode", "encode"]
    assert out.splitlines()[-1] == "verdict: ok"
