"""kill -9 in the middle: what was begun is finished, and nobody gets anything twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from microblog_kit import MARIE, NEW, PAUL, SHORT, Place
from relay_peers import mo
from turn_kit import turn

from smppgw.core.consent import ConsentState
from smppgw.features.microblog.users import Follow


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    paul, marie = made.member("paul", PAUL), made.member("marie", MARIE)
    made.follows(paul, marie)
    made.follows(marie, paul)
    return made


def at_every_turn(place: Place, phone: str, words: bytes, turns: int) -> None:
    """A text, a crash so many turns later, and the carrier that sends it again if not answered."""
    sent = place.world.simulated["a"].send_mo(phone, SHORT, words)
    for _ in range(turns):
        turn(place.world)
    answered = sent.command_status == 0
    place.world.crash()
    place.world.settle(3)
    if not answered:
        place.come(mo(words, SHORT, source_addr=phone))
    place.world.settle(5)


JOBS = "SELECT cursor FROM microblog_job"
TURNS = range(0, 12)


@pytest.mark.parametrize("turns", TURNS)
def test_a_stop_holds_and_is_confirmed(place: Place, turns: int) -> None:
    at_every_turn(place, MARIE, b"STOP", turns)
    standing = place.world.relay.consent.standing(MARIE, SHORT)
    assert standing is not None
    assert standing.state is ConsentState.STOPPED
    texts = place.received(MARIE)
    # What was on the wire at that moment may have to be sent a second time, and never a third.
    assert 1 <= len(texts) <= 2
    assert place.world.relay.consent.refuses(SHORT, MARIE)
    assert set(texts) == {
        "Gazouille : ce mobile est délié, il n'aura plus aucun SMS. Votre compte @marie est"
        " conservé. COMMENCER pour revenir."
    }
    place.text(PAUL, "Bonjour @marie")
    assert place.received(MARIE) == texts


@pytest.mark.parametrize("turns", TURNS)
def test_a_dialog_goes_on(place: Place, turns: int) -> None:
    place.text(NEW, "COMMENCER")
    at_every_turn(place, NEW, b"Claire Durand", turns)
    asked = place.received(NEW)[1:]
    assert 1 <= len(asked) <= 2
    assert all(one.startswith("Bonjour Claire Durand !") for one in asked)
    assert place.text(NEW, "claire_d")[0].startswith("Compte créé : @claire_d.")


@pytest.mark.parametrize("turns", TURNS)
def test_a_post_is_there_once(place: Place, turns: int) -> None:
    at_every_turn(place, PAUL, b"Bonjour", turns)
    assert place.posts == ["Bonjour"]
    assert place.user("paul").posts == 1


SLICES = (0, 1, 2)


@pytest.mark.parametrize("slices", SLICES)
@pytest.mark.parametrize("turns", [0, 3])
def test_a_fan_out_is_finished_and_repeats_nothing_that_was_answered(
    place: Place, slices: int, turns: int
) -> None:
    """Killed when so many slices of the followers are done, and so many turns later."""
    paul = place.user("paul")
    readers = [place.member(f"r{n}", f"3363997{n:04}") for n in range(900)]

    def follow() -> None:
        for one in readers:
            place.blog.users.put_follow(Follow(paul.id, one.id, True, False, 1))

    place.work(follow)
    window = place.world.settings.carriers[0].window
    place.world.simulated["a"].send_mo(PAUL, SHORT, b"Bonjour")
    begun: set[int] = set()
    for _ in range(10_000):
        begun.update(cursor for (cursor,) in place.world.engine.select(JOBS))
        if len(begun) > slices:
            break
        turn(place.world)
    assert len(begun) == slices + 1
    for _ in range(turns):
        turn(place.world)
    assert place.world.engine.select(JOBS) != []
    place.world.crash()
    place.world.settle(30)
    place.world.crash()
    place.world.settle(10)
    assert place.world.engine.select(JOBS) == []
    counts = [place.received(one.phone or "").count("@paul: Bonjour") for one in readers]
    assert min(counts) == 1
    assert sum(counts) - len(counts) <= window


def test_an_erasure_goes_on(place: Place) -> None:
    for n in range(150):
        place.work(lambda n=n: place.blog.posts.add(place.user("paul"), f"post {n}", n))
    user = place.user("paul")
    place.work(lambda: place.feature.erasure._begin(user))
    place.world.crash()
    place.world.settle(5)
    assert place.posts == []
    assert place.world.engine.select("SELECT * FROM microblog_erasure") == []
    assert place.user("marie").following == 0
