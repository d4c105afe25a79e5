"""What a phone is told that asked for nothing, and words that every number understands."""

from __future__ import annotations

from pathlib import Path

import pytest
from microblog_kit import CLAIRE, MARIE, NEW, PAUL, Place, two_members

from smppgw.core.words import WORDS, Meaning
from smppgw.features.microblog.grammar import Command, Post, read
from smppgw.features.microblog.verbs import FORMS, Verb, verb_of

UNKNOWN = "Message non compris. Rien n'a été publié. AIDE pour l'aide, STOP pour finir."
ON = "SMS activés. COUPER pour les désactiver."


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return two_members(tmp_path)


# ---------------------------------------------------------------- one notice in ten seconds


def test_one_notice_in_ten_seconds(place: Place) -> None:
    said = [
        place.text(MARIE, words, seconds=2) for words in (141 * "x", 142 * "y", "stoppp", "Stpo")
    ]
    assert [bool(one) for one in said] == [True, False, False, False]
    assert place.posts == []
    place.later(10)
    assert place.text(MARIE, "STOP svp") == [UNKNOWN]


def test_notices_of_two_phones_have_nothing_to_do_with_each_other(place: Place) -> None:
    assert place.text(MARIE, 141 * "x", seconds=2) != []
    assert place.text(PAUL, 141 * "x", seconds=2) != []


def test_whoever_uses_commands_is_answered_each_time(place: Place) -> None:
    for words in ("STATS", "QUI paul", "ON", "OFF", "Off", "ANNULER", "RT marie"):
        assert len(place.text(MARIE, words, seconds=0.5)) == 1, words


def test_questions_and_answers_of_a_sign_up_are_no_notices(place: Place) -> None:
    said = [
        place.text(NEW, words, seconds=0.5)
        for words in ("COMMENCER", "Claire Durand", "c'est moi", "stats", "paul", "claire")
    ]
    assert all(len(one) == 1 for one in said)


def test_stop_and_help_are_no_notices(place: Place) -> None:
    place.text(MARIE, 141 * "x", seconds=1)
    assert place.text(MARIE, "AIDE", seconds=1) != []
    assert place.text(MARIE, "STOP", seconds=1) != []


def test_a_stranger_with_wrong_codes_is_told_once(place: Place) -> None:
    said = [place.text(NEW, f"73026{n}", seconds=2) for n in range(4)]
    assert [len(one) for one in said] == [1, 0, 0, 0]


# ---------------------------------------------------------------- START


def test_start_turns_on_what_was_off(place: Place) -> None:
    place.text(MARIE, "OFF")
    assert place.text(MARIE, "COMMENCER") == [ON]
    assert place.user("marie").posts_on
    assert place.text(MARIE, "START")[0].startswith("Ce numéro publie déjà pour @marie.")
    place.text(MARIE, "SILENCE 8")
    place.text(PAUL, "coucou")
    place.news(MARIE)
    assert place.text(MARIE, "Commencer") == [ON]
    place.later(35)
    assert len(place.news(MARIE)) == 2  # the digest, too


def test_another_word_for_start_brings_an_account_back(place: Place) -> None:
    place.text(MARIE, "STOP")
    assert place.text(MARIE, "DEMARRER") == [ON]
    assert place.user("marie").phone == MARIE
    assert place.text(MARIE, "SIGNUP")[0].startswith("Ce numéro publie déjà pour @marie.")


def test_what_phones_put_around_an_answer(place: Place) -> None:
    place.text(NEW, "COMMENCER")
    assert place.text(NEW, 'Re: "Claire Durand"\n--\nEnvoyé de mon mobile')[0].startswith(
        "Bonjour Claire Durand !"
    )
    place.text(NEW, " «@claire»\nSent from my phone")
    assert place.user("claire").name == "Claire Durand"


# ---------------------------------------------------------------- HELP and CONTACT


def test_help_on_words_that_every_number_understands(place: Place) -> None:
    assert place.text(MARIE, "AIDE STOP")[0].startswith("STOP : délier ce mobile")
    assert place.text(MARIE, "aide arrêt")[0].startswith("STOP : délier ce mobile")
    assert place.text(MARIE, "AIDE START")[0].startswith("COMMENCER : créer un compte")
    assert place.text(MARIE, "aide m")[0].startswith("D pseudo texte")
    assert place.text(MARIE, "AIDE débloquer")[0].startswith("BLOQUER pseudo")
    assert place.text(MARIE, "HELP LEAVE")[0].startswith("COUPER : plus de tweets")


def test_every_word_of_a_command_is_one_that_help_knows() -> None:
    for word, form in FORMS.items():
        assert verb_of(word) is form.verb
    for word in ("STOP", "ARRET", "QUIT", "BAJA"):
        assert verb_of(word) is Verb.STOP
    for meaning, packs in WORDS.items():
        if meaning in (Meaning.STOP, Meaning.START):
            assert all(verb_of(word) for words in packs.values() for word in words)
    assert verb_of("RIEN") is None


def test_contact_says_whose_number_it_is(place: Place) -> None:
    said = ["Edité par Gazouille, 0199009900. STOP pour finir."]
    assert place.text(MARIE, "Contact") == said
    assert place.text(MARIE, "CONTACT !") == []  # a moment ago
    assert place.text(NEW, "contact") == said
    place.text(NEW, "STOP")
    place.later(31)
    assert place.text(NEW, "CONTACT.") == said
    assert place.posts == []
    place.speaks("40404", languages=("en",))
    place.text(MARIE, "contact")
    assert place.posts == ["contact"]


# ---------------------------------------------------------------- words of commands


def test_leave_all() -> None:
    def exists(name: str) -> bool:
        return name == "paul"

    both = ("fr", "en")
    for words in ("LEAVE ALL", "leave", "QUITTER tout", "OFF all"):
        found = read(words, both, exists)
        assert isinstance(found, Command), words
        assert (found.verb, found.arguments) == (Verb.OFF, ())
    named = read("LEAVE paul", both, exists)
    assert isinstance(named, Command)
    assert named.name == "paul"
    assert isinstance(read("LEAVE Britney alone", both, exists), Post)
    assert isinstance(read("leave town", both, exists), Post)


def test_reply_is_a_command_only_with_a_post_or_somebody_behind_it() -> None:
    def exists(name: str) -> bool:
        return name == "paul"

    for words, verb in (("REPLY #7 merci", Verb.REPLY), ("reply paul merci", Verb.REPLY)):
        found = read(words, ("fr", "en"), exists)
        assert isinstance(found, Command), words
        assert found.verb is verb
    assert isinstance(read("Reply soon please", ("fr", "en"), exists), Post)


def test_quotes_around_a_command() -> None:
    for words in ('"suivre paul"', "« suivre paul »", "'SUIVRE @paul'", 'Re: "suivre paul"'):
        found = read(words, ("fr", "en"), lambda name: False)
        assert isinstance(found, Command), words
        assert (found.verb, found.name) == (Verb.FOLLOW, "paul")
    written = '"Suivre ses reves" dit-elle'
    assert read(written, ("fr", "en"), lambda name: False) == Post(written)
    assert read('"', ("fr", "en"), lambda name: False) == Post('"')


def test_nobody_follows_itself(place: Place) -> None:
    assert place.text(MARIE, "SUIVRE marie")[0].startswith("SUIVRE pseudo : suivre")
    assert place.user("marie").followers == 0


def test_settings_that_are_refused(place: Place) -> None:
    assert place.text(MARIE, "SET PSEUDO stats") == [
        "Ce pseudo n'est pas valide. Utilisez 1 à 15 lettres, chiffres ou _, sans espace."
    ]
    assert place.text(MARIE, "SET PSEUDO paul") == [
        "Non enregistré : PSEUDO trop long ou non permis. Limite : 15 caractères."
    ]
    assert place.text(MARIE, "SET LANGUE klingon") == [
        "Non enregistré : LANGUE trop long ou non permis. Limite : 15 caractères."
    ]
    assert place.text(CLAIRE, "SET PSEUDO zoe") != []  # nobody's phone: it is told how to sign up
    assert place.posts == []
