"""Which texts are commands, and which are posts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.words import Meaning
from smppgw.features.microblog.grammar import Command, NearStop, Post, hear, post_text, read
from smppgw.features.microblog.verbs import FORMS, RESERVED, Class, Verb

BOTH = ("fr", "en")
PEOPLE = {"foo", "paul", "marie", "claire_d"}


def exists(name: str) -> bool:
    return name.lower() in PEOPLE


def what(text: str, languages: tuple[str, ...] = BOTH) -> str:
    heard = hear(text, languages)
    if heard is not None:
        return heard.meaning.value.upper()
    found = read(text, languages, exists)
    match found:
        case Command():
            return found.verb.name
        case NearStop():
            return "near"
        case Post():
            return "post"


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("HeLP", "HELP"),
        ("help me bro", "post"),
        ("off", "OFF"),
        ("Off !", "OFF"),
        ("STATS ?", "STATS"),
        ("off foo", "OFF"),
        ("off foo bar", "post"),
        ("stop foo", "post"),
        ("follow", "post"),
        ("follow foo", "FOLLOW"),
        ("follow foo bar", "post"),
        ("d foo", "DM"),
        ("d foo bar", "DM"),
        ("lose        foobar", "REMOVE"),
        ("whois foo", "WHOIS"),
        ("get well soon", "post"),
        ("get soon", "post"),
        ("Stop !", "STOP"),
        ("ARRÊT", "STOP"),
        ("STOP svp", "near"),
        ("Stop the war", "post"),
        ("Fin de journée", "post"),
        ("End of story", "post"),
        ("COMMENCER", "START"),
        ("AIDE", "HELP"),
        ("AIDE D", "HELP"),
        ("?", "HELP"),
        ("Qui vivra verra", "post"),
        ("QUI paul", "WHOIS"),
        ("QUI inconnu", "post"),
        ("QUI @inconnu", "WHOIS"),
        ("LIRE", "GET"),
        ("LIRE paul", "GET"),
        ("RT paul", "RETWEET"),
        ("RT @paul: bravo à tous", "post"),
        ("RT #7", "RETWEET"),
        ("FAV paul", "LIKE"),
        ("AIMER paul", "LIKE"),
        ("ANNULER", "UNDO"),
        ("OUI", "post"),
        ("Couper", "OFF"),
        ("couper paul", "OFF"),
        ("couper la poire en deux", "post"),
        ("ON paul", "ON"),
        ("On y va", "post"),
        ("On dirait", "post"),
        ("DESABONNER", "STOP"),
        ("DESABONNER paul", "UNFOLLOW"),
        ("SILENCE 8", "HUSH"),
        ("silence", "HUSH"),
        ("silence on tourne", "post"),
        ("leave", "OFF"),
        ("leave paul", "OFF"),
        ("Leave me alone", "post"),
        ("SET", "SET"),
        ("set bio hello there", "SET"),
        ("INVITER 06 39 98 00 30", "INVITE"),
        ("BLOQUER", "BLOCK"),
        ("go", "GO"),
        ("go home", "post"),
        ("@paul salut", "post"),
        ("", "post"),
    ],
)
def test_texts(text: str, verb: str) -> None:
    assert what(text) == verb


@pytest.mark.parametrize(
    "text",
    [
        "D marie salut",
        "d marie salut",
        "D: marie salut",
        "D, marie salut",
        '"D marie salut"',
        "(d) marie salut",
        "  D\nmarie salut",
        "Re: D marie salut",
        "DM",
        "dm inconnu salut",
        "mp claire_d salut",
        "\u200bD marie salut",
        "\uff24 marie salut",
    ],
)
def test_a_private_message_is_never_a_post(text: str) -> None:
    assert what(text) == "DM"


def test_m_is_a_private_message_where_no_french_is_spoken() -> None:
    assert what("M marie hello", ("en",)) == "DM"
    assert what("M le maire arrive") == "post"


def test_words_of_a_language_that_is_not_spoken_are_posts_but_never_leak() -> None:
    assert what("SUIVRE paul", ("en",)) == "post"
    assert what("MP paul salut", ("en",)) == "DM"
    assert what("FOLLOW paul", ("fr",)) == "post"


def test_what_follows_is_kept_as_it_was_written() -> None:
    found = read("d  Marie   tu viens  ?\n\nOui ", BOTH, exists)
    assert isinstance(found, Command)
    assert found.name == "Marie"
    assert found.rest == "Marie   tu viens  ?\n\nOui"
    assert found.strict


def test_with_a_prefix_only_what_begins_with_it_is_a_command() -> None:
    assert read("stats", BOTH, exists, ".") == Post("stats")
    assert read("D marie salut", BOTH, exists, ".") == Command(Verb.DM, strict=True)
    found = read(".D marie salut", BOTH, exists, ".")
    assert isinstance(found, Command)
    assert found.verb is Verb.DM


def test_posts_keep_what_was_written() -> None:
    assert post_text("  a\n\n\n\nb  e\u0301 … ") == "a\n\nb  \u00e9 …"


@given(st.text(max_size=80))
def test_any_text_is_something(text: str) -> None:
    found = read(text, BOTH, exists)
    assert isinstance(found, Command | Post | NearStop)


STRICT = sorted(word for word, form in FORMS.items() if form.klass is Class.STRICT)


@given(st.sampled_from(STRICT), st.text(max_size=60), st.sampled_from([" ", "\n", "\t", "  "]))
def test_a_strict_word_first_is_never_published(word: str, rest: str, blank: str) -> None:
    for written in (word, word.lower(), word.title()):
        for prefix in ("", ".", "#"):
            assert not isinstance(read(f"{written}{blank}{rest}", BOTH, exists, prefix), Post)


def test_no_command_can_be_a_name() -> None:
    assert {word.lower() for word in FORMS} <= RESERVED
    heard = hear("stop", BOTH)
    assert heard is not None
    assert heard.meaning is Meaning.STOP
