"""The stories of STOP with proof, and of imperfect words, row by row at the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from keywords_kit import DAY, NUMBER, PHONE, SETUP, STOP_EN, STOP_FR, Place
from mo_kit import come
from relay_kit import account, carrier
from relay_peers import mo

from smppgw.core.consent import STOPPED_STATUS, ConsentState
from smppgw.core.message import State
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

FUZZY = (
    "Durand : vous recevez encore nos messages. Pour ne plus en recevoir, répondez le seul mot"
    " STOP."
)
HELP = "Durand : 4 msg/mois. Aide : 0199009900. Répondez STOP pour ne plus recevoir. Prix d'un SMS."
STARTED = (
    "Durand : inscription prise en compte, 4 msg/mois. AIDE = aide, STOP = fin. Prix d'un SMS."
)
DOUBLE = (
    "Durand : répondez OUI pour confirmer (4 msg/mois). Sans réponse, aucun message."
    " STOP = annuler. Prix d'un SMS."
)
FIELDS: dict[str, Any] = {"destination": PHONE, "source_addr": NUMBER, "registered_delivery": 1}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, *SETUP)


# ---------------------------------------------------------------- 7.7: STOP with proof


class Story:
    """One message in flight, two queued, one for tomorrow; then the phone says STOP."""

    def __init__(self, directory: Path, **fields: Any) -> None:
        self.place = Place(
            directory,
            *SETUP,
            'add keyword 36180 PROMO "ten per cent off"',
            carriers=(carrier("a", enquire_link=3600.0, window=1, response_timeout=60.0),),
            accounts=(account("agg1", **fields),),
            behaviours={"a": Behaviour(response_delay=20.0)},
        )
        world = self.place.world
        self.esme = world.esme("agg1")
        sent = [self.esme.submit(**FIELDS) for _ in range(3)]
        world.settle(0.5)
        sent.append(self.esme.submit(schedule_delivery_time="000001000000000R", **FIELDS))
        world.settle(0.1)
        self.ids = [self.esme.id_of(one) for one in sent]
        self.before = [world.message(one).state for one in self.ids]
        (self.mo,) = come(world, mo(b"STOP", NUMBER, source_addr=PHONE))
        world.settle(1)

    def query(self, message: str) -> wire.QuerySmResp:
        sequence = self.esme.request(wire.QuerySm(message_id=message, source_addr=NUMBER))
        self.place.world.settle(0.2)
        answer = self.esme.responses[sequence]
        assert isinstance(answer, wire.QuerySmResp)
        return answer


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_row_1_and_2_stop_takes_back_what_can_be_recalled(story: Story) -> None:
    world, place = story.place.world, story.place
    waits = [State.IN_FLIGHT, State.WAITING, State.WAITING, State.DEFERRED]
    assert story.before == waits
    assert story.mo.command_status == 0
    assert place.state() is ConsentState.STOPPED
    flying, *killed = story.ids
    assert world.message(flying).state == State.IN_FLIGHT
    world.engine.flush()
    trail = "SELECT event FROM trail WHERE message = ?"
    told = [one for (one,) in world.engine.select(trail, (world.message(flying).id,))]
    assert told == ["STOP came when its carrier had it: it cannot be recalled"]
    assert [world.message(one).state for one in killed] == [State.DELETED] * 3
    receipts = [one.short_message for one in story.esme.delivered]
    assert len(receipts) == 3
    assert all(b"stat:DELETED err:053" in one for one in receipts)
    assert [story.query(one).message_state for one in killed] == [State.DELETED] * 3
    world.settle(60, step=1)
    assert place.received() == ["hello", STOP_FR]
    assert len(STOP_FR) == 99
    confirmation = world.simulated["a"].received[-1].pdu
    assert (confirmation.source_addr, confirmation.registered_delivery) == (NUMBER, 1)
    (record,) = map(json.loads, place.shell(f"export consents {PHONE}")[:-1])
    assert record["killed"] == [world.message(one).id for one in killed]


def test_row_1_an_operator_is_told_what_cannot_be_recalled(tmp_path: Path) -> None:
    place = Place(
        tmp_path,
        *SETUP,
        carriers=(carrier("a", enquire_link=3600.0, window=1, response_timeout=60.0),),
        behaviours={"a": Behaviour(response_delay=20.0)},
    )
    esme = place.world.esme("agg1")
    for _ in range(3):
        esme.submit(**FIELDS)
    place.world.settle(0.5)
    assert place.shell(f"add stop {PHONE} 36180")[0] == (
        "+3363998**** gets nothing more from 36180; 2 messages taken back;"
        " 1 in flight cannot be recalled"
    )


def test_row_1_the_confirmation_goes_before_everything_that_waits(tmp_path: Path) -> None:
    place = Place(tmp_path, *SETUP)
    esme = place.world.esme("agg1")
    place.world.relay.carriers["a"].hold()
    for number in range(30):
        esme.submit(destination=f"336000000{number:02}", source_addr=NUMBER, priority_flag=3)
    place.world.settle(0.1)
    come(place.world, mo(b"STOP", NUMBER, source_addr=PHONE))
    place.world.relay.carriers["a"].release()
    place.world.settle(3)
    received = place.world.simulated["a"].received
    assert len(received) == 31
    assert received[0].destination == PHONE


@pytest.mark.parametrize("stopped", ["refuse", "receipt"])
def test_row_3_what_an_esme_hands_in_afterwards(tmp_path: Path, stopped: str) -> None:
    story = Story(tmp_path, stopped=stopped)
    before = len(story.esme.delivered)
    again = story.esme.submit(**FIELDS)
    story.place.world.settle(0.5)
    status = story.esme.status(again)
    if stopped == "refuse":
        assert status == STOPPED_STATUS == 0x453
    else:
        assert status == 0
        assert b"stat:REJECTD err:053" in story.esme.delivered[before].short_message


def test_rows_4_to_6_stop_again_help_and_a_word(place: Place) -> None:
    assert place.shell('add keyword 36180 PROMO "ten per cent off"')[-1] == "OK"
    assert place.text("STOP") == [STOP_FR]
    assert place.text("Stop") == []
    assert place.events == ["stop", "stop"]
    assert place.text("AIDE") == [HELP]
    esme = place.world.esme("agg1")
    assert place.text("PROMO") == []
    assert [one.short_message for one in esme.delivered] == [b"PROMO"]
    assert place.state() is ConsentState.STOPPED


def test_rows_7_and_8_the_proof(story: Story) -> None:
    place = story.place
    *lines, status = place.shell(f"export consents +{PHONE}")
    assert status == "OK"
    (record,) = map(json.loads, lines)
    assert record["octets"] == "53544f50"
    assert (record["text"], record["word"], record["language"]) == ("STOP", "STOP", "fr")
    assert (record["phone"], record["scope"]) == (PHONE, NUMBER)
    assert record["origin"] == "a#1 sequence 1"
    assert record["at"] > 1_790_000_000_000
    assert record["confirmation"]["state"] == "WAITING"
    place.world.settle(60, step=1)
    reply = place.world.engine.message(record["reply"])
    assert reply is not None
    assert (reply.destination, reply.state) == (PHONE, State.DELIVERED)
    (record,) = map(json.loads, place.shell(f"export consents +{PHONE}")[:-1])
    confirmation = record["confirmation"]
    assert confirmation["state"] == "DELIVERED"
    assert record["at"] < confirmation["sent_at"] <= confirmation["final_at"]
    assert record["previous"] == "0" * 64
    assert place.shell("test consents")[0] == "1 records, all as they were written"
    place.world.engine.flush()
    place.world.engine.select("UPDATE consent_proof SET octets = '53544f51'")
    assert place.shell("test consents") == [f"ERR failed chain broken at record {record['id']}"]


def test_row_9_start_brings_nothing_back(story: Story) -> None:
    place, world = story.place, story.place.world
    world.settle(60, step=1)
    come(world, mo(b"COMMENCER", NUMBER, source_addr=PHONE))
    world.settle(60, step=1)
    world.settle(DAY, step=600)
    assert place.received() == ["hello", STOP_FR, STARTED]
    assert len(STARTED) == 89
    assert place.events == ["stop", "start"]
    assert {world.message(one).state for one in story.ids[1:]} == {State.DELETED}


# ---------------------------------------------------------------- 7.8: imperfect words


@pytest.mark.parametrize("octets", ["5374706f", b"STOP please".hex(), b"stoppp".hex()])
def test_rows_1_and_2_what_may_be_meant_as_stop(place: Place, octets: str) -> None:
    assert place.text(bytes.fromhex(octets)) == [FUZZY]
    assert len(FUZZY) == 95
    assert "sinscription" not in FUZZY
    assert place.state() is None
    assert place.events == ["fuzzy"]


def test_rows_3_and_4_accents_and_quotes(place: Place) -> None:
    arret = bytes.fromhex("00410052005200ca0054")
    assert place.text(arret, data_coding=8) == [STOP_FR]
    assert place.text(' "Arret." ') == []
    assert place.state() is ConsentState.STOPPED
    assert place.events == ["stop", "stop"]


def test_row_5_the_language_of_the_word(place: Place) -> None:
    assert place.text("END") == [STOP_EN]
    assert len(STOP_EN) == 87


def test_rows_6_to_8_double_opt_in(tmp_path: Path) -> None:
    place = Place(tmp_path, *SETUP, "set keywords 36180 confirm 30 languages fr,en")
    esme = place.world.esme("agg1")
    assert place.text("oui") == [DOUBLE]
    assert len(DOUBLE) == 110
    assert place.state() is ConsentState.PENDING
    refused = esme.submit(**FIELDS)
    place.world.settle(0.2)
    assert esme.status(refused) == STOPPED_STATUS
    place.later(29 * DAY)
    assert place.text("OUI") == [STARTED]
    other = "33639980021"
    assert place.text("YES", phone=other)[0].startswith("Durand: reply Y to confirm")
    place.later(31 * DAY)
    assert place.text("OUI", phone=other)[0].startswith("Durand: that confirmation came after 30")
    assert place.state(other) is ConsentState.STOPPED
    assert place.events == ["pending", "start", "pending", "expired"]


def test_row_9_contact(place: Place) -> None:
    assert place.text("CONTACT") == ["Edité par Durand, 0199009900. STOP pour finir."]


def test_row_10_anything_else(place: Place) -> None:
    esme = place.world.esme("agg1")
    (answer,) = place.text("J'arrive demain")
    assert answer == (
        "Durand : message non compris. AIDE pour l'aide, STOP pour ne plus rien recevoir."
    )
    assert len(answer) == 80
    assert [one.short_message for one in esme.delivered] == [b"J'arrive demain"]
    place.later(DAY - 60)
    assert place.text("Toujours la") == []
    place.later(120)
    assert len(place.text("Encore la")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"source_addr": "Durand", "source_addr_ton": 5},
        {"source_addr": "36111", "source_addr_ton": 3},
        {"source_addr": NUMBER},
        {"source_addr": "1234567890123456"},
    ],
)
def test_row_11_machines(place: Place, fields: dict[str, Any]) -> None:
    esme = place.world.esme("agg1")
    come(place.world, mo(b"STOP", NUMBER, **fields))
    place.world.settle(2)
    assert not place.world.simulated["a"].received
    assert place.events == []
    assert len(esme.delivered) == 1


def test_row_12_what_would_come_of_it(place: Place) -> None:
    esme = place.world.esme("agg1")
    place.world.relay.carriers["a"].hold()
    esme.submit(**FIELDS)
    place.world.settle(0.1)
    *lines, status = place.shell(f'test keyword 36180 "ARRÊT !" phone {PHONE}')
    assert status == "OK"
    said = dict(line.split(maxsplit=1) for line in lines if not line.startswith(" "))
    assert (said["rule"], said["consent"]) == ("word ARRET (fr)", "stop")
    assert "taken back  1 messages" in lines
    assert place.events == []
    assert place.world.relay.queued == 1


def test_row_13_words_that_cannot_be(place: Place) -> None:
    assert place.shell('add word 36180 stop "DEUX MOTS"') == [
        "ERR refused one word, 1-34 characters"
    ]
    assert place.shell("del word 36180 STOP") == [
        "ERR refused STOP cannot be removed: every number understands it"
    ]
