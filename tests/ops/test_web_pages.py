"""HTTP: paths, methods, forms, limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from relay_kit import World
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from web_kit import Browser, answered


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world)


def test_metrics_are_text_of_the_format_of_prometheus(browser: Browser) -> None:
    status, headers, body = browser.ask("/metrics", "Accept: application/json")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert int(headers["content-length"]) == len(body.encode())
    assert body.endswith("\n")
    assert 'smppgw_links_up{carrier="a"} 1.0\n' in body


@pytest.mark.parametrize("path", ["/health", "/ready", "/health?x=1"])
def test_a_verdict_is_a_line_or_json(browser: Browser, path: str) -> None:
    status, headers, body = browser.ask(path)
    assert (status, headers["content-type"], body) == (200, "text/plain; charset=utf-8", "ok\n")
    status, headers, body = browser.ask(path, "Accept: text/html, application/json;q=0.9")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {"ok": True, "reason": ""}


def test_a_bad_verdict_says_why(browser: Browser) -> None:
    browser.closed = "the gateway stops"
    status, _, body = browser.ask("/ready")
    assert (status, body) == (503, "the gateway stops\n")
    status, _, body = browser.ask("/ready", "Accept: application/json")
    assert status == 503
    assert json.loads(body) == {"ok": False, "reason": "the gateway stops"}


def test_head_has_no_body(browser: Browser) -> None:
    status, headers, body = browser.ask("/health", method="HEAD")
    assert (status, headers["content-length"], body) == (200, "3", "")


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/metrics/", "/metrics/x", "/health/../x", "/%00", "/Metrics", "//"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_other_path_is_not_found(browser: Browser, path: str, method: str) -> None:
    status, headers, body = browser.ask(path, method=method)
    assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert body == "not found\n"


@pytest.mark.parametrize("path", ["/metrics", "/health", "/ready"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "BREW"])
def test_any_other_method_is_refused(browser: Browser, path: str, method: str) -> None:
    status, headers, body = browser.ask(path, method=method)
    assert (status, headers["allow"]) == (405, "get, head")
    assert body == "method not allowed\n"


def test_a_fault_of_ours_shows_nothing(world: World, browser: Browser) -> None:
    world.relay.carriers["33612345678"] = None  # type: ignore[assignment]
    for path in ("/metrics", "/ready"):
        status, _, body = browser.ask(path)
        assert (status, body) == (500, "internal error; see the log\n")


def test_a_body_is_read_up_to_a_limit_only(browser: Browser) -> None:
    head = b"POST /health HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n"
    assert answered(browser.send(head % 10 + b"x" * 10))[0] == 405
    transport = browser.send(head % 10_000_000 + b"x" * 5_000)
    assert transport.disconnecting
    assert transport.value() == b""


def test_who_went_away_is_not_answered(world: World, browser: Browser) -> None:
    waiting: Deferred[None] = Deferred()
    browser.thread = lambda *work: waiting
    protocol = browser.doors.buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n")
    protocol.connectionLost(Failure(ConnectionDone()))
    waiting.callback(None)
    assert transport.value() == b""
