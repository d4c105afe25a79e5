"""Stories of phones, octets in and texts out: sign-up, following, private messages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from microblog_kit import CLAIRE, MARIE, NEW, PAUL, SHORT, Place

from smppgw.core.consent import ConsentState
from smppgw.features.microblog.users import UserState

OTHER = "33639980011"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    paul = made.member("paul", PAUL, name="Paul Petit", location="Lille", bio="Boulanger")
    marie = made.member("marie", MARIE)
    made.member("claire_d", CLAIRE)
    made.follows(paul, marie)
    made.follows(marie, paul)
    return made


@pytest.fixture
def empty(tmp_path: Path) -> Place:
    return Place(tmp_path)


# ---------------------------------------------------------------- sign-up


def test_sign_up_in_french_and_a_first_post(empty: Place) -> None:
    """7.1 rows 1 to 8."""
    assert empty.text(NEW, bytes.fromhex("434f4d4d454e434552")) == [
        "Bienvenue sur Gazouille ! Répondez avec vos prénom et nom pour créer un compte."
        " AIDE = aide, STOP = annuler. Prix d'un SMS."
    ]
    assert empty.text(NEW, "AIDE") == [
        "Gazouille : COMMENCER pour vous inscrire, SUIVRE pseudo pour recevoir des tweets sans"
        " compte. STOP = fin. Aide : 0199009900."
    ]
    assert empty.text(NEW, "Claire Durand") == [
        "Bonjour Claire Durand ! Envoyez le pseudo voulu : lettres, chiffres ou _ (15 max)."
    ]
    assert empty.text(NEW, "claire_d") == [
        "Compte créé : @claire_d. Votre prochain SMS sera votre 1er tweet (140 car.). Autre"
        " pseudo : SET PSEUDO nom. AIDE = commandes."
    ]
    first = bytes.fromhex("53616c7574207f20746f75732021")
    assert empty.text(NEW, first) == []
    assert empty.posts == ["Salut à tous !"]
    assert empty.text(NEW, first) == []
    assert empty.posts == ["Salut à tous !"]
    assert empty.text(NEW, "COMMENCER", seconds=70) == []  # the same text came a minute ago
    assert empty.text(NEW, "Commencer") == [
        "Ce numéro publie déjà pour @claire_d. Envoyez AIDE pour les commandes ou STOP pour le"
        " délier."
    ]
    user = empty.user("CLAIRE_D")
    assert (user.state, user.language, user.posts, user.name) == (
        UserState.ACTIVE,
        "fr",
        1,
        "Claire Durand",
    )


def test_a_name_may_be_assigned(tmp_path: Path) -> None:
    """7.1, the other policy."""
    place = Place(tmp_path, signup="assign")
    place.text(NEW, "COMMENCER")
    assert place.text(NEW, "Claire Durand")[0].startswith("Compte créé : @ClaireDurand.")


def test_conflicts_of_usernames(place: Place) -> None:
    """7.2 rows 1 to 6."""
    place.member("bob", "447700900004")
    place.text(NEW, "COMMENCER")
    place.text(NEW, "Claire Durand")
    taken = "est déjà pris. Envoyez un autre pseudo (lettres, chiffres, _ ; 15 max)."
    invalid = "Ce pseudo n'est pas valide. Utilisez 1 à 15 lettres, chiffres ou _, sans espace."
    assert place.text(NEW, "paul") == [f"@paul {taken} Essais restants : 2."]
    assert place.text(NEW, "c'est moi") == [invalid]
    assert place.text(NEW, "stats") == [invalid]
    assert place.text(NEW, "MARIE") == [f"@MARIE {taken} Essais restants : 1."]
    assert place.text(NEW, "bob") == [
        "Nous avons choisi @ClaireDurand pour vous. Pour changer : SET PSEUDO nom. Votre prochain"
        " SMS sera votre premier tweet."
    ]
    assert place.text(NEW, "SET PSEUDO claire_x") == ["Enregistré : claire_x."]
    assert not place.blog.users.is_free("clairedurand")
    assert place.user("claire_x").name == "Claire Durand"


def test_a_sign_up_can_be_cancelled(empty: Place) -> None:
    """7.2 row 7."""
    empty.text(OTHER, "COMMENCER")
    assert empty.text(OTHER, "Stop.") == [
        "Inscription annulée. Envoyez COMMENCER au 40404 pour recommencer."
    ]
    standing = empty.world.relay.consent.standing(OTHER, SHORT)
    assert standing is not None
    assert standing.state is ConsentState.STOPPED


def test_a_sign_up_that_nobody_goes_on_with_ends_in_silence(empty: Place) -> None:
    """7.2 row 8."""
    empty.text(OTHER, "COMMENCER")
    empty.later(86_400 + 60)
    assert len(empty.received(OTHER)) == 1
    assert empty.text(OTHER, "Me voici") == [
        "Inscription expirée. Envoyez COMMENCER au 40404 pour recommencer."
    ]


def test_strangers_are_told_once_a_day(empty: Place) -> None:
    """7.2 row 9."""
    assert len(empty.text(OTHER, "Bonjour")) == 1
    assert empty.text(OTHER, "Bonsoir") == []
    assert empty.posts == []
    empty.later(86_400)
    assert len(empty.text(OTHER, "Bonjour encore")) == 1


# ---------------------------------------------------------------- following


def test_following_and_turning_off(place: Place) -> None:
    """7.3 rows 1 to 5."""
    assert place.text(MARIE, "SUIVRE paul") == ["Vous suivez déjà @paul. Les SMS sont activés."]
    place.text(PAUL, "Bonjour de Lille")
    assert place.received(MARIE)[-1] == "@paul: Bonjour de Lille"
    assert place.text(MARIE, "COUPER paul") == [
        "SMS désactivés pour @paul. Vous le suivez toujours."
    ]
    count = len(place.received(MARIE))
    place.text(PAUL, "Encore moi")
    assert len(place.received(MARIE)) == count
    assert place.text(MARIE, "ON paul") == ["SMS activés pour @paul."]
    assert place.text(MARIE, "off foo bar") == []
    assert place.posts[-1] == "off foo bar"


def test_off_once_and_twice(place: Place) -> None:
    """7.3 rows 6 to 8."""
    place.text(MARIE, "SUIVRE paul")
    assert place.text(MARIE, "OFF") == [
        "SMS désactivés. Les messages privés arrivent encore : renvoyez COUPER pour les couper"
        " aussi. ON pour reprendre."
    ]
    place.text(PAUL, "un tweet")
    place.text(PAUL, "D marie tu viens ?")
    assert place.received(MARIE)[-1] == "D @paul: tu viens ?"
    assert place.text(MARIE, "Off !") == [
        "Tous les SMS sont désactivés, messages privés compris. ON pour reprendre."
    ]
    count = len(place.received(MARIE))
    assert place.text(PAUL, "D marie allo") == ["Message envoyé à @marie."]
    assert len(place.received(MARIE)) == count
    assert place.text(MARIE, "ON") == ["SMS activés. COUPER pour les désactiver."]


def test_following_without_an_account(place: Place) -> None:
    """7.3 rows 9 and 10."""
    assert place.text(OTHER, "FOLLOW paul") == [
        "You will get @paul's tweets on this phone. STOP to end. START to get your own account."
        " Std rates may apply."
    ]
    place.text(PAUL, "Bonjour")
    assert place.received(OTHER)[-1] == "@paul: Bonjour"
    assert place.text(OTHER, "STOP") == [
        "Gazouille: you will get no more texts from us. START to come back."
    ]
    count = len(place.received(OTHER))
    place.text(PAUL, "Encore")
    assert len(place.received(OTHER)) == count


def test_quiet_times_end_with_messages_and_a_digest(place: Place) -> None:
    """7.3 row 11."""
    place.text(MARIE, "SUIVRE paul")
    place.later(14 * 3600 + 600)  # 23:10 in Paris
    count = len(place.received(MARIE))
    for words in ("un", "deux", "trois"):
        place.text(PAUL, words)
    place.later(3 * 3600)
    place.text(PAUL, "D marie urgent")
    assert len(place.received(MARIE)) == count
    place.later(5 * 3600)
    assert place.received(MARIE)[count:] == [
        "D @paul: urgent",
        "Nouveaux tweets pendant la pause : 3. LIRE pour les derniers, LIRE pseudo pour une"
        " personne.",
    ]


def test_an_operator_sees_whoever_has_signed_up(empty: Place) -> None:
    """7.1 rows 4 and 8."""
    for words in ("COMMENCER", "Claire Durand", "claire_d", "Salut"):
        empty.text(NEW, words)
    *lines, status = empty.shell("show user @claire_d | json")
    shown = json.dumps(json.loads("\n".join(lines)))
    assert status == "OK"
    for said in ('"state": "ACTIVE"', '"language": "fr"', '"posts": 1', '"+3363998****"'):
        assert said in shown
    trail = empty.world.engine.select("SELECT event, text, language, origin FROM consent_proof")
    ((event, text, language, origin),) = trail
    assert (event, text, language) == ("start", "COMMENCER", "fr")
    assert origin.startswith("a")


def test_codes_pass_the_night(place: Place) -> None:
    """7.3 row 12."""
    place.later(14.9 * 3600)  # 23:54 in Paris
    place.news(MARIE)
    place.shell("login send marie")
    (code,) = place.news(MARIE)
    assert code.startswith("Code de connexion Gazouille :")
