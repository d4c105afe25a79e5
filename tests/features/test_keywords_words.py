"""A number's own words: who gets what comes with them, chains of texts, meanings, languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from keywords_kit import DAY, NUMBER, PHONE, SETUP, STOP_EN, STOP_FR, Place
from mo_kit import come, parts_of
from relay_kit import account, carrier
from relay_peers import mo

from smppgw.core.command import Role
from smppgw.core.consent import ConsentState
from smppgw.core.settings import GatewaySettings, NumberSettings
from smppgw.features.keywords.decide import HELP_AGAIN, REPLY_AGAIN

ACCOUNTS = (account("agg1"), account("sales"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, *SETUP, accounts=ACCOUNTS)


def ok(place: Place, *lines: str) -> None:
    for line in lines:
        assert place.shell(line)[-1] == "OK", line


def texts(esme: Any) -> list[bytes]:
    return [one.short_message for one in esme.delivered]


# ---------------------------------------------------------------- a word for an account


def test_a_word_goes_to_an_account_in_place_of_the_owner(place: Place) -> None:
    owner, sales = place.world.esme("agg1"), place.world.esme("sales")
    ok(place, "add keyword 36180 devis account sales")
    assert place.text("Devis !") == []
    assert (texts(owner), texts(sales)) == ([], [b"Devis !"])
    place.text("Autre")
    assert texts(owner) == [b"Autre"]
    assert place.shell("show keywords")[1].split() == [NUMBER, "DEVIS", "sales", "-"]


def test_a_word_may_be_answered_and_go_to_an_account(place: Place) -> None:
    sales = place.world.esme("sales")
    ok(place, 'add keyword 36180 devis "Merci, on vous rappelle" account sales')
    assert place.text("DEVIS") == ["Merci, on vous rappelle"]
    assert place.text("devis") == []
    assert texts(sales) == [b"DEVIS", b"devis"]


def test_who_said_stop_is_heard_and_not_answered(place: Place) -> None:
    sales = place.world.esme("sales")
    ok(place, 'add keyword 36180 devis "Merci" account sales')
    place.text("STOP")
    assert place.text("DEVIS") == []
    assert texts(sales) == [b"DEVIS"]


def test_an_account_that_is_gone_leaves_the_message_to_the_owner(place: Place) -> None:
    owner = place.world.esme("agg1")
    ok(place, "add keyword 36180 devis account sales")
    del place.world.relay.accounts["sales"]
    place.text("DEVIS")
    assert texts(owner) == [b"DEVIS"]


def test_it_survives_a_crash(place: Place) -> None:
    ok(place, 'add keyword 36180 devis "Merci" account sales')
    place.world.crash()
    assert place.text("DEVIS") == ["Merci"]
    assert texts(place.world.esme("sales")) == [b"DEVIS"]


def test_what_would_come_of_it(place: Place) -> None:
    ok(place, "add keyword 36180 devis account sales")
    lines = place.shell("test keyword 36180 devis")
    assert "account  sales" in lines
    assert not any(line.startswith("owner") for line in lines)


# ---------------------------------------------------------------- chains


def test_a_chain_comes_in_order(place: Place) -> None:
    chain = ["un", "deux", "trois", "quatre", "cinq"]
    ok(place, "add keyword 36180 suite un then deux")
    ok(place, *(f"add reply 36180 suite {one}" for one in chain[2:]))
    place.text("SUITE")
    place.later(10)
    assert place.received() == chain
    assert place.shell("add reply 36180 suite six") == [
        "ERR refused a word is answered with 5 texts at most"
    ]


def test_stop_ends_a_chain(place: Place) -> None:
    ok(place, "add keyword 36180 suite un then deux", "add reply 36180 suite trois")
    come(place.world, mo(b"SUITE", NUMBER, source_addr=PHONE))
    come(place.world, mo(b"STOP", NUMBER, source_addr=PHONE))
    place.world.settle(10)
    assert place.received() == ["un", STOP_FR]


def test_a_chain_goes_on_after_a_crash(place: Place) -> None:
    ok(place, "add keyword 36180 suite un then deux", "add reply 36180 suite trois")
    come(place.world, mo(b"SUITE", NUMBER, source_addr=PHONE))
    place.world.settle(0.5)
    place.world.crash()
    place.world.settle(10)
    assert place.received() == ["un", "deux", "trois"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("add reply 36180 rien x", "ERR unknown 36180 has no word RIEN"),
        ("add keyword 36180 devis", "ERR refused a word needs what is answered, or the account"),
        ("add keyword 36180 devis account nobody", "ERR unknown there is no account nobody"),
        ("add word 36180 stop PROMO", "ERR refused PROMO means something else to 36180"),
        ("add word 36180 help STOP", "ERR refused STOP means something else to 36180"),
        ("add word 36180 stop ARRET", "ERR refused 36180 understands ARRET already"),
        ("add word 36180 stop " + "x" * 35, "ERR refused one word, 1-34 characters"),
        ("add word 36180 nothing RAUS", "ERR unknown meaning"),
        ("add word 36180 start UNSUB", "OK"),
        ("del word 36180 START", "ERR refused START cannot be removed"),
        ("del word 36180 HELP", "ERR refused HELP cannot be removed"),
        ("del word 36180 nothing", "ERR unknown 36180 does not understand NOTHING"),
    ],
)
def test_what_operators_get_wrong(place: Place, line: str, status: str) -> None:
    ok(place, "add keyword 36180 promo x")
    assert place.shell(line)[-1].startswith(status)


# ---------------------------------------------------------------- words with a meaning


def test_a_number_understands_more_words(place: Place) -> None:
    assert place.text("RAUS") != [STOP_FR]
    ok(place, "add word 36180 stop raus", "add word 36180 help quoi")
    assert place.text("Raus !") == [STOP_FR]
    assert place.state() is ConsentState.STOPPED
    place.later(60)
    assert place.text("QUOI")[0].startswith("Durand : 4 msg/mois.")
    assert "stop     ABMELDEN" not in place.shell("show words 36180")
    (line,) = (one for one in place.shell("show words 36180") if one.startswith("stop"))
    assert "RAUS" in line.split()
    assert place.shell("add keyword 36180 raus x")[-1].startswith("ERR refused RAUS is understood")
    ok(place, "del word 36180 raus")
    (line,) = (one for one in place.shell("show words 36180") if one.startswith("stop"))
    assert "RAUS" not in line.split()


def test_a_number_understands_fewer_words(place: Place) -> None:
    esme = place.world.esme("agg1")
    ok(place, "del word 36180 FIN")
    place.text("Fin")
    assert place.state() is None
    assert texts(esme) == [b"Fin"]
    ok(place, "add word 36180 stop fin")
    place.later(60)
    assert place.text("Fin") == [STOP_FR]


def test_a_word_that_was_removed_cannot_mean_the_reverse(place: Place) -> None:
    ok(place, "del word 36180 FIN")
    assert place.shell("add word 36180 start FIN")[-1].startswith("ERR refused FIN is a word for")


def test_words_of_a_meaning_are_bounded(place: Place) -> None:
    ok(place, *(f"add word 36180 stop raus{number}" for number in range(20)))
    assert place.shell("add word 36180 stop more") == [
        "ERR refused 36180 has 20 such words already"
    ]
    ok(place, "add word 36180 start more")


def test_other_numbers_are_not_touched(place: Place) -> None:
    ok(place, "add word 36180 stop raus", "del word 36180 fin")
    (line,) = (one for one in place.shell("show words 36111") if one.startswith("stop"))
    assert "RAUS" not in line.split()
    assert "FIN" in line.split()


@pytest.mark.parametrize("words", ["STOP 36180", "Stop au 36180", "stop to 36180.", "ARRET 36180"])
def test_stop_with_the_number_as_the_clause_says_it(place: Place, words: str) -> None:
    assert place.text(words) == [STOP_FR]
    assert place.state() is ConsentState.STOPPED


@pytest.mark.parametrize("words", ["STOP 36111", "36180", "STOP du 36180"])
def test_another_number_is_no_such_thing(place: Place, words: str) -> None:
    place.text(words)
    assert place.state() is None


# ---------------------------------------------------------------- languages


def test_languages_of_a_number(tmp_path: Path) -> None:
    place = Place(tmp_path, "set keywords 36180 organisation Durand languages de,fr others on")
    (hint,) = place.text("Hallo")
    assert hint.startswith("Durand: we did not understand")  # there are no texts in German
    place.later(60)
    assert place.text("END") != [STOP_EN]
    assert place.state() is None
    place.later(60)
    assert place.text("Abmelden") == [STOP_EN]


@pytest.mark.parametrize(("language", "answer"), [("en", STOP_EN), ("fr", STOP_FR)])
def test_the_default_language_is_the_last_resort(
    tmp_path: Path, language: str, answer: str
) -> None:
    gateway = GatewaySettings(default_language=language)
    place = Place(tmp_path, "set keywords 36180 organisation Durand", gateway=gateway)
    assert place.text("STOP") == [answer]


def test_a_phone_is_answered_in_the_language_that_it_used(place: Place) -> None:
    place.text("HELP")
    place.text("END")
    place.later(60)
    assert place.text("HELP")[0].startswith("Durand: 4 msg/month.")


# ---------------------------------------------------------------- limits and loops


def test_one_answer_in_ten_seconds_but_for_stop(place: Place) -> None:
    ok(place, "add keyword 36180 promo x")
    assert place.text("promo") == ["x"]
    assert place.text("Stpo") == []
    assert place.text("aide") == []
    assert place.text("hello") == []
    assert place.text("STOP") == [STOP_FR]
    assert len(place.text("START")) == 1
    assert len(place.text("START ")) == 1  # nothing changed: this one counts
    assert place.text("START  ") == []
    place.later(REPLY_AGAIN / 1000)
    assert len(place.text("Aide!")) == 1


def test_a_phone_that_answers_its_answers_is_not_answered_for_ever(place: Place) -> None:
    """An automatic reply to an automatic reply."""
    answers = 0
    for _ in range(60):
        received = len(place.received())
        come(place.world, mo(b"HELP %d" % received, NUMBER, source_addr=PHONE))
        come(place.world, mo(b"HELP" + b" " * (received % 9), NUMBER, source_addr=PHONE))
        place.world.settle(1)
        answers += len(place.received()) - received
    assert answers <= 1 + 60 * 1000 // HELP_AGAIN + 1


# ---------------------------------------------------------------- numbers, carriers, parts


def test_stop_in_parts_is_judged_when_all_came(place: Place) -> None:
    parts = parts_of("STOP" + " " * 200 + ".", source=PHONE, destination=NUMBER)
    assert len(parts) == 2
    come(place.world, parts[1])
    assert place.state() is None
    come(place.world, parts[0])
    place.world.settle(3)
    assert place.received() == [STOP_FR]


@pytest.mark.parametrize("lost", [0, 1])
def test_a_part_of_a_message_is_no_word(place: Place, lost: int) -> None:
    """The rest of `STOP the war...` never came: nobody asked to be left out."""
    esme = place.world.esme("agg1")
    text = "STOP" + " " * 149 + "the war, and so on, and so on" + " " * 130 + "STOP"
    parts = parts_of(text, source=PHONE, destination=NUMBER)
    come(place.world, *(one for number, one in enumerate(parts) if number != lost))
    place.later(400)
    assert place.state() is None
    assert place.events == []
    assert place.received() == []
    assert esme.delivered


def test_a_word_with_a_signature_is_asked(place: Place) -> None:
    (answer,) = place.text("STOP\nmerci")
    assert "STOP" in answer
    assert place.state() is None


def test_a_number_of_another_carrier_is_not_ours(tmp_path: Path) -> None:
    """Who can write in the name of a phone elsewhere cannot stop anything here."""
    place = Place(
        tmp_path,
        *SETUP,
        carriers=(carrier("a", enquire_link=3600.0), carrier("b", 2791, enquire_link=3600.0)),
    )
    place.world.simulated["b"].send_mo(PHONE, NUMBER, b"STOP")
    place.world.settle(2)
    assert place.state() is None
    ((carrier_name,),) = place.world.engine.select("SELECT carrier FROM unrouted")
    assert carrier_name == "b"


def test_a_number_of_all_carriers_answers_by_the_one_it_came_from(tmp_path: Path) -> None:
    place = Place(
        tmp_path,
        carriers=(carrier("a", enquire_link=3600.0), carrier("b", 2791, enquire_link=3600.0)),
        numbers=(NumberSettings(address=NUMBER, profile="campaign", account="agg1"),),
    )
    place.world.simulated["b"].send_mo(PHONE, NUMBER, b"STOP")
    place.world.settle(2)
    assert place.state() is ConsentState.STOPPED
    assert len(place.world.simulated["b"].received) == 1


def test_stop_to_one_number_leaves_the_others(place: Place) -> None:
    """The key is the phone and the number, never the phone alone."""
    place.text("STOP")
    consent = place.world.relay.consent
    assert consent.refuses(NUMBER, PHONE)
    assert not consent.refuses("36111", PHONE)
    assert not consent.refuses(NUMBER, "33639980021")


def test_messages_of_phones_that_said_stop_come_in_all_the_same(place: Place) -> None:
    esme = place.world.esme("agg1")
    place.text("STOP")
    place.text("Quand passez-vous ?")
    assert texts(esme) == [b"Quand passez-vous ?"]
    place.later(60)
    assert len(place.text("START")) == 1
    assert place.state() is ConsentState.ACTIVE
    place.later(DAY)


# ---------------------------------------------------------------- roles


ACTING = (
    "add keyword 36180 promo x",
    "add reply 36180 promo x",
    "del keyword 36180 promo",
    "add word 36180 stop raus",
    "del word 36180 fin",
    "set keywords 36180 frequency 2",
    f"add stop {PHONE}",
    f"del stop {PHONE}",
    "import stops nothing",
    "export stops",
    "export consents",
    f"forget consents {PHONE}",
)


@pytest.mark.parametrize("line", ACTING)
def test_who_only_looks_changes_nothing(place: Place, line: str) -> None:
    assert place.shell(line, role=Role.VIEW)[-1].startswith("ERR denied")


@pytest.mark.parametrize("line", ["show keywords", "show words 36180", "test keyword 36180 STOP"])
def test_who_only_looks_sees(place: Place, line: str) -> None:
    assert place.shell(line, role=Role.VIEW)[-1] == "OK"


@pytest.mark.parametrize(
    "line", [f"del stop {PHONE}", f"forget consents {PHONE}", "import stops nothing"]
)
def test_what_takes_consent_away_is_for_administrators(place: Place, line: str) -> None:
    assert place.shell(line, role=Role.OPERATE)[-1].startswith("ERR denied")
