"""What phones write to a campaign number: test vectors, and traps that others fell into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from keywords_kit import NUMBER, PHONE, SETUP, Place
from mo_kit import come, parts_of
from relay_peers import mo

from smppgw.core.consent import ConsentState
from smppgw.core.phrases import LANGUAGES, LONGEST
from smppgw.features.keywords.decide import Effect, decide, is_machine
from smppgw.features.keywords.tables import Number, Phone
from smppgw.features.keywords.texts import PHRASES
from smppgw.sms import alphabet
from smppgw.sms.alphabet import Alphabet

FRENCH = Number(address=NUMBER, languages=("fr", "en"), answer_others=True)
DAY_MS = 86_400_000
VECTORS = [
    ("HeLP", Effect.NONE, "help.campaign"),
    ("help me bro", Effect.NONE, "unknown.campaign"),
    ("off", Effect.NONE, "unknown.campaign"),
    ("off foo", Effect.NONE, "unknown.campaign"),
    ("off foo bar", Effect.NONE, "unknown.campaign"),
    ("stop foo", Effect.ASK, "stop.fuzzy"),
    ("follow", Effect.NONE, "unknown.campaign"),
    ("follow foo", Effect.NONE, "unknown.campaign"),
    ("d foo", Effect.NONE, "unknown.campaign"),
    ("d foo bar", Effect.NONE, "unknown.campaign"),
    ("lose        foobar", Effect.NONE, "unknown.campaign"),
    ("whois foo", Effect.NONE, "unknown.campaign"),
    ("track off", Effect.NONE, "unknown.campaign"),
    ("get well soon", Effect.NONE, "unknown.campaign"),
    ("get soon", Effect.NONE, "unknown.campaign"),
    ("Stop !", Effect.STOP, "stop.campaign"),
    ("ARRÊT", Effect.STOP, "stop.campaign"),
    ("Arret.", Effect.STOP, "stop.campaign"),
    ("STOP svp", Effect.ASK, "stop.fuzzy"),
    ("Stop the war", Effect.ASK, "stop.fuzzy"),
    ("Fin de journée", Effect.ASK, "stop.fuzzy"),
    ("End of story", Effect.ASK, "stop.fuzzy"),
    ("End of the whole long story", Effect.NONE, "unknown.campaign"),
    ("Re: STOP", Effect.STOP, "stop.campaign"),
    ("stoppp", Effect.ASK, "stop.fuzzy"),
    ("ANNULER", Effect.STOP, "stop.campaign"),
    ("OPTOUT", Effect.STOP, "stop.campaign"),
    ("revoke", Effect.STOP, "stop.campaign"),
    ("YES", Effect.START, "start.campaign"),
    ("Unstop", Effect.START, "start.campaign"),
    ("reprendre", Effect.START, "start.campaign"),
    ("INFO", Effect.NONE, "help.campaign"),
    ("?", Effect.NONE, "help.campaign"),
    ("Contact", Effect.NONE, "contact"),
    ("OK", Effect.NONE, "unknown.campaign"),
    ("GO", Effect.NONE, "unknown.campaign"),
    ("Y", Effect.NONE, "unknown.campaign"),
]
"""OK, GO and Y count only while a confirmation is awaited."""


@pytest.mark.parametrize(("text", "effect", "reply"), VECTORS)
def test_vectors(text: str, effect: Effect, reply: str) -> None:
    phone = Phone(phone=PHONE, address=NUMBER)
    found = decide(text, FRENCH, {}, None, phone, 10 * DAY_MS)
    assert (found.effect, found.reply) == (effect, reply)


@pytest.mark.parametrize("key", PHRASES.keys)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_one_sms_at_its_longest(key: str, language: str) -> None:
    """No-break spaces, curly quotes and letters outside GSM 7-bit would more than double it."""
    places = PHRASES.places(key, language)
    text = PHRASES.say(key, language, **{name: "W" * LONGEST[name] for name in places})
    assert not alphabet.unencodable(text, Alphabet.GSM7)
    assert len(alphabet.encode(text, Alphabet.GSM7)) <= 160
    assert "{" not in text


def test_what_is_compared_is_a_copy(tmp_path: Path) -> None:
    """Folding turns an ellipsis into three dots: the owner gets what the phone wrote."""
    place = Place(tmp_path, *SETUP)
    esme = place.world.esme("agg1")
    written = "Re:  Stra\u00dfe \u2026 \ufb01n".encode("utf-16-be")
    place.text(written, data_coding=8)
    assert [one.short_message for one in esme.delivered] == [written]


def test_stop_in_a_concatenated_message_of_two_phones_with_one_reference(tmp_path: Path) -> None:
    place = Place(tmp_path, *SETUP)
    other = "33639980021"
    mine = parts_of("STOP" + " " * 200 + ".", source=PHONE, destination=NUMBER)
    theirs = parts_of("J'arrive " + "bientot " * 30, source=other, destination=NUMBER)
    come(place.world, mine[0], theirs[0], theirs[1], mine[1])
    place.world.settle(2)
    assert place.state() is ConsentState.STOPPED
    assert place.state(other) is None


def test_a_name_of_an_organisation_may_have_braces(tmp_path: Path) -> None:
    place = Place(tmp_path, 'set keywords 36180 organisation "{tel} {0}" languages en')
    assert place.text("STOP") == [
        "{tel} {0}: you are unsubscribed and will get no more messages. Reply START to resubscribe."
    ]


@pytest.mark.parametrize(
    ("source", "ton", "machine"),
    [
        ("33639980020", 1, False),
        ("33639980020", 0, False),
        ("336399800", 1, False),
        ("33639980020", 5, True),
        ("Durand", 5, True),
        ("36180", 3, True),
        ("12345678", 0, True),
        ("1234567890123456", 1, True),
        ("\u0663" * 11, 1, True),
        ("", 0, True),
        (NUMBER, 1, True),
    ],
)
def test_who_may_be_answered(source: str, ton: int, machine: bool) -> None:
    assert is_machine(source, ton, frozenset((NUMBER,))) is machine


def test_two_gateways_do_not_talk_for_ever(tmp_path: Path) -> None:
    """Our own answer, sent back to us by a phone that forwards everything."""
    place = Place(tmp_path, *SETUP)
    heard: list[Any] = []
    for _ in range(200):
        received = place.received()
        if received == heard:
            break
        heard = received
        come(
            place.world,
            mo(
                received[-1].encode("latin-1") if received else b"AIDE",
                NUMBER,
                source_addr=PHONE,
                data_coding=3,
            ),
        )
        place.world.settle(3)
    assert len(heard) <= 2


def test_a_message_that_carries_no_text_is_no_word(tmp_path: Path) -> None:
    place = Place(tmp_path, *SETUP)
    esme = place.world.esme("agg1")
    place.text(b"\x01\x02STOP", data_coding=4)
    assert place.state() is None
    assert len(esme.delivered) == 1
