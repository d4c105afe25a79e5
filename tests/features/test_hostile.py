"""What a hostile phone, an unlucky night and a full disk try against features."""

from __future__ import annotations

from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keywords_kit import PHONE, SETUP
from keywords_kit import Place as Lists
from microblog_kit import MARIE, PAUL, SHORT, Place
from mo_kit import come
from relay_peers import mo
from test_keywords_webhook import Place as Hooked

from smppgw.core.consent import ConsentState
from smppgw.features.microblog.grammar import Post, hear, read
from smppgw.features.microblog.quiet import Nights, night_end
from smppgw.features.microblog.users import User

BOTH = ("en", "fr")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    paul, marie = made.member("paul", PAUL), made.member("marie", MARIE)
    made.follows(paul, marie, by_sms=True)
    made.follows(marie, paul, by_sms=True)
    return made


# ---------------------------------------------------------------- words


UNSEEN = "\u200b\u200e\u200f\u202a\u202c\u2063\u2066\u061c\u034f\u180e\ufe0f\x00\x1b\x07\u3164"


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_nobody_sees_makes_no_post_of_a_private_message(unseen: str) -> None:
    for written in (f"{unseen}D bob salut", f"{unseen} D bob salut", f"D{unseen} bob salut"):
        assert not isinstance(read(written, BOTH, lambda name: True), Post)
    heard = hear(f"{unseen}ST{unseen}OP{unseen}", BOTH)
    assert heard is not None
    assert heard.word == "STOP"


@pytest.mark.parametrize("word", ["D", "dm", "MP"])
@pytest.mark.parametrize("behind", ["@bob", "; bob", "- bob", "/ bob", "? bob", "_ bob", ",bob"])
def test_a_slip_behind_the_word_makes_no_post_of_a_private_message(word: str, behind: str) -> None:
    assert not isinstance(read(f"{word}{behind} salut", BOTH, lambda name: True), Post)


@pytest.mark.parametrize("text", [":D bob est la", "D'accord @bob", "DM-moi", "d.ieu", "Dbob x"])
def test_what_only_begins_with_that_letter_is_a_post(text: str) -> None:
    assert isinstance(read(text, BOTH, lambda name: True), Post)


# ---------------------------------------------------------------- stop, start, stop


def test_a_list_is_left_as_often_as_a_phone_says_so(tmp_path: Path) -> None:
    """The third message is like the first, a moment later, and no carrier repeats it."""
    lists = Lists(tmp_path, *SETUP)
    for words in ("STOP", "START", "STOP"):
        lists.text(words, seconds=5)
    assert lists.state() is ConsentState.STOPPED
    assert lists.events == ["stop", "start", "stop"]


def test_the_microblog_is_left_as_often_as_a_phone_says_so(place: Place) -> None:
    for words in ("STOP", "COMMENCER", "STOP"):
        place.text(MARIE, words, seconds=5)
    assert place.world.relay.consent.refuses(SHORT, MARIE)
    before = place.received(MARIE)
    place.text(PAUL, "Bonjour @marie")
    assert place.received(MARIE) == before


def test_a_stop_that_its_carrier_repeats_is_one_stop(tmp_path: Path) -> None:
    lists = Lists(tmp_path, *SETUP)
    assert len(lists.text("STOP")) == 1
    assert lists.text("STOP") == []
    assert lists.events == ["stop"]


def test_a_start_that_its_carrier_repeats_late_takes_no_stop_back(tmp_path: Path) -> None:
    lists = Lists(tmp_path, *SETUP)
    for words in ("START", "STOP", "START"):
        lists.text(words, seconds=5)
    assert lists.state() is ConsentState.STOPPED


# ---------------------------------------------------------------- clocks


def sleeper(zone: str, begin: int, end: int) -> User:
    return User(
        id=1,
        username="marie",
        folded="marie",
        phone=MARIE,
        address=SHORT,
        carrier="a",
        created=1,
        name="Marie",
        language="fr",
        zone=zone,
        quiet_from=begin,
        quiet_to=end,
    )


ZONES = st.sampled_from(
    ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo")
)
MINUTES = st.integers(0, 24 * 60 - 1)


@given(ZONES, MINUTES, MINUTES, st.integers(1_893_456_000, 1_925_000_000))
def test_no_quiet_time_ends_before_now(zone: str, begin: int, end: int, now: int) -> None:
    one = sleeper(zone, begin, end)
    until = Nights().until(one, now * 1000)
    assert until == 0 or until > now * 1000
    assert night_end(one, now * 1000) > now * 1000


def test_the_hour_that_comes_twice_is_quiet_to_its_end(place: Place) -> None:
    """The clocks of Paris go back from 3:00 to 2:00 on 27 October 2030."""
    place.change("marie", quiet_from=22 * 60, quiet_to=2 * 60 + 30)
    second = datetime(2030, 10, 27, 1, 15, tzinfo=UTC).timestamp()  # 2:15, once more
    place.world.clock.rightNow = second
    place.world.settle(1)
    place.text(PAUL, "D marie tu dors ?", seconds=1)
    commits = place.world.relay.store.commits
    place.later(300)
    assert place.world.relay.store.commits - commits < 50
    place.later(900)
    assert place.news(MARIE) == ["D @paul: tu dors ?"]


# ---------------------------------------------------------------- a full disk


def test_a_full_disk_makes_no_flood_of_posts(tmp_path: Path) -> None:
    """What was posted and cannot be ticked off is not posted again and again."""
    hooked = Hooked(tmp_path)
    hooked.status = "late"
    come(hooked.world, mo(b"bonjour", "36180", source_addr=PHONE))
    hooked.world.settle(1)

    def full(payload: bytes) -> None:
        raise OSError(ENOSPC, "disk is full")

    journal: Any = hooked.world.engine.journal
    append, journal.append = journal.append, full
    hooked.status = 200
    hooked.open.pop().callback(200)
    hooked.later(120)
    assert hooked.told == ["bonjour"]
    journal.append = append
    hooked.later(60)
    assert hooked.told == ["bonjour"]
    assert hooked.rows == 0
