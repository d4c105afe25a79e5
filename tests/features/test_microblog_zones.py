"""Whose clock quiet times follow, and what somebody says about itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microblog_kit import BOB, MARIE, NEW, PAUL, Place

from smppgw.core.phrases import LONGEST
from smppgw.features.microblog.numbers import COUNTRIES, Number, zone_of
from smppgw.features.microblog.profile import _is_one_sms, _who
from smppgw.features.microblog.quiet import quiet_named, zone, zone_named
from smppgw.features.microblog.texts import PHRASES
from smppgw.features.microblog.users import User

HOUR = 3_600


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    paul = made.member("paul", PAUL, name="Paul Petit", location="Lille", bio="Boulanger")
    marie = made.member("marie", MARIE)
    made.follows(marie, paul, by_sms=True)
    made.follows(paul, marie)
    return made


# ---------------------------------------------------------------- zones


def test_set_zone(place: Place) -> None:
    assert place.text(MARIE, "SET ZONE Indian/Reunion") == ["Enregistré : Reunion."]
    assert place.user("marie").zone == "Indian/Reunion"
    assert place.text(MARIE, "set fuseau new york") == ["Enregistré : New_York."]
    assert place.user("marie").zone == "America/New_York"
    assert place.text(MARIE, "SET ZONE Gotham")[0].startswith("Non enregistré : ZONE")
    assert place.text(MARIE, "SET ZONE ../../etc/passwd")[0].startswith("Non enregistré : ZONE")
    assert place.user("marie").zone == "America/New_York"


def test_quiet_times_follow_the_zone(place: Place) -> None:
    place.text(MARIE, "SET ZONE Tokyo")
    place.later(6 * HOUR)  # 15:00 in Paris, 23:00 in Tokyo
    place.news(MARIE)
    place.text(PAUL, "bonsoir")
    assert place.news(MARIE) == []
    place.later(8 * HOUR)  # 07:00 in Tokyo
    assert place.news(MARIE) == [
        "Nouveaux tweets pendant la pause : 1. LIRE pour les derniers, LIRE pseudo pour une"
        " personne."
    ]


def test_what_waits_follows_a_new_zone(place: Place) -> None:
    place.later(14 * HOUR)  # 23:00 in Paris
    place.text(PAUL, "tard")
    place.text(PAUL, "D marie encore debout ?")
    assert place.news(MARIE) == []
    place.text(MARIE, "SET ZONE Montreal")  # 17:00 there
    place.later(35)
    assert place.news(MARIE)[1:] == [
        "D @paul: encore debout ?",
        "Nouveaux tweets pendant la pause : 1. LIRE pour les derniers, LIRE pseudo pour une"
        " personne.",
    ]


def test_the_zone_of_a_phone_is_that_of_its_country(place: Place) -> None:
    for phone, name in ((NEW, "Claire Durand"), (BOB, "Bob Smith")):
        place.text(phone, "COMMENCER")
        place.text(phone, name)
        place.text(phone, name.split()[0].lower())
    assert place.user("claire").zone == "Europe/Paris"
    assert place.user("bob").zone == "Europe/London"


def test_the_zone_of_an_account_that_gets_a_phone(place: Place) -> None:
    place.shell("add user jane")
    assert place.user("jane").zone == ""
    line, _ = place.shell("link start jane by-sms")
    place.text(BOB, line.split()[1])
    assert place.user("jane").zone == "Europe/London"


def test_zones_by_country() -> None:
    french, american = Number(address="40404", country="FR"), Number(address="40404", country="US")
    canadian, none = Number(address="21212", country="CA"), Number(address="1")
    assert zone_of("33639980001", french) == "Europe/Paris"
    assert zone_of("447700900004", french) == "Europe/London"
    assert zone_of("14165550100", canadian) == "America/Toronto"
    assert zone_of("12125550100", american) == "America/New_York"
    assert zone_of("999123456789", french) == "Europe/Paris"
    assert zone_of("999123456789", none) == "UTC"
    for _, name in COUNTRIES.values():
        assert zone(name).key == name


@given(st.text(max_size=40))
def test_any_words_for_a_zone(words: str) -> None:
    found = zone_named(words)
    assert not found or zone(found).key == found


def test_zones_by_name_and_city() -> None:
    assert zone_named("europe/paris") == zone_named("PARIS") == "Europe/Paris"
    assert zone_named("utc") == "UTC"
    assert zone_named("") == ""


def test_set_quiet_times(place: Place) -> None:
    assert place.text(MARIE, "SET NUIT 9h30-17") == ["Enregistré : NUIT."]
    marie = place.user("marie")
    assert (marie.quiet_from, marie.quiet_to) == (570, 1020)
    place.later(HOUR)  # 10:00
    place.text(PAUL, "tu travailles ?")
    place.news(MARIE)
    assert place.text(MARIE, "SET QUIET OFF") == ["Enregistré : QUIET."]
    place.later(35)
    assert place.news(MARIE)[-1].startswith("Nouveaux tweets pendant la pause : 1.")
    place.later(13 * HOUR)  # 23:00
    place.text(PAUL, "tu dors ?")
    assert place.news(MARIE) == ["@paul: tu dors ?"]
    assert place.text(MARIE, "SET NUIT demain")[0].startswith("Non enregistré : NUIT")


def test_quiet_times_as_they_are_written() -> None:
    assert quiet_named("22-7") == (1320, 420)
    assert quiet_named("22:30 - 07:05") == (1350, 425)
    assert quiet_named("22h-7h15") == (1320, 435)
    assert quiet_named("non") == (0, 0)
    for words in ("", "24-7", "22", "22:60-7", "-", "٢٢-7"):
        assert quiet_named(words) is None, words


@given(st.one_of(st.text(max_size=20), st.from_regex(r"\d{1,2}[:h]?\d{0,2}-\d{1,2}[:h]?\d{0,2}")))
def test_any_words_for_quiet_times(words: str) -> None:
    found = quiet_named(words)
    assert found is None or all(0 <= one < 24 * 60 for one in found)


def test_who_may_be_told_of_posts_that_name_it(place: Place) -> None:
    place.text(MARIE, "OFF paul")
    place.member("bob", BOB)
    for words, told in (("SUIVIS", [PAUL]), ("NON", []), ("TOUS", [PAUL, BOB])):
        assert place.text(MARIE, f"SET MENTIONS {words}") == ["Enregistré : MENTIONS."]
        place.news(MARIE)
        for phone in (PAUL, BOB):
            place.text(phone, f"@marie {words}")
        assert len(place.news(MARIE)) == len(told), words
    assert place.text(MARIE, "SET MENTIONS parfois")[0].startswith("Non enregistré : MENTIONS")


# ---------------------------------------------------------------- WHOIS


def test_what_somebody_does_not_say_is_not_there(place: Place) -> None:
    assert place.text(MARIE, "QUI paul") == [
        "@paul : Paul Petit, Lille. Boulanger. Abonnés 1, abonnements 1."
    ]
    place.change("paul", bio="")
    assert place.text(MARIE, "QUI  paul") == [
        "@paul : Paul Petit, Lille. Abonnés 1, abonnements 1."
    ]
    place.change("paul", location="")
    assert place.text(MARIE, "Qui paul") == ["@paul : Paul Petit. Abonnés 1, abonnements 1."]
    place.change("paul", name="", bio="Pain, vin.\nEt fromage.")
    assert place.text(MARIE, "whois paul") == [
        "@paul : Pain, vin. Et fromage. Abonnés 1, abonnements 1."
    ]
    place.change("paul", bio="")
    assert place.text(MARIE, "w paul") == ["@paul : Abonnés 1, abonnements 1."]


def test_a_bio_in_another_alphabet_is_cut_first(place: Place) -> None:
    place.change("paul", name="Павел", location="Лилль", bio="я" * 160)
    (told,) = place.text(MARIE, "QUI paul")
    assert told.startswith("@paul : Павел, Лилль. яя")
    assert len(told) == 70


TEXT = st.text(max_size=160)


@given(TEXT, TEXT, TEXT, st.sampled_from(("en", "fr")), st.integers(0, 9_999_999))
def test_a_profile_is_one_sms(name: str, city: str, bio: str, language: str, count: int) -> None:
    user = User(id=1, username="a" * 15, name=name[:20], location=city[:30], bio=bio)
    counts = {"user": user.called, "n": count, "n2": count}
    who = _who(user, language, counts)
    said = PHRASES.say("whois", language, who=who, **counts)
    assert _is_one_sms(said)
    assert len(who) <= LONGEST["who"]
