"""`smppgw simulate load`: its options, its processes, its exit codes."""

from __future__ import annotations

import json
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Running
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.web import client

from smppgw.cli import load_options, main
from smppgw.cli.load import INTERRUPTED, UNMET
from smppgw.cli.load_plan import Plan, PlanError, plan_of, weights
from smppgw.cli.metrics_page import STALE, MetricsPage, total
from smppgw.cli.output import FAULT, OK, USAGE
from smppgw.cli.target import Target

TARGET = Target("127.0.0.1", 2775, "demo", "secret")


def parsed(*words: str) -> Namespace:
    parser = ArgumentParser()
    load_options.add(parser)
    return parser.parse_args(words)


def plan(*words: str) -> Plan:
    return plan_of(parsed(*words), TARGET)


# ---------------------------------------------------------------------- what options mean


def test_without_options_it_is_a_closed_loop_of_half_a_minute() -> None:
    made = plan()
    assert made.about["loop"] == "closed"
    assert made.load.shape is None
    assert made.limits.seconds == 30.0
    assert made.load.registered_delivery == 1
    assert (made.load.dest_addr_ton, made.load.dest_addr_npi) == (1, 1)
    assert len(made.load.destinations) == 1000


def test_a_count_alone_has_no_time() -> None:
    made = plan("--count", "500")
    assert made.load.count == 500
    assert made.limits.seconds == float("inf")


def test_shapes_of_an_open_loop() -> None:
    made = plan("--rate", "100", "--shape", "ramp", "--seconds", "10", "--arrivals", "poisson")
    assert made.load.shape is not None
    assert made.load.shape.count == 500
    assert made.load.poisson == 1
    soak = plan("--rate", "100", "--shape", "soak").load.shape
    assert soak is not None
    assert soak.seconds == 3600.0


def test_short_destinations_are_no_international_numbers() -> None:
    made = plan("--to", "0099", "--destinations", "2")
    assert made.load.destinations == ("0099", "0100")
    assert made.load.dest_addr_ton == 0


def test_mos_need_a_carrier_of_ours() -> None:
    made = plan("--carrier-port", "2790", "--mo-rate", "50", "--mo-keywords", "A=3, B,C=0.5")
    assert made.mos is not None
    assert made.mos.keywords == {"A": 3.0, "B": 1.0, "C": 0.5}
    with pytest.raises(PlanError, match="--carrier-port"):
        plan("--mo-rate", "50")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--require", "p98<1"), "--require 'p98<1': no figure"),
        (("--persona", "helthy"), "no persona 'helthy'"),
        (("--shape", "ramp"), "give --rate"),
        (("--arrivals", "poisson"), "give --rate"),
        (("--mix", "sms=1"), "--mix: no kind 'sms'"),
        (("--mix", "gsm=x"), "--mix: 'x' in 'gsm=x' is no weight"),
        (("--mix", ","), "--mix: weights"),
        (("--text", "x" * 40_000), "--text: "),
        (("--to", "+33x"), "--to +33x: is no number"),
    ],
)
def test_what_makes_no_sense(words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(PlanError) as error:
        plan(*words)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--rate", "0"), ("--window", "0"), ("--binds", "x"), ("--seconds", "nan"), ("--port", "0")],
)
def test_figures_out_of_range_are_usage_errors(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(("simulate", "load", option, value))
    assert end.value.code == USAGE
    assert value in capsys.readouterr().err


def test_weights_of_nothing() -> None:
    with pytest.raises(PlanError, match="above 0"):
        weights("A=0,B=0", "--mix")
    with pytest.raises(PlanError, match="above 0"):
        weights("A=inf", "--mix")


# ---------------------------------------------------------------------- a page of metrics

PAGE = """# TYPE smppgw_queue_messages gauge
smppgw_queue_messages{carrier="a",class="bulk"} 3
smppgw_queue_messages{carrier="b",class="bulk"} 4
# TYPE other counter
other_total 9
"""


class Body:
    """A response with a body."""

    def __init__(self, text: str, code: int = 200) -> None:
        self.code = code
        self.text = text


class FakeAgent:
    """Answers what it is told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def request(self, method: bytes, url: bytes) -> Deferred[Any]:
        assert (method, url) == (b"GET", b"http://x/metrics")
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)


def test_a_metric_is_added_up() -> None:
    assert total(PAGE, "smppgw_queue_messages") == 7.0
    assert total(PAGE, "other_total") == 9.0
    assert total(PAGE, "third") is None


def test_the_newest_figure_and_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "readBody", lambda body: succeed(body.text.encode()))
    clock, agent = Clock(), FakeAgent(Body(PAGE))
    page = MetricsPage(clock, "http://x/metrics", "smppgw_queue_messages", agent=agent)
    page.start()
    assert (page.value(), page.trouble) == (7.0, "")
    for answer, trouble in (
        (Body("", 503), "HTTP 503"),
        (Body("x 1\n"), "no metric smppgw_queue_messages"),
        (OSError("refused"), "refused"),
        (Body("{"), ""),
    ):
        agent.answer = answer
        clock.advance(1.0)
        assert trouble in page.trouble
        assert page.trouble
    assert page.value() == 7.0
    clock.advance(STALE)
    assert page.value() is None
    agent.answer = Body(PAGE)
    clock.advance(1.0)
    assert (page.value(), page.trouble) == (7.0, "")
    page.stop()
    assert clock.getDelayedCalls() == []


# ---------------------------------------------------------------------- processes


@pytest.fixture
def carrier() -> Iterator[int]:
    """The port of a simulated carrier."""
    running = Running("simulate", "carrier", "--json", "--port", "0")
    yield int(json.loads(running.says("port")[-1])["port"])
    running.kill()


@pytest.fixture
def password(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "password").write_text("secret\n")
    return ("--system-id", "load", "--password-file", str(tmp_path / "password"))


def test_a_load_test_and_its_files(carrier: int, password: Any, tmp_path: Path) -> None:
    result, page = tmp_path / "result.json", tmp_path / "report.html"
    process = Running(
        *("simulate", "load", "--port", str(carrier), "--rate", "200", "--seconds", "1.5"),
        *("--binds", "2", "--mix", "gsm=1,multipart=1", "--require", "lost=0"),
        *("--output", str(result), "--html", str(page), *password),
    )
    code, out, err = process.end()
    assert (code, err) == (OK, "")
    assert "sent " in out
    assert "ok    lost=0  0" in out
    found = json.loads(result.read_text())
    assert found["messages"]["sent"] == found["messages"]["accepted"] >= 300
    assert found["receipts"]["pending"] == 0
    assert "</html>" in page.read_text()


def test_an_unmet_requirement_is_an_exit_code(carrier: int, password: Any) -> None:
    process = Running(
        *("simulate", "load", "--port", str(carrier), "--count", "20", "--json"),
        *("--require", "sent>=1000", *password),
    )
    code, out, err = process.end()
    assert (code, err) == (UNMET, "")
    found = json.loads(out)
    assert found["met"] is False
    assert found["requirements"] == [
        {"text": "sent>=1000", "figure": 20, "said": "20", "met": False}
    ]


def test_an_interruption_reports_what_was(carrier: int, password: Any) -> None:
    process = Running(
        *("simulate", "load", "--port", str(carrier), "--rate", "100", "--seconds", "600"),
        *password,
    )
    process.says("sending")
    process.signal(signal.SIGINT)
    code, out, err = process.end()
    assert (code, err) == (INTERRUPTED, "")
    assert "interrupted" in out
    assert "+ 0 pending" in out


def test_a_server_that_refuses(password: Any) -> None:
    running = Running("simulate", "carrier", "--json", "--port", "0")
    port = str(json.loads(running.says("port")[-1])["port"])
    running.kill()
    process = Running(
        *("simulate", "load", "--port", port, "--count", "1", "--rate", "1", *password)
    )
    process.says("target")
    process.signal(signal.SIGTERM)  # else it tries for ten seconds
    code, out, _ = process.end()
    assert code in (FAULT, INTERRUPTED)
    assert "0 refused" in out


def test_authorities_that_cannot_be_read(password: Any, tmp_path: Path) -> None:
    process = Running(
        *("simulate", "load", "--port", "1", "--tls", str(tmp_path / "none.pem"), *password)
    )
    code, out, err = process.end()
    assert (code, out) == (FAULT, "")
    assert err.startswith(f"--tls {tmp_path / 'none.pem'}: ")


def test_a_port_of_the_carrier_that_is_taken(carrier: int, password: Any) -> None:
    process = Running(
        *("simulate", "load", "--port", str(carrier), "--count", "1"),
        *("--carrier-port", str(carrier), *password),
    )
    code, _, err = process.end()
    assert code == FAULT
    assert err.startswith(f"cannot listen on 127.0.0.1:{carrier}: ")
