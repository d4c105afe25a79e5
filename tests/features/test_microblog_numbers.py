"""What single numbers allow: long texts, posts only, members of another; claims on the web."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microblog_kit import BOB, LONG, MARIE, PAUL, Place, two_members
from mo_kit import parts_of
from twisted.python.failure import Failure

from smppgw.features.microblog.codes import CodeRefused
from smppgw.features.microblog.publish import MOST_PIECES, split
from smppgw.features.microblog.schema import MIGRATIONS

WORDS = " ".join(f"mot{n}" for n in range(40))
SENT = "code sent to +3363998****"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return two_members(tmp_path)


def long_text(place: Place, words: str, reference: int = 3) -> list[str]:
    before = len(place.received(PAUL))
    for pdu in parts_of(words, reference, source=PAUL, destination="40404"):
        place.come(pdu)
    place.later(5)
    return place.received(PAUL)[before:]


# ---------------------------------------------------------------- long texts


def test_a_long_text_is_split_where_that_is_on(place: Place) -> None:
    assert long_text(place, WORDS)[0].startswith("Non publié")
    place.later(61)
    assert place.shell("set microblog 40404 long split")[-1] == "OK"
    assert long_text(place, WORDS, 4) == []
    assert len(place.posts) == 2
    assert place.posts[0].endswith(" 1/2")
    assert place.posts[1].endswith(" 2/2")
    assert place.news(MARIE) == [f"@paul: {one}" for one in place.posts]
    assert " ".join(one[:-4] for one in place.posts) == WORDS


def test_a_text_that_is_far_too_long_is_refused(place: Place) -> None:
    place.speaks("40404", long="split")
    (said,) = long_text(place, "x" * 1300)
    assert said.startswith("Non publié : 1300 caractères")
    assert place.posts == []


def test_a_long_text_that_is_confirmed(place: Place) -> None:
    place.speaks("40404", long="split")
    place.change("paul", confirms=True)
    (asked,) = long_text(place, WORDS)
    assert place.posts == []
    place.text(PAUL, " ".join(asked.split()[1:3]))
    assert [one[-3:] for one in place.posts] == ["1/2", "2/2"]


@given(st.text(min_size=141, max_size=1500))
def test_pieces_are_posts_and_lose_nothing(text: str) -> None:
    pieces = split(text.strip())
    assert len(pieces) <= MOST_PIECES
    assert all(len(one) <= 140 for one in pieces)
    if pieces:
        said = "".join(one.rpartition(" ")[0] for one in pieces)
        assert "".join(said.split()) == "".join(text.split())
    else:
        assert len(text) > 600


# ---------------------------------------------------------------- what a number allows


def test_a_number_only_for_posts(place: Place) -> None:
    place.speaks("40404", commands="post_only")
    assert place.text(PAUL, "SUIVRE marie")[0].startswith("Message non compris.")
    place.later(11)
    assert place.text(PAUL, "D marie salut")[0].startswith("Message non compris.")
    assert place.text(PAUL, "AIDE D")[0].startswith("D pseudo texte")
    assert place.text(PAUL, "bonjour") == []
    assert place.posts == ["bonjour"]
    assert place.news(MARIE) == ["@paul: bonjour"]
    assert place.text(PAUL, "STOP")[0].startswith("Gazouille : ce mobile est délié")


def test_who_has_a_number_of_its_own_carrier_writes_to_that(place: Place) -> None:
    place.speaks(LONG, direction="in", own_number="own")
    place.member("bob", BOB, "en", address=LONG, carrier="uk")
    place.text(PAUL, "par le long", at="uk", destination=LONG)
    assert place.posts == []
    assert place.received(PAUL) == [
        "Vous pouvez publier ici mais sans rien recevoir. Pour l'aller-retour, utilisez le numéro"
        " court."
    ]
    place.text(PAUL, "encore", at="uk", destination=LONG)
    assert len(place.received(PAUL)) == 1
    place.text(BOB, "no short code here", at="uk", destination=LONG)
    assert place.posts == ["no short code here"]


def test_members_are_told_that_a_post_is_public(place: Place) -> None:
    place.speaks("40404", posted="first")
    assert place.text(PAUL, "un") == ["Publié. Abonnés : 1."]
    assert place.text(PAUL, "deux") == []
    place.speaks("40404", posted="always")
    assert place.text(PAUL, "trois") == ["Publié. Abonnés : 1."]


# ---------------------------------------------------------------- claims


def test_an_account_is_claimed_by_its_phone(place: Place) -> None:
    assert place.shell(f"claim start +{PAUL}")[0] == SENT
    (code,) = place.received(PAUL)
    digits = next(word for word in code.split() if word.rstrip(".").isdecimal()).rstrip(".")
    wrong = f"{(int(digits) + 1) % 1_000_000:06}"
    assert place.shell(f"claim confirm {PAUL} {wrong}")[-1] != "OK"
    assert place.shell(f"claim confirm {PAUL} {digits}")[0].startswith("the account is @paul")
    assert place.events("paul")[-1] == "claimed"
    assert place.shell(f"claim confirm {PAUL} {digits}")[-1] != "OK"


def test_claims_have_the_limits_of_codes(place: Place) -> None:
    for _ in range(3):
        assert place.shell(f"claim start {PAUL}")[0] == SENT
    assert "limit 3 per hour" in place.shell(f"claim start {PAUL}")[0]
    assert "no account" in place.shell("claim start 33639980099")[0]
    assert "digits" in place.shell("claim start paul")[0]


def test_claims_for_a_web_page(place: Place) -> None:
    found: list[object] = []
    for phone in (PAUL, BOB):
        place.feature.claims.start(phone).addBoth(found.append)
    place.world.settle(3)
    assert len(place.received(PAUL)) == 1
    assert [one.check(CodeRefused) for one in found if isinstance(one, Failure)] == [CodeRefused]
    place.feature.claims.confirm(PAUL, "no code", "the web").addBoth(found.append)
    place.world.settle(1)
    assert found[2] == ""


# ---------------------------------------------------------------- tables of before


def test_who_said_stop_before_is_given_ninety_days_more() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(MIGRATIONS[0])
    columns = [row[1] for row in connection.execute("PRAGMA table_info(microblog_user)")]
    for number, state, last_phone in ((1, 1, ""), (2, 2, "33600000002"), (3, 2, "")):
        values = dict.fromkeys(columns, 0) | {"id": number, "state": state}
        values |= {"username": f"u{number}", "folded": f"u{number}", "phone": None}
        values["last_phone"] = last_phone
        marks = ", ".join("?" * len(columns))
        connection.execute(
            f"INSERT INTO microblog_user ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
            [values[name] for name in columns],
        )
    for script in MIGRATIONS[1:]:
        connection.executescript(script)
    gone = connection.execute("SELECT id FROM microblog_user WHERE gone_at > 0").fetchall()
    assert gone == [(2,)]
