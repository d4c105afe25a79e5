"""STOP, START and HELP as phones write them, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.words import (
    EVERYWHERE,
    WORDS,
    Heard,
    Meaning,
    Vocabulary,
    folded,
    plain,
    tokens,
)

BOTH = Vocabulary()
ALL = [
    (meaning, language, word)
    for meaning, packs in WORDS.items()
    for language, words in packs.items()
    for word in words
]


def heard(text: str, vocabulary: Vocabulary = BOTH) -> tuple[str, str] | None:
    found = vocabulary.hear(text)
    return None if found is None else (found.meaning.value, found.word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", ("stop", "STOP")),
        ("HeLP", ("help", "HELP")),
        ("Stop !", ("stop", "STOP")),
        ("ARRÊT", ("stop", "ARRET")),
        ("ARRE\u0302T", ("stop", "ARRET")),
        ('"Arret."', ("stop", "ARRET")),
        (" « arrêt » ", ("stop", "ARRET")),
        ("\u200bSTOP\ufeff", ("stop", "STOP")),
        ("Re: STOP", ("stop", "STOP")),
        ("RE: Fwd: stop", ("stop", "STOP")),
        ("\uff33\uff34\uff2f\uff30", ("stop", "STOP")),
        ("Désabonner", ("stop", "DESABONNER")),
        ("commencer", ("start", "COMMENCER")),
        ("Oui!", ("start", "OUI")),
        ("aide", ("help", "AIDE")),
        ("?", ("help", "?")),
        (" ? ", ("help", "?")),
        ("Contact", ("contact", "CONTACT")),
        ("stop foo", None),
        ("help me bro", None),
        ("Stop the war", None),
        ("Fin de journée", None),
        ("", None),
        ("!!!", None),
        ("STOPP", None),
    ],
)
def test_a_word_is_the_whole_message(text: str, word: tuple[str, str] | None) -> None:
    assert heard(text) == word


@pytest.mark.parametrize(("meaning", "language", "word"), ALL)
def test_every_word_is_heard_where_its_language_is_spoken(
    meaning: Meaning, language: str, word: str
) -> None:
    spoken = Vocabulary((language,) if language else ())
    assert spoken.hear(word.lower()) == Heard(meaning, word, language)
    assert folded(word) == word
    if language != EVERYWHERE:
        assert Vocabulary(()).hear(word) is None


def test_words_may_mean_something_else() -> None:
    assert heard("annuler") == ("stop", "ANNULER")
    assert heard("annuler", Vocabulary(without=("ANNULER",))) is None


@pytest.mark.parametrize(
    "text",
    [
        "Stpo",
        "STPO",
        "stoppp",
        "STOOOP",
        "stip",
        "dtop",
        "ARET",
        "arrrêt",
        "UNSUBSCRIVE",
        "STOP please",
        "STOP svp",
        "please stop",
        "stop merci",
        "Arrêt svp",
        "STOP STOP",
        "STOP 40404",
        "arret 38100 svp",
        "STOP\n--\nJean Petit, Lille",
        "Stop.\r\nSent from my phone",
    ],
)
def test_what_may_be_meant_as_stop(text: str) -> None:
    assert BOTH.hear(text) is None
    assert BOTH.near_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "Stop the war",
        "Fin de journée",
        "End of story",
        "step",
        "shop",
        "top",
        "",
        "hello",
        "40404 2",
    ],
)
def test_what_is_not(text: str) -> None:
    assert not BOTH.near_stop(text)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Fin de journée", True),
        ("stop the war", True),
        ("end of it all now", False),
        ("the end", False),
        ("unsubscribe from this list", True),
    ],
)
def test_a_campaign_asks_sooner(text: str, near: bool) -> None:
    assert BOTH.near_stop(text, strict=False) is near


def test_texts_for_comparing() -> None:
    assert plain("  Re: a\u200b  b\n c ") == "a b c"
    assert plain("\ufb01n…") == "fin..."
    assert folded("Straße Œuvre é") == "STRASSE OEUVRE E"
    assert tokens("... (Stop), now!! ... ") == ["STOP", "NOW"]


@given(st.text(max_size=60))
def test_any_text_can_be_heard(text: str) -> None:
    found = BOTH.hear(text)
    assert found is None or BOTH.hear(found.word) == found
    BOTH.near_stop(text, strict=False)


@given(st.sampled_from([word for _, _, word in ALL]), st.text(" .!?\"'()*\t\n", max_size=5))
def test_punctuation_around_a_word_does_not_matter(word: str, around: str) -> None:
    every = Vocabulary(("en", "fr", "es", "de", "it", "pt", "nl", "tr"))
    found = every.hear(f"{around}{word}{around}")
    assert found is not None
    assert found.word == word
