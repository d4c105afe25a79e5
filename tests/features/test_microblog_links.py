"""Linking phones and accounts both ways, and login codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from microblog_kit import LONG, MARIE, Place
from twisted.internet.defer import Deferred

from smppgw.core.consent import ConsentState
from smppgw.features.microblog.codes import CodeRefused
from smppgw.features.microblog.users import UserState

JANE, JANE2, BOB = "33639980003", "33639980005", "447700900004"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    assert made.shell("add user jane name 'Jane Doe' language fr")[-1] == "OK"
    return made


def digits(text: str) -> str:
    found = re.search(r"\d{6}", text)
    assert found is not None
    return found[0]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


# ---------------------------------------------------------------- linking


def test_a_code_to_the_phone(place: Place) -> None:
    """7.5 rows 1 and 3."""
    assert place.shell(f"link start jane +{JANE}") == ["code sent to +3363998****", "OK"]
    (text,) = place.news(JANE)
    code = digits(text)
    assert text == (
        f"Gazouille : votre code est {code}. Saisissez-le pour lier ce numéro. Valable 10 min."
        " Pas vous ? Ignorez ce SMS."
    )
    assert place.shell(f"link confirm @jane {code}")[-1] == "OK"
    assert place.news(JANE) == [
        "C'est fait : ce numéro publie pour @jane. Vos SMS au 40404 deviennent des tweets."
        " AIDE = commandes, STOP = délier."
    ]
    jane = place.user("jane")
    assert (jane.state, jane.phone) == (UserState.ACTIVE, JANE)
    place.text(JANE, "Bonjour")
    assert place.posts == ["Bonjour"]


def test_five_wrong_codes_close_the_request(place: Place) -> None:
    """7.5 row 2."""
    place.shell(f"link start jane +{JANE}")
    code = digits(place.news(JANE)[0])
    for _ in range(4):
        said = place.shell(f"link confirm jane {wrong(code)}")
        assert "wrong code" in said[-1] or "wrong code" in said[0]
        assert "closed" not in " ".join(said)
    assert "request closed" in " ".join(place.shell(f"link confirm jane {wrong(code)}"))
    assert place.shell(f"link confirm jane {code}")[-1] != "OK"
    assert place.user("jane").phone is None


def test_a_code_is_over_after_ten_minutes(place: Place) -> None:
    place.shell(f"link start jane +{JANE}")
    code = digits(place.news(JANE)[0])
    place.later(601)
    assert place.shell(f"link confirm jane {code}")[-1] != "OK"


def test_a_code_from_the_phone(place: Place) -> None:
    """7.5 rows 4 to 6."""
    place.shell("add user jane2 language fr")
    said = place.shell("link start jane2 by-sms")
    code = digits(said[0])
    assert said == [f"text {code} to 40404", "OK"]
    assert place.text(JANE2, f"{code[:3]} {code[3:]}") == [
        "C'est fait : ce numéro publie pour @jane2. Vos SMS au 40404 deviennent des tweets."
        " AIDE = commandes, STOP = délier."
    ]
    assert place.text(JANE2, "GO") == [
        "Code incorrect ou expiré. Demandez un nouveau code et réessayez."
    ]
    assert place.posts == []
    standing = place.world.relay.consent.standing(JANE2, "40404")
    assert standing is not None
    assert standing.state is ConsentState.ACTIVE


def test_go_confirms_the_one_request_of_a_phone(place: Place) -> None:
    place.shell(f"link start jane +{JANE}")
    place.news(JANE)
    assert place.text(JANE, "go")[0].startswith("C'est fait")


def test_a_stranger_with_a_wrong_code_is_told(place: Place) -> None:
    assert place.text(JANE, "123456") == [
        "Code incorrect ou expiré. Demandez un nouveau code et réessayez."
    ]


def test_a_phone_moves_to_another_account(place: Place) -> None:
    """7.5 row 7."""
    place.member("jane2", JANE2, login=True)
    place.shell(f"link start jane {JANE2}")
    place.shell(f"link confirm jane {digits(place.news(JANE2)[0])}")
    assert (place.user("jane").phone, place.user("jane2").phone) == (JANE2, None)
    assert place.events("jane2") == ["link.moved"]
    assert not place.user("jane2").login
    assert place.user("jane2").state == UserState.STOPPED
    assert len(place.news(JANE2)) == 1  # link.done


def test_a_phone_that_said_stop_gets_no_code(place: Place) -> None:
    place.text(JANE, "STOP")
    place.news(JANE)
    assert "nothing can be sent" in " ".join(place.shell(f"link start jane {JANE}"))
    assert place.news(JANE) == []


def test_following_without_an_account_goes_on_with_one(place: Place) -> None:
    place.member("marie", MARIE)
    place.text(JANE, "FOLLOW marie")
    place.news(JANE)
    place.shell(f"link start jane {JANE}")
    place.shell(f"link confirm jane {digits(place.news(JANE)[0])}")
    place.news(JANE)
    place.text(MARIE, "Bonjour")
    assert place.news(JANE) == ["@marie: Bonjour"]
    assert (place.user("marie").followers, place.user("jane").following) == (1, 1)


# ---------------------------------------------------------------- login codes


@pytest.fixture
def member(place: Place) -> Place:
    place.member("marie", MARIE)
    return place


def test_a_login_code_passes_off_and_the_night(member: Place) -> None:
    """7.5 row 8."""
    member.text(MARIE, "OFF")
    member.text(MARIE, "Off !")
    member.later(14.75 * 3600)  # 23:45 in Paris
    member.news(MARIE)
    assert member.shell("login send @marie") == ["code sent to +3363998****", "OK"]
    (text,) = member.news(MARIE)
    code = digits(text)
    assert text == (
        f"Code de connexion Gazouille : {code}. Valable 10 min. Ne le donnez à personne."
    )
    assert member.shell(f"login check marie {wrong(code)}")[-1] != "OK"
    assert member.shell(f"login check marie {code}") == ["right; it is used up", "OK"]
    assert member.shell(f"login check marie {code}")[-1] != "OK"


def test_three_login_codes_an_hour(member: Place) -> None:
    """7.5 row 9."""
    for _ in range(3):
        assert member.shell("login send marie")[-1] == "OK"
        member.later(60)
    member.news(MARIE)
    said = " ".join(member.shell("login send marie"))
    assert "limit 3 per hour, next at 10:00" in said
    assert member.news(MARIE) == []
    member.later(3600)
    assert member.shell("login send marie")[-1] == "OK"


def test_ten_login_codes_a_day(member: Place) -> None:
    for _ in range(10):
        assert member.shell("login send marie")[-1] == "OK"
        member.later(1300)
    assert "limit 10 per day, next at 07/01 09:00" in " ".join(member.shell("login send marie"))
    member.later(86_400)
    assert member.shell("login send marie")[-1] == "OK"


def test_five_wrong_login_codes_burn_it(member: Place) -> None:
    member.shell("login send marie")
    code = digits(member.news(MARIE)[0])
    for _ in range(5):
        member.shell(f"login check marie {wrong(code)}")
    assert member.shell(f"login check marie {code}")[-1] != "OK"


def test_codes_for_other_programs(member: Place) -> None:
    def result(done: Deferred) -> object:
        found: list[object] = []
        done.addBoth(found.append)
        member.world.settle(0.3)
        return getattr(found[0], "value", found[0])

    assert result(member.feature.send_login("@marie"))
    code = digits(member.news(MARIE)[0])
    assert result(member.feature.check_login("marie", wrong(code))) is False
    assert result(member.feature.check_login("marie", code)) is True
    refused = result(member.feature.send_login("nobody"))
    assert isinstance(refused, CodeRefused)
    assert isinstance(result(member.feature.send_login("jane")), CodeRefused)


def test_no_codes_on_a_one_way_number(member: Place) -> None:
    """7.5 row 10."""
    member.speaks(LONG, direction="in", languages=("en",))
    member.member("bob", BOB, "en", address=LONG, carrier="uk")
    fault = "447624800379 is one-way: codes cannot be delivered"
    assert fault in " ".join(member.shell("set user bob login on"))
    assert fault in " ".join(member.shell("login send bob"))
    assert not member.user("bob").login
    assert member.shell("set user marie login on")[-1] == "OK"
    assert member.user("marie").login
    member.text(MARIE, "STOP")
    assert not member.user("marie").login
