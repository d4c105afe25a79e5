"""Hostile clients: what they send, how slowly, and what they do not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from relay_kit import World
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from web_kit import Browser, Transport, answered

from smppgw.ops.web import doors

HEAD = b" HTTP/1.1\r\nHost: here\r\n"
GET = b"GET /metrics" + HEAD + b"\r\n"
HEALTH = b"GET /health" + HEAD + b"\r\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world)


@pytest.fixture
def failures() -> Iterator[list[Any]]:
    """What was logged as a failure of ours."""
    found: list[Any] = []

    def observe(event: dict[str, Any]) -> None:
        if "log_failure" in event:
            found.append(event["log_failure"])

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


# ---------------------------------------------------------------------- what they send

OCTETS = {
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + bytes(range(256)),
    "SMPP": b"\x00\x00\x00\x10\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x01",
    "two lengths": b"POST /health" + HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a length below zero": b"POST /health" + HEAD + b"Content-Length: -5\r\n\r\n",
    "a length and chunks": b"POST /health"
    + HEAD
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunks": b"POST /health" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a huge chunk": b"POST /health"
    + HEAD
    + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"
    + b"x" * 9_000,
    "a long path": b"GET /" + b"x" * 20_000 + HEAD + b"\r\n",
    "a long header": b"GET /health" + HEAD + b"A: " + b"x" * 20_000 + b"\r\n\r\n",
    "many headers": b"GET /health" + HEAD + b"A: x\r\n" * 600 + b"\r\n",
    "a header without a colon": b"GET /health" + HEAD + b"nocolon\r\n\r\n",
    "a zero octet": b"GET /\0health" + HEAD + b"\r\n",
    "no UTF-8": b"GET /h\xff\xfe" + HEAD + b"\r\n",
    "a form": b"POST /health"
    + HEAD
    + b"Content-Type: multipart/form-data\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("name", OCTETS)
def test_what_is_no_request_is_refused_or_dropped(
    world: World, browser: Browser, failures: list[Any], name: str
) -> None:
    transport = browser.send(OCTETS[name])
    said = transport.value()
    assert said == b"" or said.startswith(b"HTTP/1.1 400 "), said
    world.settle(31)
    assert transport.disconnecting
    assert failures == []
    assert browser.ask("/health")[0] == 200


def test_a_star_is_asked_for_nothing(browser: Browser) -> None:
    status, headers, body = browser.ask("*", method="OPTIONS")
    assert (status, headers["server"], body) == (404, "smppgw", "not found\n")


@given(st.binary(max_size=300), st.sampled_from([b"", b"GET /health", b"POST /metrics" + HEAD]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_octets(browser: Browser, failures: list[Any], octets: bytes, beginning: bytes) -> None:
    transport = browser.send(beginning + octets + b"\r\n\r\n")
    assert transport.value()[:7] in (b"", b"HTTP/1.")
    assert failures == []
    transport.protocol.connectionLost(Failure(ConnectionDone()))


# ---------------------------------------------------------------------- how they send it


def test_one_request_is_answered_on_a_connection(browser: Browser) -> None:
    """Thousands in one write would keep the reactor busy for as long as it takes."""
    transport = browser.send(GET * 1_000)
    said = transport.value()
    assert said.count(b"HTTP/1.1 ") == 1
    assert transport.disconnecting
    assert answered(transport)[1]["connection"] == "close"
    transport.heard(GET * 1_000)
    assert transport.value() == said


def test_what_comes_behind_a_request_is_not_kept_without_end(browser: Browser) -> None:
    browser.thread = lambda *work: Deferred()
    transport = browser.send(HEALTH)
    for _ in range(1_000):
        transport.heard(b"x" * 1_000)
    kept = transport.protocol.wrappedProtocol._channel._dataBuffer
    assert sum(map(len, kept)) < 20_000


@pytest.mark.parametrize("piece", [b"", b"G", b"A: b\r\n"], ids=["silent", "an octet", "a header"])
def test_who_is_slow_to_ask_has_so_long_in_all(
    world: World, browser: Browser, piece: bytes
) -> None:
    transport = browser.send(b"GET /health" + HEAD if piece else b"")
    for second in range(35):
        world.settle(1.0, step=1.0)
        transport.heard(piece)
        assert transport.aborted is (second >= 29), second


def test_who_does_not_read_has_so_long_in_all(world: World, browser: Browser) -> None:
    transport = browser.connect()
    transport.heard(b"GET /metrics" + HEAD + b"\r\n")
    world.settle()
    assert transport.disconnecting, "in order, as soon as it is read"
    assert not transport.aborted
    world.settle(31)
    assert transport.aborted


def test_who_is_gone_is_not_cut_off(world: World, browser: Browser) -> None:
    transport = browser.send(HEALTH)
    transport.protocol.connectionLost(Failure(ConnectionDone()))
    assert not browser.doors.protocols
    world.settle(31)
    assert not transport.aborted


def test_the_oldest_goes_when_there_are_too_many(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "MOST", 3)
    held = [browser.send(b"GET /hea") for _ in range(3)]
    for _ in range(5):
        assert browser.ask("/health")[0] == 200, "nobody is kept out"
    assert all(one.aborted for one in held)
    assert len(browser.doors.protocols) == 3
    held = [browser.send(b"") for _ in range(3)]
    browser.doors.close()
    assert all(one.aborted for one in held)
    assert not browser.doors.protocols


def test_the_end_leaves_no_timer(world: World, browser: Browser) -> None:
    before = len(world.clock.getDelayedCalls())
    transports: list[Transport] = [browser.connect() for _ in range(5)]
    transports[0].heard(GET)
    browser.doors.close()
    browser.sheet.stop()
    assert len(world.clock.getDelayedCalls()) == before
