"""Phones that cannot be reached, and numbers that may have become somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from microblog_kit import CLAIRE, MARIE, NEW, PAUL, Place

from smppgw.features.microblog.users import UserState

DAY = 86_400
NO_SUCH_NUMBER, THROTTLED, WRONG_SENDER = 0x0B, 0x58, 0x0A
OTHER = "33639980011"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    paul = made.member("paul", PAUL)
    marie = made.member("marie", MARIE)
    made.follows(marie, paul, by_sms=True)
    made.follows(paul, marie)
    return made


def carrier(place: Place, **behaviour: Any) -> None:
    simulated = place.world.simulated["a"]
    simulated.behaviour = evolve(simulated.behaviour, **behaviour)


def posts(place: Place, count: int, words: str = "tweet") -> None:
    for number in range(count):
        place.text(PAUL, f"{words} {number}")
        place.later(21)  # thirty texts in ten minutes would be too many


def failures(place: Place) -> list[tuple[str, int]]:
    return place.world.engine.select("SELECT phone, count FROM microblog_failure")


def test_five_texts_in_a_row_that_never_arrive_are_the_last(place: Place) -> None:
    carrier(place, failures={"UNDELIV": 1.0})
    posts(place, 4)
    assert failures(place) == [(MARIE, 4)]
    assert place.user("marie").state == UserState.ACTIVE
    posts(place, 1, "fifth")
    marie = place.user("marie")
    assert (marie.state, marie.posts_on, marie.messages_on) == (UserState.INVALID, False, False)
    assert place.events("marie")[-1] == "number.invalid"
    assert failures(place) == []
    carrier(place, failures={})
    place.news(MARIE)
    posts(place, 1, "sixth")
    place.text(PAUL, "D marie tu es la ?")
    place.text(PAUL, "RELANCER marie")
    assert place.news(MARIE) == []


@pytest.mark.parametrize(
    ("behaviour", "count"),
    [
        ({"failures": {"REJECTD": 1.0}}, 3),
        ({"destination_statuses": {MARIE: NO_SUCH_NUMBER}}, 3),
        ({"failures": {"EXPIRED": 1.0}}, 0),  # a phone may be switched off for days
        ({"destination_statuses": {MARIE: WRONG_SENDER}}, 0),  # says nothing about the phone
        ({"destination_statuses": {MARIE: THROTTLED}}, 0),
    ],
)
def test_what_counts(place: Place, behaviour: dict[str, Any], count: int) -> None:
    carrier(place, **behaviour)
    posts(place, 3)
    assert failures(place) == ([(MARIE, count)] if count else [])


def test_one_text_that_arrives_ends_the_row(place: Place) -> None:
    carrier(place, failures={"UNDELIV": 1.0})
    posts(place, 4)
    carrier(place, failures={})
    posts(place, 1)
    assert failures(place) == []
    carrier(place, failures={"UNDELIV": 1.0})
    posts(place, 4, "again")
    assert place.user("marie").state == UserState.ACTIVE


def test_the_row_survives_a_crash(place: Place) -> None:
    carrier(place, failures={"UNDELIV": 1.0})
    posts(place, 3)
    place.world.crash()
    place.world.settle(3)
    assert failures(place) == [(MARIE, 3)]
    carrier(place, failures={})
    posts(place, 1)
    assert failures(place) == []


def test_a_dead_number_that_writes_is_alive(place: Place) -> None:
    carrier(place, failures={"UNDELIV": 1.0})
    posts(place, 5)
    carrier(place, failures={})
    assert place.text(MARIE, "STATS")[0].startswith("@marie")
    marie = place.user("marie")
    assert (marie.state, marie.posts_on, marie.gone_at) == (UserState.ACTIVE, False, 0)
    assert place.events("marie")[-1] == "number.valid"
    assert place.text(MARIE, "COMMENCER") == ["SMS activés. COUPER pour les désactiver."]
    place.news(MARIE)
    posts(place, 1, "bon retour")
    assert place.news(MARIE) == ["@paul: bon retour 0"]


def test_no_code_goes_to_a_dead_number(place: Place) -> None:
    carrier(place, failures={"UNDELIV": 1.0})
    posts(place, 5)
    place.news(MARIE)
    assert "nothing reaches its phone" in place.shell("login send marie")[0]
    assert any("INVALID" in line for line in place.shell("show user marie"))
    assert place.news(MARIE) == []


def test_a_dead_number_is_nobodys_after_ninety_days(place: Place) -> None:
    carrier(place, failures={"UNDELIV": 1.0})
    posts(place, 5)
    carrier(place, failures={})
    place.later(89 * DAY)
    assert place.user("marie").phone == MARIE
    place.later(2 * DAY)
    marie = place.user("marie")
    assert (marie.phone, marie.last_phone, marie.state) == (None, "", UserState.STOPPED)
    assert place.events("marie")[-1] == "number.recycled"
    assert place.text(MARIE, "COMMENCER")[0].startswith("Bienvenue sur Gazouille")


def test_a_number_that_said_stop_is_nobodys_after_ninety_days(place: Place) -> None:
    place.text(MARIE, "STOP")
    place.later(89 * DAY)
    assert place.text(MARIE, "COMMENCER") == ["SMS activés. COUPER pour les désactiver."]
    place.text(MARIE, "Stop.")
    place.later(91 * DAY)
    assert place.user("marie").last_phone == ""
    assert place.text(MARIE, "COMMENCER")[0].startswith("Bienvenue sur Gazouille")
    place.text(MARIE, "Anne Martin")
    place.text(MARIE, "anne")
    assert place.user("anne").phone == MARIE
    assert place.user("marie").phone is None


def test_who_comes_back_in_time_stays(place: Place) -> None:
    place.text(MARIE, "STOP")
    place.later(80 * DAY)
    place.text(MARIE, "START")
    place.later(20 * DAY)
    assert place.user("marie").phone == MARIE


def test_a_phone_without_an_account_that_is_dead(place: Place) -> None:
    place.text(OTHER, "SUIVRE paul")
    carrier(place, destination_statuses={OTHER: NO_SUCH_NUMBER})
    posts(place, 5)
    user = place.blog.users.by_phone(OTHER)
    assert user is not None
    assert user.state == UserState.INVALID
    carrier(place, destination_statuses={})
    place.text(OTHER, "SUIVRE marie")
    place.news(OTHER)
    posts(place, 1, "la")
    assert place.news(OTHER) == ["@paul: la 0"]
    carrier(place, destination_statuses={OTHER: NO_SUCH_NUMBER})
    posts(place, 5)
    place.later(91 * DAY)
    assert place.blog.users.by_phone(OTHER) is None
    assert place.user("paul").followers == 1


def test_texts_to_strangers_are_not_counted(place: Place) -> None:
    carrier(place, failures={"UNDELIV": 1.0})
    place.text(NEW, "Bonjour")
    place.text(CLAIRE, "AIDE")
    assert failures(place) == []


def test_a_phone_linked_anew_is_not_dead(place: Place) -> None:
    carrier(place, failures={"UNDELIV": 1.0})
    posts(place, 5)
    carrier(place, failures={})
    (line, _) = place.shell("link start marie by-sms")
    place.text(OTHER, line.split()[1])
    marie = place.user("marie")
    assert (marie.phone, marie.state, marie.gone_at) == (OTHER, UserState.ACTIVE, 0)
