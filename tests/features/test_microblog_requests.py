"""Requests to follow, invitations of members, hashtags, and posts that name somebody."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microblog_kit import CLAIRE, MARIE, PAUL, Place

from smppgw.features.microblog.posts import tags_of

HOUR = 3_600
SENT = ["Invitation envoyée au 0639980001."]
ASKED = "@marie souhaite vous suivre. Répondez ACCEPTER marie ou REFUSER marie."


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.member("paul", PAUL)
    made.member("marie", MARIE)
    made.member("claire_d", CLAIRE)
    return made


# ---------------------------------------------------------------- requests


def test_whoever_accepts_followers_is_asked(place: Place) -> None:
    place.change("paul", protected=True)
    assert place.text(MARIE, "SUIVRE paul") == ["Demande envoyée : @paul valide ses abonnés."]
    assert place.news(PAUL) == [ASKED]
    assert place.text(MARIE, "Suivre paul") == ["Demande envoyée : @paul valide ses abonnés."]
    assert place.news(PAUL) == []  # once a day
    assert place.text(PAUL, "ACCEPTER marie") == ["Enregistré : marie."]
    assert place.user("paul").followers == 1


def test_a_request_in_the_night_waits_for_the_morning(place: Place) -> None:
    place.change("paul", protected=True)
    place.later(14 * HOUR)  # 23:00
    place.text(MARIE, "SUIVRE paul")
    place.text(CLAIRE, "SUIVRE paul")
    assert place.news(PAUL) == []
    place.text(CLAIRE, "NESUIVRE paul")
    place.later(9 * HOUR)
    assert place.news(PAUL) == [ASKED]


def test_whoever_turned_everything_off_is_not_told(place: Place) -> None:
    place.change("paul", protected=True, posts_on=False)
    place.text(MARIE, "SUIVRE paul")
    assert place.news(PAUL) == []


def test_an_invitation_of_a_member_is_a_request(place: Place) -> None:
    assert place.text(MARIE, "INVITER 06 39 98 00 01") == SENT
    assert place.news(PAUL) == [ASKED]
    assert place.user("paul").followers == 0
    assert place.text(PAUL, "REFUSER marie") == ["Enregistré : marie."]
    assert place.text(MARIE, "INVITER  06 39 98 00 01") == SENT
    assert place.news(PAUL)[1:] == []
    assert place.text(PAUL, "ACCEPTER marie") == ["Enregistré : marie."]
    assert place.news(MARIE)[-1].startswith("Vous suivez @paul")


@pytest.mark.parametrize("why", ["blocked", "blocks", "follows", "stopped", "suspended"])
def test_an_invitation_never_says_whose_phone_it_is(place: Place, why: str) -> None:
    paul, marie = place.user("paul"), place.user("marie")
    if why == "blocked":
        place.text(PAUL, "BLOQUER marie")
    elif why == "blocks":
        place.text(MARIE, "BLOQUER paul")
    elif why == "follows":
        place.follows(marie, paul)
    elif why == "stopped":
        place.text(PAUL, "STOP")
    else:
        place.shell("suspend user paul")
    before = place.blog.users.follow(paul.id, marie.id)
    place.news(PAUL)
    assert place.text(MARIE, "INVITER 0639980001") == SENT
    assert place.news(PAUL) == []
    assert place.blog.users.follow(paul.id, marie.id) == before


def test_nobody_invites_itself(place: Place) -> None:
    assert place.text(PAUL, "INVITER 0639980001") == SENT
    assert place.news(PAUL)[1:] == []


def test_a_phone_that_only_follows_can_be_invited(place: Place) -> None:
    place.text("33639980099", "SUIVRE paul")
    place.news("33639980099")
    place.text(MARIE, "INVITER 0639980099")
    assert place.news("33639980099")[0].startswith("@marie vous invite sur Gazouille")


# ---------------------------------------------------------------- mentions


def test_the_last_post_that_names_somebody(place: Place) -> None:
    assert place.text(MARIE, "GET @")[0].startswith("LIRE pseudo : dernier tweet")
    place.text(PAUL, "Bonjour @marie et @claire_d")
    place.text(CLAIRE, "@Marie salut")
    place.text(PAUL, "rien pour personne")
    place.news(MARIE)
    assert place.text(MARIE, "LIRE @") == ["@claire_d: @Marie salut"]
    assert place.text(CLAIRE, "LIRE @") == ["@paul: Bonjour @marie et @claire_d"]
    place.text(CLAIRE, "ANNULER")
    assert place.text(MARIE, "get @") == ["@paul: Bonjour @marie et @claire_d"]


def test_who_is_blocked_names_nobody(place: Place) -> None:
    place.text(MARIE, "BLOQUER paul")
    place.text(PAUL, "Bonjour @marie")
    assert place.text(MARIE, "GET @")[0].startswith("LIRE pseudo")


# ---------------------------------------------------------------- hashtags


def test_posts_are_found_by_their_hashtags(place: Place) -> None:
    place.text(PAUL, "Vive #Été, et la #plage !")
    place.text(MARIE, "#ete indien")
    place.text(CLAIRE, "C#1 n'en est pas un, ni #2030")
    found = "\n".join(place.shell("find posts #été"))
    assert "indien" in found
    assert "Vive" in found
    assert "Vive" in "\n".join(place.shell("find posts plage"))
    assert place.shell("find posts 2030")[0] == "no posts"
    place.text(MARIE, "ANNULER")
    assert "indien" not in "\n".join(place.shell("find posts ete"))


def test_hashtags_of_somebody_who_is_gone(place: Place) -> None:
    place.text(PAUL, "#un #deux @marie")
    place.text(PAUL, "@paul #trois")
    place.shell("del user paul")
    place.later(5)
    tags = place.world.engine.select("SELECT folded FROM microblog_tag")
    assert tags == []
    assert place.text(MARIE, "GET @")[0].startswith("LIRE pseudo")


def test_what_a_hashtag_is() -> None:
    assert tags_of("#Un #un a#b #2 #3d\n#Noël") == ["UN", "3D", "NOEL"]
    assert tags_of("# rien ## non") == []


@given(st.text(max_size=140))
def test_any_text_has_few_hashtags(text: str) -> None:
    found = tags_of(text)
    assert len(found) == len(set(found)) <= 70
