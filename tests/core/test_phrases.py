"""Texts for phones: in every language, with the same places, within one SMS at their longest."""

from __future__ import annotations

import pytest

from smppgw.core.phrases import ENGLISH, FRENCH, LANGUAGES, LONGEST, Phrases
from smppgw.features.keywords.texts import PHRASES as KEYWORDS
from smppgw.features.microblog.texts import PHRASES as MICROBLOG
from smppgw.sms import gsm7

SINGLE = 160
"""Septets of one SMS."""
ALL = [(table, key) for table in (KEYWORDS, MICROBLOG) for key in table.keys]


def longest(table: Phrases, key: str, language: str) -> str:
    places = set(table.places(key, language))
    return table.say(key, language, **{name: "x" * LONGEST[name] for name in places})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("table", "key"), ALL, ids=[key for _, key in ALL])
def test_a_text_at_its_longest_is_one_sms(table: Phrases, key: str, language: str) -> None:
    said = longest(table, key, language)
    assert gsm7.unencodable(said) == ()
    assert len(gsm7.encode(said)) <= SINGLE


@pytest.mark.parametrize(("table", "key"), ALL, ids=[key for _, key in ALL])
def test_english_has_every_place_of_the_other_languages(table: Phrases, key: str) -> None:
    """So that whoever fills a text for one language has what every other one needs."""
    assert set(table.places(key, FRENCH)) <= set(table.places(key, ENGLISH))


def test_there_are_as_many_texts_as_there_should_be() -> None:
    assert (len(KEYWORDS.keys), len(MICROBLOG.keys)) == (8, 91)


def test_places_are_filled() -> None:
    table = Phrases({"greeting": ("Hello {user}: {text}", "Bonjour {user} : {text}")})
    assert table.say("greeting", FRENCH, user="paul", text="a{b}") == "Bonjour paul : a{b}"
    assert table.say("greeting", "de", user="p", text="") == "Hello p: "
    with pytest.raises(KeyError):
        table.say("greeting", ENGLISH, user="paul")


def test_what_is_too_long_for_its_place_is_cut_except_what_people_wrote() -> None:
    table = Phrases({"greeting": ("{user}: {text}", "{user} : {text}")})
    assert (
        table.say("greeting", ENGLISH, user="u" * 50, text="t" * 500) == f"{'u' * 15}: {'t' * 500}"
    )
