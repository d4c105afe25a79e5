"""How long each text of the stories is on the wire, and what else its submit_sm says.

The words of the texts are in the tests of each story; here are their septets, row by row.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from microblog_kit import BOB, CLAIRE, LONG, MARIE, NEW, PAUL, SHORT
from mo_kit import parts_of, said
from relay_peers import mo
from service_kit import CAMPAIGN, READER, Service, body

from smppgw.smpp import wire

OTHER, THIRD = "33639980011", "33639980012"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    made = Service(tmp_path)
    made.member("bob", BOB, "en")
    return made


def septets(service: Service, phone: str, words: str | bytes, **fields: Any) -> list[int]:
    """The length of each text that a phone gets for a text of its own, and its fields looked at."""
    before = len(service.submits(phone))
    service.text(phone, words, **fields)
    return measured(service, phone, before)


def measured(service: Service, phone: str, before: int) -> list[int]:
    """The lengths of what a phone got, from this place on."""
    found = service.submits(phone)[before:]
    for one in found:
        assert (one.data_coding, one.esm_class, one.registered_delivery) == (0, 0, 1)
        assert (one.source_addr_ton, one.dest_addr_ton) in ((3, 1), (1, 1))
    return [len(one.short_message) for one in found]


STORY_1 = [("COMMENCER", 123), ("AIDE", 124), ("Claire Durand", 82), ("claire_x", 125)]


def test_story_7_1_sign_up(service: Service) -> None:
    for words, length in STORY_1:
        assert septets(service, NEW, words) == [length], words
    assert septets(service, NEW, bytes.fromhex("53616c7574207f20746f75732021")) == []
    # The story says 93, with a name that has as many letters.
    assert septets(service, NEW, "Commencer") == [93]
    assert {one.source_addr for one in service.submits(NEW)} == {SHORT}


def test_story_7_2_usernames(service: Service) -> None:
    septets(service, NEW, "COMMENCER")
    septets(service, NEW, "Claire Durand")
    taken = [("paul", 98), ("c'est moi", 80), ("stats", 80), ("MARIE", 99), ("bob", 118)]
    for words, length in taken:
        assert septets(service, NEW, words) == [length], words
    assert septets(service, NEW, "SET PSEUDO claire_x") == [22]
    septets(service, OTHER, "COMMENCER")
    assert septets(service, OTHER, "Stop.") == [65]
    septets(service, THIRD, "COMMENCER")
    service.later(86_460)
    assert septets(service, THIRD, "Me voici") == [65]
    assert septets(service, "33639980013", "Bonjour") == [124]


def test_story_7_3_following(service: Service) -> None:
    assert septets(service, MARIE, "SUIVRE paul") == [45]
    before = len(service.submits(MARIE))
    service.text(PAUL, "Bonjour de Lille")
    assert measured(service, MARIE, before) == [23]
    for words, length in (("COUPER paul", 51), ("ON paul", 23), ("OFF", 111)):
        assert septets(service, MARIE, words) == [length], words
    before = len(service.submits(MARIE))
    service.text(PAUL, "D marie tu viens ?")
    assert measured(service, MARIE, before) == [19]
    assert septets(service, MARIE, "Off") == [73]
    assert septets(service, MARIE, "ON") == [40]
    assert septets(service, OTHER, "FOLLOW paul") == [107]
    service.later(14.1 * 3600)
    before = len(service.submits(MARIE))
    service.text(MARIE, "ON paul")
    before += 1
    for words in ("un", "deux", "trois"):
        service.text(PAUL, words)
    service.later(9 * 3600)
    assert measured(service, MARIE, before) == [92]


def test_story_7_4_private_messages(service: Service) -> None:
    long = parts_of("D marie " + "x" * 192, 0xA7, source=PAUL, destination=SHORT)
    service.come(long[1])
    service.later(40)
    service.come(long[0])
    service.world.settle(3)
    got = service.submits(MARIE)
    assert [len(body(one)) for one in got] == [153, 48]
    assert [one.esm_class for one in got] == [0x40, 0x40]
    headers = [one.short_message[:6] for one in got]
    assert [header[:3] + header[4:] for header in headers] == [
        bytes.fromhex("0500030201"),
        bytes.fromhex("0500030202"),
    ]
    assert measured(service, PAUL, 0) == [24]
    service.come(parts_of("D marie " + "x" * 192, 1, source=PAUL, destination=SHORT)[0])
    service.later(310)
    assert measured(service, PAUL, 1) == [93]
    service.come(parts_of("D marie " + "x" * 192, 2, source=PAUL, destination=SHORT)[1])
    service.later(310)
    assert measured(service, PAUL, 2) == [90]
    assert septets(service, PAUL, "DM inconnu salut") == [61]
    assert septets(service, PAUL, "mp claire_d salut") == [61]
    before = len(service.submits(PAUL))
    service.come(*parts_of("D marie " + "x" * 1200, 3, source=PAUL, destination=SHORT))
    service.world.settle(3)
    assert measured(service, PAUL, before) == [70]


def test_story_7_5_codes(service: Service) -> None:
    jane = "33639980003"
    service.shell("add user jane language fr")
    service.shell(f"link start @jane +{jane}")
    assert measured(service, jane, 0) == [111]
    code = re.search(r"\d{6}", service.received(jane)[0])
    assert code is not None
    service.shell(f"link confirm @jane {code[0]}")
    assert measured(service, jane, 1) == [114]
    assert septets(service, "33639980005", "GO") == [64]
    service.shell("login send @jane")
    assert measured(service, jane, 2) == [78]


def test_story_7_6_pins(service: Service) -> None:
    service.speaks(LONG, direction="both", pin="required", languages=("en",), service="Gazouille")
    service.change("bob", pin="A1B2", address=LONG, carrier="uk")
    for words in ("Bonjour", "0000 x", "A1B x", "A1B2Bonjour", "B1A2 x"):
        service.text(BOB, words, destination=LONG, at="uk")
    got = [one.pdu for one in service.world.simulated["uk"].received]
    assert [len(one.short_message) for one in got] == [71, 80]
    assert {(one.source_addr, one.registered_delivery) for one in got} == {(LONG, 1)}
    service.shell("set user paul confirm on")
    assert septets(service, PAUL, "salut") == [82]


def test_stories_7_7_and_7_8_a_list(service: Service) -> None:
    to = {"destination": CAMPAIGN}
    assert septets(service, READER, b"STOP", **to) == [99]
    service.later(60)
    assert septets(service, READER, "COMMENCER", **to) == [89]
    service.later(60)
    for words, length in (("Stpo", 95), ("CONTACT", 46), ("J'arrive demain", 80), ("END", 87)):
        assert septets(service, READER, words, **to) == [length], words
        service.later(60)
    assert service.shell(f"set keywords {CAMPAIGN} confirm 30")[-1] == "OK"
    other = "33639980021"
    assert septets(service, other, "OUI", **to) == [110]
    service.later(31 * 86_400)
    assert septets(service, other, "Oui", **to) == [82]


SMOKE = [
    *(("RT paul", 25), ("rt paul", 33), ("RT marie", 29), ("FAV paul", 44), ("AIMER paul", 44)),
    *(("LIRE paul", 23), ("GET paul", 23), ("QUI paul", 64), ("STATS", 44), ("AIDE D", 76)),
    *(("RELANCER paul", 27), ("INVITER 06 39 98 00 30", 33), ("SILENCE 8", 65), ("x" * 141, 74)),
    *(("SET LANGUE anglais", 18), ("SET LANGUE francais", 18), ("BLOQUER paul", 17)),
    *(("SIGNALER paul", 35), ("STOP svp", 76)),
]


def test_smoke_table_7_13(service: Service) -> None:
    service.text(PAUL, "Bonjour de Lille")
    service.change("paul", followers=12, following=8)
    before = len(service.submits(PAUL))
    for words, length in SMOKE:
        service.change("marie", followers=3, following=1, posts=5)
        assert septets(service, MARIE, words) == [length], words
    assert measured(service, PAUL, before)[:1] == [55]
    assert measured(service, "33639980030", 0) == [108]
    bio = len(service.submits(MARIE))
    service.come(*parts_of("SET BIO " + "b" * 161, 5, source=MARIE, destination=SHORT))
    service.world.settle(3)
    assert measured(service, MARIE, bio) == [70]
    service.text(MARIE, "zut")
    assert septets(service, MARIE, "ANNULER") == [33]
    limited = len(service.submits(MARIE))
    for number in range(12):
        service.text(MARIE, f"tweet {number}", seconds=1)
    assert measured(service, MARIE, limited) == [61]


# ---------------------------------------------------------------- what holds for all


WORDS = ["STOP", "COMMENCER", "AIDE", "STATS", "D marie salut", "SUIVRE paul", "x" * 141, "Bonjour"]


@pytest.mark.parametrize("number", [SHORT, CAMPAIGN])
@pytest.mark.parametrize("words", WORDS)
def test_a_message_is_acknowledged_before_anything_leaves(
    service: Service, number: str, words: str
) -> None:
    """deliver_sm_resp with ESME_ROK first, and not before the disk has it; then the texts."""
    service.text(MARIE, "ON claire_d")
    simulated, seen = service.world.simulated["a"], []
    answered = simulated.answered

    def note(delivery: Any, status: int) -> None:
        if isinstance(delivery.pdu, wire.DeliverSm) and not delivery.pdu.esm_class:
            seen.append(("acknowledged", status))
        answered(delivery, status)

    simulated.answered = note  # type: ignore[method-assign]
    simulated.heard = lambda one: seen.append(("text", one.destination))
    service.world.sync.stuck = True
    simulated.send_mo(CLAIRE, number, words)
    service.world.settle(2)
    assert seen == []
    service.world.sync.go_on()
    service.world.settle(3)
    assert seen[0] == ("acknowledged", 0)
    assert {kind for kind, _ in seen[1:]} == {"text"}


def test_an_acknowledged_message_is_not_taken_twice(service: Service) -> None:
    """7.1 row 6: the same deliver_sm within a minute is answered, and that is all."""
    for _ in range(3):
        assert service.come(mo(b"Salut", SHORT, source_addr=PAUL)) == [0]
        service.later(15)
    assert service.posts == ["Salut"]
    assert service.submits() == []
    service.later(61)
    service.come(mo(b"Salut", SHORT, source_addr=PAUL))
    service.world.settle(1)
    assert service.posts == ["Salut", "Salut"]
    assert [said(one) for one in service.submits()] == []
