"""Senders that could be forged: PINs, numbers that never answer, posts to confirm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from microblog_kit import BOB, LONG, MARIE, NEW, PAUL, SHORT, Place

from smppgw.features.microblog.users import UserState

INVALID = "Your PIN is invalid. Nothing was published. Resend with your PIN first."
LOCKED = "Too many wrong PINs: posting by SMS is locked for 60 min. Nothing was published."
WRONG = ("Bonjour", "0000 x", "A1B x", "A1B2Bonjour", "B1A2 x")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.speaks(LONG, direction="in", pin="required", languages=("en",), service="Gazouille")
    made.member("bob", BOB, "en", address=LONG, carrier="uk", pin="A1B2")
    made.member("paul", PAUL)
    return made


def bob(place: Place, words: str | bytes) -> list[str]:
    """What @bob gets for a text to the long code."""
    return place.text(BOB, words, destination=LONG, at="uk")


def test_a_pin_opens_a_long_code_and_is_not_published(place: Place) -> None:
    """7.6 rows 1 and 2."""
    assert bob(place, bytes.fromhex("4131423220426f6e6a6f7572")) == []
    assert bob(place, "a1b2 Salut") == []
    assert place.posts == ["Bonjour", "Salut"]


def test_wrong_pins_lock_and_an_operator_unlocks(place: Place) -> None:
    """7.6 rows 3 to 5."""
    for words in WRONG:
        assert bob(place, words) == []
    assert bob(place, "A1B2 hello") == []
    assert place.posts == []
    assert place.events("bob") == [*["pin.invalid"] * 5, "pin.locked", "pin.invalid"]
    assert all("uk" in one for _, _, one in place.blog.events.of(place.user("bob").id, 9))
    assert place.shell("show user bob")[-1] == "OK"
    assert place.shell("unlock user @bob") == ["@bob may try again", "OK"]
    assert place.events("bob")[-1] == "unlocked"
    bob(place, "A1B2 again")
    assert place.posts == ["again"]


def test_the_lock_ends_after_an_hour(place: Place) -> None:
    for words in WRONG:
        bob(place, words)
    place.later(3500)
    bob(place, "A1B2 early")
    place.later(101)
    bob(place, "A1B2 in time")
    assert place.posts == ["in time"]


def test_a_number_that_answers_says_so_twice(place: Place) -> None:
    """7.6 rows 3 and 6, on a number of two ways."""
    place.speaks(LONG, direction="both")
    assert [bob(place, words) for words in WRONG] == [[INVALID], [], [], [], [LOCKED]]
    assert bob(place, "A1B2 hello") == []
    assert bob(place, "HELP")[0].startswith("Gazouille: text to tweet.")


def test_a_number_that_never_answers_does_not_for_stop_either(place: Place) -> None:
    """7.6 row 7."""
    assert bob(place, "HELP") == []
    assert bob(place, "STOP") == []
    assert place.user("bob").state == UserState.STOPPED
    assert place.world.relay.consent.refuses(LONG, BOB)
    assert place.text(NEW, "START", destination=LONG, at="uk") == []
    assert place.text(NEW, "Jane Doe", destination=LONG, at="uk") == []
    assert place.blog.users.by_phone(NEW) is None


def test_nobody_is_written_to_from_a_number_that_never_answers(place: Place) -> None:
    place.follows(place.user("bob"), place.user("paul"), by_sms=True)
    place.text(PAUL, "Bonjour @bob")
    place.text(PAUL, "D bob salut")
    assert place.received(BOB) == []


def test_a_pin_is_optional_where_the_number_says_so(place: Place) -> None:
    place.speaks(LONG, pin="optional")
    place.change("bob", pin="")
    bob(place, "no pin")
    assert place.posts == ["no pin"]
    place.speaks(LONG, pin="required")
    bob(place, "none at all")
    assert place.posts == ["no pin"]
    assert place.events("bob") == ["pin.missing"]


def test_the_rest_of_a_private_message_needs_no_pin(place: Place) -> None:
    place.follows(place.user("paul"), place.user("bob"))
    bob(place, "A1B2 D paul " + 148 * "x")
    bob(place, 30 * "y")
    place.later(12)
    assert place.posts == []
    assert place.events("bob") == []
    ((text,),) = place.world.engine.select("SELECT text FROM microblog_message")
    assert text == 148 * "x" + 30 * "y"


def test_a_text_for_a_number_of_another_carrier_is_refused(place: Place) -> None:
    """7.6 row 8."""
    unrouted = place.world.relay.inbox.unrouted
    assert place.text(PAUL, "Bonjour", destination=SHORT, at="uk") == []  # answered ESME_ROK
    assert place.posts == []
    assert place.world.relay.inbox.unrouted == unrouted + 1
    place.world.store.engine.flush()
    rows = place.world.engine.select("SELECT carrier, reason FROM unrouted")
    assert rows == [("uk", "a number of another carrier")]


# ---------------------------------------------------------------- posts to confirm


def confirming(place: Place, words: str) -> str:
    (asked,) = place.text(PAUL, words)
    found = re.fullmatch(
        r"Répondez OK (\d{4}) pour publier ce tweet\. Valable 10 min\. Pas vous \?"
        r" Ne faites rien\.",
        asked,
    )
    assert found is not None
    return found[1]


@pytest.fixture
def careful(place: Place) -> Place:
    assert place.shell("set user paul confirm on")[-1] == "OK"
    return place


def test_a_post_is_confirmed_by_a_code(careful: Place) -> None:
    """7.6 row 9."""
    code = confirming(careful, "salut")
    assert careful.posts == []
    assert careful.text(PAUL, f"OK {code}") == []
    assert careful.posts == ["salut"]
    assert careful.text(PAUL, f"Ok {code}.") == [
        "Code incorrect ou expiré. Demandez un nouveau code et réessayez."
    ]


def test_any_other_text_is_the_new_one_to_confirm(careful: Place) -> None:
    """7.6 row 9."""
    confirming(careful, "un")
    code = confirming(careful, "deux")
    careful.text(PAUL, f"oui {code}")
    assert careful.posts == ["deux"]


def test_a_wrong_or_late_code_publishes_nothing(careful: Place) -> None:
    code = confirming(careful, "salut")
    careful.text(PAUL, f"OK {(int(code) + 1) % 10_000:04}")
    careful.text(PAUL, f"OK {code}")
    assert careful.posts == []
    code = confirming(careful, "encore")
    careful.later(601)
    careful.text(PAUL, f"OK {code}")
    assert careful.posts == []


def test_handing_on_is_confirmed_as_well(careful: Place) -> None:
    careful.member("marie", MARIE)
    careful.text(MARIE, "Bonjour")
    code = confirming(careful, "RT marie")
    careful.text(PAUL, f"GO {code}")
    assert careful.user("paul").posts == 1


def test_what_nobody_can_be_asked_about_is_not_published(place: Place) -> None:
    place.change("bob", confirms=True)
    bob(place, "A1B2 hello")
    assert place.posts == []
    assert place.events("bob") == ["confirm.impossible"]
