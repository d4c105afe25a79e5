"""Operators and the microblog: people, posts, reports, numbers, forgetting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from microblog_kit import CLAIRE, MARIE, PAUL, SHORT, Place
from shell_kit import Shell

from smppgw.core import proof
from smppgw.core.command import Role
from smppgw.core.consent import ConsentState
from smppgw.features.microblog.users import UserState

TABLES = (
    *("user", "name", "follow", "post", "like", "message", "block", "dialog", "link", "tail"),
    *("login", "login_sent", "report", "erasure", "job", "held", "count", "once", "event"),
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    paul = made.member("paul", PAUL, name="Paul Petit")
    marie = made.member("marie", MARIE)
    made.member("claire_d", CLAIRE)
    made.follows(paul, marie)
    made.follows(marie, paul)
    return made


def said(place: Place, line: str) -> str:
    """All that a line answers."""
    return "\n".join(place.shell(line))


def rows(place: Place, line: str) -> list[dict]:
    """The rows of a table."""
    *lines, status = place.shell(f"{line} | json")
    assert status == "OK"
    found = json.loads("\n".join(lines))
    assert isinstance(found, list)
    return found


# ---------------------------------------------------------------- looking


def test_members_are_shown_without_their_numbers(place: Place) -> None:
    found = rows(place, "show users")
    assert [one["user"] for one in found] == ["@claire_d", "@marie", "@paul"]
    assert {one["phone"] for one in found} == {"+3363998****"}
    assert rows(place, "show users reveal")[2]["phone"] == PAUL


def test_one_member(place: Place) -> None:
    place.text(PAUL, "Bonjour")
    text = said(place, "show user @paul")
    for word in ("ACTIVE", "+3363998****", "Paul Petit", "22:00-07:00", "Europe/Paris"):
        assert word in text
    assert PAUL not in text
    assert PAUL in said(place, "show user paul reveal")
    assert "there is no user @nobody" in said(place, "show user nobody")


def test_finding_somebody(place: Place) -> None:
    assert [one["user"] for one in rows(place, "find user MAR")] == ["@marie"]
    assert [one["user"] for one in rows(place, f"find user +{PAUL}")] == ["@paul"]
    assert rows(place, "find user x") == []


def test_posts_and_follows(place: Place) -> None:
    place.text(PAUL, "Bonjour")
    place.text(MARIE, "RT paul")
    place.text(MARIE, "FAV paul")
    found = rows(place, "show posts")
    assert [(one["user"], one["text"], one["likes"]) for one in found] == [
        ("@marie", "@marie: RT @paul: Bonjour", 0),
        ("@paul", "Bonjour", 1),
    ]
    assert len(rows(place, "show posts paul")) == 1
    follows = rows(place, "show follows paul")
    assert [(one["user"], one["how"]) for one in follows] == [
        ("@marie", "follows"),
        ("@marie", "follower"),
    ]


def test_who_only_looks_changes_nothing(place: Place) -> None:
    desk = Shell(place.feature.commands(), Role.VIEW)
    for line in (
        "suspend user paul",
        "del user paul!",
        "login send paul",
        "link start paul by-sms",
    ):
        assert desk.say(line)[-1] != "OK"
    desk = Shell(place.feature.commands(), Role.OPERATE)
    for line in ("del user paul!", f"forget phone {PAUL}!"):
        assert desk.say(line)[-1] != "OK"
    assert place.user("paul").state == UserState.ACTIVE


# ---------------------------------------------------------------- changing


def test_accounts_are_added_and_set(place: Place) -> None:
    assert said(place, 'add user jane name "Jane Doe" language fr').endswith("OK")
    assert "taken" in said(place, "add user PAUL")
    assert "taken" in said(place, "add user stop")
    assert "1-15 letters" in said(place, "add user c-est")
    jane = place.user("jane")
    assert (jane.state, jane.phone, jane.name) == (UserState.STOPPED, None, "Jane Doe")
    line = "set user paul pin A1B2 zone Europe/London quiet 23:30-06:00 protected on name Paul"
    assert said(place, line).endswith("OK")
    paul = place.user("paul")
    assert (paul.pin, paul.zone, paul.quiet_from, paul.quiet_to) == (
        "A1B2",
        "Europe/London",
        1410,
        360,
    )
    assert paul.protected
    for wrong in ("pin 12345", "zone Mars/Base", "quiet late", "confirm maybe", ""):
        assert not said(place, f"set user paul {wrong}").endswith("OK")
    assert "A1B2" not in said(place, "show user paul")
    assert said(place, "set user paul pin off").endswith("OK")
    assert place.user("paul").pin == ""


def test_suspending(place: Place) -> None:
    assert said(place, "suspend user paul").endswith("OK")
    assert place.text(PAUL, "Bonjour") == []
    assert place.text(MARIE, "QUI @paul") == ["Aucun utilisateur @paul."]
    assert place.text(MARIE, "D paul salut")[0].startswith("Non envoyé")
    assert place.text(PAUL, "STOP") != []
    assert place.text(PAUL, "COMMENCER") == []
    assert place.user("paul").state == UserState.SUSPENDED
    assert said(place, "unsuspend user paul") == "@paul is STOPPED\nOK"
    assert place.text(PAUL, "Commencer") == ["SMS activés. COUPER pour les désactiver."]
    assert "is not suspended" in said(place, "unsuspend user paul")
    assert place.posts == []


@pytest.mark.parametrize("decision", ["keep", "remove", "suspend"])
def test_reports_are_decided(place: Place, decision: str) -> None:
    place.text(PAUL, "spam")
    place.text(MARIE, "SIGNALER paul")
    place.text(CLAIRE, "SIGNALER paul")
    found = rows(place, "show reports")
    assert [(one["user"], one["by"], one["text"]) for one in found] == [
        ("@paul", "@marie", "spam"),
        ("@paul", "@claire_d", "spam"),
    ]
    assert said(place, f"decide report {found[0]['id']} {decision}") == f"@paul: {decision}\nOK"
    assert rows(place, "show reports") == []
    assert "no such open report" in said(place, f"decide report {found[1]['id']} keep")
    assert place.posts == ([] if decision == "remove" else ["spam"])
    suspended = place.user("paul").state == UserState.SUSPENDED
    assert suspended == (decision == "suspend")


def test_a_post_is_removed(place: Place) -> None:
    place.text(PAUL, "oops")
    (post,) = rows(place, "show posts")
    assert said(place, f"del post {post['id']}").endswith("OK")
    assert place.posts == []
    assert place.user("paul").posts == 0
    assert "no such post" in said(place, f"del post {post['id']}")


# ---------------------------------------------------------------- numbers


def test_how_numbers_speak(place: Place) -> None:
    line = "set microblog 40404 service Gazou languages en country GB weekly 250 pin optional"
    assert said(place, line).endswith("OK")
    number = place.blog.numbers.get(SHORT)
    assert (number.service, number.languages, number.weekly, number.prefix, number.zone) == (
        "Gazou",
        ("en",),
        250,
        "44",
        "Europe/London",
    )
    found = {one["number"]: one for one in rows(place, "show microblog")}
    assert found[SHORT]["languages"] == "en"
    assert "it speaks en, fr, not de" in said(place, "set microblog 40404 languages de")
    assert not said(place, "set microblog 40404").endswith("OK")
    assert not said(place, "set microblog 999 service x").endswith("OK")
    assert place.text("33639980055", "HELP")[0].startswith("Gazou: text START")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Stop !", "STOP"),
        ("Get well soon", "post"),
        ("d paul", "DM"),
        ("STOP svp", "nearly STOP"),
        ("x" * 141, "too long for a post"),
    ],
)
def test_what_a_text_would_be(place: Place, text: str, what: str) -> None:
    before = place.world.engine.select("SELECT count(*) FROM microblog_event")
    assert what in said(place, f'test microblog 40404 "{text}"')
    assert place.world.engine.select("SELECT count(*) FROM microblog_event") == before


# ---------------------------------------------------------------- forgetting


def traces(place: Place, phone: str, user: int) -> list[str]:
    """Tables that still speak of a phone or a user."""
    return [
        table
        for table in TABLES
        for row in place.world.engine.select(f"SELECT * FROM microblog_{table}")  # noqa: S608
        if any(value == user or phone in str(value) for value in row)
    ]


def test_a_phone_is_forgotten(place: Place) -> None:
    paul = place.user("paul").id
    for words in ("un", "RT marie", "FAV marie", "D marie salut", "SET PSEUDO paulo", "zut"):
        place.text(PAUL, words)
    place.text(MARIE, "D paulo bonjour")
    place.text(MARIE, "FAV paulo")
    place.text(CLAIRE, "SIGNALER paulo")
    place.text(MARIE, f"INVITER +{PAUL}")
    place.shell("login send paulo")
    place.shell(f"link start claire_d {PAUL}")
    assert set(traces(place, PAUL, paul)) >= {"user", "post", "message", "login", "link", "name"}
    text = said(place, f"forget phone +{PAUL}")
    assert "+3363998**** is forgotten, 1 accounts with it" in text
    assert text.endswith("OK")
    place.later(2)
    assert traces(place, PAUL, paul) == []
    assert (place.user("marie").followers, place.user("marie").following) == (0, 0)
    assert place.text(PAUL, "Bonjour")[0].startswith("Gazouille : COMMENCER")
    trail = place.world.engine.select(f"{proof.SELECT} ORDER BY id")
    assert proof.verify(trail)[0] == len(trail)
    (record,) = [one for one in trail if one[4] == "forget"]
    assert (record[2], record[9]) == ("", "operator ops")
    assert PAUL not in str(trail)


def test_what_a_forgotten_phone_said_about_texts_stays(place: Place) -> None:
    place.text(PAUL, "STOP")
    place.shell(f"forget phone {PAUL}")
    standing = place.world.relay.consent.standing(PAUL, SHORT)
    assert standing is not None
    assert standing.state is ConsentState.STOPPED
    count = len(place.received(PAUL))
    place.text(MARIE, f"INVITER +{PAUL}")
    assert len(place.received(PAUL)) == count


def test_an_account_is_removed_and_the_phone_starts_anew(place: Place) -> None:
    for n in range(30):
        place.work(lambda n=n: place.blog.posts.add(place.user("paul"), f"post {n}", n))
    assert said(place, "del user paul") == "@paul is gone\nOK"
    assert place.posts == []
    assert "there is no user" in said(place, "show user paul")
    assert place.text(PAUL, "COMMENCER")[0].startswith("Bienvenue")
    assert said(place, f"forget phone {'9' * 11}").endswith("OK")
    assert "a phone is digits" in said(place, "forget phone paul")
