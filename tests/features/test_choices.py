"""Where the sources contradict each other: what was chosen, one test for each choice.

Choices 6 (commercial or transactional, said for each campaign), 7 (merge fields), 8 (states of a
sender), 9 (hours by country) and 17 (the balance in an answer) belong to the sending service.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from microblog_kit import BOB, CLAIRE, LONG, MARIE, NEW, PAUL, SHORT, Place
from mo_kit import parts_of, said, said_together
from relay_kit import World, carrier
from relay_peers import payload
from service_kit import CAMPAIGN, READER, Service, body

from smppgw.cli import main
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.sms import gsm7

CLAUSE = "\nSTOP 36180"
S = wire.CommandStatus


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def encoded(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What `smppgw encode` counts."""
    assert main(["encode", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def message(service: Service, words: str) -> list[wire.SubmitSm]:
    """What leaves for a private message of @paul to @marie with these words."""
    before = len(service.submits(MARIE))
    head = "D marie "
    service.come(*parts_of(head + words, len(words) % 256, source=PAUL, destination=SHORT))
    service.world.settle(14)
    return service.submits(MARIE)[before:]


@pytest.mark.parametrize(
    ("style", "each", "room"), [("udh8", 67, 134), ("udh16", 66, 133), ("sar", 67, 140)]
)
def test_choice_1_unicode_parts_have_67_characters(
    tmp_path: Path, style: str, each: int, room: int
) -> None:
    """Never 70 after the first; 66 with a reference of 16 bits."""
    world = World(tmp_path / "var", (carrier("a", concatenation=style),))
    esme = world.esme()
    for count, parts in ((70, 1), (71, 2), (2 * each, 2), (2 * each + 1, 3), (3 * each, 3)):
        world.simulated["a"].received.clear()
        text = ("ж" * count).encode("utf-16-be")
        sent = esme.submit("33600000001", b"", data_coding=8, tlvs=(payload(text),))
        world.settle(2)
        assert esme.status(sent) == 0
        submits = [one.pdu for one in world.simulated["a"].received]
        assert len(submits) == parts
        sizes = [len(body(one)) for one in submits]
        assert sum(sizes) == 2 * count
        if parts > 1:
            assert set(sizes[:-1]) == {2 * each}
            assert max(sizes) <= room


@pytest.mark.parametrize(
    ("character", "count", "parts"),
    [
        *(("a", 149, 1), ("a", 150, 2), ("a", 295, 2), ("a", 296, 3), ("a", 302, 3)),
        *(("ж", 59, 1), ("ж", 60, 2), ("ж", 123, 2), ("ж", 124, 3), ("ж", 129, 3)),
    ],
)
def test_choice_2_the_final_text_is_counted(
    capsys: pytest.CaptureFixture[str], character: str, count: int, parts: int
) -> None:
    """7.10 rows 8 and 9: not a row of a table that takes the clause off every part."""
    found = encoded(capsys, character * count, "--clause", CLAUSE)
    assert len(found["parts"]) == parts
    assert found["units"] == count + len(CLAUSE)


@pytest.mark.parametrize(
    ("clause", "units"),
    [(CLAUSE, 11), ("STOP au 36180", 13), (" STOP au 36180", 14), ("\n[STOP] 36180", 15)],
)
def test_choice_3_a_clause_is_measured(
    capsys: pytest.CaptureFixture[str], clause: str, units: int
) -> None:
    """It is text like any other: no length of it is assumed."""
    for count in (160 - units, 161 - units):
        found = encoded(capsys, "a" * count, "--clause", clause)
        assert found["units"] == count + units
        assert len(found["parts"]) == (1 if count + units <= 160 else 2)


def test_choice_4_e_with_a_circumflex_is_not_in_gsm(service: Service) -> None:
    assert len(gsm7.unencodable("éèàùêâîôûëïœ")) == 8
    (plain,) = message(service, "la fete a été")
    (wide,) = message(service, "la fête")
    assert (plain.data_coding, wide.data_coding) == (0, 8)
    assert said(wide) == "D @paul: la fête"


@pytest.mark.parametrize("most", [1, 3, 8])
def test_choice_5_what_needs_more_parts_is_refused_and_never_cut(tmp_path: Path, most: int) -> None:
    world = World(tmp_path / "var", (carrier("a", maximum_parts=most),))
    esme = world.esme()
    fits, over = (160, 161) if most == 1 else (153 * most, 153 * most + 1)
    sent = [
        esme.submit("33600000001", b"", tlvs=(payload(b"a" * count),)) for count in (over, fits)
    ]
    world.settle(5)
    assert [esme.status(one) for one in sent] == [S.ESME_RINVMSGLEN, 0]
    submits = [one.pdu for one in world.simulated["a"].received]
    assert said_together(submits) == ["a" * fits]
    assert len(submits) == most


class Narrow(Service):
    """The carriers take three parts of a text at most."""

    takes = MappingProxyType({"enquire_link": 3600.0, "maximum_parts": 3})


@pytest.mark.parametrize(("character", "most"), [("x", 450), ("ж", 192)])
def test_choice_5_a_private_message_that_its_carrier_cannot_take_is_told(
    tmp_path: Path, character: str, most: int
) -> None:
    """`D @paul: ` is 9 characters of the 459 septets, or 201 units, of three parts."""
    service = Narrow(tmp_path)
    for count in (most, most + 1):
        words = f"D marie {count * character}"
        service.come(*parts_of(words, count % 256, source=PAUL, destination=SHORT))
        service.world.settle(3)
    assert service.news(PAUL)[-2:] == [
        "Message envoyé à @marie.",
        f"Non envoyé : {most + 1} caractères, la limite est {most}. Rien n'a été publié.",
    ]
    assert said_together(service.submits(MARIE)) == [f"D @paul: {most * character}"]
    assert service.posts == []


def test_choice_5_what_waited_for_its_rest_is_told_as_well(tmp_path: Path) -> None:
    service = Narrow(tmp_path)
    service.text(PAUL, "D marie " + "x" * 152)
    for letter in "yz":
        service.text(PAUL, letter * 160, seconds=1)
    assert service.text(PAUL, "et fin") == [
        "Non envoyé : 478 caractères, la limite est 450. Rien n'a été publié."
    ]
    assert service.submits(MARIE) == []
    assert service.posts == []


@pytest.mark.parametrize("status", [0x401, S.ESME_RINVDCS])
@pytest.mark.parametrize(("given", "told"), [(0x10, 0xF0), (0xF0, 0xF0), (0x12, 0xF2)])
@pytest.mark.parametrize("fallback", [False, True])
def test_choice_10_classes_are_kept_and_given_up_where_that_is_allowed(
    tmp_path: Path, fallback: bool, given: int, told: int, status: int
) -> None:
    """7.11 row 7: sent once more as a standard message where that is allowed, else refused."""
    world = World(
        tmp_path / "var",
        (carrier("a", class_fallback=fallback),),
        behaviours={"a": Behaviour(error_rate=1.0, error_status=status, response_delay=1.0)},
    )
    esme = world.esme()
    sent = esme.submit("33600000001", b"Alerte", data_coding=given, registered_delivery=1)
    world.settle(0.5)
    world.simulated["a"].behaviour = Behaviour()
    world.settle(5)
    submits = [one.pdu for one in world.simulated["a"].received]
    assert [one.data_coding for one in submits] == ([told, 0] if fallback else [told])
    assert {one.short_message for one in submits} == {b"Alerte"}
    (receipt,) = esme.delivered
    assert (b"stat:DELIVRD" if fallback else b"stat:REJECTD") in receipt.short_message
    trail = world.engine.select(
        "SELECT event FROM trail WHERE message = ?", (int(esme.id_of(sent), 16),)
    )
    given_up = [one for (one,) in trail if "sent again as a standard message" in one]
    assert len(given_up) == fallback


def test_choice_11_off_twice_stops_private_messages_too(service: Service) -> None:
    service.text(MARIE, "ON paul")
    service.text(MARIE, "OFF")
    service.text(PAUL, "un tweet")
    service.news(MARIE)
    service.text(PAUL, "D marie un")
    assert service.news(MARIE) == ["D @paul: un"]
    service.text(MARIE, "COUPER")
    service.news(MARIE)
    assert service.text(PAUL, "D marie deux") == ["Message envoyé à @marie."]
    assert service.news(MARIE) == []
    assert service.shell("login send marie")[-1] == "OK"
    (code,) = service.news(MARIE)
    assert code.startswith("Code de connexion")


@pytest.mark.parametrize("word", ["QUITTER", "LEAVE"])
def test_choice_12_leave_is_off_and_never_an_unfollow(service: Service, word: str) -> None:
    service.text(MARIE, "ON paul")
    assert service.text(MARIE, f"{word} paul") == [
        "SMS désactivés pour @paul. Vous le suivez toujours."
    ]
    edge = service.blog.users.follow(service.user("paul").id, service.user("marie").id)
    assert edge is not None
    assert not edge.by_sms
    assert service.text(MARIE, word)[0].startswith("SMS désactivés. Les messages privés arrivent")
    assert service.user("marie").following == 1


def test_choice_13_stop_means_what_the_number_is_for(service: Service) -> None:
    """On the microblog it unlinks the phone; on a list it leaves the list, and only that."""
    (left,) = service.to_list(PAUL, "STOP")
    assert left.startswith("Durand : désinscription")
    service.text(PAUL, "encore là")
    assert service.posts == ["encore là"]
    (unlinked,) = service.text(PAUL, "STOP")
    assert "Votre compte @paul est conservé" in unlinked
    assert service.user("paul").phone is None
    assert not service.world.relay.consent.refuses(CAMPAIGN, MARIE)


@pytest.mark.parametrize("words", ["d foo", "D", "dm marie", "MP", "D: foo"])
def test_choice_14_a_private_message_without_text_is_an_error(service: Service, words: str) -> None:
    assert service.text(PAUL, words) == [
        "D pseudo texte : message privé, jamais public. La personne doit vous suivre."
    ]
    assert service.posts == []


@pytest.mark.parametrize(
    ("signup", "answer"),
    [
        ("choose", "Bonjour Claire Durand ! Envoyez le pseudo voulu"),
        ("assign", "Compte créé : @ClaireDurand."),
    ],
)
def test_choice_15_a_username_is_chosen_or_assigned(
    tmp_path: Path, signup: str, answer: str
) -> None:
    place = Place(tmp_path)
    assert place.shell(f"set microblog {SHORT} signup {signup}")[-1] == "OK"
    place.text(NEW, "COMMENCER")
    (found,) = place.text(NEW, "Claire Durand")
    assert found.startswith(answer)


@pytest.mark.parametrize(("direction", "answers"), [("in", 0), ("both", 1)])
def test_choice_16_a_one_way_number_answers_when_that_is_cleared(
    service: Service, direction: str, answers: int
) -> None:
    assert service.shell(f"set microblog {LONG} direction {direction} languages en")[-1] == "OK"
    service.member("bob", BOB, "en", address=LONG, carrier="uk")
    for words in ("HELP", "STATS", "STOP"):
        assert len(service.text(BOB, words, destination=LONG, at="uk")) == answers


def test_choice_18_a_bio_has_160_characters(service: Service) -> None:
    for count, answer in ((160, "Enregistré : BIO."), (161, "Non enregistré : BIO trop long")):
        words = f"SET BIO {count * 'b'}"
        service.come(*parts_of(words, count, source=PAUL, destination=SHORT))
        service.world.settle(3)
        assert service.news(PAUL)[-1].startswith(answer)
        assert service.user("paul").bio == 160 * "b"


def test_choice_19_words_of_a_stopped_phone_are_silent_and_passed_on(service: Service) -> None:
    """7.7 row 6: silent to the person; the application still hears it."""
    esme = service.world.esme("agg1")
    assert service.shell(f'add keyword {CAMPAIGN} PROMO "ten per cent off"')[-1] == "OK"
    assert service.to_list(CLAIRE, "PROMO") == ["ten per cent off"]
    assert esme.delivered == []
    service.to_list(READER, "STOP")
    service.later(60)
    assert service.to_list(READER, "PROMO") == []
    assert [one.short_message for one in esme.delivered] == [b"PROMO"]
    assert service.to_list(READER, "AIDE")[0].startswith("Durand : 4 msg/mois.")
