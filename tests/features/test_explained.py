"""A message from a phone, explained to an operator: what it was, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keywords_kit
import pytest
from microblog_kit import BOB, LONG, MARIE, NEW, PAUL, Place, gsm7
from mo_kit import parts_of
from shell_kit import Shell
from twisted.internet.defer import maybeDeferred

from smppgw.core import mo_kept
from smppgw.core.command import CommandError
from smppgw.features.microblog.fanout import FEW
from smppgw.ops.desk import Desk
from smppgw.ops.mo_life import mo_life
from smppgw.ops.rates import Rates
from smppgw.ops.shell.commands import all_commands

DAY = 86_400


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.member("paul", PAUL)
    made.member("marie", MARIE)
    return made


def operator(place: Any) -> Shell:
    relay = place.world.relay
    rates = Rates(relay.counters, place.world.clock)
    return Shell(all_commands(Desk(relay, rates, maybeDeferred)))


def say(place: Any, line: str) -> list[str]:
    desk, outcomes = operator(place), []
    desk.begin(line, True).result.addCallback(outcomes.append)
    place.world.settle(0.3)
    return [*desk.screen.lines, outcomes[0].status]


def last(place: Any) -> mo_kept.Kept:
    (found,) = mo_kept.latest(place.world.engine, "", 1, 1)
    return found


def test_a_post_on_one_screen(place: Place) -> None:
    """7.1 row 9."""
    place.text(PAUL, bytes.fromhex("53616c7574207f20746f75732021"))
    ((post,),) = place.world.engine.select("SELECT id FROM microblog_post")
    id = f"{last(place).id:016x}"
    said = "\n".join(say(place, f"explain mo {id} reveal"))
    assert f"MO {id} from {PAUL} to 40404" in said
    assert "on a#1 sequence 1" in said
    assert "raw 53616c7574207f20746f75732021" in said
    assert "text 'Salut à tous !'" in said
    assert "microblog: class P" in said
    assert f"microblog: post {post} went to 0 phones" in said
    assert "no answer" in said
    assert len(say(place, f"explain mo {id} reveal")) < 24
    masked = "\n".join(say(place, f"explain mo {id}"))
    assert PAUL not in masked
    assert "Salut" not in masked
    assert "53616c" not in masked
    assert "14 octets, data_coding 0x00" in masked


def test_how_many_a_post_reached(place: Place) -> None:
    paul, marie = place.user("paul"), place.user("marie")
    place.follows(marie, paul, by_sms=True)
    place.member("bob", BOB)
    place.text(PAUL, "Bonjour @bob")
    assert last(place).did[-1].endswith(" went to 2 phones")
    for number in range(FEW):
        reader = place.member(f"r{number}", f"3363997{number:04}")
        place.follows(reader, paul, by_sms=True)
    place.text(PAUL, "Bonsoir @bob")
    later = mo_life(place.world.relay, f"{last(place).id:x}")["later"]
    assert [one["event"].split(" went ")[1] for one in later] == [f"to {FEW + 2} phones"]
    assert last(place).answers == ()


@pytest.mark.parametrize(
    ("words", "did"),
    [
        ("STATS", "microblog: class A: STATS"),
        ("D marie salut", "microblog: class S: DM"),
        ("QUI marie", "microblog: class U: WHOIS"),
        ("Stop.", "microblog: class O: STOP"),
        ("stpo", "microblog: nearly STOP"),
    ],
)
def test_what_a_message_was(place: Place, words: str, did: str) -> None:
    place.text(PAUL, words)
    assert last(place).did[0] == did


def test_the_answers_to_a_message(place: Place) -> None:
    place.text(PAUL, "STATS")
    (answer,) = mo_life(place.world.relay, f"{last(place).id:x}")["answers"]
    assert answer["state"] == "DELIVERED"
    place.text(NEW, "bonjour")
    found = last(place)
    assert found.did == ("microblog: no account, no dialog",)
    assert len(found.answers) == 1


def test_a_text_with_a_pin_is_not_kept(place: Place) -> None:
    place.speaks(LONG, direction="in", pin="required")
    place.member("bob", BOB, "en", address=LONG, carrier="uk", pin="A1B2")
    for words in ("A1B2 Bonjour", "0000 x"):
        place.text(BOB, words, at="uk", destination=LONG)
        assert last(place).octets is None
        said = "\n".join(say(place, f"explain mo {last(place).id:x} reveal"))
        assert "there is a secret in it" in said
    assert place.posts == ["Bonjour"]
    rows = place.world.engine.select("SELECT count(*) FROM mo WHERE octets IS NOT NULL")
    assert rows == [(0,)]


def test_parts_that_are_missing(place: Place) -> None:
    """7.4 row 4: what came of it is kept as it came."""
    first, *_ = parts_of("D marie " + "x" * 200, 3, source=PAUL, destination="40404")
    place.come(first)
    place.later(301)
    found = last(place)
    assert found.missing == 1
    assert found.octets is not None
    said = "\n".join(say(place, f"explain mo {found.id:x} reveal"))
    assert "1 parts missing" in said
    assert "D marie xx" in said


def test_messages_of_one_phone(place: Place) -> None:
    place.text(PAUL, "un")
    place.text(MARIE, "deux")
    lines = say(place, "show mos")
    assert len(lines) == 4
    assert PAUL not in "\n".join(lines)
    (_, row, *_) = say(place, f"show mos +{PAUL} reveal")
    assert PAUL in row
    assert "class P" in row


def test_messages_are_kept_as_long_as_others(place: Place) -> None:
    place.text(PAUL, "un")
    id = f"{last(place).id:x}"
    place.later(8 * DAY)
    place.text(MARIE, "deux")
    with pytest.raises(CommandError, match="no message from a phone"):
        mo_life(place.world.relay, id)
    with pytest.raises(CommandError):
        mo_life(place.world.relay, "no id")


def test_a_phone_that_is_forgotten(place: Place) -> None:
    for words in ("un", "deux"):
        place.text(PAUL, words)
        place.text(MARIE, words)
    place.shell(f"forget phone {PAUL}")
    place.later(3)
    sources = [row for (row,) in place.world.engine.select("SELECT DISTINCT source FROM mo")]
    assert sources == [MARIE]


def test_a_fault_of_a_feature_is_said(place: Place) -> None:
    def fault(*_: Any) -> None:
        raise KeyError("bug")

    place.blog.posts.add = fault  # type: ignore[method-assign, assignment]
    said = ["Incident technique. Rien n'a été publié. Merci de réessayer."]
    assert place.text(PAUL, "bonjour") == said
    (did,) = last(place).did
    assert len(last(place).answers) == 1
    assert place.text(PAUL, "bonsoir") == []  # it was told a moment ago
    assert did.startswith("a feature failed (")


def test_a_repetition_is_kept_once(place: Place) -> None:
    place.text(PAUL, "un")
    place.text(PAUL, "un")
    assert place.world.engine.select("SELECT count(*) FROM mo") == [(1,)]


def test_words_of_a_number(tmp_path: Path) -> None:
    place = keywords_kit.Place(
        tmp_path, *keywords_kit.SETUP, "add keyword 36180 PROMO account agg1"
    )
    for words, did in (
        ("STOP", ("keywords: word STOP",)),
        ("PROMO", ("keywords: word PROMO, but the phone said STOP", "passed on to agg1")),
        ("start", ("keywords: word START",)),
        ("bonjour", ("passed on to the owner of the number",)),
    ):
        place.text(words)
        assert last(place).did == did, words
    assert "bonjour" in "\n".join(say(place, f"explain mo {last(place).id:x} reveal"))
    place.shell(f"forget consents {keywords_kit.PHONE}", True)
    place.later(1)
    assert place.world.engine.select("SELECT count(*) FROM mo") == [(0,)]


def test_a_long_text_is_read_whole(place: Place) -> None:
    words = "SET BIO " + 400 * "b"
    for pdu in parts_of(words, 5, source=MARIE, destination="40404"):
        place.come(pdu)
    place.later(3)
    found = last(place)
    assert found.text({}) == words
    assert len(gsm7.encode(words)) <= len(found.octets or b"")
