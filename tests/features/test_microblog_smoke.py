"""The smoke table, 7.13: a line for each of the other commands, and what a phone gets for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from microblog_kit import BOB, CLAIRE, MARIE, PAUL, Place
from mo_kit import parts_of

from smppgw.features.microblog.users import UserState

OTHER = "33639980030"
UNKNOWN = "Message non compris. Rien n'a été publié. AIDE pour l'aide, STOP pour finir."


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    paul = made.member("paul", PAUL, name="Paul Petit", location="Lille", bio="Boulanger")
    marie = made.member("marie", MARIE)
    claire = made.member("claire_d", CLAIRE)
    made.follows(paul, marie)
    made.follows(marie, paul)
    made.follows(claire, marie, by_sms=True)
    made.text(PAUL, "Bonjour de Lille")
    made.news(PAUL, MARIE, CLAIRE)
    return made


def test_retweets(place: Place) -> None:
    assert place.text(MARIE, "RT paul") == ["Vous avez retweeté @paul."]
    assert place.news(CLAIRE) == ["@marie: RT @paul: Bonjour de Lille"]
    assert place.text(MARIE, "rt paul") == ["Vous avez déjà retweeté ce tweet."]
    for phone, words in ((PAUL, "RT paul"), (MARIE, "RT @Marie")):
        assert place.text(phone, words) == ["Impossible de vous retweeter."]
    assert place.text(MARIE, "RT nobody") == ["Aucun utilisateur @nobody."]
    assert place.text(MARIE, "RT claire_d") == ["@claire_d n'a encore rien publié."]
    assert place.text(MARIE, "RT @paul: bravo à tous") == []
    assert place.news(CLAIRE) == ["@marie: RT @paul: bravo à tous"]


def test_what_hands_on_a_post_that_is_gone_says_nothing(place: Place) -> None:
    place.text(MARIE, "RT paul")
    place.news(CLAIRE)
    place.text(PAUL, "ANNULER")
    assert place.text(CLAIRE, "LIRE") == []


def test_likes_are_counted_once(place: Place) -> None:
    assert place.text(MARIE, "FAV paul") == ["Dernier tweet de @paul ajouté à vos favoris."]
    place.text(MARIE, "AIMER paul")
    ((post,),) = place.world.engine.select("SELECT id FROM microblog_post")
    assert place.blog.posts.likes(post) == 1


def test_reading(place: Place) -> None:
    assert place.text(CLAIRE, "LIRE paul") == ["@paul: Bonjour de Lille"]
    assert place.text(CLAIRE, "GET paul") == ["@paul: Bonjour de Lille"]
    assert place.text(MARIE, "LIRE") == ["@paul: Bonjour de Lille"]
    assert place.text(PAUL, "LIRE")[0].startswith("LIRE pseudo")
    for words in ("Get well soon", "Qui vivra verra"):
        assert place.text(PAUL, words) == []
        assert place.posts[-1] == words


def test_profiles(place: Place) -> None:
    place.change("paul", followers=12, following=8)
    assert place.text(MARIE, "QUI paul") == [
        "@paul : Paul Petit, Lille. Boulanger. Abonnés 12, abonnements 8."
    ]
    place.change("marie", followers=3, following=1, posts=5)
    assert place.text(MARIE, "STATS") == ["@marie : abonnés 3, abonnements 1, tweets 5."]
    assert place.text(MARIE, "QUI @nobody") == ["Aucun utilisateur @nobody."]


def test_settings(place: Place) -> None:
    place.come(*_parts("SET BIO " + 161 * "b"))
    place.later(3)
    assert place.news(MARIE) == [
        "Non enregistré : BIO trop long ou non permis. Limite : 160 caractères."
    ]
    assert place.user("marie").bio == ""
    assert place.text(MARIE, "SET BIO J'aime le thé") == ["Enregistré : BIO."]
    assert place.text(MARIE, "SET SITE exemple.fr")[0].startswith("Non enregistré : SITE")
    assert place.text(MARIE, "SET LANGUE anglais") == ["Language: ENGLISH."]
    assert place.text(MARIE, "STATS")[0].startswith("@marie: followers")
    assert place.text(MARIE, "SET LANGUAGE french") == ["Langue : FRANCAIS."]
    assert place.text(MARIE, "SET MESSAGES NON") == ["Enregistré : MESSAGES."]
    assert place.text(PAUL, "D marie salut") == ["Message envoyé à @marie."]
    assert place.news(MARIE)[-1] == "Enregistré : MESSAGES."
    assert place.text(MARIE, "SET COULEUR rouge")[0].startswith("SET NOM, BIO")
    assert place.text(MARIE, "SET PREFIX .") == ["Enregistré : PREFIX."]
    assert place.text(MARIE, "stats") == []
    assert place.posts[-1] == "stats"
    assert place.text(MARIE, ".stats")[0].startswith("@marie :")


def _parts(words: str) -> list:
    return parts_of(words, 3, source=MARIE, destination="40404")


def test_a_word_in_another_language_is_answered_in_that(place: Place) -> None:
    assert place.text(BOB, "HELP")[0].startswith("Gazouille : COMMENCER")  # the number's first
    assert place.text("33639980077", "FOLLOW paul")[0].startswith("You will get")
    assert place.text("33639980078", "SUIVRE paul")[0].startswith("Vous recevrez")


def test_blocking_and_reporting(place: Place) -> None:
    place.text(MARIE, "ON paul")
    assert place.text(MARIE, "BLOQUER paul") == ["@paul est bloqué."]
    place.text(PAUL, "Bonsoir")
    place.text(PAUL, "Bonsoir @marie")
    assert place.text(PAUL, "D marie allo")[0].startswith("Non envoyé : @marie ne vous suit pas.")
    assert place.text(PAUL, "RELANCER marie") == [UNKNOWN]
    assert place.text(PAUL, "SUIVRE marie") == ["Aucun utilisateur @marie."]
    place.news(PAUL)
    assert place.news(MARIE)[2:] == []
    assert place.text(MARIE, "DEBLOQUER paul") == ["@paul est débloqué."]
    assert place.text(MARIE, "SIGNALER paul") == ["@paul est bloqué et signalé. Merci."]
    assert place.blog.users.blocks(place.user("marie").id, place.user("paul").id)
    (report,) = place.blog.reports.open(5)
    assert report.user == place.user("paul").id
    assert place.text(MARIE, "BLOQUER")[0].startswith("BLOQUER pseudo")


def test_nudges(place: Place) -> None:
    assert place.text(MARIE, "RELANCER paul") == ["Clin d'oeil envoyé à @paul."]
    assert place.news(PAUL) == ["@marie se demande ce que vous faites. Répondez par SMS."]
    assert place.text(MARIE, "relancer paul") == [UNKNOWN]
    assert place.text(CLAIRE, "RELANCER paul") == [UNKNOWN]  # he does not follow her
    place.later(86_400)
    place.news(PAUL)
    assert place.text(MARIE, "RELANCER paul") == ["Clin d'oeil envoyé à @paul."]


def test_invitations_are_sent_once_for_ever(place: Place) -> None:
    assert place.text(MARIE, "INVITER 06 39 98 00 30") == ["Invitation envoyée au 0639980030."]
    assert place.news(OTHER) == [
        "@marie vous invite sur Gazouille : envoyez COMMENCER au 40404. C'est la seule invitation"
        " que nous enverrons."
    ]
    assert place.text(PAUL, "INVITER +33 639980030") == ["Invitation envoyée au +33639980030."]
    assert place.news(OTHER) == []
    assert place.text(PAUL, "INVITER 12")[0].startswith("INVITER numéro")
    place.text("33639980031", "STOP")
    place.news("33639980031")
    assert place.text(PAUL, "INVITER 0639980031") == ["Invitation envoyée au 0639980031."]
    assert place.news("33639980031") == []
    assert place.posts == ["Bonjour de Lille"]


def test_nobody_invites_all_the_world(place: Place) -> None:
    said = [place.text(MARIE, f"INVITER 06399801{n:02}")[:1] for n in range(22)]
    assert [one for one in said if one and one[0].startswith("Trop")] == [said[20]]
    assert said[21] == []


def test_silence(place: Place) -> None:
    place.text(MARIE, "ON paul")
    place.later(3 * 3600)  # 12:00 in Paris
    (answer,) = place.text(MARIE, "SILENCE 8")
    assert answer == "Silence jusqu'au 06/01 20:00. Une commande ou ON reprend l'envoi."
    place.text(PAUL, "un")
    place.news(MARIE)
    place.text(PAUL, "deux")
    assert place.news(MARIE) == []
    assert place.text(MARIE, "STATS")[0].startswith("@marie")
    place.later(40)
    assert place.news(MARIE)[-1].startswith("Nouveaux tweets pendant la pause : 2.")
    place.text(PAUL, "trois")
    assert place.news(MARIE) == ["@paul: trois"]
    assert place.text(MARIE, "SILENCE 999")[0].startswith("SILENCE 8 :")


def test_taking_back(place: Place) -> None:
    place.text(MARIE, "zut")
    assert place.text(MARIE, "ANNULER") == ["Votre dernier tweet est supprimé."]
    assert place.posts == ["Bonjour de Lille"]
    assert place.user("marie").posts == 0
    place.text(MARIE, "encore")
    place.later(301)
    assert place.text(MARIE, "annuler") == [UNKNOWN]


def test_lengths(place: Place) -> None:
    assert place.text(MARIE, 141 * "x") == [
        "Non publié : 141 caractères, la limite est 140. Raccourcissez et renvoyez."
    ]
    assert place.text(MARIE, 140 * "x") == []
    assert place.posts[1:] == [140 * "x"]


def test_help_on_one_command(place: Place) -> None:
    assert place.text(MARIE, "AIDE D") == [
        "D pseudo texte : message privé, jamais public. La personne doit vous suivre."
    ]
    assert place.text(MARIE, "AIDE retweeter")[0].startswith("RT pseudo")
    assert place.text(MARIE, "AIDE rien")[0].startswith("Gazouille : un SMS = un tweet.")


def test_too_many_texts(place: Place) -> None:
    said = [place.text(MARIE, f"tweet {n}", seconds=1) for n in range(32)]
    assert said[:30] == [[]] * 30
    assert said[30] == ["Trop de messages. Rien n'a été publié. Réessayez dans 10 min."]
    assert said[31] == []
    assert len(place.posts) == 31
    assert place.text(MARIE, "STOP")[0].startswith("Gazouille : ce mobile est délié")
    assert place.user("marie").state == UserState.STOPPED


def test_protected_accounts(place: Place) -> None:
    place.change("paul", protected=True)
    assert place.text(CLAIRE, "SUIVRE paul") == ["Demande envoyée : @paul valide ses abonnés."]
    assert place.text(CLAIRE, "LIRE paul") == ["@paul n'a encore rien publié."]
    place.text(PAUL, "secret @claire_d")
    assert place.news(CLAIRE)[2:] == []
    assert place.text(PAUL, "ACCEPTER claire_d") == ["Enregistré : claire_d."]
    assert place.news(CLAIRE)[-1].startswith("Vous suivez @paul")
    place.text(PAUL, "bienvenue")
    assert place.news(CLAIRE) == ["@paul: bienvenue"]
    assert place.text(MARIE, "RT paul") == ["@paul n'a encore rien publié."]
    assert place.text(PAUL, "RETIRER claire_d") == ["Enregistré : claire_d."]
    assert place.user("paul").followers == 1
    assert place.text("33639980099", "SUIVRE paul") == ["Aucun utilisateur @paul."]


def test_suggestions(place: Place) -> None:
    assert place.text(CLAIRE, "IDEES") == ["A suivre : @paul. Envoyez SUIVRE pseudo."]
    place.text(CLAIRE, "SUIVRE paul")
    assert place.text(CLAIRE, "idees") == ["IDEES : des comptes à suivre."]


def test_answers_by_number(place: Place) -> None:
    ((post,),) = place.world.engine.select("SELECT id FROM microblog_post")
    assert place.text(CLAIRE, f"REPLY #{post} bravo") == []
    assert place.posts[-1] == "@paul bravo"
    assert place.news(PAUL) == ["@claire_d: @paul bravo"]
    assert place.text(CLAIRE, "RT #99") == ["Aucun utilisateur @#99."]


def test_a_weekly_cap(place: Place) -> None:
    place.speaks("40404", weekly=10)
    place.text(MARIE, "ON paul")
    place.news(MARIE)
    for n in range(12):
        place.text(PAUL, f"tweet {n}")
    got = place.news(MARIE)
    assert [one for one in got if one.startswith("@paul")] == [
        f"@paul: tweet {n}" for n in range(10)
    ]
    assert [one for one in got if not one.startswith("@paul")] == [
        "Cette semaine : 9 SMS sur 10. Envois suspendus à la limite."
    ]
    place.later(7 * 86_400)
    place.text(PAUL, "lundi")
    assert place.news(MARIE) == ["@paul: lundi"]


def test_a_number_out_of_service_says_that_and_nothing_else(place: Place) -> None:
    place.speaks("40404", suspended="Le 40404 est coupé jusqu'à nouvel ordre.")
    assert place.text(MARIE, "bonjour") == ["Le 40404 est coupé jusqu'à nouvel ordre."]
    assert place.text(MARIE, "STATS") == []
    assert place.text(MARIE, "STOP")[0].startswith("Gazouille : ce mobile est délié")


def test_whoever_comes_back_finds_its_account(place: Place) -> None:
    place.text(MARIE, "STOP")
    assert place.text(MARIE, "bonjour") == []  # it said STOP: not even help
    assert place.text(MARIE, "COMMENCER") == ["SMS activés. COUPER pour les désactiver."]
    place.text(MARIE, "me revoici")
    assert place.posts[-1] == "me revoici"


def test_texts_come_by_the_number_that_somebody_writes_to(place: Place) -> None:
    place.change("marie", address="447624800379", carrier="uk")
    place.text(MARIE, "STATS")
    assert (place.user("marie").address, place.user("marie").carrier) == ("40404", "a")
