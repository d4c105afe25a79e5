"""Keywords at the wire: octets of phones in, texts out, consent and its proof between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from keywords_kit import DAY, NUMBER, PHONE, SETUP, STOP_EN, STOP_FR, Place
from mo_kit import come
from relay_peers import mo

from smppgw.core.consent import STOPPED_STATUS, ConsentState
from smppgw.core.message import State
from smppgw.features.keywords.decide import HELP_AGAIN, REPLY_AGAIN


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, *SETUP)


# ---------------------------------------------------------------- STOP with proof


def test_stop_takes_back_what_was_handed_in_and_is_confirmed_once(place: Place) -> None:
    world = place.world
    esme = world.esme("agg1")
    world.relay.carriers["a"].hold()
    fields = {"destination": PHONE, "source_addr": NUMBER, "registered_delivery": 1}
    queued = [esme.submit(**fields) for _ in range(2)]
    deferred = esme.submit(schedule_delivery_time="000001000000000R", **fields)
    world.settle(0.1)
    ids = [esme.id_of(one) for one in (*queued, deferred)]
    come(world, mo(b"STOP", NUMBER, source_addr=PHONE))
    world.settle(1)
    assert all(b"stat:DELETED err:053" in one.short_message for one in esme.delivered)
    assert len(esme.delivered) == 3
    assert {world.message(one).state for one in ids} == {State.DELETED}
    world.relay.carriers["a"].release()
    world.settle(2)
    assert place.received() == [STOP_FR]
    (submit,) = (one.pdu for one in world.simulated["a"].received)
    assert (submit.source_addr, submit.source_addr_ton) == (NUMBER, 3)
    again = esme.submit(**fields)
    world.settle(0.1)
    assert esme.status(again) == STOPPED_STATUS


def test_stop_again_is_silent_and_recorded(place: Place) -> None:
    assert place.text("STOP") == [STOP_FR]
    place.later(70)
    assert place.text("Stop !") == []
    assert place.events == ["stop", "stop"]


def test_help_is_answered_and_words_are_not_when_stopped(place: Place) -> None:
    place.shell('add keyword 36180 PROMO "ten per cent off"')
    place.text("STOP")
    assert place.text("AIDE") == [
        "Durand : 4 msg/mois. Aide : 0199009900. Répondez STOP pour ne plus recevoir."
        " Prix d'un SMS."
    ]
    assert place.text("PROMO") == []


def test_the_proof_can_be_exported_and_verified(place: Place) -> None:
    place.text("STOP")
    *lines, status = place.shell(f"export consents +{PHONE}")
    assert status == "OK"
    (record,) = map(json.loads, lines)
    assert record["octets"] == "53544f50"
    assert (record["word"], record["scope"], record["origin"]) == (
        "STOP",
        NUMBER,
        "a#1 sequence 1",
    )
    reply = place.world.engine.message(record["reply"])
    assert reply is not None
    assert reply.destination == PHONE
    assert place.shell("test consents")[0] == "1 records, all as they were written"
    place.world.engine.flush()
    place.world.engine.select("UPDATE consent_proof SET octets = '53544f51'")
    assert place.shell("test consents") == [f"ERR failed chain broken at record {record['id']}"]


def test_stop_holds_after_a_crash(place: Place) -> None:
    come(place.world, mo(b"STOP", NUMBER, source_addr=PHONE), settle=False)
    for _ in range(400):
        place.world.clock.advance(0)
        if place.state():
            break
    place.world.crash()
    place.world.settle(5)
    if place.state() is None:  # it was not durable, and not acknowledged: the carrier sends again
        place.text("STOP")
    assert place.state() is ConsentState.STOPPED
    assert place.received().count(STOP_FR) == 1


# ---------------------------------------------------------------- imperfect words, languages

FUZZY = (
    "Durand : vous recevez encore nos messages. Pour ne plus en recevoir, répondez le seul mot"
    " STOP."
)


@pytest.mark.parametrize("words", ["Stpo", "STOP please"])
def test_what_may_be_meant_as_stop_is_asked(place: Place, words: str) -> None:
    assert place.text(words) == [FUZZY]
    assert place.state() is None
    assert place.events == ["fuzzy"]


def test_accents_and_quotes(place: Place) -> None:
    arret = bytes.fromhex("00410052005200ca0054")
    assert place.text(arret, data_coding=8) == [STOP_FR]
    assert place.text(' "Arret." ') == []
    assert place.state() is ConsentState.STOPPED


def test_the_language_of_the_word_answers(place: Place) -> None:
    assert place.text("END") == [STOP_EN]
    place.later(70)
    assert place.text("START") == [
        "Durand: you are subscribed, 4 msg/month. HELP for help, STOP to cancel."
        " Msg&data rates may apply."
    ]


def test_an_ordinary_message_goes_to_the_owner_and_is_answered_once_a_day(place: Place) -> None:
    esme = place.world.esme("agg1")
    unknown = "Durand : message non compris. AIDE pour l'aide, STOP pour ne plus rien recevoir."
    assert place.text("J'arrive demain") == [unknown]
    assert [one.short_message for one in esme.delivered] == [b"J'arrive demain"]
    place.later(3600)
    assert place.text("J'arrive bientot") == []
    place.later(DAY)
    assert place.text("Me voici") == [unknown]


@pytest.mark.parametrize(
    "fields",
    [
        {"source_addr": "Durand", "source_addr_ton": 5},
        {"source_addr": "36111"},
        {"source_addr": "36181"},
    ],
)
def test_machines_are_not_answered(place: Place, fields: dict[str, Any]) -> None:
    come(place.world, mo(b"STOP", NUMBER, **fields))
    place.world.settle(2)
    assert not place.world.simulated["a"].received


def test_contact(place: Place) -> None:
    assert place.text("CONTACT") == ["Edité par Durand, 0199009900. STOP pour finir."]


def test_help_is_answered_at_most_every_half_minute(place: Place) -> None:
    assert len(place.text("AIDE")) == 1
    assert place.text("aide ") == []
    place.later(HELP_AGAIN / 1000)
    assert len(place.text("AIDE !")) == 1


# ---------------------------------------------------------------- double opt-in


@pytest.fixture
def double(tmp_path: Path) -> Place:
    return Place(tmp_path, *SETUP, "set keywords 36180 confirm 30")


ASKED = (
    "Durand : répondez OUI pour confirmer (4 msg/mois). Sans réponse, aucun message."
    " STOP = annuler. Prix d'un SMS."
)


def test_double_opt_in_confirmed_in_time(double: Place) -> None:
    assert double.text("OUI") == [ASKED]
    assert double.state() is ConsentState.PENDING
    double.later(29 * DAY)
    assert double.text("OUI") == [
        "Durand : inscription prise en compte, 4 msg/mois. AIDE = aide, STOP = fin. Prix d'un SMS."
    ]
    assert double.state() is ConsentState.ACTIVE
    assert double.events == ["pending", "start"]


def test_double_opt_in_confirmed_too_late(double: Place) -> None:
    double.text("COMMENCER")
    double.later(31 * DAY)
    assert double.text("OUI") == [
        "Durand : confirmation arrivée après 30 jours. Répondez COMMENCER pour recommencer."
    ]
    assert double.state() is ConsentState.STOPPED
    double.later(70)
    assert double.text("COMMENCER") == [ASKED]


def test_stop_ends_a_double_opt_in(double: Place) -> None:
    double.text("COMMENCER")
    double.later(70)
    assert double.text("STOP") == [STOP_FR]
    double.later(70)
    assert double.text("OK") == []


# ---------------------------------------------------------------- a number's own words


def test_own_words_are_answered_with_a_limit(place: Place) -> None:
    place.shell('add keyword 36180 promo "Ten per cent off" then "with the code SMS10"')
    assert place.text("Promo!") == ["Ten per cent off", "with the code SMS10"]
    assert place.text("promo") == []
    place.later(REPLY_AGAIN / 1000)
    assert place.text("PROMO") == ["Ten per cent off", "with the code SMS10"]
    assert place.shell("show keywords") == [
        "NUMBER  WORD   ACCOUNT  REPLIES",
        "36180   PROMO  -        Ten per cent off / with the code SMS10",
        "OK",
    ]
    assert place.shell("del keyword 36180 promo") == ["36180: PROMO is gone", "OK"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ('add keyword 36180 "DEUX MOTS" x', "ERR refused one word, 1-34 characters"),
        (f"add keyword 36180 {'x' * 35} x", "ERR refused one word, 1-34 characters"),
        (
            "add keyword 36180 stop x",
            "ERR refused STOP is understood by every number, and cannot be changed",
        ),
        (
            "del keyword 36180 STOP",
            "ERR refused STOP cannot be removed: it is understood by every number",
        ),
        ("del keyword 36180 nothing", "ERR unknown 36180 has no word NOTHING"),
        (f"add keyword 36180 long {'x' * 301}", "ERR refused a reply has at most 300 characters"),
        (
            "add keyword 99999 promo x",
            "ERR unknown number: there is no '99999'",
        ),
        (
            "set keywords 36180 languages xx",
            "ERR refused there are no words in 'xx'; there are in de, en, es, fr, it, nl, pt, tr",
        ),
        (
            "show consents Durand",
            "ERR refused 'Durand' is no phone number: digits, with the country",
        ),
    ],
)
def test_what_operators_get_wrong(place: Place, line: str, status: str) -> None:
    assert place.shell(line) == [status]


def test_words_are_bounded(place: Place) -> None:
    for number in range(25):
        assert place.shell(f"add keyword 36180 word{number} x")[-1] == "OK"
    assert place.shell("add keyword 36180 more x") == ["ERR refused 36180 has 25 words already"]
    assert place.shell("add keyword 36180 word3 y")[-1] == "OK"


# ---------------------------------------------------------------- without side effects


def test_what_a_message_would_do(place: Place) -> None:
    assert place.shell('test keyword 36180 "ARRÊT !"') == [
        "rule     word ARRET (fr)",
        "consent  stop",
        f"reply    {STOP_FR[:90]}",
        f"         {STOP_FR[91:]} ({len(STOP_FR)} characters)",
        "owner    does not get it",
        "OK",
    ]
    assert place.events == []
    assert place.received() == []


def test_consents_of_a_phone(place: Place) -> None:
    place.text("STOP")
    *_, row, status = place.shell(f"show consents {PHONE}")
    assert status == "OK"
    assert row.startswith("+3363998****  36180  stopped")
    assert PHONE in place.shell(f"show consents {PHONE} reveal")[1]
    assert place.shell("show consents 33600000000")[0] == ("this phone said nothing about messages")


def test_an_operator_may_be_told(place: Place) -> None:
    assert place.shell(f"add stop {PHONE}") == [
        "+3363998**** gets nothing more from *; 0 messages taken back",
        "OK",
    ]
    assert place.world.relay.consent.refuses("anyone", PHONE)
