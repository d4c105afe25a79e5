"""Messages that are posted to a web server: which, when again, and when no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keywords_kit import DAY, PHONE, SETUP
from keywords_kit import Place as Plain
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs, formatEvent

from smppgw.core.command import CommandError
from smppgw.features.keywords import webhook
from smppgw.features.keywords.webhook import url_of

URL = "https://hooks.example/sms?token=s3cret"
HOOKED = (*SETUP, f"set keywords 36180 webhook {URL}")


class Place(Plain):
    """With a web server that answers `status`; None = nobody is there, "late" = not yet."""

    def __init__(self, directory: Path, *setup: str, **rest: Any) -> None:
        self.status: int | str | None = 200
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.open: list[Deferred[int]] = []
        super().__init__(directory, *(setup or HOOKED), **rest)

    def make(self, host: Any) -> Any:
        host._post = self.post
        return super().make(host)

    def post(self, url: str, body: bytes) -> Deferred[int]:
        self.posts.append((url, json.loads(body)))
        if self.status == "late":
            self.open.append(Deferred())
            return self.open[-1]
        if self.status is None:
            return fail(ConnectionError())
        assert isinstance(self.status, int)
        return succeed(self.status)

    @property
    def told(self) -> list[str]:
        return [fields["text"] for _, fields in self.posts]

    @property
    def rows(self) -> int:
        ((count,),) = self.world.engine.select("SELECT count(*) FROM keywords_call")
        return int(count)

    def hook(self) -> webhook.Webhook:
        return self.features[-1].webhook


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# ---------------------------------------------------------------- which


def test_what_is_no_word_is_posted(place: Place) -> None:
    said = place.text("J'arrive demain")
    assert said[0].startswith("Durand : message non compris")
    ((url, fields),) = place.posts
    assert url == URL
    assert (fields["from"], fields["to"], fields["text"]) == (PHONE, "36180", "J'arrive demain")
    assert (fields["word"], fields["stopped"], fields["answered"]) == (None, False, True)
    assert fields["at"].endswith("Z")
    assert place.rows == 0


def test_words_that_every_number_understands_are_not(place: Place) -> None:
    for words in ("START", "AIDE", "CONTACT", "STOP", "Arret."):
        place.text(words)
    assert place.posts == []


def test_who_said_stop_is_silent_and_the_webhook_is_called(place: Place) -> None:
    place.shell('add keyword 36180 PROMO "Dix pour cent"')
    assert place.text("PROMO") == ["Dix pour cent"]
    place.text("STOP")
    place.later(61)
    assert place.text("promo") == []
    first, second = (fields for _, fields in place.posts)
    assert (first["word"], first["stopped"], first["answered"]) == ("PROMO", False, True)
    assert (second["word"], second["stopped"], second["answered"]) == ("PROMO", True, False)


def test_a_number_without_a_webhook(place: Place) -> None:
    assert place.shell("set keywords 36180 webhook off")[-1] == "OK"
    place.text("bonjour")
    assert place.posts == []
    assert place.shell("show webhooks")[0] == "no number has a webhook"


def test_nothing_is_posted_before_it_is_durable(place: Place) -> None:
    place.world.sync.stuck = True
    place.world.simulated["a"].send_mo(PHONE, "36180", b"bonjour")
    place.world.settle(1)
    assert place.posts == []
    place.world.sync.go_on()
    place.world.settle(1)
    assert place.told == ["bonjour"]


# ---------------------------------------------------------------- again


@pytest.mark.parametrize("status", [500, 404, 302, None])
def test_what_is_not_taken_is_tried_again(place: Place, status: int | None) -> None:
    place.status = status
    place.text("bonjour")
    assert len(place.posts) == 1
    place.later(8)
    assert len(place.posts) == 2
    place.status = 204
    place.later(25)
    assert place.told == ["bonjour"] * 3
    assert place.rows == 0
    place.later(DAY)
    assert len(place.posts) == 3


def test_nobody_takes_it_for_a_day(place: Place) -> None:
    place.status = None
    place.text("bonjour")
    place.later(23 * 3600)
    tried = len(place.posts)
    assert 20 < tried < 60
    assert place.rows == 1
    with capturedLogs() as logs:
        place.later(4 * 3600)
    assert place.rows == 0
    assert place.hook().lost == 1
    said = [formatEvent(event) for event in logs if "webhook" in event["log_format"]]
    assert said == ["webhook at hooks.example: given up after a day: ConnectionError"]
    assert "1 messages not posted" in "\n".join(place.shell("show webhooks"))


def test_a_server_that_fails_is_left_alone(place: Place) -> None:
    place.status = 503
    for number in range(12):
        place.text(f"message {number}", seconds=0)
    tried = len(place.posts)
    assert tried <= 12 + webhook.FAULTS
    shown = "\n".join(place.shell("show webhooks"))
    assert "status 503" in shown
    place.status = 200
    place.later(600)
    assert sorted(set(place.told)) == sorted(f"message {number}" for number in range(12))
    assert place.rows == 0


def test_few_posts_are_under_way_at_a_time(place: Place) -> None:
    place.status = "late"
    for number in range(20):
        place.text(f"message {number}", seconds=0)
    assert len(place.posts) == webhook.AT_ONCE
    place.status = 200
    for one in place.open:
        one.callback(200)
    place.later(2)
    assert len(place.posts) == 20
    assert place.rows == 0


def test_what_waits_is_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "MOST_WAITING", 3)
    place.status = "late"
    for number in range(5):
        place.text(f"message {number}", seconds=0)
    assert place.rows == 3
    assert place.hook().lost == 2


def test_a_crash_loses_no_post(place: Place) -> None:
    place.status = "late"
    place.text("bonjour")
    place.status = 200
    place.world.crash()
    place.world.settle(2)
    assert place.told == ["bonjour", "bonjour"]
    assert place.rows == 0


def test_a_phone_that_is_forgotten(place: Place) -> None:
    place.status = None
    place.text("bonjour")
    assert place.rows == 1
    place.shell(f"forget consents {PHONE}", True)
    assert place.rows == 0


# ---------------------------------------------------------------- URLs


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "hooks.example", "https://", "https://u:p@x/", "http://x:0/", "http://x:a/", "é"],
)
def test_what_is_no_webhook(place: Place, url: str) -> None:
    assert place.shell(f"set keywords 36180 webhook {url}")[-1] != "OK"


@given(st.text(max_size=60))
def test_any_words_for_a_url(words: str) -> None:
    for written in (words, f"https://{words}"):
        try:
            found = url_of(written)
        except CommandError:
            continue
        assert found == "" or found.startswith(("http", "HTTP"))
