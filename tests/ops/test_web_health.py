"""Health and readiness: the verdicts and their reasons."""

from __future__ import annotations

import os
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from relay_kit import World, carrier
from twisted.internet.defer import Deferred
from web_kit import Browser, answered

from smppgw.ops.web import health as module


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world)


def test_the_disk_is_tried(world: World, browser: Browser) -> None:
    assert browser.ask("/health")[0] == 200
    written = world.directory / "health"
    assert written.stat().st_size == 4096
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_disk_that_refuses(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(ENOSPC, os.strerror(ENOSPC), "/somewhere/health")

    monkeypatch.setattr(module.os, "write", full)
    assert browser.ask("/health")[::2] == (
        503,
        "the data directory cannot be written: No space left on device\n",
    )
    monkeypatch.undo()
    assert browser.ask("/health")[0] == 503  # one look serves for a second
    world.settle(1.1)
    assert browser.ask("/health")[0] == 200


def test_a_look_that_fails_is_not_the_last_one(world: World, browser: Browser) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("secret")

    thread, browser.thread = browser.thread, broken
    status, _, body = browser.ask("/health")
    assert (status, body) == (503, "the disk could not be looked at; see the log\n")
    browser.thread = thread
    world.settle(1.1)
    assert browser.ask("/health")[0] == 200


def test_a_link_in_place_of_the_file_is_not_followed(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (world.directory / "health").symlink_to(precious)
    assert browser.ask("/health")[0] == 503
    assert precious.read_text() == "mine"


def test_a_disk_that_hangs(world: World, browser: Browser) -> None:
    looks: list[Deferred[None]] = []

    def hangs(*_: Any) -> Deferred[None]:
        looks.append(Deferred())
        return looks[-1]

    browser.thread = hangs
    request = b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n"
    first, second = browser.send(request), browser.send(request)
    assert first.value() == second.value() == b""
    world.settle(5.1)
    for one in (first, second):
        assert answered(one)[::2] == (503, "the disk did not answer in 5 s\n")
    third = browser.send(request)
    assert len(looks) == 1  # one thread waits, not one per question
    looks[0].callback(None)
    assert answered(third)[0] == 200


def test_a_store_in_trouble(world: World, browser: Browser) -> None:
    world.store.trouble = "disk I/O\r\nerror" + "!" * 500
    for path in ("/health", "/ready"):
        status, _, body = browser.ask(path)
        assert status == 503
        assert body.startswith("the store cannot write: disk I/O error!")
        assert len(body) <= 201
        assert body.count("\n") == 1


def test_a_commit_that_hangs(world: World, browser: Browser) -> None:
    esme = world.esme()
    world.settle(2)
    world.sync.stuck = True
    esme.submit()
    world.settle(6)
    status, _, body = browser.ask("/health")
    assert status == 503
    assert body == "a commit has waited 6 s for the disk\n"
    world.sync.go_on()
    world.settle(0.1)
    assert browser.ask("/health")[0] == 200


def test_ready_needs_a_carrier_that_can_be_used(world: World, browser: Browser) -> None:
    assert browser.ask("/ready")[0] == 200
    world.relay.carriers["a"].hold()
    assert browser.ask("/ready")[::2] == (503, "no carrier can be used, of 1\n")
    world.relay.carriers["a"].release()
    assert browser.ask("/ready")[0] == 200


def test_one_usable_carrier_is_enough_and_disabled_ones_do_not_count(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        carriers=(carrier("a"), carrier("b", 2791), carrier("off", 2792, enabled=False)),
    )
    browser = Browser(world)
    world.relay.carriers["a"].hold()
    assert browser.ask("/ready")[0] == 200
    world.relay.carriers["b"].hold()
    assert browser.ask("/ready")[::2] == (503, "no carrier can be used, of 2\n")


def test_ready_without_carriers(tmp_path: Path) -> None:
    world = World(tmp_path / "var", carriers=(carrier("off", enabled=False),))
    assert Browser(world).ask("/ready")[0] == 200


def test_ready_needs_open_doors(browser: Browser) -> None:
    browser.closed = "the gateway starts"
    assert browser.ask("/ready")[::2] == (503, "the gateway starts\n")
    assert browser.ask("/health")[0] == 200
